//! Accounts of other members that a command touches or looks at besides its own.

use regulars_domain::{
    Request as Asked,
    account::{Account, Status},
    aftermath::Recorded,
    counter::CounterId,
    id::{EntryId, MemberId},
    merge::MERGES_MAX,
    posting::Posting,
    settle::{Settled, Settlement, settle},
};
use regulars_store::{Found, Needs, Step};

use crate::{
    command::{Done, Subject},
    deadline::Deadline,
    engine::Engine,
    http::Problem,
};

impl Engine {
    /// [`Engine::act`] on the accounts of two members: both change, or neither does.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::act`], and `member_not_found` for the other member.
    pub async fn act_with<R: Into<Problem>>(
        &self,
        subject: &Subject,
        other: &MemberId,
        asked: &Asked,
        deadline: Deadline,
        mut decide: impl FnMut(Settled<'_>, Settled<'_>) -> Result<Posting, R>,
    ) -> Result<Done, Problem> {
        let needs = Needs { accounts: vec![other.clone()], ..Needs::default() };
        let decide = |settled: Settled<'_>, found: &Found| match self.other(subject, found, other) {
            Ok(Some(theirs)) => decide(settled, theirs).map(Step::commit).map_err(Into::into),
            Ok(None) => Err(Problem::member_not_found(other.as_str())),
            Err(step) => Ok(step),
        };
        self.act_in_steps(subject, &needs, asked, deadline, decide).await
    }

    /// The account of `member` among what was `found`, brought up to now; `None` if there is no such member.
    ///
    /// # Errors
    ///
    /// What must be done before it can be told: load the account, or commit what time has done to it. That is done by
    /// itself, so that a transaction has room for what the command does to both.
    fn other<'p>(&self, subject: &'p Subject, found: &Found, member: &MemberId) -> Result<Option<Settled<'p>>, Step> {
        let account = match found.account(member) {
            None => return Err(Step::LookAt(Needs { accounts: vec![member.clone()], ..Needs::default() })),
            Some(None) => return Ok(None),
            Some(Some(account)) => account,
        };
        match settle(&subject.program, account.clone(), self.clock.now()) {
            Settlement::Behind(posting) => Err(Step::CatchUp(posting)),
            Settlement::Current(settled) => settled.caught_up().map(Some).map_err(Step::CatchUp),
        }
    }

    /// The account of whoever brought a friend: that of `member`, or of who that member was merged into.
    ///
    /// # Errors
    ///
    /// As [`Engine::other`]; along with the account, `counters` are loaded.
    pub fn referrer<'p>(
        &self,
        subject: &'p Subject,
        found: &Found,
        member: &MemberId,
        counters: &[CounterId],
    ) -> Result<Option<Settled<'p>>, Step> {
        let mut member = member.clone();
        for _ in 0..=MERGES_MAX {
            let settled = match self.other(subject, found, &member) {
                Err(Step::LookAt(needs)) => {
                    return Err(Step::LookAt(Needs { counters: counters.to_vec(), ..needs }));
                }
                other => other?,
            };
            match settled.as_ref().map(|settled| merged_into(settled.account())) {
                // A command changes its own account by itself.
                Some(Some(into)) if into == subject.member => return Ok(None),
                Some(Some(into)) => member = into,
                Some(None) | None => return Ok(settled),
            }
        }
        Ok(None)
    }

    /// The entry of this id in the ledger of `account`, or in one of those that were merged into it.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn entry(&self, account: &Account, id: &EntryId) -> Result<Option<Recorded>, Problem> {
        for member in account.ledgers() {
            if let Some(entry) = self.store.entry(&account.program, member, id).await? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The account of whoever brought a friend, nothing written.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn view_referrer<'p>(
        &self,
        subject: &'p Subject,
        member: &MemberId,
    ) -> Result<Option<Settled<'p>>, Problem> {
        let mut member = member.clone();
        for _ in 0..=MERGES_MAX {
            let Some(account) = self.store.account(&subject.program_id, &member).await? else { return Ok(None) };
            match merged_into(&account) {
                Some(into) => member = into,
                None => return Ok(Some(self.settled(subject, account))),
            }
        }
        Ok(None)
    }
}

fn merged_into(account: &Account) -> Option<MemberId> {
    match &account.status {
        Status::Merged { into } => Some(into.clone()),
        Status::Active | Status::Suspended | Status::Closed => None,
    }
}
