//! The only place that reads the environment, so that a missing setting stops a function when it starts.

use tracing::Level;

use crate::authority::Claims;

/// The settings of a deployed function. None of them is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `TABLE_NAME`: the DynamoDB table that holds everything.
    pub table_name: String,
    /// `ALIAS_KEY_SECRET`: the ARN of the secret with the key under which aliases (card numbers, e-mails) are hashed;
    /// only functions that use aliases have it.
    pub alias_key_secret: Option<String>,
    /// `EVENT_BUS_NAME`: the name or the ARN of the bus that events are sent to; only the function that sends them has it.
    pub event_bus_name: Option<String>,
    /// `MEMBER_CLAIM` and `PROGRAM_CLAIM`: the names of these claims.
    pub claims: Claims,
    /// `LOG_LEVEL`: the lowest severity that our own code logs; default `INFO`.
    pub log_level: Level,
    /// `METRIC_NAMESPACE`: the namespace of `CloudWatch` metrics, `Regulars` without it.
    pub metric_namespace: String,
}

impl Settings {
    /// Reads the settings from the process's environment.
    ///
    /// # Errors
    ///
    /// [`SettingFault`] names the first required setting that is absent or empty, or cannot be read.
    pub fn from_environment() -> Result<Self, SettingFault> {
        Self::from_lookup(environment)
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingFault> {
        let given = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let usual = Claims::default();
        Ok(Settings {
            table_name: given("TABLE_NAME").ok_or(SettingFault::Missing("TABLE_NAME"))?,
            alias_key_secret: given("ALIAS_KEY_SECRET"),
            event_bus_name: given("EVENT_BUS_NAME"),
            claims: Claims {
                member: given("MEMBER_CLAIM").unwrap_or(usual.member),
                program: given("PROGRAM_CLAIM").unwrap_or(usual.program),
            },
            log_level: match given("LOG_LEVEL") {
                Some(level) => level.parse().map_err(|_| SettingFault::Malformed("LOG_LEVEL"))?,
                None => Level::INFO,
            },
            metric_namespace: given("METRIC_NAMESPACE").unwrap_or_else(|| "Regulars".to_owned()),
        })
    }
}

/// A missing or malformed environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingFault {
    /// It is required, and absent or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// It cannot be read.
    #[error("the environment variable {0} cannot be read")]
    Malformed(&'static str),
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingFault> {
        Settings::from_lookup(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_table_is_needed_and_the_rest_is_not() {
        assert_eq!(read(&[]), Err(SettingFault::Missing("TABLE_NAME")));
        assert_eq!(read(&[("TABLE_NAME", "")]), Err(SettingFault::Missing("TABLE_NAME")));
        let settings = |secret: Option<&str>, log_level, namespace: &str| Settings {
            table_name: "t".to_owned(),
            alias_key_secret: secret.map(str::to_owned),
            event_bus_name: None,
            claims: Claims::default(),
            log_level,
            metric_namespace: namespace.to_owned(),
        };
        assert_eq!(read(&[("TABLE_NAME", "t")]), Ok(settings(None, Level::INFO, "Regulars")));
        let all = [
            ("TABLE_NAME", "t"),
            ("ALIAS_KEY_SECRET", "arn"),
            ("LOG_LEVEL", "ERROR"),
            ("METRIC_NAMESPACE", "Regulars/shop"),
        ];
        assert_eq!(read(&all), Ok(settings(Some("arn"), Level::ERROR, "Regulars/shop")));
        let sending = Settings { event_bus_name: Some("b".to_owned()), ..settings(None, Level::INFO, "Regulars") };
        assert_eq!(read(&[("TABLE_NAME", "t"), ("EVENT_BUS_NAME", "b")]), Ok(sending));
        let told = [("TABLE_NAME", "t"), ("LOG_LEVEL", "aws_smithy_runtime=trace")];
        assert_eq!(read(&told), Err(SettingFault::Malformed("LOG_LEVEL")));
    }

    #[test]
    fn the_claims_have_their_usual_names_unless_they_are_given_others() {
        let claims = |variables: &[(&str, &str)]| read(&[&[("TABLE_NAME", "t")], variables].concat()).unwrap().claims;
        let named = |member: &str, program: &str| Claims { member: member.to_owned(), program: program.to_owned() };
        assert_eq!(claims(&[]), named("member", "program"));
        assert_eq!(claims(&[("MEMBER_CLAIM", ""), ("PROGRAM_CLAIM", "")]), named("member", "program"));
        assert_eq!(claims(&[("MEMBER_CLAIM", "custom:card"), ("PROGRAM_CLAIM", "a")]), named("custom:card", "a"));
    }
}
