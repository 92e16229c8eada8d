//! The `tier-evaluation` function: reviews of due accounts, shard by shard, and of one member on request; tier
//! overrides.

mod member;
mod report;
mod shard;
mod tier_override;
mod walk;

use std::sync::LazyLock;

use regulars_api::{
    handler,
    http::{Method, Operation, PROGRAM, Route, Routes, Scope, Who, serve},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused, refusal::RefusalCode as Refused};
use serde_json::Value;

const OPERATOR: Who = Who::operator(&[Scope::TierEvaluation]);
const ADJUSTER: Who = Who::operator(&[Scope::Adjust]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(
                Method::POST,
                "/members/{member}/tier-evaluations",
                OPERATOR,
                handler!(member::evaluate),
                "evaluate_tier",
                "Reviews the account of a member now.",
            ),
            Route::new(
                Method::PUT,
                "/members/{member}/tier-override",
                ADJUSTER,
                handler!(tier_override::put),
                "grant_tier",
                "Grants a member a tier until a date.",
            )
            .refusing(&[Refused::AccountSuspended, Refused::AccountClosed, Refused::TierNotFound]),
            Route::new(
                Method::DELETE,
                "/members/{member}/tier-override",
                ADJUSTER,
                handler!(tier_override::delete),
                "withdraw_tier",
                "Withdraws the tier that an operator granted.",
            )
            .refusing(&[Refused::AccountSuspended, Refused::AccountClosed]),
        ],
    )
});

/// Answers an HTTP event, or reviews the shard of a scheduled event.
///
/// # Errors
///
/// The event is neither, or the shard could not be reviewed.
pub async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    if event.get("requestContext").is_none() {
        return shard::review(engine, event, deadline).await;
    }
    serve(event, engine, &engine.authority, &ROUTES, deadline).await
}
