//! `POST /members/{member}/accruals/{entry}/reversals`: what a refund takes back.

use regulars_api::{
    http::{Answer, HttpRequest, Params, Problem},
    view::Reversed,
};
use regulars_application::{
    command::{Done, KeyedRequest, Undecided, acted_on},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    returns::ReturnBody,
    subject::Subject,
};
use regulars_domain::{
    id::EntryId,
    reversal::{self, Reversal, ends_referral},
};
use regulars_store::Needs;

use crate::referral::paid_along;

/// What a request to reverse `entry` is fingerprinted as, along with its body.
pub(crate) fn operation(entry: &EntryId) -> String {
    format!("reversal {entry}")
}

pub(crate) async fn reverse(
    engine: &Engine,
    request: &HttpRequest,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let entry = params.entry()?;
    let body = request.body()?;
    let keyed = request.keyed(&operation(&entry), body.value())?;
    let reversal = body.object::<ReturnBody>()?.reversal()?;
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let done = act(engine, &mut subject, &keyed, &entry, &reversal, deadline).await?;
    let accrual = engine.entry(&subject, &done.account, &entry).await?;
    let settled = engine.settled(&subject, done.account)?;
    let reversed = Reversed::new(done.entry.as_ref(), accrual.as_ref(), &settled);
    Ok(Answer::once(&reversed, done.replayed))
}

/// Takes back what a refund of `entry` stands for, whichever way it was asked.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    keyed: &KeyedRequest,
    entry: &EntryId,
    reversal: &Reversal,
    deadline: Deadline,
) -> Result<Done, Failure> {
    let needs = Needs { entries: vec![(subject.member.clone(), entry.clone())], ..Needs::default() };
    engine
        .act_in_steps(subject, &needs, keyed, deadline, |subject, settled, found| {
            let accrual = acted_on(subject, settled.account(), found, entry)?;
            let then = subject.versions.program(accrual.sealed.entry.program_version)?;
            let ends = ends_referral(then, accrual, &reversal.returned);
            let along = paid_along(subject, &settled, found, accrual, ends)?;
            reversal::reverse(settled, keyed, accrual, reversal, &found.counters, along).map_err(Undecided::from)
        })
        .await
}
