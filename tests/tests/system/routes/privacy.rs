//! `/aliases`, `/erasure`, `/export`: the data of a person, until it is erased.

use regulars_tests::{
    client::Answer,
    system::{DEMO, System, coffee_shop, member, purchase},
};
use serde_json::{Value, json};

const MEMBERS: &str = "/v1/programs/demo/members";
const EMAIL: &str = "ayse@example.com";
const PHONE: &str = "+90 532 123 45 67";

fn name(kind: &str, value: &str) -> Value {
    json!({ "kind": kind, "value": value })
}

fn change_aliases(system: &System, id: &str, body: &Value) -> Answer {
    system.client.post(&format!("{}/aliases", member(id)), body)
}

fn erase(system: &System, id: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/erasure", member(id)), body)
}

/// Returns the status and the member for an alias.
fn looked_up(system: &System, name: &Value) -> (u16, Value) {
    let answer = system.client.post(&format!("{MEMBERS}/lookup"), &json!({ "alias": name }));
    (answer.status, answer.body["member"].clone())
}

fn found(id: &str) -> (u16, Value) {
    (200, json!(id))
}

fn kinds_exported(system: &System, id: &str) -> Vec<String> {
    let export = system.client.get(&format!("{}/export", member(id))).expect(200);
    export["aliases"].as_array().unwrap().iter().map(|alias| alias["kind"].as_str().unwrap().to_owned()).collect()
}

/// Returns everything in the table, as text.
fn table(system: &System) -> String {
    system.items().iter().map(|item| format!("{item:?}\n")).collect::<Vec<_>>().concat()
}

#[test]
fn aliases_are_added_and_removed_at_once() {
    let system = System::start();
    system.client.post(MEMBERS, &json!({ "member": "m-1", "aliases": [name("email", EMAIL)] })).expect(201);
    let moved = json!({ "add": [name("phone", PHONE), name("card", "A-17")], "remove": [name("email", EMAIL)] });
    change_aliases(&system, "m-1", &moved).expect(200);
    assert_eq!(kinds_exported(&system, "m-1"), ["phone", "card"]);
    assert_eq!(looked_up(&system, &name("email", EMAIL)).0, 404);
    assert_eq!(looked_up(&system, &name("phone", "0090 532 1234567")), found("m-1"));
    let entry = &system.ledger("m-1")[1];
    assert_eq!(entry["change"], json!({ "aliases_added": 2, "aliases_removed": 1 }));
    // Long enough that a hash does not contain it by chance.
    for alias in ["A-17", "532 123 45 67", "5321234567"] {
        assert!(!entry.to_string().contains(alias), "{entry}");
    }
    // A repeat changes nothing, and removing a missing alias is not an error.
    let before = system.account("m-1");
    for nothing in [moved, json!({}), json!({ "remove": [name("card", "B-1")] }), json!({ "add": null })] {
        assert_eq!(change_aliases(&system, "m-1", &nothing).expect(200), before, "{nothing}");
    }
    // The alias is free again.
    system.client.post(MEMBERS, &json!({ "member": "m-2", "aliases": [name("email", EMAIL)] })).expect(201);
    assert_eq!(looked_up(&system, &name("email", EMAIL)), found("m-2"));
}

#[test]
fn an_alias_of_another_member_changes_nothing() {
    let system = System::start();
    system.client.post(MEMBERS, &json!({ "member": "m-1", "aliases": [name("email", EMAIL)] })).expect(201);
    system.client.post(MEMBERS, &json!({ "member": "m-2", "aliases": [name("card", "C-1")] })).expect(201);
    let wish =
        json!({ "add": [name("phone", PHONE), name("email", " AYSE@example.com ")], "remove": [name("card", "C-1")] });
    change_aliases(&system, "m-2", &wish).problem(409, "alias_taken");
    assert_eq!(kinds_exported(&system, "m-2"), ["card"]);
    assert_eq!(looked_up(&system, &name("phone", PHONE)).0, 404);
    assert_eq!(looked_up(&system, &name("card", "C-1")), found("m-2"));
    // Removing another member's alias removes nothing.
    change_aliases(&system, "m-2", &json!({ "remove": [name("email", EMAIL)] })).expect(200);
    assert_eq!(looked_up(&system, &name("email", EMAIL)), found("m-1"));
}

#[test]
fn an_invalid_alias_is_reported_with_its_place() {
    let system = System::start();
    system.enroll("m-1");
    let six: Vec<_> = (0..6).map(|number| name("card", &format!("C-{number}"))).collect();
    let card = name("card", "C-1");
    for (body, at) in [
        (json!({ "add": [name("Email", EMAIL)] }), "/add/0/kind"),
        (json!({ "add": [card, name("email", "ayse")] }), "/add/1/value"),
        (json!({ "remove": [name("phone", "0532")] }), "/remove/0/value"),
        (json!({ "add": [card, card] }), "/add/1"),
        (json!({ "add": [card], "remove": [card] }), "/add/0"),
        (json!({ "add": six }), "/add"),
        (json!({ "aliases": [card] }), "/aliases"),
        (json!({ "add": "C-1" }), "/add"),
    ] {
        assert_eq!(change_aliases(&system, "m-1", &body).problem(400, "body_malformed")["at"], at, "{body}");
    }
    assert_eq!(system.ledger("m-1").len(), 1);
    for start in (0..20).step_by(5) {
        let five: Vec<_> = (start..start + 5).map(|number| name("card", &format!("C-{number}"))).collect();
        change_aliases(&system, "m-1", &json!({ "add": five })).expect(200);
    }
    change_aliases(&system, "m-1", &json!({ "add": [name("card", "C-20")] })).problem(422, "aliases_full");
    let swap = json!({ "add": [name("card", "C-20")], "remove": [name("card", "C-0")] });
    change_aliases(&system, "m-1", &swap).expect(200);
    assert_eq!(kinds_exported(&system, "m-1").len(), 20);
}

#[test]
fn a_suspended_member_changes_names_and_one_who_has_left_has_none() {
    let system = System::start();
    system.client.post(MEMBERS, &json!({ "member": "m-1", "aliases": [name("email", EMAIL)] })).expect(201);
    system.client.patch(&member("m-1"), &json!({ "status": "suspended" })).expect(200);
    change_aliases(&system, "m-1", &json!({ "add": [name("card", "C-1")] })).expect(200);
    system.client.patch(&member("m-1"), &json!({ "status": "closed" })).expect(200);
    assert_eq!(kinds_exported(&system, "m-1"), Vec::<String>::new());
    change_aliases(&system, "m-1", &json!({ "add": [name("card", "C-1")] })).problem(409, "account_closed");
    system
        .client
        .post(MEMBERS, &json!({ "member": "m-2", "aliases": [name("email", EMAIL), name("card", "C-1")] }))
        .expect(201);
}

/// Returns a member with all possible data, and an account that was merged into theirs.
fn rich_member() -> System {
    let system = System::start();
    let join = json!({ "member": "m-1", "attributes": { "city": "Izmir", "birthday": "1990-05-03" },
                       "aliases": [name("email", EMAIL), name("phone", PHONE)] });
    system.client.post(MEMBERS, &join).expect(201);
    let card = json!({ "member": "m-0", "attributes": { "city": "Bornova" }, "aliases": [name("card", "C-1")] });
    system.client.post(MEMBERS, &card).expect(201);
    let buy = |id: &str, key: &str, sku: &str| {
        let mut order = purchase(30_000);
        order["purchase"]["lines"] = json!([{ "sku": sku, "category": "coffee", "quantity": 1, "amount": 450 }]);
        order["purchase"]["receipt"] = json!("till3-0042");
        system.accrue(id, key, &order).expect(201);
    };
    buy("m-0", "order-0", "old-latte");
    system.client.post_under("merge-1", &format!("{}/merge", member("m-0")), &json!({ "into": "m-1" })).expect(201);
    buy("m-1", "order-1", "new-latte");
    let adjust = json!({ "points": 5, "reason": "goodwill", "note": "cried at the counter" });
    system.client.post_under("a-1", &format!("{}/adjustments", member("m-1")), &adjust).expect(201);
    system.redeem("m-1", "r-1", &json!({ "reward": "money-off", "money": { "amount": 400, "currency": "EUR" }, "hold": { "seconds": 600 } })).expect(201);
    system
}

const MARKS: [&str; 6] = ["Izmir", "1990", "old-latte", "new-latte", "cried at the counter", "till3-0042"];

#[test]
fn an_erased_member_leaves_an_anonymous_ledger_that_verifies() {
    let system = rich_member();
    let before = table(&system);
    for mark in MARKS.iter().filter(|mark| **mark != "1990") {
        assert!(before.contains(mark), "{mark}");
    }
    let account = erase(&system, "m-1", "e-1", &json!({})).expect(200);
    assert_eq!((&account["status"], &account["attributes"]), (&json!("erased"), &json!({})));
    assert_eq!(account["balance"], json!({ "spendable": 0, "pending": 0, "held": 0, "owed": 0 }));
    let after = table(&system);
    for mark in MARKS {
        assert!(!after.contains(mark), "{mark} is kept");
    }
    assert!(!after.contains("\"sa\""), "the salt of a merged card is a secret about the same person");
    for gone in [name("email", EMAIL), name("phone", PHONE), name("card", "C-1")] {
        assert_eq!(looked_up(&system, &gone).0, 404, "{gone}");
    }
    let ledger = system.ledger("m-1");
    let erasure = ledger.iter().find(|entry| entry["id"] == "e-1").unwrap();
    assert_eq!((&erasure["by"], &erasure["kind"]), (&json!("operator"), &json!("erasure")));
    assert_eq!(erasure["change"], json!({ "removed": ["birthday", "city"], "aliases_removed": 3 }));
    // The same request again, and another one.
    let again = erase(&system, "m-1", "e-1", &json!({ "reason": null }));
    assert!(again.is_replay(), "{again}");
    erase(&system, "m-1", "e-2", &json!({})).problem(409, "account_closed");
    // The merged account leads to it.
    assert_eq!(system.account("m-1")["status"], "erased");
}

/// Eight tills continue to sell while the member is erased. Earlier purchases are erased, and later ones are rejected.
#[test]
fn a_purchase_at_the_moment_of_an_erasure_is_forgotten_or_refused() {
    let system = System::start();
    system.enroll("m-1");
    let sold = std::thread::scope(|scope| {
        let tills: Vec<_> = (0..8)
            .map(|till| {
                let client = system.client.apart();
                scope.spawn(move || {
                    let mut order = purchase(1_000);
                    order["purchase"]["lines"] = json!([{ "sku": "racing-latte", "quantity": 1, "amount": 450 }]);
                    let path = format!("{}/accruals", member("m-1"));
                    let buy = |number: usize| client.post_under(&format!("t{till}-{number}"), &path, &order).status;
                    (0..100).map(buy).take_while(|status| *status != 409).filter(|status| *status == 201).count()
                })
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(60));
        let erased = (0..100).map(|_| erase(&system, "m-1", "e-1", &json!({})).status).find(|status| *status != 503);
        assert_eq!(erased, Some(200));
        tills.into_iter().map(|till| till.join().unwrap()).sum::<usize>()
    });
    let purchases = system.ledger("m-1").iter().filter(|entry| entry["kind"] == "accrual").count();
    assert_eq!(purchases, sold);
    assert!(sold > 0);
    assert!(!table(&system).contains("racing-latte"), "{sold} were sold");
}

#[test]
fn an_erased_person_joins_again_as_a_new_member() {
    let system = rich_member();
    erase(&system, "m-1", "e-1", &json!({})).expect(200);
    system.client.post(MEMBERS, &json!({ "member": "m-1" })).problem(409, "member_exists");
    let join = json!({ "member": "m-7", "attributes": { "city": "Foca" }, "aliases": [name("email", EMAIL), name("card", "C-1")] });
    system.client.post(MEMBERS, &join).expect(201);
    assert_eq!(looked_up(&system, &name("email", EMAIL)), found("m-7"));
    system.accrue("m-7", "order-1", &purchase(30_000)).expect(201);
    let reversals = format!("{}/accruals/order-1/reversals", member("m-7"));
    system.client.post_under("b-1", &reversals, &json!({})).expect(201);
    assert_eq!(system.account("m-7")["balance"]["spendable"], 25);
    // Purchases of an erased member can be neither returned nor read.
    let reversals = format!("{}/accruals/order-1/reversals", member("m-1"));
    system.client.post_under("b-1", &reversals, &json!({})).problem(409, "account_closed");
    let mut order = purchase(30_000);
    order["purchase"]["channel"] = json!("app");
    system.accrue("m-1", "order-1", &order).problem(409, "account_closed");
    system.redeem("m-1", "r-9", &json!({ "reward": "free-coffee" })).problem(409, "account_closed");
    system.client.patch(&member("m-1"), &json!({ "status": "active" })).problem(409, "account_closed");
    system.move_clock("2027-12-01T03:00:00Z");
    system.client.post("/local/run/tier-evaluation", &json!({ "all": true })).expect(200);
    system.audit("m-7");
}

#[test]
fn a_suspended_account_is_erased_for_a_reason_only() {
    let system = System::with_silver_member();
    system.client.patch(&member("m-1"), &json!({ "status": "suspended" })).expect(200);
    erase(&system, "m-1", "e-1", &json!({})).problem(422, "reason_missing");
    assert_eq!(system.account("m-1")["status"], "suspended");
    assert!(table(&system).contains("occurred_at"), "the facts of the purchase are kept");
    let problem = erase(&system, "m-1", "e-1", &json!({ "reason": "" })).problem(400, "body_malformed");
    assert_eq!(problem["at"], "/reason");
    erase(&system, "m-1", "e-1", &json!({ "reason": "court-order" })).expect(200);
    let ledger = system.ledger("m-1");
    assert_eq!(ledger.last().map(|entry| &entry["kind"]).unwrap(), "tier_change");
    assert!(ledger.iter().any(|entry| entry["kind"] == "erasure" && entry["reason"] == "court-order"));
}

#[test]
fn a_closed_account_is_erased_and_an_unknown_one_is_not() {
    let system = System::with_silver_member();
    system.client.patch(&member("m-1"), &json!({ "status": "closed" })).expect(200);
    assert_eq!(erase(&system, "m-1", "e-1", &json!({})).expect(200)["status"], "erased");
    erase(&system, "m-9", "e-1", &json!({})).problem(404, "member_not_found");
    system.client.post(&format!("{}/erasure", member("m-1")), &json!({})).problem(400, "idempotency_key_missing");
}

#[test]
fn a_hold_of_an_erased_member_frees_its_piece_and_a_friend_is_not_paid_for() {
    let mut program = coffee_shop();
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "mug" {
            reward["stock"] = json!(1);
            reward["hold_seconds_max"] = json!(600);
        }
    }
    let system = System::with(&program, regulars_tests::system::NOW);
    for id in ["m-1", "m-2"] {
        system.enroll(id);
        system.accrue(id, &format!("order-{id}"), &purchase(100_000)).expect(201);
    }
    let hold = json!({ "reward": "mug", "hold": { "seconds": 600 } });
    system.redeem("m-1", "r-1", &hold).expect(201);
    system.redeem("m-2", "r-2", &json!({ "reward": "mug" })).problem(422, "reward_out_of_stock");
    erase(&system, "m-1", "e-1", &json!({})).expect(200);
    system.redeem("m-2", "r-2", &json!({ "reward": "mug" })).expect(201);
    let capture = format!("{}/redemptions/r-1/capture", member("m-1"));
    system.client.post_under("c-1", &capture, &json!({})).problem(409, "account_closed");
    // An erased member cannot be a referrer.
    let join = json!({ "member": "m-3", "referred_by": "m-1" });
    system.client.post(MEMBERS, &join).problem(422, "referrer_not_found");
}

#[test]
fn an_export_has_everything_a_page_at_a_time() {
    let system = rich_member();
    let mut path = format!("{}/export?limit=2", member("m-1"));
    let mut entries = Vec::new();
    loop {
        let page = system.client.get(&path).expect(200);
        assert_eq!(page["account"]["attributes"], json!({ "birthday": "1990-05-03", "city": "Izmir" }));
        assert_eq!(page["purchases"]["count"], 2);
        assert_eq!(page["purchases"]["spend"], 60_000);
        entries.extend(page["entries"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{}/export?limit=2&cursor={cursor}", member("m-1"));
    }
    let bought: Vec<_> = entries.iter().filter_map(|entry| entry["purchase"]["lines"][0]["sku"].as_str()).collect();
    assert_eq!(bought, ["new-latte", "old-latte"]);
    assert!(entries.iter().any(|entry| entry["note"] == "cried at the counter"));
    assert!(entries.iter().any(|entry| entry["purchase"]["receipt"] == "till3-0042"));
    let ids: Vec<_> = entries.iter().map(|entry| &entry["text"]).collect();
    let distinct: std::collections::BTreeSet<_> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(ids.len(), distinct.len());
    assert!(ids.len() >= 8, "the ledgers of both cards");
    // The data of an erased member.
    erase(&system, "m-1", "e-1", &json!({})).expect(200);
    let export = system.client.get(&format!("{}/export?limit=100", member("m-1"))).expect(200);
    for mark in MARKS {
        assert!(!export.to_string().contains(mark), "{mark}");
    }
    assert_eq!(export["purchases"], json!({ "count": 0, "spend": 0, "first_at": null, "last_at": null }));
    system.client.get(&format!("{DEMO}/members/m-9/export")).problem(404, "member_not_found");
}
