//! The reservations of holds in a shard. Each is one element of a set, so that one update adds or removes it
//! independently of others.
//!
//! An element is a text, `1763730900123/1/9f86d081884c7d65`: the instant at which the hold ends, in milliseconds; the
//! amount; and sixteen characters of a hash that distinguishes holds with the same end. The item contains no member's
//! id.

use std::{collections::BTreeSet, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use regulars_domain::counter::{HeldAmounts, Reserved};
use sha2::{Digest, Sha256};

use crate::item::text;

/// Maximum number of holds in a shard. If the lists of all shards are full, a hold is answered with `busy`.
///
/// Every 30 of them add 1 KB to the shard, so two write units to each take there: at the limit, 64.
pub(crate) const HELD_MAX: usize = 1_000;

/// The reservation of a hold in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    /// The instant at which it ends, in milliseconds.
    ends_at: i64,
    /// The amount, at least 1.
    pub(crate) amount: i64,
    /// The hash that identifies the hold.
    hold: u64,
}

impl Held {
    /// Returns `reserved` as one reservation.
    pub(crate) fn new(reserved: &Reserved) -> Self {
        let Reserved { member, redemption, ends_at, amount } = reserved;
        let hash = <[u8; 32]>::from(Sha256::digest(format!("{member}#{redemption}")));
        let hold = hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        let whole = ends_at.as_millisecond();
        // It ends no earlier than the hold itself.
        let is_earlier = Timestamp::from_millisecond(whole).is_ok_and(|rounded| rounded < *ends_at);
        let ends_at = whole.saturating_add(i64::from(is_earlier));
        Self { ends_at, amount: *amount, hold }
    }

    /// Returns a part of it.
    pub(crate) fn part(self, amount: i64) -> Self {
        Self { amount, ..self }
    }

    /// Returns whether both are parts of one hold.
    pub(crate) fn is_of(self, other: Self) -> bool {
        (self.ends_at, self.hold) == (other.ends_at, other.hold)
    }

    /// Returns whether its hold has ended at `now`.
    pub(crate) fn has_ended(self, now: Timestamp) -> bool {
        self.ends_at <= now.as_millisecond()
    }

    /// Returns its element.
    pub(crate) fn element(self) -> String {
        format!("{}/{}/{:016x}", self.ends_at, self.amount, self.hold)
    }
}

impl FromStr for Held {
    type Err = ();

    fn from_str(element: &str) -> Result<Self, ()> {
        let (ends_at, rest) = element.split_once('/').ok_or(())?;
        let (amount, hold) = rest.split_once('/').ok_or(())?;
        let (ends_at, amount) = (ends_at.parse().map_err(drop)?, amount.parse().map_err(drop)?);
        Ok(Self { ends_at, amount, hold: u64::from_str_radix(hold, 16).map_err(drop)? })
    }
}

/// Writes a set of elements, which must not be empty.
pub(crate) fn write_held<'h>(held: impl IntoIterator<Item = &'h Held>) -> AttributeValue {
    AttributeValue::Ss(held.into_iter().map(|held| held.element()).collect())
}

/// Writes the one element to look for in a set.
pub(crate) fn write_element(held: Held) -> AttributeValue {
    text(held.element())
}

/// Reads the elements of a set.
pub(crate) fn read_held(value: &AttributeValue) -> Option<BTreeSet<Held>> {
    value.as_ss().ok()?.iter().map(|element| element.parse().ok()).collect()
}

/// Returns the amounts by the ends of their holds, for a decision.
pub(crate) fn amounts<'h>(held: impl IntoIterator<Item = &'h Held>) -> HeldAmounts {
    // An instant that no calendar has never passes.
    let ends_at = |held: &Held| Timestamp::from_millisecond(held.ends_at).unwrap_or(Timestamp::MAX);
    held.into_iter().map(|held| (ends_at(held), held.amount)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved(ends_at: &str, amount: i64) -> Reserved {
        let (member, redemption) = ("m-1".parse().unwrap(), "r-1".parse().unwrap());
        Reserved { member, redemption, ends_at: ends_at.parse().unwrap(), amount }
    }

    #[test]
    fn an_element_reads_back_and_ends_no_earlier_than_its_hold() {
        for (ends_at, amount, expected, last_second) in [
            ("1970-01-01T00:00:01Z", 1, "1000/1/", "1970-01-01T00:00:00.999Z"),
            ("2025-11-21T13:15:00.123Z", 60, "1763730900123/60/", "2025-11-21T13:15:00.122Z"),
            ("2025-11-21T13:15:00.123456Z", 7, "1763730900124/7/", "2025-11-21T13:15:00.123Z"),
        ] {
            let held = Held::new(&reserved(ends_at, amount));
            let element = held.element();
            assert_eq!(element.rsplit_once('/').unwrap().0.to_owned() + "/", expected);
            assert_eq!(element.parse(), Ok(held));
            assert!(!held.has_ended(last_second.parse().unwrap()));
            assert!(held.has_ended("2026-01-01T00:00:00Z".parse().unwrap()));
        }
        // printf 'm-1#r-1' | sha256sum
        assert!(Held::new(&reserved("1970-01-01T00:00:01Z", 1)).element().ends_with("/799bb482c4ac4749"));
        for broken in ["", "1", "1/2", "1/2/x", "x/2/00", "1/x/00", "1/2/3/4"] {
            assert_eq!(broken.parse::<Held>(), Err(()), "{broken}");
        }
    }

    #[test]
    fn holds_of_one_instant_are_distinguished_by_member_and_redemption() {
        let one = Held::new(&reserved("1970-01-01T00:00:01Z", 5));
        let redemption = "r-2".parse().unwrap();
        let other = Held::new(&Reserved { redemption, ..reserved("1970-01-01T00:00:01Z", 5) });
        assert!(one.is_of(one.part(2)) && !one.is_of(other));
    }
}
