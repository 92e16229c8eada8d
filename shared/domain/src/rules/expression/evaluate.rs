//! The evaluation of an expression.

use super::{
    Expression,
    fact::Fact,
    function::Function,
    value::{self, Value},
};
use crate::ledger::condition_fault::ConditionFault;

/// A source of facts.
pub(crate) trait Known {
    /// Returns the value of a fact; `null` if it is missing.
    fn value<'a>(&'a self, fact: &'a Fact) -> Value<'a>;
}

impl Expression {
    /// Evaluates it.
    ///
    /// # Errors
    ///
    /// Why it has no value.
    pub(crate) fn evaluate<'a>(&'a self, known: &'a impl Known) -> Result<Value<'a>, ConditionFault> {
        match self {
            Self::Constant(value) => Ok(value.borrowed()),
            Self::Fact(fact) => Ok(known.value(fact)),
            Self::Given(fact) => Ok(Value::Boolean(known.value(fact) != Value::Null)),
            Self::List(parts) => {
                let mut items = Vec::with_capacity(parts.len());
                for part in parts {
                    items.push(part.evaluate(known)?);
                }
                Ok(Value::List(items))
            }
            Self::Call(function, parts) => match (function, &**parts) {
                (Function::And, [left, right]) => joined(left, right, false, known),
                (Function::Or, [left, right]) => joined(left, right, true, known),
                (Function::Choose, [condition, yes, no]) => {
                    if condition.evaluate(known)?.truth()? {
                        yes.evaluate(known)
                    } else {
                        no.evaluate(known)
                    }
                }
                (function, [part]) => value::unary(*function, part.evaluate(known)?),
                (function, [left, right]) => value::binary(*function, left.evaluate(known)?, right.evaluate(known)?),
                _ => Err(ConditionFault::Unsupported),
            },
        }
    }
}

/// Evaluates `&&` and `||`: a `decisive` operand decides, even if the other one is a fault, in either order.
fn joined<'a>(
    left: &'a Expression,
    right: &'a Expression,
    decisive: bool,
    known: &'a impl Known,
) -> Result<Value<'a>, ConditionFault> {
    let left = left.evaluate(known).and_then(|left| left.truth());
    if left == Ok(decisive) {
        return Ok(Value::Boolean(decisive));
    }
    let right = right.evaluate(known)?.truth()?;
    if right == decisive { Ok(Value::Boolean(decisive)) } else { left.map(Value::Boolean) }
}
