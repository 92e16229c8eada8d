//! Random histories of versions: settling an account at extra moments never changes what becomes of it.

use jiff::SignedDuration;
use proptest::prelude::*;
use regulars_domain::{account::AttributeValue, entry::Kind, hash::Hash};
use serde_json::json;

use super::Member;
use crate::{
    lives::{Life, Step, any_look, any_step, told},
    world::{at, document, on, program_of},
};

proptest! {
    #![proptest_config(crate::cases::cases(150))]

    #[test]
    fn settling_at_extra_moments_never_changes_what_becomes_of_an_account(
        first in any_look(),
        steps in prop::collection::vec((any::<bool>(), any_step()), 1..25),
        moments in prop::collection::vec(0..1440_i64, 25),
    ) {
        let (mut life, mut plain) = Life::begin(first);
        let mut touched = plain.clone();
        for (n, ((is_touched, step), minutes)) in steps.into_iter().zip(moments).enumerate() {
            let key = format!("step-{n}");
            if is_touched {
                let between = if let Step::Wait { minutes: all } = &step {
                    SignedDuration::from_mins(all * minutes / 1440)
                } else {
                    SignedDuration::ZERO
                };
                touched.member.is_touched(&life.rulebook, life.now.checked_add(between).unwrap());
            }
            life.go_on(&step);
            let [did, touched_did] = [&mut plain, &mut touched].map(|people| people.act(&life, &step, &key));
            prop_assert_eq!(&did, &touched_did, "{} {:?}", key, step);
            if did.starts_with("Ok") {
                life.note(&step, &key);
            }
        }
        let [plain, touched] = [&mut plain.member, &mut touched.member];
        for days in [0, 45, 400] {
            let now = life.now.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
            prop_assert_eq!(touched.account_at(&life.rulebook, now), plain.account_at(&life.rulebook, now), "{} days later", days);
        }
        let end = life.now.checked_add(SignedDuration::from_hours(24 * 400)).unwrap();
        plain.reviewed(&life.rulebook, end);
        touched.reviewed(&life.rulebook, end);
        prop_assert_eq!(told(touched, &life.rulebook), told(plain, &life.rulebook));
        let changed = touched.ledger.iter().find(|sealed| sealed.entry.kind() == Kind::Change && sealed.entry.effects.tier_change.is_some());
        prop_assert_eq!(changed, None, "a tier that time changed has its own entry");
        touched.assert_proven();
        plain.assert_proven();
    }
}

#[test]
fn a_state_that_differs_is_found() {
    let rulebook = program_of(&document(json!({ "attributes": [{ "id": "birthday", "type": "date" }] })));
    let mut member = Member::joins(&rulebook, "2026-11-21");
    let before = member.account_at(&rulebook, at("2026-12-01"));
    assert_eq!((before.seq, before.version, before.head_hash), (0, 0, Hash::from([0; 32])));
    member.set_attribute("birthday", AttributeValue::Date(on("1990-05-03")));
    assert_ne!(member.account_at(&rulebook, at("2026-12-01")), before);
}
