//! The chain of hashes: a tampered ledger does not verify.

use regulars_domain::{
    chain::{ChainBroken, Sealed, verify},
    hash::Hash,
    id::{MemberId, ProgramId},
    points::Points,
};
use serde_json::json;

use crate::world::{Member, at, example, program_of, purchase};

fn ledger_of_five() -> Member {
    let program = program_of(&example());
    let mut member = Member::joins(&program, "2026-11-01");
    for n in 1..=3 {
        member.earns(&program, &format!("order-{n}"), &purchase("2026-11-21", json!(5_000))).unwrap();
    }
    member.redeems(&program, at("2026-11-22"), "r-1", "free-coffee", None).unwrap();
    assert_eq!(member.ledger.len(), 5);
    member
}

/// Asserts what is wrong with a ledger of five entries after `tamper`.
fn check(tamper: impl FnOnce(&mut Member), expected: &Result<(), ChainBroken>) {
    let mut member = ledger_of_five();
    tamper(&mut member);
    let account = &member.account;
    let proof = verify(&account.program, &account.member, &member.ledger, account.seq, &account.head_hash);
    assert_eq!(&proof, expected);
}

/// Returns the same entry with another text, as an attacker would write it.
fn rewritten(sealed: &Sealed, change: impl FnOnce(&mut regulars_domain::entry::Entry)) -> Sealed {
    let mut entry = sealed.entry.clone();
    change(&mut entry);
    let text = entry.canonical();
    assert_ne!(text, sealed.text);
    Sealed { entry, text, ..sealed.clone() }
}

#[test]
fn an_untampered_ledger_verifies_and_a_tampered_one_shows_where() {
    check(|_| {}, &Ok(()));
    check(|member| drop(member.ledger.remove(0)), &Err(ChainBroken::Gap { seq: 1 }));
    check(|member| drop(member.ledger.remove(2)), &Err(ChainBroken::Gap { seq: 3 }));
    check(|member| drop(member.ledger.pop()), &Err(ChainBroken::Head));
    check(|member| member.ledger.clear(), &Err(ChainBroken::Head));
    check(|member| member.ledger.swap(1, 2), &Err(ChainBroken::Gap { seq: 2 }));
    check(
        |member| {
            let copy = member.ledger[4].clone();
            member.ledger.push(copy);
        },
        &Err(ChainBroken::Gap { seq: 6 }),
    );
    for index in 0..5 {
        let seq = u64::try_from(index + 1).unwrap();
        check(
            |member| {
                member.ledger[index] = rewritten(&member.ledger[index], |entry| entry.effects.owed += Points::new(1));
            },
            &Err(ChainBroken::Changed { seq }),
        );
    }
    check(|member| member.account.head_hash = Hash::from([7; 32]), &Err(ChainBroken::Head));
    check(|member| member.account.seq = 6, &Err(ChainBroken::Head));
    check(|member| member.account.seq = 4, &Err(ChainBroken::Head));
}

#[test]
fn a_change_that_hides_its_own_hash_breaks_the_next_one() {
    // The second entry is changed and sealed again behind the first; the third no longer follows from it.
    let reseal = |member: &mut Member, index: usize| {
        let mut entry = member.ledger[index].entry.clone();
        entry.effects.owed += Points::new(1000);
        member.ledger[index] = Sealed::new(entry, &member.ledger[index - 1].hash);
    };
    check(|member| reseal(member, 1), &Err(ChainBroken::Changed { seq: 3 }));
    check(|member| reseal(member, 4), &Err(ChainBroken::Head));
}

#[test]
fn entries_that_swap_their_numbers_do_not_swap_their_places() {
    check(
        |member| {
            let second = rewritten(&member.ledger[1], |entry| entry.seq = 3);
            let third = rewritten(&member.ledger[2], |entry| entry.seq = 2);
            member.ledger[1] = third;
            member.ledger[2] = second;
        },
        &Err(ChainBroken::Changed { seq: 2 }),
    );
}

#[test]
fn a_ledger_is_one_members_of_one_program() {
    let member = ledger_of_five();
    let prove = |program: &str, name: &str| {
        let (program, name): (ProgramId, MemberId) = (program.parse().unwrap(), name.parse().unwrap());
        verify(&program, &name, &member.ledger, member.account.seq, &member.account.head_hash)
    };
    assert_eq!(prove("demo", "m-1"), Ok(()));
    assert_eq!(prove("demo", "m-2"), Err(ChainBroken::Changed { seq: 1 }));
    assert_eq!(prove("demo2", "m-1"), Err(ChainBroken::Changed { seq: 1 }));
    assert_ne!(
        Hash::genesis(&"a".parse().unwrap(), &"b-c".parse().unwrap()),
        Hash::genesis(&"a-b".parse().unwrap(), &"c".parse().unwrap()),
    );

    // An entry of another member's ledger, at the same position.
    let mut other = Member::joins(&program_of(&example()), "2026-11-02");
    other.earns(&program_of(&example()), "order-9", &purchase("2026-11-21", json!(100))).unwrap();
    check(|member| member.ledger[1] = other.ledger[1].clone(), &Err(ChainBroken::Changed { seq: 2 }));
}

#[test]
fn a_stored_text_and_hash_are_read_back_as_they_are() {
    for sealed in ledger_of_five().ledger {
        let read = Sealed::read(sealed.text.clone(), sealed.previous, sealed.hash).unwrap();
        assert_eq!(read.with_facts(sealed.facts.as_deref().cloned()).with_balance(sealed.balance), sealed);
        assert_eq!(sealed.entry.canonical(), sealed.text);
        assert_eq!(sealed.hash.to_string().parse::<Hash>(), Ok(sealed.hash));
        assert!(!sealed.text.contains('\n'));
    }
    for malformed in ["", "00", "zz", &"0".repeat(63), &"g".repeat(64), &"0".repeat(66)] {
        assert!(malformed.parse::<Hash>().is_err(), "{malformed:?}");
    }
    assert!(Sealed::read("{}".to_owned(), Hash::from([0; 32]), Hash::from([0; 32])).is_err());
}
