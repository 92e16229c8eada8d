//! The chain of hashes that lets a ledger prove itself.

use std::fmt;

use crate::{
    ledger::{entry::Entry, facts::PurchaseFacts},
    values::{
        hash::Hash,
        id::{MemberId, ProgramId},
        text::Note,
    },
};

/// An entry in its place in the chain.
///
/// `text` is what was hashed and what is stored, byte for byte: a proof must not depend on how some later version
/// would write the same entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The entry.
    pub entry: Entry,
    /// Its canonical text.
    pub text: String,
    /// The hash of the entry before, or the genesis hash.
    pub previous: Hash,
    /// `SHA-256(previous hash, text)`.
    pub hash: Hash,
    /// What somebody wrote about it, beside the chain.
    pub note: Option<Note>,
    /// The facts of the purchase that it records, beside the chain. A ledger that is read in order comes without them.
    pub facts: Option<Box<PurchaseFacts>>,
}

/// A stored text is no entry.
#[derive(Debug)]
pub struct TextMalformed(serde_json::Error);

impl fmt::Display for TextMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a stored entry cannot be read: {}", self.0)
    }
}

impl std::error::Error for TextMalformed {}

impl Sealed {
    /// Puts `entry` behind the entry whose hash is `previous`.
    #[must_use]
    pub fn new(entry: Entry, previous: &Hash) -> Self {
        let text = entry.canonical();
        let hash = link(previous, &text);
        Self { entry, text, previous: *previous, hash, note: None, facts: None }
    }

    /// The same with a note beside it.
    #[must_use]
    pub fn noted(self, note: Option<Note>) -> Self {
        Self { note, ..self }
    }

    /// The same with the facts of a purchase beside it.
    #[must_use]
    pub fn with_facts(self, facts: Option<PurchaseFacts>) -> Self {
        Self { facts: facts.map(Box::new), ..self }
    }

    /// A stored entry, as it is: whether the chain holds is for [`verify`] to say.
    ///
    /// # Errors
    ///
    /// The text is not an entry's.
    pub fn read(text: String, previous: Hash, hash: Hash) -> Result<Self, TextMalformed> {
        let entry = serde_json::from_str(&text).map_err(TextMalformed)?;
        Ok(Self { entry, text, previous, hash, note: None, facts: None })
    }
}

/// The hash of an entry with this text behind the entry whose hash is `previous`.
pub(crate) fn link(previous: &Hash, text: &str) -> Hash {
    Hash::of(&[previous.as_bytes(), text.as_bytes()])
}

/// Where a chain breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainBroken {
    /// An entry is missing, stands twice or out of order: the `seq` that should have come.
    Gap {
        /// The expected `seq`.
        seq: u64,
    },
    /// An entry's hash does not follow from the entry before and its own text.
    Changed {
        /// The `seq` of that entry.
        seq: u64,
    },
    /// The account's newest hash or number of entries is not the ledger's.
    Head,
}

/// Checks the ledger of one member, oldest entry first, against the account's `seq` and newest hash.
///
/// # Errors
///
/// Where the chain breaks first.
pub fn verify<'a>(
    program: &ProgramId,
    member: &MemberId,
    entries: impl IntoIterator<Item = &'a Sealed>,
    seq: u64,
    head: &Hash,
) -> Result<(), ChainBroken> {
    let mut previous = Hash::genesis(program, member);
    let mut expected: u64 = 0;
    for sealed in entries {
        expected = expected.saturating_add(1);
        if sealed.entry.seq != expected {
            return Err(ChainBroken::Gap { seq: expected });
        }
        if sealed.previous != previous || sealed.hash != link(&previous, &sealed.text) {
            return Err(ChainBroken::Changed { seq: expected });
        }
        previous = sealed.hash;
    }
    if expected == seq && previous == *head { Ok(()) } else { Err(ChainBroken::Head) }
}
