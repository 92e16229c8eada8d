//! The item of a ledger entry: its canonical text and its hash, byte for byte.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `pk`, `sk` | S | `member#PROGRAM#MEMBER`, `entry#ID` |
//! | `seq` | N | the position in the ledger, by which the index `by_seq` sorts |
//! | `e` | S | the text that was hashed |
//! | `h` | B | the hash |
//! | `f` | S | the facts of the purchase that it records |
//! | `nt` | S | an operator's note; absent without one |
//! | `b` | L | the balance after it: spendable, pending, held, owed |
//! | `ac` | N | the number of changes of its aftermath; absent without any |
//! | `af` | M | the aftermath, see `aftermath_item.rs` |
//!
//! No hash covers the last five. Only the last two change, unless a member's data is erased. The index `by_seq` has all
//! attributes except the facts and the balance, which would be paid for twice. The balance serves the reader of the table's
//! stream, which gets one entry without the entries before it.

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_domain::{
    aftermath::Recorded,
    balance::Balance,
    chain::Sealed,
    facts::PurchaseFacts,
    id::{EntryId, MemberId, ProgramId},
    points::Points,
};

use crate::{
    aftermath_item,
    fault::{Corrupt, StoreFault},
    item::{Fields, Item, as_number, as_parsed, bytes, key_attributes, number, text},
    table::{AFTERMATH, CHANGES, PK, SEQ, SK, entry_key, read_entry_sk, read_member_pk},
};

const TEXT: &str = "e";
const HASH: &str = "h";
const PREVIOUS: &str = "ph";
pub(crate) const NOTE: &str = "nt";
pub(crate) const FACTS: &str = "f";
const BALANCE: &str = "b";

/// Returns the item of `sealed` in the ledger of `member`.
pub(crate) fn write(program: &ProgramId, member: &MemberId, sealed: &Sealed) -> Item {
    let mut item = key_attributes(entry_key(program, member, &sealed.entry.id));
    item.insert(SEQ.to_owned(), number(&sealed.entry.seq));
    item.insert(TEXT.to_owned(), text(&sealed.text));
    item.insert(HASH.to_owned(), bytes(sealed.hash.as_bytes()));
    item.insert(PREVIOUS.to_owned(), bytes(sealed.previous.as_bytes()));
    if let Some(note) = &sealed.note {
        item.insert(NOTE.to_owned(), text(note.as_str()));
    }
    if let Some(facts) = &sealed.facts {
        item.insert(FACTS.to_owned(), text(facts.text()));
    }
    if let Some(balance) = &sealed.balance {
        item.insert(BALANCE.to_owned(), write_balance(balance));
    }
    item
}

/// Reads the entry and its aftermath from `item`.
///
/// # Errors
///
/// Those of [`read`].
pub(crate) fn read_recorded(item: &Item) -> Result<Recorded, StoreFault> {
    let fields = Fields::of("entry", item);
    let changes = fields.optional(CHANGES, as_number)?.unwrap_or_default();
    let member = fields.required(PK, |value| Some(read_member_pk(value.as_s().ok()?)?.1))?;
    let aftermath = fields.optional(AFTERMATH, |value| aftermath_item::read(value, &member, changes))?;
    Ok(Recorded { member, sealed: read(item)?, aftermath: aftermath.unwrap_or_default(), amended: None })
}

/// Reads the entry from `item`.
///
/// # Errors
///
/// An attribute is missing or has the wrong type, the text is not an entry, or the item has the key of another entry.
pub(crate) fn read(item: &Item) -> Result<Sealed, StoreFault> {
    let fields = Fields::of("entry", item);
    let id: EntryId = fields.required(SK, |value| read_entry_sk(value.as_s().ok()?))?;
    let text = fields.required(TEXT, |value| value.as_s().ok())?;
    let hash = |name| fields.required(name, |value| <[u8; 32]>::try_from(value.as_b().ok()?.as_ref()).ok());
    let (previous, hash) = (hash(PREVIOUS)?, hash(HASH)?);
    let note = fields.optional(NOTE, as_parsed)?;
    let facts = fields.optional(FACTS, |value| PurchaseFacts::read(value.as_s().ok()?).ok())?;
    let balance = fields.optional(BALANCE, read_balance)?;
    let sealed = Sealed::read(text.clone(), previous.into(), hash.into())
        .map_err(|source| Corrupt { source: Some(source), ..fields.corrupt(TEXT) })?;
    if sealed.entry.id != id {
        return Err(fields.corrupt(SK).into());
    }
    Ok(sealed.noted(note).with_facts(facts).with_balance(balance))
}

fn write_balance(Balance { spendable, pending, held, owed }: &Balance) -> AttributeValue {
    AttributeValue::L([spendable, pending, held, owed].map(number).into())
}

fn read_balance(value: &AttributeValue) -> Option<Balance> {
    let [spendable, pending, held, owed] = value.as_l().ok()?.as_slice() else { return None };
    let points = |value| Some(Points::new(as_number(value)?));
    Some(Balance { spendable: points(spendable)?, pending: points(pending)?, held: points(held)?, owed: points(owed)? })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use regulars_domain::facts::MemberThen;
    use serde_json::json;

    use super::*;
    use crate::item_size::item_size;

    /// An entry for a purchase with this many lines, as a grocer's till sends it.
    fn entry(lines: usize) -> Item {
        let lines: Vec<_> = (0..lines)
            .map(|n| json!({ "sku": format!("4000{n:04}"), "category": "groceries", "quantity": 1, "amount": 249 }))
            .collect();
        let purchase = json!({
            "occurred_at": "2026-11-21T16:05:00Z", "total": { "amount": 12_450, "currency": "EUR" },
            "channel": "till", "store": "kadikoy-1", "receipt": "till3-0042", "tax": 1_987, "lines": lines,
        });
        let member = MemberThen { tier: Some("silver".parse().unwrap()), ..MemberThen::default() };
        let facts = PurchaseFacts { purchase: serde_json::from_value(purchase).unwrap(), member: Some(member) };
        // Three rules that gave points, a cap, steps toward another rule, and an amount toward a tier.
        let text = json!({
            "format": 1, "id": "till3-20261121-0042", "seq": 1_234, "kind": "accrual",
            "record": { "source": { "purchase": 12_450 },
                        "breakdown": [["base", 124, 124, 12_450], ["tier:silver", 15, 15], ["happy-hour", 124, 124]] },
            "lots": [["2027-11-30", 263]],
            "qualified": [{ "period": "2026-01-01", "points": 124, "spend": 12_450, "visits": 1 }],
            "caps": [["rule/happy-hour", "m20261101", 124]], "steps": { "tenth-visit": 1 },
            "program_version": 12, "by": "operator", "actor": "5example0client0of0earn",
            "occurred_at": "2026-11-21T16:05:00Z", "posted_at": "2026-11-21T16:05:00.123Z", "fingerprint": "0".repeat(32),
        });
        let text = text.to_string();
        let balance = Balance { spendable: Points::new(4_863), pending: Points::new(263), ..Balance::default() };
        let sealed = Sealed::read(text, [6; 32].into(), [7; 32].into()).unwrap();
        let sealed = sealed.with_facts(Some(facts)).with_balance(Some(balance));
        write(&"corner-coffee-eu".parse().unwrap(), &"0192f3a47b1c7d5e8f90a1b2c3d4e5f6".parse().unwrap(), &sealed)
    }

    /// ARCHITECTURE.md states these figures.
    #[test]
    fn an_entry_with_the_facts_of_three_lines_weighs_no_more_than_a_kilobyte() {
        let weighed = [0, 1, 3, 10, 50].map(|lines| {
            let item = entry(lines);
            let facts = HashMap::from([(FACTS.to_owned(), item[FACTS].clone())]);
            (lines, item_size(&facts), item_size(&item))
        });
        println!("lines, bytes of facts, bytes of all: {weighed:?}");
        assert_eq!(weighed, [(0, 139, 873), (1, 176, 910), (3, 238, 972), (10, 455, 1_189), (50, 1_695, 2_429)]);
    }
}
