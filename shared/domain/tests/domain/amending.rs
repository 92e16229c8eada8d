//! Amendments, and the effects of returned orders on tiers and lifetime purchases.

use regulars_domain::{
    entry::{Entry, Kind},
    reversal::Return,
};
use serde_json::json;

use crate::{
    amending::Step::{Amend, Back},
    returning::{all_of, bonus, cents_of, in_all, order, per, refund},
    world::{Member, Rulebook, at, on, program},
};

#[test]
fn what_a_member_bought_follows_returns() {
    let program = program(json!({ "earning_rules": [per(1, 100)] }));
    let mut member = Member::joins(&program, "2026-11-01");
    let bought = |member: &Member| {
        let bought = member.account.bought;
        (bought.purchases, bought.spend, bought.first_at.is_some())
    };
    assert_eq!(bought(&member), (0, 0, false));
    member.earns(&program, "order-1", &order(5_000, &[])).unwrap();
    member.earns(&program, "order-2", &order(3_000, &[])).unwrap();
    assert_eq!(bought(&member), (2, 8_000, true));
    let back = |member: &mut Member, key: &str, of: &str, returned: Return| {
        member.returns(&program, at("2026-11-22"), key, of, returned).unwrap();
        bought(member)
    };
    assert_eq!(back(&mut member, "back-1", "order-1", refund(1_000)), (2, 7_000, true));
    assert_eq!(back(&mut member, "back-2", "order-1", Return::Everything), (1, 3_000, true));
    assert_eq!(back(&mut member, "back-3", "order-1", Return::Everything), (1, 3_000, true));
    assert_eq!(back(&mut member, "back-4", "order-2", in_all(3_000)), (0, 0, false));
    member.amends(&program, at("2026-11-23"), "amendment-1", "order-2", &order(700, &[])).unwrap();
    assert_eq!(bought(&member), (1, 700, true));
    member.assert_proven();
}

/// Returns a program with points per money and tiers on this basis.
fn tiered(basis: &str, silver: i64) -> Rulebook {
    program(json!({
        "points": { "eligible": { "excluded_categories": ["gift-card"] } },
        "earning_rules": [per(1, 100)],
        "tiers": { "basis": basis, "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": silver }] },
    }))
}

#[test]
fn tiers_follow_what_is_left_of_an_order() {
    for (basis, silver) in [("points", 50), ("spend", 5_000), ("visits", 1)] {
        let program = tiered(basis, silver);
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns(&program, "order-1", &order(10_000, &[("gift-card", 1.0, 5_000), ("shirt", 1.0, 5_000)])).unwrap();
        assert_eq!(member.tier(), Some("silver"), "{basis}");
        member.returns(&program, at("2026-11-22"), "back-1", "order-1", all_of("0")).unwrap();
        assert_eq!(member.tier(), Some("silver"), "{basis}: the card never counted");
        member.returns(&program, at("2026-11-22"), "back-2", "order-1", cents_of("1", 1)).unwrap();
        assert_eq!(member.tier(), Some(if basis == "visits" { "silver" } else { "bronze" }), "{basis}");
        member.returns(&program, at("2026-11-22"), "back-3", "order-1", Return::Everything).unwrap();
        assert_eq!(
            (member.tier(), member.account.qualifying.get(&on("2026-01-01"))),
            (Some("bronze"), None),
            "{basis}"
        );
        let again = order(10_000, &[("shirt", 1.0, 5_000)]);
        member.amends(&program, at("2026-11-23"), "amendment-1", "order-1", &again).unwrap();
        assert_eq!(member.tier(), Some("silver"), "{basis}: the order came back to life");
        member.assert_proven();
    }
}

/// A change of an order.
enum Step {
    /// The order is amended to this amount.
    Amend(i64),
    Back(Return),
}

#[test]
fn an_amendment_posts_the_difference_up_and_down() {
    let program = program(json!({ "earning_rules": [per(1, 100), bonus()] }));
    // The changes of an order of 4000, and the points left after each.
    for (steps, expected) in [
        (vec![Amend(6_000)], vec![160]),
        (vec![Amend(3_000)], vec![30]),
        (vec![Amend(6_000), Amend(4_000)], vec![160, 40]),
        (vec![Amend(0)], vec![0]),
        // An earlier return counts only where the new purchase leaves it out.
        (vec![Back(refund(1_000)), Amend(4_000)], vec![30, 40]),
        (vec![Back(refund(1_000)), Amend(3_000), Back(refund(500))], vec![30, 30, 25]),
        (vec![Amend(6_000), Back(in_all(1_001)), Back(in_all(1_001))], vec![160, 49, 49]),
        (vec![Back(Return::Everything), Amend(2_000), Back(Return::Everything)], vec![0, 20, 0]),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns(&program, "order-1", &order(4_000, &[])).unwrap();
        for (n, (step, expected)) in steps.into_iter().zip(&expected).enumerate() {
            let (key, now) = (format!("step-{n}"), at("2026-11-22"));
            let entry = match step {
                Amend(total) => member.amends(&program, now, &key, "order-1", &order(total, &[])).unwrap(),
                Back(returned) => member.returns(&program, now, &key, "order-1", returned).unwrap(),
            };
            assert_eq!(member.account.total().get(), *expected, "{entry:?}");
            assert_eq!(entry.refers_to.as_ref().unwrap().as_str(), "order-1");
            assert_eq!(serde_json::from_str::<Entry>(&entry.canonical()).unwrap(), entry);
        }
        let acted = member.recorded("order-1").acted_on_by().len();
        assert_eq!(acted, expected.len());
        member.assert_proven();
    }
}

#[test]
fn points_of_an_amendment_wait_and_expire_as_those_of_the_order_do() {
    for (pending, now, confirmed, expected) in [
        (json!("none"), "2026-12-01", false, [0, 60]),
        (json!({ "days": 14 }), "2026-12-01", false, [60, 0]),
        (json!({ "days": 14 }), "2026-12-06", false, [0, 60]),
        (json!({ "until_confirmed": { "lapses_after_days": 30 } }), "2026-12-01", false, [60, 0]),
        (json!({ "until_confirmed": { "lapses_after_days": 30 } }), "2026-12-01", true, [0, 60]),
        (json!({ "until_confirmed": { "lapses_after_days": 5 } }), "2026-12-01", false, [0, 0]),
    ] {
        let points = json!({ "pending": pending, "expiry": { "after_months": 12, "rounded_to": "end_of_month" } });
        let program = program(json!({ "points": points, "earning_rules": [per(1, 100)] }));
        let mut member = Member::joins(&program, "2026-11-01");
        for (key, total) in [("order-1", 5_000), ("order-2", 0)] {
            member.earns(&program, key, &order(total, &[])).unwrap();
        }
        if confirmed {
            member.confirms(&program, at("2026-11-30"), "confirmation-1", "order-1").unwrap();
        }
        let entry = member.amends(&program, at(now), "amendment-1", "order-1", &order(6_000, &[])).unwrap();
        assert_eq!(entry.kind(), Kind::Amendment);
        let [pending, spendable, ..] = member.balances();
        assert_eq!([pending, spendable], expected, "{points} {now}");
        // All points are in one lot, or wait for one event.
        assert!(member.account.lots.iter().count() <= 1 && member.account.pending.iter().count() <= 1, "{points}");
        member.assert_proven();
        // The same for an order that gave nothing at first.
        let before = member.balances();
        member.amends(&program, at(now), "amendment-2", "order-2", &order(700, &[])).unwrap();
        let more = member.account.total().get() - before[0] - before[1];
        assert_eq!(more, if expected == [0, 0] { 0 } else { 7 }, "{points} {now}");
        member.assert_proven();
    }
}

#[test]
fn points_that_an_amendment_gave_are_confirmed_with_those_of_the_order() {
    let points = json!({ "pending": { "until_confirmed": { "lapses_after_days": 30 } } });
    let program = program(json!({ "points": points, "earning_rules": [per(1, 100)] }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &order(5_000, &[])).unwrap();
    member.amends(&program, at("2026-11-22"), "amendment-1", "order-1", &order(6_000, &[])).unwrap();
    member.returns(&program, at("2026-11-22"), "return-1", "order-1", refund(500)).unwrap();
    member.confirms(&program, at("2026-11-23"), "confirmation-1", "order-1").unwrap();
    assert_eq!(member.balances(), [0, 55, 0, 0]);
    let acted: Vec<_> = member.recorded("order-1").acted_on_by().iter().map(|place| place.entry.to_string()).collect();
    assert_eq!(acted, ["amendment-1", "return-1", "confirmation-1"]);
    member.assert_proven();
}
