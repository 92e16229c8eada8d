//! The only place that reads the environment, so that a missing setting stops a function when it starts.

use std::fmt;

use crate::authority::Claims;

/// What a deployed function is told by its environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// `TABLE_NAME`: the DynamoDB table that holds everything.
    pub table_name: String,
    /// `ALIAS_KEY`: the secret under which aliases (card numbers, e-mails) are hashed; only functions that look
    /// members up by alias have it.
    pub alias_key: Option<String>,
    /// `MEMBER_CLAIM` and `PROGRAM_CLAIM`: what the issuer of tokens calls these claims.
    pub claims: Claims,
}

impl Settings {
    /// Reads the settings from the process's environment.
    ///
    /// # Errors
    ///
    /// [`SettingMissing`] names the first setting that is needed and absent or empty.
    pub fn from_environment() -> Result<Self, SettingMissing> {
        Self::from_lookup(environment)
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingMissing> {
        let given = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let usual = Claims::default();
        Ok(Settings {
            table_name: given("TABLE_NAME").ok_or(SettingMissing("TABLE_NAME"))?,
            alias_key: given("ALIAS_KEY"),
            claims: Claims {
                member: given("MEMBER_CLAIM").unwrap_or(usual.member),
                program: given("PROGRAM_CLAIM").unwrap_or(usual.program),
            },
        })
    }
}

// By hand, so that the key never reaches a log.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("table_name", &self.table_name)
            .field("alias_key", &self.alias_key.as_ref().map(|_| "secret"))
            .field("claims", &self.claims)
            .finish()
    }
}

/// The name of an environment variable that is needed and is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingMissing(pub &'static str);

impl fmt::Display for SettingMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {} is not set", self.0)
    }
}

impl std::error::Error for SettingMissing {}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingMissing> {
        Settings::from_lookup(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_table_is_needed_and_the_alias_key_is_not() {
        assert_eq!(read(&[]), Err(SettingMissing("TABLE_NAME")));
        assert_eq!(read(&[("TABLE_NAME", "")]), Err(SettingMissing("TABLE_NAME")));
        let settings = |alias_key: Option<&str>| Settings {
            table_name: "t".to_owned(),
            alias_key: alias_key.map(str::to_owned),
            claims: Claims::default(),
        };
        assert_eq!(read(&[("TABLE_NAME", "t")]), Ok(settings(None)));
        assert_eq!(read(&[("TABLE_NAME", "t"), ("ALIAS_KEY", "k")]), Ok(settings(Some("k"))));
    }

    #[test]
    fn the_claims_have_their_usual_names_unless_they_are_given_others() {
        let claims = |variables: &[(&str, &str)]| read(&[&[("TABLE_NAME", "t")], variables].concat()).unwrap().claims;
        let named = |member: &str, program: &str| Claims { member: member.to_owned(), program: program.to_owned() };
        assert_eq!(claims(&[]), named("member", "program"));
        assert_eq!(claims(&[("MEMBER_CLAIM", ""), ("PROGRAM_CLAIM", "")]), named("member", "program"));
        assert_eq!(claims(&[("MEMBER_CLAIM", "custom:card"), ("PROGRAM_CLAIM", "a")]), named("custom:card", "a"));
    }

    #[test]
    fn the_alias_key_is_not_printed() {
        let settings = read(&[("TABLE_NAME", "t"), ("ALIAS_KEY", "hunter2")]).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
