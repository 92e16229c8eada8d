//! `/members/{member}/adjustments`: points given or taken by an operator.

use regulars_tests::{
    client::Answer,
    system::{System, member},
};
use serde_json::{Value, json};

fn adjust(system: &System, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/adjustments", member("m-1")), body)
}

#[test]
fn points_are_given_and_taken_with_a_reason() {
    let system = System::start();
    system.enroll("m-1");
    let given = adjust(&system, "a-1", &json!({ "points": 40, "reason": "goodwill" })).expect(201);
    assert_eq!((&given["entry"]["kind"], &given["entry"]["points"]), (&json!("adjustment"), &json!(40)));
    assert_eq!(given["account"]["tier"]["next"]["missing"], 300, "it does not count toward a tier");
    let taken = adjust(&system, "a-2", &json!({ "points": -50, "reason": "goodwill_withdrawn" })).expect(201);
    assert_eq!(taken["account"]["balance"]["spendable"], 15);
    assert!(adjust(&system, "a-1", &json!({ "points": 40, "reason": "goodwill" })).is_replay());
    assert_eq!(system.ledger("m-1").last().unwrap()["reason"], "goodwill_withdrawn");
    system.audit("m-1");
}

#[test]
fn an_adjustment_never_goes_below_zero_or_beyond_what_an_account_holds() {
    let system = System::start();
    system.enroll("m-1");
    let before = system.account("m-1");
    let refused = adjust(&system, "a-1", &json!({ "points": -26, "reason": "x" }));
    assert_eq!(refused.problem(422, "insufficient_points")["missing"], 1);
    adjust(&system, "a-2", &json!({ "points": 999_999_999_999_i64, "reason": "x" })).problem(422, "points_overflow");
    for (key, points) in [("zero", 0), ("low", i64::MIN), ("high", 1_000_000_000_000)] {
        let problem = adjust(&system, key, &json!({ "points": points, "reason": "x" })).problem(400, "body_malformed");
        assert_eq!(problem["at"], "/points", "{points}");
    }
    assert_eq!(adjust(&system, "a-3", &json!({ "points": 1 })).problem(400, "body_malformed")["at"], "");
    assert_eq!(system.account("m-1"), before);
}
