//! `/members/{member}/rewards`: the catalogue, and why a member cannot have what is in it.

use regulars_tests::system::{System, member, purchase};
use serde_json::{Value, json};

fn catalogue(system: &System, id: &str) -> Vec<Value> {
    let body = system.client.get(&format!("{}/rewards", member(id))).expect(200);
    body["rewards"].as_array().unwrap().clone()
}

/// Returns the id, whether it is available, the code of the reason, and what is missing.
fn gist(catalogue: &[Value]) -> Vec<Value> {
    catalogue
        .iter()
        .map(|reward| json!([reward["id"], reward["available"], reward["reason"]["code"], reward["reason"]["missing"]]))
        .collect()
}

#[test]
fn each_reward_shows_whether_the_member_can_have_it_and_if_not_why() {
    let system = System::start();
    system.enroll("m-1");
    let rewards = catalogue(&system, "m-1");
    assert_eq!(
        gist(&rewards),
        [
            json!(["free-coffee", false, "insufficient_points", 75]),
            json!(["money-off", true, null, null]),
            json!(["tasting", false, "reward_not_for_tier", null]),
            json!(["gift-card", false, "insufficient_points", 575]),
            json!(["mug", true, null, null]),
            json!(["summer-ice", false, "reward_not_active", null]),
            json!(["ankara-tour", false, "reward_not_for_member", null]),
            json!(["plant-a-tree", false, "insufficient_points", 25]),
        ]
    );
    assert_eq!(
        rewards[4],
        json!({
            "id": "mug", "name": "A mug with a chip", "kind": "product", "cost": { "points": 10 }, "stock_left": 2,
            "tiers": [], "available": true, "reason": null
        })
    );
    assert_eq!(rewards[1]["cost"], json!({ "points": 100, "per": 200 }));
    assert_eq!((&rewards[1]["stock_left"], &rewards[2]["stock_left"]), (&Value::Null, &json!(40)));
    assert_eq!(rewards[2]["tiers"], json!(["gold"]));
    assert!(rewards[0]["reason"]["detail"].as_str().unwrap().contains("75"));
}

#[test]
fn the_catalogue_says_what_redeeming_would_say() {
    let system = System::start();
    for id in ["m-1", "m-2"] {
        system.enroll(id);
        system.accrue(id, "order-1", &purchase(120_000)).expect(201);
    }
    system.client.patch(&member("m-2"), &json!({ "attributes": { "city": "Ankara" } })).expect(200);
    for key in ["r-1", "r-2"] {
        system.redeem("m-1", key, &json!({ "reward": "mug" })).expect(201);
    }
    system.redeem("m-1", "r-3", &json!({ "reward": "free-coffee" })).expect(201);
    for id in ["m-1", "m-2"] {
        for reward in catalogue(&system, id) {
            let mut body = json!({ "reward": reward["id"] });
            if reward["cost"].get("per").is_some() {
                body["money"] = json!({ "amount": 1, "currency": "EUR" });
            }
            let answer = system.redeem(id, &format!("try-{}", reward["id"].as_str().unwrap()), &body);
            assert_eq!(reward["available"], answer.status == 201, "{id} {reward} {answer}");
            assert_eq!(reward["reason"]["code"], answer.body["code"], "{id} {reward} {answer}");
        }
    }
    let mug = &catalogue(&system, "m-2")[4];
    assert_eq!((&mug["stock_left"], &mug["reason"]["code"]), (&json!(0), &json!("reward_out_of_stock")));
}

#[test]
fn a_suspended_member_can_have_nothing() {
    let system = System::start();
    system.enroll("m-1");
    system.client.patch(&member("m-1"), &json!({ "status": "suspended" })).expect(200);
    for reward in catalogue(&system, "m-1") {
        assert_eq!((&reward["available"], &reward["reason"]["code"]), (&json!(false), &json!("account_suspended")));
    }
    system.client.get(&format!("{}/rewards", member("m-2"))).problem(404, "member_not_found");
}

/// Returns the catalogue page by page, and the query of each page but the first.
fn pages(system: &System, limit: usize) -> Vec<Vec<Value>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = system.client.get(&format!("{}/rewards?limit={limit}{cursor}", member("m-1"))).expect(200);
        pages.push(page["rewards"].as_array().unwrap().clone());
        assert!(pages.len() < 100, "the catalogue does not end");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

#[test]
fn the_pages_of_a_catalogue_make_the_whole_of_it() {
    let system = System::start();
    system.enroll("m-1");
    let whole = catalogue(&system, "m-1");
    for (limit, lengths) in [(1, vec![1; 8]), (3, vec![3, 3, 2]), (7, vec![7, 1]), (8, vec![8]), (100, vec![8])] {
        let pages = pages(&system, limit);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), lengths, "{limit}");
        assert_eq!(pages.concat(), whole, "{limit}");
    }
    for (query, code) in [
        ("cursor=no-such-reward", "cursor_malformed"),
        ("cursor=", "cursor_malformed"),
        ("limit=0", "limit_malformed"),
        ("limit=101", "limit_malformed"),
        ("after=mug", "query_malformed"),
    ] {
        system.client.get(&format!("{}/rewards?{query}", member("m-1"))).problem(400, code);
    }
}

#[test]
fn a_cursor_of_a_reward_that_is_gone_is_refused() {
    let system = System::start();
    system.enroll("m-1");
    let path = format!("{}/rewards?limit=5", member("m-1"));
    let next = system.client.get(&path).expect(200)["next_cursor"].clone();
    assert_eq!(next, "mug");
    let mut without = regulars_tests::system::coffee_shop();
    without["rewards"].as_array_mut().unwrap().retain(|reward| reward["id"] != "mug");
    system.client.put(regulars_tests::system::DEMO, ("if-match", "\"1\""), &without).expect(201);
    system.client.get(&format!("{path}&cursor=mug")).problem(400, "cursor_malformed");
}
