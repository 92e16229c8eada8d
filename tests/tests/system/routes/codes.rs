//! `/rewards/{reward}/codes` and the codes of redemptions: each is given once, and found again when somebody shows it.

use std::collections::BTreeSet;

use regulars_tests::system::{DEMO, NOW, System, coffee_shop, member, purchase};
use serde_json::{Value, json};

/// A program with vouchers whose codes are uploaded, and a member with 1,025 points.
fn with_member() -> System {
    let mut program = coffee_shop();
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "cinema", "name": "A ticket to the cinema", "kind": "voucher", "cost": { "points": 10 }, "codes": "pool"
    }));
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(100_000)).expect(201);
    system
}

fn codes(reward: &str) -> String {
    format!("{DEMO}/rewards/{reward}/codes")
}

fn upload(system: &System, uploaded: &[&str]) -> Value {
    system.client.post(&codes("cinema"), &json!({ "codes": uploaded })).expect(200)
}

fn redeem(system: &System, key: &str, reward: &str) -> Value {
    system.redeem("m-1", key, &json!({ "reward": reward })).expect(201)["redemption"]["code"].clone()
}

fn in_catalogue(system: &System, reward: &str) -> Value {
    let body = system.client.get(&format!("{}/rewards", member("m-1"))).expect(200);
    let found = body["rewards"].as_array().unwrap().iter().find(|found| found["id"] == reward).unwrap();
    json!([found["available"], found["reason"]["code"]])
}

#[test]
fn a_made_code_comes_with_its_redemption_and_again_with_each_repeat() {
    let system = with_member();
    let made = redeem(&system, "r-1", "gift-card");
    let code = made.as_str().unwrap();
    assert_eq!(code.len(), 24, "{code}");
    let again = system.redeem("m-1", "r-1", &json!({ "reward": "gift-card" }));
    assert!(again.is_replay());
    assert_eq!(again.body["redemption"]["code"], made);
    let entry = system.client.get(&format!("{}/entries/r-1", member("m-1"))).expect(200);
    assert_eq!(entry["redemption"]["code"], made);
    assert_eq!(redeem(&system, "r-2", "plant-a-tree"), Value::Null);

    assert_eq!(system.client.get(&codes("gift-card")).expect(200), json!({ "left": null, "given": 1 }));
    let found = system.client.get(&format!("{}/{code}", codes("gift-card"))).expect(200);
    let redemption = json!({ "member": "m-1", "id": "r-1", "state": "captured", "occurred_at": NOW });
    assert_eq!(found, json!({ "code": code, "given": true, "good": true, "redemption": redemption }));
    system.client.post(&codes("gift-card"), &json!({ "codes": ["A1"] })).problem(422, "reward_without_pool");
}

#[test]
fn each_code_of_a_pool_is_given_once_until_none_is_left() {
    let system = with_member();
    let out_of_stock = json!([false, "reward_out_of_stock"]);
    assert_eq!(in_catalogue(&system, "cinema"), out_of_stock);
    system.redeem("m-1", "r-0", &json!({ "reward": "cinema" })).problem(422, "reward_out_of_stock");

    assert_eq!(upload(&system, &["A1", "50% off / B2", "A1"]), json!({ "added": 2, "known": 1 }));
    assert_eq!(upload(&system, &["C3", "A1"]), json!({ "added": 1, "known": 1 }));
    assert_eq!(in_catalogue(&system, "cinema"), json!([true, null]));
    // What was refused was not carried out, so its key is still good.
    let given: BTreeSet<String> =
        ["r-0", "r-1", "r-2"].map(|key| redeem(&system, key, "cinema").as_str().unwrap().to_owned()).into();
    assert_eq!(given, ["50% off / B2", "A1", "C3"].map(str::to_owned).into());
    system.redeem("m-1", "r-3", &json!({ "reward": "cinema" })).problem(422, "reward_out_of_stock");
    assert_eq!(in_catalogue(&system, "cinema"), out_of_stock);
    assert_eq!(upload(&system, &["A1", "C3"]), json!({ "added": 0, "known": 2 }), "a given code is known");
    assert_eq!(system.client.get(&codes("cinema")).expect(200), json!({ "left": 0, "given": 3 }));
    let again = system.redeem("m-1", "r-0", &json!({ "reward": "cinema" }));
    assert!(again.is_replay() && given.contains(again.body["redemption"]["code"].as_str().unwrap()), "{again}");
    let found = system.client.get(&format!("{}/50%25%20off%20%2F%20B2", codes("cinema"))).expect(200);
    assert_eq!((&found["code"], &found["good"]), (&json!("50% off / B2"), &json!(true)));
    system.audit("m-1");
}

#[test]
fn a_code_tells_whether_its_redemption_still_stands_and_is_never_given_again() {
    let system = with_member();
    let look = |code: &str| system.client.get(&format!("{}/{code}", codes("cinema")));
    upload(&system, &["A1"]);
    let free = json!({ "code": "A1", "given": false, "good": false, "redemption": null });
    assert_eq!(look("A1").expect(200), free);
    redeem(&system, "r-1", "cinema");
    assert_eq!(look("A1").expect(200)["good"], true);
    let undone = system.client.post_under("u-1", &format!("{}/redemptions/r-1/reversals", member("m-1")), &json!({}));
    assert_eq!(undone.expect(201)["redemption"]["code"], "A1");
    let found = look("A1").expect(200);
    assert_eq!(
        (&found["given"], &found["good"], &found["redemption"]["state"]),
        (&json!(true), &json!(false), &json!("reversed"))
    );
    system.redeem("m-1", "r-2", &json!({ "reward": "cinema" })).problem(422, "reward_out_of_stock");
    assert_eq!(upload(&system, &["A1"]), json!({ "added": 0, "known": 1 }));
    for unknown in ["A2", "%20A1", &"x".repeat(65), "%C3%A9"] {
        look(unknown).problem(404, "code_not_found");
    }
}

#[test]
fn a_quote_shows_no_code_and_uses_none_up() {
    let system = with_member();
    let quote = |reward: &str| {
        system.client.post(&format!("{}/quotes", member("m-1")), &json!({ "redemption": { "reward": reward } }))
    };
    quote("cinema").problem(422, "reward_out_of_stock");
    upload(&system, &["A1"]);
    for reward in ["cinema", "gift-card"] {
        let quoted = quote(reward).expect(200);
        assert_eq!(quoted["redemption"]["code"], Value::Null, "{reward}");
        assert!(!quoted.to_string().contains("A1"));
    }
    assert_eq!(system.client.get(&codes("cinema")).expect(200), json!({ "left": 1, "given": 0 }));
    assert_eq!(redeem(&system, "r-1", "cinema"), "A1");
}

#[test]
fn what_is_uploaded_is_checked_as_a_whole_before_any_of_it_is_kept() {
    let system = with_member();
    let many: Vec<String> = (0..501).map(|number| format!("code-{number}")).collect();
    for (body, at) in [
        (json!({ "codes": [] }), "/codes"),
        (json!({ "codes": many }), "/codes"),
        (json!({ "codes": ["A1", ""] }), "/codes/1"),
        (json!({ "codes": ["A1", " A2"] }), "/codes/1"),
        (json!({ "codes": ["A1", "x".repeat(65)] }), "/codes/1"),
        (json!({ "codes": ["A\nB"] }), "/codes/0"),
        (json!({ "codes": [7] }), "/codes/0"),
        (json!({ "codes": "A1" }), "/codes"),
        (json!({ "code": ["A1"] }), "/code"),
        (json!({}), ""),
    ] {
        let problem = system.client.post(&codes("cinema"), &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
    assert_eq!(system.client.get(&codes("cinema")).expect(200), json!({ "left": 0, "given": 0 }));
    let most: Vec<&str> = many.iter().take(500).map(String::as_str).collect();
    assert_eq!(upload(&system, &most), json!({ "added": 500, "known": 0 }));
    assert_eq!(upload(&system, &most), json!({ "added": 0, "known": 500 }));
    assert_eq!(system.client.get(&codes("cinema")).expect(200), json!({ "left": 500, "given": 0 }));
    system.client.post(&codes("nothing"), &json!({ "codes": ["A1"] })).problem(404, "reward_not_found");
    system.client.get(&codes("a%20b")).problem(404, "reward_not_found");
    system.client.get("/v1/programs/other/rewards/cinema/codes").problem(404, "program_not_found");
}
