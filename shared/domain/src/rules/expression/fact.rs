//! The facts that an expression can read.

use crate::{
    rules::program::attributes::{AttributeType, TEXT_LENGTH_MAX},
    values::{id::ID_LENGTH_MAX, text::LABEL_LENGTH_MAX},
};

/// Maximum number of bytes of a character in UTF-8.
const TEXT_BYTES_PER_CHARACTER: usize = 4;

/// The variables of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Purchase,
    Line,
    Activity,
    Member,
    OccurredAt,
}

impl Variable {
    /// Returns its name in an expression.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Line => "line",
            Self::Activity => "activity",
            Self::Member => "member",
            Self::OccurredAt => "occurred_at",
        }
    }

    /// Returns its fields that are facts.
    pub(crate) fn fields(self) -> &'static [(&'static str, Fact)] {
        match self {
            Self::Purchase => &[
                ("total", Fact::Total),
                ("currency", Fact::Currency),
                ("channel", Fact::Channel),
                ("store", Fact::Store),
                ("items", Fact::Items),
                ("eligible", Fact::Eligible),
                ("tax", Fact::Tax),
                ("shipping", Fact::Shipping),
                ("discount", Fact::Discount),
                ("receipt", Fact::Receipt),
            ],
            Self::Line => &[
                ("sku", Fact::Sku),
                ("category", Fact::Category),
                ("quantity", Fact::Quantity),
                ("amount", Fact::Amount),
            ],
            Self::Activity => &[("type", Fact::ActivityType)],
            Self::Member => &[
                ("tier", Fact::Tier),
                ("plan", Fact::Plan),
                ("enrolled_on", Fact::EnrolledOn),
                ("purchases", Fact::Purchases),
                ("spend", Fact::Spend),
                ("first_purchase_on", Fact::FirstPurchaseOn),
                ("last_purchase_on", Fact::LastPurchaseOn),
                ("days_since_last_purchase", Fact::DaysSinceLastPurchase),
                ("birthday_month", Fact::BirthdayMonth),
            ],
            Self::OccurredAt => &[
                ("date", Fact::Date),
                ("time", Fact::Time),
                ("weekday", Fact::Weekday),
                ("year", Fact::Year),
                ("month", Fact::Month),
                ("day", Fact::Day),
                ("hour", Fact::Hour),
                ("minute", Fact::Minute),
            ],
        }
    }

    /// Returns its facts below a name of their own: `member.period.points`.
    pub(crate) fn inner_fields(self) -> &'static [(&'static str, &'static [(&'static str, Fact)])] {
        match self {
            Self::Member => &[(
                "period",
                &[("points", Fact::PeriodPoints), ("spend", Fact::PeriodSpend), ("visits", Fact::PeriodVisits)],
            )],
            Self::Purchase | Self::Line | Self::Activity | Self::OccurredAt => &[],
        }
    }

    /// Returns whether it has attributes, each of which is also a fact.
    pub(crate) fn has_attributes(self) -> bool {
        match self {
            Self::Activity | Self::Member | Self::Purchase => true,
            Self::Line | Self::OccurredAt => false,
        }
    }
}

/// A fact of an occasion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Total,
    Currency,
    Channel,
    Store,
    Items,
    /// The eligible part of the total.
    Eligible,
    Tax,
    Shipping,
    Discount,
    Receipt,
    /// An attribute of a purchase, by its name.
    PurchaseAttribute(String),
    Sku,
    Category,
    Quantity,
    Amount,
    ActivityType,
    /// An attribute of an activity, by its name.
    ActivityAttribute(String),
    Tier,
    /// The plan that the member has paid for.
    Plan,
    EnrolledOn,
    /// The member's purchases, without those that were returned completely.
    Purchases,
    /// The amount paid for them, less refunds.
    Spend,
    FirstPurchaseOn,
    LastPurchaseOn,
    DaysSinceLastPurchase,
    /// What counts toward a tier in the period of the occasion.
    PeriodPoints,
    PeriodSpend,
    PeriodVisits,
    /// The month of the member's birthday, 1 to 12.
    BirthdayMonth,
    /// An attribute of a member, by its position in the program's list.
    MemberAttribute(usize, AttributeType),
    Date,
    Time,
    Weekday,
    Year,
    Month,
    Day,
    Hour,
    Minute,
}

impl Fact {
    /// Returns its variable.
    pub(crate) fn variable(&self) -> Variable {
        match self {
            Self::Total
            | Self::Currency
            | Self::Channel
            | Self::Store
            | Self::Items
            | Self::Eligible
            | Self::Tax
            | Self::Shipping
            | Self::Discount
            | Self::Receipt
            | Self::PurchaseAttribute(_) => Variable::Purchase,
            Self::Sku | Self::Category | Self::Quantity | Self::Amount => Variable::Line,
            Self::ActivityType | Self::ActivityAttribute(_) => Variable::Activity,
            Self::Tier
            | Self::Plan
            | Self::EnrolledOn
            | Self::Purchases
            | Self::Spend
            | Self::FirstPurchaseOn
            | Self::LastPurchaseOn
            | Self::DaysSinceLastPurchase
            | Self::PeriodPoints
            | Self::PeriodSpend
            | Self::PeriodVisits
            | Self::BirthdayMonth
            | Self::MemberAttribute(..) => Variable::Member,
            Self::Date
            | Self::Time
            | Self::Weekday
            | Self::Year
            | Self::Month
            | Self::Day
            | Self::Hour
            | Self::Minute => Variable::OccurredAt,
        }
    }

    /// Returns whether it is a boolean; `None` if this depends on the occasion.
    pub(super) fn is_boolean(&self) -> Option<bool> {
        match self {
            Self::ActivityAttribute(_) | Self::PurchaseAttribute(_) => None,
            Self::MemberAttribute(_, kind) => Some(*kind == AttributeType::Boolean),
            Self::Total
            | Self::Currency
            | Self::Channel
            | Self::Store
            | Self::Items
            | Self::Eligible
            | Self::Tax
            | Self::Shipping
            | Self::Discount
            | Self::Receipt
            | Self::Sku
            | Self::Category
            | Self::Quantity
            | Self::Amount
            | Self::ActivityType
            | Self::Tier
            | Self::Plan
            | Self::EnrolledOn
            | Self::Purchases
            | Self::Spend
            | Self::FirstPurchaseOn
            | Self::LastPurchaseOn
            | Self::DaysSinceLastPurchase
            | Self::PeriodPoints
            | Self::PeriodSpend
            | Self::PeriodVisits
            | Self::BirthdayMonth
            | Self::Date
            | Self::Time
            | Self::Weekday
            | Self::Year
            | Self::Month
            | Self::Day
            | Self::Hour
            | Self::Minute => Some(false),
        }
    }

    /// Returns whether it is looked up by name at each evaluation.
    pub(super) fn is_looked_up(&self) -> bool {
        matches!(self, Self::ActivityAttribute(_) | Self::PurchaseAttribute(_))
    }

    /// Returns the maximum number of bytes of its text; 0 for a number.
    pub(super) fn bytes_max(&self) -> usize {
        match self {
            Self::Channel
            | Self::Store
            | Self::Sku
            | Self::Category
            | Self::ActivityAttribute(_)
            | Self::PurchaseAttribute(_) => LABEL_LENGTH_MAX.saturating_mul(TEXT_BYTES_PER_CHARACTER),
            // Regardless of its current type: the account may have a text from a version with another type.
            Self::MemberAttribute(..) => TEXT_LENGTH_MAX.saturating_mul(TEXT_BYTES_PER_CHARACTER),
            Self::ActivityType | Self::Tier | Self::Plan | Self::Receipt => ID_LENGTH_MAX,
            Self::Currency
            | Self::EnrolledOn
            | Self::FirstPurchaseOn
            | Self::LastPurchaseOn
            | Self::Date
            | Self::Time
            | Self::Weekday => 16,
            Self::Total
            | Self::Purchases
            | Self::Spend
            | Self::DaysSinceLastPurchase
            | Self::PeriodPoints
            | Self::PeriodSpend
            | Self::PeriodVisits
            | Self::BirthdayMonth
            | Self::Items
            | Self::Eligible
            | Self::Tax
            | Self::Shipping
            | Self::Discount
            | Self::Quantity
            | Self::Amount
            | Self::Year
            | Self::Month
            | Self::Day
            | Self::Hour
            | Self::Minute => 0,
        }
    }
}
