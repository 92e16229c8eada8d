//! Where a member stands, as it is answered.

use jiff::civil::Date;
use regulars_domain::{
    id::{LevelId, PlanId},
    program::Basis,
    settle::Settled,
    text::Label,
    tier::{Missing, Standing},
};
use serde::Serialize;
use serde_json::{Value, json};

/// A member's tier, and what leads up or keeps it.
#[derive(Clone, Debug, Serialize)]
pub struct TierView {
    id: Option<LevelId>,
    because: &'static str,
    until: Option<Date>,
    next: Option<NextTier>,
    keep: Option<KeepTier>,
}

#[derive(Clone, Debug, Serialize)]
struct NextTier {
    id: LevelId,
    missing: Value,
    by: Option<Date>,
}

#[derive(Clone, Debug, Serialize)]
struct KeepTier {
    missing: Value,
    from: Date,
    by: Option<Date>,
}

/// A number; or where several kinds of amount count, one for each, under the word that says whether any of them is enough.
fn amounts(missing: &Missing<'_>) -> Value {
    let each =
        || missing.amounts.iter().map(|(unit, amount)| (unit.name().to_owned(), json!(amount))).collect::<Value>();
    match missing.basis {
        Basis::One(_) => json!(missing.amounts.first().map(|(_, amount)| amount)),
        Basis::Any(_) => json!({ "any": each() }),
        Basis::All(_) => json!({ "all": each() }),
    }
}

impl TierView {
    /// The view of a standing; `None` if it has no level and there is none to reach.
    #[must_use]
    pub fn new(standing: &Standing<'_>) -> Option<Self> {
        let next = standing.next.as_ref();
        (standing.level.is_some() || next.is_some()).then(|| Self {
            id: standing.level.map(|level| level.id.clone()),
            because: standing.because.name(),
            until: standing.until,
            next: next.map(|next| NextTier { id: next.level.id.clone(), missing: amounts(next), by: next.by }),
            keep: standing.keep.as_ref().map(|keep| KeepTier { missing: amounts(keep), from: keep.from, by: keep.by }),
        })
    }
}

/// A member's tier with everything that explains it.
#[derive(Clone, Debug, Serialize)]
pub struct StandingView {
    #[serde(flatten)]
    tier: Option<TierView>,
    earning_percent: Option<i64>,
    perks: Vec<String>,
    period: Option<PeriodView>,
    secured: Vec<SecuredView>,
    promised: Vec<PromiseView>,
    #[serde(rename = "override")]
    tier_override: Option<OverrideView>,
    at_next_review: Option<NextReview>,
    floor: Option<FloorView>,
}

#[derive(Clone, Debug, Serialize)]
struct PeriodView {
    from: Option<Date>,
    to: Option<Date>,
    qualifying: Value,
}

#[derive(Clone, Debug, Serialize)]
struct SecuredView {
    id: LevelId,
    through: Date,
}

/// A level that an earlier version of the program gave until a date.
#[derive(Clone, Debug, Serialize)]
struct PromiseView {
    id: LevelId,
    until: Option<Date>,
    version: u64,
}

#[derive(Clone, Debug, Serialize)]
struct OverrideView {
    id: LevelId,
    until: Date,
    reason: Label,
}

/// The next change of the tier if nothing but time happens.
#[derive(Clone, Debug, Serialize)]
struct NextReview {
    on: Date,
    tier: Option<LevelId>,
}

/// The level that a plan has as its floor.
#[derive(Clone, Debug, Serialize)]
struct FloorView {
    id: LevelId,
    plan: PlanId,
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
                // A period without end has no beginning worth telling either.
                from: period.last.map(|_| period.first),
                to: period.last,
                qualifying: json!(qualifying),
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
