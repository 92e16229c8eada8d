//! An auditor: works out what an account should hold, from its own books, and compares.
//!
//! It shares no code with the engine and none of its ideas: it walks through time day by day, keeps each credit as a line
//! of its own, and counts years and months with plain arithmetic. It knows one family of programs, [`Rules`].

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    account::Account,
    chain::Sealed,
    entry::{Entry, Kind},
};

use crate::world::lots_of;

/// A program of the family that the auditor knows: points for money, more of them for a tier and for the app, a welcome,
/// a review a day, three tiers over the calendar year, a coffee.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) rounding: &'static str,
    pub(crate) points: i64,
    pub(crate) per: i64,
    pub(crate) app_percent: i64,
    pub(crate) months: i32,
    pub(crate) exact_day: bool,
    pub(crate) silver: i64,
    pub(crate) gold: i64,
    pub(crate) percents: [i64; 3],
    pub(crate) downgrade: &'static str,
    pub(crate) grace_days: i16,
    pub(crate) coffee: i64,
}

pub(crate) const WELCOME: i64 = 25;
pub(crate) const REVIEW: i64 = 10;
pub(crate) const COFFEES_A_MONTH: usize = 2;
pub(crate) const BACKDATING_DAYS_MAX: i32 = 30;
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
        let day = if self.exact_day { earned_on.day().min(days) } else { days };
        Date::new(year.try_into().unwrap(), month.try_into().unwrap(), day).unwrap()
    }
}

/// The day of an instant in Istanbul, where the clocks have stood three hours ahead of Greenwich since 2016.
pub(crate) fn day_of(instant: Timestamp) -> Date {
    let days = (instant.as_second() + 3 * 3600).div_euclid(86_400);
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap()
}

#[derive(Clone, Debug)]
struct Credit {
    last_day: Date,
    left: i64,
}

/// The auditor's own books on one member.
#[derive(Clone, Debug)]
pub(crate) struct Auditor {
    today: Date,
    credits: Vec<Credit>,
    /// Points that count toward a tier, by year.
    years: BTreeMap<i16, i64>,
    /// The level that an earlier year left for this one.
    left_over: BTreeMap<i16, usize>,
    pub(crate) tier: usize,
    review_days: Vec<Date>,
    coffee_days: Vec<Date>,
}

impl Auditor {
    pub(crate) fn begins(rules: &Rules, now: Timestamp) -> Self {
        let today = day_of(now);
        Self {
            today,
            credits: vec![Credit { last_day: rules.last_day(today), left: WELCOME }],
            years: BTreeMap::new(),
            left_over: BTreeMap::new(),
            tier: rules.rank(0),
            review_days: Vec::new(),
            coffee_days: Vec::new(),
        }
    }

    /// Lets time pass to `now`, day by day, and tells whether anybody could have noticed.
    pub(crate) fn lives_on(&mut self, rules: &Rules, now: Timestamp) -> bool {
        let before = (self.tier, self.balance());
        let end = day_of(now);
        while self.today < end {
            self.today = self.today.tomorrow().unwrap();
            if (self.today.month(), self.today.day()) == (1, 1) {
                self.close(rules, self.today.year() - 1);
            }
        }
        self.drop_expired();
        self.tier = self.tier_now(rules);
        before != (self.tier, self.balance())
    }

    fn close(&mut self, rules: &Rules, year: i16) {
        let reached = rules.rank(self.years.get(&year).copied().unwrap_or_default());
        let had = reached.max(self.left_over.get(&year).copied().unwrap_or_default());
        let left_over = match rules.downgrade {
            "to_qualified" => reached,
            "one_level" => reached.max(had.saturating_sub(1)),
            "never" => had,
            other => panic!("{other}"),
        };
        self.left_over.insert(year + 1, left_over);
    }

    fn drop_expired(&mut self) {
        let today = self.today;
        self.credits.retain(|credit| credit.last_day >= today && credit.left > 0);
    }

    fn tier_now(&self, rules: &Rules) -> usize {
        let year = self.today.year();
        let of = |year: i16| self.left_over.get(&year).copied().unwrap_or_default();
        let grace = if self.today.day_of_year() <= rules.grace_days { of(year - 1) } else { 0 };
        rules.rank(self.years.get(&year).copied().unwrap_or_default()).max(of(year)).max(grace)
    }

    fn is_too_late(&self, day: Date) -> bool {
        let earliest = (0..BACKDATING_DAYS_MAX).fold(self.today, |day, _| day.yesterday().unwrap());
        day < earliest
    }

    fn credit(&mut self, rules: &Rules, day: Date, points: i64, qualifying: i64) {
        self.credits.push(Credit { last_day: rules.last_day(day), left: points });
        *self.years.entry(day.year()).or_default() += qualifying;
        if day.year() < self.today.year() {
            let reached = rules.rank(self.years[&day.year()]);
            let left_over = self.left_over.entry(day.year() + 1).or_default();
            *left_over = reached.max(*left_over);
        }
        self.drop_expired();
        self.tier = self.tier_now(rules);
    }

    /// What a purchase gives; `None` if it comes too late.
    pub(crate) fn buys(&mut self, rules: &Rules, day: Date, total: i64, app: bool) -> Option<i64> {
        if self.is_too_late(day) {
            return None;
        }
        let base = rules.rounded(total, rules.points, rules.per);
        let tier = rules.rounded(base, rules.percents[self.tier] - 100, 100);
        let promotion = if app { rules.rounded(base, rules.app_percent - 100, 100) } else { 0 };
        self.credit(rules, day, base + tier + promotion, base);
        Some(base + tier + promotion)
    }

    /// What a review gives; `None` if it comes too late.
    pub(crate) fn reviews(&mut self, rules: &Rules, day: Date) -> Option<i64> {
        if self.is_too_late(day) {
            return None;
        }
        if self.review_days.contains(&day) {
            return Some(0);
        }
        self.review_days.push(day);
        let tier = rules.rounded(REVIEW, rules.percents[self.tier] - 100, 100);
        self.credit(rules, day, REVIEW + tier, 0);
        Some(REVIEW + tier)
    }

    /// What a coffee costs, or why there is none.
    pub(crate) fn drinks(&mut self, rules: &Rules) -> Result<i64, &'static str> {
        let this_month = |day: &&Date| (day.year(), day.month()) == (self.today.year(), self.today.month());
        if self.coffee_days.iter().filter(this_month).count() >= COFFEES_A_MONTH {
            return Err("RewardLimitReached");
        }
        let cost = self.pays(rules.coffee)?;
        self.coffee_days.push(self.today);
        Ok(cost)
    }

    /// What money off costs at three points for two cents, or why there is none.
    pub(crate) fn gets_off(&mut self, cents: i64) -> Result<i64, &'static str> {
        self.pays((cents * 3 + 1) / 2)
    }

    fn pays(&mut self, cost: i64) -> Result<i64, &'static str> {
        if self.balance() < cost {
            return Err("InsufficientPoints");
        }
        self.credits.sort_by_key(|credit| credit.last_day);
        let mut due = cost;
        for credit in &mut self.credits {
            let paid = due.min(credit.left);
            credit.left -= paid;
            due -= paid;
        }
        self.credits.retain(|credit| credit.left > 0);
        Ok(cost)
    }

    pub(crate) fn balance(&self) -> i64 {
        self.credits.iter().map(|credit| credit.left).sum()
    }

    /// Compares the account and its ledger with these books, and each with itself.
    pub(crate) fn audit(&self, account: &Account, ledger: &[Sealed]) {
        let entries: Vec<&Entry> = ledger.iter().map(|sealed| &sealed.entry).collect();
        let mut balance = 0;
        for (entry, seq) in entries.iter().zip(1_u64..) {
            assert_eq!(entry.seq, seq, "a gap in the ledger");
            let [points, pending, spendable, held, owed] =
                [entry.points, entry.pending, entry.spendable, entry.held, entry.owed]
                    .map(regulars_domain::points::Points::get);
            assert_eq!(points, pending + spendable + held - owed, "{entry:?}");
            assert_eq!((pending, held, owed), (0, 0, 0), "nothing of this kind is in these histories");
            assert_eq!(spendable, entry.lots.iter().map(|change| change.1.get()).sum::<i64>(), "{entry:?}");
            balance += points;
            assert!(balance >= 0, "negative after {entry:?}");
            let given: i64 = entry.breakdown.iter().map(|line| line.given.get()).sum();
            match entry.kind {
                Kind::Enrollment | Kind::Accrual => assert!(points >= 0 && points == given, "{entry:?}"),
                Kind::Redemption | Kind::Expiry => assert!(points < 0 && given == 0, "{entry:?}"),
                Kind::TierChange => assert!(points == 0 && entry.tier_change.is_some(), "{entry:?}"),
            }
            assert!(entry.posted_at >= entries[0].posted_at);
        }
        assert_eq!(account.seq, u64::try_from(entries.len()).unwrap());
        assert_eq!(balance, self.balance(), "the sum of the entries is not what the books say");

        let mut lots = BTreeMap::new();
        for credit in &self.credits {
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
        let year = self.today.year();
        let counted =
            |year: i16| account.qualifying.get(&Date::constant(year, 1, 1)).map_or(0, |counted| counted.points);
        assert_eq!(counted(year), self.years.get(&year).copied().unwrap_or_default());
        if account.qualifying.contains_key(&Date::constant(year - 1, 1, 1)) {
            assert_eq!(counted(year - 1), self.years.get(&(year - 1)).copied().unwrap_or_default());
        }
        let oldest = account.qualifying.keys().next().map_or(year, |first| first.year());
        assert!(oldest >= year - 1, "an account that remembers {oldest} in {year} grows for ever");
    }
}
