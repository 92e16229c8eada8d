//! The `earn` function: purchases and activities, their returns, amendments and confirmations.

mod accruals;
mod again;
mod amendment;
mod confirmation;
mod queue;
mod quotes;
mod referral;
mod reversal;

use std::sync::LazyLock;

use regulars_api::{
    handler,
    http::{Method, Operation, PROGRAM, Route, Routes, Scope, Who, serve},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused, refusal::RefusalCode as Refused};
use serde_json::Value;

const OPERATOR: Who = Who::operator(&[Scope::Earn]);
/// A quote changes nothing, so it does not need the scope to credit points.
const QUOTE: Who = Who::operator_or_member(&[Scope::Earn, Scope::Redeem, Scope::Account]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(
                Method::POST,
                "/members/{member}/accruals",
                OPERATOR,
                handler!(accruals::accrue),
                "post_accrual",
                "Gives points for a purchase or an activity.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::CurrencyMismatch,
                Refused::LinesExceedTotal,
                Refused::OccurredAtOutOfRange,
                Refused::PointsOverflow,
                Refused::ReceiptTaken,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/accruals/{entry}/amendments",
                OPERATOR,
                handler!(amendment::amend),
                "amend_accrual",
                "Replaces a purchase with its new content.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::CannotAmend,
                Refused::CurrencyMismatch,
                Refused::LinesExceedTotal,
                Refused::ChangesFull,
                Refused::FactsErased,
                Refused::PointsOverflow,
                Refused::ReceiptTaken,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/accruals/{entry}/confirmation",
                OPERATOR,
                handler!(confirmation::confirm),
                "confirm_accrual",
                "Makes pending points spendable.",
            )
            .refusing(&[Refused::AccountSuspended, Refused::AccountClosed, Refused::AccrualNotPending]),
            Route::new(
                Method::POST,
                "/members/{member}/accruals/{entry}/reversals",
                OPERATOR,
                handler!(reversal::reverse),
                "reverse_accrual",
                "Posts a return of a purchase or an activity, in full or in part.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::CurrencyMismatch,
                Refused::LineNotFound,
                Refused::ReversalExceedsAccrual,
                Refused::FactsErased,
                Refused::ChangesFull,
                Refused::PointsOverflow,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/quotes",
                QUOTE,
                handler!(quotes::quote),
                "quote",
                "Returns what an accrual or a redemption would do, without doing it.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::CurrencyMismatch,
                Refused::LinesExceedTotal,
                Refused::OccurredAtOutOfRange,
                Refused::PointsOverflow,
                Refused::RewardNotFound,
                Refused::HoldsFull,
                Refused::RewardNotActive,
                Refused::RewardNotHoldable,
                Refused::RewardNotForTier,
                Refused::RewardNotForMember,
                Refused::RewardLimitReached,
                Refused::RewardOutOfStock,
                Refused::InsufficientPoints,
            ]),
        ],
    )
});

/// Answers an HTTP event, or processes a batch of messages.
///
/// # Errors
///
/// The event is neither.
pub async fn handle(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    if queue::is_batch(&event) {
        return queue::handle(engine, event, deadline).await;
    }
    serve(event, engine, &engine.authority, &ROUTES, deadline).await
}

/// Like [`handle`] for a batch of messages, and reports for a person why some were not processed: `{ "taken": 2,
/// "failed": [{ "index": 2, "code": "member_not_found", ... }] }`.
///
/// # Errors
///
/// The event is not a batch of messages.
pub async fn explain_batch(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    queue::explain(engine, event, deadline).await
}
