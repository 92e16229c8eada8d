//! The log of a function: lines of our own code from the configured level, and warnings of libraries.
//!
//! Finer lines of libraries contain requests: tokens, bodies, personal data. So a level never applies to them.

use tracing::{Level, Subscriber};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::{Layer, SubscriberExt},
    registry,
    registry::LookupSpan,
};

/// The prefix of the targets of our own crates.
const OURS: &str = "regulars";

/// Returns a subscriber that writes the log of a function to its standard output.
pub fn to_stdout(level: Level) -> impl Subscriber + Send + Sync {
    registry().with(lines(level, std::io::stdout))
}

/// Returns a layer that writes a log to `writer`: one JSON object per line, which `CloudWatch` Logs can query by field.
pub fn lines<S, W>(level: Level, writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let of_libraries = LevelFilter::from_level(level).min(LevelFilter::WARN);
    let filter = Targets::new().with_default(of_libraries).with_target(OURS, level);
    fmt::layer().json().flatten_event(true).with_target(false).with_writer(writer).with_filter(filter)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use serde_json::Value;
    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the messages that are written for one line of each level, of our own code and of a library.
    fn written(level: Level) -> Vec<String> {
        let log = Kept::default();
        let writer = log.clone();
        with_default(registry().with(lines(level, move || writer.clone())), || {
            tracing::error!(target: "regulars_earn::queue", "our error");
            tracing::info!(target: "regulars_earn::queue", "our info");
            tracing::trace!(target: "regulars_earn::queue", "our trace");
            tracing::error!(target: "hyper::client", "a library's error");
            tracing::warn!(target: "hyper::client", "a library's warning");
            tracing::info!(target: "hyper::client", "a library's info");
            tracing::trace!(target: "aws_smithy_runtime::client", "a library's trace");
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let message = |line: &str| serde_json::from_str::<Value>(line).unwrap()["message"].as_str().unwrap().to_owned();
        log.lines().map(message).collect()
    }

    #[test]
    fn the_level_is_that_of_our_own_code_and_libraries_write_warnings_at_most() {
        let warnings = ["a library's error", "a library's warning"];
        for (level, ours, theirs) in [
            (Level::ERROR, &["our error"][..], &warnings[..1]),
            (Level::WARN, &["our error"], &warnings),
            (Level::INFO, &["our error", "our info"], &warnings),
            (Level::DEBUG, &["our error", "our info"], &warnings),
            (Level::TRACE, &["our error", "our info", "our trace"], &warnings),
        ] {
            assert_eq!(written(level), [ours, theirs].concat(), "{level}");
        }
    }
}
