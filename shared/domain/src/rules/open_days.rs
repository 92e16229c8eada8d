//! The days of which something can still be posted.

use jiff::civil::Date;

/// The days of which something can still be posted on one day: a span for each version that was in force lately, because each
/// says how late a purchase of its time may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenDays {
    today: Date,
    spans: Vec<(Date, Date)>,
}

impl OpenDays {
    /// The days of `spans`, each from the first to the last day, that are open on `today`.
    pub(crate) fn new(today: Date, spans: impl IntoIterator<Item = (Date, Date)>) -> Self {
        Self { today, spans: spans.into_iter().filter(|(first, last)| first <= last).collect() }
    }

    /// Whether one of them lies from `first` to `last`.
    pub(crate) fn meet(&self, first: Date, last: Date) -> bool {
        self.spans.iter().any(|(from, to)| *from <= last && first <= *to)
    }

    /// How many days there are from the first to the last of them.
    pub(crate) fn span_days(&self) -> i32 {
        let first = self.spans.iter().map(|(first, _)| *first).min().unwrap_or(self.today);
        let last = self.spans.iter().map(|(_, last)| *last).max().unwrap_or(self.today);
        last.since(first).map_or(i32::MAX, |span| span.get_days()).saturating_add(1)
    }
}
