//! The local server over HTTP, with functions that return the events that they get.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Whether the stand-in's program was published. One test uses it.
static PUBLISHED: AtomicBool = AtomicBool::new(false);

const ECHO: MakeFunction = |resource, _| Some(echo(resource));
const REFUSING: MakeFunction = |resource, _| Some(refusing(resource));
const PUBLISHING: MakeFunction = |resource, _| Some(publishing(resource));
const NONE: MakeFunction = |_, _| None;

fn options() -> Options {
    Options {
        port: 0,
        data: Data::Memory,
        program: None,
        publish: false,
        clock_at: Some("2026-12-31T23:00:00Z".parse().unwrap()),
        auth: None,
    }
}

/// Answers with the event that it was given. A body `panic` panics, and a body `nothing` is answered with nonsense.
fn echo(resource: &FunctionResource) -> Function {
    let name = resource.name.clone();
    Function::new(resource.timeout, move |event: Value, _| {
        let name = name.clone();
        async move {
            let body = match event["body"].as_str() {
                Some("panic") => panic!("as asked"),
                Some("nothing") => return Ok(json!(null)),
                Some("wait") => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    "waited".to_owned()
                }
                Some(_) | None if event.get("shard").is_some() => {
                    return Ok(json!({
                        "cursor": null, "reviewed": 1, "changed": 0, "conflicted": 0, "failed": 0,
                        "conflicted_accounts": [], "failed_accounts": []
                    }));
                }
                Some(_) | None => json!({ "function": name, "event": event }).to_string(),
            };
            Ok(json!({ "statusCode": 200, "headers": { "x-function": name }, "body": body }))
        }
    })
}

/// A program function that holds no program until one is published, and refuses the first publication if told to.
fn refusing(resource: &FunctionResource) -> Function {
    Function::new(resource.timeout, |event: Value, _| async move {
        Ok(match event["requestContext"]["http"]["method"].as_str() {
            Some("PUT") => json!({ "statusCode": 422, "body": json!({ "detail": "2 faults", "problems": [
                { "at": "/name", "code": "empty", "message": "is empty" },
                { "at": "/tiers/0", "code": "unknown", "message": "is unknown" } ] }).to_string() }),
            Some(_) | None => json!({ "statusCode": 404, "body": "{}" }),
        })
    })
}

fn publishing(resource: &FunctionResource) -> Function {
    Function::new(resource.timeout, |event: Value, _| async move {
        let status = match event["requestContext"]["http"]["method"].as_str() {
            Some("PUT") => {
                assert_eq!(event["headers"]["if-none-match"], "*");
                PUBLISHED.store(true, Ordering::SeqCst);
                201
            }
            Some(_) | None if PUBLISHED.load(Ordering::SeqCst) => 200,
            Some(_) | None => 404,
        };
        Ok(json!({ "statusCode": status, "body": json!({ "currency": "JPY" }).to_string() }))
    })
}

struct Answered {
    status: u16,
    head: String,
    body: Value,
}

async fn send(running: &Running, head: &str, body: &[u8]) -> Answered {
    let address = running.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for header in headers.lines() {
        request.push_str(header.trim());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // The server may answer and close before it has read a large body.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answered { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or(Value::from(body)) }
}

#[tokio::test]
async fn a_request_reaches_the_function_that_the_template_names() {
    let running = start_with(options(), ECHO).await.unwrap();
    let members = "/v1/programs/demo/members";
    for (method, path, function, route) in [
        ("GET", "/v1/programs/demo".to_owned(), "program", "/v1/programs/{program}"),
        ("POST", members.to_owned(), "enroll", "/v1/programs/{program}/members"),
        ("POST", format!("{members}/m-1/accruals"), "earn", "/v1/programs/{program}/members/{member}/accruals"),
        ("POST", format!("{members}/m-1/redemptions"), "redeem", "/v1/programs/{program}/members/{member}/redemptions"),
        ("GET", format!("{members}/m-1?x=1"), "account", "/v1/programs/{program}/members/{member}"),
    ] {
        let answered = send(&running, &format!("{method} {path}"), b"").await;
        assert_eq!((answered.status, &answered.body["function"]), (200, &json!(function)), "{method} {path}");
        assert_eq!(answered.body["event"]["routeKey"], format!("{method} {route}"));
        assert!(answered.head.contains(&format!("x-function: {function}")));
    }
    running.stop().await;
}

#[tokio::test]
async fn what_no_function_takes_is_refused_as_the_functions_would() {
    let running = start_with(options(), ECHO).await.unwrap();
    for (head, status, code) in [
        ("POST /", 404, "route_not_found"),
        ("GET /v1/programs/demo/nothing", 404, "route_not_found"),
        ("PUT /v1/programs/demo/members", 405, "method_not_allowed"),
        ("BREW /v1/programs/demo", 405, "method_not_allowed"),
        ("POST /local/clock", 405, "method_not_allowed"),
        ("GET /local/run/tier-evaluation", 405, "method_not_allowed"),
        ("POST /local/run/enroll", 404, "route_not_found"),
        ("GET /local/queue", 405, "method_not_allowed"),
    ] {
        let answered = send(&running, head, b"").await;
        assert_eq!((answered.status, &answered.body["code"]), (status, &json!(code)), "{head}");
        assert!(answered.head.contains("content-type: application/problem+json"), "{}", answered.head);
        assert_eq!(answered.body["request_id"].as_str().map(str::len), Some(32));
    }
    assert!(send(&running, "DELETE /v1/programs/demo", b"").await.head.contains("allow: GET, PUT"));
    running.stop().await;
}

#[tokio::test]
async fn a_body_above_the_limit_of_the_gateway_is_refused() {
    let running = start_with(options(), ECHO).await.unwrap();
    let head = "POST /v1/programs/demo/members";
    let largest = vec![b' '; gateway::BODY_BYTES_MAX];
    assert_eq!(send(&running, head, &largest).await.status, 200);
    for over in [1, 60_000_000] {
        let answered = send(&running, head, &vec![b' '; gateway::BODY_BYTES_MAX + over]).await;
        assert_eq!((answered.status, &answered.body["code"]), (413, &json!("body_too_large")));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_function_that_breaks_is_a_fault_and_breaks_nothing_else() {
    let running = start_with(options(), ECHO).await.unwrap();
    let head = "POST /v1/programs/demo/members";
    for body in [&b"panic"[..], b"nothing"] {
        let answered = send(&running, head, body).await;
        assert_eq!((answered.status, &answered.body["code"]), (500, &json!("internal")));
    }
    assert_eq!(send(&running, head, b"").await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn the_clock_moves_forward_only() {
    let running = start_with(options(), ECHO).await.unwrap();
    let put = "PUT /local/clock\ncontent-type: application/json";
    for (head, body, status, expected) in [
        ("GET /local/clock", "", 200, json!("2026-12-31T23:00:00Z")),
        (put, r#"{"now":"2027-01-01T03:00:00+03:00"}"#, 200, json!("2027-01-01T00:00:00Z")),
        (put, r#"{"now":"2027-01-01T00:00:00Z"}"#, 200, json!("2027-01-01T00:00:00Z")),
        (put, r#"{"now":"2026-12-31T23:59:59Z"}"#, 422, json!("clock_moved_back")),
        (put, r#"{"now":"tomorrow"}"#, 400, json!("body_malformed")),
        (put, r#"{"now":"2027-02-01T00:00:00Z","x":1}"#, 400, json!("body_malformed")),
        (put, r"{}", 400, json!("body_malformed")),
        ("PUT /local/clock", r#"{"now":"2028-01-01T00:00:00Z"}"#, 415, json!("media_type_unsupported")),
        ("GET /local/clock", "", 200, json!("2027-01-01T00:00:00Z")),
    ] {
        let answered = send(&running, head, body.as_bytes()).await;
        let told = if status == 200 { &answered.body["now"] } else { &answered.body["code"] };
        assert_eq!((answered.status, told), (status, &expected), "{head} {body}");
    }
    assert_eq!(running.clock().now(), "2027-01-01T00:00:00Z".parse().unwrap());
    running.stop().await;
}

#[tokio::test]
async fn the_schedule_is_run_by_hand() {
    let running = start_with(options(), ECHO).await.unwrap();
    let answered = send(&running, "POST /local/run/tier-evaluation", b"").await;
    assert_eq!(answered.status, 200);
    assert_eq!((&answered.body["shards"], &answered.body["reviewed"]), (&json!(256), &json!(256)));
    assert!(answered.body["seconds"].is_f64());
    running.stop().await;
}

/// The ids of the events from the first one after `after` on, and the `after` of the next page.
async fn events(running: &Running, after: u64) -> (Vec<String>, u64) {
    let answered = send(running, &format!("GET /local/events?after={after}"), b"").await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    let ids = answered.body["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned());
    (ids.collect(), answered.body["next"].as_u64().unwrap())
}

#[tokio::test]
async fn events_have_the_same_numbers_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { data: Data::File(folder.path().join("local.db")), ..options() };
    let running = start(options.clone()).await.unwrap();
    let enroll = |member: &str| json!({ "member": member }).to_string();
    for member in ["m-1", "m-2"] {
        let answered =
            send(&running, "POST /v1/programs/demo/members\ncontent-type: application/json", enroll(member).as_bytes())
                .await;
        assert_eq!(answered.status, 201, "{}", answered.body);
    }
    let all = ["demo/~versions/1", "demo/m-1/1", "demo/m-2/1"].map(str::to_owned).to_vec();
    assert_eq!(events(&running, 0).await, (all.clone(), 3));
    running.stop().await;

    let running = start(options).await.unwrap();
    assert_eq!(events(&running, 0).await, (all, 3));
    let answered =
        send(&running, "POST /v1/programs/demo/members\ncontent-type: application/json", enroll("m-3").as_bytes())
            .await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    assert_eq!(events(&running, 3).await, (vec!["demo/m-3/1".to_owned()], 4));
    running.stop().await;
}

#[tokio::test]
async fn a_request_that_runs_is_finished_before_the_server_stops() {
    let running = start_with(options(), ECHO).await.unwrap();
    let url = running.url().to_owned();
    let address = url.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = "POST /v1/programs/demo/members HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nwait";
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop().await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("waited"), "{answer}");
    assert!(TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn the_program_is_published_once_and_its_currency_is_in_the_greeting() {
    for _ in 0..2 {
        let running = start_with(options(), PUBLISHING).await.unwrap();
        assert!(PUBLISHED.load(Ordering::SeqCst));
        assert!(running.greeting().contains("JPY"));
        running.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let running = start_with(options(), ECHO).await.unwrap();
    let port = running.url().rsplit(':').next().unwrap().parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.json");
    std::fs::write(&broken, "{").unwrap();
    let absent = folder.path().join("absent.json");
    for (options, function, expected) in [
        (Options { port, ..options() }, ECHO, format!("port {port} is in use")),
        (Options { program: Some(broken), ..options() }, ECHO, "It ends too early".to_owned()),
        (Options { program: Some(absent), ..options() }, ECHO, "cannot read the program document".to_owned()),
        (options(), REFUSING, "/name: is empty; /tiers/0: is unknown".to_owned()),
        (options(), NONE, "has no handler here".to_owned()),
    ] {
        let failure = start_with(options, function).await.unwrap_err().to_string();
        assert!(failure.contains(&expected), "{failure}");
    }
    running.stop().await;
}

#[tokio::test]
async fn every_route_of_the_template_is_known_to_its_function() {
    let running = start(options()).await.unwrap();
    for function in Template::embedded().unwrap().functions {
        for HttpRoute { method, path, .. } in function.routes {
            // Values that no id may have, so that nothing is found and nothing is done.
            let path = path.replace(['{', '}'], "~");
            let answered = send(&running, &format!("{method} {path}"), b"").await;
            let code = answered.body["code"].as_str().unwrap_or_default();
            assert!(answered.status < 500, "{method} {path} {}", answered.body);
            assert!(!["route_not_found", "method_not_allowed"].contains(&code), "{method} {path} {code}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn many_systems_run_side_by_side_in_one_process() {
    let mut systems = Vec::new();
    for _ in 0..8 {
        systems.push(tokio::spawn(start(options())));
    }
    for (number, system) in systems.into_iter().enumerate() {
        let running = system.await.unwrap().unwrap();
        let head = "POST /v1/programs/demo/members\ncontent-type: application/json";
        let enrolled = send(&running, head, br#"{"member":"m-1"}"#).await;
        assert_eq!((enrolled.status, &enrolled.body["version"]), (201, &json!(1)), "system {number}");
        running.stop().await;
    }
}
