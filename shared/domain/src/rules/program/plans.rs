//! Plans: paid memberships, for a month or a year at a time.

use crate::{
    rules::{
        node::{NAME_LENGTH_MAX, Node},
        program::entitlements::{self, Entitlement, Intervals},
        schema::{Field, choice, integer, parsed, span, text},
    },
    values::{
        id::{LevelId, PlanId},
        likeness,
        money::AMOUNT_MAX,
    },
};

/// Maximum number of plans of a program.
pub(super) const PLANS_MAX: usize = 20;

/// The maximum grace of a plan, in days: a card provider retries a failed payment for some weeks.
const GRACE_DAYS_MAX: i64 = 90;

/// A paid membership. The engine does not handle the payment itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Its name, for people.
    pub name: Option<String>,
    /// The price of an interval, in minor units.
    pub price: i64,
    /// The length of an interval in months: 1 or 12.
    pub months: i32,
    /// The level that its members have at least.
    pub tier_floor: Option<LevelId>,
    /// What its members earn, in percent of the base rules' points: 110 gives 10 % on top, in addition to what the tier
    /// gives.
    pub earning_percent: i64,
    /// The days after the last paid day for which its rate and floor still apply and a payment continues from the old
    /// end.
    pub grace_days: i32,
    /// The entitlements of its members.
    pub entitlements: Vec<Entitlement>,
}

pub(super) fn read(node: &Node<'_>, levels: Option<&[LevelId]>, intervals: &Intervals) -> Option<Vec<Plan>> {
    node.list_by_id(PLANS_MAX, |node| read_plan(node, levels, intervals))
}

/// The fields of a plan.
pub(super) const FIELDS: [Field; 8] = [
    Field::required("id", "The id of the plan, unique in the document.", parsed::<PlanId>),
    Field::optional("name", "The name shown to people.", || text(NAME_LENGTH_MAX)),
    Field::required("price", "The price of an interval, in minor units.", || integer(0..=AMOUNT_MAX)),
    Field::required("interval", "The time that one payment pays for.", || choice(&INTERVALS)),
    Field::optional("tier_floor", "The level that members of the plan have at least.", parsed::<LevelId>),
    Field::optional("earning_percent", "The percentage of the base points that members of the plan earn.", || {
        integer(100..=EARNING_PERCENT_MAX)
    })
    .or("100"),
    Field::optional("grace_days", "The days for which the plan continues after the paid time.", || {
        span(0..=GRACE_DAYS_MAX)
    })
    .or("0"),
    Field::optional("entitlements", "What members of the plan can use without points.", entitlements::schema).or("[]"),
];

/// The intervals, with their length in months.
const INTERVALS: [(&str, i32); 2] = [("month", 1), ("year", 12)];

/// The maximum earning percentage of a level or a plan.
pub(super) const EARNING_PERCENT_MAX: i64 = 10_000;

fn read_plan(node: &Node<'_>, levels: Option<&[LevelId]>, intervals: &Intervals) -> Option<Plan> {
    let fields = node.fields(&FIELDS)?;
    let id = fields.required("id").and_then(|node| node.parsed("malformed"));
    let name = fields.read_or("name", None, |node| node.string(NAME_LENGTH_MAX).map(Some));
    let price = fields.required("price").and_then(|node| node.integer(0..=AMOUNT_MAX));
    let months = fields.required("interval").and_then(|node| node.choice(&INTERVALS));
    let tier_floor = fields.read_or("tier_floor", None, |node| read_level(node, levels).map(Some));
    let earning_percent = fields.read_or("earning_percent", 100, |node| node.percent(100..=EARNING_PERCENT_MAX));
    let grace_days = fields.read_or("grace_days", 0, |node| node.span(0..=GRACE_DAYS_MAX));
    let entitlements = fields.read_or("entitlements", Vec::new(), |node| entitlements::read(node, intervals));
    Some(Plan {
        id: id?,
        name: name?,
        price: price?,
        months: months?,
        tier_floor: tier_floor?,
        earning_percent: earning_percent?,
        grace_days: grace_days?,
        entitlements: entitlements?,
    })
}

/// Reads the id of a level of the program. If the levels are known, it must be one of them.
pub(super) fn read_level(node: &Node<'_>, levels: Option<&[LevelId]>) -> Option<LevelId> {
    let level: LevelId = node.parsed("malformed")?;
    if levels.is_some_and(|levels| !levels.contains(&level)) {
        let known: Vec<&str> = levels.into_iter().flatten().map(LevelId::as_str).collect();
        let advice = match likeness::nearest(level.as_str(), &known) {
            Some(nearest) => format!("; did you mean `{nearest}`?"),
            None if known.is_empty() => ", which has none".to_owned(),
            None => format!("; it has {}", likeness::listed(level.as_str(), &known)),
        };
        node.lint("unknown_level", format!("`{level}` is not a level of this program{advice}"));
    }
    Some(level)
}
