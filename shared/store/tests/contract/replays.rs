//! Requests that arrive twice: after a lost answer, after a year, at the same moment, or with another body.

use std::time::Duration;

use regulars_domain::{account::Account, chain::Sealed, entry::Entry, points::Points};
use regulars_store::{Commit, Needs, Outcome, Seen, Step, StoreFault};
use serde_json::json;

use crate::{
    deciding::Act,
    engine::Table,
    sample::{
        accrual, claim, commit, demo, email, enrollment, member, request, soon, table_with_member, take, untouched,
    },
    wire::Fault,
};

/// Sends the request for `points` under `key`, for a member who may have up to `most` points.
async fn accrue(table: &Table, key: &str, points: i64, most: i64) -> Result<Outcome<&'static str>, StoreFault> {
    let request = request(key, points);
    let decide = |account: Option<Account>, _: &_| {
        let account = account.ok_or("member_not_found")?;
        if account.lots.total() + Points::new(points) > Points::new(most) {
            return Err("too_many_points");
        }
        Ok(Step::commit(accrual(&account, key, points)))
    };
    table.store.act(&demo(), &member("m-1"), &Needs::default(), Some(&request), soon(), decide).await
}

fn total(account: &Account) -> i64 {
    account.lots.total().get()
}

#[tokio::test]
async fn a_repeat_gets_the_original_entry_and_the_current_account() {
    let (table, _) = table_with_member().await;
    let Outcome::Committed(first) = accrue(&table, "order-1", 5, 100).await.unwrap() else { panic!() };
    assert_eq!(total(&first.own.account), 5);
    let Outcome::Committed(second) = accrue(&table, "order-2", 7, 100).await.unwrap() else { panic!() };
    let before = table.store.meter().snapshot();
    let Outcome::Replayed { entry, account } = accrue(&table, "order-1", 5, 100).await.unwrap() else { panic!() };
    assert_eq!(entry, untouched(&first.own.entries[0]));
    assert_eq!(account, second.own.account);
    // One read and one rejected transaction, no more.
    assert_eq!(table.store.meter().since(&before).round_trips, 2);
    assert_eq!(table.keys().await.len(), 4);
}

#[tokio::test]
async fn a_repeat_is_recognised_forever_and_not_by_its_token() {
    let (table, _) = table_with_member().await;
    accrue(&table, "order-1", 5, 10_000).await.unwrap();
    for n in 2..60 {
        accrue(&table, &format!("order-{n}"), 5, 10_000).await.unwrap();
    }
    let Outcome::Replayed { entry, account } = accrue(&table, "order-1", 5, 10_000).await.unwrap() else { panic!() };
    assert_eq!((entry.sealed.entry.seq, total(&account), account.seq), (2, 59 * 5, 60));
    assert!(table.wire.requests("TransactWriteItems").iter().all(|body| body.get("ClientRequestToken").is_none()));
}

#[tokio::test]
async fn a_key_of_another_request_is_refused() {
    let (table, _) = table_with_member().await;
    accrue(&table, "order-1", 5, 100).await.unwrap();
    assert_eq!(accrue(&table, "order-1", 6, 100).await.unwrap(), Outcome::KeyReused);
    // Regardless of whether the rules would allow it.
    assert_eq!(accrue(&table, "order-1", 600, 100).await.unwrap(), Outcome::KeyReused);
    assert_eq!(table.keys().await.len(), 3);
}

#[tokio::test]
async fn a_repeat_that_the_rules_would_refuse_by_now_is_still_a_repeat() {
    let (table, _) = table_with_member().await;
    let Outcome::Committed(first) = accrue(&table, "order-1", 90, 100).await.unwrap() else { panic!() };
    let Outcome::Replayed { entry, account } = accrue(&table, "order-1", 90, 100).await.unwrap() else { panic!() };
    assert_eq!((entry, account), (untouched(&first.own.entries[0]), first.own.account));
    assert_eq!(accrue(&table, "order-2", 90, 100).await.unwrap(), Outcome::Refused("too_many_points"));
}

#[tokio::test]
async fn where_there_is_no_account_a_refusal_costs_no_second_read() {
    let table = Table::new().await;
    assert_eq!(accrue(&table, "order-1", 5, 100).await.unwrap(), Outcome::Refused("member_not_found"));
    assert_eq!(table.store.meter().snapshot().round_trips, 1);
}

#[tokio::test]
async fn the_first_of_two_equal_requests_may_land_between_the_seconds_reads() {
    let (table, account) = table_with_member().await;
    let account = commit(&table, &accrual(&account, "order-0", 60)).await;
    let first = accrual(&account, "order-1", 30);
    let (store, posting) = (table.store.clone(), first.clone());
    // The second reads the account, and refuses, because 60 and 50 are too many; then the first is carried out.
    table.wire.next("GetItem", Fault::Late(Duration::ZERO));
    table.wire.next(
        "GetItem",
        Fault::Meanwhile(Box::pin(async move {
            assert_eq!(store.commit(&posting).await.unwrap(), Commit::Committed);
        })),
    );
    let outcome = accrue(&table, "order-1", 30, 80).await.unwrap();
    let Outcome::Replayed { entry, account } = outcome else { panic!("{outcome:?}") };
    assert_eq!(entry, untouched(&first.own.entries[0]));
    assert_eq!(account, first.own.account, "the account must hold the entry that the answer shows");
}

#[tokio::test]
async fn of_two_equal_requests_at_once_one_is_carried_out_and_one_replayed() {
    let (table, _) = table_with_member().await;
    let (one, other) = tokio::join!(accrue(&table, "order-1", 5, 100), accrue(&table, "order-1", 5, 100));
    let mut committed = 0;
    let mut replayed = 0;
    for outcome in [one.unwrap(), other.unwrap()] {
        match outcome {
            Outcome::Committed(posting) => {
                committed += 1;
                assert_eq!(total(&posting.own.account), 5);
            }
            Outcome::Replayed { account, .. } => {
                replayed += 1;
                assert_eq!(total(&account), 5);
            }
            other @ (Outcome::Refused(_)
            | Outcome::KeyReused
            | Outcome::AliasTaken(_)
            | Outcome::ReceiptTaken(_)
            | Outcome::HoldOver
            | Outcome::Elsewhere(_)
            | Outcome::Busy) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!((committed, replayed), (1, 1));
}

#[tokio::test]
async fn a_request_that_another_instance_carried_out_in_between_is_replayed_with_its_account() {
    let (table, account) = table_with_member().await;
    let first = accrual(&account, "order-1", 5);
    let (store, posting) = (table.store.clone(), first.clone());
    table.wire.next(
        "TransactWriteItems",
        Fault::Meanwhile(Box::pin(async move {
            assert_eq!(store.commit(&posting).await.unwrap(), Commit::Committed);
        })),
    );
    let before = table.store.meter().snapshot();
    let Outcome::Replayed { entry, account } = accrue(&table, "order-1", 5, 100).await.unwrap() else { panic!() };
    assert_eq!((entry, account), (untouched(&first.own.entries[0]), first.own.account));
    // Its read, its transaction and the rival's: the failed condition returned the account.
    assert_eq!(table.store.meter().since(&before).round_trips, 3);
}

#[tokio::test]
async fn an_answer_lost_with_the_connection_is_found_again_by_the_sdks_own_retry() {
    let (table, _) = table_with_member().await;
    table.wire.next("TransactWriteItems", Fault::AnswerLost);
    let Outcome::Replayed { entry, account } = accrue(&table, "order-1", 5, 100).await.unwrap() else { panic!() };
    assert_eq!((entry.sealed.entry.seq, total(&account), account.seq), (2, 5, 2));
    assert_eq!(table.wire.requests("TransactWriteItems").len(), 1 + 2);
}

#[tokio::test]
async fn an_answer_lost_behind_an_internal_error_is_found_again() {
    let (table, _) = table_with_member().await;
    let error = json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "injected" });
    table.wire.next("TransactWriteItems", Fault::AnswerReplaced(500, error));
    let Outcome::Replayed { account, .. } = accrue(&table, "order-1", 5, 100).await.unwrap() else { panic!() };
    assert_eq!((total(&account), account.seq), (5, 2));
}

#[tokio::test]
async fn an_answer_lost_while_dynamodb_still_knows_the_token_is_a_plain_success() {
    let (table, _) = table_with_member().await;
    table.wire.keep_token();
    table.wire.next("TransactWriteItems", Fault::AnswerLost);
    let Outcome::Committed(posting) = accrue(&table, "order-1", 5, 100).await.unwrap() else { panic!() };
    let account = table.store.account(&demo(), &member("m-1")).await.unwrap();
    assert_eq!(account, Some(posting.own.account));
}

#[tokio::test]
async fn answers_lost_until_the_sdk_gives_up_are_a_fault_and_a_repeat_shows_the_result() {
    let (table, _) = table_with_member().await;
    for _ in 0..3 {
        table.wire.next("TransactWriteItems", Fault::AnswerLost);
    }
    let fault = accrue(&table, "order-1", 5, 100).await.unwrap_err();
    assert!(fault.is_retryable(), "{fault:?}");
    let Outcome::Replayed { account, .. } = accrue(&table, "order-1", 5, 100).await.unwrap() else { panic!() };
    assert_eq!((total(&account), account.seq), (5, 2));
}

#[tokio::test]
async fn an_enrollment_is_repeated_like_any_request() {
    let table = Table::new().await;
    let known = regulars_store::RequestKey { entry: "~enrollment".parse().unwrap(), ..request("enrollment", 0) };
    let enroll = |account: Option<Account>, _: &_| match account {
        Some(_) => Err("member_exists"),
        None => Ok(Step::commit(enrollment(&member("m-1")))),
    };
    let outcome =
        table.store.act(&demo(), &member("m-1"), &Needs::default(), Some(&known), soon(), enroll).await.unwrap();
    let Outcome::Committed(posting) = outcome else { panic!("{outcome:?}") };
    let outcome =
        table.store.act(&demo(), &member("m-1"), &Needs::default(), Some(&known), soon(), enroll).await.unwrap();
    assert_eq!(outcome, Outcome::Replayed { entry: untouched(&posting.own.entries[0]), account: posting.own.account });
    let other = regulars_store::RequestKey { content: request("other", 1).content, ..known };
    let outcome =
        table.store.act(&demo(), &member("m-1"), &Needs::default(), Some(&other), soon(), enroll).await.unwrap();
    assert_eq!(outcome, Outcome::KeyReused);
}

#[tokio::test]
async fn two_concurrent_enrollments_are_the_same_despite_different_salts() {
    let table = Table::new().await;
    let known = regulars_store::RequestKey { entry: "~enrollment".parse().unwrap(), ..request("enrollment", 0) };
    let content = known.content.clone();
    let enrolled = |salt: [u8; 16]| {
        let mut posting = enrollment(&member("m-1"));
        posting.own.account.salt = Some(salt.into());
        let first = &posting.own.entries[0];
        let fingerprint = content.fingerprint(posting.own.account.salt.as_ref());
        let entry = Entry { fingerprint: Some(fingerprint), ..first.entry.clone() };
        posting.own.entries[0] = Sealed::new(entry, &first.previous);
        posting.own.account.head_hash = posting.own.entries[0].hash;
        posting
    };
    let (program, joiner, needs) = (demo(), member("m-1"), Needs::default());
    let join = |salt| {
        table.store.act(&program, &joiner, &needs, Some(&known), soon(), move |account: Option<Account>, _: &_| {
            match account {
                Some(_) => Err("member_exists"),
                None => Ok(Step::commit(enrolled(salt))),
            }
        })
    };
    // Both find no account before either of them writes.
    let (one, other) = tokio::join!(join([1; 16]), join([2; 16]));
    let (committed, replayed) = match (one.unwrap(), other.unwrap()) {
        (Outcome::Committed(committed), replayed) | (replayed, Outcome::Committed(committed)) => (committed, replayed),
        neither => panic!("{neither:?}"),
    };
    let expected = untouched(&committed.own.entries[0]);
    assert_eq!(replayed, Outcome::Replayed { entry: expected, account: committed.own.account });
}

#[tokio::test]
async fn a_commit_alone_replays_too_and_shows_the_account_if_it_saw_another() {
    let (table, account) = table_with_member().await;
    let first = accrual(&account, "order-1", 5);
    let account = commit(&table, &first).await;
    let replayed = |account| Commit::Replayed { entry: Box::new(untouched(&first.own.entries[0])), account };
    // Once with a stale read, and once with a current one.
    assert_eq!(table.store.commit(&first).await.unwrap(), replayed(Seen::Now(Box::new(account.clone()))));
    assert_eq!(table.store.commit(&accrual(&account, "order-1", 5)).await.unwrap(), replayed(Seen::AsRead));
    assert_eq!(table.store.commit(&accrual(&account, "order-1", 6)).await.unwrap(), Commit::KeyReused);
}

#[tokio::test]
async fn a_repeat_is_a_repeat_regardless_of_other_failed_conditions() {
    let (table, account) = table_with_member().await;
    let mut first = accrual(&account, "r-1", 5);
    first.takes = vec![take(3, 3)];
    commit(&table, &first).await;
    let mut other = enrollment(&member("m-2"));
    other.claims = vec![claim(email("aa"))];
    commit(&table, &other).await;
    // The stock is gone, the alias taken, and the account has moved on.
    let mut again = first.clone();
    again.takes = vec![take(1, 3)];
    again.claims = vec![claim(email("aa"))];
    let Commit::Replayed { entry, .. } = table.store.commit(&again).await.unwrap() else { panic!("no repeat") };
    assert_eq!(*entry, untouched(&first.own.entries[0]));
}
