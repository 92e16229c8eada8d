//! The `program` function: publishes and reads programs, uploads codes, and posts operators' changes of accounts.

mod adjustments;
mod codes;
mod publication;
mod transfers;
mod versions;

use std::sync::LazyLock;

use regulars_api::{
    handler,
    http::{Method, Operation, PROGRAM, Route, Routes, Scope, Who, serve},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

const OPERATOR: Who = Who::operator(&[Scope::Program]);
/// An operator who corrects balances cannot publish rules.
const ADJUSTER: Who = Who::operator(&[Scope::Adjust]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(Method::PUT, "", OPERATOR, handler!(publication::publish)),
            Route::new(Method::GET, "", OPERATOR, handler!(versions::read_in_force)),
            Route::new(Method::GET, "/versions", OPERATOR, handler!(versions::list)),
            Route::new(Method::GET, "/versions/{version}", OPERATOR, handler!(versions::read)),
            Route::new(Method::DELETE, "/versions/{version}", OPERATOR, handler!(versions::withdraw)),
            Route::new(Method::POST, "/members/{member}/adjustments", ADJUSTER, handler!(adjustments::adjust)),
            Route::new(Method::POST, "/members/{member}/transfers", ADJUSTER, handler!(transfers::transfer)),
            Route::new(Method::POST, "/rewards/{reward}/codes", OPERATOR, handler!(codes::upload)),
            Route::new(Method::GET, "/rewards/{reward}/codes", OPERATOR, handler!(codes::count)),
            Route::new(Method::GET, "/rewards/{reward}/codes/{code}", OPERATOR, handler!(codes::read)),
            Route::new(Method::POST, "/rewards/{reward}/codes/{code}/void", OPERATOR, handler!(codes::void)),
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
