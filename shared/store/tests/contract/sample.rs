//! Members, accounts and postings for the tests of the store. They are made by hand: the store must not depend on the
//! rules behind a posting.

use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use regulars_domain::{
    account::{Account, Alias},
    aftermath::{Aftermath, Recorded},
    chain::Sealed,
    counter::{CounterId, Take},
    entry::{Entry, Record},
    facts::PurchaseFacts,
    fingerprint::{Content, Fingerprint},
    id::{EntryId, MemberId, ProgramId},
    posting::{Change, Claim, Posting},
};
use regulars_store::{Commit, RequestKey};
use serde_json::json;

use crate::engine::Table;

pub(crate) const NOW: &str = "2026-11-22T12:00:00.123Z";

pub(crate) fn demo() -> ProgramId {
    "demo".parse().unwrap()
}

pub(crate) fn member(id: &str) -> MemberId {
    id.parse().unwrap()
}

/// Returns an entry without an aftermath.
pub(crate) fn untouched(sealed: &Sealed) -> Recorded {
    Recorded { member: member("m-1"), sealed: sealed.clone(), aftermath: Aftermath::default(), amended: None }
}

/// Returns the key of the request for `points` under `key`.
pub(crate) fn request(key: &str, points: i64) -> RequestKey {
    RequestKey { entry: key.parse().unwrap(), content: Content::of("accrual", &json!({ "points": points })) }
}

/// Returns an instant some seconds ahead.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Returns the posting of an enrollment of `member`.
pub(crate) fn enrollment(member: &MemberId) -> Posting {
    let on = date(2026, 11, 22);
    let before = Account::before_joining(demo(), member.clone(), NOW.parse().unwrap(), on, 4);
    let unwritten = Account { salt: Some([7; 16].into()), review_on: Some(date(2026, 12, 31)), ..before };
    let mut posting = empty(&unwritten);
    posting.own.expected_version = None;
    let fingerprint = request("enrollment", 0).content.fingerprint(posting.own.account.salt.as_ref());
    add_entry(&mut posting, &EntryId::enrollment(), 0, Some(&fingerprint));
    posting
}

/// Returns the posting of an accrual of `points` under `key`.
pub(crate) fn accrual(account: &Account, key: &str, points: i64) -> Posting {
    let RequestKey { entry, content } = request(key, points);
    let fingerprint = content.fingerprint(account.salt.as_ref());
    let mut posting = empty(account);
    add_entry(&mut posting, &entry, points, Some(&fingerprint));
    posting
}

/// Returns the posting of an amendment under `key`, which only records that a purchase changed.
pub(crate) fn amendment(account: &Account, key: &str) -> Posting {
    let RequestKey { entry: id, content } = request(key, 0);
    let told = entry(&id, account.seq + 1, 0, Some(&content.fingerprint(account.salt.as_ref())));
    let mut posting = empty(account);
    add(&mut posting, Entry { record: Record::Amendment(Box::default()), ..told });
    posting
}

/// Returns the same with the facts of a purchase next to its first entry.
pub(crate) fn telling(mut posting: Posting, facts: &PurchaseFacts) -> Posting {
    posting.own.entries[0].facts = Some(Box::new(facts.clone()));
    posting
}

/// Returns a posting of the engine: entries by these names, each of one point.
pub(crate) fn review(account: &Account, names: &[&str]) -> Posting {
    let mut posting = empty(account);
    for name in names {
        add_entry(&mut posting, &name.parse().unwrap(), 1, None);
    }
    posting
}

/// Returns a posting that changes nothing but the version.
pub(crate) fn empty(account: &Account) -> Posting {
    let mut after = account.clone();
    after.version += 1;
    Posting {
        own: Change { expected_version: Some(account.version), account: after, entries: vec![] },
        others: vec![],
        takes: vec![],
        marks: vec![],
        codes: vec![],
        changed_codes: vec![],
        claims: vec![],
        releases: vec![],
        receipts: vec![],
        explanations: vec![],
    }
}

/// Returns a take of `amount` of the reward `tasting`, with the limit `most`.
pub(crate) fn take(amount: i64, most: i64) -> Take {
    Take::new(tasting(), amount, most)
}

pub(crate) fn tasting() -> CounterId {
    CounterId::Stock("tasting".parse().unwrap())
}

pub(crate) fn email(name: &str) -> Alias {
    let mut hash = [0; 16];
    hash[..name.len()].copy_from_slice(name.as_bytes());
    Alias { kind: "email".to_owned(), hash }
}

/// Returns the claim of a free `alias`.
pub(crate) fn claim(alias: Alias) -> Claim {
    claim_of("m-1", alias)
}

/// Returns the claim of a free `alias` by a member.
pub(crate) fn claim_of(id: &str, alias: Alias) -> Claim {
    Claim { alias, member: member(id), from: None }
}

/// Commits a posting that must succeed.
pub(crate) async fn commit(table: &Table, posting: &Posting) -> Account {
    assert_eq!(table.store.commit(posting).await.unwrap(), Commit::Committed);
    posting.own.account.clone()
}

/// Returns a table with one member, `m-1`.
pub(crate) async fn table_with_member() -> (Table, Account) {
    let table = Table::new().await;
    let account = commit(&table, &enrollment(&member("m-1"))).await;
    (table, account)
}

/// The last day of sample points.
pub(crate) const LAST_DAY: Date = date(2027, 11, 30);

fn add_entry(posting: &mut Posting, id: &EntryId, points: i64, fingerprint: Option<&Fingerprint>) {
    let entry = entry(id, posting.own.account.seq + 1, points, fingerprint);
    add(posting, entry);
}

fn add(posting: &mut Posting, entry: Entry) {
    let account = &mut posting.own.account;
    account.apply(&entry);
    let sealed = Sealed::new(entry, &account.head_hash);
    account.head_hash = sealed.hash;
    posting.own.entries.push(sealed);
}

fn entry(id: &EntryId, seq: u64, points: i64, fingerprint: Option<&Fingerprint>) -> Entry {
    let record = if fingerprint.is_some() && *id == EntryId::enrollment() {
        json!({ "kind": "enrollment", "record": {} })
    } else {
        let breakdown = json!([["base", points, points]]);
        json!({ "kind": "accrual", "record": { "source": { "purchase": 100 }, "breakdown": breakdown } })
    };
    let mut entry = json!({
        "format": 1, "id": id, "seq": seq, "lots": [[LAST_DAY, points]],
        "program_version": 4, "by": "operator", "occurred_at": NOW, "posted_at": NOW,
        "fingerprint": fingerprint,
    });
    if points == 0 {
        entry["lots"] = json!([]);
    }
    let serde_json::Value::Object(record) = record else { panic!("a record is an object") };
    entry.as_object_mut().unwrap().extend(record);
    serde_json::from_value(entry).unwrap()
}
