//! `POST /members/{member}/transfers`: moves points to another member, in both accounts or in neither.

use regulars_api::{
    http::{Answer, Call, Json, Keyed, Once, Problem},
    view::Posted,
};
use regulars_application::engine::Engine;
use regulars_domain::{id::MemberId, points::Points, transfer};
use schemars::JsonSchema;
use serde::Deserialize;

/// Maximum number of points of one transfer.
const POINTS_MAX: i64 = Points::MAX.get();

/// Points that one member gives to another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer {
    /// The member who gets the points.
    to: MemberId,
    /// The number of points.
    #[schemars(range(min = 1, max = POINTS_MAX))]
    points: i64,
}

pub(crate) async fn transfer(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Json<Transfer>>>,
) -> Result<Answer<Posted, Once>, Problem> {
    let body = request.body()?;
    let keyed = request.keyed("transfer", body.value())?;
    let Transfer { to, points } = body.object()?;
    if !(1..=POINTS_MAX).contains(&points) {
        return Err(Problem::body_malformed("/points", format!("`points` must be 1 to {POINTS_MAX}.")));
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
