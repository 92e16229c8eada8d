//! Runs one command: load, decide, commit, and again after a lost race.

use std::time::Instant;

use regulars_domain::{
    account::{Account, Alias},
    aftermath::Recorded,
    fingerprint::Content,
    id::{EntryId, MemberId, ProgramId},
    posting::{Posting, ReceiptId},
};

use crate::{
    backoff::Backoff,
    fault::StoreFault,
    needs::{Found, Needs},
    store::{Store, by},
    verdict::{Commit, Seen},
};

/// Decides what a command writes.
pub trait Decide {
    /// The result if nothing is written.
    type Refusal;

    /// Decides the next step, given the account and what else was loaded.
    ///
    /// The method is asynchronous so that it can load what the store does not know, and then ask to be called again
    /// ([`Step::Again`]).
    fn decide(
        &mut self,
        account: Option<Account>,
        found: &Found,
    ) -> impl Future<Output = Result<Step, Self::Refusal>> + Send;

    /// Is called after `posting` was committed, for the last posting of a command and for those that catch up.
    fn committed(&mut self, posting: &Posting) {
        let _ = posting;
    }

    /// Is called after a commit failed because another command was faster.
    fn lost_race(&mut self) {}
}

/// The next step of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The decision needs more data: load it, and decide again.
    LookAt(Needs),
    /// The caller has loaded something that the decision lacked: decide again on the same data.
    Again,
    /// Settling needs more than one transaction: commit this part, and decide again.
    CatchUp(Box<Posting>),
    /// Commit this, and the command is done.
    Commit(Box<Posting>),
    /// The command concerns the account of this member.
    Elsewhere(MemberId),
    /// This entry shows that the request was carried out before. This is the current account.
    Replay(Box<Recorded>, Box<Account>),
}

impl Step {
    /// [`Step::CatchUp`].
    #[must_use]
    pub fn catch_up(posting: Posting) -> Self {
        Self::CatchUp(Box::new(posting))
    }

    /// [`Step::Commit`].
    #[must_use]
    pub fn commit(posting: Posting) -> Self {
        Self::Commit(Box::new(posting))
    }
}

/// Identifies a request: the entry that it writes, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The id of the entry.
    pub entry: EntryId,
    /// The content. The entry has its fingerprint under the member's salt.
    pub content: Content,
}

/// The outcome of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "moved once per command; a box would only be in the way of matching")]
pub enum Outcome<R> {
    /// It was carried out, and this was written.
    Committed(Box<Posting>),
    /// It had been carried out before.
    Replayed {
        /// The original entry.
        entry: Recorded,
        /// The current account.
        account: Account,
    },
    /// It concerns the account of this member. Nothing was written.
    Elsewhere(MemberId),
    /// Another request was carried out under its key.
    KeyReused,
    /// The rules reject it.
    Refused(R),
    /// This alias belongs to another member.
    AliasTaken(Alias),
    /// This receipt was used for another purchase.
    ReceiptTaken(ReceiptId),
    /// The hold to capture has ended: another command has taken what it reserved.
    HoldOver,
    /// It lost every race. Nothing was written, and a later retry may succeed.
    Busy,
}

impl Store {
    /// Runs a command on one account: loads it and what else it `needs`, lets `decision` decide what is written, and
    /// writes it.
    ///
    /// `decision` is called again with current data whenever it needs more ([`Step::LookAt`]), has loaded something
    /// itself ([`Step::Again`]), a part of the settling was committed first ([`Step::CatchUp`]), or a race was lost.
    /// `request` names the entry that the command writes: if `decision` refuses, that entry in the ledger shows that
    /// the request is a repeat.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]. Also [`StoreFault::Unavailable`] if a call is in progress at `deadline`. The command may have
    /// been carried out then, and a repeat shows whether it was.
    pub async fn carry_out<D: Decide>(
        &self,
        program: &ProgramId,
        member: &MemberId,
        needs: &Needs,
        request: Option<&RequestKey>,
        deadline: Instant,
        mut decision: D,
    ) -> Result<Outcome<D::Refusal>, StoreFault> {
        let mut backoff = Backoff::default();
        let mut began = Instant::now();
        let mut needs = needs.clone();
        let mut others_are_busy = false;
        // The first reads of counters are eventually consistent. After a conflict, they are strongly consistent.
        let mut consistent = false;
        let (mut account, mut found) = by(deadline, self.load(program, member, &needs, consistent)).await?;
        loop {
            let (posting, is_last) = match decision.decide(account.clone(), &found).await {
                Ok(Step::Again) => continue,
                Ok(Step::LookAt(more)) => {
                    let more = needs.add(more)?;
                    found.extend(by(deadline, self.find(program, member, &more, consistent)).await?);
                    continue;
                }
                Ok(Step::Commit(posting)) => (posting, true),
                Ok(Step::CatchUp(posting)) => (posting, false),
                Ok(Step::Elsewhere(member)) => return Ok(Outcome::Elsewhere(member)),
                Ok(Step::Replay(entry, account)) => {
                    return Ok(Outcome::Replayed { entry: *entry, account: *account });
                }
                Err(refusal) => return by(deadline, self.refused(refusal, request, account)).await,
            };
            match by(deadline, self.write(&posting, &found.looks)).await? {
                Commit::Committed => {
                    decision.committed(&posting);
                    if is_last {
                        return Ok(Outcome::Committed(posting));
                    }
                    for change in std::iter::once(posting.own).chain(posting.others) {
                        if change.account.member == *member {
                            account = Some(change.account);
                        } else {
                            found.replace(change.account);
                        }
                    }
                    continue;
                }
                Commit::Replayed { entry, account: seen } => {
                    let account = match (seen, account) {
                        (Seen::Now(now), _) => *now,
                        (Seen::AsRead, Some(read)) => by(deadline, self.at_least(&entry, read)).await?,
                        (Seen::AsRead, None) | (Seen::Unknown, _) => {
                            by(deadline, self.account_behind(&posting)).await?
                        }
                    };
                    return Ok(Outcome::Replayed { entry: *entry, account });
                }
                // Another request to enroll the same member won the race, under a salt of its own. The account shows
                // whether it was the same request.
                Commit::KeyReused if account.is_none() => {}
                Commit::KeyReused => return Ok(Outcome::KeyReused),
                Commit::AliasTaken(alias) => return Ok(Outcome::AliasTaken(alias)),
                Commit::ReceiptTaken(receipt) => return Ok(Outcome::ReceiptTaken(receipt)),
                Commit::HoldOver => return Ok(Outcome::HoldOver),
                Commit::Conflict => decision.lost_race(),
                Commit::Exhausted(_) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(pause) = backoff.next(began.elapsed(), left) else { return Ok(Outcome::Busy) };
            tokio::time::sleep(pause).await;
            began = Instant::now();
            others_are_busy |= posting.changes().any(|change| change.account.member != *member);
            // One shard may have room by now. If not, the decision requests all of them again.
            needs.totals.clear();
            consistent = true;
            (account, found) = by(deadline, self.load(program, member, &needs, consistent)).await?;
            found.others_are_busy = others_are_busy;
        }
    }

    /// Loads the account of `member`, strongly consistent, and what else is needed.
    async fn load(
        &self,
        program: &ProgramId,
        member: &MemberId,
        needs: &Needs,
        consistent: bool,
    ) -> Result<(Option<Account>, Found), StoreFault> {
        tokio::try_join!(self.account(program, member), self.find(program, member, needs, consistent))
    }

    /// Returns the outcome of a refused command: a repeat of a command that was carried out is not refused.
    async fn refused<R>(
        &self,
        refusal: R,
        request: Option<&RequestKey>,
        account: Option<Account>,
    ) -> Result<Outcome<R>, StoreFault> {
        // Without an account there are no entries.
        let (Some(RequestKey { entry, content }), Some(account)) = (request, account) else {
            return Ok(Outcome::Refused(refusal));
        };
        let Some(known) = self.entry(&account.program, &account.member, entry).await? else {
            return Ok(Outcome::Refused(refusal));
        };
        if known.sealed.entry.fingerprint != Some(content.fingerprint(account.salt.as_ref())) {
            // Erasure deletes the salt. Without it, the two requests cannot be compared.
            return Ok(if account.salt.is_some() { Outcome::KeyReused } else { Outcome::Refused(refusal) });
        }
        // The first of two equal requests may have been carried out between the reads of the account and of its entry.
        let account = self.at_least(&known, account).await?;
        Ok(Outcome::Replayed { entry: known, account })
    }

    /// Returns `account`, or a later one if it was read before `entry` was written.
    async fn at_least(&self, entry: &Recorded, account: Account) -> Result<Account, StoreFault> {
        if entry.sealed.entry.seq <= account.seq {
            return Ok(account);
        }
        Ok(self.account(&account.program, &account.member).await?.unwrap_or(account))
    }
}
