//! `referred_by`: a friend's first purchase of some size pays both.

use regulars_tests::system::{DEMO, System, member, purchase};
use serde_json::json;

/// Somebody, and a friend who was brought.
fn with_friend() -> System {
    let system = System::start();
    system.enroll("m-0");
    system.client.post(&format!("{DEMO}/members"), &json!({ "member": "m-1", "referred_by": "m-0" })).expect(201);
    system
}

fn spendable(system: &System, id: &str) -> i64 {
    system.account(id)["balance"]["spendable"].as_i64().unwrap()
}

#[test]
fn both_are_paid_by_the_first_purchase_that_is_large_enough_and_a_repeat_pays_nobody() {
    let system = with_friend();
    system.accrue("m-1", "order-1", &purchase(400)).expect(201);
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-0")), (25 + 4, 25));

    let quoted = json!({ "accrual": purchase(500) });
    let quote = system.client.post(&format!("{}/quotes", member("m-1")), &quoted).expect(200);
    assert_eq!(quote["entry"]["points"], 55);
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-0")), (29, 25), "a quote writes nothing");

    let answer = system.accrue("m-1", "order-2", &purchase(500)).expect(201);
    assert_eq!(answer["entry"]["points"], 55);
    assert!(
        answer["breakdown"].as_array().unwrap().contains(&json!({ "rule": "referral", "wanted": 50, "given": 50 }))
    );
    assert!(system.accrue("m-1", "order-2", &purchase(500)).is_replay());
    system.accrue("m-1", "order-3", &purchase(500)).expect(201);
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-0")), (25 + 4 + 55 + 5, 125));
    let paid = system.ledger("m-0").pop().unwrap();
    assert_eq!((&paid["id"], &paid["counterparty"]), (&json!("~referral~m-1~order-2"), &json!("m-1")));
    system.audit("m-0");
    system.audit("m-1");
}

#[test]
fn a_refund_of_all_of_it_takes_back_both() {
    let system = with_friend();
    system.accrue("m-1", "order-1", &purchase(500)).expect(201);
    let reversals = format!("{}/accruals/order-1/reversals", member("m-1"));
    let refund = json!({ "refunded_total": { "amount": 500, "currency": "EUR" } });
    system.client.post_under("refund-1", &reversals, &refund).expect(201);
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-0")), (25, 25));
    system.accrue("m-1", "order-2", &purchase(500)).expect(201);
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-0")), (80, 125));
    system.audit("m-0");
    system.audit("m-1");
}

#[test]
fn who_was_merged_is_paid_where_it_went_and_nobody_is_paid_for_who_is_not_there() {
    let system = with_friend();
    system.enroll("m-2");
    let merges = format!("{}/merge", member("m-0"));
    system.client.post_under("merge-1", &merges, &json!({ "into": "m-2" })).expect(201);
    system.accrue("m-1", "order-1", &purchase(500)).expect(201);
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-2")), (80, 150));

    let body = json!({ "member": "m-3", "referred_by": "nobody" });
    system.client.post(&format!("{DEMO}/members"), &body).expect(201);
    system.accrue("m-3", "order-1", &purchase(500)).expect(201);
    assert_eq!(spendable(&system, "m-3"), 30);
}

#[test]
fn nobody_brings_himself() {
    let system = System::start();
    let body = json!({ "member": "m-1", "referred_by": "m-1" });
    let problem = system.client.post(&format!("{DEMO}/members"), &body).problem(400, "body_malformed");
    assert_eq!(problem["at"], "/referred_by");
}
