//! Accounts of other members that a command touches or looks at besides its own.

use regulars_domain::{
    account::{Account, Status},
    aftermath::Recorded,
    counter::CounterId,
    id::{EntryId, MemberId},
    merge::MERGES_MAX,
    posting::Posting,
    settle::Settled,
};
use regulars_store::{Found, Needs};

use crate::{
    command::{Done, KeyedRequest, Undecided, settled_at},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    refusal::Refusal,
    subject::Subject,
};

impl Engine {
    /// [`Engine::act`] on the accounts of two members: both change, or neither does.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::act`], and `member_not_found` for the other member.
    pub async fn act_with<R: Into<Refusal>>(
        &self,
        subject: &mut Subject,
        other: &MemberId,
        request: &KeyedRequest,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(Settled<'p>, Settled<'p>) -> Result<Posting, R> + Send,
    ) -> Result<Done, Failure> {
        let needs = Needs { accounts: vec![other.clone()], ..Needs::default() };
        self.act_in_steps(subject, &needs, request, deadline, |subject, settled, found| {
            let theirs = settled_other(subject, &settled, found, other)?;
            let theirs = theirs.ok_or_else(|| Refusal::member_not_found(other.as_str()))?;
            decide(settled, theirs).map_err(|refusal| Undecided::Refused(refusal.into()))
        })
        .await
    }

    /// The entry of this id in the ledger of `account`, or in one of those that were merged into it.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn entry(&self, account: &Account, id: &EntryId) -> Result<Option<Recorded>, Failure> {
        for member in account.ledgers() {
            if let Some(entry) = self.store.entry(&account.program, member, id).await? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The account of the member who referred a friend, as it was last written. The rules under which it can be brought up to
    /// now are loaded.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn referrer_account(&self, subject: &mut Subject, member: &MemberId) -> Result<Option<Account>, Failure> {
        let mut member = member.clone();
        for _ in 0..=MERGES_MAX {
            let Some(account) = self.store.account(&subject.program_id, &member).await? else { return Ok(None) };
            if let Some(into) = merged_into(&account) {
                member = into;
                continue;
            }
            self.prepare(subject, &account).await?;
            return Ok(Some(account));
        }
        Ok(None)
    }
}

/// The account of `member` among what was `found`, brought up to the moment of the command; `None` if there is no such
/// member.
///
/// # Errors
///
/// What must be done before it can be told: load the account, or commit what time has done to it. That is done by itself, so
/// that a transaction has room for what the command does to both.
fn settled_other<'p>(
    subject: &'p Subject,
    own: &Settled<'_>,
    found: &Found,
    member: &MemberId,
) -> Result<Option<Settled<'p>>, Undecided> {
    let account = match found.account(member) {
        None => {
            let needs = Needs { accounts: vec![member.clone()], ..Needs::default() };
            return Err(Undecided::LookAt(needs));
        }
        Some(None) => return Ok(None),
        Some(Some(account)) => account,
    };
    let settled = settled_at(subject, account.clone(), own.now())?;
    settled.caught_up().map(Some).map_err(Undecided::CatchUp)
}

/// The account of the member who referred a friend: that of `member`, or of the one whom that member was merged into.
///
/// # Errors
///
/// What must be done before it can be told; along with the account, `counters` are loaded.
pub fn referrer<'p>(
    subject: &'p Subject,
    own: &Settled<'_>,
    found: &Found,
    member: &MemberId,
    counters: &[CounterId],
) -> Result<Option<Settled<'p>>, Undecided> {
    let mut member = member.clone();
    for _ in 0..=MERGES_MAX {
        let settled = match settled_other(subject, own, found, &member) {
            Err(Undecided::LookAt(needs)) => {
                let needs = Needs { counters: counters.to_vec(), ..needs };
                return Err(Undecided::LookAt(needs));
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

fn merged_into(account: &Account) -> Option<MemberId> {
    match &account.status {
        Status::Merged { into } => Some(into.clone()),
        Status::Active | Status::Suspended | Status::Closed => None,
    }
}
