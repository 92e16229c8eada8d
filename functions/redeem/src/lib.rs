//! The `redeem` function: points spent on rewards, the use of their codes, and what may be used without points.

mod code_use;
mod entitlement;
mod redemption;
mod redemptions;

use std::sync::LazyLock;

use regulars_api::http::{Method, Routes, serve};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Redeem,
    Capture,
    Cancel,
    Reverse,
    UseEntitlement,
    UseCode,
}

static ROUTES: LazyLock<Routes<Operation>> = LazyLock::new(|| {
    Routes::new([
        (Method::POST, "/v1/programs/{program}/members/{member}/redemptions", Operation::Redeem),
        (Method::POST, "/v1/programs/{program}/members/{member}/redemptions/{entry}/capture", Operation::Capture),
        (Method::POST, "/v1/programs/{program}/members/{member}/redemptions/{entry}/cancellation", Operation::Cancel),
        (Method::POST, "/v1/programs/{program}/members/{member}/redemptions/{entry}/reversals", Operation::Reverse),
        (
            Method::POST,
            "/v1/programs/{program}/members/{member}/entitlements/{entitlement}/uses",
            Operation::UseEntitlement,
        ),
        (Method::POST, "/v1/programs/{program}/rewards/{reward}/codes/{code}/use", Operation::UseCode),
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
    serve(event, engine.authority, "regulars/redeem", &ROUTES, deadline, |operation, request, params| async move {
        match operation {
            Operation::Redeem => redemptions::redeem(engine, &request, &params, deadline).await,
            Operation::Capture => redemption::capture(engine, &request, &params, deadline).await,
            Operation::Cancel => redemption::cancel(engine, &request, &params, deadline).await,
            Operation::Reverse => redemption::reverse(engine, &request, &params, deadline).await,
            Operation::UseEntitlement => entitlement::use_once(engine, &request, &params, deadline).await,
            Operation::UseCode => code_use::use_once(engine, &request, &params, deadline).await,
        }
    })
    .await
}
