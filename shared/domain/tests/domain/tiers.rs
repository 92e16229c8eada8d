//! Tiers, by hand over the years: what counts, when a level is reached, how long it stays, what is shown about it.

use regulars_domain::{account::TierOverride, entry::Kind, tier::Because};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, document, on, program_of, purchase};

/// Returns a program with a point per 10 cents, with bronze for all members and these `tiers`.
pub(crate) fn with_tiers(tiers: Value) -> Rulebook {
    program_of(&tiers_document(tiers))
}

/// The document of [`with_tiers`].
pub(crate) fn tiers_document(tiers: Value) -> Value {
    let mut all = json!({ "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 },
                                     { "id": "gold", "threshold": 200 }, { "id": "platinum", "threshold": 300 }] });
    let Value::Object(tiers) = tiers else { panic!("tiers have fields") };
    all.as_object_mut().unwrap().extend(tiers);
    document(json!({
        "points": { "backdating_days_max": 60 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } }],
        "tiers": all,
    }))
}

/// A step of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The account is read.
    Look,
    /// A purchase of a number of cents, now.
    Buy(i64),
    /// A purchase of a number of cents, made at noon of an earlier day.
    Late(&'static str, i64),
}

use Step::{Buy, Late, Look};

/// Asserts that a member who joined on 1 March 2026 has this tier after each step.
pub(crate) fn check(tiers: Value, steps: &[(&str, Step, &str)]) {
    let name = tiers.to_string();
    let program = with_tiers(tiers);
    let mut member = Member::joins(&program, "2026-03-01");
    for (n, (now, step, expected)) in steps.iter().enumerate() {
        let key = format!("order-{n}");
        match step {
            Look => drop(member.reviewed(&program, at(now))),
            Buy(cents) => drop(member.earns(&program, &key, &purchase(now, json!(cents))).unwrap()),
            Late(when, cents) => {
                drop(member.earns_at(&program, at(now), &key, &purchase(when, json!(cents))).unwrap());
            }
        }
        assert_eq!(member.tier(), Some(*expected), "{name}: {step:?} on {now}");
        let standing = member.settled(&program, at(now)).standing().unwrap();
        assert_eq!(standing.level.map(|level| level.id.as_str()), Some(*expected), "{name}: {step:?} on {now}");
    }
    member.assert_proven();
}

#[test]
fn a_level_comes_at_once_and_is_kept_through_the_next_year() {
    check(
        json!({}),
        &[
            ("2026-03-02", Buy(999), "bronze"),
            ("2026-06-01", Buy(10), "silver"),
            ("2026-12-31T23:59", Look, "silver"),
            ("2027-01-01T00:00", Look, "silver"),
            ("2027-06-01", Buy(2000), "gold"),
            ("2027-12-31T23:59", Look, "gold"),
            ("2028-06-01", Buy(1000), "gold"),
            ("2028-12-31T23:59", Look, "gold"),
            ("2029-01-01T00:00", Look, "silver"),
            ("2029-12-31T23:59", Look, "silver"),
            ("2030-01-01T00:00", Look, "bronze"),
        ],
    );
}

#[test]
fn who_reaches_nothing_falls_as_the_program_says() {
    let to_the_top = ("2026-03-02", Buy(3000), "platinum");
    check(
        json!({ "downgrade": "to_qualified" }),
        &[
            to_the_top,
            ("2027-12-31T23:59", Look, "platinum"),
            ("2028-01-01T00:00", Look, "bronze"),
            ("2030-01-01T00:00", Look, "bronze"),
        ],
    );
    check(
        json!({ "downgrade": "one_level" }),
        &[
            to_the_top,
            ("2027-12-31T23:59", Look, "platinum"),
            ("2028-01-01T00:00", Look, "gold"),
            ("2028-12-31T23:59", Look, "gold"),
            ("2029-01-01T00:00", Look, "silver"),
            ("2030-01-01T00:00", Look, "bronze"),
            ("2031-01-01T00:00", Look, "bronze"),
        ],
    );
    check(
        json!({ "downgrade": "never" }),
        &[to_the_top, ("2028-01-01T00:00", Look, "platinum"), ("2035-01-01T00:00", Look, "platinum")],
    );
    // By one level at most, and no more than needed.
    check(
        json!({ "downgrade": "one_level" }),
        &[
            to_the_top,
            ("2027-06-01", Buy(2000), "platinum"),
            ("2028-06-01", Buy(3000), "platinum"),
            ("2029-06-01", Look, "platinum"),
            ("2030-01-01", Look, "gold"),
        ],
    );
    // To the level reached, even if that is more than one level down.
    check(
        json!({ "downgrade": "to_qualified" }),
        &[
            to_the_top,
            ("2027-06-01", Buy(1000), "platinum"),
            ("2028-01-01", Look, "silver"),
            ("2029-01-01", Look, "bronze"),
        ],
    );
}

#[test]
fn days_of_grace_come_on_top() {
    check(
        json!({ "grace_days": 31 }),
        &[
            ("2026-03-02", Buy(3000), "platinum"),
            ("2027-06-01", Buy(1000), "platinum"),
            ("2028-01-31T23:59", Look, "platinum"),
            ("2028-02-01T00:00", Look, "silver"),
            ("2029-01-31T23:59", Look, "silver"),
            ("2029-02-01T00:00", Look, "bronze"),
        ],
    );
    // Purchases during the days of grace count for their own year.
    check(
        json!({ "grace_days": 31 }),
        &[
            ("2026-03-02", Buy(3000), "platinum"),
            ("2028-01-15", Buy(2000), "platinum"),
            ("2028-02-01T00:00", Look, "gold"),
            ("2029-12-31", Look, "gold"),
            ("2030-02-01T00:00", Look, "bronze"),
        ],
    );
    check(
        json!({ "grace_days": 31, "downgrade": "one_level" }),
        &[
            ("2026-03-02", Buy(3000), "platinum"),
            ("2028-01-31T23:59", Look, "platinum"),
            ("2028-02-01T00:00", Look, "gold"),
            ("2029-01-31T23:59", Look, "gold"),
            ("2029-02-01T00:00", Look, "silver"),
        ],
    );
}

#[test]
fn a_late_purchase_counts_in_the_year_in_which_it_was_made() {
    // In January, for December: silver of 2026 is silver through 2027, and does not count toward 2027's own levels.
    check(
        json!({}),
        &[
            ("2026-12-20", Buy(900), "bronze"),
            ("2027-01-10", Late("2026-12-30", 100), "silver"),
            ("2027-06-01", Buy(900), "silver"),
            ("2027-12-31T23:59", Look, "silver"),
            ("2028-01-01T00:00", Look, "bronze"),
        ],
    );
    // It raises the level that was already secured.
    check(
        json!({}),
        &[
            ("2026-12-20", Buy(1000), "silver"),
            ("2027-01-10", Late("2026-12-30", 1000), "gold"),
            ("2027-12-31T23:59", Look, "gold"),
            ("2028-01-01T00:00", Look, "bronze"),
        ],
    );
    // It never lowers it.
    check(
        json!({ "downgrade": "one_level" }),
        &[
            ("2026-12-20", Buy(3000), "platinum"),
            ("2028-01-10", Look, "gold"),
            ("2028-01-10", Late("2027-12-30", 1000), "gold"),
            ("2028-12-31T23:59", Look, "gold"),
            ("2029-01-01T00:00", Look, "silver"),
        ],
    );
}

#[test]
fn a_membership_year_counts_from_the_day_of_joining() {
    check(
        json!({ "period": "membership_year" }),
        &[
            ("2026-12-01", Buy(500), "bronze"),
            ("2027-02-28", Buy(500), "silver"),
            ("2028-02-29T23:59", Look, "silver"),
            ("2028-03-01T00:00", Look, "bronze"),
        ],
    );
    check(
        json!({ "period": "membership_year" }),
        &[
            ("2027-02-28", Buy(500), "bronze"),
            ("2027-03-01", Buy(500), "bronze"),
            ("2027-03-02", Late("2027-02-28", 500), "silver"),
            ("2028-02-29T23:59", Look, "silver"),
            ("2028-03-01T00:00", Look, "bronze"),
        ],
    );
}

#[test]
fn a_lifetime_never_ends() {
    check(
        json!({ "period": "lifetime" }),
        &[
            ("2026-03-02", Buy(500), "bronze"),
            ("2029-03-02", Buy(500), "silver"),
            ("2039-03-02", Late("2039-02-02", 1000), "gold"),
            ("2056-01-01", Look, "gold"),
        ],
    );
}

#[test]
fn what_counts_is_points_money_or_visits_or_several_of_them() {
    let levels = |silver: Value| json!([{ "id": "bronze", "threshold": zero(&silver) }, { "id": "silver", "threshold": silver }]);
    let check_basis = |basis: Value, silver: Value, steps: &[(&str, Step, &str)]| {
        check(json!({ "basis": basis, "levels": levels(silver) }), steps);
    };
    // Nine cents give no point.
    let mite = ("2026-03-02", Buy(9), "bronze");
    check_basis(
        json!("points"),
        json!(2),
        &[mite, ("2026-03-03", Buy(19), "bronze"), ("2026-03-04", Buy(10), "silver")],
    );
    check_basis(json!("spend"), json!(19), &[mite, ("2026-03-03", Buy(9), "bronze"), ("2026-03-04", Buy(1), "silver")]);
    check_basis(
        json!("visits"),
        json!(3),
        &[mite, ("2026-03-03", Buy(5000), "bronze"), ("2026-03-04", Buy(0), "silver")],
    );
    let either = json!({ "any": ["points", "visits"] });
    let both = json!({ "all": ["spend", "visits"] });
    check_basis(either.clone(), json!({ "points": 10, "visits": 3 }), &[mite, ("2026-03-03", Buy(100), "silver")]);
    check_basis(either, json!({ "points": 10, "visits": 3 }), &[mite, mite, ("2026-03-03", Buy(9), "silver")]);
    check_basis(
        both.clone(),
        json!({ "spend": 100, "visits": 3 }),
        &[mite, ("2026-03-03", Buy(100), "bronze"), ("2026-03-04", Buy(0), "silver")],
    );
    check_basis(both, json!({ "spend": 100, "visits": 2 }), &[mite, mite, mite, ("2026-03-03", Buy(73), "silver")]);
}

/// No threshold, in the shape of `like`.
fn zero(like: &Value) -> Value {
    match like {
        Value::Object(fields) => fields.keys().map(|unit| (unit.clone(), json!(0))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => json!(0),
    }
}

#[test]
fn a_lowest_level_that_asks_for_something_is_not_everybodys() {
    let program =
        with_tiers(json!({ "levels": [{ "id": "silver", "threshold": 100 }, { "id": "gold", "threshold": 200 }] }));
    let mut member = Member::joins(&program, "2026-03-01");
    assert_eq!(member.tier(), None);
    let standing = member.settled(&program, at("2026-03-02")).standing().unwrap();
    assert_eq!(
        (standing.level, standing.next.map(|next| next.level.id.to_string())),
        (None, Some("silver".to_owned()))
    );
    member.earns(&program, "order-1", &purchase("2026-03-02", json!(1000))).unwrap();
    assert_eq!(member.tier(), Some("silver"));
    let entries = member.reviewed(&program, at("2028-01-01"));
    let change = entries[0].effects.tier_change.clone().unwrap();
    assert_eq!((change.from.unwrap().as_str(), change.to), ("silver", None));
}

/// What is shown: because, until, the next level with what is missing and by when, and what is missing to keep this one
/// and from when to when.
pub(crate) type Told<'a> =
    (Because, Option<&'a str>, Option<(&'a str, i64, Option<&'a str>)>, Option<(i64, &'a str, &'a str)>);

pub(crate) fn check_standing(program: &Rulebook, member: &mut Member, now: &str, expected: Told<'_>) {
    let settled = member.settled(program, at(now));
    let standing = settled.standing().unwrap();
    let until = standing.until.map(|day| day.to_string());
    let next = standing.next.map(|next| {
        assert_eq!(next.amounts.len(), 1);
        (next.level.id.to_string(), next.amounts[0].1, next.by.map(|day| day.to_string()))
    });
    let keep = standing.keep.map(|keep| {
        assert_eq!(Some(keep.level), standing.level);
        (keep.amounts[0].1, keep.from.to_string(), keep.by.unwrap().to_string())
    });
    let found = (
        standing.because,
        until.as_deref(),
        next.as_ref().map(|(id, missing, by)| (id.as_str(), *missing, by.as_deref())),
        keep.as_ref().map(|(missing, from, by)| (*missing, from.as_str(), by.as_str())),
    );
    assert_eq!(found, expected, "on {now}");
}

#[test]
fn the_answer_explains_itself() {
    use Because::{Override, Qualified, Secured};

    let program = with_tiers(json!({ "grace_days": 31 }));
    let mut member = Member::joins(&program, "2026-03-01");
    let buy = |member: &mut Member, when: &str, cents: i64| {
        member.earns(&program, &format!("order-{when}"), &purchase(when, json!(cents))).unwrap();
    };
    // The level without a threshold does not end.
    check_standing(
        &program,
        &mut member,
        "2026-03-01",
        (Qualified, None, Some(("silver", 100, Some("2026-12-31"))), None),
    );
    buy(&mut member, "2026-04-01", 1500);
    // What 2026 reached lasts through 2027 and its grace.
    let told = (Qualified, Some("2028-01-31"), Some(("gold", 50, Some("2026-12-31"))), None);
    check_standing(&program, &mut member, "2026-12-31T23:59", told);
    // From January on it must be reached again.
    let told =
        (Secured, Some("2028-01-31"), Some(("gold", 200, Some("2027-12-31"))), Some((100, "2027-01-01", "2027-12-31")));
    check_standing(&program, &mut member, "2027-01-01T00:00", told);
    buy(&mut member, "2027-05-01", 990);
    let told =
        (Secured, Some("2028-01-31"), Some(("gold", 101, Some("2027-12-31"))), Some((1, "2027-05-02", "2027-12-31")));
    check_standing(&program, &mut member, "2027-05-02", told);
    // Reached again: nothing is missing, and the level lasts a year longer.
    buy(&mut member, "2027-06-01", 10);
    let told = (Qualified, Some("2029-01-31"), Some(("gold", 100, Some("2027-12-31"))), None);
    check_standing(&program, &mut member, "2027-06-02", told);
    // During the days of grace two years have reached the same level: the one that lasts longer is shown.
    for today in ["2028-01-15", "2028-02-01"] {
        let keep = Some((100, today, "2028-12-31"));
        let told = (Secured, Some("2029-01-31"), Some(("gold", 200, Some("2028-12-31"))), keep);
        check_standing(&program, &mut member, today, told);
    }
    // The last days: only grace is left, and what is reached in it keeps the level.
    let told =
        (Secured, Some("2029-01-31"), Some(("gold", 200, Some("2029-12-31"))), Some((100, "2029-01-20", "2029-01-31")));
    check_standing(&program, &mut member, "2029-01-20", told);

    let given =
        TierOverride { tier: "platinum".parse().unwrap(), until: on("2029-06-30"), reason: "c-1".parse().unwrap() };
    member.account.tier_override = Some(given);
    // A level from an override can be earned until then.
    for (now, today) in [("2029-01-20", "2029-01-20"), ("2029-06-30T23:59", "2029-06-30")] {
        let told = (Override, Some("2029-06-30"), None, Some((300, today, "2029-06-30")));
        check_standing(&program, &mut member, now, told);
    }
    let told = (Qualified, None, Some(("silver", 100, Some("2029-12-31"))), None);
    check_standing(&program, &mut member, "2029-07-01T00:00", told);
}

#[test]
fn a_level_that_never_falls_needs_nothing_to_be_kept() {
    use Because::{Qualified, Secured};

    let program = with_tiers(json!({ "downgrade": "never" }));
    let mut member = Member::joins(&program, "2026-03-01");
    member.earns(&program, "order-1", &purchase("2026-04-01", json!(1000))).unwrap();
    check_standing(
        &program,
        &mut member,
        "2026-05-01",
        (Qualified, None, Some(("gold", 100, Some("2026-12-31"))), None),
    );
    check_standing(&program, &mut member, "2027-05-01", (Secured, None, Some(("gold", 200, Some("2027-12-31"))), None));

    let program = with_tiers(json!({ "period": "lifetime" }));
    let mut member = Member::joins(&program, "2026-03-01");
    member.earns(&program, "order-1", &purchase("2026-04-01", json!(1000))).unwrap();
    check_standing(&program, &mut member, "2027-05-01", (Qualified, None, Some(("gold", 100, None)), None));
}

#[test]
fn missing_amounts_are_shown_for_each_basis() {
    for (basis, bought, expected) in [
        (json!({ "any": ["points", "visits"] }), 50, vec![("points", 95), ("visits", 2)]),
        (json!({ "all": ["visits", "spend"] }), 50, vec![("visits", 2), ("spend", 950)]),
        (json!({ "all": ["visits", "spend"] }), 5000, vec![("visits", 2), ("spend", 0)]),
    ] {
        let threshold = json!({ "points": 100, "visits": 3, "spend": 1000 });
        let units = basis.as_object().unwrap().values().next().unwrap().as_array().unwrap().clone();
        let of = |value: &dyn Fn(&str) -> Value| -> Value {
            units.iter().map(|unit| (unit.as_str().unwrap().to_owned(), value(unit.as_str().unwrap()))).collect()
        };
        let levels = json!([{ "id": "bronze", "threshold": of(&|_| json!(0)) },
                            { "id": "silver", "threshold": of(&|unit| threshold[unit].clone()) }]);
        let program = with_tiers(json!({ "basis": basis, "levels": levels }));
        let mut member = Member::joins(&program, "2026-03-01");
        member.earns(&program, "order-1", &purchase("2026-04-01", json!(bought))).unwrap();
        let settled = member.settled(&program, at("2026-04-02"));
        let missing = settled.standing().unwrap().next.unwrap().amounts;
        assert_eq!(missing.iter().map(|(unit, missing)| (unit.name(), *missing)).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_override_lifts_and_never_lowers() {
    for (level, tier) in [("platinum", "platinum"), ("silver", "gold"), ("bronze", "gold"), ("no-longer-there", "gold")]
    {
        let program = with_tiers(json!({}));
        let mut member = Member::joins(&program, "2026-03-01");
        member.earns(&program, "order-1", &purchase("2026-04-01", json!(2000))).unwrap();
        if level == "no-longer-there" {
            let (tier, until) = (level.parse().unwrap(), on("2026-06-30"));
            member.account.tier_override = Some(TierOverride { tier, until, reason: "c-1".parse().unwrap() });
        } else {
            member.is_given(&program, at("2026-05-01"), level, "2026-06-30");
        }
        member.reviewed(&program, at("2026-06-30T23:59"));
        assert_eq!(member.tier(), Some(tier), "{level}");
        let settled = member.settled(&program, at("2026-07-01T00:00"));
        assert_eq!(settled.account().tier_override, None, "{level}");
        assert_eq!(settled.account().tier.as_ref().map(regulars_domain::id::LevelId::as_str), Some("gold"), "{level}");
    }
}

#[test]
fn an_override_holds_through_its_last_day_regardless_of_other_events() {
    let program = with_tiers(json!({}));
    let mut member = Member::joins(&program, "2026-03-01");
    let given = TierOverride { tier: "gold".parse().unwrap(), until: on("2026-06-30"), reason: "c-1".parse().unwrap() };
    member.account.tier_override = Some(given.clone());
    member.account.lots = crate::world::lots(&[("2026-06-29", 5), ("never", 1)]);
    assert_eq!(member.reviewed(&program, at("2026-06-30T23:59")).len(), 2);
    assert_eq!(member.tier(), Some("gold"));
    assert_eq!(member.reviewed(&program, at("2026-07-01T00:00")).len(), 1);
    assert_eq!(member.tier(), Some("bronze"));
    // An override that had ended when it was set never holds.
    member.account.tier_override = Some(given);
    assert_eq!(member.reviewed(&program, at("2026-07-02")), []);
    assert_eq!(member.tier(), Some("bronze"));
}

#[test]
fn a_change_of_tier_by_time_is_an_entry_of_the_day_that_brought_it() {
    let program = with_tiers(json!({ "grace_days": 10 }));
    let mut member = Member::joins(&program, "2026-03-01");
    member.earns(&program, "order-1", &purchase("2026-04-01", json!(2000))).unwrap();
    assert_eq!(member.account.review_on, Some(on("2028-01-11")));
    assert_eq!(member.reviewed(&program, at("2028-01-10T23:59")), []);
    let entries = member.reviewed(&program, at("2028-01-11T00:00"));
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].kind(), entries[0].id.as_str()), (Kind::TierChange, "~tier~2028-01-11"));
    assert_eq!(entries[0].occurred_at, at("2028-01-11T00:00"));
    let change = entries[0].effects.tier_change.clone().unwrap();
    assert_eq!((change.from.unwrap().as_str(), change.to.unwrap().as_str()), ("gold", "bronze"));
}

#[test]
fn a_purchase_as_late_as_any_program_allows_counts_in_this_year_or_the_last() {
    // On New Year's Day the first day of the year before last is just outside the limit.
    let document = |days: i64| document(json!({ "points": { "backdating_days_max": days } }));
    assert!(regulars_domain::program::Program::read(&document(366), 1).is_err());
    let mut document = document(365);
    document["earning_rules"] =
        json!([{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } }]);
    document["tiers"] = json!({ "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }] });
    let program = program_of(&document);
    let mut member = Member::joins(&program, "2024-01-01");
    let refused = member.earns_at(&program, at("2027-01-01"), "order-1", &purchase("2025-12-31T23:59", json!(1000)));
    assert!(refused.is_err());
    member.earns_at(&program, at("2027-01-01"), "order-1", &purchase("2026-01-01T00:00", json!(1000))).unwrap();
    assert_eq!(member.tier(), Some("silver"));
    member.reviewed(&program, at("2028-01-01"));
    assert_eq!(member.tier(), Some("bronze"));
}
