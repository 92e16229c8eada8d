//! Reads from a cancelled transaction what became of the command: replayed, beaten, out of stock.

use regulars_domain::{
    account::{Account, Alias},
    chain::Sealed,
    counter::CounterId,
};

use crate::{account_item, entry_item, fault::StoreFault, transaction::Check};

/// One part of a posting's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The account.
    Account,
    /// The entry that answers the request.
    Request(&'a Sealed),
    /// An entry that the engine makes by itself.
    Engine,
    /// What is taken from a counter.
    Take(&'a CounterId),
    /// An alias.
    Claim(&'a Alias),
}

/// What became of a posting.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// All of it was written.
    Committed,
    /// Its request had been carried out before.
    Replayed {
        /// The entry of then.
        entry: Box<Sealed>,
        /// The account of now.
        account: Seen,
    },
    /// Another request had been carried out under its key.
    KeyReused,
    /// The account, or something that it touches, is not as it was read.
    Conflict,
    /// A counter has no room for it.
    Exhausted(CounterId),
    /// An alias is another member's.
    AliasTaken(Alias),
}

/// What a cancelled transaction showed of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is as the posting expected it.
    AsRead,
    /// It is this one.
    Now(Box<Account>),
    /// Nothing.
    Unknown,
}

/// What `checks` say of `parts`, one for each. `None` if they say nothing that a command can come to.
///
/// The first of these that applies: the request is known; the account moved, or a rival is at work, or the engine's own
/// entry is there; an alias is taken; a counter is exhausted; the table is throttled.
///
/// # Errors
///
/// An item that a check shows is corrupt.
pub(crate) fn verdict(parts: &[Part<'_>], checks: &[Check]) -> Result<Option<Verdict>, StoreFault> {
    let both = || parts.iter().zip(checks);
    let known = both().find_map(|pair| match pair {
        (Part::Request(ours), Check::Failed(Some(item))) => Some((ours, item)),
        _ => None,
    });
    if let Some((ours, item)) = known {
        let entry = entry_item::read(item)?;
        if entry.entry.fingerprint != ours.entry.fingerprint {
            return Ok(Some(Verdict::KeyReused));
        }
        return Ok(Some(Verdict::Replayed { entry: Box::new(entry), account: seen(parts, checks)? }));
    }
    let beaten = both().any(|pair| {
        matches!(pair, (_, Check::Conflicted) | (Part::Account | Part::Request(_) | Part::Engine, Check::Failed(_)))
    });
    if beaten {
        return Ok(Some(Verdict::Conflict));
    }
    let taken = both().find_map(|pair| match pair {
        (Part::Claim(alias), Check::Failed(_)) => Some(Verdict::AliasTaken((*alias).clone())),
        _ => None,
    });
    let exhausted = || {
        both().find_map(|pair| match pair {
            (Part::Take(counter), Check::Failed(_)) => Some(Verdict::Exhausted((*counter).clone())),
            _ => None,
        })
    };
    let throttled = || checks.contains(&Check::Throttled).then_some(Verdict::Conflict);
    Ok(taken.or_else(exhausted).or_else(throttled))
}

fn seen(parts: &[Part<'_>], checks: &[Check]) -> Result<Seen, StoreFault> {
    let account = parts.iter().zip(checks).find_map(|(part, check)| (*part == Part::Account).then_some(check));
    Ok(match account {
        Some(Check::Failed(Some(item))) => Seen::Now(Box::new(account_item::read(item)?)),
        // A part that passed was looked at only if no other part met a rival.
        Some(Check::Passed) if !checks.contains(&Check::Conflicted) => Seen::AsRead,
        _ => Seen::Unknown,
    })
}
