//! `PUT` and `GET /v1/programs/{program}`: a program document as an immutable, numbered version.

use regulars_api::{
    command::path_id,
    engine::Engine,
    http::{Answer, Code, PROGRAM_BYTES_MAX, Params, Precondition, Problem, Request},
    refusal::program_invalid,
};
use regulars_domain::{id::ProgramId, program::Program};
use regulars_store::Publication;
use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Serialize)]
struct Published {
    program: ProgramId,
    version: u64,
}

pub(crate) async fn publish(engine: &Engine, request: &Request, params: &Params) -> Result<Answer, Problem> {
    let id = named(params)?;
    let expected = match request.precondition()? {
        Precondition::Absent => None,
        Precondition::Version(version) => Some(version),
    };
    let document = request.json_value(PROGRAM_BYTES_MAX)?;
    let version = expected.unwrap_or_default().saturating_add(1);
    Program::read(&document, version).map_err(|faults| program_invalid(&faults))?;
    match engine.store.publish(&id, expected, &document.to_string()).await? {
        Publication::Published { version } => {
            engine.programs.forget(&id);
            Ok(Answer::created(&Published { program: id, version }).etag(version))
        }
        Publication::Stale { current } => {
            let detail = match current {
                Some(current) => {
                    format!("The current version is {current}. Read it, and publish with If-Match: \"{current}\".")
                }
                None => "There is no such program yet. Publish its first version with If-None-Match: *.".to_owned(),
            };
            Err(Problem::new(Code::ProgramVersionStale, detail).with("current", current))
        }
    }
}

pub(crate) async fn read(engine: &Engine, params: &Params) -> Result<Answer, Problem> {
    let id = named(params)?;
    let unknown = || Problem::new(Code::ProgramNotFound, format!("There is no program `{id}` published."));
    let version = engine.store.program_version(&id).await?.ok_or_else(unknown)?;
    let document = engine.store.program_document(&id, version).await?.ok_or_else(unknown)?;
    let document: Value = serde_json::from_str(&document).map_err(Problem::fault)?;
    Ok(Answer::ok(&document).etag(version))
}

fn named(params: &Params) -> Result<ProgramId, Problem> {
    path_id(params, "program", Code::ProgramNotFound)
}
