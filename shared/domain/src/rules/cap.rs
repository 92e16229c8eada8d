//! Caps: limits on the uses or the points of a rule or a reward.

use jiff::civil::Date;

use serde_json::{Value, json};

use crate::{
    rules::{
        node::Node,
        schema::{Field, choice, integer, object},
    },
    state::{
        cap_use::{CapChange, CapOwner, CapUse},
        counter::{CounterId, CounterNeeded, Counters, Take},
    },
    values::{
        calendar::{Every, Interval},
        points::Points,
    },
};

/// The unit of a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Uses.
    Times,
    /// Points given or spent.
    Points,
}

/// The scope of a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Each member separately.
    Member,
    /// All members together.
    Program,
}

/// A cap: `{ "points": 200, "per": "member", "every": "month" }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The limit.
    pub most: i64,
    /// The unit.
    pub unit: Unit,
    /// The scope.
    pub per: Per,
    /// The interval.
    pub every: Every,
}

impl Cap {
    /// Returns the counter of this cap of `owner` on `date`; `None` if the account stores the use.
    #[must_use]
    pub fn counter(&self, owner: &CapOwner, date: Date) -> Option<CounterId> {
        match self.per {
            Per::Member => None,
            Per::Program => Some(CounterId::Cap { owner: owner.clone(), from: self.every.starting(date) }),
        }
    }

    /// Returns the part of `wanted` points that this cap of `owner` allows on `date`.
    ///
    /// # Errors
    ///
    /// More of the counter must be read.
    pub fn clip(
        &self,
        wanted: Points,
        owner: &CapOwner,
        date: Date,
        cap_use: &CapUse,
        counters: &Counters,
    ) -> Result<Points, CounterNeeded> {
        if wanted.is_zero() {
            return Ok(wanted);
        }
        let amount = match self.unit {
            Unit::Times => 1,
            Unit::Points => wanted.get(),
        };
        let left = match self.counter(owner, date) {
            Some(counter) => counters.left(&counter, self.most, amount)?,
            None => self.most.saturating_sub(cap_use.of(owner, Interval::of(self.every, date))).max(0),
        };
        Ok(match self.unit {
            Unit::Times if left > 0 => wanted,
            Unit::Times => Points::ZERO,
            Unit::Points => wanted.min(Points::new(left)),
        })
    }

    /// Returns the change for `owner` giving or taking `points` on `date`: a change of the account, or a take from the
    /// program's counter.
    #[must_use]
    pub(crate) fn use_up(&self, points: Points, owner: &CapOwner, date: Date) -> Used {
        let amount = match self.unit {
            Unit::Times => 1,
            Unit::Points => points.get(),
        };
        self.used_by(amount, owner, date)
    }

    /// Returns the use of this cap by `points`; zero without points.
    #[must_use]
    pub(crate) fn amount(&self, points: Points) -> i64 {
        match self.unit {
            Unit::Times => i64::from(!points.is_zero()),
            Unit::Points => points.get(),
        }
    }

    /// Returns the change for `owner` giving `after` points on `date` instead of `before`.
    #[must_use]
    pub(crate) fn use_instead(&self, before: Points, after: Points, owner: &CapOwner, date: Date) -> Used {
        self.used_by(self.amount(after).saturating_sub(self.amount(before)), owner, date)
    }

    /// Returns how many points more than `before` this cap allows an earlier accrual of `date`. The room is known for
    /// `is_known` intervals of the account and for every counter; otherwise there is none.
    ///
    /// # Errors
    ///
    /// More of the counter must be read.
    pub(crate) fn room(
        &self,
        (before, more): (Points, Points),
        owner: &CapOwner,
        date: Date,
        cap_use: &CapUse,
        counters: &Counters,
        is_known: impl Fn(Interval) -> bool,
    ) -> Result<Points, CounterNeeded> {
        let is_used = self.unit == Unit::Times && !before.is_zero();
        if is_used {
            // The single use was already counted.
            return Ok(more);
        }
        if self.per == Per::Member && !is_known(Interval::of(self.every, date)) {
            return Ok(Points::ZERO);
        }
        self.clip(more, owner, date, cap_use, counters)
    }

    /// Returns the change for `owner` returning `points` of `date`, and with them one use if `is_whole`.
    #[must_use]
    pub(crate) fn give_back(&self, points: Points, is_whole: bool, owner: &CapOwner, date: Date) -> Used {
        let amount = match self.unit {
            Unit::Times => i64::from(is_whole),
            Unit::Points => points.get(),
        };
        self.used_by(amount.saturating_neg(), owner, date)
    }

    fn used_by(&self, amount: i64, owner: &CapOwner, date: Date) -> Used {
        match self.counter(owner, date) {
            _ if amount == 0 => Used::Nothing,
            Some(counter) => Used::OfProgram(Take::new(counter, amount, self.most)),
            None => Used::OfMember(CapChange(owner.clone(), Interval::of(self.every, date), amount)),
        }
    }
}

/// A change of the use of a cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    /// No change.
    Nothing,
    /// The member's account.
    OfMember(CapChange),
    /// A counter over all members.
    OfProgram(Take),
}

/// The intervals of the calendar, by name.
pub(super) const INTERVALS: [(&str, Every); 5] =
    [("day", Every::Day), ("week", Every::Week), ("month", Every::Month), ("year", Every::Year), ("ever", Every::Ever)];

/// The schema of a cap: it counts either uses or points.
pub(super) fn schema() -> Value {
    let mut cap = object(&FIELDS);
    if let Some(fields) = cap.as_object_mut() {
        fields.insert("oneOf".to_owned(), json!([{ "required": ["times"] }, { "required": ["points"] }]));
    }
    cap
}

/// The fields of a cap.
const FIELDS: [Field; 4] = [
    Field::optional("times", "How often it can be used in an interval.", || integer(1..=Points::MAX.get())),
    Field::optional("points", "For how many points it can be used in an interval.", || integer(1..=Points::MAX.get())),
    Field::optional("per", "Whether the cap counts for each member or for all members together.", || choice(&OWNERS))
        .or("\"member\""),
    Field::required("every", "The interval.", || choice(&INTERVALS)),
];

const OWNERS: [(&str, Per); 2] = [("member", Per::Member), ("program", Per::Program)];

pub(super) fn read(node: &Node<'_>) -> Option<Cap> {
    let fields = node.fields(&FIELDS)?;
    let amount = match (fields.optional("times"), fields.optional("points")) {
        (Some(times), None) => times.integer(1..=Points::MAX.get()).map(|most| (most, Unit::Times)),
        (None, Some(points)) => points.integer(1..=Points::MAX.get()).map(|most| (most, Unit::Points)),
        (Some(_), Some(_)) | (None, None) => {
            node.fault("contradiction", "must give either times or points");
            None
        }
    };
    let per = fields.read_or("per", Per::Member, |node| node.choice(&OWNERS));
    let every = fields.required("every").and_then(|node| node.choice(&INTERVALS));
    let (most, unit) = amount?;
    Some(Cap { most, unit, per: per?, every: every? })
}
