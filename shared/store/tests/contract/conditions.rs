//! Every condition of a posting: if it fails, nothing is written.

use regulars_domain::{chain::Sealed, posting::Posting};
use regulars_store::{Commit, StoreFault};

use crate::{
    engine::Table,
    sample::{
        accrual, claim, claim_of, commit, demo, email, empty, enrollment, member, review, table_with_member, take,
        tasting, untouched,
    },
};

/// Commits `posting` and asserts its outcome, and that the table is unchanged.
async fn check(table: &Table, posting: &Posting, expected: Commit) {
    let (before, account) = (table.keys().await, table.store.account(&demo(), &member("m-1")).await.unwrap());
    assert_eq!(table.store.commit(posting).await.unwrap(), expected);
    assert_eq!(table.keys().await, before);
    assert_eq!(table.store.account(&demo(), &member("m-1")).await.unwrap(), account);
}

#[tokio::test]
async fn a_committed_account_and_its_entry_read_back_as_they_were() {
    let table = Table::new().await;
    let posting = enrollment(&member("m-1"));
    assert_eq!(table.store.account(&demo(), &member("m-1")).await.unwrap(), None);
    assert_eq!(table.store.commit(&posting).await.unwrap(), Commit::Committed);
    assert_eq!(table.store.account(&demo(), &member("m-1")).await.unwrap(), Some(posting.own.account));
    let sealed = &posting.own.entries[0];
    let read = table.store.entry(&demo(), &member("m-1"), &sealed.entry.id).await.unwrap();
    assert_eq!(read, Some(untouched(sealed)));
    assert_eq!(table.store.entry(&demo(), &member("m-1"), &"order-1".parse().unwrap()).await.unwrap(), None);
    let key = |sk: &str| ("member#demo#m-1".to_owned(), sk.to_owned());
    assert_eq!(table.keys().await, [key("account"), key("entry#~enrollment")]);
}

#[tokio::test]
async fn an_entry_is_kept_byte_for_byte_as_it_was_hashed() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "order-1", 5);
    // As another version of this engine might have written it.
    let text = posting.own.entries[0].text.replace(',', " ,\n");
    posting.own.entries[0] = Sealed::read(text, posting.own.entries[0].previous, posting.own.entries[0].hash).unwrap();
    commit(&table, &posting).await;
    let read = table.store.entry(&demo(), &member("m-1"), &"order-1".parse().unwrap()).await.unwrap();
    assert_eq!(read, Some(untouched(&posting.own.entries[0])));
}

#[tokio::test]
async fn an_account_that_moved_on_is_a_conflict() {
    let (table, account) = table_with_member().await;
    commit(&table, &accrual(&account, "order-1", 5)).await;
    check(&table, &accrual(&account, "order-2", 7), Commit::Conflict).await;
}

#[tokio::test]
async fn an_account_that_does_not_exist_cannot_be_changed() {
    let (table, _) = table_with_member().await;
    let stranger = enrollment(&member("m-2")).own.account;
    check(&table, &accrual(&stranger, "order-1", 5), Commit::Conflict).await;
}

#[tokio::test]
async fn a_member_joins_once() {
    let (table, _) = table_with_member().await;
    let mut again = empty(&enrollment(&member("m-1")).own.account);
    again.own.expected_version = None;
    check(&table, &again, Commit::Conflict).await;
}

#[tokio::test]
async fn an_entry_that_the_engine_wrote_is_not_written_twice() {
    let (table, account) = table_with_member().await;
    let account = commit(&table, &review(&account, &["~expiry~2026-11-30"])).await;
    check(&table, &review(&account, &["~expiry~2026-11-30"]), Commit::Conflict).await;
    // The same for a posting of which only one entry exists.
    check(&table, &review(&account, &["~expiry~2026-12-31", "~expiry~2026-11-30"]), Commit::Conflict).await;
}

#[tokio::test]
async fn many_entries_are_written_together() {
    let (table, account) = table_with_member().await;
    let names: Vec<String> = (0..90).map(|n| format!("~expiry~{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let account = commit(&table, &review(&account, &names)).await;
    assert_eq!(account.seq, 91);
    assert_eq!(table.keys().await.len(), 92);
}

#[tokio::test]
async fn an_alias_belongs_to_one_member() {
    let (table, account) = table_with_member().await;
    let mut first = empty(&account);
    first.claims = vec![claim(email("aa")), claim(email("bb"))];
    let account = commit(&table, &first).await;
    for alias in ["aa", "bb"] {
        assert_eq!(table.store.member_by_alias(&demo(), &email(alias)).await.unwrap(), Some(member("m-1")));
    }

    let mut other = enrollment(&member("m-2"));
    other.claims = vec![claim_of("m-2", email("cc")), claim_of("m-2", email("bb"))];
    check(&table, &other, Commit::AliasTaken(email("bb"))).await;

    // The member may claim it again, also twice.
    let mut again = empty(&account);
    again.claims = vec![claim(email("bb")), claim(email("bb"))];
    commit(&table, &again).await;
}

#[tokio::test]
async fn an_alias_is_one_of_its_program_and_kind() {
    let (table, account) = table_with_member().await;
    let mut posting = empty(&account);
    posting.claims = vec![claim(email("aa"))];
    commit(&table, &posting).await;
    let phone = regulars_domain::account::Alias { kind: "phone".to_owned(), ..email("aa") };
    assert_eq!(table.store.member_by_alias(&demo(), &phone).await.unwrap(), None);
    assert_eq!(table.store.member_by_alias(&"other".parse().unwrap(), &email("aa")).await.unwrap(), None);
}

/// Returns how much of the reward `tasting` was taken.
async fn gone(table: &Table) -> i64 {
    table.store.counters(&demo(), &[tasting()]).await.unwrap().taken(&tasting()).unwrap()
}

#[tokio::test]
async fn a_counter_gives_no_more_than_there_is() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "r-1", 0);
    posting.takes = vec![take(2, 3)];
    let account = commit(&table, &posting).await;
    let mut posting = accrual(&account, "r-2", 0);
    posting.takes = vec![take(2, 3)];
    check(&table, &posting, Commit::Exhausted(take(2, 3).counter)).await;
    posting.takes = vec![take(1, 3)];
    commit(&table, &posting).await;
    assert_eq!(gone(&table).await, 3);
}

#[tokio::test]
async fn more_than_there_ever_was_is_refused_without_a_write() {
    let (table, account) = table_with_member().await;
    let before = table.keys().await;
    for takes in [vec![take(4, 3)], vec![take(2, 3), take(2, 5)]] {
        let mut posting = accrual(&account, "r-1", 0);
        posting.takes = takes;
        let came_to = table.store.commit(&posting).await.unwrap();
        assert_eq!(came_to, Commit::Exhausted(take(4, 3).counter));
    }
    assert_eq!(table.keys().await, before);
    assert_eq!(table.wire.requests("TransactWriteItems").len(), 1, "the one that made the member");
}

#[tokio::test]
async fn two_takes_from_one_counter_count_together() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "r-1", 0);
    posting.takes = vec![take(1, 3), take(2, 3)];
    commit(&table, &posting).await;
    assert_eq!(gone(&table).await, 3);
}

#[tokio::test]
async fn nothing_is_half_written_whichever_part_fails() {
    let (table, account) = table_with_member().await;
    let mut sold_out = review(&account, &["~expiry~2026-11-30"]);
    sold_out.takes = vec![take(3, 3)];
    sold_out.claims = vec![claim(email("aa"))];
    let account = commit(&table, &sold_out).await;
    let theirs = {
        let mut posting = enrollment(&member("m-2"));
        posting.claims = vec![claim_of("m-2", email("bb"))];
        posting
    };
    commit(&table, &theirs).await;

    let whole = || {
        let mut posting = accrual(&account, "order-1", 5);
        posting.takes = vec![take(1, 4)];
        posting.claims = vec![claim(email("cc"))];
        posting
    };
    let mut moved = whole();
    moved.own.expected_version = Some(account.version - 1);
    let mut known = whole();
    known.own.entries.extend(review(&account, &["~expiry~2026-11-30"]).own.entries);
    let mut exhausted = whole();
    exhausted.takes = vec![take(1, 3)];
    let mut taken = whole();
    taken.claims = vec![claim(email("bb"))];
    for (posting, expected) in [
        (moved, Commit::Conflict),
        (known, Commit::Conflict),
        (exhausted, Commit::Exhausted(take(1, 3).counter)),
        (taken, Commit::AliasTaken(email("bb"))),
    ] {
        check(&table, &posting, expected).await;
        assert_eq!(table.store.member_by_alias(&demo(), &email("cc")).await.unwrap(), None);
        assert_eq!(gone(&table).await, 3);
    }
    commit(&table, &whole()).await;
}

#[tokio::test]
async fn a_posting_that_would_hide_from_the_next_writer_is_not_sent() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "order-1", 5);
    posting.own.account.version = account.version;
    let fault = table.store.commit(&posting).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Broken(_)), "{fault:?}");
    assert!(!fault.is_retryable());
}

#[tokio::test]
async fn a_posting_too_large_for_one_transaction_is_a_fault() {
    let (table, account) = table_with_member().await;
    let names: Vec<String> = (0..100).map(|n| format!("~expiry~{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fault = table.store.commit(&review(&account, &names)).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Broken(_)), "{fault:?}");
}
