//! The level that is kept when a period is over.

use jiff::civil::Date;

use crate::{
    rules::program::{Downgrade, Tiers},
    state::account::{Account, Secured},
    tier::{promised, rank::free_rank},
};

/// Returns the level that is kept after a period that ended on `last` and reached `reached`, and the version that
/// promised it if it is kept only because of a promise.
pub(super) fn softened(
    tiers: &Tiers,
    account: &Account,
    reached: Option<usize>,
    last: Date,
) -> (Option<usize>, Option<u64>) {
    let secured = account.secured.iter().filter(|secured| secured.through == last);
    let own = secured.filter_map(|secured| tiers.rank(&secured.tier)).max().max(reached);
    let promised = promised::held(tiers, account, last).filter(|(rank, _)| Some(*rank) > own);
    let soften = |held: Option<usize>| {
        let softened = match tiers.downgrade {
            Downgrade::ToQualified => reached,
            Downgrade::OneLevel => reached.max(held.and_then(|rank| rank.checked_sub(1))),
            Downgrade::Never => held,
        };
        softened.max(held.and_then(|rank| tiers.kept_rank(rank)))
    };
    let kept = soften(own);
    match promised {
        Some((rank, version)) if soften(Some(rank)) > kept => (soften(Some(rank)), Some(version)),
        Some(_) | None => (kept, None),
    }
}

/// Secures the level of `rank` through the period that ends on `through`, unless the same or a higher one is already
/// secured.
pub(super) fn secure(tiers: &Tiers, account: &mut Account, rank: Option<usize>, through: Date) {
    if rank <= free_rank(tiers) {
        return;
    }
    let Some(level) = rank.and_then(|rank| tiers.levels.get(rank)) else { return };
    let already = account.secured.iter().filter(|secured| secured.through == through);
    if already.filter_map(|secured| tiers.rank(&secured.tier)).max() >= rank {
        return;
    }
    account.secured.retain(|secured| secured.through != through);
    account.secured.push(Secured { tier: level.id.clone(), through });
}
