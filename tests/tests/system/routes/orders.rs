//! `/members/{member}/accruals/{entry}` and below: returns by line, and amendments.

use regulars_domain::{
    fingerprint::Salt,
    id::{EntryId, MemberId},
};
use regulars_tests::{
    client::Answer,
    system::{NOW, System, member},
};
use serde_json::{Value, json};

/// Returns a program with a point per euro, none for gift cards, and 100 more for 200 euros.
fn program() -> Value {
    json!({
        "name": "Orders", "time_zone": "Europe/Istanbul", "currency": "EUR",
        "points": { "eligible": { "excluded_categories": ["gift-card"] } },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } },
            { "id": "large", "on": "purchase", "when": "purchase.total >= 20000", "give": { "fixed": { "points": 100 } } },
        ],
    })
}

fn line(category: &str, amount: i64) -> Value {
    json!({ "category": category, "quantity": 1, "amount": amount })
}

fn order(total: i64, lines: &[Value]) -> Value {
    json!({ "purchase": { "occurred_at": "2026-11-21T16:05:00+03:00", "total": { "amount": total, "currency": "EUR" },
                          "lines": lines } })
}

/// A gift card and a shirt.
fn bought() -> Value {
    order(10_000, &[line("gift-card", 5_000), line("shirt", 5_000)])
}

fn shop() -> System {
    let system = System::with(&program(), NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &bought()).expect(201);
    system
}

fn act(system: &System, what: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/accruals/order-1/{what}", member("m-1")), body)
}

fn returned(system: &System, key: &str, body: &Value) -> Answer {
    act(system, "reversals", key, body)
}

fn accrual(system: &System, of: &str) -> Value {
    system.client.get(&format!("{}/accruals/order-1", member(of))).expect(200)
}

#[test]
fn a_return_by_the_line_shows_the_purchase_as_it_is_now() {
    let system = shop();
    let body = json!({ "returned": [{ "line": "0", "quantity": 1, "amount": 5000 }], "receipt": "till3-0043",
                       "store": "kadikoy-1", "reason": "unwanted" });
    let answer = returned(&system, "return-1", &body).expect(201);
    assert_eq!((&answer["entry"]["kind"], &answer["entry"]["points"]), (&json!("accrual_reversal"), &json!(0)));
    assert_eq!(answer["breakdown"], json!([{ "rule": "base", "wanted": 50, "given": 50, "basis": 5000 }]));
    assert_eq!(
        answer["purchase"],
        json!({ "total": 10_000, "refunded": 5_000, "remaining": 5_000, "lines": [
            { "id": "0", "quantity": 1, "amount": 5_000, "returned_quantity": 1, "refunded": 5_000 },
            { "id": "1", "quantity": 1, "amount": 5_000, "returned_quantity": 0, "refunded": 0 },
        ] })
    );
    let again = returned(&system, "return-1", &body);
    assert!(again.is_replay());
    assert_eq!((&again.body["entry"], &again.body["breakdown"]), (&answer["entry"], &answer["breakdown"]));
    returned(&system, "return-2", &body).problem(422, "reversal_exceeds_accrual");
    let answer = returned(&system, "return-2", &json!({ "returned": [{ "line": "1" }] })).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["purchase"]["remaining"]), (&json!(-50), &json!(0)));
    assert_eq!(answer["breakdown"], json!([]));

    let entries = system.ledger("m-1");
    let told = json!({ "refunded": 5_000, "lines": [{ "line": "0", "quantity": 1, "amount": 5_000 }],
                       "receipt": "till3-0043", "store": "kadikoy-1" });
    assert_eq!((&entries[2]["return"], &entries[2]["reason"]), (&told, &json!("unwanted")));
    system.audit("m-1");
}

#[test]
fn a_return_that_does_not_fit_is_refused_and_nothing_is_written() {
    let system = shop();
    let before = system.account("m-1");
    let line = |line: Value| json!({ "returned": [line] });
    for (body, status, code) in [
        (line(json!({ "line": "2" })), 422, "line_not_found"),
        (line(json!({ "line": "shirt" })), 422, "line_not_found"),
        (line(json!({ "line": "1", "quantity": 2 })), 422, "reversal_exceeds_accrual"),
        (line(json!({ "line": "1", "amount": 5_001 })), 422, "reversal_exceeds_accrual"),
        (json!({ "refund": { "amount": 10_001, "currency": "EUR" } }), 422, "reversal_exceeds_accrual"),
        (json!({ "refund": { "amount": 1, "currency": "USD" } }), 422, "currency_mismatch"),
        (json!({ "returned": [] }), 400, "body_malformed"),
        (json!({ "returned": null }), 400, "body_malformed"),
        (json!({ "returned": [{ "line": "1" }, { "line": "1" }] }), 400, "body_malformed"),
        (line(json!({ "line": "1", "quantity": null })), 400, "body_malformed"),
        (line(json!({ "line": "1", "quantity": -1 })), 400, "body_malformed"),
        (line(json!({ "line": 1 })), 400, "body_malformed"),
        (line(json!({ "line": "1", "colour": "red" })), 400, "body_malformed"),
        (line(json!("1")), 400, "body_malformed"),
        (json!({ "returned": [{ "line": "1" }], "refund": { "amount": 1, "currency": "EUR" } }), 400, "body_malformed"),
    ] {
        returned(&system, "return-1", &body).problem(status, code);
    }
    assert_eq!(system.account("m-1"), before);
}

#[test]
fn an_order_becomes_another_one() {
    let system = shop();
    let larger = order(21_000, &[line("gift-card", 5_000), line("shirt", 16_000)]);
    let answer = act(&system, "amendments", "amendment-1", &larger).expect(201);
    assert_eq!((&answer["entry"]["kind"], &answer["entry"]["points"]), (&json!("amendment"), &json!(210)));
    assert_eq!((&answer["purchase"]["total"], &answer["purchase"]["refunded"]), (&json!(21_000), &json!(0)));
    assert!(act(&system, "amendments", "amendment-1", &larger).is_replay());
    // Returns act on the purchase as it is now.
    let answer = returned(&system, "return-1", &json!({ "returned": [{ "line": "1", "amount": 1_001 }] })).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["purchase"]["remaining"]), (&json!(-111), &json!(19_999)));
    let smaller = order(1_000, &[line("shirt", 1_000)]);
    assert_eq!(act(&system, "amendments", "amendment-2", &smaller).expect(201)["entry"]["points"], -139);

    let now = accrual(&system, "m-1");
    assert_eq!((&now["points"], &now["purchase"]["total"]), (&json!(10), &json!(1_000)));
    assert_eq!(now["entry"]["points"], 50, "the entry itself never changes");
    let acted = now["entries"].as_array().unwrap().iter();
    let acted: Vec<_> = acted.map(|entry| (entry["id"].as_str().unwrap(), entry["points"].as_i64().unwrap())).collect();
    assert_eq!(acted, [("amendment-1", 210), ("return-1", -111), ("amendment-2", -139)]);
    assert_eq!(
        now["breakdown"],
        json!([
            { "rule": "base", "wanted": 10, "given": 10, "basis": 1_000 },
            { "rule": "large", "wanted": 0, "given": 0, "because": "condition" },
        ])
    );
    system.audit("m-1");
}

#[test]
fn an_amendment_that_does_not_fit_is_refused_and_nothing_is_written() {
    let system = shop();
    let review = json!({ "activity": { "type": "review", "occurred_at": "2026-11-21T13:00:00Z" } });
    system.accrue("m-1", "review-1", &review).expect(201);
    let before = system.account("m-1");
    let mut later = bought();
    later["purchase"]["occurred_at"] = json!("2026-11-21T16:05:01+03:00");
    let mut dollars = bought();
    dollars["purchase"]["total"]["currency"] = json!("USD");
    for (body, status, code) in [
        (later, 422, "cannot_amend"),
        (dollars, 422, "currency_mismatch"),
        (order(999, &[line("shirt", 1_000)]), 422, "lines_exceed_total"),
        (json!({}), 400, "body_malformed"),
        (review, 400, "body_malformed"),
    ] {
        act(&system, "amendments", "amendment-1", &body).problem(status, code);
    }
    for (entry, status, code) in [("review-1", 422, "cannot_amend"), ("order-9", 404, "entry_not_found")] {
        let path = format!("{}/accruals/{entry}/amendments", member("m-1"));
        system.client.post_under("amendment-1", &path, &bought()).problem(status, code);
    }
    system.client.get(&format!("{}/accruals/order-9", member("m-1"))).problem(404, "entry_not_found");
    assert_eq!(system.account("m-1"), before);
}

#[test]
fn the_key_of_a_cancelled_order_answers_with_what_is_left_of_it() {
    let system = shop();
    returned(&system, "return-1", &json!({})).expect(201);
    let again = system.accrue("m-1", "order-1", &bought());
    assert!(again.is_replay());
    assert_eq!(again.body["entry"]["points"], 50, "what was written");
    assert_eq!(
        (&again.body["purchase"]["remaining"], &again.body["purchase"]["refunded"]),
        (&json!(0), &json!(10_000))
    );
    // An amendment restores it.
    let answer = act(&system, "amendments", "amendment-1", &bought()).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["purchase"]["remaining"]), (&json!(50), &json!(10_000)));
    assert_eq!(system.accrue("m-1", "order-1", &bought()).expect(200)["purchase"]["remaining"], 10_000);
    system.audit("m-1");
}

#[test]
fn the_same_purchase_written_otherwise_is_a_repeat() {
    let system = shop();
    let mut same = bought();
    same["purchase"]["occurred_at"] = json!("2026-11-21T13:05:00.000Z");
    same["purchase"]["channel"] = Value::Null;
    same["purchase"]["tax"] = json!(0);
    same["purchase"]["attributes"] = json!({});
    same["purchase"]["lines"][0]["quantity"] = json!(1.0);
    assert!(system.accrue("m-1", "order-1", &same).is_replay());
    same["purchase"]["lines"][0]["quantity"] = json!(2);
    system.accrue("m-1", "order-1", &same).problem(422, "idempotency_key_reused");
}

#[test]
fn facts_prove_themselves_by_the_fingerprint_of_their_entry() {
    let system = shop();
    let engine = system.engine();
    let (program, of): (_, MemberId) = ("demo".parse().unwrap(), "m-1".parse().unwrap());
    let id: EntryId = "order-1".parse().unwrap();
    let account = system.block_on(engine.store.account(&program, &of)).unwrap().unwrap();
    let recorded = system.block_on(engine.store.entry(&program, &of, &id)).unwrap().unwrap();
    let mut purchase = recorded.purchase().unwrap().clone();
    let fingerprint = recorded.sealed.entry.fingerprint.as_ref();
    assert_eq!(fingerprint, Some(&purchase.content().fingerprint(account.salt.as_ref())));
    purchase.lines.remove(0);
    assert_ne!(fingerprint, Some(&purchase.content().fingerprint(account.salt.as_ref())));
    let other = Salt::from([0; 16]);
    assert_ne!(fingerprint, Some(&recorded.purchase().unwrap().content().fingerprint(Some(&other))));
}

#[test]
fn an_order_of_an_old_card_changes_at_the_member_it_was_merged_into() {
    let system = shop();
    system.enroll("m-2");
    let merge = format!("{}/merge", member("m-1"));
    system.client.post_under("merge-1", &merge, &json!({ "into": "m-2" })).expect(201);
    let act = |what: &str, key: &str, body: &Value| {
        let path = format!("{}/accruals/order-1/{what}", member("m-2"));
        system.client.post_under(key, &path, body).expect(201)["entry"]["points"].as_i64().unwrap()
    };
    let larger = order(12_000, &[line("gift-card", 5_000), line("shirt", 7_000)]);
    assert_eq!(act("amendments", "amendment-1", &larger), 20);
    assert_eq!(act("reversals", "return-1", &json!({ "returned": [{ "line": "1", "amount": 3_000 }] })), -30);
    assert_eq!(act("reversals", "return-2", &json!({})), -40);
    let now = accrual(&system, "m-2");
    assert_eq!((&now["points"], now["entries"].as_array().unwrap().len()), (&json!(0), 3));
    assert_eq!(system.account("m-2")["balance"]["spendable"], 0);
}

#[test]
fn tills_and_shops_that_change_one_order_at_once_leave_what_they_come_to() {
    let system = shop();
    let (system, done) = (&system, std::sync::atomic::AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for n in 0..8 {
            let done = &done;
            scope.spawn(move || {
                let body = json!({ "refund": { "amount": 1_000, "currency": "EUR" } });
                let path = format!("{}/accruals/order-1/reversals", member("m-1"));
                let client = system.client.apart();
                let answer = (0..50).map(|_| client.post_under(&format!("return-{n}"), &path, &body));
                answer.into_iter().find(|answer| answer.status() != 503).unwrap().status_in(&[200, 201]);
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            });
        }
    });
    assert_eq!(done.into_inner(), 8);
    let now = accrual(system, "m-1");
    // 8000 of 10000 were returned, and so 4000 of the shirt's 5000.
    assert_eq!((&now["points"], &now["purchase"]["refunded"]), (&json!(10), &json!(8_000)));
    assert_eq!(system.account("m-1")["balance"]["spendable"], 10);
    system.audit("m-1");
}
