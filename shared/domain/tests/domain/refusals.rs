//! Refusals: each of them, and which one wins where several apply.

use regulars_domain::{account::Status, earn::EarnRefusal, points::Points, program::Program, redeem::RedeemRefusal};
use serde_json::{Value, json};

use crate::world::{Member, at, lots, on, program, purchase};

/// The name of a refusal, as its enum writes it.
fn name(refusal: &impl std::fmt::Debug) -> String {
    let text = format!("{refusal:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

/// The variants of an enum in their order, as its source declares them.
fn declared(source: &'static str, name: &str) -> Vec<&'static str> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let variants = body.lines().take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    "));
    let variants = variants.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    variants.map(|line| line.trim_end_matches([' ', '{', ','])).collect()
}

#[test]
fn every_refusal_stands_in_these_tables_in_the_order_of_its_enum() {
    let accruals = ["AccountSuspended", "AccountClosed", "CurrencyMismatch", "OccurredAtOutOfRange", "PointsOverflow"];
    assert_eq!(declared(include_str!("../../src/earn.rs"), "EarnRefusal"), accruals);
    let before = [
        "AccountSuspended",
        "AccountClosed",
        "RewardNotFound",
        "MoneyMissing",
        "MoneyUnexpected",
        "CurrencyMismatch",
        "PointsOverflow",
    ];
    let redemptions = [before.as_slice(), REWARD_GROUNDS.as_slice()].concat();
    assert_eq!(declared(include_str!("../../src/redeem.rs"), "RedeemRefusal"), redemptions);
}

/// All subsets of `grounds`, each in the order of `grounds`.
fn subsets(grounds: &[&'static str]) -> Vec<Vec<&'static str>> {
    grounds.iter().rev().fold(vec![Vec::new()], |subsets, ground| {
        let with = subsets.iter().map(|subset| [&[*ground], subset.as_slice()].concat());
        with.chain(subsets.clone()).collect()
    })
}

fn set_status(member: &mut Member, grounds: &[&str]) {
    if grounds.contains(&"AccountSuspended") {
        member.account.status = Status::Suspended;
    }
    if grounds.contains(&"AccountClosed") {
        member.account.status = Status::Closed;
    }
}

/// That of all `grounds` to refuse an accrual the first one is told, or that there is none.
fn check_earning(program: &Program, grounds: &[&str]) {
    let has = |ground: &str| grounds.contains(&ground);
    let mut member = Member::joins(program, "2026-11-01");
    set_status(&mut member, grounds);
    if has("PointsOverflow") {
        member.account.lots = lots(&[("never", Points::MAX.get() - 9)]);
    }
    let currency = if has("CurrencyMismatch") { "USD" } else { "EUR" };
    let when = if has("OccurredAtOutOfRange") { "2026-10-21T23:59" } else { "2026-11-21" };
    let bought = purchase(when, json!({ "total": { "amount": 1000, "currency": currency } }));
    let refused = member.earns_at(program, at("2026-11-21"), "order-1", &bought).err();
    assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
    assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
}

#[test]
fn of_several_grounds_to_refuse_an_accrual_the_first_is_told() {
    let program = program(json!({
        "points": { "backdating_days_max": 30 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "fixed": { "points": 10 } } }],
    }));
    for status in ["AccountSuspended", "AccountClosed"] {
        for grounds in subsets(&[status, "CurrencyMismatch", "OccurredAtOutOfRange", "PointsOverflow"]) {
            check_earning(&program, &grounds);
        }
    }
}

#[test]
fn a_purchase_may_lie_back_so_many_days_and_five_minutes_ahead() {
    let program = program(json!({ "points": { "backdating_days_max": 30 } }));
    for (now, when, expected) in [
        ("2026-11-21T15:00", "2026-10-22T00:00:00+03:00", true),
        ("2026-11-21T15:00", "2026-10-21T23:59:59+03:00", false),
        ("2026-11-21T23:59", "2026-10-22T00:00:00+03:00", true),
        ("2026-11-22T00:00", "2026-10-22T23:59:59+03:00", false),
        ("2026-11-21T15:00", "2026-11-21T15:05:00+03:00", true),
        ("2026-11-21T15:00", "2026-11-21T15:05:01+03:00", false),
        ("2026-12-31T23:58", "2027-01-01T00:02:00+03:00", true),
    ] {
        let mut member = Member::joins(&program, "2026-09-01");
        let refused = member.earns_at(&program, at(now), "order-1", &purchase(when, json!(100))).err();
        assert_eq!(refused.is_none(), expected, "{when} at {now}: {refused:?}");
        if let Some(EarnRefusal::OccurredAtOutOfRange { earliest, latest }) = refused {
            assert!(earliest > on("2026-10-21") && latest > at(now), "{earliest} {latest}");
        }
    }
}

#[test]
fn an_account_holds_up_to_its_bound_and_not_a_point_more() {
    let program = program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
    }));
    for (held, earned, fits) in [
        (0, 999_999_999_999_i64, true),
        (1_i64, 999_999_999_999, false),
        (999_999_999_998, 1, true),
        (999_999_999_999, 1, false),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        if held > 0 {
            member.account.lots = lots(&[("never", held)]);
        }
        let answer = member.earns(&program, "order-1", &purchase("2026-11-21", json!(earned)));
        assert_eq!(answer.is_ok(), fits, "{held} and {earned}");
    }
    let generous = crate::world::program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1_000_000, "per": 1 } } }],
    }));
    let mut member = Member::joins(&generous, "2026-11-01");
    let refused = member.earns(&generous, "order-1", &purchase("2026-11-21", json!(999_999_999_999_i64)));
    assert_eq!(refused, Err(EarnRefusal::PointsOverflow));
}

/// The refusals of a redemption, in their order, but for a second status and what money may be wrong with.
const REWARD_GROUNDS: [&str; 6] = [
    "RewardNotActive",
    "RewardNotForTier",
    "RewardNotForMember",
    "RewardLimitReached",
    "RewardOutOfStock",
    "InsufficientPoints",
];

/// That of all `grounds` to refuse a redemption the first one is told, or that there is none.
fn check_redeeming(grounds: &[&str]) {
    let has = |ground: &str| grounds.contains(&ground);
    let per_money = ["MoneyMissing", "CurrencyMismatch", "PointsOverflow"].iter().any(|ground| has(ground));
    let cost = match (per_money, has("PointsOverflow")) {
        (false, _) => json!({ "points": 100 }),
        (true, false) => json!({ "points": 1, "per": 1 }),
        (true, true) => json!({ "points": 999_999_999_999_i64, "per": 1 }),
    };
    let mut reward = json!({ "id": "coffee", "name": "A coffee", "kind": "product", "cost": cost,
                             "limit": { "times": 1, "every": "ever" }, "stock": 3 });
    for (ground, field, value) in [
        ("RewardNotActive", "active", json!({ "from": "2026-12-01T00:00:00+03:00" })),
        ("RewardNotForTier", "tiers", json!(["gold"])),
        ("RewardNotForMember", "when", json!("occurred_at.year == 1999")),
        ("RewardOutOfStock", "stock", json!(0)),
    ] {
        if has(ground) {
            reward[field] = value;
        }
    }
    let program = program(json!({
        "rewards": [reward, { "id": "tea", "name": "Tea", "kind": "product", "cost": { "points": 1 } }],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "gold", "threshold": 10 }] },
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    set_status(&mut member, grounds);
    member.account.lots = lots(&[("never", if has("InsufficientPoints") { 99 } else { 1000 })]);
    if has("RewardLimitReached") {
        let used = std::iter::once((regulars_domain::calendar::EVER, 1)).collect();
        member.account.cap_use.insert(program.rewards[0].cap_owner(), used);
    }
    let amount = if has("MoneyMissing") { 0 } else { 100 };
    let currency = if has("CurrencyMismatch") { "USD" } else { "EUR" };
    let money: Value = json!({ "amount": amount, "currency": currency });
    let money = (per_money || has("MoneyUnexpected")).then(|| serde_json::from_value(money).unwrap());
    let reward = if has("RewardNotFound") { "cofee" } else { "coffee" };
    let refused = member.redeems(&program, at("2026-11-21"), "r-1", reward, money).err();
    assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
    assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
}

#[test]
fn of_several_grounds_to_refuse_a_redemption_the_first_is_told() {
    // The reward's own cost is fixed, or goes by money, so what may be wrong with money comes in two sets.
    let by_money = ["RewardNotFound", "MoneyMissing", "CurrencyMismatch", "PointsOverflow"];
    let fixed = ["RewardNotFound", "MoneyUnexpected"];
    for first in [&["AccountSuspended"], &["AccountClosed"]] {
        for rest in [by_money.as_slice(), fixed.as_slice()] {
            for grounds in subsets(&[first.as_slice(), rest, REWARD_GROUNDS.as_slice()].concat()) {
                check_redeeming(&grounds);
            }
        }
    }
}

#[test]
fn money_is_asked_for_and_refused_where_it_belongs() {
    let program = program(json!({ "rewards": [
        { "id": "off", "name": "Money off", "kind": "discount", "cost": { "points": 100, "per": 200 } },
        { "id": "tea", "name": "Tea", "kind": "product", "cost": { "points": 100 } },
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.lots = lots(&[("never", 1000)]);
    let mut refusal = |reward: &str, money: Option<i64>| {
        let money = money.map(crate::world::euro);
        member.redeems(&program, at("2026-11-21"), "r-1", reward, money).unwrap_err()
    };
    assert_eq!(refusal("off", None), RedeemRefusal::MoneyMissing);
    assert_eq!(refusal("off", Some(0)), RedeemRefusal::MoneyMissing);
    assert_eq!(refusal("tea", Some(0)), RedeemRefusal::MoneyUnexpected);
    let short = RedeemRefusal::InsufficientPoints { cost: Points::new(1001), missing: Points::new(1) };
    assert_eq!(refusal("off", Some(2001)), short);
}
