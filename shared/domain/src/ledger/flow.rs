//! Which flow of points each entry is, so that reports and metrics use the same words, and the flows add up to the balance.

use crate::{
    ledger::entry::{Entry, Record},
    values::points::Points,
};

/// A flow of points into or out of what a program owes to its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// Points given for purchases, activities, birthdays, referrals and joining, as soon as they are posted, pending ones included.
    Issued,
    /// Points taken back because of a return or a smaller purchase.
    Reversed,
    /// Points spent. A hold spends nothing until it is captured.
    Redeemed,
    /// Points given back because a redemption was undone.
    Restored,
    /// Points whose last day has passed.
    Expired,
    /// Pending points that were not confirmed in time.
    Lapsed,
    /// Points given or taken by an operator.
    Adjusted,
    /// Points that went to or came from another member.
    Moved,
    /// Points that a member gave up by leaving.
    Forfeited,
}

impl Entry {
    /// The change of what the member has in all, held points included.
    #[must_use]
    pub fn change(&self) -> Points {
        self.points() + self.held()
    }

    /// The flow to which [`Entry::change`] belongs; `None` for kinds of entries that leave the sum of all balances as it is.
    #[must_use]
    pub fn flow(&self) -> Option<Flow> {
        match &self.record {
            Record::Enrollment(_) | Record::Accrual(_) => Some(Flow::Issued),
            Record::Amendment(_) if self.change() > Points::ZERO => Some(Flow::Issued),
            Record::Amendment(_) | Record::AccrualReversal(_) => Some(Flow::Reversed),
            Record::Redemption(_) | Record::Capture => Some(Flow::Redeemed),
            Record::RedemptionReversal => Some(Flow::Restored),
            Record::Expiry => Some(Flow::Expired),
            Record::Lapse(_) => Some(Flow::Lapsed),
            Record::Adjustment(_) => Some(Flow::Adjusted),
            Record::TransferOut(_) | Record::TransferIn(_) | Record::MergeOut(_) | Record::MergeIn(_) => {
                Some(Flow::Moved)
            }
            Record::Change(_) | Record::Erasure(_) => Some(Flow::Forfeited),
            Record::Confirmation
            | Record::Cancellation
            | Record::TierChange
            | Record::TierOverride(_)
            | Record::Plan(_)
            | Record::PlanEnd(_)
            | Record::PlanReversal(_)
            | Record::EntitlementUse(_)
            | Record::CodeUse(_)
            | Record::ReferralPayment(_)
            | Record::Notice(_) => None,
        }
    }
}
