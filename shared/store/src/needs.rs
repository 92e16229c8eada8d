//! What a command reads besides its own account: totals over many members, entries, accounts of other members.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    account::{Account, Alias},
    aftermath::Recorded,
    code::{Code, KeptCode},
    counter::{CounterId, CounterNeeded, Counters},
    id::{EntryId, MemberId, ProgramId, RewardId},
};

use crate::{counters::Looks, fault::StoreFault, store::Store};

/// What a command reads besides its own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Totals over many members: for each, the shard at which the member takes, which is enough while it has room.
    pub counters: Vec<CounterId>,
    /// Totals over many members: all shards of each.
    pub totals: Vec<CounterId>,
    /// Rewards with a pool of codes: a free one of each.
    pub codes: Vec<RewardId>,
    /// Codes that were given, with their reward.
    pub given_codes: Vec<(RewardId, Code)>,
    /// Entries, with the member whose ledger has them.
    pub entries: Vec<(MemberId, EntryId)>,
    /// Accounts of other members.
    pub accounts: Vec<MemberId>,
    /// Aliases whose day of release matters.
    pub names: Vec<Alias>,
}

impl From<CounterNeeded> for Needs {
    fn from(needed: CounterNeeded) -> Self {
        match needed {
            CounterNeeded::Part(counter) => Self { counters: vec![counter], ..Self::default() },
            CounterNeeded::Whole(counter) => Self { totals: vec![counter], ..Self::default() },
        }
    }
}

/// A decision requested only data that it already had, so it would never end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a decision requested only data that it already had")]
struct NothingMore;

impl Needs {
    /// Adds `more`, and returns what of it is new.
    ///
    /// # Errors
    ///
    /// Nothing is new.
    pub(crate) fn add(&mut self, more: Self) -> Result<Self, StoreFault> {
        let more = Self {
            counters: more.counters.into_iter().filter(|counter| !self.counters.contains(counter)).collect(),
            totals: more.totals.into_iter().filter(|counter| !self.totals.contains(counter)).collect(),
            codes: more.codes.into_iter().filter(|reward| !self.codes.contains(reward)).collect(),
            given_codes: more.given_codes.into_iter().filter(|code| !self.given_codes.contains(code)).collect(),
            entries: more.entries.into_iter().filter(|entry| !self.entries.contains(entry)).collect(),
            accounts: more.accounts.into_iter().filter(|member| !self.accounts.contains(member)).collect(),
            names: more.names.into_iter().filter(|name| !self.names.contains(name)).collect(),
        };
        if more == Self::default() {
            return Err(StoreFault::Broken(NothingMore.into()));
        }
        self.counters.extend_from_slice(&more.counters);
        self.totals.extend_from_slice(&more.totals);
        self.codes.extend_from_slice(&more.codes);
        self.given_codes.extend_from_slice(&more.given_codes);
        self.entries.extend_from_slice(&more.entries);
        self.accounts.extend_from_slice(&more.accounts);
        self.names.extend_from_slice(&more.names);
        Ok(more)
    }
}

/// What a command found besides its own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What was read of its counters.
    pub counters: Counters,
    /// The same by shard, for the commit.
    pub(crate) looks: Looks,
    codes: BTreeMap<RewardId, Code>,
    given_codes: BTreeMap<(RewardId, Code), Option<KeptCode>>,
    entries: BTreeMap<(MemberId, EntryId), Option<Recorded>>,
    accounts: BTreeMap<MemberId, Option<Account>>,
    freed_on: Vec<Date>,
    /// Whether a posting that changes other members' accounts was in conflict. A decision that can do without them then
    /// does.
    pub others_are_busy: bool,
}

impl Found {
    /// Returns a free code of `reward`; `None` if it was not looked for, or there is none.
    #[must_use]
    pub fn code(&self, reward: &RewardId) -> Option<&Code> {
        self.codes.get(reward)
    }

    /// Returns a code: `None` if it was not looked for, `Some(None)` if the reward has no such code.
    #[must_use]
    pub fn given_code(&self, reward: &RewardId, code: &Code) -> Option<Option<&KeptCode>> {
        self.given_codes.get(&(reward.clone(), code.clone())).map(Option::as_ref)
    }

    /// Returns the entry of this id in the ledger of `member`: `None` if it was not looked for, `Some(None)` if there
    /// is none.
    #[must_use]
    pub fn entry(&self, member: &MemberId, entry: &EntryId) -> Option<Option<&Recorded>> {
        self.entries.get(&(member.clone(), entry.clone())).map(Option::as_ref)
    }

    /// Returns the days on which the aliases that were looked for became free, if they were in use before.
    #[must_use]
    pub fn freed_on(&self) -> &[Date] {
        &self.freed_on
    }

    /// Returns the account of `member`: `None` if it was not looked for, `Some(None)` if there is none.
    #[must_use]
    pub fn account(&self, member: &MemberId) -> Option<Option<&Account>> {
        self.accounts.get(member).map(Option::as_ref)
    }

    /// Returns the latest of `now` and the newest commits of all other accounts that were found: no command changes an
    /// account at an instant before its newest commit.
    #[must_use]
    pub fn latest(&self, now: Timestamp) -> Timestamp {
        self.accounts.values().flatten().map(|account| account.settled_at).fold(now, Timestamp::max)
    }

    /// Adds what else was found.
    pub(crate) fn extend(&mut self, more: Self) {
        self.counters.extend(more.counters);
        self.looks.extend(more.looks);
        self.codes.extend(more.codes);
        self.given_codes.extend(more.given_codes);
        self.entries.extend(more.entries);
        self.accounts.extend(more.accounts);
        self.freed_on.extend(more.freed_on);
    }

    /// Replaces the account by the one that was written.
    pub(crate) fn replace(&mut self, account: Account) {
        self.accounts.insert(account.member.clone(), Some(account));
    }
}

impl Store {
    /// Reads what a command of `member` needs: entries and accounts strongly consistent, counters and codes only if
    /// `consistent`.
    pub(crate) async fn find(
        &self,
        program: &ProgramId,
        member: &MemberId,
        needs: &Needs,
        consistent: bool,
    ) -> Result<Found, StoreFault> {
        // Usually there is one of each kind, so items of one kind are read sequentially, and the kinds concurrently.
        let entries = async {
            let mut found = BTreeMap::new();
            for (member, entry) in &needs.entries {
                let recorded = self.entry(program, member, entry).await?;
                found.insert((member.clone(), entry.clone()), recorded);
            }
            Ok(found)
        };
        let given_codes = async {
            let mut found = BTreeMap::new();
            for (reward, code) in &needs.given_codes {
                found.insert((reward.clone(), code.clone()), self.code(program, reward, code).await?);
            }
            Ok(found)
        };
        let accounts = async {
            let mut found = BTreeMap::new();
            for member in &needs.accounts {
                found.insert(member.clone(), self.account(program, member).await?);
            }
            Ok(found)
        };
        let names = async {
            let mut found = Vec::new();
            for name in &needs.names {
                found.extend(self.freed_on(program, name).await?);
            }
            Ok(found)
        };
        let homes = self.look_at_home(program, member, &needs.counters, consistent);
        let totals = self.look_at_all(program, &needs.totals, consistent);
        let codes = self.find_codes(program, &needs.codes, consistent);
        let (mut looks, totals, codes, given_codes, entries, accounts, freed_on) =
            tokio::try_join!(homes, totals, codes, given_codes, entries, accounts, names)?;
        looks.extend(totals);
        let counters = looks.readings();
        Ok(Found { counters, looks, codes, given_codes, entries, accounts, freed_on, others_are_busy: false })
    }
}
