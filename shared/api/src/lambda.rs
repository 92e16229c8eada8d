//! Runs a handler on Lambda, so that each function's `main` only names its handler.

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use regulars_application::caught::{self, caught};
use regulars_application::clock::Clock;
use regulars_application::deadline::Deadline;
use regulars_application::engine::Engine;
use regulars_application::event::EventRefused;
use regulars_application::settings::Settings;
use serde_json::Value;
use tracing_subscriber::EnvFilter;

/// Starts the engine from the environment and hands it every event until the platform ends the process.
///
/// # Errors
///
/// If a setting is missing or the runtime cannot be reached: the platform then reports that the function did not start.
pub async fn run<H>(handle: H) -> Result<(), Error>
where
    H: AsyncFn(&Engine, Value, Deadline) -> Result<Value, EventRefused>,
{
    log_as_json();
    caught::keep_panics_quiet();
    let settings = Settings::from_environment()?;
    let engine = Engine::start(&settings).await?;
    let (engine, handle) = (&engine, &handle);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline = Deadline::of_invocation(event.context.deadline, Clock::System.now());
        // HTTP requests have had their answer by then. This is for other events, and for what goes wrong on the way.
        let answer =
            tokio::time::timeout_at(deadline.instant().into(), Box::pin(handle(engine, event.payload, deadline)));
        let answer = caught(answer)
            .await
            .map_err(EventRefused::fault)
            .and_then(|in_time| in_time.map_err(EventRefused::fault)?);
        answer.map_err(Unanswered)
    }))
    .await
}

/// One JSON object a line, which `CloudWatch` Logs can query by field; `RUST_LOG` sets the level, `info` without it.
fn log_as_json() {
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt().json().flatten_event(true).with_target(false).with_env_filter(filter).init();
}

/// Gives the platform the refusal's stable name, by which a state machine decides what to retry. The message is logged
/// here, because nobody else sees it.
#[derive(Debug)]
struct Unanswered(EventRefused);

impl From<Unanswered> for Diagnostic {
    fn from(Unanswered(refused): Unanswered) -> Self {
        tracing::error!(cause = refused.to_string(), "{}", refused.name());
        Diagnostic { error_type: refused.name().to_owned(), error_message: refused.to_string() }
    }
}
