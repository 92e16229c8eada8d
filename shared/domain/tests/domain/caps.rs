//! Caps of earning rules: uses or points, scope and interval.

use serde_json::{Value, json};

use crate::world::{Member, at, knows_use, line, lots, program, purchase};

fn capped(cap: &Value) -> Value {
    json!({
        "points": { "backdating_days_max": 365 },
        "earning_rules": [{ "id": "ten", "on": "purchase", "give": { "fixed": { "points": 10 } }, "cap": cap }],
    })
}

/// Asserts what a rule of ten points with this cap gives at each of these instants, to a long-time member.
fn check(cap: &Value, purchases: &[(&str, i64)]) {
    let program = program(capped(cap));
    let mut member = Member::joins(&program, "2025-01-01");
    for (n, (when, expected)) in purchases.iter().enumerate() {
        let entry = member.earns(&program, &format!("order-{n}"), &purchase(when, json!(100))).unwrap();
        assert_eq!(entry.points().get(), *expected, "{cap} at {when}");
        // A rule that gives nothing has no line.
        let line_of_ten = (*expected > 0).then(|| ("ten".to_owned(), 10, *expected));
        assert_eq!(
            entry.breakdown().iter().map(line).collect::<Vec<_>>(),
            Vec::from_iter(line_of_ten),
            "{cap} at {when}"
        );
    }
}

#[test]
fn a_cap_counts_times_or_points_in_its_interval_for_a_member_or_for_all() {
    for per in ["member", "program"] {
        let cap = |unit: &str, most: i64, every: &str| json!({ unit: most, "per": per, "every": every });
        let day = [("2026-11-21T00:00", 10), ("2026-11-21T23:59", 0), ("2026-11-22T00:00", 10)];
        check(&cap("times", 1, "day"), &day);
        check(&cap("points", 10, "day"), &day);
        check(
            &cap("points", 25, "day"),
            &[("2026-11-21", 10), ("2026-11-21", 10), ("2026-11-21", 5), ("2026-11-21", 0)],
        );
        check(&cap("times", 2, "day"), &[("2026-11-21", 10), ("2026-11-21", 10), ("2026-11-21", 0)]);
        // A week begins on Monday.
        let week = [("2026-11-16T00:00", 10), ("2026-11-22T23:59", 0), ("2026-11-23T00:00", 10)];
        check(&cap("times", 1, "week"), &week);
        check(&cap("points", 10, "week"), &week);
        let month =
            [("2026-11-01T00:00", 10), ("2026-11-30T23:59", 4), ("2026-11-30T23:59", 0), ("2026-12-01T00:00", 10)];
        check(&cap("points", 14, "month"), &month);
        check(&cap("times", 1, "month"), &[("2026-11-01", 10), ("2026-11-30", 0), ("2026-12-01", 10)]);
        let year = [("2026-01-01T00:00", 10), ("2026-12-31T23:59", 0), ("2027-01-01T00:00", 10)];
        check(&cap("times", 1, "year"), &year);
        check(&cap("points", 10, "year"), &year);
        check(&cap("times", 1, "ever"), &[("2026-01-01", 10), ("2027-01-01", 0), ("2046-01-01", 0)]);
        check(&cap("points", 13, "ever"), &[("2026-01-01", 10), ("2027-01-01", 3), ("2046-01-01", 0)]);
    }
    let without_per = json!({ "times": 1, "every": "day" });
    check(&without_per, &[("2026-11-21", 10), ("2026-11-21", 0)]);
}

#[test]
fn a_cap_per_member_lets_others_be_and_a_cap_per_program_does_not() {
    for (per, expected) in [("member", 10), ("program", 5)] {
        let program = program(capped(&json!({ "points": 15, "per": per, "every": "month" })));
        let mut one = Member::joins(&program, "2026-11-01");
        let mut other = one.clone();
        one.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
        assert_eq!(one.totals.is_empty(), per == "member");
        assert_eq!(!knows_use(&one.account), per == "program");
        other.totals = one.totals.clone();
        let entry = other.earns(&program, "order-1", &purchase("2026-11-22", json!(100))).unwrap();
        assert_eq!(entry.points().get(), expected, "{per}");
    }
}

#[test]
fn the_counters_that_a_purchase_needs_are_those_of_program_wide_caps_at_its_date() {
    let program = program(json!({ "earning_rules": [
        { "id": "mine", "on": "purchase", "give": { "fixed": { "points": 1 } }, "cap": { "times": 1, "every": "day" } },
        { "id": "ours", "on": "purchase", "give": { "fixed": { "points": 1 } },
          "cap": { "times": 1, "per": "program", "every": "month" } },
        { "id": "other", "on": { "activity": "review" }, "give": { "fixed": { "points": 1 } },
          "cap": { "times": 1, "per": "program", "every": "month" } },
    ] }));
    let counters = program.earning_counters(&purchase("2026-11-21", json!(100)));
    assert_eq!(counters.len(), 1);
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
    assert_eq!(member.totals.keys().cloned().collect::<Vec<_>>(), counters);
}

#[test]
fn a_welcome_for_the_first_members_ends_with_the_last_of_them() {
    let program = program(
        json!({ "earning_rules": [{ "id": "welcome", "on": "enrollment", "give": { "fixed": { "points": 25 } },
        "cap": { "times": 2, "per": "program", "every": "ever" } }] }),
    );
    let mut totals = crate::totals::Totals::default();
    let given: Vec<_> = (0..3)
        .map(|_| {
            let member = Member::joins_after(&program, "2026-11-01", &json!({}), totals.clone());
            totals.clone_from(&member.totals);
            member.spendable()
        })
        .collect();
    assert_eq!(given, [25, 25, 0]);
}

#[test]
fn a_cap_that_is_used_up_takes_nothing_more() {
    let program = program(capped(&json!({ "points": 10, "per": "program", "every": "month" })));
    let mut member = Member::joins(&program, "2026-11-01");
    for n in 0..3 {
        member.earns(&program, &format!("order-{n}"), &purchase("2026-11-21", json!(100))).unwrap();
    }
    assert_eq!(member.totals.values().copied().collect::<Vec<_>>(), [10]);
}

#[test]
fn the_loser_of_a_group_uses_nothing_of_its_cap() {
    for (per, unit) in [("member", "times"), ("member", "points"), ("program", "times"), ("program", "points")] {
        let most = if unit == "times" { 1 } else { 5 };
        let program = program(json!({ "earning_rules": [
            { "id": "small", "on": "purchase", "stacking": { "best_of": "g" }, "give": { "fixed": { "points": 5 } },
              "cap": { unit: most, "per": per, "every": "ever" } },
            { "id": "app", "on": "purchase", "stacking": { "best_of": "g" }, "when": "purchase.channel == 'app'",
              "give": { "fixed": { "points": 9 } } },
        ] }));
        let mut member = Member::joins(&program, "2026-11-01");
        let mut given = |key: &str, fields: Value| {
            member.earns(&program, key, &purchase("2026-11-21", fields)).unwrap().points().get()
        };
        assert_eq!(given("order-1", json!({ "channel": "app" })), 9);
        assert_eq!(given("order-2", json!({})), 5, "{per} {unit}: the cap was untouched");
        assert_eq!(given("order-3", json!({})), 0, "{per} {unit}: and now it is used");
        assert_eq!(given("order-4", json!({ "channel": "app" })), 9);
    }
}

#[test]
fn a_late_purchase_counts_in_the_interval_in_which_it_was_made() {
    for per in ["member", "program"] {
        let program = program(capped(&json!({ "points": 15, "per": per, "every": "month" })));
        let mut member = Member::joins(&program, "2026-10-01");
        let mut given = |key: &str, now: &str, when: &str| {
            member.earns_at(&program, at(now), key, &purchase(when, json!(100))).unwrap().points().get()
        };
        assert_eq!(given("order-1", "2026-10-20", "2026-10-20"), 10);
        assert_eq!(given("order-2", "2026-11-05", "2026-11-05"), 10);
        assert_eq!(given("order-3", "2026-11-06", "2026-10-31T23:59"), 5);
        assert_eq!(given("order-4", "2026-11-06", "2026-10-31"), 0);
        assert_eq!(given("order-5", "2026-11-06", "2026-11-06"), 5);
        // The use of an interval is known for as far back as a purchase may be backdated.
        assert_eq!(given("order-6", "2027-10-31", "2026-10-31"), 0, "{per}");
    }
}

#[test]
fn use_of_a_cap_is_forgotten_when_nothing_can_fall_into_its_interval_any_more() {
    let mut document = capped(&json!({ "times": 1, "every": "day" }));
    document["points"]["backdating_days_max"] = json!(3);
    let program = program(document);
    let mut member = Member::joins(&program, "2026-10-01");
    member.earns(&program, "order-1", &purchase("2026-11-01", json!(100))).unwrap();
    let known = |member: &mut Member, now: &str| knows_use(member.settled(&program, at(now)).account());
    assert!(known(&mut member, "2026-11-04T23:59"));
    assert!(!known(&mut member, "2026-11-05T00:00"));
}

#[test]
fn the_use_of_a_reward_is_dropped_with_its_interval_because_redemptions_are_never_late() {
    let mut document = capped(&json!({ "times": 1, "every": "day" }));
    document["points"]["backdating_days_max"] = json!(3);
    document["rewards"] = json!([{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 1 },
                                   "limit": { "times": 1, "every": "day" } }]);
    let program = program(document);
    let mut member = Member::joins(&program, "2026-10-01");
    member.account.lots = lots(&[("never", 10)]);
    member.redeems(&program, at("2026-11-01"), "r-1", "coffee", None).unwrap();
    let known = |member: &mut Member, now: &str| knows_use(member.settled(&program, at(now)).account());
    assert!(known(&mut member, "2026-11-01T23:59"));
    assert!(!known(&mut member, "2026-11-02T00:00"));
}
