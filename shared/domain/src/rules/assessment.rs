//! Assesses what an occasion earns: evaluates each rule, stacks the results, and clips them by their caps.

use std::collections::BTreeMap;

use crate::{
    ledger::{
        breakdown::BreakdownLine,
        condition_fault::ConditionFault,
        explanation::{Explanation, Unearned},
        facts::MemberThen,
    },
    rules::{
        cap::Used,
        facts::Facts,
        open_days::OpenDays,
        program::{ActivityKind, EarningRule, Eligible, Program, RULES_WORK_MAX},
        strategy::{Matched, Restep, Yield, multiplier},
        trigger::{Stacking, Trigger},
    },
    state::{
        account::Account,
        counter::{CounterId, CounterNeeded, Counters},
        steps::{Progress, Steps, StepsChange},
    },
    values::{
        calendar::Interval,
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
    /// Steps toward each rule that counts steps.
    pub(crate) steps: BTreeMap<RuleId, StepsChange>,
    /// The eligible part of the money spent, in minor units.
    pub(crate) spend: i64,
    /// Why rules gave nothing.
    pub(crate) explanations: Vec<Explanation>,
    /// What each rule wanted to give, and whether another of its group gave more.
    pub(crate) wanted: BTreeMap<RuleId, Wanted>,
}

/// What a rule wanted to give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    points: Points,
    /// The steps of the occasion toward it.
    steps: i64,
    /// Whether another rule of its group gave more.
    is_beaten: bool,
}

/// The member who earns, and the data for it.
#[derive(Clone, Copy)]
pub(crate) struct Earner<'a> {
    /// What conditions can read about the member.
    pub(crate) member: &'a MemberThen,
    /// The account before: its use of caps, and its steps.
    pub(crate) account: &'a Account,
    /// The readings of counters.
    pub(crate) counters: &'a Counters,
    /// The purpose of the assessment.
    pub(crate) pass: Pass<'a>,
}

/// The purpose of an assessment.
#[derive(Clone, Copy)]
pub(crate) enum Pass<'a> {
    /// To give points: caps have their current room, and steps are taken.
    First,
    /// To compute what the rules want and count, for an occasion that already gave these points.
    Before(&'a BTreeMap<String, Points>),
    /// To give more or less than before, for an occasion that has changed.
    Again(&'a Again<'a>),
}

/// The assessment of an occasion before it changed.
pub(crate) struct Again<'a> {
    /// The result of [`Pass::Before`].
    pub(crate) before: &'a Assessment,
    /// The points that each line gave.
    pub(crate) given: &'a BTreeMap<String, Points>,
    /// The steps that it took toward each rule.
    pub(crate) steps: &'a BTreeMap<RuleId, i64>,
    /// Its original change of the steps; empty if it was amended since.
    pub(crate) own: &'a BTreeMap<RuleId, StepsChange>,
    /// The days for which something can still be posted.
    pub(crate) open: &'a OpenDays,
    /// The rules in force now, which may no longer have an earlier rule.
    pub(crate) now: &'a Program,
    /// Whether it was returned completely.
    pub(crate) is_gone: bool,
}

/// The occasion earns more than [`Points::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PointsOverflow;

/// Why an occasion cannot be assessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotAssessed {
    /// It earns more than an account can have.
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
    /// Returns the counters that a decision on this occasion needs: those of caps per program.
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

/// Assesses what `occasion`, with its `eligible` amounts, gives `earner`: points, use of caps, and steps.
///
/// Base rules come first, then the lines of the tier and the plan, then additional rules, each in the document's order.
///
/// # Errors
///
/// It earns more than [`Points::MAX`], or more of the counters must be read.
pub(crate) fn assess(
    program: &Program,
    earner: &Earner<'_>,
    occasion: &Occasion,
    eligible: Eligible,
) -> Result<Assessment, NotAssessed> {
    let facts = Facts::of(program, earner.member, occasion, eligible.total);
    let mut assessor = Assessor {
        program,
        earner: *earner,
        occasion,
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
        assessor.explain(rule, Points::ZERO, None, Some(Unearned::NotActive));
    }

    for rule in rules.iter().filter(|rule| rule.stacking == Stacking::Base) {
        if let Some(offer) = assessor.offer(rule, Points::ZERO)? {
            assessor.grant(&offer);
            assessor.bases.push(offer);
        }
    }
    let base = assessor.done.points;
    let level = earner
        .member
        .tier
        .as_ref()
        .and_then(|tier| program.tiers.as_ref()?.levels.iter().find(|level| level.id == *tier));
    let tier = level.map(|level| (format!("tier:{}", level.id), level.earning_percent));
    let plan = earner.member.plan.as_ref().map(|(plan, percent)| (format!("plan:{plan}"), *percent));
    for (line, percent) in tier.into_iter().chain(plan).filter(|_| is_multiplied(occasion)) {
        let wanted = multiplier::on_top(base, percent, program.points.rounding).ok_or(PointsOverflow)?;
        assessor.add_line(BreakdownLine::new(line, wanted, wanted));
    }
    let mut offers = Vec::new();
    for rule in rules.iter().filter(|rule| rule.stacking != Stacking::Base) {
        offers.extend(assessor.offer(rule, base)?);
    }
    for offer in &offers {
        match beaten_by(offer, &offers) {
            Some(best) => assessor.pass_over(offer, best)?,
            None => assessor.grant(offer),
        }
    }
    if assessor.done.points > Points::MAX { Err(NotAssessed::Overflow) } else { Ok(assessor.done) }
}

/// A tier or a plan multiplies what a member earns by purchases and activities, not welcome, birthday or referral
/// points.
fn is_multiplied(occasion: &Occasion) -> bool {
    match occasion {
        Occasion::Purchase(_) | Occasion::Activity(_) => true,
        Occasion::Enrollment(_) | Occasion::Birthday(_) | Occasion::Referral(_) => false,
    }
}

/// Points for a purchase (the member's or a friend's) or for an activity may be pending, because it may be undone.
/// Welcome and birthday points are spendable at once.
pub(crate) fn pends(occasion: &Occasion) -> bool {
    match occasion {
        Occasion::Purchase(_) | Occasion::Activity(_) | Occasion::Referral(_) => true,
        Occasion::Enrollment(_) | Occasion::Birthday(_) => false,
    }
}

/// Returns the kind of activity by which `occasion` extends points under `then`; `None` if it is none. A friend's
/// purchase and a birthday extend nothing, nor does a purchase of 0 or an activity that no rule knows.
pub(crate) fn activity_of(then: &Program, occasion: &Occasion) -> Option<ActivityKind> {
    match occasion {
        Occasion::Purchase(purchase) => (purchase.total.amount.get() > 0).then_some(ActivityKind::Purchase),
        Occasion::Activity(activity) => {
            let trigger = Trigger::Activity(activity.kind.clone());
            then.earning_rules.iter().any(|rule| rule.on == trigger).then_some(ActivityKind::Activity)
        }
        Occasion::Enrollment(_) | Occasion::Birthday(_) | Occasion::Referral(_) => None,
    }
}

/// The part of an occasion that a rule counts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Picked {
    /// All of it.
    Whole,
    /// The lines at these positions, which its condition selected.
    Lines(Vec<usize>),
}

/// What a rule wants to give.
struct Offer<'a> {
    rule: &'a EarningRule,
    /// The part that it counted.
    picked: Picked,
    basis: Option<i64>,
    wanted: Points,
    /// The points after its cap.
    capped: Points,
    /// The steps toward it.
    stepped: Option<StepsChange>,
    /// The member's progress with them.
    progress: Option<Progress>,
    /// Whether the rule counts the occasion.
    is_counted: bool,
}

impl Offer<'_> {
    /// Returns why the rule gives nothing although it counts the occasion; `None` if it gives something.
    fn because(&self) -> Option<Unearned> {
        if !self.is_counted {
            // The reason was already recorded.
            return None;
        }
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

/// Returns the points of another rule of its group, if they are more, or as many and that rule comes first.
fn beaten_by(offer: &Offer<'_>, offers: &[Offer<'_>]) -> Option<Points> {
    if !matches!(offer.rule.stacking, Stacking::BestOf(_)) {
        return None;
    }
    let mut rivals = offers.iter().filter(|rival| rival.rule.stacking == offer.rule.stacking);
    let best = rivals.clone().map(|rival| rival.capped).max().unwrap_or_default();
    rivals.find(|rival| rival.capped == best).filter(|winner| winner.rule.id != offer.rule.id).map(|_| best)
}

struct Assessor<'a> {
    program: &'a Program,
    earner: Earner<'a>,
    occasion: &'a Occasion,
    facts: Facts<'a>,
    /// The eligible part of a purchase.
    eligible: Eligible,
    /// The offers of the base rules.
    bases: Vec<Offer<'a>>,
    /// The work that conditions may still do for this occasion, in units of `Work`.
    work_left: u64,
    done: Assessment,
}

impl<'a> Assessor<'a> {
    /// Adds a line, unless it has no content, because storage costs money.
    fn add_line(&mut self, line: BreakdownLine) {
        self.done.points += line.given;
        if !line.given.is_zero() || line.progress.is_some() || line.fault.is_some() {
            self.done.breakdown.push(line);
        }
    }

    /// Returns the offer of `rule`; `None` if its condition is false or cannot be evaluated, which is then explained.
    fn offer(&mut self, rule: &'a EarningRule, base: Points) -> Result<Option<Offer<'a>>, NotAssessed> {
        let because = match self.spend_work(rule).and_then(|()| self.pick(rule)) {
            Ok(Ok(picked)) => return self.offer_for(rule, picked, base).map(Some),
            Ok(Err(because)) => because,
            Err(fault) => {
                self.add_line(BreakdownLine::faulty(rule.id.as_str(), fault));
                Unearned::Fault
            }
        };
        self.explain(rule, Points::ZERO, None, Some(because));
        match self.earner.pass {
            Pass::Again(again) => self.offer_of_nothing(rule, again),
            Pass::First | Pass::Before(_) => Ok(None),
        }
    }

    fn offer_for(&mut self, rule: &'a EarningRule, picked: Picked, base: Points) -> Result<Offer<'a>, NotAssessed> {
        let base = match &picked {
            Picked::Lines(lines) if rule.strategy.multiplies() => self.base_of(lines)?,
            Picked::Whole | Picked::Lines(_) => base,
        };
        let matched = self.matched(rule, &picked, base);
        let basis = rule.strategy.basis(&matched);
        let steps = rule.strategy.steps(&matched).unwrap_or_default();
        let Yield { points: wanted, stepped, progress } = self.earned(rule, &matched)?;
        let capped = self.let_through(rule, wanted)?;
        self.done.wanted.insert(rule.id.clone(), Wanted { points: wanted, steps, is_beaten: false });
        Ok(Offer { rule, picked, basis, wanted, capped, stepped, progress, is_counted: true })
    }

    /// Returns the remaining points for the steps of a rule that no longer counts the occasion. They may be negative:
    /// the card that these steps helped to fill was paid with another purchase.
    fn offer_of_nothing(&self, rule: &'a EarningRule, again: &Again<'_>) -> Result<Option<Offer<'a>>, NotAssessed> {
        let picked = Picked::Lines(Vec::new());
        let matched = self.matched(rule, &picked, Points::ZERO);
        if rule.strategy.steps(&matched).is_none() {
            return Ok(None);
        }
        let Yield { points, stepped, progress } = again.restep(rule, &matched, again.taken(rule).saturating_neg())?;
        let wanted = again.given(rule) + points;
        Ok(Some(Offer { rule, picked, basis: None, wanted, capped: wanted, stepped, progress, is_counted: false }))
    }

    /// Returns what `rule` wants to give before its cap.
    fn earned(&self, rule: &EarningRule, matched: &Matched<'_>) -> Result<Yield, PointsOverflow> {
        match (self.earner.pass, rule.strategy.steps(matched)) {
            (Pass::Before(given), Some(_)) => Ok(given_by(given, rule).into()),
            (Pass::Again(again), Some(steps)) => {
                let before = again.before.wanted.get(&rule.id).filter(|wanted| !wanted.is_beaten);
                let more = steps.saturating_sub(before.map_or(0, |wanted| wanted.steps));
                let restepped = again.restep(rule, matched, more.max(again.taken(rule).saturating_neg()))?;
                Ok(Yield { points: again.given(rule) + restepped.points, ..restepped })
            }
            (Pass::First, _) | (_, None) => rule.strategy.earn(matched).ok_or(PointsOverflow),
        }
    }

    /// Returns the part of `wanted` points that the cap of `rule` allows.
    ///
    /// For an occasion that has changed, the rule keeps the points that the cap allowed before, and gets none that the
    /// cap clipped before: room that becomes free is for later purchases. If the rule wants more than before, it gets
    /// the room that is known.
    fn let_through(&self, rule: &EarningRule, wanted: Points) -> Result<Points, CounterNeeded> {
        let Earner { account, counters, pass, .. } = self.earner;
        let owner = rule.cap_owner();
        let date = self.program.date(self.occasion.occurred_at());
        match (pass, rule.cap) {
            (Pass::First, Some(cap)) => cap.clip(wanted, &owner, date, &account.cap_use, counters),
            (Pass::First | Pass::Again(_), None) => Ok(wanted),
            (Pass::Before(given), _) => Ok(given_by(given, rule)),
            (Pass::Again(again), Some(cap)) => {
                let given = again.given(rule);
                let before = again.before.wanted.get(&rule.id).copied().unwrap_or_default();
                if wanted <= given {
                    return Ok(wanted);
                }
                if wanted <= before.points && !before.is_beaten {
                    return Ok(given);
                }
                let is_known =
                    |interval: Interval| interval.last().is_none_or(|last| again.open.meet(interval.first(), last));
                let more = (given, wanted - given);
                cap.room(more, &owner, date, &account.cap_use, counters, is_known).map(|more| given + more)
            }
        }
    }

    /// Returns what the base rules gave for `lines`: the rules that count by line, evaluated for these lines only, and reduced
    /// in proportion where a cap reduced them.
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

    /// Adds an explanation of why a rule gave nothing, and what it counted; `None` if it gave something.
    fn explain(&mut self, rule: &EarningRule, wanted: Points, basis: Option<i64>, because: Option<Unearned>) {
        if let Some(because) = because {
            self.done.explanations.push(Explanation { rule: rule.id.to_string(), wanted, basis, because });
        }
    }

    /// Deducts the work of the rule's condition from the budget.
    ///
    /// A program that was published within the bounds never exceeds the budget; one that was published before they
    /// existed may. The work depends on the rules and the number of lines only, so the same purchase has the same
    /// faults each time.
    fn spend_work(&mut self, rule: &EarningRule) -> Result<(), ConditionFault> {
        let work = rule.when.as_ref().map_or(0, |condition| condition.work_for(self.occasion.lines().len()));
        self.work_left = self.work_left.checked_sub(work).ok_or(ConditionFault::TooCostly)?;
        Ok(())
    }

    /// Returns the part of the occasion that the rule's condition selects, or why there is none.
    fn pick(&self, rule: &EarningRule) -> Result<Result<Picked, Unearned>, ConditionFault> {
        if let Pass::Again(Again { is_gone: true, .. }) = self.earner.pass {
            return Ok(Err(Unearned::NoLines));
        }
        let Some(condition) = &rule.when else { return Ok(Ok(Picked::Whole)) };
        if !condition.is_of_line() {
            return Ok(if condition.holds(&self.facts)? { Ok(Picked::Whole) } else { Err(Unearned::Condition) });
        }
        let mut picked = Vec::new();
        for (place, line) in self.occasion.lines().iter().enumerate() {
            // Rules do not see lines that are not eligible.
            if self.eligible_line(place).is_some() && condition.holds(&self.facts.of_line(line))? {
                picked.push(place);
            }
        }
        Ok(if picked.is_empty() { Err(Unearned::NoLines) } else { Ok(Picked::Lines(picked)) })
    }

    /// Returns the eligible amount of a line, in minor units; `None` if it is excluded.
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
            steps: steps_of(self.earner.account, rule),
            takes_own_only: rule.cap.is_some(),
            day: self.program.date(self.occasion.occurred_at()),
            today: self.earner.account.settled_on,
            rounding: self.program.points.rounding,
        }
    }

    /// Gives what a rule wants, and records what it used.
    fn grant(&mut self, offer: &Offer<'_>) {
        self.explain(offer.rule, offer.wanted, offer.basis, offer.because());
        if let Some(stepped) = &offer.stepped {
            self.done.steps.insert(offer.rule.id.clone(), stepped.clone());
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

    /// Records that a rule gives nothing because another of its group gives more. No step is taken toward it either,
    /// and earlier steps are undone.
    fn pass_over(&mut self, offer: &Offer<'_>, best: Points) -> Result<(), NotAssessed> {
        let because = offer.because().unwrap_or(Unearned::NotBest);
        self.explain(offer.rule, offer.wanted, offer.basis, Some(because));
        if let Some(wanted) = self.done.wanted.get_mut(&offer.rule.id) {
            // A rule that wanted more was held back by its cap, and stays held back.
            wanted.is_beaten = offer.wanted <= best;
        }
        if let Pass::Again(again) = self.earner.pass
            && again.taken(offer.rule) != 0
            && let Some(left) = self.offer_of_nothing(offer.rule, again)?
        {
            self.grant(&left);
            return Ok(());
        }
        let account = self.earner.account;
        let progress = offer.rule.strategy.progress(steps_of(account, offer.rule), account.settled_on);
        self.add_line(offer.line(Points::ZERO, progress));
        Ok(())
    }
}

/// Returns the account's steps toward `rule`.
fn steps_of<'a>(account: &'a Account, rule: &EarningRule) -> &'a Steps {
    static NOTHING: Steps = Steps { count: 0, days: Vec::new(), is_done: false };
    account.steps.get(&rule.id).unwrap_or(&NOTHING)
}

fn given_by(given: &BTreeMap<String, Points>, rule: &EarningRule) -> Points {
    given.get(rule.id.as_str()).copied().unwrap_or_default()
}

impl Again<'_> {
    /// Returns the points that `rule` gave.
    fn given(&self, rule: &EarningRule) -> Points {
        given_by(self.given, rule)
    }

    /// Returns the steps of the occasion toward `rule`.
    fn taken(&self, rule: &EarningRule) -> i64 {
        self.steps.get(&rule.id).copied().unwrap_or_default()
    }

    /// Returns the yield of `rule` if the occasion takes `by` more steps toward it.
    fn restep(&self, rule: &EarningRule, matched: &Matched<'_>, by: i64) -> Result<Yield, PointsOverflow> {
        if by == 0 {
            return Ok(Points::ZERO.into());
        }
        let takes_own_only = matched.takes_own_only || self.now.rule(&rule.id).is_none();
        let matched = Matched { takes_own_only, ..*matched };
        let restep = Restep { by, own: self.own.get(&rule.id), given: self.given(rule), open: self.open };
        rule.strategy.restep(&matched, &restep).ok_or(PointsOverflow)
    }
}
