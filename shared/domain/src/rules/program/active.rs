//! When a rule or a reward is active: between two instants, on some weekdays, at some hours.

use jiff::{
    Timestamp,
    civil::{Time, Weekday},
    tz::TimeZone,
};

use serde_json::{Value, json};

use crate::{
    rules::{
        node::Node,
        schema::{Field, choice, parsed, some},
    },
    values::{
        calendar::{date_in, time_in},
        instant::{self, InstantMalformed, OffsetTime},
    },
};

/// When a rule or a reward is active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveWindow {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    weekdays: Option<Vec<Weekday>>,
    from_time: Option<Time>,
    to_time: Option<Time>,
}

impl ActiveWindow {
    /// Returns whether it is active at `instant`. Beginnings are included, ends are not. Weekdays and hours are local
    /// times in `zone`. Hours may span midnight (`22:00` to `02:00`); after midnight, the weekday is the new one.
    #[must_use]
    pub fn contains(&self, zone: &TimeZone, instant: Timestamp) -> bool {
        let time = time_in(zone, instant);
        let hours = match (self.from_time, self.to_time) {
            (Some(from), Some(to)) if from > to => time >= from || time < to,
            (from, to) => from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to),
        };
        hours
            && self.from.is_none_or(|from| instant >= from)
            && self.to.is_none_or(|to| instant < to)
            && self.weekdays.as_ref().is_none_or(|days| days.contains(&date_in(zone, instant).weekday()))
    }

    /// Returns whether it has ended by `instant` and does not begin again.
    pub(crate) fn has_ended(&self, instant: Timestamp) -> bool {
        self.to.is_some_and(|to| to <= instant)
    }
}

/// The fields of a window of time.
pub(super) const FIELDS: [Field; 5] = [
    Field::optional("from", "The first instant, with its offset.", parsed::<OffsetTime>),
    Field::optional("to", "The first instant after the end, with its offset.", parsed::<OffsetTime>),
    Field::optional("weekdays", "The days of the week, in the time zone of the program.", || {
        some(7, choice(&WEEKDAYS))
    }),
    Field::optional("from_time", "The first time of the day, as in `15:00`.", time),
    Field::optional(
        "to_time",
        "The first time of the day after the end. If it is before `from_time`, the window spans midnight.",
        time,
    ),
];

/// A time of the day.
fn time() -> Value {
    json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" })
}

pub(super) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

pub(super) fn read(node: &Node<'_>) -> Option<ActiveWindow> {
    let fields = node.fields(&FIELDS)?;
    let from = fields.read_or("from", None, |node| read_instant(node).map(Some));
    let to = fields.read_or("to", None, |node| read_instant(node).map(Some));
    let weekdays = fields.read_or("weekdays", None, |node| read_weekdays(node).map(Some));
    let from_time = fields.read_or("from_time", None, |node| read_time(node).map(Some));
    let to_time = fields.read_or("to_time", None, |node| read_time(node).map(Some));
    let window = ActiveWindow { from: from?, to: to?, weekdays: weekdays?, from_time: from_time?, to_time: to_time? };
    if let (Some(from), Some(to)) = (window.from, window.to)
        && from >= to
    {
        node.lint("contradiction", "ends before it begins");
    }
    if window.from_time.is_some() && window.from_time == window.to_time {
        node.lint("contradiction", "from_time and to_time are the same, so the rule would never be active");
    }
    Some(window)
}

pub(super) fn read_instant(node: &Node<'_>) -> Option<Timestamp> {
    match node.text().map_or(Err(InstantMalformed::Text), instant::read) {
        Ok(instant) => Some(instant),
        Err(malformed) => {
            node.fault("malformed", malformed.to_string());
            None
        }
    }
}

fn read_time(node: &Node<'_>) -> Option<Time> {
    // The parser accepts several forms. The text must be the one that is written back.
    let time =
        node.text().and_then(|text| text.parse().ok().filter(|time: &Time| time.strftime("%H:%M").to_string() == text));
    if time.is_none() {
        node.fault("malformed", "must be a time of the day such as 15:00");
    }
    time
}

fn read_weekdays(node: &Node<'_>) -> Option<Vec<Weekday>> {
    let weekdays = node.list(7, |node| node.choice(&WEEKDAYS))?;
    if weekdays.is_empty() {
        node.lint("out_of_range", "must name at least one day");
    }
    Some(weekdays)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rules::node::Findings;

    fn window(value: &Value) -> ActiveWindow {
        let findings = Findings::default();
        let window = read(&Node::top(value, &findings)).unwrap();
        assert_eq!(findings.into_findings(), []);
        window
    }

    #[test]
    fn a_window_includes_its_beginning_and_not_its_end_on_the_programs_clocks() {
        let istanbul = TimeZone::get("Europe/Istanbul").unwrap();
        let happy_hour = json!({ "weekdays": ["mon", "tue"], "from_time": "15:00", "to_time": "18:00" });
        let night = json!({ "from_time": "22:00", "to_time": "02:00" });
        let year = json!({ "from": "2026-01-01T00:00:00+03:00", "to": "2027-01-01T00:00:00+03:00" });
        for (document, instant, expected) in [
            (&happy_hour, "2026-11-23T15:00:00+03:00", true),
            (&happy_hour, "2026-11-23T12:00:00Z", true),
            (&happy_hour, "2026-11-23T14:59:59+03:00", false),
            (&happy_hour, "2026-11-23T18:00:00+03:00", false),
            (&happy_hour, "2026-11-22T15:00:00+03:00", false),
            (&night, "2026-11-23T23:00:00+03:00", true),
            (&night, "2026-11-24T01:59:59+03:00", true),
            (&night, "2026-11-24T02:00:00+03:00", false),
            (&year, "2025-12-31T21:00:00Z", true),
            (&year, "2026-12-31T21:00:00Z", false),
            (&json!({}), "2026-12-31T21:00:00Z", true),
        ] {
            assert_eq!(
                window(document).contains(&istanbul, instant.parse().unwrap()),
                expected,
                "{document} at {instant}"
            );
        }
    }
}
