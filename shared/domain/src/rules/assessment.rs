//! What an occasion earns: each rule asked in turn, stacked, and clipped by its cap.

use std::collections::BTreeMap;

use crate::{
    ledger::{
        breakdown::BreakdownLine,
        condition_fault::ConditionFault,
        explanation::{Explanation, Unearned},
    },
    rules::{
        cap::Used,
        facts::Facts,
        program::{EarningRule, Eligible, Level, Plan, Program, RULES_WORK_MAX},
        strategy::{Matched, multiplier},
        trigger::{Stacking, Trigger},
    },
    state::{
        account::Account,
        counter::{CounterId, CounterNeeded, Counters},
        steps::{Progress, Steps, StepsChange},
    },
    values::{
        id::RuleId,
        occasion::Occasion,
        points::{Points, Rounding},
    },
};

/// What an occasion earns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Assessment {
    /// What each rule gave.
    pub(crate) breakdown: Vec<BreakdownLine>,
    /// All points given.
    pub(crate) points: Points,
    /// Those of them that count toward a tier.
    pub(crate) qualifying: Points,
    /// The use of caps.
    pub(crate) used: Vec<Used>,
    /// Steps toward each rule that remembers them.
    pub(crate) steps: BTreeMap<RuleId, StepsChange>,
    /// What of the money spent earns, in minor units.
    pub(crate) spend: i64,
    /// Why each rule gave what it gave.
    pub(crate) explanations: Vec<Explanation>,
}

/// Who earns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Earner<'a> {
    /// The account, before.
    pub(crate) account: &'a Account,
    /// The member's level, under the rules that decide.
    pub(crate) level: Option<&'a Level>,
    /// The member's plan, with the terms under which it was paid.
    pub(crate) plan: Option<&'a Plan>,
}

/// The occasion earns more than [`Points::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PointsOverflow;

/// Why it cannot be told what an occasion earns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotAssessed {
    /// It is more than an account can hold.
    Overflow,
    /// More must be read of the counter behind a cap.
    Needs(CounterNeeded),
}

impl From<PointsOverflow> for NotAssessed {
    fn from(PointsOverflow: PointsOverflow) -> Self {
        Self::Overflow
    }
}

impl From<CounterNeeded> for NotAssessed {
    fn from(needed: CounterNeeded) -> Self {
        Self::Needs(needed)
    }
}

impl Program {
    /// The counters that must be looked at before this occasion can be decided: those of program-wide caps.
    #[must_use]
    pub fn earning_counters(&self, occasion: &Occasion) -> Vec<CounterId> {
        let date = self.date(occasion.occurred_at());
        self.rules_on(occasion).filter_map(|rule| rule.cap?.counter(&rule.cap_owner(), date)).collect()
    }

    fn rules_on<'a>(&'a self, occasion: &'a Occasion) -> impl Iterator<Item = &'a EarningRule> {
        self.earning_rules.iter().filter(move |rule| match (occasion, &rule.on) {
            (Occasion::Purchase(_), Trigger::Purchase)
            | (Occasion::Enrollment(_), Trigger::Enrollment)
            | (Occasion::Birthday(_), Trigger::Birthday)
            | (Occasion::Referral(_), Trigger::Referral) => true,
            (Occasion::Activity(activity), Trigger::Activity(kind)) => activity.kind == *kind,
            (
                _,
                Trigger::Purchase | Trigger::Activity(_) | Trigger::Enrollment | Trigger::Birthday | Trigger::Referral,
            ) => false,
        })
    }
}

/// Works out what `occasion` earns, what it uses of caps, and which steps it takes.
///
/// Base rules come first, then the tier's line and the plan's, then what comes on top, each in the document's order.
///
/// # Errors
///
/// If it comes to more than [`Points::MAX`], or too little was read of `counters`.
pub(crate) fn assess(
    program: &Program,
    earner: &Earner<'_>,
    occasion: &Occasion,
    counters: &Counters,
) -> Result<Assessment, NotAssessed> {
    let Earner { account, level, plan } = *earner;
    let eligible = occasion.purchase().map(|purchase| program.points.eligible.of(purchase)).unwrap_or_default();
    let facts = Facts::of(program, account, level.map(|level| &level.id), occasion, eligible.total);
    let mut assessor = Assessor {
        program,
        account,
        occasion,
        counters,
        facts,
        work_left: RULES_WORK_MAX,
        bases: Vec::new(),
        done: Assessment { spend: eligible.total, ..Assessment::default() },
        eligible,
    };
    let at = occasion.occurred_at();
    let (rules, inactive): (Vec<_>, Vec<_>) =
        program.rules_on(occasion).partition(|rule| rule.active.contains(&program.zone, at));
    for rule in inactive {
        assessor.explain(rule, None, Some(Unearned::NotActive));
    }

    for rule in rules.iter().filter(|rule| rule.stacking == Stacking::Base) {
        if let Some(offer) = assessor.offer(rule, Points::ZERO)? {
            assessor.grant(&offer);
            assessor.bases.push(offer);
        }
    }
    let base = assessor.done.points;
    let tier = level.map(|level| (format!("tier:{}", level.id), level.earning_percent));
    let plan = plan.map(|plan| (format!("plan:{}", plan.id), plan.earning_percent));
    for (line, percent) in tier.into_iter().chain(plan).filter(|_| is_multiplied(occasion)) {
        let wanted = multiplier::on_top(base, percent, program.points.rounding).ok_or(PointsOverflow)?;
        assessor.add_line(BreakdownLine::new(line, wanted, wanted));
    }
    let mut offers = Vec::new();
    for rule in rules.iter().filter(|rule| rule.stacking != Stacking::Base) {
        offers.extend(assessor.offer(rule, base)?);
    }
    for offer in &offers {
        if beaten(offer, &offers) {
            assessor.pass_over(offer);
        } else {
            assessor.grant(offer);
        }
    }
    if assessor.done.points > Points::MAX { Err(NotAssessed::Overflow) } else { Ok(assessor.done) }
}

/// A tier or a plan multiplies what a member earns by buying or taking part, not a welcome, a birthday present or a finder's
/// fee.
fn is_multiplied(occasion: &Occasion) -> bool {
    match occasion {
        Occasion::Purchase(_) | Occasion::Activity(_) => true,
        Occasion::Enrollment(_) | Occasion::Birthday(_) | Occasion::Referral(_) => false,
    }
}

/// Points for a purchase, one's own or a friend's, or for an activity may have to wait, because these may be taken back. A
/// welcome or a birthday present is given at once.
pub(crate) fn pends(occasion: &Occasion) -> bool {
    match occasion {
        Occasion::Purchase(_) | Occasion::Activity(_) | Occasion::Referral(_) => true,
        Occasion::Enrollment(_) | Occasion::Birthday(_) => false,
    }
}

/// What the member did extends points that expire with inactivity; what a friend did, or a calendar, does not.
pub(crate) fn extends(occasion: &Occasion) -> bool {
    match occasion {
        Occasion::Purchase(_) | Occasion::Activity(_) => true,
        Occasion::Enrollment(_) | Occasion::Birthday(_) | Occasion::Referral(_) => false,
    }
}

/// What a rule counts of an occasion.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Picked {
    /// All of it.
    Whole,
    /// The lines at these places, which its condition picked.
    Lines(Vec<usize>),
}

/// What a rule asks for.
struct Offer<'a> {
    rule: &'a EarningRule,
    /// What it counted.
    picked: Picked,
    basis: Option<i64>,
    wanted: Points,
    /// What its cap lets through.
    capped: Points,
    /// Steps that are taken toward it.
    stepped: Option<StepsChange>,
    /// How far the member has come with them.
    progress: Option<Progress>,
}

impl Offer<'_> {
    /// Why the rule gives nothing although it was counted; `None` if it gives something.
    fn because(&self) -> Option<Unearned> {
        match (self.wanted.is_zero(), self.capped.is_zero()) {
            (true, _) => Some(Unearned::BelowStep),
            (false, true) => Some(Unearned::Cap),
            (false, false) => None,
        }
    }

    fn line(&self, given: Points, progress: Option<Progress>) -> BreakdownLine {
        let basis = self.basis.filter(|_| progress.is_none());
        BreakdownLine { basis, progress, ..BreakdownLine::new(self.rule.id.as_str(), self.wanted, given) }
    }
}

/// Whether another rule of its group gives more, or as much and stands before it.
fn beaten(offer: &Offer<'_>, offers: &[Offer<'_>]) -> bool {
    if !matches!(offer.rule.stacking, Stacking::BestOf(_)) {
        return false;
    }
    let mut rivals = offers.iter().filter(|rival| rival.rule.stacking == offer.rule.stacking);
    let best = rivals.clone().map(|rival| rival.capped).max().unwrap_or_default();
    rivals.find(|rival| rival.capped == best).is_some_and(|winner| winner.rule.id != offer.rule.id)
}

struct Assessor<'a> {
    program: &'a Program,
    account: &'a Account,
    occasion: &'a Occasion,
    counters: &'a Counters,
    facts: Facts<'a>,
    /// What of a purchase earns.
    eligible: Eligible,
    /// What the base rules gave.
    bases: Vec<Offer<'a>>,
    /// The work that conditions may still do for this occasion, in units of `Work`.
    work_left: u64,
    done: Assessment,
}

impl<'a> Assessor<'a> {
    fn add_line(&mut self, line: BreakdownLine) {
        self.done.points += line.given;
        self.done.breakdown.push(line);
    }

    /// What `rule` asks for; `None` if its condition does not hold, or cannot be told, which the breakdown then says.
    fn offer(&mut self, rule: &'a EarningRule, base: Points) -> Result<Option<Offer<'a>>, NotAssessed> {
        let picked = match self.spend_work(rule).and_then(|()| self.pick(rule)) {
            Ok(Ok(picked)) => picked,
            Ok(Err(because)) => {
                self.explain(rule, None, Some(because));
                return Ok(None);
            }
            Err(fault) => {
                self.add_line(BreakdownLine::faulty(rule.id.as_str(), fault));
                self.explain(rule, None, Some(Unearned::Fault));
                return Ok(None);
            }
        };
        let base = match &picked {
            Picked::Lines(lines) if rule.strategy.multiplies() => self.base_of(lines)?,
            Picked::Whole | Picked::Lines(_) => base,
        };
        let matched = self.matched(rule, &picked, base);
        let earned = rule.strategy.earn(&matched).ok_or(PointsOverflow)?;
        let basis = rule.strategy.basis(&matched);
        let date = self.program.date(self.occasion.occurred_at());
        let capped = match rule.cap {
            Some(cap) => cap.clip(earned.points, &rule.cap_owner(), date, &self.account.cap_use, self.counters)?,
            None => earned.points,
        };
        let (stepped, progress) = (earned.stepped, earned.progress);
        Ok(Some(Offer { rule, picked, basis, wanted: earned.points, capped, stepped, progress }))
    }

    /// What the base rules gave for `lines`: of those that give points by the line, what they come to for these alone, and as
    /// much less as their caps let through.
    fn base_of(&self, lines: &[usize]) -> Result<Points, PointsOverflow> {
        let mut sum = Points::ZERO;
        for base in self.bases.iter().filter(|base| base.rule.strategy.is_by_line() && !base.wanted.is_zero()) {
            let common = match &base.picked {
                Picked::Whole => lines.to_vec(),
                Picked::Lines(picked) => {
                    lines.iter().copied().filter(|place| picked.binary_search(place).is_ok()).collect()
                }
            };
            let matched = self.matched(base.rule, &Picked::Lines(common), Points::ZERO);
            let wanted = base.rule.strategy.earn(&matched).ok_or(PointsOverflow)?.points;
            sum += Points::ratio(wanted.get(), base.capped.get(), base.wanted.get(), Rounding::Floor)
                .ok_or(PointsOverflow)?;
        }
        Ok(sum)
    }

    /// Tells with the answer why a rule gave nothing, and what it counted; `None` if it gave something.
    fn explain(&mut self, rule: &EarningRule, basis: Option<i64>, because: Option<Unearned>) {
        if let Some(because) = because {
            self.done.explanations.push(Explanation { rule: rule.id.to_string(), basis, because });
        }
    }

    /// Sets apart the work that the rule's condition may do.
    ///
    /// A program that is published within its bounds never runs out of it, but one that was published before there were any
    /// may. The work is told from the rules and the number of lines alone, so the same purchase has the same faults each time.
    fn spend_work(&mut self, rule: &EarningRule) -> Result<(), ConditionFault> {
        let work = rule.when.as_ref().map_or(0, |condition| condition.work_for(self.occasion.lines().len()));
        self.work_left = self.work_left.checked_sub(work).ok_or(ConditionFault::TooCostly)?;
        Ok(())
    }

    /// The part of the occasion that the rule's condition lets through, or why there is none.
    fn pick(&self, rule: &EarningRule) -> Result<Result<Picked, Unearned>, ConditionFault> {
        let Some(condition) = &rule.when else { return Ok(Ok(Picked::Whole)) };
        if !condition.is_of_line() {
            return Ok(if condition.holds(&self.facts)? { Ok(Picked::Whole) } else { Err(Unearned::Condition) });
        }
        let mut picked = Vec::new();
        for (place, line) in self.occasion.lines().iter().enumerate() {
            // What earns nothing is no line to a rule.
            if self.eligible_line(place).is_some() && condition.holds(&self.facts.of_line(line))? {
                picked.push(place);
            }
        }
        Ok(if picked.is_empty() { Err(Unearned::NoLines) } else { Ok(Picked::Lines(picked)) })
    }

    /// What of a line earns, in minor units; `None` if it is excluded.
    fn eligible_line(&self, place: usize) -> Option<i64> {
        self.eligible.lines.get(place).copied().flatten()
    }

    fn matched(&self, rule: &EarningRule, picked: &Picked, base: Points) -> Matched<'_> {
        let lines = self.occasion.lines().iter().enumerate().filter(|(place, _)| match picked {
            Picked::Whole => self.eligible_line(*place).is_some(),
            Picked::Lines(places) => places.binary_search(place).is_ok(),
        });
        let (mut count, mut pieces, mut amount) = (0_i64, 0_i64, 0_i64);
        for (place, line) in lines {
            count = count.saturating_add(1);
            pieces = pieces.saturating_add(line.quantity.pieces());
            amount = amount.saturating_add(self.eligible_line(place).unwrap_or_default());
        }
        Matched {
            amount: if *picked == Picked::Whole { self.eligible.total } else { amount },
            lines: count,
            pieces,
            base,
            steps: self.steps(rule),
            day: self.program.date(self.occasion.occurred_at()),
            today: self.account.settled_on,
            rounding: self.program.points.rounding,
        }
    }

    /// Gives what a rule asks for, and records what it used.
    fn grant(&mut self, offer: &Offer<'_>) {
        self.explain(offer.rule, offer.basis, offer.because());
        if let Some(stepped) = &offer.stepped {
            self.done.steps.insert(offer.rule.id.clone(), stepped.clone());
        }
        if offer.wanted.is_zero() && offer.progress.is_none() {
            return;
        }
        if let Some(cap) = offer.rule.cap.filter(|_| !offer.capped.is_zero()) {
            let date = self.program.date(self.occasion.occurred_at());
            self.done.used.push(cap.use_up(offer.capped, &offer.rule.cap_owner(), date));
        }
        if offer.rule.stacking == Stacking::Base && offer.rule.qualifying {
            self.done.qualifying += offer.capped;
        }
        self.add_line(offer.line(offer.capped, offer.progress));
    }

    /// Tells that a rule gives nothing because another of its group gives more. No step is taken toward it either.
    fn pass_over(&mut self, offer: &Offer<'_>) {
        let because = offer.because().unwrap_or(Unearned::NotBest);
        self.explain(offer.rule, offer.basis, Some(because));
        let progress = offer.rule.strategy.progress(self.steps(offer.rule), self.account.settled_on);
        self.add_line(offer.line(Points::ZERO, progress));
    }

    /// What `rule` remembers.
    fn steps(&self, rule: &EarningRule) -> &Steps {
        static NOTHING: Steps = Steps { count: 0, days: Vec::new(), is_done: false };
        self.account.steps.get(&rule.id).unwrap_or(&NOTHING)
    }
}
