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
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused, refusal::RefusalCode as Refused};
use serde_json::Value;

const OPERATOR: Who = Who::operator(&[Scope::Enroll]);
const OPERATOR_OR_MEMBER: Who = Who::operator_or_member(&[Scope::Enroll]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(Method::POST, "/members", OPERATOR, handler!(enrollment::enroll), "enroll", "Enrolls a member.")
                .refusing(&[
                    Refused::MemberExists,
                    Refused::AliasTaken,
                    Refused::ReferrerNotFound,
                    Refused::PointsOverflow,
                ]),
            Route::new(
                Method::POST,
                "/members/lookup",
                OPERATOR,
                handler!(lookup::look_up),
                "look_up_member",
                "Finds a member by an alias.",
            )
            .refusing(&[Refused::MemberNotFound]),
            Route::new(
                Method::PATCH,
                "/members/{member}",
                OPERATOR_OR_MEMBER,
                handler!(change::change),
                "change_member",
                "Changes the status or the attributes of a member.",
            )
            .refusing(&[Refused::AccountClosed]),
            Route::new(
                Method::POST,
                "/members/{member}/aliases",
                OPERATOR,
                handler!(aliases::change),
                "change_aliases",
                "Adds and removes aliases of a member.",
            )
            .refusing(&[Refused::AccountClosed, Refused::AliasTaken, Refused::AliasesFull]),
            Route::new(
                Method::POST,
                "/members/{member}/erasure",
                OPERATOR,
                handler!(erasure::erase),
                "erase_member",
                "Erases the personal data of a member.",
            )
            .refusing(&[Refused::AccountClosed, Refused::ReasonMissing]),
            Route::new(
                Method::POST,
                "/members/{member}/merge",
                OPERATOR,
                handler!(merge::merge),
                "merge_members",
                "Merges a member into another one.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::HoldsOpen,
                Refused::MergeTooLarge,
                Refused::PointsOverflow,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/plan",
                OPERATOR,
                handler!(plan::take),
                "take_plan",
                "Starts or renews a plan that was paid.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::PlanNotFound,
                Refused::PlanRunning,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/plan/{entry}/reversals",
                OPERATOR,
                handler!(plan::reverse),
                "reverse_plan_payment",
                "Reverses one payment of a plan.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::PlanPaymentReversed,
                Refused::PlanOver,
            ]),
            Route::new(
                Method::DELETE,
                "/members/{member}/plan",
                OPERATOR,
                handler!(plan::end),
                "end_plan",
                "Ends the plan of a member at once.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::PlanNotRunning,
                Refused::PlansWaiting,
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
