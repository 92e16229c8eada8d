//! Events in, responses out: the behaviour that all functions share.

use std::{cell::RefCell, io::Write, sync::Once, time::Duration};

use super::*;
use crate::raw_handler;
use regulars_application::{authority::Claims, caught::note};
use regulars_domain::program::DOCUMENT_BYTES_MAX;
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt;

const OPERATOR: Who = Who::operator(&[Scope::Account]);
const EITHER: Who = Who::operator_or_member(&[Scope::Account]);

/// The engine of these tests' handlers.
struct Nothing;

fn routes() -> Routes<Operation<Nothing>> {
    Routes::under(
        PROGRAM,
        [
            Route::raw(Method::PUT, "", OPERATOR, raw_handler!(publish)),
            Route::raw(Method::GET, "/members/{member}", EITHER, raw_handler!(account)),
            Route::raw(Method::DELETE, "/members/{member}", OPERATOR, raw_handler!(fail)),
            Route::raw(Method::POST, "/members/{member}/tier", OPERATOR, raw_handler!(break_down)),
            Route::raw(Method::GET, "/members/{member}/tier", EITHER, raw_handler!(wait)),
        ],
    )
}

async fn publish(Call { request, .. }: Call<'_, Nothing>) -> Result<Answer, Problem> {
    Ok(Answer::ok(request.body_within(DOCUMENT_BYTES_MAX)?.value()))
}

async fn account(Call { request, params, .. }: Call<'_, Nothing>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&json!({ "member": params.get("member"), "caller": format!("{:?}", request.caller()) })))
}

async fn fail(_: Call<'_, Nothing>) -> Result<Answer, Problem> {
    Err(Problem::fault("the table is upside down"))
}

async fn wait(_: Call<'_, Nothing>) -> Result<Answer, Problem> {
    std::future::pending().await
}

/// Catches panics of handlers quietly, and lets Rust print the others: they are failing tests.
fn keep_caught_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !note(panic) {
                print(panic);
            }
        }));
    });
}

/// Panics with a member's data in the message.
async fn break_down(_: Call<'_, Nothing>) -> Result<Answer, Problem> {
    tokio::task::yield_now().await;
    panic!("the member ayse@example.com is broken")
}

async fn answer(event: Value, authority: Authority) -> (i64, Value) {
    keep_log();
    keep_caught_panics_quiet();
    let deadline = Deadline::after(Duration::from_millis(200));
    let response = serve(event, &Nothing, &authority, &routes(), deadline).await.unwrap();
    let body = response["body"].as_str().unwrap();
    (response["statusCode"].as_i64().unwrap(), serde_json::from_str(body).unwrap())
}

fn event(method: &str, path: &str, claims: &Value) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "headers": { "content-type": "application/json" },
        "body": "{}",
        "isBase64Encoded": false,
        "requestContext": {
            "http": { "method": method, "path": path },
            "stage": "$default",
            "requestId": "r-7",
            "authorizer": { "jwt": { "claims": claims } },
        },
    })
}

#[tokio::test]
async fn a_request_gets_its_answer_or_a_problem_with_its_id() {
    let one = json!({ "scope": "regulars/member", "member": "m-1", "program": "demo" });
    let all = json!({ "scope": "regulars/account" });
    let member = "/v1/programs/demo/members/m-1";
    for (method, path, claims, status, code) in [
        ("GET", member, &all, 200, None),
        ("GET", member, &one, 200, None),
        ("PUT", "/v1/programs/demo", &all, 200, None),
        ("GET", "/v1/programs/demo/members/m-2", &one, 404, Some("member_not_found")),
        ("PUT", "/v1/programs/demo", &one, 403, Some("scope_missing")),
        ("GET", member, &json!({}), 403, Some("scope_missing")),
        ("PATCH", member, &json!({}), 405, Some("method_not_allowed")),
        ("GET", "/v2", &all, 404, Some("route_not_found")),
        ("DELETE", member, &all, 500, Some("internal")),
        ("POST", "/v1/programs/demo/members/m-1/tier", &all, 500, Some("internal")),
        ("GET", "/v1/programs/demo/members/m-1/tier", &all, 503, Some("store_unavailable")),
        ("GET", member, &all, 200, None),
    ] {
        let (answered, body) = answer(event(method, path, claims), Authority::Jwt(Claims::default())).await;
        assert_eq!(answered, status, "{method} {path} {claims}");
        assert_eq!(body["code"].as_str(), code, "{method} {path} {claims}");
        if code.is_some() {
            assert_eq!(body["request_id"], "r-7");
            assert!(!body.to_string().contains("upside") && !body.to_string().contains("ayse"), "{body}");
        }
    }
}

thread_local! {
    /// The log of this thread. A test runs on a thread of its own.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct OfThread;

impl Write for OfThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs for all threads of this process, because a span is enabled or disabled for all of them at once.
fn keep_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = crate::log::lines("Regulars/test", tracing::Level::ERROR, || OfThread);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)).unwrap();
    });
}

#[tokio::test]
async fn a_panic_is_logged_once_with_its_place_and_without_its_message() {
    let claims = json!({ "scope": "regulars/account" });
    let (status, _) =
        answer(event("POST", "/v1/programs/demo/members/m-1/tier", &claims), Authority::Jwt(Claims::default())).await;
    assert_eq!(status, 500);
    let logged = String::from_utf8(LOGGED.take()).unwrap();
    let lines: Vec<Value> = logged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{logged}");
    assert!(lines[0]["cause"].as_str().unwrap().contains("tests.rs:"), "{logged}");
    let line = shape(&lines[0]);
    let faults =
        json!([{ "Namespace": "Regulars/test", "Dimensions": [["outcome"]], "Metrics": [{ "Name": "Faults" }] }]);
    let expected = json!({
        "operation": "break_down", "outcome": "internal", "cause": null, "ms": null, "reads": 0, "writes": 0,
        "request_id": "r-7", "Faults": 1, "_aws": { "Timestamp": null, "CloudWatchMetrics": faults },
    });
    assert_eq!(line, expected);
    assert!(!logged.contains("ayse"), "{logged}");
}

/// A line without what differs from one call to the next.
fn shape(line: &Value) -> Value {
    let mut line = line.clone();
    for differs in ["/ms", "/cause", "/_aws/Timestamp"] {
        if let Some(value) = line.pointer_mut(differs) {
            *value = Value::Null;
        }
    }
    line
}

#[tokio::test]
async fn a_call_is_one_line_by_which_its_request_id_is_found() {
    let member = "/v1/programs/demo/members/m-1";
    for (method, path, operation, outcome, metric) in [
        ("GET", member, "account", "ok", None),
        ("PATCH", member, "unrouted", "method_not_allowed", Some("Refusals")),
        ("GET", "/v2", "unrouted", "route_not_found", Some("Refusals")),
        ("GET", "/v1/programs/demo/members/m%201", "account", "ok", None),
        ("DELETE", member, "fail", "internal", Some("Faults")),
        ("GET", "/v1/programs/demo/members/m-1/tier", "wait", "store_unavailable", Some("Faults")),
    ] {
        answer(event(method, path, &json!({ "scope": "regulars/account" })), Authority::Jwt(Claims::default())).await;
        let logged = String::from_utf8(LOGGED.take()).unwrap();
        let line: Value = serde_json::from_str(logged.strip_suffix('\n').unwrap()).unwrap();
        let told = (&line["operation"], &line["outcome"], &line["request_id"]);
        assert_eq!(told, (&json!(operation), &json!(outcome), &json!("r-7")), "{logged}");
        assert_eq!(line.get("_aws").is_some(), metric.is_some(), "{logged}");
        assert!(metric.is_none_or(|metric| line[metric] == 1), "{logged}");
        assert!(!logged.contains("m-1") && !logged.contains("m 1"), "{logged}");
    }
}

#[tokio::test]
async fn where_everyone_is_trusted_no_token_is_needed() {
    let (status, body) = answer(event("GET", "/v1/programs/demo/members/m-1", &json!({})), Authority::Trusted).await;
    assert_eq!((status, &body["caller"]), (200, &json!("Operator")));
}

#[tokio::test]
async fn an_event_that_is_no_http_request_is_refused() {
    for event in [json!({ "shard": 1 }), json!(null), json!([])] {
        let refused = serve(event, &Nothing, &Authority::Trusted, &routes(), Deadline::after(Duration::MAX)).await;
        assert!(matches!(refused, Err(EventRefused::Unreadable(_))));
    }
}
