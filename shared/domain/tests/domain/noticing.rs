//! Expiry notices: one before each day on which points expire, on the right day.

use regulars_domain::{
    account::Status,
    calendar::days_after,
    entry::{By, Entry, Kind},
    hold::Hold,
    lots::{Expiry, LotChange, Lots},
    points::Points,
    settle::{Settlement, settle},
};
use serde_json::{Value, json};

use crate::{
    club::Club,
    world::{Member, Rulebook, at, changes, document, expiring, lots, lots_of, on, program_of, purchase},
};

/// Returns a program with a point per cent, and this policy on points.
fn with(points: &Value) -> Rulebook {
    program_of(&document(json!({
        "points": points,
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
        "rewards": [{ "id": "coffee", "name": "A coffee", "kind": "product", "cost": { "points": 30 },
                      "hold_seconds_max": 3600 }],
    })))
}

/// Points live for a year, to the end of the month.
fn a_year() -> Rulebook {
    with(&json!({ "expiry": { "after_months": 12 }, "backdating_days_max": 365 }))
}

/// Points live for exactly a year.
fn a_year_to_the_day() -> Rulebook {
    with(&json!({ "expiry": { "after_months": 12, "rounded_to": "exact_day" }, "backdating_days_max": 365,
                  "usable_days_min": 0 }))
}

/// A member with these lots.
fn member(program: &Rulebook, parts: &[(&str, i64)]) -> Member {
    let mut member = Member::joins(program, "2026-11-01");
    member.account.lots = lots(parts);
    member
}

type Told = (String, String, i64);

/// Returns the notices of entries, as in a table: the day of the notice, the last day of the points, and how many.
fn told<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Told> {
    let istanbul = jiff::tz::TimeZone::get("Europe/Istanbul").unwrap();
    let notices = entries.into_iter().filter(|entry| entry.kind() == Kind::Notice);
    notices
        .map(|entry| {
            let expiring = expiring(entry).unwrap();
            let day = istanbul.to_datetime(entry.occurred_at).date();
            (day.to_string(), expiring.on.to_string(), expiring.points.get())
        })
        .collect()
}

/// Returns all notices of a member.
fn told_to(member: &Member) -> Vec<Told> {
    told(member.ledger.iter().map(|sealed| &sealed.entry))
}

fn table(parts: &[(&str, &str, i64)]) -> Vec<Told> {
    parts.iter().map(|(day, on, points)| ((*day).to_owned(), (*on).to_owned(), *points)).collect()
}

#[test]
fn a_notice_is_written_thirty_days_before_the_last_one_in_the_programs_zone() {
    for (zone, last_moment, first_moment) in [
        ("Europe/Istanbul", "2027-04-30T20:59:59Z", "2027-04-30T21:00:00Z"),
        ("UTC", "2027-04-30T23:59:59Z", "2027-05-01T00:00:00Z"),
        ("America/Los_Angeles", "2027-05-01T06:59:59Z", "2027-05-01T07:00:00Z"),
    ] {
        let mut document = document(json!({ "points": { "expiry": { "after_months": 12 } } }));
        document["time_zone"] = json!(zone);
        let program = program_of(&document);
        let mut member = member(&program, &[("2027-05-31", 30), ("2027-06-30", 12)]);
        assert_eq!(member.reviewed(&program, at(last_moment)), [], "{zone}");
        let [entry] = member.reviewed(&program, at(first_moment)).try_into().unwrap();
        assert_eq!((entry.kind(), entry.id.as_str(), entry.by), (Kind::Notice, "~expiring~2027-05-31", By::Engine));
        assert_eq!((changes(&entry), entry.effects.lots.len(), entry.expires_on()), ([0; 5], 0, None));
        assert!(
            entry.canonical().contains(r#","kind":"notice","record":{"on":"2027-05-31","points":30},"#),
            "{}",
            entry.canonical()
        );
        assert_eq!(entry.occurred_at, at(first_moment), "{zone}");
        assert_eq!(lots_of(&member.account), [("2027-05-31".to_owned(), 30), ("2027-06-30".to_owned(), 12)]);
        assert_eq!(member.account.review_on, Some(on("2027-05-31")), "the notice of the next lot");
        member.assert_proven();
    }
}

#[test]
fn each_last_day_has_one_notice_and_each_review_one_thing_to_tell() {
    let program = a_year();
    let mut member = member(&program, &[("2027-02-28", 1), ("2027-03-31", 2), ("2027-04-30", 4), ("never", 8)]);
    member.reviewed(&program, at("2026-11-02"));
    member.adjusts(&program, at("2026-11-02"), "a-1", -1).unwrap();
    let mut reviews = Vec::new();
    while let Some(day) = member.account.review_on {
        let entries = member.reviewed(&program, day.to_zoned(program.zone.clone()).unwrap().timestamp());
        assert!(!entries.is_empty(), "a review that writes nothing on {day}");
        reviews.push((day.to_string(), entries.iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>().join(" ")));
        assert!(entries.iter().all(|entry| program.date(entry.occurred_at) == day));
    }
    let expected = [
        ("2027-03-01", "~expiring~2027-03-31"),
        ("2027-03-31", "~expiring~2027-04-30"),
        ("2027-04-01", "~expiry~2027-03-31"),
        ("2027-05-01", "~expiry~2027-04-30"),
    ];
    assert_eq!(reviews, expected.map(|(day, ids)| (day.to_owned(), ids.to_owned())));
    assert_eq!(member.account.noticed_through, None, "what is over is not remembered");
}

type Act = fn(&mut Member, &Rulebook);
type Notices = &'static [(&'static str, &'static str, i64)];

#[test]
fn late_points_get_their_notice_at_the_beginning_of_the_next_day_and_each_day_has_one() {
    let later = at("2027-05-10");
    // Each on 10 May, when 31 May has its notice and 9 June gets one a day later.
    let acts: [(&str, Act, Notices); 7] = [
        ("nothing", |_, _| (), &[]),
        (
            "a late purchase",
            |member, program| {
                member.earns_at(program, at("2027-05-10"), "e", &purchase("2026-06-05", json!(70))).unwrap();
            },
            &[("2027-05-11", "2027-06-05", 70)],
        ),
        (
            "one of a day that was told of",
            |member, program| {
                member.earns_at(program, at("2027-05-10"), "e", &purchase("2026-05-31", json!(70))).unwrap();
            },
            &[],
        ),
        (
            "one of a day before it",
            |member, program| {
                member.earns_at(program, at("2027-05-10"), "e", &purchase("2026-05-20", json!(70))).unwrap();
            },
            &[],
        ),
        (
            "one whose points are over today",
            |member, program| {
                member.earns_at(program, at("2027-05-10"), "e", &purchase("2026-05-10", json!(70))).unwrap();
            },
            &[],
        ),
        (
            "a redemption undone",
            |member, program| {
                member.undoes(program, at("2027-05-10"), "e", "r-1", true).unwrap();
            },
            &[("2027-05-11", "2027-06-02", 30)],
        ),
        (
            "a hold given up",
            |member, _| {
                member.account.holds.push(Hold {
                    redemption: "r-2".parse().unwrap(),
                    reward: "coffee".parse().unwrap(),
                    held_on: on("2027-05-09"),
                    expires_at: at("2027-05-10T14:00"),
                    lots: vec![LotChange(Expiry::On(on("2027-06-08")), Points::new(-5))],
                    program_version: 1,
                });
            },
            &[("2027-05-11", "2027-06-08", 5)],
        ),
    ];
    for (what, act, expected) in acts {
        let program = a_year_to_the_day();
        let mut member = member(&program, &[("2027-06-02", 30)]);
        member.redeems(&program, at("2026-12-01"), "r-1", "coffee", None).unwrap();
        member.account.lots = lots(&[("2027-05-31", 9), ("2028-01-01", 1)]);
        member.reviewed(&program, later);
        assert_eq!(told_to(&member), table(&[("2027-05-01", "2027-05-31", 9)]));
        act(&mut member, &program);
        assert_eq!(member.reviewed(&program, later), [], "{what}");
        let entries = member.reviewed(&program, at("2027-05-12"));
        assert_eq!(told(&entries), table(expected), "{what}");
        assert_eq!(member.reviewed(&program, at("2027-05-12")), [], "{what}");
        member.reviewed(&program, at("2027-06-01"));
        assert_eq!(told_to(&member).len(), 1 + expected.len(), "{what}");
        member.reviewed(&program, at("2027-05-12"));
    }
}

#[test]
fn a_late_review_writes_the_notice_with_the_points_of_its_own_day() {
    let program = a_year_to_the_day();
    let parts = [("2027-05-30", 1), ("2027-05-31", 2), ("2027-06-30", 4), ("2027-07-01", 8)];
    for (now, expected) in [
        ("2027-05-31T23:59", &[("2027-05-01", "2027-05-31", 2), ("2027-05-31", "2027-06-30", 4)][..]),
        ("2027-06-01T00:00", &[("2027-05-31", "2027-06-30", 4), ("2027-06-01", "2027-07-01", 8)]),
        ("2027-07-01T23:59", &[("2027-06-01", "2027-07-01", 8)]),
        ("2027-07-02T00:00", &[]),
    ] {
        let mut member = member(&program, &parts);
        let entries = member.reviewed(&program, at(now));
        assert_eq!(told(&entries), table(expected), "{now}");
        assert!(entries.iter().all(|entry| entry.posted_at == at(now)));
        member.assert_proven();
    }
}

#[test]
fn a_suspended_member_gets_notices_and_a_closed_one_does_not() {
    let program = a_year();
    let into = "m-2".parse().unwrap();
    for (status, notices) in
        [(Status::Active, 1), (Status::Suspended, 1), (Status::Closed, 0), (Status::Merged { into }, 0)]
    {
        let mut member = member(&program, &[("2027-05-31", 30)]);
        member.account.status = status.clone();
        let entries = member.reviewed(&program, at("2027-05-31"));
        assert_eq!(entries.len(), notices, "{status:?}");
        let over = member.reviewed(&program, at("2027-06-01"));
        assert_eq!(over.iter().map(Entry::kind).collect::<Vec<_>>(), [Kind::Expiry], "{status:?}");
    }
}

#[test]
fn notices_of_transferred_points_go_to_their_current_owner() {
    let program = a_year_to_the_day();
    let club = || {
        let mut club = Club::of(&program, "2026-11-01", &["m-1", "m-2"]);
        club.get_mut("m-1").account.lots = lots(&[("2027-05-20", 50), ("2027-05-31", 30)]);
        club.get_mut("m-2").account.lots = lots(&[("2027-05-25", 7)]);
        for id in ["m-1", "m-2"] {
            club.settled(&program, at("2027-05-10"), id);
        }
        assert_eq!(told_to(club.get("m-1")).len(), 2);
        assert_eq!(told_to(club.get("m-2")), table(&[("2027-04-25", "2027-05-25", 7)]));
        club
    };
    let expected = [("2027-04-25", "2027-05-25", 7), ("2027-05-11", "2027-05-31", 30)];
    let mut merged = club();
    merged.merges(&program, "2027-05-10", "merge-1", ("m-1", "m-2")).unwrap();
    assert_eq!((merged.get("m-1").account.review_on, merged.get("m-1").account.noticed_through), (None, None));
    let mut paid = club();
    paid.transfers(&program, "2027-05-10", "t-1", ("m-1", "m-2", 80)).unwrap();
    for mut club in [merged, paid] {
        assert_eq!(club.get("m-2").account.review_on, Some(on("2027-05-11")));
        for id in ["m-1", "m-2"] {
            club.settled(&program, at("2027-05-12"), id);
        }
        assert_eq!(told_to(club.get("m-2")), table(&expected));
        assert_eq!(told_to(club.get("m-1")).len(), 2);
        club.assert_proven();
    }
}

#[test]
fn a_program_sets_the_days_of_notices_or_turns_them_off() {
    let days = |days: i64| with(&json!({ "expiry": { "after_months": 12 }, "expiry_notice_days": days }));
    for (ahead, expected) in [
        (0, None),
        (1, Some("2027-05-30")),
        (7, Some("2027-05-24")),
        (30, Some("2027-05-01")),
        (90, Some("2027-03-02")),
    ] {
        let program = days(ahead);
        let mut member = member(&program, &[("2027-05-31", 30)]);
        let expected: Vec<_> = expected.into_iter().map(|day| (day, "2027-05-31", 30)).collect();
        assert_eq!(told(&member.reviewed(&program, at("2027-05-31"))), table(&expected), "{ahead}");
    }
    // Another version of the program repeats no notice, and writes at once those that it would have written earlier.
    let mut member = member(&days(30), &[("2027-05-31", 30), ("2027-06-30", 4), ("2027-07-31", 5)]);
    member.reviewed(&days(30), at("2027-05-02"));
    assert_eq!(member.reviewed(&days(0), at("2027-05-04")), []);
    member.reviewed(&days(90), at("2027-05-06"));
    let expected = [("2027-05-01", "2027-05-31", 30), ("2027-05-03", "2027-06-30", 4), ("2027-05-03", "2027-07-31", 5)];
    assert_eq!(told_to(&member), table(&expected));
}

#[test]
fn extended_points_get_another_notice_before_their_new_last_day() {
    let program = with(&json!({ "expiry": { "inactivity_months": 6 } }));
    let mut member = Member::joins(&program, "2026-11-01");
    member.earns(&program, "order-1", &purchase("2026-11-10", json!(100))).unwrap();
    assert_eq!(member.account.review_on, Some(on("2027-04-10")));
    member.reviewed(&program, at("2027-04-10"));
    member.earns(&program, "order-2", &purchase("2027-04-20", json!(1))).unwrap();
    assert_eq!(member.account.review_on, Some(on("2027-09-20")));
    member.reviewed(&program, at("2027-09-20"));
    let expected = [("2027-04-10", "2027-05-10", 100), ("2027-09-20", "2027-10-20", 101)];
    assert_eq!(told_to(&member), table(&expected));
}

#[test]
fn a_notice_includes_points_that_matured_at_the_beginning_of_its_day() {
    let program = with(&json!({ "expiry": { "fixed_dates": ["05-31"] }, "pending": { "days": 20 } }));
    for (bought_on, points) in [("2027-04-11", 37), ("2027-04-12", 30)] {
        let mut member = member(&program, &[("2027-05-31", 30)]);
        member.earns(&program, "order-1", &purchase(bought_on, json!(7))).unwrap();
        member.reviewed(&program, at("2027-05-31"));
        assert_eq!(told_to(&member), table(&[("2027-05-01", "2027-05-31", points)]), "{bought_on}");
    }
}

#[test]
fn many_notices_of_one_day_are_committed_before_the_command() {
    let program =
        with(&json!({ "expiry": { "after_months": 12, "rounded_to": "exact_day" }, "expiry_notice_days": 90 }));
    for (holds, parts) in [(10, 0), (11, 1), (20, 1)] {
        let mut member = Member::joins(&program, "2026-11-01");
        let days = (0..40).map(|n| days_after(on("2026-11-10"), n));
        member.account.lots = Lots::from_parts(days.map(|day| (Expiry::On(day), Points::new(1)))).unwrap();
        let hold = |n: usize| Hold {
            redemption: format!("r-{n}").parse().unwrap(),
            reward: "coffee".parse().unwrap(),
            held_on: on("2026-11-01"),
            expires_at: at("2026-11-01T13:00"),
            lots: vec![LotChange(Expiry::On(on("2026-11-10")), Points::new(-5))],
            program_version: 1,
        };
        member.account.holds = (0..holds).map(hold).collect();
        let mut behind = 0;
        while let Settlement::Behind(posting) = settle(program.versions(), member.account.clone(), at("2026-11-02")) {
            // The account, and what else a day may bring, within the hundred items of a transaction.
            assert_eq!(posting.own.entries.len(), holds + 40);
            member.commit_part(*posting);
            behind += 1;
        }
        assert_eq!(behind, parts, "{holds} holds");
        member.reviewed(&program, at("2026-11-02"));
        assert_eq!(told_to(&member).len(), 40);
        member.assert_proven();
    }
}
