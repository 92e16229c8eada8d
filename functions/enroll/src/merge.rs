//! `POST /members/{member}/merge`: merges two members who are one person. The old id then answers with the new one.

use regulars_api::{
    http::{Answer, Call, Json, Keyed, Once, Problem},
    view::{AccountView, EntryView},
};
use regulars_application::engine::Engine;
use regulars_domain::{id::MemberId, merge};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request to merge the member into another one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Merge {
    /// The member that remains.
    into: MemberId,
}

/// The answer to a merge: both accounts as they are now.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Merged {
    /// The entry of the merge in the ledger of the merged member.
    entry: Option<EntryView>,
    /// The account that was merged.
    account: AccountView,
    /// The account that remains.
    into: AccountView,
}

pub(crate) async fn merge(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Json<Merge>>>,
) -> Result<Answer<Merged, Once>, Problem> {
    let body = request.body()?;
    let keyed = request.keyed("merge", body.value())?;
    let Merge { into } = body.object()?;
    let mut subject = params.subject(engine).await?;
    if into == subject.member {
        return Err(Problem::body_malformed(
            "/into",
            "A member cannot be merged into itself; `into` must be another member.",
        ));
    }
    let done = engine
        .act_with(&mut subject, &into, &keyed, deadline, |settled, other| merge::merge(settled, other, &keyed))
        .await?;
    let mut target = subject.with_member(into);
    let account = engine.account(&mut target).await?;
    let merged = Merged {
        entry: done.entry.as_ref().map(|recorded| EntryView::from(&recorded.sealed)),
        account: AccountView::from(&engine.settled(&subject, done.account)?),
        into: AccountView::from(&engine.settled(&target, account)?),
    };
    Ok(Answer::once(&merged, done.replayed))
}
