//! Instants and days in requests: RFC 3339, with an offset that exists on Earth.

use std::{borrow::Cow, fmt};

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    fmt::temporal::Pieces,
    tz::Offset,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// The maximum offset from UTC, in seconds, ahead or behind: 18 hours. No zone has ever had a larger one. `java.time`
/// and most databases have the same limit, so other systems could not read a larger one.
const OFFSET_SECONDS_MAX: i32 = 18 * 60 * 60;

/// Why a text is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstantMalformed {
    /// It is not a date and a time with an offset.
    Text,
    /// It is a date without a time.
    NoTime,
    /// It is a date and a time without an offset.
    NoOffset,
    /// It has the form of an instant, but its date or its time does not exist.
    NoSuchTime,
    /// Its offset is beyond 18 hours.
    Offset,
    /// It is beyond the last instant that can be stored.
    TooLate,
    /// A second has more than nine decimals.
    TooPrecise,
}

impl fmt::Display for InstantMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "must be a date and a time with an offset, such as 2026-11-21T16:05:00+03:00",
            Self::NoTime => {
                "must have a time and an offset after the date, as in 2026-11-21T16:05:00+03:00, or 2026-11-21T13:05:00Z in UTC"
            }
            Self::NoOffset => "must have an offset after the time: Z for UTC, or one such as +03:00",
            Self::NoSuchTime => "must be a date and a time that exist, such as 2026-11-21T16:05:00+03:00",
            Self::Offset => "must have an offset of at most 18 hours, as in 2026-11-21T16:05:00+03:00",
            Self::TooLate => "must be before 9999-12-30T22:00:00Z",
            Self::TooPrecise => "must have at most nine decimals of a second, such as 2026-11-21T16:05:00.123456789+03:00",
        })
    }
}

impl std::error::Error for InstantMalformed {}

/// Reads an instant.
///
/// # Errors
///
/// [`InstantMalformed`].
pub fn read(text: &str) -> Result<Timestamp, InstantMalformed> {
    if !has_rfc_form(text) || has_leap_second(text) {
        return Err(malformed(text));
    }
    let instant = text.parse().map_err(|_| malformed(text))?;
    let offset = Pieces::parse(text).ok().and_then(|pieces| pieces.to_numeric_offset()).map_or(0, Offset::seconds);
    if (-OFFSET_SECONDS_MAX..=OFFSET_SECONDS_MAX).contains(&offset) {
        Ok(instant)
    } else {
        Err(InstantMalformed::Offset)
    }
}

/// Returns why `text` is not an instant.
fn malformed(text: &str) -> InstantMalformed {
    if day(text).is_some() {
        InstantMalformed::NoTime
    } else if text.parse::<DateTime>().is_ok() && Pieces::parse(text).is_ok_and(|pieces| pieces.offset().is_none()) {
        InstantMalformed::NoOffset
    } else if has_rfc_form(text) && text.starts_with("9999-12-3") {
        InstantMalformed::TooLate
    } else if has_form(text, "0000-00-00") || (has_rfc_form(text) && !has_many_decimals(text)) {
        InstantMalformed::NoSuchTime
    } else if has_rfc_form(text) {
        InstantMalformed::TooPrecise
    } else {
        InstantMalformed::Text
    }
}

/// Returns whether `text` has the form of RFC 3339: `2026-11-21T16:05:00+03:00`, `2026-11-21t13:05:00.5z`. The parser accepts
/// other forms of ISO 8601 too, such as `20261121T1605+03`.
fn has_rfc_form(text: &str) -> bool {
    let Some((date_and_time, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let form = date_and_time.replacen(['t', 'T'], "T", 1);
    let offset = match rest.strip_prefix('.') {
        Some(decimals) if decimals.starts_with(|char: char| char.is_ascii_digit()) => {
            decimals.trim_start_matches(|char: char| char.is_ascii_digit())
        }
        Some(_) => return false,
        None => rest,
    };
    has_form(&form, "0000-00-00T00:00:00")
        && (matches!(offset, "Z" | "z") || has_form(offset, "+00:00") || has_form(offset, "-00:00"))
}

/// Returns whether `text` names second 60, which the parser would read as 59.
fn has_leap_second(text: &str) -> bool {
    text.get("0000-00-00T00:00:".len()..).is_some_and(|rest| rest.starts_with("60"))
}

/// Returns whether a second in `text` has more than nine decimals.
fn has_many_decimals(text: &str) -> bool {
    text.split_once('.').is_some_and(|(_, decimals)| decimals.bytes().take_while(u8::is_ascii_digit).count() > 9)
}

/// Returns whether `text` begins like `form`, in which `0` stands for any digit.
fn has_form(text: &str, form: &str) -> bool {
    let is_date = form.len() <= 10;
    let alike = |(found, wanted): (u8, u8)| if wanted == b'0' { found.is_ascii_digit() } else { found == wanted };
    text.len() >= form.len() && (!is_date || text.len() == form.len()) && text.bytes().zip(form.bytes()).all(alike)
}

/// Reads an instant as a field of a request: `#[serde(deserialize_with = "instant::deserialize")]`.
///
/// # Errors
///
/// The value is not a text, or not an instant.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    read(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// The schema of an instant in a request, for `#[schemars(with = "OffsetTime")]` next to [`deserialize`].
#[derive(Clone, Copy, Debug)]
pub struct OffsetTime;

impl JsonSchema for OffsetTime {
    fn schema_name() -> Cow<'static, str> {
        "OffsetTime".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let hours = OFFSET_SECONDS_MAX / 3_600;
        let below = hours.saturating_sub(11);
        json_schema!({
            "type": "string",
            "format": "date-time",
            // The offset is 00:00 to 17:59, or 18:00.
            "pattern": format!("([Zz]|[+-](0[0-9]|1[0-{below}]):[0-5][0-9]|[+-]{hours}:00)$"),
        })
    }
}

/// Reads a calendar date such as `2026-11-21`. Returns `None` for other forms, which the parser would accept.
#[must_use]
pub fn day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|day: &Date| day.to_string() == text && has_form(text, "0000-00-00"))
}

/// Returns why `text` is not a date such as `2026-11-21`.
#[must_use]
pub fn day_malformed(text: &str) -> &'static str {
    if has_form(text, "0000-00-00T00:00") {
        "must be a date without a time, such as 2026-11-21"
    } else if has_form(text, "0000-00-00") {
        "must be a date that exists, such as 2026-11-21"
    } else {
        "must be a date, written as year, month and day: 2026-11-21"
    }
}

/// A calendar date in the body of a request, such as `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Date);

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        day(&text).map(Self).ok_or_else(|| de::Error::custom(day_malformed(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_an_offset_that_exists() {
        let same: Timestamp = "2026-11-21T13:05:00Z".parse().unwrap();
        for text in [
            "2026-11-21T13:05:00Z",
            "2026-11-21T16:05:00+03:00",
            "2026-11-22T07:05:00+18:00",
            "2026-11-20T19:05:00-18:00",
            "2026-11-21t13:05:00z",
            "2026-11-21T13:05:00.000000000Z",
        ] {
            assert_eq!(read(text), Ok(same), "{text}");
        }
        for (text, malformed) in [
            ("2026-11-22T07:06:00+18:01", InstantMalformed::Offset),
            ("2026-11-22T12:05:00+23:00", InstantMalformed::Offset),
            ("2026-11-20T19:04:00-18:01", InstantMalformed::Offset),
            ("2026-11-20T13:05:59-23:59", InstantMalformed::Offset),
            ("2026-11-21T13:05:00", InstantMalformed::NoOffset),
            ("2026-11-21", InstantMalformed::NoTime),
            ("2026-11-31", InstantMalformed::NoSuchTime),
            ("2026-11-31T13:05:00Z", InstantMalformed::NoSuchTime),
            ("2026-11-21T25:05:00Z", InstantMalformed::NoSuchTime),
            ("2026-11-21T13:05:00+99:00", InstantMalformed::NoSuchTime),
            ("9999-12-31T23:59:59Z", InstantMalformed::TooLate),
            ("2026-11-21T13:05:00.1234567891Z", InstantMalformed::TooPrecise),
            // ISO 8601 has more forms than RFC 3339.
            ("2026-11-21 13:05:00Z", InstantMalformed::Text),
            ("2026-11-21T13:05Z", InstantMalformed::Text),
            ("2026-11-21T13Z", InstantMalformed::Text),
            ("2026-11-21T16:05:00+0300", InstantMalformed::Text),
            ("2026-11-21T16:05:00+03", InstantMalformed::Text),
            ("20261121T130500Z", InstantMalformed::Text),
            ("2026-11-21T13:05:00,5Z", InstantMalformed::Text),
            ("2026-11-21T13:05:00.Z", InstantMalformed::Text),
            ("+002026-11-21T13:05:00Z", InstantMalformed::Text),
            ("2026-11-21T13:05:00+00:00[Europe/Lisbon]", InstantMalformed::Text),
            ("2026-11-21T13:05:60Z", InstantMalformed::NoSuchTime),
            ("21.11.2026", InstantMalformed::Text),
            ("now", InstantMalformed::Text),
            ("", InstantMalformed::Text),
        ] {
            assert_eq!(read(text), Err(malformed), "{text}");
        }
    }

    #[test]
    fn a_day_is_written_in_one_way_and_exists() {
        let read = |text: &str| serde_json::from_value::<Day>(text.into()).map_err(|error| error.to_string());
        assert_eq!(read("2028-02-29").map(|Day(day)| day.to_string()).as_deref(), Ok("2028-02-29"));
        for (bad, expected) in [
            ("2027-02-29", "must be a date that exists, such as 2026-11-21"),
            ("31.12.2027", "must be a date, written as year, month and day: 2026-11-21"),
            ("20271231", "must be a date, written as year, month and day: 2026-11-21"),
            ("2027-12-31T00:00:00Z", "must be a date without a time, such as 2026-11-21"),
            ("2027-12-31T00:00:00", "must be a date without a time, such as 2026-11-21"),
            ("2027-1-1", "must be a date, written as year, month and day: 2026-11-21"),
            ("", "must be a date, written as year, month and day: 2026-11-21"),
        ] {
            assert_eq!(read(bad), Err(expected.to_owned()), "{bad}");
        }
    }
}
