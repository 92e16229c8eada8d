//! The `earn` function: purchases and activities, their returns, amendments and confirmations.

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
/// A quote changes nothing, so it does not need the scope to credit points.
const QUOTE: Who = Who::operator_or_member(&[Scope::Earn, Scope::Redeem, Scope::Account]);

/// The routes of this function.
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

/// Answers an HTTP event, or processes a batch of messages.
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

/// Like [`handle`] for a batch of messages, and reports for a person why some were not processed: `{ "taken": 2,
/// "failed": [{ "index": 2, "code": "member_not_found", ... }] }`.
///
/// # Errors
///
/// The event is not a batch of messages.
pub async fn explain_batch(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    queue::explain(engine, event, deadline).await
}
