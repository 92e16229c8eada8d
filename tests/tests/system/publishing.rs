//! The path of an entry to the event bus: everything that is written is sent, at least once and always as the same
//! event.
//!
//! `PUBLISH_SEED=7 cargo test -p regulars-tests --test system publishing:: -- --nocapture` repeats a run that failed.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::Duration,
};

use fastrand::Rng;
use indicatif::ProgressBar;
use jiff::Timestamp;
use regulars_application::deadline::Deadline;
use regulars_cli::{
    events::{Replayed, Span, replay},
    local::{Place, Records},
};
use regulars_tests::{
    bus::KeptBus,
    client::Answer,
    system::{DEMO, NOW, System, coffee_shop, member, purchase_at},
};
use serde_json::{Value, json};

/// Requests of a random history.
const REQUESTS: usize = 150;

/// Returns the status of an answer, which may be a refusal but not a fault.
fn tried(answer: &Answer) -> u16 {
    assert!(answer.status() < 500, "{answer:?}");
    answer.status()
}

/// Sends random requests, some of which are rejected.
fn live(system: &System, rng: &mut Rng) {
    let mut now: Timestamp = NOW.parse().unwrap();
    let members: Vec<String> = (0..6).map(|n| format!("m-{n}")).chain(["versions".to_owned()]).collect();
    for member in &members {
        system.enroll(member);
    }
    let mut redemptions = Vec::new();
    for number in 0..REQUESTS {
        let own = members[rng.usize(..members.len())].as_str();
        let key = format!("k-{}", number - usize::from(number > 0 && rng.u8(..10) == 0));
        let post =
            |path: &str, body: &Value| tried(&system.client.post_under(&key, &format!("{}/{path}", member(own)), body));
        match rng.u8(..20) {
            0..8 => {
                let amount = rng.i64(100..40_000);
                post("accruals", &purchase_at(&now.to_string(), amount));
            }
            8 => {
                post("accruals", &json!({ "activity": { "type": "review", "occurred_at": now } }));
            }
            9 => {
                post(&format!("accruals/k-{}/reversals", rng.usize(..=number)), &json!({}));
            }
            10 | 11 => {
                let body = json!({ "reward": "money-off", "money": { "amount": 200, "currency": "EUR" },
                                   "hold": { "seconds": 600 } });
                if post("redemptions", &body) == 201 {
                    redemptions.push((own.to_owned(), key));
                }
            }
            12 => {
                post("redemptions", &json!({ "reward": "plant-a-tree" }));
            }
            13 if !redemptions.is_empty() => {
                let (holder, hold) = &redemptions[rng.usize(..redemptions.len())];
                let end = if rng.bool() { "capture" } else { "cancellation" };
                let path = format!("{}/redemptions/{hold}/{end}", member(holder));
                tried(&system.client.post_under(&key, &path, &json!({})));
            }
            14 => {
                let adjustment = json!({ "points": rng.i64(-50..100), "reason": "goodwill", "note": "for the wait" });
                post("adjustments", &adjustment);
            }
            15 => {
                post("transfers", &json!({ "to": members[rng.usize(..members.len())], "points": 10 }));
            }
            16 => {
                let attributes = json!({ "attributes": { "city": if rng.bool() { "Izmir" } else { "Ankara" } } });
                tried(&system.client.patch(&member(own), &attributes));
            }
            17 => {
                let tier = json!({ "tier": "gold", "until": "2027-06-30", "reason": "complaint" });
                tried(&system.client.put(&format!("{}/tier-override", member(own)), ("x", "y"), &tier));
            }
            18 => {
                let mut program = coffee_shop();
                program["name"] = json!(format!("Version {number}"));
                let newest =
                    system.client.get(&format!("{DEMO}/versions")).expect(200)["versions"][0]["version"].clone();
                system.client.put(DEMO, ("if-match", &format!("\"{newest}\"")), &program).expect(201);
            }
            _ => {
                now += Duration::from_hours(rng.u64(1..24 * 40));
                system.move_clock(&now.to_string());
            }
        }
    }
    system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
}

/// Polls `work` at most `polls` times, and then drops it, like a killed process.
async fn killed_after<T>(mut polls: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if polls == 0 => Poll::Ready(None),
        Poll::Pending => {
            polls -= 1;
            Poll::Pending
        }
    })
    .await
}

/// The counts of a run: failures of each kind, and calls of the publisher.
#[derive(Debug, Default)]
struct Runs {
    calls: u32,
    killed: u32,
    partly: u32,
}

/// Runs the function over the whole stream like Lambda: from a checkpoint that moves to the first failed record, until
/// all records are done. `kills` percent of the calls are killed.
async fn run_publisher(system: &System, bus: &KeptBus, kills: u8, rng: &mut Rng) -> Runs {
    let mut place = Place::default();
    let mut runs = Runs::default();
    loop {
        let Records { records, next } = system.stream().read(place.clone(), rng.usize(1..12)).await.unwrap();
        if records.is_empty() {
            return runs;
        }
        runs.calls += 1;
        assert!(runs.calls < 10_000, "the publisher does not come to an end");
        let event = json!({ "Records": records });
        let work = regulars_publish::handle(bus, event, Deadline::after(Duration::from_mins(1)));
        let polls = if rng.u8(..100) < kills { rng.u32(..6) } else { u32::MAX };
        let Some(answer) = killed_after(polls, work).await else {
            runs.killed += 1;
            continue;
        };
        let answer = answer.unwrap();
        let failed = &answer["batchItemFailures"];
        if failed == &json!([]) {
            place = next;
            continue;
        }
        runs.partly += 1;
        let is_first = |record: &Value| record["dynamodb"]["SequenceNumber"] == failed[0]["itemIdentifier"];
        let done = records.iter().position(is_first).expect("it names a record of the batch");
        if done > 0 {
            place = system.stream().read(place, done).await.unwrap().next;
        }
    }
}

/// Returns the ids of all expected events, from the ledgers and the list of versions, and the balance of each ledger
/// after the entry.
fn expected(system: &System) -> BTreeMap<String, Option<[i64; 4]>> {
    let mut expected = BTreeMap::new();
    let store = &system.engine().store;
    let demo = "demo".parse().unwrap();
    let members: BTreeSet<_> = system.block_on(store.members(None)).unwrap().members.into_iter().collect();
    for (program, member) in &members {
        let mut balance = [0; 4];
        for sealed in system.block_on(store.ledger(program, member, 0, 10_000)).unwrap().items {
            let entry = &sealed.entry;
            let changes = [entry.spendable(), entry.pending(), entry.held(), entry.owed()];
            balance = std::array::from_fn(|part| balance[part] + changes[part].get());
            expected.insert(format!("{program}/{member}/{}", entry.seq), Some(balance));
        }
    }
    for head in system.block_on(store.program_heads(&demo)).unwrap().unwrap().versions.iter() {
        expected.insert(format!("demo/~versions/{}", head.version), None);
    }
    expected
}

/// The whole span of time.
fn whole() -> Span {
    Span { from: Timestamp::MIN, to: Timestamp::MAX, program: None }
}

fn replayed(system: &System, span: &Span, bus: &KeptBus) -> Replayed {
    let mut failures = Vec::new();
    let store = &system.engine().store;
    let mut tell = |failure: &str| failures.push(failure.to_owned());
    let replayed = system.block_on(replay(store, span, bus, &mut tell, &ProgressBar::hidden())).unwrap();
    assert_eq!(failures.len(), usize::try_from(replayed.failed).unwrap(), "{failures:?}");
    replayed
}

#[test]
fn whatever_fails_each_entry_leaves_and_a_replay_adds_none() {
    let given = std::env::var_os("PUBLISH_SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seed: u64 = given.unwrap_or_else(|| fastrand::u64(..));
    println!("PUBLISH_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let system = System::start();
    live(&system, &mut rng);

    let bus = KeptBus::failing(30, rng.u64(..));
    let runs = system.block_on(run_publisher(&system, &bus, 30, &mut rng));
    let events = bus.events();
    let expected = expected(&system);
    let ids = |events: &BTreeMap<String, Value>| events.keys().cloned().collect::<BTreeSet<_>>();
    println!("{} events, {runs:?}, taken, calls and failed calls: {:?}", events.len(), bus.counts());
    assert_eq!(ids(&events), expected.keys().cloned().collect());
    assert!(runs.killed > 0 && bus.counts().2 > 0, "something went wrong");
    for (id, event) in &events {
        let balance = expected[id].map(|[spendable, pending, held, owed]| {
            json!({ "spendable": spendable, "pending": pending, "held": held, "owed": owed })
        });
        assert_eq!(event["data"].get("balance"), balance.as_ref(), "{event}");
    }

    // Events sent again from the table are the same, although entries were returned, captured and cancelled since.
    let again = KeptBus::reliable();
    let sent = u64::try_from(events.len()).unwrap();
    assert_eq!(replayed(&system, &whole(), &again), Replayed { sent, failed: 0 });
    assert_eq!(again.events(), events);
}

#[test]
fn a_replay_sends_the_entries_of_its_span_and_names_what_the_bus_does_not_take() {
    let system = System::with_silver_member();
    system.move_clock("2026-12-01T00:00:00Z");
    system.accrue("m-1", "order-2", &purchase_at("2026-12-01T00:00:00Z", 1_000)).expect(201);
    let span = |from: &str, to: &str, program: &str| Span {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        program: Some(program.parse().unwrap()),
    };
    for (span, ids) in [
        (
            span(NOW, "2026-12-01T00:00:00Z", "demo"),
            &["demo/m-1/1", "demo/m-1/2", "demo/m-1/3", "demo/~versions/1"][..],
        ),
        (span("2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z", "demo"), &["demo/m-1/4"]),
        (span("2026-12-01T00:00:00.001Z", "2027-12-01T00:00:00Z", "demo"), &[]),
        (span(NOW, "2027-12-01T00:00:00Z", "other"), &[]),
    ] {
        let bus = KeptBus::reliable();
        let sent = u64::try_from(ids.len()).unwrap();
        assert_eq!(replayed(&system, &span, &bus), Replayed { sent, failed: 0 }, "{span:?}");
        assert_eq!(bus.events().keys().collect::<Vec<_>>(), ids, "{span:?}");
    }
    // Each of its calls fails.
    let Replayed { sent, failed } = replayed(&system, &whole(), &KeptBus::failing(100, 3));
    assert_eq!(sent + failed, 5);
    assert!(failed > 0, "an event that fails three times is named");
}
