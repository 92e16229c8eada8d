//! `POST` and `DELETE` `/members/{member}/plan`, and `POST …/plan/{entry}/reversals`: starts or renews a plan that was
//! paid, ends it, or reverses a payment.

use regulars_api::{
    http::{Answer, Call, Problem},
    view::{AccountView, Posted},
};
use regulars_application::{command::Undecided, engine::Engine, refusal::Refusal, subject::Subject};
use regulars_domain::{id::PlanId, plan, scalar::or_default, settle::Settled};
use regulars_store::{Found, Needs};
use serde::Deserialize;
use serde_json::Value;

/// The engine cannot check the payment, so members may not send this themselves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanPaid {
    plan: PlanId,
    /// Whether another plan that runs is replaced.
    #[serde(default, deserialize_with = "or_default")]
    replace: bool,
}

pub(crate) async fn take(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let body = request.body()?;
    let keyed = request.keyed("plan", body.value())?;
    let PlanPaid { plan, replace } = body.object()?;
    let mut subject = params.subject(engine).await?;
    let done = engine
        .act(&mut subject, &Needs::default(), &keyed, deadline, |_, settled, _| {
            plan::take(settled, &keyed, &plan, replace)
        })
        .await?;
    Posted::answer(engine, &subject, done)
}

/// Reverses one payment of the plan.
pub(crate) async fn reverse(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let entry = params.entry()?;
    request.no_body()?;
    let keyed = request.keyed(&format!("plan reversal {entry}"), &Value::Null)?;
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let done = engine
        .act_on(&mut subject, &entry, &keyed, deadline, |settled, payment| plan::reverse(settled, &keyed, payment))
        .await?;
    Posted::answer(engine, &subject, done)
}

/// Ends the plan. A key is optional: with one, a late repeat does not end a plan that was paid since.
pub(crate) async fn end(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?;
    let done = if request.header("idempotency-key").is_some() {
        let keyed = request.keyed("plan end", &Value::Null)?;
        let decide = |_: &Subject, settled: Settled<'_>, _: &Found| {
            let account = settled.account().clone();
            let ended = plan::end_once(settled, &keyed).map_err(Refusal::from)?;
            ended.ok_or_else(|| Undecided::Unchanged(Box::new(account)))
        };
        engine.act_in_steps(&mut subject, &Needs::default(), &keyed, deadline, decide).await?
    } else {
        let actor = request.actor()?;
        engine.change(&mut subject, deadline, |settled| plan::end(settled, actor.as_ref())).await?
    };
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account)?)))
}
