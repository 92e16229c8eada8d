//! An auditor: computes what an account should contain, from its own books, and compares.
//!
//! It shares no code with the engine and none of its design: it steps through time day by day, keeps each credit as a
//! line of its own, and counts years and months with plain arithmetic. It supports one family of programs, [`Rules`].

mod alive;
mod challenge;
mod comparing;
mod deciding;
mod ladder;
mod membership;
mod timeline;
mod unsure;
mod warning;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Date};

use self::{
    alive::Newest,
    challenge::{Attempt, Tally},
    ladder::Ladder,
    membership::Membership,
    unsure::Shop,
};
pub(crate) use self::{
    challenge::Dare,
    ladder::Over,
    membership::{Offer, PLANS},
    timeline::Timeline,
    warning::Warning,
};

/// A program of the family that the auditor supports: points per money, more for a tier and for the app, welcome
/// points, a review per day, a challenge, plans, three tiers over years or months, a coffee, pending points, holds,
/// refunds.
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
    /// The minimum number of days for which late points can be used; 0 if that does not matter.
    pub(crate) usable_days: i64,
    /// What counts as activity.
    pub(crate) activity: Vec<&'static str>,
}

/// The lifetime of points, and whether activity restarts it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    EndOfMonth,
    ExactDay,
    Inactivity,
}

/// How long points of a purchase or a review are pending.
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

    /// Returns the last day of points that are spendable from `ready_on`, were earned on one day and posted on another.
    fn last_day_of(&self, ready_on: Date, earned_on: Date, posted_on: Date) -> Date {
        let last_day = self.last_day(ready_on);
        let is_late = posted_on > earned_on && self.usable_days > 0;
        if is_late { last_day.max(later(posted_on, self.usable_days)) } else { last_day }
    }
}

/// Returns the day of an instant in Istanbul, which has been three hours ahead of UTC since 2016.
pub(crate) fn day_of(instant: Timestamp) -> Date {
    let days = (instant.as_second() + 3 * 3600).div_euclid(86_400);
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap()
}

pub(crate) fn later(day: Date, days: i64) -> Date {
    let later = (0..days).fold(day, |day, _| day.tomorrow().unwrap());
    (days..0).fold(later, |day, _| day.yesterday().unwrap())
}

/// Points given, and their current state.
#[derive(Clone, Debug)]
struct Gift {
    day: Date,
    posted_on: Date,
    paid: i64,
    lines: Vec<i64>,
    qualifying: i64,
    is_review: bool,
    /// The version that gave them.
    version: usize,
    attempt: Option<Attempt>,
    /// The earning percentages of a tier, a plan and a promotion.
    percents: [i64; 3],
    refunded: i64,
    undone: bool,
    waits: Option<Wanted>,
    /// The day by which it must be confirmed, if it must.
    until: Option<Date>,
    confirmed_on: Option<Date>,
    /// The last day of the points that were not pending.
    last_day: Option<Date>,
}

impl Gift {
    fn new(version: usize, day: Date, paid: i64, lines: Vec<i64>, qualifying: i64) -> Self {
        Self {
            version,
            day,
            posted_on: day,
            paid,
            lines,
            qualifying,
            is_review: false,
            attempt: None,
            percents: [100; 3],
            refunded: 0,
            undone: false,
            waits: None,
            until: None,
            confirmed_on: None,
            last_day: None,
        }
    }

    fn points(&self) -> i64 {
        self.lines.iter().sum()
    }

    /// Changes the amount of a purchase to `paid` cents.
    fn becomes(&mut self, then: &Rules, paid: i64) {
        let base = then.rounded(paid, then.points, then.per);
        self.lines[0] = base;
        for (line, percent) in self.lines[1..4].iter_mut().zip(self.percents) {
            *line = then.rounded(base, percent - 100, 100);
        }
        self.qualifying = base;
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

/// Points spent or held, by the last day of their lots.
#[derive(Clone, Debug)]
struct Spending {
    day: Date,
    is_coffee: bool,
    /// The version that decided it.
    version: usize,
    taken: Vec<(Date, i64)>,
    /// The same, with the dates to which they were extended while they were held.
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
    /// Its last day before the newest activity.
    was: Option<Date>,
}

/// What points wait for: the day on which they mature, and their last day; or a confirmation, and its last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Day(Date, Date),
    Confirmation(Date),
}

impl Wanted {
    /// Returns the two of these, in order, to merge.
    fn too_close(all: &[Self]) -> Option<(Self, Self)> {
        let day = |wanted: &Self| match wanted {
            Self::Day(day, _) | Self::Confirmation(day) => *day,
        };
        let closest = too_close(&all.iter().map(day).collect::<Vec<_>>())?;
        let pair = all.windows(2).find(|pair| (day(&pair[0]), day(&pair[1])) == closest)?;
        Some((pair[0], pair[1]))
    }
}

/// The last moment before an instant.
fn before_instant(instant: Timestamp) -> Timestamp {
    instant.checked_sub(SignedDuration::from_nanos(1)).unwrap()
}

/// Returns the two of these days, in order, to merge: the closest, within one month before one year before all.
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
    /// The pending points, by what they wait for.
    queues: BTreeMap<Wanted, i64>,
    shop: Shop,
    /// The version under which these books were last updated.
    version: usize,
    /// The day before which nothing expires, because of activity.
    alive_to: Option<Date>,
    newest: Newest,
    membership: Membership,
    /// The notices so far, and the day up to which there is no further one.
    warnings: Vec<Warning>,
    told_to: Option<Date>,
}

impl Auditor {
    pub(crate) fn begins(rules: &Rules, now: Timestamp) -> Self {
        let today = day_of(now);
        Self {
            today,
            credits: vec![Credit { last_day: rules.last_day(today), left: WELCOME, was: None }],
            ladder: Ladder::default(),
            tier: rules.rank(0),
            review_days: Vec::new(),
            coffee_days: Vec::new(),
            gifts: BTreeMap::new(),
            spendings: BTreeMap::new(),
            owed: 0,
            tally: Tally::default(),
            queues: BTreeMap::new(),
            shop: Shop::default(),
            version: 1,
            alive_to: None,
            newest: Newest::default(),
            membership: Membership::default(),
            warnings: Vec::new(),
            told_to: None,
        }
    }

    /// Lets time pass to `now`, day by day, and returns whether anything visible happened.
    pub(crate) fn lives_on(&mut self, timeline: &Timeline, now: Timestamp) -> bool {
        let before = (self.tier, self.balances(), self.warnings.len(), self.membership.ended);
        let end = day_of(now);
        while self.today < end {
            let today = self.today;
            self.begin_versions(timeline, |from| day_of(before_instant(from)) <= today);
            self.end_holds(|until| day_of(until) <= today);
            let rules = timeline.version(self.version);
            self.today = self.today.tomorrow().unwrap();
            self.ladder.begins(rules, self.today);
            self.membership.lives_on(self.today);
            self.end_waits(rules);
            self.drop_expired();
            let points = self.credits.iter().map(|credit| (credit.last_day, credit.left));
            let due = Warning::due(points, rules.notice_days, &mut self.told_to, (self.today, end));
            self.warnings.extend(due);
        }
        self.begin_versions(timeline, |from| from <= now);
        self.end_holds(|until| until <= now);
        self.drop_expired();
        let rules = timeline.version(self.version);
        self.tally.forgets(rules.dare, self.earliest());
        self.ladder.forgets(rules, self.today);
        self.tier = self.tier_now(rules);
        before != (self.tier, self.balances(), self.warnings.len(), self.membership.ended)
    }

    /// Brings the next versions into force whose time has come, each after the holds that ended before it.
    fn begin_versions(&mut self, timeline: &Timeline, has_begun: impl Fn(Timestamp) -> bool) {
        while let Some((from, rules)) = timeline.next(self.version).filter(|(from, _)| has_begun(*from)) {
            self.end_holds(|until| until < from);
            let before = timeline.version(self.version);
            if !before.is_same_over_time(rules) {
                self.tally.forgets(before.dare, self.earliest());
                if before.dare.is_none() && rules.dare.is_none() {
                    self.tally = Tally::default();
                }
                if rules.life != Life::Inactivity {
                    self.alive_to = None;
                    self.newest = Newest::default();
                    self.credits.iter_mut().for_each(|credit| credit.was = None);
                }
            }
            self.version += 1;
        }
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

    /// Ends a hold without a capture.
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

    /// Returns points: debts are paid first, then the points that last longest return.
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

    /// Credits points with their last day, or the later one to which activity has extended; returns that day.
    fn credit(&mut self, last_day: Date, left: i64) -> Date {
        let last_day = last_day.max(self.alive_to.unwrap_or(last_day));
        self.credits.push(Credit { last_day, left, was: None });
        last_day
    }

    /// Keeps no more different days than an account: points then live longer, mature sooner, or can be confirmed
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
                credit.was = None;
            }
        }
        loop {
            let unsure = self.shop.days().map(Wanted::Confirmation);
            let all: BTreeSet<_> = self.queues.keys().copied().chain(unsure).collect();
            if all.len() <= WAITS_MAX && !self.shop.is_crowded() {
                break;
            }
            let (days, confirmations): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|wanted| matches!(wanted, Wanted::Day(..)));
            let days = Wanted::too_close(&days).filter(|_| !self.shop.is_crowded());
            let (soon, late) = days.or_else(|| Wanted::too_close(&confirmations)).unwrap();
            let points = [soon, late].map(|wanted| self.queues.remove(&wanted).unwrap_or_default()).iter().sum::<i64>();
            let both = match (soon, late) {
                (Wanted::Day(day, one), Wanted::Day(_, other)) => Wanted::Day(day, one.max(other)),
                (_, late) => late,
            };
            if let (Wanted::Confirmation(soon), Wanted::Confirmation(late)) = (soon, late) {
                self.shop.moves(soon, late);
                self.newest.moves(soon, late);
            }
            *self.queues.entry(both).or_insert(0) += points;
            self.queues.retain(|_, points| *points > 0);
        }
    }

    /// Takes up to a number of points from those that wait for this, or from where they were merged.
    fn unqueue(&mut self, wanted: Wanted, points: i64) -> i64 {
        let mut others: Vec<_> = self.queues.keys().copied().filter(|other| *other != wanted).collect();
        others.retain(|other| match (wanted, other) {
            (Wanted::Day(day, _), Wanted::Day(other, _)) => *other <= day,
            (Wanted::Confirmation(last), Wanted::Confirmation(other)) => *other >= last,
            (Wanted::Day(..), Wanted::Confirmation(_)) | (Wanted::Confirmation(_), Wanted::Day(..)) => false,
        });
        if matches!(wanted, Wanted::Day(..)) {
            others.reverse();
        }
        let mut due = points;
        for wanted in std::iter::once(wanted).chain(others) {
            if let Some(queue) = self.queues.get_mut(&wanted) {
                let part = due.min(*queue);
                *queue -= part;
                due -= part;
            }
        }
        self.queues.retain(|_, points| *points > 0);
        points - due
    }

    fn after_debts(&mut self, points: i64) -> i64 {
        let repaid = points.min(self.owed);
        self.owed -= repaid;
        points - repaid
    }

    fn end_waits(&mut self, rules: &Rules) {
        let today = self.today;
        let is_over = |wanted: &Wanted| match wanted {
            Wanted::Day(day, _) => *day <= today,
            Wanted::Confirmation(last) => *last < today,
        };
        let over: Vec<_> = self.queues.keys().copied().filter(is_over).collect();
        for wanted in over {
            let points = self.queues.remove(&wanted).unwrap();
            if let Wanted::Day(_, last_day) = wanted {
                let left = self.after_debts(points);
                self.credit(last_day, left);
            }
        }
        for (span, points) in self.shop.lapses(today) {
            self.ladder.uncounts(rules, span, points, today);
        }
        self.ends_activity(today);
        self.drop_expired();
        self.make_room();
    }

    fn drop_expired(&mut self) {
        let today = self.today;
        self.credits.retain(|credit| credit.last_day >= today && credit.left > 0);
    }

    fn tier_now(&self, rules: &Rules) -> usize {
        let floor = self.membership.offer().map_or(0, |offer| offer.floor);
        self.ladder.rank(rules, self.today).max(floor)
    }

    fn is_too_late(&self, day: Date) -> bool {
        day < self.earliest()
    }

    fn earliest(&self) -> Date {
        (0..BACKDATING_DAYS_MAX).fold(self.today, |day, _| day.yesterday().unwrap())
    }

    /// Takes from what expires first, and returns the points by last day.
    fn pays(&mut self, cost: i64) -> Result<Vec<(Date, i64)>, &'static str> {
        if self.spendable() < cost {
            return Err("InsufficientPoints");
        }
        self.credits.sort_by_key(|credit| (credit.last_day, credit.was.unwrap_or(Date::MAX)));
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
        let pending = self.queues.values().sum();
        [pending, self.spendable(), held.map(Spending::points).sum(), self.owed]
    }
}
