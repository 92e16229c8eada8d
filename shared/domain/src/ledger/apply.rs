//! How an entry changes an account. This is the only way in which an account changes, in a decision and in a rebuild.

use crate::{
    ledger::{
        effects::Effects,
        entry::Entry,
        record::{Accrued, By, Changed, Lapsed, Reassessed, Record, Redeemed, ReferralChange, Source, TakenOver},
    },
    state::{
        account::{Account, Bought, Referral, ReferralDebt, Status},
        cap_use::CapUse,
        extension::{ActChange, Extension},
        hold::Hold,
        lots::{LotChange, LotMove},
        pending::{Awaits, PendingMove},
        plan_term::PlanTerm,
    },
    values::{id::EntryId, points::Points},
};

impl Account {
    /// Applies the changes that `entry` records.
    ///
    /// The changes follow from the entry alone, without the rules. So later releases, under later rules, can rebuild an
    /// account from its ledger.
    pub fn apply(&mut self, entry: &Entry) {
        self.seq = entry.seq;
        let is_return = matches!(entry.record, Record::AccrualReversal(_) | Record::Amendment(_));
        self.apply_effects(&entry.effects, is_return);
        match &entry.record {
            Record::Enrollment(enrolled) => {
                self.enrolled_at = entry.posted_at;
                self.referral = enrolled.referred_by.clone().map(|by| Referral { by, is_over: false });
            }
            Record::Accrual(Accrued { source, referral, .. }) => {
                match source {
                    Source::Birthday => self.birthday_on = Some(self.settled_on),
                    Source::Purchase(paid) => self.bought.add(paid.get(), entry.occurred_at.as_second()),
                    Source::Activity(_) | Source::Referral(_) => {}
                }
                self.apply_referral(entry, referral.as_ref());
            }
            Record::AccrualReversal(came_back) => self.apply_reassessed(entry, &came_back.accrual),
            Record::Amendment(accrual) => self.apply_reassessed(entry, accrual),
            Record::ReferralPayment(payment) => {
                let is_paid = |debt: &ReferralDebt| {
                    debt.friend == payment.friend && Some(&debt.purchase) == entry.refers_to.as_ref()
                };
                self.referral_debts.retain(|debt| !is_paid(debt));
            }
            Record::Redemption(redeemed) => self.apply_hold(entry, redeemed),
            Record::Capture | Record::Cancellation => {
                let ended: Option<&EntryId> = entry.refers_to.as_ref();
                self.holds.retain(|hold| Some(&hold.redemption) != ended);
            }
            Record::MergeOut(into) => {
                self.leave();
                self.merged_from.clear();
                self.status = Status::Merged { into: into.clone() };
            }
            // An account that was merged into another stays merged.
            Record::Erasure(_) if self.merged_into().is_some() => {}
            Record::Erasure(_) => {
                self.leave();
                self.status = Status::Erased;
            }
            Record::MergeIn(taken_over) => self.apply_merge_in(taken_over),
            Record::TierOverride(overridden) => self.tier_override.clone_from(&overridden.given),
            Record::Plan(paid) => self.plans = all_terms(Some(&paid.term), &paid.plans),
            // A term that ended by itself stays until the last day on which a payment can continue it.
            Record::PlanEnd(_) if entry.by == By::Engine => {}
            Record::PlanEnd(ended) => self.plans.clone_from(&ended.plans),
            Record::PlanReversal(reversed) => self.plans = all_terms(reversed.term.as_ref(), &reversed.plans),
            Record::Notice(expiring) => self.noticed_through = Some(expiring.on),
            Record::TierNotice(at_risk) => self.tier_noticed_through = Some(at_risk.until),
            Record::Lapse(Lapsed { paid, purchases, referral }) => {
                self.bought.change(*paid, *purchases);
                self.apply_referral(entry, referral.as_ref());
            }
            Record::Change(Changed { status: Some(status), .. }) => self.status = (*status).into(),
            Record::Change(Changed { status: None, .. })
            | Record::Expiry
            | Record::Confirmation
            | Record::RedemptionReversal
            | Record::Adjustment(_)
            | Record::TransferOut(_)
            | Record::TransferIn(_)
            | Record::TierChange
            | Record::EntitlementUse(_)
            | Record::CodeUse(_) => {}
        }
    }

    /// Applies these effects. A return deducts the points that its purchase gave.
    fn apply_effects(&mut self, effects: &Effects, is_return: bool) {
        self.apply_activity(effects);
        self.pending.apply(effects.pending.iter().copied());
        self.pending.apply_unconfirmed(&effects.unconfirmed);
        self.apply_lots(effects.lots.iter().copied(), is_return);
        self.apply_lots(effects.lots_moved.iter().copied().flat_map(LotMove::changes), is_return);
        for moved in &effects.pending_moved {
            self.pending.apply_move(*moved);
            if let PendingMove(Awaits::Confirmation(from), Awaits::Confirmation(to), _) = moved {
                self.extension.wait_until(*from, *to);
            }
        }
        self.owed += effects.owed;
        for qualified in &effects.qualified {
            let counted = self.qualifying.entry(qualified.period).or_default();
            *counted = counted.plus(qualified.amount);
            if counted.is_zero() {
                self.qualifying.remove(&qualified.period);
            }
        }
        if let Some(now) = &effects.secured_now {
            self.secured.clone_from(&now.secured);
            self.promised.clone_from(&now.promised);
        }
        for change in &effects.caps {
            self.cap_use.apply(change);
        }
        for (rule, change) in &effects.steps {
            let mut steps = self.steps.remove(rule).unwrap_or_default();
            steps.apply(change);
            self.remember(rule, steps);
        }
        if let Some(change) = &effects.tier_change {
            self.tier.clone_from(&change.to);
        }
    }

    /// Extends points, or undoes an extension. The extension of a merged account, whose activities are unknown, stays.
    fn apply_activity(&mut self, effects: &Effects) {
        if let Some(day) = effects.extended_to {
            if self.extended_to.is_none_or(|before| before < day) {
                self.extension = Extension::after(self.extended_to);
            }
            self.extension.keep(&self.lots, day);
            self.extension.is_final |= effects.acts.is_empty();
            self.extended_to = Some(day);
            self.lots.extend_to(day);
            for hold in &mut self.holds {
                hold.extend_to(day);
            }
        }
        let is_over = effects.ends_extension(self);
        for ActChange(to, until, by) in &effects.acts {
            if self.extended_to == Some(*to) {
                self.extension.count(*until, *by);
            } else if *by > 0 {
                self.extension.raise(*to);
            }
        }
        if is_over {
            self.extended_to = self.extension.before;
            self.extension = self.extension.left();
        }
        self.lots.apply(effects.lots_shortened.iter().copied().flat_map(LotMove::changes));
    }

    fn apply_lots(&mut self, changes: impl Iterator<Item = LotChange>, is_return: bool) {
        for LotChange(expiry, points) in changes {
            if let Some(to) = self.extended_to.filter(|_| points < Points::ZERO) {
                let own =
                    if is_return { self.lots.of(expiry) - self.extension.moved_to(to, expiry) } else { Points::ZERO };
                self.extension.leave(to, expiry, -points - own.max(Points::ZERO));
            }
            self.lots.apply([LotChange(expiry, points)]);
        }
    }

    fn apply_referral(&mut self, entry: &Entry, change: Option<&ReferralChange>) {
        let Some(referral) = &mut self.referral else { return };
        match change {
            Some(ReferralChange::Paid(_) | ReferralChange::Void) => referral.is_over = true,
            Some(ReferralChange::Owed(to)) => {
                referral.is_over = true;
                self.referral_debts.push(ReferralDebt {
                    to: to.clone(),
                    friend: self.member.clone(),
                    purchase: entry.id.clone(),
                    occurred_at: entry.occurred_at,
                    version: entry.program_version,
                });
            }
            Some(ReferralChange::Reopened) => referral.is_over = false,
            Some(ReferralChange::Cancelled(friend)) => {
                let is_cancelled =
                    |debt: &ReferralDebt| debt.friend == *friend && Some(&debt.purchase) == entry.refers_to.as_ref();
                let is_own = self.referral_debts.iter().any(|debt| is_cancelled(debt) && debt.to == referral.by);
                referral.is_over &= !is_own;
                self.referral_debts.retain(|debt| !is_cancelled(debt));
            }
            None => {}
        }
    }

    fn apply_reassessed(&mut self, entry: &Entry, accrual: &Reassessed) {
        if accrual.has_lapsed {
            return;
        }
        if accrual.purchases > 0 {
            self.bought.add(accrual.paid, entry.occurred_at.as_second());
        } else {
            self.bought.change(accrual.paid, accrual.purchases);
        }
        self.apply_referral(entry, accrual.referral.as_ref());
    }

    fn apply_hold(&mut self, entry: &Entry, redeemed: &Redeemed) {
        if let Some(expires_at) = redeemed.hold_expires_at {
            self.holds.push(Hold {
                redemption: entry.id.clone(),
                reward: redeemed.reward.clone(),
                held_on: self.settled_on,
                expires_at,
                lots: entry.taken().collect(),
                program_version: entry.program_version,
            });
        }
    }

    /// Clears counts, promises and plans: the account no longer belongs to a member.
    fn leave(&mut self) {
        self.qualifying.clear();
        self.counted_elsewhere.clear();
        self.bought = Bought::default();
        self.secured.clear();
        self.promised.clear();
        self.tier_override = None;
        self.plans.clear();
        self.cap_use = CapUse::default();
        self.steps.clear();
        self.extended_to = None;
        self.extension = Extension::default();
        self.noticed_through = None;
        self.tier_noticed_through = None;
        self.birthday_on = None;
        self.referral = None;
        self.referral_debts.clear();
    }

    fn apply_merge_in(&mut self, taken_over: &TakenOver) {
        let TakenOver {
            from,
            merged_from,
            tier_override,
            plans,
            counted_elsewhere,
            referral,
            referral_debts,
            birthday_on,
            bought,
        } = taken_over;
        self.tier_override.clone_from(tier_override);
        self.plans.clone_from(plans);
        self.counted_elsewhere.clone_from(counted_elsewhere);
        self.referral.clone_from(referral);
        self.referral_debts.clone_from(referral_debts);
        self.birthday_on = *birthday_on;
        self.bought = *bought;
        self.merged_from.splice(..0, std::iter::once(from).chain(merged_from).cloned());
    }
}

/// Returns all plan terms: `term`, or `all` if there are several.
fn all_terms(term: Option<&PlanTerm>, all: &[PlanTerm]) -> Vec<PlanTerm> {
    if all.is_empty() { term.into_iter().cloned().collect() } else { all.to_vec() }
}
