//! The cost of each command, as the table reports it.

use jiff::civil::date;
use regulars_domain::{account::Account, posting::Posting};
use regulars_store::{Action, Needs, Outcome, Snapshot, Step};

use crate::{
    deciding::Act,
    engine::Table,
    sample::{accrual, demo, member, request, soon, table_with_member, take, tasting},
};

/// Returns the cost of a command that adds an entry and makes `change`.
async fn cost(table: &Table, key: &str, change: impl Fn(&mut Posting)) -> Snapshot {
    cost_with(table, &Needs::default(), key, change).await
}

/// The same for a command that reads what it `needs` first.
async fn cost_with(table: &Table, needs: &Needs, key: &str, change: impl Fn(&mut Posting)) -> Snapshot {
    let before = table.store.meter().snapshot();
    let sent = table.wire.count();
    let decide = |account: Option<Account>, _: &_| -> Result<Step, ()> {
        let mut posting = accrual(&account.unwrap(), key, 5);
        change(&mut posting);
        Ok(Step::commit(posting))
    };
    let known = request(key, 5);
    let outcome = table.store.act(&demo(), &member("m-1"), needs, Some(&known), soon(), decide).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    let used = table.store.meter().since(&before);
    assert_eq!(u64::try_from(table.wire.count() - sent).unwrap(), used.round_trips);
    println!("{key}: {used:?}");
    used
}

#[tokio::test]
async fn an_accrual_costs_two_round_trips_one_read_unit_and_five_write_units() {
    let (table, _) = table_with_member().await;
    let used = cost(&table, "accrual", |_| ()).await;
    let expected = Snapshot {
        round_trips: 2,
        read_half_units: 2,
        write_half_units: 10,
        actions: [(Action::GetItem, 1), (Action::PutItem, 2)].into(),
    };
    assert_eq!(used, expected);
}

#[tokio::test]
async fn a_review_date_that_moves_costs_two_write_units_more() {
    let (table, _) = table_with_member().await;
    let used = cost(&table, "moved", |posting| posting.own.account.review_on = Some(date(2027, 1, 31))).await;
    assert_eq!((used.read_half_units, used.write_half_units), (2, 14));
    let used = cost(&table, "unmoved", |_| ()).await;
    assert_eq!((used.read_half_units, used.write_half_units), (2, 10));
}

#[tokio::test]
async fn a_piece_of_stock_costs_half_a_read_unit_and_two_write_units_more() {
    let (table, _) = table_with_member().await;
    let needs = Needs { counters: vec![tasting()], ..Needs::default() };
    let cost_of = async |key: &str, amount| {
        let used = cost_with(&table, &needs, key, |posting| posting.takes = vec![take(amount, 24)]).await;
        (used.round_trips, used.read_half_units, used.write_half_units, used.actions)
    };
    let actions = |batches: u64, puts: u64, updates: u64| {
        let all = [
            (Action::BatchGetItem, batches),
            (Action::GetItem, 2),
            (Action::PutItem, 2 + puts),
            (Action::UpdateItem, updates),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    };
    // The first one writes all shards: each is first read on its own, for a unit, and none is above 1 KB.
    assert_eq!(cost_of("r-1", 1).await, (4, 3 + 16, 10 + 8 * 4, actions(1, 8, 0)));
    for key in ["r-2", "r-3"] {
        assert_eq!(cost_of(key, 1).await, (3, 3, 14, actions(0, 0, 1)));
    }
    // Its home has given its three. All of them are read, and another gives.
    assert_eq!(cost_of("r-4", 1).await, (4, 3 + 16, 14, actions(1, 0, 1)));
}

#[tokio::test]
async fn a_piece_that_goes_back_costs_a_strong_look_and_two_write_units() {
    let (table, _) = table_with_member().await;
    cost(&table, "stock", |posting| posting.takes = vec![take(1, 9)]).await;
    let used = cost(&table, "returned", |posting| posting.takes = vec![take(-1, 9)]).await;
    assert_eq!((used.round_trips, used.read_half_units, used.write_half_units), (3, 4, 14));
}

#[tokio::test]
async fn a_look_at_all_of_a_counter_costs_half_a_read_unit_for_each_of_its_shards() {
    let (table, _) = table_with_member().await;
    cost(&table, "stock", |posting| posting.takes = vec![take(70, 72)]).await;
    let before = table.store.meter().snapshot();
    assert_eq!(table.store.counters(&demo(), &[tasting()]).await.unwrap().taken(&tasting()), Ok(70));
    let used = table.store.meter().since(&before);
    assert_eq!((used.round_trips, used.read_half_units), (1, 8));
}

#[tokio::test]
async fn a_repeat_costs_one_read_and_one_refused_transaction() {
    let (table, _) = table_with_member().await;
    cost(&table, "order-1", |_| ()).await;
    let before = table.store.meter().snapshot();
    let decide = |account: Option<Account>, _: &_| -> Result<Step, ()> {
        Ok(Step::commit(accrual(&account.unwrap(), "order-1", 5)))
    };
    let known = request("order-1", 5);
    let outcome =
        table.store.act(&demo(), &member("m-1"), &Needs::default(), Some(&known), soon(), decide).await.unwrap();
    assert!(matches!(outcome, Outcome::Replayed { .. }), "{outcome:?}");
    let used = table.store.meter().since(&before);
    assert_eq!((used.round_trips, used.read_half_units), (2, 2));
}
