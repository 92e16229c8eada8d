//! The `account` function: an account, its statement and accruals, its tier, the rewards it can have, and what it may use without points.

mod accruals;
mod cursor;
mod entitlements;
mod entries;
mod filter;
mod rewards;

use std::sync::LazyLock;

use regulars_api::{
    http::{Answer, Method, Params, Problem, Routes, serve},
    view::{AccountView, StandingView},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Account,
    Accrual,
    Entitlements,
    Entries,
    Entry,
    Rewards,
    Tier,
}

const ENTRIES: &str = "/v1/programs/{program}/members/{member}/entries";

static ROUTES: LazyLock<Routes<Operation>> = LazyLock::new(|| {
    Routes::new([
        (Method::GET, "/v1/programs/{program}/members/{member}", Operation::Account),
        (Method::GET, "/v1/programs/{program}/members/{member}/accruals/{entry}", Operation::Accrual),
        (Method::GET, "/v1/programs/{program}/members/{member}/entitlements", Operation::Entitlements),
        (Method::GET, ENTRIES, Operation::Entries),
        (Method::GET, "/v1/programs/{program}/members/{member}/entries/{entry}", Operation::Entry),
        (Method::GET, "/v1/programs/{program}/members/{member}/rewards", Operation::Rewards),
        (Method::GET, "/v1/programs/{program}/members/{member}/tier", Operation::Tier),
    ])
    .taking(&Method::GET, ENTRIES, &filter::PARAMETERS)
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
    serve(event, engine.authority, "regulars/account", &ROUTES, deadline, |operation, request, params| async move {
        match operation {
            Operation::Account => account(engine, &params).await,
            Operation::Accrual => accruals::read(engine, &request, &params).await,
            Operation::Entitlements => entitlements::list(engine, &params).await,
            Operation::Entries => entries::list(engine, &request, &params, deadline).await,
            Operation::Entry => entries::read(engine, &request, &params).await,
            Operation::Rewards => rewards::list(engine, &params).await,
            Operation::Tier => tier(engine, &params).await,
        }
    })
    .await
}

async fn account(engine: &Engine, params: &Params) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account(&mut subject).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, account)?)))
}

async fn tier(engine: &Engine, params: &Params) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account(&mut subject).await?;
    Ok(Answer::ok(&StandingView::from(&engine.settled(&subject, account)?)))
}
