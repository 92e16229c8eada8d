//! `GET /local/events`: what the publisher has sent, which is a `CloudEvent` for each entry and each version.

use regulars_tests::system::{NOW, System, member, purchase};
use serde_json::{Value, json};

/// The page of events after the first `after`.
fn page(system: &System, after: u64, limit: u64) -> (Vec<Value>, u64) {
    let page = system.client.get(&format!("/local/events?after={after}&limit={limit}")).expect(200);
    (page["events"].as_array().unwrap().clone(), page["next"].as_u64().unwrap())
}

fn types(events: &[Value]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event["id"].as_str().unwrap(), event["type"].as_str().unwrap())).collect()
}

#[test]
fn each_entry_is_an_event_with_everything_that_a_consumer_needs() {
    let system = System::with_silver_member();
    let (events, next) = page(&system, 0, 100);
    let expected = [
        ("demo/~versions/1", "regulars.program.published"),
        ("demo/m-1/1", "regulars.member.enrolled"),
        ("demo/m-1/2", "regulars.points.accrued"),
        ("demo/m-1/3", "regulars.tier.changed"),
    ];
    assert_eq!((types(&events), next), (expected.to_vec(), 4));

    let accrued = &events[2];
    let entry = system.client.get(&format!("{}/entries/order-1", member("m-1"))).expect(200);
    let mut data = entry;
    data["program"] = json!("demo");
    data["member"] = json!("m-1");
    data["balance"] = json!({ "spendable": 325, "pending": 0, "held": 0, "owed": 0 });
    let expected = json!({
        "specversion": "1.0", "id": "demo/m-1/2", "source": "regulars/demo", "type": "regulars.points.accrued",
        "subject": "m-1", "time": NOW, "datacontenttype": "application/json",
        "dataschema": "https://regulars.dev/events/regulars.points.accrued.json", "sequence": "2", "data": data,
    });
    assert_eq!(*accrued, expected);
    let version = &events[0]["data"];
    assert_eq!(
        *version,
        json!({ "program": "demo", "version": 1, "in_force_from": NOW, "published_at": NOW, "actor": null })
    );
}

#[test]
fn a_list_of_events_goes_on_where_it_ended_and_tells_nothing_twice() {
    let system = System::start();
    for number in 0..5 {
        system.enroll(&format!("m-{number}"));
    }
    let (all, next) = page(&system, 0, 100);
    assert_eq!((all.len(), next), (6, 6));
    let (first, next) = page(&system, 0, 4);
    let (second, end) = page(&system, next, 4);
    assert_eq!(([first, second].concat(), next, end), (all.clone(), 4, 6));
    assert_eq!(page(&system, 6, 4), (vec![], 6));
    assert_eq!(page(&system, 99, 4), (vec![], 99));
    for (last, expected) in [(1, &all[5..]), (4, &all[2..]), (6, &all), (100, &all)] {
        let page = system.client.get(&format!("/local/events?last={last}")).expect(200);
        assert_eq!((page["events"].as_array().unwrap().as_slice(), &page["next"]), (expected, &json!(6)), "{last}");
    }

    // A request that is repeated or refused writes nothing, so nothing leaves.
    system.accrue("m-0", "order-1", &purchase(1_000)).expect(201);
    system.accrue("m-0", "order-1", &purchase(1_000)).expect(200);
    system.redeem("m-0", "r-1", &json!({ "reward": "gift-card" })).problem(422, "insufficient_points");
    assert_eq!(types(&page(&system, 6, 100).0), [("demo/m-0/2", "regulars.points.accrued")]);

    // Time that is moved changes nothing about what was sent, and what it brings about is sent too.
    system.move_clock("2027-12-01T09:00:00Z");
    system.client.post("/local/run/tier-evaluation", &json!({})).expect(200);
    let (later, _) = page(&system, 7, 100);
    assert!(types(&later).contains(&("demo/m-4/2", "regulars.points.expired")), "{:?}", types(&later));
    assert!(later.iter().all(|event| event["time"] == "2027-12-01T09:00:00Z"));
    for query in ["after=x", "after=-1", "last=0", "last=101", "last=x", "last=5&after=1", "last=5&limit=5"] {
        system.client.get(&format!("/local/events?{query}")).problem(400, "query_malformed");
    }
    system.client.get("/local/events?limit=101").problem(400, "limit_malformed");
}

#[test]
fn an_event_tells_of_a_redemption_as_it_was_and_leaves_the_note_out() {
    let system = System::with_silver_member();
    let hold =
        json!({ "reward": "money-off", "money": { "amount": 200, "currency": "EUR" }, "hold": { "seconds": 60 } });
    system.redeem("m-1", "hold-1", &hold).expect(201);
    system
        .client
        .post_under("c-1", &format!("{}/redemptions/hold-1/cancellation", member("m-1")), &json!({}))
        .expect(201);
    let adjustment = json!({ "points": 5, "reason": "goodwill", "note": "Ayse waited for an hour" });
    system.client.post_under("a-1", &format!("{}/adjustments", member("m-1")), &adjustment).expect(201);
    let (events, _) = page(&system, 4, 100);
    let expected = [
        ("demo/m-1/4", "regulars.reward.redeemed"),
        ("demo/m-1/5", "regulars.reward.cancelled"),
        ("demo/m-1/6", "regulars.points.adjusted"),
    ];
    assert_eq!(types(&events), expected);
    let redemption = &events[0]["data"]["redemption"];
    assert_eq!(
        (&redemption["state"], &redemption["hold_expires_at"]),
        (&json!("held"), &json!("2026-11-21T13:06:00Z"))
    );
    assert_eq!(events[0]["data"]["balance"], json!({ "spendable": 225, "pending": 0, "held": 100, "owed": 0 }));
    assert_eq!(events[2]["data"]["reason"], "goodwill");
    assert!(!events[2].to_string().contains("Ayse"), "{}", events[2]);
}
