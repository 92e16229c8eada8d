//! Accounts of other members that a command touches or looks at besides its own.

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
    /// [`Engine::act`] on the accounts of two members: both change, or neither does. It is about these two alone, and not about
    /// members whom they were merged into.
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

    /// The entry of this id in the ledger of `account`, or in one of those that were merged into it.
    ///
    /// # Errors
    ///
    /// `entry_ambiguous` if several of them have one, and `subject` does not say which is meant; the store's.
    pub async fn entry(&self, subject: &Subject, account: &Account, id: &EntryId) -> Result<Option<Recorded>, Failure> {
        let mut found = Vec::new();
        for member in subject.ledgers(account) {
            found.extend(self.store.entry(&account.program, member, id).await?);
        }
        Ok(subject.the_one_meant(account, found)?)
    }
}

/// The account of `member` among what was `found`, brought up to the moment of the command; `None` if there is no such
/// member.
///
/// # Errors
///
/// What must be done before it can be told: load the account, or commit what time has done to it. That is done by itself, so
/// that a transaction has room for what the command does to both.
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
