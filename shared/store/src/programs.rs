//! Stores programs: immutable numbered versions, and a head item that lists them.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};
use regulars_domain::{id::ProgramId, version_head::VersionHead};

use crate::{
    calls::Kind,
    fault::StoreFault,
    item::{Fields, Item, as_number, key_attributes, number, text},
    program_heads::{self, ProgramHeads},
    store::Store,
    table::{ABSENT, DOCUMENT, FORMAT, HEAD, UNCHANGED, VERSION, head_key, version_key},
    transaction::{Check, Transacted},
};

/// Attempts to change a program after conflicts.
const ATTEMPTS_MAX: u32 = 8;
/// The maximum pause between them, in milliseconds. A person waits for the answer, and conflicts are rare.
const PAUSE_MS_MAX: u64 = 200;

/// The format in which this release writes documents.
const DOCUMENT_FORMAT: u32 = 1;

/// A document to publish as a program's next version.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// The newest version known to the author, in force or scheduled; `None` if there is no program yet.
    pub expected: Option<u64>,
    /// The document.
    pub document: &'a str,
    /// The current instant.
    pub now: Timestamp,
}

/// The start of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// The publication can go ahead. Has the versions so far; `None` for the program's first.
    Open(Option<ProgramHeads>),
    /// The publication cannot go ahead, or was carried out before.
    Settled(Publication),
}

/// The outcome of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// The document is a version of the program, now or since an earlier identical publication.
    Published(VersionHead),
    /// The newest version is not the expected one.
    Stale {
        /// The newest version; `None` if there is no such program.
        current: Option<u64>,
    },
    /// The newest version is not in force yet. It must come into force or be withdrawn first.
    Scheduled {
        /// Its number.
        version: u64,
        /// When it comes into force.
        in_force_from: Timestamp,
    },
    /// The program has the maximum number of versions.
    Full {
        /// The number of versions.
        versions: usize,
    },
}

/// The outcome of a withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// The version was withdrawn.
    Withdrawn(ProgramHeads),
    /// The version is or was in force, or comes into force too soon for all functions to learn of the withdrawal.
    InForce {
        /// When it came or comes into force.
        in_force_from: Timestamp,
    },
    /// There is no such version, or no such program.
    NotFound,
}

/// A change of a program conflicted with other changes every time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many concurrent requests for one program")]
struct Contended;

impl Store {
    /// Returns the versions of a program, strongly consistent; `None` if there is no such program.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn program_heads(&self, program: &ProgramId) -> Result<Option<ProgramHeads>, StoreFault> {
        let head = self.get(head_key(program)).await?;
        head.as_ref().map(ProgramHeads::read).transpose()
    }

    /// Returns the documents of `versions` as published; one that does not exist is left out.
    ///
    /// One round trip for up to a hundred, if they have at most 16 MB. The document of a withdrawn version is kept, so
    /// only the program's heads say which versions exist.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn program_documents(
        &self,
        program: &ProgramId,
        versions: &[u64],
    ) -> Result<BTreeMap<u64, String>, StoreFault> {
        let keys = versions.iter().map(|version| version_key(program, *version)).collect();
        let items = self.get_items(keys, Kind::Page, true).await?;
        items.iter().map(read_document).collect()
    }

    /// Returns whether a document may be published, before it is compared with the version before it.
    ///
    /// The same document over the same version is the same publication, so a lost answer does no harm.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn start_publication(&self, program: &ProgramId, publish: Publish<'_>) -> Result<Start, StoreFault> {
        let heads = self.program_heads(program).await?;
        let Some(newest) = heads.as_ref().and_then(ProgramHeads::newest) else {
            return Ok(match publish.expected {
                None => Start::Open(heads),
                Some(_) => Start::Settled(Publication::Stale { current: None }),
            });
        };
        let before_newest = heads.as_ref().and_then(ProgramHeads::before_newest).map(|head| head.version);
        if publish.expected == before_newest {
            let documents = self.program_documents(program, &[newest.version]).await?;
            if documents.get(&newest.version).is_some_and(|document| document == publish.document) {
                return Ok(Start::Settled(Publication::Published(newest.clone())));
            }
        }
        Ok(if newest.in_force_from > publish.now && before_newest.is_some() {
            let (version, in_force_from) = (newest.version, newest.in_force_from);
            Start::Settled(Publication::Scheduled { version, in_force_from })
        } else if publish.expected != Some(newest.version) {
            Start::Settled(Publication::Stale { current: Some(newest.version) })
        } else {
            Start::Open(heads)
        })
    }

    /// Makes a document the next version of a program, unless [`Store::start_publication`] forbids it. `head` describes
    /// it, except for its number: one more than any version of the program has ever had.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn publish(
        &self,
        program: &ProgramId,
        publish: Publish<'_>,
        head: &VersionHead,
    ) -> Result<Publication, StoreFault> {
        for _ in 0..ATTEMPTS_MAX {
            let read = match self.start_publication(program, publish).await? {
                Start::Open(read) => read,
                Start::Settled(publication) => return Ok(publication),
            };
            let Some(heads) = ProgramHeads::with(read.as_ref(), head) else {
                return Ok(Publication::Full { versions: read.map_or(0, |read| read.versions.len()) });
            };
            let published = VersionHead { version: heads.last, ..head.clone() };
            let mut item = key_attributes(version_key(program, published.version));
            item.insert(VERSION.to_owned(), number(&published.version));
            item.insert(DOCUMENT.to_owned(), text(publish.document));
            item.insert(FORMAT.to_owned(), number(&DOCUMENT_FORMAT));
            item.insert(HEAD.to_owned(), text(program_heads::write_head(&published)?));
            let parts = vec![self.put_heads(program, read.as_ref(), &heads)?, self.put(item, ABSENT, None)?];
            if self.has_changed(parts).await? {
                return Ok(Publication::Published(published));
            }
        }
        Err(StoreFault::Unavailable(Contended.into()))
    }

    /// Withdraws a version that comes into force more than `notice` after `now`. Its number is not used again.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn withdraw(
        &self,
        program: &ProgramId,
        version: u64,
        now: Timestamp,
        notice: SignedDuration,
    ) -> Result<Withdrawal, StoreFault> {
        let mut has_been_there = false;
        for _ in 0..ATTEMPTS_MAX {
            let Some(heads) = self.program_heads(program).await? else { return Ok(Withdrawal::NotFound) };
            let Some(head) = heads.version(version) else {
                // It existed a moment ago: either the answer to our own change was lost, or another request withdrew it
                // too.
                return Ok(if has_been_there { Withdrawal::Withdrawn(heads) } else { Withdrawal::NotFound });
            };
            has_been_there = true;
            // A version that is followed by another is in force, and so is the first, regardless of this clock.
            let can_wait = heads.newest() == Some(head) && heads.before_newest().is_some();
            let deadline = now.checked_add(notice).unwrap_or(Timestamp::MAX);
            if !can_wait || head.in_force_from <= deadline {
                return Ok(Withdrawal::InForce { in_force_from: head.in_force_from });
            }
            let without = heads.without_newest();
            if self.has_changed(vec![self.put_heads(program, Some(&heads), &without)?]).await? {
                return Ok(Withdrawal::Withdrawn(without));
            }
        }
        Err(StoreFault::Unavailable(Contended.into()))
    }

    /// Returns a part that replaces the heads that were read by `heads`.
    fn put_heads(
        &self,
        program: &ProgramId,
        read: Option<&ProgramHeads>,
        heads: &ProgramHeads,
    ) -> Result<TransactWriteItem, StoreFault> {
        match read {
            Some(read) => self.put(heads.write(program)?, UNCHANGED, Some((":read", number(&read.revision)))),
            None => self.put(heads.write(program)?, ABSENT, None),
        }
    }

    /// Returns whether `parts` were written. If not, another request was faster or an answer was lost, and the heads
    /// show which.
    async fn has_changed(&self, parts: Vec<TransactWriteItem>) -> Result<bool, StoreFault> {
        match self.transact(parts).await? {
            Transacted::Done => return Ok(true),
            Transacted::Contended => {}
            Transacted::Cancelled { checks, .. } if checks.iter().any(|check| matches!(check, Check::Failed(_))) => {
                return Ok(false);
            }
            Transacted::Cancelled { checks, fault } => {
                if !checks.iter().any(|check| matches!(check, Check::Conflicted | Check::Throttled)) {
                    return Err(fault);
                }
            }
        }
        pause().await;
        Ok(false)
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=PAUSE_MS_MAX))).await;
}

fn read_document(item: &Item) -> Result<(u64, String), StoreFault> {
    let fields = Fields::of("program", item);
    let document = fields.required(DOCUMENT, |value| value.as_s().ok().cloned())?;
    Ok((fields.required(VERSION, as_number)?, document))
}
