//! Joining the program, and changing what is kept of a member.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    account::{Account, Alias, AttributeValue, Inactive, Referral, Status},
    chain::Hash,
    counter::Counters,
    draft::{Draft, Request},
    earning::Occasion,
    entry::Kind,
    id::{AttributeId, MemberId, ProgramId},
    lots::Lots,
    pending::Pending,
    points::Points,
    posting::{Claim, Posting},
    program::Program,
    settle::Settled,
};

/// A wish to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enroll {
    /// The program.
    pub program: ProgramId,
    /// Under which id.
    pub member: MemberId,
    /// What is to be kept of the member.
    pub attributes: BTreeMap<AttributeId, AttributeValue>,
    /// Other names of the member, none of them twice.
    pub aliases: Vec<Alias>,
    /// The member who brought this one.
    pub referred_by: Option<MemberId>,
}

/// Makes a member of whoever wishes to join, and gives the program's welcome. That there is no such member yet is for
/// the commit to see.
///
/// # Panics
///
/// Never: no program has so many and so large welcomes that an empty account could not hold them.
#[must_use]
pub fn enroll(program: &Program, wish: Enroll, request: &Request, counters: &Counters, now: Timestamp) -> Posting {
    let account = Account {
        head_hash: Hash::genesis(&wish.program, &wish.member),
        program: wish.program,
        member: wish.member,
        status: Status::Active,
        enrolled_at: now,
        attributes: wish.attributes,
        aliases: wish.aliases.clone(),
        referral: wish.referred_by.map(|by| Referral { by, is_over: false }),
        merged_from: Vec::new(),
        lots: Lots::default(),
        pending: Pending::default(),
        holds: Vec::new(),
        owed: Points::ZERO,
        qualifying: BTreeMap::new(),
        secured: Vec::new(),
        tier_override: None,
        plan: None,
        tier: None,
        cap_use: BTreeMap::new(),
        steps: BTreeMap::new(),
        extended_to: None,
        noticed_through: None,
        birthday_on: None,
        settled_on: program.date(now),
        seq: 0,
        version: 0,
        review_on: None,
    };
    let mut draft = Draft::new(program, account, None, now);
    let entry = draft.entry_for(request, Kind::Enrollment, now);
    draft
        .accrue(entry, &Occasion::Enrollment(now), counters)
        .expect("200 rules of at most a million points each do not fill an account");
    for alias in wish.aliases {
        let member = draft.account.member.clone();
        draft.claim(Claim { alias, member, from: None });
    }
    draft.finish()
}

/// What is to be changed of a member; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amend {
    /// Whether the account earns and spends.
    pub status: Option<NewStatus>,
    /// Attributes to set, or with `None` to take away.
    pub attributes: BTreeMap<AttributeId, Option<AttributeValue>>,
}

/// A status that a caller may give an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewStatus {
    /// It earns and spends.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Closed,
}

impl From<NewStatus> for Status {
    fn from(status: NewStatus) -> Self {
        match status {
            NewStatus::Active => Self::Active,
            NewStatus::Suspended => Self::Suspended,
            NewStatus::Closed => Self::Closed,
        }
    }
}

/// Changes what is kept of a member. Answers `None` if it is so already and settling wrote nothing.
///
/// # Errors
///
/// The account is closed, or another's, and stays as it is.
pub fn amend(settled: Settled<'_>, changes: Amend) -> Result<Option<Posting>, Inactive> {
    let mut draft = settled.0;
    if changes != Amend::default() {
        draft.account.check_open()?;
    }
    let before = draft.account.clone();
    if let Some(status) = changes.status {
        draft.account.status = status.into();
    }
    for (id, value) in changes.attributes {
        match value {
            Some(value) => draft.account.attributes.insert(id, value),
            None => draft.account.attributes.remove(&id),
        };
    }
    Ok((draft.account != before || !draft.entries.is_empty()).then(|| draft.finish()))
}
