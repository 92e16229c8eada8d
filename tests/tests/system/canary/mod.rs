//! Sends marked personal data through every route and every failure: it is found where it is stored, and nowhere else.
//!
//! The test reads the log at every level that an owner can choose, every answer, and every attribute of every item of
//! the table.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

mod marks;
pub(crate) mod requests;
mod table;
pub(crate) mod watch;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_application::{
    alias_key::AliasKeySource, authority::Authority, clock::Clock, engine::Engine, programs::ProgramCache,
};
use regulars_cli::local::{Place, Records, TABLE, client_at};
use regulars_store::Store;
use regulars_tests::{
    bus::KeptBus,
    event::{FUNCTIONS, batch, callers},
    rivals::beaten,
    system::{NOW, System},
    template::Template,
};
use serde_json::{Value, json};

use self::{
    marks::{NICKNAME, NOTE, OWNERS, PIN, STRAY},
    requests::{Request, failures, program, purchase, story},
    watch::Watch,
};

/// The member of the marks, and an unrelated one.
const OWNER: &str = "kanarya-1";
const OTHER: &str = "other";

const LATER: &str = "2028-02-13T12:00:00Z";

fn owner(member: &str) -> Value {
    json!({
        "member": member, "referred_by": OTHER,
        "attributes": { "nickname": NICKNAME, "pin": PIN, "birthday": "1971-02-13", "city": "canary-city" },
    })
}

fn enroll(watch: &Watch, body: &Value) {
    assert_eq!(watch.send(&Request::new("enroll", "POST", "/members", body.clone())).0, 201, "{body}");
}

#[test]
fn personal_data_is_found_where_it_is_kept_and_nowhere_else() {
    let system = System::with(&program(), NOW).unproven();
    let watch = Watch::over(&system);
    enroll(&watch, &json!({ "member": OTHER }));
    for member in &OWNERS[1..] {
        enroll(&watch, &owner(member));
    }
    every_route(&watch);
    every_failure(&watch);
    accounts_that_are_suspended_or_closed(&watch);
    a_busy_account_and_a_table_that_does_not_answer(&watch, &system);
    the_queue(&watch);
    system.move_clock(LATER);
    the_review(&watch, &system);
    another_member(&watch);
    the_events(&watch, &system);

    let logged = watch::logged(2);
    for outcome in ["ok", "replayed", "body_malformed", "busy", "store_unavailable", "internal", "entry_not_found"] {
        assert!(logged.contains(&format!("\"outcome\":\"{outcome}\"")), "no line ends with `{outcome}`");
    }
    for operation in ["queue::accrue", "queue::reverse", "queue::unreadable", "review", "unrouted"] {
        assert!(logged.contains(&format!("\"operation\":\"{operation}\"")), "no line is about `{operation}`");
    }
    for message in ["an account cannot be reviewed", "a record of the stream cannot be read", "an event was not sent"] {
        assert!(logged.contains(&format!("\"message\":\"{message}\"")), "nothing has logged `{message}`");
    }
    let mut leaks = watch.leaks();
    leaks.extend(table::leaks(&system));
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
}

/// Calls every route once, with marks wherever it takes personal data.
fn every_route(watch: &Watch) {
    let mut done = BTreeSet::new();
    for request in story() {
        let (status, answer) = watch.send(&request);
        if status < 300 {
            done.insert((request.method.to_owned(), format!("/v1/programs/{{program}}{}", request.route)));
        } else {
            println!("{request:?}: {answer}");
        }
    }
    // The routes of the machine-readable documents take neither a body nor a token.
    let coded = FUNCTIONS.into_iter().flat_map(callers).filter(|(.., who)| !who.is_open_to_everyone());
    let coded = coded.map(|(method, path, _)| (method.to_string(), path));
    let missing: Vec<_> = coded.filter(|route| !done.contains(route)).collect();
    assert!(missing.is_empty(), "these routes have no request in `requests::story` that succeeds: {missing:?}");
}

/// Sends the same requests, with a mark where it does not belong.
fn every_failure(watch: &Watch) {
    let mut sent = 0;
    for request in story().iter().flat_map(failures) {
        watch.send(&request);
        sent += 1;
    }
    let unknown = Request::new("account", "GET", "/members/canary-stray@example.com/mails/canary-stray", Value::Null);
    assert_eq!(watch.send(&unknown).0, 404);
    for event in [
        json!({ "requestContext": STRAY }),
        json!({ "shard": STRAY, "through": "2026-11-21" }),
        json!({ "shard": 1, "through": STRAY }),
        json!({ "shard": 1, "through": "2026-11-21", "cursor": STRAY }),
        json!({ "shard": 1, "through": "2026-11-21", "cursor": "canary-stray", "all": true }),
        json!({ "Records": [{ "messageId": 7, "body": STRAY }] }),
        json!({ "Records": STRAY }),
        json!(STRAY),
    ] {
        for function in FUNCTIONS {
            assert!(watch.hand(function, event.clone()).is_err(), "{function}: {event}");
        }
    }
    assert!(sent > 500, "{sent}");
}

fn accounts_that_are_suspended_or_closed(watch: &Watch) {
    for (member, status) in [("kanarya-4", "suspended"), ("kanarya-5", "closed")] {
        let change = Request::new("enroll", "PATCH", "/members/{member}", json!({ "status": status }));
        assert_eq!(watch.send(&change.about(member)).0, 200, "{member}");
        for request in story() {
            if request.route.contains("{member}") && request.body != json!({ "into": OWNER }) {
                watch.send(&request.about(member));
            }
        }
    }
}

fn a_busy_account_and_a_table_that_does_not_answer(watch: &Watch, system: &System) {
    let busy = beaten(system, "member#demo#kanarya-6", NOW);
    let accrual =
        Request::new("earn", "POST", "/members/{member}/accruals", purchase(1_000)).about("kanarya-6").under("b-1");
    // On a busy machine, the table may time out first.
    assert!((0..20).any(|_| watch.send_to(&busy, &accrual).1["code"] == "busy"));

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = Engine {
        store: Store::new(&client_at(&format!("http://{closed}")), TABLE),
        programs: ProgramCache::default(),
        clock: Clock::Movable(regulars_application::clock::MovableClock::standing_at(NOW.parse().unwrap())),
        authority: Authority::Trusted,
        alias_key: AliasKeySource::absent(),
    };
    for request in story() {
        let (status, answer) = watch.send_to(&silent, &request);
        assert!(status >= 500, "{request:?}: {answer}");
    }
    let message = json!({ "program": "demo", "member": OWNER, "idempotency_key": "q-0", "accrual": purchase(1_000) });
    watch.hand_to(&silent, "earn", batch(&[message])).unwrap();
}

/// Fails a batch in part, for every reason of a message.
fn the_queue(watch: &Watch) {
    let message = |member: &str, key: &str, accrual: Value| json!({ "program": "demo", "member": member, "idempotency_key": key, "accrual": accrual });
    let good = message(OWNER, "q-1", purchase(1_000));
    let mut messages = vec![
        good.clone(),
        message("kanarya-9", "q-2", purchase(1_000)),
        message("kanarya-4", "q-3", purchase(1_000)),
        message("kanarya-5", "q-4", purchase(1_000)),
        message(OWNER, "q-1", purchase(2_000)),
        message(STRAY, "q-5", purchase(1_000)),
        json!({ "program": "demo", "member": OWNER, "idempotency_key": "q-6", "reversal": { "entry": "kanarya-order" } }),
        json!(STRAY),
        json!(format!("{{\"member\": \"{STRAY}")),
    ];
    for request in failures(&Request::new("earn", "POST", "/queue", good)) {
        messages.push(request.body);
    }
    for part in messages.chunks(10) {
        let answer = watch.hand("earn", batch(part)).unwrap();
        assert!(answer["batchItemFailures"].is_array(), "{answer}");
    }
}

/// Lets time pass, with one account that cannot be read.
fn the_review(watch: &Watch, system: &System) {
    let wrong = AttributeValue::M([("nickname".to_owned(), AttributeValue::Ss(vec![NICKNAME.to_owned()]))].into());
    system.edit(("member#demo#kanarya-7", "account"), "SET a = :v", Some(wrong));
    for request in story() {
        if request.route.contains("{member}") {
            watch.send(&request.about("kanarya-7"));
        }
    }
    let mut changed = 0;
    for member in OWNERS {
        let shard = Store::due_shard(&member.parse().unwrap());
        let report = watch.hand("tier-evaluation", json!({ "shard": shard, "through": "2028-02-13" })).unwrap();
        changed += report["changed"].as_u64().unwrap();
    }
    assert!(changed > 0, "time has something to do");
    for shard in 0..256 {
        watch.hand("tier-evaluation", json!({ "shard": shard, "through": "2028-02-13", "all": true })).unwrap();
    }
}

/// Requests about another member: their answers must contain no marks.
fn another_member(watch: &Watch) {
    let mut read = 0;
    for request in story() {
        if request.method == "GET" && request.route.contains("{member}") {
            watch.send(&request.about(OTHER));
            read += 1;
        }
    }
    assert!(read > 5, "{read}");
}

/// Sends an event for everything that was written. A record that cannot be read, and an event that the bus rejects, are
/// logged.
fn the_events(watch: &Watch, system: &System) {
    let bus = KeptBus::reliable();
    let mut place = Place::default();
    let mut record = Value::Null;
    loop {
        let Records { records, next } = system.block_on(system.stream().read(place, 100)).unwrap();
        let Some(last) = records.last() else { break };
        record = last.clone();
        watch.publish(&bus, json!({ "Records": records })).unwrap();
        place = next;
    }
    let sent = bus.events();
    assert!(sent.len() > 50, "{}", sent.len());
    for event in sent.values() {
        watch.look("an event", &event.to_string());
    }
    record["eventName"] = json!("INSERT");
    record["dynamodb"]["NewImage"] = json!({
        "pk": { "S": format!("member#demo#{OWNER}") }, "sk": { "S": "entry#canary-stray" }, "e": { "S": STRAY },
        "nt": { "S": NOTE }, "h": { "S": STRAY },
    });
    let failed = watch.publish(&bus, json!({ "Records": [record] })).unwrap();
    assert!(failed["batchItemFailures"][0].is_object(), "{failed}");
    for event in [json!({ "Records": STRAY }), json!({ "Records": [{ "dynamodb": STRAY }] }), json!(STRAY)] {
        assert!(watch.publish(&bus, event).is_err());
    }
    let first = system.block_on(system.stream().read(Place::default(), 40)).unwrap().records;
    let failed = watch.publish(&KeptBus::failing(100, 0), json!({ "Records": first })).unwrap();
    assert!(failed["batchItemFailures"][0].is_object(), "{failed}");
}

/// The watched levels are all levels that the template offers.
#[test]
fn the_levels_that_an_owner_can_choose_are_watched() {
    assert_eq!(Template::read().log_levels, watch::LEVELS[..3].iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(watch::LEVELS[3], tracing::Level::TRACE, "and the worst that an environment variable can say");
}
