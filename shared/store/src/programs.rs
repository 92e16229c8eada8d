//! Keeps programs: immutable numbered versions, and a head that tells which one holds.

use std::time::Duration;

use regulars_domain::id::ProgramId;

use crate::{
    fault::StoreFault,
    item::{Fields, Item, as_number, key_attributes, number, text},
    store::Store,
    table::{ABSENT, DOCUMENT, Key, UNCHANGED, VERSION, head_key, version_key},
    transaction::{Check, Transacted},
};

/// How often publishing is tried again after meeting another publication in mid-air.
const ATTEMPTS_MAX: u32 = 8;
/// The longest pause before that, in milliseconds. A person waits for the answer, and rivals are few.
const PAUSE_MS_MAX: u64 = 200;

/// What publishing a program came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// The document is the program now.
    Published {
        /// Its version, from 1.
        version: u64,
    },
    /// The program is not the one that was to be replaced.
    Stale {
        /// Its version; `None` if there is no such program.
        current: Option<u64>,
    },
}

/// Publishing went on meeting other publications in mid-air.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many publications of one program at once")]
struct Contended;

impl Store {
    /// The current version of a program; `None` if there is no such program.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn program_version(&self, program: &ProgramId) -> Result<Option<u64>, StoreFault> {
        let head = self.get(head_key(program)).await?;
        head.as_ref().map(read_version).transpose()
    }

    /// The document of one version of a program, as it was published.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn program_document(&self, program: &ProgramId, version: u64) -> Result<Option<String>, StoreFault> {
        let item = self.get(version_key(program, version)).await?;
        item.as_ref().map(read_document).transpose()
    }

    /// Makes `document` the version after `expected` (`None`: the first one), if that is the current version.
    ///
    /// Publishing the same document over the same version once more is the same publication, so a lost answer does no
    /// harm.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn publish(
        &self,
        program: &ProgramId,
        expected: Option<u64>,
        document: &str,
    ) -> Result<Publication, StoreFault> {
        let version = expected.unwrap_or_default().saturating_add(1);
        for _ in 0..ATTEMPTS_MAX {
            let head = numbered(head_key(program), version);
            let mut item = numbered(version_key(program, version), version);
            item.insert(DOCUMENT.to_owned(), text(document));
            let head = match expected {
                Some(read) => self.put(head, UNCHANGED, Some((":read", number(&read))))?,
                None => self.put(head, ABSENT, None)?,
            };
            match self.transact(vec![head, self.put(item, ABSENT, None)?]).await? {
                Transacted::Done => return Ok(Publication::Published { version }),
                Transacted::Contended => {}
                Transacted::Cancelled { checks, fault } => match checks.as_slice() {
                    [Check::Failed(head), item] => return beaten(version, document, head.as_ref(), item),
                    checks if checks.iter().any(|check| matches!(check, Check::Conflicted | Check::Throttled)) => {}
                    _ => return Err(fault),
                },
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=PAUSE_MS_MAX))).await;
        }
        Err(StoreFault::Unavailable(Contended.into()))
    }
}

/// What publishing `document` as `version` came to where the head is another than expected.
fn beaten(version: u64, document: &str, head: Option<&Item>, item: &Check) -> Result<Publication, StoreFault> {
    let current = head.map(read_version).transpose()?;
    let is_ours = match item {
        Check::Failed(Some(item)) if current == Some(version) => read_document(item)? == document,
        Check::Failed(_) | Check::Passed | Check::Conflicted | Check::Throttled | Check::Refused => false,
    };
    Ok(if is_ours { Publication::Published { version } } else { Publication::Stale { current } })
}

/// The item under `key` with its version.
fn numbered(key: Key, version: u64) -> Item {
    let mut item = key_attributes(key);
    item.insert(VERSION.to_owned(), number(&version));
    item
}

fn read_version(item: &Item) -> Result<u64, StoreFault> {
    Ok(Fields::of("program", item).required(VERSION, as_number)?)
}

fn read_document(item: &Item) -> Result<String, StoreFault> {
    Ok(Fields::of("program", item).required(DOCUMENT, |value| value.as_s().ok().cloned())?)
}
