//! `POST` and `DELETE` `/members/{member}/plan`: a plan that somebody has paid, begun, renewed, or ended at once.

use regulars_api::{
    command::asked,
    deadline::Deadline,
    engine::Engine,
    http::{Answer, BODY_BYTES_MAX, Params, Problem, Request},
    view::{AccountView, Posted},
};
use regulars_domain::{id::PlanId, plan};
use regulars_store::Needs;
use serde::Deserialize;

/// Who pays is not for the engine to see, so a member's word is not enough.
const ONLY_OPERATOR: &str = "Only an operator begins and ends plans.";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanPaid {
    plan: PlanId,
}

pub(crate) async fn take(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    request.only_operator(ONLY_OPERATOR)?;
    let asked = asked(request, "plan", &request.json_value(BODY_BYTES_MAX)?)?;
    let PlanPaid { plan } = request.json_body()?;
    let mut subject = engine.subject(params).await?;
    let done = engine
        .act(&mut subject, &Needs::default(), &asked, deadline, |_, settled, _| plan::take(settled, &asked, &plan))
        .await?;
    let posted = Posted::new(done.entry.as_ref(), &engine.settled(&subject, done.account)?);
    Ok(Answer::once(&posted, done.replayed))
}

/// Ends the plan. Doing it twice changes nothing, so it needs no key.
pub(crate) async fn end(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    request.only_operator(ONLY_OPERATOR)?;
    let mut subject = engine.subject(params).await?;
    let actor = request.actor()?;
    let done = engine.change(&mut subject, deadline, |settled| plan::end(settled, actor.as_ref())).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account)?)))
}
