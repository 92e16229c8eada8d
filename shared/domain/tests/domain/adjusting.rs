//! Adjustments: an operator gives or deducts points, with a reason.

use regulars_domain::{
    adjust::{Adjust, AdjustRefusal},
    entry::Record,
    points::Points,
    qualifying::Qualifying,
};
use serde_json::json;

use crate::world::{Member, Rulebook, at, changes, lots, lots_of, on, program, purchase};

fn with_expiry() -> Rulebook {
    program(json!({
        "points": { "expiry": { "after_months": 12, "rounded_to": "end_of_month" }, "pending": { "days": 14 } },
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 10 }] },
    }))
}

#[test]
fn points_given_live_as_long_as_any_earned_today_and_pay_what_is_owed() {
    let program = with_expiry();
    for (owed, points, left) in [(0, 40, 40), (30, 40, 10), (40, 40, 0), (50, 40, 0)] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.account.owed = Points::new(owed);
        let entry = member.adjusts(&program, at("2026-11-21"), "a-1", points).unwrap();
        assert_eq!(entry.record, Record::Adjustment("goodwill".parse().unwrap()));
        assert_eq!(changes(&entry), [points, 0, left, 0, left - points], "{owed}");
        assert_eq!(member.balances(), [0, left, 0, owed - (points - left)], "they do not wait");
        assert_eq!(entry.expires_on(), (left > 0).then(|| on("2027-11-30")));
        let expected = if left > 0 { vec![("2027-11-30".to_owned(), left)] } else { vec![] };
        assert_eq!(lots_of(&member.account), expected);
        assert_eq!((member.tier(), member.account.qualifying.len()), (Some("bronze"), 0), "they count toward no tier");
        member.assert_proven();
    }
}

#[test]
fn points_taken_are_those_that_expire_soonest() {
    let program = with_expiry();
    for (points, left) in [
        (-10, vec![("2027-05-31", 20), ("never", 40)]),
        (-30, vec![("never", 40)]),
        (-31, vec![("never", 39)]),
        (-70, vec![]),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.account.lots = lots(&[("2027-05-31", 30), ("never", 40)]);
        let entry = member.adjusts(&program, at("2026-11-21"), "a-1", points).unwrap();
        assert_eq!((changes(&entry), entry.expires_on()), ([points, 0, points, 0, 0], None));
        let left: Vec<_> = left.into_iter().map(|(day, points)| (day.to_owned(), points)).collect();
        assert_eq!(lots_of(&member.account), left);
        member.assert_proven();
    }
}

/// Returns a request with points, their last day, and amounts toward a tier.
fn wish(points: i64, expires_on: Option<&str>, qualifying: i64) -> Adjust {
    Adjust {
        points: Points::new(points),
        expires_on: expires_on.map(on),
        qualifying: Qualifying { points: qualifying, ..Qualifying::default() },
        reason: "goodwill".parse().unwrap(),
        note: None,
    }
}

#[test]
fn points_given_until_a_day_live_until_then_or_until_the_day_to_which_activity_extended_all() {
    let inactivity = json!({ "points": { "expiry": { "inactivity_months": 12 } } });
    for (program, extended_to, expires_on, lasts_until) in [
        (with_expiry(), None, "2026-11-21", "2026-11-21"),
        (with_expiry(), None, "2027-03-31", "2027-03-31"),
        (with_expiry(), None, "9999-12-31", "9999-12-31"),
        (program(json!({})), None, "2027-03-31", "2027-03-31"),
        (program(inactivity.clone()), Some("2027-11-20"), "2027-03-31", "2027-11-20"),
        (program(inactivity), Some("2027-11-20"), "2028-03-31", "2028-03-31"),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.account.extended_to = extended_to.map(on);
        let entry = member.adjusts_by(&program, at("2026-11-21"), "a-1", &wish(40, Some(expires_on), 0)).unwrap();
        assert_eq!((changes(&entry), entry.expires_on()), ([40, 0, 40, 0, 0], Some(on(lasts_until))));
        assert_eq!(lots_of(&member.account), [(lasts_until.to_owned(), 40)]);
    }
}

fn tiered(period: &serde_json::Value) -> Rulebook {
    program(json!({
        "tiers": { "period": period, "levels": [
            { "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }, { "id": "gold", "threshold": 300 },
        ] },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
    }))
}

#[test]
fn an_operators_amounts_reach_a_tier_and_deducting_them_ends_it() {
    for period in [json!("calendar_year"), json!("membership_year"), json!("lifetime"), json!({ "rolling_months": 12 })]
    {
        let program = tiered(&period);
        let mut member = Member::joins(&program, "2026-08-01");
        member.earns(&program, "order-1", &purchase("2026-09-21", json!(9_000))).unwrap();
        member.earns(&program, "order-2", &purchase("2026-11-02", json!(1_000))).unwrap();
        assert_eq!(member.tier(), Some("silver"), "{period}");
        let before = member.balances();
        for (key, qualifying, tier) in [
            ("a-1", 200, "gold"),
            ("a-2", -1, "silver"),
            ("a-3", -199, "silver"),
            ("a-4", -60, "bronze"),
            ("a-5", -40, "bronze"),
        ] {
            let entry = member.adjusts_by(&program, at("2026-11-21"), key, &wish(0, None, qualifying)).unwrap();
            let counted: i64 = entry.effects.qualified.iter().map(|counted| counted.amount.points).sum();
            assert_eq!((counted, changes(&entry)), (qualifying, [0; 5]), "{period} {key}");
            assert_eq!(member.tier(), Some(tier), "{period} {key}");
            assert!(member.account.qualifying.values().all(|counted| counted.points >= 0), "{period} {key}");
        }
        // A purchase also counts as a visit and as spend, and those are unchanged.
        let left = member.account.qualifying.values().copied().fold(Qualifying::default(), Qualifying::plus);
        assert_eq!(left, Qualifying { points: 0, spend: 10_000, visits: 2 }, "{period}");
        let missing = Qualifying { points: 1, ..Qualifying::default() };
        let refused = member.adjusts_by(&program, at("2026-11-21"), "a-6", &wish(5, None, -1));
        assert_eq!(refused, Err(AdjustRefusal::InsufficientQualifying { missing }), "{period}");
        assert_eq!(member.balances(), before);
        member.assert_proven();
    }
}

#[test]
fn amounts_of_a_past_period_cannot_be_deducted() {
    let program = tiered(&json!("calendar_year"));
    let mut member = Member::joins(&program, "2026-08-01");
    member.earns(&program, "order-1", &purchase("2026-09-21", json!(9_000))).unwrap();
    let missing = Qualifying { points: 1, ..Qualifying::default() };
    let refused = member.adjusts_by(&program, at("2027-01-01"), "a-1", &wish(0, None, -1));
    assert_eq!(refused, Err(AdjustRefusal::InsufficientQualifying { missing }));
    member.assert_proven();
}

#[test]
fn a_return_deducts_no_more_than_an_operator_left() {
    let program = tiered(&json!("calendar_year"));
    let mut member = Member::joins(&program, "2026-08-01");
    member.earns(&program, "order-1", &purchase("2026-11-02", json!(9_000))).unwrap();
    member.earns(&program, "order-2", &purchase("2026-11-02", json!(3_000))).unwrap();
    member.adjusts_by(&program, at("2026-11-21"), "a-1", &wish(0, None, -100)).unwrap();
    member.reverses(&program, at("2026-11-21"), "back-1", "order-1", None).unwrap();
    let left: Vec<_> = member.account.qualifying.values().copied().collect();
    assert_eq!(left, [Qualifying { points: 0, spend: 3_000, visits: 1 }]);
    member.assert_proven();
}
