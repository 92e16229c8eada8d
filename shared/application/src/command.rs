//! A request on one account: its key, its steps and its result.

use jiff::Timestamp;
use regulars_domain::{
    account::Account,
    aftermath::Recorded,
    chain::Sealed,
    counter::CounterNeeded,
    enroll::EnrollNeeds,
    explanation::Explanation,
    id::{EntryId, MemberId},
    merge::MERGES_MAX,
    posting::{Change, Posting, ReceiptId, Unposted},
    redemption::RedemptionRefusal,
    settle::{Settled, Settlement, settle},
    versions::VersionMissing,
};
use regulars_store::{Decide, Found, Needs, Outcome, RequestKey, Step};

use crate::{
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    referrals::pay_debts,
    refusal::{Refusal, RefusalCode},
    subject::Subject,
    tally,
};

/// A request with a key: the entry that it writes, its content, and the caller.
pub use regulars_domain::KeyedRequest;

/// How often one command reads the list of versions again because an account was settled under a newer one.
const REFRESHES_MAX: usize = 3;

/// A command that was carried out, now or before.
#[derive(Clone, Debug)]
pub struct Done {
    /// The entry of the request; `None` for a request without an entry of its own.
    pub entry: Option<Recorded>,
    /// Every entry that was written now, including the engine's own.
    pub entries: Vec<Sealed>,
    /// The current account, as last written.
    pub account: Account,
    /// Whether the ledger grew, even if only by effects of time.
    pub grew: bool,
    /// Whether the request was carried out before.
    pub replayed: bool,
    /// Why rules gave nothing, if it was carried out now.
    pub explanations: Vec<Explanation>,
}

/// Why a decision was not made, or rejected the request.
#[derive(Debug)]
pub enum Undecided {
    /// This must be loaded first.
    LookAt(Box<Needs>),
    /// This part of an account's settling must be committed first.
    CatchUp(Box<Posting>),
    /// These versions of the program must be loaded first.
    Load(Vec<u64>),
    /// The details next to the entries of these ledgers must be erased first.
    EraseDetails(Vec<MemberId>),
    /// The account was settled under a version that is not known here: the list of versions must be read again first.
    Refresh,
    /// There is nothing to write.
    Unchanged(Box<Account>),
    /// The account was merged into this member's, and the command concerns that one.
    Moved(MemberId),
    /// The request was carried out for a member who was merged into this one.
    Repeated(Box<Recorded>, Box<Account>),
    /// The rules reject it.
    Refused(Refusal),
}

impl From<Refusal> for Undecided {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Needs> for Undecided {
    fn from(needs: Needs) -> Self {
        Self::LookAt(Box::new(needs))
    }
}

impl From<VersionMissing> for Undecided {
    fn from(VersionMissing(version): VersionMissing) -> Self {
        Self::Load(vec![version])
    }
}

impl From<CounterNeeded> for Undecided {
    fn from(needed: CounterNeeded) -> Self {
        Needs::from(needed).into()
    }
}

impl<R: Into<Refusal>> From<Unposted<R>> for Undecided {
    fn from(unposted: Unposted<R>) -> Self {
        match unposted {
            Unposted::Refused(refusal) => Self::Refused(refusal.into()),
            Unposted::Needs(needed) => needed.into(),
        }
    }
}

impl From<EnrollNeeds> for Undecided {
    fn from(needs: EnrollNeeds) -> Self {
        match needs {
            EnrollNeeds::Version(missing) => missing.into(),
            EnrollNeeds::Counter(needed) => needed.into(),
        }
    }
}

/// Returns the fault that a counter was not read, or not completely, although it should have been.
#[must_use]
pub fn counter_missing(needed: &CounterNeeded) -> Failure {
    Failure::broken(format!("the counter {:?} was not read", needed.counter()))
}

/// Returns the entry that a command on `account` acts on, from the account's own ledger or that of a merged member. The
/// rules that decided it are loaded.
///
/// # Errors
///
/// Where else to look for it, `entry_not_found`, or `entry_ambiguous`.
pub fn acted_on<'f>(
    subject: &Subject,
    account: &Account,
    found: &'f Found,
    entry: &EntryId,
) -> Result<&'f Recorded, Undecided> {
    let ledgers = subject.ledgers(account);
    let seen = ledgers.iter().map(|member| (*member, found.entry(member, entry)));
    let unseen = seen.clone().filter(|(_, found)| found.is_none());
    let unseen: Vec<_> = unseen.map(|(member, _)| (member.clone(), entry.clone())).collect();
    if !unseen.is_empty() {
        return Err(Needs { entries: unseen, ..Needs::default() }.into());
    }
    let recorded = subject.the_one_meant(account, seen.filter_map(|(_, found)| found.flatten()).collect())?;
    let Some(recorded) = recorded else {
        let detail = format!(
            "The member has no entry `{entry}`. If it has not arrived yet, for example from a till that was offline, repeat this request later."
        );
        return Err(Refusal::new(RefusalCode::EntryNotFound, detail).into());
    };
    subject.versions.program(recorded.sealed.entry.program_version)?;
    Ok(recorded)
}

/// Returns an error if the request was carried out before for a member who was merged into `account` since.
///
/// # Errors
///
/// What must be loaded first from the merged ledgers; the repeat; `idempotency_key_reused`.
fn check_merged_keys(account: &Account, found: &Found, request: &KeyedRequest) -> Result<(), Undecided> {
    let look_at = |members: Vec<&MemberId>| {
        let entries = members.into_iter().map(|member| (member.clone(), request.entry.clone()));
        Err(Needs { entries: entries.collect(), ..Needs::default() }.into())
    };
    let unseen: Vec<_> =
        account.merged_from.iter().filter(|member| found.entry(member, &request.entry).is_none()).collect();
    if !unseen.is_empty() {
        return look_at(unseen);
    }
    let mut is_used = false;
    for recorded in account.merged_from.iter().filter_map(|member| found.entry(member, &request.entry).flatten()) {
        // The fingerprint was made under the salt of the member of that time.
        let Some(of_then) = found.account(&recorded.member) else {
            let accounts = vec![recorded.member.clone()];
            return Err(Needs { accounts, ..Needs::default() }.into());
        };
        let salt = of_then.and_then(|account| account.salt.as_ref());
        if recorded.sealed.entry.fingerprint == Some(request.content.fingerprint(salt)) {
            return Err(Undecided::Repeated(Box::new(recorded.clone()), Box::new(account.clone())));
        }
        is_used = true;
    }
    match found.entry(&account.member, &request.entry) {
        None if is_used => look_at(vec![&account.member]),
        Some(None) if is_used => Err(key_reused().into()),
        // The commit checks the member's own ledger.
        None | Some(_) => Ok(()),
    }
}

/// Returns `account` settled under the rules that are loaded.
///
/// # Errors
///
/// What must be done first.
pub(crate) fn settled_at(subject: &Subject, account: Account, now: Timestamp) -> Result<Settled<'_>, Undecided> {
    match settle(&subject.versions, account, now) {
        Settlement::Current(settled) => Ok(*settled),
        Settlement::Behind(posting) => Err(Undecided::CatchUp(posting)),
        Settlement::Needs(versions) => Err(Undecided::Load(versions)),
        Settlement::Stale => Err(Undecided::Refresh),
    }
}

impl Engine {
    /// Carries out a command on the account of `subject`: loads it, settles it, lets `decide` decide what is written,
    /// writes it, and returns what was written, now or when the same request came before.
    ///
    /// # Errors
    ///
    /// `member_not_found`, the refusal of `decide`, `idempotency_key_reused`, `busy`, or the store's fault.
    pub async fn act<R: Into<Refusal>>(
        &self,
        subject: &mut Subject,
        needs: &Needs,
        request: &KeyedRequest,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(&'p Subject, Settled<'p>, &Found) -> Result<Posting, R> + Send,
    ) -> Result<Done, Failure> {
        self.act_in_steps(subject, needs, request, deadline, |subject, settled, found| {
            decide(subject, settled, found).map_err(|refusal| Undecided::Refused(refusal.into()))
        })
        .await
    }

    /// Like [`Engine::act`], on an entry of the member, which may be in the ledger of a merged member.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::act`], and `entry_not_found`.
    pub async fn act_on<R: Into<Refusal>>(
        &self,
        subject: &mut Subject,
        entry: &EntryId,
        request: &KeyedRequest,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(Settled<'p>, &Recorded) -> Result<Posting, R> + Send,
    ) -> Result<Done, Failure> {
        let needs = Needs { entries: vec![(subject.member.clone(), entry.clone())], ..Needs::default() };
        self.act_in_steps(subject, &needs, request, deadline, |subject, settled, found| {
            let recorded = acted_on(subject, settled.account(), found, entry)?;
            decide(settled, recorded).map_err(|refusal| Undecided::Refused(refusal.into()))
        })
        .await
    }

    /// Like [`Engine::act`], for a decision that may need more data depending on the account.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::act`].
    pub async fn act_in_steps(
        &self,
        subject: &mut Subject,
        needs: &Needs,
        request: &KeyedRequest,
        deadline: Deadline,
        decide: impl for<'p> FnMut(&'p Subject, Settled<'p>, &Found) -> Result<Posting, Undecided> + Send,
    ) -> Result<Done, Failure> {
        self.act_following(subject, needs, request, deadline, (true, decide)).await
    }

    /// Like [`Engine::act_in_steps`]. If the account was merged into another, it acts on that one only if it `follows`.
    pub(crate) async fn act_following(
        &self,
        subject: &mut Subject,
        needs: &Needs,
        request: &KeyedRequest,
        deadline: Deadline,
        (follows, mut decide): (
            bool,
            impl for<'p> FnMut(&'p Subject, Settled<'p>, &Found) -> Result<Posting, Undecided> + Send,
        ),
    ) -> Result<Done, Failure> {
        let key = RequestKey { entry: request.entry.clone(), content: request.content.clone() };
        let acted = self.carry_out(subject, needs, Some(&key), deadline, |subject, account, found| {
            let account = account.ok_or_else(|| Refusal::member_not_found(subject.member.as_str()))?;
            if let Some(into) = account.merged_into().filter(|_| follows) {
                return Err(Undecided::Moved(into.clone()));
            }
            check_merged_keys(&account, found, request)?;
            let now = found.latest(subject.now.max(account.settled_at));
            let settled = settled_at(subject, account, now)?;
            pay_debts(subject, &settled, found)?;
            decide(subject, settled, found)
        });
        let done = acted.await?;
        if !(done.replayed && follows) {
            return Ok(done);
        }
        // A repeat of a request for an old id shows the account that it was merged into.
        let account = self.followed(subject, done.account).await?;
        Ok(Done { account, ..done })
    }

    /// Changes the account of `subject` without a key, because repeating the change has no effect: loads it, settles
    /// it, and lets `decide` decide what is written, if anything.
    ///
    /// # Errors
    ///
    /// `member_not_found`, the refusal of `decide`, `busy`, or the store's fault.
    pub async fn change<R: Into<Refusal>>(
        &self,
        subject: &mut Subject,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(Settled<'p>) -> Result<Option<Posting>, R> + Send,
    ) -> Result<Done, Failure> {
        let mut seq_at_first = None;
        let done = self
            .carry_out(subject, &Needs::default(), None, deadline, |subject, account, found| {
                let account = account.ok_or_else(|| Refusal::member_not_found(subject.member.as_str()))?;
                seq_at_first.get_or_insert(account.seq);
                let settled = settled_at(subject, account.clone(), found.latest(subject.now.max(account.settled_at)))?;
                pay_debts(subject, &settled, found)?;
                match decide(settled).map_err(|refusal| Undecided::Refused(refusal.into()))? {
                    Some(posting) => Ok(posting),
                    None => Err(Undecided::Unchanged(Box::new(account))),
                }
            })
            .await?;
        Ok(Done { grew: seq_at_first.is_some_and(|seq| done.account.seq > seq), ..done })
    }

    /// Commits the effects of time on the account of `subject`, if there are any.
    ///
    /// # Errors
    ///
    /// `member_not_found`, `busy`, or the store's fault.
    pub async fn review(&self, subject: &mut Subject, deadline: Deadline) -> Result<Done, Failure> {
        self.change(subject, deadline, |settled| Ok::<_, Refusal>(settled.review())).await
    }

    /// Carries out a command on the account of `subject`, if there is one: loads it and what it `needs`, lets `decide`
    /// decide what is written, loads what else that needs, and writes it.
    ///
    /// # Errors
    ///
    /// The refusal of `decide`, `idempotency_key_reused`, `alias_taken`, `busy`, or the store's fault.
    pub async fn carry_out(
        &self,
        subject: &mut Subject,
        needs: &Needs,
        key: Option<&RequestKey>,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(&'p Subject, Option<Account>, &Found) -> Result<Posting, Undecided> + Send,
    ) -> Result<Done, Failure> {
        let mut hops = 0..=MERGES_MAX;
        let acted = loop {
            let (program, member) = (subject.program_id.clone(), subject.member.clone());
            let decision = Deciding { engine: self, subject, decide: &mut decide, refreshes_left: REFRESHES_MAX };
            // On the heap, like the SDK's calls inside it, so that callers' futures stay small.
            let acted = Box::pin(self.store.carry_out(&program, &member, needs, key, deadline.instant(), decision));
            let acted = acted.await?;
            match &acted {
                Outcome::Elsewhere(into) if hops.next().is_some() => subject.member = into.clone(),
                Outcome::Committed(_)
                | Outcome::Replayed { .. }
                | Outcome::Elsewhere(_)
                | Outcome::KeyReused
                | Outcome::Refused(_)
                | Outcome::AliasTaken(_)
                | Outcome::ReceiptTaken(_)
                | Outcome::HoldOver
                | Outcome::Busy => break acted,
            }
        };
        let done = match acted {
            Outcome::Committed(posting) => committed(*posting),
            Outcome::Replayed { entry, account } => {
                tally::replayed();
                Done {
                    entry: Some(entry),
                    entries: Vec::new(),
                    account,
                    grew: false,
                    replayed: true,
                    explanations: Vec::new(),
                }
            }
            Outcome::Refused(Ended::Unchanged(account)) => {
                let (entry, entries) = (None, Vec::new());
                let explanations = Vec::new();
                return Ok(Done { entry, entries, account: *account, grew: false, replayed: false, explanations });
            }
            Outcome::Refused(Ended::Failed(failure)) => return Err(failure),
            Outcome::Elsewhere(into) => {
                return Err(Failure::broken(format!("more than {MERGES_MAX} accounts were merged up to {into}")));
            }
            Outcome::KeyReused => return Err(key_reused().into()),
            Outcome::AliasTaken(alias) => {
                let detail = format!("This {} belongs to another member.", alias.kind);
                return Err(Refusal::new(RefusalCode::AliasTaken, detail).into());
            }
            Outcome::ReceiptTaken(ReceiptId { store, on, receipt }) => {
                let store = store.map(|store| format!(" of store {}", store.as_str())).unwrap_or_default();
                let detail = format!(
                    "The receipt {}{store} of {on} was used for another purchase. A receipt earns points once.",
                    receipt.as_str()
                );
                return Err(Refusal::new(RefusalCode::ReceiptTaken, detail).into());
            }
            Outcome::HoldOver => return Err(Refusal::from(RedemptionRefusal::HoldExpired).into()),
            Outcome::Busy => return Err(Failure::Busy),
        };
        self.prepare(subject, &done.account).await?;
        Ok(done)
    }
}

/// A decision that loads the rules that it needs.
struct Deciding<'e, F> {
    engine: &'e Engine,
    subject: &'e mut Subject,
    decide: F,
    refreshes_left: usize,
}

/// The result of a command without a commit.
enum Ended {
    Unchanged(Box<Account>),
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<F> Decide for Deciding<'_, F>
where
    F: for<'p> FnMut(&'p Subject, Option<Account>, &Found) -> Result<Posting, Undecided> + Send,
{
    type Refusal = Ended;

    async fn decide(&mut self, account: Option<Account>, found: &Found) -> Result<Step, Ended> {
        let undecided = match (self.decide)(self.subject, account, found) {
            Ok(posting) => return Ok(Step::commit(posting)),
            Err(undecided) => undecided,
        };
        match undecided {
            Undecided::LookAt(needs) => return Ok(Step::LookAt(*needs)),
            Undecided::CatchUp(posting) => return Ok(Step::CatchUp(posting)),
            Undecided::Load(versions) => self.engine.load(self.subject, &versions).await?,
            Undecided::EraseDetails(ledgers) => {
                for member in ledgers {
                    let program = &self.subject.program_id;
                    self.engine.store.erase_details(program, &member).await.map_err(Failure::from)?;
                }
            }
            Undecided::Refresh => {
                self.refreshes_left = self.refreshes_left.checked_sub(1).ok_or(Failure::Busy)?;
                self.engine.refresh(self.subject).await?;
            }
            Undecided::Unchanged(account) => return Err(Ended::Unchanged(account)),
            Undecided::Moved(into) => return Ok(Step::Elsewhere(into)),
            Undecided::Repeated(entry, account) => return Ok(Step::Replay(entry, account)),
            Undecided::Refused(refusal) => return Err(Ended::Failed(refusal.into())),
        }
        Ok(Step::Again)
    }

    fn committed(&mut self, posting: &Posting) {
        tally::committed(posting);
    }

    fn lost_race(&mut self) {
        tally::lost_race();
    }
}

/// Returns the result of a committed posting.
fn committed(posting: Posting) -> Done {
    let Posting { own: Change { account, entries, .. }, explanations, .. } = posting;
    let entry = entries.iter().find(|sealed| sealed.entry.fingerprint.is_some()).cloned();
    let entry = entry.map(|sealed| Recorded::new(&account.member, sealed));
    Done { entry, grew: !entries.is_empty(), entries, account, replayed: false, explanations }
}

fn key_reused() -> Refusal {
    Refusal::new(
        RefusalCode::IdempotencyKeyReused,
        "This Idempotency-Key was used for another request of this member. Repeat the request with the same body, or use another key.",
    )
}
