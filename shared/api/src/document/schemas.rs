//! The schemas of bodies: one for requests and one for answers, under names that clients use as type names.

use std::{collections::BTreeMap, fmt::Write as _};

use schemars::{
    Schema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use crate::http::{ProblemDocument, SchemaOf};

/// The place of schemas in the document.
const PLACE: &str = "/components/schemas";

/// The place of schemas of requests until all names are known.
const READ: &str = "/components/read";

/// The schemas that routes refer to.
#[derive(Debug)]
pub(super) struct Schemas {
    read: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = |contract: Contract, place: &'static str| {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.contract = contract;
                settings.definitions_path = place.into();
                settings.meta_schema = None;
            })
        };
        let read = settings(Contract::Deserialize, READ).into_generator();
        let mut answered = settings(Contract::Serialize, PLACE).into_generator();
        answered.subschema_for::<ProblemDocument>();
        Self { read, answered }
    }
}

impl Schemas {
    /// Returns the schema of a request.
    pub(super) fn read(&mut self, schema: SchemaOf) -> Value {
        let mut schema = schema(&mut self.read);
        Plain { is_answer: false }.transform(&mut schema);
        schema.to_value()
    }

    /// Returns the schema of an answer.
    pub(super) fn answered(&mut self, schema: SchemaOf) -> Value {
        let mut schema = schema(&mut self.answered);
        Plain { is_answer: true }.transform(&mut schema);
        schema.to_value()
    }

    /// Puts all schemas into `document`, under the names that callers see. If a request and an answer have the same
    /// name and differ, the request's name ends in `Request`.
    pub(super) fn put_into(mut self, document: &mut Value, program: &Value) {
        let answered = definitions(&mut self.answered, true);
        let read = definitions(&mut self.read, false);
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut all: Map<String, Value> = Map::new();
        for (name, schema) in answered {
            let shown = shown(&name);
            all.insert(shown.clone(), schema);
            names.insert(format!("#{PLACE}/{name}"), format!("#{PLACE}/{shown}"));
        }
        let same: BTreeMap<String, String> =
            read.keys().map(|name| (format!("#{READ}/{name}"), format!("#{PLACE}/{name}"))).collect();
        for (name, schema) in read {
            let mut compared = schema.clone();
            renamed(&mut compared, &same);
            let shown = match all.get(&name) {
                Some(taken) if *taken != compared => format!("{name}Request"),
                Some(_) | None => name.clone(),
            };
            names.insert(format!("#{READ}/{name}"), format!("#{PLACE}/{shown}"));
            all.insert(shown, schema);
        }
        all.insert("Program".to_owned(), embedded(program));
        if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
            components.insert("schemas".to_owned(), all.into());
        }
        renamed(document, &names);
    }
}

/// Returns the name that callers see: `AccountView` becomes `Account`.
fn shown(name: &str) -> String {
    name.strip_suffix("View").unwrap_or(name).to_owned()
}

fn definitions(generator: &mut SchemaGenerator, is_answer: bool) -> BTreeMap<String, Value> {
    let plain = |(name, mut schema): (String, Value)| {
        if let Ok(schema) = <&mut Schema>::try_from(&mut schema) {
            Plain { is_answer }.transform(schema);
        }
        (name, schema)
    };
    generator.take_definitions(false).into_iter().map(plain).collect()
}

/// Simplifies schemas: a choice of texts becomes an `enum`, an integer gets its bounds, and an optional field of an
/// answer cannot be `null`, because it is left out instead.
#[derive(Clone, Copy)]
struct Plain {
    is_answer: bool,
}

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(schema) = schema.as_object_mut() else { return };
        no_empty_default(schema);
        choice(schema);
        variant(schema);
        bounds(schema);
        if self.is_answer {
            left_out(schema);
        }
    }
}

/// Turns `oneOf` constants with descriptions into one `enum`, whose description lists theirs.
fn choice(schema: &mut Map<String, Value>) {
    let Some(choices) = schema.get("oneOf").and_then(Value::as_array) else { return };
    let constant =
        |choice: &Value| Some((choice.get("const")?.as_str()?.to_owned(), choice.get("description").cloned()));
    let Some(choices) = choices.iter().map(constant).collect::<Option<Vec<_>>>() else { return };
    let mut text = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (name, about) in &choices {
        if let Some(about) = about.as_ref().and_then(Value::as_str) {
            // Writing to a string does not fail.
            let _ = write!(text, "\n- `{name}`: {about}");
        }
    }
    let names: Vec<Value> = choices.into_iter().map(|(name, _)| name.into()).collect();
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), names.into());
    schema.insert("description".to_owned(), text.into());
}

/// Moves the description of a choice to its only field.
fn variant(schema: &mut Map<String, Value>) {
    let Some(about) = schema.get("description").cloned() else { return };
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut).filter(|fields| fields.len() == 1)
    else {
        return;
    };
    for field in fields.values_mut().filter_map(Value::as_object_mut) {
        field.entry("description").or_insert_with(|| about.clone());
    }
}

/// Removes a default that only says that the field can be left out.
fn no_empty_default(schema: &mut Map<String, Value>) {
    if [Value::Null, json!([]), json!({})].iter().any(|empty| schema.get("default") == Some(empty)) {
        schema.remove("default");
    }
}

/// Adds the bounds of an integer that follow from its format, if the schema lacks them.
fn bounds(schema: &mut Map<String, Value>) {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
        Some("uint64" | "uint") => (json!(0), json!(u64::MAX)),
        _ => return,
    };
    schema.remove("format");
    schema.entry("minimum").or_insert(least);
    schema.entry("maximum").or_insert(most);
}

/// Marks an answer whose fields can be left out together, and can be `null` otherwise.
pub(crate) const KEEPS_NULL: &str = "x-keeps-null";

/// Removes `null` from the fields that are not required.
fn left_out(schema: &mut Map<String, Value>) {
    if schema.remove(KEEPS_NULL).is_some() {
        return;
    }
    let required: Vec<Value> = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    let optional = fields.iter_mut().filter(|(name, _)| !required.iter().any(|field| field == name.as_str()));
    for (_, field) in optional {
        let Some(field) = field.as_object_mut() else { continue };
        if let Some(types) = field.get_mut("type").and_then(Value::as_array_mut) {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                field.insert("type".to_owned(), only);
            }
        }
        if let Some(choices) = field.get_mut("anyOf").and_then(Value::as_array_mut) {
            choices.retain(|choice| choice != &json!({ "type": "null" }));
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                field.remove("anyOf");
                field.extend(only);
            }
        }
    }
}

/// Returns the schema of a program document, with its references adapted to its place in the document.
fn embedded(program: &Value) -> Value {
    let mut program = program.clone();
    if let Some(fields) = program.as_object_mut() {
        fields.remove("$schema");
        fields.remove("$id");
    }
    let places = program.get("$defs").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let places = places.map(|name| (format!("#/$defs/{name}"), format!("#{PLACE}/Program/$defs/{name}"))).collect();
    renamed(&mut program, &places);
    program
}

/// Replaces references according to `names`.
fn renamed(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), &mut *value) {
                    ("$ref", Value::String(reference)) => {
                        if let Some(name) = names.get(reference) {
                            reference.clone_from(name);
                        }
                    }
                    _ => renamed(value, names),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| renamed(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
