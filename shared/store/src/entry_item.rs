//! How a ledger entry is written as an item: its canonical text and its hash, byte for byte.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `pk`, `sk` | S | `member#PROGRAM#MEMBER`, `entry#ID` |
//! | `seq` | N | the place in the ledger, by which the index `by_seq` sorts |
//! | `e` | S | the text that was hashed |
//! | `h` | B | the hash |
//! | `ac` | N | how often something was done about it; absent while nothing was |
//! | `af` | M | what became of it: `r` refunded, `t` taken back, `u` undone, `c` confirmed on, `e` ending, `p` captured, `g` given back |
//! | `no` | S | what somebody wrote about it; absent if nobody did |
//!
//! The last three are the only attributes that ever change, and no hash covers them.

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_domain::{
    aftermath::{Aftermath, Ending, Mark, Recorded},
    chain::Sealed,
    id::{EntryId, MemberId, ProgramId},
    points::Points,
};

use crate::{
    fault::{Corrupt, StoreFault},
    item::{Fields, Item, as_number, as_parsed, bytes, compact_date, key_attributes, number, text},
    table::{AFTERMATH, CHANGES, PK, SEQ, SK, entry_key, read_entry_sk, read_member_pk},
};

const TEXT: &str = "e";
const HASH: &str = "h";
const PREVIOUS: &str = "ph";
const NOTE: &str = "no";
const REFUNDED: &str = "r";
const TAKEN_BACK: &str = "t";
const UNDONE: &str = "u";
const CONFIRMED_ON: &str = "c";
const ENDING: &str = "e";
const CAPTURED: &str = "p";
const GIVEN_BACK: &str = "g";

/// The item of `sealed` in the ledger of `member`.
pub(crate) fn write(program: &ProgramId, member: &MemberId, sealed: &Sealed) -> Item {
    let mut item = key_attributes(entry_key(program, member, &sealed.entry.id));
    item.insert(SEQ.to_owned(), number(&sealed.entry.seq));
    item.insert(TEXT.to_owned(), text(&sealed.text));
    item.insert(HASH.to_owned(), bytes(sealed.hash.as_bytes()));
    item.insert(PREVIOUS.to_owned(), bytes(sealed.previous.as_bytes()));
    if let Some(note) = &sealed.note {
        item.insert(NOTE.to_owned(), text(note.as_str()));
    }
    item
}

/// The values of [`crate::table::MARK`] that note `mark`.
pub(crate) fn mark_values(mark: &Mark) -> Item {
    let Aftermath { changes, refunded, taken_back, is_undone, confirmed_on, ending, captured, given_back } =
        mark.aftermath;
    let mut map = Item::from([
        (REFUNDED.to_owned(), number(&refunded)),
        (TAKEN_BACK.to_owned(), number(&taken_back)),
        (UNDONE.to_owned(), AttributeValue::Bool(is_undone)),
        (CAPTURED.to_owned(), number(&captured)),
        (GIVEN_BACK.to_owned(), number(&given_back)),
    ]);
    if let Some(date) = confirmed_on {
        map.insert(CONFIRMED_ON.to_owned(), text(compact_date(date)));
    }
    if let Some(ending) = ending {
        map.insert(ENDING.to_owned(), text(ending_name(ending)));
    }
    Item::from([
        (":read".to_owned(), number(&changes.saturating_sub(1))),
        (":zero".to_owned(), number(&0)),
        (":changes".to_owned(), number(&changes)),
        (":aftermath".to_owned(), AttributeValue::M(map)),
    ])
}

/// The entry that `item` is, and what became of it.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_recorded(item: &Item) -> Result<Recorded, StoreFault> {
    let fields = Fields::of("entry", item);
    let changes = fields.optional(CHANGES, as_number)?.unwrap_or_default();
    let aftermath = fields.optional(AFTERMATH, |value| read_aftermath(value, changes))?.unwrap_or_default();
    let member = fields.required(PK, |value| Some(read_member_pk(value.as_s().ok()?)?.1))?;
    Ok(Recorded { member, sealed: read(item)?, aftermath })
}

fn read_aftermath(value: &AttributeValue, changes: u64) -> Option<Aftermath> {
    let map = value.as_m().ok()?;
    let points = |name| map.get(name).and_then(as_number).map(Points::new);
    Some(Aftermath {
        changes,
        refunded: map.get(REFUNDED).and_then(as_number)?,
        taken_back: points(TAKEN_BACK)?,
        is_undone: *map.get(UNDONE)?.as_bool().ok()?,
        confirmed_on: map.get(CONFIRMED_ON).map(|date| as_parsed(date).ok_or(())).transpose().ok()?,
        ending: map.get(ENDING).map(|name| read_ending(name).ok_or(())).transpose().ok()?,
        captured: points(CAPTURED)?,
        given_back: points(GIVEN_BACK)?,
    })
}

const ENDINGS: [Ending; 3] = [Ending::Captured, Ending::Cancelled, Ending::Reversed];

fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::Captured => "captured",
        Ending::Cancelled => "cancelled",
        Ending::Reversed => "reversed",
    }
}

fn read_ending(value: &AttributeValue) -> Option<Ending> {
    let name = value.as_s().ok()?;
    ENDINGS.into_iter().find(|ending| ending_name(*ending) == name)
}

/// The entry that `item` is.
///
/// # Errors
///
/// An attribute is missing or of the wrong type, the text is no entry's, or it stands under the key of another entry.
pub(crate) fn read(item: &Item) -> Result<Sealed, StoreFault> {
    let fields = Fields::of("entry", item);
    let id: EntryId = fields.required(SK, |value| read_entry_sk(value.as_s().ok()?))?;
    let text = fields.required(TEXT, |value| value.as_s().ok())?;
    let hash = |name| fields.required(name, |value| <[u8; 32]>::try_from(value.as_b().ok()?.as_ref()).ok());
    let (previous, hash) = (hash(PREVIOUS)?, hash(HASH)?);
    let note = fields.optional(NOTE, as_parsed)?;
    let sealed = Sealed::read(text.clone(), previous.into(), hash.into())
        .map_err(|source| Corrupt { source: Some(source), ..fields.corrupt(TEXT) })?;
    if sealed.entry.id == id { Ok(sealed.noted(note)) } else { Err(fields.corrupt(SK).into()) }
}
