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

#[test]
fn an_accrual_is_one_read_and_one_transaction_of_five_units() {
    let system = ordinary();
    let path = accruals();
    let request = ("earn", "POST", path.as_str(), "order-1", &purchase(1_000));
    assert_eq!(measure(&system, "an accrual", 201, request), cost(2, 1, 5));
    let replay = measure(&system, "its replay", 200, request);
    assert_eq!((replay.round_trips, replay.read_half_units), (2, 2), "a refused transaction reports no units");
    let request = ("earn", "POST", path.as_str(), "order-1", &purchase(1_001));
    assert_eq!(measure(&system, "its key with another body", 422, request).round_trips, 2);
    let review = json!({ "activity": { "type": "review", "occurred_at": "2026-11-21T13:00:00Z" } });
    let request = ("earn", "POST", path.as_str(), "review-1", &review);
    assert_eq!(measure(&system, "an accrual for an activity", 201, request), cost(2, 1, 5));
}

/// A purchase of this many lines, as a grocer's till sends them.
fn basket(lines: usize) -> Value {
    let lines: Vec<_> = (0..lines)
        .map(|n| json!({ "sku": format!("{:08}", 40_001_234 + n), "category": "groceries", "quantity": 1, "amount": 20 }))
        .collect();
    let total = i64::try_from(lines.len()).unwrap() * 20;
    json!({ "purchase": { "occurred_at": "2026-11-21T16:05:00+03:00", "total": { "amount": total, "currency": "EUR" },
                          "channel": "till", "store": "kadikoy-1", "receipt": "till3-0042", "lines": lines } })
}

#[test]
fn the_facts_of_ten_lines_cost_nothing_and_those_of_many_what_they_weigh() {
    let system = ordinary();
    let path = accruals();
    for (lines, write_units) in [(1, 5), (3, 5), (10, 5), (50, 9)] {
        let body = basket(lines);
        let request = ("earn", "POST", path.as_str(), &*format!("order-{lines}"), &body);
        let measured = measure(&system, &format!("an accrual of {lines} lines"), 201, request);
        assert_eq!(measured, cost(2, 1, write_units), "{lines} lines");
    }
}

#[test]
fn a_return_reads_the_purchase_and_writes_it_besides_the_account_and_an_entry() {
    let system = ordinary();
    let path = accruals();
    let body = basket(3);
    measure(&system, "an accrual of 3 lines", 201, ("earn", "POST", &path, "order-1", &body));
    let (returns, amendments) = (format!("{path}/order-1/reversals"), format!("{path}/order-1/amendments"));
    let returned = json!({ "returned": [{ "line": "0" }] });
    let request = ("earn", "POST", returns.as_str(), "return-1", &returned);
    // The account, the purchase, and the purchase once more for the answer; the account, the entry and its index, the purchase
    // and its index.
    assert_eq!(measure(&system, "a return by the line", 201, request), cost(4, 3, 8));
    let request = ("earn", "POST", amendments.as_str(), "amendment-1", &body);
    assert_eq!(measure(&system, "an amendment", 201, request), cost(5, 4, 8));
    let returned = json!({ "returned": [{ "line": "1" }] });
    let request = ("earn", "POST", returns.as_str(), "return-2", &returned);
    assert_eq!(measure(&system, "a return after an amendment", 201, request), cost(6, 5, 8));
}

#[test]
fn a_member_pays_a_read_for_each_card_merged_into_the_account() {
    let system = ordinary();
    for card in ["m-2", "m-3"] {
        system.enroll(card);
        let path = format!("{}/merge", member(card));
        system.client.post_under("merge-1", &path, &json!({ "into": "m-1" })).expect(201);
    }
    let path = accruals();
    let request = ("earn", "POST", path.as_str(), "order-1", &purchase(1_000));
    assert_eq!(measure(&system, "an accrual of a member with two old cards", 201, request), cost(4, 3, 5));
    let path = format!("{}/accruals", member("m-2"));
    let request = ("earn", "POST", path.as_str(), "order-2", &purchase(1_000));
    assert_eq!(measure(&system, "the same under an old card", 201, request), cost(5, 4, 5));
}

#[test]
fn a_receipt_that_earns_once_costs_two_units_more() {
    let mut program = coffee_shop();
    program["points"]["receipts"] = json!("unique");
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(20_000)).expect(201);
    let path = accruals();
    let request = ("earn", "POST", path.as_str(), "order-1", &basket(3));
    assert_eq!(measure(&system, "an accrual with a receipt that earns once", 201, request), cost(2, 1, 7));
}

#[test]
fn an_accrual_that_moves_the_next_review_costs_two_units_more() {
    let system = ordinary();
    let path = accruals();
    // It belongs to October, and so expires a month before everything else.
    let late = purchase_at("2026-10-25T09:00:00Z", 1_000);
    assert_eq!(
        measure(&system, "an accrual that moves the review", 201, ("earn", "POST", &path, "order-1", &late)),
        cost(2, 1, 7)
    );
    // A month later, the review date stays, because it is that of a month.
    system.move_clock("2026-12-05T09:00:00Z");
    let next = purchase_at("2026-12-05T09:00:00Z", 1_000);
    assert_eq!(
        measure(&system, "an accrual of the next month", 201, ("earn", "POST", &path, "order-2", &next)),
        cost(2, 1, 5)
    );
}

#[test]
fn where_points_expire_with_inactivity_the_first_of_a_day_moves_the_review() {
    let mut program = coffee_shop();
    program["points"]["expiry"] = json!({ "inactivity_months": 12 });
    let system = System::with(&program, "2026-11-21T13:00:00Z");
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase_at("2026-11-21T13:00:00Z", 20_000)).expect(201);
    let path = accruals();
    system.move_clock("2026-11-22T09:00:00Z");
    for (key, what, expected) in [
        ("order-1", "the first accrual of a day under inactivity", cost(2, 1, 7)),
        ("order-2", "the second", cost(2, 1, 5)),
    ] {
        let body = purchase_at("2026-11-22T09:00:00Z", 1_000);
        assert_eq!(measure(&system, what, 201, ("earn", "POST", &path, key, &body)), expected);
    }
    system.move_clock("2026-11-23T09:00:00Z");
    let path = redemptions();
    let body = json!({ "reward": "plant-a-tree" });
    let request = ("redeem", "POST", path.as_str(), "r-1", &body);
    assert_eq!(measure(&system, "the first redemption of a day under inactivity", 201, request), cost(2, 1, 7));
}

#[test]
fn an_accrual_after_a_year_pays_for_what_time_did_in_the_same_transaction() {
    let system = ordinary();
    system.move_clock("2027-12-05T09:00:00Z");
    let body = purchase_at("2027-12-05T09:00:00Z", 1_000);
    let path = accruals();
    let measured =
        measure(&system, "an accrual with an expiry before it", 201, ("earn", "POST", &path, "order-1", &body));
    // The account, two entries with their index, and the new review date.
    assert_eq!(measured, cost(2, 1, 10));
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
fn an_ordinary_customer_of_many_purchases_costs_no_more_than_a_new_one() {
    let system = ordinary();
    let path = accruals();
    for number in 1..=60 {
        let mut body = purchase(1_000 + number);
        body["purchase"]["channel"] = json!("app");
        body["purchase"]["lines"] =
            json!([{ "sku": "yirgacheffe", "category": "beans", "quantity": 1, "amount": 800 }]);
        system.accrue("m-1", &format!("order-{number}"), &body).expect(201);
    }
    let request = ("earn", "POST", path.as_str(), "order-61", &purchase(1_000));
    assert_eq!(measure(&system, "the sixty-second accrual", 201, request), cost(2, 1, 5));
}

#[test]
fn a_redemption_of_unlimited_stock_costs_what_an_accrual_does_and_a_counted_one_its_counter_more() {
    let mut program = coffee_shop();
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "mug" {
            reward["stock"] = json!(80);
        }
        if reward["codes"].is_null() {
            reward["hold_seconds_max"] = json!(60);
        }
    }
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(40_000)).expect(201);
    let path = redemptions();
    let unlimited = json!({ "reward": "plant-a-tree" });
    let request = ("redeem", "POST", path.as_str(), "r-1", &unlimited);
    assert_eq!(measure(&system, "a redemption", 201, request), cost(2, 1, 5));
    assert_eq!(measure(&system, "its replay", 200, request).round_trips, 2);

    let counted = json!({ "reward": "mug" });
    let request = ("redeem", "POST", path.as_str(), "r-0", &counted);
    let measured = measure(&system, "the very first redemption of counted stock", 201, request);
    // It reads and writes all eight shards of the counter.
    assert_eq!(measured, Cost { round_trips: 4, read_half_units: 3 + 8, write_half_units: 10 + 8 * 4 });
    let request = ("redeem", "POST", path.as_str(), "r-2", &counted);
    let measured = measure(&system, "a redemption of counted stock", 201, request);
    assert_eq!(measured, Cost { round_trips: 3, read_half_units: 3, write_half_units: 14 }, "the member's shard");
    let reversal = format!("{path}/r-2/reversals");
    let request = ("redeem", "POST", reversal.as_str(), "u-1", &json!({}));
    let returned = measure(&system, "the same undone, its piece back in stock", 201, request);
    // The account, the redemption and the counter before, the redemption after; account, entry, its mark, the counter.
    assert_eq!((returned.round_trips, returned.read_half_units, returned.write_half_units), (5, 8, 20));

    let held = json!({ "reward": "mug", "hold": { "seconds": 60 } });
    let end = |key: &str, action: &str, id: &str| {
        let request = ("redeem", "POST", path.as_str(), key, &held);
        let measured = measure(&system, "a hold of counted stock", 201, request);
        // The index `due` has its review on the next day, until the hold ends.
        let of_hold = Cost { round_trips: 3, read_half_units: 3, write_half_units: 18 };
        assert_eq!(measured, of_hold, "what a redemption costs, and the review's new date");
        let ending = format!("{path}/{key}/{action}");
        let request = ("redeem", "POST", ending.as_str(), id, &Value::Null);
        measure(&system, &format!("its {action}"), 201, request)
    };
    let (captured, cancelled) = (end("h-1", "capture", "c-1"), end("h-2", "cancellation", "c-2"));
    assert_eq!(captured, cancelled, "the piece is taken for good, or goes back");
    assert_eq!(captured, cost(5, 4, 12));
    let held = json!({ "reward": "plant-a-tree", "hold": { "seconds": 60 } });
    for (key, action, id) in [("h-3", "capture", "c-3"), ("h-4", "cancellation", "c-4")] {
        let request = ("redeem", "POST", path.as_str(), key, &held);
        assert_eq!(measure(&system, "a hold of unlimited stock", 201, request), cost(2, 1, 7));
        let path = format!("{path}/{key}/{action}");
        let request = ("redeem", "POST", path.as_str(), id, &Value::Null);
        assert_eq!(measure(&system, &format!("its {action}"), 201, request), cost(4, 3, 10));
    }

    let dear = json!({ "reward": "gift-card" });
    let request = ("redeem", "POST", path.as_str(), "r-3", &dear);
    let refused = measure(&system, "a refusal for want of points", 422, request);
    assert_eq!(refused.write_half_units, 0);
    // The account, the unused stock, so all of its shards, and the check for a repeat.
    assert!(refused.round_trips <= 4 && refused.read_half_units <= 13, "{refused:?}");
}

#[test]
fn a_purchase_under_a_cap_over_all_members_costs_half_a_read_unit_and_two_write_units_more() {
    let mut program = coffee_shop();
    for rule in program["earning_rules"].as_array_mut().unwrap() {
        if rule["id"] == "base" {
            rule["cap"] = json!({ "points": 400, "per": "program", "every": "ever" });
        }
    }
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let path = accruals();
    let mut given = 0;
    // Ten points each, of a shard's fifty.
    for (key, what, expected) in [
        ("order-1", "the very first accrual under a cap over all members", (4, 3 + 8, 10 + 8 * 4)),
        ("order-2", "an accrual under a cap over all members", (3, 3, 14)),
        ("order-3", "the next one", (3, 3, 14)),
        ("order-4", "the next one", (3, 3, 14)),
        ("order-5", "the one that fills the member's shard", (3, 3, 14)),
        ("order-6", "one whose member's shard is full", (4, 3 + 8, 14)),
    ] {
        let request = ("earn", "POST", path.as_str(), key, &purchase(1_000));
        let measured = measure(&system, what, 201, request);
        assert_eq!((measured.round_trips, measured.read_half_units, measured.write_half_units), expected, "{what}");
        given += 10;
        let counted = system.account("m-1")["balance"]["spendable"].as_i64().unwrap() - 25;
        assert_eq!(counted, given);
    }
}

#[test]
fn a_code_costs_two_write_units_if_it_is_made_and_three_if_it_comes_from_a_pool() {
    let mut program = coffee_shop();
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "cinema", "name": "A ticket to the cinema", "kind": "voucher", "cost": { "points": 10 }, "codes": "pool"
    }));
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "gift-card" {
            reward["stock"] = json!(80);
        }
    }
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(200_000)).expect(201);
    let path = redemptions();
    let made = json!({ "reward": "gift-card" });
    let request = ("redeem", "POST", path.as_str(), "r-0", &made);
    measure(&system, "the very first redemption of counted stock with a made code", 201, request);
    let request = ("redeem", "POST", path.as_str(), "r-1", &made);
    let measured = measure(&system, "a redemption of counted stock with a made code", 201, request);
    assert_eq!(measured, Cost { round_trips: 3, read_half_units: 3, write_half_units: 18 });

    let (codes, uploaded) = ("/v1/programs/demo/rewards/cinema/codes", json!({ "codes": ["A1", "A2"] }));
    let request = ("program", "POST", codes, "-", &uploaded);
    assert_eq!(measure(&system, "an upload of two codes", 200, request), cost(1, 0, 6));
    let pooled = json!({ "reward": "cinema" });
    let request = ("redeem", "POST", path.as_str(), "r-2", &pooled);
    let measured = measure(&system, "a redemption with a code of a pool", 201, request);
    // One query if a free code comes after the random position, and another from the start if not.
    let looks = measured.round_trips - 2;
    assert!((1..=2).contains(&looks), "{measured:?}");
    assert_eq!(measured, Cost { round_trips: 2 + looks, read_half_units: 2 + looks, write_half_units: 16 });
    let request = ("program", "GET", codes, "-", &Value::Null);
    assert_eq!(measure(&system, "a count of two codes", 200, request), cost(2, 1, 0));
}

#[test]
fn a_use_of_a_code_costs_three_read_units_and_seven_write_units() {
    let mut program = coffee_shop();
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "gift-card" {
            reward["stock"] = json!("unlimited");
            reward["value"] = json!({ "amount": 1_000, "currency": "EUR" });
        }
    }
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(200_000)).expect(201);
    let give = |key: &str| {
        let given = system.redeem("m-1", key, &json!({ "reward": "gift-card" })).expect(201);
        format!("/v1/programs/demo/rewards/gift-card/codes/{}", given["redemption"]["code"].as_str().unwrap())
    };
    let (code, other) = (give("r-1"), give("r-2"));
    let path = format!("{code}/use");
    let part = |amount: i64| json!({ "money": { "amount": amount, "currency": "EUR" } });
    let (first, too_much) = (part(400), part(601));
    let request = ("redeem", "POST", path.as_str(), "use-1", &first);
    // The code, which tells whose it is; the account and the code; the account, the entry and its index, and the code.
    assert_eq!(measure(&system, "a use of a code", 201, request), cost(4, 3, 7));
    let request = ("redeem", "POST", path.as_str(), "use-2", &too_much);
    assert_eq!(measure(&system, "a refused use of a code", 422, request), cost(4, 4, 0));
    let path = format!("{}/r-1/reversals", redemptions());
    let request = ("redeem", "POST", path.as_str(), "u-1", &json!({}));
    // The account and the redemption, the code, the redemption after; account, entry, the mark, the code.
    assert_eq!(measure(&system, "undoing a redemption with a code", 201, request), cost(5, 4, 10));
    let path = format!("{other}/void");
    let request = ("program", "POST", path.as_str(), "-", &Value::Null);
    // The code, as it is typed and as it is then; the redemption that it was given for.
    assert_eq!(measure(&system, "making a code void", 200, request), cost(4, 3, 2));
}

#[test]
fn a_refusal_writes_nothing_and_looks_once_whether_it_is_a_repeat() {
    let system = ordinary();
    let path = accruals();
    let late = purchase_at("2020-01-01T00:00:00Z", 1_000);
    assert_eq!(measure(&system, "a refused accrual", 422, ("earn", "POST", &path, "order-1", &late)), cost(2, 2, 0));
    let broken = json!({ "purchase": {} });
    assert_eq!(
        measure(&system, "a malformed accrual", 400, ("earn", "POST", &path, "order-1", &broken)),
        cost(0, 0, 0)
    );
    let nobody = format!("{}/accruals", member("m-9"));
    let body = purchase(1_000);
    let request = ("earn", "POST", nobody.as_str(), "order-1", &body);
    assert_eq!(measure(&system, "an accrual for nobody", 404, request), cost(1, 1, 0));
}

#[test]
fn an_enrollment_writes_the_account_its_first_entry_its_review_and_each_alias() {
    let system = ordinary();
    let members = "/v1/programs/demo/members";
    let body = json!({ "member": "m-2" });
    let measured = measure(&system, "an enrollment", 201, ("enroll", "POST", members, "-", &body));
    // Two units for the account, two for the entry, one for each of their indexes.
    assert_eq!((measured.round_trips, measured.write_half_units), (2, 12));
    let body = json!({ "member": "m-3", "aliases": [{ "kind": "email", "value": "a@b.c" }] });
    let measured = measure(&system, "an enrollment with an alias", 201, ("enroll", "POST", members, "-", &body));
    assert_eq!((measured.round_trips, measured.write_half_units), (2, 16));
}

#[test]
fn reading_costs_what_it_reads() {
    let system = ordinary();
    let path = member("m-1");
    let nothing = Value::Null;
    let account = ("account", "GET", path.as_str(), "-", &nothing);
    assert_eq!(measure(&system, "an account", 200, account), cost(1, 1, 0));
    let entries = format!("{path}/entries");
    let statement = measure(&system, "a statement", 200, ("account", "GET", &entries, "-", &nothing));
    assert_eq!((statement.round_trips, statement.write_half_units), (2, 0));
    assert!(statement.read_half_units <= 4, "{statement:?}");
}

#[test]
fn a_program_is_read_once_and_then_kept() {
    let system = ordinary();
    system.engine().programs.forget(&"demo".parse().unwrap());
    let path = accruals();
    let first = measure(&system, "a first accrual", 201, ("earn", "POST", &path, "order-1", &purchase(1_000)));
    assert_eq!(first.round_trips, 4, "its head and its document besides");
    let second = measure(&system, "the one after", 201, ("earn", "POST", &path, "order-2", &purchase(1_000)));
    assert_eq!(second, cost(2, 1, 5));
}

#[test]
fn what_two_members_have_to_do_with_each_other_costs_what_the_two_cost() {
    let system = ordinary();
    system.enroll("m-2");
    let friend = json!({ "member": "m-3", "referred_by": "m-1" });
    system.client.post("/v1/programs/demo/members", &friend).expect(201);
    let path = format!("{}/transfers", member("m-1"));
    let body = json!({ "to": "m-2", "points": 30 });
    let request = ("program", "POST", path.as_str(), "t-1", &body);
    // The two accounts are read concurrently.
    assert_eq!(measure(&system, "a transfer", 201, request), cost(3, 2, 10));
    let path = format!("{}/accruals", member("m-3"));
    let body = purchase(1_000);
    let request = ("earn", "POST", path.as_str(), "order-1", &body);
    // The second account is read once the first one names it.
    assert_eq!(measure(&system, "an accrual that pays for a referral", 201, request), cost(3, 2, 10));
    let request = ("earn", "POST", path.as_str(), "order-2", &body);
    assert_eq!(measure(&system, "the friend's next accrual", 201, request), cost(2, 1, 5));
}

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

/// Returns the coffee shop with 500 rewards, each made from `reward` under an id of its own.
fn with_rewards(reward: &Value) -> System {
    let rewards: Vec<Value> = (0..500)
        .map(|number| {
            let mut reward = reward.clone();
            reward["id"] = json!(format!("reward-{number}"));
            reward
        })
        .collect();
    let mut program = coffee_shop();
    program["rewards"] = json!(rewards);
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system
}

#[test]
fn a_page_of_the_catalogue_reads_a_bounded_number_of_units_however_many_rewards_there_are() {
    let plain = json!({ "name": "A coffee", "kind": "product", "cost": { "points": 1 } });
    let mut counted = plain.clone();
    counted["stock"] = json!(5_000);
    counted["limit"] = json!({ "times": 1_000, "per": "program", "every": "month" });
    let mut pooled = counted.clone();
    pooled["codes"] = json!("pool");
    pooled.as_object_mut().unwrap().remove("stock");
    for (what, reward, length, round_trips) in [
        ("without counters", &plain, 100, 1),
        ("with stock and a limit", &counted, 12, 3),
        // A pool without a free code takes two queries.
        ("with a limit and an empty pool", &pooled, 24, 3 + 2 * 24),
    ] {
        let system = with_rewards(reward);
        if what.contains("stock") {
            // A counter has no items until its first piece is taken; then it has eight.
            for number in 0..12 {
                let body = json!({ "reward": format!("reward-{number}") });
                system.redeem("m-1", &format!("r-{number}"), &body).expect(201);
            }
        }
        let path = format!("{}/rewards?limit=100", member("m-1"));
        let page = system.client.get(&path).expect(200);
        assert_eq!(page["rewards"].as_array().unwrap().len(), length, "{what}");
        assert_eq!(page["next_cursor"], format!("reward-{}", length - 1), "{what}");
        let what = format!("a page of a catalogue {what}");
        let cost = measure(&system, &what, 200, ("account", "GET", &path, "", &Value::Null));
        assert_eq!(cost.round_trips, round_trips, "{what}");
        // The account, and four units for each of 24 counters; or for 24 of them and 24 pools of two queries.
        assert!(cost.read_half_units <= 2 * (1 + 4 * 24 + 24), "{what}: {cost:?}");
        assert_eq!(cost.write_half_units, 0, "{what}");
    }
}
