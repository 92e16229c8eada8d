//! The steps of a life: acts of the member and the rival, time, and new versions of the program.

use proptest::prelude::*;

use super::look::{HOLD_SECONDS_MAX, Look, REWARDS, any_look};

/// The parts that a new version takes over from the one before it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keeps {
    /// The kind of period.
    Period,
    /// All but the thresholds and names of levels.
    AllButLevels,
    /// The tiers.
    Tiers,
    Nothing,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Wait {
        minutes: i64,
    },
    Buy {
        cents: i64,
        hours_late: i64,
    },
    Confirm {
        which: usize,
    },
    Refund {
        which: usize,
        permille: i64,
    },
    Redeem {
        reward: usize,
        hold: Option<i64>,
    },
    Capture {
        which: usize,
    },
    Cancel {
        which: usize,
    },
    Adjust {
        points: i64,
    },
    Give {
        level: usize,
        days: i32,
    },
    TakePlan {
        replaces: bool,
    },
    EndPlan,
    /// The rival redeems a mug.
    Rival {
        hold: Option<i64>,
    },
    Publish {
        look: Box<Look>,
        keeps: Keeps,
        corrects: bool,
        at_midnight: bool,
    },
}

fn any_hold() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(1..=HOLD_SECONDS_MAX)
}

pub(crate) fn any_step() -> impl Strategy<Value = Step> {
    let hours = prop_oneof![3 => 1..48_i64, 3 => 48..1500_i64, 2 => 1500..9000_i64];
    let minutes = prop_oneof![1 => 1..90_i64, 4 => hours.prop_map(|hours| hours * 60)];
    let late = prop_oneof![2 => Just(0), 1 => 0..2000_i64];
    let keeps = prop::sample::select(vec![
        Keeps::Period,
        Keeps::AllButLevels,
        Keeps::AllButLevels,
        Keeps::Tiers,
        Keeps::Nothing,
    ]);
    let publish = (any_look(), keeps, prop::bool::weighted(0.25), prop::bool::weighted(0.3));
    prop_oneof![
        7 => minutes.prop_map(|minutes| Step::Wait { minutes }),
        6 => (0..20_000_i64, late).prop_map(|(cents, hours_late)| Step::Buy { cents, hours_late }),
        1 => any::<usize>().prop_map(|which| Step::Confirm { which }),
        3 => (any::<usize>(), 0..=1000_i64).prop_map(|(which, permille)| Step::Refund { which, permille }),
        3 => (0..REWARDS.len(), any_hold()).prop_map(|(reward, hold)| Step::Redeem { reward, hold }),
        1 => any::<usize>().prop_map(|which| Step::Capture { which }),
        1 => any::<usize>().prop_map(|which| Step::Cancel { which }),
        1 => (-100..100_i64).prop_map(|points| Step::Adjust { points }),
        1 => (0..3_usize, 0..400_i32).prop_map(|(level, days)| Step::Give { level, days }),
        1 => any::<bool>().prop_map(|replaces| Step::TakePlan { replaces }),
        1 => Just(Step::EndPlan),
        2 => any_hold().prop_map(|hold| Step::Rival { hold }),
        4 => publish.prop_map(|(look, keeps, corrects, at_midnight)| Step::Publish { look: Box::new(look), keeps, corrects, at_midnight }),
    ]
}
