//! The days for which something can still be posted.

use jiff::civil::Date;

/// The days for which something can still be posted: one span for each version that was in force recently, because each
/// version limits how late its purchases may be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenDays {
    today: Date,
    spans: Vec<(Date, Date)>,
}

impl OpenDays {
    /// Returns the days of `spans`, each from the first to the last day, as of `today`.
    pub(crate) fn new(today: Date, spans: impl IntoIterator<Item = (Date, Date)>) -> Self {
        Self { today, spans: spans.into_iter().filter(|(first, last)| first <= last).collect() }
    }

    /// Returns whether one of them is between `first` and `last`.
    pub(crate) fn meet(&self, first: Date, last: Date) -> bool {
        self.spans.iter().any(|(from, to)| *from <= last && first <= *to)
    }

    /// Returns the number of days from the first to the last of them.
    pub(crate) fn span_days(&self) -> i32 {
        let first = self.spans.iter().map(|(first, _)| *first).min().unwrap_or(self.today);
        let last = self.spans.iter().map(|(_, last)| *last).max().unwrap_or(self.today);
        last.since(first).map_or(i32::MAX, |span| span.get_days()).saturating_add(1)
    }
}
