//! The time for which a member has paid for a plan.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::values::{
    calendar::days_after,
    id::{EntryId, MemberId, PlanId},
};

/// The time for which a member has paid for a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTerm {
    /// The plan.
    pub plan: PlanId,
    /// The first day. It is in the future while the term waits for others to end.
    pub from: Date,
    /// The last paid day.
    pub through: Date,
    /// The version of the program under which it was last paid. Its terms apply to the last day; a payment under other
    /// terms adds another term.
    pub version: u64,
    /// The payment that started it. It distinguishes the payments of this term from those of an earlier one. `None` for
    /// terms of releases that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_by: Option<EntryId>,
    /// The member whose ledger has the payment that started it; `None` if it is the account's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<MemberId>,
    /// The number of its payments that were not reversed.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub payments: u32,
    /// The day of the month on which its intervals begin, if other terms have moved it away from the day of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor_day: Option<i8>,
    /// Whether the next term continues the same plan, under the terms of a later version. Days of grace come only after the
    /// last of such terms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_continued: bool,
}

impl PlanTerm {
    /// Returns the day of the month on which its intervals begin.
    pub(crate) fn anchor(&self) -> i8 {
        self.anchor_day.unwrap_or_else(|| self.from.day())
    }

    /// Returns the number of its paid days that are left, including `today`.
    pub(crate) fn days_left(&self, today: Date) -> i32 {
        let first = self.from.max(today);
        first.until(self.through).map_or(0, |left| left.get_days().saturating_add(1)).max(0)
    }

    /// Returns the term with its remaining days, starting on `begins`. After them, its intervals begin on another day
    /// of the month.
    pub(crate) fn moved_to(self, begins: Date, today: Date) -> Self {
        if self.from == begins {
            return self;
        }
        let next = days_after(begins, self.days_left(today));
        let is_anchored = next.day() == begins.day().min(next.last_of_month().day());
        let anchor_day = (!is_anchored).then(|| next.day());
        Self { from: begins, through: days_after(next, -1), anchor_day, ..self }
    }
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_one(payments: &u32) -> bool {
    *payments == 1
}
