//! The points of an account: lots, pending points, the newest extension, and holds.

use std::{collections::BTreeMap, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use regulars_domain::{
    extension::Extension,
    hold::Hold,
    lots::{Expiry, LotChange, Lots},
    pending::{Awaits, Pending},
    points::Points,
    unconfirmed::Unconfirmed,
};

use super::{
    shapes::{as_array, as_map, instant, list, map, read_instant},
    tiers::{read_qualifying, write_qualifying},
};
use crate::item::{Item, as_number, as_parsed, compact_date, number, text};

/// The key of activities that need no confirmation.
const NO_DAY: &str = "-";

/// The key of the lot that never expires.
const NEVER: &str = "never";

pub(super) fn lot_name(expiry: Expiry) -> String {
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

pub(super) fn read_lots(value: &AttributeValue) -> Option<Lots> {
    let lot = |(name, points): (&String, &AttributeValue)| {
        let expiry = if name == NEVER { Expiry::Never } else { read_dated(name)? };
        Some((expiry, Points::new(as_number(points)?)))
    };
    let parts: Vec<_> = value.as_m().ok()?.iter().map(lot).collect::<Option<_>>()?;
    Lots::from_parts(parts).ok()
}

/// What points wait for, as the key of a map.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Waiting(pub(super) Awaits);

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

pub(super) fn awaits_name(awaits: Awaits) -> String {
    match awaits {
        Awaits::Maturity(day, Expiry::Never) => format!("m{}", compact_date(day)),
        Awaits::Maturity(day, expiry @ (Expiry::On(_) | Expiry::Limited(..))) => {
            format!("m{}.{}", compact_date(day), lot_name(expiry))
        }
        Awaits::Confirmation(day) => format!("c{}", compact_date(day)),
    }
}

pub(super) fn write_unconfirmed(pending: &Pending) -> AttributeValue {
    map(pending.unconfirmed().iter().map(|(last, counts)| {
        let Unconfirmed { qualifying, paid, purchases, referrals } = counts;
        let qualifying = map(qualifying.iter().map(|(from, amount)| (compact_date(*from), write_qualifying(amount))));
        (compact_date(*last), list([number(paid), number(purchases), number(referrals), qualifying]))
    }))
}

pub(super) fn read_unconfirmed(value: &AttributeValue) -> Option<Unconfirmed> {
    let [paid, purchases, referrals, qualifying] = as_array(value)?;
    Some(Unconfirmed {
        qualifying: as_map(qualifying, read_qualifying)?,
        paid: as_number(paid)?,
        purchases: as_number(purchases)?,
        referrals: as_number(referrals)?,
    })
}

pub(super) fn write_extension(extension: &Extension) -> AttributeValue {
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

pub(super) fn read_extension(value: &AttributeValue) -> Option<Extension> {
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

pub(super) fn write_hold(hold: &Hold) -> AttributeValue {
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

pub(super) fn read_hold(value: &AttributeValue) -> Option<Hold> {
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
