//! `/v1/programs/{program}/versions`: which rules are in force when, and how scheduled ones are withdrawn.

use regulars_application::{
    alias_key::AliasKeySource,
    authority::Authority,
    clock::{Clock, MovableClock},
    engine::Engine,
    programs::{ProgramBroken, ProgramCache},
};
use regulars_tests::{
    client::{Answer, JSON},
    event::call,
    system::{DEMO, NOW, System, coffee_shop, purchase_at},
};
use serde_json::{Value, json};

const MARCH: &str = "2027-03-01T00:00:00+03:00";

fn publish(system: &System, version: u64, program: &Value) -> Answer {
    system.client.put(DEMO, ("if-match", &format!("\"{version}\"")), program)
}

fn named(name: &str, in_force_from: Option<&str>) -> Value {
    let mut program = coffee_shop();
    program["name"] = json!(name);
    if let Some(instant) = in_force_from {
        program["in_force_from"] = json!(instant);
    }
    program
}

fn withdraw(system: &System, version: &str) -> Answer {
    system.client.send("DELETE", &format!("{DEMO}/versions/{version}"), &[], &[])
}

/// Returns the numbers of the versions, in the order of the list.
fn numbers(list: &Value) -> Vec<u64> {
    list["versions"].as_array().unwrap().iter().map(|row| row["version"].as_u64().unwrap()).collect()
}

fn places(findings: &Value) -> Vec<(&str, &str)> {
    let findings = findings.as_array().unwrap().iter();
    findings.map(|found| (found["at"].as_str().unwrap(), found["code"].as_str().unwrap())).collect()
}

/// Returns a function on Lambda, which shares nothing but the table with others.
fn deployed(system: &System) -> Engine {
    Engine {
        store: system.engine().store.clone(),
        programs: ProgramCache::default(),
        clock: Clock::Movable(MovableClock::standing_at(NOW.parse().unwrap())),
        authority: Authority::Trusted,
        alias_key: AliasKeySource::absent(),
    }
}

#[test]
fn a_scheduled_version_decides_from_its_instant_on() {
    let system = System::start();
    system.enroll("m-1");
    let mut program = named("March", Some(MARCH));
    program["earning_rules"][0]["give"]["rate"]["points"] = json!(3);
    let answer = publish(&system, 1, &program);
    assert_eq!(answer.header("etag"), Some("\"2\""));
    let expected = json!({ "program": "demo", "version": 2, "in_force_from": "2027-02-28T21:00:00Z", "warnings": [] });
    assert_eq!(answer.expect(201), expected);
    for (now, key, name, version, points) in [
        ("2027-02-28T20:59:59.999Z", "order-1", "Corner Coffee Regulars", 1, 10),
        ("2027-02-28T21:00:00Z", "order-2", "March", 2, 30),
    ] {
        system.move_clock(now);
        let read = system.client.get(DEMO);
        assert_eq!(read.header("etag"), Some("\"2\""), "the next publication is over the newest");
        assert_eq!(read.expect(200)["name"], name);
        let entry = system.accrue("m-1", key, &purchase_at(now, 1_000)).expect(201)["entry"].clone();
        assert_eq!((&entry["program_version"], &entry["points"]), (&json!(version), &json!(points)), "{now}");
    }
}

#[test]
fn while_a_version_is_scheduled_no_other_is_published_and_its_own_repeat_is_answered_like_the_first() {
    let system = System::start();
    let march = named("March", Some(MARCH));
    let first = publish(&system, 1, &march).expect(201);
    for version in [1, 2, 7] {
        let problem = publish(&system, version, &named("Other", None)).problem(409, "version_scheduled");
        assert_eq!((&problem["version"], &problem["in_force_from"]), (&json!(2), &json!("2027-02-28T21:00:00Z")));
    }
    assert_eq!(publish(&system, 1, &march).expect(201), first);
    // Also if it is in force, and its instant would be too soon for a new publication.
    system.move_clock("2027-04-01T00:00:00Z");
    assert_eq!(publish(&system, 1, &march).expect(201), first);
    assert_eq!(publish(&system, 2, &named("April", None)).expect(201)["in_force_from"], "2027-04-01T00:00:00Z");
}

#[test]
fn versions_are_listed_with_the_newest_first_and_each_is_read_as_it_was_published() {
    let system = System::start();
    let march = named("March", Some(MARCH));
    let headers = [JSON, ("if-match", "\"1\""), ("regulars-actor", "clerk-7")];
    system.client.send("PUT", DEMO, &headers, march.to_string().as_bytes()).expect(201);
    let listed = system.client.get(&format!("{DEMO}/versions"));
    assert_eq!(listed.header("etag"), Some("\"2\""));
    let row = |version: u64, in_force_from: &str, actor: Value| json!({ "version": version, "in_force_from": in_force_from, "published_at": NOW, "actor": actor });
    let expected = [row(2, "2027-02-28T21:00:00Z", json!("clerk-7")), row(1, NOW, Value::Null)];
    assert_eq!(listed.expect(200), json!({ "versions": expected }));
    for (version, document) in [(1, coffee_shop()), (2, march)] {
        assert_eq!(system.client.get(&format!("{DEMO}/versions/{version}")).expect(200), document);
    }
    for version in ["3", "0", "01", "+1", "-1", "x", "18446744073709551616"] {
        system.client.get(&format!("{DEMO}/versions/{version}")).problem(404, "version_not_found");
    }
    for path in ["/v1/programs/other/versions", "/v1/programs/other/versions/1"] {
        system.client.get(path).problem(404, "program_not_found");
    }
    let headers = [JSON, ("if-match", "\"2\""), ("regulars-actor", "ayse@example.com")];
    system.client.send("PUT", DEMO, &headers, b"{}").problem(400, "body_malformed");
}

#[test]
fn a_version_is_withdrawn_before_it_begins_and_its_number_is_not_used_again() {
    let system = System::start();
    publish(&system, 1, &named("March", Some(MARCH))).expect(201);
    withdraw(&system, "1").problem(409, "version_in_force");
    let left = withdraw(&system, "2");
    assert_eq!(left.header("etag"), Some("\"1\""));
    assert_eq!(numbers(&left.expect(200)), [1]);
    withdraw(&system, "2").problem(404, "version_not_found");
    system.client.get(&format!("{DEMO}/versions/2")).problem(404, "version_not_found");
    publish(&system, 2, &named("April", None)).problem(409, "program_version_stale");

    assert_eq!(publish(&system, 1, &named("April", Some(MARCH))).expect(201)["version"], 3);
    assert_eq!(numbers(&system.client.get(&format!("{DEMO}/versions")).expect(200)), [3, 1]);
    system.move_clock("2027-02-28T21:00:00Z");
    let problem = withdraw(&system, "3").problem(409, "version_in_force");
    assert_eq!((&problem["version"], &problem["in_force_from"]), (&json!(3), &json!("2027-02-28T21:00:00Z")));
    for version in ["9", "x"] {
        withdraw(&system, version).problem(404, "version_not_found");
    }
    let other = system.client.send("DELETE", "/v1/programs/other/versions/1", &[], &[]);
    other.problem(404, "program_not_found");
}

#[test]
fn all_forbidden_changes_of_a_program_are_reported_at_once() {
    let system = System::start();
    let mut program = coffee_shop();
    program["currency"] = json!("TRY");
    program["time_zone"] = json!("Europe/Athens");
    program["tiers"]["levels"][1]["id"] = json!("blue");
    program["in_force_from"] = json!("2026-11-21T13:04:59Z");
    let problem = publish(&system, 1, &program).problem(422, "program_invalid");
    let expected = [
        ("/currency", "cannot_change"),
        ("/time_zone", "cannot_change"),
        ("/tiers/levels", "level_dropped"),
        ("/in_force_from", "too_soon"),
    ];
    assert_eq!(places(&problem["problems"]), expected);
    let mut program = coffee_shop();
    program["corrects"] = json!(2);
    let problem = publish(&system, 1, &program).problem(422, "program_invalid");
    assert_eq!(places(&problem["problems"]), [("/corrects", "unknown_version")]);
    program["corrects"] = json!(1);
    publish(&system, 1, &program).expect(201);
    // A withdrawn version cannot be corrected.
    publish(&system, 2, &named("March", Some(MARCH))).expect(201);
    withdraw(&system, "3").expect(200);
    publish(&system, 2, &named("April", None)).expect(201);
    program["corrects"] = json!(3);
    let problem = publish(&system, 4, &program).problem(422, "program_invalid");
    assert_eq!(places(&problem["problems"]), [("/corrects", "unknown_version")]);
    assert_eq!(numbers(&system.client.get(&format!("{DEMO}/versions")).expect(200)), [4, 2, 1]);
}

#[test]
fn what_an_owner_should_know_is_a_warning_also_when_the_answer_is_repeated() {
    let system = System::start();
    let mut program = coffee_shop();
    program["tiers"]["levels"][1] = json!({ "id": "blue", "threshold": 400, "replaces": ["silver"] });
    let first = publish(&system, 1, &program).expect(201);
    assert_eq!(places(&first["warnings"]), [("/tiers/levels/1/threshold", "threshold_raised")]);
    assert!(first["warnings"][0]["message"].as_str().is_some_and(|message| message.contains("blue")));
    assert_eq!(publish(&system, 1, &program).expect(201), first);

    let bakery = "/v1/programs/bakery-2";
    let answer = system.client.put(bakery, ("if-none-match", "*"), &named("March", Some(MARCH))).expect(201);
    assert_eq!((&answer["version"], &answer["in_force_from"]), (&json!(1), &json!(NOW)));
    // One of the rewards has ended.
    let expected = [("/in_force_from", "in_force_from_ignored"), ("/rewards/5/active/to", "never_active")];
    assert_eq!(places(&answer["warnings"]), expected);
    system.client.post(&format!("{bakery}/members"), &json!({ "member": "m-1" })).expect(201);
}

#[test]
fn a_rule_that_can_never_work_is_a_warning_and_the_sample_program_has_none() {
    let system = System::start();
    let mut program = coffee_shop();
    program["earning_rules"][0]["when"] = json!("member.tier == 'golld'");
    program["rewards"][0]["active"] = json!({ "to": "2026-01-01T00:00:00Z" });
    let first = publish(&system, 1, &program).expect(201);
    let expected = [("/earning_rules/0/when", "unknown_value"), ("/rewards/0/active/to", "never_active")];
    assert_eq!(places(&first["warnings"]), expected);
    assert_eq!(publish(&system, 1, &program).expect(201), first);

    let sample = include_str!("../../../../shared/cli/src/local/sample_program.json");
    let sample = serde_json::from_str(sample).unwrap();
    let answer = system.client.put("/v1/programs/bakery-2", ("if-none-match", "*"), &sample).expect(201);
    assert_eq!(answer["warnings"], json!([]));
}

#[test]
fn on_lambda_a_version_begins_and_is_withdrawn_with_a_minutes_notice() {
    let system = System::start();
    let engine = deployed(&system);
    let put = |version: &str, program: &Value| {
        let headers = [("if-match", version)];
        system.block_on(call("program", &engine, ("PUT", DEMO), &headers, program))
    };
    let withdraw = |version: u64| {
        let path = format!("{DEMO}/versions/{version}");
        let (status, body) = system.block_on(call("program", &engine, ("DELETE", &path), &[], &Value::Null));
        (status, body["code"].as_str().map(str::to_owned))
    };
    let (status, body) = put("\"1\"", &named("Soon", Some("2026-11-21T13:05:59.999Z")));
    assert_eq!((status, places(&body["problems"])), (422, vec![("/in_force_from", "too_soon")]));
    assert!(body["problems"][0]["message"].as_str().unwrap().contains("2026-11-21T13:06:00Z"), "{body}");
    let (status, body) = put("\"1\"", &named("As soon as is safe", None));
    assert_eq!((status, &body["in_force_from"]), (201, &json!("2026-11-21T13:06:00Z")));
    assert_eq!(withdraw(2), (409, Some("version_in_force".to_owned())));
    let Clock::Movable(clock) = &engine.clock else { panic!("{engine:?}") };
    clock.move_to("2026-11-21T13:06:00Z".parse().unwrap()).unwrap();
    let (status, body) = put("\"2\"", &named("A little later", Some("2026-11-21T13:07:00.001Z")));
    assert_eq!(status, 201, "{body}");
    assert_eq!(withdraw(3), (200, None));
}

#[test]
fn a_function_reads_the_list_of_versions_twice_a_minute_and_each_version_once() {
    let system = System::start();
    let engine = deployed(&system);
    let (programs, store, demo) = (&engine.programs, &engine.store, "demo".parse().unwrap());
    let (now, march) = (NOW.parse().unwrap(), MARCH.parse().unwrap());
    let trips = || store.meter().snapshot().round_trips;
    system.block_on(async {
        assert!(programs.versions(store, &"other".parse().unwrap(), now).await.unwrap().is_none());
        let before = trips();
        let mut old = programs.versions(store, &demo, now).await.unwrap().unwrap();
        assert_eq!((trips() - before, old.at(now).unwrap().version), (2, 1));
        for (version, name) in [(1, "Two"), (2, "Three")] {
            publish(&system, version, &named(name, None)).expect(201);
        }
        publish(&system, 3, &named("March", Some(MARCH))).expect(201);

        // The list that was read a moment ago is used again.
        let before = trips();
        let again = programs.versions(store, &demo, now).await.unwrap().unwrap();
        assert_eq!((trips() - before, again.heads().len()), (0, 1));
        let unlisted = programs.load(store, &demo, &mut old, &[3]).await.unwrap_err();
        assert!(matches!(unlisted, ProgramBroken::Document(told) if told.contains("no version 3")));

        // A function that meets an unknown version reads the list at once.
        let mut versions = programs.refresh(store, &demo, now).await.unwrap().unwrap();
        assert_eq!((trips() - before, versions.at(now).unwrap().name.as_str()), (2, "Three"));
        assert_eq!((versions.heads().len(), versions.in_force_at(march)), (4, 4));
        assert!(versions.program(2).is_err());
        programs.load(store, &demo, &mut versions, &[1, 2, 3, 4]).await.unwrap();
        assert_eq!(trips() - before, 3, "two more versions are one round trip");
        let names: Vec<_> = (1..=4).map(|version| versions.program(version).unwrap().name.clone()).collect();
        assert_eq!(names, ["Corner Coffee Regulars", "Two", "Three", "March"]);

        // Nothing is read for a version that comes into force in between.
        let later = programs.versions(store, &demo, march).await.unwrap().unwrap();
        assert_eq!(later.at(march).unwrap().name, "March");
        assert!(programs.versions(store, &demo, now).await.unwrap().is_some());
        assert_eq!(trips() - before, 3);
        programs.forget(&demo);
        programs.versions(store, &demo, now).await.unwrap();
        assert_eq!(trips() - before, 5);
    });
}
