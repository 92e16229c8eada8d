//! Why the local server did not start, in one line for the person who started it.

use std::fmt;

/// Why the local server did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFailed(String);

impl StartFailed {
    /// Returns a failure with `message`, in one line.
    pub fn new(message: impl fmt::Display) -> Self {
        let message = message.to_string();
        let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        StartFailed(lines.join(" "))
    }
}

impl fmt::Display for StartFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartFailed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        assert_eq!(StartFailed::new("a\n  b\r\n\nc").to_string(), "a b c");
    }
}
