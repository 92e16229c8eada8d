//! Purchases, refunds and confirmations from a queue: the same commands as over HTTP, under the same keys, so that what
//! comes both ways is carried out once.

mod batch;
mod message;

use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused, failure::Failure};
use serde_json::{Value, json};

use self::{
    batch::{Batch, Failed},
    message::{Command, Message},
};
use crate::{accruals, amendment, confirmation, reversal};

/// Whether an event comes from a queue.
pub(crate) fn is_batch(event: &Value) -> bool {
    event.get("Records").is_some()
}

/// Works through a batch of messages, and names those that the queue is to give again. What fails every time, for a
/// refusal or for a fault of ours, the queue puts aside when it was given often enough.
pub(crate) async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    let batch = Batch::read(event)?;
    let failed = work_through(engine, batch, deadline).await;
    let failures: Vec<_> = failed.iter().map(|failed| json!({ "itemIdentifier": failed.message_id })).collect();
    Ok(json!({ "batchItemFailures": failures }))
}

/// Works through a batch as [`handle`] does, and tells a person how many messages were taken, and why others were not.
pub(crate) async fn explain(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    let batch = Batch::read(event)?;
    let messages = batch.len();
    let failed = work_through(engine, batch, deadline).await;
    Ok(json!({ "taken": messages.saturating_sub(failed.len()), "failed": failed }))
}

async fn work_through(engine: &Engine, batch: Batch, deadline: Deadline) -> Vec<Failed> {
    // Boxed, because four of these side by side would weigh on the stack of every caller, those over HTTP too.
    let failed = batch.work_through(deadline, |message| Box::pin(act(engine, message, deadline))).await;
    for failed in &failed {
        failed.log();
    }
    failed
}

async fn act(engine: &Engine, message: Message, deadline: Deadline) -> Result<(), Failure> {
    let Message { program, member, keyed, command } = message;
    let subject = &mut engine.subject(program, member).await?;
    match command {
        Command::Accrue(accrual) => accruals::act(engine, subject, &keyed, accrual, deadline).await?,
        Command::Reverse(entry, reversal) => {
            reversal::act(engine, subject, &keyed, &entry, &reversal, deadline).await?
        }
        Command::Amend(entry, purchase) => amendment::act(engine, subject, &keyed, &entry, &purchase, deadline).await?,
        Command::Confirm(entry) => confirmation::act(engine, subject, &keyed, &entry, deadline).await?,
    };
    Ok(())
}
