//! `PUT` and `DELETE /members/{member}/tier-override`: a minimum tier set by an operator until a date. Repeating either
//! changes nothing, so no key is needed.

use regulars_api::{
    http::{Answer, Call, Problem},
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
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    tier: LevelId,
    until: Day,
    reason: Label,
}

pub(crate) async fn put(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let Override { tier, until, reason } = request.json_body()?;
    let given = TierOverride { tier, until: until.0, reason };
    let mut subject = params.subject(engine).await?;
    let actor = request.actor()?;
    let done = engine.change(&mut subject, deadline, |settled| give_tier(settled, &given, actor.as_ref())).await?;
    Ok(Answer::ok(&StandingView::from(&engine.settled(&subject, done.account)?)))
}

pub(crate) async fn delete(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?;
    let actor = request.actor()?;
    let done = engine.change(&mut subject, deadline, |settled| take_tier(settled, actor.as_ref())).await?;
    Ok(Answer::ok(&StandingView::from(&engine.settled(&subject, done.account)?)))
}
