//! `/members/{member}/plan` and `/members/{member}/entitlements`: paid memberships and entitlements.

use regulars_tests::{
    client::Answer,
    system::{NOW, System, coffee_shop, member, purchase},
};
use serde_json::{Value, json};

/// Returns the coffee shop with a plan with the floor silver and two tastings a month.
fn with_plans() -> System {
    let mut program = coffee_shop();
    let entitlements = json!([{ "id": "cupping", "times": 2, "every": "month" }]);
    program["plans"] = json!([
        { "id": "plus", "price": 499, "interval": "month", "tier_floor": "silver", "earning_percent": 110, "entitlements": entitlements },
        { "id": "year", "price": 4999, "interval": "year" },
        { "id": "kind", "price": 599, "interval": "month", "grace_days": 3 },
    ]);
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system
}

fn pay(system: &System, key: &str, plan: &str) -> Answer {
    system.client.post_under(key, &format!("{}/plan", member("m-1")), &json!({ "plan": plan }))
}

fn end(system: &System) -> Value {
    system.client.send("DELETE", &format!("{}/plan", member("m-1")), &[], &[]).expect(200)
}

fn taste(system: &System, key: &str, entitlement: &str) -> Answer {
    let path = format!("{}/entitlements/{entitlement}/uses", member("m-1"));
    system.client.post_under(key, &path, &json!({}))
}

fn held(system: &System) -> Value {
    system.client.get(&format!("{}/entitlements", member("m-1"))).expect(200)["entitlements"].clone()
}

#[test]
fn a_plan_begins_with_its_payment_and_is_renewed_once_by_each() {
    let system = with_plans();
    assert_eq!(system.account("m-1")["plan"], Value::Null);
    let begun = pay(&system, "payment-1", "plus").expect(201);
    assert_eq!((&begun["entry"]["kind"], &begun["entry"]["points"]), (&json!("plan"), &json!(0)));
    assert_eq!(begun["account"]["plan"], json!({ "id": "plus", "through": "2026-12-20" }));
    assert_eq!(begun["tier_change"], json!({ "from": "bronze", "to": "silver" }));
    let tier = &begun["account"]["tier"];
    assert_eq!(
        (&tier["id"], &tier["because"], &tier["until"]),
        (&json!("silver"), &json!("plan"), &json!("2026-12-20"))
    );
    let explained = system.client.get(&format!("{}/tier", member("m-1"))).expect(200);
    assert_eq!(explained["floor"], json!({ "id": "silver", "plan": "plus", "through": "2026-12-20" }));
    let again = pay(&system, "payment-1", "plus");
    assert!(again.is_replay());
    assert_eq!(again.expect(200)["account"]["plan"]["through"], "2026-12-20");
    pay(&system, "payment-1", "year").problem(422, "idempotency_key_reused");
    let renewed = pay(&system, "payment-2", "plus").expect(201);
    assert_eq!(renewed["account"]["plan"]["through"], "2027-01-20");
    assert_eq!(renewed["tier_change"], Value::Null);
    let last = system.ledger("m-1").last().unwrap().clone();
    assert_eq!(last["plan"], json!({ "id": "plus", "from": "2026-11-21", "through": "2027-01-20", "price": 499 }));
    let running = pay(&system, "payment-3", "year").problem(409, "plan_running");
    assert_eq!(running["running"], json!({ "id": "plus", "through": "2027-01-20" }));
    pay(&system, "payment-3", "platinum").problem(404, "plan_not_found");

    let bought = system.accrue("m-1", "order-1", &purchase(10_000)).expect(201);
    let lines = json!([{ "rule": "tier:silver", "wanted": 25, "given": 25 }, { "rule": "plan:plus", "wanted": 10, "given": 10 }]);
    assert_eq!(json!(bought["breakdown"].as_array().unwrap()[1..3]), lines);
    system.move_clock("2027-01-21T00:00:00+03:00");
    let over = system.account("m-1");
    assert_eq!((&over["plan"], &over["tier"]["id"]), (&Value::Null, &json!("bronze")));
    // `replace` is part of the request of a key.
    pay(&system, "payment-4", "kind").expect(201);
    let replaced = |key: &str, plan: &str| {
        let body = json!({ "plan": plan, "replace": true });
        system.client.post_under(key, &format!("{}/plan", member("m-1")), &body)
    };
    let year = replaced("payment-5", "year").expect(201);
    assert_eq!(year["account"]["plan"], json!({ "id": "year", "through": "2028-01-20" }));
    assert!(replaced("payment-5", "year").is_replay());
    pay(&system, "payment-5", "year").problem(422, "idempotency_key_reused");
    replaced("payment-6", "kind").expect(201);
    system.move_clock("2027-02-23T00:00:00+03:00");
    let grace = json!({ "id": "kind", "through": "2027-02-20", "grace_through": "2027-02-23" });
    assert_eq!(system.account("m-1")["plan"], grace);
    system.move_clock("2027-02-24T00:00:00+03:00");
    assert_eq!(system.account("m-1")["plan"], Value::Null);
    system.audit("m-1");
}

#[test]
fn a_payment_is_reversed_once_and_a_key_keeps_a_late_repeat_from_ending_another_plan() {
    let system = with_plans();
    let plan = format!("{}/plan", member("m-1"));
    let reverse =
        |key: &str, payment: &str| system.client.post_under(key, &format!("{plan}/{payment}/reversals"), &json!({}));
    for (key, through) in [("payment-1", "2026-12-20"), ("payment-2", "2027-01-20")] {
        assert_eq!(pay(&system, key, "plus").expect(201)["account"]["plan"]["through"], through);
    }
    reverse("back-0", "payment-9").problem(404, "entry_not_found");
    let back = reverse("back-1", "payment-1").expect(201);
    assert_eq!(back["entry"]["kind"], "plan_reversal");
    let (entry, left) = (system.ledger("m-1").last().unwrap().clone(), json!("2026-12-20"));
    assert_eq!((&entry["refers_to"], &entry["plan"]["through"]), (&json!("payment-1"), &left));
    assert_eq!(back["account"]["plan"], json!({ "id": "plus", "through": "2026-12-20" }));
    assert!(reverse("back-1", "payment-1").is_replay());
    reverse("back-1", "payment-2").problem(422, "idempotency_key_reused");
    reverse("back-2", "payment-1").problem(409, "plan_payment_reversed");
    reverse("back-2", "back-1").problem(404, "entry_not_found");

    let end = || system.client.send("DELETE", &plan, &[("idempotency-key", "end-1")], &[]).expect(200);
    assert_eq!(end()["plan"], Value::Null);
    reverse("back-2", "payment-2").problem(409, "plan_over");
    pay(&system, "payment-3", "plus").expect(201);
    assert_eq!(end()["plan"]["id"], "plus");
    assert_eq!(reverse("back-2", "payment-3").expect(201)["account"]["plan"], Value::Null);
    assert_eq!(end()["plan"], Value::Null);
    system.audit("m-1");
}

#[test]
fn a_plan_is_ended_at_once_and_a_repeat_changes_nothing() {
    let system = with_plans();
    pay(&system, "payment-1", "plus").expect(201);
    let ended = end(&system);
    assert_eq!((&ended["plan"], &ended["tier"]["id"]), (&Value::Null, &json!("bronze")));
    assert_eq!(end(&system), ended);
    assert_eq!(system.ledger("m-1").last().unwrap()["kind"], "tier_change");
    system.audit("m-1");
}

#[test]
fn an_entitlement_of_a_plan_is_used_a_number_of_times_per_interval() {
    let system = with_plans();
    assert_eq!(held(&system), json!([]));
    taste(&system, "cup-0", "cupping").problem(422, "entitlement_not_held");
    taste(&system, "cup-0", "sauna").problem(404, "entitlement_not_found");
    taste(&system, "cup-0", "a%20b").problem(404, "entitlement_not_found");
    pay(&system, "payment-1", "plus").expect(201);
    let told =
        |used: i64| json!({ "id": "cupping", "times": 2, "used": used, "left": 2 - used, "resets_on": "2026-12-01" });
    assert_eq!(held(&system), json!([told(0)]));
    let used = taste(&system, "cup-1", "cupping").expect(201);
    assert_eq!((&used["entry"]["kind"], &used["entitlement"]), (&json!("entitlement_use"), &told(1)));
    assert_eq!(used["account"]["plan"]["id"], "plus");
    assert!(taste(&system, "cup-1", "cupping").is_replay());
    assert_eq!(taste(&system, "cup-2", "cupping").expect(201)["entitlement"], told(2));
    let refused = taste(&system, "cup-3", "cupping").problem(422, "entitlement_used_up");
    assert_eq!(refused["resets_on"], "2026-12-01");
    assert_eq!(system.ledger("m-1").last().unwrap()["entitlement"], "cupping");
    system.move_clock("2026-12-01T00:00:00+03:00");
    taste(&system, "cup-3", "cupping").expect(201);
    // An entitlement that the member no longer has at the time of a repeat is not shown.
    end(&system);
    assert_eq!(taste(&system, "cup-3", "cupping").expect(200)["entitlement"], Value::Null);
    system.client.patch(&member("m-1"), &json!({ "status": "suspended" })).expect(200);
    taste(&system, "cup-4", "sauna").problem(409, "account_suspended");
    system.audit("m-1");
}

#[test]
fn plans_of_merged_cards_run_one_after_the_other_and_nothing_that_was_paid_is_lost() {
    let mut program = coffee_shop();
    program["plans"] = json!([
        { "id": "club", "price": 9900, "interval": "year", "tier_floor": "gold" },
        { "id": "plus", "price": 499, "interval": "month", "tier_floor": "silver" },
    ]);
    // The year with gold and the month with silver, merged in both directions.
    for (year, month) in [("m-1", "m-2"), ("m-2", "m-1")] {
        let system = System::with(&program, "2027-01-15T12:00:00+03:00");
        let post = |key: &str, id: &str, path: &str, body: Value| {
            system.client.post_under(key, &format!("{}{path}", member(id)), &body)
        };
        system.enroll("m-1");
        system.enroll("m-2");
        post("payment-1", year, "/plan", json!({ "plan": "club" })).expect(201);
        system.move_clock("2027-03-01T12:00:00+03:00");
        post("payment-1", month, "/plan", json!({ "plan": "plus" })).expect(201);
        system.move_clock("2027-03-10T12:00:00+03:00");
        let merged = post("merge-1", "m-2", "/merge", json!({ "into": "m-1" })).expect(201);
        let next = json!([{ "id": "plus", "from": "2028-01-15", "through": "2028-02-05" }]);
        let plan = json!({ "id": "club", "through": "2028-01-14", "next": next });
        assert_eq!((&merged["into"]["plan"], &merged["into"]["tier"]["id"]), (&plan, &json!("gold")));
        assert_eq!(merged["account"]["plan"], Value::Null);

        // A renewal extends the plan that waits; then the payment is reversed.
        let renewed = post("payment-2", "m-1", "/plan", json!({ "plan": "plus" })).expect(201);
        assert_eq!(renewed["account"]["plan"]["next"][0]["through"], "2028-03-05");
        post("back-1", "m-1", "/plan/payment-2/reversals", json!({})).expect(201);
        // The same key in both ledgers: the request must say which one.
        let back = |key: &str, query: &str| post(key, "m-1", &format!("/plan/payment-1/reversals{query}"), json!({}));
        back("back-2", "").problem(409, "entry_ambiguous");
        let back = |key: &str, card: &str| back(key, &format!("?member={card}"));
        assert_eq!(
            back("back-2", month).expect(201)["account"]["plan"],
            json!({ "id": "club", "through": "2028-01-14" })
        );
        back("back-3", month).problem(409, "plan_payment_reversed");
        post("payment-3", "m-1", "/plan", json!({ "plan": "plus" })).problem(409, "plan_running");
    }
    let system = System::with(&program, "2027-01-15T12:00:00+03:00");
    let post = |key: &str, id: &str, path: &str, body: Value| {
        system.client.post_under(key, &format!("{}{path}", member(id)), &body)
    };
    let plan = format!("{}/plan", member("m-1"));
    for id in ["m-1", "m-2", "m-3"] {
        system.enroll(id);
        let plan = if id == "m-3" { "plus" } else { "club" };
        post(&format!("payment-{id}"), id, "/plan", json!({ "plan": plan })).expect(201);
    }
    for id in ["m-3", "m-2"] {
        post(&format!("merge-{id}"), id, "/merge", json!({ "into": "m-1" })).expect(201);
    }
    // Two years stay two years.
    let next = json!([{ "id": "club", "from": "2028-01-15", "through": "2029-01-13" },
                      { "id": "plus", "from": "2029-01-14", "through": "2029-02-13" }]);
    assert_eq!(system.account("m-1")["plan"], json!({ "id": "club", "through": "2028-01-14", "next": next }));
    system.move_clock("2028-01-15T00:00:00+03:00");
    assert_eq!(system.account("m-1")["plan"]["next"], json!([next[1]]));
    system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
    let entry = system.ledger("m-1").last().unwrap().clone();
    assert_eq!(
        (&entry["id"], &entry["plan_ended"], &entry["plan"]["id"], &entry["plan"]["from"]),
        (&json!("~plan-end~2028-01-15"), &json!("club"), &json!("club"), &json!("2028-01-15"))
    );
    // Without a key, a repeat would end the plan that starts.
    let waiting = system.client.send("DELETE", &plan, &[], &[]).problem(409, "plans_waiting");
    assert_eq!(waiting["waiting"], 1);
    let keyed = || system.client.send("DELETE", &plan, &[("idempotency-key", "end-1")], &[]).expect(200);
    for _ in 0..2 {
        let account = keyed();
        assert_eq!(
            (&account["plan"], &account["tier"]["id"]),
            (&json!({ "id": "plus", "through": "2028-02-14" }), &json!("silver"))
        );
    }
    assert_eq!(end(&system)["plan"], Value::Null);
    let none = || system.client.send("DELETE", &plan, &[("idempotency-key", "end-2")], &[]);
    assert_eq!(none().problem(409, "plan_not_running")["detail"], "No plan runs, so there is none to end.");
}
