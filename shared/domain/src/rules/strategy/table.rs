//! The strategies by name. A new one is a file of its own and a line in [`STRATEGIES`].

use serde_json::Value;

use crate::rules::{
    node::Node,
    schema::{any_of, object, variant},
    strategy::{Strategy, challenge, fixed, multiplier, per_item, punch_card, rate},
    trigger::{Stacking, Trigger},
};

type Read = fn(&Node<'_>) -> Option<Box<dyn Strategy>>;

/// The name of a strategy, its reader, its description and its schema.
type Row = (&'static str, Read, &'static str, fn() -> Value);

const STRATEGIES: [Row; 6] = [
    ("rate", rate::read, "Points for money spent.", || object(&rate::FIELDS)),
    ("fixed", fixed::read, "A fixed number of points.", || object(&fixed::FIELDS)),
    ("multiplier", multiplier::read, "A percentage of the base points, on top.", || object(&multiplier::FIELDS)),
    ("per_item", per_item::read, "Points for each line or piece.", || object(&per_item::FIELDS)),
    ("punch_card", punch_card::read, "Points for each full card of purchases or pieces.", || {
        object(&punch_card::FIELDS)
    }),
    ("challenge", challenge::read, "Points for a number of actions within a number of days.", || {
        object(&challenge::FIELDS)
    }),
];

/// The schema of what a rule gives.
pub(crate) fn strategies() -> Value {
    any_of(STRATEGIES.map(|(name, _, about, schema)| variant(name, about, schema)))
}

/// Reads what a rule gives, `{ "rate": { ... } }`, and checks that it is allowed with the rule's trigger and stacking.
pub(crate) fn read_strategy(
    node: &Node<'_>,
    on: Option<&Trigger>,
    stacking: Option<&Stacking>,
) -> Option<Box<dyn Strategy>> {
    let chosen = node.variant().and_then(|(name, body)| {
        STRATEGIES.iter().find(|(known, ..)| *known == name).map(|(name, read, ..)| (*name, *read, body))
    });
    let Some((name, read, body)) = chosen else {
        let shapes = STRATEGIES.map(|(name, ..)| format!("{{\"{name}\": ...}}"));
        node.unknown_choice(&shapes.each_ref().map(String::as_str));
        return None;
    };
    let strategy = read(&body)?;
    if on.is_some_and(|on| !strategy.suits(on)) {
        node.lint("contradiction", format!("{name} is not available for the trigger of this rule"));
    }
    if strategy.multiplies() && stacking == Some(&Stacking::Base) {
        node.lint("contradiction", "a multiplier multiplies what base rules gave, so its stacking cannot be base");
    }
    Some(strategy)
}
