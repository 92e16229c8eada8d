//! Referrers: finds, reads and pays the member who referred a friend.

use regulars_domain::{
    account::Account,
    counter::CounterId,
    id::MemberId,
    merge::MERGES_MAX,
    occasion::Occasion,
    referral::{self, Referrer},
    settle::Settled,
};
use regulars_store::{Found, Needs};

use crate::{command::Undecided, engine::Engine, failure::Failure, others::settled_other, subject::Subject};

impl Engine {
    /// Returns the referrer's account as last written. The rules for settling it are loaded.
    ///
    /// # Errors
    ///
    /// The store's fault.
    pub async fn referrer_account(&self, subject: &mut Subject, member: &MemberId) -> Result<Option<Account>, Failure> {
        let mut member = member.clone();
        for _ in 0..=MERGES_MAX {
            let Some(account) = self.store.account(&subject.program_id, &member).await? else { return Ok(None) };
            if let Some(into) = account.merged_into() {
                member = into.clone();
                continue;
            }
            self.prepare(subject, &account).await?;
            return Ok(Some(account));
        }
        Ok(None)
    }
}

/// Returns the referrer of a friend whose purchase pays: settled, or unsettled if other requests keep changing that
/// account.
///
/// # Errors
///
/// What must be done first; `counters` are loaded with the account.
pub fn referrer<'p>(
    subject: &'p Subject,
    own: &Settled<'_>,
    found: &'p Found,
    member: &MemberId,
    counters: &[CounterId],
) -> Result<Referrer<'p>, Undecided> {
    if found.others_are_busy {
        let account = found_referrer(subject, found, member, &[])?;
        return Ok(account.map_or(Referrer::Gone, Referrer::Busy));
    }
    let settled = settled_referrer(subject, own, found, member, counters)?;
    Ok(settled.map_or(Referrer::Gone, Referrer::Ready))
}

/// Pays a referral that `settled` owes, if one can be paid now. A command does this first, in a transaction of its own,
/// and continues without it if other requests keep changing the referrer's account.
///
/// # Errors
///
/// What must be done first: a payment.
pub(crate) fn pay_debts(subject: &Subject, settled: &Settled<'_>, found: &Found) -> Result<(), Undecided> {
    let debts = settled.account().referral_debts.iter().filter(|_| !found.others_are_busy);
    for debt in debts {
        let then = subject.versions.program(debt.version)?;
        let counters = then.earning_counters(&Occasion::Referral(debt.occurred_at));
        let referrer = settled_referrer(subject, settled, found, &debt.to, &counters)?;
        // A suspended referrer does not delay the payment to the others.
        if let Some(posting) = referral::pay_debt(settled.clone(), debt, referrer, &found.counters)? {
            return Err(Undecided::CatchUp(Box::new(posting)));
        }
    }
    Ok(())
}

/// Returns the referrer's account: that of `member`, or of the one that it was merged into.
///
/// # Errors
///
/// What must be done first; `counters` are loaded with the account.
pub fn settled_referrer<'p>(
    subject: &'p Subject,
    own: &Settled<'_>,
    found: &Found,
    member: &MemberId,
    counters: &[CounterId],
) -> Result<Option<Settled<'p>>, Undecided> {
    match found_referrer(subject, found, member, counters)? {
        Some(account) => settled_other(subject, own, found, &account.member),
        None => Ok(None),
    }
}

/// Returns the account of `member`, or of the member it was merged into.
///
/// # Errors
///
/// The account must be read first, together with `counters`.
fn found_referrer<'f>(
    subject: &Subject,
    found: &'f Found,
    member: &MemberId,
    counters: &[CounterId],
) -> Result<Option<&'f Account>, Undecided> {
    let mut member = member.clone();
    for _ in 0..=MERGES_MAX {
        let Some(account) = found.account(&member) else {
            let needs = Needs { accounts: vec![member], counters: counters.to_vec(), ..Needs::default() };
            return Err(needs.into());
        };
        match account.and_then(Account::merged_into) {
            // A command changes its own account separately.
            Some(into) if *into == subject.member => return Ok(None),
            Some(into) => member = into.clone(),
            None => return Ok(account),
        }
    }
    Ok(None)
}
