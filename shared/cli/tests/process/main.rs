//! The command line as a process: its output and exit status, and that answered requests survive a kill.

mod events;
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
        while !greeting.ends_with("/members/try-1\n") {
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
    assert_eq!(enrolled["member"], "try-1", "{enrolled}");
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
    let print = |scope: &str, key: &Path| {
        let arguments = ["token", "--scope", scope, "--program", "demo", "--actor", "till-3", "--key", &text(key)];
        Command::new(env!("CARGO_BIN_EXE_regulars")).args(arguments).output().expect("the program was built")
    };
    let absent = print("regulars/program", &other);
    assert_eq!((absent.status.code(), absent.stdout.is_empty(), other.exists()), (Some(2), true, false));
    let said = String::from_utf8(absent.stderr).expect("it prints text");
    assert!(said.starts_with(&format!("regulars: there is no key file {};", text(&other))), "{said}");
    std::fs::write(&other, "07".repeat(32)).expect("there is room");
    let token = |scope: &str, key: &Path| {
        let output = print(scope, key);
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

    let here = folder.path().to_str().expect("it is text");
    let memory = ["--port", "0", "--data", "memory"];
    let said = |more: &[&str], expected: &str| {
        let stderr = refused(more);
        assert_eq!(stderr, format!("regulars: {expected}\n"));
        assert!(!stderr.contains("os error") && !stderr.contains("panicked"), "{stderr}");
    };
    said(&["--port", port, "--data", "memory"], &format!("port {port} is in use; choose another with --port"));
    for wrong in ["abc", "99999", "-1", ""] {
        said(
            &["--port", wrong],
            &format!("invalid value '{wrong}' for '--port <PORT>': must be a whole number from 0 to 65535; see --help"),
        );
    }
    let in_use = "is in use by another process, such as a local server";
    said(&["--port", "0", "--data", data], &format!("the data file {data} {in_use}"));
    said(
        &["--port", "0", "--data", "/proc/regulars/local.db"],
        "cannot create the folder /proc/regulars: it does not exist",
    );
    said(&["--port", "0", "--data", here], &format!("cannot open the data file {here}: it is a directory, not a file"));
    let not_read = format!("cannot read the program document {file}:");
    for (content, expected) in [
        (None, format!("{not_read} it does not exist")),
        (Some(""), format!("{not_read} it is empty")),
        (
            Some("{"),
            format!("{not_read} it is not JSON. It ends too early; a bracket or a value is missing: line 1, column 1."),
        ),
        (Some(r#"{ "name": "One", "name": "Two" }"#), format!("{not_read} The field `name` is given twice.")),
        (
            Some("order,member\n1,2\n"),
            format!(
                "{not_read} it is not JSON. A value is missing here, or a string is not in double quotes: line 1, column 1."
            ),
        ),
        (
            Some(r#"{ "name": "Shop", "time_zone": "UTC", "currency": "eur" }"#),
            format!(
                "the program document {file} is rejected: /currency: must be an ISO 4217 code in capitals, such as EUR"
            ),
        ),
    ] {
        if let Some(content) = content {
            std::fs::write(file, content).expect("there is room");
        }
        said(&[&memory[..], &["--program", file]].concat(), &expected);
    }
    said(
        &[&memory[..], &["--program", here]].concat(),
        &format!("cannot read the program document {here}: it is a directory, not a file"),
    );
    said(
        &["--port", "0", "--data", file],
        &format!(
            "cannot open the data file {file}: it is not a data file of the local server; name another file with --data"
        ),
    );
    said(&[&memory[..], &["--auth", file]].concat(), &format!("the key file {file} must hold 64 hexadecimal digits"));
}

#[test]
fn a_document_that_differs_from_the_data_is_named_and_published_if_asked() {
    let folder = tempfile::tempdir().expect("there is room");
    let data = folder.path().join("local.db");
    let file = folder.path().join("program.json");
    let file = file.to_str().expect("it is text");
    let server = Server::start(&data);
    let (_, mut program) = server.send("GET", "/v1/programs/demo", "-", &json!(null));
    drop(server);
    let name = |server: &Server| server.send("GET", "/v1/programs/demo", "-", &json!(null)).1["name"].clone();
    let sample = program["name"].clone();
    std::fs::write(file, program.to_string()).expect("there is room");
    let server = Server::start_with(&data, &["--program", file]);
    assert!(!server.greeting.contains(file), "it is the same: {}", server.greeting);
    drop(server);

    program["name"] = json!("Another name");
    std::fs::write(file, program.to_string()).expect("there is room");
    let server = Server::start_with(&data, &["--program", file]);
    let advice = format!("differs from {file}: start with --publish to publish {file} as version 2");
    assert!(server.greeting.contains(&advice), "{}", server.greeting);
    assert_eq!(name(&server), sample);
    drop(server);
    for said in [format!("# {file} is published as version 2 of the program demo\n"), String::new()] {
        let server = Server::start_with(&data, &["--program", file, "--publish"]);
        assert!(server.greeting.contains(&said), "{}", server.greeting);
        assert_eq!(said.is_empty(), !server.greeting.contains("is published"), "{}", server.greeting);
        assert_eq!(name(&server), "Another name");
    }
}

#[test]
fn a_table_that_cannot_be_reached_is_one_line_with_what_to_check() {
    let none = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| (name, "/dev/null"));
    let command = |credentials: &[(&str, &str)]| {
        let arguments = ["verify", "--table", "regulars", "--endpoint", "http://127.0.0.1:1"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_regulars"));
        let settings = std::env::vars_os().map(|(name, _)| name);
        for name in settings.filter(|name| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.args(arguments).env_remove("RUST_LOG").env("AWS_EC2_METADATA_DISABLED", "true").envs(none);
        command.envs(credentials.iter().copied());
        let Output { status, stderr, .. } = command.output().expect("the program was built");
        let stderr = String::from_utf8(stderr).expect("it prints text");
        assert_eq!((status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
        stderr
    };
    let keys = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "y"), ("AWS_REGION", "eu-west-1")];
    assert_eq!(
        command(&keys),
        "regulars: the table cannot be read: Connection refused; check its name, and the region, the endpoint and the credentials of the \
         environment\n"
    );
    let region = "no AWS region was found: set AWS_REGION";
    let credentials = "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let [access, secret, place] = keys;
    for (settings, missing) in [
        (&[][..], format!("{region}; {credentials}")),
        (&[place], credentials.to_owned()),
        (&[access, place], credentials.to_owned()),
        (&[access, secret], region.to_owned()),
    ] {
        assert_eq!(command(settings), format!("regulars: {missing}; RUST_LOG=aws_config=warn shows details\n"));
    }
}
