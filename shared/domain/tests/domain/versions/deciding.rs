//! Which version decides: a purchase by its own time, and later events of an entry by the version of that entry.

use regulars_domain::earn::EarnRefusal;
use serde_json::{Value, json};

use super::Member;
use crate::world::{Rulebook, at, changes, document, lots, on, program_of, purchase, used};

/// The values of a version: points per euro, lifetime in months, days of backdating, silver's threshold.
fn rules(points: i64, months: i64, backdating: i64, silver: i64) -> Value {
    document(json!({
        "points": { "expiry": { "after_months": months, "rounded_to": "exact_day" }, "backdating_days_max": backdating,
                    "expiry_notice_days": 0, "usable_days_min": 15 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": points, "per": 100 } } }],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": silver }] },
    }))
}

const CHANGE: &str = "2027-03-01T08:00";

#[test]
fn a_purchase_is_decided_by_the_version_in_force_when_it_happened() {
    let first = program_of(&rules(1, 12, 30, 300));
    let second = first.then(at(CHANGE), &rules(2, 1, 30, 300));
    for (made, now, points, expires_on, version) in [
        ("2027-02-20", "2027-02-20", 10, "2028-02-20", 1),
        ("2027-03-01T07:59", "2027-03-01T07:59", 10, "2028-03-01", 1),
        ("2027-03-01T07:59", "2027-03-01T08:00", 10, "2028-03-01", 1),
        ("2027-02-20", "2027-03-15", 10, "2028-02-20", 1),
        ("2027-03-01T07:59:59.999999999+03:00", "2027-03-15", 10, "2028-03-01", 1),
        ("2027-03-01T08:00", "2027-03-01T08:00", 20, "2027-04-01", 2),
        ("2027-03-01T08:00", "2027-03-15", 20, "2027-04-01", 2),
        // The till's clock is ahead, past the instant of the change. That counts as now.
        ("2027-03-01T08:02", "2027-03-01T07:59", 10, "2028-03-01", 1),
    ] {
        let mut member = Member::joins(&first, "2027-01-01");
        let entry = member.earns_at(&second, at(now), "order", &purchase(made, json!(1_000))).unwrap();
        let told = (entry.points().get(), entry.expires_on(), entry.program_version);
        assert_eq!(told, (points, Some(on(expires_on)), version), "{made} posted at {now}");
        member.assert_proven();
    }
}

#[test]
fn the_level_that_a_late_purchase_reaches_is_judged_by_the_version_in_force_now() {
    for (before, after, expected) in [(300, 50, "silver qualified 2028-12-31"), (50, 300, "bronze qualified -")] {
        let first = program_of(&rules(1, 12, 30, before));
        let second = first.then(at(CHANGE), &rules(1, 12, 30, after));
        let mut member = Member::joins(&first, "2027-01-01");
        let entry =
            member.earns_at(&second, at("2027-03-02"), "order", &purchase("2027-02-20", json!(10_000))).unwrap();
        assert_eq!((entry.program_version, entry.points().get()), (1, 100));
        assert_eq!(member.stands(&second, at("2027-03-02")), expected, "{before} and then {after}");
    }
}

#[test]
fn a_purchase_may_be_posted_as_late_as_the_version_says_that_was_in_force_when_it_was_made() {
    for (before, after, made, is_posted) in [
        (10, 30, "2027-02-20", true),
        (10, 30, "2027-02-19T23:59", false),
        (30, 10, "2027-01-31", true),
        (30, 10, "2027-01-30T23:59", false),
        (30, 0, "2027-02-20", true),
        (0, 30, "2027-03-01T07:59", false),
        (0, 30, "2027-03-01T08:00", true),
    ] {
        let first = program_of(&rules(1, 12, before, 300));
        let second = first.then(at(CHANGE), &rules(1, 12, after, 300));
        let mut member = Member::joins(&first, "2027-01-01");
        let done = member.earns_at(&second, at("2027-03-02"), "order", &purchase(made, json!(1_000)));
        assert_eq!(done.is_ok(), is_posted, "{made} with {before} and then {after}: {done:?}");
        let refused = done.err();
        assert!(refused.is_none_or(|refusal| matches!(refusal, EarnRefusal::OccurredAtOutOfRange { .. })));
    }
}

#[test]
fn what_a_late_purchase_under_an_earlier_version_can_need_is_kept_for_as_long() {
    // The cap of a day forty days ago, under the version that allows such late purchases.
    let capped = |backdating: i64| {
        document(json!({
            "points": { "backdating_days_max": backdating },
            "earning_rules": [{ "id": "once", "on": "purchase", "give": { "fixed": { "points": 10 } }, "cap": { "times": 1, "every": "day" } }],
        }))
    };
    let first = program_of(&capped(60));
    let second = first.then(at(CHANGE), &capped(0));
    let mut member = Member::joins(&first, "2027-01-01");
    assert_eq!(member.buys(&first, "2027-02-20", 100).points().get(), 10);
    member.is_touched(&second, at("2027-03-05"));
    let late = member.earns_at(&second, at("2027-03-31"), "late", &purchase("2027-02-20T18:00", json!(100))).unwrap();
    assert_eq!((late.points().get(), late.program_version), (0, 1));
}

fn confirmed(months: i64) -> Value {
    document(json!({
        "points": { "expiry": { "after_months": months, "rounded_to": "exact_day" },
                    "pending": { "until_confirmed": { "lapses_after_days": 60 } } },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
    }))
}

#[test]
fn a_confirmation_is_decided_by_the_version_of_the_purchase() {
    let first = program_of(&confirmed(12));
    let second = first.then(at(CHANGE), &confirmed(1));
    for (made, version, expires_on) in [("2027-02-20", 1, "2028-03-10"), ("2027-03-02", 2, "2027-04-10")] {
        let mut member = Member::joins(&first, "2027-01-01");
        member.earns_at(&second, at("2027-03-02"), "order", &purchase(made, json!(1_000))).unwrap();
        let entry = member.confirms(&second, at("2027-03-10"), "c-1", "order").unwrap();
        assert_eq!((entry.program_version, entry.expires_on()), (version, Some(on(expires_on))), "{made}");
        member.assert_proven();
    }
}

type Act = fn(&mut Member, &Rulebook);

#[test]
fn what_becomes_of_a_redemption_is_decided_by_its_own_version() {
    let reward = json!({ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 100 }, "stock": 5,
                         "limit": { "points": 500, "every": "ever" }, "hold_seconds_max": 3_600 });
    let first = program_of(&document(json!({ "rewards": [reward] })));
    let mut counted = reward.clone();
    counted["limit"] = json!({ "times": 3, "every": "ever" });
    let owner = "reward/coffee".parse().unwrap();
    for second in [json!([]), json!([counted])] {
        let second = first.then(at(CHANGE), &document(json!({ "rewards": second })));
        let mut held = Member::joins(&first, "2027-01-01");
        held.account.lots = lots(&[("never", 100)]);
        held.holds(&first, "2027-03-01T07:50", "r-1", "coffee", 3_600).unwrap();
        let gone = |member: &Member| member.totals.values().sum::<i64>();
        assert_eq!((used(&held.account, &owner), gone(&held)), (100, 1));
        let acts: [(&str, Act, (i64, i64)); 4] = [
            (
                "captured in part",
                |member, rules| drop(member.captures(rules, at("2027-03-01T08:10"), "e", "r-1", Some(60)).unwrap()),
                (60, 1),
            ),
            (
                "cancelled",
                |member, rules| drop(member.cancels(rules, at("2027-03-01T08:10"), "e", "r-1").unwrap()),
                (0, 0),
            ),
            ("over", |member, rules| drop(member.reviewed(rules, at("2027-03-01T09:00"))), (0, 0)),
            (
                "undone",
                |member, rules| {
                    member.captures(rules, at("2027-03-01T08:10"), "c-1", "r-1", None).unwrap();
                    member.undoes(rules, at("2027-03-06"), "e", "r-1", true).unwrap();
                },
                (0, 0),
            ),
        ];
        for (what, act, expected) in acts {
            let mut member = held.clone();
            act(&mut member, &second);
            assert_eq!((used(&member.account, &owner), gone(&member)), expected, "{what}");
            let entry = &member.ledger.last().unwrap().entry;
            assert_eq!((entry.program_version, entry.refers_to.as_ref().unwrap().as_str()), (1, "r-1"), "{what}");
        }
    }
}

#[test]
fn everything_else_is_decided_by_the_version_in_force_now() {
    let first = program_of(&rules(1, 12, 30, 300));
    let second = first.then(at(CHANGE), &rules(1, 1, 30, 300));
    let mut member = Member::joins(&first, "2027-01-01");
    for (now, version, expires_on) in [("2027-02-28", 1, "2028-02-28"), (CHANGE, 2, "2027-04-01")] {
        let entry = member.adjusts(&second, at(now), &format!("a-{now}"), 5).unwrap();
        assert_eq!((entry.program_version, entry.expires_on()), (version, Some(on(expires_on))), "{now}");
        assert_eq!(changes(&entry), [5, 0, 5, 0, 0]);
    }
}
