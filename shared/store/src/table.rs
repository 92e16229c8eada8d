//! The table's own words: every attribute that an expression names, every key, every expression.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | account | `member#PROGRAM#MEMBER` | `account` | see `account_item.rs` |
//! | entry | `member#PROGRAM#MEMBER` | `entry#ID` | see `entry_item.rs` |
//! | alias | `alias#PROGRAM#KIND#HASH` | `alias` | `m`; once its member has left, `f` the day of that, and `gone_at`, after which DynamoDB may delete it |
//! | receipt | `receipt#PROGRAM#2026-11-21#STORE` | `receipt#RECEIPT` | `m` and `i`, the member and the purchase that it was made good for |
//! | stock that has gone, a shard of it | `reward#PROGRAM#REWARD#0` to `#7` | `stock` | `taken`, `most`, and `held` while holds reserve some of it, see `held.rs` |
//! | use of a program-wide cap, a shard of it | `cap#PROGRAM#rule/RULE#0` to `#7`, `cap#PROGRAM#reward/REWARD#0` to `#7` | `2026-11-01`, the first day of the interval | `taken`, `most`, `held` |
//! | code of a reward | `codes#PROGRAM#REWARD` | `code#CODE` | `seq` while it is free, a random number; `m`, `i` and `t` once it is given, the member, the redemption and the terms; `f`, `u` and `ac` once it was used or made void, see `codes.rs` |
//! | head of a program | `program#PROGRAM` | `head` | `v`, `last`, `versions`, see `programs.rs` |
//! | version of a program | `program#PROGRAM` | `version#000012` | `v`, `document`, `format` |
//!
//! Ids hold no `#`, except those of entries, which stand at the end of a key. What callers send reaches DynamoDB as values only, never inside an expression.

use jiff::civil::Date;
use regulars_domain::{
    account::Alias,
    code::Code,
    counter::CounterId,
    id::{EntryId, MemberId, ProgramId, RewardId},
    posting::ReceiptId,
    text::Label,
};

/// Partition key, S.
pub(crate) const PK: &str = "pk";
/// Sort key, S.
pub(crate) const SK: &str = "sk";
/// Sort key of [`BY_SEQ`], N. Only entries and free codes carry it: an account that did would pay for the index at each commit.
pub(crate) const SEQ: &str = "seq";
/// Partition key of [`DUE`], N. Only accounts that have a review ahead carry it.
pub(crate) const DUE_SHARD: &str = "due_shard";
/// Sort key of [`DUE`], S.
pub(crate) const DUE_KEY: &str = "due_key";
/// Version of an account, revision of a program's head, number of a program's version, N.
pub(crate) const VERSION: &str = "v";
/// The day on which an alias became free, S.
pub(crate) const FREED_ON: &str = "f";
/// The member whom an alias names, to whom a code was given, or for whose purchase a receipt was made good, S.
pub(crate) const MEMBER: &str = "m";
/// The redemption that a code was given for, or the purchase that a receipt was made good for, S.
pub(crate) const REDEMPTION: &str = "i";
/// The terms under which a code was given, M.
pub(crate) const TERMS: &str = "t";
/// How a code ended, or that it is good, S.
pub(crate) const FATE: &str = "f";
/// What was used of a code's value, in minor units, N.
pub(crate) const USED: &str = "u";
/// What has been taken from a shard of a counter, including what holds reserve, N.
pub(crate) const TAKEN: &str = "taken";
/// The limit by which a counter was dealt out to its shards, N.
pub(crate) const MOST: &str = "most";
/// What holds reserve of a shard of a counter, and until when, SS. A set is never empty, so a shard without holds has none.
pub(crate) const HELD: &str = "held";
/// How often something was done about an entry or a code, N.
pub(crate) const CHANGES: &str = "ac";
/// What became of an entry, M.
pub(crate) const AFTERMATH: &str = "af";
/// A program document, S.
pub(crate) const DOCUMENT: &str = "document";
/// The format in which a program document was written, N.
pub(crate) const FORMAT: &str = "format";
/// The last number that a program gave to a version, N.
pub(crate) const LAST: &str = "last";
/// The heads of a program's versions, S.
pub(crate) const VERSIONS: &str = "versions";

/// The local index by [`SEQ`]: a member's entries in order, the free codes of a reward in no order at all.
pub(crate) const BY_SEQ: &str = "by_seq";
/// The global index of accounts by the day of their review, keys only.
pub(crate) const DUE: &str = "due";

/// There is no such item.
pub(crate) const ABSENT: &str = "attribute_not_exists(pk)";
/// The item is the one that was read.
pub(crate) const UNCHANGED: &str = "v = :read";
/// The alias is free, or names this member already, or the one that it is taken over from.
pub(crate) const FREE_OR_MINE: &str = "attribute_not_exists(m) OR m IN (:member, :from)";
/// The alias names this member.
pub(crate) const IS_MINE: &str = "m = :member";
/// Leaves an alias free, and notes since when, and when that can be forgotten.
pub(crate) const RELEASE: &str = "SET f = :on, gone_at = :gone_at REMOVE m";
/// The receipt was not made good for any purchase.
pub(crate) const IS_UNUSED: &str = "attribute_not_exists(m)";
/// The receipt was made good for this purchase, or for none.
pub(crate) const IS_ITS_OWN: &str = "attribute_not_exists(m) OR (m = :member AND i = :purchase)";
/// Leaves a receipt free.
pub(crate) const REOPEN: &str = "REMOVE m, i";
/// The shard of a counter holds the limit that it held, and has room for what is taken.
pub(crate) const HAS_ROOM: &str = "most = :most AND taken <= :room";
/// Takes from a shard of a counter.
pub(crate) const TAKE: &str = "SET taken = taken + :amount";
/// Takes from a shard of a counter for a hold, and lists what the hold reserves.
pub(crate) const TAKE_HELD: &str = "SET taken = taken + :amount ADD held :held";
/// The hold reserves something of the shard of a counter still.
pub(crate) const IS_HELD: &str = "contains(held, :hold)";
/// Ends a hold: removes what it reserves of a shard of a counter, and gives back what is not kept.
pub(crate) const END: &str = "SET taken = taken - :amount DELETE held :held";
/// The shard of a counter is as it was read, with the same holds.
pub(crate) const SHARD_UNCHANGED: &str = "taken = :taken AND most = :most AND held = :held";
/// The shard of a counter is as it was read, and no hold reserves anything of it.
pub(crate) const SHARD_UNCHANGED_WITHOUT_HOLDS: &str = "taken = :taken AND most = :most AND attribute_not_exists(held)";
/// What is given back was taken from the shard of a counter before, and not by a hold.
pub(crate) const WAS_TAKEN: &str = "taken >= :amount AND attribute_not_exists(held)";
/// Gives back to a shard of a counter.
pub(crate) const GIVE_BACK: &str = "SET taken = taken - :amount";
/// The code is there, and nobody was given it.
pub(crate) const IS_FREE: &str = "attribute_exists(seq)";
/// Gives a code away, which takes it out of the index of free ones.
pub(crate) const GIVE: &str = "SET m = :member, i = :redemption, t = :terms REMOVE seq";
/// The code was given.
pub(crate) const WAS_GIVEN: &str = "attribute_exists(m)";
/// Notes what became of a code. One that was free leaves the index of free ones.
pub(crate) const CHANGE_CODE: &str = "SET ac = :changes, f = :fate, u = :used REMOVE seq";
/// Everything in a partition.
pub(crate) const ALL: &str = "pk = :pk";
/// The entry or the code is there, and nothing was done about it since it was read.
pub(crate) const UNMARKED_SINCE: &str =
    "attribute_exists(pk) AND (ac = :read OR (attribute_not_exists(ac) AND :read = :zero))";
/// Notes what became of an entry, beside its text.
pub(crate) const MARK: &str = "SET ac = :changes, af = :aftermath";
/// The entries of a ledger, in no order that means anything.
pub(crate) const ENTRIES: &str = "pk = :pk AND begins_with(sk, :entry)";
/// What the sort keys of entries begin with.
pub(crate) const ENTRY_SK_PREFIX: &str = "entry#";
/// Something of a person stands beside the entry: the facts of a purchase, or a note.
pub(crate) const HAS_DETAILS: &str = "attribute_exists(f) OR attribute_exists(nt)";
/// The item is there.
pub(crate) const IS_THERE: &str = "attribute_exists(pk)";
/// Takes away what of a person stands beside an entry. Its text and its hash stay.
pub(crate) const ERASE: &str = "REMOVE f, nt";
/// Entries before a place in the ledger.
pub(crate) const BEFORE: &str = "pk = :pk AND seq < :seq";
/// Entries after a place in the ledger.
pub(crate) const AFTER: &str = "pk = :pk AND seq > :seq";
/// Accounts of a shard that are due.
pub(crate) const DUE_BEFORE: &str = "due_shard = :shard AND due_key < :end";

/// The item belongs to a member.
pub(crate) const IS_MEMBER: &str = "begins_with(pk, :member)";
/// The item is an account.
pub(crate) const IS_ACCOUNT: &str = "sk = :account";
/// The sort key of accounts.
pub(crate) const ACCOUNT_SK: &str = "account";
/// What the partition keys of members begin with.
pub(crate) const MEMBER_PREFIX: &str = "member#";

/// What the partition keys of each kind of item begin with. Policies name them.
const KINDS: [&str; 7] = ["alias#", "cap#", "codes#", MEMBER_PREFIX, "program#", "receipt#", "reward#"];

/// What the partition key `pk` begins with, of all that partition keys begin with.
pub(crate) fn kind_of(pk: &str) -> &'static str {
    let kind = KINDS.into_iter().find(|kind| pk.starts_with(kind));
    debug_assert!(kind.is_some(), "each partition key is of a kind");
    kind.unwrap_or_default()
}

/// The primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

/// The key of an account.
pub(crate) fn account_key(program: &ProgramId, member: &MemberId) -> Key {
    Key { pk: member_pk(program, member), sk: ACCOUNT_SK.to_owned() }
}

/// The key of an entry of a member.
pub(crate) fn entry_key(program: &ProgramId, member: &MemberId, entry: &EntryId) -> Key {
    Key { pk: member_pk(program, member), sk: format!("entry#{entry}") }
}

/// The entry that a sort key names.
pub(crate) fn read_entry_sk(sk: &str) -> Option<EntryId> {
    sk.strip_prefix("entry#")?.parse().ok()
}

/// The key of an alias.
pub(crate) fn alias_key(program: &ProgramId, alias: &Alias) -> Key {
    Key { pk: format!("alias#{program}#{}#{}", alias.kind, hex::encode(alias.hash)), sk: "alias".to_owned() }
}

/// The key of a receipt. A store's name can hold any character, so it comes last.
pub(crate) fn receipt_key(program: &ProgramId, receipt: &ReceiptId) -> Key {
    let ReceiptId { store, on, receipt } = receipt;
    let store = store.as_ref().map(Label::as_str).unwrap_or_default();
    Key { pk: format!("receipt#{program}#{on}#{store}"), sk: format!("receipt#{}", receipt.as_str()) }
}

/// The key of one shard of a counter.
pub(crate) fn counter_key(program: &ProgramId, counter: &CounterId, shard: u8) -> Key {
    match counter {
        CounterId::Stock(reward) => Key { pk: format!("reward#{program}#{reward}#{shard}"), sk: "stock".to_owned() },
        CounterId::Cap { owner, from } => Key { pk: format!("cap#{program}#{owner}#{shard}"), sk: from.to_string() },
    }
}

/// The key of a code of a reward.
pub(crate) fn code_key(program: &ProgramId, reward: &RewardId, code: &Code) -> Key {
    Key { pk: codes_pk(program, reward), sk: format!("code#{code}") }
}

/// The partition of the codes of a reward.
pub(crate) fn codes_pk(program: &ProgramId, reward: &RewardId) -> String {
    format!("codes#{program}#{reward}")
}

/// The code that a sort key names.
pub(crate) fn read_code(sk: &str) -> Option<Code> {
    sk.strip_prefix("code#")?.parse().ok()
}

/// The key of the item that lists a program's versions.
pub(crate) fn head_key(program: &ProgramId) -> Key {
    Key { pk: format!("program#{program}"), sk: "head".to_owned() }
}

/// The key of one version of a program.
pub(crate) fn version_key(program: &ProgramId, version: u64) -> Key {
    Key { pk: format!("program#{program}"), sk: format!("version#{version:06}") }
}

/// The partition of a member: the account and its entries.
pub(crate) fn member_pk(program: &ProgramId, member: &MemberId) -> String {
    format!("member#{program}#{member}")
}

/// Whose partition `pk` is. Ids hold no `#`, so there is one way to take it apart.
pub(crate) fn read_member_pk(pk: &str) -> Option<(ProgramId, MemberId)> {
    let (program, member) = pk.strip_prefix(MEMBER_PREFIX)?.split_once('#')?;
    Some((program.parse().ok()?, member.parse().ok()?))
}

/// The place of an account among those due: by day, then by whose it is.
pub(crate) fn due_key(review_on: Date, program: &ProgramId, member: &MemberId) -> String {
    format!("{review_on}#{program}#{member}")
}

/// The day, program and member of a [`due_key`].
pub(crate) fn read_due_key(key: &str) -> Option<(Date, ProgramId, MemberId)> {
    let (date, owner) = key.split_once('#')?;
    let (program, member) = owner.split_once('#')?;
    Some((date.parse().ok()?, program.parse().ok()?, member.parse().ok()?))
}

/// A bound above each [`due_key`] of `through` and below each of the day after: `$` is the character after `#`.
pub(crate) fn due_end(through: Date) -> String {
    format!("{through}$")
}
