//! `GET /v1/programs/{program}` and `/versions`: reads versions and when they are in force; `DELETE` withdraws a
//! scheduled one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use regulars_api::http::{Answer, Call, Document, Nothing, Params, Problem, Versioned};
use regulars_application::{engine::Engine, refusal::RefusalCode, subject::program_not_found};
use regulars_domain::{
    id::{Actor, ProgramId},
    version_head::VersionHead,
    versions::Versions,
};
use regulars_store::{ProgramHeads, Withdrawal};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The versions of a program.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Versions")]
pub(crate) struct Listed {
    /// The versions, newest first.
    versions: Vec<Row>,
}

/// A version of a program.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Version")]
struct Row {
    /// The number of the version.
    version: u64,
    /// When the version comes or came into force.
    in_force_from: Timestamp,
    /// When the version was published.
    published_at: Timestamp,
    /// The client or person who published the version; `null` if unknown.
    actor: Option<Actor>,
}

impl From<&VersionHead> for Row {
    fn from(head: &VersionHead) -> Self {
        let VersionHead { version, in_force_from, published_at, .. } = *head;
        Self { version, in_force_from, published_at, actor: head.actor.clone() }
    }
}

/// Returns the version in force. The `ETag` is that of the newest version, which may be scheduled, because the next
/// publication must name it.
pub(crate) async fn read_in_force(
    Call { engine, params, .. }: Call<'_, Engine, Nothing>,
) -> Result<Answer<Document, Versioned>, Problem> {
    let id = params.program()?;
    let heads = heads(engine, &id).await?;
    let in_force = Versions::new(heads.versions.clone(), BTreeMap::new()).in_force_at(engine.clock.now());
    let document = document(engine, &id, in_force).await?;
    Ok(Answer::versioned(&Document(document), newest(&heads)))
}

/// Lists all versions, the newest first.
pub(crate) async fn list(
    Call { engine, params, .. }: Call<'_, Engine, Nothing>,
) -> Result<Answer<Listed, Versioned>, Problem> {
    let heads = heads(engine, &params.program()?).await?;
    Ok(listed(&heads))
}

/// Answers with the document of one version.
pub(crate) async fn read(Call { engine, params, .. }: Call<'_, Engine, Nothing>) -> Result<Answer<Document>, Problem> {
    let id = params.program()?;
    let version = numbered(params)?;
    heads(engine, &id).await?.version(version).ok_or_else(|| unknown_version(&id, version))?;
    Ok(Answer::ok(&Document(document(engine, &id, version).await?)))
}

/// Withdraws a scheduled version, and returns those that are left.
pub(crate) async fn withdraw(
    Call { engine, params, .. }: Call<'_, Engine, Nothing>,
) -> Result<Answer<Listed, Versioned>, Problem> {
    let id = params.program()?;
    heads(engine, &id).await?;
    let version = numbered(params)?;
    let notice = engine.programs.notice();
    match engine.store.withdraw(&id, version, engine.clock.now(), notice).await? {
        Withdrawal::Withdrawn(heads) => {
            engine.programs.forget(&id);
            Ok(listed(&heads))
        }
        Withdrawal::InForce { in_force_from } => {
            let before = match notice.as_secs() {
                0 => "before it begins".to_owned(),
                seconds => format!("up to {seconds} seconds before it begins"),
            };
            let detail = format!(
                "Version {version} is in force from {in_force_from}. A version can only be withdrawn {before}. Publish another one \
                 instead; with `\"corrects\": {version}` it removes the tiers that only this version gave.",
            );
            let problem = Problem::new(RefusalCode::VersionInForce, detail);
            Err(problem.with("version", version).with("in_force_from", in_force_from.to_string()))
        }
        Withdrawal::NotFound => Err(unknown_version(&id, version)),
    }
}

fn listed(heads: &ProgramHeads) -> Answer<Listed, Versioned> {
    let listed = Listed { versions: heads.versions.iter().rev().map(Row::from).collect() };
    Answer::versioned(&listed, newest(heads))
}

fn newest(heads: &ProgramHeads) -> Option<u64> {
    heads.newest().map(|newest| newest.version)
}

/// Returns the version number in a path, in its canonical form.
fn numbered(params: &Params) -> Result<u64, Problem> {
    let version: u64 = params.id("version", RefusalCode::VersionNotFound)?;
    let text = params.get("version");
    if version.to_string() == text {
        Ok(version)
    } else {
        Err(Problem::new(
            RefusalCode::VersionNotFound,
            format!("There is no version `{text}`; a version is a number, such as 3."),
        ))
    }
}

async fn heads(engine: &Engine, id: &ProgramId) -> Result<ProgramHeads, Problem> {
    let heads = engine.store.program_heads(id).await?;
    heads.ok_or_else(|| program_not_found(id).into())
}

/// Returns the document of a listed version.
pub(crate) async fn document(engine: &Engine, id: &ProgramId, version: u64) -> Result<Value, Problem> {
    let mut documents = engine.store.program_documents(id, &[version]).await?;
    let document = documents.remove(&version);
    let document = document.ok_or_else(|| Problem::fault(format!("program {id} version {version} is missing")))?;
    serde_json::from_str(&document).map_err(Problem::fault)
}

fn unknown_version(id: &ProgramId, version: u64) -> Problem {
    Problem::new(RefusalCode::VersionNotFound, format!("The program `{id}` has no version {version}."))
}
