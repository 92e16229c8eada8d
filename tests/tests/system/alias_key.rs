//! The alias key, read from a Secrets Manager that answers, fails, is slow, or stalls.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use regulars_application::{
    authority::{Authority, Claims},
    deadline::Deadline,
    engine::{Engine, SdkConfig},
    programs::ProgramCache,
    settings::{SettingFault, Settings},
};
use regulars_cli::local::client_at;
use regulars_tests::{
    event::{answered, call, event},
    system::System,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:AliasKey-1";
const KEY: &str = "a key for aliases in tests, as long as one of a stack's";

/// The behaviour of the service.
#[derive(Clone, Debug)]
enum Does {
    /// It answers after a delay.
    Answers(Duration, u16, Value),
    /// It never answers.
    Stalls,
}

/// A Secrets Manager on loopback that counts the requests for the secret.
struct SecretsManager {
    url: String,
    does: Arc<Mutex<Does>>,
    requests: Arc<AtomicUsize>,
}

fn secret(text: &str) -> Does {
    Does::Answers(Duration::ZERO, 200, json!({ "ARN": ARN, "Name": "AliasKey", "SecretString": text }))
}

fn fails(status: u16, code: &str) -> Does {
    Does::Answers(Duration::ZERO, status, json!({ "__type": code, "message": "it is not to be" }))
}

impl SecretsManager {
    async fn that(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (does, requests) = (Arc::new(Mutex::new(does)), Arc::new(AtomicUsize::new(0)));
        let (shared, counted) = (Arc::clone(&does), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&shared), Arc::clone(&counted)));
            }
        });
        Self { url, does, requests }
    }

    fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the engine of a function that stores its alias key here, over the table of `system`.
    fn engine(&self, system: &System) -> Engine {
        let alias_key = regulars_enroll::alias_key(&config(&self.url), &settings(Some(ARN))).unwrap();
        Engine {
            store: system.engine().store.clone(),
            programs: ProgramCache::default(),
            clock: system.engine().clock.clone(),
            authority: Authority::Trusted,
            alias_key,
        }
    }
}

fn config(url: &str) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::from_static("local"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client_at(url).config().http_client().unwrap())
        .build()
}

fn settings(secret: Option<&str>) -> Settings {
    Settings {
        table_name: "regulars".to_owned(),
        alias_key_secret: secret.map(str::to_owned),
        event_bus_name: None,
        claims: Claims::default(),
        log_level: "INFO".parse().unwrap(),
        metric_namespace: "Regulars".to_owned(),
    }
}

/// Answers the requests of one connection.
async fn serve(mut connection: TcpStream, does: Arc<Mutex<Does>>, requests: Arc<AtomicUsize>) {
    let mut read = Vec::new();
    loop {
        let Some(request) = request(&mut connection, &mut read).await else { return };
        let request = request.to_lowercase();
        assert!(request.contains("x-amz-target: secretsmanager.getsecretvalue"), "{request}");
        assert!(request.contains(&ARN.to_lowercase()), "{request}");
        requests.fetch_add(1, Ordering::Relaxed);
        let does = does.lock().unwrap().clone();
        let Does::Answers(after, status, body) = does else { return std::future::pending().await };
        tokio::time::sleep(after).await;
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}",
            body.len()
        );
        if connection.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads the next request of a connection, head and body; `None` when it is closed.
async fn request(connection: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    let mut bytes = [0; 8_192];
    loop {
        let text = String::from_utf8_lossy(read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap());
            if body.len() >= length.parse().unwrap() {
                read.clear();
                return Some(text);
            }
        }
        match connection.read(&mut bytes).await {
            Ok(count @ 1..) => read.extend(&bytes[..count]),
            _ => return None,
        }
    }
}

const MEMBERS: &str = "/v1/programs/demo/members";

async fn look_up(engine: &Engine) -> (u64, Value) {
    let body = json!({ "alias": { "kind": "email", "value": "ayse@example.com" } });
    call("enroll", engine, ("POST", &format!("{MEMBERS}/lookup")), &[], &body).await
}

async fn enroll(engine: &Engine, member: &str, aliases: Value) -> (u64, Value) {
    let body = json!({ "member": member, "aliases": aliases });
    call("enroll", engine, ("POST", MEMBERS), &[], &body).await
}

fn email() -> Value {
    json!([{ "kind": "email", "value": "ayse@example.com" }])
}

#[test]
fn the_key_is_read_once_when_a_request_first_needs_it() {
    let system = System::start();
    system.block_on(async {
        let service = SecretsManager::that(secret(KEY)).await;
        let engine = service.engine(&system);
        assert_eq!(enroll(&engine, "m-1", json!([])).await.0, 201);
        assert_eq!(service.requests(), 0, "neither a start nor a request without aliases needs the key");
        let (first, second, third) = tokio::join!(enroll(&engine, "m-2", email()), look_up(&engine), look_up(&engine));
        assert_eq!(first.0, 201, "{}", first.1);
        assert!([200, 404].contains(&second.0) && [200, 404].contains(&third.0), "{} {}", second.1, third.1);
        for _ in 0..20 {
            assert_eq!(look_up(&engine).await.1["member"], "m-2");
        }
        assert_eq!(service.requests(), 1);
        // Another process under the same key finds the same member.
        assert_eq!(look_up(&service.engine(&system)).await.1["member"], "m-2");
        assert_eq!(service.requests(), 2);
    });
}

#[test]
fn a_key_that_cannot_be_read_is_a_fault_and_the_next_request_reads_again() {
    let system = System::start();
    system.block_on(async {
        let service = SecretsManager::that(secret(KEY)).await;
        for (does, status, code, requests) in [
            // Temporary errors are tried three times, and the request can be repeated.
            (fails(500, "InternalServiceError"), 503, "store_unavailable", 3),
            (fails(400, "ThrottlingException"), 503, "store_unavailable", 3),
            // Permanent errors are internal errors.
            (fails(400, "AccessDeniedException"), 500, "internal", 1),
            (fails(400, "ResourceNotFoundException"), 500, "internal", 1),
            (secret("too short"), 500, "internal", 1),
            (Does::Answers(Duration::ZERO, 200, json!({ "ARN": ARN, "SecretBinary": "AAAA" })), 500, "internal", 1),
        ] {
            let engine = service.engine(&system);
            let before = service.requests();
            service.now(does.clone());
            let (found, body) = enroll(&engine, "m-1", email()).await;
            assert_eq!((found, body["code"].as_str()), (status, Some(code)), "{does:?}: {body}");
            assert_eq!(service.requests() - before, requests, "{does:?}");
            assert!(!body.to_string().contains("not to be"), "{body}");
            // Nothing was written under another key, and the function works as soon as the secret can be read.
            service.now(secret(KEY));
            assert_eq!(look_up(&engine).await.1["code"], "member_not_found", "{does:?}");
            assert_eq!(service.requests() - before, requests + 1, "{does:?}");
        }
        let engine = service.engine(&system);
        assert_eq!(enroll(&engine, "m-1", email()).await.0, 201);
        assert_eq!(look_up(&engine).await.1["member"], "m-1");
    });
}

#[test]
fn a_service_that_is_slow_is_waited_for_and_one_that_stalls_is_not() {
    let system = System::start();
    system.block_on(async {
        let Does::Answers(_, status, body) = secret(KEY) else { unreachable!() };
        let service = SecretsManager::that(Does::Answers(Duration::from_secs(1), status, body)).await;
        assert_eq!(look_up(&service.engine(&system)).await.0, 404);
        assert_eq!(service.requests(), 1);

        service.now(Does::Stalls);
        let engine = service.engine(&system);
        let began = Instant::now();
        let (status, body) = look_up(&engine).await;
        assert_eq!((status, &body["code"]), (503, &json!("store_unavailable")));
        assert!((Duration::from_secs(3)..Duration::from_secs(7)).contains(&began.elapsed()), "{:?}", began.elapsed());
        // The deadline of the invocation comes first.
        let began = Instant::now();
        let lookup = json!({ "alias": { "kind": "email", "value": "ayse@example.com" } });
        let event = event("POST", &format!("{MEMBERS}/lookup"), &[], &lookup);
        let answer = regulars_enroll::handle(&engine, event, Deadline::after(Duration::from_millis(700))).await;
        assert_eq!(answered(&answer.unwrap()).0, 503);
        assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
        service.now(secret(KEY));
        assert_eq!(look_up(&engine).await.0, 404);
    });
}

#[test]
fn a_function_whose_settings_name_no_secret_does_not_start() {
    let started = regulars_enroll::alias_key(&config("http://127.0.0.1:9"), &settings(None));
    assert_eq!(started.unwrap_err(), SettingFault::Missing("ALIAS_KEY_SECRET"));
}
