//! Batches over a fake engine: lanes, time limits, and a store that fails in the middle.

use std::cell::{Cell, RefCell};

use serde_json::json;

use super::*;

const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:earn";

fn plenty() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

/// Returns the record of a message that confirms `entry` of `member`.
fn record(member: &str, entry: &str) -> Value {
    let body = json!({
        "program": "demo", "member": member, "idempotency_key": entry, "confirmation": { "entry": entry }
    });
    json!({
        "messageId": format!("id-{entry}"), "body": body.to_string(), "attributes": {}, "messageAttributes": {},
        "eventSource": "aws:sqs", "eventSourceARN": QUEUE
    })
}

fn batch(records: &[Value]) -> Batch {
    Batch::read(json!({ "Records": records })).unwrap()
}

/// Processes `batch` with a store that does not answer for `broken`, and returns what started and what failed.
async fn run(batch: Batch, deadline: Deadline, broken: &[&str]) -> (Vec<String>, Vec<(String, &'static str)>) {
    let begun = RefCell::new(Vec::new());
    let failed = batch
        .work_through(deadline, |message| {
            let entry = message.keyed.entry.to_string();
            begun.borrow_mut().push(entry.clone());
            async move {
                tokio::task::yield_now().await;
                if broken.contains(&entry.as_str()) { Err(Failure::unavailable("on fire")) } else { Ok(()) }
            }
        })
        .await;
    (begun.into_inner(), failed.iter().map(|failed| (failed.message_id.clone(), failed.code())).collect())
}

#[tokio::test]
async fn a_store_that_fails_in_the_middle_fails_the_messages_it_failed_and_no_other() {
    let records: Vec<_> = (0..6).map(|number| record("m-1", &format!("c-{number}"))).collect();
    let (begun, failed) = run(batch(&records), plenty(), &["c-2", "c-3"]).await;
    assert_eq!(begun, ["c-0", "c-1", "c-2", "c-3", "c-4", "c-5"], "in the order of the batch");
    assert_eq!(failed, [("id-c-2".to_owned(), "store_unavailable"), ("id-c-3".to_owned(), "store_unavailable")]);
}

#[tokio::test]
async fn a_message_at_which_the_engine_panics_fails_alone() {
    let records: Vec<_> = (0..3).map(|number| record("m-1", &format!("c-{number}"))).collect();
    let failed = batch(&records)
        .work_through(plenty(), |message| async move {
            tokio::task::yield_now().await;
            assert!(message.keyed.entry.as_str() != "c-1", "the engine is broken");
            Ok(())
        })
        .await;
    let failed: Vec<_> = failed.iter().map(|failed| (failed.index, failed.code())).collect();
    assert_eq!(failed, [(1, "internal")]);
}

#[tokio::test]
async fn what_there_is_no_time_for_is_put_off_unbegun() {
    let records = [record("m-2", "c-1"), record("m-1", "c-2")];
    let (begun, failed) = run(batch(&records), Deadline::after(Duration::ZERO), &[]).await;
    assert_eq!(begun, [""; 0]);
    assert_eq!(failed, [("id-c-1".to_owned(), "out_of_time"), ("id-c-2".to_owned(), "out_of_time")]);
}

#[tokio::test]
async fn a_message_that_takes_longer_than_there_is_time_is_put_off() {
    let records = [record("m-1", "slow"), record("m-2", "c-2")];
    let failed = batch(&records)
        .work_through(Deadline::after(MESSAGE_TIME * 2), |message| async move {
            if message.keyed.entry.as_str() == "slow" {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
        .await;
    let failed: Vec<_> = failed.iter().map(|failed| (failed.index, failed.code())).collect();
    assert_eq!(failed, [(0, "out_of_time")]);
}

#[tokio::test]
async fn four_members_are_served_at_a_time_and_one_member_never_twice() {
    let records: Vec<_> = (0..20).map(|number| record(&format!("m-{}", number / 2), &format!("c-{number}"))).collect();
    let (running, most) = (RefCell::new(Vec::new()), Cell::new(0));
    let failed = batch(&records)
        .work_through(plenty(), |message| {
            let (running, most) = (&running, &most);
            async move {
                assert!(!running.borrow().contains(&message.member), "{}", message.member);
                running.borrow_mut().push(message.member.clone());
                most.set(most.get().max(running.borrow().len()));
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                running.borrow_mut().retain(|member| *member != message.member);
                Ok(())
            }
        })
        .await;
    assert!(failed.is_empty());
    assert_eq!(most.get(), 4);
}

#[test]
fn an_event_whose_failures_could_not_be_reported_is_refused() {
    let mut nameless = record("m-1", "c-1");
    nameless["messageId"] = json!("");
    let mut without = nameless.clone();
    without.as_object_mut().unwrap().remove("messageId");
    for records in [json!([nameless]), json!([without]), json!(7), json!(["c-1"]), json!({})] {
        let refused = Batch::read(json!({ "Records": records.clone() })).unwrap_err();
        assert_eq!(refused.name(), "EventUnreadable", "{records}");
    }
    assert_eq!(batch(&[]).len(), 0);
}
