//! Random program documents: tiers, pending points, expiry, notices, plans, caps and stock of all kinds.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::document;

/// The ids of the rewards: one with a limit per member, one with stock and a limit per program, and one that costs points per money.
pub(crate) const REWARDS: [&str; 3] = ["tea", "mug", "off"];

/// The longest hold of a reward.
pub(crate) const HOLD_SECONDS_MAX: i64 = 3_600;

/// A version of the program.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) tiers: TiersLook,
    pub(crate) points: PointsLook,
    pub(crate) plan: PlanLook,
    /// Whether there are birthday points, a cap, and a punch card.
    pub(crate) has: [bool; 3],
    pub(crate) cap_per: &'static str,
    pub(crate) dare_days: Option<i64>,
    /// The stock of mugs, and their limit per month for all members together.
    pub(crate) mugs: [i64; 2],
}

/// The tiers of a version.
#[derive(Clone, Debug)]
pub(crate) struct TiersLook {
    pub(crate) basis: Value,
    pub(crate) silver: i64,
    pub(crate) gold: i64,
    pub(crate) gold_is_called: &'static str,
    pub(crate) period: Value,
    pub(crate) downgrade: &'static str,
    pub(crate) grace_days: i64,
    pub(crate) notice_days: i64,
    pub(crate) is_gold_kept: bool,
}

/// The points of a version.
#[derive(Clone, Debug)]
pub(crate) struct PointsLook {
    pub(crate) expiry: Value,
    pub(crate) pending: Value,
    pub(crate) backdating: i64,
    pub(crate) notice_days: i64,
    pub(crate) usable_days: i64,
    pub(crate) activity: Vec<&'static str>,
    pub(crate) owe: bool,
    /// Points per euro.
    pub(crate) rate: i64,
}

/// The plan of a version.
#[derive(Clone, Debug)]
pub(crate) struct PlanLook {
    /// The rank of its tier floor; `None` if there is no plan.
    pub(crate) floor: Option<usize>,
    pub(crate) interval: &'static str,
    pub(crate) grace_days: i64,
}

impl Look {
    pub(crate) fn levels(&self) -> [&'static str; 3] {
        ["bronze", "silver", self.tiers.gold_is_called]
    }

    pub(crate) fn document(&self) -> Value {
        let points = &self.points;
        let floor = self.plan.floor.map(|floor| self.levels()[floor]);
        let plans: Vec<_> = floor
            .iter()
            .map(|floor| {
                json!({ "id": "plus", "price": 5, "interval": self.plan.interval, "grace_days": self.plan.grace_days,
                        "tier_floor": floor })
            })
            .collect();
        let [stock, limit] = self.mugs;
        document(json!({
            "points": { "expiry": points.expiry, "pending": points.pending, "backdating_days_max": points.backdating,
                        "expiry_notice_days": points.notice_days, "usable_days_min": points.usable_days,
                        "activity": points.activity, "negative_balance": if points.owe { "owe" } else { "forgive" } },
            "earning_rules": self.rules(),
            "tiers": self.tiers.document(self.levels()),
            "plans": plans,
            "attributes": [{ "id": "birthday", "type": "date" }],
            "rewards": [
                { "id": "tea", "name": "Tea", "kind": "product", "cost": { "points": 30 }, "hold_seconds_max": HOLD_SECONDS_MAX,
                  "limit": { "times": 5, "every": "year" } },
                { "id": "mug", "name": "Mug", "kind": "product", "cost": { "points": 10 }, "hold_seconds_max": HOLD_SECONDS_MAX,
                  "stock": stock, "limit": { "times": limit, "per": "program", "every": "month" } },
                { "id": "off", "name": "Money off", "kind": "discount", "cost": { "points": 3, "per": 2 },
                  "hold_seconds_max": HOLD_SECONDS_MAX, "tiers": ["silver", self.tiers.gold_is_called] },
            ],
        }))
    }

    fn rules(&self) -> Vec<Value> {
        let [has_birthdays, has_cap, has_card] = self.has;
        let give = json!({ "rate": { "points": self.points.rate, "per": 100 } });
        let mut base = json!({ "id": "base", "on": "purchase", "give": give });
        if has_cap {
            base["cap"] = json!({ "points": 300, "per": self.cap_per, "every": "month" });
        }
        let mut rules = vec![base];
        if has_card {
            let card = json!({ "punch_card": { "every": 3, "points": 20 } });
            rules.push(json!({ "id": "card", "on": "purchase", "stacking": "add", "give": card }));
        }
        if let Some(days) = self.dare_days {
            let challenge = json!({ "challenge": { "times": 2, "within_days": days, "points": 30, "repeats": true } });
            rules.push(json!({ "id": "dare", "on": "purchase", "stacking": "add", "give": challenge }));
        }
        if has_birthdays {
            rules.push(json!({ "id": "cake", "on": "birthday", "give": { "fixed": { "points": 40 } } }));
        }
        rules
    }
}

impl TiersLook {
    /// Returns the threshold of a level with `n` points, in the units of the basis.
    fn threshold(&self, rank: i64, n: i64) -> Value {
        let of = |unit: &str| match unit {
            "points" => n,
            "spend" => n * 60,
            _ => rank + n / 50,
        };
        let units = ["any", "all"].into_iter().find_map(|word| self.basis[word].as_array());
        match units {
            Some(units) => units
                .iter()
                .map(|unit| (unit.as_str().unwrap().to_owned(), json!(of(unit.as_str().unwrap()))))
                .collect(),
            None => json!(of(self.basis.as_str().unwrap())),
        }
    }

    fn document(&self, [bronze, silver, gold]: [&str; 3]) -> Value {
        let level = |(rank, (id, n))| json!({ "id": id, "threshold": self.threshold(rank, n) });
        let levels = [(bronze, 0), (silver, self.silver), (gold, self.silver + self.gold)];
        let mut levels: Vec<_> = (0..).zip(levels).map(level).collect();
        if self.is_gold_kept {
            levels[2]["downgrade"] = json!("never");
        }
        json!({ "basis": self.basis, "period": self.period, "downgrade": self.downgrade, "grace_days": self.grace_days,
                "notice_days": self.notice_days, "levels": levels })
    }
}

fn any_tiers() -> impl Strategy<Value = TiersLook> {
    let period = prop_oneof![
        prop::sample::select(vec!["calendar_year", "membership_year", "lifetime"]).prop_map(|period| json!(period)),
        prop::sample::select(vec![1, 3, 12]).prop_map(|months| json!({ "rolling_months": months })),
    ];
    let basis = prop_oneof![
        6 => Just(json!("points")),
        1 => Just(json!("spend")),
        1 => Just(json!("visits")),
        1 => Just(json!({ "any": ["points", "visits"] })),
        1 => Just(json!({ "all": ["spend", "visits"] })),
    ];
    let downgrade = prop::sample::select(vec!["to_qualified", "one_level", "never"]);
    let days = (prop_oneof![Just(0), 0..=180_i64], prop_oneof![Just(0), 0..=90_i64]);
    let levels = (10..200_i64, 10..200_i64, prop::bool::weighted(0.3), prop::bool::weighted(0.2));
    (basis, period, downgrade, days, levels).prop_map(
        |(basis, period, downgrade, (grace_days, notice_days), (silver, gold, is_renamed, is_gold_kept))| TiersLook {
            basis,
            silver,
            gold,
            gold_is_called: if is_renamed { "aurum" } else { "gold" },
            period,
            downgrade,
            grace_days,
            notice_days,
            is_gold_kept,
        },
    )
}

fn any_points() -> impl Strategy<Value = PointsLook> {
    let expiry = prop_oneof![
        Just(json!("never")),
        (1..24_i64).prop_map(|months| json!({ "after_months": months, "rounded_to": "exact_day" })),
        (1..24_i64).prop_map(|months| json!({ "after_months": months, "rounded_to": "end_of_month" })),
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
    let kinds = vec!["purchase", "redemption", "plan"];
    let activity = prop_oneof![Just(vec!["purchase", "redemption"]), prop::sample::subsequence(kinds, 0..=3)];
    let days = (
        prop_oneof![Just(0), 0..=90_i64],
        prop_oneof![1 => Just(0), 2 => 1..=60_i64],
        prop_oneof![Just(0), Just(30), 1..=90_i64],
    );
    (expiry, pending, days, activity, any::<bool>(), 1..5_i64).prop_map(
        |(expiry, pending, (backdating, notice_days, usable_days), activity, owe, rate)| PointsLook {
            expiry,
            pending,
            backdating,
            notice_days,
            usable_days,
            activity,
            owe,
            rate,
        },
    )
}

pub(crate) fn any_look() -> impl Strategy<Value = Look> {
    let plan = (
        prop::option::weighted(0.7, 0..3_usize),
        prop::sample::select(vec!["month", "month", "year"]),
        prop_oneof![2 => Just(0), 1 => 1..=40_i64],
    )
        .prop_map(|(floor, interval, grace_days)| PlanLook { floor, interval, grace_days });
    let few = || prop_oneof![1..4_i64, Just(1_000)];
    let cap_per = prop::sample::select(vec!["member", "program"]);
    let rest = (any::<[bool; 3]>(), cap_per, prop::option::of(1..40_i64), [few(), few()]);
    (any_tiers(), any_points(), plan, rest).prop_map(|(tiers, points, plan, (has, cap_per, dare_days, mugs))| Look {
        tiers,
        points,
        plan,
        has,
        cap_per,
        dare_days,
        mugs,
    })
}
