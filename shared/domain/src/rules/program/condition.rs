//! The `when` of a rule or a reward: a CEL expression. Publishing checks that it is boolean and cheap to evaluate.

use cel::parser::PrattParser;

use crate::{
    ledger::condition_fault::ConditionFault,
    rules::{
        expression::{
            Expression,
            evaluate::Known,
            fact::{Fact, Variable},
            value::Value,
            work::Work,
        },
        node::Node,
        program::{attributes::AttributeSpec, expression_check::Checker, syntax::unreadable},
        schema::text,
    },
    values::purchase::LINES_MAX,
};

/// Maximum length of an expression, in characters.
const LENGTH_MAX: usize = 1_000;

/// Maximum nesting of brackets in an expression. The parser is recursive and must not overflow the stack.
const NESTING_MAX: usize = 24;

/// The maximum work of one evaluation, in units of [`Work`]: at most 66 microseconds of one core. The conditions of a
/// full catalogue of 500 rewards then take 33 milliseconds.
const WORK_MAX: u64 = 20_000;

/// The maximum work of the conditions of all earning rules for one purchase, in units of [`Work`]. A condition that
/// reads `line` counts once for each of [`LINES_MAX`] lines.
///
/// The slowest accepted program of the benchmark `pricing` takes 0.2 seconds of one core for a purchase, and so less
/// than a second on a function of 512 MB, which has 0.29 of a core. With 200 rules that read `line`, each may take
/// 1,500 units. A condition of 1,000 characters that compares many texts takes 650 to 800.
pub const RULES_WORK_MAX: u64 = 60_000_000;

/// A condition: a checked expression, or the reason why it cannot be evaluated.
///
/// Later releases read the conditions of published versions again. A condition that this release does not accept is a
/// fault each time it is evaluated.
#[derive(Debug)]
pub(crate) struct Condition {
    expression: Result<Expression, ConditionFault>,
    work: Work,
    of_line: bool,
}

impl Condition {
    /// Returns whether it reads `line`, and so is evaluated once for each line.
    pub(crate) fn is_of_line(&self) -> bool {
        self.of_line
    }

    /// Returns whether it reads a fact for which `is_it` holds.
    pub(crate) fn reads(&self, is_it: &impl Fn(&Fact) -> bool) -> bool {
        self.expression.as_ref().is_ok_and(|expression| expression.reads(is_it))
    }

    /// Returns the checked expression, if it can be evaluated.
    pub(crate) fn expression(&self) -> Option<&Expression> {
        self.expression.as_ref().ok()
    }

    /// Returns its maximum work for an occasion with `lines` lines, in units of [`Work`].
    pub(crate) fn work_for(&self, lines: usize) -> u64 {
        let times = if self.of_line { u64::try_from(lines).unwrap_or(u64::MAX) } else { 1 };
        self.work.units.saturating_mul(times)
    }

    /// Returns whether it holds. `null` counts as false.
    ///
    /// # Errors
    ///
    /// Why it could not be evaluated.
    pub(crate) fn holds(&self, known: &impl Known) -> Result<bool, ConditionFault> {
        match self.expression.as_ref().map_err(|fault| *fault)?.evaluate(known)? {
            Value::Boolean(holds) => Ok(holds),
            Value::Null => Ok(false),
            Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Written(_) => Err(ConditionFault::NotBoolean),
        }
    }
}

/// The schema of a condition.
pub(super) fn schema() -> serde_json::Value {
    text(LENGTH_MAX)
}

/// Reads a condition that may use `variables` and, if they are known, members' `attributes`.
///
/// An invalid expression is a lint: the document has a condition, and evaluating it is a fault of its rule.
pub(super) fn read(node: &Node<'_>, variables: &[Variable], attributes: Option<&[AttributeSpec]>) -> Option<Condition> {
    let source = node.string(LENGTH_MAX)?;
    let expression = compile(node, &source, &Checker { node, variables, attributes });
    let work = expression.as_ref().map(Work::of).unwrap_or_default();
    if work.units > WORK_MAX {
        node.lint("expression_too_costly", too_costly(work));
        return Some(Condition { expression: Err(ConditionFault::TooCostly), work: Work::default(), of_line: false });
    }
    let of_line = expression.as_ref().is_ok_and(|expression| expression.speaks_of(Variable::Line));
    Some(Condition { expression, work, of_line })
}

/// Compiles an expression, or returns the reason why it cannot be evaluated. Its length and nesting must be within
/// bounds.
fn compile(node: &Node<'_>, source: &str, checker: &Checker<'_>) -> Result<Expression, ConditionFault> {
    if !(1..=LENGTH_MAX).contains(&source.chars().count()) {
        // Already reported when the text was read.
        return Err(ConditionFault::TooLong);
    }
    if nesting(source) > NESTING_MAX {
        node.lint("expression_invalid", format!("must not nest brackets deeper than {NESTING_MAX}"));
        return Err(ConditionFault::TooDeep);
    }
    let parsed = PrattParser::new().parse(source).map_err(|errors| {
        node.lint("expression_invalid", unreadable(source, &errors));
        ConditionFault::Malformed
    })?;
    let expression = checker.check(&parsed.expr)?;
    if !expression.may_be_boolean() {
        node.lint("not_boolean", "must be true or false: a comparison such as purchase.total >= 500, an attribute that is true or false, or several of them joined by && or ||");
    }
    Ok(expression)
}

fn too_costly(work: Work) -> String {
    let Work { units, .. } = work;
    format!("takes {units} units of work to evaluate{}; at most {WORK_MAX} are allowed", mostly(work))
}

fn mostly(work: Work) -> String {
    work.costliest.map(|function| format!(", most of it for {}", function.written())).unwrap_or_default()
}

/// Returns the maximum work of `conditions` for one purchase, in the units of [`RULES_WORK_MAX`].
pub(super) fn work_together<'a>(conditions: impl Iterator<Item = &'a Condition>) -> u64 {
    conditions.map(|condition| condition.work_for(LINES_MAX)).fold(0, u64::saturating_add)
}

/// Checks that the conditions of all rules together stay within [`RULES_WORK_MAX`] for one purchase. Otherwise reports
/// the costliest one.
pub(super) fn check_together<'a>(node: &Node<'_>, rules: impl Iterator<Item = Option<&'a Condition>>) {
    let conditions: Vec<_> = rules.enumerate().filter_map(|(place, when)| Some((place, when?))).collect();
    let all = work_together(conditions.iter().map(|(_, condition)| *condition));
    if all <= RULES_WORK_MAX {
        return;
    }
    // Of several that take the same work, the first.
    let costliest = conditions.into_iter().rev().max_by_key(|(_, condition)| condition.work_for(LINES_MAX));
    if let Some((place, condition)) = costliest
        && let Some(rule) = node.item(place)
        && let Some(when) = rule.field("when")
    {
        let Work { units, .. } = condition.work;
        let times = if condition.of_line { format!("for each of {LINES_MAX} lines") } else { "once".to_owned() };
        let mostly = mostly(condition.work);
        when.lint(
            "expression_too_costly",
            format!(
                "the conditions of all rules together take {all} units of work for one purchase, and at most \
                 {RULES_WORK_MAX} are allowed; this one takes the most, {units} units {times}{mostly}"
            ),
        );
    }
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
    use crate::rules::{expression::fact::Fact, node::Findings, program::attributes::AttributeType};

    fn codes(source: &str) -> Vec<(&'static str, String)> {
        let document = Json::from(source);
        let findings = Findings::default();
        let attributes = [("city", AttributeType::String), ("newsletter", AttributeType::Boolean)].map(|(id, kind)| {
            AttributeSpec { id: id.parse().unwrap(), kind, personal: false, is_editable_by_member: false }
        });
        let variables = [Variable::Purchase, Variable::Line, Variable::Member, Variable::OccurredAt];
        assert!(read(&Node::top(&document, &findings), &variables, Some(&attributes)).is_some(), "{source}");
        findings.into_findings().into_iter().map(|fault| (fault.code, fault.message)).collect()
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
            ("line.attributes.colour == 'red'", "unknown_variable", "attributes"),
            ("purchase.total.cents == 1", "unknown_variable", "cents"),
            ("size(purchase.store).cents == 1", "unknown_variable", "cents"),
            ("member.attributes.country == 'TR'", "unknown_variable", "country"),
            ("purchase == purchase", "expression_invalid", "`purchase` has no value of its own"),
            ("'city' in member.attributes", "expression_invalid", "name one of its fields"),
            ("purchase.total + 1", "not_boolean", "true or false"),
            ("purchase.channel", "not_boolean", "true or false"),
            ("member.attributes.city", "not_boolean", "true or false"),
            ("'yes'", "not_boolean", "true or false"),
            ("true ? 1 : 2", "not_boolean", "true or false"),
            ("purchase.total >", "expression_invalid", ""),
            ("purchase.total > 9.99", "expression_invalid", "9.99 is not a whole number"),
            ("b'a' == b'a'", "expression_invalid", "bytes"),
            ("'a' in {'a': 1}", "expression_invalid", "objects"),
            ("contains(purchase.store, 'a')", "expression_invalid", "text.contains(part)"),
            ("size(purchase.store, 'a') == 1", "expression_invalid", "size(value)"),
            ("", "out_of_range", "1 to 1000"),
            ("[1, 2].exists(x, x == purchase.total)", "unknown_function", "exists"),
            ("launch(purchase.total)", "unknown_function", "launch"),
            ("purchase.store.matches('a*')", "unknown_function", "matches"),
            ("[1, 2][0] == 1", "unknown_function", "index"),
            ("purchase.attributes['pay-by'] == 1", "unknown_function", "cannot be used here"),
            ("purchase.attributes['payment'] == 'x'", "unknown_function", "; write `purchase.attributes.payment`"),
            ("member['tier'] == 'x'", "unknown_function", "; write `member.tier`"),
            ("has(purchase)", "expression_invalid", "has"),
        ] {
            let faults = codes(source);
            assert!(
                faults.iter().any(|(found, message)| *found == code && message.contains(word)),
                "{source}: {faults:?}"
            );
        }
    }

    /// No fact has a value.
    struct Nothing;

    impl Known for Nothing {
        fn value<'a>(&'a self, _: &'a Fact) -> Value<'a> {
            Value::Null
        }
    }

    #[test]
    fn a_stored_condition_that_is_refused_today_is_a_fault_each_time_it_is_evaluated() {
        let long = format!("true || '{}' == ''", "x".repeat(LENGTH_MAX));
        let deep = format!("{}true{}", "(".repeat(25), ")".repeat(25));
        let costly = format!("({}).contains('a')", ["member.attributes.c"; 49].join("+"));
        for (source, fault) in [
            ("basket.total > 1", ConditionFault::UnknownName),
            ("launch()", ConditionFault::Unsupported),
            ("9.99 > 1.0", ConditionFault::Unsupported),
            ("line.category == 'beans'", ConditionFault::UnknownName),
            ("1 + 1", ConditionFault::NotBoolean),
            ("1 +", ConditionFault::Malformed),
            ("", ConditionFault::TooLong),
            (long.as_str(), ConditionFault::TooLong),
            (deep.as_str(), ConditionFault::TooDeep),
            (costly.as_str(), ConditionFault::TooCostly),
        ] {
            let document = Json::from(source);
            let findings = Findings::default();
            let attributes = [AttributeSpec {
                id: "c".parse().unwrap(),
                kind: AttributeType::String,
                personal: true,
                is_editable_by_member: false,
            }];
            let condition = read(&Node::top(&document, &findings), &[Variable::Member], Some(&attributes)).unwrap();
            assert!(!condition.is_of_line());
            assert_eq!(condition.holds(&Nothing), Err(fault), "{source}");
            assert_eq!(findings.into_faults(), [], "{source}");
        }
    }

    #[test]
    fn a_condition_that_takes_too_much_work_is_refused_with_what_it_is_for() {
        let costly = format!("({}).contains(line.sku)", ["line.sku"; 100].join("+"));
        let faults = codes(&costly);
        assert_eq!(faults.len(), 1, "{faults:?}");
        let (code, message) = faults.first().unwrap();
        assert_eq!(*code, "expression_too_costly");
        assert!(message.contains("most of it for contains; at most 20000 are allowed"), "{message}");
    }

    #[test]
    fn no_expression_leads_to_the_end_of_the_stack() {
        for (open, middle, close, expected) in [
            ("(", "true", ")", Err(ConditionFault::TooDeep)),
            ("!", "true", "", Ok(true)),
            ("-", "1 == 1", "", Ok(true)),
            ("[", "1", "]", Err(ConditionFault::TooDeep)),
            ("true?true:", "true", "", Ok(true)),
            ("true&&", "true", "", Ok(true)),
            ("1+", "1 == 1", "", Ok(false)),
            ("{1:", "1", "}", Err(ConditionFault::TooDeep)),
            ("size(", "'a'", ")", Err(ConditionFault::TooDeep)),
        ] {
            let times = (LENGTH_MAX - middle.len()) / (open.len() + close.len());
            let source = format!("{}{middle}{}", open.repeat(times), close.repeat(times));
            let document = Json::from(source);
            let findings = Findings::default();
            let condition = read(&Node::top(&document, &findings), &[], None).unwrap();
            assert_eq!(condition.holds(&Nothing), expected, "{open}");
            condition.expression().map(Expression::mistakes);
        }
        let chain = format!("purchase{}", ".total".repeat(160));
        assert!(!codes(&chain).is_empty());
    }
}
