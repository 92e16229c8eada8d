//! The effective tier: derived from the account, the program and the day.

mod closing;
mod counting;
mod downgrade;
mod keeping;
mod merging;
mod period;
mod promise;
mod promised;
mod rank;
mod rolling;
mod standing;

pub(crate) use self::{
    closing::{changes, close, forget},
    counting::{adjusted, counted, recounted, uncounted},
    merging::{absorbed, kept_under, stronger, taken_over_bucket},
    period::{current_period, first_bucket, qualifying_of},
    promise::keep_promises,
    standing::{effective, standing},
};
pub use self::{
    keeping::Missing,
    standing::{Because, Standing},
};
