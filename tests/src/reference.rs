//! Generates the reference page from the OpenAPI document, the schema of programs and the sample events.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value};

use crate::{contract::OPENAPI, samples::Sample};

/// Maximum number of lines shown of an answer.
const LINES_MAX: usize = 40;

/// Returns the page.
///
/// # Panics
///
/// The document differs from what the code generates.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for tag in array(&OPENAPI["tags"]) {
        let name = text(&tag["name"]);
        put(&mut page, &format!("\n## Routes of {name}\n\n{}\n", text(&tag["description"])));
        for (path, method, operation) in operations().filter(|(.., operation)| operation["tags"][0] == name) {
            route(&mut page, path, method, operation);
        }
    }
    put(&mut page, PROBLEMS);
    for (code, about) in object(&OPENAPI["x-problems"]) {
        let cells = ["status", "title", "meaning", "remedy"]
            .map(|cell| about[cell].as_str().map_or_else(|| about[cell].to_string(), str::to_owned));
        put(&mut page, &format!("| `{code}` | {} |\n", cells.join(" | ")));
    }
    put(&mut page, GATEWAY);
    for answer in array(&OPENAPI["x-gateway"]) {
        put(
            &mut page,
            &format!("| {} | `{}` | {} |\n", answer["status"], text(&answer["message"]), text(&answer["meaning"])),
        );
    }
    put(&mut page, PROGRAM);
    fields(&mut page, &OPENAPI["components"]["schemas"]["Program"], "");
    put(&mut page, SCHEMAS);
    for (name, schema) in object(&OPENAPI["components"]["schemas"]) {
        if name != "Program" && name != "Currency" {
            put(&mut page, &format!("\n### {name}\n\n{}\n", text(&schema["description"])));
            if schema.get("properties").is_some() || schema.get("oneOf").is_some() || schema.get("anyOf").is_some() {
                put(&mut page, TABLE);
                fields(&mut page, schema, "");
            }
        }
    }
    page
}

const HEAD: &str = "# Reference\n\nA test of the project makes this page from the OpenAPI document (`contract/openapi.json`, served at `/v1/openapi.json`), the JSON \
                    Schema of program documents (`/v1/program.schema.json`) and the sample events in `events/`. Each example runs as a \
                    test. Long answers are cut. In all examples, `…` stands for what was left out.\n\n- [Problems](#problems)\n- \
                    [Answers of the gateway](#answers-of-the-gateway)\n- [The program document](#the-program-document)\n- \
                    [Bodies](#bodies)\n";
const PROBLEMS: &str = "\n## Problems\n\nA refused request is answered with `application/problem+json`. `code` is stable.\n\n| code | status | \
                        title | meaning | what to do |\n|---|---|---|---|---|\n";
const GATEWAY: &str = "\n## Answers of the gateway\n\nOn AWS, API Gateway answers some requests itself, as `application/json` with \
                       `{ \"message\": … }`. An HTTP API cannot change these bodies, so read the status first. The local server answers \
                       `token_missing` and `token_invalid` in their place.\n\n| status | message | meaning |\n|---|---|---|\n";
const PROGRAM: &str = "\n## The program document\n\nAn editor that knows JSON Schema completes a document which begins with \
                       `\"$schema\": \"http://127.0.0.1:8787/v1/program.schema.json\"`.\n\n| field | type | |\n|---|---|---|\n";
const SCHEMAS: &str = "\n## Bodies\n";
const TABLE: &str = "\n| field | type | |\n|---|---|---|\n";

fn route(page: &mut String, path: &str, method: &str, operation: &Value) {
    put(page, &format!("\n### {} {path}\n\n{}\n", method.to_uppercase(), text(&operation["summary"])));
    let scopes: Vec<String> =
        array(&operation["security"][0]["token"]).map(|scope| format!("`{}`", text(scope))).collect();
    let who = if scopes.is_empty() { "none".to_owned() } else { scopes.join(" or ") };
    put(page, &format!("\nScope: {who}.\n"));
    let parameters: Vec<&Value> =
        array(&operation["parameters"]).filter(|parameter| parameter["in"] != "path").collect();
    if !parameters.is_empty() {
        put(page, "\n| parameter | in | type | |\n|---|---|---|---|\n");
        for parameter in parameters {
            let required = if parameter["required"] == true { " Required." } else { "" };
            let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
            let (kind, about) = (type_of(&parameter["schema"]), text(&parameter["description"]));
            put(page, &format!("| `{name}` | {place} | {kind} | {about}{required} |\n"));
        }
    }
    if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") {
        put(page, &format!("\nBody: {}.\n", type_of(body)));
    }
    for (status, response) in object(&operation["responses"]) {
        if status.starts_with('2') {
            let body = &response["content"]["application/json"]["schema"];
            put(page, &format!("\n{status}: {} {}.\n", text(&response["description"]), type_of(body)));
        }
    }
    let codes: Vec<String> = object(&operation["responses"])
        .values()
        .flat_map(|response| {
            array(&response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"])
        })
        .map(|code| format!("`{}`", text(code)))
        .collect();
    put(page, &format!("\nProblems: {}.\n", codes.join(", ")));
    if let Some(example) = example(path, method) {
        put(page, &example);
    }
}

/// Returns the sample of a successful request to a route, and its answer.
fn example(path: &str, method: &str) -> Option<String> {
    let sample = Sample::of_route(method, path)?;
    let Sample { event, answer } = sample;
    let mut shown = format!("\n```http\n{} {}", method.to_uppercase(), text(&event["rawPath"]));
    let query = event["rawQueryString"].as_str().filter(|query| !query.is_empty());
    put(&mut shown, &query.map(|query| format!("?{query}")).unwrap_or_default());
    for header in ["Idempotency-Key", "If-Match", "If-None-Match", "Regulars-Actor"] {
        if let Some(value) = event["headers"][header.to_ascii_lowercase()].as_str() {
            put(&mut shown, &format!("\n{header}: {value}"));
        }
    }
    if let Some(body) = sample.request_body() {
        put(&mut shown, &format!("\n\n{}", cut(&body)));
    }
    put(&mut shown, &format!("\n```\n\n```http\n{}\n\n{}\n```\n", answer["status"], cut(&answer["body"])));
    Some(shown)
}

fn cut(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    match lines.get(..LINES_MAX) {
        Some(first) if lines.len() > LINES_MAX => format!("{}\n…", first.join("\n")),
        _ => text,
    }
}

/// Returns the fields of an object and of its nested objects, a row for each.
fn fields(page: &mut String, schema: &Value, within: &str) {
    let required: Vec<&str> = array(&schema["required"]).map(text).collect();
    for (name, field) in object(&schema["properties"]) {
        let place = if within.is_empty() { name.clone() } else { format!("{within}.{name}") };
        let mut about = text(&field["description"]).replace("\n- ", "; ").replace('\n', " ").replace('|', "\\|");
        if required.contains(&name.as_str()) {
            about.push_str(" Required.");
        }
        if let Some(default) = field.get("default").filter(|default| !default.is_null()) {
            put(&mut about, &format!(" Default: `{default}`."));
        }
        put(page, &format!("| `{place}` | {} | {about} |\n", type_of(field)));
        inner(page, field, &place);
    }
    for choice in array(&schema["oneOf"]).chain(array(&schema["anyOf"])) {
        inner(page, choice, within);
    }
}

fn inner(page: &mut String, schema: &Value, place: &str) {
    fields(page, schema, place);
    if schema.get("items").is_some() {
        inner(page, &schema["items"], &format!("{place}[]"));
    }
}

/// Returns the type of a value with its bounds, in a few words.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let anchor = match name {
            "Program" => "the-program-document".to_owned(),
            name => name.to_lowercase(),
        };
        return if name == "Currency" { "ISO 4217 code".to_owned() } else { format!("[{name}](#{anchor})") };
    }
    for several in ["oneOf", "anyOf"] {
        let mut kinds: Vec<String> = array(&schema[several])
            .filter(|choice| choice.get("required").is_none() || choice.get("type").is_some())
            .map(type_of)
            .collect();
        kinds.dedup();
        if !kinds.is_empty() {
            return kinds.join(" or ");
        }
    }
    if let Some(names) = schema["enum"].as_array() {
        let names: Vec<String> = names.iter().filter_map(|name| Some(format!("`{}`", name.as_str()?))).collect();
        return if names.len() > 40 { "ISO 4217 code".to_owned() } else { names.join(", ") };
    }
    let name = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    };
    let mut kind = match (name.as_str(), schema.get("items")) {
        ("array", Some(items)) => format!("array of {}", type_of(items)),
        _ => name,
    };
    if let Some(format) = schema["format"].as_str() {
        put(&mut kind, &format!(", {format}"));
    }
    let bound = |least: &str, most: &str| match (schema[least].as_i64(), schema[most].as_i64()) {
        (Some(i64::MIN), _) | (None, None) => None,
        (Some(least), Some(i64::MAX) | None) => Some(format!(", at least {least}")),
        (Some(least), Some(most)) => Some(format!(", {least} to {most}")),
        (None, Some(most)) => Some(format!(", at most {most}")),
    };
    let bounds =
        [("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items")];
    for (least, most, unit) in bounds {
        if let Some(bound) = bound(least, most) {
            put(&mut kind, &format!("{bound}{unit}"));
        }
    }
    kind
}

fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = OPENAPI["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn object(value: &Value) -> BTreeMap<&String, &Value> {
    value.as_object().into_iter().flat_map(Map::iter).collect()
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn put(page: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = write!(page, "{text}");
}
