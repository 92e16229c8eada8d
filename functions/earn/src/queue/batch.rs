//! The messages of one invocation: sequential for one member, concurrent otherwise, until the time is used up.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_lambda_events::sqs::SqsEvent;
use regulars_application::{
    call::{Call, Ended},
    caught::caught,
    deadline::Deadline,
    event::{self, EventRefused},
    failure::Failure,
    refusal::{Refusal, RefusalCode},
    tally::tallied,
};
use regulars_domain::id::{MemberId, ProgramId};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;
use tracing::Instrument;

use super::message::Message;

/// No message starts with less time than this left: it would probably be interrupted and delivered again.
const MESSAGE_TIME: Duration = Duration::from_millis(500);

/// The outcome of a message for which there was no time.
const OUT_OF_TIME: &str = "out_of_time";

/// The messages of one invocation, in lanes.
#[derive(Debug)]
pub(crate) struct Batch {
    lanes: BTreeMap<Lane, Vec<Delivery>>,
    messages: usize,
}

/// Messages that must be processed in order, because they concern one member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Member(ProgramId, MemberId),
    /// A message that cannot be read. It has a lane of its own.
    Unreadable(usize),
}

/// A message as delivered.
#[derive(Debug)]
struct Delivery {
    index: usize,
    message_id: String,
    message: Result<Message, Refusal>,
}

/// A message that was not processed, or whose result is unknown.
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
    /// It was rejected, or an internal error occurred.
    Failure(Failure),
    /// The invocation's time was used up. Its result is unknown; a repeat under its key shows it.
    OutOfTime,
}

impl Batch {
    /// Reads the event of a queue. A message whose body cannot be read is part of the batch, and fails on its own.
    ///
    /// # Errors
    ///
    /// The event does not come from a queue: without a message id, a failure cannot be reported.
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

    /// Returns the number of messages.
    pub(crate) fn len(&self) -> usize {
        self.messages
    }

    /// Processes each message with `act`, in four concurrent lanes: enough to hide the two round trips of each, and few
    /// enough to leave the table to HTTP requests. Returns those that failed, in the order of the batch.
    pub(crate) async fn work_through<F>(self, deadline: Deadline, act: impl Fn(Message) -> F) -> Vec<Failed>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        let lanes = Mutex::new(self.lanes.into_values().collect::<VecDeque<_>>());
        let next = || lanes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || async {
            let mut failed = Vec::new();
            while let Some(deliveries) = next() {
                for delivery in deliveries {
                    // Boxed, because four of these futures would enlarge the stack of every caller, including those over HTTP.
                    failed.extend(Box::pin(carry_out(delivery, deadline, &act)).await.err());
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

/// Processes one message with `act`, and logs its line. The line has the message's id and none of its content: a member, a key, or a
/// detail that quotes one of them may be personal data.
async fn carry_out<F>(delivery: Delivery, deadline: Deadline, act: &impl Fn(Message) -> F) -> Result<(), Failed>
where
    F: Future<Output = Result<(), Failure>>,
{
    let began = Instant::now();
    let Delivery { index, message_id, message } = delivery;
    let operation = message.as_ref().map_or("queue::unreadable", |message| message.command.operation());
    let account = message.as_ref().ok().map(|message| (message.program.clone(), message.member.clone()));
    let span = tracing::error_span!("message", message_id);
    let (done, tally) = tallied(done_in_time(message, deadline, act)).instrument(span).await;
    let call = |ended| Call::new(operation, began, ended).of_message(&message_id);
    let Err(reason) = done else {
        call(Ended::Done).log(&tally);
        return Ok(());
    };
    let program = account.as_ref().map(|(program, _)| program.as_str());
    let call = call(Ended::from(&reason)).about(program);
    if reason.needs_a_person() { call.for_a_person() } else { call }.log(&tally);
    Err(Failed { index, message_id, account, reason })
}

async fn done_in_time<F>(
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

impl Reason {
    /// Returns whether the message will be rejected again unless a person corrects something. If only its member or its entry does
    /// not exist yet, it may succeed later.
    fn needs_a_person(&self) -> bool {
        match self {
            Self::Failure(Failure::Refused(refusal)) => {
                !matches!(refusal.code(), RefusalCode::EntryNotFound | RefusalCode::MemberNotFound)
            }
            Self::Failure(Failure::Busy | Failure::Unavailable(_) | Failure::Broken(_)) | Self::OutOfTime => false,
        }
    }
}

impl From<&Reason> for Ended {
    fn from(reason: &Reason) -> Self {
        match reason {
            Reason::Failure(failure) => failure.into(),
            Reason::OutOfTime => Self::Failed(OUT_OF_TIME, None),
        }
    }
}

impl Failed {
    fn code(&self) -> &'static str {
        match &self.reason {
            Reason::Failure(failure) => failure.code(),
            Reason::OutOfTime => OUT_OF_TIME,
        }
    }

    fn detail(&self) -> &str {
        match &self.reason {
            Reason::Failure(failure) => failure.detail(),
            Reason::OutOfTime => "There was no time left for this message; it will be delivered again.",
        }
    }

    /// Returns where the body is malformed, if it is.
    fn at(&self) -> Option<&str> {
        match &self.reason {
            Reason::Failure(Failure::Refused(refusal)) => refusal.at(),
            Reason::Failure(Failure::Busy | Failure::Unavailable(_) | Failure::Broken(_)) | Reason::OutOfTime => None,
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
