//! One request on one account: whose, under which key, and what came of it.

use std::str::FromStr;

use jiff::Timestamp;
use regulars_domain::{
    Request as Asked,
    account::Account,
    aftermath::Recorded,
    chain::Sealed,
    counter::CounterNeeded,
    enroll::EnrollNeeds,
    entry::By,
    fingerprint::Content,
    id::{EntryId, IdempotencyKey, MemberId, ProgramId},
    posting::{Change, Posting, Unposted},
    program::Program,
    settle::{Settled, Settlement, settle, settle_unwritten},
    versions::{VersionMissing, Versions},
};
use regulars_store::{Found, Needs, Outcome, RequestKey, Step};
use serde_json::Value;

use crate::{
    deadline::Deadline,
    engine::Engine,
    http::{Caller, Code, Params, Problem, Request},
};

/// How often a function that knows less of a program than an account does reads its versions again, in one command.
const REFRESHES_MAX: usize = 3;

/// Whose account a request is about, under which rules, and when.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The program's id.
    pub program_id: ProgramId,
    /// The program's versions; those that the request has needed so far are loaded, the one in force among them.
    pub versions: Versions,
    /// The member's id.
    pub member: MemberId,
    /// The moment of the request: read once, and the same for everything that it comes to.
    pub now: Timestamp,
}

impl Subject {
    /// The rules in force.
    ///
    /// # Errors
    ///
    /// Never, for a subject that [`Engine::subject`] made: it is a fault of ours.
    pub fn program(&self) -> Result<&Program, Problem> {
        self.versions.at(self.now).map_err(version_missing)
    }

    /// The rules that were in force when something happened ([`Engine::load_rules_at`]); a till's clock that runs ahead counts
    /// as now.
    ///
    /// # Errors
    ///
    /// They were not loaded: it is a fault of ours.
    pub fn rules_at(&self, happened_at: Timestamp) -> Result<&Program, Problem> {
        self.versions.at(happened_at.min(self.now)).map_err(version_missing)
    }

    /// The same program, and another member of it.
    #[must_use]
    pub fn with_member(&self, member: MemberId) -> Self {
        Self { member, ..self.clone() }
    }
}

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
}

/// Why a decision has not been made, or has been made against the request.
#[derive(Debug)]
pub enum Undecided {
    /// Something else must be looked at, or committed, first.
    First(Step),
    /// These versions of the program must be loaded first.
    Needs(Vec<u64>),
    /// The account was settled under a version that is not known here: the list of versions must be read again.
    Stale,
    /// There is nothing to write.
    Unchanged(Box<Account>),
    /// The rules say no.
    Refused(Problem),
}

impl From<Problem> for Undecided {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<VersionMissing> for Undecided {
    fn from(VersionMissing(version): VersionMissing) -> Self {
        Self::Needs(vec![version])
    }
}

impl From<CounterNeeded> for Undecided {
    fn from(needed: CounterNeeded) -> Self {
        Self::First(Step::LookAt(needed.into()))
    }
}

impl<R: Into<Problem>> From<Unposted<R>> for Undecided {
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
pub fn counter_missing(needed: &CounterNeeded) -> Problem {
    Problem::fault(format!("the counter {:?} was not read", needed.counter()))
}

/// A version that should have been loaded was not: it is a fault of ours.
#[must_use]
pub fn version_missing(VersionMissing(version): VersionMissing) -> Problem {
    Problem::fault(format!("version {version} of the program was not loaded"))
}

/// An id from a path. What is no id names nothing, so the problem is that it was not found.
///
/// # Errors
///
/// `otherwise`.
pub fn path_id<T: FromStr>(params: &Params, name: &str, otherwise: Code) -> Result<T, Problem> {
    let text = params.get(name);
    text.parse().map_err(|_| Problem::new(otherwise, format!("There is no {name} `{text}`.")))
}

/// The entry that a path names.
///
/// # Errors
///
/// `entry_not_found` for what cannot be an entry's id.
pub fn entry_of(params: &Params) -> Result<EntryId, Problem> {
    path_id(params, "entry", Code::EntryNotFound)
}

/// The entry that a command on `account` acts on, if it was looked for everywhere: in the account's own ledger, and in
/// those of members who were merged into this one. The rules that decided it are loaded.
///
/// # Errors
///
/// Where to look for it still, or `entry_not_found`.
pub fn acted_on<'f>(
    subject: &Subject,
    account: &Account,
    found: &'f Found,
    entry: &EntryId,
) -> Result<&'f Recorded, Undecided> {
    let mut unseen = Vec::new();
    for member in account.ledgers() {
        match found.entry(member, entry) {
            Some(Some(recorded)) => {
                subject.versions.program(recorded.sealed.entry.program_version)?;
                return Ok(recorded);
            }
            Some(None) => {}
            None => unseen.push((member.clone(), entry.clone())),
        }
    }
    Err(if unseen.is_empty() {
        Problem::new(Code::EntryNotFound, format!("The member has no entry `{entry}`.")).into()
    } else {
        Undecided::First(Step::LookAt(Needs { entries: unseen, ..Needs::default() }))
    })
}

/// `account` brought up to now under the rules that are loaded.
///
/// # Errors
///
/// What must be done first.
pub(crate) fn settled_at(subject: &Subject, account: Account, now: Timestamp) -> Result<Settled<'_>, Undecided> {
    match settle(&subject.versions, account, now) {
        Settlement::Current(settled) => Ok(*settled),
        Settlement::Behind(posting) => Err(Undecided::First(Step::CatchUp(posting))),
        Settlement::Needs(versions) => Err(Undecided::Needs(versions)),
        Settlement::Stale => Err(Undecided::Stale),
    }
}

impl Engine {
    /// The program that a path names, and its versions, with the rules in force at `now`.
    ///
    /// # Errors
    ///
    /// `program_not_found`, or the store's.
    pub async fn program(&self, params: &Params, now: Timestamp) -> Result<(ProgramId, Versions), Problem> {
        let id: ProgramId = path_id(params, "program", Code::ProgramNotFound)?;
        let versions = self.versions(&id, now).await?;
        Ok((id, versions))
    }

    /// The versions of the program called `id`, with the rules in force at `now`.
    ///
    /// # Errors
    ///
    /// `program_not_found`, or the store's.
    pub async fn versions(&self, id: &ProgramId, now: Timestamp) -> Result<Versions, Problem> {
        let versions = Box::pin(self.programs.versions(&self.store, id, now)).await?;
        versions.ok_or_else(|| Problem::new(Code::ProgramNotFound, format!("There is no program `{id}` published.")))
    }

    /// The program and the member that a path names, now. Whether there is such a member, the account will show.
    ///
    /// # Errors
    ///
    /// `program_not_found`, `member_not_found` for what cannot be a member's id, or the store's.
    pub async fn subject(&self, params: &Params) -> Result<Subject, Problem> {
        let now = self.clock.now();
        let (program_id, versions) = self.program(params, now).await?;
        let text = params.get("member");
        let member = text.parse().map_err(|_| Problem::member_not_found(text))?;
        Ok(Subject { program_id, versions, member, now })
    }

    /// Loads the rules that were in force when something happened.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn load_rules_at(&self, subject: &mut Subject, happened_at: Timestamp) -> Result<(), Problem> {
        let version = subject.versions.in_force_at(happened_at.min(subject.now));
        self.load(subject, &[version]).await
    }

    async fn load(&self, subject: &mut Subject, versions: &[u64]) -> Result<(), Problem> {
        let (store, id) = (&self.store, &subject.program_id);
        Ok(Box::pin(self.programs.load(store, id, &mut subject.versions, versions)).await?)
    }

    /// The account of `subject` as it was last written. The rules under which it can be brought up to now are loaded.
    ///
    /// # Errors
    ///
    /// `member_not_found`, or the store's.
    pub async fn account(&self, subject: &mut Subject) -> Result<Account, Problem> {
        let account = self.store.account(&subject.program_id, &subject.member).await?;
        let account = account.ok_or_else(|| Problem::member_not_found(subject.member.as_str()))?;
        self.prepare(subject, &account).await?;
        Ok(account)
    }

    /// Loads the rules under which `account` can be brought up to now.
    pub(crate) async fn prepare(&self, subject: &mut Subject, account: &Account) -> Result<(), Problem> {
        for _ in 0..REFRESHES_MAX {
            if account.program_version <= subject.versions.in_force_at(subject.now.max(account.settled_at)) {
                let missing = subject.versions.missing(account, subject.now);
                return if missing.is_empty() { Ok(()) } else { self.load(subject, &missing).await };
            }
            self.refresh(subject).await?;
        }
        Err(Problem::busy())
    }

    /// Reads the list of versions again.
    async fn refresh(&self, subject: &mut Subject) -> Result<(), Problem> {
        let versions = Box::pin(self.programs.refresh(&self.store, &subject.program_id, subject.now)).await?;
        subject.versions = versions.ok_or_else(|| {
            Problem::new(Code::ProgramNotFound, format!("There is no program `{}` published.", subject.program_id))
        })?;
        Ok(())
    }

    /// `account`, which [`Engine::account`] read or a command wrote, brought up to now; nothing is written.
    ///
    /// # Errors
    ///
    /// Never, for such an account: it is a fault of ours.
    pub fn settled<'p>(&self, subject: &'p Subject, account: Account) -> Result<Settled<'p>, Problem> {
        settle_unwritten(&subject.versions, account, subject.now).map_err(version_missing)
    }

    /// Carries out a command on the account of `subject`: loads, brings up to now, lets `decide` say what is to be
    /// written, writes it, and answers with what was written, now or when the same request came before.
    ///
    /// # Errors
    ///
    /// `member_not_found`, what `decide` refuses with, `idempotency_key_reused`, `busy`, or the store's.
    pub async fn act<R: Into<Problem>>(
        &self,
        subject: &mut Subject,
        needs: &Needs,
        asked: &Asked,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(&'p Subject, Settled<'p>, &Found) -> Result<Posting, R>,
    ) -> Result<Done, Problem> {
        self.act_in_steps(subject, needs, asked, deadline, |subject, settled, found| {
            decide(subject, settled, found).map_err(|refusal| Undecided::Refused(refusal.into()))
        })
        .await
    }

    /// [`Engine::act`] on an entry of the member, which may stand in the ledger of a member who was merged into this one.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::act`], and `entry_not_found`.
    pub async fn act_on<R: Into<Problem>>(
        &self,
        subject: &mut Subject,
        entry: &EntryId,
        asked: &Asked,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(Settled<'p>, &Recorded) -> Result<Posting, R>,
    ) -> Result<Done, Problem> {
        let needs = Needs { entries: vec![(subject.member.clone(), entry.clone())], ..Needs::default() };
        self.act_in_steps(subject, &needs, asked, deadline, |subject, settled, found| {
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
        asked: &Asked,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(&'p Subject, Settled<'p>, &Found) -> Result<Posting, Undecided>,
    ) -> Result<Done, Problem> {
        let key = RequestKey { entry: asked.entry.clone(), content: asked.content.clone() };
        self.carry_out(subject, needs, Some(&key), deadline, |subject, account, found| {
            let account = account.ok_or_else(|| Problem::member_not_found(subject.member.as_str()))?;
            let now = found.latest(subject.now.max(account.settled_at));
            decide(subject, settled_at(subject, account, now)?, found)
        })
        .await
    }

    /// Changes the account of `subject` without a key of its own, because doing it twice changes nothing the second
    /// time: loads, brings up to now, lets `decide` say what is to be written, if anything.
    ///
    /// # Errors
    ///
    /// `member_not_found`, what `decide` refuses with, `busy`, or the store's.
    pub async fn change<R: Into<Problem>>(
        &self,
        subject: &mut Subject,
        deadline: Deadline,
        mut decide: impl for<'p> FnMut(Settled<'p>) -> Result<Option<Posting>, R>,
    ) -> Result<Done, Problem> {
        let mut seq_at_first = None;
        let done = self
            .carry_out(subject, &Needs::default(), None, deadline, |subject, account, _| {
                let account = account.ok_or_else(|| Problem::member_not_found(subject.member.as_str()))?;
                seq_at_first.get_or_insert(account.seq);
                let settled = settled_at(subject, account.clone(), subject.now)?;
                match decide(settled).map_err(|refusal| Undecided::Refused(refusal.into()))? {
                    Some(posting) => Ok(posting),
                    None => Err(Undecided::Unchanged(Box::new(account))),
                }
            })
            .await?;
        Ok(Done { grew: seq_at_first.is_some_and(|seq| done.account.seq > seq), ..done })
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
        mut decide: impl for<'p> FnMut(&'p Subject, Option<Account>, &Found) -> Result<Posting, Undecided>,
    ) -> Result<Done, Problem> {
        let mut refreshes = 0_usize;
        loop {
            let (program, member, until) = (&subject.program_id, &subject.member, deadline.instant());
            let decide_in_steps = |account: Option<Account>, found: &Found| match decide(subject, account, found) {
                Ok(posting) => Ok(Step::commit(posting)),
                Err(Undecided::First(step)) => Ok(step),
                Err(undecided) => Err(undecided),
            };
            // On the heap, like the calls of the SDK inside it: no caller's future grows by it.
            let acted = Box::pin(self.store.act(program, member, needs, key, until, decide_in_steps));
            let undecided = match acted.await? {
                Outcome::Refused(undecided) => undecided,
                Outcome::Committed(posting) => {
                    let done = committed(*posting);
                    self.prepare(subject, &done.account).await?;
                    return Ok(done);
                }
                Outcome::Replayed { entry, account } => {
                    self.prepare(subject, &account).await?;
                    return Ok(Done { entry: Some(entry), entries: Vec::new(), account, grew: false, replayed: true });
                }
                Outcome::KeyReused => return Err(key_reused()),
                Outcome::AliasTaken(alias) => {
                    let detail = format!("This {} belongs to another member.", alias.kind);
                    return Err(Problem::new(Code::AliasTaken, detail));
                }
                Outcome::Busy => return Err(Problem::busy()),
            };
            match undecided {
                Undecided::Refused(problem) => return Err(problem),
                Undecided::Unchanged(account) => {
                    let (entry, entries) = (None, Vec::new());
                    return Ok(Done { entry, entries, account: *account, grew: false, replayed: false });
                }
                Undecided::Needs(versions) => self.load(subject, &versions).await?,
                Undecided::Stale if refreshes < REFRESHES_MAX => {
                    refreshes = refreshes.saturating_add(1);
                    self.refresh(subject).await?;
                }
                Undecided::Stale => return Err(Problem::busy()),
                Undecided::First(_) => return Err(Problem::fault("a step was taken for a refusal")),
            }
        }
    }
}

/// What came of a posting that was committed.
fn committed(posting: Posting) -> Done {
    let Change { account, entries, .. } = posting.own;
    let entry = entries.iter().find(|sealed| sealed.entry.fingerprint.is_some()).cloned();
    let entry = entry.map(|sealed| Recorded::new(&account.member, sealed));
    Done { entry, grew: !entries.is_empty(), entries, account, replayed: false }
}

fn key_reused() -> Problem {
    Problem::new(
        Code::IdempotencyKeyReused,
        "This Idempotency-Key was used for another request of this member. Repeat the very same body, or use another key.",
    )
}

/// What a request asks for, by its key: its entry's id, its content, and who asks.
///
/// # Errors
///
/// `idempotency_key_missing`, `idempotency_key_malformed`.
pub fn asked(request: &Request, operation: &str, body: &Value) -> Result<Asked, Problem> {
    let key: IdempotencyKey =
        request.idempotency_key()?.parse().map_err(|error: regulars_domain::id::IdMalformed| {
            Problem::new(Code::IdempotencyKeyMalformed, error.to_string())
        })?;
    asked_as(key.into(), request, operation, body)
}

/// What a request asks for, under an entry id that is not the caller's to choose.
///
/// # Errors
///
/// Those of [`Request::actor`].
pub fn asked_as(entry: EntryId, request: &Request, operation: &str, body: &Value) -> Result<Asked, Problem> {
    Ok(Asked { entry, content: Content::of(operation, body), by: by(request), actor: request.actor()? })
}

/// Who asks, as an entry tells it.
#[must_use]
pub fn by(request: &Request) -> By {
    match request.caller() {
        Caller::Operator => By::Operator,
        Caller::Member(_) => By::Member,
    }
}
