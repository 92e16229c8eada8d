//! `GET /members/{member}/entries`: the ledger, newest first, a page at a time, or one entry of it.

use regulars_api::{
    command::path_id,
    deadline::Deadline,
    engine::Engine,
    http::{Answer, Code, Params, Problem, Request},
    view::EntryDetail,
};
use regulars_domain::id::EntryId;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Statement {
    entries: Vec<EntryDetail>,
    next_cursor: Option<String>,
}

/// A page of the statement. What time has done to the account and nobody has written down yet is written down first, so
/// that a statement always adds up to the balance that the account shows.
pub(crate) async fn list(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let limit = request.limit()?;
    let before = request.cursor().map(|cursor| read_cursor(&cursor)).transpose()?;
    let subject = engine.subject(params).await?;
    let done = engine.change(&subject, deadline, |settled| Ok::<_, Problem>(settled.review())).await?;
    let page = engine.store.entries(&subject.program_id, &subject.member, before, limit).await?;
    Ok(Answer::ok(&Statement {
        entries: page.items.iter().map(|entry| EntryDetail::new(entry, &done.account.holds)).collect(),
        next_cursor: page.next.map(|seq| seq.to_string()),
    }))
}

pub(crate) async fn read(engine: &Engine, params: &Params) -> Result<Answer, Problem> {
    let subject = engine.subject(params).await?;
    let id: EntryId = path_id(params, "entry", Code::EntryNotFound)?;
    let settled = engine.view(&subject).await?;
    let Some(entry) = engine.store.entry(&subject.program_id, &subject.member, &id).await? else {
        return Err(Problem::new(Code::EntryNotFound, format!("The member has no entry `{id}`.")));
    };
    Ok(Answer::ok(&EntryDetail::new(&entry, &settled.account().holds)))
}

/// A cursor is the `seq` before which the next page begins.
fn read_cursor(cursor: &str) -> Result<u64, Problem> {
    cursor
        .parse()
        .ok()
        .filter(|seq| *seq > 0 && cursor.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or_else(|| Problem::new(Code::CursorMalformed, "Send the next_cursor of the page before, as it was."))
}
