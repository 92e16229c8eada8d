//! Compares `next`, `keep` and `until` with the tier: one system gets exactly the missing amount, the other one less.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp, civil::Date};
use regulars_tests::system::{System, member};
use serde_json::{Value, json};

use super::{
    pair::{Pair, start_of},
    program::pick,
};

const LEVELS: [&str; 3] = ["bronze", "silver", "gold"];

fn rank(level: &Value) -> usize {
    LEVELS.iter().position(|known| level == known).unwrap()
}

fn tier(system: &System, id: &str) -> Value {
    system.client.get(&format!("{}/tier", member(id))).expect(200)
}

fn day(text: &Value) -> Date {
    text.as_str().unwrap().parse().unwrap()
}

/// Returns the last second of a day, or `now` if that is later.
fn end_of(day: Date, now: Timestamp) -> Timestamp {
    (start_of(day.tomorrow().unwrap()) - SignedDuration::from_secs(1)).max(now)
}

/// Adds a qualifying amount at an instant. One less than 1 is nothing, which an adjustment cannot add.
fn buys(system: &System, id: &str, when: Timestamp, amounts: &[(String, i64)]) {
    system.move_clock(&when.to_string());
    if amounts.iter().all(|(_, amount)| *amount == 0) {
        return;
    }
    let qualifying: Value = amounts.iter().map(|(unit, amount)| (unit.clone(), json!(amount))).collect();
    let body = json!({ "points": 0, "qualifying": qualifying, "reason": "bought" });
    system.client.post_under("bought", &format!("{}/adjustments", member(id)), &body).expect(201);
}

/// Returns the amounts that are exactly enough, and one less than enough.
fn enough(rng: &mut Rng, missing: &Value, basis: &str) -> [Vec<(String, i64)>; 2] {
    let amounts = |all: &Value| -> Vec<(String, i64)> {
        let all = all.as_object().unwrap().iter();
        all.map(|(unit, amount)| (unit.clone(), amount.as_i64().unwrap())).collect()
    };
    let less = |(unit, amount): &(String, i64)| (unit.clone(), (amount - 1).max(0));
    if let Some(amount) = missing.as_i64() {
        let exact = vec![(basis.to_owned(), amount)];
        return [exact.clone(), exact.iter().map(less).collect()];
    }
    if missing.get("any").is_some() {
        let all = amounts(&missing["any"]);
        return [vec![pick(rng, &all)], all.iter().map(less).collect()];
    }
    let all = amounts(&missing["all"]);
    let needed: Vec<_> = (0..all.len()).filter(|place| all[*place].1 > 0).collect();
    let mut lessened = all.clone();
    let place = pick(rng, &needed);
    lessened[place] = less(&all[place]);
    [all, lessened]
}

pub(super) fn check(rng: &mut Rng, pair: Pair, id: &str, basis: &Value) {
    let (now, today) = (pair.now, pair.today());
    let told = pair.get(id, "/tier");
    let held = rank(&told["id"]);
    let (next, keep) = (&told["next"], &told["keep"]);
    let what = match (next.is_null(), keep.is_null()) {
        (true, true) => "until",
        (true, false) => pick(rng, &["until", "keep"]),
        (false, true) => pick(rng, &["until", "next"]),
        (false, false) => pick(rng, &["until", "next", "keep"]),
    };
    let Pair { nightly: exact, never: less, .. } = pair;
    let basis = basis.as_str().unwrap_or_default();
    match what {
        "next" => {
            let last = if next["by"].is_null() { today } else { day(&next["by"]) };
            let when = end_of(pick(rng, &[today, last]), now);
            let [enough, one_less] = enough(rng, &next["missing"], basis);
            buys(&exact, id, when, &enough);
            buys(&less, id, when, &one_less);
            let wanted = rank(&next["id"]);
            assert!(rank(&tier(&exact, id)["id"]) >= wanted, "{enough:?} at {when} is not enough: {told}");
            assert!(rank(&tier(&less, id)["id"]) < wanted, "{one_less:?} at {when} is enough: {told}");
        }
        "keep" => {
            let when = end_of(day(&keep[pick(rng, &["from", "by"])]), now);
            let after = start_of(day(&told["until"]).tomorrow().unwrap());
            let [enough, one_less] = enough(rng, &keep["missing"], basis);
            for (system, amounts) in [(&exact, &enough), (&less, &one_less)] {
                buys(system, id, when, amounts);
                system.move_clock(&after.to_string());
            }
            assert!(rank(&tier(&exact, id)["id"]) >= held, "{enough:?} at {when} is not enough: {told}");
            assert!(rank(&tier(&less, id)["id"]) < held, "{one_less:?} at {when} is enough: {told}");
        }
        _ => check_time(&exact, id, now, &told),
    }
}

/// Asserts that the tier changes on the days in the answer.
fn check_time(system: &System, id: &str, now: Timestamp, told: &Value) {
    let held = rank(&told["id"]);
    let review = &told["at_next_review"];
    if let Some(on) = review["on"].as_str() {
        let on: Date = on.parse().unwrap();
        system.move_clock(&end_of(on.yesterday().unwrap(), now).to_string());
        assert_eq!(tier(system, id)["id"], told["id"], "before the next review: {told}");
        system.move_clock(&start_of(on).to_string());
        assert_eq!(tier(system, id)["id"], review["tier"], "at the next review: {told}");
        assert_eq!(told["until"], json!(on.yesterday().unwrap()), "nothing but the tier's end changes it: {told}");
    } else {
        assert_eq!(told["until"], Value::Null, "{told}");
        system.move_clock(&(now + SignedDuration::from_hours(24 * 800)).to_string());
        assert!(rank(&tier(system, id)["id"]) >= held, "{told}");
    }
}
