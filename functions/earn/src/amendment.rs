//! `POST /members/{member}/accruals/{entry}/amendments`: the whole purchase as it is now.

use regulars_api::{
    http::{Answer, HttpRequest, Params, Problem},
    view::Reversed,
};
use regulars_application::{
    command::{Done, KeyedRequest, Undecided, acted_on},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    subject::Subject,
};
use regulars_domain::{amendment, fingerprint::Content, id::EntryId, purchase::Purchase};
use regulars_store::Needs;
use serde::Deserialize;
use serde_json::json;

use crate::referral::paid_along;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Amendment {
    pub(crate) purchase: Purchase,
}

/// What a request that makes `entry` this `purchase` is fingerprinted as.
pub(crate) fn content(entry: &EntryId, purchase: &Purchase) -> Content {
    Content::of(&format!("amendment {entry}"), &json!({ "purchase": purchase }))
}

pub(crate) async fn amend(
    engine: &Engine,
    request: &HttpRequest,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let entry = params.entry()?;
    let Amendment { purchase } = request.json_body()?;
    let keyed = request.keyed_by(content(&entry, &purchase))?;
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let done = act(engine, &mut subject, &keyed, &entry, &purchase, deadline).await?;
    let accrual = engine.entry(&subject, &done.account, &entry).await?;
    let settled = engine.settled(&subject, done.account)?;
    Ok(Answer::once(&Reversed::new(done.entry.as_ref(), accrual.as_ref(), &settled), done.replayed))
}

/// Makes `entry` this `purchase`, whichever way it was asked.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    keyed: &KeyedRequest,
    entry: &EntryId,
    purchase: &Purchase,
    deadline: Deadline,
) -> Result<Done, Failure> {
    let needs = Needs { entries: vec![(subject.member.clone(), entry.clone())], ..Needs::default() };
    engine
        .act_in_steps(subject, &needs, keyed, deadline, |subject, settled, found| {
            let accrual = acted_on(subject, settled.account(), found, entry)?;
            let then = subject.versions.program(accrual.sealed.entry.program_version)?;
            let ends = amendment::ends_referral(then, accrual, purchase);
            let along = paid_along(subject, &settled, found, accrual, ends)?;
            amendment::amend(settled, keyed, accrual, purchase, &found.counters, along).map_err(Undecided::from)
        })
        .await
}
