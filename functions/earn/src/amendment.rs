//! `POST /members/{member}/accruals/{entry}/amendments`: replaces a purchase with its new content.

use regulars_api::{
    http::{Answer, Call, Json, Keyed, Once, Problem},
    view::Reversed,
};
use regulars_application::{
    command::{Done, KeyedRequest, Undecided},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    subject::Subject,
};
use regulars_domain::{
    aftermath::Recorded, amendment, fingerprint::Content, id::EntryId, program::Program, purchase::Purchase,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::again;

/// The whole purchase as it is now.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Amendment {
    /// The purchase, with the `occurred_at` of the original.
    pub(crate) purchase: Purchase,
}

/// Returns the content for the fingerprint of an amendment of `entry` to `purchase`.
pub(crate) fn content(entry: &EntryId, purchase: &Purchase) -> Content {
    Content::of(&format!("amendment {entry}"), &json!({ "purchase": purchase }))
}

pub(crate) async fn amend(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Json<Amendment>>>,
) -> Result<Answer<Reversed, Once>, Problem> {
    let entry = params.entry()?;
    let Amendment { purchase } = request.json_body()?;
    let keyed = request.keyed_by(content(&entry, &purchase))?;
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let done = act(engine, &mut subject, &keyed, &entry, &purchase, deadline).await?;
    again::answer(engine, &subject, done, &entry).await
}

/// Amends `entry` to `purchase`, for HTTP and the queue.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    keyed: &KeyedRequest,
    entry: &EntryId,
    purchase: &Purchase,
    deadline: Deadline,
) -> Result<Done, Failure> {
    let ends = |then: &Program, accrual: &Recorded| amendment::ends_referral(then, accrual, purchase);
    again::act(engine, subject, (entry, keyed), deadline, ends, |settled, (accrual, counters, along)| {
        amendment::amend(settled, keyed, accrual, purchase, counters, along).map_err(Undecided::from)
    })
    .await
}
