//! `/local/run/tier-evaluation`: runs the daily review now and to its end, like the schedule and its state machine.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use regulars_application::event::EventRefused;
use regulars_store::DUE_SHARDS;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::function::Function;

/// Maximum number of accounts of each kind that the answer names. It counts all of them.
const NAMED_MAX: usize = 100;

/// The result of a run.
#[derive(Debug, Default, Serialize, PartialEq)]
pub(crate) struct Run {
    shards: u16,
    reviewed: u64,
    changed: u64,
    conflicted: u64,
    failed: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conflicted_accounts: Vec<Account>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_accounts: Vec<Account>,
    seconds: f64,
}

/// An account that was not reviewed.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Account {
    program: String,
    member: String,
}

/// The function's answer for one page.
#[derive(Debug, Deserialize)]
struct Page {
    cursor: Option<Value>,
    reviewed: u64,
    changed: u64,
    conflicted: u64,
    failed: u64,
    conflicted_accounts: Vec<Account>,
    failed_accounts: Vec<Account>,
}

/// Reviews every account that is due, or `all` accounts, shard by shard, each until the function returns no cursor.
pub(crate) async fn run(tier_evaluation: &Function, now: Timestamp, all: bool) -> Result<Run, EventRefused> {
    let started = Instant::now();
    let through = latest_date(now);
    let mut run = Run { shards: DUE_SHARDS, ..Run::default() };
    for shard in 0..DUE_SHARDS {
        let mut cursor: Option<Value> = None;
        loop {
            let event = json!({ "shard": shard, "through": through, "cursor": cursor, "all": all });
            let page = tier_evaluation.call(event).await?;
            let page: Page = serde_json::from_value(page).map_err(EventRefused::fault)?;
            run.reviewed = run.reviewed.saturating_add(page.reviewed);
            run.changed = run.changed.saturating_add(page.changed);
            run.conflicted = run.conflicted.saturating_add(page.conflicted);
            run.failed = run.failed.saturating_add(page.failed);
            run.conflicted_accounts.extend(page.conflicted_accounts);
            run.conflicted_accounts.truncate(NAMED_MAX);
            run.failed_accounts.extend(page.failed_accounts);
            run.failed_accounts.truncate(NAMED_MAX);
            match page.cursor {
                None => break,
                next if next == cursor => {
                    return Err(EventRefused::fault(format!(
                        "shard {shard} makes no progress: the function returned the same cursor"
                    )));
                }
                next => cursor = next,
            }
        }
    }
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    run.seconds = Duration::from_millis(millis).as_secs_f64();
    Ok(run)
}

/// Returns the latest date of any time zone, so that the current day of every program is included.
fn latest_date(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::fixed(Offset::constant(14))).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn now() -> Timestamp {
        "2026-12-31T10:00:00Z".parse().unwrap()
    }

    fn function(answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Function {
        Function::new(Duration::from_secs(1), move |event, _| {
            let answer = answer(&event);
            async move { Ok(answer) }
        })
    }

    /// A page in which one account failed.
    fn page(cursor: &Value, shard: u64) -> Value {
        json!({
            "cursor": cursor, "reviewed": 3, "changed": 2, "conflicted": 1, "failed": 1, "conflicted_accounts": [],
            "failed_accounts": [{ "program": "demo", "member": format!("m-{shard}") }]
        })
    }

    #[tokio::test]
    async fn every_shard_is_reviewed_until_it_has_no_cursor() {
        let seen = std::sync::Arc::new(Mutex::new(Vec::new()));
        let calls = std::sync::Arc::clone(&seen);
        let run = run(
            &function(move |event| {
                calls.lock().unwrap().push(event.clone());
                let more = event["shard"] == 17 && event["cursor"] != "second";
                let cursor = if event["cursor"] == json!(null) { "first" } else { "second" };
                let cursor = if more { json!(cursor) } else { json!(null) };
                page(&cursor, event["shard"].as_u64().unwrap())
            }),
            now(),
            true,
        )
        .await
        .unwrap();
        assert_eq!((run.shards, run.reviewed, run.changed, run.conflicted), (256, 258 * 3, 258 * 2, 258));
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 258);
        assert_eq!(seen[19], json!({ "shard": 17, "through": "2027-01-01", "cursor": "second", "all": true }));
        assert_eq!((run.failed, run.failed_accounts.len(), run.conflicted_accounts.len()), (258, NAMED_MAX, 0));
        assert_eq!(run.failed_accounts[1], Account { program: "demo".to_owned(), member: "m-1".to_owned() });
    }

    #[tokio::test]
    async fn a_shard_that_does_not_go_on_is_a_fault_and_not_an_endless_run() {
        let stuck = function(|_| page(&json!("same"), 0));
        assert!(matches!(run(&stuck, now(), false).await, Err(EventRefused::Fault(_))));
    }

    #[tokio::test]
    async fn an_answer_that_is_no_page_is_a_fault() {
        assert!(matches!(run(&function(|_| json!({})), now(), false).await, Err(EventRefused::Fault(_))));
    }
}
