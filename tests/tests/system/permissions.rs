//! Compares the policies in `template.yaml` with the calls of the functions: which actions, on which kinds of items.
//!
//! Missing permissions are checked at the end of every test of the system ([`System`]). Superfluous permissions are
//! checked here, by doing everything for which a function needs a permission.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that meets what it did not expect ends there")]

use std::collections::{BTreeMap, BTreeSet};

use regulars_store::{Action, Permission, Store};
use regulars_tests::{
    event::FUNCTIONS,
    system::{DEMO, NOW, System, coffee_shop, member, purchase, purchase_at},
    template::{Grant, Template},
};
use serde_json::{Value, json};

/// A time after the holds have ended.
const LATER: &str = "2026-11-21T14:00:00Z";

/// Returns a program with every kind of total over many members.
fn program() -> Value {
    let mut program = coffee_shop();
    program["points"]["receipts"] = json!("unique");
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "voucher", "name": "A voucher", "kind": "voucher", "cost": { "points": 1 }, "codes": "pool"
    }));
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "seat", "name": "A seat", "kind": "experience", "cost": { "points": 1 }, "stock": 40, "hold_seconds_max": 60,
        "limit": { "times": 30, "per": "program", "every": "month" }
    }));
    program
}

/// Returns a system in which, for each function, a member named after it has an ended hold: the first function to see
/// it commits its end.
fn with_ended_holds() -> System {
    let system = System::with(&program(), NOW);
    for function in FUNCTIONS {
        system.enroll(function);
        system.accrue(function, "order-1", &purchase(50_000)).expect(201);
        system.redeem(function, "hold-1", &json!({ "reward": "seat", "hold": { "seconds": 60 } })).expect(201);
    }
    let codes = format!("{DEMO}/rewards/voucher/codes");
    system.client.post(&codes, &json!({ "codes": ["A1", "A2", "A3"] })).expect(200);
    system.move_clock(LATER);
    system
}

/// Does everything for which a function needs a permission.
fn exercise(function: &str, system: &System) {
    // As at the start of the function.
    system.engine().programs.forget(&"demo".parse().unwrap());
    let (client, own) = (&system.client, member(function));
    let codes = format!("{DEMO}/rewards/voucher/codes");
    match function {
        "enroll" => {
            let alias = json!({ "kind": "email", "value": "a@b.c" });
            let joining = json!({ "member": "m-2", "aliases": [alias] });
            client.post(&format!("{DEMO}/members"), &joining).expect(201);
            client.post(&format!("{DEMO}/members/lookup"), &json!({ "alias": alias })).expect(200);
            client.patch(&member("m-2"), &json!({ "status": "closed" })).expect(200);
            client.patch(&own, &json!({ "attributes": { "city": "Izmir" } })).expect(200);
            client.post_under("e-1", &format!("{own}/erasure"), &json!({})).expect(200);
        }
        "earn" => {
            let mut bought = purchase_at(LATER, 1_000);
            bought["purchase"]["receipt"] = json!("till3-0042");
            system.accrue(function, "order-2", &bought).expect(201);
            client.post(&format!("{own}/quotes"), &json!({ "redemption": { "reward": "voucher" } })).expect(200);
        }
        "redeem" => {
            let given = system.redeem(function, "r-1", &json!({ "reward": "voucher" })).expect(201);
            let code = given["redemption"]["code"].as_str().unwrap();
            client.post_under("u-1", &format!("{codes}/{code}/use"), &json!({})).expect(201);
        }
        "account" => {
            for part in ["entries", "rewards"] {
                client.get(&format!("{own}/{part}")).expect(200);
            }
        }
        "tier-evaluation" => {
            client.post(&format!("{own}/tier-evaluations"), &json!({})).expect(200);
            for all in [false, true] {
                let shard = Store::due_shard(&function.parse().unwrap());
                let event = json!({ "shard": shard, "through": "2026-11-22", "cursor": null, "all": all });
                let run = system.block_on(regulars_tests::event::handle(function, system.engine(), event)).unwrap();
                assert_eq!(run["failed"], 0, "{run}");
            }
        }
        "program" => {
            client
                .post_under("a-1", &format!("{own}/adjustments"), &json!({ "points": 1, "reason": "goodwill" }))
                .expect(201);
            client.get(&codes).expect(200);
            client.get(&format!("{codes}/A3")).expect(200);
            client.post(&format!("{codes}/A3/void"), &json!({})).expect(200);
            client.put(DEMO, ("if-match", "\"1\""), &program()).expect(201);
        }
        other => unreachable!("no function is called {other}"),
    }
}

/// The access of a grant. For a transaction, it matters which actions write its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Access {
    Reads,
    Writes,
    Queries,
    Scans,
}

fn access(action: &str) -> Access {
    let all = [
        (Action::BatchGetItem, Access::Reads),
        (Action::GetItem, Access::Reads),
        (Action::PutItem, Access::Writes),
        (Action::Query, Access::Queries),
        (Action::Scan, Access::Scans),
        (Action::UpdateItem, Access::Writes),
    ];
    all.into_iter().find(|(known, _)| known.iam_name() == action).unwrap().1
}

type Reach = BTreeSet<(Access, Option<String>, Option<String>)>;

/// Returns the kinds of items that grants reach, for reading and writing, and the actions.
fn reach(grants: &BTreeSet<Grant>) -> (Reach, BTreeSet<String>) {
    let reached = grants.iter().map(|one| (access(&one.action), one.index.clone(), one.leading_key.clone()));
    (reached.collect(), grants.iter().map(|one| one.action.clone()).collect())
}

/// What each function that reaches the table is granted on it.
fn granted() -> BTreeMap<String, BTreeSet<Grant>> {
    let functions = Template::read().functions.into_iter().filter(|function| !function.is_streamed);
    functions.map(|function| (function.name, function.grants)).collect()
}

#[test]
fn a_policy_grants_what_its_function_calls_on_the_kinds_of_items_that_it_calls_it_on_and_no_more() {
    let system = with_ended_holds();
    for function in FUNCTIONS {
        exercise(function, &system);
    }
    let needed = system.engine().store.meter().needed();
    for (function, grants) in granted() {
        let needed: BTreeSet<Grant> = needed[function.as_str()].iter().map(Grant::from).collect();
        let (granted, needed) = (reach(&grants), reach(&needed));
        let missing: Vec<_> = needed.0.difference(&granted.0).collect();
        let in_vain: Vec<_> = granted.0.difference(&needed.0).collect();
        assert!(missing.is_empty() && in_vain.is_empty(), "{function} misses {missing:?} and has in vain {in_vain:?}");
        assert_eq!(granted.1, needed.1, "actions of {function}");
    }
}

#[test]
fn one_kind_of_item_more_or_less_in_a_policy_is_found() {
    let template = Template::read();
    let needed = Permission { action: Action::PutItem, index: None, leading_key: Some("program#") };
    let of = |function| BTreeMap::from([(function, BTreeSet::from([needed]))]);
    assert_eq!(template.denied(&of("program")), []);
    assert_eq!(template.denied(&of("earn")), [("earn".to_owned(), Grant::from(&needed))]);
    let write = |grants: &BTreeSet<Grant>| grants.contains(&Grant::from(&needed));
    let writers: Vec<String> =
        granted().into_iter().filter(|(_, grants)| write(grants)).map(|(name, _)| name).collect();
    assert_eq!(writers, ["program"], "who may write program documents");
}
