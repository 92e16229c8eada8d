//! The events: `CloudEvents` 1.0 in JSON.

use jiff::Timestamp;
use regulars_api::view::EntryDetail;
use regulars_domain::{
    balance::Balance,
    id::{Actor, MemberId, ProgramId},
};
use regulars_store::Written;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{bus::BYTES_MAX, event_type::EventType};

/// The base URL of the schemas of the events' data. A schema is named after its type, plus `.json`.
const DATA_SCHEMAS: &str = "https://regulars.dev/events/";

/// Returns the URL of the schema of the data of events of this type.
pub(crate) fn schema_name(kind: EventType) -> String {
    format!("{DATA_SCHEMAS}{}.json", kind.name())
}

/// An event, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, the same each time it is sent.
    pub id: String,
    /// Its type.
    pub kind: EventType,
    /// The program that it is about: `regulars/demo`.
    pub source: String,
    /// When the entry was posted or the version published.
    pub time: Timestamp,
    /// The whole event as JSON text.
    pub json: String,
}

/// The data of an event, by kind.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Data {
    /// An entry.
    Entry(Box<EntryData>),
    /// A version of a program.
    Version(VersionData),
}

/// An entry as it was when it was written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct EntryData {
    /// The program.
    program: ProgramId,
    #[serde(flatten)]
    entry: EntryDetail,
    /// The balance of the account after the entry; `null` for entries of releases that did not store it.
    balance: Option<Balance>,
    /// Whether lists and the text were left out because the event would be too large for the bus. The API has them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shortened: bool,
}

/// A version of a program as it was published.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct VersionData {
    /// The program.
    program: ProgramId,
    /// The number of the version.
    version: u64,
    /// When it comes into force.
    in_force_from: Timestamp,
    /// When it was published.
    published_at: Timestamp,
    /// The person or client who published it, if known.
    actor: Option<Actor>,
    /// An earlier version whose levels it removes.
    #[serde(skip_serializing_if = "Option::is_none")]
    corrects: Option<u64>,
}

/// A `CloudEvent`.
#[derive(Debug, Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: String,
    time: Timestamp,
    datacontenttype: &'static str,
    dataschema: String,
    sequence: String,
    data: &'a Data,
}

impl Event {
    /// Returns the event about a written item. It is the same each time, so a consumer can detect a duplicate by its
    /// id.
    ///
    /// # Panics
    ///
    /// Never: every event can be written as JSON.
    #[must_use]
    pub fn of(written: &Written) -> Self {
        match written {
            Written::Entry { program, member, sealed } => {
                let entry = EntryDetail::as_written(sealed, member);
                let data = EntryData { program: program.clone(), entry, balance: sealed.balance, shortened: false };
                let kind = EventType::of(&sealed.entry.record);
                let place = Place { program, subject: Subject::Member(member), sequence: sealed.entry.seq };
                let event = Self::new(kind, &place, written.written_at(), &Data::Entry(Box::new(data.clone())));
                if event.size() <= BYTES_MAX {
                    return event;
                }
                let shortened = EntryData { entry: data.entry.shortened(), shortened: true, ..data };
                Self::new(kind, &place, written.written_at(), &Data::Entry(Box::new(shortened)))
            }
            Written::Version { program, head } => {
                let data = Data::Version(VersionData {
                    program: program.clone(),
                    version: head.version,
                    in_force_from: head.in_force_from,
                    published_at: head.published_at,
                    actor: head.actor.clone(),
                    corrects: head.corrects,
                });
                let place = Place { program, subject: Subject::Versions, sequence: head.version };
                Self::new(EventType::ProgramPublished, &place, written.written_at(), &data)
            }
        }
    }

    fn new(kind: EventType, place: &Place<'_>, time: Timestamp, data: &Data) -> Self {
        let Place { program, subject, sequence } = place;
        let source = format!("regulars/{program}");
        let subject = subject.text();
        let id = format!("{program}/{subject}/{sequence}");
        let event = CloudEvent {
            specversion: "1.0",
            id: &id,
            source: &source,
            kind: kind.name(),
            subject,
            time,
            datacontenttype: "application/json",
            dataschema: schema_name(kind),
            sequence: sequence.to_string(),
            data,
        };
        let json = serde_json::to_string(&event).expect("an event has only string keys and whole numbers");
        Self { id, kind, source, time, json }
    }

    /// Returns its size as the bus counts it: source, type, time and the event itself.
    pub(crate) fn size(&self) -> usize {
        /// The time, as the bus counts it.
        const TIME: usize = 14;
        [self.source.len(), self.kind.name().len(), TIME].into_iter().fold(self.json.len(), usize::saturating_add)
    }
}

/// The identity of an event: its program, subject and sequence number.
struct Place<'a> {
    program: &'a ProgramId,
    subject: Subject<'a>,
    sequence: u64,
}

/// The subject of an event.
enum Subject<'a> {
    /// A member, whose entries are numbered.
    Member(&'a MemberId),
    /// The program's versions, which are numbered too.
    Versions,
}

impl Subject<'_> {
    fn text(&self) -> String {
        match self {
            Self::Member(member) => member.to_string(),
            // No member's id begins with this character, so no event of a member can have the same id.
            Self::Versions => "~versions".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use regulars_domain::{chain::Sealed, points::Points};
    use serde_json::{Value, json};

    use super::*;

    /// Returns a return with this number of lines.
    fn a_return(lines: usize) -> Written {
        let line = |n: usize| json!([format!("line-{n:04}-{}", "x".repeat(50)), 1_000, 500]);
        let lines: Vec<_> = (0..lines).map(line).collect();
        let text = json!({
            "format": 1, "id": "refund-1", "seq": 7, "kind": "accrual_reversal",
            "record": { "paid": -500, "lines": lines }, "lots": [["2027-11-30", -5]],
            "program_version": 1, "by": "operator",
            "occurred_at": "2026-11-21T13:05:00Z", "posted_at": "2026-11-21T13:05:00Z",
        });
        let balance = Some(Balance { spendable: Points::new(20), ..Balance::default() });
        let sealed = Sealed::read(text.to_string(), [6; 32].into(), [7; 32].into()).unwrap().with_balance(balance);
        Written::Entry { program: "demo".parse().unwrap(), member: "m-1".parse().unwrap(), sealed: Box::new(sealed) }
    }

    #[test]
    fn an_event_that_no_bus_takes_is_sent_without_its_lists() {
        let whole = Event::of(&a_return(500));
        assert!(whole.size() <= BYTES_MAX, "{}", whole.size());
        let whole: Value = serde_json::from_str(&whole.json).unwrap();
        assert_eq!(
            (whole["data"]["return"]["lines"].as_array().unwrap().len(), whole["data"].get("shortened")),
            (500, None)
        );

        let short = Event::of(&a_return(2_000));
        assert!(short.size() <= 2_000, "{}", short.size());
        let short: Value = serde_json::from_str(&short.json).unwrap();
        let data = &short["data"];
        assert_eq!((&data["shortened"], data.get("return"), data.get("text")), (&json!(true), None, None));
        for field in ["program", "member", "id", "seq", "kind", "points", "spendable", "posted_at", "hash", "balance"] {
            assert_eq!(data[field], whole["data"][field], "{field}");
        }
        assert_eq!(short["id"], whole["id"]);
    }

    #[test]
    fn no_member_has_the_id_under_which_versions_are_told_of() {
        assert!(Subject::Versions.text().parse::<MemberId>().is_err());
    }
}
