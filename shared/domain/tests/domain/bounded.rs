//! An account has a bounded number of lots and sums, in the member's favour, and each accrual still finds its own
//! points.

use jiff::civil::Date;
use regulars_domain::{
    calendar::days_after,
    confirm::ConfirmRefusal,
    lots::{Expiry, LOTS_MAX, LotMove, Lots},
    pending::{Awaits, PENDING_MAX, PendingMove},
    points::Points,
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, changes, euro, lots_of, on, program, purchase};

/// Returns a program with a point per cent, a lifetime of exactly a year, and this pending policy.
fn with_pending(pending: &Value) -> Rulebook {
    program(json!({
        "points": { "pending": pending, "expiry": { "after_months": 12, "rounded_to": "exact_day" }, "backdating_days_max": 365 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
        "rewards": [{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 30 }, "hold_seconds_max": 3600 }],
    }))
}

/// Returns the maximum number of lots of a thousand points, every second day from `first`.
fn full(first: Date) -> Lots {
    let days = (0..i32::try_from(LOTS_MAX).unwrap()).map(|n| days_after(first, 2 * n));
    Lots::from_parts(days.map(|day| (Expiry::On(day), Points::new(1000)))).unwrap()
}

fn member(program: &Rulebook) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.account.lots = full(on("2027-10-01"));
    member
}

/// Returns the points that expire on a day.
fn of_day(member: &Member, day: &str) -> i64 {
    lots_of(&member.account).into_iter().find(|lot| lot.0 == day).map_or(0, |lot| lot.1)
}

#[test]
fn an_excess_lot_is_merged_into_its_neighbour_and_a_refund_finds_it_there() {
    let program = with_pending(&json!("none"));
    let mut member = member(&program);
    let entry = member.earns(&program, "order-1", &purchase("2026-12-01", json!(7))).unwrap();
    assert_eq!(member.account.lots.iter().count(), LOTS_MAX);
    assert_eq!((of_day(&member, "2027-12-01"), of_day(&member, "2027-12-02")), (0, 1007));
    assert_eq!(entry.expires_on(), Some(on("2027-12-02")));
    let told: Vec<_> =
        entry.effects.lots.iter().map(|change| (change.0.on().unwrap().to_string(), change.1.get())).collect();
    let change = |day: &str, points| (day.to_owned(), points);
    assert_eq!(told, [change("2027-12-01", 7)]);
    assert_eq!(
        entry.effects.lots_moved,
        [LotMove(Expiry::On(on("2027-12-01")), Expiry::On(on("2027-12-02")), Points::new(7))]
    );

    member.reverses(&program, at("2026-12-03"), "refund-1", "order-1", Some(euro(3))).unwrap();
    assert_eq!((of_day(&member, "2027-12-02"), of_day(&member, "2027-10-01")), (1004, 1000));
    // As long as there is a lot of its own day, its points are there.
    member.account.lots = Lots::from_parts(
        [("2027-12-01", 3), ("2027-12-02", 1000)].map(|(day, points)| (Expiry::On(on(day)), Points::new(points))),
    )
    .unwrap();
    member.reverses(&program, at("2026-12-03"), "refund-2", "order-1", None).unwrap();
    assert_eq!((of_day(&member, "2027-12-01"), of_day(&member, "2027-12-02")), (0, 999));
}

#[test]
fn lots_merged_in_another_account_are_recorded_too() {
    let program = with_pending(&json!("none"));
    let mut member = member(&program);
    let entry = member.earns(&program, "order-1", &purchase("2026-11-11", json!(7))).unwrap();
    assert_eq!((of_day(&member, "2027-11-10"), of_day(&member, "2027-11-11")), (0, 1007));
    assert_eq!((entry.expires_on(), entry.effects.lots.len()), (Some(on("2027-11-11")), 1));
    assert_eq!(
        entry.effects.lots_moved,
        [LotMove(Expiry::On(on("2027-11-10")), Expiry::On(on("2027-11-11")), Points::new(1000))]
    );
}

#[test]
fn expired_points_are_never_merged() {
    let month = program(json!({
        "points": { "expiry": { "after_months": 1, "rounded_to": "exact_day" }, "backdating_days_max": 365,
                    "usable_days_min": 0 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
    }));
    let mut member = member(&month);
    member.account.lots = full(on("2027-12-03"));
    member.reviewed(&month, at("2027-12-01"));
    let before = lots_of(&member.account);
    member.earns_at(&month, at("2027-12-01"), "order-1", &purchase("2027-10-31", json!(7))).unwrap();
    assert_eq!(lots_of(&member.account), before);
    assert!(member.ids().contains(&"~expiry~2027-11-30~order-1"));
}

#[test]
fn points_returned_by_a_hold_keep_their_date_even_without_room() {
    let program = with_pending(&json!("none"));
    let mut member = member(&program);
    let parts = full(on("2027-10-01"))
        .iter()
        .map(|(expiry, points)| (expiry, if expiry == Expiry::On(on("2027-10-01")) { Points::new(30) } else { points }))
        .collect::<Vec<_>>();
    member.account.lots = Lots::from_parts(parts).unwrap();
    member.holds(&program, "2026-12-01", "r-1", "coffee", 3600).unwrap();
    member.earns(&program, "order-1", &purchase("2026-12-01", json!(7))).unwrap();
    assert_eq!((of_day(&member, "2027-10-01"), of_day(&member, "2027-12-01")), (0, 7));
    let entry = member.cancels(&program, at("2026-12-01"), "c", "r-1").unwrap();
    assert_eq!((of_day(&member, "2027-10-01"), of_day(&member, "2027-12-02")), (30, 1007));
    assert_eq!((entry.effects.lots.len(), member.account.lots.iter().count()), (1, LOTS_MAX));
    assert_eq!(
        entry.effects.lots_moved,
        [LotMove(Expiry::On(on("2027-12-01")), Expiry::On(on("2027-12-02")), Points::new(7))]
    );
}

/// Buys for one cent on the first day, two on the second and so on, one sum more than allowed.
fn buys_daily(program: &Rulebook) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    for n in 0..=i32::try_from(PENDING_MAX).unwrap() {
        let noon = format!("{}T12:00:00+03:00", days_after(on("2026-11-02"), n));
        member.earns(program, &format!("order-{}", n + 1), &purchase(&noon, json!(n + 1))).unwrap();
    }
    assert_eq!(member.account.pending.iter().count(), PENDING_MAX);
    member
}

fn sum_of(member: &Member, awaits: Awaits) -> i64 {
    member.account.pending.iter().find(|sum| sum.0 == awaits).map_or(0, |sum| sum.1.get())
}

#[test]
fn points_that_mature_sooner_than_they_would_have_live_as_long_as_they_would_have() {
    let program = with_pending(&json!({ "days": 60 }));
    let mut member = buys_daily(&program);
    let matures = |day: &str, lives: &str| Awaits::Maturity(on(day), Expiry::On(on(lives)));
    let (first, second) = (matures("2027-01-01", "2028-01-01"), matures("2027-01-02", "2028-01-02"));
    let both = matures("2027-01-01", "2028-01-02");
    let last = member.entry("order-33");
    let moved = [PendingMove(first, both, Points::new(1)), PendingMove(second, both, Points::new(2))];
    assert_eq!(last.effects.pending_moved, moved);
    assert_eq!((sum_of(&member, first), sum_of(&member, both)), (0, 3));

    let mut refunded = member.clone();
    let entry = refunded.reverses(&program, at("2026-12-20"), "refund", "order-2", Some(euro(1))).unwrap();
    assert_eq!((changes(&entry), sum_of(&refunded, both)), ([-1, -1, 0, 0, 0], 2));

    let released = member.reviewed(&program, at("2027-01-01"));
    assert_eq!((changes(&released[0]), released[0].expires_on()), ([0, -3, 3, 0, 0], Some(on("2028-01-02"))));
    member.reviewed(&program, at("2027-01-20"));
    member.reverses(&program, at("2027-01-20"), "refund", "order-2", None).unwrap();
    assert_eq!(of_day(&member, "2028-01-02"), 1);
}

#[test]
fn what_can_be_confirmed_longer_is_still_confirmed_by_its_own_purchase() {
    let program = with_pending(&json!({ "until_confirmed": { "lapses_after_days": 60 } }));
    let mut member = buys_daily(&program);
    let (first, second) = (Awaits::Confirmation(on("2027-01-01")), Awaits::Confirmation(on("2027-01-02")));
    assert_eq!(member.entry("order-33").effects.pending_moved, [PendingMove(first, second, Points::new(1))]);
    assert_eq!((sum_of(&member, first), sum_of(&member, second)), (0, 3));

    let mut confirmed = member.clone();
    let entry = confirmed.confirms(&program, at("2027-01-01"), "c-1", "order-1").unwrap();
    assert_eq!((changes(&entry), sum_of(&confirmed, second)), ([0, -1, 1, 0, 0], 2));
    assert_eq!(confirmed.confirms(&program, at("2027-01-01"), "c-2", "order-1"), Err(ConfirmRefusal::NotPending));

    // Its own last day has passed, and the points of another are not its own.
    assert_eq!(member.confirms(&program, at("2027-01-02"), "c-1", "order-1"), Err(ConfirmRefusal::NotPending));
    let entry = member.confirms(&program, at("2027-01-02"), "c-2", "order-2").unwrap();
    assert_eq!((changes(&entry), sum_of(&member, second)), ([0, -2, 2, 0, 0], 1));
    let lapsed = member.reviewed(&program, at("2027-01-03"));
    assert_eq!((lapsed[0].id.as_str(), changes(&lapsed[0])), ("~lapse~2027-01-02", [-1, -1, 0, 0, 0]));
}
