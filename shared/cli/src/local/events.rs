//! `/local/events`: the events that the `publish` function sends. It reads the stream of the embedded table.

use std::str::FromStr;
use std::sync::{Arc, PoisonError};

use regulars_application::event::EventRefused;
use regulars_publish::{Bus, Event, Putting};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::function::Function;
use super::stream::{Place, Records, Stream, is_wanted};
use super::template::FunctionResource;

/// Records per invocation, as in the template.
const BATCH_SIZE: usize = 100;

/// The most events of a page, as for every list.
const LAST_MAX: usize = 100;

/// Records per read of the stream.
const PAGE: usize = 1_000;

/// The `publish` function, the stream that it reads, and the events that it has sent.
///
/// It runs when the list is requested, so the list has the events of everything that was written before. The stream is
/// stored with the data and read from its beginning after each start. So after a restart, the list, which is in memory,
/// has the same events with the same numbers.
#[derive(Debug)]
pub(crate) struct Publisher {
    function: Function,
    filter: Vec<Value>,
    stream: Stream,
    place: Mutex<Place>,
    sent: Arc<Sent>,
}

/// A bus that stores the events that it is sent.
#[derive(Debug, Default)]
struct Sent(std::sync::Mutex<Vec<Value>>);

/// A part of the list of events.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Span {
    /// At most `limit` events after the first `after`.
    After { after: usize, limit: u32 },
    /// The last events.
    Last(Last),
}

/// A number of events, as many as a page can have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last(usize);

impl FromStr for Last {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse().ok().filter(|last| (1..=LAST_MAX).contains(last)).map(Self).ok_or(())
    }
}

/// A page of the list of events.
#[derive(Debug, Serialize)]
pub(crate) struct EventsPage {
    events: Vec<Value>,
    /// The `after` of the next page.
    next: usize,
}

impl Bus for Sent {
    fn put<'a>(&'a self, events: &'a [Event]) -> Putting<'a> {
        Box::pin(async {
            let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            sent.extend(events.iter().map(|event| serde_json::from_str(&event.json).unwrap_or_default()));
            Ok(events.iter().map(|_| Ok(())).collect())
        })
    }
}

impl Publisher {
    /// Returns the publisher, if `resource` is the function that reads the stream.
    pub(crate) fn of(resource: &FunctionResource, stream: &Stream) -> Option<Self> {
        let filter = resource.stream.clone().filter(|_| resource.name == "publish")?;
        let sent = Arc::<Sent>::default();
        let bus = Arc::clone(&sent);
        let function = Function::new(resource.timeout, move |event, deadline| {
            let bus = Arc::clone(&bus);
            async move { regulars_publish::handle(&*bus, event, deadline).await }
        });
        Some(Self { function, filter, stream: stream.clone(), place: Mutex::default(), sent })
    }

    /// Returns the events of `span`, oldest first.
    pub(crate) async fn sent(&self, span: Span) -> Result<EventsPage, EventRefused> {
        self.catch_up().await?;
        let sent = self.sent.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (after, limit) = match span {
            Span::After { after, limit } => (after, usize::try_from(limit).unwrap_or(usize::MAX)),
            Span::Last(Last(last)) => (sent.len().saturating_sub(last), last),
        };
        let events: Vec<Value> = sent.iter().skip(after).take(limit).cloned().collect();
        Ok(EventsPage { next: after.saturating_add(events.len()), events })
    }

    /// Runs the function with everything that was written since the last time.
    async fn catch_up(&self) -> Result<(), EventRefused> {
        let mut place = self.place.lock().await;
        loop {
            let read = self.stream.read(place.clone(), PAGE).await;
            let Records { records, next } = read.map_err(EventRefused::fault)?;
            if records.is_empty() {
                return Ok(());
            }
            let wanted: Vec<_> = records.into_iter().filter(|record| is_wanted(record, &self.filter)).collect();
            for records in wanted.chunks(BATCH_SIZE) {
                let answer = self.function.call(json!({ "Records": records })).await?;
                if answer.pointer("/batchItemFailures/0").is_some() {
                    // On AWS, the record would be delivered again and then named in the dead-letter queue. The function
                    // has logged it.
                    tracing::error!(%answer, "an event could not be sent");
                }
            }
            *place = next;
        }
    }
}
