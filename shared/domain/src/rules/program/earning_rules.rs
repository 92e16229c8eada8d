//! The rules by which points are earned.

use serde_json::Value;

use crate::{
    ledger::breakdown::{LINE_PREFIXES, REFERRAL_LINE},
    rules::{
        cap::{self, Cap, Per},
        expression::fact::Variable,
        node::{Node, read_boolean},
        program::{
            active::{self, ActiveWindow},
            attributes::{AttributeSpec, AttributeType},
            condition::{self, Condition},
        },
        schema::{Field, any_of, boolean, object, parsed, text, texts, variant},
        strategy::{
            Strategy,
            table::{read_strategy, strategies},
        },
        trigger::{Stacking, Trigger},
    },
    state::cap_use::CapOwner,
    values::id::{ActivityType, RuleId},
};

/// The attribute that holds a member's birthday.
pub(crate) const BIRTHDAY_ATTRIBUTE: &str = "birthday";

/// Maximum number of earning rules. Each is evaluated for each purchase, which takes about 20 microseconds with a
/// condition.
pub const RULES_MAX: usize = 200;

/// Maximum number of rules with a cap per program. Each adds one part to the transaction of a purchase, or up to eight
/// if its counter is nearly used up. A transaction has at most a hundred parts.
const PROGRAM_CAPS_MAX: usize = 5;

impl Trigger {
    fn variables(&self) -> &'static [Variable] {
        match self {
            Self::Purchase => &[Variable::Purchase, Variable::Line, Variable::Member, Variable::OccurredAt],
            Self::Activity(_) => &[Variable::Activity, Variable::Member, Variable::OccurredAt],
            Self::Enrollment | Self::Referral | Self::Birthday => &[Variable::Member, Variable::OccurredAt],
        }
    }
}

/// A rule by which points are earned.
#[derive(Debug)]
pub struct EarningRule {
    /// Its id.
    pub id: RuleId,
    /// The trigger.
    pub on: Trigger,
    /// How its points are combined with those of other rules.
    pub stacking: Stacking,
    /// The condition; `None` if it always applies.
    pub(crate) when: Option<Condition>,
    /// When it is active.
    pub active: ActiveWindow,
    /// How it gives points.
    pub(crate) strategy: Box<dyn Strategy>,
    /// The limit on its uses or points.
    pub cap: Option<Cap>,
    /// Whether its points count toward a tier. This applies to base rules only.
    pub qualifying: bool,
}

impl EarningRule {
    /// Returns the owner of its cap.
    #[must_use]
    pub fn cap_owner(&self) -> CapOwner {
        CapOwner::Rule(self.id.clone())
    }

    /// Returns whether it gives nothing for a purchase without lines.
    pub(crate) fn needs_lines(&self) -> bool {
        self.strategy.needs_lines() || self.when.as_ref().is_some_and(Condition::is_of_line)
    }
}

pub(super) fn read(node: &Node<'_>, attributes: Option<&[AttributeSpec]>) -> Option<Vec<EarningRule>> {
    let rules = node.list_by_id(RULES_MAX, |node| read_rule(node, attributes))?;
    let shared = rules.iter().filter(|rule| rule.cap.is_some_and(|cap| cap.per == Per::Program)).count();
    if shared > PROGRAM_CAPS_MAX {
        let most =
            format!("at most {PROGRAM_CAPS_MAX} rules can have a cap per program, and this document has {shared}");
        node.lint("too_many", most);
    }
    condition::check_together(node, rules.iter().map(|rule| rule.when.as_ref()));
    Some(rules)
}

/// The fields of an earning rule.
pub(super) const FIELDS: [Field; 8] = [
    Field::required("id", "The id of the rule, unique in the document.", parsed::<RuleId>),
    Field::required("on", "What the rule gives points for.", trigger),
    Field::optional("stacking", "How the points of the rule are combined with those of other rules.", stacking)
        .or("\"base\""),
    Field::optional("when", "The condition under which the rule applies, an expression in CEL.", condition::schema),
    Field::optional("active", "When the rule is active. Default: always.", || object(&active::FIELDS)),
    Field::required("give", "The points that the rule gives.", strategies),
    Field::optional("cap", "How often, or for how many points, the rule can be used.", cap::schema),
    Field::optional("qualifying", "Whether the points count toward a tier.", boolean).or("true"),
];

/// What a rule can give points for.
fn trigger() -> Value {
    let activity = variant("activity", "Activities of this type.", parsed::<ActivityType>);
    any_of([texts(&["purchase", "enrollment", "referral", "birthday"]), activity])
}

/// How the points of rules can be combined.
fn stacking() -> Value {
    let group = variant("best_of", "A group of rules, of which only the one that gives the most counts.", || {
        text(GROUP_LENGTH_MAX)
    });
    any_of([texts(&["base", "add"]), group])
}

/// Maximum length of the name of a group, in characters.
const GROUP_LENGTH_MAX: usize = 64;

fn read_rule(node: &Node<'_>, attributes: Option<&[AttributeSpec]>) -> Option<EarningRule> {
    let fields = node.fields(&FIELDS)?;
    let id = fields.required("id").and_then(|node| read_id(&node));
    let on = fields.required("on").and_then(|node| read_trigger(&node, attributes));
    let stacking = fields.read_or("stacking", Stacking::Base, read_stacking);
    let when = on.as_ref().and_then(|on| {
        fields.read_or("when", None, |node| condition::read(node, on.variables(), attributes).map(Some))
    });
    let active = fields.read_or("active", ActiveWindow::default(), active::read);
    let strategy = fields.required("give").and_then(|node| read_strategy(&node, on.as_ref(), stacking.as_ref()));
    let cap = fields.read_or("cap", None, |node| read_cap(node, on.as_ref()).map(Some));
    let qualifying = fields.read_or("qualifying", true, read_boolean);
    Some(EarningRule {
        id: id?,
        on: on?,
        stacking: stacking?,
        when: when?,
        active: active?,
        strategy: strategy?,
        cap: cap?,
        qualifying: qualifying?,
    })
}

/// Reads the id of a rule. It must not look like a breakdown line of the engine.
fn read_id(node: &Node<'_>) -> Option<RuleId> {
    let id: RuleId = node.parsed("malformed")?;
    if id.as_str() == REFERRAL_LINE || LINE_PREFIXES.iter().any(|prefix| id.as_str().starts_with(prefix)) {
        node.lint("reserved", format!("{id} is reserved for lines that the engine adds to a breakdown"));
    }
    Some(id)
}

fn read_trigger(node: &Node<'_>, attributes: Option<&[AttributeSpec]>) -> Option<Trigger> {
    if let Some(("activity", kind)) = node.variant() {
        return kind.parsed("malformed").map(Trigger::Activity);
    }
    match node.text() {
        Some("purchase") => Some(Trigger::Purchase),
        Some("enrollment") => Some(Trigger::Enrollment),
        Some("referral") => Some(Trigger::Referral),
        Some("birthday") => {
            let is_birthday =
                |spec: &AttributeSpec| spec.id.as_str() == BIRTHDAY_ATTRIBUTE && spec.kind == AttributeType::Date;
            if attributes.is_some_and(|attributes| !attributes.iter().any(is_birthday)) {
                node.lint("contradiction", "needs an attribute \"birthday\" of type \"date\"");
            }
            Some(Trigger::Birthday)
        }
        Some(_) | None => {
            node.unknown_choice(&["purchase", "enrollment", "referral", "birthday", "{\"activity\": type}"]);
            None
        }
    }
}

fn read_stacking(node: &Node<'_>) -> Option<Stacking> {
    match (node.text(), node.variant()) {
        (Some("base"), _) => Some(Stacking::Base),
        (Some("add"), _) => Some(Stacking::Add),
        (_, Some(("best_of", group))) => group.string(GROUP_LENGTH_MAX).map(Stacking::BestOf),
        _ => {
            node.unknown_choice(&["base", "add", "{\"best_of\": group}"]);
            None
        }
    }
}

fn read_cap(node: &Node<'_>, on: Option<&Trigger>) -> Option<Cap> {
    let cap = cap::read(node)?;
    // Settling gives birthday points, and it reads no counters.
    if cap.per == Per::Program && on == Some(&Trigger::Birthday) {
        node.lint("contradiction", "a birthday rule can have a cap per member only");
    }
    Some(cap)
}
