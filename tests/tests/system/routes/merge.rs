//! `/members/{member}/merge`: merges two members who are one person.

use regulars_tests::{
    client::Answer,
    system::{DEMO, System, coffee_shop, member, purchase, purchase_at},
};
use serde_json::{Value, json};

fn merge(system: &System, from: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/merge", member(from)), body)
}

/// Returns a system with two accounts of one person, each with a purchase.
fn two_cards() -> System {
    let system = System::start();
    for (id, card) in [("m-1", "A-1"), ("m-2", "B-2")] {
        let body = json!({ "member": id, "aliases": [{ "kind": "card", "value": card }] });
        system.client.post(&format!("{DEMO}/members"), &body).expect(201);
    }
    system.accrue("m-1", "order-1", &purchase(31_000)).expect(201);
    system.accrue("m-2", "order-2", &purchase(4_000)).expect(201);
    system
}

#[test]
fn everything_of_the_one_becomes_the_others() {
    let system = two_cards();
    let body = json!({ "into": "m-2" });
    let answer = merge(&system, "m-1", "merge-1", &body).expect(201);
    assert_eq!((&answer["account"]["status"], &answer["account"]["merged_into"]), (&json!("merged"), &json!("m-2")));
    assert_eq!(answer["into"]["balance"]["spendable"], 25 + 310 + 25 + 40);
    assert_eq!((&answer["into"]["tier"]["id"], &answer["into"]["merged_from"]), (&json!("silver"), &json!(["m-1"])));
    let again = merge(&system, "m-1", "merge-1", &body);
    assert!(again.is_replay());
    assert_eq!(again.body["into"], answer["into"]);
    for card in ["A-1", "B-2"] {
        let alias = json!({ "alias": { "kind": "card", "value": card } });
        assert_eq!(system.client.post(&format!("{DEMO}/members/lookup"), &alias).expect(200)["member"], "m-2");
    }
    system.audit("m-1");
}

#[test]
fn an_old_account_cannot_be_changed_or_merged_again() {
    let system = two_cards();
    merge(&system, "m-1", "merge-1", &json!({ "into": "m-2" })).expect(201);
    let account = system.account("m-1");
    assert_eq!((&account["status"], &account["merged_into"]), (&json!("merged"), &json!("m-2")));
    for refused in [
        system.client.patch(&member("m-1"), &json!({ "status": "active" })),
        merge(&system, "m-1", "merge-2", &json!({ "into": "m-2" })),
    ] {
        assert_eq!(refused.problem(409, "account_closed")["merged_into"], "m-2");
    }
}

#[test]
fn the_history_of_both_is_read_from_the_one_that_stays() {
    let system = two_cards();
    merge(&system, "m-1", "merge-1", &json!({ "into": "m-2" })).expect(201);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = system.client.get(&format!("{}/entries?limit=2{cursor}", member("m-2"))).expect(200);
        for entry in page["entries"].as_array().unwrap() {
            let owner = entry.get("member").and_then(Value::as_str).unwrap_or("m-2").to_owned();
            seen.push((owner, entry["id"].as_str().unwrap().to_owned(), entry["points"].as_i64().unwrap()));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let sum: i64 = seen.iter().map(|(_, _, points)| points).sum();
    assert_eq!(sum, 400, "a statement adds up to the balance");
    let ids: Vec<_> = seen.iter().map(|(owner, id, _)| (owner.as_str(), id.as_str())).collect();
    for entry in [("m-2", "order-2"), ("m-2", "~transfer~m-1~merge-1"), ("m-1", "merge-1"), ("m-1", "order-1")] {
        assert!(ids.contains(&entry), "{entry:?} of {ids:?}");
    }
    let entry = system.client.get(&format!("{}/entries/order-1", member("m-2"))).expect(200);
    assert_eq!((&entry["member"], &entry["points"]), (&json!("m-1"), &json!(310)));
    assert_eq!(system.client.get(&format!("{}/entries/order-1", member("m-1"))).expect(200)["points"], 310);
    for cursor in ["~m-9", "0~m-1", "~", "3~", "x~m-1"] {
        system.client.get(&format!("{}/entries?cursor={cursor}", member("m-2"))).problem(400, "cursor_malformed");
    }
}

#[test]
fn a_refund_and_a_reversal_reach_what_the_old_card_bought() {
    let system = two_cards();
    system.redeem("m-1", "r-1", &json!({ "reward": "free-coffee" })).expect(201);
    merge(&system, "m-1", "merge-1", &json!({ "into": "m-2" })).expect(201);
    let refund = json!({ "refunded_total": { "amount": 31_000, "currency": "EUR" } });
    let refunds = format!("{}/accruals/order-1/reversals", member("m-2"));
    let answer = system.client.post_under("refund-1", &refunds, &refund).expect(201);
    assert_eq!(answer["entry"]["points"], -310);
    assert_eq!(answer["account"]["tier"]["id"], "bronze");
    assert!(system.client.post_under("refund-1", &refunds, &refund).is_replay());
    let reversals = format!("{}/redemptions/r-1/reversals", member("m-2"));
    let undone = system.client.post_under("u-1", &reversals, &json!({})).expect(201);
    assert_eq!((&undone["redemption"]["state"], &undone["entry"]["points"]), (&json!("reversed"), &json!(100)));
}

#[test]
fn a_merge_that_cannot_be_made_is_refused() {
    let system = two_cards();
    let nobody = merge(&system, "m-1", "merge-1", &json!({ "into": "m-9" }));
    nobody.problem(404, "member_not_found");
    let itself = merge(&system, "m-1", "merge-1", &json!({ "into": "m-1" })).problem(400, "body_malformed");
    assert_eq!(itself["at"], "/into");
    let hold =
        json!({ "reward": "money-off", "money": { "amount": 100, "currency": "EUR" }, "hold": { "seconds": 60 } });
    system.redeem("m-1", "r-1", &hold).expect(201);
    merge(&system, "m-1", "merge-1", &json!({ "into": "m-2" })).problem(409, "holds_open");
    system.client.patch(&member("m-2"), &json!({ "status": "closed" })).expect(200);
    merge(&system, "m-1", "merge-1", &json!({ "into": "m-2" })).problem(409, "account_closed");
    assert_eq!(system.account("m-1")["status"], "active");
}

#[test]
fn an_old_card_keeps_working_for_the_member_it_was_merged_into() {
    let system = two_cards();
    merge(&system, "m-1", "merge-1", &json!({ "into": "m-2" })).expect(201);
    let answer = system.accrue("m-1", "order-9", &purchase(1_000)).expect(201);
    assert_eq!((&answer["account"]["member"], &answer["entry"]["points"]), (&json!("m-2"), &json!(12)));
    // A key never expires, for either of the two ids.
    for card in ["m-1", "m-2"] {
        for (key, cents) in [("order-9", 1_000), ("order-1", 31_000), ("order-2", 4_000)] {
            let again = system.accrue(card, key, &purchase(cents));
            assert!(again.is_replay(), "{card} {key}: {}", again.body);
            assert_eq!(again.body["account"]["member"], "m-2", "{card} {key}");
            system.accrue(card, key, &purchase(cents + 1)).problem(422, "idempotency_key_reused");
        }
    }
    system.redeem("m-1", "r-1", &json!({ "reward": "free-coffee" })).expect(201);
    let returned = |card: &str, key: &str, order: &str| {
        let path = format!("{}/accruals/{order}/reversals", member(card));
        system.client.post_under(key, &path, &json!({}))
    };
    assert_eq!(returned("m-1", "return-9", "order-9").expect(201)["entry"]["points"], -12);
    assert!(returned("m-2", "return-9", "order-9").is_replay());
    assert_eq!(returned("m-1", "return-1", "order-1").expect(201)["entry"]["points"], -310);
    assert_eq!(returned("m-2", "return-2", "order-2").expect(201)["entry"]["points"], -40);
    let quote = json!({ "accrual": purchase(1_000) });
    assert_eq!(
        system.client.post(&format!("{}/quotes", member("m-1")), &quote).expect(200)["account"]["member"],
        "m-2"
    );
    let message =
        json!({ "program": "demo", "member": "m-1", "idempotency_key": "order-10", "accrual": purchase(1_000) });
    let sent = system.client.post("/local/queue", &json!({ "messages": [message] })).expect(200);
    assert_eq!(sent["taken"], 1);
    assert!(system.accrue("m-2", "order-10", &purchase(1_000)).is_replay());
    // The old account is unchanged.
    assert_eq!(system.account("m-1")["status"], "merged");
    let fresh = system.client.post_under("merge-2", &format!("{}/merge", member("m-1")), &json!({ "into": "m-3" }));
    fresh.problem(404, "member_not_found");
}

#[test]
fn of_two_orders_with_one_number_the_caller_says_which_is_meant() {
    let system = System::start();
    for id in ["m-1", "m-2", "m-3"] {
        system.enroll(id);
    }
    for (id, cents) in [("m-1", 1_000), ("m-2", 30_000), ("m-3", 500)] {
        system.accrue(id, "order-1", &purchase(cents)).expect(201);
    }
    merge(&system, "m-1", "merge-1", &json!({ "into": "m-2" })).expect(201);
    merge(&system, "m-2", "merge-2", &json!({ "into": "m-3" })).expect(201);
    let reversals = |card: &str, query: &str| format!("{}/accruals/order-1/reversals{query}", member(card));
    let refused = system.client.post_under("return-1", &reversals("m-3", ""), &json!({}));
    let problem = refused.problem(409, "entry_ambiguous");
    assert_eq!(problem["members"], json!(["m-3", "m-2", "m-1"]));
    for path in ["accruals", "entries"] {
        let path = format!("{}/{path}/order-1", member("m-3"));
        system.client.get(&path).problem(409, "entry_ambiguous");
        system.client.get(&format!("{path}?member=m-9")).problem(404, "entry_not_found");
        system.client.get(&format!("{path}?member=m-1")).expect(200);
    }
    let points = |key: &str, card: &str, query: &str| {
        let answer = system.client.post_under(key, &reversals(card, query), &json!({})).expect(201);
        (answer["entry"]["points"].clone(), answer["purchase"]["total"].clone())
    };
    assert_eq!(points("return-1", "m-3", "?member=m-1"), (json!(-10), json!(1_000)));
    // A request for an old id means the old account's entry.
    assert_eq!(points("return-2", "m-2", ""), (json!(-300), json!(30_000)));
    assert_eq!(points("return-3", "m-3", "?member=m-3"), (json!(-5), json!(500)));
    // The same for the repeat of a purchase.
    for (card, cents) in [("m-3", 1_000), ("m-3", 30_000), ("m-3", 500), ("m-1", 1_000), ("m-2", 30_000)] {
        assert!(system.accrue(card, "order-1", &purchase(cents)).is_replay(), "{card} {cents}");
    }
    system.accrue("m-3", "order-1", &purchase(700)).problem(422, "idempotency_key_reused");
    assert_eq!(system.account("m-3")["balance"]["spendable"], 75);
}

#[test]
fn a_merge_shortens_no_status_and_a_return_deducts_what_the_old_account_gave() {
    let mut program = coffee_shop();
    program["tiers"]["period"] = json!("membership_year");
    let system = System::with(&program, "2027-01-05T12:00:00+03:00");
    let tier = |system: &System| {
        let tier = system.account("m-1")["tier"].clone();
        (tier["id"].clone(), tier["until"].clone())
    };
    system.enroll("m-1");
    system.move_clock("2027-07-01T12:00:00+03:00");
    system.enroll("m-2");
    for (key, amount) in [("order-1", 31_000), ("order-2", 1_000)] {
        let bought = purchase_at("2027-07-01T12:00:00+03:00", amount);
        system.accrue("m-2", key, &bought).expect(201);
    }
    system.move_clock("2027-12-10T12:00:00+03:00");
    let until = json!("2029-07-31");
    assert_eq!(system.account("m-2")["tier"]["until"], until);
    merge(&system, "m-2", "merge-1", &json!({ "into": "m-1" })).expect(201);
    assert_eq!(tier(&system), (json!("silver"), until.clone()));
    let back = |key: &str, order: &str| {
        let path = format!("{}/accruals/{order}/reversals", member("m-1"));
        system.client.post_under(key, &path, &json!({})).expect(201)
    };
    back("back-2", "order-2");
    assert_eq!(tier(&system), (json!("silver"), until));
    system.move_clock("2028-01-10T12:00:00+03:00");
    let returned = back("back-1", "order-1");
    assert_eq!(returned["tier_change"], json!({ "from": "silver", "to": "bronze" }));
    assert_eq!(tier(&system), (json!("bronze"), Value::Null));
}
