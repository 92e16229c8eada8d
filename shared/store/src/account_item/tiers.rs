//! The data behind the tier of an account: qualifying amounts, secured and promised tiers, an override, and plans.

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_domain::{
    account::{CountedElsewhere, Promise, Secured, TierOverride},
    id::MemberId,
    plan_term::PlanTerm,
    qualifying::Qualifying,
};

use super::{
    merged::{read_merged, write_merged},
    shapes::{as_array, list},
};
use crate::item::{Item, as_number, as_parsed, compact_date, number, text};

pub(super) fn write_qualifying(amount: &Qualifying) -> AttributeValue {
    let Qualifying { points, spend, visits } = amount;
    list([number(points), number(spend), number(visits)])
}

pub(super) fn read_qualifying(value: &AttributeValue) -> Option<Qualifying> {
    let [points, spend, visits] = as_array(value)?;
    Some(Qualifying { points: as_number(points)?, spend: as_number(spend)?, visits: as_number(visits)? })
}

pub(super) fn write_counted_elsewhere(moved: &CountedElsewhere, merged_from: &[MemberId]) -> AttributeValue {
    let CountedElsewhere { ledger, from, under } = moved;
    list([write_merged(ledger, merged_from), text(compact_date(*from)), text(compact_date(*under))])
}

pub(super) fn read_counted_elsewhere(value: &AttributeValue, merged_from: &[MemberId]) -> Option<CountedElsewhere> {
    let [ledger, from, under] = as_array(value)?;
    Some(CountedElsewhere {
        ledger: read_merged(ledger, merged_from)?,
        from: as_parsed(from)?,
        under: as_parsed(under)?,
    })
}

pub(super) fn write_secured(secured: &Secured) -> AttributeValue {
    let Secured { tier, through } = secured;
    list([text(tier.as_str()), text(compact_date(*through))])
}

pub(super) fn read_secured(value: &AttributeValue) -> Option<Secured> {
    let [tier, through] = as_array(value)?;
    Some(Secured { tier: as_parsed(tier)?, through: as_parsed(through)? })
}

pub(super) fn write_promise(promise: &Promise) -> AttributeValue {
    let Promise { tier, until, version, grace_days, as_of } = promise;
    let mut fields = Item::from([("t".to_owned(), text(tier.as_str())), ("v".to_owned(), number(version))]);
    if *grace_days != 0 {
        fields.insert("g".to_owned(), number(grace_days));
    }
    for (name, day) in [("u", until), ("d", as_of)] {
        if let Some(day) = day {
            fields.insert(name.to_owned(), text(compact_date(*day)));
        }
    }
    AttributeValue::M(fields)
}

pub(super) fn read_promise(value: &AttributeValue) -> Option<Promise> {
    let fields = value.as_m().ok()?;
    let day = |name| fields.get(name).map(|day| as_parsed(day).ok_or(())).transpose().ok();
    Some(Promise {
        tier: as_parsed(fields.get("t")?)?,
        until: day("u")?,
        version: as_number(fields.get("v")?)?,
        grace_days: fields.get("g").map_or(Some(0), as_number)?,
        as_of: day("d")?,
    })
}

pub(super) fn read_override(value: &AttributeValue) -> Option<TierOverride> {
    let [tier, until, reason] = as_array(value)?;
    Some(TierOverride { tier: as_parsed(tier)?, until: as_parsed(until)?, reason: as_parsed(reason)? })
}

pub(super) fn write_plan(term: &PlanTerm, merged_from: &[MemberId]) -> AttributeValue {
    let PlanTerm { plan, from, through, version, begun_by, ledger, payments, anchor_day, is_continued } = term;
    let mut fields = Item::from([
        ("p".to_owned(), text(plan.as_str())),
        ("f".to_owned(), text(compact_date(*from))),
        ("l".to_owned(), text(compact_date(*through))),
        ("v".to_owned(), number(version)),
    ]);
    fields.extend(begun_by.iter().map(|payment| ("b".to_owned(), text(payment.as_str()))));
    fields.extend(ledger.iter().map(|member| ("m".to_owned(), write_merged(member, merged_from))));
    fields.extend((*payments != 1).then(|| ("n".to_owned(), number(payments))));
    fields.extend(anchor_day.iter().map(|day| ("d".to_owned(), number(day))));
    fields.extend(is_continued.then(|| ("c".to_owned(), AttributeValue::Bool(true))));
    AttributeValue::M(fields)
}

pub(super) fn read_plan(value: &AttributeValue, merged_from: &[MemberId]) -> Option<PlanTerm> {
    let fields = value.as_m().ok()?;
    Some(PlanTerm {
        plan: as_parsed(fields.get("p")?)?,
        from: as_parsed(fields.get("f")?)?,
        through: as_parsed(fields.get("l")?)?,
        version: as_number(fields.get("v")?)?,
        begun_by: fields.get("b").map(|payment| as_parsed(payment).ok_or(())).transpose().ok()?,
        ledger: fields.get("m").map(|member| read_merged(member, merged_from).ok_or(())).transpose().ok()?,
        payments: fields.get("n").map_or(Some(1), as_number)?,
        anchor_day: fields.get("d").map(|day| as_number(day).ok_or(())).transpose().ok()?,
        is_continued: fields.get("c").map(|is| is.as_bool().copied()).transpose().ok()?.unwrap_or_default(),
    })
}
