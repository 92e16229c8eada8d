//! What members of a level or a plan may use without points, so many times in each interval.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::Value;

use crate::{
    rules::{
        cap::{Cap, INTERVALS, Per, Unit},
        node::Node,
        schema::{Field, choice, integer, list, object, parsed},
    },
    values::{calendar::Every, id::EntitlementId},
};

/// Most entitlements of a level or a plan.
const ENTITLEMENTS_MAX: usize = 20;

/// Most times in an interval. A member may have those of a level and those of a plan together.
const TIMES_MAX: i64 = 1_000_000;

/// Something that may be used without points: `{ "id": "tasting", "times": 2, "every": "year" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Its id. The same one of a level and of a plan is one entitlement, whose times add up.
    pub id: EntitlementId,
    /// How often.
    pub times: i64,
    /// In which interval: the same wherever the program names it.
    pub every: Every,
}

impl Entitlement {
    /// The cap under which `times` uses of it are counted.
    pub(crate) fn cap(&self, times: i64) -> Cap {
        Cap { most: times, unit: Unit::Times, per: Per::Member, every: self.every }
    }
}

/// The interval of each entitlement, as the document named it first.
#[derive(Debug, Default)]
pub(super) struct Intervals(RefCell<BTreeMap<EntitlementId, Every>>);

/// The schema of a list of entitlements.
pub(super) fn schema() -> Value {
    list(ENTITLEMENTS_MAX, object(&FIELDS))
}

/// The fields of an entitlement.
pub(super) const FIELDS: [Field; 3] = [
    Field::required(
        "id",
        "The id of the entitlement. Levels and plans that name the same id add their times up.",
        parsed::<EntitlementId>,
    ),
    Field::required("times", "How often it can be used in an interval.", || integer(1..=TIMES_MAX)),
    Field::required("every", "The interval.", || choice(&INTERVALS)),
];

pub(super) fn read(node: &Node<'_>, intervals: &Intervals) -> Option<Vec<Entitlement>> {
    node.list_by_id(ENTITLEMENTS_MAX, |node| read_entitlement(node, intervals))
}

fn read_entitlement(node: &Node<'_>, intervals: &Intervals) -> Option<Entitlement> {
    let fields = node.fields(&FIELDS)?;
    let id: Option<EntitlementId> = fields.required("id").and_then(|node| node.parsed("malformed"));
    let times = fields.required("times").and_then(|node| node.integer(1..=TIMES_MAX));
    let every = fields.required("every").and_then(|node| {
        let every = node.choice(&INTERVALS)?;
        let mut intervals = intervals.0.borrow_mut();
        let first = id.as_ref().map_or(every, |id| *intervals.entry(id.clone()).or_insert(every));
        if first != every {
            node.lint(
                "contradiction",
                "the same entitlement has another interval elsewhere, so its times cannot add up",
            );
        }
        Some(every)
    });
    Some(Entitlement { id: id?, times: times?, every: every? })
}
