//! The strategies by name. A new one is a file of its own and a line in [`STRATEGIES`].

use crate::rules::{
    node::Node,
    strategy::{Strategy, challenge, fixed, multiplier, per_item, punch_card, rate},
    trigger::{Stacking, Trigger},
};

type Read = fn(&Node<'_>) -> Option<Box<dyn Strategy>>;

const STRATEGIES: [(&str, Read); 6] = [
    ("rate", rate::read),
    ("fixed", fixed::read),
    ("multiplier", multiplier::read),
    ("per_item", per_item::read),
    ("punch_card", punch_card::read),
    ("challenge", challenge::read),
];

/// Reads the strategy of a rule, `{ "rate": { ... } }`, and checks that it suits the rule's trigger and stacking.
pub(crate) fn read_strategy(
    node: &Node<'_>,
    on: Option<&Trigger>,
    stacking: Option<&Stacking>,
) -> Option<Box<dyn Strategy>> {
    let chosen = node.variant().and_then(|(name, body)| {
        STRATEGIES.iter().find(|(known, _)| *known == name).map(|(name, read)| (*name, *read, body))
    });
    let Some((name, read, body)) = chosen else {
        let shapes = STRATEGIES.map(|(name, _)| format!("{{\"{name}\": ...}}"));
        node.unknown_choice(&shapes.each_ref().map(String::as_str));
        return None;
    };
    let strategy = read(&body)?;
    if on.is_some_and(|on| !strategy.suits(on)) {
        node.lint("contradiction", format!("{name} cannot be given for what this rule is on"));
    }
    if strategy.multiplies() && stacking == Some(&Stacking::Base) {
        node.lint("contradiction", "a multiplier multiplies what base rules gave, so its stacking cannot be base");
    }
    Some(strategy)
}
