//! `/members/{member}/entries`: the statement, page by page, and one entry.

use regulars_tests::system::{System, member, purchase, purchase_at};
use serde_json::{Value, json};

fn entries() -> String {
    format!("{}/entries", member("m-1"))
}

fn seqs(page: &Value) -> Vec<u64> {
    page["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect()
}

#[test]
fn the_newest_entry_comes_first_and_each_explains_itself() {
    let system = System::start();
    system.enroll("m-1");
    let first = system.accrue("m-1", "order-1", &purchase(30_000)).expect(201);
    let page = system.client.get(&entries()).expect(200);
    assert_eq!((seqs(&page), &page["next_cursor"]), (vec![3, 2, 1], &Value::Null));
    let [tier, accrual, enrollment] = page["entries"].as_array().unwrap().as_slice() else { panic!("{page}") };

    for (field, value) in first["entry"].as_object().unwrap() {
        assert_eq!(&accrual[field], value, "{field}");
    }
    // The ledger does not store why rules gave nothing.
    let lines = first["breakdown"].as_array().unwrap().iter().filter(|line| line["because"].is_null());
    assert_eq!(accrual["breakdown"], lines.cloned().collect::<Value>());
    assert_eq!(accrual["tier_change"], first["tier_change"]);
    assert_eq!(accrual["by"], "operator");
    assert_eq!(accrual["lots"], json!([{ "expires_on": "2027-11-30", "points": 300 }]));

    assert_eq!(tier["kind"], "tier_change");
    assert!(tier["id"].as_str().is_some_and(|id| id.starts_with('~') && id.ends_with("~order-1")), "{tier}");
    assert_eq!((&tier["by"], &tier["refers_to"]), (&json!("engine"), &json!("order-1")));
    assert_eq!(tier["tier_change"], json!({ "from": "bronze", "to": "silver" }));
    assert_eq!((&enrollment["id"], &enrollment["kind"]), (&json!("~enrollment"), &json!("enrollment")));
    assert_eq!(enrollment["points"], 25);
}

#[test]
fn pages_of_any_size_add_up_to_the_whole_statement_while_it_grows() {
    let system = System::start();
    system.enroll("m-1");
    for number in 2..=30 {
        system.accrue("m-1", &format!("order-{number}"), &purchase(100)).expect(201);
    }
    let first = system.client.get(&entries()).expect(200);
    assert_eq!(seqs(&first), (11..=30).rev().collect::<Vec<_>>(), "twenty where no limit is given");
    for limit in [1, 7, 10, 29, 30, 31, 100] {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = system.client.get(&format!("{}?limit={limit}{cursor}", entries())).expect(200);
            let seqs = seqs(&page);
            assert!(seqs.len() <= limit && !seqs.is_empty());
            all.extend(seqs);
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(all, (1..=30).rev().collect::<Vec<_>>(), "limit {limit}");
    }
    // Later entries do not shift the pages of an earlier cursor.
    let page = system.client.get(&format!("{}?limit=5", entries())).expect(200);
    system.accrue("m-1", "order-31", &purchase(100)).expect(201);
    let next = page["next_cursor"].as_str().unwrap();
    let page = system.client.get(&format!("{}?limit=5&cursor={next}", entries())).expect(200);
    assert_eq!(seqs(&page), [25, 24, 23, 22, 21]);
}

#[test]
fn a_cursor_or_a_limit_of_ones_own_making_is_refused() {
    let system = System::start();
    system.enroll("m-1");
    for cursor in ["", "0", "-1", "+1", "1.5", "abc", "%F0%9F%92%A3", "18446744073709551616", "1%00", "%2e%2e"] {
        let path = format!("{}?cursor={cursor}", entries());
        system.client.get(&path).problem(400, "cursor_malformed");
    }
    for limit in ["", "0", "101", "-1", "ten", "1e1", "99999999999999999999"] {
        system.client.get(&format!("{}?limit={limit}", entries())).problem(400, "limit_malformed");
    }
    // Beyond the newest entry, a page is simply the first.
    assert_eq!(seqs(&system.client.get(&format!("{}?cursor=18446744073709551615", entries())).expect(200)), [1]);
    assert_eq!(seqs(&system.client.get(&format!("{}?cursor=1", entries())).expect(200)), [0_u64; 0]);
}

#[test]
fn one_entry_is_read_by_its_id() {
    let system = System::start();
    system.enroll("m-1");
    system.enroll("m-2");
    system.accrue("m-1", "order:1001.a_b-c", &purchase(30_000)).expect(201);
    for (written, entry) in system.ledger("m-1").iter().map(|entry| (entry["id"].as_str().unwrap(), entry)) {
        assert_eq!(&system.client.get(&format!("{}/{written}", entries())).expect(200), entry);
        let encoded = written.bytes().fold(String::new(), |path, byte| format!("{path}%{byte:02X}"));
        assert_eq!(&system.client.get(&format!("{}/{encoded}", entries())).expect(200), entry);
    }
    for unknown in ["order-1002", "~expiry~2027-11-30", "a%20b", "%00", "%F0%9F%92%A3", "account"] {
        system.client.get(&format!("{}/{unknown}", entries())).problem(404, "entry_not_found");
    }
    system.client.get(&format!("{}/entries/order:1001.a_b-c", member("m-2"))).problem(404, "entry_not_found");
    system.client.get(&format!("{}/entries/order:1001.a_b-c", member("m-3"))).problem(404, "member_not_found");
    system.client.get(&format!("{}/entries", member("m-3"))).problem(404, "member_not_found");
}

#[test]
fn the_statement_adds_up_to_the_balance_after_a_year_without_requests() {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(30_000)).expect(201);
    system.accrue("m-1", "order-2", &purchase_at("2026-10-25T09:00:00Z", 500)).expect(201);
    system.redeem("m-1", "r-1", &json!({ "reward": "free-coffee" })).expect(201);
    let version = system.account("m-1")["version"].clone();

    system.move_clock("2027-12-15T09:00:00Z");
    assert_eq!(system.account("m-1")["balance"]["spendable"], 0);
    assert_eq!(system.account("m-1")["version"], version, "looking at an account writes nothing");
    system.audit("m-1");
    let ledger = system.ledger("m-1");
    let expired: Vec<_> = ledger.iter().filter(|entry| entry["kind"] == "expiry").map(|entry| &entry["id"]).collect();
    assert_eq!(expired, ["~expiry~2027-11-30"]);
    // Settled once, however often it is looked at.
    assert_eq!(system.ledger("m-1"), ledger);

    system.move_clock("2031-01-01T00:00:00Z");
    system.audit("m-1");
}

#[test]
fn the_statement_shows_expiry_notices() {
    let system = System::start();
    system.enroll("m-1");
    system.move_clock("2027-10-30T20:59:59Z");
    assert_eq!(seqs(&system.client.get(&entries()).expect(200)), [1], "a second before the day begins in Istanbul");
    system.move_clock("2027-11-05T09:00:00Z");
    let page = system.client.get(&entries()).expect(200);
    let [notice, enrollment] = page["entries"].as_array().unwrap().as_slice() else { panic!("{page}") };
    assert_eq!((&notice["id"], &notice["kind"]), (&json!("~expiring~2027-11-30"), &json!("notice")));
    assert_eq!(notice["expiring"], json!({ "on": "2027-11-30", "points": 25 }));
    assert_eq!((&notice["points"], &notice["by"]), (&json!(0), &json!("engine")));
    assert_eq!(notice["occurred_at"], "2027-10-30T21:00:00Z");
    assert_eq!(enrollment.get("expiring"), None);
    let alone = system.client.get(&format!("{}/~expiring~2027-11-30", entries())).expect(200);
    assert_eq!(alone["expiring"], notice["expiring"]);
    system.audit("m-1");
}

/// Returns the seqs of all pages of a statement, and the number of pages.
fn pages(system: &System, query: &str) -> (Vec<u64>, usize) {
    let (mut all, mut count, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = system.client.get(&format!("{}?{query}{cursor}", entries())).expect(200);
        all.extend(seqs(&page));
        count += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, count),
        }
    }
}

#[test]
fn a_statement_is_narrowed_by_days_of_posting_and_kinds() {
    let system = System::start();
    system.enroll("m-1");
    // 20:59:59 UTC is the last second of a day in Istanbul.
    for (order, now) in [
        ("order-1", "2026-11-24T20:59:59Z"),
        ("order-2", "2026-11-24T21:00:00Z"),
        ("order-3", "2026-11-25T12:00:00Z"),
        ("order-4", "2026-11-25T20:59:59Z"),
        ("order-5", "2026-11-25T21:00:00Z"),
    ] {
        system.move_clock(now);
        // The day of the purchase is another.
        system.accrue("m-1", order, &purchase_at("2026-11-22T09:00:00Z", 10_000)).expect(201);
    }
    let ledger = system.ledger("m-1");
    let of = |wanted: &[&str]| -> Vec<u64> {
        let wanted = ledger.iter().rev().filter(|entry| {
            let refers_to = entry["refers_to"].as_str().unwrap_or_default();
            wanted.contains(&entry["id"].as_str().unwrap()) || wanted.contains(&refers_to)
        });
        wanted.map(|entry| entry["seq"].as_u64().unwrap()).collect()
    };
    let everything: Vec<u64> = ledger.iter().rev().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    for (query, expected) in [
        ("from=2026-11-25&to=2026-11-25", of(&["order-2", "order-3", "order-4"])),
        ("from=2026-11-26", of(&["order-5"])),
        ("to=2026-11-24", of(&["order-1", "~enrollment"])),
        ("from=2026-11-22&to=2026-11-23", vec![]),
        ("from=2026-11-27", vec![]),
        ("to=2026-11-20", vec![]),
        ("from=0001-01-01&to=9999-12-31", everything.clone()),
        ("kind=enrollment", vec![1]),
        (
            "kind=tier_change&kind=enrollment&from=2026-11-22",
            ledger.iter().filter(|e| e["kind"] == "tier_change").map(|e| e["seq"].as_u64().unwrap()).collect(),
        ),
        ("kind=expiry", vec![]),
    ] {
        for limit in [1, 2, 100] {
            let (found, _) = pages(&system, &format!("{query}&limit={limit}"));
            assert_eq!(found, expected, "{query}, limit {limit}");
            let (in_order, _) = pages(&system, &format!("{query}&limit={limit}&after_seq=0"));
            assert_eq!(in_order.into_iter().rev().collect::<Vec<_>>(), expected, "{query}, limit {limit}, in order");
        }
    }
    for query in [
        "from=today",
        "from=-009999-01-01",
        "from=",
        "to=2026-11-31",
        "to=2026-11-25T00:00:00Z",
        "from=2026-11-26&to=2026-11-25",
        "kind=",
        "kind=purchase",
        "kind=accrual,expiry",
        "kind=accrual&kind=Accrual",
        "after_seq=",
        "after_seq=-1",
        "after_seq=x",
        "from=2026-11-25&from=2026-11-25",
    ] {
        system.client.get(&format!("{}?{query}", entries())).problem(400, "query_malformed");
    }
}

#[test]
fn entries_after_a_seq_come_in_order() {
    let system = System::start();
    system.enroll("m-1");
    for number in 2..=30 {
        system.accrue("m-1", &format!("order-{number}"), &purchase(100)).expect(201);
    }
    for (query, expected) in [("after_seq=0", 1..=30), ("after_seq=12", 13..=30), ("after_seq=29", 30..=30)] {
        for limit in [1, 7, 30, 100] {
            let (found, count) = pages(&system, &format!("{query}&limit={limit}"));
            assert_eq!(found, expected.clone().collect::<Vec<_>>(), "{query}, limit {limit}");
            assert_eq!(count, found.len().div_ceil(limit), "no empty page at the end of {query}, limit {limit}");
        }
    }
    for beyond in [30_u64, 31, u64::MAX] {
        assert_eq!(pages(&system, &format!("after_seq={beyond}")), (vec![], 1));
    }
    // What is added behind a page comes on the next one.
    let page = system.client.get(&format!("{}?after_seq=20&limit=5", entries())).expect(200);
    system.accrue("m-1", "order-31", &purchase(100)).expect(201);
    let next = page["next_cursor"].as_str().unwrap();
    let page = system.client.get(&format!("{}?after_seq=20&limit=100&cursor={next}", entries())).expect(200);
    assert_eq!(seqs(&page), (26..=31).collect::<Vec<_>>());
    let back = system.client.get(&format!("{}?limit=5", entries())).expect(200);
    let back = back["next_cursor"].as_str().unwrap();
    system.client.get(&format!("{}?after_seq=20&cursor={back}", entries())).problem(400, "cursor_malformed");
}

#[test]
fn a_filter_that_few_entries_match_costs_a_bounded_read_and_misses_none() {
    let system = System::start();
    system.enroll("m-1");
    system.redeem("m-1", "none", &json!({ "reward": "free-coffee" })).problem(422, "insufficient_points");
    for number in 2..=620 {
        system.accrue("m-1", &format!("order-{number}"), &purchase(1)).expect(201);
    }
    let first = system.client.get(&format!("{}?kind=enrollment", entries())).expect(200);
    assert_eq!((seqs(&first), &first["next_cursor"]), (vec![], &json!("121")), "five pages of a hundred");
    assert_eq!(pages(&system, "kind=enrollment"), (vec![1], 2));
    assert_eq!(pages(&system, "kind=expiry&after_seq=0"), (vec![], 2));
    assert_eq!(pages(&system, "kind=enrollment&after_seq=0"), (vec![1], 2));
}

#[test]
fn a_filter_looks_into_the_ledgers_of_merged_members_too_and_an_order_does_not() {
    let system = System::start();
    for (id, key) in [("m-1", "order-1"), ("m-2", "order-2")] {
        system.enroll(id);
        system.accrue(id, key, &purchase(100)).expect(201);
    }
    system.client.post_under("merge-1", &format!("{}/merge", member("m-2")), &json!({ "into": "m-1" })).expect(201);
    let ids = |query: &str| -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = system.client.get(&format!("{}?{query}{cursor}", entries())).expect(200);
            ids.extend(
                page["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    };
    for limit in [1, 2, 3, 100] {
        assert_eq!(ids(&format!("kind=accrual&limit={limit}")), ["order-1", "order-2"], "limit {limit}");
        assert_eq!(ids(&format!("kind=accrual&from=2026-11-21&limit={limit}")), ["order-1", "order-2"]);
        assert_eq!(ids(&format!("kind=enrollment&limit={limit}")), ["~enrollment", "~enrollment"]);
        assert_eq!(ids(&format!("kind=accrual&after_seq=0&limit={limit}")), ["order-1"]);
    }
}
