//! `/members/{member}/quotes`: the answer of the real call, without writing anything.

use regulars_tests::{
    client::Answer,
    system::{System, member, purchase},
    written::unwritten,
};
use serde_json::{Value, json};

fn quote(system: &System, body: &Value) -> Answer {
    system.client.post(&format!("{}/quotes", member("m-1")), body)
}

#[test]
fn a_quote_answers_what_the_real_call_does_and_writes_nothing() {
    let system = System::start();
    system.enroll("m-1");
    let before = system.account("m-1");
    let body = purchase(30_000);
    let quoted = quote(&system, &json!({ "accrual": body })).expect(200);
    assert_eq!((quoted["entry"].get("seq"), quoted["entry"].get("hash")), (None, None));
    assert_eq!(system.account("m-1"), before);
    assert_eq!(unwritten(quoted), unwritten(system.accrue("m-1", "order-1", &body).expect(201)));

    let before = system.account("m-1");
    let body = json!({ "reward": "free-coffee" });
    let quoted = quote(&system, &json!({ "redemption": body })).expect(200);
    assert_eq!(system.account("m-1"), before);
    assert_eq!(unwritten(quoted), unwritten(system.redeem("m-1", "r-1", &body).expect(201)));
    assert_eq!(system.ledger("m-1").len(), 4);
}

#[test]
fn a_quote_is_refused_as_the_real_call_would_be() {
    let system = System::start();
    system.enroll("m-1");
    let refused = quote(&system, &json!({ "redemption": { "reward": "free-coffee" } }));
    assert_eq!(refused.problem(422, "insufficient_points")["missing"], 75);
    let mut late = purchase(100);
    late["purchase"]["occurred_at"] = json!("2020-01-01T00:00:00Z");
    quote(&system, &json!({ "accrual": late })).problem(422, "occurred_at_out_of_range");
    quote(&system, &json!({ "transfer": {} })).problem(400, "body_malformed");
}

#[test]
fn a_refused_quote_points_into_its_own_body() {
    let system = System::start();
    system.enroll("m-1");
    for (redemption, at) in [
        (json!({ "reward": "free-coffee", "money": { "amount": 1, "currency": "EUR" } }), "/redemption/money"),
        (json!({ "reward": "money-off" }), "/redemption/money"),
        (
            json!({ "reward": "money-off", "money": { "amount": 400, "currency": "EUR" }, "hold": { "seconds": 90_000 } }),
            "/redemption/hold/seconds",
        ),
    ] {
        let refused = quote(&system, &json!({ "redemption": redemption }));
        assert_eq!(refused.problem(400, "body_malformed")["at"], at, "{redemption}");
    }
}
