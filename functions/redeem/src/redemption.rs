//! `POST /members/{member}/redemptions/{entry}/capture`, `/cancellation`, `/reversals`: changes of a redemption.

use regulars_api::{
    http::{Answer, Call, Empty, HttpRequest, Keyed, Once, Optional, Params, Problem},
    view::Redeemed,
};
use regulars_application::{
    body::told,
    codes,
    command::{KeyedRequest, Undecided, acted_on},
    deadline::Deadline,
    engine::Engine,
    refusal::Refusal,
    subject::Subject,
};
use regulars_domain::{
    aftermath::Recorded,
    id::EntryId,
    money::Money,
    points::Points,
    posting::Posting,
    redemption::{self, Part},
    scalar::or_default,
    settle::Settled,
};
use regulars_store::{Found, Needs};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Maximum number of points in one request.
const POINTS_MAX: i64 = Points::MAX.get();

/// A request to spend the points of a hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Capture {
    /// The number of held points to spend; the rest returns to the member. Default: all of them.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "i64", range(min = 1, max = POINTS_MAX))]
    points: Option<i64>,
}

/// A request to reverse a redemption. At most one of `points` and `money` says how much. Default: everything that is left.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RedemptionReversal", extend("not" = json!({ "required": ["points", "money"] })))]
pub(crate) struct Reversal {
    /// The number of points to return.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "i64", range(min = 1, max = POINTS_MAX))]
    points: Option<i64>,
    /// The money whose points are returned.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Money")]
    money: Option<Money>,
    /// What happens to the piece.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Stock>")]
    stock: Stock,
}

/// What happens to the piece of a reversed redemption.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Stock {
    /// The piece returns to stock.
    #[default]
    Returned,
    /// The piece does not return to stock.
    WrittenOff,
}

pub(crate) async fn capture(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Optional<Capture>>>,
) -> Result<Answer<Redeemed, Once>, Problem> {
    let entry = params.entry()?;
    let Capture { points } = request.json_body_or_default()?;
    let keyed = request.keyed(&format!("capture {entry}"), &json!(points))?;
    let points = points.map(Points::new);
    act(engine, (&request, params), deadline, &entry, &keyed, |settled, held, _| {
        Ok(redemption::capture(settled, &keyed, held, points).map_err(Refusal::from)?)
    })
    .await
}

pub(crate) async fn cancel(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Empty>>,
) -> Result<Answer<Redeemed, Once>, Problem> {
    let entry = params.entry()?;
    request.no_body()?;
    let keyed = request.keyed(&format!("cancellation {entry}"), &json!(null))?;
    act(engine, (&request, params), deadline, &entry, &keyed, |settled, held, _| {
        Ok(redemption::cancel(settled, &keyed, held).map_err(Refusal::from)?)
    })
    .await
}

pub(crate) async fn reverse(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Optional<Reversal>>>,
) -> Result<Answer<Redeemed, Once>, Problem> {
    let entry = params.entry()?;
    let Reversal { points, money, stock } = request.json_body_or_default()?;
    let is_returned = stock == Stock::Returned;
    let keyed = request.keyed(&format!("redemption reversal {entry}"), &json!([is_returned, points, money]))?;
    let part = match (points, money) {
        (None, None) => Part::Rest,
        (Some(points), None) => Part::Points(Points::new(points)),
        (None, Some(money)) => Part::Money(money),
        (Some(_), Some(_)) => {
            return Err(Refusal::body_malformed("", "Send `points` or `money`, not both.").into());
        }
    };
    act(engine, (&request, params), deadline, &entry, &keyed, |settled, redeemed, found| {
        let code = codes::given_for(redeemed, found)?;
        Ok(redemption::reverse(settled, &keyed, redeemed, code, part, is_returned).map_err(Refusal::from)?)
    })
    .await
}

/// Changes the redemption `entry`, and answers with its current state.
async fn act(
    engine: &Engine,
    (request, params): (&HttpRequest, &Params),
    deadline: Deadline,
    entry: &EntryId,
    keyed: &KeyedRequest,
    decide: impl for<'p> Fn(Settled<'p>, &Recorded, &Found) -> Result<Posting, Undecided> + Send,
) -> Result<Answer<Redeemed, Once>, Problem> {
    let mut subject: Subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let needs = Needs { entries: vec![(subject.member.clone(), entry.clone())], ..Needs::default() };
    let done = engine
        .act_in_steps(&mut subject, &needs, keyed, deadline, move |subject, settled, found| {
            let recorded = acted_on(subject, settled.account(), found, entry)?;
            decide(settled, recorded, found)
        })
        .await?;
    let redemption = engine.entry(&subject, &done.account, entry).await?;
    let settled = engine.settled(&subject, done.account)?;
    let redeemed = Redeemed::new(done.entry.as_ref(), redemption.as_ref(), &settled);
    Ok(Answer::once(&redeemed, done.replayed))
}
