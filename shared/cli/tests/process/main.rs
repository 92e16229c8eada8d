//! The command line as a process: its output and exit status, and that answered requests survive a kill.

mod ledger;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

const NOW: &str = "2026-11-21T13:05:00Z";

struct Server {
    process: Child,
    address: String,
    greeting: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    fn start_with(data: &Path, more: &[&str]) -> Self {
        let mut process = command(&["--port", "0", "--clock-at", NOW, "--data"])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let mut printed = BufReader::new(process.stdout.take().expect("its output is piped"));
        let mut line = String::new();
        printed.read_line(&mut line).expect("it prints text");
        let address = line.strip_prefix("regulars is listening on http://").expect("it says where it listens");
        let address = address.trim().to_owned();
        let mut greeting = String::new();
        while !greeting.ends_with("/members/m-1\n") {
            assert_ne!(printed.read_line(&mut greeting).expect("it prints text"), 0, "{greeting}");
        }
        Server { process, address, greeting }
    }

    fn send(&self, method: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("it takes requests");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it answers HTTP");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("it answers a status");
        (status, serde_json::from_str(body).expect("it answers JSON"))
    }

    fn signal(mut self, name: &str) -> Option<i32> {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().expect("there is a kill");
        assert!(sent.success());
        self.process.wait().expect("it ends").code()
    }
}

/// A failing test leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regulars"));
    command.arg("local").args(arguments).env_remove("RUST_LOG");
    command
}

fn refused(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = command(arguments).output().expect("the program was built");
    let stderr = String::from_utf8(stderr).expect("it prints text");
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert_eq!((stdout.len(), stderr.lines().count()), (0, 1), "{stderr}");
    stderr
}

#[test]
fn what_was_answered_is_there_after_the_process_was_killed() {
    let folder = tempfile::tempdir().expect("there is room");
    let data = folder.path().join("local.db");
    let mut server = Server::start(&data);
    let (status, _) = server.send("POST", "/v1/programs/demo/members", "e-1", &json!({ "member": "m-1" }));
    assert_eq!(status, 201);
    for order in 1..=5 {
        let purchase = json!({ "purchase": { "occurred_at": NOW, "total": { "amount": 1250, "currency": "EUR" } } });
        let key = format!("order-{order}");
        let (status, bought) = server.send("POST", "/v1/programs/demo/members/m-1/accruals", &key, &purchase);
        assert_eq!(status, 201, "{bought}");
        drop(server);
        server = Server::start(&data);
        let (status, account) = server.send("GET", "/v1/programs/demo/members/m-1", "-", &json!(null));
        assert_eq!(status, 200);
        assert_eq!(account, bought["account"]);
        let (status, again) = server.send("POST", "/v1/programs/demo/members/m-1/accruals", &key, &purchase);
        assert_eq!((status, &again["entry"]), (200, &bought["entry"]));
    }
}

#[test]
fn a_clock_that_was_moved_beyond_clock_at_stays_where_it_was_and_the_server_says_so() {
    let folder = tempfile::tempdir().expect("there is room");
    let data = folder.path().join("local.db");
    let server = Server::start(&data);
    assert!(!server.greeting.contains("the clock stands"), "{}", server.greeting);
    let later = json!({ "now": "2027-12-01T03:00:00Z" });
    assert_eq!(server.send("PUT", "/local/clock", "-", &later), (200, later.clone()));
    drop(server);
    let server = Server::start(&data);
    let said = format!(
        "# the clock stands at 2027-12-01T03:00:00Z, where it was when the data were last used, because {NOW} is earlier\n"
    );
    assert!(server.greeting.contains(&said), "{}", server.greeting);
    assert_eq!(server.send("GET", "/local/clock", "-", &json!(null)), (200, later));
}

#[test]
fn both_signals_end_it_in_order() {
    let folder = tempfile::tempdir().expect("there is room");
    for name in ["-INT", "-TERM"] {
        assert_eq!(Server::start(&folder.path().join("local.db")).signal(name), Some(0), "{name}");
    }
}

#[test]
fn the_commands_that_it_prints_work_when_they_are_pasted() {
    let folder = tempfile::tempdir().expect("there is room");
    let server = Server::start(&folder.path().join("local.db"));
    let Output { status, stdout, stderr } =
        Command::new("sh").args(["-ec", &server.greeting]).output().expect("there is a shell");
    let stderr = String::from_utf8(stderr).expect("it prints text");
    assert!(status.success() && stderr.is_empty(), "{stderr}");
    let answers: Vec<Value> = serde_json::Deserializer::from_slice(&stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .expect("each command prints an answer");
    let [enrolled, bought, account] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(enrolled["member"], "m-1", "{enrolled}");
    assert_eq!(bought["entry"]["kind"], "accrual", "{bought}");
    assert_eq!(&bought["account"], account);
}

/// Sends a request with or without a token, and returns the status.
fn status(address: &str, token: Option<&str>) -> u16 {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "GET /v1/programs/demo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{bearer}\r\n")
        .expect("it takes requests");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers text");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("it answers a status")
}

#[test]
fn a_server_that_demands_tokens_takes_those_that_are_printed_with_its_key() {
    let folder = tempfile::tempdir().expect("there is room");
    let (data, key, other) =
        (folder.path().join("local.db"), folder.path().join("local.key"), folder.path().join("other.key"));
    let text = |path: &Path| path.to_str().expect("it is text").to_owned();
    let server = Server::start_with(&data, &["--auth", &text(&key)]);
    let token = |scope: &str, key: &Path| {
        let arguments = ["token", "--scope", scope, "--program", "demo", "--actor", "till-3", "--key", &text(key)];
        let output =
            Command::new(env!("CARGO_BIN_EXE_regulars")).args(arguments).output().expect("the program was built");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("it prints text").trim().to_owned()
    };
    for (token, expected) in [
        (None, 401),
        (Some("x".to_owned()), 401),
        (Some(token("regulars/program", &other)), 401),
        (Some(token("regulars/earn", &key)), 403),
        (Some(token("regulars/program", &key)), 200),
        (Some(token("regulars/read", &key)), 200),
    ] {
        assert_eq!(status(&server.address, token.as_deref()), expected, "{token:?}");
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_regulars")).args(["token", "--scope", "earn"]).output();
    let unknown = unknown.expect("the program was built");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8(unknown.stderr).expect("it prints text").contains("there is no scope `earn`"));
}

#[test]
fn what_cannot_be_started_is_one_line_and_status_2() {
    let folder = tempfile::tempdir().expect("there is room");
    let data = folder.path().join("local.db");
    let file = folder.path().join("program.json");
    let file = file.to_str().expect("it is text");
    let server = Server::start(&data);
    let port = server.address.rsplit(':').next().expect("it has a port");
    let data = data.to_str().expect("it is text");

    assert!(refused(&["--port", port, "--data", "memory"]).contains("is in use"));
    assert!(refused(&["--port", "0", "--data", data]).contains("in use by another process"));
    assert!(refused(&["--port", "0", "--data", "/proc/regulars/local.db"]).contains("cannot make the folder"));
    assert!(refused(&["--port", "0", "--data", "memory", "--program", file]).contains("cannot read"));
    std::fs::write(file, "{").expect("there is room");
    assert!(refused(&["--port", "0", "--data", "memory", "--program", file]).contains("is not read"));
    std::fs::write(file, r#"{ "name": "One", "name": "Two" }"#).expect("there is room");
    assert!(
        refused(&["--port", "0", "--data", "memory", "--program", file]).contains("The field `name` is given twice.")
    );
    assert!(refused(&["--port", "0", "--data", "memory", "--auth", file]).contains("must hold 64 hexadecimal digits"));
    std::fs::write(file, r#"{ "name": "Nothing else" }"#).expect("there is room");
    assert!(refused(&["--port", "0", "--data", "memory", "--program", file]).contains("is refused"));
}
