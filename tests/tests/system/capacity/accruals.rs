//! The cost of purchases, returns and what a purchase can bring along.

use super::*;

/// A purchase of this many lines, as a grocer's till sends them.
fn basket(lines: usize) -> Value {
    let lines: Vec<_> = (0..lines)
        .map(|n| json!({ "sku": format!("{:08}", 40_001_234 + n), "category": "groceries", "quantity": 1, "amount": 20 }))
        .collect();
    let total = i64::try_from(lines.len()).unwrap() * 20;
    json!({ "purchase": { "occurred_at": "2026-11-21T16:05:00+03:00", "total": { "amount": total, "currency": "EUR" },
                          "channel": "till", "store": "kadikoy-1", "receipt": "till3-0042", "lines": lines } })
}

#[test]
fn an_accrual_is_one_read_and_one_transaction_of_five_units() {
    let system = ordinary();
    let path = accruals();
    let request = ("earn", "POST", path.as_str(), "order-1", &purchase(1_000));
    assert_eq!(measure(&system, "an accrual", 201, request), cost(2, 1, 5));
    let replay = measure(&system, "its replay", 200, request);
    assert_eq!((replay.round_trips, replay.read_half_units), (2, 2), "a refused transaction reports no units");
    let request = ("earn", "POST", path.as_str(), "order-1", &purchase(1_001));
    assert_eq!(measure(&system, "its key with another body", 422, request).round_trips, 2);
    let review = json!({ "activity": { "type": "review", "occurred_at": "2026-11-21T13:00:00Z" } });
    let request = ("earn", "POST", path.as_str(), "review-1", &review);
    assert_eq!(measure(&system, "an accrual for an activity", 201, request), cost(2, 1, 5));
}

#[test]
fn the_facts_of_ten_lines_cost_nothing_and_those_of_many_what_they_weigh() {
    let system = ordinary();
    let path = accruals();
    for (lines, write_units) in [(1, 5), (3, 5), (10, 5), (50, 9)] {
        let body = basket(lines);
        let request = ("earn", "POST", path.as_str(), &*format!("order-{lines}"), &body);
        let measured = measure(&system, &format!("an accrual of {lines} lines"), 201, request);
        assert_eq!(measured, cost(2, 1, write_units), "{lines} lines");
    }
}

#[test]
fn a_return_reads_the_purchase_and_writes_it_besides_the_account_and_an_entry() {
    let system = ordinary();
    let path = accruals();
    let body = basket(3);
    measure(&system, "an accrual of 3 lines", 201, ("earn", "POST", &path, "order-1", &body));
    let (returns, amendments) = (format!("{path}/order-1/reversals"), format!("{path}/order-1/amendments"));
    let returned = json!({ "returned": [{ "line": "0" }] });
    let request = ("earn", "POST", returns.as_str(), "return-1", &returned);
    // The account, the purchase, and the purchase once more for the answer; the account, the entry and its index, the purchase
    // and its index.
    assert_eq!(measure(&system, "a return by the line", 201, request), cost(4, 3, 8));
    let request = ("earn", "POST", amendments.as_str(), "amendment-1", &body);
    assert_eq!(measure(&system, "an amendment", 201, request), cost(5, 4, 8));
    let returned = json!({ "returned": [{ "line": "1" }] });
    let request = ("earn", "POST", returns.as_str(), "return-2", &returned);
    assert_eq!(measure(&system, "a return after an amendment", 201, request), cost(6, 5, 8));
}

#[test]
fn a_member_pays_a_read_for_each_card_merged_into_the_account() {
    let system = ordinary();
    for card in ["m-2", "m-3"] {
        system.enroll(card);
        let path = format!("{}/merge", member(card));
        system.client.post_under("merge-1", &path, &json!({ "into": "m-1" })).expect(201);
    }
    let path = accruals();
    let request = ("earn", "POST", path.as_str(), "order-1", &purchase(1_000));
    assert_eq!(measure(&system, "an accrual of a member with two old cards", 201, request), cost(4, 3, 5));
    let path = format!("{}/accruals", member("m-2"));
    let request = ("earn", "POST", path.as_str(), "order-2", &purchase(1_000));
    assert_eq!(measure(&system, "the same under an old card", 201, request), cost(5, 4, 5));
}

#[test]
fn a_receipt_that_earns_once_costs_two_units_more() {
    let mut program = coffee_shop();
    program["points"]["receipts"] = json!("unique");
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase(20_000)).expect(201);
    let path = accruals();
    let request = ("earn", "POST", path.as_str(), "order-1", &basket(3));
    assert_eq!(measure(&system, "an accrual with a receipt that earns once", 201, request), cost(2, 1, 7));
}

#[test]
fn an_accrual_that_moves_the_next_review_costs_two_units_more() {
    let system = ordinary();
    let path = accruals();
    // It belongs to October, and so expires a month before everything else.
    let late = purchase_at("2026-10-25T09:00:00Z", 1_000);
    assert_eq!(
        measure(&system, "an accrual that moves the review", 201, ("earn", "POST", &path, "order-1", &late)),
        cost(2, 1, 7)
    );
    // A month later, the review date stays, because it is that of a month.
    system.move_clock("2026-12-05T09:00:00Z");
    let next = purchase_at("2026-12-05T09:00:00Z", 1_000);
    assert_eq!(
        measure(&system, "an accrual of the next month", 201, ("earn", "POST", &path, "order-2", &next)),
        cost(2, 1, 5)
    );
}

#[test]
fn where_points_expire_with_inactivity_the_first_of_a_day_moves_the_review() {
    let mut program = coffee_shop();
    program["points"]["expiry"] = json!({ "inactivity_months": 12 });
    let system = System::with(&program, "2026-11-21T13:00:00Z");
    system.enroll("m-1");
    system.accrue("m-1", "order-0", &purchase_at("2026-11-21T13:00:00Z", 20_000)).expect(201);
    let path = accruals();
    system.move_clock("2026-11-22T09:00:00Z");
    for (key, what, expected) in [
        ("order-1", "the first accrual of a day under inactivity", cost(2, 1, 7)),
        ("order-2", "the second", cost(2, 1, 5)),
    ] {
        let body = purchase_at("2026-11-22T09:00:00Z", 1_000);
        assert_eq!(measure(&system, what, 201, ("earn", "POST", &path, key, &body)), expected);
    }
    system.move_clock("2026-11-23T09:00:00Z");
    let path = redemptions();
    let body = json!({ "reward": "plant-a-tree" });
    let request = ("redeem", "POST", path.as_str(), "r-1", &body);
    assert_eq!(measure(&system, "the first redemption of a day under inactivity", 201, request), cost(2, 1, 7));
}

#[test]
fn an_accrual_after_a_year_pays_for_what_time_did_in_the_same_transaction() {
    let system = ordinary();
    system.move_clock("2027-12-05T09:00:00Z");
    let body = purchase_at("2027-12-05T09:00:00Z", 1_000);
    let path = accruals();
    let measured =
        measure(&system, "an accrual with an expiry before it", 201, ("earn", "POST", &path, "order-1", &body));
    // The account, two entries with their index, and the new review date.
    assert_eq!(measured, cost(2, 1, 10));
}

#[test]
fn an_ordinary_customer_of_many_purchases_costs_no_more_than_a_new_one() {
    let system = ordinary();
    let path = accruals();
    for number in 1..=60 {
        let mut body = purchase(1_000 + number);
        body["purchase"]["channel"] = json!("app");
        body["purchase"]["lines"] =
            json!([{ "sku": "yirgacheffe", "category": "beans", "quantity": 1, "amount": 800 }]);
        system.accrue("m-1", &format!("order-{number}"), &body).expect(201);
    }
    let request = ("earn", "POST", path.as_str(), "order-61", &purchase(1_000));
    assert_eq!(measure(&system, "the sixty-second accrual", 201, request), cost(2, 1, 5));
}

#[test]
fn a_purchase_under_a_cap_over_all_members_costs_half_a_read_unit_and_two_write_units_more() {
    let mut program = coffee_shop();
    for rule in program["earning_rules"].as_array_mut().unwrap() {
        if rule["id"] == "base" {
            rule["cap"] = json!({ "points": 400, "per": "program", "every": "ever" });
        }
    }
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let path = accruals();
    let mut given = 0;
    // Ten points each, of a shard's fifty.
    for (key, what, expected) in [
        ("order-1", "the very first accrual under a cap over all members", (4, 3 + 8, 10 + 8 * 4)),
        ("order-2", "an accrual under a cap over all members", (3, 3, 14)),
        ("order-3", "the next one", (3, 3, 14)),
        ("order-4", "the next one", (3, 3, 14)),
        ("order-5", "the one that fills the member's shard", (3, 3, 14)),
        ("order-6", "one whose member's shard is full", (4, 3 + 8, 14)),
    ] {
        let request = ("earn", "POST", path.as_str(), key, &purchase(1_000));
        let measured = measure(&system, what, 201, request);
        assert_eq!((measured.round_trips, measured.read_half_units, measured.write_half_units), expected, "{what}");
        given += 10;
        let counted = system.account("m-1")["balance"]["spendable"].as_i64().unwrap() - 25;
        assert_eq!(counted, given);
    }
}

#[test]
fn a_refusal_writes_nothing_and_looks_once_whether_it_is_a_repeat() {
    let system = ordinary();
    let path = accruals();
    let late = purchase_at("2020-01-01T00:00:00Z", 1_000);
    assert_eq!(measure(&system, "a refused accrual", 422, ("earn", "POST", &path, "order-1", &late)), cost(2, 2, 0));
    let broken = json!({ "purchase": {} });
    assert_eq!(
        measure(&system, "a malformed accrual", 400, ("earn", "POST", &path, "order-1", &broken)),
        cost(0, 0, 0)
    );
    let nobody = format!("{}/accruals", member("m-9"));
    let body = purchase(1_000);
    let request = ("earn", "POST", nobody.as_str(), "order-1", &body);
    assert_eq!(measure(&system, "an accrual for nobody", 404, request), cost(1, 1, 0));
}
