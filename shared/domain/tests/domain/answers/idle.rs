//! Compares notices and `next_expiry` with expiries, and the index of due reviews with the days that need one, while only time passes.

use std::collections::BTreeMap;

use jiff::civil::Date;
use regulars_domain::{
    calendar::days_after,
    entry::{By, Entry, Kind},
};

use super::reviewed_nightly;
use crate::{
    lives::Life,
    world::{Member, expiring},
};

/// The number of days without other events.
const DAYS: i32 = 500;

pub(super) fn check(life: &Life, member: &Member) {
    let mut member = member.clone();
    // A command updates the day of the next review under the newest version.
    member.is_touched(&life.rulebook, life.now);
    let (today, told_to) = (life.today(), member.account.noticed_through);
    let told = member.account.lots.next_expiry();
    let began = member.ledger.len();
    let end = days_after(today, DAYS);
    for days in [1, 2, 29, 30, 31, 62, 93, 124, 365, DAYS - 1] {
        // On a day without a due review, settling writes nothing.
        let now = life.start_of(days_after(today, days));
        reviewed_nightly(&mut member, &life.rulebook, now);
        let settled = member.settled(&life.rulebook, now);
        assert_eq!(settled.entries(), [], "the index lacks {}", settled.today());
        let level = settled.standing().unwrap().level.map(|level| &level.id);
        assert_eq!(level, settled.account().tier.as_ref(), "the tier that is due on {}", settled.today());
    }
    reviewed_nightly(&mut member, &life.rulebook, life.start_of(end));
    let entries: Vec<&Entry> = member.ledger[began..].iter().map(|sealed| &sealed.entry).collect();
    for entry in &entries {
        let [happened, posted] = [entry.occurred_at, entry.posted_at].map(|at| life.rulebook.date(at));
        let is_hold = entry.kind() == Kind::Cancellation;
        let in_time = if is_hold { days_after(happened, 1) } else { happened };
        // A lapse that undoes an extension shows that points had expired before.
        let follows_lapse = entry.kind() == Kind::Expiry && entry.refers_to.is_some() && posted > happened;
        assert!(entry.by == By::Engine && (posted == in_time || follows_lapse), "written on {posted}: {entry:?}");
    }
    let expired = expired(life, &entries);
    check_next_expiry(life, &entries, &expired, told.map(|(on, points)| (on, points.get())));
    check_notices(life, &entries, &expired, (today, end, told_to));
}

/// Points that expired.
#[derive(Clone, Copy, Debug)]
struct Expired {
    points: i64,
    /// The day on which this was known: usually the day after the last one, or that of a lapse that undoes an extension.
    known_on: Date,
}

/// Returns the expired points by last day.
fn expired(life: &Life, entries: &[&Entry]) -> BTreeMap<Date, Expired> {
    let mut expired: BTreeMap<Date, Expired> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind() == Kind::Expiry) {
        let last = entry.id.as_str().trim_start_matches("~expiry~")[..10].parse().unwrap();
        let known_on = life.rulebook.date(entry.posted_at);
        let all = expired.entry(last).or_insert(Expired { points: 0, known_on });
        *all = Expired { points: all.points - entry.points().get(), known_on: all.known_on.max(known_on) };
    }
    expired
}

/// Returns whether an entry changes lots for another reason than expiry.
fn moves_points(entry: &Entry) -> bool {
    let effects = &entry.effects;
    let moves = !(effects.lots.is_empty() && effects.lots_moved.is_empty() && effects.lots_shortened.is_empty());
    moves && entry.kind() != Kind::Expiry
}

/// Returns whether only expiry changed lots on the days `from` to `to`.
fn is_still(life: &Life, entries: &[&Entry], from: Date, to: Date) -> bool {
    let day = |entry: &Entry| life.rulebook.date(entry.occurred_at);
    !entries.iter().any(|entry| moves_points(entry) && (from..=to).contains(&day(entry)))
}

fn check_next_expiry(life: &Life, entries: &[&Entry], expired: &BTreeMap<Date, Expired>, told: Option<(Date, i64)>) {
    let (today, first) = (life.today(), expired.first_key_value().map(|(last, expired)| (*last, expired.points)));
    // Points expire at the beginning of the day after their last one.
    let Some((on, points)) = told.filter(|(on, _)| *on < days_after(today, DAYS)) else {
        let is_none = first.is_none() || !is_still(life, entries, today, days_after(today, DAYS));
        return assert!(is_none, "{first:?} expired, and {told:?} was told");
    };
    if is_still(life, entries, today, days_after(on, 1)) {
        assert_eq!(first, Some((on, points)), "the next points that expire");
    }
}

fn check_notices(
    life: &Life,
    entries: &[&Entry],
    expired: &BTreeMap<Date, Expired>,
    (today, end, told_to): (Date, Date, Option<Date>),
) {
    let day = |entry: &Entry| life.rulebook.date(entry.occurred_at);
    let notices = || entries.iter().filter_map(|entry| Some((day(entry), expiring(entry)?)));
    for (told_on, expiring) in notices() {
        let (on, points) = (expiring.on, expiring.points.get());
        if on >= days_after(end, -1) {
            continue;
        }
        let really = expired.get(&on).map_or(0, |expired| expired.points);
        let is_exact = is_still(life, entries, days_after(told_on, 1), days_after(on, 1));
        assert!(!is_exact || really == points, "{points} by {on} were told of on {told_on}, and {really} expired");
    }
    let days = i32::try_from(life.look.points.notice_days).unwrap();
    for (on, Expired { points, known_on }) in expired {
        let told = notices().filter(|(_, expiring)| expiring.on == *on).count();
        let ahead = days_after(*on, -days);
        if days == 0 {
            assert_eq!(told, 0, "no notice is promised");
        } else if ahead > today && Some(*on) > told_to && is_still(life, entries, ahead, *known_on) {
            let told_on = notices().filter(|(_, expiring)| expiring.on == *on).map(|(day, _)| day);
            assert_eq!(told_on.collect::<Vec<_>>(), [ahead], "when it was told that {points} expire by {on}");
        }
        assert!(told <= 1, "{on} was told of {told} times");
    }
}
