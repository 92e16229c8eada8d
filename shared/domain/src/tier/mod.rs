//! The effective tier: derived from the account, the program and the day.

mod closing;
mod counting;
mod downgrade;
mod keeping;
mod period;
mod promise;
mod promised;
mod rank;
mod rolling;
mod standing;

pub(crate) use self::{
    closing::{changes, close, forget},
    counting::{absorbed, adjusted, counted, recounted, stronger, taken_over_bucket, uncounted},
    period::{bucket, current_period, qualifying_of},
    promise::keep_promises,
    standing::{effective, standing},
};
pub use self::{
    keeping::Missing,
    standing::{Because, Standing},
};
