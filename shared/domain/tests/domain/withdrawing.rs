//! Points that activity extended, after that activity is undone.

use serde_json::{Value, json};

use crate::{
    club::Club,
    world::{Member, Rulebook, activity, at, document, euro, lots, lots_of, on, program_of, purchase},
};

/// Returns a program with a point per cent, which expires after six months without a purchase or a visit.
fn with_points(more: &Value) -> Rulebook {
    let mut points = json!({
        "expiry": { "inactivity_months": 6 }, "activity": ["purchase", "activity"], "backdating_days_max": 365,
        "usable_days_min": 0, "negative_balance": "forgive",
    });
    points.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    program_of(&document(json!({
        "points": points,
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } },
            { "id": "visit", "on": { "activity": "visit" }, "give": { "fixed": { "points": 1 } } },
        ],
        "rewards": [{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 30 },
                      "hold_seconds_max": 3600 }],
    })))
}

fn table(parts: &[(&str, i64)]) -> Vec<(String, i64)> {
    parts.iter().map(|(day, points)| ((*day).to_owned(), *points)).collect()
}

/// Returns a member with points that expire in January and in March, and far later.
fn member(program: &Rulebook) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.account.lots = lots(&[("2027-01-15", 100), ("2027-03-31", 50), ("2028-12-31", 7)]);
    member
}

fn buys(member: &mut Member, program: &Rulebook, key: &str, when: &str) {
    member.earns(program, key, &purchase(when, json!(10))).unwrap();
}

fn returns(member: &mut Member, program: &Rulebook, key: &str) {
    member.reverses(program, at("2026-12-10"), &format!("r-{key}"), key, None).unwrap();
}

type Act = fn(&mut Member, &Rulebook);
type Parts = &'static [(&'static str, i64)];

/// An activity, the day to which points are extended then, and the lots.
type Case = (&'static str, Act, Option<&'static str>, Vec<(String, i64)>);

/// Returns lots of which the soonest is this one.
fn rest(soonest: (&str, i64)) -> Vec<(String, i64)> {
    table(&[soonest, ("2028-12-31", 7)])
}

/// Returns single activities that are undone, and the result.
fn taken_back() -> Vec<Case> {
    let before = table(&[("2027-01-15", 100), ("2027-03-31", 50), ("2028-12-31", 7)]);
    vec![
        (
            "a purchase",
            |member, program| buys(member, program, "a", "2026-12-01"),
            Some("2027-06-01"),
            rest(("2027-06-01", 160)),
        ),
        (
            "a purchase returned whole",
            |member, program| {
                buys(member, program, "a", "2026-12-01");
                returns(member, program, "a");
            },
            None,
            before.clone(),
        ),
        (
            "in two parts",
            |member, program| {
                buys(member, program, "a", "2026-12-01");
                member.reverses(program, at("2026-12-10"), "r-1", "a", Some(euro(4))).unwrap();
                assert_eq!(member.account.extended_to, Some(on("2027-06-01")), "a part is left");
                member.reverses(program, at("2026-12-10"), "r-2", "a", Some(euro(10))).unwrap();
            },
            None,
            before.clone(),
        ),
        (
            "amended to nothing",
            |member, program| {
                buys(member, program, "a", "2026-12-01");
                member.amends(program, at("2026-12-10"), "e", "a", &purchase("2026-12-01", json!(0))).unwrap();
            },
            None,
            before.clone(),
        ),
        (
            "amended to nothing, and back",
            |member, program| {
                buys(member, program, "a", "2026-12-01");
                member.amends(program, at("2026-12-10"), "e-1", "a", &purchase("2026-12-01", json!(0))).unwrap();
                member.amends(program, at("2026-12-11"), "e-2", "a", &purchase("2026-12-01", json!(10))).unwrap();
            },
            Some("2027-06-01"),
            rest(("2027-06-01", 160)),
        ),
        (
            "an activity taken back",
            |member, program| {
                member.earns(program, "a", &activity("2026-12-01", "visit", &json!({}))).unwrap();
                returns(member, program, "a");
            },
            None,
            before.clone(),
        ),
    ]
}

/// Returns several activities in an order.
fn in_order() -> Vec<Case> {
    let before = table(&[("2027-01-15", 100), ("2027-03-31", 50), ("2028-12-31", 7)]);
    vec![
        (
            "one of two of a day",
            |member, program| {
                buys(member, program, "a", "2026-12-01T10:00");
                buys(member, program, "b", "2026-12-01T11:00");
                returns(member, program, "a");
            },
            Some("2027-06-01"),
            rest(("2027-06-01", 160)),
        ),
        (
            "both of a day",
            |member, program| {
                buys(member, program, "a", "2026-12-01T10:00");
                buys(member, program, "b", "2026-12-01T11:00");
                returns(member, program, "b");
                returns(member, program, "a");
            },
            None,
            before.clone(),
        ),
        (
            "the newer of two",
            |member, program| {
                buys(member, program, "a", "2026-11-20");
                buys(member, program, "b", "2026-12-01");
                returns(member, program, "b");
            },
            Some("2027-05-20"),
            rest(("2027-05-20", 160)),
        ),
        (
            "the newer of two, and a late one between them",
            |member, program| {
                buys(member, program, "a", "2026-11-20");
                buys(member, program, "b", "2026-12-01");
                member.earns_at(program, at("2026-12-01"), "c", &purchase("2026-11-25", json!(10))).unwrap();
                returns(member, program, "b");
            },
            Some("2027-05-25"),
            // Points that were credited in between keep their date.
            table(&[("2027-05-25", 160), ("2027-06-01", 10), ("2028-12-31", 7)]),
        ),
        (
            "the older of two",
            |member, program| {
                buys(member, program, "a", "2026-11-20");
                buys(member, program, "b", "2026-12-01");
                returns(member, program, "a");
            },
            Some("2027-06-01"),
            rest(("2027-06-01", 160)),
        ),
        (
            "both, the newer first: one step back is known",
            |member, program| {
                buys(member, program, "a", "2026-11-20");
                buys(member, program, "b", "2026-12-01");
                returns(member, program, "b");
                returns(member, program, "a");
            },
            Some("2027-05-20"),
            rest(("2027-05-20", 150)),
        ),
        (
            "points spent meanwhile were those that expired soonest",
            |member, program| {
                buys(member, program, "a", "2026-12-01");
                member.redeems(program, at("2026-12-02"), "r", "coffee", None).unwrap();
                returns(member, program, "a");
            },
            None,
            table(&[("2027-01-15", 70), ("2027-03-31", 50), ("2028-12-31", 7)]),
        ),
    ]
}

#[test]
fn a_complete_return_extends_nothing() {
    let program = with_points(&json!({}));
    for (what, act, extended_to, expected) in taken_back().into_iter().chain(in_order()) {
        let mut member = member(&program);
        act(&mut member, &program);
        assert_eq!((member.account.extended_to, lots_of(&member.account)), (extended_to.map(on), expected), "{what}");
    }
}

#[test]
fn a_purchase_that_lapses_extends_nothing_and_one_that_is_confirmed_does() {
    let program = with_points(&json!({ "pending": { "until_confirmed": { "lapses_after_days": 60 } } }));
    let acts: [(&str, Act, Option<&str>, Parts); 5] = [
        // What had expired in between expires with the lapse.
        ("a lapse", |_, _| (), None, &[("2027-03-31", 50), ("2028-12-31", 7)]),
        (
            "a confirmation",
            |member, program| drop(member.confirms(program, at("2026-12-10"), "c", "a").unwrap()),
            Some("2027-06-01"),
            &[("2027-06-01", 150), ("2027-06-10", 10), ("2028-12-31", 7)],
        ),
        (
            "a confirmation, and a return",
            |member, program| {
                member.confirms(program, at("2026-12-10"), "c", "a").unwrap();
                returns(member, program, "a");
            },
            None,
            &[("2027-03-31", 50), ("2028-12-31", 7)],
        ),
        (
            "another purchase of the day that is confirmed",
            |member, program| {
                buys(member, program, "b", "2026-12-01");
                member.confirms(program, at("2026-12-10"), "c", "b").unwrap();
            },
            Some("2027-06-01"),
            &[("2027-06-01", 150), ("2027-06-10", 10), ("2028-12-31", 7)],
        ),
        (
            "a return in time",
            |member, program| returns(member, program, "a"),
            None,
            &[("2027-03-31", 50), ("2028-12-31", 7)],
        ),
    ];
    for (what, act, extended_to, expected) in acts {
        let mut member = member(&program);
        buys(&mut member, &program, "a", "2026-12-01");
        assert_eq!(lots_of(&member.account), table(&[("2027-06-01", 150), ("2028-12-31", 7)]));
        act(&mut member, &program);
        member.reviewed(&program, at("2027-01-31"));
        assert_eq!(
            (member.account.extended_to, lots_of(&member.account)),
            (extended_to.map(on), table(expected)),
            "{what}"
        );
        let expired: Vec<_> = member.ids().into_iter().filter(|id| id.starts_with("~expiry")).collect();
        let by_lapse = "~expiry~2027-01-15~~lapse~2027-01-30";
        let expected = match (what, extended_to) {
            // Another lot may have expired on that day on its own, so the id names the lapse.
            ("a lapse", _) => vec![by_lapse],
            (_, None) => vec!["~expiry~2027-01-15"],
            (_, Some(_)) => vec![],
        };
        assert_eq!(expired, expected, "{what}");
    }
}

#[test]
fn what_was_over_by_then_expires_with_the_return_and_a_rebuilt_account_is_the_same() {
    let program = with_points(&json!({}));
    let mut member = Member::joins(&program, "2026-11-01");
    member.adjusts(&program, at("2026-11-01"), "given", 100).unwrap();
    assert_eq!(lots_of(&member.account), table(&[("2027-05-01", 100)]));
    buys(&mut member, &program, "a", "2027-04-20");
    let mut kept = member.clone();
    kept.reviewed(&program, at("2027-05-10"));
    assert_eq!(lots_of(&kept.account), table(&[("2027-10-20", 110)]));
    let entry = member.reverses(&program, at("2027-05-10"), "r", "a", None).unwrap();
    assert_eq!(entry.effects.lots_shortened.len(), 1);
    assert_eq!((member.balances(), *member.ids().last().unwrap()), ([0; 4], "~expiry~2027-05-01~r"));
    member.assert_proven();
}

#[test]
fn a_redemption_of_the_same_day_keeps_the_extension_and_a_merge_does() {
    let program = with_points(&json!({ "activity": ["purchase", "redemption"] }));
    let mut spender = member(&program);
    buys(&mut spender, &program, "a", "2026-12-01T10:00");
    spender.redeems(&program, at("2026-12-01T11:00"), "r", "coffee", None).unwrap();
    returns(&mut spender, &program, "a");
    assert_eq!(spender.account.extended_to, Some(on("2027-06-01")));

    let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
    club.earns(&program, "a", "m-1", &purchase("2026-12-01", json!(10))).unwrap();
    club.merges(&program, "2026-12-02", "merge", ("m-1", "m-2")).unwrap();
    club.reverses(&program, "2026-12-03", "r", ("m-2", "m-1", "a"), None).unwrap();
    assert_eq!(club.get("m-2").account.extended_to, Some(on("2027-06-01")));
    club.assert_proven();
}
