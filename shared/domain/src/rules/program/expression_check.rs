//! The check that an expression speaks only of what there is, calls only what is known, and can be true or false.

use cel::common::ast::{EntryExpr, Expr, LiteralValue, SelectExpr, operators};

use crate::rules::{
    node::Node,
    program::attributes::{AttributeSpec, AttributeType},
};

/// Functions and operators that an expression may use, with what each answers.
const FUNCTIONS: &[(&str, Type)] = &[
    (operators::LOGICAL_AND, Type::Boolean),
    (operators::LOGICAL_OR, Type::Boolean),
    (operators::LOGICAL_NOT, Type::Boolean),
    (operators::EQUALS, Type::Boolean),
    (operators::NOT_EQUALS, Type::Boolean),
    (operators::GREATER, Type::Boolean),
    (operators::GREATER_EQUALS, Type::Boolean),
    (operators::LESS, Type::Boolean),
    (operators::LESS_EQUALS, Type::Boolean),
    (operators::IN, Type::Boolean),
    ("contains", Type::Boolean),
    ("startsWith", Type::Boolean),
    ("endsWith", Type::Boolean),
    ("bool", Type::Boolean),
    (operators::ADD, Type::Other),
    (operators::SUBSTRACT, Type::Other),
    (operators::MULTIPLY, Type::Other),
    (operators::DIVIDE, Type::Other),
    (operators::MODULO, Type::Other),
    (operators::NEGATE, Type::Other),
    ("size", Type::Other),
    ("int", Type::Other),
    ("string", Type::Other),
];

/// What an expression may speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Purchase,
    Line,
    Activity,
    Member,
    OccurredAt,
}

impl Variable {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Line => "line",
            Self::Activity => "activity",
            Self::Member => "member",
            Self::OccurredAt => "occurred_at",
        }
    }

    /// Its fields and whether each is a boolean (`None`: it depends, or holds further fields).
    fn fields(self) -> &'static [(&'static str, Option<Type>)] {
        const TEXT: Option<Type> = Some(Type::Other);
        const NUMBER: Option<Type> = Some(Type::Other);
        match self {
            Self::Purchase => {
                &[("total", NUMBER), ("currency", TEXT), ("channel", TEXT), ("store", TEXT), ("items", NUMBER)]
            }
            Self::Line => &[("sku", TEXT), ("category", TEXT), ("quantity", NUMBER), ("amount", NUMBER)],
            Self::Activity => &[("type", TEXT), ("attributes", None)],
            Self::Member => &[("tier", TEXT), ("enrolled_on", TEXT), ("attributes", None)],
            Self::OccurredAt => &[
                ("date", TEXT),
                ("time", TEXT),
                ("weekday", TEXT),
                ("year", NUMBER),
                ("month", NUMBER),
                ("day", NUMBER),
                ("hour", NUMBER),
                ("minute", NUMBER),
            ],
        }
    }
}

/// As much of a type as it takes to tell a condition from anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Boolean,
    Other,
}

/// Walks one expression and reports what is wrong with it.
pub(super) struct Checker<'a> {
    pub(super) node: &'a Node<'a>,
    pub(super) variables: &'a [Variable],
    pub(super) attributes: Option<&'a [AttributeSpec]>,
}

impl Checker<'_> {
    /// Whether the expression speaks only of what there is; reports each place where it does not.
    pub(super) fn check(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Literal(_) => true,
            Expr::Ident(name) => self.variable(name).is_some(),
            Expr::Select(select) => self.check_select(select),
            Expr::Call(call) => {
                let name = call.func_name.as_str();
                let known = name == operators::CONDITIONAL || FUNCTIONS.iter().any(|(function, _)| *function == name);
                if !known {
                    self.node.lint("unknown_function", format!("{name} cannot be used here"));
                }
                let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
                parts.fold(known, |sound, part| self.check(&part.expr) && sound)
            }
            Expr::List(list) => list.elements.iter().all(|part| self.check(&part.expr)),
            Expr::Map(map) => map.entries.iter().fold(true, |sound, entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => self.check(&entry.key.expr) && self.check(&entry.value.expr) && sound,
                EntryExpr::StructField(_) => self.unsupported(),
            }),
            Expr::Comprehension(_) | Expr::Struct(_) | Expr::Unspecified => self.unsupported(),
        }
    }

    fn unsupported(&self) -> bool {
        self.node.lint("expression_invalid", "uses a construct that has no use in a condition");
        false
    }

    fn variable(&self, name: &str) -> Option<Variable> {
        let variable = self.variables.iter().find(|variable| variable.name() == name);
        if variable.is_none() {
            let known: Vec<_> = self.variables.iter().map(|variable| variable.name()).collect();
            self.node.lint("unknown_variable", format!("{name} is not known here, only {}", known.join(", ")));
        }
        variable.copied()
    }

    fn check_select(&self, select: &SelectExpr) -> bool {
        let names: Vec<String> = match &select.operand.expr {
            Expr::Ident(name) => {
                let Some(variable) = self.variable(name) else { return false };
                variable.fields().iter().map(|(field, _)| (*field).to_owned()).collect()
            }
            Expr::Select(inner) if is_attributes_of(inner, Variable::Member) => match self.attributes {
                Some(attributes) => attributes.iter().map(|spec| spec.id.to_string()).collect(),
                None => return true,
            },
            // An activity's attributes are the caller's own; whether one is there shows when the condition is asked.
            Expr::Select(inner) if is_attributes_of(inner, Variable::Activity) => return self.check_select(inner),
            Expr::Select(inner) => {
                self.node.lint("unknown_variable", format!("{} has no field {}", inner.field, select.field));
                return false;
            }
            operand @ (Expr::Call(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Comprehension(_)
            | Expr::Struct(_)
            | Expr::Unspecified) => return self.check(operand),
        };
        if !names.contains(&select.field) {
            let known = names.join(", ");
            self.node.lint("unknown_variable", format!("{} is not one of its fields: {known}", select.field));
            return false;
        }
        true
    }

    /// Whether the expression can come to true or false, as far as that can be told without a value.
    pub(super) fn may_be_boolean(&self, expr: &Expr) -> bool {
        self.kind(expr) != Some(Type::Other)
    }

    /// The type of what the expression comes to; `None` if that depends.
    fn kind(&self, expr: &Expr) -> Option<Type> {
        match expr {
            Expr::Literal(LiteralValue::Boolean(_)) => Some(Type::Boolean),
            Expr::Call(call) if call.func_name == operators::CONDITIONAL => {
                let branches = call.args.iter().skip(1);
                branches.map(|branch| self.kind(&branch.expr)).reduce(|one, other| one.filter(|_| one == other))?
            }
            Expr::Call(call) => {
                FUNCTIONS.iter().find(|(function, _)| *function == call.func_name).map(|(_, answers)| *answers)
            }
            Expr::Select(select) if select.test => Some(Type::Boolean),
            Expr::Select(select) => self.kind_of_field(select),
            Expr::Literal(_) | Expr::Ident(_) | Expr::List(_) | Expr::Map(_) => Some(Type::Other),
            Expr::Comprehension(_) | Expr::Struct(_) | Expr::Unspecified => None,
        }
    }

    fn kind_of_field(&self, select: &SelectExpr) -> Option<Type> {
        if let Expr::Ident(name) = &select.operand.expr {
            let variable = self.variables.iter().find(|variable| variable.name() == name)?;
            return variable.fields().iter().find(|(field, _)| *field == select.field)?.1;
        }
        if let Expr::Select(inner) = &select.operand.expr
            && is_attributes_of(inner, Variable::Member)
        {
            let spec = self.attributes?.iter().find(|spec| spec.id.as_str() == select.field)?;
            return Some(match spec.kind {
                AttributeType::Boolean => Type::Boolean,
                AttributeType::String | AttributeType::Date | AttributeType::Integer => Type::Other,
            });
        }
        None
    }
}

fn is_attributes_of(select: &SelectExpr, variable: Variable) -> bool {
    select.field == "attributes" && matches!(&select.operand.expr, Expr::Ident(name) if name == variable.name())
}
