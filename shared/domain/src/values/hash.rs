//! SHA-256 hashes, the links of a ledger's chain.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use crate::values::id::{MemberId, ProgramId};

/// A SHA-256 hash, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Returns the hash before the first entry of a ledger.
    ///
    /// It depends on the program and the member, so that one ledger cannot pass for another.
    #[must_use]
    pub fn genesis(program: &ProgramId, member: &MemberId) -> Self {
        Self::of(&[b"regulars ledger 1", program.as_str().as_bytes(), member.as_str().as_bytes()])
    }

    /// Returns the hash of `parts`, each followed by a line feed, which no part contains.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
            hasher.update(b"\n");
        }
        Self(hasher.finalize().into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashMalformed;

impl FromStr for Hash {
    type Err = HashMalformed;

    fn from_str(text: &str) -> Result<Self, HashMalformed> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HashMalformed)?;
        Ok(Self(bytes))
    }
}
