//! Points that are posted later than they were earned, in every way, and for how long they can be used.

use serde_json::{Value, json};

use crate::{
    club::Club,
    world::{Member, Rulebook, activity, at, document, euro, lots_of, program_of, purchase},
};

/// Returns a program with a point per cent and 7 per visit, and this policy on points.
fn with(points: &Value) -> Rulebook {
    let mut points = points.clone();
    points["backdating_days_max"] = json!(365);
    program_of(&document(json!({
        "points": points,
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } },
            { "id": "visit", "on": { "activity": "visit" }, "give": { "fixed": { "points": 7 } } },
            { "id": "friend", "on": "referral", "give": { "fixed": { "points": 100 } } },
        ],
        "referral": { "first_purchase_at_least": 500, "friend_points": 50 },
    })))
}

fn by_date() -> Value {
    json!({ "fixed_dates": ["12-31"] })
}

fn after_a_month() -> Value {
    json!({ "after_months": 1, "rounded_to": "exact_day" })
}

fn table(parts: &[(&str, i64)]) -> Vec<(String, i64)> {
    parts.iter().map(|(day, points)| ((*day).to_owned(), *points)).collect()
}

#[test]
fn points_that_are_posted_late_can_be_used_for_as_many_days_as_the_program_says() {
    for (expiry, days, earned, posted, expires_on) in [
        // On time, or on the day: as the policy says, however short.
        (by_date(), json!(null), "2026-12-30", "2026-12-30", "2026-12-31"),
        (by_date(), json!(null), "2026-12-30T00:00", "2026-12-30T23:59", "2026-12-31"),
        // Late: thirty days by default, never fewer than the policy gives.
        (by_date(), json!(null), "2026-12-30T23:59", "2026-12-31T00:00", "2027-01-30"),
        (by_date(), json!(null), "2026-12-30", "2027-01-02", "2027-02-01"),
        (by_date(), json!(0), "2026-12-30", "2026-12-31", "2026-12-31"),
        (by_date(), json!(1), "2026-12-30", "2027-01-02", "2027-01-03"),
        (by_date(), json!(365), "2026-12-30", "2027-01-02", "2028-01-02"),
        (by_date(), json!(30), "2027-01-01", "2027-01-02", "2027-12-31"),
        (after_a_month(), json!(30), "2026-12-01", "2027-02-10", "2027-03-12"),
        (after_a_month(), json!(10), "2026-12-01", "2026-12-10", "2027-01-01"),
        (json!({ "inactivity_months": 1 }), json!(null), "2026-12-01", "2027-01-10", "2027-02-09"),
        (json!({ "inactivity_months": 6 }), json!(30), "2026-12-01", "2027-01-10", "2027-06-01"),
    ] {
        let mut points = json!({ "expiry": expiry });
        if !days.is_null() {
            points["usable_days_min"] = days.clone();
        }
        let program = with(&points);
        for (occasion, given) in [(purchase(earned, json!(90)), 90), (activity(earned, "visit", &json!({})), 7)] {
            let mut member = Member::joins(&program, "2026-11-01");
            member.earns_at(&program, at(posted), "e", &occasion).unwrap();
            let what = format!("{points} from {earned}, posted at {posted}");
            assert_eq!(lots_of(&member.account), table(&[(expires_on, given)]), "{what}");
            member.reviewed(&program, at(&format!("{expires_on}T23:59")));
            assert_eq!(member.spendable(), given, "{what}");
            member.reviewed(&program, at(expires_on).checked_add(jiff::SignedDuration::from_hours(24)).unwrap());
            assert_eq!(member.spendable(), 0, "{what}");
            member.assert_proven();
        }
    }
}

#[test]
fn without_such_days_points_can_be_over_on_arrival() {
    let program = with(&json!({ "expiry": by_date(), "usable_days_min": 0 }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns_at(&program, at("2027-01-02"), "e", &purchase("2026-12-30", json!(90))).unwrap();
    assert_eq!((member.spendable(), *member.ids().last().unwrap()), (0, "~expiry~2026-12-31~e"));
}

#[test]
fn points_that_wait_and_were_posted_late_have_the_same_days() {
    let days = json!({ "days": 14 });
    let confirmed = json!({ "until_confirmed": { "lapses_after_days": 60 } });
    for (pending, earned, posted, spendable_on, expires_on) in [
        // On time.
        (&days, "2026-12-10", "2026-12-10", "2026-12-24", "2026-12-31"),
        (&confirmed, "2026-12-10", "2026-12-10", "2026-12-24", "2026-12-31"),
        // Posted late, before they mature and after.
        (&days, "2026-12-10", "2026-12-15", "2026-12-24", "2027-01-14"),
        (&days, "2026-12-10", "2027-01-02", "2027-01-02", "2027-02-01"),
        // The lifetime of points that wait for a confirmation begins with it, regardless of the day of posting.
        (&confirmed, "2026-12-10", "2026-12-15", "2026-12-20", "2027-01-14"),
        (&confirmed, "2026-12-10", "2026-12-15", "2027-01-01", "2027-12-31"),
    ] {
        let program = with(&json!({ "expiry": by_date(), "pending": pending }));
        let mut member = Member::joins(&program, "2026-11-01");
        let what = format!("{pending} from {earned}, posted on {posted}");
        member.earns_at(&program, at(posted), "e", &purchase(earned, json!(90))).unwrap();
        if *pending == confirmed {
            member.confirms(&program, at(spendable_on), "c", "e").unwrap();
        } else {
            member.reviewed(&program, at(spendable_on));
        }
        assert_eq!(lots_of(&member.account), table(&[(expires_on, 90)]), "{what}");
        // A return finds them in their own lot.
        member.adjusts(&program, at(spendable_on), "a", 5).unwrap();
        member.reverses(&program, at(spendable_on), "r", "e", Some(euro(40))).unwrap();
        let mut parts =
            table(&[(expires_on, 50), (if spendable_on < "2027" { "2026-12-31" } else { "2027-12-31" }, 5)]);
        parts.sort();
        if parts[0].0 == parts[1].0 {
            parts = table(&[(expires_on, 55)]);
        }
        assert_eq!(lots_of(&member.account), parts, "{what}");
        member.assert_proven();
    }
}

#[test]
fn points_that_an_amendment_gives_later_have_their_days_from_the_amendment() {
    let none = json!("none");
    let days = json!({ "days": 14 });
    for (pending, amended_on, parts) in [
        (&none, "2026-12-10", vec![("2026-12-31", 90)]),
        (&none, "2026-12-15", vec![("2026-12-31", 50), ("2027-01-14", 40)]),
        (&none, "2027-03-01", vec![("2027-03-31", 40)]),
        (&days, "2026-12-15", vec![("2026-12-31", 50), ("2027-01-14", 40)]),
        (&days, "2026-12-28", vec![("2026-12-31", 50), ("2027-01-27", 40)]),
    ] {
        let program = with(&json!({ "expiry": by_date(), "pending": pending }));
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns(&program, "e", &purchase("2026-12-10", json!(50))).unwrap();
        member.amends(&program, at(amended_on), "a", "e", &purchase("2026-12-10", json!(90))).unwrap();
        member.reviewed(&program, at("2026-12-30").max(at(amended_on)));
        assert_eq!(lots_of(&member.account), table(&parts), "{pending}, amended on {amended_on}");
        member.assert_proven();
    }
}

#[test]
fn a_referral_that_is_paid_late_can_be_used() {
    let program = with(&json!({ "expiry": { "inactivity_months": 1 } }));
    for is_busy in [false, true] {
        let mut club = Club::of(&program, "2026-11-01", &["m-0"]);
        club.joins(&program, "2026-11-01", "m-1", Some("m-0"), &[]);
        let bought = purchase("2026-11-10", json!(500));
        if is_busy {
            // The purchase is posted on its day, and the referrer is paid when that account is no longer busy.
            club.earns_alone(&program, "order-1", "m-1", &bought).unwrap();
            assert!(club.pays_debt(&program, "2026-12-20", "m-1"));
        } else {
            club.earns_at(&program, at("2026-12-20"), "order-1", "m-1", &bought).unwrap();
            assert_eq!(lots_of(&club.get("m-1").account), table(&[("2027-01-19", 550)]));
        }
        assert_eq!(lots_of(&club.get("m-0").account), table(&[("2027-01-19", 100)]));
        club.assert_proven();
    }
}
