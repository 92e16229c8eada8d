//! The program document: what is accepted, what is rejected, and that every error is reported with its place.

use proptest::prelude::*;
use regulars_domain::program::{Finding, Program};
use serde_json::{Value, json};

use crate::world::{Member, document, example, purchase};

fn places(problems: &[Finding]) -> Vec<(String, &'static str)> {
    problems.iter().map(|problem| (problem.at.clone(), problem.code)).collect()
}

/// Returns the errors of a document, each with its place.
fn faults_of(document: &Value) -> Vec<(String, &'static str)> {
    match Program::read(document, 1) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason: {document}");
            for problem in &problems {
                assert!(!problem.message.is_empty());
                assert_resolves(document, problem);
            }
            places(&problems)
        }
    }
}

/// Asserts that a problem's pointer leads to a place in the document, or to a missing field.
fn assert_resolves(document: &Value, problem: &Finding) {
    if problem.code == "missing" {
        let (parent, name) = problem.at.rsplit_once('/').unwrap_or_else(|| panic!("{problem:?}"));
        let parent = document.pointer(parent).unwrap_or_else(|| panic!("{problem:?} in {document}"));
        assert!(parent.get(name).is_none(), "{problem:?} in {document}");
    } else {
        assert!(document.pointer(&problem.at).is_some(), "{problem:?} in {document}");
    }
}

#[test]
fn the_example_is_accepted() {
    let program = Program::read(&example(), 4).unwrap();
    assert_eq!(program.version, 4);
    assert_eq!((program.earning_rules.len(), program.rewards.len(), program.attributes.len()), (8, 5, 3));
    assert_eq!(program.tiers.as_ref().map(|tiers| tiers.levels.len()), Some(3));
}

#[test]
fn shapes_that_the_example_does_not_show_are_accepted() {
    for parts in [
        json!({}),
        json!({ "points": { "pending": "none", "expiry": "never", "rounding": "half_up", "negative_balance": "forgive" } }),
        json!({ "points": { "pending": { "days": 14 } } }),
        json!({ "points": { "pending": { "until_confirmed": { "lapses_after_days": 30 } } } }),
        json!({ "points": { "expiry": { "after_months": 1 } } }),
        json!({ "points": { "expiry": { "after_months": 120, "rounded_to": "end_of_quarter" } } }),
        json!({ "points": { "expiry": { "inactivity_months": 120 } } }),
        json!({ "points": { "expiry": { "fixed_dates": ["03-31", "02-29"] }, "backdating_days_max": 0 } }),
        json!({ "points": { "expiry_notice_days": 0 } }),
        json!({ "points": { "expiry_notice_days": 90 } }),
        json!({ "points": { "usable_days_min": 0 } }),
        json!({ "points": { "activity": [] } }),
        json!({ "points": { "activity": ["purchase", "redemption", "activity", "plan", "entitlement"] } }),
        json!({ "points": { "expiry": [{ "after_months": 24 }, { "inactivity_months": 12 }] } }),
        json!({ "points": { "expiry": [{ "fixed_dates": ["12-31"] }, { "after_months": 24 }] } }),
        json!({ "points": { "usable_days_min": 365 } }),
        json!({ "points": { "receipts": "unique", "rejoin_after_days": 365 } }),
        json!({ "points": { "receipts": "any", "rejoin_after_days": 0 } }),
        json!({ "tiers": { "basis": { "any": ["points", "visits"] }, "period": "membership_year", "downgrade": "one_level", "grace_days": 180, "notice_days": 90,
                           "levels": [{ "id": "a", "threshold": { "points": 0, "visits": 0 } }, { "id": "b", "threshold": { "points": 5, "visits": 0 } }] } }),
        json!({ "tiers": { "period": { "rolling_months": 36 }, "levels": [{ "id": "a", "threshold": 0, "downgrade": "never" }] } }),
        json!({ "tiers": { "basis": { "all": ["spend"] }, "period": "lifetime", "levels": [{ "id": "a", "threshold": { "spend": 7 } }] } }),
        json!({ "earning_rules": [{ "id": "a", "on": "purchase", "give": { "per_item": { "points": 1, "counts": "pieces" } },
                                    "cap": { "times": 1, "per": "program", "every": "ever" } }] }),
        json!({ "earning_rules": [{ "id": "a", "on": { "activity": "review" },
                                    "give": { "challenge": { "times": 50, "within_days": 366, "points": 100, "repeats": true } } }] }),
        json!({ "rewards": [{ "id": "a", "name": "A", "kind": "cashback", "cost": { "points": 1 }, "stock": "unlimited", "codes": "none",
                              "limit": { "points": 5, "per": "program", "every": "week" }, "when": "occurred_at.month == 5" }] }),
        json!({ "rewards": [{ "id": "a", "name": "A", "kind": "voucher", "cost": { "points": 1 }, "codes": "pool", "codes_valid_days": 3_660,
                              "value": { "amount": 1, "currency": "EUR" } }] }),
        json!({ "in_force_from": "2027-03-01T00:00:00+03:00" }),
        json!({ "tiers": { "levels": [{ "id": "a", "threshold": 0, "replaces": ["b", "c"] }] } }),
        json!({ "plans": [] }),
        json!({ "plans": [{ "id": "plus", "name": "Plus", "price": 500, "interval": "month", "earning_percent": 110,
                            "entitlements": [{ "id": "tasting", "times": 2, "every": "ever" }] }] }),
    ] {
        assert_eq!(Program::read(&document(parts.clone()), 1).err(), None, "{parts}");
    }
}

/// Returns the example with the value at `pointer` replaced or added; `null` removes it.
fn changed(pointer: &str, value: &Value) -> Value {
    let mut document = example();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is not there")) {
        Value::Object(fields) if value.is_null() => drop(fields.remove(name)),
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value.clone())),
        Value::Array(values) if value.is_null() => drop(values.remove(name.parse().unwrap())),
        Value::Array(values) if name == "-" => values.push(value.clone()),
        Value::Array(values) => values[name.parse::<usize>().unwrap()] = value.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{parent} has no parts"),
    }
    document
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each fault")]
fn each_error_is_reported_with_its_place_and_its_code() {
    let many = |count: usize, item: &Value| {
        let items = (0..count).map(|n| {
            let mut item = item.clone();
            item["id"] = json!(format!("i{n}"));
            item
        });
        Value::from(items.collect::<Vec<_>>())
    };
    let fixed = json!({ "id": "", "on": "purchase", "give": { "fixed": { "points": 1 } } });
    let mut shared = fixed.clone();
    shared["cap"] = json!({ "times": 9, "per": "program", "every": "day" });
    let tea = json!({ "id": "", "name": "Tea", "kind": "product", "cost": { "points": 1 } });
    let text = json!({ "id": "", "type": "string" });
    let base = "/earning_rules/0";
    let rule = |field: &str| format!("{base}/{field}");
    let reward = |field: &str| format!("/rewards/0/{field}");
    let card = |field: &str| format!("/rewards/3/{field}");
    let euro = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
    let rows: Vec<(String, Value, String, &str)> = vec![
        ("/name".into(), json!(null), "/name".into(), "missing"),
        ("/name".into(), json!(""), "/name".into(), "out_of_range"),
        ("/name".into(), json!("é".repeat(101)), "/name".into(), "out_of_range"),
        ("/name".into(), json!(5), "/name".into(), "wrong_type"),
        ("/time_zone".into(), json!(null), "/time_zone".into(), "missing"),
        ("/time_zone".into(), json!("Europe/Izmir"), "/time_zone".into(), "unknown_time_zone"),
        ("/currency".into(), json!("TL"), "/currency".into(), "unknown_currency"),
        ("/currency".into(), json!("XAU"), "/currency".into(), "unknown_currency"),
        ("/currency".into(), json!({}), "/currency".into(), "wrong_type"),
        ("/colour".into(), json!("red"), "/colour".into(), "unknown_field"),
        ("/a~b".into(), json!(1), "/a~0b".into(), "unknown_field"),
        ("/points".into(), json!([]), "/points".into(), "wrong_type"),
        ("/points/rounding".into(), json!("up"), "/points/rounding".into(), "unknown_choice"),
        ("/points/rounding".into(), json!(1), "/points/rounding".into(), "unknown_choice"),
        ("/points/pending".into(), json!({ "days": 0 }), "/points/pending/days".into(), "out_of_range"),
        ("/points/pending".into(), json!({ "weeks": 1 }), "/points/pending".into(), "unknown_choice"),
        (
            "/points/pending".into(),
            json!({ "until_confirmed": {} }),
            "/points/pending/until_confirmed/lapses_after_days".into(),
            "missing",
        ),
        ("/points/expiry".into(), json!("soon"), "/points/expiry".into(), "unknown_choice"),
        ("/points/expiry".into(), json!({ "after_months": 0 }), "/points/expiry/after_months".into(), "out_of_range"),
        ("/points/expiry".into(), json!({ "after_months": 121 }), "/points/expiry/after_months".into(), "out_of_range"),
        (
            "/points/expiry/rounded_to".into(),
            json!("end_of_week"),
            "/points/expiry/rounded_to".into(),
            "unknown_choice",
        ),
        ("/points/expiry/after".into(), json!(1), "/points/expiry/after".into(), "unknown_field"),
        ("/points/expiry".into(), json!({ "fixed_dates": [] }), "/points/expiry/fixed_dates".into(), "out_of_range"),
        (
            "/points/expiry".into(),
            json!({ "fixed_dates": ["03-31", "02-30"] }),
            "/points/expiry/fixed_dates/1".into(),
            "malformed",
        ),
        (
            "/points/expiry".into(),
            json!({ "fixed_dates": ["03-31T10:00"] }),
            "/points/expiry/fixed_dates/0".into(),
            "malformed",
        ),
        (
            "/points/expiry".into(),
            json!({ "inactivity_months": 1.5 }),
            "/points/expiry/inactivity_months".into(),
            "wrong_type",
        ),
        ("/points/negative_balance".into(), json!("sue"), "/points/negative_balance".into(), "unknown_choice"),
        ("/points/backdating_days_max".into(), json!(-1), "/points/backdating_days_max".into(), "out_of_range"),
        ("/points/expiry_notice_days".into(), json!(-1), "/points/expiry_notice_days".into(), "out_of_range"),
        ("/points/expiry".into(), json!([]), "/points/expiry".into(), "out_of_range"),
        ("/points/expiry".into(), json!([{ "after_months": 24 }]), "/points/expiry".into(), "out_of_range"),
        (
            "/points/expiry".into(),
            json!([{ "after_months": 24 }, { "inactivity_months": 12 }, { "fixed_dates": ["12-31"] }]),
            "/points/expiry".into(),
            "out_of_range",
        ),
        ("/points/expiry".into(), json!([{ "after_months": 24 }, "never"]), "/points/expiry/1".into(), "contradiction"),
        (
            "/points/expiry".into(),
            json!([{ "after_months": 24 }, { "after_months": 12 }]),
            "/points/expiry".into(),
            "contradiction",
        ),
        (
            "/points/expiry".into(),
            json!([{ "after_months": 24 }, { "inactivity_months": 0 }]),
            "/points/expiry/1/inactivity_months".into(),
            "out_of_range",
        ),
        ("/points/expiry".into(), json!([{ "after_months": 24 }, []]), "/points/expiry/1".into(), "unknown_choice"),
        ("/points/activity".into(), json!("purchase"), "/points/activity".into(), "wrong_type"),
        ("/points/activity".into(), json!(["purchase", "refund"]), "/points/activity/1".into(), "unknown_choice"),
        ("/points/usable_days_min".into(), json!(-1), "/points/usable_days_min".into(), "out_of_range"),
        ("/points/usable_days_min".into(), json!(366), "/points/usable_days_min".into(), "out_of_range"),
        ("/points/expiry_notice_days".into(), json!(91), "/points/expiry_notice_days".into(), "out_of_range"),
        ("/points/backdating_days_max".into(), json!(366), "/points/backdating_days_max".into(), "out_of_range"),
        ("/points/receipts".into(), json!("once"), "/points/receipts".into(), "unknown_choice"),
        ("/points/rejoin_after_days".into(), json!(-1), "/points/rejoin_after_days".into(), "out_of_range"),
        ("/points/rejoin_after_days".into(), json!(3_661), "/points/rejoin_after_days".into(), "out_of_range"),
        ("/earning_rules".into(), json!({}), "/earning_rules".into(), "wrong_type"),
        ("/earning_rules".into(), many(201, &fixed), "/earning_rules".into(), "too_many"),
        ("/earning_rules".into(), many(6, &shared), "/earning_rules".into(), "too_many"),
        ("/earning_rules/0".into(), json!("base"), "/earning_rules/0".into(), "wrong_type"),
        (rule("id"), json!(null), rule("id"), "missing"),
        (rule("id"), json!("a b"), rule("id"), "malformed"),
        ("/earning_rules/1/id".into(), json!("base"), "/earning_rules/1/id".into(), "duplicate_id"),
        (rule("on"), json!(null), rule("on"), "missing"),
        (rule("on"), json!("holiday"), rule("on"), "unknown_choice"),
        (
            "/earning_rules/6/on".into(),
            json!({ "activity": "a b" }),
            "/earning_rules/6/on/activity".into(),
            "malformed",
        ),
        (rule("stacking"), json!("best_of"), rule("stacking"), "unknown_choice"),
        (rule("stacking"), json!({ "best_of": "" }), rule("stacking/best_of"), "out_of_range"),
        (rule("when"), json!("basket.total > 1"), rule("when"), "unknown_variable"),
        (rule("when"), json!("purchase.total"), rule("when"), "not_boolean"),
        (rule("when"), json!("purchase.total >"), rule("when"), "expression_invalid"),
        (rule("when"), json!("launch()"), rule("when"), "unknown_function"),
        (rule("when"), json!(true), rule("when"), "wrong_type"),
        (
            "/earning_rules/5/when".into(),
            json!("purchase.total > 1"),
            "/earning_rules/5/when".into(),
            "unknown_variable",
        ),
        (rule("give"), json!(null), rule("give"), "missing"),
        (rule("give"), json!({}), rule("give"), "unknown_choice"),
        (rule("give"), json!({ "gift": { "points": 1 } }), rule("give"), "unknown_choice"),
        (rule("give"), json!({ "rate": { "points": 1 } }), rule("give/rate/per"), "missing"),
        (rule("give"), json!({ "rate": { "points": 1, "per": 0 } }), rule("give/rate/per"), "out_of_range"),
        (rule("give"), json!({ "rate": { "points": 0, "per": 1 } }), rule("give/rate/points"), "out_of_range"),
        (rule("give"), json!({ "fixed": { "points": 1_000_001 } }), rule("give/fixed/points"), "out_of_range"),
        (
            rule("give"),
            json!({ "per_item": { "points": 1, "counts": "grams" } }),
            rule("give/per_item/counts"),
            "unknown_choice",
        ),
        (
            rule("give"),
            json!({ "punch_card": { "points": 1, "every": 1 } }),
            rule("give/punch_card/every"),
            "out_of_range",
        ),
        (
            rule("give"),
            json!({ "challenge": { "times": 0, "within_days": 1, "points": 1 } }),
            rule("give/challenge/times"),
            "out_of_range",
        ),
        (
            rule("give"),
            json!({ "challenge": { "times": 51, "within_days": 60, "points": 1 } }),
            rule("give/challenge/times"),
            "out_of_range",
        ),
        (
            rule("give"),
            json!({ "challenge": { "times": 3, "within_days": 367, "points": 1 } }),
            rule("give/challenge/within_days"),
            "out_of_range",
        ),
        (
            "/earning_rules/5/give".into(),
            json!({ "challenge": { "times": 3, "within_days": 30, "points": 1 } }),
            "/earning_rules/5/give".into(),
            "contradiction",
        ),
        (rule("give"), json!({ "multiplier": { "percent": 150 } }), rule("give"), "contradiction"),
        (
            "/earning_rules/2/give/multiplier/percent".into(),
            json!(100),
            "/earning_rules/2/give/multiplier/percent".into(),
            "out_of_range",
        ),
        (
            "/earning_rules/5/give".into(),
            json!({ "rate": { "points": 1, "per": 1 } }),
            "/earning_rules/5/give".into(),
            "contradiction",
        ),
        (
            "/earning_rules/6/give".into(),
            json!({ "punch_card": { "points": 1, "every": 3 } }),
            "/earning_rules/6/give".into(),
            "contradiction",
        ),
        (rule("cap"), json!({ "every": "day" }), rule("cap"), "contradiction"),
        (rule("cap"), json!({ "times": 1, "points": 1, "every": "day" }), rule("cap"), "contradiction"),
        (rule("cap"), json!({ "times": 0, "every": "day" }), rule("cap/times"), "out_of_range"),
        (rule("cap"), json!({ "times": 1 }), rule("cap/every"), "missing"),
        (rule("cap"), json!({ "times": 1, "every": "decade" }), rule("cap/every"), "unknown_choice"),
        (rule("cap"), json!({ "times": 1, "every": "day", "per": "store" }), rule("cap/per"), "unknown_choice"),
        (rule("qualifying"), json!("no"), rule("qualifying"), "wrong_type"),
        (rule("active"), json!({ "weekdays": [] }), rule("active/weekdays"), "out_of_range"),
        (rule("active"), json!({ "weekdays": ["mon", "monday"] }), rule("active/weekdays/1"), "unknown_choice"),
        (rule("active"), json!({ "from_time": "25:00" }), rule("active/from_time"), "malformed"),
        (rule("active"), json!({ "from_time": "T1530" }), rule("active/from_time"), "malformed"),
        (rule("active"), json!({ "from_time": "15:00", "to_time": "15:00" }), rule("active"), "contradiction"),
        (rule("active"), json!({ "from": "2026-01-01" }), rule("active/from"), "malformed"),
        (
            rule("active"),
            json!({ "from": "2027-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" }),
            rule("active"),
            "contradiction",
        ),
        (
            "/earning_rules/-".into(),
            json!({ "id": "cake", "on": "birthday", "give": { "fixed": { "points": 1 } }, "cap": { "times": 1, "per": "program", "every": "day" } }),
            "/earning_rules/8/cap".into(),
            "contradiction",
        ),
        ("/earning_rules/0/id".into(), json!("tier:gold"), "/earning_rules/0/id".into(), "reserved"),
        ("/earning_rules/0/id".into(), json!("plan:plus"), "/earning_rules/0/id".into(), "reserved"),
        ("/earning_rules/0/id".into(), json!("referral"), "/earning_rules/0/id".into(), "reserved"),
        ("/referral".into(), json!({ "friend_points": 50 }), "/referral/first_purchase_at_least".into(), "missing"),
        ("/referral/friend_points".into(), json!(-1), "/referral/friend_points".into(), "out_of_range"),
        ("/tiers/basis".into(), json!("stars"), "/tiers/basis".into(), "unknown_choice"),
        ("/tiers/period".into(), json!({ "rolling_months": 0 }), "/tiers/period/rolling_months".into(), "out_of_range"),
        (
            "/tiers/period".into(),
            json!({ "rolling_months": 37 }),
            "/tiers/period/rolling_months".into(),
            "out_of_range",
        ),
        ("/tiers/levels/1/downgrade".into(), json!("one_level"), "/tiers/levels/1/downgrade".into(), "unknown_choice"),
        ("/tiers/period".into(), json!("decade"), "/tiers/period".into(), "unknown_choice"),
        ("/tiers/downgrade".into(), json!("always"), "/tiers/downgrade".into(), "unknown_choice"),
        ("/tiers/grace_days".into(), json!(181), "/tiers/grace_days".into(), "out_of_range"),
        ("/tiers/notice_days".into(), json!(91), "/tiers/notice_days".into(), "out_of_range"),
        ("/tiers/levels".into(), json!(null), "/tiers/levels".into(), "missing"),
        ("/tiers/levels/1/threshold".into(), json!(0), "/tiers/levels/1".into(), "not_ascending"),
        ("/tiers/levels/1/threshold".into(), json!(1001), "/tiers/levels/2".into(), "not_ascending"),
        ("/tiers/levels/1/threshold".into(), json!(-1), "/tiers/levels/1/threshold".into(), "out_of_range"),
        ("/tiers/levels/1/earning_percent".into(), json!(99), "/tiers/levels/1/earning_percent".into(), "out_of_range"),
        ("/tiers/levels/1/perks".into(), json!(["a", 5]), "/tiers/levels/1/perks/1".into(), "wrong_type"),
        (
            "/tiers/levels/2/entitlements/0/times".into(),
            json!(0),
            "/tiers/levels/2/entitlements/0/times".into(),
            "out_of_range",
        ),
        ("/rewards".into(), many(501, &tea), "/rewards".into(), "too_many"),
        ("/rewards/1/id".into(), json!("free-coffee"), "/rewards/1/id".into(), "duplicate_id"),
        (reward("name"), json!(null), reward("name"), "missing"),
        (reward("kind"), json!("present"), reward("kind"), "unknown_choice"),
        (reward("cost"), json!(100), reward("cost"), "wrong_type"),
        (reward("cost/points"), json!(0), reward("cost/points"), "out_of_range"),
        (reward("cost/per"), json!(0), reward("cost/per"), "out_of_range"),
        (reward("stock"), json!(-1), reward("stock"), "out_of_range"),
        (reward("stock"), json!("plenty"), reward("stock"), "wrong_type"),
        (reward("limit"), json!({ "times": 1 }), reward("limit/every"), "missing"),
        (reward("when"), json!("purchase.total > 1"), reward("when"), "unknown_variable"),
        (reward("tiers"), json!(["gold", "diamond"]), reward("tiers/1"), "unknown_level"),
        (reward("codes"), json!("barcode"), reward("codes"), "unknown_choice"),
        (card("codes_valid_days"), json!(0), card("codes_valid_days"), "out_of_range"),
        (card("codes_valid_days"), json!(3_661), card("codes_valid_days"), "out_of_range"),
        (card("codes_valid_days"), json!("90"), card("codes_valid_days"), "wrong_type"),
        (reward("codes_valid_days"), json!(90), reward("codes_valid_days"), "contradiction"),
        (card("value"), json!(1_000), card("value"), "wrong_type"),
        (card("value"), json!({ "amount": 1_000 }), card("value/currency"), "missing"),
        (card("value"), euro(0), card("value/amount"), "out_of_range"),
        (card("value"), euro(1_000_000_000_000), card("value/amount"), "out_of_range"),
        (card("value"), json!({ "amount": 1_000, "currency": "euro" }), card("value/currency"), "unknown_currency"),
        (card("value"), json!({ "amount": 1_000, "currency": "USD" }), card("value/currency"), "currency_mismatch"),
        (reward("value"), euro(1_000), reward("value"), "contradiction"),
        (
            "/rewards/3".into(),
            json!({ "id": "card", "name": "A card", "kind": "voucher", "cost": { "points": 1, "per": 1 }, "codes": "generated",
                    "value": euro(1_000) }),
            card("value"),
            "contradiction",
        ),
        (reward("hold_seconds_max"), json!(3601), reward("hold_seconds_max"), "out_of_range"),
        (
            "/plans".into(),
            json!([{ "id": "plus", "price": 1, "interval": "day" }]),
            "/plans/0/interval".into(),
            "unknown_choice",
        ),
        (
            "/plans".into(),
            json!([{ "id": "plus", "price": 1, "interval": "year", "tier_floor": "iron" }]),
            "/plans/0/tier_floor".into(),
            "unknown_level",
        ),
        (
            "/plans".into(),
            json!([{ "id": "plus", "price": 1, "interval": "year", "entitlements": [{ "id": "tasting", "times": 1, "every": "month" }] }]),
            "/plans/0/entitlements/0/every".into(),
            "contradiction",
        ),
        (
            "/tiers/levels/1/entitlements".into(),
            json!([{ "id": "tasting", "times": 1, "every": "month" }]),
            "/tiers/levels/2/entitlements/0/every".into(),
            "contradiction",
        ),
        (
            "/plans".into(),
            json!([{ "id": "plus", "price": 1, "interval": "year", "earning_percent": 99 }]),
            "/plans/0/earning_percent".into(),
            "out_of_range",
        ),
        (
            "/plans".into(),
            json!([{ "id": "plus", "price": 1, "interval": "year", "grace_days": 91 }]),
            "/plans/0/grace_days".into(),
            "out_of_range",
        ),
        (
            "/plans".into(),
            json!([{ "id": "plus", "price": 1, "interval": "year" }, { "id": "plus", "price": 2, "interval": "month" }]),
            "/plans/1/id".into(),
            "duplicate_id",
        ),
        ("/in_force_from".into(), json!("2027-03-01"), "/in_force_from".into(), "malformed"),
        ("/in_force_from".into(), json!(1), "/in_force_from".into(), "malformed"),
        ("/corrects".into(), json!(1), "/corrects".into(), "unknown_version"),
        ("/corrects".into(), json!(i64::MAX), "/corrects".into(), "out_of_range"),
        ("/corrects".into(), json!(0), "/corrects".into(), "out_of_range"),
        ("/corrects".into(), json!("1"), "/corrects".into(), "wrong_type"),
        ("/tiers/levels/1/replaces".into(), json!("blue"), "/tiers/levels/1/replaces".into(), "wrong_type"),
        ("/tiers/levels/1/replaces".into(), json!(["a b"]), "/tiers/levels/1/replaces/0".into(), "malformed"),
        ("/tiers/levels/1/replaces".into(), json!(["silver"]), "/tiers/levels/1/replaces/0".into(), "contradiction"),
        ("/tiers/levels/1/replaces".into(), json!(["gold"]), "/tiers/levels/1/replaces/0".into(), "contradiction"),
        (
            "/tiers/levels/1/replaces".into(),
            json!(["blue", "blue"]),
            "/tiers/levels/1/replaces/1".into(),
            "contradiction",
        ),
        ("/attributes".into(), many(31, &text), "/attributes".into(), "too_many"),
        ("/attributes/2/type".into(), json!("text"), "/attributes/2/type".into(), "unknown_choice"),
        ("/attributes/2/personal".into(), json!("yes"), "/attributes/2/personal".into(), "wrong_type"),
    ];
    assert!(rows.len() >= 40);
    for (pointer, value, at, code) in rows {
        assert_eq!(faults_of(&changed(&pointer, &value)), [(at, code)], "{value} at {pointer}");
    }
    let birthday =
        json!({ "earning_rules": [{ "id": "cake", "on": "birthday", "give": { "fixed": { "points": 1 } } }] });
    assert_eq!(faults_of(&document(birthday)), [("/earning_rules/0/on".to_owned(), "contradiction")]);
    let no_levels = json!({ "tiers": { "levels": [] } });
    assert_eq!(faults_of(&document(no_levels)), [("/tiers/levels".to_owned(), "out_of_range")]);
    for (basis, at) in
        [(json!({ "any": [] }), "/tiers/basis/any"), (json!({ "all": ["points", "points"] }), "/tiers/basis/all")]
    {
        let tiers = json!({ "tiers": { "basis": basis, "levels": [{ "id": "a", "threshold": { "points": 0 } }] } });
        assert_eq!(faults_of(&document(tiers)), [(at.to_owned(), "contradiction")]);
    }
    let half = json!({ "tiers": { "basis": { "all": ["points", "visits"] }, "levels": [{ "id": "a", "threshold": { "points": 0 } }] } });
    assert_eq!(faults_of(&document(half)), [("/tiers/levels/0/threshold/visits".to_owned(), "missing")]);
    for whole in [json!(null), json!([]), json!("program"), json!(1)] {
        assert_eq!(faults_of(&whole), [(String::new(), "wrong_type")]);
    }
}

#[test]
fn an_error_in_one_place_is_not_repeated_for_references_to_it() {
    // The level exists and only its percentage is wrong, so a reward for its members has no error.
    let faulty = changed("/tiers/levels/2/earning_percent", &json!(1));
    assert_eq!(faults_of(&faulty), [("/tiers/levels/2/earning_percent".to_owned(), "out_of_range")]);
    // The same for an attribute in a condition.
    let mut faulty = changed("/earning_rules/0/when", &json!("member.attributes.city == 'Izmir'"));
    faulty["attributes"][2]["type"] = json!("text");
    assert_eq!(faults_of(&faulty), [("/attributes/2/type".to_owned(), "unknown_choice")]);
    faulty["attributes"][0]["type"] = json!("text");
    let both =
        [("/attributes/0/type".to_owned(), "unknown_choice"), ("/attributes/2/type".to_owned(), "unknown_choice")];
    assert_eq!(faults_of(&faulty), both);
}

#[test]
fn all_ten_errors_of_a_document_are_reported() {
    let faulty = json!({
        "name": "", "time_zone": "Moon/Tranquility", "currency": "eur", "colour": "red",
        "points": { "rounding": "up", "backdating_days_max": 1000 },
        "earning_rules": [
            { "id": "a", "on": "purchase", "when": "basket > 1", "give": { "rate": { "points": 0, "per": 100 } } },
            { "id": "a", "on": "purchase", "give": { "fixed": { "points": 1 } } },
        ],
        "rewards": [{ "id": "r", "kind": "product", "cost": { "points": 1 } }],
    });
    let mut found = faults_of(&faulty);
    found.sort();
    let expected = [
        ("/colour", "unknown_field"),
        ("/currency", "unknown_currency"),
        ("/earning_rules/0/give/rate/points", "out_of_range"),
        ("/earning_rules/0/when", "unknown_variable"),
        ("/earning_rules/1/id", "duplicate_id"),
        ("/name", "out_of_range"),
        ("/points/backdating_days_max", "out_of_range"),
        ("/points/rounding", "unknown_choice"),
        ("/rewards/0/name", "missing"),
        ("/time_zone", "unknown_time_zone"),
    ];
    assert_eq!(found, expected.map(|(at, code)| (at.to_owned(), code)));
}

fn any_value() -> impl Strategy<Value = Value> {
    let known = vec![
        "base",
        "purchase",
        "add",
        "never",
        "none",
        "points",
        "mon",
        "15:00",
        "EUR",
        "UTC",
        "gold",
        "line.amount > 1",
        "true",
        "2026-01-01T00:00:00Z",
        "calendar_year",
        "day",
        "member",
        "id",
        "",
    ];
    let names = vec![
        "id",
        "on",
        "give",
        "points",
        "rate",
        "per",
        "cap",
        "every",
        "times",
        "levels",
        "threshold",
        "basis",
        "any",
        "all",
        "fixed",
        "multiplier",
        "percent",
        "activity",
        "best_of",
        "days",
        "after_months",
        "fixed_dates",
        "a/b",
        "~",
        "",
        "colour",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![i64::MIN, -1, 0, 1, 7, 366, 1_000_000_000_000, i64::MAX]).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(1.5)),
        Just(json!(u64::MAX)),
        prop::sample::select(known).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let name = prop_oneof![3 => prop::sample::select(names.clone()).prop_map(str::to_owned), 1 => "\\PC{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The pointers of all places in a document.
fn all_places(value: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                all_places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                all_places(value, &format!("{at}/{index}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A change of a place in a document.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(Value),
    Remove,
    Duplicate,
    Rename(String),
    Copy(prop::sample::Index),
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => any_value().prop_map(Mutation::Replace),
        2 => Just(Mutation::Remove),
        1 => Just(Mutation::Duplicate),
        1 => "[a-z/~]{0,6}".prop_map(Mutation::Rename),
        2 => any::<prop::sample::Index>().prop_map(Mutation::Copy),
    ]
}

fn mutate(document: &mut Value, place: prop::sample::Index, mutation: Mutation) {
    let mut places = Vec::new();
    all_places(document, "", &mut places);
    let at = place.get(&places).clone();
    let value = match mutation {
        Mutation::Copy(from) => document.pointer(from.get(&places).as_str()).cloned().unwrap(),
        Mutation::Replace(value) => value,
        Mutation::Remove | Mutation::Duplicate | Mutation::Rename(_) => {
            let Some((parent, name)) = at.rsplit_once('/') else { return };
            let name = name.replace("~1", "/").replace("~0", "~");
            match (document.pointer_mut(parent).unwrap(), mutation) {
                (Value::Object(fields), Mutation::Rename(new)) => {
                    let value = fields.remove(&name).unwrap();
                    fields.insert(new, value);
                }
                (Value::Object(fields), _) => drop(fields.remove(&name)),
                (Value::Array(values), Mutation::Duplicate) => {
                    let copy = values[name.parse::<usize>().unwrap()].clone();
                    values.push(copy);
                }
                (Value::Array(values), _) => drop(values.remove(name.parse().unwrap())),
                _ => {}
            }
            return;
        }
    };
    *document.pointer_mut(&at).unwrap() = value;
}

/// Returns an expression of random parts, meaningful or not.
fn any_expression() -> impl Strategy<Value = String> {
    let pieces = vec![
        "purchase",
        ".total",
        "line",
        ".sku",
        "member",
        ".attributes",
        ".city",
        "occurred_at",
        ".hour",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "?",
        ":",
        ",",
        "in",
        "true",
        "null",
        "0",
        "1",
        "9223372036854775808",
        "1.5",
        "'a'",
        "\"",
        "'",
        "has(",
        "size(",
        "int(",
        ".contains('a')",
        ".startsWith(",
        ".all(x, x)",
        " ",
        "b'x'",
        "1u",
        "duration('1h')",
        "é",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

/// Returns a condition that is valid by its grammar, whatever its result.
fn any_condition() -> impl Strategy<Value = String> {
    let terms = vec![
        "0",
        "1",
        "-1",
        "9223372036854775807",
        "(-9223372036854775807 - 1)",
        "1.5",
        "'a'",
        "''",
        "null",
        "true",
        "[]",
        "[1, 'a']",
        "{'a': 1}",
        "purchase.total",
        "purchase.items",
        "purchase.store",
        "purchase.channel",
        "line.amount",
        "line.sku",
        "member.tier",
        "member.attributes.city",
        "member.attributes.newsletter",
        "occurred_at.hour",
        "occurred_at.date",
        "purchase",
        "member",
    ];
    let term = prop::sample::select(terms).prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
        let function = prop::sample::select(vec!["size", "int", "string", "bool", "-", "!"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(one, by, other)| format!("({one} {by} {other})")),
            (function, inner.clone()).prop_map(|(function, term)| format!("{function}({term})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(one, two, three)| format!("({one} ? {two} : {three})")),
        ]
    });
    let compared = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "in"]);
    let searched = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
    let condition = prop_oneof![
        4 => (term.clone(), compared, term.clone()).prop_map(|(one, by, other)| format!("({one} {by} {other})")),
        1 => (term.clone(), searched, term.clone()).prop_map(|(one, by, other)| format!("{one}.{by}({other})")),
        1 => term,
    ];
    condition.prop_recursive(2, 6, 2, |inner| {
        let joined = prop::sample::select(vec!["&&", "||"]);
        prop_oneof![
            (inner.clone(), joined, inner.clone()).prop_map(|(one, by, other)| format!("({one} {by} {other})")),
            inner.prop_map(|condition| format!("!({condition})")),
        ]
    })
}

proptest! {
    #![proptest_config(crate::cases::cases(400))]

    #[test]
    fn no_value_is_too_strange_to_be_refused_politely(value in any_value()) {
        faults_of(&value);
    }

    #[test]
    fn no_mutation_of_a_document_is_too_strange_to_be_read_or_refused_politely(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any_mutation()), 1..4),
    ) {
        let mut document = example();
        for (place, mutation) in mutations {
            mutate(&mut document, place, mutation);
        }
        faults_of(&document);
    }

    #[test]
    fn no_accepted_condition_rejects_a_purchase(source in any_condition()) {
        let mut document = example();
        document["earning_rules"] = json!([
            { "id": "strange", "on": "purchase", "when": source, "give": { "fixed": { "points": 1 } } },
            { "id": "base", "on": "purchase", "give": { "fixed": { "points": 10 } } },
        ]);
        if Program::read(&document, 1).is_ok() {
            let program = crate::world::program_of(&document);
            let mut member = Member::joins(&program, "2026-11-01");
            let lines = json!({ "lines": [{ "sku": "latte", "quantity": 1, "amount": 1000 }, { "quantity": 2, "amount": 0 }] });
            for (key, fields) in [("order-1", json!(1000)), ("order-2", lines)] {
                let entry = member.earns(&program, key, &purchase("2026-11-21", fields)).unwrap();
                let strange = entry.breakdown().iter().find(|line| line.rule == "strange");
                let is_faulty = strange.is_some_and(|line| line.fault.is_some());
                prop_assert!(entry.points().get() == 10 || (entry.points().get() == 11 && !is_faulty), "{:?}", entry.breakdown());
            }
        }
    }

    #[test]
    fn no_expression_is_too_strange_to_be_refused_politely(source in any_expression()) {
        faults_of(&changed("/earning_rules/0/when", &json!(source)));
    }
}
