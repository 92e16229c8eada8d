//! Messages of the queue: the same commands as over HTTP, under the same keys, so that a request that is sent both ways
//! is carried out once.

mod batch;
mod message;

use std::pin::Pin;

use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused, failure::Failure};
use serde_json::{Value, json};

use self::{
    batch::{Batch, Failed},
    message::{Command, Message},
};
use crate::{accruals, amendment, confirmation, reversal};

/// A message being carried out.
type Acting<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Returns whether an event comes from a queue.
pub(crate) fn is_batch(event: &Value) -> bool {
    event.get("Records").is_some()
}

/// Processes a batch of messages, and returns those to deliver again. The queue moves messages that keep failing,
/// because they are rejected or because of an internal error, to the next queue.
pub(crate) async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    let batch = Batch::read(event)?;
    let failed = work_through(engine, batch, deadline).await;
    let failures: Vec<_> = failed.iter().map(|failed| json!({ "itemIdentifier": failed.message_id })).collect();
    Ok(json!({ "batchItemFailures": failures }))
}

/// Like [`handle`], and reports for a person how many messages were processed, and why others were not.
pub(crate) async fn explain(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    let batch = Batch::read(event)?;
    let messages = batch.len();
    let failed = work_through(engine, batch, deadline).await;
    Ok(json!({ "taken": messages.saturating_sub(failed.len()), "failed": failed }))
}

async fn work_through(engine: &Engine, batch: Batch, deadline: Deadline) -> Vec<Failed> {
    // As a trait object, so that the type of this future does not contain those of all commands.
    batch.work_through(deadline, |message| -> Acting<'_> { Box::pin(act(engine, message, deadline)) }).await
}

async fn act(engine: &Engine, message: Message, deadline: Deadline) -> Result<(), Failure> {
    let Message { program, member, keyed, command } = message;
    let subject = &mut engine.subject(program, member).await?;
    match command {
        Command::Accrue(accrual) => accruals::act(engine, subject, &keyed, &accrual.into(), deadline).await?,
        Command::Reverse(entry, reversal) => {
            reversal::act(engine, subject, &keyed, &entry, &reversal, deadline).await?
        }
        Command::Amend(entry, purchase) => amendment::act(engine, subject, &keyed, &entry, &purchase, deadline).await?,
        Command::Confirm(entry) => confirmation::act(engine, subject, &keyed, &entry, deadline).await?,
    };
    Ok(())
}
