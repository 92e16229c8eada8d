//! How a ledger entry is written as an item: its canonical text and its hash, byte for byte.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `pk`, `sk` | S | `member#PROGRAM#MEMBER`, `entry#ID` |
//! | `seq` | N | the place in the ledger, by which the index `by_seq` sorts |
//! | `e` | S | the text that was hashed |
//! | `h` | B | the hash |

use regulars_domain::{
    chain::Sealed,
    id::{MemberId, ProgramId},
};

use crate::{
    fault::{Corrupt, StoreFault},
    item::{Fields, Item, bytes, key_attributes, number, text},
    table::{SEQ, entry_key},
};

const TEXT: &str = "e";
const HASH: &str = "h";

/// The item of `sealed` in the ledger of `member`.
pub(crate) fn write(program: &ProgramId, member: &MemberId, sealed: &Sealed) -> Item {
    let mut item = key_attributes(entry_key(program, member, &sealed.entry.id));
    item.insert(SEQ.to_owned(), number(&sealed.entry.seq));
    item.insert(TEXT.to_owned(), text(&sealed.text));
    item.insert(HASH.to_owned(), bytes(sealed.hash.as_bytes()));
    item
}

/// The entry that `item` is.
///
/// # Errors
///
/// An attribute is missing or of the wrong type, or the text is no entry's.
pub(crate) fn read(item: &Item) -> Result<Sealed, StoreFault> {
    let fields = Fields::of("entry", item);
    let text = fields.required(TEXT, |value| value.as_s().ok())?;
    let hash: [u8; 32] = fields.required(HASH, |value| value.as_b().ok()?.as_ref().try_into().ok())?;
    Sealed::read(text.clone(), hash.into())
        .map_err(|source| Corrupt { source: Some(source), ..fields.corrupt(TEXT) }.into())
}
