//! An auditor: works out what an account should hold, from its own books, and compares.
//!
//! It shares no code with the engine and none of its ideas: it walks through time day by day, keeps each credit as a line
//! of its own, and counts years and months with plain arithmetic. It knows one family of programs, [`Rules`].

mod challenge;
mod ladder;
mod membership;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Date};
use regulars_domain::{
    account::Account,
    chain::Sealed,
    entry::{By, Entry, Kind},
    lots::LotChange,
    pending::Awaits,
};

pub(crate) use self::{
    challenge::Dare,
    ladder::Over,
    membership::{Offer, PLANS},
};
use self::{
    challenge::{Attempt, Tally},
    ladder::Ladder,
    membership::Membership,
};
use crate::world::lots_of;

/// A program of the family that the auditor knows: points for money, more of them for a tier and for the app, a welcome,
/// a review a day, a challenge, plans, three tiers over years or months, a coffee, points that wait, holds, refunds.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) rounding: &'static str,
    pub(crate) points: i64,
    pub(crate) per: i64,
    pub(crate) app_percent: i64,
    pub(crate) months: i32,
    pub(crate) life: Life,
    pub(crate) silver: i64,
    pub(crate) gold: i64,
    pub(crate) percents: [i64; 3],
    pub(crate) downgrade: &'static str,
    pub(crate) grace_days: i16,
    pub(crate) over: Over,
    pub(crate) kept: [bool; 3],
    pub(crate) coffee: i64,
    pub(crate) wait: Wait,
    pub(crate) owe: bool,
    pub(crate) dare: Option<Dare>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) gold_tastings: usize,
    pub(crate) notice_days: i64,
}

/// Up to which day points live whose months are over; and whether whatever the member does starts their months anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    EndOfMonth,
    ExactDay,
    Inactivity,
}

/// How long points for a purchase or a review wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    No,
    Days(i64),
    Confirmation(i64),
}

pub(crate) const WELCOME: i64 = 25;
pub(crate) const REVIEW: i64 = 10;
pub(crate) const COFFEES_A_MONTH: usize = 2;
pub(crate) const BACKDATING_DAYS_MAX: i32 = 30;
pub(crate) const HOLD_SECONDS_MAX: i64 = 3600;
const LOTS_MAX: usize = 40;
const WAITS_MAX: usize = 32;
pub(crate) const LEVELS: [&str; 3] = ["bronze", "silver", "gold"];

impl Rules {
    fn rounded(&self, amount: i64, times: i64, by: i64) -> i64 {
        let product = amount * times;
        match self.rounding {
            "floor" => product / by,
            "half_up" => (2 * product + by) / (2 * by),
            "ceiling" => (product + by - 1) / by,
            other => panic!("{other}"),
        }
    }

    fn has_tastings(&self) -> bool {
        self.gold_tastings > 0 || self.offers.iter().any(|offer| offer.tastings > 0)
    }

    fn rank(&self, points: i64) -> usize {
        usize::from(points >= self.silver) + usize::from(points >= self.gold)
    }

    fn last_day(&self, earned_on: Date) -> Date {
        let months = i32::from(earned_on.year()) * 12 + i32::from(earned_on.month()) - 1 + self.months;
        let (year, month) = (months / 12, months % 12 + 1);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + i8::from(leap),
            _ => 31,
        };
        let day = match self.life {
            Life::EndOfMonth => days,
            Life::ExactDay | Life::Inactivity => earned_on.day().min(days),
        };
        Date::new(year.try_into().unwrap(), month.try_into().unwrap(), day).unwrap()
    }
}

/// The day of an instant in Istanbul, where the clocks have stood three hours ahead of Greenwich since 2016.
pub(crate) fn day_of(instant: Timestamp) -> Date {
    let days = (instant.as_second() + 3 * 3600).div_euclid(86_400);
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap()
}

pub(crate) fn later(day: Date, days: i64) -> Date {
    let later = (0..days).fold(day, |day, _| day.tomorrow().unwrap());
    (days..0).fold(later, |day, _| day.yesterday().unwrap())
}

/// That on `day` so many points would expire after another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Warning {
    pub(crate) day: Date,
    pub(crate) last_day: Date,
    pub(crate) points: i64,
}

impl Warning {
    /// What a ledger says ahead of time.
    pub(crate) fn all(ledger: &[Sealed]) -> Vec<Self> {
        let entries = ledger.iter().map(|sealed| &sealed.entry);
        entries
            .filter_map(|entry| {
                assert_eq!(entry.kind == Kind::Notice, entry.expiring.is_some(), "{entry:?}");
                let expiring = entry.expiring?;
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

    /// What must be said when `today` begins of points by their last day, to somebody who has been told up to `told_to` and is
    /// looked at on `end`.
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

/// Points given, and what has become of them.
#[derive(Clone, Debug)]
struct Gift {
    day: Date,
    paid: i64,
    lines: Vec<i64>,
    qualifying: i64,
    is_review: bool,
    attempt: Option<Attempt>,
    refunded: i64,
    undone: bool,
    taken: i64,
    /// The day of maturity, or the last one for a confirmation, and whether it is one.
    waits: Option<(Date, bool)>,
    confirmed_on: Option<Date>,
    /// The last day of the points that did not wait.
    last_day: Option<Date>,
}

impl Gift {
    fn new(day: Date, paid: i64, lines: Vec<i64>, qualifying: i64) -> Self {
        Self {
            day,
            paid,
            lines,
            qualifying,
            is_review: false,
            attempt: None,
            refunded: 0,
            undone: false,
            taken: 0,
            waits: None,
            confirmed_on: None,
            last_day: None,
        }
    }

    fn kept_of(&self, points: i64) -> i64 {
        if self.undone { 0 } else { points * (self.paid - self.refunded) / self.paid.max(1) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Held(Timestamp),
    Captured(i64),
    Expired,
    Cancelled,
    Undone,
}

/// Points spent or held, by the last day of where they came from.
#[derive(Clone, Debug)]
struct Spending {
    day: Date,
    is_coffee: bool,
    taken: Vec<(Date, i64)>,
    /// The same, with the days that they have got since, while they were held.
    kept: Vec<(Date, i64)>,
    fate: Fate,
}

impl Spending {
    fn points(&self) -> i64 {
        self.taken.iter().map(|(_, points)| points).sum()
    }
}

#[derive(Clone, Debug)]
struct Credit {
    last_day: Date,
    left: i64,
}

/// Points that wait for the same, and the last of the days on which they would have matured.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Queue {
    points: i64,
    last: Date,
}

/// Of days in order, which two are to become one: those that lie closest, in one month before one year before all.
fn too_close(days: &[Date]) -> Option<(Date, Date)> {
    let year = |day: Date| i32::from(day.year());
    let month = |day: Date| year(day) * 12 + i32::from(day.month());
    let mut pairs: Vec<_> = days.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let units: [&dyn Fn(Date) -> i32; 2] = [&month, &year];
    for in_one in units {
        if pairs.iter().any(|(soon, late)| in_one(*soon) == in_one(*late)) {
            pairs.retain(|(soon, late)| in_one(*soon) == in_one(*late));
        }
    }
    let apart = |(soon, late): &(Date, Date)| soon.duration_until(*late);
    let least = pairs.iter().map(apart).min()?;
    pairs.into_iter().find(|pair| apart(pair) == least)
}

/// The auditor's own books on one member.
#[derive(Clone, Debug)]
pub(crate) struct Auditor {
    today: Date,
    credits: Vec<Credit>,
    ladder: Ladder,
    pub(crate) tier: usize,
    review_days: Vec<Date>,
    coffee_days: Vec<Date>,
    gifts: BTreeMap<String, Gift>,
    spendings: BTreeMap<String, Spending>,
    owed: i64,
    tally: Tally,
    /// What waits, by the day of maturity or the last one for a confirmation, and whether it is one.
    queues: BTreeMap<(bool, Date), Queue>,
    /// The day before which nothing expires, because the member did something.
    alive_to: Option<Date>,
    membership: Membership,
    /// What the member was told ahead of time, and up to which day nothing is told again.
    warnings: Vec<Warning>,
    told_to: Option<Date>,
}

impl Auditor {
    pub(crate) fn begins(rules: &Rules, now: Timestamp) -> Self {
        let today = day_of(now);
        Self {
            today,
            credits: vec![Credit { last_day: rules.last_day(today), left: WELCOME }],
            ladder: Ladder::default(),
            tier: rules.rank(0),
            review_days: Vec::new(),
            coffee_days: Vec::new(),
            gifts: BTreeMap::new(),
            spendings: BTreeMap::new(),
            owed: 0,
            tally: Tally::default(),
            queues: BTreeMap::new(),
            alive_to: None,
            membership: Membership::default(),
            warnings: Vec::new(),
            told_to: None,
        }
    }

    /// Lets time pass to `now`, day by day, and tells whether anybody could have noticed.
    pub(crate) fn lives_on(&mut self, rules: &Rules, now: Timestamp) -> bool {
        let before = (self.tier, self.balances(), self.warnings.len());
        let end = day_of(now);
        if rules.life != Life::Inactivity {
            self.alive_to = None;
        }
        while self.today < end {
            let today = self.today;
            self.end_holds(|until| day_of(until) <= today);
            self.today = self.today.tomorrow().unwrap();
            self.ladder.begins(rules, self.today);
            self.membership.lives_on(self.today);
            self.end_waits(rules);
            self.drop_expired();
            let points = self.credits.iter().map(|credit| (credit.last_day, credit.left));
            let due = Warning::due(points, rules.notice_days, &mut self.told_to, (self.today, end));
            self.warnings.extend(due);
        }
        self.end_holds(|until| until <= now);
        self.drop_expired();
        self.tally.forgets(rules.dare, self.earliest());
        self.ladder.forgets(rules, self.today);
        self.membership.forgets(rules);
        self.tier = self.tier_now(rules);
        before != (self.tier, self.balances(), self.warnings.len())
    }

    fn end_holds(&mut self, is_over: impl Fn(Timestamp) -> bool) {
        let ends = |spending: &Spending| match spending.fate {
            Fate::Held(until) if is_over(until) => Some(until),
            Fate::Held(_) | Fate::Captured(_) | Fate::Expired | Fate::Cancelled | Fate::Undone => None,
        };
        let mut over: Vec<_> =
            self.spendings.iter().filter_map(|(key, spending)| Some((ends(spending)?, key.clone()))).collect();
        over.sort();
        for (_, key) in over {
            self.end_hold(&key, Fate::Expired);
            self.drop_expired();
        }
    }

    /// Ends a hold that came to nothing.
    fn end_hold(&mut self, key: &str, fate: Fate) {
        let spending = self.spendings.get_mut(key).unwrap();
        spending.fate = fate;
        let spending = spending.clone();
        self.give_back(&spending.kept, spending.points());
        self.forget_coffee(&spending);
    }

    fn forget_coffee(&mut self, spending: &Spending) {
        if spending.is_coffee {
            let place = self.coffee_days.iter().position(|day| *day == spending.day).unwrap();
            self.coffee_days.remove(place);
        }
    }

    /// Gives back so many points of what was taken: debts first, and then to what lasts longest.
    fn give_back(&mut self, taken: &[(Date, i64)], points: i64) {
        let mut left = self.after_debts(points);
        for (last_day, points) in taken.iter().rev() {
            let part = left.min(*points);
            self.credit(*last_day, part);
            left -= part;
        }
        assert_eq!(left, 0);
        self.make_room();
    }

    /// Puts points where they expire on their day, or on a later one that the member has earned; tells which.
    fn credit(&mut self, last_day: Date, left: i64) -> Date {
        let last_day = last_day.max(self.alive_to.unwrap_or(last_day));
        self.credits.push(Credit { last_day, left });
        last_day
    }

    /// The member did something on this day.
    fn is_active(&mut self, rules: &Rules, day: Date) {
        if rules.life != Life::Inactivity {
            return;
        }
        let to = rules.last_day(day).max(self.alive_to.unwrap_or(day));
        self.alive_to = Some(to);
        self.credits.iter_mut().for_each(|credit| credit.last_day = credit.last_day.max(to));
        for spending in self.spendings.values_mut().filter(|spending| matches!(spending.fate, Fate::Held(_))) {
            spending.kept.iter_mut().for_each(|(last_day, _)| *last_day = to.max(*last_day));
        }
    }

    /// Keeps no more different days than an account does: points live longer, become spendable sooner, can be confirmed
    /// longer.
    fn make_room(&mut self) {
        loop {
            let alive = self.credits.iter().filter(|credit| credit.left > 0 && credit.last_day >= self.today);
            let days: BTreeSet<_> = alive.map(|credit| credit.last_day).collect();
            if days.len() <= LOTS_MAX {
                break;
            }
            let (soon, late) = too_close(&Vec::from_iter(days)).unwrap();
            for credit in self.credits.iter_mut().filter(|credit| credit.last_day == soon) {
                credit.last_day = late;
            }
        }
        while self.queues.len() > WAITS_MAX {
            let of = |is_confirmation: bool| {
                let days: Vec<_> =
                    self.queues.keys().filter(|(is, _)| *is == is_confirmation).map(|key| key.1).collect();
                too_close(&days).map(|(soon, late)| (is_confirmation, soon, late))
            };
            let (is_confirmation, soon, late) = of(false).or_else(|| of(true)).unwrap();
            let [first, second] = [soon, late].map(|day| self.queues.remove(&(is_confirmation, day)).unwrap());
            let both = Queue { points: first.points + second.points, last: first.last.max(second.last) };
            self.queues.insert((is_confirmation, if is_confirmation { late } else { soon }), both);
        }
    }

    /// Takes from what waits for this, and from where it may have gone since, up to so many points.
    fn unqueue(&mut self, (day, is_confirmation): (Date, bool), points: i64) -> i64 {
        let mut days: Vec<_> = self.queues.keys().filter(|(is, _)| *is == is_confirmation).map(|key| key.1).collect();
        days.retain(|other| if is_confirmation { *other >= day } else { *other <= day });
        if !is_confirmation {
            days.reverse();
        }
        let mut due = points;
        for day in days {
            let queue = self.queues.get_mut(&(is_confirmation, day)).unwrap();
            let part = due.min(queue.points);
            queue.points -= part;
            due -= part;
        }
        self.queues.retain(|_, queue| queue.points > 0);
        points - due
    }

    fn after_debts(&mut self, points: i64) -> i64 {
        let repaid = points.min(self.owed);
        self.owed -= repaid;
        points - repaid
    }

    fn end_waits(&mut self, rules: &Rules) {
        if let Some(matured) = self.queues.remove(&(false, self.today)) {
            let left = self.after_debts(matured.points);
            self.credit(rules.last_day(matured.last), left);
            self.make_room();
        }
        self.queues.remove(&(true, self.today.yesterday().unwrap()));
    }

    fn drop_expired(&mut self) {
        let today = self.today;
        self.credits.retain(|credit| credit.last_day >= today && credit.left > 0);
    }

    fn tier_now(&self, rules: &Rules) -> usize {
        let floor = self.membership.offer(rules).map_or(0, |offer| offer.floor);
        self.ladder.rank(rules, self.today).max(floor)
    }

    fn is_too_late(&self, day: Date) -> bool {
        day < self.earliest()
    }

    fn earliest(&self) -> Date {
        (0..BACKDATING_DAYS_MAX).fold(self.today, |day, _| day.yesterday().unwrap())
    }

    /// Gives points, now or later, and counts them toward a tier.
    fn give(&mut self, rules: &Rules, key: &str, mut gift: Gift) {
        let points: i64 = gift.lines.iter().sum();
        let day = gift.day;
        self.is_active(rules, day);
        let (ready_on, waits) = match rules.wait {
            Wait::No => (day, None),
            Wait::Days(days) => {
                (later(day, days), Some((later(day, days), false)).filter(|(day, _)| *day > self.today))
            }
            // Nobody can confirm what is not posted.
            Wait::Confirmation(days) => (day, Some((later(self.today, days), true))),
        };
        if let Some((day, is_confirmation)) = waits.filter(|_| points > 0) {
            gift.waits = waits;
            let queue = self.queues.entry((is_confirmation, day)).or_insert(Queue { points: 0, last: day });
            queue.points += points;
        } else {
            let left = self.after_debts(points);
            let last_day = self.credit(rules.last_day(ready_on), left);
            gift.last_day = Some(last_day).filter(|_| left > 0);
        }
        self.make_room();
        if gift.attempt.is_some() {
            self.ladder.counts(rules, day, gift.qualifying, self.today);
        }
        self.gifts.insert(key.to_owned(), gift);
        self.drop_expired();
        self.tier = self.tier_now(rules);
    }

    /// What a purchase gives, or why nothing.
    pub(crate) fn buys(
        &mut self,
        rules: &Rules,
        key: &str,
        day: Date,
        total: i64,
        app: bool,
    ) -> Result<i64, &'static str> {
        if self.is_too_late(day) {
            return Err("OccurredAtOutOfRange");
        }
        let base = rules.rounded(total, rules.points, rules.per);
        let tier = rules.rounded(base, rules.percents[self.tier] - 100, 100);
        let promotion = if app { rules.rounded(base, rules.app_percent - 100, 100) } else { 0 };
        let attempt = self.tally.counts(rules.dare, day);
        let lines = vec![base, tier, self.for_plan(rules, base), promotion, attempt.points];
        let points = lines.iter().sum();
        self.give(rules, key, Gift { attempt: Some(attempt), ..Gift::new(day, total, lines, base) });
        Ok(points)
    }

    /// What a review gives, or why nothing.
    pub(crate) fn reviews(&mut self, rules: &Rules, key: &str, day: Date) -> Result<i64, &'static str> {
        if self.is_too_late(day) {
            return Err("OccurredAtOutOfRange");
        }
        if self.review_days.contains(&day) {
            self.give(rules, key, Gift::new(day, 0, Vec::new(), 0));
            return Ok(0);
        }
        self.review_days.push(day);
        let tier = rules.rounded(REVIEW, rules.percents[self.tier] - 100, 100);
        let plan = self.for_plan(rules, REVIEW);
        self.give(rules, key, Gift { is_review: true, ..Gift::new(day, 0, vec![REVIEW, tier, plan], 0) });
        Ok(REVIEW + tier + plan)
    }

    /// What the plan gives on top of the base.
    fn for_plan(&self, rules: &Rules, base: i64) -> i64 {
        self.membership.offer(rules).map_or(0, |offer| rules.rounded(base, offer.percent - 100, 100))
    }

    pub(crate) fn pays_for(&mut self, rules: &Rules, plan: usize) -> Result<i64, &'static str> {
        self.membership.pays(rules, plan, self.today)?;
        self.tier = self.tier_now(rules);
        Ok(0)
    }

    pub(crate) fn ends_plan(&mut self, rules: &Rules) {
        self.membership.ends();
        self.tier = self.tier_now(rules);
    }

    pub(crate) fn tastes(&mut self, rules: &Rules) -> Result<i64, &'static str> {
        self.membership.tastes(rules, self.tier, self.today)
    }

    pub(crate) fn confirms(&mut self, rules: &Rules, key: &str) -> Result<i64, &'static str> {
        let today = self.today;
        let gift = self.gifts[key].clone();
        let waiting = match gift.waits.filter(|(last, _)| *last >= today && gift.confirmed_on.is_none()) {
            Some(waits @ (_, true)) => self.unqueue(waits, gift.lines.iter().sum::<i64>() - gift.taken),
            Some((_, false)) | None => 0,
        };
        if waiting == 0 {
            return Err("NotPending");
        }
        self.gifts.get_mut(key).unwrap().confirmed_on = Some(today);
        let left = self.after_debts(waiting);
        self.credit(rules.last_day(today), left);
        self.make_room();
        Ok(0)
    }

    /// What a refund, of so much in all, takes back; all of it if it says nothing.
    pub(crate) fn refunds(&mut self, rules: &Rules, key: &str, total: Option<i64>) -> Result<i64, &'static str> {
        let mut gift = self.gifts[key].clone();
        let total = total.unwrap_or(gift.paid);
        if total > gift.paid {
            return Err("ExceedsAccrual");
        }
        let before = gift.clone();
        gift.refunded = gift.refunded.max(total);
        gift.undone |= total == gift.paid;
        let kept: i64 = gift.lines.iter().map(|line| gift.kept_of(*line)).sum();
        let to_take = (gift.lines.iter().sum::<i64>() - kept - gift.taken).max(0);
        gift.taken += to_take;
        let is_lapsed = matches!(gift.waits, Some((last, true)) if last < self.today && gift.confirmed_on.is_none());
        let mut due = if is_lapsed { 0 } else { to_take };
        let waits = gift.waits.filter(|_| gift.confirmed_on.is_none());
        let own = gift.lines.iter().sum::<i64>() - before.taken;
        let from_waiting = waits.map_or(0, |waits| self.unqueue(waits, due.min(own)));
        due -= from_waiting;
        // Points that waited went to the lot that points of that day go to.
        let own = match (gift.waits, gift.confirmed_on) {
            (None, _) => gift.last_day,
            (Some(_), Some(day)) | (Some((day, false)), None) => Some(rules.last_day(day)),
            (Some((_, true)), None) => None,
        };
        // Or those have gone on to the next day.
        let own = own.and_then(|own| {
            let days = self.credits.iter().filter(|credit| credit.left > 0).map(|credit| credit.last_day);
            days.filter(|day| *day >= own).min()
        });
        let available = |credits: &[Credit], own: Date| {
            credits.iter().filter(|credit| credit.last_day == own).map(|credit| credit.left).sum::<i64>()
        };
        let from_own = own.map_or(0, |own| due.min(available(&self.credits, own)));
        self.credits.sort_by_key(|credit| (Some(credit.last_day) != own, credit.last_day));
        let from_others = (due - from_own).min(self.spendable() - from_own);
        self.take_in_order(from_own + from_others);
        due -= from_own + from_others;
        let owed = if rules.owe { due } else { 0 };
        self.owed += owed;
        if gift.undone && !before.undone && gift.is_review {
            self.review_days.retain(|day| *day != gift.day);
        }
        if let Some(attempt) = gift.attempt.as_ref().filter(|_| gift.undone && !before.undone) {
            self.tally.undoes(rules.dare, attempt, gift.day, self.earliest());
        }
        if gift.attempt.is_some() && (gift.refunded, gift.undone) != (before.refunded, before.undone) {
            let points = before.kept_of(gift.qualifying) - gift.kept_of(gift.qualifying);
            self.ladder.uncounts(rules, gift.day, points, self.today);
        }
        self.tier = self.tier_now(rules);
        self.gifts.insert(key.to_owned(), gift);
        Ok(-(from_waiting + from_own + from_others + owed))
    }

    /// Gives a tier until a day, or takes back what was given.
    pub(crate) fn overrides(&mut self, rules: &Rules, given: Option<(usize, Date)>) {
        self.ladder.gives(given);
        self.tier = self.tier_now(rules);
    }

    pub(crate) fn adjusts(&mut self, rules: &Rules, points: i64) -> Result<i64, &'static str> {
        if points > 0 {
            let left = self.after_debts(points);
            self.credit(rules.last_day(self.today), left);
            self.make_room();
        } else {
            self.pays(-points)?;
        }
        Ok(points)
    }

    /// What a coffee costs, or why there is none; until when it is held, if so.
    pub(crate) fn drinks(&mut self, rules: &Rules, key: &str, until: Option<Timestamp>) -> Result<i64, &'static str> {
        let this_month = |day: &&Date| (day.year(), day.month()) == (self.today.year(), self.today.month());
        if self.coffee_days.iter().filter(this_month).count() >= COFFEES_A_MONTH {
            return Err("RewardLimitReached");
        }
        self.spends(rules, key, rules.coffee, true, until)?;
        self.coffee_days.push(self.today);
        Ok(-rules.coffee)
    }

    /// What money off costs at three points for two cents, or why there is none; until when it is held, if so.
    pub(crate) fn gets_off(
        &mut self,
        rules: &Rules,
        key: &str,
        cents: i64,
        until: Option<Timestamp>,
    ) -> Result<i64, &'static str> {
        let cost = (cents * 3 + 1) / 2;
        self.spends(rules, key, cost, false, until)?;
        Ok(-cost)
    }

    fn spends(
        &mut self,
        rules: &Rules,
        key: &str,
        cost: i64,
        is_coffee: bool,
        until: Option<Timestamp>,
    ) -> Result<(), &'static str> {
        let held = self.spendings.values().filter(|spending| matches!(spending.fate, Fate::Held(_)));
        if until.is_some() && held.count() >= 20 {
            return Err("HoldsFull");
        }
        self.is_active(rules, self.today);
        let taken = self.pays(cost)?;
        let fate = until.map_or(Fate::Captured(cost), Fate::Held);
        self.spendings
            .insert(key.to_owned(), Spending { day: self.today, is_coffee, kept: taken.clone(), taken, fate });
        Ok(())
    }

    fn check_held(&self, key: &str) -> Result<(), &'static str> {
        match self.spendings[key].fate {
            Fate::Held(_) => Ok(()),
            Fate::Expired => Err("HoldExpired"),
            Fate::Captured(_) | Fate::Cancelled | Fate::Undone => Err("NotHeld"),
        }
    }

    pub(crate) fn captures(&mut self, key: &str, points: i64) -> Result<i64, &'static str> {
        self.check_held(key)?;
        let spending = self.spendings.get_mut(key).unwrap();
        let rest = spending.points() - points;
        if points <= 0 || rest < 0 {
            return Err("MoreThanHeld");
        }
        spending.fate = Fate::Captured(points);
        let kept = spending.kept.clone();
        self.give_back(&kept, rest);
        self.drop_expired();
        Ok(rest)
    }

    pub(crate) fn cancels(&mut self, key: &str) -> Result<i64, &'static str> {
        self.check_held(key)?;
        let points = self.spendings[key].points();
        self.end_hold(key, Fate::Cancelled);
        self.drop_expired();
        Ok(points)
    }

    pub(crate) fn undoes(&mut self, key: &str) -> Result<i64, &'static str> {
        let mut spending = self.spendings[key].clone();
        let Fate::Captured(points) = spending.fate else { return Err("NotHeld") };
        // What expires first was spent, up to so many points.
        let mut due = points;
        for (_, part) in &mut spending.taken {
            *part = due.min(*part);
            due -= *part;
        }
        self.give_back(&spending.taken, points);
        self.forget_coffee(&spending);
        self.spendings.get_mut(key).unwrap().fate = Fate::Undone;
        self.drop_expired();
        Ok(points)
    }

    /// The points that a redemption holds or spent.
    pub(crate) fn cost_of(&self, key: &str) -> i64 {
        self.spendings[key].points()
    }

    /// What was paid for a purchase.
    pub(crate) fn paid_for(&self, key: &str) -> i64 {
        self.gifts[key].paid
    }

    pub(crate) fn accruals(&self) -> Vec<String> {
        self.gifts.keys().cloned().collect()
    }

    pub(crate) fn redemptions(&self) -> Vec<String> {
        self.spendings.keys().cloned().collect()
    }

    /// Takes from what expires first, and tells by last day how many points.
    fn pays(&mut self, cost: i64) -> Result<Vec<(Date, i64)>, &'static str> {
        if self.spendable() < cost {
            return Err("InsufficientPoints");
        }
        self.credits.sort_by_key(|credit| credit.last_day);
        Ok(self.take_in_order(cost))
    }

    fn take_in_order(&mut self, points: i64) -> Vec<(Date, i64)> {
        let mut due = points;
        let mut taken: Vec<(Date, i64)> = Vec::new();
        for credit in &mut self.credits {
            let paid = due.min(credit.left);
            credit.left -= paid;
            due -= paid;
            match taken.last_mut() {
                Some((day, points)) if *day == credit.last_day => *points += paid,
                Some(_) | None => taken.push((credit.last_day, paid)),
            }
        }
        assert_eq!(due, 0);
        self.credits.retain(|credit| credit.left > 0);
        taken
    }

    fn spendable(&self) -> i64 {
        self.credits.iter().map(|credit| credit.left).sum()
    }

    /// Pending, spendable, held and owed points.
    pub(crate) fn balances(&self) -> [i64; 4] {
        let held = self.spendings.values().filter(|spending| matches!(spending.fate, Fate::Held(_)));
        let pending = self.queues.values().map(|queue| queue.points).sum();
        [pending, self.spendable(), held.map(Spending::points).sum(), self.owed]
    }

    /// Compares the account and its ledger with these books, and each with itself.
    pub(crate) fn audit(&self, rules: &Rules, account: &Account, ledger: &[Sealed]) {
        let entries: Vec<&Entry> = ledger.iter().map(|sealed| &sealed.entry).collect();
        let mut balances = [0; 4];
        let mut told = BTreeMap::new();
        for (entry, seq) in entries.iter().zip(1_u64..) {
            assert_eq!(entry.seq, seq, "a gap in the ledger");
            let changes =
                [entry.pending, entry.spendable, entry.held, entry.owed].map(regulars_domain::points::Points::get);
            let [pending, spendable, held, owed] = changes;
            let points = entry.points.get();
            assert_eq!(points, pending + spendable - owed, "{entry:?}");
            assert_eq!(spendable, entry.lots.iter().map(|change| change.1.get()).sum::<i64>(), "{entry:?}");
            for (balance, change) in balances.iter_mut().zip(changes) {
                *balance += change;
                assert!(*balance >= 0, "negative after {entry:?}");
            }
            for LotChange(expiry, points) in &entry.lots {
                *told.entry(*expiry).or_insert(0) += points.get();
            }
            assert_eq!(entry.pending_moved.iter().map(|change| change.1.get()).sum::<i64>(), 0, "{entry:?}");
            let given: i64 = entry.breakdown.iter().map(|line| line.given.get()).sum();
            let is_sound = match entry.kind {
                Kind::Enrollment | Kind::Accrual => points >= 0 && points == given && held == 0,
                Kind::Redemption => points < 0 && (held == 0 || held == -points),
                Kind::Expiry => points < 0 && points == spendable,
                Kind::Confirmation => points == 0 && pending < 0,
                Kind::Lapse => points < 0 && points == pending,
                Kind::AccrualReversal => points <= 0 && held == 0,
                Kind::Capture => points >= 0 && held < -points,
                Kind::Cancellation => points > 0 && held == -points,
                Kind::RedemptionReversal => points > 0 && held == 0,
                Kind::Adjustment => pending == 0 && held == 0,
                Kind::TransferOut | Kind::TransferIn => false,
                Kind::Plan => changes == [0; 4] && entry.plan.is_some(),
                Kind::EntitlementUse => changes == [0; 4] && entry.entitlement.is_some(),
                Kind::TierChange => changes == [0; 4] && entry.tier_change.is_some(),
                Kind::Notice => changes == [0; 4] && entry.lots.is_empty(),
            };
            assert!(is_sound, "{entry:?}");
            assert!(given == 0 || matches!(entry.kind, Kind::Enrollment | Kind::Accrual), "{entry:?}");
            assert!(entry.posted_at >= entries[0].posted_at);
        }
        told.retain(|_, points| *points != 0);
        let lots: BTreeMap<_, _> = account.lots.iter().map(|(expiry, points)| (expiry, points.get())).collect();
        assert_eq!(told, lots, "the ledger does not explain the lots");
        assert!(lots.len() <= LOTS_MAX && account.pending.iter().count() <= WAITS_MAX, "the account grows");
        assert_eq!(account.seq, u64::try_from(entries.len()).unwrap());
        assert_eq!(Warning::all(ledger), self.warnings, "the member was told of other points than the books say");
        assert_eq!(balances, self.balances(), "the sum of the entries is not what the books say");
        let pending = account.pending.sums().map(|(awaits, sum)| {
            let (is_confirmation, day) = match awaits {
                Awaits::Maturity(day) => (false, day),
                Awaits::Confirmation(last) => (true, last),
            };
            let last = if is_confirmation { day } else { sum.lives_from.unwrap_or(day) };
            ((is_confirmation, day), Queue { points: sum.points.get(), last })
        });
        let queues = self.queues.iter().map(|((is_confirmation, day), queue)| {
            let last = if *is_confirmation { *day } else { queue.last };
            ((*is_confirmation, *day), Queue { last, ..*queue })
        });
        assert!(
            pending.eq(queues),
            "other points wait than the books say: {:?} and {:?}",
            account.pending,
            self.queues
        );
        let held: BTreeMap<_, _> =
            account.holds.iter().map(|hold| (hold.redemption.to_string(), hold.points().get())).collect();
        let open = self.spendings.iter().filter(|(_, spending)| matches!(spending.fate, Fate::Held(_)));
        let open = open.map(|(key, spending)| (key.clone(), spending.points()));
        assert_eq!(held, open.collect(), "other holds are open than the books say");
        assert_eq!(account.owed.get(), self.owed);
        self.tally.audit(account.steps.get("dare"));
        self.membership.audit(account, self.today);

        let mut lots = BTreeMap::new();
        for credit in self.credits.iter().filter(|credit| credit.left > 0) {
            *lots.entry(credit.last_day.to_string()).or_insert(0) += credit.left;
        }
        assert_eq!(lots_of(account), lots.into_iter().collect::<Vec<_>>(), "the lots are not what the books say");
        for (expiry, points) in account.lots.iter() {
            assert!(
                points.get() > 0 && expiry.on().is_none_or(|day| day >= self.today),
                "{expiry:?} outlives its date"
            );
        }

        assert_eq!(
            account.tier.as_ref().map(regulars_domain::id::LevelId::as_str),
            Some(LEVELS[self.tier]),
            "on {}",
            self.today
        );
        let said = entries.iter().rev().find_map(|entry| entry.tier_change.as_ref()).unwrap();
        assert_eq!(said.to, account.tier, "the ledger last spoke of another tier");
        self.ladder.audit(rules, account, self.today);
    }
}
