//! Adds and removes aliases of a member.

use std::fmt;

use crate::{
    draft::Draft,
    ledger::{
        entry::{By, Changed, Record},
        posting::{Claim, Posting, Release},
    },
    state::account::{Alias, Inactive},
    time::settle::Settled,
    values::{
        calendar::{days_after, start_of},
        id::Actor,
    },
};

/// Maximum number of aliases of a member, including those of merged members. Each takes some twenty bytes of the
/// account.
pub const ALIASES_MAX: usize = 20;

/// Aliases to add and to remove. None is in both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesChange {
    /// Aliases to add.
    pub add: Vec<Alias>,
    /// Aliases to remove.
    pub remove: Vec<Alias>,
}

/// Why a change of aliases is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamesRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// The member would have more than [`ALIASES_MAX`] aliases.
    Full,
}

impl fmt::Display for NamesRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::Full => write!(f, "a member can have at most {ALIASES_MAX} aliases; remove some"),
        }
    }
}

/// Adds and removes aliases. An alias that the member already has is not added again, and one that the member does not
/// have is not removed. Returns `None` if nothing changes and settling wrote nothing. The commit checks whether an
/// alias belongs to another member.
///
/// # Errors
///
/// Refusals are checked in the order of [`NamesRefusal`]; the first that applies wins.
pub fn change_names(
    settled: Settled<'_>,
    wish: &NamesChange,
    by: By,
    actor: Option<&Actor>,
) -> Result<Option<Posting>, NamesRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(NamesRefusal::Inactive)?;
    let (gone, kept): (Vec<_>, Vec<_>) =
        draft.account.aliases.iter().cloned().partition(|own| wish.remove.contains(own));
    let come: Vec<_> = wish.add.iter().filter(|alias| !kept.contains(alias)).cloned().collect();
    if !come.is_empty() && kept.len().saturating_add(come.len()) > ALIASES_MAX {
        return Err(NamesRefusal::Full);
    }
    let changed = Changed { aliases_added: come.len(), aliases_removed: gone.len(), ..Changed::default() };
    draft.account.aliases = [kept, come.clone()].concat();
    release(&mut draft, gone);
    for alias in come {
        let member = draft.account.member.clone();
        draft.claim(Claim { alias, member, from: None });
    }
    if changed != Changed::default() {
        draft.post_command(draft.entry_by("change", Record::Change(changed), by, actor));
    }
    Ok((!draft.entries.is_empty()).then(|| draft.finish()))
}

/// Frees aliases of the member for others. The program says for how many days the table stores their tombstones.
pub(crate) fn release(draft: &mut Draft<'_>, names: Vec<Alias>) {
    let program = draft.rules.program;
    let (member, on) = (draft.account.member.clone(), draft.today());
    let days = program.points.rejoin_after_days.unwrap_or_default();
    let forgotten_at = start_of(&program.zone, days_after(on, days.saturating_add(1)));
    for alias in names {
        draft.release_name(Release { alias, member: member.clone(), on, forgotten_at });
    }
}
