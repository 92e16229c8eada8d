//! Points that expire with inactivity: activity, as the program defines it, extends all of them.

use regulars_domain::{
    account::AttributeValue, calendar::days_after, entry::Entry, lots::Expiry, pending::Awaits, points::Points,
};
use serde_json::{Value, json};

use crate::{
    club::Club,
    world::{Member, Rulebook, activity, at, document, lots, lots_of, on, program_of, purchase},
};

/// Returns a program with a point per cent, and this policy on points.
fn with(points: &Value) -> Rulebook {
    program_of(&with_points(points))
}

/// Its document.
fn with_points(points: &Value) -> Value {
    document(json!({
        "points": points,
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } },
            { "id": "cake", "on": "birthday", "give": { "fixed": { "points": 40 } } },
        ],
        "attributes": [{ "id": "birthday", "type": "date" }],
        "rewards": [{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 30 },
                      "hold_seconds_max": 3600 }],
    }))
}

fn six_months() -> Rulebook {
    with(&json!({ "expiry": { "inactivity_months": 6 }, "backdating_days_max": 365 }))
}

/// Returns a member with points that expire in March, in November, long after that, and never.
fn member(program: &Rulebook) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.account.lots = lots(&[("2027-03-31", 100), ("2027-11-20", 50), ("2028-12-31", 7), ("never", 3)]);
    member
}

/// Holds the points of a coffee, for longer than a program may allow.
fn holds(member: &mut Member, program: &Rulebook, now: &str, key: &str, until: &str) {
    member.holds(program, now, key, "coffee", 3600).unwrap();
    member.account.holds.last_mut().unwrap().expires_at = at(until);
}

/// Returns the changes of lots of an entry, as in a table.
fn lots_told(entry: &Entry) -> Parts {
    let name =
        |change: &regulars_domain::lots::LotChange| change.0.on().map_or("never".to_owned(), |day| day.to_string());
    entry.effects.lots.iter().map(|change| (name(change), change.1.get())).collect()
}

fn table(parts: &[(&str, i64)]) -> Parts {
    parts.iter().map(|(day, points)| ((*day).to_owned(), *points)).collect()
}

type Parts = Vec<(String, i64)>;
type Act = fn(&mut Member, &Rulebook) -> Entry;

/// An activity, the day to which its entry extends points, its changes of lots, and the soonest lot afterwards, if it
/// extends any.
type Done = (&'static str, Act, (Option<&'static str>, Parts), Option<(&'static str, i64)>);

#[test]
fn accruals_and_redemptions_extend_what_expires_sooner_and_the_statement_says_so() {
    let now = "2026-11-21T16:05";
    let rest = [("2027-11-20", 50), ("2028-12-31", 7), ("never", 3)];
    let acts: [Done; 9] = [
        (
            "a purchase",
            |member, program| member.earns(program, "e", &purchase("2026-11-21T16:05", json!(10))).unwrap(),
            (Some("2027-05-21"), table(&[("2027-05-21", 10)])),
            Some(("2027-05-21", 110)),
        ),
        (
            "a purchase of nothing",
            |member, program| member.earns(program, "e", &purchase("2026-11-21T16:05", json!(0))).unwrap(),
            (None, table(&[])),
            None,
        ),
        (
            "an activity that no rule knows",
            |member, program| member.earns(program, "e", &activity("2026-11-21T16:05", "visit", &json!({}))).unwrap(),
            (None, table(&[])),
            None,
        ),
        (
            "a late purchase extends from its own day",
            |member, program| {
                member.earns_at(program, at("2026-11-21T16:05"), "e", &purchase("2026-10-30", json!(10))).unwrap()
            },
            (Some("2027-04-30"), table(&[("2027-04-30", 10)])),
            Some(("2027-04-30", 110)),
        ),
        (
            "a late purchase moves nothing back",
            |member, program| {
                member.earns_at(program, at("2026-11-21T16:05"), "e", &purchase("2026-08-01", json!(10))).unwrap()
            },
            (Some("2027-02-01"), table(&[("2027-02-01", 10)])),
            None,
        ),
        (
            "a redemption",
            |member, program| member.redeems(program, at("2026-11-21T16:05"), "e", "coffee", None).unwrap(),
            (Some("2027-05-21"), table(&[("2027-05-21", -30)])),
            Some(("2027-05-21", 70)),
        ),
        (
            "a held one",
            |member, program| member.holds(program, "2026-11-21T16:05", "e", "coffee", 600).unwrap(),
            (None, table(&[("2027-03-31", -30)])),
            None,
        ),
        (
            "points given",
            |member, program| member.adjusts(program, at("2026-11-21T16:05"), "e", 10).unwrap(),
            (None, table(&[("2027-05-21", 10)])),
            None,
        ),
        (
            "points taken",
            |member, program| member.adjusts(program, at("2026-11-21T16:05"), "e", -10).unwrap(),
            (None, table(&[("2027-03-31", -10)])),
            None,
        ),
    ];
    for (what, act, (extended_to, told), soonest) in acts {
        let program = six_months();
        let mut member = member(&program);
        let before = member.account.lots.clone();
        let entry = act(&mut member, &program);
        assert_eq!((entry.effects.extended_to, lots_told(&entry)), (extended_to.map(on), told), "{what}");
        if let Some(soonest) = soonest {
            assert_eq!(lots_of(&member.account), [table(&[soonest]), table(&rest)].concat(), "{what}");
            let hold_ends_on = entry.redeemed().and_then(|redeemed| redeemed.hold_expires_at).map(|_| on("2026-11-22"));
            assert_eq!(member.account.review_on, hold_ends_on.or(Some(days_after(on(soonest.0), -30))), "{what}");
        } else {
            let dates = |lots: &regulars_domain::lots::Lots| lots.iter().map(|lot| lot.0).collect::<Vec<_>>();
            let mut after = dates(&member.account.lots);
            after.retain(|expiry| dates(&before).contains(expiry));
            assert_eq!(after, dates(&before), "{what}");
        }
        assert!(member.account.extended_to.is_none_or(|day| day > at(now).to_zoned(program.zone.clone()).date()));
        member.assert_proven();
    }
}

#[test]
fn only_accruals_and_redemptions_extend() {
    let program = with(
        &json!({ "expiry": { "inactivity_months": 6 }, "pending": { "until_confirmed": { "lapses_after_days": 60 } } }),
    );
    let acts: [(&str, Act); 7] = [
        ("a confirmation", |member, program| member.confirms(program, at("2027-01-10"), "e", "order-1").unwrap()),
        ("a refund", |member, program| member.reverses(program, at("2027-01-10"), "e", "order-1", None).unwrap()),
        ("a capture", |member, program| member.captures(program, at("2027-01-10"), "e", "r-held", None).unwrap()),
        ("a cancellation", |member, program| member.cancels(program, at("2027-01-10"), "e", "r-held").unwrap()),
        ("a redemption undone", |member, program| member.undoes(program, at("2027-01-10"), "e", "r-1", true).unwrap()),
        ("an adjustment", |member, program| member.adjusts(program, at("2027-01-10"), "e", 5).unwrap()),
        ("a birthday", |member, program| member.reviewed(program, at("2027-01-10")).pop().unwrap()),
    ];
    for (what, act) in acts {
        let mut member = member(&program);
        member.set_attribute("birthday", AttributeValue::Date(on("1990-01-10")));
        member.earns(&program, "order-1", &purchase("2026-12-20", json!(10))).unwrap();
        member.redeems(&program, at("2026-12-20"), "r-1", "coffee", None).unwrap();
        holds(&mut member, &program, "2026-12-20", "r-held", "2027-02-01");
        assert_eq!(lots_of(&member.account)[0], ("2027-06-20".to_owned(), 40));
        act(&mut member, &program);
        let lots = lots_of(&member.account);
        assert_eq!(lots[0].0, "2027-06-20", "{what}");
        assert_eq!(member.account.extended_to, Some(on("2027-06-20")), "{what}");
    }
}

#[test]
fn points_that_come_back_or_become_spendable_live_as_long_as_the_others() {
    let program = with(&json!({ "expiry": { "inactivity_months": 6 }, "pending": { "days": 14 } }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.lots = lots(&[("2027-01-15", 100)]);
    holds(&mut member, &program, "2026-11-10", "r-cancelled", "2027-02-01");
    member.redeems(&program, at("2026-11-10"), "r-undone", "coffee", None).unwrap();
    holds(&mut member, &program, "2026-11-10", "r-over", "2026-11-30");
    assert_eq!(lots_of(&member.account), table(&[("2027-05-10", 10)]));
    member.earns(&program, "order-1", &purchase("2026-11-20", json!(1000))).unwrap();
    let held = |member: &Member| member.account.holds.iter().map(|hold| hold.lots[0].0.on()).collect::<Vec<_>>();
    assert_eq!(
        (lots_of(&member.account), held(&member)),
        (table(&[("2027-05-20", 10)]), vec![Some(on("2027-05-20")); 2])
    );
    member.cancels(&program, at("2026-11-21"), "c", "r-cancelled").unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-05-20", 40)]));
    member.undoes(&program, at("2026-11-22"), "u", "r-undone", true).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-05-20", 70)]));
    member.reviewed(&program, at("2026-12-01"));
    assert_eq!(lots_of(&member.account), table(&[("2027-05-20", 100)]), "a hold that ended by itself");
    member.reviewed(&program, at("2026-12-05"));
    assert_eq!(
        lots_of(&member.account),
        table(&[("2027-05-20", 100), ("2027-06-04", 1000)]),
        "their clock starts when they mature"
    );
    member.earns(&program, "order-2", &purchase("2026-12-06", json!(1))).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-06-06", 1100)]));
    member.adjusts(&program, at("2026-12-06"), "a", 5).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-06-06", 1105)]));
    member.reviewed(&program, at("2027-06-06T23:59"));
    assert_eq!(member.spendable(), 1106, "one point matured meanwhile");
    let over = member.reviewed(&program, at("2027-06-07T00:00"));
    assert_eq!((over[0].id.as_str(), over[0].points().get()), ("~expiry~2027-06-06", -1105));
}

#[test]
fn an_account_without_lots_remembers_to_which_day_it_lives() {
    let program = six_months();
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.lots = lots(&[("2027-01-15", 30)]);
    holds(&mut member, &program, "2026-11-10", "r-1", "2027-02-01");
    member.earns(&program, "order-1", &purchase("2026-11-20", json!(0))).unwrap();
    member.captures(&program, at("2026-11-21"), "c", "r-1", None).unwrap();
    assert_eq!(lots_of(&member.account), []);
    // The redemption's entry says 15 January; its capture extended the points from the day of the hold.
    member.undoes(&program, at("2026-12-01"), "u", "r-1", true).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-05-10", 30)]));
}

#[test]
fn a_refund_finds_the_points_of_its_purchase_where_they_have_gone() {
    let program = six_months();
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &purchase("2026-11-10", json!(100))).unwrap();
    member.earns(&program, "order-2", &purchase("2026-11-20", json!(10))).unwrap();
    member.account.lots = lots(&[("2027-01-01", 50), ("2027-05-20", 110), ("2028-01-01", 9)]);
    member.reverses(&program, at("2026-11-21"), "refund", "order-1", None).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-01-01", 50), ("2027-05-20", 10), ("2028-01-01", 9)]));
}

#[test]
fn a_purchase_that_pays_debts_has_no_lot_of_its_own() {
    let program = six_months();
    let mut member = member(&program);
    member.account.owed = Points::new(10);
    let entry = member.earns(&program, "order-1", &purchase("2026-11-21", json!(10))).unwrap();
    assert_eq!((entry.effects.extended_to, lots_told(&entry)), (Some(on("2027-05-21")), table(&[])));
    member.account.lots = lots(&[("2027-01-31", 8), ("2027-03-31", 9)]);
    member.reverses(&program, at("2026-11-22"), "refund", "order-1", None).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-03-31", 7)]), "from what expires soonest");
}

#[test]
fn no_points_expire_sooner_because_the_program_has_changed() {
    let a_month = with_points(&json!({ "expiry": { "after_months": 1, "rounded_to": "exact_day" } }));
    let month = program_of(&a_month);
    let six_months = with_points(&json!({ "expiry": { "inactivity_months": 6 } }));
    let six = month.then(at("2026-11-11"), &six_months);
    let two = six.then(at("2026-11-20"), &with_points(&json!({ "expiry": { "inactivity_months": 2 } })));
    let month_again = two.then(at("2026-11-21"), &a_month);
    let mut member = Member::joins(&month, "2026-11-01");
    member.earns(&month, "order-1", &purchase("2026-11-10", json!(100))).unwrap();
    // Changing to the policy moves nothing before there is activity.
    member.reviewed(&six, at("2026-11-11"));
    assert_eq!((lots_of(&member.account), member.account.extended_to), (table(&[("2026-12-10", 100)]), None));
    member.earns(&six, "order-2", &purchase("2026-11-12", json!(1))).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-05-12", 101)]));
    // To a shorter one.
    member.earns(&two, "order-3", &purchase("2026-11-20", json!(1))).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-05-12", 102)]));
    holds(&mut member, &two, "2026-11-20", "r-1", "2027-02-01");
    // Changing away from it: extended points keep their date, also on hold, and new points live as the new policy says.
    member.earns(&month_again, "order-4", &purchase("2026-11-21", json!(1))).unwrap();
    assert_eq!(member.account.extended_to, None);
    assert_eq!(lots_of(&member.account), table(&[("2026-12-21", 1), ("2027-05-12", 72)]));
    member.cancels(&month_again, at("2026-11-22"), "c", "r-1").unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2026-12-21", 1), ("2027-05-12", 102)]));
}

#[test]
fn a_reversed_redemption_returns_what_it_took_and_not_what_was_merged() {
    let six = six_months();
    let a_month = with_points(&json!({ "expiry": { "after_months": 1, "rounded_to": "exact_day" } }));
    let month = six.then(at("2026-11-11"), &a_month);
    let mut member = Member::joins(&six, "2026-11-01");
    member.account.lots = lots(&[("2027-01-15", 100), ("2027-01-20", 100)]);
    member.redeems(&six, at("2026-11-10"), "r-1", "coffee", None).unwrap();
    member.undoes(&month, at("2026-11-11"), "u", "r-1", true).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-05-10", 200)]));
}

#[test]
fn of_two_members_who_become_one_all_points_live_as_long_as_the_more_active_ones() {
    let program = with(&json!({ "expiry": { "inactivity_months": 6 }, "pending": { "days": 14 } }));
    for (first, second) in [("m-1", "m-2"), ("m-2", "m-1")] {
        let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
        for (id, bought_on) in [("m-1", "2026-11-10"), ("m-2", "2026-11-20")] {
            club.get_mut(id).account.lots = lots(&[("2027-01-15", 100)]);
            club.earns(&program, "order-1", id, &purchase(bought_on, json!(7))).unwrap();
        }
        let waiting = (Awaits::Maturity(on("2026-12-24"), Expiry::On(on("2027-06-30"))), Points::new(7));
        club.get_mut(first).account.pending = [waiting].into_iter().collect();
        club.merges(&program, "2026-11-21", "merge-1", (first, second)).unwrap();
        let account = &club.get(second).account;
        assert_eq!(lots_of(account), table(&[("2027-05-20", 200)]));
        assert_eq!(account.extended_to, Some(on("2027-05-20")));
        assert!(account.pending.iter().any(|other| other == waiting));
        assert_eq!(club.get(first).account.extended_to, None);
        club.assert_proven();
    }
}

#[test]
fn points_from_another_member_extend_nothing_and_keep_their_dates() {
    let program = six_months();
    let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
    club.earns(&program, "order-1", "m-2", &purchase("2026-11-10", json!(7))).unwrap();
    club.get_mut("m-1").account.lots = lots(&[("2027-01-15", 100), ("2027-12-31", 100)]);
    club.transfers(&program, "2026-11-21", "t-1", ("m-1", "m-2", 150)).unwrap();
    assert_eq!(lots_of(&club.get("m-1").account), table(&[("2027-12-31", 50)]));
    assert_eq!(lots_of(&club.get("m-2").account), table(&[("2027-01-15", 100), ("2027-05-10", 7), ("2027-12-31", 50)]));
    // Transferred back and forth, they live no longer.
    club.transfers(&program, "2026-11-21", "t-2", ("m-2", "m-1", 100)).unwrap();
    assert_eq!(lots_of(&club.get("m-1").account), table(&[("2027-01-15", 100), ("2027-12-31", 50)]));
    // Nor by a hold that is cancelled.
    club.transfers(&program, "2026-11-21", "t-3", ("m-1", "m-2", 100)).unwrap();
    let member = club.get_mut("m-2");
    member.holds(&program, "2026-11-22", "r-1", "coffee", 3600).unwrap();
    member.cancels(&program, at("2026-11-22"), "c", "r-1").unwrap();
    assert_eq!(lots_of(&member.account)[0], ("2027-01-15".to_owned(), 100));
    club.assert_proven();
}

#[test]
fn the_program_says_what_counts_as_activity() {
    let plans = json!([{ "id": "plus", "price": 499, "interval": "month", "entitlements": [{ "id": "lounge", "times": 5, "every": "year" }] }]);
    let now = "2026-12-21";
    let acts: [(&str, Act); 5] = [
        ("purchase", |member, program| member.earns(program, "e", &purchase("2026-12-21", json!(1))).unwrap()),
        ("redemption", |member, program| member.redeems(program, at("2026-12-21"), "e", "coffee", None).unwrap()),
        ("activity", |member, program| {
            member.earns(program, "e", &activity("2026-12-21", "visit", &json!({}))).unwrap()
        }),
        ("plan", |member, program| {
            member.takes_plan(program, at("2026-12-21"), "e", "plus").unwrap();
            member.entry("e")
        }),
        ("entitlement", |member, program| {
            member.uses(program, at("2026-12-21"), "e", "lounge").unwrap();
            member.entry("e")
        }),
    ];
    let kinds = acts.map(|(kind, _)| kind);
    let lists = [None, Some(vec![]), Some(kinds.to_vec())];
    for counting in lists.into_iter().chain(kinds.map(|kind| Some(vec![kind]))) {
        let mut document = with_points(&json!({ "expiry": { "inactivity_months": 6 } }));
        if let Some(counting) = &counting {
            document["points"]["activity"] = json!(counting);
        }
        document["plans"] = plans.clone();
        let visit = json!({ "id": "visit", "on": { "activity": "visit" }, "give": { "fixed": { "points": 7 } } });
        document["earning_rules"].as_array_mut().unwrap().push(visit);
        let program = program_of(&document);
        let counting = counting.unwrap_or_else(|| vec!["purchase", "redemption"]);
        for (kind, act) in acts {
            let mut member = Member::joins(&program, "2026-11-01");
            member.adjusts(&program, at("2026-11-01"), "a", 100).unwrap();
            member.takes_plan(&program, at("2026-12-01"), "p", "plus").unwrap();
            let entry = act(&mut member, &program);
            let extended_to = counting.contains(&kind).then(|| on("2027-06-21"));
            assert_eq!(entry.effects.extended_to, extended_to, "{kind}, where {counting:?} count");
            member.assert_proven();
        }
        // A hold counts once it is captured, as of its own day.
        let mut member = Member::joins(&program, "2026-11-01");
        member.adjusts(&program, at("2026-11-01"), "a", 100).unwrap();
        holds(&mut member, &program, now, "r-1", "2027-01-31");
        let before = member.account.extended_to;
        let entry = member.captures(&program, at("2027-01-10"), "c", "r-1", None).unwrap();
        let extended_to = counting.contains(&"redemption").then(|| on("2027-06-21"));
        assert_eq!((before, entry.effects.extended_to), (None, extended_to), "{counting:?}");
    }
}

#[test]
fn what_a_friend_buys_extends_nothing() {
    let program = program_of(&document(json!({
        "points": { "expiry": { "inactivity_months": 6 } },
        "earning_rules": [{ "id": "friend", "on": "referral", "give": { "fixed": { "points": 100 } } }],
        "referral": { "first_purchase_at_least": 500, "friend_points": 50 },
    })));
    let mut club = Club::of(&program, "2026-11-01", &["m-0"]);
    club.joins(&program, "2026-11-01", "m-1", Some("m-0"), &[]);
    club.get_mut("m-0").account.lots = lots(&[("2027-01-15", 3)]);
    club.earns(&program, "order-1", "m-1", &purchase("2026-11-21", json!(500))).unwrap();
    assert_eq!(lots_of(&club.get("m-0").account), table(&[("2027-01-15", 3), ("2027-05-21", 100)]));
}

#[test]
fn a_redemption_undone_gives_transferred_points_back_with_their_dates() {
    let points =
        |activity: &[&str]| json!({ "expiry": { "inactivity_months": 6 }, "activity": activity, "usable_days_min": 0 });
    let buys: fn(&mut Member, &Rulebook) = |member, program| {
        member.earns(program, "order-2", &purchase("2026-12-01", json!(1))).unwrap();
    };
    // Whether it is held first, which earlier activity is undone, and the soonest lot then.
    for (activity, is_held, then, soonest) in [
        (&["purchase"][..], false, None, ("2027-01-15", 100)),
        (&["purchase"], false, Some(buys), ("2027-06-01", 108)),
        (&["purchase"], true, None, ("2027-01-15", 100)),
        (&["purchase"], true, Some(buys), ("2027-06-01", 108)),
        (&["purchase", "redemption"], false, None, ("2027-05-21", 107)),
        (&["purchase", "redemption"], true, None, ("2027-05-21", 107)),
    ] {
        let program = with(&points(activity));
        let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
        club.earns(&program, "order-1", "m-2", &purchase("2026-11-10", json!(7))).unwrap();
        club.get_mut("m-1").account.lots = lots(&[("2027-01-15", 100)]);
        club.transfers(&program, "2026-11-21", "t-1", ("m-1", "m-2", 100)).unwrap();
        let member = club.get_mut("m-2");
        if is_held {
            member.holds(&program, "2026-11-21", "r-1", "coffee", 3600).unwrap();
            member.captures(&program, at("2026-11-21T00:30"), "c-1", "r-1", None).unwrap();
        } else {
            member.redeems(&program, at("2026-11-21"), "r-1", "coffee", None).unwrap();
        }
        if let Some(then) = then {
            then(member, &program);
        }
        member.undoes(&program, at("2026-12-02"), "u-1", "r-1", true).unwrap();
        assert_eq!(lots_of(&member.account)[0], (soonest.0.to_owned(), soonest.1), "{activity:?} {is_held}");
    }
}
