//! `/members/{member}/redemptions`: points are spent exactly once.

use regulars_tests::system::{NOW, System, coffee_shop, member, purchase};
use serde_json::{Value, json};

fn reward(id: &str) -> Value {
    json!({ "reward": id })
}

fn money_off(amount: i64) -> Value {
    json!({ "reward": "money-off", "money": { "amount": amount, "currency": "EUR" } })
}

#[test]
fn a_reward_of_fixed_cost_is_redeemed_for_its_points() {
    let system = System::with_silver_member();
    let answer = system.redeem("m-1", "r-1", &reward("free-coffee"));
    assert!(!answer.is_replay());
    let mut answer = answer.expect(201);
    assert_eq!(answer["account"], system.account("m-1"));
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 225, "pending": 0, "held": 0, "owed": 0 }));
    answer["entry"]["hash"].take();
    assert_eq!(
        answer["entry"],
        json!({
            "id": "r-1", "seq": 4, "kind": "redemption", "points": -100,
            "pending": 0, "spendable": -100, "held": 0, "owed": 0,
            "occurred_at": NOW, "posted_at": NOW, "program_version": 1, "expires_on": null, "hash": null
        })
    );
    assert_eq!(
        answer["redemption"],
        json!({
            "id": "r-1", "reward": "free-coffee", "state": "captured", "points": 100,
            "hold_expires_at": null, "code": null
        })
    );
    system.audit("m-1");
}

#[test]
fn a_reward_per_money_costs_what_the_money_does_rounded_up() {
    let system = System::with_silver_member();
    let answer = system.redeem("m-1", "r-1", &money_off(400)).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["redemption"]["points"]), (&json!(-200), &json!(200)));
    assert_eq!(answer["redemption"]["money"], json!({ "amount": 400, "currency": "EUR" }));
    assert_eq!(system.redeem("m-1", "r-2", &money_off(1)).expect(201)["redemption"]["points"], 1);
    assert_eq!(system.redeem("m-1", "r-3", &money_off(3)).expect(201)["redemption"]["points"], 2);

    for (key, body) in [
        ("none", reward("money-off")),
        ("nothing", money_off(0)),
        ("fixed", json!({ "reward": "free-coffee", "money": { "amount": 400, "currency": "EUR" } })),
    ] {
        assert_eq!(system.redeem("m-1", key, &body).problem(400, "body_malformed")["at"], "/money", "{key}");
    }
    let dollars = json!({ "reward": "money-off", "money": { "amount": 400, "currency": "USD" } });
    system.redeem("m-1", "dollars", &dollars).problem(422, "currency_mismatch");
    let most = system.redeem("m-1", "most", &money_off(999_999_999_999)).problem(422, "insufficient_points");
    assert_eq!(most["missing"], 500_000_000_000_i64 - 122);
    system.audit("m-1");
}

#[test]
fn what_is_missing_is_told() {
    let system = System::start();
    system.enroll("m-1");
    let problem = system.redeem("m-1", "r-1", &reward("free-coffee")).problem(422, "insufficient_points");
    assert_eq!(problem["missing"], 75);
    assert!(problem["detail"].as_str().unwrap().contains("75"));
    assert_eq!(system.account("m-1")["version"], 1);
    // A refusal does not use the key: it works once the points are there.
    system.accrue("m-1", "order-1", &purchase(7_500)).expect(201);
    let answer = system.redeem("m-1", "r-1", &reward("free-coffee")).expect(201);
    assert_eq!(answer["account"]["balance"]["spendable"], 0);
    assert_eq!(answer["account"]["next_expiry"], Value::Null);
}

#[test]
fn a_reward_runs_out_for_all_members() {
    let system = System::start();
    for member in ["m-1", "m-2", "m-3"] {
        system.enroll(member);
    }
    system.redeem("m-1", "r-1", &reward("mug")).expect(201);
    system.redeem("m-2", "r-1", &reward("mug")).expect(201);
    system.redeem("m-3", "r-1", &reward("mug")).problem(422, "reward_out_of_stock");
    system.redeem("m-1", "r-2", &reward("mug")).problem(422, "reward_out_of_stock");
    // A member who had one still gets the same answer.
    let again = system.redeem("m-1", "r-1", &reward("mug"));
    assert!(again.is_replay());
    assert_eq!(again.expect(200)["redemption"]["reward"], "mug");
    assert_eq!(system.account("m-3")["version"], 1);
}

#[test]
fn each_reason_for_a_refusal_has_its_code() {
    let system = System::with_silver_member();
    for (id, status, code) in [
        ("no-such-thing", 404, "reward_not_found"),
        ("tasting", 422, "reward_not_for_tier"),
        ("summer-ice", 422, "reward_not_active"),
        ("ankara-tour", 422, "reward_not_for_member"),
        ("gift-card", 422, "insufficient_points"),
    ] {
        let problem = system.redeem("m-1", "r-1", &reward(id)).problem(status, code);
        if code == "reward_not_for_tier" {
            assert_eq!(problem["tiers"], json!(["gold"]));
        }
    }
    assert_eq!(system.account("m-1")["version"], 2);
    system.client.patch(&member("m-1"), &json!({ "attributes": { "city": "Ankara" } })).expect(200);
    system.redeem("m-1", "r-1", &reward("ankara-tour")).expect(201);
}

#[test]
fn reasons_that_the_member_cannot_influence_come_first() {
    let mut program = coffee_shop();
    program["rewards"][2]["active"] = json!({ "to": "2026-01-01T00:00:00+03:00" });
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    // Not active, for gold only, and too expensive.
    system.redeem("m-1", "r-1", &reward("tasting")).problem(422, "reward_not_active");
    system.client.patch(&member("m-1"), &json!({ "status": "suspended" })).expect(200);
    system.redeem("m-1", "r-1", &reward("tasting")).problem(409, "account_suspended");
    system.redeem("m-1", "r-1", &reward("no-such-thing")).problem(409, "account_suspended");
}

#[test]
fn a_limit_counts_per_day_of_the_program() {
    let system = System::with_silver_member();
    system.redeem("m-1", "r-1", &reward("free-coffee")).expect(201);
    system.redeem("m-1", "r-2", &reward("free-coffee")).problem(422, "reward_limit_reached");
    // Midnight in Istanbul.
    system.move_clock("2026-11-21T20:59:59Z");
    system.redeem("m-1", "r-2", &reward("free-coffee")).problem(422, "reward_limit_reached");
    system.move_clock("2026-11-21T21:00:00Z");
    system.redeem("m-1", "r-2", &reward("free-coffee")).expect(201);
}

#[test]
fn a_repeat_is_answered_even_where_the_request_could_no_longer_be_granted() {
    let system = System::with_silver_member();
    let first = system.redeem("m-1", "r-1", &money_off(600)).expect(201);
    assert_eq!(first["account"]["balance"]["spendable"], 25);
    let check = |what: &str| {
        let again = system.redeem("m-1", "r-1", &money_off(600));
        assert!(again.is_replay(), "{what}");
        let again = again.expect(200);
        assert_eq!((&again["entry"], &again["redemption"]), (&first["entry"], &first["redemption"]), "{what}");
        assert_eq!(again["account"], system.account("m-1"), "{what}");
    };
    check("the points are gone");
    system.client.patch(&member("m-1"), &json!({ "status": "suspended" })).expect(200);
    check("the account is suspended");
    system.client.patch(&member("m-1"), &json!({ "status": "closed" })).expect(200);
    check("the account is closed");
    let mut program = coffee_shop();
    program["rewards"].as_array_mut().unwrap().remove(1);
    system.client.put("/v1/programs/demo", ("if-match", "\"1\""), &program).expect(201);
    check("the reward is gone");
    system.move_clock("2028-02-29T00:00:00Z");
    check("the points would have expired");
    // Another body under the key is another request.
    system.redeem("m-1", "r-1", &money_off(602)).problem(422, "idempotency_key_reused");
    system.audit("m-1");
}

#[test]
fn points_can_be_spent_to_the_end_of_their_last_day_and_not_after() {
    let system = System::start();
    system.enroll("m-1");
    system.move_clock("2027-11-30T20:59:59Z");
    system.redeem("m-1", "r-1", &reward("mug")).expect(201);
    system.move_clock("2027-11-30T21:00:00Z");
    let problem = system.redeem("m-1", "r-2", &reward("mug")).problem(422, "insufficient_points");
    assert_eq!(problem["missing"], 10);
    assert_eq!(system.account("m-1")["balance"]["spendable"], 0);
    system.audit("m-1");
}

#[test]
fn what_expires_soonest_is_spent_first() {
    let system = System::start();
    system.enroll("m-1");
    system.move_clock("2026-12-05T10:00:00Z");
    let body = json!({ "purchase": { "occurred_at": "2026-12-05T10:00:00Z", "total": { "amount": 10_000, "currency": "EUR" } } });
    system.accrue("m-1", "order-1", &body).expect(201);
    system.redeem("m-1", "r-1", &reward("plant-a-tree")).expect(201);
    let entry = system.client.get(&format!("{}/entries/r-1", member("m-1"))).expect(200);
    assert_eq!(
        entry["lots"],
        json!([{ "expires_on": "2027-11-30", "points": -25 }, { "expires_on": "2027-12-31", "points": -25 }])
    );
}

#[test]
fn parts_of_a_redemption_are_reversed_under_their_own_keys_and_no_more_than_is_left() {
    let system = System::with_silver_member();
    system.redeem("m-1", "r-1", &money_off(400)).expect(201);
    let undo = |key: &str, body: Value| {
        system.client.post_under(key, &format!("{}/redemptions/r-1/reversals", member("m-1")), &body)
    };
    let euro = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
    let answer = undo("u-1", json!({ "points": 50 })).expect(201);
    assert_eq!(answer["entry"]["points"], 50);
    assert_eq!(
        answer["redemption"],
        json!({
            "id": "r-1", "reward": "money-off", "state": "partly_reversed", "points": 200, "given_back": 50,
            "money": euro(400), "hold_expires_at": null, "code": null
        })
    );
    assert!(undo("u-1", json!({ "points": 50 })).is_replay());
    undo("u-1", json!({ "points": 51 })).problem(422, "idempotency_key_reused");
    assert_eq!(undo("u-2", json!({ "money": euro(200) })).expect(201)["entry"]["points"], 100);
    for (body, at) in [
        (json!({ "points": 51 }), "/points"),
        (json!({ "points": 0 }), "/points"),
        (json!({ "points": null }), "/points"),
        (json!({ "money": null }), "/money"),
        (json!({ "money": euro(201) }), "/money"),
        (json!({ "money": { "amount": 1, "currency": "USD" } }), "/money"),
        (json!({ "points": 1, "money": euro(1) }), ""),
    ] {
        assert_eq!(undo("u-3", body.clone()).problem(400, "body_malformed")["at"], at, "{body}");
    }
    let answer = undo("u-4", json!({})).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["redemption"]["state"]), (&json!(50), &json!("reversed")));
    undo("u-5", json!({ "points": 1 })).problem(409, "redemption_not_held");
    assert_eq!(answer["account"]["balance"]["spendable"], 325);
    system.audit("m-1");
}
