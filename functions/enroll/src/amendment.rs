//! `PATCH /members/{member}`: another status, other attributes. Doing it twice changes nothing, so it needs no key.

use std::collections::BTreeMap;

use regulars_api::{
    deadline::Deadline,
    engine::Engine,
    http::{Answer, Params, Problem, Request},
    view::AccountView,
};
use regulars_domain::enroll::{self, Amend, NewStatus};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Amendment {
    #[serde(default)]
    status: Option<NewStatus>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
}

pub(crate) async fn amend(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let Amendment { status, attributes } = request.json_body()?;
    let subject = engine.subject(params).await?;
    let changes = Amend { status, attributes: subject.program.read_attributes(&attributes)? };
    let done = engine.change(&subject, deadline, |settled| enroll::amend(settled, changes.clone())).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account))))
}
