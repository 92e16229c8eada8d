//! The interface of an event bus: EventBridge on AWS, a list in the local server.

use std::{fmt, pin::Pin};

use crate::event::Event;

/// Most events of one call: EventBridge's own limit.
pub(crate) const EVENTS_MAX: usize = 10;

/// Most bytes of all events of one call. EventBridge takes 256 KB, keys and quotes of the JSON around each event included.
pub(crate) const BYTES_MAX: usize = 240 * 1024;

/// The result of one call to the bus.
pub type Putting<'a> = Pin<Box<dyn Future<Output = Result<Put, NotTaken>> + Send + 'a>>;

/// The answers to the events of one call, in their order.
pub type Put = Vec<Result<(), Refused>>;

/// A call that was lost or refused as a whole, with the reason for the log. The bus may have taken some of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken(pub String);

/// An event that the bus did not take, with the bus's own code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

/// Somewhere that events are sent to.
pub trait Bus: fmt::Debug + Send + Sync {
    /// Sends at most ten events of together at most 240 KB, which [`send`](crate::send) sees to. A call has a time limit of its own.
    fn put<'a>(&'a self, events: &'a [Event]) -> Putting<'a>;
}
