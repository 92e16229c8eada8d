//! `regulars rebuild`: rebuilds an account from its entries and shows how the stored account differs.

use std::process::ExitCode;

use clap::Args;
use regulars_domain::id::{MemberId, ProgramId};
use regulars_store::Commit;

use super::{Followed, all_versions, follow, say};
use crate::{
    local::StartFailed,
    table::{Opened, Where, unread},
};

/// Arguments of `regulars rebuild`.
#[derive(Debug, Args)]
pub struct Rebuild {
    #[command(flatten)]
    table: Where,

    /// Program of the member
    #[arg(long, value_name = "ID")]
    program: ProgramId,

    /// Member whose account is rebuilt from the ledger
    #[arg(long, value_name = "ID")]
    member: MemberId,

    /// Write the account; without it, only show the differences
    #[arg(long)]
    write: bool,
}

/// Rebuilds an account, prints the differences, and returns the exit status: 0 if nothing differs or the account was
/// written, 1 if something differs or the ledger is broken.
///
/// # Errors
///
/// [`StartFailed`] if the table cannot be read or written.
pub async fn rebuild(Rebuild { table, program, member, write }: Rebuild) -> Result<ExitCode, StartFailed> {
    let opened = table.open().await?;
    let done = rebuild_one(&opened, &program, &member, write).await;
    opened.close().await;
    done
}

async fn rebuild_one(
    opened: &Opened,
    program: &ProgramId,
    member: &MemberId,
    write: bool,
) -> Result<ExitCode, StartFailed> {
    let versions = all_versions(&opened.store, &opened.programs, program).await?;
    let followed = follow(&opened.store, &versions, program, member).await.map_err(|fault| unread(&fault))?;
    let Followed { verifying, kept, faults, entries } = followed;
    if let Some(fault) = faults.first() {
        say(&format!(
            "{program}/{member}: {fault}\nThe ledger is broken there, so the account cannot be rebuilt from it."
        ));
        return Ok(ExitCode::from(1));
    }
    if entries == 0 {
        return Err(StartFailed::new(format!("there is no member {member} in program {program}")));
    }
    let differences = verifying.clone().compare(kept.as_ref());
    for difference in &differences {
        say(&format!("{program}/{member}: {difference}"));
    }
    if differences.is_empty() {
        say(&format!("{program}/{member}: the account agrees with its {entries} entries"));
        return Ok(ExitCode::SUCCESS);
    }
    if !write {
        return Ok(ExitCode::from(1));
    }
    let posting = verifying.rebuilt(kept.as_ref()).map_err(StartFailed::new)?;
    if opened.store.commit(&posting).await.map_err(StartFailed::new)? != Commit::Committed {
        return Err(StartFailed::new(
            "the account changed in the meantime, so it was not written; run the command again",
        ));
    }
    say(&format!("{program}/{member}: the account was rebuilt from its {entries} entries and written"));
    Ok(ExitCode::SUCCESS)
}
