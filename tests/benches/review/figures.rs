//! Prints what was measured as a table, and checks its limits.

use serde::{Deserialize, Serialize};

/// Maximum memory of the worker, regardless of the number of members.
const MEMORY_MAX_KIB: u64 = 64 * 1024;

/// The measurements of the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) nobody_due: Run,
    pub(crate) due: Run,
    pub(crate) again: Run,
    pub(crate) peak_memory_kib: u64,
}

/// The measurements of one run over all shards.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Calls of the function.
    pub(crate) calls: u64,
    pub(crate) reviewed: u64,
    pub(crate) changed: u64,
    pub(crate) round_trips: u64,
    /// Queries of the index.
    pub(crate) queries: u64,
    /// Reads of an item: an account, and twice a minute the program.
    pub(crate) reads: u64,
    pub(crate) read_half_units: u64,
    pub(crate) write_half_units: u64,
    pub(crate) millis: u64,
}

/// Prints the figures.
pub(crate) fn tell(members: u64, due: u64, measured: &Measured) {
    let Measured { nobody_due, due: full, again, peak_memory_kib } = measured;
    println!("{members} members, {due} of them due, one of two with one change and the other with two");
    println!();
    println!(
        "{:<24}{:>10}{:>10}{:>9}{:>9}{:>12}{:>12}{:>13}{:>9}",
        "run", "reviewed", "changed", "queries", "reads", "round trips", "read units", "write units", "seconds"
    );
    for (name, run) in [("nobody is due", nobody_due), ("the due ones", full), ("the same once more", again)] {
        println!(
            "{name:<24}{:>10}{:>10}{:>9}{:>9}{:>12}{:>12}{:>13}{:>9}",
            run.reviewed,
            run.changed,
            run.queries,
            run.reads,
            run.round_trips,
            halves(run.read_half_units),
            halves(run.write_half_units),
            decimal(run.millis, 1_000, 3),
        );
    }
    println!();
    let due = due.max(1);
    let of_index = full.read_half_units.saturating_sub(full.reads * 2);
    println!(
        "read units for each due member: {}, and for the index {}",
        decimal(full.reads, due, 2),
        decimal(of_index, due * 2, 3)
    );
    println!("write units for each due member: {}", decimal(full.write_half_units, due * 2, 2));
    println!("write units for each other member: {}", halves(nobody_due.write_half_units));
    println!("peak memory of the worker: {} MiB", decimal(*peak_memory_kib, 1_024, 1));
    println!("members reviewed a second, one shard at a time: {}", full.reviewed * 1_000 / full.millis.max(1));
    println!();
    println!(
        "Units are those of DynamoDB. Seconds are those of the embedded table, which has one thread, and which slows"
    );
    println!(
        "down with each transaction of the last ten minutes: beyond some ten thousand of them, look at the units."
    );
}

/// Checks the figures against their limits.
pub(crate) fn check(due: u64, measured: &Measured) {
    let Measured { nobody_due, due: full, again, peak_memory_kib } = measured;
    assert_eq!((full.reviewed, full.changed), (due, due), "each due member is reviewed once");
    // The account, its old and its new position in the index, and for each change an entry and its position in the
    // ledger.
    let with_two = due / 2;
    assert_eq!(full.write_half_units, 2 * (7 * due + 3 * with_two), "7 units for one change, 3 for a further one");
    // The program is read at first and then twice a minute, by each of the concurrent reviews.
    let of_program = 4 * (2 + full.millis / 30_000 + 1);
    assert!(full.reads <= due + of_program, "{} reads", full.reads);
    assert!(full.queries <= 256 + due / 25, "{} queries", full.queries);
    for idle in [nobody_due, again] {
        assert_eq!((idle.reviewed, idle.reads, idle.write_half_units), (0, 0, 0), "who is not due costs nothing");
        assert_eq!(idle.round_trips, 256, "a query for each shard");
    }
    assert!(*peak_memory_kib <= MEMORY_MAX_KIB, "{peak_memory_kib} KiB");
}

fn halves(halves: u64) -> String {
    decimal(halves, 2, 1)
}

/// Returns a quotient with `digits` decimals, truncated.
fn decimal(dividend: u64, divisor: u64, digits: u32) -> String {
    let power = 10_u64.pow(digits);
    let scaled = dividend * power / divisor;
    format!("{}.{:0width$}", scaled / power, scaled % power, width = usize::try_from(digits).unwrap())
}
