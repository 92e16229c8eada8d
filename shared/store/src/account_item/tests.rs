//! Round trips of accounts through their items, and the size of an item.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{
    Timestamp,
    civil::{Date, date},
};
use proptest::{collection, option, prelude::*};
use regulars_domain::{
    account::{Alias, AttributeValue as MemberAttribute, Bought, CountedElsewhere, Promise, ReferralDebt, Secured},
    calendar::{Every, Interval},
    cap_use::{CapOwner, CapUse},
    extension::Extension,
    hash::Hash,
    hold::Hold,
    id::{EntryId, IdempotencyKey, LevelId, MemberId, PlanId, ProgramId, RewardId, RuleId},
    lots::{Expiry, LotChange, Lots},
    pending::Awaits,
    plan_term::PlanTerm,
    qualifying::Qualifying,
    steps::Steps,
    unconfirmed::Unconfirmed,
};

use super::*;
use crate::item_size::item_size;

const ID: &str = "[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,63}";
const KEY: &str = "[!-}]([ -~]{0,62}[!-~])?";

fn key() -> impl Strategy<Value = IdempotencyKey> {
    KEY.prop_map(|text| text.parse().unwrap())
}

fn id<T: FromStr<Err: std::fmt::Debug> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    ID.prop_map(|id| id.parse().unwrap())
}

fn day() -> impl Strategy<Value = Date> {
    // Far beyond usual dates, and often the days that the domain uses as ends of time.
    prop_oneof![
        1 => Just(Date::MIN),
        1 => Just(Date::MAX),
        1 => Just(date(1, 1, 1)),
        9 => (-9999_i16..=9999, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| date(year, month, day)),
    ]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (-377_705_023_201_i64..253_402_207_200, 0_i32..1_000_000_000)
        .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
}

fn attribute() -> impl Strategy<Value = MemberAttribute> {
    prop_oneof![
        any::<bool>().prop_map(MemberAttribute::Boolean),
        any::<i64>().prop_map(MemberAttribute::Integer),
        day().prop_map(MemberAttribute::Date),
        ".{0,40}".prop_map(MemberAttribute::String),
        // A text that looks like a date stays a text.
        Just(MemberAttribute::String("1990-05-03".to_owned())),
    ]
}

fn lots() -> impl Strategy<Value = Lots> {
    let expiry = prop_oneof![
        3 => option::of(day()).prop_map(Expiry::from),
        1 => (day(), day()).prop_map(|(on, limit)| Expiry::Limited(on, limit)),
    ];
    collection::btree_map(expiry, (1_i64..=i64::MAX).prop_map(Points::new), 0..14)
        .prop_map(|lots| Lots::from_parts(lots).unwrap())
}

fn qualifying() -> impl Strategy<Value = Qualifying> {
    any::<(i64, i64, i64)>().prop_map(|(points, spend, visits)| Qualifying { points, spend, visits })
}

fn bought() -> impl Strategy<Value = Bought> {
    // Without purchases, there is no first and no last one.
    (any::<u64>(), any::<i64>(), option::of(any::<(i64, i64)>())).prop_map(|(purchases, spend, ends)| Bought {
        purchases,
        spend,
        first_at: ends.map(|(first, _)| first),
        last_at: ends.map(|(_, last)| last),
    })
}

fn owner() -> impl Strategy<Value = CapOwner> {
    prop_oneof![id().prop_map(CapOwner::Rule), id().prop_map(CapOwner::Reward), id().prop_map(CapOwner::Entitlement)]
}

fn status() -> impl Strategy<Value = Status> {
    let merged = id().prop_map(|into| Status::Merged { into });
    prop_oneof![Just(Status::Active), Just(Status::Suspended), Just(Status::Closed), Just(Status::Erased), merged]
}

fn interval() -> impl Strategy<Value = Interval> {
    let every = prop::sample::select(vec![Every::Day, Every::Week, Every::Month, Every::Year, Every::Ever]);
    (every, (1_i16..=9999, 1_i8..=12, 8_i8..=28))
        .prop_map(|(every, (year, month, day))| Interval::of(every, date(year, month, day)))
}

fn cap_use() -> impl Strategy<Value = CapUse> {
    collection::btree_map(owner(), collection::btree_map(interval(), any::<i64>(), 1..3), 0..4)
        .prop_map(|by_owner| by_owner.into_iter().collect())
}

fn promise() -> impl Strategy<Value = Promise> {
    (id::<LevelId>(), option::of(day()), any::<u64>(), any::<i32>(), option::of(day()))
        .prop_map(|(tier, until, version, grace_days, as_of)| Promise { tier, until, version, grace_days, as_of })
}

fn debt() -> impl Strategy<Value = ReferralDebt> {
    (id::<MemberId>(), id::<MemberId>(), key(), instant(), any::<u64>()).prop_map(
        |(to, friend, purchase, occurred_at, version)| ReferralDebt {
            to,
            friend,
            purchase: purchase.into(),
            occurred_at,
            version,
        },
    )
}

fn steps() -> impl Strategy<Value = Steps> {
    (any::<i64>(), collection::vec(day(), 0..4), any::<bool>()).prop_map(|(count, days, is_done)| Steps {
        count,
        days,
        is_done,
    })
}

prop_compose! {
    fn plan_term()(
        ids in (id::<PlanId>(), option::of(id::<EntryId>()), option::of(id::<MemberId>())),
        days in (day(), day(), option::of(any::<i8>())),
        counts in any::<(u64, u32)>(),
        is_continued in any::<bool>(),
    ) -> PlanTerm {
        PlanTerm {
            plan: ids.0, from: days.0, through: days.1, version: counts.0, begun_by: ids.1, ledger: ids.2, payments: counts.1,
            anchor_day: days.2, is_continued,
        }
    }
}

prop_compose! {
    fn kept()(
        attributes in collection::btree_map(id(), attribute(), 0..5),
        aliases in collection::vec(("[A-Za-z0-9._:-]{1,16}", any::<[u8; 16]>()), 0..4),
        lots in lots(),
        qualifying in collection::btree_map(day(), qualifying(), 0..3),
        secured in collection::vec((id::<LevelId>(), day()), 0..3),
        tier_override in option::of((id::<LevelId>(), day(), ".{1,40}")),
        cap_use in cap_use(),
        steps in collection::btree_map(id::<RuleId>(), steps(), 0..3),
        plans in collection::vec(plan_term(), 0..3),
        promised in collection::vec(promise(), 0..3),
        moved in collection::vec((id::<MemberId>(), day(), day()), 0..3),
    )(
        ids in (id::<ProgramId>(), id::<MemberId>()),
        status in status(),
        instants in (instant(), instant()),
        salt in option::of(any::<[u8; 16]>()),
        links in (option::of((id::<MemberId>(), any::<bool>())), option::of(id::<LevelId>()), collection::vec(debt(), 0..3)),
        merged_from in collection::vec(id::<MemberId>(), 0..3),
        days in (option::of(day()), day(), option::of(day()), option::of(day()), option::of(day()), option::of(day())),
        counts in any::<(i64, u64, u64, u64)>(),
        head in any::<[u8; 32]>(),
        waiting in (pending().boxed(), collection::vec(hold(), 0..3).boxed(), extension().boxed()),
        bought in prop_oneof![Just(Bought::default()), bought()],
        attributes in Just(attributes), aliases in Just(aliases), lots in Just(lots),
        qualifying in Just(qualifying), secured in Just(secured), tier_override in Just(tier_override),
        cap_use in Just(cap_use), steps in Just(steps), plans in Just(plans),
        promised in Just(promised), moved in Just(moved),
    ) -> Account {
        // The ledgers of terms are those of merged members, if there are any.
        let of_merged = |ledger: MemberId| merged_from.last().cloned().unwrap_or(ledger);
        let plans: Vec<PlanTerm> = plans;
        let referral_debts = links.2.into_iter().map(|debt: ReferralDebt| ReferralDebt { friend: of_merged(debt.friend), ..debt }).collect();
        let counted_elsewhere = moved.into_iter().map(|(ledger, from, under)| CountedElsewhere { ledger: of_merged(ledger), from, under }).collect();
        let plans = plans.into_iter().map(|term| PlanTerm { ledger: term.ledger.map(of_merged), ..term }).collect();
        Account {
            program: ids.0, member: ids.1, status, enrolled_at: instants.0, attributes, salt: salt.map(Into::into), promised,
            aliases: aliases.into_iter().map(|(kind, hash)| Alias { kind, hash }).collect(),
            referral: links.0.map(|(by, is_over)| Referral { by, is_over }), referral_debts, merged_from, lots, pending: waiting.0, holds: waiting.1, owed: Points::new(counts.0), qualifying, bought,
            secured: secured.into_iter().map(|(tier, through)| Secured { tier, through }).collect(),
            tier_override: tier_override.map(|(tier, until, reason)| TierOverride { tier, until, reason: reason.parse().unwrap() }),
            plans, counted_elsewhere, tier: links.1, cap_use, steps, extended_to: days.3, extension: waiting.2, noticed_through: days.4, tier_noticed_through: days.5, birthday_on: days.0, settled_on: days.1, settled_at: instants.1, program_version: counts.3,
            seq: counts.1, version: counts.2, head_hash: head.into(), review_on: days.2,
        }
    }
}

proptest! {
    #[test]
    fn every_account_is_read_from_its_item_unchanged(account in kept()) {
        prop_assert_eq!(read(&write(&account)).unwrap(), account);
    }

    #[test]
    fn an_item_with_an_attribute_of_another_type_is_a_fault_and_never_a_panic(
        account in kept(), which in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
    ) {
        let mut item = write(&account);
        let mut names: Vec<String> = item.keys().cloned().collect();
        names.sort();
        let name = names[which.index(names.len())].clone();
        let others = [
            AttributeValue::Null(true),
            AttributeValue::Bs(vec![]),
            list([AttributeValue::Null(true)]),
            map([("?".to_owned(), AttributeValue::Null(true))]),
        ];
        item.insert(name.clone(), others[other.index(others.len())].clone());
        let not_read = ["sk", "due_shard"].contains(&name.as_str());
        match read(&item) {
            Ok(same) => { prop_assert!(not_read, "{} of another type was read", name); prop_assert_eq!(same, account); }
            Err(corrupt) => prop_assert_eq!(corrupt.attribute, name),
        }
    }
}

prop_compose! {
    fn pending()(
        parts in collection::vec((any::<bool>(), day(), 1..1_000_000_i64, option::of(day())), 0..3),
        unconfirmed in collection::btree_map(day(), unconfirmed(), 0..3),
    ) -> Pending {
        let points: Pending = parts
            .into_iter()
            .map(|(is_day, day, points, expires_on)| {
                let awaits =
                    if is_day { Awaits::Maturity(day, expires_on.into()) } else { Awaits::Confirmation(day) };
                (awaits, Points::new(points))
            })
            .collect();
        points.with_unconfirmed(unconfirmed)
    }
}

prop_compose! {
    fn unconfirmed()(
        qualifying in collection::btree_map(day(), any::<[i64; 3]>(), 0..3), numbers in any::<[i64; 3]>(),
    ) -> Unconfirmed {
        let amount = |[points, spend, visits]: [i64; 3]| Qualifying { points, spend, visits };
        let qualifying = qualifying.into_iter().map(|(day, amounts)| (day, amount(amounts))).collect();
        let [paid, purchases, referrals] = numbers;
        Unconfirmed { qualifying, paid, purchases, referrals }
    }
}

prop_compose! {
    fn extension()(
        acts in collection::btree_map(option::of(day()), any::<i64>(), 0..3), is_final in any::<bool>(),
        before in option::of(day()), moved in collection::btree_map(option::of(day()), 1..1_000_000_i64, 0..3),
    ) -> Extension {
        let moved = moved.into_iter().map(|(day, points)| (Expiry::from(day), Points::new(points))).collect();
        Extension { acts, is_final, before, moved }
    }
}

prop_compose! {
    fn hold()(
        redemption in key(), reward in id::<RewardId>(), held_on in day(), expires_at in instant(),
        lots in collection::btree_map(option::of(day()), 1..1_000_000_i64, 0..3), program_version in any::<u64>(),
    ) -> Hold {
        let lots = lots.into_iter().map(|(day, points)| (Expiry::from(day), -Points::new(points)));
        let mut lots: Vec<_> = lots.map(|(expiry, points)| LotChange(expiry, points)).collect();
        lots.sort_by_key(|LotChange(expiry, _)| *expiry);
        Hold { redemption: redemption.into(), reward, held_on, expires_at, lots, program_version }
    }
}

/// An ordinary member in the worst case: every field of a usual program, all in use.
pub(crate) fn ordinary_worst_case() -> Account {
    let months = (1..=13_i8).map(|month| {
        let last = date(2026, 12, 1).checked_add(jiff::Span::new().months(month)).unwrap().last_of_month();
        (Expiry::On(last), Points::new(123_456))
    });
    let rule = |name: &str| CapOwner::Rule(name.parse().unwrap());
    let use_of = |(every, days): (Every, [Date; 2]), used: i64| days.map(|day| (Interval::of(every, day), used)).into();
    let months_used = (Every::Month, [date(2026, 10, 1), date(2026, 11, 1)]);
    let days_used = (Every::Day, [date(2026, 11, 21), date(2026, 11, 22)]);
    let text = |value: &str| MemberAttribute::String(value.to_owned());
    Account {
        program: "corner-coffee-eu".parse().unwrap(),
        member: "0192f3a47b1c7d5e8f90a1b2c3d4e5f6".parse().unwrap(),
        pending: Pending::default(),
        holds: Vec::new(),
        status: Status::Suspended,
        // The engine's clock has milliseconds.
        enrolled_at: "2025-02-03T14:05:06.789Z".parse().unwrap(),
        salt: Some([9; 16].into()),
        attributes: [
            ("city", "Kahramanmaras-Merkez"),
            ("favourite", "yirgacheffe-filtered"),
            ("language", "tr-TR-x-informal-you"),
            ("store", "kadikoy-moda-sahil-1"),
        ]
        .map(|(id, value)| (id.parse().unwrap(), text(value)))
        .into(),
        aliases: ["email", "phone"].map(|kind| Alias { kind: kind.to_owned(), hash: [7; 16] }).into(),
        referral: Some(Referral { by: "0192f3a47b1c7d5e8f90a1b2c3d4e5f7".parse().unwrap(), is_over: true }),
        referral_debts: Vec::new(),
        merged_from: Vec::new(),
        lots: Lots::from_parts(months).unwrap(),
        owed: Points::ZERO,
        qualifying: [date(2025, 1, 1), date(2026, 1, 1)]
            .map(|from| (from, Qualifying { points: 12_345, spend: 1_234_567, visits: 234 }))
            .into(),
        bought: Bought {
            purchases: 1_234,
            spend: 1_234_567,
            first_at: Some(1_738_591_506),
            last_at: Some(1_795_356_306),
        },
        secured: [("silver", date(2026, 12, 31)), ("platinum", date(2027, 12, 31))]
            .map(|(tier, through)| Secured { tier: tier.parse().unwrap(), through })
            .into(),
        promised: Vec::new(),
        tier_override: Some(TierOverride {
            tier: "gold".parse().unwrap(),
            until: date(2027, 6, 30),
            reason: "complaint-4711".parse().unwrap(),
        }),
        plans: Vec::new(),
        counted_elsewhere: Vec::new(),
        tier: Some("platinum".parse().unwrap()),
        cap_use: [
            (rule("beans-bag"), use_of(months_used, 200)),
            (rule("happy-hour"), use_of(months_used, 1_250)),
            (rule("review"), use_of(days_used, 1)),
            (CapOwner::Reward("free-coffee".parse().unwrap()), use_of(days_used, 1)),
        ]
        .into_iter()
        .collect(),
        steps: [("tenth-visit", 9), ("fifth-bag", 4)]
            .map(|(rule, count)| (rule.parse().unwrap(), Steps::counted(count)))
            .into(),
        // With expiry by inactivity, there is one lot.
        extended_to: None,
        extension: Extension::default(),
        // With monthly expiry, the next of these days nearly always has its notice.
        noticed_through: Some(date(2026, 12, 31)),
        // The override gives the level, so no notice of its end is written. Without one, the date takes 10 bytes in the place of 34.
        tier_noticed_through: None,
        birthday_on: Some(date(2026, 5, 3)),
        settled_on: date(2026, 11, 22),
        settled_at: "2026-11-22T14:05:06.789Z".parse().unwrap(),
        program_version: 12,
        seq: 1_234,
        version: 1_200,
        head_hash: Hash::from([7; 32]),
        review_on: Some(date(2026, 12, 31)),
    }
}

#[test]
fn an_ordinary_account_in_the_worst_case_weighs_no_more_than_a_kilobyte() {
    let account = ordinary_worst_case();
    let item = write(&account);
    let mut shares: Vec<(usize, &str)> = item
        .iter()
        .map(|(name, value)| (item_size(&HashMap::from([(name.clone(), value.clone())])), name.as_str()))
        .collect();
    shares.sort_unstable();
    let size = item_size(&item);
    println!("{size} bytes: {shares:?}");
    assert!(size <= 1_024, "{size} bytes: {shares:?}");
    assert_eq!(read(&item).unwrap(), account);
}

#[test]
fn empty_zero_and_missing_values_are_left_out() {
    let account = Account {
        attributes: BTreeMap::new(),
        aliases: vec![],
        referral: None,
        lots: Lots::default(),
        qualifying: BTreeMap::new(),
        bought: Bought::default(),
        secured: vec![],
        tier_override: None,
        tier: None,
        salt: None,
        cap_use: CapUse::default(),
        steps: BTreeMap::new(),
        noticed_through: None,
        tier_noticed_through: None,
        birthday_on: None,
        review_on: None,
        ..ordinary_worst_case()
    };
    let item = write(&account);
    let mut names: Vec<&str> = item.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["at", "en", "h", "n", "on", "pk", "pv", "sk", "st", "v"]);
    assert_eq!(read(&item).unwrap(), account);
}

#[test]
fn an_account_never_enters_the_index_of_entries() {
    assert!(!write(&ordinary_worst_case()).contains_key(crate::table::SEQ));
}

#[test]
fn a_corrupt_attribute_is_named() {
    let good = write(&ordinary_worst_case());
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let number = |value: &str| AttributeValue::N(value.to_owned());
    for (name, value) in [
        (PK, text("member#demo")),
        (PK, text("member#demo#m#1")),
        (VERSION, number("-1")),
        (VERSION, number("1.5")),
        (ENTRIES, text("7")),
        (HEAD_HASH, bytes(&[0; 31])),
        (STATUS, text("dormant")),
        (ENROLLED_AT, text("yesterday")),
        (SETTLED_ON, text("20261322")),
        (SETTLED_AT, text("2026-11-22T12:00:00Z")),
        (SETTLED_AT, number("1e30")),
        (PROGRAM_VERSION, text("3")),
        (SALT, bytes(&[0; 15])),
        (PROMISED, list([text("gold")])),
        (PROMISED, list([map([("t".to_owned(), text("gold"))])])),
        (ATTRIBUTES, map([("a b".to_owned(), text("x"))])),
        (ATTRIBUTES, map([("a".to_owned(), map([]))])),
        (ATTRIBUTES, map([("a".to_owned(), number("99999999999999999999"))])),
        (ALIASES, list([text("email")])),
        (REFERRED_BY, text("")),
        (LOTS, map([("20261131".to_owned(), number("5"))])),
        (LOTS, map([("20261130".to_owned(), number("0"))])),
        (OWED, number("x")),
        (QUALIFYING, map([("20260101".to_owned(), list([number("1"), number("2")]))])),
        (COUNTED_ELSEWHERE, list([list([number("9"), text("20260101"), text("20260601")])])),
        (BOUGHT, list([number("1")])),
        (BOUGHT, list([number("1"), text("2")])),
        (BOUGHT, list([number("-1"), number("2")])),
        (SECURED, list([list([text("gold")])])),
        (OVERRIDE, list([text("gold"), text("20270630")])),
        (
            PLANS,
            list([map([
                ("p".to_owned(), text("plus")),
                ("f".to_owned(), text("20261122")),
                ("v".to_owned(), number("1")),
            ])]),
        ),
        (TIER, text("#")),
        (CAP_USE, map([("rule/a".to_owned(), map([("ever".to_owned(), number("1"))]))])),
        (STEPS, map([("card".to_owned(), text("1"))])),
        (STEPS, map([("card".to_owned(), map([("n".to_owned(), number("1")), ("d".to_owned(), number("1"))]))])),
        (STEPS, map([("card".to_owned(), map([("x".to_owned(), AttributeValue::Bool(true))]))])),
        (REFERRAL_DEBTS, list([list([text("m-0"), text("m-1"), text("order-1"), number("1")])])),
        (PENDING, map([("m20261131".to_owned(), number("5"))])),
        (PENDING, map([("x20261130".to_owned(), number("5"))])),
        (PENDING, map([("m20261130.".to_owned(), number("5"))])),
        (PENDING, map([("m20261130.soon".to_owned(), number("5"))])),
        (PENDING, map([("c20261130.20271130".to_owned(), number("5"))])),
        (CAP_USE, map([("rule/a".to_owned(), map([("20261101".to_owned(), number("1"))]))])),
        (EXTENDED_TO, text("20271131")),
        (NOTICED_THROUGH, text("soon")),
        (TIER_NOTICED_THROUGH, text("soon")),
        (BIRTHDAY_ON, text("")),
        (DUE_KEY, text("2026-12-31")),
    ] {
        let mut item = good.clone();
        item.insert(name.to_owned(), value.clone());
        let corrupt = read(&item).expect_err(name);
        assert_eq!((corrupt.item, corrupt.attribute), ("account", name), "{value:?}");
    }
    for name in [PK, VERSION, ENTRIES, HEAD_HASH, STATUS, ENROLLED_AT, SETTLED_ON, SETTLED_AT, PROGRAM_VERSION] {
        let mut item = good.clone();
        item.remove(name);
        assert_eq!(read(&item).expect_err(name).attribute, name);
    }
}

#[test]
fn a_day_of_unconfirmed_purchases_adds_less_than_a_hundred_bytes() {
    let account = ordinary_worst_case();
    let last = date(2026, 12, 22);
    let counts = Unconfirmed {
        qualifying: BTreeMap::from([(date(2026, 1, 1), Qualifying { points: 12_345, spend: 123_456, visits: 2 })]),
        paid: 123_456,
        purchases: 2,
        referrals: 0,
    };
    let waits = [(Awaits::Confirmation(last), Points::new(12_345))];
    let pending = waits.into_iter().collect::<Pending>().with_unconfirmed(BTreeMap::from([(last, counts)]));
    let more = item_size(&write(&Account { pending, ..account.clone() })) - item_size(&write(&account));
    println!("{more} bytes");
    assert!(more <= 100, "{more} bytes");
}
