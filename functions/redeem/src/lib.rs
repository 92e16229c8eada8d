//! The `redeem` function: redemptions, holds, and the use of codes and entitlements.

mod code_use;
mod entitlement;
mod redemption;
mod redemptions;

use std::sync::LazyLock;

use regulars_api::{
    handler,
    http::{Method, Operation, PROGRAM, Route, Routes, Scope, Who, serve},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

const OPERATOR: Who = Who::operator(&[Scope::Redeem]);
const OPERATOR_OR_MEMBER: Who = Who::operator_or_member(&[Scope::Redeem]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(
                Method::POST,
                "/members/{member}/redemptions",
                OPERATOR_OR_MEMBER,
                handler!(redemptions::redeem),
            ),
            Route::new(
                Method::POST,
                "/members/{member}/redemptions/{entry}/capture",
                OPERATOR,
                handler!(redemption::capture),
            ),
            Route::new(
                Method::POST,
                "/members/{member}/redemptions/{entry}/cancellation",
                OPERATOR_OR_MEMBER,
                handler!(redemption::cancel),
            ),
            Route::new(
                Method::POST,
                "/members/{member}/redemptions/{entry}/reversals",
                OPERATOR,
                handler!(redemption::reverse),
            ),
            Route::new(
                Method::POST,
                "/members/{member}/entitlements/{entitlement}/uses",
                OPERATOR_OR_MEMBER,
                handler!(entitlement::use_once),
            ),
            Route::new(Method::POST, "/rewards/{reward}/codes/{code}/use", OPERATOR, handler!(code_use::use_once)),
        ],
    )
});

/// Answers an HTTP event.
///
/// # Errors
///
/// The event is not an HTTP event.
pub async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    serve(event, engine, &engine.authority, &ROUTES, deadline).await
}
