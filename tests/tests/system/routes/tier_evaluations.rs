//! `/members/{member}/tier-evaluations`: reviews one account, or previews the review.

use regulars_tests::system::{System, member, purchase};
use serde_json::{Value, json};

fn evaluate(system: &System, body: &Value) -> Value {
    system.client.post(&format!("{}/tier-evaluations", member("m-1")), body).expect(200)
}

/// Returns a silver member of last year whose tier and points have expired.
fn overdue() -> System {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(42_000)).expect(201);
    system.move_clock("2028-02-01T09:00:00Z");
    system
}

#[test]
fn a_dry_run_shows_what_would_be_written_and_writes_nothing() {
    let system = overdue();
    let dry = evaluate(&system, &json!({ "dry_run": true }));
    assert_eq!(evaluate(&system, &json!({ "dry_run": true })), dry);
    assert_eq!(dry["account"]["version"], 2);
    assert_eq!(dry["tier_change"], json!({ "from": "silver", "to": "bronze" }));
    let ids =
        |told: &Value| told["entries"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&dry), ["~expiry~2027-11-30", "~tier~2028-02-01"]);
    system.client.get(&format!("{}/entries/~expiry~2027-11-30", member("m-1"))).problem(404, "entry_not_found");

    let real = evaluate(&system, &json!({}));
    assert_eq!(real["entries"], dry["entries"], "what was told is what is written, hashes and all");
    assert_eq!(real["tier_change"], dry["tier_change"]);
    assert_eq!(real["account"]["version"], 3);
    assert_eq!(real["account"], system.account("m-1"));
    system.audit("m-1");
}

#[test]
fn evaluating_twice_changes_nothing_the_second_time() {
    let system = overdue();
    let first = evaluate(&system, &json!({ "dry_run": false }));
    let second = evaluate(&system, &json!({}));
    assert_eq!((&second["entries"], &second["tier_change"]), (&json!([]), &Value::Null));
    assert_eq!(second["account"], first["account"]);
    assert_eq!(evaluate(&system, &json!({ "dry_run": true })), second);
}

#[test]
fn an_evaluation_needs_no_body() {
    let system = overdue();
    let path = format!("{}/tier-evaluations", member("m-1"));
    let answer = system.client.send("POST", &path, &[], &[]).expect(200);
    assert_eq!(answer["account"]["tier"]["id"], "bronze");
    let body = json!({ "dry_run": "yes" });
    assert_eq!(system.client.post(&path, &body).problem(400, "body_malformed")["at"], "/dry_run");
    let body = json!({ "dryrun": true });
    assert_eq!(system.client.post(&path, &body).problem(400, "body_malformed")["at"], "/dryrun");
    system.client.post(&format!("{}/tier-evaluations", member("m-2")), &json!({})).problem(404, "member_not_found");
}
