//! A request in 32 hexadecimal digits, to tell its repeat from another request under the same key.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The fingerprint of a request: what it asks for, and its body whatever the order of its fields or its white space.
///
/// The first 128 bits of a SHA-256: two bodies that meet by chance are not to be expected in the life of any program,
/// and somebody who constructs two gains only a replay of his own request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of `body` sent to `operation`, such as `accrual`.
    #[must_use]
    pub fn of(operation: &str, body: &Value) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(operation.as_bytes());
        hasher.update(b"\n");
        let mut text = String::new();
        write_sorted(body, &mut text);
        hasher.update(text.as_bytes());
        let mut digits = hex::encode(hasher.finalize());
        digits.truncate(32);
        Self(digits)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes `value` as JSON with sorted keys. `serde_json` sorts by itself only as long as nobody in the build turns its
/// `preserve_order` on, and what is kept for ever must not rest on that.
fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in fields {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_sorted(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for value in values {
                write_sorted(value, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(operation: &str, body: &str) -> Fingerprint {
        Fingerprint::of(operation, &serde_json::from_str(body).unwrap())
    }

    #[test]
    fn the_same_request_written_otherwise_has_the_same_fingerprint() {
        assert_eq!(
            fingerprint("accrual", r#"{"a": {"x": 1, "y": [1, 2]}, "b": "é"}"#),
            fingerprint("accrual", "{\"b\":\"\\u00e9\",\n\"a\":{\"y\":[1,2],\"x\":1}}"),
        );
    }

    #[test]
    fn another_request_has_another_fingerprint() {
        let one = fingerprint("accrual", r#"{"a":1,"b":[1,2]}"#);
        for other in [r#"{"a":1,"b":[2,1]}"#, r#"{"a":1}"#, r#"{"a":"1","b":[1,2]}"#, r#"{"a":1,"b":[[1],2]}"#] {
            assert_ne!(one, fingerprint("accrual", other), "{other}");
        }
        assert_ne!(one, fingerprint("redemption", r#"{"a":1,"b":[1,2]}"#));
    }
}
