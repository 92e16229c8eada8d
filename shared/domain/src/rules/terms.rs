//! The terms of plans under the rules: how long each runs, which one runs, and how they follow one another.

use jiff::civil::Date;

use crate::{
    rules::{program::Plan, versions::Rules},
    state::plan_term::PlanTerm,
    values::{calendar::days_after, id::LevelId},
};

impl<'p> Rules<'p> {
    /// The plan of `term`, with the terms under which it was last paid.
    pub(crate) fn plan(self, term: &PlanTerm) -> Option<&'p Plan> {
        self.versions.program(term.version).ok()?.plan(&term.plan)
    }

    /// The last day on which the rate and the floor of the plan of `term` go on: its last paid day and its grace.
    pub(crate) fn runs_until(self, term: &PlanTerm) -> Date {
        days_after(term.through, self.plan(term).map_or(0, |plan| plan.grace_days))
    }

    /// The last day on which a payment continues `term` from its end: the last one on which it runs, and at least the day after
    /// the last paid one, because that is when a card is charged.
    pub(crate) fn renews_until(self, term: &PlanTerm) -> Date {
        self.runs_until(term).max(days_after(term.through, 1))
    }

    /// What the level that the plan of `term` has as its floor is called now.
    pub(crate) fn floor(self, term: &PlanTerm) -> Option<LevelId> {
        let floor = self.plan(term)?.tier_floor.as_ref()?;
        Some(self.versions.renamed(floor, term.version, self.program.version))
    }

    /// The rank of the level that the plan of `term` has as its floor.
    pub(crate) fn floor_rank(self, term: &PlanTerm) -> Option<usize> {
        self.tiers()?.rank(&self.floor(term)?)
    }

    /// The term of `terms` that runs on `day`. A term that has ended is still kept while a payment continues it.
    pub(crate) fn running(self, terms: &[PlanTerm], day: Date) -> Option<&PlanTerm> {
        terms.iter().find(|term| term.from <= day && self.runs_until(term) >= day)
    }

    /// `terms`, each from the day on which the one before it has ended, grace included. Each keeps the paid days that are
    /// left of it on `today`.
    pub(crate) fn in_turn(self, terms: impl IntoIterator<Item = PlanTerm>, today: Date) -> Vec<PlanTerm> {
        let mut turn: Vec<PlanTerm> = Vec::new();
        for term in terms {
            let begins = match turn.last() {
                Some(before) => days_after(self.runs_until(before), 1).max(today),
                None => term.from.min(today),
            };
            turn.push(term.moved_to(begins, today));
        }
        turn
    }

    /// The terms of two accounts that become one, in the order in which they run: the one with the better floor first, then the
    /// one with the better rate, then the one with more paid days left. A term without paid days does not wait for others.
    pub(crate) fn merged(self, terms: impl IntoIterator<Item = PlanTerm>, today: Date) -> Vec<PlanTerm> {
        let worth = |term: &PlanTerm| {
            let percent = self.plan(term).map(|plan: &Plan| plan.earning_percent);
            (self.floor_rank(term), percent, term.days_left(today))
        };
        let mut terms: Vec<_> = terms.into_iter().collect();
        terms.sort_by_key(|term| std::cmp::Reverse(worth(term)));
        let mut is_first = true;
        terms.retain(|term| std::mem::take(&mut is_first) || term.days_left(today) > 0);
        self.in_turn(terms, today)
    }
}
