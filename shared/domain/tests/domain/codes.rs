//! Codes of rewards: which reward gives one, when there is none, how one is used, and how one ends.

use regulars_domain::{
    account::Status,
    code::{Code, CodeEnd, CodeState, CodeTerms, GivenCode, Holder},
    code_use::CodeUseRefusal,
    entry::{CodeUsed, Kind, Record},
    money::Money,
    points::Points,
    program::Program,
    redeem::{Redeem, RedeemRefusal, redeem},
    redemption::{Part, RedemptionRefusal},
};
use serde_json::{Value, json};

use crate::{
    counting::decided,
    world::{Member, Rulebook, at, entry_id, euro, lots, on, program, request},
};

const NOW: &str = "2026-11-21";

/// Returns a program with one reward, `card`, for 100 points, with these `fields`.
fn with_card(fields: &Value) -> Rulebook {
    let mut reward = json!({ "id": "card", "name": "A gift card", "kind": "voucher", "cost": { "points": 100 } });
    reward.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    program(json!({ "rewards": [reward] }))
}

/// Returns a member with points, and this code for the next redemption.
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
            terms: CodeTerms::default(),
        };
        assert_eq!(posting.codes, is_pooled.map(given).into_iter().collect::<Vec<_>>(), "{source}");
        // The entry has it, so that a repeat of the request gets the same answer.
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
        // The catalogue generates no code; it only shows whether one would be available.
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
fn the_code_of_an_undone_redemption_is_void_even_if_its_piece_goes_back() {
    let program = with_card(&json!({ "codes": "pool", "stock": 1 }));
    let mut member = member(&program, 200, Some("A1"));
    member.redeems(&program, at(NOW), "r-1", "card", None).unwrap();
    member.undoes(&program, at(NOW), "u-1", "r-1", true).unwrap();
    assert!(member.totals.values().all(|taken| *taken == 0), "the piece is back");
    assert_eq!(member.kept[&"A1".parse().unwrap()].end, Some(CodeEnd::Void));
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

/// The refusals of a use, in their order.
pub(crate) const GROUNDS: [&str; 9] = [
    "Inactive",
    "NotGiven",
    "Void",
    "Used",
    "Expired",
    "MoneyMissing",
    "MoneyUnexpected",
    "CurrencyMismatch",
    "BalanceTooSmall",
];

fn dollars(amount: i64) -> Money {
    Money { currency: "USD".parse().unwrap(), ..euro(amount) }
}

/// A member who was given the code `A1` of a card on 21 November under these terms.
fn with_code(fields: &Value) -> (Rulebook, Member) {
    let mut all = json!({ "codes": "pool" });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let program = with_card(&all);
    let mut member = member(&program, 1_000, Some("A1"));
    member.redeems(&program, at(NOW), "r-1", "card", None).unwrap();
    (program, member)
}

fn with_balance() -> (Rulebook, Member) {
    with_code(&json!({ "value": { "amount": 1_000, "currency": "EUR" } }))
}

#[test]
fn the_first_of_several_reasons_to_refuse_the_use_of_a_code_is_returned() {
    // Whether money is missing or unexpected depends on the reward, so errors of money come in two sets.
    let with_balance = ["MoneyMissing", "CurrencyMismatch", "BalanceTooSmall"];
    let without = ["MoneyUnexpected"];
    for (has_balance, money) in [(true, with_balance.as_slice()), (false, without.as_slice())] {
        // A code ends once, so it is not both void and used.
        for end in ["Void", "Used"] {
            let grounds = [["Inactive", "NotGiven", end, "Expired"].as_slice(), money].concat();
            for bits in 0..1_usize << grounds.len() {
                let grounds: Vec<_> =
                    grounds.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1).map(|(_, it)| *it).collect();
                let has = |ground: &str| grounds.contains(&ground);
                let mut fields = json!({ "codes_valid_days": 7 });
                if has_balance {
                    fields["value"] = json!({ "amount": 1_000, "currency": "EUR" });
                }
                let (program, mut member) = with_code(&fields);
                if has("Inactive") {
                    member.account.status = Status::Closed;
                }
                let kept = member.kept.values_mut().next().unwrap();
                if has("NotGiven") {
                    let other = Holder { member: "m-2".parse().unwrap(), redemption: entry_id("r-1") };
                    kept.holder = (!has("Expired")).then_some(other);
                }
                kept.end = match (has("Void"), has("Used")) {
                    (true, _) => Some(CodeEnd::Void),
                    (false, true) => Some(CodeEnd::Used),
                    (false, false) => None,
                };
                let day = if has("Expired") { "2026-11-29" } else { "2026-11-28" };
                let amount = if has("BalanceTooSmall") { 1_001 } else { 1_000 };
                let money = match (has("CurrencyMismatch"), has("MoneyMissing") || !has_balance) {
                    (_, true) => has("MoneyUnexpected").then(|| euro(1)),
                    (true, false) => Some(dollars(amount)),
                    (false, false) => Some(euro(amount)),
                };
                let refused = member.uses_code(&program, at(day), "use-1", "A1", money).err();
                let name = refused.as_ref().map(|refusal| {
                    let text = format!("{refusal:?}");
                    text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
                });
                assert_eq!(name.as_deref(), grounds.first().copied(), "{grounds:?}");
                assert!(refused.is_none_or(|refusal| !refusal.to_string().is_empty()));
            }
        }
    }
}

#[test]
fn a_code_is_used_once_and_its_use_is_an_entry_that_changes_no_points() {
    let (program, mut member) = with_code(&json!({}));
    let before = member.balances();
    let entry = member.uses_code(&program, at(NOW), "use-1", "A1", None).unwrap();
    let used = CodeUsed { reward: "card".parse().unwrap(), money: None, left: None };
    assert_eq!((entry.kind(), entry.record.clone()), (Kind::CodeUse, Record::CodeUse(used)));
    assert_eq!((entry.points(), entry.refers_to, member.balances()), (Points::ZERO, Some(entry_id("r-1")), before));
    assert_eq!(member.kept[&"A1".parse().unwrap()].state(on(NOW)), CodeState::Used);
    let again = member.uses_code(&program, at(NOW), "use-2", "A1", None);
    assert_eq!(again, Err(CodeUseRefusal::Used));
}

#[test]
fn a_balance_is_used_in_parts_until_nothing_is_left() {
    let (program, mut member) = with_balance();
    let code: Code = "A1".parse().unwrap();
    for (amount, left, state) in
        [(400, Ok(600), CodeState::Given), (601, Err(600), CodeState::Given), (600, Ok(0), CodeState::Used)]
    {
        let key = format!("use-{amount}");
        let entry = member.uses_code(&program, at(NOW), &key, "A1", Some(euro(amount)));
        match left {
            Ok(left) => {
                let (money, left) = (Some(euro(amount)), Some(euro(left)));
                let used = CodeUsed { reward: "card".parse().unwrap(), money, left };
                assert_eq!(entry.unwrap().record, Record::CodeUse(used));
            }
            Err(left) => assert_eq!(entry, Err(CodeUseRefusal::BalanceTooSmall { left: euro(left) })),
        }
        assert_eq!(member.kept[&code].state(on(NOW)), state, "{amount}");
    }
    assert_eq!(member.uses_code(&program, at(NOW), "use-1", "A1", Some(euro(1))), Err(CodeUseRefusal::Used));
}

#[test]
fn a_code_can_be_used_through_its_last_day_in_the_time_zone_of_the_program() {
    // Given on 21 November for 90 days.
    let last = on("2027-02-19");
    for (when, is_good) in [
        ("2027-02-19T23:59", true),
        ("2027-02-20T00:00", false),
        ("2027-02-19T20:59:59Z", true),
        ("2027-02-19T21:00:00Z", false),
    ] {
        let (program, mut member) = with_code(&json!({ "codes_valid_days": 90 }));
        assert_eq!(member.entry("r-1").redeemed().unwrap().code_expires_on, Some(last));
        let used = member.uses_code(&program, at(when), "use-1", "A1", None).map(|_| ());
        assert_eq!(used, if is_good { Ok(()) } else { Err(CodeUseRefusal::Expired { on: last }) }, "{when}");
    }
}

#[test]
fn a_code_keeps_the_terms_under_which_it_was_given() {
    let (program, mut member) =
        with_code(&json!({ "codes_valid_days": 1, "value": { "amount": 500, "currency": "EUR" } }));
    let terms = CodeTerms { expires_on: Some(on("2026-11-22")), value: Some(euro(500)) };
    assert_eq!((member.codes[0].terms, member.kept[&"A1".parse().unwrap()].terms), (terms, terms));
    let redeemed = member.entry("r-1").redeemed().unwrap().clone();
    assert_eq!((redeemed.code_expires_on, redeemed.code_value), (terms.expires_on, terms.value));
    let next = program.then(at("2026-11-22"), &crate::world::document(json!({})));
    member.uses_code(&next, at("2026-11-22"), "use-1", "A1", Some(euro(500))).unwrap();
}

#[test]
fn a_redemption_whose_code_was_used_cannot_be_undone_and_of_a_balance_the_rest_can() {
    // The part of the value that was used, the part that is reversed, and the points of 100 that return.
    let refused = |left| Err(RedemptionRefusal::MoreThanSpent { left: Points::new(left) });
    let part = |points| Part::Points(Points::new(points));
    for (used, part, expected) in [
        (0, Part::Rest, Ok(100)),
        (0, part(30), Ok(30)),
        (1, Part::Rest, Ok(99)),
        (333, Part::Rest, Ok(66)),
        (333, part(66), Ok(66)),
        (333, part(67), refused(66)),
        (990, Part::Rest, Ok(1)),
        (991, Part::Rest, refused(0)),
        (1_000, Part::Rest, Err(RedemptionRefusal::CodeUsed)),
        (1_000, part(1), Err(RedemptionRefusal::CodeUsed)),
    ] {
        let limit = json!({ "codes": "pool", "stock": 1, "limit": { "times": 1, "every": "ever" },
                            "value": { "amount": 1_000, "currency": "EUR" } });
        let (program, mut member) = with_code(&limit);
        if used > 0 {
            member.uses_code(&program, at(NOW), "use-1", "A1", Some(euro(used))).unwrap();
        }
        let undone = member.undoes_part(&program, at(NOW), "u-1", "r-1", (part, true));
        assert_eq!(undone.clone().map(|entry| entry.points().get()), expected, "{used} {part:?}");
        let is_whole = expected == Ok(100);
        let state = match (&undone, is_whole) {
            (Ok(_), true) => "reversed",
            (Ok(_), false) => "partly_reversed",
            (Err(_), _) => "captured",
        };
        assert_eq!(member.state("r-1"), state, "{used} {part:?}");
        // The piece and the use under the limit return only if all of it does.
        assert_eq!(member.totals.values().all(|taken| *taken == 0), is_whole, "{used} {part:?}");
        assert_eq!(member.account.cap_use.iter().next().is_none(), is_whole, "{used} {part:?}");
        let kept = &member.kept[&"A1".parse().unwrap()];
        let end = match expected {
            Ok(_) => Some(CodeEnd::Void),
            Err(RedemptionRefusal::CodeUsed) => Some(CodeEnd::Used),
            Err(_) => None,
        };
        assert_eq!(kept.end, end, "{used} {part:?}");
    }
}

#[test]
fn the_first_part_of_a_redemption_that_is_undone_makes_the_code_void_and_the_next_leaves_it_so() {
    for fields in [json!({}), json!({ "value": { "amount": 1_000, "currency": "EUR" } })] {
        let (program, mut member) = with_code(&fields);
        let part = |points| (Part::Points(Points::new(points)), true);
        member.undoes_part(&program, at(NOW), "u-1", "r-1", part(30)).unwrap();
        assert_eq!(member.uses_code(&program, at(NOW), "use-1", "A1", None), Err(CodeUseRefusal::Void));
        member.undoes_part(&program, at(NOW), "u-2", "r-1", part(30)).unwrap();
        let rest = member.undoes(&program, at(NOW), "u-3", "r-1", true).unwrap();
        assert_eq!((rest.points().get(), member.state("r-1")), (40, "reversed"));
    }
}

#[test]
fn an_expired_or_void_code_does_not_keep_its_redemption_from_being_undone() {
    let (program, mut member) = with_code(&json!({ "codes_valid_days": 1 }));
    let mut voided = member.clone();
    let kept = voided.kept.values_mut().next().unwrap();
    *kept = kept.after_void().unwrap();
    assert_eq!(kept.after_void(), None);
    let (mut expired, later) = (member.clone(), at("2026-12-24"));
    for (member, when) in [(&mut member, at(NOW)), (&mut voided, at(NOW)), (&mut expired, later)] {
        member.undoes(&program, when, "u-1", "r-1", true).unwrap();
        assert_eq!(member.kept[&"A1".parse().unwrap()].state(on("2026-12-25")), CodeState::Void);
    }
}
