//! Reads the ledger of a member: one entry, a statement from the newest back, or all entries in order.

use aws_sdk_dynamodb::{Client, operation::query::builders::QueryFluentBuilder, types::ReturnConsumedCapacity};
use regulars_domain::{
    aftermath::{Place, Recorded},
    chain::Sealed,
    id::{EntryId, MemberId, ProgramId},
};

use crate::{
    calls::Kind,
    entry_item,
    fault::StoreFault,
    item::{number, text},
    permission::Permission,
    store::Store,
    table::{AFTER, BEFORE, BY_SEQ, entry_key, member_pk},
};

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// The `seq` from which the next page continues; `None` at the end.
    pub next: Option<u64>,
}

impl Store {
    /// Returns one entry of a member's ledger with its aftermath, and for an amended purchase what it is now.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn entry(
        &self,
        program: &ProgramId,
        member: &MemberId,
        entry: &EntryId,
    ) -> Result<Option<Recorded>, StoreFault> {
        let Some(item) = self.get(entry_key(program, member, entry)).await? else { return Ok(None) };
        let recorded = entry_item::read_recorded(&item)?;
        let Some(Place { member, entry }) = recorded.aftermath.accrual.as_ref().and_then(|now| now.amended.clone())
        else {
            return Ok(Some(recorded));
        };
        let amendment = self.get(entry_key(program, &member, &entry)).await?;
        let amendment = amendment.as_ref().map(entry_item::read).transpose()?;
        let amended = amendment.and_then(|sealed| sealed.facts).map(|facts| facts.purchase);
        Ok(Some(Recorded { amended, ..recorded }))
    }

    /// Returns at most `limit` (at least 1) entries from the newest back, all of them before the `seq` `before`.
    ///
    /// Entries never move, so pages fit together even if entries are added in between.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn entries(
        &self,
        program: &ProgramId,
        member: &MemberId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<Recorded>, StoreFault> {
        let query = |client: &Client| {
            self.query(client, BY_SEQ, limit)
                .key_condition_expression(BEFORE)
                .expression_attribute_values(":seq", number(&before.unwrap_or(u64::MAX)))
                .scan_index_forward(false)
        };
        let page = self.page_of_entries(program, member, query).await?;
        // DynamoDB returns a start key whenever a page is full, even after the very first entry.
        Ok(Page { next: page.next.filter(|seq| *seq > 1), ..page })
    }

    /// Returns at most `limit` (at least 1) entries in order, all of them after `after_seq` (0 for the start).
    ///
    /// A full page at the very end names a next one, which is empty.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn ledger(
        &self,
        program: &ProgramId,
        member: &MemberId,
        after_seq: u64,
        limit: u32,
    ) -> Result<Page<Sealed>, StoreFault> {
        let page = self.entries_after(program, member, after_seq, limit).await?;
        Ok(Page { items: page.items.into_iter().map(|recorded| recorded.sealed).collect(), next: page.next })
    }

    /// Like [`Store::ledger`], with the aftermath of each entry.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn entries_after(
        &self,
        program: &ProgramId,
        member: &MemberId,
        after_seq: u64,
        limit: u32,
    ) -> Result<Page<Recorded>, StoreFault> {
        let query = |client: &Client| {
            self.query(client, BY_SEQ, limit)
                .key_condition_expression(AFTER)
                .expression_attribute_values(":seq", number(&after_seq))
                .scan_index_forward(true)
        };
        self.page_of_entries(program, member, query).await
    }

    async fn page_of_entries(
        &self,
        program: &ProgramId,
        member: &MemberId,
        query: impl FnOnce(&Client) -> QueryFluentBuilder,
    ) -> Result<Page<Recorded>, StoreFault> {
        let pk = member_pk(program, member);
        let needed = Permission::query(&pk, true);
        let found = self.calls.call(Kind::Page, [needed], |client| {
            query(client).expression_attribute_values(":pk", text(pk)).consistent_read(true).send()
        });
        let found = found.await.map_err(StoreFault::of)?;
        let items: Vec<Recorded> = found.items().iter().map(entry_item::read_recorded).collect::<Result<_, _>>()?;
        let last = items.last().map(|recorded| recorded.sealed.entry.seq);
        let next = last.filter(|_| found.last_evaluated_key().is_some());
        Ok(Page { items, next })
    }

    /// Returns a query of `index` for at most `limit` items.
    pub(crate) fn query(&self, client: &Client, index: &str, limit: u32) -> QueryFluentBuilder {
        client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    }
}
