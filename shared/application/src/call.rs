//! The log line of a call: the operation, its outcome, its duration, the units that it used, and its metrics.
//!
//! A call is an HTTP request, a message of a queue, or a shard of the review. The line of a successful call names no member.

use std::time::Instant;

use tracing::Level;

use crate::{
    failure::Failure,
    tally::{Counted, Tally},
};

/// The target of the events that become the lines of calls. They are written at every log level, because the metrics come from
/// them.
pub const TARGET: &str = "regulars::call";

/// The operation of a request that no route matches.
pub const UNROUTED: &str = "unrouted";

/// The fields that are metrics, each with the field that is its dimension, if it has one.
///
/// `CloudWatch` charges for each name and for each value of a dimension, so a dimension must have few values.
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
    /// It succeeded, or had succeeded before under the same key.
    #[default]
    Done,
    /// It was rejected with this code.
    Refused(&'static str),
    /// It failed because of an internal error of this kind, with its cause.
    Failed(&'static str, Option<String>),
}

/// The result of one call that reviewed a shard.
#[derive(Clone, Copy, Debug)]
pub struct Reviewed {
    /// The shard.
    pub shard: u16,
    /// Whether no accounts of the shard are left.
    pub is_done: bool,
    /// The number of accounts that were reviewed.
    pub reviewed: u64,
    /// The number of those whose ledger has a new entry.
    pub changed: u64,
    /// The number of those that other requests kept changing.
    pub conflicted: u64,
    /// The number of those that cannot be reviewed.
    pub failed: u64,
}

/// A call that has ended.
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
    /// Returns a call of `operation` that began at `began` and ends now.
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

    /// Returns the same call with the id of its request, as in the problem document.
    #[must_use]
    pub fn of_request(self, request_id: &'a str) -> Self {
        Self { request_id: Some(request_id), ..self }
    }

    /// Returns the same call with the id of its message.
    #[must_use]
    pub fn of_message(self, message_id: &'a str) -> Self {
        Self { message_id: Some(message_id), ..self }
    }

    /// Returns the same call with its program.
    #[must_use]
    pub fn about(self, program: Option<&'a str>) -> Self {
        Self { program, ..self }
    }

    /// Returns the same call, marked as a message that will be rejected again unless a person corrects something.
    #[must_use]
    pub fn for_a_person(self) -> Self {
        Self { is_for_a_person: true, ..self }
    }

    /// Returns the same call with the result of its review.
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
