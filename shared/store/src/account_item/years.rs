//! An account stays small however often a member buys: years of purchases, ten a day, with the size of its item after
//! each.
#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows has failed, which is what it is for")]

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use regulars_domain::{
    KeyedRequest,
    calendar::days_after,
    chain::Sealed,
    counter::Counters,
    earn::earn,
    enroll::{Enroll, enroll},
    entry::{By, Entry, Kind, Record},
    fingerprint::Content,
    lots::{Expiry, LOTS_MAX, LotChange},
    occasion::Occasion,
    pending::{Awaits, PENDING_MAX, PendingChange},
    posting::Posting,
    program::{PendingPolicy, Program},
    purchase::Purchase,
    redeem::{Redeem, redeem},
    referral::Referrer,
    settle::{Settled, Settlement, settle},
    versions::Versions,
};
use serde_json::{Value, json};

use super::*;
use crate::item_size::item_size;

const BACKDATING_DAYS: usize = 30;

/// Returns the size of an attribute's name and a map with pairs of a name and a value, each with its byte per pair.
const fn map_bytes(name: usize, pairs: usize, key: usize, value: usize) -> usize {
    name + 3 + pairs * (1 + key + value)
}

/// A number of at most twelve digits.
const NUMBER: usize = 7;
/// A lot has a date of eight characters and its points.
const LOTS_BYTES_MAX: usize = map_bytes(1, LOTS_MAX, 8, NUMBER);
/// A sum has its day, the day on which it expires then, and its points.
const PENDING_BYTES_MAX: usize = map_bytes(1, PENDING_MAX, 18, NUMBER);
/// For the one cap: the days of backdating, today, and tomorrow for a till whose clock is ahead.
const CAPS_BYTES_MAX: usize = map_bytes(1, 1, "rule/daily".len(), map_bytes(0, BACKDATING_DAYS + 2, 9, NUMBER));
/// What does not grow with activity, plus the holds of an hour.
const REST_BYTES_MAX: usize = 512;
const ACCOUNT_BYTES_MAX: usize = LOTS_BYTES_MAX + PENDING_BYTES_MAX + CAPS_BYTES_MAX + REST_BYTES_MAX;

fn versions(points: &Value) -> Versions {
    let mut points = points.clone();
    points["backdating_days_max"] = json!(BACKDATING_DAYS);
    let document = json!({
        "name": "Years", "time_zone": "Europe/Berlin", "currency": "EUR", "points": points,
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } } },
            { "id": "daily", "on": "purchase", "give": { "fixed": { "points": 5 } }, "cap": { "points": 12, "every": "day" } },
            { "id": "seventh", "on": "purchase", "give": { "punch_card": { "every": 7, "points": 30 } } },
        ],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "gold", "threshold": 10_000 }] },
        "rewards": [{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 50 }, "hold_seconds_max": 3600 }],
    });
    Program::read(&document, 1).unwrap_or_else(|faults| panic!("{faults:#?}")).into()
}

fn request(key: &str) -> KeyedRequest {
    KeyedRequest {
        entry: key.parse().unwrap(),
        content: Content::of("test", &Value::Null),
        by: By::Operator,
        actor: None,
    }
}

/// A member, and books on what the ledger says.
struct Life<'p> {
    versions: &'p Versions,
    account: Account,
    /// Points by the day after which they would expire, each separately.
    given: BTreeMap<Expiry, i64>,
    lots: BTreeMap<Expiry, i64>,
    pending: BTreeMap<Awaits, i64>,
    expired: i64,
    spent: i64,
    /// The last day with a notice.
    noticed: Option<Date>,
    heaviest: usize,
}

impl<'p> Life<'p> {
    fn begins(versions: &'p Versions, now: Timestamp) -> Self {
        let wish = Enroll {
            program: "demo".parse().unwrap(),
            member: "m-1".parse().unwrap(),
            attributes: BTreeMap::new(),
            aliases: Vec::new(),
            referred_by: None,
            freed_on: Vec::new(),
            salt: [7; 16].into(),
        };
        let posting = enroll(versions, wish, &request("~enrollment"), &Counters::default(), now).unwrap();
        let account = posting.own.account;
        let (given, lots, pending) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { versions, account, given, lots, pending, expired: 0, spent: 0, noticed: None, heaviest: 0 }
    }

    fn program(&self) -> &'p Program {
        self.versions.program(1).unwrap()
    }

    fn settled(&mut self, now: Timestamp) -> Settled<'p> {
        loop {
            match settle(self.versions, self.account.clone(), now) {
                Settlement::Current(settled) => return *settled,
                Settlement::Behind(posting) => self.keep(*posting),
                Settlement::Needs(_) | Settlement::Stale => panic!("one version is all there is"),
            }
        }
    }

    fn keep(&mut self, posting: Posting) {
        self.account = posting.own.account;
        for Sealed { entry, .. } in &posting.own.entries {
            self.book(entry);
        }
        self.weigh();
    }

    fn book(&mut self, entry: &Entry) {
        if let Some(day) = entry.effects.extended_to {
            let sooner: Vec<_> =
                self.lots.range(..Expiry::On(day)).map(|(expiry, points)| (*expiry, *points)).collect();
            for (expiry, points) in sooner {
                self.lots.remove(&expiry);
                *self.lots.entry(Expiry::On(day)).or_default() += points;
            }
        }
        let shortened = entry.effects.lots_shortened.iter();
        let moved = shortened.chain(&entry.effects.lots_moved).flat_map(|moved| moved.changes());
        for LotChange(expiry, points) in entry.effects.lots.iter().copied().chain(moved) {
            *self.lots.entry(expiry).or_default() += points.get();
        }
        let moved = entry.effects.pending_moved.iter().flat_map(|moved| moved.changes());
        for PendingChange(awaits, points) in entry.effects.pending.iter().copied().chain(moved) {
            *self.pending.entry(awaits).or_default() += points.get();
        }
        let spendable = entry.spendable().get();
        match entry.kind() {
            Kind::Expiry => self.expired -= spendable,
            Kind::Redemption | Kind::Cancellation => self.spent -= spendable,
            Kind::Notice => {
                let Record::Notice(told) = entry.record else { panic!("no notice: {entry:?}") };
                assert_eq!(self.lots.get(&Expiry::On(told.on)), Some(&told.points.get()), "{entry:?}");
                assert!(self.noticed.is_none_or(|before| before < told.on), "{entry:?}");
                self.noticed = Some(told.on);
            }
            Kind::Enrollment | Kind::Accrual | Kind::Confirmation | Kind::TierChange | Kind::TierNotice => {}
            Kind::Lapse
            | Kind::AccrualReversal
            | Kind::Amendment
            | Kind::ReferralPayment
            | Kind::Capture
            | Kind::RedemptionReversal
            | Kind::Adjustment
            | Kind::TransferOut
            | Kind::TransferIn
            | Kind::Erasure
            | Kind::MergeOut
            | Kind::MergeIn
            | Kind::TierOverride
            | Kind::Plan
            | Kind::PlanEnd
            | Kind::PlanReversal
            | Kind::Change
            | Kind::EntitlementUse
            | Kind::CodeUse => panic!("the scenario has no such entry: {entry:?}"),
        }
    }

    /// Asserts that each attribute that grows stays below its bound, and so does the whole.
    fn weigh(&mut self) {
        let item = write(&self.account);
        let of = |name: &str| {
            let value = item.get(name).map(|value| HashMap::from([(name.to_owned(), value.clone())]));
            value.map_or(0, |alone| item_size(&alone))
        };
        let weights = [(LOTS, LOTS_BYTES_MAX), (PENDING, PENDING_BYTES_MAX), (CAP_USE, CAPS_BYTES_MAX)];
        for (name, most) in weights {
            assert!(of(name) <= most, "{name} weighs {} of {most} bytes: {:?}", of(name), self.account);
        }
        let size = item_size(&item);
        assert!(size <= ACCOUNT_BYTES_MAX, "{size} of {ACCOUNT_BYTES_MAX} bytes: {:?}", self.account);
        self.heaviest = self.heaviest.max(size);
    }

    fn buys(&mut self, now: Timestamp, days_late: i64, cents: i64, key: &str) {
        let occurred_at = now.checked_sub(SignedDuration::from_hours(24 * days_late)).unwrap();
        let body = json!({ "occurred_at": occurred_at, "total": { "amount": cents, "currency": "EUR" } });
        let occasion = Occasion::Purchase(serde_json::from_value::<Purchase>(body).unwrap());
        let then = self.program();
        let posting =
            earn(self.settled(now), &request(key), &occasion, then, &Counters::default(), Referrer::Gone).unwrap();
        let entry = &posting.own.entries.iter().find(|sealed| sealed.entry.id.as_str() == key).unwrap().entry;
        let points = entry.points().get();
        let bought_on = then.date(occurred_at);
        let matures_on = match then.points.pending {
            PendingPolicy::Days(days) => days_after(bought_on, days),
            PendingPolicy::None | PendingPolicy::UntilConfirmed { .. } => bought_on,
        };
        let expiry = then.points.expiry.expiry(matures_on);
        // The program does not set `usable_days_min`, so late points can be used for thirty days.
        let expiry = if days_late > 0 { expiry.max(Expiry::On(days_after(then.date(now), 30))) } else { expiry };
        *self.given.entry(expiry).or_default() += points;
        self.keep(posting);
    }

    fn redeems(&mut self, now: Timestamp, hold_seconds: Option<i64>, key: &str) {
        let settled = self.settled(now);
        if settled.account().lots.total() >= Points::new(50) {
            let wish = Redeem { reward: "coffee".parse().unwrap(), money: None, hold_seconds };
            self.keep(redeem(settled, &request(key), &wish, &Counters::default(), None).unwrap());
        }
    }

    /// Asserts that the ledger explains the account, and that no points expired earlier than they would have on their
    /// own, or more than `later` than that, except for spent points.
    fn ends_day(&mut self, now: Timestamp, is_over_by: impl Fn(Expiry, Date) -> bool) {
        if let Some(posting) = self.settled(now).review() {
            self.keep(posting);
        }
        self.lots.retain(|_, points| *points != 0);
        self.pending.retain(|_, points| *points != 0);
        assert!(self.account.lots.iter().map(|(expiry, points)| (expiry, points.get())).eq(self.lots.clone()));
        assert!(self.account.pending.iter().map(|(awaits, points)| (awaits, points.get())).eq(self.pending.clone()));
        let given: i64 = self.given.values().sum();
        let has = self.account.total().get() - self.account.held().get();
        assert_eq!(given, has + self.expired + self.spent, "points were lost, or made");

        let today = self.program().date(now);
        let due_by = |is_over: &dyn Fn(Expiry) -> bool| -> i64 {
            self.given.iter().filter(|(expiry, _)| is_over(**expiry)).map(|(_, points)| points).sum()
        };
        let due = due_by(&|expiry| expiry < Expiry::On(today));
        assert!(self.expired <= due, "{} points expired and {due} were due by {today}", self.expired);
        let overdue = due_by(&|expiry| is_over_by(expiry, today));
        assert!(
            self.expired >= overdue - self.spent,
            "{overdue} points were overdue by {today}, {} expired",
            self.expired
        );
    }
}

/// Simulates days of a member who buys several times a day, sometimes with receipts that are weeks old.
fn lives(points: &Value, days: i64, times: i64, is_over_by: impl Fn(Expiry, Date) -> bool) -> usize {
    let versions = versions(points);
    let starts_at: Timestamp = "2026-01-01T05:00:00Z".parse().unwrap();
    let mut life = Life::begins(&versions, starts_at);
    for day in 0..days {
        let morning = starts_at.checked_add(SignedDuration::from_hours(24 * day)).unwrap();
        for time in 0..times {
            let now = morning.checked_add(SignedDuration::from_mins(90 * time)).unwrap();
            let n = day * times + time;
            // Every eleventh is late, by any allowed number of days.
            let days_late = if n % 11 == 0 { n / 11 % 31 } else { 0 };
            life.buys(now, days_late.min(day), 10 + n % 97 * 13, &format!("order-{n}"));
        }
        let evening = morning.checked_add(SignedDuration::from_hours(15)).unwrap();
        if day % 5 == 0 {
            life.redeems(evening, None, &format!("r-{day}"));
        }
        if day % 7 == 0 {
            // It is never captured.
            life.redeems(evening, Some(600), &format!("hold-{day}"));
        }
        life.ends_day(morning.checked_add(SignedDuration::from_hours(17)).unwrap(), &is_over_by);
    }
    println!("{points}: at most {} bytes in {days} days", life.heaviest);
    life.heaviest
}

/// Points expire on their day at the latest, or at the end of a month later, if they were merged.
fn by_the_end_of_its_month(expiry: Expiry, today: Date) -> bool {
    expiry.on().is_some_and(|day| day.last_of_month() < today)
}

#[test]
fn ten_purchases_a_day_for_three_years_leave_an_account_of_two_kilobytes() {
    let points = json!({ "expiry": { "after_months": 12, "rounded_to": "exact_day" }, "pending": { "days": 45 } });
    let heaviest = lives(&points, 3 * 365, 10, by_the_end_of_its_month);
    assert!((1_024..=2_048).contains(&heaviest), "{heaviest} bytes");
}

#[test]
fn an_account_stays_small_under_every_policy() {
    let on_its_day = |expiry: Expiry, today: Date| expiry < Expiry::On(today);
    for (expiry, pending) in [
        (json!("never"), json!("none")),
        (json!({ "after_months": 3, "rounded_to": "end_of_month" }), json!("none")),
        (json!({ "after_months": 3, "rounded_to": "end_of_month" }), json!({ "days": 14 })),
        (json!({ "after_months": 2, "rounded_to": "end_of_quarter" }), json!({ "days": 7 })),
        (json!({ "after_months": 1, "rounded_to": "end_of_year" }), json!("none")),
        (json!({ "fixed_dates": ["02-29", "07-15"] }), json!({ "days": 31 })),
    ] {
        lives(&json!({ "expiry": expiry, "pending": pending }), 400, 2, on_its_day);
    }
    for pending in [json!("none"), json!({ "days": 90 })] {
        let expiry = json!({ "after_months": 6, "rounded_to": "exact_day" });
        lives(&json!({ "expiry": expiry, "pending": pending }), 400, 2, by_the_end_of_its_month);
        let expiry = json!({ "inactivity_months": 1 });
        // A member who buys daily loses nothing.
        lives(&json!({ "expiry": expiry, "pending": pending }), 200, 2, |_, _| false);
    }
}
