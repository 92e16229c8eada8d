//! The JSON Schema of program documents and the reader agree: the reader rejects everything that the schema rejects,
//! and the schema rejects every value of a wrong type, every unknown or missing field, and every number, list or choice
//! out of bounds.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{collections::BTreeMap, fs, path::Path};

use jsonschema::Validator;
use regulars_domain::program::{Program, schema};
use regulars_tests::system::coffee_shop;
use serde_json::{Value, json};

/// The findings of the reader that concern one value alone.
const STRUCTURAL: [&str; 6] = ["wrong_type", "unknown_field", "missing", "out_of_range", "too_many", "unknown_choice"];

fn validator() -> Validator {
    jsonschema::options().should_validate_formats(true).build(&schema()).unwrap()
}

/// A document with every field of the format.
fn everything() -> Value {
    json!({
        "$schema": "https://regulars.dev/v1/program.schema.json",
        "name": "Everything", "time_zone": "Europe/Istanbul", "currency": "EUR",
        "points": {
            "rounding": "half_up", "pending": { "until_confirmed": { "lapses_after_days": 30 } },
            "expiry": [{ "after_months": 24, "rounded_to": "end_of_year" }, { "inactivity_months": 12 }],
            "negative_balance": "forgive", "backdating_days_max": 20, "expiry_notice_days": 10, "usable_days_min": 5,
            "activity": ["purchase", "plan"], "receipts": "unique", "rejoin_after_days": 365,
            "eligible": { "tax": false, "shipping": false, "tip": true, "paid_with_points": false, "paid_with_gift_card": true,
                          "excluded_categories": ["gift-card"] }
        },
        "attributes": [{ "id": "birthday", "type": "date", "personal": true, "editable_by": "member" }],
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } },
              "cap": { "points": 200, "per": "member", "every": "month" },
              "active": { "from": "2026-01-01T00:00:00+03:00", "to": "2027-01-01T00:00:00+03:00", "weekdays": ["mon", "sun"],
                          "from_time": "22:00", "to_time": "02:00" } },
            { "id": "item", "on": "purchase", "stacking": "add", "give": { "per_item": { "points": 5, "counts": "pieces" } },
              "when": "purchase.total > 100", "qualifying": false },
            { "id": "times", "on": "purchase", "stacking": { "best_of": "a" }, "give": { "multiplier": { "percent": 150 } } },
            { "id": "card", "on": "purchase", "give": { "punch_card": { "every": 10, "points": 50, "counts": "pieces" } } },
            { "id": "three", "on": { "activity": "review" },
              "give": { "challenge": { "times": 3, "within_days": 30, "points": 100, "repeats": true } } },
            { "id": "hello", "on": "enrollment", "give": { "fixed": { "points": 25 } }, "cap": { "times": 1, "every": "ever" } },
            { "id": "friend", "on": "referral", "give": { "fixed": { "points": 25 } } },
            { "id": "cake", "on": "birthday", "give": { "fixed": { "points": 25 } } }
        ],
        "referral": { "first_purchase_at_least": 500, "friend_points": 10 },
        "tiers": {
            "basis": { "any": ["points", "spend"] }, "period": { "rolling_months": 12 }, "downgrade": "one_level", "grace_days": 30, "notice_days": 20,
            "levels": [
                { "id": "low", "threshold": { "points": 0, "spend": 0 } },
                { "id": "high", "threshold": { "points": 10, "spend": 1000 }, "downgrade": "never", "earning_percent": 125,
                  "perks": ["A smile"], "entitlements": [{ "id": "lounge", "times": 2, "every": "month" }], "replaces": ["old"] }
            ]
        },
        "rewards": [
            { "id": "coffee", "name": "Coffee", "kind": "product", "cost": { "points": 100 }, "stock": 5, "hold_seconds_max": 600,
              "limit": { "times": 1, "every": "day" }, "tiers": ["high"], "when": "member.tier == 'high'",
              "active": { "from_time": "08:00" } },
            { "id": "off", "name": "Money off", "kind": "discount", "cost": { "points": 1, "per": 10 }, "stock": "unlimited" },
            { "id": "voucher", "name": "Voucher", "kind": "voucher", "cost": { "points": 100 }, "codes": "generated",
              "codes_valid_days": 90, "value": { "amount": 1000, "currency": "EUR" } }
        ],
        "plans": [{ "id": "plus", "name": "Plus", "price": 500, "interval": "month", "tier_floor": "high", "earning_percent": 150,
                    "grace_days": 5, "entitlements": [{ "id": "lounge", "times": 1, "every": "month" }] }]
    })
}

/// Shapes that [`everything`] cannot contain, each with its place.
fn shapes() -> Vec<Value> {
    let with = |at: &str, value: Value| {
        let mut document = json!({ "name": "Shapes", "time_zone": "UTC", "currency": "JPY" });
        let (object, field) = at.split_once('/').unwrap_or(("", at));
        if object.is_empty() {
            document[field] = value;
        } else {
            document[object] = json!({ field: value });
        }
        document
    };
    let level = json!([{ "id": "low", "threshold": 0 }]);
    vec![
        with("points/pending", json!("none")),
        with("points/pending", json!({ "days": 14 })),
        with("points/expiry", json!("never")),
        with("points/expiry", json!({ "fixed_dates": ["03-31", "02-29"] })),
        with("points/expiry", json!({ "inactivity_months": 12 })),
        with("tiers", json!({ "basis": "visits", "period": "lifetime", "levels": level })),
        with(
            "tiers",
            json!({ "basis": { "all": ["visits"] }, "levels": [{ "id": "low", "threshold": { "visits": 1 } }] }),
        ),
        with("tiers", json!({ "levels": level })),
        with("in_force_from", json!("2027-03-01T00:00:00+03:00")),
        with("earning_rules", json!([{ "id": "a", "on": "purchase", "give": { "per_item": { "points": 5 } } }])),
    ]
}

/// The documents in the pages of the guide.
fn of_guide() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guide");
    let pages = fs::read_dir(folder).unwrap().map(|page| fs::read_to_string(page.unwrap().path()).unwrap());
    let blocks = pages.flat_map(|page| {
        let blocks = page.split("```").skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        blocks.into_iter().filter_map(|block| serde_json::from_str(block.strip_prefix("json")?).ok())
    });
    blocks.filter(|block: &Value| block.get("time_zone").is_some()).collect()
}

fn documents() -> Vec<Value> {
    let sample = include_str!("../../../shared/cli/src/local/sample_program.json");
    let mut all = vec![coffee_shop(), serde_json::from_str(sample).unwrap(), everything()];
    all.extend(shapes());
    all.extend(of_guide());
    all
}

/// Returns every document that differs from `value` in one place.
fn mutations(value: &Value) -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(10_i64.pow(15)),
        json!("no such thing"),
        json!([]),
        json!({}),
    ];
    match value {
        Value::Object(fields) => {
            let with = |name: &str, value: Option<Value>| {
                let mut changed = fields.clone();
                match value {
                    Some(value) => changed.insert(name.to_owned(), value),
                    None => changed.remove(name),
                };
                Value::Object(changed)
            };
            all.push(with("unknown", Some(json!(1))));
            for (name, field) in fields {
                all.push(with(name, None));
                all.extend(mutations(field).into_iter().map(|field| with(name, Some(field))));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                for changed in mutations(item) {
                    let mut items = items.clone();
                    items[index] = changed;
                    all.push(items.into());
                }
            }
            all.push(items.iter().cycle().take(items.len() * 600).cloned().collect());
        }
        Value::Number(number) => {
            all.extend(number.as_i64().into_iter().flat_map(|number| [json!(number + 1), json!(number - 1)]));
        }
        Value::String(text) => {
            all.extend([json!(text.repeat(600)), json!(format!("{text} ")), json!(text.to_uppercase())]);
        }
        Value::Null | Value::Bool(_) => {}
    }
    all
}

#[test]
fn the_schema_and_the_reader_refuse_the_same() {
    let validator = validator();
    let (mut count, mut refused) = (0_u32, BTreeMap::<&str, u32>::new());
    for document in documents() {
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!((errors, Program::read(&document, 9).map(|_| ())), (Vec::new(), Ok(())), "{document}");
        for changed in mutations(&document) {
            count += 1;
            let findings = Program::read(&changed, 9).err().unwrap_or_default();
            let errors: Vec<String> =
                validator.iter_errors(&changed).map(|error| format!("{} {error}", error.instance_path())).collect();
            assert!(
                errors.is_empty() || !findings.is_empty(),
                "the reader accepts what the schema refuses: {errors:?} {changed}"
            );
            let structural = findings.iter().find(|finding| STRUCTURAL.contains(&finding.code));
            if let Some(finding) = structural {
                *refused.entry(finding.code).or_default() += 1;
                assert!(!errors.is_empty(), "the schema accepts what the reader refuses: {finding:?} {changed}");
            }
        }
    }
    println!("{count} documents, refused by their structure: {refused:?}");
    assert!(count > 5_000 && STRUCTURAL.iter().all(|code| refused.contains_key(code)), "{count} {refused:?}");
}

#[test]
fn a_field_that_is_left_out_means_its_default() {
    let document = everything();
    let shown = |document: &Value| format!("{:?}", Program::read(document, 9).unwrap());
    let before = shown(&json!({ "name": "n", "time_zone": "UTC", "currency": "EUR" }));
    let points = schema()["properties"]["points"]["properties"].as_object().unwrap().clone();
    let mut defaults = 0;
    for (name, field) in points {
        if let Some(default) = field.get("default") {
            let given =
                json!({ "name": "n", "time_zone": "UTC", "currency": "EUR", "points": { name.clone(): default } });
            assert_eq!(shown(&given), before, "points.{name}");
            defaults += 1;
        }
    }
    for (list, place) in [("attributes", 0), ("earning_rules", 0), ("rewards", 1), ("plans", 0)] {
        let fields = schema()["properties"][list]["items"]["properties"].as_object().unwrap().clone();
        for (name, field) in fields {
            let Some(default) = field.get("default") else { continue };
            let (mut without, mut with) = (document.clone(), document.clone());
            without[list][place].as_object_mut().unwrap().remove(&name);
            with[list][place][&name] = default.clone();
            assert_eq!(shown(&with), shown(&without), "{list}.{name}");
            defaults += 1;
        }
    }
    assert!(defaults >= 20, "{defaults}");
}

#[test]
fn a_validator_finds_the_mistakes_of_an_editor() {
    let validator = validator();
    for (at, value, says) in [
        ("/curency", json!("EUR"), "Additional properties"),
        ("/currency", json!("EURO"), "is not one of"),
        ("/points/expiry", json!({ "after_month": 12 }), "is not valid under any of the schemas"),
        ("/points/backdating_days_max", json!("30"), "is not of type"),
        ("/points/backdating_days_max", json!(366), "greater than the maximum"),
        ("/earning_rules/0/give", json!({ "rates": {} }), "is not valid under any of the schemas"),
        ("/earning_rules/0/id", json!("two words"), "does not match"),
        ("/tiers/levels", json!([]), "has less than 1 item"),
        ("/rewards/0/kind", json!("gift"), "is not one of"),
        ("/attributes/0/type", Value::Null, "is not one of"),
    ] {
        let mut document = everything();
        let (parent, name) = at.rsplit_once('/').unwrap();
        let place = document.pointer_mut(parent).unwrap();
        match name.parse::<usize>() {
            Ok(index) => place[index] = value,
            Err(_) => place[name] = value,
        }
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.iter().any(|error| error.contains(says)), "{at}: {errors:?}");
    }
}
