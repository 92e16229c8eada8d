//! `POST /members/{member}/adjustments`: points given or taken by an operator, with a reason.

use regulars_api::{
    http::{Answer, HttpRequest, Params, Problem},
    view::Posted,
};
use regulars_application::{deadline::Deadline, engine::Engine};
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
    request: &HttpRequest,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    request.only_operator("Only an operator adjusts points.")?;
    let body = request.body()?;
    let keyed = request.keyed("adjustment", body.value())?;
    let Adjustment { points, reason, note } = body.object()?;
    let most = Points::MAX.get();
    if points == 0 || points.checked_abs().is_none_or(|points| points > most) {
        return Err(Problem::body_malformed("/points", format!("points must be 1 to {most}, or as many below zero.")));
    }
    let wish = Adjust { points: Points::new(points), reason, note };
    let mut subject = params.subject(engine).await?;
    let done = engine
        .act(&mut subject, &Needs::default(), &keyed, deadline, |_, settled, _| adjust::adjust(settled, &keyed, &wish))
        .await?;
    let posted = Posted::new(done.entry.as_ref(), &engine.settled(&subject, done.account)?);
    Ok(Answer::once(&posted, done.replayed))
}
