//! Returns of parts of a quarter of all purchases, chosen by a seed.

use jiff::{ToSpan, civil::Date};

use crate::{numbers::Numbers, tally::Purchase};

/// Maximum number of days between a purchase and its return.
const DAYS_MAX: u64 = 40;

/// A return of a part of a purchase.
#[derive(Clone, Debug)]
pub struct Return {
    /// The key of the return.
    pub key: String,
    /// The purchase.
    pub purchase: Purchase,
    /// The day of the return.
    pub came_on: String,
    /// The amount of this refund, in minor units.
    pub refund: u64,
    /// The total refunded so far, in minor units.
    pub refunded: u64,
}

/// Returns the returns of `purchases` before `today`, ordered by date: a part of every fourth purchase, once or twice.
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
    // A stable sort keeps the order of two returns of one purchase on one day.
    returns.sort_by(|one, other| one.came_on.cmp(&other.came_on));
    returns
}

fn later(day: &str, days: u64) -> String {
    let day: Date = day.parse().expect("a day");
    day.checked_add(i64::try_from(days).expect("a few days").days()).expect("a day").to_string()
}
