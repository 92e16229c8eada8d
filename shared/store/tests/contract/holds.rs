//! Amounts that holds reserve: free from the second in which the hold ends, and returned once.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{Timestamp, ToSpan};
use regulars_domain::{
    account::Account,
    cap_use::CapOwner,
    counter::{CounterChange, CounterId, Reserved, Take},
    posting::Posting,
};
use regulars_store::{Action, Commit, Found, Needs, Outcome, Snapshot, Step, Store};

use crate::{
    deciding::Act,
    engine::{CROWD, Table},
    sample::{NOW, accrual, commit, demo, enrollment, member, request, soon, tasting},
    wire::Fault,
};

/// Returns the instant a number of seconds after the start.
fn after(seconds: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() + seconds.seconds()
}

/// Returns a reservation of `amount` by the redemption `key` of a member, until a number of seconds after the start.
fn reserved(account: &Account, key: &str, until: i64, amount: i64) -> Reserved {
    let (member, redemption) = (account.member.clone(), key.parse().unwrap());
    Reserved { member, redemption, ends_at: after(until), amount }
}

/// Returns the posting of a command of `account` under `key`, decided a number of seconds after the start, with these
/// changes of counters.
fn posting(account: &Account, key: &str, seconds: i64, takes: &[Take]) -> Posting {
    let mut posting = accrual(account, key, 0);
    posting.own.account.settled_at = after(seconds);
    posting.takes = takes.to_vec();
    posting
}

fn of(counter: &CounterId, change: CounterChange, most: i64) -> Take {
    Take { counter: counter.clone(), change, most }
}

fn stock(change: CounterChange, most: i64) -> Take {
    of(&tasting(), change, most)
}

fn captured(reserved: Reserved) -> CounterChange {
    let kept = reserved.amount;
    CounterChange::Ended { reserved, kept }
}

fn given_back(reserved: Reserved) -> CounterChange {
    CounterChange::Ended { reserved, kept: 0 }
}

/// Returns a table with these members, each with the account as written.
async fn table_with(members: &[&str]) -> (Table, Vec<Account>) {
    let table = Table::new().await;
    let mut accounts = vec![];
    for id in members {
        accounts.push(commit(&table, &enrollment(&member(id))).await);
    }
    (table, accounts)
}

/// Returns how much is taken of a counter, and how many holds its shards list.
async fn standing(table: &Table, partition: &str, sort: &str) -> (i64, usize) {
    let (mut taken, mut holds) = (0, 0);
    for shard in 0..8 {
        let pk = format!("{partition}#{shard}");
        if let Some(value) = table.attribute(&pk, sort, "taken").await {
            taken += value.as_n().unwrap().parse::<i64>().unwrap();
        }
        if let Some(value) = table.attribute(&pk, sort, "held").await {
            holds += value.as_ss().unwrap().len();
        }
    }
    (taken, holds)
}

async fn stock_standing(table: &Table) -> (i64, usize) {
    standing(table, "reward#demo#tasting", "stock").await
}

/// Redeems one piece a number of seconds after the start; refuses when none is left.
async fn redeem(store: &Store, id: &str, key: &str, seconds: i64, most: i64) -> Outcome<()> {
    let now = after(seconds);
    let decide = |account: Option<Account>, found: &Found| {
        match found.counters.at(now).left(&tasting(), most, 1) {
            Ok(1..) => {}
            Ok(_) => return Err(()),
            Err(needed) => return Ok(Step::LookAt(needed.into())),
        }
        Ok(Step::commit(posting(&account.ok_or(())?, key, seconds, &[stock(CounterChange::Taken(1), most)])))
    };
    let needs = Needs { counters: vec![tasting()], ..Needs::default() };
    store.act(&demo(), &member(id), &needs, Some(&request(key, 0)), soon(), decide).await.unwrap()
}

#[tokio::test]
async fn a_piece_is_free_from_the_second_in_which_its_hold_ends_and_is_returned_once() {
    let (table, accounts) = table_with(&["m-1", "m-2"]).await;
    let [one, _] = accounts.as_slice() else { panic!("two members") };
    let hold = reserved(one, "r-1", 60, 1);
    let one = commit(&table, &posting(one, "r-1", 0, &[stock(CounterChange::Held(hold.clone()), 1)])).await;
    assert_eq!(stock_standing(&table).await, (1, 1));
    assert_eq!(redeem(&table.store, "m-2", "r-2", 59, 1).await, Outcome::Refused(()));
    let outcome = redeem(&table.store, "m-2", "r-2", 60, 1).await;
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    assert_eq!(stock_standing(&table).await, (1, 0));
    // The member whose hold has ended is settled a day later: there is nothing left to return.
    let ended = [stock(given_back(hold), 1)];
    commit(&table, &posting(&one, "~cancellation~r-1", 86_400, &ended)).await;
    assert_eq!(stock_standing(&table).await, (1, 0));
}

#[tokio::test]
async fn a_hold_that_is_settled_before_anybody_needs_its_piece_gives_it_back() {
    let (table, accounts) = table_with(&["m-1"]).await;
    let hold = reserved(&accounts[0], "r-1", 60, 1);
    let account = posting(&accounts[0], "r-1", 0, &[stock(CounterChange::Held(hold.clone()), 3)]);
    let account = commit(&table, &account).await;
    let account = commit(&table, &posting(&account, "e-1", 61, &[stock(given_back(hold.clone()), 3)])).await;
    assert_eq!(stock_standing(&table).await, (0, 0));
    commit(&table, &posting(&account, "e-2", 62, &[stock(given_back(hold), 3)])).await;
    assert_eq!(stock_standing(&table).await, (0, 0), "a second time changes nothing");
}

/// Lets one member per account redeem a piece concurrently; returns how many got one.
async fn crowd(table: &Table, members: &[&str], seconds: i64, most: i64) -> usize {
    let tasks: Vec<_> = members
        .iter()
        .map(|id| {
            let (store, id) = (table.store.clone(), (*id).to_owned());
            tokio::spawn(async move { redeem(&store, &id, &format!("taker-{id}"), seconds, most).await })
        })
        .collect();
    let mut got = 0;
    for task in tasks {
        match task.await.unwrap() {
            Outcome::Committed(_) => got += 1,
            Outcome::Refused(()) => {}
            other @ (Outcome::Replayed { .. }
            | Outcome::KeyReused
            | Outcome::AliasTaken(_)
            | Outcome::ReceiptTaken(_)
            | Outcome::HoldOver
            | Outcome::Elsewhere(_)
            | Outcome::Busy) => panic!("{other:?}"),
        }
    }
    got
}

const TEN: [&str; 10] = ["t-0", "t-1", "t-2", "t-3", "t-4", "t-5", "t-6", "t-7", "t-8", "t-9"];

#[tokio::test]
async fn of_ten_who_want_the_piece_of_an_ended_hold_one_gets_it() {
    let _alone = CROWD.lock().await;
    for most in [1, 3] {
        let (table, _) = table_with(&TEN).await;
        let mut holders = vec![];
        for number in 0..most {
            let account = commit(&table, &enrollment(&member(&format!("m-{number}")))).await;
            let hold = reserved(&account, "r-1", 60, 1);
            let holding = posting(&account, "r-1", 0, &[stock(CounterChange::Held(hold.clone()), most)]);
            holders.push((commit(&table, &holding).await, hold));
        }
        assert_eq!(crowd(&table, &TEN, 59, most).await, 0, "while the holds run");
        assert_eq!(i64::try_from(crowd(&table, &TEN, 60, most).await).unwrap(), most);
        assert_eq!(stock_standing(&table).await.0, most);
        // All holders are settled afterwards, and late by their own clocks.
        for (account, hold) in holders {
            let late = posting(&account, "c-1", 58, &[stock(captured(hold.clone()), most)]);
            assert_eq!(table.store.commit(&late).await.unwrap(), Commit::HoldOver);
            commit(&table, &posting(&account, "e-1", 61, &[stock(given_back(hold), most)])).await;
        }
        assert_eq!(stock_standing(&table).await, (most, 0));
    }
}

#[tokio::test]
async fn a_capture_by_a_clock_that_is_late_and_a_take_by_one_that_is_ahead_never_both_happen() {
    for is_take_first in [true, false] {
        let (table, accounts) = table_with(&["m-1", "m-2"]).await;
        let hold = reserved(&accounts[0], "r-1", 60, 1);
        let holding = posting(&accounts[0], "r-1", 0, &[stock(CounterChange::Held(hold.clone()), 1)]);
        let holder = commit(&table, &holding).await;
        let capture = posting(&holder, "c-1", 59, &[stock(captured(hold), 1)]);
        let take = posting(&accounts[1], "r-2", 60, &[stock(CounterChange::Taken(1), 1)]);
        // The other one commits between the first one's read of the counter and its transaction.
        let (rival, first) = if is_take_first { (take, capture) } else { (capture, take) };
        let store = table.store.clone();
        table.wire.next(
            "TransactWriteItems",
            Fault::Meanwhile(Box::pin(async move {
                assert_eq!(store.commit(&rival).await.unwrap(), Commit::Committed);
            })),
        );
        assert_eq!(table.store.commit(&first).await.unwrap(), Commit::Conflict);
        let again = table.store.commit(&first).await.unwrap();
        let expected = if is_take_first { Commit::HoldOver } else { Commit::Exhausted(tasting()) };
        assert_eq!(again, expected);
        assert_eq!(stock_standing(&table).await, (1, 0));
    }
}

#[tokio::test]
async fn a_repeated_capture_is_a_repeat_and_a_second_one_is_a_conflict_and_never_an_ended_hold() {
    let (table, accounts) = table_with(&["m-1"]).await;
    let hold = reserved(&accounts[0], "r-1", 60, 1);
    let holding = posting(&accounts[0], "r-1", 0, &[stock(CounterChange::Held(hold.clone()), 1)]);
    let account = commit(&table, &holding).await;
    let capture = |key| posting(&account, key, 30, &[stock(captured(hold.clone()), 1)]);
    commit(&table, &capture("c-1")).await;
    assert_eq!(stock_standing(&table).await, (1, 0), "what is captured is taken for good");
    let again = table.store.commit(&capture("c-1")).await.unwrap();
    assert!(matches!(again, Commit::Replayed { .. }), "{again:?}");
    assert_eq!(table.store.commit(&capture("c-2")).await.unwrap(), Commit::Conflict);
}

#[tokio::test]
async fn an_amount_in_several_shards_is_captured_in_part_and_returned_completely() {
    let limit =
        CounterId::Cap { owner: CapOwner::Reward("tasting".parse().unwrap()), from: jiff::civil::date(1, 1, 1) };
    let at = |table: Table| async move {
        let standing = standing(&table, "cap#demo#reward/tasting", "0001-01-01").await;
        (table, standing)
    };
    // Twelve of forty, where a shard has five.
    for (kept, seconds, expected) in [(12, 30, (12, 0)), (7, 30, (7, 0)), (0, 30, (0, 0)), (0, 90, (0, 0))] {
        let (table, accounts) = table_with(&["m-1"]).await;
        let hold = reserved(&accounts[0], "r-1", 60, 12);
        let holding = posting(&accounts[0], "r-1", 0, &[of(&limit, CounterChange::Held(hold.clone()), 40)]);
        let account = commit(&table, &holding).await;
        let (table, before) = at(table).await;
        assert_eq!(before, (12, 3));
        let ended = of(&limit, CounterChange::Ended { reserved: hold, kept }, 40);
        commit(&table, &posting(&account, "e-1", seconds, &[ended])).await;
        assert_eq!(at(table).await.1, expected, "{kept} kept");
    }
}

#[tokio::test]
async fn a_limit_over_all_members_is_free_again_like_a_piece_and_the_next_interval_is_another() {
    let limit = |month| CounterId::Cap {
        owner: CapOwner::Reward("tasting".parse().unwrap()),
        from: jiff::civil::date(2026, month, 1),
    };
    let (table, accounts) = table_with(&["m-1", "m-2", "m-3"]).await;
    let hold = reserved(&accounts[0], "r-1", 60, 10);
    let holding = posting(&accounts[0], "r-1", 0, &[of(&limit(11), CounterChange::Held(hold.clone()), 10)]);
    let holder = commit(&table, &holding).await;
    let take = |account: &Account, month, seconds| {
        posting(account, "r-2", seconds, &[of(&limit(month), CounterChange::Taken(10), 10)])
    };
    let early = table.store.commit(&take(&accounts[1], 11, 59)).await.unwrap();
    assert_eq!(early, Commit::Exhausted(limit(11)));
    commit(&table, &take(&accounts[1], 12, 59)).await;
    commit(&table, &take(&accounts[2], 11, 60)).await;
    commit(&table, &posting(&holder, "e-1", 61, &[of(&limit(11), given_back(hold), 10)])).await;
    for month in ["2026-11-01", "2026-12-01"] {
        assert_eq!(standing(&table, "cap#demo#reward/tasting", month).await, (10, 0), "{month}");
    }
}

#[tokio::test]
async fn holds_that_end_together_and_a_take_are_one_change_of_the_counter() {
    let (table, accounts) = table_with(&["m-1"]).await;
    let mut account = accounts[0].clone();
    let mut ended = vec![];
    for key in ["r-1", "r-2"] {
        let hold = reserved(&account, key, 60, 1);
        account = commit(&table, &posting(&account, key, 0, &[stock(CounterChange::Held(hold.clone()), 2)])).await;
        ended.push(stock(given_back(hold), 2));
    }
    assert_eq!(stock_standing(&table).await, (2, 2));
    let new = stock(CounterChange::Held(reserved(&account, "r-3", 120, 1)), 2);
    let both = ended.iter().cloned().chain([new]).collect::<Vec<_>>();
    let account = commit(&table, &posting(&account, "r-3", 60, &both)).await;
    assert_eq!(stock_standing(&table).await, (1, 1));
    let taken = [ended[0].clone(), stock(CounterChange::Taken(1), 2)];
    commit(&table, &posting(&account, "r-4", 61, &taken)).await;
    assert_eq!(stock_standing(&table).await, (2, 1), "the one that had ended before gives nothing back again");
}

/// Returns the cost of committing `posting`, without its account and its entry: read units and write units, in halves,
/// and round trips.
async fn cost(table: &Table, posting: &Posting) -> (u64, u64, u64) {
    let before = table.store.meter().snapshot();
    commit(table, posting).await;
    let Snapshot { read_half_units, write_half_units, round_trips, actions } = table.store.meter().since(&before);
    println!("{actions:?}");
    assert!(actions.contains_key(&Action::PutItem));
    (read_half_units, write_half_units - 10, round_trips - 1)
}

#[tokio::test]
async fn a_hold_costs_what_a_take_does_and_each_way_to_end_it_a_strong_look_and_two_write_units() {
    let (table, accounts) = table_with(&["m-1"]).await;
    let first = posting(&accounts[0], "r-0", 0, &[stock(CounterChange::Taken(1), 80)]);
    let mut account = commit(&table, &first).await;
    for (number, seconds, kept) in [(1, 30, 1), (2, 30, 0), (3, 90, 0)] {
        let key = format!("r-{number}");
        let hold = reserved(&account, &key, 60, 1);
        let holding = posting(&account, &key, 0, &[stock(CounterChange::Held(hold.clone()), 80)]);
        // Its read is strongly consistent here, because this command has not read before.
        assert_eq!(cost(&table, &holding).await, (2, 4, 1), "a hold");
        let ended = stock(CounterChange::Ended { reserved: hold, kept }, 80);
        let ended = posting(&holding.own.account, &format!("e-{number}"), seconds, &[ended]);
        assert_eq!(cost(&table, &ended).await, (2, 4, 1), "{kept} kept");
        account = ended.own.account.clone();
    }
}

#[tokio::test]
async fn the_take_that_frees_an_ended_hold_costs_what_any_take_does() {
    let (table, accounts) = table_with(&["m-1"]).await;
    // One piece per shard, and the hold has taken the member's.
    let hold = reserved(&accounts[0], "r-1", 60, 1);
    let account = commit(&table, &posting(&accounts[0], "r-1", 0, &[stock(CounterChange::Held(hold), 8)])).await;
    let taken = posting(&account, "r-2", 60, &[stock(CounterChange::Taken(1), 8)]);
    assert_eq!(cost(&table, &taken).await, (2, 4, 1));
    assert_eq!(stock_standing(&table).await, (1, 0));
}

#[tokio::test]
async fn the_end_of_a_hold_looks_at_the_counter_again_because_its_first_look_may_be_old() {
    let (table, accounts) = table_with(&["m-1"]).await;
    let hold = reserved(&accounts[0], "r-1", 60, 1);
    commit(&table, &posting(&accounts[0], "r-1", 0, &[stock(CounterChange::Held(hold.clone()), 8)])).await;
    let looks = || {
        let requests = table.wire.requests("GetItem").into_iter().map(|body| body.to_string());
        let of_counter = requests.filter(|body| body.contains("tasting"));
        of_counter.map(|body| body.contains(r#""ConsistentRead":true"#)).collect::<Vec<_>>()
    };
    let before = looks().len();
    let needs = Needs { counters: vec![tasting()], ..Needs::default() };
    let decide = |account: Option<Account>, _: &Found| -> Result<Step, ()> {
        let ended = stock(given_back(hold.clone()), 8);
        Ok(Step::commit(posting(&account.unwrap(), "c-1", 30, &[ended])))
    };
    let known = request("c-1", 0);
    let outcome = table.store.act(&demo(), &member("m-1"), &needs, Some(&known), soon(), decide).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    assert_eq!(looks()[before..], [false, true]);
    assert_eq!(stock_standing(&table).await, (0, 0));
}

#[tokio::test]
async fn a_thousand_holds_are_listed_by_a_shard_and_the_next_one_goes_to_another() {
    let (table, accounts) = table_with(&["m-1"]).await;
    let account = commit(&table, &posting(&accounts[0], "r-0", 0, &[stock(CounterChange::Taken(1), 80_000)])).await;
    let elements = (0..1_000).map(|number| format!("{}/1/{number:016x}", after(60).as_millisecond())).collect();
    for (name, value) in [("held", AttributeValue::Ss(elements)), ("taken", AttributeValue::N("1000".to_owned()))] {
        table.set("reward#demo#tasting#1", "stock", name, Some(value)).await;
    }
    let held = |account: &Account, key: &str, seconds: i64| {
        posting(account, key, seconds, &[stock(CounterChange::Held(reserved(account, key, seconds + 60, 1)), 80_000)])
    };
    let account = commit(&table, &held(&account, "r-1", 0)).await;
    let listed = |shard: u8| {
        let pk = format!("reward#demo#tasting#{shard}");
        let table = &table;
        async move { table.attribute(&pk, "stock", "held").await.map_or(0, |held| held.as_ss().unwrap().len()) }
    };
    assert_eq!((listed(1).await, listed(2).await), (1_000, 1));
    // Once they have ended, its home lists the next one in their place.
    commit(&table, &held(&account, "r-2", 60)).await;
    assert_eq!((listed(1).await, listed(2).await), (1, 1));
}
