//! Plans: their terms, their points, their tiers. Entitlements: who has them, and how often.

use regulars_domain::{
    account::{Inactive, Status, TierOverride},
    chain::Sealed,
    entitlement::UseRefusal,
    entry::{By, Kind, PlanEnded, PlanPaid, Record},
    plan::{PlanEndRefusal, PlanRefusal, PlanReverseRefusal},
    tier::Because,
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, knows_use, line, on, program, purchase, used};

/// A bronze, a silver at 100 and a gold at 200 points, and three plans.
fn document() -> Value {
    let tasting = |times: i64| json!([{ "id": "tasting", "times": times, "every": "month" }]);
    json!({
        "points": { "backdating_days_max": 30 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } },
                          { "id": "double", "on": "purchase", "stacking": "add", "when": "purchase.channel == 'app'",
                            "give": { "multiplier": { "percent": 200 } } }],
        "tiers": { "levels": [
            { "id": "bronze", "threshold": 0 },
            { "id": "silver", "threshold": 100, "earning_percent": 150, "entitlements": tasting(1) },
            { "id": "gold", "threshold": 200, "earning_percent": 200, "entitlements": [{ "id": "lounge", "times": 1, "every": "ever" }] },
        ] },
        "plans": [
            { "id": "plus", "price": 499, "interval": "month", "tier_floor": "silver", "earning_percent": 110, "entitlements": tasting(2) },
            { "id": "max", "price": 9900, "interval": "year", "tier_floor": "gold", "earning_percent": 130 },
            { "id": "plain", "price": 99, "interval": "month" },
            { "id": "kind", "price": 499, "interval": "month", "tier_floor": "silver", "earning_percent": 110, "grace_days": 7 },
        ],
    })
}

fn plan_end(plan: &str) -> Record {
    Record::PlanEnd(PlanEnded { plan: plan.parse().unwrap(), plans: Vec::new() })
}

fn paid() -> Rulebook {
    program(document())
}

fn term(member: &Member) -> Option<(String, String, String)> {
    let term = member.account.plans.first().cloned()?;
    Some((term.plan.to_string(), term.from.to_string(), term.through.to_string()))
}

#[test]
fn a_term_runs_to_the_day_before_the_same_day_of_the_next_interval_and_a_renewal_from_its_end_on() {
    let program = paid();
    for (plan, taken_on, throughs) in [
        ("plus", "2026-11-22", ["2026-12-21", "2027-01-21", "2027-02-21"]),
        ("plus", "2027-01-31", ["2027-02-27", "2027-03-30", "2027-04-29"]),
        ("plus", "2028-01-30", ["2028-02-28", "2028-03-29", "2028-04-29"]),
        ("max", "2026-11-22", ["2027-11-21", "2028-11-21", "2029-11-21"]),
        ("max", "2028-02-29", ["2029-02-27", "2030-02-27", "2031-02-27"]),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        let (price, months) = if plan == "max" { (Some(9900), 12) } else { (Some(499), 1) };
        for (n, through) in throughs.into_iter().enumerate() {
            let entry = member.takes_plan(&program, at(taken_on), &format!("paid-{n}"), plan).unwrap();
            let expected = (plan.to_owned(), taken_on.to_owned(), through.to_owned());
            assert_eq!(term(&member), Some(expected), "{plan} of {taken_on}");
            let paid =
                PlanPaid { term: member.account.plans[0].clone(), price, months, replaced: None, plans: Vec::new() };
            assert_eq!((entry.kind(), entry.points().get(), entry.record), (Kind::Plan, 0, Record::Plan(paid)));
        }
        for sealed in &member.ledger {
            let read = Sealed::read(sealed.text.clone(), sealed.previous, sealed.hash).unwrap();
            assert_eq!(read.with_balance(sealed.balance), *sealed);
        }
        member.assert_proven();
    }
}

/// Returns the plan that runs, with its last paid day and the last day on which it goes on.
fn runs(program: &Rulebook, member: &mut Member, now: &str) -> Option<(String, String, String)> {
    let settled = member.settled(program, at(now));
    let (term, until) = settled.plan()?;
    Some((term.plan.to_string(), term.through.to_string(), until.to_string()))
}

#[test]
fn a_plan_paid_on_the_day_after_its_last_has_no_gaps_and_keeps_the_day_of_the_month_on_which_it_began() {
    let program = paid();
    for (plan, begun, lasts) in [
        ("plus", "2027-01-31", ["2027-02-27", "2027-03-30", "2027-04-29", "2027-05-30", "2027-06-29", "2027-07-30"]),
        ("kind", "2027-10-31", ["2027-11-29", "2027-12-30", "2028-01-30", "2028-02-28", "2028-03-30", "2028-04-29"]),
        ("plain", "2027-12-30", ["2028-01-29", "2028-02-28", "2028-03-29", "2028-04-29", "2028-05-29", "2028-06-29"]),
        ("max", "2028-02-29", ["2029-02-27", "2030-02-27", "2031-02-27", "2032-02-28", "2033-02-27", "2034-02-27"]),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        let mut pays_on = on(begun);
        for last in lasts {
            member.takes_plan(&program, at(&pays_on.to_string()), &format!("paid-{last}"), plan).unwrap();
            assert_eq!(term(&member), Some((plan.to_owned(), begun.to_owned(), last.to_owned())));
            pays_on = on(last).tomorrow().unwrap();
        }
        member.assert_proven();
    }
}

#[test]
fn during_grace_rate_and_floor_go_on_and_a_payment_continues_from_the_old_end() {
    let program = paid();
    let begun = |plan: &str| {
        let mut member = Member::joins(&program, "2026-11-01");
        member.takes_plan(&program, at("2026-11-22"), "paid", plan).unwrap();
        member
    };
    // The plan, the day of the second payment, and the first and the last day that are paid then.
    for (plan, pays_on, from, through) in [
        ("plus", "2026-12-21", "2026-11-22", "2027-01-21"),
        ("plus", "2026-12-22", "2026-11-22", "2027-01-21"),
        ("plus", "2026-12-23", "2026-12-23", "2027-01-22"),
        ("kind", "2026-12-22", "2026-11-22", "2027-01-21"),
        ("kind", "2026-12-28", "2026-11-22", "2027-01-21"),
        ("kind", "2026-12-29", "2026-12-29", "2027-01-28"),
    ] {
        let mut member = begun(plan);
        member.takes_plan(&program, at(pays_on), "again", plan).unwrap();
        assert_eq!(term(&member), Some((plan.into(), from.into(), through.into())), "{plan} paid on {pays_on}");
        member.assert_proven();
    }
    let kind = |through: &str, until: &str| Some(("kind".to_owned(), through.to_owned(), until.to_owned()));
    let mut member = begun("kind");
    assert_eq!(member.account.review_on, Some(on("2026-12-29")));
    assert_eq!(runs(&program, &mut member, "2026-12-28"), kind("2026-12-21", "2026-12-28"));
    let bought = member.earns(&program, "order-1", &purchase("2026-12-28", json!({}))).unwrap();
    let told: Vec<_> = bought.breakdown().iter().map(|line| (line.rule.clone(), line.given.get())).collect();
    assert_eq!(told, [("base".to_owned(), 10), ("tier:silver".to_owned(), 5), ("plan:kind".to_owned(), 1)]);
    let settled = member.settled(&program, at("2026-12-28"));
    assert_eq!(settled.standing().unwrap().until, Some(on("2026-12-28")));
    // No paid day is left, so another plan starts without an error.
    let mut other = begun("kind");
    other.takes_plan(&program, at("2026-12-22"), "other", "max").unwrap();
    assert_eq!(term(&other).unwrap().1, "2026-12-22");
    // The payment came: the tier never fell.
    member.takes_plan(&program, at("2026-12-28"), "again", "kind").unwrap();
    assert!(member.ids().iter().all(|id| !id.starts_with("~plan-end") && !id.starts_with("~tier~2026")));
    assert_eq!(runs(&program, &mut member, "2026-12-28"), kind("2027-01-21", "2027-01-28"));
    let ended = member.reviewed(&program, at("2027-01-29"));
    let ids: Vec<_> = ended.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["~plan-end~2027-01-29", "~tier~2027-01-29"]);
    // A later version without the plan removes no grace.
    let mut member = begun("kind");
    let mut parts = document();
    parts["plans"] = json!([]);
    let without = program.then(at("2026-11-23"), &crate::world::document(parts));
    assert_eq!(runs(&without, &mut member, "2026-12-28"), kind("2026-12-21", "2026-12-28"));
    assert_eq!(runs(&without, &mut member, "2026-12-29"), None);
    member.assert_proven();
}

#[test]
fn a_payment_under_rules_with_less_grace_buys_days_from_today_if_the_old_end_is_too_far_back() {
    let version = |interval: &str, grace_days: i64| {
        let plan = json!({ "id": "max", "price": 500, "interval": interval, "grace_days": grace_days });
        crate::world::document(json!({ "plans": [plan] }))
    };
    let generous = crate::world::program_of(&version("year", 44));
    let strict = generous.then(at("2027-12-01"), &version("month", 0));
    for (pays_on, from, through) in [
        ("2027-12-21", "2026-11-22", "2027-12-21"),
        ("2027-12-22", "2027-12-22", "2028-01-21"),
        ("2028-01-04", "2028-01-04", "2028-02-03"),
        ("2028-01-05", "2028-01-05", "2028-02-04"),
    ] {
        let mut member = Member::joins(&generous, "2026-11-01");
        member.takes_plan(&generous, at("2026-11-22"), "paid", "max").unwrap();
        member.takes_plan(&strict, at(pays_on), "again", "max").unwrap();
        assert_eq!(term(&member), Some(("max".into(), from.into(), through.into())), "paid on {pays_on}");
        let end = on(through).tomorrow().unwrap();
        assert_eq!(member.account.review_on, Some(end), "paid on {pays_on}");
        let [entry] = member.reviewed(&strict, at(&end.to_string())).try_into().unwrap();
        assert_eq!(entry.record, plan_end("max"), "paid on {pays_on}");
        member.assert_proven();
    }
}

#[test]
fn days_that_were_paid_keep_what_was_bought_when_a_later_version_sells_something_else() {
    let version = |plan: Value| {
        let mut parts = document();
        parts["plans"] = json!([plan, { "id": "plain", "price": 99, "interval": "month" }]);
        crate::world::document(parts)
    };
    let before = json!({ "id": "yr", "price": 500, "interval": "year", "tier_floor": "gold", "earning_percent": 150,
                         "grace_days": 10, "entitlements": [{ "id": "tasting", "times": 4, "every": "month" }] });
    let changed = |field: &str, value: Value| {
        let mut plan = before.clone();
        plan[field] = value;
        plan
    };
    let old = crate::world::program_of(&version(before.clone()));
    // The plan of the new version, and the terms after a payment under it: paid through which days.
    let (own, longer) = (&["2028-01-14", "2029-01-14"][..], &["2029-01-14"][..]);
    for (plan, throughs) in [
        (changed("tier_floor", json!("silver")), own),
        (changed("earning_percent", json!(100)), own),
        (changed("earning_percent", json!(200)), own),
        (changed("entitlements", json!([])), own),
        (changed("grace_days", json!(5)), own),
        (changed("price", json!(900)), longer),
        (changed("name", json!("Year")), longer),
    ] {
        let new = old.then(at("2027-02-01"), &version(plan.clone()));
        let mut member = Member::joins(&old, "2027-01-15");
        member.takes_plan(&old, at("2027-01-15"), "p-1", "yr").unwrap();
        member.takes_plan(&new, at("2027-02-01"), "p-2", "yr").unwrap();
        let through = |member: &Member| -> Vec<String> {
            member.account.plans.iter().map(|term| term.through.to_string()).collect()
        };
        assert_eq!(through(&member), throughs, "{plan}");
        assert_eq!(member.account.tier.as_ref().unwrap().as_str(), "gold", "{plan}");
        if throughs == own {
            let entry = member.earns(&new, "order-1", &purchase("2027-02-02", json!(1000))).unwrap();
            let line = entry.breakdown().iter().find(|line| line.rule == "plan:yr").unwrap();
            assert_eq!(line.given.get(), 5, "{plan}");
            // Its grace comes only after the last term.
            assert!(runs(&new, &mut member.clone(), "2028-01-14").is_some());
            let next = runs(&new, &mut member.clone(), "2028-01-15").unwrap();
            assert_eq!(next.1, "2029-01-14", "{plan}");
            // All of the plan ends, and a payment is reversed alone.
            let mut ended = member.clone();
            ended.ends_plan_once(&new, at("2027-03-01"), "end").unwrap();
            assert_eq!(ended.account.plans, [], "{plan}");
            let mut replaced = member.clone();
            let Record::Plan(paid) = replaced.replaces_plan(&new, at("2027-03-01"), "p-3", "plain").unwrap().record
            else {
                panic!("no payment")
            };
            assert_eq!(paid.replaced.unwrap().as_str(), "yr");
            assert_eq!(through(&replaced), ["2027-03-31"], "{plan}");
            let mut first = member.clone();
            first.reverses_payment(&new, at("2027-03-01"), "r-1", "p-1").unwrap();
            assert_eq!(through(&first), ["2028-02-29"], "{plan}");
            member.reverses_payment(&new, at("2027-03-01"), "r-2", "p-2").unwrap();
            assert_eq!(through(&member), ["2028-01-14"], "{plan}");
            assert!(!member.account.plans[0].is_continued, "{plan}");
            assert!(runs(&new, &mut member.clone(), "2028-01-24").is_some(), "its own grace");
            for member in [&ended, &replaced, &first] {
                member.assert_proven();
            }
        }
        let reviewed = member.reviewed(&new, at("2029-03-01"));
        assert!(!reviewed.is_empty() && member.account.plans.is_empty(), "{plan}");
        member.assert_proven();
    }
}

#[test]
fn a_reversed_payment_removes_the_days_that_it_paid_for() {
    let program = paid();
    // The plan, its payments, the day and the payment of a reversal, and the resulting plan.
    for (plan, pays_on, reversal, expected) in [
        ("plus", &["2027-01-31", "2027-02-01", "2027-02-02"][..], ("2027-02-03", 0), Some("2027-03-30")),
        ("plus", &["2027-01-31", "2027-02-01", "2027-02-02"][..], ("2027-02-03", 2), Some("2027-03-30")),
        ("plus", &["2027-01-31", "2027-02-28"][..], ("2027-02-28", 1), None),
        ("plus", &["2027-01-31", "2027-02-27"][..], ("2027-02-27", 1), Some("2027-02-27")),
        ("plus", &["2027-01-31"][..], ("2027-01-31", 0), None),
        ("kind", &["2027-01-31", "2027-03-06"][..], ("2027-03-06", 1), Some("2027-02-27")),
        ("kind", &["2027-01-31", "2027-03-06"][..], ("2027-03-07", 1), None),
        ("kind", &["2027-01-31"][..], ("2027-02-01", 0), None),
        ("max", &["2027-01-31", "2027-01-31"][..], ("2027-06-01", 0), Some("2028-01-30")),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        for (n, pays_on) in pays_on.iter().enumerate() {
            member.takes_plan(&program, at(pays_on), &format!("paid-{n}"), plan).unwrap();
        }
        let payment = format!("paid-{}", reversal.1);
        let entry = member.reverses_payment(&program, at(reversal.0), "reversal", &payment).unwrap();
        assert_eq!((entry.kind(), entry.refers_to.unwrap().as_str()), (Kind::PlanReversal, payment.as_str()));
        let term = term(&member).map(|(_, from, through)| (from, through));
        assert_eq!(term, expected.map(|through| (pays_on[0].to_owned(), through.to_owned())), "{plan} {pays_on:?}");
        let floor = match plan {
            "max" => "gold",
            _ if expected.is_some() => "silver",
            _ => "bronze",
        };
        assert_eq!(member.tier(), Some(floor));
        for sealed in &member.ledger {
            let read = Sealed::read(sealed.text.clone(), sealed.previous, sealed.hash).unwrap();
            assert_eq!(read.with_balance(sealed.balance), *sealed);
        }
        member.assert_proven();
    }
}

#[test]
fn the_first_of_several_reasons_not_to_reverse_a_payment_is_returned() {
    let program = paid();
    let now = at("2026-11-25");
    let member = || {
        let mut member = Member::joins(&program, "2026-11-01");
        member.takes_plan(&program, at("2026-11-22"), "paid-1", "plus").unwrap();
        member.takes_plan(&program, at("2026-11-22"), "paid-2", "plus").unwrap();
        member.reverses_payment(&program, at("2026-11-23"), "back", "paid-1").unwrap();
        member
    };
    // Closed; the entry is missing or reversed; the plan ended, and was paid again on the same day.
    for (closed, which, ended, expected) in [
        (true, "back", true, PlanReverseRefusal::Inactive(Inactive::Closed)),
        (false, "back", true, PlanReverseRefusal::NotAPayment),
        (false, "paid-1", true, PlanReverseRefusal::PaymentReversed),
        (false, "paid-2", true, PlanReverseRefusal::PlanOver),
        (false, "paid-1", false, PlanReverseRefusal::PaymentReversed),
    ] {
        let mut member = member();
        if ended {
            member.ends_plan(&program, at("2026-11-24")).unwrap();
        }
        if closed {
            member.account.status = Status::Closed;
        }
        let refused = member.reverses_payment(&program, now, "again", which).unwrap_err();
        assert_eq!(refused, expected);
        assert!(!refused.to_string().is_empty());
    }
    member().reverses_payment(&program, now, "again", "paid-2").unwrap();
    // A replaced plan is over, and so is one that ran out; a suspension does not matter.
    let mut replaced = member();
    replaced.replaces_plan(&program, at("2026-11-24"), "other", "max").unwrap();
    assert_eq!(replaced.reverses_payment(&program, now, "again", "paid-2"), Err(PlanReverseRefusal::PlanOver));
    replaced.account.status = Status::Suspended;
    replaced.reverses_payment(&program, now, "again", "other").unwrap();
    let late = at("2026-12-22");
    assert_eq!(member().reverses_payment(&program, late, "again", "paid-2"), Err(PlanReverseRefusal::PlanOver));
    // Started again on the day on which it ended, it is another plan.
    let mut again = Member::joins(&program, "2026-11-01");
    again.takes_plan(&program, now, "paid-1", "plus").unwrap();
    again.ends_plan_once(&program, now, "end").unwrap();
    again.takes_plan(&program, now, "paid-2", "plus").unwrap();
    assert_eq!(again.reverses_payment(&program, now, "again", "paid-1"), Err(PlanReverseRefusal::PlanOver));
    assert_eq!(term(&again).unwrap().2, "2026-12-24");
    // Ended under a key, it ends once, and nothing is written if no plan runs.
    let entry = again.ledger.iter().find(|sealed| sealed.entry.id.as_str() == "end").unwrap();
    assert_eq!(entry.entry.record, plan_end("plus"));
    assert_eq!(again.ends_plan_once(&program, now, "end-2"), Ok(()));
    assert_eq!(again.ends_plan_once(&program, now, "end-3"), Err(PlanEndRefusal::NotRunning));
    again.assert_proven();
}

#[test]
fn a_term_ends_with_its_last_day_or_when_another_plan_is_taken_or_it_is_ended() {
    let program = paid();
    let begun = |plan: &str| {
        let mut member = Member::joins(&program, "2026-11-01");
        member.takes_plan(&program, at("2026-11-22"), "paid", plan).unwrap();
        member
    };
    let mut member = begun("plus");
    assert_eq!(member.account.review_on, Some(on("2026-12-22")));
    assert_eq!((member.reviewed(&program, at("2026-12-21T23:59")), member.tier()), (vec![], Some("silver")));
    let ended = member.reviewed(&program, at("2026-12-22T00:00"));
    assert_eq!(
        ended.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(),
        ["~plan-end~2026-12-22", "~tier~2026-12-22"]
    );
    let end = &ended[0];
    assert_eq!((&end.record, end.by), (&plan_end("plus"), By::Engine));
    assert_eq!((runs(&program, &mut member, "2026-12-22"), member.tier()), (None, Some("bronze")));
    // Paid again, it starts again.
    member.takes_plan(&program, at("2027-01-05"), "again", "plus").unwrap();
    assert_eq!(term(&member).unwrap().1, "2027-01-05");

    // On its last day it still runs, regardless of other events on that day.
    let mut member = begun("plus");
    let (tier, until) = ("gold".parse().unwrap(), on("2026-12-20"));
    member.account.tier_override = Some(TierOverride { tier, until, reason: "complaint-1".parse().unwrap() });
    assert!(member.settled(&program, at("2026-12-21")).account().plans.len() == 1);

    let mut member = begun("plus");
    let running = PlanRefusal::PlanRunning { plan: "plus".parse().unwrap(), through: on("2026-12-21") };
    assert_eq!(member.takes_plan(&program, at("2026-11-30"), "other", "max"), Err(running));
    let entry = member.replaces_plan(&program, at("2026-11-30"), "other", "max").unwrap();
    assert_eq!(term(&member), Some(("max".into(), "2026-11-30".into(), "2027-11-29".into())));
    assert_eq!(entry.effects.tier_change.unwrap().to.unwrap().as_str(), "gold");

    let mut member = begun("max");
    assert_eq!(member.ends_plan(&program, at("2026-11-30")), Ok(true));
    assert_eq!((term(&member), member.tier()), (None, Some("bronze")));
    assert_eq!(member.ledger.last().unwrap().entry.kind(), Kind::TierChange);
    let entries = member.ledger.len();
    assert_eq!(member.ends_plan(&program, at("2026-11-30")), Ok(false));
    // Twice on one day is two plans, their ends and four changes of the tier, each with an entry.
    member.takes_plan(&program, at("2026-11-30"), "again", "max").unwrap();
    assert_eq!(member.ends_plan(&program, at("2026-11-30")), Ok(true));
    assert_eq!(member.ledger.len(), entries + 4);
    let end = &member.ledger[entries + 2].entry;
    assert_eq!((&end.record, end.by), (&plan_end("max"), By::Operator));
    assert_eq!(end.id.to_string(), format!("~plan-end~{}", end.seq));
    member.assert_proven();

    // The end of a plan that changes no tier is an entry too.
    let mut member = begun("plain");
    assert_eq!(member.account.review_on, Some(on("2026-12-22")));
    assert_eq!(runs(&program, &mut member, "2026-12-22"), None);
    assert_eq!(member.reviewed(&program, at("2026-12-22")).len(), 1);
    assert_eq!(member.account.review_on, None);
    let mut member = begun("plain");
    assert_eq!((member.ends_plan(&program, at("2026-12-01")), term(&member)), (Ok(true), None));
}

#[test]
fn the_floor_of_a_plan_is_one_ground_of_the_tier() {
    let program = paid();
    let mut member = Member::joins(&program, "2026-11-01");
    let standing = |member: &mut Member, now: &str| {
        let settled = member.settled(&program, at(now));
        let standing = settled.standing().unwrap();
        let next = standing.next.map(|next| (next.level.id.to_string(), next.amounts[0].1));
        (standing.level.unwrap().id.to_string(), standing.because, standing.until, next)
    };
    let entry = member.takes_plan(&program, at("2026-11-22"), "paid", "plus").unwrap();
    let change = entry.effects.tier_change.unwrap();
    assert_eq!((change.from.unwrap().as_str(), change.to.unwrap().as_str()), ("bronze", "silver"));
    assert_eq!(member.ids().last(), Some(&"~tier~by~paid"));
    let gold = Some(("gold".to_owned(), 200));
    assert_eq!(standing(&mut member, "2026-11-22"), ("silver".into(), Because::Plan, Some(on("2026-12-21")), gold));
    // What the member has earned holds longer than the plan, so it is the reason.
    member.earns(&program, "order-1", &purchase("2026-11-23", json!(10_000))).unwrap();
    let earned = ("silver".to_owned(), Because::Qualified, Some(on("2027-12-31")), Some(("gold".to_owned(), 100)));
    assert_eq!(standing(&mut member, "2026-11-23"), earned);
    // A plan that runs on when that ends is the reason from then on, or before it.
    let mut member = Member::joins(&program, "2025-11-01");
    member.earns(&program, "order-1", &purchase("2025-11-23", json!(10_000))).unwrap();
    let secured = ("silver".to_owned(), Because::Secured, Some(on("2026-12-31")), Some(("gold".to_owned(), 200)));
    assert_eq!(standing(&mut member, "2026-12-10"), secured);
    member.takes_plan(&program, at("2026-12-10"), "paid", "plus").unwrap();
    let paid = ("silver".to_owned(), Because::Plan, Some(on("2027-01-09")), Some(("gold".to_owned(), 200)));
    assert_eq!(standing(&mut member, "2026-12-10"), paid);
    assert_eq!(standing(&mut member, "2027-01-09"), paid);
    assert_eq!(standing(&mut member, "2027-01-10").0, "bronze");
    // A floor does not lower a higher level that was earned.
    member.earns(&program, "order-2", &purchase("2026-12-11", json!(20_000))).unwrap();
    assert_eq!(standing(&mut member, "2026-12-11").0, "gold");
}

#[test]
fn a_plan_gives_its_percent_of_the_base_beside_the_tier() {
    let told = |program: &Rulebook, member: &mut Member, key: &str| {
        let entry = member.earns(program, key, &purchase("2026-11-23", json!({ "channel": "app" }))).unwrap();
        entry.breakdown().iter().map(line).collect::<Vec<_>>()
    };
    let lines = |lines: &[(&str, i64)]| -> Vec<_> {
        lines.iter().map(|(rule, points)| ((*rule).to_owned(), *points, *points)).collect()
    };
    let program = paid();
    let mut member = Member::joins(&program, "2026-11-01");
    member.takes_plan(&program, at("2026-11-22"), "paid", "max").unwrap();
    let all = lines(&[("base", 10), ("tier:gold", 10), ("plan:max", 3), ("double", 10)]);
    assert_eq!(told(&program, &mut member, "order-1"), all);
    // A refund deducts its share of each line.
    let refund = member.reverses(&program, at("2026-11-23"), "refund", "order-1", None).unwrap();
    assert_eq!(refund.points().get(), -33);
    // A plan that was paid keeps its terms to its last day when the program drops it. It cannot be renewed.
    let mut parts = document();
    parts["plans"] = json!([]);
    let without = program.then(at("2026-11-23"), &crate::world::document(parts));
    assert_eq!(told(&without, &mut member, "order-2"), all);
    assert_eq!(member.settled(&without, at("2026-11-23")).holdings().len(), 1);
    let refused = member.takes_plan(&without, at("2026-11-23"), "again", "max");
    assert!(matches!(refused, Err(PlanRefusal::PlanNotFound(_))), "{refused:?}");
    assert_eq!(term(&member).unwrap().0.as_str(), "max");
    // Bronze gives nothing on top, and has no line.
    let bronze = lines(&[("base", 10), ("double", 10)]);
    let over = member.settled(&without, at("2027-11-22"));
    assert_eq!((over.holdings(), over.plan()), (vec![], None));
    let occasion = purchase("2027-11-22", json!({ "channel": "app" }));
    let entry = member.earns(&without, "order-3", &occasion).unwrap();
    assert_eq!(entry.breakdown().iter().map(line).collect::<Vec<_>>(), bronze);
}

/// Returns the member's entitlements: id, number, uses, left, reset.
fn held(program: &Rulebook, member: &mut Member, now: &str) -> Vec<(String, i64, i64, i64, String)> {
    let settled = member.settled(program, at(now));
    let told = settled.holdings().into_iter().map(|held| {
        let resets_on = held.resets_on.map_or("never".to_owned(), |day| day.to_string());
        (held.id.to_string(), held.times, held.used, held.left, resets_on)
    });
    told.collect()
}

fn tasting(times: i64, used: i64, resets_on: &str) -> Vec<(String, i64, i64, i64, String)> {
    vec![("tasting".to_owned(), times, used, (times - used).max(0), resets_on.to_owned())]
}

#[test]
fn what_a_level_and_a_plan_both_give_adds_up_and_begins_anew_with_each_interval() {
    let program = paid();
    let mut member = Member::joins(&program, "2026-11-01");
    assert_eq!(held(&program, &mut member, "2026-11-20"), []);
    member.takes_plan(&program, at("2026-11-22"), "paid", "plus").unwrap();
    assert_eq!(held(&program, &mut member, "2026-11-22"), tasting(3, 0, "2026-12-01"));
    for n in 1..=3 {
        let entry = member.uses(&program, at("2026-11-23"), &format!("use-{n}"), "tasting").unwrap();
        assert_eq!((entry.points().get(), entry.record), (0, Record::EntitlementUse("tasting".parse().unwrap())));
        assert_eq!(held(&program, &mut member, "2026-11-23"), tasting(3, n, "2026-12-01"));
    }
    let used_up = UseRefusal::EntitlementUsedUp { times: 3, resets_on: Some(on("2026-12-01")) };
    assert_eq!(member.uses(&program, at("2026-11-30T23:59"), "use-4", "tasting"), Err(used_up.clone()));
    assert!(used_up.to_string().contains("2026-12-01"));
    member.uses(&program, at("2026-12-01T00:00"), "use-5", "tasting").unwrap();
    // The plan has ended: earlier uses count against the remaining entitlement.
    assert_eq!(held(&program, &mut member, "2026-12-22"), []);
    member.earns(&program, "order-1", &purchase("2026-12-23", json!(10_000))).unwrap();
    assert_eq!(held(&program, &mut member, "2026-12-23"), tasting(1, 1, "2027-01-01"));
    // At gold there is another, once in total, and no tasting.
    member.earns(&program, "order-2", &purchase("2026-12-23", json!(10_000))).unwrap();
    member.uses(&program, at("2026-12-23"), "use-6", "lounge").unwrap();
    assert_eq!(held(&program, &mut member, "2027-12-23"), [("lounge".to_owned(), 1, 1, 0, "never".to_owned())]);
    let never = member.uses(&program, at("2027-12-23"), "use-7", "lounge").unwrap_err();
    assert_eq!(never, UseRefusal::EntitlementUsedUp { times: 1, resets_on: None });
    for sealed in &member.ledger {
        let read = Sealed::read(sealed.text.clone(), sealed.previous, sealed.hash).unwrap();
        assert_eq!(read.with_facts(sealed.facts.as_deref().cloned()).with_balance(sealed.balance), *sealed);
    }
    member.assert_proven();
    // Uses of a past interval are dropped.
    assert_eq!(used(member.settled(&program, at("2027-12-23")).account(), &"entitlement/tasting".parse().unwrap()), 0);
    // A use that counts permanently is dropped when neither the rules in force nor those before them know the
    // entitlement.
    let without = |days: i64| crate::world::document(json!({ "points": { "backdating_days_max": days } }));
    let gone = program.then(at("2027-12-24"), &without(1));
    assert!(knows_use(member.settled(&gone, at("2027-12-25")).account()));
    let gone = gone.then(at("2027-12-26"), &without(2));
    assert!(!knows_use(member.settled(&gone, at("2027-12-27")).account()));
}

#[test]
fn the_first_of_several_reasons_to_refuse_a_use_is_returned() {
    let program = paid();
    // The account is inactive, the entitlement is unknown, the member does not have it, or all uses are spent.
    for (suspended, unknown, unheld, used_up, expected) in [
        (true, true, true, true, "Inactive"),
        (false, true, true, true, "EntitlementNotFound"),
        (false, false, true, true, "EntitlementNotHeld"),
        (false, false, false, true, "EntitlementUsedUp"),
        (true, false, false, false, "Inactive"),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.takes_plan(&program, at("2026-11-22"), "paid", "plus").unwrap();
        if used_up {
            for n in 0..3 {
                member.uses(&program, at("2026-11-22"), &format!("use-{n}"), "tasting").unwrap();
            }
        }
        if unheld {
            member.ends_plan(&program, at("2026-11-22")).unwrap();
        }
        if suspended {
            member.account.status = Status::Suspended;
        }
        let what = if unknown { "sauna" } else { "tasting" };
        let refused = member.uses(&program, at("2026-11-22"), "use", what).unwrap_err();
        assert!(format!("{refused:?}").starts_with(expected), "{refused:?} instead of {expected}");
        assert!(!refused.to_string().is_empty());
    }
}

#[test]
fn the_first_of_several_reasons_to_refuse_a_plan_is_returned() {
    let program = paid();
    let mut member = Member::joins(&program, "2026-11-01");
    assert!(matches!(member.takes_plan(&program, at("2026-11-22"), "a", "gratis"), Err(PlanRefusal::PlanNotFound(_))));
    let mut other = Member::joins(&program, "2026-11-01");
    other.takes_plan(&program, at("2026-11-22"), "b", "max").unwrap();
    assert!(matches!(other.takes_plan(&program, at("2026-11-22"), "c", "gratis"), Err(PlanRefusal::PlanNotFound(_))));
    let running = PlanRefusal::PlanRunning { plan: "max".parse().unwrap(), through: on("2027-11-21") };
    assert_eq!(other.takes_plan(&program, at("2027-11-21"), "c", "plus"), Err(running.clone()));
    assert!(running.to_string().contains("`max` is paid through 2027-11-21"));
    // A suspension does not prevent a payment.
    member.account.status = Status::Suspended;
    member.takes_plan(&program, at("2026-11-22"), "b", "plus").unwrap();
    member.account.status = Status::Closed;
    let closed = PlanRefusal::Inactive(Inactive::Closed);
    assert_eq!(member.takes_plan(&program, at("2026-11-22"), "c", "gratis"), Err(closed));
    assert_eq!(member.ends_plan(&program, at("2026-11-22")), Err(PlanEndRefusal::Inactive(Inactive::Closed)));
    // Its term still ends in time, and then there is nothing to end.
    assert_eq!(member.reviewed(&program, at("2026-12-22")).len(), 2);
    assert_eq!(member.ends_plan(&program, at("2026-12-22")), Ok(false));
}
