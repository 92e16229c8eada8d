//! `/members`: enrollment, lookup, changes.

use regulars_tests::system::{DEMO, NOW, System, member, purchase};
use serde_json::{Value, json};

const MEMBERS: &str = "/v1/programs/demo/members";

fn ayse() -> Value {
    json!({
        "member": "m-1",
        "attributes": { "city": "Izmir" },
        "aliases": [{ "kind": "email", "value": "ayse@example.com" }, { "kind": "phone", "value": "+90 532 123 45 67" }],
    })
}

#[test]
fn enrollment_creates_an_account_with_the_welcome_points() {
    let system = System::start();
    let answer = system.client.post(MEMBERS, &ayse());
    assert_eq!(answer.header("location"), Some("/v1/programs/demo/members/m-1"));
    assert!(!answer.is_replay());
    let mut account = answer.expect(201);
    assert!(account["head_hash"].take().as_str().is_some_and(|hash| hash.len() == 64));
    assert_eq!(
        account,
        json!({
            "program": "demo", "member": "m-1", "status": "active", "enrolled_at": NOW,
            "balance": { "spendable": 25, "pending": 0, "held": 0, "owed": 0 },
            "next_expiry": { "on": "2027-11-30", "points": 25 },
            "tier": {
                "id": "bronze", "because": "qualified", "until": null,
                "next": { "id": "silver", "missing": 300, "by": "2026-12-31" }, "keep": null
            },
            "plan": null, "attributes": { "city": "Izmir" }, "version": 1, "seq": 1, "head_hash": null
        })
    );
    let mut again = system.account("m-1");
    again["head_hash"].take();
    assert_eq!(again, account);
}

#[test]
fn joining_again_with_the_same_body_answers_the_account_as_it_is_now() {
    let system = System::start();
    let first = system.client.post(MEMBERS, &ayse()).expect(201);
    let again = system.client.post(MEMBERS, &ayse());
    assert!(again.is_replay());
    assert_eq!(again.header("location"), Some("/v1/programs/demo/members/m-1"));
    assert_eq!(again.expect(200), first);

    system.accrue("m-1", "order-1", &purchase(1_000)).expect(201);
    system.move_clock("2026-11-25T08:00:00Z");
    let later = system.client.post(MEMBERS, &ayse()).expect(200);
    assert_eq!((&later["balance"]["spendable"], &later["version"]), (&json!(35), &json!(2)));
    assert_eq!(system.ledger("m-1").len(), 2);
}

#[test]
fn an_existing_id_with_different_data_is_refused() {
    let system = System::start();
    system.client.post(MEMBERS, &ayse()).expect(201);
    for other in [
        json!({ "member": "m-1" }),
        json!({ "member": "m-1", "attributes": { "city": "Ankara" }, "aliases": ayse()["aliases"] }),
    ] {
        system.client.post(MEMBERS, &other).problem(409, "member_exists");
        system.client.post_under("key-1", MEMBERS, &other).problem(409, "member_exists");
    }
    assert_eq!(system.account("m-1")["attributes"], json!({ "city": "Izmir" }));
    assert_eq!(system.account("m-1")["version"], 1);
}

#[test]
fn an_enrollment_without_an_id_happens_once_per_key() {
    let system = System::start();
    let body = json!({ "attributes": { "newsletter": true } });
    system.client.post(MEMBERS, &body).problem(400, "idempotency_key_missing");
    system.client.post_under("~key", MEMBERS, &body).problem(400, "idempotency_key_malformed");

    let first = system.client.post_under("form-1", MEMBERS, &body);
    let location = first.header("location").unwrap().to_owned();
    let account = first.expect(201);
    let made = account["member"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("{MEMBERS}/{made}"));
    assert_eq!(system.client.get(&location).expect(200), account);

    let again = system.client.post_under("form-1", MEMBERS, &body);
    assert!(again.is_replay());
    assert_eq!(again.expect(200), account);
    system.client.post_under("form-1", MEMBERS, &json!({})).problem(422, "idempotency_key_reused");

    let other = system.client.post_under("form-2", MEMBERS, &body).expect(201);
    assert_ne!(other["member"], made);
}

#[test]
fn a_member_is_found_by_every_alias_in_any_notation() {
    let system = System::start();
    let account = system.client.post(MEMBERS, &ayse()).expect(201);
    let card = json!({ "member": "m-2", "aliases": [{ "kind": "card", "value": " TR-77 " }] });
    let other = system.client.post(MEMBERS, &card).expect(201);
    for (kind, value, found) in [
        ("email", "ayse@example.com", &account),
        ("email", " Ayse@Example.COM ", &account),
        ("email", "AYSE@EXAMPLE.COM\n", &account),
        ("phone", "+905321234567", &account),
        ("phone", "00 90 (532) 123-45-67", &account),
        ("phone", " +90.532.123.45.67", &account),
        ("card", "TR-77", &other),
    ] {
        let body = json!({ "alias": { "kind": kind, "value": value } });
        assert_eq!(&system.client.post(&format!("{MEMBERS}/lookup"), &body).expect(200), found, "{kind} {value:?}");
    }
    for (kind, value) in [("email", "ayse@example.org"), ("card", "tr-77"), ("loyalty", "ayse@example.com")] {
        let body = json!({ "alias": { "kind": kind, "value": value } });
        system.client.post(&format!("{MEMBERS}/lookup"), &body).problem(404, "member_not_found");
    }
    for (kind, value, at) in [
        ("phone", "0532 123 45 67", "/alias/value"),
        ("phone", "+90 532 CALL", "/alias/value"),
        ("email", "  ", "/alias/value"),
        ("", "x", "/alias/kind"),
        ("e#mail", "x", "/alias/kind"),
        ("a-kind-much-too-long", "x", "/alias/kind"),
    ] {
        let body = json!({ "alias": { "kind": kind, "value": value } });
        let problem = system.client.post(&format!("{MEMBERS}/lookup"), &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{kind} {value:?}");
    }
}

#[test]
fn an_alias_belongs_to_one_member_of_a_program() {
    let system = System::start();
    system.client.post(MEMBERS, &ayse()).expect(201);
    let thief = json!({ "member": "m-2", "aliases": [
        { "kind": "card", "value": "TR-78" }, { "kind": "email", "value": "AYSE@example.com" } ] });
    let problem = system.client.post(MEMBERS, &thief).problem(409, "alias_taken");
    assert!(!problem.to_string().contains("ayse"), "{problem}");
    system.client.get(&member("m-2")).problem(404, "member_not_found");
    let card = json!({ "alias": { "kind": "card", "value": "TR-78" } });
    system.client.post(&format!("{MEMBERS}/lookup"), &card).problem(404, "member_not_found");

    let other = "/v1/programs/bakery";
    system.client.put(other, ("if-none-match", "*"), &regulars_tests::system::coffee_shop()).expect(201);
    system.client.post(&format!("{other}/members"), &thief).expect(201);
}

#[test]
fn aliases_are_limited_and_without_duplicates() {
    let system = System::start();
    let alias = |number: usize| json!({ "kind": "card", "value": format!("card-{number}") });
    let many = json!({ "member": "m-1", "aliases": (0..6).map(alias).collect::<Vec<_>>() });
    assert_eq!(system.client.post(MEMBERS, &many).problem(400, "body_malformed")["at"], "/aliases");
    let twice = json!({ "member": "m-1", "aliases": [
        { "kind": "email", "value": "a@b.c" }, { "kind": "email", "value": "A@B.C" } ] });
    assert_eq!(system.client.post(MEMBERS, &twice).problem(400, "body_malformed")["at"], "/aliases/1");
    let phone = json!({ "member": "m-1", "aliases": [{ "kind": "phone", "value": "12" }] });
    assert_eq!(system.client.post(MEMBERS, &phone).problem(400, "body_malformed")["at"], "/aliases/0/value");
    let five = json!({ "member": "m-1", "aliases": (0..5).map(alias).collect::<Vec<_>>() });
    system.client.post(MEMBERS, &five).expect(201);
}

#[test]
fn who_brought_a_member_is_kept() {
    let system = System::start();
    system.enroll("m-0");
    let body = json!({ "member": "m-1", "referred_by": "m-0" });
    assert_eq!(system.client.post(MEMBERS, &body).expect(201)["referred_by"], "m-0");
    assert_eq!(system.account("m-1")["referred_by"], "m-0");
}

#[test]
fn attributes_are_those_of_the_program_and_of_their_type() {
    let system = System::start();
    for (attributes, at) in [
        (json!({ "shoe_size": 43 }), "/attributes/shoe_size"),
        (json!({ "a/b~c": 1 }), "/attributes/a~1b~0c"),
        (json!({ "": 1 }), "/attributes/"),
        (json!({ "city": 35 }), "/attributes/city"),
        (json!({ "city": "x".repeat(101) }), "/attributes/city"),
        (json!({ "city": ["Izmir"] }), "/attributes/city"),
        (json!({ "city": "Izmir", "newsletter": "yes" }), "/attributes/newsletter"),
        (json!({ "birthday": "1990-02-30" }), "/attributes/birthday"),
        (json!({ "birthday": "1990-5-3" }), "/attributes/birthday"),
        (json!({ "birthday": 19_900_503 }), "/attributes/birthday"),
    ] {
        let body = json!({ "member": "m-1", "attributes": attributes });
        let problem = system.client.post(MEMBERS, &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{attributes}");
    }
    system.client.get(&member("m-1")).problem(404, "member_not_found");

    let all = json!({ "city": "x".repeat(100), "birthday": "1990-05-03", "newsletter": false });
    let body = json!({ "member": "m-1", "attributes": all });
    assert_eq!(system.client.post(MEMBERS, &body).expect(201)["attributes"], all);
    let none = json!({ "member": "m-2", "attributes": { "city": null } });
    assert_eq!(system.client.post(MEMBERS, &none).expect(201)["attributes"], json!({}));
}

#[test]
fn attributes_are_set_and_taken_away_and_the_same_change_again_changes_nothing() {
    let system = System::start();
    system.client.post(MEMBERS, &ayse()).expect(201);
    let path = member("m-1");
    let changes = json!({ "attributes": { "city": null, "birthday": "1990-05-03" } });
    let account = system.client.patch(&path, &changes).expect(200);
    assert_eq!(account["attributes"], json!({ "birthday": "1990-05-03" }));
    assert_eq!(account["version"], 2);
    assert_eq!(system.client.patch(&path, &changes).expect(200), account);
    assert_eq!(system.client.patch(&path, &json!({})).expect(200), account);
    assert_eq!(system.account("m-1"), account);

    for (body, at) in [
        (json!({ "attributes": { "shoe_size": 43 } }), "/attributes/shoe_size"),
        (json!({ "attributes": { "newsletter": 1 } }), "/attributes/newsletter"),
        (json!({ "attributes": [] }), "/attributes"),
        (json!({ "status": "asleep" }), "/status"),
        (json!({ "status": 1 }), "/status"),
        (json!({ "balance": 1 }), "/balance"),
    ] {
        assert_eq!(system.client.patch(&path, &body).problem(400, "body_malformed")["at"], at, "{body}");
    }
    system.client.patch(&member("m-2"), &changes).problem(404, "member_not_found");
    assert_eq!(system.account("m-1"), account);
}

#[test]
fn a_suspended_account_neither_earns_nor_spends_and_a_closed_one_stays_closed() {
    let system = System::start();
    system.enroll("m-1");
    let path = member("m-1");
    let status = |status: &str| json!({ "status": status });
    let plant = json!({ "reward": "plant-a-tree" });

    assert_eq!(system.client.patch(&path, &status("suspended")).expect(200)["status"], "suspended");
    system.accrue("m-1", "order-1", &purchase(10_000)).problem(409, "account_suspended");
    system.redeem("m-1", "r-1", &plant).problem(409, "account_suspended");
    assert_eq!(system.client.patch(&path, &status("active")).expect(200)["status"], "active");
    system.accrue("m-1", "order-1", &purchase(10_000)).expect(201);
    system.redeem("m-1", "r-1", &plant).expect(201);

    let city = |city: Value| json!({ "attributes": { "city": city } });
    system.client.patch(&path, &city(json!("Porto"))).expect(200);
    assert_eq!(system.client.patch(&path, &status("closed")).expect(200)["status"], "closed");
    system.client.patch(&path, &status("active")).problem(409, "account_closed");
    system.client.patch(&path, &city(json!("Izmir"))).problem(409, "account_closed");
    // Attributes can still be removed.
    assert_eq!(system.client.patch(&path, &city(Value::Null)).expect(200)["attributes"], json!({}));
    system.accrue("m-1", "order-2", &purchase(10_000)).problem(409, "account_closed");
    system.redeem("m-1", "r-2", &plant).problem(409, "account_closed");
    system.audit("m-1");
}

#[test]
fn nothing_is_found_where_there_is_no_program_or_no_member() {
    let system = System::start();
    system.client.get(&member("m-1")).problem(404, "member_not_found");
    system.client.get("/v1/programs/other/members/m-1").problem(404, "program_not_found");
    system.client.post("/v1/programs/other/members", &ayse()).problem(404, "program_not_found");
    let lookup = json!({ "alias": { "kind": "email", "value": "a@b.c" } });
    system.client.post("/v1/programs/other/members/lookup", &lookup).problem(404, "program_not_found");
    let reserved = json!({ "member": "lookup" });
    let problem = system.client.post(&format!("{DEMO}/members"), &reserved).problem(400, "body_malformed");
    assert_eq!(problem["at"], "/member");
}
