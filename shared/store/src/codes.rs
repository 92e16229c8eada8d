//! The codes of rewards: uploaded once, given once, and found again for as long as the table stands.
//!
//! A code is one item all its life. While it is free it has a random place in the index `by_seq`, from which giving it
//! away removes it. So a free one is found without a list to keep beside, each command looks in another place, and nothing
//! is ever deleted.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, Select};
use regulars_domain::{
    code::Code,
    id::{EntryId, MemberId, ProgramId, RewardId},
};

use crate::{
    calls::Kind,
    fault::StoreFault,
    item::{Fields, as_parsed, key_attributes, number, text},
    meter::Action,
    store::{Store, at_once},
    table::{ABSENT, AFTER, ALL, BY_SEQ, MEMBER, REDEMPTION, SEQ, SK, code_key, codes_pk, read_code},
    transaction::{Check, Transacted},
};

/// How many codes one transaction adds, by DynamoDB's limit.
const CODES_PER_TRANSACTION: usize = 100;
/// How often adding codes is tried again after meeting another upload, or redemptions, in mid-air.
const ATTEMPTS_MAX: u32 = 8;
/// The longest pause before that, in milliseconds.
const PAUSE_MS_MAX: u64 = 200;

/// What became of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeFate {
    /// Nobody was given it.
    Free,
    /// It was given.
    Given {
        /// To whom.
        member: MemberId,
        /// For which redemption.
        redemption: EntryId,
    },
}

/// How many codes a reward has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeCount {
    /// Those that nobody was given.
    pub left: u64,
    /// Those that were given.
    pub given: u64,
}

/// Adding codes went on meeting others in mid-air.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too much is going on about the codes of one reward")]
struct Contended;

impl Store {
    /// Adds those of `codes` that the reward does not have yet, and tells how many those were. A code that was given is one
    /// that it has.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]. Some may have been added then; adding the same once more adds the rest.
    pub async fn add_codes(
        &self,
        program: &ProgramId,
        reward: &RewardId,
        codes: &BTreeSet<Code>,
    ) -> Result<u64, StoreFault> {
        let mut added: u64 = 0;
        let codes: Vec<&Code> = codes.iter().collect();
        for codes in codes.chunks(CODES_PER_TRANSACTION) {
            let new = self.add_some(program, reward, codes.to_vec()).await?;
            added = added.saturating_add(u64::try_from(new).unwrap_or_default());
        }
        Ok(added)
    }

    async fn add_some(
        &self,
        program: &ProgramId,
        reward: &RewardId,
        mut codes: Vec<&Code>,
    ) -> Result<usize, StoreFault> {
        let mut attempts: u32 = 0;
        while !codes.is_empty() {
            let free = |code: &&Code| {
                let mut item = key_attributes(code_key(program, reward, code));
                item.insert(SEQ.to_owned(), number(&fastrand::u32(..)));
                self.put(item, ABSENT, None)
            };
            let checks = match self.transact(codes.iter().map(free).collect::<Result<_, _>>()?).await? {
                Transacted::Done => return Ok(codes.len()),
                Transacted::Contended => Vec::new(),
                Transacted::Cancelled { checks, fault } => {
                    if !checks.iter().any(|check| !matches!(check, Check::Passed | Check::Refused)) {
                        return Err(fault);
                    }
                    checks
                }
            };
            let known = codes.len();
            let mut checks = checks.into_iter();
            codes.retain(|_| !matches!(checks.next(), Some(Check::Failed(_))));
            if codes.len() < known {
                continue;
            }
            attempts = attempts.saturating_add(1);
            if attempts >= ATTEMPTS_MAX {
                return Err(StoreFault::Unavailable(Contended.into()));
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=PAUSE_MS_MAX))).await;
        }
        Ok(0)
    }

    /// What became of a code; `None` if the reward has no such code. The read is strongly consistent.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn code(
        &self,
        program: &ProgramId,
        reward: &RewardId,
        code: &Code,
    ) -> Result<Option<CodeFate>, StoreFault> {
        let Some(item) = self.get(code_key(program, reward, code)).await? else { return Ok(None) };
        let fields = Fields::of("code", &item);
        let Some(member) = fields.optional(MEMBER, as_parsed)? else { return Ok(Some(CodeFate::Free)) };
        Ok(Some(CodeFate::Given { member, redemption: fields.required(REDEMPTION, as_parsed)? }))
    }

    /// How many codes a reward has. All of them are counted: half a read unit for each 4 KB, which are some sixty codes,
    /// and as much once more for those that are free.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn count_codes(&self, program: &ProgramId, reward: &RewardId) -> Result<CodeCount, StoreFault> {
        let pk = codes_pk(program, reward);
        let (all, left) = tokio::try_join!(self.count(&pk, None), self.count(&pk, Some(BY_SEQ)))?;
        Ok(CodeCount { left, given: all.saturating_sub(left) })
    }

    /// How many items a partition has, or an index of it.
    async fn count(&self, pk: &str, index: Option<&str>) -> Result<u64, StoreFault> {
        let mut count: u64 = 0;
        let mut after = None;
        loop {
            let found = self.calls.call(Kind::Page, [Action::Query], |client| {
                client
                    .query()
                    .table_name(&self.table)
                    .set_index_name(index.map(str::to_owned))
                    .select(Select::Count)
                    .key_condition_expression(ALL)
                    .expression_attribute_values(":pk", text(pk))
                    .set_exclusive_start_key(after)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
            });
            let found = found.await.map_err(StoreFault::of)?;
            count = count.saturating_add(u64::try_from(found.count).unwrap_or_default());
            after = found.last_evaluated_key;
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    /// A free code of each of `rewards` that has one.
    ///
    /// The read is eventually consistent: whether a code is still free, giving it tells.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn free_codes(
        &self,
        program: &ProgramId,
        rewards: &[RewardId],
    ) -> Result<BTreeMap<RewardId, Code>, StoreFault> {
        self.find_codes(program, rewards, false).await
    }

    /// A free code of each of `rewards` that has one: right now, if `consistent`. A code is a query of its own, or two, of
    /// half a unit each, or a whole one if `consistent`.
    pub(crate) async fn find_codes(
        &self,
        program: &ProgramId,
        rewards: &[RewardId],
        consistent: bool,
    ) -> Result<BTreeMap<RewardId, Code>, StoreFault> {
        let rewards: BTreeSet<RewardId> = rewards.iter().cloned().collect();
        let found = at_once(rewards, |reward| {
            let (store, pk) = (self.clone(), codes_pk(program, &reward));
            async move { Ok((reward, store.free_code(pk, consistent).await?)) }
        });
        Ok(found.await?.into_iter().filter_map(|(reward, code)| Some((reward, code?))).collect())
    }

    /// A free code of a partition, the first behind a random place or, if there is none, from the start.
    async fn free_code(&self, pk: String, consistent: bool) -> Result<Option<Code>, StoreFault> {
        for after in [i64::from(fastrand::u32(..)), -1] {
            let found = self.calls.call(Kind::Point, [Action::Query], |client| {
                self.query(client, BY_SEQ, 1)
                    .key_condition_expression(AFTER)
                    .expression_attribute_values(":pk", text(&pk))
                    .expression_attribute_values(":seq", number(&after))
                    .consistent_read(consistent)
                    .send()
            });
            let found = found.await.map_err(StoreFault::of)?;
            if let Some(item) = found.items().first() {
                let code = Fields::of("code", item).required(SK, |value| read_code(value.as_s().ok()?))?;
                return Ok(Some(code));
            }
        }
        Ok(None)
    }
}
