//! One request on one account: whose, under which key, and what came of it.

use std::{str::FromStr, sync::Arc};

use regulars_domain::{
    Request as Asked,
    account::Account,
    aftermath::Recorded,
    chain::Sealed,
    entry::By,
    fingerprint::Fingerprint,
    id::{EntryId, IdempotencyKey, MemberId, ProgramId},
    posting::{Change, Posting},
    program::Program,
    settle::{Settled, Settlement, settle},
};
use regulars_store::{Found, Needs, Outcome, RequestKey, Step};
use serde_json::Value;

use crate::{
    deadline::Deadline,
    engine::Engine,
    http::{Caller, Code, Params, Problem, Request},
};

/// Whose account a request is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The program's id.
    pub program_id: ProgramId,
    /// The program in force.
    pub program: Arc<Program>,
    /// The member's id.
    pub member: MemberId,
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
    /// Whether the ledger grew, be it only by what time had done.
    pub grew: bool,
    /// Whether the request had been carried out before.
    pub replayed: bool,
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
/// those of members who were merged into this one.
///
/// # Errors
///
/// Where to look for it still, or `entry_not_found`.
pub fn acted_on<'f>(
    account: &Account,
    found: &'f Found,
    entry: &EntryId,
) -> Result<&'f Recorded, Result<Step, Problem>> {
    let mut unseen = Vec::new();
    for member in account.ledgers() {
        match found.entry(member, entry) {
            Some(Some(recorded)) => return Ok(recorded),
            Some(None) => {}
            None => unseen.push((member.clone(), entry.clone())),
        }
    }
    Err(if unseen.is_empty() {
        Err(Problem::new(Code::EntryNotFound, format!("The member has no entry `{entry}`.")))
    } else {
        Ok(Step::LookAt(Needs { entries: unseen, ..Needs::default() }))
    })
}

impl Engine {
    /// The program that a path names.
    ///
    /// # Errors
    ///
    /// `program_not_found`, or the store's.
    pub async fn program(&self, params: &Params) -> Result<(ProgramId, Arc<Program>), Problem> {
        let id: ProgramId = path_id(params, "program", Code::ProgramNotFound)?;
        let program = self.program_called(&id).await?;
        Ok((id, program))
    }

    /// The program in force called `id`.
    ///
    /// # Errors
    ///
    /// `program_not_found`, or the store's.
    pub async fn program_called(&self, id: &ProgramId) -> Result<Arc<Program>, Problem> {
        let program = self.programs.get(&self.store, id).await?;
        program.ok_or_else(|| Problem::new(Code::ProgramNotFound, format!("There is no program `{id}` published.")))
    }

    /// The program and the member that a path names. Whether there is such a member, the account will show.
    ///
    /// # Errors
    ///
    /// `program_not_found`, `member_not_found` for what cannot be a member's id, or the store's.
    pub async fn subject(&self, params: &Params) -> Result<Subject, Problem> {
        let (program_id, program) = self.program(params).await?;
        let text = params.get("member");
        let member = text.parse().map_err(|_| Problem::member_not_found(text))?;
        Ok(Subject { program_id, program, member })
    }

    /// The account of `subject` as it is now, nothing written.
    ///
    /// # Errors
    ///
    /// `member_not_found`, or the store's.
    pub async fn view<'p>(&self, subject: &'p Subject) -> Result<Settled<'p>, Problem> {
        let account = self.store.account(&subject.program_id, &subject.member).await?;
        let account = account.ok_or_else(|| Problem::member_not_found(subject.member.as_str()))?;
        Ok(self.settled(subject, account))
    }

    /// `account` brought up to now, nothing written.
    #[must_use]
    pub fn settled<'p>(&self, subject: &'p Subject, account: Account) -> Settled<'p> {
        let mut account = account;
        loop {
            match settle(&subject.program, account, self.clock.now()) {
                Settlement::Current(settled) => return *settled,
                Settlement::Behind(posting) => account = posting.own.account,
            }
        }
    }

    /// Carries out a command on the account of `subject`: loads, brings up to now, lets `decide` say what is to be
    /// written, writes it, and answers with what was written, now or when the same request came before.
    ///
    /// # Errors
    ///
    /// `member_not_found`, what `decide` refuses with, `idempotency_key_reused`, `busy`, or the store's.
    pub async fn act<R: Into<Problem>>(
        &self,
        subject: &Subject,
        needs: &Needs,
        asked: &Asked,
        deadline: Deadline,
        mut decide: impl FnMut(Settled<'_>, &Found) -> Result<Posting, R>,
    ) -> Result<Done, Problem> {
        let decide = |settled: Settled<'_>, found: &Found| decide(settled, found).map(Step::commit).map_err(Into::into);
        self.act_in_steps(subject, needs, asked, deadline, decide).await
    }

    /// [`Engine::act`] on an entry of the member, which may stand in the ledger of somebody who was merged into this one.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::act`], and `entry_not_found`.
    pub async fn act_on<R: Into<Problem>>(
        &self,
        subject: &Subject,
        entry: &EntryId,
        asked: &Asked,
        deadline: Deadline,
        mut decide: impl FnMut(Settled<'_>, &Recorded) -> Result<Posting, R>,
    ) -> Result<Done, Problem> {
        let needs = Needs { entries: vec![(subject.member.clone(), entry.clone())], ..Needs::default() };
        let decide = |settled: Settled<'_>, found: &Found| match acted_on(settled.account(), found, entry) {
            Ok(recorded) => decide(settled, recorded).map(Step::commit).map_err(Into::into),
            Err(missing) => missing,
        };
        self.act_in_steps(subject, &needs, asked, deadline, decide).await
    }

    /// [`Engine::act`] where the account may show that the decision needs to look at more.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::act`].
    pub async fn act_in_steps(
        &self,
        subject: &Subject,
        needs: &Needs,
        asked: &Asked,
        deadline: Deadline,
        mut decide: impl FnMut(Settled<'_>, &Found) -> Result<Step, Problem>,
    ) -> Result<Done, Problem> {
        let key = RequestKey { entry: asked.entry.clone(), fingerprint: asked.fingerprint.clone() };
        let now = self.clock.now();
        let decide = |account: Option<Account>, found: &Found| {
            let account = account.ok_or_else(|| Problem::member_not_found(subject.member.as_str()))?;
            match settle(&subject.program, account, now) {
                Settlement::Behind(posting) => Ok(Step::CatchUp(posting)),
                Settlement::Current(settled) => decide(*settled, found),
            }
        };
        let (program, member) = (&subject.program_id, &subject.member);
        done(self.store.act(program, member, needs, Some(&key), deadline.instant(), decide).await?)
    }
}

/// Why an account stays as it is.
enum Stay {
    Unchanged(Box<Account>),
    Refused(Problem),
}

impl Engine {
    /// Changes the account of `subject` without a key of its own, because doing it twice changes nothing the second
    /// time: loads, brings up to now, lets `decide` say what is to be written, if anything.
    ///
    /// # Errors
    ///
    /// `member_not_found`, what `decide` refuses with, `busy`, or the store's.
    pub async fn change<R: Into<Problem>>(
        &self,
        subject: &Subject,
        deadline: Deadline,
        mut decide: impl FnMut(Settled<'_>) -> Result<Option<Posting>, R>,
    ) -> Result<Done, Problem> {
        let now = self.clock.now();
        let mut seq_at_first = None;
        let decide = |account: Option<Account>, _: &Found| {
            let account = account.ok_or_else(|| Stay::Refused(Problem::member_not_found(subject.member.as_str())))?;
            seq_at_first.get_or_insert(account.seq);
            match settle(&subject.program, account.clone(), now) {
                Settlement::Behind(posting) => Ok(Step::CatchUp(posting)),
                Settlement::Current(settled) => match decide(*settled) {
                    Ok(Some(posting)) => Ok(Step::commit(posting)),
                    Ok(None) => Err(Stay::Unchanged(Box::new(account))),
                    Err(refusal) => Err(Stay::Refused(refusal.into())),
                },
            }
        };
        let (program, member) = (&subject.program_id, &subject.member);
        let done = match self.store.act(program, member, &Needs::default(), None, deadline.instant(), decide).await? {
            Outcome::Refused(Stay::Unchanged(account)) => {
                Done { entry: None, entries: Vec::new(), account: *account, grew: false, replayed: false }
            }
            Outcome::Refused(Stay::Refused(problem)) => return Err(problem),
            Outcome::Committed(posting) => done(Outcome::Committed(posting))?,
            Outcome::Replayed { entry, account } => done(Outcome::Replayed { entry, account })?,
            Outcome::KeyReused => done(Outcome::KeyReused)?,
            Outcome::AliasTaken(alias) => done(Outcome::AliasTaken(alias))?,
            Outcome::Busy => done(Outcome::Busy)?,
        };
        Ok(Done { grew: seq_at_first.is_some_and(|seq| done.account.seq > seq), ..done })
    }
}

/// What came of a command, as something to answer with.
///
/// # Errors
///
/// What it was refused with, `idempotency_key_reused`, `alias_taken`, `busy`.
pub fn done(outcome: Outcome<Problem>) -> Result<Done, Problem> {
    match outcome {
        Outcome::Committed(posting) => {
            let Change { account, entries, .. } = posting.own;
            let entry = entries.iter().find(|sealed| sealed.entry.fingerprint.is_some()).cloned();
            let entry = entry.map(|sealed| Recorded::new(&account.member, sealed));
            Ok(Done { entry, grew: !entries.is_empty(), entries, account, replayed: false })
        }
        Outcome::Replayed { entry, account } => {
            Ok(Done { entry: Some(entry), entries: Vec::new(), account, grew: false, replayed: true })
        }
        Outcome::KeyReused => Err(Problem::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used for another request of this member. Repeat the very same body, or use another key.",
        )),
        Outcome::Refused(problem) => Err(problem),
        Outcome::AliasTaken(alias) => {
            Err(Problem::new(Code::AliasTaken, format!("This {} belongs to another member.", alias.kind)))
        }
        Outcome::Busy => Err(Problem::busy()),
    }
}

/// What a request asks for, by its key: its entry's id, its fingerprint, and who asks.
///
/// # Errors
///
/// `idempotency_key_missing`, `idempotency_key_malformed`.
pub fn asked(request: &Request, operation: &str, body: &Value) -> Result<Asked, Problem> {
    let key: IdempotencyKey =
        request.idempotency_key()?.parse().map_err(|error: regulars_domain::id::IdMalformed| {
            Problem::new(Code::IdempotencyKeyMalformed, error.to_string())
        })?;
    Ok(asked_as(key.into(), request, operation, body))
}

/// What a request asks for, under an entry id that is not the caller's to choose.
#[must_use]
pub fn asked_as(entry: EntryId, request: &Request, operation: &str, body: &Value) -> Asked {
    let by = match request.caller() {
        Caller::Operator => By::Operator,
        Caller::Member(_) => By::Member,
    };
    Asked { entry, fingerprint: Fingerprint::of(operation, body), by }
}
