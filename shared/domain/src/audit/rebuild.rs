//! Rebuilds an account from its ledger. Each entry makes the changes that it records. Between entries, time has the
//! same effects as when an account is settled.

use std::fmt;

use jiff::Timestamp;

use crate::{
    ledger::{
        chain::Sealed,
        entry::{Entry, Moment, Record},
    },
    rules::versions::{Rules, VersionMissing, Versions},
    state::account::Account,
    time::quiet::{Quiet, begin_quietly, begin_version_quietly, end_quietly, next_day, next_quiet},
    values::{
        hash::Hash,
        id::{MemberId, ProgramId},
    },
};

/// An account that is being rebuilt, entry by entry.
#[derive(Clone, Debug)]
pub struct Rebuilding<'p> {
    versions: &'p Versions,
    account: Option<Account>,
    program: ProgramId,
    member: MemberId,
}

/// Why an account cannot be rebuilt from a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerBroken {
    /// The document of this version must be loaded first.
    VersionMissing(u64),
    /// The ledger does not begin with an enrollment.
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
    /// Returns the account of `member` before the first entry.
    #[must_use]
    pub fn new(versions: &'p Versions, program: ProgramId, member: MemberId) -> Self {
        Self { versions, account: None, program, member }
    }

    /// Resumes with an account that was rebuilt, or is known to be correct, up to an entry.
    #[must_use]
    pub fn resume(versions: &'p Versions, account: Account) -> Self {
        let (program, member) = (account.program.clone(), account.member.clone());
        Self { versions, account: Some(account), program, member }
    }

    /// Applies the next entry of the ledger.
    ///
    /// # Errors
    ///
    /// [`LedgerBroken`]. The account is then unchanged.
    pub fn follow(&mut self, sealed: &Sealed) -> Result<(), LedgerBroken> {
        let entry = &sealed.entry;
        let mut account = match self.account.clone() {
            Some(account) => account,
            None => self.before_joining(entry)?,
        };
        // Two versions can begin at the same instant, so the entry says under which of them it was posted.
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

    /// Returns the `seq` and the hash of the last entry applied; before the first entry, 0 and the genesis hash.
    pub(crate) fn end(&self) -> (u64, Hash) {
        let genesis = || (0, Hash::genesis(&self.program, &self.member));
        self.account.as_ref().map_or_else(genesis, |account| (account.seq, account.head_hash))
    }

    /// Returns the account after the last entry applied, with the data outside of the ledger from `kept`: attributes,
    /// aliases, salt, the number of commits. `None` if there was no entry.
    #[must_use]
    pub fn account_beside(&self, kept: &Account) -> Option<Account> {
        let Account { attributes, aliases, salt, version, .. } = kept.clone();
        Some(Account { attributes, aliases, salt, version, ..self.account.clone()? })
    }

    /// Returns the account after the last entry applied, without the data outside of the ledger. `None` if there was no
    /// entry.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Returns the account after the last entry applied, settled without entries up to `until`, without the data
    /// outside of the ledger: attributes, aliases, salt. `None` if there was no entry.
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

    /// Applies the effects of time without entries up to `until`, and up to `version`.
    fn advance(&self, account: &mut Account, until: Timestamp, version: u64) -> Result<(), VersionMissing> {
        let mut rules = Rules::of(self.versions, account.program_version)?;
        let today = rules.program.date(until).max(account.settled_on);
        loop {
            let day = next_day(rules, account).filter(|day| *day <= today);
            let Some(quiet) = next_quiet(rules, account, day, until, version) else { break };
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

    /// Settles the account without entries, as a command did at `now` under `version`.
    fn settle(&self, account: &mut Account, now: Timestamp, version: u64) -> Result<(), VersionMissing> {
        self.advance(account, now, version)?;
        let rules = Rules::of(self.versions, version.max(account.program_version))?;
        let today = account.settled_on;
        end_quietly(rules, account, today);
        Ok(())
    }
}
