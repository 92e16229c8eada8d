//! Returns by lines, amounts and totals: what the smaller purchase would have earned remains.

use regulars_domain::{
    entry::{Entry, Record},
    money::Amount,
    occasion::Occasion,
    purchase::Quantity,
    returned::ReturnedLine,
    reversal::{Return, Reversal, reverse},
};
use serde_json::{Value, json};

use crate::{
    counting::decided,
    world::{Member, at, euro, line, program, purchase, request},
};

const DAY: &str = "2026-11-21";

/// Returns an order of these lines, each a category, a quantity and an amount.
pub(crate) fn order(total: i64, lines: &[(&str, f64, i64)]) -> Occasion {
    let lines: Vec<_> = lines
        .iter()
        .map(|(category, quantity, amount)| json!({ "category": category, "quantity": quantity, "amount": amount }))
        .collect();
    purchase(DAY, json!({ "total": { "amount": total, "currency": "EUR" }, "lines": lines }))
}

/// Returns all of a line, a quantity of it, or an amount of it.
fn line_back(name: &str, quantity: Option<f64>, amount: Option<i64>) -> ReturnedLine {
    let quantity: Option<Quantity> = serde_json::from_value(json!(quantity)).unwrap();
    let amount: Option<Amount> = serde_json::from_value(json!(amount)).unwrap();
    ReturnedLine { line: name.parse().unwrap(), quantity, amount }
}

pub(crate) fn all_of(name: &str) -> Return {
    Return::Lines(vec![line_back(name, None, None)])
}

fn pieces_of(name: &str, quantity: f64) -> Return {
    Return::Lines(vec![line_back(name, Some(quantity), None)])
}

pub(crate) fn cents_of(name: &str, amount: i64) -> Return {
    Return::Lines(vec![line_back(name, None, Some(amount))])
}

pub(crate) fn refund(cents: i64) -> Return {
    Return::Refund(euro(cents))
}

pub(crate) fn in_all(cents: i64) -> Return {
    Return::RefundedTotal(euro(cents))
}

pub(crate) fn per(points: i64, per: i64) -> Value {
    json!({ "id": "base", "on": "purchase", "give": { "rate": { "points": points, "per": per } } })
}

fn rule(id: &str, besides: &Value) -> Value {
    let mut rule = json!({ "id": id, "on": "purchase" });
    rule.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    rule
}

/// Returns the points that an order gives, at first and after each return.
fn left(points: &Value, rules: &Value, order: &Occasion, returns: &[Return]) -> Vec<i64> {
    let program = program(json!({ "points": points, "earning_rules": rules }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", order).unwrap();
    let mut left = vec![member.account.total().get()];
    for (n, returned) in returns.iter().enumerate() {
        member.returns(&program, at("2026-11-22"), &format!("return-{n}"), "order-1", returned.clone()).unwrap();
        assert_eq!(member.recorded("order-1").gives(), member.account.total(), "{returned:?}");
        left.push(member.account.total().get());
    }
    member.assert_proven();
    left
}

/// A case: a name, the points policy, the rules, the order, its returns, and the points at first and after each return.
type Case<'a> = (&'a str, Value, Value, Occasion, Vec<Return>, Vec<i64>);

fn check(cases: impl IntoIterator<Item = Case<'static>>) {
    for (name, points, rules, bought, returns, expected) in cases {
        assert_eq!(left(&points, &rules, &bought, &returns), expected, "{name}");
    }
}

/// A rule of 100 points for large orders, and one of 7 for small ones.
pub(crate) fn bonus() -> Value {
    rule("bonus", &json!({ "when": "purchase.total >= 5000", "give": { "fixed": { "points": 100 } } }))
}

fn coffee_and_beans() -> Occasion {
    order(1_250, &[("coffee", 2.0, 450), ("beans", 1.0, 800)])
}

#[test]
fn a_return_of_lines_that_never_earned_deducts_nothing() {
    let cards = || json!({ "eligible": { "excluded_categories": ["gift-card"] } });
    let card_and_shirt = || order(10_000, &[("gift-card", 1.0, 5_000), ("shirt", 1.0, 5_000)]);
    let base = || json!([per(1, 100)]);
    let book = order(35_000, &[("book", 1.0, 30_000), ("gift-card", 1.0, 5_000)]);
    let shipped = json!({ "total": { "amount": 5_500, "currency": "EUR" }, "shipping": 500,
                          "lines": [{ "quantity": 1, "amount": 5_000 }] });
    let half_in_points = json!({ "total": { "amount": 10_000, "currency": "EUR" }, "paid_with_points": 5_000,
                                 "lines": [{ "quantity": 1, "amount": 6_000 }, { "quantity": 1, "amount": 4_000 }] });
    let no_shipping = json!({ "eligible": { "shipping": false } });
    let along = order(1_000, &[("a", 1.0, 1_000), ("b", 0.0, 0)]);
    check([
        ("a gift card", cards(), base(), card_and_shirt(), vec![all_of("0"), all_of("1")], vec![50, 50, 0]),
        ("a shirt", cards(), base(), card_and_shirt(), vec![all_of("1"), all_of("0")], vec![50, 0, 0]),
        ("a card with a book", cards(), base(), book, vec![all_of("1")], vec![300, 300]),
        ("shipping", no_shipping, base(), purchase(DAY, shipped), vec![all_of("0"), refund(500)], vec![50, 0, 0]),
        ("points", json!({}), base(), purchase(DAY, half_in_points), vec![all_of("0")], vec![50, 20]),
        ("an item that was given along", json!({}), base(), along, vec![all_of("0")], vec![10, 0]),
    ]);
}

#[test]
fn the_rest_of_an_amount_is_rounded_like_a_smaller_order() {
    let none = || json!({});
    let base = || json!([per(1, 100)]);
    let plain = |total: i64| order(total, &[]);
    let (up, half) = (json!({ "rounding": "ceiling" }), json!({ "rounding": "half_up" }));
    let thousands = json!([per(1, 1_000)]);
    let small = rule("small", &json!({ "when": "purchase.total < 5000", "give": { "fixed": { "points": 7 } } }));
    check([
        ("two tills", none(), base(), plain(10_000), vec![refund(3_000), refund(2_000)], vec![100, 70, 50]),
        ("one till", none(), base(), plain(10_000), vec![in_all(3_000), in_all(2_000)], vec![100, 70, 70]),
        ("both", none(), base(), plain(10_000), vec![in_all(3_000), refund(1), in_all(3_001)], vec![100, 70, 69, 69]),
        ("steps", none(), thousands, plain(1_950), vec![refund(100), refund(851)], vec![1, 1, 0]),
        ("rounded up", up, base(), plain(150), vec![refund(1), refund(49)], vec![2, 2, 1]),
        ("rounded", half, base(), plain(250), vec![refund(1), refund(99)], vec![3, 2, 2]),
        ("a large order", none(), json!([per(1, 100), bonus()]), plain(5_000), vec![refund(2_500)], vec![150, 25]),
        (
            "still a large order",
            none(),
            json!([per(1, 100), bonus()]),
            plain(9_000),
            vec![refund(4_000), refund(1)],
            vec![190, 150, 49],
        ),
        ("a small order earns more", none(), json!([small]), plain(6_000), vec![refund(1_001)], vec![0, 7]),
        ("all", none(), base(), coffee_and_beans(), vec![refund(250), Return::Everything], vec![12, 10, 0]),
    ]);
}

#[test]
fn the_remaining_lines_are_counted_again() {
    let none = || json!({});
    let pieces = || {
        let give = json!({ "per_item": { "points": 10, "counts": "pieces" } });
        json!([rule("coffee", &json!({ "when": "line.category == 'coffee'", "give": give }))])
    };
    let lines = json!([rule("lines", &json!({ "give": { "per_item": { "points": 5, "counts": "lines" } } }))]);
    let triple = |when: &str| {
        let triple = json!({ "stacking": "add", "when": when, "give": { "multiplier": { "percent": 300 } } });
        json!([per(1, 100), rule("triple", &triple)])
    };
    let best = |id: &str, give: &Value| rule(id, &json!({ "stacking": { "best_of": "group" }, "give": give }));
    let two = json!([
        per(1, 100),
        best("fixed", &json!({ "fixed": { "points": 30 } })),
        best("double", &json!({ "multiplier": { "percent": 200 } })),
    ]);
    let one_by_one = || vec![pieces_of("0", 1.0), pieces_of("1", 1.0), pieces_of("0", 1.0)];
    let all_lines = || vec![pieces_of("0", 1.0), all_of("0"), all_of("1")];
    let reduced = || vec![cents_of("0", 449), cents_of("0", 1)];
    let fuel = order(2_000, &[("fuel", 14.25, 2_000)]);
    check([
        ("pieces", none(), pieces(), coffee_and_beans(), one_by_one(), vec![20, 10, 10, 0]),
        ("a price that was reduced", none(), pieces(), coffee_and_beans(), reduced(), vec![20, 20, 0]),
        ("lines", none(), lines, coffee_and_beans(), all_lines(), vec![10, 10, 5, 0]),
        (
            "the coffee tripled",
            none(),
            triple("line.category == 'coffee'"),
            coffee_and_beans(),
            vec![all_of("1"), all_of("0")],
            vec![12 + 8, 4 + 8, 0],
        ),
        ("all tripled", none(), triple("purchase.total > 0"), coffee_and_beans(), vec![all_of("1")], vec![36, 12]),
        ("the best of two", none(), two, order(5_000, &[]), vec![refund(2_001)], vec![100, 29 + 30]),
        (
            "fuel",
            none(),
            json!([per(1, 100)]),
            fuel,
            vec![pieces_of("0", 7.125), pieces_of("0", 7.125)],
            vec![20, 10, 0],
        ),
    ]);
}

#[test]
fn returns_come_to_the_same_in_any_order() {
    let cards = json!({ "eligible": { "excluded_categories": ["gift-card"] } });
    let rules = json!([per(1, 70), bonus()]);
    let bought = order(10_007, &[("gift-card", 1.0, 2_000), ("shirt", 3.0, 5_001), ("socks", 2.0, 1_999)]);
    let returns = [pieces_of("1", 1.0), refund(333), all_of("2"), cents_of("0", 11)];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1], [1, 3, 0, 2]];
    let mut ends: Vec<_> = orders
        .iter()
        .map(|places| {
            let returns: Vec<_> = places.iter().map(|place| returns[*place].clone()).collect();
            *left(&cards, &rules, &bought, &returns).last().unwrap()
        })
        .collect();
    ends.dedup();
    assert_eq!(ends.len(), 1, "{ends:?}");
}

#[test]
fn a_card_for_pieces_counts_those_that_are_left() {
    let card = rule("card", &json!({ "give": { "punch_card": { "every": 10, "points": 50, "counts": "pieces" } } }));
    let program = program(json!({ "earning_rules": [card] }));
    let pieces = |count: f64| order(1_000, &[("coffee", count, 1_000)]);
    // Purchases and returns, and what the member has after each.
    for (steps, expected) in [
        (vec![("a", 9.0), ("a back", 8.0), ("b", 1.0)], vec![0, 0, 0]),
        (vec![("a", 9.0), ("b", 1.0), ("a back", 8.0), ("c", 8.0)], vec![0, 50, 0, 50]),
        (vec![("a", 10.0), ("a back", 1.0), ("b", 1.0)], vec![50, 0, 50]),
        (vec![("a", 25.0), ("a back", 6.0), ("a back", 10.0), ("b", 1.0)], vec![100, 50, 0, 50]),
        (vec![("a", 9.0), ("b", 11.0), ("b back", 1.0), ("b back", 10.0), ("a back", 9.0)], vec![0, 100, 50, 0, 0]),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        let mut found = Vec::new();
        for (n, (step, count)) in steps.iter().enumerate() {
            match step.split_once(' ') {
                None => member.earns(&program, step, &pieces(*count)).map(drop).unwrap(),
                Some((key, _)) => {
                    let returned = pieces_of("0", *count);
                    member.returns(&program, at(DAY), &format!("back-{n}"), key, returned).map(drop).unwrap();
                }
            }
            found.push(member.account.total().get());
        }
        assert_eq!(found, expected, "{steps:?}");
        member.assert_proven();
    }
}

#[test]
fn a_card_under_a_cap_is_taken_from_its_own_purchase_only() {
    let card = rule(
        "card",
        &json!({ "give": { "punch_card": { "every": 2, "points": 50 } }, "cap": { "times": 1, "every": "year" } }),
    );
    let program = program(json!({ "earning_rules": [card] }));
    let mut member = Member::joins(&program, "2026-11-01");
    for (key, given) in [("a", 0), ("b", 50), ("c", 0), ("d", 0)] {
        let entry = member.earns(&program, key, &order(1_000, &[])).unwrap();
        assert_eq!(entry.points().get(), given, "{key}");
    }
    // The second card was full and gave nothing, so nothing is deducted for it.
    for (key, taken) in [("d", 0), ("c", 0), ("b", -50)] {
        let entry = member.returns(&program, at(DAY), &format!("back-{key}"), key, Return::Everything).unwrap();
        assert_eq!(entry.points().get(), taken, "{key}");
    }
    member.assert_proven();
}

#[test]
fn room_under_a_cap_that_a_return_frees_serves_later_purchases() {
    let mut capped = per(1, 100);
    capped["cap"] = json!({ "points": 100, "every": "day" });
    let program = program(json!({ "earning_rules": [capped] }));
    let mut member = Member::joins(&program, "2026-11-01");
    let buy =
        |member: &mut Member, key: &str, cents| member.earns(&program, key, &order(cents, &[])).unwrap().points().get();
    assert_eq!([buy(&mut member, "a", 5_000), buy(&mut member, "b", 8_000)], [50, 50]);
    let back = |member: &mut Member, key: &str, of: &str, returned: Return| {
        member.returns(&program, at(DAY), key, of, returned).unwrap().points().get()
    };
    assert_eq!(back(&mut member, "back-1", "a", Return::Everything), -50);
    // The second purchase is not assessed again: it wants 70, and it was given 50.
    assert_eq!(back(&mut member, "back-2", "b", refund(1_000)), 0);
    assert_eq!(buy(&mut member, "c", 9_000), 50, "what the first left free");
    assert_eq!(back(&mut member, "back-3", "b", refund(3_000)), -10);
    assert_eq!(buy(&mut member, "d", 9_000), 10);
    // Amended upward, it gets the room that there is.
    assert_eq!(back(&mut member, "back-4", "d", Return::Everything), -10);
    let entry = member.amends(&program, at(DAY), "amendment-1", "c", &order(10_000, &[])).unwrap();
    assert_eq!(entry.points().get(), 10);
    member.assert_proven();
}

#[test]
fn a_return_is_assessed_with_the_original_version_and_facts() {
    let document = |per: i64, most: i64| {
        json!({
            "points": { "backdating_days_max": 30 },
            "attributes": [{ "id": "club", "type": "string" }, { "id": "city", "type": "string", "personal": true }],
            "earning_rules": [
                { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": per } },
                  "cap": { "points": most, "every": "day" } },
                { "id": "club", "on": "purchase", "stacking": "add", "when": "member.attributes.club == 'early'",
                  "give": { "multiplier": { "percent": 200 } } },
                { "id": "third", "on": "purchase", "stacking": "add", "when": "member.purchases >= 2 && member.plan == null",
                  "give": { "fixed": { "points": 5 } } },
            ],
        })
    };
    let first = program(document(100, 1_000));
    let mut member = Member::joins_with(&first, "2026-11-01", &json!({ "club": "early", "city": "Izmir" }));
    for key in ["order-1", "order-2", "order-3"] {
        member.earns(&first, key, &order(5_000, &[])).unwrap();
    }
    assert_eq!(member.account.total().get(), 100 + 100 + 105);
    let second = first.then(at("2026-11-22"), &crate::world::document(document(1_000, 1)));
    member.set_attribute("club", regulars_domain::account::AttributeValue::String("late".to_owned()));
    let entry = member.returns(&second, at("2026-11-23"), "back-1", "order-3", refund(2_500)).unwrap();
    let found: Vec<_> = entry.breakdown().iter().map(|found| (line(found).0, line(found).2)).collect();
    assert_eq!(found, [("base".to_owned(), 25), ("club".to_owned(), 25), ("third".to_owned(), 5)]);
    assert_eq!((entry.points().get(), entry.program_version), (-50, 1));
    member.assert_proven();
    // Facts that conditions do not read, and personal ones, are not stored.
    let facts = member.recorded("order-3").sealed.facts.unwrap().member.unwrap();
    let kept: Vec<_> = facts.attributes.keys().map(ToString::to_string).collect();
    assert_eq!((kept, facts.bought.unwrap().purchases, facts.period), (vec!["club".to_owned()], 2, None));
}

#[test]
fn an_entry_of_a_return_shows_what_was_returned_and_what_each_line_gives_now() {
    let program = program(json!({ "earning_rules": [per(1, 100)] }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &order(10_000, &[("shirt", 2.0, 8_000), ("socks", 1.0, 2_000)])).unwrap();
    let reversal = Reversal {
        returned: Return::Lines(vec![line_back("0", Some(1.0), None), line_back("1", None, Some(500))]),
        receipt: serde_json::from_value(json!("till3-0043")).unwrap(),
        store: Some("kadikoy-1".parse().unwrap()),
        reason: Some("too_small".parse().unwrap()),
    };
    let settled = member.settled(&program, at("2026-11-22"));
    let recorded = member.recorded("order-1");
    let posting = decided(&member.totals, |counters| {
        reverse(settled.clone(), &request("return-1"), &recorded, &reversal, counters, None)
    });
    member.commit(posting.unwrap());
    let entry = member.entry("return-1");
    let Record::AccrualReversal(came_back) = &entry.record else { panic!("{entry:?}") };
    let back = |thousandths| Quantity::of_thousandths(thousandths).unwrap();
    assert_eq!(came_back.lines, [("0".to_owned(), back(1_000), 4_000), ("1".to_owned(), back(0), 500)]);
    assert_eq!((came_back.accrual.paid, came_back.accrual.purchases), (-4_500, 0));
    let difference: Vec<_> = came_back.accrual.difference.iter().map(|(line, more)| (&**line, more.get())).collect();
    assert_eq!(difference, [("base", -45)]);
    assert_eq!((entry.points().get(), line(&entry.breakdown()[0])), (-45, ("base".to_owned(), 55, 55)));
    assert_eq!(came_back.reason.as_ref().unwrap().as_str(), "too_small");
    assert_eq!(serde_json::from_str::<Entry>(&entry.canonical()).unwrap(), entry);
    member.assert_proven();
}

#[test]
fn what_a_cap_held_back_in_a_group_stays_held_back() {
    let best = |id: &str, points: i64| {
        rule(id, &json!({ "stacking": { "best_of": "group" }, "give": { "fixed": { "points": points } } }))
    };
    let mut large = best("large", 118);
    large["cap"] = json!({ "times": 1, "every": "day" });
    let program = program(json!({ "earning_rules": [large, best("small", 1)] }));
    let mut member = Member::joins(&program, "2026-11-01");
    for (key, given) in [("a", 118), ("b", 1)] {
        assert_eq!(member.earns(&program, key, &order(1_000, &[])).unwrap().points().get(), given, "{key}");
    }
    for (key, of, returned, more) in [("back-1", "a", Return::Everything, -118), ("back-2", "b", refund(1), 0)] {
        let entry = member.returns(&program, at(DAY), key, of, returned).unwrap();
        assert_eq!(entry.points().get(), more, "{key}");
    }
    assert_eq!(member.earns(&program, "c", &order(1_000, &[])).unwrap().points().get(), 118);
    member.assert_proven();
}

#[test]
fn a_returned_free_order_stays_returned() {
    let visit = rule("visit", &json!({ "give": { "fixed": { "points": 10 } } }));
    let program = program(json!({ "earning_rules": [visit] }));
    for (returns, expected) in [
        (vec![Return::Everything, all_of("0"), all_of("1")], vec![0, 0, 0]),
        (vec![all_of("0"), all_of("1"), Return::Everything], vec![10, 10, 0]),
        (vec![all_of("2"), all_of("0"), all_of("1")], vec![10, 10, 0]),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns(&program, "order-1", &order(0, &[("a", 1.0, 0), ("b", 1.0, 0), ("c", 0.0, 0)])).unwrap();
        for (n, (returned, expected)) in returns.into_iter().zip(expected).enumerate() {
            let done = member.returns(&program, at(DAY), &format!("back-{n}"), "order-1", returned.clone());
            assert!(done.is_ok(), "{returned:?}");
            assert_eq!(member.account.total().get(), expected, "{returned:?}");
        }
        member.assert_proven();
    }
}
