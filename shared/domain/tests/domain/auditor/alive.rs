//! The auditor's books on activity: the newest day to which it extends points, and the state before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{Auditor, Fate, Life, Rules};

const DAYS_KEPT_MAX: usize = 8;
const WAITS_KEPT_MAX: usize = 4;

/// The data behind the newest day.
#[derive(Clone, Debug, Default)]
pub(super) struct Newest {
    /// The number of activities, by the day by which they can be confirmed, if they must be.
    done: BTreeMap<Option<Date>, i64>,
    stays: bool,
    before: Option<Date>,
}

impl Newest {
    fn add(&mut self, until: Option<Date>, times: i64) {
        *self.done.entry(until).or_insert(0) += times;
        self.done.retain(|_, times| *times > 0);
        while self.done.len() > WAITS_KEPT_MAX {
            self.done.pop_last();
            self.stays = true;
        }
    }

    /// Returns where activities that could be confirmed by this day are stored now.
    fn find(&self, until: Option<Date>) -> Option<(Option<Date>, i64)> {
        let mut done = self.done.iter().map(|(found, times)| (*found, *times));
        done.find(|(found, _)| match (until, found) {
            (None, None) => true,
            (Some(day), Some(found)) => *found >= day,
            (None, Some(_)) | (Some(_), None) => false,
        })
    }

    pub(super) fn moves(&mut self, soon: Date, late: Date) {
        if let Some(times) = self.done.remove(&Some(soon)) {
            self.add(Some(late), times);
        }
    }
}

impl Auditor {
    /// Records an activity of this kind on this day, which may have to be confirmed.
    pub(super) fn is_active(&mut self, rules: &Rules, kind: &str, day: Date, until: Option<Date>) {
        if rules.life != Life::Inactivity || !rules.activity.contains(&kind) {
            return;
        }
        let own = rules.last_day(day);
        let to = own.max(self.alive_to.unwrap_or(own));
        if self.alive_to.is_none_or(|before| before < to) {
            self.newest = Newest { before: self.alive_to, ..Newest::default() };
            self.credits.iter_mut().for_each(|credit| credit.was = None);
        }
        self.alive_to = Some(to);
        for credit in self.credits.iter_mut().filter(|credit| credit.last_day < to) {
            credit.was = Some(credit.last_day);
            credit.last_day = to;
        }
        let was: BTreeSet<_> =
            self.credits.iter().filter(|credit| credit.left > 0).filter_map(|credit| credit.was).collect();
        let kept: Vec<_> = was.into_iter().take(DAYS_KEPT_MAX).collect();
        self.credits.iter_mut().for_each(|credit| credit.was = credit.was.filter(|was| kept.contains(was)));
        for spending in self.spendings.values_mut().filter(|spending| matches!(spending.fate, Fate::Held(_))) {
            spending.kept.iter_mut().for_each(|(last_day, _)| *last_day = to.max(*last_day));
        }
        if own == to {
            self.newest.add(until, 1);
        } else {
            self.newest.before = self.newest.before.max(Some(own));
            self.credits.iter_mut().for_each(|credit| credit.was = credit.was.map(|was| was.max(own)));
        }
    }

    /// Undoes an activity of this day.
    pub(super) fn was_not_active(&mut self, rules: &Rules, kind: &str, day: Date, until: Option<Date>) {
        if self.alive_to == Some(rules.last_day(day))
            && rules.life == Life::Inactivity
            && rules.activity.contains(&kind)
        {
            self.takes(until, 1);
        }
    }

    /// Removes what could be confirmed until yesterday.
    pub(super) fn ends_activity(&mut self, today: Date) {
        let over = self.newest.done.iter().find(|(until, _)| until.is_some_and(|until| until < today));
        if let Some((until, times)) = over.map(|(until, times)| (*until, *times)) {
            self.takes(until, times);
        }
    }

    fn takes(&mut self, until: Option<Date>, times: i64) {
        let Some((found, _)) = self.newest.find(until) else { return };
        self.newest.add(found, -times);
        if self.newest.done.is_empty() && !self.newest.stays {
            for credit in &mut self.credits {
                credit.last_day = credit.was.take().unwrap_or(credit.last_day);
            }
            self.alive_to = self.newest.before;
            self.newest = Newest { stays: self.alive_to.is_some(), ..Newest::default() };
        }
    }

    /// Confirms an activity of this day.
    pub(super) fn was_active(&mut self, rules: &Rules, kind: &str, day: Date, until: Date) {
        if self.alive_to == Some(rules.last_day(day))
            && rules.life == Life::Inactivity
            && rules.activity.contains(&kind)
            && let Some((found, _)) = self.newest.find(Some(until))
        {
            self.newest.add(None, 1);
            self.newest.add(found, -1);
        }
    }
}
