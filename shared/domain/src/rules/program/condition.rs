//! The `when` of a rule or a reward: a CEL expression, compiled once, and checked to be a condition before it is published.

use std::sync::{Arc, OnceLock};

use cel::{
    Context, Env, Value,
    common::ast::{Expr, SelectExpr, operators},
    parser::{Expression, Macro},
};

use crate::rules::{
    node::Node,
    program::{
        attributes::AttributeSpec,
        expression_check::{Checker, Variable},
    },
};

/// Longest expression, in characters.
const LENGTH_MAX: usize = 1_000;

/// Deepest nesting of brackets in an expression. The parser recurses, and must not be led to the end of a stack.
const NESTING_MAX: usize = 24;

/// Longest account of why an expression failed, in characters: it is kept in the ledger.
const FAULT_LENGTH_MAX: usize = 120;

/// A condition: compiled, or the reason why it cannot be evaluated.
///
/// A condition of a version that is in force stays what it was, whatever later releases accept: an unknown name is an error
/// of CEL's own when the condition is evaluated, and what this release does not compile is one each time.
#[derive(Debug)]
pub(crate) struct Condition {
    program: Result<cel::Program, String>,
    of_line: bool,
}

impl Condition {
    /// Whether it speaks of a line of the purchase, and so is asked once for each.
    pub(crate) fn is_of_line(&self) -> bool {
        self.of_line
    }

    /// Whether it holds.
    ///
    /// # Errors
    ///
    /// Why it cannot be told, in a few words.
    pub(crate) fn holds(&self, context: &Context<'_, '_>) -> Result<bool, String> {
        let fault = |text: String| Err(text.chars().take(FAULT_LENGTH_MAX).collect());
        let program = match &self.program {
            Ok(program) => program,
            Err(reason) => return fault(reason.clone()),
        };
        match program.execute(context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => fault(format!("the condition is {:?}, not true or false", other.type_of())),
            Err(error) => fault(error.to_string()),
        }
    }
}

/// The environment of every expression: CEL's standard functions, and of its macros only `has`.
///
/// The others (`all`, `exists`, `map`, `filter`) loop, and without loops the time of an expression is bounded by its
/// length.
pub(crate) fn environment() -> Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT
        .get_or_init(|| {
            let mut environment = Env::default().with_stdlib();
            environment
                .add_macro(Macro::global(operators::HAS, 1, |helper, _target, args| match args.pop() {
                    Some(Expression { expr: Expr::Select(select), .. }) => {
                        Ok(Some(helper.next_expr(Expr::Select(SelectExpr { test: true, ..select }))))
                    }
                    other => {
                        args.extend(other);
                        Ok(None)
                    }
                }))
                .expect("an environment without macros has no has()");
            Arc::new(environment)
        })
        .clone()
}

/// Reads a condition that may speak of `variables` and, if these are known, of members' `attributes`.
///
/// Whatever is wrong with an expression is a lint: the condition is there, and evaluating it is a fault of its rule.
pub(super) fn read(node: &Node<'_>, variables: &[Variable], attributes: Option<&[AttributeSpec]>) -> Option<Condition> {
    let source = node.string(LENGTH_MAX)?;
    let program = compile(node, &source);
    if let Ok(program) = &program {
        let checker = Checker { node, variables, attributes };
        if checker.check(&program.expression().expr) && !checker.may_be_boolean(&program.expression().expr) {
            node.lint("not_boolean", "must be true or false: a comparison, a yes-or-no attribute, or several joined");
        }
    }
    let speaks_of_line = |program: &cel::Program| program.references().has_variable(Variable::Line.name());
    let of_line = variables.contains(&Variable::Line) && program.as_ref().is_ok_and(speaks_of_line);
    Some(Condition { program, of_line })
}

/// Compiles an expression whose length and nesting are within bounds; the reason why it cannot be evaluated otherwise.
fn compile(node: &Node<'_>, source: &str) -> Result<cel::Program, String> {
    let length = source.chars().count();
    if !(1..=LENGTH_MAX).contains(&length) {
        // Reading the text has reported it.
        return Err(format!("the condition has {length} characters, not 1 to {LENGTH_MAX}"));
    }
    if nesting(source) > NESTING_MAX {
        node.lint("expression_invalid", format!("must not nest brackets deeper than {NESTING_MAX}"));
        return Err(format!("the condition nests brackets deeper than {NESTING_MAX}"));
    }
    environment().compile(source).map_err(|error| {
        let error = error.to_string();
        node.lint("expression_invalid", error.chars().take(500).collect::<String>());
        error
    })
}

fn nesting(source: &str) -> usize {
    let mut depth: usize = 0;
    let mut deepest = 0;
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth = depth.saturating_add(1),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::rules::{node::Findings, program::attributes::AttributeType};

    fn codes(source: &str) -> Vec<(&'static str, String)> {
        let document = Json::from(source);
        let findings = Findings::default();
        let attributes = [("city", AttributeType::String), ("newsletter", AttributeType::Boolean)]
            .map(|(id, kind)| AttributeSpec { id: id.parse().unwrap(), kind, personal: false });
        let variables = [Variable::Purchase, Variable::Line, Variable::Member, Variable::OccurredAt];
        assert!(read(&Node::top(&document, &findings), &variables, Some(&attributes)).is_some(), "{source}");
        findings.into_problems().into_iter().map(|fault| (fault.code, fault.message)).collect()
    }

    #[test]
    fn a_condition_is_accepted_when_it_can_be_true_or_false() {
        for source in [
            "line.category == 'beans'",
            "purchase.channel == 'app' && purchase.total >= 500",
            "member.attributes.newsletter",
            "!member.attributes.newsletter || member.tier in ['silver', 'gold']",
            "has(member.attributes.city) && member.attributes.city.startsWith('Iz')",
            "occurred_at.weekday == 'sat' ? purchase.total > 100 : purchase.total > 200",
            "purchase.store.contains('kadikoy-1')",
            "size(purchase.channel) > 2",
            "true",
        ] {
            assert_eq!(codes(source), [], "{source}");
        }
    }

    #[test]
    fn a_condition_is_refused_before_it_is_published() {
        for (source, code, word) in [
            ("basket.total > 1", "unknown_variable", "basket"),
            ("activity.type == 'review'", "unknown_variable", "activity"),
            ("purchase.colour == 'red'", "unknown_variable", "colour"),
            ("member.attributes.country == 'TR'", "unknown_variable", "country"),
            ("purchase.total + 1", "not_boolean", "true or false"),
            ("purchase.channel", "not_boolean", "true or false"),
            ("member.attributes.city", "not_boolean", "true or false"),
            ("'yes'", "not_boolean", "true or false"),
            ("true ? 1 : 2", "not_boolean", "true or false"),
            ("purchase.total >", "expression_invalid", ""),
            ("", "out_of_range", "1 to 1000"),
            ("[1, 2].exists(x, x == purchase.total)", "unknown_function", "exists"),
            ("launch(purchase)", "unknown_function", "launch"),
            ("purchase == purchase.total || has(purchase)", "unknown_function", "has"),
        ] {
            let faults = codes(source);
            assert!(
                faults.iter().any(|(found, message)| *found == code && message.contains(word)),
                "{source}: {faults:?}"
            );
        }
    }

    #[test]
    fn a_stored_condition_that_is_refused_today_is_a_fault_each_time_it_is_evaluated() {
        let long = format!("true || '{}' == ''", "x".repeat(LENGTH_MAX));
        let deep = format!("{}true{}", "(".repeat(25), ")".repeat(25));
        for (source, word) in [
            ("basket.total > 1", "basket"),
            ("launch()", "launch"),
            ("line.category == 'beans'", "line"),
            ("1 + 1", "not true or false"),
            ("1 +", "Syntax error"),
            ("", "0 characters"),
            (long.as_str(), "1016 characters"),
            (deep.as_str(), "deeper than 24"),
        ] {
            let document = Json::from(source);
            let findings = Findings::default();
            let condition = read(&Node::top(&document, &findings), &[Variable::Member], None).unwrap();
            assert!(!condition.is_of_line());
            let fault = condition.holds(&Context::with_env(environment())).unwrap_err();
            assert!(fault.contains(word) && fault.chars().count() <= FAULT_LENGTH_MAX, "{source}: {fault}");
            assert_eq!(findings.into_faults(), [], "{source}");
        }
    }

    #[test]
    fn no_expression_leads_the_parser_to_the_end_of_its_stack() {
        for (open, middle, close) in [
            ("(", "true", ")"),
            ("!", "true", ""),
            ("-", "1 == 1", ""),
            ("[", "1", "]"),
            ("true?true:", "true", ""),
            ("true&&", "true", ""),
            ("1+", "1 == 1", ""),
            ("{1:", "1", "}"),
            ("size(", "'a'", ")"),
        ] {
            let times = (LENGTH_MAX - middle.len()) / (open.len() + close.len());
            let source = format!("{}{middle}{}", open.repeat(times), close.repeat(times));
            drop(codes(&source));
        }
        let chain = format!("purchase{}", ".total".repeat(160));
        assert!(!codes(&chain).is_empty());
    }
}
