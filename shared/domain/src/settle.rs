//! Settling: bringing an account up to now, so that time is accounted for before anything is decided.

use jiff::{Timestamp, civil::Date};

use crate::{
    account::{Account, AttributeValue, PlanTerm, Qualifying, Status},
    calendar::{self, days_after, months_after},
    cap::CapOwner,
    chain::Sealed,
    counter::Counters,
    draft::Draft,
    earning::Occasion,
    entry::{By, Kind},
    id::{EntryId, LevelId},
    notice,
    pending::{Awaits, Sum},
    points::Points,
    posting::Posting,
    program::{BIRTHDAY_ATTRIBUTE, Period, Program, Trigger},
    tier::{self, Standing},
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
}

/// Brings `account` up to `now`: expires lots and gives notice of those that will expire, closes tier periods, ends overrides
/// and plans, celebrates birthdays, each on its own day, in order.
#[must_use]
pub fn settle(program: &Program, account: Account, now: Timestamp) -> Settlement<'_> {
    let version = account.version;
    let mut draft = Draft::new(program, account, Some(version), now);
    if program.points.expiry.extended_to(draft.today()).is_none() {
        // Another policy is in force. The lots keep the dates that they have.
        draft.account.extended_to = None;
    }
    // A clock may be set back; what has been accounted for stays so.
    let today = program.date(now).max(draft.today());
    while let Some(event) = next_event(program, &draft.account, today, now) {
        if draft.items() >= ITEMS_MAX {
            return Settlement::Behind(Box::new(draft.finish()));
        }
        match event {
            Event::HoldEnds => release_hold(&mut draft),
            Event::DayBegins(day) => begin(&mut draft, day, today),
        }
    }
    if draft.items() > ITEMS_MAX.saturating_add(DAY_ITEMS_MAX) {
        return Settlement::Behind(Box::new(draft.finish()));
    }
    draft.account.settled_on = today;
    forget_caps(program, &mut draft.account, today);
    forget_steps(program, &mut draft.account, today);
    tier::forget(program, &mut draft.account);
    notice::forget(&mut draft.account, today);
    if let Some(change) = draft.adopt_tier() {
        // No date brought this about, so the program must have changed. While caches differ on its version a tier may go
        // to and fro within a day, so the place in the ledger is part of the name.
        let id = EntryId::engine(&[&"tier", &today, &format!("v{}", program.version), &draft.account.seq]);
        draft.post_tier_change(id, change, now, None);
    }
    Settlement::Current(Box::new(Settled(draft)))
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
        tier::standing(self.0.program, &self.0.account, self.today())
    }

    /// The tier period that today lies in, and what counts in it. `None` if the program has no tiers.
    #[must_use]
    pub fn period(&self) -> Option<(Period, Qualifying)> {
        let tiers = self.0.program.tiers.as_ref()?;
        let period = tier::current_period(self.0.program, tiers, &self.0.account, self.today());
        Some((period, tier::qualifying_of(&self.0.account, period)))
    }

    /// The next day on which the tier changes if nothing but time happens, and what it changes to; `None` if it stays.
    #[must_use]
    pub fn next_tier(&self) -> Option<(Date, Option<LevelId>)> {
        let (program, account) = (self.0.program, &self.0.account);
        let mut draft = Draft::new(program, account.clone(), None, self.0.now);
        for _ in 0..EVENTS_AHEAD_MAX {
            match next_event(program, &draft.account, Date::MAX, Timestamp::MAX)? {
                Event::HoldEnds => release_hold(&mut draft),
                Event::DayBegins(day) => begin(&mut draft, day, Date::MAX),
            }
            if draft.account.tier != account.tier {
                return Some((draft.today(), draft.account.tier));
            }
        }
        None
    }

    /// The level that the member's plan has as its floor, and the plan's term; `None` without such a plan.
    #[must_use]
    pub fn floor(&self) -> Option<(&'p LevelId, &PlanTerm)> {
        let term = self.0.account.plan.as_ref()?;
        Some((self.0.program.plan(&term.plan)?.tier_floor.as_ref()?, term))
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

/// What time does to an account next.
enum Event {
    /// The hold that ends first is over.
    HoldEnds,
    /// A day begins on which something may change.
    DayBegins(Date),
}

/// The next of all that has happened to `account` up to `now`.
fn next_event(program: &Program, account: &Account, today: Date, now: Timestamp) -> Option<Event> {
    let day = next_day(program, account).filter(|day| *day <= today);
    // What a hold gives back before its lot's last day is over expires along with the lot.
    let before = day.map_or(Timestamp::MAX, |day| calendar::start_of(&program.zone, day));
    let hold = account.holds.iter().map(|hold| hold.expires_at).min();
    match hold.filter(|ends_at| *ends_at <= now && *ends_at < before) {
        Some(_) => Some(Event::HoldEnds),
        None => day.map(Event::DayBegins),
    }
}

/// The next day on which settling `account` would write an entry; `None` if it never would by itself.
pub(crate) fn next_change(program: &Program, account: &Account) -> Option<Date> {
    let mut draft = Draft::new(program, account.clone(), None, account.enrolled_at);
    for _ in 0..QUIET_DAYS_MAX {
        match next_event(program, &draft.account, Date::MAX, Timestamp::MAX)? {
            // It ends on the day before the one that begins with it over.
            Event::HoldEnds => {
                let ends_at = draft.account.holds.iter().map(|hold| hold.expires_at).min()?;
                return Some(days_after(program.date(ends_at).max(account.settled_on), 1));
            }
            Event::DayBegins(day) => begin(&mut draft, day, day),
        }
        if !draft.entries.is_empty() {
            return Some(draft.today());
        }
    }
    None
}

/// The next day, after the one up to which `account` is settled, on whose beginning something about it may change.
fn next_day(program: &Program, account: &Account) -> Option<Date> {
    let after = |date: Date| days_after(date, 1);
    let expiry = account.lots.next_expiry().map(|(date, _)| after(date));
    let overridden = account.tier_override.as_ref().map(|given| after(given.until));
    let paid = account.plan.as_ref().map(|term| after(term.through));
    expiry
        .into_iter()
        .chain(tier::changes(program, account))
        .chain(overridden)
        .chain(paid)
        .chain(next_birthday(program, account))
        .chain(account.pending.next_day())
        .chain(notice::next_day(program, account))
        .filter(|day| *day > account.settled_on)
        .min()
}

/// Begins `day`: everything that the day before ended, in the settling of an account up to `today`.
fn begin(draft: &mut Draft<'_>, day: Date, today: Date) {
    let program = draft.program;
    let starts_at = calendar::start_of(&program.zone, day);
    tier::close(program, &mut draft.account, day);
    let birthday = next_birthday(program, &draft.account).filter(|birthday| *birthday == day);
    draft.account.settled_on = day;
    while let Some((awaits, sum)) = draft.account.pending.take_ended(day) {
        end_wait(draft, awaits, sum);
    }
    while let Some(lot) = draft.account.lots.take_expired(day) {
        draft.post_expiry(EntryId::engine(&[&"expiry", &lot.0]), lot, None);
    }
    draft.account.tier_override = draft.account.tier_override.take().filter(|given| given.until >= day);
    draft.account.plan = draft.account.plan.take().filter(|term| term.through >= day);
    if birthday.is_some() {
        draft.account.birthday_on = Some(day);
        celebrate(draft, day);
    }
    if let Some(change) = draft.adopt_tier() {
        draft.post_tier_change(EntryId::engine(&[&"tier", &day]), change, starts_at, None);
    }
    // Last, so that a notice knows of all that came in when the day began.
    notice::post_due(draft, day, today);
}

/// Makes pending points spendable whose day has come, or drops those that nobody confirmed in time.
fn end_wait(draft: &mut Draft<'_>, awaits: Awaits, Sum { points, lives_from }: Sum) {
    let at = calendar::start_of(&draft.program.zone, awaits.ends_on());
    match awaits {
        Awaits::Maturity(day) => {
            let mut entry = draft.entry(EntryId::engine(&[&"maturing", &day]), Kind::Confirmation, By::Engine, at);
            entry.pending = -points;
            draft.make_spendable(&mut entry, points, lives_from.unwrap_or(day));
            draft.post(entry);
        }
        Awaits::Confirmation(last) => {
            let mut entry = draft.entry(EntryId::engine(&[&"lapse", &last]), Kind::Lapse, By::Engine, at);
            entry.points = -points;
            entry.pending = -points;
            draft.post(entry);
        }
    }
}

/// Gives back what the hold that ends first reserves, on the day of its end.
fn release_hold(draft: &mut Draft<'_>) {
    let holds = draft.account.holds.iter().enumerate();
    let Some((first, _)) = holds.min_by_key(|(_, hold)| hold.expires_at) else { return };
    let hold = draft.account.holds.remove(first);
    draft.account.settled_on = draft.today().max(draft.program.date(hold.expires_at));
    let id = EntryId::engine(&[&"cancellation", &hold.redemption]);
    let entry = draft.entry(id, Kind::Cancellation, By::Engine, hold.expires_at);
    draft.release(entry, &hold, Points::ZERO);
}

/// Gives what the program's birthday rules give.
fn celebrate(draft: &mut Draft<'_>, day: Date) {
    let starts_at = calendar::start_of(&draft.program.zone, day);
    let entry = draft.entry(EntryId::engine(&[&"birthday", &day]), Kind::Accrual, By::Engine, starts_at);
    let mut celebrated = draft.clone();
    // A full account gets nothing: a present must not stand in the way of whatever else the member came for.
    let given = celebrated.accrue(entry, &Occasion::Birthday(starts_at), &Counters::default());
    // A present may also go into what is owed, all of it.
    let balance = |draft: &Draft<'_>| draft.account.lots.total() - draft.account.owed;
    if given.is_ok() && balance(&celebrated) != balance(draft) {
        *draft = celebrated;
    }
}

/// The next birthday that the program has points for: not sooner than eleven months after the last one, so that a
/// corrected date does not make two.
fn next_birthday(program: &Program, account: &Account) -> Option<Date> {
    if account.status != Status::Active || !program.earning_rules.iter().any(|rule| rule.on == Trigger::Birthday) {
        return None;
    }
    let Some(AttributeValue::Date(born_on)) = account.attributes.get(BIRTHDAY_ATTRIBUTE) else { return None };
    let years = i32::from(account.settled_on.year()).saturating_sub(i32::from(born_on.year()));
    (0..3)
        .map(|more| months_after(*born_on, years.saturating_add(more).saturating_mul(12)))
        .find(|day| *day > account.settled_on && account.birthday_on.is_none_or(|last| *day >= months_after(last, 11)))
}

/// Drops steps toward rules that the program no longer has, and those that nothing posted from now on can go with.
fn forget_steps(program: &Program, account: &mut Account, today: Date) {
    let earliest = program.earliest(today);
    for (id, steps) in std::mem::take(&mut account.steps) {
        if let Some(rule) = program.rule(&id) {
            account.remember(&id, rule.strategy.remembered(steps, earliest));
        }
    }
}

/// Drops the use of caps in intervals that nothing posted from now on can fall into. A reward is only ever had
/// now, and an entitlement used.
fn forget_caps(program: &Program, account: &mut Account, today: Date) {
    account.cap_use.retain(|owner, by_interval| {
        let cap = program.cap_of(owner);
        let days_back = match owner {
            CapOwner::Rule(_) => program.points.backdating_days_max,
            CapOwner::Reward(_) | CapOwner::Entitlement(_) => 0,
        };
        by_interval.retain(|start, _| {
            cap.is_some_and(|cap| cap.forgotten_on(*start, days_back).is_none_or(|day| day > today))
        });
        !by_interval.is_empty()
    });
}
