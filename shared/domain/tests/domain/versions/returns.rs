//! Returns after a change of rules: a promise behind a returned purchase is evaluated again under its own version, and
//! caps and steps follow the version that counted them.

use serde_json::{Value, json};

use super::{LIFETIME, Member, Rulebook, promises, rolling, silver_at, with_levels};
use crate::world::{at, document, euro, program_of, purchase, used};

/// A step of a table: a purchase at a time, posted then; or a refund of a purchase, as the total so far.
enum Step {
    Buys(&'static str, i64),
    Late(&'static str, &'static str, i64),
    Returns(&'static str, &'static str, i64),
}

use Step::{Buys, Late, Returns};

fn rulebook<'r>(versions: &'r [Rulebook], now: &str) -> &'r Rulebook {
    versions.iter().rev().find(|rules| rules.begins() <= at(now)).unwrap()
}

fn takes(versions: &[Rulebook], member: &mut Member, step: &Step) {
    match *step {
        Buys(when, cents) => drop(member.buys(rulebook(versions, when), when, cents)),
        Late(when, now, cents) => {
            let occasion = purchase(when, json!(cents));
            let key = format!("bought-{when}");
            member.earns_at(rulebook(versions, now), at(now), &key, &occasion).unwrap();
        }
        Returns(when, now, total) => {
            let (key, accrual) = (format!("returned-{now}"), format!("bought-{when}"));
            member.reverses(rulebook(versions, now), at(now), &key, &accrual, Some(euro(total))).unwrap();
        }
    }
}

/// Silver at 300, and from February 2028 on at 500.
fn raised(tiers: &Value) -> [Rulebook; 2] {
    let first = program_of(&silver_at(300, tiers));
    let second = first.then(at("2028-02-01T08:00"), &silver_at(500, tiers));
    [first, second]
}

#[test]
fn a_promise_behind_which_purchases_are_returned_is_judged_again_under_its_own_version() {
    let none = json!({});
    let grace = json!({ "grace_days": 31 });
    let never = json!({ "downgrade": "never" });
    let one_level = json!({ "downgrade": "one_level" });
    let lifetime = json!({ "period": LIFETIME });
    let window = json!({ "period": rolling() });
    let last_year = [Buys("2027-06-10", 20_000), Buys("2027-07-10", 15_000)];
    let this_year = [Buys("2028-01-10", 20_000), Buys("2028-01-20", 15_000)];
    for (tiers, before, after, expected) in [
        // Partly returned, and what is left still reaches it.
        (&none, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_000)], "silver secured 2028-12-31"),
        (&grace, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_000)], "silver secured 2029-01-31"),
        (&never, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_000)], "silver secured -"),
        (&lifetime, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_000)], "silver secured -"),
        (&window, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_000)], "silver secured 2028-06-30"),
        // By a point too much.
        (&none, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_001)], "bronze qualified -"),
        (&grace, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_001)], "bronze qualified -"),
        (&never, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_001)], "bronze qualified -"),
        (&one_level, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_001)], "bronze qualified -"),
        (&lifetime, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_001)], "bronze qualified -"),
        (&window, &last_year, vec![Returns("2027-06-10", "2028-02-15", 5_001)], "bronze qualified -"),
        // In two steps, of which the second is too much.
        (
            &none,
            &last_year,
            vec![Returns("2027-06-10", "2028-02-15", 5_000), Returns("2027-07-10", "2028-02-16", 100)],
            "bronze qualified -",
        ),
        // A purchase of the same period that came later makes up for it.
        (
            &none,
            &last_year,
            vec![Late("2027-12-20", "2028-02-10", 10_000), Returns("2027-07-10", "2028-02-15", 15_000)],
            "silver secured 2028-12-31",
        ),
        (
            &none,
            &last_year,
            vec![Late("2027-12-20", "2028-02-10", 9_900), Returns("2027-07-10", "2028-02-15", 15_000)],
            "bronze qualified -",
        ),
        (
            &none,
            &this_year,
            vec![Buys("2028-03-10", 15_000), Returns("2028-01-20", "2028-04-15", 15_000)],
            "silver secured 2029-12-31",
        ),
        (
            &lifetime,
            &last_year,
            vec![Buys("2028-03-10", 15_000), Returns("2027-07-10", "2028-04-15", 15_000)],
            "silver secured -",
        ),
        (
            &window,
            &this_year,
            vec![Buys("2028-03-10", 15_000), Returns("2028-01-20", "2028-04-15", 15_000)],
            "bronze qualified -",
        ),
        // A purchase of another period does not make up for it.
        (
            &none,
            &last_year,
            vec![Buys("2028-03-10", 15_000), Returns("2027-07-10", "2028-04-15", 15_000)],
            "bronze qualified -",
        ),
        // A return in another period does not affect the promise.
        (
            &none,
            &last_year,
            vec![Buys("2028-03-10", 15_000), Returns("2028-03-10", "2028-04-15", 15_000)],
            "silver secured 2028-12-31",
        ),
    ] {
        let versions = raised(tiers);
        let mut untouched = Member::joins(&versions[0], "2027-03-01");
        for step in before {
            takes(&versions, &mut untouched, step);
        }
        let mut touched = untouched.clone();
        touched.is_touched(&versions[0], at("2028-01-31"));
        touched.is_touched(&versions[1], at("2028-02-05"));
        for member in [&mut untouched, &mut touched] {
            for step in &after {
                takes(&versions, member, step);
            }
            assert_eq!(member.stands(&versions[1], at("2028-04-20")), expected, "{tiers}");
            member.assert_proven();
        }
        let end = at("2028-04-20");
        assert_eq!(untouched.account_at(&versions[1], end), touched.account_at(&versions[1], end), "{tiers}");
    }
}

#[test]
fn a_promise_that_is_judged_again_may_come_to_less_and_end_sooner() {
    let levels = |silver: i64, gold: i64, tiers: &Value| {
        let levels = json!([{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": silver },
                            { "id": "gold", "threshold": gold }]);
        with_levels(&levels, tiers)
    };
    let year = json!({});
    let window = json!({ "period": rolling() });
    for (tiers, before, returned, gives, expected) in [
        // Of gold, silver is left, for as long.
        (
            &year,
            vec![Buys("2027-06-10", 35_000)],
            ("2027-06-10", 20_000),
            "gold secured 2028-12-31",
            "silver secured 2028-12-31",
        ),
        // What is left reaches it for two months less.
        (
            &window,
            vec![Buys("2027-06-10", 30_000), Buys("2027-08-10", 30_000)],
            ("2027-08-10", 30_000),
            "gold secured 2028-08-31",
            "gold secured 2028-06-30",
        ),
        (
            &window,
            vec![Buys("2027-06-10", 15_000), Buys("2027-08-10", 30_000)],
            ("2027-08-10", 30_000),
            "gold secured 2028-08-31",
            "silver secured 2028-06-30",
        ),
    ] {
        let first = program_of(&levels(100, 300, tiers));
        let versions = [first.clone(), first.then(at("2028-02-01T08:00"), &levels(700, 900, tiers))];
        let mut member = Member::joins(&first, "2027-03-01");
        for step in &before {
            takes(&versions, &mut member, step);
        }
        assert_eq!(member.stands(&versions[1], at("2028-02-02")), gives, "{tiers}");
        takes(&versions, &mut member, &Returns(returned.0, "2028-02-15", returned.1));
        assert_eq!(member.stands(&versions[1], at("2028-02-16")), expected, "{tiers}");
        assert_eq!(promises(&member.account).first().unwrap().2, 1, "{tiers}: it is still the first version's");
    }
}

#[test]
fn a_return_comes_to_the_same_whether_it_came_before_the_rules_changed_or_after() {
    for tiers in
        [json!({}), json!({ "downgrade": "never" }), json!({ "period": LIFETIME }), json!({ "period": rolling() })]
    {
        for total in [5_000, 5_001, 20_000] {
            let versions = raised(&tiers);
            let mut member = Member::joins(&versions[0], "2027-03-01");
            for step in [Buys("2027-06-10", 20_000), Buys("2027-07-10", 15_000)] {
                takes(&versions, &mut member, &step);
            }
            let (mut before, mut after) = (member.clone(), member);
            takes(&versions, &mut before, &Returns("2027-06-10", "2028-01-31", total));
            takes(&versions, &mut after, &Returns("2027-06-10", "2028-02-02", total));
            for now in ["2028-02-03", "2028-06-30", "2028-07-02", "2029-02-01"] {
                let [before, after] = [&mut before, &mut after].map(|member| member.stands(&versions[1], at(now)));
                assert_eq!(before, after, "{tiers} {total} on {now}");
            }
        }
    }
}

#[test]
fn caps_and_steps_go_back_as_the_version_said_that_counted_them() {
    let rules = |rules: Value| document(json!({ "earning_rules": rules }));
    let capped = json!({ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } },
                         "cap": { "points": 120, "every": "ever" } });
    let card = json!({ "id": "card", "on": "purchase", "give": { "punch_card": { "every": 3, "points": 50 } } });
    let first = program_of(&rules(json!([capped, card])));
    let second = first.then(at("2027-03-01"), &rules(json!([])));
    let third = second.then(at("2027-04-01"), &rules(json!([capped, card])));
    let owner = "rule/base".parse().unwrap();
    let state = |member: &Member| {
        (used(&member.account, &owner), member.account.steps.get("card").map_or(0, |steps| steps.count))
    };

    let mut member = Member::joins(&first, "2027-01-01");
    member.buys(&first, "2027-02-01", 1_000);
    member.buys(&first, "2027-02-02", 1_000);
    assert_eq!(state(&member), (120, 2));
    let entry = member.reverses(&second, at("2027-03-10"), "undo-1", "bought-2027-02-01", None).unwrap();
    assert_eq!((entry.program_version, entry.points().get(), state(&member)), (1, -100, (20, 1)));
    let entry = member.buys(&third, "2027-04-10", 1_100);
    assert_eq!((entry.program_version, entry.points().get(), state(&member)), (3, 100, (120, 2)));
    let entry = member.reverses(&third, at("2027-04-11"), "undo-2", "bought-2027-02-02", None).unwrap();
    assert_eq!((entry.program_version, entry.points().get(), state(&member)), (1, -20, (100, 1)));
    member.assert_proven();
}

#[test]
fn a_version_that_only_changes_a_name_does_not_affect_later_evaluations() {
    let first = program_of(&silver_at(300, &json!({})));
    let mut renamed = silver_at(300, &json!({}));
    renamed["name"] = json!("Another name");
    let second = first.then(at("2027-05-01"), &renamed);
    let third = second.then(at("2028-02-01T08:00"), &silver_at(500, &json!({})));
    let mut untouched = Member::joins(&first, "2027-03-01");
    untouched.buys(&second, "2027-06-10", 35_000);
    let mut touched = untouched.clone();
    touched.is_touched(&third, at("2028-02-05"));
    for member in [&mut untouched, &mut touched] {
        assert_eq!(member.account_at(&third, at("2028-02-06")).promised.first().unwrap().version, 1);
        member.reverses(&third, at("2028-02-10"), "undo", "bought-2027-06-10", None).unwrap();
        assert_eq!(member.stands(&third, at("2028-02-11")), "bronze qualified -");
        member.assert_proven();
    }
}

#[test]
fn a_return_takes_no_amount_of_another_purchase_where_its_own_are_gone() {
    let short = json!({ "period": { "rolling_months": 2 } });
    for (before, after, bought, changed, next, returned, expected) in [
        (json!({}), short, "2027-11-10", "2027-11-20", "2027-11-25", "2027-11-26", "silver qualified 2028-01-31"),
        (
            json!({ "period": LIFETIME }),
            json!({}),
            "2027-11-10",
            "2027-11-20",
            "2027-12-25",
            "2028-02-10",
            "silver secured 2028-12-31",
        ),
        (
            json!({ "period": "membership_year" }),
            json!({}),
            "2027-11-10",
            "2027-11-20",
            "2027-12-25",
            "2028-02-10",
            "silver secured 2028-12-31",
        ),
    ] {
        let first = program_of(&silver_at(90_000, &before));
        let versions = [first.clone(), first.then(at(changed), &silver_at(300, &after))];
        let mut member = Member::joins(&first, "2027-03-01");
        for step in [Buys(bought, 50_000), Buys(next, 30_000)] {
            takes(&versions, &mut member, &step);
        }
        takes(&versions, &mut member, &Returns(bought, returned, 50_000));
        assert_eq!(member.stands(&versions[1], at(returned)), expected, "{before} {after}");
        member.assert_proven();
    }
}

#[test]
fn a_return_takes_no_amount_of_another_purchase_where_a_later_version_counts_the_same_period_again() {
    let short = json!({ "period": { "rolling_months": 1 } });
    for period in ["calendar_year", "membership_year", LIFETIME] {
        // Also for a purchase of the time before the last version.
        for next in [Buys("2027-11-25", 30_000), Late("2027-10-28", "2027-11-25", 30_000)] {
            let years = json!({ "period": period });
            let first = program_of(&silver_at(90_000, &years));
            let second = first.then(at("2027-11-01"), &silver_at(90_000, &short));
            let third = second.then(at("2027-11-20"), &silver_at(300, &years));
            let versions = [first.clone(), second, third];
            let mut member = Member::joins(&first, "2027-03-01");
            takes(&versions, &mut member, &Buys("2027-03-10", 50_000));
            takes(&versions, &mut member, &next);
            let stands = member.stands(&versions[2], at("2027-11-26"));
            assert!(stands.starts_with("silver qualified"), "{period}: {stands}");
            takes(&versions, &mut member, &Returns("2027-03-10", "2027-11-26", 50_000));
            assert_eq!(member.stands(&versions[2], at("2027-11-26")), stands, "{period}");
            member.assert_proven();
        }
    }
}

#[test]
fn missing_points_are_owed_or_forgiven_by_the_version_that_gave_them() {
    for (before, after, owed) in [("owe", "forgive", 30), ("forgive", "owe", 0)] {
        let rules = |policy: &str| {
            let base = json!({ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } });
            document(json!({ "points": { "negative_balance": policy }, "earning_rules": [base] }))
        };
        let first = program_of(&rules(before));
        let second = first.then(at("2027-03-01"), &rules(after));
        let mut member = Member::joins(&first, "2027-01-01");
        let bought = member.buys(&first, "2027-02-01", 10_000).points().get();
        member.adjusts(&first, at("2027-02-02"), "spent", -30).unwrap();
        let entry = member.reverses(&second, at("2027-03-10"), "undo", "bought-2027-02-01", None).unwrap();
        assert_eq!((entry.program_version, entry.points().get()), (1, 30 - bought - owed), "{before} {after}");
        assert_eq!(member.balances(), [0, 0, 0, owed], "{before} {after}");
        member.assert_proven();
    }
}

#[test]
fn excess_promises_are_dropped_if_another_outlasts_them() {
    let levels = |gold: i64, tiers: &Value| {
        let levels = json!([{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 200 },
                            { "id": "gold", "threshold": gold }]);
        with_levels(&levels, tiers)
    };
    let window = json!({ "period": { "rolling_months": 12 }, "grace_days": 180 });
    let mut versions = vec![program_of(&levels(800, &json!({ "period": LIFETIME })))];
    let mut member = Member::joins(&versions[0], "2027-01-01");
    takes(&versions, &mut member, &Buys("2027-01-05", 30_000));
    for (gold, month) in (801..).zip(["03", "05", "07", "09", "11", "12"]) {
        let day = format!("2027-{month}-01T08:00");
        versions.push(versions.last().unwrap().then(at(&day), &levels(gold, &window)));
        let day = format!("2027-{month}-02");
        member.buys(versions.last().unwrap(), &day, 90_000);
    }
    let last = versions.last().unwrap().clone().then(at("2028-01-20"), &levels(900, &window));
    assert_eq!(member.account_at(&last, at("2028-01-21")).promised.len(), 12);
    assert_eq!(member.stands(&last, at("2034-06-01")), "silver secured -");
}
