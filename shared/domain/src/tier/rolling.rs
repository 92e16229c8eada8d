//! Tiers over a rolling window of months: what is computed from the months, and the few facts that are stored.
//!
//! What a month's window reached is computed whenever it is needed, for as far back as days of grace and late refunds
//! can matter. Only what cannot be computed is stored as secured: a level on its way down one step a month, and one
//! that is never lost.

use jiff::civil::Date;

use crate::{
    rules::{
        program::{Downgrade, PeriodRule, Tiers},
        versions::Rules,
    },
    state::{
        account::{Account, Secured},
        qualifying::Qualifying,
    },
    tier::{
        promised,
        rank::{Lasting, free_rank, reached_rank},
    },
    values::calendar::{days_after, months_after},
};

/// The number of past months whose windows can still be computed. Days of grace reach back into six of them, and the
/// first step down after those begins with the one before. A later refund deducts nothing that a level has secured.
pub(super) const MONTHS_TOLD: i32 = 7;

/// The tiers of a program with a rolling window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rolling<'p> {
    pub(crate) tiers: &'p Tiers,
    pub(crate) months: i32,
    /// The first day with these tiers. Months that ended before were closed under other rules.
    pub(crate) since: Date,
}

impl<'p> Rolling<'p> {
    /// Returns the window, if the periods of `rules` are rolling months.
    pub(super) fn of(rules: Rules<'p>) -> Option<Self> {
        let tiers = rules.tiers()?;
        match tiers.period {
            PeriodRule::RollingMonths(months) => Some(Self { tiers, months, since: rules.tiers_since() }),
            PeriodRule::CalendarYear | PeriodRule::MembershipYear | PeriodRule::Lifetime => None,
        }
    }

    /// Returns the first and the last day of what counts in the month of `date`.
    pub(super) fn span(self, date: Date) -> (Date, Date) {
        let month = date.first_of_month();
        (months_after(month, self.months.saturating_neg()), month.last_of_month())
    }

    /// Returns what counts on the last day of the month of `date`, as known today.
    pub(crate) fn window(self, account: &Account, date: Date) -> Qualifying {
        let (first, last) = self.span(date);
        account.qualifying.range(first..=last).fold(Qualifying::default(), |sum, (_, amount)| sum.plus(*amount))
    }

    fn reached(self, account: &Account, date: Date) -> Option<usize> {
        reached_rank(self.tiers, &self.window(account, date))
    }

    fn with_grace(self, last: Date) -> Date {
        days_after(last, self.tiers.grace_days)
    }

    /// Returns the last day, including grace, for which today's amounts reach `rank` without additions.
    pub(crate) fn lasts_until(self, account: &Account, today: Date, rank: usize) -> Date {
        let months = (0..=self.months).rev().map(|ahead| months_after(today.first_of_month(), ahead));
        let last = months.into_iter().find(|month| self.reached(account, *month) >= Some(rank));
        self.with_grace(last.unwrap_or(today).last_of_month())
    }

    /// Returns the last day on which all amounts of today still count; `None` if nothing counts.
    pub(crate) fn whole_until(self, account: &Account, today: Date) -> Option<Date> {
        let first = months_after(today.first_of_month(), self.months.saturating_neg());
        let (oldest, _) = account.qualifying.range(first..).next()?;
        Some(months_after(oldest.first_of_month(), self.months).last_of_month())
    }

    /// Returns the levels that months before that of `today` still give: those that their windows reached, during
    /// grace, and those that were kept from them.
    pub(crate) fn secured(self, account: &Account, today: Date) -> impl Iterator<Item = Lasting> {
        let over = (1..MONTHS_TOLD).filter_map(move |ago| {
            let month = months_after(today.first_of_month(), ago.saturating_neg());
            let rank = self.reached(account, month).filter(|_| month.last_of_month() >= self.since)?;
            Some(Lasting { rank, until: Some(self.with_grace(month.last_of_month())) })
        });
        let kept = account.secured.iter().filter_map(move |secured| {
            let rank = self.tiers.rank(&secured.tier)?;
            let until = Some(self.with_grace(secured.through));
            Some(Lasting { rank, until: until.filter(|_| !self.tiers.is_kept(rank)) })
        });
        over.chain(kept).filter(move |lasting| lasting.until.is_none_or(|until| until >= today))
    }

    /// Returns the level of the month that ends on `last`: what its window reached, or what was kept through it.
    fn level_of(self, account: &Account, last: Date) -> Option<usize> {
        self.kept_through(account, last).max(self.reached(account, last))
    }

    /// Returns the level that is kept after a month of `level`, if the next one does not reach it by itself.
    fn softened(self, level: Option<usize>) -> Option<usize> {
        let softened = match self.tiers.downgrade {
            Downgrade::ToQualified => None,
            Downgrade::OneLevel => level.and_then(|rank| rank.checked_sub(1)),
            Downgrade::Never => level,
        };
        softened.max(level.and_then(|rank| self.tiers.kept_rank(rank)))
    }

    fn kept_through(self, account: &Account, last: Date) -> Option<usize> {
        let kept = account.secured.iter().filter_map(|secured| {
            let rank = self.tiers.rank(&secured.tier)?;
            let is_kept = self.tiers.is_kept(rank) && secured.through < last;
            (secured.through == last || is_kept).then_some(rank)
        });
        kept.max()
    }

    /// Closes the month that ends on `last`. It secures for the next month what that month's window does not reach and
    /// the program does not drop at once.
    pub(crate) fn close(self, account: &mut Account, last: Date) {
        let through = days_after(last, 1).last_of_month();
        let kept = self.softened(self.level_of(account, last));
        let had_anyway =
            self.reached(account, through).max(self.kept_through(account, through)).max(free_rank(self.tiers));
        if kept > had_anyway
            && let Some(level) = kept.and_then(|rank| self.tiers.levels.get(rank))
        {
            account.secured.push(Secured { tier: level.id.clone(), through });
        }
        // A promise of earlier rules steps down, or is never lost, like a level of these rules. It does so only at its
        // end, so it does not matter whether earlier months were closed one by one.
        let promised = promised::held(self.tiers, account, last).filter(|_| last >= self.since);
        if let Some((rank, version)) = promised {
            let kept_too = self.softened(Some(rank));
            let lasts = promised::held(self.tiers, account, through).map(|(rank, _)| rank);
            if kept_too > had_anyway.max(kept).max(lasts) {
                promised::prolong(self.tiers, account, kept_too, version, self.with_grace(through));
            }
        }
    }

    /// Computes again what is kept from the month of `bucket` on, after a late addition.
    pub(crate) fn raise(self, account: &mut Account, bucket: Date) {
        self.close_again(account, bucket, |_, _| {});
    }

    /// Computes again what is kept from the month of `bucket` on, after a deduction.
    pub(crate) fn lower(self, account: &mut Account, bucket: Date) {
        self.close_again(account, bucket, |account, through| account.secured.retain(|kept| kept.through != through));
    }

    fn close_again(self, account: &mut Account, bucket: Date, prepare: impl Fn(&mut Account, Date)) {
        let current = account.settled_on.first_of_month();
        let earliest = months_after(current, MONTHS_TOLD.saturating_neg()).max(self.since);
        let mut month = bucket.max(earliest).first_of_month();
        while month < current {
            let next = months_after(month, 1);
            prepare(account, next.last_of_month());
            self.close(account, month.last_of_month());
            month = next;
        }
    }

    /// Returns the days on which today's amounts, or what is kept, may give less, or on which amounts begin to count.
    pub(crate) fn changes(self, account: &Account) -> impl Iterator<Item = Date> {
        let leaves = move |bucket: &Date| months_after(bucket.first_of_month(), self.months.saturating_add(1));
        let left = account.qualifying.keys().map(leaves);
        let stepped = account.secured.iter().map(|secured| days_after(secured.through, 1));
        let ended = left.chain(stepped).flat_map(move |day| [day, self.with_grace(day)]);
        ended.chain(account.qualifying.keys().copied())
    }

    /// Returns the first month whose amounts can still matter.
    pub(crate) fn counts_from(self, account: &Account) -> Date {
        months_after(told_from(account), self.months.saturating_neg())
    }

    /// Drops what was kept for months that are too old to matter.
    pub(crate) fn forget(self, account: &mut Account) {
        let told = told_from(account);
        let is_kept = |secured: &Secured| self.tiers.rank(&secured.tier).is_some_and(|rank| self.tiers.is_kept(rank));
        account.secured.retain(|secured| secured.through >= told || is_kept(secured));
    }
}

/// Returns the first month whose window can still be computed.
fn told_from(account: &Account) -> Date {
    months_after(account.settled_on.first_of_month(), MONTHS_TOLD.saturating_neg())
}
