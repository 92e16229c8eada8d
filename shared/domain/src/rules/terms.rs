//! Plan terms under the rules: how long each runs, which one runs, and their order.

use jiff::civil::Date;

use crate::{
    rules::{program::Plan, versions::Rules},
    state::plan_term::PlanTerm,
    values::{calendar::days_after, id::LevelId},
};

impl<'p> Rules<'p> {
    /// Returns the plan of `term`, with the terms under which it was last paid.
    pub(crate) fn plan(self, term: &PlanTerm) -> Option<&'p Plan> {
        self.versions.program(term.version).ok()?.plan(&term.plan)
    }

    /// Returns the last day on which the rate and the floor of the plan of `term` apply: its last paid day plus its
    /// grace.
    pub(crate) fn runs_until(self, term: &PlanTerm) -> Date {
        let grace_days = self.plan(term).filter(|_| !term.is_continued).map_or(0, |plan| plan.grace_days);
        days_after(term.through, grace_days)
    }

    /// Returns the last day on which a payment continues `term` from its end: the last day on which it runs, and at
    /// least the day after the last paid one, when a card is charged.
    pub(crate) fn renews_until(self, term: &PlanTerm) -> Date {
        if term.is_continued { term.through } else { self.runs_until(term).max(days_after(term.through, 1)) }
    }

    /// Returns whether a payment for `plan` today would buy what `term` already gives.
    pub(crate) fn has_terms_of(self, term: &PlanTerm, plan: &Plan) -> bool {
        self.floor(term) == plan.tier_floor
            && self.plan(term).is_some_and(|paid| {
                (paid.earning_percent, paid.grace_days, &paid.entitlements)
                    == (plan.earning_percent, plan.grace_days, &plan.entitlements)
            })
    }

    /// Returns the current id of the level that is the floor of the plan of `term`.
    pub(crate) fn floor(self, term: &PlanTerm) -> Option<LevelId> {
        let floor = self.plan(term)?.tier_floor.as_ref()?;
        Some(self.versions.renamed(floor, term.version, self.program.version))
    }

    /// Returns the rank of the level that is the floor of the plan of `term`.
    pub(crate) fn floor_rank(self, term: &PlanTerm) -> Option<usize> {
        self.tiers()?.rank(&self.floor(term)?)
    }

    /// Returns the term of `terms` that runs on `day`. A term that has ended stays while a payment can continue it.
    pub(crate) fn running(self, terms: &[PlanTerm], day: Date) -> Option<&PlanTerm> {
        terms.iter().find(|term| term.from <= day && self.runs_until(term) >= day)
    }

    /// Returns those of `terms` that remain if the plan that runs on `day` ends: without its term, and without those that
    /// continue it.
    pub(crate) fn without_running(self, terms: &[PlanTerm], day: Date) -> Vec<PlanTerm> {
        let running = self.running(terms, day);
        let mut is_ended = false;
        let mut left = Vec::new();
        for term in terms {
            if running == Some(term) || is_ended {
                is_ended = term.is_continued;
            } else if term.from > day {
                left.push(term.clone());
            }
        }
        left
    }

    /// Returns `terms`, each starting on the day after the one before it has ended, including grace. Each keeps its
    /// remaining paid days as of `today`.
    pub(crate) fn in_turn(self, terms: impl IntoIterator<Item = PlanTerm>, today: Date) -> Vec<PlanTerm> {
        let mut turn: Vec<PlanTerm> = Vec::new();
        for term in terms {
            let begins = match turn.last_mut() {
                Some(before) => {
                    before.is_continued &= before.plan == term.plan;
                    days_after(self.runs_until(before), 1).max(today)
                }
                None => term.from.min(today),
            };
            turn.push(term.moved_to(begins, today));
        }
        if let Some(last) = turn.last_mut() {
            last.is_continued = false;
        }
        turn
    }

    /// Returns the terms of two merged accounts, in the order in which they run: better floor first, then better rate,
    /// then more paid days left. A term without paid days does not wait for others.
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
