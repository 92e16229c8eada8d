//! Statements: in order, page by page, complete.

use regulars_domain::{account::Account, chain::verify};
use regulars_store::Action;

use crate::{
    engine::Table,
    sample::{accrual, commit, demo, enrollment, member, table_with_member},
};

/// A member with eight entries, and another whose ledger must never show.
async fn ledger_of_eight() -> (Table, Account) {
    let (table, mut account) = table_with_member().await;
    let other = commit(&table, &enrollment(&member("m-2"))).await;
    commit(&table, &accrual(&other, "order-9", 9)).await;
    for n in 2..=8 {
        account = commit(&table, &accrual(&account, &format!("order-{n}"), n)).await;
    }
    (table, account)
}

#[tokio::test]
async fn a_statement_goes_back_from_the_newest_entry_page_by_page() {
    let (table, account) = ledger_of_eight().await;
    for (limit, pages) in [
        (3, vec![vec![8, 7, 6], vec![5, 4, 3], vec![2, 1]]),
        (4, vec![vec![8, 7, 6, 5], vec![4, 3, 2, 1]]),
        (8, vec![vec![8, 7, 6, 5, 4, 3, 2, 1]]),
        (100, vec![vec![8, 7, 6, 5, 4, 3, 2, 1]]),
        (0, (1..=8).rev().map(|seq| vec![seq]).collect()),
    ] {
        let mut before = None;
        for (index, expected) in pages.iter().enumerate() {
            let page = table.store.entries(&demo(), &account.member, before, limit).await.unwrap();
            let seqs: Vec<u64> = page.items.iter().map(|recorded| recorded.sealed.entry.seq).collect();
            assert_eq!(seqs, *expected, "limit {limit}");
            before = page.next;
            assert_eq!(before.is_some(), index + 1 < pages.len(), "limit {limit}, page {index}");
        }
    }
}

#[tokio::test]
async fn pages_fit_together_while_entries_are_added() {
    let (table, account) = ledger_of_eight().await;
    let first = table.store.entries(&demo(), &account.member, None, 5).await.unwrap();
    commit(&table, &accrual(&account, "order-10", 1)).await;
    let second = table.store.entries(&demo(), &account.member, first.next, 5).await.unwrap();
    let seqs: Vec<u64> = first.items.iter().chain(&second.items).map(|recorded| recorded.sealed.entry.seq).collect();
    assert_eq!(seqs, [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn the_whole_ledger_in_order_proves_itself() {
    let (table, account) = ledger_of_eight().await;
    let mut entries = vec![];
    let mut after = Some(0);
    while let Some(seq) = after {
        let page = table.store.ledger(&demo(), &account.member, seq, 3).await.unwrap();
        entries.extend(page.items);
        after = page.next;
    }
    assert_eq!(verify(&demo(), &account.member, &entries, account.seq, &account.head_hash), Ok(()));
}

#[tokio::test]
async fn a_member_without_entries_has_an_empty_statement() {
    let table = Table::new().await;
    let page = table.store.entries(&demo(), &member("m-1"), None, 5).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
}

#[tokio::test]
async fn a_statement_is_one_strong_query_of_the_local_index() {
    let (table, account) = ledger_of_eight().await;
    let before = table.store.meter().snapshot();
    table.store.entries(&demo(), &account.member, None, 20).await.unwrap();
    let used = table.store.meter().since(&before);
    assert_eq!((used.round_trips, used.actions.into_keys().collect::<Vec<_>>()), (1, vec![Action::Query]));
    assert!(used.read_half_units >= 2);
    let query = &table.wire.requests("Query")[0];
    assert_eq!((query["IndexName"].as_str(), query["ConsistentRead"].as_bool()), (Some("by_seq"), Some(true)));
}
