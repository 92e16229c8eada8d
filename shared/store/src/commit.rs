//! Commits a posting: the account, its entries and everything else in one conditional transaction.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use regulars_domain::{
    account::Account,
    chain::Sealed,
    counter::{CounterId, Take},
    id::ProgramId,
    posting::{Change, Claim, Posting, ReceiptChange, Release},
};

use crate::{
    account_item, aftermath_item,
    counters::{Looks, write_shard},
    entry_item,
    fault::{PostingInvalid, StoreFault},
    held::{write_element, write_held},
    item::{Item, compact_date, key_attributes, number, text},
    shards::{self, Look, Shard, ShardChange, Undone, What, Work},
    store::Store,
    table::{
        ABSENT, END, FREE_OR_MINE, GIVE_BACK, HAS_ROOM, IS_HELD, IS_ITS_OWN, IS_MINE, IS_UNUSED, MARK, MEMBER,
        REDEMPTION, RELEASE, REOPEN, SHARD_UNCHANGED, SHARD_UNCHANGED_WITHOUT_HOLDS, TAKE, TAKE_HELD, UNCHANGED,
        UNMARKED_SINCE, WAS_TAKEN, alias_key, counter_key, entry_key, receipt_key,
    },
    transaction::Transacted,
    verdict::{Commit, Part, Seen, verdict},
};

impl Store {
    /// Writes `posting` completely, or nothing.
    ///
    /// The entry with a fingerprint is the request's. If that entry is already in the ledger, the posting is a replay,
    /// regardless of other failed conditions.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]. After [`StoreFault::Unavailable`] the posting may have been written; a repeat of the request
    /// shows it.
    pub async fn commit(&self, posting: &Posting) -> Result<Commit, StoreFault> {
        self.write(posting, &Looks::default()).await
    }

    /// Like [`Store::commit`], with what the caller has read of counters.
    pub(crate) async fn write(&self, posting: &Posting, looks: &Looks) -> Result<Commit, StoreFault> {
        let stands = |change: &Change| change.expected_version.is_some_and(|read| change.account.version <= read);
        if posting.changes().any(stands) {
            return Err(PostingInvalid::VersionStands.into());
        }
        let Change { account, entries, .. } = &posting.own;
        let is_acted_on = |sealed: &Sealed| {
            posting.marks.iter().any(|mark| mark.entry == sealed.entry.id && mark.member == account.member)
        };
        if entries.iter().any(is_acted_on) {
            // The entry that it acts on existed before it, so its key was used before.
            return Ok(Commit::KeyReused);
        }
        let changes = match self.changes(posting, looks).await? {
            Ok(changes) => changes,
            Err(exhausted) => return self.exhausted(posting, exhausted).await,
        };
        let (parts, writes) = self.parts(posting, &changes)?;
        match self.transact(writes).await? {
            Transacted::Done => Ok(Commit::Committed),
            Transacted::Contended => Ok(Commit::Conflict),
            Transacted::Cancelled { checks, fault } => verdict(&parts, &checks)?.ok_or(fault),
        }
    }

    /// Returns the outcome of a posting for which `counter` has no room: its request may have been carried out before.
    async fn exhausted(&self, posting: &Posting, counter: &CounterId) -> Result<Commit, StoreFault> {
        let Change { account: Account { program, member, .. }, entries, .. } = &posting.own;
        let request = entries.iter().find(|sealed| sealed.entry.fingerprint.is_some());
        let Some(ours) = request else { return Ok(Commit::Exhausted(counter.clone())) };
        let Some(known) = self.entry(program, member, &ours.entry.id).await? else {
            return Ok(Commit::Exhausted(counter.clone()));
        };
        if known.sealed.entry.fingerprint != ours.entry.fingerprint {
            return Ok(Commit::KeyReused);
        }
        Ok(Commit::Replayed { entry: Box::new(known), account: Seen::Unknown })
    }

    /// Returns the account whose ledger has an entry of `posting`.
    pub(crate) async fn account_behind(&self, posting: &Posting) -> Result<Account, StoreFault> {
        let Account { program, member, .. } = &posting.own.account;
        self.account(program, member).await?.ok_or_else(|| PostingInvalid::AccountMissing.into())
    }

    /// Returns the changes of shards by which `posting` takes from counters and returns to them, or the counter that
    /// has no room.
    ///
    /// A take may use `looks` that are slightly old, because its condition checks the current value. A return needs
    /// current values first, because only what was taken can be returned; the same holds for the end of a hold.
    async fn changes<'a>(
        &self,
        posting: &'a Posting,
        looks: &Looks,
    ) -> Result<Result<Vec<Counted<'a>>, &'a CounterId>, StoreFault> {
        let Account { program, member, settled_at, .. } = &posting.own.account;
        let home = shards::home(member);
        let mut counted = Vec::new();
        for (counter, work) in work_by_counter(&posting.takes, *settled_at) {
            let look = match looks.of(counter).filter(|_| work.only_takes()) {
                Some(look) => look.clone(),
                None => self.home_shard(program, member, counter, true).await?,
            };
            let is_part = |change| Counted { counter, change, part: Part::Shard };
            if let Some(changes) = look.changes(&work) {
                counted.extend(changes.into_iter().map(is_part));
                continue;
            }
            let all = match look {
                Look::All(shards) => *shards,
                Look::At(..) => self.all_shards_now(program, counter).await?,
            };
            match all.changes(&work, home) {
                Ok(changes) => counted.extend(changes.into_iter().map(is_part)),
                Err(Undone::Full) => return Ok(Err(counter)),
                // The transaction shows whether that is so, or whether the account has changed.
                Err(Undone::Lost(held)) => {
                    let change = ShardChange { number: home, what: What::End { held, back: 0 } };
                    counted.push(Counted { counter, change, part: Part::LostHold });
                }
            }
        }
        Ok(Ok(counted))
    }

    /// Returns the part that changes a shard of `counter`.
    fn shard_part(
        &self,
        program: &ProgramId,
        counter: &CounterId,
        ShardChange { number: shard, what }: &ShardChange,
    ) -> Result<TransactWriteItem, StoreFault> {
        let (change, condition, values) = match what {
            What::Take { amount, most, room, held } => {
                let values = [(":amount", number(amount)), (":most", number(most)), (":room", number(room))];
                let change = if held.is_some() { TAKE_HELD } else { TAKE };
                let held = held.iter().map(|held| (":held", write_held([held])));
                (change, HAS_ROOM, values.into_iter().chain(held).collect::<Vec<_>>())
            }
            What::End { held, back } => {
                let values =
                    [(":amount", number(back)), (":held", write_held([held])), (":hold", write_element(*held))];
                (END, IS_HELD, values.into())
            }
            What::GiveBack { amount } => (GIVE_BACK, WAS_TAKEN, vec![(":amount", number(amount))]),
            What::Rewrite { from, to } => {
                let item = write_shard(counter_key(program, counter, *shard), to);
                let Some(Shard { taken, most, held }) = from else { return self.put(item, ABSENT, None) };
                let was = [(":taken", number(taken)), (":most", number(most))];
                if held.is_empty() {
                    return self.put(item, SHARD_UNCHANGED_WITHOUT_HOLDS, was);
                }
                return self.put(item, SHARD_UNCHANGED, was.into_iter().chain([(":held", write_held(held))]));
            }
        };
        let values: Item = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.update(counter_key(program, counter, *shard), change, condition, values)
    }

    /// Returns the parts of the transaction, and what each is, in the same order.
    fn parts<'a>(
        &self,
        posting: &'a Posting,
        changes: &[Counted<'a>],
    ) -> Result<(Vec<Part<'a>>, Vec<TransactWriteItem>), StoreFault> {
        let Posting { own, others, takes: _, marks, codes, changed_codes, claims, releases, receipts, explanations: _ } =
            posting;
        let program = &own.account.program;
        let mut parts = Vec::new();
        let mut writes = Vec::new();
        for (change, is_own) in std::iter::once((own, true)).chain(others.iter().map(|other| (other, false))) {
            parts.push(if is_own { Part::Account } else { Part::Other });
            let account = account_item::write(&change.account);
            writes.push(match change.expected_version {
                Some(read) => self.put(account, UNCHANGED, Some((":read", number(&read))))?,
                None => self.put(account, ABSENT, None)?,
            });
            for sealed in &change.entries {
                let answers_request = is_own && sealed.entry.fingerprint.is_some();
                parts.push(if answers_request { Part::Request(sealed) } else { Part::Engine });
                writes.push(self.put(entry_item::write(program, &change.account.member, sealed), ABSENT, None)?);
            }
        }
        for Counted { counter, change, part } in changes {
            parts.push(*part);
            writes.push(self.shard_part(program, counter, change)?);
        }
        for mark in marks {
            parts.push(Part::Mark);
            let key = entry_key(program, &mark.member, &mark.entry);
            writes.push(self.update(key, MARK, UNMARKED_SINCE, aftermath_item::mark_values(mark))?);
        }
        for given in codes {
            parts.push(Part::Code);
            writes.push(self.give_code(program, given)?);
        }
        for changed in changed_codes {
            parts.push(Part::Code);
            writes.push(self.change_code(program, changed)?);
        }
        for Claim { alias, member, from } in claims.iter().collect::<BTreeSet<_>>() {
            let mut item = key_attributes(alias_key(program, alias));
            item.insert(MEMBER.to_owned(), text(member.as_str()));
            parts.push(Part::Claim(alias));
            let so_far = from.as_ref().unwrap_or(member);
            writes.push(self.put(
                item,
                FREE_OR_MINE,
                [(":member", text(member.as_str())), (":from", text(so_far.as_str()))],
            )?);
        }
        for Release { alias, member, on, forgotten_at } in releases {
            parts.push(Part::Release);
            let values = [
                (":member".to_owned(), text(member.as_str())),
                (":on".to_owned(), text(compact_date(*on))),
                (":gone_at".to_owned(), number(&forgotten_at.as_second())),
            ];
            writes.push(self.update(alias_key(program, alias), RELEASE, IS_MINE, values.into())?);
        }
        for ReceiptChange { receipt, purchase, is_taken } in receipts {
            let (member, entry) = (text(purchase.member.as_str()), text(purchase.entry.as_str()));
            if *is_taken {
                parts.push(Part::Receipt(receipt));
                let mut item = key_attributes(receipt_key(program, receipt));
                item.extend([(MEMBER.to_owned(), member), (REDEMPTION.to_owned(), entry)]);
                writes.push(self.put(item, IS_UNUSED, None)?);
            } else {
                parts.push(Part::Release);
                let values = [(":member".to_owned(), member), (":purchase".to_owned(), entry)];
                writes.push(self.update(receipt_key(program, receipt), REOPEN, IS_ITS_OWN, values.into())?);
            }
        }
        Ok((parts, writes))
    }
}

/// A change of a shard, and its part of the transaction.
struct Counted<'a> {
    counter: &'a CounterId,
    change: ShardChange,
    part: Part<'a>,
}

/// Returns what a posting does to each counter. One transaction can change an item only once, so all changes of a
/// counter are combined. Changes that cancel out are left out.
fn work_by_counter(takes: &[Take], now: Timestamp) -> BTreeMap<&CounterId, Work> {
    let mut by_counter = BTreeMap::<&CounterId, Vec<&Take>>::new();
    for take in takes {
        by_counter.entry(&take.counter).or_default().push(take);
    }
    by_counter.into_iter().filter_map(|(counter, takes)| Some((counter, Work::of(takes, now)?))).collect()
}
