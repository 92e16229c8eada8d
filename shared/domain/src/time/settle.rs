//! Settling: brings an account up to now, so that the effects of time are applied before a decision.

use jiff::{Timestamp, civil::Date};

use crate::{
    draft::Draft,
    ledger::{
        chain::Sealed,
        entry::{Accrued, By, PlanEnded, Record, Source},
        posting::Posting,
    },
    rules::{
        program::{Period, Program},
        version_head::VersionHead,
        versions::{Rules, VersionMissing, Versions},
    },
    state::{account::Account, counter::Counters, plan_term::PlanTerm, qualifying::Qualifying},
    tier,
    time::{
        notice,
        quiet::{Quiet, begin_quietly, begin_version_quietly, end_quietly, next_birthday, next_day, next_quiet},
        tier_notice,
        waits::end_wait,
    },
    values::{
        calendar::{days_after, start_of},
        id::{EntryId, LevelId},
        occasion::Occasion,
        points::Points,
    },
};

/// Maximum number of items after which settling continues with another day: entries, and changes of counters.
const ITEMS_MAX: usize = 40;

/// Maximum number of items of that other day that are left to the command that follows. A transaction holds 100, and
/// the command needs room for its own. A day has more only if that many lots were credited late and expire soon.
const DAY_ITEMS_MAX: usize = 10;

/// Maximum number of days without a visible change that are skipped to find the next day with one. A year may have
/// three of them (the end of a period, the end of its grace, a birthday), and points may live for eleven years; with
/// rolling months, two for each of the 44 stored months.
const QUIET_DAYS_MAX: usize = 128;

/// An account that was brought up to now. Decisions accept only this type.
#[derive(Clone, Debug)]
pub struct Settled<'p>(pub(crate) Draft<'p>);

/// The result of settling an account.
#[derive(Debug)]
pub enum Settlement<'p> {
    /// The account is up to now.
    Current(Box<Settled<'p>>),
    /// Too much has happened for one transaction. Commit this part, then settle again.
    Behind(Box<Posting>),
    /// The documents of these versions must be loaded first.
    Needs(Vec<u64>),
    /// The account was settled under a version that is not known here. The versions must be read again.
    Stale,
}

/// Brings `account` up to `now`: expires lots, writes notices, closes tier periods, ends overrides and plans, gives
/// birthday points, each on its own day and under the version in force then, in order. When other rules come into force
/// on the way, what the ones before gave is kept.
///
/// Nothing happens before the account's newest commit, even if the clock of this machine is behind.
#[must_use]
pub fn settle(versions: &Versions, account: Account, now: Timestamp) -> Settlement<'_> {
    let now = now.max(account.settled_at);
    let in_force = versions.in_force_at(now);
    if account.program_version > in_force {
        return Settlement::Stale;
    }
    let missing = versions.missing(&account, now);
    let (Ok(rules), Ok(rules_now)) = (Rules::of(versions, account.program_version), Rules::of(versions, in_force))
    else {
        return Settlement::Needs(missing);
    };
    if !missing.is_empty() {
        return Settlement::Needs(missing);
    }
    let version = account.version;
    let mut draft = Draft::new(rules, account, Some(version), now);
    // A clock may be set back; an account is never settled back.
    let today = rules.program.date(now).max(draft.today());
    while let Some(event) = next_event(draft.rules, &draft.account, today, now, Versioned::Followed) {
        if draft.items() >= ITEMS_MAX {
            return Settlement::Behind(Box::new(draft.finish_part()));
        }
        happen(&mut draft, event, today);
    }
    if draft.items() > ITEMS_MAX.saturating_add(DAY_ITEMS_MAX) {
        return Settlement::Behind(Box::new(draft.finish_part()));
    }
    draft.rules = rules_now;
    end_quietly(rules_now, &mut draft.account, today);
    Settlement::Current(Box::new(Settled(draft)))
}

/// Like [`settle`], for reading only: nothing is committed.
///
/// # Errors
///
/// The document of a version was not loaded, or the account was settled under a version that is not known here.
pub fn settle_unwritten(versions: &Versions, account: Account, now: Timestamp) -> Result<Settled<'_>, VersionMissing> {
    let mut account = account;
    loop {
        let program_version = account.program_version;
        match settle(versions, account, now) {
            Settlement::Current(settled) => return Ok(*settled),
            Settlement::Behind(posting) => account = posting.own.account,
            Settlement::Needs(missing) => {
                return Err(VersionMissing(missing.first().copied().unwrap_or(program_version)));
            }
            Settlement::Stale => return Err(VersionMissing(program_version)),
        }
    }
}

impl<'p> Settled<'p> {
    /// Returns the settled account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.0.account
    }

    /// Returns the entries that settling would write, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Sealed] {
        &self.0.entries
    }

    /// Returns today, in the program's time zone.
    #[must_use]
    pub fn today(&self) -> Date {
        self.0.today()
    }

    /// Returns the current tier period and its amounts. `None` if the program has no tiers.
    #[must_use]
    pub fn period(&self) -> Option<(Period, Qualifying)> {
        let tiers = self.0.rules.tiers()?;
        let period = tier::current_period(self.0.rules.program, tiers, &self.0.account, self.today());
        Some((period, tier::qualifying_of(&self.0.account, period)))
    }

    /// Returns the plan that runs, and its last day without a further payment: its last paid day plus its grace.
    #[must_use]
    pub fn plan(&self) -> Option<(&PlanTerm, Date)> {
        let term = self.0.running_plan()?;
        Some((term, self.0.rules.runs_until(term)))
    }

    /// Returns the plan terms that wait, in the order in which they will run, with their days if nothing else is paid,
    /// ended or reversed.
    pub fn plans_waiting(&self) -> impl Iterator<Item = &PlanTerm> {
        self.0.plans_waiting()
    }

    /// Returns the level that the member's plan has as its floor, and the plan's term; `None` without such a plan.
    #[must_use]
    pub fn floor(&self) -> Option<(LevelId, &PlanTerm)> {
        let term = self.0.running_plan()?;
        Some((self.0.rules.floor(term)?, term))
    }

    /// Returns the rules in force now.
    #[must_use]
    pub fn program(&self) -> &'p Program {
        self.0.rules.program
    }

    /// Returns the rules that were in force at `happened_at`; a till's clock that is ahead counts as now.
    ///
    /// # Errors
    ///
    /// Their document was not loaded.
    pub fn rules_at(&self, happened_at: Timestamp) -> Result<&'p Program, VersionMissing> {
        self.0.rules.versions.at(happened_at.min(self.0.now))
    }

    /// Returns the instant of the decision: now, and never before the account's newest commit.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now
    }

    /// Returns the account, if settling wrote nothing.
    ///
    /// # Errors
    ///
    /// The entries of the settling, to be committed on their own.
    pub fn caught_up(self) -> Result<Self, Box<Posting>> {
        if self.0.entries.is_empty() { Ok(self) } else { Err(Box::new(self.0.finish())) }
    }

    /// Returns the entries of the settling, to be committed on their own; `None` if it wrote nothing.
    ///
    /// An account whose review was due without effect, because the program has changed since the date was set, is
    /// committed too. Otherwise it would be due every day.
    #[must_use]
    pub fn review(self) -> Option<Posting> {
        let was_due = self.0.account.review_on.is_some_and(|day| day <= self.today());
        (was_due || !self.0.entries.is_empty()).then(|| self.0.finish())
    }
}

impl Draft<'_> {
    /// Returns the posting of a settled account.
    ///
    /// Data that the last entry left behind and that nothing can need is dropped, as in a rebuild.
    pub(crate) fn finish(mut self) -> Posting {
        let today = self.today();
        end_quietly(self.rules, &mut self.account, today);
        self.finish_part()
    }

    /// Returns the posting of an account that is not settled yet.
    fn finish_part(self) -> Posting {
        let review_on = next_change(self.rules, &self.account);
        self.into_posting(review_on)
    }
}

/// The next effect of time on an account.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event<'p> {
    /// The hold that ends first has ended.
    HoldEnds,
    /// An effect without an entry, and possibly others.
    Quiet(Quiet<'p>),
}

/// Whether versions that come into force are applied, or all future time is evaluated under the current rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versioned {
    Followed,
    Ignored,
}

/// Returns the next event on `account` up to `now`.
pub(super) fn next_event<'p>(
    rules: Rules<'p>,
    account: &Account,
    today: Date,
    now: Timestamp,
    versioned: Versioned,
) -> Option<Event<'p>> {
    let day = next_day(rules, account).into_iter().chain(tier_notice::next_day(rules, account)).min();
    let day = day.filter(|day| *day <= today);
    let quiet = match versioned {
        Versioned::Followed => next_quiet(rules, account, day, now, u64::MAX),
        Versioned::Ignored => day.map(Quiet::Day),
    };
    // Points that a hold returns before the end of their last day expire with their lot.
    let before = quiet.map_or(Timestamp::MAX, |quiet| quiet.at(rules));
    let hold = account.holds.iter().map(|hold| hold.expires_at).min();
    match hold.filter(|ends_at| *ends_at <= now && *ends_at < before) {
        Some(_) => Some(Event::HoldEnds),
        None => quiet.map(Event::Quiet),
    }
}

/// Applies `event`, while settling an account up to `today`.
pub(super) fn happen(draft: &mut Draft<'_>, event: Event<'_>, today: Date) {
    match event {
        Event::HoldEnds => release_hold(draft),
        Event::Quiet(Quiet::Day(day)) => begin(draft, day, today),
        Event::Quiet(Quiet::Version(head)) => begin_version(draft, head),
    }
}

/// Returns the next day on which settling `account` would write an entry, or an owed referral can be paid; `None` if
/// there is none.
pub(crate) fn next_change(rules: Rules<'_>, account: &Account) -> Option<Date> {
    if !account.referral_debts.is_empty() {
        return Some(days_after(account.settled_on, 1));
    }
    let mut draft = Draft::new(rules, account.clone(), None, account.enrolled_at);
    for _ in 0..QUIET_DAYS_MAX {
        let event = next_event(rules, &draft.account, Date::MAX, Timestamp::MAX, Versioned::Ignored)?;
        match event {
            // It ends on the day before the day that begins after its end.
            Event::HoldEnds => {
                let ends_at = draft.account.holds.iter().map(|hold| hold.expires_at).min()?;
                return Some(days_after(rules.program.date(ends_at).max(account.settled_on), 1));
            }
            Event::Quiet(Quiet::Day(day)) => begin(&mut draft, day, day),
            Event::Quiet(Quiet::Version(_)) => return None,
        }
        if !draft.entries.is_empty() {
            return Some(draft.today());
        }
    }
    None
}

/// Begins `day`: ends everything that ended on the day before, while settling an account up to `today`.
fn begin(draft: &mut Draft<'_>, day: Date, today: Date) {
    let starts_at = start_of(&draft.rules.program.zone, day);
    let birthday = next_birthday(draft.rules.program, &draft.account).filter(|birthday| *birthday == day);
    let ended = draft.account.plans.iter().find(|term| days_after(draft.rules.runs_until(term), 1) == day).cloned();
    if next_day(draft.rules, &draft.account) == Some(day) {
        begin_quietly(draft.rules, &mut draft.account, day);
    } else {
        // Only a notice is due. A rebuild does not know this day, so nothing else happens on it.
        draft.account.settled_on = day;
    }
    if let Some(term) = ended {
        let id = EntryId::engine(&[&"plan-end", &day]);
        let plans = draft.account.plans.iter().filter(|term| term.from >= day).cloned().collect();
        let ended = PlanEnded { plan: term.plan, plans };
        draft.post(draft.entry(id, Record::PlanEnd(ended), By::Engine, starts_at));
    }
    while let Some(awaits) = draft.account.pending.ended(day) {
        end_wait(draft, awaits);
    }
    while let Some((last, _)) = draft.account.lots.expired(day) {
        draft.post_expiry(EntryId::engine(&[&"expiry", &last]), last, None);
    }
    if birthday.is_some() {
        celebrate(draft, day);
    }
    if let Some(change) = draft.tier_change() {
        draft.post_tier_change(EntryId::engine(&[&"tier", &day]), change, starts_at, None);
    }
    // Notices come last, so that they include everything credited at the beginning of the day.
    notice::post_due(draft, day, today);
    tier_notice::post_due(draft, day, today);
}

/// Brings a version into force.
fn begin_version(draft: &mut Draft<'_>, head: &VersionHead) {
    draft.rules = begin_version_quietly(draft.rules, &mut draft.account, head);
    if let Some(change) = draft.tier_change() {
        let id = EntryId::engine(&[&"tier", &format!("v{}", head.version)]);
        draft.post_tier_change(id, change, head.in_force_from, None);
    }
}

/// Returns what the hold that ends first reserves, on the day of its end.
fn release_hold(draft: &mut Draft<'_>) {
    let Some(hold) = draft.account.holds.iter().min_by_key(|hold| hold.expires_at).cloned() else { return };
    draft.account.settled_on = draft.today().max(draft.rules.program.date(hold.expires_at));
    let id = EntryId::engine(&[&"cancellation", &hold.redemption]);
    let entry = draft.entry(id, Record::Cancellation, By::Engine, hold.expires_at);
    draft.release(entry, &hold, Points::ZERO);
}

/// Gives the points of the program's birthday rules.
fn celebrate(draft: &mut Draft<'_>, day: Date) {
    let program = draft.rules.program;
    let starts_at = start_of(&program.zone, day);
    let record = Record::Accrual(Accrued { source: Source::Birthday, breakdown: Vec::new(), referral: None });
    let entry = draft.entry(EntryId::engine(&[&"birthday", &day]), record, By::Engine, starts_at);
    let mut celebrated = draft.clone();
    // A full account gets nothing: birthday points must not prevent the command. No cap of a birthday rule needs a
    // counter, because publishing rejects such a program.
    let given = celebrated.accrue(entry, &Occasion::Birthday(starts_at), program, &Counters::default(), None);
    // Birthday points may also pay what is owed.
    let balance = |draft: &Draft<'_>| draft.account.lots.total() - draft.account.owed;
    if given.is_ok() && balance(&celebrated) != balance(draft) {
        *draft = celebrated;
    }
}
