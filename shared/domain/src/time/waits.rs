//! The end of a wait: pending points mature, or lapse because they were not confirmed.

use crate::{
    draft::Draft,
    ledger::entry::{By, Lapsed, Record, ReferralChange},
    state::pending::Awaits,
    tier,
    values::{
        calendar::{days_after, start_of},
        id::EntryId,
    },
};

/// Ends a wait: makes pending points spendable, or removes points that were not confirmed in time, with everything else
/// that their accruals counted.
pub(super) fn end_wait(draft: &mut Draft<'_>, awaits: Awaits) {
    let at = start_of(&draft.rules.program.zone, awaits.ends_on());
    let (id, record) = match awaits {
        Awaits::Maturity(day, _) => (EntryId::engine(&[&"maturing", &day]), Record::Confirmation),
        Awaits::Confirmation(last) => (EntryId::engine(&[&"lapse", &last]), Record::Lapse(Lapsed::default())),
    };
    let mut entry = draft.entry(id, record, By::Engine, at);
    for (awaits, points) in draft.account.pending.iter().filter(|(other, _)| is_same_day(*other, awaits)) {
        entry.effects.wait(awaits, -points);
        if let Awaits::Maturity(_, expiry) = awaits {
            entry.effects.give(&draft.account, points, expiry);
        }
    }
    if let Awaits::Confirmation(last) = awaits
        && let Some(unconfirmed) = draft.account.pending.unconfirmed().get(&last)
    {
        let counted = unconfirmed.negated();
        let (paid, purchases) = (counted.paid, counted.purchases);
        // The next purchase that is large enough pays again.
        let referral = (counted.referrals != 0).then_some(ReferralChange::Reopened);
        // An account that was settled in between has dropped data that no longer matters. The entry must be the same in
        // both cases.
        let mut known = draft.account.clone();
        tier::forget(draft.rules, &mut known);
        (entry.effects.qualified, entry.effects.secured_now) =
            tier::uncounted(draft.rules, &known, &unconfirmed.qualifying);
        entry.effects.count_unconfirmed(last, counted);
        entry.record = Record::Lapse(Lapsed { paid, purchases, referral });
    }
    let (extension, extended_to) = (&draft.account.extension, draft.account.extended_to);
    if let (Awaits::Confirmation(last), Some(to)) = (awaits, extended_to)
        && let Some(acts) = extension.acts.get(&Some(last)).copied()
    {
        entry.effects.take_acts(&draft.account, (to, Some(last)), acts);
    }
    let id = entry.id.clone();
    draft.post(entry);
    // Points that only the lapsed accruals had extended may have expired before this day.
    while let Some((last, _)) = draft.account.lots.expired(days_after(awaits.ends_on(), -1)) {
        draft.post_expiry(EntryId::engine(&[&"expiry", &last, &id]), last, Some(id.clone()));
    }
}

/// Returns whether both end on one day in the same way.
fn is_same_day(one: Awaits, other: Awaits) -> bool {
    match (one, other) {
        (Awaits::Maturity(one, _), Awaits::Maturity(other, _))
        | (Awaits::Confirmation(one), Awaits::Confirmation(other)) => one == other,
        (Awaits::Maturity(..), Awaits::Confirmation(_)) | (Awaits::Confirmation(_), Awaits::Maturity(..)) => false,
    }
}
