//! Reads a JSON document and collects all errors in it, each with a pointer to its place.
//!
//! There are two kinds of findings. A *fault* means that there is no value: it has the wrong type, or no meaning. A
//! *lint* means that the value is understood but must not be published: it is out of bounds, or contradicts another. A
//! document to be published must have neither. A published document must stay readable, so only faults count there: a
//! later release may lint more, and must still read what an earlier one accepted.

use std::{cell::RefCell, collections::BTreeSet, fmt, ops::RangeInclusive, str::FromStr};

use serde_json::Value;

use crate::{
    rules::schema::{Field, NUMBER_MAX, SPAN_MAX},
    values::{
        kind::{is_too_large, kind_of},
        likeness, pointer,
    },
};

/// Maximum length of a name shown to people, in characters.
pub(crate) const NAME_LENGTH_MAX: usize = 100;

/// An error at one place of a program document, or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The place: a JSON pointer (RFC 6901).
    pub at: String,
    /// The kind of error: a stable code.
    pub code: &'static str,
    /// What is wrong and what is allowed, in a sentence.
    pub message: String,
}

/// The types of values, as messages name them.
const TEXT: &str = "a string";
const WHOLE_NUMBER: &str = "a whole number";
const BOOLEAN: &str = "true or false";

/// Returns what to write instead of the field `name`.
fn instead(name: &str, known: &[&str], all: &str) -> String {
    match likeness::nearest(name, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("{all} {}", known.join(", ")),
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(RefCell<Vec<Reported>>);

#[derive(Debug)]
struct Reported {
    finding: Finding,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// There is no value.
    Fault,
    /// There is a value that must not be published.
    Lint,
}

impl Findings {
    /// Returns all findings, in the order of reading.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.0.into_inner().into_iter().map(|reported| reported.finding).collect()
    }

    /// Returns the faults.
    pub(crate) fn into_faults(self) -> Vec<Finding> {
        let findings = self.0.into_inner().into_iter();
        findings.filter(|reported| reported.kind == Kind::Fault).map(|reported| reported.finding).collect()
    }
}

/// A value in the document, and its place.
///
/// A reading method reports what is wrong and returns `None` without a value. Reading continues with the rest, so that
/// all findings are reported at once.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    place: Place<'a>,
    findings: &'a Findings,
}

/// A step from the top of the document, borrowed as a chain so that only findings pay for writing it.
#[derive(Clone, Copy)]
enum Place<'a> {
    Top,
    Field(&'a Node<'a>, &'a str),
    Index(&'a Node<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Field(parent, name) => write!(f, "{}/{}", parent.place, pointer::step(name)),
            Self::Index(parent, index) => write!(f, "{}/{index}", parent.place),
        }
    }
}

impl<'a> Node<'a> {
    pub(crate) fn top(value: &'a Value, findings: &'a Findings) -> Self {
        Self { value, place: Place::Top, findings }
    }

    /// Reports that there is no value here.
    pub(crate) fn fault(&self, code: &'static str, message: impl Into<String>) {
        self.report(Kind::Fault, code, message.into());
    }

    /// Reports that the value here must not be published.
    pub(crate) fn lint(&self, code: &'static str, message: impl Into<String>) {
        self.report(Kind::Lint, code, message.into());
    }

    /// Reports that the value at the pointer `at` below this one must not be published.
    pub(crate) fn lint_below(&self, at: &str, code: &'static str, message: impl Into<String>) {
        let finding = Finding { at: format!("{}{at}", self.place), code, message: message.into() };
        self.findings.0.borrow_mut().push(Reported { finding, kind: Kind::Lint });
    }

    fn report(&self, kind: Kind, code: &'static str, message: String) {
        let finding = Finding { at: self.place.to_string(), code, message };
        self.findings.0.borrow_mut().push(Reported { finding, kind });
    }

    fn wrong_type(&self, wanted: &str) {
        let is_quoted = |text: &str| match wanted {
            WHOLE_NUMBER => text.parse::<i64>().is_ok(),
            BOOLEAN => matches!(text, "true" | "false"),
            _ => false,
        };
        let remedy = if self.text().is_some_and(is_quoted) {
            ": remove the quotes"
        } else if wanted == TEXT && self.value.is_number() {
            ": put it in double quotes"
        } else {
            ""
        };
        self.fault("wrong_type", format!("must be {wanted}, not {}{remedy}", kind_of(self.value)));
    }

    /// The fields of an object; a field that is not in `known` is a lint.
    pub(crate) fn fields(&'a self, known: &[Field]) -> Option<Fields<'a>> {
        self.fields_named(&known.iter().map(|field| field.name).collect::<Vec<_>>())
    }

    /// Like [`Node::fields`], for fields that follow from the document itself.
    pub(crate) fn fields_named(&'a self, known: &[&str]) -> Option<Fields<'a>> {
        let Value::Object(object) = self.value else {
            self.wrong_type("an object");
            return None;
        };
        for (name, value) in object {
            if !known.contains(&name.as_str()) {
                let field = Node { value, place: Place::Field(self, name), findings: self.findings };
                field.lint("unknown_field", format!("is not a field here; {}", instead(name, known, "the fields are")));
            }
        }
        Some(Fields { node: self })
    }

    /// Returns the name and the value of an object's only field, as in `{ "days": 14 }`.
    pub(crate) fn variant(&'a self) -> Option<(&'a str, Node<'a>)> {
        if let Value::Object(object) = self.value
            && let (Some((name, value)), 1) = (object.iter().next(), object.len())
        {
            return Some((name, Node { value, place: Place::Field(self, name), findings: self.findings }));
        }
        None
    }

    /// Returns whether it is an object with a field of this name. Reports nothing.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value.get(name).is_some()
    }

    /// Returns the item of a list at `index`, if there is one. Reports nothing.
    pub(crate) fn item(&'a self, index: usize) -> Option<Node<'a>> {
        let value = self.value.get(index)?;
        Some(Node { value, place: Place::Index(self, index), findings: self.findings })
    }

    /// Returns the field `name` of an object, if there is one. Reports nothing.
    pub(crate) fn field(&'a self, name: &'a str) -> Option<Node<'a>> {
        let value = self.value.get(name)?;
        Some(Node { value, place: Place::Field(self, name), findings: self.findings })
    }

    /// Returns the text, if it is one. Reports nothing.
    pub(crate) fn text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// Reads a text; a lint unless it has 1 to `length_max` characters.
    pub(crate) fn string(&self, length_max: usize) -> Option<String> {
        let Some(text) = self.text() else {
            self.wrong_type(TEXT);
            return None;
        };
        let length = text.chars().count();
        if length == 0 || length > length_max {
            self.lint("out_of_range", format!("must have 1 to {length_max} characters, not {length}"));
        }
        Some(text.to_owned())
    }

    /// Reads a text and parses it as a `T`.
    pub(crate) fn parsed<T: FromStr>(&self, code: &'static str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let Some(text) = self.text() else {
            self.wrong_type(TEXT);
            return None;
        };
        text.parse().map_err(|error: T::Err| self.fault(code, error.to_string())).ok()
    }

    /// Reads a whole number; a lint unless it is within `accepted`. Below 1, or below 0 if 0 is accepted, it has no
    /// meaning.
    pub(crate) fn integer(&self, accepted: RangeInclusive<i64>) -> Option<i64> {
        let least = *accepted.start().min(&1);
        self.integer_within(least..=NUMBER_MAX, accepted)
    }

    /// Reads a number of days or months, like [`Node::integer`].
    pub(crate) fn span(&self, accepted: RangeInclusive<i64>) -> Option<i32> {
        let least = *accepted.start().min(&1);
        i32::try_from(self.integer_within(least..=SPAN_MAX, accepted)?).ok()
    }

    /// Reads a percentage above 100; a lint unless it is within `accepted`.
    pub(crate) fn percent(&self, accepted: RangeInclusive<i64>) -> Option<i64> {
        self.integer_within(100..=NUMBER_MAX, accepted)
    }

    fn integer_within(&self, meaningful: RangeInclusive<i64>, accepted: RangeInclusive<i64>) -> Option<i64> {
        let Some(number) = self.value.as_i64() else {
            if is_too_large(self.value) {
                self.fault("out_of_range", format!("must be {} to {}", accepted.start(), accepted.end()));
            } else {
                self.wrong_type(WHOLE_NUMBER);
            }
            return None;
        };
        let has_meaning = meaningful.contains(&number);
        if !accepted.contains(&number) || !has_meaning {
            let kind = if has_meaning { Kind::Lint } else { Kind::Fault };
            let message = format!("must be {} to {}, not {number}", accepted.start(), accepted.end());
            self.report(kind, "out_of_range", message);
        }
        has_meaning.then_some(number)
    }

    /// Reads one of the named choices.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        self.choice_or(choices, &[])
    }

    /// Reads one of the named choices. `others` are the objects that are allowed instead, for the message.
    pub(crate) fn choice_or<T: Copy>(&self, choices: &[(&str, T)], others: &[&str]) -> Option<T> {
        let chosen = self.text().and_then(|text| choices.iter().find(|(name, _)| *name == text));
        if chosen.is_none() {
            self.unknown_choice(
                &choices.iter().map(|(name, _)| *name).chain(others.iter().copied()).collect::<Vec<_>>(),
            );
        }
        chosen.map(|(_, choice)| *choice)
    }

    /// Reports that none of `choices` was chosen: names, or objects that are written as JSON.
    pub(crate) fn unknown_choice(&self, choices: &[&str]) {
        // The name that was written: the value, or the name of an object's only field.
        let written = self.text().or_else(|| self.variant().map(|(name, _)| name));
        let is_name = |part: &&str| !part.is_empty() && !part.starts_with('{');
        let names: Vec<&str> = choices.iter().filter_map(|choice| choice.split('"').find(is_name)).collect();
        let as_meant = names.iter().zip(choices).find(|(name, _)| written == Some(**name)).map(|(_, choice)| choice);
        let remedy = match (self.value, as_meant) {
            (Value::Object(fields), _) if fields.len() > 1 => {
                format!("; it has {} fields instead of one", fields.len())
            }
            (_, Some(choice)) if choice.contains('"') => format!("; write it as {choice}"),
            (_, Some(choice)) => format!("; write it as \"{choice}\""),
            (Value::String(_) | Value::Object(_), None) => {
                let meant = written.and_then(|name| likeness::nearest(name, &names));
                meant.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
            }
            (value, None) => format!(", not {}", kind_of(value)),
        };
        self.fault("unknown_choice", format!("must be one of {}{remedy}", choices.join(", ")));
    }

    /// Returns whether the value is a list. Reports nothing.
    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Reads each value of a list; `None` unless all of them could be read. More than `most` is a lint.
    pub(crate) fn list<T>(&'a self, most: usize, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Array(values) = self.value else {
            self.wrong_type("a list");
            return None;
        };
        if values.len() > most {
            self.lint("too_many", format!("must have at most {most} items, not {}", values.len()));
        }
        let read: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(index, value)| read(&Node { value, place: Place::Index(self, index), findings: self.findings }))
            .collect();
        read.into_iter().collect()
    }

    /// Like [`Node::list`], and reports each item whose `id` occurs before.
    pub(crate) fn list_by_id<T>(&'a self, most: usize, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
        let seen = RefCell::new(BTreeSet::new());
        self.list(most, |node| {
            if let Some(id) = node.value.get("id").and_then(Value::as_str)
                && !seen.borrow_mut().insert(id.to_owned())
            {
                let id_node = Node { value: node.value, place: Place::Field(node, "id"), findings: node.findings };
                id_node.lint("duplicate_id", format!("`{id}` is the id of another item of this list"));
            }
            read(node)
        })
    }

    /// Returns the `id` of each item of a list that has one. Reports nothing.
    pub(crate) fn ids(&self) -> BTreeSet<&'a str> {
        let items = self.value.as_array().into_iter().flatten();
        items.filter_map(|item| item.get("id").and_then(Value::as_str)).collect()
    }
}

/// Reads `true` or `false`.
pub(crate) fn read_boolean(node: &Node<'_>) -> Option<bool> {
    if node.value.as_bool().is_none() {
        node.wrong_type(BOOLEAN);
    }
    node.value.as_bool()
}

/// A text of any length.
pub(crate) fn read_any_text(node: &Node<'_>) -> Option<()> {
    if node.text().is_none() {
        node.wrong_type(TEXT);
    }
    node.text().map(|_| ())
}

/// The fields of an object.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    node: &'a Node<'a>,
}

impl<'a> Fields<'a> {
    /// Returns the field, if there is one.
    pub(crate) fn optional(self, name: &'a str) -> Option<Node<'a>> {
        self.node.field(name)
    }

    /// Returns the field, or reports that it is missing.
    pub(crate) fn required(self, name: &'a str) -> Option<Node<'a>> {
        let field = self.optional(name);
        if field.is_none() {
            static NOTHING: Value = Value::Null;
            let missing = Node { value: &NOTHING, place: Place::Field(self.node, name), findings: self.node.findings };
            missing.fault("missing", "is missing");
        }
        field
    }

    /// Reads the field with `read`, or returns `default` if there is none.
    pub(crate) fn read_or<T>(self, name: &'a str, default: T, read: impl FnOnce(&Node<'_>) -> Option<T>) -> Option<T> {
        match self.optional(name) {
            None => Some(default),
            Some(node) => read(&node),
        }
    }
}
