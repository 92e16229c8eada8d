//! `PATCH /members/{member}`: changes the status and attributes. Repeating it changes nothing, so no key is needed.

use std::collections::BTreeMap;

use regulars_api::{
    http::{Answer, Call, Caller, Json, Problem, ProblemCode},
    view::AccountView,
};
use regulars_application::{engine::Engine, refusal::Refusal};
use regulars_domain::{
    account::AttributeValue,
    enroll::{self, MemberChange, NewStatus},
    program::Program,
    scalar::or_default,
    settle::Settled,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Changes of a member.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberChange")]
pub(crate) struct Changes {
    /// The new status.
    #[serde(default)]
    status: Option<NewStatus>,
    /// The attributes to change, as the program defines them. `null` removes an attribute.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<BTreeMap<String, Option<AttributeValue>>>")]
    attributes: BTreeMap<String, Value>,
}

pub(crate) async fn change(
    Call { engine, request, params, deadline }: Call<'_, Engine, Json<Changes>>,
) -> Result<Answer<AccountView>, Problem> {
    let changes = request.json_body()?;
    let mut subject = params.subject(engine).await?;
    if request.caller() == Caller::Member {
        check_member(&changes, subject.program()?)?;
    }
    let Changes { status, attributes } = changes;
    let changes =
        MemberChange { status, attributes: subject.program()?.read_attributes(&attributes).map_err(Refusal::from)? };
    let (by, actor) = (request.by(), request.actor());
    let change = |settled: Settled<'_>| enroll::change_member(settled, changes.clone(), by, actor.as_ref());
    let done = engine.change(&mut subject, deadline, change).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account)?)))
}

/// Rejects changes that members may not make themselves.
///
/// # Errors
///
/// `scope_missing`.
fn check_member(Changes { status, attributes }: &Changes, program: &Program) -> Result<(), Problem> {
    let refused = |detail: String| Err(Problem::new(ProblemCode::ScopeMissing, detail));
    if status.is_some() {
        return refused("Only an operator can change a member's status.".to_owned());
    }
    match attributes.keys().find(|name| !program.is_editable_by_member(name)) {
        Some(name) => refused(format!("A member cannot change the attribute `{name}`.")),
        None => Ok(()),
    }
}
