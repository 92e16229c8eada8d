//! The queue, through `/local/queue`: the same commands as over HTTP, and only failed messages are delivered again.

use regulars_tests::{
    event::{batch, handle},
    system::{DEMO, NOW, System, coffee_shop, purchase, purchase_at},
};
use serde_json::{Value, json};

const QUEUE: &str = "/local/queue";

fn message(member: &str, key: &str, accrual: &Value) -> Value {
    json!({ "program": "demo", "member": member, "idempotency_key": key, "accrual": accrual })
}

/// Sends messages, and returns how many were processed, and index and code of the others.
#[track_caller]
fn send(system: &System, messages: &[Value]) -> (u64, Vec<(u64, String)>) {
    let answer = system.client.post(QUEUE, &json!({ "messages": messages })).expect(200);
    let failed = answer["failed"].as_array().unwrap().iter();
    let failed = failed.map(|one| (one["index"].as_u64().unwrap(), one["code"].as_str().unwrap().to_owned()));
    (answer["taken"].as_u64().unwrap(), failed.collect())
}

fn failed(codes: &[(u64, &str)]) -> Vec<(u64, String)> {
    codes.iter().map(|(index, code)| (*index, (*code).to_owned())).collect()
}

#[test]
fn only_failed_messages_of_a_batch_are_delivered_again() {
    let system = System::start();
    system.enroll("m-1");
    system.enroll("m-2");
    let messages = [
        message("m-1", "order-1", &purchase(10_000)),
        message("m-9", "order-2", &purchase(10_000)),
        message("m-2", "order-3", &purchase(5_000)),
        json!({ "program": "demo", "member": "m-1", "idempotency_key": "order-4", "accrual": {} }),
        message("m-1", "order-5", &purchase_at("2020-01-01T00:00:00Z", 100)),
        message("m-1", "order-6", &purchase(2_000)),
    ];
    let expected = failed(&[(1, "member_not_found"), (3, "body_malformed"), (4, "occurred_at_out_of_range")]);
    assert_eq!(send(&system, &messages), (3, expected.clone()));
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25 + 100 + 20);
    assert_eq!(system.account("m-2")["balance"]["spendable"], 25 + 50);

    // The queue delivers failed messages again, and sometimes others too.
    let before = system.ledger("m-1");
    assert_eq!(send(&system, &messages), (3, expected));
    assert_eq!(system.ledger("m-1"), before);
    system.enroll("m-9");
    assert_eq!(send(&system, &messages[1..2]), (1, vec![]));
    for member in ["m-1", "m-2", "m-9"] {
        system.audit(member);
    }
}

#[test]
fn only_the_ids_of_failed_messages_are_reported_to_the_queue() {
    let system = System::start();
    system.enroll("m-1");
    let (good, bad) = (message("m-1", "order-1", &purchase(10_000)), message("m-9", "order-2", &purchase(10_000)));
    for (messages, expected) in [
        (vec![], json!([])),
        (vec![good.clone()], json!([])),
        (vec![bad.clone(), good, json!("{")], json!(["message-0", "message-2"])),
    ] {
        let answer = system.block_on(handle("earn", system.engine(), batch(&messages))).unwrap();
        let expected: Vec<_> = expected.as_array().unwrap().iter().map(|id| json!({ "itemIdentifier": id })).collect();
        assert_eq!(answer, json!({ "batchItemFailures": expected }));
    }
}

#[test]
fn what_comes_over_http_and_by_the_queue_is_carried_out_once() {
    let mut program = coffee_shop();
    program["points"]["pending"] = json!({ "until_confirmed": { "lapses_after_days": 30 } });
    let system = System::with(&program, NOW);
    system.enroll("m-1");
    let member = format!("{DEMO}/members/m-1");
    let queued = |key: &str, command: &str, body: Value| {
        let mut message = json!({ "program": "demo", "member": "m-1", "idempotency_key": key });
        message[command] = body;
        send(&system, &[message])
    };
    let refund = json!({ "amount": 2_500, "currency": "EUR" });

    // First over HTTP, then by the queue.
    system.accrue("m-1", "order-1", &purchase(10_000)).expect(201);
    assert_eq!(queued("order-1", "accrual", purchase(10_000)), (1, vec![]));
    let accrual = format!("{member}/accruals/order-1");
    system.client.post_under("paid-1", &format!("{accrual}/confirmation"), &json!({})).expect(201);
    assert_eq!(queued("paid-1", "confirmation", json!({ "entry": "order-1" })), (1, vec![]));
    let body = json!({ "refunded_total": refund });
    system.client.post_under("refund-1", &format!("{accrual}/reversals"), &body).expect(201);
    let message = json!({ "refunded_total": refund, "entry": "order-1" });
    assert_eq!(queued("refund-1", "reversal", message), (1, vec![]));

    let more = json!({ "refund": { "amount": 1_000, "currency": "EUR" } });
    system.client.post_under("refund-3", &format!("{accrual}/reversals"), &more).expect(201);
    let message = json!({ "refund": { "amount": 1_000, "currency": "EUR" }, "entry": "order-1" });
    assert_eq!(queued("refund-3", "reversal", message), (1, vec![]));
    let both = json!({ "refund": refund, "refunded_total": refund, "entry": "order-1" });
    assert_eq!(queued("refund-4", "reversal", both), (0, failed(&[(0, "body_malformed")])));

    let nothing = json!({ "refund": null, "entry": "order-1" });
    assert_eq!(queued("refund-4", "reversal", nothing), (0, failed(&[(0, "body_malformed")])));

    // And in the other order.
    assert_eq!(queued("order-2", "accrual", purchase(5_000)), (1, vec![]));
    assert!(system.accrue("m-1", "order-2", &purchase(5_000)).is_replay());
    let accrual = format!("{member}/accruals/order-2");
    assert_eq!(queued("paid-2", "confirmation", json!({ "entry": "order-2" })), (1, vec![]));
    assert!(system.client.post_under("paid-2", &format!("{accrual}/confirmation"), &json!({})).is_replay());
    assert_eq!(queued("refund-2", "reversal", json!({ "entry": "order-2" })), (1, vec![]));
    assert!(system.client.post_under("refund-2", &format!("{accrual}/reversals"), &json!({})).is_replay());

    let kinds: Vec<_> = system.ledger("m-1").iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect();
    let each = ["accrual", "confirmation", "accrual_reversal"];
    assert_eq!(kinds, [&["enrollment"][..], &each, &["accrual_reversal"], &each].concat());
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25 + 65);

    // Another request under a used key is refused in both ways.
    assert_eq!(queued("order-1", "accrual", purchase(10_001)), (0, failed(&[(0, "idempotency_key_reused")])));
    let other = json!({ "entry": "order-2", "refunded_total": refund });
    assert_eq!(queued("refund-1", "reversal", other), (0, failed(&[(0, "idempotency_key_reused")])));
    system.audit("m-1");
}

#[test]
fn a_return_that_comes_before_its_purchase_waits_until_it_is_there() {
    let system = System::start();
    system.enroll("m-1");
    let message = |key: &str, command: &str, body: Value| {
        let mut message = json!({ "program": "demo", "member": "m-1", "idempotency_key": key });
        message[command] = body;
        message
    };
    let refund = message("refund-1", "reversal", json!({ "entry": "order-1" }));
    let early = [refund.clone(), message("order-1", "accrual", purchase(10_000))];
    assert_eq!(send(&system, &early), (1, failed(&[(0, "entry_not_found")])));
    let path = format!("{DEMO}/members/m-1/accruals/order-2/reversals");
    let problem = system.client.post_under("refund-2", &path, &json!({})).problem(404, "entry_not_found");
    assert!(problem["detail"].as_str().unwrap().contains("repeat this request later"), "{problem}");

    assert_eq!(send(&system, &[refund]), (1, vec![]), "the same message, given again");
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25);
    system.audit("m-1");
}

#[test]
fn messages_of_one_member_are_carried_out_in_the_order_of_the_batch() {
    let system = System::start();
    system.enroll("m-1");
    // The first reaches silver, and the second earns at its level.
    let messages = [
        message("m-1", "order-1", &purchase(30_000)),
        message("m-1", "order-2", &purchase(10_000)),
        json!({ "program": "demo", "member": "m-1", "idempotency_key": "refund-2", "reversal": { "entry": "order-2" } }),
    ];
    assert_eq!(send(&system, &messages), (3, vec![]));
    let points: Vec<_> = system.ledger("m-1").iter().map(|entry| entry["points"].as_i64().unwrap()).collect();
    assert_eq!(points, [25, 300, 0, 125, -125]);
}

#[test]
fn a_malformed_message_is_reported_with_its_place() {
    let system = System::start();
    system.enroll("m-1");
    let good = message("m-1", "order-1", &purchase(1_000));
    let changed = |change: fn(&mut Value)| {
        let mut message = good.clone();
        change(&mut message);
        message
    };
    for (message, code, at) in [
        (json!([]), "body_malformed", Some("")),
        (json!("order-1"), "body_malformed", Some("")),
        (json!({}), "body_malformed", Some("")),
        (changed(|message| message["member"] = json!("a@b.c")), "body_malformed", Some("/member")),
        (changed(|message| message["program"] = json!(["demo"])), "body_malformed", Some("/program")),
        (changed(|message| message["idempotency_key"] = json!("~x")), "body_malformed", Some("/idempotency_key")),
        (changed(|message| message["note"] = json!("x")), "body_malformed", Some("/note")),
        (changed(|message| message["accrual"] = json!(null)), "body_malformed", Some("")),
        (changed(|message| message["confirmation"] = json!({ "entry": "x" })), "body_malformed", Some("")),
        (
            changed(|message| message["accrual"]["purchase"]["total"] = json!([1, "EUR"])),
            "body_malformed",
            Some("/accrual/purchase/total"),
        ),
        (
            changed(|message| message["accrual"]["purchase"]["totl"] = json!(1)),
            "body_malformed",
            Some("/accrual/purchase/totl"),
        ),
        (changed(|message| message["program"] = json!("nowhere")), "program_not_found", None),
        (
            json!({ "program": "demo", "member": "m-1", "idempotency_key": "c", "confirmation": { "entry": "x" } }),
            "entry_not_found",
            None,
        ),
        (
            json!({ "program": "demo", "member": "m-1", "idempotency_key": "c", "reversal": { "entry": "x", "y": 1 } }),
            "body_malformed",
            Some("/reversal/y"),
        ),
    ] {
        // Some of these are not valid bodies of `/local/queue` either, so they go directly to the handler.
        let event = batch(&[json!(message.to_string())]);
        let deadline = regulars_application::deadline::Deadline::after(std::time::Duration::from_secs(5));
        let told = system.block_on(regulars_earn::explain_batch(system.engine(), event, deadline)).unwrap();
        let failed = &told["failed"][0];
        assert_eq!((&failed["code"], failed["at"].as_str()), (&json!(code), at), "{message}: {told}");
    }
    let huge = json!(format!("{}{}", good, " ".repeat(65_536)));
    let answer = system.block_on(handle("earn", system.engine(), batch(&[huge]))).unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 1);
    assert_eq!(system.ledger("m-1").len(), 1);
}

#[test]
fn a_batch_sent_by_hand_is_as_large_as_one_of_the_queue() {
    let system = System::start();
    system.enroll("m-1");
    let messages = |count: usize| {
        let message = |number| message("m-1", &format!("order-{number}"), &purchase(100));
        json!({ "messages": (0..count).map(message).collect::<Vec<_>>() })
    };
    assert_eq!(system.client.post(QUEUE, &messages(0)).expect(200), json!({ "taken": 0, "failed": [] }));
    assert_eq!(system.client.post(QUEUE, &messages(10)).expect(200), json!({ "taken": 10, "failed": [] }));
    let refused = system.client.post(QUEUE, &messages(11)).problem(400, "body_malformed");
    assert_eq!(refused["at"], "/messages");
    system.audit("m-1");
}

#[test]
fn returns_and_amendments_come_by_the_queue_as_they_come_over_http() {
    let system = System::start();
    system.enroll("m-1");
    system.accrue("m-1", "order-1", &purchase(10_000)).expect(201);
    let told = |key: &str, command: &str, body: Value| json!({ "program": "demo", "member": "m-1", "idempotency_key": key, command: body });
    let mut larger = purchase(12_000);
    larger["entry"] = json!("order-1");
    let returned = json!({ "entry": "order-1", "refund": { "amount": 1_000, "currency": "EUR" }, "reason": "late" });
    let messages = [
        told("amendment-1", "amendment", larger),
        told("return-1", "reversal", returned.clone()),
        told("return-2", "reversal", json!({ "entry": "order-1", "returned": [{ "line": "7" }] })),
        told("return-3", "reversal", json!({ "entry": "order-1", "returned": [] })),
        told("return-4", "reversal", json!({ "entry": "order-1", "refunds": {} })),
        told("return-5", "reversal", json!({ "refund": { "amount": 1, "currency": "EUR" } })),
        told("amendment-2", "amendment", json!({ "entry": "order-1", "purchase": { "total": 1 } })),
        told("return-6", "reversal", json!({ "entry": "order-9", "refund": { "amount": 1, "currency": "EUR" } })),
    ];
    let answer = system.client.post(QUEUE, &json!({ "messages": messages })).expect(200);
    let failed = answer["failed"].as_array().unwrap().iter();
    let found: Vec<_> = failed.map(|one| (one["code"].as_str().unwrap(), one["at"].as_str())).collect();
    assert_eq!(
        found,
        [
            ("line_not_found", None),
            ("body_malformed", Some("/reversal/returned")),
            ("body_malformed", Some("/reversal/refunds")),
            ("body_malformed", Some("/reversal")),
            ("body_malformed", Some("/amendment/purchase/total")),
            ("entry_not_found", None),
        ]
    );
    assert_eq!(system.account("m-1")["balance"]["spendable"], 25 + 110);
    // The same over HTTP is a repeat.
    let mut body = returned;
    body.as_object_mut().unwrap().remove("entry");
    let path = format!("{}/accruals/order-1/reversals", regulars_tests::system::member("m-1"));
    assert!(system.client.post_under("return-1", &path, &body).is_replay());
}
