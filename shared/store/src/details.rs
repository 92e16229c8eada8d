//! The details next to entries: the facts of purchases, and notes. Exports show them, and erasure deletes them.

use std::collections::BTreeMap;

use regulars_domain::{
    aftermath::Recorded,
    facts::PurchaseFacts,
    id::{EntryId, MemberId, ProgramId},
};

use crate::{
    calls::Kind,
    entry_item::{self, FACTS, NOTE},
    fault::StoreFault,
    item::{Item, text},
    permission::Permission,
    store::Store,
    table::{ENTRIES, ENTRY_SK_PREFIX, ERASE, HAS_DETAILS, IS_THERE, Key, PK, SK, entry_key, member_pk},
    transaction::Transacted,
};

/// Entries that one transaction clears. More would conflict more often with a concurrent return.
const CLEARED_AT_ONCE: usize = 25;

/// Attempts of a transaction that conflicts with others.
const ATTEMPTS: usize = 5;

impl Store {
    /// Returns the facts of purchases next to these entries, by the member whose ledger has them. An entry without
    /// facts is left out.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn facts(
        &self,
        program: &ProgramId,
        entries: impl IntoIterator<Item = (&MemberId, &EntryId)>,
    ) -> Result<BTreeMap<(MemberId, EntryId), PurchaseFacts>, StoreFault> {
        let keys = entries.into_iter().map(|(member, entry)| entry_key(program, member, entry)).collect();
        let mut facts = BTreeMap::new();
        for item in self.get_items(keys, Kind::Page, true).await? {
            let Recorded { member, sealed, .. } = entry_item::read_recorded(&item)?;
            facts.extend(sealed.facts.map(|of_entry| ((member, sealed.entry.id), *of_entry)));
        }
        Ok(facts)
    }

    /// Deletes the facts of purchases and the notes next to all entries of a member's ledger. Repeating it changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]. Some of it may be deleted already.
    pub async fn erase_details(&self, program: &ProgramId, member: &MemberId) -> Result<(), StoreFault> {
        let mut from = None;
        loop {
            let (keys, next) = self.with_details(program, member, from).await?;
            for keys in keys.chunks(CLEARED_AT_ONCE) {
                self.clear(keys).await?;
            }
            match next {
                Some(next) => from = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Returns the keys of a page of entries with details, and where the next page begins.
    async fn with_details(
        &self,
        program: &ProgramId,
        member: &MemberId,
        from: Option<Item>,
    ) -> Result<(Vec<Key>, Option<Item>), StoreFault> {
        let pk = member_pk(program, member);
        let needed = Permission::query(&pk, false);
        let found = self.calls.call(Kind::Page, [needed], |client| {
            client
                .query()
                .table_name(&self.table)
                .key_condition_expression(ENTRIES)
                .filter_expression(HAS_DETAILS)
                .projection_expression("pk, sk")
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":entry", text(ENTRY_SK_PREFIX))
                .set_exclusive_start_key(from)
                .consistent_read(true)
                .return_consumed_capacity(aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total)
                .send()
        });
        let found = found.await.map_err(StoreFault::of)?;
        let key = |item: &Item| {
            let part = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            Key { pk: part(PK), sk: part(SK) }
        };
        Ok((found.items().iter().map(key).collect(), found.last_evaluated_key().cloned()))
    }

    async fn clear(&self, keys: &[Key]) -> Result<(), StoreFault> {
        let update = |key: &Key| self.update(key.clone(), ERASE, IS_THERE, Item::new());
        let mut attempts = ATTEMPTS;
        loop {
            let writes = keys.iter().map(update).collect::<Result<_, _>>()?;
            attempts = attempts.saturating_sub(1);
            match self.transact(writes).await? {
                Transacted::Done => return Ok(()),
                Transacted::Contended if attempts == 0 => {
                    return Err(StoreFault::Unavailable("the entries kept changing".into()));
                }
                Transacted::Cancelled { fault, .. } if attempts == 0 => return Err(fault),
                Transacted::Contended | Transacted::Cancelled { .. } => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }
}

// The expression contains these names literally.
const _: () = assert!(matches!((FACTS.as_bytes(), NOTE.as_bytes()), (b"f", b"nt")));
