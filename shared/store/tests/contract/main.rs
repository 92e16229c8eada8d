//! The contract of the store, on a real engine: each condition, each race, each repeat, each lost answer.
//!
//! Every request loses the SDK's `ClientRequestToken` on its way, because nothing may depend on it.
#![expect(clippy::arithmetic_side_effects, reason = "tests count to a few hundred")]

#[cfg(test)]
mod aliases;
#[cfg(test)]
mod capacity;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod counters;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod due;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod expressions;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod marks;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod races;
#[cfg(test)]
mod replays;
#[cfg(test)]
mod rush;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod spanning;
#[cfg(test)]
mod wire;
