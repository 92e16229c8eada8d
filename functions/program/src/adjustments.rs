//! `POST /members/{member}/adjustments`: an operator gives or deducts points, with a reason.

use regulars_api::{
    http::{Answer, Call, Json, Keyed, Once, Problem},
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
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Points given or deducted by an operator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("allOf" = relations()))]
pub(crate) struct Adjustment {
    /// The points to give, or to deduct if negative. 0 is allowed only with `qualifying`.
    #[schemars(range(min = POINTS_MIN, max = POINTS_MAX))]
    points: i64,
    /// The last day of the points given. Without it, the expiry of the program applies.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Day")]
    expires_on: Option<Day>,
    /// The change of the amounts that count toward a tier.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Counting")]
    qualifying: Option<Counting>,
    /// The reason, as a code of the operator.
    reason: Label,
    /// A note for people. It may contain personal data, and an erasure deletes it.
    #[serde(default)]
    note: Option<Note>,
}

/// A change of the amounts that count toward a tier.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "QualifyingChange")]
struct Counting {
    /// The change of the qualifying points.
    #[schemars(range(min = POINTS_MIN, max = POINTS_MAX))]
    points: i64,
    /// The change of the money spent, in minor units.
    #[schemars(range(min = POINTS_MIN, max = POINTS_MAX))]
    spend: i64,
    /// The change of the number of visits.
    #[schemars(range(min = POINTS_MIN, max = POINTS_MAX))]
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

/// The bounds of each number, in both directions.
const POINTS_MAX: i64 = Points::MAX.get();
const POINTS_MIN: i64 = POINTS_MAX.saturating_neg();

/// Returns the schema of the relations between fields: a request changes something, and only points that are given have
/// a last day.
fn relations() -> Value {
    let changed = |field: &str| json!({ "required": [field], "properties": { field: { "not": { "const": 0 } } } });
    let counts = json!({ "anyOf": [changed("points"), changed("spend"), changed("visits")] });
    json!([
        { "anyOf": [changed("points"), { "required": ["qualifying"], "properties": { "qualifying": counts } }] },
        { "not": { "required": ["expires_on"], "properties": { "points": { "maximum": 0 } } } },
    ])
}

/// Rejects a number outside of the bounds.
fn check_bounds(at: &str, amount: i64) -> Result<(), Refusal> {
    if (POINTS_MIN..=POINTS_MAX).contains(&amount) {
        return Ok(());
    }
    let field = at.rsplit('/').next().unwrap_or_default();
    Err(Refusal::body_malformed(at, format!("`{field}` must be from {POINTS_MIN} to {POINTS_MAX}.")))
}

pub(crate) async fn adjust(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Json<Adjustment>>>,
) -> Result<Answer<Posted, Once>, Problem> {
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
