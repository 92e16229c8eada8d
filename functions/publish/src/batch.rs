//! The records of one invocation: a part of one shard of the table's stream, in order.

use aws_lambda_events::dynamodb;
use regulars_application::{
    deadline::Deadline,
    event::{self, EventRefused},
};
use regulars_store::{StoreFault, Written};
use serde_json::Value;

use crate::{
    bus::Bus,
    event::Event,
    sending::{Unsent, send},
};

/// The records of one invocation.
#[derive(Debug)]
pub(crate) struct Batch(Vec<Record>);

/// One record.
#[derive(Debug)]
struct Record {
    sequence_number: String,
    /// The written item that it reports; `None` if no event is sent for it.
    written: Result<Option<Written>, StoreFault>,
}

impl Batch {
    /// Reads the event of a stream. A record whose image cannot be read is part of the batch, and fails on its own.
    ///
    /// # Errors
    ///
    /// The event does not come from a stream: without a sequence number, a failure cannot be reported.
    pub(crate) fn read(event: Value) -> Result<Self, EventRefused> {
        let event: dynamodb::Event = event::read(event)?;
        let records = event.records.into_iter().map(|record| {
            let sequence_number = record.change.sequence_number.filter(|number| !number.is_empty());
            let sequence_number =
                sequence_number.ok_or_else(|| EventRefused::unreadable("a record has no SequenceNumber"))?;
            // Entries and versions never change. A change of data next to them is not an event.
            let written =
                if record.event_name == "INSERT" { Written::of_image(record.change.new_image) } else { Ok(None) };
            Ok(Record { sequence_number, written })
        });
        Ok(Self(records.collect::<Result<_, EventRefused>>()?))
    }

    /// Sends an event for each record, and returns the sequence number of the first record whose event was not sent, if there is one.
    ///
    /// Later records are sent too. Lambda delivers the records from the failed one on again, and halves the batch each
    /// time, so that a record that cannot be sent is soon alone in its batch.
    pub(crate) async fn publish(self, bus: &dyn Bus, deadline: Deadline) -> Option<String> {
        let mut failed = None;
        let mut places = Vec::new();
        let mut events = Vec::new();
        for (place, record) in self.0.iter().enumerate() {
            match &record.written {
                Ok(Some(written)) => {
                    places.push(place);
                    events.push(Event::of(written));
                }
                Ok(None) => {}
                Err(fault) => {
                    let sequence_number = record.sequence_number.as_str();
                    tracing::error!(sequence_number, cause = ?fault, "a record of the stream cannot be read");
                    failed = failed.or(Some(place));
                }
            }
        }
        for Unsent { index, code, .. } in send(bus, &events, deadline).await {
            let Some(place) = places.get(index).copied() else { continue };
            let sequence_number = self.0.get(place).map(|record| record.sequence_number.as_str());
            tracing::error!(sequence_number, code, "an event was not sent");
            failed = Some(failed.map_or(place, |first: usize| first.min(place)));
        }
        let first = failed.and_then(|place| self.0.into_iter().nth(place));
        first.map(|record| record.sequence_number)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use serde_json::json;

    use super::*;
    use crate::bus::{Putting, Refused};

    /// A bus that rejects events with these ids, and stores the ids of the others.
    #[derive(Debug, Default)]
    struct Picky {
        refused: Vec<&'static str>,
        taken: Mutex<Vec<String>>,
    }

    impl Bus for Picky {
        fn put<'a>(&'a self, events: &'a [Event]) -> Putting<'a> {
            let answer = |event: &Event| {
                if self.refused.contains(&event.id.as_str()) {
                    return Err(Refused("InvalidArgument".to_owned()));
                }
                self.taken.lock().unwrap().push(event.id.clone());
                Ok(())
            };
            Box::pin(async move { Ok(events.iter().map(answer).collect()) })
        }
    }

    /// The sample event: a version, an entry.
    fn sample() -> Value {
        serde_json::from_str(include_str!("../../../events/publish-stream.json")).unwrap()
    }

    /// The sequence number that is named as the first to fail, if one is, and the ids that were sent.
    async fn published(event: &Value, refused: &[&'static str]) -> (Option<String>, Vec<String>) {
        let bus = Picky { refused: refused.to_vec(), ..Picky::default() };
        let batch = Batch::read(event.clone()).unwrap();
        let first = batch.publish(&bus, Deadline::after(Duration::from_secs(20))).await;
        (first, bus.taken.into_inner().unwrap())
    }

    const VERSION: &str = "corner-coffee/~versions/1";
    const ENTRY: &str = "corner-coffee/m-1/2";

    #[tokio::test]
    async fn the_first_record_that_fails_is_named_and_the_others_are_sent() {
        let first = Some("100000000000000000001".to_owned());
        let second = Some("100000000000000000002".to_owned());
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let event = sample();
        assert_eq!(published(&event, &[]).await, (None, ids(&[VERSION, ENTRY])));
        assert_eq!(published(&event, &[VERSION]).await, (first.clone(), ids(&[ENTRY])));
        assert_eq!(published(&event, &[ENTRY]).await, (second.clone(), ids(&[VERSION])));
        assert_eq!(published(&event, &[VERSION, ENTRY]).await, (first.clone(), ids(&[])));

        let mut unreadable = sample();
        unreadable["Records"][0]["dynamodb"]["NewImage"]["head"] = json!({ "S": "no head" });
        assert_eq!(published(&unreadable, &[]).await, (first.clone(), ids(&[ENTRY])));
        assert_eq!(published(&unreadable, &[ENTRY]).await, (first, ids(&[])));
        let mut unreadable = sample();
        unreadable["Records"][1]["dynamodb"]["NewImage"]["b"] = json!({ "L": [{ "N": "1" }] });
        assert_eq!(published(&unreadable, &[]).await, (second, ids(&[VERSION])));
    }

    #[tokio::test]
    async fn what_is_changed_or_is_no_entry_and_no_version_is_no_event() {
        let mut event = sample();
        event["Records"][0]["eventName"] = json!("MODIFY");
        event["Records"][1]["dynamodb"]["NewImage"]["sk"] = json!({ "S": "account" });
        assert_eq!(published(&event, &[]).await, (None, vec![]));
    }

    #[test]
    fn an_event_of_another_shape_is_refused() {
        let mut numberless = sample();
        numberless["Records"][0]["dynamodb"]["SequenceNumber"] = json!("");
        for event in [json!({}), json!([]), json!(null), json!({ "Records": [{ "body": "{}" }] }), numberless] {
            assert_eq!(Batch::read(event.clone()).unwrap_err().name(), "EventUnreadable", "{event}");
        }
    }
}
