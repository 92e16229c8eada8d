//! Four hundred concurrent commands for a reward with forty pieces, over a network that loses answers and a table that
//! rejects transactions: each piece is given once, none is left over, and returned pieces can be redeemed again.
//!
//! Each run prints its seed; `RUSH_SEED=7 cargo test -p regulars-store --test contract rush -- --nocapture` repeats one.

use std::{collections::BTreeSet, time::Duration};

use fastrand::Rng;
use regulars_domain::account::Account;
use regulars_store::{Found, Needs, Outcome, Step};

use jiff::{Timestamp, ToSpan};
use regulars_domain::counter::{CounterChange, Reserved, Take};

use crate::{
    deciding::Act,
    engine::{CROWD, Table},
    sample::{NOW, accrual, commit, demo, enrollment, member, request, take, tasting},
};

const MEMBERS: usize = 100;
const COMMANDS: usize = 400;
const STOCK: i64 = 40;
/// Long enough: the test checks who gets a piece, not how soon.
const PATIENCE: Duration = Duration::from_mins(2);

/// Sends `commands` concurrently, each with its own key and four per member, and returns the keys of those that got a
/// piece.
async fn rush(table: &Table, name: &str, commands: usize) -> BTreeSet<String> {
    let commands = (0..commands).map(|n| {
        let (store, key) = (table.store.clone(), format!("{name}-{n}"));
        tokio::spawn(async move {
            let decide = |account: Option<Account>, found: &Found| {
                match found.counters.left(&tasting(), STOCK, 1) {
                    Ok(1..) => {}
                    Ok(_) => return Err(()),
                    Err(needed) => return Ok(Step::LookAt(needed.into())),
                }
                let mut posting = accrual(&account.ok_or(())?, &key, 0);
                posting.takes = vec![take(1, STOCK)];
                Ok(Step::commit(posting))
            };
            let needs = Needs { counters: vec![tasting()], ..Needs::default() };
            let (member, known) = (member(&format!("m-{}", n % MEMBERS)), request(&key, 0));
            let deadline = std::time::Instant::now() + PATIENCE;
            // The result of a command without an answer is unknown, so it is repeated under its key.
            loop {
                match store.act(&demo(), &member, &needs, Some(&known), deadline, decide).await {
                    Ok(Outcome::Committed(_) | Outcome::Replayed { .. }) => return Some(key.clone()),
                    Ok(Outcome::Refused(())) => return None,
                    Ok(Outcome::Busy) => {}
                    Ok(
                        other @ (Outcome::KeyReused
                        | Outcome::AliasTaken(_)
                        | Outcome::ReceiptTaken(_)
                        | Outcome::HoldOver
                        | Outcome::Elsewhere(_)),
                    ) => {
                        panic!("{other:?}")
                    }
                    Err(fault) => assert!(fault.is_retryable(), "{fault:?}"),
                }
                assert!(std::time::Instant::now() < deadline, "{key} was never answered");
            }
        })
    });
    let mut got = BTreeSet::new();
    for command in commands.collect::<Vec<_>>() {
        got.extend(command.await.unwrap());
    }
    got
}

/// Returns the piece that `key` got.
async fn give_back(table: &Table, key: &str) {
    let n: usize = key.rsplit('-').next().unwrap().parse().unwrap();
    let (member, back) = (member(&format!("m-{}", n % MEMBERS)), format!("back-{key}"));
    let decide = |account: Option<Account>, _: &Found| {
        let mut posting = accrual(&account.ok_or(())?, &back, 0);
        posting.takes = vec![take(-1, STOCK)];
        Ok::<_, ()>(Step::commit(posting))
    };
    let deadline = std::time::Instant::now() + PATIENCE;
    let known = request(&back, 0);
    let outcome = loop {
        match table.store.act(&demo(), &member, &Needs::default(), Some(&known), deadline, decide).await {
            Ok(outcome) => break outcome,
            Err(fault) => assert!(fault.is_retryable(), "{fault:?}"),
        }
    };
    assert!(matches!(outcome, Outcome::Committed(_) | Outcome::Replayed { .. }), "{outcome:?}");
}

/// Returns the keys that have an entry, and the sum of the shards.
async fn written(table: &Table, prefix: &str) -> (BTreeSet<String>, i64) {
    let keys = table.keys().await;
    let entries = keys.iter().filter_map(|(_, sk)| sk.strip_prefix("entry#"));
    let entries = entries.filter(|id| id.starts_with(prefix)).map(str::to_owned).collect();
    (entries, table.store.counters(&demo(), &[tasting()]).await.unwrap().taken(&tasting()).unwrap())
}

/// Returns the amounts of the shards, each in a partition of its own.
async fn shards(table: &Table) -> Vec<i64> {
    let mut levels = vec![];
    for shard in 0..8 {
        let taken = table.attribute(&format!("reward#demo#tasting#{shard}"), "stock", "taken").await.unwrap();
        levels.push(taken.as_n().unwrap().parse().unwrap());
    }
    println!("taken from each of eight partitions: {levels:?}");
    levels
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_requests_over_a_failing_table_get_forty_pieces_and_returned_ones_again() {
    let seed = std::env::var_os("RUSH_SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("RUSH_SEED={seed}");
    let _alone = CROWD.lock().await;
    let table = Table::new().await;
    for n in 0..MEMBERS {
        commit(&table, &enrollment(&member(&format!("m-{n}")))).await;
    }
    table.wire.set_weather(Some(Rng::with_seed(seed)));
    let got = rush(&table, "r", COMMANDS).await;
    assert_eq!(got.len(), 40);
    assert_eq!(written(&table, "r-").await, (got.clone(), STOCK));
    assert_eq!(shards(&table).await, [STOCK / 8; 8], "each shard gave its part, and none gave more");

    let returned = got.iter().take(11);
    for key in returned {
        give_back(&table, key).await;
    }
    assert_eq!(written(&table, "back-").await.1, STOCK - 11);
    let again = rush(&table, "s", 100).await;
    assert_eq!(again.len(), 11);
    assert_eq!(written(&table, "s-").await, (again, STOCK));
    assert_eq!(shards(&table).await, [STOCK / 8; 8]);
    let (lost, turned_away) = table.wire.weather_so_far();
    println!("{lost} answers lost, {turned_away} transactions turned away");
    assert!(lost > 0 && turned_away > 0);
}

/// The effect of a command on the stock.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    /// Takes a piece permanently.
    Take,
    /// Holds a piece for a minute.
    Hold,
    /// Ends the hold, and keeps a number of its pieces.
    End(i64),
}

fn second(second: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() + second.seconds()
}

/// Sends a command of each of these members concurrently, decided a number of seconds after the start, and returns
/// whose were carried out.
async fn all_at_once(table: &Table, members: Vec<usize>, what: Deed, seconds: i64) -> BTreeSet<usize> {
    let commands = members.into_iter().map(|n| {
        let (store, key) = (table.store.clone(), format!("{what:?}-{n}").to_lowercase().replace(['(', ')'], "-"));
        tokio::spawn(async move {
            let now = second(seconds);
            let decide = |account: Option<Account>, found: &Found| {
                if !matches!(what, Deed::End(_)) {
                    match found.counters.at(now).left(&tasting(), STOCK, 1) {
                        Ok(1..) => {}
                        Ok(_) => return Err(()),
                        Err(needed) => return Ok(Step::LookAt(needed.into())),
                    }
                }
                let account = account.ok_or(())?;
                let redemption = format!("hold-{n}").parse().unwrap();
                let reserved = Reserved { member: account.member.clone(), redemption, ends_at: second(60), amount: 1 };
                let change = match what {
                    Deed::Take => CounterChange::Taken(1),
                    Deed::Hold => CounterChange::Held(reserved),
                    Deed::End(kept) => CounterChange::Ended { reserved, kept },
                };
                let mut posting = accrual(&account, &key, 0);
                posting.own.account.settled_at = now;
                posting.takes = vec![Take { counter: tasting(), change, most: STOCK }];
                Ok(Step::commit(posting))
            };
            let needs = Needs { counters: vec![tasting()], ..Needs::default() };
            let (member, known) = (member(&format!("m-{n}")), request(&key, 0));
            let deadline = std::time::Instant::now() + PATIENCE;
            loop {
                match store.act(&demo(), &member, &needs, Some(&known), deadline, decide).await {
                    Ok(Outcome::Committed(_) | Outcome::Replayed { .. }) => return Some(n),
                    Ok(Outcome::Refused(()) | Outcome::HoldOver) => return None,
                    Ok(Outcome::Busy) => {}
                    Ok(
                        other @ (Outcome::KeyReused
                        | Outcome::AliasTaken(_)
                        | Outcome::ReceiptTaken(_)
                        | Outcome::Elsewhere(_)),
                    ) => {
                        panic!("{other:?}")
                    }
                    Err(fault) => assert!(fault.is_retryable(), "{fault:?}"),
                }
                assert!(std::time::Instant::now() < deadline, "{key} was never answered");
            }
        })
    });
    let mut done = BTreeSet::new();
    for command in commands.collect::<Vec<_>>() {
        done.extend(command.await.unwrap());
    }
    done
}

/// A hundred commands hold one of forty pieces over a failing table. Some of the holders capture it, some cancel. After
/// the holds have ended, a hundred others redeem what is left, and holders with slow clocks still capture: each piece
/// is given once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_piece_goes_once_whether_it_is_captured_cancelled_or_taken_after_the_end_of_its_hold() {
    let seed = std::env::var_os("RUSH_SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("RUSH_SEED={seed}");
    let _alone = CROWD.lock().await;
    let table = Table::new().await;
    for n in 0..2 * MEMBERS {
        commit(&table, &enrollment(&member(&format!("m-{n}")))).await;
    }
    table.wire.set_weather(Some(Rng::with_seed(seed)));
    let held = all_at_once(&table, (0..MEMBERS).collect(), Deed::Hold, 0).await;
    assert_eq!(held.len(), 40);
    let mut holders = held.into_iter();
    let captured = all_at_once(&table, holders.by_ref().take(9).collect(), Deed::End(1), 30).await;
    let cancelled = all_at_once(&table, holders.by_ref().take(7).collect(), Deed::End(0), 30).await;
    assert_eq!((captured.len(), cancelled.len()), (9, 7));
    let late: Vec<usize> = holders.by_ref().take(12).collect();
    let others = (MEMBERS..2 * MEMBERS).collect();
    let (taken, late) =
        tokio::join!(all_at_once(&table, others, Deed::Take, 60), all_at_once(&table, late, Deed::End(1), 59));
    println!("{} others took a piece, {} of 12 late captures came before", taken.len(), late.len());
    assert_eq!(taken.len() + late.len() + captured.len(), 40);
    // The rest are settled, with as many retries as needed.
    let settled = all_at_once(&table, holders.collect(), Deed::End(0), 90).await;
    assert_eq!(settled.len(), 12);
    let counters = table.store.counters(&demo(), &[tasting()]).await.unwrap();
    assert_eq!(counters.at(second(0)).taken(&tasting()), Ok(STOCK), "no hold is listed any more, by any clock");
}
