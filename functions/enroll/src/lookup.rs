//! `POST /members/lookup`: finds a member by an alias. The alias is in the body, because paths are logged.

use regulars_api::{
    http::{Answer, Call, Json, Problem},
    view::AccountView,
};
use regulars_application::{engine::Engine, refusal::RefusalCode, subject::Subject};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::names::Name;

/// A search for a member by an alias.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    /// The alias.
    alias: Name,
}

pub(crate) async fn look_up(
    Call { engine, request, params, .. }: Call<'_, Engine, Json<Lookup>>,
) -> Result<Answer<AccountView>, Problem> {
    let Lookup { alias: name } = request.json_body()?;
    let now = engine.clock.now();
    let (program_id, versions) = params.versions(engine, now).await?;
    let alias = name.alias(engine, &program_id, "/alias").await?;
    let member = engine.store.member_by_alias(&program_id, &alias).await?;
    let member =
        member.ok_or_else(|| Problem::new(RefusalCode::MemberNotFound, "No member of this program has this alias."))?;
    let mut subject = Subject::new(program_id, versions, member, now);
    let account = engine.account(&mut subject).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, account)?)))
}
