//! Holds: points reserved by a redemption, which is captured, cancelled, or ends by itself.

use regulars_domain::{
    calendar::EVER,
    counter::CounterId,
    entry::{By, Entry, Kind},
    points::Points,
    redeem::{Redeem, RedeemRefusal},
    redemption::{Part, RedemptionRefusal},
};
use serde_json::{Value, json};

use crate::{
    counting::decided,
    world::{Member, Rulebook, at, changes, document, euro, lots, lots_of, on, program, used},
};

/// Returns a program with one reward, `coffee`, for 100 points, with holds of up to an hour, and these `fields`.
fn with_reward(fields: Value) -> Rulebook {
    let mut reward = json!({ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 100 },
                             "hold_seconds_max": 3600 });
    let Value::Object(fields) = fields else { panic!("a reward has fields") };
    reward.as_object_mut().unwrap().extend(fields);
    program(json!({ "rewards": [reward] }))
}

fn member_with(program: &Rulebook, parts: &[(&str, i64)]) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.account.lots = lots(parts);
    member
}

/// Lots as [`lots_of`] writes them.
fn parts(parts: &[(&str, i64)]) -> Vec<(String, i64)> {
    parts.iter().map(|(day, points)| ((*day).to_owned(), *points)).collect()
}

/// Returns the change of each lot, soonest first.
fn lot_changes(entry: &Entry) -> Vec<(String, i64)> {
    let name = |day: Option<jiff::civil::Date>| day.map_or("never".to_owned(), |day| day.to_string());
    let mut changes: Vec<_> = entry.effects.lots.iter().map(|change| (name(change.0.on()), change.1.get())).collect();
    changes.sort();
    changes
}

const THREE: [(&str, i64); 3] = [("2027-05-31", 30), ("2027-06-30", 50), ("never", 40)];
const LEFT: [(&str, i64); 1] = [("never", 20)];

#[test]
fn a_hold_reserves_points_and_a_capture_spends_them() {
    let program = with_reward(json!({}));
    let mut member = member_with(&program, &THREE);
    let entry = member.holds(&program, "2026-11-21", "r-1", "coffee", 600).unwrap();
    assert_eq!((entry.kind(), changes(&entry)), (Kind::Redemption, [-100, 0, -100, 100, 0]));
    assert_eq!(entry.redeemed().unwrap().hold_expires_at, Some(at("2026-11-21T12:10")));
    assert_eq!(lot_changes(&entry), parts(&[("2027-05-31", -30), ("2027-06-30", -50), ("never", -20)]));
    assert_eq!((member.balances(), member.state("r-1")), ([0, 20, 100, 0], "held"));
    assert_eq!(member.account.review_on, Some(on("2026-11-22")));

    let entry = member.captures(&program, at("2026-11-21T12:05"), "c-1", "r-1", None).unwrap();
    assert_eq!((entry.kind(), entry.by, changes(&entry)), (Kind::Capture, By::Operator, [0, 0, 0, -100, 0]));
    assert_eq!((entry.refers_to.unwrap().as_str(), entry.effects.lots.len()), ("r-1", 0));
    assert_eq!((member.balances(), member.state("r-1")), ([0, 20, 0, 0], "captured"));
    assert_eq!(member.account.review_on, None, "what is left never expires");
    member.assert_proven();
}

#[test]
fn a_partial_capture_spends_what_expires_first_and_returns_the_rest() {
    for (captured, back, left) in [
        (
            1,
            vec![("2027-05-31", 29), ("2027-06-30", 50), ("never", 20)],
            vec![("2027-05-31", 29), ("2027-06-30", 50), ("never", 40)],
        ),
        (30, vec![("2027-06-30", 50), ("never", 20)], vec![("2027-06-30", 50), ("never", 40)]),
        (31, vec![("2027-06-30", 49), ("never", 20)], vec![("2027-06-30", 49), ("never", 40)]),
        (80, vec![("never", 20)], vec![("never", 40)]),
        (99, vec![("never", 1)], vec![("never", 21)]),
        (100, vec![], vec![("never", 20)]),
    ] {
        let program = with_reward(json!({}));
        let mut member = member_with(&program, &THREE);
        member.holds(&program, "2026-11-21", "r-1", "coffee", 600).unwrap();
        let entry = member.captures(&program, at("2026-11-21"), "c-1", "r-1", Some(captured)).unwrap();
        assert_eq!(changes(&entry), [100 - captured, 0, 100 - captured, -100, 0], "{captured}");
        assert_eq!((lot_changes(&entry), lots_of(&member.account)), (parts(&back), parts(&left)), "{captured}");
        assert_eq!(member.aftermaths.values().next().unwrap().captured, Points::new(captured));

        // A reversal returns the others, and everything is as before.
        let entry = member.undoes(&program, at("2026-11-22"), "u-1", "r-1", true).unwrap();
        assert_eq!((entry.kind(), changes(&entry)), (Kind::RedemptionReversal, [captured, 0, captured, 0, 0]));
        assert_eq!((lots_of(&member.account), member.state("r-1")), (parts(&THREE), "reversed"), "{captured}");
        member.assert_proven();
    }
}

/// Parts of 100 points, each with what it returns to which lots: 30 came from May's, 50 from June's, and 20 of those
/// that never expire.
type PartsBack = [(i64, &'static [(&'static str, i64)])];

#[test]
fn a_redemption_is_undone_by_parts_that_come_to_the_whole() {
    let tables: [(&PartsBack, i64); 5] = [
        (&[(1, &[("never", 1)])], 99),
        (&[(20, &[("never", 20)]), (1, &[("2027-06-30", 1)])], 79),
        (&[(60, &[("2027-06-30", 40), ("never", 20)]), (11, &[("2027-05-31", 1), ("2027-06-30", 10)])], 29),
        (&[(99, &[("2027-05-31", 29), ("2027-06-30", 50), ("never", 20)]), (1, &[("2027-05-31", 1)])], 0),
        (&[(100, &[("2027-05-31", 30), ("2027-06-30", 50), ("never", 20)])], 0),
    ];
    for ((parts_back, left), is_held_first) in tables.into_iter().flat_map(|table| [(table, false), (table, true)]) {
        let program = with_reward(json!({ "stock": 5, "limit": { "times": 5, "every": "ever" } }));
        let mut member = member_with(&program, &THREE);
        if is_held_first {
            member.holds(&program, "2026-11-21", "r-1", "coffee", 600).unwrap();
            member.captures(&program, at("2026-11-21"), "c-1", "r-1", None).unwrap();
        } else {
            member.redeems(&program, at("2026-11-21"), "r-1", "coffee", None).unwrap();
        }
        let undo = |member: &mut Member, key: &str, points: i64| {
            let part = Part::Points(Points::new(points));
            member.undoes_part(&program, at("2026-11-22"), key, "r-1", (part, true))
        };
        for (n, (points, lots)) in parts_back.iter().enumerate() {
            let entry = undo(&mut member, &format!("u-{n}"), *points).unwrap();
            assert_eq!((changes(&entry), lot_changes(&entry)), ([*points, 0, *points, 0, 0], parts(lots)));
        }
        let state = if left == 0 { "reversed" } else { "partly_reversed" };
        assert_eq!(member.state("r-1"), state, "{parts_back:?}");
        // The piece and the use return with the last point.
        assert_eq!(taken(&program, &member), if left == 0 { (0, 0) } else { (1, 1) }, "{parts_back:?}");
        for wrong in [0, -1, left + 1] {
            let expected = match state {
                "reversed" => RedemptionRefusal::NotHeld { state },
                _ => RedemptionRefusal::MoreThanSpent { left: Points::new(left) },
            };
            let refused = undo(&mut member, "u-9", wrong).unwrap_err();
            assert_eq!(refused, expected);
            assert!(!refused.to_string().is_empty());
        }
        if left > 0 {
            member.undoes(&program, at("2026-11-22"), "u-9", "r-1", true).unwrap();
        }
        assert_eq!(lots_of(&member.account), parts(&THREE), "all of it is where it came from");
        member.assert_proven();
    }
}

#[test]
fn a_partial_reversal_in_money_returns_the_points_for_it() {
    let program =
        program(json!({ "rewards": [{ "id": "off", "name": "Off", "kind": "discount", "hold_seconds_max": 600,
        "cost": { "points": 100, "per": 300 } }] }));
    let money = |cents| Part::Money(euro(cents));
    let points = |points| Part::Points(Points::new(points));
    let buyer = || {
        let mut member = member_with(&program, &[("never", 400)]);
        member.redeems(&program, at("2026-11-21"), "r-1", "off", Some(euro(1000))).unwrap();
        member
    };
    let undo =
        |member: &mut Member, key: &str, part| member.undoes_part(&program, at("2026-11-22"), key, "r-1", (part, true));
    // 1000 cost ceil(1000 / 3) = 334; of those floor(334 * back / 1000) have come back.
    for (parts_back, given_back) in [
        (vec![money(1)], vec![0]),
        (vec![money(3)], vec![1]),
        (vec![money(333), money(333), money(334)], vec![111, 111, 112]),
        (vec![money(500), points(100), money(201)], vec![167, 100, 67]),
        (vec![money(1000)], vec![334]),
        (vec![points(34), Part::Rest], vec![34, 300]),
        (vec![money(0), money(999), Part::Rest], vec![0, 333, 1]),
    ] {
        let mut member = buyer();
        for (n, (part, expected)) in parts_back.iter().zip(&given_back).enumerate() {
            let entry = undo(&mut member, &format!("u-{n}"), *part).unwrap();
            assert_eq!(entry.points().get(), *expected, "{parts_back:?}");
        }
        let is_whole = given_back.iter().sum::<i64>() == 334;
        assert_eq!(member.state("r-1") == "reversed", is_whole, "{parts_back:?}");
        member.assert_proven();
    }
    let mut member = buyer();
    undo(&mut member, "u-1", money(400)).unwrap();
    let too_much = RedemptionRefusal::OtherMoney { stood_for: Some(euro(1000)) };
    assert_eq!(undo(&mut member, "u-2", money(601)), Err(too_much));
    undo(&mut member, "u-3", points(200)).unwrap();
    let too_much = RedemptionRefusal::MoreThanSpent { left: Points::new(1) };
    assert_eq!(undo(&mut member, "u-4", money(600)), Err(too_much));
    // A reward with a fixed cost has no money.
    let coffee = with_reward(json!({}));
    let mut member = member_with(&coffee, &THREE);
    member.redeems(&coffee, at("2026-11-21"), "r-1", "coffee", None).unwrap();
    let refused = member.undoes_part(&coffee, at("2026-11-22"), "u-1", "r-1", (money(1), true));
    assert_eq!(refused, Err(RedemptionRefusal::OtherMoney { stood_for: None }));
}

#[test]
fn a_cancelled_hold_returns_points_to_their_original_lots() {
    let program = with_reward(json!({}));
    let mut member = member_with(&program, &THREE);
    member.holds(&program, "2026-11-21", "r-1", "coffee", 600).unwrap();
    assert_eq!(lots_of(&member.account), parts(&LEFT));
    let entry = member.cancels(&program, at("2026-11-21T12:09"), "c-1", "r-1").unwrap();
    assert_eq!((entry.kind(), changes(&entry)), (Kind::Cancellation, [100, 0, 100, -100, 0]));
    assert_eq!(lot_changes(&entry), parts(&[("2027-05-31", 30), ("2027-06-30", 50), ("never", 20)]));
    assert_eq!((lots_of(&member.account), member.state("r-1")), (parts(&THREE), "cancelled"));
    member.assert_proven();
}

#[test]
fn a_hold_ends_at_its_instant_regardless_of_who_reads_it_first() {
    let program = with_reward(json!({}));
    let mut member = member_with(&program, &THREE);
    member.holds(&program, "2026-11-21T12:00", "r-1", "coffee", 600).unwrap();
    assert_eq!(member.reviewed(&program, at("2026-11-21T12:09:59+03:00")), []);
    assert!(member.clone().captures(&program, at("2026-11-21T12:09:59+03:00"), "c-1", "r-1", None).is_ok());
    let late = member.clone().captures(&program, at("2026-11-21T12:10"), "c-1", "r-1", None);
    assert_eq!(late, Err(RedemptionRefusal::HoldExpired));
    for now in ["2026-11-21T12:10", "2026-11-22T00:00", "2026-12-24"] {
        let mut member = member.clone();
        let entries = member.reviewed(&program, at(now));
        assert_eq!(entries.len(), 1, "{now}");
        let entry = &entries[0];
        assert_eq!((entry.kind(), entry.by, entry.id.as_str()), (Kind::Cancellation, By::Engine, "~cancellation~r-1"));
        assert_eq!((entry.occurred_at, changes(entry)), (at("2026-11-21T12:10"), [100, 0, 100, -100, 0]), "{now}");
        assert_eq!((lots_of(&member.account), member.state("r-1")), (parts(&THREE), "expired"));
        assert_eq!(member.reviewed(&program, at(now)), []);
        member.assert_proven();
    }
}

#[test]
fn points_of_a_hold_whose_lot_has_expired_return_and_expire_at_once() {
    let program = with_reward(json!({}));
    let held = |seconds: i64| {
        let mut member = member_with(&program, &[("2027-05-31", 130), ("2027-06-30", 7)]);
        member.holds(&program, "2027-05-31T23:30", "r-1", "coffee", seconds).unwrap();
        member
    };
    let told = |entries: &[Entry]| -> Vec<(String, [i64; 5])> {
        entries.iter().map(|entry| (entry.id.to_string(), changes(entry))).collect()
    };
    let row = |id: &str, changes: [i64; 5]| (id.to_owned(), changes);
    let spent = |points: i64| [-points, 0, -points, 0, 0];

    // The lot expires at midnight, and the hold ends half an hour later.
    let expected = [
        row("~expiry~2027-05-31", spent(30)),
        row("~cancellation~r-1", [100, 0, 100, -100, 0]),
        row("~expiry~2027-05-31~~cancellation~r-1", spent(100)),
    ];
    let mut member = held(3600);
    let mut in_steps = member.clone();
    assert_eq!(told(&in_steps.reviewed(&program, at("2027-06-01T00:00"))), expected[..1]);
    assert_eq!(in_steps.balances(), [0, 7, 100, 0], "what is held does not expire");
    assert!(in_steps.clone().captures(&program, at("2027-06-01T00:29"), "c-1", "r-1", None).is_ok());
    assert_eq!(told(&in_steps.reviewed(&program, at("2027-06-01T00:30"))), expected[1..]);
    assert_eq!(told(&member.reviewed(&program, at("2027-06-15"))), expected);
    assert_eq!(lots_of(&member.account), parts(&[("2027-06-30", 7)]));
    let expiry = &member.ledger.last().unwrap().entry;
    assert_eq!(expiry.refers_to.as_ref().unwrap().as_str(), "~cancellation~r-1");

    // The hold ends in time, and its points expire with the rest of their lot, whether or not the account is read in
    // between.
    let expected = [row("~cancellation~r-1", [100, 0, 100, -100, 0]), row("~expiry~2027-05-31", spent(130))];
    let mut member = held(900);
    let mut in_steps = member.clone();
    assert_eq!(told(&in_steps.reviewed(&program, at("2027-05-31T23:50"))), expected[..1]);
    assert_eq!(told(&in_steps.reviewed(&program, at("2027-06-15"))), expected[1..]);
    assert_eq!(told(&member.reviewed(&program, at("2027-06-15"))), expected);

    // The hold ends exactly at midnight, when the lot expires.
    let expected = [
        row("~expiry~2027-05-31", spent(30)),
        row("~cancellation~r-1", [100, 0, 100, -100, 0]),
        row("~expiry~2027-05-31~~cancellation~r-1", spent(100)),
    ];
    for now in ["2027-06-01T00:00", "2027-06-15"] {
        let mut member = held(1800);
        assert_eq!(told(&member.reviewed(&program, at(now))), expected, "{now}");
        assert_eq!(member.balances(), [0, 7, 0, 0]);
    }

    // Cancelled or partly captured after midnight: the points return and expire.
    let mut member = held(3600);
    member.cancels(&program, at("2027-06-01T00:10"), "c-1", "r-1").unwrap();
    assert_eq!(member.entry("~expiry~2027-05-31~c-1").points(), Points::new(-100));
    assert_eq!(member.balances(), [0, 7, 0, 0]);
    let mut member = held(3600);
    member.captures(&program, at("2027-06-01T00:10"), "c-1", "r-1", Some(60)).unwrap();
    assert_eq!(member.entry("~expiry~2027-05-31~c-1").points(), Points::new(-40));
    member.undoes(&program, at("2027-06-02"), "u-1", "r-1", true).unwrap();
    assert_eq!(member.entry("~expiry~2027-05-31~u-1").points(), Points::new(-60));
    assert_eq!(member.balances(), [0, 7, 0, 0]);
    member.assert_proven();
}

#[test]
fn holds_end_in_the_order_of_their_ends() {
    let program = with_reward(json!({}));
    let mut member = member_with(&program, &[("never", 1000)]);
    for (id, seconds) in [("r-1", 900), ("r-2", 300), ("r-3", 600)] {
        member.holds(&program, "2026-11-21", id, "coffee", seconds).unwrap();
    }
    let entries = member.reviewed(&program, at("2026-12-01"));
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["~cancellation~r-2", "~cancellation~r-3", "~cancellation~r-1"]);
    assert!(entries.is_sorted_by_key(|entry| entry.occurred_at));
    member.assert_proven();
}

#[test]
fn owed_points_are_paid_from_what_a_hold_returns() {
    for (owed, left) in [(30, 70), (100, 0), (130, 0)] {
        let program = with_reward(json!({}));
        let mut held = member_with(&program, &[("2027-05-31", 60), ("2027-06-30", 40)]);
        held.holds(&program, "2026-11-21", "r-1", "coffee", 600).unwrap();
        held.account.owed = Points::new(owed);
        let repaid = owed.min(100);
        let expected = ([100, 0, left, -100, -repaid], [0, left, 0, owed - repaid]);

        let mut member = held.clone();
        let entry = member.cancels(&program, at("2026-11-21"), "c-1", "r-1").unwrap();
        assert_eq!((changes(&entry), member.balances()), expected, "{owed}");
        let mut member = held.clone();
        let entry = member.reviewed(&program, at("2026-11-22")).remove(0);
        assert_eq!((changes(&entry), member.balances()), expected, "{owed}");
        let mut member = held;
        member.captures(&program, at("2026-11-21"), "c-1", "r-1", None).unwrap();
        let entry = member.undoes(&program, at("2026-11-21"), "u-1", "r-1", true).unwrap();
        assert_eq!((changes(&entry), member.balances()), ([100, 0, left, 0, -repaid], expected.1), "{owed}");
        let expected = if left == 0 { vec![] } else { vec![("2027-06-30", 40), ("2027-05-31", left - 40)] };
        let mut expected = parts(&expected);
        expected.sort();
        assert_eq!(lots_of(&member.account), expected, "of a part, what expires last comes back");
    }
}

/// Returns the pieces taken, and the use of the limit of `coffee`.
fn taken(program: &Rulebook, member: &Member) -> (i64, i64) {
    let owner = program.rewards[0].cap_owner();
    let ours = member.totals.get(&CounterId::Cap { owner: owner.clone(), from: EVER });
    let mine = used(&member.account, &owner);
    let gone = member.totals.get(&CounterId::Stock("coffee".parse().unwrap()));
    (gone.copied().unwrap_or_default(), ours.copied().unwrap_or(mine))
}

#[test]
fn stock_and_limit_are_returned_by_a_cancelled_hold_and_not_by_a_captured_one() {
    for (unit, one, part) in [("times", 1, 1), ("points", 100, 60)] {
        for per in ["member", "program"] {
            let program = with_reward(json!({ "stock": 5, "limit": { unit: 500, "per": per, "every": "ever" } }));
            let mut member = member_with(&program, &[("never", 1000)]);
            let check = |member: &Member, expected: (i64, i64), what: &str| {
                assert_eq!(taken(&program, member), expected, "{what}, {unit} per {per}");
                member.assert_proven();
            };
            member.holds(&program, "2026-11-21", "r-1", "coffee", 600).unwrap();
            check(&member, (1, one), "held");
            let now = at("2026-11-21");
            let mut other = member.clone();
            other.cancels(&program, now, "c-1", "r-1").unwrap();
            check(&other, (0, 0), "cancelled");
            let mut other = member.clone();
            other.reviewed(&program, at("2026-11-22"));
            check(&other, (0, 0), "expired");
            let mut other = member.clone();
            other.captures(&program, now, "c-1", "r-1", None).unwrap();
            check(&other, (1, one), "captured");
            member.captures(&program, now, "c-1", "r-1", Some(60)).unwrap();
            check(&member, (1, part), "captured in part");
            for captured in [&mut member, &mut other] {
                let mut written_off = captured.clone();
                captured.undoes(&program, now, "u-1", "r-1", true).unwrap();
                check(captured, (0, 0), "undone and returned");
                written_off.undoes(&program, now, "u-1", "r-1", false).unwrap();
                check(&written_off, (1, 0), "undone and written off");
            }
        }
    }
}

#[test]
fn the_returned_use_is_that_of_the_day_of_the_redemption() {
    for per in ["member", "program"] {
        let program = with_reward(json!({ "limit": { "times": 1, "per": per, "every": "day" } }));
        let mut member = member_with(&program, &[("never", 1000)]);
        member.holds(&program, "2026-11-21T23:50", "r-1", "coffee", 3600).unwrap();
        member.redeems(&program, at("2026-11-22T00:10"), "r-2", "coffee", None).unwrap();
        member.cancels(&program, at("2026-11-22T00:20"), "c-1", "r-1").unwrap();
        let again = member.redeems(&program, at("2026-11-22T00:30"), "r-3", "coffee", None);
        assert_eq!(again, Err(RedeemRefusal::RewardLimitReached), "{per}");
        member.undoes(&program, at("2026-11-22T00:40"), "u-1", "r-2", false).unwrap();
        assert!(member.redeems(&program, at("2026-11-22T00:50"), "r-4", "coffee", None).is_ok(), "{per}");
    }
}

#[test]
fn the_last_piece_is_available_as_soon_as_its_hold_ends() {
    for fields in [
        json!({ "stock": 1 }),
        json!({ "limit": { "times": 1, "per": "program", "every": "ever" } }),
        json!({ "limit": { "points": 100, "per": "program", "every": "ever" } }),
        json!({ "limit": { "times": 1, "every": "ever" } }),
    ] {
        let program = with_reward(fields.clone());
        let mut member = member_with(&program, &[("never", 100)]);
        member.holds(&program, "2026-11-21T12:00", "r-1", "coffee", 600).unwrap();
        assert!(member.redeems(&program, at("2026-11-21T12:09"), "r-2", "coffee", None).is_err(), "{fields}");
        let settled = member.settled(&program, at("2026-11-21T12:10"));
        let told = decided(&member.totals, |counters| settled.can_redeem(&program.rewards[0], counters, None));
        assert!(told.is_ok(), "{fields}");
        let had = member.redeems(&program, at("2026-11-21T12:10"), "r-2", "coffee", None);
        assert!(had.is_ok(), "{fields}: {had:?}");
        assert_eq!(member.balances(), [0; 4]);
        member.assert_proven();
    }
}

#[test]
fn reversed_points_return_with_their_original_dates() {
    let program = with_reward(json!({}));
    for (now, balance, left, expired) in [
        ("2026-11-22", 120, THREE.to_vec(), 0),
        ("2027-05-31T23:59", 120, THREE.to_vec(), 0),
        ("2027-06-01T00:00", 90, vec![("2027-06-30", 50), ("never", 40)], 1),
        ("2027-07-01T00:00", 40, vec![("never", 40)], 2),
    ] {
        let mut member = member_with(&program, &THREE);
        member.redeems(&program, at("2026-11-21"), "r-1", "coffee", None).unwrap();
        let entry = member.undoes(&program, at(now), "u-1", "r-1", true).unwrap();
        assert_eq!((changes(&entry), entry.refers_to.unwrap().as_str()), ([100, 0, 100, 0, 0], "r-1"), "{now}");
        assert_eq!((member.spendable(), lots_of(&member.account)), (balance, parts(&left)), "{now}");
        let expiries = member.ledger.iter().filter(|sealed| sealed.entry.kind() == Kind::Expiry);
        assert_eq!(expiries.count(), expired, "{now}");
        member.assert_proven();
    }
}

#[test]
fn a_hold_of_a_reward_per_money_holds_its_cost() {
    let program = with_reward(json!({ "cost": { "points": 100, "per": 200 } }));
    let mut member = member_with(&program, &[("never", 1000)]);
    let wish = Redeem { reward: "coffee".parse().unwrap(), money: Some(euro(401)), hold_seconds: Some(60) };
    let entry = member.redeems_or_holds(&program, at("2026-11-21"), "r-1", &wish).unwrap();
    assert_eq!((changes(&entry), entry.redeemed().unwrap().money), ([-201, 0, -201, 201, 0], Some(euro(401))));
    assert_eq!(member.balances(), [0, 799, 201, 0]);
}

#[test]
fn a_hold_of_a_reward_that_the_program_no_longer_has_can_still_end() {
    let first = with_reward(json!({ "stock": 5, "limit": { "times": 1, "every": "ever" } }));
    let second = first.then(at("2026-11-21"), &document(json!({})));
    for ending in ["captured", "cancelled", "expired"] {
        let mut member = member_with(&first, &THREE);
        member.holds(&first, "2026-11-21", "r-1", "coffee", 600).unwrap();
        match ending {
            "captured" => drop(member.captures(&second, at("2026-11-21"), "c-1", "r-1", None).unwrap()),
            "cancelled" => drop(member.cancels(&second, at("2026-11-21"), "c-1", "r-1").unwrap()),
            _ => drop(member.reviewed(&second, at("2026-11-22"))),
        }
        assert_eq!(member.state("r-1"), ending);
        member.assert_proven();
    }
}

#[test]
fn twenty_holds_that_end_on_one_day_end_in_one_commit() {
    let program = with_reward(json!({ "cost": { "points": 1 }, "stock": 100 }));
    let mut member = member_with(&program, &[("2026-11-21", 20)]);
    for n in 0..20 {
        member.holds(&program, "2026-11-21T23:00", &format!("r-{n}"), "coffee", 600).unwrap();
    }
    let version = member.account.version;
    let entries = member.reviewed(&program, at("2027-01-01"));
    assert_eq!((entries.len(), member.account.version - version), (21, 1));
    assert_eq!((member.balances(), taken(&program, &member).0), ([0; 4], 0));
    member.assert_proven();
}
