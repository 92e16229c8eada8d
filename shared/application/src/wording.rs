//! Describes what is wrong with a body in the terms of its sender. The messages of `serde` use Rust's types and are
//! translated here.

use regulars_domain::{kind::kind_of, likeness};
use serde_json::{Error, Value, error::Category};

/// The fields that are amounts, for which decimals get advice about minor units.
const AMOUNTS: [&str; 9] =
    ["amount", "discount", "paid_with_gift_card", "paid_with_points", "shipping", "spend", "tax", "tip", "total"];

/// A rejected value of a body, and what is known about its place.
#[derive(Debug, Default)]
pub(crate) struct Rejected<'v> {
    /// The JSON pointer to it.
    pub(crate) at: &'v str,
    /// The value, if the text is JSON.
    pub(crate) found: Option<&'v Value>,
    /// The names allowed for the value, or for its only field, if it must be one of several.
    pub(crate) choices: Vec<String>,
    /// Whether these are names of fields, and not values themselves.
    pub(crate) are_fields: bool,
}

/// Returns the sentences that explain `error`, which is about `rejected`. They do not quote the value.
pub(crate) fn explained(error: &Error, rejected: &Rejected<'_>) -> String {
    match error.classify() {
        Category::Syntax | Category::Eof => syntax(error),
        Category::Data | Category::Io => rejected.explained(&without_place(&error.to_string())),
    }
}

/// Returns whether an error says that a value must be one of several that it does not list.
pub(crate) fn has_choices(error: &Error) -> bool {
    let text = without_place(&error.to_string());
    text.ends_with("expected map with a single key") || text.ends_with("expected string or map")
}

/// Returns the names that `serde` lists after what it expected, if `error` is about a choice.
pub(crate) fn choices(error: &Error) -> Vec<String> {
    let text = error.to_string();
    if text.starts_with("unknown variant ") {
        known(&text).into_iter().map(str::to_owned).collect()
    } else {
        Vec::new()
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
        text if text.starts_with("EOF while parsing a string") => "A string has no closing quote",
        text if text.starts_with("EOF") => "It ends too early; a bracket or a value is missing",
        "trailing characters" => "There is more text after the end of the JSON value",
        "trailing comma" => "A comma must not stand before a closing bracket",
        "key must be a string" => "The name of a field must be in double quotes",
        "number out of range" => "A number is too large",
        "recursion limit exceeded" => "It is nested too deeply",
        "expected value" => "A value is missing here, or a string is not in double quotes",
        "expected `,` or `}`" => "A comma or a closing brace is missing",
        "expected `,` or `]`" => "A comma or a closing bracket is missing",
        "expected `:`" => "A colon is missing",
        "invalid number" => {
            "A number is not written as in JSON, for example with a leading zero or nothing after its point"
        }
        "expected ident" => "Only true, false and null can stand without quotes",
        text if text.starts_with("invalid escape") || text.contains("surrogate") || text.contains("hex escape") => {
            "A backslash in a string is followed by something that it cannot escape"
        }
        text if text.contains("control character") => {
            "A string contains a line break or another control character; write a line break as \\n"
        }
        "invalid unicode code point" => "It is not encoded as UTF-8",
        _ => "A character does not belong here",
    };
    format!("The body is not JSON. {reason}: {place}.")
}

impl Rejected<'_> {
    fn explained(&self, text: &str) -> String {
        if let Some(name) = quoted_after(text, "missing field ") {
            return format!("The field `{name}` is missing.");
        }
        if let Some(name) = quoted_after(text, "duplicate field ") {
            return format!("The field `{name}` is given twice.");
        }
        if let Some(name) = quoted_after(text, "unknown field ") {
            return no_such_field(name, &known(text));
        }
        if let Some(name) = quoted_after(text, "unknown variant ") {
            let known = known(text);
            return if self.found.is_some_and(Value::is_object) {
                no_such_field(name, &known)
            } else {
                let nearest = likeness::nearest(name, &known);
                let meant = nearest.map(|name| format!(" Did you mean `{name}`?")).unwrap_or_default();
                format!("{} must be one of {}.{meant}", self.subject(), likeness::listed(name, &known))
            };
        }
        if let Some(rule) = text.strip_prefix("must ") {
            return format!("{} must {rule}.", self.subject());
        }
        let wrong = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
        let Some((found, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) else {
            return sentence(&without_value(text));
        };
        if let Some(Value::Object(fields)) = self.found.filter(|_| self.are_fields) {
            let remedy = if fields.is_empty() || self.has_choice(fields) { "" } else { " Put them inside that field." };
            return format!("{}; it has {}.{remedy}", self.one_field(), fields.len());
        }
        let found = self.found.map_or_else(|| described(found), kind_of);
        let wanted = self.wanted(expected);
        format!("{} must be {wanted}, not {found}.{}", self.subject(), self.remedy(&wanted))
    }

    /// Returns the first field of an object that does not belong beside its only choice, if there is one.
    pub(crate) fn stray_field(&self) -> Option<&str> {
        let Some(Value::Object(fields)) = self.found.filter(|_| self.are_fields) else { return None };
        let is_choice = |name: &&String| self.choices.contains(name);
        let has_one_choice = fields.keys().filter(is_choice).count() == 1;
        fields.keys().find(|name| has_one_choice && !is_choice(name)).map(String::as_str)
    }

    /// Returns the sentence that explains [`Rejected::stray_field`].
    pub(crate) fn stray(&self, name: &str) -> String {
        let one_field = self.one_field();
        let rest = one_field.strip_prefix("The ").map_or(one_field.clone(), |rest| format!("the {rest}"));
        format!("`{name}` does not belong here: {rest}.")
    }

    /// Returns what an object with one of several fields must have.
    fn one_field(&self) -> String {
        let one_of = self.choices.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        format!("{} must have exactly one field, {one_of}", self.subject())
    }

    /// Returns the subject of the sentence: the body, the field, or an item of a list.
    fn subject(&self) -> String {
        let mut steps = self.at.rsplit('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
        match (steps.next().filter(|step| !step.is_empty()), steps.next()) {
            (None, _) => "The body".to_owned(),
            (Some(index), Some(list)) if index.parse::<usize>().is_ok() && !list.is_empty() => {
                format!("Each item of `{list}`")
            }
            (Some(name), _) => format!("`{name}`"),
        }
    }

    /// Returns what the value must be.
    fn wanted(&self, expected: &str) -> String {
        let one_of = self.choices.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        let words = match expected {
            _ if !one_of.is_empty() && self.are_fields => {
                return format!("an object with exactly one field, which is {one_of}");
            }
            _ if !one_of.is_empty() => return format!("one of {}", one_of.replace(" or ", ", ")),
            "map with a single key" => "an object with exactly one field",
            "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number, 0 or more",
            "a string" | "a borrowed string" | "a string key" => "a string",
            "a boolean" => "true or false",
            "a sequence" => "a list",
            "a JSON number" | "f64" => "a number",
            "a map" | "string or map" | "object" => "an object",
            rust if rust.starts_with("struct ") || rust.starts_with("enum ") || rust.contains("variant") => "an object",
            words => words,
        };
        words.to_owned()
    }

    /// Returns what to do about it, if the value suggests that.
    fn remedy(&self, wanted: &str) -> String {
        let is_amount = AMOUNTS.iter().any(|name| self.at.rsplit('/').next() == Some(name));
        let mut remedies = Vec::new();
        match self.found {
            Some(Value::String(text)) if wanted.contains("number") => {
                let number = text.trim().replace(',', ".").parse::<serde_json::Number>();
                if number.is_ok() {
                    remedies.push("Remove the quotes.");
                }
                if is_amount && number.is_ok_and(|number| number.is_f64()) {
                    remedies.push(MINOR_UNITS);
                }
            }
            Some(Value::String(text)) if wanted == "true or false" && matches!(text.as_str(), "true" | "false") => {
                remedies.push("Remove the quotes.");
            }
            Some(Value::Number(number)) if wanted == "a whole number" && number.is_f64() && is_amount => {
                remedies.push(MINOR_UNITS);
            }
            Some(Value::Number(_)) if wanted == "a string" && self.at.ends_with("_at") => {
                remedies.push("Write an instant such as 2026-11-21T16:05:00+03:00, not a number of seconds.");
            }
            Some(Value::Number(_)) if wanted == "a string" => remedies.push("Put it in double quotes."),
            Some(_) | None => {}
        }
        [&[""], remedies.as_slice()].concat().join(" ")
    }

    fn has_choice(&self, fields: &serde_json::Map<String, Value>) -> bool {
        self.choices.iter().any(|name| fields.contains_key(name))
    }
}

/// The advice for an amount with decimals.
const MINOR_UNITS: &str = "Amounts are in minor units: 12.50 EUR is 1250.";

fn no_such_field(name: &str, known: &[&str]) -> String {
    match known {
        [] => format!("There is no field `{name}` here. No fields are allowed here."),
        [only] if likeness::nearest(name, known).is_none() => {
            format!("There is no field `{name}` here. The only field is `{only}`.")
        }
        known => format!("There is no field `{name}` here. {}", likeness::instead(name, known, "The fields are")),
    }
}

/// Returns the kind of a value from the description of `serde`.
fn described(found: &str) -> &'static str {
    match found.split(' ').next().unwrap_or_default() {
        "integer" if found.starts_with("integer `-") => "a negative number",
        "integer" => "a number",
        "floating" => "a number with decimals",
        "boolean" => "true or false",
        "string" => "a string",
        "map" => "an object",
        "sequence" => "a list",
        _ if found.starts_with("null") || found.starts_with("unit") || found.starts_with("Option") => "null",
        _ => "what was sent",
    }
}

/// Returns the names that `serde` lists after what it expected.
fn known(text: &str) -> Vec<&str> {
    let listed = text.split_once(", expected ").map(|(_, listed)| listed).unwrap_or_default();
    listed.split('`').skip(1).step_by(2).collect()
}

fn quoted_after<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.strip_prefix(prefix)?.strip_prefix('`')?.split('`').next()
}

/// Removes the value that a message of serde quotes: `invalid type: string "x", expected u64` becomes
/// `invalid type: string, expected u64`. If the message of another library quotes anything, the whole message is
/// replaced.
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

/// Returns `text` with a capital at its beginning and a full stop at its end, unless it ends with a question.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let end = if text.ends_with('?') { "" } else { "." };
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).chain(end.chars()).collect())
        .unwrap_or_default()
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
            Err(error) => explained(&error, &Rejected::default()),
            Ok(value) => {
                let error = serde_json::from_value::<Purchase>(value.clone()).unwrap_err();
                explained(&error, &Rejected { at, found: value.pointer(at), ..Rejected::default() })
            }
        }
    }

    #[test]
    fn a_wrong_value_is_reported_with_what_it_must_be() {
        for (body, at, expected) in [
            (r#"{"amount":"1250"}"#, "/amount", "`amount` must be a whole number, not a string. Remove the quotes."),
            (
                r#"{"amount":"12,50"}"#,
                "/amount",
                "`amount` must be a whole number, not a string. Remove the quotes. Amounts are in minor units: 12.50 EUR is 1250.",
            ),
            (r#"{"amount":"a lot"}"#, "/amount", "`amount` must be a whole number, not a string."),
            (
                r#"{"amount":12.5}"#,
                "/amount",
                "`amount` must be a whole number, not a number with decimals. Amounts are in minor units: 12.50 EUR is 1250.",
            ),
            (r#"{"amount":null}"#, "/amount", "`amount` must be a whole number, not null."),
            (r#"{"amount":{}}"#, "/amount", "`amount` must be a whole number, not an object."),
            (
                r#"{"amount":1,"quantity":-1}"#,
                "/quantity",
                "`quantity` must be a whole number, 0 or more, not a negative number.",
            ),
            (r#"{"amount":1,"store":7}"#, "/store", "`store` must be a string, not a number. Put it in double quotes."),
            (r#"{"amount":1,"store":["x"]}"#, "/store", "`store` must be a string, not a list."),
            (r#"{"amount":1,"lines":"x"}"#, "/lines", "`lines` must be a list, not a string."),
            (r#"{"amount":1,"attributes":true}"#, "/attributes", "`attributes` must be an object, not true or false."),
            (
                r#"{"amount":1,"attributes":{"a":"true"}}"#,
                "/attributes/a",
                "`a` must be true or false, not a string. Remove the quotes.",
            ),
            ("7", "", "The body must be an object, not a number."),
        ] {
            assert_eq!(told(body, at), expected, "{body}");
        }
    }

    #[test]
    fn an_unknown_name_is_reported_with_the_nearest_one() {
        for (body, at, expected) in [
            ("{}", "", "The field `amount` is missing."),
            (r#"{"amont":1}"#, "", "There is no field `amont` here. Did you mean `amount`?"),
            (r#"{"Amount":1}"#, "", "There is no field `Amount` here. Did you mean `amount`?"),
            (
                r#"{"vat":1}"#,
                "",
                "There is no field `vat` here. The fields are `amount`, `store`, `quantity`, `lines`, `attributes`, `end`.",
            ),
            (
                r#"{"amount":1,"end":"canceled"}"#,
                "/end",
                "`end` must be one of `captured`, `cancelled`. Did you mean `cancelled`?",
            ),
            (r#"{"amount":1,"end":"x"}"#, "/end", "`end` must be one of `captured`, `cancelled`."),
        ] {
            assert_eq!(told(body, at), expected, "{body}");
        }
    }

    #[test]
    fn invalid_json_is_reported_with_place_and_reason() {
        for (body, expected) in [
            ("{", "It ends too early; a bracket or a value is missing: line 1, column 1."),
            ("{\"a\":\"x}", "A string has no closing quote: line 1, column 8."),
            ("{\"a\":1,}", "A comma must not stand before a closing bracket: line 1, column 8."),
            ("{a:1}", "The name of a field must be in double quotes: line 1, column 2."),
            ("{\"a\" 1}", "A colon is missing: line 1, column 6."),
            ("{\"a\":1 \"b\":2}", "A comma or a closing brace is missing: line 1, column 8."),
            ("[1 2]", "A comma or a closing bracket is missing: line 1, column 4."),
            ("{\"a\":'x'}", "A value is missing here, or a string is not in double quotes: line 1, column 6."),
            ("{\"a\":tru}", "Only true, false and null can stand without quotes: line 1, column 9."),
            (
                "{\"a\":01}",
                "A number is not written as in JSON, for example with a leading zero or nothing after its point: line 1, column 7.",
            ),
            ("{} x", "There is more text after the end of the JSON value: line 1, column 4."),
            ("{\"a\":1e999}", "A number is too large: line 1, column 10."),
            (
                "{\"a\":\"\n\"}",
                "A string contains a line break or another control character; write a line break as \\n: line 2, column 0.",
            ),
        ] {
            assert_eq!(told(body, ""), format!("The body is not JSON. {expected}"), "{body}");
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
                if serde_json::from_value::<Purchase>(value).is_ok() {
                    continue;
                }
                let told = told(&body, &format!("/{field}"));
                for word in [
                    "i64", "u32", "struct", "enum", "sequence", " map", "boolean", "variant", " unit ", "serde",
                    "line 0",
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
