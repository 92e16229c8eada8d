//! Random commands by different clocks, compared with a model; and tables of single changes.
#![expect(clippy::arithmetic_side_effects, reason = "tests count to a few hundred")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use regulars_domain::counter::{CounterId, HeldAmounts, Reserved};

use super::*;

/// Applies all changes, or none if a condition fails, like the table.
fn commit(shards: &mut Shards, changes: &[ShardChange]) -> bool {
    let touched: BTreeSet<u8> = changes.iter().map(|change| change.number).collect();
    assert_eq!(touched.len(), changes.len(), "a transaction touches an item once");
    for ShardChange { what, .. } in changes {
        if let What::Take { amount, .. } | What::GiveBack { amount } = what {
            assert!(*amount > 0);
        }
    }
    let after = shards.after(changes);
    if let Some(after) = &after {
        for shard in after.each() {
            assert!(shard.spent() >= 0 && sum(&shard.held) <= shard.taken, "{shard:?}");
            let holds: BTreeSet<_> = shard.held.iter().map(|held| held.part(1)).collect();
            assert_eq!(holds.len(), shard.held.len(), "a hold has one part in a shard");
        }
        shards.clone_from(after);
    }
    after.is_some()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Returns a hold that reserves `amount` and ends at this second.
fn hold(number: usize, ends_at: i64, amount: i64) -> Held {
    let (member, redemption) = ("m-1".parse().unwrap(), format!("r-{number}").parse().unwrap());
    Held::new(&Reserved { member, redemption, ends_at: at(ends_at), amount })
}

/// One command on a counter.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Takes permanently.
    Take(i64),
    /// Returns what was taken permanently.
    GiveBack(i64),
    /// Holds for a number of seconds.
    Hold(i64, i64),
    /// Captures one of the holds, and keeps some percent of it, at least one.
    Capture(usize, i64),
    /// Cancels one of the holds.
    Cancel(usize),
    /// Ends one of the holds and takes permanently, in one posting.
    EndAndTake(usize, i64),
}

#[derive(Clone, Copy, Debug)]
struct Command {
    act: Act,
    most: i64,
    home: u8,
    /// The clock of the decision.
    now: i64,
}

/// The state of a counter: what was taken permanently, and every hold that reserves something, by its number.
#[derive(Clone, Debug, Default)]
struct Model {
    spent: i64,
    holds: BTreeMap<usize, Held>,
    made: Vec<Held>,
}

impl Model {
    /// Returns what is taken at `now`.
    fn taken(&self, now: i64) -> i64 {
        self.spent + self.holds.values().filter(|held| !held.has_ended(at(now))).map(|held| held.amount).sum::<i64>()
    }

    fn find(&self, chosen: usize) -> Option<(usize, Held)> {
        let place = chosen.checked_rem(self.made.len())?;
        Some((place, self.made[place]))
    }
}

/// Does `work` with what was `seen`, like a commit: at its home first, then with all shards.
fn decide(seen: &Shards, work: &Work, home: u8) -> Result<Vec<ShardChange>, Undone> {
    let look = Look::At(home, seen.get(home).cloned());
    look.changes(work).map_or_else(|| seen.changes(work, home), Ok)
}

impl Command {
    /// Returns the work, and its effect on the model; `None` if there is nothing to do.
    fn work(self, model: &Model) -> Option<(Work, Model)> {
        let mut after = model.clone();
        let steps = match self.act {
            Act::Take(amount) => {
                after.spent += amount;
                vec![Step::Take(amount, None)]
            }
            Act::GiveBack(amount) => {
                after.spent = (after.spent - amount).max(0);
                vec![Step::GiveBack(amount)]
            }
            Act::Hold(amount, seconds) => {
                let held = hold(model.made.len(), self.now + seconds, amount);
                after.holds.insert(model.made.len(), held);
                after.made.push(held);
                vec![Step::Take(amount, Some(held))]
            }
            Act::Capture(chosen, percent) => {
                let (place, held) = model.find(chosen)?;
                let kept = (held.amount * percent / 100).max(1);
                after.holds.remove(&place);
                after.spent += kept;
                vec![Step::End { held, kept }]
            }
            Act::Cancel(chosen) => {
                let (place, held) = model.find(chosen)?;
                after.holds.remove(&place);
                vec![Step::End { held, kept: 0 }]
            }
            Act::EndAndTake(chosen, amount) => {
                let (place, held) = model.find(chosen)?;
                after.holds.remove(&place);
                after.spent += amount;
                vec![Step::End { held, kept: 0 }, Step::Take(amount, None)]
            }
        };
        Some((Work { steps, most: self.most, now: at(self.now) }, after))
    }

    /// Runs it with what was `seen` of a counter whose state is `shards`, and compares it with the model.
    fn carry_out(self, seen: &Shards, shards: &mut Shards, model: &mut Model) {
        let Some((work, after)) = self.work(model) else { return };
        // A command that ends a hold read it in the account, so it reads the counter after the hold was made.
        let current = shards.clone();
        let ended =
            work.steps.iter().find_map(|step| if let Step::End { held, .. } = step { Some(*held) } else { None });
        let is_newer = ended.is_some_and(|held| seen.each().all(|shard| shard.part_of(held).is_none()));
        let seen = if is_newer { &current } else { seen };
        let before = shards.clone();
        let changes = match decide(seen, &work, self.home) {
            Ok(changes) => changes,
            Err(Undone::Full) if seen == shards => {
                assert!(after.taken(self.now) > self.most, "{self:?} is refused by {shards:?} of {model:?}");
                return;
            }
            Err(Undone::Lost(held)) if seen == shards => {
                let is_whole = model.holds.values().any(|other| *other == held);
                assert!(!is_whole, "{self:?} on {shards:?} of {model:?}");
                return;
            }
            Err(Undone::Full | Undone::Lost(_)) => return,
        };
        let is_done = commit(shards, &changes);
        assert!(is_done || seen != &before, "{changes:?} of {self:?} on {before:?}");
        if !is_done {
            return;
        }
        let spent_before = model.spent;
        *model = after;
        if let Act::GiveBack(amount) = self.act {
            // Amounts that were not found are not returned.
            let back = before.sum() - shards.sum();
            assert!((0..=amount).contains(&back) && (seen != &before || model.spent == spent_before - back));
            model.spent = spent_before - back;
        }
        // Some of the holds that have ended by this clock, or parts of them, may have been freed for a take.
        for held in model.holds.values_mut() {
            let listed = shards.each().filter_map(|shard| shard.part_of(*held)).map(|part| part.amount).sum::<i64>();
            assert!(listed <= held.amount, "{self:?} made more of a hold: {before:?}, then {shards:?}");
            assert!(
                listed == held.amount || held.has_ended(at(self.now)),
                "{self:?} lost a hold: {before:?}, then {shards:?}"
            );
            *held = held.part(listed);
        }
        model.holds.retain(|_, held| held.amount > 0);
        assert_eq!(shards.sum(), model.spent + model.holds.values().map(|held| held.amount).sum::<i64>(), "{self:?}");
        if let Act::Take(_) | Act::Hold(..) | Act::EndAndTake(..) = self.act {
            assert!(model.taken(self.now) <= self.most, "{self:?} made {shards:?}");
        }
        // One shard alone never shows more than what is left, for any clock.
        for (number, shard) in (0..SHARDS).zip(&shards.0) {
            if let Some(shard) = shard {
                let room = shard.room_at(number, at(self.now), false);
                assert!(room == 0 || room <= shard.most - model.taken(self.now), "{room} at {number} of {shards:?}");
            }
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1..9_i64).prop_map(Act::Take),
        1 => (1..60_i64).prop_map(Act::Take),
        2 => (1..9_i64).prop_map(Act::GiveBack),
        4 => (1..9_i64, 1..40_i64).prop_map(|(amount, seconds)| Act::Hold(amount, seconds)),
        1 => (1..60_i64, 1..40_i64).prop_map(|(amount, seconds)| Act::Hold(amount, seconds)),
        3 => (any::<usize>(), 1..=100_i64).prop_map(|(chosen, percent)| Act::Capture(chosen, percent)),
        2 => any::<usize>().prop_map(Act::Cancel),
        1 => (any::<usize>(), 1..9_i64).prop_map(|(chosen, amount)| Act::EndAndTake(chosen, amount)),
    ]
}

/// Returns a sequence of commands, by clocks that differ by up to five seconds.
fn commands(most: impl Strategy<Value = i64> + Clone + 'static) -> impl Strategy<Value = Vec<Command>> {
    let command = (act(), most, 0..SHARDS, 0..5_i64, 0..6_i64);
    prop::collection::vec(command, 0..60).prop_map(|drawn| {
        let mut time = 100;
        let mut commands = Vec::new();
        for (act, most, home, passed, ahead) in drawn {
            time += passed;
            commands.push(Command { act, most, home, now: time + ahead });
        }
        commands
    })
}

fn limits() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![Just(40_i64), Just(41), Just(12), Just(80), 0..120_i64]
}

proptest! {
    #[test]
    fn commands_one_after_another_do_what_the_sum_allows(commands in commands(limits())) {
        let (mut shards, mut model) = (Shards::default(), Model::default());
        for command in commands {
            command.carry_out(&shards.clone(), &mut shards, &mut model);
        }
    }

    /// However stale the reads, and whatever limit each command knew, nothing is taken beyond the limit, and a
    /// reservation is freed or captured once.
    #[test]
    fn many_who_looked_at_once_never_take_more_than_there_is(
        before in commands(limits()), commands in commands(limits()), late in prop::collection::vec(any::<bool>(), 60),
    ) {
        let (mut shards, mut model) = (Shards::default(), Model::default());
        for command in before {
            command.carry_out(&shards.clone(), &mut shards, &mut model);
        }
        let old = shards.clone();
        for (command, is_late) in commands.into_iter().zip(late) {
            let seen = if is_late { old.clone() } else { shards.clone() };
            command.carry_out(&seen, &mut shards, &mut model);
        }
    }

    #[test]
    fn no_more_pieces_are_given_than_there_are_however_stale_the_reads(
        commands in commands(Just(3)), late in prop::collection::vec(any::<bool>(), 60),
    ) {
        let (mut shards, mut model) = (Shards::default(), Model::default());
        let mut old = shards.clone();
        for (command, is_late) in commands.into_iter().zip(late) {
            let seen = if is_late { old.clone() } else { shards.clone() };
            command.carry_out(&seen, &mut shards, &mut model);
            if !is_late {
                old = shards.clone();
            }
        }
    }
}

/// Returns the changes that take an amount under a limit, at this home.
fn take(shards: &Shards, (amount, most, home): (i64, i64, u8)) -> Option<Vec<ShardChange>> {
    shards.take((amount, None), most, home, at(0))
}

#[test]
fn quotas_add_up_to_the_limit_and_never_shrink_when_it_is_raised() {
    for most in 0..100 {
        assert_eq!((0..SHARDS).map(|shard| quota(most, shard)).sum::<i64>(), most);
        assert!((0..SHARDS).all(|shard| quota(most + 1, shard) >= quota(most, shard)));
    }
    assert_eq!((0..SHARDS).map(|shard| quota(11, shard)).collect::<Vec<_>>(), [2, 2, 2, 1, 1, 1, 1, 1]);
}

fn dealt(most: i64, taken: [i64; 8]) -> Shards {
    Shards(taken.map(|taken| Some(Shard { taken, most, ..Shard::default() })))
}

#[test]
fn an_amount_is_taken_at_home_if_it_can_be_and_spread_only_if_it_must_be() {
    let numbers = |changes: Option<Vec<ShardChange>>| -> Vec<u8> {
        changes.into_iter().flatten().map(|change| change.number).collect()
    };
    let fresh = dealt(40, [0; 8]);
    assert_eq!(numbers(take(&fresh, (1, 40, 3))), [3]);
    assert_eq!(numbers(take(&dealt(2, [0; 8]), (1, 2, 7))), [0], "the quota of the last ones is nothing");
    assert_eq!(numbers(take(&fresh, (6, 40, 3))), [3, 4]);
    assert_eq!(numbers(take(&dealt(40, [5, 5, 5, 5, 0, 0, 0, 0]), (2, 40, 0))), [4]);
    assert_eq!(numbers(take(&dealt(40, [4, 0, 0, 0, 0, 0, 0, 0]), (2, 40, 0))), [1], "one shard rather than two");
}

#[test]
fn a_counter_is_begun_and_its_limit_changed_by_writing_all_shards_at_once() {
    let after = |shards: Shards, (amount, most, home): (i64, i64, u8)| {
        let changes = take(&shards, (amount, most, home)).unwrap();
        let mut after = shards;
        assert!(commit(&mut after, &changes));
        (changes.len(), after)
    };
    let begun = after(Shards::default(), (1, 40, 3));
    assert_eq!(begun, (8, dealt(40, [0, 0, 0, 1, 0, 0, 0, 0])));
    // Lowered to a limit that fits: nothing moves. Lowered below: it is dealt out evenly.
    assert_eq!(after(begun.1, (1, 9, 3)), (8, dealt(9, [0, 0, 0, 1, 1, 0, 0, 0])));
    assert_eq!(after(dealt(80, [5, 0, 0, 0, 0, 0, 0, 0]), (1, 8, 2)), (8, dealt(8, [1, 1, 1, 1, 1, 1, 0, 0])));
    assert_eq!(take(&dealt(80, [5, 0, 0, 0, 0, 0, 0, 0]), (1, 5, 2)), None);
    // A late purchase knows a higher limit than the counter. It takes under the lower one while that has room.
    assert_eq!(after(dealt(8, [0; 8]), (1, 80, 2)), (1, dealt(8, [0, 0, 1, 0, 0, 0, 0, 0])));
    assert_eq!(after(dealt(8, [1; 8]), (1, 80, 2)), (8, dealt(80, [1, 1, 2, 1, 1, 1, 1, 1])));
}

#[test]
fn one_shard_is_not_sufficient_under_a_lower_limit_or_before_the_first_take() {
    let work = |step, most| Work { steps: vec![step], most, now: at(0) };
    let can = |shard: Option<&Shard>, step, most| Look::At(3, shard.cloned()).changes(&work(step, most)).is_some();
    let shard = Shard { taken: 1, most: 40, ..Shard::default() };
    let reading = Look::At(3, Some(shard.clone())).reading();
    assert_eq!(reading, Reading::Part { room: 4, most: 40, held: HeldAmounts::default() });
    let shard = Some(&shard);
    for (step, most, expected) in [
        (Step::Take(4, None), 40, true),
        (Step::Take(4, None), 41, true),
        (Step::Take(5, None), 40, false),
        (Step::Take(1, None), 39, false),
        (Step::GiveBack(1), 40, true),
        (Step::GiveBack(2), 40, false),
        (Step::End { held: hold(1, 60, 1), kept: 0 }, 40, false),
    ] {
        assert_eq!(can(shard, step, most), expected, "{step:?} of {most}");
        assert!(!can(None, step, most), "{step:?} of {most}");
    }
}

/// Returns a shard of quota 5 from which `spent` was taken permanently, and 2 by each of two holds that end at seconds
/// 60 and 70.
fn shard_with_holds(spent: i64) -> Shard {
    Shard { taken: spent + 4, most: 40, held: [hold(1, 60, 2), hold(2, 70, 2)].into() }
}

#[test]
fn a_take_frees_what_ended_holds_reserved_only_where_it_needs_the_room() {
    let blind = |amount, held| What::Take { amount, most: 40, room: 5 - amount, held };
    let rewritten = |spent, taken, held: &[Held]| What::Rewrite {
        from: Some(shard_with_holds(spent)),
        to: Shard { taken, most: 40, held: held.iter().copied().collect() },
    };
    let (two, new) = (hold(2, 70, 2), hold(3, 90, 1));
    for (now, spent, amount, held, expected) in [
        (59, 0, 1, None, Some(blind(1, None))),
        (59, 1, 1, None, None),
        (60, 0, 1, None, Some(blind(1, None))),
        (60, 1, 1, None, Some(rewritten(1, 4, &[two]))),
        (60, 1, 3, None, None),
        (70, 1, 4, None, Some(rewritten(1, 5, &[]))),
        (60, 0, 1, Some(new), Some(blind(1, Some(new)))),
        (60, 1, 1, Some(new), Some(rewritten(1, 4, &[two, new]))),
    ] {
        let work = Work { steps: vec![Step::Take(amount, held)], most: 40, now: at(now) };
        let changes = Look::At(3, Some(shard_with_holds(spent))).changes(&work);
        let expected = expected.map(|what| vec![ShardChange { number: 3, what }]);
        assert_eq!(changes, expected, "{amount} at {now}, {spent} spent");
    }
}

#[test]
fn a_hold_ends_in_one_blind_change_and_only_permanent_takes_are_returned_besides_holds() {
    let one = hold(1, 60, 2);
    let change = |steps: &[Step]| {
        let work = Work { steps: steps.to_vec(), most: 40, now: at(60) };
        let changes = Look::At(3, Some(shard_with_holds(1))).changes(&work)?;
        let [ShardChange { number: 3, what }] = changes.as_slice() else { panic!("{changes:?}") };
        Some(what.clone())
    };
    for (kept, back) in [(0, 2), (1, 1), (2, 0)] {
        assert_eq!(change(&[Step::End { held: one, kept }]), Some(What::End { held: one, back }));
    }
    let from = Some(shard_with_holds(1));
    let to = Shard { taken: 4, ..shard_with_holds(1) };
    assert_eq!(change(&[Step::GiveBack(1)]), Some(What::Rewrite { from: from.clone(), to }));
    assert_eq!(change(&[Step::GiveBack(2)]), None, "two of them are held");
    // Two holds that end in one posting, and a take together with the end of one, are one change of the item.
    let both = [Step::End { held: one, kept: 0 }, Step::End { held: hold(2, 70, 2), kept: 1 }];
    let to = Shard { taken: 2, most: 40, held: BTreeSet::new() };
    assert_eq!(change(&both), Some(What::Rewrite { from: from.clone(), to }));
    let to = Shard { taken: 5, most: 40, held: [hold(2, 70, 2)].into() };
    assert_eq!(change(&[both[0], Step::Take(2, None)]), Some(What::Rewrite { from, to }));
}

#[test]
fn a_hold_that_reserves_nothing_any_more_cannot_be_captured_and_gives_nothing_back() {
    let shards = dealt(40, [1; 8]);
    let gone = hold(1, 60, 2);
    let changes = |kept| {
        let work = Work { steps: vec![Step::End { held: gone, kept }], most: 40, now: at(50) };
        assert_eq!(Look::At(3, shards.get(3).cloned()).changes(&work), None);
        shards.changes(&work, 3)
    };
    assert_eq!(changes(0), Ok(vec![]));
    assert_eq!(changes(1), Err(Undone::Lost(gone)));
}

#[test]
fn a_counter_that_is_dealt_out_anew_keeps_what_holds_reserve() {
    // Of a limit of 80, ten to a shard; then of 16, two to a shard.
    let mut shards = dealt(80, [0; 8]);
    let (first, second) = (hold(1, 60, 7), hold(2, 70, 3));
    for (held, home) in [(first, 0), (second, 0)] {
        let work = Work { steps: vec![Step::Take(held.amount, Some(held))], most: 80, now: at(50) };
        assert!(commit(&mut shards.clone(), &decide(&shards, &work, home).unwrap()));
        shards = shards.after(&decide(&shards, &work, home).unwrap()).unwrap();
    }
    let lowered = |now| {
        let work = Work { steps: vec![Step::Take(1, None)], most: 16, now: at(now) };
        let mut after = shards.clone();
        assert!(commit(&mut after, &decide(&shards, &work, 0).unwrap()));
        let held =
            |held: Held| after.each().filter_map(|shard| shard.part_of(held)).map(|part| part.amount).sum::<i64>();
        (after.sum(), held(first), held(second))
    };
    assert_eq!(lowered(59), (11, 7, 3));
    assert_eq!(lowered(60), (4, 0, 3), "what is over is freed on the way");
    assert_eq!(lowered(70), (1, 0, 0));
}

#[test]
fn a_hold_goes_to_another_shard_where_the_list_of_its_home_is_full() {
    let full = |ends_at: i64| (0..HELD_MAX).map(|number| hold(number, ends_at, 1)).collect::<BTreeSet<_>>();
    let shard = |held: BTreeSet<Held>| Some(Shard { taken: sum(&held), most: 80_000, held });
    let new = hold(HELD_MAX, 900, 1);
    let numbers = |shards: &Shards, held| {
        let work = Work { steps: vec![Step::Take(1, held)], most: 80_000, now: at(60) };
        decide(shards, &work, 0).map(|changes| changes.iter().map(|change| change.number).collect::<Vec<_>>())
    };
    let mut shards = Shards([const { None }; 8].map(|_: Option<Shard>| shard(full(61))));
    assert_eq!(numbers(&shards, Some(new)), Err(Undone::Full));
    assert_eq!(numbers(&shards, None), Ok(vec![0]), "what is taken for good needs no place in a list");
    shards.0[5] = shard(full(60));
    assert_eq!(numbers(&shards, Some(new)), Ok(vec![5]), "those that are over make room");
}

#[test]
fn members_are_spread_over_the_shards() {
    let mut counts = [0_u32; 8];
    for number in 0..4_000 {
        counts[usize::from(home(&format!("m-{number}").parse().unwrap()))] += 1;
    }
    assert!(counts.iter().all(|count| (400..600).contains(count)), "{counts:?}");
    // printf m-1 | sha256sum
    assert_eq!(home(&"m-1".parse().unwrap()), 0x61 % SHARDS);
}

#[test]
fn the_limit_of_an_earlier_version_under_which_a_hold_was_made_does_not_bind_a_take() {
    let counter = CounterId::Stock("mug".parse().unwrap());
    let take = |change, most| Take { counter: counter.clone(), change, most };
    let reserved =
        Reserved { member: "m-1".parse().unwrap(), redemption: "r-1".parse().unwrap(), ends_at: at(50), amount: 1 };
    let ended = CounterChange::Ended { reserved, kept: 0 };
    for (takes, most) in [
        (vec![take(ended.clone(), 1), take(CounterChange::Taken(1), 2)], 2),
        (vec![take(ended.clone(), 2), take(CounterChange::Taken(1), 1)], 1),
        (vec![take(CounterChange::Taken(-1), 1), take(CounterChange::Taken(2), 2)], 2),
        (vec![take(CounterChange::Taken(1), 3), take(CounterChange::Taken(1), 2)], 2),
        (vec![take(ended, 1)], i64::MAX),
    ] {
        let work = Work::of(&takes, at(60)).unwrap();
        assert_eq!(work.most, most, "{takes:?}");
    }
}
