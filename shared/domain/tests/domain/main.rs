//! The tests of the domain: tables, properties, and an auditor that shares no code with it.
//!
//! One binary, a module for each area. [`world`] has what all of them use: program documents, and a member whose
//! postings are committed like a store would.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that overflows, reaches beyond an end or finds nothing has failed, which is what it is for"
)]

mod absences;
mod adjusting;
mod amending;
mod answers;
mod auditor;
mod bounded;
mod caps;
mod cases;
mod chain;
mod challenges;
mod club;
mod club_histories;
mod club_plans;
mod codes;
mod conditions;
mod contract;
mod counting;
mod document;
mod earning;
mod ended_holds;
mod expiring;
mod histories;
mod holding;
mod imports;
mod inactivity;
mod lapsing;
mod lives;
mod merging;
mod merging_plans;
mod merging_tiers;
mod noticing;
mod orders;
mod orders_random;
mod overriding;
mod plans;
mod posting_late;
mod proof;
mod redeeming;
mod referring;
mod refusals;
mod remembering;
mod requests;
mod returning;
mod reversing;
mod rulebook;
mod settling;
mod stored;
mod succession;
mod tier_noticing;
mod tiers;
mod tiers_over_time;
mod tiers_rolling;
mod totals;
mod transferring;
mod two_expiries;
mod versions;
mod waiting;
mod withdrawing;
mod world;
