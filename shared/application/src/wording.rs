//! Describes what is wrong with a body in the terms of its sender. The messages of `serde` use Rust's types and are
//! translated here.

use serde_json::{Error, error::Category};

/// How similar an unknown name must be to a known one to be suggested: 1 is equal, 0 has nothing in common.
const ALIKE: f64 = 0.7;

/// Returns the sentences that explain `error`, which is about the value that the JSON pointer `at` leads to.
pub(crate) fn explained(error: &Error, at: &str) -> String {
    match error.classify() {
        Category::Syntax | Category::Eof => syntax(error),
        Category::Data | Category::Io => data(&without_place(&error.to_string()), at),
    }
}

/// Removes the position in the text from a message of `serde_json`. A pointer is better.
fn without_place(text: &str) -> String {
    text.rsplit_once(" at line ").map_or(text, |(text, _)| text).to_owned()
}

fn syntax(error: &Error) -> String {
    let text = error.to_string();
    let place = format!("line {}, column {}", error.line(), error.column());
    let reason = match without_place(&text).as_str() {
        text if text.starts_with("EOF") => "It ends too soon",
        "trailing characters" => "Something follows its end",
        "trailing comma" => "A comma is followed by nothing",
        "key must be a string" => "A name must be in double quotes",
        "number out of range" => "A number is too large",
        "recursion limit exceeded" => "It is nested too deeply",
        "expected value" => "A value is missing, or a text has no double quotes",
        "expected `,` or `}`" | "expected `,` or `]`" => "A comma is missing, or a bracket",
        "expected `:`" => "A colon is missing",
        text if text.starts_with("invalid escape") || text.contains("surrogate") || text.contains("hex escape") => {
            "A backslash is followed by something that it does not escape"
        }
        text if text.contains("control character") => "A text contains a line break or another control character",
        _ => "A character does not belong there",
    };
    format!("The body is not JSON. {reason}: {place}.")
}

fn data(text: &str, at: &str) -> String {
    if let Some(name) = quoted_after(text, "missing field ") {
        return format!("The field `{name}` is missing.");
    }
    if let Some(name) = quoted_after(text, "duplicate field ") {
        return format!("The field `{name}` is given twice.");
    }
    if let Some(name) = quoted_after(text, "unknown field ") {
        return format!("There is no field `{name}` here. {}", instead(name, &known(text), "The fields are"));
    }
    if let Some(name) = quoted_after(text, "unknown variant ") {
        return format!("This value is not allowed here. {}", instead(name, &known(text), "Allowed are"));
    }
    let wrong = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
    let Some((found, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) else {
        return sentence(&without_value(text));
    };
    if expected == "map with a single key" {
        return "This must be an object with exactly one field.".to_owned();
    }
    let (wanted, is_number) = in_words(expected);
    let found_text = found.strip_prefix("string \"").and_then(|text| text.strip_suffix('"'));
    let remedy = match found_text {
        Some(text) if is_number && text.parse::<i64>().is_ok() => " Leave out the quotes.",
        None if is_number && found.starts_with("floating") && at.ends_with("amount") => {
            " Amounts are in minor units: 12.50 EUR is 1250."
        }
        Some(_) | None => "",
    };
    format!("This must be {wanted}, and not {}.{remedy}", described(found))
}

/// Returns what a value must be, and whether that is a whole number.
fn in_words(expected: &str) -> (&str, bool) {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => ("a whole number", true),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => ("a whole number, 0 or more", true),
        "a string" | "a borrowed string" | "a string key" => ("a text in double quotes", false),
        "a boolean" => ("true or false", false),
        "a sequence" => ("a list", false),
        "a JSON number" | "f64" => ("a number", true),
        "a map" | "string or map" | "object" => ("an object", false),
        rust if rust.starts_with("struct ") || rust.starts_with("enum ") || rust.contains("variant") => {
            ("an object", false)
        }
        words => (words, false),
    }
}

/// Returns the kind of value that was sent. Never the value: in the wrong place it may be personal data.
fn described(found: &str) -> &'static str {
    match found.split(' ').next().unwrap_or_default() {
        "integer" if found.starts_with("integer `-") => "a number below 0",
        "integer" => "a number",
        "floating" => "a number with decimals",
        "boolean" => "true or false",
        "string" => "a text",
        "map" => "an object",
        "sequence" => "a list",
        _ if found.starts_with("null") || found.starts_with("unit") || found.starts_with("Option") => "null",
        _ => "what was sent",
    }
}

/// Returns what is allowed in the place of `name`: the most similar one, or all of them.
fn instead(name: &str, known: &[&str], all: &str) -> String {
    let alike = |known: &&&str| strsim::jaro_winkler(&name.to_lowercase(), known);
    let nearest = known.iter().max_by(|one, other| alike(one).total_cmp(&alike(other)));
    match nearest {
        Some(nearest) if alike(&nearest) >= ALIKE => format!("Did you mean `{nearest}`?"),
        Some(_) => format!("{all} {}.", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        None => "Nothing is allowed here.".to_owned(),
    }
}

/// Returns the names that `serde` lists as expected.
fn known(text: &str) -> Vec<&str> {
    let listed = text.split_once(", expected ").map(|(_, listed)| listed).unwrap_or_default();
    listed.split('`').skip(1).step_by(2).collect()
}

fn quoted_after<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.strip_prefix(prefix)?.strip_prefix('`')?.split('`').next()
}

/// Leaves out the value that a message of serde quotes: `invalid type: string "x", expected u64` becomes `invalid type: string,
/// expected u64`. A message of another library is left out where it quotes anything.
pub(crate) fn without_value(text: &str) -> String {
    const QUOTING: [&str; 3] = ["invalid type: ", "invalid value: ", "unknown variant "];
    match text.rsplit_once(", expected ").filter(|_| QUOTING.iter().any(|kind| text.starts_with(kind))) {
        Some((found, expected)) => {
            let kind = found.split(['"', '`']).next().unwrap_or_default().trim_end();
            format!("{kind}, expected {expected}")
        }
        None if text.contains('"') => "the value cannot be read".to_owned(),
        None => text.to_owned(),
    }
}

/// Returns `text` with a capital at its beginning and a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).chain(['.']).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt};

    use jiff::civil::Date;
    use serde::{Deserialize, de::DeserializeOwned};
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Purchase {
        amount: i64,
        #[serde(default)]
        store: String,
        #[serde(default)]
        quantity: u32,
        #[serde(default)]
        lines: Vec<Value>,
        #[serde(default)]
        attributes: BTreeMap<String, bool>,
        #[serde(default)]
        end: Option<End>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum End {
        Captured,
        Cancelled,
    }

    fn told(body: &str, at: &str) -> String {
        match serde_json::from_str::<Value>(body) {
            Err(error) => explained(&error, at),
            Ok(value) => explained(&serde_json::from_value::<Purchase>(value).unwrap_err(), at),
        }
    }

    #[test]
    fn a_wrong_value_is_reported_with_what_it_must_be() {
        for (body, at, expected) in [
            (r#"{"amount":"1250"}"#, "", "This must be a whole number, and not a text. Leave out the quotes."),
            (r#"{"amount":"a lot"}"#, "", "This must be a whole number, and not a text."),
            (
                r#"{"amount":12.5}"#,
                "/total/amount",
                "This must be a whole number, and not a number with decimals. Amounts are in minor units: 12.50 EUR is 1250.",
            ),
            (r#"{"amount":null}"#, "", "This must be a whole number, and not null."),
            (r#"{"amount":{}}"#, "", "This must be a whole number, and not an object."),
            (r#"{"amount":1,"quantity":-1}"#, "", "This must be a whole number, 0 or more, and not a number below 0."),
            (r#"{"amount":1,"store":7}"#, "", "This must be a text in double quotes, and not a number."),
            (r#"{"amount":1,"store":["x"]}"#, "", "This must be a text in double quotes, and not a list."),
            (r#"{"amount":1,"lines":"x"}"#, "", "This must be a list, and not a text."),
            (r#"{"amount":1,"attributes":true}"#, "", "This must be an object, and not true or false."),
            (r#"{"amount":1,"attributes":{"a":"true"}}"#, "", "This must be true or false, and not a text."),
            ("7", "", "This must be an object, and not a number."),
            (r#"{"amount":1,"end":3}"#, "", "This must be an object, and not a number."),
        ] {
            assert_eq!(told(body, at), expected, "{body}");
        }
    }

    #[test]
    fn an_unknown_name_is_reported_with_the_nearest_one() {
        for (body, expected) in [
            ("{}", "The field `amount` is missing."),
            (r#"{"amont":1}"#, "There is no field `amont` here. Did you mean `amount`?"),
            (r#"{"Amount":1}"#, "There is no field `Amount` here. Did you mean `amount`?"),
            (
                r#"{"vat":1}"#,
                "There is no field `vat` here. The fields are `amount`, `store`, `quantity`, `lines`, `attributes`, `end`.",
            ),
            (r#"{"amount":1,"end":"canceled"}"#, "This value is not allowed here. Did you mean `cancelled`?"),
            (r#"{"amount":1,"end":"x"}"#, "This value is not allowed here. Allowed are `captured`, `cancelled`."),
        ] {
            assert_eq!(told(body, ""), expected, "{body}");
        }
    }

    #[test]
    fn invalid_json_is_reported_with_place_and_reason() {
        for (body, expected) in [
            ("{", "The body is not JSON. It ends too soon: line 1, column 1."),
            ("{\"a\":1,}", "The body is not JSON. A comma is followed by nothing: line 1, column 8."),
            ("{a:1}", "The body is not JSON. A name must be in double quotes: line 1, column 2."),
            ("{\"a\" 1}", "The body is not JSON. A colon is missing: line 1, column 6."),
            ("{\"a\":1 \"b\":2}", "The body is not JSON. A comma is missing, or a bracket: line 1, column 8."),
            (
                "{\"a\":'x'}",
                "The body is not JSON. A value is missing, or a text has no double quotes: line 1, column 6.",
            ),
            ("{} x", "The body is not JSON. Something follows its end: line 1, column 4."),
            ("{\"a\":1e999}", "The body is not JSON. A number is too large: line 1, column 10."),
            (
                "{\"a\":\"\n\"}",
                "The body is not JSON. A text contains a line break or another control character: line 2, column 0.",
            ),
        ] {
            assert_eq!(told(body, ""), expected, "{body}");
        }
    }

    /// No message of `serde` reaches a caller with a word of Rust in it.
    #[test]
    fn no_word_of_rust_is_left() {
        let values = ["null", "true", "1", "-1", "1.5", "\"x\"", "[]", "{}", "[1]", r#"{"a":1}"#];
        let fields = ["amount", "store", "quantity", "lines", "attributes", "end", "x"];
        for field in fields {
            for value in values {
                let body = format!(r#"{{"{field}":{value}}}"#);
                let Ok(value) = serde_json::from_str::<Value>(&body) else { continue };
                let Err(error) = serde_json::from_value::<Purchase>(value) else { continue };
                let told = explained(&error, "");
                for word in [
                    "i64", "u32", "struct", "enum", "sequence", " map", "boolean", "variant", "unit", "serde", "line 0",
                ] {
                    assert!(!told.contains(word), "{body}: {told}");
                }
            }
        }
    }

    #[test]
    fn errors_never_quote_the_value() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            One,
        }
        fn told<T: fmt::Debug + DeserializeOwned>(value: Value) -> String {
            without_value(&serde_json::from_value::<T>(value).unwrap_err().to_string())
        }
        let mail = "ayse@example.com, expected \"x\", expected y";
        for (told, expected) in [
            (told::<u64>(mail.into()), "invalid type: string, expected u64"),
            (told::<u64>((-5_550_733).into()), "invalid value: integer, expected u64"),
            (told::<u64>(1.5.into()), "invalid type: floating point, expected u64"),
            (told::<u64>(true.into()), "invalid type: boolean, expected u64"),
            (told::<u64>(Value::Null), "invalid type: null, expected u64"),
            (told::<Kind>(mail.into()), "unknown variant, expected `one`"),
            (told::<Date>(format!("2026-11-21{mail}").into()), "the value cannot be read"),
        ] {
            assert_eq!(told, expected);
        }
    }
}
