//! Tokens for the local server, signed with a key on this machine. A deployment accepts the tokens of its issuer.

mod hmac;
mod key;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Header, Validation, decode, encode, errors::ErrorKind};
use regulars_api::http::Scope;
use regulars_application::clock::Clock;
use regulars_domain::id::{Actor, MemberId, ProgramId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use key::{Key, KeyUnusable};

/// The default key file.
pub const KEY_FILE: &str = ".regulars/local.key";

/// The lifetime of a token: a day of work.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The content of a token.
#[derive(Debug, Clone, clap::Args)]
pub struct Grant {
    /// Scopes, separated by spaces, such as "regulars/earn regulars/redeem"
    #[arg(long, value_parser = scopes)]
    pub scope: String,

    /// Member of the token; needs the scope `regulars/member` and a program
    #[arg(long)]
    pub member: Option<MemberId>,

    /// Only program that the token reaches
    #[arg(long)]
    pub program: Option<ProgramId>,

    /// Client of the token, which entries store as their actor
    #[arg(long, default_value = "local")]
    pub actor: Actor,
}

/// Parses scopes into the form that a token carries.
fn scopes(text: &str) -> Result<String, String> {
    let known = |scope: &str| Scope::ALL.iter().any(|known| known.as_str() == scope);
    let scopes: Vec<&str> = text.split_whitespace().collect();
    match scopes.iter().find(|scope| !known(scope)) {
        Some(unknown) => {
            let all = Scope::ALL.map(Scope::as_str).join(", ");
            Err(format!("there is no scope `{unknown}`; the scopes are {all}"))
        }
        None if scopes.is_empty() => Err("must name at least one scope".to_owned()),
        None => Ok(scopes.join(" ")),
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    scope: String,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    iat: i64,
    exp: i64,
}

/// The token is malformed, signed with another key, or expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInvalid(String);

impl fmt::Display for TokenInvalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Claims {
    fn of(grant: &Grant, now: Timestamp) -> Self {
        Self {
            scope: grant.scope.clone(),
            client_id: grant.actor.to_string(),
            member: grant.member.as_ref().map(ToString::to_string),
            program: grant.program.as_ref().map(ToString::to_string),
            iat: now.as_second(),
            exp: now.saturating_add(LIFETIME).map_or(i64::MAX, Timestamp::as_second),
        }
    }
}

/// The machine's time. The lifetime of a token does not depend on the clock of the local server, which can be moved.
fn now() -> Timestamp {
    Clock::System.now()
}

impl Key {
    /// Returns a token for `grant` that is valid for a day.
    ///
    /// # Errors
    ///
    /// Never in practice: claims of text and numbers can be written.
    pub fn signed(&self, grant: &Grant) -> Result<String, KeyUnusable> {
        self.sign(&Claims::of(grant, now()))
    }

    fn sign(&self, claims: &Claims) -> Result<String, KeyUnusable> {
        hmac::install();
        encode(&Header::new(Algorithm::HS256), claims, &self.encoding()).map_err(KeyUnusable::new)
    }

    /// Returns the claims of a token that this key has signed, as text, which is how the gateway gives them to a function.
    ///
    /// # Errors
    ///
    /// [`TokenInvalid`].
    pub fn claims(&self, token: &str) -> Result<Map<String, Value>, TokenInvalid> {
        hmac::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_aud = false;
        let decoded = decode::<Claims>(token, &self.decoding(), &validation);
        let claims = decoded.map_err(|error| TokenInvalid(refused(error.kind())))?.claims;
        let claims = serde_json::to_value(claims).map_err(|error| TokenInvalid(error.to_string()))?;
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).into();
        let Value::Object(claims) = claims else { return Ok(Map::new()) };
        Ok(claims.into_iter().map(|(name, value)| (name, text(value))).collect())
    }
}

/// Why a token is refused.
fn refused(kind: &ErrorKind) -> String {
    let reason = if matches!(kind, ErrorKind::ExpiredSignature) {
        "it has expired; print a new one with `regulars token`"
    } else if matches!(kind, ErrorKind::InvalidSignature) {
        "it was signed with another key than the server's; see `regulars token --key`"
    } else {
        "it is not a token; print one with `regulars token`"
    };
    reason.to_owned()
}

impl Grant {
    /// Checks that a token for a member is complete.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_of_member = self.scope.split(' ').any(|scope| scope == Scope::Member.as_str());
        match (is_of_member, &self.member, &self.program) {
            (false, None, _) | (true, Some(_), Some(_)) => Ok(()),
            _ => Err("a token for a member needs all of --scope regulars/member, --member and --program"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_for_a_member_is_printed_only_if_it_reaches_something() {
        let with = |scope: &str, member: bool, program: bool| {
            let id = |wanted: bool| wanted.then_some("m-1");
            let member = id(member).map(|id| id.parse().unwrap());
            Grant { scope: scope.to_owned(), member, program: id(program).map(|id| id.parse().unwrap()), ..grant() }
        };
        for (scope, member, program, expected) in [
            ("regulars/member", true, true, true),
            ("regulars/member", true, false, false),
            ("regulars/member", false, true, false),
            ("regulars/earn", true, true, false),
            ("regulars/earn", false, true, true),
            ("regulars/earn", false, false, true),
        ] {
            assert_eq!(with(scope, member, program).check().is_ok(), expected, "{scope} {member} {program}");
        }
    }

    fn grant() -> Grant {
        Grant {
            scope: scopes(" regulars/member  regulars/earn").unwrap(),
            member: Some("m-1".parse().unwrap()),
            program: Some("demo".parse().unwrap()),
            actor: "till-3".parse().unwrap(),
        }
    }

    #[test]
    fn a_token_has_the_requested_claims() {
        let key = Key::of(&[7; 32]);
        let signed = key.signed(&grant()).unwrap();
        let claims = key.claims(&signed).unwrap();
        for (name, value) in [
            ("scope", "regulars/member regulars/earn"),
            ("client_id", "till-3"),
            ("member", "m-1"),
            ("program", "demo"),
        ] {
            assert_eq!(claims[name], value);
        }
        assert!(claims["exp"].as_str().unwrap().parse::<i64>().unwrap() > now().as_second());
    }

    #[test]
    fn a_token_of_another_key_an_expired_one_and_a_malformed_one_are_refused() {
        let key = Key::of(&[7; 32]);
        let signed = key.signed(&grant()).unwrap();
        let old = key.sign(&Claims::of(&grant(), now() - LIFETIME - SignedDuration::from_secs(1))).unwrap();
        let (head, rest) = signed.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        // {"alg":"none"}
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", rest.split_once('.').unwrap().0);
        for wrong in [&old, &unsigned, &format!("{head}.e30.{signature}"), "", "a", "a.b.c"] {
            assert!(key.claims(wrong).is_err(), "{wrong}");
        }
        assert!(Key::of(&[8; 32]).claims(&signed).is_err());
    }

    #[test]
    fn a_scope_that_does_not_exist_is_named() {
        assert!(
            scopes("regulars/earn earn").unwrap_err().starts_with("there is no scope `earn`; the scopes are regulars/")
        );
        assert_eq!(scopes(" ").unwrap_err(), "must name at least one scope");
    }
}
