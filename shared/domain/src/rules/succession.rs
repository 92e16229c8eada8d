//! Compares a new version of a program with the version before it: what it changes, and what it must not change.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    rules::{
        cap::Cap,
        node::Finding,
        program::{EarningRule, Level, Program, Tiers},
        trigger::Trigger,
        version_head::{Differs, VersionHead},
    },
    state::cap_use::CapOwner,
    values::id::{LevelId, RuleId},
};

/// One version of a program: its document, and what was read from it.
#[derive(Clone, Copy, Debug)]
pub struct Edition<'a> {
    /// The rules.
    pub program: &'a Program,
    /// The document that they were read from.
    pub document: &'a Value,
}

/// The relation of a new version to the versions before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// How it differs from the version before, for [`VersionHead::differs`].
    pub differs: Differs,
    /// For [`VersionHead::replaces`].
    pub replaces: Vec<(LevelId, LevelId)>,
    /// Warnings for the owner. They do not prevent publishing.
    pub warnings: Vec<Finding>,
}

/// Returns the succession of the first version of a program.
///
/// It is in force from its publication and decides everything earlier, so what it says about other versions has no
/// effect.
#[must_use]
pub fn first(new: Edition<'_>) -> Succession {
    let ignored = new.program.in_force_from.map(|_| Finding {
        at: "/in_force_from".to_owned(),
        code: "in_force_from_ignored",
        message: "The first version of a program is in force at once and decides everything earlier.".to_owned(),
    });
    Succession { differs: Differs::Nothing, replaces: Vec::new(), warnings: ignored.into_iter().collect() }
}

/// Compares a new version with the version `before` it, the newest of the published ones, whose heads are `published`.
///
/// # Errors
///
/// Every change that is not allowed: another currency or time zone (`cannot_change`), a level that is neither kept nor
/// replaced (`level_dropped`), and a correction of a version that does not exist (`unknown_version`).
pub fn succession(
    before: Edition<'_>,
    new: Edition<'_>,
    published: &[VersionHead],
) -> Result<Succession, Vec<Finding>> {
    let problems: Vec<_> = unchangeable(before, new)
        .into_iter()
        .chain(dropped(before.program, new.program))
        .chain(uncorrectable(new.program, published))
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Succession {
        differs: differs(before, new),
        replaces: replaced(before.program, new.program),
        warnings: raised(before.program, new.program),
    })
}

/// Amounts in accounts have no currency of their own, and dates in accounts no time zone.
fn unchangeable(before: Edition<'_>, new: Edition<'_>) -> Vec<Finding> {
    let is_same_currency = before.program.currency == new.program.currency;
    let is_same_zone = before.program.zone.iana_name() == new.program.zone.iana_name();
    [("currency", is_same_currency), ("time_zone", is_same_zone)]
        .into_iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(field, _)| {
            let was = before.document.get(field).and_then(Value::as_str).unwrap_or_default();
            Finding {
                at: format!("/{field}"),
                code: "cannot_change",
                message: format!("must stay {was}: accounts hold amounts and dates that depend on it"),
            }
        })
        .collect()
}

/// Returns an error for each level of the version before that members would lose without a replacement.
fn dropped(before: &Program, new: &Program) -> Vec<Finding> {
    let at = if new.tiers.is_some() { "/tiers/levels" } else { "/tiers" };
    let is_dropped = |level: &&Level| successor(new.tiers.as_ref(), &level.id).is_none();
    let dropped = before.tiers.iter().flat_map(|tiers| &tiers.levels).filter(is_dropped);
    dropped
        .map(|level| Finding {
            at: at.to_owned(),
            code: "level_dropped",
            message: format!(
                "{} is a level of version {}: keep it, or name it in \"replaces\" of the level that its members have instead",
                level.id, before.version
            ),
        })
        .collect()
}

/// Returns the level that members of `old` have under `tiers`, and its position.
fn successor<'t>(tiers: Option<&'t Tiers>, old: &LevelId) -> Option<(usize, &'t Level)> {
    let levels = || tiers.into_iter().flat_map(|tiers| &tiers.levels).enumerate();
    levels().find(|(_, level)| level.id == *old).or_else(|| levels().find(|(_, level)| level.replaces.contains(old)))
}

fn uncorrectable(new: &Program, published: &[VersionHead]) -> Option<Finding> {
    let corrected = new.corrects.filter(|corrected| !published.iter().any(|head| head.version == *corrected))?;
    Some(Finding {
        at: "/corrects".to_owned(),
        code: "unknown_version",
        message: format!("must be the number of an earlier version, and there is no version {corrected}"),
    })
}

/// Returns the levels of the version before whose id changed. A document may still name what older versions replaced.
fn replaced(before: &Program, new: &Program) -> Vec<(LevelId, LevelId)> {
    let levels = before.tiers.iter().flat_map(|tiers| &tiers.levels);
    levels
        .filter_map(|old| {
            let (_, level) = successor(new.tiers.as_ref(), &old.id)?;
            (level.id != old.id).then(|| (old.id.clone(), level.id.clone()))
        })
        .collect()
}

/// Returns a warning for each level whose threshold is raised.
fn raised(before: &Program, new: &Program) -> Vec<Finding> {
    let levels = before.tiers.iter().flat_map(|tiers| &tiers.levels);
    levels
        .filter_map(|old| {
            let (place, level) = successor(new.tiers.as_ref(), &old.id)?;
            let was = |unit| old.thresholds.amounts().find(|(other, _)| *other == unit).map_or(0, |(_, amount)| amount);
            level.thresholds.amounts().any(|(unit, amount)| amount > was(unit)).then(|| Finding {
                at: format!("/tiers/levels/{place}/threshold"),
                code: "threshold_raised",
                message: format!(
                    "{} asks for more than {} did in version {}. Members who have the level keep it until the date that they \
                     were promised; the new threshold counts for what is still to be reached.",
                    level.id, old.id, before.version
                ),
            })
        })
        .collect()
}

/// Returns how `new` differs from `before` in the effects of time on an account. If in doubt, it says that they differ,
/// which costs a read; the opposite would settle accounts by wrong rules.
fn differs(before: Edition<'_>, new: Edition<'_>) -> Differs {
    // What a version corrects ends when it comes into force, even if its own levels are those of the version before.
    if ranks(before.program) != ranks(new.program) || new.program.corrects.is_some() {
        Differs::Tiers
    } else if !is_same_over_time(before, new) {
        Differs::Time
    } else {
        Differs::Nothing
    }
}

/// Returns the tiers without fields that do not affect who has which level.
fn ranks(program: &Program) -> Option<Tiers> {
    let mut tiers = program.tiers.clone()?;
    tiers.notice_days = None;
    for level in &mut tiers.levels {
        level.earning_percent = 0;
        level.perks.clear();
        level.entitlements.clear();
        // A level that replaces another has another id.
        level.replaces.clear();
    }
    Some(tiers)
}

fn is_same_over_time(before: Edition<'_>, new: Edition<'_>) -> bool {
    let (old, now) = (before.program, new.program);
    old.points.expiry == now.points.expiry
        && old.points.expiry_notice_days == now.points.expiry_notice_days
        && tier_notice_days(old) == tier_notice_days(now)
        && old.points.backdating_days_max == now.points.backdating_days_max
        && old.plans == now.plans
        && birthdays(before) == birthdays(new)
        && caps(old) == caps(now)
        && steps(before) == steps(new)
}

/// Returns how many days before the end of a level its notice is written, if at all.
fn tier_notice_days(program: &Program) -> Option<i32> {
    program.tiers.as_ref()?.notice_days
}

/// Returns earning rules with their part of the document. Both are in the document's order.
fn rules(edition: Edition<'_>) -> impl Iterator<Item = (&EarningRule, &Value)> {
    let written = edition.document.get("earning_rules").and_then(Value::as_array);
    edition.program.earning_rules.iter().zip(written.into_iter().flatten())
}

/// Returns everything that affects the points of a birthday; `None` without birthday rules.
fn birthdays(edition: Edition<'_>) -> Option<(Vec<&Value>, [Option<&Value>; 2])> {
    let of_birthdays: Vec<_> = rules(edition).filter(|(rule, _)| rule.on == Trigger::Birthday).collect();
    let written = of_birthdays.iter().map(|(_, written)| *written).collect();
    let others = ["points", "attributes"].map(|field| edition.document.get(field));
    (!of_birthdays.is_empty()).then_some((written, others))
}

/// Returns every cap whose use an account stores. Entitlements of plans are compared with their plans.
fn caps(program: &Program) -> Vec<(CapOwner, Cap)> {
    let rules = program.earning_rules.iter().filter_map(|rule| Some((rule.cap_owner(), rule.cap?)));
    let rewards = program.rewards.iter().filter_map(|reward| Some((reward.cap_owner(), reward.limit?)));
    let levels = program.tiers.iter().flat_map(|tiers| &tiers.levels).flat_map(|level| &level.entitlements);
    let entitlements =
        levels.map(|entitlement| (CapOwner::Entitlement(entitlement.id.clone()), entitlement.cap(entitlement.times)));
    let mut caps: Vec<_> = rules.chain(rewards).chain(entitlements).collect();
    caps.sort_by(|(one, _), (other, _)| one.cmp(other));
    caps
}

/// Returns what rules give for steps that an account stores.
fn steps(edition: Edition<'_>) -> BTreeMap<&RuleId, &Value> {
    let given = rules(edition).filter_map(|(rule, written)| Some((&rule.id, written.get("give")?)));
    given.filter(|(_, give)| !STEPLESS.iter().any(|strategy| give.get(strategy).is_some())).collect()
}

/// The strategies without steps. Any other strategy is assumed to have steps.
const STEPLESS: [&str; 4] = ["rate", "fixed", "multiplier", "per_item"];
