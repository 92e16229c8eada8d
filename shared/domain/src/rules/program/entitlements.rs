//! Entitlements: what members of a level or a plan may use without points, a number of times per interval.

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

/// Maximum number of entitlements of a level or a plan.
const ENTITLEMENTS_MAX: usize = 20;

/// Maximum number of uses in an interval. A member may have those of a level plus those of a plan.
const TIMES_MAX: i64 = 1_000_000;

/// Something that may be used without points: `{ "id": "tasting", "times": 2, "every": "year" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// Its id. If a level and a plan grant the same id, it is one entitlement and the times add up.
    pub id: EntitlementId,
    /// The number of uses in an interval.
    pub times: i64,
    /// The interval, which is the same everywhere in the program.
    pub every: Every,
}

impl Entitlement {
    /// Returns the cap for `times` uses of it.
    pub(crate) fn cap(&self, times: i64) -> Cap {
        Cap { most: times, unit: Unit::Times, per: Per::Member, every: self.every }
    }
}

/// The interval of each entitlement at its first occurrence in the document.
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
        "The id of the entitlement. If several levels and plans grant the same id, the times add up.",
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
                "the same entitlement has another interval elsewhere in this document; all must have one interval",
            );
        }
        Some(every)
    });
    Some(Entitlement { id: id?, times: times?, every: every? })
}
