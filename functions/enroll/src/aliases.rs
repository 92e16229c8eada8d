//! `POST /members/{member}/aliases`: adds and removes aliases, all or none. Repeating it changes nothing, so no key is
//! needed.

use regulars_api::{
    http::{Answer, Call, Json, Problem},
    view::AccountView,
};
use regulars_application::engine::Engine;
use regulars_domain::{
    account::Alias,
    id::ProgramId,
    names::{NamesChange, change_names},
    scalar::or_default,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::names::{self, NAMES_MAX, Name};

/// Aliases to add and to remove, all of them or none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AliasChange")]
pub(crate) struct Aliases {
    /// The aliases to add.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Vec<Name>>", length(max = NAMES_MAX))]
    add: Vec<Name>,
    /// The aliases to remove.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Vec<Name>>", length(max = NAMES_MAX))]
    remove: Vec<Name>,
}

pub(crate) async fn change(
    Call { engine, request, params, deadline }: Call<'_, Engine, Json<Aliases>>,
) -> Result<Answer<AccountView>, Problem> {
    let wish = request.json_body()?;
    let mut subject = params.subject(engine).await?;
    let wish = read(engine, &subject.program_id, &wish).await?;
    let (by, actor) = (request.by(), request.actor());
    let done =
        engine.change(&mut subject, deadline, |settled| change_names(settled, &wish, by, actor.as_ref())).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account)?)))
}

/// Reads the aliases of a request.
///
/// # Errors
///
/// `body_malformed` for an invalid alias, for too many, and for an alias that is added and removed.
async fn read(engine: &Engine, program: &ProgramId, Aliases { add, remove }: &Aliases) -> Result<NamesChange, Problem> {
    let add = names::aliases(engine, program, add, "/add").await?;
    let remove = names::aliases(engine, program, remove, "/remove").await?;
    match add.iter().position(|alias: &Alias| remove.contains(alias)) {
        Some(index) => Err(Problem::body_malformed(format!("/add/{index}"), "This alias is also in `remove`.")),
        None => Ok(NamesChange { add, remove }),
    }
}
