//! Challenges, and the steps of rules: what counts, for how long, and what a refund undoes.

use regulars_domain::{chain::Sealed, steps::Progress};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, activity, at, document, euro, line, on, program, purchase};

/// Returns a program with a rule `visits` that gives `challenge` for each purchase, with a limit of backdating.
fn challenging(challenge: &Value, backdating_days_max: i64) -> Rulebook {
    program(json!({
        "points": { "backdating_days_max": backdating_days_max },
        "earning_rules": [{ "id": "visits", "on": "purchase", "give": { "challenge": challenge } }],
    }))
}

fn three_in_ten(repeats: bool) -> Value {
    json!({ "times": 3, "within_days": 10, "points": 100, "repeats": repeats })
}

fn told(progress: Progress) -> String {
    let by = progress.by.map_or("-".to_owned(), |day| day.strftime("%d.%m").to_string());
    format!("{}/{} {by}", progress.done, progress.of)
}

/// Asserts a history of a member: `a 1` is a purchase on the first of the month, posted at once, or as soon as a later
/// day has come; `undo a` is its refund, `half a` that of half of it; `till 31` waits until that day. Each has its
/// points and the progress shown.
fn check_history(challenge: &Value, backdating_days_max: i64, steps: &[(&str, i64, &str)]) {
    let program = challenging(challenge, backdating_days_max);
    let mut member = Member::joins(&program, "2027-01-01");
    let mut now = at("2027-01-01");
    for (n, (step, points, progress)) in steps.iter().enumerate() {
        let (what, which) = step.split_once(' ').unwrap();
        let day =
            |day: &str| at("2027-01-01") + jiff::SignedDuration::from_hours(24 * (day.parse::<i64>().unwrap() - 1));
        let key = format!("step-{n}");
        let entry = match what {
            "till" => {
                now = day(which);
                member.reviewed(&program, now);
                continue;
            }
            "undo" => member.reverses(&program, now, &key, which, None).unwrap(),
            "half" => member.reverses(&program, now, &key, which, Some(euro(500))).unwrap(),
            key => {
                let moment = day(which);
                now = now.max(moment);
                member.earns_at(&program, now, key, &purchase(&moment.to_string(), json!(1000))).unwrap()
            }
        };
        assert_eq!(entry.points().get(), *points, "{step} of {steps:?}");
        let found = entry.breakdown().first().and_then(|line| line.progress).map(told).unwrap_or_default();
        assert_eq!(found, *progress, "{step} of {steps:?}");
    }
    for sealed in &member.ledger {
        let read = Sealed::read(sealed.text.clone(), sealed.previous, sealed.hash).unwrap();
        assert_eq!(read.with_facts(sealed.facts.as_deref().cloned()).with_balance(sealed.balance), *sealed);
    }
    member.assert_proven();
}

#[test]
fn a_challenge_pays_once_enough_actions_lie_within_its_days() {
    let check = |steps: &[(&str, i64, &str)]| check_history(&three_in_ten(true), 0, steps);
    check(&[("a 1", 0, "1/3 10.01"), ("b 2", 0, "2/3 10.01"), ("c 10", 100, "3/3 10.01")]);
    check(&[("a 1", 0, "1/3 10.01"), ("b 2", 0, "2/3 10.01"), ("c 11", 0, "2/3 11.01"), ("d 11", 100, "3/3 11.01")]);
    // Two actions on one day are two.
    check(&[("a 5", 0, "1/3 14.01"), ("b 5", 0, "2/3 14.01"), ("c 5", 100, "3/3 14.01"), ("d 5", 0, "1/3 14.01")]);
    // The window slides: an action before it no longer counts, the others do.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 9", 0, "2/3 10.01"),
        ("c 15", 0, "2/3 18.01"),
        ("d 18", 100, "3/3 18.01"),
        ("e 19", 0, "1/3 28.01"),
    ]);
    // Paid actions are used up.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("c 3", 100, "3/3 10.01"),
        ("d 4", 0, "1/3 13.01"),
        ("e 5", 0, "2/3 13.01"),
        ("f 6", 100, "3/3 13.01"),
    ]);
}

#[test]
fn a_challenge_that_does_not_repeat_pays_once_ever() {
    let check = |steps: &[(&str, i64, &str)]| check_history(&three_in_ten(false), 0, steps);
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("c 3", 100, "3/3 10.01"),
        ("d 4", 0, ""),
        ("e 5", 0, ""),
        ("f 6", 0, ""),
        ("till 60", 0, ""),
        ("g 60", 0, ""),
    ]);
    // Its points are reversed, and it can be earned again with the remaining actions.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("c 3", 100, "3/3 10.01"),
        ("d 4", 0, ""),
        ("undo c", -100, "2/3 10.01"),
        ("e 10", 100, "3/3 10.01"),
        ("f 11", 0, ""),
    ]);
    let once = json!({ "times": 1, "within_days": 1, "points": 7 });
    check_history(
        &once,
        0,
        &[("a 1", 7, "1/1 01.01"), ("b 2", 0, ""), ("undo a", -7, "0/1 -"), ("c 3", 7, "1/1 03.01")],
    );
}

#[test]
fn a_late_action_counts_on_its_own_day() {
    let check = |steps: &[(&str, i64, &str)]| check_history(&three_in_ten(true), 30, steps);
    check(&[("a 1", 0, "1/3 10.01"), ("b 9", 0, "2/3 10.01"), ("till 20", 0, ""), ("c 5", 100, "3/3 10.01")]);
    // What only late actions could complete is not shown as open.
    check(&[
        ("till 30", 0, ""),
        ("a 1", 0, "0/3 -"),
        ("b 25", 0, "1/3 03.02"),
        ("c 5", 0, "1/3 03.02"),
        ("d 10", 100, "3/3 10.01"),
    ]);
    // If two choices are possible, the earlier actions are used up, and the later ones have more time left.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 5", 0, "2/3 10.01"),
        ("c 12", 0, "2/3 14.01"),
        ("d 9", 100, "3/3 10.01"),
        ("e 13", 0, "2/3 21.01"),
    ]);
    // After the last day on which an action near it could still be posted, an action is dropped.
    check(&[("a 1", 0, "1/3 10.01"), ("till 40", 0, ""), ("b 10", 0, "0/3 -"), ("c 10", 100, "3/3 10.01")]);
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("till 41", 0, ""),
        ("b 11", 0, "0/3 -"),
        ("c 11", 0, "0/3 -"),
        ("d 12", 100, "3/3 20.01"),
    ]);
}

#[test]
fn a_refund_takes_the_action_back() {
    let check = |steps: &[(&str, i64, &str)]| check_history(&three_in_ten(true), 0, steps);
    // Before the challenge was completed.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("undo b", 0, "1/3 10.01"),
        ("c 3", 0, "2/3 10.01"),
        ("d 4", 100, "3/3 10.01"),
    ]);
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("undo a", 0, "1/3 11.01"),
        ("undo a", 0, ""),
        ("c 3", 0, "2/3 11.01"),
    ]);
    // A partial refund undoes no step.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("half b", 0, ""),
        ("c 3", 100, "3/3 10.01"),
        ("half c", 0, ""),
    ]);
    // Its last action is undone, and the others count again.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("c 3", 100, "3/3 10.01"),
        ("undo c", -100, "2/3 10.01"),
        ("d 4", 100, "3/3 10.01"),
        ("undo d", -100, "2/3 10.01"),
        ("e 11", 0, "2/3 11.01"),
    ]);
    // Together with later ones they may be enough.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("c 3", 100, "3/3 10.01"),
        ("d 4", 0, "1/3 13.01"),
        ("e 5", 0, "2/3 13.01"),
        ("undo c", 0, "1/3 14.01"),
        ("f 6", 0, "2/3 14.01"),
        ("g 7", 100, "3/3 14.01"),
    ]);
    // A paid action is undone, and its points with it: the next ones make up for it and give them again.
    check(&[
        ("a 1", 0, "1/3 10.01"),
        ("b 2", 0, "2/3 10.01"),
        ("c 3", 100, "3/3 10.01"),
        ("undo a", -100, "-1/3 -"),
        ("undo b", 0, "-2/3 -"),
        ("d 4", 0, "-1/3 -"),
        ("e 5", 100, "0/3 -"),
        ("f 6", 0, "1/3 15.01"),
        ("g 7", 0, "2/3 15.01"),
        ("h 8", 100, "3/3 15.01"),
    ]);
    // All of them are undone, in any order, and nothing is left.
    for (order, told) in [
        (["a", "b", "c"], ["-1/3 -", "-2/3 -", "0/3 -"]),
        (["c", "b", "a"], ["2/3 10.01", "1/3 10.01", "0/3 -"]),
        (["b", "c", "a"], ["-1/3 -", "1/3 11.01", "0/3 -"]),
    ] {
        let undo = order.map(|key| format!("undo {key}"));
        let taken = [-100, 0, 0];
        check(&[
            ("a 1", 0, "1/3 10.01"),
            ("b 2", 0, "2/3 10.01"),
            ("c 3", 100, "3/3 10.01"),
            (&undo[0], taken[0], told[0]),
            (&undo[1], taken[1], told[1]),
            (&undo[2], taken[2], told[2]),
            ("d 4", 0, "1/3 13.01"),
        ]);
    }
    // An action that never counted leaves no debt.
    check(&[("a 1", 0, "1/3 10.01"), ("till 20", 0, ""), ("undo a", 0, "0/3 -"), ("b 20", 0, "1/3 29.01")]);
}

#[test]
fn what_no_longer_matters_is_forgotten_and_so_is_a_rule_that_is_gone() {
    let remembered = |member: &Member| member.account.steps.get("visits").cloned();
    let program = challenging(&three_in_ten(true), 30);
    let mut member = Member::joins(&program, "2027-01-01");
    member.earns(&program, "a", &purchase("2027-01-01", json!(1000))).unwrap();
    member.earns(&program, "b", &purchase("2027-01-02", json!(1000))).unwrap();
    assert_eq!(remembered(&member).unwrap().days, [on("2027-01-01"), on("2027-01-02")]);
    let days = |member: &mut Member, now: &str| {
        let account = member.settled(&program, at(now)).account().clone();
        account.steps.get("visits").map(|steps| steps.days.len())
    };
    assert_eq!(days(&mut member, "2027-02-09"), Some(2));
    assert_eq!(days(&mut member, "2027-02-10"), Some(1));
    assert_eq!(days(&mut member, "2027-02-11"), None);
    assert!(forgotten(&program, &mut member), "visits");

    // The same for a punch card.
    let card = crate::world::program(json!({ "earning_rules": [
        { "id": "card", "on": "purchase", "give": { "punch_card": { "every": 3, "points": 50 } } } ] }));
    let mut member = Member::joins(&card, "2027-01-01");
    member.earns(&card, "a", &purchase("2027-01-01", json!(1000))).unwrap();
    assert_eq!(member.settled(&card, at("2029-01-01")).account().steps["card"].count, 1);
    assert!(forgotten(&card, &mut member), "card");
}

/// Returns whether the member's steps are dropped once neither the rules in force nor those before know their rule.
/// Until then the version before still decides late purchases.
fn forgotten(program: &Rulebook, member: &mut Member) -> bool {
    let without = |days: i64| document(json!({ "points": { "backdating_days_max": days } }));
    let gone = program.then(at("2027-01-02T13:00"), &without(1));
    assert!(!member.settled(&gone, at("2027-01-02T14:00")).account().steps.is_empty());
    let gone = gone.then(at("2027-01-02T15:00"), &without(2));
    member.settled(&gone, at("2027-01-02T16:00")).account().steps.is_empty()
}

#[test]
fn an_account_keeps_no_more_than_a_hundred_days_of_a_challenge() {
    let program = challenging(&json!({ "times": 50, "within_days": 2, "points": 1, "repeats": true }), 365);
    let mut member = Member::joins(&program, "2027-01-01");
    let now = at("2027-01-01");
    for n in 0..110 {
        let moment = now - jiff::SignedDuration::from_hours(24 * n);
        member.earns_at(&program, now, &format!("order-{n}"), &purchase(&moment.to_string(), json!(1000))).unwrap();
    }
    let days = &member.settled(&program, now).account().steps["visits"].days.clone();
    assert_eq!((days.len(), days.last()), (100, Some(&on("2027-01-01"))));
}

#[test]
fn a_condition_or_an_activity_says_what_counts() {
    let program = program(json!({ "earning_rules": [
        { "id": "app", "on": "purchase", "when": "purchase.channel == 'app'",
          "give": { "challenge": { "times": 2, "within_days": 10, "points": 5 } } },
        { "id": "reviews", "on": { "activity": "review" },
          "give": { "challenge": { "times": 2, "within_days": 10, "points": 9 } } },
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    for (n, (channel, expect)) in
        [("app", vec![("app", 0, 0)]), ("till", vec![]), ("app", vec![("app", 5, 5)])].into_iter().enumerate()
    {
        let bought = purchase("2026-11-02", json!({ "channel": channel }));
        let entry = member.earns(&program, &format!("order-{n}"), &bought).unwrap();
        let expect: Vec<_> = expect.into_iter().map(|(rule, wanted, given)| (rule.to_owned(), wanted, given)).collect();
        assert_eq!(entry.breakdown().iter().map(line).collect::<Vec<_>>(), expect, "{channel}");
    }
    let review = activity("2026-11-02", "review", &json!({}));
    for (key, points) in [("review-1", 0), ("review-2", 9)] {
        assert_eq!(member.earns(&program, key, &review).unwrap().points().get(), points);
    }
    assert_eq!(member.reverses(&program, at("2026-11-03"), "undo", "review-2", None).unwrap().points().get(), -9);
    assert_eq!(member.earns(&program, "review-3", &review).unwrap().points().get(), 9);
}

#[test]
fn a_cap_clips_a_challenge_and_a_refund_frees_the_cap() {
    let program = program(json!({ "earning_rules": [
        { "id": "visits", "on": "purchase", "cap": { "points": 150, "every": "ever" },
          "give": { "challenge": { "times": 1, "within_days": 1, "points": 100, "repeats": true } } },
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    for (key, given) in [("a", 100), ("b", 50), ("c", 0)] {
        let entry = member.earns(&program, key, &purchase("2026-11-02", json!(1000))).unwrap();
        assert_eq!(
            entry.breakdown().iter().map(line).collect::<Vec<_>>(),
            [("visits".to_owned(), 100, given)],
            "{key}"
        );
    }
    assert_eq!(member.reverses(&program, at("2026-11-02"), "undo", "a", None).unwrap().points().get(), -100);
    let entry = member.earns(&program, "d", &purchase("2026-11-02", json!(1000))).unwrap();
    assert_eq!(entry.points().get(), 100);
}

#[test]
fn a_beaten_rule_of_a_group_takes_no_step() {
    let promotion =
        |id: &str, give: Value| json!({ "id": id, "on": "purchase", "stacking": { "best_of": "g" }, "give": give });
    let program = program(json!({ "earning_rules": [
        promotion("sale", json!({ "rate": { "points": 1, "per": 100 } })),
        promotion("visits", json!({ "challenge": { "times": 2, "within_days": 10, "points": 100, "repeats": true } })),
        promotion("card", json!({ "punch_card": { "every": 2, "points": 60 } })),
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    let mut buys = |key: &str, cents: i64| {
        let entry = member.earns(&program, key, &purchase("2026-11-02", json!(cents))).unwrap();
        let told = entry.breakdown().iter().map(|line| (line.rule.clone(), line.wanted.get(), line.given.get()));
        let progress = entry.breakdown().iter().find_map(|line| line.progress).unwrap();
        let steps = |id: &str| member.account.steps.get(id).map_or((0, 0), |steps| (steps.count, steps.days.len()));
        (told.collect::<Vec<_>>(), progress.done, steps("visits"), steps("card"))
    };
    let lines = |lines: &[(&str, i64, i64)]| -> Vec<_> {
        lines.iter().map(|(rule, wanted, given)| ((*rule).to_owned(), *wanted, *given)).collect()
    };
    assert_eq!(buys("a", 500), (lines(&[("sale", 5, 5), ("visits", 0, 0)]), 0, (0, 0), (0, 0)));
    // Of rules with equal points (none), the first counts, and no other takes a step.
    assert_eq!(buys("b", 0), (lines(&[("visits", 0, 0)]), 0, (0, 0), (0, 0)));
}
