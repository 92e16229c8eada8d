//! `/rewards/{reward}/codes` and the codes of redemptions: each is given once, found when it is presented, used once or
//! in parts, and void permanently.

use std::collections::BTreeSet;

use regulars_tests::{
    client::Answer,
    system::{DEMO, NOW, System, coffee_shop, member, purchase},
};
use serde_json::{Value, json};

/// The coffee shop with vouchers whose codes are uploaded, cards with a balance, and tickets that expire.
fn program() -> Value {
    let mut program = coffee_shop();
    let rewards = program["rewards"].as_array_mut().unwrap();
    for reward in [
        json!({ "id": "cinema", "name": "A ticket to the cinema", "cost": { "points": 10 }, "codes": "pool" }),
        json!({ "id": "card", "name": "A card", "cost": { "points": 100 }, "codes": "generated",
                "value": { "amount": 1_000, "currency": "EUR" } }),
        json!({ "id": "ticket", "name": "A ticket", "cost": { "points": 10 }, "codes": "pool", "codes_valid_days": 90 }),
    ] {
        rewards.push(reward);
        rewards.last_mut().unwrap()["kind"] = json!("voucher");
    }
    program
}

/// A member with 1,025 points.
fn with_member() -> System {
    let system = System::with(&program(), NOW);
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

fn code_path(reward: &str, code: &str, end: &str) -> String {
    format!("{}/{}{end}", codes(reward), code.replace(' ', "%20"))
}

fn use_code(system: &System, reward: &str, code: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &code_path(reward, code, "/use"), body)
}

fn void(system: &System, reward: &str, code: &str) -> Answer {
    system.client.post(&code_path(reward, code, "/void"), &json!({}))
}

fn undo(system: &System, key: &str, redemption: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/redemptions/{redemption}/reversals", member("m-1")), body)
}

fn euro(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

fn found(system: &System, reward: &str, code: &str) -> Value {
    system.client.get(&code_path(reward, code, "")).expect(200)
}

fn state(system: &System, reward: &str, code: &str) -> Value {
    found(system, reward, code)["state"].clone()
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
    assert_eq!(found, json!({ "code": code, "state": "given", "expires_on": null, "redemption": redemption }));
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
    // What was refused was not carried out, so its key can still be used.
    let given: BTreeSet<String> =
        ["r-0", "r-1", "r-2"].map(|key| redeem(&system, key, "cinema").as_str().unwrap().to_owned()).into();
    assert_eq!(given, ["50% off / B2", "A1", "C3"].map(str::to_owned).into());
    system.redeem("m-1", "r-3", &json!({ "reward": "cinema" })).problem(422, "reward_out_of_stock");
    assert_eq!(in_catalogue(&system, "cinema"), out_of_stock);
    assert_eq!(upload(&system, &["A1", "C3"]), json!({ "added": 0, "known": 2 }), "a given code is known");
    assert_eq!(system.client.get(&codes("cinema")).expect(200), json!({ "left": 0, "given": 3 }));
    let again = system.redeem("m-1", "r-0", &json!({ "reward": "cinema" }));
    assert!(again.is_replay() && given.contains(again.body["redemption"]["code"].as_str().unwrap()), "{again}");
    let found = system.client.get(&format!("{}/~?code=50%25%20off%20%2F%20B2", codes("cinema"))).expect(200);
    assert_eq!((&found["code"], &found["state"]), (&json!("50% off / B2"), &json!("given")));
    system.audit("m-1");
}

#[test]
fn the_code_of_an_undone_redemption_is_void_and_is_never_given_again() {
    let system = with_member();
    let look = |code: &str| system.client.get(&format!("{}/{code}", codes("cinema")));
    upload(&system, &["A1"]);
    let free = json!({ "code": "A1", "state": "free", "expires_on": null, "redemption": null });
    assert_eq!(look("A1").expect(200), free);
    redeem(&system, "r-1", "cinema");
    assert_eq!(look("A1").expect(200)["state"], "given");
    let undone = system.client.post_under("u-1", &format!("{}/redemptions/r-1/reversals", member("m-1")), &json!({}));
    assert_eq!(undone.expect(201)["redemption"]["code"], "A1");
    let found = look("A1").expect(200);
    assert_eq!((&found["state"], &found["redemption"]["state"]), (&json!("void"), &json!("reversed")));
    use_code(&system, "cinema", "A1", "use-1", &json!({})).problem(409, "code_void");
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
fn an_upload_is_checked_completely_before_any_code_is_stored() {
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

#[test]
fn a_code_is_used_once_and_the_same_key_again_is_a_replay() {
    let system = with_member();
    upload(&system, &["A1", "A2"]);
    let code = redeem(&system, "r-1", "cinema").as_str().unwrap().to_owned();
    let before = system.account("m-1")["balance"].clone();
    let used = use_code(&system, "cinema", &code, "use-1", &json!({})).expect(201);
    let entry = &used["entry"];
    assert_eq!((&entry["kind"], &entry["id"], &entry["points"]), (&json!("code_use"), &json!("use-1"), &json!(0)));
    assert_eq!(used["code"], json!({ "code": code, "state": "used", "expires_on": null }));
    assert_eq!(used.as_object().unwrap().len(), 2, "nothing of the member is told");
    let again = use_code(&system, "cinema", &code, "use-1", &json!({}));
    assert!(again.is_replay(), "{again}");
    assert_eq!(again.body, used);
    use_code(&system, "cinema", &code, "use-2", &json!({})).problem(409, "code_used");
    use_code(&system, "cinema", &code, "use-1", &json!({ "money": euro(1) })).problem(422, "idempotency_key_reused");
    use_code(&system, "cinema", &code, "r-1", &json!({})).problem(422, "idempotency_key_reused");
    assert_eq!(state(&system, "cinema", &code), "used");
    let entry = system.client.get(&format!("{}/entries/use-1", member("m-1"))).expect(200);
    assert_eq!((&entry["refers_to"], &entry["code_use"]), (&json!("r-1"), &json!({ "reward": "cinema" })));
    assert_eq!(system.account("m-1")["balance"], before);
    void(&system, "cinema", &code).problem(409, "code_used");
    system.audit("m-1");
}

#[test]
fn a_balance_is_used_in_parts_and_the_answer_shows_the_rest() {
    let system = with_member();
    let made = system.redeem("m-1", "r-1", &json!({ "reward": "card" })).expect(201);
    assert_eq!(made["redemption"]["code_value"], euro(1_000));
    let code = made["redemption"]["code"].as_str().unwrap().to_owned();
    let part = |key: &str, amount: i64| use_code(&system, "card", &code, key, &json!({ "money": euro(amount) }));
    let shown = |state: &str, balance: i64| json!({ "code": code, "state": state, "expires_on": null, "value": euro(1_000), "balance": euro(balance) });
    assert_eq!(part("use-1", 400).expect(201)["code"], shown("given", 600));
    assert_eq!(part("use-2", 601).problem(422, "code_balance_too_small")["left"], euro(600));
    assert_eq!(part("use-3", 600).expect(201)["code"], shown("used", 0));
    part("use-4", 1).problem(409, "code_used");
    // A repeat shows the code as it is now.
    let again = part("use-1", 400);
    assert!(again.is_replay());
    assert_eq!((&again.body["entry"]["id"], &again.body["code"]), (&json!("use-1"), &shown("used", 0)));
    let entry = system.client.get(&format!("{}/entries/use-1", member("m-1"))).expect(200);
    assert_eq!(entry["code_use"], json!({ "reward": "card", "money": euro(400), "left": euro(600) }));
    system.audit("m-1");
}

#[test]
fn a_use_says_how_much_money_only_where_the_code_has_a_balance() {
    let system = with_member();
    upload(&system, &["A1"]);
    redeem(&system, "r-1", "cinema");
    let card = redeem(&system, "r-2", "card").as_str().unwrap().to_owned();
    for (reward, code, body, at) in [
        ("cinema", "A1", json!({ "money": euro(1) }), "/money"),
        ("card", &card, json!({}), "/money"),
        ("card", &card, json!({ "money": euro(0) }), "/money"),
        ("card", &card, json!({ "money": euro(-1) }), "/money/amount"),
        ("card", &card, json!({ "money": null }), "/money"),
        ("card", &card, json!({ "amount": 1 }), "/amount"),
    ] {
        let problem = use_code(&system, reward, code, "use-1", &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
    let dollars = json!({ "money": { "amount": 1, "currency": "USD" } });
    use_code(&system, "card", &card, "use-1", &dollars).problem(422, "currency_mismatch");
    let no_key = system.client.post(&code_path("cinema", "A1", "/use"), &json!({}));
    no_key.problem(400, "idempotency_key_missing");
    assert_eq!((state(&system, "cinema", "A1"), state(&system, "card", &card)), (json!("given"), json!("given")));
}

#[test]
fn a_code_that_no_member_was_given_cannot_be_used() {
    let system = with_member();
    upload(&system, &["A1"]);
    for (reward, code) in [("cinema", "A1"), ("cinema", "A2"), ("cinema", "%20A1"), ("nothing", "A1"), ("card", "A1")] {
        use_code(&system, reward, code, "use-1", &json!({})).problem(404, "code_not_found");
    }
    assert_eq!(state(&system, "cinema", "A1"), "free");
}

#[test]
fn an_expired_code_is_refused_from_the_day_after_its_last() {
    let system = with_member();
    system.client.post(&codes("ticket"), &json!({ "codes": ["T1", "T2"] })).expect(200);
    let codes = ["r-1", "r-2"].map(|key| {
        let given = system.redeem("m-1", key, &json!({ "reward": "ticket" })).expect(201);
        assert_eq!(given["redemption"]["code_expires_on"], "2027-02-19");
        given["redemption"]["code"].as_str().unwrap().to_owned()
    });
    system.move_clock("2027-02-19T20:59:59Z");
    assert_eq!(state(&system, "ticket", &codes[0]), "given");
    use_code(&system, "ticket", &codes[0], "use-1", &json!({})).expect(201);
    system.move_clock("2027-02-19T21:00:00Z");
    let states = [0, 1].map(|code: usize| state(&system, "ticket", &codes[code]));
    assert_eq!(states, ["used", "expired"]);
    let refused = use_code(&system, "ticket", &codes[1], "use-2", &json!({})).problem(409, "code_expired");
    assert_eq!(refused["expires_on"], "2027-02-19");
    // What was done stays done.
    assert!(use_code(&system, "ticket", &codes[0], "use-1", &json!({})).is_replay());
    system.audit("m-1");
}

#[test]
fn a_void_code_stays_void_and_a_free_one_is_never_given() {
    let system = with_member();
    upload(&system, &["A1", "A2"]);
    let code = redeem(&system, "r-1", "cinema").as_str().unwrap().to_owned();
    let free = if code == "A1" { "A2" } else { "A1" };
    let ledger = system.ledger("m-1").len();
    for _ in 0..2 {
        let answer = void(&system, "cinema", free).expect(200);
        assert_eq!(answer, json!({ "code": free, "state": "void", "expires_on": null, "redemption": null }));
        let answer = void(&system, "cinema", &code).expect(200);
        assert_eq!((&answer["state"], &answer["redemption"]["id"]), (&json!("void"), &json!("r-1")));
    }
    assert_eq!(system.ledger("m-1").len(), ledger, "a void code is no change of an account");
    system.redeem("m-1", "r-2", &json!({ "reward": "cinema" })).problem(422, "reward_out_of_stock");
    use_code(&system, "cinema", &code, "use-1", &json!({})).problem(409, "code_void");
    use_code(&system, "cinema", free, "use-1", &json!({})).problem(404, "code_not_found");
    assert_eq!(upload(&system, &["A1", "A2"]), json!({ "added": 0, "known": 2 }));
    assert_eq!(system.client.get(&codes("cinema")).expect(200), json!({ "left": 0, "given": 1 }));
    void(&system, "cinema", "A3").problem(404, "code_not_found");
    let body = json!({ "reason": "stolen" });
    system.client.post(&code_path("cinema", &code, "/void"), &body).problem(400, "body_malformed");
    // The redemption can still be undone.
    assert_eq!(undo(&system, "u-1", "r-1", &json!({})).expect(201)["redemption"]["state"], "reversed");
}

#[test]
fn a_redemption_whose_code_was_used_is_not_undone_and_of_a_balance_the_rest_is() {
    let system = with_member();
    upload(&system, &["A1"]);
    redeem(&system, "r-1", "cinema");
    use_code(&system, "cinema", "A1", "use-1", &json!({})).expect(201);
    for body in [json!({}), json!({ "points": 1 })] {
        undo(&system, "u-1", "r-1", &body).problem(409, "code_used");
    }
    let card = redeem(&system, "r-2", "card").as_str().unwrap().to_owned();
    use_code(&system, "card", &card, "use-2", &json!({ "money": euro(333) })).expect(201);
    // 100 points for 1,000 of which 667 are left: 66 points and a fraction.
    undo(&system, "u-2", "r-2", &json!({ "points": 67 })).problem(400, "body_malformed");
    let undone = undo(&system, "u-2", "r-2", &json!({})).expect(201);
    assert_eq!((&undone["entry"]["points"], &undone["redemption"]["state"]), (&json!(66), &json!("partly_reversed")));
    assert_eq!(state(&system, "card", &card), "void");
    let refused = use_code(&system, "card", &card, "use-3", &json!({ "money": euro(1) }));
    refused.problem(409, "code_void");
    undo(&system, "u-3", "r-2", &json!({})).problem(400, "body_malformed");
    assert!(undo(&system, "u-2", "r-2", &json!({})).is_replay());
    // The first part of an unused one makes it void.
    let card = redeem(&system, "r-3", "card").as_str().unwrap().to_owned();
    undo(&system, "u-4", "r-3", &json!({ "points": 1 })).expect(201);
    assert_eq!(state(&system, "card", &card), "void");
    system.audit("m-1");
}

#[test]
fn a_generated_code_is_found_in_any_notation_and_an_uploaded_one_only_as_uploaded() {
    let system = with_member();
    upload(&system, &["Seat-A1"]);
    redeem(&system, "r-1", "cinema");
    for other in ["seat-a1", "SeatA1", "SEAT-A1"] {
        use_code(&system, "cinema", other, "use-1", &json!({})).problem(404, "code_not_found");
    }
    use_code(&system, "cinema", "Seat-A1", "use-1", &json!({})).expect(201);
    let code = redeem(&system, "r-2", "gift-card").as_str().unwrap().to_owned();
    let typed = [code.to_lowercase(), code.replace('-', ""), code.to_lowercase().replace('-', " ")];
    for typed in &typed {
        assert_eq!(found(&system, "gift-card", typed)["code"], code.as_str(), "{typed}");
    }
    let used = use_code(&system, "gift-card", &typed[1], "use-2", &json!({})).expect(201);
    assert_eq!(used["code"]["code"], code.as_str());
    // In any notation, it is the same request.
    assert!(use_code(&system, "gift-card", &typed[2], "use-2", &json!({})).is_replay());
    void(&system, "gift-card", &typed[0]).problem(409, "code_used");
}

#[test]
fn a_code_that_a_path_cannot_hold_is_named_in_the_query() {
    let system = with_member();
    let code = "A/12?50%#7";
    upload(&system, &[code]);
    assert_eq!(redeem(&system, "r-1", "cinema"), code);
    let path = |end: &str| format!("{}/~{end}?code=A%2F12%3F50%25%237", codes("cinema"));
    assert_eq!(system.client.get(&path("")).expect(200)["state"], "given");
    let used = system.client.post_under("u-1", &path("/use"), &json!({})).expect(201);
    assert_eq!(used["code"]["state"], "used");
    system.client.post(&path("/void"), &json!({})).problem(409, "code_used");
    for wrong in ["~", "A%3F12", "ROW-1?code=ROW-1"] {
        system.client.get(&format!("{}/{wrong}", codes("cinema"))).problem(400, "query_malformed");
    }
}

#[test]
fn a_code_outlives_its_reward() {
    let system = with_member();
    upload(&system, &["A1", "A2"]);
    let codes_given = ["r-1", "r-2"].map(|key| redeem(&system, key, "cinema").as_str().unwrap().to_owned());
    system.client.put(DEMO, ("if-match", "\"1\""), &coffee_shop()).expect(201);
    system.client.get(&codes("cinema")).problem(404, "reward_not_found");
    use_code(&system, "cinema", &codes_given[0], "use-1", &json!({})).expect(201);
    assert_eq!(state(&system, "cinema", &codes_given[0]), "used");
    void(&system, "cinema", &codes_given[1]).expect(200);
    assert_eq!(undo(&system, "u-1", "r-2", &json!({})).expect(201)["redemption"]["state"], "reversed");
}

#[test]
fn a_code_of_a_merged_member_is_used_in_the_ledger_of_the_other() {
    let system = with_member();
    upload(&system, &["A1", "A2"]);
    let codes = ["r-1", "r-2"].map(|key| redeem(&system, key, "cinema").as_str().unwrap().to_owned());
    use_code(&system, "cinema", &codes[0], "use-1", &json!({})).expect(201);
    for into in ["m-2", "m-3"] {
        system.enroll(into);
    }
    for (from, into) in [("m-1", "m-2"), ("m-2", "m-3")] {
        system
            .client
            .post_under(&format!("into-{into}"), &format!("{}/merge", member(from)), &json!({ "into": into }))
            .expect(201);
    }
    assert!(use_code(&system, "cinema", &codes[0], "use-1", &json!({})).is_replay());
    use_code(&system, "cinema", &codes[0], "use-2", &json!({})).problem(409, "code_used");
    for is_repeat in [false, true] {
        let used = use_code(&system, "cinema", &codes[1], "use-3", &json!({}));
        assert_eq!((used.is_replay(), &used.body["code"]["state"]), (is_repeat, &json!("used")), "{used}");
    }
    let entry = system.client.get(&format!("{}/entries/use-3", member("m-3"))).expect(200);
    assert_eq!((&entry["kind"], &entry["refers_to"]), (&json!("code_use"), &json!("r-2")));
    assert_eq!(found(&system, "cinema", &codes[1])["redemption"]["member"], "m-1");
    system.audit("m-1");
}

#[test]
fn the_code_of_a_suspended_member_can_be_used_and_that_of_a_closed_account_cannot() {
    let system = with_member();
    upload(&system, &["A1", "A2"]);
    let codes = ["r-1", "r-2"].map(|key| redeem(&system, key, "cinema").as_str().unwrap().to_owned());
    system.client.patch(&member("m-1"), &json!({ "status": "suspended" })).expect(200);
    use_code(&system, "cinema", &codes[0], "use-1", &json!({})).expect(201);
    system.client.patch(&member("m-1"), &json!({ "status": "closed" })).expect(200);
    use_code(&system, "cinema", &codes[1], "use-2", &json!({})).problem(409, "account_closed");
}
