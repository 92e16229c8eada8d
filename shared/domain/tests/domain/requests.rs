//! Requests without a meaning cannot be read.

use regulars_domain::{money::Money, occasion::Activity, purchase::Purchase};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Returns whether `body`, with the value at `pointer` replaced or added, can be read as a `T`.
fn reads<T: DeserializeOwned>(body: &Value, pointer: &str, value: Value) -> bool {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Value::Array(values) => values[name.parse::<usize>().unwrap()] = value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{parent} has no parts"),
    }
    serde_json::from_value::<T>(body).is_ok()
}

fn without<T: DeserializeOwned>(body: &Value, name: &str) -> bool {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(name).unwrap();
    serde_json::from_value::<T>(body).is_ok()
}

fn bought() -> Value {
    json!({
        "occurred_at": "2026-11-21T16:05:00+03:00", "total": { "amount": 1250, "currency": "EUR" },
        "channel": "app", "store": "kadikoy-1",
        "lines": [{ "sku": "latte", "category": "coffee", "quantity": 1, "amount": 450 }],
    })
}

#[test]
fn a_purchase_that_makes_no_sense_is_not_read() {
    let text = |length: usize| json!("é".repeat(length));
    let lines = |count: usize| Value::from(vec![json!({ "quantity": 1, "amount": 1 }); count]);
    for (pointer, value, expected) in [
        ("/store", json!(null), true),
        ("/store", text(64), true),
        ("/store", text(65), false),
        ("/store", json!(""), false),
        ("/store", json!(7), false),
        ("/channel", json!(["app"]), false),
        ("/colour", json!("red"), false),
        ("/occurred_at", json!("2026-11-21T16:05:00Z"), true),
        ("/occurred_at", json!("2026-11-21T16:05:00"), false),
        ("/occurred_at", json!("2026-11-21"), false),
        ("/occurred_at", json!("2026-02-30T16:05:00Z"), false),
        ("/occurred_at", json!(1_700_000_000), false),
        ("/occurred_at", json!(null), false),
        ("/total", json!(1250), false),
        ("/total", json!(null), false),
        ("/total/amount", json!(0), true),
        ("/total/amount", json!(999_999_999_999_i64), true),
        ("/total/amount", json!(1_000_000_000_000_i64), false),
        ("/total/amount", json!(-1), false),
        ("/total/amount", json!(12.5), false),
        ("/total/amount", json!("1250"), false),
        ("/total/amount", json!(null), false),
        ("/total/amount", json!(u64::MAX), false),
        ("/total/currency", json!("USD"), true),
        ("/total/currency", json!("usd"), false),
        ("/total/currency", json!("EURO"), false),
        ("/total/currency", json!(""), false),
        ("/total/vat", json!(1), false),
        ("/lines", json!([]), true),
        ("/lines", json!(null), true),
        ("/lines", json!({}), false),
        ("/lines", lines(200), true),
        ("/lines", lines(201), false),
        ("/lines/0/quantity", json!(1), true),
        ("/lines/0/quantity", json!(1_000_000), true),
        ("/lines/0/quantity", json!(1_000_001), false),
        ("/lines/0/quantity", json!(0), true),
        ("/lines/0/quantity", json!(-1), false),
        ("/lines/0/quantity", json!(0.35), true),
        ("/lines/0/quantity", json!(0.3505), false),
        ("/lines/0/id", json!("line-7"), true),
        ("/lines/0/id", json!(""), false),
        ("/tax", json!(1_250), true),
        ("/tax", json!(1_251), false),
        ("/shipping", json!(-1), false),
        ("/discount", json!(5_000), true),
        ("/receipt", json!("till3-0042"), true),
        ("/receipt", json!("caf\u{e9}"), false),
        ("/attributes", json!({ "payment": "card" }), true),
        ("/attributes", json!({ "payment": null }), true),
        ("/lines/0/quantity", json!(null), false),
        ("/lines/0/amount", json!(0), true),
        ("/lines/0/amount", json!(-1), false),
        ("/lines/0/amount", json!(1_000_000_000_000_i64), false),
        ("/lines/0/sku", json!(null), true),
        ("/lines/0/sku", text(65), false),
        ("/lines/0/category", json!(""), false),
        ("/lines/0/price", json!(450), false),
    ] {
        assert_eq!(reads::<Purchase>(&bought(), pointer, value.clone()), expected, "{pointer}: {value}");
    }
    for (name, expected) in
        [("occurred_at", false), ("total", false), ("channel", true), ("store", true), ("lines", true)]
    {
        assert_eq!(without::<Purchase>(&bought(), name), expected, "without {name}");
    }
    let twice = r#"{ "occurred_at": "2026-11-21T16:05:00Z", "occurred_at": "2026-11-21T16:05:00Z",
                     "total": { "amount": 1, "currency": "EUR" } }"#;
    assert!(serde_json::from_str::<Purchase>(twice).is_err(), "a field twice");
    assert!(serde_json::from_value::<Purchase>(json!([])).is_err());
    assert!(serde_json::from_value::<Money>(json!({ "amount": 1 })).is_err());
}

#[test]
fn an_activity_that_makes_no_sense_is_not_read() {
    let review = json!({ "type": "review", "occurred_at": "2026-11-21T16:05:00+03:00", "attributes": { "score": 5 } });
    let attributes = |count: usize| (0..count).map(|n| (format!("a{n}"), json!(n))).collect::<Value>();
    for (pointer, value, expected) in [
        ("/type", json!("profile.filled-in"), true),
        ("/type", json!("a review"), false),
        ("/type", json!(""), false),
        ("/type", json!("x".repeat(65)), false),
        ("/kind", json!("review"), false),
        ("/occurred_at", json!("tomorrow"), false),
        ("/attributes", json!({}), true),
        ("/attributes", json!([]), false),
        ("/attributes", attributes(20), true),
        ("/attributes", attributes(21), false),
        ("/attributes/score", json!(true), true),
        ("/attributes/score", json!(-5), true),
        ("/attributes/score", json!("five"), true),
        ("/attributes/score", json!(""), false),
        ("/attributes/score", json!("x".repeat(65)), false),
        ("/attributes/score", json!(4.5), false),
        ("/attributes/score", json!(null), true),
        ("/attributes/score", json!([5]), false),
        ("/attributes/score", json!({ "of": 5 }), false),
        ("/attributes/score", json!(u64::MAX), false),
    ] {
        assert_eq!(reads::<Activity>(&review, pointer, value.clone()), expected, "{pointer}: {value}");
    }
    let long = json!({ "x".repeat(65): 1 });
    assert!(!reads::<Activity>(&review, "/attributes", long));
    for (name, expected) in [("type", false), ("occurred_at", false), ("attributes", true)] {
        assert_eq!(without::<Activity>(&review, name), expected, "without {name}");
    }
}

#[test]
fn attributes_are_read_by_the_types_that_the_program_gives_them() {
    let program = crate::world::program(json!({ "attributes": [
        { "id": "city", "type": "string" }, { "id": "birthday", "type": "date", "personal": true },
        { "id": "newsletter", "type": "boolean" }, { "id": "cups", "type": "integer" },
    ] }));
    for (name, value, expected) in [
        ("city", json!("Izmir"), true),
        ("city", json!(""), true),
        ("city", json!("x".repeat(100)), true),
        ("city", json!("x".repeat(101)), false),
        ("city", json!(5), false),
        ("city", json!(null), true),
        ("birthday", json!("1990-05-03"), true),
        ("birthday", json!("1990-02-30"), false),
        ("birthday", json!("1990-5-3"), false),
        ("birthday", json!("1990-05-03T10:00"), false),
        ("birthday", json!("19900503"), false),
        ("birthday", json!(19_900_503), false),
        ("newsletter", json!(false), true),
        ("newsletter", json!("false"), false),
        ("newsletter", json!(0), false),
        ("cups", json!(-3), true),
        ("cups", json!(2.5), false),
        ("cups", json!(u64::MAX), false),
        ("country", json!("TR"), false),
        ("country", json!(null), true),
        ("", json!(null), false),
    ] {
        let given = std::iter::once((name.to_owned(), value.clone())).collect();
        let read = program.read_attributes(&given);
        assert_eq!(read.is_ok(), expected, "{name}: {value}");
        match read {
            Ok(read) => assert_eq!(read.values().next().unwrap().is_none(), value.is_null()),
            Err(refused) => assert!(refused.name == name && !refused.reason.is_empty()),
        }
    }
}
