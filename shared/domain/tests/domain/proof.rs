//! That a ledger alone makes its account: every commit is followed by folding its entries, and compared.

use jiff::Timestamp;
use regulars_domain::{account::Account, chain::Sealed, posting::Change, rebuild::Rebuilding, versions::Versions};

use crate::rulebook::Rulebook;

/// Follows the commits of one member.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    versions: Versions,
    /// The account as it was last compared, to see whether a test changed it by hand since.
    compared: Option<Account>,
    /// Whether a test changed the account by hand, so that the ledger does not tell all of it.
    is_doctored: bool,
    /// Whether what is committed now is only a part of settling, after which the account is up to no moment.
    pub(crate) is_behind: bool,
    /// Where the entries of such parts begin, and the entries.
    parts: Option<(Account, Vec<Sealed>)>,
}

impl Proof {
    pub(crate) fn new(rulebook: &Rulebook) -> Self {
        let versions = rulebook.versions().clone();
        Self { versions, compared: None, is_doctored: false, is_behind: false, parts: None }
    }

    /// These versions are known from now on.
    pub(crate) fn publish(&mut self, rulebook: &Rulebook) {
        self.versions = rulebook.versions().clone();
    }

    /// Sees that the entries of `change` make of the account `before` the one that is committed.
    pub(crate) fn follow(&mut self, before: &Account, change: &Change) {
        let after = &change.account;
        let (base, mut entries) = self.parts.take().unwrap_or_else(|| (before.clone(), Vec::new()));
        entries.extend(change.entries.iter().cloned());
        if self.is_behind {
            self.parts = Some((base, entries));
            return;
        }
        if change.expected_version.is_none() {
            let rebuilding = Rebuilding::new(&self.versions, after.program.clone(), after.member.clone());
            assert_same(rebuilding, &entries, after);
        } else {
            self.is_doctored |= self.compared.as_ref().is_none_or(|compared| *compared != base);
            let base = Account { attributes: after.attributes.clone(), ..base };
            assert_same(Rebuilding::resume(&self.versions, base), &entries, after);
        }
        self.compared = Some(after.clone());
    }

    /// Sees that the whole ledger makes the account, unless a test changed it by hand.
    pub(crate) fn follow_all(&self, account: &Account, ledger: &[Sealed]) {
        if self.is_doctored || self.parts.is_some() || self.compared.as_ref() != Some(account) {
            return;
        }
        let rebuilding = Rebuilding::new(&self.versions, account.program.clone(), account.member.clone());
        assert_same(rebuilding, ledger, account);
    }
}

/// The account that `ledger` makes, at the moment up to which `account` is settled.
pub(crate) fn rebuilt_from(versions: &Versions, ledger: &[Sealed], account: &Account) -> Account {
    follow(Rebuilding::new(versions, account.program.clone(), account.member.clone()), ledger, account)
}

fn follow(mut rebuilding: Rebuilding<'_>, entries: &[Sealed], account: &Account) -> Account {
    for sealed in entries {
        rebuilding.follow(sealed).unwrap();
    }
    rebuilt(rebuilding, account.settled_at, account)
}

fn assert_same(rebuilding: Rebuilding<'_>, entries: &[Sealed], account: &Account) {
    let rebuilt = follow(rebuilding, entries, account);
    assert_eq!(rebuilt, *account, "the ledger makes another account (left) than was committed (right)");
}

/// The account of `rebuilding` at `until`, with what stands beside the ledger as `account` has it.
///
/// A birthday is known from the attributes, so without them it cannot be told when it will be celebrated.
fn rebuilt(rebuilding: Rebuilding<'_>, until: Timestamp, account: &Account) -> Account {
    let rebuilt = rebuilding.finish(until).unwrap().unwrap();
    let review_on = if rebuilt.attributes == account.attributes { rebuilt.review_on } else { account.review_on };
    Account {
        attributes: account.attributes.clone(),
        aliases: account.aliases.clone(),
        salt: account.salt,
        version: account.version,
        review_on,
        ..rebuilt
    }
}
