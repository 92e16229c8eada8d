//! The whole system in this process: its functions, a table in memory, and a clock that a test sets.

use std::{io::Write, path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use regulars_application::engine::Engine;
use regulars_cli::{
    local::{Data, Options, Running, Stream},
    token::Key,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

use crate::{
    client::{Answer, Client},
    template::Template,
};

/// The initial time of a system's clock: a Saturday afternoon in the program's time zone.
pub const NOW: &str = "2026-11-21T13:05:00Z";

/// The path of the program.
pub const DEMO: &str = "/v1/programs/demo";

/// A running system. It stops when it is dropped.
#[derive(Debug)]
pub struct System {
    /// A client of the system.
    pub client: Client,
    running: Option<Running>,
    runtime: Runtime,
    is_proven: bool,
}

/// Returns the program document of most tests, a coffee shop's.
///
/// # Panics
///
/// It is not JSON.
#[must_use]
pub fn coffee_shop() -> Value {
    serde_json::from_str(include_str!("../data/program.json")).expect("the program document is JSON")
}

/// Returns the path of a member of the program.
#[must_use]
pub fn member(member: &str) -> String {
    format!("{DEMO}/members/{member}")
}

/// Returns a purchase of `amount` minor units, now.
#[must_use]
pub fn purchase(amount: i64) -> Value {
    purchase_at(NOW, amount)
}

/// Returns a purchase of `amount` minor units.
#[must_use]
pub fn purchase_at(occurred_at: &str, amount: i64) -> Value {
    json!({ "purchase": { "occurred_at": occurred_at, "total": { "amount": amount, "currency": "EUR" } } })
}

impl System {
    /// Starts a system with the coffee shop's program, at [`NOW`].
    #[must_use]
    pub fn start() -> Self {
        Self::with(&coffee_shop(), NOW)
    }

    /// Starts a system with `program`, with its clock at `now`.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn with(program: &Value, now: &str) -> Self {
        Self::started(program, now, None)
    }

    /// Starts a system that requires tokens ([`Key::signed`](regulars_cli::token::Key::signed)), and returns it with
    /// their key.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn demanding_tokens() -> (Self, Key) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("local.key");
        let system = Self::started(&coffee_shop(), NOW, Some(file.clone()));
        (system, Key::open(&file).expect("the key that the system has made"))
    }

    fn started(program: &Value, now: &str, auth: Option<PathBuf>) -> Self {
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(program.to_string().as_bytes()).expect("the temporary file can be written");
        let options = Options {
            port: 0,
            data: Data::Memory,
            program: Some(file.path().to_owned()),
            publish: false,
            clock_at: Some(now.parse().expect("an instant")),
            auth,
        };
        let runtime = Runtime::new().expect("a runtime");
        let running = runtime.block_on(regulars_cli::local::start(options)).expect("the system starts");
        Self { client: Client::new(running.url()), running: Some(running), runtime, is_proven: true }
    }

    /// Returns the same system without the verification of its ledgers at the end: for accounts that are written
    /// directly into the table.
    #[must_use]
    pub fn unproven(mut self) -> Self {
        self.is_proven = false;
        self
    }

    /// Returns the engine of its functions.
    ///
    /// # Panics
    ///
    /// Never: it runs until it is dropped.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        self.running.as_ref().expect("it runs").engine()
    }

    /// Returns the address at which another process reaches its table.
    ///
    /// # Panics
    ///
    /// Never: it runs until it is dropped.
    #[must_use]
    pub fn table_url(&self) -> String {
        self.running.as_ref().expect("it runs").table_url()
    }

    /// The stream of its table.
    ///
    /// # Panics
    ///
    /// Never: it runs until it is dropped.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.running.as_ref().expect("it runs").stream()
    }

    /// Runs a future on the system's runtime, without HTTP.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Moves its clock.
    ///
    /// # Panics
    ///
    /// The clock would move back.
    pub fn move_clock(&self, now: &str) {
        let now: Timestamp = now.parse().expect("an instant");
        self.running.as_ref().expect("it runs").clock().move_to(now).expect("time goes on");
    }

    /// Makes its clock move by `step` after each reading.
    ///
    /// # Panics
    ///
    /// Never: it runs until it is dropped.
    pub fn tick(&self, step: SignedDuration) {
        self.running.as_ref().expect("it runs").clock().step_by(step);
    }

    /// Enrolls a member, and returns the account.
    ///
    /// # Panics
    ///
    /// The member is not enrolled.
    #[track_caller]
    pub fn enroll(&self, member: &str) -> Value {
        self.client.post(&format!("{DEMO}/members"), &json!({ "member": member })).expect(201)
    }

    /// Starts a system with a member `m-1` who has 325 points: 25 welcome points and 300 earned under `order-1`, which
    /// reach the silver tier.
    ///
    /// # Panics
    ///
    /// The points are not given.
    #[must_use]
    #[track_caller]
    pub fn with_silver_member() -> Self {
        let system = Self::start();
        system.enroll("m-1");
        system.accrue("m-1", "order-1", &purchase(30_000)).expect(201);
        system
    }

    /// Sends an accrual under a key.
    #[must_use]
    pub fn accrue(&self, member_id: &str, key: &str, body: &Value) -> Answer {
        self.client.post_under(key, &format!("{}/accruals", member(member_id)), body)
    }

    /// Sends a redemption under a key.
    #[must_use]
    pub fn redeem(&self, member_id: &str, key: &str, body: &Value) -> Answer {
        self.client.post_under(key, &format!("{}/redemptions", member(member_id)), body)
    }

    /// Returns the account.
    ///
    /// # Panics
    ///
    /// There is none.
    #[must_use]
    #[track_caller]
    pub fn account(&self, member_id: &str) -> Value {
        self.client.get(&member(member_id)).expect(200)
    }

    /// Returns the whole statement, oldest first.
    ///
    /// # Panics
    ///
    /// There is none, or its pages do not end.
    #[must_use]
    #[track_caller]
    pub fn ledger(&self, member_id: &str) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("{}/entries?limit=100{cursor}", member(member_id));
            let page = self.client.get(&path).expect(200);
            entries.extend(page["entries"].as_array().expect("a list").iter().cloned());
            assert!(entries.len() < 100_000, "the statement does not end");
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        entries.reverse();
        entries
    }

    /// Asserts that the statement adds up to the balance, entry by entry.
    ///
    /// # Panics
    ///
    /// It does not.
    #[track_caller]
    pub fn audit(&self, member_id: &str) {
        let ledger = self.ledger(member_id);
        let balance = &self.account(member_id)["balance"];
        for part in ["spendable", "pending", "held", "owed"] {
            let mut sum = 0;
            for entry in &ledger {
                sum += entry[part].as_i64().expect("a number");
                assert!(sum >= 0, "{part} is below zero after {entry}");
            }
            assert_eq!(balance[part], sum, "{part} of {member_id}");
        }
        let seqs: Vec<_> = ledger.iter().map(|entry| entry["seq"].as_u64().unwrap_or_default()).collect();
        let expected: Vec<_> = (1..).take(ledger.len()).collect();
        assert_eq!(seqs, expected, "{member_id}");
    }
}

/// After every test, the ledgers must give the accounts, and no function may have called the table in a way that its
/// policy in the template denies.
impl Drop for System {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        let mut faults = Vec::new();
        if self.is_proven && !std::thread::panicking() {
            let engine = Arc::clone(running.engine());
            let verified = self.runtime.block_on(regulars_cli::ledger::faults(&engine.store, &engine.programs));
            faults = verified.expect("the table can be read");
            faults.truncate(5);
        }
        let denied = Template::read().denied(&running.engine().store.meter().needed());
        self.runtime.block_on(running.stop());
        assert_eq!(faults, Vec::<String>::new());
        assert!(denied.is_empty() || std::thread::panicking(), "the template's policies deny {denied:#?}");
    }
}
