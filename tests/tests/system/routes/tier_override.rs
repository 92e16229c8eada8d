//! `/members/{member}/tier-override`: a minimum tier set by an operator until a date.

use regulars_tests::{
    client::Answer,
    system::{DEMO, System, coffee_shop, member},
};
use serde_json::{Value, json};

fn path(of: &str) -> String {
    format!("{}/tier-override", member(of))
}

fn put(system: &System, body: &Value) -> Answer {
    system.client.put(&path("m-1"), ("x", "y"), body)
}

fn delete(system: &System, of: &str) -> Answer {
    system.client.send("DELETE", &path(of), &[], &[])
}

fn gold() -> Value {
    json!({ "tier": "gold", "until": "2027-06-30", "reason": "complaint-4711" })
}

#[test]
fn a_tier_is_given_until_a_day_and_explained() {
    let system = System::start();
    system.enroll("m-1");
    for _ in 0..2 {
        let told = put(&system, &gold()).expect(200);
        assert_eq!(
            (&told["id"], &told["because"], &told["until"]),
            (&json!("gold"), &json!("override"), &json!("2027-06-30"))
        );
        assert_eq!(told["override"], json!({ "id": "gold", "until": "2027-06-30", "reason": "complaint-4711" }));
        assert_eq!(told["at_next_review"], json!({ "on": "2027-07-01", "tier": "bronze" }));
        assert_eq!(system.client.get(&format!("{}/tier", member("m-1"))).expect(200), told);
    }
    let ledger = system.ledger("m-1");
    assert_eq!(ledger.len(), 3, "the second time changed nothing");
    assert_eq!(
        (&ledger[1]["kind"], &ledger[1]["by"], &ledger[1]["reason"], &ledger[1]["tier_override"]),
        (&json!("tier_override"), &json!("operator"), &json!("complaint-4711"), &gold())
    );
    assert_eq!((&ledger[2]["kind"], &ledger[2]["refers_to"]), (&json!("tier_change"), &ledger[1]["id"]));
    for entry in &ledger[1..] {
        assert_eq!(entry["tier_change"], json!({ "from": "bronze", "to": "gold" }));
    }
    system.move_clock("2027-06-30T21:00:00Z");
    assert_eq!(system.account("m-1")["tier"]["id"], "bronze");
    system.audit("m-1");
}

#[test]
fn a_tier_is_taken_back() {
    let system = System::start();
    system.enroll("m-1");
    put(&system, &gold()).expect(200);
    for _ in 0..2 {
        let told = delete(&system, "m-1").expect(200);
        assert_eq!((&told["id"], &told["override"]), (&json!("bronze"), &Value::Null));
    }
    let ledger = system.ledger("m-1");
    let [taken, change] = &ledger[ledger.len() - 2..] else { panic!("{ledger:?}") };
    assert_eq!((&taken["kind"], &change["kind"]), (&json!("tier_override"), &json!("tier_change")));
    assert_eq!(change["tier_change"], json!({ "from": "gold", "to": "bronze" }));
    assert_eq!((&taken["reason"], taken.get("tier_override")), (&json!("complaint-4711"), None));
}

#[test]
fn what_cannot_be_given_is_refused() {
    let system = System::start();
    system.enroll("m-1");
    for (field, value, at) in [
        ("until", json!("2026-11-20"), "/until"),
        ("until", json!("2026-11-31"), "/until"),
        ("until", json!(null), "/until"),
        ("tier", json!("a b"), "/tier"),
        ("reason", json!(""), "/reason"),
        ("reason", json!("x".repeat(65)), "/reason"),
        ("note", json!("x"), "/note"),
    ] {
        let mut body = gold();
        body[field] = value;
        assert_eq!(put(&system, &body).problem(400, "body_malformed")["at"], at, "{body}");
    }
    let mut body = gold();
    body["tier"] = json!("emerald");
    put(&system, &body).problem(404, "tier_not_found");
    // Today is the earliest last day, in the program's time zone.
    body["tier"] = json!("gold");
    body["until"] = json!("2026-11-21");
    put(&system, &body).expect(200);

    system.client.put(&path("m-9"), ("x", "y"), &gold()).problem(404, "member_not_found");
    delete(&system, "m-9").problem(404, "member_not_found");
    system.client.patch(&member("m-1"), &json!({ "status": "closed" })).expect(200);
    put(&system, &gold()).problem(409, "account_closed");
    delete(&system, "m-1").problem(409, "account_closed");
}

#[test]
fn a_tier_whose_level_is_replaced_becomes_the_one_that_replaces_it() {
    let system = System::start();
    system.enroll("m-1");
    put(&system, &gold()).expect(200);
    let mut program = coffee_shop();
    program["tiers"]["levels"].as_array_mut().unwrap().pop();
    program["tiers"]["levels"][1]["replaces"] = json!(["gold"]);
    for reward in program["rewards"].as_array_mut().unwrap() {
        reward.as_object_mut().unwrap().remove("tiers");
    }
    system.client.put(DEMO, ("if-match", "\"1\""), &program).expect(201);
    assert_eq!(system.account("m-1")["tier"]["id"], "silver");
    let evaluated = system.client.post(&format!("{}/tier-evaluations", member("m-1")), &json!({})).expect(200);
    assert_eq!(evaluated["tier_change"], json!({ "from": "gold", "to": "silver" }));
    system.audit("m-1");
}
