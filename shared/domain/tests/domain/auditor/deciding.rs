//! The result of each command, or why it is refused.

use jiff::{Timestamp, civil::Date};

use super::{
    Auditor, COFFEES_A_MONTH, Credit, Fate, Gift, REVIEW, Rules, Spending, Timeline, Wait, Wanted, day_of, later,
    unsure::Unsure,
};

impl Gift {
    /// Returns the kind of activity.
    fn kind(&self) -> &'static str {
        if self.attempt.is_some() { "purchase" } else { "activity" }
    }

    /// Returns whether anything of it is left.
    fn is_left(&self) -> bool {
        !self.undone && (self.attempt.is_none() || self.refunded < self.paid)
    }

    /// Returns what a purchase counts now.
    fn counts(&self, rules: &Rules) -> Unsure {
        let paid = if self.undone { 0 } else { self.paid - self.refunded };
        let counted = [self.qualifying, paid, i64::from(self.attempt.is_some() && !self.undone)];
        Unsure::of(rules.span_of(self.day), counted, paid)
    }
}

impl Auditor {
    /// Gives points, now or later, and counts them toward a tier. `then` are the rules of the day on which it happened.
    fn give(&mut self, (then, rules): (&Rules, &Rules), key: &str, mut gift: Gift) {
        let points: i64 = gift.lines.iter().sum();
        let day = gift.day;
        gift.posted_on = self.today;
        let (ready_on, waits) = match then.wait {
            Wait::No => (day, None),
            Wait::Days(days) => {
                let day = later(day, days);
                let last_day = then.last_day_of(day, gift.day, self.today);
                (day, Some(Wanted::Day(day, last_day)).filter(|_| day > self.today))
            }
            // An accrual can be confirmed once it is posted, so its days count from today.
            Wait::Confirmation(days) => (day, Some(Wanted::Confirmation(later(self.today, days)))),
        };
        let until = match waits {
            Some(Wanted::Confirmation(last)) if gift.attempt.is_some() || points > 0 => Some(last),
            Some(Wanted::Confirmation(_) | Wanted::Day(..)) | None => None,
        };
        gift.until = until;
        if gift.attempt.is_none() || gift.paid > 0 {
            self.is_active(then, gift.kind(), day, until);
        }
        if let Some(wanted) = waits.filter(|_| points > 0) {
            gift.waits = waits;
            *self.queues.entry(wanted).or_insert(0) += points;
        } else {
            let left = self.after_debts(points);
            let last_day = self.credit(then.last_day_of(ready_on, day, self.today), left);
            gift.last_day = Some(last_day).filter(|_| left > 0);
        }
        if gift.attempt.is_some() {
            self.shop.paid += gift.paid;
            self.shop.purchases += 1;
            if let Some(Wanted::Confirmation(last)) = waits {
                // A purchase without points waits too.
                gift.waits = waits;
                self.shop.waits(last, gift.counts(rules));
            }
        }
        self.make_room();
        if gift.attempt.is_some() {
            self.ladder.counts(rules, day, gift.qualifying, self.today);
        }
        self.gifts.insert(key.to_owned(), gift);
        self.drop_expired();
        self.tier = self.tier_now(rules);
    }

    /// Returns the points of a purchase, or why there are none.
    pub(crate) fn buys(
        &mut self,
        timeline: &Timeline,
        key: &str,
        moment: Timestamp,
        total: i64,
        app: bool,
    ) -> Result<i64, &'static str> {
        let (day, version) = (day_of(moment), timeline.version_at(moment));
        let (then, rules) = (timeline.version(version), timeline.version(self.version));
        if self.is_too_late(day) {
            return Err("OccurredAtOutOfRange");
        }
        let attempt = self.tally.counts(then.dare, day);
        let plan = self.membership.offer().map_or(100, |offer| offer.percent);
        let promotion = if app { then.app_percent } else { 100 };
        let lines = vec![0, 0, 0, 0, attempt.points];
        let mut gift = Gift {
            attempt: Some(attempt),
            percents: [then.percents[self.tier], plan, promotion],
            ..Gift::new(version, day, total, lines, 0)
        };
        gift.becomes(then, total);
        let points = gift.points();
        self.give((then, rules), key, gift);
        Ok(points)
    }

    /// Returns the points of a review, or why there are none.
    pub(crate) fn reviews(&mut self, timeline: &Timeline, key: &str, moment: Timestamp) -> Result<i64, &'static str> {
        let (day, version) = (day_of(moment), timeline.version_at(moment));
        let (then, rules) = (timeline.version(version), timeline.version(self.version));
        if self.is_too_late(day) {
            return Err("OccurredAtOutOfRange");
        }
        if self.review_days.contains(&day) {
            self.give((then, rules), key, Gift::new(version, day, 0, Vec::new(), 0));
            return Ok(0);
        }
        self.review_days.push(day);
        let tier = then.rounded(REVIEW, then.percents[self.tier] - 100, 100);
        let plan = self.for_plan(then, REVIEW);
        let gift = Gift { is_review: true, ..Gift::new(version, day, 0, vec![REVIEW, tier, plan], 0) };
        self.give((then, rules), key, gift);
        Ok(REVIEW + tier + plan)
    }

    /// Returns the points of the plan on top of the base.
    fn for_plan(&self, rules: &Rules, base: i64) -> i64 {
        self.membership.offer().map_or(0, |offer| rules.rounded(base, offer.percent - 100, 100))
    }

    pub(crate) fn pays_for(
        &mut self,
        rules: &Rules,
        key: &str,
        plan: usize,
        replaces: bool,
    ) -> Result<i64, &'static str> {
        self.membership.pays(rules, (key, plan, replaces), self.today)?;
        self.is_active(rules, "plan", self.today, None);
        self.tier = self.tier_now(rules);
        Ok(0)
    }

    /// Returns the key of one of the payments for plans.
    pub(crate) fn payment(&self, which: usize) -> Option<String> {
        self.membership.payment(which)
    }

    pub(crate) fn takes_payment_back(&mut self, rules: &Rules, key: &str) -> Result<i64, &'static str> {
        self.membership.reverses(key)?;
        self.tier = self.tier_now(rules);
        Ok(0)
    }

    pub(crate) fn ends_plan(&mut self, rules: &Rules) {
        self.membership.ends();
        self.tier = self.tier_now(rules);
    }

    pub(crate) fn tastes(&mut self, rules: &Rules) -> Result<i64, &'static str> {
        let done = self.membership.tastes(rules, self.tier, self.today)?;
        self.is_active(rules, "entitlement", self.today, None);
        Ok(done)
    }

    pub(crate) fn confirms(&mut self, timeline: &Timeline, key: &str) -> Result<i64, &'static str> {
        let today = self.today;
        let gift = self.gifts[key].clone();
        let mut counted = false;
        let waiting = match gift.waits.filter(|_| gift.confirmed_on.is_none()) {
            Some(wanted @ Wanted::Confirmation(last)) if last >= today => {
                let counts = gift.counts(timeline.version(self.version));
                counted = self.shop.takes(last, &counts);
                // Less than nothing is left if a later purchase had used its step.
                self.unqueue(wanted, gift.points().max(0))
            }
            Some(Wanted::Day(..) | Wanted::Confirmation(_)) | None => 0,
        };
        if waiting == 0 && !counted {
            return Err("NotPending");
        }
        if gift.is_left()
            && let Some(until) = gift.until
        {
            self.was_active(timeline.version(gift.version), gift.kind(), gift.day, until);
        }
        self.gifts.get_mut(key).unwrap().confirmed_on = Some(today);
        let left = self.after_debts(waiting);
        self.credit(timeline.version(gift.version).last_day_of(today, gift.day, gift.posted_on), left);
        self.make_room();
        self.drop_expired();
        Ok(0)
    }

    /// Returns what a refund of a total deducts; without a total, everything.
    pub(crate) fn refunds(&mut self, timeline: &Timeline, key: &str, total: Option<i64>) -> Result<i64, &'static str> {
        let mut gift = self.gifts[key].clone();
        let (then, rules) = (timeline.version(gift.version), timeline.version(self.version));
        let undoes = total.is_none_or(|total| total == gift.paid && total > 0);
        let total = total.unwrap_or(gift.paid);
        if total > gift.paid {
            return Err("ExceedsAccrual");
        }
        let before = gift.clone();
        gift.refunded = gift.refunded.max(total);
        gift.undone |= undoes;
        if gift.undone && !before.undone {
            gift.lines[..].iter_mut().take(4).for_each(|line| *line = 0);
            gift.qualifying = 0;
            if let Some(attempt) = &gift.attempt {
                let own_only = rules.dare.is_none();
                gift.lines[4] += self.tally.undoes(then.dare, attempt, gift.day, self.earliest(), own_only);
            }
        } else if !gift.undone && gift.attempt.is_some() {
            gift.becomes(then, gift.paid - gift.refunded);
        }
        let to_take = before.points() - gift.points();
        let is_lapsed =
            matches!(gift.waits, Some(Wanted::Confirmation(last)) if last < self.today && gift.confirmed_on.is_none());
        if before.is_left() && !gift.is_left() && !is_lapsed {
            let until = gift.until.filter(|_| gift.confirmed_on.is_none());
            self.was_not_active(then, gift.kind(), gift.day, until);
        }
        let mut due = if is_lapsed { 0 } else { to_take };
        let waits = gift.waits.filter(|_| gift.confirmed_on.is_none());
        let own = before.points().max(0);
        let from_waiting = waits.map_or(0, |waits| self.unqueue(waits, due.min(own)));
        due -= from_waiting;
        // Pending points went to the lot of their day.
        let own = match (gift.waits, gift.confirmed_on) {
            (None, _) => gift.last_day,
            (Some(_), Some(day)) => Some(then.last_day_of(day, gift.day, gift.posted_on)),
            (Some(Wanted::Day(_, last_day)), None) => Some(last_day),
            (Some(Wanted::Confirmation(_)), None) => None,
        };
        // Or the lot was merged into the next one.
        let own = own.and_then(|own| {
            let days = self.credits.iter().filter(|credit| credit.left > 0).map(|credit| credit.last_day);
            days.filter(|day| *day >= own).min()
        });
        let available = |credits: &[Credit], own: Date| {
            credits.iter().filter(|credit| credit.last_day == own).map(|credit| credit.left).sum::<i64>()
        };
        let from_own = own.map_or(0, |own| due.min(available(&self.credits, own)));
        // Its own points come before extended ones.
        self.credits.sort_by_key(|credit| (Some(credit.last_day) != own, credit.last_day, credit.was));
        let from_others = (due - from_own).min(self.spendable() - from_own);
        self.take_in_order(from_own + from_others);
        due -= from_own + from_others;
        let owed = if then.owe { due } else { 0 };
        self.owed += owed;
        if gift.undone && !before.undone && gift.is_review {
            self.review_days.retain(|day| *day != gift.day);
        }
        if gift.attempt.is_some() && (gift.refunded, gift.undone) != (before.refunded, before.undone) && !is_lapsed {
            let points = before.qualifying - gift.qualifying;
            self.ladder.uncounts(rules, rules.span_of(gift.day), points, self.today);
            let paid = gift.refunded - before.refunded;
            let visits = i64::from(gift.undone) - i64::from(before.undone);
            self.shop.paid -= paid;
            self.shop.purchases -= visits;
            if let Some(Wanted::Confirmation(last)) = waits {
                self.shop.takes(last, &Unsure::of(rules.span_of(gift.day), [points, paid, visits], paid));
            }
        }
        self.drop_expired();
        self.tier = self.tier_now(rules);
        self.gifts.insert(key.to_owned(), gift);
        Ok(-(from_waiting + from_own + from_others + owed))
    }

    /// Sets a minimum tier until a day, or removes it.
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

    /// Returns the cost of a coffee, or why there is none; and until when it is held, if so.
    pub(crate) fn drinks(&mut self, rules: &Rules, key: &str, until: Option<Timestamp>) -> Result<i64, &'static str> {
        let this_month = |day: &&Date| (day.year(), day.month()) == (self.today.year(), self.today.month());
        if self.coffee_days.iter().filter(this_month).count() >= COFFEES_A_MONTH {
            return Err("RewardLimitReached");
        }
        self.spends(rules, key, rules.coffee, true, until)?;
        self.coffee_days.push(self.today);
        Ok(-rules.coffee)
    }

    /// Returns the cost of money off at three points for two cents, or why there is none; and until when it is held, if
    /// so.
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
        if until.is_none() {
            self.is_active(rules, "redemption", self.today, None);
        }
        let taken = self.pays(cost)?;
        let fate = until.map_or(Fate::Captured(cost), Fate::Held);
        let (day, version) = (self.today, self.version);
        self.spendings.insert(key.to_owned(), Spending { day, is_coffee, version, kept: taken.clone(), taken, fate });
        Ok(())
    }

    fn check_held(&self, key: &str) -> Result<(), &'static str> {
        match self.spendings[key].fate {
            Fate::Held(_) => Ok(()),
            Fate::Expired => Err("HoldExpired"),
            Fate::Captured(_) | Fate::Cancelled | Fate::Undone => Err("NotHeld"),
        }
    }

    pub(crate) fn captures(&mut self, timeline: &Timeline, key: &str, points: i64) -> Result<i64, &'static str> {
        self.check_held(key)?;
        let spending = &self.spendings[key];
        let (day, rest) = (spending.day, spending.points() - points);
        if points <= 0 || rest < 0 {
            return Err("MoreThanHeld");
        }
        self.is_active(timeline.version(spending.version), "redemption", day, None);
        let spending = self.spendings.get_mut(key).unwrap();
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

    /// Returns what a reversal returns: everything that is still spent, without `points`.
    pub(crate) fn undoes(&mut self, key: &str, points: Option<i64>) -> Result<i64, &'static str> {
        let mut spending = self.spendings[key].clone();
        let Fate::Captured(spent) = spending.fate else { return Err("NotHeld") };
        let back = points.unwrap_or(spent);
        if points.is_some_and(|points| points <= 0) || back > spent {
            return Err("MoreThanSpent");
        }
        // Of the held points, those that expire first were spent; of those, the first stay spent.
        let (mut stays, mut due) = (spent - back, spent);
        for (_, part) in &mut spending.taken {
            let of_spent = due.min(*part);
            due -= of_spent;
            let kept = stays.min(of_spent);
            stays -= kept;
            *part = of_spent - kept;
        }
        self.give_back(&spending.taken, back);
        let fate = if back == spent { Fate::Undone } else { Fate::Captured(spent - back) };
        if fate == Fate::Undone {
            self.forget_coffee(&spending);
        }
        self.spendings.get_mut(key).unwrap().fate = fate;
        self.drop_expired();
        Ok(back)
    }

    /// Returns the version that decided an accrual or a redemption.
    pub(crate) fn version_of(&self, key: &str) -> usize {
        self.gifts.get(key).map(|gift| gift.version).or_else(|| Some(self.spendings.get(key)?.version)).unwrap()
    }

    /// Returns the points that a redemption holds or spent.
    pub(crate) fn cost_of(&self, key: &str) -> i64 {
        self.spendings[key].points()
    }

    /// Returns the amount paid for a purchase.
    pub(crate) fn paid_for(&self, key: &str) -> i64 {
        self.gifts[key].paid
    }

    pub(crate) fn accruals(&self) -> Vec<String> {
        self.gifts.keys().cloned().collect()
    }

    pub(crate) fn redemptions(&self) -> Vec<String> {
        self.spendings.keys().cloned().collect()
    }
}
