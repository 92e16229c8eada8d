//! Random histories of a few members who buy, refund, transfer points, refer friends and merge, compared with books
//! that share no code with the engine.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use proptest::prelude::*;
use regulars_domain::{
    account::Status,
    adjust::{Adjust, adjust},
    enroll::{MemberChange, NewStatus, change_member},
    entry::By,
    points::Points,
    qualifying::Qualifying,
};
use serde_json::json;

use crate::{
    auditor::{Warning, day_of},
    club::{Club, member_id},
    world::{Rulebook, at, euro, lots_of, program, purchase, request},
};

const IDS: [&str; 4] = ["m-0", "m-1", "m-2", "m-3"];
/// The referrer of each member: one names a referrer who is not a member.
const BROUGHT_BY: [Option<&str>; 4] = [None, Some("m-0"), Some("m-1"), Some("nobody")];
const FEE: i64 = 100;
const FRIENDS: i64 = 50;
const LEAST: i64 = 500;
const FEES_A_YEAR: i64 = 2;
/// The default of a program.
const NOTICE_DAYS: i64 = 30;

fn rules() -> Rulebook {
    program(json!({
        "points": { "expiry": { "after_months": 12, "rounded_to": "exact_day" } },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } },
            { "id": "bring-a-friend", "on": "referral", "give": { "fixed": { "points": FEE } },
              "cap": { "times": FEES_A_YEAR, "per": "member", "every": "year" } },
        ],
        "referral": { "first_purchase_at_least": LEAST, "friend_points": FRIENDS },
    }))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait { hours: i64 },
    Buy { who: usize, cents: i64 },
    Refund { which: usize, permille: Option<i64> },
    Transfer { from: usize, to: usize, points: i64 },
    Merge { from: usize, into: usize },
    Adjust { who: usize, points: i64 },
    Status { who: usize, is_suspended: bool },
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = || 0..IDS.len();
    prop_oneof![
        3 => prop_oneof![0..100_i64, 1_000..10_000_i64].prop_map(|hours| Step::Wait { hours }),
        6 => (who(), 0..2_000_i64).prop_map(|(who, cents)| Step::Buy { who, cents }),
        4 => (any::<usize>(), prop::option::weighted(0.6, 0..=1_000_i64))
            .prop_map(|(which, permille)| Step::Refund { which, permille }),
        4 => (who(), who(), 1..200_i64).prop_map(|(from, to, points)| Step::Transfer { from, to, points }),
        1 => (who(), who()).prop_map(|(from, into)| Step::Merge { from, into }),
        1 => (who(), -100..100_i64).prop_map(|(who, points)| Step::Adjust { who, points }),
        1 => (who(), any::<bool>()).prop_map(|(who, is_suspended)| Step::Status { who, is_suspended }),
    ]
}

/// One member in the books.
#[derive(Clone, Debug, Default)]
struct Page {
    credits: Vec<(Date, i64)>,
    owed: i64,
    suspended: bool,
    gone_to: Option<String>,
    /// Who brought this member, and whether that is over.
    brought_by: Option<(String, bool)>,
    fees: BTreeMap<i16, i64>,
    /// The notices so far, the day up to which there is no further one, and the day of these books.
    warnings: Vec<Warning>,
    told_to: Option<Date>,
    today: Date,
}

/// A purchase, and what else it paid.
#[derive(Clone, Debug)]
struct Bought {
    key: String,
    by: String,
    day: Date,
    cents: i64,
    lines: Vec<i64>,
    refunded: i64,
    undone: bool,
    /// The last day of what was not owed.
    own: Option<Date>,
    /// The referrer, what was paid, and the last day of what was not owed.
    fee: Option<(String, i64, Option<Date>)>,
}

#[derive(Clone, Debug, Default)]
struct Books {
    pages: BTreeMap<String, Page>,
    bought: Vec<Bought>,
}

fn a_year_later(day: Date) -> Date {
    Date::new(day.year() + 1, day.month(), day.day()).unwrap_or_else(|_| Date::new(day.year() + 1, 2, 28).unwrap())
}

impl Page {
    fn spendable(&self) -> i64 {
        self.credits.iter().map(|(_, points)| points).sum()
    }

    fn live(&mut self, today: Date) {
        while self.today < today {
            self.today = self.today.tomorrow().unwrap();
            let due = Warning::due(self.credits.iter().copied(), NOTICE_DAYS, &mut self.told_to, (self.today, today));
            self.warnings.extend(due);
        }
        self.credits.retain(|(day, points)| *day >= today && *points > 0);
        self.credits.sort_unstable();
    }

    /// Pays what is owed, and returns the day of the rest, if there is any.
    fn earn(&mut self, day: Date, points: i64) -> Option<Date> {
        let repaid = points.min(self.owed);
        self.owed -= repaid;
        self.credits.push((day, points - repaid));
        (points > repaid).then_some(day)
    }

    /// Takes points, first of the day `own` or else of the next later one, and returns their days; what is missing is
    /// owed.
    fn take(&mut self, own: Option<Date>, points: i64) -> Vec<(Date, i64)> {
        let held = self.credits.iter().filter(|(_, points)| *points > 0).map(|(day, _)| *day);
        let first = own.and_then(|own| held.filter(|day| *day >= own).min());
        self.credits.sort_by_key(|(day, _)| (Some(*day) != first, *day));
        let mut left = points;
        let mut taken = Vec::new();
        for (day, points) in &mut self.credits {
            let part = left.min(*points);
            *points -= part;
            left -= part;
            taken.push((*day, part));
        }
        self.owed += left;
        taken
    }

    /// Receives points of these days; the soonest of them pay a debt.
    fn receive(&mut self, mut points: Vec<(Date, i64)>) {
        points.sort_unstable();
        for (day, points) in points {
            self.earn(day, points);
        }
    }
}

impl Books {
    /// Returns what `id` was merged into, over any number of merges.
    fn now(&self, id: &str) -> String {
        let mut id = id.to_owned();
        while let Some(gone_to) = self.pages.get(&id).and_then(|page| page.gone_to.clone()) {
            id = gone_to;
        }
        id
    }

    fn page(&mut self, id: &str) -> &mut Page {
        self.pages.get_mut(id).unwrap()
    }

    fn is_active(&self, id: &str) -> bool {
        self.pages.get(id).is_some_and(|page| !page.suspended && page.gone_to.is_none())
    }

    fn is_open(&self, id: &str) -> bool {
        self.pages.get(id).is_some_and(|page| page.gone_to.is_none())
    }

    fn buys(&mut self, key: &str, by: &str, day: Date, cents: i64) -> bool {
        if !self.is_active(by) {
            return false;
        }
        let mut bought = Bought {
            key: key.to_owned(),
            by: by.to_owned(),
            day,
            cents,
            lines: vec![cents / 10],
            refunded: 0,
            undone: false,
            own: None,
            fee: None,
        };
        if let Some((named, false)) = self.pages[by].brought_by.clone().filter(|_| cents >= LEAST) {
            let referrer = self.now(&named);
            // Two members do not refer each other.
            let of_referrer = self.pages.get(&referrer).and_then(|page| page.brought_by.clone());
            let is_mutual = of_referrer.is_some_and(|(other, _)| self.now(&other) == by);
            let waits = self.pages.get(&referrer).is_some_and(|page| page.suspended) && referrer != by && !is_mutual;
            if !waits {
                self.page(by).brought_by = Some((named, true));
            }
            if self.is_active(&referrer) && referrer != by && !is_mutual {
                let fees = self.page(&referrer).fees.entry(day.year()).or_default();
                let fee = if *fees < FEES_A_YEAR { FEE } else { 0 };
                *fees += i64::from(fee > 0);
                let own = self.page(&referrer).earn(a_year_later(day), fee);
                bought.lines.push(FRIENDS);
                bought.fee = Some((referrer, fee, own));
            }
        }
        let points = bought.lines.iter().sum();
        bought.own = self.page(by).earn(a_year_later(day), points);
        self.bought.push(bought);
        true
    }

    /// Returns the member to whom a refund is sent, and whether anything can be reversed.
    fn refunds(&mut self, which: usize, total: Option<i64>) {
        let bought = self.bought[which].clone();
        let holder = self.now(&bought.by);
        let is_whole = total.is_none_or(|total| total == bought.cents);
        let was_below = bought.undone || bought.cents - bought.refunded < LEAST;
        let refunded = total.unwrap_or(bought.cents).max(bought.refunded);
        let undone = bought.undone || is_whole;
        // What was paid for the referral stays as long as enough of the purchase is left.
        let is_below = undone || bought.cents - refunded < LEAST;
        let mut lines = bought.lines.clone();
        lines[0] = if undone { 0 } else { (bought.cents - refunded) / 10 };
        if is_below {
            lines[1..].fill(0);
        }
        let more = bought.lines.iter().sum::<i64>() - lines.iter().sum::<i64>();
        self.page(&holder).take(bought.own, more);
        if is_below
            && !was_below
            && let Some((named, fee, own)) = bought.fee.clone()
        {
            let referrer = self.now(&named);
            if referrer != holder {
                if fee > 0 {
                    *self.page(&referrer).fees.entry(bought.day.year()).or_default() -= 1;
                }
                self.page(&referrer).take(own, fee);
                if let Some((by, is_over)) = &mut self.page(&holder).brought_by {
                    *is_over &= holder != bought.by && *by != named;
                }
            }
        }
        let bought = &mut self.bought[which];
        (bought.refunded, bought.undone, bought.lines) = (refunded, undone, lines);
    }

    fn transfers(&mut self, from: &str, to: &str, points: i64) -> bool {
        if !self.is_active(from) || !self.is_active(to) || self.pages[from].spendable() < points {
            return false;
        }
        let taken = self.page(from).take(None, points);
        self.page(to).receive(taken);
        true
    }

    fn merges(&mut self, from: &str, into: &str) -> bool {
        if !self.is_active(from) || !self.is_active(into) {
            return false;
        }
        let Page { credits, owed, fees, brought_by, warnings, today, .. } = std::mem::take(self.page(from));
        *self.page(from) = Page { gone_to: Some(into.to_owned()), warnings, today, ..Page::default() };
        let page = self.page(into);
        page.receive(credits);
        page.take(None, owed);
        for (year, count) in fees {
            *page.fees.entry(year).or_default() += count;
        }
        let mut brought = [page.brought_by.take(), brought_by].into_iter().flatten();
        page.brought_by = brought.find(|(by, _)| by != from && by != into);
        true
    }
}

struct History {
    program: Rulebook,
    club: Club,
    books: Books,
    now: Timestamp,
}

impl History {
    fn begin() -> Self {
        let program = rules();
        let mut club = Club::default();
        let mut books = Books::default();
        for (id, by) in IDS.into_iter().zip(BROUGHT_BY) {
            club.joins(&program, "2026-11-21T08:00", id, by, &[]);
            let brought_by = by.map(|by| (by.to_owned(), false));
            let today = day_of(at("2026-11-21T08:00"));
            books.pages.insert(id.to_owned(), Page { brought_by, today, ..Page::default() });
        }
        Self { program, club, books, now: at("2026-11-21T08:00") }
    }

    fn take(&mut self, step: Step, key: &str) {
        let (now, today) = (self.now.to_string(), day_of(self.now));
        for page in self.books.pages.values_mut() {
            page.live(today);
        }
        match step {
            Step::Wait { hours } => self.now = self.now.checked_add(SignedDuration::from_hours(hours)).unwrap(),
            Step::Buy { who, cents } => {
                let done = self.club.earns(&self.program, key, IDS[who], &purchase(&now, json!(cents)));
                assert_eq!(done.is_ok(), self.books.buys(key, IDS[who], today, cents), "{key}: {done:?}");
            }
            Step::Refund { which, permille } => {
                let Some(which) = which.checked_rem(self.books.bought.len()) else { return };
                let Bought { key: bought, by, cents, .. } = self.books.bought[which].clone();
                let total = permille.map(|permille| cents * permille / 1_000);
                let holder = self.books.now(&by);
                let done = self.club.reverses(&self.program, &now, key, (&holder, &by, &bought), total.map(euro));
                assert!(done.is_ok(), "{key}: {done:?}");
                self.books.refunds(which, total);
            }
            Step::Transfer { from, to, .. } | Step::Merge { from, into: to } if from == to => {}
            Step::Transfer { from, to, points } => {
                let done = self.club.transfers(&self.program, &now, key, (IDS[from], IDS[to], points));
                assert_eq!(done.is_ok(), self.books.transfers(IDS[from], IDS[to], points), "{key}: {done:?}");
            }
            Step::Merge { from, into } => {
                let done = self.club.merges(&self.program, &now, key, (IDS[from], IDS[into]));
                assert_eq!(done.is_ok(), self.books.merges(IDS[from], IDS[into]), "{key}: {done:?}");
            }
            Step::Adjust { who, points } => {
                let page = self.books.page(IDS[who]);
                let can = page.gone_to.is_none() && page.spendable() + points >= 0;
                let wish = Adjust {
                    points: Points::new(points),
                    expires_on: None,
                    qualifying: Qualifying::default(),
                    reason: "opening".parse().unwrap(),
                    note: None,
                };
                let settled = self.club.settled(&self.program, self.now, IDS[who]);
                let done = adjust(settled, &request(key), &wish);
                assert_eq!(done.is_ok(), can, "{key}: {done:?}");
                if let Ok(posting) = done {
                    self.club.commit(posting);
                    let page = self.books.page(IDS[who]);
                    page.earn(a_year_later(today), points.max(0));
                    page.take(None, (-points).max(0));
                }
            }
            Step::Status { who, is_suspended } => {
                if self.books.is_open(IDS[who]) {
                    self.books.page(IDS[who]).suspended = is_suspended;
                    let status = if is_suspended { NewStatus::Suspended } else { NewStatus::Active };
                    let settled = self.club.settled(&self.program, self.now, IDS[who]);
                    let changes = MemberChange { status: Some(status), ..MemberChange::default() };
                    if let Some(posting) = change_member(settled, changes, By::Operator, None).unwrap() {
                        self.club.commit(posting);
                    }
                }
            }
        }
        self.audit();
    }

    fn audit(&mut self) {
        let today = day_of(self.now);
        for id in IDS {
            self.club.settled(&self.program, self.now, id);
            self.books.page(id).live(today);
            let page = &self.books.pages[id];
            let mut lots = BTreeMap::new();
            for (day, points) in &page.credits {
                *lots.entry(day.to_string()).or_insert(0) += points;
            }
            let account = &self.club.get(id).account;
            assert_eq!(lots_of(account), lots.into_iter().collect::<Vec<_>>(), "the lots of {id}");
            assert_eq!(account.owed.get(), page.owed, "what {id} owes");
            assert_eq!(Warning::all(&self.club.get(id).ledger), page.warnings, "what {id} was told ahead of time");
            let gone_to = page.gone_to.as_deref().map(|into| Status::Merged { into: member_id(into) });
            assert_eq!(matches!(account.status, Status::Merged { .. }), gone_to.is_some());
            assert!(gone_to.is_none_or(|gone_to| account.status == gone_to));
        }
        self.club.assert_proven();
    }
}

proptest! {
    #![proptest_config(crate::cases::cases(300))]

    #[test]
    fn every_point_is_where_the_books_say_after_commands_between_members(
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut history = History::begin();
        for (n, step) in steps.into_iter().enumerate() {
            history.take(step, &format!("step-{n}"));
        }
    }
}

#[test]
fn the_books_find_a_point_that_went_astray() {
    let mut history = History::begin();
    history.take(Step::Buy { who: 0, cents: 1_000 }, "step-1");
    history.take(Step::Transfer { from: 0, to: 1, points: 30 }, "step-2");
    history.club.get_mut("m-1").account.lots = crate::world::lots(&[("2027-11-21", 31)]);
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| history.audit()));
    assert!(found.is_err());
}
