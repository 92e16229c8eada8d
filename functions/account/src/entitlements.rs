//! `GET /members/{member}/entitlements`: the entitlements of a member, and their uses left.

use regulars_api::{
    http::{Answer, Call, Problem},
    view::EntitlementView,
};
use regulars_application::engine::Engine;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Entitlements {
    entitlements: Vec<EntitlementView>,
}

pub(crate) async fn list(Call { engine, params, .. }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account_in_use(&mut subject).await?;
    let settled = engine.settled(&subject, account)?;
    let entitlements = settled.holdings().into_iter().map(EntitlementView::from).collect();
    Ok(Answer::ok(&Entitlements { entitlements }))
}
