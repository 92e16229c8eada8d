//! Iterates over all accounts, segment by segment, for a review of every account.

use std::fmt;

use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, Select};
use regulars_domain::id::{MemberId, ProgramId};

use crate::{
    calls::Kind,
    due::{CursorMalformed, DUE_SHARDS},
    fault::StoreFault,
    item::{Fields, Item, key_attributes, text},
    permission::Permission,
    store::Store,
    table::{ACCOUNT_SK, IS_ACCOUNT, Key, PK, SK, read_member_pk},
};

/// The number of segments, numbered from 0. Segments are DynamoDB's own division of the table. A run uses as many as
/// there are shards of reviews, so that both kinds of run look alike.
const SEGMENTS: u16 = DUE_SHARDS;

/// A page of the accounts of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPage {
    /// The accounts, in no order. Each is in one segment, once.
    pub accounts: Vec<(ProgramId, MemberId)>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<SegmentCursor>,
}

/// A position in one segment: the key of an item of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentCursor(Key);

impl SegmentCursor {
    /// Parses the cursor of an earlier page.
    ///
    /// # Errors
    ///
    /// [`CursorMalformed`]. The table checks whether it belongs to this segment.
    pub fn parse(text: &str) -> Result<Self, CursorMalformed> {
        let (pk, sk) =
            text.split_once(' ').filter(|(pk, sk)| !pk.is_empty() && !sk.is_empty()).ok_or(CursorMalformed)?;
        Ok(Self(Key { pk: pk.to_owned(), sk: sk.to_owned() }))
    }

    fn read(key: &Item) -> Result<Self, StoreFault> {
        let fields = Fields::of("key", key);
        let part = |name| fields.required(name, |value| value.as_s().ok().cloned());
        Ok(Self(Key { pk: part(PK)?, sk: part(SK)? }))
    }
}

impl fmt::Display for SegmentCursor {
    /// Partition keys contain no space, because ids contain none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.pk, self.0.sk)
    }
}

impl Store {
    /// Returns accounts of `segment`, one of 256, after `after`. `limit` bounds the items that are read, accounts and
    /// others, so a page may have no account and still a next one. It costs one read unit per 8 KB of the table.
    ///
    /// An account that is created during the iteration may be left out.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn accounts_of_segment(
        &self,
        segment: u16,
        after: Option<&SegmentCursor>,
        limit: u32,
    ) -> Result<SegmentPage, StoreFault> {
        let found = self.calls.call(Kind::Page, [Permission::SCAN], |client| {
            client
                .scan()
                .table_name(&self.table)
                .segment(i32::from(segment))
                .total_segments(i32::from(SEGMENTS))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .filter_expression(IS_ACCOUNT)
                .expression_attribute_values(":account", text(ACCOUNT_SK))
                .projection_expression(PK)
                // The attributes are named, because the function's policy allows no other.
                .select(Select::SpecificAttributes)
                .set_exclusive_start_key(after.map(|SegmentCursor(key)| key_attributes(key.clone())))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
        });
        let found = found.await.map_err(StoreFault::of)?;
        let account = |item| Fields::of("account", item).required(PK, |value| read_member_pk(value.as_s().ok()?));
        Ok(SegmentPage {
            accounts: found.items().iter().map(account).collect::<Result<_, _>>()?,
            next: found.last_evaluated_key().map(SegmentCursor::read).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let text = "codes#demo#voucher code#A1";
        assert_eq!(SegmentCursor::parse(text).unwrap().to_string(), text);
        for bad in ["", " ", "pk", "pk ", " sk"] {
            assert_eq!(SegmentCursor::parse(bad), Err(CursorMalformed), "{bad}");
        }
    }
}
