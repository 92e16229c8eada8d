//! `POST /members/{member}/accruals/{entry}/confirmation`: makes pending points spendable.

use regulars_api::{
    http::{Answer, Call, Empty, Keyed, Once, Problem},
    view::Posted,
};
use regulars_application::{
    command::{Done, KeyedRequest},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    subject::Subject,
};
use regulars_domain::{confirm, id::EntryId};
use serde_json::Value;

/// Returns the operation of a confirmation of `entry`, for the fingerprint. There is no body to distinguish it.
pub(crate) fn operation(entry: &EntryId) -> String {
    format!("confirmation {entry}")
}

pub(crate) async fn confirm(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Empty>>,
) -> Result<Answer<Posted, Once>, Problem> {
    let entry = params.entry()?;
    request.no_body()?;
    let keyed = request.keyed(&operation(&entry), &Value::Null)?;
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let done = act(engine, &mut subject, &keyed, &entry, deadline).await?;
    Posted::answer(engine, &subject, done)
}

/// Confirms the accrual `entry`, for HTTP and the queue.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    keyed: &KeyedRequest,
    entry: &EntryId,
    deadline: Deadline,
) -> Result<Done, Failure> {
    engine.act_on(subject, entry, keyed, deadline, |settled, accrual| confirm::confirm(settled, keyed, accrual)).await
}
