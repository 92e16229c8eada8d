//! The account of a member: one small value with everything that a decision needs.

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    state::{
        cap_use::CapUse, extension::Extension, hold::Hold, lots::Lots, pending::Pending, plan_term::PlanTerm,
        qualifying::Qualifying, steps::Steps, weight::number_bytes,
    },
    values::{
        balance::Balance,
        fingerprint::Salt,
        hash::Hash,
        id::{AttributeId, EntryId, LevelId, MemberId, ProgramId, RuleId},
        points::Points,
        text::Label,
    },
};

/// The status of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The account earns and spends.
    Active,
    /// The account neither earns nor spends for now; its points continue to expire.
    Suspended,
    /// The member has left.
    Closed,
    /// The member has left, and the personal data is erased.
    Erased,
    /// The account was merged into another one.
    Merged {
        /// The member that it was merged into.
        into: MemberId,
    },
}

impl Status {
    /// Returns the name used in answers.
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

/// Why an account does not take part in an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inactive {
    /// The account is suspended.
    Suspended,
    /// The account is closed.
    Closed,
    /// The account was erased.
    Erased,
    /// The account was merged into another one.
    Merged {
        /// The member that it was merged into.
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

/// The value of a member attribute. The program document defines the type of each attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

/// Reads any text as a text: conditions compare a date and its text alike.
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
    /// The bytes that the value takes in an account, as DynamoDB counts them, including one byte for its place.
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

/// An alias of a member, such as an e-mail address, stored only as a keyed hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias {
    /// The kind of alias: `email`, `phone`, `card`.
    pub kind: String,
    /// The keyed hash of the value.
    pub hash: [u8; 16],
}

impl Account {
    /// Checks that the account earns and spends.
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

    /// Checks that earlier entries can still be changed, which a suspension does not prevent.
    ///
    /// # Errors
    ///
    /// Why they cannot.
    pub fn check_open(&self) -> Result<(), Inactive> {
        match &self.status {
            Status::Active | Status::Suspended => Ok(()),
            Status::Closed => Err(Inactive::Closed),
            Status::Erased => Err(Inactive::Erased),
            Status::Merged { into } => Err(Inactive::Merged { into: into.clone() }),
        }
    }

    /// The member that this one was merged into.
    #[must_use]
    pub fn merged_into(&self) -> Option<&MemberId> {
        match &self.status {
            Status::Merged { into } => Some(into),
            Status::Active | Status::Suspended | Status::Closed | Status::Erased => None,
        }
    }

    /// All points of the account: spendable and pending.
    #[must_use]
    pub fn total(&self) -> Points {
        self.lots.total() + self.pending.total() + self.held()
    }

    /// Returns its balance: spendable, pending, held and owed points.
    #[must_use]
    pub fn balance(&self) -> Balance {
        Balance { spendable: self.lots.total(), pending: self.pending.total(), held: self.held(), owed: self.owed }
    }

    /// The members whose ledgers are this account's history, its own first.
    pub fn ledgers(&self) -> impl Iterator<Item = &MemberId> {
        std::iter::once(&self.member).chain(&self.merged_from)
    }

    /// Stores `steps` for `rule`; removes them if they are empty.
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

/// The lifetime purchases of a member, less returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, i64, Option<i64>, Option<i64>)", into = "(u64, i64, Option<i64>, Option<i64>)")]
pub struct Bought {
    /// Purchases that were not returned completely.
    pub purchases: u64,
    /// The amount paid for them, in minor units.
    pub spend: i64,
    /// When the first purchase was made, in seconds since 1970; `None` without purchases.
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
    /// Adds a purchase of `paid` minor units, made at `at` (seconds since 1970).
    pub(crate) fn add(&mut self, paid: i64, at: i64) {
        self.purchases = self.purchases.saturating_add(1);
        self.spend = self.spend.saturating_add(paid);
        self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
    }

    /// Changes the amount paid by `paid` and the number of purchases by `purchases`. Without purchases, there is no
    /// first and no last one.
    pub(crate) fn change(&mut self, paid: i64, purchases: i64) {
        self.spend = self.spend.saturating_add(paid);
        self.purchases = self.purchases.saturating_add_signed(purchases);
        if self.purchases == 0 {
            *self = Self::default();
        }
    }

    /// Returns the sum of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            purchases: self.purchases.saturating_add(other.purchases),
            spend: self.spend.saturating_add(other.spend),
            first_at: self.first_at.into_iter().chain(other.first_at).min(),
            last_at: self.last_at.max(other.last_at),
        }
    }
}

/// Amounts of a merged member that are stored under another day here than in the old account, because the tier periods
/// of the two members begin on different days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedElsewhere {
    /// The member whose ledger has the purchases.
    pub ledger: MemberId,
    /// The first day of the period in the old account.
    pub from: Date,
    /// The day under which the amounts are stored here.
    pub under: Date,
}

/// A tier that an earlier period secured for this one, under the tiers in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secured {
    /// The level.
    pub tier: LevelId,
    /// The last day of the period that it was secured for. Days of grace are added when the tier is derived.
    pub through: Date,
}

/// A tier that earlier rules gave until a date. A later version does not take it away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The level, by its id under the rules in force.
    pub tier: LevelId,
    /// The last day on which it holds, including days of grace; `None` if it is never lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The version that introduced the tiers that gave it.
    pub version: u64,
    /// The number of its last days that are grace. At the end of a period within them, it is not a level to keep.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub grace_days: i32,
    /// The day as of which those rules gave it. If purchases behind it are returned later, those rules evaluate it
    /// again as of this day. `None` if it is not evaluated again: it does not follow from amounts, or they are no
    /// longer known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
}

/// A tier given by an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TierOverride {
    /// The level that the operator granted.
    pub tier: LevelId,
    /// The last day on which the grant holds.
    pub until: Date,
    /// The reason, as a code of the operator.
    pub reason: Label,
}

/// How another member referred this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    /// The referrer.
    pub by: MemberId,
    /// Whether the referral was paid, or can no longer be paid.
    pub is_over: bool,
}

/// A referral payment that is owed. The friend's purchase was posted alone, because other requests kept changing the
/// referrer's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralDebt {
    /// The referrer.
    pub to: MemberId,
    /// The friend, whose ledger has the purchase.
    pub friend: MemberId,
    /// The purchase that pays.
    pub purchase: EntryId,
    /// When the purchase was made.
    pub occurred_at: Timestamp,
    /// The version of the program that decided the purchase, and decides what the referral gives.
    pub version: u64,
}

/// Maximum number of tiers from earlier rules. Versions that change tiers come a few times a year, each adds one or
/// two, and they end with the periods that they were given for.
pub const PROMISES_MAX: usize = 12;

/// A member's account.
///
/// The account stays small however often a member buys. These are the bounds of what could grow:
///
/// | | by |
/// |---|---|
/// | `lots` | [`crate::state::lots::LOTS_MAX`]; above that, two lots are merged |
/// | `pending` | [`crate::state::pending::PENDING_MAX`], in the same way |
/// | `holds` | [`crate::state::hold::HOLDS_MAX`], each with at most as many lots as there are |
/// | `qualifying`, `secured` | the current period and the one before, for each merged member; a period is in parts, at most one a month, if its tiers changed |
/// | `counted_elsewhere` | two for each merged member |
/// | `promised` | [`PROMISES_MAX`] |
/// | `plans` | one of the member's own, and one for each merged member |
/// | `referral_debts` | one of the member's own, and one for each merged member |
/// | `cap_use` | rules, rewards and entitlements with a cap per member, times the intervals that matter: for a rule those of the last `backdating_days_max`, for others the current one |
/// | `steps` | rules of the program; for a challenge, fewer than its `times` in each window that matters |
/// | `attributes`, `aliases` | the program's attributes; [`crate::decisions::names::ALIASES_MAX`] |
///
/// A plain value. What it says about time is as of `settled_at`; only a settled account is up to date. Only
/// [`Account::apply`] and settling without entries ([`crate::time::settle`]) change it. Personal data (`attributes`,
/// `aliases`, `salt`) is stored next to what entries record, so that it can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The program.
    pub program: ProgramId,
    /// The member.
    pub member: MemberId,
    /// The status.
    pub status: Status,
    /// When the member joined.
    pub enrolled_at: Timestamp,
    /// The attributes that the program defines.
    pub attributes: BTreeMap<AttributeId, AttributeValue>,
    /// The member's aliases.
    pub aliases: Vec<Alias>,
    /// The secret that keys the fingerprints of the member's requests; `None` once the member is erased.
    pub salt: Option<Salt>,
    /// How another member referred this one.
    pub referral: Option<Referral>,
    /// Referral payments that are owed to others, for this member or for merged members.
    pub referral_debts: Vec<ReferralDebt>,
    /// The members who were merged into this one, the latest first. Their ledgers are part of this one's history. At
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
    /// Amounts that count toward a tier, by the first day of their period: the current one, and the one before for late
    /// purchases. With rolling months, by the first day of each month that can still matter. After a change of tiers
    /// within a period, also by the first day of that month.
    pub qualifying: BTreeMap<Date, Qualifying>,
    /// Where amounts of merged members are stored under another day than in their old account: at most two for each
    /// member, for the current period and the one before.
    pub counted_elsewhere: Vec<CountedElsewhere>,
    /// The member's lifetime purchases.
    pub bought: Bought,
    /// Tiers that earlier periods secured: for the current one, and for the one before.
    pub secured: Vec<Secured>,
    /// Tiers that earlier rules gave until a date, strongest first.
    pub promised: Vec<Promise>,
    /// A minimum tier set by an operator.
    pub tier_override: Option<TierOverride>,
    /// The plans that the member has paid for, in order: the one that runs, then those that wait. A term that has ended
    /// comes first while a payment can still continue it. A merge adds terms, and so does a payment under other terms
    /// than before. There are at most [`PLANS_MAX`](crate::decisions::merge::PLANS_MAX).
    pub plans: Vec<PlanTerm>,
    /// The tier that the ledger last reported. The effective tier is derived and compared with this one to detect a
    /// change.
    pub tier: Option<LevelId>,
    /// Use of capped rules, rewards and entitlements in intervals that can still matter.
    pub cap_use: CapUse,
    /// The progress that rules remember. A rule without progress has no element.
    pub steps: BTreeMap<RuleId, Steps>,
    /// The day to which activity has extended the points; set only if points expire with inactivity.
    pub extended_to: Option<Date>,
    /// The activity behind that day and the state before it, in case the activity is undone.
    pub extension: Extension,
    /// The latest last day of points for which a notice was due. Points that expire by then get no second notice.
    /// Dropped once the day has passed.
    pub noticed_through: Option<Date>,
    /// The latest last day of a level for which a notice was due. A level that ends by then gets no second notice.
    /// Dropped once the day has passed.
    pub tier_noticed_through: Option<Date>,
    /// The last birthday for which points were given.
    pub birthday_on: Option<Date>,
    /// The day, in the program's time zone, up to which the account is settled.
    pub settled_on: Date,
    /// The instant up to which the account is settled. No entry is posted before it.
    pub settled_at: Timestamp,
    /// The version of the program under which it was last settled.
    pub program_version: u64,
    /// The number of entries in the ledger, and so the `seq` of the newest one.
    pub seq: u64,
    /// The number of commits.
    pub version: u64,
    /// The hash of the newest entry.
    pub head_hash: Hash,
    /// The next day on which settling would write an entry; `None` if there is none.
    pub review_on: Option<Date>,
}

impl Account {
    /// Returns the account of a member who is about to join, before the first entry.
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
            tier_noticed_through: None,
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
