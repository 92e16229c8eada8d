//! The maximum work of one evaluation of an expression, computed from the expression alone.
//!
//! Every fact is bounded and nothing loops, so the size of each value has a bound too, and the work of each operator follows
//! from the sizes of its operands.
//!
//! The weights come from the instructions that `callgrind` counts for the shapes of the benchmark `pricing`: a unit is at most
//! 29 instructions in each of them. The benchmark prints the time of a unit, for these shapes and for random expressions: 3.3
//! nanoseconds at most.

use std::collections::BTreeMap;

use super::{Expression, function::Function, value::Value};

/// To visit a part of an expression and return its value.
const PART: u64 = 4;

/// To find an attribute by its name, in addition.
const LOOKUP: u64 = 24;

/// To allocate memory for a text or a list, and to free it.
const MEMORY: u64 = 28;

/// To append to a text or a list that is already the result of a join.
const APPEND: u64 = 8;

/// To insert a value into a list, and to drop it.
const ITEM: u64 = 3;

/// To compare a value with one in a list.
const COMPARED: u64 = 2;

/// To prepare a search.
const SEARCH: u64 = 8;

/// Bytes copied or compared per unit of work.
const BYTES_COPIED: u64 = 64;

/// Bytes counted per unit of work.
const BYTES_COUNTED: u64 = 16;

/// Digits read per unit of work.
const BYTES_READ: u64 = 2;

/// Maximum number of bytes of a number as a text.
const NUMBER_BYTES: u64 = 20;

/// The maximum work of one evaluation, and its costliest part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// In units of at most 29 instructions.
    pub(crate) units: u64,
    /// The function or the operator with the most work, without its operands.
    pub(crate) costliest: Option<Function>,
}

impl Work {
    /// Returns the work of an expression.
    pub(crate) fn of(expression: &Expression) -> Self {
        let mut counted = Counted::default();
        counted.add(expression);
        let by = counted.by.iter().max_by_key(|(_, units)| **units);
        Self { units: counted.units, costliest: by.map(|(function, _)| *function) }
    }
}

/// A bound of the size of a value.
#[derive(Clone, Copy, Default)]
struct Extent {
    /// Bytes of a text, or of all texts in a list.
    bytes: u64,
    /// Items of a list, and of the lists in it.
    items: u64,
}

impl Extent {
    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Null | Value::Boolean(_) | Value::Number(_) => Self::default(),
            Value::Text(text) => Self { bytes: count(text.len()), items: 0 },
            Value::List(_) | Value::Written(_) => {
                let items = value.items().unwrap_or_default();
                items.iter().map(Self::of).fold(Self { bytes: 0, items: count(items.len()) }, Self::and)
            }
        }
    }

    fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), items: self.items.saturating_add(other.items) }
    }

    fn or(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), items: self.items.max(other.items) }
    }

    fn is_nothing(self) -> bool {
        self.bytes == 0 && self.items == 0
    }

    /// Returns the work of comparing it with another value.
    fn compare(self) -> u64 {
        self.items.saturating_mul(COMPARED).saturating_add(self.bytes / BYTES_COPIED)
    }

    /// Returns the work of copying it.
    fn copy(self) -> u64 {
        self.items.saturating_mul(ITEM).saturating_add(self.bytes / BYTES_COPIED)
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[derive(Default)]
struct Counted {
    units: u64,
    by: BTreeMap<Function, u64>,
}

impl Counted {
    fn spend(&mut self, units: u64) {
        self.units = self.units.saturating_add(units);
    }

    /// Adds the work of an expression, and returns the bound of its value.
    fn add(&mut self, expression: &Expression) -> Extent {
        self.spend(PART);
        match expression {
            Expression::Constant(value) => Extent::of(value),
            Expression::Fact(fact) => {
                self.spend(if fact.is_looked_up() { LOOKUP } else { 0 });
                Extent { bytes: count(fact.bytes_max()), items: 0 }
            }
            Expression::Given(fact) => {
                self.spend(if fact.is_looked_up() { LOOKUP } else { 0 });
                self.spend(COMPARED);
                Extent::default()
            }
            Expression::List(parts) => {
                let extents = parts.iter().map(|part| self.add(part));
                let held = extents.fold(Extent { bytes: 0, items: count(parts.len()) }, Extent::and);
                self.spend(
                    if parts.is_empty() { 0 } else { MEMORY }.saturating_add(count(parts.len()).saturating_mul(ITEM)),
                );
                held
            }
            Expression::Call(function, parts) => self.call(*function, parts),
        }
    }

    fn call(&mut self, function: Function, parts: &[Expression]) -> Extent {
        if let (Function::Choose, [condition, yes, no]) = (function, parts) {
            self.add(condition);
            // Only one of the two is evaluated.
            let before = self.units;
            let yes = self.add(yes);
            let after_yes = std::mem::replace(&mut self.units, before);
            let no = self.add(no);
            self.units = self.units.max(after_yes);
            return yes.or(no);
        }
        let grows = parts.first().is_some_and(|left| matches!(left, Expression::Call(Function::Add, _)));
        let mut extents = parts.iter().map(|part| self.add(part));
        let left = extents.next().unwrap_or_default();
        let right = extents.next().unwrap_or_default();
        drop(extents);
        let (work, result) = of_call(function, left, right, grows);
        self.spend(work);
        let by = self.by.entry(function).or_default();
        *by = by.saturating_add(work);
        result
    }
}

/// Returns the work of a function, without its operands, and the bound of its result. `grows`, if the left operand is
/// itself a join, to which the right one is only appended.
fn of_call(function: Function, left: Extent, right: Extent, grows: bool) -> (u64, Extent) {
    let work = match function {
        Function::And
        | Function::Or
        | Function::Not
        | Function::Choose
        | Function::Boolean
        | Function::Subtract
        | Function::Multiply
        | Function::Divide
        | Function::Remainder
        | Function::Negate => 0,
        // Up to the length of the shorter one.
        Function::Equal
        | Function::NotEqual
        | Function::Less
        | Function::LessOrEqual
        | Function::Greater
        | Function::GreaterOrEqual => {
            Extent { bytes: left.bytes.min(right.bytes), items: left.items.min(right.items) }.compare()
        }
        Function::In | Function::StartsWith | Function::EndsWith => right.compare(),
        // One unit for each byte of both, because repetitions make a search slow. A longer text is never found in a
        // shorter one.
        Function::Contains => SEARCH.saturating_add(left.bytes).saturating_add(right.bytes.min(left.bytes)),
        Function::Size => left.bytes / BYTES_COUNTED,
        Function::Integer => left.bytes / BYTES_READ,
        Function::Text => MEMORY,
        // Numbers, or nothing.
        Function::Add if left.is_nothing() && right.is_nothing() => 0,
        Function::Add if grows => APPEND.saturating_add(right.copy()),
        Function::Add => MEMORY.saturating_add(left.and(right).copy()),
    };
    let result = if function == Function::Add {
        left.and(right)
    } else if function == Function::Text {
        Extent { bytes: left.bytes.max(NUMBER_BYTES), items: 0 }
    } else {
        Extent::default()
    };
    (work, result)
}
