//! The aftermath of an entry is stored next to it, once, and never changes the entry.

use std::collections::BTreeMap;

use regulars_domain::{
    aftermath::{AccrualNow, Aftermath, Ending, Mark, Place, Recorded},
    points::Points,
    purchase::Quantity,
    returned::{Back, Returned},
};
use regulars_store::Commit;

use crate::{
    engine::Table,
    sample::{accrual, commit, demo, empty, member, table_with_member},
};

async fn recorded(table: &Table) -> Recorded {
    table.store.entry(&demo(), &member("m-1"), &"order-1".parse().unwrap()).await.unwrap().unwrap()
}

fn mark(aftermath: Aftermath) -> Mark {
    Mark { member: member("m-1"), entry: "order-1".parse().unwrap(), aftermath }
}

/// What became of `order-1` in every way at once, as of no entry, because each of it must come back.
fn reversed(changes: u64, refunded: i64) -> Mark {
    let place = |of: &str, entry: &str| Place { member: member(of), entry: entry.parse().unwrap() };
    let back = |thousandths, amount| Back { quantity: Quantity::of_thousandths(thousandths).unwrap(), amount };
    let now = AccrualNow {
        returned: Returned {
            lines: BTreeMap::from([(0, back(1_000, 200)), (2, back(0, 25)), (199, back(350, 0))]),
            spread: refunded - 225,
        },
        amended: Some(place("m-2", "amend-1")),
        given: [("base", 3), ("tier:gold", 1)].map(|(line, points)| (line.to_owned(), Points::new(points))).into(),
        steps: [("card", 2), ("visits", 1)].map(|(rule, taken)| (rule.parse().unwrap(), taken)).into(),
        entries: vec![place("m-1", "refund-1"), place("m-2", "amend-1")],
        is_undone: true,
    };
    mark(Aftermath {
        changes,
        accrual: Some(now),
        confirmed_on: Some("2026-12-01".parse().unwrap()),
        ending: Some(Ending::Reversed),
        captured: Points::new(2),
        given_back: Points::new(1),
        money_back: 150,
    })
}

#[tokio::test]
async fn a_mark_is_read_with_its_entry_and_leaves_the_entry_unchanged() {
    let (table, account) = table_with_member().await;
    let posting = accrual(&account, "order-1", 5);
    let mut account = commit(&table, &posting).await;
    let before = recorded(&table).await;
    assert_eq!(before.aftermath, Aftermath::default());

    // Each replaces the one before completely.
    for marked in [
        reversed(1, 625),
        mark(Aftermath { changes: 2, accrual: Some(AccrualNow::default()), ..Aftermath::default() }),
        mark(Aftermath { changes: 3, ending: Some(Ending::Captured), ..Aftermath::default() }),
        mark(Aftermath { changes: 4, ending: Some(Ending::Cancelled), ..Aftermath::default() }),
        mark(Aftermath { changes: 5, ..Aftermath::default() }),
        reversed(6, 1_250),
    ] {
        let mut marking = empty(&account);
        marking.marks = vec![marked.clone()];
        account = commit(&table, &marking).await;
        // The amendment that some of them name is in no ledger.
        let expected = Recorded { aftermath: marked.aftermath, ..before.clone() };
        assert_eq!(recorded(&table).await, expected);
        let page = table.store.entries(&demo(), &member("m-1"), None, 1).await.unwrap();
        assert_eq!(page.items, [expected]);
    }
}

#[tokio::test]
async fn a_mark_on_an_entry_that_was_marked_meanwhile_is_a_conflict_and_writes_nothing() {
    let (table, account) = table_with_member().await;
    let posting = accrual(&account, "order-1", 5);
    commit(&table, &posting).await;
    let mut marking = empty(&posting.own.account);
    marking.marks = vec![reversed(1, 625)];
    commit(&table, &marking).await;

    let mut late = empty(&marking.own.account);
    late.marks = vec![reversed(1, 1_250)];
    assert_eq!(table.store.commit(&late).await.unwrap(), Commit::Conflict);
    assert_eq!(recorded(&table).await.returned().refunded(), 625);
    let account = table.store.account(&demo(), &member("m-1")).await.unwrap().unwrap();
    assert_eq!(account.version, marking.own.account.version);

    late.marks = vec![reversed(2, 1_250)];
    assert_eq!(table.store.commit(&late).await.unwrap(), Commit::Committed);
    assert_eq!(recorded(&table).await.returned().refunded(), 1_250);
}

#[tokio::test]
async fn a_mark_on_an_entry_that_is_not_there_is_a_conflict_and_makes_none() {
    let (table, account) = table_with_member().await;
    let mut marking = empty(&account);
    marking.marks = vec![reversed(1, 625)];
    assert_eq!(table.store.commit(&marking).await.unwrap(), Commit::Conflict);
    let entry = table.store.entry(&demo(), &member("m-1"), &"order-1".parse().unwrap()).await.unwrap();
    assert_eq!(entry, None);
}
