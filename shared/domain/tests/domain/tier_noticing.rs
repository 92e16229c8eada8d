//! Notices of levels that will be lost: once for each end, and only if the level would really be lost.

use regulars_domain::{
    account::Status,
    entry::{By, Entry, Kind, Record},
};
use serde_json::{Value, json};

use crate::{
    tiers::{tiers_document, with_tiers},
    world::{Member, Rulebook, at, changes, on, program_of, purchase},
};

/// A notice: its day, the level, the level after it, the last day, what is missing, and by when.
type Told = (String, String, Option<String>, String, Value, Option<String>);
type Row = (&'static str, &'static str, &'static str, &'static str, Value, &'static str);

fn told<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Told> {
    let istanbul = jiff::tz::TimeZone::get("Europe/Istanbul").unwrap();
    let told = |entry: &Entry| {
        let Record::TierNotice(at_risk) = &entry.record else { return None };
        assert_eq!((entry.id.as_str(), entry.by), (&*format!("~at-risk~{}", at_risk.until), By::Engine));
        assert_eq!((changes(entry), entry.effects.lots.len(), entry.flow()), ([0; 5], 0, None));
        Some((
            istanbul.to_datetime(entry.occurred_at).date().to_string(),
            at_risk.level.to_string(),
            at_risk.to.as_ref().map(ToString::to_string),
            at_risk.until.to_string(),
            json!(at_risk.missing),
            at_risk.by.map(|by| by.to_string()),
        ))
    };
    entries.into_iter().filter_map(told).collect()
}

fn told_to(member: &Member) -> Vec<Told> {
    told(member.ledger.iter().map(|sealed| &sealed.entry))
}

fn table(rows: &[Row]) -> Vec<Told> {
    let row = |(day, level, to, until, missing, by): &Row| {
        let some = |text: &str| Some(text.to_owned());
        ((*day).to_owned(), (*level).to_owned(), some(to), (*until).to_owned(), missing.clone(), some(by))
    };
    rows.iter().map(row).collect()
}

/// Returns a program with these tiers, and plans that include gold.
fn with_plans(tiers: Value) -> Rulebook {
    let mut document = tiers_document(tiers);
    document["plans"] = json!([{ "id": "plus", "price": 500, "interval": "year", "tier_floor": "gold" }]);
    program_of(&document)
}

/// A member with gold until the end of 2027.
fn with_gold(program: &Rulebook) -> Member {
    let mut member = Member::joins(program, "2026-03-01");
    buys(&mut member, program, "2026-06-01", 2000);
    member
}

fn buys(member: &mut Member, program: &Rulebook, when: &str, cents: i64) {
    member.earns(program, &format!("order-{when}"), &purchase(when, json!(cents))).unwrap();
}

/// Reviews the member on each day on which a review is due, up to the day before `end`.
fn reviewed_until(member: &mut Member, program: &Rulebook, end: &str) {
    while let Some(day) = member.account.review_on.filter(|day| *day < on(end)) {
        let entries = member.reviewed(program, day.to_zoned(program.zone.clone()).unwrap().timestamp());
        assert!(!entries.is_empty(), "a review that writes nothing on {day}");
    }
}

#[test]
fn a_notice_is_written_once_so_many_days_before_the_last_one() {
    for (zone, last_moment, first_moment) in [
        ("Europe/Istanbul", "2027-11-30T20:59:59Z", "2027-11-30T21:00:00Z"),
        ("UTC", "2027-11-30T23:59:59Z", "2027-12-01T00:00:00Z"),
    ] {
        let mut document = tiers_document(json!({ "notice_days": 30 }));
        document["time_zone"] = json!(zone);
        let program = program_of(&document);
        let mut member = with_gold(&program);
        assert_eq!(member.account.review_on, Some(on("2027-12-01")), "{zone}");
        assert_eq!(member.reviewed(&program, at(last_moment)), [], "{zone}");
        let [entry] = member.reviewed(&program, at(first_moment)).try_into().unwrap();
        assert_eq!((entry.kind(), entry.occurred_at), (Kind::TierNotice, at(first_moment)), "{zone}");
        let record = r#","kind":"tier_notice","record":{"level":"gold","to":"bronze","until":"2027-12-31","missing":200,"by":"2027-12-31"},"#;
        assert!(entry.canonical().contains(record), "{}", entry.canonical());
        assert_eq!(member.account.tier_noticed_through, Some(on("2027-12-31")));
        assert_eq!(member.account.review_on, Some(on("2028-01-01")), "the end of the level");
        assert_eq!(member.reviewed(&program, at(first_moment)), [], "{zone}");
        assert_eq!(member.reviewed(&program, at("2027-12-31T12:00")), [], "{zone}");
        let [entry] = member.reviewed(&program, at("2028-01-01")).try_into().unwrap();
        assert_eq!(entry.kind(), Kind::TierChange);
        assert_eq!((member.account.tier_noticed_through, member.account.review_on), (None, None));
        member.assert_proven();
    }
}

type Act = fn(&mut Member, &Rulebook);

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each reason for a notice or none")]
fn only_a_level_that_will_be_lost_for_want_of_purchases_has_a_notice() {
    let gold = |day, to, missing| (day, "gold", to, "2027-12-31", json!(missing), "2027-12-31");
    let nothing: Act = |_, _| ();
    let cases: Vec<(&str, Value, Act, Vec<Row>)> = vec![
        ("nothing is bought", json!({}), nothing, vec![gold("2027-12-01", "bronze", 200)]),
        ("a notice of one day", json!({ "notice_days": 1 }), nothing, vec![gold("2027-12-30", "bronze", 200)]),
        ("a notice of ninety days", json!({ "notice_days": 90 }), nothing, vec![gold("2027-10-02", "bronze", 200)]),
        ("no notice", json!({ "notice_days": 0 }), nothing, vec![]),
        ("levels are never lost", json!({ "downgrade": "never" }), nothing, vec![]),
        ("a lifetime", json!({ "period": "lifetime" }), nothing, vec![]),
        (
            "a level down",
            json!({ "downgrade": "one_level" }),
            nothing,
            vec![
                gold("2027-12-01", "silver", 200),
                ("2028-12-01", "silver", "bronze", "2028-12-31", json!(100), "2028-12-31"),
            ],
        ),
        (
            "days of grace",
            json!({ "grace_days": 31, "notice_days": 60 }),
            nothing,
            vec![("2027-12-02", "gold", "bronze", "2028-01-31", json!(200), "2027-12-31")],
        ),
        (
            "any amount",
            json!({ "basis": { "any": ["points", "visits"] }, "levels": [
                { "id": "bronze", "threshold": { "points": 0, "visits": 0 } },
                { "id": "gold", "threshold": { "points": 200, "visits": 9 } }] }),
            nothing,
            vec![gold("2027-12-01", "bronze", 0)]
                .into_iter()
                .map(|row| (row.0, row.1, row.2, row.3, json!({ "any": { "points": 200, "visits": 9 } }), row.5))
                .collect(),
        ),
        (
            "rolling months",
            json!({ "period": { "rolling_months": 12 } }),
            nothing,
            vec![("2027-05-31", "gold", "bronze", "2027-06-30", json!(200), "2027-06-30")],
        ),
        (
            "enough is bought",
            json!({}),
            |m, p| buys(m, p, "2027-06-01", 2000),
            vec![("2028-12-01", "gold", "bronze", "2028-12-31", json!(200), "2028-12-31")],
        ),
        (
            "not enough is bought",
            json!({}),
            |m, p| buys(m, p, "2027-06-01", 1500),
            vec![
                gold("2027-12-01", "silver", 50),
                ("2028-12-01", "silver", "bronze", "2028-12-31", json!(100), "2028-12-31"),
            ],
        ),
        (
            "enough is bought after the notice",
            json!({}),
            |m, p| {
                reviewed_until(m, p, "2027-12-10");
                buys(m, p, "2027-12-10", 2000);
            },
            vec![
                gold("2027-12-01", "bronze", 200),
                ("2028-12-01", "gold", "bronze", "2028-12-31", json!(200), "2028-12-31"),
            ],
        ),
        (
            "what was bought after the notice is returned",
            json!({}),
            |m, p| {
                reviewed_until(m, p, "2027-12-10");
                buys(m, p, "2027-12-10", 2000);
                m.reverses(p, at("2027-12-12"), "refund", "order-2027-12-10", None).unwrap();
            },
            vec![gold("2027-12-01", "bronze", 200)],
        ),
        (
            "an override goes on",
            json!({}),
            |m, p| assert!(m.is_given(p, at("2027-06-01"), "gold", "2028-06-30")),
            vec![],
        ),
        (
            "an override of a higher level ends before",
            json!({}),
            |m, p| assert!(m.is_given(p, at("2027-06-01"), "platinum", "2027-12-15")),
            vec![gold("2027-12-16", "bronze", 200)],
        ),
        (
            "a plan includes the level",
            json!({}),
            |m, p| drop(m.takes_plan(p, at("2027-06-01"), "paid", "plus")),
            vec![],
        ),
        (
            "a plan that includes it ends before",
            json!({}),
            |m, p| drop(m.takes_plan(p, at("2026-07-01"), "paid", "plus")),
            vec![gold("2027-12-01", "bronze", 200)],
        ),
    ];
    for (what, tiers, act, expected) in cases {
        let mut fields = json!({ "notice_days": 30 });
        fields.as_object_mut().unwrap().extend(tiers.as_object().unwrap().clone());
        let program = with_plans(fields);
        let mut member = with_gold(&program);
        act(&mut member, &program);
        reviewed_until(&mut member, &program, "2029-02-01");
        assert_eq!(told_to(&member), table(&expected), "{what}");
        member.assert_proven();
    }
}

#[test]
fn a_late_review_writes_the_notice_on_its_own_day_unless_the_level_is_lost() {
    let program = with_tiers(json!({ "notice_days": 30 }));
    let notice = [("2027-12-01", "gold", "bronze", "2027-12-31", json!(200), "2027-12-31")];
    for (now, expected) in
        [("2027-12-20", &notice[..]), ("2027-12-31T23:59", &notice), ("2028-01-01T00:00", &[]), ("2028-03-01", &[])]
    {
        let mut member = with_gold(&program);
        let entries = member.reviewed(&program, at(now));
        assert_eq!(told(&entries), table(expected), "{now}");
        assert!(entries.iter().all(|entry| entry.posted_at == at(now)));
        reviewed_until(&mut member, &program, "2029-01-01");
        assert_eq!(told_to(&member), table(expected), "{now}");
        member.assert_proven();
    }
}

#[test]
fn a_purchase_writes_the_notice_that_it_finds_due_and_ends_the_need_for_another() {
    let program = with_tiers(json!({ "notice_days": 30 }));
    let mut member = with_gold(&program);
    buys(&mut member, &program, "2027-12-05", 2000);
    let kinds: Vec<_> = member.ledger.iter().map(|sealed| sealed.entry.kind()).skip(3).collect();
    assert_eq!(kinds, [Kind::TierNotice, Kind::Accrual]);
    reviewed_until(&mut member, &program, "2028-11-01");
    assert_eq!(told_to(&member).len(), 1);
    member.assert_proven();
}

#[test]
fn a_suspended_member_gets_notices_and_a_closed_one_does_not() {
    let program = with_tiers(json!({ "notice_days": 30 }));
    let into = "m-2".parse().unwrap();
    for (status, notices) in
        [(Status::Active, 1), (Status::Suspended, 1), (Status::Closed, 0), (Status::Merged { into }, 0)]
    {
        let mut member = with_gold(&program);
        member.account.status = status.clone();
        assert_eq!(member.reviewed(&program, at("2027-12-15")).len(), notices, "{status:?}");
    }
}

#[test]
fn a_version_that_begins_to_give_notice_writes_what_is_due_and_one_that_ends_it_writes_no_more() {
    let rules = |days: i64| tiers_document(json!({ "notice_days": days }));
    for (first, then, expected) in [(0, 30, 1), (30, 0, 0), (0, 0, 0)] {
        let program = program_of(&rules(first)).then(at("2027-11-15"), &rules(then));
        let mut member = with_gold(&program);
        for day in ["2027-11-20", "2027-12-10", "2028-01-10"] {
            member.reviewed(&program, at(day));
        }
        assert_eq!(told_to(&member).len(), expected, "{first} {then}");
        member.assert_proven();
    }
}

#[test]
fn a_day_with_nothing_but_a_notice_closes_no_period() {
    let yearly = tiers_document(json!({ "period": "membership_year", "grace_days": 32 }));
    let monthly = json!({ "period": { "rolling_months": 1 }, "downgrade": "one_level", "notice_days": 51 });
    let program = program_of(&yearly);
    let mut member = Member::joins(&program, "2026-11-21");
    buys(&mut member, &program, "2026-11-29", 2000);
    let program = program.then(at("2027-09-27"), &tiers_document(monthly));
    // Gold is promised until 2028-12-22 and held until 2028-11-20, so no month ends before that with less.
    assert_eq!(member.reviewed(&program, at("2028-10-31T12:00")), []);
    let [entry] = member.reviewed(&program, at("2028-11-01")).try_into().unwrap();
    assert_eq!(told([&entry]), table(&[("2028-11-01", "gold", "bronze", "2028-12-22", json!(200), "2028-12-22")]));
    member.assert_proven();
    let mut rarely = member.clone();
    for review in ["2028-11-21", "2028-12-01", "2028-12-23"] {
        member.reviewed(&program, at(review));
    }
    rarely.reviewed(&program, at("2028-12-23"));
    assert_eq!(member.account.tier, rarely.account.tier);
    assert_eq!(member.account.promised, rarely.account.promised);
}
