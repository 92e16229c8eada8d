//! Data to undo the newest extension of points, if the activity behind it is undone.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    state::lots::{Expiry, LotMove, Lots},
    values::points::Points,
};

/// Maximum number of lots whose earlier last day is stored: those that expire soonest. Other lots keep the extension.
pub const EXTENDED_LOTS_MAX: usize = 8;

/// Maximum number of days by which activities of one day can be confirmed. With more, the extension stays.
pub const EXTENDED_UNTIL_MAX: usize = 4;

/// A signed change of the number of activities that extend points to a day, as a ledger entry records it: the day, the
/// last day on which they can be confirmed if they are unconfirmed, and the number: `["2027-05-21",null,1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActChange(pub Date, pub Option<Date>, pub i64);

/// The activities behind the newest extension of all points, and the state before it.
///
/// Once all of them are undone, points get their earlier last days back. An account stores the newest extension only: a
/// purchase behind an earlier one changes nothing when it is returned, and the result of one undone extension is final.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension {
    /// The number of activities that extended points to that day, by the last day on which they can be confirmed;
    /// `None` for those that need no confirmation.
    pub acts: BTreeMap<Option<Date>, i64>,
    /// Whether the extension stays even if all of these are undone, because other, unknown activities extended points
    /// to that day.
    pub is_final: bool,
    /// The day to which earlier activity had extended the points, if any.
    pub before: Option<Date>,
    /// The points that it moved, by their earlier expiry.
    pub moved: BTreeMap<Expiry, Points>,
}

impl Extension {
    /// Returns an extension of `lots` after earlier activity had extended them to `before`.
    pub(crate) fn after(before: Option<Date>) -> Self {
        Self { before, ..Self::default() }
    }

    /// Returns an extension that cannot be undone any more; empty without a day.
    fn settled(to: Option<Date>) -> Self {
        Self { is_final: to.is_some(), ..Self::default() }
    }

    /// Stores the earlier expiry of those of `lots` that are now extended to `day`.
    pub(crate) fn keep(&mut self, lots: &Lots, day: Date) {
        for (expiry, points) in lots.iter().filter(|(expiry, _)| expiry.extended_to(day) != *expiry) {
            *self.moved.entry(expiry).or_default() += points;
        }
        while self.moved.len() > EXTENDED_LOTS_MAX {
            self.moved.pop_last();
        }
    }

    /// Records a late activity that extends points to `day`, which is before the newest extension.
    pub(crate) fn raise(&mut self, day: Date) {
        self.before = Some(self.before.map_or(day, |before| before.max(day)));
        for (expiry, points) in std::mem::take(&mut self.moved) {
            *self.moved.entry(expiry.extended_to(day)).or_default() += points;
        }
    }

    /// Adds or removes activities that can be confirmed by `until`.
    pub(crate) fn count(&mut self, until: Option<Date>, by: i64) {
        let acts = self.acts.entry(until).or_default();
        *acts = acts.saturating_add(by);
        self.acts.retain(|_, acts| *acts > 0);
        while self.acts.len() > EXTENDED_UNTIL_MAX {
            self.acts.pop_last();
            self.is_final = true;
        }
    }

    /// Moves activities that can be confirmed by `from` to `to`.
    pub(crate) fn wait_until(&mut self, from: Date, to: Date) {
        if let Some(acts) = self.acts.remove(&Some(from)) {
            self.count(Some(to), acts);
        }
    }

    /// Returns whether no activity extends points to its day any more.
    pub(crate) fn is_over(&self) -> bool {
        self.acts.is_empty() && !self.is_final
    }

    /// Returns its activities that could be confirmed by `until`, and the last day by which they can be confirmed now,
    /// which may be later. `None` if there are none.
    pub(crate) fn found(&self, until: Option<Date>) -> Option<(Option<Date>, i64)> {
        let found = self.acts.range(until..).next().map(|(until, acts)| (*until, *acts));
        found.filter(|(found, _)| until.is_some() == found.is_some())
    }

    /// Records that points left the lot of `expiry` after they were extended to `to`. Points that expired soonest
    /// before leave first.
    pub(crate) fn leave(&mut self, to: Date, expiry: Expiry, points: Points) {
        let mut left = points.max(Points::ZERO);
        for (_, moved) in self.moved.iter_mut().filter(|(before, _)| before.extended_to(to) == expiry) {
            let part = left.min(*moved);
            *moved -= part;
            left -= part;
        }
        self.moved.retain(|_, points| !points.is_zero());
    }

    /// Returns the points that it moved into the lot of `expiry` when it extended them to `to`.
    pub(crate) fn moved_to(&self, to: Date, expiry: Expiry) -> Points {
        let moved = self.moved.iter().filter(|(before, _)| before.extended_to(to) == expiry);
        moved.map(|(_, points)| *points).sum()
    }

    /// Returns the moves that give `lots`, which were extended to `to`, their earlier expiry back.
    pub(crate) fn shortened(&self, lots: &Lots, to: Date) -> Vec<LotMove> {
        let mut lots: BTreeMap<_, _> = lots.iter().collect();
        let mut moves = Vec::new();
        for (before, points) in &self.moved {
            let expiry = before.extended_to(to);
            let kept = lots.entry(expiry).or_default();
            let back = (*points).min(*kept);
            *kept -= back;
            if !back.is_zero() {
                moves.push(LotMove(expiry, *before, back));
            }
        }
        moves
    }

    /// Returns the extension that remains once this one is undone.
    pub(crate) fn left(&self) -> Self {
        Self::settled(self.before)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const fn on(month: i8) -> Date {
        date(2027, month, 15)
    }

    fn lots(parts: &[(Date, i64)]) -> Lots {
        Lots::from_parts(parts.iter().map(|(day, points)| (Expiry::On(*day), Points::new(*points)))).unwrap()
    }

    fn back(extension: &Extension, left: i64) -> Vec<(Option<Date>, i64)> {
        let moves = extension.shortened(&lots(&[(on(9), left)]), on(9));
        moves.iter().map(|LotMove(_, before, points)| (before.on(), points.get())).collect()
    }

    #[test]
    fn points_go_back_to_their_days_and_those_that_expire_soonest_are_spent_first() {
        let mut extension = Extension::after(Some(on(3)));
        extension.keep(&lots(&[(on(3), 5), (on(5), 7), (on(9), 11), (on(10), 13)]), on(9));
        assert_eq!(back(&extension, 23), [(Some(on(3)), 5), (Some(on(5)), 7)]);
        assert_eq!(back(&extension, 6), [(Some(on(3)), 5), (Some(on(5)), 1)], "no more than there is");
        extension.leave(on(9), Expiry::On(on(10)), Points::new(6));
        extension.leave(on(9), Expiry::On(on(9)), Points::new(6));
        assert_eq!(back(&extension, 23), [(Some(on(5)), 6)]);
        extension.raise(on(7));
        assert_eq!((back(&extension, 23), extension.before), (vec![(Some(on(7)), 6)], Some(on(7))));
    }

    #[test]
    fn an_extension_ends_once_all_its_activities_are_undone() {
        let mut extension = Extension::after(None);
        assert!(extension.is_over());
        extension.count(None, 2);
        extension.count(Some(on(1)), 1);
        extension.count(None, -2);
        assert!(!extension.is_over());
        extension.wait_until(on(1), on(2));
        assert_eq!((extension.found(Some(on(1))), extension.found(None)), (Some((Some(on(2)), 1)), None));
        extension.count(Some(on(2)), -1);
        assert!(extension.is_over());
        assert_eq!(extension.left(), Extension::default());
        for month in 1..=5 {
            extension.count(Some(on(month)), 1);
        }
        for month in 1..=4 {
            extension.count(Some(on(month)), -1);
        }
        assert!(!extension.is_over(), "so much waits that it is not known any more");
        assert!(Extension::after(Some(on(3))).left().is_final);
    }

    #[test]
    fn a_limited_number_of_lots_is_stored_and_the_others_stay_extended() {
        let all: Vec<_> = (1..=10).map(|month| (on(month), 1)).collect();
        let mut extension = Extension::default();
        extension.keep(&lots(&all), on(12));
        assert_eq!(extension.moved.len(), EXTENDED_LOTS_MAX);
        assert_eq!(extension.moved.first_key_value().map(|(expiry, _)| expiry.on()), Some(Some(on(1))));
    }
}
