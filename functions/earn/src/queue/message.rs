//! One message: whose account, under which key, and what would be the body of a request.

use regulars_application::{
    body::{BODY_BYTES_MAX, Body, told},
    command::KeyedRequest,
    refusal::Refusal,
};
use regulars_domain::{
    entry::By,
    fingerprint::Content,
    id::{Actor, EntryId, IdempotencyKey, MemberId, ProgramId},
    money::Money,
    reversal::Return,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    accruals::{self, Accrual},
    confirmation, reversal,
};

/// A message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) program: ProgramId,
    pub(crate) member: MemberId,
    /// The request that it is: the same as over HTTP, where whoever may send to the queue is the operator.
    pub(crate) keyed: KeyedRequest,
    pub(crate) command: Command,
}

/// What a message asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Accrue(Accrual),
    Reverse(EntryId, Return),
    Confirm(EntryId),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    program: ProgramId,
    member: MemberId,
    idempotency_key: IdempotencyKey,
    #[serde(default)]
    accrual: Option<Accrual>,
    #[serde(default)]
    reversal: Option<Reversal>,
    #[serde(default)]
    confirmation: Option<Confirmation>,
    /// Who exactly asks, like the header `Regulars-Actor` over HTTP.
    #[serde(default)]
    actor: Option<Actor>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reversal {
    entry: EntryId,
    #[serde(default, deserialize_with = "told")]
    refund: Option<Money>,
    #[serde(default, deserialize_with = "told")]
    refunded_total: Option<Money>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    entry: EntryId,
}

impl Message {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// `body_too_large`, `body_malformed`.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let body = Body::read(text.as_bytes(), BODY_BYTES_MAX)?;
        let Fields { program, member, idempotency_key, accrual, reversal, confirmation, actor } = body.object()?;
        let (command, content) = match (accrual, reversal, confirmation) {
            (Some(accrual), None, None) => {
                let content = Content::of(accruals::OPERATION, &body_in(body.value(), "accrual"));
                (Command::Accrue(accrual), content)
            }
            (None, Some(Reversal { entry, refund, refunded_total }), None) => {
                let content = Content::of(&reversal::operation(&entry), &body_in(body.value(), "reversal"));
                let returned = reversal::returned(refund, refunded_total, "/reversal")?;
                (Command::Reverse(entry, returned), content)
            }
            (None, None, Some(Confirmation { entry })) => {
                let content = Content::of(&confirmation::operation(&entry), &Value::Null);
                (Command::Confirm(entry), content)
            }
            _ => {
                return Err(Refusal::body_malformed("", "A message holds one of accrual, reversal and confirmation."));
            }
        };
        let keyed = KeyedRequest { entry: idempotency_key.into(), content, by: By::Operator, actor };
        Ok(Self { program, member, keyed, command })
    }
}

/// What would be the body of the request: over HTTP the entry that it acts on stands in the path.
fn body_in(written: &Value, command: &str) -> Value {
    let mut body = written.get(command).cloned().unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("entry");
    }
    body
}
