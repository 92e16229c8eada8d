//! Paid plans: validated here, and named as not yet in effect.

use super::{NAME_LENGTH_MAX, cap::INTERVALS, node::Node};
use crate::{
    calendar::Every,
    id::{LevelId, RewardId},
    money::AMOUNT_MAX,
};

/// Most paid plans in a program.
const PLANS_MAX: usize = 20;

/// Most entitlements of a level or a plan.
const ENTITLEMENTS_MAX: usize = 20;

pub(super) fn read(node: &Node<'_>, levels: Option<&[LevelId]>) -> Option<()> {
    let plans = node.list_by_id(PLANS_MAX, |node| read_plan(node, levels))?;
    if !plans.is_empty() {
        node.not_yet("no member can take a plan");
    }
    Some(())
}

fn read_plan(node: &Node<'_>, levels: Option<&[LevelId]>) -> Option<()> {
    let fields = node.fields(&["id", "name", "price", "interval", "tier_floor", "earning_percent", "entitlements"])?;
    let id = fields.required("id").and_then(|node| node.parsed::<RewardId>("malformed"));
    let name = fields.read_or("name", None, |node| node.string(NAME_LENGTH_MAX).map(Some));
    let price = fields.required("price").and_then(|node| node.integer(0..=AMOUNT_MAX));
    let interval =
        fields.required("interval").and_then(|node| node.choice(&[("month", Every::Month), ("year", Every::Year)]));
    let floor = fields.read_or("tier_floor", None, |node| read_level(node, levels).map(Some));
    let percent = fields.read_or("earning_percent", 100, |node| node.integer(100..=10_000));
    let entitlements = fields.read_or("entitlements", (), read_entitlements);
    id?;
    name?;
    price?;
    interval?;
    floor?;
    percent?;
    entitlements
}

/// The id of one of the program's levels, if these are known.
pub(super) fn read_level(node: &Node<'_>, levels: Option<&[LevelId]>) -> Option<LevelId> {
    let level: LevelId = node.parsed("malformed")?;
    if levels.is_some_and(|levels| !levels.contains(&level)) {
        node.fault("unknown_level", format!("{level} is not a level of this program"));
        return None;
    }
    Some(level)
}

pub(super) fn read_entitlements(node: &Node<'_>) -> Option<()> {
    let entitlements = node.list_by_id(ENTITLEMENTS_MAX, |node| {
        let fields = node.fields(&["id", "times", "every"])?;
        let id = fields.required("id").and_then(|node| node.parsed::<RewardId>("malformed"));
        let times = fields.required("times").and_then(|node| node.integer(1..=1_000_000));
        let every = fields.required("every").and_then(|node| node.choice(&INTERVALS));
        Some((id?, times?, every?))
    })?;
    if !entitlements.is_empty() {
        node.not_yet("an entitlement is neither counted nor granted");
    }
    Some(())
}
