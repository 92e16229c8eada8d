//! The published example of a first purchase, to the point.

use regulars_domain::{entry::Kind, tier::Because};
use serde_json::json;

use crate::world::{Member, at, example, line, lots_of, on, program_of, purchase};

#[test]
fn the_example_of_the_contract_holds_to_the_point() {
    let program = program_of(&example());
    let mut member = Member::joins_with(&program, "2026-11-20", &json!({ "city": "Izmir" }));
    assert_eq!((member.account.seq, member.account.version, member.spendable()), (1, 1, 25));

    let first = purchase(
        "2026-11-21T16:05",
        json!({
            "total": { "amount": 1250, "currency": "EUR" }, "channel": "app", "store": "kadikoy-1",
            "lines": [
                { "sku": "latte", "category": "coffee", "quantity": 1, "amount": 450 },
                { "sku": "yirgacheffe", "category": "beans", "quantity": 1, "amount": 800 }
            ]
        }),
    );
    let entry = member.earns(&program, "order-1001", &first).unwrap();

    assert_eq!((entry.kind(), entry.seq, entry.points().get()), (Kind::Accrual, 2, 48));
    let changes =
        [entry.pending(), entry.spendable(), entry.held(), entry.owed()].map(regulars_domain::points::Points::get);
    assert_eq!(changes, [0, 48, 0, 0]);
    assert_eq!(entry.expires_on(), Some(on("2027-11-30")));
    assert_eq!(entry.occurred_at, at("2026-11-21T16:05"));
    assert_eq!(entry.effects.tier_change, None);
    // Bronze gives nothing on top, and has no line.
    let breakdown: Vec<_> = entry.breakdown().iter().map(line).collect();
    let expected = [("base", 12, 12), ("beans-bag", 20, 20), ("app-order", 16, 16)];
    assert_eq!(breakdown, expected.map(|(rule, wanted, given)| (rule.to_owned(), wanted, given)));

    assert_eq!(member.spendable(), 73);
    assert_eq!(lots_of(&member.account), [("2027-11-30".to_owned(), 73)]);
    assert_eq!(member.account.version, 2);
    let settled = member.settled(&program, at("2026-11-22"));
    let standing = settled.standing().unwrap();
    assert_eq!(standing.level.map(|level| level.id.as_str()), Some("bronze"));
    assert_eq!((standing.because, standing.until, standing.keep.is_none()), (Because::Qualified, None, true));
    let next = standing.next.unwrap();
    assert_eq!((next.level.id.as_str(), next.by), ("silver", Some(on("2026-12-31"))));
    assert_eq!(next.amounts.iter().map(|(_, missing)| *missing).collect::<Vec<_>>(), [268]);
    member.assert_proven();
}

#[test]
fn a_reward_is_redeemed_for_its_points_and_once_a_day() {
    let program = program_of(&example());
    let mut member = Member::joins(&program, "2026-11-20");
    member.earns(&program, "order-1", &purchase("2026-11-21", json!(30_000))).unwrap();
    let entry = member.redeems(&program, at("2026-11-21T17:00"), "r-1", "free-coffee", None).unwrap();
    assert_eq!((entry.kind(), entry.points().get(), entry.spendable().get()), (Kind::Redemption, -100, -100));
    assert!(member.redeems(&program, at("2026-11-21T18:00"), "r-2", "free-coffee", None).is_err());
    assert!(member.redeems(&program, at("2026-11-22T00:00"), "r-2", "free-coffee", None).is_ok());
    member.assert_proven();
}
