//! Verification of ledgers, and rebuilding of accounts from them.

mod rebuild;
mod verify;

use std::io::{self, Write};

use regulars_application::programs::ProgramCache;
use regulars_domain::{
    account::Account,
    id::{MemberId, ProgramId},
    verify::{LedgerFault, Verifying},
    versions::Versions,
};
use regulars_store::{Store, StoreFault};

pub use rebuild::{Rebuild, rebuild};
pub use verify::{Verify, faults, verify};

use crate::{
    local::StartFailed,
    table::{broken, no_program},
};

/// Entries per page, so that memory does not grow with the length of a ledger.
const PAGE: u32 = 500;

/// Versions per read.
const VERSIONS_AT_ONCE: usize = 100;

/// Reads all versions of a program, with their documents: a ledger may have entries of each.
async fn all_versions(store: &Store, programs: &ProgramCache, id: &ProgramId) -> Result<Versions, StartFailed> {
    // The version in force at the end of time is the newest one.
    let versions = programs.versions(store, id, jiff::Timestamp::MAX).await.map_err(|fault| broken(id, &fault))?;
    let mut versions = versions.ok_or_else(|| no_program(id))?;
    let numbers: Vec<u64> = versions.heads().iter().map(|head| head.version).collect();
    for numbers in numbers.chunks(VERSIONS_AT_ONCE) {
        programs.load(store, id, &mut versions, numbers).await.map_err(|fault| broken(id, &fault))?;
    }
    Ok(versions)
}

/// A ledger that was read to its end, or to its first fault.
struct Followed<'p> {
    verifying: Verifying<'p>,
    kept: Option<Account>,
    faults: Vec<LedgerFault>,
    entries: u64,
}

/// Reads the ledger of a member, a page at a time. The account is read before the first page, and again if it has
/// changed by the end, so that a concurrent purchase is not reported as a fault.
async fn follow<'p>(
    store: &Store,
    versions: &'p Versions,
    program: &ProgramId,
    member: &MemberId,
) -> Result<Followed<'p>, StoreFault> {
    loop {
        let kept = store.account(program, member).await?;
        let last = kept.as_ref().map_or(u64::MAX, |account| account.seq);
        let mut verifying = Verifying::new(versions, program, member);
        let mut faults = Vec::new();
        let (mut after, mut entries) = (0, 0_u64);
        'pages: loop {
            let page = store.ledger(program, member, after, PAGE).await?;
            for sealed in &page.items {
                entries = entries.saturating_add(1);
                if sealed.entry.seq > last && store.account(program, member).await? != kept {
                    // This entry was written after the account was read.
                    break 'pages;
                }
                if let Err(fault) = verifying.follow(sealed) {
                    faults.push(fault);
                    break 'pages;
                }
            }
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        if store.account(program, member).await? == kept {
            return Ok(Followed { verifying, kept, faults, entries });
        }
    }
}

/// Prints a line on standard output. A failure to write is ignored, because there is nowhere to report it.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
