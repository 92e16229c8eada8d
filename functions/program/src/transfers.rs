//! `POST /members/{member}/transfers`: points of one member that become another's, in both accounts or in neither.

use regulars_api::{
    command::asked,
    deadline::Deadline,
    engine::Engine,
    http::{Answer, BODY_BYTES_MAX, Params, Problem, Request},
    view::Posted,
};
use regulars_domain::{id::MemberId, points::Points, transfer};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    to: MemberId,
    points: i64,
}

pub(crate) async fn transfer(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    request.only_operator("Only an operator transfers points.")?;
    let asked = asked(request, "transfer", &request.json_value(BODY_BYTES_MAX)?)?;
    let Transfer { to, points } = request.json_body()?;
    let most = Points::MAX.get();
    if !(1..=most).contains(&points) {
        return Err(Problem::body_malformed("/points", format!("points must be 1 to {most}.")));
    }
    let points = Points::new(points);
    let mut subject = engine.subject(params).await?;
    if to == subject.member {
        return Err(Problem::body_malformed("/to", "Nobody transfers points to the same account."));
    }
    let done = engine
        .act_with(&mut subject, &to, &asked, deadline, |settled, other| {
            transfer::transfer(settled, other, &asked, points)
        })
        .await?;
    let posted = Posted::new(done.entry.as_ref(), &engine.settled(&subject, done.account)?);
    Ok(Answer::once(&posted, done.replayed))
}
