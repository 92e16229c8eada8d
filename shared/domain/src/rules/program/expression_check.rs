//! Checks that an expression uses only known names and functions, and resolves each name once.

use std::borrow::Cow;

use cel::common::ast::{CallExpr, Expr, LiteralValue, SelectExpr, operators};

use crate::{
    ledger::condition_fault::ConditionFault,
    rules::{
        expression::{
            Expression,
            fact::{Fact, Variable},
            function::Function,
            value::Value,
        },
        node::Node,
        program::attributes::AttributeSpec,
    },
    values::likeness,
};

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// An operator, or a function with this number of arguments.
    Of(usize),
    /// A method with one argument: `text.contains(part)`.
    Method,
    /// A function of one argument that may be written as a method: `size(text)`, `text.size()`.
    Either,
}

/// Functions and operators that an expression may use.
const FUNCTIONS: &[(&str, Function, Form)] = &[
    (operators::LOGICAL_AND, Function::And, Form::Of(2)),
    (operators::LOGICAL_OR, Function::Or, Form::Of(2)),
    (operators::LOGICAL_NOT, Function::Not, Form::Of(1)),
    (operators::CONDITIONAL, Function::Choose, Form::Of(3)),
    (operators::EQUALS, Function::Equal, Form::Of(2)),
    (operators::NOT_EQUALS, Function::NotEqual, Form::Of(2)),
    (operators::GREATER, Function::Greater, Form::Of(2)),
    (operators::GREATER_EQUALS, Function::GreaterOrEqual, Form::Of(2)),
    (operators::LESS, Function::Less, Form::Of(2)),
    (operators::LESS_EQUALS, Function::LessOrEqual, Form::Of(2)),
    (operators::IN, Function::In, Form::Of(2)),
    ("contains", Function::Contains, Form::Method),
    ("startsWith", Function::StartsWith, Form::Method),
    ("endsWith", Function::EndsWith, Form::Method),
    (operators::ADD, Function::Add, Form::Of(2)),
    (operators::SUBSTRACT, Function::Subtract, Form::Of(2)),
    (operators::MULTIPLY, Function::Multiply, Form::Of(2)),
    (operators::DIVIDE, Function::Divide, Form::Of(2)),
    (operators::MODULO, Function::Remainder, Form::Of(2)),
    (operators::NEGATE, Function::Negate, Form::Of(1)),
    ("size", Function::Size, Form::Either),
    ("int", Function::Integer, Form::Of(1)),
    ("string", Function::Text, Form::Of(1)),
    ("bool", Function::Boolean, Form::Of(1)),
];

/// The field under which a variable has its attributes.
const ATTRIBUTES: &str = "attributes";

type Checked = Result<Expression, ConditionFault>;

/// Walks an expression and reports its errors.
pub(crate) struct Checker<'a> {
    pub(crate) node: &'a Node<'a>,
    pub(crate) variables: &'a [Variable],
    pub(crate) attributes: Option<&'a [AttributeSpec]>,
}

impl Checker<'_> {
    /// Returns the expression with its names resolved, and reports each error.
    ///
    /// # Errors
    ///
    /// The first reason why it cannot be evaluated.
    pub(crate) fn check(&self, expr: &Expr) -> Checked {
        match expr {
            Expr::Literal(literal) => self.check_literal(literal),
            Expr::Ident(name) => {
                self.variable(name)?;
                self.unsupported(format!(
                    "`{name}` has no value of its own; name one of its fields, such as {}",
                    self.example(name)
                ))
            }
            Expr::Select(select) if select.test => self.check_select(select).map(Expression::Given),
            Expr::Select(select) => self.check_select(select).map(Expression::Fact),
            Expr::Call(call) => self.check_call(call),
            Expr::List(list) if list.optional_indices.is_empty() => {
                self.check_all(list.elements.iter().map(|element| &element.expr)).map(list_of)
            }
            Expr::Comprehension(_) => {
                self.node.lint("unknown_function", "all, exists, exists_one, map and filter cannot be used here; to look at the lines of a purchase, name a field of `line`");
                Err(ConditionFault::Unsupported)
            }
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.unsupported("objects cannot be used in a condition; compare a single value, or a list with `in`")
            }
        }
    }

    fn unsupported<T>(&self, message: impl Into<String>) -> Result<T, ConditionFault> {
        self.node.lint("expression_invalid", message);
        Err(ConditionFault::Unsupported)
    }

    fn unknown<T>(&self, message: String) -> Result<T, ConditionFault> {
        self.node.lint("unknown_variable", message);
        Err(ConditionFault::UnknownName)
    }

    /// Checks all parts, so that the errors of each are reported.
    fn check_all<'e>(&self, parts: impl Iterator<Item = &'e Expr>) -> Result<Box<[Expression]>, ConditionFault> {
        let checked: Vec<_> = parts.map(|part| self.check(part)).collect();
        checked.into_iter().collect()
    }

    fn check_literal(&self, literal: &LiteralValue) -> Checked {
        let value = match literal {
            LiteralValue::Null => Value::Null,
            LiteralValue::Boolean(truth) => Value::Boolean(truth.into_inner()),
            LiteralValue::Int(number) => Value::Number(*number.inner()),
            LiteralValue::String(text) => Value::Text(Cow::Owned(text.inner().to_owned())),
            LiteralValue::UInt(number) => return self.check_number(&number.inner().to_string()),
            LiteralValue::Double(number) => return self.check_number(&number.inner().to_string()),
            LiteralValue::Bytes(_) => return self.unsupported("bytes cannot be used in a condition"),
        };
        Ok(Expression::Constant(value))
    }

    /// Checks a number that is not a plain integer, such as `5u` or `5.0`.
    fn check_number(&self, written: &str) -> Checked {
        match written.parse() {
            Ok(number) => Ok(Expression::Constant(Value::Number(number))),
            Err(_) => self
                .unsupported(format!("{written} is not a whole number; amounts are in minor units: 12.50 EUR is 1250")),
        }
    }

    fn check_call(&self, call: &CallExpr) -> Checked {
        let name = call.func_name.as_str();
        if let (operators::INDEX, [owner, key]) = (name, call.args.as_slice())
            && let Some(instead) = field_instead(&owner.expr, &key.expr)
        {
            self.node.lint("unknown_function", format!("{NO_INDEX}; write `{instead}`"));
            return Err(ConditionFault::Unsupported);
        }
        let function = FUNCTIONS.iter().find(|(known, _, _)| *known == name);
        if function.is_none() {
            self.node.lint("unknown_function", no_function(name));
        }
        let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
        let parts = self.check_all(parts.map(|part| &part.expr));
        let (_, function, form) = function.ok_or(ConditionFault::Unsupported)?;
        let is_method = call.target.is_some();
        let is_called_so = match form {
            Form::Of(count) => !is_method && call.args.len() == *count,
            Form::Method => is_method && call.args.len() == 1,
            Form::Either => call.args.len() == usize::from(!is_method),
        };
        if !is_called_so {
            let example = match form {
                Form::Of(_) | Form::Either => format!("{name}(value)"),
                Form::Method => format!("text.{name}(part)"),
            };
            return self.unsupported(format!("`{name}` is written {example}"));
        }
        Ok(Expression::Call(*function, parts?))
    }

    /// Returns an example of a field of a variable.
    fn example(&self, name: &str) -> String {
        let variable = self.variables.iter().find(|variable| variable.name() == name);
        let field = variable.and_then(|variable| variable.fields().first()).map_or("", |(field, _)| *field);
        format!("`{name}.{field}`")
    }

    fn variable(&self, name: &str) -> Result<Variable, ConditionFault> {
        if let Some(variable) = self.variables.iter().find(|variable| variable.name() == name) {
            return Ok(*variable);
        }
        let known: Vec<_> = self.variables.iter().map(|variable| variable.name()).collect();
        if let Some(nearest) = likeness::nearest(name, &known) {
            return self.unknown(format!("there is no `{name}` here; did you mean `{nearest}`?"));
        }
        let has_field = |variable: &&Variable| variable.fields().iter().any(|(field, _)| *field == name);
        let advice = match self.variables.iter().find(has_field) {
            Some(owner) => format!("did you mean `{}.{name}`?", owner.name()),
            None => format!("the variables are {}; put a string in quotes", likeness::listed(name, &known)),
        };
        self.unknown(format!("there is no `{name}` here; {advice}"))
    }

    fn check_select(&self, select: &SelectExpr) -> Result<Fact, ConditionFault> {
        match &select.operand.expr {
            Expr::Ident(name) => self.field(self.variable(name)?, &select.field),
            Expr::Select(inner) => {
                if let Expr::Ident(name) = &inner.operand.expr
                    && !inner.test
                {
                    let variable = self.variable(name)?;
                    if inner.field == ATTRIBUTES {
                        return self.attribute(variable, &select.field);
                    }
                    if let Some((_, fields)) = variable.inner_fields().iter().find(|(name, _)| *name == inner.field) {
                        let fact = fields.iter().find(|(name, _)| *name == select.field);
                        let known: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
                        return match fact {
                            Some((_, fact)) => Ok(fact.clone()),
                            None => self.unknown(no_field(&inner.field, &select.field, &known)),
                        };
                    }
                }
                self.unknown(format!("`{}` has no fields, and so no field `{}`", inner.field, select.field))
            }
            operand @ (Expr::Call(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Comprehension(_)
            | Expr::Struct(_)
            | Expr::Unspecified) => {
                self.check(operand)?;
                self.unknown(format!("there is no field `{}` here", select.field))
            }
        }
    }

    fn field(&self, variable: Variable, field: &str) -> Result<Fact, ConditionFault> {
        let is_group = variable.inner_fields().iter().any(|(name, _)| *name == field);
        if is_group || field == ATTRIBUTES && variable.has_attributes() {
            return self.unsupported(format!("`{field}` has no value of its own; name one of its fields"));
        }
        if let Some((_, fact)) = variable.fields().iter().find(|(name, _)| *name == field) {
            return Ok(fact.clone());
        }
        let attributes = variable.has_attributes().then_some(ATTRIBUTES);
        let groups = variable.inner_fields().iter().map(|(name, _)| *name);
        let known: Vec<_> = variable.fields().iter().map(|(name, _)| *name).chain(groups).chain(attributes).collect();
        self.unknown(no_field(variable.name(), field, &known))
    }

    fn attribute(&self, variable: Variable, name: &str) -> Result<Fact, ConditionFault> {
        match variable {
            // The caller defines these attributes, so any name is allowed.
            Variable::Activity => Ok(Fact::ActivityAttribute(name.to_owned())),
            Variable::Purchase => Ok(Fact::PurchaseAttribute(name.to_owned())),
            Variable::Member => {
                // If the list of attributes has errors, names are not reported.
                let attributes = self.attributes.ok_or(ConditionFault::UnknownName)?;
                let place = attributes.iter().position(|spec| spec.id.as_str() == name);
                if let Some((place, spec)) = place.and_then(|place| Some((place, attributes.get(place)?))) {
                    return Ok(Fact::MemberAttribute(place, spec.kind));
                }
                let known: Vec<_> = attributes.iter().map(|spec| spec.id.as_str()).collect();
                self.unknown(no_field("member.attributes", name, &known))
            }
            Variable::Line | Variable::OccurredAt => {
                self.unknown(format!("`{}` has no field `{ATTRIBUTES}`", variable.name()))
            }
        }
    }
}

/// The message about an index.
const NO_INDEX: &str = "an index in square brackets cannot be used here";

/// Returns the field that `owner['key']` means, as a condition writes it: `owner.key`.
fn field_instead(owner: &Expr, key: &Expr) -> Option<String> {
    let Expr::Literal(LiteralValue::String(key)) = key else { return None };
    let key = key.inner();
    let is_name = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    is_name.then(|| Some(format!("{}.{key}", path(owner)?)))?
}

/// Returns a chain of names as it is written.
fn path(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand.expr)?, select.field)),
        Expr::Select(_)
        | Expr::Call(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Comprehension(_)
        | Expr::Struct(_)
        | Expr::Unspecified => None,
    }
}

/// Returns what is wrong with a function that does not exist.
fn no_function(name: &str) -> String {
    if name == operators::INDEX {
        return NO_INDEX.to_owned();
    }
    let known: Vec<&str> =
        FUNCTIONS.iter().map(|(name, ..)| *name).filter(|name| name.starts_with(char::is_alphabetic)).collect();
    match likeness::nearest(name, &known) {
        Some(nearest) => format!("there is no function `{name}`; did you mean `{nearest}`?"),
        None => format!("there is no function `{name}`; the functions are {}", likeness::listed(name, &known)),
    }
}

/// Returns what is wrong with a field that `owner` does not have.
fn no_field(owner: &str, field: &str, known: &[&str]) -> String {
    match likeness::nearest(field, known) {
        _ if known.is_empty() => format!("`{owner}` has no field `{field}`, nor any other"),
        Some(nearest) => format!("`{owner}` has no field `{field}`; did you mean `{nearest}`?"),
        None => format!("`{owner}` has no field `{field}`; its fields are {}", likeness::listed(field, known)),
    }
}

/// Returns a list; a constant if all of its elements are constants.
fn list_of(elements: Box<[Expression]>) -> Expression {
    let is_constant = |element: &Expression| matches!(element, Expression::Constant(_));
    if !elements.iter().all(is_constant) {
        return Expression::List(elements);
    }
    let values = elements.into_iter().filter_map(|element| match element {
        Expression::Constant(value) => Some(value),
        Expression::Fact(_) | Expression::Given(_) | Expression::List(_) | Expression::Call(..) => None,
    });
    Expression::Constant(Value::List(values.collect()))
}
