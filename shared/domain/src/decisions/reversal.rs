//! Reversing an accrual: what a refund takes back of the points that a purchase gave.

use std::fmt;

use crate::{
    draft::{Draft, KeyedRequest},
    ledger::{
        aftermath::{Aftermath, Recorded},
        entry::{Entry, Kind, Qualified, Record, ReferralChange},
        posting::Posting,
    },
    rules::{
        program::{NegativeBalance, Program},
        strategy::TakenBack,
    },
    state::{
        account::{Inactive, Qualifying},
        cap_use::CapOwner,
        lots::{Expiry, LotChange},
        pending::Awaits,
        steps::StepsChange,
    },
    tier,
    time::settle::Settled,
    values::{
        id::EntryId,
        money::{Amount, Currency, Money},
        points::{Points, Rounding},
    },
};

/// A return, as a till or a shop reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// The whole purchase.
    Everything,
    /// The amount of this refund, on top of earlier ones. A till that knows only its own refund sends this.
    Refund(Money),
    /// The amount refunded so far, including this refund. Repeated or out of order, it is not deducted again.
    RefundedTotal(Money),
}

impl Return {
    fn money(self) -> Option<Money> {
        match self {
            Self::Everything => None,
            Self::Refund(money) | Self::RefundedTotal(money) => Some(money),
        }
    }
}

/// Why nothing was reversed, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReverseRefusal {
    /// The account is closed, or another's.
    Inactive(Inactive),
    /// The entry is no accrual.
    NotAnAccrual,
    /// The refund is in another currency than the program.
    CurrencyMismatch {
        /// The program's currency.
        expected: Currency,
        /// The refund's.
        found: Currency,
    },
    /// More is refunded than was paid.
    ExceedsAccrual {
        /// What was paid, in minor units.
        paid: i64,
        /// What of it had been refunded before.
        refunded: i64,
    },
}

impl fmt::Display for ReverseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotAnAccrual => f.write_str("the entry is no accrual"),
            Self::CurrencyMismatch { expected, found } => {
                write!(f, "the program counts in {expected}, and the refund is in {found}")
            }
            Self::ExceedsAccrual { paid, refunded: 0 } => {
                write!(f, "{paid} minor units were paid, and no more can be refunded")
            }
            Self::ExceedsAccrual { paid, refunded } => {
                let left = paid.saturating_sub(*refunded);
                write!(f, "of {paid} minor units that were paid {refunded} were refunded before, and {left} are left")
            }
        }
    }
}

/// Takes back the share of an accrual that `returned` stands for. Of each breakdown line `floor(given * (paid - refunded) / paid)`
/// remains, where `refunded` is all that came back so far.
///
/// The points come from the accrual's own pending points, then from its own lot (or the next later one, where that has gone
/// over into it), then from the lots that expire soonest; what is still missing is owed or forgiven, as the version says that gave the points.
///
/// Where the purchase paid for a referral ([`crate::decisions::referral::paid_along`]), `along` is the account of whoever brought the
/// member, and the entry that paid it: undone along with the whole of the purchase, and the next one pays both again.
///
/// # Errors
///
/// Refusals are looked for in the order of [`ReverseRefusal`].
pub fn reverse<'p>(
    settled: Settled<'p>,
    request: &KeyedRequest,
    accrual: &Recorded,
    returned: Return,
    along: Option<(Settled<'p>, &Recorded)>,
) -> Result<Posting, ReverseRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(ReverseRefusal::Inactive)?;
    let undone = &accrual.sealed.entry;
    if undone.kind() != Kind::Accrual {
        return Err(ReverseRefusal::NotAnAccrual);
    }
    let refund = Refund::new(&draft, accrual, returned)?;

    let along = along
        .map(|(referrer, paid)| (referrer.0, paid))
        .filter(|(referrer, _)| refund.becomes_whole() && can_undo(&draft, referrer));
    let referral = match &along {
        Some((_, paid)) => reopened(&draft, accrual, paid),
        None => cancelled(&draft, accrual, &refund),
    };
    let entry = draft.entry_for(request, Record::AccrualReversal(referral), draft.now);
    take_back(&mut draft, entry, accrual, &refund);
    if let Some((mut referrer, paid)) = along {
        let id = EntryId::engine(&[&"reversal", &draft.account.member, &request.entry]);
        let entry = referrer.entry(id, Record::AccrualReversal(None), request.by, referrer.now);
        let entry = Entry { actor: request.actor.clone(), ..entry };
        take_back(&mut referrer, entry, paid, &Refund::of(paid, Return::Everything));
        draft.along(referrer.finish());
    }
    Ok(draft.finish())
}

/// Whether what a friend's purchase paid to the member who referred the friend can be undone. Where that account is closed
/// nothing is left to take from, and both stay as they are.
fn can_undo(friend: &Draft<'_>, referrer: &Draft<'_>) -> bool {
    referrer.account.check_open().is_ok() && referrer.account.member != friend.account.member
}

/// That the friend's next purchase pays for the referral again, if `accrual` paid for the friend's own: what a member paid
/// for who was merged into this one may have been another referral.
fn reopened(friend: &Draft<'_>, accrual: &Recorded, paid: &Recorded) -> Option<ReferralChange> {
    let is_own = accrual.member == friend.account.member;
    let referral = friend.account.referral.as_ref()?;
    (is_own || referral.by == paid.member).then_some(ReferralChange::Reopened)
}

/// That nothing is owed for a referral any more, if `accrual` was to pay for it later and all of it is taken back.
fn cancelled(friend: &Draft<'_>, accrual: &Recorded, refund: &Refund) -> Option<ReferralChange> {
    let purchase = &accrual.sealed.entry.id;
    let mut debts = friend.account.referral_debts.iter();
    let debt = debts.find(|debt| debt.friend == accrual.member && debt.purchase == *purchase)?;
    refund.becomes_whole().then(|| ReferralChange::Cancelled(debt.friend.clone()))
}

/// Takes back what `refund` takes of `accrual`, under the rules that gave it. Fills `entry` with it and posts it.
fn take_back(draft: &mut Draft<'_>, mut entry: Entry, accrual: &Recorded, refund: &Refund) {
    let undone = &accrual.sealed.entry;
    let then = draft.then(undone.program_version);
    entry.refers_to = Some(undone.id.clone());
    entry.program_version = then.version;
    let taken_back = refund.taken_back(undone);
    let wanted = (taken_back - accrual.aftermath.taken_back).max(Points::ZERO);
    take_points(draft, &mut entry, then, accrual, wanted);
    give_back_caps(draft, &mut entry, then, undone, refund);
    take_qualifying(draft, &mut entry, accrual, refund);

    draft.post_command(entry);
    draft.mark(accrual.mark(|aftermath| {
        aftermath.refunded = refund.now;
        aftermath.is_undone = refund.is_whole();
        aftermath.taken_back = taken_back.max(aftermath.taken_back);
    }));
}

/// Returns whether `returned` completes the reversal of an accrual.
#[must_use]
pub fn is_whole(accrual: &Recorded, returned: Return) -> bool {
    Refund::of(accrual, returned).becomes_whole()
}

/// How much of a purchase was refunded before, and is now, in minor units.
struct Refund {
    paid: i64,
    before: i64,
    now: i64,
    was_whole: bool,
    asks_whole: bool,
}

impl Refund {
    fn new(draft: &Draft<'_>, accrual: &Recorded, returned: Return) -> Result<Self, ReverseRefusal> {
        let expected = draft.rules.program.currency;
        if let Some(money) = returned.money().filter(|money| money.currency != expected) {
            return Err(ReverseRefusal::CurrencyMismatch { expected, found: money.currency });
        }
        let refund = Self::of(accrual, returned);
        if refund.now > refund.paid {
            let refunded = if matches!(returned, Return::Refund(_)) { refund.before } else { 0 };
            return Err(ReverseRefusal::ExceedsAccrual { paid: refund.paid, refunded });
        }
        Ok(refund)
    }

    fn of(accrual: &Recorded, returned: Return) -> Self {
        let paid = accrual.sealed.entry.paid().map(Amount::get).unwrap_or_default();
        let Aftermath { refunded: before, is_undone: was_whole, .. } = accrual.aftermath;
        let refunded = match returned {
            Return::Everything => paid,
            Return::Refund(money) => before.saturating_add(money.amount.get()),
            Return::RefundedTotal(money) => money.amount.get(),
        };
        // Nothing back of a purchase that cost nothing leaves it as it is.
        let comes_back = returned.money().is_none_or(|money| money.amount.get() > 0);
        Self { paid, before, now: refunded.max(before), was_whole, asks_whole: comes_back && refunded == paid }
    }

    /// Whether nothing of the purchase is left.
    fn is_whole(&self) -> bool {
        self.was_whole || self.asks_whole
    }

    /// Whether this refund is the one that leaves nothing.
    fn becomes_whole(&self) -> bool {
        self.asks_whole && !self.was_whole
    }

    /// What remains of `amount` when so much has been refunded.
    fn remaining(&self, amount: i64, refunded: i64, is_whole: bool) -> i64 {
        if is_whole {
            return 0;
        }
        if self.paid == 0 {
            return amount;
        }
        let left = self.paid.saturating_sub(refunded);
        Points::ratio(amount, left, self.paid, Rounding::Floor).unwrap_or_default().get()
    }

    /// What remains of `amount` now.
    fn remaining_now(&self, amount: i64) -> i64 {
        self.remaining(amount, self.now, self.is_whole())
    }

    /// What this refund takes of `amount`, beyond what earlier ones took.
    fn taken_of(&self, amount: i64) -> i64 {
        self.remaining(amount, self.before, self.was_whole).saturating_sub(self.remaining_now(amount))
    }

    /// The points that are to have been taken back of `accrual` by now, over all its lines.
    fn taken_back(&self, accrual: &Entry) -> Points {
        let given = accrual.breakdown().iter().map(|line| line.given);
        given.map(|given| given - Points::new(self.remaining_now(given.get()))).sum()
    }
}

/// Takes `wanted` points: from the accrual's own first.
fn take_points(draft: &Draft<'_>, entry: &mut Entry, then: &Program, accrual: &Recorded, wanted: Points) {
    let undone = &accrual.sealed.entry;
    if has_lapsed(draft, accrual) {
        // Time has taken these points back already.
        return;
    }
    let (account, effects) = (&draft.account, &mut entry.effects);
    let mut left = wanted;
    if let Some(awaits) = undone.awaits().filter(|_| accrual.aftermath.confirmed_on.is_none()) {
        let own = undone.pending() - accrual.aftermath.taken_back;
        left -= effects.take_pending(account, awaits, left.min(own));
    }
    if let Some(expiry) = own_lot(then, accrual) {
        left -= effects.take_from(account, expiry, left);
    }
    left -= effects.take(account, left);
    match then.points.negative_balance {
        NegativeBalance::Owe => effects.owed = left,
        NegativeBalance::Forgive => {}
    }
}

/// Whether the accrual was not confirmed in time, so that time has taken its points back already.
fn has_lapsed(draft: &Draft<'_>, accrual: &Recorded) -> bool {
    match accrual.sealed.entry.awaits() {
        Some(awaits @ Awaits::Confirmation(_)) => {
            accrual.aftermath.confirmed_on.is_none() && awaits.ends_on() <= draft.today()
        }
        Some(Awaits::Maturity(..)) | None => false,
    }
}

/// The lot that the accrual's points became, if they did, or one before that, if they were extended or merged since.
fn own_lot(then: &Program, accrual: &Recorded) -> Option<Expiry> {
    let entry = &accrual.sealed.entry;
    match (entry.awaits(), accrual.aftermath.confirmed_on) {
        (None, _) => {
            entry.effects.lots.iter().find(|change| change.1 > Points::ZERO).map(|LotChange(expiry, _)| *expiry)
        }
        (Some(_), Some(confirmed_on)) => Some(then.points.expiry.expiry(confirmed_on)),
        (Some(Awaits::Maturity(_, expiry)), None) => Some(expiry),
        (Some(Awaits::Confirmation(_)), None) => None,
    }
}

/// Gives back what the accrual used of caps, and with the whole of it the steps that it took.
fn give_back_caps(draft: &mut Draft<'_>, entry: &mut Entry, then: &Program, undone: &Entry, refund: &Refund) {
    let date = then.date(undone.occurred_at);
    for line in undone.breakdown() {
        let Some(rule) = then.earning_rules.iter().find(|rule| rule.id.as_str() == line.rule) else { continue };
        let taken = Points::new(refund.taken_of(line.given.get()));
        if let Some(cap) = rule.cap.filter(|_| !line.given.is_zero()) {
            let used = cap.give_back(taken, refund.becomes_whole(), &CapOwner::Rule(rule.id.clone()), date);
            draft.record_use(entry, used);
        }
    }
    if !refund.becomes_whole() {
        return;
    }
    let open = draft.rules.open_days(draft.today());
    for (id, taken) in &undone.effects.steps {
        let Some(rule) = then.rule(id) else { continue };
        let line = undone.breakdown().iter().find(|line| line.rule == id.as_str());
        let wanted = line.map(|line| line.wanted).unwrap_or_default();
        let back = TakenBack { taken, wanted, day: date, open: &open };
        let before = draft.account.steps.get(id).cloned().unwrap_or_default();
        let after = rule.strategy.take_back(&before, &back);
        let change = StepsChange::between(&before, &after, taken.taken.saturating_neg());
        entry.effects.steps.insert(id.clone(), change);
    }
}

/// Takes back what the accrual counted toward a tier.
fn take_qualifying(draft: &Draft<'_>, entry: &mut Entry, accrual: &Recorded, refund: &Refund) {
    let undone = &accrual.sealed.entry;
    let Some(Qualified { period, amount }) = undone.effects.qualified.first() else { return };
    let amount = Qualifying {
        points: refund.taken_of(amount.points),
        spend: refund.taken_of(amount.spend),
        visits: if refund.becomes_whole() { amount.visits } else { 0 },
    };
    // Of a member merged into this one the periods may have begun on other days. The member's own amounts are nowhere else:
    // where their bucket is gone, those of other purchases stay whole.
    let is_merged = accrual.member != draft.account.member;
    let tiers = draft.rules.tiers().filter(|_| is_merged && !draft.account.qualifying.contains_key(period));
    let program = draft.rules.program;
    let date = program.date(undone.occurred_at);
    let bucket = tiers.map_or(*period, |tiers| tier::bucket(program, tiers, &draft.account, date));
    let (qualified, secured_now) = tier::discounted(draft.rules, &draft.account, amount, bucket);
    entry.effects.qualified.extend(qualified);
    entry.effects.secured_now = secured_now;
}
