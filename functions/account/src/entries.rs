//! `GET /members/{member}/entries`: the ledger, newest first, a page at a time, or one entry of it.

use std::fmt;

use regulars_api::{
    http::{Answer, HttpRequest, Parameter, Params, Problem, ProblemCode},
    view::EntryDetail,
};
use regulars_application::{deadline::Deadline, engine::Engine, refusal::RefusalCode};
use regulars_domain::id::MemberId;
use serde::Serialize;

/// What a statement takes in its query.
pub(crate) const PARAMETERS: [Parameter; 2] = [Parameter::once("limit"), Parameter::once("cursor")];

#[derive(Debug, Serialize)]
struct Statement {
    entries: Vec<EntryDetail>,
    next_cursor: Option<String>,
}

/// A page of the statement. What time has done to the account and nobody has written down yet is written down first, so
/// that a statement always adds up to the balance that the account shows. The ledgers of members who were merged into
/// this one follow its own.
pub(crate) async fn list(
    engine: &Engine,
    request: &HttpRequest,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let limit = request.limit()?;
    let Cursor { before, ledger } = request.cursor().map(Cursor::read).transpose()?.unwrap_or_default();
    let mut subject = params.subject(engine).await?;
    let done = engine.review(&mut subject, deadline).await?;
    let member = &done.account.member;
    let wanted = ledger.as_ref().unwrap_or(member);
    let mut later = done.account.ledgers().skip_while(|member| *member != wanted);
    let ledger = later.next().ok_or_else(cursor_malformed)?;
    let page = engine.store.entries(&subject.program_id, ledger, before, limit).await?;
    let next = match page.next {
        Some(seq) => Some(Cursor { before: Some(seq), ledger: Some(ledger.clone()).filter(|ledger| ledger != member) }),
        None => later.next().map(|ledger| Cursor { before: None, ledger: Some(ledger.clone()) }),
    };
    Ok(Answer::ok(&Statement {
        entries: page.items.iter().map(|entry| EntryDetail::new(entry, &done.account)).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

pub(crate) async fn read(engine: &Engine, request: &HttpRequest, params: &Params) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let id = params.entry()?;
    let account = engine.account(&mut subject).await?;
    let settled = engine.settled(&subject, account)?;
    let Some(entry) = engine.entry(&subject, settled.account(), &id).await? else {
        return Err(Problem::new(RefusalCode::EntryNotFound, format!("The member has no entry `{id}`.")));
    };
    Ok(Answer::ok(&EntryDetail::new(&entry, settled.account())))
}

/// Where the next page begins: `17`, before that entry of the member's own ledger; `17~m-1` of another's; `~m-1` at the
/// newest of another's.
#[derive(Debug, Default)]
struct Cursor {
    before: Option<u64>,
    ledger: Option<MemberId>,
}

impl Cursor {
    fn read(text: &str) -> Result<Self, Problem> {
        let (seq, ledger) = text.split_once('~').map_or((text, None), |(seq, ledger)| (seq, Some(ledger)));
        let is_seq = seq.bytes().all(|byte| byte.is_ascii_digit());
        let before = seq.parse().ok().filter(|before| is_seq && *before > 0);
        let ledger = ledger.map(|ledger| ledger.parse().map_err(|_| cursor_malformed())).transpose()?;
        if before.is_none() && (!seq.is_empty() || ledger.is_none()) {
            return Err(cursor_malformed());
        }
        Ok(Self { before, ledger })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(before) = self.before {
            write!(f, "{before}")?;
        }
        self.ledger.as_ref().map_or(Ok(()), |ledger| write!(f, "~{ledger}"))
    }
}

fn cursor_malformed() -> Problem {
    Problem::new(ProblemCode::CursorMalformed, "Send the next_cursor of the page before, as it was.")
}
