//! Every route over HTTP: its answers to valid requests, and its problems.
//!
//! One module per route, and [`bad_input`] for what no route accepts.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

mod accruals;
mod adjustments;
mod bad_input;
mod callers;
mod codes;
mod entries;
mod events;
mod holds;
mod keys;
mod local;
mod members;
mod merge;
mod merged_cards;
mod one_now;
mod orders;
mod pending;
mod plans;
mod privacy;
mod problems;
mod program;
mod queue;
mod quotes;
mod receipts;
mod redemptions;
mod referrals;
mod reversals;
mod review;
mod review_all;
mod review_failures;
mod rewards;
mod texts;
mod tier;
mod tier_evaluations;
mod tier_override;
mod transfers;
mod versions;
