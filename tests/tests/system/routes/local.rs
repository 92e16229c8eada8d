//! `/local/...`: the clock and the scheduled run, and what the front end itself rejects.

use regulars_tests::system::{DEMO, NOW, System, member, purchase};
use serde_json::{Value, json};

const CLOCK: &str = "/local/clock";

fn run(system: &System) -> Value {
    let mut run = system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
    assert!(run["seconds"].take().as_f64().is_some_and(|seconds| seconds >= 0.0));
    run
}

fn ran(reviewed: u64, changed: u64) -> Value {
    json!({ "shards": 256, "reviewed": reviewed, "changed": changed, "conflicted": 0, "failed": 0, "seconds": null })
}

#[test]
fn the_clock_stands_where_it_was_set_and_moves_forward_only() {
    let system = System::start();
    let put = |now: &str| system.client.put(CLOCK, ("x", "y"), &json!({ "now": now }));
    assert_eq!(system.client.get(CLOCK).expect(200), json!({ "now": NOW }));
    assert_eq!(put("2027-01-01T00:00:00Z").expect(200), json!({ "now": "2027-01-01T00:00:00Z" }));
    assert_eq!(put("2027-01-01T03:00:00+03:00").expect(200), json!({ "now": "2027-01-01T00:00:00Z" }));
    put("2026-12-31T23:59:59Z").problem(422, "clock_moved_back");
    assert_eq!(system.client.get(CLOCK).expect(200), json!({ "now": "2027-01-01T00:00:00Z" }));
    for (body, at) in [
        (json!({ "now": "2027-06-01" }), "/now"),
        (json!({ "now": "2027-06-01T00:00:00" }), "/now"),
        (json!({ "now": 1_800_000_000 }), "/now"),
        (json!({ "then": "2027-06-01T00:00:00Z" }), "/then"),
        (json!({}), ""),
    ] {
        let problem = system.client.put(CLOCK, ("x", "y"), &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
    system.enroll("m-1");
    assert_eq!(system.account("m-1")["enrolled_at"], "2027-01-01T00:00:00Z");
}

#[test]
fn the_schedule_run_by_hand_reviews_what_is_due_and_nothing_twice() {
    let system = System::start();
    for number in 0..5 {
        system.enroll(&format!("m-{number}"));
    }
    system.accrue("m-0", "order-1", &purchase(42_000)).expect(201);
    assert_eq!(run(&system), ran(0, 0), "nothing is due");

    // The day after the points' last one has begun in Istanbul, and not yet in London.
    system.move_clock("2027-11-30T21:00:00Z");
    assert_eq!(run(&system), ran(5, 5));
    assert_eq!(run(&system), ran(0, 0), "a second run finds nothing");
    let ledger = system.ledger("m-3");
    let last = ledger.last().unwrap();
    assert_eq!(
        (&last["id"], &last["points"], &last["by"]),
        (&json!("~expiry~2027-11-30"), &json!(-25), &json!("engine"))
    );
    assert_eq!(last["posted_at"], "2027-11-30T21:00:00Z");

    system.move_clock("2028-01-31T20:59:59Z");
    assert_eq!(run(&system), ran(0, 0), "a tier holds to the end of its last day");
    system.move_clock("2028-02-01T00:00:00Z");
    assert_eq!(run(&system), ran(1, 1), "only one member had a tier to lose");
    for number in 0..5 {
        system.audit(&format!("m-{number}"));
    }
}

#[test]
fn a_run_that_was_missed_is_made_up_for() {
    let system = System::start();
    for number in 0..3 {
        system.enroll(&format!("m-{number}"));
    }
    system.move_clock("2035-07-01T00:00:00Z");
    assert_eq!(run(&system), ran(3, 3));
    let ledger = system.ledger("m-1");
    assert_eq!(ledger.last().unwrap()["occurred_at"], "2027-11-30T21:00:00Z");
}

#[test]
fn an_unknown_path_of_any_form_is_not_found() {
    let system = System::start();
    system.enroll("m-1");
    for path in [
        "/v1",
        "/v2/programs/demo",
        "/v1/programs",
        "/v1/programs/",
        "/v1/programs/demo/",
        "/v1/programs/demo/members/",
        "/v1/programs/demo/members/m-1/",
        "/v1/programs/demo/members/m-1/entries/",
        "/v1/programs/demo/members/m-1/entries/a/b",
        "/v1/programs//members/m-1",
        "//v1/programs/demo",
        "/v1/programs/demo/members/m-1/../m-1",
        "/V1/programs/demo",
        "/v1/programs/demo/members/m-1/quotes/x",
        "/local",
        "/local/clock/",
    ] {
        system.client.get(path).problem(404, "route_not_found");
    }
}

#[test]
fn an_unknown_method_is_answered_with_the_allowed_ones() {
    let system = System::start();
    let account = member("m-1");
    for (method, path, allowed) in [
        ("DELETE", DEMO.to_owned(), "GET, PUT"),
        ("POST", DEMO.to_owned(), "GET, PUT"),
        ("GET", format!("{DEMO}/members"), "POST"),
        ("DELETE", account.clone(), "GET, PATCH"),
        ("PUT", account.clone(), "GET, PATCH"),
        ("HEAD", account.clone(), "GET, PATCH"),
        ("GET", format!("{account}/accruals"), "POST"),
        ("PUT", format!("{account}/redemptions"), "POST"),
        ("POST", format!("{account}/entries"), "GET"),
        ("DELETE", format!("{account}/entries/order-1"), "GET"),
        ("POST", CLOCK.to_owned(), "GET, PUT"),
        ("GET", "/local/run/tier-evaluation".to_owned(), "POST"),
    ] {
        let answer = system.client.send(method, &path, &[], &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{answer}");
        if method != "HEAD" {
            answer.problem(405, "method_not_allowed");
        }
    }
}
