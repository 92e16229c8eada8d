//! Random histories of one member, checked after every step by the auditor.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use regulars_domain::{entry::Entry, program::Program};
use serde_json::{Value, json};

use crate::{
    auditor::{Auditor, BACKDATING_DAYS_MAX, COFFEES_A_MONTH, REVIEW, Rules, WELCOME, day_of},
    world::{Member, activity, at, euro, purchase},
};

fn document(rules: &Rules) -> Value {
    let levels = [0, rules.silver, rules.gold].into_iter().zip(rules.percents).zip(crate::auditor::LEVELS);
    let levels: Vec<_> = levels
        .map(|((threshold, percent), id)| json!({ "id": id, "threshold": threshold, "earning_percent": percent }))
        .collect();
    json!({
        "name": "Audited", "time_zone": "Europe/Istanbul", "currency": "EUR",
        "points": {
            "rounding": rules.rounding, "backdating_days_max": BACKDATING_DAYS_MAX,
            "expiry": { "after_months": rules.months, "rounded_to": if rules.exact_day { "exact_day" } else { "end_of_month" } },
        },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": rules.points, "per": rules.per } } },
            { "id": "app", "on": "purchase", "stacking": { "best_of": "promotions" }, "when": "purchase.channel == 'app'",
              "give": { "multiplier": { "percent": rules.app_percent } } },
            { "id": "welcome", "on": "enrollment", "qualifying": false, "give": { "fixed": { "points": WELCOME } } },
            { "id": "review", "on": { "activity": "review" }, "qualifying": false, "give": { "fixed": { "points": REVIEW } },
              "cap": { "times": 1, "every": "day" } },
        ],
        "tiers": { "downgrade": rules.downgrade, "grace_days": rules.grace_days, "levels": levels },
        "rewards": [
            { "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": rules.coffee },
              "limit": { "times": COFFEES_A_MONTH, "every": "month" } },
            { "id": "money-off", "name": "Money off", "kind": "discount", "cost": { "points": 3, "per": 2 } },
        ],
    })
}

#[derive(Clone, Debug)]
enum Step {
    Wait { hours: i64 },
    Buy { cents: i64, app: bool, hours_late: i64 },
    Review { hours_late: i64 },
    Coffee,
    MoneyOff { cents: i64 },
    Settle,
    Publish(Rules),
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let rounding = prop::sample::select(vec!["floor", "half_up", "ceiling"]);
    let downgrade = prop::sample::select(vec!["to_qualified", "one_level", "never"]);
    let rate = (1..20_i64, prop::sample::select(vec![1, 3, 7, 100, 1000]));
    let tiers = (1..300_i64, 1..300_i64, (100..120_i64, 100..150_i64, 100..300_i64).prop_map(<[i64; 3]>::from));
    (rounding, rate, 101..400_i64, 1..25_i32, any::<bool>(), tiers, downgrade, 0..=180_i16, 1..200_i64).prop_map(
        |(
            rounding,
            (points, per),
            app_percent,
            months,
            exact_day,
            (silver, more, percents),
            downgrade,
            grace_days,
            coffee,
        )| {
            let gold = silver + more;
            Rules {
                rounding,
                points,
                per,
                app_percent,
                months,
                exact_day,
                silver,
                gold,
                percents,
                downgrade,
                grace_days,
                coffee,
            }
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let hours = prop_oneof![4 => 0..48_i64, 3 => 48..1500_i64, 2 => 1500..9000_i64, 1 => 9000..30_000_i64];
    let late = || prop_oneof![3 => Just(0), 2 => 0..700_i64, 1 => 700..800_i64];
    prop_oneof![
        4 => hours.prop_map(|hours| Step::Wait { hours }),
        5 => (0..20_000_i64, any::<bool>(), late()).prop_map(|(cents, app, hours_late)| Step::Buy { cents, app, hours_late }),
        2 => late().prop_map(|hours_late| Step::Review { hours_late }),
        2 => Just(Step::Coffee),
        1 => (1..300_i64).prop_map(|cents| Step::MoneyOff { cents }),
        1 => Just(Step::Settle),
        1 => any_rules().prop_map(Step::Publish),
    ]
}

fn publish(rules: &Rules, version: u64) -> Program {
    Program::read(&document(rules), version).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// The member, the program, the time, and what the auditor thinks of it.
struct History {
    rules: Rules,
    program: Program,
    now: Timestamp,
    member: Member,
    books: Auditor,
}

impl History {
    fn begin(rules: Rules) -> Self {
        let program = publish(&rules, 1);
        let now = at("2026-11-21T16:05");
        let member = Member::joins(&program, "2026-11-21T16:05");
        let books = Auditor::begins(&rules, now);
        Self { rules, program, now, member, books }
    }

    fn take(&mut self, step: Step, key: &str) {
        match step {
            Step::Wait { hours } => self.now = self.now.checked_add(SignedDuration::from_hours(hours)).unwrap(),
            Step::Publish(rules) => {
                self.program = publish(&rules, self.program.version + 1);
                self.rules = rules;
            }
            Step::Settle => self.settle(),
            Step::Buy { cents, app, hours_late } => {
                let moment = self.earlier(hours_late);
                let channel = if app { "app" } else { "till" };
                let total = json!({ "amount": cents, "currency": "EUR" });
                let occasion = purchase(&moment.to_string(), json!({ "total": total, "channel": channel }));
                let done = self.member.earns_at(&self.program, self.now, key, &occasion);
                self.compare(key, done.ok(), |books, rules| {
                    books.buys(rules, day_of(moment), cents, app).ok_or("late")
                });
            }
            Step::Review { hours_late } => {
                let moment = self.earlier(hours_late);
                let occasion = activity(&moment.to_string(), "review", &json!({}));
                let done = self.member.earns_at(&self.program, self.now, key, &occasion);
                self.compare(key, done.ok(), |books, rules| books.reviews(rules, day_of(moment)).ok_or("late"));
            }
            Step::Coffee => {
                let done = self.member.redeems(&self.program, self.now, key, "coffee", None);
                let why = done.as_ref().err().map(|refusal| format!("{refusal:?}"));
                let told = self.compare(key, done.ok(), |books, rules| books.drinks(rules).map(|cost| -cost));
                assert!(why.is_none_or(|why| why.starts_with(told.unwrap())), "another refusal than {told:?}");
            }
            Step::MoneyOff { cents } => {
                let done = self.member.redeems(&self.program, self.now, key, "money-off", Some(euro(cents)));
                self.compare(key, done.ok(), |books, _| books.gets_off(cents).map(|cost| -cost));
            }
        }
    }

    fn earlier(&self, hours: i64) -> Timestamp {
        self.now.checked_sub(SignedDuration::from_hours(hours)).unwrap()
    }

    fn settle(&mut self) {
        let mut later = self.books.clone();
        let noticeable = later.lives_on(&self.rules, self.now);
        let version = self.member.account.version;
        let entries = self.member.reviewed(&self.program, self.now);
        assert!(!(noticeable && entries.is_empty()), "something changed and nothing was written");
        if self.member.account.version > version {
            self.books = later;
            self.books.audit(&self.member.account, &self.member.ledger);
        }
    }

    /// Compares what the engine did with what the auditor says should be done, and answers why not, if so. What was
    /// refused leaves no trace, not even of time, so the books go on from where they were.
    fn compare(
        &mut self,
        key: &str,
        done: Option<Entry>,
        should: impl FnOnce(&mut Auditor, &Rules) -> Result<i64, &'static str>,
    ) -> Option<&'static str> {
        let mut books = self.books.clone();
        books.lives_on(&self.rules, self.now);
        let expected = should(&mut books, &self.rules);
        assert_eq!(done.as_ref().map(|entry| entry.points.get()), expected.ok(), "{key}: {done:?} and {expected:?}");
        if let Some(entry) = done {
            assert_eq!(entry.program_version, self.program.version);
            assert_eq!(entry.posted_at, self.now);
            self.books = books;
            self.books.audit(&self.member.account, &self.member.ledger);
            self.member.assert_proven();
        }
        expected.err()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_history_is_what_the_auditor_says(rules in any_rules(), steps in prop::collection::vec(any_step(), 1..40)) {
        let mut history = History::begin(rules);
        history.books.audit(&history.member.account, &history.member.ledger);
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
        exact_day: false,
        silver: 100,
        gold: 200,
        percents: [100, 100, 100],
        downgrade: "to_qualified",
        grace_days: 0,
        coffee: 100,
    };
    let spoil = |spoil: &dyn Fn(&mut Member)| {
        let mut history = History::begin(rules.clone());
        history.take(Step::Buy { cents: 150, app: true, hours_late: 0 }, "step-1");
        spoil(&mut history.member);
        let audit = || history.books.audit(&history.member.account, &history.member.ledger);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(audit)).is_err()
    };
    assert!(!spoil(&|_| {}));
    assert!(spoil(&|member| member.account.lots = crate::world::lots(&[("2027-11-30", 326)])));
    assert!(spoil(&|member| member.account.lots = crate::world::lots(&[("2027-11-29", 325)])));
    assert!(spoil(&|member| member.account.tier = Some("gold".parse().unwrap())));
    assert!(spoil(&|member| drop(member.ledger.pop())));
    assert!(spoil(&|member| member.account.qualifying.clear()));
}
