//! `POST /members/{member}/adjustments`: points given or taken by an operator, with a reason.

use regulars_api::{
    command::asked,
    deadline::Deadline,
    engine::Engine,
    http::{Answer, BODY_BYTES_MAX, Params, Problem, Request},
    view::Posted,
};
use regulars_domain::{
    adjust::{self, Adjust},
    points::Points,
    text::{Label, Note},
};
use regulars_store::Needs;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Adjustment {
    points: i64,
    reason: Label,
    #[serde(default)]
    note: Option<Note>,
}

pub(crate) async fn adjust(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    request.only_operator("Only an operator adjusts points.")?;
    let asked = asked(request, "adjustment", &request.json_value(BODY_BYTES_MAX)?)?;
    let Adjustment { points, reason, note } = request.json_body()?;
    let most = Points::MAX.get();
    if points == 0 || points.checked_abs().is_none_or(|points| points > most) {
        return Err(Problem::body_malformed("/points", format!("points must be 1 to {most}, or as many below zero.")));
    }
    let wish = Adjust { points: Points::new(points), reason, note };
    let mut subject = engine.subject(params).await?;
    let done = engine
        .act(&mut subject, &Needs::default(), &asked, deadline, |_, settled, _| adjust::adjust(settled, &asked, &wish))
        .await?;
    let posted = Posted::new(done.entry.as_ref(), &engine.settled(&subject, done.account)?);
    Ok(Answer::once(&posted, done.replayed))
}
