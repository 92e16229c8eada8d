//! Reads every attribute of every item, without the engine.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_tests::system::System;

use super::marks::{NICKNAME, NOTE, SHOP, found, is_kept_in};

/// Returns where the table of `system` contains a mark that it should not contain.
pub(super) fn leaks(system: &System) -> Vec<String> {
    let (mut leaks, mut kept) = (Vec::new(), BTreeSet::new());
    for item in system.items() {
        let text = |name: &str| item[name].as_s().unwrap().as_str();
        let (pk, sk) = (text("pk"), text("sk"));
        let kind = sk.split('#').next().unwrap();
        for (name, value) in &item {
            for mark in found(&written(value)) {
                if is_kept_in(mark, kind, name) && !pk.ends_with("#other") {
                    kept.insert(mark);
                } else {
                    leaks.push(format!("the table has {mark} in the attribute {name} of {pk}, {sk}"));
                }
            }
        }
    }
    // A test that looks in the wrong place would find nothing.
    for mark in [NICKNAME, NOTE, SHOP, "canary-city", "7330733", "19710213"] {
        assert!(kept.contains(mark), "{mark} is not kept anywhere: {kept:?}");
    }
    leaks
}

/// Returns all text in a value, including names of fields; bytes as text and as hexadecimal digits.
fn written(value: &AttributeValue) -> String {
    let bytes = |blob: &aws_sdk_dynamodb::primitives::Blob| String::from_utf8_lossy(blob.as_ref()).into_owned();
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::B(blob) => bytes(blob),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => texts.join(" "),
        AttributeValue::Bs(blobs) => blobs.iter().map(bytes).collect::<Vec<_>>().join(" "),
        AttributeValue::L(values) => values.iter().map(written).collect::<Vec<_>>().join(" "),
        AttributeValue::M(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name} {}", written(value)));
            fields.collect::<Vec<_>>().join(" ")
        }
        AttributeValue::Bool(_) | AttributeValue::Null(_) | _ => String::new(),
    }
}
