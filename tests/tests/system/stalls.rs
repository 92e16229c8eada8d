//! A table that accepts connections and does not answer: every front end reports this in time, and works again when the
//! table answers.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use regulars_application::{
    alias_key::AliasKeySource, authority::Authority, deadline::Deadline, engine::Engine, programs::ProgramCache,
};
use regulars_cli::local::{TABLE, client_at};
use regulars_store::{AliasKey, Store};
use regulars_tests::{
    event::{FUNCTIONS, answered, batch, call, callers, event, handle},
    system::{NOW, System, coffee_shop, purchase},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Longer than any function runs for a request.
const PATIENCE: Duration = Duration::from_secs(9);

/// Requests that are no longer forwarded.
#[derive(Clone, Copy, Debug)]
struct Stall {
    /// A part of the bodies of requests that stall; empty for all requests.
    of: &'static str,
    /// How many more connections may stall.
    connections: usize,
}

const ALL: Stall = Stall { of: "", connections: usize::MAX };

/// A proxy in front of a table, on which connections can stall: they stay open without an answer.
struct Wire {
    url: String,
    stall: Arc<Mutex<Option<Stall>>>,
}

impl Wire {
    async fn to(table_url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let table = table_url.trim_start_matches("http://").to_owned();
        let stall = Arc::<Mutex<Option<Stall>>>::default();
        let seen = Arc::clone(&stall);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(pass_on(connection, table.clone(), Arc::clone(&seen)));
            }
        });
        Self { url, stall }
    }

    fn stall(&self, stall: impl Into<Option<Stall>>) {
        *self.stall.lock().unwrap() = stall.into();
    }
}

/// Forwards one connection until it stalls. From then on it reads, and forwards nothing.
async fn pass_on(mut connection: TcpStream, table: String, stall: Arc<Mutex<Option<Stall>>>) {
    let mut table = TcpStream::connect(table).await.unwrap();
    let (mut request, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    let mut is_stalled = false;
    loop {
        tokio::select! {
            read = connection.read(&mut request) => {
                let Ok(bytes @ 1..) = read else { return };
                if let Some(stall) = stall.lock().unwrap().as_mut().filter(|stall| stall.connections > 0 && !is_stalled)
                    && String::from_utf8_lossy(&request[..bytes]).contains(stall.of)
                {
                    stall.connections -= 1;
                    is_stalled = true;
                }
                if !is_stalled && table.write_all(&request[..bytes]).await.is_err() {
                    return;
                }
            }
            read = table.read(&mut answer), if !is_stalled => {
                let Ok(bytes @ 1..) = read else { return };
                if connection.write_all(&answer[..bytes]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Returns a store on the table at `url`, with the time limits of DynamoDB.
fn store(url: &str) -> Store {
    Store::new(&client_at(url), TABLE)
}

/// Returns the engine of a separate function over `store`, before its first call to the table.
fn engine(system: &System, store: Store) -> Engine {
    Engine {
        store,
        programs: ProgramCache::default(),
        clock: system.engine().clock.clone(),
        authority: Authority::Trusted,
        alias_key: AliasKeySource::given(AliasKey::new(&[7; 32]).unwrap()),
    }
}

/// Returns the result of a request, and its duration.
async fn timed(engine: &Engine, (function, method, path, key, body): Request<'_>) -> (u64, Value, Duration) {
    let began = Instant::now();
    let (status, body) =
        call(function, engine, (method, path), &[("idempotency-key", key), ("if-match", "\"1\"")], body).await;
    (status, body, began.elapsed())
}

/// Function, method, path, key and body.
type Request<'a> = (&'a str, &'a str, &'a str, &'a str, &'a Value);

const MEMBER: &str = "/v1/programs/demo/members/m-1";

async fn accrue(engine: &Engine, key: &str) -> (u64, Value, Duration) {
    timed(engine, ("earn", "POST", &format!("{MEMBER}/accruals"), key, &purchase(1_000))).await
}

/// Returns a request body for each route that leads to a call to the table.
fn body(function: &str, method: &str, path: &str) -> (Value, &'static str) {
    let reason = json!({ "reason": "test" });
    let body = match (function, method, path.rsplit('/').next().unwrap()) {
        (_, "GET", _) => Value::Null,
        ("earn", _, "accruals" | "amendments") => purchase(1_000),
        ("earn", _, "quotes") => json!({ "accrual": purchase(1_000) }),
        ("enroll", "POST", "members") => json!({ "member": "m-9" }),
        ("enroll", _, "lookup") => json!({ "alias": { "kind": "email", "value": "a@b.c" } }),
        ("enroll", "PATCH", _) => json!({ "status": "suspended" }),
        ("enroll", _, "merge") => json!({ "into": "m-2" }),
        ("enroll", "POST", "plan") => json!({ "plan": "plus" }),
        ("program", "PUT", _) => coffee_shop(),
        ("program", _, "codes") => json!({ "codes": ["A1"] }),
        ("program", _, "adjustments") => json!({ "points": 1, "reason": "test" }),
        ("program", _, "transfers") => json!({ "to": "m-2", "points": 1 }),
        ("redeem", _, "redemptions") => json!({ "reward": "mug" }),
        ("tier-evaluation", "PUT", _) => json!({ "tier": "gold", "until": "2027-06-30", "reason": "test" }),
        ("tier-evaluation", "DELETE", _) => reason,
        _ => json!({}),
    };
    let id = if path.contains("/versions/") { "1" } else { "voucher" };
    (body, id)
}

/// Returns a request for every route of every function.
fn requests() -> Vec<(&'static str, String, String, Value)> {
    let mut requests = Vec::new();
    let mut of = |function: &'static str, method: String, path: &str| {
        let (body, id) = body(function, &method, path);
        let filled: Vec<_> = path
            .split('/')
            .map(|part| match part {
                "{program}" => "demo",
                "{member}" => "m-1",
                part if part.starts_with('{') => id,
                part => part,
            })
            .collect();
        requests.push((function, method, filled.join("/"), body));
    };
    for function in FUNCTIONS {
        // The documents that machines read do not touch the table.
        for (method, path, _) in callers(function).into_iter().filter(|(.., who)| !who.is_open_to_everyone()) {
            of(function, method.to_string(), &path);
        }
    }
    requests
}

fn system() -> System {
    let mut program = coffee_shop();
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "voucher", "name": "A voucher", "kind": "voucher", "cost": { "points": 1 }, "codes": "pool"
    }));
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system
}

#[test]
fn every_route_says_in_time_that_a_table_which_stalls_is_unavailable() {
    let system = system();
    system.block_on(async {
        let wire = Wire::to(&system.table_url()).await;
        let engine = engine(&system, store(&wire.url));
        // The program is cached, and the connection open.
        assert_eq!(accrue(&engine, "order-0").await.0, 201);
        wire.stall(ALL);
        let requests = requests();
        let functions: BTreeSet<_> = requests.iter().map(|(function, ..)| *function).collect();
        assert_eq!(functions, FUNCTIONS.into());
        let mut answers = Vec::new();
        for (function, method, path, body) in &requests {
            answers.push(Box::pin(timed(&engine, (function, method, path, "key-1", body))));
        }
        let answers = all(answers).await;
        for ((function, method, path, _), (status, body, took)) in requests.iter().zip(answers) {
            println!("{function} {method} {path}: {status} after {took:?}");
            assert_eq!((status, &body["code"]), (503, &json!("store_unavailable")), "{method} {path}: {body}");
            assert_eq!(body["request_id"], "request-1");
            // Routes that read a page have the time limit of a page.
            let is_page = path.ends_with("/entries") || path.ends_with("/codes") || path.contains("/versions");
            assert!(took < if is_page { PATIENCE } else { Duration::from_millis(4_500) }, "{method} {path}: {took:?}");
        }
    });
}

/// Runs all of `work` concurrently.
async fn all<T>(work: Vec<impl Future<Output = T> + Unpin>) -> Vec<T> {
    let mut work: Vec<_> = work.into_iter().map(|work| (Some(work), None)).collect();
    std::future::poll_fn(|context| {
        for (work, done) in &mut work {
            if let Some(std::task::Poll::Ready(result)) =
                work.as_mut().map(|work| std::pin::Pin::new(work).poll(context))
            {
                (*work, *done) = (None, Some(result));
            }
        }
        if work.iter().all(|(_, done)| done.is_some()) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    work.into_iter().filter_map(|(_, done)| done).collect()
}

#[test]
fn a_queue_gets_its_messages_back_and_a_review_is_a_fault_when_the_table_stalls() {
    let system = system();
    system.block_on(async {
        let wire = Wire::to(&system.table_url()).await;
        let engine = engine(&system, store(&wire.url));
        assert_eq!(accrue(&engine, "order-0").await.0, 201);
        wire.stall(ALL);
        let message =
            |key: &str| json!({ "program": "demo", "member": "m-1", "idempotency_key": key, "accrual": purchase(1_000) });
        let (batch, shard) = (batch(&[message("order-1"), message("order-2")]), json!({ "shard": 1, "through": "2026-11-21" }));
        let began = Instant::now();
        let (messages, review) = tokio::join!(
            async { (handle("earn", &engine, batch).await.unwrap(), began.elapsed()) },
            async { (handle("tier-evaluation", &engine, shard).await.unwrap_err(), began.elapsed()) },
        );
        let failed: Vec<_> = ["message-0", "message-1"].map(|id| json!({ "itemIdentifier": id })).into();
        assert_eq!(messages.0, json!({ "batchItemFailures": failed }));
        // Messages of one member are processed one after another.
        assert!(messages.1 < PATIENCE, "{:?}", messages.1);
        assert_eq!(review.0.name(), "EventFault");
        assert!(review.1 < PATIENCE, "{:?}", review.1);
    });
}

#[test]
fn a_commit_that_stalls_is_unavailable_and_its_repeat_finds_out() {
    let system = system();
    system.block_on(async {
        let wire = Wire::to(&system.table_url()).await;
        let engine = engine(&system, store(&wire.url));
        wire.stall(Stall { of: "TransactWriteItems", ..ALL });
        let (status, body, took) = accrue(&engine, "order-1").await;
        println!("an accrual whose commit stalls: {status} after {took:?}");
        assert_eq!((status, &body["code"]), (503, &json!("store_unavailable")));
        assert!(took < Duration::from_millis(4_500), "{took:?}");
        wire.stall(None);
        let (status, body, _) = accrue(&engine, "order-1").await;
        assert!([200, 201].contains(&status), "{body}");
    });
    assert_eq!(system.ledger("m-1").len(), 2, "a welcome and one purchase");
}

#[test]
fn a_stall_that_ends_is_not_noticed() {
    let system = system();
    system.block_on(async {
        let wire = Wire::to(&system.table_url()).await;
        // The first connection has three seconds, later attempts have one.
        let engine = engine(&system, store(&wire.url));
        for (key, of, limit) in [("order-1", "", 3), ("order-2", "GetItem", 1), ("order-3", "TransactWriteItems", 1)] {
            wire.stall(Stall { of, connections: 1 });
            let (status, body, took) = accrue(&engine, key).await;
            println!("{key}: {status} after {took:?}");
            assert_eq!(status, 201, "{body}");
            assert!((limit * 1_000..limit * 1_000 + 900).contains(&took.as_millis()), "{key}: {took:?}");
        }
    });
}

#[test]
fn no_call_outlasts_the_deadline_of_its_invocation() {
    let system = system();
    system.block_on(async {
        let wire = Wire::to(&system.table_url()).await;
        let engine = engine(&system, store(&wire.url));
        wire.stall(ALL);
        let began = Instant::now();
        let event = event("GET", MEMBER, &[], &Value::Null);
        let answer = regulars_account::handle(&engine, event, Deadline::after(Duration::from_millis(700))).await;
        let (status, body) = answered(&answer.unwrap());
        assert_eq!((status, &body["code"]), (503, &json!("store_unavailable")));
        assert!(began.elapsed() < Duration::from_millis(1_200), "{:?}", began.elapsed());
    });
}

#[test]
fn a_function_starts_while_the_table_stalls_and_works_as_soon_as_it_answers() {
    let system = system();
    system.block_on(async {
        let wire = Wire::to(&system.table_url()).await;
        wire.stall(ALL);
        let began = Instant::now();
        let started = Engine::over(store(&wire.url), Authority::Trusted, AliasKeySource::absent()).await.unwrap();
        let took = began.elapsed();
        println!("started after {took:?}");
        assert!((Duration::from_secs(4)..Duration::from_secs(6)).contains(&took), "{took:?}");
        let engine = Engine { clock: system.engine().clock.clone(), ..started };
        let (status, body, took) = accrue(&engine, "order-1").await;
        println!("an accrual of a function that never reached the table: {status} after {took:?}");
        assert_eq!((status, &body["code"]), (503, &json!("store_unavailable")));
        assert!(took < Duration::from_millis(5_500), "{took:?}");
        wire.stall(None);
        assert_eq!(accrue(&engine, "order-1").await.0, 201);
        // Nothing listens on this port.
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let began = Instant::now();
        let engine = Engine::over(store(&format!("http://{closed}")), Authority::Trusted, AliasKeySource::absent())
            .await
            .unwrap();
        assert!(began.elapsed() < Duration::from_secs(2));
        assert_eq!(accrue(&engine, "order-2").await.0, 503);
    });
}
