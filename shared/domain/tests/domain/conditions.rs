//! Conditions: missing facts, faults, and the bound of their work.

use regulars_domain::{
    condition_fault::ConditionFault,
    occasion::Occasion,
    program::{Finding, Program, RULES_MAX, RULES_WORK_MAX},
    purchase::LINES_MAX,
    redeem::RedeemRefusal,
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, activity, at, document, program, purchase};

#[path = "../../benches/pricing/shapes.rs"]
mod shapes;

/// A rule for each condition.
fn rules(on: &Value, conditions: &[&str]) -> Value {
    let rule = |(number, when): (usize, &&str)| json!({ "id": format!("r-{number}"), "on": on, "when": when, "give": { "fixed": { "points": 1 } } });
    json!({
        "earning_rules": conditions.iter().enumerate().map(rule).collect::<Vec<_>>(),
        "attributes": [{ "id": "a", "type": "string" }, { "id": "b", "type": "string" }, { "id": "city", "type": "string" },
                       { "id": "birthday", "type": "date" }, { "id": "news", "type": "boolean" }],
    })
}

/// Asserts that each of `conditions` is true on its own, for a member without data.
#[track_caller]
fn check_all_hold(on: &Value, conditions: &[&str], occasion: &Occasion) {
    let program = program(rules(on, conditions));
    let mut member = Member::joins(&program, "2026-11-01");
    let entry = member.earns(&program, "order-1", occasion).unwrap();
    let given: Vec<_> = entry.breakdown().iter().map(|line| (line.rule.as_str(), line.fault.as_deref())).collect();
    let expected: Vec<_> = (0..conditions.len()).map(|number| format!("r-{number}")).collect();
    let expected: Vec<_> = expected.iter().map(|rule| (rule.as_str(), None)).collect();
    assert_eq!(given, expected);
}

#[test]
fn a_fact_that_is_absent_is_null_and_no_fault() {
    let facts = [
        "purchase.channel",
        "purchase.store",
        "line.sku",
        "line.category",
        "member.tier",
        "member.attributes.city",
        "member.attributes.birthday",
        "member.attributes.news",
    ];
    let line = json!({ "lines": [{ "quantity": 1, "amount": 10 }] });
    let bought = purchase("2026-11-21", line);
    for fact in facts {
        let conditions = [
            format!("{fact} == null"),
            format!("!has({fact})"),
            format!("!({fact} < '5')"),
            format!("!({fact} in ['a', 'b'])"),
        ];
        check_all_hold(&json!("purchase"), &conditions.each_ref().map(String::as_str), &bought);
    }
    check_all_hold(
        &json!({ "activity": "review" }),
        &["activity.attributes.stars == null", "!has(activity.attributes.stars)", "!(activity.attributes.stars >= 5)"],
        &activity("2026-11-21", "review", &json!({})),
    );
}

/// Values that no entry may contain because of a fault.
const MARKED: [&str; 6] = ["1990-05-03", "Zanzibar", "sku-secret", "category-secret", "channel-secret", "store-secret"];

#[test]
fn the_text_of_a_fault_never_holds_a_value_of_the_member_or_the_purchase() {
    let faults = [
        ("member.attributes.birthday > 5", ConditionFault::TypeMismatch),
        ("5 > member.attributes.birthday", ConditionFault::TypeMismatch),
        ("member.attributes.city + 1 == ''", ConditionFault::TypeMismatch),
        ("1 - member.attributes.city == 1", ConditionFault::TypeMismatch),
        ("-member.attributes.city == ''", ConditionFault::TypeMismatch),
        ("!member.attributes.city", ConditionFault::TypeMismatch),
        ("member.attributes.city && true", ConditionFault::TypeMismatch),
        ("member.attributes.city ? true : false", ConditionFault::TypeMismatch),
        ("1 in line.sku", ConditionFault::TypeMismatch),
        ("line.sku.contains(1)", ConditionFault::TypeMismatch),
        ("[line.sku].startsWith(line.category)", ConditionFault::TypeMismatch),
        ("size(1) == line.sku", ConditionFault::TypeMismatch),
        ("string([line.sku]) == line.sku", ConditionFault::TypeMismatch),
        ("int(member.attributes.birthday) > 1", ConditionFault::NotConvertible),
        ("int(line.category) > 1", ConditionFault::NotConvertible),
        ("bool(purchase.channel)", ConditionFault::NotConvertible),
        ("9223372036854775807 + size(member.attributes.city) > 1", ConditionFault::Overflow),
        ("size(purchase.store) / 0 > 1", ConditionFault::DivisionByZero),
        ("size(purchase.store) % 0 > 1", ConditionFault::DivisionByZero),
        ("member.attributes.city", ConditionFault::NotBoolean),
        ("[line.sku]", ConditionFault::NotBoolean),
        ("member.attributes.shoes == member.attributes.city", ConditionFault::UnknownName),
        ("{member.attributes.city: 1}[member.attributes.birthday] == 1", ConditionFault::Unsupported),
        ("[1][size(member.attributes.city)] == 1", ConditionFault::Unsupported),
        ("member.attributes[purchase.store] == 1", ConditionFault::Unsupported),
        ("member == line", ConditionFault::Unsupported),
        ("timestamp(member.attributes.birthday) == 1", ConditionFault::Unsupported),
        ("'1' +", ConditionFault::Malformed),
        ("((((((((((((((((((((((((((true))))))))))))))))))))))))))", ConditionFault::TooDeep),
        ("", ConditionFault::TooLong),
    ];
    let conditions = faults.map(|(condition, _)| condition);
    let mut parts = rules(&json!("purchase"), &conditions);
    parts["rewards"] =
        json!(conditions.iter().enumerate().filter(|(_, condition)| !condition.contains("line") && !condition.contains("purchase")).map(
            |(number, condition)| json!({ "id": format!("w-{number}"), "name": "A", "kind": "product", "cost": { "points": 1 }, "when": condition })
        ).collect::<Vec<_>>());
    let document = document(parts);
    let program = Rulebook::alone(Program::stored(&document, 1).unwrap().into(), &document);
    let [birthday, city, sku, category, channel, store] = MARKED;
    let mut member = Member::joins_with(&program, "2026-11-01", &json!({ "birthday": birthday, "city": city }));
    let bought = json!({
        "channel": channel, "store": store, "lines": [{ "sku": sku, "category": category, "quantity": 1, "amount": 10 }],
    });
    let entry = member.earns(&program, "order-1", &purchase("2026-11-21", bought)).unwrap();
    assert_eq!(entry.breakdown().len(), faults.len());
    for (line, (condition, fault)) in entry.breakdown().iter().zip(faults) {
        assert_eq!(line.fault.as_deref(), Some(fault.name()), "{condition}");
    }
    for reward in &program.rewards {
        let refused = member.redeems(&program, at("2026-11-21"), "w", reward.id.as_str(), None).unwrap_err();
        assert!(matches!(refused, RedeemRefusal::RewardNotForMember { fault: Some(_) }), "{refused:?}");
        let text = refused.to_string();
        assert!(MARKED.iter().all(|marked| !text.contains(marked)), "{text}");
    }
    for sealed in &member.ledger {
        assert!(MARKED.iter().all(|marked| !sealed.text.contains(marked)), "{}", sealed.text);
    }
}

fn problems(document: &Value) -> Vec<Finding> {
    Program::read(document, 1).err().unwrap_or_default()
}

#[test]
fn no_accepted_program_asks_for_more_work_than_a_purchase_may_take() {
    let mut refused_alone = 0;
    let mut refused_together = 0;
    for (name, condition) in shapes::all() {
        let of = |count: usize| document(rules(&json!("purchase"), &vec![condition.as_str(); count]));
        let Ok(alone) = Program::read(&of(1), 1) else {
            let problem = problems(&of(1)).remove(0);
            assert_eq!(
                (problem.at.as_str(), problem.code),
                ("/earning_rules/0/when", "expression_too_costly"),
                "{name}"
            );
            refused_alone += 1;
            continue;
        };
        assert_ne!(alone.rules_work(), 0, "{name}");
        let most = usize::try_from(RULES_WORK_MAX / alone.rules_work()).unwrap().min(RULES_MAX);
        let program = Program::read(&of(most), 1).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        assert!(program.rules_work() <= RULES_WORK_MAX, "{name}");
        if most < RULES_MAX {
            let problems = problems(&of(most + 1));
            let [problem] = &problems[..] else { panic!("{name}: {problems:#?}") };
            assert_eq!(
                (problem.at.as_str(), problem.code),
                ("/earning_rules/0/when", "expression_too_costly"),
                "{name}"
            );
            refused_together += 1;
        }
    }
    assert!(refused_alone > 0 && refused_together > 20, "{refused_alone} and {refused_together}");
}

#[test]
fn the_finding_names_the_costliest_condition_and_what_makes_it_costly() {
    let mut conditions = vec!["line.category == 'beans'"; 100];
    let search = ["line.sku.contains(line.category)"; 12].join(" || ");
    conditions.extend(vec![search.as_str(); 50]);
    let problems = problems(&document(rules(&json!("purchase"), &conditions)));
    let [problem] = &problems[..] else { panic!("{problems:#?}") };
    assert_eq!((problem.at.as_str(), problem.code), ("/earning_rules/100/when", "expression_too_costly"));
    assert!(problem.message.contains("for each of 200 lines, most of it for contains"), "{}", problem.message);
    assert!(problem.message.contains("at most 60000000 are allowed"), "{}", problem.message);
}

#[test]
fn ordinary_conditions_are_accepted_for_as_many_rules_as_there_may_be() {
    let texts: Vec<_> = (0..100).map(|number| format!("'sku-{number}'")).collect();
    let all_comparisons = ["line.category == 'beans'"; 35].join(" || ");
    for condition in [
        "line.category == \"beans\" && member.tier in [\"gold\",\"silver\"]",
        "purchase.channel == 'app' && purchase.total >= 500 && occurred_at.weekday in ['sat', 'sun']",
        "line.amount * 100 / line.quantity > 5000 && !(line.category in ['gift', 'deposit'])",
        "line.sku.startsWith('coffee-') && member.attributes.city == 'Izmir'",
        "line.sku.contains('organic') || line.category.contains('organic')",
        &format!("line.sku in [{}]", texts.join(",")),
        &all_comparisons,
    ] {
        let found = problems(&document(rules(&json!("purchase"), &[condition; RULES_MAX])));
        assert_eq!(found, [], "{condition}");
    }
}

#[test]
fn a_program_from_before_the_bounds_stops_where_a_purchase_has_taken_its_work() {
    let search = ["line.sku.contains(line.category)"; 25].join(" || ");
    let mut parts = rules(&json!("purchase"), &vec![search.as_str(); 100]);
    let after =
        json!({ "id": "after", "on": "purchase", "when": "purchase.total > 0", "give": { "fixed": { "points": 1 } } });
    parts["earning_rules"].as_array_mut().unwrap().push(after);
    let document = document(parts);
    assert!(Program::read(&document, 1).is_err());
    let program = Rulebook::alone(Program::stored(&document, 1).unwrap().into(), &document);
    let work = program.rules_work() / 100;
    let lines = |count: usize| {
        purchase(
            "2026-11-21",
            json!({ "lines": vec![json!({ "sku": "a", "category": "b", "quantity": 1, "amount": 1 }); count] }),
        )
    };
    let too_costly = |key: &str, occasion: &Occasion| {
        let entry = Member::joins(&program, "2026-11-01").earns(&program, key, occasion).unwrap();
        // A cheap rule after them still has work left.
        assert_eq!(entry.points().get(), 1);
        entry.breakdown().iter().filter(|line| line.fault.as_deref() == Some("too_costly")).count()
    };
    let evaluated = usize::try_from(RULES_WORK_MAX / work).unwrap();
    assert!((1..100).contains(&evaluated), "{evaluated}");
    assert_eq!(too_costly("order-1", &lines(LINES_MAX)), 100 - evaluated);
    assert_eq!(too_costly("order-2", &lines(1)), 0);
}

#[test]
fn conditions_read_what_the_member_had_bought_before() {
    let facts = [
        "member.purchases == 2",
        "member.spend == 3000",
        "member.first_purchase_on == '2026-11-03'",
        "member.last_purchase_on == '2026-11-11'",
        "member.days_since_last_purchase == 10",
        "member.period.points == 30 && member.period.spend == 3000 && member.period.visits == 2",
        "member.birthday_month == 5",
        "member.plan == null",
        "member.tier == 'bronze'",
    ];
    let mut rules = rules(&json!("purchase"), &facts);
    let base = json!({ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } });
    let all = rules["earning_rules"].as_array_mut().unwrap();
    for rule in all.iter_mut() {
        rule["qualifying"] = json!(false);
    }
    all.insert(0, base);
    rules["tiers"] = json!({ "levels": [{ "id": "bronze", "threshold": 0 }] });
    let program = program(rules);
    let mut member = Member::joins_with(&program, "2026-11-01", &json!({ "birthday": "1990-05-03" }));
    let buy = |member: &mut Member, key: &str, day: &str, cents: i64| {
        let entry = member.earns(&program, key, &purchase(day, json!(cents))).unwrap();
        entry.breakdown().iter().filter(|line| line.rule.starts_with("r-")).count()
    };
    let first = buy(&mut member, "order-1", "2026-11-03", 2_000);
    assert_eq!(first, 3, "before the first purchase there is only the birthday, no plan, and the tier");
    buy(&mut member, "order-2", "2026-11-11", 2_000);
    // Returns are subtracted.
    let refund = regulars_domain::reversal::Return::Refund(crate::world::euro(1_000));
    member.returns(&program, at("2026-11-12"), "return-1", "order-1", refund).unwrap();
    assert_eq!(buy(&mut member, "order-3", "2026-11-21", 500), facts.len());
    member.assert_proven();
}

#[test]
fn before_the_first_purchase_its_days_are_null() {
    let conditions = [
        "member.purchases == 0 && member.spend == 0",
        "member.first_purchase_on == null",
        "member.last_purchase_on == null",
        "member.days_since_last_purchase == null",
        "member.period.points == 0",
        "member.birthday_month == null",
        "member.plan == null",
    ];
    check_all_hold(&json!("purchase"), &conditions, &purchase("2026-11-21", json!(100)));
}
