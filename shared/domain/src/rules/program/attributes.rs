//! Which attributes members may have, and of which type.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    rules::{
        node::{Node, read_boolean},
        program::Program,
        schema::{Field, boolean, choice, parsed},
    },
    state::account::AttributeValue,
    values::{id::AttributeId, instant, kind::kind_of, likeness},
};

/// Most attributes in a program.
pub(crate) const ATTRIBUTES_MAX: usize = 30;

/// Longest text of an attribute, in characters. The account is one small item.
pub(crate) const TEXT_LENGTH_MAX: usize = 100;

/// Most bytes of all attributes of a member, as the table counts them: thirty of them with a hundred bytes each.
pub const ATTRIBUTE_BYTES_MAX: usize = 4 * 1024;

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    /// A text of at most 100 characters.
    String,
    /// A date such as `1990-05-03`.
    Date,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
}

/// An attribute that members may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeSpec {
    /// Its name.
    pub id: AttributeId,
    /// What its values are.
    pub kind: AttributeType,
    /// Whether it is personal data.
    pub personal: bool,
    /// Whether members may change it themselves.
    pub is_editable_by_member: bool,
}

/// Why an attribute was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeRefused {
    /// Which one.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Program {
    /// Returns whether members may change this attribute themselves.
    #[must_use]
    pub fn is_editable_by_member(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|spec| spec.id.as_str() == attribute && spec.is_editable_by_member)
    }

    /// What is said of a name that is not one of its attributes.
    fn no_attribute(&self, name: &str) -> String {
        let known: Vec<_> = self.attributes.iter().map(|spec| spec.id.as_str()).collect();
        match likeness::nearest(name, &known) {
            Some(nearest) => format!("is not an attribute of this program; did you mean `{nearest}`?"),
            None if known.is_empty() => "is not an attribute of this program, which has none".to_owned(),
            None => {
                format!("is not an attribute of this program; its attributes are {}", likeness::listed(name, &known))
            }
        }
    }

    /// Reads attributes as a caller gives them. `null` stands for no value, and is how one is taken away, also one that the
    /// program does not have any more.
    ///
    /// # Errors
    ///
    /// The first attribute that the program does not know, or whose value is not of its type; the largest if all together
    /// have more than [`ATTRIBUTE_BYTES_MAX`].
    pub fn read_attributes(
        &self,
        given: &BTreeMap<String, Value>,
    ) -> Result<BTreeMap<AttributeId, Option<AttributeValue>>, AttributeRefused> {
        let read: BTreeMap<_, _> = given
            .iter()
            .map(|(name, value)| {
                let refused = |reason: &str| AttributeRefused { name: name.clone(), reason: reason.to_owned() };
                if let (Value::Null, Ok(id)) = (value, name.parse()) {
                    return Ok((id, None));
                }
                let spec = self
                    .attributes
                    .iter()
                    .find(|spec| spec.id.as_str() == name)
                    .ok_or_else(|| refused(&self.no_attribute(name)))?;
                Ok((spec.id.clone(), read_value(spec.kind, value).map_err(|reason| refused(&reason))?))
            })
            .collect::<Result<_, _>>()?;
        check_size(read.iter().filter_map(|(id, value)| Some((id, value.as_ref()?))))?;
        Ok(read)
    }
}

/// Refuses attributes that are too large for an account.
///
/// # Errors
///
/// The largest of them.
pub(crate) fn check_size<'a>(
    attributes: impl Iterator<Item = (&'a AttributeId, &'a AttributeValue)>,
) -> Result<(), AttributeRefused> {
    let sizes: Vec<_> = attributes.map(|(id, value)| (id, id.as_str().len().saturating_add(value.bytes()))).collect();
    let bytes = sizes.iter().fold(0_usize, |sum, (_, bytes)| sum.saturating_add(*bytes));
    match sizes.iter().max_by_key(|(_, bytes)| *bytes) {
        Some((largest, _)) if bytes > ATTRIBUTE_BYTES_MAX => Err(AttributeRefused {
            name: largest.to_string(),
            reason: format!(
                "is one of attributes that have {bytes} bytes together; a member can have {ATTRIBUTE_BYTES_MAX} bytes of them"
            ),
        }),
        Some(_) | None => Ok(()),
    }
}

/// Reads a value, or says what it must be and what it is. The value is never quoted.
fn read_value(kind: AttributeType, value: &Value) -> Result<Option<AttributeValue>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let not = |wanted: &str| format!("must be {wanted}, not {}", kind_of(value));
    match (kind, value) {
        (AttributeType::String, Value::String(text)) if text.chars().count() <= TEXT_LENGTH_MAX => {
            Ok(AttributeValue::String(text.to_owned()))
        }
        (AttributeType::String, Value::String(_)) => Err(format!("must have at most {TEXT_LENGTH_MAX} characters")),
        (AttributeType::String, _) => Err(not("a string in double quotes")),
        (AttributeType::Date, Value::String(text)) => {
            instant::day(text).map(AttributeValue::Date).ok_or_else(|| instant::day_malformed(text).to_owned())
        }
        (AttributeType::Date, _) => Err(not("a date in double quotes, such as \"1990-05-03\"")),
        (AttributeType::Boolean, _) => value.as_bool().map(AttributeValue::Boolean).ok_or_else(|| not("true or false")),
        (AttributeType::Integer, _) => value.as_i64().map(AttributeValue::Integer).ok_or_else(|| not("a whole number")),
    }
    .map(Some)
}

/// The fields of an attribute.
pub(super) const FIELDS: [Field; 4] = [
    Field::required("id", "The name of the attribute, unique in the document.", parsed::<AttributeId>),
    Field::required("type", "The type of the values.", || choice(&TYPES)),
    Field::optional(
        "personal",
        "Whether values are personal data, which an erasure removes and purchases do not keep.",
        boolean,
    )
    .or("false"),
    Field::optional("editable_by", "Who may change values: operators, or members too.", || choice(&EDITORS))
        .or("\"operator\""),
];

const TYPES: [(&str, AttributeType); 4] = [
    ("string", AttributeType::String),
    ("date", AttributeType::Date),
    ("boolean", AttributeType::Boolean),
    ("integer", AttributeType::Integer),
];

/// Whether a member may change values.
const EDITORS: [(&str, bool); 2] = [("operator", false), ("member", true)];

pub(super) fn read(node: &Node<'_>) -> Option<Vec<AttributeSpec>> {
    node.list_by_id(ATTRIBUTES_MAX, |node| {
        let fields = node.fields(&FIELDS)?;
        let id = fields.required("id").and_then(|node| node.parsed("malformed"));
        let kind = fields.required("type").and_then(|node| node.choice(&TYPES));
        let personal = fields.read_or("personal", false, read_boolean);
        let is_editable_by_member = fields.read_or("editable_by", false, |node| node.choice(&EDITORS));
        Some(AttributeSpec { id: id?, kind: kind?, personal: personal?, is_editable_by_member: is_editable_by_member? })
    })
}
