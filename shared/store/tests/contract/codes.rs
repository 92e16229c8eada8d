//! Codes of rewards: added once, given once, used once, also under concurrent requests.

use std::collections::BTreeSet;

use regulars_domain::{
    account::Account,
    code::{Code, CodeEnd, CodeTerms, GivenCode, Holder, KeptCode},
    id::{MemberId, RewardId},
    money::{Amount, Money},
    posting::Posting,
};
use regulars_store::{CodeCount, Commit, Found, Needs, Outcome, Snapshot, Step};

use crate::{
    deciding::Act,
    engine::Table,
    sample::{accrual, commit, demo, enrollment, member, request, soon, table_with_member},
    wire::{Fault, cancelled_for, error},
};

fn cinema() -> RewardId {
    "cinema".parse().unwrap()
}

fn codes(codes: &[&str]) -> BTreeSet<Code> {
    codes.iter().map(|code| code.parse().unwrap()).collect()
}

async fn add(table: &Table, added: &[&str]) -> u64 {
    table.store.add_codes(&demo(), &cinema(), &codes(added)).await.unwrap()
}

async fn kept(table: &Table, code: &str) -> Option<KeptCode> {
    table.store.code(&demo(), &cinema(), &code.parse().unwrap()).await.unwrap()
}

/// Returns a code without changes, given to this member for this redemption or still free.
fn untouched(code: &str, holder: Option<(&MemberId, &str)>) -> KeptCode {
    let holder =
        holder.map(|(member, redemption)| Holder { member: member.clone(), redemption: redemption.parse().unwrap() });
    let code = code.parse().unwrap();
    let (terms, used) = (CodeTerms::default(), Amount::default());
    KeptCode { reward: cinema(), code, holder, terms, used, end: None, changes: 0 }
}

fn given(code: &str, member: &MemberId, key: &str, is_pooled: bool) -> GivenCode {
    GivenCode {
        reward: cinema(),
        code: code.parse().unwrap(),
        member: member.clone(),
        redemption: key.parse().unwrap(),
        is_pooled,
        terms: CodeTerms::default(),
    }
}

fn needs() -> Needs {
    Needs { codes: vec![cinema()], ..Needs::default() }
}

/// Takes the code that is found.
fn redeem(key: &str) -> impl FnMut(Option<Account>, &Found) -> Result<Step, &'static str> {
    move |account, found| {
        let code = found.code(&cinema()).ok_or("none left")?;
        let mut posting = accrual(&account.unwrap(), key, 0);
        posting.codes = vec![given(code.as_str(), &posting.own.account.member, key, true)];
        Ok(Step::commit(posting))
    }
}

async fn act(table: &Table, id: &str, key: &str) -> Outcome<&'static str> {
    let known = request(key, 0);
    table.store.act(&demo(), &member(id), &needs(), Some(&known), soon(), redeem(key)).await.unwrap()
}

#[tokio::test]
async fn a_code_is_added_once_and_shows_its_redemption() {
    let (table, _) = table_with_member().await;
    assert_eq!(kept(&table, "A1").await, None);
    assert_eq!(add(&table, &["A1"]).await, 1);
    assert_eq!(add(&table, &["A1", "A2"]).await, 1);
    assert_eq!(kept(&table, "A1").await, Some(untouched("A1", None)));
    assert!(matches!(act(&table, "m-1", "r-1").await, Outcome::Committed(_)));
    assert!(matches!(act(&table, "m-1", "r-2").await, Outcome::Committed(_)));
    assert_eq!(act(&table, "m-1", "r-3").await, Outcome::Refused("none left"));
    let mut redemptions = BTreeSet::new();
    for code in ["A1", "A2"] {
        let Holder { member, redemption } = kept(&table, code).await.unwrap().holder.unwrap();
        assert_eq!(member.as_str(), "m-1");
        redemptions.insert(redemption.as_str().to_owned());
    }
    assert_eq!(redemptions, ["r-1".to_owned(), "r-2".to_owned()].into());
    assert_eq!(add(&table, &["A1", "A2", "A3"]).await, 1, "what was given is known");
    let count = table.store.count_codes(&demo(), &cinema()).await.unwrap();
    assert_eq!(count, CodeCount { left: 1, given: 2 });
    // A repeat is a repeat, although another code is free by now.
    assert!(matches!(act(&table, "m-1", "r-1").await, Outcome::Replayed { .. }));
    assert_eq!(kept(&table, "A3").await, Some(untouched("A3", None)));
    let other = "other".parse().unwrap();
    assert_eq!(table.store.code(&other, &cinema(), &"A1".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn a_code_is_given_once_whether_it_was_uploaded_or_made() {
    let (table, account) = table_with_member().await;
    add(&table, &["A1"]).await;
    let give = |account: &Account, key: &str, code: &str, is_pooled| {
        let mut posting = accrual(account, key, 0);
        posting.codes = vec![given(code, &account.member, key, is_pooled)];
        posting
    };
    let account = commit(&table, &give(&account, "r-1", "A1", true)).await;
    let account = commit(&table, &give(&account, "r-2", "MADE", false)).await;
    let made = untouched("MADE", Some((&account.member, "r-2")));
    assert_eq!(kept(&table, "MADE").await, Some(made.clone()));
    let before = table.keys().await;
    for (code, is_pooled) in [("A1", true), ("A1", false), ("MADE", true), ("MADE", false), ("UNKNOWN", true)] {
        let came_to = table.store.commit(&give(&account, "r-3", code, is_pooled)).await.unwrap();
        assert_eq!(came_to, Commit::Conflict, "{code}");
    }
    assert_eq!(table.keys().await, before);
    assert_eq!(kept(&table, "MADE").await, Some(made));
}

#[tokio::test]
async fn who_finds_a_code_gone_meanwhile_gets_another() {
    let (table, _) = table_with_member().await;
    commit(&table, &enrollment(&member("m-2"))).await;
    add(&table, &["A1", "A2"]).await;
    // Both read the same code first, because the table has only that one.
    let shown = serde_json::json!({
        "Items": [{ "pk": { "S": "codes#demo#cinema" }, "sk": { "S": "code#A1" }, "seq": { "N": "1" } }],
        "Count": 1, "ScannedCount": 1,
    });
    for id in ["m-1", "m-2"] {
        table.wire.next("Query", Fault::Answer(200, shown.clone()));
        assert!(matches!(act(&table, id, "r-1").await, Outcome::Committed(_)));
    }
    let to = |kept: Option<KeptCode>| kept.unwrap().holder.unwrap().member.as_str().to_owned();
    assert_eq!((to(kept(&table, "A1").await), to(kept(&table, "A2").await)), ("m-1".to_owned(), "m-2".to_owned()));
}

#[tokio::test]
async fn many_codes_are_added_in_transactions_of_a_hundred() {
    let (table, _) = table_with_member().await;
    let many: Vec<String> = (0..250).map(|number| format!("code-{number:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let before = table.store.meter().snapshot();
    assert_eq!(add(&table, &many).await, 250);
    assert_eq!(table.store.meter().since(&before).round_trips, 3);
    assert_eq!(add(&table, &many).await, 0);
    assert_eq!(table.store.count_codes(&demo(), &cinema()).await.unwrap(), CodeCount { left: 250, given: 0 });
    // The position is random, so a rush does not meet at one code.
    let mut found = BTreeSet::new();
    for _ in 0..40 {
        found.extend(table.store.free_codes(&demo(), &[cinema()]).await.unwrap().into_values());
    }
    assert!(found.len() > 10, "{}", found.len());
}

#[tokio::test]
async fn an_upload_that_meets_others_is_tried_again_for_a_while() {
    let (table, _) = table_with_member().await;
    add(&table, &["A1"]).await;
    table.wire.next("TransactWriteItems", cancelled_for(&["None", "TransactionConflict", "None"]));
    table.wire.next("TransactWriteItems", cancelled_for(&["ThrottlingError", "None", "None"]));
    table.wire.next("TransactWriteItems", error(400, "TransactionInProgressException"));
    table.wire.next("TransactWriteItems", Fault::AnswerLost);
    // The lost answer was that of the transaction with A1; the next call adds the rest.
    assert_eq!(add(&table, &["A1", "A2", "A3"]).await, 2);
    for _ in 0..100 {
        table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict"]));
    }
    assert!(table.store.add_codes(&demo(), &cinema(), &codes(&["A4"])).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn codes_cost_the_documented_units() {
    let (table, _) = table_with_member().await;
    let cost = |before: &Snapshot| {
        let used = table.store.meter().since(before);
        (used.round_trips, used.read_half_units, used.write_half_units)
    };
    let before = table.store.meter().snapshot();
    add(&table, &["A1"]).await;
    println!("adding a code: {:?}", cost(&before));
    assert_eq!(cost(&before), (1, 0, 6));
    let before = table.store.meter().snapshot();
    act(&table, "m-1", "r-1").await;
    println!("a redemption that gives it: {:?}", cost(&before));
    let (round_trips, reads, writes) = cost(&before);
    // One query if it starts before the code, and two otherwise.
    assert!((3..=4).contains(&round_trips) && (3..=4).contains(&reads), "{round_trips} {reads}");
    assert_eq!(writes, 16);
    let account = table.store.account(&demo(), &member("m-1")).await.unwrap().unwrap();
    let read = kept(&table, "A1").await.unwrap();
    let before = table.store.meter().snapshot();
    commit(&table, &changing(&account, "use-1", changed(&read, 0, Some(CodeEnd::Used)))).await;
    println!("a use of it: {:?}", cost(&before));
    assert_eq!(cost(&before), (1, 0, 14));
}

/// Returns a posting that leaves a code in this state.
fn changing(account: &Account, key: &str, code: KeptCode) -> Posting {
    let mut posting = accrual(account, key, 0);
    posting.changed_codes = vec![code];
    posting
}

fn euro(amount: i64) -> Money {
    Money { amount: Amount::new(amount).unwrap(), currency: "EUR".parse().unwrap() }
}

/// Returns `code` after a use of an amount, and with this end.
fn changed(code: &KeptCode, used: i64, end: Option<CodeEnd>) -> KeptCode {
    KeptCode { used: Amount::new(used).unwrap(), end, changes: code.changes + 1, ..code.clone() }
}

#[tokio::test]
async fn a_code_reads_back_with_its_terms_and_what_became_of_it() {
    let (table, mut account) = table_with_member().await;
    let all = [
        CodeTerms::default(),
        CodeTerms { expires_on: Some("2027-02-19".parse().unwrap()), value: None },
        CodeTerms { expires_on: None, value: Some(euro(1_000)) },
        CodeTerms { expires_on: Some("2027-02-19".parse().unwrap()), value: Some(euro(1)) },
    ];
    for (number, terms) in all.into_iter().enumerate() {
        for is_pooled in [true, false] {
            let (code, key) = (format!("code-{number}-{is_pooled}"), format!("r-{number}-{is_pooled}"));
            if is_pooled {
                add(&table, &[&code]).await;
            }
            let mut posting = accrual(&account, &key, 0);
            posting.codes = vec![GivenCode { terms, ..given(&code, &account.member, &key, is_pooled) }];
            account = commit(&table, &posting).await;
            let mut expected = KeptCode { terms, ..untouched(&code, Some((&account.member, &key))) };
            assert_eq!(kept(&table, &code).await.as_ref(), Some(&expected));
            for (used, end) in [(1, None), (7, Some(CodeEnd::Used))] {
                expected = changed(&expected, used, end);
                account = commit(&table, &changing(&account, &format!("use-{used}-{code}"), expected.clone())).await;
                assert_eq!(kept(&table, &code).await.as_ref(), Some(&expected));
            }
        }
    }
}

#[tokio::test]
async fn a_code_that_changed_since_it_was_read_is_not_changed_again() {
    let (table, account) = table_with_member().await;
    add(&table, &["A1"]).await;
    act(&table, "m-1", "r-1").await;
    let account = table.store.account(&demo(), &account.member).await.unwrap().unwrap();
    let read = kept(&table, "A1").await.unwrap();
    // Another till is faster, for another account, so that only the code is in conflict.
    let other = commit(&table, &enrollment(&member("m-2"))).await;
    commit(&table, &changing(&other, "use-1", changed(&read, 0, Some(CodeEnd::Used)))).await;
    let before = table.keys().await;
    for end in [Some(CodeEnd::Used), Some(CodeEnd::Void), None] {
        let came_to = table.store.commit(&changing(&account, "use-2", changed(&read, 0, end))).await.unwrap();
        assert_eq!(came_to, Commit::Conflict, "{end:?}");
    }
    let unknown = changed(&untouched("UNKNOWN", None), 0, None);
    assert_eq!(table.store.commit(&changing(&account, "use-2", unknown)).await.unwrap(), Commit::Conflict);
    assert_eq!(table.keys().await, before);
    let used = kept(&table, "A1").await.unwrap();
    assert_eq!((used.end, used.changes), (Some(CodeEnd::Used), 1));
}

#[tokio::test]
async fn a_voided_code_stays_void_and_a_free_one_is_never_given() {
    let (table, _) = table_with_member().await;
    let void = async |code: &str| table.store.void_code(&demo(), &cinema(), &code.parse().unwrap()).await.unwrap();
    assert_eq!(void("A1").await, None);
    add(&table, &["A1"]).await;
    let expected = changed(&untouched("A1", None), 0, Some(CodeEnd::Void));
    for _ in 0..2 {
        assert_eq!(void("A1").await.as_ref(), Some(&expected));
        assert_eq!(kept(&table, "A1").await.as_ref(), Some(&expected));
    }
    assert_eq!(act(&table, "m-1", "r-1").await, Outcome::Refused("none left"));
    assert_eq!(add(&table, &["A1"]).await, 0, "a void code is known");
    let count = table.store.count_codes(&demo(), &cinema()).await.unwrap();
    assert_eq!(count, CodeCount { left: 0, given: 0 });
    // A code that is given while it is voided becomes void.
    add(&table, &["A2"]).await;
    act(&table, "m-1", "r-2").await;
    assert_eq!(void("A2").await.unwrap().end, Some(CodeEnd::Void));
    let count = table.store.count_codes(&demo(), &cinema()).await.unwrap();
    assert_eq!(count, CodeCount { left: 0, given: 1 });
}

#[tokio::test]
async fn a_code_that_is_used_while_it_is_made_void_stays_used() {
    let (table, _) = table_with_member().await;
    add(&table, &["A1"]).await;
    act(&table, "m-1", "r-1").await;
    let account = table.store.account(&demo(), &member("m-1")).await.unwrap().unwrap();
    let read = kept(&table, "A1").await.unwrap();
    commit(&table, &changing(&account, "use-1", changed(&read, 0, Some(CodeEnd::Used)))).await;
    // The command reads the code as it was before.
    let shown = serde_json::json!({ "Item": {
        "pk": { "S": "codes#demo#cinema" }, "sk": { "S": "code#A1" }, "m": { "S": "m-1" }, "i": { "S": "r-1" },
    } });
    table.wire.next("GetItem", Fault::Answer(200, shown));
    let code = table.store.void_code(&demo(), &cinema(), &"A1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((code.end, code.changes), (Some(CodeEnd::Used), 1));
    // After repeated conflicts it gives up, and can be repeated.
    add(&table, &["A2"]).await;
    for _ in 0..100 {
        table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict"]));
    }
    let code = table.store.void_code(&demo(), &cinema(), &"A2".parse().unwrap()).await;
    assert!(code.unwrap_err().is_retryable());
}

#[tokio::test]
async fn one_of_many_tills_that_use_a_code_at_once_is_the_one_that_does() {
    let (table, _) = table_with_member().await;
    add(&table, &["A1"]).await;
    act(&table, "m-1", "r-1").await;
    let uses = (0..8).map(|number| {
        let (store, key) = (table.store.clone(), format!("use-{number}"));
        tokio::spawn(async move {
            let code: (RewardId, Code) = (cinema(), "A1".parse().unwrap());
            let needs = Needs { given_codes: vec![code.clone()], ..Needs::default() };
            let decide = |account: Option<Account>, found: &Found| {
                let kept = found.given_code(&code.0, &code.1).flatten().unwrap();
                let used = KeptCode { end: Some(CodeEnd::Used), changes: kept.changes + 1, ..kept.clone() };
                if kept.end.is_some() {
                    Err("used".to_owned())
                } else {
                    Ok(Step::commit(changing(&account.unwrap(), &key, used)))
                }
            };
            let known = request(&key, 0);
            store.act(&demo(), &member("m-1"), &needs, Some(&known), soon(), decide).await.unwrap()
        })
    });
    let mut done = 0;
    for under_way in uses.collect::<Vec<_>>() {
        let outcome = under_way.await.unwrap();
        let is_done = matches!(outcome, Outcome::Committed(_));
        assert!(is_done || outcome == Outcome::Refused("used".to_owned()), "{outcome:?}");
        done += usize::from(is_done);
    }
    assert_eq!((done, kept(&table, "A1").await.unwrap().changes), (1, 1));
}
