//! The codes of rewards: uploaded or generated once, given once, and never deleted.
//!
//! A code is one item for its whole life. While it is free, it has a random position in the index `by_seq`; giving it
//! removes it from there. So a free code is found without a separate list, concurrent commands search in different
//! places, and nothing is ever deleted.
//!
//! Of the map `t`, the terms under which it was given:
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `x` | S | its last day |
//! | `w` | N | its value, in minor units |
//! | `c` | S | the currency of its value |
//!
//! `f` is `used`, `void`, or `good` if only a part of its value, `u`, was used.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, Select, TransactWriteItem};
use regulars_domain::{
    code::{Code, CodeEnd, CodeTerms, GivenCode, Holder, KeptCode},
    id::{ProgramId, RewardId},
    money::{Amount, Money},
};

use crate::{
    calls::Kind,
    fault::{Corrupt, StoreFault},
    item::{Fields, Item, as_number, as_parsed, compact_date, key_attributes, number, text},
    permission::Permission,
    store::{Store, at_once},
    table::{
        ABSENT, AFTER, ALL, BY_SEQ, CHANGE_CODE, CHANGES, FATE, GIVE, IS_FREE, MEMBER, REDEMPTION, SEQ, SK, TERMS,
        UNMARKED_SINCE, USED, WAS_GIVEN, code_key, codes_pk, read_code,
    },
    transaction::{Check, Transacted},
};

/// Codes per transaction, by DynamoDB's limit.
const CODES_PER_TRANSACTION: usize = 100;
/// Attempts to add codes after conflicts with other uploads or redemptions.
const ATTEMPTS_MAX: u32 = 8;
/// The maximum pause between them, in milliseconds.
const PAUSE_MS_MAX: u64 = 200;

/// How many codes a reward has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeCount {
    /// Free codes.
    pub left: u64,
    /// Given codes.
    pub given: u64,
}

/// Adding codes conflicted with other requests every time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many concurrent requests for the codes of one reward")]
struct Contended;

impl Store {
    /// Adds those of `codes` that the reward does not have yet, and returns how many. The reward also has the codes
    /// that were given.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]. Some may have been added; repeating the call adds the rest.
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

    /// Returns a code; `None` if the reward has no such code. The read is strongly consistent.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn code(
        &self,
        program: &ProgramId,
        reward: &RewardId,
        code: &Code,
    ) -> Result<Option<KeptCode>, StoreFault> {
        let item = self.get(code_key(program, reward, code)).await?;
        Ok(item.map(|item| read_kept(reward, code, &item)).transpose()?)
    }

    /// Voids a code, unless it was used, and returns it; `None` if the reward has no such code.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]. The code may be void already; repeating the call shows it.
    pub async fn void_code(
        &self,
        program: &ProgramId,
        reward: &RewardId,
        code: &Code,
    ) -> Result<Option<KeptCode>, StoreFault> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(kept) = self.code(program, reward, code).await? else { return Ok(None) };
            let Some(void) = kept.after_void() else { return Ok(Some(kept)) };
            match self.transact(vec![self.change_code(program, &void)?]).await? {
                Transacted::Done => return Ok(Some(void)),
                Transacted::Contended => {}
                Transacted::Cancelled { checks, fault } => {
                    if checks.iter().any(|check| matches!(check, Check::Refused)) {
                        return Err(fault);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=PAUSE_MS_MAX))).await;
        }
        Err(StoreFault::Unavailable(Contended.into()))
    }

    /// Returns the write that changes a code to `changed`.
    pub(crate) fn change_code(&self, program: &ProgramId, changed: &KeptCode) -> Result<TransactWriteItem, StoreFault> {
        let KeptCode { reward, code, holder: _, terms: _, used, end, changes } = changed;
        let values = Item::from([
            (":read".to_owned(), number(&changes.saturating_sub(1))),
            (":zero".to_owned(), number(&0)),
            (":changes".to_owned(), number(changes)),
            (":fate".to_owned(), text(fate_name(*end))),
            (":used".to_owned(), number(&used.get())),
        ]);
        self.update(code_key(program, reward, code), CHANGE_CODE, UNMARKED_SINCE, values)
    }

    /// Returns the write that gives a code to a member.
    pub(crate) fn give_code(&self, program: &ProgramId, given: &GivenCode) -> Result<TransactWriteItem, StoreFault> {
        let GivenCode { reward, code, member, redemption, is_pooled, terms } = given;
        let (to, redemption) = (text(member.as_str()), text(redemption.as_str()));
        let terms = AttributeValue::M(write_terms(terms));
        if *is_pooled {
            let values =
                [(":member".to_owned(), to), (":redemption".to_owned(), redemption), (":terms".to_owned(), terms)];
            return self.update(code_key(program, reward, code), GIVE, IS_FREE, values.into());
        }
        let mut item = key_attributes(code_key(program, reward, code));
        item.extend([(MEMBER.to_owned(), to), (REDEMPTION.to_owned(), redemption), (TERMS.to_owned(), terms)]);
        self.put(item, ABSENT, None)
    }

    /// Counts the codes of a reward by reading all of them: half a read unit per 4 KB, which is some sixty codes, and
    /// the same again for the free ones.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn count_codes(&self, program: &ProgramId, reward: &RewardId) -> Result<CodeCount, StoreFault> {
        let pk = codes_pk(program, reward);
        let given = self.count(&pk, None, Some(WAS_GIVEN));
        let (given, left) = tokio::try_join!(given, self.count(&pk, Some(BY_SEQ), None))?;
        Ok(CodeCount { left, given })
    }

    /// Counts the items of a partition, or of an index of it, that match `filter`.
    async fn count(&self, pk: &str, index: Option<&str>, filter: Option<&str>) -> Result<u64, StoreFault> {
        let mut count: u64 = 0;
        let mut after = None;
        loop {
            let needed = Permission::query(pk, index.is_some());
            let found = self.calls.call(Kind::Page, [needed], |client| {
                client
                    .query()
                    .table_name(&self.table)
                    .set_index_name(index.map(str::to_owned))
                    .select(Select::Count)
                    .key_condition_expression(ALL)
                    .set_filter_expression(filter.map(str::to_owned))
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

    /// Returns a free code of each of `rewards` that has one.
    ///
    /// The read is eventually consistent: the transaction that gives the code checks whether it is still free.
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

    /// Returns a free code of each of `rewards` that has one, strongly consistent if `consistent`. A code needs one or
    /// two queries of half a unit each, or a whole one if `consistent`.
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

    /// Returns a free code of a partition: the first after a random position or, if there is none, from the start.
    async fn free_code(&self, pk: String, consistent: bool) -> Result<Option<Code>, StoreFault> {
        for after in [i64::from(fastrand::u32(..)), -1] {
            let found = self.calls.call(Kind::Point, [Permission::query(&pk, true)], |client| {
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

const EXPIRES_ON: &str = "x";
const VALUE: &str = "w";
const CURRENCY: &str = "c";

fn write_terms(terms: &CodeTerms) -> Item {
    let CodeTerms { expires_on, value } = terms;
    let mut map = Item::new();
    if let Some(day) = expires_on {
        map.insert(EXPIRES_ON.to_owned(), text(compact_date(*day)));
    }
    if let Some(Money { amount, currency }) = value {
        map.insert(VALUE.to_owned(), number(&amount.get()));
        map.insert(CURRENCY.to_owned(), text(currency.code()));
    }
    map
}

fn read_terms(value: &AttributeValue) -> Option<CodeTerms> {
    let map = value.as_m().ok()?;
    let fields = Fields::of("code", map);
    let value = match fields.optional(VALUE, read_amount).ok()? {
        Some(amount) => Some(Money { amount, currency: fields.required(CURRENCY, as_parsed).ok()? }),
        None => None,
    };
    Some(CodeTerms { expires_on: fields.optional(EXPIRES_ON, as_parsed).ok()?, value })
}

fn read_amount(value: &AttributeValue) -> Option<Amount> {
    Amount::new(as_number(value)?)
}

fn read_kept(reward: &RewardId, code: &Code, item: &Item) -> Result<KeptCode, Corrupt> {
    let fields = Fields::of("code", item);
    let holder = match fields.optional(MEMBER, as_parsed)? {
        Some(member) => Some(Holder { member, redemption: fields.required(REDEMPTION, as_parsed)? }),
        None => None,
    };
    Ok(KeptCode {
        reward: reward.clone(),
        code: code.clone(),
        holder,
        terms: fields.optional(TERMS, read_terms)?.unwrap_or_default(),
        used: fields.optional(USED, read_amount)?.unwrap_or_default(),
        end: fields.optional(FATE, read_fate)?.flatten(),
        changes: fields.optional(CHANGES, as_number)?.unwrap_or_default(),
    })
}

const FATES: [Option<CodeEnd>; 3] = [None, Some(CodeEnd::Used), Some(CodeEnd::Void)];

fn fate_name(end: Option<CodeEnd>) -> &'static str {
    match end {
        None => "good",
        Some(CodeEnd::Used) => "used",
        Some(CodeEnd::Void) => "void",
    }
}

#[expect(clippy::option_option, reason = "the outer one says that the attribute cannot be read")]
fn read_fate(value: &AttributeValue) -> Option<Option<CodeEnd>> {
    let name = value.as_s().ok()?;
    FATES.into_iter().find(|end| fate_name(*end) == name)
}
