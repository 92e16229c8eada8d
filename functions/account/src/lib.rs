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
    http::{Answer, Call, Method, Nothing, Operation, PROGRAM, Problem, Route, Routes, Scope, Who, serve},
    view::{AccountView, StandingView},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused, refusal::RefusalCode as Refused};
use serde_json::Value;

/// An export contains operators' notes about the member.
const OPERATOR: Who = Who::operator(&[Scope::Account]);
const OPERATOR_OR_MEMBER: Who = Who::operator_or_member(&[Scope::Account]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(Method::GET, "/members/{member}", OPERATOR_OR_MEMBER, handler!(account), "read_account", "Returns the account of a member."),
            Route::new(Method::GET, "/members/{member}/accruals/{entry}", OPERATOR_OR_MEMBER, handler!(accruals::read), "read_accrual", "Returns a purchase or an activity as it is now, what it earned and why, and every entry that acted on it.").refusing(&[Refused::AccountClosed]),
            Route::new(Method::GET, "/members/{member}/entitlements", OPERATOR_OR_MEMBER, handler!(entitlements::list), "list_entitlements", "Lists the entitlements that the tier and the plan of a member grant.").refusing(&[Refused::AccountClosed]),
            Route::new(Method::GET, "/members/{member}/entries", OPERATOR_OR_MEMBER, handler!(entries::list), "list_entries", "Lists the entries of a member.")
                .taking(&filter::PARAMETERS),
            Route::new(Method::GET, "/members/{member}/entries/{entry}", OPERATOR_OR_MEMBER, handler!(entries::read), "read_entry", "Returns an entry of a member."),
            Route::new(Method::GET, "/members/{member}/export", OPERATOR, handler!(export::export), "export_member", "Exports everything that is stored on a member.")
                .taking(&export::PARAMETERS),
            Route::new(Method::GET, "/members/{member}/rewards", OPERATOR_OR_MEMBER, handler!(rewards::list), "list_rewards", "Lists the rewards, and for each whether the member can redeem it.").refusing(&[Refused::AccountClosed])
                .taking(&rewards::PARAMETERS),
            Route::new(Method::GET, "/members/{member}/tier", OPERATOR_OR_MEMBER, handler!(tier), "read_tier", "Returns the tier of a member and everything that explains it."),
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

async fn account(Call { engine, params, .. }: Call<'_, Engine, Nothing>) -> Result<Answer<AccountView>, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account(&mut subject).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, account)?)))
}

async fn tier(Call { engine, params, .. }: Call<'_, Engine, Nothing>) -> Result<Answer<StandingView>, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account(&mut subject).await?;
    Ok(Answer::ok(&StandingView::from(&engine.settled(&subject, account)?)))
}
