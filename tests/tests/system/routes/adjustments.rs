//! `/members/{member}/adjustments`: an operator gives or deducts points.

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

#[test]
fn points_can_be_given_until_a_day() {
    let system = System::start();
    system.enroll("m-1");
    for (key, expires_on) in [("a-1", "2026-11-21"), ("a-2", "2027-03-31")] {
        let body = json!({ "points": 40, "expires_on": expires_on, "reason": "goodwill" });
        let given = adjust(&system, key, &body).expect(201);
        assert_eq!(given["entry"]["expires_on"], expires_on);
        assert_eq!(given["account"]["next_expiry"], json!({ "on": "2026-11-21", "points": 40 }));
        assert!(adjust(&system, key, &body).is_replay());
    }
    let other = json!({ "points": 40, "expires_on": "2027-04-30", "reason": "goodwill" });
    adjust(&system, "a-2", &other).problem(422, "idempotency_key_reused");
    system.move_clock("2026-11-22T09:00:00Z");
    assert_eq!(system.account("m-1")["next_expiry"], json!({ "on": "2027-03-31", "points": 40 }));
    system.move_clock("2027-04-01T09:00:00Z");
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25);
    system.audit("m-1");

    for (points, expires_on, at) in [
        (40, json!("2027-03-31"), "/expires_on"),
        (-5, json!("2027-12-31"), "/expires_on"),
        (40, json!("2027-02-30"), "/expires_on"),
        (40, json!("soon"), "/expires_on"),
        (40, json!(null), "/expires_on"),
    ] {
        let body = json!({ "points": points, "expires_on": expires_on, "reason": "goodwill" });
        let problem = adjust(&system, "a-3", &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
}

#[test]
fn an_operator_can_count_something_toward_a_tier_and_take_it_away() {
    let system = System::start();
    system.enroll("m-1");
    let counting = |key: &str, points: i64, qualifying: Value| {
        adjust(&system, key, &json!({ "points": points, "qualifying": qualifying, "reason": "old_card" }))
    };
    let raised = counting("a-1", 10, json!({ "points": 300, "spend": 30_000, "visits": 4 })).expect(201);
    assert_eq!(raised["tier_change"], json!({ "from": "bronze", "to": "silver" }));
    assert_eq!((&raised["entry"]["points"], &raised["account"]["tier"]["id"]), (&json!(10), &json!("silver")));
    assert!(counting("a-1", 10, json!({ "points": 300, "spend": 30_000, "visits": 4 })).is_replay());
    let entry = system.client.get(&format!("{}/entries/a-1", member("m-1"))).expect(200);
    assert_eq!(entry["qualified"], json!([{ "period": "2026-01-01", "points": 300, "spend": 30_000, "visits": 4 }]));

    let refused = counting("a-2", 0, json!({ "points": -301, "visits": -5 })).problem(422, "insufficient_qualifying");
    assert_eq!(refused["missing"], json!({ "points": 1, "spend": 0, "visits": 1 }));
    let lowered = counting("a-3", 0, json!({ "points": -1 })).expect(201);
    assert_eq!(lowered["tier_change"], json!({ "from": "silver", "to": "bronze" }));
    assert_eq!((&lowered["entry"]["points"], &lowered["account"]["tier"]["next"]["missing"]), (&json!(0), &json!(1)));
    system.audit("m-1");

    for (points, qualifying, at) in [
        (0, json!({}), "/points"),
        (0, json!({ "points": 0 }), "/points"),
        (1, json!({ "points": 1.5 }), "/qualifying/points"),
        (1, json!({ "spend": 1_000_000_000_000_i64 }), "/qualifying/spend"),
        (1, json!({ "visits": i64::MIN }), "/qualifying/visits"),
        (1, json!({ "nights": 1 }), "/qualifying/nights"),
        (1, json!(7), "/qualifying"),
        (1, json!(null), "/qualifying"),
    ] {
        let problem = counting("a-4", points, qualifying.clone()).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{qualifying}");
    }
}

#[test]
fn nothing_counts_toward_a_tier_where_there_are_none() {
    let plain = json!({ "name": "Plain", "time_zone": "Europe/Istanbul", "currency": "EUR" });
    let system = System::with(&plain, "2026-11-21T13:05:00Z");
    system.enroll("m-1");
    let body = json!({ "points": 0, "qualifying": { "points": 5 }, "reason": "old_card" });
    assert_eq!(adjust(&system, "a-1", &body).problem(400, "body_malformed")["at"], "/qualifying");
}
