//! The run over all accounts: applies new rules to all members.

use regulars_tests::{
    event::handle,
    system::{DEMO, System, coffee_shop, purchase},
};
use serde_json::{Value, json};

fn run(system: &System, body: &Value) -> Value {
    system.client.post("/local/run/tier-evaluation", body).expect(200)
}

fn counts(run: &Value) -> (u64, u64, u64) {
    let [reviewed, changed, failed] = ["reviewed", "changed", "failed"].map(|name| run[name].as_u64().unwrap());
    (reviewed, changed, failed)
}

/// Returns twelve members, of whom three have spent enough for a tier under rules that are published afterwards.
fn after_new_rules() -> System {
    let system = System::start();
    for number in 0..12 {
        let member = format!("m-{number}");
        system.enroll(&member);
        if number < 3 {
            system.accrue(&member, "order-1", &purchase(9_000)).expect(201);
        }
    }
    let mut program = coffee_shop();
    program["tiers"]["levels"][1]["threshold"] = json!(50);
    system.client.put(DEMO, ("if-match", "\"1\""), &program).expect(201);
    system
}

fn tiers_written(system: &System) -> Vec<bool> {
    let changed = |entry: &Value| entry["kind"] == "tier_change";
    (0..4).map(|number| system.ledger(&format!("m-{number}")).iter().any(changed)).collect()
}

#[test]
fn a_run_over_all_accounts_writes_what_new_rules_change_and_nothing_else() {
    let system = after_new_rules();
    assert_eq!(counts(&run(&system, &json!({}))), (0, 0, 0), "publishing schedules no reviews");
    assert_eq!(counts(&run(&system, &json!({ "all": false }))), (0, 0, 0));
    let meter = system.engine().store.meter();
    let before = meter.snapshot();
    assert_eq!(counts(&run(&system, &json!({ "all": true }))), (12, 3, 0));
    assert_eq!(tiers_written(&system), [true, true, true, false]);
    assert!(meter.since(&before).write_half_units > 0);
    let before = meter.snapshot();
    assert_eq!(counts(&run(&system, &json!({ "all": true }))), (12, 0, 0), "a second run changes nothing");
    assert_eq!(meter.since(&before).write_half_units, 0);
}

#[test]
fn a_run_over_all_accounts_goes_on_behind_its_cursor() {
    let system = after_new_rules();
    let engine = system.engine();
    let mut reviewed = 0;
    let mut cursors = 0;
    for shard in 0..256 {
        let page = system.block_on(engine.store.accounts_of_segment(shard, None, 1)).unwrap();
        reviewed += u64::try_from(page.accounts.len()).unwrap();
        let Some(cursor) = page.next else { continue };
        cursors += 1;
        let event = json!({ "shard": shard, "through": "2026-11-21", "cursor": cursor.to_string(), "all": true });
        let report = system.block_on(handle("tier-evaluation", engine, event)).unwrap();
        assert_eq!(report["cursor"], json!(null), "{report}");
        reviewed += report["reviewed"].as_u64().unwrap();
    }
    assert_eq!(reviewed, 12);
    assert!(cursors > 0);
    for (event, reason) in [
        (json!({ "shard": 7, "through": "2026-11-21", "cursor": "x", "all": true }), "the cursor does not come from"),
        (json!({ "shard": 7, "through": "2026-11-21", "all": "yes" }), "invalid type: string"),
        (json!({ "shard": 256, "through": "2026-11-21", "all": true }), "shard is 256"),
    ] {
        let refused = system.block_on(handle("tier-evaluation", engine, event.clone())).unwrap_err();
        assert_eq!(refused.name(), "EventUnreadable", "{event}");
        assert!(refused.to_string().contains(reason), "{event}: {refused}");
    }
}

#[test]
fn what_a_run_by_hand_does_not_know_is_refused() {
    let system = System::start();
    for (body, at) in [(json!({ "all": "yes" }), "/all"), (json!({ "everyone": true }), "/everyone")] {
        let problem = system.client.post("/local/run/tier-evaluation", &body).problem(400, "body_malformed");
        assert_eq!(problem["at"], at, "{body}");
    }
}
