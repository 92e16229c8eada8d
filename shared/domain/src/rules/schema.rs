//! The JSON Schema of a program document. Each reader of an object has one table of its fields: the reader takes the
//! names from it, and the schema the rest. Bounds and choices are the constants that the readers check.

use std::ops::RangeInclusive;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::values::points::Points;

/// The maximum of every number in a document: the largest amount that the engine counts.
pub(crate) const NUMBER_MAX: i64 = Points::MAX.get();

/// The maximum time span of any field, in days or months.
pub(crate) const SPAN_MAX: i64 = 100_000;

/// A field of an object in a program document.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    about: &'static str,
    schema: fn() -> Value,
    is_required: bool,
    default: Option<&'static str>,
}

impl Field {
    /// A field that must be given.
    pub(crate) const fn required(name: &'static str, about: &'static str, schema: fn() -> Value) -> Self {
        Self { name, about, schema, is_required: true, default: None }
    }

    /// A field that can be left out.
    pub(crate) const fn optional(name: &'static str, about: &'static str, schema: fn() -> Value) -> Self {
        Self { name, about, schema, is_required: false, default: None }
    }

    /// The same field; leaving it out means `default`, which is JSON.
    pub(crate) const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    fn schema(&self) -> Value {
        let mut schema = (self.schema)();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".to_owned(), self.about.into());
            if let Some(default) = self.default.and_then(|text| serde_json::from_str(text).ok()) {
                fields.insert("default".to_owned(), default);
            }
        }
        schema
    }
}

/// An object with these fields.
pub(crate) fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_owned(), field.schema())).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// An object with one field, as in `{ "days": 14 }`.
pub(crate) fn variant(name: &'static str, about: &'static str, schema: fn() -> Value) -> Value {
    object(&[Field::required(name, about, schema)])
}

/// One of several shapes.
pub(crate) fn any_of(shapes: impl IntoIterator<Item = Value>) -> Value {
    json!({ "anyOf": shapes.into_iter().collect::<Vec<_>>() })
}

/// One of the named choices.
pub(crate) fn choice<T>(choices: &[(&'static str, T)]) -> Value {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    json!({ "type": "string", "enum": names })
}

/// One of these texts.
pub(crate) fn texts(names: &[&str]) -> Value {
    json!({ "type": "string", "enum": names })
}

/// A whole number, as `Node::integer` and `Node::percent` read it.
pub(crate) fn integer(accepted: RangeInclusive<i64>) -> Value {
    json!({ "type": "integer", "minimum": accepted.start(), "maximum": accepted.end().min(&NUMBER_MAX) })
}

/// A number of days or months, as `Node::span` reads it.
pub(crate) fn span(accepted: RangeInclusive<i64>) -> Value {
    json!({ "type": "integer", "minimum": accepted.start(), "maximum": accepted.end().min(&SPAN_MAX) })
}

/// A text, as `Node::string` reads it.
pub(crate) fn text(length_max: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": length_max })
}

/// `true` or `false`.
pub(crate) fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// A text that reads as a `T`.
pub(crate) fn parsed<T: JsonSchema>() -> Value {
    T::json_schema(&mut SchemaGenerator::default()).to_value()
}

/// A list, as `Node::list` reads it.
#[expect(clippy::needless_pass_by_value, reason = "schemas are made where they are used")]
pub(crate) fn list(most: usize, item: Value) -> Value {
    json!({ "type": "array", "maxItems": most, "items": item })
}

/// A list that must not be empty.
#[expect(clippy::needless_pass_by_value, reason = "schemas are made where they are used")]
pub(crate) fn some(most: usize, item: Value) -> Value {
    json!({ "type": "array", "minItems": 1, "maxItems": most, "items": item })
}
