//! Reviews: finds the accounts that time changes by a day, shard by shard, in date order.

use std::fmt;

use jiff::civil::Date;
use regulars_domain::id::{MemberId, ProgramId};
use sha2::{Digest, Sha256};

use crate::{
    calls::Kind,
    fault::StoreFault,
    item::{Fields, Item, key_attributes, number, text},
    permission::Permission,
    store::Store,
    table::{DUE, DUE_BEFORE, DUE_KEY, DUE_SHARD, account_key, due_end, due_key, read_due_key},
};

/// The number of shards over which accounts with a review date are spread, numbered from 0.
pub const DUE_SHARDS: u16 = 256;

/// An account to review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The day from which settling changes it.
    pub review_on: Date,
    /// The program.
    pub program: ProgramId,
    /// The member.
    pub member: MemberId,
}

/// A page of accounts to review, the longest overdue first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePage {
    /// The accounts.
    pub items: Vec<Due>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<DueCursor>,
}

/// A position in the list of due accounts of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCursor(Due);

/// The text is not a cursor of this shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor does not come from an earlier page of this shard")]
pub struct CursorMalformed;

impl DueCursor {
    /// Parses the cursor of an earlier page of `shard`.
    ///
    /// # Errors
    ///
    /// [`CursorMalformed`] if the text is not a cursor, or one of another shard.
    pub fn parse(text: &str, shard: u16) -> Result<Self, CursorMalformed> {
        match Due::read(text) {
            Some(due) if due.shard() == shard && due.key() == text => Ok(Self(due)),
            Some(_) | None => Err(CursorMalformed),
        }
    }

    /// Returns the day of the last review before the position. A list through an earlier day does not reach it.
    #[must_use]
    pub fn review_on(&self) -> Date {
        self.0.review_on
    }
}

impl fmt::Display for DueCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.key())
    }
}

impl Due {
    fn read(key: &str) -> Option<Self> {
        let (review_on, program, member) = read_due_key(key)?;
        Some(Self { review_on, program, member })
    }

    fn key(&self) -> String {
        due_key(self.review_on, &self.program, &self.member)
    }

    fn shard(&self) -> u16 {
        due_shard(&self.member)
    }

    /// Returns the position in the index right after this account, even if it is no longer there.
    fn start_key(&self) -> Item {
        let mut key = key_attributes(account_key(&self.program, &self.member));
        key.insert(DUE_SHARD.to_owned(), number(&self.shard()));
        key.insert(DUE_KEY.to_owned(), text(self.key()));
        key
    }
}

/// Returns the shard of a member's account: the first byte of a SHA-256 of the id.
pub(crate) fn due_shard(member: &MemberId) -> u16 {
    let [first, ..] = <[u8; 32]>::from(Sha256::digest(member.as_str().as_bytes()));
    u16::from(first)
}

impl Store {
    /// Returns the shard, below [`DUE_SHARDS`], of the reviews of `member`.
    #[must_use]
    pub fn due_shard(member: &MemberId) -> u16 {
        due_shard(member)
    }

    /// Returns accounts of `shard` that are due on `through` or earlier, after `after`, at most `limit` (at least 1).
    ///
    /// Nothing else is read. The index follows the accounts within moments, so an account that was just reviewed may be
    /// listed again.
    ///
    /// # Errors
    ///
    /// [`StoreFault`], also for a cursor of another shard.
    pub async fn due(
        &self,
        shard: u16,
        through: Date,
        after: Option<&DueCursor>,
        limit: u32,
    ) -> Result<DuePage, StoreFault> {
        if after.is_some_and(|cursor| cursor.0.shard() != shard) {
            return Err(StoreFault::Broken(CursorMalformed.into()));
        }
        let found = self.calls.call(Kind::Page, [Permission::DUE], |client| {
            self.query(client, DUE, limit)
                .key_condition_expression(DUE_BEFORE)
                .expression_attribute_values(":shard", number(&shard))
                .expression_attribute_values(":end", text(due_end(through)))
                .set_exclusive_start_key(after.map(|cursor| cursor.0.start_key()))
                .send()
        });
        let found = found.await.map_err(StoreFault::of)?;
        let items = found.items().iter().map(read_due).collect::<Result<_, _>>()?;
        let next = found.last_evaluated_key().map(read_due).transpose()?.map(DueCursor);
        Ok(DuePage { items, next })
    }
}

fn read_due(item: &Item) -> Result<Due, StoreFault> {
    Ok(Fields::of("due", item).required(DUE_KEY, |value| Due::read(value.as_s().ok()?))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_for_its_own_shard_only() {
        let text = "2026-12-31#demo#m-1";
        let shard = Store::due_shard(&"m-1".parse().unwrap());
        let cursor = DueCursor::parse(text, shard).unwrap();
        assert_eq!((cursor.to_string().as_str(), cursor.review_on()), (text, "2026-12-31".parse().unwrap()));
        let other = shard.wrapping_add(1).rem_euclid(DUE_SHARDS);
        assert_eq!(DueCursor::parse(text, other), Err(CursorMalformed));
        for bad in
            ["", "2026-12-31", "2026-12-31#demo", "2026-13-31#demo#m-1", "20261231#demo#m-1", "2026-12-31#demo#m-1#"]
        {
            assert_eq!(DueCursor::parse(bad, shard), Err(CursorMalformed), "{bad}");
        }
    }

    #[test]
    fn shards_are_spread_over_the_first_byte_of_a_sha_256() {
        // printf m-1 | sha256sum
        assert_eq!(Store::due_shard(&"m-1".parse().unwrap()), 0xa4);
        let shards: std::collections::BTreeSet<u16> =
            (0..5_000).map(|n| Store::due_shard(&format!("m-{n}").parse().unwrap())).collect();
        assert_eq!(shards, (0..DUE_SHARDS).collect());
    }
}
