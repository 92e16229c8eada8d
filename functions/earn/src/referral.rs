//! The referral payment of a purchase that is no longer large enough for it.

use regulars_application::{command::Undecided, referrals::settled_referrer, subject::Subject};
use regulars_domain::{aftermath::Recorded, referral, settle::Settled};
use regulars_store::{Found, Needs};

/// Returns the referrer's account, and the entry that paid it for `purchase`, if the referral `ends`; `None` if there
/// is no such account or entry.
///
/// # Errors
///
/// What must be loaded first.
pub(crate) fn paid_along<'p, 'f>(
    subject: &'p Subject,
    own: &Settled<'_>,
    found: &'f Found,
    purchase: &Recorded,
    ends: bool,
) -> Result<Option<(Settled<'p>, &'f Recorded)>, Undecided> {
    let Some((member, paid)) = referral::paid_along(purchase).filter(|_| ends) else { return Ok(None) };
    let Some(recorded) = found.entry(member, &paid) else {
        let entries = vec![(member.clone(), paid)];
        return Err(Needs { entries, ..Needs::default() }.into());
    };
    if let Some(recorded) = recorded {
        subject.versions.program(recorded.sealed.entry.program_version)?;
    }
    Ok(settled_referrer(subject, own, found, member, &[])?.zip(recorded))
}
