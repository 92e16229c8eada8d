//! Events in, responses out: the behaviour that all functions share.

use std::{cell::RefCell, io::Write, sync::Once, time::Duration};

use super::*;
use crate::handler;
use regulars_application::{authority::Claims, caught::note};
use serde_json::json;

const OPERATOR: Who = Who::operator(&[Scope::Account]);
const EITHER: Who = Who::operator_or_member(&[Scope::Account]);

/// The engine of these tests' handlers.
struct Nothing;

fn routes() -> Routes<Operation<Nothing>> {
    Routes::under(
        PROGRAM,
        [
            Route::new(Method::PUT, "", OPERATOR, handler!(publish)),
            Route::new(Method::GET, "/members/{member}", EITHER, handler!(account)),
            Route::new(Method::DELETE, "/members/{member}", OPERATOR, handler!(fail)),
            Route::new(Method::POST, "/members/{member}/tier", OPERATOR, handler!(break_down)),
            Route::new(Method::GET, "/members/{member}/tier", EITHER, handler!(wait)),
        ],
    )
}

async fn publish(Call { request, .. }: Call<'_, Nothing>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&request.body_within(PROGRAM_BYTES_MAX)?.value()))
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
    ONCE.call_once(|| tracing_subscriber::fmt().with_writer(|| OfThread).json().init());
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
    let fields = &lines[0]["fields"];
    assert_eq!((&fields["message"], &fields["code"]), (&json!("fault"), &json!("internal")));
    assert!(fields["cause"].as_str().unwrap().contains("tests.rs:"), "{logged}");
    assert_eq!(lines[0]["span"]["request_id"], "r-7");
    assert!(!logged.contains("ayse"), "{logged}");
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
