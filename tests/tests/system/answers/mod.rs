//! Compares the answers of the API with what then happens: quotes with the real calls, the catalogue with redemptions and with the stock
//! left, `next`, `keep` and `until` with the tier. Two systems get the same requests, and one of them reviews its members every night.
//!
//! A case is generated from a seed, which a failure names. An ordinary run has a few cases. `FUZZ_SECONDS` sets a time instead, and
//! `FUZZ_SEED` the first seed: `FUZZ_SECONDS=3600 FUZZ_SEED=1000000 cargo test -p regulars-tests --test system answers:: -- --nocapture`.
//!
//! `shared/domain/tests/domain/answers.rs` compares more kinds of programs, and takes far less time for a case.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there, and prints how far it came"
)]

mod pair;
mod program;
mod shelf;
mod tier;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use regulars_tests::{client::Answer, seeds::Seeds, system::DEMO, written::unwritten};
use serde_json::{Value, json};

use self::{
    pair::{Pair, members},
    program::{document, pick},
    shelf::Shelf,
};

/// The number of cases of an ordinary run.
const CASES: u64 = 6;

/// The number of steps of a case.
const STEPS: usize = 14;

#[test]
fn what_the_api_tells_is_what_happens() {
    let mut ran = 0;
    for seed in Seeds::few(CASES) {
        let case = catch_unwind(AssertUnwindSafe(|| Case::begin(seed).run()));
        case.unwrap_or_else(|failure| {
            println!("the case of seed {seed} failed");
            resume_unwind(failure)
        });
        ran += 1;
    }
    println!("answers: {ran} cases");
}

struct Case {
    rng: Rng,
    program: Value,
    version: u64,
    pair: Pair,
    /// Two members who share stocks, limits and caps.
    members: Vec<String>,
    shelf: Shelf,
    /// The instant from which the newest version is in force.
    began: Timestamp,
}

impl Case {
    fn begin(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let program = document(&mut rng);
        let pair = Pair::start(&program);
        let members = members(2);
        for member in &members {
            pair.ask("enrolls", |system| system.client.post(&format!("{DEMO}/members"), &json!({ "member": member })))
                .expect(201);
        }
        let began = pair.now;
        Self { rng, program, version: 1, pair, members, shelf: Shelf::default(), began }
    }

    fn run(mut self) {
        for n in 0..STEPS {
            self.step(&format!("step-{n}"));
            self.check_catalogue();
        }
        for member in &self.members {
            self.pair.get(member, "/tier");
            self.pair.get(member, "");
            self.pair.compare_ledgers(member);
        }
        tier::check(&mut self.rng, self.pair, &self.members[0], &self.program["tiers"]["basis"]);
    }

    fn step(&mut self, key: &str) {
        let member = pick(&mut self.rng, &self.members);
        match self.rng.u8(0..12) {
            0..=3 => self.buys(key, &member),
            4..=6 => self.redeems(key, &member),
            7 => self.ends_hold(key),
            8 => self.pair.wait(SignedDuration::from_secs(self.rng.i64(1..4_000))),
            9 => self.pair.wait(SignedDuration::from_hours(self.rng.i64(1..24 * 20))),
            10 => {
                let points = self.rng.i64(-20..80);
                let body = json!({ "points": points, "reason": "goodwill" });
                drop(self.pair.post(key, &member, "/adjustments", &body));
            }
            _ => self.publishes(),
        }
    }

    /// Publishes a version with another earning rate, so that the version that decides a purchase shows.
    fn publishes(&mut self) {
        self.pair.wait(SignedDuration::from_secs(90));
        self.program["earning_rules"][0]["give"]["rate"]["points"] = json!(self.version % 3 + 1);
        self.pair.publish(self.version, &self.program);
        self.version += 1;
        self.began = self.pair.now;
    }

    fn purchase(&mut self) -> Value {
        let rng = &mut self.rng;
        // Some purchases are older than the current version, or too old.
        let before = (self.pair.now - self.began).get_seconds();
        let seconds = match rng.u8(0..6) {
            0 => before + rng.i64(1..3_600),
            1 => rng.i64(0..40 * 86_400),
            _ => 0,
        };
        let occurred_at = self.pair.now - SignedDuration::from_secs(seconds);
        let beans = pick(rng, &[0, 0, 300, 900]);
        let total = rng.i64(beans..6_000);
        let line = json!({ "sku": "yirgacheffe", "category": "beans", "quantity": beans / 300, "amount": beans });
        let lines = if beans > 0 { json!([line]) } else { json!([]) };
        json!({ "purchase": { "occurred_at": occurred_at, "total": { "amount": total, "currency": "EUR" },
                              "channel": pick(rng, &["till", "app"]), "lines": lines } })
    }

    fn buys(&mut self, key: &str, member: &str) {
        let body = self.purchase();
        let quoted = self.pair.post(key, member, "/quotes", &json!({ "accrual": body }));
        let done = self.pair.post(key, member, "/accruals", &body);
        compare_quote(&quoted, &done, &body);
    }

    fn redeems(&mut self, key: &str, member: &str) {
        let rewards = self.pair.get(member, "/rewards")["rewards"].clone();
        let reward = rewards[self.rng.usize(0..rewards.as_array().unwrap().len())].clone();
        let hold = pick(&mut self.rng, &[None, Some(60), Some(1_800)]);
        let mut body = wish(&reward);
        if let Some(seconds) = hold {
            body["hold"] = json!({ "seconds": seconds });
        }
        let quoted = self.pair.post(key, member, "/quotes", &json!({ "redemption": body }));
        let done = self.pair.post(key, member, "/redemptions", &body);
        compare_quote(&quoted, &done, &body);
        assert_eq!(reward["available"], done.status == 201, "{reward} and {done}");
        assert_eq!(reward["reason"]["code"], done.body["code"], "{reward} and {done}");
        if done.status == 201 {
            let ends_at = hold.map(|seconds| self.pair.now + SignedDuration::from_secs(seconds));
            self.shelf.take(key, member, reward["id"].as_str().unwrap(), ends_at);
        }
    }

    /// Captures or cancels a hold, which may have ended.
    fn ends_hold(&mut self, key: &str) {
        let Some(held) = self.shelf.any_hold(&mut self.rng) else { return };
        let action = pick(&mut self.rng, &["capture", "cancellation"]);
        let path = format!("/redemptions/{}/{action}", held.key);
        let done = self.pair.post(key, &held.member, &path, &json!({}));
        let runs = held.ends_at.is_some_and(|end| end > self.pair.now);
        assert_eq!(done.status == 201, runs, "{held:?} at {}: {done}", self.pair.now);
        if runs {
            self.shelf.end(&held.key, action == "capture");
        }
    }

    /// Compares the catalogue with the stock left, and each reward with its quote.
    fn check_catalogue(&mut self) {
        let member = pick(&mut self.rng, &self.members);
        for reward in self.pair.get(&member, "/rewards")["rewards"].as_array().unwrap() {
            let id = reward["id"].as_str().unwrap();
            let rules = self.program["rewards"].as_array().unwrap().iter().find(|rules| rules["id"] == id).unwrap();
            let left = rules["stock"].as_i64().map(|pieces| pieces - self.shelf.out(id, self.pair.now));
            assert_eq!(reward["stock_left"], json!(left), "pieces of {id} left at {}", self.pair.now);
            let is_out = reward["reason"]["code"] == "reward_out_of_stock";
            assert!(left.is_none_or(|left| left < 1) || !is_out, "{left:?} are left: {reward}");
            assert!(left != Some(0) || reward["available"] == false, "{reward}");
            let quoted = self
                .pair
                .never
                .client
                .post(&format!("{DEMO}/members/{member}/quotes"), &json!({ "redemption": wish(reward) }));
            assert_eq!(reward["available"], quoted.status == 200, "{reward} and {quoted}");
            assert_eq!(reward["reason"]["code"], quoted.body["code"], "{reward} and {quoted}");
        }
    }
}

/// Returns the body of a redemption of `reward`, with the minimum amount of money.
fn wish(reward: &Value) -> Value {
    let mut body = json!({ "reward": reward["id"] });
    if reward["cost"].get("per").is_some() {
        body["money"] = json!({ "amount": 1, "currency": "EUR" });
    }
    body
}

/// Asserts that a quote equals the real call, or is refused in the same way.
fn compare_quote(quoted: &Answer, done: &Answer, body: &Value) {
    if done.status == 201 {
        assert_eq!(quoted.status, 200, "{body}: {quoted}");
        assert_eq!(unwritten(quoted.body.clone()), unwritten(done.body.clone()), "quoted (left) for {body}");
    } else {
        let gist = |answer: &Value| json!([answer["code"], answer["detail"], answer["missing"]]);
        assert_eq!((quoted.status, gist(&quoted.body)), (done.status, gist(&done.body)), "quoted (left) for {body}");
    }
}
