//! `/members/{member}/transfers`: moves points from one member to another.

use std::thread;

use regulars_tests::{
    client::Answer,
    system::{System, member, purchase},
};
use serde_json::{Value, json};

fn two() -> System {
    let system = System::start();
    system.enroll("m-1");
    system.enroll("m-2");
    system
}

fn transfer(system: &System, from: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/transfers", member(from)), body)
}

fn spendable(system: &System, id: &str) -> i64 {
    system.account(id)["balance"]["spendable"].as_i64().unwrap()
}

#[test]
fn points_leave_one_account_and_reach_the_other_once() {
    let system = two();
    system.accrue("m-1", "order-1", &purchase(6_000)).expect(201);
    let body = json!({ "to": "m-2", "points": 30 });
    let answer = transfer(&system, "m-1", "t-1", &body).expect(201);
    assert_eq!((&answer["entry"]["kind"], &answer["entry"]["points"]), (&json!("transfer_out"), &json!(-30)));
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-2")), (55, 55));
    assert!(transfer(&system, "m-1", "t-1", &body).is_replay());
    let other = json!({ "to": "m-2", "points": 31 });
    transfer(&system, "m-1", "t-1", &other).problem(422, "idempotency_key_reused");
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-2")), (55, 55));
    let (out, into) = (system.ledger("m-1").pop().unwrap(), system.ledger("m-2").pop().unwrap());
    assert_eq!((&out["counterparty"], &into["counterparty"]), (&json!("m-2"), &json!("m-1")));
    assert_eq!((&into["id"], &into["kind"]), (&json!("~transfer~m-1~t-1"), &json!("transfer_in")));
    system.audit("m-1");
    system.audit("m-2");
}

#[test]
fn a_transfer_that_cannot_be_made_is_refused_and_changes_neither_account() {
    let system = two();
    let before = [system.account("m-1"), system.account("m-2")];
    let refused = transfer(&system, "m-1", "t-1", &json!({ "to": "m-2", "points": 30 }));
    let refused = refused.problem(422, "insufficient_points");
    assert_eq!(refused["missing"], 5);
    assert_eq!(refused["detail"], "The account has 5 spendable points too few.");
    transfer(&system, "m-1", "t-1", &json!({ "to": "m-9", "points": 3 })).problem(404, "member_not_found");
    transfer(&system, "m-9", "t-1", &json!({ "to": "m-1", "points": 3 })).problem(404, "member_not_found");
    for (body, at) in [
        (json!({ "to": "m-1", "points": 3 }), "/to"),
        (json!({ "to": "m 1", "points": 3 }), "/to"),
        (json!({ "to": "m-2", "points": 0 }), "/points"),
        (json!({ "to": "m-2", "points": -3 }), "/points"),
        (json!({ "to": "m-2", "points": 3, "note": "x" }), "/note"),
    ] {
        let problem = transfer(&system, "m-1", "t-1", &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
    assert_eq!([system.account("m-1"), system.account("m-2")], before);
    system.client.patch(&member("m-2"), &json!({ "status": "suspended" })).expect(200);
    let refused = transfer(&system, "m-1", "t-1", &json!({ "to": "m-2", "points": 3 }));
    assert!(refused.problem(409, "account_suspended")["detail"].as_str().unwrap().starts_with("Of the other member"));
}

#[test]
fn what_expired_in_the_other_account_is_written_down_before_anything_comes_in() {
    let system = two();
    system.move_clock("2026-12-20T09:00:00Z");
    system.accrue("m-1", "order-1", &regulars_tests::system::purchase_at("2026-12-20T09:00:00Z", 5_000)).expect(201);
    system.move_clock("2027-12-05T09:00:00Z");
    transfer(&system, "m-1", "t-1", &json!({ "to": "m-2", "points": 30 })).expect(201);
    let kinds: Vec<_> = system.ledger("m-2").iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["enrollment", "expiry", "transfer_in"]);
    assert_eq!(system.account("m-2")["next_expiry"], json!({ "on": "2027-12-31", "points": 30 }));
    system.audit("m-2");
}

#[test]
fn two_members_who_pay_each_other_at_the_same_moment_keep_every_point() {
    let system = two();
    for id in ["m-1", "m-2"] {
        system.accrue(id, "order-1", &purchase(17_500)).expect(201);
    }
    let system = &system;
    thread::scope(|scope| {
        for n in 0..20 {
            scope.spawn(move || {
                let (from, to) = if n % 2 == 0 { ("m-1", "m-2") } else { ("m-2", "m-1") };
                let body = json!({ "to": to, "points": 7 });
                loop {
                    let answer = transfer(system, from, &format!("t-{n}"), &body);
                    if answer.status != 503 {
                        assert!([200, 201].contains(&answer.status), "{answer}");
                        return;
                    }
                    thread::sleep(std::time::Duration::from_millis(50));
                }
            });
        }
    });
    assert_eq!((spendable(system, "m-1"), spendable(system, "m-2")), (200, 200));
    system.audit("m-1");
    system.audit("m-2");
}
