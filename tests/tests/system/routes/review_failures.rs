//! Accounts that a review cannot bring up to date: each is named and counted in every run, and the others are reviewed.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_application::{deadline::Deadline, engine::Engine};
use regulars_cli::local::{TABLE, client_at};
use regulars_store::Store;
use regulars_tests::{
    rivals::beaten,
    system::{System, coffee_shop},
};
use serde_json::{Value, json};

const LATER: &str = "2027-12-01T03:00:00Z";

/// The key of an item.
fn key(part: &str, text: &str) -> (String, AttributeValue) {
    (part.to_owned(), AttributeValue::S(text.to_owned()))
}

fn run(system: &System, body: &Value) -> Value {
    system.client.post("/local/run/tier-evaluation", body).expect(200)
}

/// Returns a system in which points of three members have expired, without a review.
fn overdue() -> System {
    let system = System::start().unproven();
    for member in ["m-1", "m-2", "m-3"] {
        system.enroll(member);
    }
    system.move_clock(LATER);
    system
}

#[test]
fn an_account_that_cannot_be_read_is_named_run_after_run_while_the_others_are_reviewed() {
    let system = overdue();
    system.edit(("member#demo#m-2", "account"), "SET v = :v", Some(AttributeValue::S("x".to_owned())));
    for (body, reviewed, changed) in [(json!({}), 3, 2), (json!({}), 1, 0), (json!({ "all": true }), 3, 0)] {
        let run = run(&system, &body);
        assert_eq!((&run["reviewed"], &run["changed"]), (&json!(reviewed), &json!(changed)), "{run}");
        assert_eq!((&run["failed"], &run["conflicted"]), (&json!(1), &json!(0)), "{run}");
        assert_eq!(run["failed_accounts"], json!([{ "program": "demo", "member": "m-2" }]), "{run}");
    }
    for member in ["m-1", "m-3"] {
        assert_eq!(system.account(member)["balance"]["spendable"], 0, "{member}");
    }
}

#[test]
fn an_account_whose_rules_are_missing_is_named_while_those_of_other_programs_are_reviewed() {
    let system = overdue();
    let path = "/v1/programs/other";
    system.client.put(path, ("if-none-match", "*"), &coffee_shop()).expect(201);
    system.client.post(&format!("{path}/members"), &json!({ "member": "m-1" })).expect(201);
    system.move_clock("2029-01-01T03:00:00Z");
    for missing in ["version#000001", "head"] {
        system.block_on(async {
            let delete = client_at(&system.table_url()).delete_item().table_name(TABLE);
            let delete = delete.set_key(Some([key("pk", "program#other"), key("sk", missing)].into()));
            delete.send().await.unwrap();
        });
        system.engine().programs.forget(&"other".parse().unwrap());
        for body in [json!({}), json!({ "all": true })] {
            let run = run(&system, &body);
            assert_eq!(run["failed"], 1, "{run}");
            assert_eq!(run["failed_accounts"], json!([{ "program": "other", "member": "m-1" }]), "{run}");
        }
    }
    for member in ["m-1", "m-2", "m-3"] {
        assert_eq!(system.account(member)["balance"]["spendable"], 0, "{member}");
    }
}

/// Returns the function's final answer. If its last attempt is interrupted by the timeout, it returns no answer and is
/// called again, as by the state machine.
async fn insist(engine: &Engine, event: &Value) -> Value {
    for _ in 0..50 {
        let deadline = Deadline::after(Duration::from_secs(1));
        if let Ok(report) = regulars_tier_evaluation::handle(engine, event.clone(), deadline).await {
            return report;
        }
    }
    panic!("it never gives up on an account: {event}");
}

#[test]
fn an_account_that_others_keep_changing_is_named_and_the_next_run_reviews_it() {
    let system = overdue();
    let beaten = beaten(&system, "member#demo#m-2", LATER);
    let shard = Store::due_shard(&"m-2".parse().unwrap());
    for all in [false, true] {
        let mut conflicted = Vec::new();
        // In a run over all accounts, DynamoDB decides the segment of a member.
        for shard in if all { 0..256 } else { shard..shard + 1 } {
            let event = json!({ "shard": shard, "through": "2027-12-01", "all": all });
            let report = system.block_on(insist(&beaten, &event));
            assert_eq!(report["failed"], 0, "{report}");
            assert_eq!(report["conflicted"], report["conflicted_accounts"].as_array().unwrap().len(), "{report}");
            conflicted.extend(report["conflicted_accounts"].as_array().unwrap().iter().cloned());
        }
        assert_eq!(conflicted, [json!({ "program": "demo", "member": "m-2" })], "all: {all}");
    }
    let after = run(&system, &json!({}));
    // The other two were reviewed in the run over all accounts.
    assert_eq!((&after["reviewed"], &after["changed"], &after["conflicted"]), (&json!(1), &json!(1), &json!(0)));
}
