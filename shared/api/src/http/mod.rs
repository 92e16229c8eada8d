//! The HTTP front end: an API Gateway event becomes a request, and an answer or a problem becomes a response.

mod asked;
mod caller;
mod contract;
mod gateway;
mod keyed;
mod media_type;
mod operation;
mod path;
mod problem;
mod query;
mod request;
mod response;
mod route;
mod who;

use std::time::Instant;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use regulars_application::{
    authority::Authority,
    call::{self, Ended, UNROUTED},
    caught::caught,
    deadline::Deadline,
    event::{self, EventRefused},
    failure::Failure,
    tally::{Tally, tallied},
};
use serde_json::Value;
use tracing::Instrument;

pub use ::http::Method;
pub use asked::{
    Asks, Document, Empty, Json, JsonBody, KeyOptional, Keyed, Nothing, Optional, Publication, Raw, Request,
};
pub use caller::Caller;
pub use contract::{Answered, Asked, Contract, Header, Key, SchemaOf, Success};
pub use gateway::Gateway;
pub use keyed::KeyHeader;
pub use operation::{Answering, Call, Described, Handler, Named, Operation, Route};
pub use problem::{Problem, ProblemCode, ProblemDocument};
pub use query::Parameter;
pub use request::{HttpRequest, IfMatch, Limit, Precondition, decoded};
pub use response::{Answer, Done, Enrolled, NewVersion, Once, Sent, Shown, Succeeds, Versioned};
pub use route::{Params, RouteMatch, Routes};
pub use who::{Scope, Who};

use self::caller::{admitted, client};

/// The prefix of all paths.
pub const VERSION: &str = "/v1";

/// The prefix of the paths of a program's routes.
pub const PROGRAM: &str = "/v1/programs/{program}";

/// Serves one HTTP event: finds its operation among `routes`, checks that `authority` lets the caller do it, calls the handler with
/// `engine`, and turns the answer or the problem into a response.
///
/// The query may only contain the parameters of the operation ([`Route::taking`]). The line of the call is logged here and
/// nowhere else, for a fault with its cause. An operation that is not done at `deadline` is answered with
/// `store_unavailable`, because it can only be waiting for the table; one that panics, with `internal`.
///
/// # Errors
///
/// [`EventRefused`] if the event is not an HTTP event. Everything else is a response.
pub async fn serve<E: Sync>(
    event: Value,
    engine: &E,
    authority: &Authority,
    routes: &Routes<Operation<E>>,
    deadline: Deadline,
) -> Result<Value, EventRefused> {
    let began = Instant::now();
    let event: ApiGatewayV2httpRequest = event::read(event)?;
    let authorizer = event.request_context.authorizer.clone();
    let request = HttpRequest::from_event(event)?;
    let request_id = request.request_id().to_owned();
    // Warnings of libraries have the request's id, at every level.
    let span = tracing::error_span!("request", request_id);

    let found = routes.find(request.method(), request.path());
    let operation = found.as_ref().map_or(UNROUTED, |found| found.operation.name);
    let answered = async {
        let found = found?;
        let Operation { who, parameters, handler, .. } = *found.operation;
        let caller = admitted(authority, authorizer.as_ref(), who, request.method(), &found.params)?;
        let request = request.called_by(caller, client(authorizer.as_ref()))?;
        request.check_query(found.path, parameters)?;
        let params = found.params.with_query(&request)?;
        let answer = handler(Call::new(engine, &request, &params, deadline));
        let answer = tokio::time::timeout_at(deadline.instant().into(), answer);
        answer.await.map_err(Failure::unavailable)??.into_event()
    };
    let (answered, tally) = tallied(caught(answered)).instrument(span).await;
    let answered = answered.unwrap_or_else(|panicked| Err(Failure::from(panicked).into()));
    let ended = answered.as_ref().map_or_else(Ended::from, |_| Ended::Done);
    call::Call::new(operation, began, ended).of_request(&request_id).log(&tally);
    answered.or_else(|problem| response::problem_event(&problem, &request_id))
}

/// Returns the response to a problem that occurred before an operation was found, for our own front ends.
///
/// # Errors
///
/// [`EventRefused`] if the problem cannot be written as JSON.
pub fn refuse(problem: &Problem, request_id: &str) -> Result<Value, EventRefused> {
    call::Call::new(UNROUTED, Instant::now(), problem).of_request(request_id).log(&Tally::default());
    response::problem_event(problem, request_id)
}

#[cfg(test)]
mod tests;
