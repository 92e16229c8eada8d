//! The key that signs local tokens, and the file that stores it.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::reason::reason;

/// The length of a key in bytes: that of the hash that it keys (RFC 7518, section 3.2).
const KEY_BYTES: usize = 32;

/// A key that signs and verifies tokens.
#[derive(Clone)]
pub struct Key([u8; KEY_BYTES]);

/// The key file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUnusable(String);

impl fmt::Display for KeyUnusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyUnusable {}

impl KeyUnusable {
    pub(super) fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

/// Never prints the key itself.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Reads a key file: 64 hexadecimal digits. Creates one that only its owner can read if it does not exist.
    ///
    /// # Errors
    ///
    /// [`KeyUnusable`] if it cannot be read or created, or has other content.
    pub fn open(file: &Path) -> Result<Self, KeyUnusable> {
        match Self::make(file) {
            Ok(key) => Ok(key),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::read(file),
            Err(error) => Err(unusable(file, &error)),
        }
    }

    /// Reads a key file, and never creates one.
    ///
    /// # Errors
    ///
    /// [`KeyUnusable`] if it does not exist, cannot be read, or has other content.
    pub fn read(file: &Path) -> Result<Self, KeyUnusable> {
        let text = fs::read_to_string(file).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                let file = file.display();
                return KeyUnusable(format!("there is no key file {file}; `regulars local --auth {file}` creates it"));
            }
            unusable(file, &error)
        })?;
        Self::parse(&text)
            .ok_or_else(|| KeyUnusable(format!("the key file {} must hold 64 hexadecimal digits", file.display())))
    }

    fn make(file: &Path) -> io::Result<Self> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        writeln!(opened, "{}", hex::encode(key))?;
        Ok(Self(key))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut key = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut key).ok()?;
        Some(Self(key))
    }

    pub(super) fn encoding(&self) -> EncodingKey {
        EncodingKey::from_secret(&self.0)
    }

    pub(super) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_secret(&self.0)
    }

    #[cfg(test)]
    pub(crate) fn of(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(*bytes)
    }
}

fn unusable(file: &Path, error: &io::Error) -> KeyUnusable {
    KeyUnusable(format!("cannot use the key file {}: {}", file.display(), reason(error)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/local.key");
        let absent = Key::read(&file).unwrap_err().to_string();
        assert_eq!(absent, format!("there is no key file {0}; `regulars local --auth {0}` creates it", file.display()));
        assert!(!file.exists());
        let made = Key::open(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!((Key::open(&file).unwrap().0, Key::read(&file).unwrap().0), (made.0, made.0));
        assert_eq!(format!("{made:?}"), "Key(..)");
    }

    #[test]
    fn a_file_that_holds_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("local.key");
        for text in ["", "secret", &"0".repeat(63), &"g".repeat(64)] {
            fs::write(&file, text).unwrap();
            let unusable = Key::open(&file).unwrap_err().to_string();
            assert!(unusable.ends_with("local.key must hold 64 hexadecimal digits"), "{unusable}");
        }
        let unusable = Key::open(folder.path()).unwrap_err().to_string();
        assert!(unusable.starts_with("cannot use the key file"), "{unusable}");
    }
}
