//! The cost of reading accounts, programs and the catalogue.

use super::*;

/// Returns the coffee shop with 500 rewards, each made from `reward` under an id of its own.
fn with_rewards(reward: &Value) -> System {
    let rewards: Vec<Value> = (0..500)
        .map(|number| {
            let mut reward = reward.clone();
            reward["id"] = json!(format!("reward-{number}"));
            reward
        })
        .collect();
    let mut program = coffee_shop();
    program["rewards"] = json!(rewards);
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system
}

#[test]
fn reading_costs_what_it_reads() {
    let system = ordinary();
    let path = member("m-1");
    let nothing = Value::Null;
    let account = ("account", "GET", path.as_str(), "-", &nothing);
    assert_eq!(measure(&system, "an account", 200, account), cost(1, 1, 0));
    let entries = format!("{path}/entries");
    let statement = measure(&system, "a statement", 200, ("account", "GET", &entries, "-", &nothing));
    assert_eq!((statement.round_trips, statement.write_half_units), (2, 0));
    assert!(statement.read_half_units <= 4, "{statement:?}");
}

#[test]
fn a_program_is_read_once_and_then_kept() {
    let system = ordinary();
    system.engine().programs.forget(&"demo".parse().unwrap());
    let path = accruals();
    let first = measure(&system, "a first accrual", 201, ("earn", "POST", &path, "order-1", &purchase(1_000)));
    assert_eq!(first.round_trips, 4, "its head and its document besides");
    let second = measure(&system, "the one after", 201, ("earn", "POST", &path, "order-2", &purchase(1_000)));
    assert_eq!(second, cost(2, 1, 5));
}

#[test]
fn a_page_of_the_catalogue_reads_a_bounded_number_of_units_however_many_rewards_there_are() {
    let plain = json!({ "name": "A coffee", "kind": "product", "cost": { "points": 1 } });
    let mut counted = plain.clone();
    counted["stock"] = json!(5_000);
    counted["limit"] = json!({ "times": 1_000, "per": "program", "every": "month" });
    let mut pooled = counted.clone();
    pooled["codes"] = json!("pool");
    pooled.as_object_mut().unwrap().remove("stock");
    for (what, reward, length, round_trips) in [
        ("without counters", &plain, 100, 1),
        ("with stock and a limit", &counted, 12, 3),
        // A pool without a free code takes two queries.
        ("with a limit and an empty pool", &pooled, 24, 3 + 2 * 24),
    ] {
        let system = with_rewards(reward);
        if what.contains("stock") {
            // A counter has no items until its first piece is taken; then it has eight.
            for number in 0..12 {
                let body = json!({ "reward": format!("reward-{number}") });
                system.redeem("m-1", &format!("r-{number}"), &body).expect(201);
            }
        }
        let path = format!("{}/rewards?limit=100", member("m-1"));
        let page = system.client.get(&path).expect(200);
        assert_eq!(page["rewards"].as_array().unwrap().len(), length, "{what}");
        assert_eq!(page["next_cursor"], format!("reward-{}", length - 1), "{what}");
        let what = format!("a page of a catalogue {what}");
        let cost = measure(&system, &what, 200, ("account", "GET", &path, "", &Value::Null));
        assert_eq!(cost.round_trips, round_trips, "{what}");
        // The account, and four units for each of 24 counters; or for 24 of them and 24 pools of two queries.
        assert!(cost.read_half_units <= 2 * (1 + 4 * 24 + 24), "{what}: {cost:?}");
        assert_eq!(cost.write_half_units, 0, "{what}");
    }
}
