//! The program document: one loyalty scheme, read and validated as a whole.

mod active;
pub(crate) mod attributes;
pub(crate) mod condition;
mod earning_rules;
mod eligible;
mod entitlements;
pub(crate) mod expression_check;
mod ineffective;
mod memory;
mod plans;
mod points;
mod referral;
mod rewards;
mod syntax;
mod tiers;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

pub(crate) use self::earning_rules::BIRTHDAY_ATTRIBUTE;
pub use self::{
    active::ActiveWindow,
    attributes::{ATTRIBUTE_BYTES_MAX, AttributeRefused, AttributeSpec, AttributeType},
    condition::RULES_WORK_MAX,
    earning_rules::{EarningRule, RULES_MAX},
    eligible::EligiblePolicy,
    entitlements::Entitlement,
    memory::MEMORY_BYTES_MAX,
    plans::Plan,
    points::{ActivityKind, ExpiryPolicy, NegativeBalance, PendingPolicy, PointsPolicy, Rounded},
    referral::ReferralPolicy,
    rewards::{Cost, HOLD_SECONDS_MAX, REWARDS_MAX, Reward, RewardKind, Stock},
    tiers::{Basis, BasisUnit, Downgrade, LEVELS_MAX, Level, Period, PeriodRule, Thresholds, Tiers},
};
pub(crate) use self::{
    attributes::{ATTRIBUTES_MAX, check_size},
    eligible::Eligible,
};
pub use crate::rules::{
    node::Finding,
    trigger::{Stacking, Trigger},
};
use crate::{
    ledger::posting::ReceiptId,
    rules::{
        cap::Cap,
        node::{Findings, NAME_LENGTH_MAX, Node, read_any_text},
        program::entitlements::Intervals,
        schema::{Field, NUMBER_MAX, integer, list, object, parsed, text},
    },
    state::cap_use::CapOwner,
    values::{
        calendar,
        id::{EntitlementId, PlanId, RewardId, RuleId},
        instant::OffsetTime,
        likeness::Unknown,
        money::Currency,
        purchase::Purchase,
    },
};

/// Maximum size of a program document, in bytes of JSON.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// One loyalty scheme: its rules, tiers, rewards, time zone and currency.
#[derive(Debug)]
pub struct Program {
    /// The number of the version.
    pub version: u64,
    /// The instant from which the document is to be in force; `None` for as soon as is safe.
    pub in_force_from: Option<Timestamp>,
    /// The earlier version whose levels it removes.
    pub corrects: Option<u64>,
    /// The name shown to people.
    pub name: String,
    /// The time zone in which days begin and end.
    pub zone: TimeZone,
    /// The currency of every amount.
    pub currency: Currency,
    /// How points round, expire and so on.
    pub points: PointsPolicy,
    /// The rules by which points are earned, in the document's order.
    pub earning_rules: Vec<EarningRule>,
    /// What referrals pay, if anything.
    pub referral: Option<ReferralPolicy>,
    /// The tiers, if the program has any.
    pub tiers: Option<Tiers>,
    /// The rewards, in the document's order.
    pub rewards: Vec<Reward>,
    /// The plans, in the document's order.
    pub plans: Vec<Plan>,
    /// The attributes that members may have.
    pub attributes: Vec<AttributeSpec>,
}

impl Program {
    /// Reads a program document that would be published as `version`.
    ///
    /// # Errors
    ///
    /// All errors in the document, in its order.
    pub fn read(document: &Value, version: u64) -> Result<Self, Vec<Finding>> {
        let findings = Findings::default();
        let program = read_program(&Node::top(document, &findings), version);
        let problems = findings.into_findings();
        match program {
            Some(program) if problems.is_empty() => Ok(program),
            Some(_) | None => Err(problems),
        }
    }

    /// Reads a program document that was published as `version`, by this release or another.
    ///
    /// It was checked when it was published, so bounds, unknown names and contradictions are not checked again. Fields
    /// that this release does not know are ignored. A condition that it rejects is a fault of its rule each time it is
    /// evaluated.
    ///
    /// # Errors
    ///
    /// The places where a value has the wrong type or no meaning.
    pub fn stored(document: &Value, version: u64) -> Result<Self, Vec<Finding>> {
        let findings = Findings::default();
        let program = read_program(&Node::top(document, &findings), version);
        program.ok_or_else(|| findings.into_faults())
    }

    /// Returns the date of `instant` in the program's time zone.
    #[must_use]
    pub fn date(&self, instant: Timestamp) -> Date {
        calendar::date_in(&self.zone, instant)
    }

    /// Returns the maximum work of the conditions of its earning rules for one purchase, in the units of
    /// [`RULES_WORK_MAX`].
    #[must_use]
    pub fn rules_work(&self) -> u64 {
        condition::work_together(self.earning_rules.iter().filter_map(|rule| rule.when.as_ref()))
    }

    /// Returns the receipt of `purchase`, if the program accepts each receipt for one purchase only.
    pub(crate) fn receipt_of(&self, purchase: &Purchase) -> Option<ReceiptId> {
        let receipt = purchase.receipt.clone().filter(|_| self.points.unique_receipts)?;
        Some(ReceiptId { store: purchase.store.clone(), on: self.date(purchase.occurred_at), receipt })
    }

    /// Returns the rule `id`.
    pub(crate) fn rule(&self, id: &RuleId) -> Option<&EarningRule> {
        self.earning_rules.iter().find(|rule| rule.id == *id)
    }

    /// Returns the plan `id`.
    #[must_use]
    pub fn plan(&self, id: &PlanId) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.id == *id)
    }

    /// Returns the entitlement `id`, of any level or plan.
    pub(crate) fn entitlement(&self, id: &EntitlementId) -> Option<&Entitlement> {
        self.entitlements().find(|entitlement| entitlement.id == *id)
    }

    /// Returns the entitlements of all levels and plans.
    pub(crate) fn entitlements(&self) -> impl Iterator<Item = &Entitlement> {
        let levels = self.tiers.iter().flat_map(|tiers| &tiers.levels).flat_map(|level| &level.entitlements);
        levels.chain(self.plans.iter().flat_map(|plan| &plan.entitlements))
    }

    /// Returns the cap of a rule, the limit of a reward, or the uses of an entitlement; `None` if the program no longer
    /// has one.
    pub(crate) fn cap_of(&self, owner: &CapOwner) -> Option<Cap> {
        match owner {
            CapOwner::Rule(id) => self.rule(id)?.cap,
            CapOwner::Reward(id) => self.reward(id)?.limit,
            CapOwner::Entitlement(id) => self.entitlement(id).map(|entitlement| entitlement.cap(entitlement.times)),
        }
    }

    /// Returns the error that there is no reward `id`.
    #[must_use]
    pub fn unknown_reward(&self, id: &RewardId) -> Unknown {
        Unknown::new("reward", id, self.rewards.iter().map(|reward| &reward.id))
    }

    /// Returns the reward `id`.
    #[must_use]
    pub fn reward(&self, id: &RewardId) -> Option<&Reward> {
        self.rewards.iter().find(|reward| reward.id == *id)
    }
}

/// The fields of a program document.
const FIELDS: [Field; 13] = [
    Field::optional(
        "$schema",
        "The address of this schema, for editors. It is ignored.",
        || json!({ "type": "string" }),
    ),
    Field::optional(
        "in_force_from",
        "When the version comes into force, with its offset. Default: as soon as is safe.",
        parsed::<OffsetTime>,
    ),
    Field::optional("corrects", "The number of an earlier version whose levels this version removes.", || {
        integer(1..=NUMBER_MAX)
    }),
    Field::required("name", "The name shown to people.", || text(NAME_LENGTH_MAX)),
    Field::required("time_zone", "The IANA time zone in which days begin and end, such as `Europe/Istanbul`.", || {
        text(NAME_LENGTH_MAX)
    }),
    Field::required("currency", "The currency of every amount.", parsed::<Currency>),
    Field::optional("points", "How points round, mature and expire.", || object(&points::FIELDS)),
    Field::optional("earning_rules", "The rules by which points are earned.", || {
        list(RULES_MAX, object(&earning_rules::FIELDS))
    })
    .or("[]"),
    Field::optional("referral", "What referrals need and give.", || object(&referral::FIELDS)),
    Field::optional("tiers", "The tiers.", tiers::schema),
    Field::optional("rewards", "The rewards.", || list(REWARDS_MAX, object(&rewards::FIELDS))).or("[]"),
    Field::optional("plans", "The plans that members can pay for.", || list(plans::PLANS_MAX, object(&plans::FIELDS)))
        .or("[]"),
    Field::optional("attributes", "The attributes of members.", || list(ATTRIBUTES_MAX, object(&attributes::FIELDS)))
        .or("[]"),
];

/// Returns the JSON Schema of a program document.
///
/// It rejects only documents that [`Program::read`] rejects too: those with a value of the wrong type or out of bounds,
/// or with an unknown or missing field. Only the reader checks relations between values, such as a level that a reward
/// names.
#[must_use]
pub fn schema() -> Value {
    let mut schema = object(&FIELDS);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        fields.insert("$id".to_owned(), "https://regulars.dev/v1/program.schema.json".into());
        fields.insert("title".to_owned(), "Program".into());
        fields.insert("description".to_owned(), "A program document: the rules of one loyalty scheme.".into());
    }
    schema
}

fn read_program(node: &Node<'_>, version: u64) -> Option<Program> {
    let fields = node.fields(&FIELDS)?;
    fields.read_or("$schema", (), read_any_text);
    let in_force_from = fields.read_or("in_force_from", None, |node| active::read_instant(node).map(Some));
    let corrects = fields.read_or("corrects", None, |node| read_corrects(node, version).map(Some));
    let name = fields.required("name").and_then(|node| node.string(NAME_LENGTH_MAX));
    let zone = fields.required("time_zone").and_then(|node| read_zone(&node));
    let currency = fields.required("currency").and_then(|node| read_currency(&node));
    let points = fields.read_or("points", PointsPolicy::default(), points::read);
    let attributes = fields.read_or("attributes", Vec::new(), attributes::read);
    let intervals = Intervals::default();
    let tiers = fields.read_or("tiers", None, |node| tiers::read(node, &intervals).map(Some));
    // If the levels have errors, references to them are not reported.
    let levels: Option<Vec<_>> = tiers
        .as_ref()
        .map(|tiers| tiers.iter().flat_map(|tiers| &tiers.levels).map(|level| level.id.clone()).collect());
    let levels = levels.as_deref();
    let attribute_specs = attributes.as_deref();
    let earning_rules = fields.read_or("earning_rules", Vec::new(), |node| earning_rules::read(node, attribute_specs));
    let rewards = fields.read_or("rewards", Vec::new(), |node| rewards::read(node, attribute_specs, levels, currency));
    let referral = fields.read_or("referral", None, |node| referral::read(node).map(Some));
    let plans = fields.read_or("plans", Vec::new(), |node| plans::read(node, levels, &intervals));
    let earning_rules = earning_rules?;
    // With rules on `referral` and without `referral`, any first purchase pays.
    let has_rules = earning_rules.iter().any(|rule| rule.on == Trigger::Referral);
    let referral = referral?.or_else(|| has_rules.then(ReferralPolicy::default));
    let program = Program {
        version,
        in_force_from: in_force_from?,
        corrects: corrects?,
        name: name?,
        zone: zone?,
        currency: currency?,
        points: points?,
        earning_rules,
        referral,
        tiers: tiers?,
        rewards: rewards?,
        plans: plans?,
        attributes: attributes?,
    };
    memory::check(&program, node);
    Some(program)
}

fn read_corrects(node: &Node<'_>, version: u64) -> Option<u64> {
    let corrected = u64::try_from(node.integer(1..=NUMBER_MAX)?).ok()?;
    if corrected >= version {
        node.lint(
            "unknown_version",
            format!("must be the number of an earlier version, and there is no version {corrected}"),
        );
    }
    Some(corrected)
}

fn read_zone(node: &Node<'_>) -> Option<TimeZone> {
    let name = node.string(NAME_LENGTH_MAX)?;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        node.fault("unknown_time_zone", format!("must be an IANA time zone such as Europe/Istanbul, not `{name}`"));
    }
    zone
}

fn read_currency(node: &Node<'_>) -> Option<Currency> {
    let currency: Currency = node.parsed("unknown_currency")?;
    if currency.exponent().is_none() {
        node.lint("unknown_currency", format!("{currency} has no minor unit to count in"));
    }
    Some(currency)
}
