//! One message: program, member, key, and the body of a request.

use regulars_application::{
    body::{BODY_BYTES_MAX, Body},
    command::KeyedRequest,
    refusal::Refusal,
    returns::ReturnBody,
};
use regulars_domain::{
    entry::By,
    fingerprint::Content,
    id::{Actor, EntryId, IdempotencyKey, MemberId, ProgramId},
    purchase::Purchase,
    reversal::Reversal,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    accruals::Accrual,
    amendment::{self, Amendment},
    confirmation, reversal,
};

/// A message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) program: ProgramId,
    pub(crate) member: MemberId,
    /// The request: the same as over HTTP. Any principal that may send to the queue is an operator.
    pub(crate) keyed: KeyedRequest,
    pub(crate) command: Command,
}

/// The command of a message.
#[derive(Debug)]
pub(crate) enum Command {
    Accrue(Accrual),
    Reverse(EntryId, Reversal),
    Amend(EntryId, Purchase),
    Confirm(EntryId),
}

impl Command {
    /// Returns the name of the operation in the log.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::Accrue(_) => "queue::accrue",
            Self::Reverse(..) => "queue::reverse",
            Self::Amend(..) => "queue::amend",
            Self::Confirm(_) => "queue::confirm",
        }
    }
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
    reversal: Option<About>,
    #[serde(default)]
    amendment: Option<About>,
    #[serde(default)]
    confirmation: Option<Confirmation>,
    /// The person behind the operator's system, like the header `Regulars-Actor` over HTTP.
    #[serde(default)]
    actor: Option<Actor>,
}

/// A command on an accrual. Its other fields are the body of the request, which is read separately.
#[derive(Debug, Deserialize)]
struct About {
    entry: EntryId,
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
        let Fields { program, member, idempotency_key, accrual, reversal, amendment, confirmation, actor } =
            body.object()?;
        let (command, content) = match (accrual, reversal, amendment, confirmation) {
            (Some(accrual), None, None, None) => {
                let content = accrual.content();
                (Command::Accrue(accrual), content)
            }
            (None, Some(About { entry }), None, None) => {
                let body = body.part("reversal", "entry");
                let content = Content::of(&reversal::operation(&entry), body.value());
                let reversal = body.object().and_then(ReturnBody::reversal);
                (Command::Reverse(entry, reversal.map_err(|refusal| refusal.within("/reversal"))?), content)
            }
            (None, None, Some(About { entry }), None) => {
                let body = body.part("amendment", "entry").object::<Amendment>();
                let Amendment { purchase } = body.map_err(|refusal| refusal.within("/amendment"))?;
                let content = amendment::content(&entry, &purchase);
                (Command::Amend(entry, purchase), content)
            }
            (None, None, None, Some(Confirmation { entry })) => {
                let content = Content::of(&confirmation::operation(&entry), &Value::Null);
                (Command::Confirm(entry), content)
            }
            _ => {
                let detail =
                    "A message must have exactly one of `accrual`, `reversal`, `amendment` and `confirmation`.";
                return Err(Refusal::body_malformed("", detail));
            }
        };
        let keyed = KeyedRequest { entry: idempotency_key.into(), content, by: By::Operator, actor };
        Ok(Self { program, member, keyed, command })
    }
}
