//! `POST /members/{member}/accruals/{entry}/confirmation` and `…/reversals`: what is done about an accrual afterwards.

use regulars_api::{
    command::{asked, entry_of},
    deadline::Deadline,
    engine::Engine,
    http::{Answer, BODY_BYTES_MAX, Params, Problem, Request},
    view::Posted,
};
use regulars_domain::{confirm, money::Money, reversal};
use serde::Deserialize;
use serde_json::Value;

pub(crate) async fn confirm(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let entry = entry_of(params)?;
    request.json_body_or_default::<Nothing>()?;
    let asked = asked(request, &format!("confirmation {entry}"), &Value::Null)?;
    let subject = engine.subject(params).await?;
    let done = engine
        .act_on(&subject, &entry, &asked, deadline, |settled, accrual| {
            confirm::confirm(settled, &asked, accrual).map_err(Problem::from)
        })
        .await?;
    let posted = Posted::new(done.entry.as_ref(), &engine.settled(&subject, done.account));
    Ok(Answer::once(&posted, done.replayed))
}

/// A body without fields.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reversal {
    /// All that was ever refunded of the purchase; without it, all of the accrual is undone.
    #[serde(default)]
    refunded_total: Option<Money>,
}

pub(crate) async fn reverse(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let entry = entry_of(params)?;
    let asked = asked(request, &format!("reversal {entry}"), &request.json_value(BODY_BYTES_MAX)?)?;
    let Reversal { refunded_total } = request.json_body()?;
    let subject = engine.subject(params).await?;
    let done = engine
        .act_on(&subject, &entry, &asked, deadline, |settled, accrual| {
            reversal::reverse(settled, &asked, accrual, refunded_total).map_err(Problem::from)
        })
        .await?;
    let posted = Posted::new(done.entry.as_ref(), &engine.settled(&subject, done.account));
    Ok(Answer::once(&posted, done.replayed))
}
