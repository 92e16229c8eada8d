//! The facts of an occasion that conditions can read.

use crate::{
    ledger::facts::MemberThen,
    rules::{
        expression::{evaluate::Known, fact::Fact, value::Value},
        program::{BIRTHDAY_ATTRIBUTE, Program},
        trigger::Trigger,
    },
    state::{
        account::{Account, AttributeValue, Bought},
        qualifying::Qualifying,
    },
    values::{
        calendar,
        id::{AttributeId, LevelId, PlanId},
        occasion::{Activity, Occasion},
        purchase::{Line, Purchase},
        scalar::Scalar,
        text::Label,
    },
};
use jiff::{Timestamp, civil::Date};

/// The facts of one occasion, for all conditions on it. Texts of the occasion and of the member are borrowed.
pub(crate) struct Facts<'a> {
    member: &'a MemberThen,
    enrolled_on: String,
    first_purchase_on: Option<String>,
    last_purchase_on: Option<String>,
    days_since_last_purchase: Option<i64>,
    /// In the order of the program's list.
    attributes: Vec<Value<'a>>,
    moment: Moment,
    occasion: Option<&'a Occasion>,
    /// Pieces on all lines.
    items: i64,
    /// The eligible part of a purchase, in minor units.
    eligible: i64,
}

impl MemberThen {
    /// Returns what conditions of `program` can read about the member of `account`, with the level `tier`, the plan
    /// `plan`, and the amounts toward a tier in the `period` of an occasion.
    pub(crate) fn of(
        program: &Program,
        account: &Account,
        tier: Option<LevelId>,
        plan: Option<(PlanId, i64)>,
        period: Qualifying,
    ) -> Self {
        Self {
            tier,
            plan,
            enrolled_on: Some(program.date(account.enrolled_at)),
            attributes: account.attributes.clone(),
            bought: Some(account.bought),
            period: Some(period),
        }
    }

    /// Returns those of these facts that a return of a purchase needs: those that conditions of `program` read, without
    /// personal data.
    pub(crate) fn kept(&self, program: &Program) -> Self {
        let reads = |is_it: fn(&Fact) -> bool| reads_of_purchases(program, is_it);
        let is_kept = |id: &AttributeId| {
            program.attributes.iter().enumerate().any(|(place, spec)| {
                let is_birthday = spec.id.as_str() == BIRTHDAY_ATTRIBUTE;
                let is_it = |fact: &Fact| {
                    matches!(fact, Fact::MemberAttribute(read, _) if *read == place)
                        || is_birthday && *fact == Fact::BirthdayMonth
                };
                spec.id == *id && !spec.personal && reads_of_purchases(program, is_it)
            })
        };
        let is_bought = |fact: &Fact| {
            matches!(
                fact,
                Fact::Purchases
                    | Fact::Spend
                    | Fact::FirstPurchaseOn
                    | Fact::LastPurchaseOn
                    | Fact::DaysSinceLastPurchase
            )
        };
        let is_period = |fact: &Fact| matches!(fact, Fact::PeriodPoints | Fact::PeriodSpend | Fact::PeriodVisits);
        let attributes = self.attributes.iter().filter(|(id, _)| is_kept(id));
        Self {
            tier: self.tier.clone(),
            plan: self.plan.clone(),
            enrolled_on: self.enrolled_on.filter(|_| reads(|fact| *fact == Fact::EnrolledOn)),
            attributes: attributes.map(|(id, value)| (id.clone(), value.clone())).collect(),
            bought: self.bought.filter(|_| reads(is_bought)),
            period: self.period.filter(|_| reads(is_period)),
        }
    }

    /// Returns these facts with the personal attributes of `account`, which are stored nowhere else: conditions read
    /// their current values.
    pub(crate) fn with_personal(&self, program: &Program, account: &Account) -> Self {
        let personal = program.attributes.iter().filter(|spec| spec.personal);
        let now = personal.filter_map(|spec| Some((spec.id.clone(), account.attributes.get(&spec.id)?.clone())));
        let mut then = self.clone();
        then.attributes.extend(now);
        then
    }
}

/// Returns whether a condition of a rule on purchases reads a fact for which `is_it` holds.
fn reads_of_purchases(program: &Program, is_it: impl Fn(&Fact) -> bool) -> bool {
    let rules = program.earning_rules.iter().filter(|rule| rule.on == Trigger::Purchase);
    rules.filter_map(|rule| rule.when.as_ref()).any(|condition| condition.reads(&is_it))
}

/// An instant in the program's time zone.
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
    /// Returns the facts about a member at an instant.
    pub(crate) fn new(program: &Program, member: &'a MemberThen, at: Timestamp) -> Self {
        let attributes = program.attributes.iter().map(|spec| match member.attributes.get(&spec.id) {
            None => Value::Null,
            Some(AttributeValue::Boolean(truth)) => Value::Boolean(*truth),
            Some(AttributeValue::Integer(number)) => Value::Number(*number),
            Some(AttributeValue::Date(date)) => Value::Text(date.to_string().into()),
            Some(AttributeValue::String(text)) => text.as_str().into(),
        });
        let Bought { first_at, last_at, .. } = member.bought.unwrap_or_default();
        let date = |seconds: i64| Timestamp::from_second(seconds).ok().map(|at| program.date(at));
        let last_on = last_at.and_then(date);
        let since = last_on.and_then(|last| program.date(at).since(last).ok());
        Self {
            member,
            enrolled_on: member.enrolled_on.map(|date| date.to_string()).unwrap_or_default(),
            first_purchase_on: first_at.and_then(date).map(|date| date.to_string()),
            last_purchase_on: last_on.map(|date| date.to_string()),
            days_since_last_purchase: since.map(|since| since.get_days().into()),
            attributes: attributes.collect(),
            moment: moment(program, at),
            occasion: None,
            items: 0,
            eligible: 0,
        }
    }

    /// Returns the facts about an occasion.
    pub(crate) fn of(program: &Program, member: &'a MemberThen, occasion: &'a Occasion, eligible: i64) -> Self {
        let items = occasion.lines().iter().fold(0_i64, |items, line| items.saturating_add(line.quantity.pieces()));
        let facts = Self::new(program, member, occasion.occurred_at());
        Self { occasion: Some(occasion), items, eligible, ..facts }
    }

    fn bought(&self, value: impl FnOnce(Bought) -> i64) -> Value<'_> {
        Value::Number(value(self.member.bought.unwrap_or_default()))
    }

    fn period(&self, value: impl FnOnce(Qualifying) -> i64) -> Value<'_> {
        Value::Number(value(self.member.period.unwrap_or_default()))
    }

    fn birthday_month(&self) -> Option<i64> {
        let birthday = self.member.attributes.iter().find(|(id, _)| id.as_str() == BIRTHDAY_ATTRIBUTE)?;
        let date: Option<Date> = match birthday.1 {
            AttributeValue::Date(date) => Some(*date),
            AttributeValue::String(text) => text.parse().ok(),
            AttributeValue::Boolean(_) | AttributeValue::Integer(_) => None,
        };
        date.map(|date| date.month().into())
    }

    /// Returns these facts with those of one line.
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
            Fact::Tier => self.member.tier.as_ref().map_or(Value::Null, |tier| tier.as_str().into()),
            Fact::Plan => self.member.plan.as_ref().map_or(Value::Null, |(plan, _)| plan.as_str().into()),
            Fact::Purchases => self.bought(|bought| i64::try_from(bought.purchases).unwrap_or(i64::MAX)),
            Fact::Spend => self.bought(|bought| bought.spend),
            Fact::FirstPurchaseOn => date_text(self.first_purchase_on.as_ref()),
            Fact::LastPurchaseOn => date_text(self.last_purchase_on.as_ref()),
            Fact::DaysSinceLastPurchase => self.days_since_last_purchase.map_or(Value::Null, Value::Number),
            Fact::PeriodPoints => self.period(|period| period.points),
            Fact::PeriodSpend => self.period(|period| period.spend),
            Fact::PeriodVisits => self.period(|period| period.visits),
            Fact::BirthdayMonth => self.birthday_month().map_or(Value::Null, Value::Number),
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
            // A condition on `line` is evaluated with a line.
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
            | Fact::Plan
            | Fact::Purchases
            | Fact::Spend
            | Fact::FirstPurchaseOn
            | Fact::LastPurchaseOn
            | Fact::DaysSinceLastPurchase
            | Fact::PeriodPoints
            | Fact::PeriodSpend
            | Fact::PeriodVisits
            | Fact::BirthdayMonth
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

fn date_text(date: Option<&String>) -> Value<'_> {
    date.map_or(Value::Null, |date| date.as_str().into())
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
