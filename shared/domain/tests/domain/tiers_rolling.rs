//! Tiers over rolling months, levels that are never lost, and programs that change.

use regulars_domain::tier::Because;
use serde_json::{Value, json};

use crate::{
    rulebook::Succeeds,
    tiers::{Step::*, Told, check, check_standing, tiers_document, with_tiers},
    world::{Member, Rulebook, at, document, on, program_of, purchase},
};

/// Returns tiers over a number of months, with `more`.
fn rolling(months: i64, more: Value) -> Value {
    let mut tiers = json!({ "period": { "rolling_months": months } });
    let Value::Object(more) = more else { panic!("tiers have fields") };
    tiers.as_object_mut().unwrap().extend(more);
    tiers
}

/// The four levels, of which gold is never lost.
fn with_gold_for_ever() -> Value {
    json!([{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 },
           { "id": "gold", "threshold": 200, "downgrade": "never" }, { "id": "platinum", "threshold": 300 }])
}

#[test]
fn a_purchase_counts_to_the_end_of_the_last_of_its_months() {
    for (months, last, after) in [
        (1, "2026-04-30T23:59", "2026-05-01T00:00"),
        (12, "2027-03-31T23:59", "2027-04-01T00:00"),
        (36, "2029-03-31T23:59", "2029-04-01T00:00"),
    ] {
        for day in ["2026-03-01", "2026-03-31T23:59"] {
            check(
                rolling(months, json!({})),
                &[(day, Buy(1000), "silver"), (last, Look, "silver"), (after, Look, "bronze")],
            );
        }
    }
    // Each by itself.
    check(
        rolling(3, json!({})),
        &[
            ("2026-03-31T23:59", Buy(1000), "silver"),
            ("2026-04-01T00:00", Buy(1000), "gold"),
            ("2026-06-30T23:59", Buy(1000), "platinum"),
            ("2026-07-01T00:00", Look, "gold"),
            ("2026-08-01T00:00", Look, "silver"),
            ("2026-10-01T00:00", Look, "bronze"),
        ],
    );
}

#[test]
fn days_of_grace_begin_when_the_window_no_longer_reaches_the_level() {
    let bought = ("2026-03-10", Buy(3000), "platinum");
    check(
        rolling(12, json!({ "grace_days": 31 })),
        &[bought, ("2027-05-01T23:59", Look, "platinum"), ("2027-05-02T00:00", Look, "bronze")],
    );
    // Purchases within them keep the level, as far as they reach.
    check(
        rolling(12, json!({ "grace_days": 31 })),
        &[
            bought,
            ("2027-04-20", Buy(2000), "platinum"),
            ("2027-05-02T00:00", Look, "gold"),
            ("2028-05-31T23:59", Look, "gold"),
            ("2028-06-01T00:00", Look, "bronze"),
        ],
    );
    // The longest grace there is reaches back into six months.
    check(
        rolling(1, json!({ "grace_days": 180 })),
        &[bought, ("2026-10-27T23:59", Look, "platinum"), ("2026-10-28T00:00", Look, "bronze")],
    );
    // A step down lasts a month, and its own days of grace.
    check(
        rolling(12, json!({ "grace_days": 31, "downgrade": "one_level" })),
        &[
            bought,
            ("2027-05-01T23:59", Look, "platinum"),
            ("2027-05-02T00:00", Look, "gold"),
            ("2027-05-31T23:59", Look, "gold"),
            ("2027-06-01T00:00", Look, "silver"),
            ("2027-07-01T23:59", Look, "silver"),
            ("2027-07-02T00:00", Look, "bronze"),
        ],
    );
    // One reading after years gives the same as many.
    check(
        rolling(12, json!({ "grace_days": 31, "downgrade": "one_level" })),
        &[bought, ("2027-06-15", Look, "silver"), ("2031-01-01", Look, "bronze")],
    );
}

#[test]
fn a_late_purchase_counts_in_the_month_in_which_it_was_made() {
    check(
        rolling(1, json!({})),
        &[
            ("2027-03-10", Late("2027-02-20", 1000), "silver"),
            ("2027-03-31T23:59", Look, "silver"),
            ("2027-04-01T00:00", Look, "bronze"),
        ],
    );
    // Its window has ended, and its grace has not.
    check(
        rolling(1, json!({ "grace_days": 31 })),
        &[
            ("2027-03-10", Late("2027-01-20", 3000), "platinum"),
            ("2027-03-31T23:59", Look, "platinum"),
            ("2027-04-01T00:00", Look, "bronze"),
        ],
    );
    // Its window has ended, and the first step down has not.
    check(
        rolling(1, json!({ "downgrade": "one_level" })),
        &[
            ("2027-03-10", Late("2027-01-20", 3000), "gold"),
            ("2027-04-01T00:00", Look, "silver"),
            ("2027-05-01T00:00", Look, "bronze"),
        ],
    );
    check(
        rolling(1, json!({ "downgrade": "never" })),
        &[("2027-03-10", Late("2027-01-20", 3000), "platinum"), ("2030-01-01", Look, "platinum")],
    );
}

#[test]
fn a_purchase_of_the_next_month_counts_when_that_begins() {
    let program = with_tiers(rolling(1, json!({})));
    let mut member = Member::joins(&program, "2026-03-01");
    // The till's clock is three minutes ahead.
    let ahead = purchase("2026-04-01T00:02", json!(1000));
    member.earns_at(&program, at("2026-03-31T23:59"), "order-1", &ahead).unwrap();
    assert_eq!((member.tier(), member.account.review_on), (Some("bronze"), Some(on("2026-04-01"))));
    member.reviewed(&program, at("2026-04-01T00:00"));
    assert_eq!((member.tier(), member.account.review_on), (Some("silver"), Some(on("2026-06-01"))));
}

/// Buys on those days, has the order at this position refunded, and returns the tier at the end.
fn after_refund(tiers: Value, bought: &[(&str, i64)], refunded: usize, now: &str) -> String {
    let program = with_tiers(tiers);
    let mut member = Member::joins(&program, "2026-03-01");
    for (n, (when, cents)) in bought.iter().enumerate() {
        member.earns(&program, &format!("order-{n}"), &purchase(when, json!(cents))).unwrap();
    }
    member.reverses(&program, at(now), "refund", &format!("order-{refunded}"), None).unwrap();
    member.assert_proven();
    member.tier().unwrap().to_owned()
}

#[test]
fn a_refund_removes_what_the_purchase_secured() {
    let one = [("2026-03-10", 3000)];
    for (more, now, expected) in [
        // Within the window.
        (json!({}), "2026-08-01", "bronze"),
        // During the days of grace, on the first step down, and if nothing is ever lost.
        (json!({ "grace_days": 31 }), "2027-04-05", "bronze"),
        (json!({ "downgrade": "one_level" }), "2027-04-05", "bronze"),
        (json!({ "downgrade": "one_level" }), "2027-05-05", "bronze"),
        (json!({ "downgrade": "never" }), "2027-04-05", "bronze"),
        (json!({ "downgrade": "never" }), "2027-09-30", "bronze"),
        (json!({ "levels": with_gold_for_ever() }), "2027-04-05", "bronze"),
        // Half a year after the window has ended, what was reached in it can no longer be computed.
        (json!({ "downgrade": "never" }), "2027-11-05", "platinum"),
    ] {
        assert_eq!(after_refund(rolling(12, more.clone()), &one, 0, now), expected, "{more} on {now}");
    }
    // And nothing that other purchases secured.
    let gold_then_platinum = [("2026-03-10", 2000), ("2027-06-10", 3000)];
    for (refunded, expected) in [(1, "gold"), (0, "platinum")] {
        let tiers = rolling(12, json!({ "downgrade": "never" }));
        assert_eq!(after_refund(tiers, &gold_then_platinum, refunded, "2027-07-05"), expected);
    }
    let two = [("2026-03-10", 2000), ("2026-04-10", 1000)];
    let tiers = rolling(12, json!({ "downgrade": "one_level" }));
    assert_eq!(after_refund(tiers.clone(), &two, 1, "2027-04-05"), "silver", "gold through March, one step down");
    assert_eq!(after_refund(tiers, &two, 0, "2027-04-05"), "silver", "reached by what is left");
}

#[test]
fn a_level_that_is_never_lost_stays_when_others_fall() {
    let bought = ("2026-03-10", Buy(3000), "platinum");
    for (period, last, after) in [
        (json!("calendar_year"), "2027-12-31T23:59", "2028-01-01T00:00"),
        (json!("membership_year"), "2028-02-29T23:59", "2028-03-01T00:00"),
        (json!({ "rolling_months": 12 }), "2027-03-31T23:59", "2027-04-01T00:00"),
    ] {
        for downgrade in ["to_qualified", "one_level"] {
            check(
                json!({ "period": period, "downgrade": downgrade, "levels": with_gold_for_ever() }),
                &[
                    bought,
                    (last, Look, "platinum"),
                    (after, Look, "gold"),
                    ("2029-06-01", Look, "gold"),
                    ("2029-07-01", Buy(3000), "platinum"),
                    ("2036-06-01", Look, "gold"),
                ],
            );
            // A member who did not reach it is not affected.
            check(
                json!({ "period": period, "downgrade": downgrade, "levels": with_gold_for_ever() }),
                &[("2026-03-10", Buy(1990), "silver"), ("2029-06-01", Look, "bronze")],
            );
        }
    }
}

#[test]
fn a_level_that_becomes_permanent_is_lost_by_members_with_only_grace_left() {
    let before = with_tiers(rolling(1, json!({ "grace_days": 31 })));
    let document = tiers_document(rolling(1, json!({ "grace_days": 31, "levels": with_gold_for_ever() })));
    let after = before.then(at("2026-11-12"), &document);
    let mut member = Member::joins(&before, "2026-03-01");
    member.earns(&before, "order-1", &purchase("2026-09-10", json!(2000))).unwrap();
    // October is closed under the old rules.
    member.earns(&before, "order-2", &purchase("2026-11-10", json!(0))).unwrap();
    member.earns(&after, "order-3", &purchase("2026-11-15", json!(0))).unwrap();
    assert_eq!((member.tier(), member.account.review_on), (Some("gold"), Some(on("2026-12-02"))));
    check_standing(
        &after,
        &mut member,
        "2026-11-16",
        (
            Because::Secured,
            Some("2026-12-01"),
            Some(("platinum", 300, Some("2026-12-31"))),
            Some((200, "2026-11-16", "2026-11-30")),
        ),
    );
    member.reviewed(&after, at("2026-12-02T00:00"));
    assert_eq!(member.tier(), Some("bronze"));
}

#[test]
fn a_level_that_is_never_lost_has_no_end_and_needs_nothing_to_be_kept() {
    for period in [json!("calendar_year"), json!({ "rolling_months": 12 })] {
        let program = with_tiers(json!({ "period": period, "levels": with_gold_for_ever() }));
        let mut member = Member::joins(&program, "2026-03-01");
        member.earns(&program, "order-1", &purchase("2026-03-10", json!(2000))).unwrap();
        for (now, because) in [("2026-03-11", Because::Qualified), ("2031-01-01", Because::Secured)] {
            let standing = member.settled(&program, at(now)).standing().unwrap();
            assert_eq!((standing.because, standing.until, standing.keep), (because, None, None), "{period} on {now}");
        }
        member.reviewed(&program, at("2031-01-01"));
        assert_eq!(member.account.review_on, None, "{period}: nothing will happen by itself");
    }
}

#[test]
fn the_answer_explains_the_window() {
    use Because::{Qualified, Secured};

    let program = with_tiers(rolling(12, json!({ "grace_days": 31 })));
    let mut member = Member::joins(&program, "2026-03-01");
    let check = |member: &mut Member, now: &str, told: Told<'_>| check_standing(&program, member, now, told);
    check(&mut member, "2026-03-01", (Qualified, None, Some(("silver", 100, None)), None));

    member.earns(&program, "order-1", &purchase("2026-03-10", json!(1500))).unwrap();
    assert_eq!(member.account.review_on, Some(on("2027-05-02")));
    let next = Some(("gold", 50, Some("2027-03-31")));
    check(&mut member, "2026-05-01", (Qualified, Some("2027-05-01"), next, Some((100, "2026-05-01", "2027-04-30"))));

    member.earns(&program, "order-2", &purchase("2026-06-10", json!(700))).unwrap();
    let next = Some(("platinum", 80, Some("2027-03-31")));
    check(&mut member, "2026-06-11", (Qualified, Some("2027-05-01"), next, Some((130, "2026-06-11", "2027-04-30"))));
    // March has left the window, and the grace has begun.
    let next = Some(("platinum", 230, Some("2027-06-30")));
    check(&mut member, "2027-04-10", (Secured, Some("2027-05-01"), next, Some((130, "2027-04-10", "2027-04-30"))));
    let next = Some(("silver", 30, Some("2027-06-30")));
    check(&mut member, "2027-05-02", (Qualified, None, next, None));
    check(&mut member, "2027-07-01", (Qualified, None, Some(("silver", 100, None)), None));
}

#[test]
fn purchases_made_too_soon_leave_the_window_with_those_they_should_replace() {
    let program = with_tiers(rolling(12, json!({})));
    let mut member = Member::joins(&program, "2027-03-01");
    member.earns(&program, "order-1", &purchase("2027-03-05", json!(1000))).unwrap();
    let next = Some(("gold", 100, Some("2028-03-31")));
    let told = (Because::Qualified, Some("2028-03-31"), next, Some((100, "2027-04-01", "2028-03-31")));
    check_standing(&program, &mut member, "2027-03-05T23:00", told);
    let mut sooner = member.clone();
    sooner.earns(&program, "order-2", &purchase("2027-03-05T23:30", json!(1000))).unwrap();
    sooner.reviewed(&program, at("2028-04-01T00:00"));
    assert_eq!(sooner.tier(), Some("bronze"));
    for day in ["2027-04-01", "2028-03-31"] {
        let mut later = member.clone();
        later.earns(&program, "order-2", &purchase(day, json!(1000))).unwrap();
        later.reviewed(&program, at("2028-04-01T00:00"));
        assert_eq!(later.tier(), Some("silver"), "bought on {day}");
    }
}

#[test]
fn an_account_remembers_no_month_longer_than_it_can_matter() {
    let program = with_tiers(rolling(12, json!({ "downgrade": "one_level" })));
    let mut member = Member::joins(&program, "2026-03-01");
    for (n, month) in (0..48).enumerate() {
        let when = format!("{}-{:02}-05", 2026 + (month + 2) / 12, (month + 2) % 12 + 1);
        let cents = if month % 5 == 0 { 0 } else { 200 };
        member.earns(&program, &format!("order-{n}"), &purchase(&when, json!(cents))).unwrap();
        assert!(member.account.qualifying.len() <= 12 + 1 + 7, "{when}: {:?}", member.account.qualifying);
        assert!(member.account.secured.len() <= 4, "{when}: {:?}", member.account.secured);
    }
    member.reviewed(&program, at("2033-01-01"));
    let sum: i64 = member.account.qualifying.values().map(|amount| amount.points).sum();
    assert_eq!((sum, member.account.secured.len()), (0, 0));
}

/// A document with these levels.
fn with_levels(levels: &Value, period: &Value) -> Value {
    document(json!({
        "points": { "backdating_days_max": 60 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } }],
        "tiers": { "levels": levels, "period": period },
    }))
}

fn level(id: &str, threshold: i64) -> Value {
    json!({ "id": id, "threshold": threshold })
}

#[test]
fn no_member_stays_in_a_level_that_was_removed() {
    let (bronze, silver, gold) = (level("bronze", 0), level("silver", 100), level("gold", 200));
    let before = json!([bronze, silver, gold]);
    let both = [("gold", "bronze"), ("silver", "bronze")];
    let none: &[(&str, &str)] = &[];
    for (what, after, replaces, expected) in [
        ("nothing", json!([bronze, silver, gold]), none, "gold"),
        ("gold taken away", json!([bronze, silver]), &[("gold", "silver")], "silver"),
        ("gold and silver taken away", json!([bronze]), &both, "bronze"),
        ("gold renamed", json!([bronze, silver, level("aurum", 200)]), &[("gold", "aurum")], "aurum"),
        ("a level added above", json!([bronze, silver, gold, level("platinum", 210)]), none, "gold"),
        (
            "a level added below, that is reached",
            json!([bronze, silver, gold, level("platinum", 200 + 1)]),
            none,
            "gold",
        ),
        ("silver taken away", json!([bronze, gold]), &[("silver", "bronze")], "gold"),
    ] {
        for period in
            [json!("calendar_year"), json!("membership_year"), json!({ "rolling_months": 12 }), json!("lifetime")]
        {
            // In the current period and, if there is one, in the next, for which it secured the level.
            let later = if period == json!({ "rolling_months": 12 }) { "2027-02-15" } else { "2027-06-01" };
            for now in ["2026-06-01", later] {
                let old = program_of(&with_levels(&before, &period));
                let succeeds = Succeeds { replaces, ..Succeeds::default() };
                let new = old.succeeded(at(now), &with_levels(&after, &period), succeeds);
                let mut member = Member::joins(&old, "2026-03-01");
                member.earns(&old, "order-1", &purchase("2026-03-10", json!(2000))).unwrap();
                member.reviewed(&old, at(now));
                assert_eq!(member.tier(), Some("gold"));
                let entries = member.reviewed(&new, at(now));
                assert_eq!(member.tier(), Some(expected), "{what}: {period} on {now}");
                assert_eq!(entries.len(), usize::from(expected != "gold"), "{what}: {period} on {now}");
                for entry in entries {
                    let change = entry.effects.tier_change.unwrap();
                    assert_eq!(change.from.unwrap().as_str(), "gold");
                    assert_eq!((change.to.unwrap().as_str(), entry.program_version), (expected, 2));
                }
                member.assert_proven();
            }
        }
    }
}

#[test]
fn amounts_counted_under_one_period_rule_count_under_another_by_their_stored_day() {
    let levels = json!([level("bronze", 0), level("silver", 100), level("gold", 200)]);
    let first = |period: Value| program_of(&with_levels(&levels, &period));
    let second = |first: &Rulebook, period: Value| first.then(at("2026-10-01"), &with_levels(&levels, &period));
    // Under rolling months, a year's amounts count as those of its first day. What the year gave lasts as long as it
    // was promised.
    let year = first(json!("calendar_year"));
    let months = second(&year, json!({ "rolling_months": 12 }));
    let mut member = Member::joins(&year, "2026-03-01");
    member.earns(&year, "order-1", &purchase("2026-06-10", json!(2000))).unwrap();
    for (now, expected) in [("2026-10-01", "gold"), ("2027-12-31T23:59", "gold"), ("2028-01-01T00:00", "bronze")] {
        member.reviewed(&months, at(now));
        assert_eq!(member.tier(), Some(expected), "{now}");
    }
    // Months within a year count in it.
    let months = first(json!({ "rolling_months": 12 }));
    let year = second(&months, json!("calendar_year"));
    let mut member = Member::joins(&months, "2026-03-01");
    member.earns(&months, "order-1", &purchase("2026-06-10", json!(1000))).unwrap();
    member.earns(&months, "order-2", &purchase("2026-07-10", json!(1000))).unwrap();
    member.reviewed(&year, at("2026-10-01"));
    assert_eq!(member.tier(), Some("gold"));
    member.reverses(&year, at("2026-11-01"), "refund-1", "order-1", None).unwrap();
    assert_eq!(member.tier(), Some("silver"));
    member.earns(&year, "order-3", &purchase("2026-11-02", json!(1000))).unwrap();
    assert_eq!(member.tier(), Some("gold"));
}
