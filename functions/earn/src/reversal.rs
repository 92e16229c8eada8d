//! `POST /members/{member}/accruals/{entry}/reversals`: posts a return.

use regulars_api::{
    http::{Answer, Call, Json, Keyed, Once, Problem},
    view::Reversed,
};
use regulars_application::{
    command::{Done, KeyedRequest, Undecided},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    returns::ReturnBody,
    subject::Subject,
};
use regulars_domain::{
    aftermath::Recorded,
    id::EntryId,
    program::Program,
    reversal::{self, Reversal, ends_referral},
};

use crate::again;

/// Returns the operation of a reversal of `entry`, for the fingerprint with its body.
pub(crate) fn operation(entry: &EntryId) -> String {
    format!("reversal {entry}")
}

pub(crate) async fn reverse(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Json<ReturnBody>>>,
) -> Result<Answer<Reversed, Once>, Problem> {
    let entry = params.entry()?;
    let body = request.body()?;
    let keyed = request.keyed(&operation(&entry), body.value())?;
    let reversal = body.object()?.reversal()?;
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let done = act(engine, &mut subject, &keyed, &entry, &reversal, deadline).await?;
    again::answer(engine, &subject, done, &entry).await
}

/// Posts a return of `entry`, for HTTP and the queue.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    keyed: &KeyedRequest,
    entry: &EntryId,
    reversal: &Reversal,
    deadline: Deadline,
) -> Result<Done, Failure> {
    let ends = |then: &Program, accrual: &Recorded| ends_referral(then, accrual, &reversal.returned);
    again::act(engine, subject, (entry, keyed), deadline, ends, |settled, (accrual, counters, along)| {
        reversal::reverse(settled, keyed, accrual, reversal, counters, along).map_err(Undecided::from)
    })
    .await
}
