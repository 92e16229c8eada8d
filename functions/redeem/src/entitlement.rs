//! `POST /members/{member}/entitlements/{entitlement}/uses`: uses an entitlement of the member's tier or plan once.

use regulars_api::{
    http::{Answer, Call, Empty, Keyed, Once, Problem},
    view::Used,
};
use regulars_application::{engine::Engine, refusal::RefusalCode};
use regulars_domain::{entitlement, id::EntitlementId};
use regulars_store::Needs;
use serde_json::Value;

pub(crate) async fn use_once(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Empty>>,
) -> Result<Answer<Used, Once>, Problem> {
    let id: EntitlementId = params.id("entitlement", RefusalCode::EntitlementNotFound)?;
    request.no_body()?;
    let keyed = request.keyed(&format!("entitlement use {id}"), &Value::Null)?;
    let mut subject = params.subject(engine).await?;
    let done = engine
        .act(&mut subject, &Needs::default(), &keyed, deadline, |_, settled, _| {
            entitlement::use_once(settled, &keyed, &id)
        })
        .await?;
    let settled = engine.settled(&subject, done.account)?;
    Ok(Answer::once(&Used::new(done.entry.as_ref(), &id, &settled), done.replayed))
}
