//! `/members/{member}/redemptions/{entry}/capture`, `/cancellation`, `/reversals`: points reserved, spent, returned.

use regulars_domain::{
    account::Account,
    counter::{CounterId, Take},
    posting::{Change, Posting},
};
use regulars_store::Commit;
use regulars_tests::{
    client::Answer,
    system::{DEMO, NOW, System, coffee_shop, member, purchase},
};
use serde_json::{Value, json};

fn hold(system: &System, key: &str, seconds: i64) -> Answer {
    let money = json!({ "amount": 200, "currency": "EUR" });
    system.redeem("m-1", key, &json!({ "reward": "money-off", "money": money, "hold": { "seconds": seconds } }))
}

fn act(system: &System, action: &str, key: &str, body: &Value) -> Answer {
    system.client.post_under(key, &format!("{}/redemptions/r-1/{action}", member("m-1")), body)
}

fn state(system: &System) -> Value {
    system.client.get(&format!("{}/entries/r-1", member("m-1"))).expect(200)["redemption"]["state"].clone()
}

/// A member with 325 points, of which `r-1` holds 100 for ten minutes.
fn with_hold() -> System {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(30_000)).expect(201);
    let answer = hold(&system, "r-1", 600).expect(201);
    assert_eq!((&answer["entry"]["points"], &answer["entry"]["held"]), (&json!(-100), &json!(100)));
    assert_eq!(answer["redemption"]["state"], "held");
    assert_eq!(answer["redemption"]["hold_expires_at"], "2026-11-21T13:15:00Z", "ten minutes from {NOW}");
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 225, "pending": 0, "held": 100, "owed": 0 }));
    system
}

#[test]
fn a_captured_hold_spends_its_points() {
    let system = with_hold();
    let answer = act(&system, "capture", "c-1", &json!({})).expect(201);
    assert_eq!((&answer["entry"]["kind"], &answer["entry"]["held"]), (&json!("capture"), &json!(-100)));
    assert_eq!((&answer["redemption"]["state"], &answer["redemption"]["points"]), (&json!("captured"), &json!(100)));
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 225, "pending": 0, "held": 0, "owed": 0 }));
    assert!(act(&system, "capture", "c-1", &json!({})).is_replay());
    act(&system, "capture", "c-2", &json!({})).problem(409, "redemption_not_held");
    act(&system, "cancellation", "c-3", &json!({})).problem(409, "redemption_not_held");
    system.audit("m-1");
}

#[test]
fn a_part_can_be_captured_and_the_rest_goes_back() {
    let system = with_hold();
    act(&system, "capture", "c-1", &json!({ "points": null })).problem(400, "body_malformed");
    let problem = act(&system, "capture", "c-1", &json!({ "points": 101 })).problem(400, "body_malformed");
    assert_eq!(problem["at"], "/points");
    let answer = act(&system, "capture", "c-1", &json!({ "points": 80 })).expect(201);
    assert_eq!(answer["redemption"]["points"], 80);
    assert_eq!(answer["account"]["balance"], json!({ "spendable": 245, "pending": 0, "held": 0, "owed": 0 }));
    let answer = act(&system, "reversals", "u-1", &json!({})).expect(201);
    assert_eq!(answer["redemption"]["state"], "reversed");
    assert_eq!(answer["account"]["balance"]["spendable"], 325);
    act(&system, "reversals", "u-2", &json!({})).problem(409, "redemption_not_held");
    system.audit("m-1");
}

#[test]
fn a_cancelled_hold_returns_points_to_their_original_lot() {
    let system = with_hold();
    let answer = act(&system, "cancellation", "c-1", &json!({})).expect(201);
    assert_eq!(answer["redemption"]["state"], "cancelled");
    assert_eq!(answer["account"]["next_expiry"], json!({ "on": "2027-11-30", "points": 325 }));
    act(&system, "capture", "c-2", &json!({})).problem(409, "redemption_not_held");
    system.audit("m-1");
}

#[test]
fn a_hold_ends_by_time_alone() {
    let system = with_hold();
    system.move_clock("2026-11-21T13:14:59Z");
    assert_eq!(state(&system), "held");
    system.move_clock("2026-11-21T13:15:00Z");
    assert_eq!(system.account("m-1")["balance"]["spendable"], 325);
    assert_eq!(state(&system), "expired");
    act(&system, "capture", "c-1", &json!({})).problem(422, "hold_expired");
    system.audit("m-1");
    assert_eq!(system.ledger("m-1").last().unwrap()["id"], "~cancellation~r-1");
}

#[test]
fn a_hold_longer_than_the_reward_allows_is_refused_and_so_is_one_too_many() {
    let system = with_hold();
    for (key, seconds) in [("none", 0), ("below", -1), ("long", 901)] {
        assert_eq!(hold(&system, key, seconds).problem(400, "body_malformed")["at"], "/hold/seconds", "{seconds}");
    }
    let coffee = json!({ "reward": "free-coffee", "hold": { "seconds": 1 } });
    system.redeem("m-1", "coffee", &coffee).problem(422, "reward_not_holdable");
    let money = json!({ "amount": 2, "currency": "EUR" });
    let small = json!({ "reward": "money-off", "money": money, "hold": { "seconds": 60 } });
    for open in 1..20 {
        system.redeem("m-1", &format!("small-{open}"), &small).expect(201);
    }
    system.redeem("m-1", "small-20", &small).problem(422, "holds_full");
    system.audit("m-1");
}

#[test]
fn a_piece_goes_back_into_stock_unless_it_was_captured_or_written_off() {
    let mut program = coffee_shop();
    let rewards = program["rewards"].as_array_mut().unwrap();
    let mug = rewards.iter_mut().find(|reward| reward["id"] == "mug").unwrap();
    mug["hold_seconds_max"] = json!(600);
    mug["cost"]["points"] = json!(10);
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let left = || {
        let catalogue = system.client.get(&format!("{}/rewards", member("m-1"))).expect(200);
        let rewards = catalogue["rewards"].as_array().unwrap().clone();
        rewards.into_iter().find(|reward| reward["id"] == "mug").unwrap()["stock_left"].clone()
    };
    system.redeem("m-1", "r-1", &json!({ "reward": "mug", "hold": { "seconds": 60 } })).expect(201);
    assert_eq!(left(), 1);
    act(&system, "cancellation", "c-1", &json!({})).expect(201);
    assert_eq!(left(), 2);
    system.redeem("m-1", "r-2", &json!({ "reward": "mug" })).expect(201);
    let path = format!("{}/redemptions/r-2/reversals", member("m-1"));
    system.client.post_under("u-1", &path, &json!({ "stock": "written_off" })).expect(201);
    assert_eq!(left(), 1);
    system.redeem("m-1", "r-3", &json!({ "reward": "mug", "hold": { "seconds": 60 } })).expect(201);
    assert_eq!(left(), 0);
    system.move_clock("2026-11-24T00:00:00Z");
    assert_eq!(left(), 1, "a hold that is over holds nothing");
    system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
    assert_eq!(left(), 1, "and the review gives nothing back a second time");
    system.audit("m-1");
}

/// A shop with one mug, and members who can afford it: `m-1` holds it for a minute from 13:05.
fn with_held_mug(fields: &Value) -> System {
    let mut program = coffee_shop();
    let rewards = program["rewards"].as_array_mut().unwrap();
    let mug = rewards.iter_mut().find(|reward| reward["id"] == "mug").unwrap().as_object_mut().unwrap();
    mug.remove("stock");
    mug.extend(fields.as_object().unwrap().clone());
    mug.insert("hold_seconds_max".to_owned(), json!(600));
    let system = System::with(&program, NOW);
    for id in ["m-1", "m-2", "m-3"] {
        system.enroll(id);
    }
    system.redeem("m-1", "r-1", &json!({ "reward": "mug", "hold": { "seconds": 60 } })).expect(201);
    system
}

/// Returns the catalogue's row for the mug: how many are left, whether the member can have it, and if not, why.
fn mug(system: &System, id: &str) -> Value {
    let catalogue = system.client.get(&format!("{}/rewards", member(id))).expect(200);
    let mug = catalogue["rewards"].as_array().unwrap().iter().find(|reward| reward["id"] == "mug").unwrap().clone();
    json!([mug["stock_left"], mug["available"], mug["reason"]["code"]])
}

fn wants_mug(system: &System, id: &str, key: &str) -> Answer {
    system.redeem(id, key, &json!({ "reward": "mug" }))
}

#[test]
fn the_piece_of_an_ended_hold_is_available_to_all_two_minutes_later_without_a_review() {
    for (fields, code, stock) in [
        (json!({ "stock": 1 }), "reward_out_of_stock", 1),
        (json!({ "limit": { "times": 1, "per": "program", "every": "ever" } }), "reward_limit_reached", 0),
        (json!({ "limit": { "points": 10, "per": "program", "every": "month" } }), "reward_limit_reached", 0),
    ] {
        let left = |pieces: i64| if stock == 1 { json!(pieces) } else { Value::Null };
        let system = with_held_mug(&fields);
        for id in ["m-1", "m-2", "m-3"] {
            assert_eq!(mug(&system, id), json!([left(0), false, code]), "{id} {fields}");
        }
        system.move_clock("2026-11-21T13:05:59Z");
        wants_mug(&system, "m-2", "r-2").problem(422, code);
        system.move_clock("2026-11-21T13:07:00Z");
        for id in ["m-1", "m-2", "m-3"] {
            assert_eq!(mug(&system, id), json!([left(1), true, null]), "{id} {fields}");
        }
        wants_mug(&system, "m-2", "r-2").expect(201);
        for id in ["m-1", "m-2", "m-3"] {
            assert_eq!(mug(&system, id), json!([left(0), false, code]), "{id} {fields}");
        }
        wants_mug(&system, "m-1", "r-3").problem(422, code);
        act(&system, "capture", "c-1", &json!({})).problem(422, "hold_expired");
        // The review settles the holder, and returns nothing a second time.
        system.move_clock("2026-11-22T06:00:00Z");
        system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
        assert_eq!(state(&system), "expired");
        assert_eq!(mug(&system, "m-3"), json!([left(0), false, code]), "{fields}");
        for id in ["m-1", "m-2"] {
            system.audit(id);
        }
    }
}

#[test]
fn a_capture_by_a_slow_clock_is_refused_once_another_member_has_the_piece() {
    let system = with_held_mug(&json!({ "stock": 1 })).unproven();
    // Another function, whose clock says that the hold has ended, takes the piece.
    let store = &system.engine().store;
    let (program, other) = ("demo".parse().unwrap(), "m-2".parse().unwrap());
    let account = system.block_on(store.account(&program, &other)).unwrap().unwrap();
    let version = account.version;
    let ahead = "2026-11-21T13:06:00Z".parse().unwrap();
    let mug = CounterId::Stock("mug".parse().unwrap());
    let posting = Posting {
        own: Change {
            expected_version: Some(version),
            account: Account { version: version + 1, settled_at: ahead, ..account },
            entries: Vec::new(),
        },
        takes: vec![Take::new(mug, 1, 1)],
        others: vec![],
        marks: vec![],
        codes: vec![],
        changed_codes: vec![],
        claims: vec![],
        releases: vec![],
        receipts: vec![],
        explanations: vec![],
    };
    assert_eq!(system.block_on(store.commit(&posting)).unwrap(), Commit::Committed);
    assert_eq!(state(&system), "held", "by the clock of the function that captures");
    act(&system, "capture", "c-1", &json!({})).problem(422, "hold_expired");
    assert_eq!(mug_left(&system), 0);
    act(&system, "cancellation", "c-2", &json!({})).expect(201);
    assert_eq!(mug_left(&system), 0, "what the hold reserved was given back before");
    system.audit("m-1");
}

fn mug_left(system: &System) -> Value {
    mug(system, "m-3")[0].clone()
}

/// What happens to the member who held the mug.
type Fate<'f> = &'f dyn Fn(&System);

#[test]
fn the_piece_is_freed_once_regardless_of_the_holder() {
    let status = |status: &'static str| {
        move |system: &System| drop(system.client.patch(&member("m-1"), &json!({ "status": status })).expect(200))
    };
    let merge = |system: &System| {
        let path = format!("{}/merge", member("m-1"));
        drop(system.client.post_under("merge-1", &path, &json!({ "into": "m-3" })).expect(201));
    };
    let fates: [(&str, Fate<'_>, bool); 5] = [
        ("suspended while it runs", &status("suspended"), true),
        ("closed while it runs", &status("closed"), true),
        ("suspended afterwards", &status("suspended"), false),
        ("closed afterwards", &status("closed"), false),
        ("merged afterwards", &merge, false),
    ];
    for (fate, happen, while_it_runs) in fates {
        for is_taken_first in [true, false] {
            let system = with_held_mug(&json!({ "stock": 1 }));
            if while_it_runs {
                happen(&system);
                assert_eq!(mug(&system, "m-2"), json!([0, false, "reward_out_of_stock"]), "{fate}");
            }
            system.move_clock("2026-11-21T13:07:00Z");
            assert_eq!(mug(&system, "m-2"), json!([1, true, null]), "{fate}");
            if is_taken_first {
                wants_mug(&system, "m-2", "r-2").expect(201);
            }
            if !while_it_runs {
                happen(&system);
            }
            system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
            let expected =
                if is_taken_first { json!([0, false, "reward_out_of_stock"]) } else { json!([1, true, null]) };
            assert_eq!(mug(&system, "m-2"), expected, "{fate}");
            assert_eq!(wants_mug(&system, "m-2", "r-3").status, if is_taken_first { 422 } else { 201 }, "{fate}");
            assert_eq!(mug(&system, "m-3"), json!([0, false, "reward_out_of_stock"]), "{fate}");
        }
    }
}

#[test]
fn an_ended_hold_of_a_version_with_less_stock_does_not_stand_in_the_way_of_its_holder() {
    for limited in [false, true] {
        let program = |pieces: i64| {
            let mut program = coffee_shop();
            let mug =
                program["rewards"].as_array_mut().unwrap().iter_mut().find(|reward| reward["id"] == "mug").unwrap();
            mug["hold_seconds_max"] = json!(600);
            if limited {
                mug["stock"] = json!("unlimited");
                mug["limit"] = json!({ "times": pieces, "per": "program", "every": "ever" });
            } else {
                mug["stock"] = json!(pieces);
            }
            program
        };
        let system = System::with(&program(1), NOW);
        for id in ["m-1", "m-2"] {
            system.enroll(id);
        }
        let mug = json!({ "reward": "mug" });
        system.redeem("m-1", "r-1", &json!({ "reward": "mug", "hold": { "seconds": 60 } })).expect(201);
        system.client.put(DEMO, ("if-match", "\"1\""), &program(2)).expect(201);
        system.move_clock("2026-11-21T13:10:00Z");
        system.redeem("m-2", "r-2", &mug).expect(201);
        system.redeem("m-1", "r-3", &mug).expect(201);
        let code = if limited { "reward_limit_reached" } else { "reward_out_of_stock" };
        system.redeem("m-2", "r-4", &mug).problem(422, code);
    }
}
