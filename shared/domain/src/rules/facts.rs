//! What a condition may know of an occasion: the value of each fact.

use crate::{
    rules::{
        expression::{evaluate::Known, fact::Fact, value::Value},
        program::Program,
    },
    state::account::{Account, AttributeValue},
    values::{
        calendar,
        id::LevelId,
        occasion::{Activity, Occasion},
        purchase::{Line, Purchase},
        scalar::Scalar,
        text::Label,
    },
};
use jiff::Timestamp;

/// The facts of one occasion, for every condition that is asked about it. Nothing is copied that the occasion or the account
/// has as a text.
pub(crate) struct Facts<'a> {
    tier: Option<&'a LevelId>,
    enrolled_on: String,
    /// In the order of the program's list.
    attributes: Vec<Value<'a>>,
    moment: Moment,
    occasion: Option<&'a Occasion>,
    /// Pieces on all lines.
    items: i64,
    /// What of a purchase earns, in minor units.
    eligible: i64,
}

/// A moment on the clocks of the program's time zone.
struct Moment {
    date: String,
    time: String,
    weekday: String,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
}

/// The facts of an occasion and of one of its lines.
pub(crate) struct FactsOfLine<'a> {
    facts: &'a Facts<'a>,
    line: &'a Line,
}

impl<'a> Facts<'a> {
    /// The facts about a member at a moment.
    pub(crate) fn new(program: &Program, account: &'a Account, tier: Option<&'a LevelId>, at: Timestamp) -> Self {
        let attributes = program.attributes.iter().map(|spec| match account.attributes.get(&spec.id) {
            None => Value::Null,
            Some(AttributeValue::Boolean(truth)) => Value::Boolean(*truth),
            Some(AttributeValue::Integer(number)) => Value::Number(*number),
            Some(AttributeValue::Date(date)) => Value::Text(date.to_string().into()),
            Some(AttributeValue::String(text)) => text.as_str().into(),
        });
        Self {
            tier,
            enrolled_on: program.date(account.enrolled_at).to_string(),
            attributes: attributes.collect(),
            moment: moment(program, at),
            occasion: None,
            items: 0,
            eligible: 0,
        }
    }

    /// The facts about an occasion.
    pub(crate) fn of(
        program: &Program,
        account: &'a Account,
        tier: Option<&'a LevelId>,
        occasion: &'a Occasion,
        eligible: i64,
    ) -> Self {
        let items = occasion.lines().iter().fold(0_i64, |items, line| items.saturating_add(line.quantity.pieces()));
        let facts = Self::new(program, account, tier, occasion.occurred_at());
        Self { occasion: Some(occasion), items, eligible, ..facts }
    }

    /// With those of one line.
    pub(crate) fn of_line(&'a self, line: &'a Line) -> FactsOfLine<'a> {
        FactsOfLine { facts: self, line }
    }

    fn purchase<'b>(&'b self, value: impl FnOnce(&'b Purchase) -> Value<'b>) -> Value<'b> {
        self.occasion.and_then(Occasion::purchase).map_or(Value::Null, value)
    }

    fn activity<'b>(&'b self, value: impl FnOnce(&'b Activity) -> Value<'b>) -> Value<'b> {
        self.occasion.and_then(Occasion::activity).map_or(Value::Null, value)
    }
}

impl Known for Facts<'_> {
    fn value<'a>(&'a self, fact: &'a Fact) -> Value<'a> {
        match fact {
            Fact::Total => self.purchase(|purchase| Value::Number(purchase.total.amount.get())),
            Fact::Currency => self.purchase(|purchase| purchase.total.currency.code().into()),
            Fact::Channel => self.purchase(|purchase| label(purchase.channel.as_ref())),
            Fact::Store => self.purchase(|purchase| label(purchase.store.as_ref())),
            Fact::Items => self.purchase(|_| Value::Number(self.items)),
            Fact::Eligible => self.purchase(|_| Value::Number(self.eligible)),
            Fact::Tax => self.purchase(|purchase| Value::Number(purchase.parts.tax.get())),
            Fact::Shipping => self.purchase(|purchase| Value::Number(purchase.parts.shipping.get())),
            Fact::Discount => self.purchase(|purchase| Value::Number(purchase.parts.discount.get())),
            Fact::Receipt => self
                .purchase(|purchase| purchase.receipt.as_ref().map_or(Value::Null, |receipt| receipt.as_str().into())),
            Fact::PurchaseAttribute(name) => self.purchase(|purchase| scalar(purchase.attributes.get(name))),
            Fact::ActivityType => self.activity(|activity| activity.kind.as_str().into()),
            Fact::ActivityAttribute(name) => self.activity(|activity| scalar(activity.attributes.get(name))),
            Fact::Tier => self.tier.map_or(Value::Null, |tier| tier.as_str().into()),
            Fact::EnrolledOn => self.enrolled_on.as_str().into(),
            Fact::MemberAttribute(place, _) => self.attributes.get(*place).map_or(Value::Null, Value::borrowed),
            Fact::Date => self.moment.date.as_str().into(),
            Fact::Time => self.moment.time.as_str().into(),
            Fact::Weekday => self.moment.weekday.as_str().into(),
            Fact::Year => Value::Number(self.moment.year),
            Fact::Month => Value::Number(self.moment.month),
            Fact::Day => Value::Number(self.moment.day),
            Fact::Hour => Value::Number(self.moment.hour),
            Fact::Minute => Value::Number(self.moment.minute),
            // A condition that speaks of a line is asked about one.
            Fact::Sku | Fact::Category | Fact::Quantity | Fact::Amount => Value::Null,
        }
    }
}

impl Known for FactsOfLine<'_> {
    fn value<'a>(&'a self, fact: &'a Fact) -> Value<'a> {
        match fact {
            Fact::Sku => label(self.line.sku.as_ref()),
            Fact::Category => label(self.line.category.as_ref()),
            Fact::Quantity => Value::Number(self.line.quantity.pieces()),
            Fact::Amount => Value::Number(self.line.amount.get()),
            Fact::Total
            | Fact::Currency
            | Fact::Channel
            | Fact::Store
            | Fact::Items
            | Fact::Eligible
            | Fact::Tax
            | Fact::Shipping
            | Fact::Discount
            | Fact::Receipt
            | Fact::PurchaseAttribute(_)
            | Fact::ActivityType
            | Fact::ActivityAttribute(_)
            | Fact::Tier
            | Fact::EnrolledOn
            | Fact::MemberAttribute(..)
            | Fact::Date
            | Fact::Time
            | Fact::Weekday
            | Fact::Year
            | Fact::Month
            | Fact::Day
            | Fact::Hour
            | Fact::Minute => self.facts.value(fact),
        }
    }
}

fn scalar(scalar: Option<&Scalar>) -> Value<'_> {
    match scalar {
        None => Value::Null,
        Some(Scalar::Boolean(truth)) => Value::Boolean(*truth),
        Some(Scalar::Integer(number)) => Value::Number(*number),
        Some(Scalar::Text(text)) => text.as_str().into(),
    }
}

fn label(label: Option<&Label>) -> Value<'_> {
    label.map_or(Value::Null, |label| label.as_str().into())
}

fn moment(program: &Program, at: Timestamp) -> Moment {
    let date = program.date(at);
    let time = calendar::time_in(&program.zone, at);
    Moment {
        date: date.to_string(),
        time: time.strftime("%H:%M:%S").to_string(),
        weekday: date.strftime("%a").to_string().to_lowercase(),
        year: date.year().into(),
        month: date.month().into(),
        day: date.day().into(),
        hour: time.hour().into(),
        minute: time.minute().into(),
    }
}
