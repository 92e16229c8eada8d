//! Two systems that get the same requests: one reviews its members every night, the other never does.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use regulars_store::Store;
use regulars_tests::{
    client::Answer,
    event::handle,
    system::{DEMO, NOW, System, member},
    written::timeless,
};
use serde_json::{Value, json};

/// The shard of all members, so that one event reviews them.
const SHARD: u16 = 7;

/// Both systems, and their time.
pub(super) struct Pair {
    pub(super) nightly: System,
    pub(super) never: System,
    pub(super) now: Timestamp,
}

/// Returns the program's time zone.
pub(super) fn zone() -> TimeZone {
    TimeZone::get("Europe/Istanbul").unwrap()
}

pub(super) fn start_of(day: Date) -> Timestamp {
    day.to_zoned(zone()).unwrap().timestamp()
}

/// Returns the ids of `count` members of the shard.
pub(super) fn members(count: usize) -> Vec<String> {
    let ids = (0..).map(|number| format!("m-{number}"));
    ids.filter(|id| Store::due_shard(&id.parse().unwrap()) == SHARD).take(count).collect()
}

impl Pair {
    pub(super) fn start(program: &Value) -> Self {
        let [nightly, never] = [(); 2].map(|()| System::with(program, NOW));
        Self { nightly, never, now: NOW.parse().unwrap() }
    }

    pub(super) fn today(&self) -> Date {
        self.now.to_zoned(zone()).date()
    }

    /// Advances the time, and reviews one of the systems every night.
    pub(super) fn wait(&mut self, time: SignedDuration) {
        let end = self.now + time;
        let mut day = self.today().tomorrow().unwrap();
        while start_of(day) <= end {
            self.nightly.move_clock(&start_of(day).to_string());
            let event = json!({ "shard": SHARD, "through": day.to_string(), "cursor": null });
            let reviewed = self.nightly.block_on(handle("tier-evaluation", self.nightly.engine(), event)).unwrap();
            assert_eq!((&reviewed["failed"], &reviewed["cursor"]), (&json!(0), &Value::Null), "{reviewed}");
            day = day.tomorrow().unwrap();
        }
        self.now = end;
        for system in [&self.nightly, &self.never] {
            system.move_clock(&end.to_string());
        }
    }

    /// Publishes a version of the program.
    pub(super) fn publish(&self, version: u64, program: &Value) {
        for system in [&self.nightly, &self.never] {
            system.client.put(DEMO, ("if-match", &format!("\"{version}\"")), program).expect(201);
        }
    }

    /// Sends a request to both, asserts that the answers are equal, and returns one.
    pub(super) fn ask(&self, what: &str, ask: impl Fn(&System) -> Answer) -> Answer {
        let [nightly, never] = [&self.nightly, &self.never].map(ask);
        assert_eq!(nightly.status, never.status, "{what}: {nightly} and {never}");
        assert_eq!(timeless(&nightly.body), timeless(&never.body), "{what}, reviewed every night (left), or never");
        never
    }

    pub(super) fn get(&self, member_id: &str, path: &str) -> Value {
        self.ask(path, |system| system.client.get(&format!("{}{path}", member(member_id)))).expect(200)
    }

    pub(super) fn post(&self, key: &str, member_id: &str, path: &str, body: &Value) -> Answer {
        let path = format!("{}{path}", member(member_id));
        self.ask(&format!("{key}: {path} {body}"), |system| system.client.post_under(key, &path, body))
    }

    /// Asserts that the ledgers of a member are equal, without notices, which are omitted after the expiry.
    pub(super) fn compare_ledgers(&self, member_id: &str) {
        let [nightly, never] = [&self.nightly, &self.never].map(|system| {
            let ledger = system.ledger(member_id);
            system.audit(member_id);
            let told = ledger.iter().filter(|entry| entry["kind"] != "notice").map(timeless);
            // Settling may skip a version that changes nothing over time, so an entry of the engine may name the one before it.
            let versioned = told.map(|mut entry| {
                if entry["by"] == "engine" {
                    entry.as_object_mut().unwrap().remove("program_version");
                }
                entry
            });
            versioned.collect::<Vec<_>>()
        });
        assert_eq!(nightly, never, "{member_id}, reviewed every night (left), or never");
    }
}
