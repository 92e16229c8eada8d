//! The flow of points that each entry belongs to, so that reports and metrics use the same terms and add up to the balance.

use crate::{
    ledger::entry::{Entry, Record},
    values::points::Points,
};

/// A flow of points into or out of the balances of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// Points credited for purchases, activities, birthdays, referrals and joining, pending points included.
    Issued,
    /// Points deducted by a return, or by an amendment to a smaller purchase.
    Reversed,
    /// Points spent. The points of a hold are spent when it is captured.
    Redeemed,
    /// Points returned by the reversal of a redemption.
    Restored,
    /// Points that expired.
    Expired,
    /// Pending points that were not confirmed in time.
    Lapsed,
    /// Points credited or deducted by an operator.
    Adjusted,
    /// Points transferred or merged between members.
    Moved,
    /// Points that were lost when the account was closed or erased.
    Forfeited,
}

impl Entry {
    /// Returns the change of all balances together, held points included.
    #[must_use]
    pub fn change(&self) -> Points {
        self.points() + self.held()
    }

    /// Returns the flow that [`Entry::change`] belongs to; `None` for kinds of entries that do not change the sum of the balances.
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
            | Record::Notice(_)
            | Record::TierNotice(_) => None,
        }
    }
}
