//! `/members/{member}/redemptions/{entry}/capture`, `/cancellation`, `/reversals`: points reserved, spent, given back.

use regulars_tests::{
    client::Answer,
    system::{NOW, System, coffee_shop, member, purchase},
};
use serde_json::{Value, json};

fn hold(system: &System, key: &str, seconds: i64) -> Answer {
    let money = json!({ "amount": 200, "currency": "EUR" });
    system.redeem("m-1", key, &json!({ "reward": "money-off", "money": money, "hold": { "seconds": seconds } }))
}

fn act(system: &System, action: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/redemptions/r-1/{action}", member("m-1")), body)
}

fn state(system: &System) -> Value {
    system.client.get(&format!("{}/entries/r-1", member("m-1"))).expect(200)["redemption"]["state"].clone()
}

/// A member with 325 points, of which `r-1` holds 100 for ten minutes.
fn with_hold() -> System {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(30_000)).expect(201);
    let answer = hold(&system, "r-1", 600).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["entry"]["held"]), (&json!(-100), &json!(100)));
    assert_eq!(answer["redemption"]["state"], "held");
    assert_eq!(answer["redemption"]["hold_expires_at"], "2026-11-21T13:15:00Z", "ten minutes from {NOW}");
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 225, "pending": 0, "held": 100, "owed": 0 }));
    system
}

#[test]
fn a_captured_hold_spends_its_points() {
    let system = with_hold();
    let answer = act(&system, "capture", "c-1", &json!({})).expect(201);
    assert_eq!((&answer["entry"]["kind"], &answer["entry"]["held"]), (&json!("capture"), &json!(-100)));
    assert_eq!((&answer["redemption"]["state"], &answer["redemption"]["points"]), (&json!("captured"), &json!(100)));
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 225, "pending": 0, "held": 0, "owed": 0 }));
    assert!(act(&system, "capture", "c-1", &json!({})).is_replay());
    act(&system, "capture", "c-2", &json!({})).problem(409, "redemption_not_held");
    act(&system, "cancellation", "c-3", &json!({})).problem(409, "redemption_not_held");
    system.audit("m-1");
}

#[test]
fn a_part_can_be_captured_and_the_rest_goes_back() {
    let system = with_hold();
    act(&system, "capture", "c-1", &json!({ "points": null })).problem(400, "body_malformed");
    let problem = act(&system, "capture", "c-1", &json!({ "points": 101 })).problem(400, "body_malformed");
    assert_eq!(problem["at"], "/points");
    let answer = act(&system, "capture", "c-1", &json!({ "points": 80 })).expect(201);
    assert_eq!(answer["redemption"]["points"], 80);
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 245, "pending": 0, "held": 0, "owed": 0 }));
    let answer = act(&system, "reversals", "u-1", &json!({})).expect(201);
    assert_eq!(answer["redemption"]["state"], "reversed");
    assert_eq!(answer["account"]["balance"]["spendable"], 325);
    act(&system, "reversals", "u-2", &json!({})).problem(409, "redemption_not_held");
    system.audit("m-1");
}

#[test]
fn a_cancelled_hold_returns_points_to_their_original_lot() {
    let system = with_hold();
    let answer = act(&system, "cancellation", "c-1", &json!({})).expect(201);
    assert_eq!(answer["redemption"]["state"], "cancelled");
    assert_eq!(answer["account"]["next_expiry"], json!({ "on": "2027-11-30", "points": 325 }));
    act(&system, "capture", "c-2", &json!({})).problem(409, "redemption_not_held");
    system.audit("m-1");
}

#[test]
fn a_hold_ends_by_time_alone() {
    let system = with_hold();
    system.move_clock("2026-11-21T13:14:59Z");
    assert_eq!(state(&system), "held");
    system.move_clock("2026-11-21T13:15:00Z");
    assert_eq!(system.account("m-1")["balance"]["spendable"], 325);
    assert_eq!(state(&system), "expired");
    act(&system, "capture", "c-1", &json!({})).problem(422, "hold_expired");
    system.audit("m-1");
    assert_eq!(system.ledger("m-1").last().unwrap()["id"], "~cancellation~r-1");
}

#[test]
fn a_hold_longer_than_the_reward_allows_is_refused_and_so_is_one_too_many() {
    let system = with_hold();
    for (key, seconds) in [("none", 0), ("below", -1), ("long", 901)] {
        assert_eq!(hold(&system, key, seconds).problem(400, "body_malformed")["at"], "/hold/seconds", "{seconds}");
    }
    let coffee = json!({ "reward": "free-coffee", "hold": { "seconds": 1 } });
    assert_eq!(system.redeem("m-1", "coffee", &coffee).problem(400, "body_malformed")["at"], "/hold/seconds");
    let money = json!({ "amount": 2, "currency": "EUR" });
    let small = json!({ "reward": "money-off", "money": money, "hold": { "seconds": 60 } });
    for open in 1..20 {
        system.redeem("m-1", &format!("small-{open}"), &small).expect(201);
    }
    system.redeem("m-1", "small-20", &small).problem(422, "holds_full");
    system.audit("m-1");
}

#[test]
fn a_piece_goes_back_into_stock_unless_it_was_captured_or_written_off() {
    let mut program = coffee_shop();
    let rewards = program["rewards"].as_array_mut().unwrap();
    let mug = rewards.iter_mut().find(|reward| reward["id"] == "mug").unwrap();
    mug["hold_seconds_max"] = json!(600);
    mug["cost"]["points"] = json!(10);
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let left = || {
        let catalogue = system.client.get(&format!("{}/rewards", member("m-1"))).expect(200);
        let rewards = catalogue["rewards"].as_array().unwrap().clone();
        rewards.into_iter().find(|reward| reward["id"] == "mug").unwrap()["stock_left"].clone()
    };
    system.redeem("m-1", "r-1", &json!({ "reward": "mug", "hold": { "seconds": 60 } })).expect(201);
    assert_eq!(left(), 1);
    act(&system, "cancellation", "c-1", &json!({})).expect(201);
    assert_eq!(left(), 2);
    system.redeem("m-1", "r-2", &json!({ "reward": "mug" })).expect(201);
    let path = format!("{}/redemptions/r-2/reversals", member("m-1"));
    system.client.post_under("u-1", &path, &json!({ "stock": "written_off" })).expect(201);
    assert_eq!(left(), 1);
    system.redeem("m-1", "r-3", &json!({ "reward": "mug", "hold": { "seconds": 60 } })).expect(201);
    system.move_clock("2026-11-24T00:00:00Z");
    system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
    assert_eq!(left(), 1, "a hold that ends by itself gives its piece back in the review");
    system.audit("m-1");
}
