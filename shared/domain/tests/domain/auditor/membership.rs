//! The auditor's books on plans and entitlements.

use jiff::{Span, civil::Date};
use regulars_domain::{
    account::Account,
    calendar::{Every, Interval},
};

use super::Rules;

/// A plan that can be paid for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) months: i32,
    /// The level that is its floor.
    pub(crate) floor: usize,
    pub(crate) percent: i64,
    /// The days of grace after the last paid one.
    pub(crate) grace: i64,
    pub(crate) tastings: usize,
}

/// The possible plans.
pub(crate) const PLANS: [&str; 2] = ["plus", "max"];

#[derive(Clone, Debug)]
struct Paid {
    plan: usize,
    /// The number of terms that were started before.
    number: usize,
    first: Date,
    /// What was bought.
    offer: Offer,
    day_of_month: i8,
    /// The day on which the next payment is due.
    next: Date,
}

impl Paid {
    /// The first day on which it no longer runs.
    fn ends(&self) -> Date {
        self.next.checked_add(Span::new().days(self.offer.grace)).unwrap()
    }

    fn pays(&mut self, months: i32) {
        let count = i32::from(self.next.year()) * 12 + i32::from(self.next.month()) - 1 + months;
        let (year, month) = ((count / 12).try_into().unwrap(), (count % 12 + 1).try_into().unwrap());
        let mut days = (0..4).map(|less| self.day_of_month - less);
        self.next = days.find_map(|day| Date::new(year, month, day).ok()).unwrap();
    }

    /// Moves its days that are left, as of a day, so that they begin on another one.
    fn begins(&mut self, first: Date, today: Date) {
        if self.first != first {
            let left = self.next.since(self.first.max(today)).unwrap().get_days();
            self.first = first;
            self.next = first.checked_add(Span::new().days(left)).unwrap();
            let is_same_day = self.next.day() == first.day().min(self.next.last_of_month().day());
            self.day_of_month = if is_same_day { first.day() } else { self.next.day() };
        }
    }
}

/// What was paid once.
#[derive(Clone, Debug)]
struct Payment {
    key: String,
    number: usize,
    months: i32,
    is_reversed: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Membership {
    begun: usize,
    payments: Vec<Payment>,
    /// The plan that was paid, one part after the other: a part for each change of what a payment buys.
    paid: Vec<Paid>,
    today: Date,
    /// How many parts ran out.
    pub(super) ended: usize,
    tastings: Vec<Date>,
}

/// The highest number of parts.
const PARTS_MAX: usize = 5;

impl Membership {
    /// Advances to `today`.
    pub(super) fn lives_on(&mut self, today: Date) {
        self.today = today;
        while let Some(paid) = self.paid.first() {
            let ends = self.ends_of(0);
            self.ended += usize::from(ends == today);
            // It can always be paid again on the day after the last paid one.
            if ends > today || (self.paid.len() == 1 && paid.next == today) {
                break;
            }
            self.paid.remove(0);
        }
    }

    /// The first day on which a part no longer runs. Only the last one has grace.
    fn ends_of(&self, place: usize) -> Date {
        if place + 1 < self.paid.len() { self.paid[place].next } else { self.paid[place].ends() }
    }

    fn begins(&mut self, plan: usize, offer: Offer, (first, day_of_month): (Date, i8)) -> Paid {
        self.begun += 1;
        let mut paid = Paid { plan, number: self.begun, first, offer, day_of_month, next: first };
        paid.pays(offer.months);
        paid
    }

    pub(super) fn pays(
        &mut self,
        rules: &Rules,
        (key, plan, replaces): (&str, usize, bool),
        today: Date,
    ) -> Result<i64, &'static str> {
        self.today = today;
        let offer = *rules.offers.get(plan).ok_or("PlanNotFound")?;
        if self.paid.last().is_some_and(|paid| paid.plan != plan && paid.next > today && !replaces) {
            return Err("PlanRunning");
        }
        let buys = |offer: Offer| (offer.floor, offer.percent, offer.grace, offer.tastings);
        match self.paid.last().cloned().filter(|paid| paid.plan == plan) {
            Some(last) if last.next > today && buys(last.offer) != buys(offer) && self.paid.len() < PARTS_MAX => {
                let part = self.begins(plan, offer, (last.next, last.day_of_month));
                self.paid.push(part);
            }
            Some(mut last) => {
                self.paid.pop();
                last.offer = offer;
                last.pays(offer.months);
                let is_over = last.ends() <= today;
                let paid = if is_over { self.begins(plan, offer, (today, today.day())) } else { last };
                self.paid.push(paid);
            }
            None => self.paid = vec![self.begins(plan, offer, (today, today.day()))],
        }
        let number = self.paid.last().unwrap().number;
        self.payments.push(Payment { key: key.to_owned(), number, months: offer.months, is_reversed: false });
        Ok(0)
    }

    /// The key of one of the payments.
    pub(super) fn payment(&self, which: usize) -> Option<String> {
        Some(self.payments.get(which.checked_rem(self.payments.len())?)?.key.clone())
    }

    pub(super) fn reverses(&mut self, key: &str) -> Result<i64, &'static str> {
        let payment = self.payments.iter().position(|payment| payment.key == key).unwrap();
        if self.payments[payment].is_reversed {
            return Err("PaymentReversed");
        }
        let (today, number, months) = (self.today, self.payments[payment].number, self.payments[payment].months);
        let place = self.paid.iter().position(|paid| paid.number == number);
        let place = place.filter(|place| self.ends_of(*place) > today).ok_or("PlanOver")?;
        self.payments[payment].is_reversed = true;
        self.paid[place].pays(-months);
        let is_paid = self.payments.iter().any(|payment| payment.number == number && !payment.is_reversed);
        if !is_paid || self.paid[place].next <= self.paid[place].first || self.ends_of(place) <= today {
            self.paid.remove(place);
        }
        // What follows begins sooner.
        for place in 0..self.paid.len() {
            let first = match place.checked_sub(1) {
                Some(before) => self.paid[before].next.max(today),
                None => self.paid[0].first.min(today),
            };
            self.paid[place].begins(first, today);
        }
        Ok(0)
    }

    /// Ends the plan that runs. One that ran out yesterday no longer runs, but can still be paid again today.
    pub(super) fn ends(&mut self) {
        if self.offer().is_some() {
            self.paid.clear();
        }
    }

    /// Returns what the member has paid for.
    pub(super) fn offer(&self) -> Option<Offer> {
        self.paid.first().filter(|_| self.ends_of(0) > self.today).map(|paid| paid.offer)
    }

    pub(super) fn tastes(&mut self, rules: &Rules, tier: usize, today: Date) -> Result<i64, &'static str> {
        let of_tier = if tier == 2 { rules.gold_tastings } else { 0 };
        let times = of_tier + self.offer().map_or(0, |offer| offer.tastings);
        let used =
            self.tastings.iter().filter(|day| (day.year(), day.month()) == (today.year(), today.month())).count();
        if times == 0 {
            return Err(if rules.has_tastings() { "EntitlementNotHeld" } else { "EntitlementNotFound" });
        }
        if used >= times {
            return Err("EntitlementUsedUp");
        }
        self.tastings.push(today);
        Ok(0)
    }

    /// Asserts that the account says the same.
    pub(super) fn audit(&self, account: &Account, today: Date) {
        let terms: Vec<_> = account.plans.iter().map(|term| (term.plan.to_string(), term.through)).collect();
        let paid = self.paid.iter().map(|paid| (PLANS[paid.plan].to_owned(), paid.next.yesterday().unwrap()));
        assert_eq!(terms, paid.collect::<Vec<_>>(), "other plans than the books say");
        let owner = "entitlement/tasting".parse().unwrap();
        let said = account.cap_use.of(&owner, Interval::of(Every::Month, today));
        let used = self.tastings.iter().filter(|day| day.first_of_month() == today.first_of_month()).count();
        assert_eq!(said, i64::try_from(used).unwrap());
    }
}
