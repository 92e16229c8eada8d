//! A function of the template together with its handler in this process.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use regulars_application::deadline::Deadline;
use regulars_application::event::EventRefused;
use serde_json::Value;

type Answering = Pin<Box<dyn Future<Output = Result<Value, EventRefused>> + Send>>;
type Handler = dyn Fn(Value, Deadline) -> Answering + Send + Sync;

/// A function that can be called.
#[derive(Clone)]
pub(crate) struct Function {
    timeout: Duration,
    handler: Arc<Handler>,
}

impl Function {
    pub(crate) fn new<F>(timeout: Duration, handler: impl Fn(Value, Deadline) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Value, EventRefused>> + Send + 'static,
    {
        Function { timeout, handler: Arc::new(move |event, deadline| Box::pin(handler(event, deadline))) }
    }

    /// Calls the function. As on Lambda, it runs to its end even if the caller has disconnected, and a panic affects
    /// only this call.
    pub(crate) async fn call(&self, event: Value) -> Result<Value, EventRefused> {
        let answering = (self.handler)(event, Deadline::after(self.timeout));
        tokio::spawn(answering).await.unwrap_or_else(|ended| Err(EventRefused::fault(ended)))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
