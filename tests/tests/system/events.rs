//! The sample events in `events/`, each through the handler of its function, against the answer kept in `snapshots/events/`.
//!
//! A file belongs to the function with the longest name that the file's name begins with. After an intended change,
//! `UPDATE_SNAPSHOTS=1 cargo test -p regulars-tests --test system events` writes the answers again, to be reviewed in
//! the diff.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use regulars_application::{
    alias_key::AliasKeySource,
    authority::{Authority, Claims},
    clock::{Clock, MovableClock},
    deadline::Deadline,
    engine::Engine,
    event::EventRefused,
    programs::ProgramCache,
};
use regulars_store::AliasKey;
use regulars_tests::{
    bus::{KeptBus, assert_valid},
    event::{FUNCTIONS, PUBLISH, handle},
    system::{NOW, System, coffee_shop},
    template::Template,
};
use serde_json::{Value, json};

/// The events in the order of one story, each with the time of the clock.
const STORY: &[(&str, &str)] = &[
    ("program-publish", NOW),
    ("program-read", NOW),
    ("program-openapi", NOW),
    ("program-schema", NOW),
    ("program-schedule", NOW),
    ("program-versions", NOW),
    ("program-version", NOW),
    ("program-withdrawal", NOW),
    ("enroll", NOW),
    ("enroll-lookup", NOW),
    ("enroll-change", NOW),
    ("enroll-aliases", NOW),
    ("earn-purchase", NOW),
    ("earn-activity", NOW),
    ("redeem", NOW),
    ("redeem-refused", NOW),
    ("account", NOW),
    ("account-of-another-member", NOW),
    ("account-entries", NOW),
    ("account-entry", NOW),
    ("account-rewards", NOW),
    ("account-tier", NOW),
    ("program-adjustment", NOW),
    ("enroll-friend", NOW),
    ("program-transfer", NOW),
    ("enroll-merge", NOW),
    ("redeem-hold", NOW),
    ("redeem-capture", NOW),
    ("redeem-cancellation", NOW),
    ("redeem-reversal", NOW),
    ("earn-quote", NOW),
    ("earn-confirmation", NOW),
    ("earn-reversal", NOW),
    ("earn-amendment", NOW),
    ("earn-return", NOW),
    ("account-accrual", NOW),
    ("account-export", NOW),
    ("earn-queue", NOW),
    ("program-codes", NOW),
    ("redeem-code", NOW),
    ("program-codes-count", NOW),
    ("program-code", NOW),
    ("redeem-code-use", NOW),
    ("program-codes-more", NOW),
    ("program-code-void", NOW),
    ("tier-evaluation-override", NOW),
    ("tier-evaluation-override-end", NOW),
    ("enroll-plan", NOW),
    ("account-entitlements", NOW),
    ("redeem-entitlement", NOW),
    ("enroll-plan-renewal", NOW),
    ("enroll-plan-reversal", NOW),
    ("enroll-plan-end", NOW),
    ("publish-stream", NOW),
    ("tier-evaluation-member", "2027-12-01T03:00:00Z"),
    ("tier-evaluation-scheduled", "2027-12-01T03:00:00Z"),
    ("tier-evaluation-all", "2027-12-01T03:00:00Z"),
    ("enroll-erasure", "2027-12-01T03:00:00Z"),
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The events by their names.
fn events() -> BTreeMap<String, Value> {
    let files = fs::read_dir(root().join("events")).unwrap().map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let event = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, event)
        })
        .collect()
}

/// Returns the function of this event.
fn function(name: &str) -> &'static str {
    let begins =
        |function: &&str| name.strip_prefix(*function).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    let longest = FUNCTIONS.into_iter().chain([PUBLISH]).filter(begins).max_by_key(|function| function.len());
    longest.unwrap_or_else(|| panic!("{name} begins with the name of no function"))
}

fn snapshot(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/events").join(format!("{name}.json"))
}

/// Returns the answer of a function, with its body as JSON.
fn shown(answer: &Value) -> Value {
    if answer.get("statusCode").is_none() {
        return answer.clone();
    }
    let mut body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    // These two are committed already.
    for name in ["openapi.json", "program.schema.json"] {
        let kept = fs::read_to_string(root().join("contract").join(name)).unwrap();
        if serde_json::from_str::<Value>(&kept).unwrap() == body {
            body = json!(format!("what contract/{name} has"));
        }
    }
    mask(&mut body);
    json!({ "status": answer["statusCode"], "headers": answer["headers"], "body": body })
}

/// Masks what depends on a member's random salt: fingerprints, and so the hashes of all entries.
fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), &mut *value) {
                    // The hash of an alias is shorter, and does not depend on a salt.
                    ("hash", Value::String(hash)) if hash.len() == 32 => {}
                    ("hash" | "head_hash" | "previous_hash", Value::String(hash)) => {
                        assert_eq!(hash.len(), 64);
                        "64 hexadecimal digits".clone_into(hash);
                    }
                    ("text", Value::String(text)) => {
                        if let Some((before, after)) = text.split_once("\"fingerprint\":\"") {
                            *text = format!("{before}\"fingerprint\":\"32 hexadecimal digits{}", &after[32..]);
                        }
                    }
                    _ => mask(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns an engine as deployed: it trusts the gateway's tokens.
fn deployed(system: &System, clock: &MovableClock) -> Engine {
    Engine {
        store: system.engine().store.clone(),
        programs: ProgramCache::default(),
        clock: Clock::Movable(clock.clone()),
        authority: Authority::Jwt(Claims::default()),
        alias_key: AliasKeySource::given(AliasKey::new(b"a key for aliases in tests").unwrap()),
    }
}

/// Returns a system whose program `corner-coffee` an event will publish.
fn story() -> (System, MovableClock, Engine) {
    let system = System::with(&coffee_shop(), NOW);
    let clock = MovableClock::standing_at(NOW.parse().unwrap());
    let engine = deployed(&system, &clock);
    (system, clock, engine)
}

/// The answer of the function that sends events, and what it sent.
async fn published(event: Value) -> Result<Value, EventRefused> {
    let bus = KeptBus::reliable();
    let answer = regulars_publish::handle(&bus, event, Deadline::after(Duration::from_secs(20))).await?;
    Ok(json!({ "answer": answer, "sent": bus.events().values().collect::<Vec<_>>() }))
}

#[test]
fn every_event_gets_the_answer_that_is_kept_of_it() {
    let events = events();
    let listed: BTreeSet<_> = STORY.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(
        events.keys().cloned().collect::<BTreeSet<_>>(),
        listed,
        "each file in events/ has its place in the story"
    );
    let kept: BTreeSet<_> = fs::read_dir(snapshot("x").parent().unwrap())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();

    let (system, clock, engine) = story();
    let updates = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut differing = Vec::new();
    for &(name, now) in STORY {
        clock.move_to(now.parse().unwrap()).unwrap();
        let answer = if function(name) == PUBLISH {
            system.block_on(published(events[name].clone()))
        } else {
            system.block_on(handle(function(name), &engine, events[name].clone()))
        };
        let answer = shown(&answer.unwrap_or_else(|refused| panic!("{name}: {refused}")));
        if updates {
            fs::write(snapshot(name), format!("{answer:#}\n")).unwrap();
        } else if fs::read_to_string(snapshot(name)).ok().map(|text| serde_json::from_str(&text).unwrap())
            != Some(answer.clone())
        {
            differing.push(format!("{name} is answered with {answer:#}"));
        }
    }
    let mut types = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = system.client.get(&format!("/local/events?after={after}&limit=100")).expect(200);
        let events = page["events"].as_array().unwrap();
        types.extend(events.iter().inspect(|event| assert_valid(event)).map(|event| event["type"].to_string()));
        if events.is_empty() {
            break;
        }
        after = page["next"].as_u64().unwrap();
    }
    assert!(types.len() > 15, "{types:?}");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(updates || kept == listed, "a kept answer belongs to no event: {kept:?}");
}

#[test]
fn every_function_and_trigger_of_the_template_has_an_event() {
    let events = events();
    for resource in Template::read().functions {
        let mut own = events.iter().filter(|(name, _)| function(name) == resource.name).map(|(_, event)| event);
        let routes: BTreeSet<_> = own
            .clone()
            .filter_map(|event| event.get("routeKey")?.as_str())
            .map(|key| key.split_once(' ').unwrap())
            .map(|(method, path)| (method.to_owned(), path.to_owned()))
            .collect();
        let expected: BTreeSet<_> = resource.routes.keys().cloned().collect();
        assert_eq!(routes, expected, "the routes of {}", resource.name);
        let reads = |source: &str| own.clone().any(|event| event["Records"][0]["eventSource"] == source);
        assert_eq!(reads("aws:dynamodb"), resource.is_streamed, "the stream of {}", resource.name);
        let is_queued = reads("aws:sqs");
        assert_eq!(is_queued, !resource.queues.is_empty(), "the queue of {}", resource.name);
        let is_scheduled = own.any(|event| event.get("shard").is_some());
        assert_eq!(is_scheduled, resource.is_scheduled, "the schedule of {}", resource.name);
    }
}

#[test]
fn an_event_without_the_scope_of_its_function_is_refused() {
    let (system, _, engine) = story();
    for (name, event) in events() {
        let is_for_everyone = event.pointer("/requestContext/authorizer").is_none();
        if is_for_everyone {
            continue;
        }
        for change in [
            ("/requestContext/authorizer/jwt/claims/scope", json!("regulars/nothing")),
            ("/requestContext/authorizer/jwt/claims/scope", json!("regulars/")),
            ("/requestContext/authorizer/jwt/claims/scope", json!("regulars/enrollx xregulars/earn")),
            ("/requestContext/authorizer", Value::Null),
        ] {
            let mut event = event.clone();
            *event.pointer_mut(change.0).unwrap() = change.1;
            let answer = system.block_on(handle(function(&name), &engine, event)).unwrap();
            let answer = shown(&answer);
            assert_eq!((&answer["status"], &answer["body"]["code"]), (&json!(403), &json!("scope_missing")), "{name}");
        }
    }
}

#[test]
fn an_event_of_no_known_shape_is_left_unanswered_by_a_stable_name() {
    let (system, _, engine) = story();
    for name in FUNCTIONS {
        let no_queue = (name != "earn").then(|| json!({ "Records": [] }));
        let nameless = json!({ "Records": [{ "eventID": "1", "eventSource": "aws:dynamodb" }] });
        let known_to_none = [json!({}), json!([]), json!(null), json!({ "requestContext": 1 }), nameless];
        for event in known_to_none.into_iter().chain(no_queue) {
            let refused = system.block_on(handle(name, &engine, event.clone())).unwrap_err();
            assert_eq!(refused.name(), "EventUnreadable", "{name} {event}");
        }
    }
}
