//! The data that an account stores for rules is bounded: when a program is published, and over any sequence of
//! programs.

use std::collections::BTreeMap;

use regulars_domain::{
    account::AttributeValue,
    enroll::{ChangeRefusal, MemberChange, change_member},
    entry::By,
    hold::HOLD_LOTS_MAX,
    program::{ATTRIBUTE_BYTES_MAX, MEMORY_BYTES_MAX, Program},
    redeem::RedeemRefusal,
    settle::settle_unwritten,
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, document, lots, program, program_of, purchase};

/// Returns a program with rules with a cap, named `NAME-0` and so on, and this limit of backdating.
fn capped(name: &str, count: usize, cap: &Value, backdating_days_max: i32) -> Value {
    let rule = |place| json!({ "id": format!("{name}-{place:03}"), "on": "purchase", "give": { "fixed": { "points": 1 } }, "cap": cap });
    document(json!({
        "points": { "backdating_days_max": backdating_days_max },
        "earning_rules": (0..count).map(rule).collect::<Vec<_>>(),
    }))
}

fn once(every: &str) -> Value {
    json!({ "times": 1, "every": every })
}

#[test]
fn a_program_that_makes_accounts_remember_too_much_is_refused_at_its_largest_part() {
    let mut varied = capped("visit", 100, &once("month"), 30);
    varied["earning_rules"][7]["cap"] = once("day");
    varied["rewards"] = (0..100)
        .map(|place| {
            json!({ "id": format!("reward-{place}"), "name": "A reward", "kind": "product", "cost": { "points": 1 },
                    "limit": { "times": 1, "every": "year" } })
        })
        .collect();
    let mut rewards = varied.clone();
    rewards["earning_rules"] = json!([]);
    rewards["rewards"] = (0..300)
        .map(|place| {
            json!({ "id": format!("reward-{place}"), "name": "A reward", "kind": "product", "cost": { "points": 1 },
                    "limit": { "points": if place == 9 { 1_000_000 } else { 1 }, "every": "year" } })
        })
        .collect();
    let steps = |give: &Value| {
        let mut document = capped("goal", 200, &once("ever"), 365);
        for rule in document["earning_rules"].as_array_mut().unwrap() {
            rule.as_object_mut().unwrap().remove("cap");
            rule["give"] = give.clone();
        }
        document
    };
    let challenge = json!({ "challenge": { "times": 10, "within_days": 30, "points": 1 } });
    let per_program = json!({ "times": 1, "every": "day", "per": "program" });
    for (name, document, expected) in [
        (
            "ten a day over a year, the case that was met",
            capped("a", 10, &once("day"), 365),
            Some("/earning_rules/0/cap"),
        ),
        ("a hundred a day over a year", capped("a", 100, &once("day"), 365), Some("/earning_rules/0/cap")),
        ("ten a day over a month", capped("a", 10, &once("day"), 30), None),
        ("thirty a day over a month", capped("a", 30, &once("day"), 30), Some("/earning_rules/0/cap")),
        ("thirty a day, at once", capped("a", 30, &once("day"), 0), None),
        ("five over the program a day, over a year", capped("a", 5, &per_program, 365), None),
        ("two hundred for ever", capped("a", 200, &once("ever"), 365), None),
        ("the largest of several", varied, Some("/earning_rules/7/cap")),
        ("limits of rewards", rewards, Some("/rewards/9/limit")),
        ("challenges", steps(&challenge), Some("/earning_rules/0/give")),
        ("punch cards", steps(&json!({ "punch_card": { "every": 10, "points": 1 } })), None),
    ] {
        let problems = Program::read(&document, 1).err().unwrap_or_default();
        let told: Vec<_> = problems.iter().map(|problem| (problem.at.as_str(), problem.code)).collect();
        assert_eq!(told, expected.map(|at| (at, "account_too_large")).into_iter().collect::<Vec<_>>(), "{name}");
        assert!(problems.iter().all(|problem| problem.message.contains(&MEMORY_BYTES_MAX.to_string())), "{name}");
        assert!(Program::stored(&document, 1).is_ok(), "{name}: what was published once is read");
    }
}

/// Returns the bytes of caps that `member` stores on a day.
fn remembered(member: &Member, rulebook: &Rulebook, now: &str) -> usize {
    settle_unwritten(rulebook.versions(), member.account.clone(), at(now)).unwrap().account().cap_use.bytes()
}

#[test]
fn many_versions_with_many_caps_do_not_add_up() {
    let mut rulebook = program_of(&capped("v1", 130, &once("year"), 365));
    let mut member = Member::joins(&rulebook, "2027-01-01");
    let mut most = 0;
    for version in 2..=6 {
        let day = format!("2027-0{version}-01");
        member.earns_at(&rulebook, at(&day), &format!("order-{version}"), &purchase(&day, json!(100))).unwrap();
        rulebook = rulebook.then(at(&format!("{day}T12:00")), &capped(&format!("v{version}"), 130, &once("year"), 365));
        member.assert_proven();
        most = most.max(member.account.cap_use.bytes());
    }
    assert!((MEMORY_BYTES_MAX..=2 * MEMORY_BYTES_MAX).contains(&most), "{most}");
    // Data of the rules in force is never dropped: a second purchase under the newest version finds its caps used.
    let first = member.earns_at(&rulebook, at("2027-06-20"), "first", &purchase("2027-06-20", json!(100))).unwrap();
    let second = member.earns_at(&rulebook, at("2027-06-21"), "second", &purchase("2027-06-21", json!(100))).unwrap();
    assert_eq!((first.points().get(), second.points().get()), (130, 0));
    member.assert_proven();
}

#[test]
fn an_account_stores_uses_only_for_days_whose_version_still_accepts_purchases() {
    // A year of backdating, and then a month: days of the second version are not stored for a year because of the
    // first.
    let first = program_of(&capped("a", 1, &once("day"), 365));
    let second = first.then(at("2027-03-01"), &capped("a", 1, &once("day"), 30));
    let mut member = Member::joins(&first, "2027-01-01");
    for (book, day) in [(&first, "2027-02-20"), (&second, "2027-03-10"), (&second, "2027-05-01")] {
        member.earns_at(book, at(day), &format!("order-{day}"), &purchase(day, json!(100))).unwrap();
    }
    let two = 2 * 12 + "rule/a-000".len() + 4;
    assert_eq!(remembered(&member, &second, "2027-05-01"), two, "20 February and 1 May, not 10 March");
    assert_eq!(remembered(&member, &second, "2027-05-31"), two);
    assert_eq!(remembered(&member, &second, "2027-06-02"), two - 12);
    assert_eq!(remembered(&member, &second, "2028-02-20"), two - 12);
    assert_eq!(remembered(&member, &second, "2028-02-21"), 0);
}

#[test]
fn holds_reserve_points_of_no_more_lots_than_an_account_can_bear() {
    let program = program(json!({ "rewards": [
        { "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 30 }, "hold_seconds_max": 600 },
        { "id": "tea", "name": "Tea", "kind": "product", "cost": { "points": 1 }, "hold_seconds_max": 600 },
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    let days: Vec<_> = (1..=30).map(|day| format!("2027-01-{day:02}")).collect();
    let refill = |member: &mut Member| {
        let parts: Vec<_> = days.iter().map(|day| (day.as_str(), 1)).collect();
        member.account.lots = lots(&parts);
    };
    for place in 0..2 {
        refill(&mut member);
        member.holds(&program, "2026-11-21", &format!("r-{place}"), "coffee", 600).unwrap();
    }
    refill(&mut member);
    assert_eq!(member.holds(&program, "2026-11-21", "r-2", "coffee", 600), Err(RedeemRefusal::HoldsFull));
    for place in 0..HOLD_LOTS_MAX - 2 * 30 {
        let held = member.holds(&program, "2026-11-21", &format!("tea-{place}"), "tea", 600);
        assert_eq!(held.is_ok(), place < 18, "{place}: twenty holds");
    }
    assert!(member.redeems(&program, at("2026-11-21"), "r-3", "tea", None).is_ok(), "paying at once needs no hold");
}

#[test]
fn attributes_have_room_for_thirty_of_a_hundred_bytes() {
    let attributes = |prefix: &str| {
        let specs: Vec<_> =
            (0..30).map(|place| json!({ "id": format!("{prefix}{place:02}"), "type": "string" })).collect();
        document(json!({ "attributes": specs }))
    };
    let first = program_of(&attributes("a"));
    let given = |prefix: &str, count: usize, text: &str| -> BTreeMap<String, Value> {
        (0..count).map(|place| (format!("{prefix}{place:02}"), json!(text))).collect()
    };
    let name_and_place = 4;
    let most = ATTRIBUTE_BYTES_MAX / 30 - name_and_place;
    assert!(most >= 100);
    assert!(first.read_attributes(&given("a", 30, &"x".repeat(100))).is_ok());
    // Characters of three bytes.
    let refused = first.read_attributes(&given("a", 30, &"€".repeat(100))).unwrap_err();
    assert!(refused.name.starts_with('a') && refused.reason.contains("4096"), "{refused:?}");

    let change = |member: &mut Member, book: &Rulebook, attributes: &BTreeMap<String, Value>| {
        let wish = MemberChange { attributes: book.read_attributes(attributes).unwrap(), ..MemberChange::default() };
        let settled = member.settled(book, at("2027-06-01"));
        change_member(settled, wish, By::Operator, None).map(|posting| member.commit(posting.unwrap()))
    };
    let mut member = Member::joins(&first, "2027-01-01");
    change(&mut member, &first, &given("a", 12, &"€".repeat(100))).unwrap();
    let more: BTreeMap<_, _> = given("a", 14, &"€".repeat(100)).into_iter().skip(12).collect();
    assert!(matches!(change(&mut member, &first, &more), Err(ChangeRefusal::AttributesTooLarge(_))));
    assert_eq!(member.account.attributes.len(), 12, "nothing was changed");
    // Attributes that the program no longer has make room, and only then.
    let second = first.then(at("2027-05-01"), &attributes("b"));
    change(&mut member, &second, &given("b", 1, "small")).unwrap();
    assert_eq!(member.account.attributes.len(), 13);
    change(&mut member, &second, &given("b", 12, &"€".repeat(100))).unwrap();
    assert_eq!(member.account.attributes.len(), 12);
    assert!(member.account.attributes.values().all(|value| matches!(value, AttributeValue::String(_))));
    let last = member.entry(member.ids().last().unwrap());
    let regulars_domain::entry::Record::Change(changed) = last.record else { panic!("{last:?}") };
    assert_eq!((changed.set.len(), changed.removed.len()), (12, 12));
    member.assert_proven();
}
