//! The program that the local server publishes at its first start: the operator's own, or the sample.

use std::path::Path;

use regulars_api::http::Scope;
use regulars_application::body::Body;
use regulars_domain::program::DOCUMENT_BYTES_MAX;
use serde_json::{Value, json};

use crate::reason::reason;

use super::failure::StartFailed;
use super::function::Function;

/// The id of the program.
pub(crate) const PROGRAM: &str = "demo";

const SAMPLE: &str = include_str!("sample_program.json");

/// A program document that was not validated yet.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Its source, as messages name it.
    source: String,
    json: Value,
}

impl Document {
    /// Reads a file, or the sample if no file is named.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, StartFailed> {
        let Some(file) = file else {
            return Self::parse("the sample program".to_owned(), SAMPLE);
        };
        let source = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| {
            StartFailed::new(format!("cannot read the program document {source}: {}", reason(&error)))
        })?;
        Self::parse(source, &text)
    }

    fn parse(source: String, text: &str) -> Result<Self, StartFailed> {
        if text.trim().is_empty() {
            return Err(StartFailed::new(format!("cannot read the program document {source}: it is empty")));
        }
        // Read as in the API, which rejects duplicate fields.
        let body = Body::read(text.as_bytes(), DOCUMENT_BYTES_MAX).map_err(|refusal| {
            // The text is about the body of a request, and this is a file.
            let detail = refusal.detail().replacen("The body ", "it ", 1);
            StartFailed::new(format!("cannot read the program document {source}: {detail}"))
        })?;
        Ok(Document { source, json: body.value().clone() })
    }
}

/// What to do with a document if the data has another version of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfHeld {
    /// Leave the data as it is, without a message: no document was named.
    Keep,
    /// Leave the data as it is, with a message about how to publish the document.
    Tell,
    /// Publish the document as the next version.
    Publish,
}

/// Publishes `document` through the `program` function: as the first version, or as `if_held` says. Returns a message
/// for the person who starts the server.
pub(crate) async fn publish(
    function: &Function,
    document: &Document,
    if_held: IfHeld,
) -> Result<Option<String>, StartFailed> {
    let source = &document.source;
    let Some(newest) = newest(function).await? else {
        return put(function, document, ("if-none-match", "*")).await;
    };
    let held = get(function, &format!("/versions/{newest}")).await?;
    if if_held == IfHeld::Keep || held.as_ref() == Some(&document.json) {
        return Ok(None);
    }
    if if_held == IfHeld::Publish {
        let tag = format!("\"{newest}\"");
        let warnings = put(function, document, ("if-match", &tag)).await?;
        let published =
            format!("{source} is published as version {} of the program {PROGRAM}", newest.saturating_add(1));
        return Ok(Some(warnings.map_or(published.clone(), |warnings| format!("{published}; {warnings}"))));
    }
    Ok(Some(format!(
        "the data has version {newest} of the program {PROGRAM}, which differs from {source}: start with --publish to publish {source} as \
         version {}, or with --data and a new file",
        newest.saturating_add(1)
    )))
}

/// Returns the number of the newest version in the data, if the data has the program.
async fn newest(function: &Function) -> Result<Option<u64>, StartFailed> {
    let Some(versions) = get(function, "/versions").await? else { return Ok(None) };
    Ok(Some(versions.pointer("/versions/0/version").and_then(Value::as_u64).unwrap_or_default()))
}

/// Returns the answer to a GET of the program's path plus `rest`; `None` if there is no such program.
async fn get(function: &Function, rest: &str) -> Result<Option<Value>, StartFailed> {
    let path = format!("/v1/programs/{PROGRAM}{rest}");
    match call(function, "GET", &path, ("accept", "*/*"), None).await? {
        (200, body) => Ok(Some(body)),
        (404, _) => Ok(None),
        (_, body) => Err(StartFailed::new(format!("the program cannot be read: {}", told(&body)))),
    }
}

/// Publishes `document` under a precondition, and returns its warnings.
async fn put(
    function: &Function,
    document: &Document,
    precondition: (&str, &str),
) -> Result<Option<String>, StartFailed> {
    let path = format!("/v1/programs/{PROGRAM}");
    let source = &document.source;
    match call(function, "PUT", &path, precondition, Some(&document.json)).await? {
        (201, body) => {
            Ok(findings(&body, "warnings").map(|warnings| format!("the program document {source}: {warnings}")))
        }
        (_, body) => Err(StartFailed::new(format!("the program document {source} is rejected: {}", told(&body)))),
    }
}

/// Returns the currency of the program in the data, for examples with money.
pub(crate) async fn currency(function: &Function) -> Option<String> {
    let program = get(function, "").await.ok()??;
    program.get("currency")?.as_str().map(str::to_owned)
}

async fn call(
    function: &Function,
    method: &str,
    path: &str,
    (header, value): (&str, &str),
    body: Option<&Value>,
) -> Result<(u64, Value), StartFailed> {
    let event = json!({
        "version": "2.0",
        "rawPath": path,
        "headers": { "content-type": "application/json", header: value },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
        "requestContext": {
            "authorizer": { "jwt": { "claims": { "scope": Scope::Program.as_str() } } },
            "http": { "method": method, "path": path },
            "stage": "$default",
            "requestId": "start",
        },
    });
    let answer = function.call(event).await.map_err(StartFailed::new)?;
    let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or_default();
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    Ok((status, serde_json::from_str(body).unwrap_or_default()))
}

/// Returns a problem document in one line: each error with its place, or else the detail.
fn told(problem: &Value) -> String {
    findings(problem, "problems").unwrap_or_else(|| text(problem, "detail"))
}

/// Returns the findings in the list `name` in one line, each with its place; `None` if there are none.
fn findings(body: &Value, name: &str) -> Option<String> {
    let findings = body.get(name)?.as_array()?.iter();
    let findings: Vec<_> = findings.map(|found| format!("{}: {}", place(found), text(found, "message"))).collect();
    (!findings.is_empty()).then(|| findings.join("; "))
}

/// Returns the place of a finding, for a person.
fn place(found: &Value) -> String {
    Some(text(found, "at")).filter(|at| !at.is_empty()).unwrap_or_else(|| "the document".to_owned())
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_printed_on_one_line() {
        let warning = json!({ "at": "/in_force_from", "code": "x", "message": "is ignored" });
        let body = json!({ "warnings": [warning, warning], "problems": [], "detail": "No." });
        assert_eq!(findings(&body, "warnings").unwrap(), "/in_force_from: is ignored; /in_force_from: is ignored");
        assert_eq!(
            (findings(&body, "problems"), findings(&body, "absent"), told(&body)),
            (None, None, "No.".to_owned())
        );
    }

    #[test]
    fn the_sample_has_no_faults() {
        let sample = Document::read(None).unwrap();
        let read = regulars_domain::program::Program::read(&sample.json, 1);
        assert_eq!(read.err(), None);
    }
}
