//! Who may call an engine.

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// Callers with a JSON web token that the front end has verified; its claims say what they may do.
    Jwt(Claims),
    /// Every caller: the local server on loopback, and tests.
    Trusted,
}

/// The names of the claims that say for whom a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The claim that names the member.
    pub member: String,
    /// The claim that names the program.
    pub program: String,
}

/// The claims are `member` and `program`, unless the issuer requires namespaces.
impl Default for Claims {
    fn default() -> Self {
        Self { member: "member".to_owned(), program: "program".to_owned() }
    }
}
