//! Settling: bringing an account up to now, so that time is accounted for before anything is decided.

use jiff::{Timestamp, civil::Date};

use crate::{
    draft::Draft,
    ledger::{
        chain::Sealed,
        entry::{Accrued, By, Lapsed, PlanEnded, Record, ReferralChange, Source},
        posting::Posting,
    },
    rules::{
        program::{Period, Program},
        version_head::VersionHead,
        versions::{Rules, VersionMissing, Versions},
    },
    state::{account::Account, counter::Counters, pending::Awaits, plan_term::PlanTerm, qualifying::Qualifying},
    tier::{self, Standing},
    time::{
        notice,
        quiet::{Quiet, begin_quietly, begin_version_quietly, end_quietly, next_birthday, next_day, next_quiet},
    },
    values::{
        calendar::{days_after, start_of},
        id::{EntryId, LevelId},
        occasion::Occasion,
        points::Points,
    },
};

/// Most items after which settling goes on to another day: entries, and what they give back to counters.
const ITEMS_MAX: usize = 40;

/// Most items of that other day that are left to the command that follows. A transaction holds 100, and the command's own
/// must find room beside them. A day has more only if it tells of that many lots that came in late and expire soon.
const DAY_ITEMS_MAX: usize = 10;

/// How many days on which nothing visible happens are looked beyond for the next day on which something does. In a year
/// there may be three of them, the end of a period, the end of its grace and a birthday, and points may live for eleven; where
/// a tier's period moves on by months, two for each of the 44 months that are kept.
const QUIET_DAYS_MAX: usize = 128;

/// How much that time does is looked through for the next change of tier: more than there can be, unless a program gives points
/// every birthday and lets them expire for the next hundred years.
const EVENTS_AHEAD_MAX: usize = 512;

/// An account that has been brought up to now: the only kind that a decision takes.
#[derive(Clone, Debug)]
pub struct Settled<'p>(pub(crate) Draft<'p>);

/// What came of settling an account.
#[derive(Debug)]
pub enum Settlement<'p> {
    /// It is up to now.
    Current(Box<Settled<'p>>),
    /// So much has happened that a part must be committed first; then settle again.
    Behind(Box<Posting>),
    /// The documents of these versions must be loaded first.
    Needs(Vec<u64>),
    /// The account was settled under a version that is not known here: the versions must be read again.
    Stale,
}

/// Brings `account` up to `now`: expires lots and gives notice of those that will expire, closes tier periods, ends overrides
/// and plans, celebrates birthdays, each on its own day and under the version in force then, in order. When other rules come
/// into force on the way, what the ones before gave is kept.
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
    // A clock may be set back; what has been accounted for stays so.
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

/// As [`settle`], to be looked at: what would be committed on the way is not.
///
/// # Errors
///
/// The document of a version was not loaded, or a version that the account was settled under is not known here.
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
    /// The account as it is now.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.0.account
    }

    /// What settling would write, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Sealed] {
        &self.0.entries
    }

    /// Today, in the program's time zone.
    #[must_use]
    pub fn today(&self) -> Date {
        self.0.today()
    }

    /// Where the member stands.
    #[must_use]
    pub fn standing(&self) -> Option<Standing<'p>> {
        tier::standing(self.0.rules, &self.0.account, self.today())
    }

    /// The tier period that today lies in, and what counts in it. `None` if the program has no tiers.
    #[must_use]
    pub fn period(&self) -> Option<(Period, Qualifying)> {
        let tiers = self.0.rules.tiers()?;
        let period = tier::current_period(self.0.rules.program, tiers, &self.0.account, self.today());
        Some((period, tier::qualifying_of(&self.0.account, period)))
    }

    /// The next day on which the tier changes if nothing but time happens, and what it changes to; `None` if it stays.
    #[must_use]
    pub fn next_tier(&self) -> Option<(Date, Option<LevelId>)> {
        let account = &self.0.account;
        let mut draft = Draft::new(self.0.rules, account.clone(), None, self.0.now);
        for _ in 0..EVENTS_AHEAD_MAX {
            let event = next_event(draft.rules, &draft.account, Date::MAX, Timestamp::MAX, Versioned::Ignored)?;
            happen(&mut draft, event, Date::MAX);
            if draft.account.tier != account.tier {
                return Some((draft.today(), draft.account.tier));
            }
        }
        None
    }

    /// The member's plan that runs, and the last day on which it does if it is not paid again: later than its last paid day by
    /// its grace.
    #[must_use]
    pub fn plan(&self) -> Option<(&PlanTerm, Date)> {
        let term = self.0.running_plan()?;
        Some((term, self.0.rules.runs_until(term)))
    }

    /// The terms of plans that wait for others to end, in the order in which they will run, with their days if nothing else is
    /// paid, ended or taken back.
    pub fn plans_waiting(&self) -> impl Iterator<Item = &PlanTerm> {
        self.0.plans_waiting()
    }

    /// The level that the member's plan has as its floor, and the plan's term; `None` without such a plan.
    #[must_use]
    pub fn floor(&self) -> Option<(LevelId, &PlanTerm)> {
        let term = self.0.running_plan()?;
        Some((self.0.rules.floor(term)?, term))
    }

    /// The rules in force now.
    #[must_use]
    pub fn program(&self) -> &'p Program {
        self.0.rules.program
    }

    /// The rules that were in force when something happened; a till's clock that runs ahead counts as now.
    ///
    /// # Errors
    ///
    /// Their document was not loaded.
    pub fn rules_at(&self, happened_at: Timestamp) -> Result<&'p Program, VersionMissing> {
        self.0.rules.versions.at(happened_at.min(self.0.now))
    }

    /// The moment at which everything is decided: now, and never before the account's newest commit.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now
    }

    /// This, if settling wrote nothing.
    ///
    /// # Errors
    ///
    /// What it wrote, to be committed by itself.
    pub fn caught_up(self) -> Result<Self, Box<Posting>> {
        if self.0.entries.is_empty() { Ok(self) } else { Err(Box::new(self.0.finish())) }
    }

    /// What settling did, to be committed by itself; `None` if it wrote nothing.
    ///
    /// An account whose review was due and came to nothing, because the program has changed since the date was set, is
    /// committed too: it would be due every day otherwise.
    #[must_use]
    pub fn review(self) -> Option<Posting> {
        let was_due = self.0.account.review_on.is_some_and(|day| day <= self.today());
        (was_due || !self.0.entries.is_empty()).then(|| self.0.finish())
    }
}

impl Draft<'_> {
    /// What is to be committed, of an account that is settled.
    ///
    /// What the last entry leaves behind and nothing can need is forgotten, as it is when the account is rebuilt.
    pub(crate) fn finish(mut self) -> Posting {
        let today = self.today();
        end_quietly(self.rules, &mut self.account, today);
        self.finish_part()
    }

    /// What is to be committed of an account that is not settled yet.
    fn finish_part(self) -> Posting {
        let review_on = next_change(self.rules, &self.account);
        self.into_posting(review_on)
    }
}

/// What time does to an account next.
#[derive(Clone, Copy, Debug)]
enum Event<'p> {
    /// The hold that ends first is over.
    HoldEnds,
    /// Something happens in silence, and maybe more.
    Quiet(Quiet<'p>),
}

/// Whether versions that come into force are followed, or all of the time ahead is looked at under the rules of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Versioned {
    Followed,
    Ignored,
}

/// The next of all that has happened to `account` up to `now`.
fn next_event<'p>(
    rules: Rules<'p>,
    account: &Account,
    today: Date,
    now: Timestamp,
    versioned: Versioned,
) -> Option<Event<'p>> {
    let quiet = match versioned {
        Versioned::Followed => next_quiet(rules, account, (today, now), u64::MAX),
        Versioned::Ignored => next_day(rules, account).map(Quiet::Day),
    };
    // What a hold gives back before its lot's last day is over expires along with the lot.
    let before = quiet.map_or(Timestamp::MAX, |quiet| quiet.at(rules));
    let hold = account.holds.iter().map(|hold| hold.expires_at).min();
    match hold.filter(|ends_at| *ends_at <= now && *ends_at < before) {
        Some(_) => Some(Event::HoldEnds),
        None => quiet.map(Event::Quiet),
    }
}

/// Lets `event` happen, in the settling of an account up to `today`.
fn happen(draft: &mut Draft<'_>, event: Event<'_>, today: Date) {
    match event {
        Event::HoldEnds => release_hold(draft),
        Event::Quiet(Quiet::Day(day)) => begin(draft, day, today),
        Event::Quiet(Quiet::Version(head)) => begin_version(draft, head),
    }
}

/// The next day on which settling `account` would write an entry, or a referral that is owed can be paid; `None` if there is no
/// such day.
pub(crate) fn next_change(rules: Rules<'_>, account: &Account) -> Option<Date> {
    if !account.referral_debts.is_empty() {
        return Some(days_after(account.settled_on, 1));
    }
    let mut draft = Draft::new(rules, account.clone(), None, account.enrolled_at);
    for _ in 0..QUIET_DAYS_MAX {
        let event = next_event(rules, &draft.account, Date::MAX, Timestamp::MAX, Versioned::Ignored)?;
        match event {
            // It ends on the day before the one that begins with it over.
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

/// Begins `day`: everything that the day before ended, in the settling of an account up to `today`.
fn begin(draft: &mut Draft<'_>, day: Date, today: Date) {
    let starts_at = start_of(&draft.rules.program.zone, day);
    let birthday = next_birthday(draft.rules.program, &draft.account).filter(|birthday| *birthday == day);
    let ended = draft.account.plans.iter().find(|term| days_after(draft.rules.runs_until(term), 1) == day).cloned();
    begin_quietly(draft.rules, &mut draft.account, day);
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
    // Last, so that a notice knows of all that came in when the day began.
    notice::post_due(draft, day, today);
}

/// Lets a version come into force.
fn begin_version(draft: &mut Draft<'_>, head: &VersionHead) {
    draft.rules = begin_version_quietly(draft.rules, &mut draft.account, head);
    if let Some(change) = draft.tier_change() {
        let id = EntryId::engine(&[&"tier", &format!("v{}", head.version)]);
        draft.post_tier_change(id, change, head.in_force_from, None);
    }
}

/// Makes pending points spendable whose day has come, or drops those that were not confirmed in time, with all else that their
/// accruals counted.
fn end_wait(draft: &mut Draft<'_>, awaits: Awaits) {
    let at = start_of(&draft.rules.program.zone, awaits.ends_on());
    let (id, record) = match awaits {
        Awaits::Maturity(day, _) => (EntryId::engine(&[&"maturing", &day]), Record::Confirmation),
        Awaits::Confirmation(last) => (EntryId::engine(&[&"lapse", &last]), Record::Lapse(Lapsed::default())),
    };
    let mut entry = draft.entry(id, record, By::Engine, at);
    for (awaits, points) in draft.account.pending.iter().filter(|(other, _)| is_same_day(*other, awaits)) {
        entry.effects.wait(awaits, -points);
        if let Awaits::Maturity(_, expiry) = awaits {
            entry.effects.give(&draft.account, points, expiry);
        }
    }
    if let Awaits::Confirmation(last) = awaits
        && let Some(unconfirmed) = draft.account.pending.unconfirmed().get(&last)
    {
        let counted = unconfirmed.negated();
        let (paid, purchases) = (counted.paid, counted.purchases);
        // The next purchase that is large enough pays again.
        let referral = (counted.referrals != 0).then_some(ReferralChange::Reopened);
        // An account that was settled in between has forgotten what does not matter any more, and the entry is the same for both.
        let mut known = draft.account.clone();
        tier::forget(draft.rules, &mut known);
        (entry.effects.qualified, entry.effects.secured_now) =
            tier::uncounted(draft.rules, &known, &unconfirmed.qualifying);
        entry.effects.count_unconfirmed(last, counted);
        entry.record = Record::Lapse(Lapsed { paid, purchases, referral });
    }
    let (extension, extended_to) = (&draft.account.extension, draft.account.extended_to);
    if let (Awaits::Confirmation(last), Some(to)) = (awaits, extended_to)
        && let Some(acts) = extension.acts.get(&Some(last)).copied()
    {
        entry.effects.take_acts(&draft.account, (to, Some(last)), acts);
    }
    let id = entry.id.clone();
    draft.post(entry);
    // Points that only the lapsed accruals had extended may have been over before this day.
    while let Some((last, _)) = draft.account.lots.expired(days_after(awaits.ends_on(), -1)) {
        draft.post_expiry(EntryId::engine(&[&"expiry", &last, &id]), last, Some(id.clone()));
    }
}

/// Whether both end on one day in the same way.
fn is_same_day(one: Awaits, other: Awaits) -> bool {
    match (one, other) {
        (Awaits::Maturity(one, _), Awaits::Maturity(other, _))
        | (Awaits::Confirmation(one), Awaits::Confirmation(other)) => one == other,
        (Awaits::Maturity(..), Awaits::Confirmation(_)) | (Awaits::Confirmation(_), Awaits::Maturity(..)) => false,
    }
}

/// Gives back what the hold that ends first reserves, on the day of its end.
fn release_hold(draft: &mut Draft<'_>) {
    let Some(hold) = draft.account.holds.iter().min_by_key(|hold| hold.expires_at).cloned() else { return };
    draft.account.settled_on = draft.today().max(draft.rules.program.date(hold.expires_at));
    let id = EntryId::engine(&[&"cancellation", &hold.redemption]);
    let entry = draft.entry(id, Record::Cancellation, By::Engine, hold.expires_at);
    draft.release(entry, &hold, Points::ZERO);
}

/// Gives what the program's birthday rules give.
fn celebrate(draft: &mut Draft<'_>, day: Date) {
    let program = draft.rules.program;
    let starts_at = start_of(&program.zone, day);
    let record = Record::Accrual(Accrued { source: Source::Birthday, breakdown: Vec::new(), referral: None });
    let entry = draft.entry(EntryId::engine(&[&"birthday", &day]), record, By::Engine, starts_at);
    let mut celebrated = draft.clone();
    // A full account gets nothing: a present must not stand in the way of what else the member came for. No cap of a birthday
    // rule needs a counter: a program is not published with one.
    let given = celebrated.accrue(entry, &Occasion::Birthday(starts_at), program, &Counters::default(), None);
    // A present may also go into what is owed, all of it.
    let balance = |draft: &Draft<'_>| draft.account.lots.total() - draft.account.owed;
    if given.is_ok() && balance(&celebrated) != balance(draft) {
        *draft = celebrated;
    }
}
