//! `POST /members/{member}/accruals/{entry}/confirmation`: pending points become spendable.

use regulars_api::{
    command::{Done, Subject, asked, entry_of},
    deadline::Deadline,
    engine::Engine,
    http::{Answer, Params, Problem, Request},
    view::Posted,
};
use regulars_domain::{Request as Asked, confirm, id::EntryId};
use serde_json::Value;

/// What a request to confirm `entry` is fingerprinted as. It has no body that could tell it from another.
pub(crate) fn operation(entry: &EntryId) -> String {
    format!("confirmation {entry}")
}

pub(crate) async fn confirm(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let entry = entry_of(params)?;
    request.no_body()?;
    let asked = asked(request, &operation(&entry), &Value::Null)?;
    let mut subject = engine.subject(params).await?;
    let done = act(engine, &mut subject, &asked, &entry, deadline).await?;
    let posted = Posted::new(done.entry.as_ref(), &engine.settled(&subject, done.account)?);
    Ok(Answer::once(&posted, done.replayed))
}

/// Confirms the accrual `entry`, whichever way it was asked.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    asked: &Asked,
    entry: &EntryId,
    deadline: Deadline,
) -> Result<Done, Problem> {
    engine
        .act_on(subject, entry, asked, deadline, |settled, accrual| {
            confirm::confirm(settled, asked, accrual).map_err(Problem::from)
        })
        .await
}
