//! Erasure: removes the personal data of a member. The ledger keeps anonymous entries.

use std::{fmt, mem::take};

use crate::{
    decisions::names,
    draft::{Draft, KeyedRequest},
    ledger::{
        entry::{Erased, Record},
        posting::Posting,
    },
    state::account::{Inactive, Status},
    time::settle::Settled,
    values::{points::Points, text::Label},
};

/// Why an erasure is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EraseRefusal {
    /// The account was already erased, or was merged.
    Inactive(Inactive),
    /// The account is suspended, and no reason is given. A fraudster must not be able to remove the traces by a simple
    /// request.
    ReasonMissing,
}

impl fmt::Display for EraseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::ReasonMissing => f.write_str("the account is suspended, so its erasure needs a reason"),
        }
    }
}

/// Checks whether a member can be erased.
///
/// # Errors
///
/// Refusals are checked in the order of [`EraseRefusal`]; the first that applies wins.
pub fn check(settled: &Settled<'_>, reason: Option<&Label>) -> Result<(), EraseRefusal> {
    match (&settled.account().status, reason) {
        (Status::Erased, _) => Err(EraseRefusal::Inactive(Inactive::Erased)),
        (Status::Merged { into }, _) => Err(EraseRefusal::Inactive(Inactive::Merged { into: into.clone() })),
        (Status::Suspended, None) => Err(EraseRefusal::ReasonMissing),
        (Status::Active | Status::Suspended | Status::Closed, _) => Ok(()),
    }
}

/// Erases a member: attributes, aliases and the secret behind the fingerprints of requests, also those of accounts that
/// were `merged` into this one. All points are forfeited, and open holds end. Notes and facts of purchases, which are
/// stored next to entries, must be deleted before.
///
/// # Errors
///
/// Those of [`check`].
pub fn erase(
    settled: Settled<'_>,
    merged: Vec<Settled<'_>>,
    request: &KeyedRequest,
    reason: Option<&Label>,
) -> Result<Posting, EraseRefusal> {
    check(&settled, reason)?;
    let mut draft = settled.0;
    for hold in draft.account.holds.clone() {
        let entry = draft.entry_by("cancellation", Record::Cancellation, request.by, request.actor.as_ref());
        draft.release(entry, &hold, Points::ZERO);
    }
    let erased = forget(&mut draft, reason);
    let mut entry = draft.entry_for(request, Record::Erasure(erased), draft.now);
    entry.effects.give_up(&draft.account);
    draft.post_command(entry);
    for card in merged {
        let mut card = card.0;
        let erased = forget(&mut card, reason);
        card.post_command(card.entry_by("erasure", Record::Erasure(erased), request.by, request.actor.as_ref()));
        draft.along(card.finish());
    }
    Ok(draft.finish())
}

/// Removes the data outside of the ledger, and records how much it was.
fn forget(draft: &mut Draft<'_>, reason: Option<&Label>) -> Erased {
    let attributes = take(&mut draft.account.attributes).into_keys().collect();
    let aliases = take(&mut draft.account.aliases);
    let erased = Erased { reason: reason.cloned(), attributes, aliases: aliases.len() };
    names::release(draft, aliases);
    // From here on, fingerprints are computed without a secret, so requests that get one must not contain personal
    // data.
    draft.account.salt = None;
    erased
}
