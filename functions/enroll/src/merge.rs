//! `POST /members/{member}/merge`: merges two members who are one person. The old id then answers with the new one.

use regulars_api::{
    http::{Answer, Call, Problem},
    view::{AccountView, EntryView},
};
use regulars_application::engine::Engine;
use regulars_domain::{id::MemberId, merge};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    into: MemberId,
}

/// Both accounts after the merge, or as they are now for a repeat.
#[derive(Debug, Serialize)]
struct Merged {
    entry: Option<EntryView>,
    account: AccountView,
    into: AccountView,
}

pub(crate) async fn merge(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
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
