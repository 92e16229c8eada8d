//! The interface of an event bus: EventBridge on AWS, a list in the local server.

use std::{fmt, pin::Pin};

use crate::event::Event;

/// Maximum number of events of one call: EventBridge's limit.
pub(crate) const EVENTS_MAX: usize = 10;

/// Maximum size of all events of one call. EventBridge accepts 256 KB, including the keys and quotes of the JSON around
/// each event.
pub(crate) const BYTES_MAX: usize = 240 * 1024;

/// The result of one call to the bus.
pub type Putting<'a> = Pin<Box<dyn Future<Output = Result<Put, NotTaken>> + Send + 'a>>;

/// The answers to the events of one call, in their order.
pub type Put = Vec<Result<(), Refused>>;

/// A call that was lost or rejected as a whole, with the reason for the log. The bus may have accepted some of its
/// events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken(pub String);

/// An event that the bus rejected, with the bus's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

/// A destination of events.
pub trait Bus: fmt::Debug + Send + Sync {
    /// Sends at most ten events, with at most 240 KB in total; [`send`](crate::send) splits events accordingly. A call
    /// has a time limit of its own.
    fn put<'a>(&'a self, events: &'a [Event]) -> Putting<'a>;
}
