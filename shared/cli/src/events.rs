//! `regulars events replay`: sends the events of a time span again from the table, with the same ids.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use regulars_application::deadline::Deadline;
use regulars_domain::{id::ProgramId, instant};
use regulars_publish::{Bus, Event, EventBridge, Putting, Refused, Unsent, send};
use regulars_store::{Store, Written};

use crate::aws;
use crate::local::StartFailed;
use crate::table::{Opened, Where, no_program, short, unread};

/// The time limit for the events of one page of the table: more than the bus needs for a megabyte of entries.
const PAGE_TIME: Duration = Duration::from_mins(10);

/// The arguments of `regulars events`.
#[derive(Debug, Args)]
pub struct Events {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send the events of a time span again
    ///
    /// Reads the entries and the published versions of the span from the table and sends the same events as before, with the same ids,
    /// in no particular order. Without --bus, prints them as JSON lines. Exits with 0 if all events were sent, with 1 and one line
    /// per failure otherwise, and with 2 if it could not run.
    Replay(Replay),
}

/// The arguments of `regulars events replay`.
#[derive(Debug, Args)]
struct Replay {
    #[command(flatten)]
    table: Where,

    #[command(flatten)]
    span: Span,

    /// Name or ARN of the EventBridge bus; without it, the events are printed as JSON lines
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    bus: Option<String>,
}

/// The events to send again.
#[derive(Clone, Debug, Args)]
pub struct Span {
    /// Send events of entries posted at this instant or later
    #[arg(long, value_name = "RFC3339", value_parser = instant::read)]
    pub from: Timestamp,

    /// Send events of entries posted before this instant
    #[arg(long, value_name = "RFC3339", value_parser = instant::read)]
    pub to: Timestamp,

    /// Send the events of this program only
    #[arg(long, value_name = "ID")]
    pub program: Option<ProgramId>,
}

/// The result of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The number of events that the bus accepted.
    pub sent: u64,
    /// The number of items that could not be read and of events that the bus rejected.
    pub failed: u64,
}

/// A bus that prints events as JSON lines.
#[derive(Debug)]
struct Lines;

impl Bus for Lines {
    fn put<'a>(&'a self, events: &'a [Event]) -> Putting<'a> {
        Box::pin(async {
            let mut out = io::stdout().lock();
            let mut print = |event: &Event| writeln!(out, "{}", event.json);
            let refused = |error: io::Error| Refused(format!("not_written ({error})"));
            Ok(events.iter().map(|event| print(event).map_err(refused)).collect())
        })
    }
}

/// Runs the subcommand, and returns the exit status.
///
/// # Errors
///
/// [`StartFailed`] if the table cannot be read or has no such program, or the bus cannot be reached.
pub async fn run(Events { command: Command::Replay(options) }: Events) -> Result<ExitCode, StartFailed> {
    let Replay { table, span, bus } = options;
    if span.from >= span.to {
        return Err(StartFailed::new("--from must be earlier than --to"));
    }
    let bus: Box<dyn Bus> = match bus {
        Some(name) => Box::new(EventBridge::new(&aws::config().await?, name)),
        None => Box::new(Lines),
    };
    let opened = table.open().await?;
    let done = replay_from(&opened, &span, &*bus).await;
    opened.close().await;
    let Replayed { sent, failed } = done?;
    if failed == 0 {
        say(&format!("{sent} events were sent again"));
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{sent} events were sent again, {failed} were not"));
    Ok(ExitCode::from(1))
}

/// Sends the events of `span` again if the table has its program.
async fn replay_from(opened: &Opened, span: &Span, bus: &dyn Bus) -> Result<Replayed, StartFailed> {
    if let Some(program) = &span.program {
        let heads = opened.store.program_heads(program).await.map_err(|fault| unread(&fault))?;
        heads.ok_or_else(|| no_program(program))?;
    }
    let progress = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    let done = replay(&opened.store, span, bus, &mut |failure| say(failure), &progress).await;
    progress.finish_and_clear();
    done
}

/// Sends the events of `span` again, and reports each failure. Reads the whole table.
///
/// # Errors
///
/// [`StartFailed`] if the table cannot be read, or the call to the bus for the first event fails.
pub async fn replay(
    store: &Store,
    span: &Span,
    bus: &dyn Bus,
    tell: &mut (dyn FnMut(&str) + Send),
    progress: &ProgressBar,
) -> Result<Replayed, StartFailed> {
    let mut replayed = Replayed::default();
    let mut after = None;
    let mut is_reached = false;
    loop {
        let page = store.written(after).await.map_err(|fault| unread(&fault))?;
        let mut events = Vec::new();
        for written in page.written {
            match written {
                Ok(written) if span.has(&written) => events.push(Event::of(&written)),
                Ok(_) => {}
                Err(fault) => {
                    replayed.failed = replayed.failed.saturating_add(1);
                    tell(&format!("an item cannot be read: {fault:?}"));
                }
            }
        }
        // The first event goes alone, so that a bus that cannot be reached is reported once and not for each event.
        let (first, rest) = events.split_at(usize::from(!is_reached).min(events.len()));
        let mut unsent = send(bus, first, Deadline::after(PAGE_TIME)).await;
        if let Some(cause) = unsent.iter().find_map(|unsent| unsent.cause.as_deref()) {
            return Err(StartFailed::new(format!(
                "the event bus cannot be reached: {}; check its name, and the region and the credentials of the environment",
                short(cause)
            )));
        }
        is_reached |= !first.is_empty();
        let behind = |unsent: Unsent| Unsent { index: unsent.index.saturating_add(first.len()), ..unsent };
        unsent.extend(send(bus, rest, Deadline::after(PAGE_TIME)).await.into_iter().map(behind));
        for Unsent { index, code, cause } in &unsent {
            let id = events.get(*index).map(|event| event.id.as_str()).unwrap_or_default();
            let cause = cause.as_deref().map(|cause| format!(": {}", short(cause))).unwrap_or_default();
            tell(&format!("{id}: not sent ({code}{cause})"));
        }
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        replayed.sent = replayed.sent.saturating_add(count(events.len().saturating_sub(unsent.len())));
        replayed.failed = replayed.failed.saturating_add(count(unsent.len()));
        progress.set_message(format!("{} events sent", replayed.sent));
        progress.tick();
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(replayed),
        }
    }
}

impl Span {
    fn has(&self, written: &Written) -> bool {
        (self.from..self.to).contains(&written.written_at())
            && self.program.as_ref().is_none_or(|program| program == written.program())
    }
}

/// Prints a line on standard error, because standard output may have the events.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
