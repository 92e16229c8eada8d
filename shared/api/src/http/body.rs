//! JSON bodies: their size and media type, and where exactly one is wrong.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::problem::{Code, Problem};
use super::request::BODY_BYTES_MAX;

/// A body that is a JSON object as a `T`, all of it, whatever front end it came through.
///
/// # Errors
///
/// `body_too_large` above [`BODY_BYTES_MAX`], `body_malformed` (also for fields that `T` refuses).
pub fn read_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    check_size(body, BODY_BYTES_MAX)?;
    check_shape(body)?;
    parse(body)
}

/// Refuses a body that is too large, or missing.
fn check_size(body: &[u8], bytes_max: usize) -> Result<(), Problem> {
    if body.len() > bytes_max {
        return Err(Problem::new(
            Code::BodyTooLarge,
            format!("The body has {} bytes; at most {bytes_max} are taken.", body.len()),
        ));
    }
    if body.is_empty() {
        return Err(Problem::body_malformed("", "The request needs a JSON body."));
    }
    Ok(())
}

/// Refuses a body that is too large, missing, or not declared as JSON.
pub(crate) fn check(body: &[u8], content_type: Option<&str>, bytes_max: usize) -> Result<(), Problem> {
    check_size(body, bytes_max)?;
    if !content_type.is_some_and(is_json) {
        return Err(Problem::new(
            Code::MediaTypeUnsupported,
            match content_type {
                Some(given) => format!("Content-Type is {given}; send application/json."),
                None => "Content-Type is missing; send application/json.".to_owned(),
            },
        ));
    }
    Ok(())
}

/// The fields of requests that hold lists.
const LISTS: [&str; 4] = ["aliases", "codes", "lines", "messages"];

/// Refuses a body that is not a JSON object, and a list where an object belongs: it would be read as the object's fields,
/// in the order in which our code happens to declare them.
fn check_shape(body: &[u8]) -> Result<(), Problem> {
    // What is no JSON at all is for the reading to point at.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
    if !value.is_object() {
        return Err(Problem::body_malformed("", "The body must be a JSON object."));
    }
    match list_out_of_place(&value, None) {
        None => Ok(()),
        Some(at) => Err(Problem::body_malformed(at, "No list can stand here.")),
    }
}

/// The pointer, from `value`, to a list that is neither the value of a field in [`LISTS`] nor, as `value` itself, of
/// `field`.
fn list_out_of_place(value: &Value, field: Option<&str>) -> Option<String> {
    match value {
        Value::Array(_) if !field.is_some_and(|field| LISTS.contains(&field)) => Some(String::new()),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .find_map(|(index, value)| list_out_of_place(value, None).map(|rest| format!("/{index}{rest}"))),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let name_in_pointer = name.replace('~', "~0").replace('/', "~1");
            list_out_of_place(value, Some(name)).map(|rest| format!("/{name_in_pointer}{rest}"))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Reads a JSON body, all of it.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        if error.inner().is_data() {
            return Problem::body_malformed(pointer(error.path()), sentence(error.inner()));
        }
        shape_malformed::<T>(body).unwrap_or_else(|| Problem::body_malformed("", sentence(error.inner())))
    })?;
    json.end().map_err(|error| Problem::body_malformed("", sentence(&error)))?;
    Ok(value)
}

/// The reader of text takes an object with one member too many, where a choice of one is meant, for broken JSON. `None`
/// if it is broken indeed; no place in it has a name then.
fn shape_malformed<T: DeserializeOwned>(body: &[u8]) -> Option<Problem> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = serde_path_to_error::deserialize::<_, T>(value).err()?;
    Some(Problem::body_malformed(pointer(error.path()), sentence(error.inner())))
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json && parts.all(is_harmless_parameter)
}

/// JSON is UTF-8; another `charset` means that the sender thinks otherwise.
fn is_harmless_parameter(parameter: &str) -> bool {
    match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) | None => true,
    }
}

/// An RFC 6901 pointer. A place whose name is lost is left out, so the pointer then leads to what holds it.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                // Writing to a string does not fail.
                let _ = write!(pointer, "/{index}");
            }
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => text,
    }
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

    fn at(body: &str) -> Option<String> {
        let problem = parse::<Accrual>(body.as_bytes()).err()?;
        let document: Value = serde_json::from_str(&problem.document("r").unwrap()).unwrap();
        assert_eq!(document["code"], "body_malformed");
        Some(document["at"].as_str().unwrap().to_owned())
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
        let problem = parse::<Accrual>(br#"{"purchase":{"total":1},"nothing":null}"#).unwrap_err();
        assert!(problem.detail().contains("single key"), "{problem}");
        let problem = parse::<Accrual>(br#"{"purchase":{"total":1},"nothing":}"#).unwrap_err();
        assert!(!problem.detail().contains("single key"), "{problem}");
    }

    #[test]
    fn a_list_is_taken_only_where_the_api_has_one() {
        let at = |body: &str| check_shape(body.as_bytes()).err().map(|problem| problem.member("at").cloned().unwrap());
        for (body, expected) in [
            (r#"{"purchase":{"lines":[{"sku":"latte"}]}}"#, None),
            (r#"{"aliases":[{"kind":"email","value":"a@b"}]}"#, None),
            (r#"{"codes":["A1"]}"#, None),
            ("not JSON", None),
            (r#"["latte"]"#, Some("")),
            ("1", Some("")),
            (r#"{"purchase":["2026-11-22T00:00:00Z",[1250,"EUR"]]}"#, Some("/purchase")),
            (r#"{"purchase":{"total":[1250,"EUR"]}}"#, Some("/purchase/total")),
            (r#"{"purchase":{"lines":[{},["latte"]]}}"#, Some("/purchase/lines/1")),
            (r#"{"attributes":{"a/b":[]}}"#, Some("/attributes/a~1b")),
        ] {
            assert_eq!(at(body), expected.map(Value::from), "{body}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(parse::<Value>(b"\"\xff\"").is_err());
        assert!(parse::<Value>(b"\x00").is_err());
    }

    #[test]
    fn a_deeply_nested_body_is_refused_and_not_followed() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let body = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
            assert_eq!(parse::<Value>(body.as_bytes()).unwrap_err().code(), Code::BodyMalformed);
            assert_eq!(at(&body).as_deref().map(|at| at.len() < 10), Some(true));
        }
    }

    #[test]
    fn a_body_is_declared_as_json() {
        for (content_type, expected) in [
            (Some("application/json"), None),
            (Some("Application/JSON; charset=UTF-8"), None),
            (Some("application/json;charset=\"utf-8\""), None),
            (Some("application/json; charset=latin1"), Some(Code::MediaTypeUnsupported)),
            (Some("application/jsonp"), Some(Code::MediaTypeUnsupported)),
            (Some("application/x-www-form-urlencoded"), Some(Code::MediaTypeUnsupported)),
            (Some("text/plain"), Some(Code::MediaTypeUnsupported)),
            (Some(""), Some(Code::MediaTypeUnsupported)),
            (None, Some(Code::MediaTypeUnsupported)),
        ] {
            let refused = check(b"{}", content_type, 10).err().map(|problem| problem.code());
            assert_eq!(refused, expected, "{content_type:?}");
        }
    }

    #[test]
    fn the_largest_body_is_taken_and_one_byte_more_is_not() {
        let json = Some("application/json");
        assert!(check(&vec![b' '; 65_536], json, 65_536).is_ok());
        let refused = check(&vec![b' '; 65_537], json, 65_536).unwrap_err();
        assert_eq!(refused.code(), Code::BodyTooLarge);
    }
}
