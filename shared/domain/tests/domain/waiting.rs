//! Pending points: credited, and spendable on their day or after a confirmation.

use regulars_domain::{
    confirm::ConfirmRefusal,
    entry::{By, Kind},
    points::Points,
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, changes, document, lots, lots_of, on, program_of, purchase};

/// Returns a program with a point per cent, with a lifetime of a month, and this policy.
fn with_pending(pending: &Value) -> Rulebook {
    program_of(&pending_document(pending))
}

/// Its document.
fn pending_document(pending: &Value) -> Value {
    document(json!({
        "points": { "pending": pending, "expiry": { "after_months": 1, "rounded_to": "exact_day" },
                    "usable_days_min": 0 },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } },
            { "id": "review", "on": { "activity": "review" }, "give": { "fixed": { "points": 7 } } },
            { "id": "welcome", "on": "enrollment", "give": { "fixed": { "points": 25 } } },
            { "id": "cake", "on": "birthday", "give": { "fixed": { "points": 40 } } },
        ],
        "attributes": [{ "id": "birthday", "type": "date" }],
        "rewards": [{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 100 } }],
    }))
}

fn by_day() -> Rulebook {
    with_pending(&json!({ "days": 14 }))
}

fn by_confirmation() -> Rulebook {
    with_pending(&json!({ "until_confirmed": { "lapses_after_days": 30 } }))
}

/// A member without the welcome.
fn joins(program: &Rulebook) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.account.lots = lots(&[]);
    member
}

#[test]
fn points_mature_on_their_day_and_their_clock_starts_then() {
    let program = by_day();
    let mut member = joins(&program);
    let entry = member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
    assert_eq!((changes(&entry), entry.expires_on()), ([100, 100, 0, 0, 0], None));
    assert_eq!((member.balances(), member.account.review_on), ([100, 0, 0, 0], Some(on("2026-12-05"))));
    assert!(member.redeems(&program, at("2026-12-04T23:59"), "r-1", "coffee", None).is_err());
    assert_eq!(member.reviewed(&program, at("2026-12-04T23:59")), []);

    let matured = member.reviewed(&program, at("2026-12-05T00:00"));
    assert_eq!(matured.len(), 1);
    let entry = &matured[0];
    assert_eq!((entry.kind(), entry.by, entry.id.as_str()), (Kind::Confirmation, By::Engine, "~maturing~2026-12-05"));
    assert_eq!((changes(entry), entry.expires_on()), ([0, -100, 100, 0, 0], Some(on("2027-01-05"))));
    assert_eq!(entry.occurred_at, at("2026-12-05T00:00"));
    assert_eq!(member.balances(), [0, 100, 0, 0]);
    let mut spender = member.clone();
    assert!(spender.redeems(&program, at("2027-01-05T23:59"), "r-1", "coffee", None).is_ok());
    assert_eq!(member.reviewed(&program, at("2027-01-06T00:00"))[0].id.as_str(), "~expiry~2027-01-05");
    assert_eq!(member.balances(), [0; 4]);
    member.assert_proven();
}

#[test]
fn points_that_mature_on_one_day_mature_together_and_each_day_by_itself() {
    let program = by_day();
    let mut member = joins(&program);
    for (key, when) in
        [("order-1", "2026-11-21T00:00"), ("order-2", "2026-11-21T23:59"), ("order-3", "2026-11-22T00:00")]
    {
        member.earns(&program, key, &purchase(when, json!(100))).unwrap();
    }
    assert_eq!(member.account.pending.iter().count(), 2);
    let entries = member.reviewed(&program, at("2027-02-01"));
    let told: Vec<_> = entries.iter().map(|entry| (entry.id.as_str(), changes(entry))).collect();
    assert_eq!(
        told,
        [
            ("~maturing~2026-12-05", [0, -200, 200, 0, 0]),
            ("~maturing~2026-12-06", [0, -100, 100, 0, 0]),
            ("~expiry~2027-01-05", [-200, 0, -200, 0, 0]),
            ("~expiry~2027-01-06", [-100, 0, -100, 0, 0]),
        ]
    );
}

#[test]
fn a_purchase_that_comes_after_its_maturity_is_spendable_at_once_and_expires_as_if_it_had_come_in_time() {
    let program = by_day();
    for (now, balances, parts) in [
        ("2026-12-04T23:59", [100, 0, 0, 0], vec![]),
        ("2026-12-05T00:00", [0, 100, 0, 0], vec![("2027-01-05".to_owned(), 100)]),
        ("2026-12-20", [0, 100, 0, 0], vec![("2027-01-05".to_owned(), 100)]),
    ] {
        let mut member = joins(&program);
        let bought = purchase("2026-11-21", json!(100));
        let entry = member.earns_at(&program, at(now), "order-1", &bought).unwrap();
        assert_eq!((member.balances(), lots_of(&member.account)), (balances, parts), "{now}");
        assert_eq!(entry.awaits().is_some(), balances[0] > 0, "{now}");
        member.reviewed(&program, at("2027-01-05T23:59"));
        assert_eq!(lots_of(&member.account), [("2027-01-05".to_owned(), 100)], "{now}");
        member.reviewed(&program, at("2027-01-06T00:00"));
        assert_eq!(member.balances(), [0; 4], "{now}");
    }
}

#[test]
fn points_for_occasions_that_cannot_be_undone_are_never_pending() {
    for program in [by_day(), by_confirmation()] {
        let mut member = Member::joins_with(&program, "2026-11-01", &json!({ "birthday": "1990-11-15" }));
        assert_eq!(member.balances(), [0, 25, 0, 0], "a welcome");
        member.reviewed(&program, at("2026-11-16"));
        assert_eq!(member.balances(), [0, 65, 0, 0], "a birthday present");
        member.earns(&program, "review-1", &crate::world::activity("2026-11-16", "review", &json!({}))).unwrap();
        assert_eq!(member.balances(), [7, 65, 0, 0], "an activity waits like a purchase");
        let nothing = member.earns(&program, "order-0", &purchase("2026-11-16", json!(0))).unwrap();
        assert_eq!((nothing.awaits(), nothing.expires_on()), (None, None), "and no points wait for nothing");
    }
}

#[test]
fn points_that_wait_count_toward_a_tier_at_once() {
    let mut document = document(json!({
        "points": { "pending": { "days": 14 } },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
    }));
    document["tiers"] = json!({ "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }] });
    let program = program_of(&document);
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
    assert_eq!((member.balances(), member.tier()), ([100, 0, 0, 0], Some("silver")));
}

#[test]
fn confirmed_points_can_be_spent_from_then_on_and_their_clock_starts_that_day() {
    let program = by_confirmation();
    let mut member = joins(&program);
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
    member.earns(&program, "order-2", &purchase("2026-11-21", json!(30))).unwrap();
    assert_eq!((member.balances(), member.account.review_on), ([130, 0, 0, 0], Some(on("2026-12-22"))));
    let entry = member.confirms(&program, at("2026-12-03"), "c-1", "order-1").unwrap();
    assert_eq!((entry.kind(), entry.by, changes(&entry)), (Kind::Confirmation, By::Operator, [0, -100, 100, 0, 0]));
    assert_eq!((entry.refers_to.as_ref().unwrap().as_str(), entry.expires_on()), ("order-1", Some(on("2027-01-03"))));
    assert_eq!(member.balances(), [30, 100, 0, 0], "the other purchase of that day goes on waiting");
    assert_eq!(lots_of(&member.account), [("2027-01-03".to_owned(), 100)]);
    member.assert_proven();
}

#[test]
fn a_confirmation_may_come_to_the_end_of_the_last_day_and_once() {
    let program = by_confirmation();
    let refused = Err(ConfirmRefusal::NotPending);
    let mut member = joins(&program);
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();

    let mut in_time = member.clone();
    in_time.confirms(&program, at("2026-12-21T23:59"), "c-1", "order-1").unwrap();
    assert_eq!(in_time.confirms(&program, at("2026-12-21T23:59"), "c-2", "order-1"), refused);
    assert_eq!(in_time.confirms(&program, at("2027-03-01"), "c-2", "order-1"), refused);

    let mut too_late = member.clone();
    assert_eq!(too_late.confirms(&program, at("2026-12-22T00:00"), "c-1", "order-1"), refused);
    assert_eq!(too_late.balances(), [100, 0, 0, 0], "a refusal leaves nothing behind, not even the lapse");
    let lapsed = too_late.reviewed(&program, at("2027-02-01"));
    assert_eq!(lapsed.len(), 1);
    assert_eq!((lapsed[0].kind(), lapsed[0].id.as_str()), (Kind::Lapse, "~lapse~2026-12-21"));
    assert_eq!((changes(&lapsed[0]), lapsed[0].occurred_at), ([-100, -100, 0, 0, 0], at("2026-12-22T00:00")));
    assert_eq!((too_late.balances(), too_late.account.review_on), ([0; 4], None));
    assert_eq!(too_late.confirms(&program, at("2027-02-01"), "c-1", "order-1"), refused);
}

#[test]
fn a_purchase_that_is_posted_late_waits_for_its_confirmation_all_the_same_from_its_posting() {
    let program = by_confirmation();
    let mut member = joins(&program);
    let bought = purchase("2026-11-21", json!(100));
    let entry = member.earns_at(&program, at("2026-12-20"), "order-1", &bought).unwrap();
    assert_eq!(changes(&entry), [100, 100, 0, 0, 0]);
    assert_eq!((member.balances(), member.account.review_on), ([100, 0, 0, 0], Some(on("2027-01-20"))));
    member.confirms(&program, at("2027-01-19T23:59"), "c-1", "order-1").unwrap();
    assert_eq!(member.balances(), [0, 100, 0, 0]);
    member.assert_proven();
}

#[test]
fn one_purchase_is_not_confirmed_with_the_points_of_another() {
    let program = by_confirmation();
    let mut member = joins(&program);
    for (key, cents) in [("order-1", 100), ("order-2", 100)] {
        member.earns(&program, key, &purchase("2026-11-21", json!(cents))).unwrap();
    }
    // Both wait in one sum; what was deducted from the first is not the second's.
    member.reverses(&program, at("2026-11-22"), "refund-1", "order-1", Some(crate::world::euro(60))).unwrap();
    assert_eq!(member.balances(), [140, 0, 0, 0]);
    let entry = member.confirms(&program, at("2026-11-23"), "c-1", "order-1").unwrap();
    assert_eq!(changes(&entry), [0, -40, 40, 0, 0]);
    member.reverses(&program, at("2026-11-24"), "refund-2", "order-2", None).unwrap();
    assert_eq!(member.balances(), [0, 40, 0, 0]);
    assert_eq!(member.confirms(&program, at("2026-11-24"), "c-2", "order-2"), Err(ConfirmRefusal::NotPending));
    member.assert_proven();
}

#[test]
fn an_accrual_that_never_waited_cannot_be_confirmed() {
    for program in [by_day(), with_pending(&json!("none"))] {
        let mut member = joins(&program);
        member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
        for now in ["2026-11-21", "2026-12-05"] {
            let refused = member.confirms(&program, at(now), "c-1", "order-1");
            assert_eq!(refused, Err(ConfirmRefusal::NotPending), "{now}");
        }
    }
}

#[test]
fn owed_points_are_paid_when_points_become_spendable_and_not_before() {
    for (owed, left, expires_on) in [(30, 70, Some(on("2027-01-05"))), (100, 0, None), (130, 0, None)] {
        let program = by_day();
        let mut member = joins(&program);
        member.account.owed = Points::new(owed);
        let entry = member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
        assert_eq!((changes(&entry), member.balances()), ([100, 100, 0, 0, 0], [100, 0, 0, owed]));
        let entry = &member.reviewed(&program, at("2026-12-05"))[0];
        let repaid = owed.min(100);
        assert_eq!((changes(entry), entry.expires_on()), ([0, -100, left, 0, -repaid], expires_on), "{owed}");
        assert_eq!(member.balances(), [0, left, 0, owed - repaid], "{owed}");

        let program = by_confirmation();
        let mut member = joins(&program);
        member.account.owed = Points::new(owed);
        member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
        let entry = member.confirms(&program, at("2026-12-05"), "c-1", "order-1").unwrap();
        assert_eq!((changes(&entry), entry.expires_on()), ([0, -100, left, 0, -repaid], expires_on), "{owed}");
        assert_eq!(member.balances(), [0, left, 0, owed - repaid], "{owed}");
    }
}

#[test]
fn a_suspended_account_may_confirm_and_mature() {
    let program = by_confirmation();
    let mut member = joins(&program);
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
    member.account.status = regulars_domain::account::Status::Suspended;
    assert!(member.confirms(&program, at("2026-12-03"), "c-1", "order-1").is_ok());
}

#[test]
fn the_program_version_that_gave_points_decides_about_them_later() {
    let first = by_day();
    let second = first.then(at("2026-11-22"), &pending_document(&json!("none")));
    let mut member = joins(&first);
    member.earns(&first, "order-1", &purchase("2026-11-21", json!(100))).unwrap();
    member.earns(&second, "order-2", &purchase("2026-11-22", json!(5))).unwrap();
    assert_eq!(member.balances(), [100, 5, 0, 0]);
    member.reviewed(&second, at("2026-12-05"));
    assert_eq!(lots_of(&member.account), [("2026-12-22".to_owned(), 5), ("2027-01-05".to_owned(), 100)]);
}
