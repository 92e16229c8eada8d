//! `POST` and `DELETE` `/members/{member}/plan`, and `POST …/plan/{entry}/reversals`: starts or renews a plan that was
//! paid, ends it, or reverses a payment.

use regulars_api::{
    http::{Answer, Call, Empty, Json, KeyOptional, Keyed, Nothing, Once, Problem},
    view::{AccountView, Posted},
};
use regulars_application::{command::Undecided, engine::Engine, refusal::Refusal, subject::Subject};
use regulars_domain::{id::PlanId, plan, scalar::or_default, settle::Settled};
use regulars_store::{Found, Needs};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// A payment of a plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanPaid {
    /// The plan that was paid.
    plan: PlanId,
    /// Whether the payment ends another plan that runs.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<bool>")]
    replace: bool,
}

pub(crate) async fn take(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Json<PlanPaid>>>,
) -> Result<Answer<Posted, Once>, Problem> {
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
pub(crate) async fn reverse(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Empty>>,
) -> Result<Answer<Posted, Once>, Problem> {
    let entry = params.entry()?;
    request.no_body()?;
    let keyed = request.keyed(&format!("plan reversal {entry}"), &Value::Null)?;
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let done = engine
        .act_on(&mut subject, &entry, &keyed, deadline, |settled, payment| plan::reverse(settled, &keyed, payment))
        .await?;
    Posted::answer(engine, &subject, done)
}

/// Ends the plan. A key is optional: with one, a plan must run, and a repeat that arrives late does not end a plan that was
/// paid since.
pub(crate) async fn end(
    Call { engine, request, params, deadline }: Call<'_, Engine, KeyOptional<Nothing>>,
) -> Result<Answer<AccountView>, Problem> {
    let mut subject = params.subject(engine).await?;
    let done = if request.has_key() {
        let keyed = request.keyed("plan end", &Value::Null)?;
        let decide = |_: &Subject, settled: Settled<'_>, _: &Found| {
            plan::end_once(settled, &keyed).map_err(|refusal| Undecided::from(Refusal::from(refusal)))
        };
        engine.act_in_steps(&mut subject, &Needs::default(), &keyed, deadline, decide).await?
    } else {
        let actor = request.actor();
        engine.change(&mut subject, deadline, |settled| plan::end(settled, actor.as_ref())).await?
    };
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account)?)))
}
