//! The item of an account, small enough that reading and writing it costs one unit.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `pk`, `sk` | S | `member#PROGRAM#MEMBER`, `account`; the ids are stored nowhere else |
//! | `v` | N | the version |
//! | `n` | N | the number of entries (an attribute named `seq` would put the account into the index of entries) |
//! | `h` | B | the hash of the newest entry |
//! | `st` | S | the status: `active`, `suspended`, `closed`, `merged` |
//! | `mi` | S | the member that a merged account was merged into |
//! | `mf` | L | the members who were merged into this one |
//! | `en` | N | when the member joined, in nanoseconds since 1970 (DynamoDB does not store the zeros at the end) |
//! | `on` | S | the day up to which the account is settled |
//! | `at` | N | the instant of the newest commit, in nanoseconds since 1970 |
//! | `pv` | N | the version of the program that it was last settled under |
//! | `sa` | B | the salt of the fingerprints of the member's requests |
//! | `a` | M | attributes by id: BOOL, N, S, or for a date the map `{ "d": S }` |
//! | `al` | L | aliases, each a B: the bytes of the hash, then the kind |
//! | `rf`, `ro` | S, BOOL | the referrer, and whether the referral was paid or can no longer be paid |
//! | `rd` | L | owed referral payments, each a list: the referrer, the friend (for a merged member the position in `mf`), the purchase, when it was made in nanoseconds, version of the program |
//! | `l` | M | points by the last day of their lot, or by `never` |
//! | `w` | M | pending points by what they wait for: `m20261231` a day, and where they expire `m20261231.20271231` the day after which they do; `c20261231` a confirmation by that day |
//! | `u` | M | by the last day on which they can be confirmed, what unconfirmed accruals count: a list of what was paid, purchases, referrals, and a map like `q` |
//! | `ho` | L | open holds, each a map: `i` redemption, `w` reward, `d` day, `x` end in nanoseconds, `l` points by lot, `v` version of the program |
//! | `o` | N | points owed |
//! | `q` | M | by the first day of a tier period, or with rolling months of a month: list of qualifying points, spend, visits |
//! | `ql` | L | where amounts of merged members are stored under another day than in their ledger, each a list: the position of the member in `mf`, the first day of the period there, the day here |
//! | `k` | L | lifetime purchases: number, spend, and the first and the last purchase in seconds since 1970 |
//! | `s` | L | secured tiers, each a list of tier and last day |
//! | `pr` | L | promised tiers, each a map: `t` tier, `u` last day, `g` number of last days that are grace, `v` version, `d` the day as of which it was given |
//! | `ov` | L | the override: tier, last day, reason |
//! | `pl` | L | plan terms, in the order in which they run, each a map: `p` plan, `f` first day, `l` last day, `v` version of the program, `b` the payment that started it, `m` the position in `mf` of the member whose ledger has it, `n` the number of payments if not 1, `d` the day of the month on which its intervals begin if that is not the one of its first day |
//! | `t` | S | the tier that the ledger last reported |
//! | `c` | M | by cap owner: use by interval, `m20261101` |
//! | `p` | M | by rule: the number of steps, or a map: `n` number, `d` their days as a list of S, `x` whether the rule is done |
//! | `x` | S | the day to which activity has extended the points |
//! | `xt` | M | the newest extension: `n` activities by the last day on which they can be confirmed, or by `-`; `f` whether it is final; `b` the day before; `m` points by their earlier expiry |
//! | `e` | S | the latest last day of points that a notice was due for |
//! | `b` | S | the last birthday for which points were given |
//! | `due_shard`, `due_key` | N, S | the shard and `2026-12-31#PROGRAM#MEMBER`, by which the review is found; both or neither |
//!
//! Days are written `20261231`, except in `due_key`. Empty, zero and missing values are left out.

use std::{collections::BTreeMap, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    account::{
        Account, Alias, AttributeValue as MemberAttribute, Bought, CountedElsewhere, Promise, Referral, ReferralDebt,
        Secured, Status, TierOverride,
    },
    calendar::Interval,
    cap_use::{CapOwner, CapUse},
    extension::Extension,
    fingerprint::Salt,
    hold::Hold,
    id::MemberId,
    lots::{Expiry, LotChange, Lots},
    pending::{Awaits, Pending},
    plan_term::PlanTerm,
    points::Points,
    qualifying::Qualifying,
    steps::Steps,
    unconfirmed::Unconfirmed,
};

use crate::{
    due::due_shard,
    fault::Corrupt,
    item::{Fields, Item, as_number, as_parsed, bytes, compact_date, key_attributes, number, text},
    table::{DUE_KEY, DUE_SHARD, PK, VERSION, account_key, due_key, read_due_key, read_member_pk},
};

const ENTRIES: &str = "n";
const HEAD_HASH: &str = "h";
const STATUS: &str = "st";
const ENROLLED_AT: &str = "en";
const SETTLED_ON: &str = "on";
const SETTLED_AT: &str = "at";
const PROGRAM_VERSION: &str = "pv";
const SALT: &str = "sa";
const ATTRIBUTES: &str = "a";
const ALIASES: &str = "al";
const REFERRED_BY: &str = "rf";
const REFERRAL_OVER: &str = "ro";
const REFERRAL_DEBTS: &str = "rd";
const MERGED_INTO: &str = "mi";
const MERGED_FROM: &str = "mf";
const LOTS: &str = "l";
const PENDING: &str = "w";
const UNCONFIRMED: &str = "u";
const HOLDS: &str = "ho";
const OWED: &str = "o";
const QUALIFYING: &str = "q";
const COUNTED_ELSEWHERE: &str = "ql";
const BOUGHT: &str = "k";
const SECURED: &str = "s";
const PROMISED: &str = "pr";
const OVERRIDE: &str = "ov";
const PLANS: &str = "pl";
const TIER: &str = "t";
const CAP_USE: &str = "c";
const STEPS: &str = "p";
const EXTENDED_TO: &str = "x";
const EXTENSION: &str = "xt";
const NOTICED_THROUGH: &str = "e";
const BIRTHDAY_ON: &str = "b";

/// The only key of a map that represents a date among the attributes.
const DATE: &str = "d";
/// The key of activities that need no confirmation.
const NO_DAY: &str = "-";
/// The key of the lot that never expires.
const NEVER: &str = "never";

/// Returns the item of `account`.
pub(crate) fn write(account: &Account) -> Item {
    let Account {
        program,
        member,
        status,
        enrolled_at,
        attributes,
        aliases,
        salt,
        referral,
        referral_debts,
        merged_from,
        lots,
        pending,
        holds,
        owed,
        qualifying,
        counted_elsewhere,
        bought,
        secured,
        promised,
        tier_override,
        plans,
        tier,
        cap_use,
        steps,
        extended_to,
        extension,
        noticed_through,
        birthday_on,
        settled_on,
        settled_at,
        program_version,
        seq,
        version,
        head_hash,
        review_on,
    } = account;
    let mut item = key_attributes(account_key(program, member));
    let mut put = |name: &str, value: AttributeValue| {
        if !is_nothing(&value) {
            item.insert(name.to_owned(), value);
        }
    };
    put(VERSION, number(version));
    put(ENTRIES, number(seq));
    put(HEAD_HASH, bytes(head_hash.as_bytes()));
    put(STATUS, text(status.name()));
    put(ENROLLED_AT, instant(*enrolled_at));
    put(SETTLED_ON, text(compact_date(*settled_on)));
    put(SETTLED_AT, instant(*settled_at));
    put(PROGRAM_VERSION, number(program_version));
    put(ATTRIBUTES, map(attributes.iter().map(|(id, value)| (id.to_string(), write_attribute(value)))));
    put(ALIASES, list(aliases.iter().map(write_alias)));
    put(LOTS, map(lots.iter().map(|(expiry, points)| (lot_name(expiry), number(&points)))));
    put(PENDING, map(pending.iter().map(|(awaits, points)| (awaits_name(awaits), number(&points)))));
    put(UNCONFIRMED, write_unconfirmed(pending));
    put(HOLDS, list(holds.iter().map(write_hold)));
    put(QUALIFYING, map(qualifying.iter().map(|(from, amount)| (compact_date(*from), write_qualifying(amount)))));
    put(COUNTED_ELSEWHERE, list(counted_elsewhere.iter().map(|moved| write_counted_elsewhere(moved, merged_from))));
    put(BOUGHT, list(write_bought(bought)));
    put(SECURED, list(secured.iter().map(write_secured)));
    put(PROMISED, list(promised.iter().map(write_promise)));
    put(PLANS, list(plans.iter().map(|term| write_plan(term, merged_from))));
    put(CAP_USE, map(cap_use.iter().map(|(owner, by_interval)| (owner.to_string(), write_cap_use(by_interval)))));
    put(STEPS, map(steps.iter().map(|(rule, steps)| (rule.to_string(), write_steps(steps)))));
    if !owed.is_zero() {
        put(OWED, number(owed));
    }
    put(REFERRAL_DEBTS, list(referral_debts.iter().map(|debt| write_debt(debt, merged_from))));
    put(MERGED_FROM, list(merged_from.iter().map(|member| text(member.as_str()))));
    if let Status::Merged { into } = status {
        put(MERGED_INTO, text(into.as_str()));
    }
    if let Some(Referral { by, is_over }) = referral {
        put(REFERRED_BY, text(by.as_str()));
        is_over.then(|| put(REFERRAL_OVER, AttributeValue::Bool(true)));
    }
    if let Some(TierOverride { tier, until, reason }) = tier_override {
        put(OVERRIDE, list([text(tier.as_str()), text(compact_date(*until)), text(reason.as_str())]));
    }
    if let Some(salt) = salt {
        put(SALT, bytes(salt.as_bytes()));
    }
    if let Some(tier) = tier {
        put(TIER, text(tier.as_str()));
    }
    put(EXTENSION, write_extension(extension));
    for (name, date) in [(EXTENDED_TO, extended_to), (NOTICED_THROUGH, noticed_through), (BIRTHDAY_ON, birthday_on)] {
        if let Some(date) = date {
            put(name, text(compact_date(*date)));
        }
    }
    if let Some(date) = review_on {
        put(DUE_SHARD, number(&due_shard(member)));
        put(DUE_KEY, text(due_key(*date, program, member)));
    }
    item
}

/// Reads the account from `item`.
///
/// # Errors
///
/// The first attribute that differs from what [`write`] writes.
pub(crate) fn read(item: &Item) -> Result<Account, Corrupt> {
    let fields = Fields::of("account", item);
    let (program, member) = fields.required(PK, |value| read_member_pk(value.as_s().ok()?))?;
    let merged_into: Option<MemberId> = fields.optional(MERGED_INTO, as_parsed)?;
    let is_over = fields.optional(REFERRAL_OVER, |value| value.as_bool().ok().copied())?.unwrap_or_default();
    let merged_from: Vec<MemberId> = read_list(&fields, MERGED_FROM, as_parsed)?;
    Ok(Account {
        status: fields.required(STATUS, |value| read_status(value.as_s().ok()?, merged_into.as_ref()))?,
        enrolled_at: fields.required(ENROLLED_AT, read_instant)?,
        attributes: read_map(&fields, ATTRIBUTES, read_attribute)?,
        aliases: read_list(&fields, ALIASES, read_alias)?,
        salt: fields.optional(SALT, read_salt)?,
        referral: fields.optional(REFERRED_BY, as_parsed)?.map(|by| Referral { by, is_over }),
        referral_debts: read_list(&fields, REFERRAL_DEBTS, |value| read_debt(value, &merged_from))?,
        lots: fields.optional(LOTS, read_lots)?.unwrap_or_default(),
        pending: read_map(&fields, PENDING, as_number)?
            .into_iter()
            .map(|(Waiting(awaits), points)| (awaits, Points::new(points)))
            .collect::<Pending>()
            .with_unconfirmed(read_map(&fields, UNCONFIRMED, read_unconfirmed)?),
        holds: read_list(&fields, HOLDS, read_hold)?,
        owed: fields.optional(OWED, as_number)?.map(Points::new).unwrap_or_default(),
        qualifying: read_map(&fields, QUALIFYING, read_qualifying)?,
        counted_elsewhere: read_list(&fields, COUNTED_ELSEWHERE, |value| read_counted_elsewhere(value, &merged_from))?,
        bought: fields.optional(BOUGHT, read_bought)?.unwrap_or_default(),
        secured: read_list(&fields, SECURED, read_secured)?,
        promised: read_list(&fields, PROMISED, read_promise)?,
        tier_override: fields.optional(OVERRIDE, read_override)?,
        plans: read_list(&fields, PLANS, |value| read_plan(value, &merged_from))?,
        merged_from,
        tier: fields.optional(TIER, as_parsed)?,
        cap_use: read_cap_use(&fields)?,
        steps: read_map(&fields, STEPS, read_steps)?,
        extended_to: fields.optional(EXTENDED_TO, as_parsed)?,
        extension: fields.optional(EXTENSION, read_extension)?.unwrap_or_default(),
        noticed_through: fields.optional(NOTICED_THROUGH, as_parsed)?,
        birthday_on: fields.optional(BIRTHDAY_ON, as_parsed)?,
        settled_on: fields.required(SETTLED_ON, as_parsed)?,
        settled_at: fields.required(SETTLED_AT, read_instant)?,
        program_version: fields.required(PROGRAM_VERSION, as_number)?,
        seq: fields.required(ENTRIES, as_number)?,
        version: fields.required(VERSION, as_number)?,
        head_hash: fields
            .required(HEAD_HASH, |value| Some(<[u8; 32]>::try_from(value.as_b().ok()?.as_ref()).ok()?.into()))?,
        review_on: fields.optional(DUE_KEY, |value| Some(read_due_key(value.as_s().ok()?)?.0))?,
        program,
        member,
    })
}

fn is_nothing(value: &AttributeValue) -> bool {
    value.as_m().is_ok_and(Item::is_empty) || value.as_l().is_ok_and(Vec::is_empty)
}

fn map(pairs: impl IntoIterator<Item = (String, AttributeValue)>) -> AttributeValue {
    AttributeValue::M(pairs.into_iter().collect())
}

fn list(values: impl IntoIterator<Item = AttributeValue>) -> AttributeValue {
    AttributeValue::L(values.into_iter().collect())
}

/// Reads `attribute` as a map; empty if there is no such attribute.
fn read_map<K: FromStr + Ord, V>(
    fields: &Fields<'_>,
    attribute: &'static str,
    read: impl Fn(&AttributeValue) -> Option<V>,
) -> Result<BTreeMap<K, V>, Corrupt> {
    let map = fields.optional(attribute, |value| as_map(value, &read))?;
    Ok(map.unwrap_or_default())
}

fn as_map<K: FromStr + Ord, V>(
    value: &AttributeValue,
    read: impl Fn(&AttributeValue) -> Option<V>,
) -> Option<BTreeMap<K, V>> {
    value.as_m().ok()?.iter().map(|(key, value)| Some((key.parse().ok()?, read(value)?))).collect()
}

/// Reads `attribute` as a list; empty if there is no such attribute.
fn read_list<T>(
    fields: &Fields<'_>,
    attribute: &'static str,
    read: impl Fn(&AttributeValue) -> Option<T>,
) -> Result<Vec<T>, Corrupt> {
    let list = fields.optional(attribute, |value| value.as_l().ok()?.iter().map(&read).collect())?;
    Ok(list.unwrap_or_default())
}

/// Reads `value` as a list of exactly `N` values.
fn as_array<const N: usize>(value: &AttributeValue) -> Option<&[AttributeValue; N]> {
    value.as_l().ok()?.as_slice().try_into().ok()
}

fn read_status(name: &str, merged_into: Option<&MemberId>) -> Option<Status> {
    let merged = merged_into.map(|into| Status::Merged { into: into.clone() });
    [Status::Active, Status::Suspended, Status::Closed, Status::Erased]
        .into_iter()
        .chain(merged)
        .find(|status| status.name() == name)
}

fn write_attribute(value: &MemberAttribute) -> AttributeValue {
    match value {
        MemberAttribute::Boolean(flag) => AttributeValue::Bool(*flag),
        MemberAttribute::Integer(whole) => number(whole),
        MemberAttribute::Date(date) => map([(DATE.to_owned(), text(compact_date(*date)))]),
        MemberAttribute::String(string) => text(string),
    }
}

fn read_attribute(value: &AttributeValue) -> Option<MemberAttribute> {
    if let Ok(flag) = value.as_bool() {
        Some(MemberAttribute::Boolean(*flag))
    } else if let Ok(string) = value.as_s() {
        Some(MemberAttribute::String(string.clone()))
    } else if let Ok(date) = value.as_m() {
        date.get(DATE).and_then(as_parsed).map(MemberAttribute::Date)
    } else {
        as_number(value).map(MemberAttribute::Integer)
    }
}

fn instant(instant: Timestamp) -> AttributeValue {
    number(&instant.as_nanosecond())
}

fn read_instant(value: &AttributeValue) -> Option<Timestamp> {
    Timestamp::from_nanosecond(as_number(value)?).ok()
}

fn read_salt(value: &AttributeValue) -> Option<Salt> {
    Some(<[u8; 16]>::try_from(value.as_b().ok()?.as_ref()).ok()?.into())
}

fn write_alias(alias: &Alias) -> AttributeValue {
    bytes(&[alias.hash.as_slice(), alias.kind.as_bytes()].concat())
}

fn read_alias(value: &AttributeValue) -> Option<Alias> {
    let (hash, kind) = value.as_b().ok()?.as_ref().split_first_chunk()?;
    Some(Alias { kind: String::from_utf8(kind.to_vec()).ok()?, hash: *hash })
}

fn lot_name(expiry: Expiry) -> String {
    match expiry {
        Expiry::On(date) => compact_date(date),
        Expiry::Limited(date, limit) => format!("{}.{}", compact_date(date), compact_date(limit)),
        Expiry::Never => NEVER.to_owned(),
    }
}

/// Reads the last day in `text`, with its limit after a dot if it has one.
fn read_dated(text: &str) -> Option<Expiry> {
    match text.split_once('.') {
        Some((date, limit)) => Some(Expiry::Limited(date.parse().ok()?, limit.parse().ok()?)),
        None => text.parse().ok().map(Expiry::On),
    }
}

fn read_lots(value: &AttributeValue) -> Option<Lots> {
    let lot = |(name, points): (&String, &AttributeValue)| {
        let expiry = if name == NEVER { Expiry::Never } else { read_dated(name)? };
        Some((expiry, Points::new(as_number(points)?)))
    };
    let parts: Vec<_> = value.as_m().ok()?.iter().map(lot).collect::<Option<_>>()?;
    Lots::from_parts(parts).ok()
}

/// What points wait for, as the key of a map.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting(Awaits);

impl FromStr for Waiting {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let day = |text: &str| text.parse::<Date>().map_err(|_| ());
        let awaits = match name.split_at_checked(1) {
            Some(("m", text)) => match text.split_once('.') {
                Some((text, expiry)) => Awaits::Maturity(day(text)?, read_dated(expiry).ok_or(())?),
                None => Awaits::Maturity(day(text)?, Expiry::Never),
            },
            Some(("c", text)) => Awaits::Confirmation(day(text)?),
            Some(_) | None => return Err(()),
        };
        Ok(Self(awaits))
    }
}

fn awaits_name(awaits: Awaits) -> String {
    match awaits {
        Awaits::Maturity(day, Expiry::Never) => format!("m{}", compact_date(day)),
        Awaits::Maturity(day, expiry @ (Expiry::On(_) | Expiry::Limited(..))) => {
            format!("m{}.{}", compact_date(day), lot_name(expiry))
        }
        Awaits::Confirmation(day) => format!("c{}", compact_date(day)),
    }
}

fn write_unconfirmed(pending: &Pending) -> AttributeValue {
    map(pending.unconfirmed().iter().map(|(last, counts)| {
        let Unconfirmed { qualifying, paid, purchases, referrals } = counts;
        let qualifying = map(qualifying.iter().map(|(from, amount)| (compact_date(*from), write_qualifying(amount))));
        (compact_date(*last), list([number(paid), number(purchases), number(referrals), qualifying]))
    }))
}

fn read_unconfirmed(value: &AttributeValue) -> Option<Unconfirmed> {
    let [paid, purchases, referrals, qualifying] = as_array(value)?;
    Some(Unconfirmed {
        qualifying: as_map(qualifying, read_qualifying)?,
        paid: as_number(paid)?,
        purchases: as_number(purchases)?,
        referrals: as_number(referrals)?,
    })
}

fn write_extension(extension: &Extension) -> AttributeValue {
    let Extension { acts, is_final, before, moved } = extension;
    let until = |until: &Option<Date>| until.map_or(NO_DAY.to_owned(), compact_date);
    if *extension == Extension::default() {
        return map([]);
    }
    let acts = map(acts.iter().map(|(day, acts)| (until(day), number(acts))));
    let mut fields = Item::from([("n".to_owned(), acts)]);
    if *is_final {
        fields.insert("f".to_owned(), AttributeValue::Bool(true));
    }
    if let Some(before) = before {
        fields.insert("b".to_owned(), text(compact_date(*before)));
    }
    if !moved.is_empty() {
        fields.insert("m".to_owned(), map(moved.iter().map(|(expiry, points)| (lot_name(*expiry), number(points)))));
    }
    AttributeValue::M(fields)
}

fn read_extension(value: &AttributeValue) -> Option<Extension> {
    let fields = value.as_m().ok()?;
    let act = |(day, acts): (&String, &AttributeValue)| {
        let until = if day == NO_DAY { None } else { Some(day.parse().ok()?) };
        Some((until, as_number(acts)?))
    };
    let moved = fields.get("m").map(|moved| Some(read_lots(moved)?.iter().collect()));
    Some(Extension {
        acts: fields.get("n")?.as_m().ok()?.iter().map(act).collect::<Option<_>>()?,
        is_final: fields.get("f").map_or(Some(false), |is_final| is_final.as_bool().ok().copied())?,
        before: fields.get("b").map(|day| as_parsed(day).ok_or(())).transpose().ok()?,
        moved: moved.unwrap_or_else(|| Some(BTreeMap::new()))?,
    })
}

fn write_hold(hold: &Hold) -> AttributeValue {
    let Hold { redemption, reward, held_on, expires_at, lots, program_version } = hold;
    map([
        ("i".to_owned(), text(redemption.as_str())),
        ("w".to_owned(), text(reward.as_str())),
        ("d".to_owned(), text(compact_date(*held_on))),
        ("x".to_owned(), instant(*expires_at)),
        ("v".to_owned(), number(program_version)),
        ("l".to_owned(), map(lots.iter().map(|LotChange(expiry, taken)| (lot_name(*expiry), number(&-*taken))))),
    ])
}

fn read_hold(value: &AttributeValue) -> Option<Hold> {
    let fields = value.as_m().ok()?;
    Some(Hold {
        redemption: as_parsed(fields.get("i")?)?,
        reward: as_parsed(fields.get("w")?)?,
        held_on: as_parsed(fields.get("d")?)?,
        expires_at: read_instant(fields.get("x")?)?,
        program_version: as_number(fields.get("v")?)?,
        lots: read_lots(fields.get("l")?)?.iter().map(|(expiry, points)| LotChange(expiry, -points)).collect(),
    })
}

fn write_debt(debt: &ReferralDebt, merged_from: &[MemberId]) -> AttributeValue {
    let ReferralDebt { to, friend, purchase, occurred_at, version } = debt;
    let friend = write_merged(friend, merged_from);
    list([text(to.as_str()), friend, text(purchase.as_str()), instant(*occurred_at), number(version)])
}

fn read_debt(value: &AttributeValue, merged_from: &[MemberId]) -> Option<ReferralDebt> {
    let [to, friend, purchase, occurred_at, version] = as_array(value)?;
    Some(ReferralDebt {
        to: as_parsed(to)?,
        friend: read_merged(friend, merged_from)?,
        purchase: as_parsed(purchase)?,
        occurred_at: read_instant(occurred_at)?,
        version: as_number(version)?,
    })
}

fn write_qualifying(amount: &Qualifying) -> AttributeValue {
    let Qualifying { points, spend, visits } = amount;
    list([number(points), number(spend), number(visits)])
}

fn write_bought(bought: &Bought) -> Vec<AttributeValue> {
    let Bought { purchases, spend, first_at, last_at } = bought;
    let ends = first_at.iter().chain(last_at).map(number);
    if *bought == Bought::default() {
        Vec::new()
    } else {
        [number(purchases), number(spend)].into_iter().chain(ends).collect()
    }
}

fn read_bought(value: &AttributeValue) -> Option<Bought> {
    let [purchases, spend, ends @ ..] = value.as_l().ok()?.as_slice() else { return None };
    let (first_at, last_at) = match ends {
        [] => (None, None),
        [first_at, last_at] => (Some(as_number(first_at)?), Some(as_number(last_at)?)),
        _ => return None,
    };
    Some(Bought { purchases: as_number(purchases)?, spend: as_number(spend)?, first_at, last_at })
}

fn read_qualifying(value: &AttributeValue) -> Option<Qualifying> {
    let [points, spend, visits] = as_array(value)?;
    Some(Qualifying { points: as_number(points)?, spend: as_number(spend)?, visits: as_number(visits)? })
}

fn write_secured(secured: &Secured) -> AttributeValue {
    let Secured { tier, through } = secured;
    list([text(tier.as_str()), text(compact_date(*through))])
}

fn read_secured(value: &AttributeValue) -> Option<Secured> {
    let [tier, through] = as_array(value)?;
    Some(Secured { tier: as_parsed(tier)?, through: as_parsed(through)? })
}

fn write_promise(promise: &Promise) -> AttributeValue {
    let Promise { tier, until, version, grace_days, as_of } = promise;
    let mut fields = Item::from([("t".to_owned(), text(tier.as_str())), ("v".to_owned(), number(version))]);
    if *grace_days != 0 {
        fields.insert("g".to_owned(), number(grace_days));
    }
    for (name, day) in [("u", until), ("d", as_of)] {
        if let Some(day) = day {
            fields.insert(name.to_owned(), text(compact_date(*day)));
        }
    }
    AttributeValue::M(fields)
}

fn read_promise(value: &AttributeValue) -> Option<Promise> {
    let fields = value.as_m().ok()?;
    let day = |name| fields.get(name).map(|day| as_parsed(day).ok_or(())).transpose().ok();
    Some(Promise {
        tier: as_parsed(fields.get("t")?)?,
        until: day("u")?,
        version: as_number(fields.get("v")?)?,
        grace_days: fields.get("g").map_or(Some(0), as_number)?,
        as_of: day("d")?,
    })
}

fn read_override(value: &AttributeValue) -> Option<TierOverride> {
    let [tier, until, reason] = as_array(value)?;
    Some(TierOverride { tier: as_parsed(tier)?, until: as_parsed(until)?, reason: as_parsed(reason)? })
}

fn write_plan(term: &PlanTerm, merged_from: &[MemberId]) -> AttributeValue {
    let PlanTerm { plan, from, through, version, begun_by, ledger, payments, anchor_day } = term;
    let mut fields = Item::from([
        ("p".to_owned(), text(plan.as_str())),
        ("f".to_owned(), text(compact_date(*from))),
        ("l".to_owned(), text(compact_date(*through))),
        ("v".to_owned(), number(version)),
    ]);
    fields.extend(begun_by.iter().map(|payment| ("b".to_owned(), text(payment.as_str()))));
    fields.extend(ledger.iter().map(|member| ("m".to_owned(), write_merged(member, merged_from))));
    fields.extend((*payments != 1).then(|| ("n".to_owned(), number(payments))));
    fields.extend(anchor_day.iter().map(|day| ("d".to_owned(), number(day))));
    AttributeValue::M(fields)
}

/// Writes a merged member as the position in the list of them, which is shorter than the id.
fn write_merged(member: &MemberId, merged_from: &[MemberId]) -> AttributeValue {
    let place = merged_from.iter().position(|merged| merged == member);
    place.map_or_else(|| text(member.as_str()), |place| number(&place))
}

fn read_merged(value: &AttributeValue, merged_from: &[MemberId]) -> Option<MemberId> {
    match as_number::<usize>(value) {
        Some(place) => merged_from.get(place).cloned(),
        None => as_parsed(value),
    }
}

fn write_counted_elsewhere(moved: &CountedElsewhere, merged_from: &[MemberId]) -> AttributeValue {
    let CountedElsewhere { ledger, from, under } = moved;
    list([write_merged(ledger, merged_from), text(compact_date(*from)), text(compact_date(*under))])
}

fn read_counted_elsewhere(value: &AttributeValue, merged_from: &[MemberId]) -> Option<CountedElsewhere> {
    let [ledger, from, under] = as_array(value)?;
    Some(CountedElsewhere {
        ledger: read_merged(ledger, merged_from)?,
        from: as_parsed(from)?,
        under: as_parsed(under)?,
    })
}

fn read_plan(value: &AttributeValue, merged_from: &[MemberId]) -> Option<PlanTerm> {
    let fields = value.as_m().ok()?;
    Some(PlanTerm {
        plan: as_parsed(fields.get("p")?)?,
        from: as_parsed(fields.get("f")?)?,
        through: as_parsed(fields.get("l")?)?,
        version: as_number(fields.get("v")?)?,
        begun_by: fields.get("b").map(|payment| as_parsed(payment).ok_or(())).transpose().ok()?,
        ledger: fields.get("m").map(|member| read_merged(member, merged_from).ok_or(())).transpose().ok()?,
        payments: fields.get("n").map_or(Some(1), as_number)?,
        anchor_day: fields.get("d").map(|day| as_number(day).ok_or(())).transpose().ok()?,
    })
}

fn write_cap_use(by_interval: &BTreeMap<Interval, i64>) -> AttributeValue {
    map(by_interval.iter().map(|(interval, used)| (interval.to_string(), number(used))))
}

/// Writes a number if that is enough: an ordinary member has no more than a punch card or two.
fn write_steps(steps: &Steps) -> AttributeValue {
    let Steps { count, days, is_done } = steps;
    if days.is_empty() && !is_done {
        return number(count);
    }
    let mut fields = Item::from([("n".to_owned(), number(count))]);
    if !days.is_empty() {
        fields.insert("d".to_owned(), list(days.iter().map(|day| text(compact_date(*day)))));
    }
    if *is_done {
        fields.insert("x".to_owned(), AttributeValue::Bool(true));
    }
    AttributeValue::M(fields)
}

fn read_steps(value: &AttributeValue) -> Option<Steps> {
    let Ok(fields) = value.as_m() else { return as_number(value).map(Steps::counted) };
    let days = fields.get("d").map(|days| days.as_l().ok()?.iter().map(as_parsed).collect());
    let is_done = fields.get("x").map(|is_done| is_done.as_bool().ok().copied());
    Some(Steps {
        count: as_number(fields.get("n")?)?,
        days: days.unwrap_or_else(|| Some(Vec::new()))?,
        is_done: is_done.unwrap_or(Some(false))?,
    })
}

fn read_cap_use(fields: &Fields<'_>) -> Result<CapUse, Corrupt> {
    let by_owner: BTreeMap<CapOwner, BTreeMap<Interval, i64>> =
        read_map(fields, CAP_USE, |value| as_map(value, as_number))?;
    Ok(by_owner.into_iter().collect())
}

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod worst;
#[cfg(test)]
mod years;
