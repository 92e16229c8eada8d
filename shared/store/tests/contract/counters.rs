//! Totals over many members: read loosely at first, held exactly at the commit.

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

/// Redeems one piece of a reward of which there are `most`.
fn redeem(key: &str, most: i64) -> impl FnMut(Option<Account>, &Found) -> Result<Step, i64> {
    move |account, counters| {
        let left = most - counters.counters.taken(&tasting());
        if left < 1 {
            return Err(left);
        }
        let mut posting = accrual(&account.unwrap(), key, 0);
        posting.takes = vec![take(1, most)];
        Ok(Step::commit(posting))
    }
}

/// What each shard of `tasting` says.
async fn shards(table: &Table) -> Vec<i64> {
    let mut levels = vec![];
    for shard in 0..8 {
        let taken = table.attribute("reward#demo#tasting", &format!("stock#{shard}"), "taken").await;
        levels.push(taken.map_or(0, |taken| taken.as_n().unwrap().parse().unwrap()));
    }
    levels
}

/// Sets what each shard of `tasting` says.
async fn set_shards(table: &Table, levels: [i64; 8]) {
    for (shard, level) in levels.into_iter().enumerate().filter(|(_, level)| *level != 0) {
        let taken = AttributeValue::N(level.to_string());
        table.set("reward#demo#tasting", &format!("stock#{shard}"), "taken", Some(taken)).await;
    }
}

#[tokio::test]
async fn a_counter_is_read_in_one_query_and_stands_at_zero_until_somebody_takes() {
    let (table, account) = table_with_member().await;
    let cap = CounterId::Cap { owner: CapOwner::Rule("review".parse().unwrap()), from: date(2026, 11, 1) };
    let earlier = CounterId::Cap { owner: CapOwner::Rule("review".parse().unwrap()), from: date(2026, 10, 1) };
    let mut posting = accrual(&account, "r-1", 0);
    let of_cap = |counter: &CounterId, amount| Take { counter: counter.clone(), amount, most: 90 };
    posting.takes = vec![take(2, 90), of_cap(&cap, 5), of_cap(&earlier, 7)];
    commit(&table, &posting).await;

    let unknown = CounterId::Stock("gift-card".parse().unwrap());
    let before = table.store.meter().snapshot();
    let wanted = [tasting(), cap.clone(), unknown.clone(), tasting()];
    let counters = table.store.counters(&demo(), &wanted).await.unwrap();
    assert_eq!([&tasting(), &cap, &unknown].map(|counter| counters.taken(counter)), [2, 5, 0]);
    let used = table.store.meter().since(&before);
    assert_eq!((used.round_trips, used.actions.into_keys().collect::<Vec<_>>()), (3, vec![Action::Query]));
    assert_eq!(used.read_half_units, 3);

    // A member takes at one shard if that can be. printf m-1 | sha256sum: the second byte is 0x61.
    let keys: BTreeSet<_> = table.keys().await.into_iter().filter(|(pk, _)| !pk.starts_with("member#")).collect();
    let key = |pk: &str, sk: &str| (pk.to_owned(), sk.to_owned());
    let expected = [
        key("cap#demo#rule/review", "2026-10-01#1"),
        key("cap#demo#rule/review", "2026-11-01#1"),
        key("reward#demo#tasting", "stock#1"),
    ];
    assert_eq!(keys, expected.into());
}

#[tokio::test]
async fn a_full_shard_is_no_reason_as_long_as_another_has_room() {
    let (table, mut account) = table_with_member().await;
    set_shards(&table, [5, 5, 5, 5, 5, 3, 5, 5]).await;
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
async fn an_amount_that_no_shard_can_bear_is_spread_and_comes_back_from_where_it_lies() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "r-1", 0);
    posting.takes = vec![take(12, 40)];
    let account = commit(&table, &posting).await;
    assert_eq!(shards(&table).await, [0, 5, 5, 2, 0, 0, 0, 0]);
    let mut posting = accrual(&account, "r-2", 0);
    posting.takes = vec![take(-9, 40)];
    let account = commit(&table, &posting).await;
    assert_eq!(shards(&table).await, [0, 0, 1, 2, 0, 0, 0, 0]);
    // What was never taken is not given back: a stock that was counted only later than the redemption.
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

/// The counter of a table that counted in one item is the first shard of many, above its quota.
#[tokio::test]
async fn a_limit_that_was_lowered_needs_no_migration_and_is_never_passed() {
    let table = Table::new().await;
    for n in 0..12 {
        commit(&table, &enrollment(&member(&format!("m-{n}")))).await;
    }
    set_shards(&table, [5, 0, 0, 0, 0, 0, 0, 0]).await;
    assert_eq!(redeem_all(&table, 12, 5).await, (0, 12), "lowered to what was taken");
    assert_eq!(redeem_all(&table, 12, 3).await, (0, 12), "lowered below what was taken");
    // Each of the other seven shards has a quota of one, and three are left.
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
        seen.push(found.counters.taken(&tasting()));
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
async fn many_counters_are_read_a_few_at_a_time() {
    let table = Table::new().await;
    let many: Vec<CounterId> = (0..101).map(|n| CounterId::Stock(format!("reward-{n}").parse().unwrap())).collect();
    table.wire.set_latency(Duration::from_millis(5));
    assert_eq!(table.store.counters(&demo(), &many).await.unwrap(), Counters::default());
    assert_eq!(table.store.meter().snapshot().round_trips, 101);
    assert_eq!(table.wire.most_at_once(), 16);
}

#[tokio::test]
async fn one_counter_that_cannot_be_read_is_a_fault_of_all() {
    let (table, _) = table_with_member().await;
    table.wire.next("Query", error(400, "AccessDeniedException"));
    let fault = table.store.counters(&demo(), &[tasting()]).await.unwrap_err();
    assert!(!fault.is_retryable());
    table.set("reward#demo#tasting", "stock#8", "taken", Some(AttributeValue::N("1".to_owned()))).await;
    let fault = table.store.counters(&demo(), &[tasting()]).await.unwrap_err();
    assert!(format!("{fault:?}").contains("`sk`"), "{fault:?}");
}

#[tokio::test]
async fn who_finds_the_stock_gone_at_the_commit_looks_closely_and_is_refused() {
    let (table, account) = table_with_member().await;
    let mut last = accrual(&account, "r-1", 0);
    last.takes = vec![take(3, 3)];
    commit(&table, &last).await;
    // The first look is loose, and this one saw nothing of it yet.
    table.wire.next("Query", Fault::Answer(200, json!({ "Items": [], "Count": 0, "ScannedCount": 0 })));
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
    let looks = table.wire.requests("Query");
    let consistent: Vec<_> = looks.iter().map(|body| body["ConsistentRead"].clone()).collect();
    // Before those, the commit that took the last pieces looked by itself.
    assert_eq!(consistent, [json!(true), json!(false), json!(true)]);
}

/// Lets as many members, who have joined, redeem at once a reward of which there are `most`, each once for ever; how
/// many got it now, and how many were refused.
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
            other @ (Outcome::KeyReused | Outcome::AliasTaken(_) | Outcome::Busy) => panic!("{other:?}"),
        }
    }
    (got, refused)
}

#[tokio::test]
async fn a_stock_is_never_oversold_however_many_want_the_last_pieces() {
    let table = Table::new().await;
    for n in 0..12 {
        commit(&table, &enrollment(&member(&format!("m-{n}")))).await;
    }
    assert_eq!(redeem_all(&table, 12, 5).await, (5, 7));
    assert_eq!(table.store.counters(&demo(), &[tasting()]).await.unwrap().taken(&tasting()), 5);
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
            other @ (Outcome::Refused(_) | Outcome::KeyReused | Outcome::AliasTaken(_) | Outcome::Busy) => {
                panic!("{other:?}")
            }
        };
        assert_eq!(name, expected);
    }
}
