//! The data that an account stores for its rules: lifetime purchases, steps, and the use of caps.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_domain::{account::Bought, calendar::Interval, steps::Steps};

use super::shapes::{list, map};
use crate::item::{Item, as_number, as_parsed, compact_date, number, text};

pub(super) fn write_bought(bought: &Bought) -> Vec<AttributeValue> {
    let Bought { purchases, spend, first_at, last_at } = bought;
    let ends = first_at.iter().chain(last_at).map(number);
    if *bought == Bought::default() {
        Vec::new()
    } else {
        [number(purchases), number(spend)].into_iter().chain(ends).collect()
    }
}

pub(super) fn read_bought(value: &AttributeValue) -> Option<Bought> {
    let [purchases, spend, ends @ ..] = value.as_l().ok()?.as_slice() else { return None };
    let (first_at, last_at) = match ends {
        [] => (None, None),
        [first_at, last_at] => (Some(as_number(first_at)?), Some(as_number(last_at)?)),
        _ => return None,
    };
    Some(Bought { purchases: as_number(purchases)?, spend: as_number(spend)?, first_at, last_at })
}

/// Writes a number if that is enough: an ordinary member has no more than a punch card or two.
pub(super) fn write_steps(steps: &Steps) -> AttributeValue {
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

pub(super) fn read_steps(value: &AttributeValue) -> Option<Steps> {
    let Ok(fields) = value.as_m() else { return as_number(value).map(Steps::counted) };
    let days = fields.get("d").map(|days| days.as_l().ok()?.iter().map(as_parsed).collect());
    let is_done = fields.get("x").map(|is_done| is_done.as_bool().ok().copied());
    Some(Steps {
        count: as_number(fields.get("n")?)?,
        days: days.unwrap_or_else(|| Some(Vec::new()))?,
        is_done: is_done.unwrap_or(Some(false))?,
    })
}

pub(super) fn write_cap_use(by_interval: &BTreeMap<Interval, i64>) -> AttributeValue {
    map(by_interval.iter().map(|(interval, used)| (interval.to_string(), number(used))))
}
