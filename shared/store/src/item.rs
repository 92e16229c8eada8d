//! Reads and writes attributes of items. A fault names the attribute that is not as expected.

use std::{collections::HashMap, str::FromStr};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use jiff::civil::Date;

use crate::{
    fault::Corrupt,
    table::{Key, PK, SK},
};

/// The attributes of an item, or of a map within one.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A text.
pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A whole number.
pub(crate) fn number(number: &impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Bytes.
pub(crate) fn bytes(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// A date in eight characters, `20271130`.
pub(crate) fn compact_date(date: Date) -> String {
    let iso = date.to_string();
    // Only a year before the first has a sign, which stays.
    let (sign, digits) = iso.split_at(usize::from(iso.starts_with('-')));
    format!("{sign}{}", digits.replace('-', ""))
}

/// The attributes of a primary key.
pub(crate) fn key_attributes(key: Key) -> Item {
    HashMap::from([(PK.to_owned(), text(key.pk)), (SK.to_owned(), text(key.sk))])
}

/// Reads `value` as a number.
pub(crate) fn as_number<T: FromStr>(value: &AttributeValue) -> Option<T> {
    value.as_n().ok()?.parse().ok()
}

/// Reads and parses the text in `value`.
pub(crate) fn as_parsed<T: FromStr>(value: &AttributeValue) -> Option<T> {
    value.as_s().ok()?.parse().ok()
}

/// The attributes of one item, to be read by name.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    kind: &'static str,
    item: &'a Item,
}

impl<'a> Fields<'a> {
    /// Returns those of `item`, which should be a `kind`.
    pub(crate) fn of(kind: &'static str, item: &'a Item) -> Self {
        Self { kind, item }
    }

    /// Returns the fault that `attribute` is not as expected.
    pub(crate) fn corrupt(&self, attribute: &'static str) -> Corrupt {
        Corrupt { item: self.kind, attribute, source: None }
    }

    /// Reads `attribute` with `read`; `None` if the item has no such attribute.
    pub(crate) fn optional<T>(
        &self,
        attribute: &'static str,
        read: impl FnOnce(&'a AttributeValue) -> Option<T>,
    ) -> Result<Option<T>, Corrupt> {
        let Some(value) = self.item.get(attribute) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.corrupt(attribute))
    }

    /// Reads `attribute` with `read`; it must exist.
    pub(crate) fn required<T>(
        &self,
        attribute: &'static str,
        read: impl FnOnce(&'a AttributeValue) -> Option<T>,
    ) -> Result<T, Corrupt> {
        self.optional(attribute, read)?.ok_or_else(|| self.corrupt(attribute))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_compact_date_reads_back() {
        for (day, compact) in [
            (date(2027, 11, 30), "20271130"),
            (date(1, 1, 1), "00010101"),
            (Date::MAX, "99991231"),
            (Date::MIN, "-0099990101"),
        ] {
            assert_eq!(compact_date(day), compact);
            assert_eq!(compact.parse::<Date>().unwrap(), day);
        }
    }
}
