//! `POST /members/{member}/erasure`: removes everything that is kept of a person. The ledger keeps anonymous entries.

use regulars_api::{
    http::{Answer, Call, Problem},
    view::AccountView,
};
use regulars_application::engine::Engine;
use regulars_domain::text::Label;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Erasure {
    /// Why, in the operator's own code.
    #[serde(default)]
    reason: Option<Label>,
}

pub(crate) async fn erase(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let Erasure { reason } = request.json_body_or_default()?;
    // The fingerprint of this request has no secret behind it: the reason is a code, and nothing else is in it.
    let keyed = request.keyed("erasure", &json!({ "reason": reason }))?;
    let mut subject = params.subject(engine).await?;
    let done = engine.erase(&mut subject, &keyed, reason.as_ref(), deadline).await?;
    let account = AccountView::from(&engine.settled(&subject, done.account)?);
    Ok(if done.replayed { Answer::replayed(&account) } else { Answer::ok(&account) })
}
