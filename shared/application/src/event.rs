//! The error of a function that can give no answer, for any front end.

use std::error::Error;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::wording::without_value;

/// Why an event was not answered. The front end decides what happens to the event: an HTTP API answers with a fault, a
/// queue delivers it again, a state machine retries.
#[derive(Debug)]
pub enum EventRefused {
    /// The event has no shape that this function accepts; sending it again does not help.
    Unreadable(Box<dyn Error + Send + Sync>),
    /// An internal error; sending it again may help.
    Fault(Box<dyn Error + Send + Sync>),
}

/// Reads an event as a `T`.
///
/// # Errors
///
/// [`EventRefused::Unreadable`]. It names the place of the error and never quotes the value, because it is logged.
pub fn read<T: DeserializeOwned>(event: Value) -> Result<T, EventRefused> {
    serde_path_to_error::deserialize(event).map_err(|error| {
        let what = without_value(&error.inner().to_string());
        EventRefused::unreadable(format!("`{}`: {what}", error.path()))
    })
}

impl EventRefused {
    /// Refuses an event of no known shape.
    pub fn unreadable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        EventRefused::Unreadable(source.into())
    }

    /// Refuses an event that could not be handled now.
    pub fn fault(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        EventRefused::Fault(source.into())
    }

    /// Returns a stable name for the platform: `EventUnreadable` or `EventFault`, by which a state machine decides what
    /// to retry.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            EventRefused::Unreadable(_) => "EventUnreadable",
            EventRefused::Fault(_) => "EventFault",
        }
    }
}

impl fmt::Display for EventRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventRefused::Unreadable(source) => {
                write!(f, "the event is not understood: {source}")
            }
            EventRefused::Fault(source) => write!(f, "the event could not be handled: {source}"),
        }
    }
}

impl Error for EventRefused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            EventRefused::Unreadable(source) | EventRefused::Fault(source) => Some(source.as_ref()),
        }
    }
}
