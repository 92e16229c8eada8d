//! The programs and their versions, compiled once per version and cached.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use regulars_domain::{
    id::ProgramId,
    program::{Finding, Program},
    version_head::VersionHead,
    versions::Versions,
};
use regulars_store::{Store, StoreFault};
use serde_json::Value;

use crate::clock::Clock;

/// How long the list of a program's versions is cached. A busy function reads it twice a minute.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// The minimum time between publishing a version and its instant, and for withdrawing it. A publication is written
/// within the ten seconds that its function may run, and a list that was read just before is used for [`FRESH_FOR`].
/// The rest is for requests in progress and for clocks that differ.
const NOTICE: SignedDuration = SignedDuration::from_secs(60);

/// Maximum number of programs whose list of versions is cached. A function of a stack with more programs still works,
/// and reads more.
const PROGRAMS_MAX: usize = 64;

/// Maximum number of compiled versions in the cache. Versions never change, so the least recently used one is dropped.
const COMPILED_MAX: usize = 64;

/// The programs and their versions.
#[derive(Debug)]
pub struct ProgramCache {
    notice: SignedDuration,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    lists: HashMap<ProgramId, List>,
    compiled: Compiled,
}

/// The versions of a program as they were read.
#[derive(Debug)]
struct List {
    heads: Arc<[VersionHead]>,
    read_at: ReadAt,
}

/// When something was read, by both of the machine's clocks: the monotonic one may stop while Lambda freezes a
/// function, and the other one may be set.
#[derive(Clone, Copy, Debug)]
struct ReadAt {
    steady: Instant,
    wall: Timestamp,
}

impl ReadAt {
    fn now() -> Self {
        Self { steady: Instant::now(), wall: Clock::System.now() }
    }

    fn is_fresh(self) -> bool {
        let by_wall = Clock::System.now().duration_since(self.wall);
        self.steady.elapsed() < FRESH_FOR && Duration::try_from(by_wall).is_ok_and(|elapsed| elapsed < FRESH_FOR)
    }
}

/// Compiled versions by program and number.
#[derive(Debug, Default)]
struct Compiled {
    programs: HashMap<(ProgramId, u64), (Arc<Program>, u64)>,
    uses: u64,
}

impl Compiled {
    fn find(&mut self, id: &ProgramId, version: u64) -> Option<Arc<Program>> {
        self.uses = self.uses.saturating_add(1);
        let (program, used) = self.programs.get_mut(&(id.clone(), version))?;
        *used = self.uses;
        Some(Arc::clone(program))
    }

    fn keep(&mut self, id: &ProgramId, program: Arc<Program>) {
        if self.programs.len() >= COMPILED_MAX {
            let oldest = self.programs.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            oldest.map(|key| self.programs.remove(&key));
        }
        self.uses = self.uses.saturating_add(1);
        self.programs.insert((id.clone(), program.version), (program, self.uses));
    }
}

/// A published program cannot be used. It was valid when it was published, so this is an internal error.
#[derive(Debug)]
pub enum ProgramBroken {
    /// The store failed.
    Store(StoreFault),
    /// A document is missing, is not JSON, or cannot be read.
    Document(String),
}

impl fmt::Display for ProgramBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(fault) => fault.fmt(f),
            Self::Document(what) => f.write_str(what),
        }
    }
}

impl Default for ProgramCache {
    /// For a function that shares its table with others, which cache for the same time.
    fn default() -> Self {
        Self { notice: NOTICE, kept: Mutex::default() }
    }
}

impl ProgramCache {
    /// Returns a cache for functions of one process that share it: all of them learn of a publication at once, so a
    /// version can be in force at once.
    #[must_use]
    pub fn in_one_process() -> Self {
        Self { notice: SignedDuration::ZERO, kept: Mutex::default() }
    }

    /// Returns how long before a version is in force it must be published.
    #[must_use]
    pub fn notice(&self) -> SignedDuration {
        self.notice
    }

    /// Returns the earliest instant at which a version that is published `now` can be in force.
    #[must_use]
    pub fn soonest(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.notice).unwrap_or(Timestamp::MAX)
    }

    /// Returns the versions of a program, with the rules in force at `now`; `None` if there is no such program. The
    /// list is at most 30 seconds old.
    ///
    /// # Errors
    ///
    /// [`ProgramBroken`].
    pub async fn versions(
        &self,
        store: &Store,
        id: &ProgramId,
        now: Timestamp,
    ) -> Result<Option<Versions>, ProgramBroken> {
        let Some(mut versions) = self.listed(store, id).await? else { return Ok(None) };
        let in_force = versions.in_force_at(now);
        self.load(store, id, &mut versions, &[in_force]).await?;
        Ok(Some(versions))
    }

    /// Adds the rules of the versions `numbers` of the program `id` to `versions`. Those that are not cached need one
    /// round trip to the table, for up to a hundred.
    ///
    /// # Errors
    ///
    /// [`ProgramBroken`], also for a number that is not in `versions`: the list may be older than the account that
    /// names it, so call [`ProgramCache::refresh`] first.
    pub async fn load(
        &self,
        store: &Store,
        id: &ProgramId,
        versions: &mut Versions,
        numbers: &[u64],
    ) -> Result<(), ProgramBroken> {
        let listed = |number: u64| versions.heads().iter().any(|head| head.version == number);
        if let Some(unlisted) = numbers.iter().find(|number| !listed(**number)) {
            return Err(ProgramBroken::Document(format!("program {id} has no version {unlisted}")));
        }
        let missing = numbers.iter().copied().filter(|number| versions.program(*number).is_err()).collect();
        for program in self.compiled(store, id, &missing).await? {
            versions.add(program);
        }
        Ok(())
    }

    /// Like [`ProgramCache::versions`], with a list that is read now: for a function that meets an unknown version.
    ///
    /// # Errors
    ///
    /// [`ProgramBroken`].
    pub async fn refresh(
        &self,
        store: &Store,
        id: &ProgramId,
        now: Timestamp,
    ) -> Result<Option<Versions>, ProgramBroken> {
        self.lock().lists.remove(id);
        self.versions(store, id, now).await
    }

    /// Drops everything cached about `id`, as if the function had just started.
    pub fn forget(&self, id: &ProgramId) {
        let mut kept = self.lock();
        kept.lists.remove(id);
        kept.compiled.programs.retain(|(program, _), _| program != id);
    }

    /// Returns the versions of a program without any rules; `None` if there is no such program.
    async fn listed(&self, store: &Store, id: &ProgramId) -> Result<Option<Versions>, ProgramBroken> {
        let kept = self.lock().lists.get(id).filter(|list| list.read_at.is_fresh()).map(|list| Arc::clone(&list.heads));
        if let Some(heads) = kept {
            return Ok(Some(Versions::new(heads, BTreeMap::new())));
        }
        let read_at = ReadAt::now();
        let Some(heads) = store.program_heads(id).await.map_err(ProgramBroken::Store)? else { return Ok(None) };
        let heads = heads.versions;
        let mut kept = self.lock();
        if kept.lists.len() >= PROGRAMS_MAX {
            kept.lists.clear();
        }
        kept.lists.insert(id.clone(), List { heads: Arc::clone(&heads), read_at });
        Ok(Some(Versions::new(heads, BTreeMap::new())))
    }

    /// Returns the rules of these versions of a program.
    async fn compiled(
        &self,
        store: &Store,
        id: &ProgramId,
        numbers: &BTreeSet<u64>,
    ) -> Result<Vec<Arc<Program>>, ProgramBroken> {
        let mut programs = Vec::new();
        let mut missing = Vec::new();
        {
            let mut kept = self.lock();
            for number in numbers {
                match kept.compiled.find(id, *number) {
                    Some(program) => programs.push(program),
                    None => missing.push(*number),
                }
            }
        }
        if missing.is_empty() {
            return Ok(programs);
        }
        let documents = store.program_documents(id, &missing).await.map_err(ProgramBroken::Store)?;
        for number in missing {
            let program = Arc::new(compile(id, number, documents.get(&number).map(String::as_str))?);
            self.lock().compiled.keep(id, Arc::clone(&program));
            programs.push(program);
        }
        Ok(programs)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Only complete lists and programs are inserted and removed, so the maps are valid even after a panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a stored document.
fn compile(id: &ProgramId, version: u64, document: Option<&str>) -> Result<Program, ProgramBroken> {
    let broken = |what: String| ProgramBroken::Document(format!("program {id} version {version} {what}"));
    let text = document.ok_or_else(|| broken("is missing".to_owned()))?;
    let document: Value = serde_json::from_str(text).map_err(|error| broken(format!("is not JSON: {error}")))?;
    Program::stored(&document, version).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(|Finding { at, message, .. }| format!("{at} {message}")).collect();
        broken(format!("cannot be read: {}", faults.join("; ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{ "name": "Demo", "time_zone": "UTC", "currency": "EUR", "colour": "red" }"#;

    fn program(version: u64) -> Arc<Program> {
        Arc::new(compile(&"demo".parse().unwrap(), version, Some(DOCUMENT)).unwrap())
    }

    #[test]
    fn a_stored_document_is_not_linted_again_and_what_cannot_be_read_is_named() {
        assert_eq!(program(3).version, 3);
        let id = "demo".parse().unwrap();
        for (document, expected) in [
            (None, "program demo version 3 is missing"),
            (Some("{"), "program demo version 3 is not JSON: EOF while parsing an object at line 1 column 1"),
            (
                Some(r#"{ "name": "Demo", "time_zone": "UTC", "currency": 5 }"#),
                "program demo version 3 cannot be read: /currency must be a string, not a number: put it in double quotes",
            ),
        ] {
            match compile(&id, 3, document).unwrap_err() {
                ProgramBroken::Document(told) => assert_eq!(told, expected),
                ProgramBroken::Store(fault) => panic!("{fault:?}"),
            }
        }
    }

    #[test]
    fn the_least_recently_used_version_makes_room() {
        let (one, other): (ProgramId, ProgramId) = ("one".parse().unwrap(), "other".parse().unwrap());
        let mut compiled = Compiled::default();
        for version in 1..=64 {
            compiled.keep(&one, program(version));
        }
        assert!(compiled.find(&one, 1).is_some() && compiled.find(&other, 1).is_none());
        compiled.keep(&other, program(1));
        assert_eq!(compiled.programs.len(), COMPILED_MAX);
        assert!(compiled.find(&one, 2).is_none(), "it had not been used for longest");
        assert!(compiled.find(&one, 1).is_some() && compiled.find(&other, 1).is_some());
    }

    #[test]
    fn a_function_that_others_share_the_table_with_gives_them_a_minutes_notice() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-22T12:01:00Z".parse().unwrap();
        assert_eq!(ProgramCache::default().soonest(now), later);
        assert_eq!(ProgramCache::in_one_process().soonest(now), now);
        assert!(ProgramCache::default().notice() > SignedDuration::try_from(FRESH_FOR).unwrap());
    }

    #[test]
    fn what_was_read_half_a_minute_ago_by_either_clock_is_read_again() {
        let now = ReadAt::now();
        assert!(now.is_fresh());
        let ago = |seconds: i64| now.wall.checked_sub(SignedDuration::from_secs(seconds)).unwrap();
        assert!(ReadAt { wall: ago(25), ..now }.is_fresh());
        assert!(!ReadAt { wall: ago(30), ..now }.is_fresh());
        assert!(!ReadAt { wall: ago(-60), ..now }.is_fresh(), "the wall clock was set back");
        let Some(steady) = now.steady.checked_sub(FRESH_FOR) else { return };
        assert!(!ReadAt { steady, ..now }.is_fresh());
    }
}
