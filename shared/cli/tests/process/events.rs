//! `regulars events replay` on data that a server left.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use super::{NOW, Server};

/// Settings of AWS under which no service can be reached.
const UNREACHED: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "x"),
    ("AWS_SECRET_ACCESS_KEY", "y"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
];

/// Runs `regulars events replay`, and tells its status and what it printed on standard output and on standard error.
fn replay(span: &[&str], data: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regulars"));
    let command =
        command.args(["events", "replay"]).args(span).arg("--data").arg(data).env_remove("RUST_LOG").envs(UNREACHED);
    let Output { status, stdout, stderr } = command.output().expect("the program was built");
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_replay_prints_the_events_that_the_server_has_listed() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("local.db");
    let server = Server::start(&file);
    assert_eq!(server.send("POST", "/v1/programs/demo/members", "-", &json!({ "member": "m-1" })).0, 201);
    let purchase = json!({ "purchase": { "occurred_at": NOW, "total": { "amount": 9_000, "currency": "EUR" } } });
    assert_eq!(server.send("POST", "/v1/programs/demo/members/m-1/accruals", "order-1", &purchase).0, 201);
    let (status, listed) = server.send("GET", "/local/events?limit=100", "-", &Value::Null);
    assert_eq!(status, 200);
    assert_eq!(server.signal("-TERM"), Some(0));

    let replay = |span: &[&str]| replay(span, &file);
    let id = |event: &Value| event.get("id").and_then(Value::as_str).expect("an id").to_owned();
    let listed: BTreeSet<String> =
        listed.get("events").and_then(Value::as_array).expect("a list").iter().map(id).collect();
    let (status, printed, told) = replay(&["--from", "2026-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z"]);
    let events = printed.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
    assert_eq!((status, events.map(|event| id(&event)).collect()), (Some(0), listed.clone()), "{told}");
    assert!(told.contains(&format!("{} events were sent again", listed.len())), "{told}");

    let (status, printed, told) = replay(&["--from", NOW, "--to", "2027-01-01T00:00:00Z", "--program", "other"]);
    assert_eq!((status, printed.as_str()), (Some(2), ""));
    assert_eq!(told, "regulars: there is no program other\n");
    let (status, printed, told) = replay(&["--from", NOW, "--to", "2027-01-01T00:00:00Z", "--bus", "shop"]);
    assert_eq!((status, printed.as_str()), (Some(2), ""));
    assert!(
        told.starts_with("regulars: the event bus cannot be reached: ")
            && told.contains("Connection refused; check its name"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
    let (status, printed, told) = replay(&["--from", NOW, "--to", NOW]);
    assert_eq!((status, printed.as_str()), (Some(2), ""));
    assert!(told.contains("--from must be earlier than --to"), "{told}");
    let (status, _, told) = replay(&["--from", "yesterday", "--to", NOW]);
    assert!(status == Some(2) && told.contains("--from"), "{told}");
}
