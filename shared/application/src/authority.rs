//! Whom the front ends of an engine let in.

/// Whom a front end lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// Callers whose JSON web token the front end has verified; its claims say what they may do.
    Jwt(Claims),
    /// Anyone who gets through: the local server on loopback, and tests.
    Trusted,
}

/// What the issuer of tokens calls the claims that say whom a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The claim that names the member.
    pub member: String,
    /// The claim that names the program.
    pub program: String,
}

/// The claims are called `member` and `program`, unless the issuer demands namespaces.
impl Default for Claims {
    fn default() -> Self {
        Self { member: "member".to_owned(), program: "program".to_owned() }
    }
}
