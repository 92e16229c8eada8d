//! Compares the books with an account and its ledger, and each of these with itself.

use std::collections::BTreeMap;

use jiff::civil::Date;
use regulars_domain::{
    account::Account,
    chain::Sealed,
    entry::{Entry, Kind},
    lots::{Expiry, LotChange, LotMove},
    pending::{Awaits, PendingChange, PendingMove},
};

use super::{Auditor, Fate, LEVELS, LOTS_MAX, Rules, WAITS_MAX, Wanted, Warning};
use crate::world::{changes, lots_of};

impl Auditor {
    /// Compares the account and its ledger with these books, and each with itself.
    #[expect(clippy::too_many_lines, reason = "one table of what each kind of entry may change")]
    pub(crate) fn audit(&self, rules: &Rules, account: &Account, ledger: &[Sealed]) {
        let entries: Vec<&Entry> = ledger.iter().map(|sealed| &sealed.entry).collect();
        let mut balances = [0; 4];
        let (mut told, mut waiting) = (BTreeMap::new(), BTreeMap::new());
        for (entry, seq) in entries.iter().zip(1_u64..) {
            assert_eq!(entry.seq, seq, "a gap in the ledger");
            let [points, changes @ ..] = changes(entry);
            let [pending, spendable, held, owed] = changes;
            assert_eq!(points, pending + spendable - owed, "{entry:?}");
            assert_eq!(spendable, entry.effects.lots.iter().map(|change| change.1.get()).sum::<i64>(), "{entry:?}");
            for (balance, change) in balances.iter_mut().zip(changes) {
                *balance += change;
                assert!(*balance >= 0, "negative after {entry:?}");
            }
            if let Some(day) = entry.effects.extended_to {
                extend(&mut told, day);
            }
            assert!(entry.effects.lots_shortened.iter().all(|LotMove(from, to, _)| from > to), "{entry:?}");
            move_lots(&mut told, &entry.effects.lots_shortened);
            for LotChange(expiry, points) in &entry.effects.lots {
                *told.entry(*expiry).or_insert(0) += points.get();
            }
            assert!(entry.effects.lots_moved.iter().all(|LotMove(from, to, _)| from < to), "{entry:?}");
            move_lots(&mut told, &entry.effects.lots_moved);
            for PendingChange(awaits, points) in &entry.effects.pending {
                *waiting.entry(*awaits).or_insert(0) += points.get();
            }
            for PendingMove(from, to, points) in &entry.effects.pending_moved {
                *waiting.entry(*from).or_insert(0) -= points.get();
                *waiting.entry(*to).or_insert(0) += points.get();
            }
            let given: i64 = entry.breakdown().iter().map(|line| line.given.get()).sum();
            let is_sound = match entry.kind() {
                Kind::Enrollment | Kind::Accrual => points >= 0 && points == given && held == 0,
                Kind::Redemption => points < 0 && (held == 0 || held == -points),
                Kind::Expiry => points < 0 && points == spendable,
                Kind::Confirmation => points == 0 && pending <= 0,
                Kind::Lapse => points <= 0 && points == pending,
                Kind::AccrualReversal => points <= 0 && held == 0,
                Kind::Amendment => held == 0,
                Kind::Capture => points >= 0 && held < -points,
                Kind::Cancellation => points > 0 && held == -points,
                Kind::RedemptionReversal => points > 0 && held == 0,
                Kind::Adjustment => pending == 0 && held == 0,
                Kind::TransferOut
                | Kind::TransferIn
                | Kind::MergeOut
                | Kind::MergeIn
                | Kind::Change
                | Kind::Erasure => false,
                Kind::Plan | Kind::PlanEnd | Kind::PlanReversal | Kind::TierOverride | Kind::EntitlementUse => {
                    changes == [0; 4]
                }
                Kind::CodeUse => changes == [0; 4] && entry.refers_to.is_some(),
                Kind::TierChange => changes == [0; 4] && entry.effects.tier_change.is_some(),
                Kind::Notice | Kind::TierNotice | Kind::ReferralPayment => {
                    changes == [0; 4] && entry.effects.lots.is_empty()
                }
            };
            assert!(is_sound, "{entry:?}");
            assert!(given == 0 || has_breakdown(entry.kind()), "{entry:?}");
            assert!(entry.posted_at >= entries[0].posted_at);
        }
        told.retain(|_, points| *points != 0);
        let lots: BTreeMap<_, _> = account.lots.iter().map(|(expiry, points)| (expiry, points.get())).collect();
        assert_eq!(told, lots, "the ledger does not explain the lots");
        waiting.retain(|_, points| *points != 0);
        let pending: BTreeMap<_, _> = account.pending.iter().map(|(awaits, points)| (awaits, points.get())).collect();
        assert_eq!(waiting, pending, "the ledger does not explain what waits");
        assert!(lots.len() <= LOTS_MAX && account.pending.iter().count() <= WAITS_MAX, "the account grows");
        assert_eq!(account.seq, u64::try_from(entries.len()).unwrap());
        assert_eq!(Warning::all(ledger), self.warnings, "the member was told of other points than the books say");
        assert_eq!(balances, self.balances(), "the sum of the entries is not what the books say");
        let queues = self.queues.iter().map(|(wanted, points)| {
            let awaits = match *wanted {
                Wanted::Day(day, last_day) => Awaits::Maturity(day, Expiry::On(last_day)),
                Wanted::Confirmation(last) => Awaits::Confirmation(last),
            };
            (awaits, *points)
        });
        assert_eq!(pending, queues.collect(), "other points wait than the books say");
        let held: BTreeMap<_, _> =
            account.holds.iter().map(|hold| (hold.redemption.to_string(), hold.points().get())).collect();
        let open = self.spendings.iter().filter(|(_, spending)| matches!(spending.fate, Fate::Held(_)));
        let open = open.map(|(key, spending)| (key.clone(), spending.points()));
        assert_eq!(held, open.collect(), "other holds are open than the books say");
        assert_eq!(account.owed.get(), self.owed);

        let mut lots = BTreeMap::new();
        for credit in self.credits.iter().filter(|credit| credit.left > 0) {
            *lots.entry(credit.last_day.to_string()).or_insert(0) += credit.left;
        }
        assert_eq!(lots_of(account), lots.into_iter().collect::<Vec<_>>(), "the lots are not what the books say");
        for (expiry, points) in account.lots.iter() {
            let is_sound = points.get() > 0 && expiry.on().is_none_or(|day| day >= self.today);
            assert!(is_sound, "{expiry:?} outlives its date");
        }

        assert_eq!(
            account.tier.as_ref().map(regulars_domain::id::LevelId::as_str),
            Some(LEVELS[self.tier]),
            "on {}",
            self.today
        );
        let said = entries.iter().rev().find_map(|entry| entry.effects.tier_change.as_ref()).unwrap();
        assert_eq!(said.to, account.tier, "the ledger last spoke of another tier");
        self.audit_parts(rules, account);
    }

    /// Compares each book with its part of the account.
    fn audit_parts(&self, rules: &Rules, account: &Account) {
        self.shop.audit(rules, account);
        self.tally.audit(account.steps.get("dare"));
        self.membership.audit(account, self.today);
        self.ladder.audit(rules, account, self.today);
    }
}

/// Returns whether entries of this kind have a breakdown.
fn has_breakdown(kind: Kind) -> bool {
    matches!(kind, Kind::Enrollment | Kind::Accrual | Kind::AccrualReversal | Kind::Amendment)
}

/// Moves what would expire before this day to it.
fn extend(lots: &mut BTreeMap<Expiry, i64>, day: Date) {
    let sooner: Vec<_> = lots.range(..Expiry::On(day)).map(|(expiry, _)| *expiry).collect();
    for expiry in sooner {
        let points = lots.remove(&expiry).unwrap();
        *lots.entry(Expiry::On(day)).or_insert(0) += points;
    }
}

/// Applies these moves.
fn move_lots(lots: &mut BTreeMap<Expiry, i64>, moves: &[LotMove]) {
    for LotMove(from, to, points) in moves {
        *lots.entry(*from).or_insert(0) -= points.get();
        *lots.entry(*to).or_insert(0) += points.get();
    }
}
