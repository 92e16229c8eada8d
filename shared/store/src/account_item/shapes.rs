//! Maps, lists and instants, as the attributes of an account have them.

use std::{collections::BTreeMap, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::{
    fault::Corrupt,
    item::{Fields, as_number, number},
};

pub(super) fn map(pairs: impl IntoIterator<Item = (String, AttributeValue)>) -> AttributeValue {
    AttributeValue::M(pairs.into_iter().collect())
}

pub(super) fn list(values: impl IntoIterator<Item = AttributeValue>) -> AttributeValue {
    AttributeValue::L(values.into_iter().collect())
}

/// Reads `attribute` as a map; empty if there is no such attribute.
pub(super) fn read_map<K: FromStr + Ord, V>(
    fields: &Fields<'_>,
    attribute: &'static str,
    read: impl Fn(&AttributeValue) -> Option<V>,
) -> Result<BTreeMap<K, V>, Corrupt> {
    let map = fields.optional(attribute, |value| as_map(value, &read))?;
    Ok(map.unwrap_or_default())
}

pub(super) fn as_map<K: FromStr + Ord, V>(
    value: &AttributeValue,
    read: impl Fn(&AttributeValue) -> Option<V>,
) -> Option<BTreeMap<K, V>> {
    value.as_m().ok()?.iter().map(|(key, value)| Some((key.parse().ok()?, read(value)?))).collect()
}

/// Reads `attribute` as a list; empty if there is no such attribute.
pub(super) fn read_list<T>(
    fields: &Fields<'_>,
    attribute: &'static str,
    read: impl Fn(&AttributeValue) -> Option<T>,
) -> Result<Vec<T>, Corrupt> {
    let list = fields.optional(attribute, |value| value.as_l().ok()?.iter().map(&read).collect())?;
    Ok(list.unwrap_or_default())
}

/// Reads `value` as a list of exactly `N` values.
pub(super) fn as_array<const N: usize>(value: &AttributeValue) -> Option<&[AttributeValue; N]> {
    value.as_l().ok()?.as_slice().try_into().ok()
}

pub(super) fn instant(instant: Timestamp) -> AttributeValue {
    number(&instant.as_nanosecond())
}

pub(super) fn read_instant(value: &AttributeValue) -> Option<Timestamp> {
    Timestamp::from_nanosecond(as_number(value)?).ok()
}
