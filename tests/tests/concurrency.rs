//! Many requests on one account at the same moment: nothing is lost, nothing is doubled, nothing is ever below zero.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use regulars_tests::{
    client::Answer,
    system::{System, member, purchase},
};
use serde_json::json;

/// A client that repeats under the same key until it is told anything but that the account is busy.
fn persist(mut request: impl FnMut() -> Answer) -> Answer {
    for _ in 0..200 {
        let answer = request();
        if answer.status != 503 {
            return answer;
        }
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer}");
        answer.problem(503, "busy");
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the account is busy for ever");
}

#[test]
fn two_hundred_requests_at_once_leave_the_exact_balance() {
    let system = System::start();
    system.enroll("m-1");
    // Enough for some of the redemptions and not for all, whatever comes first.
    system.accrue("m-1", "start", &purchase(29_900)).expect(201);
    let tree = json!({ "reward": "plant-a-tree" });
    let barrier = Barrier::new(200);
    let watching = AtomicBool::new(true);

    let (earned, spent, observed) = thread::scope(|scope| {
        let observer = scope.spawn(|| {
            let mut observed = 0;
            while watching.load(Ordering::Relaxed) {
                let balance = system.account("m-1")["balance"].clone();
                for part in ["spendable", "pending", "held", "owed"] {
                    assert!(balance[part].as_i64().is_some_and(|points| points >= 0), "{balance}");
                }
                observed += 1;
                thread::sleep(Duration::from_millis(20));
            }
            observed
        });
        let tills: Vec<_> = (0..100)
            .map(|number| {
                let (system, barrier) = (&system, &barrier);
                scope.spawn(move || {
                    let body = purchase(100 * (number + 1));
                    barrier.wait();
                    let key = format!("order-{number}");
                    persist(|| system.accrue("m-1", &key, &body)).body["entry"]["points"].as_i64().unwrap()
                })
            })
            .collect();
        let shops: Vec<_> = (0..100)
            .map(|number| {
                let (system, barrier, tree) = (&system, &barrier, &tree);
                scope.spawn(move || {
                    barrier.wait();
                    let key = format!("r-{number}");
                    let answer = persist(|| system.redeem("m-1", &key, tree));
                    if answer.status == 422 {
                        answer.problem(422, "insufficient_points");
                        return 0;
                    }
                    assert!([200, 201].contains(&answer.status), "{answer}");
                    answer.body["redemption"]["points"].as_i64().unwrap()
                })
            })
            .collect();
        let earned: i64 = tills.into_iter().map(|till| till.join().unwrap()).sum();
        let spent: Vec<i64> = shops.into_iter().map(|shop| shop.join().unwrap()).collect();
        watching.store(false, Ordering::Relaxed);
        (earned, spent, observer.join().unwrap())
    });

    let granted = spent.iter().filter(|points| **points > 0).count();
    assert!(granted >= 6, "there were points for six at the least");
    assert!(observed > 0);
    let spent: i64 = spent.iter().sum();
    let account = system.account("m-1");
    assert_eq!(account["balance"]["spendable"], 25 + 299 + earned - spent);
    system.audit("m-1");
    let ledger = system.ledger("m-1");
    let of_kind = |kind: &str| ledger.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((of_kind("accrual"), of_kind("redemption")), (101, granted));
    // Silver is reached once, and every accrual tells what it gave.
    assert_eq!(of_kind("tier_change"), 2, "silver, then gold");
    for number in 0..100 {
        let again = system.accrue("m-1", &format!("order-{number}"), &purchase(100 * (number + 1)));
        assert!(again.is_replay(), "{again}");
    }
    assert_eq!(system.account("m-1"), account);
}

#[test]
fn the_same_request_sent_fifty_times_at_once_is_carried_out_once() {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "start", &purchase(10_000)).expect(201);
    for (name, key) in [("accruals", "order-1"), ("redemptions", "r-1")] {
        let path = format!("{}/{name}", member("m-1"));
        let body = if name == "accruals" { purchase(1_000) } else { json!({ "reward": "free-coffee" }) };
        let barrier = Barrier::new(50);
        let answers: Vec<Answer> = thread::scope(|scope| {
            let senders: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        system.client.post_under(key, &path, &body)
                    })
                })
                .collect();
            senders.into_iter().map(|sender| sender.join().unwrap()).collect()
        });
        let with = |status: u16| answers.iter().filter(move |answer| answer.status == status);
        assert_eq!(with(201).count(), 1, "{name}");
        assert_eq!(with(200).count() + with(503).count(), 49, "{name}");
        assert!(with(200).all(Answer::is_replay), "{name}");
        let first = with(201).next().unwrap();
        assert!(with(200).all(|answer| answer.body["entry"] == first.body["entry"]), "{name}");
    }
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25 + 100 + 10 - 100);
    assert_eq!(system.ledger("m-1").len(), 4);
    system.audit("m-1");
}

#[test]
fn the_last_piece_of_a_reward_goes_to_one_of_many() {
    let system = System::start();
    let members: Vec<String> = (0..20).map(|number| format!("m-{number}")).collect();
    for member in &members {
        system.enroll(member);
    }
    let barrier = Barrier::new(members.len());
    let answers: Vec<Answer> = thread::scope(|scope| {
        let senders: Vec<_> = members
            .iter()
            .map(|member| {
                let (system, barrier) = (&system, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    persist(|| system.redeem(member, "r-1", &json!({ "reward": "mug" })))
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
    for (answer, member) in answers.into_iter().zip(&members) {
        let spent = if answer.status == 201 { 10 } else { 0 };
        if spent == 0 {
            answer.problem(422, "reward_out_of_stock");
        }
        assert_eq!(system.account(member)["balance"]["spendable"], 25 - spent);
    }
}

#[test]
fn the_same_member_joining_many_times_at_once_joins_once() {
    let system = System::start();
    let barrier = Barrier::new(20);
    let body = json!({ "member": "m-1", "aliases": [{ "kind": "email", "value": "ayse@example.com" }] });
    let statuses: Vec<u16> = thread::scope(|scope| {
        let senders: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    persist(|| system.client.post("/v1/programs/demo/members", &body)).status
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 19, "{statuses:?}");
    assert_eq!(system.ledger("m-1").len(), 1);
}
