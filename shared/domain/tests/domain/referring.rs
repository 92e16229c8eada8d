//! Referrals: a friend's first large enough purchase pays both, once, in one posting; after its return, the next one
//! pays again.

use regulars_domain::{
    account::{Referral, Status},
    entry::Kind,
    points::Points,
    referral::Referrer,
};
use serde_json::json;

use crate::{
    club::{Club, member_id},
    world::{Rulebook, changes, euro, knows_use, line, lots, program, purchase},
};

fn rules() -> Rulebook {
    program(json!({
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } },
            { "id": "bring-a-friend", "on": "referral", "qualifying": false, "give": { "fixed": { "points": 100 } },
              "cap": { "times": 2, "per": "member", "every": "year" } },
        ],
        "referral": { "first_purchase_at_least": 500, "friend_points": 50 },
    }))
}

/// Returns Ayse, who is `m-0`, and friends whom she referred.
fn club(program: &Rulebook, friends: &[&str]) -> Club {
    let mut club = Club::of(program, "2026-11-01", &["m-0"]);
    for friend in friends {
        club.joins(program, "2026-11-01", friend, Some("m-0"), &[]);
    }
    club
}

#[test]
fn the_first_purchase_that_is_large_enough_pays_both_and_no_other_does() {
    let program = rules();
    let mut club = club(&program, &["m-1"]);
    for (key, cents, friend, referrer) in
        [("order-1", 499, 4, 0), ("order-2", 500, 4 + 5 + 50, 100), ("order-3", 900, 4 + 5 + 50 + 9, 100)]
    {
        let entry = club.earns(&program, key, "m-1", &purchase("2026-11-21", json!(cents))).unwrap();
        assert_eq!((club.balances("m-1")[1], club.balances("m-0")[1]), (friend, referrer), "{key}");
        let lines: Vec<_> = entry.breakdown().iter().map(line).collect();
        assert_eq!(lines.contains(&("referral".to_owned(), 50, 50)), key == "order-2");
    }
    let paid = club.get("m-0").entry("~referral~m-1~order-2");
    assert_eq!((changes(&paid), paid.counterparty()), ([100, 0, 100, 0, 0], Some(&member_id("m-1"))));
    assert_eq!(club.get("m-1").entry("order-2").counterparty(), Some(&member_id("m-0")));
    assert_eq!(club.get("m-1").entry("order-3").counterparty(), None);
    club.assert_proven();
}

#[test]
fn the_referrers_cap_holds_and_the_friend_is_paid_all_the_same() {
    let program = rules();
    let friends = ["m-1", "m-2", "m-3"];
    let mut club = club(&program, &friends);
    for friend in friends {
        club.earns(&program, "order-1", friend, &purchase("2026-11-21", json!(500))).unwrap();
        assert_eq!(club.balances(friend)[1], 55);
    }
    assert_eq!(club.balances("m-0")[1], 200);
    let capped = club.get("m-0").entry("~referral~m-3~order-1");
    assert_eq!((capped.points().get(), capped.breakdown()), (0, [].as_slice()));
}

#[test]
fn who_cannot_be_paid_is_not_and_only_a_suspension_is_waited_for() {
    let program = rules();
    let buy = |club: &mut Club, key: &str| {
        club.earns(&program, key, "m-1", &purchase("2026-11-21", json!(500))).unwrap();
        let is_over = club.get("m-1").account.referral.as_ref().unwrap().is_over;
        (club.balances("m-1")[1], is_over)
    };
    let mut gone = Club::default();
    gone.joins(&program, "2026-11-01", "m-1", Some("nobody"), &[]);
    assert_eq!((buy(&mut gone, "order-1"), buy(&mut gone, "order-2")), ((5, true), (10, true)));

    let mut closed = club(&program, &["m-1"]);
    closed.get_mut("m-0").account.status = Status::Closed;
    assert_eq!(buy(&mut closed, "order-1"), (5, true));

    let mut suspended = club(&program, &["m-1"]);
    suspended.get_mut("m-0").account.status = Status::Suspended;
    assert_eq!(buy(&mut suspended, "order-1"), (5, false));
    suspended.get_mut("m-0").account.status = Status::Active;
    assert_eq!(buy(&mut suspended, "order-2"), (60, true));
    assert_eq!(suspended.balances("m-0")[1], 100);
}

#[test]
fn a_full_account_of_the_referrer_does_not_reject_the_purchase() {
    let program = rules();
    let mut club = club(&program, &["m-1"]);
    club.get_mut("m-0").account.lots = lots(&[("never", Points::MAX.get() - 99)]);
    club.earns(&program, "order-1", "m-1", &purchase("2026-11-21", json!(500))).unwrap();
    assert_eq!((club.balances("m-1")[1], club.get("m-0").ledger.len()), (55, 1));
}

#[test]
fn a_purchase_below_the_minimum_reverses_both_sides_and_the_next_one_pays() {
    let program = rules();
    let mut club = club(&program, &["m-1"]);
    let day = "2026-11-21";
    club.earns(&program, "order-1", "m-1", &purchase(day, json!(600))).unwrap();
    let refund = |club: &mut Club, key: &str, cents| {
        club.reverses(&program, day, key, ("m-1", "m-1", "order-1"), Some(euro(cents))).unwrap();
        (club.balances("m-1")[1], club.balances("m-0")[1])
    };
    assert_eq!(refund(&mut club, "refund-0", 100), (5 + 50, 100), "as much is left as has to be");
    assert_eq!(refund(&mut club, "refund-1", 101), (4, 0), "less is left than has to be");
    assert!(!knows_use(&club.get("m-0").account));
    assert_eq!(refund(&mut club, "refund-2", 600), (0, 0));
    assert_eq!(refund(&mut club, "refund-3", 600), (0, 0), "told twice, taken back once");
    club.earns(&program, "order-2", "m-1", &purchase(day, json!(500))).unwrap();
    assert_eq!((club.balances("m-1")[1], club.balances("m-0")[1]), (55, 100));
    club.assert_proven();
}

#[test]
fn two_who_became_one_are_not_paid_for_each_other() {
    let program = rules();
    let mut club = club(&program, &["m-1"]);
    club.merges(&program, "2026-11-02", "merge-1", ("m-0", "m-1")).unwrap();
    club.get_mut("m-1").account.referral = Some(Referral { by: member_id("m-1"), is_over: false });
    let settled = club.settled(&program, crate::world::at("2026-11-21"), "m-1");
    let occasion = purchase("2026-11-21", json!(500));
    let request = crate::world::request("order-1");
    let counters = regulars_domain::counter::Counters::default();
    let referrer = Referrer::Ready(settled.clone());
    let posting = regulars_domain::earn::earn(settled, &request, &occasion, &program, &counters, referrer).unwrap();
    assert!(posting.others.is_empty());
    club.commit(posting);
    assert_eq!(club.balances("m-1")[1], 5);
}

#[test]
fn points_for_a_friend_wait_as_points_for_a_purchase_do() {
    let mut document = crate::world::document(json!({
        "points": { "pending": { "days": 14 } },
        "earning_rules": [
            { "id": "bring-a-friend", "on": "referral", "qualifying": false, "give": { "fixed": { "points": 100 } } },
        ],
    }));
    let bare = crate::world::program_of(&document);
    assert_eq!(bare.referral.as_ref().map(|policy| policy.first_purchase_at_least), Some(0));
    document["referral"] = json!({ "first_purchase_at_least": 0, "friend_points": 0 });
    let program = crate::world::program_of(&document);
    let mut club = club(&program, &["m-1"]);
    let entry = club.earns(&program, "order-1", "m-1", &purchase("2026-11-21", json!(1))).unwrap();
    assert!(entry.breakdown().is_empty(), "nothing is given to the friend, and no line says so");
    assert_eq!((club.balances("m-0"), club.balances("m-1")), ([100, 0, 0, 0], [0; 4]));
}

/// Returns Ayse, and a friend whose first purchase was posted while Ayse's account was busy.
fn owing(program: &Rulebook) -> Club {
    let mut club = club(program, &["m-1", "m-2"]);
    club.get_mut("m-2").account.referral = None;
    let entry = club.earns_alone(program, "order-1", "m-1", &purchase("2026-11-21", json!(500))).unwrap();
    assert_eq!(entry.counterparty(), Some(&member_id("m-0")));
    club
}

fn both(club: &Club) -> (i64, i64) {
    (club.balances("m-1")[1], club.balances("m-0")[1])
}

#[test]
fn a_purchase_does_not_wait_for_a_busy_referrer_who_is_paid_later_and_once() {
    let program = rules();
    let mut club = owing(&program);
    assert_eq!(both(&club), (55, 0), "the friend gets everything at once");
    let account = &club.get("m-1").account;
    assert_eq!((account.referral_debts.len(), account.review_on), (1, Some(crate::world::on("2026-11-22"))));
    club.earns(&program, "order-2", "m-1", &purchase("2026-11-21", json!(900))).unwrap();
    assert_eq!(both(&club), (64, 0), "no other purchase pays");

    assert!(club.pays_debt(&program, "2026-11-22", "m-1"));
    assert_eq!(both(&club), (64, 100));
    let paid = club.get("m-0").entry("~referral~m-1~order-1");
    assert_eq!((paid.points().get(), paid.occurred_at), (100, crate::world::at("2026-11-21")));
    let told = club.get("m-1").entry("~referral-paid~m-1~order-1");
    assert_eq!((told.kind(), told.counterparty()), (Kind::ReferralPayment, Some(&member_id("m-0"))));
    assert_eq!(changes(&told), [0; 5]);
    assert!(!club.pays_debt(&program, "2026-11-23", "m-1"));
    assert!(club.get("m-1").account.referral_debts.is_empty());
    club.assert_proven();
}

#[test]
fn a_debt_pays_what_the_version_of_the_purchase_gives() {
    let first = rules();
    let mut other = crate::world::document(json!({ "earning_rules": [
        { "id": "bring-a-friend", "on": "referral", "qualifying": false, "give": { "fixed": { "points": 7 } } },
    ] }));
    other["referral"] = json!({ "first_purchase_at_least": 0, "friend_points": 1 });
    let second = first.then(crate::world::at("2026-11-21T18:00"), &other);
    let mut club = owing(&first);
    assert!(club.pays_debt(&second, "2026-11-22", "m-1"));
    assert_eq!(both(&club), (55, 100));
    club.assert_proven();
}

#[test]
fn a_returned_purchase_owes_nothing_and_the_next_one_pays() {
    let program = rules();
    for is_paid_before in [false, true] {
        let mut club = owing(&program);
        assert_eq!(is_paid_before && club.pays_debt(&program, "2026-11-21", "m-1"), is_paid_before);
        club.reverses(&program, "2026-11-22", "refund-1", ("m-1", "m-1", "order-1"), Some(euro(1))).unwrap();
        assert_eq!(both(&club), (4, 0), "a cent less than the least");
        assert!(club.get("m-1").account.referral_debts.is_empty());
        club.reverses(&program, "2026-11-22", "refund-2", ("m-1", "m-1", "order-1"), None).unwrap();
        assert_eq!(both(&club), (0, 0));
        assert!(!club.pays_debt(&program, "2026-11-23", "m-1"));
        club.earns(&program, "order-2", "m-1", &purchase("2026-11-23", json!(500))).unwrap();
        assert_eq!(both(&club), (55, 100));
        club.assert_proven();
    }
}

#[test]
fn a_debt_waits_for_a_suspended_referrer_and_ends_with_one_who_is_gone() {
    let program = rules();
    let mut club = owing(&program);
    club.get_mut("m-0").account.status = Status::Suspended;
    assert!(!club.pays_debt(&program, "2026-11-22", "m-1"));
    club.get_mut("m-0").account.status = Status::Active;
    assert!(club.pays_debt(&program, "2026-11-23", "m-1"));
    assert_eq!(both(&club), (55, 100));

    let mut closed = owing(&program);
    closed.get_mut("m-0").account.status = Status::Closed;
    assert!(closed.pays_debt(&program, "2026-11-22", "m-1"));
    assert_eq!(both(&closed), (55, 0));
    assert_eq!(closed.get("m-1").entry("~referral-paid~m-1~order-1").counterparty(), None);
    assert!(!closed.pays_debt(&program, "2026-11-23", "m-1"));
    // A referrer who was suspended at the time of the purchase is owed nothing, busy or not.
    let mut suspended = self::club(&program, &["m-1"]);
    suspended.get_mut("m-0").account.status = Status::Suspended;
    suspended.earns_alone(&program, "order-1", "m-1", &purchase("2026-11-21", json!(500))).unwrap();
    assert!(suspended.get("m-1").account.referral_debts.is_empty());
}

#[test]
fn a_suspended_referrer_keeps_no_other_waiting() {
    let program = rules();
    let mut club = owing(&program);
    club.joins(&program, "2026-11-01", "m-9", None, &[]);
    club.get_mut("m-2").account.referral = Some(Referral { by: member_id("m-9"), is_over: false });
    club.earns_alone(&program, "order-1", "m-2", &purchase("2026-11-21", json!(500))).unwrap();
    club.merges(&program, "2026-11-22", "merge-1", ("m-1", "m-2")).unwrap();
    assert_eq!(club.get("m-2").account.referral_debts.len(), 2);
    for (suspended, other) in [("m-0", "m-9"), ("m-9", "m-0")] {
        let mut club = club.clone();
        club.get_mut(suspended).account.status = Status::Suspended;
        assert!(club.pays_debt(&program, "2026-11-22", "m-2"));
        assert_eq!((club.balances(suspended)[1], club.balances(other)[1]), (0, 100));
        assert!(!club.pays_debt(&program, "2026-11-22", "m-2"), "the other waits");
        club.get_mut(suspended).account.status = Status::Active;
        assert!(club.pays_debt(&program, "2026-11-23", "m-2"));
        assert_eq!((club.balances(suspended)[1], club.balances(other)[1]), (100, 100));
    }
}

#[test]
fn a_debt_goes_along_when_members_become_one() {
    let program = rules();
    let mut club = owing(&program);
    club.merges(&program, "2026-11-22", "merge-1", ("m-1", "m-2")).unwrap();
    assert!(club.get("m-1").account.referral_debts.is_empty());
    assert!(club.pays_debt(&program, "2026-11-23", "m-2"));
    assert_eq!((club.balances("m-2")[1], club.balances("m-0")[1]), (55, 100));
    assert_eq!(club.get("m-0").entry("~referral~m-1~order-1").points().get(), 100);
    // A full return of the old account's purchase reverses both sides.
    club.reverses(&program, "2026-11-24", "refund-1", ("m-2", "m-1", "order-1"), None).unwrap();
    assert_eq!((club.balances("m-2")[1], club.balances("m-0")[1]), (0, 0));
    club.assert_proven();

    let mut referrer_moves = owing(&program);
    referrer_moves.merges(&program, "2026-11-22", "merge-1", ("m-0", "m-2")).unwrap();
    assert!(referrer_moves.pays_debt(&program, "2026-11-23", "m-1"));
    assert_eq!((referrer_moves.balances("m-1")[1], referrer_moves.balances("m-2")[1]), (55, 100));

    let mut one = owing(&program);
    one.merges(&program, "2026-11-22", "merge-1", ("m-1", "m-0")).unwrap();
    assert!(!one.pays_debt(&program, "2026-11-23", "m-0"), "nobody owes themselves");
    one.assert_proven();

    let mut unpaid = owing(&program);
    unpaid.merges(&program, "2026-11-22", "merge-1", ("m-1", "m-2")).unwrap();
    unpaid.reverses(&program, "2026-11-22", "refund-1", ("m-2", "m-1", "order-1"), None).unwrap();
    assert!(!unpaid.pays_debt(&program, "2026-11-23", "m-2"));
    assert_eq!((unpaid.balances("m-2")[1], unpaid.balances("m-0")[1]), (0, 0));
    unpaid.assert_proven();
}

#[test]
fn a_purchase_pays_for_a_referral_if_both_had_joined_and_it_cost_something() {
    let document = |least: i64| {
        json!({
            "points": { "backdating_days_max": 30 },
            "earning_rules": [
                { "id": "bring-a-friend", "on": "referral", "give": { "fixed": { "points": 100 } } },
            ],
            "referral": { "first_purchase_at_least": least, "friend_points": 50 },
        })
    };
    // When the referrer and the friend joined, when the purchase was made, what it cost, and whether it pays.
    for (least, referrer, friend, bought, cents, pays) in [
        (500, "2026-11-01", "2026-11-10", "2026-11-10", 500, true),
        (500, "2026-11-01", "2026-11-10T18:00", "2026-11-10T09:00", 500, true),
        (500, "2026-11-01", "2026-11-10", "2026-11-09", 500, false),
        (500, "2026-11-15", "2026-11-10", "2026-11-14", 500, false),
        (500, "2026-11-15", "2026-11-10", "2026-11-15", 500, true),
        (500, "2026-11-01", "2026-11-10", "2026-11-11", 499, false),
        (0, "2026-11-01", "2026-11-10", "2026-11-11", 0, false),
        (0, "2026-11-01", "2026-11-10", "2026-11-11", 1, true),
    ] {
        let program = program(document(least));
        let mut club = Club::default();
        club.joins(&program, referrer, "m-0", None, &[]);
        club.joins(&program, friend, "m-1", Some("m-0"), &[]);
        let now = crate::world::at("2026-11-20");
        club.earns_at(&program, now, "order-1", "m-1", &purchase(bought, json!(cents))).unwrap();
        let expected = if pays { (50, 100) } else { (0, 0) };
        assert_eq!(both(&club), expected, "{least} {referrer} {friend} {bought} {cents}");
        let later = club.earns_at(&program, now, "order-2", "m-1", &purchase("2026-11-20", json!(500))).unwrap();
        assert_eq!((both(&club), later.points().get()), ((50, 100), if pays { 0 } else { 50 }), "the next one pays");
        club.assert_proven();
    }
}

#[test]
fn two_members_are_not_paid_for_each_other() {
    let program = rules();
    let mut club = club(&program, &["m-1"]);
    club.get_mut("m-0").account.referral = Some(Referral { by: member_id("m-1"), is_over: false });
    club.earns(&program, "order-1", "m-1", &purchase("2026-11-21", json!(500))).unwrap();
    assert_eq!(both(&club), (5, 0));
    let referral = club.get("m-1").account.referral.as_ref().unwrap();
    assert!(referral.is_over, "it never pays");
}

#[test]
fn an_amendment_below_the_minimum_reverses_both_sides() {
    let program = rules();
    let mut club = club(&program, &["m-1"]);
    club.earns(&program, "order-1", "m-1", &purchase("2026-11-21", json!(600))).unwrap();
    assert_eq!(both(&club), (56, 100));
    for (key, cents, expected) in
        [("a-1", 500, (55, 100)), ("a-2", 499, (4, 0)), ("a-3", 900, (9, 0)), ("a-4", 0, (0, 0))]
    {
        let order = purchase("2026-11-21", json!(cents));
        club.amends(&program, "2026-11-22", key, ("m-1", "m-1", "order-1"), &order);
        assert_eq!(both(&club), expected, "{key}");
    }
    club.earns(&program, "order-2", "m-1", &purchase("2026-11-23", json!(500))).unwrap();
    assert_eq!(both(&club), (55, 100), "the next purchase pays again");
    club.assert_proven();
}
