//! `/members/{member}/accruals/{entry}/reversals`: a refund deducts its share, once.

use regulars_tests::{
    client::Answer,
    system::{System, member, purchase},
};
use serde_json::{Value, json};

fn refund(system: &System, key: &str, total: i64) -> Answer {
    let body = json!({ "refunded_total": { "amount": total, "currency": "EUR" } });
    reverse(system, "order-1", key, &body)
}

fn reverse(system: &System, entry: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/accruals/{entry}/reversals", member("m-1")), body)
}

#[test]
fn a_refund_deducts_its_share_and_the_tier_follows() {
    let system = System::with_silver_member();
    assert_eq!(system.account("m-1")["tier"]["id"], "silver");
    let answer = refund(&system, "refund-1", 15_000).expect(201);
    assert_eq!(answer["entry"]["kind"], "accrual_reversal");
    assert_eq!((&answer["entry"]["points"], &answer["entry"]["spendable"]), (&json!(-150), &json!(-150)));
    assert_eq!(answer["tier_change"], json!({ "from": "silver", "to": "bronze" }));
    assert_eq!(answer["account"], system.account("m-1"));
    assert_eq!(answer["account"]["balance"]["spendable"], 175);
    assert_eq!(answer["account"]["tier"]["next"]["missing"], 150);
    system.audit("m-1");
}

#[test]
fn the_total_is_cumulative_so_a_repeated_or_late_message_is_not_deducted_again() {
    let system = System::with_silver_member();
    refund(&system, "refund-2", 20_000).expect(201);
    assert!(refund(&system, "refund-2", 20_000).is_replay());
    assert_eq!(refund(&system, "refund-1", 10_000).expect(201)["entry"]["points"], 0, "it comes after a later one");
    assert_eq!(refund(&system, "refund-3", 30_000).expect(201)["entry"]["points"], -100);
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25);
    system.audit("m-1");
}

#[test]
fn points_that_were_spent_meanwhile_are_owed_and_later_ones_pay_them() {
    let system = System::with_silver_member();
    system.redeem("m-1", "r-1", &json!({ "reward": "free-coffee" })).expect(201);
    let answer = reverse(&system, "order-1", "refund-1", &json!({})).expect(201);
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 0, "pending": 0, "held": 0, "owed": 75 }));
    let answer = system.accrue("m-1", "order-2", &purchase(10_000)).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["entry"]["owed"]), (&json!(100), &json!(-75)));
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 25, "pending": 0, "held": 0, "owed": 0 }));
    system.audit("m-1");
}

#[test]
fn an_invalid_refund_is_refused_and_nothing_is_written() {
    let system = System::with_silver_member();
    let before = system.account("m-1");
    refund(&system, "more", 30_001).problem(422, "reversal_exceeds_accrual");
    let dollars = json!({ "refunded_total": { "amount": 1, "currency": "USD" } });
    reverse(&system, "order-1", "dollars", &dollars).problem(422, "currency_mismatch");
    reverse(&system, "order-9", "unknown", &json!({})).problem(404, "entry_not_found");
    reverse(&system, "~enrollment", "welcome", &json!({})).problem(404, "entry_not_found");
    let unknown = reverse(&system, "order-1", "field", &json!({ "refunded": 1 })).problem(400, "body_malformed");
    assert_eq!(unknown["at"], "/refunded");
    for field in ["refund", "refunded_total"] {
        let nothing = reverse(&system, "order-1", "nothing", &json!({ field: null })).problem(400, "body_malformed");
        assert_eq!(nothing["at"], format!("/{field}"), "no amount is not everything");
    }
    refund(&system, "order-1", 1).problem(422, "idempotency_key_reused");
    assert_eq!(system.account("m-1"), before);
}

#[test]
fn two_tills_each_report_their_own_return_and_the_answer_shows_what_is_left() {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(10_000)).expect(201);
    let more = |key: &str, amount: i64| {
        let body = json!({ "refund": { "amount": amount, "currency": "EUR" } });
        reverse(&system, "order-1", key, &body)
    };
    let answer = more("till-1", 3000).expect(201);
    assert_eq!(answer["purchase"], json!({ "total": 10_000, "refunded": 3000, "remaining": 7000, "lines": [] }));
    assert_eq!(answer["entry"]["points"], -30);
    assert_eq!(more("till-2", 2000).expect(201)["entry"]["points"], -20);
    let again = more("till-1", 3000);
    assert!(again.is_replay());
    assert_eq!(
        again.expect(200)["purchase"],
        json!({ "total": 10_000, "refunded": 5000, "remaining": 5000, "lines": [] }),
        "as it is now"
    );
    let refused = more("till-3", 5001).problem(422, "reversal_exceeds_accrual");
    assert!(refused["detail"].as_str().unwrap().contains("5000 minor units are left"), "{refused}");
    let both =
        json!({ "refund": { "amount": 1, "currency": "EUR" }, "refunded_total": { "amount": 1, "currency": "EUR" } });
    reverse(&system, "order-1", "both", &both).problem(400, "body_malformed");
    assert_eq!(more("till-4", 5000).expect(201)["purchase"]["remaining"], 0);
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25, "the welcome is left");
    system.audit("m-1");
}

#[test]
fn two_tills_at_once_take_back_both() {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(10_000)).expect(201);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (system, body) = (&system, json!({ "refund": { "amount": 1000, "currency": "EUR" } }));
            scope.spawn(move || reverse(system, "order-1", &format!("till-{n}"), &body).expect(201));
        }
    });
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25 + 20);
    system.audit("m-1");
}
