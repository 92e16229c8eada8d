//! How points round, mature and expire in a program.

use std::collections::BTreeSet;

use jiff::civil::Date;

use serde_json::{Value, json};

use crate::{
    rules::{
        node::Node,
        program::eligible::{self, EligiblePolicy},
        schema::{Field, any_of, choice, list, object, some, span, texts, variant},
    },
    state::{lots::Expiry, pending::Awaits},
    values::{
        calendar::{days_after, last_of_quarter, months_after},
        points::Rounding,
    },
};

/// Maximum lifetime of points, in months.
const EXPIRY_MONTHS_MAX: i64 = 120;

/// Maximum wait of pending points, in days.
const PENDING_DAYS_MAX: i64 = 366;

/// Maximum number of days by which a purchase may be backdated: the shortest year. A purchase then belongs to the
/// current tier period or to the one before, and the account stores these two only.
const BACKDATING_DAYS_MAX: i64 = 365;

/// Default number of days before expiry on which a notice is written: a month, so that a member who comes monthly comes
/// once more.
const EXPIRY_NOTICE_DAYS: i32 = 30;

/// Maximum of these days: a quarter. Members forget an earlier notice.
const EXPIRY_NOTICE_DAYS_MAX: i64 = 90;

/// Default number of days for which late-posted points can be used: a month, so that a member who comes monthly can
/// still use them.
const USABLE_DAYS_MIN: i32 = 30;

/// Maximum of these days: a year, like [`BACKDATING_DAYS_MAX`].
const USABLE_DAYS_MIN_MAX: i64 = 365;

/// Maximum number of days after leaving for which a returning person is recognised: ten years.
const REJOIN_AFTER_DAYS_MAX: i64 = 3_660;

/// How points round, mature and expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointsPolicy {
    /// How a fraction of a point becomes a whole number, once per rule.
    pub rounding: Rounding,
    /// How long points wait before they can be spent.
    pub pending: PendingPolicy,
    /// When points expire.
    pub expiry: ExpiryPolicy,
    /// What happens when more points are deducted than there are.
    pub negative_balance: NegativeBalance,
    /// The number of days by which a purchase may be backdated.
    pub backdating_days_max: i32,
    /// The number of days before the last day of points on which a notice is written; `None` without notices.
    pub expiry_notice_days: Option<i32>,
    /// The minimum number of days after posting for which late-posted points can be used; 0 if expiry does not depend
    /// on the posting.
    pub usable_days_min: i32,
    /// What extends points that expire with inactivity.
    pub activity: BTreeSet<ActivityKind>,
    /// The parts of a purchase that are eligible.
    pub eligible: EligiblePolicy,
    /// Whether a receipt is accepted for one purchase only.
    pub unique_receipts: bool,
    /// The number of days after leaving in which a returning person gets no welcome points and no referral; `None`
    /// without such a limit.
    pub rejoin_after_days: Option<i32>,
}

impl Default for PointsPolicy {
    fn default() -> Self {
        Self {
            rounding: Rounding::Floor,
            pending: PendingPolicy::None,
            expiry: ExpiryPolicy::Never,
            negative_balance: NegativeBalance::Owe,
            backdating_days_max: 30,
            expiry_notice_days: Some(EXPIRY_NOTICE_DAYS),
            usable_days_min: USABLE_DAYS_MIN,
            activity: [ActivityKind::Purchase, ActivityKind::Redemption].into(),
            eligible: EligiblePolicy::default(),
            unique_receipts: false,
            rejoin_after_days: None,
        }
    }
}

/// A kind of activity that can extend points that expire with inactivity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActivityKind {
    /// A purchase with a total above zero.
    Purchase,
    /// A redemption; one on hold counts when it is captured.
    Redemption,
    /// An activity for which the program has a rule.
    Activity,
    /// Starting or renewing a plan.
    Plan,
    /// The use of an entitlement.
    Entitlement,
}

/// How long points wait before they can be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingPolicy {
    /// They do not wait.
    None,
    /// This number of days after they were earned.
    Days(i32),
    /// Until they are confirmed.
    UntilConfirmed {
        /// The number of days within which they must be confirmed.
        lapses_after_days: i32,
    },
}

impl PointsPolicy {
    /// Returns what points wait for that were earned on `earned_on` and are posted on `posted_on`; `None` if they can
    /// be spent at once.
    #[must_use]
    pub fn awaits(&self, earned_on: Date, posted_on: Date) -> Option<Awaits> {
        match self.pending {
            PendingPolicy::None => None,
            PendingPolicy::Days(days) => {
                let day = days_after(earned_on, days);
                Some(Awaits::Maturity(day, self.expires(day, earned_on, posted_on)))
            }
            PendingPolicy::UntilConfirmed { lapses_after_days } => {
                Some(Awaits::Confirmation(days_after(posted_on, lapses_after_days)))
            }
        }
    }

    /// Returns the day to which activity of this kind on `date` extends all points; `None` if it extends none.
    #[must_use]
    pub fn extended_to(&self, kind: ActivityKind, date: Date) -> Option<Date> {
        self.expiry.extended_to(date).filter(|_| self.activity.contains(&kind))
    }

    /// Returns when points expire that can be spent from `spendable_on` on, were earned on `earned_on` and are posted on
    /// `posted_on`.
    #[must_use]
    pub fn expires(&self, spendable_on: Date, earned_on: Date, posted_on: Date) -> Expiry {
        self.usable(self.expiry.expiry(spendable_on), earned_on, posted_on)
    }

    /// Returns `expiry`, or a later day if late-posted points could otherwise be used for fewer than `usable_days_min`
    /// days after the day of posting. Without this, they could expire before the member knows of them.
    #[must_use]
    pub fn usable(&self, expiry: Expiry, earned_on: Date, posted_on: Date) -> Expiry {
        if posted_on > earned_on && self.usable_days_min > 0 {
            expiry.at_least(days_after(posted_on, self.usable_days_min))
        } else {
            expiry
        }
    }
}

/// What happens when more points are deducted than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegativeBalance {
    /// The member owes the rest, and later points pay it first.
    Owe,
    /// The rest is forgiven.
    Forgive,
}

/// How the last day of points is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounded {
    /// The day itself.
    ExactDay,
    /// The last day of its month.
    EndOfMonth,
    /// The last day of its quarter.
    EndOfQuarter,
    /// The last day of its year.
    EndOfYear,
}

/// When points expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpiryPolicy {
    /// They never expire.
    Never,
    /// This number of months after they became spendable, rounded in the member's favour.
    AfterMonths {
        /// The number of months.
        months: i32,
        /// How the last day is rounded.
        rounded: Rounded,
    },
    /// On the next of these days of the year (month, day) after the day on which they became spendable.
    FixedDates(Vec<(i8, i8)>),
    /// This number of months after they became spendable, or after the member's last activity
    /// ([`PointsPolicy::activity`]) if that is later.
    Inactivity {
        /// The number of months.
        months: i32,
    },
    /// The earlier of two policies. They are of different kinds, and neither is `Never` or another pair.
    Earlier(Box<[ExpiryPolicy; 2]>),
}

impl ExpiryPolicy {
    /// Returns the day to which activity on `date` extends all points; `None` if activity extends none.
    #[must_use]
    pub fn extended_to(&self, date: Date) -> Option<Date> {
        match self {
            Self::Never | Self::AfterMonths { .. } | Self::FixedDates(_) => None,
            Self::Inactivity { months } => Some(months_after(date, *months)),
            Self::Earlier(both) => both.iter().find_map(|policy| policy.extended_to(date)),
        }
    }

    /// Returns the expiry of points that become spendable on `date`, if nothing extends them.
    #[must_use]
    pub fn expiry(&self, date: Date) -> Expiry {
        match self {
            Self::Never => Expiry::Never,
            Self::AfterMonths { months, rounded } => {
                let day = months_after(date, *months);
                Expiry::On(match rounded {
                    Rounded::ExactDay => day,
                    Rounded::EndOfMonth => day.last_of_month(),
                    Rounded::EndOfQuarter => last_of_quarter(day),
                    Rounded::EndOfYear => day.last_of_year(),
                })
            }
            Self::FixedDates(days) => days
                .iter()
                .flat_map(|(month, day)| [0, 12].map(|months| in_year_of(months_after(date, months), *month, *day)))
                .filter(|expires_on| *expires_on > date)
                .min()
                .map_or(Expiry::Never, Expiry::On),
            Self::Inactivity { months } => Expiry::On(months_after(date, *months)),
            Self::Earlier(both) => {
                let [one, other] = both.as_ref();
                match (one, other) {
                    (Self::Inactivity { .. }, _) => one.limited(other, date),
                    (_, Self::Inactivity { .. }) => other.limited(one, date),
                    (
                        Self::Never | Self::AfterMonths { .. } | Self::FixedDates(_) | Self::Earlier(_),
                        Self::Never | Self::AfterMonths { .. } | Self::FixedDates(_) | Self::Earlier(_),
                    ) => one.expiry(date).min(other.expiry(date)),
                }
            }
        }
    }

    /// Returns the expiry of points that become spendable on `date`. Activity extends them by this policy, and never
    /// beyond the date of the policy `end`.
    fn limited(&self, end: &Self, date: Date) -> Expiry {
        match (self.expiry(date).on(), end.expiry(date).on()) {
            (Some(day), Some(limit)) => Expiry::Limited(day.min(limit), limit),
            (_, None) => self.expiry(date),
            (None, Some(limit)) => Expiry::On(limit),
        }
    }

    /// Returns the field of a document that names this kind of policy.
    fn field(&self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::AfterMonths { .. } => "after_months",
            Self::FixedDates(_) => "fixed_dates",
            Self::Inactivity { .. } => "inactivity_months",
            Self::Earlier(_) => "list",
        }
    }
}

/// Returns the day of the year in the year of `date`. 29 February becomes the last day of February.
fn in_year_of(date: Date, month: i8, day: i8) -> Date {
    Date::new(date.year(), month, day)
        .unwrap_or_else(|_| Date::new(date.year(), month, 1).map_or(Date::MAX, Date::last_of_month))
}

/// The fields of a points policy.
pub(super) const FIELDS: [Field; 11] = [
    Field::optional("rounding", "How each rule rounds a fraction of a point.", || choice(&ROUNDINGS)).or("\"floor\""),
    Field::optional("pending", "How long points wait before they can be spent.", pending).or("\"none\""),
    Field::optional(
        "expiry",
        "When points expire. With a list of two policies of different kinds, the earlier day applies.",
        expiry,
    )
    .or("\"never\""),
    Field::optional("negative_balance", "What happens if more points are deducted than the member has.", || {
        choice(&NEGATIVE_BALANCES)
    })
    .or("\"owe\""),
    Field::optional("backdating_days_max", "The maximum number of days by which a purchase can be posted late.", || {
        span(0..=BACKDATING_DAYS_MAX)
    })
    .or("30"),
    Field::optional(
        "expiry_notice_days",
        "The number of days before the expiry on which a notice is written; 0 for none.",
        || span(0..=EXPIRY_NOTICE_DAYS_MAX),
    )
    .or("30"),
    Field::optional(
        "usable_days_min",
        "The minimum number of days for which late-posted points can be used.",
        || span(0..=USABLE_DAYS_MIN_MAX),
    )
    .or("30"),
    Field::optional("activity", "What extends points that expire with inactivity.", || {
        list(ACTIVITIES.len(), choice(&ACTIVITIES))
    })
    .or("[\"purchase\", \"redemption\"]"),
    Field::optional("eligible", "The parts of a purchase that earn points and count toward a tier.", || {
        object(&eligible::FIELDS)
    }),
    Field::optional("receipts", "Whether a receipt can be used for one purchase only.", || choice(&RECEIPTS))
        .or("\"any\""),
    Field::optional(
        "rejoin_after_days",
        "The number of days after leaving in which a returning person gets no welcome points and no referral; 0 for none.",
        || span(0..=REJOIN_AFTER_DAYS_MAX),
    )
    .or("0"),
];

const ROUNDINGS: [(&str, Rounding); 3] =
    [("floor", Rounding::Floor), ("half_up", Rounding::HalfUp), ("ceiling", Rounding::Ceiling)];

const NEGATIVE_BALANCES: [(&str, NegativeBalance); 2] =
    [("owe", NegativeBalance::Owe), ("forgive", NegativeBalance::Forgive)];

const ACTIVITIES: [(&str, ActivityKind); 5] = [
    ("purchase", ActivityKind::Purchase),
    ("redemption", ActivityKind::Redemption),
    ("activity", ActivityKind::Activity),
    ("plan", ActivityKind::Plan),
    ("entitlement", ActivityKind::Entitlement),
];

/// Whether receipts are unique.
const RECEIPTS: [(&str, bool); 2] = [("any", false), ("unique", true)];

const ROUNDED: [(&str, Rounded); 4] = [
    ("exact_day", Rounded::ExactDay),
    ("end_of_month", Rounded::EndOfMonth),
    ("end_of_quarter", Rounded::EndOfQuarter),
    ("end_of_year", Rounded::EndOfYear),
];

/// The fields of points that need a confirmation.
const UNTIL_CONFIRMED: [Field; 1] =
    [Field::required("lapses_after_days", "The days after which points that were not confirmed lapse.", || {
        span(1..=PENDING_DAYS_MAX)
    })];

/// The fields of an expiry by age.
const AFTER_MONTHS: [Field; 2] = [
    Field::required("after_months", "The months after which points expire.", || span(1..=EXPIRY_MONTHS_MAX)),
    Field::optional("rounded_to", "The day on which they expire.", || choice(&ROUNDED)).or("\"end_of_month\""),
];

/// Maximum number of days of the year on which points can expire.
const FIXED_DATES_MAX: usize = 12;

/// How long points can wait.
fn pending() -> Value {
    any_of([
        texts(&["none"]),
        variant("days", "The days after which points can be spent.", || span(1..=PENDING_DAYS_MAX)),
        variant("until_confirmed", "Points can be spent once they are confirmed.", || object(&UNTIL_CONFIRMED)),
    ])
}

/// When points can expire.
fn expiry() -> Value {
    let both = json!({ "type": "array", "minItems": 2, "maxItems": 2, "items": any_of(policies()) });
    any_of([texts(&["never"])].into_iter().chain(policies()).chain([both]))
}

/// The kinds of expiry.
fn policies() -> [Value; 3] {
    let days = || some(FIXED_DATES_MAX, json!({ "type": "string", "pattern": DAY_OF_YEAR }));
    [
        object(&AFTER_MONTHS),
        variant("fixed_dates", "The days of the year on which points expire, as in `03-31`.", days),
        variant("inactivity_months", "The months without activity after which points expire.", || {
            span(1..=EXPIRY_MONTHS_MAX)
        }),
    ]
}

/// A month and a day of a leap year.
const DAY_OF_YEAR: &str =
    "^((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-9]))$";

pub(super) fn read(node: &Node<'_>) -> Option<PointsPolicy> {
    let defaults = PointsPolicy::default();
    let fields = node.fields(&FIELDS)?;
    let rounding = fields.read_or("rounding", defaults.rounding, |node| node.choice(&ROUNDINGS));
    let pending = fields.read_or("pending", defaults.pending, read_pending);
    let expiry = fields.read_or("expiry", defaults.expiry, read_expiry);
    let negative_balance =
        fields.read_or("negative_balance", defaults.negative_balance, |node| node.choice(&NEGATIVE_BALANCES));
    let backdating_days_max =
        fields.read_or("backdating_days_max", defaults.backdating_days_max, |node| node.span(0..=BACKDATING_DAYS_MAX));
    let expiry_notice_days = fields.read_or("expiry_notice_days", defaults.expiry_notice_days, |node| {
        let days = node.span(0..=EXPIRY_NOTICE_DAYS_MAX)?;
        Some((days > 0).then_some(days))
    });
    let usable_days_min =
        fields.read_or("usable_days_min", defaults.usable_days_min, |node| node.span(0..=USABLE_DAYS_MIN_MAX));
    let activity = fields.read_or("activity", defaults.activity, read_activity);
    let eligible = fields.read_or("eligible", defaults.eligible, eligible::read);
    let unique_receipts = fields.read_or("receipts", defaults.unique_receipts, |node| node.choice(&RECEIPTS));
    let rejoin_after_days = fields.read_or("rejoin_after_days", defaults.rejoin_after_days, |node| {
        let days = node.span(0..=REJOIN_AFTER_DAYS_MAX)?;
        Some((days > 0).then_some(days))
    });
    Some(PointsPolicy {
        unique_receipts: unique_receipts?,
        rejoin_after_days: rejoin_after_days?,
        eligible: eligible?,
        rounding: rounding?,
        pending: pending?,
        expiry: expiry?,
        negative_balance: negative_balance?,
        backdating_days_max: backdating_days_max?,
        expiry_notice_days: expiry_notice_days?,
        usable_days_min: usable_days_min?,
        activity: activity?,
    })
}

fn read_activity(node: &Node<'_>) -> Option<BTreeSet<ActivityKind>> {
    let kinds = node.list(ACTIVITIES.len(), |node| node.choice(&ACTIVITIES));
    kinds.map(|kinds| kinds.into_iter().collect())
}

fn read_pending(node: &Node<'_>) -> Option<PendingPolicy> {
    let days = |node: &Node<'_>| node.span(1..=PENDING_DAYS_MAX);
    match (node.text(), node.variant()) {
        (Some("none"), _) => Some(PendingPolicy::None),
        (_, Some(("days", node))) => days(&node).map(PendingPolicy::Days),
        (_, Some(("until_confirmed", node))) => {
            let lapses_after_days = days(&node.fields(&UNTIL_CONFIRMED)?.required("lapses_after_days")?)?;
            Some(PendingPolicy::UntilConfirmed { lapses_after_days })
        }
        _ => {
            node.unknown_choice(&["\"none\"", "{\"days\": n}", "{\"until_confirmed\": {\"lapses_after_days\": n}}"]);
            None
        }
    }
}

fn read_expiry(node: &Node<'_>) -> Option<ExpiryPolicy> {
    if node.is_list() { read_earlier(node) } else { read_policy(node) }
}

fn read_earlier(node: &Node<'_>) -> Option<ExpiryPolicy> {
    let policies = node.list(usize::MAX, |node| {
        if node.text() == Some("never") {
            node.fault("contradiction", "`never` cannot be one of two policies");
            return None;
        }
        read_policy(node)
    })?;
    let Ok(both) = <[ExpiryPolicy; 2]>::try_from(policies) else {
        node.fault("out_of_range", "must be a list of two policies, of which the earlier applies");
        return None;
    };
    let [one, other] = both.each_ref().map(ExpiryPolicy::field);
    if one == other {
        node.fault("contradiction", format!("both policies are {one}: give one, or two of different kinds"));
        return None;
    }
    Some(ExpiryPolicy::Earlier(Box::new(both)))
}

fn read_policy(node: &Node<'_>) -> Option<ExpiryPolicy> {
    if node.text() == Some("never") {
        return Some(ExpiryPolicy::Never);
    }
    if let Some(("fixed_dates", days)) = node.variant() {
        return read_fixed_dates(&days);
    }
    if let Some(("inactivity_months", months)) = node.variant() {
        return Some(ExpiryPolicy::Inactivity { months: months.span(1..=EXPIRY_MONTHS_MAX)? });
    }
    if !node.has("after_months") {
        node.unknown_choice(&[
            "\"never\"",
            "{\"after_months\": n, \"rounded_to\": ...}",
            "{\"fixed_dates\": [\"03-31\"]}",
            "{\"inactivity_months\": n}",
            "a list of two of them, except \"never\"",
        ]);
        return None;
    }
    let fields = node.fields(&AFTER_MONTHS)?;
    let months = fields.required("after_months").and_then(|node| node.span(1..=EXPIRY_MONTHS_MAX));
    let rounded = fields.read_or("rounded_to", Rounded::EndOfMonth, |node| node.choice(&ROUNDED));
    Some(ExpiryPolicy::AfterMonths { months: months?, rounded: rounded? })
}

fn read_fixed_dates(node: &Node<'_>) -> Option<ExpiryPolicy> {
    let days = node.list(FIXED_DATES_MAX, |node| {
        // Any leap year works to check a month and a day.
        let text = node.text().filter(|text| text.len() == 5);
        let date = text.and_then(|text| format!("2024-{text}").parse::<Date>().ok());
        if date.is_none() {
            node.fault("malformed", "must be a month and a day such as \"03-31\"");
        }
        date.map(|date| (date.month(), date.day()))
    })?;
    if days.is_empty() {
        node.lint("out_of_range", "must name at least one day");
    }
    Some(ExpiryPolicy::FixedDates(days))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn points_live_to_the_end_of_what_the_policy_names() {
        let after_a_year = |rounded| ExpiryPolicy::AfterMonths { months: 12, rounded };
        let after_a_month = ExpiryPolicy::AfterMonths { months: 1, rounded: Rounded::ExactDay };
        let fixed = ExpiryPolicy::FixedDates(vec![(3, 31), (9, 30)]);
        let leap = ExpiryPolicy::FixedDates(vec![(2, 29)]);
        for (policy, earned, expected) in [
            (&after_a_year(Rounded::ExactDay), date(2026, 11, 21), date(2027, 11, 21)),
            (&after_a_year(Rounded::EndOfMonth), date(2026, 11, 21), date(2027, 11, 30)),
            (&after_a_year(Rounded::EndOfQuarter), date(2026, 11, 21), date(2027, 12, 31)),
            (&after_a_year(Rounded::EndOfYear), date(2026, 1, 1), date(2027, 12, 31)),
            (&after_a_year(Rounded::ExactDay), date(2028, 2, 29), date(2029, 2, 28)),
            (&after_a_month, date(2027, 1, 31), date(2027, 2, 28)),
            (&fixed, date(2026, 11, 21), date(2027, 3, 31)),
            (&fixed, date(2027, 3, 30), date(2027, 3, 31)),
            (&fixed, date(2027, 3, 31), date(2027, 9, 30)),
            (&leap, date(2026, 11, 21), date(2027, 2, 28)),
            (&leap, date(2027, 11, 21), date(2028, 2, 29)),
        ] {
            assert_eq!(policy.expiry(earned), Expiry::On(expected), "{policy:?} from {earned}");
        }
        assert_eq!(ExpiryPolicy::Never.expiry(date(2026, 11, 21)), Expiry::Never);
    }
}
