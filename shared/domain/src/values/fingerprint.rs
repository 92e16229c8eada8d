//! Fingerprints of requests, which distinguish a repeat from another request under the same key.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The secret of one member that keys the fingerprints of their requests. It is random and stored in the account only,
/// so that it can be deleted with the member's personal data. Without it, a fingerprint does not reveal whether a
/// guessed e-mail address or birthday was in the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for Salt {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// The operation of a request for points.
pub(crate) const ACCRUAL: &str = "accrual";

/// The content of a request: the operation, such as `accrual`, and the body, regardless of the order of its fields and
/// of white space. A field that is `null` or empty equals a missing one.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Returns the content of a request that sends `body` to `operation`.
    #[must_use]
    pub fn of(operation: &str, body: &Value) -> Self {
        let mut text = format!("{operation}\n");
        write_sorted(body, &mut text);
        Self(text)
    }

    /// Returns its fingerprint under the salt of the member, or an unkeyed one if the salt was deleted.
    #[must_use]
    pub fn fingerprint(&self, salt: Option<&Salt>) -> Fingerprint {
        let mut hasher = Sha256::new();
        // A key of fixed length before the text makes a keyed hash, because half of the digest is not shown.
        hasher.update(salt.map_or([0; 16], |salt| salt.0));
        hasher.update(self.0.as_bytes());
        let mut digits = hex::encode(hasher.finalize());
        digits.truncate(32);
        Fingerprint(digits)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(..)")
    }
}

/// The fingerprint of a request's [`Content`]: the first 128 bits of a SHA-256 that is keyed with the member's [`Salt`].
///
/// A collision is not expected in the lifetime of any program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether a field with `value` equals a missing field.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Writes `value` as JSON with sorted keys and without empty fields. `serde_json` sorts only while no crate in the build enables its
/// feature `preserve_order`, and stored fingerprints must not depend on that.
fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !is_nothing(value)).collect();
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
        // 1.0 equals 1.
        Value::Number(number) => text.push_str(number.to_string().trim_end_matches(".0")),
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(operation: &str, body: &str) -> Fingerprint {
        Content::of(operation, &serde_json::from_str(body).unwrap()).fingerprint(Some(&[7; 16].into()))
    }

    #[test]
    fn the_same_request_written_otherwise_has_the_same_fingerprint() {
        assert_eq!(
            fingerprint("accrual", r#"{"a": {"x": 1, "y": [1, 2]}, "b": "é"}"#),
            fingerprint("accrual", "{\"b\":\"\\u00e9\",\n\"a\":{\"y\":[1,2],\"x\":1}}"),
        );
    }

    #[test]
    fn a_field_that_says_nothing_is_the_same_as_none() {
        let one = fingerprint("redemption", r#"{"a":{"b":1},"c":[{}]}"#);
        for same in [
            r#"{"a":{"b":1,"d":null},"c":[{"x":null}]}"#,
            r#"{"a":{"b":1},"c":[{"x":[]}],"d":[],"e":{},"f":{"g":{"h":null}}}"#,
            r#"{"a":{"b":1.0},"c":[{}],"d":null}"#,
        ] {
            assert_eq!(one, fingerprint("redemption", same), "{same}");
        }
        for other in [
            r#"{"a":{"b":10},"c":[{}]}"#,
            r#"{"a":{"b":1},"c":[{},{}]}"#,
            r#"{"a":{"b":1},"c":[null]}"#,
            r#"{"a":{"b":1},"c":[{}],"d":0}"#,
            r#"{"a":{"b":1},"c":[{}],"d":false}"#,
            r#"{"a":{"b":1},"c":[{}],"d":""}"#,
        ] {
            assert_ne!(one, fingerprint("redemption", other), "{other}");
        }
    }

    #[test]
    fn another_request_has_another_fingerprint() {
        let one = fingerprint("accrual", r#"{"a":1,"b":[1,2]}"#);
        for other in [r#"{"a":1,"b":[2,1]}"#, r#"{"a":1}"#, r#"{"a":"1","b":[1,2]}"#, r#"{"a":1,"b":[[1],2]}"#] {
            assert_ne!(one, fingerprint("accrual", other), "{other}");
        }
        assert_ne!(one, fingerprint("redemption", r#"{"a":1,"b":[1,2]}"#));
    }

    #[test]
    fn the_same_request_of_another_member_has_another_fingerprint() {
        let content = Content::of("accrual", &Value::Null);
        let salts = [Some([7; 16]), Some([8; 16]), None].map(|salt| salt.map(Salt::from));
        let [one, other, none] = salts.map(|salt| content.fingerprint(salt.as_ref()));
        assert!(one != other && other != none && none != one);
    }

    #[test]
    fn neither_a_salt_nor_a_content_is_shown_where_things_are_logged() {
        assert_eq!(format!("{:?}", Salt::from([7; 16])), "Salt(..)");
        assert_eq!(format!("{:?}", Content::of("enrollment", &"ayse@example.com".into())), "Content(..)");
    }
}
