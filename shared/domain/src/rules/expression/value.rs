//! The values of an expression, and its operators and functions.
//!
//! A missing value is `null`. `==` and `!=` compare it like any other value; an order, a search and `in` with it are
//! false; arithmetic and conversions of it are `null`. As a boolean it counts as false. None of this is a fault.

use std::{borrow::Cow, cmp::Ordering};

use super::function::Function;
use crate::ledger::condition_fault::ConditionFault;

/// A value. Texts are borrowed from the facts or the expression until they are joined.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(bool),
    Number(i64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    /// A literal list.
    Written(&'a [Value<'a>]),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> Value<'a> {
    /// Returns the same value, without a copy of its content.
    pub(crate) fn borrowed(&'a self) -> Self {
        match self {
            Self::Null => Self::Null,
            Self::Boolean(truth) => Self::Boolean(*truth),
            Self::Number(number) => Self::Number(*number),
            Self::Text(text) => Self::Text(Cow::Borrowed(text)),
            Self::List(items) => Self::Written(items),
            Self::Written(items) => Self::Written(items),
        }
    }

    pub(super) fn items(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::List(items) => Some(items),
            Self::Written(items) => Some(items),
            Self::Null | Self::Boolean(_) | Self::Number(_) | Self::Text(_) => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns it as a boolean.
    pub(super) fn truth(&self) -> Result<bool, ConditionFault> {
        match self {
            Self::Boolean(truth) => Ok(*truth),
            Self::Null => Ok(false),
            Self::Number(_) | Self::Text(_) | Self::List(_) | Self::Written(_) => Err(ConditionFault::TypeMismatch),
        }
    }
}

impl PartialEq for Value<'_> {
    /// Values of different types are not equal.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(one), Self::Boolean(other)) => one == other,
            (Self::Number(one), Self::Number(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            (one, other) => one.items().zip(other.items()).is_some_and(|(one, other)| one == other),
        }
    }
}

/// Applies a function of one operand.
pub(super) fn unary(function: Function, value: Value<'_>) -> Result<Value<'_>, ConditionFault> {
    match (function, value) {
        (Function::Not, value) => Ok(Value::Boolean(!value.truth()?)),
        (_, Value::Null) => Ok(Value::Null),
        (Function::Negate, Value::Number(number)) => {
            number.checked_neg().map(Value::Number).ok_or(ConditionFault::Overflow)
        }
        (Function::Size, Value::Text(text)) => Ok(length(text.chars().count())),
        (Function::Size, value) => value.items().map(|items| length(items.len())).ok_or(ConditionFault::TypeMismatch),
        (Function::Integer, Value::Text(text)) => {
            text.parse().map(Value::Number).map_err(|_| ConditionFault::NotConvertible)
        }
        (Function::Text, Value::Number(number)) => Ok(Value::Text(Cow::Owned(number.to_string()))),
        (Function::Text, Value::Boolean(truth)) => Ok(Value::from(if truth { "true" } else { "false" })),
        (Function::Boolean, Value::Text(text)) => match &*text {
            "1" | "t" | "true" | "TRUE" | "True" => Ok(Value::Boolean(true)),
            "0" | "f" | "false" | "FALSE" | "False" => Ok(Value::Boolean(false)),
            _ => Err(ConditionFault::NotConvertible),
        },
        (Function::Integer, value @ Value::Number(_))
        | (Function::Text, value @ Value::Text(_))
        | (Function::Boolean, value @ Value::Boolean(_)) => Ok(value),
        _ => Err(ConditionFault::TypeMismatch),
    }
}

fn length<'a>(length: usize) -> Value<'a> {
    Value::Number(i64::try_from(length).unwrap_or(i64::MAX))
}

/// Applies a function or an operator of two operands.
pub(super) fn binary<'a>(function: Function, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>, ConditionFault> {
    match function {
        Function::Equal => Ok(Value::Boolean(left == right)),
        Function::NotEqual => Ok(Value::Boolean(left != right)),
        Function::Less => order(&left, &right, Ordering::is_lt),
        Function::LessOrEqual => order(&left, &right, Ordering::is_le),
        Function::Greater => order(&left, &right, Ordering::is_gt),
        Function::GreaterOrEqual => order(&left, &right, Ordering::is_ge),
        Function::In => is_in(&left, &right),
        Function::Contains => search(&left, &right, |text, part| text.contains(part)),
        Function::StartsWith => search(&left, &right, |text, part| text.starts_with(part)),
        Function::EndsWith => search(&left, &right, |text, part| text.ends_with(part)),
        Function::Add => add(left, right),
        Function::Subtract => arithmetic(&left, &right, i64::checked_sub),
        Function::Multiply => arithmetic(&left, &right, i64::checked_mul),
        Function::Divide => divide(&left, &right, i64::checked_div),
        Function::Remainder => divide(&left, &right, i64::checked_rem),
        Function::And
        | Function::Or
        | Function::Not
        | Function::Choose
        | Function::Negate
        | Function::Size
        | Function::Integer
        | Function::Text
        | Function::Boolean => Err(ConditionFault::Unsupported),
    }
}

fn order<'a>(
    left: &Value<'_>,
    right: &Value<'_>,
    holds: impl FnOnce(Ordering) -> bool,
) -> Result<Value<'a>, ConditionFault> {
    let ordering = match (left, right) {
        (Value::Null, _) | (_, Value::Null) => return Ok(Value::Boolean(false)),
        (Value::Number(left), Value::Number(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        _ => return Err(ConditionFault::TypeMismatch),
    };
    Ok(Value::Boolean(holds(ordering)))
}

fn is_in<'a>(value: &Value<'_>, list: &Value<'_>) -> Result<Value<'a>, ConditionFault> {
    if value.is_null() || list.is_null() {
        return Ok(Value::Boolean(false));
    }
    let items = list.items().ok_or(ConditionFault::TypeMismatch)?;
    Ok(Value::Boolean(items.contains(value)))
}

fn search<'a>(
    text: &Value<'_>,
    part: &Value<'_>,
    holds: impl FnOnce(&str, &str) -> bool,
) -> Result<Value<'a>, ConditionFault> {
    match (text, part) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Boolean(false)),
        (Value::Text(text), Value::Text(part)) => Ok(Value::Boolean(holds(text, part))),
        _ => Err(ConditionFault::TypeMismatch),
    }
}

fn add<'a>(left: Value<'a>, right: Value<'a>) -> Result<Value<'a>, ConditionFault> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        // The result of an earlier join is extended, so that a chain of joins copies each part once.
        (Value::Text(left), Value::Text(right)) => {
            let mut joined = left.into_owned();
            joined.push_str(&right);
            Ok(Value::Text(Cow::Owned(joined)))
        }
        (Value::Number(left), Value::Number(right)) => {
            left.checked_add(right).map(Value::Number).ok_or(ConditionFault::Overflow)
        }
        (left, right) => {
            let mut joined = into_items(left)?;
            if let Value::Written(items) = right {
                joined.extend(items.iter().map(Value::borrowed));
            } else {
                joined.append(&mut into_items(right)?);
            }
            Ok(Value::List(joined))
        }
    }
}

fn into_items(value: Value<'_>) -> Result<Vec<Value<'_>>, ConditionFault> {
    match value {
        Value::List(items) => Ok(items),
        Value::Written(items) => Ok(items.iter().map(Value::borrowed).collect()),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Text(_) => Err(ConditionFault::TypeMismatch),
    }
}

fn arithmetic<'a>(
    left: &Value<'_>,
    right: &Value<'_>,
    operation: impl FnOnce(i64, i64) -> Option<i64>,
) -> Result<Value<'a>, ConditionFault> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Number(left), Value::Number(right)) => {
            operation(*left, *right).map(Value::Number).ok_or(ConditionFault::Overflow)
        }
        _ => Err(ConditionFault::TypeMismatch),
    }
}

fn divide<'a>(
    left: &Value<'_>,
    right: &Value<'_>,
    operation: impl FnOnce(i64, i64) -> Option<i64>,
) -> Result<Value<'a>, ConditionFault> {
    match (left, right) {
        (Value::Number(_), Value::Number(0)) => Err(ConditionFault::DivisionByZero),
        _ => arithmetic(left, right, operation),
    }
}
