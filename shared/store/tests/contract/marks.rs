//! What became of an entry is noted beside it, once, and never touches the entry.

use regulars_domain::{
    aftermath::{Aftermath, Ending, Mark, Recorded},
    points::Points,
};
use regulars_store::Commit;

use crate::{
    engine::Table,
    sample::{accrual, commit, demo, empty, member, table_with_member},
};

async fn recorded(table: &Table) -> Recorded {
    table.store.entry(&demo(), &member("m-1"), &"order-1".parse().unwrap()).await.unwrap().unwrap()
}

fn reversed(changes: u64, refunded: i64) -> Mark {
    let aftermath = Aftermath {
        changes,
        refunded,
        taken_back: Points::new(3),
        is_undone: true,
        confirmed_on: Some("2026-12-01".parse().unwrap()),
        ending: Some(Ending::Reversed),
        captured: Points::new(2),
        given_back: Points::new(1),
    };
    Mark { member: member("m-1"), entry: "order-1".parse().unwrap(), aftermath }
}

#[tokio::test]
async fn a_mark_comes_back_with_its_entry_and_leaves_the_entry_as_it_was() {
    let (table, account) = table_with_member().await;
    let posting = accrual(&account, "order-1", 5);
    commit(&table, &posting).await;
    let before = recorded(&table).await;
    assert_eq!(before.aftermath, Aftermath::default());

    let mut marking = empty(&posting.own.account);
    marking.marks = vec![reversed(1, 625)];
    assert_eq!(table.store.commit(&marking).await.unwrap(), Commit::Committed);
    let after = recorded(&table).await;
    assert_eq!(after.sealed, before.sealed);
    assert_eq!(after.aftermath, reversed(1, 625).aftermath);
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
    assert_eq!(recorded(&table).await.aftermath.refunded, 625);
    let account = table.store.account(&demo(), &member("m-1")).await.unwrap().unwrap();
    assert_eq!(account.version, marking.own.account.version);

    late.marks = vec![reversed(2, 1_250)];
    assert_eq!(table.store.commit(&late).await.unwrap(), Commit::Committed);
    assert_eq!(recorded(&table).await.aftermath.refunded, 1_250);
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
