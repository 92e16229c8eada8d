//! Every commit is followed by rebuilding the account from its ledger, and a comparison.

use jiff::Timestamp;
use regulars_domain::{
    account::Account, chain::Sealed, entry::Entry, flow::Flow, points::Points, posting::Change, rebuild::Rebuilding,
    versions::Versions,
};

use crate::rulebook::Rulebook;

/// Follows the commits of one member.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    versions: Versions,
    /// The account of the last comparison, to detect whether a test changed it by hand since.
    compared: Option<Account>,
    /// Whether a test changed the account by hand, so that the ledger is incomplete.
    is_doctored: bool,
    /// Whether the commit is only a part of a settling, after which the account is settled to no instant.
    pub(crate) is_behind: bool,
    /// The account before such parts, and their entries.
    parts: Option<(Account, Vec<Sealed>)>,
}

impl Proof {
    pub(crate) fn new(rulebook: &Rulebook) -> Self {
        let versions = rulebook.versions().clone();
        Self { versions, compared: None, is_doctored: false, is_behind: false, parts: None }
    }

    /// Adds these versions.
    pub(crate) fn publish(&mut self, rulebook: &Rulebook) {
        self.versions = rulebook.versions().clone();
    }

    /// Asserts that the entries of `change` turn the account `before` into the committed one.
    pub(crate) fn follow(&mut self, before: &Account, change: &Change) {
        let after = &change.account;
        assert_flows_add_up(before, change);
        assert_balances(before, change);
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

    /// Asserts that the whole ledger gives the account, unless a test changed it by hand.
    pub(crate) fn follow_all(&self, account: &Account, ledger: &[Sealed]) {
        if self.is_doctored || self.parts.is_some() || self.compared.as_ref() != Some(account) {
            return;
        }
        let rebuilding = Rebuilding::new(&self.versions, account.program.clone(), account.member.clone());
        assert_same(rebuilding, ledger, account);
    }
}

/// Asserts that the flows add up to the change of the balances, and that each flow has its sign.
fn assert_flows_add_up(before: &Account, change: &Change) {
    let has = |account: &Account| account.total() - account.owed;
    let entries = || change.entries.iter().map(|sealed| &sealed.entry);
    let flows: Points = entries().filter(|entry| entry.flow().is_some()).map(Entry::change).sum();
    let none = if change.expected_version.is_none() { Points::ZERO } else { has(before) };
    assert_eq!(none + flows, has(&change.account), "{:?}", change.entries);
    for entry in entries() {
        let is_given = matches!(entry.flow(), Some(Flow::Issued | Flow::Restored));
        let is_taken = matches!(entry.flow(), Some(Flow::Redeemed | Flow::Expired | Flow::Lapsed | Flow::Forfeited));
        assert!(!(is_given && entry.change() < Points::ZERO), "{entry:?}");
        assert!(!(is_taken && entry.change() > Points::ZERO), "{entry:?}");
    }
}

/// The account that `ledger` gives, at the instant up to which `account` is settled.
pub(crate) fn rebuilt_from(versions: &Versions, ledger: &[Sealed], account: &Account) -> Account {
    follow(Rebuilding::new(versions, account.program.clone(), account.member.clone()), ledger, account)
}

fn follow(mut rebuilding: Rebuilding<'_>, entries: &[Sealed], account: &Account) -> Account {
    for sealed in entries {
        rebuilding.follow(sealed).unwrap();
    }
    rebuilt(rebuilding, account.settled_at, account)
}

/// Sees that the balance beside each entry is the one before it and what the entry changes.
fn assert_balances(before: &Account, change: &Change) {
    let mut balance = change.expected_version.map(|_| before.balance()).unwrap_or_default();
    for Sealed { entry, balance: kept, .. } in &change.entries {
        balance.spendable += entry.spendable();
        balance.pending += entry.pending();
        balance.held += entry.held();
        balance.owed += entry.owed();
        assert_eq!(*kept, Some(balance), "the balance beside {}", entry.id);
    }
}

fn assert_same(rebuilding: Rebuilding<'_>, entries: &[Sealed], account: &Account) {
    let rebuilt = follow(rebuilding, entries, account);
    assert_eq!(rebuilt, *account, "the ledger makes another account (left) than was committed (right)");
}

/// Returns the account of `rebuilding` at `until`, with the data outside of the ledger from `account`.
///
/// The birthday is an attribute, so without attributes its day is unknown.
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
