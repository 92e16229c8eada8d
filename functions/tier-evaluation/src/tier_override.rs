//! `PUT` and `DELETE /members/{member}/tier-override`: a minimum tier set by an operator until a date. Repeating either
//! changes nothing, so no key is needed.

use regulars_api::{
    http::{Answer, Call, Json, Nothing, Problem},
    view::StandingView,
};
use regulars_application::engine::Engine;
use regulars_domain::{
    account::TierOverride,
    id::LevelId,
    instant::Day,
    text::Label,
    tier_override::{give_tier, take_tier},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// A tier that an operator grants.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TierGrant")]
pub(crate) struct Override {
    /// The level.
    tier: LevelId,
    /// The last day of the grant.
    until: Day,
    /// The reason, as a code of the operator.
    reason: Label,
}

pub(crate) async fn put(
    Call { engine, request, params, deadline }: Call<'_, Engine, Json<Override>>,
) -> Result<Answer<StandingView>, Problem> {
    let Override { tier, until, reason } = request.json_body()?;
    let given = TierOverride { tier, until: until.0, reason };
    let mut subject = params.subject(engine).await?;
    let actor = request.actor();
    let done = engine.change(&mut subject, deadline, |settled| give_tier(settled, &given, actor.as_ref())).await?;
    Ok(Answer::ok(&StandingView::from(&engine.settled(&subject, done.account)?)))
}

pub(crate) async fn delete(
    Call { engine, request, params, deadline }: Call<'_, Engine, Nothing>,
) -> Result<Answer<StandingView>, Problem> {
    let mut subject = params.subject(engine).await?;
    let actor = request.actor();
    let done = engine.change(&mut subject, deadline, |settled| take_tier(settled, actor.as_ref())).await?;
    Ok(Answer::ok(&StandingView::from(&engine.settled(&subject, done.account)?)))
}
