//! Invalid input: each with its status, code and place, without a write, and never an internal error.

use regulars_tests::{
    client::{Answer, JSON},
    system::{DEMO, NOW, System, member, purchase},
};
use serde_json::{Value, json};

const KEY: (&str, &str) = ("idempotency-key", "bad-1");

/// A member whose account must not change.
struct Watched {
    system: System,
    before: Value,
}

impl Watched {
    fn start() -> Self {
        let system = System::start();
        let before = system.enroll("m-1");
        Self { system, before }
    }

    fn accrue(&self, body: &[u8]) -> Answer {
        self.system.client.send("POST", &format!("{}/accruals", member("m-1")), &[JSON, KEY], body)
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert_eq!(self.system.account("m-1"), self.before);
        assert_eq!(self.system.ledger("m-1").len(), 1);
    }
}

/// A purchase with one part of it replaced.
fn purchase_with(pointer: &str, value: Value) -> String {
    let mut body = purchase(1_250);
    body["purchase"]["channel"] = json!("app");
    body["purchase"]["lines"] = json!([{ "sku": "latte", "category": "coffee", "quantity": 1, "amount": 450 }]);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match field.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[field] = value,
    }
    body.to_string()
}

#[test]
fn a_malformed_purchase_is_reported_with_its_place() {
    let watched = Watched::start();
    let long = "x".repeat(65);
    let line = json!({ "quantity": 1, "amount": 1 });
    let cases = [
        // The amounts.
        ("/purchase/total/amount", json!(-1)),
        ("/purchase/total/amount", json!(1_000_000_000_000_i64)),
        ("/purchase/total/amount", json!(i64::MAX)),
        ("/purchase/total/amount", json!(u64::MAX)),
        ("/purchase/total/amount", json!(12.5)),
        ("/purchase/total/amount", json!(1250.5)),
        ("/purchase/total/amount", json!(1e300)),
        ("/purchase/total/amount", json!("1250")),
        ("/purchase/total/amount", json!(true)),
        ("/purchase/total/amount", json!(null)),
        ("/purchase/total/amount", json!([1250])),
        ("/purchase/lines/0/amount", json!(-450)),
        ("/purchase/lines/0/amount", json!(0.5)),
        // The currency.
        ("/purchase/total/currency", json!("eur")),
        ("/purchase/total/currency", json!("Eur")),
        ("/purchase/total/currency", json!("EURO")),
        ("/purchase/total/currency", json!("ABC")),
        ("/purchase/total/currency", json!("")),
        ("/purchase/total/currency", json!("€")),
        ("/purchase/total/currency", json!("EUR\0")),
        ("/purchase/total/currency", json!(978)),
        // The instant.
        ("/purchase/occurred_at", json!("2026-11-21T16:05:00")),
        ("/purchase/occurred_at", json!("2026-11-21")),
        ("/purchase/occurred_at", json!("2026-11-31T00:00:00Z")),
        ("/purchase/occurred_at", json!("2026-11-21T25:00:00Z")),
        ("/purchase/occurred_at", json!("10000-01-01T00:00:00Z")),
        ("/purchase/occurred_at", json!("-1-01-01T00:00:00Z")),
        ("/purchase/occurred_at", json!("9999-12-31T23:59:59Z")),
        ("/purchase/occurred_at", json!("yesterday")),
        ("/purchase/occurred_at", json!("2026-11-22T07:06:00+18:01")),
        ("/purchase/occurred_at", json!("2026-11-20T14:05:00-23:00")),
        ("/purchase/occurred_at", json!("")),
        ("/purchase/occurred_at", json!(1_795_266_300)),
        ("/purchase/occurred_at", json!(null)),
        // Texts.
        ("/purchase/channel", json!("")),
        ("/purchase/channel", json!(long)),
        ("/purchase/channel", json!(5)),
        ("/purchase/store", json!("")),
        ("/purchase/lines/0/sku", json!("🍩".repeat(65))),
        ("/purchase/lines/0/category", json!("")),
        // Lines.
        ("/purchase/lines/0/quantity", json!(-1)),
        ("/purchase/lines/0/quantity", json!(1_000_001)),
        ("/purchase/lines/0/quantity", json!(1.0005)),
        ("/purchase/lines/0/quantity", json!("1")),
        ("/purchase/lines/0", json!("latte")),
        ("/purchase/lines", json!({})),
        ("/purchase/lines", Value::from(vec![line; 201])),
        // Unknown fields.
        ("/tip", json!(1)),
        ("/purchase/tipp", json!(1)),
        ("/purchase/total/tax", json!(1)),
        ("/purchase/lines/0/colour", json!("red")),
        // Other types.
        ("/purchase/total", json!(1250)),
        ("/purchase/total", json!([])),
        ("/purchase", json!(null)),
        ("/purchase", json!("latte")),
    ];
    for (pointer, value) in cases {
        let body = purchase_with(pointer, value.clone());
        let problem = watched.accrue(body.as_bytes()).problem(400, "body_malformed");
        let at = problem["at"].as_str().unwrap();
        assert_eq!(at, pointer, "{value} at {pointer}: {problem}");
    }
    watched.assert_untouched();
}

#[test]
fn a_malformed_activity_is_reported_with_its_place() {
    let watched = Watched::start();
    let many: Value = (0..21).map(|number| (format!("a-{number}"), json!(1))).collect();
    for (field, value, at) in [
        ("type", json!(""), "/activity/type"),
        ("type", json!("a b"), "/activity/type"),
        ("type", json!("💃"), "/activity/type"),
        ("type", json!("x".repeat(65)), "/activity/type"),
        ("type", json!(1), "/activity/type"),
        ("occurred_at", json!("now"), "/activity/occurred_at"),
        ("attributes", json!([]), "/activity/attributes"),
        ("attributes", many, "/activity/attributes"),
        ("attributes", json!({ "score": 1.5 }), "/activity/attributes/score"),
        ("attributes", json!({ "score": "" }), "/activity/attributes/score"),
        ("attributes", json!({ "score": {} }), "/activity/attributes/score"),
        ("points", json!(1_000_000), "/activity/points"),
    ] {
        let mut body = json!({ "activity": { "type": "review", "occurred_at": NOW } });
        body["activity"][field] = value;
        let problem = watched.accrue(body.to_string().as_bytes()).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
    watched.assert_untouched();
}

#[test]
fn a_body_that_is_no_json_or_no_request_is_refused_whole() {
    let watched = Watched::start();
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let both = json!({ "purchase": purchase(1)["purchase"], "activity": { "type": "review", "occurred_at": NOW } });
    let good = purchase(1).to_string();
    for body in [
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "true".to_owned(),
        "0".to_owned(),
        "\"purchase\"".to_owned(),
        "\"\\ud800\"".to_owned(),
        "{".to_owned(),
        "{\"purchase\":".to_owned(),
        "{'purchase':1}".to_owned(),
        "{\"purchase\":1e400}".to_owned(),
        format!("{good},"),
        format!("{good}{good}"),
        format!("\u{feff}{good}"),
        good.replace("1,", "NaN,"),
        good.replace(":1,", ":1e400,"),
        good.replace(":1,", ":01,"),
        good.replace(":1,", ":+1,"),
        good.replace(":1,", &format!(":{},", "9".repeat(4_000))),
        "[".repeat(60_000),
        "{\"purchase\":".repeat(5_000),
        nested("[", "]")[70_000..130_000].to_owned(),
        "\0".to_owned(),
        " ".to_owned(),
        both.to_string(),
    ] {
        let shown = &body[..body.len().min(80)];
        let problem = watched.accrue(body.as_bytes()).problem(400, "body_malformed");
        assert_eq!(problem["at"], "", "{shown}");
    }
    for body in [&b"\xff\xfe{}"[..], b"{\"purchase\":\"\xc3\x28\"}"] {
        watched.accrue(body).problem(400, "body_malformed");
    }
    let bracketed = nested("[", "]");
    watched.accrue(bracketed.as_bytes()).problem(413, "body_too_large");
    watched.accrue(&[]).problem(400, "body_malformed");
    watched.assert_untouched();
}

#[test]
fn a_duplicate_field_is_refused() {
    let watched = Watched::start();
    let good = purchase(1).to_string();
    for (body, at) in [
        (good.replace("\"amount\":1", "\"amount\":1,\"amount\":100000"), "/purchase/total"),
        (good.replace("\"currency\":\"EUR\"", "\"currency\":\"EUR\",\"currency\":\"EUR\""), "/purchase/total"),
        (good.replace("\"purchase\":{", "\"purchase\":{\"lines\":[],\"lines\":[],"), "/purchase"),
    ] {
        let problem = watched.accrue(body.as_bytes()).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
    watched.assert_untouched();
}

#[test]
fn a_body_may_have_64_kib_and_not_a_byte_more() {
    let watched = Watched::start();
    let good = purchase(100).to_string();
    let sized = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.len())).into_bytes();
    watched.accrue(&sized(65_537)).problem(413, "body_too_large");
    watched.accrue(&vec![b'x'; 1_000_000]).problem(413, "body_too_large");
    watched.accrue(&vec![b'x'; 11_000_000]).problem(413, "body_too_large");
    watched.assert_untouched();
    watched.accrue(&sized(65_536)).expect(201);
}

#[test]
fn a_key_that_is_missing_or_none_is_refused_before_anything_else() {
    let watched = Watched::start();
    let body = purchase(100).to_string();
    for operation in ["accruals", "redemptions"] {
        let path = format!("{}/{operation}", member("m-1"));
        let missing = watched.system.client.send("POST", &path, &[JSON], body.as_bytes());
        missing.problem(400, "idempotency_key_missing");
        let long = "k".repeat(65);
        for key in ["", " ", "~expiry~2027-11-30", "naïve", "💥", "\"a", "a\tb", long.as_str()] {
            let headers = [JSON, ("idempotency-key", key)];
            watched
                .system
                .client
                .send("POST", &path, &headers, body.as_bytes())
                .problem(400, "idempotency_key_malformed");
        }
        // A gateway joins two headers with a comma, and two quoted keys are not one.
        let headers = [JSON, ("idempotency-key", "\"a\""), ("idempotency-key", "\"b\"")];
        let two = watched.system.client.send("POST", &path, &headers, body.as_bytes());
        two.problem(400, "idempotency_key_malformed");
    }
    watched.assert_untouched();
    let longest = "A".repeat(64);
    watched.system.accrue("m-1", &longest, &purchase(100)).expect(201);
    watched.system.accrue("m-1", "aZ09._:-", &purchase(100)).expect(201);
}

#[test]
fn another_media_type_is_refused() {
    let watched = Watched::start();
    let body = purchase(100).to_string();
    let path = format!("{}/accruals", member("m-1"));
    let send = |headers: &[(&str, &str)]| watched.system.client.send("POST", &path, headers, body.as_bytes());
    send(&[KEY]).problem(415, "media_type_unsupported");
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/json; charset=utf-16",
        "application/jsonp",
        "",
        ";",
    ] {
        send(&[KEY, ("content-type", media_type)]).problem(415, "media_type_unsupported");
    }
    watched.assert_untouched();
    send(&[KEY, ("content-type", "Application/JSON ; charset=\"UTF-8\"")]).expect(201);
}

#[test]
fn a_malformed_id_in_a_path_is_not_found() {
    let watched = Watched::start();
    let client = &watched.system.client;
    let long = "m".repeat(65);
    for id in [
        "%20",
        "%00",
        "m-1%00",
        "m%231",
        "m-1%23account",
        "%F0%9F%92%A9",
        "%ff%fe",
        "%",
        "%zz",
        "~m",
        "m;1",
        "m+1",
        "'%20OR%201=1--",
        "%7B%22S%22:%22x%22%7D",
        "M-1",
        ".",
        "..",
        long.as_str(),
    ] {
        let path = member(id);
        client.get(&path).problem(404, "member_not_found");
        client.get(&format!("{path}/entries")).problem(404, "member_not_found");
        client.get(&format!("{path}/rewards")).problem(404, "member_not_found");
        client.get(&format!("{path}/tier")).problem(404, "member_not_found");
        client.post(&format!("{path}/tier-evaluations"), &json!({})).problem(404, "member_not_found");
        client.patch(&path, &json!({ "status": "closed" })).problem(404, "member_not_found");
        client.post_under("k", &format!("{path}/accruals"), &purchase(1)).problem(404, "member_not_found");
        client
            .post_under("k", &format!("{path}/redemptions"), &json!({ "reward": "mug" }))
            .problem(404, "member_not_found");
        client.get(&format!("/v1/programs/{id}/members/m-1")).problem(404, "program_not_found");
        client.put(&format!("/v1/programs/{id}"), ("if-match", "\"1\""), &json!({})).status_in(&[404, 422]);
    }
    // Paths that differ only in their encoding are the same.
    assert_eq!(client.get("/v1/programs/d%65mo/members/m%2D1").expect(200), watched.before);
    watched.assert_untouched();
    // Decoded, these are paths of no route.
    for path in ["%2E%2E%2Fm-1", "..%2f..%2fetc%2fpasswd", "m-1%2f..%2fm-2"] {
        client.get(&member(path)).problem(404, "route_not_found");
    }
}

#[test]
fn an_enrollment_with_invalid_data_is_refused() {
    let watched = Watched::start();
    let long = "m".repeat(65);
    for (body, at) in [
        (json!({ "member": "" }), "/member"),
        (json!({ "member": "m 2" }), "/member"),
        (json!({ "member": "m#2" }), "/member"),
        (json!({ "member": "../m-2" }), "/member"),
        (json!({ "member": "m\u{0}2" }), "/member"),
        (json!({ "member": "üye" }), "/member"),
        (json!({ "member": "💛" }), "/member"),
        (json!({ "member": long }), "/member"),
        (json!({ "member": 2 }), "/member"),
        (json!({ "member": "." }), "/member"),
        (json!({ "member": ".." }), "/member"),
        (json!({ "member": "ayse@example.com" }), "/member"),
        (json!({ "member": "m-2", "referred_by": "ayse@example.com" }), "/referred_by"),
        (json!({ "member": "m-2", "aliases": [{ "kind": "Email", "value": "a@b.c" }] }), "/aliases/0/kind"),
        (json!({ "member": "m-2", "aliases": [{ "kind": "email", "value": "0532 123 45 67" }] }), "/aliases/0/value"),
        (json!({ "member": "m-2", "aliases": [{ "kind": "phone", "value": "a@b.c" }] }), "/aliases/0/value"),
        (json!({ "member": ["m-2"] }), "/member"),
        (json!({ "member": "m-2", "referred_by": "" }), "/referred_by"),
        (json!({ "member": "m-2", "referred_by": "a b" }), "/referred_by"),
        (json!({ "member": "m-2", "attributes": [] }), "/attributes"),
        (json!({ "member": "m-2", "aliases": {} }), "/aliases"),
        (json!({ "member": "m-2", "aliases": ["a@b.c"] }), "/aliases/0"),
        (json!({ "member": "m-2", "aliases": [{ "kind": "email" }] }), "/aliases/0"),
        (json!({ "member": "m-2", "aliases": [{ "kind": "email", "value": 7 }] }), "/aliases/0/value"),
        (json!({ "member": "m-2", "aliases": [{ "kind": "email", "value": "" }] }), "/aliases/0/value"),
        (json!({ "member": "m-2", "aliases": [{ "kind": "email", "value": "a".repeat(257) }] }), "/aliases/0/value"),
        (json!({ "member": "m-2", "aliases": [{ "kind": "email", "value": "a@b.c", "x": 1 }] }), "/aliases/0/x"),
        (json!({ "member": "m-2", "status": "closed" }), "/status"),
        (json!({ "member": "m-2", "balance": { "spendable": 1 } }), "/balance"),
        (json!(["m-2"]), ""),
        (json!(null), ""),
        (json!("m-2"), ""),
    ] {
        let answer = watched.system.client.post(&format!("{DEMO}/members"), &body);
        let problem = answer.problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
    watched.system.client.get(&member("m-2")).problem(404, "member_not_found");
    watched.assert_untouched();
}

#[test]
fn a_malformed_redemption_is_reported_with_its_place() {
    let watched = Watched::start();
    for (body, at) in [
        (json!({}), ""),
        (json!({ "reward": "" }), "/reward"),
        (json!({ "reward": "a reward" }), "/reward"),
        (json!({ "reward": "🎁" }), "/reward"),
        (json!({ "reward": "r".repeat(65) }), "/reward"),
        (json!({ "reward": 1 }), "/reward"),
        (json!({ "reward": null }), "/reward"),
        (json!({ "reward": "mug", "points": 1 }), "/points"),
        (json!({ "reward": "mug", "quantity": 0 }), "/quantity"),
        (json!({ "reward": "money-off", "money": 400 }), "/money"),
        (json!({ "reward": "money-off", "money": { "amount": 400 } }), "/money"),
        (json!({ "reward": "money-off", "money": { "amount": -400, "currency": "EUR" } }), "/money/amount"),
        (json!({ "reward": "money-off", "money": { "amount": 400, "currency": "eur" } }), "/money/currency"),
        (json!({ "reward": "money-off", "money": { "amount": 400, "currency": "EUR", "tip": 1 } }), "/money/tip"),
        (json!([]), ""),
        (json!(null), ""),
    ] {
        let problem = watched.system.redeem("m-1", "bad-1", &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
    watched.assert_untouched();
}

#[test]
fn odd_texts_are_kept_as_they_are_where_texts_are_free() {
    let system = System::start();
    for (number, city) in
        ["🏙️ Şişli", "a\u{0}b", "'; DROP TABLE members; --", "\u{202e}abc", " ", ""].iter().enumerate()
    {
        let body = json!({ "member": format!("m-{number}"), "attributes": { "city": city } });
        let account = system.client.post(&format!("{DEMO}/members"), &body).expect(201);
        assert_eq!(account["attributes"]["city"], *city);
        assert_eq!(system.account(&format!("m-{number}")), account);
        let mut body = purchase(1_000);
        body["purchase"]["channel"] = json!(if city.is_empty() { "-" } else { city });
        system.accrue(&format!("m-{number}"), "order-1", &body).expect(201);
    }
}
