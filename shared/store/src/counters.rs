//! Reads totals over many members: stock that has gone, program-wide caps that are used.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use regulars_domain::{
    counter::{CounterId, Counters},
    id::ProgramId,
};

use crate::{
    calls::Kind,
    fault::StoreFault,
    item::{Fields, Item, as_number, text},
    meter::Action,
    shards::Levels,
    store::{Store, at_once},
    table::{Key, SHARDS_OF, SK, TAKEN, counter_prefix, read_shard},
};

/// What was read of counters, shard by shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals(BTreeMap<CounterId, Levels>);

impl Totals {
    /// The shards of `counter`; `None` if it was not read.
    pub(crate) fn levels(&self, counter: &CounterId) -> Option<&Levels> {
        self.0.get(counter)
    }

    /// Adds what was read of other counters.
    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// What has been taken from each counter in all.
    pub(crate) fn sums(&self) -> Counters {
        let sums = self.0.iter().map(|(counter, levels)| (counter.clone(), levels.sum()));
        sums.filter(|(_, sum)| *sum != 0).collect()
    }
}

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
        Ok(self.totals(program, counters, false).await?.sums())
    }

    /// What has been taken from each shard of each of `counters`: right now, if `consistent`. A counter is a query of its
    /// own, and costs half a unit however many shards it has, or a whole one if `consistent`.
    pub(crate) async fn totals(
        &self,
        program: &ProgramId,
        counters: impl IntoIterator<Item = &CounterId>,
        consistent: bool,
    ) -> Result<Totals, StoreFault> {
        let counters: BTreeSet<CounterId> = counters.into_iter().cloned().collect();
        let totals = at_once(counters, |counter| {
            let (store, key) = (self.clone(), counter_prefix(program, &counter));
            async move { Ok((counter, store.levels(key, consistent).await?)) }
        });
        Ok(Totals(totals.await?.into_iter().collect()))
    }

    async fn levels(&self, counter: Key, consistent: bool) -> Result<Levels, StoreFault> {
        let found = self.calls.call(Kind::Point, [Action::Query], |client| {
            client
                .query()
                .table_name(&self.table)
                .key_condition_expression(SHARDS_OF)
                .expression_attribute_values(":pk", text(counter.pk))
                .expression_attribute_values(":counter", text(&counter.sk))
                .consistent_read(consistent)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
        });
        let found = found.await.map_err(StoreFault::of)?;
        let mut levels = Levels::default();
        for item in found.items() {
            read_level(item, &counter.sk, &mut levels)?;
        }
        Ok(levels)
    }
}

fn read_level(item: &Item, prefix: &str, levels: &mut Levels) -> Result<(), StoreFault> {
    let fields = Fields::of("counter", item);
    let shard = fields.required(SK, |value| read_shard(value.as_s().ok()?, prefix))?;
    let level = fields.required(TAKEN, as_number)?;
    if levels.set(shard, level) { Ok(()) } else { Err(fields.corrupt(SK).into()) }
}
