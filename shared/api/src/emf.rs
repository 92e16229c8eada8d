//! A log line in the embedded metric format of `CloudWatch`: a JSON object whose member `_aws` names the members that are metrics.
//!
//! `CloudWatch` extracts the metrics from the line, so a function calls no service for them. There are two maintained libraries:
//! `metrics_cloudwatch_embedded` aggregates over a whole process, but the calls of a batch run concurrently; `metrique` writes the same
//! line as this file, but adds 36 crates to each function.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use regulars_application::call::METRICS;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Number, Value};
use tracing::field::{Field, Visit};

/// The fields of an event as one line.
#[derive(Debug)]
pub(crate) struct Line<'n> {
    namespace: &'n str,
    at: Timestamp,
    fields: Vec<(&'static str, Value)>,
}

/// The member `_aws`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'n> {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive<'n>>,
}

/// The metrics that have the same dimensions.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'n> {
    namespace: &'n str,
    /// One set of dimensions. An empty set is one metric over all calls.
    dimensions: [Vec<&'static str>; 1],
    metrics: Vec<Metric>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
}

impl<'n> Line<'n> {
    /// Returns a line without fields, with the namespace and the instant of its metrics.
    pub(crate) fn new(namespace: &'n str, at: Timestamp) -> Self {
        Self { namespace, at, fields: Vec::new() }
    }

    fn push(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.push((field.name(), value.into()));
    }

    /// Returns a directive for each dimension of the metrics that the line has.
    fn directives(&self) -> Vec<Directive<'n>> {
        let mut by_dimension = BTreeMap::<Option<&'static str>, Vec<Metric>>::new();
        for (name, dimension) in METRICS {
            if self.fields.iter().any(|(known, _)| *known == name) {
                by_dimension.entry(dimension).or_default().push(Metric { name });
            }
        }
        let directive = |(dimension, metrics): (Option<_>, _)| Directive {
            namespace: self.namespace,
            dimensions: [dimension.into_iter().collect()],
            metrics,
        };
        by_dimension.into_iter().map(directive).collect()
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (name, value) in &self.fields {
            members.serialize_entry(name, value)?;
        }
        let directives = self.directives();
        if !directives.is_empty() {
            let timestamp = self.at.as_millisecond();
            members.serialize_entry("_aws", &Metadata { timestamp, cloud_watch_metrics: directives })?;
        }
        members.end()
    }
}

impl Visit for Line<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // 1 rather than 1.0.
        let number = value.to_string().parse::<Number>();
        self.push(field, number.map_or(Value::Null, Value::Number));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format!("{value:?}"));
    }
}
