//! Commands that race: which one succeeds, which one waits, which one gives up, and when.

use std::time::{Duration, Instant};

use regulars_domain::{account::Account, points::Points};
use regulars_store::{Commit, Found, Needs, Outcome, Step};
use serde_json::json;

use crate::{
    deciding::Act,
    engine::Table,
    sample::{accrual, commit, demo, member, request, review, soon, table_with_member},
    wire::{Fault, cancelled, cancelled_for, error},
};

type Decided = Result<Step, &'static str>;

fn give(key: &str, points: i64) -> impl FnMut(Option<Account>, &Found) -> Decided {
    move |account, _| Ok(Step::commit(accrual(&account.ok_or("member_not_found")?, key, points)))
}

async fn accrue(table: &Table, key: &str, points: i64, deadline: Instant) -> Outcome<&'static str> {
    let known = request(key, points);
    table
        .store
        .act(&demo(), &member("m-1"), &Needs::default(), Some(&known), deadline, give(key, points))
        .await
        .unwrap()
}

async fn total(table: &Table) -> i64 {
    table.store.account(&demo(), &member("m-1")).await.unwrap().unwrap().lots.total().get()
}

#[tokio::test]
async fn who_loses_a_race_decides_again_on_what_the_winner_left() {
    let (table, account) = table_with_member().await;
    let (store, rival) = (table.store.clone(), accrual(&account, "order-2", 70));
    table.wire.next(
        "TransactWriteItems",
        Fault::Meanwhile(Box::pin(async move {
            assert_eq!(store.commit(&rival).await.unwrap(), Commit::Committed);
        })),
    );
    let mut seen = vec![];
    let decide = |account: Option<Account>, _: &_| {
        let account = account.unwrap();
        seen.push(account.lots.total().get());
        if account.lots.total() > Points::new(50) {
            Err("enough")
        } else {
            Ok(Step::commit(accrual(&account, "order-1", 5)))
        }
    };
    let known = request("order-1", 5);
    let outcome =
        table.store.act(&demo(), &member("m-1"), &Needs::default(), Some(&known), soon(), decide).await.unwrap();
    assert_eq!(outcome, Outcome::Refused("enough"));
    assert_eq!(seen, [0, 70]);
}

#[tokio::test]
async fn what_dynamodb_turns_away_for_the_moment_is_tried_again() {
    let (table, _) = table_with_member().await;
    let injected = [
        cancelled_for(&["TransactionConflict", "None"]),
        cancelled_for(&["None", "TransactionConflict"]),
        cancelled_for(&["ThrottlingError", "None"]),
        cancelled_for(&["None", "ProvisionedThroughputExceeded"]),
        error(400, "TransactionConflictException"),
    ];
    let count = injected.len();
    for fault in injected {
        table.wire.next("TransactWriteItems", fault);
    }
    let mut decided = 0;
    let decide = |account: Option<Account>, _: &_| -> Decided {
        decided += 1;
        Ok(Step::commit(accrual(&account.unwrap(), "order-1", 5)))
    };
    let known = request("order-1", 5);
    let outcome =
        table.store.act(&demo(), &member("m-1"), &Needs::default(), Some(&known), soon(), decide).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    assert_eq!(decided, count + 1);
    assert_eq!(total(&table).await, 5);
}

#[tokio::test]
async fn a_throttled_transaction_outlasts_the_sdks_patience() {
    for name in [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TransactionInProgressException",
    ] {
        let (table, _) = table_with_member().await;
        // The SDK tries three times; the fourth is ours.
        for _ in 0..3 {
            table.wire.next("TransactWriteItems", error(400, name));
        }
        let outcome = accrue(&table, "order-1", 5, soon()).await;
        assert!(matches!(outcome, Outcome::Committed(_)), "{name}: {outcome:?}");
        assert_eq!(total(&table).await, 5);
    }
}

#[tokio::test]
async fn a_rival_in_mid_air_hides_the_account_so_a_repeat_reads_it() {
    for (account_says, expected, reads) in [("TransactionConflict", 12, 2), ("None", 5, 1)] {
        let (table, account) = table_with_member().await;
        let account = commit(&table, &accrual(&account, "order-1", 5)).await;
        let sent = table.wire.requests("TransactWriteItems").pop().unwrap()["TransactItems"].clone();
        commit(&table, &accrual(&account, "order-2", 7)).await;
        // The account as it was before the second accrual is read, and a transaction meets the entry of the first.
        table.wire.next("GetItem", Fault::Answer(200, json!({ "Item": sent[0]["Put"]["Item"] })));
        let known = json!({ "Code": "ConditionalCheckFailed", "Item": sent[1]["Put"]["Item"] });
        table.wire.next("TransactWriteItems", cancelled(&[json!({ "Code": account_says }), known]));
        let outcome = accrue(&table, "order-1", 5, soon()).await;
        let Outcome::Replayed { account, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(account.lots.total().get(), expected, "{account_says}");
        assert_eq!(table.wire.requests("GetItem").len(), reads, "{account_says}");
    }
}

#[tokio::test]
async fn conflicts_without_end_end_in_busy_before_the_deadline() {
    for patience in [0, 20, 300] {
        let (table, _) = table_with_member().await;
        for _ in 0..1_000 {
            table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict", "None"]));
        }
        let started = Instant::now();
        let deadline = started + Duration::from_millis(patience);
        let known = request("order-1", 5);
        let came_to = table
            .store
            .act(&demo(), &member("m-1"), &Needs::default(), Some(&known), deadline, give("order-1", 5))
            .await;
        match came_to {
            Ok(outcome) => assert_eq!(outcome, Outcome::Busy),
            // The deadline may also pass during a call.
            Err(fault) => assert!(fault.is_retryable(), "{fault:?}"),
        }
        assert!(started.elapsed() < Duration::from_millis(patience + 100), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_table_that_never_answers_is_a_fault_at_the_deadline() {
    for operation in ["GetItem", "TransactWriteItems"] {
        let (table, _) = table_with_member().await;
        table.wire.next(operation, Fault::Silence);
        let started = Instant::now();
        let deadline = started + Duration::from_millis(200);
        let known = request("order-1", 5);
        let came_to = table
            .store
            .act(&demo(), &member("m-1"), &Needs::default(), Some(&known), deadline, give("order-1", 5))
            .await;
        let fault = came_to.unwrap_err();
        assert!(fault.is_retryable(), "{operation}: {fault:?}");
        let elapsed = started.elapsed();
        assert!(elapsed >= Duration::from_millis(200) && elapsed < Duration::from_millis(400), "{elapsed:?}");
        assert_eq!(total(&table).await, 0);
    }
}

#[tokio::test]
async fn the_past_is_committed_first_and_then_decided_upon() {
    let (table, _) = table_with_member().await;
    let mut seen = vec![];
    let decide = |account: Option<Account>, _: &_| -> Decided {
        let account = account.unwrap();
        seen.push(account.seq);
        Ok(match account.seq {
            1 => Step::catch_up(review(&account, &["~expiry~2026-11-30", "~expiry~2026-12-31"])),
            3 => Step::catch_up(review(&account, &["~expiry~2027-01-31"])),
            _ => Step::commit(accrual(&account, "order-1", 5)),
        })
    };
    let known = request("order-1", 5);
    let before = table.store.meter().snapshot();
    let outcome =
        table.store.act(&demo(), &member("m-1"), &Needs::default(), Some(&known), soon(), decide).await.unwrap();
    let Outcome::Committed(posting) = outcome else { panic!("{outcome:?}") };
    assert_eq!(seen, [1, 3, 4]);
    assert_eq!(posting.own.entries.len(), 1);
    // What was committed is the current account, so it need not be read again.
    assert_eq!(table.store.meter().since(&before).round_trips, 4);
    assert_eq!(table.store.account(&demo(), &member("m-1")).await.unwrap(), Some(posting.own.account));
}

#[tokio::test]
async fn who_loses_a_race_while_catching_up_starts_from_what_the_winner_left() {
    let (table, account) = table_with_member().await;
    let (store, rival) = (table.store.clone(), review(&account, &["~expiry~2026-11-30"]));
    table.wire.next(
        "TransactWriteItems",
        Fault::Meanwhile(Box::pin(async move {
            assert_eq!(store.commit(&rival).await.unwrap(), Commit::Committed);
        })),
    );
    let decide = |account: Option<Account>, _: &_| -> Decided {
        let account = account.unwrap();
        Ok(match account.seq {
            1 => Step::catch_up(review(&account, &["~expiry~2026-11-30"])),
            _ => Step::commit(accrual(&account, "order-1", 5)),
        })
    };
    let outcome = table.store.act(&demo(), &member("m-1"), &Needs::default(), None, soon(), decide).await.unwrap();
    let Outcome::Committed(posting) = outcome else { panic!("{outcome:?}") };
    assert_eq!(posting.own.account.seq, 3);
}
