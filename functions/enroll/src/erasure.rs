//! `POST /members/{member}/erasure`: erases all personal data of a member. The ledger keeps anonymous entries.

use regulars_api::{
    http::{Answer, Call, Done, Keyed, Optional, Problem},
    view::AccountView,
};
use regulars_application::engine::Engine;
use regulars_domain::text::Label;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A request to erase the personal data of a member.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erasure {
    /// The reason, as a code of the operator. A suspended account needs one.
    #[serde(default)]
    reason: Option<Label>,
}

pub(crate) async fn erase(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Optional<Erasure>>>,
) -> Result<Answer<AccountView, Done>, Problem> {
    let Erasure { reason } = request.json_body_or_default()?;
    // The fingerprint of this request is not keyed: it contains nothing but a reason code.
    let keyed = request.keyed("erasure", &json!({ "reason": reason }))?;
    let mut subject = params.subject(engine).await?;
    let done = engine.erase(&mut subject, &keyed, reason.as_ref(), deadline).await?;
    let account = AccountView::from(&engine.settled(&subject, done.account)?);
    Ok(Answer::done(&account, done.replayed))
}
