//! The personal data of an account: attributes, aliases, and the salt of fingerprints.

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_domain::{
    account::{Alias, AttributeValue as MemberAttribute},
    fingerprint::Salt,
};

use super::shapes::map;
use crate::item::{as_number, as_parsed, bytes, compact_date, number, text};

/// The only key of a map that represents a date among the attributes.
const DATE: &str = "d";

pub(super) fn write_attribute(value: &MemberAttribute) -> AttributeValue {
    match value {
        MemberAttribute::Boolean(flag) => AttributeValue::Bool(*flag),
        MemberAttribute::Integer(whole) => number(whole),
        MemberAttribute::Date(date) => map([(DATE.to_owned(), text(compact_date(*date)))]),
        MemberAttribute::String(string) => text(string),
    }
}

pub(super) fn read_attribute(value: &AttributeValue) -> Option<MemberAttribute> {
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

pub(super) fn read_salt(value: &AttributeValue) -> Option<Salt> {
    Some(<[u8; 16]>::try_from(value.as_b().ok()?.as_ref()).ok()?.into())
}

pub(super) fn write_alias(alias: &Alias) -> AttributeValue {
    bytes(&[alias.hash.as_slice(), alias.kind.as_bytes()].concat())
}

pub(super) fn read_alias(value: &AttributeValue) -> Option<Alias> {
    let (hash, kind) = value.as_b().ok()?.as_ref().split_first_chunk()?;
    Some(Alias { kind: String::from_utf8(kind.to_vec()).ok()?, hash: *hash })
}
