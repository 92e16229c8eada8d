//! What a purchase, an activity, an enrollment and a birthday earn.

use regulars_domain::{chain::Sealed, entry::Kind, occasion::Occasion, points::Points};
use serde_json::{Value, json};

use crate::world::{Member, activity, at, line, lots_of, on, program, purchase};

/// Asserts that `rules`, with `points` of the document, give exactly `expect` for one occasion of a new member: each
/// line as rule, wanted, given.
fn check_with(points: &Value, rules: &Value, occasion: &Occasion, expect: &[(&str, i64, i64)]) {
    let program = program(json!({ "points": points, "earning_rules": rules }));
    let mut member = Member::joins(&program, "2026-11-01");
    let entry = member.earns(&program, "order-1", occasion).unwrap();
    let found: Vec<_> = entry.breakdown().iter().map(line).collect();
    let expected: Vec<_> = expect.iter().map(|(rule, wanted, given)| ((*rule).to_owned(), *wanted, *given)).collect();
    assert_eq!(found, expected, "{rules}");
    let sum = expect.iter().map(|(_, _, given)| given).sum::<i64>();
    assert_eq!((entry.points().get(), entry.spendable().get(), member.spendable()), (sum, sum, sum), "{rules}");
}

fn check(rules: &Value, occasion: &Occasion, expect: &[(&str, i64, i64)]) {
    check_with(&json!({}), rules, occasion, expect);
}

/// A basket of 12.50: two coffees for 9.00 and a bag of beans for 3.50.
fn basket() -> Occasion {
    purchase(
        "2026-11-21T16:05",
        json!({
            "total": { "amount": 1250, "currency": "EUR" }, "channel": "app",
            "lines": [
                { "sku": "latte", "category": "coffee", "quantity": 2, "amount": 900 },
                { "sku": "sidamo", "category": "beans", "quantity": 1, "amount": 350 }
            ]
        }),
    )
}

fn rule(id: &str, give: &Value) -> Value {
    json!({ "id": id, "on": "purchase", "give": give })
}

#[test]
fn each_strategy_gives_what_its_name_says() {
    for (give, expected) in [
        (json!({ "rate": { "points": 1, "per": 100 } }), 12),
        (json!({ "rate": { "points": 3, "per": 100 } }), 37),
        (json!({ "rate": { "points": 1, "per": 1 } }), 1250),
        (json!({ "fixed": { "points": 7 } }), 7),
        (json!({ "per_item": { "points": 20 } }), 40),
        (json!({ "per_item": { "points": 20, "counts": "lines" } }), 40),
        (json!({ "per_item": { "points": 20, "counts": "pieces" } }), 60),
        (json!({ "punch_card": { "every": 2, "points": 5, "counts": "pieces" } }), 5),
        (json!({ "punch_card": { "every": 3, "points": 5, "counts": "pieces" } }), 5),
    ] {
        check(&json!([rule("a", &give)]), &basket(), &[("a", expected, expected)]);
    }
    for give in [
        json!({ "rate": { "points": 1, "per": 1251 } }),
        json!({ "punch_card": { "every": 2, "points": 5 } }),
        json!({ "punch_card": { "every": 4, "points": 5, "counts": "pieces" } }),
    ] {
        check(&json!([rule("a", &give)]), &basket(), &[]);
    }
}

#[test]
fn a_condition_on_lines_picks_the_lines_that_count() {
    for (when, give, expected) in [
        ("line.category == 'beans'", json!({ "rate": { "points": 1, "per": 100 } }), Some(3)),
        ("line.category == 'coffee'", json!({ "rate": { "points": 1, "per": 100 } }), Some(9)),
        ("line.amount > 100", json!({ "rate": { "points": 1, "per": 100 } }), Some(12)),
        ("line.category == 'coffee'", json!({ "per_item": { "points": 5 } }), Some(5)),
        ("line.category == 'coffee'", json!({ "per_item": { "points": 5, "counts": "pieces" } }), Some(10)),
        ("line.quantity >= 1", json!({ "per_item": { "points": 5 } }), Some(10)),
        ("line.sku == 'sidamo' && purchase.channel == 'app'", json!({ "fixed": { "points": 9 } }), Some(9)),
        (
            "line.category == 'coffee'",
            json!({ "punch_card": { "every": 2, "points": 4, "counts": "pieces" } }),
            Some(4),
        ),
        ("line.category == 'tea'", json!({ "fixed": { "points": 9 } }), None),
        ("line.category == null", json!({ "fixed": { "points": 9 } }), None),
        ("purchase.total >= 1250", json!({ "rate": { "points": 1, "per": 100 } }), Some(12)),
        ("purchase.total > 1250", json!({ "rate": { "points": 1, "per": 100 } }), None),
        ("purchase.items == 3 && purchase.currency == 'EUR'", json!({ "fixed": { "points": 9 } }), Some(9)),
        ("purchase.store == null", json!({ "fixed": { "points": 9 } }), Some(9)),
        ("member.tier == null && member.enrolled_on == '2026-11-01'", json!({ "fixed": { "points": 9 } }), Some(9)),
        ("occurred_at.weekday == 'sat' && occurred_at.hour == 16", json!({ "fixed": { "points": 9 } }), Some(9)),
        (
            "occurred_at.date == '2026-11-21' && occurred_at.time == '16:05:00'",
            json!({ "fixed": { "points": 9 } }),
            Some(9),
        ),
    ] {
        let rules = json!([{ "id": "a", "on": "purchase", "when": when, "give": give }]);
        let expect: Vec<_> = expected.into_iter().map(|points| ("a", points, points)).collect();
        check(&rules, &basket(), &expect);
    }
}

#[test]
fn a_fraction_is_rounded_once_for_each_rule_and_as_the_program_says() {
    let two_halves = purchase(
        "2026-11-21",
        json!({ "total": { "amount": 300, "currency": "EUR" },
                "lines": [{ "quantity": 1, "amount": 150 }, { "quantity": 1, "amount": 150 }] }),
    );
    let by_lines = json!([{ "id": "a", "on": "purchase", "when": "line.amount > 0",
                            "give": { "rate": { "points": 1, "per": 200 } } }]);
    for (rounding, expected) in [("floor", 1), ("half_up", 2), ("ceiling", 2)] {
        let points = json!({ "rounding": rounding });
        check_with(&points, &by_lines, &two_halves, &[("a", expected, expected)]);
    }
    // 2.5 twice: rounded by themselves, 2 + 2 or 3 + 3, and never 5 together.
    let two_rules = json!([
        rule("a", &json!({ "rate": { "points": 1, "per": 100 } })),
        rule("b", &json!({ "rate": { "points": 1, "per": 100 } }))
    ]);
    for (rounding, each) in [("floor", 2), ("half_up", 3), ("ceiling", 3)] {
        let points = json!({ "rounding": rounding });
        check_with(&points, &two_rules, &purchase("2026-11-21", json!(250)), &[("a", each, each), ("b", each, each)]);
    }
    // 50 % of 5 is 2.5, 10 % of 5 is 0.5.
    let multipliers = json!([rule("base", &json!({ "fixed": { "points": 5 } })),
        { "id": "half", "on": "purchase", "stacking": "add", "give": { "multiplier": { "percent": 150 } } },
        { "id": "tenth", "on": "purchase", "stacking": "add", "give": { "multiplier": { "percent": 110 } } }]);
    for (rounding, half, tenth) in [("floor", 2, 0), ("half_up", 3, 1), ("ceiling", 3, 1)] {
        let expect = [("base", 5, 5), ("half", half, half), ("tenth", tenth, tenth)];
        let expect: Vec<_> = expect.into_iter().filter(|(_, wanted, _)| *wanted > 0).collect();
        check_with(&json!({ "rounding": rounding }), &multipliers, &purchase("2026-11-21", json!(1)), &expect);
    }
}

#[test]
fn multipliers_add_and_never_compound() {
    let rules = json!([
        rule("one", &json!({ "fixed": { "points": 60 } })),
        { "id": "double", "on": "purchase", "stacking": "add", "give": { "multiplier": { "percent": 200 } } },
        { "id": "half-more", "on": "purchase", "stacking": "add", "give": { "multiplier": { "percent": 150 } } },
        { "id": "gift", "on": "purchase", "stacking": "add", "give": { "fixed": { "points": 7 } } },
        rule("two", &json!({ "fixed": { "points": 40 } })),
    ]);
    let expect = [("one", 60, 60), ("two", 40, 40), ("double", 100, 100), ("half-more", 50, 50), ("gift", 7, 7)];
    check(&rules, &basket(), &expect);
}

#[test]
fn of_a_group_only_the_best_counts_and_of_equals_the_first() {
    let promotion = |id: &str, group: &str, points: i64| json!({ "id": id, "on": "purchase", "stacking": { "best_of": group }, "give": { "fixed": { "points": points } } });
    for (rules, expect) in [
        (json!([promotion("a", "g", 5), promotion("b", "g", 9)]), vec![("b", 9, 9)]),
        (json!([promotion("a", "g", 9), promotion("b", "g", 5)]), vec![("a", 9, 9)]),
        (json!([promotion("a", "g", 9), promotion("b", "g", 9)]), vec![("a", 9, 9)]),
        (json!([promotion("a", "g", 1), promotion("b", "g", 9), promotion("c", "g", 9)]), vec![("b", 9, 9)]),
        (json!([promotion("a", "g", 5), promotion("b", "h", 9)]), vec![("a", 5, 5), ("b", 9, 9)]),
        (json!([promotion("a", "g", 5)]), vec![("a", 5, 5)]),
    ] {
        check(&rules, &basket(), &expect);
    }
    // A cap counts before the comparison: what a rule can still give, not what it wants.
    let capped = json!([
        { "id": "a", "on": "purchase", "stacking": { "best_of": "g" }, "give": { "fixed": { "points": 50 } },
          "cap": { "points": 3, "every": "day" } },
        promotion("b", "g", 9),
    ]);
    check(&capped, &basket(), &[("b", 9, 9)]);
}

#[test]
fn a_rule_that_cannot_be_evaluated_gives_nothing_says_why_and_blocks_nothing() {
    let program = program(json!({ "earning_rules": [
        { "id": "broken", "on": "purchase", "when": "purchase.total / purchase.items > 100", "give": { "fixed": { "points": 50 } } },
        { "id": "ordered", "on": "purchase", "when": "purchase.store > 1", "give": { "fixed": { "points": 50 } } },
        { "id": "by-line", "on": "purchase", "when": "line.sku.startsWith('x')", "give": { "fixed": { "points": 50 } } },
        { "id": "on-top", "on": "purchase", "stacking": { "best_of": "g" }, "when": "1 / purchase.items == 1",
          "give": { "multiplier": { "percent": 900 } } },
        { "id": "base", "on": "purchase", "give": { "fixed": { "points": 8 } } },
        { "id": "double", "on": "purchase", "stacking": { "best_of": "g" }, "give": { "multiplier": { "percent": 200 } } },
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    let entry = member.earns(&program, "order-1", &purchase("2026-11-21", json!(1000))).unwrap();
    assert_eq!(entry.points(), Points::new(16));
    let faults: Vec<_> = entry.breakdown().iter().filter(|line| line.fault.is_some()).collect();
    assert_eq!(faults.iter().map(|line| line.rule.as_str()).collect::<Vec<_>>(), ["broken", "on-top"]);
    for line in faults {
        assert!(line.given.is_zero() && line.fault.as_deref() == Some("division_by_zero"), "{line:?}");
    }
    let lines = json!({ "lines": [{ "quantity": 1, "amount": 10 }] });
    let entry = member.earns(&program, "order-2", &purchase("2026-11-21", lines)).unwrap();
    let faults: Vec<_> = entry.breakdown().iter().filter_map(|line| line.fault.as_deref()).collect();
    assert_eq!(faults, [""; 0], "a line without an article does not begin with anything");
    // What the ledger says about it survives being stored.
    for sealed in &member.ledger {
        let read = Sealed::read(sealed.text.clone(), sealed.previous, sealed.hash).unwrap();
        assert_eq!(read.with_facts(sealed.facts.as_deref().cloned()).with_balance(sealed.balance), *sealed);
    }
}

#[test]
fn an_activity_earns_by_the_rules_of_its_type_only() {
    let rules = json!([
        { "id": "review", "on": { "activity": "review" }, "give": { "fixed": { "points": 10 } } },
        { "id": "stars", "on": { "activity": "review" }, "stacking": "add", "when": "activity.attributes.score >= 5",
          "give": { "fixed": { "points": 3 } } },
        { "id": "double", "on": { "activity": "review" }, "stacking": "add", "give": { "multiplier": { "percent": 200 } } },
        { "id": "profile", "on": { "activity": "profile" }, "give": { "fixed": { "points": 100 } } },
        { "id": "purchase", "on": "purchase", "give": { "fixed": { "points": 1000 } } },
    ]);
    let review = |attributes: &Value| activity("2026-11-21", "review", attributes);
    check(&rules, &review(&json!({ "score": 5 })), &[("review", 10, 10), ("stars", 3, 3), ("double", 10, 10)]);
    check(&rules, &review(&json!({ "score": 4 })), &[("review", 10, 10), ("double", 10, 10)]);
    // Without a score there are not enough stars.
    check(&rules, &review(&json!({})), &[("review", 10, 10), ("double", 10, 10)]);
    check(&rules, &activity("2026-11-21", "profile", &json!({})), &[("profile", 100, 100)]);
    check(&rules, &activity("2026-11-21", "unheard-of", &json!({})), &[]);
}

#[test]
fn joining_earns_the_welcome_without_the_tiers_multiplier() {
    let program = program(json!({
        "earning_rules": [
            { "id": "welcome", "on": "enrollment", "give": { "fixed": { "points": 25 } } },
            { "id": "izmir", "on": "enrollment", "stacking": "add", "when": "member.attributes.city == 'Izmir'",
              "give": { "fixed": { "points": 5 } } },
        ],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0, "earning_percent": 200 },
                              { "id": "silver", "threshold": 25 }] },
        "attributes": [{ "id": "city", "type": "string" }],
    }));
    for (city, points) in [("Izmir", 30), ("Ankara", 25)] {
        let member = Member::joins_with(&program, "2026-11-01", &json!({ "city": city }));
        assert_eq!(member.ids(), ["~enrollment"]);
        let entry = member.entry("~enrollment");
        assert_eq!((entry.kind(), entry.points().get(), entry.seq), (Kind::Enrollment, points, 1));
        // Welcome points qualify unless their rule says otherwise, and the entry itself has the tier.
        let change = entry.effects.tier_change.unwrap();
        assert_eq!((change.from, change.to.unwrap().as_str()), (None, "silver"));
        member.assert_proven();
    }
}

#[test]
fn a_birthday_is_celebrated_on_its_day_once_a_year() {
    let program = program(json!({
        "points": { "expiry": { "after_months": 36, "rounded_to": "exact_day" } },
        "earning_rules": [{ "id": "cake", "on": "birthday", "give": { "fixed": { "points": 40 } } }],
        "attributes": [{ "id": "birthday", "type": "date" }],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0, "earning_percent": 300 }] },
    }));
    let mut member = Member::joins_with(&program, "2026-11-01", &json!({ "birthday": "1992-02-29" }));
    assert_eq!(member.account.review_on, Some(on("2027-02-28")));
    assert_eq!(member.reviewed(&program, at("2027-02-27T23:59")), []);
    let entries = member.reviewed(&program, at("2027-02-28T00:00"));
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].kind(), entries[0].points().get()), (Kind::Accrual, 40));
    assert_eq!((entries[0].id.as_str(), entries[0].occurred_at), ("~birthday~2027-02-28", at("2027-02-28T00:00")));
    assert_eq!(lots_of(&member.account), [("2030-02-28".to_owned(), 40)]);
    assert_eq!(member.reviewed(&program, at("2027-12-31")), []);
    // A corrected date does not make two of one.
    member.set_attribute("birthday", regulars_domain::account::AttributeValue::Date(on("1992-03-05")));
    assert_eq!(member.reviewed(&program, at("2027-12-31")), []);
    let ids: Vec<_> = member.reviewed(&program, at("2029-12-31")).iter().map(|entry| entry.id.to_string()).collect();
    assert_eq!(ids, ["~birthday~2028-03-05", "~birthday~2029-03-05"]);
}

#[test]
fn birthday_points_pay_what_is_owed() {
    let program = program(json!({
        "earning_rules": [{ "id": "cake", "on": "birthday", "give": { "fixed": { "points": 40 } } }],
        "attributes": [{ "id": "birthday", "type": "date" }],
    }));
    for (owed, owed_after, spendable) in [(0, 0, 40), (15, 0, 25), (40, 0, 0), (100, 60, 0)] {
        let mut member = Member::joins_with(&program, "2026-11-01", &json!({ "birthday": "1992-02-03" }));
        member.account.owed = Points::new(owed);
        let entries = member.reviewed(&program, at("2027-02-04"));
        assert_eq!(entries.len(), 1, "owed {owed}");
        assert_eq!(entries[0].points().get(), 40);
        assert_eq!((member.account.owed.get(), member.spendable()), (owed_after, spendable), "owed {owed}");
    }
}

#[test]
fn a_suspended_account_has_no_birthday_and_a_rule_that_gives_nothing_leaves_no_entry() {
    let document = |when: &str| {
        json!({
            "earning_rules": [{ "id": "cake", "on": "birthday", "when": when, "give": { "fixed": { "points": 40 } } }],
            "attributes": [{ "id": "birthday", "type": "date" }],
        })
    };
    let never = program(document("occurred_at.year == 2029"));
    let mut member = Member::joins_with(&never, "2026-11-01", &json!({ "birthday": "1992-02-03" }));
    assert_eq!(member.account.review_on, Some(on("2029-02-03")));
    assert_eq!(member.reviewed(&never, at("2029-02-02")), []);
    assert_eq!(member.reviewed(&never, at("2029-02-03")).len(), 1);

    let always = program(document("true"));
    let mut member = Member::joins_with(&always, "2026-11-01", &json!({ "birthday": "1992-02-03" }));
    member.account.status = regulars_domain::account::Status::Suspended;
    assert_eq!(member.reviewed(&always, at("2029-02-03")), []);
}

#[test]
fn punch_cards_carry_over_what_is_left() {
    let pieces = |count: i64| json!({ "lines": [{ "sku": "a", "quantity": count, "amount": 100 }] });
    for (give, bought, expected) in [
        (json!({ "every": 3, "points": 50 }), vec![9, 9, 9, 9, 9, 9, 9], vec![0, 0, 50, 0, 0, 50, 0]),
        (json!({ "every": 5, "points": 50, "counts": "pieces" }), vec![4, 4, 4, 1, 2], vec![0, 50, 50, 0, 50]),
        (json!({ "every": 5, "points": 50, "counts": "pieces" }), vec![12, 3, 4, 20], vec![100, 50, 0, 200]),
        (json!({ "every": 2, "points": 1, "counts": "purchases" }), vec![1, 1, 1], vec![0, 1, 0]),
    ] {
        let program = program(json!({ "earning_rules": [rule("card", &json!({ "punch_card": give }))] }));
        let mut member = Member::joins(&program, "2026-11-01");
        let given: Vec<_> = bought
            .iter()
            .enumerate()
            .map(|(n, count)| {
                let bought = purchase("2026-11-21", pieces(*count));
                member.earns(&program, &format!("order-{n}"), &bought).unwrap().points().get()
            })
            .collect();
        assert_eq!(given, expected, "{give} {bought:?}");
    }
}

#[test]
fn a_rule_is_on_at_the_hours_of_the_programs_clocks() {
    let rules = |zone: &str| {
        let mut document = crate::world::document(json!({
            "points": { "backdating_days_max": 365 },
            "earning_rules": [{ "id": "happy", "on": "purchase", "give": { "fixed": { "points": 1 } },
                "active": { "weekdays": ["mon"], "from_time": "15:00", "to_time": "18:00", "from": "2026-11-09T00:00:00+03:00",
                            "to": "2026-11-30T16:00:00+03:00" } }],
        }));
        document["time_zone"] = json!(zone);
        crate::world::program_of(&document)
    };
    for (zone, moment, expected) in [
        ("Europe/Istanbul", "2026-11-23T15:00:00+03:00", 1),
        ("Europe/Istanbul", "2026-11-23T17:59:59+03:00", 1),
        ("Europe/Istanbul", "2026-11-23T18:00:00+03:00", 0),
        ("Europe/Istanbul", "2026-11-24T15:00:00+03:00", 0),
        ("Europe/Istanbul", "2026-11-02T15:00:00+03:00", 0),
        ("Europe/Istanbul", "2026-11-30T15:59:59+03:00", 1),
        ("Europe/Istanbul", "2026-11-30T16:00:00+03:00", 0),
        ("Europe/Istanbul", "2026-11-23T13:00:00Z", 1),
        ("Asia/Tokyo", "2026-11-23T15:00:00+03:00", 0),
        ("Asia/Tokyo", "2026-11-23T15:00:00+09:00", 1),
        ("Pacific/Auckland", "2026-11-23T03:00:00Z", 1),
        ("Pacific/Auckland", "2026-11-23T02:00:00+00:00", 1),
        ("America/New_York", "2026-11-23T20:00:00Z", 1),
        // Where it is still Monday, and where it is Sunday still.
        ("Pacific/Honolulu", "2026-11-24T01:00:00Z", 1),
        ("Pacific/Honolulu", "2026-11-23T01:00:00Z", 0),
    ] {
        let program = rules(zone);
        let mut member = Member::joins(&program, "2026-11-01");
        let entry = member.earns_at(&program, at("2026-12-01"), "order-1", &purchase(moment, json!(100))).unwrap();
        assert_eq!(entry.points().get(), expected, "{moment} in {zone}");
    }
}

#[test]
fn only_base_rules_that_are_not_marked_otherwise_count_toward_a_tier() {
    let program = program(json!({
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } },
            { "id": "capped", "on": "purchase", "give": { "fixed": { "points": 50 } }, "cap": { "points": 5, "every": "ever" } },
            { "id": "extra", "on": "purchase", "qualifying": false, "give": { "fixed": { "points": 100 } } },
            { "id": "added", "on": "purchase", "stacking": "add", "give": { "fixed": { "points": 1000 } } },
            { "id": "best", "on": "purchase", "stacking": { "best_of": "g" }, "give": { "multiplier": { "percent": 300 } } },
            { "id": "review", "on": { "activity": "review" }, "give": { "fixed": { "points": 3 } } },
        ],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0, "earning_percent": 150 }] },
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    let entry = member.earns(&program, "order-1", &purchase("2026-11-21", json!(1250))).unwrap();
    let qualified = &entry.effects.qualified[0];
    assert_eq!(qualified.period, on("2026-01-01"));
    let amount = (qualified.amount.points, qualified.amount.spend, qualified.amount.visits);
    assert_eq!(amount, (17, 1250, 1));
    let entry = member.earns(&program, "review-1", &activity("2026-11-21", "review", &json!({}))).unwrap();
    let amount = entry.effects.qualified[0].amount;
    assert_eq!((amount.points, amount.spend, amount.visits), (3, 0, 0));
    let total = member.account.qualifying[&on("2026-01-01")];
    assert_eq!((total.points, total.spend, total.visits), (20, 1250, 1));
}

#[test]
fn the_tiers_line_and_each_multiplier_go_by_the_base_alone() {
    let program = program(json!({
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } },
            { "id": "double", "on": "purchase", "stacking": "add", "give": { "multiplier": { "percent": 200 } } },
            { "id": "half", "on": "purchase", "stacking": { "best_of": "g" }, "give": { "multiplier": { "percent": 150 } } },
            { "id": "review", "on": { "activity": "review" }, "give": { "fixed": { "points": 40 } } },
        ],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0, "earning_percent": 125 }] },
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    let mut told = |key: &str, occasion: &Occasion| -> Vec<_> {
        member
            .earns(&program, key, occasion)
            .unwrap()
            .breakdown()
            .iter()
            .map(|line| (line.rule.clone(), line.given.get()))
            .collect()
    };
    let lines =
        |lines: &[(&str, i64)]| -> Vec<_> { lines.iter().map(|(rule, given)| ((*rule).to_owned(), *given)).collect() };
    let bought = told("order-1", &purchase("2026-11-21", json!(10_000)));
    assert_eq!(bought, lines(&[("base", 100), ("tier:bronze", 25), ("double", 100), ("half", 50)]));
    let reviewed = told("review-1", &activity("2026-11-21", "review", &json!({})));
    assert_eq!(reviewed, lines(&[("review", 40), ("tier:bronze", 10)]));
}

#[test]
fn the_purchase_that_crosses_the_line_still_earns_at_the_old_level() {
    let program = program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 },
                              { "id": "silver", "threshold": 100, "earning_percent": 150 }] },
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    let entry = member.earns(&program, "order-1", &purchase("2026-11-21", json!(10_000))).unwrap();
    // Bronze gives nothing on top, and has no line.
    assert_eq!(entry.breakdown().iter().map(line).collect::<Vec<_>>(), [("base".to_owned(), 100, 100)]);
    let change = entry.effects.tier_change.unwrap();
    assert_eq!((change.from.unwrap().as_str(), change.to.unwrap().as_str()), ("bronze", "silver"));
    let entry = member.earns(&program, "order-2", &purchase("2026-11-21", json!(10_000))).unwrap();
    assert_eq!(
        (entry.points().get(), entry.breakdown().iter().map(line).next_back().unwrap()),
        (150, ("tier:silver".to_owned(), 50, 50))
    );
    assert_eq!(entry.effects.tier_change, None);
}

#[test]
fn a_tier_change_by_a_purchase_has_an_entry_of_its_own_whose_id_no_date_can_meet() {
    let program = program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }] },
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    // Keys that look like ids of the engine's entries: the day on which the tier ends, and a version.
    member.earns(&program, "2028-01-01", &purchase("2026-11-21", json!(10_000))).unwrap();
    assert_eq!(member.tier(), Some("silver"));
    let brought: Vec<_> = member.ledger.iter().filter(|sealed| sealed.entry.kind() == Kind::TierChange).collect();
    assert_eq!(brought.len(), 1);
    assert_eq!(brought[0].entry.refers_to.as_ref().unwrap().as_str(), "2028-01-01");
    let ended = member.reviewed(&program, at("2028-01-01"));
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].id.as_str(), "~tier~2028-01-01");
    assert_eq!(member.tier(), Some("bronze"));
}

#[test]
fn points_pay_what_is_owed_first() {
    let program = program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }] },
    }));
    for (owed, earned, owed_after, spendable) in [(0, 30, 0, 30), (10, 30, 0, 20), (30, 30, 0, 0), (50, 30, 20, 0)] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.account.owed = Points::new(owed);
        let entry = member.earns(&program, "order-1", &purchase("2026-11-21", json!(3_000))).unwrap();
        assert_eq!((member.account.owed.get(), member.spendable()), (owed_after, spendable), "owed {owed}");
        assert_eq!(
            (entry.points().get(), entry.spendable().get(), entry.owed().get()),
            (earned, spendable, owed_after - owed)
        );
        assert_eq!(entry.expires_on(), None);
        assert_eq!(entry.effects.lots.len(), usize::from(spendable > 0), "owed {owed}");
        // What was earned to pay a debt counts toward the tier all the same.
        assert_eq!(entry.effects.qualified[0].amount.points, 30);
    }
}

#[test]
fn a_late_purchase_goes_by_when_it_was_made() {
    let program = program(json!({
        "points": { "expiry": { "after_months": 1, "rounded_to": "exact_day" }, "backdating_days_max": 60,
                    "expiry_notice_days": 0, "usable_days_min": 0 },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } },
            { "id": "october", "on": "purchase", "stacking": "add", "when": "occurred_at.month == 10",
              "give": { "fixed": { "points": 5 } } },
        ],
    }));
    let mut member = Member::joins(&program, "2026-10-01");
    let late = purchase("2026-10-25", json!(1000));
    let entry = member.earns_at(&program, at("2026-11-21"), "order-1", &late).unwrap();
    assert_eq!((entry.points().get(), entry.expires_on()), (15, Some(on("2026-11-25"))));
    assert_eq!((entry.occurred_at, entry.posted_at), (at("2026-10-25"), at("2026-11-21")));
    assert_eq!(member.reviewed(&program, at("2026-11-25T23:59")), []);
    assert_eq!(member.reviewed(&program, at("2026-11-26T00:00")).len(), 1);

    // Its points have this last day only.
    let last = purchase("2026-10-26", json!(100));
    let entry = member.earns_at(&program, at("2026-11-26T23:59"), "order-0", &last).unwrap();
    assert_eq!((entry.points().get(), entry.expires_on(), member.spendable()), (6, Some(on("2026-11-26")), 6));
    assert_eq!(member.reviewed(&program, at("2026-11-27T00:00")).len(), 1);

    // Later still, its points have expired on arrival: both are in the ledger, and nothing is left.
    let later = purchase("2026-10-20", json!(700));
    let entry = member.earns_at(&program, at("2026-12-01"), "order-2", &later).unwrap();
    assert_eq!((entry.points().get(), entry.spendable().get()), (12, 12));
    let over = member.ledger.last().unwrap().entry.clone();
    assert_eq!((over.kind(), over.points().get(), over.id.as_str()), (Kind::Expiry, -12, "~expiry~2026-11-20~order-2"));
    assert_eq!(over.occurred_at, at("2026-11-21T00:00"));
    assert_eq!(over.refers_to.unwrap().as_str(), "order-2");
    assert_eq!(member.spendable(), 0);
    // The same day again, for another purchase, is another entry.
    member.earns_at(&program, at("2026-12-01"), "order-3", &later).unwrap();
    assert_eq!(member.ids().last(), Some(&"~expiry~2026-11-20~order-3"));
    member.assert_proven();
}
