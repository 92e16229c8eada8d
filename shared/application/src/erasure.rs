//! Erases a member: first the details next to the entries, then, in one transaction, everything else.

use regulars_domain::{erase, text::Label};
use regulars_store::Needs;

use crate::{
    command::{Done, KeyedRequest, Undecided},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    others::settled_other,
    refusal::Refusal,
    subject::Subject,
};

impl Engine {
    /// Erases the member of `subject`, with all members who were merged into this one.
    ///
    /// A ledger has no bound, so the details are deleted page by page, before the account changes: an erased member has
    /// no details left. If this is interrupted, the member is not erased yet, and the same request continues it.
    ///
    /// # Errors
    ///
    /// `member_not_found`, `account_closed` if the member was already erased, `reason_missing`,
    /// `idempotency_key_reused`, `busy`, or the store's fault.
    pub async fn erase(
        &self,
        subject: &mut Subject,
        request: &KeyedRequest,
        reason: Option<&Label>,
        deadline: Deadline,
    ) -> Result<Done, Failure> {
        // The version of the account for which all details were deleted. The commit fails if the account has changed
        // since.
        let mut cleared = None;
        self.act_in_steps(subject, &Needs::default(), request, deadline, |subject, settled, found| {
            erase::check(&settled, reason).map_err(Refusal::from)?;
            let mut merged = Vec::new();
            for card in &settled.account().merged_from {
                merged.extend(settled_other(subject, &settled, found, card)?);
            }
            let version = Some(settled.account().version);
            if cleared != version {
                cleared = version;
                return Err(Undecided::EraseDetails(settled.account().ledgers().cloned().collect()));
            }
            Ok(erase::erase(settled, merged, request, reason).map_err(Refusal::from)?)
        })
        .await
    }
}
