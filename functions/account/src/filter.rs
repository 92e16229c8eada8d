//! The filters of a statement: days of posting, and kinds.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use regulars_api::http::{HttpRequest, Limit, Parameter, Problem, ProblemCode};
use regulars_domain::{
    calendar::{days_after, start_of},
    entry::{Entry, Kind},
    instant::{self, Day},
    likeness,
};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};

use crate::cursor::Cursor;

/// The query parameters of a statement.
pub(crate) const PARAMETERS: [Parameter; 6] = [
    Parameter::once::<Limit>("limit", "The maximum number of entries on a page."),
    Parameter::once::<Cursor>("cursor", "The `next_cursor` of the previous page."),
    Parameter::once::<Day>("from", "The first day of posting, in the time zone of the program."),
    Parameter::once::<Day>("to", "The last day of posting, in the time zone of the program."),
    Parameter::repeatable::<Kind>("kind", "The kinds of entries. Default: all kinds."),
    Parameter::once::<u64>("after_seq", "Only entries after this sequence number, oldest first."),
];

/// The requested filters, before the time zone of their days is known.
#[derive(Debug)]
pub(crate) struct Asked {
    from: Option<Date>,
    to: Option<Date>,
    kinds: BTreeSet<Kind>,
}

/// The filter of entries. Entries of a ledger were posted in its order.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// The first instant.
    from: Option<Timestamp>,
    /// The first instant after the range.
    until: Option<Timestamp>,
    /// The kinds; empty for all.
    kinds: BTreeSet<Kind>,
}

/// The position of an entry relative to the filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Before,
    Matches,
    OtherKind,
    After,
}

impl Filter {
    /// Returns the filters of `request`.
    ///
    /// # Errors
    ///
    /// `query_malformed` for an invalid day or kind, or for days in the wrong order.
    pub(crate) fn asked(request: &HttpRequest) -> Result<Asked, Problem> {
        let date = |name| {
            Ok::<_, Problem>(request.query_all(name, "must be a date such as 2026-11-21", date)?.first().copied())
        };
        let (from, to) = (date("from")?, date("to")?);
        let kinds = request.query_all("kind", &kind_rule(request), kind)?.into_iter().collect();
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(Problem::new(
                ProblemCode::QueryMalformed,
                "The query parameter `from` must not be after `to`.",
            ));
        }
        Ok(Asked { from, to, kinds })
    }

    /// Returns whether every entry matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.from.is_none() && self.until.is_none() && self.kinds.is_empty()
    }

    pub(crate) fn place(&self, entry: &Entry) -> Place {
        if self.from.is_some_and(|from| entry.posted_at < from) {
            return Place::Before;
        }
        if self.until.is_some_and(|until| entry.posted_at >= until) {
            return Place::After;
        }
        if self.kinds.is_empty() || self.kinds.contains(&entry.kind()) { Place::Matches } else { Place::OtherKind }
    }
}

impl Asked {
    /// Returns the filter whose days are those of `zone`.
    pub(crate) fn within(self, zone: &TimeZone) -> Filter {
        Filter {
            from: self.from.map(|day| start_of(zone, day)),
            until: self.to.map(|day| start_of(zone, days_after(day, 1))),
            kinds: self.kinds,
        }
    }
}

/// Parses a date of our era, and nothing after it.
fn date(text: &str) -> Option<Date> {
    instant::day(text).filter(|date| date.year() > 0)
}

/// Returns what the kinds in the query must be, and a suggestion for an unknown one.
fn kind_rule(request: &HttpRequest) -> String {
    rule_for(request.query_values("kind").find(|text| kind(text).is_none()).unwrap_or_default())
}

/// What a kind must be instead of `unknown`: one of those with this word, or the nearest one.
fn rule_for(unknown: &str) -> String {
    let known = kinds();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let with_word: Vec<&str> =
        known.iter().copied().filter(|kind| kind.split('_').any(|word| word == unknown)).collect();
    match with_word.as_slice() {
        [] => {}
        [only] => return format!("must be a kind of entry; did you mean `{only}`?"),
        [others @ .., last] => {
            return format!("must be a kind of entry; did you mean `{}` or `{last}`?", others.join("`, `"));
        }
    }
    match likeness::nearest(unknown, &known) {
        Some(nearest) => format!("must be a kind of entry; did you mean `{nearest}`?"),
        None => format!("must be a kind of entry: {}", known.join(", ")),
    }
}

/// The names of all kinds of entries.
fn kinds() -> Vec<String> {
    let unknown = Kind::deserialize(IntoDeserializer::<value::Error>::into_deserializer("")).err();
    let listed = unknown.map(|error| error.to_string()).unwrap_or_default();
    listed.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

fn kind(text: &str) -> Option<Kind> {
    Kind::deserialize(IntoDeserializer::<value::Error>::into_deserializer(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_in_one_way() {
        assert!(date("2026-11-21").is_some());
        for text in [
            "",
            "2026-11-31",
            "20261121",
            "2026-11-21T00:00:00",
            "2026-11-21 ",
            "21.11.2026",
            "today",
            "-009999-01-01",
            "0000-12-31",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn a_word_of_several_kinds_stands_for_all_of_them() {
        for (unknown, expected) in [
            ("acrual", "did you mean `accrual`?"),
            ("reversal", "did you mean `accrual_reversal`, "),
            ("qqqqqqqq", "must be a kind of entry: "),
            ("", "must be a kind of entry: "),
        ] {
            assert!(rule_for(unknown).contains(expected), "{unknown}: {}", rule_for(unknown));
        }
    }

    #[test]
    fn a_kind_is_named_as_in_an_entry() {
        let kinds = kinds();
        assert!(kinds.len() > 20 && kinds.iter().all(|name| kind(name).is_some()), "{kinds:?}");
        assert_eq!((kind("accrual"), kind("tier_change")), (Some(Kind::Accrual), Some(Kind::TierChange)));
        for text in ["", "Accrual", "accruals", "accrual,expiry"] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
