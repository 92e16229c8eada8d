//! A draft: an account to which entries are applied, one after another, until it becomes a posting.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};

use crate::{
    ledger::{
        aftermath::{Mark, Place},
        breakdown::BreakdownLine,
        chain::Sealed,
        effects::{Effects, TierChange},
        entry::{By, ENTRY_FORMAT, Entry, Kind, Record},
        explanation::Explanation,
        facts::{MemberThen, PurchaseFacts},
        posting::{Change, Claim, Posting, ReceiptChange, Release},
    },
    rules::{
        assessment::{self, Earner, NotAssessed, Pass, assess},
        cap::Used,
        program::{ActivityKind, Level, Plan, Program, Reward},
        versions::Rules,
    },
    state::{
        account::Account,
        counter::{Counters, Take},
        extension::ActChange,
        hold::Hold,
        pending::Awaits,
        plan_term::PlanTerm,
        qualifying::Qualifying,
    },
    tier,
    values::{
        calendar,
        code::{GivenCode, KeptCode},
        fingerprint::Content,
        id::{Actor, EntryId, RewardId},
        occasion::Occasion,
        points::Points,
        purchase::Purchase,
        text::Note,
    },
};

/// The request behind an entry: its id, its content, and the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The id that the entry gets.
    pub entry: EntryId,
    /// The content of the request.
    pub content: Content,
    /// Who requests it.
    pub by: By,
    /// The person or client, if known.
    pub actor: Option<Actor>,
}

/// What is stored next to an entry, outside of the hashed text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// A note by an operator.
    pub(crate) note: Option<Note>,
    /// The facts of the purchase that it records.
    pub(crate) facts: Option<PurchaseFacts>,
}

#[derive(Clone, Debug)]
pub(crate) struct Draft<'p> {
    pub(crate) rules: Rules<'p>,
    pub(crate) now: Timestamp,
    /// The account after the entries so far. Only [`Draft::post`], and settling without entries, change it.
    pub(crate) account: Account,
    expected_version: Option<u64>,
    pub(crate) entries: Vec<Sealed>,
    takes: Vec<Take>,
    marks: Vec<Mark>,
    codes: Vec<GivenCode>,
    changed_codes: Vec<KeptCode>,
    claims: Vec<Claim>,
    releases: Vec<Release>,
    receipts: Vec<ReceiptChange>,
    others: Vec<Change>,
    explanations: Vec<Explanation>,
}

impl<'p> Draft<'p> {
    /// Returns a draft that changes an account, or creates a new one.
    pub(crate) fn new(rules: Rules<'p>, account: Account, expected_version: Option<u64>, now: Timestamp) -> Self {
        Self {
            rules,
            now,
            account,
            expected_version,
            entries: Vec::new(),
            takes: Vec::new(),
            marks: Vec::new(),
            codes: Vec::new(),
            changed_codes: Vec::new(),
            claims: Vec::new(),
            releases: Vec::new(),
            receipts: Vec::new(),
            others: Vec::new(),
            explanations: Vec::new(),
        }
    }

    /// Returns the number of items of the transaction besides the account.
    pub(crate) fn items(&self) -> usize {
        let counters: BTreeSet<_> = self.takes.iter().map(|take| &take.counter).collect();
        self.entries.len().saturating_add(counters.len())
    }

    /// Returns the day up to which the account is settled: today, except during settling.
    pub(crate) fn today(&self) -> Date {
        self.account.settled_on
    }

    /// Returns the rules that decided an entry of `version`.
    pub(crate) fn then(&self, version: u64) -> &'p Program {
        let then = self.rules.versions.program(version);
        debug_assert!(then.is_ok(), "version {version} decides, and was not loaded");
        then.unwrap_or(self.rules.program)
    }

    /// Returns an entry without effects.
    pub(crate) fn entry(&self, id: EntryId, record: Record, by: By, occurred_at: Timestamp) -> Entry {
        Entry {
            format: ENTRY_FORMAT,
            id,
            seq: 0,
            record,
            effects: Effects::default(),
            refers_to: None,
            program_version: self.rules.program.version,
            settled_under: None,
            by,
            actor: None,
            occurred_at,
            posted_at: self.now,
            fingerprint: None,
        }
    }

    /// Returns an entry for `request`.
    pub(crate) fn entry_for(&self, request: &KeyedRequest, record: Record, occurred_at: Timestamp) -> Entry {
        let fingerprint = request.content.fingerprint(self.account.salt.as_ref());
        let entry = self.entry(request.entry.clone(), record, request.by, occurred_at);
        Entry { fingerprint: Some(fingerprint), actor: request.actor.clone(), ..entry }
    }

    /// Returns the entry of a change without a key of its own, because repeating it changes nothing. Its id is made
    /// from its position in the ledger.
    pub(crate) fn entry_by(&self, what: &str, record: Record, by: By, actor: Option<&Actor>) -> Entry {
        let id = EntryId::engine(&[&what, &self.account.seq.saturating_add(1)]);
        Entry { actor: actor.cloned(), ..self.entry(id, record, by, self.now) }
    }

    /// Appends an entry to the ledger. Afterwards the account has no more lots and sums of pending points than it may
    /// have.
    pub(crate) fn post(&mut self, entry: Entry) {
        self.post_with(entry, Beside::default());
    }

    /// Appends an entry to the ledger, with what is stored next to it.
    fn post_with(&mut self, mut entry: Entry, beside: Beside) {
        entry.effects.keep_bounded(&self.account, self.today());
        entry.seq = self.account.seq.saturating_add(1);
        let version = self.rules.program.version;
        entry.settled_under = (entry.program_version != version).then_some(version);
        self.account.apply(&entry);
        let sealed = Sealed::new(entry, &self.account.head_hash);
        self.account.head_hash = sealed.hash;
        let balance = Some(self.account.balance());
        self.entries.push(sealed.noted(beside.note).with_facts(beside.facts).with_balance(balance));
    }

    /// Appends the entry of a command and its consequences: a change of tier, as an entry of its own unless the member
    /// just joined, and the expiry of points that arrived with a last day that has passed.
    pub(crate) fn post_command(&mut self, entry: Entry) {
        self.post_command_with(entry, Beside::default());
    }

    /// Like [`Draft::post_command`], with what is stored next to the entry.
    pub(crate) fn post_command_with(&mut self, mut entry: Entry, beside: Beside) {
        if self.rules.tiers().is_some() {
            let mut after = self.account.clone();
            after.apply(&entry);
            entry.effects.tier_change = self.tier_change_of(&after);
        }
        let (id, occurred_at) = (entry.id.clone(), entry.occurred_at);
        let change = entry.effects.tier_change.clone().filter(|_| entry.kind() != Kind::Enrollment);
        self.post_with(entry, beside);
        if let Some(change) = change {
            // The part `by` keeps it distinct from the engine's own ids, even if the caller's key looks like a date.
            self.post_tier_change(EntryId::engine(&[&"tier", &"by", &id]), change, occurred_at, Some(id.clone()));
        }
        while let Some((day, _)) = self.account.lots.expired(self.today()) {
            self.post_expiry(EntryId::engine(&[&"expiry", &day, &id]), day, Some(id.clone()));
        }
    }

    /// Adds takes from totals over many members to this posting.
    pub(crate) fn take(&mut self, takes: impl IntoIterator<Item = Take>) {
        self.takes.extend(takes);
    }

    /// Records the use of a cap: in `entry`, or as a take from the program's counter.
    pub(crate) fn record_use(&mut self, entry: &mut Entry, used: Used) {
        match used {
            Used::Nothing => {}
            Used::OfMember(change) => entry.effects.caps.push(change),
            Used::OfProgram(take) => self.takes.push(take),
        }
    }

    /// Returns `counters` after the takes of this posting so far.
    pub(crate) fn counted(&self, counters: &Counters) -> Counters {
        counters.after(&self.takes, self.now)
    }

    /// Adds a change of an entry's aftermath to this posting.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    /// Adds a code that is given to this posting.
    pub(crate) fn give_code(&mut self, code: GivenCode) {
        self.codes.push(code);
    }

    /// Adds a change of a code that was given before to this posting.
    pub(crate) fn change_code(&mut self, code: KeptCode) {
        self.changed_codes.push(code);
    }

    /// Adds an alias that a member gets to this posting.
    pub(crate) fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    /// Adds an alias that a member gives up to this posting.
    pub(crate) fn release_name(&mut self, release: Release) {
        self.releases.push(release);
    }

    /// Adds the receipt of a purchase to this posting, as taken or freed, if the rules of `then` accept each receipt
    /// for one purchase only.
    pub(crate) fn change_receipt(&mut self, then: &Program, purchase: &Purchase, place: &Place, is_taken: bool) {
        let receipt = then.receipt_of(purchase);
        let change = receipt.map(|receipt| ReceiptChange { receipt, purchase: place.clone(), is_taken });
        self.receipts.extend(change);
    }

    /// Adds the posting of another account to this one.
    pub(crate) fn along(&mut self, other: Posting) {
        // The explanations of another member's rules are not part of this answer.
        let Posting { own, others, takes, marks, codes, changed_codes, claims, releases, receipts, explanations: _ } =
            other;
        self.others.push(own);
        self.others.extend(others);
        self.takes.extend(takes);
        self.marks.extend(marks);
        self.codes.extend(codes);
        self.changed_codes.extend(changed_codes);
        self.claims.extend(claims);
        self.releases.extend(releases);
        self.receipts.extend(receipts);
    }

    /// Gives what `occasion` earns under the rules of `then`: points, amounts toward a tier, use of caps. Fills `entry`
    /// with it and appends it. `besides` is a line that no rule gave.
    ///
    /// # Errors
    ///
    /// The account would have more than [`Points::MAX`], or more of `counters` must be read. The draft cannot be used
    /// afterwards.
    pub(crate) fn accrue(
        &mut self,
        mut entry: Entry,
        occasion: &Occasion,
        then: &'p Program,
        counters: &Counters,
        besides: Option<BreakdownLine>,
    ) -> Result<(), NotAssessed> {
        let date = then.date(occasion.occurred_at());
        let member = self.member_then(then, date);
        let earner = Earner { member: &member, account: &self.account, counters, pass: Pass::First };
        let eligible = occasion.purchase().map(|purchase| then.points.eligible.of(purchase)).unwrap_or_default();
        let mut assessment = assess(then, &earner, occasion, eligible)?;
        if let Some(line) = besides {
            assessment.points += line.given;
            assessment.breakdown.push(line);
        }
        if self.account.total() + assessment.points > Points::MAX {
            return Err(NotAssessed::Overflow);
        }
        entry.program_version = then.version;
        let awaits = then.points.awaits(date, self.today()).filter(|_| assessment::pends(occasion));
        if let Some(kind) = assessment::activity_of(then, occasion) {
            let until = match awaits {
                // An activity that gives nothing has nothing to confirm.
                Some(Awaits::Confirmation(last)) => {
                    Some(last).filter(|_| occasion.purchase().is_some() || !assessment.points.is_zero())
                }
                Some(Awaits::Maturity(..)) | None => None,
            };
            self.extend(&mut entry, then, (kind, date), until);
        }
        match awaits {
            Some(awaits) if awaits.ends_on() > self.today() => entry.effects.wait(awaits, assessment.points),
            Some(Awaits::Maturity(_, expiry)) => entry.effects.give(&self.account, assessment.points, expiry),
            Some(Awaits::Confirmation(_)) | None => {
                let expiry = then.points.expires(date, date, self.today());
                entry.effects.give(&self.account, assessment.points, expiry);
            }
        }
        let amount = Qualifying {
            points: assessment.qualifying.get(),
            spend: assessment.spend,
            visits: i64::from(matches!(occasion, Occasion::Purchase(_))),
        };
        let (qualified, secured_now) = tier::counted(self.rules, &self.account, amount, date);
        if let Some(Awaits::Confirmation(last)) = awaits {
            entry.effects.count_unconfirmed(last, entry.counts_unconfirmed(qualified.as_ref()));
        }
        entry.effects.qualified.extend(qualified);
        entry.effects.secured_now = secured_now;
        entry.effects.steps = assessment.steps;
        if let Record::Enrollment(enrolled) = &mut entry.record {
            enrolled.breakdown = assessment.breakdown;
        } else if let Record::Accrual(accrued) = &mut entry.record {
            accrued.breakdown = assessment.breakdown;
        }
        self.explanations = assessment.explanations;
        for used in assessment.used {
            self.record_use(&mut entry, used);
        }
        if let Some(purchase) = occasion.purchase() {
            let place = Place { member: self.account.member.clone(), entry: entry.id.clone() };
            self.change_receipt(then, purchase, &place, true);
        }
        let facts = occasion
            .purchase()
            .map(|purchase| PurchaseFacts { purchase: purchase.clone(), member: Some(member.kept(then)) });
        self.post_command_with(entry, Beside { facts, ..Beside::default() });
        Ok(())
    }

    /// Extends all points in `entry`, if the rules of `then` count what the member did on `date` as activity. If the
    /// accrual waits for a confirmation, `until` is its last day.
    pub(crate) fn extend(
        &self,
        entry: &mut Entry,
        then: &Program,
        (kind, date): (ActivityKind, Date),
        until: Option<Date>,
    ) {
        if let Some(day) = then.points.extended_to(kind, date) {
            entry.effects.extend(&self.account, day);
            entry.effects.acts.push(ActChange(day, until, 1));
        }
    }

    /// Returns what conditions of `then` can read about the member on `date`.
    fn member_then(&self, then: &'p Program, date: Date) -> MemberThen {
        let (rules, account) = (self.rules, &self.account);
        let period = rules
            .tiers()
            .map(|tiers| tier::qualifying_of(account, tier::current_period(rules.program, tiers, account, date)));
        let tier = self.level_under(then).map(|level| level.id.clone());
        let plan = self.plan().map(|plan| (plan.id.clone(), plan.earning_percent));
        MemberThen::of(then, account, tier, plan, period.unwrap_or_default())
    }

    /// Returns what conditions of the rules in force can read about the member now.
    pub(crate) fn member_now(&self) -> MemberThen {
        let member = self.member_then(self.rules.program, self.today());
        MemberThen { tier: self.account.tier.clone(), ..member }
    }

    /// Returns the member's level by its id in `then`; `None` if the member has none, or `then` has no such level.
    fn level_under(&self, then: &'p Program) -> Option<&'p Level> {
        let tier = self.account.tier.as_ref()?;
        let now = self.rules.program.version;
        let is_it = |level: &&Level| self.rules.versions.renamed(&level.id, then.version, now) == *tier;
        then.tiers.as_ref()?.levels.iter().rev().find(is_it)
    }

    /// Returns the plan that runs, with the terms under which it was last paid.
    pub(crate) fn plan(&self) -> Option<&'p Plan> {
        self.rules.plan(self.running_plan()?)
    }

    /// Returns the plan terms that wait, in the order in which they will run.
    pub(crate) fn plans_waiting(&self) -> impl Iterator<Item = &PlanTerm> {
        self.account.plans.iter().filter(|term| term.from > self.today())
    }

    /// Returns the term of the plan that runs.
    pub(crate) fn running_plan(&self) -> Option<&PlanTerm> {
        self.rules.running(&self.account.plans, self.today())
    }

    /// Ends a hold of which `captured` points are spent. The rest returns to its lots and under the reward's limit; if
    /// nothing was captured, the item returns too. Fills `entry` with this and appends it.
    pub(crate) fn release(&mut self, mut entry: Entry, hold: &Hold, captured: Points) {
        entry.refers_to = Some(hold.redemption.clone());
        entry.program_version = hold.program_version;
        entry.effects.held = -hold.points();
        let rest = hold.points() - captured;
        // Activity since the hold was made has extended the held points, too.
        entry.effects.give_dated(&self.account, &hold.lots, rest);
        if let Some(reward) = self.then(hold.program_version).reward(&hold.reward) {
            self.end_reserved(&mut entry, reward, hold, captured);
        }
        self.post_command(entry);
    }

    /// Ends what `hold` reserved of the stock of `reward` and under its limit, if `captured` points are spent.
    fn end_reserved(&mut self, entry: &mut Entry, reward: &Reward, hold: &Hold, captured: Points) {
        let member = self.account.member.clone();
        let ended = |take: Take, kept| take.reserved_by(&member, &hold.redemption, hold.expires_at).ended(kept);
        let stock = reward.stock_take().map(|take| ended(take, i64::from(!captured.is_zero())));
        self.take(stock);
        let Some(limit) = reward.limit else { return };
        let owner = reward.cap_owner();
        let used = match limit.use_up(hold.points(), &owner, hold.held_on) {
            Used::OfProgram(take) => Used::OfProgram(ended(take, limit.amount(captured))),
            Used::OfMember(_) => limit.give_back(hold.points() - captured, captured.is_zero(), &owner, hold.held_on),
            Used::Nothing => Used::Nothing,
        };
        self.record_use(entry, used);
    }

    /// Returns, under the limit that `then` set for a reward redeemed on `had_on`, points that it did not cost after
    /// all, and if `is_whole` the use itself.
    pub(crate) fn return_use(
        &mut self,
        entry: &mut Entry,
        then: &Program,
        reward: &RewardId,
        points: Points,
        is_whole: bool,
        had_on: Date,
    ) {
        let Some(reward) = then.reward(reward) else { return };
        let Some(limit) = reward.limit else { return };
        let used = limit.give_back(points, is_whole, &reward.cap_owner(), had_on);
        self.record_use(entry, used);
    }

    /// Returns a piece of a reward to the stock that `then` counted.
    pub(crate) fn return_piece(&mut self, then: &Program, reward: &RewardId) {
        let Some(reward) = then.reward(reward) else { return };
        self.take(reward.stock_take().map(|piece| Take::new(piece.counter, -1, piece.most)));
    }

    /// Returns the difference between the effective tier and the one that the ledger last reported.
    pub(crate) fn tier_change(&self) -> Option<TierChange> {
        self.tier_change_of(&self.account)
    }

    fn tier_change_of(&self, account: &Account) -> Option<TierChange> {
        let rank = tier::effective(self.rules, account, self.today()).map(|claim| claim.rank);
        let level = rank.and_then(|rank| self.rules.tiers()?.levels.get(rank)).map(|level| level.id.clone());
        (level != account.tier).then(|| TierChange { from: account.tier.clone(), to: level })
    }

    pub(crate) fn post_tier_change(
        &mut self,
        id: EntryId,
        change: TierChange,
        occurred_at: Timestamp,
        refers_to: Option<EntryId>,
    ) {
        let mut entry = self.entry(id, Record::TierChange, By::Engine, occurred_at);
        entry.effects.tier_change = Some(change);
        entry.refers_to = refers_to;
        self.post(entry);
    }

    /// Appends the expiry of the points whose last day is `date`.
    pub(crate) fn post_expiry(&mut self, id: EntryId, date: Date, refers_to: Option<EntryId>) {
        let over_at = calendar::start_of(&self.rules.program.zone, calendar::days_after(date, 1));
        let mut entry = self.entry(id, Record::Expiry, By::Engine, over_at);
        entry.effects.lots = self.account.lots.emptied(date);
        entry.refers_to = refers_to;
        self.post(entry);
    }

    /// Returns the posting, with `review_on` as the account's next review date.
    pub(crate) fn into_posting(mut self, review_on: Option<Date>) -> Posting {
        self.account.version = self.account.version.saturating_add(1);
        self.account.settled_at = self.account.settled_at.max(self.now);
        self.account.review_on = review_on;
        Posting {
            own: Change { expected_version: self.expected_version, account: self.account, entries: self.entries },
            others: self.others,
            takes: self.takes,
            marks: self.marks,
            codes: self.codes,
            changed_codes: self.changed_codes,
            claims: self.claims,
            releases: self.releases,
            receipts: self.receipts,
            explanations: self.explanations,
        }
    }
}
