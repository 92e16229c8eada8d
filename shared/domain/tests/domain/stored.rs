//! A published document stays readable, even if this release would refuse to publish it.

use regulars_domain::program::Program;
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, document, example, purchase};

/// Returns the example with the value at `pointer` replaced or added.
fn changed(pointer: &str, value: &Value) -> Value {
    let mut document = example();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match name.parse::<usize>() {
        Ok(place) if parent.is_array() => parent[place] = value.clone(),
        Ok(_) | Err(_) => parent[name] = value.clone(),
    }
    document
}

fn many(count: usize, item: &Value) -> Value {
    let items = (0..count).map(|n| {
        let mut item = item.clone();
        item["id"] = json!(format!("i{n}"));
        item
    });
    Value::from(items.collect::<Vec<_>>())
}

#[test]
fn a_document_that_violates_a_lint_is_read_when_it_is_stored_and_refused_when_it_is_published() {
    let fixed = json!({ "on": "purchase", "give": { "fixed": { "points": 1 } } });
    let capped = json!({ "on": "purchase", "give": { "fixed": { "points": 1 } }, "cap": { "times": 1, "per": "program", "every": "day" } });
    let level = json!({ "threshold": 5 });
    let reward = json!({ "name": "A", "kind": "product", "cost": { "points": 1 } });
    let birthday = json!({ "id": "cake", "on": "birthday", "give": { "fixed": { "points": 1 } }, "cap": { "times": 1, "per": "program", "every": "year" } });
    let mut unread = Vec::new();
    for (pointer, value, code) in [
        ("/colour", json!("red"), "unknown_field"),
        ("/points/colour", json!("red"), "unknown_field"),
        ("/earning_rules/0/give/rate/colour", json!("red"), "unknown_field"),
        ("/name", json!(""), "out_of_range"),
        ("/name", json!("x".repeat(101)), "out_of_range"),
        ("/currency", json!("XAU"), "unknown_currency"),
        ("/corrects", json!(9), "unknown_version"),
        ("/points/backdating_days_max", json!(366), "out_of_range"),
        ("/points/expiry_notice_days", json!(91), "out_of_range"),
        ("/points/usable_days_min", json!(366), "out_of_range"),
        ("/points/pending", json!({ "days": 367 }), "out_of_range"),
        ("/points/expiry", json!({ "after_months": 121 }), "out_of_range"),
        ("/points/expiry", json!({ "inactivity_months": 121 }), "out_of_range"),
        ("/points/expiry", json!({ "fixed_dates": [] }), "out_of_range"),
        ("/points/expiry", json!({ "fixed_dates": vec!["03-31"; 13] }), "too_many"),
        ("/earning_rules", many(201, &fixed), "too_many"),
        ("/earning_rules", many(6, &capped), "too_many"),
        ("/earning_rules/1/id", json!("base"), "duplicate_id"),
        ("/earning_rules/0/id", json!("tier:gold"), "reserved"),
        ("/earning_rules/0/give", json!({ "rate": { "points": 2_000_000, "per": 1 } }), "out_of_range"),
        ("/earning_rules/0/give", json!({ "multiplier": { "percent": 150 } }), "contradiction"),
        ("/earning_rules/2/give", json!({ "multiplier": { "percent": 100 } }), "out_of_range"),
        ("/earning_rules/2/give", json!({ "multiplier": { "percent": 10_001 } }), "out_of_range"),
        ("/earning_rules/4/give", json!({ "punch_card": { "every": 1, "points": 50 } }), "out_of_range"),
        (
            "/earning_rules/4/give",
            json!({ "challenge": { "times": 51, "within_days": 367, "points": 1 } }),
            "out_of_range",
        ),
        ("/earning_rules/5/give", json!({ "rate": { "points": 1, "per": 1 } }), "contradiction"),
        ("/earning_rules/0/when", json!("basket.total > 1"), "unknown_variable"),
        ("/earning_rules/0/when", json!("launch()"), "unknown_function"),
        ("/earning_rules/0/when", json!("purchase.total"), "not_boolean"),
        ("/earning_rules/0/when", json!("purchase.total >"), "expression_invalid"),
        ("/earning_rules/0/when", json!(format!("'{}' == ''", "x".repeat(1_000))), "out_of_range"),
        ("/earning_rules/0/when", json!(format!("{}true{}", "(".repeat(25), ")".repeat(25))), "expression_invalid"),
        ("/earning_rules/0/active", json!({ "weekdays": [] }), "out_of_range"),
        ("/earning_rules/0/active", json!({ "weekdays": vec!["mon"; 8] }), "too_many"),
        ("/earning_rules/0/active", json!({ "from_time": "15:00", "to_time": "15:00" }), "contradiction"),
        (
            "/earning_rules/0/active",
            json!({ "from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" }),
            "contradiction",
        ),
        ("/earning_rules/0/stacking", json!({ "best_of": "x".repeat(65) }), "out_of_range"),
        ("/earning_rules/0", birthday, "contradiction"),
        (
            "/tiers",
            json!({ "basis": { "any": ["points", "points"] }, "levels": [{ "id": "gold", "threshold": { "points": 0 } }] }),
            "contradiction",
        ),
        ("/tiers/period", json!({ "rolling_months": 37 }), "out_of_range"),
        ("/tiers/grace_days", json!(181), "out_of_range"),
        ("/tiers/levels/2/threshold", json!(300), "not_ascending"),
        ("/tiers/levels/2/id", json!("silver"), "duplicate_id"),
        ("/tiers/levels/2/earning_percent", json!(10_001), "out_of_range"),
        ("/tiers/levels/2/perks", json!(vec!["a"; 21]), "too_many"),
        ("/tiers/levels/2/replaces", json!(["silver"]), "contradiction"),
        ("/tiers/levels/2/entitlements", many(21, &json!({ "times": 1, "every": "day" })), "too_many"),
        ("/tiers/levels/1/entitlements", json!([{ "id": "tasting", "times": 1, "every": "day" }]), "contradiction"),
        ("/tiers/levels", many(21, &level), "too_many"),
        ("/rewards", many(501, &reward), "too_many"),
        ("/rewards/2/tiers", json!(["platinum"]), "unknown_level"),
        ("/rewards/0/stock", json!(1_000_000_001), "out_of_range"),
        ("/rewards/1/hold_seconds_max", json!(3_601), "out_of_range"),
        ("/rewards/1/codes", json!("pool"), "contradiction"),
        ("/rewards/0/codes_valid_days", json!(30), "contradiction"),
        ("/rewards/0/value", json!({ "amount": 1, "currency": "EUR" }), "contradiction"),
        ("/rewards/0/when", json!("line.category == 'beans'"), "unknown_variable"),
        ("/plans", many(21, &json!({ "price": 1, "interval": "month" })), "too_many"),
        ("/plans", json!([{ "id": "a", "price": 1, "interval": "month", "tier_floor": "platinum" }]), "unknown_level"),
        ("/attributes", many(31, &json!({ "type": "string" })), "too_many"),
    ] {
        let document = changed(pointer, &value);
        let problems = Program::read(&document, 2).unwrap_err();
        assert!(problems.iter().any(|problem| problem.code == code), "{pointer} {problems:?}");
        let stored = match Program::stored(&document, 2) {
            Ok(stored) => Rulebook::alone(stored.into(), &document),
            Err(faults) => {
                unread.push(format!("{pointer} {faults:?}"));
                continue;
            }
        };
        // A member can enroll and buy under any of them.
        let mut member = Member::joins(&stored, "2026-11-01");
        let earned = member.earns(&stored, "order-1", &purchase("2026-11-21", json!(1_000)));
        if pointer != "/currency" {
            unread.extend(earned.err().map(|refused| format!("{pointer} {value}: {refused:?}")));
        }
    }
    assert_eq!(unread, [""; 0]);
}

#[test]
fn a_condition_that_is_refused_today_gives_nothing_and_blocks_nothing() {
    let long = format!("'{}' == ''", "x".repeat(1_000));
    for when in ["basket.total > 1", "launch()", "purchase.total", "purchase.total >", "", long.as_str()] {
        let document = document(json!({ "earning_rules": [
            { "id": "old", "on": "purchase", "when": when, "give": { "fixed": { "points": 1 } } },
            { "id": "base", "on": "purchase", "give": { "fixed": { "points": 10 } } },
        ] }));
        let program = Rulebook::alone(Program::stored(&document, 1).unwrap().into(), &document);
        let entry =
            Member::joins(&program, "2026-11-01").earns(&program, "order-1", &purchase("2026-11-21", json!(1_000)));
        let entry = entry.unwrap();
        assert_eq!(entry.points().get(), 10, "{when}");
        let old = entry.breakdown().iter().find(|line| line.rule == "old").unwrap();
        assert!(old.fault.as_ref().is_some_and(|fault| !fault.is_empty()), "{when}: {old:?}");
    }
}

#[test]
fn a_value_without_a_meaning_cannot_be_read_and_only_that_is_reported() {
    for (pointer, value, code) in [
        ("/name", json!(5), "wrong_type"),
        ("/time_zone", json!("Europe/Atlantis"), "unknown_time_zone"),
        ("/currency", json!("TL"), "unknown_currency"),
        ("/in_force_from", json!("soon"), "malformed"),
        ("/points/rounding", json!("up"), "unknown_choice"),
        ("/points/pending", json!({ "days": 0 }), "out_of_range"),
        ("/points/expiry", json!({ "after_months": 1_000_000_000 }), "out_of_range"),
        ("/earning_rules/0/id", json!("a b"), "malformed"),
        ("/earning_rules/0/give", json!({ "rate": { "points": 1, "per": 0 } }), "out_of_range"),
        (
            "/earning_rules/4/give",
            json!({ "challenge": { "times": 0, "within_days": 1, "points": 1 } }),
            "out_of_range",
        ),
        ("/earning_rules/2/give", json!({ "multiplier": { "percent": 99 } }), "out_of_range"),
        ("/earning_rules/0/when", json!(true), "wrong_type"),
        ("/earning_rules/0/cap", json!({ "every": "day" }), "contradiction"),
        ("/tiers/basis", json!({ "any": [] }), "contradiction"),
        ("/tiers/levels", json!([]), "out_of_range"),
    ] {
        let mut document = changed(pointer, &value);
        document["colour"] = json!("red");
        let faults = Program::stored(&document, 2).unwrap_err();
        let codes: Vec<_> = faults.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, [code], "{pointer} {faults:?}");
    }
}
