//! `PUT /v1/programs/{program}`: publishes a program document as an immutable, numbered version.

use jiff::Timestamp;
use regulars_api::http::{self, Answer, Call, NewVersion, Precondition, Problem};
use regulars_application::{
    engine::Engine,
    refusal::{FindingView, RefusalCode, program_invalid},
};
use regulars_domain::{
    id::{Actor, ProgramId},
    program::{Finding, Program},
    succession::{Edition, Succession, first, succession},
    version_head::VersionHead,
};
use regulars_store::{Publication, Publish, Start};
use schemars::JsonSchema;
use serde::Serialize;

use crate::versions::document;

/// A published version of a program.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Published {
    /// The program.
    program: ProgramId,
    /// The number of the version.
    version: u64,
    /// When the version comes into force.
    in_force_from: Timestamp,
    /// Warnings, which did not prevent the publication.
    warnings: Vec<FindingView>,
}

/// Publishes a document.
///
/// The document itself is checked before the table is read. A repeat is detected before the document is compared with
/// the clock and with other versions, so a repeat gets the first answer, no matter how late it arrives.
pub(crate) async fn publish(
    Call { engine, request, params, .. }: Call<'_, Engine, http::Publication>,
) -> Result<Answer<Published, NewVersion>, Problem> {
    let id = params.program()?;
    let actor = request.actor();
    let expected = match request.precondition()? {
        Precondition::Absent => None,
        Precondition::Version(version) => Some(version),
    };
    let body = request.document()?;
    let document = body.value();
    // The number is not known yet. An earlier version than this one has at most the expected number.
    let program = Program::read(document, expected.unwrap_or_default().saturating_add(1));
    let program = program.map_err(|faults| program_invalid(&faults))?;
    let new = Edition { program: &program, document };

    let text = document.to_string();
    let publish = Publish { expected, document: &text, now: engine.clock.now() };
    let (publication, warnings) = match engine.store.start_publication(&id, publish).await? {
        Start::Open(heads) => {
            let before = heads.as_ref().map_or(&[][..], |heads| &heads.versions);
            let (head, warnings) = prepare(engine, &id, new, before, publish.now, actor).await?;
            (engine.store.publish(&id, publish, &head).await?, warnings)
        }
        Start::Settled(publication) => {
            let warnings = repeated(engine, &id, new, &publication).await?;
            (publication, warnings)
        }
    };
    answer(engine, id, &publication, &warnings)
}

/// Returns the head of a version that is published `now` after those in `before`, without its number, which the store
/// assigns; and the warnings.
async fn prepare(
    engine: &Engine,
    id: &ProgramId,
    new: Edition<'_>,
    before: &[VersionHead],
    now: Timestamp,
    actor: Option<Actor>,
) -> Result<(VersionHead, Vec<Finding>), Problem> {
    let is_first = before.is_empty();
    let begins = begins(engine, new.program, is_first, now);
    let compared = compare(engine, id, new, before, *begins.as_ref().unwrap_or(&now)).await?;
    let (Succession { differs, replaces, warnings }, in_force_from) = match (compared, begins) {
        (Ok(succession), Ok(begins)) => (succession, begins),
        (compared, begins) => {
            let faults = compared.err().into_iter().flatten().chain(begins.err()).collect::<Vec<_>>();
            return Err(program_invalid(&faults).into());
        }
    };
    let head = VersionHead {
        version: 0,
        in_force_from,
        published_at: now,
        actor,
        differs,
        backdating_days_max: new.program.points.backdating_days_max,
        corrects: new.program.corrects,
        replaces,
    };
    Ok((head, warnings))
}

/// Returns when a version that is published `now` comes into force.
fn begins(engine: &Engine, program: &Program, is_first: bool, now: Timestamp) -> Result<Timestamp, Finding> {
    let soonest = engine.programs.soonest(now);
    match program.in_force_from {
        _ if is_first => Ok(now),
        None => Ok(soonest),
        Some(begins) if begins >= soonest => Ok(begins),
        Some(_) => Err(Finding {
            at: "/in_force_from".to_owned(),
            code: "too_soon",
            message: format!("must be {soonest} or later; leave it out to publish as soon as is safe"),
        }),
    }
}

/// Compares a document that comes into force at `begins` with the newest of the versions in `before`: returns what it changes,
/// and all warnings; or the changes that are not allowed.
async fn compare(
    engine: &Engine,
    id: &ProgramId,
    new: Edition<'_>,
    before: &[VersionHead],
    begins: Timestamp,
) -> Result<Result<Succession, Vec<Finding>>, Problem> {
    let with_ineffective = |mut succession: Succession, before| {
        succession.warnings.extend(new.program.ineffective(before, begins));
        succession
    };
    let Some(newest) = before.last() else { return Ok(Ok(with_ineffective(first(new), None))) };
    let document = document(engine, id, newest.version).await?;
    let program = Program::stored(&document, newest.version).map_err(|faults| {
        Problem::fault(format!("program {id} version {} cannot be read: {faults:?}", newest.version))
    })?;
    let succession = succession(Edition { program: &program, document: &document }, new, before);
    Ok(succession.map(|succession| with_ineffective(succession, Some(&program))))
}

/// Returns the warnings of a publication that was carried out before.
async fn repeated(
    engine: &Engine,
    id: &ProgramId,
    new: Edition<'_>,
    publication: &Publication,
) -> Result<Vec<Finding>, Problem> {
    let Publication::Published(head) = publication else { return Ok(Vec::new()) };
    let heads = engine.store.program_heads(id).await?;
    let before = heads.iter().flat_map(|heads| heads.versions.iter()).filter(|other| other.version < head.version);
    let compared = compare(engine, id, new, &before.cloned().collect::<Vec<_>>(), head.in_force_from).await?;
    Ok(compared.map(|succession| succession.warnings).unwrap_or_default())
}

fn answer(
    engine: &Engine,
    id: ProgramId,
    publication: &Publication,
    warnings: &[Finding],
) -> Result<Answer<Published, NewVersion>, Problem> {
    match publication {
        Publication::Published(VersionHead { version, in_force_from, .. }) => {
            engine.programs.forget(&id);
            let warnings = warnings.iter().map(FindingView::from).collect();
            let published = Published { program: id, version: *version, in_force_from: *in_force_from, warnings };
            Ok(Answer::published(&published, *version))
        }
        Publication::Stale { current } => {
            let detail = match current {
                Some(current) => {
                    format!("The newest version is {current}. Read it, and publish with If-Match: \"{current}\".")
                }
                None => "There is no such program yet. Publish its first version with If-None-Match: *.".to_owned(),
            };
            Err(Problem::new(RefusalCode::ProgramVersionStale, detail).with("current", *current))
        }
        Publication::Scheduled { version, in_force_from } => {
            let detail = format!(
                "Version {version} begins at {in_force_from}. Publish after that, or withdraw it with \
                 DELETE /v1/programs/{id}/versions/{version}."
            );
            let problem = Problem::new(RefusalCode::VersionScheduled, detail).with("version", *version);
            Err(problem.with("in_force_from", in_force_from.to_string()))
        }
        Publication::Full { versions } => {
            let detail = format!(
                "The program has {versions} versions, and its list of versions has no room for more. \
                 Continue with a program under another id."
            );
            Err(Problem::new(RefusalCode::VersionsFull, detail))
        }
    }
}
