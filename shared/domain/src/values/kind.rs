//! The kind of a JSON value, as messages name it.

use serde_json::Value;

/// Returns the kind of `value`, and never the value itself: in the wrong place it may be personal data.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) if is_too_large(value) => "a number that is too large",
        Value::Number(number) if number.is_f64() => "a number with decimals",
        Value::Number(number) if number.as_i64().is_some_and(|number| number < 0) => "a negative number",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns whether `value` is a whole number of more than 64 bits. `serde_json` reads most of these as floating-point
/// numbers.
#[must_use]
pub fn is_too_large(value: &Value) -> bool {
    let text = value.to_string();
    // The text of a floating-point number has an exponent if it is large, or a point.
    let digits = text.trim_start_matches('-').bytes().take_while(u8::is_ascii_digit).count();
    let is_large = digits > 15 || (text.contains('e') && !text.contains("e-"));
    value.is_number() && value.as_i64().is_none() && is_large
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
            (json!(i64::MAX), "a number"),
            (json!(u64::MAX), "a number that is too large"),
            (json!(-1e30), "a number that is too large"),
            (json!(1.5e20), "a number that is too large"),
            (json!(1e-7), "a number with decimals"),
            (json!(""), "an empty string"),
            (json!("ayse"), "a string"),
            (json!([1]), "a list"),
            (json!({ "a": 1 }), "an object"),
        ] {
            assert_eq!(kind_of(&value), expected);
        }
    }
}
