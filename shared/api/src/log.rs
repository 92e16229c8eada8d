//! The log of a function: lines of our own code from the configured level, and warnings of libraries.
//!
//! Finer lines of libraries contain requests: tokens, bodies, personal data. So a level never applies to them.

use std::fmt;

use regulars_application::{call, clock::Clock};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer, layer},
    layer::{Layer, SubscriberExt},
    registry,
    registry::LookupSpan,
};

use crate::emf;

/// The prefix of the targets of our own crates.
const OURS: &str = "regulars";

/// Returns a subscriber that writes the log of a function to its standard output.
pub fn to_stdout(namespace: &str, level: Level) -> impl Subscriber + Send + Sync {
    registry().with(lines(namespace, level, std::io::stdout))
}

/// Returns a layer that writes a log to `writer`: one JSON object per line, which `CloudWatch` Logs can query by field. The line of each call
/// ([`call::Call`]) is written at every level, and its metrics go to `namespace`.
pub fn lines<S, W>(namespace: &str, level: Level, writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let of_libraries = LevelFilter::from_level(level).min(LevelFilter::WARN);
    let filter = Targets::new().with_default(of_libraries).with_target(OURS, level);
    let filter = filter.with_target(call::TARGET, Level::INFO);
    let namespace = namespace.to_owned();
    let format = layer().json().flatten_event(true).with_target(false).with_span_list(false);
    format.map_event_format(|others| Lines { namespace, others }).with_writer(writer).with_filter(filter)
}

/// Writes the line of a call by itself, and all other lines as `others` does.
struct Lines<F> {
    namespace: String,
    others: F,
}

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != call::TARGET {
            return self.others.format_event(context, writer, event);
        }
        let mut line = emf::Line::new(&self.namespace, Clock::System.now());
        event.record(&mut line);
        writeln!(writer, "{}", serde_json::to_string(&line).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use jiff::Timestamp;
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
        with_default(registry().with(lines("Regulars/test", level, move || writer.clone())), || {
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

    #[test]
    fn the_line_of_a_call_is_written_at_every_level_and_says_which_of_its_fields_are_metrics() {
        for level in [Level::ERROR, Level::INFO] {
            let log = Kept::default();
            let writer = log.clone();
            with_default(registry().with(lines("Regulars/shop", level, move || writer.clone())), || {
                tracing::info!(target: call::TARGET, operation = "accrue", ms = 7_u64, reads = 1.5, writes = 5.0, Issued = 48_u64);
                tracing::info!(target: call::TARGET, outcome = "busy", Expired = 3_u64, Refusals = 1_u64, Held = None::<u64>);
                tracing::info!(target: call::TARGET, operation = "account", shard = 3_u16, done = true);
            });
            let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            let lines: Vec<_> = log.lines().collect();
            let of_then = |line: &str| {
                let line: Value = serde_json::from_str(line).unwrap();
                let at = Timestamp::from_millisecond(line["_aws"]["Timestamp"].as_i64().unwrap()).unwrap();
                assert!(Clock::System.now().duration_since(at).as_secs() < 60, "{line}");
                format!("\"_aws\":{{\"Timestamp\":{},\"CloudWatchMetrics\":[", at.as_millisecond())
            };
            assert_eq!(lines.len(), 3, "{level} {log}");
            let expected = format!(
                r#"{{"operation":"accrue","ms":7,"reads":1.5,"writes":5,"Issued":48,{}{{"Namespace":"Regulars/shop","Dimensions":[[]],"Metrics":[{{"Name":"Issued"}}]}}]}}}}"#,
                of_then(lines[0])
            );
            assert_eq!(lines[0], expected);
            let expected = format!(
                r#"{{"outcome":"busy","Expired":3,"Refusals":1,{}{{"Namespace":"Regulars/shop","Dimensions":[[]],"Metrics":[{{"Name":"Expired"}}]}},{{"Namespace":"Regulars/shop","Dimensions":[["outcome"]],"Metrics":[{{"Name":"Refusals"}}]}}]}}}}"#,
                of_then(lines[1])
            );
            assert_eq!(lines[1], expected);
            assert_eq!(lines[2], r#"{"operation":"account","shard":3,"done":true}"#);
        }
    }
}
