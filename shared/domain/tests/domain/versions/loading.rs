//! Which documents are needed to settle an account, and how unknown newer versions and slow clocks are handled.

use regulars_domain::{
    settle::{Settlement, settle},
    versions::{VersionMissing, Versions},
};
use serde_json::{Value, json};

use super::{Member, silver_at};
use crate::{
    club::Club,
    world::{Rulebook, at, changes, document, lots, lots_of, program_of, purchase},
};

/// Returns sixty versions, one a day, of which only three change the effects of time, the last of them the tiers.
fn sixty() -> Rulebook {
    let mut document = silver_at(300, &json!({}));
    let mut rulebook = program_of(&document);
    for version in 2..=60_i64 {
        match version {
            20 => document["points"]["expiry"] = json!({ "after_months": 12 }),
            35 => document["points"]["expiry_notice_days"] = json!(10),
            50 => document["tiers"]["levels"][1]["threshold"] = json!(200),
            _ => document["earning_rules"][0]["give"]["rate"]["points"] = json!(version),
        }
        let day = jiff::civil::date(2027, 2, 1).checked_add(jiff::Span::new().days(version)).unwrap();
        rulebook = rulebook.then(at(&day.to_string()), &document);
    }
    rulebook
}

fn needs(versions: &Versions, member: &Member, now: &str) -> Vec<u64> {
    match settle(versions, member.account.clone(), at(now)) {
        Settlement::Needs(missing) => missing,
        Settlement::Current(_) => Vec::new(),
        unsettled @ (Settlement::Behind(_) | Settlement::Stale) => panic!("{unsettled:?}"),
    }
}

#[test]
fn an_account_that_slept_through_sixty_versions_needs_those_that_differ_at_once_and_no_others() {
    let rulebook = sixty();
    let mut member = Member::joins(&rulebook, "2027-01-01");
    member.buys(&rulebook, "2027-01-10", 25_000);
    let now = "2027-06-01";
    assert_eq!(needs(&rulebook.loaded(&[]), &member, now), [1, 20, 35, 50, 60]);
    assert_eq!(needs(&rulebook.loaded(&[1]), &member, now), [20, 35, 50, 60]);
    assert_eq!(needs(&rulebook.loaded(&[1, 2, 35, 60]), &member, now), [20, 50]);
    assert_eq!(needs(&rulebook.loaded(&[1]), &member, "2027-02-22"), [20, 21], "no more than have begun");
    let enough = rulebook.loaded(&[1, 20, 35, 50, 60]);
    let Settlement::Current(settled) = settle(&enough, member.account.clone(), at(now)) else { panic!("settled") };
    assert_eq!(settled.account(), member.settled(&rulebook, at(now)).account());
    assert_eq!((settled.program().version, settled.account().program_version), (60, 60));
    assert_eq!(settled.account().tier.as_ref().unwrap().as_str(), "silver");

    // A purchase of an earlier day needs the version of that day.
    let missing = settled.rules_at(at("2027-03-03")).map(|rules| rules.version);
    assert_eq!(missing, Err(VersionMissing(30)));
    assert_eq!(settled.rules_at(at("2027-02-22")).map(|rules| rules.version), Err(VersionMissing(21)));
    assert_eq!(
        settled.rules_at(at("2026-01-01")).map(|rules| rules.version),
        Ok(1),
        "the first decides what was before"
    );
    assert_eq!(settled.rules_at(at("2028-01-01")).map(|rules| rules.version), Ok(60), "a clock ahead counts as now");
}

#[test]
fn an_account_needs_the_versions_that_its_promises_its_plan_and_its_holds_rest_on() {
    let mut parts = silver_at(300, &json!({}));
    parts["plans"] = json!([{ "id": "plus", "price": 500, "interval": "year", "tier_floor": "silver" }]);
    parts["rewards"] =
        json!([{ "id": "tea", "name": "Tea", "kind": "product", "cost": { "points": 1 }, "hold_seconds_max": 3_600 }]);
    let first = program_of(&parts);
    parts["tiers"]["levels"][1]["threshold"] = json!(500);
    let second = first.then(at("2027-02-01"), &parts);
    parts["points"]["expiry_notice_days"] = json!(10);
    let third = second.then(at("2027-03-01T00:00"), &parts);

    let plain = Member::joins(&first, "2027-01-01");
    let mut promised = plain.clone();
    promised.buys(&first, "2027-01-10", 35_000);
    let mut paid = plain.clone();
    paid.takes_plan(&first, at("2027-01-10"), "paid", "plus").unwrap();
    let mut held = plain.clone();
    held.adjusts(&second, at("2027-02-10"), "a-1", 10).unwrap();
    held.holds(&second, "2027-02-28T23:45", "r-1", "tea", 3_600).unwrap();
    for (what, mut member, expected) in [
        // The second introduced the tiers that the third has, and promises will name it.
        ("plain", plain, vec![2, 3]),
        ("promised", promised, vec![1, 2, 3]),
        ("paid", paid, vec![1, 2, 3]),
        ("held", held, vec![2, 3]),
    ] {
        member.is_touched(&third, at("2027-03-01T00:10"));
        assert_eq!(needs(&third.loaded(&[]), &member, "2027-03-01T00:20"), expected, "{what}");
        assert!(needs(&third.loaded(&expected), &member, "2027-03-01T00:20").is_empty(), "{what}");
    }
}

#[test]
fn an_account_that_was_settled_by_a_newer_version_than_is_known_is_not_settled_by_an_older_one() {
    let first = program_of(&silver_at(300, &json!({})));
    let second = first.then(at("2027-02-01"), &silver_at(500, &json!({})));
    let mut member = Member::joins(&first, "2027-01-01");
    member.is_touched(&second, at("2027-02-05"));
    for now in ["2027-01-10", "2027-02-05", "2028-01-01"] {
        let settlement = settle(first.versions(), member.account.clone(), at(now));
        assert!(matches!(settlement, Settlement::Stale), "{now}: {settlement:?}");
    }
    // If the version is known, a clock before its instant does not revert to the older one.
    let settled = member.settled(&second, at("2027-01-10"));
    assert_eq!((settled.program().version, settled.now()), (2, at("2027-02-05")));
}

#[test]
fn nothing_is_posted_before_the_newest_commit_of_the_account() {
    let program = program_of(&silver_at(300, &json!({})));
    let mut member = Member::joins(&program, "2027-01-01");
    member.is_touched(&program, at("2027-02-05T12:00"));
    let entry =
        member.earns_at(&program, at("2027-02-05T11:00"), "order", &purchase("2027-02-05T11:00", json!(100))).unwrap();
    assert_eq!((entry.posted_at, entry.occurred_at), (at("2027-02-05T12:00"), at("2027-02-05T11:00")));
    let entry = member.adjusts(&program, at("2026-12-24"), "a-1", 1).unwrap();
    assert_eq!((entry.posted_at, entry.occurred_at), (at("2027-02-05T12:00"), at("2027-02-05T12:00")));
    assert_eq!(member.account.settled_at, at("2027-02-05T12:00"));
    assert!(member.ledger.iter().is_sorted_by_key(|sealed| sealed.entry.posted_at));
    member.assert_proven();
}

fn plain() -> Value {
    document(json!({ "points": { "expiry": { "after_months": 12 }, "expiry_notice_days": 0 } }))
}

#[test]
fn points_that_arrive_after_their_last_day_expire_in_the_same_posting() {
    let program = program_of(&plain());
    // The other account was committed after midnight by a machine whose clock is ahead of the current one.
    let club = || {
        let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
        club.get_mut("m-1").account.lots = lots(&[("2027-05-31", 30), ("2027-06-30", 12)]);
        club.get_mut("m-2").is_touched(&program, at("2027-06-01T00:10"));
        club
    };
    for owed in [0, 10] {
        let left = (30 - owed, owed);
        let check = |club: &Club, id: &str| {
            let member = club.get("m-2");
            let expiry = member.entry(&format!("~expiry~2027-05-31~{id}"));
            assert_eq!((changes(&expiry), expiry.refers_to.unwrap().as_str()), ([-left.0, 0, -left.0, 0, 0], id));
            assert_eq!(expiry.posted_at, at("2027-06-01T00:10"));
            assert_eq!(lots_of(&member.account), [("2027-06-30".to_owned(), 12)]);
            club.assert_proven();
        };
        let mut one = club();
        one.get_mut("m-2").account.owed = regulars_domain::points::Points::new(left.1);
        one.transfers(&program, "2027-05-31T23:50", "t-1", ("m-1", "m-2", 42)).unwrap();
        check(&one, "~transfer~m-1~t-1");
        let mut other = club();
        other.get_mut("m-2").account.owed = regulars_domain::points::Points::new(left.1);
        other.merges(&program, "2027-05-31T23:50", "merge-1", ("m-1", "m-2")).unwrap();
        check(&other, "~transfer~m-1~merge-1");
    }
}
