//! What earns of an order: parts of the total, excluded lines, quantities, and why a rule gave nothing.

use regulars_domain::{
    earn::{EarnRefusal, Unfit, earn},
    explanation::Unearned,
    occasion::Occasion,
    qualifying::Qualifying,
    referral::Referrer,
};
use serde_json::{Value, json};

use crate::{
    counting::decided,
    world::{Member, at, line, on, program, purchase, request},
};

const DAY: &str = "2026-11-21";

/// Returns an order of these lines, each a category, a quantity and an amount, with other fields.
fn order(total: i64, lines: &[(&str, Value, i64)], besides: &Value) -> Occasion {
    let lines: Vec<_> = lines
        .iter()
        .map(|(category, quantity, amount)| json!({ "category": category, "quantity": quantity, "amount": amount }))
        .collect();
    let mut fields = json!({ "total": { "amount": total, "currency": "EUR" }, "lines": lines });
    fields.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    purchase(DAY, fields)
}

fn per_euro() -> Value {
    json!({ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } })
}

/// Returns the points that each line of the breakdown gives.
fn given(points: &Value, rules: &Value, order: &Occasion) -> Vec<(String, i64)> {
    let program = program(json!({ "points": points, "earning_rules": rules }));
    let mut member = Member::joins(&program, "2026-11-01");
    let entry = member.earns(&program, "order-1", order).unwrap();
    member.assert_proven();
    entry.breakdown().iter().map(|found| (line(found).0, line(found).2)).collect()
}

#[test]
fn only_what_is_eligible_earns() {
    let cards = json!({ "eligible": { "excluded_categories": ["gift-card"] } });
    let one = || json!(1);
    for (points, order, expected) in [
        (&cards, order(10_000, &[("gift-card", one(), 5_000), ("shirt", one(), 5_000)], &json!({})), 50),
        (&cards, order(30_000, &[("book", one(), 25_000), ("gift-card", one(), 5_000)], &json!({})), 250),
        (&json!({}), order(1_300, &[("shirt", one(), 1_000)], &json!({ "shipping": 200, "tip": 100 })), 12),
        (&json!({}), order(1_000, &[("shirt", one(), 1_000)], &json!({ "paid_with_points": 400 })), 6),
        (
            &json!({ "eligible": { "tax": false } }),
            order(1_200, &[("shirt", one(), 1_000)], &json!({ "tax": 200 })),
            10,
        ),
        (&json!({}), order(1_000, &[("shirt", one(), 1_000)], &json!({ "discount": 400 })), 10),
    ] {
        assert_eq!(given(points, &json!([per_euro()]), &order), [("base".to_owned(), expected)], "{points}: {order:?}");
    }
}

#[test]
fn ineligible_amounts_do_not_count_toward_a_tier() {
    let program = program(json!({
        "points": { "eligible": { "excluded_categories": ["gift-card"] } },
        "earning_rules": [per_euro()],
        "tiers": { "basis": "spend", "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 5_001 }] },
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    let bought = order(10_000, &[("gift-card", json!(1), 5_000), ("shirt", json!(1), 5_000)], &json!({}));
    member.earns(&program, "order-1", &bought).unwrap();
    let counted = Qualifying { points: 50, spend: 5_000, visits: 1 };
    assert_eq!(member.account.qualifying.get(&on("2026-01-01")), Some(&counted));
    assert_eq!(member.tier(), Some("bronze"));
}

#[test]
fn a_rule_of_lines_sees_no_excluded_ones() {
    let points = json!({ "eligible": { "excluded_categories": ["gift-card"] } });
    let bought = order(10_000, &[("gift-card", json!(3), 5_000), ("shirt", json!(1), 5_000)], &json!({}));
    for (rule, expected) in [
        (json!({ "when": "line.amount > 0", "give": { "rate": { "points": 1, "per": 100 } } }), 50),
        (json!({ "when": "line.category == 'gift-card'", "give": { "rate": { "points": 1, "per": 100 } } }), 0),
        (json!({ "give": { "per_item": { "points": 1, "counts": "lines" } } }), 1),
        (json!({ "give": { "per_item": { "points": 1, "counts": "pieces" } } }), 1),
        // Conditions see the total as it was sent.
        (json!({ "when": "purchase.total >= 10000", "give": { "fixed": { "points": 7 } } }), 7),
        (json!({ "when": "purchase.eligible >= 5001", "give": { "fixed": { "points": 7 } } }), 0),
    ] {
        let mut rule = rule;
        rule["id"] = json!("rule");
        rule["on"] = json!("purchase");
        let sum: i64 = given(&points, &json!([rule]), &bought).into_iter().map(|(_, given)| given).sum();
        assert_eq!(sum, expected, "{rule}");
    }
}

#[test]
fn quantities_are_weights_too_and_pieces_count_whole_ones() {
    let pieces =
        json!([{ "id": "pieces", "on": "purchase", "give": { "per_item": { "points": 10, "counts": "pieces" } } }]);
    for (quantity, expected) in [
        (json!(0), 0),
        (json!(0.35), 0),
        (json!(1), 10),
        (json!(2.5), 20),
        (json!(14.25), 140),
        (json!(14_250), 142_500),
    ] {
        let sum: i64 = given(&json!({}), &pieces, &order(500, &[("a", quantity.clone(), 500)], &json!({})))
            .iter()
            .map(|line| line.1)
            .sum();
        assert_eq!(sum, expected, "{quantity}");
    }
}

#[test]
fn a_multiplier_with_a_condition_on_lines_multiplies_what_they_earned() {
    let double = |when: &str| json!({ "id": "double", "on": "purchase", "stacking": "add", "when": when, "give": { "multiplier": { "percent": 200 } } });
    let coffee = "line.category == 'coffee'";
    let bought = order(1_250, &[("coffee", json!(1), 450), ("beans", json!(1), 800)], &json!({}));
    let of = |id: &str, give: Value| json!({ "id": id, "on": "purchase", "give": give });
    let beans = json!({ "id": "beans", "on": "purchase", "when": "line.category == 'beans'",
                        "give": { "per_item": { "points": 20, "counts": "lines" } } });
    for (name, rules, expected) in [
        ("the coffee alone", json!([per_euro(), double(coffee)]), 4),
        ("all of it", json!([per_euro(), double("purchase.total > 0")]), 12),
        ("no line", json!([per_euro(), double("line.category == 'tea'")]), 0),
        ("a base rule for other lines", json!([per_euro(), beans, double(coffee)]), 4),
        ("a base rule for these lines", json!([per_euro(), beans, double("line.category == 'beans'")]), 8 + 20),
        ("points that are for no line", json!([of("visit", json!({ "fixed": { "points": 100 } })), double(coffee)]), 0),
        ("each line", json!([of("lines", json!({ "per_item": { "points": 5 } })), double(coffee)]), 5),
    ] {
        let sum: i64 = given(&json!({}), &rules, &bought)
            .into_iter()
            .filter(|(rule, _)| rule == "double")
            .map(|line| line.1)
            .sum();
        assert_eq!(sum, expected, "{name}");
    }
    // A base rule whose cap allowed half of its points gives half as much for each line.
    let mut capped = per_euro();
    capped["cap"] = json!({ "points": 6, "every": "day" });
    let found = given(&json!({}), &json!([capped, double(coffee)]), &bought);
    assert_eq!(found, [("base".to_owned(), 6), ("double".to_owned(), 2)]);
}

#[test]
fn conditions_read_the_shops_facts_of_an_order() {
    let besides = json!({ "tax": 100, "shipping": 50, "discount": 30, "receipt": "till3-0042",
                          "attributes": { "payment": "card", "boxes": 2, "gift": true } });
    let bought = order(1_000, &[("a", json!(1), 850)], &besides);
    for (when, holds) in [
        ("purchase.attributes.payment == 'card'", true),
        ("purchase.attributes.boxes > 1 && purchase.attributes.gift", true),
        ("purchase.attributes.promo == 'X'", false),
        ("purchase.attributes.promo == null", true),
        ("purchase.tax == 100 && purchase.shipping == 50 && purchase.discount == 30", true),
        ("purchase.receipt.startsWith('till3')", true),
        ("purchase.eligible == 1000", true),
    ] {
        let rule = json!([{ "id": "rule", "on": "purchase", "when": when, "give": { "fixed": { "points": 7 } } }]);
        assert_eq!(!given(&json!({}), &rule, &bought).is_empty(), holds, "{when}");
    }
}

#[test]
fn each_rule_that_gave_nothing_says_why_and_the_ledger_keeps_none_of_it() {
    let rule = |id: &str, besides: &Value| {
        let mut rule = json!({ "id": id, "on": "purchase", "give": { "fixed": { "points": 5 } } });
        rule.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
        rule
    };
    let group =
        |percent: i64| json!({ "stacking": { "best_of": "group" }, "give": { "multiplier": { "percent": percent } } });
    let program = program(json!({ "earning_rules": [
        per_euro(),
        rule("large", &json!({ "when": "purchase.total > 100000" })),
        rule("tea", &json!({ "when": "line.category == 'tea'" })),
        rule("summer", &json!({ "active": { "from": "2026-06-01T00:00:00Z", "to": "2026-09-01T00:00:00Z" } })),
        rule("once", &json!({ "cap": { "times": 1, "every": "day" } })),
        rule("broken", &json!({ "when": "purchase.total / 0 > 1" })),
        rule("step", &json!({ "give": { "rate": { "points": 1, "per": 100_000 } } })),
        rule("less", &group(150)),
        rule("more", &group(200)),
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    let bought = order(1_250, &[("coffee", json!(2), 450)], &json!({}));
    member.earns(&program, "order-1", &bought).unwrap();
    let settled = member.settled(&program, at(DAY));
    let then = settled.rules_at(bought.occurred_at()).unwrap();
    let posting = decided(&member.totals, |counters| {
        earn(settled.clone(), &request("order-2"), &bought, then, counters, Referrer::Gone)
    });
    let posting = posting.unwrap();
    let told: Vec<_> = posting
        .explanations
        .iter()
        .map(|explained| (explained.rule.as_str(), explained.basis, explained.because))
        .collect();
    assert_eq!(
        told,
        [
            ("summer", None, Unearned::NotActive),
            ("large", None, Unearned::Condition),
            ("tea", None, Unearned::NoLines),
            ("once", None, Unearned::Cap),
            ("broken", None, Unearned::Fault),
            ("step", Some(1_250), Unearned::BelowStep),
            ("less", None, Unearned::NotBest),
        ]
    );
    let kept: Vec<_> = posting.own.entries[0].entry.breakdown().iter().map(|found| line(found).0).collect();
    assert!(!kept.contains(&"large".to_owned()) && !posting.own.entries[0].text.contains("condition"));
}

#[test]
fn lines_cost_no_more_than_the_order() {
    let program = program(json!({ "earning_rules": [per_euro()] }));
    for (total, lines, expected) in
        [(1_000, 1_000, true), (1_000, 999, true), (1_000, 1_001, false), (1_000, 10_000, false)]
    {
        let mut member = Member::joins(&program, "2026-11-01");
        let done = member.earns(&program, "order-1", &order(total, &[("a", json!(1), lines)], &json!({})));
        let refused = (!expected).then_some(EarnRefusal::Unfit(Unfit::LinesExceedTotal { lines, total }));
        assert_eq!(done.err(), refused, "{lines} of {total}");
    }
}
