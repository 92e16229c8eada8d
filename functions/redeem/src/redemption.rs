//! `POST /members/{member}/redemptions/{entry}/capture`, `/cancellation`, `/reversals`: changes of a redemption.

use regulars_api::{
    http::{Answer, Call, HttpRequest, Params, Problem},
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
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Capture {
    /// The number of held points to capture; default: all of them.
    #[serde(default, deserialize_with = "told")]
    points: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reversal {
    /// The number of points to reverse; without it and `money`, all that are left.
    #[serde(default, deserialize_with = "told")]
    points: Option<i64>,
    /// The amount of its money to reverse, in place of `points`.
    #[serde(default, deserialize_with = "told")]
    money: Option<Money>,
    /// What happens to the item.
    #[serde(default, deserialize_with = "or_default")]
    stock: Stock,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Stock {
    /// It returns to stock.
    #[default]
    Returned,
    /// It does not return to stock.
    WrittenOff,
}

pub(crate) async fn capture(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let entry = params.entry()?;
    let Capture { points } = request.json_body_or_default()?;
    let keyed = request.keyed(&format!("capture {entry}"), &json!(points))?;
    let points = points.map(Points::new);
    act(engine, (request, params), deadline, &entry, &keyed, |settled, held, _| {
        Ok(redemption::capture(settled, &keyed, held, points).map_err(Refusal::from)?)
    })
    .await
}

pub(crate) async fn cancel(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let entry = params.entry()?;
    request.no_body()?;
    let keyed = request.keyed(&format!("cancellation {entry}"), &json!(null))?;
    act(engine, (request, params), deadline, &entry, &keyed, |settled, held, _| {
        Ok(redemption::cancel(settled, &keyed, held).map_err(Refusal::from)?)
    })
    .await
}

pub(crate) async fn reverse(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
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
    act(engine, (request, params), deadline, &entry, &keyed, |settled, redeemed, found| {
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
) -> Result<Answer, Problem> {
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
