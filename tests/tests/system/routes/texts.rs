//! The texts of errors: each row of [`error_texts.txt`](../../../data/error_texts.txt) is sent, and its answer compared.

use std::{fs, path::Path};

use regulars_tests::{
    client::{Answer, JSON},
    system::{DEMO, System, coffee_shop, member},
};
use serde_json::Value;

/// A request and its expected answer.
struct Row {
    request: String,
    status: u16,
    code: String,
    at: String,
    text: String,
}

fn rows() -> Vec<Row> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/error_texts.txt");
    let text = fs::read_to_string(file).unwrap();
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty() && !block.starts_with('#'));
    blocks
        .map(|block| {
            let lines: Vec<&str> = block.lines().collect();
            let [request, answer, text] = lines[..] else { panic!("a row has three lines: {block}") };
            let mut answer = answer.split(' ');
            let mut next = || answer.next().unwrap_or_default().to_owned();
            Row {
                request: request.to_owned(),
                status: next().parse().unwrap(),
                code: next(),
                at: next(),
                text: text.to_owned(),
            }
        })
        .collect()
}

/// Publishes the coffee shop's document with the value at `pointer` replaced, or added.
fn publish(system: &System, pointer: &str, value: &str) -> Answer {
    let mut program = coffee_shop();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = program.pointer_mut(parent).unwrap();
    let value: Value = serde_json::from_str(value).unwrap();
    match field.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[field] = value,
    }
    system.client.send("PUT", DEMO, &[JSON, ("if-match", "\"1\"")], program.to_string().as_bytes())
}

fn send(system: &System, number: usize, request: &str) -> Answer {
    let key = format!("text-{number}");
    let (request, headers) = match request.strip_prefix("NOKEY ") {
        Some(request) => (request, vec![JSON]),
        None => (request, vec![JSON, ("idempotency-key", key.as_str())]),
    };
    let (method, rest) = request.split_once(' ').unwrap();
    let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
    if method == "PROGRAM" {
        return publish(system, path, body);
    }
    let is_whole = path.starts_with("/v") || path.starts_with("/local/");
    let path = if is_whole { path.to_owned() } else { format!("{}{path}", member("m-1")) };
    system.client.send(method, &path, &headers, body.as_bytes())
}

#[test]
fn every_error_says_what_is_wrong_and_what_to_do() {
    let system = System::with_silver_member();
    let rows = rows();
    assert!(rows.len() > 100, "{}", rows.len());
    let mut wrong = Vec::new();
    for (number, Row { request, status, code, at, text }) in rows.into_iter().enumerate() {
        let answer = send(&system, number, &request);
        let answered = answer.status;
        let body = answer.body;
        // Of a document, the first error.
        let found = body["problems"].get(0).unwrap_or(&body);
        let told = ["code", "at", "message", "detail"].map(|name| found[name].as_str().unwrap_or_default());
        let expected = [code.as_str(), at.as_str(), text.as_str()];
        let told = [told[0], told[1], if told[2].is_empty() { told[3] } else { told[2] }];
        if (answered, told) != (status, expected) {
            wrong.push(format!("{request}\n  is answered {answered} {told:?}\n  and not      {status} {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Terms of the language and of libraries, which senders should not see.
#[test]
fn no_text_has_a_word_of_rust_or_of_a_library() {
    for Row { request, text, .. } in rows() {
        for word in [
            "i64",
            "u64",
            "usize",
            "struct",
            "enum ",
            "variant",
            "sequence",
            "serde",
            "EOF",
            "<EOF>",
            "expected",
            "os error",
            "panicked",
            "unwrap",
            "Some(",
            "None",
            "token recognition",
            "mismatched input",
            "extraneous",
        ] {
            assert!(!text.contains(word), "{request}: {text}");
        }
    }
}
