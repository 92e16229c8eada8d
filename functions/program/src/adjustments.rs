//! `POST /members/{member}/adjustments`: an operator gives or deducts points, with a reason.

use regulars_api::{
    http::{Answer, Call, Problem},
    view::Posted,
};
use regulars_application::{body::told, engine::Engine, refusal::Refusal};
use regulars_domain::{
    adjust::{self, Adjust},
    instant::Day,
    points::Points,
    qualifying::Qualifying,
    text::{Label, Note},
};
use regulars_store::Needs;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Adjustment {
    points: i64,
    /// The last day of points given.
    #[serde(default, deserialize_with = "told")]
    expires_on: Option<Day>,
    /// Amounts to add to the current tier period, or to deduct if negative.
    #[serde(default, deserialize_with = "told")]
    qualifying: Option<Counting>,
    reason: Label,
    #[serde(default)]
    note: Option<Note>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Counting {
    points: i64,
    spend: i64,
    visits: i64,
}

impl Counting {
    /// Returns the amounts.
    ///
    /// # Errors
    ///
    /// `body_malformed` for a number out of bounds.
    fn qualifying(&self) -> Result<Qualifying, Refusal> {
        let Self { points, spend, visits } = *self;
        for (field, amount) in [("points", points), ("spend", spend), ("visits", visits)] {
            check_bounds(&format!("/qualifying/{field}"), amount)?;
        }
        Ok(Qualifying { points, spend, visits })
    }
}

/// Rejects an amount out of bounds.
fn check_bounds(at: &str, amount: i64) -> Result<(), Refusal> {
    let most = Points::MAX.get();
    if amount.checked_abs().is_some_and(|amount| amount <= most) {
        return Ok(());
    }
    Err(Refusal::body_malformed(
        at,
        format!("`{}` must be from -{most} to {most}.", at.rsplit('/').next().unwrap_or_default()),
    ))
}

pub(crate) async fn adjust(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let body = request.body()?;
    let keyed = request.keyed("adjustment", body.value())?;
    let Adjustment { points, expires_on, qualifying, reason, note } = body.object()?;
    check_bounds("/points", points)?;
    let qualifying = qualifying.unwrap_or_default().qualifying()?;
    if points == 0 && qualifying.is_zero() {
        return Err(Problem::body_malformed("/points", "`points` can be 0 only if `qualifying` changes something."));
    }
    if points <= 0 && expires_on.is_some() {
        return Err(Problem::body_malformed(
            "/expires_on",
            "`expires_on` is only for points that are given; `points` is not above 0.",
        ));
    }
    let expires_on = expires_on.map(|Day(day)| day);
    let wish = Adjust { points: Points::new(points), expires_on, qualifying, reason, note };
    let mut subject = params.subject(engine).await?;
    let done = engine
        .act(&mut subject, &Needs::default(), &keyed, deadline, |_, settled, _| adjust::adjust(settled, &keyed, &wish))
        .await?;
    Posted::answer(engine, &subject, done)
}
