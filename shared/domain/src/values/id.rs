//! Ids, each of its own type, so that a member's id cannot be passed in place of a reward's.

use std::{borrow::Borrow, borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Maximum length of an id that callers choose, in characters (all ids are ASCII).
pub const ID_LENGTH_MAX: usize = 64;

/// Maximum length of an entry's id, in characters.
///
/// The engine names its own entries after what they do. Such an id may end in a member's id and a caller's key.
pub const ENTRY_ID_LENGTH_MAX: usize = 192;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdMalformed {
    rule: &'static str,
}

impl IdMalformed {
    fn of(text: &str, rule: &'static str) -> Self {
        let rule = match text {
            "." | ".." => "an id other than one or two dots, which are folders in a path",
            text if looks_like_email(text) => {
                "an id of your own, not an e-mail address: the ledger keeps ids, and they cannot be erased"
            }
            _ => rule,
        };
        Self { rule }
    }
}

fn looks_like_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

impl fmt::Display for IdMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be {}", self.rule)
    }
}

impl std::error::Error for IdMalformed {}

/// The characters of an id.
const PLAIN: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ : -";

/// The characters of an idempotency key. It is often a number of another system: `#1001`, `POS/00012`, `S 17`.
const KEY: &str = "1 to 64 printable ASCII characters, without a space at either end and without ~ at the beginning";

/// The characters of an entry's id.
const KEY_OR_MADE: &str = "the id of an entry as the API shows it: 1 to 192 printable ASCII characters";

fn is_id(text: &str) -> bool {
    (1..=ID_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
        // Clients and gateways treat these as folders in a path, and remove them.
        && !matches!(text, "." | "..")
}

fn is_key(text: &str) -> bool {
    is_printable(text, ID_LENGTH_MAX) && !text.starts_with('~')
}

fn is_entry_id(text: &str) -> bool {
    is_key(text) || (text.starts_with('~') && is_printable(text, ENTRY_ID_LENGTH_MAX))
}

/// Returns whether `text` is 1 to `length_max` printable ASCII characters, without a space at either end.
fn is_printable(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

/// Returns the schema of what [`is_id`] accepts.
fn id_schema() -> Schema {
    json_schema!({
        "type": "string",
        "pattern": format!("^[A-Za-z0-9._:-]{{1,{ID_LENGTH_MAX}}}$"),
        "not": { "enum": [".", ".."] },
    })
}

/// Returns the pattern of what [`is_printable`] accepts, with `first` as the class of the first character.
fn printable(first: &str, length_max: usize) -> String {
    // The first and the last character have classes of their own.
    let between = length_max.saturating_sub(2);
    format!("{first}([ -~]{{0,{between}}}[!-~])?")
}

/// Returns the schema of what [`is_key`] accepts.
fn key_schema() -> Schema {
    json_schema!({ "type": "string", "pattern": format!("^{}$", printable("[!-}]", ID_LENGTH_MAX)) })
}

/// Returns the schema of what [`is_entry_id`] accepts.
fn entry_id_schema() -> Schema {
    let (key, made) = (printable("[!-}]", ID_LENGTH_MAX), printable("~", ENTRY_ID_LENGTH_MAX));
    json_schema!({ "type": "string", "pattern": format!("^({key}|{made})$") })
}

macro_rules! id {
    ($name:ident, $doc:literal) => {
        id!($name, $doc, is_id, id_schema, PLAIN, "1 to 64 of `A-Z a-z 0-9 . _ : -`.");
    };
    ($name:ident, $doc:literal, $is:ident, $schema:ident, $rule:ident, $said:literal) => {
        #[doc = $doc]
        ///
        #[doc = $said]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdMalformed;

            fn from_str(text: &str) -> Result<Self, IdMalformed> {
                if $is(text) { Ok(Self(text.to_owned())) } else { Err(IdMalformed::of(text, $rule)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = $schema();
                schema.insert("description".to_owned(), concat!($doc, " ", $said).into());
                schema
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(ProgramId, "The id of a program.");
id!(MemberId, "The id of a member, unique within a program.");
id!(RuleId, "The id of an earning rule, unique within a program document.");
id!(LevelId, "The id of a tier level, unique within a program document.");
id!(RewardId, "The id of a reward, unique within a program document.");
id!(PlanId, "The id of a plan, unique within a program document.");
id!(EntitlementId, "The id of an entitlement, which a level or a plan grants.");
id!(AttributeId, "The id of a member attribute.");
id!(ActivityType, "The kind of an activity other than a purchase, such as `review`.");
id!(Actor, "The client of a token, or an opaque id of the person who sent the request. Never an e-mail address.");
id!(
    IdempotencyKey,
    "The caller's id of one request, such as an order or receipt number.",
    is_key,
    key_schema,
    KEY,
    "1 to 64 printable ASCII characters, without a space at either end, and not beginning with `~`."
);
id!(
    EntryId,
    "The id of a ledger entry: a caller's key, or an id that the engine generates.",
    is_entry_id,
    entry_id_schema,
    KEY_OR_MADE,
    "Ids that the engine generates begin with `~`. A caller's key does not, so the two never collide. Generated ids may end in a caller's key."
);

impl EntryId {
    /// Returns an id of the engine: `~` before each part.
    pub(crate) fn engine(parts: &[&dyn fmt::Display]) -> Self {
        Self(parts.iter().flat_map(|part| ["~".to_owned(), part.to_string()]).collect())
    }

    /// Returns the id of the enrollment, which every ledger has.
    #[must_use]
    pub fn enrollment() -> Self {
        Self::engine(&[&"enrollment"])
    }
}

impl From<IdempotencyKey> for EntryId {
    fn from(key: IdempotencyKey) -> Self {
        Self(key.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_to_sixty_four_plain_characters() {
        for good in ["m", "order-1001", "A.b_c:d-9", &"x".repeat(64)] {
            assert_eq!(good.parse::<MemberId>().unwrap().as_str(), good);
        }
        for bad in ["", " m", "m/1", "~m", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(bad.parse::<MemberId>().unwrap_err().to_string(), format!("must be {PLAIN}"), "{bad:?}");
        }
        for (bad, reason) in [(".", "dots"), ("..", "dots"), ("ayse@example.com", "e-mail"), ("a@b.c", "e-mail")] {
            assert!(bad.parse::<MemberId>().unwrap_err().to_string().contains(reason), "{bad:?}");
        }
        assert!("...".parse::<MemberId>().is_ok());
    }

    #[test]
    fn a_key_is_any_printable_number_of_another_system() {
        for good in [
            "#1001",
            "POS/00012",
            "S 17",
            "100%",
            "a~b",
            "\"",
            "\\",
            "a?b=c&d",
            "m",
            &"~".repeat(64).replacen('~', "!", 1),
        ] {
            assert_eq!(good.parse::<IdempotencyKey>().unwrap().as_str(), good);
            assert_eq!(good.parse::<EntryId>().unwrap().as_str(), good);
        }
        for bad in ["", " ", " a", "a ", "a\tb", "a\n", "\u{7f}", "naïve", &"x".repeat(65)] {
            assert!(bad.parse::<IdempotencyKey>().is_err(), "{bad:?}");
            assert!(bad.parse::<EntryId>().is_err(), "{bad:?}");
        }
        assert!("~expiry".parse::<IdempotencyKey>().is_err());
    }

    #[test]
    fn an_entry_made_by_the_engine_never_meets_a_callers_key() {
        let key: EntryId = "POS/~ 12#".parse::<IdempotencyKey>().unwrap().into();
        for (made, text) in [
            (EntryId::engine(&[&"expiry", &"2026-11-30"]), "~expiry~2026-11-30"),
            (EntryId::engine(&[&"tier", &"by", &key]), "~tier~by~POS/~ 12#"),
        ] {
            assert_eq!(made.as_str(), text);
            assert!(text.parse::<IdempotencyKey>().is_err());
            assert_eq!(text.parse::<EntryId>().unwrap(), made);
        }
        for bad in ["~a ", "~a\n", "~é", &format!("~{}", "x".repeat(192))] {
            assert!(bad.parse::<EntryId>().is_err(), "{bad:?}");
        }
    }
}
