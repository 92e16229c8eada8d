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
    /// The number of plans that were started before.
    number: usize,
    first: Date,
    /// Its terms at the last payment.
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
    paid: Option<Paid>,
    today: Date,
    /// How many plans ran out.
    pub(super) ended: usize,
    tastings: Vec<Date>,
}

impl Membership {
    /// Advances to `today`.
    pub(super) fn lives_on(&mut self, today: Date) {
        self.today = today;
        self.ended += usize::from(self.paid.as_ref().is_some_and(|paid| paid.ends() == today));
        // It can always be paid again on the day after the last paid one.
        self.paid = self.paid.take().filter(|paid| paid.ends() > today || paid.next == today);
    }

    pub(super) fn pays(
        &mut self,
        rules: &Rules,
        (key, plan, replaces): (&str, usize, bool),
        today: Date,
    ) -> Result<i64, &'static str> {
        let offer = *rules.offers.get(plan).ok_or("PlanNotFound")?;
        if self.paid.as_ref().is_some_and(|paid| paid.plan != plan && paid.next > today && !replaces) {
            return Err("PlanRunning");
        }
        let renewed = self.paid.take().filter(|paid| paid.plan == plan).map(|mut paid| {
            paid.offer = offer;
            paid.pays(offer.months);
            paid
        });
        let paid = renewed.filter(|paid| paid.ends() > today).unwrap_or_else(|| {
            self.begun += 1;
            let number = self.begun;
            let mut paid = Paid { plan, number, first: today, offer, day_of_month: today.day(), next: today };
            paid.pays(offer.months);
            paid
        });
        let payment = Payment { key: key.to_owned(), number: paid.number, months: offer.months, is_reversed: false };
        self.payments.push(payment);
        self.paid = Some(paid);
        Ok(0)
    }

    /// The key of one of the payments.
    pub(super) fn payment(&self, which: usize) -> Option<String> {
        Some(self.payments.get(which.checked_rem(self.payments.len())?)?.key.clone())
    }

    pub(super) fn reverses(&mut self, key: &str) -> Result<i64, &'static str> {
        let payment = self.payments.iter_mut().find(|payment| payment.key == key).unwrap();
        if payment.is_reversed {
            return Err("PaymentReversed");
        }
        let today = self.today;
        let is_its = |paid: &&mut Paid| paid.number == payment.number && paid.ends() > today;
        let paid = self.paid.as_mut().filter(is_its).ok_or("PlanOver")?;
        payment.is_reversed = true;
        paid.pays(-payment.months);
        if paid.next <= paid.first || paid.ends() <= today {
            self.paid = None;
        }
        Ok(0)
    }

    /// Ends the plan that runs. One that ran out yesterday no longer runs, but can still be paid again today.
    pub(super) fn ends(&mut self) {
        if self.offer().is_some() {
            self.paid = None;
        }
    }

    /// Returns what the member has paid for.
    pub(super) fn offer(&self) -> Option<Offer> {
        self.paid.as_ref().filter(|paid| paid.ends() > self.today).map(|paid| paid.offer)
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
        let term = account.plans.first().map(|term| (term.plan.to_string(), term.through));
        let paid = self.paid.as_ref().map(|paid| (PLANS[paid.plan].to_owned(), paid.next.yesterday().unwrap()));
        assert_eq!(term, paid, "another plan runs than the books say");
        let owner = "entitlement/tasting".parse().unwrap();
        let said = account.cap_use.of(&owner, Interval::of(Every::Month, today));
        let used = self.tastings.iter().filter(|day| day.first_of_month() == today.first_of_month()).count();
        assert_eq!(said, i64::try_from(used).unwrap());
    }
}
