//! Dates in a program's time zone: the bounds of days, months, weeks and other intervals.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// Returns the date of `instant` in `zone`.
#[must_use]
pub fn date_in(zone: &TimeZone, instant: Timestamp) -> Date {
    zone.to_datetime(instant).date()
}

/// Returns the first instant of `date` in `zone`, which is not always midnight: some clocks skip it in spring.
#[must_use]
pub fn start_of(zone: &TimeZone, date: Date) -> Timestamp {
    // The only failure is a date at the end of the calendar, year 9999.
    date.to_zoned(zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// Returns the local time of `instant` in `zone`.
#[must_use]
pub fn time_in(zone: &TimeZone, instant: Timestamp) -> Time {
    zone.to_datetime(instant).time()
}

/// Returns `date` plus `months` months: the same day of the month, or the last day of a shorter month.
#[must_use]
pub fn months_after(date: Date, months: i32) -> Date {
    date.checked_add(months.months()).unwrap_or(Date::MAX)
}

/// Returns `date` plus `days` days.
#[must_use]
pub fn days_after(date: Date, days: i32) -> Date {
    date.checked_add(days.days()).unwrap_or(if days < 0 { Date::MIN } else { Date::MAX })
}

/// Returns the last day of the quarter of `date`.
#[must_use]
pub fn last_of_quarter(date: Date) -> Date {
    let months_left = 12_i8.saturating_sub(date.month()).rem_euclid(3);
    months_after(date.first_of_month(), i32::from(months_left)).last_of_month()
}

/// Returns the two neighbours to merge of `items` with ascending days: the closest two of one month; if no month has
/// two, of one year; otherwise the closest of all. Of equals, the earliest.
///
/// Without the preference for one month, daily purchases would keep merging into one sum that moves along with them.
pub(crate) fn closest_neighbours<T>(items: impl Iterator<Item = (Date, T)> + Clone) -> Option<(T, T)> {
    let pairs = items.clone().zip(items.skip(1));
    let closest = pairs.min_by_key(|((day, _), (next, _))| {
        let crosses = (day.year() != next.year(), day.first_of_month() != next.first_of_month());
        (crosses, day.until(*next).map_or(i32::MAX, |apart| apart.get_days()))
    });
    closest.map(|((_, soon), (_, late))| (soon, late))
}

/// A recurring interval of the calendar, in which a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// A day.
    Day,
    /// A week, from Monday (ISO 8601).
    Week,
    /// A month.
    Month,
    /// A calendar year.
    Year,
    /// The whole life of the program.
    Ever,
}

/// The first day of the interval without end.
pub const EVER: Date = Date::constant(1, 1, 1);

impl Every {
    /// Returns the first day of the interval of `date`.
    #[must_use]
    pub fn starting(self, date: Date) -> Date {
        match self {
            Self::Day => date,
            Self::Week => days_after(date, i32::from(date.weekday().to_monday_zero_offset()).saturating_neg()),
            Self::Month => date.first_of_month(),
            Self::Year => date.first_of_year(),
            Self::Ever => EVER,
        }
    }

    /// Returns the first day after the interval that starts on `start`; `None` if it never ends.
    #[must_use]
    pub fn following(self, start: Date) -> Option<Date> {
        match self {
            Self::Day => Some(days_after(start, 1)),
            Self::Week => Some(days_after(start, 7)),
            Self::Month => Some(months_after(start, 1)),
            Self::Year => Some(months_after(start, 12)),
            Self::Ever => None,
        }
    }
}

/// One interval of a kind: the month that begins on 1 November 2026.
///
/// Written as a letter and the first day, `m20261101`; the interval without end is `e`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    every: Every,
    from: Date,
}

impl Interval {
    /// Returns the interval of the kind `every` that contains `date`.
    #[must_use]
    pub fn of(every: Every, date: Date) -> Self {
        Self { every, from: every.starting(date) }
    }

    /// Returns its first day.
    #[must_use]
    pub fn first(self) -> Date {
        self.from
    }

    /// Returns the first day after it; `None` if it never ends.
    #[must_use]
    pub fn following(self) -> Option<Date> {
        self.every.following(self.from)
    }

    /// Returns its last day; `None` if it never ends.
    #[must_use]
    pub fn last(self) -> Option<Date> {
        self.following().map(|following| days_after(following, -1))
    }
}

const LETTERS: [(Every, char); 4] = [(Every::Day, 'd'), (Every::Week, 'w'), (Every::Month, 'm'), (Every::Year, 'y')];

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match LETTERS.iter().find(|(every, _)| *every == self.every) {
            Some((_, letter)) => write!(f, "{letter}{}", self.from.strftime("%Y%m%d")),
            None => f.write_str("e"),
        }
    }
}

/// The text is not an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntervalMalformed;

impl fmt::Display for IntervalMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an interval must be written as d20261122, w20261116, m20261101, y20260101 or e")
    }
}

impl FromStr for Interval {
    type Err = IntervalMalformed;

    fn from_str(text: &str) -> Result<Self, IntervalMalformed> {
        let mut rest = text.chars();
        let letter = rest.next().ok_or(IntervalMalformed)?;
        if text == "e" {
            return Ok(Self::of(Every::Ever, EVER));
        }
        let (every, _) = LETTERS.iter().find(|(_, known)| *known == letter).ok_or(IntervalMalformed)?;
        let from: Date = rest.as_str().parse().map_err(|_| IntervalMalformed)?;
        let interval = Self::of(*every, from);
        if interval.from == from { Ok(interval) } else { Err(IntervalMalformed) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_month_after_the_last_of_january_is_the_last_of_february() {
        assert_eq!(months_after(date(2027, 1, 31), 1), date(2027, 2, 28));
        assert_eq!(months_after(date(2028, 1, 31), 1), date(2028, 2, 29));
        assert_eq!(months_after(date(2028, 2, 29), 12), date(2029, 2, 28));
        assert_eq!(months_after(Date::MAX, 1), Date::MAX);
    }

    #[test]
    fn a_quarter_ends_with_its_third_month() {
        for (month, last) in [(1, (3, 31)), (3, (3, 31)), (4, (6, 30)), (8, (9, 30)), (11, (12, 31)), (12, (12, 31))] {
            assert_eq!(last_of_quarter(date(2027, month, 15)), date(2027, last.0, last.1), "month {month}");
        }
    }

    #[test]
    fn the_closest_days_of_one_month_are_neighbours_before_any_of_two() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        for (days, expected) in [
            (&[][..], None),
            (&["2027-05-01"], None),
            (&["2027-05-01", "2027-05-09", "2027-05-12"], Some(("2027-05-09", "2027-05-12"))),
            (&["2027-05-01", "2027-05-02", "2027-05-03"], Some(("2027-05-01", "2027-05-02"))),
            (&["2027-05-01", "2027-05-31", "2027-06-01"], Some(("2027-05-01", "2027-05-31"))),
            (&["2026-05-31", "2027-05-01", "2027-05-31"], Some(("2027-05-01", "2027-05-31"))),
            (&["2026-12-31", "2027-01-01", "2027-11-30"], Some(("2027-01-01", "2027-11-30"))),
            (&["2026-12-31", "2027-06-01", "2028-01-01"], Some(("2026-12-31", "2027-06-01"))),
        ] {
            let days: Vec<_> = days.iter().map(|text| day(text)).collect();
            let expected = expected.map(|(soon, late)| (day(soon), day(late)));
            assert_eq!(closest_neighbours(days.iter().map(|day| (*day, *day))), expected, "{days:?}");
        }
    }

    #[test]
    fn intervals_start_where_a_calendar_says() {
        let sunday = date(2026, 11, 22);
        assert_eq!(Every::Day.starting(sunday), sunday);
        assert_eq!(Every::Week.starting(sunday), date(2026, 11, 16));
        assert_eq!(Every::Month.starting(sunday), date(2026, 11, 1));
        assert_eq!(Every::Year.starting(sunday), date(2026, 1, 1));
        assert_eq!(Every::Ever.starting(sunday), EVER);
        assert_eq!(Every::Week.following(date(2026, 12, 28)), Some(date(2027, 1, 4)));
        assert_eq!(Every::Ever.following(EVER), None);
    }

    #[test]
    fn an_interval_reads_back_and_knows_its_kind() {
        let sunday = date(2026, 11, 22);
        for (every, text) in [
            (Every::Day, "d20261122"),
            (Every::Week, "w20261116"),
            (Every::Month, "m20261101"),
            (Every::Year, "y20260101"),
            (Every::Ever, "e"),
        ] {
            let interval = Interval::of(every, sunday);
            assert_eq!(interval.to_string(), text);
            assert_eq!(text.parse(), Ok(interval));
        }
        for bad in ["", "x20261101", "m20261102", "w20261122", "m", "e20261101", "20261101"] {
            assert_eq!(bad.parse::<Interval>(), Err(IntervalMalformed), "{bad}");
        }
    }

    #[test]
    fn a_day_begins_when_its_zone_says() {
        let istanbul = TimeZone::get("Europe/Istanbul").unwrap();
        assert_eq!(start_of(&istanbul, date(2026, 11, 22)).to_string(), "2026-11-21T21:00:00Z");
        assert_eq!(date_in(&istanbul, "2026-11-21T21:00:00Z".parse().unwrap()), date(2026, 11, 22));
        // In Santiago the clock goes from 23:59:59 to 01:00 in September, so this day has no midnight.
        let santiago = TimeZone::get("America/Santiago").unwrap();
        assert_eq!(start_of(&santiago, date(2026, 9, 6)).to_string(), "2026-09-06T04:00:00Z");
    }
}
