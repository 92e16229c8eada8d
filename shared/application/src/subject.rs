//! The subject of a command: its account, its rules and its instant.

use std::borrow::Borrow;

use jiff::Timestamp;
use regulars_domain::{
    account::Account,
    aftermath::Recorded,
    id::{MemberId, ProgramId},
    merge::MERGES_MAX,
    program::Program,
    settle::{Settled, settle_unwritten},
    versions::Versions,
};

use crate::{
    engine::Engine,
    failure::Failure,
    refusal::{Refusal, RefusalCode},
};

/// The subject of a command: its account, its rules and its instant.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The program's id.
    pub program_id: ProgramId,
    /// The program's versions. Those that the command needed so far are loaded, including the one in force.
    pub versions: Versions,
    /// The member whose account it is.
    pub member: MemberId,
    /// The member that the caller named: another one, if that member was merged into this one.
    pub named: MemberId,
    /// The ledger that the caller names for an entry.
    pub ledger: Option<MemberId>,
    /// The instant of the command: read once, and the same for all of its entries.
    pub now: Timestamp,
}

impl Subject {
    /// Returns the rules in force.
    ///
    /// # Errors
    ///
    /// [`Failure::Broken`] if they were not loaded, which [`Engine::versions`] does.
    pub fn program(&self) -> Result<&Program, Failure> {
        Ok(self.versions.at(self.now)?)
    }

    /// Returns the rules that were in force at `happened_at` ([`Engine::load_rules_at`]); a till's clock that is ahead
    /// counts as now.
    ///
    /// # Errors
    ///
    /// [`Failure::Broken`] if they were not loaded.
    pub fn rules_at(&self, happened_at: Timestamp) -> Result<&Program, Failure> {
        Ok(self.versions.at(happened_at.min(self.now))?)
    }

    /// Returns a subject that the caller named in this way.
    #[must_use]
    pub fn new(program_id: ProgramId, versions: Versions, member: MemberId, now: Timestamp) -> Self {
        Self { program_id, versions, named: member.clone(), member, ledger: None, now }
    }

    /// Returns the same program with another member.
    #[must_use]
    pub fn with_member(&self, member: MemberId) -> Self {
        Self { named: member.clone(), member, ledger: None, ..self.clone() }
    }

    /// Returns the same subject with the ledger that the caller named for an entry.
    #[must_use]
    pub fn in_ledger(self, ledger: Option<MemberId>) -> Self {
        Self { ledger, ..self }
    }

    /// Returns the ledgers in which an entry of `account` is looked for: the one that the caller named, or all.
    pub(crate) fn ledgers<'a>(&self, account: &'a Account) -> Vec<&'a MemberId> {
        let is_asked = |member: &&MemberId| self.ledger.as_ref().is_none_or(|ledger| ledger == *member);
        account.ledgers().filter(is_asked).collect()
    }

    /// Returns, of entries with one id in several ledgers of `account`, the one that the caller means: that of the old
    /// id, if the caller named it.
    ///
    /// # Errors
    ///
    /// `entry_ambiguous`.
    pub(crate) fn the_one_meant<T: Borrow<Recorded>>(
        &self,
        account: &Account,
        mut found: Vec<T>,
    ) -> Result<Option<T>, Refusal> {
        let is_named = |entry: &T| entry.borrow().member == self.named && self.named != account.member;
        if let Some(place) = found.iter().position(is_named) {
            return Ok(Some(found.swap_remove(place)));
        }
        match (found.pop(), found.as_slice()) {
            (last, []) => Ok(last),
            (last, others) => {
                let members = others.iter().chain(&last).map(|entry| entry.borrow().member.to_string());
                let members: Vec<_> = members.collect();
                let detail = format!(
                    "More than one of the merged accounts has an entry with this id: {}. Repeat the request with ?member= and one of them.",
                    members.join(", ")
                );
                Err(Refusal::new(RefusalCode::EntryAmbiguous, detail).with("members", members))
            }
        }
    }

    /// Returns whether `account` was settled under a version that is not known here.
    fn is_behind(&self, account: &Account) -> bool {
        account.program_version > self.versions.in_force_at(self.now.max(account.settled_at))
    }
}

impl Engine {
    /// Returns the subject for the member of a program, now. The account will show whether the member exists.
    ///
    /// # Errors
    ///
    /// `program_not_found`, or the store's fault.
    pub async fn subject(&self, program_id: ProgramId, member: MemberId) -> Result<Subject, Failure> {
        let now = self.clock.now();
        let versions = self.versions(&program_id, now).await?;
        Ok(Subject::new(program_id, versions, member, now))
    }

    /// Returns the versions of the program `id`, with the rules in force at `now`.
    ///
    /// # Errors
    ///
    /// `program_not_found`, or the store's fault.
    pub async fn versions(&self, id: &ProgramId, now: Timestamp) -> Result<Versions, Failure> {
        let versions = Box::pin(self.programs.versions(&self.store, id, now)).await?;
        versions.ok_or_else(|| program_not_found(id).into())
    }

    /// Loads the rules that were in force when something happened.
    ///
    /// # Errors
    ///
    /// The store's fault.
    pub async fn load_rules_at(&self, subject: &mut Subject, happened_at: Timestamp) -> Result<(), Failure> {
        let version = subject.versions.in_force_at(happened_at.min(subject.now));
        self.load(subject, &[version]).await
    }

    /// Loads the rules of `version`, which decided an entry.
    ///
    /// # Errors
    ///
    /// The store's fault.
    pub async fn load_version(&self, subject: &mut Subject, version: u64) -> Result<(), Failure> {
        self.load(subject, &[version]).await
    }

    /// Loads the rules of these versions.
    pub(crate) async fn load(&self, subject: &mut Subject, versions: &[u64]) -> Result<(), Failure> {
        let (store, id) = (&self.store, &subject.program_id);
        Ok(Box::pin(self.programs.load(store, id, &mut subject.versions, versions)).await?)
    }

    /// Reads the list of versions again.
    pub(crate) async fn refresh(&self, subject: &mut Subject) -> Result<(), Failure> {
        let versions = Box::pin(self.programs.refresh(&self.store, &subject.program_id, subject.now)).await?;
        subject.versions = versions.ok_or_else(|| program_not_found(&subject.program_id))?;
        Ok(())
    }

    /// Returns the account of `subject` as last written. The rules for settling it are loaded.
    ///
    /// # Errors
    ///
    /// `member_not_found`, or the store's fault.
    pub async fn account(&self, subject: &mut Subject) -> Result<Account, Failure> {
        let account = self.store.account(&subject.program_id, &subject.member).await?;
        let account = account.ok_or_else(|| Refusal::member_not_found(subject.member.as_str()))?;
        self.prepare(subject, &account).await?;
        Ok(account)
    }

    /// Returns the account of `subject`, or of the member that it was merged into, as last written. The rules for
    /// settling it are loaded.
    ///
    /// # Errors
    ///
    /// `member_not_found`, or the store's fault.
    pub async fn account_in_use(&self, subject: &mut Subject) -> Result<Account, Failure> {
        let account = self.account(subject).await?;
        self.followed(subject, account).await
    }

    /// Returns `account`, or the account that it was merged into.
    ///
    /// # Errors
    ///
    /// The store's fault.
    pub async fn followed(&self, subject: &mut Subject, account: Account) -> Result<Account, Failure> {
        let mut account = account;
        for _ in 0..MERGES_MAX {
            let Some(into) = account.merged_into().cloned() else { break };
            subject.member = into;
            account = self.account(subject).await?;
        }
        Ok(account)
    }

    /// Loads the rules for settling `account`, which was already read.
    ///
    /// # Errors
    ///
    /// The store's fault.
    pub(crate) async fn prepare(&self, subject: &mut Subject, account: &Account) -> Result<(), Failure> {
        if subject.is_behind(account) {
            // A version is listed before it is in force, and the list is read strongly consistent, so one read is
            // enough.
            self.refresh(subject).await?;
        }
        if subject.is_behind(account) {
            return Err(Failure::Busy);
        }
        let missing = subject.versions.missing(account, subject.now);
        if missing.is_empty() { Ok(()) } else { self.load(subject, &missing).await }
    }

    /// Returns `account`, which [`Engine::account`] read or a command wrote, settled to now; nothing is written.
    ///
    /// # Errors
    ///
    /// Never, for such an account: otherwise [`Failure::Broken`].
    pub fn settled<'p>(&self, subject: &'p Subject, account: Account) -> Result<Settled<'p>, Failure> {
        Ok(settle_unwritten(&subject.versions, account, subject.now)?)
    }
}

/// Returns the refusal that no program has this id.
#[must_use]
pub fn program_not_found(id: &ProgramId) -> Refusal {
    Refusal::new(RefusalCode::ProgramNotFound, format!("There is no program `{id}`."))
}
