//! The size of the worst account of any accepted program: programs of every shape, as large as publishing accepts, with
//! an account that stores everything that such a program allows.
#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed, which is what it is for")]

use std::collections::{BTreeMap, HashMap};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date},
};
use regulars_domain::{
    account::{
        Alias, AttributeValue as MemberAttribute, Bought, CountedElsewhere, PROMISES_MAX, Promise, ReferralDebt,
    },
    calendar::{Every, days_after, months_after},
    extension::{EXTENDED_LOTS_MAX, EXTENDED_UNTIL_MAX, Extension},
    hash::Hash,
    hold::{HOLD_LOTS_MAX, HOLDS_MAX, Hold},
    lots::{Expiry, LOTS_MAX, LotChange, Lots},
    merge::{MERGES_MAX, PLANS_MAX},
    names::ALIASES_MAX,
    pending::{Awaits, PENDING_MAX, Pending, UNCONFIRMED_MAX},
    plan_term::PlanTerm,
    program::{ATTRIBUTE_BYTES_MAX, MEMORY_BYTES_MAX, Program},
    qualifying::Qualifying,
    settle::settle_unwritten,
    steps::Steps,
    unconfirmed::Unconfirmed,
    versions::Versions,
};
use serde_json::{Value, json};

use super::*;
use crate::item_size::item_size;

/// The maximum size of an account, for any program and any activity.
const ACCOUNT_BYTES_MAX: usize = 28 * 1024;

/// The maximum while data of the version before still counts.
const ACCOUNT_BYTES_BETWEEN_VERSIONS_MAX: usize = ACCOUNT_BYTES_MAX + MEMORY_BYTES_MAX;

/// The names of the attributes, and the two maps of caps and steps.
const MAPS_BYTES: usize = 2 * (1 + 3);

/// The largest number of twelve digits, the maximum of the engine.
const MOST: i64 = 999_999_999_999;

/// Returns an id of the maximum length.
fn long_id(name: &str, place: usize) -> String {
    format!("{:x<64}", format!("{name}-{place}-"))
}

fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

/// Returns a document with these parts, and with tiers over the longest window.
fn document(backdating_days: i32, parts: Value) -> Value {
    let mut document = json!({
        "name": "Worst", "time_zone": "Europe/Berlin", "currency": "EUR",
        "points": { "backdating_days_max": backdating_days },
        "tiers": {
            "period": { "rolling_months": 36 }, "basis": "points",
            "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "x".repeat(64), "threshold": 1 }],
        },
    });
    let Value::Object(parts) = parts else { panic!("parts are an object") };
    document.as_object_mut().unwrap().extend(parts);
    document
}

fn rules(count: usize, rule: impl Fn(usize) -> Value) -> Value {
    json!({ "earning_rules": (0..count).map(rule).collect::<Vec<_>>() })
}

fn capped(count: usize, cap: &Value) -> Value {
    rules(
        count,
        |place| json!({ "id": long_id("rule", place), "on": "purchase", "give": { "fixed": { "points": 1 } }, "cap": cap }),
    )
}

fn stepped(count: usize, give: &Value) -> Value {
    rules(count, |place| json!({ "id": long_id("rule", place), "on": "purchase", "stacking": "add", "give": give }))
}

/// Returns a document with a number of some part.
type Shape = Box<dyn Fn(usize) -> Value>;

/// Returns each shape of document, and its name.
fn shapes() -> Vec<(String, Shape)> {
    let mut shapes: Vec<(String, Shape)> = Vec::new();
    for days in [0, 30, 365] {
        for every in ["day", "week", "month", "year", "ever"] {
            for (unit, most) in [("times", 1), ("points", MOST)] {
                let cap = json!({ unit: most, "every": every });
                let name = format!("{unit} every {every}, {days} days late");
                shapes.push((name, Box::new(move |count| document(days, capped(count, &cap)))));
            }
        }
        for (times, within_days) in [(1, 1), (3, 7), (50, 366)] {
            let give =
                json!({ "challenge": { "times": times, "within_days": within_days, "points": 1, "repeats": true } });
            let name = format!("{times} within {within_days}, {days} days late");
            shapes.push((name, Box::new(move |count| document(days, stepped(count, &give)))));
        }
    }
    let card = json!({ "punch_card": { "every": 1_000, "points": 1, "counts": "pieces" } });
    shapes.push(("punch cards".to_owned(), Box::new(move |count| document(365, stepped(count, &card)))));
    let reward = |place| {
        json!({ "id": long_id("reward", place), "name": "A reward", "kind": "product", "cost": { "points": 1 },
                "limit": { "points": MOST, "every": "ever" } })
    };
    let rewards = move |count| document(365, json!({ "rewards": (0..count).map(reward).collect::<Vec<_>>() }));
    shapes.push(("rewards".to_owned(), Box::new(rewards)));
    let entitlement = |place| json!({ "id": long_id("use", place), "times": 1_000_000, "every": "ever" });
    let plans = move |count: usize| {
        let places: Vec<usize> = (0..count).collect();
        let plan = |places: &[usize]| {
            json!({ "id": format!("plan-{}", places[0]), "name": "A plan", "interval": "month", "price": 100,
                    "entitlements": places.iter().map(|place| entitlement(*place)).collect::<Vec<_>>() })
        };
        document(365, json!({ "plans": places.chunks(20).map(plan).collect::<Vec<_>>() }))
    };
    shapes.push(("entitlements".to_owned(), Box::new(plans)));
    shapes
}

/// Returns the largest document of a shape that publishing accepts.
fn largest(shape: &dyn Fn(usize) -> Value) -> (usize, Program) {
    let read = |count: usize| Program::read(&shape(count), 1);
    let (mut fits, mut fails) = (1, 1_000);
    read(fits).expect("one of each is accepted");
    while fails - fits > 1 {
        let count = usize::midpoint(fits, fails);
        if read(count).is_ok() { fits = count } else { fails = count }
    }
    let refused = read(fails).unwrap_err();
    let codes: Vec<_> = refused.iter().map(|finding| finding.code).collect();
    let is_bound = |code: &&str| ["account_too_large", "too_many"].contains(code);
    assert!(codes.iter().all(is_bound), "{fails}: {codes:?}");
    (fits, read(fits).unwrap())
}

/// Returns a term of a plan that a merged account paid for, and that has waited.
fn term(place: usize, today: Date) -> PlanTerm {
    let from = days_after(today, 400 * i32::try_from(place).unwrap());
    PlanTerm {
        plan: long_id("plan", place).parse().unwrap(),
        from,
        through: days_after(from, 366),
        version: 1,
        begun_by: Some("x".repeat(64).parse().unwrap()),
        ledger: place.checked_sub(1).map(|card| long_id("member", card).parse().unwrap()),
        payments: 12,
        anchor_day: Some(31),
        is_continued: true,
    }
}

/// Returns where the amounts of a merged account are stored, those of the current period and of the one before.
fn counted_elsewhere(card: usize, today: Date) -> [CountedElsewhere; 2] {
    [0, 365].map(|days| CountedElsewhere {
        ledger: long_id("member", card).parse().unwrap(),
        from: days_after(today, days),
        under: days_after(today, days + 300),
    })
}

/// Returns the maximum of what unconfirmed accruals can count.
fn everything_unconfirmed(today: Date) -> BTreeMap<Date, Unconfirmed> {
    let mut unconfirmed: BTreeMap<_, Unconfirmed> = BTreeMap::new();
    for place in 0..UNCONFIRMED_MAX.max(PENDING_MAX) {
        let last = days_after(today, i32::try_from(place % PENDING_MAX).unwrap() + 1);
        let counts = unconfirmed.entry(last).or_default();
        (counts.paid, counts.purchases, counts.referrals) = (MOST, MOST, 1);
        if place < UNCONFIRMED_MAX {
            let amount = Qualifying { points: MOST, spend: MOST, visits: MOST };
            counts.qualifying.insert(today.first_of_month(), amount);
        }
    }
    unconfirmed
}

/// Returns an account with the maximum of everything.
fn everything(program: &Program, now: Timestamp) -> Account {
    let today = program.date(now);
    let day = |days: usize| days_after(today, i32::try_from(days).unwrap());
    let points = Points::new(MOST / 1_000);
    let parts = (1..=LOTS_MAX).map(|days| (Expiry::Limited(day(40 * days), day(40 * days)), points));
    let hold = |place: usize| Hold {
        redemption: long_id("redemption", place).parse().unwrap(),
        reward: long_id("reward", place).parse().unwrap(),
        held_on: today,
        expires_at: now + SignedDuration::from_mins(30),
        lots: (1..=HOLD_LOTS_MAX / HOLDS_MAX)
            .map(|days| LotChange(Expiry::Limited(day(days + 400), day(days + 400)), -points))
            .collect(),
        program_version: 1,
    };
    // Heavier than points that mature, because what unconfirmed accruals count is stored too.
    let awaits = (1..=PENDING_MAX).map(|days| (Awaits::Confirmation(day(days)), points));
    let months = (0..44).map(|ago| months_after(today.first_of_month(), -ago));
    let amount = Qualifying { points: MOST, spend: MOST, visits: MOST };
    let promise = |place: usize| Promise {
        tier: "x".repeat(64).parse().unwrap(),
        until: Some(day(place + 1)),
        version: 1,
        grace_days: 180,
        as_of: Some(day(0)),
    };
    let debt = |place: usize| ReferralDebt {
        to: long_id("referrer", place).parse().unwrap(),
        friend: long_id("member", place).parse().unwrap(),
        purchase: long_id("purchase", place).parse().unwrap(),
        occurred_at: now,
        version: 1,
    };
    let text = |place: usize| (long_id("a", place), "x".repeat(100));
    let attributes: BTreeMap<_, _> = (0..24).map(text).collect();
    assert!(attributes.iter().map(|(id, text)| id.len() + text.len() + 1).sum::<usize>() <= ATTRIBUTE_BYTES_MAX);

    let every_interval = |every: Every| (0..800).map(move |ago| Interval::of(every, days_after(today, 10 - ago)));
    let uses =
        |cap: regulars_domain::cap::Cap| every_interval(cap.every).map(|interval| (interval, cap.most)).collect();
    let rule_caps = program.earning_rules.iter().filter_map(|rule| Some((rule.cap_owner(), uses(rule.cap?))));
    let limits = program.rewards.iter().filter_map(|reward| Some((reward.cap_owner(), uses(reward.limit?))));
    let entitled = program.plans.iter().flat_map(|plan| &plan.entitlements).map(|entitlement| {
        let uses = every_interval(entitlement.every).map(|interval| (interval, entitlement.times)).collect();
        (CapOwner::Entitlement(entitlement.id.clone()), uses)
    });
    let days: Vec<_> = (0..800).rev().map(|ago| days_after(today, -(ago / 2))).collect();
    let steps = program.earning_rules.iter().filter(|rule| rule.cap.is_none());
    Account {
        program: long_id("program", 0).parse().unwrap(),
        member: long_id("member", 0).parse().unwrap(),
        enrolled_at: at("2020-02-03T14:05:06.789Z"),
        attributes: attributes
            .into_iter()
            .map(|(id, value)| (id.parse().unwrap(), MemberAttribute::String(value)))
            .collect(),
        aliases: (0..ALIASES_MAX).map(|_| Alias { kind: "x".repeat(16), hash: [7; 16] }).collect(),
        referral: Some(Referral { by: long_id("referrer", 0).parse().unwrap(), is_over: true }),
        referral_debts: (0..=MERGES_MAX).map(debt).collect(),
        merged_from: (0..MERGES_MAX).map(|place| long_id("member", place).parse().unwrap()).collect(),
        lots: Lots::from_parts(parts).unwrap(),
        pending: awaits.collect::<Pending>().with_unconfirmed(everything_unconfirmed(today)),
        holds: (0..HOLDS_MAX).map(hold).collect(),
        owed: Points::new(MOST),
        qualifying: months.map(|month| (month, amount)).collect(),
        promised: (0..PROMISES_MAX).map(promise).collect(),
        tier_override: Some(TierOverride {
            tier: "x".repeat(64).parse().unwrap(),
            until: day(90),
            reason: "x".repeat(64).parse().unwrap(),
        }),
        plans: (0..PLANS_MAX).map(|place| term(place, today)).collect(),
        tier: Some("x".repeat(64).parse().unwrap()),
        cap_use: rule_caps.chain(limits).chain(entitled).collect(),
        steps: steps.map(|rule| (rule.id.clone(), Steps { count: -MOST, days: days.clone(), is_done: true })).collect(),
        settled_on: today,
        settled_at: now,
        program_version: 1,
        seq: 1_234_567,
        version: 1_234_567,
        head_hash: Hash::from([7; 32]),
        extended_to: Some(day(365)),
        extension: Extension {
            acts: (0..EXTENDED_UNTIL_MAX).map(|days| (Some(day(days)), MOST)).collect(),
            is_final: true,
            before: Some(day(364)),
            moved: (1..=EXTENDED_LOTS_MAX).map(|days| (Expiry::Limited(day(days), day(500)), points)).collect(),
        },
        noticed_through: Some(day(30)),
        tier_noticed_through: Some(day(30)),
        birthday_on: Some(date(2026, 5, 3)),
        review_on: Some(day(1)),
        bought: Bought { purchases: u64::MAX, spend: MOST, first_at: Some(MOST), last_at: Some(MOST) },
        ..tests::ordinary_worst_case()
    }
}

/// Returns `account` with the maximum of data for rules that the program no longer has, and with amounts of merged
/// members whose periods began on other days, if the version before had such periods.
fn remembering_more(mut account: Account, now: Timestamp) -> Account {
    let gone = (0..400).map(|place| CapOwner::Rule(long_id("gone", place).parse().unwrap()));
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let uses = [Every::Ever, Every::Year, Every::Day].map(|every| (Interval::of(every, today), MOST));
    let more = gone.map(|owner| (owner, BTreeMap::from(uses)));
    let known = account.cap_use.iter().map(|(owner, uses)| (owner.clone(), uses.clone()));
    account.cap_use = known.chain(more).collect();
    account.counted_elsewhere = (0..MERGES_MAX).flat_map(|card| counted_elsewhere(card, today)).collect();
    account.steps.extend((0..100).map(|place| (long_id("gone", place).parse().unwrap(), Steps::counted(MOST))));
    account
}

#[test]
fn the_worst_account_of_the_worst_accepted_document_is_bounded() {
    let now = at("2026-11-22T12:00:00Z");
    let mut heaviest = 0;
    for (name, shape) in shapes() {
        let (count, program) = largest(&shape);
        let account = everything(&program, now);
        let versions = Versions::from(program);
        // Settling drops data that is no longer needed.
        let settled = |account: Account| settle_unwritten(&versions, account, now).unwrap().account().clone();
        let between = item_size(&write(&settled(remembering_more(account.clone(), now))));
        assert!(between <= ACCOUNT_BYTES_BETWEEN_VERSIONS_MAX, "{name}: {between} between versions");
        let account = settled(account);
        let item = write(&account);
        let memory: HashMap<_, _> = item
            .iter()
            .filter(|(name, _)| [CAP_USE, STEPS].contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let (memory, size) = (item_size(&memory), item_size(&item));
        println!("{count} x {name}: {memory} bytes remembered, {size} in all");
        assert!(memory <= MEMORY_BYTES_MAX + MAPS_BYTES, "{name}: {memory}");
        assert!(size <= ACCOUNT_BYTES_MAX, "{name}: {size}");
        assert_eq!(read(&item).unwrap(), account, "{name}");
        heaviest = size.max(heaviest);
    }
    assert!(heaviest > ACCOUNT_BYTES_MAX / 2, "the bound says something: {heaviest}");
}
