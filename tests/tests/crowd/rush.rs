//! A thousand concurrent requests for a scarce reward: each piece goes to one member, and the others pay nothing.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Barrier, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_cli::local::{TABLE, client_at};
use regulars_domain::counter::CounterId;
use regulars_tests::{
    client::Answer,
    system::{NOW, System, coffee_shop, member},
};
use serde_json::{Value, json};

const MEMBERS: usize = 250;

/// A reward with forty pieces, for 5 points each: every member can afford five.
fn program() -> Value {
    let mut program = coffee_shop();
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "print", "name": "A signed print", "kind": "product", "cost": { "points": 5 }, "stock": 40,
        "hold_seconds_max": 600
    }));
    program
}

fn system(program: &Value) -> System {
    let system = System::with(program, NOW);
    for_all_members(|member| {
        system.enroll(member);
        0
    });
    system
}

/// Runs `work` for all members, four concurrently, and returns the sum of the results.
fn for_all_members(work: impl Fn(&str) -> i64 + Sync) -> i64 {
    const LANES: usize = 4;
    thread::scope(|scope| {
        let work = &work;
        let lane = |first| scope.spawn(move || (first..MEMBERS).step_by(LANES).map(|number| work(&name(number))).sum());
        let lanes: Vec<thread::ScopedJoinHandle<i64>> = (0..LANES).map(lane).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    })
}

/// Returns the id of the member with this number.
fn name(number: usize) -> String {
    format!("m-{number}")
}

fn redemptions(who: &str) -> String {
    format!("{}/redemptions", member(who))
}

/// Sends redemptions concurrently, those of a member one after another, and returns each request and its answer.
/// Requests that are answered with `busy` are repeated: the local table needs more than half a minute for a thousand.
fn rush(
    system: &System,
    prefix: &str,
    requests: usize,
    body: impl Fn(usize) -> Value + Sync,
) -> Vec<(String, String, Answer)> {
    let barrier = Barrier::new(requests);
    let started = Instant::now();
    let answers = thread::scope(|scope| {
        let senders: Vec<_> = (0..requests)
            .map(|number| {
                let (barrier, body) = (&barrier, &body);
                scope.spawn(move || {
                    let (member, key) = (name(number % MEMBERS), format!("{prefix}-{number}"));
                    let (client, path, body) = (system.client.apart(), redemptions(&member), body(number));
                    // The route does not exist, but the connection is then open.
                    client.get("/v1/nothing").problem(404, "route_not_found");
                    barrier.wait();
                    let mut put_off = Vec::new();
                    for _ in 0..30 {
                        let answer = client.post_under(&key, &path, &body);
                        if answer.status != 503 {
                            return (member, key, answer, put_off);
                        }
                        let code = answer.body["code"].as_str().unwrap().to_owned();
                        assert!(["busy", "store_unavailable"].contains(&code.as_str()), "{answer}");
                        put_off.push(code);
                        thread::sleep(Duration::from_millis(500 + u64::try_from(number).unwrap() * 37 % 1_000));
                    }
                    panic!("{key} was never answered")
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect::<Vec<_>>()
    });
    let mut came_to = BTreeMap::<&str, u64>::new();
    for (_, _, answer, put_off) in &answers {
        let code = answer.body["code"].as_str().unwrap_or("redeemed");
        for code in put_off.iter().map(String::as_str).chain([code]) {
            *came_to.entry(code).or_default() += 1;
        }
    }
    println!("{requests} requests within {:?}: {came_to:?}", started.elapsed());
    answers.into_iter().map(|(member, key, answer, _)| (member, key, answer)).collect()
}

/// Returns the requests that got a piece, by their keys; the others were told that none is left.
fn winners(answers: &[(String, String, Answer)]) -> Vec<(&str, &str, &Answer)> {
    // A store that did not answer may have done it, and the repeat under the same key shows it.
    let is_got = |answer: &Answer| answer.status == 201 || answer.is_replay();
    let (got, others): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, _, answer)| is_got(answer));
    for (_, _, answer) in others {
        answer.clone().problem(422, "reward_out_of_stock");
    }
    got.into_iter().map(|(member, key, answer)| (member.as_str(), key.as_str(), answer)).collect()
}

/// Returns how many pieces of a reward were taken, over all shards of its counter.
fn gone(system: &System, reward: &str) -> i64 {
    let counter = CounterId::Stock(reward.parse().unwrap());
    let store = &system.engine().store;
    let counters = system.block_on(store.counters(&"demo".parse().unwrap(), std::slice::from_ref(&counter)));
    counters.unwrap().taken(&counter).unwrap()
}

/// Returns what was taken from each shard of a counter, which is in a partition of its own.
fn shards(system: &System, pk: &str, sk: &str) -> Vec<i64> {
    let client = client_at(&system.table_url());
    system.block_on(async {
        let mut taken = Vec::new();
        for shard in 0..8 {
            let key = [("pk", format!("{pk}#{shard}")), ("sk", sk.to_owned())];
            let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value)));
            let get = client.get_item().table_name(TABLE).set_key(Some(key.into())).consistent_read(true);
            let item = get.send().await.unwrap().item.unwrap();
            taken.push(item["taken"].as_n().unwrap().parse().unwrap());
        }
        println!("{pk}: taken from each of eight partitions: {taken:?}");
        taken
    })
}

/// Asserts that every member's ledger adds up, and returns the number of redemptions, less reversed ones.
fn audit(system: &System) -> i64 {
    for_all_members(|member| {
        system.audit(member);
        let mut own = 0;
        for entry in system.ledger(member) {
            own += match entry["kind"].as_str().unwrap() {
                "redemption" => 1,
                "redemption_reversal" | "cancellation" => -1,
                _ => 0,
            };
        }
        let balance = &system.account(member)["balance"];
        let left = balance["spendable"].as_i64().unwrap();
        assert_eq!(25 - left, 5 * own, "{member} paid for what {member} has: {balance}");
        own
    })
}

/// These tests run one after another: two at once would overload the machine.
static CROWD: Mutex<()> = Mutex::new(());

#[test]
fn a_thousand_concurrent_requests_get_forty_pieces_and_returned_ones_can_be_redeemed_again() {
    let _alone = CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    let system = system(&program());
    // Every other request holds it first.
    let wish = |number: usize| match number % 2 {
        0 => json!({ "reward": "print" }),
        _ => json!({ "reward": "print", "hold": { "seconds": 600 } }),
    };
    let answers = rush(&system, "r", 1_000, wish);
    let got = winners(&answers);
    assert_eq!(got.len(), 40);
    assert_eq!(gone(&system, "print"), 40);
    assert_eq!(shards(&system, "reward#demo#print", "stock"), [5; 8]);
    assert_eq!(audit(&system), 40);

    let returned: Vec<_> = got.iter().take(25).collect();
    for (who, key, answer) in &returned {
        let way = match answer.body["redemption"]["state"].as_str().unwrap() {
            "held" => "cancellation",
            _ => "reversals",
        };
        let path = format!("{}/{key}/{way}", redemptions(who));
        system.client.post_under(&format!("back-{key}"), &path, &json!({})).expect(201);
    }
    assert_eq!(gone(&system, "print"), 15);
    let again = rush(&system, "s", 250, |_| json!({ "reward": "print" }));
    assert_eq!(winners(&again).len(), 25);
    assert_eq!(gone(&system, "print"), 40);
    assert_eq!(audit(&system), 40);
    // The same requests again get the same answers, and change nothing.
    for (who, key, answer) in &got {
        let number: usize = key[2..].parse().unwrap();
        let repeat = system.redeem(who, key, &wish(number));
        assert!(repeat.is_replay(), "{repeat}");
        assert_eq!(repeat.body["entry"], answer.body["entry"]);
    }
    assert_eq!(gone(&system, "print"), 40);
}

#[test]
fn a_rule_that_is_capped_for_all_members_gives_a_rush_exactly_its_cap() {
    let _alone = CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut program = coffee_shop();
    program["earning_rules"].as_array_mut().unwrap().push(json!({
        "id": "opening", "on": { "activity": "opening" }, "give": { "fixed": { "points": 7 } },
        "cap": { "points": 1_000, "per": "program", "every": "ever" }
    }));
    let system = system(&program);
    let body = json!({ "activity": { "type": "opening", "occurred_at": NOW } });
    let barrier = Barrier::new(MEMBERS);
    let given: i64 = thread::scope(|scope| {
        let senders: Vec<_> = (0..MEMBERS)
            .map(|number| {
                let (barrier, body, client) = (&barrier, &body, system.client.apart());
                scope.spawn(move || {
                    let path = format!("{}/accruals", member(&name(number)));
                    client.get("/v1/nothing").problem(404, "route_not_found");
                    barrier.wait();
                    for _ in 0..30 {
                        let answer = client.post_under("opening", &path, body);
                        if answer.status != 503 {
                            return answer.body["entry"]["spendable"].as_i64().unwrap();
                        }
                        thread::sleep(Duration::from_millis(500));
                    }
                    panic!("{path} was never answered")
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    // 142 times 7, and 6 to one more: clipped exactly at the limit, regardless of the shard with the last points.
    assert_eq!(given, 1_000);
    assert_eq!(shards(&system, "cap#demo#rule/opening", "0001-01-01"), [125; 8]);
}

#[test]
fn of_a_thousand_at_once_forty_get_one_of_forty_codes_each_another() {
    let _alone = CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut program = coffee_shop();
    program["rewards"].as_array_mut().unwrap().push(json!({
        "id": "cinema", "name": "A ticket to the cinema", "kind": "voucher", "cost": { "points": 5 }, "codes": "pool"
    }));
    let system = system(&program);
    let uploaded: Vec<String> = (0..40).map(|number| format!("CINEMA-{number:04}")).collect();
    let codes = "/v1/programs/demo/rewards/cinema/codes";
    let answer = system.client.post(codes, &json!({ "codes": uploaded })).expect(200);
    assert_eq!(answer, json!({ "added": 40, "known": 0 }));

    let wish = json!({ "reward": "cinema" });
    let answers = rush(&system, "r", 1_000, |_| wish.clone());
    let got = winners(&answers);
    let code = |answer: &Answer| answer.body["redemption"]["code"].as_str().unwrap().to_owned();
    let given: BTreeSet<String> = got.iter().map(|(_, _, answer)| code(answer)).collect();
    assert_eq!((got.len(), given), (40, uploaded.into_iter().collect()));
    assert_eq!(audit(&system), 40);
    assert_eq!(system.client.get(codes).expect(200), json!({ "left": 0, "given": 40 }));
    for (who, key, answer) in got {
        let repeat = system.redeem(who, key, &wish);
        assert!(repeat.is_replay(), "{repeat}");
        assert_eq!(code(&repeat), code(answer));
        let found = system.client.get(&format!("{codes}/{}", code(answer))).expect(200);
        assert_eq!((&found["redemption"]["member"], &found["redemption"]["id"]), (&json!(who), &json!(key)));
    }
}
