//! Answers without the fields that depend on when an account was written, so that two of them can be compared.

use serde_json::Value;

/// Returns the answer to a command without the fields of a written entry, so that it equals its quote.
///
/// # Panics
///
/// If it is no answer to a command.
#[must_use]
pub fn unwritten(mut answer: Value) -> Value {
    for field in ["id", "seq", "hash"] {
        answer["entry"].as_object_mut().expect("an entry").remove(field);
    }
    // The hash covers the entry's id.
    answer["account"].as_object_mut().expect("an account").remove("head_hash");
    if let Some(redemption) = answer["redemption"].as_object_mut() {
        redemption.remove("id");
    }
    answer
}

/// Returns an answer without the fields that depend on earlier writes: versions, sequence numbers, hashes, and ids made by the engine.
#[must_use]
pub fn timeless(answer: &Value) -> Value {
    const FIELDS: [&str; 8] =
        ["version", "seq", "hash", "head_hash", "previous_hash", "text", "posted_at", "request_id"];
    match answer {
        Value::Array(items) => items.iter().map(timeless).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, value)| {
                let is_made = ["id", "refers_to"].contains(&name.as_str())
                    && value.as_str().is_some_and(|id| id.starts_with('~'));
                !is_made && !FIELDS.contains(&name.as_str())
            });
            kept.map(|(name, value)| (name.clone(), timeless(value))).collect()
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain.clone(),
    }
}
