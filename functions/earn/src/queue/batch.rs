//! The messages of one invocation: in order where order counts, side by side where it does not, and as long as there is
//! time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use regulars_api::{
    caught::caught,
    deadline::Deadline,
    event::EventRefused,
    http::{Code, Problem},
};
use regulars_domain::id::{MemberId, ProgramId};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::message::Message;

/// No message is begun with less time than this left: it would most likely be cut off, and be given again anyway.
const MESSAGE_TIME: Duration = Duration::from_millis(500);

/// What the platform calls the group of a message.
const GROUP: &str = "MessageGroupId";

/// How the address of a queue ends that keeps order.
const ORDERED: &str = ".fifo";

/// The messages of one invocation, in lanes.
#[derive(Debug)]
pub(crate) struct Batch {
    lanes: BTreeMap<LaneKey, Lane>,
    messages: usize,
}

/// What must come after one another: messages about one member, and in a queue that keeps order those of one group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LaneKey {
    Member(ProgramId, MemberId),
    Group(String),
    /// It cannot be read, so nothing can be said of its order.
    Unreadable(usize),
}

#[derive(Debug, Default)]
struct Lane {
    keeps_order: bool,
    deliveries: Vec<Delivery>,
}

/// A message as it was given.
#[derive(Debug)]
struct Delivery {
    index: usize,
    message_id: String,
    message: Result<Message, Problem>,
}

/// A message that is not carried out, or of which nobody knows.
#[derive(Debug)]
pub(crate) struct Failed {
    index: usize,
    pub(crate) message_id: String,
    account: Option<(ProgramId, MemberId)>,
    reason: Reason,
}

/// Why a message failed.
#[derive(Debug)]
enum Reason {
    /// It is refused, or we broke.
    Problem(Problem),
    /// The invocation's time was over. Whether it is carried out is not known; its key tells.
    OutOfTime,
    /// An earlier message of its group failed, and this one may not overtake it.
    BehindFailed,
}

impl Batch {
    /// Reads the event of a queue. A message whose body cannot be read is part of the batch, and fails by itself.
    ///
    /// # Errors
    ///
    /// The event is none of a queue: without a message's id nobody can be told that it failed.
    pub(crate) fn read(event: Value) -> Result<Self, EventRefused> {
        let event: SqsEvent = serde_json::from_value(event).map_err(EventRefused::unreadable)?;
        let messages = event.records.len();
        let mut lanes = BTreeMap::<LaneKey, Lane>::new();
        for (index, record) in event.records.into_iter().enumerate() {
            let group = group(&record);
            let message_id = record.message_id.filter(|id| !id.is_empty());
            let message_id = message_id.ok_or_else(|| EventRefused::unreadable("a record has no messageId"))?;
            let message = Message::read(record.body.as_deref().unwrap_or_default());
            let key = match (&group, &message) {
                (Some(group), _) => LaneKey::Group(group.clone()),
                (None, Ok(message)) => LaneKey::Member(message.program.clone(), message.member.clone()),
                (None, Err(_)) => LaneKey::Unreadable(index),
            };
            let lane = lanes.entry(key).or_default();
            lane.keeps_order = group.is_some();
            lane.deliveries.push(Delivery { index, message_id, message });
        }
        Ok(Self { lanes, messages })
    }

    /// The number of messages.
    pub(crate) fn len(&self) -> usize {
        self.messages
    }

    /// Does each message with `act`, four lanes at a time: enough to hide that each waits for the table twice, and few
    /// enough to leave the table to those who wait at a till. Answers with those that failed, in the order of the batch.
    pub(crate) async fn work_through<F>(self, deadline: Deadline, act: impl Fn(Message) -> F) -> Vec<Failed>
    where
        F: Future<Output = Result<(), Problem>>,
    {
        let lanes = Mutex::new(self.lanes.into_values().collect::<VecDeque<_>>());
        let next = || lanes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || async {
            let mut failed = Vec::new();
            while let Some(lane) = next() {
                failed.extend(lane.work_through(deadline, &act).await);
            }
            failed
        };
        let (first, second, third, fourth) = tokio::join!(work(), work(), work(), work());
        let mut failed: Vec<_> = first.into_iter().chain(second).chain(third).chain(fourth).collect();
        failed.sort_by_key(|failed| failed.index);
        failed
    }
}

/// The group of a message whose queue keeps the order within groups. A queue that does not may name groups too, to be fair
/// among them.
fn group(record: &SqsMessage) -> Option<String> {
    let keeps_order = record.event_source_arn.as_deref().is_some_and(|arn| arn.ends_with(ORDERED));
    record.attributes.get(GROUP).filter(|_| keeps_order).cloned()
}

impl Lane {
    async fn work_through<F>(self, deadline: Deadline, act: &impl Fn(Message) -> F) -> Vec<Failed>
    where
        F: Future<Output = Result<(), Problem>>,
    {
        let mut failed = Vec::new();
        for Delivery { index, message_id, message } in self.deliveries {
            let account = message.as_ref().ok().map(|message| (message.program.clone(), message.member.clone()));
            let done = if self.keeps_order && !failed.is_empty() {
                Err(Reason::BehindFailed)
            } else {
                carry_out(message, deadline, act).await
            };
            if let Err(reason) = done {
                failed.push(Failed { index, message_id, account, reason });
            }
        }
        failed
    }
}

async fn carry_out<F>(
    message: Result<Message, Problem>,
    deadline: Deadline,
    act: &impl Fn(Message) -> F,
) -> Result<(), Reason>
where
    F: Future<Output = Result<(), Problem>>,
{
    let message = message.map_err(Reason::Problem)?;
    let left = deadline.remaining();
    if left < MESSAGE_TIME {
        return Err(Reason::OutOfTime);
    }
    match caught(tokio::time::timeout(left, act(message))).await {
        Ok(Ok(done)) => done.map_err(Reason::Problem),
        Ok(Err(_)) => Err(Reason::OutOfTime),
        Err(panicked) => Err(Reason::Problem(panicked.into())),
    }
}

impl Failed {
    fn code(&self) -> &'static str {
        match &self.reason {
            Reason::Problem(problem) => problem.code().as_str(),
            Reason::OutOfTime => "out_of_time",
            Reason::BehindFailed => "behind_failed",
        }
    }

    fn detail(&self) -> &str {
        match &self.reason {
            Reason::Problem(problem) => problem.detail(),
            Reason::OutOfTime => "There was no time left for this message; it will be given again.",
            Reason::BehindFailed => "An earlier message of its group failed, and this one may not overtake it.",
        }
    }

    /// Where the body is wrong, if it is.
    fn at(&self) -> Option<&str> {
        match &self.reason {
            Reason::Problem(problem) => problem.member("at").and_then(Value::as_str),
            Reason::OutOfTime | Reason::BehindFailed => None,
        }
    }

    /// Tells the log, once, what an operator needs to find the message and to mend it.
    pub(crate) fn log(&self) {
        let message = self.message_id.as_str();
        let program = self.account.as_ref().map(|(program, _)| program.as_str());
        let member = self.account.as_ref().map(|(_, member)| member.as_str());
        let code = self.code();
        match &self.reason {
            Reason::Problem(problem) if problem.is_fault() => {
                tracing::error!(message_id = message, program, member, code, cause = problem.cause(), "message failed");
            }
            // What is wrong with a body may quote it.
            Reason::Problem(problem) if problem.code() == Code::BodyMalformed => {
                tracing::warn!(message_id = message, program, member, code, at = self.at(), "message refused");
            }
            Reason::Problem(_) => {
                tracing::warn!(message_id = message, program, member, code, detail = self.detail(), "message refused");
            }
            Reason::OutOfTime | Reason::BehindFailed => {
                tracing::warn!(message_id = message, program, member, code, detail = self.detail(), "message put off");
            }
        }
    }
}

impl Serialize for Failed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("index", &self.index)?;
        if let Some((program, member)) = &self.account {
            fields.serialize_entry("program", program)?;
            fields.serialize_entry("member", member)?;
        }
        fields.serialize_entry("code", self.code())?;
        fields.serialize_entry("detail", self.detail())?;
        if let Some(at) = self.at() {
            fields.serialize_entry("at", at)?;
        }
        fields.end()
    }
}

#[cfg(test)]
mod tests;
