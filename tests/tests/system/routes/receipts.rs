//! Receipts that earn once, and people who return after leaving.

use regulars_tests::{
    client::Answer,
    system::{DEMO, NOW, System, member},
};
use serde_json::{Value, json};

fn program(points: &Value) -> Value {
    json!({
        "name": "Receipts", "time_zone": "Europe/Istanbul", "currency": "EUR", "points": points,
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } },
            { "id": "welcome", "on": "enrollment", "give": { "fixed": { "points": 25 } } },
            { "id": "friend", "on": "referral", "give": { "fixed": { "points": 100 } } },
        ],
        "referral": { "first_purchase_at_least": 500, "friend_points": 50 },
    })
}

fn bought(receipt: &str, store: Option<&str>, day: &str) -> Value {
    json!({ "purchase": { "occurred_at": format!("{day}T09:00:00Z"), "total": { "amount": 1_000, "currency": "EUR" },
                          "receipt": receipt, "store": store } })
}

fn shop(points: &Value) -> System {
    let system = System::with(&program(points), NOW);
    for id in ["m-1", "m-2"] {
        system.enroll(id);
    }
    system
}

fn act(system: &System, key: &str, what: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/accruals/order-1/{what}", member("m-1")), body)
}

#[test]
fn a_receipt_earns_once_for_any_member_and_under_any_key() {
    let system = shop(&json!({ "receipts": "unique" }));
    let of = |receipt: &str| bought(receipt, Some("kadikoy #1"), "2026-11-21");
    system.accrue("m-1", "order-1", &of("till3-0042")).expect(201);
    assert!(system.accrue("m-1", "order-1", &of("till3-0042")).is_replay());
    for (id, key) in [("m-2", "order-1"), ("m-1", "order-2")] {
        let problem = system.accrue(id, key, &of("till3-0042")).problem(409, "receipt_taken");
        assert!(problem["detail"].as_str().unwrap().contains("till3-0042"), "{problem}");
    }
    // Another number, store or day, or no receipt at all, is another purchase.
    system.accrue("m-2", "order-2", &of("till3-0043")).expect(201);
    system.accrue("m-2", "order-3", &bought("till3-0042", Some("kadikoy #2"), "2026-11-21")).expect(201);
    system.accrue("m-2", "order-4", &bought("till3-0042", Some("kadikoy #1"), "2026-11-20")).expect(201);
    system.accrue("m-2", "order-5", &bought("till3-0042", None, "2026-11-21")).expect(201);
    system.accrue("m-1", "order-5", &bought("till3-0042", None, "2026-11-21")).problem(409, "receipt_taken");
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25 + 10);
    assert_eq!(system.account("m-2")["balance"]["spendable"], 25 + 40);
}

#[test]
fn a_receipt_is_free_again_when_nothing_is_left_of_its_purchase() {
    let system = shop(&json!({ "receipts": "unique" }));
    let of = |receipt: &str| bought(receipt, Some("s"), "2026-11-21");
    system.accrue("m-1", "order-1", &of("a")).expect(201);
    act(&system, "return-1", "reversals", &json!({ "refund": { "amount": 999, "currency": "EUR" } })).expect(201);
    system.accrue("m-2", "order-2", &of("a")).problem(409, "receipt_taken");
    act(&system, "return-2", "reversals", &json!({ "refund": { "amount": 1, "currency": "EUR" } })).expect(201);
    system.accrue("m-2", "order-2", &of("a")).expect(201);
    // It cannot be restored with a receipt of another purchase, and can with its own.
    act(&system, "amendment-1", "amendments", &of("a")).problem(409, "receipt_taken");
    act(&system, "amendment-2", "amendments", &of("b")).expect(201);
    system.accrue("m-2", "order-3", &of("b")).problem(409, "receipt_taken");
    // An amendment changes the receipt.
    act(&system, "amendment-3", "amendments", &of("c")).expect(201);
    act(&system, "amendment-4", "amendments", &of("c")).expect(201);
    system.accrue("m-2", "order-3", &of("b")).expect(201);
    system.accrue("m-2", "order-4", &of("c")).problem(409, "receipt_taken");
    act(&system, "return-3", "reversals", &json!({})).expect(201);
    act(&system, "return-4", "reversals", &json!({})).expect(201);
    system.accrue("m-2", "order-4", &of("c")).expect(201);
}

#[test]
fn where_any_receipt_will_do_none_is_kept() {
    let system = shop(&json!({}));
    for id in ["m-1", "m-2"] {
        system.accrue(id, "order-1", &bought("a", Some("s"), "2026-11-21")).expect(201);
    }
}

#[test]
fn of_two_tills_that_send_one_receipt_at_once_one_is_paid() {
    let system = shop(&json!({ "receipts": "unique" }));
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let tills = (0..8).map(|n| {
            let system = &system;
            scope.spawn(move || {
                let path = format!("{}/accruals", member(if n % 2 == 0 { "m-1" } else { "m-2" }));
                let body = bought("a", Some("s"), "2026-11-21");
                system.client.apart().post_under(&format!("order-{n}"), &path, &body).status()
            })
        });
        tills.collect::<Vec<_>>().into_iter().map(|till| till.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
}

fn joins(system: &System, id: &str, email: &str) -> i64 {
    let body = json!({ "member": id, "aliases": [{ "kind": "email", "value": email }], "referred_by": "m-1" });
    let account = system.client.post(&format!("{DEMO}/members"), &body).expect(201);
    account["balance"]["spendable"].as_i64().unwrap()
}

fn leaves(system: &System, id: &str) {
    system.client.patch(&member(id), &json!({ "status": "closed" })).expect(200);
}

#[test]
fn a_returning_person_gets_no_second_welcome() {
    let system = shop(&json!({ "rejoin_after_days": 30 }));
    assert_eq!(joins(&system, "m-3", "ayse@example.com"), 25);
    let lookup = json!({ "alias": { "kind": "email", "value": "ayse@example.com" } });
    leaves(&system, "m-3");
    system.client.post(&format!("{DEMO}/members/lookup"), &lookup).problem(404, "member_not_found");
    assert_eq!(joins(&system, "m-4", "Ayse@Example.com "), 0, "the same person");
    assert_eq!(system.client.post(&format!("{DEMO}/members/lookup"), &lookup).expect(200)["member"], "m-4");
    let order = json!({ "purchase": { "occurred_at": NOW, "total": { "amount": 1_000, "currency": "EUR" } } });
    assert_eq!(system.accrue("m-4", "order-1", &order).expect(201)["entry"]["points"], 10, "no referral either");
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25);
    assert_eq!(joins(&system, "m-5", "fatma@example.com"), 25, "another person");
    leaves(&system, "m-4");
    system.move_clock("2026-12-21T12:00:00Z");
    assert_eq!(joins(&system, "m-6", "ayse@example.com"), 0, "thirty days later");
    leaves(&system, "m-6");
    system.move_clock("2027-01-21T12:00:00Z");
    assert_eq!(joins(&system, "m-7", "ayse@example.com"), 25, "a day more");
    let entries = system.ledger("m-6");
    assert_eq!(entries.last().unwrap()["change"], json!({ "status": "closed", "aliases_removed": 1 }));
}

#[test]
fn a_referrer_is_a_member() {
    let system = shop(&json!({}));
    let body = |id: &str, by: &str| json!({ "member": id, "referred_by": by });
    let members = format!("{DEMO}/members");
    system.client.post(&members, &body("m-3", "m-9")).problem(422, "referrer_not_found");
    system.client.post(&members, &body("m-3", "m-3")).problem(400, "body_malformed");
    leaves(&system, "m-2");
    system.client.post(&members, &body("m-3", "m-2")).problem(422, "referrer_not_found");
    system.client.post(&members, &body("m-3", "m-1")).expect(201);
    system.client.post(&members, &body("m-3", "m-1")).expect(200);
}

#[test]
fn a_receipt_of_a_merged_account_is_free_again_when_its_purchase_is_returned() {
    let system = shop(&json!({ "receipts": "unique" }));
    system.accrue("m-1", "order-1", &bought("a", Some("s"), "2026-11-21")).expect(201);
    system.client.post_under("merge-1", &format!("{}/merge", member("m-1")), &json!({ "into": "m-2" })).expect(201);
    for id in ["m-1", "m-2"] {
        system.accrue(id, "order-2", &bought("a", Some("s"), "2026-11-21")).problem(409, "receipt_taken");
    }
    act(&system, "return-1", "reversals", &json!({})).expect(201);
    system.accrue("m-1", "order-2", &bought("a", Some("s"), "2026-11-21")).expect(201);
    // An amendment of the old one finds its receipt used, and can take another.
    act(&system, "amendment-1", "amendments", &bought("a", Some("s"), "2026-11-21")).problem(409, "receipt_taken");
    act(&system, "amendment-2", "amendments", &bought("b", Some("s"), "2026-11-21")).expect(201);
    act(&system, "return-2", "reversals", &json!({})).expect(201);
    system.accrue("m-2", "order-3", &bought("b", Some("s"), "2026-11-21")).expect(201);
}
