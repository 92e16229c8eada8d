//! `POST /members/{member}/entitlements/{entitlement}/uses`: what the member's tier or plan gives without points, used once.

use regulars_api::{
    command::{asked, path_id},
    deadline::Deadline,
    engine::Engine,
    http::{Answer, Code, Params, Problem, Request},
    view::Used,
};
use regulars_domain::{entitlement, id::EntitlementId};
use regulars_store::Needs;
use serde_json::Value;

pub(crate) async fn use_once(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let id: EntitlementId = path_id(params, "entitlement", Code::EntitlementNotFound)?;
    request.no_body()?;
    let asked = asked(request, &format!("entitlement use {id}"), &Value::Null)?;
    let mut subject = engine.subject(params).await?;
    let done = engine
        .act(&mut subject, &Needs::default(), &asked, deadline, |_, settled, _| {
            entitlement::use_once(settled, &asked, &id)
        })
        .await?;
    let settled = engine.settled(&subject, done.account)?;
    Ok(Answer::once(&Used::new(done.entry.as_ref(), &id, &settled), done.replayed))
}
