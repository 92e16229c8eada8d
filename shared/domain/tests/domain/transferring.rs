//! Transfers: both accounts or neither, and no point lives longer.

use regulars_domain::{
    account::{Inactive, Status},
    entry::Kind,
    points::Points,
    transfer::TransferRefusal,
};
use serde_json::json;

use crate::{
    club::{Club, member_id},
    world::{Rulebook, changes, lots, lots_of, program},
};

const NOW: &str = "2026-11-21";

/// The refusals of a transfer, in their order.
pub(crate) const GROUNDS: [&str; 4] = ["Inactive", "OtherInactive", "PointsOverflow", "InsufficientPoints"];

fn two(program: &Rulebook) -> Club {
    let mut club = Club::of(program, NOW, &["m-1", "m-2"]);
    club.get_mut("m-1").account.lots = lots(&[("2026-11-30", 20), ("2026-12-31", 30), ("never", 50)]);
    club
}

#[test]
fn points_that_expire_soonest_go_first_and_keep_their_dates() {
    let program = program(json!({}));
    let mut club = two(&program);
    club.get_mut("m-2").account.lots = lots(&[("2026-12-31", 7)]);
    let [out, into] = club.transfers(&program, NOW, "t-1", ("m-1", "m-2", 40)).unwrap();
    assert_eq!((out.kind(), changes(&out)), (Kind::TransferOut, [-40, 0, -40, 0, 0]));
    assert_eq!((into.kind(), changes(&into)), (Kind::TransferIn, [40, 0, 40, 0, 0]));
    assert_eq!((out.counterparty(), into.counterparty()), (Some(&member_id("m-2")), Some(&member_id("m-1"))));
    assert_eq!(lots_of(&club.get("m-1").account), [("2026-12-31".to_owned(), 10), ("never".to_owned(), 50)]);
    assert_eq!(lots_of(&club.get("m-2").account), [("2026-11-30".to_owned(), 20), ("2026-12-31".to_owned(), 27)]);
}

#[test]
fn what_the_other_member_owes_is_paid_by_what_expires_soonest() {
    let program = program(json!({}));
    let mut club = two(&program);
    club.get_mut("m-2").account.owed = Points::new(25);
    let [out, into] = club.transfers(&program, NOW, "t-1", ("m-1", "m-2", 40)).unwrap();
    assert_eq!((changes(&out), changes(&into)), ([-40, 0, -40, 0, 0], [40, 0, 15, 0, -25]));
    assert_eq!(lots_of(&club.get("m-2").account), [("2026-12-31".to_owned(), 15)]);
    assert_eq!(club.balances("m-2"), [0, 15, 0, 0]);
}

#[test]
fn the_first_of_several_reasons_to_refuse_a_transfer_is_returned() {
    let program = program(json!({}));
    let grounds = GROUNDS;
    for subset in 0..16_u32 {
        let has = |ground: &str| subset & (1 << grounds.iter().position(|one| *one == ground).unwrap()) != 0;
        let mut club = two(&program);
        if has("Inactive") {
            club.get_mut("m-1").account.status = Status::Suspended;
        }
        if has("OtherInactive") {
            club.get_mut("m-2").account.status = Status::Merged { into: member_id("m-3") };
        }
        if has("PointsOverflow") {
            club.get_mut("m-2").account.lots = lots(&[("never", Points::MAX.get() - 39)]);
        }
        if has("InsufficientPoints") {
            club.get_mut("m-1").account.lots = lots(&[("never", 39)]);
        }
        let before = club.clone();
        let refusal = club.transfers(&program, NOW, "t-1", ("m-1", "m-2", 40)).err();
        let expected = grounds.into_iter().find(|ground| has(ground));
        let told = refusal.as_ref().map(|refusal| match refusal {
            TransferRefusal::Inactive(inactive) => {
                assert_eq!(*inactive, Inactive::Suspended);
                "Inactive"
            }
            TransferRefusal::OtherInactive(inactive) => {
                assert!(matches!(inactive, Inactive::Merged { .. }));
                "OtherInactive"
            }
            TransferRefusal::PointsOverflow => "PointsOverflow",
            TransferRefusal::InsufficientPoints { missing } => {
                assert_eq!(*missing, Points::new(1));
                "InsufficientPoints"
            }
        });
        assert_eq!(told, expected);
        if refusal.is_some() {
            for id in ["m-1", "m-2"] {
                assert_eq!(club.get(id).account, before.get(id).account, "nothing is half written");
            }
        }
    }
}
