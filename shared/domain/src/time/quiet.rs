//! The effects of time without entries, which follow from the account, the rules and the day. Settling applies them,
//! and rebuilding applies them between entries.

use jiff::{Timestamp, civil::Date};

use crate::{
    rules::{
        program::{BIRTHDAY_ATTRIBUTE, Program},
        trigger::Trigger,
        version_head::{Differs, VersionHead},
        versions::Rules,
    },
    state::{
        account::{Account, AttributeValue, Status},
        extension::Extension,
    },
    tier,
    time::{forgetting::forget, notice},
    values::{
        calendar::{days_after, months_after, start_of},
        id::RuleId,
    },
};

/// An effect of time that needs no entry, because it follows from the account, the rules and the day.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quiet<'p> {
    /// A day begins on which something may change.
    Day(Date),
    /// A version comes into force that changes the effects of time.
    Version(&'p VersionHead),
}

/// Returns the next effect without an entry on `account` up to `now` and the version `newest`, if `day` is the next day
/// on which something may change.
pub(crate) fn next_quiet<'p>(
    rules: Rules<'p>,
    account: &Account,
    day: Option<Date>,
    now: Timestamp,
    newest: u64,
) -> Option<Quiet<'p>> {
    let version = rules.versions.next_begun(account.program_version, now).filter(|head| head.version <= newest);
    match (day, version) {
        // The version in force when a day begins decides the effects of that day.
        (Some(day), Some(head)) if start_of(&rules.program.zone, day) < head.in_force_from => Some(Quiet::Day(day)),
        (_, Some(head)) => Some(Quiet::Version(head)),
        (day, None) => day.map(Quiet::Day),
    }
}

impl Quiet<'_> {
    pub(super) fn at(self, rules: Rules<'_>) -> Timestamp {
        match self {
            Self::Day(day) => start_of(&rules.program.zone, day),
            Self::Version(head) => head.in_force_from,
        }
    }
}

/// Returns the next day, after the one up to which `account` is settled, at whose beginning it may change.
pub(crate) fn next_day(rules: Rules<'_>, account: &Account) -> Option<Date> {
    let after = |date: Date| days_after(date, 1);
    let expiry = account.lots.next_expiry().map(|(date, _)| after(date));
    let overridden = account.tier_override.as_ref().map(|given| after(given.until));
    let paid = account.plans.iter().flat_map(|term| [after(rules.runs_until(term)), after(rules.renews_until(term))]);
    expiry
        .into_iter()
        .chain(tier::changes(rules, account))
        .chain(overridden)
        .chain(paid)
        .chain(next_birthday(rules.program, account))
        .chain(account.pending.next_day())
        .chain(notice::next_day(rules.program, account))
        .filter(|day| *day > account.settled_on)
        .min()
}

/// Begins `day` without entries: ends what ended on the day before and needs no entry.
pub(crate) fn begin_quietly(rules: Rules<'_>, account: &mut Account, day: Date) {
    tier::close(rules, account, day);
    account.settled_on = day;
    account.tier_override = account.tier_override.take().filter(|given| given.until >= day);
    account.plans.retain(|term| rules.renews_until(term) >= day);
}

/// Brings `head` into force without entries: what the rules before gave becomes promised, and data that they no longer
/// need is dropped, so that the account does not depend on when it was touched. Returns the new rules.
pub(crate) fn begin_version_quietly<'p>(before: Rules<'p>, account: &mut Account, head: &VersionHead) -> Rules<'p> {
    let Ok(rules) = Rules::of(before.versions, head.version) else { return before };
    let day = before.program.date(head.in_force_from);
    // A version that begins with a day decides the effects of that day, so the rules before end on the day before.
    let begins_day = start_of(&before.program.zone, day) == head.in_force_from;
    let last = if begins_day { days_after(day, -1) } else { day };
    account.settled_on = account.settled_on.max(last);
    forget(before, account);
    let is_known = |rule: &RuleId| [before, rules].iter().any(|rules| rules.program.rule(rule).is_some());
    account.steps.retain(|rule, _| is_known(rule));
    account.cap_use.retain(|owner, interval| {
        interval.following().is_some() || [before, rules].iter().any(|rules| rules.program.cap_of(owner).is_some())
    });
    if head.differs == Differs::Tiers {
        tier::keep_promises(before, rules, head, account, last);
    }
    if rules.program.points.expiry.extended_to(last).is_none() {
        // Another policy is in force. The lots keep their dates.
        account.extended_to = None;
        account.extension = Extension::default();
    }
    account.program_version = head.version;
    rules
}

/// Ends settling on `today` without entries: nothing more happened, and data that no longer matters is dropped.
pub(crate) fn end_quietly(rules: Rules<'_>, account: &mut Account, today: Date) {
    account.program_version = rules.program.version;
    account.settled_on = account.settled_on.max(today);
    forget(rules, account);
}

/// Returns the next birthday for which the program gives points: at least eleven months after the last one, so that a
/// corrected date does not give points twice.
pub(super) fn next_birthday(program: &Program, account: &Account) -> Option<Date> {
    if account.status != Status::Active || !program.earning_rules.iter().any(|rule| rule.on == Trigger::Birthday) {
        return None;
    }
    let Some(AttributeValue::Date(born_on)) = account.attributes.get(BIRTHDAY_ATTRIBUTE) else { return None };
    let years = i32::from(account.settled_on.year()).saturating_sub(i32::from(born_on.year()));
    (0..3)
        .map(|more| months_after(*born_on, years.saturating_add(more).saturating_mul(12)))
        .find(|day| *day > account.settled_on && account.birthday_on.is_none_or(|last| *day >= months_after(last, 11)))
}
