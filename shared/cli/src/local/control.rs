//! The routes that only the local server has: to move the clock, run the schedule by hand, send to the queue over HTTP,
//! and list events.

use std::sync::LazyLock;
use std::time::Duration;

use regulars_api::http::{
    Answer, Call, Limit, Method, Operation, Parameter, Problem, ProblemCode, Route, Routes, Who, serve,
};
use regulars_api::raw_handler;
use regulars_application::authority::Authority;
use regulars_application::deadline::Deadline;
use regulars_application::event::EventRefused;
use serde::Deserialize;
use serde_json::Value;

use super::clock::{Instant, KeptClock};
use super::events::{EventsPage, Last, Publisher, Span};
use super::function::Function;
use super::{queue, run};

/// The query parameters of the list of events.
const EVENTS: [Parameter; 3] = [
    Parameter::once::<u64>("after", "The number of the last event that was read."),
    Parameter::once::<Limit>("last", "The number of events at the end of the list, in place of `after` and `limit`."),
    Parameter::once::<Limit>("limit", "The most events of a page."),
];

/// The rule for `last`, with the range of a page.
const LAST_RULE: &str = "must be a whole number from 1 to 100";

/// The data of the routes.
#[derive(Debug)]
pub(crate) struct Control {
    clock: KeptClock,
    /// The function that the daily schedule starts, if the template has a schedule.
    tier_evaluation: Option<Function>,
    /// The function that reads the queue, if the template has one.
    queue: Option<Function>,
    /// The function that sends events from the table's stream, if the template has one.
    publisher: Option<Publisher>,
}

/// The body of a request for a review.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Whether to review every account, not only those that are due.
    #[serde(default)]
    all: bool,
}

/// Any process on this machine may call: the port is on loopback.
const ANYONE: Who = Who::operator(&[]);

static ROUTES: LazyLock<Routes<Operation<Control>>> = LazyLock::new(|| {
    Routes::under(
        "/local",
        [
            Route::raw(Method::GET, "/clock", ANYONE, raw_handler!(read_clock)),
            Route::raw(Method::PUT, "/clock", ANYONE, raw_handler!(move_clock)),
            Route::raw(Method::GET, "/events", ANYONE, raw_handler!(list_events)).taking(&EVENTS),
            Route::raw(Method::POST, "/run/tier-evaluation", ANYONE, raw_handler!(run_tier_evaluation)),
            Route::raw(Method::POST, "/queue", ANYONE, raw_handler!(send_messages)),
        ],
    )
});

impl Control {
    pub(crate) fn new(
        clock: KeptClock,
        tier_evaluation: Option<Function>,
        queue: Option<Function>,
        publisher: Option<Publisher>,
    ) -> Self {
        Control { clock, tier_evaluation, queue, publisher }
    }

    /// Returns the methods and paths.
    pub(crate) fn routes() -> impl Iterator<Item = (&'static Method, &'static str)> {
        ROUTES.iter().map(|(method, path, _)| (method, path))
    }

    pub(crate) async fn handle(&self, event: Value) -> Result<Value, EventRefused> {
        // The daily review of a large table takes minutes.
        serve(event, self, &Authority::Trusted, &ROUTES, Deadline::after(Duration::MAX)).await
    }
}

async fn read_clock(Call { engine, .. }: Call<'_, Control>) -> Result<Answer<Instant>, Problem> {
    Ok(engine.clock.read())
}

async fn move_clock(Call { engine, request, .. }: Call<'_, Control>) -> Result<Answer<Instant>, Problem> {
    engine.clock.move_to(request)
}

async fn run_tier_evaluation(Call { engine, request, .. }: Call<'_, Control>) -> Result<Answer<run::Run>, Problem> {
    let Wanted { all } = request.json_body_or_default()?;
    let function = engine.tier_evaluation.as_ref().ok_or_else(|| Problem::fault("the template has no schedule"))?;
    let run = run::run(function, engine.clock.clock().now(), all).await.map_err(Problem::fault)?;
    Ok(Answer::ok(&run))
}

async fn send_messages(Call { engine, request, .. }: Call<'_, Control>) -> Result<Answer, Problem> {
    queue::send(engine.queue.as_ref(), request).await
}

async fn list_events(Call { engine, request, .. }: Call<'_, Control>) -> Result<Answer<EventsPage>, Problem> {
    let limit = request.limit()?;
    let after = request.query_as("after", "must be a whole number from 0, such as the `next` of the page before")?;
    let last: Option<Last> = request.query_as("last", LAST_RULE)?;
    let span = match (last, after) {
        (None, after) => Span::After { after: after.unwrap_or(0), limit },
        (Some(last), None) if request.query("limit").is_none() => Span::Last(last),
        (Some(_), _) => {
            let detail = "The query parameter `last` cannot be given with `after` or `limit`.";
            return Err(Problem::new(ProblemCode::QueryMalformed, detail));
        }
    };
    let publisher = engine.publisher.as_ref().ok_or_else(|| Problem::fault("no function reads the table's stream"))?;
    Ok(Answer::ok(&publisher.sent(span).await.map_err(Problem::fault)?))
}
