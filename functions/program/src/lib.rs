//! The `program` function: publishing and reading programs, and what an operator does to accounts.

mod adjustments;
mod codes;
mod publication;
mod transfers;
mod versions;

use std::sync::LazyLock;

use regulars_api::http::{Method, Routes, serve};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Publish,
    ReadInForce,
    ListVersions,
    ReadVersion,
    Withdraw,
    Adjust,
    Transfer,
    UploadCodes,
    CountCodes,
    ReadCode,
    VoidCode,
}

static ROUTES: LazyLock<Routes<Operation>> = LazyLock::new(|| {
    Routes::new([
        (Method::PUT, "/v1/programs/{program}", Operation::Publish),
        (Method::GET, "/v1/programs/{program}", Operation::ReadInForce),
        (Method::GET, "/v1/programs/{program}/versions", Operation::ListVersions),
        (Method::GET, "/v1/programs/{program}/versions/{version}", Operation::ReadVersion),
        (Method::DELETE, "/v1/programs/{program}/versions/{version}", Operation::Withdraw),
        (Method::POST, "/v1/programs/{program}/members/{member}/adjustments", Operation::Adjust),
        (Method::POST, "/v1/programs/{program}/members/{member}/transfers", Operation::Transfer),
        (Method::POST, "/v1/programs/{program}/rewards/{reward}/codes", Operation::UploadCodes),
        (Method::GET, "/v1/programs/{program}/rewards/{reward}/codes", Operation::CountCodes),
        (Method::GET, "/v1/programs/{program}/rewards/{reward}/codes/{code}", Operation::ReadCode),
        (Method::POST, "/v1/programs/{program}/rewards/{reward}/codes/{code}/void", Operation::VoidCode),
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
    serve(event, engine.authority, "regulars/program", &ROUTES, deadline, |operation, request, params| async move {
        match operation {
            Operation::Publish => publication::publish(engine, &request, &params).await,
            Operation::ReadInForce => versions::read_in_force(engine, &params).await,
            Operation::ListVersions => versions::list(engine, &params).await,
            Operation::ReadVersion => versions::read(engine, &params).await,
            Operation::Withdraw => versions::withdraw(engine, &params).await,
            Operation::Adjust => adjustments::adjust(engine, &request, &params, deadline).await,
            Operation::Transfer => transfers::transfer(engine, &request, &params, deadline).await,
            Operation::UploadCodes => codes::upload(engine, &request, &params).await,
            Operation::CountCodes => codes::count(engine, &params).await,
            Operation::ReadCode => codes::read(engine, &params).await,
            Operation::VoidCode => codes::void(engine, &request, &params).await,
        }
    })
    .await
}
