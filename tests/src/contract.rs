//! The OpenAPI document generated from the tables of the functions, and a check of every request and answer against it.
//!
//! An answer must match the document exactly: its status, its headers, and no field that the document lacks. The
//! document must allow every request that was carried out, so it never requires more than the handlers do.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use regulars_api::document::OpenApi;
use serde_json::{Map, Value, json};

use crate::{client::Answer, samples::Sample};

/// The OpenAPI document of all functions, with the sample events as examples.
pub static OPENAPI: LazyLock<Value> = LazyLock::new(|| {
    let mut document = OpenApi::default()
        .with_function("enroll", "Members: join, change, aliases, merge, erasure, plans.", &regulars_enroll::ROUTES)
        .with_function("earn", "Points for purchases and activities.", &regulars_earn::ROUTES)
        .with_function("redeem", "Points spent on rewards, codes and entitlements.", &regulars_redeem::ROUTES)
        .with_function("account", "Accounts, statements, tiers and rewards.", &regulars_account::ROUTES)
        .with_function(
            "tier-evaluation",
            "Reviews, and tiers that an operator grants.",
            &regulars_tier_evaluation::ROUTES,
        )
        .with_function("program", "Programs, versions, codes, adjustments and transfers.", &regulars_program::ROUTES)
        .document("v1", &regulars_domain::program::schema());
    put_examples(&mut document);
    document
});

/// Puts the sample of each route into its operation. The tests send each sample, so every example works.
fn put_examples(document: &mut Value) {
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let Some(sample) = Sample::of_route(method, path) else { continue };
            let status = sample.answer["status"].to_string();
            let request = operation.pointer_mut("/requestBody/content/application~1json");
            put_example(request, sample.request_body());
            let answer = operation.pointer_mut(&format!("/responses/{status}/content/application~1json"));
            // The documents are not examples of themselves.
            put_example(answer, Some(sample.answer["body"].clone()).filter(Value::is_object));
        }
    }
}

fn put_example(content: Option<&mut Value>, example: Option<Value>) {
    if let (Some(Value::Object(content)), Some(example)) = (content, example) {
        content.insert("example".to_owned(), example);
    }
}

/// The schemas of the document, changed so that objects allow no other fields than those named.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut components = OPENAPI["components"].clone();
    let schemas = components["schemas"].as_object_mut().expect("schemas");
    schemas.iter_mut().filter(|(name, _)| *name != "Program").for_each(|(_, schema)| close(schema));
    components
});

/// Validators by their schemas.
static VALIDATORS: LazyLock<Mutex<BTreeMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);

/// The headers that an answer may have only if the document says so.
const HEADERS: [&str; 4] = ["etag", "location", "idempotency-replayed", "retry-after"];

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_object =
                fields.get("type").is_some_and(|kind| kind == "object" || kind == &json!(["object", "null"]));
            if is_object && fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The method.
    pub method: &'r str,
    /// The path, as it was written, with the query.
    pub path: &'r str,
    /// The headers.
    pub headers: &'r [(&'r str, &'r str)],
    /// The body.
    pub body: &'r [u8],
}

/// Checks a request and its answer against the document, which does not contain the routes of the local server.
///
/// # Panics
///
/// The request or the answer violates the document.
pub fn check(asked: Asked<'_>, answer: &Answer) {
    if answer.body["code"] == "route_not_found" {
        return;
    }
    let (path, query) = asked.path.split_once('?').unwrap_or((asked.path, ""));
    let Some((template, names)) = route(path) else { return };
    let Some(operation) = OPENAPI["paths"][template].get(asked.method.to_ascii_lowercase()) else { return };
    let fail = |what: String| panic!("{} {template} is not as documented: {what}: {answer}", asked.method);
    if let Err(what) = answered(operation, answer) {
        fail(what);
    }
    if (200..300).contains(&answer.status)
        && let Err(what) = carried_out(operation, asked, &names, query)
    {
        fail(what);
    }
}

/// Returns the path in the document that matches `path`, and the values in it.
fn route(path: &str) -> Option<(&'static str, BTreeMap<String, String>)> {
    let paths = OPENAPI["paths"].as_object()?;
    let given: Vec<&str> = path.split('/').collect();
    let matched = paths.keys().filter_map(|template| {
        let wanted: Vec<&str> = template.split('/').collect();
        let mut names = BTreeMap::new();
        let fits = wanted.len() == given.len()
            && wanted.iter().zip(&given).all(|(wanted, given)| match wanted.strip_prefix('{') {
                Some(name) => {
                    names.insert(name.trim_end_matches('}').to_owned(), regulars_api::http::decoded(given));
                    !given.is_empty()
                }
                None => wanted == given,
            });
        fits.then_some((template.as_str(), names))
    });
    matched.min_by_key(|(_, names)| names.len())
}

fn answered(operation: &Value, answer: &Answer) -> Result<(), String> {
    let response = operation["responses"].get(answer.status.to_string()).ok_or("the status")?;
    let kind = answer.header("content-type").unwrap_or_default();
    let content = response["content"].get(kind).ok_or_else(|| format!("the content type {kind}"))?;
    valid(&content["schema"], &answer.body, &CLOSED)?;
    let headers = response["headers"].as_object().cloned().unwrap_or_default();
    let documented = |name: &str| headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
    for name in HEADERS {
        match (answer.header(name), documented(name)) {
            (Some(_), None) => return Err(format!("the header {name}")),
            (Some(value), Some((_, header))) => valid(&header["schema"], &value.into(), &CLOSED)?,
            (None, Some((_, header))) if header["required"] == true => return Err(format!("no header {name}")),
            (None, _) => {}
        }
    }
    Ok(())
}

fn carried_out(
    operation: &Value,
    asked: Asked<'_>,
    names: &BTreeMap<String, String>,
    query: &str,
) -> Result<(), String> {
    let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
    let of = |place: &'static str| parameters.iter().copied().filter(move |parameter| parameter["in"] == place);
    for parameter in of("path") {
        let name = parameter["name"].as_str().unwrap_or_default();
        valid(&parameter["schema"], &read(&parameter["schema"], &names[name]), &OPENAPI["components"])?;
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let parameter = of("query").find(|parameter| parameter["name"] == *name);
        let schema = &parameter.ok_or_else(|| format!("the query parameter {name}"))?["schema"];
        let schema = schema.get("items").unwrap_or(schema);
        valid(schema, &read(schema, &value), &OPENAPI["components"])?;
    }
    for parameter in of("header") {
        let name = parameter["name"].as_str().unwrap_or_default();
        let value = asked.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
        match value {
            Some(value) => valid(&parameter["schema"], &value.trim().into(), &OPENAPI["components"])?,
            None if parameter["required"] == true => return Err(format!("no header {name}")),
            None => {}
        }
    }
    let Some(documented) = operation.get("requestBody") else { return Ok(()) };
    if asked.body.is_empty() {
        return if documented["required"] == true { Err("no body".to_owned()) } else { Ok(()) };
    }
    let body: Value = serde_json::from_slice(asked.body).map_err(|error| error.to_string())?;
    valid(&documented["content"]["application/json"]["schema"], &body, &OPENAPI["components"])
}

/// Returns the value of a parameter, as a number if the schema says so.
fn read(schema: &Value, text: &str) -> Value {
    let number = (schema["type"] == "integer").then(|| text.parse::<u64>().ok()).flatten();
    number.map_or_else(|| text.into(), Value::from)
}

/// Checks `value` against a schema that can refer to `components`.
///
/// # Errors
///
/// What is wrong, with the places in `value`.
///
/// # Panics
///
/// `schema` is not a JSON Schema.
pub fn valid(schema: &Value, value: &Value, components: &Value) -> Result<(), String> {
    let is_closed = std::ptr::eq(components, &raw const *CLOSED);
    let key = format!("{is_closed} {schema}");
    let known = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
    let validator = known.unwrap_or_else(|| {
        let mut root = Map::new();
        root.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        root.insert("components".to_owned(), components.clone());
        let mut schema = schema.clone();
        if is_closed {
            close(&mut schema);
        }
        root.insert("allOf".to_owned(), json!([schema]));
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&Value::Object(root))
            .unwrap_or_else(|error| panic!("{schema} is no schema: {error}"));
        let validator: &'static Validator = Box::leak(Box::new(validator));
        VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner).insert(key, validator);
        validator
    });
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{} {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}
