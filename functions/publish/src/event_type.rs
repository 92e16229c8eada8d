//! The types of events, and the kinds of entries of each.

use regulars_domain::entry::{Changed, Kind, NewStatus, Record};

/// The type of an event. Its name never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A member joined.
    MemberEnrolled,
    /// Something other than points changed: the status, attributes, aliases, an operator's tier.
    MemberChanged,
    /// An account was closed.
    MemberClosed,
    /// An account was merged into another one; sent for each of the two.
    MemberMerged,
    /// The personal data of a member was erased.
    MemberErased,
    /// Points were given.
    PointsAccrued,
    /// Pending points became spendable.
    PointsConfirmed,
    /// A purchase or an activity was returned, in full or in part.
    PointsReversed,
    /// A purchase was amended.
    PointsAmended,
    /// Points expired.
    PointsExpired,
    /// Pending points lapsed.
    PointsLapsed,
    /// Points will expire soon.
    PointsExpiring,
    /// An operator gave or deducted points.
    PointsAdjusted,
    /// Points were transferred; sent for each of the two members.
    PointsTransferred,
    /// Points were spent on a reward, or are held for one.
    RewardRedeemed,
    /// A hold was captured.
    RewardCaptured,
    /// A hold ended without being captured.
    RewardCancelled,
    /// A redemption was reversed.
    RewardReversed,
    /// The code of a reward was used.
    RewardUsed,
    /// The effective tier changed.
    TierChanged,
    /// A level will be lost soon.
    TierAtRisk,
    /// A plan started, was renewed, ended or was refunded.
    PlanChanged,
    /// An entitlement was used.
    EntitlementUsed,
    /// A version of a program was published.
    ProgramPublished,
}

impl EventType {
    /// All types.
    pub const ALL: [Self; 24] = [
        Self::MemberEnrolled,
        Self::MemberChanged,
        Self::MemberClosed,
        Self::MemberMerged,
        Self::MemberErased,
        Self::PointsAccrued,
        Self::PointsConfirmed,
        Self::PointsReversed,
        Self::PointsAmended,
        Self::PointsExpired,
        Self::PointsLapsed,
        Self::PointsExpiring,
        Self::PointsAdjusted,
        Self::PointsTransferred,
        Self::RewardRedeemed,
        Self::RewardCaptured,
        Self::RewardCancelled,
        Self::RewardReversed,
        Self::RewardUsed,
        Self::TierChanged,
        Self::TierAtRisk,
        Self::PlanChanged,
        Self::EntitlementUsed,
        Self::ProgramPublished,
    ];

    /// Returns the type of the event about an entry with this record.
    ///
    /// A tier override is a change of the member. If it changes the effective tier, a separate entry records that.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        match record {
            Record::Change(Changed { status: Some(NewStatus::Closed), .. }) => Self::MemberClosed,
            Record::Change(_) | Record::TierOverride(_) | Record::ReferralPayment(_) => Self::MemberChanged,
            Record::Enrollment(_) => Self::MemberEnrolled,
            Record::MergeOut(_) | Record::MergeIn(_) => Self::MemberMerged,
            Record::Erasure(_) => Self::MemberErased,
            Record::Accrual(_) => Self::PointsAccrued,
            Record::Confirmation => Self::PointsConfirmed,
            Record::AccrualReversal(_) => Self::PointsReversed,
            Record::Amendment(_) => Self::PointsAmended,
            Record::Expiry => Self::PointsExpired,
            Record::Lapse(_) => Self::PointsLapsed,
            Record::Notice(_) => Self::PointsExpiring,
            Record::Adjustment(_) => Self::PointsAdjusted,
            Record::TransferOut(_) | Record::TransferIn(_) => Self::PointsTransferred,
            Record::Redemption(_) => Self::RewardRedeemed,
            Record::Capture => Self::RewardCaptured,
            Record::Cancellation => Self::RewardCancelled,
            Record::RedemptionReversal => Self::RewardReversed,
            Record::CodeUse(_) => Self::RewardUsed,
            Record::TierChange => Self::TierChanged,
            Record::TierNotice(_) => Self::TierAtRisk,
            Record::Plan(_) | Record::PlanEnd(_) | Record::PlanReversal(_) => Self::PlanChanged,
            Record::EntitlementUse(_) => Self::EntitlementUsed,
        }
    }

    /// Returns the kinds of entries that have events of this type; none if its events are not about entries.
    #[must_use]
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Self::MemberEnrolled => &[Kind::Enrollment],
            Self::MemberChanged => &[Kind::Change, Kind::TierOverride, Kind::ReferralPayment],
            Self::MemberClosed => &[Kind::Change],
            Self::MemberMerged => &[Kind::MergeOut, Kind::MergeIn],
            Self::MemberErased => &[Kind::Erasure],
            Self::PointsAccrued => &[Kind::Accrual],
            Self::PointsConfirmed => &[Kind::Confirmation],
            Self::PointsReversed => &[Kind::AccrualReversal],
            Self::PointsAmended => &[Kind::Amendment],
            Self::PointsExpired => &[Kind::Expiry],
            Self::PointsLapsed => &[Kind::Lapse],
            Self::PointsExpiring => &[Kind::Notice],
            Self::PointsAdjusted => &[Kind::Adjustment],
            Self::PointsTransferred => &[Kind::TransferOut, Kind::TransferIn],
            Self::RewardRedeemed => &[Kind::Redemption],
            Self::RewardCaptured => &[Kind::Capture],
            Self::RewardCancelled => &[Kind::Cancellation],
            Self::RewardReversed => &[Kind::RedemptionReversal],
            Self::RewardUsed => &[Kind::CodeUse],
            Self::TierChanged => &[Kind::TierChange],
            Self::TierAtRisk => &[Kind::TierNotice],
            Self::PlanChanged => &[Kind::Plan, Kind::PlanEnd, Kind::PlanReversal],
            Self::EntitlementUsed => &[Kind::EntitlementUse],
            Self::ProgramPublished => &[],
        }
    }

    /// Returns the name in an event's `type` and in EventBridge's `detail-type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MemberEnrolled => "regulars.member.enrolled",
            Self::MemberChanged => "regulars.member.changed",
            Self::MemberClosed => "regulars.member.closed",
            Self::MemberMerged => "regulars.member.merged",
            Self::MemberErased => "regulars.member.erased",
            Self::PointsAccrued => "regulars.points.accrued",
            Self::PointsConfirmed => "regulars.points.confirmed",
            Self::PointsReversed => "regulars.points.reversed",
            Self::PointsAmended => "regulars.points.amended",
            Self::PointsExpired => "regulars.points.expired",
            Self::PointsLapsed => "regulars.points.lapsed",
            Self::PointsExpiring => "regulars.points.expiring",
            Self::PointsAdjusted => "regulars.points.adjusted",
            Self::PointsTransferred => "regulars.points.transferred",
            Self::RewardRedeemed => "regulars.reward.redeemed",
            Self::RewardCaptured => "regulars.reward.captured",
            Self::RewardCancelled => "regulars.reward.cancelled",
            Self::RewardReversed => "regulars.reward.reversed",
            Self::RewardUsed => "regulars.reward.used",
            Self::TierChanged => "regulars.tier.changed",
            Self::TierAtRisk => "regulars.tier.at_risk",
            Self::PlanChanged => "regulars.plan.changed",
            Self::EntitlementUsed => "regulars.entitlement.used",
            Self::ProgramPublished => "regulars.program.published",
        }
    }
}
