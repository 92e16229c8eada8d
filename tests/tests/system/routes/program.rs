//! `/v1/programs/{program}`: publishing and reading a program.

use regulars_tests::{
    client::Answer,
    system::{DEMO, System, coffee_shop, purchase},
};
use serde_json::{Value, json};

fn publish(system: &System, version: &str, program: &Value) -> Answer {
    system.client.put(DEMO, ("if-match", version), program)
}

fn places(findings: &Value) -> Vec<(&str, &str)> {
    let findings = findings.as_array().unwrap().iter();
    findings.map(|found| (found["at"].as_str().unwrap(), found["code"].as_str().unwrap())).collect()
}

#[test]
fn a_program_is_read_as_it_was_published_with_its_version() {
    let system = System::start();
    let answer = system.client.get(DEMO);
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.expect(200), coffee_shop());
    system.client.get("/v1/programs/other").problem(404, "program_not_found");
}

#[test]
fn a_new_version_is_published_over_the_one_that_was_read_and_is_in_force_at_once() {
    let system = System::start();
    system.enroll("m-1");
    let mut program = coffee_shop();
    program["earning_rules"][0]["give"]["rate"]["points"] = json!(3);
    let answer = publish(&system, "\"1\"", &program);
    assert_eq!(answer.header("etag"), Some("\"2\""));
    let body = answer.expect(201);
    assert_eq!((&body["program"], &body["version"]), (&json!("demo"), &json!(2)));
    let read = system.client.get(DEMO);
    assert_eq!(read.header("etag"), Some("\"2\""));
    assert_eq!(read.expect(200), program);
    let entry = system.accrue("m-1", "order-1", &purchase(1_000)).expect(201)["entry"].clone();
    assert_eq!((&entry["points"], &entry["program_version"]), (&json!(30), &json!(2)));
}

#[test]
fn the_first_version_is_published_if_there_is_none() {
    let system = System::start();
    let path = "/v1/programs/bakery-2";
    system.client.put(path, ("if-match", "\"1\""), &coffee_shop()).problem(409, "program_version_stale");
    let answer = system.client.put(path, ("if-none-match", "*"), &coffee_shop());
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.expect(201)["version"], 1);
    system.client.post(&format!("{path}/members"), &json!({ "member": "m-1" })).expect(201);
}

#[test]
fn a_program_that_has_moved_on_is_not_overwritten() {
    let system = System::start();
    let mut first = coffee_shop();
    first["name"] = json!("First");
    publish(&system, "\"1\"", &first).expect(201);
    // The same document over the same version is the same publication.
    assert_eq!(publish(&system, "\"1\"", &first).expect(201)["version"], 2);

    let mut second = coffee_shop();
    second["name"] = json!("Second");
    for version in ["\"1\"", "\"3\"", "\"0\"", "\"18446744073709551615\""] {
        let problem = publish(&system, version, &second).problem(409, "program_version_stale");
        assert_eq!(problem["current"], 2, "{version}");
    }
    for version in ["\"-1\"", "\"two\"", "*", "\"18446744073709551616\""] {
        publish(&system, version, &second).problem(409, "program_version_stale");
    }
    let problem = system.client.put(DEMO, ("if-none-match", "*"), &second).problem(409, "program_version_stale");
    assert_eq!(problem["current"], 2);
    for header in [("x", "y"), ("if-none-match", "\"1\"")] {
        system.client.put(DEMO, header, &second).problem(428, "precondition_missing");
    }
    assert_eq!(system.client.get(DEMO).expect(200)["name"], "First");
}

#[test]
fn all_errors_of_a_document_are_reported_at_once_and_nothing_is_published() {
    let system = System::start();
    let mut program = coffee_shop();
    program["time_zone"] = json!("Europe/Atlantis");
    program["colour"] = json!("green");
    program["earning_rules"][1]["when"] = json!("line.categry == 'beans'");
    program["earning_rules"][3]["when"] = json!("purchase.total");
    program["earning_rules"][4]["give"] = json!({ "punch_card": { "every": 0, "points": 50 } });
    program["earning_rules"][6]["id"] = json!("base");
    program["rewards"][2]["tiers"] = json!(["platinum"]);
    program["rewards"][0]["cost"]["points"] = json!(1.5);
    program["attributes"][0]["type"] = json!("colour");
    let problem = publish(&system, "\"1\"", &program).problem(422, "program_invalid");
    let mut found = places(&problem["problems"]);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/attributes/0/type", "unknown_choice"),
            ("/colour", "unknown_field"),
            ("/earning_rules/1/when", "unknown_variable"),
            ("/earning_rules/3/when", "not_boolean"),
            ("/earning_rules/4/give/punch_card/every", "out_of_range"),
            ("/earning_rules/6/id", "duplicate_id"),
            ("/rewards/0/cost/points", "wrong_type"),
            ("/rewards/2/tiers/0", "unknown_level"),
            ("/time_zone", "unknown_time_zone"),
        ]
    );
    for fault in problem["problems"].as_array().unwrap() {
        assert!(fault["message"].as_str().is_some_and(|message| !message.is_empty()), "{fault}");
    }
    assert_eq!(system.client.get(DEMO).header("etag"), Some("\"1\""));
    for nothing in [json!([]), json!(null), json!("program"), json!(1)] {
        let problem = publish(&system, "\"1\"", &nothing).problem(422, "program_invalid");
        assert_eq!(places(&problem["problems"]), [("", "wrong_type")]);
    }
}

#[test]
fn a_document_may_have_256_kib_and_not_a_byte_more() {
    let system = System::start();
    let document = coffee_shop().to_string();
    let sized = |bytes: usize| format!("{document}{}", " ".repeat(bytes - document.len())).into_bytes();
    let headers = [("content-type", "application/json"), ("if-match", "\"1\"")];
    system.client.send("PUT", DEMO, &headers, &sized(262_145)).problem(413, "body_too_large");
    assert_eq!(system.client.send("PUT", DEMO, &headers, &sized(262_144)).expect(201)["version"], 2);
}
