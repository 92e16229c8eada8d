//! Events of API Gateway, for tests that call a function's handler without a front end.

use std::time::Duration;

use regulars_api::http::{Method, Operation, Routes, Who};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use regulars_store::in_the_name_of;
use serde_json::{Value, json};

/// The functions of this workspace that work over the engine, by their folders.
pub const FUNCTIONS: [&str; 6] = ["account", "earn", "enroll", "program", "redeem", "tier-evaluation"];

/// The function that sends events. It works over a bus.
pub const PUBLISH: &str = "publish";

/// Returns the methods and paths of a function, and who may call each.
///
/// # Panics
///
/// There is no such function.
#[must_use]
pub fn callers(function: &str) -> Vec<(Method, String, Who)> {
    routes(function).callers().map(|(method, path, who)| (method.clone(), path.to_owned(), who)).collect()
}

/// Returns the names of a function's operations, as in its log.
///
/// # Panics
///
/// If there is no such function.
#[must_use]
pub fn operations(function: &str) -> Vec<&'static str> {
    routes(function).names().collect()
}

fn routes(function: &str) -> &'static Routes<Operation<Engine>> {
    match function {
        "account" => &regulars_account::ROUTES,
        "earn" => &regulars_earn::ROUTES,
        "enroll" => &regulars_enroll::ROUTES,
        "program" => &regulars_program::ROUTES,
        "redeem" => &regulars_redeem::ROUTES,
        "tier-evaluation" => &regulars_tier_evaluation::ROUTES,
        _ => panic!("no function is called {function}"),
    }
}

/// Returns a request as an event of payload version 2.0, without a caller.
#[must_use]
pub fn event(method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut all = json!({ "content-type": "application/json" });
    for (name, value) in headers {
        all[*name] = json!(value);
    }
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": all,
        "body": if body.is_null() { Value::Null } else { Value::from(body.to_string()) },
        "isBase64Encoded": false,
        "requestContext": {
            "http": { "method": method, "path": path },
            "requestId": "request-1",
            "stage": "$default",
        },
    })
}

/// Returns messages as SQS delivers them, with their position as the id.
#[must_use]
pub fn batch(messages: &[Value]) -> Value {
    let record = |(index, message): (usize, &Value)| {
        json!({
            "messageId": format!("message-{index}"),
            "receiptHandle": "handle",
            "body": message.as_str().map_or_else(|| message.to_string(), str::to_owned),
            "attributes": { "ApproximateReceiveCount": "1" },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:earn",
            "awsRegion": "eu-central-1",
        })
    };
    json!({ "Records": messages.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// Passes an event to the handler of a function.
///
/// # Errors
///
/// The handler's error.
///
/// # Panics
///
/// There is no such function.
pub async fn handle(function: &str, engine: &Engine, event: Value) -> Result<Value, EventRefused> {
    let deadline = Deadline::after(Duration::from_secs(20));
    match function {
        "account" => in_the_name_of("account", regulars_account::handle(engine, event, deadline)).await,
        "earn" => in_the_name_of("earn", regulars_earn::handle(engine, event, deadline)).await,
        "enroll" => in_the_name_of("enroll", regulars_enroll::handle(engine, event, deadline)).await,
        "program" => in_the_name_of("program", regulars_program::handle(engine, event, deadline)).await,
        "redeem" => in_the_name_of("redeem", regulars_redeem::handle(engine, event, deadline)).await,
        "tier-evaluation" => {
            in_the_name_of("tier-evaluation", regulars_tier_evaluation::handle(engine, event, deadline)).await
        }
        _ => panic!("no function is called {function}"),
    }
}

/// Passes a request to the handler of a function, and returns status and body of its answer.
///
/// # Panics
///
/// The handler gives no answer.
pub async fn call(
    function: &str,
    engine: &Engine,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &Value,
) -> (u64, Value) {
    let answer = handle(function, engine, event(method, path, headers, body)).await;
    answered(&answer.unwrap_or_else(|refused| panic!("{method} {path}: {refused}")))
}

/// Returns status and body of a function's answer to an HTTP event.
///
/// # Panics
///
/// It is not such an answer.
#[must_use]
pub fn answered(answer: &Value) -> (u64, Value) {
    let body = answer["body"].as_str().expect("a body of text");
    (answer["statusCode"].as_u64().expect("a status"), serde_json::from_str(body).expect("a body of JSON"))
}
