//! The attributes that members may have, and their types.

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

/// Maximum number of attributes of a program.
pub(crate) const ATTRIBUTES_MAX: usize = 30;

/// Maximum length of a text, in characters. It is small because an account is one item.
pub(crate) const TEXT_LENGTH_MAX: usize = 100;

/// Maximum number of bytes of all attributes of a member, as DynamoDB counts them: room for thirty of a hundred bytes
/// each.
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
    /// The type of its values.
    pub kind: AttributeType,
    /// Whether it is personal data.
    pub personal: bool,
    /// Whether members may change it themselves.
    pub is_editable_by_member: bool,
}

/// Why an attribute was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeRefused {
    /// The name of the attribute.
    pub name: String,
    /// What is wrong, as the rest of a sentence that begins with the name.
    pub reason: String,
}

impl Program {
    /// Returns whether members may change this attribute themselves.
    #[must_use]
    pub fn is_editable_by_member(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|spec| spec.id.as_str() == attribute && spec.is_editable_by_member)
    }

    /// Returns what is wrong with a name that is not one of its attributes.
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

    /// Reads attributes from a request. `null` removes a value, including one whose attribute the program no longer
    /// has.
    ///
    /// # Errors
    ///
    /// The first attribute that is unknown or has a value of the wrong type; the largest one if all of them together
    /// exceed [`ATTRIBUTE_BYTES_MAX`].
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

/// Checks that `attributes` are not too large for an account.
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
                "is too large: all attributes of the member would have {bytes} bytes, and the maximum is {ATTRIBUTE_BYTES_MAX}"
            ),
        }),
        Some(_) | None => Ok(()),
    }
}

/// Reads a value, or returns what it must be and its kind. The text never quotes the value.
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
        "Whether values are personal data. They are stored in the account only, and an erasure deletes them.",
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
