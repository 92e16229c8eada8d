//! Names of things, so that a member's id can never be passed where a reward's is meant.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest id a person may choose, in characters (all ids are ASCII).
pub const ID_LENGTH_MAX: usize = 64;

/// Longest id of an entry, in characters.
///
/// An entry made by the engine is named after what it does, and may end in a member's id and a caller's key.
pub const ENTRY_ID_LENGTH_MAX: usize = 192;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdMalformed {
    what: &'static str,
}

impl fmt::Display for IdMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be 1 to {ID_LENGTH_MAX} of A-Z a-z 0-9 . _ : -", self.what)
    }
}

impl std::error::Error for IdMalformed {}

fn is_id(text: &str) -> bool {
    (1..=ID_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

macro_rules! id {
    ($name:ident, $what:literal, $doc:literal) => {
        #[doc = $doc]
        ///
        /// 1 to 64 of `A-Z a-z 0-9 . _ : -`.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdMalformed;

            fn from_str(text: &str) -> Result<Self, IdMalformed> {
                if is_id(text) { Ok(Self(text.to_owned())) } else { Err(IdMalformed { what: $what }) }
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

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(ProgramId, "a program id", "The id of a program.");
id!(MemberId, "a member id", "The id of a member, unique within a program.");
id!(RuleId, "a rule id", "The id of an earning rule, unique within a program document.");
id!(LevelId, "a tier id", "The id of a tier level, unique within a program document.");
id!(RewardId, "a reward id", "The id of a reward, unique within a program document.");
id!(PlanId, "a plan id", "The id of a plan, unique within a program document.");
id!(EntitlementId, "an entitlement id", "The id of something that a level or a plan gives without points.");
id!(AttributeId, "an attribute id", "The id of a member attribute.");
id!(ActivityType, "an activity type", "The kind of an activity other than a purchase, such as `review`.");
id!(
    Actor,
    "an actor",
    "Who exactly asked: the client of a token, or an opaque id of a person. Never an e-mail address."
);
id!(IdempotencyKey, "an Idempotency-Key", "The caller's name for one request: an order number, a receipt number.");

/// The id of a ledger entry: a caller's key, or a name that the engine makes from what the entry does.
///
/// Names made by the engine start with `~`, which a caller's key cannot contain, so the two never meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EntryId(String);

impl EntryId {
    /// A name made by the engine: `~` before each part.
    pub(crate) fn engine(parts: &[&dyn fmt::Display]) -> Self {
        Self(parts.iter().flat_map(|part| ["~".to_owned(), part.to_string()]).collect())
    }

    /// The entry by which a member joined. There is one in every ledger.
    #[must_use]
    pub fn enrollment() -> Self {
        Self::engine(&[&"enrollment"])
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<IdempotencyKey> for EntryId {
    fn from(key: IdempotencyKey) -> Self {
        Self(key.0)
    }
}

impl FromStr for EntryId {
    type Err = IdMalformed;

    fn from_str(text: &str) -> Result<Self, IdMalformed> {
        let made_by_engine = text.starts_with('~')
            && text.len() <= ENTRY_ID_LENGTH_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"~._:-".contains(&byte));
        if made_by_engine || is_id(text) { Ok(Self(text.to_owned())) } else { Err(IdMalformed { what: "an entry id" }) }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
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
            assert!(bad.parse::<MemberId>().is_err(), "{bad:?}");
            assert!(bad.parse::<IdempotencyKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_entry_made_by_the_engine_never_meets_a_callers_key() {
        let expiry = EntryId::engine(&[&"expiry", &"2026-11-30"]);
        assert_eq!(expiry.as_str(), "~expiry~2026-11-30");
        assert!(expiry.as_str().parse::<IdempotencyKey>().is_err());
        assert_eq!(expiry.as_str().parse::<EntryId>().unwrap(), expiry);
        for bad in ["", "~a/b", "a~b", &format!("~{}", "x".repeat(192))] {
            assert!(bad.parse::<EntryId>().is_err(), "{bad:?}");
        }
    }
}
