//! The schema of the table: every attribute in an expression, every key, every expression.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | account | `member#PROGRAM#MEMBER` | `account` | see `account_item.rs` |
//! | entry | `member#PROGRAM#MEMBER` | `entry#ID` | see `entry_item.rs` |
//! | alias | `alias#PROGRAM#KIND#HASH` | `alias` | `m`; after it was freed, `f` the day, and `gone_at`, after which DynamoDB may delete it |
//! | receipt | `receipt#PROGRAM#2026-11-21#STORE` | `receipt#RECEIPT` | `m` and `i`, the member and the purchase that took it |
//! | stock that was taken, a shard of it | `reward#PROGRAM#REWARD#0` to `#7` | `stock` | `taken`, `most`, and `held` while holds reserve some of it, see `held.rs` |
//! | use of a cap per program, a shard of it | `cap#PROGRAM#rule/RULE#0` to `#7`, `cap#PROGRAM#reward/REWARD#0` to `#7` | `2026-11-01`, the first day of the interval | `taken`, `most`, `held` |
//! | code of a reward | `codes#PROGRAM#REWARD` | `code#CODE` | `seq` while it is free, a random number; `m`, `i` and `t` once it is given, the member, the redemption and the terms; `f`, `u` and `ac` once it was used or voided, see `codes.rs` |
//! | head of a program | `program#PROGRAM` | `head` | `v`, `last`, `versions`, see `programs.rs` |
//! | version of a program | `program#PROGRAM` | `version#000012` | `v`, `document`, `format`, `head` |
//!
//! Ids contain no `#`, except those of entries, which are at the end of a key. Callers' data reaches DynamoDB as values
//! only, never inside an expression.

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
/// Sort key of [`BY_SEQ`], N. Only entries and free codes have it: an account with it would pay for the index at each
/// commit.
pub(crate) const SEQ: &str = "seq";
/// Partition key of [`DUE`], N. Only accounts with a review date have it.
pub(crate) const DUE_SHARD: &str = "due_shard";
/// Sort key of [`DUE`], S.
pub(crate) const DUE_KEY: &str = "due_key";
/// Version of an account, revision of a program's head, number of a program's version, N.
pub(crate) const VERSION: &str = "v";
/// The day on which an alias became free, S.
pub(crate) const FREED_ON: &str = "f";
/// The member of an alias, of a given code, or of the purchase that took a receipt, S.
pub(crate) const MEMBER: &str = "m";
/// The redemption that a code was given for, or the purchase that took a receipt, S.
pub(crate) const REDEMPTION: &str = "i";
/// The terms under which a code was given, M.
pub(crate) const TERMS: &str = "t";
/// How a code ended, or that it can be used, S.
pub(crate) const FATE: &str = "f";
/// What was used of a code's value, in minor units, N.
pub(crate) const USED: &str = "u";
/// The amount taken from a shard of a counter, including what holds reserve, N.
pub(crate) const TAKEN: &str = "taken";
/// The limit by which a counter was dealt out to its shards, N.
pub(crate) const MOST: &str = "most";
/// The reservations of holds in a shard of a counter, SS. A set is never empty, so a shard without holds has none.
pub(crate) const HELD: &str = "held";
/// The number of changes of an entry's aftermath or of a code, N.
pub(crate) const CHANGES: &str = "ac";
/// The aftermath of an entry, M.
pub(crate) const AFTERMATH: &str = "af";
/// A program document, S.
pub(crate) const DOCUMENT: &str = "document";
/// The format in which a program document was written, N.
pub(crate) const FORMAT: &str = "format";
/// The head of a version as it was published, S.
pub(crate) const HEAD: &str = "head";
/// The last number that a program gave to a version, N.
pub(crate) const LAST: &str = "last";
/// The heads of a program's versions, S.
pub(crate) const VERSIONS: &str = "versions";

/// The local index by [`SEQ`]: a member's entries in order, the free codes of a reward in random order.
pub(crate) const BY_SEQ: &str = "by_seq";
/// The global index of accounts by the day of their review, keys only.
pub(crate) const DUE: &str = "due";

/// The item does not exist.
pub(crate) const ABSENT: &str = "attribute_not_exists(pk)";
/// The item is unchanged since it was read.
pub(crate) const UNCHANGED: &str = "v = :read";
/// The alias is free, or belongs to this member already, or to the one that it is taken over from.
pub(crate) const FREE_OR_MINE: &str = "attribute_not_exists(m) OR m IN (:member, :from)";
/// The alias belongs to this member.
pub(crate) const IS_MINE: &str = "m = :member";
/// Frees an alias, and stores since when, and when the tombstone can be deleted.
pub(crate) const RELEASE: &str = "SET f = :on, gone_at = :gone_at REMOVE m";
/// No purchase has taken the receipt.
pub(crate) const IS_UNUSED: &str = "attribute_not_exists(m)";
/// This purchase has taken the receipt, or none has.
pub(crate) const IS_ITS_OWN: &str = "attribute_not_exists(m) OR (m = :member AND i = :purchase)";
/// Frees a receipt.
pub(crate) const REOPEN: &str = "REMOVE m, i";
/// The shard of a counter has the expected limit, and room for the take.
pub(crate) const HAS_ROOM: &str = "most = :most AND taken <= :room";
/// Takes from a shard of a counter.
pub(crate) const TAKE: &str = "SET taken = taken + :amount";
/// Takes from a shard of a counter for a hold, and lists the reservation.
pub(crate) const TAKE_HELD: &str = "SET taken = taken + :amount ADD held :held";
/// The hold still reserves something in the shard of a counter.
pub(crate) const IS_HELD: &str = "contains(held, :hold)";
/// Ends a hold: removes its reservation from a shard of a counter, and returns what is not kept.
pub(crate) const END: &str = "SET taken = taken - :amount DELETE held :held";
/// The shard of a counter is unchanged since it was read, with the same holds.
pub(crate) const SHARD_UNCHANGED: &str = "taken = :taken AND most = :most AND held = :held";
/// The shard of a counter is unchanged since it was read, without holds.
pub(crate) const SHARD_UNCHANGED_WITHOUT_HOLDS: &str = "taken = :taken AND most = :most AND attribute_not_exists(held)";
/// The returned amount was taken from the shard of a counter before, and not by a hold.
pub(crate) const WAS_TAKEN: &str = "taken >= :amount AND attribute_not_exists(held)";
/// Returns an amount to a shard of a counter.
pub(crate) const GIVE_BACK: &str = "SET taken = taken - :amount";
/// The code exists and is free.
pub(crate) const IS_FREE: &str = "attribute_exists(seq)";
/// Gives a code, which removes it from the index of free ones.
pub(crate) const GIVE: &str = "SET m = :member, i = :redemption, t = :terms REMOVE seq";
/// The code was given.
pub(crate) const WAS_GIVEN: &str = "attribute_exists(m)";
/// Changes the state of a code. A free one leaves the index of free ones.
pub(crate) const CHANGE_CODE: &str = "SET ac = :changes, f = :fate, u = :used REMOVE seq";
/// Everything in a partition.
pub(crate) const ALL: &str = "pk = :pk";
/// The entry or the code exists, and its aftermath is unchanged since it was read.
pub(crate) const UNMARKED_SINCE: &str =
    "attribute_exists(pk) AND (ac = :read OR (attribute_not_exists(ac) AND :read = :zero))";
/// Stores the aftermath of an entry, next to its text.
pub(crate) const MARK: &str = "SET ac = :changes, af = :aftermath";
/// The entries of a ledger, in no meaningful order.
pub(crate) const ENTRIES: &str = "pk = :pk AND begins_with(sk, :entry)";
/// The prefix of the sort keys of entries.
pub(crate) const ENTRY_SK_PREFIX: &str = "entry#";
/// The prefix of the sort keys of programs' versions.
pub(crate) const VERSION_SK_PREFIX: &str = "version#";
/// The item has an event: an entry, or a version of a program.
pub(crate) const IS_EVENT: &str = "begins_with(sk, :entry) OR begins_with(sk, :version)";
/// The entry has details: the facts of a purchase, or a note.
pub(crate) const HAS_DETAILS: &str = "attribute_exists(f) OR attribute_exists(nt)";
/// The item exists.
pub(crate) const IS_THERE: &str = "attribute_exists(pk)";
/// Deletes the details of an entry. Its text and its hash stay.
pub(crate) const ERASE: &str = "REMOVE f, nt";
/// Entries before a position in the ledger.
pub(crate) const BEFORE: &str = "pk = :pk AND seq < :seq";
/// Entries after a position in the ledger.
pub(crate) const AFTER: &str = "pk = :pk AND seq > :seq";
/// Accounts of a shard that are due.
pub(crate) const DUE_BEFORE: &str = "due_shard = :shard AND due_key < :end";

/// The item belongs to a member.
pub(crate) const IS_MEMBER: &str = "begins_with(pk, :member)";
/// The item is an account.
pub(crate) const IS_ACCOUNT: &str = "sk = :account";
/// The sort key of accounts.
pub(crate) const ACCOUNT_SK: &str = "account";
/// The prefix of the partition keys of members.
pub(crate) const MEMBER_PREFIX: &str = "member#";

/// The prefixes of partition keys, one per kind of item. Policies name them.
const KINDS: [&str; 7] = ["alias#", "cap#", "codes#", MEMBER_PREFIX, "program#", "receipt#", "reward#"];

/// Returns the prefix of the partition key `pk`.
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

/// Reads the entry id from a sort key.
pub(crate) fn read_entry_sk(sk: &str) -> Option<EntryId> {
    sk.strip_prefix("entry#")?.parse().ok()
}

/// The key of an alias.
pub(crate) fn alias_key(program: &ProgramId, alias: &Alias) -> Key {
    Key { pk: format!("alias#{program}#{}#{}", alias.kind, hex::encode(alias.hash)), sk: "alias".to_owned() }
}

/// The key of a receipt. A store's name can contain any character, so it comes last.
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

/// Reads the code from a sort key.
pub(crate) fn read_code(sk: &str) -> Option<Code> {
    sk.strip_prefix("code#")?.parse().ok()
}

/// The key of the item that lists a program's versions.
pub(crate) fn head_key(program: &ProgramId) -> Key {
    Key { pk: format!("program#{program}"), sk: "head".to_owned() }
}

/// The key of one version of a program.
pub(crate) fn version_key(program: &ProgramId, version: u64) -> Key {
    Key { pk: format!("program#{program}"), sk: format!("{VERSION_SK_PREFIX}{version:06}") }
}

/// Reads the program from a program's partition key.
pub(crate) fn read_program_pk(pk: &str) -> Option<ProgramId> {
    pk.strip_prefix("program#")?.parse().ok()
}

/// The partition of a member: the account and its entries.
pub(crate) fn member_pk(program: &ProgramId, member: &MemberId) -> String {
    format!("member#{program}#{member}")
}

/// Reads program and member from the partition key `pk`. Ids contain no `#`, so this is unambiguous.
pub(crate) fn read_member_pk(pk: &str) -> Option<(ProgramId, MemberId)> {
    let (program, member) = pk.strip_prefix(MEMBER_PREFIX)?.split_once('#')?;
    Some((program.parse().ok()?, member.parse().ok()?))
}

/// The position of an account in the index `due`: by day, then by program and member.
pub(crate) fn due_key(review_on: Date, program: &ProgramId, member: &MemberId) -> String {
    format!("{review_on}#{program}#{member}")
}

/// Reads the day, the program and the member from a [`due_key`].
pub(crate) fn read_due_key(key: &str) -> Option<(Date, ProgramId, MemberId)> {
    let (date, owner) = key.split_once('#')?;
    let (program, member) = owner.split_once('#')?;
    Some((date.parse().ok()?, program.parse().ok()?, member.parse().ok()?))
}

/// A bound above each [`due_key`] of `through` and below each of the next day: `$` is the character after `#`.
pub(crate) fn due_end(through: Date) -> String {
    format!("{through}$")
}
