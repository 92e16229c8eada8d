//! `/members/{member}/tier`: the tier, its reason, and what reaches or keeps a level.

use regulars_tests::system::{DEMO, NOW, System, coffee_shop, member, purchase};
use serde_json::{Value, json};

fn tier(system: &System) -> Value {
    system.client.get(&format!("{}/tier", member("m-1"))).expect(200)
}

#[test]
fn a_tier_explains_itself() {
    let system = System::start();
    system.enroll("m-1");
    assert_eq!(
        tier(&system),
        json!({
            "id": "bronze", "because": "qualified", "until": null,
            "next": { "id": "silver", "missing": 300, "by": "2026-12-31" }, "keep": null,
            "earning_percent": 100, "perks": ["Birthday coffee"],
            "period": {
                "from": "2026-01-01", "to": "2026-12-31", "qualifying": { "points": 0, "spend": 0, "visits": 0 }
            },
            "secured": [], "promised": [], "override": null, "at_next_review": null, "floor": null
        })
    );
    system.accrue("m-1", "order-1", &purchase(42_000)).expect(201);
    let silver = tier(&system);
    assert_eq!(
        silver,
        json!({
            // What this year reaches holds through the next one and its days of grace.
            "id": "silver", "because": "qualified", "until": "2028-01-31",
            "next": { "id": "gold", "missing": 580, "by": "2026-12-31" }, "keep": null,
            "earning_percent": 125, "perks": ["Birthday coffee", "Free refills"],
            "period": {
                "from": "2026-01-01", "to": "2026-12-31", "qualifying": { "points": 420, "spend": 42_000, "visits": 1 }
            },
            "secured": [], "promised": [], "override": null, "at_next_review": { "on": "2028-02-01", "tier": "bronze" }, "floor": null
        })
    );
    let account = system.account("m-1");
    for field in ["id", "because", "until", "next", "keep"] {
        assert_eq!(account["tier"][field], silver[field], "{field}");
    }
}

#[test]
fn what_a_year_earned_is_secured_for_the_next_one_and_some_days_of_grace() {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(42_000)).expect(201);

    system.move_clock("2027-03-01T09:00:00Z");
    let secured = tier(&system);
    assert_eq!((&secured["id"], &secured["because"]), (&json!("silver"), &json!("secured")));
    assert_eq!(secured["until"], "2028-01-31");
    assert_eq!(secured["keep"], json!({ "missing": 300, "from": "2027-03-01", "by": "2027-12-31" }));
    assert_eq!(secured["secured"], json!([{ "id": "silver", "through": "2027-12-31" }]));
    assert_eq!(secured["period"]["qualifying"]["points"], 0);

    // The last second of grace in Istanbul, and the next.
    system.move_clock("2028-01-31T20:59:59Z");
    assert_eq!(tier(&system)["id"], "silver");
    system.move_clock("2028-01-31T21:00:00Z");
    assert_eq!((&tier(&system)["id"], &tier(&system)["because"]), (&json!("bronze"), &json!("qualified")));
    system.audit("m-1");
    let ledger = system.ledger("m-1");
    let change = ledger.iter().find(|entry| entry["id"] == "~tier~2028-02-01").unwrap();
    assert_eq!(change["tier_change"], json!({ "from": "silver", "to": "bronze" }));
    assert_eq!(change["occurred_at"], "2028-01-31T21:00:00Z");
}

#[test]
fn a_program_without_tiers_has_none_to_tell_of() {
    let system = System::start();
    let path = "/v1/programs/plain";
    let program = json!({ "name": "Plain", "time_zone": "UTC", "currency": "JPY" });
    system.client.put(path, ("if-none-match", "*"), &program).expect(201);
    let account = system.client.post(&format!("{path}/members"), &json!({ "member": "m-1" })).expect(201);
    assert_eq!(account["tier"], Value::Null);
    let tier = system.client.get(&format!("{path}/members/m-1/tier")).expect(200);
    assert_eq!(tier["period"], Value::Null);
    system.client.get(&format!("{path}/members/m-2/tier")).problem(404, "member_not_found");
}

#[test]
fn a_tier_over_rolling_months_shows_when_it_ends_and_what_keeps_it() {
    let mut program = coffee_shop();
    program["tiers"]["period"] = json!({ "rolling_months": 12 });
    program["tiers"]["levels"][2]["downgrade"] = json!("never");
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(42_000)).expect(201);
    let silver = tier(&system);
    assert_eq!((&silver["id"], &silver["until"]), (&json!("silver"), &json!("2027-12-31")));
    assert_eq!(silver["next"], json!({ "id": "gold", "missing": 580, "by": "2027-11-30" }));
    assert_eq!(silver["keep"], json!({ "missing": 300, "from": "2026-12-01", "by": "2027-12-31" }));
    assert_eq!((&silver["period"]["from"], &silver["period"]["to"]), (&json!("2025-11-01"), &json!("2026-11-30")));
    assert_eq!(silver["at_next_review"], json!({ "on": "2028-01-01", "tier": "bronze" }));

    // Gold is never lost here, so it has no end.
    system.accrue("m-1", "order-2", &purchase(60_000)).expect(201);
    for now in [NOW, "2032-06-01T09:00:00Z"] {
        system.move_clock(now);
        let gold = tier(&system);
        assert_eq!((&gold["id"], &gold["until"], &gold["keep"]), (&json!("gold"), &Value::Null, &Value::Null), "{now}");
        assert_eq!(gold["at_next_review"], Value::Null, "{now}");
    }
    system.audit("m-1");
}

#[test]
fn a_level_that_an_earlier_version_gave_is_shown_with_its_date_and_its_version() {
    let mut program = coffee_shop();
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(35_000)).expect(201);
    program["tiers"]["levels"][1]["threshold"] = json!(500);
    let published = system.client.put(DEMO, ("if-match", "\"1\""), &program).expect(201);
    assert_eq!(published["version"], 2);
    assert!(!published["warnings"].as_array().unwrap().is_empty(), "a raised threshold is a warning: {published}");
    let told = tier(&system);
    assert_eq!(
        (&told["id"], &told["because"], &told["until"]),
        (&json!("silver"), &json!("secured"), &json!("2028-01-31"))
    );
    assert_eq!(told["promised"], json!([{ "id": "silver", "until": "2028-01-31", "version": 1 }]));
    assert_eq!(told["next"], json!({ "id": "gold", "missing": 650, "by": "2026-12-31" }));
}

#[test]
fn missing_amounts_show_whether_any_of_them_is_enough() {
    for (word, left) in [("any", json!({ "points": 200, "visits": 2 })), ("all", json!({ "points": 200, "visits": 2 }))]
    {
        let mut program = coffee_shop();
        let threshold = |times: i64| json!({ "points": 300 * times, "visits": 3 * times });
        program["tiers"]["basis"] = json!({ word: ["points", "visits"] });
        for (level, times) in program["tiers"]["levels"].as_array_mut().unwrap().iter_mut().zip(0..) {
            level["threshold"] = threshold(times);
        }
        let system = System::with(&program, NOW);
        system.enroll("m-1");
        system.accrue("m-1", "order-1", &purchase(10_000)).expect(201);
        let bronze = tier(&system);
        assert_eq!((&bronze["id"], &bronze["next"]["missing"]), (&json!("bronze"), &json!({ word: left })));
    }
}
