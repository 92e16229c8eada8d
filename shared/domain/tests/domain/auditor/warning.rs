//! Expiry notices, computed day by day.

use std::collections::BTreeMap;

use jiff::{SignedDuration, civil::Date};
use regulars_domain::{chain::Sealed, entry::By};

use super::{day_of, later};
use crate::world::expiring;

/// A notice of `day`: a number of points expires after `last_day`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Warning {
    pub(crate) day: Date,
    pub(crate) last_day: Date,
    pub(crate) points: i64,
}

impl Warning {
    /// Returns the notices of a ledger.
    pub(crate) fn all(ledger: &[Sealed]) -> Vec<Self> {
        let entries = ledger.iter().map(|sealed| &sealed.entry);
        entries
            .filter_map(|entry| {
                let expiring = expiring(entry)?;
                assert_eq!((entry.id.as_str(), entry.by), (&*format!("~expiring~{}", expiring.on), By::Engine));
                let day = day_of(entry.occurred_at);
                assert_eq!(
                    day_of(entry.occurred_at.checked_sub(SignedDuration::from_nanos(1)).unwrap()),
                    later(day, -1)
                );
                Some(Self { day, last_day: expiring.on, points: expiring.points.get() })
            })
            .collect()
    }

    /// Returns the notices due at the beginning of `today` for points by their last day, for a member with notices up
    /// to `told_to` and a review on `end`.
    pub(crate) fn due(
        points: impl Iterator<Item = (Date, i64)>,
        notice_days: i64,
        told_to: &mut Option<Date>,
        (today, end): (Date, Date),
    ) -> Vec<Self> {
        if notice_days == 0 {
            return Vec::new();
        }
        let mut by_day = BTreeMap::new();
        for (last_day, points) in points.filter(|(last_day, points)| *last_day >= today && *points > 0) {
            *by_day.entry(last_day).or_insert(0) += points;
        }
        by_day.retain(|last_day, _| Some(*last_day) > *told_to && *last_day <= later(today, notice_days));
        *told_to = by_day.keys().copied().last().max(*told_to);
        by_day.retain(|last_day, _| *last_day >= end);
        by_day.into_iter().map(|(last_day, points)| Self { day: today, last_day, points }).collect()
    }
}
