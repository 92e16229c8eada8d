//! Verifies a ledger: each entry follows from the one before, and all of them together give the account.

use std::fmt;

use crate::{
    audit::rebuild::{LedgerBroken, Rebuilding},
    draft::Draft,
    ledger::{
        chain::{Sealed, link},
        posting::Posting,
    },
    rules::versions::{Rules, Versions},
    state::account::Account,
    time::settle::settle_unwritten,
    values::id::{MemberId, ProgramId},
};

/// A fault of a ledger, or of the account that it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerFault {
    /// An entry is missing, duplicated or out of order.
    Gap {
        /// The expected `seq`.
        expected: u64,
        /// The `seq` that was found.
        found: u64,
    },
    /// The hash of an entry does not follow from the previous hash and its text.
    Changed {
        /// The `seq` of the entry.
        seq: u64,
    },
    /// Entries are missing at the end, or there are more than the account says.
    Length {
        /// The number of entries according to the account.
        expected: u64,
        /// The number of entries.
        found: u64,
    },
    /// The hash of the newest entry differs from the account's.
    Head,
    /// There is a ledger without an account.
    NoAccount,
    /// The account differs from the result of its entries.
    Account {
        /// The field of the account that differs.
        field: &'static str,
        /// The result of the entries.
        expected: String,
        /// The stored value.
        found: String,
    },
    /// The account cannot be rebuilt from the ledger.
    Broken(LedgerBroken),
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { expected, found } => write!(f, "seq {expected}: expected this entry, found seq {found}"),
            Self::Changed { seq } => {
                write!(f, "seq {seq}: the hash does not follow from the text and the previous hash")
            }
            Self::Length { expected, found } => {
                write!(f, "seq {expected}: expected as the newest entry, found {found} entries")
            }
            Self::Head => f.write_str("the newest hash is not the account's head_hash"),
            Self::NoAccount => f.write_str("there are entries, and no account"),
            Self::Account { field, expected, found } => {
                write!(f, "account field {field}: expected {expected} from the entries, found {found}")
            }
            Self::Broken(broken) => write!(f, "{broken}"),
        }
    }
}

/// A ledger that is being verified, entry by entry.
#[derive(Clone, Debug)]
pub struct Verifying<'p> {
    versions: &'p Versions,
    rebuilding: Rebuilding<'p>,
}

impl<'p> Verifying<'p> {
    /// Starts with the ledger of `member`, before the first entry.
    #[must_use]
    pub fn new(versions: &'p Versions, program: &ProgramId, member: &MemberId) -> Self {
        Self { versions, rebuilding: Rebuilding::new(versions, program.clone(), member.clone()) }
    }

    /// Verifies that `sealed` is the next entry, and applies it.
    ///
    /// # Errors
    ///
    /// It is not the next entry, or it cannot be applied. Later results are then meaningless.
    pub fn follow(&mut self, sealed: &Sealed) -> Result<(), LedgerFault> {
        let (seq, head) = self.rebuilding.end();
        let expected = seq.saturating_add(1);
        if sealed.entry.seq != expected {
            return Err(LedgerFault::Gap { expected, found: sealed.entry.seq });
        }
        if sealed.previous != head || sealed.hash != link(&head, &sealed.text) {
            return Err(LedgerFault::Changed { seq: expected });
        }
        self.rebuilding.follow(sealed).map_err(LedgerFault::Broken)
    }

    /// Compares the result of the entries with the stored account, both settled to the same instant, and returns every
    /// difference.
    #[must_use]
    pub fn compare(self, kept: Option<&Account>) -> Vec<LedgerFault> {
        let Some(kept) = kept else { return vec![LedgerFault::NoAccount] };
        let (seq, head) = self.rebuilding.end();
        if kept.seq != seq {
            return vec![LedgerFault::Length { expected: kept.seq, found: seq }];
        }
        if kept.head_hash != head {
            return vec![LedgerFault::Head];
        }
        let Some(rebuilt) = self.rebuilding.account_beside(kept) else {
            return vec![LedgerFault::Broken(LedgerBroken::NoEnrollment)];
        };
        let settled = |account: Account| settle_unwritten(self.versions, account, kept.settled_at);
        match (settled(rebuilt), settled(kept.clone())) {
            (Ok(expected), Ok(found)) => differences(expected.account(), found.account()),
            (Err(missing), _) | (_, Err(missing)) => vec![LedgerFault::Broken(missing.into())],
        }
    }
}

impl Verifying<'_> {
    /// Returns the account that the entries give, to be committed in the place of `kept`, with the data outside of the
    /// ledger from `kept`. Without a stored account, that data is lost: attributes, aliases, and the salt by which
    /// repeated requests are recognised.
    ///
    /// # Errors
    ///
    /// There are no entries, or the document of a version is missing.
    pub fn rebuilt(self, kept: Option<&Account>) -> Result<Posting, LedgerBroken> {
        let rebuilt = match kept {
            Some(kept) => self.rebuilding.account_beside(kept),
            None => self.rebuilding.account().cloned(),
        };
        let rebuilt = rebuilt.ok_or(LedgerBroken::NoEnrollment)?;
        let rules = Rules::of(self.versions, rebuilt.program_version)?;
        let now = kept.map_or(rebuilt.settled_at, |kept| kept.settled_at.max(rebuilt.settled_at));
        Ok(Draft::new(rules, rebuilt, kept.map(|kept| kept.version), now).finish())
    }
}

/// Returns every field in which `found` differs from `expected`. No entry records the number of commits and the next
/// review date, so they are not compared.
fn differences(expected: &Account, found: &Account) -> Vec<LedgerFault> {
    let Account {
        program: _,
        member: _,
        status,
        enrolled_at,
        attributes: _,
        aliases: _,
        salt: _,
        referral,
        referral_debts,
        merged_from,
        lots,
        pending,
        holds,
        owed,
        qualifying,
        counted_elsewhere,
        bought,
        secured,
        promised,
        tier_override,
        plans,
        tier,
        cap_use,
        steps,
        extended_to,
        extension,
        noticed_through,
        tier_noticed_through,
        birthday_on,
        settled_on,
        settled_at: _,
        program_version,
        seq,
        version: _,
        head_hash,
        review_on: _,
    } = expected;
    [
        difference("status", status, &found.status),
        difference("enrolled_at", enrolled_at, &found.enrolled_at),
        difference("referral", referral, &found.referral),
        difference("referral_debts", referral_debts, &found.referral_debts),
        difference("merged_from", merged_from, &found.merged_from),
        difference("lots", lots, &found.lots),
        difference("pending", pending, &found.pending),
        difference("holds", holds, &found.holds),
        difference("owed", owed, &found.owed),
        difference("qualifying", qualifying, &found.qualifying),
        difference("counted_elsewhere", counted_elsewhere, &found.counted_elsewhere),
        difference("bought", bought, &found.bought),
        difference("secured", secured, &found.secured),
        difference("promised", promised, &found.promised),
        difference("tier_override", tier_override, &found.tier_override),
        difference("plans", plans, &found.plans),
        difference("tier", tier, &found.tier),
        difference("cap_use", cap_use, &found.cap_use),
        difference("steps", steps, &found.steps),
        difference("extended_to", extended_to, &found.extended_to),
        difference("extension", extension, &found.extension),
        difference("noticed_through", noticed_through, &found.noticed_through),
        difference("tier_noticed_through", tier_noticed_through, &found.tier_noticed_through),
        difference("birthday_on", birthday_on, &found.birthday_on),
        difference("settled_on", settled_on, &found.settled_on),
        difference("program_version", program_version, &found.program_version),
        difference("seq", seq, &found.seq),
        difference("head_hash", head_hash, &found.head_hash),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn difference<T: PartialEq + fmt::Debug>(field: &'static str, expected: &T, found: &T) -> Option<LedgerFault> {
    let differs = expected != found;
    differs.then(|| LedgerFault::Account { field, expected: format!("{expected:?}"), found: format!("{found:?}") })
}
