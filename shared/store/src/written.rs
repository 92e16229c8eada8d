//! Reads the items that have events: entries and published versions, from the table's stream or from the table itself.

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

/// An item that is written once, never changes, and has an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// An entry.
    Entry {
        /// The program of the member.
        program: ProgramId,
        /// The member whose ledger has it.
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

/// A page of the iteration over all items that have events.
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

    /// Returns the program that it belongs to.
    #[must_use]
    pub fn program(&self) -> &ProgramId {
        match self {
            Self::Entry { program, .. } | Self::Version { program, .. } => program,
        }
    }

    /// Returns when it was posted or published.
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
        // Versions that an earlier release published have no head next to them.
        let head = fields.optional(HEAD, |value| read_head(value.as_s().ok()?))?;
        Ok(head.map(|head| Self::Version { program, head }))
    }
}

impl Store {
    /// Returns the next entries and versions after `after`, in no order. It reads the whole table, a megabyte at a
    /// time, at one read unit per 8 KB.
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
