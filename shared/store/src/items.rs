//! Reads items by their keys, one or many.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};

use crate::{
    calls::Kind,
    fault::StoreFault,
    item::{Item, key_attributes},
    permission::{Action, Permission},
    store::Store,
    table::{Key, PK},
};

/// Maximum number of items of one read, by DynamoDB's limit.
const ITEMS_MAX: usize = 100;
/// Attempts to read items for which the table had no capacity.
const ATTEMPTS_MAX: u32 = 8;
/// The maximum pause between them, in milliseconds.
const PAUSE_MS_MAX: u64 = 200;

/// The table left out items in every attempt.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the table has no capacity for all items of a read")]
struct Throttled;

impl Store {
    /// Returns the item under `key`, strongly consistent if `consistent`.
    pub(crate) async fn get_item(&self, key: Key, consistent: bool) -> Result<Option<Item>, StoreFault> {
        let needed = Permission::on(Action::GetItem, &key.pk);
        let found = self.calls.call(Kind::Point, [needed], |client| {
            client
                .get_item()
                .table_name(&self.table)
                .set_key(Some(key_attributes(key)))
                .consistent_read(consistent)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
        });
        Ok(found.await.map_err(StoreFault::of)?.item)
    }

    /// Returns the items under `keys`, in no order, strongly consistent if `consistent`. Items that do not exist are
    /// left out.
    ///
    /// One round trip for up to a hundred, if the table returns all of them at once: it splits responses above 16 MB.
    /// `kind` determines the time limit.
    pub(crate) async fn get_items(
        &self,
        keys: Vec<Key>,
        kind: Kind,
        consistent: bool,
    ) -> Result<Vec<Item>, StoreFault> {
        let mut found = Vec::new();
        for keys in keys.chunks(ITEMS_MAX) {
            let mut keys: Vec<_> = keys.iter().cloned().map(key_attributes).collect();
            let mut attempts: u32 = 0;
            while !keys.is_empty() {
                let (items, left) = self.batch_get(keys, kind, consistent).await?;
                // A response with items is progress, however few.
                attempts = if items.is_empty() { attempts.saturating_add(1) } else { 0 };
                if !left.is_empty() && attempts >= ATTEMPTS_MAX {
                    return Err(StoreFault::Unavailable(Throttled.into()));
                }
                if !left.is_empty() && attempts > 0 {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=PAUSE_MS_MAX))).await;
                }
                found.extend(items);
                keys = left;
            }
        }
        Ok(found)
    }

    /// Returns the items under `keys`, and the keys that the table did not process.
    async fn batch_get(
        &self,
        keys: Vec<Item>,
        kind: Kind,
        consistent: bool,
    ) -> Result<(Vec<Item>, Vec<Item>), StoreFault> {
        let pks = keys.iter().filter_map(|key| key.get(PK)?.as_s().ok());
        let needed: BTreeSet<_> = pks.map(|pk| Permission::on(Action::BatchGetItem, pk)).collect();
        let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent);
        let asked = asked.build().map_err(|error| StoreFault::Broken(error.into()))?;
        let found = self.calls.call(kind, needed, |client| {
            client
                .batch_get_item()
                .request_items(&self.table, asked)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
        });
        let mut found = found.await.map_err(StoreFault::of)?;
        let items = found.responses.as_mut().and_then(|tables| tables.remove(&self.table)).unwrap_or_default();
        let left = found.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.table));
        Ok((items, left.map(|left| left.keys).unwrap_or_default()))
    }
}
