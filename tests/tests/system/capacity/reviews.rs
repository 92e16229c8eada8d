//! The cost of the daily review.

use super::*;

/// Returns the cost of a run over all shards, and how many members it reviewed and changed.
fn review(system: &System, what: &str, through: &str) -> (Cost, u64, u64) {
    let engine = system.engine();
    let before = engine.store.meter().snapshot();
    let (mut reviewed, mut changed) = (0, 0);
    for shard in 0..DUE_SHARDS {
        let event = json!({ "shard": shard, "through": through });
        let report = system.block_on(handle("tier-evaluation", engine, event)).unwrap();
        assert_eq!(report["cursor"], Value::Null);
        reviewed += report["reviewed"].as_u64().unwrap();
        changed += report["changed"].as_u64().unwrap();
    }
    let cost = Cost::from(engine.store.meter().since(&before));
    println!("{what}: {reviewed} reviewed, {changed} changed, {cost:?}");
    (cost, reviewed, changed)
}

#[test]
fn a_review_that_gives_one_notice_reads_the_account_and_writes_it_with_one_entry() {
    let system = ordinary();
    // Points of 21 November 2026 expire after 30 November 2027.
    system.move_clock("2027-10-31T09:00:00Z");
    let engine = system.engine();
    let mut cost_by_changed = Vec::new();
    for shard in 0..256 {
        let before = engine.store.meter().snapshot();
        let event = json!({ "shard": shard, "through": "2027-10-31", "cursor": null });
        let report = system.block_on(handle("tier-evaluation", engine, event)).unwrap();
        let Cost { round_trips, read_half_units, write_half_units } = engine.store.meter().since(&before).into();
        cost_by_changed.push((report["changed"] == 1, round_trips, read_half_units, write_half_units));
    }
    let (due, others): (Vec<_>, Vec<_>) = cost_by_changed.into_iter().partition(|(changed, ..)| *changed);
    let [(_, round_trips, read_half_units, write_half_units)] = due.as_slice() else { panic!("{due:?}") };
    let index_query = others.iter().map(|(_, _, reads, _)| *reads).max().unwrap();
    let of_review = cost(2, 1, 7);
    println!("a review that gives a notice, beside the query of the index: {of_review:?}");
    // The account and its position in the index, the entry and its own.
    let beside = Cost {
        round_trips: round_trips - 1,
        read_half_units: read_half_units - index_query,
        write_half_units: *write_half_units,
    };
    assert_eq!(beside, of_review);
    let told = &system.ledger("m-1")[2];
    assert_eq!((&told["kind"], &told["expiring"]), (&json!("notice"), &json!({ "on": "2027-11-30", "points": 225 })));
    // It writes once: the next review is due when the points expire.
    let run = system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
    assert_eq!((&run["reviewed"], &run["changed"]), (&json!(0), &json!(0)));
}

#[test]
fn a_review_costs_what_it_changes_and_members_who_are_not_due_cost_nothing() {
    let mut program = coffee_shop();
    // So that a tier ends on the day on which points of December expire.
    program["tiers"]["grace_days"] = json!(0);
    // Expiry notices would make all members due a month earlier.
    program["points"]["expiry_notice_days"] = json!(0);
    let joined = "2026-12-15T09:00:00Z";
    let system = System::with(&program, joined);
    let members =
        [("bronze-1", 1_000), ("bronze-2", 1_000), ("bronze-3", 1_000), ("silver-1", 42_000), ("silver-2", 42_000)];
    for (id, spent) in members {
        system.enroll(id);
        system.accrue(id, "order-1", &purchase_at(joined, spent)).expect(201);
    }
    // Points of another month leave each member a review date.
    system.move_clock("2027-02-10T09:00:00Z");
    for (id, _) in members {
        system.accrue(id, "order-2", &purchase_at("2027-02-10T09:00:00Z", 1_000)).expect(201);
    }
    for number in 0..20 {
        system.enroll(&format!("not-due-{number}"));
    }
    system.move_clock("2028-01-01T03:00:00Z");
    // A query for each shard, half a unit each although nothing is found, and nothing else.
    let idle = Cost { round_trips: 256, read_half_units: 256, write_half_units: 0 };
    assert_eq!(review(&system, "a day before anybody is due", "2027-12-31"), (idle, 0, 0));
    let (full, reviewed, changed) = review(&system, "a day on which five are", "2028-01-01");
    assert_eq!((reviewed, changed), (5, 5));
    // For each member, the account is read and written, with two positions in the index; for each entry, the entry and
    // its position.
    assert_eq!(full.write_half_units, 2 * (3 * 7 + 2 * 10));
    assert_eq!(full.round_trips, 256 + 5 * 2);
    assert_eq!(full.read_half_units, 256 + 5 * 2, "a unit for each account");
    assert_eq!(review(&system, "the same once more", "2028-01-01"), (idle, 0, 0));
    for (id, changes) in
        [("bronze-1", ["~expiry~2027-12-31"].as_slice()), ("silver-1", &["~expiry~2027-12-31", "~tier~2028-01-01"])]
    {
        let ledger = system.ledger(id);
        let last: Vec<_> = ledger.iter().rev().take(changes.len()).rev().map(|entry| entry["id"].clone()).collect();
        assert_eq!(last, changes, "{id}");
    }
}
