//! Whom the front ends of an engine let in.

/// Whom a front end lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Callers whose JSON web token the front end has verified; its claims say what they may do.
    Jwt,
    /// Anyone who gets through: the local server on loopback, and tests.
    Trusted,
}
