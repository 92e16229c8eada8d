//! `/members/{member}/merge`: two members who are one person become one.

use regulars_tests::{
    client::Answer,
    system::{DEMO, System, member, purchase},
};
use serde_json::{Value, json};

fn merge(system: &System, from: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/merge", member(from)), body)
}

/// Two cards of one person, each with a purchase.
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
fn whoever_still_comes_with_the_old_id_is_told_where_it_went() {
    let system = two_cards();
    merge(&system, "m-1", "merge-1", &json!({ "into": "m-2" })).expect(201);
    let account = system.account("m-1");
    assert_eq!((&account["status"], &account["merged_into"]), (&json!("merged"), &json!("m-2")));
    for refused in [
        system.accrue("m-1", "order-9", &purchase(100)),
        system.redeem("m-1", "r-9", &json!({ "reward": "free-coffee" })),
        system.client.patch(&member("m-1"), &json!({ "status": "active" })),
        merge(&system, "m-1", "merge-2", &json!({ "into": "m-2" })),
        system.client.post_under("refund-9", &format!("{}/accruals/order-1/reversals", member("m-1")), &json!({})),
    ] {
        assert_eq!(refused.problem(409, "account_closed")["merged_into"], "m-2");
    }
    assert!(system.accrue("m-1", "order-1", &purchase(31_000)).is_replay(), "what was done stays done");
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
