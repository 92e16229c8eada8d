//! The command line: its arguments, its output and its exit status.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, error::ErrorKind};
use jiff::Timestamp;
use regulars_domain::instant;
use tracing_subscriber::EnvFilter;

use crate::{
    events::{self, Events},
    ledger::{self, Rebuild, Verify},
    local::{self, Data, Options, StartFailed},
    token::{Grant, KEY_FILE, Key},
};

/// The exit status of a command that could not start, as for a usage error.
const NOT_STARTED: u8 = 2;

#[derive(Debug, Parser)]
#[command(name = "regulars", version, about = "The operator's command line of the Regulars loyalty engine")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole system on this machine
    Local(Local),
    /// Verify every ledger and compare every account with its entries
    ///
    /// Recomputes every hash. Exits with 0 if everything holds, with 1 and one line per fault otherwise, and with 2 if it could not
    /// run.
    Verify(Verify),
    /// Rebuild one account from its entries and show how the stored account differs
    ///
    /// Exits with 0 if nothing differs or the account was written, with 1 if something differs or the ledger is broken, and with 2 if
    /// it could not run.
    Rebuild(Rebuild),
    /// Send events again
    Events(Events),
    /// Print a token for a local server that was started with --auth; it is valid for 24 hours
    Token(Token),
}

#[derive(Debug, Args)]
struct Local {
    /// Port on the loopback interface; 0 chooses a free port
    #[arg(long, default_value = "8787", value_parser = port, allow_negative_numbers = true)]
    port: u16,

    /// File that stores the table, or `memory`
    #[arg(long, default_value = ".regulars/local.db", value_parser = data)]
    data: Data,

    /// Program document to publish as `demo` if the data has none; without it, a sample
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// Publish the program document as the next version if the data has another one
    #[arg(long, requires = "program")]
    publish: bool,

    /// Instant at which the clock starts; without it, the machine's clock
    #[arg(long, value_name = "RFC3339", value_parser = instant::read)]
    clock_at: Option<Timestamp>,

    /// Require tokens that are signed with the key in this file, which is created if it does not exist; see `regulars token`
    #[arg(long, value_name = "KEYFILE", num_args = 0..=1, default_missing_value = KEY_FILE)]
    auth: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Token {
    #[command(flatten)]
    grant: Grant,

    /// File with the signing key; only the default file is created if it does not exist
    #[arg(long, value_name = "KEYFILE", default_value = KEY_FILE)]
    key: PathBuf,
}

/// Reads the command line, runs the command, and returns the exit status.
pub async fn run() -> ExitCode {
    let command = match CommandLine::try_parse() {
        Ok(CommandLine { command }) => command,
        Err(error) => return usage(&error),
    };
    log_to_stderr();
    let done = match command {
        Command::Local(options) => run_local(options).await.map(|()| ExitCode::SUCCESS),
        Command::Verify(options) => ledger::verify(options).await,
        Command::Rebuild(options) => ledger::rebuild(options).await,
        Command::Events(options) => events::run(options).await,
        Command::Token(token) => print(&token),
    };
    match done {
        Ok(status) => status,
        Err(failure) => {
            // If standard error cannot be written either, only the exit status remains.
            let _ = writeln!(io::stderr(), "regulars: {failure}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

/// Answers a command line that asks for help or is invalid. An error is one line.
fn usage(error: &clap::Error) -> ExitCode {
    let asked =
        [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
    if asked.contains(&error.kind()) {
        error.exit();
    }
    // If standard error cannot be written either, only the exit status remains.
    let _ = writeln!(io::stderr(), "regulars: {}", one_line(&error.to_string()));
    ExitCode::from(NOT_STARTED)
}

/// Returns the error of `clap` in one line, without the usage.
fn one_line(text: &str) -> String {
    let is_end = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more information");
    let lines = text.lines().take_while(|line| !is_end(line)).map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> = lines.map(|line| line.trim_start_matches("error: ").trim_start_matches("tip: ")).collect();
    format!("{}; see --help", said.join("; ").replace(":; ", ": "))
}

/// Serves until Ctrl-C or SIGTERM.
async fn run_local(Local { port, data, program, publish, clock_at, auth }: Local) -> Result<(), StartFailed> {
    let stop = stop_signal()?;
    let running = local::start(Options { port, data, program, publish, clock_at, auth }).await?;
    // A closed standard output does not stop the server.
    let _ = writeln!(io::stdout(), "regulars is listening on {}\n{}", running.url(), running.greeting());
    stop.await;
    running.stop().await;
    Ok(())
}

/// Prints a token on a line of its own.
fn print(token: &Token) -> Result<ExitCode, StartFailed> {
    token.grant.check().map_err(StartFailed::new)?;
    // A name that was given by mistake would become a key that no server accepts.
    let is_default = token.key == Path::new(KEY_FILE);
    let key = if is_default { Key::open(&token.key) } else { Key::read(&token.key) };
    let key = key.map_err(StartFailed::new)?;
    let signed = key.signed(&token.grant).map_err(StartFailed::new)?;
    writeln!(io::stdout(), "{signed}").map_err(StartFailed::new)?;
    Ok(ExitCode::SUCCESS)
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "must be a whole number from 0 to 65535".to_owned())
}

fn data(text: &str) -> Result<Data, String> {
    match text {
        "" => Err("must be the name of a file, or memory".to_owned()),
        "memory" => Ok(Data::Memory),
        path => Ok(Data::File(PathBuf::from(path))),
    }
}

/// Returns a future that completes on Ctrl-C or SIGTERM. From now on, neither ends the process by itself.
fn stop_signal() -> Result<impl Future<Output = ()>, StartFailed> {
    use tokio::signal::unix::{SignalKind, signal};

    let cannot_listen = |error| StartFailed::new(format!("cannot listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_listen)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Logs warnings and errors to standard error; `RUST_LOG` overrides this. Warnings of the local DynamoDB are not
/// logged: it warns of every failed condition, and the store uses failed conditions to detect replays and races.
/// Neither are failures that the command itself reports: missing AWS settings, and calls to the event bus.
fn log_to_stderr() {
    let quiet = |_| EnvFilter::new("warn,dynoxide=error,aws_config=off,regulars_publish=error");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(quiet);
    tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "2026-01-01T00:00:00Z";

    fn local(arguments: &[&str]) -> Option<Local> {
        let line = ["regulars", "local"].iter().chain(arguments);
        match CommandLine::try_parse_from(line).ok()?.command {
            Command::Local(local) => Some(local),
            Command::Verify(_) | Command::Rebuild(_) | Command::Events(_) | Command::Token(_) => None,
        }
    }

    #[test]
    fn everything_has_a_default() {
        let local = local(&[]).unwrap();
        assert_eq!(local.port, 8787);
        assert_eq!(local.data, Data::File(PathBuf::from(".regulars/local.db")));
        assert_eq!((local.program, local.clock_at, local.auth), (None, None, None));
    }

    #[test]
    fn a_wrong_command_line_is_one_line() {
        for (arguments, expected) in [
            (
                &["local", "--port", "abc"][..],
                "invalid value 'abc' for '--port <PORT>': must be a whole number from 0 to 65535; see --help",
            ),
            (
                &["local", "--port", "-1"],
                "invalid value '-1' for '--port <PORT>': must be a whole number from 0 to 65535; see --help",
            ),
            (
                &["local", "--clock-at", "2026-11-21T10:00:00"],
                "invalid value '2026-11-21T10:00:00' for '--clock-at <RFC3339>': must have an offset after the time: Z for UTC, or \
                 one such as +03:00; see --help",
            ),
            (&["lokal"], "unrecognized subcommand 'lokal'; a similar subcommand exists: 'local'; see --help"),
            (&["token"], "the following required arguments were not provided: --scope <SCOPE>; see --help"),
            (
                &["verify"],
                "the following required arguments were not provided: <--data <FILE>|--table <NAME>>; see --help",
            ),
            (
                &["verify", "--endpoint", "http://localhost:8000"],
                "the following required arguments were not provided: <--data <FILE>|--table <NAME>>; see --help",
            ),
            (
                &["verify", "--data", "a", "--endpoint", "http://localhost:8000"],
                "the argument '--data <FILE>' cannot be used with '--endpoint <URL>'; see --help",
            ),
            (
                &["verify", "--data", "a", "--table", "b"],
                "the argument '--data <FILE>' cannot be used with '--table <NAME>'; see --help",
            ),
            (&["verify", "--table", ""], "a value is required for '--table <NAME>' but none was supplied; see --help"),
            (
                &["verify", "--table", "a", "--endpoint", "localhost:8000"],
                "invalid value 'localhost:8000' for '--endpoint <URL>': must be a URL with http or https, such as \
                 http://localhost:8000; see --help",
            ),
            (
                &["events", "replay", "--data", "a", "--from", FROM, "--to", "2027-01-01T00:00:00Z", "--bus", ""],
                "a value is required for '--bus <NAME>' but none was supplied; see --help",
            ),
            (
                &["local", "--publish"],
                "the following required arguments were not provided: --program <FILE>; see --help",
            ),
        ] {
            let error = CommandLine::try_parse_from(["regulars"].iter().chain(arguments)).unwrap_err();
            assert_eq!(one_line(&error.to_string()), expected, "{arguments:?}");
        }
    }

    #[test]
    fn arguments_are_read_and_checked() {
        assert_eq!(local(&["--data", "memory"]).unwrap().data, Data::Memory);
        assert_eq!(local(&["--port", "0"]).unwrap().port, 0);
        assert_eq!(local(&["--auth"]).unwrap().auth, Some(PathBuf::from(".regulars/local.key")));
        assert_eq!(local(&["--auth", "k", "--port", "0"]).unwrap().auth, Some(PathBuf::from("k")));
        let clock_at = local(&["--clock-at", "2026-11-21T16:05:00+03:00"]).unwrap().clock_at;
        assert_eq!(clock_at, Some("2026-11-21T13:05:00Z".parse().unwrap()));
        for wrong in [["--port", "65536"], ["--port", "x"], ["--clock-at", "2026-11-21"], ["--data", ""], ["--x", "1"]]
        {
            assert!(local(&wrong).is_none(), "{wrong:?}");
        }
    }
}
