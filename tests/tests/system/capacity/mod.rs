//! The cost of requests at the table: round trips, and the units that DynamoDB bills.
//!
//! `cargo test -p regulars-tests --test system capacity -- --nocapture` prints the figures.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there, and prints what it measured"
)]

mod accruals;
mod members;
mod reading;
mod redemptions;
mod reviews;

use regulars_store::{DUE_SHARDS, Snapshot};
use regulars_tests::{
    event::{call, handle},
    system::{NOW, System, coffee_shop, member, purchase, purchase_at},
};
use serde_json::{Value, json};

/// Round trips, read units, write units.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    round_trips: u64,
    read_half_units: u64,
    write_half_units: u64,
}

/// Returns a cost in round trips, whole read units and whole write units.
fn cost(round_trips: u64, read_units: u64, write_units: u64) -> Cost {
    Cost { round_trips, read_half_units: read_units * 2, write_half_units: write_units * 2 }
}

impl From<Snapshot> for Cost {
    fn from(used: Snapshot) -> Self {
        let Snapshot { round_trips, read_half_units, write_half_units, .. } = used;
        Self { round_trips, read_half_units, write_half_units }
    }
}

/// Measures a request that is answered with `status`.
fn measure(
    system: &System,
    what: &str,
    status: u64,
    (function, method, path, key, body): (&str, &str, &str, &str, &Value),
) -> Cost {
    let engine = system.engine();
    let before = engine.store.meter().snapshot();
    let headers = [("idempotency-key", key)];
    let (answered, body) = system.block_on(call(function, engine, (method, path), &headers, body));
    assert_eq!(answered, status, "{what}: {body}");
    let cost = Cost::from(engine.store.meter().since(&before));
    let halves = |halves: u64| format!("{}{}", halves / 2, if halves % 2 == 1 { ".5" } else { "" });
    let (reads, writes) = (halves(cost.read_half_units), halves(cost.write_half_units));
    println!("{what}: {} round trips, {reads} read units, {writes} write units", cost.round_trips);
    cost
}

fn accruals() -> String {
    format!("{}/accruals", member("m-1"))
}

fn redemptions() -> String {
    format!("{}/redemptions", member("m-1"))
}

/// Returns a system with a member with points, whose program is in the function's cache.
fn ordinary() -> System {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(20_000)).expect(201);
    system
}
