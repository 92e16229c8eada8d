//! Tier overrides: set until a date, and removed.

use regulars_domain::{
    account::{Inactive, TierOverride},
    entry::{By, Entry, Kind, Record},
    tier_override::{OverrideRefusal, give_tier, take_tier},
};
use serde_json::json;

use crate::{
    tiers::{tiers_document, with_tiers},
    world::{Member, Rulebook, at, on, purchase},
};

fn given(tier: &str, until: &str, reason: &str) -> TierOverride {
    TierOverride { tier: tier.parse().unwrap(), until: on(until), reason: reason.parse().unwrap() }
}

/// Sets an override, and returns the new entries.
fn gives(
    member: &mut Member,
    program: &Rulebook,
    now: &str,
    given: &TierOverride,
) -> Result<Vec<Entry>, OverrideRefusal> {
    let settled = member.settled(program, at(now));
    let before = member.ledger.len();
    if let Some(posting) = give_tier(settled, given, None)? {
        member.commit(posting);
    }
    Ok(member.ledger[before..].iter().map(|sealed| sealed.entry.clone()).collect())
}

/// Removes it, and returns the new entries.
fn takes(member: &mut Member, program: &Rulebook, now: &str) -> Result<Vec<Entry>, Inactive> {
    let settled = member.settled(program, at(now));
    let before = member.ledger.len();
    if let Some(posting) = take_tier(settled, None)? {
        member.commit(posting);
    }
    Ok(member.ledger[before..].iter().map(|sealed| sealed.entry.clone()).collect())
}

/// Asserts that one entry of the engine records this change of tier.
fn check_change(entries: &[Entry], from_to: (&str, &str)) {
    let [entry] = entries else { panic!("one entry, not {entries:?}") };
    assert_eq!((entry.kind(), entry.by), (Kind::TierChange, By::Engine));
    check_tiers(entry, from_to);
}

fn check_tiers(entry: &Entry, from_to: (&str, &str)) {
    let change = entry.effects.tier_change.clone().unwrap();
    assert_eq!((change.from.unwrap().as_str(), change.to.unwrap().as_str()), from_to);
}

/// Asserts that the entry records this override, or with `None` its removal.
fn check_override(entry: &Entry, given: Option<&TierOverride>) {
    let Record::TierOverride(overridden) = &entry.record else { panic!("no override: {entry:?}") };
    assert_eq!((overridden.given.as_ref(), entry.by), (given, By::Operator));
    assert!(given.is_some() || overridden.before.is_some(), "{entry:?} took back nothing");
}

/// Asserts that two entries record an override, or its removal, and this change of tier.
fn check_given(entries: &[Entry], from_to: (&str, &str), given: Option<&TierOverride>) {
    let [done, changed] = entries else { panic!("two entries, not {entries:?}") };
    check_override(done, given);
    assert_eq!(done.id.to_string(), format!("~override~{}", done.seq));
    check_tiers(done, from_to);
    check_change(std::slice::from_ref(changed), from_to);
    assert_eq!(changed.id.to_string(), format!("~tier~by~{}", done.id));
    assert_eq!(changed.refers_to.as_ref(), Some(&done.id));
}

/// Asserts that one entry records an override, or its removal, without a change of tier.
fn check_no_change(entries: &[Entry], given: Option<&TierOverride>) {
    let [entry] = entries else { panic!("one entry, not {entries:?}") };
    check_override(entry, given);
    assert_eq!(entry.effects.tier_change, None);
}

#[test]
fn a_tier_that_is_given_holds_to_its_last_day_and_the_ledger_says_why() {
    for period in [json!("calendar_year"), json!({ "rolling_months": 12 })] {
        let program = with_tiers(json!({ "period": period }));
        let mut member = Member::joins(&program, "2026-03-01");
        let entries =
            gives(&mut member, &program, "2026-04-01", &given("gold", "2027-06-30", "complaint-4711")).unwrap();
        check_given(&entries, ("bronze", "gold"), Some(&given("gold", "2027-06-30", "complaint-4711")));
        assert_eq!(member.account.review_on, Some(on("2027-07-01")));
        assert_eq!(member.reviewed(&program, at("2027-06-30T23:59")), []);
        let entries = member.reviewed(&program, at("2027-07-01T00:00"));
        check_change(&entries, ("gold", "bronze"));
        member.assert_proven();
    }
}

#[test]
fn repeating_an_override_changes_nothing_and_another_one_replaces_it() {
    let program = with_tiers(json!({}));
    let mut member = Member::joins(&program, "2026-03-01");
    let gold = given("gold", "2027-06-30", "c-1");
    gives(&mut member, &program, "2026-04-01", &gold).unwrap();
    let version = member.account.version;
    assert_eq!(gives(&mut member, &program, "2026-04-02", &gold).unwrap(), []);
    assert_eq!(member.account.version, version);
    // Longer: the account changes, the tier does not.
    let longer = given("gold", "2027-12-31", "c-2");
    check_no_change(&gives(&mut member, &program, "2026-04-02", &longer).unwrap(), Some(&longer));
    assert_eq!(member.account.review_on, Some(on("2028-01-01")));
    let entries = gives(&mut member, &program, "2026-04-02", &given("silver", "2027-12-31", "c-3")).unwrap();
    check_given(&entries, ("gold", "silver"), Some(&given("silver", "2027-12-31", "c-3")));
    // Set and removed on one day: each has its own position in the ledger.
    let entries = gives(&mut member, &program, "2026-04-02", &gold).unwrap();
    check_given(&entries, ("silver", "gold"), Some(&gold));
    member.assert_proven();
}

#[test]
fn a_removed_override_leaves_what_the_member_earned() {
    let program = with_tiers(json!({}));
    let mut member = Member::joins(&program, "2026-03-01");
    assert_eq!(takes(&mut member, &program, "2026-03-02").unwrap(), [], "there is none");
    gives(&mut member, &program, "2026-04-01", &given("platinum", "2027-06-30", "c-1")).unwrap();
    member.earns(&program, "order-1", &purchase("2026-04-02", json!(1000))).unwrap();
    let entries = takes(&mut member, &program, "2026-04-03").unwrap();
    check_given(&entries, ("platinum", "silver"), None);
    assert_eq!((member.account.tier_override.clone(), member.account.review_on), (None, Some(on("2028-01-01"))));
    // If an override made no difference, its end makes none.
    let silver = given("silver", "2027-06-30", "c-2");
    check_no_change(&gives(&mut member, &program, "2026-04-03", &silver).unwrap(), Some(&silver));
    check_no_change(&takes(&mut member, &program, "2026-04-03").unwrap(), None);
    assert_eq!(member.account.tier_override, None);
    member.assert_proven();
}

#[test]
fn what_was_given_is_gone_with_its_level() {
    let program = with_tiers(json!({}));
    let mut member = Member::joins(&program, "2026-03-01");
    gives(&mut member, &program, "2026-04-01", &given("gold", "2027-06-30", "c-1")).unwrap();
    let levels = json!([{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }]);
    let without = program.then(at("2026-05-01"), &tiers_document(json!({ "levels": levels })));
    let entries = member.reviewed(&without, at("2026-05-01"));
    check_change(&entries, ("gold", "bronze"));
}

#[test]
fn an_account_shows_what_comes_next() {
    let tell = |tiers: serde_json::Value, cents: i64, given: Option<TierOverride>| {
        let program = with_tiers(tiers);
        let mut member = Member::joins(&program, "2026-03-01");
        member.earns(&program, "order-1", &purchase("2026-03-10", json!(cents))).unwrap();
        if let Some(given) = given {
            gives(&mut member, &program, "2026-03-10", &given).unwrap();
        }
        let next = member.settled(&program, at("2026-03-11")).next_tier();
        next.map(|(on, tier)| (on.to_string(), tier.unwrap().to_string()))
    };
    let next = |on: &str, tier: &str| Some((on.to_owned(), tier.to_owned()));
    assert_eq!(tell(json!({}), 0, None), None);
    assert_eq!(tell(json!({}), 3000, None), next("2028-01-01", "bronze"));
    assert_eq!(tell(json!({ "grace_days": 31 }), 3000, None), next("2028-02-01", "bronze"));
    assert_eq!(tell(json!({ "downgrade": "one_level" }), 3000, None), next("2028-01-01", "gold"));
    assert_eq!(tell(json!({ "downgrade": "never" }), 3000, None), None);
    assert_eq!(tell(json!({ "period": "lifetime" }), 3000, None), None);
    assert_eq!(tell(json!({ "period": { "rolling_months": 12 } }), 3000, None), next("2027-04-01", "bronze"));
    assert_eq!(tell(json!({}), 1000, Some(given("gold", "2026-06-30", "c-1"))), next("2026-07-01", "silver"));
}

#[test]
fn an_override_until_the_end_of_the_calendar_does_not_end() {
    for (tiers, until, shown) in [
        (json!({}), "9999-12-31", None),
        (json!({ "notice_days": 40 }), "9999-12-31", None),
        (json!({ "grace_days": 30, "notice_days": 40 }), "9999-12-20", Some("9999-12-20")),
        (json!({ "period": { "rolling_months": 12 }, "notice_days": 40 }), "9999-12-31", None),
        (json!({ "period": "lifetime" }), "9999-12-31", None),
        (json!({}), "9999-12-30", Some("9999-12-30")),
    ] {
        let program = with_tiers(tiers.clone());
        let mut member = Member::joins(&program, "2026-03-01");
        gives(&mut member, &program, "2026-11-21", &given("gold", until, "for-life")).unwrap();
        let settled = member.settled(&program, at("2026-11-22"));
        let standing = settled.standing().unwrap();
        assert_eq!(standing.until.map(|until| until.to_string()).as_deref(), shown, "{tiers} until {until}");
        assert_eq!(standing.level.unwrap().id.as_str(), "gold");
        member.reviewed(&program, at("2040-01-01"));
        assert_eq!(member.account.tier.as_ref().unwrap().as_str(), "gold");
        takes(&mut member, &program, "2040-01-02").unwrap();
        member.assert_proven();
    }
}
