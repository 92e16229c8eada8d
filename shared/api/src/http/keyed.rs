//! A request with its `Idempotency-Key` and its caller, as the application needs it.

use std::borrow::Cow;

use regulars_application::command::KeyedRequest;
use regulars_domain::{
    entry::By,
    fingerprint::Content,
    id::{EntryId, ID_LENGTH_MAX, IdempotencyKey},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{
    caller::Caller,
    problem::{Problem, ProblemCode},
    request::HttpRequest,
};

impl HttpRequest {
    /// Returns this request for `operation`, under its key; `content` is what else its fingerprint covers.
    ///
    /// # Errors
    ///
    /// Those of [`HttpRequest::idempotency_key`].
    pub(crate) fn keyed(&self, operation: &str, content: &Value) -> Result<KeyedRequest, Problem> {
        Ok(self.keyed_as(self.idempotency_key()?.into(), operation, content))
    }

    /// Like [`HttpRequest::keyed`], for a request whose fingerprint does not depend on how its body is written.
    ///
    /// # Errors
    ///
    /// Those of [`HttpRequest::keyed`].
    pub(crate) fn keyed_by(&self, content: Content) -> Result<KeyedRequest, Problem> {
        let entry = self.idempotency_key()?.into();
        Ok(KeyedRequest { entry, content, by: self.by(), actor: self.actor() })
    }

    /// Like [`HttpRequest::keyed`], with an entry id that the caller does not choose.
    #[must_use]
    pub fn keyed_as(&self, entry: EntryId, operation: &str, content: &Value) -> KeyedRequest {
        KeyedRequest { entry, content: Content::of(operation, content), by: self.by(), actor: self.actor() }
    }

    /// Returns the kind of caller, as an entry records it.
    #[must_use]
    pub fn by(&self) -> By {
        match self.caller() {
            Caller::Operator => By::Operator,
            Caller::Member => By::Member,
        }
    }

    /// Returns the `Idempotency-Key`. A request is carried out once under each key.
    ///
    /// # Errors
    ///
    /// `idempotency_key_missing`; `idempotency_key_malformed` if it is not an [`IdempotencyKey`], bare or as a quoted
    /// string.
    pub(crate) fn idempotency_key(&self) -> Result<IdempotencyKey, Problem> {
        let Some(value) = self.headers().get("idempotency-key") else {
            return Err(Problem::new(ProblemCode::IdempotencyKeyMissing, key_advice(self.path())));
        };
        let key = value.to_str().ok().and_then(unquoted).and_then(|key| key.parse().ok());
        key.ok_or_else(|| {
            let detail = "Idempotency-Key must be 1 to 64 printable ASCII characters, without a space at either end and without ~ at \
                          the beginning. If it is in quotes, only \\\" and \\\\ are escapes.";
            Problem::new(ProblemCode::IdempotencyKeyMalformed, detail)
        })
    }
}

/// Examples of keys, by the end of the path: numbers that the caller's system already has.
const KEYS: [(&str, &str); 14] = [
    ("/accruals", "the number of the order or the receipt"),
    ("/amendments", "the number of the order and of its change"),
    ("/confirmation", "the number of the order and `-confirmed`"),
    ("/redemptions", "the number of the checkout or the voucher"),
    ("/capture", "the number of the payment"),
    ("/cancellation", "the number of the checkout and `-cancelled`"),
    ("/reversals", "the number of the return or the refund"),
    ("/adjustments", "the number of the customer service ticket"),
    ("/transfers", "an id of the transfer in your app"),
    ("/merge", "the number of the customer service ticket"),
    ("/plan", "the number of the payment"),
    ("/uses", "the number of the receipt"),
    ("/use", "the number of the receipt"),
    ("/erasure", "the number of the person's request"),
];

/// Returns advice about the key of a request with this path.
fn key_advice(path: &str) -> String {
    let same = "an id of your own that stays the same when the request is repeated";
    match KEYS.iter().find(|(end, _)| path.ends_with(end)) {
        Some((_, example)) => format!("Send the header Idempotency-Key with {same}, such as {example}."),
        None if path.ends_with("/members") => format!(
            "Give the member an id in the field `member`. Without one, send the header Idempotency-Key with {same}, such as the \
             number of the registration."
        ),
        None => format!("Send the header Idempotency-Key with {same}."),
    }
}

/// The schema of the header `Idempotency-Key`: a bare key, or a key as a quoted string.
#[derive(Clone, Copy, Debug)]
pub struct KeyHeader;

impl JsonSchema for KeyHeader {
    fn schema_name() -> Cow<'static, str> {
        "KeyHeader".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let between = ID_LENGTH_MAX.saturating_sub(2);
        let bare = format!("[!#-}}]([ -~]{{0,{between}}}[!-~])?");
        // Within quotes, a backslash escapes a quote or a backslash.
        let escaped = r#"\\["\\]"#;
        let quoted =
            format!(r#""([!#-\[\]-}}]|{escaped})(([ !#-\[\]-~]|{escaped}){{0,{between}}}([!#-\[\]-~]|{escaped}))?""#);
        json_schema!({ "type": "string", "pattern": format!("^({bare}|{quoted})$") })
    }
}

/// Returns the key in a header's value: the value itself, or the content of a quoted string (RFC 9651, section 3.3.3),
/// which the IETF draft of this header uses. `None` if the value begins with a quote and is not such a string.
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = value.strip_prefix('"') else { return Some(value.into()) };
    let quoted = quoted.strip_suffix('"')?;
    let mut key = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => key.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            '"' => return None,
            _ => key.push(character),
        }
    }
    Some(key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_key_is_the_same_as_the_bare_one() {
        for (value, expected) in [
            ("order-1001", Some("order-1001")),
            ("\"order-1001\"", Some("order-1001")),
            ("\"S 17\"", Some("S 17")),
            (r#""say \"hi\"""#, Some("say \"hi\"")),
            (r#""a\\b""#, Some(r"a\b")),
            (r#""a\\""#, Some(r"a\")),
            (r#"a"b"#, Some(r#"a"b"#)),
            (r"a\b", Some(r"a\b")),
            (r#"a""#, Some(r#"a""#)),
            (r#""""#, Some("")),
            (r#"""#, None),
            (r#""a"#, None),
            (r#""a"b""#, None),
            (r#""a","b""#, None),
            (r#""a\""#, None),
            (r#""a\n""#, None),
            (r#""a"; x=1"#, None),
        ] {
            assert_eq!(unquoted(value).as_deref(), expected, "{value}");
        }
    }
}
