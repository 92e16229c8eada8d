//! The `tier-evaluation` function: reviews of accounts that are due, shard by shard, and of one member now; tiers given by
//! an operator.

mod member;
mod report;
mod shard;
mod tier_override;
mod walk;

use std::sync::LazyLock;

use regulars_api::http::{Method, Routes, serve};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Evaluate,
    Override,
    EndOverride,
}

static ROUTES: LazyLock<Routes<Operation>> = LazyLock::new(|| {
    Routes::new([
        (Method::POST, "/v1/programs/{program}/members/{member}/tier-evaluations", Operation::Evaluate),
        (Method::PUT, "/v1/programs/{program}/members/{member}/tier-override", Operation::Override),
        (Method::DELETE, "/v1/programs/{program}/members/{member}/tier-override", Operation::EndOverride),
    ])
});

/// The methods and paths that this function answers, as the template has to name them.
pub fn routes() -> impl Iterator<Item = (&'static Method, &'static str)> {
    ROUTES.iter().map(|(method, path, _)| (method, path))
}

/// Answers an HTTP event, or works on the shard that a scheduled event names.
///
/// # Errors
///
/// The event is neither, or the shard could not be worked on.
pub async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    if event.get("requestContext").is_none() {
        return shard::review(engine, event, deadline).await;
    }
    serve(
        event,
        engine.authority,
        "regulars/tier-evaluation",
        &ROUTES,
        deadline,
        |operation, request, params| async move {
            match operation {
                Operation::Evaluate => member::evaluate(engine, &request, &params, deadline).await,
                Operation::Override => tier_override::put(engine, &request, &params, deadline).await,
                Operation::EndOverride => tier_override::delete(engine, &request, &params, deadline).await,
            }
        },
    )
    .await
}
