//! The generated documents: the committed files must equal what the code generates.
//!
//! After an intended change, `UPDATE_SNAPSHOTS=1 cargo test -p regulars-tests --test system contract` writes them
//! again, to be reviewed in the diff.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{collections::BTreeSet, env, fs, path::Path};

use regulars_tests::{
    contract::{OPENAPI, valid},
    reference::page,
};
use serde_json::Value;

fn committed(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    assert!(
        kept == made,
        "{name} is not what the code says, from line {differs:?} on: write it anew with UPDATE_SNAPSHOTS=1"
    );
}

fn pretty(document: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(document).unwrap())
}

#[test]
fn the_committed_openapi_document_is_the_one_that_the_routes_make() {
    committed("contract/openapi.json", &pretty(&OPENAPI));
}

#[test]
fn the_committed_schema_of_programs_is_the_one_that_the_readers_make() {
    committed("contract/program.schema.json", &pretty(&regulars_domain::program::schema()));
}

#[test]
fn the_reference_page_is_the_one_that_the_documents_make() {
    committed("guide/reference.md", &page());
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for operation in OPENAPI["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "two operations are called {name}");
    }
}

/// Adds the places of fields, parameters and responses without a description to `found`.
fn undescribed(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, part) in fields {
                if name == "properties" && !at.ends_with("/properties") {
                    // A rule about values names fields that are described elsewhere.
                    let is_rule = at.contains("/allOf/");
                    for (field, schema) in part.as_object().unwrap().iter().filter(|_| !is_rule) {
                        let is_constraint = schema.get("type").is_none()
                            && schema.get("$ref").is_none()
                            && schema.get("anyOf").is_none()
                            && schema.get("oneOf").is_none();
                        if schema.get("description").is_none() && !is_constraint {
                            found.push(format!("{at}/{field}"));
                        }
                    }
                }
                undescribed(&format!("{at}/{name}"), part, found);
            }
        }
        Value::Array(values) => values.iter().enumerate().for_each(|(index, value)| {
            let is_nameless = value.get("in").is_some() && value.get("description").is_none();
            if is_nameless {
                found.push(format!("{at}/{index}"));
            }
            undescribed(&format!("{at}/{index}"), value, found);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_field_is_described() {
    let mut found = Vec::new();
    undescribed("", &OPENAPI, &mut found);
    assert!(found.is_empty(), "{} fields have no description: {found:#?}", found.len());
}

/// Checks each example below `value` against the schema next to it, and counts them.
fn checked_examples(at: &str, value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            let own = fields.get("example").zip(fields.get("schema")).map(|(example, schema)| {
                valid(schema, example, &OPENAPI["components"]).unwrap_or_else(|what| panic!("{at}: {what}"));
            });
            let below = fields.iter().filter(|(name, _)| *name != "example");
            usize::from(own.is_some())
                + below.map(|(name, part)| checked_examples(&format!("{at}/{name}"), part)).sum::<usize>()
        }
        Value::Array(values) => {
            values.iter().enumerate().map(|(index, value)| checked_examples(&format!("{at}/{index}"), value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The operations whose sample is rejected, to show a problem.
const WITHOUT: [&str; 2] = ["confirm_accrual", "cancel_redemption"];

#[test]
fn the_examples_are_valid_and_every_operation_has_one() {
    let mut without = Vec::new();
    for (path, item) in OPENAPI["paths"].as_object().unwrap().iter().filter(|(path, _)| path.contains("{program}")) {
        for (method, operation) in item.as_object().unwrap() {
            if checked_examples(&format!("{method} {path}"), operation) == 0 {
                without.push(operation["operationId"].as_str().unwrap());
            }
        }
    }
    assert_eq!(without, WITHOUT);
}
