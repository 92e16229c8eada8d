//! Adjustments: points that an operator gives or takes, with a reason.

use regulars_domain::{entry::Record, points::Points};
use serde_json::json;

use crate::world::{Member, Rulebook, at, changes, lots, lots_of, on, program};

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
