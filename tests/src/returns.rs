//! A quarter of all purchases come back in part, told by a seed.

use jiff::{ToSpan, civil::Date};

use crate::{numbers::Numbers, tally::Purchase};

/// The most days between a purchase and its return.
const DAYS_MAX: u64 = 40;

/// Something of a purchase that came back.
#[derive(Clone, Debug)]
pub struct Return {
    /// The key of the return.
    pub key: String,
    /// The purchase.
    pub purchase: Purchase,
    /// The day on which it came back.
    pub came_on: String,
    /// What was refunded this time, in minor units.
    pub refund: u64,
    /// What was refunded so far, in minor units.
    pub refunded: u64,
}

/// Returns what comes back of `purchases` before `today`, in the order of days: of one in four a part, once or twice.
#[must_use]
pub fn returns(purchases: &[Purchase], seed: u64, today: &str) -> Vec<Return> {
    let mut numbers = Numbers::new(seed);
    let mut returns = Vec::new();
    for purchase in purchases {
        if numbers.below(4) > 0 {
            continue;
        }
        let (mut refunded, mut day) = (0, purchase.occurred_on.clone());
        for n in 0..=numbers.below(2) {
            let left = purchase.amount_minor - refunded;
            let refund = numbers.below(left + 1).max(left.min(1));
            day = later(&day, numbers.below(DAYS_MAX));
            refunded += refund;
            if *day < *today {
                let key = format!("return-{n}-{}", purchase.order);
                returns.push(Return { key, purchase: purchase.clone(), came_on: day.clone(), refund, refunded });
            }
        }
    }
    // In a stable order, so that two returns of one purchase on one day stay in theirs.
    returns.sort_by(|one, other| one.came_on.cmp(&other.came_on));
    returns
}

fn later(day: &str, days: u64) -> String {
    let day: Date = day.parse().expect("a day");
    day.checked_add(i64::try_from(days).expect("a few days").days()).expect("a day").to_string()
}
