//! The routes that only the local server has, because only there an operator may move time, run the schedule by hand, or
//! send to a queue over HTTP.

use std::time::Duration;

use http::Method;
use regulars_api::http::{Answer, HttpRequest, Parameter, Problem, ProblemCode, Routes, serve};
use regulars_application::authority::Authority;
use regulars_application::deadline::Deadline;
use regulars_application::event::EventRefused;
use serde::Deserialize;
use serde_json::{Value, json};

use super::clock::KeptClock;
use super::function::Function;
use super::{queue, run};

/// What the list of events takes in its query.
const EVENTS: [Parameter; 2] = [Parameter::once("after"), Parameter::once("limit")];

/// What the routes work on.
#[derive(Debug)]
pub(crate) struct Control {
    clock: KeptClock,
    /// What the daily schedule starts, if the template has such a schedule.
    tier_evaluation: Option<Function>,
    /// What reads the queue, if the template has one.
    queue: Option<Function>,
    routes: Routes<Operation>,
}

/// What a run by hand looks at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Every account, and not only those that are due.
    #[serde(default)]
    all: bool,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    ReadClock,
    MoveClock,
    RunTierEvaluation,
    ListEvents,
    SendMessages,
}

impl Control {
    pub(crate) fn new(clock: KeptClock, tier_evaluation: Option<Function>, queue: Option<Function>) -> Self {
        let mut table = vec![
            (Method::GET, "/local/clock", Operation::ReadClock),
            (Method::PUT, "/local/clock", Operation::MoveClock),
            (Method::GET, "/local/events", Operation::ListEvents),
        ];
        if tier_evaluation.is_some() {
            table.push((Method::POST, "/local/run/tier-evaluation", Operation::RunTierEvaluation));
        }
        if queue.is_some() {
            table.push((Method::POST, "/local/queue", Operation::SendMessages));
        }
        let routes = Routes::new(table).taking(&Method::GET, "/local/events", &EVENTS);
        Control { clock, tier_evaluation, queue, routes }
    }

    /// Methods and paths.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (&Method, &str)> {
        self.routes.iter().map(|(method, path, _)| (method, path))
    }

    pub(crate) async fn handle(&self, event: Value) -> Result<Value, EventRefused> {
        // The daily review of a large table takes minutes.
        let deadline = Deadline::after(Duration::MAX);
        serve(event, Authority::Trusted, "regulars/local", &self.routes, deadline, |operation, request, _| async move {
            match operation {
                Operation::ReadClock => Ok(self.clock.read()),
                Operation::MoveClock => self.clock.move_to(&request),
                Operation::RunTierEvaluation => self.run_tier_evaluation(&request).await,
                Operation::ListEvents => list_events(&request),
                Operation::SendMessages => queue::send(self.queue.as_ref(), &request).await,
            }
        })
        .await
    }

    async fn run_tier_evaluation(&self, request: &HttpRequest) -> Result<Answer, Problem> {
        let Wanted { all } = request.json_body_or_default()?;
        let function = self.tier_evaluation.as_ref().ok_or_else(|| Problem::fault("the template has no schedule"))?;
        let run = run::run(function, self.clock.clock().now(), all).await.map_err(Problem::fault)?;
        Ok(Answer::ok(&run))
    }
}

/// No events leave the engine yet, so the list is empty and goes on where the caller is.
fn list_events(request: &HttpRequest) -> Result<Answer, Problem> {
    request.limit()?;
    let after: u64 = request.query("after").unwrap_or("0").parse().map_err(|_| {
        Problem::new(ProblemCode::CursorMalformed, "after is the number of the last event that was seen.")
    })?;
    Ok(Answer::ok(&json!({ "events": [], "next": after })))
}
