//! Passes requests to the handlers, on one thread with its log, and searches everything that comes out.

use std::{
    cell::RefCell,
    io::{self, Write},
    sync::Once,
    time::Duration,
};

use regulars_api::log;
use regulars_application::{
    alias_key::AliasKeySource,
    authority::{Authority, Claims},
    deadline::Deadline,
    engine::Engine,
    event::EventRefused,
    programs::ProgramCache,
};
use regulars_cli::local::{TABLE, client_at};
use regulars_store::{AliasKey, Limits, Store};
use regulars_tests::{
    bus::KeptBus,
    event::{answered, handle},
    system::System,
};
use serde_json::Value;
use tokio::runtime::Runtime;
use tracing::Level;
use tracing_subscriber::{layer::SubscriberExt, registry};

use super::{
    OTHER,
    marks::{SHOWN, found},
    requests::Request,
};

/// The levels that an owner can choose, and the finest of all.
pub(crate) const LEVELS: [Level; 4] = [Level::ERROR, Level::WARN, Level::INFO, Level::TRACE];

/// Where the metrics of these logs go.
pub(crate) const NAMESPACE: &str = "Regulars/regulars";

/// The time limit of the local table.
const PATIENCE: Duration = Duration::from_mins(2);

thread_local! {
    /// The log of this thread at each level. The test, its handlers and their connections share one thread.
    static LOGS: [RefCell<Vec<u8>>; LEVELS.len()] = const { [const { RefCell::new(Vec::new()) }; LEVELS.len()] };
}

/// The log of this thread at one level.
struct OfThread(usize);

impl Write for OfThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGS.try_with(|logs| logs[self.0].borrow_mut().write(bytes)).unwrap_or(Ok(bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs for all threads of this process, because a line is enabled or disabled for all of them at once.
fn keep_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = registry()
            .with(log::lines(NAMESPACE, LEVELS[0], || OfThread(0)))
            .with(log::lines(NAMESPACE, LEVELS[1], || OfThread(1)))
            .with(log::lines(NAMESPACE, LEVELS[2], || OfThread(2)))
            .with(log::lines(NAMESPACE, LEVELS[3], || OfThread(3)));
        tracing::subscriber::set_global_default(lines).unwrap();
    });
}

/// Returns the log of this thread at a level, by its position in [`LEVELS`].
pub(crate) fn logged(at: usize) -> String {
    LOGS.with(|logs| String::from_utf8(logs[at].borrow().clone()).unwrap())
}

/// The functions as deployed, with their logs, and the leaks so far.
pub(crate) struct Watch {
    runtime: Runtime,
    engine: Engine,
    leaks: RefCell<Vec<String>>,
}

impl Watch {
    pub(crate) fn over(system: &System) -> Self {
        keep_logs();
        // Everything on one thread, like a function, including the connections to the table.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let engine = Engine {
            store: Store::with_limits(&client_at(&system.table_url()), TABLE, Limits::uniform(PATIENCE)),
            programs: ProgramCache::default(),
            clock: system.engine().clock.clone(),
            authority: Authority::Jwt(Claims::default()),
            alias_key: AliasKeySource::given(AliasKey::new(b"a key for aliases in tests").unwrap()),
        };
        Self { runtime, engine, leaks: RefCell::default() }
    }

    /// Passes an event to a function, and searches the error if there is no answer.
    pub(crate) fn hand(&self, function: &str, event: Value) -> Result<Value, EventRefused> {
        self.hand_to(&self.engine, function, event)
    }

    pub(crate) fn hand_to(&self, engine: &Engine, function: &str, event: Value) -> Result<Value, EventRefused> {
        let answer = self.runtime.block_on(handle(function, engine, event));
        match &answer {
            // The runtime logs it.
            Err(refused) => self.look("the reason why an event is refused", &refused.to_string()),
            Ok(answer) if answer.get("statusCode").is_none() => {
                self.look("the answer to an event", &answer.to_string());
            }
            Ok(_) => {}
        }
        answer
    }

    /// Passes an event to the function that sends events to `bus`, and searches its answer.
    pub(crate) fn publish(&self, bus: &KeptBus, event: Value) -> Result<Value, EventRefused> {
        let deadline = Deadline::after(Duration::from_secs(20));
        let answer = self.runtime.block_on(regulars_publish::handle(bus, event, deadline));
        self.look("the answer of the publisher", &format!("{answer:?}"));
        answer
    }

    /// Returns status and body of the answer to a request.
    pub(crate) fn send(&self, request: &Request) -> (u64, Value) {
        self.send_to(&self.engine, request)
    }

    pub(crate) fn send_to(&self, engine: &Engine, request: &Request) -> (u64, Value) {
        let answer = self.hand_to(engine, request.function, request.event());
        let mut answer = answer.unwrap_or_else(|refused| panic!("{request:?}: {refused}"));
        let (status, mut body) = answered(&answer);
        answer["body"] = Value::Null;
        let told = body.clone();
        if status < 400 && !request.path().contains(&format!("/{OTHER}")) {
            hide_shown(&mut body);
        }
        self.look(&format!("the answer {status} to {} {}", request.method, request.route), &format!("{answer} {body}"));
        (status, told)
    }

    pub(super) fn look(&self, place: &str, text: &str) {
        for mark in found(text) {
            self.leaks.borrow_mut().push(format!("{place} has {mark}: {}", text.chars().take(400).collect::<String>()));
        }
    }

    /// Returns the leaks, in answers and in logs.
    pub(crate) fn leaks(&self) -> Vec<String> {
        for (at, level) in LEVELS.iter().enumerate() {
            for line in logged(at).lines() {
                self.look(&format!("the log at {level}"), line);
                // The review has no other way to name an account that must be repaired.
                let is_named = line.contains("an account cannot be reviewed");
                if line.contains("kanarya") && !is_named {
                    self.leaks.borrow_mut().push(format!("the log at {level} names a member: {line}"));
                }
            }
        }
        self.leaks.take()
    }
}

/// Removes what an answer about a member shows of that member.
fn hide_shown(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !SHOWN.contains(&name.as_str()));
            fields.values_mut().for_each(hide_shown);
        }
        Value::Array(values) => values.iter_mut().for_each(hide_shown),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
