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
//! | `q` | M | by the first day of a tier period, or with rolling months or changed tiers of a month: list of qualifying points, spend, visits |
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
//! | `te` | S | the latest last day of a level that a notice was due for |
//! | `b` | S | the last birthday for which points were given |
//! | `due_shard`, `due_key` | N, S | the shard and `2026-12-31#PROGRAM#MEMBER`, by which the review is found; both or neither |
//!
//! Days are written `20261231`, except in `due_key`. Empty, zero and missing values are left out.

mod memory;
mod merged;
mod person;
mod points;
mod shapes;
mod tiers;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use regulars_domain::{
    account::{Account, Referral, Status, TierOverride},
    calendar::Interval,
    cap_use::{CapOwner, CapUse},
    id::MemberId,
    pending::Pending,
    points::Points,
};

use self::{
    memory::{read_bought, read_steps, write_bought, write_cap_use, write_steps},
    merged::{read_debt, write_debt},
    person::{read_alias, read_attribute, read_salt, write_alias, write_attribute},
    points::{
        Waiting, awaits_name, lot_name, read_extension, read_hold, read_lots, read_unconfirmed, write_extension,
        write_hold, write_unconfirmed,
    },
    shapes::{as_map, instant, list, map, read_instant, read_list, read_map},
    tiers::{
        read_counted_elsewhere, read_override, read_plan, read_promise, read_qualifying, read_secured,
        write_counted_elsewhere, write_plan, write_promise, write_qualifying, write_secured,
    },
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
const TIER_NOTICED_THROUGH: &str = "te";
const BIRTHDAY_ON: &str = "b";

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
        tier_noticed_through,
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
    put(EXTENDED_TO, day(*extended_to));
    put(NOTICED_THROUGH, day(*noticed_through));
    put(TIER_NOTICED_THROUGH, day(*tier_noticed_through));
    put(BIRTHDAY_ON, day(*birthday_on));
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
        tier_noticed_through: fields.optional(TIER_NOTICED_THROUGH, as_parsed)?,
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
    value.is_null() || value.as_m().is_ok_and(Item::is_empty) || value.as_l().is_ok_and(Vec::is_empty)
}

/// Returns a date as it is stored; null, which is nothing, if there is none.
fn day(date: Option<Date>) -> AttributeValue {
    date.map_or(AttributeValue::Null(true), |date| text(compact_date(date)))
}

fn read_status(name: &str, merged_into: Option<&MemberId>) -> Option<Status> {
    let merged = merged_into.map(|into| Status::Merged { into: into.clone() });
    [Status::Active, Status::Suspended, Status::Closed, Status::Erased]
        .into_iter()
        .chain(merged)
        .find(|status| status.name() == name)
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
