//! The metrics that the dashboard and the alarms in `template.yaml` name, and the log queries of the dashboard.

use std::{collections::BTreeMap, fs};

use serde_json::Value as Json;
use yaml_serde::Value;

/// The name of the stack.
const STACK: &str = "regulars";

/// A metric. The value of a dimension is `None` if the name is for all values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, Option<String>>,
}

/// The dashboard and the alarms.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The metrics on the dashboard.
    pub shown: Vec<Metric>,
    /// The metrics that alarms watch.
    pub alarming: Vec<Metric>,
    /// The log queries of the dashboard.
    pub queries: Vec<String>,
    /// The log groups of the functions, as a query names them.
    pub log_groups: Vec<String>,
}

impl Watched {
    /// Reads the template of this repository.
    ///
    /// # Panics
    ///
    /// The template does not have the expected shape, or a widget uses an id in an expression that it does not define.
    #[must_use]
    pub fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let template: Value = yaml_serde::from_str(&fs::read_to_string(path).expect("a template")).expect("YAML");
        let resources = template["Resources"].as_mapping().expect("resources");
        let of_type = |kind: &'static str| {
            let properties = resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
            properties.map(|(id, resource)| (id.as_str().expect("an id"), &resource["Properties"]))
        };
        let (_, dashboard) = of_type("AWS::CloudWatch::Dashboard").next().expect("a dashboard");
        let body: Json = serde_json::from_str(&resolved(&dashboard["DashboardBody"])).expect("a dashboard is JSON");
        let widgets = body["widgets"].as_array().expect("widgets");
        let of_kind = |kind: &'static str| {
            widgets.iter().filter(move |widget| widget["type"] == kind).map(|widget| &widget["properties"])
        };
        let log_groups = of_type("AWS::Serverless::Function").map(|(_, function)| {
            let Value::Tagged(group) = &function["LoggingConfig"]["LogGroup"] else { panic!("a log group") };
            format!("SOURCE '{}'", group.value.as_str().expect("the id of a log group"))
        });
        Self {
            shown: of_kind("metric").flat_map(of_widget).collect(),
            alarming: of_type("AWS::CloudWatch::Alarm").flat_map(|(_, alarm)| of_alarm(alarm)).collect(),
            queries: of_kind("log").map(|log| log["query"].as_str().expect("a query").to_owned()).collect(),
            log_groups: log_groups.collect(),
        }
    }
}

/// Returns the text of a value, with each reference replaced by its logical id.
fn resolved(value: &Value) -> String {
    let text = if let Value::Tagged(tagged) = value { tagged.value.as_str() } else { value.as_str() };
    let mut text = text.unwrap_or_else(|| panic!("a text, not {value:?}")).replace("${AWS::StackName}", STACK);
    while let Some((before, rest)) = text.split_once("${") {
        let (name, after) = rest.split_once('}').expect("a reference ends");
        text = format!("{before}{}{after}", name.trim_start_matches('!'));
    }
    text
}

fn of_alarm(alarm: &Value) -> Vec<Metric> {
    let metrics = alarm["Metrics"].as_sequence().into_iter().flatten();
    let metrics: Vec<_> = metrics.map(|one| &one["MetricStat"]["Metric"]).filter(|metric| !metric.is_null()).collect();
    let metrics = if metrics.is_empty() { vec![alarm] } else { metrics };
    let metric = |metric: &Value| {
        let dimensions = metric["Dimensions"].as_sequence().into_iter().flatten();
        let dimensions = dimensions.map(|one| (resolved(&one["Name"]), Some(resolved(&one["Value"]))));
        Metric {
            namespace: resolved(&metric["Namespace"]),
            name: resolved(&metric["MetricName"]),
            dimensions: dimensions.collect(),
        }
    };
    metrics.into_iter().map(metric).collect()
}

/// Returns the metrics of a widget, including those of its searches.
fn of_widget(widget: &Json) -> Vec<Metric> {
    let rows: Vec<_> =
        widget["metrics"].as_array().expect("metrics").iter().map(|row| row.as_array().expect("a row")).collect();
    let ids: Vec<_> = rows.iter().filter_map(|row| row.last()?.get("id")?.as_str()).collect();
    let mut metrics = Vec::new();
    for row in rows {
        if let Some(expression) = row[0].get("expression") {
            let expression = expression.as_str().expect("a text");
            match expression.strip_prefix("SEARCH(") {
                Some(search) => metrics.push(searched(search)),
                None => {
                    for operand in expression.split(" / ") {
                        assert!(ids.contains(&operand), "{widget} calculates with {operand}, which it does not have");
                    }
                }
            }
            continue;
        }
        let mut names = row.iter().map_while(Json::as_str).map(str::to_owned);
        let (namespace, name) = (names.next().expect("a namespace"), names.next().expect("a name"));
        let mut dimensions = BTreeMap::new();
        while let Some(dimension) = names.next() {
            dimensions.insert(dimension, Some(names.next().expect("the value of a dimension")));
        }
        metrics.push(Metric { namespace, name, dimensions });
    }
    metrics
}

/// Returns the metric of a search such as `'{"Regulars/regulars",outcome} MetricName="Faults"', 'Sum', 300)`.
fn searched(search: &str) -> Metric {
    let read = || {
        let (schema, rest) = search.strip_prefix("'{\"")?.split_once("} MetricName=\"")?;
        let (namespace, dimensions) = schema.split_once('"')?;
        let (name, _) = rest.split_once('"')?;
        let dimensions = dimensions.split(',').filter(|dimension| !dimension.is_empty());
        let dimensions = dimensions.map(|dimension| (dimension.to_owned(), None)).collect();
        Some(Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions })
    };
    read().unwrap_or_else(|| panic!("this search cannot be read: {search}"))
}
