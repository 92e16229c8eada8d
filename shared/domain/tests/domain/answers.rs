//! Compares the answers that members get with what then happens, over random lives.
//!
//! A case is generated from a seed: versions of a program, the acts of a member and a rival, and the instants at which answers are
//! compared. Each comparison uses copies of the member, so it changes nothing. A second member does the same and is reviewed every night;
//! the results must be equal. A failure names its seed and shows the smallest case that still fails.
//!
//! An ordinary run has a few cases. `FUZZ_SECONDS` sets a time instead, and `FUZZ_SEED` the first seed:
//! `FUZZ_SECONDS=3600 FUZZ_SEED=1000000 cargo test --profile bench -p regulars-domain --test domain answers:: -- --nocapture`.

#![allow(clippy::print_stdout, reason = "a long run says how far it came")]

mod catalogue;
mod idle;
mod quotes;
mod standing;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};
use regulars_domain::hash::Hash;

use crate::{
    lives::{Life, Look, People, Step, any_look, any_step, told},
    world::{Member, Rulebook},
};

/// The number of cases of an ordinary run.
const CASES: u64 = 150;

/// The answers to compare at an instant.
#[derive(Clone, Copy, Debug)]
enum Compared {
    Nothing,
    Catalogue,
    Quotes,
    Standing,
    Idle,
}

fn any_compared() -> impl Strategy<Value = Compared> {
    prop_oneof![
        12 => Just(Compared::Nothing),
        2 => Just(Compared::Catalogue),
        1 => Just(Compared::Quotes),
        3 => Just(Compared::Standing),
        3 => Just(Compared::Idle),
    ]
}

fn setting(name: &str) -> Option<u64> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

/// Runs `case` for one seed after another.
fn run<S: Strategy>(cases: u64, any_case: &S, case: impl Fn(S::Value)) {
    let (began, seconds) = (Instant::now(), setting("FUZZ_SECONDS").map(Duration::from_secs));
    let first = setting("FUZZ_SEED").unwrap_or_default();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut ran = 0;
    for seed in first.. {
        let is_over = seconds.map_or(ran >= cases, |seconds| began.elapsed() >= seconds);
        if is_over {
            break;
        }
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(config.clone(), rng);
        let tree = any_case.new_tree(&mut runner).unwrap();
        match runner.run_one(tree, |value| {
            case(value);
            Ok(())
        }) {
            Ok(_) => ran += 1,
            Err(TestError::Fail(why, smallest)) => panic!("seed {seed}: {why}\nthe smallest such case: {smallest:#?}"),
            Err(TestError::Abort(why)) => panic!("seed {seed}: {why}"),
        }
    }
    println!("{ran} cases from seed {first} on");
}

#[test]
fn what_members_are_told_is_what_happens() {
    let steps = prop::collection::vec((any_step(), any_compared()), 1..25);
    run(CASES, &(any_look(), steps), |(look, steps)| compare(look, steps));
}

fn compare(look: Look, steps: Vec<(Step, Compared)>) {
    let (mut life, mut people) = Life::begin(look);
    let mut nightly = people.clone();
    for (n, (step, compared)) in steps.into_iter().enumerate() {
        let key = format!("step-{n}");
        let before = life.rulebook.clone();
        life.go_on(&step);
        // A version that is in force from the start of a day decides the review of that night.
        let rulebook = if life.start_of(life.today()) == life.rulebook.begins() { &life.rulebook } else { &before };
        reviewed_nightly(&mut nightly.member, rulebook, life.now);
        let [did, nightly_did] = [&mut people, &mut nightly].map(|people| people.act(&life, &step, &key));
        assert_eq!(did, nightly_did, "{key} {step:?}, of the member who is reviewed every night (right)");
        if did.starts_with("Ok") {
            life.note(&step, &key);
        }
        match compared {
            Compared::Nothing => {}
            Compared::Catalogue => catalogue::check(&life, &people),
            Compared::Quotes => quotes::check(&life, &people.member),
            Compared::Standing => standing::check(&life, &people.member),
            Compared::Idle => idle::check(&life, &people.member),
        }
    }
    assert_same(&life, people, nightly);
}

/// Asserts that a member who is reviewed every night and one who never is end equal.
fn assert_same(life: &Life, people: People, nightly: People) {
    let [mut never, mut nightly] = [people.member, nightly.member];
    let end = life.start_of(life.today().saturating_add(jiff::Span::new().days(400)));
    reviewed_nightly(&mut nightly, &life.rulebook, end);
    for member in [&mut never, &mut nightly] {
        // Publishing schedules no reviews, so effects of the newest version may be written only now.
        member.reviewed(&life.rulebook, end);
    }
    assert_eq!(told(&nightly, &life.rulebook), told(&never, &life.rulebook), "reviewed every night (left), or never");
    let plain = |member: &Member| {
        let account = member.account_at(&life.rulebook, end);
        regulars_domain::account::Account { seq: 0, version: 0, head_hash: Hash::from([0; 32]), ..account }
    };
    assert_eq!(plain(&nightly), plain(&never), "reviewed every night (left), or never");
    nightly.assert_proven();
}

/// Reviews the member at the start of each day up to `now` on which the index lists the account.
fn reviewed_nightly(member: &mut Member, rulebook: &Rulebook, now: Timestamp) {
    let today = rulebook.date(now);
    while let Some(due) = member.account.review_on.filter(|due| *due <= today) {
        let night = regulars_domain::calendar::start_of(&rulebook.zone, due.max(member.account.settled_on));
        member.reviewed(rulebook, night.max(member.account.settled_at));
        assert!(
            member.account.review_on > Some(due) || member.account.review_on.is_none(),
            "reviewed on {due} in vain"
        );
    }
}
