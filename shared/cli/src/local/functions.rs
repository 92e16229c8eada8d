//! Stand-in.
use super::*;
pub(crate) fn function(_: &FunctionResource, _: &Client, _: &MovableClock) -> Option<Function> {
    None
}
