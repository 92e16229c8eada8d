//! The `earn` function: points for purchases and activities, and what becomes of them.

mod accrual;
mod accruals;
mod quotes;

use std::sync::LazyLock;

use regulars_api::{
    deadline::Deadline,
    engine::Engine,
    event::EventRefused,
    http::{Method, Routes, serve},
};
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Accrue,
    Confirm,
    Reverse,
    Quote,
}

static ROUTES: LazyLock<Routes<Operation>> = LazyLock::new(|| {
    Routes::new([
        (Method::POST, "/v1/programs/{program}/members/{member}/accruals", Operation::Accrue),
        (Method::POST, "/v1/programs/{program}/members/{member}/accruals/{entry}/confirmation", Operation::Confirm),
        (Method::POST, "/v1/programs/{program}/members/{member}/accruals/{entry}/reversals", Operation::Reverse),
        (Method::POST, "/v1/programs/{program}/members/{member}/quotes", Operation::Quote),
    ])
});

/// The methods and paths that this function answers, as the template has to name them.
pub fn routes() -> impl Iterator<Item = (&'static Method, &'static str)> {
    ROUTES.iter().map(|(method, path, _)| (method, path))
}

/// Answers an HTTP event.
///
/// # Errors
///
/// The event is no HTTP event.
pub async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    serve(event, engine.authority, "regulars/earn", &ROUTES, |operation, request, params| async move {
        match operation {
            Operation::Accrue => accruals::accrue(engine, &request, &params, deadline).await,
            Operation::Confirm => accrual::confirm(engine, &request, &params, deadline).await,
            Operation::Reverse => accrual::reverse(engine, &request, &params, deadline).await,
            Operation::Quote => quotes::quote(engine, &request, &params).await,
        }
    })
    .await
}
