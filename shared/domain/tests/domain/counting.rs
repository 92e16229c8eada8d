//! Decides like a store does: on a part of each counter first, and on all of it only if the decision requests it.

use std::fmt;

use regulars_domain::{
    counter::{CounterNeeded, Counters, Reading},
    posting::Unposted,
};

use crate::totals::Totals;

/// Returns the decision of `decide` on counters with these `totals`, which must not depend on the part that is shown
/// first.
pub(crate) fn decided<T, R>(
    totals: &Totals,
    mut decide: impl FnMut(&Counters) -> Result<T, Unposted<R>>,
) -> Result<T, R>
where
    T: fmt::Debug + PartialEq,
    R: fmt::Debug + PartialEq,
{
    let mut is_asked = false;
    let whole = |needed: &CounterNeeded| totals.whole(needed.counter());
    let at_once = decided_on(
        |needed| {
            is_asked = true;
            whole(needed)
        },
        &mut decide,
    );
    if !is_asked {
        return at_once;
    }
    for room in [0, 1, 2, 7, 50, 1_000] {
        let part = |needed: &CounterNeeded| match needed {
            CounterNeeded::Part(counter) => totals.part(counter, room),
            CounterNeeded::Whole(_) => whole(needed),
        };
        assert_eq!(decided_on(part, &mut decide), at_once, "by a part with room for {room}, of {totals:?}");
    }
    at_once
}

fn decided_on<T, R>(
    mut read: impl FnMut(&CounterNeeded) -> Reading,
    decide: &mut impl FnMut(&Counters) -> Result<T, Unposted<R>>,
) -> Result<T, R> {
    let mut counters = Counters::default();
    for _ in 0..50 {
        match decide(&counters) {
            Ok(done) => return Ok(done),
            Err(Unposted::Refused(refusal)) => return Err(refusal),
            Err(Unposted::Needs(needed)) => {
                counters.extend([(needed.counter().clone(), read(&needed))].into_iter().collect());
            }
        }
    }
    panic!("a decision goes on asking for counters");
}
