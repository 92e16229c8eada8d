//! The auditor's books on a tier: amounts by year or by month, and what earlier ones secured.

use std::collections::BTreeMap;

use jiff::civil::Date;
use regulars_domain::account::Account;

use super::{Rules, later};

/// The period over which points count toward a tier.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Over {
    Year,
    Months(i32),
}

/// The number of past months for which late purchases and refunds change what they secured.
const OPEN_MONTHS: i32 = 7;

/// The books. Years have their number; months are counted from the beginning of our era.
#[derive(Clone, Debug, Default)]
pub(super) struct Ladder {
    counted: BTreeMap<i32, i64>,
    /// The level that an earlier year or month secured for this one.
    left_over: Vec<(i32, usize)>,
    given: Option<(usize, Date)>,
}

fn month(day: Date) -> i32 {
    i32::from(day.year()) * 12 + i32::from(day.month()) - 1
}

fn first_day(month: i32) -> Date {
    Date::new((month / 12).try_into().unwrap(), (month % 12 + 1).try_into().unwrap(), 1).unwrap()
}

impl Rules {
    pub(super) fn span_of(&self, day: Date) -> i32 {
        match self.over {
            Over::Year => day.year().into(),
            Over::Months(_) => month(day),
        }
    }

    /// Returns the last day of what was secured for a year or a month.
    fn last_of(&self, span: i32) -> Date {
        let next = match self.over {
            Over::Year => Date::new((span + 1).try_into().unwrap(), 1, 1).unwrap(),
            Over::Months(_) => first_day(span + 1),
        };
        later(next.yesterday().unwrap(), self.grace_days.into())
    }

    fn is_kept(&self, rank: usize) -> bool {
        self.downgrade == "never" || self.kept[rank]
    }
}

impl Ladder {
    fn rank_of(&self, rules: &Rules, span: i32) -> usize {
        let first = match rules.over {
            Over::Year => span,
            Over::Months(months) => span - months,
        };
        rules.rank((first..=span).filter_map(|span| self.counted.get(&span)).sum())
    }

    fn left_for(&self, rules: &Rules, span: i32) -> usize {
        let holds = |(of, rank): &(i32, usize)| {
            *of == span || (matches!(rules.over, Over::Months(_)) && *of < span && rules.is_kept(*rank))
        };
        self.left_over.iter().filter(|left| holds(left)).map(|(_, rank)| *rank).max().unwrap_or_default()
    }

    fn close(&mut self, rules: &Rules, span: i32) {
        let reached = self.rank_of(rules, span);
        let had = reached.max(self.left_for(rules, span));
        let lowered = match (rules.downgrade, rules.over) {
            ("to_qualified", Over::Year) => reached,
            ("to_qualified", Over::Months(_)) => 0,
            ("one_level", _) => had.saturating_sub(1),
            ("never", _) => had,
            (other, _) => panic!("{other}"),
        };
        let kept = (0..=had).rev().find(|rank| rules.is_kept(*rank)).unwrap_or_default();
        let left = match rules.over {
            Over::Year => lowered.max(kept).max(reached),
            Over::Months(_) => lowered.max(kept),
        };
        let had_anyway = match rules.over {
            Over::Year => self.left_for(rules, span + 1),
            Over::Months(_) => self.left_for(rules, span + 1).max(self.rank_of(rules, span + 1)),
        };
        if left > had_anyway {
            self.left_over.push((span + 1, left));
        }
    }

    pub(super) fn begins(&mut self, rules: &Rules, today: Date) {
        let yesterday = today.yesterday().unwrap();
        if rules.span_of(yesterday) < rules.span_of(today) {
            self.close(rules, rules.span_of(yesterday));
        }
        self.given = self.given.filter(|(_, until)| *until >= today);
    }

    pub(super) fn counts(&mut self, rules: &Rules, day: Date, points: i64, today: Date) {
        let (span, now) = (rules.span_of(day), rules.span_of(today));
        *self.counted.entry(span).or_default() += points;
        match rules.over {
            Over::Year if span < now => {
                let reached = self.rank_of(rules, span);
                if reached > self.left_for(rules, span + 1) {
                    self.left_over.push((span + 1, reached));
                }
            }
            Over::Year => {}
            Over::Months(_) => (span.max(now - OPEN_MONTHS)..now).for_each(|month| self.close(rules, month)),
        }
    }

    pub(super) fn uncounts(&mut self, rules: &Rules, span: i32, points: i64, today: Date) {
        let now = rules.span_of(today);
        let before = self.rank_of(rules, span);
        let Some(counted) = self.counted.get_mut(&span) else { return };
        *counted -= points;
        let first = match rules.over {
            Over::Year if self.rank_of(rules, span) < before && span == now - 1 => span,
            Over::Year => return,
            Over::Months(_) => span.max(now - OPEN_MONTHS),
        };
        for span in first..now {
            self.left_over.retain(|(of, _)| *of != span + 1);
            self.close(rules, span);
        }
    }

    pub(super) fn gives(&mut self, given: Option<(usize, Date)>) {
        self.given = given;
    }

    pub(super) fn rank(&self, rules: &Rules, today: Date) -> usize {
        let now = rules.span_of(today);
        let in_grace = |span: &i32| rules.last_of(*span) >= today;
        let left = self.left_over.iter().filter(|(of, rank)| match rules.over {
            Over::Year => in_grace(of),
            Over::Months(_) => in_grace(of) || rules.is_kept(*rank),
        });
        let left = left.map(|(_, rank)| *rank);
        let lately = match rules.over {
            Over::Year => now..now,
            Over::Months(_) => now - 6..now,
        };
        let lately = lately.filter(in_grace).map(|span| self.rank_of(rules, span));
        let given = self.given.filter(|(_, until)| *until >= today).map(|(rank, _)| rank);
        left.chain(lately).chain(given).chain([self.rank_of(rules, now)]).max().unwrap()
    }

    /// Drops what is too old to matter.
    pub(super) fn forgets(&mut self, rules: &Rules, today: Date) {
        if let Over::Months(months) = rules.over {
            let open = month(today) - OPEN_MONTHS;
            self.counted.retain(|month, _| *month >= open - months);
            self.left_over.retain(|(of, rank)| *of >= open || rules.is_kept(*rank));
        }
    }

    pub(super) fn audit(&self, rules: &Rules, account: &Account, today: Date) {
        let now = rules.span_of(today);
        let (first, oldest, day_of): (i32, i32, fn(i32) -> Date) = match rules.over {
            Over::Year => (now, now - 1, |year| Date::new(year.try_into().unwrap(), 1, 1).unwrap()),
            Over::Months(months) => (now - months, now - months - OPEN_MONTHS, first_day),
        };
        for span in first..=now {
            let counted = account.qualifying.get(&day_of(span)).map_or(0, |counted| counted.points);
            assert_eq!(counted, self.counted.get(&span).copied().unwrap_or_default(), "in {}", day_of(span));
        }
        for (bucket, counted) in &account.qualifying {
            let span = rules.span_of(*bucket);
            assert!(span >= oldest, "an account that remembers {bucket} on {today} grows for ever");
            assert_eq!(counted.points, self.counted.get(&span).copied().unwrap_or_default(), "in {bucket}");
        }
    }
}
