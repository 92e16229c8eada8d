//! The kind of a JSON value, as messages name it.

use serde_json::Value;

/// Returns the kind of `value`. Never the value: in the wrong place it may be personal data.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with decimals",
        Value::Number(number) if number.as_i64().is_some_and(|number| number < 0) => "a negative number",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_named_by_its_kind_and_never_quoted() {
        for (value, expected) in [
            (json!(null), "null"),
            (json!(true), "true or false"),
            (json!(1), "a number"),
            (json!(-1), "a negative number"),
            (json!(1.5), "a number with decimals"),
            (json!(""), "an empty string"),
            (json!("ayse"), "a string"),
            (json!([1]), "a list"),
            (json!({ "a": 1 }), "an object"),
        ] {
            assert_eq!(kind_of(&value), expected);
        }
    }
}
