//! The `earn` function: points for purchases and activities, and what becomes of them.

mod accruals;
mod again;
mod amendment;
mod confirmation;
mod queue;
mod quotes;
mod referral;
mod reversal;

use std::sync::LazyLock;

use regulars_api::http::{Method, Routes, serve};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Accrue,
    Amend,
    Confirm,
    Reverse,
    Quote,
}

static ROUTES: LazyLock<Routes<Operation>> = LazyLock::new(|| {
    Routes::new([
        (Method::POST, "/v1/programs/{program}/members/{member}/accruals", Operation::Accrue),
        (Method::POST, "/v1/programs/{program}/members/{member}/accruals/{entry}/amendments", Operation::Amend),
        (Method::POST, "/v1/programs/{program}/members/{member}/accruals/{entry}/confirmation", Operation::Confirm),
        (Method::POST, "/v1/programs/{program}/members/{member}/accruals/{entry}/reversals", Operation::Reverse),
        (Method::POST, "/v1/programs/{program}/members/{member}/quotes", Operation::Quote),
    ])
});

/// The methods and paths that this function answers, as the template has to name them.
pub fn routes() -> impl Iterator<Item = (&'static Method, &'static str)> {
    ROUTES.iter().map(|(method, path, _)| (method, path))
}

/// Answers an HTTP event, or works through a batch of messages.
///
/// # Errors
///
/// The event is neither.
pub async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    if queue::is_batch(&event) {
        return queue::handle(engine, event, deadline).await;
    }
    serve(event, engine.authority, "regulars/earn", &ROUTES, deadline, |operation, request, params| async move {
        match operation {
            Operation::Accrue => accruals::accrue(engine, &request, &params, deadline).await,
            Operation::Amend => amendment::amend(engine, &request, &params, deadline).await,
            Operation::Confirm => confirmation::confirm(engine, &request, &params, deadline).await,
            Operation::Reverse => reversal::reverse(engine, &request, &params, deadline).await,
            Operation::Quote => quotes::quote(engine, &request, &params).await,
        }
    })
    .await
}

/// Works through a batch of messages as [`handle`] does, and tells a person why some were not taken:
/// `{ "taken": 2, "failed": [{ "index": 2, "code": "member_not_found", ... }] }`.
///
/// # Errors
///
/// The event is no batch of messages.
pub async fn explain_batch(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    queue::explain(engine, event, deadline).await
}
