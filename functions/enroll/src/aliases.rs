//! `POST /members/{member}/aliases`: other names added and removed, all of them or none. Doing it twice changes nothing, so it needs no key.

use regulars_api::{
    http::{Answer, Call, Problem},
    view::AccountView,
};
use regulars_application::engine::Engine;
use regulars_domain::{
    account::Alias,
    id::ProgramId,
    names::{NamesChange, change_names},
    scalar::or_default,
};
use serde::Deserialize;

use crate::names::{self, Name};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Aliases {
    #[serde(default, deserialize_with = "or_default")]
    add: Vec<Name>,
    #[serde(default, deserialize_with = "or_default")]
    remove: Vec<Name>,
}

pub(crate) async fn change(Call { engine, request, params, deadline }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let wish: Aliases = request.json_body()?;
    let mut subject = params.subject(engine).await?;
    let wish = read(engine, &subject.program_id, &wish).await?;
    let (by, actor) = (request.by(), request.actor()?);
    let done =
        engine.change(&mut subject, deadline, |settled| change_names(settled, &wish, by, actor.as_ref())).await?;
    Ok(Answer::ok(&AccountView::from(&engine.settled(&subject, done.account)?)))
}

/// Reads the names of a request.
///
/// # Errors
///
/// `body_malformed` for what cannot be a name, for too many, and for a name that is to come and to go.
async fn read(engine: &Engine, program: &ProgramId, Aliases { add, remove }: &Aliases) -> Result<NamesChange, Problem> {
    let add = names::aliases(engine, program, add, "/add").await?;
    let remove = names::aliases(engine, program, remove, "/remove").await?;
    match add.iter().position(|alias: &Alias| remove.contains(alias)) {
        Some(index) => Err(Problem::body_malformed(format!("/add/{index}"), "This alias is also to be removed.")),
        None => Ok(NamesChange { add, remove }),
    }
}
