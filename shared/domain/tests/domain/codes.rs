//! Codes that rewards give away: which reward gives one, when there is none, and that none is ever taken back.

use regulars_domain::{
    code::{Code, GivenCode},
    points::Points,
    program::Program,
    redeem::{Redeem, RedeemRefusal, redeem},
};
use serde_json::{Value, json};

use crate::{
    counting::decided,
    world::{Member, Rulebook, at, lots, program, request},
};

const NOW: &str = "2026-11-21";

/// A program with one reward, `card`, for 100 points but for what `fields` say.
fn with_card(fields: &Value) -> Rulebook {
    let mut reward = json!({ "id": "card", "name": "A gift card", "kind": "voucher", "cost": { "points": 100 } });
    reward.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    program(json!({ "rewards": [reward] }))
}

/// A member with so many points, to whom this code would be given.
fn member(program: &Rulebook, points: i64, code: Option<&str>) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.account.lots = lots(&[("never", points)]);
    member.code = code.map(|code| code.parse().unwrap());
    member
}

#[test]
fn a_reward_gives_the_code_that_is_at_hand_if_it_has_codes() {
    let code: Code = "7K3M-9QXT".parse().unwrap();
    for (source, is_pooled) in [("none", None), ("generated", Some(false)), ("pool", Some(true))] {
        let program = with_card(&json!({ "codes": source }));
        let mut member = member(&program, 100, None);
        let wish = Redeem { reward: "card".parse().unwrap(), money: None, hold_seconds: None };
        let settled = member.settled(&program, at(NOW));
        let posting =
            redeem(settled, &request("r-1"), &wish, &regulars_domain::counter::Counters::default(), Some(&code))
                .unwrap();
        let given = |is_pooled| GivenCode {
            reward: "card".parse().unwrap(),
            code: code.clone(),
            member: "m-1".parse().unwrap(),
            redemption: "r-1".parse().unwrap(),
            is_pooled,
        };
        assert_eq!(posting.codes, is_pooled.map(given).into_iter().collect::<Vec<_>>(), "{source}");
        // The entry keeps it, so that a repeat of the request is answered with the same.
        let sealed = posting.own.entries.last().unwrap();
        let kept = sealed.entry.redeemed().unwrap().code.clone();
        assert_eq!(kept, is_pooled.map(|_| code.clone()), "{source}");
        assert_eq!(sealed.text.contains(r#""code":"7K3M-9QXT""#), is_pooled.is_some(), "{source}");
    }
}

#[test]
fn without_a_code_a_reward_that_gives_one_is_out_of_stock() {
    for (source, told, done) in [("none", true, true), ("generated", true, false), ("pool", false, false)] {
        let program = with_card(&json!({ "codes": source }));
        let mut member = member(&program, 100, None);
        let settled = member.settled(&program, at(NOW));
        // Nobody makes a code for a catalogue, which only tells whether one could be had.
        let catalogue = decided(&member.totals, |counters| settled.can_redeem(&program.rewards[0], counters, None));
        assert_eq!(
            catalogue,
            if told { Ok(Points::new(100)) } else { Err(RedeemRefusal::RewardOutOfStock) },
            "{source}"
        );
        let redeemed = member.redeems(&program, at(NOW), "r-1", "card", None).map(|_| ());
        assert_eq!(redeemed, if done { Ok(()) } else { Err(RedeemRefusal::RewardOutOfStock) }, "{source}");
    }
}

#[test]
fn an_empty_pool_is_looked_at_after_the_limit_and_before_the_points() {
    let limit = json!({ "times": 1, "every": "ever" });
    for (code, points, limited, expected) in [
        (None, 0, true, Err(RedeemRefusal::RewardLimitReached)),
        (None, 0, false, Err(RedeemRefusal::RewardOutOfStock)),
        (None, 100, false, Err(RedeemRefusal::RewardOutOfStock)),
        (
            Some("A1"),
            0,
            false,
            Err(RedeemRefusal::InsufficientPoints { cost: Points::new(100), missing: Points::new(100) }),
        ),
        (Some("A1"), 100, false, Ok(())),
    ] {
        let program = with_card(&json!({ "codes": "pool", "limit": &limit }));
        let mut member = member(&program, 100, Some("A0"));
        if limited {
            member.redeems(&program, at(NOW), "r-0", "card", None).unwrap();
        }
        member.account.lots = if points == 0 { lots(&[]) } else { lots(&[("never", points)]) };
        member.code = code.map(|code| code.parse().unwrap());
        assert_eq!(member.redeems(&program, at(NOW), "r-1", "card", None).map(|_| ()), expected);
    }
}

#[test]
fn the_code_of_an_undone_redemption_stays_given_even_if_its_piece_goes_back() {
    let program = with_card(&json!({ "codes": "pool", "stock": 1 }));
    let mut member = member(&program, 200, Some("A1"));
    member.redeems(&program, at(NOW), "r-1", "card", None).unwrap();
    member.undoes(&program, at(NOW), "u-1", "r-1", true).unwrap();
    assert!(member.totals.values().all(|taken| *taken == 0), "the piece is back");
    assert_eq!(member.codes.len(), 1);
    let entry = member.entry("r-1");
    assert_eq!(entry.redeemed().unwrap().code, Some("A1".parse().unwrap()));
    member.code = Some("A2".parse().unwrap());
    member.redeems(&program, at(NOW), "r-2", "card", None).unwrap();
    assert_eq!(member.codes.iter().map(|given| given.code.as_str()).collect::<Vec<_>>(), ["A1", "A2"]);
}

#[test]
fn a_reward_with_codes_cannot_be_held() {
    for source in ["generated", "pool"] {
        let reward = json!({ "id": "card", "name": "A gift card", "kind": "voucher", "cost": { "points": 100 },
                             "codes": source, "hold_seconds_max": 60 });
        let mut document = crate::world::document(json!({ "rewards": [reward] }));
        let faults = Program::read(&document, 1).unwrap_err();
        let faults: Vec<_> = faults.iter().map(|fault| (fault.at.as_str(), fault.code)).collect();
        assert_eq!(faults, [("/rewards/0/hold_seconds_max", "contradiction")], "{source}");
        document["rewards"][0]["codes"] = json!("none");
        assert!(Program::read(&document, 1).is_ok());
    }
}
