//! Why a file cannot be used, without the error numbers of the system.

use std::io::{self, ErrorKind};

/// The most common reasons.
const REASONS: [(ErrorKind, &str); 8] = [
    (ErrorKind::NotFound, "it does not exist"),
    (ErrorKind::PermissionDenied, "permission denied"),
    (ErrorKind::IsADirectory, "it is a directory, not a file"),
    (ErrorKind::NotADirectory, "a part of its path is a file, not a directory"),
    (ErrorKind::AlreadyExists, "a part of its path is a file, not a directory"),
    (ErrorKind::InvalidData, "it is not text in UTF-8"),
    (ErrorKind::StorageFull, "the disk is full"),
    (ErrorKind::ReadOnlyFilesystem, "the file system is read-only"),
];

/// Returns the reason of a failure in words.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    match REASONS.iter().find(|(kind, _)| *kind == error.kind()) {
        Some((_, words)) => (*words).to_owned(),
        None => error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reason_has_the_number_of_an_error() {
        for kind in [ErrorKind::NotFound, ErrorKind::IsADirectory, ErrorKind::PermissionDenied] {
            assert!(!reason(&kind.into()).contains("os error"));
        }
        let other = io::Error::from_raw_os_error(40);
        assert!(other.to_string().contains("os error"), "{other}");
        assert!(!reason(&other).is_empty() && !reason(&other).contains("os error"), "{other}");
    }
}
