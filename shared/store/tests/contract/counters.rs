//! Totals over many members: read loosely at first, held exactly at the commit.

use std::collections::BTreeSet;

use jiff::civil::date;
use regulars_domain::{
    account::Account,
    cap::CapOwner,
    counter::{CounterId, Counters, Take},
};
use regulars_store::{Action, Found, Needs, Outcome, Step};
use serde_json::json;

use crate::{
    engine::Table,
    sample::{accrual, commit, demo, enrollment, member, request, soon, table_with_member, take, tasting},
    wire::Fault,
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
        Ok(Step::Commit(posting))
    }
}

#[tokio::test]
async fn counters_are_read_in_one_call_and_stand_at_zero_until_somebody_takes() {
    let (table, account) = table_with_member().await;
    let cap = CounterId::Cap { owner: CapOwner::Rule("review".parse().unwrap()), from: date(2026, 11, 1) };
    let mut posting = accrual(&account, "r-1", 0);
    posting.takes = vec![take(2, 9), Take { counter: cap.clone(), amount: 5, most: 9 }];
    commit(&table, &posting).await;

    let unknown = CounterId::Stock("gift-card".parse().unwrap());
    let before = table.store.meter().snapshot();
    let wanted = [tasting(), cap.clone(), unknown.clone(), tasting()];
    let counters = table.store.counters(&demo(), &wanted).await.unwrap();
    assert_eq!([&tasting(), &cap, &unknown].map(|counter| counters.taken(counter)), [2, 5, 0]);
    let used = table.store.meter().since(&before);
    assert_eq!((used.round_trips, used.actions.into_keys().collect::<Vec<_>>()), (1, vec![Action::BatchGetItem]));

    let keys: BTreeSet<_> = table.keys().await.into_iter().filter(|(pk, _)| !pk.starts_with("member#")).collect();
    let key = |pk: &str, sk: &str| (pk.to_owned(), sk.to_owned());
    assert_eq!(keys, [key("cap#demo#rule/review", "2026-11-01#0"), key("reward#demo#tasting", "stock#0")].into());
}

#[tokio::test]
async fn no_counters_are_no_call() {
    let table = Table::new().await;
    assert_eq!(table.store.counters(&demo(), &[]).await.unwrap(), Counters::default());
    assert_eq!(table.store.meter().snapshot().round_trips, 0);
}

#[tokio::test]
async fn more_counters_than_one_call_may_ask_for_take_two() {
    let table = Table::new().await;
    let many: Vec<CounterId> = (0..101).map(|n| CounterId::Stock(format!("reward-{n}").parse().unwrap())).collect();
    assert_eq!(table.store.counters(&demo(), &many).await.unwrap(), Counters::default());
    assert_eq!(table.store.meter().snapshot().round_trips, 2);
}

#[tokio::test]
async fn keys_that_a_throttled_table_leaves_out_are_asked_for_again() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "r-1", 0);
    posting.takes = vec![take(2, 9)];
    commit(&table, &posting).await;
    let left_out = || {
        let keys = json!([{ "pk": { "S": "reward#demo#tasting" }, "sk": { "S": "stock#0" } }]);
        Fault::Answer(200, json!({ "Responses": {}, "UnprocessedKeys": { "regulars": { "Keys": keys } } }))
    };
    table.wire.next("BatchGetItem", left_out());
    assert_eq!(table.store.counters(&demo(), &[tasting()]).await.unwrap().taken(&tasting()), 2);
    for _ in 0..4 {
        table.wire.next("BatchGetItem", left_out());
    }
    assert!(table.store.counters(&demo(), &[tasting()]).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn who_finds_the_stock_gone_at_the_commit_looks_closely_and_is_refused() {
    let (table, account) = table_with_member().await;
    let mut last = accrual(&account, "r-1", 0);
    last.takes = vec![take(3, 3)];
    commit(&table, &last).await;
    // The first look is loose, and this one saw nothing of it yet.
    table.wire.next("BatchGetItem", Fault::Answer(200, json!({ "Responses": {} })));
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
    let looks = table.wire.requests("BatchGetItem");
    let consistent: Vec<_> =
        looks.iter().map(|body| body["RequestItems"]["regulars"]["ConsistentRead"].clone()).collect();
    assert_eq!(consistent, [json!(false), json!(true)]);
}

#[tokio::test]
async fn a_stock_is_never_oversold_however_many_want_the_last_pieces() {
    let table = Table::new().await;
    for n in 0..12 {
        commit(&table, &enrollment(&member(&format!("m-{n}")))).await;
    }
    let redemptions = (0..12).map(|n| {
        let store = table.store.clone();
        tokio::spawn(async move {
            let (member, key) = (member(&format!("m-{n}")), format!("r-{n}"));
            store
                .act(
                    &demo(),
                    &member,
                    &Needs { counters: vec![tasting()], ..Needs::default() },
                    Some(&request(&key, 0)),
                    soon(),
                    redeem(&key, 5),
                )
                .await
                .unwrap()
        })
    });
    let (mut got, mut refused) = (0, 0);
    for redemption in redemptions.collect::<Vec<_>>() {
        match redemption.await.unwrap() {
            Outcome::Committed(_) => got += 1,
            Outcome::Refused(left) => {
                assert_eq!(left, 0);
                refused += 1;
            }
            other @ (Outcome::Replayed { .. } | Outcome::KeyReused | Outcome::AliasTaken(_) | Outcome::Busy) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!((got, refused), (5, 7));
    assert_eq!(table.store.counters(&demo(), &[tasting()]).await.unwrap().taken(&tasting()), 5);
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
