//! The types of the values in an expression, and the operations whose types can never work together.

use super::{Expression, fact::Fact, function::Function, value::Value};
use crate::{ledger::condition_fault::ConditionFault, rules::program::AttributeType};

/// An operation that fails, or whose operands are never equal, whenever all facts are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The kind of mistake: a stable code.
    pub(crate) code: &'static str,
    /// What is wrong, in sentences.
    pub(crate) message: String,
}

impl Expression {
    /// Returns its mistakes, innermost first. What depends on a value of an occasion is no mistake.
    pub(crate) fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        types(self, &mut mistakes);
        mistakes
    }
}

/// A set of types. Without any type, an expression always fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Types(u8);

impl Types {
    const NONE: Self = Self(0);
    const NULL: Self = Self(1);
    const BOOLEAN: Self = Self(1 << 1);
    const NUMBER: Self = Self(1 << 2);
    const TEXT: Self = Self(1 << 3);
    const LIST: Self = Self(1 << 4);
    /// The types of an attribute of an activity or a purchase.
    const SCALAR: Self = Self::BOOLEAN.or(Self::NUMBER).or(Self::TEXT);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn is_none(self) -> bool {
        self == Self::NONE
    }

    fn may_be(self, other: Self) -> bool {
        !self.and(other).is_none()
    }

    /// Returns `result` if one of these types is one of `accepted`, and `null` if one of them is `null`.
    fn gives(self, accepted: Self, result: Self) -> Self {
        let given = if self.may_be(accepted) { result } else { Self::NONE };
        given.or(self.and(Self::NULL))
    }

    /// Returns these types as the messages name them.
    fn named(self) -> &'static str {
        match self {
            Self::NULL => "null",
            Self::BOOLEAN => "true or false",
            Self::NUMBER => "a number",
            Self::TEXT => "a string",
            Self::LIST => "a list",
            _ => "a single value",
        }
    }
}

fn type_of(value: &Value<'_>) -> Types {
    match value {
        Value::Null => Types::NULL,
        Value::Boolean(_) => Types::BOOLEAN,
        Value::Number(_) => Types::NUMBER,
        Value::Text(_) => Types::TEXT,
        Value::List(_) | Value::Written(_) => Types::LIST,
    }
}

/// Returns the types of a fact that is given.
fn types_of_fact(fact: &Fact) -> Types {
    if fact.is_looked_up() {
        return Types::SCALAR;
    }
    if let Fact::MemberAttribute(_, kind) = fact {
        return match kind {
            AttributeType::String | AttributeType::Date => Types::TEXT,
            AttributeType::Boolean => Types::BOOLEAN,
            AttributeType::Integer => Types::NUMBER,
        };
    }
    if fact.bytes_max() == 0 { Types::NUMBER } else { Types::TEXT }
}

/// Returns the types that `expression` can have, and adds what is wrong in it to `mistakes`.
fn types(expression: &Expression, mistakes: &mut Vec<Mistake>) -> Types {
    match expression {
        Expression::Constant(value) => type_of(value),
        Expression::Fact(fact) => types_of_fact(fact),
        Expression::Given(_) => Types::BOOLEAN,
        Expression::List(parts) => {
            let of_parts: Vec<Types> = parts.iter().map(|part| types(part, mistakes)).collect();
            if of_parts.iter().any(|of_part| of_part.is_none()) { Types::NONE } else { Types::LIST }
        }
        Expression::Call(function, parts) => {
            let of_parts: Vec<Types> = parts.iter().map(|part| types(part, mistakes)).collect();
            types_of_call(expression, *function, parts, &of_parts, mistakes)
        }
    }
}

fn types_of_call(
    call: &Expression,
    function: Function,
    parts: &[Expression],
    of_parts: &[Types],
    mistakes: &mut Vec<Mistake>,
) -> Types {
    let result = match (function, of_parts) {
        // Each operand is a condition of its own, and a failure of one can be of no consequence.
        (Function::And | Function::Or, _) => {
            mistakes.extend(of_parts.iter().filter_map(|of_part| not_a_condition(function, *of_part)));
            return Types::BOOLEAN;
        }
        (Function::Choose, [condition, yes, no]) => {
            mistakes.extend(not_a_condition(function, *condition));
            return yes.or(*no);
        }
        // The mistake in a part has been reported.
        (_, of_parts) if of_parts.iter().any(|of_part| of_part.is_none()) => return Types::NONE,
        (_, [one]) => of_one(function, *one),
        (_, [left, right]) => of_two(function, *left, *right),
        _ => return Types::SCALAR,
    };
    if let Some(fault) = constant_fault(call, function, parts) {
        mistakes.push(always_faults(function, &of_fault(fault)));
        return Types::NONE;
    }
    match of_parts {
        [one] if result.is_none() => {
            mistakes.push(always_faults(function, &format!("is applied to {}", one.named())));
        }
        [left, right] if result.is_none() => {
            let what = format!("is applied to {} and {}", left.named(), right.named());
            let mut mistake = always_faults(function, &what);
            mistake.message.push_str(&remedy(function, parts, left.or(*right)));
            mistakes.push(mistake);
        }
        [left, right] => mistakes.extend(never_equal(function, parts, *left, *right)),
        _ => {}
    }
    result
}

fn of_one(function: Function, part: Types) -> Types {
    match function {
        Function::Not if part.may_be(Types::BOOLEAN.or(Types::NULL)) => Types::BOOLEAN,
        Function::Negate => part.gives(Types::NUMBER, Types::NUMBER),
        Function::Size => part.gives(Types::TEXT.or(Types::LIST), Types::NUMBER),
        Function::Integer => part.gives(Types::TEXT.or(Types::NUMBER), Types::NUMBER),
        Function::Text => part.gives(Types::SCALAR, Types::TEXT),
        Function::Boolean => part.gives(Types::TEXT.or(Types::BOOLEAN), Types::BOOLEAN),
        Function::Not
        | Function::And
        | Function::Or
        | Function::Choose
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
        | Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Divide
        | Function::Remainder => Types::NONE,
    }
}

fn of_two(function: Function, left: Types, right: Types) -> Types {
    let shared = left.and(right);
    let nothing = left.or(right).and(Types::NULL);
    match function {
        Function::Equal | Function::NotEqual => Types::BOOLEAN,
        Function::Less | Function::LessOrEqual | Function::Greater | Function::GreaterOrEqual => {
            nothing.or(shared).gives(Types::SCALAR.or(Types::NULL), Types::BOOLEAN)
        }
        Function::In => nothing.or(right).gives(Types::LIST.or(Types::NULL), Types::BOOLEAN),
        Function::Contains | Function::StartsWith | Function::EndsWith => {
            nothing.or(shared).gives(Types::TEXT.or(Types::NULL), Types::BOOLEAN)
        }
        Function::Add => shared.and(Types::NUMBER.or(Types::TEXT).or(Types::LIST)).or(nothing),
        Function::Subtract | Function::Multiply | Function::Divide | Function::Remainder => {
            shared.and(Types::NUMBER).or(nothing)
        }
        Function::And
        | Function::Or
        | Function::Not
        | Function::Choose
        | Function::Negate
        | Function::Size
        | Function::Integer
        | Function::Text
        | Function::Boolean => Types::NONE,
    }
}

/// Returns the mistake of an operand of `function` that is neither true nor false.
fn not_a_condition(function: Function, operand: Types) -> Option<Mistake> {
    let is_one = operand.is_none() || operand.may_be(Types::BOOLEAN.or(Types::NULL));
    (!is_one).then(|| always_faults(function, &format!("is applied to {}", operand.named())))
}

/// Returns the fault of a call that is the same for every occasion.
fn constant_fault(call: &Expression, function: Function, parts: &[Expression]) -> Option<ConditionFault> {
    let divides = matches!(function, Function::Divide | Function::Remainder);
    if divides && parts.get(1).is_some_and(|by| matches!(constant(by), Some(Ok(Value::Number(0))))) {
        return Some(ConditionFault::DivisionByZero);
    }
    // The types explain their own mistakes better.
    constant(call)?.err().filter(|fault| *fault != ConditionFault::TypeMismatch)
}

/// Evaluates an expression that reads no facts.
fn constant(expression: &Expression) -> Option<Result<Value<'_>, ConditionFault>> {
    let reads_nothing = !expression.reads(&|_| true);
    reads_nothing.then(|| expression.evaluate(&Nothing))
}

/// A source without facts.
struct Nothing;

impl super::evaluate::Known for Nothing {
    fn value<'a>(&'a self, _: &'a Fact) -> Value<'a> {
        Value::Null
    }
}

fn of_fault(fault: ConditionFault) -> String {
    match fault {
        ConditionFault::DivisionByZero => "divides by zero".to_owned(),
        ConditionFault::Overflow => "gives a number beyond 64 bits".to_owned(),
        ConditionFault::NotConvertible => "is applied to a string that it cannot convert".to_owned(),
        ConditionFault::TooLong
        | ConditionFault::TooDeep
        | ConditionFault::Malformed
        | ConditionFault::UnknownName
        | ConditionFault::Unsupported
        | ConditionFault::TooCostly
        | ConditionFault::NotBoolean
        | ConditionFault::TypeMismatch => format!("cannot be evaluated ({fault})"),
    }
}

fn always_faults(function: Function, what: &str) -> Mistake {
    Mistake { code: "always_faults", message: format!("`{}` {what}, which always fails.", function.written()) }
}

/// Returns what to write instead, where that is clear.
fn remedy(function: Function, parts: &[Expression], types: Types) -> String {
    let text = |part: &Expression| match part {
        Expression::Constant(Value::Text(text)) => Some(text.to_string()),
        Expression::Constant(_)
        | Expression::Fact(_)
        | Expression::Given(_)
        | Expression::List(_)
        | Expression::Call(..) => None,
    };
    match (function, parts) {
        (Function::In, [_, list]) => {
            text(list).map(|text| format!(" Write a list behind `in`: ['{text}'].")).unwrap_or_default()
        }
        (
            Function::Equal
            | Function::NotEqual
            | Function::Less
            | Function::LessOrEqual
            | Function::Greater
            | Function::GreaterOrEqual,
            parts,
        ) if types == Types::NUMBER.or(Types::TEXT) => {
            let number = parts.iter().filter_map(text).find(|text| text.parse::<i64>().is_ok());
            number.map(|number| format!(" Write {number} without quotes.")).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Returns the mistake of a comparison, or of a search in a list, of values that have no type in common.
fn never_equal(function: Function, parts: &[Expression], left: Types, right: Types) -> Option<Mistake> {
    let right = match function {
        Function::Equal | Function::NotEqual => right,
        Function::In => types_of_elements(parts.get(1)?)?,
        Function::And
        | Function::Or
        | Function::Not
        | Function::Choose
        | Function::Less
        | Function::LessOrEqual
        | Function::Greater
        | Function::GreaterOrEqual
        | Function::Contains
        | Function::StartsWith
        | Function::EndsWith
        | Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Divide
        | Function::Remainder
        | Function::Negate
        | Function::Size
        | Function::Integer
        | Function::Text
        | Function::Boolean => return None,
    };
    // Whether a value is missing is an ordinary question.
    let can_be = left.or(right).may_be(Types::NULL) || left.may_be(right);
    (!can_be).then(|| {
        let types = left.or(right);
        let (left, right) = (left.named(), right.named());
        let written = function.written();
        let remedy = if function == Function::In { String::new() } else { remedy(function, parts, types) };
        let message = format!("`{written}` compares {left} with {right}, and these are never equal.{remedy}");
        Mistake { code: "never_equal", message }
    })
}

/// Returns the types of the elements of a literal list; `None` for another list or an empty one.
fn types_of_elements(list: &Expression) -> Option<Types> {
    match list {
        Expression::Constant(value) => value.items()?.iter().map(type_of).reduce(Types::or),
        Expression::List(parts) => parts.iter().map(type_of_element).reduce(Types::or),
        Expression::Fact(_) | Expression::Given(_) | Expression::Call(..) => None,
    }
}

/// Returns the types of an element. Those of a call are not computed again: a list in a list in a list would take its time.
fn type_of_element(element: &Expression) -> Types {
    match element {
        Expression::Constant(value) => type_of(value),
        Expression::Fact(fact) => types_of_fact(fact),
        Expression::Given(_) => Types::BOOLEAN,
        Expression::List(_) => Types::LIST,
        Expression::Call(..) => Types::SCALAR.or(Types::LIST).or(Types::NULL),
    }
}
