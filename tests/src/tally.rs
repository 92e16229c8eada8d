//! An independent calculation of the result of a year of purchases. It shares no code with the engine, so that the two
//! can be compared.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan, civil::Date};

use crate::returns::Return;

/// The program of the replayed purchases: a point per 100 minor units, expiry after 12 months at the end of the month,
/// three levels by points in a calendar year.
pub const PROGRAM: &str = r#"{
  "name": "Replay",
  "time_zone": "UTC",
  "currency": "USD",
  "points": { "expiry": { "after_months": 12, "rounded_to": "end_of_month" } },
  "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
  "tiers": {
    "basis": "points",
    "period": "calendar_year",
    "downgrade": "to_qualified",
    "levels": [
      { "id": "bronze", "threshold": 0 },
      { "id": "silver", "threshold": 100, "earning_percent": 125 },
      { "id": "gold", "threshold": 300, "earning_percent": 150 }
    ]
  }
}"#;

/// The same levels: name, threshold, percent on top of the base.
const LEVELS: [(&str, u64, u64); 3] = [("bronze", 0, 0), ("silver", 100, 25), ("gold", 300, 50)];

/// A purchase of the file.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Purchase {
    /// The order, which is the idempotency key.
    pub order: String,
    /// The member.
    pub member: String,
    /// The day, `1997-01-31`.
    pub occurred_on: String,
    /// The amount, in minor units.
    pub amount_minor: u64,
}

/// The expected state of one member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Points given in total.
    pub issued: u64,
    /// Points deducted by returns.
    pub reversed: u64,
    /// Points whose last day has passed.
    pub expired: u64,
    /// Spendable points.
    pub balance: u64,
    /// Purchases.
    pub purchases: usize,
    /// The effective tier.
    pub tier: &'static str,
    /// The expiry notices: the day of the notice, the last day of the points, and how many they are.
    pub notices: Vec<(String, String, u64)>,
}

fn level(points: u64) -> usize {
    LEVELS.iter().rposition(|(_, threshold, _)| points >= *threshold).unwrap_or(0)
}

fn year_and_month(day: &str) -> (u32, u32) {
    (day[..4].parse().expect("a year"), day[5..7].parse().expect("a month"))
}

/// The days of a member's purchases, and their points.
#[derive(Default)]
struct Visits {
    days: BTreeSet<Date>,
    points_by_month: BTreeMap<(u32, u32), u64>,
}

impl Visits {
    /// Returns the notices of the last thirty days of points: only if the member bought something then, or was reviewed
    /// on `today`. Points that have expired get no notice.
    fn notices(mut self, today: Date) -> Vec<(String, String, u64)> {
        self.days.insert(today);
        let given = self.points_by_month.into_iter().filter(|(_, points)| *points > 0);
        let dated = given.map(|((year, month), points)| {
            let last = day(&format!("{:04}-{month:02}-01", year + 1)).last_of_month();
            (last.checked_sub(30.days()).expect("a day"), last, points)
        });
        let told = dated.filter(|(first, last, _)| self.days.range(*first..=*last).next().is_some());
        told.map(|(first, last, points)| (first.to_string(), last.to_string(), points)).collect()
    }
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

/// The calculation so far.
#[derive(Default)]
struct Books {
    members: BTreeMap<String, Expected>,
    base_by_year: BTreeMap<(String, u32), u64>,
    visits: BTreeMap<String, Visits>,
    /// The percentage on top of the base that each order earned.
    tops: BTreeMap<String, u64>,
    now: (u32, u32),
}

impl Books {
    fn level_in(&self, member: &str, year: u32) -> usize {
        let counted = |year: u32| self.base_by_year.get(&(member.to_owned(), year)).copied().unwrap_or(0);
        level(counted(year)).max(level(counted(year - 1)))
    }

    fn buys(&mut self, purchase: &Purchase) {
        let (year, month) = year_and_month(&purchase.occurred_on);
        let (_, _, on_top) = LEVELS[self.level_in(&purchase.member, year)];
        self.tops.insert(purchase.order.clone(), on_top);
        let (base, points) = earned(purchase.amount_minor, on_top);
        *self.base_by_year.entry((purchase.member.clone(), year)).or_default() += base;
        let visit = self.visits.entry(purchase.member.clone()).or_default();
        visit.days.insert(day(&purchase.occurred_on));
        *visit.points_by_month.entry((year, month)).or_default() += points;
        let is_over = self.is_over(year, month);
        let member = self.members.entry(purchase.member.clone()).or_default();
        member.issued += points;
        member.purchases += 1;
        *(if is_over { &mut member.expired } else { &mut member.balance }) += points;
    }

    /// Leaves the member with what the smaller purchase would have given at the level of its day.
    fn brings_back(&mut self, returned: &Return) {
        let Return { purchase, came_on, refund, refunded, .. } = returned;
        let (year, month) = year_and_month(&purchase.occurred_on);
        let on_top = self.tops[&purchase.order];
        let left = purchase.amount_minor - refunded;
        let ((base_before, before), (base_after, after)) = (earned(left + refund, on_top), earned(left, on_top));
        *self.base_by_year.entry((purchase.member.clone(), year)).or_default() -= base_before - base_after;
        let visit = self.visits.entry(purchase.member.clone()).or_default();
        visit.days.insert(day(came_on));
        *visit.points_by_month.entry((year, month)).or_default() -= before - after;
        let is_over = self.is_over(year, month);
        let member = self.members.entry(purchase.member.clone()).or_default();
        member.reversed += before - after;
        *(if is_over { &mut member.expired } else { &mut member.balance }) -= before - after;
    }

    /// Returns whether points of this month have expired: they live to the end of the same month a year later.
    fn is_over(&self, year: u32, month: u32) -> bool {
        (year + 1, month) < self.now
    }
}

/// Returns the base of an amount, and the points including what a level gives on top.
fn earned(amount_minor: u64, on_top: u64) -> (u64, u64) {
    let base = amount_minor / 100;
    (base, base + base * on_top / 100)
}

/// Returns the expected state of each member on `today`, from all purchases and returns ordered by date. Purchases of a
/// day come before its returns.
#[must_use]
pub fn tally(purchases: &[Purchase], returns: &[Return], today: &str) -> BTreeMap<String, Expected> {
    let now = year_and_month(today);
    let mut books = Books { now, ..Books::default() };
    let mut returns = returns.iter().peekable();
    for purchase in purchases {
        while let Some(returned) = returns.next_if(|returned| returned.came_on < purchase.occurred_on) {
            books.brings_back(returned);
        }
        books.buys(purchase);
    }
    returns.for_each(|returned| books.brings_back(returned));
    let mut members = std::mem::take(&mut books.members);
    for (id, member) in &mut members {
        member.tier = LEVELS[books.level_in(id, now.0)].0;
        member.notices = books.visits.remove(id).unwrap_or_default().notices(day(today));
    }
    members
}
