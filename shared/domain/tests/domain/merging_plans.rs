//! Merges of members with plans: nothing that was paid is lost, and the plans run one after the other.

use regulars_domain::{
    account::Status,
    entry::{By, Entry, Kind, Record},
    merge::{MergeRefusal, PLANS_MAX},
    plan::{PlanEndRefusal, PlanRefusal, PlanReverseRefusal},
    plan_term::PlanTerm,
};
use serde_json::{Value, json};

use crate::{
    club::Club,
    world::{Member, Rulebook, at, on, plan_term, program, purchase},
};

/// A bronze, a silver at 100 and a gold at 200 points, and plans that differ in floor, rate and grace.
fn document() -> Value {
    json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
        "tiers": { "levels": [
            { "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }, { "id": "gold", "threshold": 200 },
        ] },
        "plans": [
            { "id": "max", "price": 9900, "interval": "year", "tier_floor": "gold" },
            { "id": "plus", "price": 499, "interval": "month", "tier_floor": "silver" },
            { "id": "rich", "price": 599, "interval": "month", "tier_floor": "silver", "earning_percent": 120 },
            { "id": "kind", "price": 599, "interval": "month", "tier_floor": "silver", "earning_percent": 120, "grace_days": 7 },
            { "id": "plain", "price": 99, "interval": "month" },
        ],
    })
}

fn rules() -> Rulebook {
    program(document())
}

/// Returns the terms of a member that run or wait, in order. A term that has just ended stays for the day on which it
/// can be paid.
fn terms(member: &Member) -> Vec<(String, String, String)> {
    let told = |term: &PlanTerm| (term.plan.to_string(), term.from.to_string(), term.through.to_string());
    let is_over = |term: &&PlanTerm| term.through < member.account.settled_on && term.plan.as_str() != "kind";
    member.account.plans.iter().filter(|term| !is_over(term)).map(told).collect()
}

fn owned(terms: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    terms.iter().map(|(plan, from, through)| ((*plan).into(), (*from).into(), (*through).into())).collect()
}

/// Returns two members who paid for plans on these days, the second merged into the first on `day`.
fn merged(program: &Rulebook, day: &str, own: &[(&str, &str)], other: &[(&str, &str)]) -> Club {
    let mut club = Club::of(program, "2026-11-01", &["m-1", "m-2"]);
    for (member, payments) in [("m-1", own), ("m-2", other)] {
        for (n, (plan, paid_on)) in payments.iter().enumerate() {
            // Both ledgers use the same keys.
            club.get_mut(member).takes_plan(program, at(paid_on), &format!("paid-{n}"), plan).unwrap();
        }
    }
    club.merges(program, day, "merge", ("m-2", "m-1")).unwrap();
    assert!(club.get("m-2").account.plans.is_empty());
    club
}

#[test]
fn plans_of_two_cards_run_one_after_the_other_the_better_floor_first() {
    let program = rules();
    // The payments of each account, the day of the merge, and the resulting terms.
    for (one, other, day, expected) in [
        // The year to 2028-01-14 with floor gold and the month with silver.
        (
            &[("max", "2027-01-15")][..],
            &[("plus", "2027-03-01")][..],
            "2027-03-10",
            &[("max", "2027-01-15", "2028-01-14"), ("plus", "2028-01-15", "2028-02-05")][..],
        ),
        // Two years stay two years.
        (
            &[("max", "2027-01-15")],
            &[("max", "2027-01-15")],
            "2027-01-15",
            &[("max", "2027-01-15", "2028-01-14"), ("max", "2028-01-15", "2029-01-13")],
        ),
        // The longer one of the same plan first, with today counted once in each.
        (
            &[("plus", "2026-11-21")],
            &[("plus", "2026-11-21"), ("plus", "2026-11-21")],
            "2026-11-21",
            &[("plus", "2026-11-21", "2027-01-20"), ("plus", "2027-01-21", "2027-02-19")],
        ),
        // Of two with the same floor the better rate first, whichever lasts longer.
        (
            &[("rich", "2026-11-21")],
            &[("plus", "2026-11-21"), ("plus", "2026-11-21")],
            "2026-12-20",
            &[("rich", "2026-11-21", "2026-12-20"), ("plus", "2026-12-21", "2027-01-21")],
        ),
        // A better plan stops the one that runs.
        (
            &[("plain", "2026-11-21")],
            &[("plus", "2026-11-22")],
            "2026-12-01",
            &[("plus", "2026-11-22", "2026-12-21"), ("plain", "2026-12-22", "2027-01-10")],
        ),
        // A plan that waits starts when the grace of the one before it has ended.
        (
            &[("kind", "2026-11-21")],
            &[("plus", "2026-11-21")],
            "2026-11-30",
            &[("kind", "2026-11-21", "2026-12-20"), ("plus", "2026-12-28", "2027-01-17")],
        ),
        // In its grace it still runs; if it is the worse one, none of its paid days are left.
        (
            &[("kind", "2026-11-01")],
            &[("plus", "2026-12-01")],
            "2026-12-02",
            &[("kind", "2026-11-01", "2026-11-30"), ("plus", "2026-12-08", "2027-01-06")],
        ),
        (&[("kind", "2026-11-01")], &[("max", "2026-12-01")], "2026-12-02", &[("max", "2026-12-01", "2027-11-30")]),
        (&[], &[("plus", "2026-12-01")], "2026-12-02", &[("plus", "2026-12-01", "2026-12-31")]),
        (&[], &[], "2026-12-02", &[]),
    ] {
        for (own, others) in [(one, other), (other, one)] {
            let club = merged(&program, day, own, others);
            assert_eq!(terms(club.get("m-1")), owned(expected), "{others:?} into {own:?} on {day}");
            club.assert_proven();
        }
    }
}

#[test]
fn the_entry_that_ends_a_plan_begins_the_next_one_on_the_same_day() {
    let program = rules();
    let mut club = merged(&program, "2027-03-10", &[("plus", "2027-03-01")], &[("max", "2027-01-15")]);
    let member = club.get_mut("m-1");
    assert_eq!(member.tier(), Some("gold"));
    assert_eq!(member.account.review_on, Some(on("2028-01-15")));
    assert_eq!(member.reviewed(&program, at("2028-01-14T23:59")), []);
    let entries = member.reviewed(&program, at("2028-01-15T00:00"));
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["~plan-end~2028-01-15", "~tier~2028-01-15"]);
    let Record::PlanEnd(ended) = &entries[0].record else { panic!("{entries:?}") };
    assert_eq!((ended.plan.as_str(), entries[0].by), ("max", By::Engine));
    let next: Vec<_> = ended.plans.iter().map(|term| (term.plan.as_str(), term.from, term.through)).collect();
    assert_eq!(next, [("plus", on("2028-01-15"), on("2028-02-05"))]);
    assert_eq!(member.tier(), Some("silver"));
    let told = member.settled(&program, at("2028-01-15"));
    assert_eq!(told.plan().map(|(term, until)| (term.plan.as_str(), until)), Some(("plus", on("2028-02-05"))));
    assert_eq!(told.plans_waiting().count(), 0);
    let entries = member.reviewed(&program, at("2028-02-06"));
    assert_eq!(entries.iter().map(Entry::kind).collect::<Vec<_>>(), [Kind::PlanEnd, Kind::TierChange]);
    assert_eq!(member.tier(), Some("bronze"));
    // An account without requests for years gives the same result.
    let mut slept = merged(&program, "2027-03-10", &[("plus", "2027-03-01")], &[("max", "2027-01-15")]);
    slept.get_mut("m-1").reviewed(&program, at("2028-02-06"));
    assert_eq!(slept.get("m-1").ids(), club.get("m-1").ids());
    club.assert_proven();
}

#[test]
fn a_floor_is_certain_for_as_long_as_plans_in_a_row_have_it() {
    let program = rules();
    let until = |club: &mut Club, day: &str| {
        let settled = club.settled(&program, at(day), "m-1");
        let standing = settled.standing().unwrap();
        (standing.level.unwrap().id.to_string(), standing.until)
    };
    let mut club = merged(&program, "2026-11-30", &[("kind", "2026-11-21")], &[("plus", "2026-11-21")]);
    assert_eq!(until(&mut club, "2026-11-30"), ("silver".to_owned(), Some(on("2027-01-17"))));
    let mut club = merged(&program, "2027-03-10", &[("max", "2027-01-15")], &[("plus", "2027-03-01")]);
    assert_eq!(until(&mut club, "2027-03-10"), ("gold".to_owned(), Some(on("2028-01-14"))));
    let mut club = merged(&program, "2026-12-01", &[("plain", "2026-11-21")], &[("plus", "2026-11-22")]);
    assert_eq!(until(&mut club, "2026-12-01"), ("silver".to_owned(), Some(on("2026-12-21"))));
}

#[test]
fn a_payment_lengthens_the_plan_that_it_is_for_whether_it_runs_or_waits() {
    let program = rules();
    let begin = || merged(&program, "2027-03-10", &[("max", "2027-01-15")], &[("plus", "2027-03-01")]);
    // The day and the plan of a payment, whether it replaces, and the resulting terms.
    for (day, plan, replace, expected) in [
        (
            "2027-03-11",
            "max",
            false,
            Ok(&[("max", "2027-01-15", "2029-01-14"), ("plus", "2029-01-15", "2029-02-05")][..]),
        ),
        ("2027-03-11", "plus", false, Ok(&[("max", "2027-01-15", "2028-01-14"), ("plus", "2028-01-15", "2028-03-05")])),
        // On the day after its last, when a card is charged, the plan that has just ended continues, and the next one
        // waits again.
        ("2028-01-15", "max", false, Ok(&[("max", "2027-01-15", "2029-01-14"), ("plus", "2029-01-15", "2029-02-05")])),
        ("2028-01-16", "max", false, Err(("plus", "2028-02-05"))),
        ("2028-01-16", "plus", false, Ok(&[("plus", "2028-01-15", "2028-03-05")])),
        ("2027-03-11", "plain", false, Err(("max", "2028-01-14"))),
        // `replace` replaces only the plan that runs.
        (
            "2027-03-11",
            "plain",
            true,
            Ok(&[("plain", "2027-03-11", "2027-04-10"), ("plus", "2027-04-11", "2027-05-02")]),
        ),
        ("2027-03-11", "plus", true, Ok(&[("plus", "2027-03-11", "2027-04-30")])),
        ("2027-03-11", "max", true, Ok(&[("max", "2027-01-15", "2029-01-14"), ("plus", "2029-01-15", "2029-02-05")])),
    ] {
        let mut club = begin();
        let member = club.get_mut("m-1");
        let pay = if replace { Member::replaces_plan } else { Member::takes_plan };
        let done = pay(member, &program, at(day), "again", plan);
        match expected {
            Ok(expected) => {
                let record = done.unwrap().record;
                let Record::Plan(paid) = &record else { panic!("{record:?}") };
                assert_eq!(paid.term.plan.as_str(), plan);
                assert!(member.account.plans.contains(&paid.term));
                assert_eq!(terms(member), owned(expected), "{plan} on {day}");
            }
            Err((running, through)) => {
                let refused = PlanRefusal::PlanRunning { plan: running.parse().unwrap(), through: on(through) };
                assert_eq!(done, Err(refused), "{plan} on {day}");
            }
        }
        club.assert_proven();
    }
    // A plan in its grace ends without an entry, like one without others, and the plans that wait still wait.
    let mut club = merged(&program, "2026-11-30", &[("kind", "2026-11-21")], &[("plus", "2026-11-21")]);
    let member = club.get_mut("m-1");
    member.takes_plan(&program, at("2026-12-23"), "other", "max").unwrap();
    let expected = [("max", "2026-12-23", "2027-12-22"), ("plus", "2027-12-23", "2028-01-12")];
    assert_eq!(terms(member), owned(&expected));
    // A payment in the grace continues the plan, and the next one waits for it again.
    let mut club = merged(&program, "2026-11-30", &[("kind", "2026-11-21")], &[("plus", "2026-11-21")]);
    let member = club.get_mut("m-1");
    member.takes_plan(&program, at("2026-12-27"), "again", "kind").unwrap();
    let expected = [("kind", "2026-11-21", "2027-01-20"), ("plus", "2027-01-28", "2027-02-17")];
    assert_eq!(terms(member), owned(&expected));
    club.assert_proven();
}

#[test]
fn a_plan_that_waited_keeps_the_day_of_the_month_from_its_new_end_on() {
    let program = rules();
    // The day of the merge, the last day of what waited, and the last days after three more payments.
    for (day, through, again) in [
        ("2027-03-01", "2028-01-01", ["2028-02-01", "2028-03-01", "2028-04-01"]),
        ("2027-03-02", "2027-12-31", ["2028-01-31", "2028-02-29", "2028-03-31"]),
        // Next paid on the 31st, and the days of longer months come back.
        ("2027-03-03", "2027-12-30", ["2028-01-30", "2028-02-28", "2028-03-30"]),
    ] {
        let mut club = merged(&program, day, &[("max", "2026-12-02")], &[("plus", "2027-03-01")]);
        let member = club.get_mut("m-1");
        assert_eq!(terms(member)[1], owned(&[("plus", "2027-12-02", through)])[0]);
        let mut last = on(through);
        for through in again {
            let pays_on = last.tomorrow().unwrap().to_string();
            member.takes_plan(&program, at(&pays_on), &format!("paid-{pays_on}"), "plus").unwrap();
            assert_eq!(terms(member), [("plus".to_owned(), "2027-12-02".to_owned(), through.to_owned())]);
            last = on(through);
        }
        club.assert_proven();
    }
}

#[test]
fn payments_of_both_accounts_can_be_reversed() {
    let program = rules();
    let begin = || {
        let other = [("plus", "2027-03-01"), ("plus", "2027-03-02")];
        merged(&program, "2027-03-10", &[("max", "2027-01-15")], &other)
    };
    let all = [("max", "2027-01-15", "2028-01-14"), ("plus", "2028-01-15", "2028-03-06")];
    assert_eq!(terms(begin().get("m-1")), owned(&all));
    // The payment by its ledger and its key, the day of its reversal, and what is left.
    for (payments, day, expected) in [
        (
            &[("m-2", "paid-0")][..],
            "2027-03-11",
            &[("max", "2027-01-15", "2028-01-14"), ("plus", "2028-01-15", "2028-02-06")][..],
        ),
        (
            &[("m-2", "paid-1")],
            "2027-03-11",
            &[("max", "2027-01-15", "2028-01-14"), ("plus", "2028-01-15", "2028-02-06")],
        ),
        // With the last payment, nothing of it is left, whatever the lengths of the months.
        (&[("m-2", "paid-0"), ("m-2", "paid-1")], "2027-03-11", &[("max", "2027-01-15", "2028-01-14")]),
        (&[("m-1", "paid-0")], "2027-03-11", &[("plus", "2027-03-11", "2027-05-01")]),
        (&[("m-1", "paid-0"), ("m-2", "paid-0"), ("m-2", "paid-1")], "2027-03-11", &[]),
        (&[("m-2", "paid-1")], "2028-01-20", &[("plus", "2028-01-15", "2028-02-06")]),
        (&[("m-2", "paid-1")], "2028-02-08", &[]),
    ] {
        let mut club = begin();
        for (n, (ledger, payment)) in payments.iter().enumerate() {
            let place = ("m-1", *ledger, *payment);
            let entry = club.reverses_payment(&program, day, &format!("back-{n}"), place).unwrap();
            assert_eq!(entry.kind(), Kind::PlanReversal);
        }
        assert_eq!(terms(club.get("m-1")), owned(expected), "{payments:?} on {day}");
        club.assert_proven();
    }
    // A month of 31 days that waits over a February ends with its payment, too.
    let mut club = merged(&program, "2027-03-01", &[("max", "2027-02-02")], &[("plus", "2027-03-01")]);
    assert_eq!(terms(club.get("m-1"))[1], owned(&[("plus", "2028-02-02", "2028-03-03")])[0]);
    club.reverses_payment(&program, "2027-03-02", "back", ("m-1", "m-2", "paid-0")).unwrap();
    assert_eq!(terms(club.get("m-1")), owned(&[("max", "2027-02-02", "2028-02-01")]));
    // A plan that has ended or was replaced has no payments to reverse.
    let mut club = begin();
    club.get_mut("m-1").replaces_plan(&program, at("2027-03-11"), "other", "rich").unwrap();
    for (ledger, day) in [("m-1", "2027-03-11"), ("m-2", "2027-07-01")] {
        let refused = club.reverses_payment(&program, day, "back", ("m-1", ledger, "paid-0"));
        assert_eq!(refused, Err(PlanReverseRefusal::PlanOver));
    }
    // A payment after the merge for the other account's plan is in the own ledger.
    let mut club = begin();
    let member = club.get_mut("m-1");
    member.takes_plan(&program, at("2027-03-11"), "paid-2", "plus").unwrap();
    assert_eq!(terms(member)[1].2, "2028-04-06");
    member.reverses_payment(&program, at("2027-03-12"), "back", "paid-2").unwrap();
    assert_eq!(terms(member), owned(&all));
    // After one more merge, all of them are still found.
    club.joins(&program, "2027-03-13", "m-3", None, &[]);
    club.merges(&program, "2027-03-13", "merge-2", ("m-1", "m-3")).unwrap();
    for (n, (ledger, payment)) in [("m-1", "paid-0"), ("m-2", "paid-0"), ("m-2", "paid-1")].into_iter().enumerate() {
        club.reverses_payment(&program, "2027-03-14", &format!("back-{n}"), ("m-3", ledger, payment)).unwrap();
    }
    assert_eq!(terms(club.get("m-3")), []);
    club.assert_proven();
}

#[test]
fn the_plan_that_runs_is_ended_and_the_next_one_begins() {
    let program = rules();
    let mut club = merged(&program, "2027-03-10", &[("max", "2027-01-15")], &[("plus", "2027-03-01")]);
    let member = club.get_mut("m-1");
    // A repeat of a request without a key would end the next one.
    let refused = member.ends_plan(&program, at("2027-03-11")).unwrap_err();
    assert_eq!(refused, PlanEndRefusal::PlansWaiting { plans: 1 });
    assert!(refused.to_string().contains("Idempotency-Key"));
    assert_eq!(member.ends_plan_once(&program, at("2027-03-11"), "end"), Ok(()));
    assert_eq!(terms(member), owned(&[("plus", "2027-03-11", "2027-04-01")]));
    assert_eq!(member.tier(), Some("silver"));
    assert_eq!(member.ends_plan(&program, at("2027-03-12")), Ok(true));
    assert_eq!((terms(member), member.tier()), (vec![], Some("bronze")));
    club.assert_proven();
    let mut club = merged(&program, "2027-03-10", &[("max", "2027-01-15")], &[("plus", "2027-03-01")]);
    club.get_mut("m-1").account.status = Status::Closed;
    let refused = club.get_mut("m-1").ends_plan(&program, at("2027-03-11"));
    assert!(matches!(refused, Err(PlanEndRefusal::Inactive(_))), "{refused:?}");
}

#[test]
fn a_plan_that_a_version_drops_waits_and_runs_with_the_terms_under_which_it_was_paid() {
    let program = rules();
    let mut club = merged(&program, "2026-12-01", &[("max", "2026-11-21")], &[("kind", "2026-11-22")]);
    let mut parts = document();
    parts["plans"] = json!([]);
    parts["tiers"]["levels"][1] = json!({ "id": "argent", "threshold": 100, "replaces": ["silver"] });
    let without = program.then(at("2026-12-02"), &crate::world::document(parts));
    let member = club.get_mut("m-1");
    let ended = member.reviewed(&without, at("2027-11-21"));
    assert_eq!(ended.iter().map(Entry::kind).collect::<Vec<_>>(), [Kind::PlanEnd, Kind::TierChange]);
    assert_eq!((terms(member), member.tier()), (owned(&[("kind", "2027-11-21", "2027-12-11")]), Some("argent")));
    let entry = member.earns(&without, "order", &purchase("2027-12-18", json!({}))).unwrap();
    assert!(entry.breakdown().iter().any(|line| line.rule == "plan:kind"), "its grace holds, too");
    assert_eq!(member.reviewed(&without, at("2027-12-19")).len(), 2);
    club.assert_proven();
}

#[test]
fn plans_go_on_while_a_member_is_suspended() {
    let program = rules();
    let mut club = merged(&program, "2027-03-10", &[("max", "2027-01-15")], &[("plus", "2027-03-01")]);
    let member = club.get_mut("m-1");
    member.account.status = Status::Suspended;
    member.takes_plan(&program, at("2027-03-11"), "again", "plus").unwrap();
    member.reviewed(&program, at("2028-01-20"));
    assert_eq!(terms(member), owned(&[("plus", "2028-01-15", "2028-03-05")]));
}

#[test]
fn there_are_never_more_terms_than_cards_nor_more_than_five() {
    let program = rules();
    let ids: Vec<_> = (0..=PLANS_MAX).map(|place| format!("m-{place}")).collect();
    let mut club = Club::of(&program, "2026-11-01", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let mut told = Vec::new();
    for (id, plan) in ids.iter().zip(["max", "plus", "rich", "kind", "plain", "plain"]) {
        club.get_mut(id).takes_plan(&program, at("2026-11-21"), "paid", plan).unwrap();
        if id != "m-0" {
            told.push(club.merges(&program, "2026-11-21", &format!("merge-{id}"), (id, "m-0")).map(drop));
        }
    }
    let (last, others) = told.split_last().unwrap();
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(*last, Err(MergeRefusal::TooManyPlans));
    let member = club.get_mut("m-0");
    assert_eq!(member.account.plans.len(), PLANS_MAX);
    let plans: Vec<_> = terms(member).into_iter().map(|(plan, ..)| plan).collect();
    assert_eq!(plans, ["max", "rich", "kind", "plus", "plain"]);
    // A year, three months with silver, one without, and a grace of a week.
    assert_eq!(terms(member).last().unwrap().2, "2028-03-26");
    for plan in ["max", "plus", "rich", "kind", "plain"] {
        member.takes_plan(&program, at("2026-11-22"), &format!("again-{plan}"), plan).unwrap();
    }
    assert_eq!(member.account.plans.len(), PLANS_MAX);
    assert!(!member.account.plans.contains(&plan_term("max", "2026-11-21", "2027-11-20")));
    while member.account.plans.len() > 1 {
        let key = format!("end-{}", member.account.plans.len());
        assert_eq!(member.ends_plan_once(&program, at("2026-11-23"), &key), Ok(()));
        assert_eq!(member.account.plans[0].from, on("2026-11-23"));
    }
    club.assert_proven();
}

/// Returns plans with a coffee in each interval, a tasting, and one visit to the lounge that never resets; gold has a
/// coffee, too.
fn with_entitlements() -> Rulebook {
    let mut document = document();
    let coffee = |times: i64| json!({ "id": "coffee", "times": times, "every": "month" });
    document["tiers"]["levels"][2]["entitlements"] = json!([coffee(1)]);
    document["plans"] = json!([
        { "id": "cup", "price": 99, "interval": "month", "entitlements": [coffee(1)] },
        { "id": "pot", "price": 299, "interval": "month", "earning_percent": 110, "entitlements": [coffee(3),
          { "id": "tasting", "times": 2, "every": "year" }] },
        { "id": "max", "price": 9900, "interval": "year", "tier_floor": "gold",
          "entitlements": [{ "id": "lounge", "times": 1, "every": "ever" }] },
    ]);
    program(document)
}

#[test]
fn uses_of_an_entitlement_add_up_to_no_more_than_its_number() {
    let program = with_entitlements();
    // The plan of each account, the entitlement, the uses of each, and the uses and the number after the merge.
    for (one, other, what, used, together) in [
        (Some("cup"), Some("cup"), "coffee", [1, 0], (1, 1)),
        (Some("cup"), Some("cup"), "coffee", [0, 1], (1, 1)),
        (Some("cup"), Some("cup"), "coffee", [1, 1], (1, 1)),
        (Some("pot"), Some("cup"), "coffee", [1, 1], (2, 3)),
        (Some("pot"), Some("cup"), "coffee", [3, 1], (3, 3)),
        (Some("pot"), Some("pot"), "tasting", [2, 2], (2, 2)),
        (Some("pot"), Some("pot"), "tasting", [1, 0], (1, 2)),
        (Some("pot"), Some("cup"), "tasting", [1, 0], (1, 2)),
        // The coffee of gold is another one: while max runs there is one, and the three of the plan that waits still count.
        (Some("max"), Some("pot"), "coffee", [1, 3], (4, 1)),
        (Some("max"), Some("max"), "lounge", [1, 1], (1, 1)),
        (Some("max"), Some("cup"), "lounge", [0, 0], (0, 1)),
        (Some("cup"), None, "coffee", [1, 0], (1, 1)),
    ] {
        for is_turned in [false, true] {
            let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
            for (id, plan, used) in [("m-1", one, used[0]), ("m-2", other, used[1])] {
                let member = club.get_mut(id);
                if let Some(plan) = plan {
                    member.takes_plan(&program, at("2026-11-21"), "paid", plan).unwrap();
                }
                for n in 0..used {
                    member.uses(&program, at("2026-11-22"), &format!("use-{n}"), what).unwrap();
                }
            }
            let (from, into) = if is_turned { ("m-1", "m-2") } else { ("m-2", "m-1") };
            club.merges(&program, "2026-11-23", "merge", (from, into)).unwrap();
            let settled = club.settled(&program, at("2026-11-23"), into);
            let held = settled.holdings().into_iter().find(|held| held.id.as_str() == what).unwrap();
            let name = format!("{one:?} {other:?} {what} {used:?}");
            assert_eq!((held.used, held.times), together, "{name}");
            let left = (together.1 - together.0).max(0);
            assert_eq!(held.left, left, "{name}");
            for n in 0..=left {
                let done = club.get_mut(into).uses(&program, at("2026-11-24"), &format!("more-{n}"), what);
                assert_eq!(done.is_ok(), n < left, "{name}");
            }
            club.assert_proven();
        }
    }
    // In the next interval all of them can be used again, once for each interval and not for each card.
    let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
    for id in ["m-1", "m-2"] {
        club.get_mut(id).takes_plan(&program, at("2026-11-21"), "paid", "cup").unwrap();
        club.get_mut(id).uses(&program, at("2026-11-22"), "use", "coffee").unwrap();
    }
    club.merges(&program, "2026-11-23", "merge", ("m-2", "m-1")).unwrap();
    let member = club.get_mut("m-1");
    for (day, works) in [("2026-11-30", false), ("2026-12-01", true), ("2026-12-31", false), ("2027-01-01", true)] {
        let done = member.uses(&program, at(day), &format!("use-{day}"), "coffee");
        assert_eq!(done.is_ok(), works, "{day}");
    }
    club.assert_proven();
}
