//! Accounts of other members that a command changes or reads.

use regulars_domain::{
    account::Account,
    aftermath::Recorded,
    id::{EntryId, MemberId},
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
    /// Like [`Engine::act`], on the accounts of two members: both change, or neither does. It acts on these two only,
    /// and not on members that they were merged into.
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
        self.act_following(
            subject,
            &needs,
            request,
            deadline,
            (false, |subject, settled, found| {
                let theirs = settled_other(subject, &settled, found, other)?;
                let theirs = theirs.ok_or_else(|| Refusal::member_not_found(other.as_str()))?;
                decide(settled, theirs).map_err(|refusal| Undecided::Refused(refusal.into()))
            }),
        )
        .await
    }

    /// Returns the entry of this id in the ledger of `account`, or in that of a merged member.
    ///
    /// # Errors
    ///
    /// `entry_ambiguous` if several ledgers have one, and `subject` does not say which; the store's fault.
    pub async fn entry(&self, subject: &Subject, account: &Account, id: &EntryId) -> Result<Option<Recorded>, Failure> {
        let mut found = Vec::new();
        for member in subject.ledgers(account) {
            found.extend(self.store.entry(&account.program, member, id).await?);
        }
        Ok(subject.the_one_meant(account, found)?)
    }
}

/// Returns the account of `member` among what was `found`, settled to the instant of the command; `None` if there is no
/// such member.
///
/// # Errors
///
/// What must be done first: load the account, or commit the effects of time on it. That is a transaction of its own, so
/// that the command's transaction has room for both accounts.
pub(crate) fn settled_other<'p>(
    subject: &'p Subject,
    own: &Settled<'_>,
    found: &Found,
    member: &MemberId,
) -> Result<Option<Settled<'p>>, Undecided> {
    let account = match found.account(member) {
        None => {
            let needs = Needs { accounts: vec![member.clone()], ..Needs::default() };
            return Err(needs.into());
        }
        Some(None) => return Ok(None),
        Some(Some(account)) => account,
    };
    let settled = settled_at(subject, account.clone(), own.now())?;
    settled.caught_up().map(Some).map_err(Undecided::CatchUp)
}
