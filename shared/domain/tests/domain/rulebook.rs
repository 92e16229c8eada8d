//! Program documents, and the versions of a program as tests pass them.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use jiff::Timestamp;
use regulars_domain::{
    account::Account,
    id::LevelId,
    program::Program,
    settle::{Settled, Settlement, settle},
    succession::{Edition, succession},
    version_head::{Differs, VersionHead},
    versions::Versions,
};
use serde_json::{Value, json};

/// A complete program document, with something of everything.
pub(crate) fn example() -> Value {
    serde_json::from_str(include_str!("program.json")).unwrap()
}

/// Returns the smallest program document, with these `parts`.
pub(crate) fn document(parts: Value) -> Value {
    let mut document = json!({ "name": "Test", "time_zone": "Europe/Istanbul", "currency": "EUR" });
    let Value::Object(parts) = parts else { panic!("parts of a document are fields") };
    document.as_object_mut().unwrap().extend(parts);
    document
}

/// Returns the program of a valid document.
pub(crate) fn program_of(document: &Value) -> Rulebook {
    Rulebook::first(document)
}

/// Returns the program of the smallest document, with these `parts`.
pub(crate) fn program(parts: Value) -> Rulebook {
    program_of(&document(parts))
}

/// The versions of a program, all of them loaded. It dereferences to the newest of them.
#[derive(Clone, Debug)]
pub(crate) struct Rulebook {
    versions: Versions,
    programs: BTreeMap<u64, Arc<Program>>,
    newest: Arc<Program>,
    document: Value,
}

/// What else the newest version says about earlier versions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Succeeds<'a> {
    pub(crate) corrects: Option<u64>,
    pub(crate) replaces: &'a [(&'a str, &'a str)],
}

impl Deref for Rulebook {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.newest
    }
}

impl Rulebook {
    /// A program with one version.
    pub(crate) fn first(document: &Value) -> Self {
        Self::alone(read(document, 1), document)
    }

    /// A program with one version, as it was read.
    pub(crate) fn alone(newest: Arc<Program>, document: &Value) -> Self {
        let first = Self {
            versions: Versions::new([].into(), BTreeMap::new()),
            programs: BTreeMap::new(),
            newest,
            document: document.clone(),
        };
        first.with(Timestamp::MIN, None, Vec::new(), Differs::Nothing)
    }

    /// Returns the same program with a newer version, in force from this instant.
    pub(crate) fn then(&self, from: Timestamp, document: &Value) -> Self {
        self.succeeded(from, document, Succeeds::default())
    }

    /// Returns the same program with a newer version, in force from this instant, with this relation to earlier
    /// versions.
    ///
    /// It is compared with the version before, like at its publication. A version that could not be published, because
    /// a level is missing, counts as one with other tiers.
    pub(crate) fn succeeded(&self, from: Timestamp, document: &Value, succeeds: Succeeds<'_>) -> Self {
        let mut document = document.clone();
        if let Some(corrects) = succeeds.corrects {
            document["corrects"] = json!(corrects);
        }
        for (old, new) in succeeds.replaces {
            let levels = document["tiers"]["levels"].as_array_mut().unwrap();
            let level = levels.iter_mut().find(|level| level["id"] == *new).unwrap();
            let mut replaced = level["replaces"].as_array().cloned().unwrap_or_default();
            replaced.push(json!(old));
            level["replaces"] = json!(replaced);
        }
        let newest = read(&document, self.newest.version + 1);
        let before = Edition { program: &self.newest, document: &self.document };
        let new = Edition { program: &newest, document: &document };
        let (differs, replaces) = match succession(before, new, self.versions.heads()) {
            Ok(succession) => (succession.differs, succession.replaces),
            Err(problems) => {
                assert!(problems.iter().all(|problem| problem.code == "level_dropped"), "{problems:#?}");
                (Differs::Tiers, Vec::new())
            }
        };
        Self { newest, document, ..self.clone() }.with(from, succeeds.corrects, replaces, differs)
    }

    fn with(self, from: Timestamp, corrects: Option<u64>, replaces: Vec<(LevelId, LevelId)>, differs: Differs) -> Self {
        let head = VersionHead {
            version: self.newest.version,
            in_force_from: from,
            published_at: from,
            actor: None,
            differs,
            backdating_days_max: self.newest.points.backdating_days_max,
            corrects,
            replaces,
        };
        let heads: Vec<_> = self.versions.heads().iter().cloned().chain([head]).collect();
        let mut programs = self.programs;
        programs.insert(self.newest.version, Arc::clone(&self.newest));
        Self { versions: Versions::new(heads.into(), programs.clone()), programs, ..self }
    }

    /// Returns all versions, with the documents of these only.
    pub(crate) fn loaded(&self, versions: &[u64]) -> Versions {
        let programs = versions.iter().map(|version| (*version, Arc::clone(&self.programs[version]))).collect();
        Versions::new(self.versions.heads().into(), programs)
    }

    /// Asserts that the documents that `account` requests before it is settled up to now are enough to settle it and to
    /// decide about it.
    pub(crate) fn assert_enough(&self, account: &Account, settled: &Settled<'_>) {
        let needed = self.loaded(&[]).missing(account, settled.now());
        let enough = self.loaded(&needed);
        let Settlement::Current(again) = settle(&enough, account.clone(), settled.now()) else { panic!("settled") };
        assert_eq!(again.account(), settled.account(), "with versions {needed:?} alone");
        assert_eq!(enough.missing(again.account(), settled.now()), [0; 0], "beside versions {needed:?}");
    }

    /// Returns when the newest version comes into force.
    pub(crate) fn begins(&self) -> Timestamp {
        self.versions.heads().last().unwrap().in_force_from
    }

    /// All versions.
    pub(crate) fn versions(&self) -> &Versions {
        &self.versions
    }
}

fn read(document: &Value, version: u64) -> Arc<Program> {
    Arc::new(Program::read(document, version).unwrap_or_else(|faults| panic!("{faults:#?}")))
}
