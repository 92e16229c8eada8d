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
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused, refusal::RefusalCode as Refused};
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
                "post_redemption",
                "Spends points on a reward, or holds them.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::RewardNotFound,
                Refused::HoldsFull,
                Refused::CurrencyMismatch,
                Refused::RewardNotActive,
                Refused::RewardNotHoldable,
                Refused::RewardNotForTier,
                Refused::RewardNotForMember,
                Refused::RewardLimitReached,
                Refused::RewardOutOfStock,
                Refused::PointsOverflow,
                Refused::InsufficientPoints,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/redemptions/{entry}/capture",
                OPERATOR,
                handler!(redemption::capture),
                "capture_redemption",
                "Spends the points of a hold.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::RedemptionNotHeld,
                Refused::HoldExpired,
                Refused::CodeUsed,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/redemptions/{entry}/cancellation",
                OPERATOR_OR_MEMBER,
                handler!(redemption::cancel),
                "cancel_redemption",
                "Cancels a hold.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::RedemptionNotHeld,
                Refused::HoldExpired,
                Refused::CodeUsed,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/redemptions/{entry}/reversals",
                OPERATOR,
                handler!(redemption::reverse),
                "reverse_redemption",
                "Reverses a redemption, in full or in part.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::RedemptionNotHeld,
                Refused::HoldExpired,
                Refused::CodeUsed,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/entitlements/{entitlement}/uses",
                OPERATOR_OR_MEMBER,
                handler!(entitlement::use_once),
                "use_entitlement",
                "Uses an entitlement of a member once.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::EntitlementNotHeld,
                Refused::EntitlementUsedUp,
            ]),
            Route::new(
                Method::POST,
                "/rewards/{reward}/codes/{code}/use",
                OPERATOR,
                handler!(code_use::use_once),
                "use_code",
                "Uses a code, or a part of its balance.",
            )
            .refusing(&[
                Refused::MemberNotFound,
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::CodeVoid,
                Refused::CodeUsed,
                Refused::CodeExpired,
                Refused::CodeBalanceTooSmall,
                Refused::CurrencyMismatch,
            ]),
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
