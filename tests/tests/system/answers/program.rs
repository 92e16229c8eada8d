//! Random variants of the coffee shop's program: points, tiers, caps and stock.

use fastrand::Rng;
use regulars_tests::system::coffee_shop;
use serde_json::{Value, json};

/// Returns one of `all`.
pub(super) fn pick<T: Clone>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())].clone()
}

/// Returns a random variant of the program.
pub(super) fn document(rng: &mut Rng) -> Value {
    let mut shop = coffee_shop();
    let points = &mut shop["points"];
    points["pending"] = pick(
        rng,
        &[
            json!("none"),
            json!("none"),
            json!({ "days": 14 }),
            json!({ "until_confirmed": { "lapses_after_days": 10 } }),
        ],
    );
    points["expiry"] = pick(
        rng,
        &[
            json!("never"),
            json!({ "after_months": 1, "rounded_to": "exact_day" }),
            json!({ "after_months": 1, "rounded_to": "end_of_month" }),
            json!({ "inactivity_months": 1 }),
            json!([{ "after_months": 2, "rounded_to": "exact_day" }, { "inactivity_months": 1 }]),
        ],
    );
    points["expiry_notice_days"] = pick(rng, &[json!(0), json!(10)]);
    points["usable_days_min"] = json!(rng.i64(0..40));
    shop["earning_rules"][0]["cap"] = pick(
        rng,
        &[
            Value::Null,
            json!({ "points": 150, "per": "program", "every": "month" }),
            json!({ "points": 40, "per": "member", "every": "day" }),
        ],
    );
    if shop["earning_rules"][0]["cap"].is_null() {
        shop["earning_rules"][0].as_object_mut().unwrap().remove("cap");
    }
    shop["tiers"] = tiers(rng);
    rewards(rng, &mut shop["rewards"]);
    shop
}

fn tiers(rng: &mut Rng) -> Value {
    let periods = [json!("calendar_year"), json!("membership_year"), json!("lifetime"), json!({ "rolling_months": 1 })];
    let (basis, silver, gold) = pick(
        rng,
        &[
            (json!("points"), json!(50), json!(150)),
            (json!("spend"), json!(5_000), json!(20_000)),
            (
                json!({ "any": ["points", "visits"] }),
                json!({ "points": 50, "visits": 3 }),
                json!({ "points": 200, "visits": 7 }),
            ),
            (
                json!({ "all": ["spend", "visits"] }),
                json!({ "spend": 3_000, "visits": 2 }),
                json!({ "spend": 20_000, "visits": 4 }),
            ),
        ],
    );
    let none: Value = match silver.as_object() {
        Some(amounts) => amounts.keys().map(|unit| (unit.clone(), json!(0))).collect(),
        None => json!(0),
    };
    json!({
        "basis": basis, "period": pick(rng, &periods), "downgrade": "to_qualified", "grace_days": pick(rng, &[0, 20]),
        "levels": [{ "id": "bronze", "threshold": none }, { "id": "silver", "threshold": silver, "earning_percent": 125 },
                   { "id": "gold", "threshold": gold, "earning_percent": 150 }],
    })
}

fn rewards(rng: &mut Rng, rewards: &mut Value) {
    for reward in rewards.as_array_mut().unwrap() {
        reward["hold_seconds_max"] = json!(3_600);
        match reward["id"].as_str().unwrap() {
            // Two systems would generate different codes.
            "gift-card" => drop(reward.as_object_mut().unwrap().remove("codes")),
            "mug" => reward["stock"] = json!(rng.i64(1..4)),
            "tasting" => {
                reward["stock"] = json!(1);
                reward["cost"] = json!({ "points": 40 });
                reward["tiers"] = json!(["silver", "gold"]);
            }
            "plant-a-tree" => reward["limit"] = json!({ "times": 2, "per": "program", "every": "month" }),
            "free-coffee" => {
                reward["cost"] = json!({ "points": 20 });
                reward["limit"] =
                    pick(rng, &[json!({ "times": 1, "every": "day" }), json!({ "points": 50, "every": "week" })]);
            }
            _ => {}
        }
    }
}
