//! Refusals: each of them, and which one comes first if several apply.

use regulars_domain::{
    account::{Alias, Inactive, Status, TierOverride},
    adjust::{Adjust, AdjustRefusal},
    aftermath::{AccrualNow, Place},
    calendar::{Every, Interval},
    earn::EarnRefusal,
    entry::By,
    erase::check,
    hold::{HOLDS_MAX, Hold},
    lots::{Expiry, LotChange},
    names::{NamesChange, change_names},
    points::Points,
    qualifying::Qualifying,
    redeem::{Redeem, RedeemRefusal},
    redemption::{Part, RedemptionRefusal},
    returned::ReturnedLine,
    reversal::{Return, ReverseRefusal},
    tier_override::{give_tier, take_tier},
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, activity, at, entry_id, euro, lots, on, program, purchase};

/// The name of a refusal, as its enum writes it.
fn name(refusal: &impl std::fmt::Debug) -> String {
    let text = format!("{refusal:?}");
    // A purchase that does not fit has its own reasons.
    let text = text.strip_prefix("Unfit(").unwrap_or(&text);
    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}

/// The variants of an enum in their order, as its source declares them.
fn declared(source: &'static str, name: &str) -> Vec<&'static str> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let variants = body.lines().take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    "));
    let variants = variants.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    variants.filter_map(|line| line.split([' ', '{', '(', ',']).next()).collect()
}

#[test]
fn an_erasure_is_refused_in_this_order() {
    let rules = program(json!({}));
    assert_eq!(declared(include_str!("../../src/decisions/erase.rs"), "EraseRefusal"), ["Inactive", "ReasonMissing"]);
    let into = || "m-2".parse().unwrap();
    for (status, reason, expected) in [
        (Status::Active, None, None),
        (Status::Active, Some("x"), None),
        (Status::Closed, None, None),
        (Status::Suspended, Some("x"), None),
        (Status::Suspended, None, Some("ReasonMissing")),
        (Status::Erased, Some("x"), Some("Inactive")),
        (Status::Merged { into: into() }, Some("x"), Some("Inactive")),
    ] {
        let mut member = Member::joins(&rules, "2026-11-01");
        member.account.status = status.clone();
        let reason = reason.map(|reason| serde_json::from_value(reason.into()).unwrap());
        let settled = member.settled(&rules, at("2026-11-02"));
        let refused = check(&settled, reason.as_ref()).err().map(|refusal| name(&refusal));
        assert_eq!(refused.as_deref(), expected, "{status:?}");
    }
}

#[test]
fn a_change_of_names_is_refused_in_this_order() {
    let rules = program(json!({}));
    assert_eq!(declared(include_str!("../../src/decisions/names.rs"), "NamesRefusal"), ["Inactive", "Full"]);
    let alias = |number: u8| Alias { kind: "card".to_owned(), hash: [number; 16] };
    let names = |range: std::ops::Range<u8>| range.map(alias).collect::<Vec<_>>();
    for (status, has, add, remove, expected) in [
        (Status::Active, 19, names(19..20), vec![], Ok((1, 0))),
        (Status::Active, 20, names(20..21), vec![], Err("Full")),
        (Status::Active, 20, names(20..21), names(0..1), Ok((1, 1))),
        (Status::Active, 20, names(0..1), vec![], Ok((0, 0))),
        (Status::Active, 3, vec![], names(1..9), Ok((0, 2))),
        (Status::Suspended, 1, names(5..6), names(0..1), Ok((1, 1))),
        (Status::Closed, 20, names(20..21), vec![], Err("Inactive")),
        (Status::Erased, 0, names(0..1), vec![], Err("Inactive")),
    ] {
        let mut member = Member::joins(&rules, "2026-11-01");
        member.account.status = status.clone();
        member.account.aliases = names(0..has);
        let settled = member.settled(&rules, at("2026-11-02"));
        let changed = change_names(settled, &NamesChange { add, remove }, By::Operator, None);
        let changed =
            changed.map(|posting| posting.map_or((0, 0), |posting| (posting.claims.len(), posting.releases.len())));
        assert_eq!(changed.map_err(|refusal| name(&refusal)), expected.map_err(str::to_owned), "{status:?} {has}");
    }
}

#[test]
fn every_refusal_is_in_these_tables_in_the_order_of_its_enum() {
    let accruals = ["Inactive", "Unfit", "OccurredAtOutOfRange", "PointsOverflow"];
    assert_eq!(declared(include_str!("../../src/decisions/earn.rs"), "EarnRefusal"), accruals);
    let unfit = ["CurrencyMismatch", "LinesExceedTotal"];
    assert_eq!(declared(include_str!("../../src/decisions/earn.rs"), "Unfit"), unfit);
    let amendments = ["Inactive", "NotAPurchase", "Unfit", "OccurredAtDiffers", "ChangesFull", "PointsOverflow"];
    assert_eq!(declared(include_str!("../../src/decisions/amendment.rs"), "AmendRefusal"), amendments);
    let before = [
        "Inactive",
        "RewardNotFound",
        "NotHoldable",
        "HoldTooLong",
        "MoneyMissing",
        "MoneyUnexpected",
        "CurrencyMismatch",
        "PointsOverflow",
    ];
    let redemptions = [before.as_slice(), REWARD_GROUNDS.as_slice()].concat();
    assert_eq!(declared(include_str!("../../src/decisions/redeem.rs"), "RedeemRefusal"), redemptions);
    assert_eq!(declared(include_str!("../../src/decisions/confirm.rs"), "ConfirmRefusal"), CONFIRM_GROUNDS);
    assert_eq!(declared(include_str!("../../src/decisions/reversal.rs"), "ReverseRefusal"), REVERSE_GROUNDS);
    assert_eq!(
        declared(include_str!("../../src/decisions/redemption.rs"), "RedemptionRefusal"),
        [&REDEMPTION_GROUNDS[..4], &["CodeUsed"], &REDEMPTION_GROUNDS[4..], &PART_GROUNDS].concat()
    );
    assert_eq!(declared(include_str!("../../src/decisions/code_use.rs"), "CodeUseRefusal"), crate::codes::GROUNDS);
    assert_eq!(declared(include_str!("../../src/decisions/adjust.rs"), "AdjustRefusal"), ADJUST_GROUNDS);
    assert_eq!(declared(include_str!("../../src/decisions/tier_override.rs"), "OverrideRefusal"), OVERRIDE_GROUNDS);
    assert_eq!(
        declared(include_str!("../../src/decisions/transfer.rs"), "TransferRefusal"),
        crate::transferring::GROUNDS
    );
    assert_eq!(declared(include_str!("../../src/decisions/merge.rs"), "MergeRefusal"), crate::merging::GROUNDS);
    // The tables of these three are in the modules of their decisions.
    assert_eq!(
        declared(include_str!("../../src/decisions/plan.rs"), "PlanRefusal"),
        ["Inactive", "PlanNotFound", "PlanRunning"]
    );
    assert_eq!(
        declared(include_str!("../../src/decisions/plan.rs"), "PlanReverseRefusal"),
        ["Inactive", "NotAPayment", "PaymentReversed", "PlanOver"]
    );
    assert_eq!(
        declared(include_str!("../../src/decisions/plan.rs"), "PlanEndRefusal"),
        ["Inactive", "NotRunning", "PlansWaiting"]
    );
    let uses = ["Inactive", "EntitlementNotFound", "EntitlementNotHeld", "EntitlementUsedUp"];
    assert_eq!(declared(include_str!("../../src/decisions/entitlement.rs"), "UseRefusal"), uses);
}

/// All subsets of `grounds`, each in the order of `grounds`.
fn subsets(grounds: &[&'static str]) -> Vec<Vec<&'static str>> {
    grounds.iter().rev().fold(vec![Vec::new()], |subsets, ground| {
        let with = subsets.iter().map(|subset| [&[*ground], subset.as_slice()].concat());
        with.chain(subsets.clone()).collect()
    })
}

fn set_status(member: &mut Member, grounds: &[&str]) {
    if grounds.contains(&"Inactive") {
        member.account.status = Status::Closed;
    }
}

/// Asserts that the first of all `grounds` to refuse an accrual is returned, or that there is none.
fn check_earning(program: &Rulebook, grounds: &[&str]) {
    let has = |ground: &str| grounds.contains(&ground);
    let mut member = Member::joins(program, "2026-11-01");
    set_status(&mut member, grounds);
    if has("PointsOverflow") {
        member.account.lots = lots(&[("never", Points::MAX.get() - 9)]);
    }
    let currency = if has("CurrencyMismatch") { "USD" } else { "EUR" };
    let when = if has("OccurredAtOutOfRange") { "2026-10-21T23:59" } else { "2026-11-21" };
    let line = json!({ "quantity": 1, "amount": if has("LinesExceedTotal") { 1001 } else { 1000 } });
    let bought = purchase(when, json!({ "total": { "amount": 1000, "currency": currency }, "lines": [line] }));
    let refused = member.earns_at(program, at("2026-11-21"), "order-1", &bought).err();
    assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
    assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
}

#[test]
fn the_first_of_several_reasons_to_refuse_an_accrual_is_returned() {
    let program = program(json!({
        "points": { "backdating_days_max": 30 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "fixed": { "points": 10 } } }],
    }));
    for grounds in
        subsets(&["Inactive", "CurrencyMismatch", "LinesExceedTotal", "OccurredAtOutOfRange", "PointsOverflow"])
    {
        check_earning(&program, &grounds);
    }
}

#[test]
fn a_purchase_may_be_backdated_within_the_limit_and_five_minutes_ahead() {
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

/// The refusals of a redemption, in their order, without a second status and errors of money.
const REWARD_GROUNDS: [&str; 7] = [
    "RewardNotActive",
    "RewardNotForTier",
    "RewardNotForMember",
    "RewardLimitReached",
    "RewardOutOfStock",
    "HoldsFull",
    "InsufficientPoints",
];

/// Returns a number of open holds of one point each.
fn open_holds(count: usize) -> Vec<Hold> {
    (0..count)
        .map(|n| Hold {
            redemption: entry_id(&format!("held-{n}")),
            reward: "tea".parse().unwrap(),
            held_on: on("2026-11-21"),
            expires_at: at("2026-11-21T12:30"),
            lots: vec![LotChange(Expiry::Never, Points::new(-1))],
            program_version: 1,
        })
        .collect()
}

/// Asserts that the first of all `grounds` to refuse a redemption is returned, or that there is none.
fn check_redeeming(grounds: &[&str]) {
    let has = |ground: &str| grounds.contains(&ground);
    let per_money = ["MoneyMissing", "CurrencyMismatch", "PointsOverflow"].iter().any(|ground| has(ground));
    let cost = match (per_money, has("PointsOverflow")) {
        (false, _) => json!({ "points": 100 }),
        (true, false) => json!({ "points": 1, "per": 1 }),
        (true, true) => json!({ "points": 999_999_999_999_i64, "per": 1 }),
    };
    let mut reward = json!({ "id": "coffee", "name": "A coffee", "kind": "product", "cost": cost,
                             "limit": { "times": 1, "every": "ever" }, "stock": 3,
                             "hold_seconds_max": 600 });
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
        let used = [(Interval::of(Every::Ever, on("2026-11-21")), 1)].into();
        member.account.cap_use = [(program.rewards[0].cap_owner(), used)].into_iter().collect();
    }
    let amount = if has("MoneyMissing") { 0 } else { 100 };
    let currency = if has("CurrencyMismatch") { "USD" } else { "EUR" };
    let money: Value = json!({ "amount": amount, "currency": currency });
    let money = (per_money || has("MoneyUnexpected")).then(|| serde_json::from_value(money).unwrap());
    let reward = if has("RewardNotFound") { "cofee" } else { "coffee" };
    let hold_seconds = match (has("HoldTooLong"), has("HoldsFull")) {
        (true, _) => Some(601),
        (false, true) => Some(600),
        (false, false) => None,
    };
    member.account.holds = open_holds(if has("HoldsFull") { HOLDS_MAX } else { HOLDS_MAX - 1 });
    let wish = Redeem { reward: reward.parse().unwrap(), money, hold_seconds };
    let refused = member.redeems_or_holds(&program, at("2026-11-21"), "r-1", &wish).err();
    assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
    assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
}

#[test]
fn the_first_of_several_reasons_to_refuse_a_redemption_is_returned() {
    // The cost of a reward is fixed or per money, so errors of money come in two sets. Three grounds at once show the
    // order as well as all of them would.
    let by_money = ["RewardNotFound", "HoldTooLong", "MoneyMissing", "CurrencyMismatch", "PointsOverflow"];
    let fixed = ["RewardNotFound", "HoldTooLong", "MoneyUnexpected"];
    for rest in [by_money.as_slice(), fixed.as_slice()] {
        let grounds = [["Inactive"].as_slice(), rest, REWARD_GROUNDS.as_slice()].concat();
        for grounds in subsets(&grounds).into_iter().filter(|grounds| grounds.len() <= 3) {
            check_redeeming(&grounds);
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
        let money = money.map(euro);
        member.redeems(&program, at("2026-11-21"), "r-1", reward, money).unwrap_err()
    };
    assert_eq!(refusal("off", None), RedeemRefusal::MoneyMissing);
    assert_eq!(refusal("off", Some(0)), RedeemRefusal::MoneyMissing);
    assert_eq!(refusal("tea", Some(0)), RedeemRefusal::MoneyUnexpected);
    let short = RedeemRefusal::InsufficientPoints { cost: Points::new(1001), missing: Points::new(1) };
    assert_eq!(refusal("off", Some(2001)), short);
}

#[test]
fn a_hold_is_as_long_as_the_reward_allows_and_an_account_has_at_most_twenty() {
    let program = program(json!({ "rewards": [
        { "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 1 }, "hold_seconds_max": 600 },
        { "id": "tea", "name": "Tea", "kind": "product", "cost": { "points": 1 } },
    ] }));
    for (reward, seconds, most) in [
        ("coffee", 1, None),
        ("coffee", 600, None),
        ("coffee", 601, Some(600)),
        ("coffee", 0, Some(600)),
        ("coffee", -1, Some(600)),
        ("coffee", i64::MAX, Some(600)),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.account.lots = lots(&[("never", 1)]);
        let refused = member.holds(&program, "2026-11-21", "r-1", reward, seconds).err();
        assert_eq!(refused, most.map(|most| RedeemRefusal::HoldTooLong { most }), "{reward} {seconds}");
    }
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.lots = lots(&[("never", 1)]);
    let refused = member.holds(&program, "2026-11-21", "r-1", "tea", 1).err();
    assert_eq!(refused, Some(RedeemRefusal::NotHoldable));
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.lots = lots(&[("never", 100)]);
    for n in 0..20 {
        member.holds(&program, "2026-11-21", &format!("r-{n}"), "coffee", 600).unwrap();
    }
    assert_eq!(member.holds(&program, "2026-11-21", "r-20", "coffee", 600), Err(RedeemRefusal::HoldsFull));
    assert!(member.redeems(&program, at("2026-11-21"), "r-21", "tea", None).is_ok(), "who pays at once needs no hold");
    member.captures(&program, at("2026-11-21"), "c-1", "r-7", None).unwrap();
    assert!(member.holds(&program, "2026-11-21", "r-22", "coffee", 600).is_ok());
    member.assert_proven();
}

/// The refusals of a confirmation, in their order.
const CONFIRM_GROUNDS: [&str; 3] = ["Inactive", "NotAnAccrual", "NotPending"];

/// The refusals of an accrual's reversal, in their order.
const REVERSE_GROUNDS: [&str; 9] = [
    "Inactive",
    "NotAnAccrual",
    "CurrencyMismatch",
    "LineNotFound",
    "ExceedsLine",
    "ExceedsAccrual",
    "FactsErased",
    "ChangesFull",
    "PointsOverflow",
];

/// Gives an accrual the maximum number of changes.
fn has_changed(member: &mut Member, accrual: &str) {
    let place = Place { member: member.account.member.clone(), entry: entry_id("refund-0") };
    let points = member.entry(accrual).points();
    let now =
        AccrualNow { given: [("base".to_owned(), points)].into(), entries: vec![place; 300], ..AccrualNow::default() };
    member.aftermaths.entry(entry_id(accrual)).or_default().accrual = Some(now);
}

/// Returns a member with an accrual that waits for a confirmation, one that no longer does, and an enrollment.
fn who_earns(grounds: &[&str]) -> (Rulebook, Member) {
    let program = program(json!({
        "points": { "pending": { "until_confirmed": { "lapses_after_days": 30 } } },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } }],
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    for key in ["order-1", "order-2"] {
        member.earns(&program, key, &purchase("2026-11-21", json!(1000))).unwrap();
    }
    member.confirms(&program, at("2026-11-21"), "c-2", "order-2").unwrap();
    set_status(&mut member, grounds);
    (program, member)
}

#[test]
fn the_first_of_several_reasons_to_refuse_a_confirmation_is_returned() {
    for grounds in subsets(&CONFIRM_GROUNDS) {
        let (program, mut member) = who_earns(&grounds);
        let entry = match (grounds.contains(&"NotAnAccrual"), grounds.contains(&"NotPending")) {
            (true, _) => "~enrollment",
            (false, true) => "order-2",
            (false, false) => "order-1",
        };
        let refused = member.confirms(&program, at("2026-11-21"), "c-1", entry).err();
        assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
        assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
    }
}

#[test]
fn the_first_of_several_reasons_to_refuse_a_reversal_is_returned() {
    let told_by_money = ["LineNotFound", "ExceedsLine", "FactsErased", "PointsOverflow"];
    let told_by_lines = ["CurrencyMismatch", "FactsErased", "PointsOverflow"];
    for (others, by_lines) in [(told_by_money.as_slice(), false), (told_by_lines.as_slice(), true)] {
        let grounds: Vec<_> = REVERSE_GROUNDS.into_iter().filter(|ground| !others.contains(ground)).collect();
        for grounds in subsets(&grounds) {
            check_returning(&grounds, by_lines);
        }
    }
}

fn check_returning(grounds: &[&'static str], by_lines: bool) {
    let (program, mut member) = who_earns(&[]);
    let has = |ground: &str| grounds.contains(&ground);
    let line = |amount: i64| json!({ "quantity": 1, "amount": amount });
    let bought = json!({ "total": { "amount": 1000, "currency": "EUR" }, "lines": [line(500), line(400)] });
    member.earns(&program, "order-3", &purchase("2026-11-21", bought)).unwrap();
    if has("ChangesFull") {
        has_changed(&mut member, "order-3");
    }
    if has("ExceedsAccrual") && by_lines {
        member.aftermaths.entry(entry_id("order-3")).or_default().accrual.get_or_insert_default().returned.spread = 700;
    }
    set_status(&mut member, grounds);
    let entry = if has("NotAnAccrual") { "~enrollment" } else { "order-3" };
    let returned = if by_lines {
        let amount = if has("ExceedsLine") { 501 } else { 500 };
        let name = |name: &str| name.parse().unwrap();
        let named = |line: &str, amount: i64| ReturnedLine {
            line: name(line),
            quantity: None,
            amount: serde_json::from_value(json!(amount)).unwrap(),
        };
        let mut lines = vec![named("0", amount)];
        if has("LineNotFound") {
            lines.insert(0, named("9", 1));
        }
        Return::Lines(lines)
    } else {
        let currency = if has("CurrencyMismatch") { "USD" } else { "EUR" };
        let amount = if has("ExceedsAccrual") { 1001 } else { 999 };
        Return::RefundedTotal(serde_json::from_value(json!({ "amount": amount, "currency": currency })).unwrap())
    };
    let before = member.ledger.len();
    let refused = member.returns(&program, at("2026-11-21"), "refund-1", entry, returned).err();
    // An enrollment has no lines either.
    assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?} {by_lines}");
    assert_eq!(member.ledger.len() == before, refused.is_some());
    assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
}

#[test]
fn of_a_purchase_whose_facts_were_erased_only_all_can_come_back() {
    let (program, mut member) = who_earns(&[]);
    member.ledger.iter_mut().for_each(|sealed| sealed.facts = None);
    let line = ReturnedLine { line: "0".parse().unwrap(), quantity: None, amount: None };
    for returned in [Return::Lines(vec![line]), Return::Refund(euro(999)), Return::RefundedTotal(euro(1))] {
        let refused = member.returns(&program, at("2026-11-21"), "refund-1", "order-1", returned);
        assert_eq!(refused, Err(ReverseRefusal::FactsErased));
        assert!(!ReverseRefusal::FactsErased.to_string().is_empty());
    }
    for (key, order, returned) in
        [("refund-1", "order-1", Return::Everything), ("refund-2", "order-2", Return::Refund(euro(1000)))]
    {
        let entry = member.returns(&program, at("2026-11-21"), key, order, returned).unwrap();
        assert_eq!(entry.points().get(), -100);
    }
}

#[test]
fn a_return_that_would_give_more_points_than_an_account_holds_is_refused() {
    let small = json!({ "id": "small", "on": "purchase", "when": "purchase.total < 500",
                        "give": { "fixed": { "points": 500 } } });
    let program = program(json!({ "earning_rules": [small] }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(1000))).unwrap();
    member.account.lots = lots(&[("never", Points::MAX.get() - 499)]);
    let refund = Return::Refund(euro(600));
    let refused = member.returns(&program, at("2026-11-21"), "refund-1", "order-1", refund.clone()).unwrap_err();
    assert_eq!(refused, ReverseRefusal::PointsOverflow);
    assert!(!refused.to_string().is_empty());
}

#[test]
fn the_first_of_several_reasons_to_refuse_an_amendment_is_returned() {
    let grounds = [
        "Inactive",
        "NotAPurchase",
        "CurrencyMismatch",
        "LinesExceedTotal",
        "OccurredAtDiffers",
        "ChangesFull",
        "PointsOverflow",
    ];
    for grounds in subsets(&grounds) {
        let program = program(json!({
            "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } }],
        }));
        let mut member = Member::joins(&program, "2026-11-01");
        let has = |ground: &str| grounds.contains(&ground);
        member.earns(&program, "order-1", &purchase("2026-11-21", json!(1000))).unwrap();
        member.earns(&program, "review-1", &activity("2026-11-21", "review", &json!({}))).unwrap();
        if has("ChangesFull") {
            has_changed(&mut member, "order-1");
        }
        if has("PointsOverflow") {
            member.account.lots = lots(&[("never", Points::MAX.get() - 9)]);
        }
        set_status(&mut member, &grounds);
        let entry = if has("NotAPurchase") { "review-1" } else { "order-1" };
        let currency = if has("CurrencyMismatch") { "USD" } else { "EUR" };
        let line = json!({ "quantity": 1, "amount": if has("LinesExceedTotal") { 1101 } else { 1100 } });
        let when = if has("OccurredAtDiffers") { "2026-11-20" } else { "2026-11-21" };
        let now = purchase(when, json!({ "total": { "amount": 1100, "currency": currency }, "lines": [line] }));
        let refused = member.amends(&program, at("2026-11-21"), "amendment-1", entry, &now).err();
        assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
        assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
    }
}

#[test]
fn a_refused_return_shows_what_is_left() {
    let (program, mut member) = who_earns(&[]);
    let refused = member.reverses(&program, at("2026-11-21"), "refund-1", "order-1", Some(euro(1001)));
    assert_eq!(refused, Err(ReverseRefusal::ExceedsAccrual { paid: 1000, refunded: 0 }));
    member.returns(&program, at("2026-11-21"), "refund-2", "order-1", Return::Refund(euro(400))).unwrap();
    let refused = member.returns(&program, at("2026-11-21"), "refund-3", "order-1", Return::Refund(euro(601)));
    let refused = refused.unwrap_err();
    assert_eq!(refused, ReverseRefusal::ExceedsAccrual { paid: 1000, refunded: 400 });
    assert_eq!(refused.to_string(), "only 600 minor units are left: 1000 were paid, and 400 were refunded before");
}

/// The refusals of changes of a redemption, in their order.
const REDEMPTION_GROUNDS: [&str; 5] = ["Inactive", "NotARedemption", "HoldExpired", "NotHeld", "MoreThanHeld"];

/// Those of a partial reversal, in addition.
const PART_GROUNDS: [&str; 2] = ["MoreThanSpent", "OtherMoney"];

/// Returns a member with a redemption in each state, which is its id.
fn who_redeems(grounds: &[&str]) -> (Rulebook, Member) {
    let program = program(json!({ "rewards": [
        { "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 100 }, "hold_seconds_max": 600 },
    ] }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.lots = lots(&[("never", 1000)]);
    member.holds(&program, "2026-11-21T11:00", "expired", "coffee", 60).unwrap();
    for id in ["held", "captured", "cancelled", "reversed"] {
        member.holds(&program, "2026-11-21", id, "coffee", 600).unwrap();
    }
    let now = at("2026-11-21");
    member.redeems(&program, now, "spent", "coffee", None).unwrap();
    member.captures(&program, now, "c-1", "captured", None).unwrap();
    member.cancels(&program, now, "c-2", "cancelled").unwrap();
    member.captures(&program, now, "c-3", "reversed", Some(1)).unwrap();
    member.undoes(&program, now, "c-4", "reversed", true).unwrap();
    member.redeems(&program, now, "partly", "coffee", None).unwrap();
    member.undoes_part(&program, now, "c-5", "partly", (Part::Points(Points::new(1)), true)).unwrap();
    set_status(&mut member, grounds);
    (program, member)
}

#[test]
fn the_first_of_several_reasons_to_refuse_a_capture_or_a_cancellation_is_returned() {
    for grounds in subsets(&REDEMPTION_GROUNDS) {
        // A redemption has one state, so of two grounds that are states the first stands for both.
        let (program, mut member) = who_redeems(&grounds);
        let has = |ground: &str| grounds.contains(&ground);
        let entry = match (has("NotARedemption"), has("HoldExpired"), has("NotHeld")) {
            (true, _, _) => "~enrollment",
            (false, true, _) => "expired",
            (false, false, true) => "captured",
            (false, false, false) => "held",
        };
        let points = has("MoreThanHeld").then_some(101);
        let now = at("2026-11-21");
        let refused = member.clone().captures(&program, now, "c-9", entry, points).err();
        assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
        assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
        if !has("MoreThanHeld") {
            let refused = member.cancels(&program, now, "c-9", entry).err();
            assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
        }
    }
}

#[test]
fn what_can_be_done_about_a_redemption_goes_by_its_state() {
    let (program, member) = who_redeems(&[]);
    let now = at("2026-11-21");
    let not_held = |state| Err(RedemptionRefusal::NotHeld { state });
    for (id, state, held, undone) in [
        ("held", "held", Ok(()), not_held("held")),
        ("captured", "captured", not_held("captured"), Ok(())),
        ("spent", "captured", not_held("captured"), Ok(())),
        ("partly", "partly_reversed", not_held("partly_reversed"), Ok(())),
        ("cancelled", "cancelled", not_held("cancelled"), not_held("cancelled")),
        ("expired", "expired", Err(RedemptionRefusal::HoldExpired), not_held("expired")),
        ("reversed", "reversed", not_held("reversed"), not_held("reversed")),
    ] {
        assert_eq!(member.state(id), state);
        assert_eq!(member.clone().captures(&program, now, "c-9", id, None).map(drop), held, "{id}");
        assert_eq!(member.clone().cancels(&program, now, "c-9", id).map(drop), held, "{id}");
        assert_eq!(member.clone().undoes(&program, now, "c-9", id, true).map(drop), undone, "{id}");
    }
    for points in [0, -1, 101, i64::MAX] {
        let refused = member.clone().captures(&program, now, "c-9", "held", Some(points));
        assert_eq!(refused, Err(RedemptionRefusal::MoreThanHeld { held: Points::new(100) }));
    }
    // A closed account and an entry that is not a redemption refuse a reversal too.
    let (_, mut closed) = who_redeems(&["Inactive"]);
    assert_eq!(
        closed.undoes(&program, now, "c-9", "~enrollment", true),
        Err(RedemptionRefusal::Inactive(Inactive::Closed))
    );
    let other = member.clone().undoes(&program, now, "c-9", "~enrollment", true);
    assert_eq!(other, Err(RedemptionRefusal::NotARedemption));
}

/// The refusals of an adjustment, in their order.
const ADJUST_GROUNDS: [&str; 6] =
    ["Inactive", "ExpiresOnPast", "NoTiers", "PointsOverflow", "InsufficientPoints", "InsufficientQualifying"];

#[test]
fn the_first_of_several_reasons_to_refuse_an_adjustment_is_returned() {
    let plain = program(json!({}));
    let tiered = program(json!({ "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }] } }));
    for grounds in subsets(&ADJUST_GROUNDS) {
        let has = |ground: &str| grounds.contains(&ground);
        // Points are given or deducted, and a program has tiers or not, so not all of these apply at once.
        if (has("PointsOverflow") && has("InsufficientPoints")) || (has("NoTiers") && has("InsufficientQualifying")) {
            continue;
        }
        let program = if has("NoTiers") { &plain } else { &tiered };
        let mut member = Member::joins(program, "2026-11-01");
        set_status(&mut member, &grounds);
        member.account.lots = lots(&[("never", 10)]);
        let wish = Adjust {
            points: Points::new(match (has("PointsOverflow"), has("InsufficientPoints")) {
                (true, _) => Points::MAX.get(),
                (false, true) => -11,
                (false, false) => -10,
            }),
            expires_on: Some(on(if has("ExpiresOnPast") { "2026-11-20" } else { "2026-11-21" })),
            qualifying: match (has("NoTiers"), has("InsufficientQualifying")) {
                (true, _) => Qualifying { points: 1, ..Qualifying::default() },
                (false, true) => Qualifying { visits: -1, ..Qualifying::default() },
                (false, false) => Qualifying::default(),
            },
            reason: "goodwill".parse().unwrap(),
            note: None,
        };
        let refused = member.adjusts_by(program, at("2026-11-21"), "a-1", &wish).err();
        assert_eq!(refused.as_ref().map(name).as_deref(), grounds.first().copied(), "{grounds:?}");
        assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
    }
    let program = plain;
    for (points, expected) in [
        (Points::MAX.get() - 10, None),
        (Points::MAX.get() - 9, Some(AdjustRefusal::PointsOverflow)),
        (i64::MAX, Some(AdjustRefusal::PointsOverflow)),
        (-10, None),
        (-11, Some(AdjustRefusal::InsufficientPoints { missing: Points::new(1) })),
    ] {
        let mut member = Member::joins(&program, "2026-11-01");
        member.account.lots = lots(&[("never", 10)]);
        assert_eq!(member.adjusts(&program, at("2026-11-21"), "a-1", points).err(), expected, "{points}");
    }
}

#[test]
fn points_that_wait_or_are_held_count_toward_the_bound_of_an_account() {
    let program = program(json!({
        "points": { "pending": { "days": 14 } },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
        "rewards": [{ "id": "car", "name": "A car", "kind": "product", "cost": { "points": 1000 }, "hold_seconds_max": 600 }],
    }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.lots = lots(&[("never", 1000)]);
    member.holds(&program, "2026-11-21", "r-1", "car", 600).unwrap();
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(Points::MAX.get() - 1000))).unwrap();
    assert_eq!(member.balances(), [Points::MAX.get() - 1000, 0, 1000, 0]);
    let one_more = member.earns(&program, "order-2", &purchase("2026-11-21", json!(1)));
    assert_eq!(one_more, Err(EarnRefusal::PointsOverflow));
    assert_eq!(member.adjusts(&program, at("2026-11-21"), "a-1", 1), Err(AdjustRefusal::PointsOverflow));
}

const OVERRIDE_GROUNDS: [&str; 3] = ["Inactive", "TierNotFound", "UntilPast"];

#[test]
fn the_first_of_several_reasons_to_refuse_a_tier_is_returned() {
    let program = program(
        json!({ "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "gold", "threshold": 1 }] } }),
    );
    for grounds in subsets(&OVERRIDE_GROUNDS) {
        let mut member = Member::joins(&program, "2026-11-01");
        set_status(&mut member, &grounds);
        let has = |ground: &str| grounds.contains(&ground);
        let given = TierOverride {
            tier: if has("TierNotFound") { "emerald" } else { "gold" }.parse().unwrap(),
            until: on(if has("UntilPast") { "2026-11-20" } else { "2026-11-21" }),
            reason: "c-1".parse().unwrap(),
        };
        let told =
            give_tier(member.settled(&program, at("2026-11-21")), &given, None).map_err(|refusal| name(&refusal));
        assert_eq!(told.err().as_deref(), grounds.first().copied(), "{grounds:?}");
        let told = take_tier(member.settled(&program, at("2026-11-21")), None);
        assert_eq!(told.is_err(), has("Inactive"));
    }
    // Without tiers there is none to set, and a suspension does not matter.
    let plain = crate::world::program(json!({}));
    let mut member = Member::joins(&plain, "2026-11-01");
    let given = TierOverride { tier: "gold".parse().unwrap(), until: on("2027-01-01"), reason: "c-1".parse().unwrap() };
    let told = give_tier(member.settled(&plain, at("2026-11-21")), &given, None).map_err(|refusal| name(&refusal));
    assert_eq!(told.err().as_deref(), Some("TierNotFound"));
    let mut member = Member::joins(&program, "2026-11-01");
    member.account.status = Status::Suspended;
    assert!(give_tier(member.settled(&program, at("2026-11-21")), &given, None).unwrap().is_some());
}
