//! Two hundred concurrent commands on one member: each is carried out exactly once, and nearly all within the time that
//! a till waits.
//!
//! The test that always runs has a long time limit, for a machine that builds and tests other things at the same time.
//! The measurement, `cargo test -p regulars-store --test contract -- --ignored --nocapture`, gives each command eight
//! seconds.

use std::time::{Duration, Instant};

use regulars_domain::{account::Account, chain::verify};
use regulars_store::{Needs, Outcome, Step};

use crate::{
    deciding::Act,
    engine::{CROWD, Table},
    sample::{accrual, demo, member, request, table_with_member},
};

const COMMANDS: usize = 200;
/// The time that a till waits for a command.
const TILL: Duration = Duration::from_secs(8);

/// Sends all commands concurrently, repeats each under its key a number of times, and returns how many were carried out
/// and how many gave up.
async fn flood(table: &Table, patience: Duration, times: usize) -> (usize, usize) {
    let started = Instant::now();
    let before = table.store.meter().snapshot();
    let commands = (0..COMMANDS).map(|n| {
        let store = table.store.clone();
        tokio::spawn(async move {
            let key = format!("order-{n}");
            let decide = |account: Option<Account>, _: &_| -> Result<Step, ()> {
                Ok(Step::commit(accrual(&account.unwrap(), &key, 1)))
            };
            let known = request(&key, 1);
            let mut left = times;
            loop {
                let deadline = Instant::now() + patience;
                let (program, member, needs) = (demo(), member("m-1"), Needs::default());
                let outcome = store.act(&program, &member, &needs, Some(&known), deadline, decide).await;
                left -= 1;
                let gave_up = match &outcome {
                    Ok(outcome) => matches!(outcome, Outcome::Busy),
                    Err(fault) => fault.is_retryable(),
                };
                if !gave_up || left == 0 {
                    return (outcome, started.elapsed());
                }
            }
        })
    });
    let (mut carried_out, mut gave_up) = (0, 0);
    let mut times = vec![];
    for command in commands.collect::<Vec<_>>() {
        let (outcome, time) = command.await.unwrap();
        match outcome {
            Ok(Outcome::Committed(_) | Outcome::Replayed { .. }) => {
                carried_out += 1;
                times.push(time);
            }
            Ok(Outcome::Busy) => gave_up += 1,
            Err(fault) if fault.is_retryable() => gave_up += 1,
            other => panic!("{other:?}"),
        }
    }
    times.sort();
    let used = table.store.meter().since(&before);
    println!(
        "{carried_out} carried out, {} of them within {TILL:?}; {gave_up} gave up; half within {:?}, all within {:?}; {} round trips",
        times.iter().filter(|time| **time <= TILL).count(),
        times[times.len() / 2],
        times[times.len() - 1],
        used.round_trips,
    );
    (carried_out, gave_up)
}

/// Asserts that the account has each command once, and that its ledger verifies.
async fn check_exactly_once(table: &Table, carried_out: usize) {
    let account = table.store.account(&demo(), &member("m-1")).await.unwrap().unwrap();
    let landed = usize::try_from(account.lots.total().get()).unwrap();
    assert_eq!(u64::try_from(landed).unwrap() + 1, account.seq);
    // A command that gave up at its deadline may have been carried out; none that was carried out may be missing.
    assert!(landed >= carried_out, "{landed} of {carried_out}");
    let mut entries = vec![];
    let mut after = Some(0);
    while let Some(seq) = after {
        let page = table.store.ledger(&demo(), &account.member, seq, 100).await.unwrap();
        entries.extend(page.items);
        after = page.next;
    }
    assert_eq!(verify(&demo(), &account.member, &entries, account.seq, &account.head_hash), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_commands_on_one_member_land_exactly_once() {
    let _alone = CROWD.lock().await;
    let (table, _) = table_with_member().await;
    // However slow the machine is, a client that keeps repeating gets its answer.
    let (carried_out, gave_up) = flood(&table, Duration::from_secs(30), 20).await;
    assert_eq!((carried_out, gave_up), (COMMANDS, 0));
    check_exactly_once(&table, carried_out).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a promise: what a network between the two does to it"]
async fn two_hundred_commands_on_one_member_over_a_network() {
    for latency in [0, 2, 5, 10] {
        let (table, _) = table_with_member().await;
        table.wire.set_latency(Duration::from_millis(latency));
        println!("latency {latency} ms:");
        let (carried_out, _) = flood(&table, TILL, 1).await;
        table.wire.set_latency(Duration::ZERO);
        check_exactly_once(&table, carried_out).await;
    }
}
