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

use regulars_api::{
    handler,
    http::{Method, Operation, PROGRAM, Route, Routes, Scope, Who, serve},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

const OPERATOR: Who = Who::operator(&[Scope::Earn]);
/// A quote changes nothing, so it needs no scope that gives points.
const QUOTE: Who = Who::operator_or_member(&[Scope::Earn, Scope::Redeem, Scope::Account]);

/// What this function answers, and to whom.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(Method::POST, "/members/{member}/accruals", OPERATOR, handler!(accruals::accrue)),
            Route::new(
                Method::POST,
                "/members/{member}/accruals/{entry}/amendments",
                OPERATOR,
                handler!(amendment::amend),
            ),
            Route::new(
                Method::POST,
                "/members/{member}/accruals/{entry}/confirmation",
                OPERATOR,
                handler!(confirmation::confirm),
            ),
            Route::new(
                Method::POST,
                "/members/{member}/accruals/{entry}/reversals",
                OPERATOR,
                handler!(reversal::reverse),
            ),
            Route::new(Method::POST, "/members/{member}/quotes", QUOTE, handler!(quotes::quote)),
        ],
    )
});

/// Answers an HTTP event, or works through a batch of messages.
///
/// # Errors
///
/// The event is neither.
pub async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    if queue::is_batch(&event) {
        return queue::handle(engine, event, deadline).await;
    }
    serve(event, engine, &engine.authority, &ROUTES, deadline).await
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
