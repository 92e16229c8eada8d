//! The view of a member's tier.

use jiff::civil::Date;
use regulars_domain::{
    entry::MissingAmounts,
    id::{LevelId, PlanId},
    qualifying::Qualifying,
    settle::Settled,
    text::Label,
    tier::{Because, Standing},
};
use schemars::JsonSchema;
use serde::Serialize;

/// The tier of a member.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TierView {
    /// The level; `null` if the member has none.
    id: Option<LevelId>,
    /// The reason for the level.
    because: Because,
    /// The last day of the level if only time passes; `null` if it does not end.
    until: Option<Date>,
    /// The next higher level; `null` if there is none.
    next: Option<NextTier>,
    /// What is missing to keep the level; `null` if nothing is missing.
    keep: Option<KeepTier>,
}

/// The next higher level.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct NextTier {
    /// The level.
    id: LevelId,
    /// The amount that is missing to reach the level.
    missing: MissingAmounts,
    /// The last day on which the amount counts; `null` if there is none.
    by: Option<Date>,
}

/// What keeps the level.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct KeepTier {
    /// The amount that is missing to keep the level.
    missing: MissingAmounts,
    /// The first day on which purchases count.
    from: Date,
    /// The last day on which purchases count; `null` if there is none.
    by: Option<Date>,
}

impl TierView {
    /// Returns the view of a standing; `None` without a level and without one to reach.
    #[must_use]
    pub fn new(standing: &Standing<'_>) -> Option<Self> {
        let next = standing.next.as_ref();
        (standing.level.is_some() || next.is_some()).then(|| Self {
            id: standing.level.map(|level| level.id.clone()),
            because: standing.because,
            until: standing.until,
            next: next.map(|next| NextTier { id: next.level.id.clone(), missing: next.amount(), by: next.by }),
            keep: standing.keep.as_ref().map(|keep| KeepTier { missing: keep.amount(), from: keep.from, by: keep.by }),
        })
    }
}

/// The tier of a member with everything that explains it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-keeps-null" = true))]
pub struct StandingView {
    #[serde(flatten)]
    tier: Option<TierView>,
    /// The percentage of the base points that members of the level earn; `null` without a level.
    earning_percent: Option<i64>,
    /// The perks of the level, in words.
    perks: Vec<String>,
    /// The current tier period; `null` if the program has no tiers.
    period: Option<PeriodView>,
    /// The levels that earlier periods earned.
    secured: Vec<SecuredView>,
    /// The levels that earlier versions of the program gave.
    promised: Vec<PromiseView>,
    /// The level that an operator granted; `null` if there is none.
    #[serde(rename = "override")]
    tier_override: Option<OverrideView>,
    /// The next change of the level if only time passes; `null` if there is none.
    at_next_review: Option<NextReview>,
    /// The level that the paid plan includes; `null` if there is none.
    floor: Option<FloorView>,
}

/// A tier period.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PeriodView {
    /// The first day; `null` if the period has no end.
    from: Option<Date>,
    /// The last day; `null` if the period has no end.
    to: Option<Date>,
    /// The amounts counted in the period.
    qualifying: Qualifying,
}

/// A level that an earlier period earned.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct SecuredView {
    /// The level.
    id: LevelId,
    /// The last day on which the level is kept.
    through: Date,
}

/// A level that an earlier version of the program gave until a date.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PromiseView {
    /// The level.
    id: LevelId,
    /// The last day on which the level is kept; `null` if it has no end.
    until: Option<Date>,
    /// The version of the program that gave the level.
    version: u64,
}

/// A level that an operator granted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct OverrideView {
    /// The level.
    id: LevelId,
    /// The last day of the grant.
    until: Date,
    /// The reason, as a code of the operator.
    reason: Label,
}

/// The next change of the level if only time passes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct NextReview {
    /// The day of the change.
    on: Date,
    /// The level after the change; `null` if there is none.
    tier: Option<LevelId>,
}

/// A level that a paid plan includes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct FloorView {
    /// The level.
    id: LevelId,
    /// The plan.
    plan: PlanId,
    /// The last paid day of the plan.
    through: Date,
}

impl From<&Settled<'_>> for StandingView {
    fn from(settled: &Settled<'_>) -> Self {
        let account = settled.account();
        let standing = settled.standing();
        let level = standing.as_ref().and_then(|standing| standing.level);
        Self {
            tier: standing.as_ref().and_then(TierView::new),
            earning_percent: level.map(|level| level.earning_percent),
            perks: level.map(|level| level.perks.clone()).unwrap_or_default(),
            period: settled.period().map(|(period, qualifying)| PeriodView {
                // The first day of a period without end is of no use, so it is not shown either.
                from: period.last.map(|_| period.first),
                to: period.last,
                qualifying,
            }),
            secured: account
                .secured
                .iter()
                .map(|secured| SecuredView { id: secured.tier.clone(), through: secured.through })
                .collect(),
            promised: account
                .promised
                .iter()
                .map(|promise| PromiseView { id: promise.tier.clone(), until: promise.until, version: promise.version })
                .collect(),
            tier_override: account.tier_override.as_ref().map(|given| OverrideView {
                id: given.tier.clone(),
                until: given.until,
                reason: given.reason.clone(),
            }),
            at_next_review: settled.next_tier().map(|(on, tier)| NextReview { on, tier }),
            floor: settled.floor().map(|(floor, term)| FloorView {
                id: floor,
                plan: term.plan.clone(),
                through: term.through,
            }),
        }
    }
}
