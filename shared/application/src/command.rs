//! One request on one account: whose, under which key, and what came of it.

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
};

/// A request under a key: the entry that it writes, what it asks for, and who asks.
pub use regulars_domain::KeyedRequest;

/// How often a function that knows less of a program than an account does reads its versions again, in one command.
const REFRESHES_MAX: usize = 3;

/// A command that was carried out, now or before.
#[derive(Clone, Debug)]
pub struct Done {
    /// The entry that the request wrote; `None` for a request that writes none of its own.
    pub entry: Option<Recorded>,
    /// Every entry that was written now, the engine's own among them.
    pub entries: Vec<Sealed>,
    /// The account as it is now, as last written.
    pub account: Account,
    /// Whether the ledger grew, even if only by what time had done.
    pub grew: bool,
    /// Whether the request had been carried out before.
    pub replayed: bool,
    /// Why rules gave what they gave, if it was carried out now.
    pub explanations: Vec<Explanation>,
}

/// Why a decision has not been made, or has been made against the request.
#[derive(Debug)]
pub enum Undecided {
    /// This must be looked at first.
    LookAt(Box<Needs>),
    /// This part of what time has done to an account must be committed first.
    CatchUp(Box<Posting>),
    /// These versions of the program must be loaded first.
    Load(Vec<u64>),
    /// What stands beside the entries of these ledgers must be erased first.
    EraseDetails(Vec<MemberId>),
    /// The account was settled under a version that is not known here: the list of versions must be read again first.
    Refresh,
    /// There is nothing to write.
    Unchanged(Box<Account>),
    /// The account was merged into this member's, and the command is about that.
    Moved(MemberId),
    /// A member who was merged into this one carried the request out.
    Repeated(Box<Recorded>, Box<Account>),
    /// The rules say no.
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

/// A counter that should have been read was not, or not all of it: it is a fault of ours.
#[must_use]
pub fn counter_missing(needed: &CounterNeeded) -> Failure {
    Failure::broken(format!("the counter {:?} was not read", needed.counter()))
}

/// The entry that a command on `account` acts on, looked for in the account's own ledger and in those of members who were merged
/// into this one. The rules that decided it are loaded.
///
/// # Errors
///
/// Where to look for it still, `entry_not_found`, or `entry_ambiguous`.
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

/// Returns an error if the request was carried out before for a member who has since been merged into `account`.
///
/// # Errors
///
/// What of the merged ledgers must be looked at first; the repeat; `idempotency_key_reused`.
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
        // The fingerprint was made under the salt of the member of then.
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
        // The member's own ledger tells at the commit.
        None | Some(_) => Ok(()),
    }
}

/// `account` brought up to now under the rules that are loaded.
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
    /// Carries out a command on the account of `subject`: loads, brings up to now, lets `decide` say what is to be
    /// written, writes it, and answers with what was written, now or when the same request came before.
    ///
    /// # Errors
    ///
    /// `member_not_found`, what `decide` refuses with, `idempotency_key_reused`, `busy`, or the store's.
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

    /// [`Engine::act`] on an entry of the member, which may stand in the ledger of a member who was merged into this one.
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

    /// [`Engine::act`] where the account may show that the decision needs to look at more.
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

    /// [`Engine::act_in_steps`]; where the account was merged into another, on that one only if it `follows`.
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
        // A repeat of what an old card did shows the account that has everything now.
        let account = self.followed(subject, done.account).await?;
        Ok(Done { account, ..done })
    }

    /// Changes the account of `subject` without a key of its own, because doing it twice changes nothing the second
    /// time: loads, brings up to now, lets `decide` say what is to be written, if anything.
    ///
    /// # Errors
    ///
    /// `member_not_found`, what `decide` refuses with, `busy`, or the store's.
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

    /// Writes down what time has done to the account of `subject`, if anything.
    ///
    /// # Errors
    ///
    /// `member_not_found`, `busy`, or the store's.
    pub async fn review(&self, subject: &mut Subject, deadline: Deadline) -> Result<Done, Failure> {
        self.change(subject, deadline, |settled| Ok::<_, Refusal>(settled.review())).await
    }

    /// Carries out a command on the account of `subject`, if there is one: loads it and what it `needs`, lets `decide` say
    /// what is to be written, loads what that turns out to need, and writes it.
    ///
    /// # Errors
    ///
    /// What `decide` refuses with, `idempotency_key_reused`, `alias_taken`, `busy`, or the store's.
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
            // On the heap, like the calls of the SDK inside it: no caller's future grows by it.
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
            Outcome::Replayed { entry, account } => Done {
                entry: Some(entry),
                entries: Vec::new(),
                account,
                grew: false,
                replayed: true,
                explanations: Vec::new(),
            },
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

/// A decision that loads the rules which it turns out to need.
struct Deciding<'e, F> {
    engine: &'e Engine,
    subject: &'e mut Subject,
    decide: F,
    refreshes_left: usize,
}

/// How a command ends without a commit.
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
}

/// What came of a posting that was committed.
fn committed(posting: Posting) -> Done {
    let Posting { own: Change { account, entries, .. }, explanations, .. } = posting;
    let entry = entries.iter().find(|sealed| sealed.entry.fingerprint.is_some()).cloned();
    let entry = entry.map(|sealed| Recorded::new(&account.member, sealed));
    Done { entry, grew: !entries.is_empty(), entries, account, replayed: false, explanations }
}

fn key_reused() -> Refusal {
    Refusal::new(
        RefusalCode::IdempotencyKeyReused,
        "This Idempotency-Key was used for another request of this member. Repeat the very same body, or use another key.",
    )
}
