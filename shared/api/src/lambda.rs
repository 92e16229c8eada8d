//! Runs a handler on Lambda, so that each function's `main` only names its handler.

use std::time::Instant;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use regulars_application::alias_key::AliasKeySource;
use regulars_application::call::{Call, Ended};
use regulars_application::caught::{self, caught};
use regulars_application::clock::Clock;
use regulars_application::deadline::Deadline;
use regulars_application::engine::{self, Engine, SdkConfig};
use regulars_application::event::EventRefused;
use regulars_application::settings::{SettingFault, Settings};
use regulars_application::tally::Tally;
use serde_json::Value;
use tracing_subscriber::util::SubscriberInitExt;

use crate::log;

/// Starts the engine from the environment and passes it every event until the platform ends the process.
///
/// # Errors
///
/// A setting is missing, or the runtime cannot be reached: the platform then reports that the function did not start.
pub async fn run<H>(handle: H) -> Result<(), Error>
where
    H: AsyncFn(&Engine, Value, Deadline) -> Result<Value, EventRefused>,
{
    run_with(|_, _| Ok(AliasKeySource::absent()), handle).await
}

/// Like [`run`], for a function that uses aliases: `alias_key` returns the source of their key.
///
/// # Errors
///
/// Those of [`run`], and of `alias_key`.
pub async fn run_with<H>(
    alias_key: impl FnOnce(&SdkConfig, &Settings) -> Result<AliasKeySource, SettingFault>,
    handle: H,
) -> Result<(), Error>
where
    H: AsyncFn(&Engine, Value, Deadline) -> Result<Value, EventRefused>,
{
    let (settings, config) = start().await?;
    let alias_key = alias_key(&config, &settings)?;
    serve(&Engine::start(&settings, &config, alias_key).await?, handle).await
}

/// Like [`run`], for a function that uses something else than the engine, which `open` returns.
///
/// # Errors
///
/// Those of [`run`], and of `open`.
pub async fn run_over<W, H>(
    open: impl FnOnce(&SdkConfig, &Settings) -> Result<W, SettingFault>,
    handle: H,
) -> Result<(), Error>
where
    H: AsyncFn(&W, Value, Deadline) -> Result<Value, EventRefused>,
{
    let (settings, config) = start().await?;
    serve(&open(&config, &settings)?, handle).await
}

/// Reads the settings, opens the log, and returns the configuration of all AWS clients.
async fn start() -> Result<(Settings, SdkConfig), Error> {
    let settings = Settings::from_environment()?;
    log::to_stdout(&settings.metric_namespace, settings.log_level).init();
    caught::keep_panics_quiet();
    Ok((settings, engine::sdk_config().await))
}

/// Hands every event to `handle` until the platform ends the process.
async fn serve<W, H>(engine: &W, handle: H) -> Result<(), Error>
where
    H: AsyncFn(&W, Value, Deadline) -> Result<Value, EventRefused>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let began = Instant::now();
        let deadline = Deadline::of_invocation(event.context.deadline, Clock::System.now());
        // HTTP requests were already answered. This is for other events, and for errors outside of requests.
        let answer =
            tokio::time::timeout_at(deadline.instant().into(), Box::pin(handle(engine, event.payload, deadline)));
        let answer = caught(answer)
            .await
            .map_err(EventRefused::fault)
            .and_then(|in_time| in_time.map_err(EventRefused::fault)?);
        answer.map_err(|refused| {
            let ended = Ended::Failed(refused.name(), Some(refused.to_string()));
            Call::new("event", began, ended).of_request(&event.context.request_id).log(&Tally::default());
            Unanswered(refused)
        })
    }))
    .await
}

/// Gives the platform the error's stable name, by which a state machine decides what to retry.
#[derive(Debug)]
struct Unanswered(EventRefused);

impl From<Unanswered> for Diagnostic {
    fn from(Unanswered(refused): Unanswered) -> Self {
        Diagnostic { error_type: refused.name().to_owned(), error_message: refused.to_string() }
    }
}
