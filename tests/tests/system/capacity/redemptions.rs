//! The cost of redemptions, holds, and codes.

use super::*;

#[test]
fn a_redemption_of_unlimited_stock_costs_what_an_accrual_does_and_a_counted_one_its_counter_more() {
    let mut program = coffee_shop();
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "mug" {
            reward["stock"] = json!(80);
        }
        if reward["codes"].is_null() {
            reward["hold_seconds_max"] = json!(60);
        }
    }
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(40_000)).expect(201);
    let path = redemptions();
    let unlimited = json!({ "reward": "plant-a-tree" });
    let request = ("redeem", "POST", path.as_str(), "r-1", &unlimited);
    assert_eq!(measure(&system, "a redemption", 201, request), cost(2, 1, 5));
    assert_eq!(measure(&system, "its replay", 200, request).round_trips, 2);

    let counted = json!({ "reward": "mug" });
    let request = ("redeem", "POST", path.as_str(), "r-0", &counted);
    let measured = measure(&system, "the very first redemption of counted stock", 201, request);
    // It reads and writes all eight shards of the counter.
    assert_eq!(measured, Cost { round_trips: 4, read_half_units: 3 + 8, write_half_units: 10 + 8 * 4 });
    let request = ("redeem", "POST", path.as_str(), "r-2", &counted);
    let measured = measure(&system, "a redemption of counted stock", 201, request);
    assert_eq!(measured, Cost { round_trips: 3, read_half_units: 3, write_half_units: 14 }, "the member's shard");
    let reversal = format!("{path}/r-2/reversals");
    let request = ("redeem", "POST", reversal.as_str(), "u-1", &json!({}));
    let returned = measure(&system, "the same undone, its piece back in stock", 201, request);
    // The account, the redemption and the counter before, the redemption after; account, entry, its mark, the counter.
    assert_eq!((returned.round_trips, returned.read_half_units, returned.write_half_units), (5, 8, 20));

    let held = json!({ "reward": "mug", "hold": { "seconds": 60 } });
    let end = |key: &str, action: &str, id: &str| {
        let request = ("redeem", "POST", path.as_str(), key, &held);
        let measured = measure(&system, "a hold of counted stock", 201, request);
        // The index `due` has its review on the next day, until the hold ends.
        let of_hold = Cost { round_trips: 3, read_half_units: 3, write_half_units: 18 };
        assert_eq!(measured, of_hold, "what a redemption costs, and the review's new date");
        let ending = format!("{path}/{key}/{action}");
        let request = ("redeem", "POST", ending.as_str(), id, &Value::Null);
        measure(&system, &format!("its {action}"), 201, request)
    };
    let (captured, cancelled) = (end("h-1", "capture", "c-1"), end("h-2", "cancellation", "c-2"));
    assert_eq!(captured, cancelled, "the piece is taken for good, or goes back");
    assert_eq!(captured, cost(5, 4, 12));
    let held = json!({ "reward": "plant-a-tree", "hold": { "seconds": 60 } });
    for (key, action, id) in [("h-3", "capture", "c-3"), ("h-4", "cancellation", "c-4")] {
        let request = ("redeem", "POST", path.as_str(), key, &held);
        assert_eq!(measure(&system, "a hold of unlimited stock", 201, request), cost(2, 1, 7));
        let path = format!("{path}/{key}/{action}");
        let request = ("redeem", "POST", path.as_str(), id, &Value::Null);
        assert_eq!(measure(&system, &format!("its {action}"), 201, request), cost(4, 3, 10));
    }

    let dear = json!({ "reward": "gift-card" });
    let request = ("redeem", "POST", path.as_str(), "r-3", &dear);
    let refused = measure(&system, "a refusal for want of points", 422, request);
    assert_eq!(refused.write_half_units, 0);
    // The account, the unused stock, so all of its shards, and the check for a repeat.
    assert!(refused.round_trips <= 4 && refused.read_half_units <= 13, "{refused:?}");
}

#[test]
fn a_code_costs_two_write_units_if_it_is_made_and_three_if_it_comes_from_a_pool() {
    let mut program = coffee_shop();
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "cinema", "name": "A ticket to the cinema", "kind": "voucher", "cost": { "points": 10 }, "codes": "pool"
    }));
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "gift-card" {
            reward["stock"] = json!(80);
        }
    }
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(200_000)).expect(201);
    let path = redemptions();
    let made = json!({ "reward": "gift-card" });
    let request = ("redeem", "POST", path.as_str(), "r-0", &made);
    measure(&system, "the very first redemption of counted stock with a made code", 201, request);
    let request = ("redeem", "POST", path.as_str(), "r-1", &made);
    let measured = measure(&system, "a redemption of counted stock with a made code", 201, request);
    assert_eq!(measured, Cost { round_trips: 3, read_half_units: 3, write_half_units: 18 });

    let (codes, uploaded) = ("/v1/programs/demo/rewards/cinema/codes", json!({ "codes": ["A1", "A2"] }));
    let request = ("program", "POST", codes, "-", &uploaded);
    assert_eq!(measure(&system, "an upload of two codes", 200, request), cost(1, 0, 6));
    let pooled = json!({ "reward": "cinema" });
    let request = ("redeem", "POST", path.as_str(), "r-2", &pooled);
    let measured = measure(&system, "a redemption with a code of a pool", 201, request);
    // One query if a free code comes after the random position, and another from the start if not.
    let looks = measured.round_trips - 2;
    assert!((1..=2).contains(&looks), "{measured:?}");
    assert_eq!(measured, Cost { round_trips: 2 + looks, read_half_units: 2 + looks, write_half_units: 16 });
    let request = ("program", "GET", codes, "-", &Value::Null);
    assert_eq!(measure(&system, "a count of two codes", 200, request), cost(2, 1, 0));
}

#[test]
fn a_use_of_a_code_costs_three_read_units_and_seven_write_units() {
    let mut program = coffee_shop();
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "gift-card" {
            reward["stock"] = json!("unlimited");
            reward["value"] = json!({ "amount": 1_000, "currency": "EUR" });
        }
    }
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(200_000)).expect(201);
    let give = |key: &str| {
        let given = system.redeem("m-1", key, &json!({ "reward": "gift-card" })).expect(201);
        format!("/v1/programs/demo/rewards/gift-card/codes/{}", given["redemption"]["code"].as_str().unwrap())
    };
    let (code, other) = (give("r-1"), give("r-2"));
    let path = format!("{code}/use");
    let part = |amount: i64| json!({ "money": { "amount": amount, "currency": "EUR" } });
    let (first, too_much) = (part(400), part(601));
    let request = ("redeem", "POST", path.as_str(), "use-1", &first);
    // The code, which tells whose it is; the account and the code; the account, the entry and its index, and the code.
    assert_eq!(measure(&system, "a use of a code", 201, request), cost(4, 3, 7));
    let request = ("redeem", "POST", path.as_str(), "use-2", &too_much);
    assert_eq!(measure(&system, "a refused use of a code", 422, request), cost(4, 4, 0));
    let path = format!("{}/r-1/reversals", redemptions());
    let request = ("redeem", "POST", path.as_str(), "u-1", &json!({}));
    // The account and the redemption, the code, the redemption after; account, entry, the mark, the code.
    assert_eq!(measure(&system, "undoing a redemption with a code", 201, request), cost(5, 4, 10));
    let path = format!("{other}/void");
    let request = ("program", "POST", path.as_str(), "-", &Value::Null);
    // The code, as it is typed and as it is then; the redemption that it was given for.
    assert_eq!(measure(&system, "making a code void", 200, request), cost(4, 3, 2));
}
