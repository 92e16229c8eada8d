//! Reversals of accruals: what a refund deducts of the points of a purchase.

use regulars_domain::{calendar::EVER, counter::CounterId, entry::Kind, points::Points, reversal::Return};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, activity, at, changes, euro, lots, lots_of, on, program, purchase};

/// Returns a program with a point per ten cents, half of them again for a promotion, and `points` for pending and
/// expiry.
fn with_points(points: &Value) -> Rulebook {
    program(json!({
        "points": points,
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } },
            { "id": "promotion", "on": "purchase", "stacking": "add", "give": { "multiplier": { "percent": 150 } } },
        ],
        "rewards": [{ "id": "off", "name": "Off", "kind": "discount", "cost": { "points": 1, "per": 1 } }],
    }))
}

fn plain() -> Rulebook {
    with_points(&json!({ "expiry": { "after_months": 12 } }))
}

/// Returns a member with one purchase of 10.01 euros, for 100 and 50 points.
fn buyer(program: &Rulebook) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.earns(program, "order-1", &purchase("2026-11-21", json!(1001))).unwrap();
    assert_eq!(member.account.total(), Points::new(150));
    member
}

#[test]
fn what_the_smaller_purchase_would_have_earned_remains() {
    // By hand: of 100 and 50 points remain floor((1001 - refunded) / 10), and the half of that, rounded down.
    for (refunds, taken) in [
        (vec![0], vec![0]),
        (vec![1], vec![0]),
        (vec![500], vec![75]),
        (vec![501], vec![75]),
        (vec![1000], vec![150]),
        (vec![1001], vec![150]),
        (vec![500, 500], vec![75, 0]),
        (vec![500, 501, 1000, 1001], vec![75, 0, 75, 0]),
        (vec![500, 300, 501], vec![75, 0, 0]),
        (vec![1001, 1001, 500, 0], vec![150, 0, 0, 0]),
        (vec![333, 666, 999], vec![51, 50, 49]),
    ] {
        for pending in [json!("none"), json!({ "days": 14 }), json!({ "until_confirmed": { "lapses_after_days": 30 } })]
        {
            let program = with_points(&json!({ "pending": pending }));
            let mut member = buyer(&program);
            for (n, (total, expected)) in refunds.iter().zip(&taken).enumerate() {
                let key = format!("refund-{n}");
                let entry = member.reverses(&program, at("2026-11-22"), &key, "order-1", Some(euro(*total))).unwrap();
                assert_eq!(entry.points().get(), -expected, "{refunds:?}, of them {total}, {pending}");
                assert_eq!((entry.kind(), entry.refers_to.unwrap().as_str()), (Kind::AccrualReversal, "order-1"));
            }
            assert_eq!(member.account.total().get(), 150 - taken.iter().sum::<i64>());
            let recorded = member.recorded("order-1");
            assert_eq!(recorded.returned().refunded(), *refunds.iter().max().unwrap());
            assert_eq!(recorded.is_undone(), refunds.contains(&1001));
            member.assert_proven();
        }
    }
}

#[test]
fn tills_that_know_their_own_return_only_take_back_what_comes_to_the_same() {
    let told = |told: &str, cents| match told {
        "more" => Return::Refund(euro(cents)),
        "in all" => Return::RefundedTotal(euro(cents)),
        _ => Return::Everything,
    };
    // By hand: 100 points for 10000, so one for each 100 that is returned. What is left, and what was refunded.
    for (returns, left) in [
        (vec![("more", 3000), ("more", 2000)], (50, 5000)),
        (vec![("more", 2000), ("more", 3000)], (50, 5000)),
        (vec![("more", 3000), ("in all", 3000)], (70, 3000)),
        (vec![("in all", 3000), ("more", 3000)], (40, 6000)),
        (vec![("more", 3000), ("in all", 2000), ("more", 1000)], (60, 4000)),
        (vec![("more", 0), ("more", 1), ("more", 0)], (99, 1)),
        (vec![("more", 9_999), ("more", 1)], (0, 10_000)),
        (vec![("more", 3000), ("all", 0), ("more", 0)], (0, 10_000)),
    ] {
        let rate = json!({ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } });
        let program = program(json!({ "earning_rules": [rate] }));
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns(&program, "order-1", &purchase("2026-11-21", json!(10_000))).unwrap();
        for (n, (how, cents)) in returns.iter().enumerate() {
            let (key, now) = (format!("refund-{n}"), at("2026-11-22"));
            member.returns(&program, now, &key, "order-1", told(how, *cents)).unwrap();
        }
        let refunded = member.recorded("order-1").returned().refunded();
        assert_eq!((member.account.total().get(), refunded), left, "{returns:?}");
        for more in [10_001 - refunded, 10_000] {
            let refused = member.returns(&program, at("2026-11-22"), "more", "order-1", told("more", more));
            assert_eq!(refused.is_err(), more + refunded > 10_000, "{returns:?}");
        }
        member.assert_proven();
    }
}

#[test]
fn an_empty_return_of_a_free_purchase_deducts_nothing_and_a_full_one_deducts_all() {
    let program = program(json!({ "earning_rules": [
        { "id": "visit", "on": "purchase", "give": { "fixed": { "points": 10 } } },
    ] }));
    for (returned, left) in
        [(Return::Refund(euro(0)), 10), (Return::RefundedTotal(euro(0)), 10), (Return::Everything, 0)]
    {
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns(&program, "order-1", &purchase("2026-11-21", json!(0))).unwrap();
        member.returns(&program, at("2026-11-22"), "refund-1", "order-1", returned.clone()).unwrap();
        assert_eq!(member.account.total().get(), left, "{returned:?}");
    }
}

#[test]
fn no_total_takes_everything_back() {
    let program = plain();
    for before in [None, Some(500), Some(1001)] {
        let mut member = buyer(&program);
        if let Some(total) = before {
            member.reverses(&program, at("2026-11-22"), "refund-1", "order-1", Some(euro(total))).unwrap();
        }
        member.reverses(&program, at("2026-11-22"), "refund-2", "order-1", None).unwrap();
        assert_eq!((member.balances(), member.recorded("order-1").is_undone()), ([0; 4], true), "{before:?}");
    }
}

#[test]
fn points_are_taken_from_where_they_are() {
    let by_day = json!({ "pending": { "days": 14 }, "expiry": { "after_months": 12 } });
    let confirmed =
        json!({ "pending": { "until_confirmed": { "lapses_after_days": 30 } }, "expiry": { "after_months": 12 } });
    for (points, now, expected) in [
        // Its own pending points; not what expires sooner.
        (&by_day, "2026-11-22", [-150, -150, 0, 0, 0]),
        (&confirmed, "2026-11-22", [-150, -150, 0, 0, 0]),
        // They have matured, into their own lot.
        (&by_day, "2026-12-05", [-150, 0, -150, 0, 0]),
        // They have lapsed: there is nothing to deduct, and nothing is owed.
        (&confirmed, "2026-12-22", [0, 0, 0, 0, 0]),
    ] {
        let program = with_points(points);
        let mut member = buyer(&program);
        member.account.lots = lots(&[("2027-05-31", 30), ("never", 400)]);
        let entry = member.reverses(&program, at(now), "refund-1", "order-1", None).unwrap();
        assert_eq!(changes(&entry), expected, "{points} on {now}");
        let left = [("2027-05-31".to_owned(), 30), ("never".to_owned(), 400)];
        assert_eq!(lots_of(&member.account), left, "{points} on {now}");
        assert_eq!(member.balances(), [0, 430, 0, 0], "{points} on {now}");
        member.assert_proven();
    }
}

#[test]
fn points_that_lapsed_after_a_partial_return_are_not_deducted_again() {
    let program = with_points(&json!({ "pending": { "until_confirmed": { "lapses_after_days": 30 } } }));
    let mut member = buyer(&program);
    member.reverses(&program, at("2026-11-22"), "refund-1", "order-1", Some(euro(500))).unwrap();
    member.account.lots = lots(&[("never", 400)]);
    let lapse = &member.reviewed(&program, at("2026-12-22"))[0];
    assert_eq!(changes(lapse), [-75, -75, 0, 0, 0]);
    let entry = member.reverses(&program, at("2026-12-22"), "refund-2", "order-1", None).unwrap();
    assert_eq!((changes(&entry), member.balances()), ([0; 5], [0, 400, 0, 0]));
}

#[test]
fn confirmed_points_are_taken_from_the_lot_that_they_became() {
    let program = with_points(
        &json!({ "pending": { "until_confirmed": { "lapses_after_days": 30 } }, "expiry": { "after_months": 12 } }),
    );
    let mut member = buyer(&program);
    member.reverses(&program, at("2026-11-22"), "refund-1", "order-1", Some(euro(500))).unwrap();
    member.confirms(&program, at("2026-12-03"), "c-1", "order-1").unwrap();
    member.account.lots.put(regulars_domain::lots::Expiry::On(on("2026-12-31")), Points::new(30));
    assert_eq!(lots_of(&member.account), [("2026-12-31".to_owned(), 30), ("2027-12-31".to_owned(), 75)]);
    let entry = member.reverses(&program, at("2026-12-04"), "refund-2", "order-1", Some(euro(1001))).unwrap();
    assert_eq!(changes(&entry), [-75, 0, -75, 0, 0]);
    assert_eq!(lots_of(&member.account), [("2026-12-31".to_owned(), 30)]);
    member.assert_proven();
}

#[test]
fn points_that_are_already_spent_are_owed_or_forgiven() {
    for policy in ["owe", "forgive"] {
        let program = with_points(&json!({ "negative_balance": policy, "expiry": { "after_months": 12 } }));
        let spent = |points: i64| {
            let mut member = buyer(&program);
            member.redeems(&program, at("2026-11-22"), "r-1", "off", Some(euro(points))).unwrap();
            member
        };
        for (others, from_own, from_others, missing) in
            [(0, 50, 0, 100), (30, 50, 30, 70), (100, 50, 100, 0), (130, 50, 100, 0)]
        {
            let mut member = spent(100);
            member.account.lots.put(regulars_domain::lots::Expiry::On(on("2026-12-31")), Points::new(others));
            let entry = member.reverses(&program, at("2026-11-22"), "refund-1", "order-1", None).unwrap();
            let owed = if policy == "owe" { missing } else { 0 };
            let taken = from_own + from_others;
            assert_eq!(changes(&entry), [-taken - owed, 0, -taken, 0, owed], "{policy} {others}");
            assert_eq!(member.balances(), [0, others - from_others, 0, owed], "{policy} {others}");
            // The next points pay what is owed.
            member.earns(&program, "order-2", &purchase("2026-11-23", json!(400))).unwrap();
            let expected = others - from_others + 60 - owed.min(60);
            assert_eq!(member.balances(), [0, expected, 0, owed - owed.min(60)], "{policy} {others}");
            member.assert_proven();
        }
        // The whole lot has expired: its share comes from elsewhere, or is owed or forgiven.
        let mut member = buyer(&program);
        let entry = member.reverses(&program, at("2027-12-01"), "refund-1", "order-1", None).unwrap();
        let owed = if policy == "owe" { 150 } else { 0 };
        assert_eq!((changes(&entry), member.balances()), ([-owed, 0, 0, 0, owed], [0, 0, 0, owed]), "{policy}");
    }
}

#[test]
fn points_that_paid_what_was_owed_are_owed_again() {
    let program = plain();
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.owed = Points::new(120);
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(1001))).unwrap();
    assert_eq!(member.balances(), [0, 30, 0, 0]);
    let entry = member.reverses(&program, at("2026-11-22"), "refund-1", "order-1", None).unwrap();
    assert_eq!((changes(&entry), member.balances()), ([-150, 0, -30, 0, 120], [0, 0, 0, 120]));
}

#[test]
fn held_points_stay_held_regardless_of_returns() {
    let program = program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } }],
        "rewards": [{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 80 }, "hold_seconds_max": 600 }],
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(1000))).unwrap();
    member.holds(&program, "2026-11-21", "r-1", "coffee", 600).unwrap();
    let entry = member.reverses(&program, at("2026-11-21"), "refund-1", "order-1", None).unwrap();
    assert_eq!((changes(&entry), member.balances()), ([-100, 0, -20, 0, 80], [0, 0, 80, 80]));
    member.reviewed(&program, at("2026-11-22"));
    assert_eq!(member.balances(), [0; 4]);
    member.assert_proven();
}

#[test]
fn an_activity_is_reversed_completely() {
    let program = program(json!({ "earning_rules": [
        { "id": "review", "on": { "activity": "review" }, "give": { "fixed": { "points": 7 } }, "cap": { "times": 1, "every": "day" } },
    ] }));
    let review = activity("2026-11-21", "review", &json!({}));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "review-1", &review).unwrap();
    assert!(member.reverses(&program, at("2026-11-21"), "undo-1", "review-1", Some(euro(1))).is_err());
    let entry = member.reverses(&program, at("2026-11-21"), "undo-1", "review-1", None).unwrap();
    assert_eq!((entry.points().get(), member.balances()), (-7, [0; 4]));
    let again = member.reverses(&program, at("2026-11-21"), "undo-2", "review-1", None).unwrap();
    assert_eq!(again.points().get(), 0);
    // Its cap is free again, once.
    assert_eq!(member.earns(&program, "review-2", &review).unwrap().points().get(), 7);
    assert_eq!(member.earns(&program, "review-3", &review).unwrap().points().get(), 0);
    member.assert_proven();
}

#[test]
fn use_of_a_cap_goes_back_by_points_with_each_refund_and_by_times_with_the_whole() {
    // By hand: of 100 points remain 75, 49 (of 495) and 0.
    for (unit, most, used) in [("points", 120, [100, 75, 75, 49, 0, 0]), ("times", 2, [1, 1, 1, 1, 0, 0])] {
        for per in ["member", "program"] {
            let program = program(json!({ "earning_rules": [
                { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } },
                  "cap": { unit: most, "per": per, "every": "ever" } },
                { "id": "other", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } },
            ] }));
            let owner = program.earning_rules[0].cap_owner();
            let counter = CounterId::Cap { owner: owner.clone(), from: EVER };
            let mut member = Member::joins(&program, "2026-11-01");
            member.earns(&program, "order-1", &purchase("2026-11-21", json!(1000))).unwrap();
            let mut seen = Vec::new();
            for (n, total) in [None, Some(250), Some(200), Some(505), Some(1000), Some(1000)].into_iter().enumerate() {
                if let Some(total) = total {
                    let key = format!("refund-{n}");
                    member.reverses(&program, at("2026-12-22"), &key, "order-1", Some(euro(total))).unwrap();
                }
                let ours = member.totals.get(&counter).copied().unwrap_or_default();
                seen.push(crate::world::used(&member.account, &owner) + ours);
            }
            assert_eq!(seen, used, "{unit} per {per}");
        }
    }
}

#[test]
fn a_line_that_its_cap_clipped_keeps_what_it_got_as_long_as_the_rest_would_give_that() {
    let program = program(json!({ "earning_rules": [
        { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } }, "cap": { "points": 120, "every": "month" } },
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    for (key, given) in [("order-1", 100), ("order-2", 20), ("order-3", 0)] {
        assert_eq!(member.earns(&program, key, &purchase("2026-11-21", json!(1000))).unwrap().points().get(), given);
    }
    for (key, order, total, taken) in [("a", "order-3", 1000, 0), ("b", "order-2", 500, 0), ("c", "order-2", 1000, -20)]
    {
        let entry = member.reverses(&program, at("2026-12-01"), key, order, Some(euro(total))).unwrap();
        assert_eq!(entry.points().get(), taken, "{key}");
    }
    let late = member.earns_at(&program, at("2026-12-01"), "order-4", &purchase("2026-11-21", json!(1000))).unwrap();
    assert_eq!(late.points().get(), 20, "the cap of the month in which it was bought");
}

/// Asserts what a card of three for 50 points pays with each purchase or refund.
fn check_card(steps: &[(&str, i64)]) {
    let program = program(json!({ "earning_rules": [
        { "id": "card", "on": "purchase", "give": { "punch_card": { "every": 3, "points": 50 } } },
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    for (n, (step, expected)) in steps.iter().enumerate() {
        let entry = match step.split_once(' ') {
            None => member.earns(&program, step, &purchase("2026-11-21", json!(100))).unwrap(),
            Some(("part", order)) => {
                member.reverses(&program, at("2026-11-21"), &format!("undo-{n}"), order, Some(euro(50))).unwrap()
            }
            Some((_, order)) => member.reverses(&program, at("2026-11-21"), &format!("undo-{n}"), order, None).unwrap(),
        };
        assert_eq!(entry.points().get(), *expected, "{step} of {steps:?}");
    }
    member.assert_proven();
}

#[test]
fn a_punch_card_pays_for_the_purchases_that_are_left() {
    check_card(&[("a", 0), ("b", 0), ("undo b", 0), ("c", 0), ("d", 50), ("e", 0)]);
    check_card(&[("a", 0), ("b", 0), ("part b", 0), ("c", 50)]);
    check_card(&[("a", 0), ("b", 0), ("c", 50), ("undo c", -50), ("d", 50)]);
    check_card(&[("a", 0), ("undo a", 0), ("undo a", 0), ("b", 0), ("c", 0), ("d", 50)]);
    // The purchase that completed the card is returned after another one: they are still three.
    check_card(&[("a", 0), ("b", 0), ("c", 50), ("d", 0), ("undo c", 0), ("e", 0), ("f", 0), ("g", 50)]);
    // Another purchase of a full card is returned: two are left, and the card is no longer full.
    check_card(&[
        ("a", 0),
        ("b", 0),
        ("c", 50),
        ("undo a", -50),
        ("d", 50),
        ("undo b", -50),
        ("e", 50),
        ("f", 0),
        ("g", 0),
        ("h", 50),
    ]);
}

/// Points and visits toward three tiers, over the calendar year.
fn tiered(downgrade: &str) -> Rulebook {
    program(json!({
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } },
            { "id": "extra", "on": "purchase", "qualifying": false, "give": { "fixed": { "points": 5 } } },
        ],
        "tiers": { "downgrade": downgrade, "levels": [
            { "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }, { "id": "gold", "threshold": 200 },
        ] },
    }))
}

#[test]
fn what_counted_toward_a_tier_goes_back_and_the_tier_follows() {
    let program = tiered("to_qualified");
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(1050))).unwrap();
    member.earns(&program, "order-2", &purchase("2026-11-21", json!(1000))).unwrap();
    let counted = |member: &Member| {
        let counted = member.account.qualifying.get(&on("2026-01-01")).copied().unwrap_or_default();
        (counted.points, counted.spend, counted.visits)
    };
    assert_eq!((counted(&member), member.tier()), ((205, 2050, 2), Some("gold")));
    for (n, (order, total, expected, tier, changed)) in [
        ("order-2", Some(50), (200, 2000, 2), "gold", false),
        ("order-2", Some(51), (199, 1999, 2), "silver", true),
        ("order-2", Some(30), (199, 1999, 2), "silver", false),
        ("order-2", Some(1000), (105, 1050, 1), "silver", false),
        ("order-2", None, (105, 1050, 1), "silver", false),
        ("order-1", Some(525), (52, 525, 1), "bronze", true),
        ("order-1", None, (0, 0, 0), "bronze", false),
    ]
    .into_iter()
    .enumerate()
    {
        let before = member.ledger.len();
        let key = format!("refund-{n}");
        let entry = member.reverses(&program, at("2026-11-22"), &key, order, total.map(euro)).unwrap();
        assert_eq!((counted(&member), member.tier()), (expected, Some(tier)), "{order} {total:?}");
        assert_eq!(
            (entry.effects.tier_change.is_some(), member.ledger.len() - before),
            (changed, 1 + usize::from(changed))
        );
        if changed {
            assert_eq!(member.entry(&format!("~tier~by~{key}")).refers_to.unwrap().as_str(), key);
        }
    }
    assert_eq!(member.account.qualifying.len(), 0, "what counts nothing is not kept");
    member.assert_proven();
}

#[test]
fn the_tier_that_a_closed_period_earned_falls_with_what_it_is_left_with() {
    // Gold by 250 points in 2026; 160 or 60 of them are left, or the silver of 2025 secures something.
    for (downgrade, before, cents, expected) in [
        ("to_qualified", None, 400, "gold"),
        ("to_qualified", None, 900, "silver"),
        ("to_qualified", None, 1900, "bronze"),
        ("one_level", None, 900, "silver"),
        ("one_level", None, 1900, "bronze"),
        ("one_level", Some(1000), 1900, "bronze"),
        ("one_level", Some(2000), 1900, "silver"),
        ("one_level", Some(2000), 900, "silver"),
        ("never", None, 900, "silver"),
        ("never", None, 1900, "bronze"),
        ("never", Some(2000), 1900, "gold"),
    ] {
        let program = tiered(downgrade);
        let mut member = Member::joins(&program, "2025-11-01");
        if let Some(cents) = before {
            member.earns(&program, "order-0", &purchase("2025-11-21", json!(cents))).unwrap();
        }
        member.earns(&program, "order-1", &purchase("2026-11-21", json!(500))).unwrap();
        member.earns(&program, "order-2", &purchase("2026-11-21", json!(2000))).unwrap();
        member.reviewed(&program, at("2027-01-05"));
        assert_eq!(member.tier(), Some("gold"), "{downgrade} {before:?}");
        member.reverses(&program, at("2027-02-01"), "refund-1", "order-2", Some(euro(cents))).unwrap();
        assert_eq!(member.tier(), Some(expected), "{downgrade} {before:?} {cents}");
        // As if it had never been bought; from 2028 on, the year 2027 without purchases counts.
        let later = member.reviewed(&program, at("2027-12-31"));
        assert_eq!((later, member.tier()), (vec![], Some(expected)), "{downgrade} {before:?} {cents}");
        member.assert_proven();
    }
}

#[test]
fn a_refund_of_a_purchase_of_long_ago_touches_no_tier_that_is_left() {
    let program = tiered("to_qualified");
    let mut member = Member::joins(&program, "2025-11-01");
    member.earns(&program, "order-1", &purchase("2025-11-21", json!(2000))).unwrap();
    member.earns(&program, "order-2", &purchase("2027-03-21", json!(1000))).unwrap();
    let entry = member.reverses(&program, at("2027-04-01"), "refund-1", "order-1", None).unwrap();
    assert_eq!((entry.points().get(), member.tier()), (-205, Some("silver")));
    assert_eq!(member.account.qualifying[&on("2027-01-01")].points, 100);
    member.assert_proven();
}

#[test]
fn a_suspended_member_can_bring_something_back() {
    let program = plain();
    let mut member = buyer(&program);
    member.account.status = regulars_domain::account::Status::Suspended;
    assert!(member.reverses(&program, at("2026-11-22"), "refund-1", "order-1", None).is_ok());
}

#[test]
fn a_reversal_of_one_of_two_purchases_takes_only_its_own() {
    let program = with_points(&json!({ "pending": { "days": 14 } }));
    let mut member = buyer(&program);
    member.earns(&program, "order-2", &purchase("2026-11-21", json!(1001))).unwrap();
    member.reverses(&program, at("2026-11-22"), "refund-1", "order-1", Some(euro(500))).unwrap();
    member.reverses(&program, at("2026-11-22"), "refund-2", "order-1", None).unwrap();
    member.reverses(&program, at("2026-11-22"), "refund-3", "order-1", None).unwrap();
    assert_eq!(member.balances(), [150, 0, 0, 0]);
    member.reviewed(&program, at("2026-12-05"));
    assert_eq!(member.balances(), [0, 150, 0, 0]);
}
