//! Reviews: the due accounts, in date order, and no others.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use regulars_domain::id::MemberId;
use regulars_store::{CursorMalformed, DueCursor, Store};

use crate::{
    engine::Table,
    sample::{accrual, commit, demo, empty, enrollment, member},
};

const SHARD: u16 = 7;
const TODAY: Date = date(2026, 11, 22);

/// Returns members of one shard, ordered by id.
fn members_of_shard(count: usize) -> Vec<MemberId> {
    let mut members: Vec<MemberId> = (0..)
        .map(|n| member(&format!("m-{n:05}")))
        .filter(|member| Store::due_shard(member) == SHARD)
        .take(count)
        .collect();
    members.sort();
    members
}

async fn enroll(table: &Table, member: &MemberId, review_on: Option<Date>) {
    let mut posting = enrollment(member);
    posting.own.account.review_on = review_on;
    commit(table, &posting).await;
}

/// Returns everything due in the shard by `through`, in pages of `limit`.
async fn due(table: &Table, through: Date, limit: u32) -> Vec<(Date, MemberId)> {
    let mut found = vec![];
    let mut after = None;
    loop {
        let page = table.store.due(SHARD, through, after.as_ref(), limit).await.unwrap();
        assert!(page.items.iter().all(|due| due.program == demo()));
        found.extend(page.items.into_iter().map(|due| (due.review_on, due.member)));
        // Converted to text and back, as for a caller.
        after = page.next.map(|cursor| DueCursor::parse(&cursor.to_string(), SHARD).unwrap());
        if after.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn due_accounts_are_listed_in_date_order_and_no_others() {
    let table = Table::new().await;
    let members = members_of_shard(8);
    let days = [
        Some(date(2026, 11, 22)),
        Some(date(2026, 11, 23)),
        Some(date(2025, 1, 31)),
        None,
        Some(date(2026, 11, 21)),
        Some(date(2026, 11, 22)),
        Some(date(2027, 1, 1)),
        Some(date(2026, 2, 28)),
    ];
    for (member, review_on) in members.iter().zip(days) {
        enroll(&table, member, review_on).await;
    }
    // A member of another shard.
    let stranger = (0..99).map(|n| member(&format!("x-{n}"))).find(|member| Store::due_shard(member) != SHARD).unwrap();
    enroll(&table, &stranger, Some(date(2025, 1, 1))).await;

    let expected: Vec<_> = [2, 7, 4, 0, 5].map(|index: usize| (days[index].unwrap(), members[index].clone())).into();
    for limit in [1, 2, 5, 100] {
        assert_eq!(due(&table, TODAY, limit).await, expected, "limit {limit}");
    }
    assert_eq!(due(&table, date(2024, 12, 31), 10).await, []);
}

#[tokio::test]
async fn a_day_missed_catches_itself_up() {
    let table = Table::new().await;
    let members = members_of_shard(1);
    enroll(&table, &members[0], Some(TODAY)).await;
    assert_eq!(due(&table, date(2026, 11, 21), 10).await, []);
    assert_eq!(due(&table, TODAY, 10).await.len(), 1);
    assert_eq!(due(&table, date(2027, 6, 1), 10).await.len(), 1);
}

#[tokio::test]
async fn an_account_reviewed_leaves_the_list_and_the_cursor_behind_it_still_holds() {
    let table = Table::new().await;
    let members = members_of_shard(3);
    for member in &members {
        enroll(&table, member, Some(TODAY)).await;
    }
    let mut seen = BTreeSet::new();
    let mut after = None;
    loop {
        let page = table.store.due(SHARD, TODAY, after.as_ref(), 1).await.unwrap();
        for due in page.items {
            let account = table.store.account(&due.program, &due.member).await.unwrap().unwrap();
            let mut posting = empty(&account);
            posting.own.account.review_on = (due.member != members[1]).then_some(date(2026, 12, 31));
            commit(&table, &posting).await;
            seen.insert(due.member);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, members.iter().cloned().collect());
    assert_eq!(due(&table, TODAY, 10).await, []);
    assert_eq!(due(&table, date(2026, 12, 31), 10).await.len(), 2);
}

#[tokio::test]
async fn a_cursor_is_of_its_own_shard() {
    let table = Table::new().await;
    let members = members_of_shard(2);
    for member in &members {
        enroll(&table, member, Some(TODAY)).await;
    }
    let cursor = table.store.due(SHARD, TODAY, None, 1).await.unwrap().next.unwrap();
    assert_eq!(DueCursor::parse(&cursor.to_string(), SHARD + 1), Err(CursorMalformed));
    assert!(!table.store.due(SHARD + 1, TODAY, Some(&cursor), 1).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn an_entry_is_never_due() {
    let table = Table::new().await;
    let members = members_of_shard(1);
    enroll(&table, &members[0], Some(TODAY)).await;
    let account = table.store.account(&demo(), &members[0]).await.unwrap().unwrap();
    commit(&table, &accrual(&account, "order-1", 5)).await;
    assert_eq!(due(&table, TODAY, 10).await, [(TODAY, members[0].clone())]);
}
