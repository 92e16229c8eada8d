//! A posting in the making: an account being changed, with each change written into its ledger as it happens.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};

use crate::{
    account::{Account, Qualifying},
    aftermath::Mark,
    breakdown::BreakdownLine,
    calendar,
    chain::Sealed,
    code::GivenCode,
    counter::{Counters, Take},
    earning::{Occasion, PointsOverflow, assess},
    entry::{By, Entry, Kind, Qualified, TierChange},
    fingerprint::Fingerprint,
    hold::{Hold, put_back},
    id::{EntryId, RewardId},
    lots::{Expiry, LOTS_MAX, LotChange, LotMove},
    pending::{Awaits, PENDING_MAX},
    points::Points,
    posting::{Change, Claim, Posting},
    program::Program,
    text::Note,
    tier,
};

/// Who asked for an entry, under which id, with which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The id that the entry gets.
    pub entry: EntryId,
    /// The fingerprint of the request.
    pub fingerprint: Fingerprint,
    /// Who asks.
    pub by: By,
}

#[derive(Clone, Debug)]
pub(crate) struct Draft<'p> {
    pub(crate) program: &'p Program,
    pub(crate) now: Timestamp,
    pub(crate) account: Account,
    expected_version: Option<u64>,
    pub(crate) entries: Vec<Sealed>,
    takes: Vec<Take>,
    marks: Vec<Mark>,
    codes: Vec<GivenCode>,
    claims: Vec<Claim>,
    others: Vec<Change>,
}

impl<'p> Draft<'p> {
    /// A draft that changes an account, or brings a new one into being.
    pub(crate) fn new(program: &'p Program, account: Account, expected_version: Option<u64>, now: Timestamp) -> Self {
        Self {
            program,
            now,
            account,
            expected_version,
            entries: Vec::new(),
            takes: Vec::new(),
            marks: Vec::new(),
            codes: Vec::new(),
            claims: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The items that it comes to beside the account.
    pub(crate) fn items(&self) -> usize {
        let counters: BTreeSet<_> = self.takes.iter().map(|take| &take.counter).collect();
        self.entries.len().saturating_add(counters.len())
    }

    /// The day up to which the account is settled: today, except while it is being settled.
    pub(crate) fn today(&self) -> Date {
        self.account.settled_on
    }

    /// The first day that can still be posted.
    pub(crate) fn earliest(&self) -> Date {
        self.program.earliest(self.today())
    }

    /// An entry that changes nothing yet.
    pub(crate) fn entry(&self, id: EntryId, kind: Kind, by: By, occurred_at: Timestamp) -> Entry {
        Entry {
            id,
            seq: 0,
            kind,
            points: Points::ZERO,
            pending: Points::ZERO,
            spendable: Points::ZERO,
            held: Points::ZERO,
            owed: Points::ZERO,
            lots: Vec::new(),
            refers_to: None,
            program_version: self.program.version,
            by,
            occurred_at,
            posted_at: self.now,
            fingerprint: None,
            expires_on: None,
            breakdown: Vec::new(),
            qualified: None,
            tier_change: None,
            redeemed: None,
            awaits: None,
            paid: None,
            stepped: BTreeMap::new(),
            hold_expires_at: None,
            reason: None,
            counterparty: None,
            pending_moved: Vec::new(),
            plan: None,
            entitlement: None,
            expiring: None,
        }
    }

    /// An entry that answers `request`.
    pub(crate) fn entry_for(&self, request: &Request, kind: Kind, occurred_at: Timestamp) -> Entry {
        let mut entry = self.entry(request.entry.clone(), kind, request.by, occurred_at);
        entry.fingerprint = Some(request.fingerprint.clone());
        entry
    }

    /// Writes an entry into the ledger, behind the newest one. Whatever it put into the account, it leaves no more lots and
    /// no more sums of pending points than an account may have.
    pub(crate) fn post(&mut self, entry: Entry) {
        self.post_noted(entry, None);
    }

    /// Writes an entry into the ledger, with what somebody wrote about it beside it.
    pub(crate) fn post_noted(&mut self, mut entry: Entry, note: Option<Note>) {
        self.keep_bounded(&mut entry);
        self.account.seq = self.account.seq.saturating_add(1);
        entry.seq = self.account.seq;
        let sealed = Sealed::new(entry, &self.account.head_hash);
        self.account.head_hash = sealed.hash;
        self.entries.push(sealed.noted(note));
    }

    /// Merges lots and sums of pending points where there are too many, and records it in `entry`.
    fn keep_bounded(&mut self, entry: &mut Entry) {
        let today = self.today();
        for moved in self.account.lots.merge(LOTS_MAX, today) {
            if entry.expires_on == Some(moved.from) {
                entry.expires_on = Some(moved.to);
            }
            entry.lots.extend(moved.changes());
        }
        entry.pending_moved.extend(self.account.pending.merge(PENDING_MAX));
    }

    /// Extends all points, those that open holds took included, because the member was active on `date`, and tells what
    /// that changes of the lots. Nothing is ever extended to a day before the one that it has.
    pub(crate) fn extend(&mut self, date: Date) -> Vec<LotChange> {
        let day = self.program.points.expiry.extended_to(date);
        day.map(|day| self.extend_to(day)).unwrap_or_default()
    }

    /// Extends all points to `day`, or to a later one that they have been extended to before, and tells what that changes.
    pub(crate) fn extend_to(&mut self, day: Date) -> Vec<LotChange> {
        let day = self.account.extended_to.map_or(day, |before| before.max(day));
        self.account.extended_to = Some(day);
        for hold in &mut self.account.holds {
            hold.extend_to(day);
        }
        self.account.lots.extend_to(day).into_iter().flat_map(LotMove::changes).collect()
    }

    /// When points expire that come with this `expiry`: no sooner than what the member's activity has extended.
    fn extended(&self, expiry: Expiry) -> Expiry {
        self.account.extended_to.map_or(expiry, |day| expiry.max(Expiry::On(day)))
    }

    /// Takes from totals over many members along with this posting.
    pub(crate) fn take(&mut self, takes: impl IntoIterator<Item = Take>) {
        self.takes.extend(takes);
    }

    /// `counters` after what this posting takes from them, and gives back to them, so far.
    pub(crate) fn counted(&self, counters: &Counters) -> Counters {
        counters.after(&self.takes)
    }

    /// Notes along with this posting what became of an entry.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    /// Gives a code away along with this posting.
    pub(crate) fn give_code(&mut self, code: GivenCode) {
        self.codes.push(code);
    }

    /// Claims a name for a member along with this posting.
    pub(crate) fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    /// Commits what is drafted of another account along with this posting.
    pub(crate) fn along(&mut self, other: Self) {
        let Posting { own, others, takes, marks, codes, claims } = other.finish();
        self.others.push(own);
        self.others.extend(others);
        self.takes.extend(takes);
        self.marks.extend(marks);
        self.codes.extend(codes);
        self.claims.extend(claims);
    }

    /// Gives what `occasion` earns: points, what counts toward a tier, use of caps. Fills `entry` with it and posts it.
    ///
    /// # Errors
    ///
    /// If the account would hold more than [`Points::MAX`]; the draft is then of no further use.
    pub(crate) fn accrue(
        &mut self,
        entry: Entry,
        occasion: &Occasion,
        counters: &Counters,
    ) -> Result<(), PointsOverflow> {
        self.accrue_with(entry, occasion, counters, None)
    }

    /// [`Draft::accrue`], and besides the points of a line that no rule gave.
    pub(crate) fn accrue_with(
        &mut self,
        mut entry: Entry,
        occasion: &Occasion,
        counters: &Counters,
        besides: Option<BreakdownLine>,
    ) -> Result<(), PointsOverflow> {
        let program = self.program;
        let tiers = program.tiers.as_ref();
        let level = tiers.zip(self.account.tier.as_ref()).and_then(|(tiers, tier)| tiers.level(tier));
        let mut assessment = assess(program, &mut self.account, level, occasion, counters)?;
        if let Some(line) = besides {
            assessment.points += line.given;
            assessment.breakdown.push(line);
        }
        if self.account.total() + assessment.points > Points::MAX {
            return Err(PointsOverflow);
        }
        let date = program.date(occasion.occurred_at());
        entry.points = assessment.points;
        let extended = if extends(occasion) { self.extend(date) } else { Vec::new() };
        let awaits = program.points.pending.awaits(date, self.today()).filter(|_| pends(occasion));
        match awaits.filter(|awaits| awaits.ends_on() > self.today()) {
            Some(awaits) if !assessment.points.is_zero() => {
                self.account.pending.put(awaits, assessment.points);
                entry.pending = assessment.points;
                entry.awaits = Some(awaits);
            }
            Some(_) | None => {
                let matured_on = match awaits {
                    Some(Awaits::Maturity(day)) => day,
                    Some(Awaits::Confirmation(_)) | None => date,
                };
                self.make_spendable(&mut entry, assessment.points, matured_on);
            }
        }
        entry.lots.extend(extended);
        entry.breakdown = assessment.breakdown;
        entry.stepped = assessment.stepped;
        if let Occasion::Purchase(purchase) = occasion {
            entry.paid = Some(purchase.total.amount);
        }
        let amount = Qualifying {
            points: assessment.qualifying.get(),
            spend: occasion.spend(),
            visits: i64::from(matches!(occasion, Occasion::Purchase(_))),
        };
        if let Some(tiers) = tiers.filter(|_| !amount.is_zero()) {
            let period = tier::bucket(program, tiers, &self.account, date);
            entry.qualified = Some(Qualified { period, amount });
            tier::count(program, &mut self.account, amount, date);
        }
        self.take(assessment.takes);
        let id = entry.id.clone();
        self.post_with_tier(entry);
        self.expire_overdue(&id);
        Ok(())
    }

    /// Expires points that came back, or came late, with a last day that is over.
    pub(crate) fn expire_overdue(&mut self, cause: &EntryId) {
        while let Some(lot) = self.account.lots.take_expired(self.today()) {
            self.post_expiry(EntryId::engine(&[&"expiry", &lot.0, cause]), lot, Some(cause.clone()));
        }
    }

    /// Makes `points` spendable that matured on `date`: they pay what is owed, and the rest becomes a lot.
    pub(crate) fn make_spendable(&mut self, entry: &mut Entry, points: Points, date: Date) {
        let rest = self.repay(entry, points);
        if !rest.is_zero() {
            let expiry = self.extended(self.program.points.expiry.expiry(date));
            self.account.lots.put(expiry, rest);
            entry.spendable += rest;
            entry.lots.push(LotChange(expiry, rest));
            entry.expires_on = expiry.on();
        }
    }

    /// Gives `points` back into the lots that they were taken from, with their dates, once what is owed is paid. Dates before
    /// the day to which the member's activity has extended the points are that day.
    pub(crate) fn give_back(&mut self, entry: &mut Entry, taken: &[LotChange], points: Points) {
        let rest = self.repay(entry, points);
        entry.spendable += rest;
        let taken: Vec<_> =
            taken.iter().map(|LotChange(expiry, points)| LotChange(self.extended(*expiry), *points)).collect();
        entry.lots.extend(put_back(&mut self.account.lots, &taken, rest));
    }

    /// Ends a hold of which `captured` points are spent: the rest goes back to its lots and under the reward's limit, and of
    /// a hold that came to nothing the reward too. Fills `entry` with it and posts it.
    pub(crate) fn release(&mut self, mut entry: Entry, hold: &Hold, captured: Points) {
        entry.refers_to = Some(hold.redemption.clone());
        entry.held = -hold.points();
        let rest = hold.points() - captured;
        entry.points = rest;
        self.give_back(&mut entry, &hold.lots, rest);
        self.return_use(&hold.reward, rest, captured.is_zero(), hold.held_on);
        if captured.is_zero() {
            self.return_piece(&hold.reward);
        }
        let id = entry.id.clone();
        self.post(entry);
        self.expire_overdue(&id);
    }

    /// Gives back, under the limit of a reward that was had on `had_on`, points that it did not cost after all, and if
    /// `is_whole` the use itself.
    pub(crate) fn return_use(&mut self, reward: &RewardId, points: Points, is_whole: bool, had_on: Date) {
        let Some(reward) = self.program.reward(reward) else { return };
        let Some(limit) = reward.limit else { return };
        let take = limit.give_back(points, is_whole, &reward.cap_owner(), had_on, &mut self.account);
        self.take(take);
    }

    /// Puts a piece of a reward back into its stock.
    pub(crate) fn return_piece(&mut self, reward: &RewardId) {
        let Some(reward) = self.program.reward(reward) else { return };
        self.take(reward.stock.pieces().map(|most| Take { counter: reward.stock_counter(), amount: -1, most }));
    }

    /// Pays what is owed from `points`, and tells what is left of them.
    fn repay(&mut self, entry: &mut Entry, points: Points) -> Points {
        let repaid = points.min(self.account.owed);
        self.account.owed -= repaid;
        entry.owed -= repaid;
        points - repaid
    }

    /// Compares the effective tier with the one that the ledger last spoke of, and makes it that.
    pub(crate) fn adopt_tier(&mut self) -> Option<TierChange> {
        let tiers = self.program.tiers.as_ref();
        let rank = tier::effective(self.program, &self.account, self.today()).map(|claim| claim.rank);
        let level = rank.and_then(|rank| tiers?.levels.get(rank)).map(|level| level.id.clone());
        if level == self.account.tier {
            return None;
        }
        let from = std::mem::replace(&mut self.account.tier, level.clone());
        Some(TierChange { from, to: level })
    }

    /// Posts `entry` with the change of tier that it brings, which is an entry of its own besides: except that of a member
    /// who just joined.
    pub(crate) fn post_with_tier(&mut self, mut entry: Entry) {
        entry.tier_change = self.adopt_tier();
        let (id, occurred_at) = (entry.id.clone(), entry.occurred_at);
        let change = entry.tier_change.clone().filter(|_| entry.kind != Kind::Enrollment);
        self.post(entry);
        if let Some(change) = change {
            // The word keeps apart from the engine's own dates a caller's key that looks like one.
            self.post_tier_change(EntryId::engine(&[&"tier", &"by", &id]), change, occurred_at, Some(id));
        }
    }

    pub(crate) fn post_tier_change(
        &mut self,
        id: EntryId,
        change: TierChange,
        occurred_at: Timestamp,
        refers_to: Option<EntryId>,
    ) {
        let mut entry = self.entry(id, Kind::TierChange, By::Engine, occurred_at);
        entry.tier_change = Some(change);
        entry.refers_to = refers_to;
        self.post(entry);
    }

    /// Posts that the points of a lot, already taken out of the account, have expired.
    pub(crate) fn post_expiry(&mut self, id: EntryId, (date, points): (Date, Points), refers_to: Option<EntryId>) {
        let over_at = calendar::start_of(&self.program.zone, calendar::days_after(date, 1));
        let mut entry = self.entry(id, Kind::Expiry, By::Engine, over_at);
        entry.points = -points;
        entry.spendable = -points;
        entry.lots = vec![LotChange(Expiry::On(date), -points)];
        entry.refers_to = refers_to;
        self.post(entry);
    }

    /// What is to be committed.
    pub(crate) fn finish(mut self) -> Posting {
        self.account.version = self.account.version.saturating_add(1);
        self.account.review_on = crate::settle::next_change(self.program, &self.account);
        Posting {
            own: Change { expected_version: self.expected_version, account: self.account, entries: self.entries },
            others: self.others,
            takes: self.takes,
            marks: self.marks,
            codes: self.codes,
            claims: self.claims,
        }
    }
}

/// Points for a purchase, one's own or a friend's, or for an activity may have to wait, because these may be taken back. A
/// welcome or a birthday present is given at once.
fn pends(occasion: &Occasion) -> bool {
    match occasion {
        Occasion::Purchase(_) | Occasion::Activity(_) | Occasion::Referral(_) => true,
        Occasion::Enrollment(_) | Occasion::Birthday(_) => false,
    }
}

/// What the member did extends points that expire with inactivity; what a friend did, or a calendar, does not.
fn extends(occasion: &Occasion) -> bool {
    match occasion {
        Occasion::Purchase(_) | Occasion::Activity(_) => true,
        Occasion::Enrollment(_) | Occasion::Birthday(_) | Occasion::Referral(_) => false,
    }
}
