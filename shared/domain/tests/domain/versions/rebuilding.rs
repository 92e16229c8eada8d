//! Rebuilding accounts from their ledgers: every kind of entry, and faults when either was changed.

use std::collections::BTreeSet;

use regulars_domain::{
    account::{Account, Promise, Referral, ReferralDebt, Secured, Status},
    calendar::{Every, Interval},
    chain::Sealed,
    entry::Kind,
    hash::Hash,
    points::Points,
    qualifying::Qualifying,
    rebuild::{LedgerBroken, Rebuilding},
    steps::Steps,
};
use serde_json::{Value, json};

use super::Member;
use crate::{
    club::{Club, member_id},
    proof::rebuilt_from,
    world::{Rulebook, at, document, euro, lots, on, plan_term, program_of, purchase},
};

/// Returns a program with something for every kind of entry, and a document with another threshold for gold.
fn of_every_kind(gold: i64) -> Value {
    document(json!({
        "points": { "expiry": { "after_months": 12, "rounded_to": "end_of_month" }, "expiry_notice_days": 30,
                    "pending": { "until_confirmed": { "lapses_after_days": 30 } } },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 10 } }, "cap": { "points": 500, "every": "month" } },
            { "id": "card", "on": "purchase", "stacking": "add", "give": { "punch_card": { "every": 3, "points": 50 } } },
            { "id": "welcome", "on": "enrollment", "qualifying": false, "give": { "fixed": { "points": 100 } } },
            { "id": "friend", "on": "referral", "give": { "fixed": { "points": 10 } } },
        ],
        "tiers": { "notice_days": 60, "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 },
                              { "id": "gold", "threshold": gold, "entitlements": [{ "id": "lounge", "times": 2, "every": "year" }] }] },
        "plans": [{ "id": "plus", "price": 500, "interval": "month", "tier_floor": "silver" }],
        "rewards": [{ "id": "tea", "name": "Tea", "kind": "product", "cost": { "points": 10 }, "hold_seconds_max": 3600,
                      "limit": { "times": 9, "every": "year" } },
                    { "id": "card", "name": "A gift card", "kind": "voucher", "cost": { "points": 10 }, "codes": "pool",
                      "codes_valid_days": 90, "value": { "amount": 1000, "currency": "EUR" } }],
    }))
}

const M: &str = "m-1";

/// Returns a club whose members have entries of every kind, across a change of rules.
fn story() -> (Rulebook, Club) {
    let first = program_of(&of_every_kind(400));
    let rules = first.then(at("2027-02-01"), &of_every_kind(300));
    let mut club = Club::of(&first, "2026-11-01", &["m-0", "m-2"]);
    club.joins(&first, "2026-11-01", M, Some("m-0"), &["card-1"]);
    club.earns_alone(&rules, "order-1", M, &purchase("2026-11-10", json!(2_000))).unwrap();
    assert!(club.pays_debt(&rules, "2026-11-10", M));
    for (key, when) in [("order-2", "2026-11-11"), ("order-3", "2026-11-12")] {
        club.earns(&rules, key, M, &purchase(when, json!(2_000))).unwrap();
    }
    let member = club.get_mut(M);
    member.confirms(&rules, at("2026-11-15"), "c-1", "order-1").unwrap();
    member.reverses(&rules, at("2026-11-16"), "refund-1", "order-2", Some(euro(500))).unwrap();
    member.redeems(&rules, at("2026-11-20"), "r-1", "tea", None).unwrap();
    member.undoes(&rules, at("2026-11-21"), "u-1", "r-1", true).unwrap();
    for (key, end) in [("r-2", "captured"), ("r-3", "cancelled"), ("r-4", "over")] {
        member.holds(&rules, "2026-11-22", key, "tea", 600).unwrap();
        match end {
            "captured" => drop(member.captures(&rules, at("2026-11-22"), "p-2", key, Some(4)).unwrap()),
            "cancelled" => drop(member.cancels(&rules, at("2026-11-22"), "p-3", key).unwrap()),
            _ => {}
        }
    }
    member.code = Some("A1".parse().unwrap());
    member.redeems(&rules, at("2026-11-23"), "r-5", "card", None).unwrap();
    member.uses_code(&rules, at("2026-11-24"), "use-0", "A1", Some(euro(400))).unwrap();
    member.reviewed(&rules, at("2027-01-15"));
    member.is_given(&rules, at("2027-01-16"), "gold", "2027-12-31");
    member.uses(&rules, at("2027-01-17"), "use-1", "lounge").unwrap();
    member.takes_plan(&rules, at("2027-02-18"), "paid", "plus").unwrap();
    member.takes_plan(&rules, at("2027-02-18"), "paid-twice", "plus").unwrap();
    member.reverses_payment(&rules, at("2027-02-18"), "reversed", "paid").unwrap();
    member.ends_plan(&rules, at("2027-02-19")).unwrap();
    member.adjusts(&rules, at("2027-02-20"), "a-1", 7).unwrap();
    member.is_touched(&rules, at("2027-02-21"));
    club.transfers(&rules, "2027-02-22", "t-1", ("m-0", M, 20)).unwrap();
    club.merges(&rules, "2027-02-23", "merge-1", ("m-2", M)).unwrap();
    let member = club.get_mut(M);
    member.reviewed(&rules, at("2027-11-15"));
    member.reviewed(&rules, at("2028-06-01"));
    club.earns(&rules, "order-4", M, &purchase("2028-06-02", json!(4_000))).unwrap();
    club.get_mut(M).confirms(&rules, at("2028-06-03"), "c-4", "order-4").unwrap();
    club.earns(&rules, "order-5", M, &purchase("2028-06-04", json!(700))).unwrap();
    club.erases(&rules, "2028-06-05", "erasure-1", ("m-0", None)).unwrap();
    (rules, club)
}

/// Returns its position in the list of all kinds. A missing kind does not compile.
fn place(kind: Kind) -> usize {
    match kind {
        Kind::Enrollment => 0,
        Kind::Accrual => 1,
        Kind::Redemption => 2,
        Kind::Expiry => 3,
        Kind::Confirmation => 4,
        Kind::Lapse => 5,
        Kind::AccrualReversal | Kind::Amendment => 6,
        Kind::Capture => 7,
        Kind::Cancellation => 8,
        Kind::RedemptionReversal => 9,
        Kind::Adjustment => 10,
        Kind::TransferOut => 11,
        Kind::TransferIn => 12,
        Kind::MergeOut => 13,
        Kind::MergeIn => 14,
        Kind::TierChange => 15,
        Kind::TierOverride => 16,
        Kind::Plan => 17,
        Kind::PlanEnd => 18,
        Kind::EntitlementUse => 19,
        Kind::Notice => 20,
        Kind::Change => 21,
        Kind::ReferralPayment => 22,
        Kind::CodeUse => 23,
        Kind::PlanReversal => 24,
        Kind::Erasure => 25,
        Kind::TierNotice => 26,
    }
}

#[test]
fn an_account_is_rebuilt_from_every_kind_of_entry_as_it_is_written() {
    let (rules, club) = story();
    let mut seen = BTreeSet::new();
    for Member { account, ledger, .. } in club.members.values() {
        // As read back from their text.
        let read = |sealed: &Sealed| Sealed::read(sealed.text.clone(), sealed.previous, sealed.hash).unwrap();
        let ledger: Vec<_> = ledger.iter().map(read).collect();
        assert_eq!(rebuilt_from(rules.versions(), &ledger, account), *account, "{}", account.member);
        seen.extend(ledger.iter().map(|sealed| place(sealed.entry.kind())));
    }
    assert_eq!(seen, (0..=26).collect(), "every kind is in the story");
    club.assert_proven();
}

type Change = fn(&mut Account);

#[test]
fn an_account_that_was_changed_differs_from_what_its_ledger_makes() {
    let (rules, club) = story();
    let member = club.get(M);
    let changes: [(&str, Change); 24] = [
        ("a balance", |account| account.lots = lots(&[("2028-11-30", 1)])),
        ("what waits", |account| account.pending = std::iter::empty().collect()),
        ("what is owed", |account| account.owed += Points::new(1)),
        ("the tier", |account| account.tier = Some("silver".parse().unwrap())),
        ("no tier", |account| account.tier = None),
        ("use of a cap", |account| {
            let uses = [(Interval::of(Every::Year, on("2028-01-01")), 1)].into();
            account.cap_use = [("reward/tea".parse().unwrap(), uses)].into_iter().collect();
        }),
        ("steps", |account| drop(account.steps.insert("card".parse().unwrap(), Steps::counted(1)))),
        ("what counted", |account| *account.qualifying.entry(on("2028-01-01")).or_default() = Qualifying::default()),
        ("what is secured", |account| {
            account.secured.push(Secured { tier: "gold".parse().unwrap(), through: on("2028-12-31") });
        }),
        ("a promise", |account| {
            let (tier, until) = ("gold".parse().unwrap(), None);
            account.promised.push(Promise { tier, until, version: 1, grace_days: 0, as_of: None });
        }),
        ("a plan", |account| {
            account.plans = vec![plan_term("plus", "2028-05-20", "2028-06-19")];
        }),
        ("the status", |account| account.status = Status::Suspended),
        ("a referral's debt", |account| {
            account.referral_debts = vec![ReferralDebt {
                to: member_id("m-9"),
                friend: account.member.clone(),
                purchase: crate::world::entry_id("order-1"),
                occurred_at: account.enrolled_at,
                version: 1,
            }];
        }),
        ("the referral", |account| account.referral = Some(Referral { by: member_id("m-9"), is_over: false })),
        ("merged members", |account| account.merged_from.clear()),
        ("the extension", |account| account.extended_to = Some(on("2029-01-01"))),
        ("the notices", |account| account.noticed_through = Some(on("2029-01-01"))),
        ("the notices of levels", |account| account.tier_noticed_through = Some(on("2029-01-01"))),
        ("the last birthday", |account| account.birthday_on = Some(on("2028-01-01"))),
        ("when the member joined", |account| account.enrolled_at = at("2026-10-31")),
        ("the version of the rules", |account| account.program_version = 1),
        ("the number of entries", |account| account.seq += 1),
        ("the newest hash", |account| account.head_hash = Hash::from([7; 32])),
        ("the next review", |account| account.review_on = Some(on("2031-01-01"))),
    ];
    for (what, change) in changes {
        let mut other = member.account.clone();
        change(&mut other);
        assert_ne!(other, member.account, "{what} was not changed");
        assert_ne!(rebuilt_from(rules.versions(), &member.ledger, &other), other, "{what}");
    }
}

#[test]
fn a_ledger_that_cannot_be_followed_says_why_and_leaves_the_account_as_it_was() {
    let (rules, club) = story();
    let member = club.get(M);
    let account = &member.account;
    let begun = |versions| Rebuilding::new(versions, account.program.clone(), account.member.clone());
    let mut without_beginning = begun(rules.versions());
    assert_eq!(without_beginning.follow(&member.ledger[1]), Err(LedgerBroken::NoEnrollment));
    assert_eq!(without_beginning.finish(account.settled_at), Ok(None));

    let first_alone = rules.loaded(&[1]);
    let mut rebuilding = begun(&first_alone);
    let followed = member.ledger.iter().map(|sealed| rebuilding.follow(sealed)).take_while(Result::is_ok).count();
    let next = &member.ledger[followed].entry;
    assert!(next.posted_at >= at("2027-02-01"), "the first entry of which the second version is a part: {next:?}");
    assert_eq!(rebuilding.follow(&member.ledger[followed]), Err(LedgerBroken::VersionMissing(2)));
    // With the version, it continues from where it was.
    let before = rebuilding.finish(at("2027-01-31")).unwrap().unwrap();
    let mut resumed = Rebuilding::resume(rules.versions(), before);
    for sealed in &member.ledger[followed..] {
        resumed.follow(sealed).unwrap();
    }
    let rebuilt = resumed.finish(account.settled_at).unwrap().unwrap();
    assert_eq!(
        (rebuilt.lots, rebuilt.tier, rebuilt.head_hash),
        (account.lots.clone(), account.tier.clone(), account.head_hash)
    );
}
