//! The log line of each call: one line per call, its size, its ids, and the metrics that the dashboard and the alarms name.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_tests::{
    bus::KeptBus,
    dashboard::{Metric, Watched},
    event::{FUNCTIONS, answered, batch, operations},
    rivals::beaten,
    system::{NOW, System},
};
use serde_json::{Value, json};

use crate::canary::{
    requests::{Request, program, purchase, story},
    watch::{LEVELS, NAMESPACE, Watch, logged},
};

/// The maximum size of the line of a successful call, for a stack whose name is as long as `regulars`.
const BYTES_MAX: usize = 300;

/// Returns an id of the form that API Gateway uses.
fn request_id(number: usize) -> String {
    format!("JKJaXmPL{number:07}=")
}

/// Returns the lines of calls that this thread has written at a level, each with its size in bytes.
pub(crate) fn lines(at: usize) -> Vec<(Value, usize)> {
    let all = logged(at);
    let lines = all.lines().map(|line| (serde_json::from_str::<Value>(line).unwrap(), line.len() + 1));
    lines.filter(|(line, _)| line.get("outcome").is_some()).collect()
}

/// Sends a request with an id to its function, and returns status and body of the answer.
fn ask(watch: &Watch, request: &Request, id: &str) -> (u64, Value) {
    let mut event = request.event();
    event["requestContext"]["requestId"] = json!(id);
    answered(&watch.hand(request.function, event).unwrap())
}

fn with_owners() -> (System, Watch) {
    let system = System::with(&program(), NOW);
    let watch = Watch::over(&system);
    for member in ["other", "kanarya-3"] {
        let body = json!({ "member": member });
        assert_eq!(ask(&watch, &Request::new("enroll", "POST", "/members", body), "start").0, 201);
    }
    (system, watch)
}

#[test]
fn each_call_writes_one_short_line_by_which_its_request_id_is_found() {
    let (_system, watch) = with_owners();
    let before = lines(2).len();
    let mut asked = Vec::new();
    for (number, request) in story().iter().chain(&story()).enumerate() {
        let id = request_id(number);
        let (status, body) = ask(&watch, request, &id);
        asked.push((id, status, body, request.clone()));
    }
    let lines = &lines(2)[before..];
    assert_eq!(lines.len(), asked.len(), "each request writes one line");
    let (mut operations_seen, mut longest) = (BTreeSet::new(), (0, Value::Null));
    for ((line, bytes), (id, status, body, request)) in lines.iter().zip(&asked) {
        assert_eq!(line["request_id"], json!(id), "{request:?}");
        for number in ["ms", "reads", "writes"] {
            assert!(line[number].is_number(), "{number}: {line}");
        }
        if *status < 300 {
            assert!(["ok", "replayed"].contains(&line["outcome"].as_str().unwrap()), "{line}");
            operations_seen.insert(line["operation"].as_str().unwrap().to_owned());
            let personal = ["kanarya", "other"].iter().any(|member| line.to_string().contains(member));
            assert!(!personal, "the line of a call that succeeded names a member: {line}");
            if *bytes > longest.0 {
                longest = (*bytes, line.clone());
            }
        } else {
            // The id in the problem document finds the line.
            assert_eq!((&body["request_id"], &body["code"]), (&line["request_id"], &line["outcome"]), "{line}");
        }
    }
    println!("the longest line of a call that succeeded has {} bytes: {}", longest.0, longest.1);
    assert!(longest.0 <= BYTES_MAX, "{} bytes: {}", longest.0, longest.1);
    // The documents that machines read are in no story: they touch neither the table nor a member.
    let known = FUNCTIONS.into_iter().flat_map(operations).filter(|name| !name.starts_with("contract::"));
    let known: BTreeSet<_> = known.map(str::to_owned).collect();
    assert_eq!(operations_seen, known, "each operation has a name of its own, and succeeds once");
    assert!(lines.iter().any(|(line, _)| line["outcome"] == "replayed" && line["Replays"] == 1));
}

#[test]
fn a_line_counts_what_its_call_did_and_what_the_table_charged() {
    let (_system, watch) = with_owners();
    let accrual = |amount, key| {
        Request::new("earn", "POST", "/members/{member}/accruals", purchase(amount)).about("other").under(key)
    };
    let line = |request: &Request| {
        ask(&watch, request, "id");
        lines(2).pop().unwrap().0
    };
    for (request, outcome, reads, writes, counted) in [
        (accrual(10_000, "a-1"), "ok", 1.0, 7.0, json!({ "Issued": 101 })),
        (accrual(10_000, "a-1"), "replayed", 1.0, 0.0, json!({ "Replays": 1 })),
        (accrual(20_000, "a-1"), "idempotency_key_reused", 1.0, 0.0, json!({ "Refusals": 1 })),
    ] {
        let line = line(&request);
        let fields = line.as_object().unwrap().iter();
        let found: Value = fields
            .filter(|(name, _)| name.starts_with(char::is_uppercase))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!((line["outcome"].as_str().unwrap(), &found), (outcome, &counted), "{line}");
        assert_eq!((line["reads"].as_f64(), line["writes"].as_f64()), (Some(reads), Some(writes)), "{line}");
    }
}

#[test]
fn the_messages_of_a_batch_write_a_line_each_at_every_level() {
    let (_system, watch) = with_owners();
    let message = |member: &str, key: &str| json!({ "program": "demo", "member": member, "idempotency_key": key, "accrual": purchase(1_000) });
    let before: Vec<_> = (0..LEVELS.len()).map(|at| lines(at).len()).collect();
    let messages =
        [message("other", "q-1"), message("other", "q-1"), message("nobody", "q-2"), json!("x"), message("other", "~")];
    watch.hand("earn", batch(&messages)).unwrap();
    for (at, before) in before.into_iter().enumerate() {
        let mut told: Vec<_> = lines(at)[before..]
            .iter()
            .map(|(line, _)| {
                let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                (text("message_id"), text("operation"), text("outcome"), line.get("MessagesRefused").is_some())
            })
            .collect();
        told.sort();
        let expected = [
            ("message-0", "queue::accrue", "ok", false),
            ("message-1", "queue::accrue", "replayed", false),
            ("message-2", "queue::accrue", "member_not_found", false),
            ("message-3", "queue::unreadable", "body_malformed", true),
            ("message-4", "queue::unreadable", "body_malformed", true),
        ];
        assert_eq!(
            told,
            expected.map(|(id, operation, outcome, is_for_a_person)| {
                (id.to_owned(), operation.to_owned(), outcome.to_owned(), is_for_a_person)
            })
        );
    }
}

/// Returns the metrics in the lines of calls.
fn embedded(lines: &[(Value, usize)]) -> BTreeSet<Metric> {
    let mut metrics = BTreeSet::new();
    for (line, _) in lines {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                assert!(line[name].is_number(), "{name} of {line}");
                for set in directive["Dimensions"].as_array().unwrap() {
                    let text = |value: &Value| value.as_str().unwrap().to_owned();
                    let dimensions =
                        set.as_array().unwrap().iter().map(|key| (text(key), Some(text(&line[text(key)]))));
                    let namespace = text(&directive["Namespace"]);
                    metrics.insert(Metric { namespace, name: name.to_owned(), dimensions: dimensions.collect() });
                }
            }
        }
    }
    metrics
}

/// The metrics of AWS services that the dashboard may name, with their dimensions.
const OF_AWS: [(&str, &str, &[&str]); 16] = [
    ("AWS/ApiGateway", "Count", &["ApiId", "Stage"]),
    ("AWS/ApiGateway", "Latency", &["ApiId", "Stage"]),
    ("AWS/ApiGateway", "4xx", &["ApiId", "Stage"]),
    ("AWS/ApiGateway", "5xx", &["ApiId", "Stage"]),
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits", &["TableName"]),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", &["TableName"]),
    ("AWS/DynamoDB", "ReadThrottleEvents", &["TableName"]),
    ("AWS/DynamoDB", "WriteThrottleEvents", &["TableName"]),
    ("AWS/Lambda", "Duration", &["FunctionName"]),
    ("AWS/Lambda", "Errors", &["FunctionName"]),
    ("AWS/Lambda", "IteratorAge", &["FunctionName"]),
    ("AWS/Lambda", "Throttles", &["FunctionName"]),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", &["QueueName"]),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", &["QueueName"]),
    ("AWS/States", "ExecutionsFailed", &["StateMachineArn"]),
    ("AWS/States", "ExecutionsSucceeded", &["StateMachineArn"]),
];

/// The metric of the metric filter on the API's access log.
const OF_THE_API_LOG: &str = "CallersRefused";

#[test]
fn the_dashboard_and_the_alarms_name_metrics_that_the_functions_write() {
    everything_that_is_counted_happens_once();
    let lines = lines(2);
    let written = embedded(&lines);
    let Watched { shown, alarming, queries, log_groups } = Watched::read();
    let is_ours = |metric: &&Metric| metric.namespace == NAMESPACE;
    for metric in shown.iter().chain(&alarming).filter(is_ours) {
        let is_it = |written: &&Metric| {
            let dimensions = || metric.dimensions.iter().zip(&written.dimensions);
            written.name == metric.name
                && written.dimensions.keys().eq(metric.dimensions.keys())
                && dimensions().all(|((_, wanted), (_, found))| wanted.is_none() || wanted == found)
        };
        let is_counted_elsewhere = metric.name == OF_THE_API_LOG && metric.dimensions.is_empty();
        assert!(is_counted_elsewhere || written.iter().any(|written| is_it(&written)), "nothing writes {metric:?}");
    }
    for metric in shown.iter().filter(|metric| !is_ours(metric)) {
        let mut dimensions: Vec<_> = metric.dimensions.keys().map(String::as_str).collect();
        dimensions.retain(|dimension| *dimension != "GlobalSecondaryIndexName");
        let known = (metric.namespace.as_str(), metric.name.as_str(), dimensions.as_slice());
        assert!(OF_AWS.contains(&known), "AWS has no metric {metric:?}");
    }
    for metric in &written {
        assert_eq!(metric.namespace, NAMESPACE);
        let is_shown = shown.iter().any(|shown| shown.name == metric.name);
        assert!(is_shown, "the dashboard does not show {metric:?}");
    }
    assert_queries_name_fields(&queries, &log_groups, &lines);
}

/// Asserts that the queries read the logs of all functions and name only fields that lines have.
fn assert_queries_name_fields(queries: &[String], log_groups: &[String], lines: &[(Value, usize)]) {
    let fields: BTreeSet<&str> =
        lines.iter().flat_map(|(line, _)| line.as_object().unwrap().keys().map(String::as_str)).collect();
    let words = [
        "filter",
        "ispresent",
        "fields",
        "stats",
        "count",
        "avg",
        "pct",
        "as",
        "by",
        "sort",
        "desc",
        "limit",
        "@timestamp",
    ];
    assert!(!queries.is_empty());
    for query in queries {
        let (sources, rest): (Vec<_>, Vec<_>) = query.split(" | ").partition(|part| part.starts_with("SOURCE "));
        let sources: BTreeSet<_> = sources.into_iter().collect();
        assert_eq!(sources, log_groups.iter().map(String::as_str).collect(), "{query}");
        let rest = rest.join(" | ");
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '@';
        let tokens: Vec<_> = rest.split(|c| !is_word(c)).filter(|token| !token.is_empty()).collect();
        let made: Vec<_> = tokens.windows(2).filter(|pair| pair[0] == "as").map(|pair| pair[1]).collect();
        for token in tokens.iter().filter(|token| !token.starts_with(|c: char| c.is_ascii_digit())) {
            let is_known = words.contains(token) || made.contains(token) || fields.contains(token);
            assert!(is_known, "no line has the field {token} of {rest}");
        }
    }
}

/// Makes the functions write each metric at least once.
fn everything_that_is_counted_happens_once() {
    let system = System::with(&program(), NOW).unproven();
    let watch = Watch::over(&system);
    for member in ["other", "kanarya-3", "late", "beaten", "poor"] {
        let enrollment = Request::new("enroll", "POST", "/members", json!({ "member": member }));
        assert_eq!(watch.send(&enrollment).0, 201);
    }
    for request in story().iter().chain(&story()) {
        watch.send(request);
    }
    // The codes that the dashboard names.
    for (member, reward, code) in [
        ("poor", "free-coffee", "insufficient_points"),
        ("kanarya-1", "mug", "reward_out_of_stock"),
        ("kanarya-1", "free-coffee", "reward_limit_reached"),
    ] {
        let redeemed = |number| {
            let request = Request::new("redeem", "POST", "/members/{member}/redemptions", json!({ "reward": reward }));
            watch.send(&request.about(member).under(&format!("{code}-{number}"))).1["code"] == code
        };
        assert!((0..5).any(redeemed), "{code}");
    }
    // A race that is lost each time.
    let beaten = beaten(&system, "member#demo#beaten", NOW);
    let accrual =
        Request::new("earn", "POST", "/members/{member}/accruals", purchase(1_000)).about("beaten").under("b-1");
    assert!((0..20).any(|_| watch.send_to(&beaten, &accrual).1["code"] == "busy"));
    watch.hand("earn", batch(&[json!("no message")])).unwrap();
    // A bus that takes nothing.
    let entries = serde_json::from_str(include_str!("../../../events/publish-stream.json")).unwrap();
    let published = watch.publish(&KeptBus::failing(100, 0), entries).unwrap();
    assert_eq!(published["batchItemFailures"].as_array().unwrap().len(), 1, "{published}");
    // Points expire, and an account is broken.
    let wrong = AttributeValue::S("x".to_owned());
    system.edit(("member#demo#late", "account"), "SET v = :v", Some(wrong));
    let broken = Request::new("account", "GET", "/members/{member}", Value::Null).about("late");
    assert_eq!(watch.send(&broken).1["code"], "internal");
    system.move_clock("2029-02-13T12:00:00Z");
    for shard in 0..256 {
        watch.hand("tier-evaluation", json!({ "shard": shard, "through": "2029-02-13", "all": true })).unwrap();
    }
}
