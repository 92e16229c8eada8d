//! The `account` function: reads accounts, statements, accruals, tiers, the catalogue and entitlements; exports.

mod accruals;
mod cursor;
mod entitlements;
mod entries;
mod export;
mod filter;
mod rewards;

use std::sync::LazyLock;

use regulars_api::{
    handler,
    http::{Answer, Call, Method, Operation, PROGRAM, Problem, Route, Routes, Scope, Who, serve},
    view::{AccountView, StandingView},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused};
use serde_json::Value;

/// An export contains operators' notes about the member.
const OPERATOR: Who = Who::operator(&[Scope::Account]);
const OPERATOR_OR_MEMBER: Who = Who::operator_or_member(&[Scope::Account]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(Method::GET, "/members/{member}", OPERATOR_OR_MEMBER, handler!(account)),
            Route::new(Method::GET, "/members/{member}/accruals/{entry}", OPERATOR_OR_MEMBER, handler!(accruals::read)),
            Route::new(Method::GET, "/members/{member}/entitlements", OPERATOR_OR_MEMBER, handler!(entitlements::list)),
            Route::new(Method::GET, "/members/{member}/entries", OPERATOR_OR_MEMBER, handler!(entries::list))
                .taking(&filter::PARAMETERS),
            Route::new(Method::GET, "/members/{member}/entries/{entry}", OPERATOR_OR_MEMBER, handler!(entries::read)),
            Route::new(Method::GET, "/members/{member}/export", OPERATOR, handler!(export::export))
                .taking(&export::PARAMETERS),
            Route::new(Method::GET, "/members/{member}/rewards", OPERATOR_OR_MEMBER, handler!(rewards::list))
                .taking(&rewards::PARAMETERS),
            Route::new(Method::GET, "/members/{member}/tier", OPERATOR_OR_MEMBER, handler!(tier)),
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

async fn account(Call { engine, params, .. }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account(&mut subject).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, account)?)))
}

async fn tier(Call { engine, params, .. }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account(&mut subject).await?;
    Ok(Answer::ok(&StandingView::from(&engine.settled(&subject, account)?)))
}
