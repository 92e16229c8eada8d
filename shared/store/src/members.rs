//! Iterates over all members of the table, for tools that need all of them.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use regulars_domain::id::{MemberId, ProgramId};

use crate::{
    calls::Kind,
    fault::StoreFault,
    item::{Fields, Item, text},
    permission::Permission,
    store::Store,
    table::{IS_MEMBER, MEMBER_PREFIX, PK, read_member_pk},
};

/// A position in the iteration over all members.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk(pub(crate) Item);

/// A page of the iteration over all members.
#[derive(Clone, Debug, PartialEq)]
pub struct MembersPage {
    /// Members with an account or entries, each once. A member whose items are on two pages may be on both.
    pub members: Vec<(ProgramId, MemberId)>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Walk>,
}

impl Store {
    /// Returns the next members after `after`, in no order. This reads the whole table, a megabyte at a time, at one
    /// read unit per 8 KB.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn members(&self, after: Option<Walk>) -> Result<MembersPage, StoreFault> {
        let found = self.calls.call(Kind::Page, [Permission::SCAN], |client| {
            client
                .scan()
                .table_name(&self.table)
                .filter_expression(IS_MEMBER)
                .expression_attribute_values(":member", text(MEMBER_PREFIX))
                .projection_expression(PK)
                .set_exclusive_start_key(after.map(|Walk(key)| key))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
        });
        let found = found.await.map_err(StoreFault::of)?;
        let mut members = Vec::new();
        for item in found.items() {
            let member = Fields::of("member", item).required(PK, |value| read_member_pk(value.as_s().ok()?))?;
            if members.last() != Some(&member) {
                members.push(member);
            }
        }
        Ok(MembersPage { members, next: found.last_evaluated_key.map(Walk) })
    }
}
