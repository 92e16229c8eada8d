//! Random histories of versions: settling an account at additional instants never changes the result.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use regulars_domain::{
    account::AttributeValue,
    calendar::{days_after, start_of},
    entry::{By, Entry, Kind},
    hash::Hash,
    redeem::Redeem,
    version_head::Differs,
};
use serde_json::{Value, json};

use super::Member;
use crate::{
    rulebook::Succeeds,
    world::{Rulebook, at, document, entry_id, euro, on, program_of, purchase},
};

/// The values of a version.
#[derive(Clone, Debug)]
struct Look {
    silver: i64,
    gold: i64,
    gold_is_called: &'static str,
    period: Value,
    downgrade: &'static str,
    grace_days: i64,
    is_gold_kept: bool,
    expiry: Value,
    pending: Value,
    backdating: i64,
    notice_days: i64,
    floor: Option<usize>,
    /// Whether there are birthday points, a cap, and a punch card.
    has: [bool; 3],
    dare_days: Option<i64>,
    rate: i64,
}

impl Look {
    fn levels(&self) -> [&'static str; 3] {
        ["bronze", "silver", self.gold_is_called]
    }

    fn document(&self) -> Value {
        let [bronze, silver, gold] = self.levels();
        let [has_birthdays, has_cap, has_card] = self.has;
        let mut levels = json!([{ "id": bronze, "threshold": 0 }, { "id": silver, "threshold": self.silver },
                                { "id": gold, "threshold": self.silver + self.gold }]);
        if self.is_gold_kept {
            levels[2]["downgrade"] = json!("never");
        }
        let mut base =
            json!({ "id": "base", "on": "purchase", "give": { "rate": { "points": self.rate, "per": 100 } } });
        if has_cap {
            base["cap"] = json!({ "points": 300, "every": "month" });
        }
        let mut rules = vec![base];
        if has_card {
            rules.push(json!({ "id": "card", "on": "purchase", "stacking": "add", "give": { "punch_card": { "every": 3, "points": 20 } } }));
        }
        if let Some(days) = self.dare_days {
            let challenge = json!({ "times": 2, "within_days": days, "points": 30, "repeats": true });
            rules
                .push(json!({ "id": "dare", "on": "purchase", "stacking": "add", "give": { "challenge": challenge } }));
        }
        if has_birthdays {
            rules.push(json!({ "id": "cake", "on": "birthday", "give": { "fixed": { "points": 40 } } }));
        }
        let plans: Vec<_> = self
            .floor
            .iter()
            .map(|floor| json!({ "id": "plus", "price": 5, "interval": "month", "tier_floor": self.levels()[*floor] }))
            .collect();
        document(json!({
            "points": { "expiry": self.expiry, "pending": self.pending, "backdating_days_max": self.backdating,
                        "expiry_notice_days": self.notice_days },
            "earning_rules": rules,
            "tiers": { "period": self.period, "downgrade": self.downgrade, "grace_days": self.grace_days, "levels": levels },
            "plans": plans,
            "attributes": [{ "id": "birthday", "type": "date" }],
            "rewards": [{ "id": "tea", "name": "Tea", "kind": "product", "cost": { "points": 30 }, "hold_seconds_max": 3_600,
                          "limit": { "times": 5, "every": "year" } }],
        }))
    }
}

fn any_look() -> impl Strategy<Value = Look> {
    let period = prop_oneof![
        prop::sample::select(vec!["calendar_year", "membership_year", "lifetime"]).prop_map(|period| json!(period)),
        prop::sample::select(vec![1, 3, 12]).prop_map(|months| json!({ "rolling_months": months })),
    ];
    let expiry = prop_oneof![
        Just(json!("never")),
        (1..24_i64).prop_map(|months| json!({ "after_months": months, "rounded_to": "exact_day" })),
        (1..24_i64).prop_map(|months| json!({ "inactivity_months": months })),
        (1..24_i64, 1..24_i64).prop_map(
            |(months, idle)| json!([{ "after_months": months, "rounded_to": "exact_day" }, { "inactivity_months": idle }])
        ),
        Just(json!({ "fixed_dates": ["02-29", "06-30"] })),
    ];
    let pending = prop_oneof![
        2 => Just(json!("none")),
        1 => (1..40_i64).prop_map(|days| json!({ "days": days })),
        1 => (1..40_i64).prop_map(|days| json!({ "until_confirmed": { "lapses_after_days": days } })),
    ];
    let downgrade = prop::sample::select(vec!["to_qualified", "one_level", "never"]);
    let tiers = (
        10..200_i64,
        10..200_i64,
        prop::bool::weighted(0.3),
        period,
        downgrade,
        prop_oneof![Just(0), 0..=180_i64],
        prop::bool::weighted(0.2),
    );
    let points = (expiry, pending, prop_oneof![Just(0), 0..=90_i64], prop_oneof![Just(0), 1..=60_i64], 1..5_i64);
    let rest = (prop::option::weighted(0.7, 0..3_usize), any::<[bool; 3]>(), prop::option::of(1..40_i64));
    (tiers, points, rest).prop_map(
        |(
            (silver, gold, is_renamed, period, downgrade, grace_days, is_gold_kept),
            (expiry, pending, backdating, notice_days, rate),
            (floor, has, dare_days),
        )| Look {
            silver,
            gold,
            gold_is_called: if is_renamed { "aurum" } else { "gold" },
            period,
            downgrade,
            grace_days,
            is_gold_kept,
            expiry,
            pending,
            backdating,
            notice_days,
            floor,
            has,
            dare_days,
            rate,
        },
    )
}

/// What a new version keeps of the one before it.
#[derive(Clone, Copy, Debug)]
enum Keeps {
    /// The kind of period.
    Period,
    /// Everything but the thresholds and names of levels.
    AllButLevels,
    /// Everything about tiers.
    Tiers,
    Nothing,
}

#[derive(Clone, Debug)]
enum Step {
    Wait { minutes: i64 },
    Buy { cents: i64, hours_late: i64 },
    Confirm { which: usize },
    Refund { which: usize, permille: i64 },
    Redeem { hold: Option<i64> },
    Adjust { points: i64 },
    Give { level: usize, days: i32 },
    TakePlan,
    EndPlan,
    Publish { look: Box<Look>, keeps: Keeps, corrects: bool, at_midnight: bool },
}

/// Returns a step, and whether the touched one of the two members is settled and committed before it.
fn any_step() -> impl Strategy<Value = (bool, Step)> {
    let hours = prop_oneof![3 => 1..48_i64, 3 => 48..1500_i64, 2 => 1500..9000_i64];
    let late = prop_oneof![2 => Just(0), 1 => 0..2000_i64];
    let keeps = prop::sample::select(vec![
        Keeps::Period,
        Keeps::AllButLevels,
        Keeps::AllButLevels,
        Keeps::Tiers,
        Keeps::Nothing,
    ]);
    let publish = (any_look(), keeps, prop::bool::weighted(0.25), prop::bool::weighted(0.3));
    let step = prop_oneof![
        6 => hours.prop_map(|hours| Step::Wait { minutes: hours * 60 }),
        6 => (0..20_000_i64, late).prop_map(|(cents, hours_late)| Step::Buy { cents, hours_late }),
        1 => any::<usize>().prop_map(|which| Step::Confirm { which }),
        3 => (any::<usize>(), 0..=1000_i64).prop_map(|(which, permille)| Step::Refund { which, permille }),
        2 => prop::option::of(1..3_600_i64).prop_map(|hold| Step::Redeem { hold }),
        1 => (-100..100_i64).prop_map(|points| Step::Adjust { points }),
        1 => (0..3_usize, 0..400_i32).prop_map(|(level, days)| Step::Give { level, days }),
        1 => Just(Step::TakePlan),
        1 => Just(Step::EndPlan),
        4 => publish.prop_map(|(look, keeps, corrects, at_midnight)| Step::Publish { look: Box::new(look), keeps, corrects, at_midnight }),
    ];
    (any::<bool>(), step)
}

struct History {
    look: Look,
    rulebook: Rulebook,
    now: Timestamp,
    bought: Vec<(String, i64)>,
}

impl History {
    fn publish(&mut self, look: &Look, keeps: Keeps, corrects: bool, at_midnight: bool) {
        let before = self.look.clone();
        let look = match keeps {
            Keeps::Period => Look { period: before.period.clone(), ..look.clone() },
            Keeps::AllButLevels => {
                Look { silver: look.silver, gold: look.gold, gold_is_called: look.gold_is_called, ..before.clone() }
            }
            Keeps::Tiers => {
                let Look { silver, gold, gold_is_called, period, downgrade, grace_days, is_gold_kept, .. } =
                    before.clone();
                Look { silver, gold, gold_is_called, period, downgrade, grace_days, is_gold_kept, ..look.clone() }
            }
            Keeps::Nothing => look.clone(),
        };
        self.now = if at_midnight {
            start_of(&self.rulebook.zone, days_after(self.rulebook.date(self.now), 1))
        } else {
            self.now.checked_add(SignedDuration::from_secs(1)).unwrap()
        };
        let renamed = [(before.gold_is_called, look.gold_is_called)];
        let corrects = Some(self.rulebook.version).filter(|_| corrects);
        let replaces = if before.gold_is_called == look.gold_is_called { &[][..] } else { &renamed };
        self.rulebook = self.rulebook.succeeded(self.now, &look.document(), Succeeds { corrects, replaces });
        self.look = look;
    }

    /// Runs a step for `member`, and returns the result.
    fn act(&self, member: &mut Member, step: &Step, key: &str) -> String {
        let (rules, now) = (&self.rulebook, self.now);
        let told = |entry: Entry| format!("{:?} {}", entry.kind(), entry.points());
        let of = |which: &usize| which.checked_rem(self.bought.len()).map(|place| self.bought[place].clone());
        match step {
            Step::Wait { .. } | Step::Publish { .. } => String::new(),
            Step::Buy { cents, hours_late } => {
                let made = now.checked_sub(SignedDuration::from_hours(*hours_late)).unwrap();
                let occasion = purchase(&made.to_string(), json!(cents));
                format!("{:?}", member.earns_at(rules, now, key, &occasion).map(told))
            }
            Step::Confirm { which } => of(which).map_or(String::new(), |(accrual, _)| {
                format!("{:?}", member.confirms(rules, now, key, &accrual).map(told))
            }),
            Step::Refund { which, permille } => of(which).map_or(String::new(), |(accrual, cents)| {
                let total = euro(cents * permille / 1000);
                format!("{:?}", member.reverses(rules, now, key, &accrual, Some(total)).map(told))
            }),
            Step::Redeem { hold } => {
                let wish = Redeem { reward: "tea".parse().unwrap(), money: None, hold_seconds: *hold };
                format!("{:?}", member.redeems_or_holds(rules, now, key, &wish).map(told))
            }
            Step::Adjust { points } => format!("{:?}", member.adjusts(rules, now, key, *points).map(told)),
            Step::Give { level, days } => {
                let until = days_after(rules.date(now), *days).to_string();
                member.is_given(rules, now, self.look.levels()[*level], &until);
                String::new()
            }
            Step::TakePlan => format!("{:?}", member.takes_plan(rules, now, key, "plus").map(told)),
            Step::EndPlan => format!("{:?}", member.ends_plan(rules, now).map(|_| ())),
        }
    }
}

/// Returns the content of a ledger, without the time of posting and without notices, which are omitted after the
/// expiry.
fn told(member: &Member, rulebook: &Rulebook) -> Vec<Entry> {
    let entries = member.ledger.iter().map(|sealed| sealed.entry.clone());
    let entries = entries.filter(|entry| entry.kind() != Kind::Notice && entry.kind() != Kind::Change);
    // Settling does not read a version without effects of time, so an entry of the engine may name the one before it.
    let versions = rulebook.versions();
    let over_time = |version: u64| {
        let heads = versions.heads().iter().filter(|head| head.version <= version && head.differs != Differs::Nothing);
        heads.map(|head| head.version).max().unwrap_or_default()
    };
    let plain = |entry: Entry| {
        let entry = if entry.by == By::Engine {
            let settled_under = entry.settled_under.map(over_time);
            Entry { program_version: over_time(entry.program_version), settled_under, ..entry }
        } else {
            entry
        };
        let id = if entry.id.as_str().starts_with('~') { entry_id("~") } else { entry.id.clone() };
        Entry { seq: 0, posted_at: Timestamp::MIN, id, refers_to: None, ..entry }
    };
    entries.map(plain).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn settling_at_extra_moments_never_changes_what_becomes_of_an_account(
        first in any_look(),
        steps in prop::collection::vec(any_step(), 1..25),
        moments in prop::collection::vec(0..1440_i64, 25),
    ) {
        let rulebook = program_of(&first.document());
        let mut plain = Member::joins_with(&rulebook, "2026-11-21", &json!({ "birthday": "1990-05-03" }));
        let mut touched = plain.clone();
        let mut history = History { look: first, rulebook, now: at("2026-11-21"), bought: Vec::new() };
        for (n, ((is_touched, step), minutes)) in steps.into_iter().zip(moments).enumerate() {
            let key = format!("step-{n}");
            match &step {
                Step::Wait { minutes: all } => {
                    let part = all * minutes / 1440;
                    if is_touched {
                        let between = history.now.checked_add(SignedDuration::from_mins(part)).unwrap();
                        touched.is_touched(&history.rulebook, between);
                    }
                    history.now = history.now.checked_add(SignedDuration::from_mins(*all)).unwrap();
                }
                Step::Publish { look, keeps, corrects, at_midnight } => {
                    if is_touched {
                        touched.is_touched(&history.rulebook, history.now);
                    }
                    history.publish(look, *keeps, *corrects, *at_midnight);
                }
                Step::Buy { .. }
                | Step::Confirm { .. }
                | Step::Refund { .. }
                | Step::Redeem { .. }
                | Step::Adjust { .. }
                | Step::Give { .. }
                | Step::TakePlan
                | Step::EndPlan => {
                    if is_touched {
                        touched.is_touched(&history.rulebook, history.now);
                    }
                }
            }
            let [did, touched_did] = [&mut plain, &mut touched].map(|member| history.act(member, &step, &key));
            prop_assert_eq!(&did, &touched_did, "{} {:?}", key, step);
            if let (Step::Buy { cents, .. }, true) = (&step, did.starts_with("Ok")) {
                history.bought.push((key, *cents));
            }
        }
        for days in [0, 45, 400] {
            let now = history.now.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
            prop_assert_eq!(touched.account_at(&history.rulebook, now), plain.account_at(&history.rulebook, now), "{} days later", days);
        }
        let end = history.now.checked_add(SignedDuration::from_hours(24 * 400)).unwrap();
        plain.reviewed(&history.rulebook, end);
        touched.reviewed(&history.rulebook, end);
        prop_assert_eq!(told(&touched, &history.rulebook), told(&plain, &history.rulebook));
        let changed = touched.ledger.iter().find(|sealed| sealed.entry.kind() == Kind::Change && sealed.entry.effects.tier_change.is_some());
        prop_assert_eq!(changed, None, "a tier that time changed has its own entry");
        touched.assert_proven();
        plain.assert_proven();
    }
}

#[test]
fn a_state_that_differs_is_found() {
    let rulebook = program_of(&document(json!({ "attributes": [{ "id": "birthday", "type": "date" }] })));
    let mut member = Member::joins(&rulebook, "2026-11-21");
    let before = member.account_at(&rulebook, at("2026-12-01"));
    assert_eq!((before.seq, before.version, before.head_hash), (0, 0, Hash::from([0; 32])));
    member.set_attribute("birthday", AttributeValue::Date(on("1990-05-03")));
    assert_ne!(member.account_at(&rulebook, at("2026-12-01")), before);
}
