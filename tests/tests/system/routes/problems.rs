//! Every documented code is returned over HTTP: the rare ones here, the others in the tests of their routes.

use std::{fs, path::Path};

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_tests::{
    client::JSON,
    system::{DEMO, System, coffee_shop, member, purchase},
};
use serde_json::{Value, json};

#[test]
fn an_account_that_cannot_be_read_is_a_fault_of_ours() {
    let system = System::start().unproven();
    system.enroll("m-1");
    system.edit(("member#demo#m-1", "account"), "SET v = :v", Some(AttributeValue::S("x".to_owned())));
    let problem = system.client.get(&member("m-1")).problem(500, "internal");
    assert!(!problem.to_string().contains("m-1"), "{problem}");
}

#[test]
fn a_purchase_whose_facts_were_erased_is_returned_as_a_whole_only() {
    let system = System::with_silver_member().unproven();
    system.edit(("member#demo#m-1", "entry#order-1"), "REMOVE f", None);
    let reversals = format!("{}/accruals/order-1/reversals", member("m-1"));
    let part = json!({ "refund": { "amount": 100, "currency": "EUR" } });
    system.client.post_under("b-1", &reversals, &part).problem(422, "facts_erased");
    system.client.post_under("b-1", &reversals, &json!({})).expect(201);
}

#[test]
fn a_purchase_is_returned_piece_by_piece_only_so_often() {
    let system = System::with_silver_member();
    let reversals = format!("{}/accruals/order-1/reversals", member("m-1"));
    let cent = json!({ "refund": { "amount": 1, "currency": "EUR" } });
    for number in 0..300 {
        system.client.post_under(&format!("b-{number}"), &reversals, &cent).expect(201);
    }
    system.client.post_under("b-300", &reversals, &cent).problem(422, "changes_full");
}

#[test]
fn a_limited_number_of_accounts_can_be_merged() {
    let system = System::start();
    let names: Vec<_> = (0..12).map(|number| format!("m-{number}")).collect();
    for name in &names {
        system.enroll(name);
    }
    let merge = |name: &String| {
        system.client.post_under(
            &format!("merge-{name}"),
            &format!("{}/merge", member(name)),
            &json!({ "into": "m-0" }),
        )
    };
    for name in &names[1..11] {
        merge(name).expect(201);
    }
    merge(&names[11]).problem(409, "merge_too_large");
}

#[test]
fn a_program_has_a_maximum_number_of_versions() {
    let system = System::start();
    // Long ids of levels that replace each other fill the list of versions fastest.
    let level = |version: u64, place: usize| format!("{version:0>60}-{place:0>3}");
    let mut last = coffee_shop()["tiers"]["levels"].clone();
    for version in 1..1_000 {
        let mut program = coffee_shop();
        let count = last.as_array().unwrap().len().max(20);
        let levels = (0..count).map(|place| {
            let replaces: Vec<_> = last.get(place).map(|level| level["id"].clone()).into_iter().collect();
            json!({ "id": level(version, place), "threshold": place * 100, "replaces": replaces })
        });
        program["tiers"]["levels"] = levels.collect();
        last = program["tiers"]["levels"].clone();
        for rule in program["rewards"].as_array_mut().unwrap() {
            rule.as_object_mut().unwrap().remove("tiers");
        }
        let body = program.to_string();
        let matches = format!("\"{version}\"");
        let answer = system.client.send("PUT", DEMO, &[JSON, ("if-match", &matches)], body.as_bytes());
        if answer.status != 201 {
            println!("{version} versions were published");
            answer.problem(409, "versions_full");
            return;
        }
    }
    panic!("a thousand versions were published");
}

/// Returns the codes in [`shared/api`](../../../../shared/api/src/http/problem.rs).
fn promised() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = fs::read_to_string(root.join("shared/api/src/http/problem.rs")).unwrap();
    let rows = source.lines().filter_map(|line| line.trim().strip_prefix('('));
    let rows = rows.filter(|row| row.get(..3).is_some_and(|status| status.parse::<u16>().is_ok()));
    rows.filter_map(|row| Some(row.split('"').nth(1)?.to_owned())).collect()
}

/// Returns all tests of routes, as text.
fn tests() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system/routes");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|file| fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn every_promised_code_is_answered_in_some_test_of_a_route() {
    let promised = promised();
    assert!(promised.len() > 60, "{promised:?}");
    let tests = tests();
    // `busy` and `store_unavailable` need a table that fails: `stalls.rs`, `races.rs`.
    let elsewhere = ["busy", "store_unavailable"];
    let untold: Vec<_> = promised
        .iter()
        .filter(|code| !tests.contains(&format!("\"{code}\"")) && !elsewhere.contains(&code.as_str()))
        .collect();
    assert_eq!(untold, Vec::<&String>::new(), "no test of a route is answered with these");
}

/// Requests that differ only in notation are the same.
#[test]
fn a_request_written_otherwise_is_the_same_under_its_key() {
    let system = System::with_silver_member();
    let own = member("m-1");
    system.enroll("m-2");
    let at = |at: &str| {
        let mut body = purchase(100);
        body["purchase"]["occurred_at"] = json!(at);
        body
    };
    let merged = |mut body: Value, more: &Value| {
        let (name, fields) = body.as_object_mut().unwrap().iter_mut().next().unwrap();
        let _ = name;
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let nothing =
        json!({ "channel": null, "lines": [], "attributes": {}, "tax": null, "store": null, "receipt": null });
    let reward = json!({ "reward": "free-coffee" });
    let adjustment = json!({ "points": 5, "reason": "goodwill" });
    for (key, path, one, others) in [
        (
            "o-1",
            "accruals",
            at("2026-11-21T13:00:00Z"),
            vec![
                at("2026-11-21T16:00:00+03:00"),
                at("2026-11-21T13:00:00.000+00:00"),
                merged(at("2026-11-21T13:00:00Z"), &nothing),
                merged(at("2026-11-21T08:30:00-04:30"), &json!({ "lines": null, "attributes": null })),
            ],
        ),
        (
            "r-1",
            "redemptions",
            reward,
            vec![
                json!({ "reward": "free-coffee", "hold": null }),
                json!({ "money": null, "reward": "free-coffee", "hold": null }),
            ],
        ),
        ("a-1", "adjustments", adjustment, vec![json!({ "points": 5, "reason": "goodwill", "note": null })]),
        ("b-1", "accruals/o-1/reversals", json!({}), vec![json!({ "receipt": null, "reason": null, "store": null })]),
    ] {
        let path = format!("{own}/{path}");
        system.client.post_under(key, &path, &one).expect(201);
        for other in others {
            let answer = system.client.post_under(key, &path, &other);
            assert!(answer.is_replay(), "{key} {other}: {answer}");
        }
    }
    let other = at("2026-11-21T13:00:00.001Z");
    system.client.post_under("o-1", &format!("{own}/accruals"), &other).problem(422, "idempotency_key_reused");
    // A member who enrolls again with the same data.
    let join = json!({ "member": "m-2", "aliases": [], "attributes": {}, "referred_by": null });
    assert!(system.client.post(&format!("{DEMO}/members"), &join).is_replay());
    let join = json!({ "member": "m-2", "aliases": null, "attributes": { "city": null } });
    assert!(system.client.post(&format!("{DEMO}/members"), &join).is_replay());
}
