//! Unconfirmed purchases that lapse: balances and tier are as after a full return.

use regulars_domain::{
    account::Account,
    entry::{Kind, Record, ReferralChange},
    reassess::explain,
    tier::Missing,
};
use serde_json::{Value, json};

use crate::{
    club::Club,
    world::{Member, Rulebook, at, changes, document, euro, lots, on, program_of, purchase},
};

/// Returns a program with a point per euro, whose points wait 30 days for a confirmation, with these tiers.
fn with_tiers(tiers: &Value) -> Value {
    let mut document = document(json!({
        "points": { "pending": { "until_confirmed": { "lapses_after_days": 30 } }, "backdating_days_max": 60 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
        "attributes": [],
    }));
    document["tiers"] = tiers.clone();
    document
}

fn levels(silver: i64, gold: i64) -> Value {
    json!([{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": silver },
           { "id": "gold", "threshold": gold }])
}

fn by_year() -> Rulebook {
    program_of(&with_tiers(&json!({ "levels": levels(50, 100) })))
}

/// Returns the tier, the amounts toward it, and lifetime purchases.
fn counts(account: &Account) -> (Option<&str>, [i64; 3], (u64, i64)) {
    let counted = account.qualifying.values().fold([0; 3], |[points, spend, visits], amount| {
        [points + amount.points, spend + amount.spend, visits + amount.visits]
    });
    let tier = account.tier.as_ref().map(regulars_domain::id::LevelId::as_str);
    (tier, counted, (account.bought.purchases, account.bought.spend))
}

#[test]
fn lapsed_accruals_no_longer_count_for_any_basis_and_period() {
    let periods =
        [json!("calendar_year"), json!("membership_year"), json!("lifetime"), json!({ "rolling_months": 12 })];
    for period in periods {
        for (basis, silver) in [("points", 100), ("spend", 10_000), ("visits", 1)] {
            let tiers = json!({ "basis": basis, "period": period, "levels": levels(silver, silver * 100) });
            let program = program_of(&with_tiers(&tiers));
            let mut member = Member::joins(&program, "2026-11-01");
            member.earns(&program, "order-1", &purchase("2026-11-21", json!(10_000))).unwrap();
            assert_eq!(counts(&member.account), (Some("silver"), [100, 10_000, 1], (1, 10_000)), "{tiers}");
            assert_eq!(member.account.review_on, Some(on("2026-12-22")));
            assert_eq!(member.reviewed(&program, at("2026-12-21T23:59")), []);

            let entries = member.reviewed(&program, at("2026-12-22T00:00"));
            let told: Vec<_> = entries.iter().map(|entry| (entry.id.as_str(), changes(entry)[0])).collect();
            assert_eq!(told, [("~lapse~2026-12-21", -100), ("~tier~2026-12-22", 0)], "{tiers}");
            assert_eq!(counts(&member.account), (Some("bronze"), [0; 3], (0, 0)), "{tiers}");
            assert!(member.account.pending.unconfirmed().is_empty());
            assert_eq!(member.account.review_on, None);
            member.assert_proven();
        }
    }
}

#[test]
fn a_purchase_that_gives_no_points_lapses_too_and_can_be_confirmed() {
    let tiers = json!({ "basis": "visits", "levels": levels(1, 10) });
    let program = program_of(&with_tiers(&tiers));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(99))).unwrap();
    assert_eq!((member.balances(), member.tier()), ([0; 4], Some("silver")));
    let mut confirmed = member.clone();
    confirmed.confirms(&program, at("2026-12-21"), "c-1", "order-1").unwrap();
    assert!(confirmed.confirms(&program, at("2026-12-21"), "c-2", "order-1").is_err());
    confirmed.reviewed(&program, at("2026-12-31"));
    assert_eq!(counts(&confirmed.account), (Some("silver"), [0, 99, 1], (1, 99)));
    member.reviewed(&program, at("2026-12-22"));
    assert_eq!(counts(&member.account), (Some("bronze"), [0; 3], (0, 0)));
}

type Act = fn(&mut Member, &Rulebook);

/// What can happen before a purchase of 100.00 on 21 November lapses.
const BEFORE: [(&str, Act); 8] = [
    ("nothing", |_, _| ()),
    ("a partial return", |member, program| {
        member.reverses(program, at("2026-11-25"), "e", "order-1", Some(euro(6_000))).unwrap();
    }),
    ("two partial returns", |member, program| {
        for key in ["e-1", "e-2"] {
            member.reverses(program, at("2026-11-25"), key, "order-1", Some(euro(2_550))).unwrap();
        }
    }),
    ("a full return", |member, program| {
        member.reverses(program, at("2026-11-25"), "e", "order-1", None).unwrap();
    }),
    ("an amendment up", |member, program| {
        member.amends(program, at("2026-11-25"), "e", "order-1", &purchase("2026-11-21", json!(25_000))).unwrap();
    }),
    ("an amendment down", |member, program| {
        member.amends(program, at("2026-11-25"), "e", "order-1", &purchase("2026-11-21", json!(1_000))).unwrap();
    }),
    ("a full return, and an amendment that brings it back", |member, program| {
        member.reverses(program, at("2026-11-25"), "e-1", "order-1", None).unwrap();
        member.amends(program, at("2026-11-26"), "e-2", "order-1", &purchase("2026-11-21", json!(7_000))).unwrap();
    }),
    ("others of the same day, one of them confirmed", |member, program| {
        member.earns(program, "order-2", &purchase("2026-11-21", json!(3_000))).unwrap();
        member.confirms(program, at("2026-11-25"), "c-2", "order-2").unwrap();
    }),
];

/// Programs by name, and when the member joins: years, months, a version that raises the thresholds on 1 December, and
/// a year that ends before the purchase lapses.
fn programs() -> Vec<(&'static str, &'static str, Rulebook)> {
    let over = |period: Value, downgrade: &str| {
        with_tiers(&json!({ "period": period, "downgrade": downgrade, "levels": levels(50, 100) }))
    };
    let years = over(json!("calendar_year"), "to_qualified");
    let raised = with_tiers(&json!({ "levels": levels(5_000, 10_000) }));
    let (nov, dec) = ("2026-11-01", "2025-12-05");
    vec![
        ("years", nov, program_of(&years)),
        ("years, one level down", nov, program_of(&over(json!("calendar_year"), "one_level"))),
        ("a year to December", dec, program_of(&over(json!("membership_year"), "to_qualified"))),
        ("a year to December, one level down", dec, program_of(&over(json!("membership_year"), "one_level"))),
        ("months", nov, program_of(&over(json!({ "rolling_months": 3 }), "to_qualified"))),
        ("months, one level down", nov, program_of(&over(json!({ "rolling_months": 1 }), "one_level"))),
        ("for life", nov, program_of(&over(json!("lifetime"), "never"))),
        ("raised", nov, program_of(&years).then(at("2026-12-01"), &raised)),
    ]
}

#[test]
fn a_lapse_leaves_the_balances_and_the_tier_as_a_full_return_would() {
    for (name, joined, program) in programs() {
        for (what, before) in BEFORE {
            let mut lapsed = Member::joins(&program, joined);
            lapsed.earns(&program, "order-1", &purchase("2026-11-21", json!(10_000))).unwrap();
            before(&mut lapsed, &program);
            let mut returned = lapsed.clone();
            returned.reverses(&program, at("2026-12-21T23:59"), "r", "order-1", None).unwrap();
            for now in ["2026-12-22", "2027-01-15", "2027-03-01", "2028-02-01"] {
                for member in [&mut lapsed, &mut returned] {
                    member.reviewed(&program, at(now));
                }
                let left = |account: &Account| {
                    let Account { lots, pending, owed, qualifying, bought, secured, promised, tier, .. } =
                        account.clone();
                    let counted: Vec<_> = qualifying.into_iter().filter(|(_, amount)| !amount.is_zero()).collect();
                    (lots, pending, owed, counted, bought, (secured, promised, tier))
                };
                assert_eq!(left(&lapsed.account), left(&returned.account), "{name}: {what}, on {now}");
            }
            lapsed.assert_proven();
        }
    }
}

#[test]
fn confirmed_amounts_count_permanently() {
    for (what, before) in BEFORE {
        let program = by_year();
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns(&program, "order-1", &purchase("2026-11-21", json!(10_000))).unwrap();
        before(&mut member, &program);
        let before = counts(&member.account).1;
        let done = member.confirms(&program, at("2026-12-21T23:59"), "c-1", "order-1");
        assert_eq!(done.is_ok(), what != "a full return", "{what}");
        assert!(member.account.pending.unconfirmed().is_empty(), "{what}");
        member.reviewed(&program, at("2026-12-31"));
        assert_eq!(counts(&member.account).1, before, "{what}");
        member.assert_proven();
    }
}

#[test]
fn nothing_that_is_done_about_a_purchase_once_it_has_lapsed_counts_again() {
    let program = by_year();
    let acts: [(&str, Act); 3] = [
        ("a partial return", |member, program| {
            member.reverses(program, at("2026-12-25"), "e", "order-1", Some(euro(6_000))).unwrap();
        }),
        ("a full return", |member, program| {
            member.reverses(program, at("2026-12-25"), "e", "order-1", None).unwrap();
        }),
        ("an amendment up", |member, program| {
            member.amends(program, at("2026-12-25"), "e", "order-1", &purchase("2026-11-21", json!(25_000))).unwrap();
        }),
    ];
    for (what, act) in acts {
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns(&program, "order-1", &purchase("2026-11-21", json!(10_000))).unwrap();
        member.reviewed(&program, at("2026-12-22"));
        member.earns(&program, "order-2", &purchase("2026-12-22", json!(5_000))).unwrap();
        let before = (member.balances(), counts(&member.account).1, member.account.bought);
        act(&mut member, &program);
        assert_eq!((member.balances(), counts(&member.account).1, member.account.bought), before, "{what}");
        assert_eq!(member.tier(), Some("silver"), "{what}");
        member.assert_proven();
    }
}

#[test]
fn a_purchase_of_the_year_before_that_lapses_secures_nothing() {
    let program = by_year();
    for (bought_on, posted_on, lapses_on) in
        [("2026-12-20", "2026-12-20", "2027-01-20"), ("2026-12-31", "2027-01-10", "2027-02-10")]
    {
        let mut member = Member::joins(&program, "2026-11-01");
        member.earns_at(&program, at(posted_on), "order-1", &purchase(bought_on, json!(10_000))).unwrap();
        assert_eq!(member.tier(), Some("gold"));
        let mut confirmed = member.clone();
        confirmed.confirms(&program, at(posted_on), "c-1", "order-1").unwrap();
        for (member, tier) in [(&mut member, Some("bronze")), (&mut confirmed, Some("gold"))] {
            member.reviewed(&program, at(lapses_on));
            assert_eq!(member.tier(), tier, "{bought_on}");
            member.assert_proven();
        }
    }
}

#[test]
fn what_waits_on_two_cards_that_become_one_lapses_on_its_own_days() {
    for period in [json!("calendar_year"), json!("membership_year"), json!({ "rolling_months": 2 })] {
        let program = program_of(&with_tiers(&json!({ "period": period, "levels": levels(50, 100) })));
        let mut club = Club::default();
        club.joins(&program, "2026-11-01", "m-1", None, &[]);
        club.joins(&program, "2026-11-15", "m-2", None, &[]);
        club.earns(&program, "order-1", "m-1", &purchase("2026-11-21", json!(6_000))).unwrap();
        club.earns(&program, "order-2", "m-2", &purchase("2026-11-25", json!(5_000))).unwrap();
        club.merges(&program, "2026-11-26", "merge", ("m-1", "m-2")).unwrap();
        assert!(club.get("m-1").account.pending.unconfirmed().is_empty());
        assert_eq!(counts(&club.get("m-2").account), (Some("gold"), [110, 11_000, 2], (2, 11_000)));
        let mut returned = club.clone();
        returned.reverses(&program, "2026-11-27", "r", ("m-2", "m-1", "order-1"), None).unwrap();
        for (now, tier, points) in [("2026-12-22", "silver", 50), ("2026-12-26", "bronze", 0)] {
            for club in [&mut club, &mut returned] {
                let account = club.settled(&program, at(now), "m-2").account().clone();
                assert_eq!((counts(&account).0, counts(&account).1[0]), (Some(tier), points), "{period} on {now}");
                assert_eq!(account.pending.total().get(), points);
                club.assert_proven();
            }
        }
    }
}

/// Returns a program with referrals, and a friend `m-1` whose first purchase `order-1` has paid the referrer `m-0`.
fn with_friend() -> (Rulebook, Club) {
    let mut document = with_tiers(&json!({ "levels": levels(1_000, 2_000) }));
    document["earning_rules"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "friend", "on": "referral", "qualifying": false, "give": { "fixed": { "points": 100 } } }));
    document["referral"] = json!({ "first_purchase_at_least": 500, "friend_points": 50 });
    let program = program_of(&document);
    let mut club = Club::of(&program, "2026-11-01", &["m-0"]);
    club.joins(&program, "2026-11-01", "m-1", Some("m-0"), &[]);
    club.earns(&program, "order-1", "m-1", &purchase("2026-11-21", json!(500))).unwrap();
    (program, club)
}

#[test]
fn a_return_after_a_lapse_reverses_the_referrers_confirmed_points_because_another_purchase_pays_for_the_referral() {
    let (program, mut club) = with_friend();
    club.get_mut("m-0").confirms(&program, at("2026-11-22"), "c-1", "~referral~m-1~order-1").unwrap();
    club.settled(&program, at("2026-12-22"), "m-1");
    assert_eq!((club.balances("m-1"), club.balances("m-0")), ([0; 4], [0, 100, 0, 0]));
    let next = |club: &mut Club| {
        club.earns(&program, "order-2", "m-1", &purchase("2026-12-22", json!(500))).unwrap();
    };
    let returns = |club: &mut Club| {
        club.reverses(&program, "2026-12-22", "r", ("m-1", "m-1", "order-1"), None).unwrap();
    };
    // The order of the return and the next purchase does not matter: in the end, the referral is paid once.
    let mut other = club.clone();
    next(&mut club);
    assert_eq!(club.balances("m-0"), [100, 100, 0, 0]);
    returns(&mut club);
    returns(&mut other);
    assert_eq!(other.balances("m-0"), [0; 4]);
    next(&mut other);
    for club in [&club, &other] {
        assert_eq!((club.balances("m-1"), club.balances("m-0")), ([55, 0, 0, 0], [100, 0, 0, 0]));
        assert!(club.get("m-1").account.referral.as_ref().is_some_and(|referral| referral.is_over));
        club.assert_proven();
    }
}

#[test]
fn a_referral_is_paid_again_by_the_next_purchase_and_the_referrers_points_lapse_by_themselves() {
    let (program, mut club) = with_friend();
    assert_eq!((club.balances("m-1")[0], club.balances("m-0")[0]), (55, 100));
    let mut confirmed = club.clone();
    let member = confirmed.get_mut("m-1");
    member.confirms(&program, at("2026-11-22"), "c-1", "order-1").unwrap();
    for (club, is_over, points) in [(&mut club, false, 0), (&mut confirmed, true, 55)] {
        club.settled(&program, at("2026-12-22"), "m-0");
        let account = club.settled(&program, at("2026-12-22"), "m-1").account().clone();
        assert_eq!(account.referral.as_ref().map(|referral| referral.is_over), Some(is_over));
        assert_eq!((account.total().get(), club.balances("m-0")), (points, [0; 4]));
    }
    let Record::Lapse(lapsed) = club.get("m-1").entry("~lapse~2026-12-21").record else { panic!("no lapse") };
    assert_eq!((lapsed.referral, lapsed.paid, lapsed.purchases), (Some(ReferralChange::Reopened), -500, -1));
    club.earns(&program, "order-2", "m-1", &purchase("2026-12-22", json!(500))).unwrap();
    assert_eq!((club.balances("m-1")[0], club.balances("m-0")[0]), (55, 100));
    // The purchase that paid first is returned last: the second purchase stays paid.
    club.reverses(&program, "2026-12-23", "r", ("m-1", "m-1", "order-1"), None).unwrap();
    assert_eq!((club.balances("m-1")[0], club.balances("m-0")[0]), (55, 100));
    assert!(club.get("m-1").account.referral.as_ref().is_some_and(|referral| referral.is_over));
    club.assert_proven();
}

#[test]
fn a_lapse_takes_points_and_tier_and_a_return_after_it_the_steps_the_room_and_the_receipt() {
    let mut document = with_tiers(&json!({ "levels": levels(50, 100) }));
    document["points"]["receipts"] = json!("unique");
    document["earning_rules"].as_array_mut().unwrap().extend([
        json!({ "id": "card", "on": "purchase", "stacking": "add", "give": { "punch_card": { "every": 3, "points": 9 } } }),
        json!({ "id": "first", "on": "purchase", "stacking": "add", "give": { "fixed": { "points": 5 } },
                "cap": { "times": 1, "per": "member", "every": "ever" } }),
    ]);
    let program = program_of(&document);
    let mut member = Member::joins(&program, "2026-11-01");
    let total = json!({ "amount": 10_000, "currency": "EUR" });
    let bought = purchase("2026-11-21", json!({ "total": total, "receipt": "till3-0042" }));
    member.earns(&program, "order-1", &bought).unwrap();
    assert_eq!(member.balances(), [105, 0, 0, 0]);
    member.reviewed(&program, at("2026-12-22"));
    assert_eq!((member.balances(), member.tier()), ([0; 4], Some("bronze")));
    let steps = |member: &Member| member.account.steps.get("card").map_or(0, |steps| steps.count);
    assert_eq!((steps(&member), member.account.cap_use.iter().count()), (1, 1));
    let settled = member.settled(&program, at("2026-12-23"));
    let posting = regulars_domain::reversal::reverse(
        settled,
        &crate::world::request("r"),
        &member.recorded("order-1"),
        &regulars_domain::reversal::Return::Everything.into(),
        &regulars_domain::counter::Counters::default(),
        None,
    );
    let posting = posting.unwrap();
    assert_eq!(posting.receipts.iter().map(|change| change.is_taken).collect::<Vec<_>>(), [false]);
    member.commit(posting);
    assert_eq!((steps(&member), member.account.cap_use.iter().count(), member.balances()), (0, 0, [0; 4]));
    member.assert_proven();
}

#[test]
fn a_limited_number_of_days_and_periods_is_stored_and_excess_points_wait_longer() {
    let tiers = json!({ "period": { "rolling_months": 36 }, "levels": levels(50, 100) });
    let mut document = with_tiers(&tiers);
    document["points"]["pending"]["until_confirmed"]["lapses_after_days"] = json!(60);
    document["points"]["backdating_days_max"] = json!(365);
    let program = program_of(&document);
    let mut member = Member::joins(&program, "2025-11-01");
    member.account.lots = lots(&[]);
    let days = 40_u8;
    for day in 0..days {
        let now = at("2026-11-01") + jiff::SignedDuration::from_hours(24 * i64::from(day));
        for months in [0, 3, 6] {
            let then = now - jiff::SignedDuration::from_hours(24 * 30 * months);
            let occasion = purchase(&then.to_string(), json!(1_000));
            member.earns_at(&program, now, &format!("order-{day}-{months}"), &occasion).unwrap();
        }
        let unconfirmed = member.account.pending.unconfirmed();
        let counted: usize = unconfirmed.values().map(|counts| counts.qualifying.len()).sum();
        assert!(unconfirmed.len() <= 32 && counted <= 28, "{} days and {counted} months", unconfirmed.len());
    }
    let all = i64::from(days) * 3;
    assert_eq!(counts(&member.account), (Some("gold"), [all * 10, all * 1_000, all], (120, all * 1_000)));
    let entries = member.reviewed(&program, at("2027-03-01"));
    assert!(entries.iter().filter(|entry| entry.kind() == Kind::Lapse).count() > 1);
    assert_eq!(counts(&member.account), (Some("bronze"), [0; 3], (0, 0)));
    assert_eq!(member.balances(), [0; 4]);
    member.assert_proven();
}

#[test]
fn until_ends_with_the_lapse_that_a_level_needs_and_keep_counts_without_it() {
    let program = by_year();
    let (lapse, year, next_year) = (Some("2026-12-21"), Some("2026-12-31"), Some("2027-12-31"));
    // Confirmed and unconfirmed points; the tier and its last day; the amounts missing for `keep` and `next`, each with its last day.
    for (confirmed, unconfirmed, tier, until, keep, next) in [
        (0, 100, "gold", lapse, Some((100, lapse)), None),
        (60, 60, "gold", lapse, Some((40, lapse)), None),
        (0, 60, "silver", lapse, Some((50, lapse)), Some((40, lapse))),
        (60, 10, "silver", next_year, None, Some((30, lapse))),
        (60, 0, "silver", next_year, None, Some((40, year))),
        (100, 60, "gold", next_year, None, None),
        (30, 10, "bronze", None, None, Some((10, lapse))),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        let now = at("2026-11-21");
        for (key, points) in [("order-1", confirmed), ("order-2", unconfirmed)].iter().filter(|(_, points)| *points > 0)
        {
            member.earns(&program, key, &purchase("2026-11-21", json!(points * 100))).unwrap();
        }
        if confirmed > 0 {
            member.confirms(&program, now, "c-1", "order-1").unwrap();
        }
        let standing = member.settled(&program, now).standing().unwrap();
        let told = |missing: &Missing<'_>| (missing.amounts[0].1, missing.by);
        let day = |day: Option<&str>| day.map(on);
        let row = |row: Option<(i64, Option<&str>)>| row.map(|(amount, by)| (amount, day(by)));
        assert_eq!(
            (
                standing.level.unwrap().id.as_str(),
                standing.until,
                standing.keep.as_ref().map(told),
                standing.next.as_ref().map(told)
            ),
            (tier, day(until), row(keep), row(next)),
            "{confirmed} confirmed, and {unconfirmed} not"
        );
    }
}

#[test]
fn a_lapse_takes_no_amount_of_another_purchase_where_a_later_version_counts_the_same_period_again() {
    for period in ["calendar_year", "membership_year", "lifetime"] {
        for (basis, silver, missing) in [("points", 50, 50), ("spend", 5_000, 5_000), ("visits", 1, 1)] {
            let tiers = |period: Value, silver: i64| {
                with_tiers(&json!({ "basis": basis, "period": period, "levels": levels(silver, silver * 100) }))
            };
            let first = program_of(&tiers(json!(period), silver * 10));
            // The second version drops what the first one counted, and the third one counts the same period again.
            let second = first.then(at("2026-11-21T08:00"), &tiers(json!({ "rolling_months": 1 }), silver * 10));
            let mut certain = tiers(json!(period), silver);
            certain["points"]["pending"] = json!("none");
            let third = second.then(at("2026-11-21T10:00"), &certain);

            let mut member = Member::joins(&first, "2026-01-10");
            member.earns(&first, "dropped", &purchase("2026-11-21T06:00", json!(5_000))).unwrap();
            member.reviewed(&second, at("2026-11-21T09:00"));
            let late = purchase("2026-11-21T07:00", json!(5_000));
            member.earns_at(&third, at("2026-11-21T12:00"), "late", &late).unwrap();
            let settled = member.settled(&third, at("2026-11-21T13:00"));
            let standing = settled.standing().unwrap();
            let keep = standing.keep.as_ref().map(|keep| keep.amounts[0].1);
            assert_eq!((standing.until, keep), (Some(on("2026-12-21")), Some(missing)), "{period} {basis}");

            let mut idle = member.clone();
            idle.reviewed(&third, at("2026-12-22"));
            assert_eq!(idle.tier(), Some("bronze"), "{period} {basis}");
            member.earns(&third, "kept", &purchase("2026-11-21T14:00", json!(5_000))).unwrap();
            member.reviewed(&third, at("2026-12-22"));
            assert_eq!(counts(&member.account), (Some("silver"), [50, 5_000, 1], (1, 5_000)), "{period} {basis}");
            member.assert_proven();
        }
    }
}

#[test]
fn an_accrual_that_lapsed_is_explained_as_giving_nothing() {
    let program = by_year();
    let mut member = Member::joins(&program, "2026-11-01");
    for key in ["lapses", "confirmed"] {
        member.earns(&program, key, &purchase("2026-11-21", json!(10_000))).unwrap();
    }
    member.confirms(&program, at("2026-11-25"), "c-1", "confirmed").unwrap();
    for (now, key, given, lapsed_on) in [
        ("2026-12-21T23:59", "lapses", 100, None),
        ("2026-12-22T00:00", "lapses", 0, Some("2026-12-22")),
        ("2027-06-01", "lapses", 0, Some("2026-12-22")),
        ("2027-06-01", "confirmed", 100, None),
    ] {
        let accrual = member.recorded(key);
        let explained = explain(&member.settled(&program, at(now)), &accrual).unwrap();
        let all: i64 = explained.breakdown.iter().map(|line| line.given.get()).sum();
        assert_eq!((all, explained.lapsed_on), (given, lapsed_on.map(on)), "{key} on {now}");
    }
}
