//! The state kept for a member: one small value with everything that a decision needs.

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    state::{
        cap_use::CapUse, extension::Extension, hold::Hold, lots::Lots, pending::Pending, plan_term::PlanTerm,
        qualifying::Qualifying, steps::Steps, weight::number_bytes,
    },
    values::{
        fingerprint::Salt,
        hash::Hash,
        id::{AttributeId, EntryId, LevelId, MemberId, ProgramId, RuleId},
        points::Points,
        text::Label,
    },
};

/// Whether an account earns and spends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Active,
    /// Not for now; points go on expiring.
    Suspended,
    /// Never again.
    Closed,
    /// Never again: nothing of the person is kept.
    Erased,
    /// Never again: what it had is another member's.
    Merged {
        /// Whose.
        into: MemberId,
    },
}

impl Status {
    /// Its name in answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
            Self::Erased => "erased",
            Self::Merged { .. } => "merged",
        }
    }
}

/// Why an account takes no part in something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inactive {
    /// It is suspended.
    Suspended,
    /// It is closed.
    Closed,
    /// It was erased.
    Erased,
    /// It was merged into another.
    Merged {
        /// Whose.
        into: MemberId,
    },
}

impl fmt::Display for Inactive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspended => f.write_str("the account is suspended and neither earns nor spends"),
            Self::Closed => f.write_str("the account is closed"),
            Self::Erased => f.write_str("the account was erased"),
            Self::Merged { into } => write!(f, "the account was merged into that of {into}"),
        }
    }
}

/// The value of a member attribute. It is read by the program, which knows its type, and so never from JSON alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A calendar date, `"1990-05-03"`.
    Date(Date),
    /// A text.
    String(String),
}

/// Any text is read as a text: conditions compare a date and its text alike.
impl<'de> Deserialize<'de> for AttributeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Boolean(bool),
            Integer(i64),
            Text(String),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Boolean(truth) => Self::Boolean(truth),
            Written::Integer(number) => Self::Integer(number),
            Written::Text(text) => Self::String(text),
        })
    }
}

impl AttributeValue {
    /// The bytes that it takes in an account, as the table counts them, with a byte for its place.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = match self {
            Self::Boolean(_) => 1,
            Self::Integer(number) => number_bytes(*number),
            // A map with one text of eight digits.
            Self::Date(_) => 13,
            Self::String(text) => text.len(),
        };
        bytes.saturating_add(1)
    }
}

/// Another name of a member, such as an e-mail address, kept only as a keyed hash of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias {
    /// What kind of name: `email`, `phone`, `card`.
    pub kind: String,
    /// The keyed hash of the name.
    pub hash: [u8; 16],
}

impl Account {
    /// Whether it earns and spends.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn check_active(&self) -> Result<(), Inactive> {
        match self.status {
            Status::Suspended => Err(Inactive::Suspended),
            Status::Active | Status::Closed | Status::Erased | Status::Merged { .. } => self.check_open(),
        }
    }

    /// Whether something can still be done about what it earned and spent, which a suspension does not hinder.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check_open(&self) -> Result<(), Inactive> {
        match &self.status {
            Status::Active | Status::Suspended => Ok(()),
            Status::Closed => Err(Inactive::Closed),
            Status::Erased => Err(Inactive::Erased),
            Status::Merged { into } => Err(Inactive::Merged { into: into.clone() }),
        }
    }

    /// The member whom this one was merged into.
    #[must_use]
    pub fn merged_into(&self) -> Option<&MemberId> {
        match &self.status {
            Status::Merged { into } => Some(into),
            Status::Active | Status::Suspended | Status::Closed | Status::Erased => None,
        }
    }

    /// All points in it, whatever they wait for.
    #[must_use]
    pub fn total(&self) -> Points {
        self.lots.total() + self.pending.total() + self.held()
    }

    /// The members whose ledgers are this account's history: its own first.
    pub fn ledgers(&self) -> impl Iterator<Item = &MemberId> {
        std::iter::once(&self.member).chain(&self.merged_from)
    }

    /// Lets `rule` remember `steps`, and nothing else.
    pub(crate) fn remember(&mut self, rule: &RuleId, steps: Steps) {
        if steps.is_nothing() {
            self.steps.remove(rule);
        } else {
            self.steps.insert(rule.clone(), steps);
        }
    }

    /// The points that open holds reserve.
    #[must_use]
    pub fn held(&self) -> Points {
        self.holds.iter().map(Hold::points).sum()
    }
}

/// What a member has bought in all, returns taken off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, i64, Option<i64>, Option<i64>)", into = "(u64, i64, Option<i64>, Option<i64>)")]
pub struct Bought {
    /// Purchases of which something is left.
    pub purchases: u64,
    /// What was paid for them, in minor units.
    pub spend: i64,
    /// When the first purchase was made, in seconds since 1970; `None` without one.
    pub first_at: Option<i64>,
    /// When the last purchase was made, in seconds since 1970.
    pub last_at: Option<i64>,
}

impl From<(u64, i64, Option<i64>, Option<i64>)> for Bought {
    fn from((purchases, spend, first_at, last_at): (u64, i64, Option<i64>, Option<i64>)) -> Self {
        Self { purchases, spend, first_at, last_at }
    }
}

impl From<Bought> for (u64, i64, Option<i64>, Option<i64>) {
    fn from(Bought { purchases, spend, first_at, last_at }: Bought) -> Self {
        (purchases, spend, first_at, last_at)
    }
}

impl Bought {
    /// Adds a purchase of `paid` minor units that was made at `at`, in seconds since 1970.
    pub(crate) fn add(&mut self, paid: i64, at: i64) {
        self.purchases = self.purchases.saturating_add(1);
        self.spend = self.spend.saturating_add(paid);
        self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
    }

    /// Changes what was paid by `paid`, and the number of purchases by `purchases`. Of none there is no first and no last.
    pub(crate) fn change(&mut self, paid: i64, purchases: i64) {
        self.spend = self.spend.saturating_add(paid);
        self.purchases = self.purchases.saturating_add_signed(purchases);
        if self.purchases == 0 {
            *self = Self::default();
        }
    }

    /// Returns this and `other` together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            purchases: self.purchases.saturating_add(other.purchases),
            spend: self.spend.saturating_add(other.spend),
            first_at: self.first_at.into_iter().chain(other.first_at).min(),
            last_at: self.last_at.max(other.last_at),
        }
    }
}

/// Amounts of a member who was merged into this one that are kept under another day here than they were there, because the tier
/// periods of the two begin on other days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedElsewhere {
    /// The member in whose ledger the purchases are.
    pub ledger: MemberId,
    /// The first day of the period there.
    pub from: Date,
    /// The day under which its amounts are kept here.
    pub under: Date,
}

/// A tier that an earlier period earned for this one, under the tiers in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secured {
    /// The level.
    pub tier: LevelId,
    /// The last day of the period that it was earned for. Days of grace come on top, when asked.
    pub through: Date,
}

/// A tier that earlier rules gave until a date, which a later version does not take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The level, as it is called under the rules in force.
    pub tier: LevelId,
    /// The last day on which it holds, days of grace included; `None` if it is never lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The version that introduced the tiers that gave it.
    pub version: u64,
    /// How many of its last days are grace: at the end of a period that lies in them it is not a level to keep.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub grace_days: i32,
    /// The day as of which those rules gave it for what counted then. If that is taken back later, they judge it again as of
    /// this day. `None` where nothing judges it again: it does not follow from amounts, or these are known no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
}

/// A tier given by an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierOverride {
    /// The level.
    pub tier: LevelId,
    /// The last day on which it holds.
    pub until: Date,
    /// Why, in the operator's own code.
    pub reason: Label,
}

/// How a member was referred by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    /// The member who referred this one.
    pub by: MemberId,
    /// Whether a purchase has paid both for it, or none will any more.
    pub is_over: bool,
}

/// What a member is owed for a friend: the friend's purchase was posted alone, because others kept changing the account of the
/// member who referred the friend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralDebt {
    /// The member who referred the friend.
    pub to: MemberId,
    /// The friend, in whose ledger the purchase is.
    pub friend: MemberId,
    /// The purchase that pays.
    pub purchase: EntryId,
    /// When it was made.
    pub occurred_at: Timestamp,
    /// The version of the program that decided it, and decides what the referral gives.
    pub version: u64,
}

/// Most tiers that earlier rules gave, of one account. Versions that change tiers come a few times a year, each adds one or two,
/// and they end with the periods that they were given for.
pub const PROMISES_MAX: usize = 12;

/// A member's account.
///
/// However often a member comes, it stays small; what could grow is bounded by:
///
/// | | by |
/// |---|---|
/// | `lots` | [`crate::state::lots::LOTS_MAX`]; where there would be more, two become one |
/// | `pending` | [`crate::state::pending::PENDING_MAX`], in the same way |
/// | `holds` | [`crate::state::hold::HOLDS_MAX`], each with no more lots than there are |
/// | `qualifying`, `secured` | the current period and the one before, for each member who was merged into this one |
/// | `counted_elsewhere` | two of each member who was merged into this one |
/// | `promised` | [`PROMISES_MAX`] |
/// | `plans` | one of the member's own, and one of each member who was merged into this one |
/// | `referral_debts` | one of the member's own, and one of each member who was merged into this one |
/// | `cap_use` | rules, rewards and entitlements of the program that have a cap for each member, times the intervals that matter: of a rule those of the last `backdating_days_max`, of the others the current one |
/// | `steps` | rules of the program; of a challenge, in each of its windows that matters, fewer than its `times` |
/// | `attributes`, `aliases` | the program's attributes; what the owner of a name gives |
///
/// A plain value: whatever it says about time is as of `settled_at`, and only a settled account says it as of
/// now. Only [`Account::apply`] changes it, and time in silence ([`crate::time::settle`]); personal data (`attributes`, `aliases`,
/// `salt`) stands beside what entries tell, so that it can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The program that it belongs to.
    pub program: ProgramId,
    /// The member that it belongs to.
    pub member: MemberId,
    /// Whether it earns and spends.
    pub status: Status,
    /// When the member joined.
    pub enrolled_at: Timestamp,
    /// What the program keeps of the member.
    pub attributes: BTreeMap<AttributeId, AttributeValue>,
    /// Other names of the member.
    pub aliases: Vec<Alias>,
    /// The secret under which the fingerprints of the member's requests are made; `None` once the member is erased.
    pub salt: Option<Salt>,
    /// How the member was referred by another.
    pub referral: Option<Referral>,
    /// What others are owed for having referred this member, or members who were merged into this one.
    pub referral_debts: Vec<ReferralDebt>,
    /// The members who were merged into this one, the last one first: their ledgers are part of this one's history. At
    /// most [`crate::decisions::merge::MERGES_MAX`].
    pub merged_from: Vec<MemberId>,
    /// Spendable points by expiry.
    pub lots: Lots,
    /// Points that cannot be spent yet.
    pub pending: Pending,
    /// Points reserved by redemptions that are not captured yet, at most [`crate::state::hold::HOLDS_MAX`] of them.
    pub holds: Vec<Hold>,
    /// Points owed back to the program. Later accruals pay them first.
    pub owed: Points,
    /// What counts toward a tier, by the first day of its period: the current one, and the one before for purchases that
    /// come late. Where the period moves on by months, by the first day of each month that can still matter.
    pub qualifying: BTreeMap<Date, Qualifying>,
    /// Under which days amounts of merged members are kept, where that is not the day under which they were kept there: at most
    /// two of each member, for the current period and the one before.
    pub counted_elsewhere: Vec<CountedElsewhere>,
    /// What the member has bought in all.
    pub bought: Bought,
    /// Tiers that earlier periods earned: for the current one, and for the one before.
    pub secured: Vec<Secured>,
    /// Tiers that earlier rules gave until a date, strongest first.
    pub promised: Vec<Promise>,
    /// A tier given by an operator.
    pub tier_override: Option<TierOverride>,
    /// The plans that the member has paid for, one after the other: the one that runs, then those that wait. A term that has
    /// ended stands before them while a payment continues it. Only a merge adds a term to others, so there is at most one more
    /// than `merged_from` has.
    pub plans: Vec<PlanTerm>,
    /// The tier that the ledger last spoke of. The effective tier is derived; this is what it is
    /// compared with to know that it changed.
    pub tier: Option<LevelId>,
    /// Use of capped rules and rewards in intervals that can still matter.
    pub cap_use: CapUse,
    /// What rules remember of the steps that the member took toward them. A rule that remembers nothing does not stand here.
    pub steps: BTreeMap<RuleId, Steps>,
    /// The day to which the member's activity has extended the points; kept only where points expire with inactivity.
    pub extended_to: Option<Date>,
    /// What is behind that day, and what was before: for activity that is taken back.
    pub extension: Extension,
    /// The latest last day of points that a notice was due for: what expires by then gets none again. Dropped once it is over.
    pub noticed_through: Option<Date>,
    /// The last birthday for which points were given.
    pub birthday_on: Option<Date>,
    /// The day, in the program's time zone, up to which time has been accounted for.
    pub settled_on: Date,
    /// The moment up to which time has been accounted for. Nothing is posted before it.
    pub settled_at: Timestamp,
    /// The version of the program that it was last settled under.
    pub program_version: u64,
    /// The number of entries in the ledger, and so the `seq` of the newest one.
    pub seq: u64,
    /// The number of commits.
    pub version: u64,
    /// The hash of the newest entry.
    pub head_hash: Hash,
    /// The next day on which settling would write an entry; `None` if none ever will by itself.
    pub review_on: Option<Date>,
}

impl Account {
    /// The account of a member who is about to join, before the first entry.
    #[must_use]
    pub fn before_joining(program: ProgramId, member: MemberId, at: Timestamp, on: Date, program_version: u64) -> Self {
        Self {
            head_hash: Hash::genesis(&program, &member),
            program,
            member,
            status: Status::Active,
            enrolled_at: at,
            attributes: BTreeMap::new(),
            aliases: Vec::new(),
            salt: None,
            referral: None,
            referral_debts: Vec::new(),
            merged_from: Vec::new(),
            lots: Lots::default(),
            pending: Pending::default(),
            holds: Vec::new(),
            owed: Points::ZERO,
            qualifying: BTreeMap::new(),
            counted_elsewhere: Vec::new(),
            bought: Bought::default(),
            secured: Vec::new(),
            promised: Vec::new(),
            tier_override: None,
            plans: Vec::new(),
            tier: None,
            cap_use: CapUse::default(),
            steps: BTreeMap::new(),
            extended_to: None,
            extension: Extension::default(),
            noticed_through: None,
            birthday_on: None,
            settled_on: on,
            settled_at: at,
            program_version,
            seq: 0,
            version: 0,
            review_on: None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(days: &i32) -> bool {
    *days == 0
}
