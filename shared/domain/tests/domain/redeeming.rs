//! Points spent on rewards.

use regulars_domain::{condition_fault::ConditionFault, counter::CounterId, points::Points, redeem::RedeemRefusal};
use serde_json::{Value, json};

use crate::{
    counting::decided,
    world::{Member, at, euro, lots, lots_of, program},
};

/// Returns a program with one reward, `coffee`, for 100 points, with these `fields`.
fn with_reward(fields: Value) -> crate::rulebook::Rulebook {
    let mut reward = json!({ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 100 } });
    let Value::Object(fields) = fields else { panic!("a reward has fields") };
    reward.as_object_mut().unwrap().extend(fields);
    program(json!({
        "rewards": [reward],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 },
                              { "id": "gold", "threshold": 1000 }] },
        "attributes": [{ "id": "city", "type": "string" }],
    }))
}

fn member_with(program: &crate::rulebook::Rulebook, parts: &[(&str, i64)]) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.account.lots = lots(parts);
    member
}

#[test]
fn points_are_taken_from_the_lot_that_expires_soonest() {
    let program = with_reward(json!({}));
    for (parts, taken, left) in [
        (vec![("2027-05-31", 100)], vec![("2027-05-31", -100)], vec![]),
        (
            vec![("2027-05-31", 60), ("2027-06-30", 60)],
            vec![("2027-05-31", -60), ("2027-06-30", -40)],
            vec![("2027-06-30", 20)],
        ),
        (vec![("never", 100), ("2027-06-30", 10)], vec![("2027-06-30", -10), ("never", -90)], vec![("never", 10)]),
        (
            vec![("2027-05-31", 1), ("2027-06-30", 1), ("never", 98)],
            vec![("2027-05-31", -1), ("2027-06-30", -1), ("never", -98)],
            vec![],
        ),
    ] {
        let mut member = member_with(&program, &parts);
        let entry = member.redeems(&program, at("2026-11-21"), "r-1", "coffee", None).unwrap();
        let changes: Vec<_> = entry
            .effects
            .lots
            .iter()
            .map(|change| (change.0.on().map_or("never".to_owned(), |date| date.to_string()), change.1.get()))
            .collect();
        assert_eq!(changes, taken.iter().map(|(day, points)| ((*day).to_owned(), *points)).collect::<Vec<_>>());
        assert_eq!(
            lots_of(&member.account),
            left.iter().map(|(day, points)| ((*day).to_owned(), *points)).collect::<Vec<_>>()
        );
        assert_eq!((entry.points().get(), entry.spendable().get(), entry.owed().get()), (-100, -100, 0));
        assert_eq!(entry.redeemed().unwrap().reward.as_str(), "coffee");
    }
}

#[test]
fn a_lot_can_be_spent_to_the_end_of_its_last_day() {
    let program = with_reward(json!({}));
    for (now, possible) in [("2027-05-31T23:59", true), ("2027-06-01T00:00", false)] {
        let mut member = member_with(&program, &[("2027-05-31", 100)]);
        assert_eq!(member.redeems(&program, at(now), "r-1", "coffee", None).is_ok(), possible, "{now}");
    }
}

#[test]
fn points_per_money_are_rounded_up() {
    for (points, per, money, cost) in [
        (100, 200, 400, 200),
        (100, 200, 1, 1),
        (100, 200, 3, 2),
        (1, 100, 1, 1),
        (1, 100, 100, 1),
        (1, 100, 101, 2),
        (3, 7, 5, 3),
    ] {
        let program = with_reward(json!({ "cost": { "points": points, "per": per } }));
        let mut member = member_with(&program, &[("never", 1000)]);
        let entry = member.redeems(&program, at("2026-11-21"), "r-1", "coffee", Some(euro(money))).unwrap();
        assert_eq!((entry.points().get(), member.spendable()), (-cost, 1000 - cost), "{points} per {per} for {money}");
        assert_eq!(entry.redeemed().unwrap().money, Some(euro(money)));
    }
}

/// Asserts at which of these instants a reward with these fields can be redeemed, by a member with enough points.
fn check(fields: Value, attempts: &[(&str, bool)]) {
    let text = fields.to_string();
    let program = with_reward(fields);
    let mut member = member_with(&program, &[("never", 100_000)]);
    for (n, (now, expected)) in attempts.iter().enumerate() {
        let had = member.redeems(&program, at(now), &format!("r-{n}"), "coffee", None);
        assert_eq!(had.is_ok(), *expected, "{text} at {now}: {had:?}");
    }
    member.assert_proven();
}

#[test]
fn a_limit_counts_in_its_interval() {
    for per in ["member", "program"] {
        let limit = |unit: &str, most: i64, every: &str| json!({ "limit": { unit: most, "per": per, "every": every } });
        check(
            limit("times", 1, "day"),
            &[("2026-11-21", true), ("2026-11-21T23:59", false), ("2026-11-22T00:00", true)],
        );
        check(
            limit("times", 2, "week"),
            &[("2026-11-16", true), ("2026-11-17", true), ("2026-11-22T23:59", false), ("2026-11-23T00:00", true)],
        );
        check(
            limit("times", 1, "month"),
            &[("2026-11-21", true), ("2026-11-30T23:59", false), ("2026-12-01T00:00", true)],
        );
        check(
            limit("points", 250, "year"),
            &[("2026-11-21", true), ("2026-11-22", true), ("2026-11-23", false), ("2027-01-01T00:00", true)],
        );
        check(limit("times", 1, "ever"), &[("2026-11-21", true), ("2046-11-21", false)]);
    }
    check(json!({ "limit": { "times": 1, "every": "day" } }), &[("2026-11-21", true), ("2026-11-21", false)]);
}

#[test]
fn a_reward_is_available_while_it_is_active_and_in_stock() {
    check(
        json!({ "active": { "from": "2026-11-20T00:00:00+03:00", "to": "2026-11-27T00:00:00+03:00", "from_time": "09:00" } }),
        &[
            ("2026-11-19T23:59", false),
            ("2026-11-20T08:59", false),
            ("2026-11-20T09:00", true),
            ("2026-11-26T23:59", true),
            ("2026-11-27T09:00", false),
        ],
    );
    check(json!({ "stock": 2 }), &[("2026-11-21", true), ("2026-11-22", true), ("2027-11-23", false)]);
    check(json!({ "stock": 0 }), &[("2026-11-21", false)]);
    check(json!({ "stock": "unlimited" }), &[("2026-11-21", true)]);
}

#[test]
fn the_counters_that_a_reward_needs_are_its_stock_and_its_program_wide_limit() {
    for (fields, count) in [
        (json!({}), 0),
        (json!({ "limit": { "times": 1, "every": "day" } }), 0),
        (json!({ "stock": 5 }), 1),
        (json!({ "stock": 5, "limit": { "times": 9, "per": "program", "every": "day" } }), 2),
    ] {
        let program = with_reward(fields);
        let mut member = member_with(&program, &[("never", 100)]);
        let counters = program.reward_counters(&program.rewards[0], at("2026-11-21"));
        assert_eq!(counters.len(), count);
        member.redeems(&program, at("2026-11-21"), "r-1", "coffee", None).unwrap();
        let mut sorted = counters;
        sorted.sort();
        assert_eq!(member.totals.keys().cloned().collect::<Vec<CounterId>>(), sorted);
        assert!(member.totals.values().all(|taken| *taken == 1));
    }
}

#[test]
fn a_reward_is_for_its_tiers_and_for_whom_its_condition_names() {
    let had = |fields: Value, qualifying: i64, city: Option<&str>| {
        let program = with_reward(fields);
        let attributes = city.map_or(json!({}), |city| json!({ "city": city }));
        let mut member = Member::joins_with(&program, "2026-11-01", &attributes);
        member.account.lots = lots(&[("never", 99)]);
        let amount = regulars_domain::qualifying::Qualifying { points: qualifying, spend: 0, visits: 0 };
        member.account.qualifying.insert(crate::world::on("2026-01-01"), amount);
        // The next command sees the amounts that count.
        member.adjusts(&program, at("2026-11-21"), "a-1", 1).unwrap();
        member.redeems(&program, at("2026-11-21"), "r-1", "coffee", None).map(|_| ())
    };
    let tiers = json!({ "tiers": ["silver", "gold"] });
    for (qualifying, expected) in [(0, false), (99, false), (100, true), (1000, true)] {
        assert_eq!(had(tiers.clone(), qualifying, None).is_ok(), expected, "{qualifying}");
    }
    // A reward for silver only is not for gold.
    assert!(had(json!({ "tiers": ["silver"] }), 1000, None).is_err());

    let izmir = json!({ "when": "member.attributes.city == 'Izmir' && occurred_at.hour == 12" });
    assert_eq!(had(izmir.clone(), 0, Some("Izmir")), Ok(()));
    assert_eq!(had(izmir.clone(), 0, Some("Ankara")), Err(RedeemRefusal::RewardNotForMember { fault: None }));
    assert_eq!(had(izmir, 0, None), Err(RedeemRefusal::RewardNotForMember { fault: None }));
    let starts = json!({ "when": "member.attributes.city.startsWith('Iz')" });
    assert_eq!(had(starts, 0, None), Err(RedeemRefusal::RewardNotForMember { fault: None }));
    let untold = had(json!({ "when": "member.attributes.city > 5" }), 0, Some("Izmir"));
    assert_eq!(untold, Err(RedeemRefusal::RewardNotForMember { fault: Some(ConditionFault::TypeMismatch) }));
}

#[test]
fn the_catalogue_says_what_redeeming_would_say() {
    for (fields, points, money, cost) in [
        (json!({}), 100, None, Ok(100)),
        (
            json!({}),
            99,
            None,
            Err(RedeemRefusal::InsufficientPoints { cost: Points::new(100), missing: Points::new(1) }),
        ),
        (json!({ "stock": 0 }), 100, None, Err(RedeemRefusal::RewardOutOfStock)),
        (json!({ "cost": { "points": 3, "per": 1 } }), 3, Some(euro(1)), Ok(3)),
        (json!({ "cost": { "points": 1, "per": 500 } }), 1, Some(euro(1)), Ok(1)),
    ] {
        let program = with_reward(fields);
        let mut member = member_with(&program, &[("never", points)]);
        let settled = member.settled(&program, at("2026-11-21"));
        let told = decided(&member.totals, |counters| settled.can_redeem(&program.rewards[0], counters, None));
        let told = told.map(Points::get);
        assert_eq!(told, cost);
        let done =
            member.redeems(&program, at("2026-11-21"), "r-1", "coffee", money).map(|entry| -entry.points().get());
        assert_eq!(done, cost);
    }
}

#[test]
fn a_refused_redemption_leaves_nothing_behind() {
    let program = with_reward(json!({ "stock": 5, "limit": { "times": 1, "every": "day" } }));
    let mut member = member_with(&program, &[("2027-05-31", 99)]);
    let before = member.account.clone();
    let refused = member.redeems(&program, at("2026-11-21"), "r-1", "coffee", None);
    let short = RedeemRefusal::InsufficientPoints { cost: Points::new(100), missing: Points::new(1) };
    assert_eq!(refused, Err(short));
    assert_eq!((member.account, member.totals.is_empty()), (before, true));
}
