//! The rules: program, account, command and time in; posting or refusal out.
//!
//! No async, SDK, clock, randomness, floats or HTTP: everything that a decision needs, including the time, is an
//! argument. Start reading at [`account::Account`] (the state), [`settle`] (time), [`earn`] and [`redeem`] (decisions).
//!
//! The modules form wings, each of which imports only from those before it: `values`, `state`, `ledger`, `rules`,
//! `tier`, `draft`, `time`, `decisions`, `audit`.

mod audit;
mod decisions;
mod draft;
mod ledger;
mod rules;
mod state;
pub mod tier;
mod time;
mod values;

pub use self::{
    audit::{rebuild, verify},
    decisions::{
        adjust, amendment, code_use, confirm, earn, enroll, entitlement, erase, merge, names, plan, reassess, redeem,
        redemption, referral, reversal, tier_override, transfer,
    },
    draft::KeyedRequest,
    ledger::{aftermath, breakdown, chain, condition_fault, entry, explanation, facts, flow, posting},
    rules::{cap, program, succession, version_head, versions},
    state::{account, cap_use, counter, extension, hold, lots, pending, plan_term, qualifying, steps, unconfirmed},
    time::settle,
    values::{
        balance, calendar, code, fingerprint, hash, id, instant, kind, likeness, money, occasion, pointer, points,
        purchase, returned, scalar, text,
    },
};
