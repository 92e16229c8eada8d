//! Erasing a member: first what stands beside the entries, and then, in one transaction, everything else.

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
    /// Erases the member of `subject`, with everyone who was merged into this one.
    ///
    /// A ledger has no bound, so what stands beside its entries goes page by page, before the account does: a member who is erased has
    /// nothing left. When it is interrupted, the member is not erased yet, and the same request goes on.
    ///
    /// # Errors
    ///
    /// `member_not_found`, `account_closed` for a member who was erased before, `reason_missing`, `idempotency_key_reused`, `busy`, or the
    /// store's.
    pub async fn erase(
        &self,
        subject: &mut Subject,
        request: &KeyedRequest,
        reason: Option<&Label>,
        deadline: Deadline,
    ) -> Result<Done, Failure> {
        // The version of the account as of which nothing stands beside entries. The commit fails if the account has another one by then.
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
