//! The `enroll` function: joining, finding a member by another name, changing what is kept of one, making one of two, and
//! plans.

mod change;
mod enrollment;
mod lookup;
mod merge;
mod names;
mod plan;

use std::sync::LazyLock;

use regulars_api::http::{Method, Routes, serve};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Enroll,
    LookUp,
    Change,
    Merge,
    TakePlan,
    ReversePlanPayment,
    EndPlan,
}

static ROUTES: LazyLock<Routes<Operation>> = LazyLock::new(|| {
    Routes::new([
        (Method::POST, "/v1/programs/{program}/members", Operation::Enroll),
        (Method::POST, "/v1/programs/{program}/members/lookup", Operation::LookUp),
        (Method::PATCH, "/v1/programs/{program}/members/{member}", Operation::Change),
        (Method::POST, "/v1/programs/{program}/members/{member}/merge", Operation::Merge),
        (Method::POST, "/v1/programs/{program}/members/{member}/plan", Operation::TakePlan),
        (Method::POST, "/v1/programs/{program}/members/{member}/plan/{entry}/reversals", Operation::ReversePlanPayment),
        (Method::DELETE, "/v1/programs/{program}/members/{member}/plan", Operation::EndPlan),
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
    serve(event, engine.authority, "regulars/enroll", &ROUTES, deadline, |operation, request, params| async move {
        match operation {
            Operation::Enroll => enrollment::enroll(engine, &request, &params, deadline).await,
            Operation::LookUp => lookup::look_up(engine, &request, &params).await,
            Operation::Change => change::change(engine, &request, &params, deadline).await,
            Operation::Merge => merge::merge(engine, &request, &params, deadline).await,
            Operation::TakePlan => plan::take(engine, &request, &params, deadline).await,
            Operation::ReversePlanPayment => plan::reverse(engine, &request, &params, deadline).await,
            Operation::EndPlan => plan::end(engine, &request, &params, deadline).await,
        }
    })
    .await
}
