//! The `publish` function: sends each entry, and each published version of a program, from the table's stream to an event bus.

mod batch;
mod bus;
mod event;
mod event_bridge;
mod event_type;
mod schema;
mod sending;

use std::time::Instant;

use regulars_application::{
    call::{Call, Ended},
    deadline::Deadline,
    event::EventRefused,
    tally::Tally,
};
use serde_json::{Value, json};

use self::batch::Batch;
pub use self::{
    bus::{Bus, NotTaken, Put, Putting, Refused},
    event::Event,
    event_bridge::EventBridge,
    event_type::EventType,
    sending::{Unsent, send},
};

/// Sends the events of the records of the table's stream, and returns the sequence number of the first record whose
/// event was not sent. Lambda then delivers that record and the later ones again, so each event is sent at least once.
/// Writes the log line of the call.
///
/// # Errors
///
/// The event is not a batch of the table's stream.
pub async fn handle(bus: &dyn Bus, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    let began = Instant::now();
    let failed = Batch::read(event)?.publish(bus, deadline).await;
    let ended = if failed.is_some() { Ended::Failed("not_sent", None) } else { Ended::Done };
    Call::new("publish", began, ended).log(&Tally::default());
    let failures: Vec<_> = failed.iter().map(|number| json!({ "itemIdentifier": number })).collect();
    Ok(json!({ "batchItemFailures": failures }))
}
