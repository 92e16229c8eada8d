//! Derives the outcome of a command from a cancelled transaction: replayed, lost a race, out of stock.

use regulars_domain::{
    account::{Account, Alias},
    aftermath::Recorded,
    chain::Sealed,
    counter::CounterId,
    posting::ReceiptId,
};

use crate::{account_item, entry_item, fault::StoreFault, transaction::Check};

/// One part of a posting's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The account of the command.
    Account,
    /// Another account that changes with it.
    Other,
    /// The entry that answers the request.
    Request(&'a Sealed),
    /// An entry that the engine makes.
    Engine,
    /// The aftermath of an entry.
    Mark,
    /// A take from a shard of a counter, or a return to it.
    Shard,
    /// The end of a hold to be captured that reserved nothing when all shards were read: another command found it ended
    /// and took what it reserved.
    LostHold,
    /// A code.
    Code,
    /// An alias.
    Claim(&'a Alias),
    /// An alias that is given up, or a receipt that is freed.
    Release,
    /// A receipt that is taken.
    Receipt(&'a ReceiptId),
}

/// The result of committing a posting. Unless it was committed, nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// All of it was written.
    Committed,
    /// Its request was carried out before.
    Replayed {
        /// The original entry.
        entry: Box<Recorded>,
        /// The current account.
        account: Seen,
    },
    /// Another request was carried out under its key.
    KeyReused,
    /// The account, or another item of the posting, has changed since it was read, or the table lacks capacity. Read
    /// and decide again.
    Conflict,
    /// This counter has no room in any of its shards for the take.
    Exhausted(CounterId),
    /// This alias belongs to another member.
    AliasTaken(Alias),
    /// This receipt was taken by another purchase.
    ReceiptTaken(ReceiptId),
    /// The hold to capture has ended: another command has taken what it reserved.
    HoldOver,
}

/// What a cancelled transaction showed of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is as the posting expected.
    AsRead,
    /// It is this one.
    Now(Box<Account>),
    /// Nothing.
    Unknown,
}

/// Returns the verdict of `checks` on `parts`, one for each. `None` if they show no possible outcome of a command.
///
/// The first of these that applies: the request is known; the account has changed, or a rival is in progress, or the
/// engine's own entry exists; an alias is taken; the shard of a counter has no room, and others may have, or a code is
/// gone; the table is throttled.
///
/// # Errors
///
/// An item in a check is corrupt.
pub(crate) fn verdict(parts: &[Part<'_>], checks: &[Check]) -> Result<Option<Commit>, StoreFault> {
    let both = || parts.iter().zip(checks);
    let known = both().find_map(|pair| match pair {
        (Part::Request(ours), Check::Failed(Some(item))) => Some((ours, item)),
        _ => None,
    });
    if let Some((ours, item)) = known {
        let entry = entry_item::read_recorded(item)?;
        if entry.sealed.entry.fingerprint != ours.entry.fingerprint {
            return Ok(Some(Commit::KeyReused));
        }
        return Ok(Some(Commit::Replayed { entry: Box::new(entry), account: seen(parts, checks)? }));
    }
    let beaten = both().any(|pair| {
        matches!(
            pair,
            (_, Check::Conflicted)
                | (
                    Part::Account | Part::Other | Part::Request(_) | Part::Engine | Part::Mark | Part::Release,
                    Check::Failed(_)
                )
        )
    });
    if beaten {
        return Ok(Some(Commit::Conflict));
    }
    let taken = both().find_map(|pair| match pair {
        (Part::Claim(alias), Check::Failed(_)) => Some(Commit::AliasTaken((*alias).clone())),
        (Part::Receipt(receipt), Check::Failed(_)) => Some(Commit::ReceiptTaken((*receipt).clone())),
        (Part::LostHold, Check::Failed(_)) => Some(Commit::HoldOver),
        _ => None,
    });
    let is_late =
        || both().any(|pair| matches!(pair, (Part::Shard | Part::Code, Check::Failed(_)) | (_, Check::Throttled)));
    Ok(taken.or_else(|| is_late().then_some(Commit::Conflict)))
}

fn seen(parts: &[Part<'_>], checks: &[Check]) -> Result<Seen, StoreFault> {
    let account = parts.iter().zip(checks).find_map(|(part, check)| (*part == Part::Account).then_some(check));
    Ok(match account {
        Some(Check::Failed(Some(item))) => Seen::Now(Box::new(account_item::read(item)?)),
        // A part without a failure was evaluated only if DynamoDB came as far as conditions.
        Some(Check::Passed) if checks.iter().all(|check| matches!(check, Check::Passed | Check::Failed(_))) => {
            Seen::AsRead
        }
        _ => Seen::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use regulars_domain::fingerprint::Content;
    use serde_json::json;

    use super::*;
    use crate::{account_item::tests::ordinary_worst_case, item::Item};

    fn sealed(id: &str, request: Option<&str>) -> Sealed {
        let fingerprint = request.map(|request| Content::of("accrual", &json!(request)).fingerprint(None));
        let entry = json!({
            "format": 1, "id": id, "seq": 2, "kind": "lapse", "record": {}, "program_version": 1, "by": "operator",
            "occurred_at": "2026-11-22T12:00:00Z", "posted_at": "2026-11-22T12:00:00Z", "fingerprint": fingerprint,
        });
        Sealed::read(entry.to_string(), [6; 32].into(), [7; 32].into()).unwrap()
    }

    fn item(sealed: &Sealed) -> Check {
        let account = ordinary_worst_case();
        Check::Failed(Some(entry_item::write(&account.program, &account.member, sealed)))
    }

    /// Every part fails or not, and one answer is right.
    #[test]
    fn the_first_of_all_that_went_wrong_is_what_the_command_came_to() {
        let (ours, engines) = (sealed("order-1", Some("this")), sealed("~expiry~2026-11-30", None));
        let alias = Alias { kind: "email".to_owned(), hash: [7; 16] };
        let parts = [Part::Account, Part::Request(&ours), Part::Engine, Part::Shard, Part::Claim(&alias)];
        let now = Account { version: 99, ..ordinary_worst_case() };

        let moved = Check::Failed(Some(account_item::write(&now)));
        let gone = Check::Failed(None);
        let known = item(&ours);
        let reused = item(&sealed("order-1", Some("that")));
        let made = item(&engines);
        let empty = Check::Failed(Some(Item::new()));
        let none = Check::Passed;
        let rival = Check::Conflicted;
        let short = Check::Throttled;
        let never = Check::Refused;

        for (checks, expected) in [
            ([&moved, &known, &made, &empty, &empty], "replayed, account now at 99"),
            ([&none, &known, &made, &empty, &empty], "replayed, account as read"),
            ([&rival, &known, &none, &none, &none], "replayed, account unknown"),
            ([&none, &known, &none, &rival, &none], "replayed, account unknown"),
            ([&none, &known, &none, &none, &short], "replayed, account unknown"),
            ([&gone, &known, &none, &none, &none], "replayed, account unknown"),
            ([&short, &known, &none, &never, &none], "replayed, account unknown"),
            ([&moved, &reused, &made, &empty, &empty], "key reused"),
            ([&rival, &reused, &none, &none, &none], "key reused"),
            ([&moved, &none, &none, &empty, &empty], "conflict"),
            ([&gone, &none, &none, &none, &none], "conflict"),
            ([&none, &gone, &none, &none, &none], "conflict"),
            ([&none, &none, &made, &empty, &empty], "conflict"),
            ([&rival, &none, &none, &none, &empty], "conflict"),
            ([&none, &none, &none, &rival, &empty], "conflict"),
            ([&none, &none, &none, &none, &rival], "conflict"),
            ([&none, &none, &none, &empty, &empty], "alias taken"),
            ([&none, &short, &none, &none, &empty], "alias taken"),
            ([&none, &none, &none, &empty, &none], "conflict"),
            ([&none, &none, &none, &gone, &none], "conflict"),
            ([&none, &short, &none, &empty, &none], "conflict"),
            ([&none, &none, &none, &none, &short], "conflict"),
            ([&short, &none, &never, &none, &none], "conflict"),
            ([&none, &none, &none, &never, &none], "fault"),
            ([&never, &none, &none, &none, &none], "fault"),
            ([&none, &none, &none, &none, &none], "fault"),
        ] {
            let checks = checks.map(Clone::clone);
            let came_to = match verdict(&parts, &checks).unwrap() {
                Some(Commit::Committed) => panic!("a cancelled transaction commits nothing"),
                Some(Commit::Replayed { entry, account }) => {
                    assert_eq!(entry.sealed, ours);
                    match account {
                        Seen::AsRead => "replayed, account as read".to_owned(),
                        Seen::Now(account) => format!("replayed, account now at {}", account.version),
                        Seen::Unknown => "replayed, account unknown".to_owned(),
                    }
                }
                Some(Commit::KeyReused) => "key reused".to_owned(),
                Some(Commit::Conflict) => "conflict".to_owned(),
                Some(Commit::Exhausted(counter)) => panic!("one full shard of {counter:?} says nothing of the others"),
                Some(Commit::AliasTaken(taken)) => {
                    assert_eq!(taken, alias);
                    "alias taken".to_owned()
                }
                Some(Commit::ReceiptTaken(receipt)) => panic!("{receipt:?} is no part of it"),
                Some(Commit::HoldOver) => panic!("no hold is a part of it"),
                None => "fault".to_owned(),
            };
            assert_eq!(came_to, expected, "{checks:?}");
        }
    }

    #[test]
    fn a_receipt_that_was_used_is_reported_after_a_repeat_and_a_race() {
        let (ours, alias) = (sealed("order-1", Some("this")), Alias { kind: "email".to_owned(), hash: [7; 16] });
        let receipt = ReceiptId {
            store: None,
            on: "2026-11-21".parse().unwrap(),
            receipt: serde_json::from_value(json!("till3-0042")).unwrap(),
        };
        let parts = [Part::Request(&ours), Part::Release, Part::Claim(&alias), Part::Receipt(&receipt)];
        let (none, gone, known) = (Check::Passed, Check::Failed(Some(Item::new())), item(&ours));
        let taken = Some(Commit::ReceiptTaken(receipt.clone()));
        for (checks, expected) in [
            ([&none, &none, &none, &gone], taken),
            ([&none, &gone, &none, &gone], Some(Commit::Conflict)),
            ([&none, &none, &gone, &gone], Some(Commit::AliasTaken(alias.clone()))),
        ] {
            assert_eq!(verdict(&parts, &checks.map(Clone::clone)).unwrap(), expected);
        }
        let repeated = verdict(&parts, &[known, none.clone(), none, gone]).unwrap();
        assert!(matches!(repeated, Some(Commit::Replayed { .. })));
    }

    #[test]
    fn a_hold_has_ended_only_if_nothing_else_explains_that_it_reserves_nothing() {
        let ours = sealed("capture-1", Some("this"));
        let parts = [Part::Account, Part::Request(&ours), Part::Mark, Part::LostHold, Part::Shard];
        let (none, gone, rival, known) = (Check::Passed, Check::Failed(None), Check::Conflicted, item(&ours));
        for (checks, expected) in [
            ([&none, &none, &none, &gone, &none], Commit::HoldOver),
            ([&none, &none, &none, &gone, &gone], Commit::HoldOver),
            ([&none, &none, &none, &none, &gone], Commit::Conflict),
            ([&gone, &none, &none, &gone, &none], Commit::Conflict),
            ([&none, &none, &gone, &gone, &none], Commit::Conflict),
            ([&none, &none, &none, &gone, &rival], Commit::Conflict),
            ([&rival, &none, &none, &gone, &none], Commit::Conflict),
        ] {
            assert_eq!(verdict(&parts, &checks.map(Clone::clone)).unwrap(), Some(expected), "{checks:?}");
        }
        let repeated = verdict(&parts, &[none.clone(), known, none.clone(), gone, none]).unwrap();
        assert!(matches!(repeated, Some(Commit::Replayed { .. })));
    }

    #[test]
    fn a_corrupt_item_that_a_check_shows_is_a_fault() {
        let ours = sealed("order-1", Some("this"));
        let parts = [Part::Account, Part::Request(&ours)];
        let corrupt = Check::Failed(Some(Item::new()));
        assert!(verdict(&parts, &[Check::Passed, corrupt.clone()]).is_err());
        assert!(verdict(&parts, &[corrupt, item(&ours)]).is_err());
    }
}
