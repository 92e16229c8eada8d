//! The messages of one invocation: one after another for one member, side by side otherwise, and as long as there is time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lambda_events::sqs::SqsEvent;
use regulars_application::{
    caught::caught,
    deadline::Deadline,
    event::{self, EventRefused},
    failure::Failure,
    refusal::Refusal,
};
use regulars_domain::id::{MemberId, ProgramId};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::message::Message;

/// No message is begun with less time than this left: it would most likely be cut off, and be given again anyway.
const MESSAGE_TIME: Duration = Duration::from_millis(500);

/// The messages of one invocation, in lanes.
#[derive(Debug)]
pub(crate) struct Batch {
    lanes: BTreeMap<Lane, Vec<Delivery>>,
    messages: usize,
}

/// What comes after one another: messages about one member, who would be in each other's way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Member(ProgramId, MemberId),
    /// A message that cannot be read. It has a lane of its own.
    Unreadable(usize),
}

/// A message as it was given.
#[derive(Debug)]
struct Delivery {
    index: usize,
    message_id: String,
    message: Result<Message, Refusal>,
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
    Failure(Failure),
    /// The invocation's time was over. Whether it is carried out is not known; its key tells.
    OutOfTime,
}

impl Batch {
    /// Reads the event of a queue. A message whose body cannot be read is part of the batch, and fails by itself.
    ///
    /// # Errors
    ///
    /// The event is none of a queue: without a message's id nobody can be told that it failed.
    pub(crate) fn read(event: Value) -> Result<Self, EventRefused> {
        let event: SqsEvent = event::read(event)?;
        let messages = event.records.len();
        let mut lanes = BTreeMap::<Lane, Vec<Delivery>>::new();
        for (index, record) in event.records.into_iter().enumerate() {
            let message_id = record.message_id.filter(|id| !id.is_empty());
            let message_id = message_id.ok_or_else(|| EventRefused::unreadable("a record has no messageId"))?;
            let message = Message::read(record.body.as_deref().unwrap_or_default());
            let lane = match &message {
                Ok(message) => Lane::Member(message.program.clone(), message.member.clone()),
                Err(_) => Lane::Unreadable(index),
            };
            lanes.entry(lane).or_default().push(Delivery { index, message_id, message });
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
        F: Future<Output = Result<(), Failure>>,
    {
        let lanes = Mutex::new(self.lanes.into_values().collect::<VecDeque<_>>());
        let next = || lanes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || async {
            let mut failed = Vec::new();
            while let Some(deliveries) = next() {
                for Delivery { index, message_id, message } in deliveries {
                    let account =
                        message.as_ref().ok().map(|message| (message.program.clone(), message.member.clone()));
                    if let Err(reason) = carry_out(message, deadline, &act).await {
                        failed.push(Failed { index, message_id, account, reason });
                    }
                }
            }
            failed
        };
        let (first, second, third, fourth) = tokio::join!(work(), work(), work(), work());
        let mut failed: Vec<_> = first.into_iter().chain(second).chain(third).chain(fourth).collect();
        failed.sort_by_key(|failed| failed.index);
        failed
    }
}

async fn carry_out<F>(
    message: Result<Message, Refusal>,
    deadline: Deadline,
    act: &impl Fn(Message) -> F,
) -> Result<(), Reason>
where
    F: Future<Output = Result<(), Failure>>,
{
    let message = message.map_err(|refusal| Reason::Failure(refusal.into()))?;
    let left = deadline.remaining();
    if left < MESSAGE_TIME {
        return Err(Reason::OutOfTime);
    }
    match caught(tokio::time::timeout(left, act(message))).await {
        Ok(Ok(done)) => done.map_err(Reason::Failure),
        Ok(Err(_)) => Err(Reason::OutOfTime),
        Err(panicked) => Err(Reason::Failure(panicked.into())),
    }
}

impl Failed {
    fn code(&self) -> &'static str {
        match &self.reason {
            Reason::Failure(failure) => failure.code(),
            Reason::OutOfTime => "out_of_time",
        }
    }

    fn detail(&self) -> &str {
        match &self.reason {
            Reason::Failure(failure) => failure.detail(),
            Reason::OutOfTime => "There was no time left for this message; it will be given again.",
        }
    }

    /// Where the body is wrong, if it is.
    fn at(&self) -> Option<&str> {
        match &self.reason {
            Reason::Failure(Failure::Refused(refusal)) => refusal.at(),
            Reason::Failure(Failure::Busy | Failure::Unavailable(_) | Failure::Broken(_)) | Reason::OutOfTime => None,
        }
    }

    /// Tells the log, once, what an operator needs to find the message. What it holds is not told: a member, a key, or a detail
    /// that quotes one of them may be personal data.
    pub(crate) fn log(&self) {
        let message_id = self.message_id.as_str();
        let program = self.account.as_ref().map(|(program, _)| program.as_str());
        let code = self.code();
        match &self.reason {
            Reason::Failure(Failure::Refused(_)) => tracing::warn!(message_id, program, code, "message refused"),
            Reason::Failure(failure @ (Failure::Unavailable(cause) | Failure::Broken(cause))) => {
                let (retryable, cause) = (failure.retryable(), cause.to_string());
                tracing::error!(message_id, program, code, retryable, cause, "message failed");
            }
            Reason::Failure(Failure::Busy) | Reason::OutOfTime => {
                tracing::warn!(message_id, program, code, "message put off");
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
