//! One command has one `now`, however long it takes: here the clock moves by hours between any two readings.

use jiff::{SignedDuration, Timestamp};
use regulars_tests::system::{DEMO, NOW, System, coffee_shop, member, purchase};
use serde_json::{Value, json};

fn posted_at(entry: &Value) -> Timestamp {
    entry["posted_at"].as_str().unwrap().parse().unwrap()
}

/// Returns a system whose clock crosses midnight every few readings.
fn restless() -> System {
    let mut program = coffee_shop();
    program["plans"] = json!([{ "id": "plus", "price": 500, "interval": "month", "tier_floor": "silver" }]);
    let system = System::with(&program, NOW);
    system.tick(SignedDuration::from_hours(7));
    system
}

#[test]
fn the_ledger_gives_the_account_after_any_command_and_time_never_moves_back() {
    let system = restless();
    for id in ["m-0", "m-1", "m-2"] {
        system.enroll(id);
    }
    system.client.post(&format!("{DEMO}/members"), &json!({ "member": "m-3", "referred_by": "m-0" })).expect(201);
    for (id, key) in [("m-1", "order-1"), ("m-1", "order-2"), ("m-2", "order-3"), ("m-3", "order-4")] {
        system.accrue(id, key, &purchase(60_000)).expect(201);
    }
    let one = member("m-1");
    let post = |key: &str, path: &str, body: Value| system.client.post_under(key, &format!("{one}/{path}"), &body);
    system.redeem("m-1", "r-1", &json!({ "reward": "free-coffee" })).expect(201);
    system
        .redeem(
            "m-1",
            "h-1",
            &json!({ "reward": "money-off", "money": { "amount": 400, "currency": "EUR" },
                                          "hold": { "seconds": 900 } }),
        )
        .expect(201);
    // Seven hours later the hold has ended.
    post("c-1", "redemptions/h-1/capture", json!({})).problem(422, "hold_expired");
    post("u-1", "redemptions/r-1/reversals", json!({})).expect(201);
    post("b-1", "accruals/order-2/reversals", json!({ "refunded_total": { "amount": 30_000, "currency": "EUR" } }))
        .expect(201);
    post("p-1", "plan", json!({ "plan": "plus" })).expect(201);
    post("a-1", "adjustments", json!({ "points": -5, "reason": "test" })).expect(201);
    post("t-1", "transfers", json!({ "to": "m-2", "points": 30 })).expect(201);
    let override_path = format!("{one}/tier-override");
    system
        .client
        .put(&override_path, ("x", "y"), &json!({ "tier": "gold", "until": "2027-06-30", "reason": "x" }))
        .expect(200);
    system.client.patch(&one, &json!({ "attributes": { "city": "Izmir" } })).expect(200);
    system.client.post_under("m-1", &format!("{}/merge", member("m-2")), &json!({ "into": "m-1" })).expect(201);
    for id in ["m-0", "m-1", "m-2", "m-3"] {
        let own = |entry: &Value| entry.get("member").is_none();
        let ledger: Vec<_> = system.ledger(id).into_iter().filter(own).collect();
        assert!(ledger.is_sorted_by_key(posted_at), "{id}: {ledger:#?}");
    }
    // The two sides of a transfer, and of a merge, have the same instant.
    for (kind, other) in [("transfer_out", "transfer_in"), ("merge_in", "merge_out")] {
        let find = |id: &str, kind: &str| system.ledger(id).into_iter().find(|entry| entry["kind"] == kind).unwrap();
        assert_eq!(posted_at(&find("m-1", kind)), posted_at(&find("m-2", other)), "{kind}");
    }
}

#[test]
fn points_that_arrive_after_their_last_day_expire_in_the_same_posting() {
    // Points of the last day of November are sent while the clock crosses midnight again and again.
    let mut program = coffee_shop();
    program["points"]["expiry"] = json!({ "after_months": 1, "rounded_to": "exact_day" });
    let system = System::with(&program, NOW);
    for id in ["m-1", "m-2"] {
        system.enroll(id);
        system.accrue(id, &format!("order-{id}"), &purchase(60_000)).expect(201);
    }
    system.move_clock("2026-12-21T12:00:00Z");
    system.tick(SignedDuration::from_hours(3));
    for n in 0..6 {
        let body = json!({ "to": "m-2", "points": 10 });
        let answer = system.client.post_under(&format!("t-{n}"), &format!("{}/transfers", member("m-1")), &body);
        let spendable = |id: &str| system.account(id)["balance"]["spendable"].as_i64().unwrap();
        if answer.status() == 201 {
            continue;
        }
        answer.problem(422, "insufficient_points");
        assert_eq!((spendable("m-1"), spendable("m-2")), (0, 0));
        return;
    }
    panic!("the points never expired");
}
