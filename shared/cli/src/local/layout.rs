//! JSON formatted for a terminal: short values are on one line, as in the guide, and fields keep their order.

use std::fmt::{self, Write as _};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

/// Maximum length of a line, in characters.
const WIDTH_MAX: usize = 110;

/// Spaces per level.
const INDENT: usize = 2;

/// Returns `json` formatted, with a line break at its end; `None` if it is not JSON.
pub(crate) fn laid_out(json: &[u8]) -> Option<String> {
    let layout: Layout = serde_json::from_slice(json).ok()?;
    let mut text = String::new();
    layout.write(&mut text, 0, 0);
    text.push('\n');
    Some(text)
}

/// A JSON value that keeps the order of its fields.
enum Layout {
    Leaf(Value),
    List(Vec<Layout>),
    Object(Vec<(String, Layout)>),
}

impl Layout {
    /// Writes the value at a depth of `level`, after `before` characters of its line.
    fn write(&self, text: &mut String, level: usize, before: usize) {
        let line = self.on_one_line();
        if line.chars().count().saturating_add(before) <= WIDTH_MAX {
            text.push_str(&line);
            return;
        }
        let inner = level.saturating_add(1);
        let indent = " ".repeat(inner.saturating_mul(INDENT));
        let end = format!("\n{}", " ".repeat(level.saturating_mul(INDENT)));
        match self {
            Self::Leaf(_) => text.push_str(&line),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index == 0 { "[\n" } else { ",\n" });
                    text.push_str(&indent);
                    item.write(text, inner, indent.len());
                }
                text.push_str(&end);
                text.push(']');
            }
            Self::Object(fields) => {
                for (index, (name, value)) in fields.iter().enumerate() {
                    text.push_str(if index == 0 { "{\n" } else { ",\n" });
                    let name = format!("{indent}{}: ", Value::from(name.as_str()));
                    text.push_str(&name);
                    value.write(text, inner, name.chars().count());
                }
                text.push_str(&end);
                text.push('}');
            }
        }
    }

    fn on_one_line(&self) -> String {
        let inside = |parts: Vec<String>, open: &str, close: &str| {
            if parts.is_empty() { format!("{open}{close}") } else { format!("{open} {} {close}", parts.join(", ")) }
        };
        match self {
            Self::Leaf(value) => value.to_string(),
            Self::List(items) => inside(items.iter().map(Self::on_one_line).collect(), "[", "]"),
            Self::Object(fields) => {
                let field = |(name, value): &(String, Self)| {
                    let mut text = Value::from(name.as_str()).to_string();
                    // Writing to a string does not fail.
                    let _ = write!(text, ": {}", value.on_one_line());
                    text
                };
                inside(fields.iter().map(field).collect(), "{", "}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Layout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LayoutVisitor)
    }
}

struct LayoutVisitor;

impl<'de> Visitor<'de> for LayoutVisitor {
    type Value = Layout;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Layout, E> {
        Ok(Layout::Leaf(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Layout, E> {
        Ok(Layout::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Layout, E> {
        Ok(Layout::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Layout, E> {
        Ok(Layout::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Layout, E> {
        Ok(Layout::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Layout, E> {
        Ok(Layout::Leaf(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Layout, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Layout::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Layout, A::Error> {
        let mut all = Vec::new();
        while let Some(field) = fields.next_entry()? {
            all.push(field);
        }
        Ok(Layout::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_stands_on_one_line_and_the_order_stays() {
        let long = "x".repeat(60);
        for (json, expected) in [
            ("7".to_owned(), "7\n".to_owned()),
            ("{}".to_owned(), "{}\n".to_owned()),
            (r#"{"b":1,"a":[1,2],"c":{}}"#.to_owned(), "{ \"b\": 1, \"a\": [ 1, 2 ], \"c\": {} }\n".to_owned()),
            (
                format!(r#"{{"z":"{long}","a":[{{"one":"{long}","two":null}},true]}}"#),
                format!("{{\n  \"z\": \"{long}\",\n  \"a\": [ {{ \"one\": \"{long}\", \"two\": null }}, true ]\n}}\n"),
            ),
            (format!(r#"["{long}","{long}"]"#), format!("[\n  \"{long}\",\n  \"{long}\"\n]\n")),
        ] {
            let laid_out = laid_out(json.as_bytes()).unwrap();
            assert_eq!(laid_out, expected);
            let again: Value = serde_json::from_str(&laid_out).unwrap();
            assert_eq!(again, serde_json::from_str::<Value>(&json).unwrap());
        }
        assert_eq!(laid_out(b"<html>"), None);
    }
}
