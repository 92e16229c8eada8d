//! Merges and tiers: no status is shortened, and returns of both accounts' purchases deduct what they gave.

use jiff::{Span, civil::Date};
use proptest::prelude::*;
use regulars_domain::{account::Account, settle::settle_unwritten};
use serde_json::{Value, json};

use crate::{
    club::Club,
    world::{Rulebook, at, on, program, purchase},
};

const LEVELS: [&str; 3] = ["bronze", "silver", "gold"];

/// A bronze, a silver at 100 and a gold at 1000 points, a point for each euro.
fn rules(period: &Value, downgrade: &str, grace_days: i64, silver_is_kept: bool) -> Rulebook {
    let mut silver = json!({ "id": "silver", "threshold": 100 });
    if silver_is_kept {
        silver["downgrade"] = json!("never");
    }
    program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
        "tiers": { "period": period, "downgrade": downgrade, "grace_days": grace_days, "levels": [
            { "id": "bronze", "threshold": 0 }, silver, { "id": "gold", "threshold": 1000 },
        ] },
    }))
}

/// Returns the level of a member on `day` without other events until then, and the last day for which it is certain.
fn told(program: &Rulebook, account: &Account, day: &str) -> (&'static str, Option<Date>) {
    let settled = settle_unwritten(program.versions(), account.clone(), at(day)).unwrap();
    let standing = settled.standing().unwrap();
    let level = standing.level.unwrap().id.as_str();
    (LEVELS.into_iter().find(|other| *other == level).unwrap(), standing.until)
}

fn rank(program: &Rulebook, account: &Account, day: Date) -> usize {
    let (level, _) = told(program, account, &day.to_string());
    LEVELS.iter().position(|other| *other == level).unwrap()
}

fn euro_on(day: &str, euro: i64) -> regulars_domain::occasion::Occasion {
    purchase(day, json!(euro * 100))
}

/// `x` and `y`, who joined on these days.
fn two(program: &Rulebook, x: &str, y: &str) -> Club {
    let mut club = Club::default();
    club.joins(program, x, "x", None, &[]);
    club.joins(program, y, "y", None, &[]);
    club
}

#[test]
fn a_status_lasts_at_least_as_long_as_that_of_either_card() {
    let year = json!("membership_year");
    // The downgrade, when y buys for 1000, when y is merged into x, and until when y's gold and that of both last.
    for (downgrade, bought_on, merged_on, of_y, of_both) in [
        ("to_qualified", "2027-12-20", "2028-01-10", Some("2029-06-30"), Some("2030-01-04")),
        ("to_qualified", "2027-08-20", "2027-12-10", Some("2029-06-30"), Some("2029-06-30")),
        ("to_qualified", "2027-08-20", "2028-07-10", Some("2029-06-30"), Some("2030-01-04")),
        ("one_level", "2027-08-20", "2027-12-10", Some("2029-06-30"), Some("2030-01-04")),
        ("never", "2027-08-20", "2027-12-10", None, None),
    ] {
        let program = rules(&year, downgrade, 0, false);
        let mut club = two(&program, "2027-01-05", "2027-07-01");
        club.earns(&program, "order", "y", &euro_on(bought_on, 1_000)).unwrap();
        club.earns(&program, "small", "y", &euro_on(bought_on, 50)).unwrap();
        let name = format!("{downgrade}, {bought_on}, {merged_on}");
        assert_eq!(told(&program, &club.get("y").account, merged_on), ("gold", of_y.map(on)), "{name}");
        club.merges(&program, merged_on, "merge", ("y", "x")).unwrap();
        assert_eq!(told(&program, &club.get("x").account, merged_on), ("gold", of_both.map(on)), "{name}");
        // A return that leaves enough for the level also leaves its date.
        club.reverses(&program, merged_on, "back", ("x", "y", "small"), None).unwrap();
        assert_eq!(told(&program, &club.get("x").account, merged_on), ("gold", of_both.map(on)), "{name}");
        club.assert_proven();
    }
}

#[test]
fn returns_of_what_the_old_card_bought_take_back_what_it_gave() {
    // The downgrade, when y buys for 1000, when y is merged into x, and when everything is returned.
    for period in [json!("membership_year"), json!("calendar_year"), json!({ "rolling_months": 12 }), json!("lifetime")]
    {
        for downgrade in ["to_qualified", "one_level", "never"] {
            for (bought_on, merged_on, returned_on) in [
                ("2027-12-20", "2028-01-10", "2028-01-10"),
                ("2027-12-20", "2028-01-10", "2028-02-10"),
                ("2027-08-20", "2027-12-10", "2028-01-03"),
                ("2027-08-20", "2027-12-10", "2028-01-10"),
                ("2027-12-20", "2027-12-31", "2028-01-10"),
            ] {
                for middle in [false, true] {
                    let program = rules(&period, downgrade, 10, false);
                    let mut club = two(&program, "2027-01-05", "2027-07-01");
                    club.joins(&program, "2027-03-15", "z", None, &[]);
                    club.earns(&program, "own", "x", &euro_on(bought_on, 150)).unwrap();
                    club.earns(&program, "order", "y", &euro_on(bought_on, 1_000)).unwrap();
                    if middle {
                        club.merges(&program, merged_on, "merge-z", ("y", "z")).unwrap();
                    }
                    let from = if middle { "z" } else { "y" };
                    club.merges(&program, merged_on, "merge", (from, "x")).unwrap();
                    let name = format!("{period} {downgrade}, {bought_on}, {merged_on}, {returned_on}");
                    assert_eq!(told(&program, &club.get("x").account, merged_on).0, "gold", "{name}");
                    club.reverses(&program, returned_on, "back", ("x", "y", "order"), None).unwrap();
                    // What x bought is x's still.
                    assert_eq!(told(&program, &club.get("x").account, returned_on).0, "silver", "{name}");
                    club.reverses(&program, returned_on, "back-2", ("x", "x", "own"), None).unwrap();
                    assert_eq!(told(&program, &club.get("x").account, returned_on), ("bronze", None), "{name}");
                    assert!(club.get("x").account.qualifying.values().all(|counted| counted.points == 0), "{name}");
                    club.assert_proven();
                }
            }
        }
    }
}

#[test]
fn a_level_that_is_kept_outlives_the_periods_of_both_cards() {
    let year = json!("membership_year");
    for (downgrade, silver_is_kept, levels) in [
        ("never", false, ["gold", "gold", "gold"]),
        ("one_level", false, ["silver", "silver", "bronze"]),
        ("to_qualified", true, ["silver", "silver", "silver"]),
        ("to_qualified", false, ["bronze", "bronze", "bronze"]),
    ] {
        let program = rules(&year, downgrade, 0, silver_is_kept);
        // The gold of y is from a period whose amounts are no longer known.
        let mut club = two(&program, "2027-01-05", "2027-07-01");
        club.earns(&program, "order", "y", &euro_on("2027-08-20", 1_000)).unwrap();
        club.merges(&program, "2029-08-01", "merge", ("y", "x")).unwrap();
        for (day, level) in ["2029-08-01", "2030-12-31", "2032-02-01"].into_iter().zip(levels) {
            assert_eq!(told(&program, &club.get("x").account, day).0, level, "{downgrade} on {day}");
        }
        club.assert_proven();
    }
}

#[test]
fn the_lower_of_two_overrides_holds_after_the_higher_one_ends() {
    for period in [json!("membership_year"), json!("calendar_year"), json!({ "rolling_months": 12 }), json!("lifetime")]
    {
        for downgrade in ["to_qualified", "one_level", "never"] {
            for (x, y) in [("gold", "silver"), ("silver", "gold")] {
                let program = rules(&period, downgrade, 10, false);
                let mut club = two(&program, "2027-01-05", "2027-07-01");
                for (id, tier) in [("x", x), ("y", y)] {
                    let until = if tier == "gold" { "2027-12-31" } else { "2028-06-30" };
                    assert!(club.get_mut(id).is_given(&program, at("2027-07-02"), tier, until));
                }
                club.merges(&program, "2027-08-01", "merge", ("y", "x")).unwrap();
                for (day, level) in [
                    ("2027-12-31", "gold"),
                    ("2028-01-01", "silver"),
                    ("2028-06-30", "silver"),
                    ("2028-07-01", "bronze"),
                ] {
                    assert_eq!(told(&program, &club.get("x").account, day).0, level, "{period} {downgrade} on {day}");
                }
                club.assert_proven();
            }
        }
    }
}

/// The events of one of two members: the number of days after the first, and the amount in euros; a negative number is
/// an override.
type Doings = Vec<(i32, i64)>;

fn doings() -> impl Strategy<Value = Doings> {
    prop::collection::vec((0..900_i32, prop_oneof![4 => 1..1_200_i64, 1 => -2..0_i64]), 0..6)
}

fn any_period() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!("membership_year")),
        1 => Just(json!("calendar_year")),
        1 => (1..24_i64).prop_map(|months| json!({ "rolling_months": months })),
        1 => Just(json!("lifetime")),
    ]
}

fn later(day: Date, days: i32) -> Date {
    day.checked_add(Span::new().days(days)).unwrap()
}

proptest! {
    #![proptest_config(crate::cases::cases(48))]

    #[test]
    fn no_merge_takes_a_level_away_on_any_day_to_come(
        (period, downgrade, grace, kept) in (any_period(), 0..3_usize, prop_oneof![Just(0), 1..60_i64], any::<bool>()),
        joined in 0..400_i32,
        doings in [doings(), doings()],
        merged_after in 900..1_000_i32,
    ) {
        let program = rules(&period, ["to_qualified", "one_level", "never"][downgrade], grace, kept);
        let first = on("2026-11-21");
        let mut club = two(&program, "2026-11-21", &later(first, joined).to_string());
        for (id, doings) in ["x", "y"].into_iter().zip(&doings) {
            let mut doings = doings.clone();
            doings.sort_unstable();
            for (n, (days, amount)) in doings.into_iter().enumerate() {
                let day = later(first, days.max(joined));
                if amount < 0 {
                    let tier = LEVELS[usize::try_from(-amount).unwrap()];
                    club.get_mut(id).is_given(&program, at(&day.to_string()), tier, &later(day, 300).to_string());
                } else {
                    club.earns(&program, &format!("{id}-{n}"), id, &euro_on(&day.to_string(), amount)).unwrap();
                }
            }
        }
        let merged_on = later(first, merged_after.max(joined));
        let before = [club.get("x").account.clone(), club.get("y").account.clone()];
        club.merges(&program, &merged_on.to_string(), "merge", ("y", "x")).unwrap();
        let merged = &club.get("x").account;
        for days in (0..1_600).step_by(41) {
            let day = later(merged_on, days);
            let of_cards = before.each_ref().map(|account| rank(&program, account, day));
            let of_both = rank(&program, merged, day);
            prop_assert!(of_both >= of_cards[0].max(of_cards[1]), "{of_both} instead of {of_cards:?} on {day}");
        }
        club.assert_proven();
    }
}
