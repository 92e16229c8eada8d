//! Enrollment, and changes of a member's status and attributes.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::take,
};

use jiff::{Timestamp, civil::Date};

pub use crate::ledger::entry::NewStatus;
use crate::{
    decisions::names,
    draft::{Draft, KeyedRequest},
    ledger::{
        entry::{By, Changed, Enrolled, Record},
        posting::{Claim, Posting},
    },
    rules::{
        assessment::NotAssessed,
        program::{ATTRIBUTES_MAX, AttributeRefused, check_size},
        versions::{Rules, VersionMissing, Versions},
    },
    state::{
        account::{Account, Alias, AttributeValue, Inactive, Status},
        counter::{CounterNeeded, Counters},
    },
    time::settle::Settled,
    values::{
        calendar::days_after,
        fingerprint::Salt,
        id::{Actor, AttributeId, MemberId, ProgramId},
        occasion::Occasion,
    },
};

/// A request to enroll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enroll {
    /// The program.
    pub program: ProgramId,
    /// The member's id.
    pub member: MemberId,
    /// The member's attributes.
    pub attributes: BTreeMap<AttributeId, AttributeValue>,
    /// The member's aliases, without duplicates.
    pub aliases: Vec<Alias>,
    /// The member who referred this one.
    pub referred_by: Option<MemberId>,
    /// The days on which aliases of the member became free that were in use before.
    pub freed_on: Vec<Date>,
    /// Random bytes for the secret that keys the fingerprints of the member's requests.
    pub salt: Salt,
}

/// What must be loaded before a member can join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnrollNeeds {
    /// The document of a version.
    Version(VersionMissing),
    /// More data of a counter.
    Counter(CounterNeeded),
}

impl From<VersionMissing> for EnrollNeeds {
    fn from(missing: VersionMissing) -> Self {
        Self::Version(missing)
    }
}

/// Creates a member and gives the welcome points. The commit checks whether the member already exists.
///
/// # Errors
///
/// The document of the version in force was not loaded, or more of `counters` must be read.
///
/// # Panics
///
/// Never: no program has enough welcome points to overflow an empty account.
pub fn enroll(
    versions: &Versions,
    wish: Enroll,
    request: &KeyedRequest,
    counters: &Counters,
    now: Timestamp,
) -> Result<Posting, EnrollNeeds> {
    let rules = Rules::of(versions, versions.in_force_at(now))?;
    let Enroll { program, member, attributes, aliases, referred_by, freed_on, salt } = wish;
    let today = rules.program.date(now);
    // The same person was a member before and got the welcome points then.
    let is_back = rules
        .program
        .points
        .rejoin_after_days
        .is_some_and(|days| freed_on.iter().any(|freed_on| days_after(*freed_on, days) >= today));
    let referred_by = referred_by.filter(|_| !is_back);
    let enrolled = Enrolled {
        attributes: attributes.keys().cloned().collect(),
        aliases: aliases.len(),
        referred_by,
        breakdown: Vec::new(),
    };
    let blank = Account::before_joining(program, member, now, rules.program.date(now), rules.program.version);
    let account = Account { attributes, aliases: aliases.clone(), salt: Some(salt), ..blank };
    let mut draft = Draft::new(rules, account, None, now);
    let entry = draft.entry_for(request, Record::Enrollment(enrolled), now);
    if is_back {
        draft.post_command(entry);
    } else {
        match draft.accrue(entry, &Occasion::Enrollment(now), rules.program, counters, None) {
            Err(NotAssessed::Needs(needed)) => return Err(EnrollNeeds::Counter(needed)),
            given => given.expect("200 rules of at most a million points each do not fill an account"),
        }
    }
    for alias in aliases {
        let member = draft.account.member.clone();
        draft.claim(Claim { alias, member, from: None });
    }
    Ok(draft.finish())
}

/// A change of a member. `None` leaves a value as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberChange {
    /// The new status.
    pub status: Option<NewStatus>,
    /// Attributes to set, or to remove with `None`.
    pub attributes: BTreeMap<AttributeId, Option<AttributeValue>>,
}

/// Why a change of a member is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeRefusal {
    /// The account is closed, erased or merged, and cannot change.
    Inactive(Inactive),
    /// The account would have more than [`crate::program::ATTRIBUTE_BYTES_MAX`] of attributes.
    AttributesTooLarge(AttributeRefused),
}

/// Changes a member's status and attributes. Returns `None` if nothing changes and settling wrote nothing.
///
/// Attributes that the program no longer has are removed if the account would otherwise have too many.
///
/// # Errors
///
/// Refusals are checked in the order of [`ChangeRefusal`]; the first that applies wins.
pub fn change_member(
    settled: Settled<'_>,
    wish: MemberChange,
    by: By,
    actor: Option<&Actor>,
) -> Result<Option<Posting>, ChangeRefusal> {
    let mut draft = settled.0;
    let removes_only = wish.status.is_none() && wish.attributes.values().all(Option::is_none);
    // Attributes can be removed after the account was closed.
    if wish != MemberChange::default() && !(removes_only && draft.account.status == Status::Closed) {
        draft.account.check_open().map_err(ChangeRefusal::Inactive)?;
    }
    let status = wish.status.filter(|status| draft.account.status != (*status).into());
    let (mut set, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for (id, value) in wish.attributes {
        if draft.account.attributes.get(&id) == value.as_ref() {
            continue;
        }
        // The entry has the ids of the changed attributes, never the values: values can be erased.
        if let Some(value) = value {
            set.insert(id.clone());
            draft.account.attributes.insert(id, value);
        } else {
            draft.account.attributes.remove(&id);
            removed.insert(id);
        }
    }
    let program = draft.rules.program;
    let is_known = |id: &AttributeId| program.attributes.iter().any(|spec| spec.id == *id);
    let attributes = &mut draft.account.attributes;
    if !set.is_empty() && (attributes.len() > ATTRIBUTES_MAX || check_size(attributes.iter()).is_err()) {
        removed.extend(attributes.keys().filter(|id| !is_known(id)).cloned());
        attributes.retain(|id, _| is_known(id));
        if let Err(refused) = check_size(attributes.iter()) {
            // The largest of those in the request.
            let of_those = set.iter().filter_map(|id| Some((id, attributes.get(id)?)));
            let largest = of_those.max_by_key(|(_, value)| value.bytes()).map(|(id, _)| id.to_string());
            let name = largest.unwrap_or(refused.name);
            return Err(ChangeRefusal::AttributesTooLarge(AttributeRefused { name, ..refused }));
        }
    }
    // A closed account gives up its aliases, so that others can use them.
    let names = if status == Some(NewStatus::Closed) { take(&mut draft.account.aliases) } else { Vec::new() };
    let changed = Changed { status, set, removed, aliases_removed: names.len(), ..Changed::default() };
    names::release(&mut draft, names);
    if changed != Changed::default() {
        draft.post_command(draft.entry_by("change", Record::Change(changed), by, actor));
    }
    Ok((!draft.entries.is_empty()).then(|| draft.finish()))
}
