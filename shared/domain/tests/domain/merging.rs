//! Merges: everything of one member moves to another, and nothing is given twice.

use std::collections::BTreeMap;

use regulars_domain::{
    account::{AttributeValue, Inactive, Secured, Status, TierOverride},
    calendar::{Every, Interval},
    cap_use::CapOwner,
    entry::Kind,
    merge::{MERGES_MAX, MergeRefusal, PLANS_MAX},
    names::ALIASES_MAX,
    points::Points,
    qualifying::Qualifying,
    steps::Steps,
};
use serde_json::json;

use crate::{
    club::{Club, member_id},
    world::{Rulebook, at, changes, euro, knows_use, lots, lots_of, on, plan_term, program, purchase},
};

const NOW: &str = "2026-11-21";

/// The refusals of a merge, in their order.
pub(crate) const GROUNDS: [&str; 8] = [
    "Inactive",
    "OtherInactive",
    "HoldsOpen",
    "TooManyMerges",
    "TooManyAliases",
    "TooManyAttributes",
    "TooManyPlans",
    "PointsOverflow",
];

fn rules() -> Rulebook {
    program(json!({
        "points": { "expiry": { "after_months": 12 } },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } },
            { "id": "tenth", "on": { "activity": "run" },
              "give": { "challenge": { "times": 10, "within_days": 90, "points": 50 } } },
        ],
        "tiers": { "period": "calendar_year", "levels": [
            { "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 300 }, { "id": "gold", "threshold": 1000 },
        ] },
        "rewards": [{ "id": "coffee", "name": "Coffee", "kind": "product", "cost": { "points": 10 }, "hold_seconds_max": 900,
                       "limit": { "times": 9, "every": "year" } }],
    }))
}

#[test]
fn points_keep_their_dates_and_the_higher_tier_stays() {
    let program = rules();
    let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
    club.earns(&program, "order-1", "m-1", &purchase("2026-11-10", json!(4000))).unwrap();
    club.earns(&program, "order-1", "m-2", &purchase("2026-11-10", json!(1000))).unwrap();
    assert_eq!(club.get("m-1").account.tier.as_ref().unwrap().as_str(), "silver");
    let [out, into] = club.merges(&program, NOW, "merge-1", ("m-1", "m-2")).unwrap();
    assert_eq!((out.kind(), changes(&out)), (Kind::MergeOut, [-400, 0, -400, 0, 0]));
    assert_eq!((into.kind(), changes(&into)), (Kind::MergeIn, [400, 0, 400, 0, 0]));
    assert_eq!(into.effects.tier_change.unwrap().to.unwrap().as_str(), "silver");
    assert_eq!(out.effects.tier_change.unwrap().to.unwrap().as_str(), "bronze");
    let (source, target) = (&club.get("m-1").account, &club.get("m-2").account);
    assert_eq!(source.status, Status::Merged { into: member_id("m-2") });
    assert_eq!((source.total(), target.merged_from.as_slice()), (Points::ZERO, [member_id("m-1")].as_slice()));
    assert_eq!(lots_of(target), [("2027-11-30".to_owned(), 500)]);
    assert_eq!(target.qualifying[&on("2026-01-01")].points, 500, "what counted for each counts for the one");
    club.assert_proven();
}

#[test]
fn everything_besides_points_is_added_up_kept_or_taken_over() {
    let program = rules();
    let mut club = Club::default();
    club.joins(&program, "2026-11-01", "m-1", Some("m-9"), &["a", "b"]);
    club.joins(&program, "2026-11-01", "m-2", None, &["c"]);
    let coffee = CapOwner::Reward("coffee".parse().unwrap());
    let year = Interval::of(Every::Year, on("2026-01-01"));
    for (id, used, tier, city) in [("m-1", 2, "gold", "Izmir"), ("m-2", 3, "silver", "Van")] {
        let account = &mut club.get_mut(id).account;
        account.cap_use = [(coffee.clone(), BTreeMap::from([(year, used)]))].into_iter().collect();
        let days = vec![on("2026-11-10"), on(if id == "m-1" { "2026-11-09" } else { "2026-11-11" })];
        account.steps = [("tenth".parse().unwrap(), Steps { count: -used, days, is_done: false })].into();
        account.tier_override =
            Some(TierOverride { tier: tier.parse().unwrap(), until: on("2026-12-31"), reason: city.parse().unwrap() });
        account.secured = vec![Secured { tier: tier.parse().unwrap(), through: on("2026-12-31") }];
    }
    let posting = regulars_domain::merge::merge(
        club.settled(&program, at(NOW), "m-1"),
        club.settled(&program, at(NOW), "m-2"),
        &crate::world::request("merge-1"),
    )
    .unwrap();
    assert_eq!(posting.claims.len(), 2);
    for claim in &posting.claims {
        assert_eq!((&claim.member, &claim.from), (&member_id("m-2"), &Some(member_id("m-1"))));
    }
    club.commit(posting);
    let (source, target) = (&club.get("m-1").account, &club.get("m-2").account);
    assert!(source.aliases.is_empty() && !knows_use(source) && source.steps.is_empty());
    assert!(source.secured.is_empty() && source.tier_override.is_none() && source.qualifying.is_empty());
    assert_eq!(target.aliases.len(), 3);
    let days = ["2026-11-09", "2026-11-10", "2026-11-10", "2026-11-11"].map(on).to_vec();
    assert_eq!(target.steps.values().collect::<Vec<_>>(), [&Steps { count: -5, days, is_done: false }]);
    assert_eq!(target.cap_use.of(&coffee, year), 5);
    assert_eq!(target.referral.as_ref().unwrap().by, member_id("m-9"));
    assert_eq!(target.tier_override.as_ref().unwrap().reason.as_str(), "Izmir");
    assert_eq!(target.secured, [Secured { tier: "gold".parse().unwrap(), through: on("2026-12-31") }]);
}

#[test]
fn of_two_who_are_one_neither_has_brought_the_other() {
    let program = rules();
    for (first, second) in [("m-1", "m-2"), ("m-2", "m-1")] {
        let mut club = Club::of(&program, NOW, &["m-1"]);
        club.joins(&program, NOW, "m-2", Some("m-1"), &[]);
        club.merges(&program, NOW, "merge-1", (first, second)).unwrap();
        assert_eq!(club.get(second).account.referral, None);
    }
}

#[test]
fn a_debt_is_paid_by_whichever_of_the_two_has_points() {
    let program = rules();
    for (debtor, points, expected) in
        [("m-1", 70, [0, 40, 0, 0]), ("m-2", 70, [0, 40, 0, 0]), ("m-1", 20, [0, 0, 0, 10])]
    {
        let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
        club.get_mut(debtor).account.owed = Points::new(30);
        let other = if debtor == "m-1" { "m-2" } else { "m-1" };
        club.get_mut(other).account.lots = lots(&[("2026-12-31", points)]);
        club.merges(&program, NOW, "merge-1", ("m-1", "m-2")).unwrap();
        assert_eq!((club.balances("m-1"), club.balances("m-2")), ([0; 4], expected), "{debtor} owes");
    }
}

#[test]
fn a_refund_of_an_old_accounts_purchase_is_deducted_from_the_new_one() {
    let program = rules();
    let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2", "m-3"]);
    club.earns(&program, "order-1", "m-1", &purchase("2026-11-10", json!(4000))).unwrap();
    club.merges(&program, NOW, "merge-1", ("m-1", "m-2")).unwrap();
    club.merges(&program, NOW, "merge-2", ("m-2", "m-3")).unwrap();
    assert_eq!(club.get("m-3").account.merged_from, [member_id("m-2"), member_id("m-1")]);
    let entry = club.reverses(&program, NOW, "refund-1", ("m-3", "m-1", "order-1"), Some(euro(1000))).unwrap();
    assert_eq!((changes(&entry), club.balances("m-3")), ([-100, 0, -100, 0, 0], [0, 300, 0, 0]));
    assert_eq!(club.get("m-3").account.qualifying[&on("2026-01-01")].points, 300);
    let again = club.reverses(&program, NOW, "refund-2", ("m-3", "m-1", "order-1"), Some(euro(1000))).unwrap();
    assert_eq!(changes(&again), [0; 5]);
    club.assert_proven();
}

#[test]
fn where_years_begin_on_the_day_of_joining_what_counts_now_counts_now() {
    let program =
        program(json!({ "tiers": { "period": "membership_year", "levels": [{ "id": "bronze", "threshold": 0 }] } }));
    let mut club = Club::of(&program, "2025-03-10", &["m-1"]);
    club.joins(&program, "2025-09-01", "m-2", None, &[]);
    let counts = |points| Qualifying { points, spend: 0, visits: 0 };
    let account = &mut club.get_mut("m-1").account;
    account.qualifying = [(on("2025-03-10"), counts(5)), (on("2026-03-10"), counts(7))].into();
    account.settled_on = on(NOW);
    club.get_mut("m-2").account.settled_on = on(NOW);
    club.merges(&program, NOW, "merge-1", ("m-1", "m-2")).unwrap();
    let expected = [(on("2025-09-01"), counts(5)), (on("2026-09-01"), counts(7))];
    assert_eq!(club.get("m-2").account.qualifying, BTreeMap::from(expected));
}

#[test]
fn the_first_of_several_reasons_to_refuse_a_merge_is_returned() {
    let program = rules();
    let grounds = GROUNDS;
    for subset in 0..128_u32 {
        let has = |ground: &str| subset & (1 << grounds.iter().position(|one| *one == ground).unwrap()) != 0;
        let mut club = Club::of(&program, NOW, &["m-1", "m-2"]);
        club.get_mut("m-1").account.lots = lots(&[("never", 10)]);
        if has("HoldsOpen") {
            club.get_mut("m-1").holds(&program, NOW, "r-1", "coffee", 900).unwrap();
        }
        let (from, into) = ("m-1", "m-2");
        if has("Inactive") {
            club.get_mut(from).account.status = Status::Merged { into: member_id("m-3") };
        }
        if has("OtherInactive") {
            club.get_mut(into).account.status = Status::Closed;
        }
        if has("TooManyMerges") {
            club.get_mut(into).account.merged_from = vec![member_id("m-9"); MERGES_MAX];
        }
        if has("TooManyAliases") {
            let alias = regulars_domain::account::Alias { kind: "card".to_owned(), hash: [7; 16] };
            club.get_mut(from).account.aliases = vec![alias; ALIASES_MAX + 1];
        }
        if has("TooManyAttributes") {
            // Each has room for its own, and nothing of either is lost silently.
            for (who, first) in [(from, 0), (into, 20)] {
                let own = (first..first + 20)
                    .map(|number| (format!("a{number}").parse().unwrap(), AttributeValue::Boolean(true)));
                club.get_mut(who).account.attributes = own.collect();
            }
        }
        // The maximum number of terms, and one more.
        let term = plan_term("plus", NOW, "2026-12-20");
        club.get_mut(from).account.plans = vec![term.clone(); PLANS_MAX];
        if has("TooManyPlans") {
            club.get_mut(into).account.plans = vec![term];
        }
        if has("PointsOverflow") {
            club.get_mut(into).account.lots = lots(&[("never", Points::MAX.get() - 9)]);
        }
        let told = club.merges(&program, NOW, "merge-1", (from, into)).err().map(|refusal| match refusal {
            MergeRefusal::Inactive(inactive) => {
                assert!(matches!(inactive, Inactive::Merged { .. }));
                "Inactive"
            }
            MergeRefusal::OtherInactive(inactive) => {
                assert_eq!(inactive, Inactive::Closed);
                "OtherInactive"
            }
            MergeRefusal::HoldsOpen { holds } => {
                assert_eq!(holds, 1);
                "HoldsOpen"
            }
            MergeRefusal::TooManyMerges => "TooManyMerges",
            MergeRefusal::TooManyAliases => "TooManyAliases",
            MergeRefusal::TooManyAttributes => "TooManyAttributes",
            MergeRefusal::TooManyPlans => "TooManyPlans",
            MergeRefusal::PointsOverflow => "PointsOverflow",
        });
        assert_eq!(told, grounds.into_iter().find(|ground| has(ground)));
    }
}
