//! Generated input for everything that callers send: program documents, conditions, purchases, paths, queries and
//! headers.
//!
//! Each case is generated from a seed, so a run is the same every time. Each must end in time, without a server error
//! (5xx) and without a panic; what was accepted must be readable afterwards. A failure prints its seed.
//!
//! A few hundred cases run with the other tests. For more, set seconds, and for other cases, the first seed:
//! `FUZZ_SECONDS=3600 FUZZ_SEED=1000000 cargo test -p regulars-tests --test system fuzz:: -- --nocapture`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there, and prints what it found"
)]

mod mutation;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fastrand::Rng;
use regulars_tests::{
    event::{FUNCTIONS, callers, event, handle},
    seeds::Seeds,
    system::{NOW, System, coffee_shop, member},
};
use serde_json::{Value, json};

/// The number of cases of a target without a time.
const CASES: u64 = 200;

/// The same for paths, most of which are answered at once.
const PATHS: u64 = 3_000;

/// The maximum time of a case: these tests run without optimisation, several at a time.
const CASE_MAX: Duration = Duration::from_secs(10);

/// Runs `case` for one seed after another, and counts the results.
fn run(target: &str, cases: u64, mut case: impl FnMut(&mut Rng, u64) -> u64) -> BTreeMap<u64, u64> {
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for seed in Seeds::few(cases) {
        let start = Instant::now();
        let status = case(&mut Rng::with_seed(seed), seed);
        assert!(status < 500, "{target}: the case of seed {seed} is answered with {status}");
        assert!(start.elapsed() < CASE_MAX, "{target}: the case of seed {seed} takes {:?}", start.elapsed());
        *ends.entry(status).or_default() += 1;
    }
    println!("{target}: {ends:?}");
    ends
}

/// Sends a request to the function of its route, and returns status and body of the answer.
fn send(system: &System, function: &str, request: Value) -> (u64, Value) {
    let answer = system.block_on(handle(function, system.engine(), request));
    let answer =
        answer.unwrap_or_else(|refused| json!({ "statusCode": 599, "body": json!(refused.to_string()).to_string() }));
    let body = answer["body"].as_str().unwrap_or_default();
    (answer["statusCode"].as_u64().unwrap_or(599), serde_json::from_str(body).unwrap_or_default())
}

/// Publishes `document`, a text, as a program named after `seed`, and reads it back if it was accepted.
fn publish(system: &System, document: &str, seed: u64) -> u64 {
    let path = format!("/v1/programs/f-{seed}");
    let mut request = event("PUT", &path, &[("if-none-match", "*")], &Value::Null);
    request["body"] = document.into();
    let (status, _) = send(system, "program", request);
    if status == 201 {
        system.engine().programs.forget(&format!("f-{seed}").parse().unwrap());
        let (read, body) = send(system, "program", event("GET", &path, &[], &Value::Null));
        assert_eq!(read, 200, "the program of seed {seed} was accepted, and cannot be read: {body}");
        // A member can enroll and buy something under every accepted program.
        let members = format!("{path}/members");
        let (joined, body) = send(system, "enroll", event("POST", &members, &[], &json!({ "member": "m-1" })));
        assert!(joined < 500, "a member of the program of seed {seed} cannot join: {body}");
        let quoted = json!({ "accrual": { "purchase": full_purchase() } });
        let (priced, body) = send(system, "earn", event("POST", &format!("{members}/m-1/quotes"), &[], &quoted));
        assert!(priced < 500, "a purchase under the program of seed {seed} cannot be priced: {body}");
    }
    status
}

/// Returns a purchase with all possible fields.
fn full_purchase() -> Value {
    json!({
        "occurred_at": NOW, "total": { "amount": 4_000, "currency": "EUR" }, "channel": "app", "store": "kadikoy-1",
        "receipt": "till3-0042", "tax": 100, "shipping": 50, "tip": 10, "discount": 5, "attributes": { "payment": "card", "gift": true },
        "lines": [
            { "id": "a", "sku": "latte", "category": "coffee", "quantity": 2, "amount": 900 },
            { "id": "b", "sku": "beans", "category": "beans", "quantity": 0.35, "amount": 1_800 },
        ],
    })
}

/// Returns the coffee shop's program, with parts that it does not have.
fn documents() -> Vec<Value> {
    let mut more = coffee_shop();
    more["points"]["pending"] = json!({ "after_days": 14 });
    more["points"]["eligible"] = json!({ "tax": false, "excluded_categories": ["gift-card"] });
    more["points"]["expiry"] = json!([{ "after_months": 24 }, { "inactivity_months": 12 }]);
    more["plans"] = json!([{ "id": "plus", "price": 499, "interval": "month", "tier_floor": "gold", "grace_days": 3 }]);
    more["tiers"]["period"] = json!({ "rolling_months": 12 });
    vec![coffee_shop(), more]
}

#[test]
fn documents_of_all_kinds_are_published_or_refused() {
    let system = System::start().unproven();
    let documents = documents();
    let parts: Vec<Value> =
        documents.iter().flat_map(|document| document.as_object().unwrap().values().cloned()).collect();
    let ends = run("documents", CASES, |rng, seed| {
        let document = &documents[rng.usize(0..documents.len())];
        let document = mutation::value(rng, document, &parts).to_string();
        let is_text = rng.u8(0..4) == 0;
        let document = if is_text {
            String::from_utf8_lossy(&mutation::bytes(rng, document.as_bytes())).into_owned()
        } else {
            document
        };
        publish(&system, &document, seed)
    });
    assert!(ends.contains_key(&201) && ends.contains_key(&422) && ends.contains_key(&400), "{ends:?}");
}

#[test]
fn conditions_of_all_kinds_are_published_or_refused_and_evaluated() {
    let system = System::start().unproven();
    let ends = run("conditions", CASES, |rng, seed| {
        let mut document = coffee_shop();
        let condition = mutation::condition(rng);
        document["earning_rules"][rng.usize(0..4)]["when"] = json!(condition);
        document["rewards"][0]["when"] = json!(condition);
        publish(&system, &document.to_string(), seed)
    });
    assert!(ends.contains_key(&201) && ends.contains_key(&422), "{ends:?}");
}

#[test]
fn purchases_of_all_kinds_are_posted_or_refused() {
    let system = System::start();
    system.enroll("m-1");
    let path = format!("{}/accruals", member("m-1"));
    let good = json!({ "purchase": full_purchase() });
    let others: Vec<Value> = good["purchase"].as_object().unwrap().values().cloned().collect();
    let ends = run("purchases", CASES, |rng, seed| {
        let key = format!("order-{seed}");
        let body = mutation::value(rng, &good, &others).to_string();
        let mut request = event("POST", &path, &[("idempotency-key", &key)], &Value::Null);
        request["body"] = match rng.u8(0..4) {
            0 => String::from_utf8_lossy(&mutation::bytes(rng, body.as_bytes())).into_owned().into(),
            _ => body.clone().into(),
        };
        let (status, answer) = send(&system, "earn", request.clone());
        if status == 201 {
            let (read, _) = send(&system, "account", event("GET", &format!("{path}/{key}"), &[], &Value::Null));
            assert_eq!(read, 200, "the purchase of seed {seed} was accepted, and cannot be read");
            let (again, repeated) = send(&system, "earn", request);
            assert_eq!((again, &repeated["entry"]["points"]), (200, &answer["entry"]["points"]), "seed {seed}");
        }
        status
    });
    assert!(ends.contains_key(&201) && ends.contains_key(&400), "{ends:?}");
}

#[test]
fn paths_queries_and_headers_of_all_kinds_are_answered() {
    let system = System::with_silver_member();
    let routes: Vec<(&str, String, String)> = FUNCTIONS
        .into_iter()
        .flat_map(|function| {
            callers(function).into_iter().map(move |(method, path, _)| (function, method.to_string(), path))
        })
        .collect();
    let words = ["limit", "cursor", "kind", "from", "to", "after_seq", "entry", "member", "code", "x"];
    let ends = run("paths", PATHS, |rng, _| {
        let (function, method, route) = &routes[rng.usize(0..routes.len())];
        let part = |rng: &mut Rng, name: &str| match (rng.u8(0..8), name) {
            (0, _) => mutation::text(rng, "m-1"),
            (_, "{program}") => "demo".to_owned(),
            (_, "{entry}") => "order-1".to_owned(),
            (_, "{reward}") => "mug".to_owned(),
            (_, _) => "m-1".to_owned(),
        };
        let path: Vec<String> = route
            .split('/')
            .map(|name| if name.starts_with('{') { part(rng, name) } else { name.to_owned() })
            .collect();
        let query: Vec<String> = (0..rng.usize(0..3))
            .map(|_| format!("{}={}", mutation::pick(rng, &words), mutation::text(rng, "17")))
            .collect();
        let mut request = event(method, "/", &[], &Value::Null);
        let path = path.join("/");
        request["rawPath"] = if rng.u8(0..10) == 0 { mutation::text(rng, &path).into() } else { path.into() };
        request["rawQueryString"] = query.join("&").into();
        for header in ["idempotency-key", "if-match", "if-none-match", "regulars-actor", "content-type"] {
            if rng.bool() {
                // No front end accepts control characters in a header.
                let text: String =
                    mutation::text(rng, "\"1\"").chars().filter(|character| !character.is_control()).collect();
                request["headers"][header] = text.into();
            }
        }
        request["body"] = mutation::pick(rng, &["", "{}", "[]", "{\"member\":\"m-1\"}", "\u{0}"]).into();
        let key = if rng.bool() { format!("{method} {route}") } else { "$default".to_owned() };
        request["routeKey"] = key.into();
        let (status, body) = send(&system, function, request.clone());
        assert!(status < 500, "{body}: {request}");
        status
    });
    assert!([200, 400, 404].iter().all(|status| ends.contains_key(status)), "{ends:?}");
}
