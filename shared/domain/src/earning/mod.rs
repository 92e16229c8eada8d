//! What an occasion earns: each rule asked in turn, stacked, and clipped by its cap.

mod challenge;
pub(crate) mod facts;
mod fixed;
mod multiplier;
mod occasion;
mod per_item;
mod punch_card;
mod rate;
mod strategy;

pub use self::occasion::{ACTIVITY_ATTRIBUTES_MAX, Activity, LINES_MAX, Line, Occasion, Purchase, Quantity, Scalar};
pub(crate) use self::strategy::{Strategy, TakenBack, read_strategy};
use std::collections::BTreeMap;

use self::{facts::Facts, strategy::Matched};
use crate::{
    account::Account,
    breakdown::BreakdownLine,
    cap::Used,
    counter::{CounterId, CounterNeeded, Counters},
    id::RuleId,
    points::Points,
    program::{EarningRule, Level, Plan, Program, Stacking, Trigger},
    steps::{Progress, Steps, StepsChange},
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

/// The breakdown line of the referred member's bonus.
pub(crate) const REFERRAL_LINE: &str = "referral";

/// The breakdown lines of what a tier or a plan gives on top begin with one of these.
pub(crate) const LINE_PREFIXES: [&str; 2] = ["tier:", "plan:"];

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
    let facts = Facts::of(program, account, level.map(|level| &level.id), occasion);
    let mut assessor = Assessor { program, account, occasion, counters, facts, done: Assessment::default() };
    let at = occasion.occurred_at();
    let rules: Vec<_> = program.rules_on(occasion).filter(|rule| rule.active.contains(&program.zone, at)).collect();

    for rule in rules.iter().filter(|rule| rule.stacking == Stacking::Base) {
        if let Some(claim) = assessor.claim(rule, Points::ZERO)? {
            assessor.grant(&claim);
        }
    }
    let base = assessor.done.points;
    if let Some(level) = level.filter(|_| is_multiplied(occasion)) {
        let wanted = multiplier::on_top(base, level.earning_percent, program.points.rounding).ok_or(PointsOverflow)?;
        assessor.add_line(BreakdownLine::new(format!("tier:{}", level.id), wanted, wanted));
    }
    if let Some(plan) = plan.filter(|_| is_multiplied(occasion)) {
        let wanted = multiplier::on_top(base, plan.earning_percent, program.points.rounding).ok_or(PointsOverflow)?;
        assessor.add_line(BreakdownLine::new(format!("plan:{}", plan.id), wanted, wanted));
    }
    let mut claims = Vec::new();
    for rule in rules.iter().filter(|rule| rule.stacking != Stacking::Base) {
        claims.extend(assessor.claim(rule, base)?);
    }
    for claim in &claims {
        if beaten(claim, &claims) {
            assessor.pass_over(claim);
        } else {
            assessor.grant(claim);
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

/// What a rule asks for.
struct Claim<'a> {
    rule: &'a EarningRule,
    wanted: Points,
    /// What its cap lets through.
    capped: Points,
    /// Steps that are taken toward it.
    stepped: Option<StepsChange>,
    /// How far the member has come with them.
    progress: Option<Progress>,
}

impl Claim<'_> {
    fn line(&self, given: Points, progress: Option<Progress>) -> BreakdownLine {
        BreakdownLine { progress, ..BreakdownLine::new(self.rule.id.as_str(), self.wanted, given) }
    }
}

/// Whether another rule of its group gives more, or as much and stands before it.
fn beaten(claim: &Claim<'_>, claims: &[Claim<'_>]) -> bool {
    if !matches!(claim.rule.stacking, Stacking::BestOf(_)) {
        return false;
    }
    let mut rivals = claims.iter().filter(|rival| rival.rule.stacking == claim.rule.stacking);
    let best = rivals.clone().map(|rival| rival.capped).max().unwrap_or_default();
    rivals.find(|rival| rival.capped == best).is_some_and(|winner| winner.rule.id != claim.rule.id)
}

struct Assessor<'a> {
    program: &'a Program,
    account: &'a Account,
    occasion: &'a Occasion,
    counters: &'a Counters,
    facts: Facts,
    done: Assessment,
}

impl Assessor<'_> {
    fn add_line(&mut self, line: BreakdownLine) {
        self.done.points += line.given;
        self.done.breakdown.push(line);
    }

    /// What `rule` asks for; `None` if its condition does not hold, or cannot be told, which the breakdown then says.
    fn claim<'r>(&mut self, rule: &'r EarningRule, base: Points) -> Result<Option<Claim<'r>>, NotAssessed> {
        let matched = match self.matched(rule, base) {
            Ok(Some(matched)) => matched,
            Ok(None) => return Ok(None),
            Err(fault) => {
                let line = BreakdownLine::new(rule.id.as_str(), Points::ZERO, Points::ZERO);
                self.add_line(BreakdownLine { fault: Some(fault), ..line });
                return Ok(None);
            }
        };
        let earned = rule.strategy.earn(&matched).ok_or(PointsOverflow)?;
        let date = self.program.date(self.occasion.occurred_at());
        let capped = match rule.cap {
            Some(cap) => cap.clip(earned.points, &rule.cap_owner(), date, &self.account.cap_use, self.counters)?,
            None => earned.points,
        };
        let (stepped, progress) = (earned.stepped, earned.progress);
        Ok(Some(Claim { rule, wanted: earned.points, capped, stepped, progress }))
    }

    /// The part of the occasion that the rule's condition lets through.
    fn matched(&self, rule: &EarningRule, base: Points) -> Result<Option<Matched<'_>>, String> {
        let mut lines: Vec<_> = self.occasion.lines().iter().collect();
        let mut amount = self.occasion.spend();
        if let Some(condition) = rule.when.as_ref().filter(|condition| condition.is_of_line()) {
            let mut picked = Vec::new();
            for line in lines {
                if condition.holds(&self.facts.context_of_line(line))? {
                    picked.push(line);
                }
            }
            if picked.is_empty() {
                return Ok(None);
            }
            lines = picked;
            amount = lines.iter().fold(0, |amount, line| amount.saturating_add(line.amount.get()));
        } else if let Some(condition) = &rule.when
            && !condition.holds(self.facts.context())?
        {
            return Ok(None);
        }
        let pieces = lines.iter().fold(0_i64, |pieces, line| pieces.saturating_add(line.quantity.get()));
        Ok(Some(Matched {
            amount,
            lines: i64::try_from(lines.len()).unwrap_or(i64::MAX),
            pieces,
            base,
            steps: self.steps(rule),
            day: self.program.date(self.occasion.occurred_at()),
            today: self.account.settled_on,
            rounding: self.program.points.rounding,
        }))
    }

    /// Gives what a rule asks for, and records what it used.
    fn grant(&mut self, claim: &Claim<'_>) {
        if let Some(stepped) = &claim.stepped {
            self.done.steps.insert(claim.rule.id.clone(), stepped.clone());
        }
        if claim.wanted.is_zero() && claim.progress.is_none() {
            return;
        }
        if let Some(cap) = claim.rule.cap.filter(|_| !claim.capped.is_zero()) {
            let date = self.program.date(self.occasion.occurred_at());
            self.done.used.push(cap.use_up(claim.capped, &claim.rule.cap_owner(), date));
        }
        if claim.rule.stacking == Stacking::Base && claim.rule.qualifying {
            self.done.qualifying += claim.capped;
        }
        self.add_line(claim.line(claim.capped, claim.progress));
    }

    /// Tells that a rule gives nothing because another of its group gives more. No step is taken toward it either.
    fn pass_over(&mut self, claim: &Claim<'_>) {
        let progress = claim.rule.strategy.progress(self.steps(claim.rule), self.account.settled_on);
        self.add_line(claim.line(Points::ZERO, progress));
    }

    /// What `rule` remembers.
    fn steps(&self, rule: &EarningRule) -> &Steps {
        static NOTHING: Steps = Steps { count: 0, days: Vec::new(), is_done: false };
        self.account.steps.get(&rule.id).unwrap_or(&NOTHING)
    }
}
