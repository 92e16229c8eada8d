//! Hashes an alias, such as an e-mail address, under a key, so that the table never contains the value.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use regulars_domain::{account::Alias, id::ProgramId};
use sha2::Sha256;

/// The minimum length of a key, in bytes: that of the stored hash.
const KEY_LENGTH_MIN: usize = 16;
/// The stored length of the hash, in bytes. A collision of 128 bits within one program is not to be expected.
const HASH_LENGTH: usize = 16;
/// The maximum length of a kind, in characters.
const KIND_LENGTH_MAX: usize = 16;
/// The maximum length of a value, in characters.
const VALUE_LENGTH_MAX: usize = 256;

/// The secret under which aliases are hashed. Without it, the table does not reveal whether it contains an address.
///
/// Under another key, every alias is unknown.
#[derive(Clone)]
pub struct AliasKey(Hmac<Sha256>);

/// The key is shorter than 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key for aliases must have at least {KEY_LENGTH_MIN} bytes")]
pub struct AliasKeyTooShort;

/// Why a value cannot be an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AliasMalformed {
    /// The kind is not an id of at most 16 characters in lower case.
    #[error("`kind` must be 1 to {KIND_LENGTH_MAX} of the characters a-z 0-9 . _ : -, such as email, phone or card")]
    Kind,
    /// The kind is a synonym of one whose values are checked.
    #[error("`kind` must be `{0}`, so that its values are checked and compared as such")]
    OtherWord(&'static str),
    /// The value is empty or too long.
    #[error("`value` must have 1 to {VALUE_LENGTH_MAX} characters, without the white space around it")]
    Value,
    /// The value is not an e-mail address.
    #[error("`value` must be an e-mail address, such as ayse@example.com")]
    Email,
    /// The value is not a telephone number with a country code.
    #[error("`value` must be a phone number with its country code, 7 to 15 digits, such as +90 532 123 45 67")]
    Phone,
}

/// Synonyms of the kinds whose values are checked. Values of such a kind would be stored as they are written, and a
/// lookup with another spelling would not find them.
const OTHER_WORDS: [(&str, &str); 6] = [
    ("e-mail", "email"),
    ("e_mail", "email"),
    ("mail", "email"),
    ("emails", "email"),
    ("tel", "phone"),
    ("telephone", "phone"),
];

impl AliasKey {
    /// Returns the key for `secret`.
    ///
    /// # Errors
    ///
    /// [`AliasKeyTooShort`] below 16 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, AliasKeyTooShort> {
        if secret.len() < KEY_LENGTH_MIN {
            return Err(AliasKeyTooShort);
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| AliasKeyTooShort)
    }

    /// Returns the alias of `value` in `program`. E-mails are compared trimmed and in lower case, phones as digits with
    /// their country code, everything else trimmed.
    ///
    /// # Errors
    ///
    /// Why the value cannot be an alias.
    pub fn alias(&self, program: &ProgramId, kind: &str, value: &str) -> Result<Alias, AliasMalformed> {
        if !is_kind(kind) {
            return Err(AliasMalformed::Kind);
        }
        if let Some((_, meant)) = OTHER_WORDS.iter().find(|(word, _)| *word == kind) {
            return Err(AliasMalformed::OtherWord(meant));
        }
        let value = normalised(kind, value)?;
        let mut hmac = self.0.clone();
        // Neither of the first two parts contains a line feed, so different aliases have different texts.
        for part in [program.as_str(), "\n", kind, "\n", &value] {
            hmac.update(part.as_bytes());
        }
        let mut hash = [0; HASH_LENGTH];
        for (kept, byte) in hash.iter_mut().zip(hmac.finalize().into_bytes()) {
            *kept = byte;
        }
        Ok(Alias { kind: kind.to_owned(), hash })
    }
}

impl fmt::Debug for AliasKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AliasKey(..)")
    }
}

/// The kinds that [`AliasKey::alias`] accepts, except `.` and `..`, as a regular expression.
pub const KIND_PATTERN: &str = "^[a-z0-9._:-]{1,16}$";

/// The values that it accepts, as a regular expression.
pub const VALUE_PATTERN: &str = r"^\s*\S([\s\S]{0,254}\S)?\s*$";

/// The values of the kind `email`, as a regular expression.
pub const EMAIL_PATTERN: &str = concat!(
    r#"^\s*("\S+"|[^\s@<>,;:"()\[\]\\]+)"#,
    r#"@(\[[^\s@<>,;"()\[\]\\]+\]|[^\s@.<>,;:"()\[\]\\]+(\.[^\s@.<>,;:"()\[\]\\]+)*)\s*$"#
);

/// The values of the kind `phone`, as a regular expression.
pub const PHONE_PATTERN: &str = r"^\s*(\+|00)[ \-./()\u00a0]*[1-9]([ \-./()\u00a0]*[0-9]){6,14}[ \-./()\u00a0]*$";

fn is_kind(kind: &str) -> bool {
    // The same characters as an id, without `#`, which separates the parts of a key. Lower case only: `Email` would be
    // a kind of its own, whose values are compared as they are written.
    !kind.contains(|char: char| char.is_ascii_uppercase())
        && kind.len() <= KIND_LENGTH_MAX
        && kind.parse::<regulars_domain::id::AttributeId>().is_ok()
}

fn normalised(kind: &str, value: &str) -> Result<String, AliasMalformed> {
    let value = value.trim();
    if !(1..=VALUE_LENGTH_MAX).contains(&value.chars().count()) {
        return Err(AliasMalformed::Value);
    }
    match kind {
        "email" => email(value).ok_or(AliasMalformed::Email),
        "phone" => phone(value).ok_or(AliasMalformed::Phone),
        _ => Ok(value.to_owned()),
    }
}

/// Returns the address in lower case. Whether it can receive mail is not checked; a value with something around the address is
/// refused, because a lookup of the address itself would not find it.
fn email(value: &str) -> Option<String> {
    let (name, host) = value.rsplit_once('@')?;
    let enclosed = |text: &str, open, close| {
        let inner = text.strip_prefix(open).and_then(|text: &str| text.strip_suffix(close));
        inner.filter(|inner| !inner.is_empty()).map(str::to_owned)
    };
    let is_plain = |text: &str, others: &str| !text.is_empty() && !text.contains(|char| others.contains(char));
    let is_name = enclosed(name, '"', '"').is_some() || is_plain(name, "@<>,;:\"()[]\\");
    let is_host = match enclosed(host, '[', ']') {
        Some(literal) => is_plain(&literal, "<>,;\"()[]\\"),
        None => host.split('.').all(|label| is_plain(label, "<>,;:\"()[]\\")),
    };
    (is_name && is_host && !value.contains(char::is_whitespace)).then(|| value.to_lowercase())
}

/// Returns the digits of an international number, country code first, within the bounds of E.164.
fn phone(value: &str) -> Option<String> {
    let number = value.strip_prefix('+').or_else(|| value.strip_prefix("00"))?;
    if number.chars().any(|char| !char.is_ascii_digit() && !" -./()\u{a0}".contains(char)) {
        return None;
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    // No country code starts with a zero.
    ((7..=15).contains(&digits.len()) && !digits.starts_with('0')).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> AliasKey {
        AliasKey::new(b"a key only for tests").unwrap()
    }

    fn alias(kind: &str, value: &str) -> Result<Alias, AliasMalformed> {
        key().alias(&"demo".parse().unwrap(), kind, value)
    }

    #[test]
    fn one_name_written_in_two_ways_is_one_alias() {
        assert_eq!(alias("email", "Ayse@Example.com "), alias("email", "ayse@example.com"));
        assert_eq!(alias("email", "ÇİĞDEM@example.com"), alias("email", " Çi̇ğdem@example.com"));
        assert_eq!(alias("phone", "+90 (532) 123-45-67"), alias("phone", "0090 532.123.45.67"));
        assert_eq!(alias("card", " A-17 "), alias("card", "A-17"));
        assert_ne!(alias("card", "a-17"), alias("card", "A-17"));
    }

    #[test]
    fn a_phone_becomes_its_digits_with_the_country_code() {
        assert_eq!(phone("+90 (532) 123-45-67").unwrap(), "905321234567");
        for bad in [
            "0532 123 45 67",
            "905321234567",
            "+90 532 12x",
            "+1",
            "+0532 123 45 67",
            "+1234567890123456",
            "+ ١٢٣٤٥٦٧",
            "+",
        ] {
            assert_eq!(alias("phone", bad), Err(AliasMalformed::Phone), "{bad}");
        }
    }

    #[test]
    fn an_email_has_a_name_and_a_host() {
        for good in [
            "a@b",
            "ayse+shop@mail.example.com",
            "\"a@b\"@c",
            "çiğdem@örnek.example",
            "o'neil@example.com",
            "a@[192.0.2.1]",
            "a@[IPv6:2001:db8::1]",
        ] {
            assert!(alias("email", good).is_ok(), "{good}");
        }
        for bad in [
            "ayse",
            "@example.com",
            "ayse@",
            "ayse example@x.y",
            "@",
            "a@b@c.d",
            "a@b..com",
            "a@.com",
            "a@b.",
            "mailto:a@b.co",
            "<a@b.co>",
            "a@b.co,c@d.e",
            "a@b.co;",
            "\"\"@b.co",
            "\"a@b.co",
            "a@[]",
        ] {
            assert_eq!(alias("email", bad), Err(AliasMalformed::Email), "{bad}");
        }
    }

    #[test]
    fn kind_and_value_are_bounded() {
        for bad in [".", "x@y"] {
            assert!(alias(bad, "x").is_err());
        }
        for bad in ["", "e mail", "a#b", "kind-of-17-charsx", "é", "Email", "EMAIL", "cArd"] {
            assert_eq!(alias(bad, "x"), Err(AliasMalformed::Kind), "{bad}");
        }
        assert!(alias("kind-of-16-chars", "x").is_ok());
        for bad in ["", "  \n", &"é".repeat(257)] {
            assert_eq!(alias("card", bad), Err(AliasMalformed::Value), "{bad}");
        }
        assert!(alias("card", &"é".repeat(256)).is_ok());
    }

    #[test]
    fn the_hash_depends_on_key_program_kind_and_value_and_is_pinned() {
        let pinned = alias("email", "ayse@example.com").unwrap();
        // printf 'demo\nemail\nayse@example.com' | openssl dgst -sha256 -hmac 'a key only for tests'
        assert_eq!(
            (pinned.kind.as_str(), hex::encode(pinned.hash).as_str()),
            ("email", "1eaec8f414e0647d1e628cb6976e2f48")
        );
        let other = AliasKey::new(b"another key for tests").unwrap();
        let demo = "demo".parse().unwrap();
        for different in [
            other.alias(&demo, "email", "ayse@example.com"),
            key().alias(&"demo2".parse().unwrap(), "email", "ayse@example.com"),
            key().alias(&demo, "card", "ayse@example.com"),
            key().alias(&demo, "email", "ayse@example.org"),
        ] {
            assert_ne!(different.unwrap().hash, pinned.hash);
        }
    }

    #[test]
    fn a_key_is_long_enough_and_never_shown() {
        assert_eq!(AliasKey::new(b"fifteen bytes..").unwrap_err(), AliasKeyTooShort);
        assert_eq!(format!("{:?}", key()), "AliasKey(..)");
    }
}
