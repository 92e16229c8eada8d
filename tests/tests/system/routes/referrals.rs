//! `referred_by`: a friend's first large enough purchase pays both.

use std::time::Duration;

use regulars_application::deadline::Deadline;
use regulars_store::Action;
use regulars_tests::{
    event::event,
    rivals::beaten,
    system::{DEMO, NOW, System, member, purchase},
};
use serde_json::{Value, json};

/// Returns a system with a member, and a friend whom the member referred.
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
fn both_are_paid_by_the_first_large_enough_purchase_and_a_repeat_pays_neither() {
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
fn a_full_refund_reverses_both_sides() {
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
fn a_merged_referrer_is_paid_at_the_new_account_and_a_missing_one_is_not_paid() {
    let system = with_friend();
    system.enroll("m-2");
    let merges = format!("{}/merge", member("m-0"));
    system.client.post_under("merge-1", &merges, &json!({ "into": "m-2" })).expect(201);
    system.accrue("m-1", "order-1", &purchase(500)).expect(201);
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-2")), (80, 150));

    system.enroll("m-4");
    let body = json!({ "member": "m-3", "referred_by": "m-4" });
    system.client.post(&format!("{DEMO}/members"), &body).expect(201);
    system.client.patch(&member("m-4"), &json!({ "status": "closed" })).expect(200);
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

#[test]
fn a_purchase_does_not_wait_for_a_referrer_whose_account_is_busy_and_the_next_review_pays() {
    let system = with_friend();
    let engine = beaten(&system, "member#demo#m-0", NOW);
    let path = format!("{}/accruals", member("m-1"));
    let request = event("POST", &path, &[("idempotency-key", "order-1")], &purchase(500));
    let before = engine.store.meter().snapshot();
    let answer =
        system.block_on(regulars_earn::handle(&engine, request, Deadline::after(Duration::from_secs(10)))).unwrap();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!((&answer["statusCode"], &body["entry"]["points"]), (&json!(201), &json!(55)), "{answer}");
    let written = engine.store.meter().since(&before).actions[&Action::PutItem];
    assert_eq!(written, 4 + 2, "accounts and entries of both once, and then of the friend alone");
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-0")), (80, 25));

    system.move_clock("2026-11-23T03:00:00Z");
    let run = system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
    assert_eq!((&run["reviewed"], &run["changed"]), (&json!(1), &json!(1)), "{run}");
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-0")), (80, 125));
    let paid = system.ledger("m-0").pop().unwrap();
    assert_eq!((&paid["id"], &paid["counterparty"]), (&json!("~referral~m-1~order-1"), &json!("m-1")));
    let told = system.ledger("m-1").pop().unwrap();
    assert_eq!((&told["kind"], &told["counterparty"]), (&json!("referral_payment"), &json!("m-0")));
    system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
    assert_eq!(spendable(&system, "m-0"), 125);
    system.audit("m-0");
    system.audit("m-1");
}

#[test]
fn the_next_command_of_the_friend_pays_what_is_owed() {
    let system = with_friend();
    let engine = beaten(&system, "member#demo#m-0", NOW);
    let path = format!("{}/accruals", member("m-1"));
    let request = event("POST", &path, &[("idempotency-key", "order-1")], &purchase(500));
    system.block_on(regulars_earn::handle(&engine, request, Deadline::after(Duration::from_secs(10)))).unwrap();
    system.redeem("m-1", "r-1", &json!({ "reward": "no-such-reward" })).problem(404, "reward_not_found");
    assert_eq!(spendable(&system, "m-0"), 125, "even if it is refused");
    assert!(system.accrue("m-1", "order-1", &purchase(500)).is_replay());
    system.accrue("m-1", "order-2", &purchase(500)).expect(201);
    assert_eq!((spendable(&system, "m-1"), spendable(&system, "m-0")), (85, 125));
}
