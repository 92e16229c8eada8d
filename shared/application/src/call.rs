//! The line that a function writes for each call: what was asked, what came of it, what it took, and what is counted of it.
//!
//! A call is an HTTP request, a message of a queue, or a shard of the review. The line of a call that succeeded names no member.

use std::time::Instant;

use tracing::Level;

use crate::{
    failure::Failure,
    tally::{Counted, Tally},
};

/// The target of the events that are lines of calls. They are written at every level, because metrics come from them.
pub const TARGET: &str = "regulars::call";

/// The operation of a call before it is known which route it is for.
pub const UNROUTED: &str = "unrouted";

/// The fields that are metrics, each with the field that is its dimension, if it has one.
///
/// `CloudWatch` charges for each name, and for each value of a dimension: a dimension has few values.
pub const METRICS: [(&str, Option<&str>); 15] = [
    ("Issued", None),
    ("Reversed", None),
    ("Redeemed", None),
    ("Restored", None),
    ("Expired", None),
    ("Held", None),
    ("Released", None),
    ("Joined", None),
    ("Conflicts", None),
    ("Replays", None),
    ("Refusals", Some("outcome")),
    ("Faults", Some("outcome")),
    ("MessagesRefused", None),
    ("Reviewed", None),
    ("AccountsNotReviewed", None),
];

/// How a call ended.
#[derive(Clone, Debug, Default)]
pub enum Ended {
    /// It was carried out, now or before.
    #[default]
    Done,
    /// It was refused, with this code.
    Refused(&'static str),
    /// It was not carried out for a fault of this kind, with what caused it.
    Failed(&'static str, Option<String>),
}

/// What a review of a shard did on one call.
#[derive(Clone, Copy, Debug)]
pub struct Reviewed {
    /// The shard.
    pub shard: u16,
    /// Whether the shard is done.
    pub is_done: bool,
    /// Accounts that were looked at.
    pub reviewed: u64,
    /// Those of them whose ledger got an entry.
    pub changed: u64,
    /// Those of them that others kept changing.
    pub conflicted: u64,
    /// Those of them that cannot be reviewed.
    pub failed: u64,
}

/// A call that is over.
#[derive(Debug)]
pub struct Call<'a> {
    operation: &'a str,
    began: Instant,
    ended: Ended,
    request_id: Option<&'a str>,
    message_id: Option<&'a str>,
    program: Option<&'a str>,
    is_for_a_person: bool,
    reviewed: Option<Reviewed>,
}

impl From<&Failure> for Ended {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Refused(_) => Self::Refused(failure.code()),
            Failure::Busy | Failure::Unavailable(_) | Failure::Broken(_) => {
                Self::Failed(failure.code(), failure.cause().map(ToString::to_string))
            }
        }
    }
}

impl<'a> Call<'a> {
    /// A call of `operation` that began at an instant and has ended now.
    #[must_use]
    pub fn new(operation: &'a str, began: Instant, ended: impl Into<Ended>) -> Self {
        Self {
            operation,
            began,
            ended: ended.into(),
            request_id: None,
            message_id: None,
            program: None,
            is_for_a_person: false,
            reviewed: None,
        }
    }

    /// The same call, for a request that the front end, and the problem document, know under this id.
    #[must_use]
    pub fn of_request(self, request_id: &'a str) -> Self {
        Self { request_id: Some(request_id), ..self }
    }

    /// The same call, for a message that its queue knows under this id.
    #[must_use]
    pub fn of_message(self, message_id: &'a str) -> Self {
        Self { message_id: Some(message_id), ..self }
    }

    /// The same call, about this program.
    #[must_use]
    pub fn about(self, program: Option<&'a str>) -> Self {
        Self { program, ..self }
    }

    /// The same call, of a message that will be refused again unless a person does something.
    #[must_use]
    pub fn for_a_person(self) -> Self {
        Self { is_for_a_person: true, ..self }
    }

    /// The same call, which reviewed a shard.
    #[must_use]
    pub fn that_reviewed(self, reviewed: Reviewed) -> Self {
        Self { reviewed: Some(reviewed), ..self }
    }

    /// Writes the line.
    pub fn log(&self, tally: &Tally) {
        let one = |is_so: bool| is_so.then_some(1_u64);
        let positive = |count: Option<u64>| count.filter(|count| *count > 0);
        let (outcome, cause) = match &self.ended {
            Ended::Done if tally.is_replayed => ("replayed", None),
            Ended::Done => ("ok", None),
            Ended::Refused(code) => (*code, None),
            Ended::Failed(kind, cause) => (*kind, cause.as_deref()),
        };
        let is_failed = matches!(self.ended, Ended::Failed(..));
        let reviewed = self.reviewed.as_ref();
        // The level of an event is a constant, so there is one event for each.
        macro_rules! write_at {
            ($level:expr) => {
                tracing::event!(
                    target: TARGET,
                    $level,
                    operation = self.operation,
                    outcome,
                    cause,
                    ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
                    reads = tally.usage.read_units(),
                    writes = tally.usage.write_units(),
                    request_id = self.request_id,
                    message_id = self.message_id,
                    program = self.program,
                    shard = reviewed.map(|reviewed| reviewed.shard),
                    done = reviewed.map(|reviewed| reviewed.is_done),
                    changed = positive(reviewed.map(|reviewed| reviewed.changed)),
                    conflicted = positive(reviewed.map(|reviewed| reviewed.conflicted)),
                    Issued = tally.count(Counted::Issued),
                    Reversed = tally.count(Counted::Reversed),
                    Redeemed = tally.count(Counted::Redeemed),
                    Restored = tally.count(Counted::Restored),
                    Expired = tally.count(Counted::Expired),
                    Held = tally.count(Counted::Held),
                    Released = tally.count(Counted::Released),
                    Joined = tally.count(Counted::Joined),
                    Conflicts = tally.count(Counted::Conflicts),
                    Replays = one(matches!(self.ended, Ended::Done) && tally.is_replayed),
                    Refusals = one(matches!(self.ended, Ended::Refused(_))),
                    Faults = one(is_failed),
                    MessagesRefused = one(self.is_for_a_person),
                    Reviewed = positive(reviewed.map(|reviewed| reviewed.reviewed)),
                    AccountsNotReviewed = positive(reviewed.map(|reviewed| reviewed.failed)),
                )
            };
        }
        if is_failed {
            write_at!(Level::ERROR);
        } else {
            write_at!(Level::INFO);
        }
    }
}
