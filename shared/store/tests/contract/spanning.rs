//! Postings that change several accounts: all or none, and commands that learn on the way which accounts they need.

use regulars_domain::{
    account::Account,
    id::{EntryId, MemberId},
    posting::{Claim, Posting},
};
use regulars_store::{Commit, Found, Needs, Outcome, Step, StoreFault};

use crate::{
    deciding::Act,
    engine::Table,
    sample::{
        accrual, claim, commit, demo, email, empty, enrollment, member, request, review, soon, table_with_member,
    },
    wire::Fault,
};

/// Returns a table with two members, and their accounts.
async fn two() -> (Table, Account, Account) {
    let (table, one) = table_with_member().await;
    let other = commit(&table, &enrollment(&member("m-2"))).await;
    (table, one, other)
}

/// Returns an accrual under `key` that also writes an entry of this name into the other account.
fn both(one: &Account, other: &Account, key: &str, name: &str) -> Posting {
    let mut posting = accrual(one, key, 5);
    posting.others = vec![review(other, &[name]).own];
    posting
}

#[tokio::test]
async fn both_accounts_change_or_neither() {
    let (table, one, other) = two().await;
    let posting = both(&one, &other, "t-1", "~transfer~m-1~t-1");
    let one = commit(&table, &posting).await;
    let other = posting.others[0].account.clone();
    assert_eq!(table.store.account(&demo(), &member("m-2")).await.unwrap(), Some(other.clone()));
    let name: EntryId = "~transfer~m-1~t-1".parse().unwrap();
    let written = table.store.entry(&demo(), &member("m-2"), &name).await.unwrap().unwrap();
    assert_eq!((written.member, written.sealed), (member("m-2"), posting.others[0].entries[0].clone()));

    let mut stale = both(&one, &other, "t-2", "~transfer~m-1~t-2");
    stale.others[0].expected_version = Some(other.version - 1);
    let twice = both(&one, &other, "t-2", "~transfer~m-1~t-1");
    let mut hidden = both(&one, &other, "t-2", "~transfer~m-1~t-2");
    hidden.others[0].account.version = other.version;
    let before = table.items().await;
    for posting in [stale, twice] {
        assert_eq!(table.store.commit(&posting).await.unwrap(), Commit::Conflict);
    }
    assert!(matches!(table.store.commit(&hidden).await.unwrap_err(), StoreFault::Broken(_)));
    assert_eq!(table.items().await, before, "nothing is half written");
}

#[tokio::test]
async fn a_request_that_was_carried_out_is_a_replay_regardless_of_the_other_account() {
    let (table, one, other) = two().await;
    let posting = both(&one, &other, "t-1", "~transfer~m-1~t-1");
    commit(&table, &posting).await;
    commit(&table, &review(&posting.others[0].account, &["~expiry~2026-11-30"])).await;
    let commit = table.store.commit(&posting).await.unwrap();
    assert!(matches!(commit, Commit::Replayed { .. }), "{commit:?}");
}

#[tokio::test]
async fn an_alias_moves_from_the_member_who_had_it_and_from_no_other() {
    let (table, one, other) = two().await;
    let mut named = empty(&one);
    named.claims = vec![claim(email("aa"))];
    let one = commit(&table, &named).await;
    let hand_over = |from: &str| {
        let mut posting = both(&one, &other, "merge-1", "~transfer~m-1~merge-1");
        posting.claims = vec![Claim { alias: email("aa"), member: member("m-2"), from: Some(member(from)) }];
        posting
    };
    assert_eq!(table.store.commit(&hand_over("m-3")).await.unwrap(), Commit::AliasTaken(email("aa")));
    assert_eq!(table.store.member_by_alias(&demo(), &email("aa")).await.unwrap(), Some(member("m-1")));
    commit(&table, &hand_over("m-1")).await;
    assert_eq!(table.store.member_by_alias(&demo(), &email("aa")).await.unwrap(), Some(member("m-2")));
}

/// Returns the step that requests the account of `id`.
fn look_at(id: &str) -> Step {
    Step::LookAt(Needs { accounts: vec![member(id)], ..Needs::default() })
}

/// Returns what a decision sees of the account of `id`.
fn shown(found: &Found, id: &str) -> &'static str {
    match found.account(&member(id)) {
        None => "not looked at",
        Some(None) => "nobody",
        Some(Some(_)) => "somebody",
    }
}

#[tokio::test]
async fn a_decision_gets_the_data_that_it_requests() {
    let (table, _, _) = two().await;
    let mut seen = Vec::new();
    let known = request("order-1", 5);
    let outcome = table
        .store
        .act(&demo(), &member("m-1"), &Needs::default(), Some(&known), soon(), |account, found| -> Result<Step, ()> {
            let shown = ["m-2", "m-3"].map(|id| shown(found, id));
            seen.push(shown);
            Ok(match shown {
                ["not looked at", _] => look_at("m-2"),
                [_, "not looked at"] => look_at("m-3"),
                _ => Step::commit(accrual(&account.unwrap(), "order-1", 5)),
            })
        })
        .await
        .unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
    let nothing = "not looked at";
    assert_eq!(seen, [[nothing, nothing], ["somebody", nothing], ["somebody", "nobody"]]);
}

#[tokio::test]
async fn a_decision_that_requests_data_it_already_has_ends_with_a_fault() {
    let (table, _, _) = two().await;
    let needs = Needs { accounts: vec![member("m-2")], ..Needs::default() };
    let fault = table
        .store
        .act(&demo(), &member("m-1"), &needs, None, soon(), |_, _| -> Result<Step, ()> { Ok(look_at("m-2")) })
        .await
        .unwrap_err();
    assert!(matches!(fault, StoreFault::Broken(_)), "{fault:?}");
}

#[tokio::test]
async fn after_a_lost_race_everything_that_was_needed_is_read_again() {
    let (table, _, other) = two().await;
    let (store, rival) = (table.store.clone(), review(&other, &["~expiry~2026-11-30"]));
    table.wire.next(
        "TransactWriteItems",
        Fault::Meanwhile(Box::pin(async move {
            assert_eq!(store.commit(&rival).await.unwrap(), Commit::Committed);
        })),
    );
    let mut seen = Vec::new();
    let known = request("t-1", 5);
    let outcome = table
        .store
        .act(&demo(), &member("m-1"), &Needs::default(), Some(&known), soon(), |account, found| -> Result<Step, ()> {
            let Some(Some(other)) = found.account(&member("m-2")) else { return Ok(look_at("m-2")) };
            seen.push(other.version);
            Ok(Step::commit(both(&account.unwrap(), other, "t-1", "~transfer~m-1~t-1")))
        })
        .await
        .unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
    assert_eq!(seen, [1, 2]);
}

#[tokio::test]
async fn what_time_did_to_the_other_account_is_committed_by_itself_first() {
    let (table, _, _) = two().await;
    let needs = Needs { accounts: vec![member("m-2")], ..Needs::default() };
    let known = request("t-1", 5);
    let before = table.store.meter().snapshot();
    let outcome = table
        .store
        .act(&demo(), &member("m-1"), &needs, Some(&known), soon(), |account, found| -> Result<Step, ()> {
            let other = found.account(&member("m-2")).unwrap().unwrap();
            Ok(match other.seq {
                1 => Step::catch_up(review(other, &["~expiry~2026-11-30"])),
                _ => Step::commit(both(&account.unwrap(), other, "t-1", "~transfer~m-1~t-1")),
            })
        })
        .await
        .unwrap();
    let Outcome::Committed(posting) = outcome else { panic!("{outcome:?}") };
    assert_eq!((posting.own.account.seq, posting.others[0].account.seq), (2, 3));
    // What was committed is the current account, so it need not be read again.
    assert_eq!(table.store.meter().since(&before).round_trips, 4);
}

/// Two members send a point back and forth concurrently: every point that leaves one reaches the other.
#[tokio::test]
async fn many_postings_across_two_accounts_lose_nothing() {
    const TIMES: usize = 30;
    let (table, _, _) = two().await;
    let ids = [member("m-1"), member("m-2")];
    let (table, ids) = (&table, &ids);
    let hand = async |n: usize| {
        let (from, to): (&MemberId, &MemberId) = (&ids[n % 2], &ids[(n + 1) % 2]);
        let (key, needs) = (format!("t-{n}"), Needs { accounts: vec![to.clone()], ..Needs::default() });
        let known = request(&key, 1);
        loop {
            let outcome = table
                .store
                .act(&demo(), from, &needs, Some(&known), soon(), |account, found| -> Result<Step, ()> {
                    let other = found.account(to).unwrap().unwrap();
                    let mut posting = accrual(&account.unwrap(), &key, 1);
                    posting.others = vec![review(other, &[&format!("~transfer~{from}~t-{n}")]).own];
                    Ok(Step::commit(posting))
                })
                .await
                .unwrap();
            if matches!(outcome, Outcome::Committed(_)) {
                return;
            }
            assert!(matches!(outcome, Outcome::Busy), "{outcome:?}");
        }
    };
    let mut works: Vec<_> = (0..TIMES).map(|n| Box::pin(hand(n))).collect();
    std::future::poll_fn(|context| {
        works.retain_mut(|work| work.as_mut().poll(context).is_pending());
        if works.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    for id in ids {
        let account = table.store.account(&demo(), id).await.unwrap().unwrap();
        // An enrollment, and every posting in both ledgers.
        assert_eq!((account.seq, account.version), (31, 31), "{id}");
    }
}
