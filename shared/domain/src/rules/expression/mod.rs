//! Checked expressions: conditions with resolved names.
//!
//! The `cel` crate only parses. Evaluation is here because of three requirements that its interpreter does not meet: a
//! missing value is `null` and never a fault, the text of a fault contains no value, and the work of an evaluation is
//! bounded by the expression. A property test compares the results of both where no `null` is involved.

use crate::rules::expression::{
    fact::{Fact, Variable},
    function::Function,
    value::Value,
};

pub(crate) mod evaluate;
pub(crate) mod fact;
pub(crate) mod function;
#[cfg(test)]
mod tests;
mod types;
pub(crate) mod value;
pub(crate) mod work;

/// A checked expression.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    /// A literal value.
    Constant(Value<'static>),
    /// A fact of the occasion.
    Fact(Fact),
    /// Whether a fact is given: `has(fact)`.
    Given(Fact),
    /// A list with an element that is not constant.
    List(Box<[Expression]>),
    /// A function or an operator, with its operands.
    Call(Function, Box<[Expression]>),
}

impl Expression {
    /// Returns whether it reads a fact of `variable`.
    pub(crate) fn speaks_of(&self, variable: Variable) -> bool {
        self.reads(&|fact| fact.variable() == variable)
    }

    /// Returns whether it reads a fact for which `is_it` holds.
    pub(crate) fn reads(&self, is_it: &impl Fn(&Fact) -> bool) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::Fact(fact) | Self::Given(fact) => is_it(fact),
            Self::List(parts) | Self::Call(_, parts) => parts.iter().any(|part| part.reads(is_it)),
        }
    }

    /// Returns each fact that it compares with a literal text by `==` or `!=`, or that it looks for in a literal list, with that
    /// text.
    pub(crate) fn comparisons(&self) -> Vec<(&Fact, &str)> {
        let mut comparisons = Vec::new();
        let (Self::List(parts) | Self::Call(_, parts)) = self else { return comparisons };
        if let Self::Call(function, parts) = self {
            match (function, &**parts) {
                (
                    Function::Equal | Function::NotEqual,
                    [Self::Fact(fact), Self::Constant(Value::Text(text))]
                    | [Self::Constant(Value::Text(text)), Self::Fact(fact)],
                ) => comparisons.push((fact, &**text)),
                (Function::In, [Self::Fact(fact), list]) => {
                    comparisons.extend(list.texts().into_iter().map(|text| (fact, text)));
                }
                _ => {}
            }
        }
        comparisons.extend(parts.iter().flat_map(Self::comparisons));
        comparisons
    }

    /// Returns the literal texts of a list.
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Constant(Value::Text(text)) => vec![&**text],
            Self::Constant(list) => {
                let texts = list.items().unwrap_or_default().iter().filter_map(|item| match item {
                    Value::Text(text) => Some(&**text),
                    Value::Null | Value::Boolean(_) | Value::Number(_) | Value::List(_) | Value::Written(_) => None,
                });
                texts.collect()
            }
            Self::List(parts) => parts.iter().flat_map(Self::texts).collect(),
            Self::Fact(_) | Self::Given(_) | Self::Call(..) => Vec::new(),
        }
    }

    /// Returns whether its result can be a boolean, as far as this is known without the facts.
    pub(crate) fn may_be_boolean(&self) -> bool {
        self.is_boolean() != Some(false)
    }

    /// Returns whether its result is a boolean; `None` if this depends on the facts.
    fn is_boolean(&self) -> Option<bool> {
        match self {
            Self::Constant(value) => Some(matches!(value, Value::Boolean(_))),
            Self::Fact(fact) => fact.is_boolean(),
            Self::Given(_) => Some(true),
            Self::List(_) => Some(false),
            Self::Call(function, parts) => match function {
                Function::And
                | Function::Or
                | Function::Not
                | Function::Equal
                | Function::NotEqual
                | Function::Less
                | Function::LessOrEqual
                | Function::Greater
                | Function::GreaterOrEqual
                | Function::In
                | Function::Contains
                | Function::StartsWith
                | Function::EndsWith
                | Function::Boolean => Some(true),
                Function::Choose => {
                    let branches = parts.iter().skip(1).map(Self::is_boolean);
                    branches.reduce(|one, other| one.filter(|_| one == other))?
                }
                Function::Add
                | Function::Subtract
                | Function::Multiply
                | Function::Divide
                | Function::Remainder
                | Function::Negate
                | Function::Size
                | Function::Integer
                | Function::Text => Some(false),
            },
        }
    }
}
