//! Results of expressions: a table for `null`, and a comparison with CEL's own interpreter for the rest.

use std::collections::HashMap;

use cel::{Context, objects::Key};
use proptest::{prelude::*, sample::select};
use serde_json::Value as Json;

use super::{
    Expression,
    evaluate::Known,
    fact::{Fact, Variable},
    value::Value,
};
use crate::ledger::condition_fault::ConditionFault;
use crate::rules::node::{Findings, Node};
use crate::rules::program::{
    attributes::{AttributeSpec, AttributeType},
    expression_check::Checker,
};

/// A member in Izmir, one line, and no tier, category or newsletter.
struct Facts;

impl Known for Facts {
    fn value<'a>(&'a self, fact: &'a Fact) -> Value<'a> {
        let known = [
            (Fact::Sku, "latte".into()),
            (Fact::Amount, Value::Number(450)),
            (Fact::Total, Value::Number(i64::MAX)),
            (Fact::MemberAttribute(0, AttributeType::String), "Izmir".into()),
            (Fact::MemberAttribute(1, AttributeType::Boolean), Value::Boolean(true)),
        ];
        known.into_iter().find(|(known, _)| known == fact).map_or(Value::Null, |(_, value)| value)
    }
}

const ATTRIBUTES: [(&str, AttributeType); 3] =
    [("city", AttributeType::String), ("adult", AttributeType::Boolean), ("newsletter", AttributeType::Boolean)];

fn expression(source: &str) -> Expression {
    let document = Json::Null;
    let findings = Findings::default();
    let attributes = ATTRIBUTES.map(|(id, kind)| AttributeSpec {
        id: id.parse().unwrap(),
        kind,
        personal: false,
        is_editable_by_member: false,
    });
    let variables = [Variable::Purchase, Variable::Line, Variable::Member];
    let node = Node::top(&document, &findings);
    let checker = Checker { node: &node, variables: &variables, attributes: Some(&attributes) };
    let parsed = cel::parser::PrattParser::new().parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    checker.check(&parsed.expr).unwrap_or_else(|fault| panic!("{source}: {fault}"))
}

#[track_caller]
fn check(source: &str, expected: &Outcome) {
    assert_eq!(&expression(source).evaluate(&Facts), expected, "{source}");
}

type Outcome = Result<Value<'static>, ConditionFault>;

const YES: Outcome = Ok(Value::Boolean(true));
const NO: Outcome = Ok(Value::Boolean(false));
const NULL: Outcome = Ok(Value::Null);

#[test]
fn null_has_a_meaning_on_each_side_of_each_operator_and_is_never_a_fault() {
    // Literal or missing, next to a value of each type.
    for null in ["null", "line.category", "member.tier", "member.attributes.newsletter"] {
        check(&format!("{null} == null"), &YES);
        check(&format!("{null} != null"), &NO);
        check(&format!("size({null})"), &NULL);
        check(&format!("int({null})"), &NULL);
        check(&format!("string({null})"), &NULL);
        check(&format!("bool({null})"), &NULL);
        check(&format!("-({null})"), &NULL);
        check(&format!("!{null}"), &YES);
        check(&format!("{null} ? 1 : 2"), &Ok(Value::Number(2)));
        check(&format!("{null} && true"), &NO);
        check(&format!("true && {null}"), &NO);
        check(&format!("{null} || true"), &YES);
        check(&format!("true || {null}"), &YES);
        check(&format!("{null} || false"), &NO);
        check(&format!("false || {null}"), &NO);
        check(&format!("{null} in [null, 1]"), &NO);
        check(&format!("1 in [{null}, 1]"), &YES);
        for value in ["1", "'a'", "''", "true", "[1]", "[]", "[null]", "null", "line.sku", "line.amount"] {
            if value != "null" {
                check(&format!("{null} == {value}"), &NO);
                check(&format!("{value} == {null}"), &NO);
                check(&format!("{null} != {value}"), &YES);
                check(&format!("{value} != {null}"), &YES);
            }
            for operator in ["<", "<=", ">", ">=", "in"] {
                check(&format!("{null} {operator} {value}"), &NO);
            }
            for operator in ["<", "<=", ">", ">="] {
                check(&format!("{value} {operator} {null}"), &NO);
            }
            check(&format!("{value} in {null}"), &NO);
            for method in ["contains", "startsWith", "endsWith"] {
                check(&format!("({null}).{method}({value})"), &NO);
                check(&format!("({value}).{method}({null})"), &NO);
            }
            for operator in ["+", "-", "*", "/", "%"] {
                check(&format!("{null} {operator} {value}"), &NULL);
                check(&format!("{value} {operator} {null}"), &NULL);
            }
        }
    }
    for (source, expected) in [
        ("has(line.category)", NO),
        ("has(line.sku)", YES),
        ("has(member.attributes.newsletter)", NO),
        ("has(member.attributes.city)", YES),
        ("line.category == 'beans' || line.sku == 'latte'", YES),
        ("line.amount + size(line.category) > 1", NO),
        ("[line.category, 1] == [null, 1]", YES),
    ] {
        check(source, &expected);
    }
}

#[test]
fn each_fault_has_its_reason() {
    for (source, fault) in [
        ("purchase.total + 1 > 1", ConditionFault::Overflow),
        ("purchase.total * 2 > 1", ConditionFault::Overflow),
        ("-purchase.total - 2 > 1", ConditionFault::Overflow),
        ("(-purchase.total - 1) / -1 > 1", ConditionFault::Overflow),
        ("(-purchase.total - 1) % -1 > 1", ConditionFault::Overflow),
        ("-(-purchase.total - 1) > 1", ConditionFault::Overflow),
        ("line.amount / 0 > 1", ConditionFault::DivisionByZero),
        ("line.amount % 0 > 1", ConditionFault::DivisionByZero),
        ("int(line.sku) > 1", ConditionFault::NotConvertible),
        ("bool(line.sku)", ConditionFault::NotConvertible),
        ("line.sku > 1", ConditionFault::TypeMismatch),
        ("line.sku > [1]", ConditionFault::TypeMismatch),
        ("line.sku + 1 == ''", ConditionFault::TypeMismatch),
        ("1 in line.sku", ConditionFault::TypeMismatch),
        ("line.amount.contains('4')", ConditionFault::TypeMismatch),
        ("line.sku.startsWith(1)", ConditionFault::TypeMismatch),
        ("size(line.amount) > 1", ConditionFault::TypeMismatch),
        ("-line.sku == ''", ConditionFault::TypeMismatch),
        ("!line.sku", ConditionFault::TypeMismatch),
        ("line.sku && true", ConditionFault::TypeMismatch),
        ("true && line.sku", ConditionFault::TypeMismatch),
        ("line.sku ? true : false", ConditionFault::TypeMismatch),
        ("string([line.sku]) == ''", ConditionFault::TypeMismatch),
        ("[line.sku, 1 / 0] == []", ConditionFault::DivisionByZero),
    ] {
        check(source, &Err(fault));
    }
}

/// Returns the result of CEL's own interpreter: a value, or none. It gets the facts as maps, and parses with the other
/// one of its two parsers.
fn told_by_cel(source: &str) -> Result<cel::Value, String> {
    let map = |fields: Vec<(&str, cel::Value)>| -> cel::Value {
        fields.into_iter().map(|(name, value)| (Key::from(name), value)).collect::<HashMap<_, _>>().into()
    };
    let mut context = Context::default();
    context.add_variable_from_value("line", map(vec![("sku", "latte".into()), ("amount", 450_i64.into())]));
    context.add_variable_from_value("purchase", map(vec![("total", i64::MAX.into())]));
    let attributes = map(vec![("city", "Izmir".into()), ("adult", true.into())]);
    context.add_variable_from_value("member", map(vec![("attributes", attributes)]));
    let program = cel::Program::compile(source).map_err(|error| error.to_string())?;
    program.execute(&context).map_err(|error| error.to_string())
}

fn as_cel(value: &Value<'_>) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Boolean(truth) => (*truth).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => (&**text).into(),
        list @ (Value::List(_) | Value::Written(_)) => {
            list.items().unwrap_or_default().iter().map(as_cel).collect::<Vec<_>>().into()
        }
    }
}

/// Expressions of any types, so that some are faults.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "1",
        "0",
        "-3",
        "450",
        "'a'",
        "''",
        "'latte'",
        "'12'",
        "'true'",
        "true",
        "false",
        "[]",
        "[1, 450]",
        "['latte', 'tea']",
        "line.sku",
        "line.amount",
        "purchase.total",
        "member.attributes.city",
        "member.attributes.adult",
        "has(line.sku)",
        "9223372036854775807",
        "'\u{e7}\u{1f9e8}'",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let operators =
            ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||", "&&", "||", "==", "+"];
        let two = (inner.clone(), select(operators.to_vec()), inner.clone());
        let functions = ["size", "int", "string", "bool", "!", "-"];
        let methods = ["contains", "startsWith", "endsWith"];
        prop_oneof![
            4 => two.prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            2 => (select(functions.to_vec()), inner.clone()).prop_map(|(name, part)| format!("{name}({part})")),
            1 => (inner.clone(), select(methods.to_vec()), inner.clone())
                .prop_map(|(text, method, part)| format!("({text}).{method}({part})")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(condition, yes, no)| format!("({condition} ? {yes} : {no})")),
            1 => prop::collection::vec(inner, 0..3).prop_map(|parts| format!("[{}]", parts.join(", "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn without_null_an_expression_is_what_cel_says_it_is(source in any_expression()) {
        let own = expression(&source);
        let value = own.evaluate(&Facts);
        match told_by_cel(&source) {
            Ok(told) => prop_assert_eq!(value.as_ref().map(as_cel), Ok(told), "{}", source),
            Err(told) => prop_assert!(value.is_err(), "{}: {:?}, and CEL says {}", source, value, told),
        }
    }
}
