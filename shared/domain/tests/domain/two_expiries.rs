//! Points that expire by two policies, whichever comes first.

use jiff::{Span, civil::Date};
use proptest::prelude::*;
use regulars_domain::entry::Kind;
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, document, expiring, lots_of, on, program_of, purchase};

/// Returns a program with a point per cent, and a coffee for 30, with this expiry.
fn with(expiry: &Value) -> Rulebook {
    program_of(&with_expiry(expiry))
}

/// Its document.
fn with_expiry(expiry: &Value) -> Value {
    document(json!({
        "points": { "expiry": expiry, "backdating_days_max": 365 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
        "rewards": [{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 30 },
                      "hold_seconds_max": 3600 }],
    }))
}

fn after(months: i64) -> Value {
    json!({ "after_months": months, "rounded_to": "exact_day" })
}

fn inactivity(months: i64) -> Value {
    json!({ "inactivity_months": months })
}

/// The points that expire on each day.
fn by_day(member: &Member) -> Vec<(String, i64)> {
    let mut days = std::collections::BTreeMap::new();
    for (day, points) in lots_of(&member.account) {
        *days.entry(day).or_insert(0) += points;
    }
    days.into_iter().collect()
}

fn table(parts: &[(&str, i64)]) -> Vec<(String, i64)> {
    parts.iter().map(|(day, points)| ((*day).to_owned(), *points)).collect()
}

#[test]
fn points_expire_by_the_policy_that_comes_first() {
    let fixed = || json!({ "fixed_dates": ["12-31"] });
    for (one, other, bought_on, expires_on, extended_to) in [
        // Activity on 1 June extends no further than the other policy allows.
        (after(24), inactivity(12), "2027-01-10", "2028-01-10", "2028-06-01"),
        (after(14), inactivity(12), "2027-01-10", "2028-01-10", "2028-03-10"),
        (after(6), inactivity(12), "2027-01-10", "2027-07-10", "2027-07-10"),
        (fixed(), inactivity(6), "2027-01-10", "2027-07-10", "2027-12-01"),
        (fixed(), inactivity(8), "2027-01-10", "2027-09-10", "2027-12-31"),
        // Without inactivity nothing is extended.
        (fixed(), after(6), "2027-01-10", "2027-07-10", "2027-07-10"),
        (fixed(), after(14), "2027-01-10", "2027-12-31", "2027-12-31"),
    ] {
        for expiry in [json!([one, other]), json!([other, one])] {
            let program = with(&expiry);
            let mut member = Member::joins(&program, "2027-01-01");
            let entry = member.earns(&program, "order-1", &purchase(bought_on, json!(100))).unwrap();
            assert_eq!(entry.expires_on(), Some(on(expires_on)), "{expiry}");
            member.redeems(&program, at("2027-06-01"), "r-1", "coffee", None).unwrap();
            assert_eq!(by_day(&member), table(&[(extended_to, 70)]), "{expiry}");
            // Points that a hold or a reversed redemption returns have the same date.
            member.holds(&program, "2027-06-01", "r-2", "coffee", 600).unwrap();
            member.cancels(&program, at("2027-06-01"), "c-2", "r-2").unwrap();
            member.undoes(&program, at("2027-06-01"), "u-1", "r-1", true).unwrap();
            assert_eq!(by_day(&member), table(&[(extended_to, 100)]), "{expiry}");
            let told = member.reviewed(&program, at(&format!("{extended_to}T23:59")));
            let notices: Vec<_> = told.iter().filter_map(expiring).map(|told| (told.on, told.points.get())).collect();
            assert_eq!((notices, member.spendable()), (vec![(on(extended_to), 100)], 100), "{expiry}");
            member.reviewed(&program, at("2029-01-01"));
            assert_eq!((member.spendable(), *member.ids().last().unwrap()), (0, &*format!("~expiry~{extended_to}")));
            member.assert_proven();
        }
    }
}

#[test]
fn points_of_one_last_day_and_different_limits_share_their_expiry_and_notice() {
    let program = with(&json!([after(24), inactivity(2)]));
    let mut member = Member::joins(&program, "2027-01-01");
    for (key, day) in [("order-1", "2027-01-10"), ("order-2", "2027-01-20"), ("order-3", "2027-02-01")] {
        member.earns(&program, key, &purchase(day, json!(100))).unwrap();
    }
    assert_eq!(
        member.account.lots.next_expiry().map(|(day, points)| (day, points.get())),
        Some((on("2027-04-01"), 300))
    );
    let entries = member.reviewed(&program, at("2027-04-02"));
    let told: Vec<_> = entries.iter().map(|entry| (entry.kind(), entry.points().get())).collect();
    assert_eq!(told, [(Kind::Expiry, -300)]);
    // A return finds its purchase's points among others of the same last day.
    let mut member = Member::joins(&program, "2027-01-01");
    for (key, day) in [("order-1", "2027-01-10"), ("order-2", "2027-01-20"), ("order-3", "2027-02-01")] {
        member.earns(&program, key, &purchase(day, json!(100))).unwrap();
    }
    member.reverses(&program, at("2027-02-02"), "back", "order-2", None).unwrap();
    let limits: Vec<_> = member.account.lots.iter().map(|(expiry, points)| (expiry.limit(), points.get())).collect();
    assert_eq!(limits, [(Some(on("2029-01-10")), 100), (Some(on("2029-02-01")), 100)]);
    member.assert_proven();
}

#[test]
fn points_that_are_posted_late_can_be_used_and_lots_keep_their_dates_under_another_version() {
    let both = with(&json!([after(1), inactivity(2)]));
    let mut member = Member::joins(&both, "2027-01-01");
    member.earns_at(&both, at("2027-06-01"), "late", &purchase("2027-02-01", json!(10))).unwrap();
    assert_eq!(by_day(&member), table(&[("2027-07-01", 10)]));
    let longer = both.then(at("2027-06-02"), &with_expiry(&json!([after(24), inactivity(12)])));
    member.reviewed(&longer, at("2027-06-03"));
    assert_eq!(by_day(&member), table(&[("2027-07-01", 10)]));
    // Activity extends no point beyond its own limit.
    member.earns(&longer, "order-1", &purchase("2027-06-03", json!(5))).unwrap();
    assert_eq!(by_day(&member), table(&[("2027-07-01", 10), ("2028-06-03", 5)]));
    member.assert_proven();
}

/// Independent books: each credit with its last day, and the latest day that it can have.
#[derive(Default)]
struct Books {
    credits: Vec<(Date, Date, i64)>,
    alive_to: Option<Date>,
}

fn months_later(day: Date, months: i64) -> Date {
    day.checked_add(Span::new().months(months)).unwrap()
}

impl Books {
    fn is_active(&mut self, today: Date, inactive: i64) {
        let to = months_later(today, inactive);
        self.alive_to = self.alive_to.max(Some(to));
        for (last, limit, _) in &mut self.credits {
            *last = (*last).max(to.min(*limit));
        }
    }

    fn credits(&mut self, today: Date, (months, inactive): (i64, i64), points: i64) {
        let limit = months_later(today, months);
        let own = months_later(today, inactive).min(limit);
        let alive = self.alive_to.map_or(own, |day| day.min(limit));
        self.credits.push((own.max(alive), limit, points));
    }

    fn spends(&mut self, mut points: i64) {
        self.credits.sort_unstable();
        for (_, _, left) in &mut self.credits {
            let part = points.min(*left);
            *left -= part;
            points -= part;
        }
        assert_eq!(points, 0);
    }

    fn by_day(&mut self, today: Date) -> Vec<(String, i64)> {
        self.credits.retain(|(last, _, left)| *last >= today && *left > 0);
        let mut days = std::collections::BTreeMap::new();
        for (last, _, left) in &self.credits {
            *days.entry(last.to_string()).or_insert(0) += left;
        }
        days.into_iter().collect()
    }
}

proptest! {
    #![proptest_config(crate::cases::cases(150))]

    #[test]
    fn every_history_agrees_with_independent_books(
        months in (1..30_i64, 1..30_i64),
        steps in prop::collection::vec((0..150_i64, 0..4_u8, 1..100_i64), 1..25),
    ) {
        let program = with(&json!([inactivity(months.1), after(months.0)]));
        let mut member = Member::joins(&program, "2027-01-01");
        let (mut books, mut today) = (Books::default(), on("2027-01-01"));
        for (n, (days, what, points)) in steps.into_iter().enumerate() {
            today = today.checked_add(Span::new().days(days)).unwrap();
            let (now, key) = (today.to_string(), format!("step-{n}"));
            let before = books.by_day(today);
            member.reviewed(&program, at(&now));
            prop_assert_eq!(by_day(&member), before);
            match what {
                0 | 1 => {
                    member.earns(&program, &key, &purchase(&now, json!(points))).unwrap();
                    books.is_active(today, months.1);
                    books.credits(today, months, points);
                }
                2 => {
                    member.adjusts(&program, at(&now), &key, points).unwrap();
                    books.credits(today, months, points);
                }
                _ => {
                    if member.redeems(&program, at(&now), &key, "coffee", None).is_ok() {
                        books.is_active(today, months.1);
                        books.spends(30);
                    }
                }
            }
            prop_assert_eq!(by_day(&member), books.by_day(today));
        }
        member.assert_proven();
    }
}
