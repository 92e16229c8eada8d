//! Reads what leaves the engine as events: entries and published versions, from the table's stream or from the table itself.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use jiff::Timestamp;
use regulars_domain::{
    chain::Sealed,
    id::{MemberId, ProgramId},
    version_head::VersionHead,
};

use crate::{
    calls::Kind,
    entry_item,
    fault::StoreFault,
    item::{Fields, Item, text},
    members::Walk,
    permission::Permission,
    program_heads::read_head,
    store::Store,
    table::{ENTRY_SK_PREFIX, HEAD, IS_EVENT, PK, SK, VERSION_SK_PREFIX, read_member_pk, read_program_pk},
};

/// Something that was written once and never changes, and that others are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// An entry.
    Entry {
        /// The program of the member.
        program: ProgramId,
        /// The member in whose ledger it stands.
        member: MemberId,
        /// The entry.
        sealed: Box<Sealed>,
    },
    /// A version of a program.
    Version {
        /// The program.
        program: ProgramId,
        /// The version.
        head: VersionHead,
    },
}

/// A part of the walk over everything that leaves the engine.
#[derive(Debug)]
pub struct WrittenPage {
    /// The items found, in no order, and a fault for each item that cannot be read.
    pub written: Vec<Result<Written, StoreFault>>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Walk>,
}

impl Written {
    /// Reads the new image of a record of the table's stream; `None` if it is another kind of item.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Broken`] if the item is not what this engine writes.
    pub fn of_image(image: serde_dynamo::Item) -> Result<Option<Self>, StoreFault> {
        Self::of_item(&image.into())
    }

    /// The program that it belongs to.
    #[must_use]
    pub fn program(&self) -> &ProgramId {
        match self {
            Self::Entry { program, .. } | Self::Version { program, .. } => program,
        }
    }

    /// When it was written.
    #[must_use]
    pub fn written_at(&self) -> Timestamp {
        match self {
            Self::Entry { sealed, .. } => sealed.entry.posted_at,
            Self::Version { head, .. } => head.published_at,
        }
    }

    fn of_item(item: &Item) -> Result<Option<Self>, StoreFault> {
        let fields = Fields::of("written", item);
        let pk: &String = fields.required(PK, |value| value.as_s().ok())?;
        let sk: &String = fields.required(SK, |value| value.as_s().ok())?;
        if sk.starts_with(ENTRY_SK_PREFIX) {
            let (program, member) = read_member_pk(pk).ok_or_else(|| fields.corrupt(PK))?;
            return Ok(Some(Self::Entry { program, member, sealed: Box::new(entry_item::read(item)?) }));
        }
        if !sk.starts_with(VERSION_SK_PREFIX) {
            return Ok(None);
        }
        let program = read_program_pk(pk).ok_or_else(|| fields.corrupt(PK))?;
        // A version that an earlier release published has no head beside it.
        let head = fields.optional(HEAD, |value| read_head(value.as_s().ok()?))?;
        Ok(head.map(|head| Self::Version { program, head }))
    }
}

impl Store {
    /// The next of all entries and versions after `after`, in no order. It reads the whole table, a megabyte at a time, at one read
    /// unit for 8 KB.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn written(&self, after: Option<Walk>) -> Result<WrittenPage, StoreFault> {
        let found = self.calls.call(Kind::Page, [Permission::SCAN], |client| {
            client
                .scan()
                .table_name(&self.table)
                .filter_expression(IS_EVENT)
                .expression_attribute_values(":entry", text(ENTRY_SK_PREFIX))
                .expression_attribute_values(":version", text(VERSION_SK_PREFIX))
                .set_exclusive_start_key(after.map(|Walk(key)| key))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
        });
        let found = found.await.map_err(StoreFault::of)?;
        Ok(WrittenPage {
            written: found.items().iter().filter_map(|item| Written::of_item(item).transpose()).collect(),
            next: found.last_evaluated_key.map(Walk),
        })
    }
}
