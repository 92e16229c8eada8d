//! Many concurrent requests on one account: nothing is lost, nothing is doubled, no balance is negative.
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
    system::{DEMO, NOW, System, coffee_shop, member, purchase},
};
use serde_json::{Value, json};

/// A client that repeats a request under the same key until the answer is not `busy`, each client at another pace.
fn persist(number: u64, mut request: impl FnMut() -> Answer) -> Answer {
    for _ in 0..60 {
        let answer = request();
        if answer.status != 503 {
            return answer;
        }
        let code = answer.body["code"].as_str().unwrap().to_owned();
        // A store that did not answer may have done it; the repeat under the same key shows it.
        assert!(["busy", "store_unavailable"].contains(&code.as_str()), "{answer}");
        assert!(code != "busy" || answer.header("retry-after") == Some("1"), "{answer}");
        thread::sleep(Duration::from_millis(200 + number * 37 % 1_000));
    }
    panic!("the account is busy for ever");
}

/// Returns the amount of the purchase with this number, in minor units.
fn amount(number: u64) -> i64 {
    100 * (i64::try_from(number).unwrap() + 1)
}

/// Signals the end, also if the test fails before.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn two_hundred_requests_of_fifty_tills_at_once_leave_the_exact_balance() {
    let system = System::start();
    system.enroll("m-1");
    // Enough for some of the redemptions and not for all, in any order.
    system.accrue("m-1", "start", &purchase(29_900)).expect(201);
    let tree = json!({ "reward": "plant-a-tree" });
    let barrier = Barrier::new(50);
    let over = AtomicBool::new(false);

    let (moved, observed) = thread::scope(|scope| {
        let ends = Over(&over);
        let observer = scope.spawn(|| {
            let mut observed = 0;
            while !over.load(Ordering::Relaxed) {
                let balance = system.account("m-1")["balance"].clone();
                for part in ["spendable", "pending", "held", "owed"] {
                    assert!(balance[part].as_i64().is_some_and(|points| points >= 0), "{balance}");
                }
                observed += 1;
                thread::sleep(Duration::from_millis(50));
            }
            observed
        });
        let tills: Vec<_> = (0..50)
            .map(|till| {
                let (system, barrier, tree) = (&system, &barrier, &tree);
                scope.spawn(move || {
                    barrier.wait();
                    // Two purchases and two redemptions each.
                    let numbers = [till * 2, till * 2 + 1];
                    numbers.map(|number| [earn(system, number), -spend(system, number, tree)])
                })
            })
            .collect();
        let moved: Vec<i64> = tills.into_iter().flat_map(|till| till.join().unwrap()).flatten().collect();
        drop(ends);
        (moved, observer.join().unwrap())
    });

    let granted = moved.iter().filter(|points| **points < 0).count();
    assert_eq!(moved.len(), 200);
    assert!(granted >= 6, "there were points for six at the least");
    assert!(observed > 0);
    let account = system.account("m-1");
    assert_eq!(account["balance"]["spendable"], 25 + 299 + moved.iter().sum::<i64>());
    system.audit("m-1");
    let ledger = system.ledger("m-1");
    let of_kind = |kind: &str| ledger.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((of_kind("accrual"), of_kind("redemption")), (101, granted));
    assert_eq!(of_kind("tier_change"), 2, "silver once, then gold");
    for number in 0..100 {
        let again = system.accrue("m-1", &format!("order-{number}"), &purchase(amount(number)));
        assert!(again.is_replay(), "{again}");
    }
    assert_eq!(system.account("m-1"), account);
}

/// Returns the points that a purchase earned.
fn earn(system: &System, number: u64) -> i64 {
    let answer = persist(number, || system.accrue("m-1", &format!("order-{number}"), &purchase(amount(number))));
    answer.body["entry"]["points"].as_i64().unwrap_or_else(|| panic!("{answer}"))
}

/// Returns the points that a reward cost; none if there were too few.
fn spend(system: &System, number: u64, reward: &Value) -> i64 {
    let answer = persist(number, || system.redeem("m-1", &format!("r-{number}"), reward));
    if answer.status == 422 {
        answer.problem(422, "insufficient_points");
        return 0;
    }
    answer.body["redemption"]["points"].as_i64().unwrap_or_else(|| panic!("{answer}"))
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
                    persist(0, || system.redeem(member, "r-1", &json!({ "reward": "mug" })))
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
                    persist(0, || system.client.post("/v1/programs/demo/members", &body)).status
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 19, "{statuses:?}");
    assert_eq!(system.ledger("m-1").len(), 1);
}

#[test]
fn of_many_tills_that_use_one_code_at_once_exactly_one_does() {
    const TILLS: usize = 30;
    let mut program = coffee_shop();
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "card", "name": "A card", "kind": "voucher", "cost": { "points": 5 }, "codes": "generated",
        "value": { "amount": 1_000, "currency": "EUR" }
    }));
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let given = system.redeem("m-1", "r-1", &json!({ "reward": "card" })).expect(201);
    let code = format!("{DEMO}/rewards/card/codes/{}", given["redemption"]["code"].as_str().unwrap());
    // The whole balance at once, so it is enough for one; one of the tills reverses the redemption instead.
    let body = json!({ "money": { "amount": 1_000, "currency": "EUR" } });
    let barrier = Barrier::new(TILLS);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let tills: Vec<_> = (0..TILLS)
            .map(|till| {
                let (system, barrier, code, body) = (&system, &barrier, &code, &body);
                scope.spawn(move || {
                    barrier.wait();
                    let (path, body) = match till {
                        0 => (format!("{}/redemptions/r-1/reversals", member("m-1")), json!({})),
                        _ => (format!("{code}/use"), body.clone()),
                    };
                    let number = u64::try_from(till).unwrap();
                    persist(number, || system.client.post_under(&format!("till-{till}"), &path, &body))
                })
            })
            .collect();
        tills.into_iter().map(|till| till.join().unwrap()).collect()
    });
    // A till that had to retry may find its own use, as a repeat.
    let done: Vec<_> = answers.iter().filter(|answer| [200, 201].contains(&answer.status)).collect();
    assert_eq!(done.len(), 1);
    let kind = done[0].body["entry"]["kind"].clone();
    let end = if kind == "code_use" { "used" } else { "void" };
    assert_eq!(system.client.get(&code).expect(200)["state"], end);
    for answer in answers.into_iter().filter(|answer| answer.status > 201) {
        answer.problem(409, &format!("code_{end}"));
    }
    system.audit("m-1");
}
