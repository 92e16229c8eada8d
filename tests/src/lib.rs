//! Shared code of the black-box tests: a system for a test, and drivers that use it like a till or a shop.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that meets what it did not expect ends there"
)]

pub mod bus;
pub mod client;
pub mod contract;
pub mod dashboard;
pub mod event;
pub mod numbers;
pub mod purchases;
pub mod reference;
pub mod replay;
pub mod returns;
pub mod rivals;
pub mod samples;
pub mod seeds;
pub mod system;
pub mod table;
pub mod tally;
pub mod template;
pub mod written;
