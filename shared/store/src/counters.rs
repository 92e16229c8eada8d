//! Reads totals over many members: stock that has gone, program-wide caps that are used.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use regulars_domain::{
    counter::{CounterId, Counters},
    id::ProgramId,
};

use crate::{
    fault::StoreFault,
    item::{Fields, Item, as_number, key_attributes},
    meter::Action,
    store::Store,
    table::{Key, PK, SK, TAKEN, counter_key},
};

/// How many keys one call may ask for, by DynamoDB's limits.
const KEYS_MAX: usize = 100;
/// How often keys that a throttled table left out are asked for again.
const ROUNDS_MAX: usize = 4;
/// How long to leave a throttled table alone before that.
const ROUND_PAUSE: Duration = Duration::from_millis(50);

/// The table went on leaving keys out of its answers, which it does when it is throttled.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a batch of counters was never answered in full")]
struct KeysLeftOut;

impl Store {
    /// What has been taken from each of `counters`. No call is made when there are none.
    ///
    /// The read is eventually consistent, so a total may be a moment old: whatever a decision takes is held against the
    /// true one when it is committed, and a refusal on a piece that came back this moment is right the next.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn counters(&self, program: &ProgramId, counters: &[CounterId]) -> Result<Counters, StoreFault> {
        self.read_counters(program, counters, false).await
    }

    /// What has been taken from each of `counters`: right now, if `consistent`.
    pub(crate) async fn read_counters(
        &self,
        program: &ProgramId,
        counters: &[CounterId],
        consistent: bool,
    ) -> Result<Counters, StoreFault> {
        let by_key: BTreeMap<Key, &CounterId> =
            counters.iter().map(|counter| (counter_key(program, counter), counter)).collect();
        let keys: Vec<&Key> = by_key.keys().collect();
        let mut taken = Vec::new();
        for keys in keys.chunks(KEYS_MAX) {
            for item in self.batch(keys.iter().copied().cloned().collect(), consistent).await? {
                let (key, amount) = read_counter(&item)?;
                taken.extend(by_key.get(&key).map(|counter| ((*counter).clone(), amount)));
            }
        }
        Ok(taken.into_iter().collect())
    }

    /// The items under `keys`, those that there are, in any order.
    async fn batch(&self, mut keys: BTreeSet<Key>, consistent: bool) -> Result<Vec<Item>, StoreFault> {
        let mut items = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys.iter().cloned().map(key_attributes).collect()))
                .consistent_read(consistent)
                .build()
                .map_err(|error| StoreFault::Broken(error.into()))?;
            let get = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            self.meter().call([Action::BatchGetItem]);
            let found = Box::pin(get.send()).await.map_err(StoreFault::of)?;
            self.meter().read(found.consumed_capacity());
            let left_out = found.unprocessed_keys.unwrap_or_default();
            items.extend(found.responses.unwrap_or_default().into_values().flatten());
            keys = left_out.values().flat_map(KeysAndAttributes::keys).map(read_key).collect::<Result<_, _>>()?;
            if keys.is_empty() {
                return Ok(items);
            }
            tokio::time::sleep(ROUND_PAUSE).await;
        }
        Err(StoreFault::Unavailable(KeysLeftOut.into()))
    }
}

fn read_key(item: &Item) -> Result<Key, StoreFault> {
    let fields = Fields::of("counter", item);
    let part = |name| fields.required(name, |value| value.as_s().ok().cloned());
    Ok(Key { pk: part(PK)?, sk: part(SK)? })
}

fn read_counter(item: &Item) -> Result<(Key, i64), StoreFault> {
    Ok((read_key(item)?, Fields::of("counter", item).required(TAKEN, as_number)?))
}
