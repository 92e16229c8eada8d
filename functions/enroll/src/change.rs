//! `PATCH /members/{member}`: another status, other attributes. Doing it twice changes nothing, so it needs no key.

use std::collections::BTreeMap;

use regulars_api::{
    http::{Answer, HttpRequest, Params, Problem},
    view::AccountView,
};
use regulars_application::{deadline::Deadline, engine::Engine, refusal::Refusal};
use regulars_domain::{
    enroll::{self, MemberChange, NewStatus},
    settle::Settled,
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(default)]
    status: Option<NewStatus>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
}

pub(crate) async fn change(
    engine: &Engine,
    request: &HttpRequest,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let Changes { status, attributes } = request.json_body()?;
    let mut subject = params.subject(engine).await?;
    let changes =
        MemberChange { status, attributes: subject.program()?.read_attributes(&attributes).map_err(Refusal::from)? };
    let (by, actor) = (request.by(), request.actor()?);
    let change = |settled: Settled<'_>| enroll::change_member(settled, changes.clone(), by, actor.as_ref());
    let done = engine.change(&mut subject, deadline, change).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account)?)))
}
