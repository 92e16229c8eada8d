//! The chain of hashes with which a ledger can be verified.

use std::fmt;

use crate::{
    ledger::{entry::Entry, facts::PurchaseFacts},
    values::{
        balance::Balance,
        hash::Hash,
        id::{MemberId, ProgramId},
        text::Note,
    },
};

/// An entry with its position in the chain.
///
/// `text` is what was hashed and what is stored, byte for byte: verification must not depend on how a later version
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
    /// A note by an operator, outside of the chain.
    pub note: Option<Note>,
    /// The facts of the purchase that it records, outside of the chain. A ledger that is read in order has none.
    pub facts: Option<Box<PurchaseFacts>>,
    /// The balance of the account after it, outside of the chain, because the earlier entries prove it. `None` if the
    /// ledger was read in order, or if an earlier release wrote the entry without it.
    pub balance: Option<Balance>,
}

/// The stored text is not an entry.
#[derive(Debug)]
pub struct TextMalformed(serde_json::Error);

impl fmt::Display for TextMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a stored entry cannot be read: {}", self.0)
    }
}

impl std::error::Error for TextMalformed {}

impl Sealed {
    /// Links `entry` to the entry whose hash is `previous`.
    #[must_use]
    pub fn new(entry: Entry, previous: &Hash) -> Self {
        let text = entry.canonical();
        let hash = link(previous, &text);
        Self { entry, text, previous: *previous, hash, note: None, facts: None, balance: None }
    }

    /// Returns the same with a note.
    #[must_use]
    pub fn noted(self, note: Option<Note>) -> Self {
        Self { note, ..self }
    }

    /// Returns the same with the facts of a purchase.
    #[must_use]
    pub fn with_facts(self, facts: Option<PurchaseFacts>) -> Self {
        Self { facts: facts.map(Box::new), ..self }
    }

    /// Returns the same with the balance of the account after it.
    #[must_use]
    pub fn with_balance(self, balance: Option<Balance>) -> Self {
        Self { balance, ..self }
    }

    /// Returns a stored entry without a check of the chain: [`verify`] does that.
    ///
    /// # Errors
    ///
    /// The text is not an entry.
    pub fn read(text: String, previous: Hash, hash: Hash) -> Result<Self, TextMalformed> {
        let entry = serde_json::from_str(&text).map_err(TextMalformed)?;
        Ok(Self { entry, text, previous, hash, note: None, facts: None, balance: None })
    }
}

/// Returns the hash of an entry with this text after the entry whose hash is `previous`.
pub(crate) fn link(previous: &Hash, text: &str) -> Hash {
    Hash::of(&[previous.as_bytes(), text.as_bytes()])
}

/// The position and kind of a broken link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainBroken {
    /// An entry is missing, duplicated or out of order: this `seq` was expected.
    Gap {
        /// The expected `seq`.
        seq: u64,
    },
    /// The hash does not follow from the previous hash and the text.
    Changed {
        /// The `seq` of that entry.
        seq: u64,
    },
    /// The account's newest hash or number of entries differs from the ledger.
    Head,
}

/// Checks the ledger of one member, oldest entry first, against the account's `seq` and newest hash.
///
/// # Errors
///
/// The first broken link.
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
