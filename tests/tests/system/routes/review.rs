//! The scheduled run as the state machine starts it: an event per shard. Reviews can safely start twice, stop in the
//! middle, be late, and run next to requests.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use regulars_application::{deadline::Deadline, engine::Engine};
use regulars_store::Store;
use regulars_tests::{
    event::{call, handle},
    system::{NOW, System, coffee_shop, member, purchase_at},
};
use serde_json::{Value, json};

/// The shard of these tests.
const SHARD: u16 = 7;
/// The day after the last day of the welcome points.
const DAY: &str = "2027-12-01";

/// Returns the first `count` members whose reviews are in the shard.
fn members(count: usize) -> Vec<String> {
    let ids = (0..).map(|number| format!("m-{number}"));
    ids.filter(|id| Store::due_shard(&id.parse().unwrap()) == SHARD).take(count).collect()
}

/// Returns a system in which points of `count` members of the shard have expired, without a review.
fn overdue(count: usize) -> (System, Vec<String>) {
    let system = System::start();
    let members = members(count);
    for member in &members {
        system.enroll(member);
    }
    system.move_clock("2027-12-01T03:00:00Z");
    (system, members)
}

/// Returns the function's answer for a page, with this much time left.
async fn page(engine: &Engine, cursor: &Value, time: Duration) -> Value {
    let event = json!({ "shard": SHARD, "through": DAY, "cursor": cursor });
    regulars_tier_evaluation::handle(engine, event, Deadline::after(time)).await.unwrap()
}

/// Reviews the shard to its end; returns how many members were reviewed, and how many of them changed.
async fn review(engine: &Engine) -> (u64, u64) {
    let (mut reviewed, mut changed, mut cursor) = (0, 0, Value::Null);
    loop {
        let page = page(engine, &cursor, Duration::from_mins(2)).await;
        assert_eq!(page["failed"], 0, "{page}");
        reviewed += page["reviewed"].as_u64().unwrap();
        changed += page["changed"].as_u64().unwrap();
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            return (reviewed, changed);
        }
    }
}

/// Asserts that the points of each member expired once.
#[track_caller]
fn assert_expired_once(system: &System, members: &[String]) {
    for member in members {
        let ledger = system.ledger(member);
        let expired = ledger.iter().filter(|entry| entry["id"] == "~expiry~2027-11-30" && entry["points"] == -25);
        assert_eq!(expired.count(), 1, "{member}: {ledger:?}");
        system.audit(member);
    }
}

#[test]
fn two_runs_at_once_review_everybody_once() {
    let (system, members) = overdue(12);
    let engine = system.engine();
    let (first, second) = system.block_on(async { tokio::join!(review(engine), review(engine)) });
    // Both find the due accounts, and one of them writes. The other one reads again, and finds nothing to do.
    assert!(first.0 + second.0 > 12, "they ran at once: {first:?} {second:?}");
    assert_expired_once(&system, &members);
    assert_eq!(system.block_on(review(engine)), (0, 0));
}

#[test]
fn a_run_that_is_killed_at_any_moment_is_finished_by_the_next() {
    let (system, members) = overdue(24);
    let engine = system.engine();
    let mut killed = 0;
    // Each attempt lives a step longer than the one before, and is then dropped.
    while system.block_on(killed_after(killed, review(engine))).is_none() {
        killed += 1;
        assert!(killed < 1_000, "it never gets to its end");
    }
    assert!(killed > 3, "it was killed {killed} times");
    assert_expired_once(&system, &members);
    assert_eq!(system.block_on(review(engine)), (0, 0));
}

/// Returns the result of `work`, unless it was polled `steps` times before.
async fn killed_after<T>(steps: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = steps;
    poll_fn(|context| match left.checked_sub(1) {
        None => Poll::Ready(None),
        Some(next) => {
            left = next;
            work.as_mut().poll(context).map(Some)
        }
    })
    .await
}

#[test]
fn purchases_that_overtake_a_review_find_the_points_expired_and_leave_it_nothing_to_do_twice() {
    let (system, members) = overdue(12);
    let engine = system.engine();
    let body = purchase_at("2027-12-01T03:00:00Z", 1_000);
    let purchases = async {
        // In reverse order, so that the two meet.
        for id in members.iter().rev() {
            let path = format!("{}/accruals", member(id));
            let headers = [("idempotency-key", "order-1")];
            let (status, answer) = call("earn", engine, ("POST", &path), &headers, &body).await;
            assert_eq!(status, 201, "{answer}");
        }
    };
    let ((reviewed, _), ()) = system.block_on(async { tokio::join!(review(engine), purchases) });
    assert!(reviewed > 0, "everybody was overtaken before the run began");
    assert_expired_once(&system, &members);
    for member in &members {
        assert_eq!(system.account(member)["balance"]["spendable"], 10, "what was bought, and nothing else");
    }
    assert_eq!(system.block_on(review(engine)), (0, 0));
}

#[test]
fn a_run_short_of_time_hands_back_where_it_was_and_goes_on_from_there() {
    let (system, members) = overdue(120);
    let engine = system.engine();
    // With less time than a page may take, a call does one page.
    let (mut cursor, mut pages) = (Value::Null, Vec::new());
    loop {
        let page = system.block_on(page(engine, &cursor, Duration::from_secs(9)));
        pages.push(page["reviewed"].as_u64().unwrap());
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(pages, [50, 50, 20]);
    assert_expired_once(&system, &members);
}

#[test]
fn days_that_were_missed_are_made_up_for_on_their_own_days() {
    let (system, members) = overdue(3);
    system.accrue(&members[0], "order-1", &purchase_at("2027-12-01T03:00:00Z", 1_000)).expect(201);
    system.move_clock("2029-03-05T03:00:00Z");
    let engine = system.engine();
    let through = |through: &str| {
        let event = json!({ "shard": SHARD, "through": through });
        let report = system.block_on(handle("tier-evaluation", engine, event)).unwrap();
        (report["reviewed"].clone(), report["changed"].clone())
    };
    // Five hundred runs were missed; one makes up for all of them.
    assert_eq!(through("2029-03-05"), (json!(3), json!(3)));
    assert_eq!(through("2029-03-05"), (json!(0), json!(0)));
    let days: Vec<Value> = system.ledger(&members[0]).iter().map(|entry| entry["occurred_at"].clone()).collect();
    let expected = ["2026-11-21T13:05:00Z", "2027-11-30T21:00:00Z", "2027-12-01T03:00:00Z", "2028-12-31T21:00:00Z"];
    assert_eq!(days, expected);
    assert_expired_once(&system, &members);
}

#[test]
fn a_member_who_does_nothing_is_told_that_a_level_will_be_lost() {
    let mut program = coffee_shop();
    program["tiers"]["notice_days"] = json!(60);
    let system = System::with(&program, NOW);
    let [id] = members(1).try_into().unwrap();
    system.enroll(&id);
    system.accrue(&id, "order-1", &purchase_at(NOW, 40_000)).expect(201);
    let notices = || {
        let entries = system.ledger(&id).into_iter();
        entries.filter(|entry| entry["kind"] == "tier_notice").map(|entry| entry["id"].clone()).collect::<Vec<_>>()
    };
    let notice = json!("~at-risk~2028-01-31");
    for (through, expected) in
        [("2027-12-01", vec![]), ("2027-12-02", vec![notice.clone()]), ("2027-12-03", vec![notice.clone()])]
    {
        system.move_clock(&format!("{through}T03:00:00Z"));
        let event = json!({ "shard": SHARD, "through": through });
        system.block_on(handle("tier-evaluation", system.engine(), event)).unwrap();
        assert_eq!(notices(), expected, "{through}");
    }
    let tier = system.client.get(&format!("{}/tier", member(&id))).expect(200);
    let detail = system.client.get(&format!("{}/entries/~at-risk~2028-01-31", member(&id))).expect(200);
    let at_risk =
        json!({ "level": "silver", "to": "bronze", "until": "2028-01-31", "missing": 300, "by": "2027-12-31" });
    assert_eq!(detail["at_risk"], at_risk, "{detail}");
    assert_eq!((&tier["id"], &tier["until"]), (&at_risk["level"], &at_risk["until"]));
    assert_eq!((&tier["keep"]["missing"], &tier["keep"]["by"]), (&at_risk["missing"], &at_risk["by"]));
    system.audit(&id);
}

#[test]
fn an_impossible_scheduled_event_is_refused_with_its_reason_and_nothing_is_done() {
    let mut program = coffee_shop();
    // A notice would make the member due a month earlier.
    program["points"]["expiry_notice_days"] = json!(0);
    let system = System::with(&program, NOW);
    let engine = system.engine();
    let [member] = members(1).try_into().unwrap();
    system.enroll(&member);
    // Due since December of 2027; a rejected run must not review it.
    system.move_clock("2028-02-01T03:00:00Z");
    let before = engine.store.meter().snapshot();
    let cursor = format!("2027-12-01#demo#{member}");
    for (event, reason) in [
        (json!({ "shard": 256, "through": "2028-02-01" }), "shard is 256, and shards are 0 to 255"),
        (json!({ "shard": -1, "through": "2028-02-01" }), "invalid value: integer, expected"),
        (json!({ "shard": "7", "through": "2028-02-01" }), "invalid type: string"),
        (json!({ "through": "2028-02-01" }), "missing field `shard`"),
        (json!({ "shard": 7 }), "missing field `through`"),
        (
            json!({ "shard": 7, "through": "2028-02-02" }),
            "through is 2028-02-02, and the latest date of any time zone is 2028-02-01",
        ),
        (json!({ "shard": 7, "through": "tomorrow" }), "failed to parse"),
        (json!({ "shard": 7, "through": "2028-02-30" }), "parsed date is not valid"),
        (json!({ "shard": 7, "through": null }), "invalid type: null"),
        (json!({ "shard": 7, "through": "2028-02-01", "cursor": "2027-12-01#demo" }), "the cursor does not come from"),
        (json!({ "shard": 7, "through": "2028-02-01", "cursor": "" }), "the cursor does not come from"),
        (
            json!({ "shard": 8, "through": "2028-02-01", "cursor": cursor }),
            "the cursor does not come from an earlier page of this shard",
        ),
        (
            json!({ "shard": 7, "through": "2027-11-30", "cursor": cursor }),
            "the cursor is at 2027-12-01, and the run goes through 2027-11-30",
        ),
        (json!({ "shard": 7, "through": "2028-02-01", "cursor": 5 }), "invalid type: integer"),
        (json!({ "shard": 7, "through": "2028-02-01", "page": 5 }), "unknown field `page`"),
        (json!("review"), "invalid type: string"),
    ] {
        let refused = system.block_on(handle("tier-evaluation", engine, event.clone())).unwrap_err();
        assert_eq!(refused.name(), "EventUnreadable", "{event}");
        assert!(refused.to_string().contains(reason), "{event}: {refused}");
    }
    assert_eq!(engine.store.meter().since(&before).round_trips, 0, "the table was not asked");
    // The cursor itself is valid in its own run, and the member at it is not reviewed again.
    let page = json!({ "shard": 7, "through": "2028-02-01", "cursor": cursor });
    let report = system.block_on(handle("tier-evaluation", engine, page)).unwrap();
    assert_eq!((&report["reviewed"], &report["cursor"]), (&json!(0), &Value::Null));
    // A run for a past day is smaller: no member was due by then.
    for (through, reviewed) in [("2027-11-30", 0), ("2027-12-01", 1), ("2027-11-30", 0), ("2028-02-01", 0)] {
        let event = json!({ "shard": 7, "through": through });
        let report = system.block_on(handle("tier-evaluation", engine, event)).unwrap();
        assert_eq!((&report["reviewed"], &report["changed"]), (&json!(reviewed), &json!(reviewed)), "{through}");
    }
    system.audit(&member);
}
