//! `template.yaml` against the code: the same functions, the same routes, and policies that grant what is called and no more.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use regulars_store::Store;
use regulars_tests::{
    event::{FUNCTIONS, batch, call, callers, handle},
    system::{NOW, System, coffee_shop, purchase, purchase_at},
    template::{Function, Template},
};
use serde_json::{Value, json};

#[test]
fn the_functions_of_the_template_are_the_folders_of_the_code() {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions")).unwrap();
    let folders: BTreeSet<_> = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    let named: BTreeSet<_> = Template::read().functions.into_iter().map(|function| function.name).collect();
    assert_eq!(named, folders);
    assert_eq!(named, FUNCTIONS.map(str::to_owned).into());
}

#[test]
fn the_routes_of_the_template_are_those_of_the_code_each_under_its_scopes() {
    for Function { name, routes: deployed, .. } in Template::read().functions {
        let coded: BTreeMap<_, BTreeSet<_>> = callers(&name)
            .into_iter()
            .map(|(method, path, who)| {
                let scopes = who.scopes(&method).map(|scope| scope.as_str().to_owned()).collect();
                ((method.to_string(), path), scopes)
            })
            .collect();
        assert_eq!(deployed, coded, "{name}");
    }
}

#[test]
fn a_function_may_take_messages_from_its_own_queue_and_do_nothing_else_with_any() {
    let mut with_queue = Vec::new();
    for Function { name, queues, queue_actions, .. } in Template::read().functions {
        let taken = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
        let expected = queues.iter().flat_map(|queue| taken.map(|action| (action.to_owned(), queue.clone())));
        assert_eq!(queue_actions, expected.collect(), "{name}");
        with_queue.extend((!queues.is_empty()).then_some(name));
    }
    assert_eq!(with_queue, ["earn"]);
}

/// A program in which every kind of total over many members is kept, and points live for a month.
fn program() -> Value {
    let cap = json!({ "times": 1_000, "per": "program", "every": "month" });
    let mut program = coffee_shop();
    program["points"]["expiry"] = json!({ "after_months": 1, "rounded_to": "exact_day" });
    program["plans"] = json!([{ "id": "plus", "price": 499, "interval": "month", "tier_floor": "gold" }]);
    for rule in program["earning_rules"].as_array_mut().unwrap() {
        if ["base", "welcome"].iter().any(|id| rule["id"] == *id) {
            rule["cap"] = cap.clone();
        }
    }
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "voucher", "name": "A voucher", "kind": "voucher", "cost": { "points": 1 }, "codes": "pool"
    }));
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "mug" {
            reward["hold_seconds_max"] = json!(60);
        }
    }
    program
}

/// Does everything that a function can do, and what only time makes it do.
async fn exercise(function: &str, system: &System) {
    let engine = system.engine();
    let members = "/v1/programs/demo/members";
    let member = format!("{members}/m-1");
    let nothing = Value::Null;
    let expect = |(status, body): (u64, Value), expected: u64| assert_eq!(status, expected, "{function}: {body}");
    match function {
        "enroll" => {
            let body = json!({ "member": "m-2", "aliases": [{ "kind": "email", "value": "a@b.c" }] });
            expect(call(function, engine, ("POST", members), &[], &body).await, 201);
            expect(call(function, engine, ("POST", members), &[], &body).await, 200);
            let body = json!({ "alias": { "kind": "email", "value": "a@b.c" } });
            expect(call(function, engine, ("POST", &format!("{members}/lookup")), &[], &body).await, 200);
            let (plan, key) = (format!("{member}/plan"), [("idempotency-key", "p-9")]);
            expect(call(function, engine, ("POST", &plan), &key, &json!({ "plan": "plus" })).await, 201);
            expect(call(function, engine, ("POST", &plan), &key, &json!({ "plan": "plus" })).await, 200);
            expect(call(function, engine, ("DELETE", &plan), &[], &nothing).await, 200);
            let body = json!({ "status": "suspended" });
            expect(call(function, engine, ("PATCH", &member), &[], &body).await, 200);
            let names = json!({ "add": [{ "kind": "phone", "value": "+49 170 1234567" }] });
            expect(call(function, engine, ("POST", &format!("{member}/aliases")), &[], &names).await, 200);
            let (path, key) = (format!("{member}/erasure"), [("idempotency-key", "erase-9")]);
            expect(call(function, engine, ("POST", &path), &key, &json!({ "reason": "asked" })).await, 200);
        }
        "earn" => {
            let (path, key) = (format!("{member}/accruals"), [("idempotency-key", "order-9")]);
            let body = purchase_at("2027-03-01T09:00:00Z", 1_000);
            expect(call(function, engine, ("POST", &path), &key, &body).await, 201);
            expect(call(function, engine, ("POST", &path), &key, &body).await, 200);
            let message = json!({ "program": "demo", "member": "m-1", "idempotency_key": "order-9", "accrual": body });
            let event = batch(&[message]);
            assert_eq!(handle(function, engine, event).await.unwrap(), json!({ "batchItemFailures": [] }));
            let (path, body) = (format!("{member}/quotes"), json!({ "redemption": { "reward": "voucher" } }));
            expect(call(function, engine, ("POST", &path), &[], &body).await, 200);
        }
        "redeem" => {
            let (path, key) = (format!("{member}/redemptions"), [("idempotency-key", "r-9")]);
            let body = json!({ "reward": "mug" });
            expect(call(function, engine, ("POST", &path), &key, &body).await, 201);
            expect(call(function, engine, ("POST", &path), &key, &body).await, 200);
            let body = json!({ "reward": "voucher" });
            expect(call(function, engine, ("POST", &path), &[("idempotency-key", "r-11")], &body).await, 201);
            expect(
                call(function, engine, ("POST", &path), &[("idempotency-key", "r-10")], &json!({ "reward": "x" }))
                    .await,
                404,
            );
            // Nobody here holds it, which is found out in the same way.
            let path = format!("{member}/entitlements/tasting/uses");
            expect(call(function, engine, ("POST", &path), &[("idempotency-key", "u-9")], &json!({})).await, 422);
        }
        "account" => {
            for part in ["", "/entitlements", "/entries", "/entries/order-1", "/rewards", "/tier"] {
                expect(call(function, engine, ("GET", &format!("{member}{part}")), &[], &nothing).await, 200);
            }
        }
        "tier-evaluation" => {
            let (path, tier_override) = (format!("{member}/tier-evaluations"), format!("{member}/tier-override"));
            expect(call(function, engine, ("POST", &path), &[], &json!({ "dry_run": true })).await, 200);
            let shard = Store::due_shard(&"m-1".parse().unwrap());
            let event = json!({ "shard": shard, "through": "2027-03-01", "cursor": null });
            assert_eq!(handle(function, engine, event).await.unwrap()["changed"], 1);
            let event = json!({ "shard": shard, "through": "2027-03-01", "cursor": null, "all": true });
            assert_eq!(handle(function, engine, event).await.unwrap()["failed"], 0);
            expect(call(function, engine, ("POST", &path), &[], &json!({})).await, 200);
            let body = json!({ "tier": "gold", "until": "2027-06-30", "reason": "c-1" });
            expect(call(function, engine, ("PUT", &tier_override), &[], &body).await, 200);
            expect(call(function, engine, ("DELETE", &tier_override), &[], &nothing).await, 200);
        }
        "program" => {
            let path = "/v1/programs/demo";
            expect(call(function, engine, ("GET", path), &[], &nothing).await, 200);
            let (path_of_adjustment, key) = (format!("{member}/adjustments"), [("idempotency-key", "a-9")]);
            let body = json!({ "points": 1, "reason": "goodwill" });
            expect(call(function, engine, ("POST", &path_of_adjustment), &key, &body).await, 201);
            let codes = format!("{path}/rewards/voucher/codes");
            expect(call(function, engine, ("POST", &codes), &[], &json!({ "codes": ["A2", "A3"] })).await, 200);
            expect(call(function, engine, ("GET", &codes), &[], &nothing).await, 200);
            expect(call(function, engine, ("GET", &format!("{codes}/A2")), &[], &nothing).await, 200);
            expect(call(function, engine, ("PUT", path), &[("if-match", "\"1\"")], &coffee_shop()).await, 201);
        }
        _ => panic!("no function is called {function}"),
    }
}

#[test]
fn no_policy_grants_more_than_its_function_calls_and_none_less() {
    for Function { name, actions, .. } in Template::read().functions {
        let system = System::with(&program(), NOW);
        system.enroll("m-1");
        system.accrue("m-1", "order-1", &purchase(50_000)).expect(201);
        let codes = "/v1/programs/demo/rewards/voucher/codes";
        system.client.post(codes, &json!({ "codes": ["A1"] })).expect(200);
        if name != "redeem" {
            // A hold that ends by itself gives its piece back, whichever function is the first to see it.
            system.redeem("m-1", "r-1", &json!({ "reward": "mug", "hold": { "seconds": 60 } })).expect(201);
        }
        // A reward must still be affordable when everything else has expired.
        let is_spending = name == "redeem";
        system.move_clock(if is_spending { "2026-12-01T09:00:00Z" } else { "2027-03-01T09:00:00Z" });
        let meter = system.engine().store.meter();
        let before = meter.snapshot();
        // As when the function starts.
        system.engine().programs.forget(&"demo".parse().unwrap());
        system.block_on(exercise(&name, &system));
        let called: BTreeSet<_> =
            meter.since(&before).actions.keys().map(|action| action.iam_name().to_owned()).collect();
        assert_eq!(actions, called, "granted and called by {name}");
    }
}
