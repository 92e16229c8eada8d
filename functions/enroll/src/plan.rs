//! `POST` and `DELETE` `/members/{member}/plan`: a plan that somebody has paid, begun, renewed, or ended at once.

use regulars_api::{
    http::{Answer, HttpRequest, Params, Problem},
    view::{AccountView, Posted},
};
use regulars_application::{deadline::Deadline, engine::Engine};
use regulars_domain::{id::PlanId, plan};
use regulars_store::Needs;
use serde::Deserialize;

/// Who pays is not for the engine to see, so a member's word is not enough.
const ONLY_OPERATOR: &str = "Only an operator begins and ends plans.";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanPaid {
    plan: PlanId,
    /// Whether another plan that runs ends.
    #[serde(default)]
    replace: bool,
}

pub(crate) async fn take(
    engine: &Engine,
    request: &HttpRequest,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    request.only_operator(ONLY_OPERATOR)?;
    let body = request.body()?;
    let keyed = request.keyed("plan", body.value())?;
    let PlanPaid { plan, replace } = body.object()?;
    let mut subject = params.subject(engine).await?;
    let done = engine
        .act(&mut subject, &Needs::default(), &keyed, deadline, |_, settled, _| {
            plan::take(settled, &keyed, &plan, replace)
        })
        .await?;
    let posted = Posted::new(done.entry.as_ref(), &engine.settled(&subject, done.account)?);
    Ok(Answer::once(&posted, done.replayed))
}

/// Ends the plan. Doing it twice changes nothing, so it needs no key.
pub(crate) async fn end(
    engine: &Engine,
    request: &HttpRequest,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    request.only_operator(ONLY_OPERATOR)?;
    let mut subject = params.subject(engine).await?;
    let actor = request.actor()?;
    let done = engine.change(&mut subject, deadline, |settled| plan::end(settled, actor.as_ref())).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account)?)))
}
