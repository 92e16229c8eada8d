//! `/members/{member}/accruals`: points for purchases and activities, exactly once.

use regulars_tests::system::{DEMO, NOW, System, coffee_shop, purchase, purchase_at};
use serde_json::{Value, json};

fn first_purchase() -> Value {
    json!({ "purchase": {
        "occurred_at": "2026-11-21T16:05:00+03:00", "total": { "amount": 1250, "currency": "EUR" },
        "channel": "app", "store": "kadikoy-1",
        "lines": [
            { "sku": "latte", "category": "coffee", "quantity": 1, "amount": 450 },
            { "sku": "yirgacheffe", "category": "beans", "quantity": 1, "amount": 800 }
        ]
    } })
}

fn review(occurred_at: &str) -> Value {
    json!({ "activity": { "type": "review", "occurred_at": occurred_at, "attributes": { "score": 5 } } })
}

/// Returns rule, wanted and given of each line with points.
fn breakdown(answer: &Value) -> Vec<(&str, i64, i64)> {
    let line = |line: &'static str, value: &Value| value[line].as_i64().unwrap();
    let lines = answer["breakdown"].as_array().unwrap().iter();
    let lines = lines.filter(|line| line["wanted"] != 0 || line["because"].is_null());
    lines.map(|value| (value["rule"].as_str().unwrap(), line("wanted", value), line("given", value))).collect()
}

#[test]
fn the_contracts_first_purchase_earns_to_the_point_what_it_says() {
    let system = System::start();
    let body = json!({ "member": "m-1", "attributes": { "city": "Izmir" } });
    system.client.post(&format!("{DEMO}/members"), &body).expect(201);
    let answer = system.accrue("m-1", "order-1001", &first_purchase());
    assert!(!answer.is_replay());
    let mut answer = answer.expect(201);
    let hash = answer["entry"]["hash"].take();
    assert_eq!(answer["account"]["head_hash"].take(), hash);
    assert!(hash.as_str().is_some_and(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())));
    assert_eq!(
        answer,
        json!({
            "entry": {
                "id": "order-1001", "seq": 2, "kind": "accrual", "points": 48,
                "pending": 0, "spendable": 48, "held": 0, "owed": 0,
                "occurred_at": NOW, "posted_at": NOW, "program_version": 1, "expires_on": "2027-11-30", "hash": null
            },
            "breakdown": [
                { "rule": "base", "wanted": 12, "given": 12, "basis": 1250 },
                { "rule": "beans-bag", "wanted": 20, "given": 20, "basis": 1 },
                { "rule": "app-order", "wanted": 16, "given": 16 },
                { "rule": "happy-hour", "wanted": 0, "given": 0, "because": "not_active" },
                { "rule": "tenth-visit", "wanted": 0, "given": 0, "because": "below_step" }
            ],
            "purchase": { "total": 1250, "refunded": 0, "remaining": 1250, "lines": [
                { "id": "0", "quantity": 1, "amount": 450, "returned_quantity": 0, "refunded": 0 },
                { "id": "1", "quantity": 1, "amount": 800, "returned_quantity": 0, "refunded": 0 }
            ] },
            "account": {
                "program": "demo", "member": "m-1", "status": "active", "enrolled_at": NOW,
                "balance": { "spendable": 73, "pending": 0, "held": 0, "owed": 0 },
                "next_expiry": { "on": "2027-11-30", "points": 73 },
                "tier": {
                    "id": "bronze", "because": "qualified", "until": null,
                    "next": { "id": "silver", "missing": 268, "by": "2026-12-31" }, "keep": null
                },
                "plan": null, "attributes": { "city": "Izmir" }, "version": 2, "seq": 2, "head_hash": null
            },
            "tier_change": null
        })
    );
    system.audit("m-1");
}

#[test]
fn a_repeat_gets_the_original_answer_and_the_current_account() {
    let system = System::start();
    system.enroll("m-1");
    // Reaches silver exactly, and earns at the old level.
    let first = system.accrue("m-1", "order-1", &purchase(30_000)).expect(201);
    assert_eq!(first["tier_change"], json!({ "from": "bronze", "to": "silver" }));
    let second = system.accrue("m-1", "order-2", &purchase(10_000)).expect(201);
    assert_eq!(breakdown(&second), [("base", 100, 100), ("tier:silver", 25, 25)]);

    // The rules change, half a year passes, and the till sends its receipt again.
    let mut program = coffee_shop();
    program["earning_rules"][0]["give"]["rate"]["points"] = json!(7);
    system.client.put(DEMO, ("if-match", "\"1\""), &program).expect(201);
    system.move_clock("2027-06-01T09:00:00Z");
    for _ in 0..2 {
        let again = system.accrue("m-1", "order-1", &purchase(30_000));
        assert!(again.is_replay());
        let again = again.expect(200);
        for part in ["entry", "tier_change"] {
            assert_eq!(again[part], first[part], "{part}");
        }
        // The ledger does not store why rules gave nothing.
        let lines = first["breakdown"].as_array().unwrap().iter().filter(|line| line["because"].is_null());
        assert_eq!(again["breakdown"], lines.cloned().collect::<Value>());
        assert_eq!(again["account"], system.account("m-1"));
    }
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25 + 300 + 125);
    system.audit("m-1");
}

#[test]
fn the_same_purchase_written_differently_is_the_same_request() {
    let system = System::start();
    system.enroll("m-1");
    let first = system.accrue("m-1", "order-1001", &first_purchase()).expect(201);
    let spaced = serde_json::to_string_pretty(&first_purchase()).unwrap();
    let turned = r#"{"purchase":{"lines":[{"amount":450,"quantity":1,"category":"coffee","sku":"latte"},
        {"sku":"yirgacheffe","category":"beans","quantity":1,"amount":800}],"store":"kadikoy-1","channel":"app",
        "total":{"currency":"EUR","amount":1250},"occurred_at":"2026-11-21T16:05:00+03:00"}}"#;
    for body in [spaced.as_str(), turned] {
        let headers = [("content-type", "application/json; charset=utf-8"), ("idempotency-key", "order-1001")];
        let again = system.client.send("POST", &format!("{DEMO}/members/m-1/accruals"), &headers, body.as_bytes());
        assert!(again.is_replay());
        assert_eq!(again.expect(200)["entry"], first["entry"]);
    }
}

#[test]
fn a_key_that_was_used_is_refused_to_anything_else() {
    let system = System::start();
    system.enroll("m-1");
    system.enroll("m-2");
    let first = system.accrue("m-1", "order-1", &purchase(10_000)).expect(201);
    system.accrue("m-1", "order-1", &purchase(10_001)).problem(422, "idempotency_key_reused");
    system.accrue("m-1", "order-1", &review(NOW)).problem(422, "idempotency_key_reused");
    system.redeem("m-1", "order-1", &json!({ "reward": "plant-a-tree" })).problem(422, "idempotency_key_reused");
    // Also if the other request would be refused anyway.
    system.accrue("m-1", "order-1", &purchase_at("2020-01-01T00:00:00Z", 1)).problem(422, "idempotency_key_reused");
    assert_eq!(system.account("m-1"), first["account"]);
    // Keys are per member.
    system.accrue("m-2", "order-1", &purchase(5_000)).expect(201);
}

#[test]
fn an_activity_earns_what_its_rule_gives_up_to_its_cap() {
    let system = System::start();
    system.enroll("m-1");
    let first = system.accrue("m-1", "review-1", &review(NOW)).expect(201);
    assert_eq!(breakdown(&first), [("review", 10, 10)]);
    assert_eq!(first["account"]["tier"]["next"]["missing"], 300);
    let second = system.accrue("m-1", "review-2", &review(NOW)).expect(201);
    assert_eq!(breakdown(&second), [("review", 10, 0)]);
    assert_eq!((&second["entry"]["points"], &second["entry"]["expires_on"]), (&json!(0), &Value::Null));
    // It belongs to the day on which it happened.
    let yesterday = system.accrue("m-1", "review-3", &review("2026-11-20T10:00:00Z")).expect(201);
    assert_eq!(yesterday["entry"]["points"], 10);

    let dance = json!({ "activity": { "type": "dance", "occurred_at": NOW } });
    let nothing = system.accrue("m-1", "dance-1", &dance).expect(201);
    assert_eq!(
        (&nothing["entry"]["points"], nothing["account"]["balance"]["spendable"].clone()),
        (&json!(0), json!(45))
    );
    system.audit("m-1");
}

#[test]
fn of_rules_in_one_group_the_best_counts_and_caps_clip_each_line() {
    let system = System::start();
    system.enroll("m-1");
    // A Monday at 15:30 in Istanbul.
    let beans = json!({ "category": "beans", "quantity": 1, "amount": 500 });
    let body = json!({ "purchase": {
        "occurred_at": "2026-11-16T15:30:00+03:00", "total": { "amount": 5_500, "currency": "EUR" }, "channel": "app",
        "lines": vec![beans; 11]
    } });
    let answer = system.accrue("m-1", "order-1", &body).expect(201);
    assert_eq!(
        breakdown(&answer),
        [("base", 55, 55), ("beans-bag", 220, 200), ("happy-hour", 255, 255), ("app-order", 127, 0)]
    );
    assert_eq!(answer["entry"]["points"], 510);
}

#[test]
fn the_tenth_visit_fills_the_punch_card_and_the_eleventh_begins_another() {
    let system = System::start();
    system.enroll("m-1");
    for visit in 1..=11 {
        let answer = system.accrue("m-1", &format!("order-{visit}"), &purchase(100)).expect(201);
        let expected = if visit == 10 { 51 } else { 1 };
        assert_eq!(answer["entry"]["points"], expected, "visit {visit}");
    }
}

#[test]
fn the_breakdown_shows_the_progress_of_a_challenge() {
    let mut program = coffee_shop();
    let challenge = json!({ "times": 2, "within_days": 30, "points": 40, "repeats": true });
    program["earning_rules"][4]["give"] = json!({ "challenge": challenge });
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let line = |answer: &Value| {
        let mut lines = answer["breakdown"].as_array().unwrap().iter();
        let mut line = lines.find(|line| line["rule"] == "tenth-visit").unwrap().clone();
        line.as_object_mut().unwrap().remove("because");
        line
    };
    let told = |points: i64, done: i64| {
        let progress = json!({ "done": done, "of": 2, "by": "2026-12-20" });
        json!({ "rule": "tenth-visit", "wanted": points, "given": points, "progress": progress })
    };
    assert_eq!(line(&system.accrue("m-1", "order-1", &purchase(100)).expect(201)), told(0, 1));
    assert_eq!(line(&system.accrue("m-1", "order-2", &purchase(100)).expect(201)), told(40, 2));
    // Told of an old purchase as it was then, and kept with its entry.
    assert_eq!(line(&system.accrue("m-1", "order-1", &purchase(100)).expect(200)), told(0, 1));
    assert_eq!(line(&system.ledger("m-1")[2]), told(40, 2));
    system.audit("m-1");
}

#[test]
fn a_late_purchase_counts_where_it_belongs_and_not_before_the_programs_limit() {
    let system = System::start();
    system.enroll("m-1");
    let late = system.accrue("m-1", "order-1", &purchase_at("2026-10-25T12:00:00+03:00", 1_000)).expect(201);
    assert_eq!(late["entry"]["expires_on"], "2027-10-31");
    assert_eq!(late["entry"]["occurred_at"], "2026-10-25T09:00:00Z");
    assert_eq!(late["entry"]["posted_at"], NOW);
    assert_eq!(late["account"]["next_expiry"], json!({ "on": "2027-10-31", "points": 10 }));

    for (key, occurred_at, status) in [
        ("first-moment", "2026-10-22T00:00:00+03:00", 201),
        ("moment-before", "2026-10-21T23:59:59+03:00", 422),
        ("till-ahead", "2026-11-21T13:10:00Z", 201),
        ("future", "2026-11-21T13:10:01Z", 422),
        ("year-0000", "0000-01-01T00:00:00Z", 422),
        ("year-9999", "9999-12-30T00:00:00Z", 422),
    ] {
        let answer = system.accrue("m-1", key, &purchase_at(occurred_at, 1_000));
        if status == 201 {
            answer.expect(201);
        } else {
            answer.problem(status, "occurred_at_out_of_range");
        }
    }
    assert_eq!(system.ledger("m-1").len(), 4);
}

#[test]
fn points_that_came_too_late_to_be_spent_are_posted_and_expired_at_once() {
    let mut program = coffee_shop();
    program["points"]["expiry"] = json!({ "after_months": 1, "rounded_to": "exact_day" });
    program["points"]["usable_days_min"] = json!(0);
    program["points"]["backdating_days_max"] = json!(60);
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let answer = system.accrue("m-1", "order-1", &purchase_at("2026-10-01T09:00:00Z", 1_000)).expect(201);
    assert_eq!((&answer["entry"]["spendable"], &answer["entry"]["expires_on"]), (&json!(10), &json!("2026-11-01")));
    assert_eq!(answer["account"]["balance"]["spendable"], 25);
    let ledger = system.ledger("m-1");
    let last = ledger.last().unwrap();
    assert_eq!(
        (&last["kind"], &last["points"], &last["refers_to"]),
        (&json!("expiry"), &json!(-10), &json!("order-1"))
    );
    system.audit("m-1");
}

#[test]
fn money_of_another_currency_earns_nothing() {
    let system = System::start();
    system.enroll("m-1");
    let mut body = purchase(1_000);
    body["purchase"]["total"]["currency"] = json!("TRY");
    system.accrue("m-1", "order-1", &body).problem(422, "currency_mismatch");
    assert_eq!(system.account("m-1")["version"], 1);
    // The key is free: nothing was written under it.
    system.accrue("m-1", "order-1", &purchase(1_000)).expect(201);
}

#[test]
fn what_an_account_cannot_hold_is_refused_and_leaves_nothing_behind() {
    let mut program = coffee_shop();
    program["earning_rules"][0]["give"]["rate"] = json!({ "points": 1_000_000, "per": 1 });
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(999_999_999_999)).problem(422, "points_overflow");
    system.accrue("m-1", "order-2", &purchase(1_000_000)).problem(422, "points_overflow");
    assert_eq!(system.account("m-1")["version"], 1);
    let full = system.accrue("m-1", "order-3", &purchase(999_999)).expect(201);
    assert_eq!(full["account"]["balance"]["spendable"], 999_999_000_025_i64);
    system.accrue("m-1", "order-4", &purchase(1)).problem(422, "points_overflow");
    assert_eq!(system.account("m-1"), full["account"]);
    system.audit("m-1");
}

#[test]
fn a_purchase_of_nothing_is_a_visit() {
    let system = System::start();
    system.enroll("m-1");
    let answer = system.accrue("m-1", "order-1", &purchase(0)).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["entry"]["seq"]), (&json!(0), &json!(2)));
    assert_eq!(system.accrue("m-1", "order-1", &purchase(0)).expect(200)["entry"], answer["entry"]);
}

#[test]
fn two_hundred_lines_are_taken() {
    let system = System::start();
    system.enroll("m-1");
    let mut body = purchase(10_000);
    body["purchase"]["lines"] = Value::from(vec![json!({ "quantity": 10_000, "amount": 50 }); 200]);
    assert_eq!(system.accrue("m-1", "order-1", &body).expect(201)["entry"]["points"], 100);
}
