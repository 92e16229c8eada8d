//! Reads totals over many members: stock that was taken, and the use of caps per program.

use std::collections::{BTreeMap, BTreeSet};

use regulars_domain::{
    counter::{CounterId, Counters},
    id::{MemberId, ProgramId},
};

use crate::{
    calls::Kind,
    fault::StoreFault,
    held::{read_held, write_held},
    item::{Fields, Item, as_number, as_parsed, key_attributes, number},
    shards::{self, Look, SHARDS, Shard, Shards},
    store::{Store, at_once},
    table::{HELD, Key, MOST, PK, SK, TAKEN, counter_key},
};

/// Reads of all shards of a counter, if its limit changes during a read.
const READS_MAX: usize = 4;

/// What was read of counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looks(BTreeMap<CounterId, Look>);

impl Looks {
    /// Returns what was read of `counter`, if anything.
    pub(crate) fn of(&self, counter: &CounterId) -> Option<&Look> {
        self.0.get(counter)
    }

    /// Adds readings of other counters, or more complete ones of the same.
    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Returns the readings for a decision.
    pub(crate) fn readings(&self) -> Counters {
        self.0.iter().map(|(counter, look)| (counter.clone(), look.reading())).collect()
    }
}

impl Store {
    /// Returns what was taken from each of `counters`, over all shards. Without counters, no call is made.
    ///
    /// The read is eventually consistent, so a total may be slightly old. The commit checks what a decision takes
    /// against the current total. A refusal may be outdated by a piece that returns at the same moment.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn counters(&self, program: &ProgramId, counters: &[CounterId]) -> Result<Counters, StoreFault> {
        Ok(self.look_at_all(program, counters, false).await?.readings())
    }

    /// Reads the shard of each of `counters` at which `member` takes, strongly consistent if `consistent`. Each costs
    /// half a unit, or a whole one if `consistent`.
    pub(crate) async fn look_at_home(
        &self,
        program: &ProgramId,
        member: &MemberId,
        counters: impl IntoIterator<Item = &CounterId>,
        consistent: bool,
    ) -> Result<Looks, StoreFault> {
        let counters: BTreeSet<&CounterId> = counters.into_iter().collect();
        let looks = at_once(counters, |counter| async move {
            Ok((counter.clone(), self.home_shard(program, member, counter, consistent).await?))
        });
        Ok(Looks(looks.await?.into_iter().collect()))
    }

    /// Reads all shards of each of `counters`, strongly consistent if `consistent`. Each counter costs four units, or
    /// eight if `consistent`; twelve of them are one round trip.
    pub(crate) async fn look_at_all(
        &self,
        program: &ProgramId,
        counters: impl IntoIterator<Item = &CounterId>,
        consistent: bool,
    ) -> Result<Looks, StoreFault> {
        let mut unread: BTreeSet<&CounterId> = counters.into_iter().collect();
        let mut looks = Looks::default();
        for read in 1..=READS_MAX {
            let shards = self.all_shards(program, &unread, consistent || read > 1).await?;
            for (counter, shards) in shards {
                // Shards that are read while all of them are being written may add up to anything.
                if shards.agree() || read == READS_MAX {
                    unread.remove(counter);
                    looks.0.insert(counter.clone(), Look::All(Box::new(shards)));
                }
            }
            if unread.is_empty() {
                break;
            }
        }
        Ok(looks)
    }

    /// Reads the shard of `counter` at which `member` takes, strongly consistent if `consistent`.
    pub(crate) async fn home_shard(
        &self,
        program: &ProgramId,
        member: &MemberId,
        counter: &CounterId,
        consistent: bool,
    ) -> Result<Look, StoreFault> {
        let home = shards::home(member);
        let item = self.get_item(counter_key(program, counter, home), consistent).await?;
        Ok(Look::At(home, item.as_ref().map(read_shard).transpose()?))
    }

    /// Reads all shards of `counter`, strongly consistent.
    pub(crate) async fn all_shards_now(&self, program: &ProgramId, counter: &CounterId) -> Result<Shards, StoreFault> {
        match self.look_at_all(program, [counter], true).await?.0.remove(counter) {
            Some(Look::All(shards)) => Ok(*shards),
            Some(Look::At(..)) | None => Ok(Shards::default()),
        }
    }

    async fn all_shards<'c>(
        &self,
        program: &ProgramId,
        counters: &BTreeSet<&'c CounterId>,
        consistent: bool,
    ) -> Result<BTreeMap<&'c CounterId, Shards>, StoreFault> {
        let mut found: BTreeMap<_, _> = counters.iter().map(|counter| (*counter, Shards::default())).collect();
        let places: BTreeMap<Key, (&CounterId, u8)> = counters
            .iter()
            .flat_map(|counter| (0..SHARDS).map(|number| (counter_key(program, counter, number), (*counter, number))))
            .collect();
        for item in self.get_items(places.keys().cloned().collect(), Kind::Point, consistent).await? {
            let fields = Fields::of("counter", &item);
            let key = Key { pk: fields.required(PK, as_parsed)?, sk: fields.required(SK, as_parsed)? };
            let (counter, number) = places.get(&key).ok_or_else(|| fields.corrupt(PK))?;
            let shard = read_shard(&item)?;
            let is_set = found.get_mut(counter).is_some_and(|shards| shards.set(*number, shard));
            debug_assert!(is_set, "only what is found was asked for");
        }
        Ok(found)
    }
}

fn read_shard(item: &Item) -> Result<Shard, StoreFault> {
    let fields = Fields::of("counter", item);
    let (taken, most) = (fields.required(TAKEN, as_number)?, fields.required(MOST, as_number)?);
    Ok(Shard { taken, most, held: fields.optional(HELD, read_held)?.unwrap_or_default() })
}

/// Returns the item of a shard.
pub(crate) fn write_shard(key: Key, Shard { taken, most, held }: &Shard) -> Item {
    let mut item = key_attributes(key);
    item.extend([(TAKEN.to_owned(), number(taken)), (MOST.to_owned(), number(most))]);
    if !held.is_empty() {
        item.insert(HELD.to_owned(), write_held(held));
    }
    item
}
