//! The program that the local server holds from its first start on: the operator's own, or a sample.

use std::path::Path;

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
        let json = serde_json::from_str(text)
            .map_err(|error| StartFailed::new(format!("the program document {source} is not JSON: {error}")))?;
        Ok(Document { source, json })
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
        201 => Ok(Publication::Published),
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
        "requestContext": { "http": { "method": method, "path": path }, "stage": "$default", "requestId": "start" },
    });
    let answer = function.call(event).await.map_err(StartFailed::new)?;
    let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or_default();
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    Ok((status, serde_json::from_str(body).unwrap_or_default()))
}

/// A problem document in one line: each fault with its place, or else the detail.
fn told(problem: &Value) -> String {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let faults: Vec<String> = problem
        .get("problems")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|fault| format!("{} {}", text(fault, "at"), text(fault, "message")))
        .collect();
    if faults.is_empty() { text(problem, "detail") } else { faults.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_no_faults() {
        let sample = Document::read(None).unwrap();
        let read = regulars_domain::program::Program::read(&sample.json, 1);
        assert_eq!(read.err(), None);
    }
}
