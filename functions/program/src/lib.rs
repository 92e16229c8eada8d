//! The `program` function: publishes and reads programs, uploads codes, and posts operators' changes of accounts.

mod adjustments;
mod codes;
mod contract;
mod publication;
mod transfers;
mod versions;

use std::sync::LazyLock;

use regulars_api::{
    handler,
    http::{Method, Operation, PROGRAM, Route, Routes, Scope, VERSION, Who, serve},
};
use regulars_application::{deadline::Deadline, engine::Engine, event::EventRefused, refusal::RefusalCode as Refused};
use serde_json::Value;

const OPERATOR: Who = Who::operator(&[Scope::Program]);
/// An operator who corrects balances cannot publish rules.
const ADJUSTER: Who = Who::operator(&[Scope::Adjust]);

/// The routes of this function.
pub static ROUTES: LazyLock<Routes<Operation<Engine>>> = LazyLock::new(|| {
    Routes::under(
        PROGRAM,
        [
            Route::new(
                Method::PUT,
                "",
                OPERATOR,
                handler!(publication::publish),
                "publish_program",
                "Publishes a program document as a new version.",
            )
            .refusing(&[
                Refused::ProgramInvalid,
                Refused::ProgramVersionStale,
                Refused::VersionScheduled,
                Refused::VersionsFull,
            ]),
            Route::new(
                Method::GET,
                "",
                OPERATOR,
                handler!(versions::read_in_force),
                "read_program",
                "Returns the program document in force.",
            ),
            Route::new(
                Method::GET,
                "/versions",
                OPERATOR,
                handler!(versions::list),
                "list_versions",
                "Lists the versions of a program.",
            ),
            Route::new(
                Method::GET,
                "/versions/{version}",
                OPERATOR,
                handler!(versions::read),
                "read_version",
                "Returns the program document of a version.",
            ),
            Route::new(
                Method::DELETE,
                "/versions/{version}",
                OPERATOR,
                handler!(versions::withdraw),
                "withdraw_version",
                "Withdraws a version that is not in force yet.",
            )
            .refusing(&[Refused::VersionInForce]),
            Route::new(
                Method::POST,
                "/members/{member}/adjustments",
                ADJUSTER,
                handler!(adjustments::adjust),
                "post_adjustment",
                "Gives points to a member, or deducts points.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::InsufficientPoints,
                Refused::InsufficientQualifying,
                Refused::PointsOverflow,
            ]),
            Route::new(
                Method::POST,
                "/members/{member}/transfers",
                ADJUSTER,
                handler!(transfers::transfer),
                "post_transfer",
                "Transfers points from a member to another one.",
            )
            .refusing(&[
                Refused::AccountSuspended,
                Refused::AccountClosed,
                Refused::InsufficientPoints,
                Refused::PointsOverflow,
            ]),
            Route::new(
                Method::POST,
                "/rewards/{reward}/codes",
                OPERATOR,
                handler!(codes::upload),
                "upload_codes",
                "Adds codes to the pool of a reward.",
            )
            .refusing(&[Refused::RewardWithoutPool]),
            Route::new(
                Method::GET,
                "/rewards/{reward}/codes",
                OPERATOR,
                handler!(codes::count),
                "count_codes",
                "Counts the free and the given codes of a reward.",
            ),
            Route::new(
                Method::GET,
                "/rewards/{reward}/codes/{code}",
                OPERATOR,
                handler!(codes::read),
                "read_code",
                "Returns a code and the redemption that it was given for.",
            ),
            Route::new(
                Method::POST,
                "/rewards/{reward}/codes/{code}/void",
                OPERATOR,
                handler!(codes::void),
                "void_code",
                "Voids a code permanently.",
            )
            .refusing(&[Refused::CodeUsed]),
        ],
    )
    .and_under(
        VERSION,
        [
            Route::new(
                Method::GET,
                "/openapi.json",
                Who::EVERYONE,
                handler!(contract::openapi),
                "read_openapi",
                "Returns this document.",
            ),
            Route::new(
                Method::GET,
                "/program.schema.json",
                Who::EVERYONE,
                handler!(contract::program_schema),
                "read_program_schema",
                "Returns the JSON Schema of a program document.",
            ),
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
