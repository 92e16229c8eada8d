//! `Idempotency-Key` and the ids of entries: numbers of other systems, in headers, paths, the ledger and the queue.

use regulars_tests::{
    client::{Answer, JSON},
    event::{answered, event, handle},
    system::{System, member, purchase},
    template::Template,
};
use serde_json::{Value, json};

/// Keys in the number formats of other systems, each with its form in a query.
const KEYS: [(&str, &str); 9] = [
    ("#1001", "%231001"),
    ("POS/00012", "POS%2F00012"),
    ("S 17", "S+17"),
    ("100%", "100%25"),
    ("a~b", "a~b"),
    ("what?", "what%3F"),
    ("say \"hi\"", "say%20%22hi%22"),
    (r"a\b&c=d", "a%5Cb%26c%3Dd"),
    ("..", ".."),
];

/// The form of a key that the IETF's draft has.
fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', r"\\").replace('"', "\\\""))
}

#[test]
fn a_number_of_another_system_is_a_key_and_permanently_names_its_entry() {
    let system = System::start();
    system.enroll("m-1");
    for (key, in_query) in KEYS {
        let first = system.accrue("m-1", key, &purchase(10_000)).expect(201);
        assert_eq!(first["entry"]["id"], key);
        let again = system.accrue("m-1", &quoted(key), &purchase(10_000));
        assert!(again.is_replay(), "{key}: {again}");
        let entry = |part: &str| system.client.get(&format!("{}/{part}/~?entry={in_query}", member("m-1"))).expect(200);
        assert_eq!(entry("entries")["id"], key);
        assert_eq!(entry("accruals")["entry"]["id"], key, "{key}");
        let path = format!("{}/accruals/~/reversals?entry={in_query}", member("m-1"));
        let refund = json!({ "refund": { "amount": 5_000, "currency": "EUR" } });
        let returned = system.client.post_under(&format!("back {key}"), &path, &refund).expect(201);
        assert_eq!(returned["entry"]["kind"], "accrual_reversal", "{key}");
        assert_eq!(entry("accruals")["entries"][0]["id"], format!("back {key}"));
    }
    system.accrue("m-1", "order-1", &purchase(100_000)).expect(201);
    for (key, in_query) in KEYS {
        system.redeem("m-1", &format!("r/{key}"), &json!({ "reward": "free-coffee" })).expect(201);
        let path = format!("{}/redemptions/~/reversals?entry=r/{in_query}", member("m-1"));
        let undone = system.client.post_under(&format!("u/{key}"), &path, &json!({})).expect(201);
        let redemption = &undone["redemption"];
        assert_eq!((&redemption["id"], &redemption["state"]), (&json!(format!("r/{key}")), &json!("reversed")));
    }
    system.audit("m-1");
}

#[test]
fn an_entry_of_another_members_ledger_ends_in_the_key_that_made_it() {
    let system = System::with_silver_member();
    system.enroll("m-2");
    for (key, in_query) in KEYS {
        let path = format!("{}/transfers", member("m-1"));
        system.client.post_under(key, &path, &json!({ "to": "m-2", "points": 1 })).expect(201);
        let path = format!("{}/entries/~?entry=~transfer~m-1~{in_query}", member("m-2"));
        assert_eq!(system.client.get(&path).expect(200)["points"], 1, "{key}");
    }
    system.audit("m-2");
}

#[test]
fn the_queue_takes_the_same_keys() {
    let system = System::start();
    system.enroll("m-1");
    let send = |messages: &[Value]| system.client.post("/local/queue", &json!({ "messages": messages })).expect(200);
    for (key, _) in KEYS {
        let accrual = purchase(10_000);
        let back = json!({ "entry": key, "refund": { "amount": 5_000, "currency": "EUR" } });
        let report = send(&[
            json!({ "program": "demo", "member": "m-1", "idempotency_key": key, "accrual": accrual }),
            json!({ "program": "demo", "member": "m-1", "idempotency_key": format!("back {key}"), "reversal": back }),
        ]);
        assert_eq!((&report["taken"], &report["failed"]), (&json!(2), &json!([])), "{key}");
        assert!(system.accrue("m-1", key, &purchase(10_000)).is_replay(), "{key}");
    }
    for key in ["~a", " a", "a ", "é", ""] {
        let accrual = purchase(10_000);
        let report = send(&[json!({ "program": "demo", "member": "m-1", "idempotency_key": key, "accrual": accrual })]);
        assert_eq!(report["failed"][0]["code"], "body_malformed", "{key}");
    }
    system.audit("m-1");
}

#[test]
fn a_quoted_key_that_is_no_string_is_refused() {
    let system = System::start();
    system.enroll("m-1");
    let body = purchase(100).to_string();
    let send = |key: &str| -> Answer {
        let headers = [JSON, ("idempotency-key", key)];
        system.client.send("POST", &format!("{}/accruals", member("m-1")), &headers, body.as_bytes())
    };
    for key in ["\"", "\"a", "\"\"", "\"a\"b\"", "\"a\"; x=1", "\" a\"", "\"~a\"", r#""a\n""#, r#""a\""#] {
        send(key).problem(400, "idempotency_key_malformed");
    }
    send("a\"").expect(201);
}

#[test]
fn an_entry_is_named_in_the_path_or_in_the_query_and_not_in_both() {
    let system = System::with_silver_member();
    let entries = format!("{}/entries", member("m-1"));
    for (path, detail) in [
        ("~", "must name the entry"),
        ("~?member=m-1", "must name the entry"),
        ("order-1?entry=order-1", "has ~ in place of the entry"),
        ("order-1?entry=order-2", "has ~ in place of the entry"),
        ("~?entry=order-1&entry=order-1", "can be given only once"),
        ("a%3Fb", "has / ? % or #"),
        ("100%25", "has / ? % or #"),
        ("%231001", "has / ? % or #"),
    ] {
        let problem = system.client.get(&format!("{entries}/{path}")).problem(400, "query_malformed");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(detail)), "{path}: {problem}");
    }
    // Decoded, this is another path.
    system.client.get(&format!("{entries}/a%2Fb")).problem(404, "route_not_found");
    let capture = format!("{}/redemptions/~/capture", member("m-1"));
    system.client.post_under("c-1", &capture, &json!({})).problem(400, "query_malformed");
    assert_eq!(system.client.get(&format!("{entries}/~?entry=order-1")).expect(200)["id"], "order-1");
    for unknown in ["", "~", "order-2", "%00", "%FF", "+order-1"] {
        system.client.get(&format!("{entries}/~?entry={unknown}")).problem(404, "entry_not_found");
    }
}

/// The route key of an entry in API Gateway.
const ROUTE_KEY: &str = "GET /v1/programs/{program}/members/{member}/entries/{entry}";

/// API Gateway decodes a path and names its route; a function URL hands it on as it was sent, and names none.
#[test]
fn an_entry_is_found_for_every_form_of_path_that_a_front_end_delivers() {
    let system = System::with_silver_member();
    for (key, _) in KEYS {
        system.accrue("m-1", key, &purchase(10_000)).expect(201);
    }
    let entries = format!("{}/entries", member("m-1"));
    let get = |route_key: &str, entry: &str, query: &str| {
        let mut event = event("GET", &entries, &[], &Value::Null);
        event["routeKey"] = json!(route_key);
        event["rawPath"] = json!(format!("{entries}/{entry}"));
        event["rawQueryString"] = json!(query);
        answered(&system.block_on(handle("account", system.engine(), event)).unwrap())
    };
    for (key, in_query) in KEYS {
        let sent = key.bytes().fold(String::new(), |sent, byte| sent + &format!("%{byte:02X}"));
        for (route_key, delivered) in [(ROUTE_KEY, key), ("$default", sent.as_str())] {
            // A path can contain only ids that are the same in both cases; the query arrives as it was sent.
            let (status, answer) = get(route_key, delivered, "");
            if key.contains(['/', '?', '%', '#']) {
                assert!([400, 404].contains(&status), "{delivered}: {answer}");
                assert_ne!(answer["code"], "entry_not_found", "{delivered}: nothing was looked for");
            } else {
                assert_eq!((status, &answer["id"]), (200, &json!(key)), "{delivered}: {answer}");
            }
        }
        for (route_key, tilde) in [(ROUTE_KEY, "~"), ("$default", "~"), ("$default", "%7E")] {
            let (status, answer) = get(route_key, tilde, &format!("entry={in_query}"));
            assert_eq!((status, &answer["id"]), (200, &json!(key)), "{answer}");
        }
    }
    // A value that is encoded twice is decoded once, and cannot reach another entry.
    assert_eq!(get("$default", "%25%36%66rder-1", "").0, 400);
    assert_eq!(get(ROUTE_KEY, "%6frder-1", "").0, 400);
    assert_eq!(get("$default", "%6frder-1", "").0, 200);
}

#[test]
fn a_query_parameter_that_a_route_does_not_take_is_refused() {
    let system = System::with_silver_member();
    let body = purchase(100).to_string();
    let key = ("idempotency-key", "order-2");
    let routes = Template::read().functions.into_iter().flat_map(|function| function.routes.into_keys());
    let local = ["/local/clock", "/local/events"].map(|path| ("GET".to_owned(), path.to_owned()));
    let mut entries = 0;
    for (method, route) in routes.chain(local) {
        let path = route.replace("{program}", "demo").replace("{member}", "m-1").replace("{entry}", "order-1");
        let path = path.replace(['{', '}'], "");
        let send = |path: &str| system.client.send(&method, path, &[JSON, key], body.as_bytes());
        let problem = send(&format!("{path}?dry_run=true")).problem(400, "query_malformed");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains("`dry_run`")), "{path}: {problem}");
        if route.contains("{entry}") {
            entries += 1;
            send(&path.replace("order-1", "~")).problem(400, "query_malformed");
            let problem = send(&format!("{path}?member=m-1&member=m-1")).problem(400, "query_malformed");
            assert!(problem["detail"].as_str().is_some_and(|text| text.contains("once")), "{path}: {problem}");
        } else {
            send(&format!("{path}?entry=order-1")).problem(400, "query_malformed");
        }
    }
    assert!(entries >= 8, "{entries} routes with an entry");
    let path = member("m-1");
    system.client.get(&format!("{path}/entries/order-1?member=m+1")).problem(400, "query_malformed");
    system.client.get(&format!("{path}/entries/order-1?member=m-1")).expect(200);
    let statement = format!("{path}/entries");
    let problem = system.client.get(&format!("{statement}?limt=5")).problem(400, "query_malformed");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("There is no query parameter `limt` here. Did you mean `limit`?"), "{detail}");
    system.client.get(&format!("{statement}?limit=5&limit=5")).problem(400, "query_malformed");
    assert_eq!(system.ledger("m-1").len(), 3, "nothing was written");
}
