//! `regulars verify`: reads every ledger, recomputes every hash and compares every account.

use std::{collections::BTreeMap, process::ExitCode, sync::Arc};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use regulars_application::programs::ProgramCache;
use regulars_domain::{
    id::{MemberId, ProgramId},
    versions::Versions,
};
use regulars_store::{Store, Walk};
use tokio::task::{JoinError, JoinSet};

use super::{Followed, all_versions, follow, say};
use crate::{
    local::StartFailed,
    table::{Where, unread},
};

/// Ledgers verified concurrently. Each spends nearly all of its time waiting for the table.
const AT_ONCE: usize = 16;

/// Arguments of `regulars verify`.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    table: Where,

    /// Verify the members of this program only
    #[arg(long, value_name = "ID")]
    program: Option<ProgramId>,
}

/// The result of a verification.
#[derive(Debug, Default)]
struct Found {
    members: u64,
    entries: u64,
    faults: u64,
}

/// The result for one member.
struct OfMember {
    entries: u64,
    /// One line per fault.
    faults: Vec<String>,
}

/// Verifies all ledgers, prints one line per fault or one line if there is none, and returns the exit status: 0 if
/// everything holds, 1 otherwise.
///
/// # Errors
///
/// [`StartFailed`] if the table cannot be read or has no such program.
pub async fn verify(Verify { table, program }: Verify) -> Result<ExitCode, StartFailed> {
    let opened = table.open().await?;
    let found = walk(&opened.store, &opened.programs, program.as_ref(), &mut |fault| say(fault)).await;
    opened.close().await;
    let Found { members, entries, faults } = found?;
    if faults == 0 {
        say(&format!("all ledgers hold: {members} members, {entries} entries"));
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{faults} faults in {members} members, {entries} entries"));
    Ok(ExitCode::from(1))
}

/// Returns one line per fault of all ledgers in `store`.
///
/// # Errors
///
/// [`StartFailed`] if the table cannot be read.
pub async fn faults(store: &Store, programs: &ProgramCache) -> Result<Vec<String>, StartFailed> {
    let mut faults = Vec::new();
    walk(store, programs, None, &mut |fault| faults.push(fault.to_owned())).await?;
    Ok(faults)
}

/// Iterates over all members, page by page, a few ledgers concurrently, and reports each fault.
async fn walk(
    store: &Store,
    programs: &ProgramCache,
    only: Option<&ProgramId>,
    tell: &mut impl FnMut(&str),
) -> Result<Found, StartFailed> {
    let progress = progress();
    let mut versions: BTreeMap<ProgramId, Arc<Versions>> = BTreeMap::new();
    if let Some(only) = only {
        versions.insert(only.clone(), Arc::new(all_versions(store, programs, only).await?));
    }
    let mut found = Found::default();
    let mut before: Option<(ProgramId, MemberId)> = None;
    let mut after: Option<Walk> = None;
    loop {
        let page = store.members(after).await.map_err(|fault| unread(&fault))?;
        let mut under_way = JoinSet::new();
        for (program, member) in page.members {
            if only.is_some_and(|only| *only != program) || before.as_ref() == Some(&(program.clone(), member.clone()))
            {
                continue;
            }
            before = Some((program.clone(), member.clone()));
            if !versions.contains_key(&program) {
                versions.insert(program.clone(), Arc::new(all_versions(store, programs, &program).await?));
            }
            let Some(versions) = versions.get(&program).map(Arc::clone) else { continue };
            if under_way.len() >= AT_ONCE {
                found.count(under_way.join_next().await, tell)?;
            }
            under_way.spawn(of_member(store.clone(), versions, program, member));
            progress.set_message(format!("{} members verified", found.members));
            progress.tick();
        }
        while let Some(ended) = under_way.join_next().await {
            found.count(Some(ended), tell)?;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    progress.finish_and_clear();
    Ok(found)
}

impl Found {
    fn count(
        &mut self,
        ended: Option<Result<OfMember, JoinError>>,
        tell: &mut impl FnMut(&str),
    ) -> Result<(), StartFailed> {
        let Some(ended) = ended else { return Ok(()) };
        let OfMember { entries, faults } = ended.map_err(StartFailed::new)?;
        self.members = self.members.saturating_add(1);
        self.entries = self.entries.saturating_add(entries);
        for fault in faults {
            self.faults = self.faults.saturating_add(1);
            tell(&fault);
        }
        Ok(())
    }
}

async fn of_member(store: Store, versions: Arc<Versions>, program: ProgramId, member: MemberId) -> OfMember {
    let line = |fault: &dyn std::fmt::Display| format!("{program}/{member}: {fault}");
    match follow(&store, &versions, &program, &member).await {
        Ok(Followed { verifying, kept, faults, entries }) => {
            let faults = if faults.is_empty() { verifying.compare(kept.as_ref()) } else { faults };
            OfMember { entries, faults: faults.iter().map(|fault| line(fault)).collect() }
        }
        // An item that cannot be read is a fault of the ledger.
        Err(fault) => OfMember { entries: 0, faults: vec![line(&fault)] },
    }
}

/// Shows a spinner on standard error, if that is a terminal.
fn progress() -> ProgressBar {
    let progress = ProgressBar::new_spinner();
    progress.set_style(ProgressStyle::default_spinner());
    progress
}
