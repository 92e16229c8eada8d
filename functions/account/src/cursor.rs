//! The cursor of a statement: where a page begins.

use std::{borrow::Cow, fmt};

use regulars_api::http::{HttpRequest, Problem, ProblemCode};
use regulars_domain::id::MemberId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The prefix of the cursor of a statement in order.
const IN_ORDER: char = 'a';

/// Where a page begins. As text: `17`, before that entry of the member's own ledger; `17~m-1`, of another ledger;
/// `~m-1`, at the newest entry of another ledger; `a17`, after that entry of the member's own ledger, in order.
#[derive(Debug, PartialEq)]
pub(crate) enum Cursor {
    /// Newest first.
    Before {
        /// Before this entry; without it, from the newest.
        seq: Option<u64>,
        /// In the ledger of this member; without it, in the member's own.
        ledger: Option<MemberId>,
    },
    /// Oldest first, in the member's own ledger, after this entry.
    After(u64),
}

impl JsonSchema for Cursor {
    fn schema_name() -> Cow<'static, str> {
        "Cursor".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (member, seq) = ("[A-Za-z0-9._:-]{1,64}", "[1-9][0-9]{0,19}");
        json_schema!({ "type": "string", "pattern": format!("^(a(0|{seq})|{seq}(~{member})?|~{member})$") })
    }
}

impl Cursor {
    /// Returns where the page of `request` begins: at `cursor`, else after `after_seq`, else at the newest entry.
    ///
    /// # Errors
    ///
    /// `cursor_malformed`, also for a cursor of the other order than `after_seq`; `query_malformed`.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let after = request.query_all("after_seq", "must be the seq of an entry, or 0", seq)?.first().copied();
        let cursor = request.cursor().map(|text| Self::read(text).ok_or_else(malformed)).transpose()?;
        match (cursor, after) {
            (Some(Self::Before { .. }), Some(_)) => Err(malformed()),
            (Some(cursor), _) => Ok(cursor),
            (None, Some(after)) => Ok(Self::After(after)),
            (None, None) => Ok(Self::Before { seq: None, ledger: None }),
        }
    }

    fn read(text: &str) -> Option<Self> {
        if let Some(after) = text.strip_prefix(IN_ORDER) {
            return Some(Self::After(seq(after)?));
        }
        let (before, ledger) = text.split_once('~').map_or((text, None), |(seq, ledger)| (seq, Some(ledger)));
        let ledger = ledger.map(|ledger| ledger.parse::<MemberId>().map_err(|_| ())).transpose().ok()?;
        let seq =
            if before.is_empty() && ledger.is_some() { None } else { Some(seq(before).filter(|before| *before > 0)?) };
        Some(Self::Before { seq, ledger })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(after) => write!(f, "{IN_ORDER}{after}"),
            Self::Before { seq, ledger } => {
                seq.map_or(Ok(()), |seq| write!(f, "{seq}"))?;
                ledger.as_ref().map_or(Ok(()), |ledger| write!(f, "~{ledger}"))
            }
        }
    }
}

/// Parses a number of digits only.
fn seq(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(crate) fn malformed() -> Problem {
    Problem::new(
        ProblemCode::CursorMalformed,
        "Send the next_cursor of the page before, as it was, with the same parameters.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let ledger = Some("m-1".parse().unwrap());
        for (text, cursor) in [
            ("17", Cursor::Before { seq: Some(17), ledger: None }),
            ("17~m-1", Cursor::Before { seq: Some(17), ledger: ledger.clone() }),
            ("~m-1", Cursor::Before { seq: None, ledger }),
            ("a0", Cursor::After(0)),
            ("a17", Cursor::After(17)),
        ] {
            assert_eq!(cursor.to_string(), text);
            assert_eq!(Cursor::read(text), Some(cursor));
        }
        for text in [
            "",
            "0",
            "-1",
            "+1",
            "1.5",
            "abc",
            "a",
            "a+1",
            "a1~m-1",
            "~",
            "1~",
            "1~m 1",
            "0~m-1",
            "a18446744073709551616",
        ] {
            assert_eq!(Cursor::read(text), None, "{text}");
        }
    }
}
