//! JSON bodies of requests and messages: read once, with the exact place of an error.

use std::fmt::{self, Write as _};

use regulars_domain::{
    kind::{is_too_large, kind_of},
    pointer::step,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_path_to_error::{Path, Segment};

use crate::{
    refusal::{Refusal, RefusalCode},
    wording::{self, Rejected},
};

/// The maximum size of a body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// The fields of requests that hold lists.
const LISTS: [&str; 7] = ["add", "aliases", "codes", "lines", "messages", "remove", "returned"];

/// A JSON body in which no object has two fields of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Body(Value);

impl Body {
    /// Reads all of `bytes`, up to `bytes_max`.
    ///
    /// # Errors
    ///
    /// `body_too_large`; `body_malformed` if there are no bytes, they are not JSON, or a field occurs twice.
    pub fn read(bytes: &[u8], bytes_max: usize) -> Result<Self, Refusal> {
        check_size(bytes, bytes_max)?;
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let Distinct(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            // If the text is not JSON, no place in it has a pointer.
            let at = if error.inner().is_data() { pointer(error.path()) } else { String::new() };
            malformed(error.inner(), &at)
        })?;
        json.end().map_err(|error| malformed(&error, ""))?;
        Ok(Self(value))
    }

    /// Returns the object `field` of this body without its field `without`, as a body: a message contains the body of a
    /// request.
    #[must_use]
    pub fn part(&self, field: &str, without: &str) -> Self {
        let mut part = self.0.get(field).cloned().unwrap_or_default();
        if let Some(fields) = part.as_object_mut() {
            fields.remove(without);
        }
        Self(part)
    }

    /// Returns the body as a JSON value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Reads the body, a JSON object, as a `T`.
    ///
    /// # Errors
    ///
    /// `body_malformed` if it is not an object, contains a list where the API has none, or is rejected by `T`.
    pub fn object<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        if !self.0.is_object() {
            let detail = format!("The body must be a JSON object, not {}.", kind_of(&self.0));
            return Err(Refusal::body_malformed("", detail));
        }
        // serde reads a list in the place of an object as the object's fields, in the order of their declaration.
        if let Some(at) = list_out_of_place(&self.0, None) {
            return Err(self.rejected_list::<T>(at));
        }
        serde_path_to_error::deserialize(&self.0).map_err(|error| self.rejected::<T>(&error))
    }

    /// Returns the refusal of a body that `T` rejects with `error`.
    fn rejected<T: DeserializeOwned>(&self, error: &serde_path_to_error::Error<serde_json::Error>) -> Refusal {
        let at = pointer(error.path());
        let found = self.0.pointer(&at);
        let choices = if wording::has_choices(error.inner()) { self.choices::<T>(&at) } else { Vec::new() };
        let are_fields = choices.first().is_some_and(|choice| self.is_field::<T>(&at, choice));
        let rejected = Rejected { at: &at, found, choices, are_fields };
        if let Some(name) = rejected.stray_field() {
            return Refusal::body_malformed(format!("{at}/{}", step(name)), rejected.stray(name));
        }
        // The error about a number that fits says which numbers are allowed.
        let of_range = found.filter(|found| is_too_large(found)).and_then(|_| self.read_with::<T>(&at, i64::MAX).err());
        let of_range = of_range.filter(|error| error.to_string().starts_with("must "));
        Refusal::body_malformed(at.clone(), wording::explained(of_range.as_ref().unwrap_or(error.inner()), &rejected))
    }

    /// Returns the refusal of a body with a list at `at`, where the API has none: an unknown field, or another type.
    fn rejected_list<T: DeserializeOwned>(&self, at: String) -> Refusal {
        let read: Result<T, _> = serde_path_to_error::deserialize(self.with(&at, true));
        match read {
            Err(error) => self.rejected::<T>(&error),
            Ok(_) => Refusal::body_malformed(at, "A list is not allowed here; send a single value."),
        }
    }

    /// Returns the names that `T` allows for the value at `at`, if it is one of several: reading an invalid name lists
    /// them.
    fn choices<T: DeserializeOwned>(&self, at: &str) -> Vec<String> {
        self.read_with::<T>(at, "\0").err().map(|error| wording::choices(&error)).unwrap_or_default()
    }

    /// Returns whether `choice` is the name of a field at `at`, and not a value itself.
    fn is_field<T: DeserializeOwned>(&self, at: &str, choice: &str) -> bool {
        self.read_with::<T>(at, choice).is_err_and(|error| error.to_string().contains("unit variant"))
    }

    /// Reads this body with the value at `at` replaced by `other`.
    fn read_with<T: DeserializeOwned>(&self, at: &str, other: impl Into<Value>) -> Result<T, serde_json::Error> {
        T::deserialize(self.with(at, other))
    }

    /// Returns this body with the value at `at` replaced by `other`.
    fn with(&self, at: &str, other: impl Into<Value>) -> Value {
        let mut body = self.0.clone();
        if let Some(value) = body.pointer_mut(at) {
            *value = other.into();
        }
        body
    }
}

/// Reads an optional field that must not be `null`. The default for a missing field is the whole amount, and a client that sends
/// `null` has no amount. Used as `#[serde(default, deserialize_with = "told")]`.
///
/// # Errors
///
/// `null`, and every value that `T` rejects.
pub fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Rejects a body that is too large, or missing.
///
/// # Errors
///
/// `body_too_large`, `body_malformed`.
pub fn check_size(bytes: &[u8], bytes_max: usize) -> Result<(), Refusal> {
    if bytes.len() > bytes_max {
        let detail = format!("The body has {} bytes, and at most {bytes_max} are allowed.", bytes.len());
        return Err(Refusal::new(RefusalCode::BodyTooLarge, detail));
    }
    if bytes.is_empty() {
        return Err(Refusal::body_malformed("", "The body is missing. Send a JSON object."));
    }
    Ok(())
}

fn malformed(error: &serde_json::Error, at: &str) -> Refusal {
    Refusal::body_malformed(at, wording::explained(error, &Rejected { at, ..Rejected::default() }))
}

/// Returns the pointer, from `value`, to a list that is neither the value of a field in [`LISTS`] nor, as `value`
/// itself, of `field`.
fn list_out_of_place(value: &Value, field: Option<&str>) -> Option<String> {
    match value {
        Value::Array(_) if !field.is_some_and(|field| LISTS.contains(&field)) => Some(String::new()),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .find_map(|(index, value)| list_out_of_place(value, None).map(|rest| format!("/{index}{rest}"))),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            list_out_of_place(value, Some(name)).map(|rest| format!("/{}{rest}", step(name)))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A JSON value in which no object has two fields of one name. `serde_json` would keep the last.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctVisitor).map(Self)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// A whole number may be written with an exponent or with zeros after its point: `1e3` and `1250.0` are whole numbers in
    /// JSON Schema too.
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // Above 2^53, not all whole numbers are floating-point numbers.
        let whole = value.to_string().parse::<i64>().ok().filter(|whole| whole.unsigned_abs() < 1 << 53);
        Ok(whole.map_or_else(|| Number::from_f64(value).map_or(Value::Null, Value::Number), Value::from))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Distinct(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if values.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            let Distinct(value) = fields.next_value()?;
            values.insert(name, value);
        }
        Ok(values.into())
    }
}

/// Returns an RFC 6901 pointer. A segment without a name is left out, so the pointer then leads to the enclosing value.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                // Writing to a string cannot fail.
                let _ = write!(pointer, "/{index}");
            }
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                // Writing to a string cannot fail.
                let _ = write!(pointer, "/{}", step(name));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Purchase {
        total: u64,
        #[serde(default)]
        lines: Vec<Line>,
        #[serde(default)]
        attributes: BTreeMap<String, u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Line {
        sku: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "read by serde only")]
    enum Accrual {
        Purchase(Purchase),
        Nothing,
    }

    fn read(body: &[u8]) -> Result<Accrual, Refusal> {
        Body::read(body, BODY_BYTES_MAX)?.object()
    }

    fn at(body: &str) -> Option<String> {
        let refusal = read(body.as_bytes()).err()?;
        assert_eq!(refusal.code(), RefusalCode::BodyMalformed);
        Some(refusal.at().unwrap().to_owned())
    }

    #[test]
    fn a_malformed_body_is_pointed_at() {
        for (body, expected) in [
            (r#"{"purchase":{"total":1,"lines":[{"sku":"a"}]}}"#, None),
            (r#"{"purchase":{"total":"1"}}"#, Some("/purchase/total")),
            (r#"{"purchase":{"total":-1}}"#, Some("/purchase/total")),
            (r#"{"purchase":{"total":1.5}}"#, Some("/purchase/total")),
            (r#"{"purchase":{"total":18446744073709551616}}"#, Some("/purchase/total")),
            (r#"{"purchase":{"total":1,"totl":2}}"#, Some("/purchase/totl")),
            (r#"{"purchase":{"total":1,"total":2}}"#, Some("/purchase")),
            (r#"{"purchase":{"total":1,"attributes":{"a":1,"a":1}}}"#, Some("/purchase/attributes")),
            (r#"{"purchase":{"total":1},"purchase":{"total":1}}"#, Some("")),
            (r#"{"purchase":{}}"#, Some("/purchase")),
            (r#"{"purchase":{"total":1,"lines":[{"sku":"a"},{"sku":7}]}}"#, Some("/purchase/lines/1/sku")),
            (r#"{"purchase":{"total":1,"lines":[{"sku":"a","x":7}]}}"#, Some("/purchase/lines/0/x")),
            (r#"{"purchase":{"total":1,"attributes":{"a/b~c":999}}}"#, Some("/purchase/attributes/a~1b~0c")),
            (r#"{"activity":{}}"#, Some("")),
            (r#"{"purchase":{"total":1}"#, Some("")),
            (r#"{"purchase":{"total":1}} x"#, Some("")),
            ("[]", Some("")),
            ("7", Some("")),
            ("total=1", Some("")),
            ("\u{feff}{}", Some("")),
            ("\"\\ud800\"", Some("")),
        ] {
            assert_eq!(at(body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn two_choices_where_one_is_meant_are_no_broken_json() {
        let one_of = "The body must have exactly one field, `purchase` or `nothing`; it has";
        for (body, expected) in [
            (r#"{"purchase":{"total":1},"nothing":null}"#, format!("{one_of} 2.")),
            ("{}", format!("{one_of} 0.")),
            (r#"{"purchase":{"total":1},"nothing":null,"note":1}"#, format!("{one_of} 3.")),
            (r#"{"total":1,"lines":[]}"#, format!("{one_of} 2. Put them inside that field.")),
            (r#"{"purchases":{}}"#, "There is no field `purchases` here. Did you mean `purchase`?".to_owned()),
        ] {
            assert_eq!(read(body.as_bytes()).unwrap_err().detail(), expected, "{body}");
        }
        let refusal = read(br#"{"a/b":1,"purchase":{"total":1}}"#).unwrap_err();
        let detail = "`a/b` does not belong here: the body must have exactly one field, `purchase` or `nothing`.";
        assert_eq!((refusal.at(), refusal.detail()), (Some("/a~1b"), detail));
        let refusal = read(br#"{"purchase":{"total":1},"nothing":}"#).unwrap_err();
        assert!(!refusal.detail().contains("exactly one field"), "{refusal}");
    }

    #[test]
    fn a_list_is_taken_only_where_the_api_has_one() {
        let at = |body: &str| list_out_of_place(&serde_json::from_str(body).unwrap(), None);
        for (body, expected) in [
            (r#"{"purchase":{"lines":[{"sku":"latte"}]}}"#, None),
            (r#"{"aliases":[{"kind":"email","value":"a@b"}]}"#, None),
            (r#"{"codes":["A1"]}"#, None),
            (r#"["latte"]"#, Some("")),
            (r#"{"purchase":["2026-11-22T00:00:00Z",[1250,"EUR"]]}"#, Some("/purchase")),
            (r#"{"purchase":{"total":[1250,"EUR"]}}"#, Some("/purchase/total")),
            (r#"{"purchase":{"lines":[{},["latte"]]}}"#, Some("/purchase/lines/1")),
            (r#"{"attributes":{"a/b":[]}}"#, Some("/attributes/a~1b")),
        ] {
            assert_eq!(at(body), expected.map(str::to_owned), "{body}");
        }
    }

    #[test]
    fn a_list_in_a_wrong_place_is_explained_like_any_other_value() {
        for (body, pointer, detail) in [
            (
                r#"{"purchase":{"total":1,"line":[]}}"#,
                "/purchase/line",
                "There is no field `line` here. Did you mean `lines`?",
            ),
            (
                r#"{"purchase":{"total":[1]}}"#,
                "/purchase/total",
                "`total` must be a whole number, 0 or more, not a list.",
            ),
            (r#"{"purchase":[1,[]]}"#, "/purchase", "`purchase` must be an object, not a list."),
            (
                r#"{"purchase":{"total":1,"lines":[["a"]]}}"#,
                "/purchase/lines/0",
                "Each item of `lines` must be an object, not a list.",
            ),
        ] {
            let refusal = read(body.as_bytes()).unwrap_err();
            assert_eq!((refusal.at(), refusal.detail()), (Some(pointer), detail), "{body}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point_or_an_exponent() {
        for (text, expected) in
            [("1250.0", "1250"), ("1e3", "1000"), ("-0", "0"), ("1.5e1", "15"), ("9e15", "9000000000000000")]
        {
            let expected: Value = serde_json::from_str(expected).unwrap();
            assert_eq!(Body::read(text.as_bytes(), 100).unwrap().value(), &expected, "{text}");
        }
        for text in ["0.5", "1e-3", "9007199254740993.0", "1e30"] {
            assert!(Body::read(text.as_bytes(), 100).unwrap().value().is_f64(), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(Body::read(b"\"\xff\"", 10).is_err());
        assert!(Body::read(b"\x00", 10).is_err());
    }

    #[test]
    fn a_deeply_nested_body_is_refused_and_not_followed() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let body = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
            assert_eq!(Body::read(body.as_bytes(), 1_000_000).unwrap_err().code(), RefusalCode::BodyMalformed);
            assert_eq!(at(&body).as_deref().map(|at| at.len() < 10), Some(true));
        }
    }

    #[test]
    fn the_largest_body_is_taken_and_one_byte_more_is_not() {
        let body = |length: usize| [vec![b' '; length - 1], b"7".to_vec()].concat();
        assert_eq!(Body::read(&body(BODY_BYTES_MAX), BODY_BYTES_MAX).unwrap().value(), 7);
        let refused = Body::read(&body(BODY_BYTES_MAX + 1), BODY_BYTES_MAX).unwrap_err();
        assert_eq!(refused.code(), RefusalCode::BodyTooLarge);
    }

    #[test]
    fn a_value_is_the_one_that_was_sent() {
        for text in [r#"{"a":[1,-1,1.5,"x",true,null,{}],"b":{"c":"\u00e9"}}"#, "18446744073709551616", "\"\""] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(Body::read(text.as_bytes(), 100).unwrap().value(), &value);
        }
    }
}
