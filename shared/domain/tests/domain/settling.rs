//! Settling: the effects of time on an account, once, on the right day, in order.

use jiff::{Timestamp, civil::Date};
use proptest::prelude::*;
use regulars_domain::{
    account::{Account, AttributeValue, Secured, Status, TierOverride},
    calendar::{days_after, months_after, start_of},
    enroll::{MemberChange, NewStatus, change_member},
    entry::{By, Entry, Kind},
    lots::{Expiry, Lots},
    pending::Awaits,
    points::Points,
    program::PeriodRule,
    qualifying::Qualifying,
    settle::{Settlement, settle},
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, document, expiring, lots, lots_of, on, program, program_of, purchase};

fn plain() -> Value {
    json!({ "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
            "points": { "expiry": { "after_months": 1, "rounded_to": "exact_day" }, "expiry_notice_days": 0 } })
}

#[test]
fn a_lot_expires_when_its_last_day_is_over_in_the_programs_zone() {
    for (zone, last_moment, first_moment) in [
        ("Europe/Istanbul", "2027-05-31T20:59:59Z", "2027-05-31T21:00:00Z"),
        ("UTC", "2027-05-31T23:59:59Z", "2027-06-01T00:00:00Z"),
        ("America/Los_Angeles", "2027-06-01T06:59:59Z", "2027-06-01T07:00:00Z"),
        ("Pacific/Auckland", "2027-05-31T11:59:59Z", "2027-05-31T12:00:00Z"),
    ] {
        let mut document = document(plain());
        document["time_zone"] = json!(zone);
        let program = program_of(&document);
        let mut member = Member::joins(&program, "2026-11-21");
        member.account.lots = lots(&[("2027-05-31", 30), ("2027-06-30", 12)]);
        assert_eq!(member.reviewed(&program, at(last_moment)), [], "{zone}");
        let entries = member.reviewed(&program, at(first_moment));
        assert_eq!(entries.len(), 1, "{zone}");
        let entry = &entries[0];
        assert_eq!((entry.kind(), entry.id.as_str()), (Kind::Expiry, "~expiry~2027-05-31"));
        assert_eq!((entry.points().get(), entry.spendable().get()), (-30, -30));
        assert_eq!(entry.occurred_at, at(first_moment), "{zone}: when the day was over, not when somebody looked");
        assert_eq!(lots_of(&member.account), [("2027-06-30".to_owned(), 12)]);
        assert_eq!(member.account.review_on, Some(on("2027-07-01")));
    }
}

/// Returns a member with many events: lots, tiers with grace, an override, birthdays.
fn eventful() -> (Rulebook, Member) {
    let program = program(json!({
        "points": { "expiry": { "after_months": 12, "rounded_to": "end_of_month" } },
        "earning_rules": [
            { "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } },
            { "id": "cake", "on": "birthday", "qualifying": false, "give": { "fixed": { "points": 40 } } },
        ],
        "tiers": { "grace_days": 31, "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 300 },
                                                { "id": "gold", "threshold": 1000 }] },
        "attributes": [{ "id": "birthday", "type": "date" }],
    }));
    let mut member = Member::joins_with(&program, "2026-03-01", &json!({ "birthday": "1990-05-03" }));
    member.earns(&program, "order-1", &purchase("2026-03-10", json!(250))).unwrap();
    member.earns(&program, "order-2", &purchase("2026-07-10", json!(100))).unwrap();
    member.is_given(&program, at("2026-07-11"), "gold", "2026-09-30");
    assert_eq!(member.tier(), Some("gold"));
    (program, member)
}

/// Returns what settling wrote, as in a table: id, day, points, and the tier if it changed.
fn told(entries: &[Entry]) -> Vec<(String, String, i64, Option<String>)> {
    let istanbul = jiff::tz::TimeZone::get("Europe/Istanbul").unwrap();
    entries
        .iter()
        .map(|entry| {
            let day = istanbul.to_datetime(entry.occurred_at).date().to_string();
            let to = entry
                .effects
                .tier_change
                .as_ref()
                .map(|change| change.to.as_ref().map_or("none", |to| to.as_str()).to_owned());
            (entry.id.to_string(), day, entry.points().get(), to)
        })
        .collect()
}

/// Asserts that settling in steps gives the ledger of settling at once, apart from notices of points that had expired
/// at the end.
fn assert_same_story(in_steps: &Member, at_once: &Member) {
    let end = at_once.account.settled_on;
    let tell = |member: &Member| {
        let entries = member.ledger.iter().map(|sealed| sealed.entry.clone());
        let (notices, others): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.kind() == Kind::Notice);
        let notices: Vec<_> = notices.into_iter().map(|entry| (entry.occurred_at, expiring(&entry).unwrap())).collect();
        (told(&others), notices)
    };
    let ((stepwise, mut noticed), (whole, still_ahead)) = (tell(in_steps), tell(at_once));
    assert_eq!(stepwise, whole);
    noticed.retain(|(_, expiring)| expiring.on >= end);
    assert_eq!(noticed, still_ahead);
    assert_eq!(in_steps.account.noticed_through, at_once.account.noticed_through);
}

#[test]
fn years_without_requests_are_settled_day_by_day() {
    let (program, mut member) = eventful();
    let entries = member.reviewed(&program, at("2028-12-31"));
    let expected = [
        ("~tier~2026-10-01", "2026-10-01", 0, Some("silver")),
        ("~expiry~2027-03-31", "2027-04-01", -250, None),
        ("~birthday~2027-05-03", "2027-05-03", 40, None),
        ("~expiry~2027-05-31", "2027-06-01", -40, None),
        ("~expiry~2027-07-31", "2027-08-01", -100, None),
        ("~tier~2028-02-01", "2028-02-01", 0, Some("bronze")),
        ("~birthday~2028-05-03", "2028-05-03", 40, None),
        ("~expiry~2028-05-31", "2028-06-01", -40, None),
    ];
    let expected = expected.map(|(id, day, points, to)| (id.to_owned(), day.to_owned(), points, to.map(str::to_owned)));
    assert_eq!(told(&entries), expected);
    assert!(entries.iter().all(|entry| entry.posted_at == at("2028-12-31")));
    member.assert_proven();
}

#[test]
fn settling_twice_writes_nothing_new() {
    let (program, mut member) = eventful();
    for now in ["2026-10-01", "2027-08-01", "2028-12-31"] {
        member.reviewed(&program, at(now));
        let before = member.account.clone();
        assert_eq!(member.reviewed(&program, at(now)), []);
        assert_eq!(member.account, before);
    }
}

#[test]
fn a_clock_that_is_set_back_undoes_nothing() {
    let (program, mut member) = eventful();
    member.reviewed(&program, at("2028-12-31"));
    let before = member.account.clone();
    assert_eq!(member.reviewed(&program, at("2026-12-31")), []);
    assert_eq!(member.settled(&program, at("2026-12-31")).account(), &before);
    assert_eq!(member.settled(&program, at("2026-12-31")).today(), on("2028-12-31"));
}

#[test]
fn settling_in_steps_writes_what_settling_at_once_writes() {
    let (program, member) = eventful();
    let mut at_once = member.clone();
    at_once.reviewed(&program, at("2029-03-05"));
    for steps in [
        vec!["2026-10-01"],
        vec!["2027-03-31", "2027-04-01", "2027-04-02"],
        vec!["2026-12-31", "2027-01-01", "2027-12-31", "2028-01-01", "2028-01-31", "2028-02-01"],
    ] {
        let mut in_steps = member.clone();
        for step in steps {
            in_steps.reviewed(&program, at(step));
        }
        in_steps.reviewed(&program, at("2029-03-05"));
        assert_same_story(&in_steps, &at_once);
        assert_eq!(in_steps.account.lots, at_once.account.lots);
        assert_eq!(in_steps.account.secured, at_once.account.secured);
        assert_eq!(in_steps.account.qualifying, at_once.account.qualifying);
        assert_eq!(in_steps.account.review_on, at_once.account.review_on);
        in_steps.assert_proven();
    }
}

#[test]
fn an_account_on_which_too_much_happened_is_brought_up_in_parts() {
    let program = program(plain());
    for (lots, maturities, parts) in [(1, 0, 0), (40, 0, 0), (40, 1, 1), (40, 20, 1), (40, 21, 2), (40, 32, 2)] {
        let mut member = Member::joins(&program, "2026-11-21");
        let first = on("2027-01-01");
        let matures = |day: Date| Awaits::Maturity(day, Expiry::On(months_after(day, 1)));
        let each = |count| (0..count).map(move |n| days_after(first, n));
        member.account.lots = Lots::from_parts(each(lots).map(|day| (Expiry::On(day), Points::new(1)))).unwrap();
        member.account.pending = each(maturities).map(|day| (matures(days_after(day, 100)), Points::new(1))).collect();
        let now = at("2028-01-01");
        let mut behind = 0;
        while let Settlement::Behind(posting) = settle(program.versions(), member.account.clone(), now) {
            assert_eq!(posting.own.entries.len(), 40);
            // The rest is due at once, in case no command follows.
            assert!(posting.own.account.review_on.is_some_and(|day| day <= on("2028-01-01")));
            behind += 1;
            member.commit_part(*posting);
        }
        assert_eq!(behind, parts, "{lots} lots and {maturities} maturities");
        member.reviewed(&program, now);
        let expected: Vec<_> = each(lots).map(|day| format!("~expiry~{day}")).collect();
        let ids = member.ids();
        assert_eq!(ids[1..=expected.len()], expected, "{lots} lots");
        let of = |kind: &str| ids.iter().filter(|id| id.starts_with(kind)).count();
        let waited = usize::try_from(maturities).unwrap();
        assert_eq!((of("~maturing~"), of("~expiry~")), (waited, waited + expected.len()), "{maturities} maturities");
        assert_eq!((member.balances(), member.account.review_on), ([0; 4], None));
        member.assert_proven();
    }
}

#[test]
fn a_program_with_other_thresholds_changes_the_tier_when_an_account_is_next_looked_at() {
    let levels = |silver: i64| {
        let mut document = document(plain());
        document["tiers"] =
            json!({ "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": silver }] });
        document
    };
    let first = program_of(&levels(300));
    let second = first.then(at("2026-03-11T08:00"), &levels(200));
    let mut member = Member::joins(&first, "2026-03-01");
    member.earns(&first, "order-1", &purchase("2026-03-10", json!(250))).unwrap();
    assert_eq!(member.tier(), Some("bronze"));
    let entries = member.reviewed(&second, at("2026-03-11"));
    assert_eq!(told(&entries), [("~tier~v2".to_owned(), "2026-03-11".to_owned(), 0, Some("silver".to_owned()))]);
    assert_eq!((entries[0].program_version, entries[0].occurred_at), (2, at("2026-03-11T08:00")));
    assert_eq!(member.tier(), Some("silver"));
    // A function that only has the old version reverts nothing: it must read again.
    let settlement = settle(first.versions(), member.account.clone(), at("2026-03-11"));
    assert!(matches!(settlement, Settlement::Stale), "{settlement:?}");
    assert_eq!(member.reviewed(&second, at("2026-03-11")), []);
    member.assert_proven();
}

#[test]
fn a_review_that_came_to_nothing_is_not_due_again_tomorrow() {
    let levels = |downgrade: &str| {
        let mut document = document(plain());
        document["points"] = json!({ "expiry": "never" });
        document["tiers"] = json!({ "downgrade": downgrade, "levels": [{ "id": "a", "threshold": 0 }, { "id": "b", "threshold": 10 }] });
        document
    };
    let falling = program_of(&levels("to_qualified"));
    let lasting = falling.then(at("2027-06-01"), &levels("never"));
    let mut member = Member::joins(&falling, "2026-03-01");
    member.earns(&falling, "order-1", &purchase("2026-03-10", json!(10))).unwrap();
    assert_eq!(member.account.review_on, Some(on("2028-01-01")));
    // By then the program has a longer lifetime.
    assert_eq!(member.reviewed(&lasting, at("2028-01-01")), []);
    assert_eq!((member.account.version, member.account.review_on), (3, None));
    assert_eq!(member.tier(), Some("b"));
}

#[test]
fn points_that_live_for_ten_years_are_reviewed_a_month_before_they_expire() {
    let program = program(json!({
        "points": { "expiry": { "after_months": 120, "rounded_to": "end_of_month" } },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } },
                          { "id": "cake", "on": "birthday", "when": "false", "give": { "fixed": { "points": 1 } } }],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }] },
        "attributes": [{ "id": "birthday", "type": "date" }],
    }));
    let mut member = Member::joins_with(&program, "2026-03-01", &json!({ "birthday": "1990-05-03" }));
    member.earns(&program, "order-1", &purchase("2026-03-10", json!(250))).unwrap();
    assert_eq!(member.account.review_on, Some(on("2036-03-01")), "they are over on 31 March");
}

#[test]
fn an_account_to_which_nothing_can_happen_is_never_due() {
    let program = program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 1 } } }],
        "tiers": { "levels": [{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 300 }] },
    }));
    let mut member = Member::joins(&program, "2026-03-01");
    assert_eq!(member.account.review_on, None);
    member.earns(&program, "order-1", &purchase("2026-03-10", json!(250))).unwrap();
    assert_eq!(member.account.review_on, None, "a period will end, and nobody will notice");
    member.earns(&program, "order-2", &purchase("2026-03-10", json!(50))).unwrap();
    assert_eq!(member.account.review_on, Some(on("2028-01-01")), "silver in 2026 is silver through 2027");
}

/// Returns a program with many effects of time.
fn any_program() -> impl Strategy<Value = Value> {
    let expiry = prop_oneof![
        Just(json!("never")),
        (1..120_i64, prop::sample::select(vec!["exact_day", "end_of_month", "end_of_quarter", "end_of_year"]))
            .prop_map(|(months, rounded)| json!({ "after_months": months, "rounded_to": rounded })),
        Just(json!({ "fixed_dates": ["02-29", "06-30"] })),
    ];
    let period = prop_oneof![
        prop::sample::select(vec!["calendar_year", "membership_year", "lifetime"]).prop_map(|period| json!(period)),
        prop::sample::select(vec![1, 3, 12, 36]).prop_map(|months| json!({ "rolling_months": months })),
    ];
    let downgrade = prop::sample::select(vec!["to_qualified", "one_level", "never"]);
    let cake = prop::sample::select(vec!["false", "true", "occurred_at.year == 2029", "member.tier == 'silver'"]);
    let zone = prop::sample::select(vec!["Europe/Istanbul", "America/Santiago", "Pacific/Auckland"]);
    let of_levels = (0..2_i64, prop::collection::vec(prop::bool::weighted(0.2), 3));
    let expiry = (expiry, prop_oneof![Just(0), Just(30), 1..=90]);
    (expiry, period, downgrade, 0..=180_i64, cake, zone, of_levels).prop_map(
        |((expiry, notice_days), period, downgrade, grace, cake, zone, (lowest, kept))| {
            let mut document = json!({
                "name": "Any", "time_zone": zone, "currency": "EUR",
                "points": { "expiry": expiry, "expiry_notice_days": notice_days },
                "earning_rules": [{ "id": "cake", "on": "birthday", "when": cake, "give": { "fixed": { "points": 40 } } }],
                "tiers": { "period": period, "downgrade": downgrade, "grace_days": grace, "levels": [
                    { "id": "bronze", "threshold": lowest }, { "id": "silver", "threshold": 100 },
                    { "id": "gold", "threshold": 200 }, { "id": "platinum", "threshold": 300 },
                ] },
                "attributes": [{ "id": "birthday", "type": "date" }],
            });
            for (level, is_kept) in document["tiers"]["levels"].as_array_mut().unwrap().iter_mut().zip(kept) {
                if is_kept {
                    level["downgrade"] = json!("never");
                }
            }
            document
        },
    )
}

fn any_date() -> impl Strategy<Value = Date> {
    (0..1500_i32).prop_map(|days| days_after(on("2026-11-21"), days))
}

fn any_level() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["bronze", "silver", "gold", "platinum", "no-longer-there"])
}

#[derive(Clone, Debug)]
struct State {
    lots: Vec<(Option<Date>, i64)>,
    qualifying: Vec<i64>,
    secured: Option<&'static str>,
    given: Option<(&'static str, Date)>,
    birthday: Option<Date>,
    birthday_on: Option<Date>,
    suspended: bool,
}

fn any_state() -> impl Strategy<Value = State> {
    let birthday = (0..20_000_i32).prop_map(|days| days_after(on("1950-01-01"), days));
    let earlier = (0..700_i32).prop_map(|days| days_after(on("2026-11-21"), -days));
    (
        prop::collection::vec((prop::option::weighted(0.9, any_date()), 1..500_i64), 0..5),
        prop::collection::vec(0..200_i64, 0..5),
        prop::option::of(any_level()),
        prop::option::of((any_level(), any_date())),
        prop::option::of(birthday),
        prop::option::of(earlier),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(lots, qualifying, secured, given, birthday, birthday_on, suspended)| State {
            lots,
            qualifying,
            secured,
            given,
            birthday,
            birthday_on,
            suspended,
        })
}

/// Returns a long-time member in this state on 21 November 2026.
fn member_in(program: &Rulebook, state: &State) -> Member {
    let mut member = Member::joins(program, "2024-02-29");
    let today = on("2026-11-21");
    let account: &mut Account = &mut member.account;
    account.settled_on = today;
    for (date, points) in &state.lots {
        account.lots.put(Expiry::from(*date), Points::new(*points));
    }
    let tiers = program.tiers.as_ref().unwrap();
    let joined_on = program.date(account.enrolled_at);
    let current = tiers.period.period(today, joined_on);
    let before = tiers.period.period(days_after(current.first, -1), joined_on);
    let buckets: Vec<_> = match tiers.period {
        PeriodRule::RollingMonths(_) => [0, 1, 2, 5, 9].map(|ago| months_after(today.first_of_month(), -ago)).to_vec(),
        PeriodRule::CalendarYear | PeriodRule::MembershipYear | PeriodRule::Lifetime => {
            vec![current.first, before.first]
        }
    };
    for (bucket, points) in buckets.into_iter().zip(&state.qualifying) {
        account.qualifying.insert(bucket, Qualifying { points: *points, spend: 0, visits: 0 });
    }
    if let (Some(tier), Some(through)) = (state.secured, current.last) {
        account.secured.push(Secured { tier: tier.parse().unwrap(), through });
    }
    account.tier_override = state.given.map(|(tier, until)| TierOverride {
        tier: tier.parse().unwrap(),
        until,
        reason: "a-b".parse().unwrap(),
    });
    account.birthday_on = state.birthday_on;
    if let Some(birthday) = state.birthday {
        account.attributes.insert("birthday".parse().unwrap(), AttributeValue::Date(birthday));
    }
    // A commit, so that the engine sets the next review date.
    let (before, after) =
        if state.suspended { (Status::Active, NewStatus::Suspended) } else { (Status::Suspended, NewStatus::Active) };
    account.status = before;
    let settled = member.settled(program, start_of(&program.zone, today));
    let posting =
        change_member(settled, MemberChange { status: Some(after), ..MemberChange::default() }, By::Operator, None)
            .unwrap()
            .unwrap();
    member.commit(posting);
    member
}

proptest! {
    #![proptest_config(crate::cases::cases(256))]

    #[test]
    fn an_account_is_due_exactly_on_the_first_day_on_which_settling_writes(
        document in any_program(),
        state in any_state(),
    ) {
        let program = program_of(&document);
        let member = member_in(&program, &state);
        let starts_at = |day: Date| start_of(&program.zone, day);
        match member.account.review_on {
            None => {
                let mut later = member.clone();
                prop_assert_eq!(later.reviewed(&program, at("2046-01-01")), vec![]);
            }
            Some(day) => {
                let second = jiff::SignedDuration::from_secs(1);
                let last_moment: Timestamp = starts_at(day).checked_sub(second).unwrap();
                let mut early = member.clone();
                prop_assert_eq!(early.reviewed(&program, last_moment), vec![], "the day before {}", day);
                let mut early = member.clone();
                prop_assert!(!early.reviewed(&program, starts_at(day)).is_empty(), "nothing on {}", day);
                early.assert_proven();
                prop_assert!(early.account.review_on.is_none_or(|next| next > day));
            }
        }
    }

    #[test]
    fn settling_any_account_in_two_steps_is_settling_it_at_once(
        document in any_program(),
        state in any_state(),
        first in any_date(),
        more in 0..3000_i32,
    ) {
        let program = program_of(&document);
        let member = member_in(&program, &state);
        let end = start_of(&program.zone, days_after(first, more));
        let (mut at_once, mut in_steps) = (member.clone(), member);
        at_once.reviewed(&program, end);
        in_steps.reviewed(&program, start_of(&program.zone, first));
        in_steps.reviewed(&program, end);
        assert_same_story(&in_steps, &at_once);
        prop_assert_eq!(&in_steps.account.lots, &at_once.account.lots);
        prop_assert_eq!(in_steps.account.review_on, at_once.account.review_on);
    }
}
