//! The report of one call of the scheduled run: what it did, and which accounts it could not review.

use jiff::civil::Date;
use regulars_domain::id::{MemberId, ProgramId};
use serde::Serialize;

/// Maximum number of accounts of each kind that a report names. It counts all of them, and the log names all that
/// failed.
const NAMED_MAX: usize = 20;

/// An account, by program and member.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AccountName {
    pub(crate) program: ProgramId,
    pub(crate) member: MemberId,
}

/// The result for one account.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It is no longer due, or no longer exists.
    NotDue,
    Unchanged,
    Changed,
    Conflicted(AccountName),
    Failed(AccountName),
}

/// The progress of the run in this shard, and what this call did.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) shard: u16,
    pub(crate) through: Date,
    /// Where the next call continues; `null` when the shard is done.
    pub(crate) cursor: Option<String>,
    /// Accounts that were reviewed: due accounts, or all accounts in a run over all.
    pub(crate) reviewed: u64,
    /// Those whose ledger got an entry.
    pub(crate) changed: u64,
    /// Those that other requests kept changing. The next run finds those that are still due.
    pub(crate) conflicted: u64,
    /// Those that cannot be reviewed until they are repaired. They stay due, and fail again in the next run.
    pub(crate) failed: u64,
    /// Some of the conflicted accounts.
    pub(crate) conflicted_accounts: Vec<AccountName>,
    /// Some of the failed accounts.
    pub(crate) failed_accounts: Vec<AccountName>,
}

impl Report {
    pub(crate) fn new(shard: u16, through: Date) -> Self {
        Self {
            shard,
            through,
            cursor: None,
            reviewed: 0,
            changed: 0,
            conflicted: 0,
            failed: 0,
            conflicted_accounts: Vec::new(),
            failed_accounts: Vec::new(),
        }
    }

    pub(crate) fn count(&mut self, fate: Fate) {
        let of_its_own = match fate {
            Fate::NotDue => return,
            Fate::Unchanged => None,
            Fate::Changed => Some(&mut self.changed),
            Fate::Conflicted(account) => {
                name(&mut self.conflicted_accounts, account);
                Some(&mut self.conflicted)
            }
            Fate::Failed(account) => {
                name(&mut self.failed_accounts, account);
                Some(&mut self.failed)
            }
        };
        for count in of_its_own.into_iter().chain([&mut self.reviewed]) {
            *count = count.saturating_add(1);
        }
    }
}

/// Keeps the first names in order, so that a report does not depend on timing.
fn name(names: &mut Vec<AccountName>, account: AccountName) {
    let place = names.partition_point(|known| *known < account);
    names.insert(place, account);
    names.truncate(NAMED_MAX);
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_report_counts_every_account_and_names_twenty_of_a_kind() {
        let mut report = Report::new(7, date(2027, 12, 1));
        for number in (0..30).rev() {
            let account = |kind| AccountName {
                program: "demo".parse().unwrap(),
                member: format!("{kind}-{number:02}").parse().unwrap(),
            };
            report.count(Fate::Failed(account("f")));
            report.count(Fate::Conflicted(account("c")));
            report.count(Fate::NotDue);
        }
        report.count(Fate::Changed);
        report.count(Fate::Unchanged);
        assert_eq!((report.reviewed, report.changed, report.conflicted, report.failed), (62, 1, 30, 30));
        for (names, kind) in [(&report.failed_accounts, "f"), (&report.conflicted_accounts, "c")] {
            let names: Vec<_> = names.iter().map(|account| account.member.as_str().to_owned()).collect();
            assert_eq!(names, (0..20).map(|number| format!("{kind}-{number:02}")).collect::<Vec<_>>());
        }
    }
}
