//! `POST /members/{member}/transfers`: moves points to another member, in both accounts or in neither.

use regulars_api::{
    http::{Answer, Call, Problem},
    view::Posted,
};
use regulars_application::engine::Engine;
use regulars_domain::{id::MemberId, points::Points, transfer};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    to: MemberId,
    points: i64,
}

pub(crate) async fn transfer(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let body = request.body()?;
    let keyed = request.keyed("transfer", body.value())?;
    let Transfer { to, points } = body.object()?;
    let most = Points::MAX.get();
    if !(1..=most).contains(&points) {
        return Err(Problem::body_malformed("/points", format!("`points` must be 1 to {most}.")));
    }
    let points = Points::new(points);
    let mut subject = params.subject(engine).await?;
    if to == subject.member {
        return Err(Problem::body_malformed("/to", "Points cannot be transferred to the account that they come from."));
    }
    let done = engine
        .act_with(&mut subject, &to, &keyed, deadline, |settled, other| {
            transfer::transfer(settled, other, &keyed, points)
        })
        .await?;
    Posted::answer(engine, &subject, done)
}
