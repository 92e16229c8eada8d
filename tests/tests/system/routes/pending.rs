//! `/members/{member}/accruals/{entry}/confirmation`: pending points.

use regulars_tests::{
    client::Answer,
    system::{NOW, System, coffee_shop, member, purchase},
};
use serde_json::{Value, json};

fn with_pending(pending: &Value) -> System {
    let mut program = coffee_shop();
    program["points"]["pending"] = pending.clone();
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let answer = system.accrue("m-1", "order-1", &purchase(1_000)).expect(201);
    assert_eq!((&answer["entry"]["pending"], &answer["entry"]["spendable"]), (&json!(10), &json!(0)));
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 25, "pending": 10, "held": 0, "owed": 0 }));
    system
}

fn confirm(system: &System, entry: &str, key: &str) -> Answer {
    system.client.post_under(key, &format!("{}/accruals/{entry}/confirmation", member("m-1")), &json!({}))
}

#[test]
fn points_that_wait_for_a_day_mature_on_it_and_their_clock_starts_then() {
    let system = with_pending(&json!({ "days": 14 }));
    confirm(&system, "order-1", "c-1").problem(409, "accrual_not_pending");
    system.move_clock("2026-12-05T09:00:00Z");
    let account = system.account("m-1");
    assert_eq!(account["balance"], json!({ "spendable": 35, "pending": 0, "held": 0, "owed": 0 }));
    system.audit("m-1");
    let ledger = system.ledger("m-1");
    let maturing = ledger.last().unwrap();
    assert_eq!((&maturing["id"], &maturing["kind"]), (&json!("~maturing~2026-12-05"), &json!("confirmation")));
    assert_eq!(maturing["expires_on"], "2027-12-31");
}

#[test]
fn points_that_wait_for_a_confirmation_are_confirmed_once() {
    let system = with_pending(&json!({ "until_confirmed": { "lapses_after_days": 30 } }));
    let answer = confirm(&system, "order-1", "c-1").expect(201);
    assert_eq!(answer["entry"]["kind"], "confirmation");
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 35, "pending": 0, "held": 0, "owed": 0 }));
    assert!(confirm(&system, "order-1", "c-1").is_replay());
    confirm(&system, "order-1", "c-2").problem(409, "accrual_not_pending");
    confirm(&system, "order-9", "c-3").problem(404, "entry_not_found");
    system.audit("m-1");
}

#[test]
fn unconfirmed_points_lapse() {
    let system = with_pending(&json!({ "until_confirmed": { "lapses_after_days": 30 } }));
    system.move_clock("2026-12-23T09:00:00Z");
    assert_eq!(system.account("m-1")["balance"], json!({ "spendable": 25, "pending": 0, "held": 0, "owed": 0 }));
    confirm(&system, "order-1", "c-1").problem(409, "accrual_not_pending");
    system.audit("m-1");
    assert_eq!(system.ledger("m-1").last().unwrap()["kind"], "lapse");
}

#[test]
fn an_unconfirmed_purchase_counts_toward_the_tier_until_it_lapses() {
    let mut program = coffee_shop();
    program["points"]["pending"] = json!({ "until_confirmed": { "lapses_after_days": 30 } });
    let system = System::with(&program, NOW);
    let tier = |member: &str| system.account(member)["tier"]["id"].clone();
    for id in ["m-1", "m-2"] {
        system.enroll(id);
        system.accrue(id, &format!("order-{id}"), &purchase(100_000)).expect(201);
    }
    let path = format!("{}/accruals/order-m-2/confirmation", member("m-2"));
    system.client.post_under("c-1", &path, &json!({})).expect(201);
    assert_eq!((tier("m-1"), tier("m-2")), (json!("gold"), json!("gold")));
    system.move_clock("2026-12-22T09:00:00Z");
    assert_eq!((tier("m-1"), tier("m-2")), (json!("bronze"), json!("gold")));
    for id in ["m-1", "m-2"] {
        system.audit(id);
    }
    let ledger = system.ledger("m-1");
    let kinds: Vec<_> = ledger.iter().rev().take(2).map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["tier_change", "lapse"]);
}
