//! Random histories of one member, checked after every step by the auditor.

use jiff::{SignedDuration, Timestamp, civil::Date};
use proptest::prelude::*;
use regulars_domain::{
    account::TierOverride,
    entry::{Entry, Expiring, Record},
    points::Points,
    redeem::Redeem,
    redemption::Part,
    reversal::Return,
    tier_override::{give_tier, take_tier},
};
use serde_json::{Value, json};

use crate::{
    auditor::{
        Auditor, BACKDATING_DAYS_MAX, COFFEES_A_MONTH, Dare, HOLD_SECONDS_MAX, LEVELS, Life, Offer, Over, PLANS,
        REVIEW, Rules, Timeline, WELCOME, Wait, day_of, later,
    },
    world::{Member, Rulebook, activity, at, euro, expiring, program_of, purchase},
};

fn tastings(times: usize) -> Value {
    if times == 0 { json!([]) } else { json!([{ "id": "tasting", "times": times, "every": "month" }]) }
}

fn document(rules: &Rules) -> Value {
    let expiry = match rules.life {
        Life::EndOfMonth => json!({ "after_months": rules.months, "rounded_to": "end_of_month" }),
        Life::ExactDay => json!({ "after_months": rules.months, "rounded_to": "exact_day" }),
        Life::Inactivity => json!({ "inactivity_months": rules.months }),
    };
    let pending = match rules.wait {
        Wait::No => json!("none"),
        Wait::Days(days) => json!({ "days": days }),
        Wait::Confirmation(days) => json!({ "until_confirmed": { "lapses_after_days": days } }),
    };
    let levels = [0, rules.silver, rules.gold].into_iter().zip(rules.percents).zip(LEVELS);
    let levels: Vec<_> = levels
        .zip(rules.kept)
        .map(|(((threshold, percent), id), is_kept)| {
            let tastings = if id == "gold" { tastings(rules.gold_tastings) } else { json!([]) };
            let mut level =
                json!({ "id": id, "threshold": threshold, "earning_percent": percent, "entitlements": tastings });
            if is_kept {
                level["downgrade"] = json!("never");
            }
            level
        })
        .collect();
    let period = match rules.over {
        Over::Year => json!("calendar_year"),
        Over::Months(months) => json!({ "rolling_months": months }),
    };
    let plans = rules.offers.iter().zip(PLANS).map(|(offer, id)| {
        json!({ "id": id, "price": 500, "interval": if offer.months == 1 { "month" } else { "year" },
                "tier_floor": LEVELS[offer.floor], "earning_percent": offer.percent, "grace_days": offer.grace,
                "entitlements": tastings(offer.tastings) })
    });
    let plans: Vec<_> = plans.collect();
    let mut document = json!({
        "name": "Audited", "time_zone": "Europe/Istanbul", "currency": "EUR",
        "points": {
            "pending": pending, "negative_balance": if rules.owe { "owe" } else { "forgive" },
            "rounding": rules.rounding, "backdating_days_max": BACKDATING_DAYS_MAX,
            "expiry": expiry, "expiry_notice_days": rules.notice_days,
            "usable_days_min": rules.usable_days, "activity": rules.activity,
        },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": rules.points, "per": rules.per } } },
            { "id": "app", "on": "purchase", "stacking": { "best_of": "promotions" }, "when": "purchase.channel == 'app'",
              "give": { "multiplier": { "percent": rules.app_percent } } },
            { "id": "welcome", "on": "enrollment", "qualifying": false, "give": { "fixed": { "points": WELCOME } } },
            { "id": "review", "on": { "activity": "review" }, "qualifying": false, "give": { "fixed": { "points": REVIEW } },
              "cap": { "times": 1, "every": "day" } },
        ],
        "tiers": { "period": period, "downgrade": rules.downgrade, "grace_days": rules.grace_days, "levels": levels },
        "plans": plans,
        "rewards": [
            { "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": rules.coffee },
              "limit": { "times": COFFEES_A_MONTH, "every": "month" }, "hold_seconds_max": HOLD_SECONDS_MAX },
            { "id": "money-off", "name": "Money off", "kind": "discount", "cost": { "points": 3, "per": 2 },
              "hold_seconds_max": HOLD_SECONDS_MAX },
        ],
    });
    if let Some(Dare { times, days, points, repeats }) = rules.dare {
        let give = json!({ "times": times, "within_days": days, "points": points, "repeats": repeats });
        let dare = json!({ "id": "dare", "on": "purchase", "stacking": "add", "give": { "challenge": give } });
        document["earning_rules"].as_array_mut().unwrap().push(dare);
    }
    document
}

#[derive(Clone, Debug)]
enum Step {
    Wait {
        minutes: i64,
    },
    Buy {
        cents: i64,
        app: bool,
        hours_late: i64,
    },
    /// A purchase a day, for a number of days.
    Frequent {
        days: i64,
        cents: i64,
    },
    Review {
        hours_late: i64,
    },
    Coffee {
        hold: Option<i64>,
    },
    MoneyOff {
        cents: i64,
        hold: Option<i64>,
    },
    Confirm {
        which: usize,
    },
    Refund {
        which: usize,
        permille: Option<i64>,
    },
    Capture {
        which: usize,
        percent: Option<i64>,
    },
    Cancel {
        which: usize,
    },
    Undo {
        which: usize,
        percent: Option<i64>,
        returned: bool,
    },
    Adjust {
        points: i64,
    },
    Give {
        level: usize,
        days: i64,
    },
    TakeBack,
    TakePlan {
        plan: usize,
        replaces: bool,
    },
    ReversePayment {
        which: usize,
    },
    EndPlan,
    Taste,
    Settle,
    Publish(Box<Rules>),
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let rounding = prop::sample::select(vec!["floor", "half_up", "ceiling"]);
    let downgrade = prop::sample::select(vec!["to_qualified", "one_level", "never"]);
    let rate = (1..20_i64, prop::sample::select(vec![1, 3, 7, 100, 1000]));
    let tiers = (1..300_i64, 1..300_i64, (100..120_i64, 100..150_i64, 100..300_i64).prop_map(<[i64; 3]>::from));
    let wait = prop_oneof![Just(Wait::No), (1..60_i64).prop_map(Wait::Days), (1..60_i64).prop_map(Wait::Confirmation)];
    let life = prop::sample::select(vec![Life::EndOfMonth, Life::ExactDay, Life::Inactivity]);
    let dare = (1..5_i64, 1..60_i64, 1..100_i64, any::<bool>()).prop_map(|(times, days, points, repeats)| Dare {
        times,
        days,
        points,
        repeats,
    });
    let over = prop_oneof![Just(Over::Year), (1..=36).prop_map(Over::Months)];
    let kept = prop::array::uniform3(prop::bool::weighted(0.15));
    let offer =
        (prop::sample::select(vec![1, 12]), 0..3_usize, 100..150_i64, prop_oneof![Just(0), 0..=90_i64], 0..3_usize)
            .prop_map(|(months, floor, percent, grace, tastings)| Offer { months, floor, percent, grace, tastings });
    let offers = (prop::collection::vec(offer, 0..=PLANS.len()), 0..2_usize);
    let notice_days = prop_oneof![Just(0_i64), Just(30), 1..=90_i64];
    let days = (notice_days, prop_oneof![Just(0_i64), Just(30), 1..=365_i64]);
    let kinds = vec!["purchase", "redemption", "activity", "plan", "entitlement"];
    let activity = prop_oneof![Just(vec!["purchase", "redemption"]), prop::sample::subsequence(kinds, 0..=5)];
    let policy = (1..200_i64, wait, any::<bool>(), prop::option::weighted(0.9, dare), offers, (days, activity));
    (rounding, rate, 101..400_i64, 1..25_i32, life, tiers, downgrade, 0..=180_i16, (over, kept), policy).prop_map(
        |(
            rounding,
            (points, per),
            app_percent,
            months,
            life,
            (silver, more, percents),
            downgrade,
            grace_days,
            (over, kept),
            (coffee, wait, owe, dare, (offers, gold_tastings), ((notice_days, usable_days), activity)),
        )| {
            let gold = silver + more;
            Rules {
                rounding,
                points,
                per,
                app_percent,
                months,
                life,
                silver,
                gold,
                percents,
                downgrade,
                grace_days,
                over,
                kept,
                coffee,
                wait,
                owe,
                dare,
                offers,
                gold_tastings,
                notice_days,
                usable_days,
                activity,
            }
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let hours = prop_oneof![4 => 0..48_i64, 3 => 48..1500_i64, 2 => 1500..9000_i64, 1 => 9000..30_000_i64];
    let late = || prop_oneof![3 => Just(0), 2 => 0..700_i64, 1 => 700..800_i64];
    let minutes = prop_oneof![2 => 1..90_i64, 5 => hours.prop_map(|hours| hours * 60)];
    let hold = || prop::option::of(1..=HOLD_SECONDS_MAX);
    let which = any::<usize>;
    prop_oneof![
        6 => minutes.prop_map(|minutes| Step::Wait { minutes }),
        5 => (0..20_000_i64, any::<bool>(), late()).prop_map(|(cents, app, hours_late)| Step::Buy { cents, app, hours_late }),
        2 => late().prop_map(|hours_late| Step::Review { hours_late }),
        2 => hold().prop_map(|hold| Step::Coffee { hold }),
        3 => (1..300_i64, hold()).prop_map(|(cents, hold)| Step::MoneyOff { cents, hold }),
        2 => which().prop_map(|which| Step::Confirm { which }),
        4 => (which(), prop::option::weighted(0.8, 0..=1050_i64))
            .prop_map(|(which, permille)| Step::Refund { which, permille }),
        2 => (which(), prop::option::of(0..=105_i64)).prop_map(|(which, percent)| Step::Capture { which, percent }),
        1 => which().prop_map(|which| Step::Cancel { which }),
        1 => (which(), proptest::option::of(0..120_i64), any::<bool>())
            .prop_map(|(which, percent, returned)| Step::Undo { which, percent, returned }),
        1 => (-200..200_i64).prop_map(|points| Step::Adjust { points }),
        1 => (0..3_usize, 0..400_i64).prop_map(|(level, days)| Step::Give { level, days }),
        1 => Just(Step::TakeBack),
        2 => (0..PLANS.len(), any::<bool>()).prop_map(|(plan, replaces)| Step::TakePlan { plan, replaces }),
        1 => which().prop_map(|which| Step::ReversePayment { which }),
        1 => Just(Step::EndPlan),
        2 => Just(Step::Taste),
        1 => Just(Step::Settle),
        3 => any_rules().prop_map(|rules| Step::Publish(Box::new(rules))),
    ]
}

/// The member, the program, the time, and the auditor's books.
struct History {
    timeline: Timeline,
    program: Rulebook,
    now: Timestamp,
    member: Member,
    books: Auditor,
    /// The version of the account that was last compared with the books.
    audited: u64,
}

impl History {
    fn begin(rules: Rules) -> Self {
        let program = program_of(&document(&rules));
        let now = at("2026-11-21T16:05");
        let member = Member::joins(&program, "2026-11-21T16:05");
        let books = Auditor::begins(&rules, now);
        let audited = member.account.version;
        Self { timeline: Timeline::new(rules), program, now, member, books, audited }
    }

    /// The rules in force now.
    fn rules(&self) -> &Rules {
        self.timeline.at(self.now)
    }

    /// The number of the version in force now.
    fn version(&self) -> usize {
        self.timeline.version_at(self.now)
    }

    fn take(&mut self, step: Step, key: &str) {
        let now = self.now;
        match step {
            Step::Wait { minutes } => self.now = now.checked_add(SignedDuration::from_mins(minutes)).unwrap(),
            Step::Publish(rules) => {
                // These books have no promises; tables and properties of their own cover tiers across versions.
                let Rules { silver, gold, downgrade, grace_days, over, kept, .. } = *self.rules();
                let rules = Rules { silver, gold, downgrade, grace_days, over, kept, ..*rules };
                self.now = now.checked_add(SignedDuration::from_secs(1)).unwrap();
                self.program = self.program.then(self.now, &document(&rules));
                self.timeline.publish(self.now, rules);
            }
            Step::Give { level, days } => self.give(Some((level, later(day_of(now), days)))),
            Step::TakeBack => self.give(None),
            Step::Settle => self.settle(),
            Step::Buy { cents, app, hours_late } => self.buy(key, cents, app, hours_late),
            Step::Frequent { days, cents } => {
                for day in 0..days {
                    self.now = self.now.checked_add(SignedDuration::from_hours(24)).unwrap();
                    self.buy(&format!("{key}-{day}"), cents, false, 0);
                }
            }
            Step::Review { hours_late } => {
                let moment = self.earlier(hours_late);
                let occasion = activity(&moment.to_string(), "review", &json!({}));
                let done = self.member.earns_at(&self.program, now, key, &occasion);
                let version = self.timeline.version_at(moment);
                self.compare(key, version, done, |books, timeline| books.reviews(timeline, key, moment));
            }
            Step::Coffee { hold } => {
                let wish = Redeem { reward: "coffee".parse().unwrap(), money: None, hold_seconds: hold };
                let done = self.member.redeems_or_holds(&self.program, now, key, &wish);
                let until = hold.map(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).unwrap());
                self.compare_now(key, done, |books, rules| books.drinks(rules, key, until));
            }
            Step::MoneyOff { cents, hold } => {
                let money = Some(euro(cents));
                let wish = Redeem { reward: "money-off".parse().unwrap(), money, hold_seconds: hold };
                let done = self.member.redeems_or_holds(&self.program, now, key, &wish);
                let until = hold.map(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).unwrap());
                self.compare_now(key, done, |books, rules| books.gets_off(rules, key, cents, until));
            }
            Step::Adjust { points } => {
                let done = self.member.adjusts(&self.program, now, key, points);
                self.compare_now(key, done, |books, rules| books.adjusts(rules, points));
            }
            Step::TakePlan { plan, replaces } => {
                let done = if replaces {
                    self.member.replaces_plan(&self.program, now, key, PLANS[plan])
                } else {
                    self.member.takes_plan(&self.program, now, key, PLANS[plan])
                };
                self.compare_now(key, done, |books, rules| books.pays_for(rules, key, plan, replaces));
            }
            Step::ReversePayment { which } => {
                if let Some(payment) = self.books.payment(which) {
                    let done = self.member.reverses_payment(&self.program, now, key, &payment);
                    self.compare_now(key, done, |books, rules| books.takes_payment_back(rules, &payment));
                }
            }
            Step::EndPlan => {
                if self.member.ends_plan(&self.program, now).unwrap() {
                    self.books.lives_on(&self.timeline, now);
                    self.books.ends_plan(self.timeline.at(now));
                    self.audit();
                } else {
                    self.catch_up();
                }
            }
            Step::Taste => {
                let done = self.member.uses(&self.program, now, key, "tasting");
                self.compare_now(key, done, Auditor::tastes);
            }
            Step::Confirm { which } | Step::Refund { which, .. } => {
                if let Some(accrual) = one_of(&self.books.accruals(), which) {
                    self.act_on_accrual(&step, key, &accrual);
                }
            }
            Step::Capture { which, .. } | Step::Cancel { which } | Step::Undo { which, .. } => {
                if let Some(redemption) = one_of(&self.books.redemptions(), which) {
                    self.act_on_redemption(&step, key, &redemption);
                }
            }
        }
    }

    fn buy(&mut self, key: &str, cents: i64, app: bool, hours_late: i64) {
        let moment = self.earlier(hours_late);
        let channel = if app { "app" } else { "till" };
        let total = json!({ "amount": cents, "currency": "EUR" });
        let occasion = purchase(&moment.to_string(), json!({ "total": total, "channel": channel }));
        let done = self.member.earns_at(&self.program, self.now, key, &occasion);
        let version = self.timeline.version_at(moment);
        self.compare(key, version, done, |books, timeline| books.buys(timeline, key, moment, cents, app));
    }

    fn act_on_accrual(&mut self, step: &Step, key: &str, accrual: &str) {
        if let Step::Refund { permille, .. } = step {
            let total = permille.map(|permille| self.books.paid_for(accrual) * permille / 1000);
            // All forms of a refund deduct the same.
            let more = total.map(|total| total - self.member.recorded(accrual).returned().refunded());
            let returned = match (total, more) {
                (Some(_), Some(more)) if more > 0 && permille.is_some_and(|permille| permille % 2 == 0) => {
                    Return::Refund(euro(more))
                }
                (Some(total), _) => Return::RefundedTotal(euro(total)),
                (None, _) => Return::Everything,
            };
            let done = self.member.returns(&self.program, self.now, key, accrual, returned);
            self.compare(key, self.books.version_of(accrual), done, |books, timeline| {
                books.refunds(timeline, accrual, total)
            });
        } else {
            let done = self.member.confirms(&self.program, self.now, key, accrual);
            self.compare(key, self.books.version_of(accrual), done, |books, timeline| {
                books.confirms(timeline, accrual)
            });
        }
    }

    fn act_on_redemption(&mut self, step: &Step, key: &str, redemption: &str) {
        if let Step::Capture { percent, .. } = step {
            let cost = self.books.cost_of(redemption);
            let points = percent.map(|percent| cost * percent / 100);
            let done = self.member.captures(&self.program, self.now, key, redemption, points);
            self.compare(key, self.books.version_of(redemption), done, |books, timeline| {
                books.captures(timeline, redemption, points.unwrap_or(cost))
            });
        } else if let Step::Undo { percent, returned, .. } = step {
            let points = percent.map(|percent| self.books.cost_of(redemption) * percent / 100);
            let part = (points.map_or(Part::Rest, |points| Part::Points(Points::new(points))), *returned);
            let done = self.member.undoes_part(&self.program, self.now, key, redemption, part);
            self.compare(key, self.books.version_of(redemption), done, |books, _| books.undoes(redemption, points));
        } else {
            let done = self.member.cancels(&self.program, self.now, key, redemption);
            self.compare(key, self.books.version_of(redemption), done, |books, _| books.cancels(redemption));
        }
    }

    fn earlier(&self, hours: i64) -> Timestamp {
        self.now.checked_sub(SignedDuration::from_hours(hours)).unwrap()
    }

    fn give(&mut self, given: Option<(usize, Date)>) {
        let settled = self.member.settled(&self.program, self.now);
        let posting = match given {
            Some((level, until)) => {
                let tier = LEVELS[level].parse().unwrap();
                give_tier(settled, &TierOverride { tier, until, reason: "c-1".parse().unwrap() }, None).unwrap()
            }
            None => take_tier(settled, None).unwrap(),
        };
        if let Some(posting) = posting {
            self.member.commit(posting);
            self.books.lives_on(&self.timeline, self.now);
            self.books.overrides(self.timeline.at(self.now), given);
            self.audit();
        } else {
            self.catch_up();
        }
    }

    /// Lets time pass in the books too, if the command that did nothing was preceded by a commit of a long settling's
    /// first part.
    fn catch_up(&mut self) {
        if self.member.account.version > self.audited {
            self.books.lives_on(&self.timeline, self.now);
            self.member.reviewed(&self.program, self.now);
            self.audit();
        }
    }

    fn settle(&mut self) {
        let mut later = self.books.clone();
        assert_eq!(self.member.account.version, self.audited, "a version that the books have not seen");
        let noticeable = later.lives_on(&self.timeline, self.now);
        let version = self.member.account.version;
        let entries = self.member.reviewed(&self.program, self.now);
        assert!(!(noticeable && entries.is_empty()), "something changed and nothing was written");
        if self.member.account.version > version {
            self.books = later;
            self.audit();
        }
    }

    /// Compares the books with the account as of now.
    fn audit(&mut self) {
        let settled = self.member.settled(&self.program, self.now);
        assert_eq!(settled.entries(), []);
        self.books.lives_on(&self.timeline, self.now);
        self.books.audit(self.timeline.at(self.now), settled.account(), &self.member.ledger);
        self.audited = self.member.account.version;
    }

    /// Compares decisions of the current rules.
    fn compare_now<R: std::fmt::Debug>(
        &mut self,
        key: &str,
        done: Result<Entry, R>,
        should: impl FnOnce(&mut Auditor, &Rules) -> Result<i64, &'static str>,
    ) {
        let now = self.now;
        self.compare(key, self.version(), done, |books, timeline| should(books, timeline.at(now)));
    }

    /// Compares what the engine did, or why it refused, with the auditor. A refused command leaves no trace, not even
    /// of time, so the books continue from where they were.
    fn compare<R: std::fmt::Debug>(
        &mut self,
        key: &str,
        version: usize,
        done: Result<Entry, R>,
        should: impl FnOnce(&mut Auditor, &Timeline) -> Result<i64, &'static str>,
    ) {
        let mut books = self.books.clone();
        books.lives_on(&self.timeline, self.now);
        match (done, should(&mut books, &self.timeline)) {
            (Ok(entry), Ok(points)) => {
                assert_eq!(entry.points().get(), points, "{key}: {entry:?}");
                assert_eq!((entry.program_version, entry.posted_at), (u64::try_from(version).unwrap(), self.now));
                self.books = books;
                self.audit();
            }
            (Err(refusal), Err(why)) => {
                assert!(format!("{refusal:?}").starts_with(why), "{key}: {refusal:?} instead of {why}");
                self.catch_up();
            }
            (done, expected) => panic!("{key}: {done:?} and {expected:?}"),
        }
    }
}

fn one_of(keys: &[String], which: usize) -> Option<String> {
    keys.get(which.checked_rem(keys.len())?).cloned()
}

proptest! {
    #![proptest_config(crate::cases::cases(400))]

    #[test]
    fn every_history_agrees_with_the_auditor(rules in any_rules(), steps in prop::collection::vec(any_step(), 1..40)) {
        let mut history = History::begin(rules);
        history.books.audit(history.rules(), &history.member.account, &history.member.ledger);
        for (n, step) in steps.into_iter().enumerate() {
            history.take(step, &format!("step-{n}"));
        }
        history.settle();
        history.member.assert_proven();
    }
}

/// Returns steps of a member who buys daily for weeks, so that more days occur than the account stores.
fn any_frequent_step() -> impl Strategy<Value = Step> {
    let frequent = (20..60_i64, 1..20_000_i64).prop_map(|(days, cents)| Step::Frequent { days, cents });
    prop_oneof![1 => frequent, 3 => any_step()]
}

proptest! {
    #![proptest_config(crate::cases::cases(60))]

    #[test]
    fn every_history_of_many_days_agrees_with_the_auditor(
        rules in any_rules(), steps in prop::collection::vec(any_frequent_step(), 1..20),
    ) {
        let mut history = History::begin(Rules { months: rules.months.max(3), ..rules });
        for (n, step) in steps.into_iter().enumerate() {
            history.take(step, &format!("step-{n}"));
        }
        history.settle();
        history.member.assert_proven();
    }
}

#[test]
fn the_auditor_finds_a_point_too_many_and_a_tier_too_high() {
    let rules = Rules {
        rounding: "floor",
        points: 1,
        per: 1,
        app_percent: 200,
        months: 12,
        life: Life::EndOfMonth,
        silver: 100,
        gold: 200,
        percents: [100, 100, 100],
        downgrade: "to_qualified",
        grace_days: 0,
        over: Over::Year,
        kept: [false; 3],
        coffee: 100,
        wait: Wait::No,
        owe: true,
        dare: Some(Dare { times: 3, days: 10, points: 1, repeats: true }),
        offers: Vec::new(),
        gold_tastings: 0,
        notice_days: 30,
        usable_days: 30,
        activity: vec!["purchase", "redemption"],
    };
    let spoil = |spoil: &dyn Fn(&mut Member)| {
        let mut history = History::begin(rules.clone());
        history.take(Step::Buy { cents: 150, app: true, hours_late: 0 }, "step-1");
        spoil(&mut history.member);
        let audit = || history.books.audit(history.rules(), &history.member.account, &history.member.ledger);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(audit)).is_err()
    };
    assert!(!spoil(&|_| {}));
    assert!(spoil(&|member| member.account.lots = crate::world::lots(&[("2027-11-30", 326)])));
    assert!(spoil(&|member| member.account.lots = crate::world::lots(&[("2027-11-29", 325)])));
    assert!(spoil(&|member| member.account.tier = Some("gold".parse().unwrap())));
    assert!(spoil(&|member| drop(member.ledger.pop())));
    assert!(spoil(&|member| member.account.qualifying.clear()));
    assert!(spoil(&|member| member.account.steps.clear()));
    let plus = || vec![crate::world::plan_term("plus", "2026-11-21", "2030-11-20")];
    assert!(spoil(&|member| member.account.plans = plus()));

    let spoil = |days_ahead: i64, points: i64| {
        let mut history = History::begin(rules.clone());
        history.now = at("2027-10-31T00:00");
        history.settle();
        let notice = &mut history.member.ledger.last_mut().unwrap().entry;
        assert_eq!(notice.id.as_str(), "~expiring~2027-11-30");
        notice.occurred_at = notice.occurred_at.checked_sub(SignedDuration::from_hours(24 * days_ahead)).unwrap();
        let told = expiring(notice).unwrap();
        notice.record = Record::Notice(Expiring { points: told.points + Points::new(points), ..told });
        let audit = || history.books.audit(history.rules(), &history.member.account, &history.member.ledger);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(audit)).is_err()
    };
    assert!(!spoil(0, 0));
    assert!(spoil(1, 0) && spoil(0, 1), "a notice on another day, or of other points");
}
