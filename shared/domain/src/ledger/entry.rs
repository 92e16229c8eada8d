//! One immutable entry of the ledger.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

pub use crate::ledger::{
    effects::{Effects, Qualified, SecuredNow, TierChange},
    missing::{MissingAll, MissingAmounts, MissingAny},
    record::{
        Accrued, AtRisk, By, CameBack, Changed, CodeUsed, Enrolled, Erased, Expiring, Kind, Lapsed, NewStatus,
        Overridden, PlanEnded, PlanPaid, PlanReversed, Reassessed, Record, Redeemed, ReferralChange, ReferralPayment,
        Source, TakenOver,
    },
};
use crate::{
    ledger::breakdown::BreakdownLine,
    state::{
        lots::LotChange,
        pending::{Awaits, PendingChange},
        unconfirmed::Unconfirmed,
    },
    values::{
        fingerprint::Fingerprint,
        id::{Actor, EntryId, MemberId},
        money::Amount,
        points::Points,
    },
};

/// The number of the format in which this release writes entries.
pub const ENTRY_FORMAT: u32 = 1;

/// The instant up to which an account was settled when an entry changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The entry's own instant: time caused it, and settling wrote it.
    Its(Timestamp),
    /// The instant of the command that it records, or that led to this account.
    OfCommand(Timestamp),
    /// The instant of the entry before, from which it follows.
    Same,
}

/// One entry of the ledger.
///
/// The field order is the order of the canonical text that the chain hashes. Zero and missing values are left out of
/// the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The number of the format that it was written in.
    pub format: u32,
    /// Its id, which is also the idempotency record of its request.
    pub id: EntryId,
    /// Its position in the member's ledger, from 1.
    pub seq: u64,
    /// The kind of entry and its payload.
    #[serde(flatten)]
    pub record: Record,
    /// Its effects on the account.
    #[serde(flatten)]
    pub effects: Effects,
    /// The entry that this one acts on or follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<EntryId>,
    /// The version of the program that decided it.
    pub program_version: u64,
    /// The version under which the account was settled, if it differs: a late purchase and a return are decided by an
    /// earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_under: Option<u64>,
    /// Who requested it.
    pub by: By,
    /// The person or client, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// When what it records happened.
    pub occurred_at: Timestamp,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// The fingerprint of the request; `None` if the engine wrote it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

impl Entry {
    /// Returns its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.record.kind()
    }

    /// Returns the change of the balance: pending and spendable, less owed. Held points are treated as spent.
    #[must_use]
    pub fn points(&self) -> Points {
        self.pending() + self.spendable() - self.owed()
    }

    /// The change of the pending balance.
    #[must_use]
    pub fn pending(&self) -> Points {
        self.effects.pending_points()
    }

    /// The change of the spendable balance.
    #[must_use]
    pub fn spendable(&self) -> Points {
        self.effects.spendable_points()
    }

    /// The change of the held balance.
    #[must_use]
    pub fn held(&self) -> Points {
        self.effects.held
    }

    /// The change of the owed points.
    #[must_use]
    pub fn owed(&self) -> Points {
        self.effects.owed
    }

    /// The last day of the points given, if any were given and they expire.
    #[must_use]
    pub fn expires_on(&self) -> Option<Date> {
        match self.record {
            Record::Enrollment(_)
            | Record::Accrual(_)
            | Record::Confirmation
            | Record::Adjustment(_)
            | Record::Amendment(_)
            | Record::TransferIn(_) => self.effects.expires_on(),
            Record::Redemption(_)
            | Record::Expiry
            | Record::Lapse(_)
            | Record::AccrualReversal(_)
            | Record::Capture
            | Record::Cancellation
            | Record::RedemptionReversal
            | Record::TransferOut(_)
            | Record::MergeOut(_)
            | Record::MergeIn(_)
            | Record::TierChange
            | Record::TierOverride(_)
            | Record::Plan(_)
            | Record::PlanEnd(_)
            | Record::PlanReversal(_)
            | Record::EntitlementUse(_)
            | Record::CodeUse(_)
            | Record::ReferralPayment(_)
            | Record::Notice(_)
            | Record::TierNotice(_)
            | Record::Change(_)
            | Record::Erasure(_) => None,
        }
    }

    /// Returns what each rule gave, if rules gave something; for a return or an amendment, what each gives now.
    #[must_use]
    pub fn breakdown(&self) -> &[BreakdownLine] {
        match &self.record {
            Record::Enrollment(enrolled) => &enrolled.breakdown,
            Record::Accrual(accrued) => &accrued.breakdown,
            Record::AccrualReversal(came_back) => &came_back.accrual.breakdown,
            Record::Amendment(accrual) => &accrual.breakdown,
            Record::Redemption(_)
            | Record::Expiry
            | Record::Confirmation
            | Record::Lapse(_)
            | Record::Capture
            | Record::Cancellation
            | Record::RedemptionReversal
            | Record::Adjustment(_)
            | Record::TransferOut(_)
            | Record::TransferIn(_)
            | Record::MergeOut(_)
            | Record::MergeIn(_)
            | Record::TierChange
            | Record::TierOverride(_)
            | Record::Plan(_)
            | Record::PlanEnd(_)
            | Record::PlanReversal(_)
            | Record::EntitlementUse(_)
            | Record::CodeUse(_)
            | Record::ReferralPayment(_)
            | Record::Notice(_)
            | Record::TierNotice(_)
            | Record::Change(_)
            | Record::Erasure(_) => &[],
        }
    }

    /// Returns the accrual, if it is one.
    #[must_use]
    pub fn accrued(&self) -> Option<&Accrued> {
        if let Record::Accrual(accrued) = &self.record { Some(accrued) } else { None }
    }

    /// Returns the redemption, if it is one.
    #[must_use]
    pub fn redeemed(&self) -> Option<&Redeemed> {
        if let Record::Redemption(redeemed) = &self.record { Some(redeemed) } else { None }
    }

    /// Returns the amount paid, in minor units, if it records a purchase.
    #[must_use]
    pub fn paid(&self) -> Option<Amount> {
        match &self.accrued()?.source {
            Source::Purchase(paid) => Some(*paid),
            Source::Activity(_) | Source::Birthday | Source::Referral(_) => None,
        }
    }

    /// Returns whether the facts of a purchase are stored next to it, unless they were erased.
    #[must_use]
    pub fn has_facts(&self) -> bool {
        self.paid().is_some() || matches!(self.record, Record::Amendment(_))
    }

    /// Returns what its pending points wait for, if it has any.
    #[must_use]
    pub fn awaits(&self) -> Option<Awaits> {
        let came = self.effects.pending.iter().find(|PendingChange(_, points)| *points > Points::ZERO)?;
        Some(came.0)
    }

    /// Returns what this accrual, which counts `qualified` toward a tier, counts until it is confirmed or lapses.
    pub(crate) fn counts_unconfirmed(&self, qualified: Option<&Qualified>) -> Unconfirmed {
        let referral = self.accrued().and_then(|accrued| accrued.referral.as_ref());
        let pays = match referral {
            Some(ReferralChange::Paid(_) | ReferralChange::Owed(_)) => true,
            Some(ReferralChange::Void | ReferralChange::Reopened | ReferralChange::Cancelled(_)) | None => false,
        };
        Unconfirmed {
            qualifying: qualified.map(|qualified| (qualified.period, qualified.amount)).into_iter().collect(),
            paid: self.paid().map(Amount::get).unwrap_or_default(),
            purchases: i64::from(self.paid().is_some()),
            referrals: i64::from(pays),
        }
    }

    /// Returns what it took from lots (negative), soonest first.
    pub fn taken(&self) -> impl Iterator<Item = LotChange> {
        self.effects.lots.iter().copied().filter(|LotChange(_, points)| *points < Points::ZERO)
    }

    /// Returns the other member of a transfer, a merge or a referral.
    #[must_use]
    pub fn counterparty(&self) -> Option<&MemberId> {
        match &self.record {
            Record::TransferOut(other) | Record::TransferIn(other) | Record::MergeOut(other) => Some(other),
            Record::MergeIn(taken_over) => Some(&taken_over.from),
            Record::ReferralPayment(payment) => payment.to.as_ref(),
            Record::Accrual(Accrued { source: Source::Referral(friend), .. }) => Some(friend),
            Record::Accrual(Accrued {
                referral: Some(ReferralChange::Paid(referrer) | ReferralChange::Owed(referrer)),
                ..
            }) => Some(referrer),
            Record::Accrual(_)
            | Record::Enrollment(_)
            | Record::Redemption(_)
            | Record::Expiry
            | Record::Confirmation
            | Record::Lapse(_)
            | Record::AccrualReversal(_)
            | Record::Capture
            | Record::Cancellation
            | Record::RedemptionReversal
            | Record::Adjustment(_)
            | Record::TierChange
            | Record::TierOverride(_)
            | Record::Plan(_)
            | Record::PlanEnd(_)
            | Record::PlanReversal(_)
            | Record::EntitlementUse(_)
            | Record::CodeUse(_)
            | Record::Notice(_)
            | Record::TierNotice(_)
            | Record::Change(_)
            | Record::Amendment(_)
            | Record::Erasure(_) => None,
        }
    }

    /// Returns the instant up to which the account was settled when this entry changed it.
    #[must_use]
    pub fn moment(&self) -> Moment {
        match &self.record {
            Record::Accrual(accrued) if accrued.source == Source::Birthday => Moment::Its(self.occurred_at),
            Record::Cancellation | Record::Confirmation | Record::PlanEnd(_) if self.by == By::Engine => {
                Moment::Its(self.occurred_at)
            }
            Record::Expiry | Record::TierChange if self.refers_to.is_some() => Moment::Same,
            Record::Notice(_) | Record::TierNotice(_) | Record::Lapse(_) | Record::Expiry | Record::TierChange => {
                Moment::Its(self.occurred_at)
            }
            Record::Accrual(_)
            | Record::Cancellation
            | Record::Confirmation
            | Record::Enrollment(_)
            | Record::Redemption(_)
            | Record::AccrualReversal(_)
            | Record::Capture
            | Record::RedemptionReversal
            | Record::Adjustment(_)
            | Record::TransferOut(_)
            | Record::TransferIn(_)
            | Record::MergeOut(_)
            | Record::MergeIn(_)
            | Record::TierOverride(_)
            | Record::Plan(_)
            | Record::PlanEnd(_)
            | Record::PlanReversal(_)
            | Record::EntitlementUse(_)
            | Record::CodeUse(_)
            | Record::ReferralPayment(_)
            | Record::Change(_)
            | Record::Erasure(_)
            | Record::Amendment(_) => Moment::OfCommand(self.posted_at),
        }
    }

    /// Returns the text that is hashed and stored: JSON without white space, fields in the order of this type.
    ///
    /// # Panics
    ///
    /// Never: every entry can be written as JSON.
    #[must_use]
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("an entry has only string keys and whole numbers")
    }
}
