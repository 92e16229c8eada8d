//! Rebuilding an account from its ledger: the entries make the changes that they record, and between them time does in
//! silence what it does when an account is settled.

use std::fmt;

use jiff::Timestamp;

use crate::{
    ledger::{
        chain::Sealed,
        entry::{Entry, Moment, Record},
    },
    rules::versions::{Rules, VersionMissing, Versions},
    state::account::Account,
    time::quiet::{Quiet, begin_quietly, begin_version_quietly, end_quietly, next_quiet},
    values::{
        hash::Hash,
        id::{MemberId, ProgramId},
    },
};

/// An account in the course of being rebuilt, entry by entry.
#[derive(Clone, Debug)]
pub struct Rebuilding<'p> {
    versions: &'p Versions,
    account: Option<Account>,
    program: ProgramId,
    member: MemberId,
}

/// Why a ledger cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerBroken {
    /// The document of this version must be loaded first.
    VersionMissing(u64),
    /// It does not begin with an enrollment.
    NoEnrollment,
}

impl fmt::Display for LedgerBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionMissing(version) => write!(f, "version {version} of the program is missing"),
            Self::NoEnrollment => f.write_str("the ledger does not begin with an enrollment"),
        }
    }
}

impl From<VersionMissing> for LedgerBroken {
    fn from(VersionMissing(version): VersionMissing) -> Self {
        Self::VersionMissing(version)
    }
}

impl<'p> Rebuilding<'p> {
    /// The account of `member` before the first entry.
    #[must_use]
    pub fn new(versions: &'p Versions, program: ProgramId, member: MemberId) -> Self {
        Self { versions, account: None, program, member }
    }

    /// An account that was rebuilt, or is known to be right, up to an entry, to follow the entries after that one.
    #[must_use]
    pub fn resume(versions: &'p Versions, account: Account) -> Self {
        let (program, member) = (account.program.clone(), account.member.clone());
        Self { versions, account: Some(account), program, member }
    }

    /// Follows the next entry of the ledger.
    ///
    /// # Errors
    ///
    /// [`LedgerBroken`]. The account then stays as it was.
    pub fn follow(&mut self, sealed: &Sealed) -> Result<(), LedgerBroken> {
        let entry = &sealed.entry;
        let mut account = match self.account.clone() {
            Some(account) => account,
            None => self.before_joining(entry)?,
        };
        // Two versions can meet at one instant, so the entry tells which of them it came under.
        let version = entry.settled_under.unwrap_or(entry.program_version);
        match entry.moment() {
            Moment::Same => {}
            Moment::Its(at) => self.advance(&mut account, at, version)?,
            Moment::OfCommand(at) => self.settle(&mut account, at, version)?,
        }
        account.apply(entry);
        account.settled_at = account.settled_at.max(entry.posted_at);
        account.head_hash = sealed.hash;
        self.account = Some(account);
        Ok(())
    }

    /// The `seq` and the hash of the last entry that was followed, or what a ledger begins after.
    pub(crate) fn end(&self) -> (u64, Hash) {
        let genesis = || (0, Hash::genesis(&self.program, &self.member));
        self.account.as_ref().map_or_else(genesis, |account| (account.seq, account.head_hash))
    }

    /// The account after the last entry that was followed, with what stands beside the ledger as `kept` has it: attributes,
    /// aliases, salt, the number of commits. `None` if there was no entry.
    #[must_use]
    pub fn account_beside(&self, kept: &Account) -> Option<Account> {
        let Account { attributes, aliases, salt, version, .. } = kept.clone();
        Some(Account { attributes, aliases, salt, version, ..self.account.clone()? })
    }

    /// The account after the last entry that was followed, without what stands beside the ledger. `None` if there was no
    /// entry.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// The account after the last entry that was followed, settled in silence up to `until`, without what stands beside the
    /// ledger: attributes, aliases, salt. `None` if there was no entry.
    ///
    /// # Errors
    ///
    /// [`LedgerBroken`].
    pub fn finish(self, until: Timestamp) -> Result<Option<Account>, LedgerBroken> {
        let Some(mut account) = self.account.clone() else { return Ok(None) };
        self.settle(&mut account, until, self.versions.in_force_at(until))?;
        account.settled_at = account.settled_at.max(until);
        let rules = Rules::of(self.versions, account.program_version)?;
        account.review_on = crate::time::settle::next_change(rules, &account);
        Ok(Some(account))
    }

    fn before_joining(&self, entry: &Entry) -> Result<Account, LedgerBroken> {
        if !matches!(entry.record, Record::Enrollment(_)) {
            return Err(LedgerBroken::NoEnrollment);
        }
        let at = entry.posted_at;
        let version = entry.program_version;
        let on = self.versions.program(version)?.date(at);
        Ok(Account::before_joining(self.program.clone(), self.member.clone(), at, on, version))
    }

    /// Lets time do in silence what it did up to `until`, and up to `version`.
    fn advance(&self, account: &mut Account, until: Timestamp, version: u64) -> Result<(), VersionMissing> {
        let mut rules = Rules::of(self.versions, account.program_version)?;
        let today = rules.program.date(until).max(account.settled_on);
        while let Some(quiet) = next_quiet(rules, account, (today, until), version) {
            match quiet {
                Quiet::Day(day) => begin_quietly(rules, account, day),
                Quiet::Version(head) => {
                    self.versions.program(head.version)?;
                    rules = begin_version_quietly(rules, account, head);
                }
            }
        }
        account.settled_on = account.settled_on.max(today);
        Ok(())
    }

    /// Settles the account in silence, as a command did at `now` under `version`.
    fn settle(&self, account: &mut Account, now: Timestamp, version: u64) -> Result<(), VersionMissing> {
        self.advance(account, now, version)?;
        let rules = Rules::of(self.versions, version.max(account.program_version))?;
        let today = account.settled_on;
        end_quietly(rules, account, today);
        Ok(())
    }
}
