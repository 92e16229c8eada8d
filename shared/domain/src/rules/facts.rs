//! What a condition may know of an occasion: the variables of an expression, and their values.

use std::collections::HashMap;

use cel::{Context, Value, objects::Key};
use jiff::Timestamp;

use crate::{
    rules::program::{Program, condition::environment, expression_check::Variable},
    state::account::{Account, AttributeValue},
    values::{
        calendar,
        id::LevelId,
        occasion::{Activity, Line, Occasion, Purchase, Scalar},
        text::Label,
    },
};

/// The facts of one occasion, for every condition that is asked about it.
pub(crate) struct Facts {
    context: Context<'static, 'static>,
}

impl Facts {
    /// The facts about a member at a moment.
    pub(crate) fn new(program: &Program, account: &Account, tier: Option<&LevelId>, at: Timestamp) -> Self {
        let mut facts = Self { context: Context::with_env(environment()) };
        facts.know(Variable::Member, member(program, account, tier));
        facts.know(Variable::OccurredAt, moment(program, at));
        facts
    }

    /// The facts about an occasion.
    pub(crate) fn of(program: &Program, account: &Account, tier: Option<&LevelId>, occasion: &Occasion) -> Self {
        let mut facts = Self::new(program, account, tier, occasion.occurred_at());
        match occasion {
            Occasion::Purchase(bought) => facts.know(Variable::Purchase, purchase(bought)),
            Occasion::Activity(done) => facts.know(Variable::Activity, activity(done)),
            Occasion::Enrollment(_) | Occasion::Birthday(_) | Occasion::Referral(_) => {}
        }
        facts
    }

    fn know(&mut self, variable: Variable, value: Value) {
        self.context.add_variable_from_value(variable.name(), value);
    }

    /// The context of the occasion as a whole.
    pub(crate) fn context(&self) -> &Context<'static, 'static> {
        &self.context
    }

    /// The context of one of its lines.
    pub(crate) fn context_of_line(&self, line: &Line) -> Context<'_, 'static> {
        let mut context = self.context.new_inner_scope();
        context.add_variable_from_value(
            Variable::Line.name(),
            map([
                ("sku", label(line.sku.as_ref())),
                ("category", label(line.category.as_ref())),
                ("quantity", line.quantity.get().into()),
                ("amount", line.amount.get().into()),
            ]),
        );
        context
    }
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    HashMap::<Key, Value>::from(fields.map(|(name, value)| (name.into(), value))).into()
}

/// What is absent is `null`, so that a comparison with it is false instead of a fault.
fn label(label: Option<&Label>) -> Value {
    label.map_or(Value::Null, |label| label.as_str().into())
}

fn member(program: &Program, account: &Account, tier: Option<&LevelId>) -> Value {
    let attributes: HashMap<Key, Value> = program
        .attributes
        .iter()
        .map(|spec| {
            let value = account.attributes.get(&spec.id).map_or(Value::Null, |value| match value {
                AttributeValue::Boolean(truth) => Value::Bool(*truth),
                AttributeValue::Integer(number) => Value::Int(*number),
                AttributeValue::Date(date) => date.to_string().into(),
                AttributeValue::String(text) => text.as_str().into(),
            });
            (spec.id.as_str().into(), value)
        })
        .collect();
    map([
        ("tier", tier.map_or(Value::Null, |tier| tier.as_str().into())),
        ("enrolled_on", program.date(account.enrolled_at).to_string().into()),
        ("attributes", attributes.into()),
    ])
}

fn moment(program: &Program, at: Timestamp) -> Value {
    let date = program.date(at);
    let time = calendar::time_in(&program.zone, at);
    let number = |number: i8| Value::Int(number.into());
    map([
        ("date", date.to_string().into()),
        ("time", time.strftime("%H:%M:%S").to_string().into()),
        ("weekday", date.strftime("%a").to_string().to_lowercase().into()),
        ("year", Value::Int(date.year().into())),
        ("month", number(date.month())),
        ("day", number(date.day())),
        ("hour", number(time.hour())),
        ("minute", number(time.minute())),
    ])
}

fn purchase(purchase: &Purchase) -> Value {
    let items = purchase.lines.iter().fold(0_i64, |items, line| items.saturating_add(line.quantity.get()));
    map([
        ("total", purchase.total.amount.get().into()),
        ("currency", purchase.total.currency.code().into()),
        ("channel", label(purchase.channel.as_ref())),
        ("store", label(purchase.store.as_ref())),
        ("items", items.into()),
    ])
}

fn activity(activity: &Activity) -> Value {
    let attributes: HashMap<Key, Value> = activity
        .attributes
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Scalar::Boolean(truth) => Value::Bool(*truth),
                Scalar::Integer(number) => Value::Int(*number),
                Scalar::Text(text) => text.as_str().into(),
            };
            (name.as_str().into(), value)
        })
        .collect();
    map([("type", activity.kind.as_str().into()), ("attributes", attributes.into())])
}
