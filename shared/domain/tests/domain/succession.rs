//! The changes of a new version: those that it makes, those that are forbidden, and warnings.

use regulars_domain::{
    program::{Finding, Program},
    succession::{Edition, Succession, first, succession},
    version_head::{Differs, VersionHead},
};
use serde_json::{Value, json};

use crate::world::{at, document, example};

fn head(version: u64) -> VersionHead {
    VersionHead {
        version,
        in_force_from: at("2026-11-01"),
        published_at: at("2026-11-01"),
        actor: None,
        differs: Differs::Nothing,
        backdating_days_max: 30,
        corrects: None,
        replaces: Vec::new(),
    }
}

/// Returns the succession of `new` as version 5 after `before` as version 4, where version 2 was withdrawn.
fn after(before: &Value, new: &Value) -> Result<Succession, Vec<Finding>> {
    let [old, program] = [(before, 4), (new, 5)]
        .map(|(document, version)| Program::read(document, version).unwrap_or_else(|p| panic!("{p:?}")));
    let before = Edition { program: &old, document: before };
    succession(before, Edition { program: &program, document: new }, &[1, 3, 4].map(head))
}

fn changed(mut document: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
            Value::Object(fields) if value.is_null() => drop(fields.remove(name)),
            Value::Object(fields) => drop(fields.insert(name.to_owned(), value.clone())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{pointer} has no parts"),
        }
    }
    document
}

/// A program with a birthday rule, a plan, and steps of both kinds.
fn rich() -> Value {
    let cake = json!({ "id": "cake", "on": "birthday", "give": { "fixed": { "points": 5 } } });
    let visits = json!({ "id": "visits", "on": "purchase", "give": { "challenge": { "times": 3, "within_days": 30, "points": 9 } } });
    let plan = json!({ "id": "plus", "price": 500, "interval": "month" });
    let mut document = changed(example(), &[("/plans", json!([plan]))]);
    document["earning_rules"].as_array_mut().unwrap().extend([cake, visits]);
    document
}

#[test]
fn a_version_differs_in_its_tiers_in_time_or_in_nothing_that_time_does() {
    use Differs::{Nothing, Tiers, Time};
    let renamed = json!({ "id": "blue", "threshold": 300, "earning_percent": 125, "replaces": ["silver"] });
    for (change, expected) in [
        (("/name", json!("Another")), Nothing),
        (("/in_force_from", json!("2027-03-01T00:00:00+03:00")), Nothing),
        (("/corrects", json!(3)), Tiers),
        (("/earning_rules/0/give/rate/points", json!(2)), Nothing),
        (("/earning_rules/1/when", json!("line.category == 'tea'")), Nothing),
        (("/rewards/0/cost/points", json!(90)), Nothing),
        (("/tiers/levels/1/earning_percent", json!(130)), Nothing),
        (("/tiers/levels/1/perks", json!(["Cake"])), Nothing),
        (("/tiers/levels/1/replaces", json!(["blue"])), Nothing),
        (("/points/expiry", json!("never")), Time),
        (("/points/expiry_notice_days", json!(7)), Time),
        (("/tiers/notice_days", json!(7)), Time),
        (("/points/backdating_days_max", json!(31)), Time),
        (("/points/negative_balance", json!("forgive")), Time),
        (("/plans/0/price", json!(600)), Time),
        (("/plans", json!([])), Time),
        (("/attributes/0/type", json!("integer")), Time),
        (("/earning_rules/8/give/fixed/points", json!(6)), Time),
        (("/earning_rules/8/active", json!({ "weekdays": ["mon"] })), Time),
        (("/earning_rules/1/cap/points", json!(100)), Time),
        (("/earning_rules/1/cap", Value::Null), Time),
        (("/earning_rules/0/cap", json!({ "times": 1, "every": "day" })), Time),
        (("/rewards/0/limit/every", json!("week")), Time),
        (("/tiers/levels/2/entitlements/0/times", json!(3)), Time),
        (("/earning_rules/4/give/punch_card/every", json!(9)), Time),
        (("/earning_rules/9/give/challenge/within_days", json!(31)), Time),
        (("/earning_rules/9/id", json!("calls")), Time),
        (("/tiers/basis", json!("spend")), Tiers),
        (("/tiers/period", json!("lifetime")), Tiers),
        (("/tiers/downgrade", json!("never")), Tiers),
        (("/tiers/grace_days", json!(30)), Tiers),
        (("/tiers/levels/1/threshold", json!(200)), Tiers),
        (("/tiers/levels/1/downgrade", json!("never")), Tiers),
        (("/tiers/levels/1", renamed), Tiers),
    ] {
        let new = changed(rich(), &[(change.0, change.1.clone())]);
        assert_eq!(after(&rich(), &new).unwrap().differs, expected, "{} {}", change.0, change.1);
    }
    // Without a birthday rule, fields that only such a rule needs do not matter for settling.
    for (field, value) in [("/points/negative_balance", json!("forgive")), ("/attributes/0/type", json!("integer"))] {
        let new = changed(example(), &[(field, value)]);
        assert_eq!(after(&example(), &new).unwrap().differs, Nothing, "{field}");
    }
    let mut reordered = rich();
    reordered["earning_rules"].as_array_mut().unwrap().swap(0, 4);
    assert_eq!(after(&rich(), &reordered).unwrap().differs, Nothing);
    let tierless = document(json!({}));
    let tiered = document(json!({ "tiers": { "levels": [{ "id": "a", "threshold": 0 }] } }));
    assert_eq!(after(&tierless, &tiered).unwrap().differs, Tiers);
    assert_eq!(after(&tiered, &tiered).unwrap().differs, Nothing);
}

#[test]
fn what_a_program_with_members_cannot_change_is_refused_all_at_once() {
    let blue = json!({ "id": "blue", "threshold": 300 });
    let replacing = |levels: Value| json!({ "id": "blue", "threshold": 300, "replaces": levels });
    let places = |problems: Vec<Finding>| -> Vec<(String, &str)> {
        problems.into_iter().map(|problem| (problem.at, problem.code)).collect()
    };
    for (changes, expected) in [
        (vec![("/currency", json!("TRY"))], vec![("/currency", "cannot_change")]),
        (vec![("/time_zone", json!("Europe/Athens"))], vec![("/time_zone", "cannot_change")]),
        (vec![("/corrects", json!(2))], vec![("/corrects", "unknown_version")]),
        (vec![("/tiers/levels/1", blue.clone())], vec![("/tiers/levels", "level_dropped")]),
        (vec![("/tiers/levels", json!([blue.clone()]))], vec![("/tiers/levels", "level_dropped"); 3]),
        (vec![("/tiers/levels", json!([replacing(json!(["gold"]))]))], vec![("/tiers/levels", "level_dropped"); 2]),
        (
            vec![("/tiers", Value::Null), ("/rewards/2/tiers", json!([])), ("/currency", json!("TRY"))],
            [vec![("/currency", "cannot_change")], vec![("/tiers", "level_dropped"); 3]].concat(),
        ),
    ] {
        let mut new = changed(example(), &changes);
        new["rewards"][2]["tiers"] = json!([]);
        let expected: Vec<_> = expected.into_iter().map(|(at, code)| (at.to_owned(), code)).collect();
        assert_eq!(places(after(&example(), &new).unwrap_err()), expected, "{changes:?}");
    }
    // Every level has a replacement.
    let new = changed(
        example(),
        &[("/tiers/levels", json!([replacing(json!(["bronze", "silver", "gold"]))])), ("/rewards/2/tiers", json!([]))],
    );
    assert!(after(&example(), &new).is_ok());
    // Other names of the same zone count as other zones: the dates in accounts are those of the given name.
    assert!(after(&example(), &changed(example(), &[("/corrects", json!(4))])).is_ok());
}

#[test]
fn levels_with_another_id_are_named_in_pairs() {
    let levels = json!([
        { "id": "bronze", "threshold": 0 },
        { "id": "blue", "threshold": 300, "replaces": ["silver", "gold", "long-gone"] },
    ]);
    let new = changed(example(), &[("/tiers/levels", levels), ("/rewards/2/tiers", json!([]))]);
    let pair = |one: &str, other: &str| (one.parse().unwrap(), other.parse().unwrap());
    assert_eq!(after(&example(), &new).unwrap().replaces, [pair("silver", "blue"), pair("gold", "blue")]);
    // The next version may still name them; they were replaced before.
    let next = after(&new, &new).unwrap();
    assert_eq!((next.replaces, next.differs), (vec![], Differs::Nothing));
}

#[test]
fn raised_thresholds_are_a_warning_at_each_level() {
    let places = |succession: Succession| -> Vec<(String, &'static str)> {
        succession.warnings.into_iter().map(|warning| (warning.at, warning.code)).collect()
    };
    let at = |place: usize| (format!("/tiers/levels/{place}/threshold"), "threshold_raised");
    let raised =
        changed(example(), &[("/tiers/levels/1/threshold", json!(301)), ("/tiers/levels/2/threshold", json!(900))]);
    assert_eq!(places(after(&example(), &raised).unwrap()), [at(1)]);
    let blue = json!({ "id": "blue", "threshold": 400, "replaces": ["silver"] });
    assert_eq!(places(after(&example(), &changed(example(), &[("/tiers/levels/1", blue)])).unwrap()), [at(1)]);
    let basis = changed(example(), &[("/tiers/basis", json!("spend"))]);
    assert_eq!(places(after(&example(), &basis).unwrap()), [at(1), at(2)]);
    assert_eq!(places(after(&example(), &example()).unwrap()), []);
}

#[test]
fn the_first_version_is_in_force_at_once_regardless_of_its_document() {
    let at_once = example();
    let scheduled = changed(example(), &[("/in_force_from", json!("2027-03-01T00:00:00+03:00"))]);
    for (document, expected) in [(at_once, vec![]), (scheduled, vec![("/in_force_from", "in_force_from_ignored")])] {
        let program = Program::read(&document, 1).unwrap();
        let Succession { differs, replaces, warnings } = first(Edition { program: &program, document: &document });
        assert_eq!((differs, replaces), (Differs::Nothing, vec![]));
        let warnings: Vec<_> = warnings.iter().map(|warning| (warning.at.as_str(), warning.code)).collect();
        assert_eq!(warnings, expected);
    }
}
