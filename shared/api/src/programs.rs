//! The programs in force, compiled once per published version and kept for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use regulars_domain::{
    id::ProgramId,
    program::{Problem as Fault, Program},
};
use regulars_store::{Store, StoreFault};
use serde_json::Value;

/// How long a program is used before its version is looked at again: a new version is in force everywhere half a minute
/// after it was published, and a busy function reads the version twice a minute.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// Most programs that are kept at a time. A function of a stack with more programs than this still answers, and reads
/// more.
const KEPT_MAX: usize = 64;

/// The programs in force.
#[derive(Debug)]
pub struct ProgramCache {
    fresh_for: Duration,
    kept: Mutex<HashMap<ProgramId, Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    program: Arc<Program>,
    looked_at: Instant,
}

/// A published program cannot be used. It was valid when it was published, so the fault is ours.
#[derive(Debug)]
pub enum ProgramBroken {
    /// The store failed.
    Store(StoreFault),
    /// The document is no longer valid, or no JSON.
    Document(String),
}

impl Default for ProgramCache {
    fn default() -> Self {
        Self::fresh_for(FRESH_FOR)
    }
}

impl ProgramCache {
    /// Keeps programs, and looks at a program's version again when it was last looked at longer than `fresh_for` ago.
    #[must_use]
    pub fn fresh_for(fresh_for: Duration) -> Self {
        Self { fresh_for, kept: Mutex::default() }
    }

    /// The program in force; `None` if there is no such program.
    ///
    /// # Errors
    ///
    /// [`ProgramBroken`].
    pub async fn get(&self, store: &Store, id: &ProgramId) -> Result<Option<Arc<Program>>, ProgramBroken> {
        let kept = self.lock().get(id).cloned();
        if let Some(kept) = &kept
            && kept.looked_at.elapsed() < self.fresh_for
        {
            return Ok(Some(Arc::clone(&kept.program)));
        }
        let looked_at = Instant::now();
        let Some(version) = store.program_version(id).await.map_err(ProgramBroken::Store)? else {
            return Ok(None);
        };
        let program = match kept {
            Some(kept) if kept.program.version == version => kept.program,
            Some(_) | None => Arc::new(load(store, id, version).await?),
        };
        let mut all = self.lock();
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        all.insert(id.clone(), Kept { program: Arc::clone(&program), looked_at });
        Ok(Some(program))
    }

    /// Looks at the version of `id` again the next time it is asked for.
    pub fn forget(&self, id: &ProgramId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProgramId, Kept>> {
        // Whole programs go in and out, so the map is whole whatever the thread that held it went through.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn load(store: &Store, id: &ProgramId, version: u64) -> Result<Program, ProgramBroken> {
    let broken = |what: String| ProgramBroken::Document(format!("program {id} version {version} {what}"));
    let document = store.program_document(id, version).await.map_err(ProgramBroken::Store)?;
    let text = document.ok_or_else(|| broken("is missing".to_owned()))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| broken(format!("is no JSON: {error}")))?;
    Program::read(&document, version).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(|Fault { at, message, .. }| format!("{at} {message}")).collect();
        broken(format!("is not valid: {}", faults.join("; ")))
    })
}
