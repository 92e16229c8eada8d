//! Codes of rewards: added once, given once, whatever else is under way.

use std::collections::BTreeSet;

use regulars_domain::{
    account::Account,
    code::{Code, GivenCode},
    id::{MemberId, RewardId},
};
use regulars_store::{CodeCount, CodeFate, Commit, Found, Needs, Outcome, Snapshot, Step};

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

async fn fate(table: &Table, code: &str) -> Option<CodeFate> {
    table.store.code(&demo(), &cinema(), &code.parse().unwrap()).await.unwrap()
}

fn given(code: &str, member: &MemberId, key: &str, is_pooled: bool) -> GivenCode {
    GivenCode {
        reward: cinema(),
        code: code.parse().unwrap(),
        member: member.clone(),
        redemption: key.parse().unwrap(),
        is_pooled,
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
async fn a_code_is_added_once_and_tells_to_whom_it_was_given() {
    let (table, _) = table_with_member().await;
    assert_eq!(fate(&table, "A1").await, None);
    assert_eq!(add(&table, &["A1"]).await, 1);
    assert_eq!(add(&table, &["A1", "A2"]).await, 1);
    assert_eq!(fate(&table, "A1").await, Some(CodeFate::Free));
    assert!(matches!(act(&table, "m-1", "r-1").await, Outcome::Committed(_)));
    assert!(matches!(act(&table, "m-1", "r-2").await, Outcome::Committed(_)));
    assert_eq!(act(&table, "m-1", "r-3").await, Outcome::Refused("none left"));
    let mut redemptions = BTreeSet::new();
    for code in ["A1", "A2"] {
        let Some(CodeFate::Given { member, redemption }) = fate(&table, code).await else { panic!("{code} is free") };
        assert_eq!(member.as_str(), "m-1");
        redemptions.insert(redemption.as_str().to_owned());
    }
    assert_eq!(redemptions, ["r-1".to_owned(), "r-2".to_owned()].into());
    assert_eq!(add(&table, &["A1", "A2", "A3"]).await, 1, "what was given is known");
    let count = table.store.count_codes(&demo(), &cinema()).await.unwrap();
    assert_eq!(count, CodeCount { left: 1, given: 2 });
    // A repeat is a repeat, though there is another code by now.
    assert!(matches!(act(&table, "m-1", "r-1").await, Outcome::Replayed { .. }));
    assert_eq!(fate(&table, "A3").await, Some(CodeFate::Free));
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
    let made = CodeFate::Given { member: account.member.clone(), redemption: "r-2".parse().unwrap() };
    assert_eq!(fate(&table, "MADE").await, Some(made.clone()));
    let before = table.keys().await;
    for (code, is_pooled) in [("A1", true), ("A1", false), ("MADE", true), ("MADE", false), ("UNKNOWN", true)] {
        let came_to = table.store.commit(&give(&account, "r-3", code, is_pooled)).await.unwrap();
        assert_eq!(came_to, Commit::Conflict, "{code}");
    }
    assert_eq!(table.keys().await, before);
    assert_eq!(fate(&table, "MADE").await, Some(made));
}

#[tokio::test]
async fn who_finds_a_code_gone_meanwhile_gets_another() {
    let (table, _) = table_with_member().await;
    commit(&table, &enrollment(&member("m-2"))).await;
    add(&table, &["A1", "A2"]).await;
    // Both see the same code first, because the table has only that one to show.
    let shown = serde_json::json!({
        "Items": [{ "pk": { "S": "codes#demo#cinema" }, "sk": { "S": "code#A1" }, "seq": { "N": "1" } }],
        "Count": 1, "ScannedCount": 1,
    });
    for id in ["m-1", "m-2"] {
        table.wire.next("Query", Fault::Answer(200, shown.clone()));
        assert!(matches!(act(&table, id, "r-1").await, Outcome::Committed(_)));
    }
    let to = |fate| match fate {
        Some(CodeFate::Given { member, .. }) => member.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!((to(fate(&table, "A1").await), to(fate(&table, "A2").await)), ("m-1".to_owned(), "m-2".to_owned()));
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
    // Where to look is chance, so a rush does not meet at one code.
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
    // The lost answer was that of the one which found A1 known; the next adds the rest.
    assert_eq!(add(&table, &["A1", "A2", "A3"]).await, 2);
    for _ in 0..100 {
        table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict"]));
    }
    assert!(table.store.add_codes(&demo(), &cinema(), &codes(&["A4"])).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn codes_cost_what_they_are_said_to() {
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
    // One look if it starts before the code, and two if behind it.
    assert!((3..=4).contains(&round_trips) && (3..=4).contains(&reads), "{round_trips} {reads}");
    assert_eq!(writes, 16);
}
