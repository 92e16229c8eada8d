//! The process that reviews: the function's handler on one thread, as on Lambda, one shard after another.

use std::{fs, time::Duration, time::Instant};

use regulars_application::{clock::MovableClock, deadline::Deadline, engine::Engine};
use regulars_cli::local::engine_at;
use regulars_store::{Action, DUE_SHARDS};
use serde_json::{Value, json};

use crate::figures::{Measured, Run};

/// The day before any member is due.
const DAY_BEFORE: &str = "2027-12-31";
/// The day on which all due members are due.
const DAY: &str = "2028-01-01";
/// The timeout of the function in the template.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Reviews a day without due members, one with many, and that one again; prints the measurements.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn review(table_url: &str) {
    let clock = MovableClock::standing_at("2028-01-01T03:00:00Z".parse().unwrap());
    let engine = engine_at(table_url, clock).unwrap();
    // Open the connection, as a function does before its first event.
    run(&engine, 1, DAY_BEFORE).await;
    let nobody_due = run(&engine, DUE_SHARDS, DAY_BEFORE).await;
    let due = run(&engine, DUE_SHARDS, DAY).await;
    let again = run(&engine, DUE_SHARDS, DAY).await;
    let measured = Measured { nobody_due, due, again, peak_memory_kib: peak_memory_kib() };
    println!("{}", serde_json::to_string(&measured).unwrap());
}

/// Runs over the shards below `shards`, each until it returns no cursor.
async fn run(engine: &Engine, shards: u16, through: &str) -> Run {
    let before = engine.store.meter().snapshot();
    let started = Instant::now();
    let mut run = Run::default();
    for shard in 0..shards {
        let mut cursor = Value::Null;
        loop {
            let event = json!({ "shard": shard, "through": through, "cursor": cursor });
            let page = regulars_tier_evaluation::handle(engine, event, Deadline::after(TIMEOUT)).await.unwrap();
            assert_eq!((&page["conflicted"], &page["failed"]), (&json!(0), &json!(0)), "{page}");
            run.calls += 1;
            run.reviewed += page["reviewed"].as_u64().unwrap();
            run.changed += page["changed"].as_u64().unwrap();
            cursor = page["cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
    }
    run.millis = u64::try_from(started.elapsed().as_millis()).unwrap();
    let used = engine.store.meter().since(&before);
    let count = |action| used.actions.get(&action).copied().unwrap_or_default();
    run.round_trips = used.round_trips;
    run.queries = count(Action::Query);
    run.reads = count(Action::GetItem);
    run.read_half_units = used.read_half_units;
    run.write_half_units = used.write_half_units;
    run
}

/// Returns the peak memory of this process.
fn peak_memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells the memory of a process there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
