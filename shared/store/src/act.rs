//! Carries out one command: load, decide, commit, and again if somebody else was faster.

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
    /// What it ends with where nothing is written.
    type Refusal;

    /// What to do next, given the account as it was read, and what else was looked at.
    ///
    /// It is asynchronous so that it can load what the store does not know of, and then ask to be called again ([`Step::Again`]).
    fn decide(
        &mut self,
        account: Option<Account>,
        found: &Found,
    ) -> impl Future<Output = Result<Step, Self::Refusal>> + Send;
}

/// What to do next about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The account shows that the decision needs to look at more: load that too, and decide again.
    LookAt(Needs),
    /// The caller has loaded something that the decision lacked: decide again on what was read.
    Again,
    /// Time has done more to an account than one transaction can hold: commit this part of it, and decide again.
    CatchUp(Box<Posting>),
    /// Commit this, and the command is carried out.
    Commit(Box<Posting>),
    /// The command is about the account of this member.
    Elsewhere(MemberId),
    /// This entry shows that the request was carried out before, and this is the account now.
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

/// What a request is known by: the entry that it writes, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The id of the entry.
    pub entry: EntryId,
    /// What it asks for. The entry carries its fingerprint under the member's salt.
    pub content: Content,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "moved once per command; a box would only be in the way of matching")]
pub enum Outcome<R> {
    /// It was carried out: this was written.
    Committed(Box<Posting>),
    /// It had been carried out before.
    Replayed {
        /// The entry of then.
        entry: Recorded,
        /// The account as it is now.
        account: Account,
    },
    /// It is about the account of this member. Nothing was written.
    Elsewhere(MemberId),
    /// Another request had been carried out under its key.
    KeyReused,
    /// The rules say no.
    Refused(R),
    /// This alias is another member's.
    AliasTaken(Alias),
    /// This receipt was made good for another purchase.
    ReceiptTaken(ReceiptId),
    /// The hold that was to be captured is over: another command has taken what it reserved.
    HoldOver,
    /// Others were faster each time. Nothing was written, and trying again later may help.
    Busy,
}

impl Store {
    /// Carries out a command on one account: loads it and what else it `needs`, lets `decision` say what is to be written, and
    /// writes it.
    ///
    /// `decision` is asked again, with what holds by then, whenever it needs to look at more ([`Step::LookAt`]) or has itself
    /// loaded something ([`Step::Again`]), a part of the past was committed first ([`Step::CatchUp`]) or somebody else was
    /// faster. `request` names the entry that the command writes: when `decision` refuses, that entry in the ledger shows that
    /// the refusal is only that of a repeat.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]. [`StoreFault::Unavailable`] too if a call is under way at `deadline`; the command may have been
    /// carried out then, and repeating it tells.
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
        // The first look is loose. Once it has proved wrong, the next ones are exact.
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
                Commit::Committed if is_last => return Ok(Outcome::Committed(posting)),
                Commit::Committed => {
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
                // Another request for the same member to join was faster, under a salt of its own. The account will tell whether
                // it was the same.
                Commit::KeyReused if account.is_none() => {}
                Commit::KeyReused => return Ok(Outcome::KeyReused),
                Commit::AliasTaken(alias) => return Ok(Outcome::AliasTaken(alias)),
                Commit::ReceiptTaken(receipt) => return Ok(Outcome::ReceiptTaken(receipt)),
                Commit::HoldOver => return Ok(Outcome::HoldOver),
                Commit::Conflict | Commit::Exhausted(_) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(pause) = backoff.next(began.elapsed(), left) else { return Ok(Outcome::Busy) };
            tokio::time::sleep(pause).await;
            began = Instant::now();
            others_are_busy |= posting.changes().any(|change| change.account.member != *member);
            // One shard may have room by now. If not, the decision asks for all of them again.
            needs.totals.clear();
            consistent = true;
            (account, found) = by(deadline, self.load(program, member, &needs, consistent)).await?;
            found.others_are_busy = others_are_busy;
        }
    }

    /// The account of `member`, strongly consistent, and what else is needed.
    async fn load(
        &self,
        program: &ProgramId,
        member: &MemberId,
        needs: &Needs,
        consistent: bool,
    ) -> Result<(Option<Account>, Found), StoreFault> {
        tokio::try_join!(self.account(program, member), self.find(program, member, needs, consistent))
    }

    /// What a refused command came to: a repeat of one that was carried out is not refused.
    async fn refused<R>(
        &self,
        refusal: R,
        request: Option<&RequestKey>,
        account: Option<Account>,
    ) -> Result<Outcome<R>, StoreFault> {
        // Where there is no account there are no entries.
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
        // The first of two equal requests may have been carried out between reading the account and its entry.
        let account = self.at_least(&known, account).await?;
        Ok(Outcome::Replayed { entry: known, account })
    }

    /// `account`, or a later one if it was read before `entry` was written.
    async fn at_least(&self, entry: &Recorded, account: Account) -> Result<Account, StoreFault> {
        if entry.sealed.entry.seq <= account.seq {
            return Ok(account);
        }
        Ok(self.account(&account.program, &account.member).await?.unwrap_or(account))
    }
}
