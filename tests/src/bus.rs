//! An event bus for tests: it stores the events that it accepts, fails at random like a real one, and checks each event
//! against its schema.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{LazyLock, Mutex, PoisonError},
};

use fastrand::Rng;
use jsonschema::Validator;
use regulars_publish::{Bus, Event, NotTaken, Put, Putting, Refused};
use serde_json::Value;

/// The validators of the events' data, by the `dataschema` of the events. They allow no field that the schema does not name.
static SCHEMAS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/schemas");
    let files = fs::read_dir(folder).expect("there are schemas");
    files
        .map(|file| {
            let text = fs::read_to_string(file.expect("a file").path()).expect("a text");
            let mut schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
            schema["additionalProperties"] = false.into();
            let name = schema["$id"].as_str().expect("a schema has an id").to_owned();
            (name, jsonschema::validator_for(&schema).expect("a schema is a JSON Schema"))
        })
        .collect()
});

/// Asserts that the data of an event is valid by the schema that the event names.
///
/// # Panics
///
/// If not.
pub fn assert_valid(event: &Value) {
    let name = event["dataschema"].as_str().expect("an event names its schema");
    let schema = SCHEMAS.get(name).unwrap_or_else(|| panic!("there is no schema {name}"));
    let faults: Vec<_> = schema.iter_errors(&event["data"]).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{event}: {faults:?}");
}

/// A bus that stores every event that it accepts.
#[derive(Debug)]
pub struct KeptBus {
    /// The percentage of calls that fail.
    failing: u8,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    taken: Vec<(String, String)>,
    calls: u64,
    failed: u64,
}

impl KeptBus {
    /// Returns a bus that accepts everything.
    #[must_use]
    pub fn reliable() -> Self {
        Self::failing(0, 0)
    }

    /// Returns a bus on which `failing` percent of the calls fail: the whole call is rejected, its answer is lost, or
    /// single events are rejected.
    #[must_use]
    pub fn failing(failing: u8, seed: u64) -> Self {
        let state = State { rng: Rng::with_seed(seed), taken: Vec::new(), calls: 0, failed: 0 };
        Self { failing, state: Mutex::new(state) }
    }

    /// Returns the events by their ids.
    ///
    /// # Panics
    ///
    /// If the data of an event is not valid by its schema, or two events with one id differ.
    #[must_use]
    pub fn events(&self) -> BTreeMap<String, Value> {
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        for (id, json) in self.with(|state| state.taken.clone()) {
            let before = texts.insert(id.clone(), json.clone());
            assert!(before.is_none_or(|before| before == json), "{id} was sent twice, and differs");
        }
        let events = texts.into_iter().map(|(id, json)| (id, serde_json::from_str(&json).expect("an event is JSON")));
        events.inspect(|(_, event)| assert_valid(event)).collect()
    }

    /// Returns the number of accepted events, including duplicates, of calls, and of failed calls.
    #[must_use]
    pub fn counts(&self) -> (usize, u64, u64) {
        self.with(|state| (state.taken.len(), state.calls, state.failed))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, events: &[Event]) -> Result<Put, NotTaken> {
        self.with(|state| {
            state.calls += 1;
            let way = if state.rng.u8(0..100) < self.failing { Some(state.rng.u8(0..3)) } else { None };
            state.failed += u64::from(way.is_some());
            if way == Some(0) {
                return Err(NotTaken("the call is refused".to_owned()));
            }
            let mut answers = Vec::new();
            for event in events {
                if way == Some(2) && state.rng.bool() {
                    answers.push(Err(Refused("ThrottlingException".to_owned())));
                } else {
                    state.taken.push((event.id.clone(), event.json.clone()));
                    answers.push(Ok(()));
                }
            }
            if way == Some(1) { Err(NotTaken("the answer is lost".to_owned())) } else { Ok(answers) }
        })
    }
}

impl Bus for KeptBus {
    fn put<'a>(&'a self, events: &'a [Event]) -> Putting<'a> {
        Box::pin(async {
            // A process that is killed may be killed before the call, or before the answer.
            tokio::task::yield_now().await;
            let answer = self.answer(events);
            tokio::task::yield_now().await;
            answer
        })
    }
}
