//! `GET /members/{member}/entitlements`: the entitlements of a member, and their uses left.

use regulars_api::{
    http::{Answer, Call, Nothing, Problem},
    view::EntitlementView,
};
use regulars_application::engine::Engine;
use schemars::JsonSchema;
use serde::Serialize;

/// The entitlements of a member.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Entitlements {
    /// What the tier and the plan of the member grant now.
    entitlements: Vec<EntitlementView>,
}

pub(crate) async fn list(
    Call { engine, params, .. }: Call<'_, Engine, Nothing>,
) -> Result<Answer<Entitlements>, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account_in_use(&mut subject).await?;
    let settled = engine.settled(&subject, account)?;
    let entitlements = settled.holdings().into_iter().map(EntitlementView::from).collect();
    Ok(Answer::ok(&Entitlements { entitlements }))
}
