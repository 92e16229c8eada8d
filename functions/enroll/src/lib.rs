//! The `enroll` function: enrollment, aliases, changes, erasure and merges of members, and plans.

mod alias_key;
mod aliases;
mod change;
mod enrollment;
mod erasure;
mod lookup;
mod merge;
mod names;
mod plan;

use std::sync::LazyLock;

pub use alias_key::alias_key;

use regulars_api::{
    handler,
    http::{Method, Operation, PROGRAM, Route, Routes, Scope, Who, serve},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

const OPERATOR: Who = Who::operator(&[Scope::Enroll]);
const OPERATOR_OR_MEMBER: Who = Who::operator_or_member(&[Scope::Enroll]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(Method::POST, "/members", OPERATOR, handler!(enrollment::enroll)),
            Route::new(Method::POST, "/members/lookup", OPERATOR, handler!(lookup::look_up)),
            Route::new(Method::PATCH, "/members/{member}", OPERATOR_OR_MEMBER, handler!(change::change)),
            Route::new(Method::POST, "/members/{member}/aliases", OPERATOR, handler!(aliases::change)),
            Route::new(Method::POST, "/members/{member}/erasure", OPERATOR, handler!(erasure::erase)),
            Route::new(Method::POST, "/members/{member}/merge", OPERATOR, handler!(merge::merge)),
            Route::new(Method::POST, "/members/{member}/plan", OPERATOR, handler!(plan::take)),
            Route::new(Method::POST, "/members/{member}/plan/{entry}/reversals", OPERATOR, handler!(plan::reverse)),
            Route::new(Method::DELETE, "/members/{member}/plan", OPERATOR, handler!(plan::end)),
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
