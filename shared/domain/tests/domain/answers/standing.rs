//! Compares the answers about a tier with the future: `until`, the next review, and `next` and `keep` by buying exactly the missing amount
//! and one less, on the first and on the last day.

use jiff::{SignedDuration, Timestamp, civil::Date};
use regulars_domain::{
    adjust::Adjust,
    calendar::days_after,
    id::LevelId,
    points::Points,
    program::{Basis, BasisUnit},
    qualifying::Qualifying,
    settle::Settled,
    tier::Missing,
};
use serde_json::json;

use crate::{
    lives::Life,
    world::{Member, purchase},
};

/// A member at an instant, with different futures of copies.
struct Future<'l> {
    life: &'l Life,
    member: &'l Member,
}

pub(super) fn check(life: &Life, member: &Member) {
    check_next_tier(&Future { life, member });
    // Points of future birthdays count toward tiers, and these answers do not include them.
    let mut member = member.clone();
    member.account.attributes.clear();
    check_standing(&Future { life, member: &member });
}

fn check_next_tier(future: &Future<'_>) {
    let settled = future.settled();
    let rank = |tier: Option<&LevelId>| future.life.rank(tier.map(LevelId::as_str));
    let now = rank(settled.account().tier.as_ref());
    let Some((on, next)) = settled.next_tier() else { return future.assert_stays(now) };
    assert_eq!(future.idle(future.end_of(days_after(on, -1))), now, "before {on}, the next review that changes it");
    assert_eq!(future.idle(future.life.start_of(on)), rank(next.as_ref()), "on {on}, the next review that changes it");
}

fn check_standing(future: &Future<'_>) {
    let (life, settled) = (future.life, future.settled());
    let standing = settled.standing().unwrap();
    let rank = life.rank(standing.level.map(|level| level.id.as_str()));
    assert_eq!(rank, life.rank(settled.account().tier.as_ref().map(LevelId::as_str)), "the tier of the account");
    match standing.until {
        Some(until) => {
            assert!(future.idle(future.end_of(until)) >= rank, "until {until}");
            assert!(future.idle(life.start_of(days_after(until, 1))) < rank, "the day after {until}");
        }
        None => future.assert_stays(rank),
    }
    if let Some(next) = &standing.next {
        let by = next.by.unwrap_or_else(|| days_after(life.today(), 200));
        for day in [life.today(), by] {
            let end = future.end_of(day);
            let message = format!("{next:?}, bought on {day}");
            future.check_bought(next, day, end, life.rank(Some(next.level.id.as_str())), &message);
        }
    }
    let (Some(keep), Some(until)) = (&standing.keep, standing.until) else {
        return assert_eq!(standing.keep, None, "there is no end to keep it beyond");
    };
    let after = life.start_of(days_after(until, 1));
    let by = keep.by.unwrap();
    assert!(life.today() <= keep.from && keep.from <= by && by <= until, "{keep:?} until {until}");
    for day in [keep.from, by] {
        let message = format!("{keep:?} until {until}, bought on {day}");
        future.check_bought(keep, day, after, rank, &message);
    }
    if keep.from > life.today() && future.falls_at_once() && future.idle(after) < rank {
        let sooner = days_after(keep.from, -1);
        let full = full(keep).into_iter().next().unwrap();
        assert!(future.after(full, sooner, after) < rank, "too soon, on {sooner}: {keep:?} until {until}");
    }
}

impl Life {
    /// Returns the rank of a level, counted from 1; 0 for none.
    fn rank(&self, level: Option<&str>) -> usize {
        let levels = &self.rulebook.tiers.as_ref().unwrap().levels;
        level.map_or(0, |level| levels.iter().position(|known| known.id.as_str() == level).unwrap() + 1)
    }

    fn rank_of(&self, member: &mut Member, now: Timestamp) -> usize {
        let settled = member.settled(&self.rulebook, now);
        self.rank(settled.account().tier.as_ref().map(LevelId::as_str))
    }
}

/// Returns the amounts that are enough: with the basis `any`, each kind alone.
fn full(missing: &Missing<'_>) -> Vec<Qualifying> {
    match missing.basis {
        Basis::One(_) | Basis::All(_) => vec![amounts(&missing.amounts)],
        Basis::Any(_) => missing.amounts.iter().map(|amount| amounts(&[*amount])).collect(),
    }
}

/// Returns amounts that are one less than enough: with the basis `all`, one less of each kind alone.
fn one_less(missing: &Missing<'_>) -> Vec<Qualifying> {
    let less = |(unit, amount): &(BasisUnit, i64)| (*unit, (amount - 1).max(0));
    match missing.basis {
        Basis::One(_) | Basis::Any(_) => vec![amounts(&missing.amounts.iter().map(less).collect::<Vec<_>>())],
        Basis::All(_) => {
            let needed = missing.amounts.iter().filter(|(_, amount)| *amount > 0);
            let but = |lessened: &(BasisUnit, i64)| {
                let all = missing.amounts.iter();
                let all = all.map(|amount| if amount == lessened { less(amount) } else { *amount });
                amounts(&all.collect::<Vec<_>>())
            };
            needed.map(but).collect()
        }
    }
}

fn amounts(amounts: &[(BasisUnit, i64)]) -> Qualifying {
    let of = |wanted: BasisUnit| amounts.iter().filter(|(unit, _)| *unit == wanted).map(|(_, amount)| *amount).sum();
    Qualifying { points: of(BasisUnit::Points), spend: of(BasisUnit::Spend), visits: of(BasisUnit::Visits) }
}

impl<'l> Future<'l> {
    fn settled(&self) -> Settled<'l> {
        self.member.clone().settled(&self.life.rulebook, self.life.now)
    }

    /// Asserts that the rank is never below this one if only time passes.
    fn assert_stays(&self, rank: usize) {
        for days in [1, 40, 366, 800] {
            let then = days_after(self.life.today(), days);
            assert!(self.idle(self.end_of(then)) >= rank, "it does not end by itself, and is lower on {then}");
        }
    }

    /// Returns the last second of a day, or the current instant if that is later.
    fn end_of(&self, day: Date) -> Timestamp {
        let second = SignedDuration::from_secs(1);
        self.life.start_of(days_after(day, 1)).checked_sub(second).unwrap().max(self.life.now)
    }

    /// Returns the rank at `then` if only time passes.
    fn idle(&self, then: Timestamp) -> usize {
        self.life.rank_of(&mut self.member.clone(), then)
    }

    /// Returns the rank at `then` if `amount` is added on `day`.
    fn after(&self, amount: Qualifying, day: Date, then: Timestamp) -> usize {
        let mut member = self.member.clone();
        let now = self.end_of(day);
        match self.bought(amount) {
            Some(purchases) => {
                for (n, cents) in purchases.into_iter().enumerate() {
                    let occasion = purchase(&now.to_string(), json!(cents));
                    member.earns_at(&self.life.rulebook, now, &format!("more-{n}"), &occasion).unwrap();
                }
            }
            None if amount.is_zero() => {}
            None => {
                let reason = "bought".parse().unwrap();
                let wish = Adjust { points: Points::ZERO, expires_on: None, qualifying: amount, reason, note: None };
                member.adjusts_by(&self.life.rulebook, now, "more", &wish).unwrap();
            }
        }
        self.life.rank_of(&mut member, then)
    }

    /// The purchases that count exactly `amount`; `None` where an operator has to count it: several kinds of amount together, points
    /// under a cap, and what would have to be confirmed.
    fn bought(&self, amount: Qualifying) -> Option<Vec<i64>> {
        let look = &self.life.look;
        if look.points.pending.is_object() {
            return None;
        }
        match look.tiers.basis.as_str()? {
            "points" if look.has[1] => None,
            "points" => Some(vec![(amount.points * 100 + look.points.rate - 1) / look.points.rate]),
            "spend" => Some(vec![amount.spend]),
            _ => Some(vec![1; usize::try_from(amount.visits).unwrap()]),
        }
    }

    /// Returns whether a level that ends falls at once to the level of the current rules: not by steps, and not to an earlier version's
    /// promise, which is evaluated again after a lapse.
    fn falls_at_once(&self) -> bool {
        let (tiers, settled) = (&self.life.look.tiers, self.settled());
        let account = settled.account();
        let is_judged_again = !account.promised.is_empty() && !account.pending.unconfirmed().is_empty();
        tiers.downgrade == "to_qualified" && !tiers.is_gold_kept && !is_judged_again
    }

    fn check_bought(&self, missing: &Missing<'_>, day: Date, then: Timestamp, rank: usize, message: &str) {
        assert!(missing.amounts.iter().any(|(_, amount)| *amount > 0), "nothing is missing: {message}");
        for amount in full(missing) {
            assert!(self.after(amount, day, then) >= rank, "{amount:?} is not enough: {message}");
        }
        // If levels fall by steps, or another ground gives the level by then, less may be enough.
        if self.falls_at_once() && self.idle(then) < rank {
            for amount in one_less(missing) {
                assert!(self.after(amount, day, then) < rank, "{amount:?}, one less, is enough: {message}");
            }
        }
    }
}
