//! Totals over many members: read eventually consistent at first, enforced at the commit.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::date;
use regulars_domain::{
    account::Account,
    cap_use::CapOwner,
    counter::{CounterId, Counters, Take},
};
use regulars_store::{Action, Commit, Found, Needs, Outcome, Step};
use serde_json::json;

use crate::{
    deciding::Act,
    engine::Table,
    sample::{accrual, commit, demo, enrollment, member, request, soon, table_with_member, take, tasting},
    wire::{Fault, error},
};

/// Redeems one piece of a reward with the limit `most`.
fn redeem(key: &str, most: i64) -> impl FnMut(Option<Account>, &Found) -> Result<Step, i64> {
    move |account, found| {
        let left = match found.counters.left(&tasting(), most, 1) {
            Ok(left) => left,
            Err(needed) => return Ok(Step::LookAt(needed.into())),
        };
        if left < 1 {
            return Err(left);
        }
        let mut posting = accrual(&account.unwrap(), key, 0);
        posting.takes = vec![take(1, most)];
        Ok(Step::commit(posting))
    }
}

/// Returns the amounts of the shards of `tasting`.
async fn shards(table: &Table) -> Vec<i64> {
    let mut levels = vec![];
    for shard in 0..8 {
        let taken = table.attribute(&format!("reward#demo#tasting#{shard}"), "stock", "taken").await;
        levels.push(taken.map_or(0, |taken| taken.as_n().unwrap().parse().unwrap()));
    }
    levels
}

/// Returns the limit of the shards of `tasting`; all have the same one.
async fn dealt_by(table: &Table) -> i64 {
    let mut held = BTreeSet::new();
    for shard in 0..8 {
        let most = table.attribute(&format!("reward#demo#tasting#{shard}"), "stock", "most").await.unwrap();
        held.insert(most.as_n().unwrap().parse().unwrap());
    }
    assert_eq!(held.len(), 1, "{held:?}");
    held.into_iter().next().unwrap()
}

/// Sets the amounts of the shards of `tasting`, with the limit `most`.
async fn set_shards(table: &Table, most: i64, levels: [i64; 8]) {
    for (shard, level) in levels.into_iter().enumerate() {
        for (name, value) in [("taken", level), ("most", most)] {
            let value = AttributeValue::N(value.to_string());
            table.set(&format!("reward#demo#tasting#{shard}"), "stock", name, Some(value)).await;
        }
    }
}

#[tokio::test]
async fn counters_are_read_in_one_round_trip_and_are_zero_until_the_first_take() {
    let (table, account) = table_with_member().await;
    let cap = CounterId::Cap { owner: CapOwner::Rule("review".parse().unwrap()), from: date(2026, 11, 1) };
    let earlier = CounterId::Cap { owner: CapOwner::Rule("review".parse().unwrap()), from: date(2026, 10, 1) };
    let mut posting = accrual(&account, "r-1", 0);
    let of_cap = |counter: &CounterId, amount| Take::new(counter.clone(), amount, 90);
    posting.takes = vec![take(2, 90), of_cap(&cap, 5), of_cap(&earlier, 7)];
    commit(&table, &posting).await;

    let unknown = CounterId::Stock("gift-card".parse().unwrap());
    let before = table.store.meter().snapshot();
    let wanted = [tasting(), cap.clone(), unknown.clone(), tasting()];
    let counters = table.store.counters(&demo(), &wanted).await.unwrap();
    assert_eq!([&tasting(), &cap, &unknown].map(|counter| counters.taken(counter)), [Ok(2), Ok(5), Ok(0)]);
    let used = table.store.meter().since(&before);
    assert_eq!((used.round_trips, used.actions.into_keys().collect::<Vec<_>>()), (1, vec![Action::BatchGetItem]));
    assert_eq!(used.read_half_units, 3 * 8);

    // Each shard is in a partition of its own.
    let keys: BTreeSet<_> = table.keys().await.into_iter().filter(|(pk, _)| !pk.starts_with("member#")).collect();
    let expected = (0..8).flat_map(|shard| {
        [
            (format!("cap#demo#rule/review#{shard}"), "2026-10-01".to_owned()),
            (format!("cap#demo#rule/review#{shard}"), "2026-11-01".to_owned()),
            (format!("reward#demo#tasting#{shard}"), "stock".to_owned()),
        ]
    });
    assert_eq!(keys, expected.collect());
    // A member takes at one shard if possible. printf m-1 | sha256sum: the second byte is 0x61.
    assert_eq!(shards(&table).await, [0, 2, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_take_reads_and_writes_one_shard_as_long_as_that_has_room() {
    let (table, account) = table_with_member().await;
    set_shards(&table, 24, [0; 8]).await;
    let needs = Needs { counters: vec![tasting()], ..Needs::default() };
    let mut batches = 0;
    // Its quota is three.
    for number in 0..4 {
        let key = format!("r-{number}");
        let known = request(&key, 0);
        let outcome =
            table.store.act(&demo(), &account.member, &needs, Some(&known), soon(), redeem(&key, 24)).await.unwrap();
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
        let now = table.wire.requests("BatchGetItem").len();
        assert_eq!(now - batches, usize::from(number == 3), "{key}");
        batches = now;
    }
    assert_eq!(shards(&table).await, [0, 3, 1, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_late_purchase_that_knows_an_older_limit_goes_by_the_newer_one_as_long_as_that_has_room() {
    let (table, account) = table_with_member().await;
    let mut account = account;
    for (key, amount, most, held) in
        [("r-1", 1, 80, 80), ("r-2", 1, 8, 8), ("r-3", 1, 80, 8), ("r-4", 5, 8, 8), ("r-5", 1, 80, 80)]
    {
        let mut posting = accrual(&account, key, 0);
        posting.takes = vec![take(amount, most)];
        account = commit(&table, &posting).await;
        assert_eq!(dealt_by(&table).await, held, "{key}");
    }
    assert_eq!(shards(&table).await.iter().sum::<i64>(), 9);
    // Nine of eight are taken.
    let mut posting = accrual(&account, "r-6", 0);
    posting.takes = vec![take(1, 8)];
    assert_eq!(table.store.commit(&posting).await.unwrap(), Commit::Exhausted(tasting()));
}

#[tokio::test]
async fn a_full_shard_refuses_nothing_while_another_has_room() {
    let (table, mut account) = table_with_member().await;
    set_shards(&table, 40, [5, 5, 5, 5, 5, 3, 5, 5]).await;
    for key in ["r-1", "r-2"] {
        let mut posting = accrual(&account, key, 0);
        posting.takes = vec![take(1, 40)];
        account = commit(&table, &posting).await;
    }
    assert_eq!(shards(&table).await, [5; 8]);
    let mut posting = accrual(&account, "r-3", 0);
    posting.takes = vec![take(1, 40)];
    assert_eq!(table.store.commit(&posting).await.unwrap(), Commit::Exhausted(tasting()));
}

#[tokio::test]
async fn an_amount_above_the_room_of_every_shard_is_spread_and_returned_from_there() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "r-1", 0);
    posting.takes = vec![take(12, 40)];
    let account = commit(&table, &posting).await;
    assert_eq!(shards(&table).await, [0, 5, 5, 2, 0, 0, 0, 0]);
    let mut posting = accrual(&account, "r-2", 0);
    posting.takes = vec![take(-9, 40)];
    let account = commit(&table, &posting).await;
    assert_eq!(shards(&table).await, [0, 0, 1, 2, 0, 0, 0, 0]);
    // Only what was taken can be returned: this stock was counted only after the redemption.
    let mut posting = accrual(&account, "r-3", 0);
    posting.takes = vec![take(-9, 40)];
    let account = commit(&table, &posting).await;
    assert_eq!(shards(&table).await, [0; 8]);
    let mut posting = accrual(&account, "r-4", 0);
    posting.takes = vec![take(-1, 40)];
    commit(&table, &posting).await;
    assert_eq!(shards(&table).await, [0; 8]);
}

#[tokio::test]
async fn what_goes_back_and_is_taken_at_once_touches_no_counter() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "r-1", 0);
    posting.takes = vec![take(-1, 1), take(1, 1)];
    commit(&table, &posting).await;
    assert!(table.keys().await.iter().all(|(pk, _)| pk.starts_with("member#")));
}

#[tokio::test]
async fn a_limit_that_was_lowered_needs_no_migration_and_is_never_passed() {
    let table = Table::new().await;
    for n in 0..12 {
        commit(&table, &enrollment(&member(&format!("m-{n}")))).await;
    }
    set_shards(&table, 40, [5, 0, 0, 0, 0, 0, 0, 0]).await;
    assert_eq!(redeem_all(&table, 12, 5).await, (0, 12), "lowered to what was taken");
    assert_eq!(redeem_all(&table, 12, 3).await, (0, 12), "lowered below what was taken");
    assert_eq!(redeem_all(&table, 12, 8).await, (3, 9));
    assert_eq!(shards(&table).await.iter().sum::<i64>(), 8);
    assert_eq!(redeem_all(&table, 12, 20).await, (9, 0), "and raised again, those who have none yet");
}

#[tokio::test]
async fn who_meets_a_shard_that_filled_up_meanwhile_goes_to_another() {
    let (table, account) = table_with_member().await;
    // There are two, at the first two shards, and both members try the second one first.
    let (store, mut rival) = (table.store.clone(), enrollment(&member("m-3")));
    rival.takes = vec![take(1, 2)];
    table.wire.next(
        "TransactWriteItems",
        Fault::Meanwhile(Box::pin(async move {
            assert_eq!(store.commit(&rival).await.unwrap(), Commit::Committed);
        })),
    );
    let known = request("r-1", 0);
    let needs = Needs { counters: vec![tasting()], ..Needs::default() };
    let mut seen = vec![];
    let mut decide = redeem("r-1", 2);
    let decide = |account: Option<Account>, found: &Found| {
        seen.extend(found.counters.taken(&tasting()));
        decide(account, found)
    };
    let outcome = table.store.act(&demo(), &account.member, &needs, Some(&known), soon(), decide).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    assert_eq!(seen, [0, 1], "the full shard was met, and was no reason");
    assert_eq!(shards(&table).await, [1, 1, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn no_counters_are_no_call() {
    let table = Table::new().await;
    assert_eq!(table.store.counters(&demo(), &[]).await.unwrap(), Counters::default());
    assert_eq!(table.store.meter().snapshot().round_trips, 0);
}

#[tokio::test]
async fn many_counters_are_read_a_hundred_shards_at_a_time() {
    let table = Table::new().await;
    let many: Vec<CounterId> = (0..101).map(|n| CounterId::Stock(format!("reward-{n}").parse().unwrap())).collect();
    let counters = table.store.counters(&demo(), &many).await.unwrap();
    assert!(many.iter().all(|counter| counters.taken(counter) == Ok(0)));
    assert_eq!(table.store.meter().snapshot().round_trips, 9);
}

#[tokio::test]
async fn one_shard_each_of_many_counters_is_read_a_few_at_a_time() {
    let (table, account) = table_with_member().await;
    let many = (0..101).map(|n| CounterId::Stock(format!("reward-{n}").parse().unwrap())).collect();
    let needs = Needs { counters: many, ..Needs::default() };
    table.wire.set_latency(Duration::from_millis(5));
    let refuse = |_: Option<Account>, _: &Found| Err::<Step, ()>(());
    table.store.act(&demo(), &account.member, &needs, None, soon(), refuse).await.unwrap();
    // One more is the account itself.
    assert_eq!(table.wire.most_at_once(), 16 + 1);
}

#[tokio::test]
async fn one_counter_that_cannot_be_read_is_a_fault_of_all() {
    let (table, _) = table_with_member().await;
    table.wire.next("BatchGetItem", error(400, "AccessDeniedException"));
    let fault = table.store.counters(&demo(), &[tasting()]).await.unwrap_err();
    assert!(!fault.is_retryable());
    table.set("reward#demo#tasting#7", "stock", "taken", Some(AttributeValue::N("1".to_owned()))).await;
    let fault = table.store.counters(&demo(), &[tasting()]).await.unwrap_err();
    assert!(format!("{fault:?}").contains("`most`"), "{fault:?}");
}

#[tokio::test]
async fn who_finds_the_stock_gone_at_the_commit_looks_closely_and_is_refused() {
    let (table, account) = table_with_member().await;
    let mut last = accrual(&account, "r-1", 0);
    last.takes = vec![take(3, 3)];
    commit(&table, &last).await;
    // The first read, together with that of the account, is eventually consistent, and this one returned nothing yet.
    let of_shards = |name: &str| {
        let requests = table.wire.requests(name);
        let of_shards = requests.into_iter().filter(|body| body.to_string().contains("tasting"));
        of_shards.map(|body| body.to_string().contains(r#""ConsistentRead":true"#)).collect::<Vec<_>>()
    };
    let before = (of_shards("GetItem").len(), of_shards("BatchGetItem").len());
    table.wire.next("GetItem", Fault::Late(Duration::ZERO));
    let shard = json!({ "pk": { "S": "x" }, "sk": { "S": "stock" }, "taken": { "N": "0" }, "most": { "N": "3" } });
    table.wire.next("GetItem", Fault::Answer(200, json!({ "Item": shard })));
    let known = request("r-2", 0);
    let outcome = table
        .store
        .act(
            &demo(),
            &member("m-1"),
            &Needs { counters: vec![tasting()], ..Needs::default() },
            Some(&known),
            soon(),
            redeem("r-2", 3),
        )
        .await;
    assert_eq!(outcome.unwrap(), Outcome::Refused(0));
    assert_eq!(of_shards("GetItem")[before.0..], [false, true], "its home, and again");
    assert_eq!(of_shards("BatchGetItem")[before.1..], [true], "all shards, once its home had no room");
}

/// Lets members redeem a reward with the limit `most` concurrently, each once; returns how many got it now, and how
/// many were refused.
async fn redeem_all(table: &Table, members: usize, most: i64) -> (usize, usize) {
    let redemptions = (0..members).map(|n| {
        let store = table.store.clone();
        tokio::spawn(async move {
            let (member, key) = (member(&format!("m-{n}")), format!("r-{n}"));
            let needs = Needs { counters: vec![tasting()], ..Needs::default() };
            store.act(&demo(), &member, &needs, Some(&request(&key, 0)), soon(), redeem(&key, most)).await.unwrap()
        })
    });
    let (mut got, mut refused) = (0, 0);
    for redemption in redemptions.collect::<Vec<_>>() {
        match redemption.await.unwrap() {
            Outcome::Committed(_) => got += 1,
            Outcome::Replayed { .. } => {}
            Outcome::Refused(left) => {
                assert!(left <= 0);
                refused += 1;
            }
            other @ (Outcome::KeyReused
            | Outcome::AliasTaken(_)
            | Outcome::ReceiptTaken(_)
            | Outcome::HoldOver
            | Outcome::Elsewhere(_)
            | Outcome::Busy) => {
                panic!("{other:?}")
            }
        }
    }
    (got, refused)
}

#[tokio::test]
async fn stock_is_never_oversold_in_a_rush_for_the_last_pieces() {
    let table = Table::new().await;
    for n in 0..12 {
        commit(&table, &enrollment(&member(&format!("m-{n}")))).await;
    }
    assert_eq!(redeem_all(&table, 12, 5).await, (5, 7));
    assert_eq!(table.store.counters(&demo(), &[tasting()]).await.unwrap().taken(&tasting()), Ok(5));
    assert!(shards(&table).await.into_iter().all(|level| level <= 1));
}

#[tokio::test]
async fn a_repeat_of_a_redemption_that_took_the_last_piece_is_a_repeat() {
    let (table, _) = table_with_member().await;
    let known = request("r-1", 0);
    for expected in ["committed", "replayed"] {
        let outcome = table
            .store
            .act(
                &demo(),
                &member("m-1"),
                &Needs { counters: vec![tasting()], ..Needs::default() },
                Some(&known),
                soon(),
                redeem("r-1", 1),
            )
            .await
            .unwrap();
        let name = match outcome {
            Outcome::Committed(_) => "committed",
            Outcome::Replayed { .. } => "replayed",
            other @ (Outcome::Refused(_)
            | Outcome::KeyReused
            | Outcome::AliasTaken(_)
            | Outcome::ReceiptTaken(_)
            | Outcome::HoldOver
            | Outcome::Elsewhere(_)
            | Outcome::Busy) => {
                panic!("{other:?}")
            }
        };
        assert_eq!(name, expected);
    }
}
