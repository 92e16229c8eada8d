//! The program that the local server holds from its first start on: the operator's own, or a sample.

use std::path::Path;

use regulars_api::http::{PROGRAM_BYTES_MAX, Scope};
use regulars_application::body::Body;
use serde_json::{Value, json};

use super::failure::StartFailed;
use super::function::Function;

/// The id of the program.
pub(crate) const PROGRAM: &str = "demo";

const SAMPLE: &str = include_str!("sample_program.json");

/// A program document that may still have faults.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Where it is from, in the words of a message.
    source: String,
    json: Value,
}

impl Document {
    /// Reads a file, or the sample where none is named.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, StartFailed> {
        let Some(file) = file else {
            return Self::parse("the sample program".to_owned(), SAMPLE);
        };
        let source = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| StartFailed::new(format!("cannot read the program document {source}: {error}")))?;
        Self::parse(source, &text)
    }

    fn parse(source: String, text: &str) -> Result<Self, StartFailed> {
        // As the API reads it, which refuses a field that comes twice.
        let body = Body::read(text.as_bytes(), PROGRAM_BYTES_MAX).map_err(|refusal| {
            StartFailed::new(format!("the program document {source} is not read: {}", refusal.detail()))
        })?;
        Ok(Document { source, json: body.value().clone() })
    }
}

/// What became of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publication {
    /// It is the program's first version.
    Published,
    /// The data held a program already, which stays as it is.
    HeldAlready,
}

/// Publishes `document` through the function that every operator publishes with, unless the data holds the program.
pub(crate) async fn publish_if_absent(function: &Function, document: &Document) -> Result<Publication, StartFailed> {
    let path = format!("/v1/programs/{PROGRAM}");
    let (status, body) = call(function, "GET", &path, None).await?;
    match status {
        200 => return Ok(Publication::HeldAlready),
        404 => {}
        _ => return Err(StartFailed::new(format!("the program cannot be read: {}", told(&body)))),
    }
    let (status, body) = call(function, "PUT", &path, Some(&document.json)).await?;
    match status {
        201 => {
            if let Some(warnings) = findings(&body, "warnings") {
                tracing::warn!("the program document {}: {warnings}", document.source);
            }
            Ok(Publication::Published)
        }
        _ => Err(StartFailed::new(format!("the program document {} is refused: {}", document.source, told(&body)))),
    }
}

/// The currency of the program that the data holds, for examples that name money.
pub(crate) async fn currency(function: &Function) -> Option<String> {
    let (_, body) = call(function, "GET", &format!("/v1/programs/{PROGRAM}"), None).await.ok()?;
    let currency = body.get("currency").or_else(|| body.pointer("/document/currency"))?;
    currency.as_str().map(str::to_owned)
}

async fn call(
    function: &Function,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<(u64, Value), StartFailed> {
    let event = json!({
        "version": "2.0",
        "rawPath": path,
        "headers": { "content-type": "application/json", "if-none-match": "*" },
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

/// A problem document in one line: each fault with its place, or else the detail.
fn told(problem: &Value) -> String {
    findings(problem, "problems").unwrap_or_else(|| text(problem, "detail"))
}

/// The findings in the list called `name` in one line, each with its place; `None` if there are none.
fn findings(body: &Value, name: &str) -> Option<String> {
    let findings = body.get(name)?.as_array()?.iter();
    let findings: Vec<_> = findings.map(|found| format!("{} {}", text(found, "at"), text(found, "message"))).collect();
    (!findings.is_empty()).then(|| findings.join("; "))
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
        assert_eq!(findings(&body, "warnings").unwrap(), "/in_force_from is ignored; /in_force_from is ignored");
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
