//! A mistaken version that is corrected, and levels that are renamed.

use regulars_domain::entry::Kind;
use serde_json::{Value, json};

use super::{Member, Rulebook, promises, silver_at, with_levels};
use crate::{
    rulebook::Succeeds,
    world::{at, on, program_of, purchase},
};

fn corrects(version: u64) -> Succeeds<'static> {
    Succeeds { corrects: Some(version), ..Succeeds::default() }
}

/// Silver at 300; at 3 for five minutes by mistake; and again at 300.
fn mistaken(tiers: &Value) -> [Rulebook; 3] {
    let first = program_of(&silver_at(300, tiers));
    let mistake = first.then(at("2028-02-01T08:00"), &silver_at(3, tiers));
    let corrected = mistake.succeeded(at("2028-02-01T08:05"), &silver_at(300, tiers), corrects(2));
    [first, mistake, corrected]
}

/// Returns the changes of tier in a ledger, by id.
fn changes_of(member: &Member) -> Vec<(String, String)> {
    let entries = member.ledger.iter().map(|sealed| &sealed.entry).filter(|entry| entry.kind() == Kind::TierChange);
    let told = entries.map(|entry| {
        let change = entry.effects.tier_change.as_ref().unwrap();
        let name = |level: &Option<regulars_domain::id::LevelId>| {
            level.as_ref().map_or("none".to_owned(), ToString::to_string)
        };
        (entry.id.to_string(), format!("{} to {}", name(&change.from), name(&change.to)))
    });
    told.collect()
}

#[test]
fn levels_that_only_a_corrected_version_gave_are_removed() {
    for tiers in [
        json!({}),
        json!({ "downgrade": "never" }),
        json!({ "silver": "never" }),
        json!({ "grace_days": 31 }),
        json!({ "period": "lifetime" }),
        json!({ "period": { "rolling_months": 12 } }),
    ] {
        let [first, mistake, corrected] = mistaken(&tiers);
        let mut untouched = Member::joins(&first, "2027-12-01");
        untouched.buys(&first, "2028-01-10", 1_000);
        let mut touched = untouched.clone();
        touched.is_touched(&mistake, at("2028-02-01T08:02"));
        assert_eq!(touched.tier(), Some("silver"), "{tiers}");
        let mut bought = untouched.clone();
        bought.buys(&mistake, "2028-02-01T08:03", 500);
        assert_eq!(bought.tier(), Some("silver"), "{tiers}");

        for member in [&mut untouched, &mut touched, &mut bought] {
            member.reviewed(&corrected, at("2028-02-01T08:10"));
            let now = at("2028-02-02");
            assert_eq!(member.stands(&corrected, now), "bronze qualified -", "{tiers}");
            assert_eq!(promises(member.settled(&corrected, now).account()), [], "{tiers}");
            let told = [("~tier~v2", "bronze to silver"), ("~tier~v3", "silver to bronze")];
            assert_eq!(changes_of(member), told.map(|(id, change)| (id.to_owned(), change.to_owned())), "{tiers}");
            member.assert_proven();
        }
        assert_eq!(
            untouched.account_at(&corrected, at("2028-03-01")),
            touched.account_at(&corrected, at("2028-03-01")),
            "{tiers}"
        );
        assert_eq!((untouched.spendable(), bought.spendable()), (10, 15), "{tiers}: points stay");
    }
}

#[test]
fn what_an_earlier_version_also_gave_stays_after_a_correction() {
    for (tiers, expected) in [
        (json!({}), "silver secured 2028-12-31"),
        (json!({ "grace_days": 31 }), "silver secured 2029-01-31"),
        (json!({ "downgrade": "never" }), "silver secured -"),
        (json!({ "period": "lifetime" }), "silver qualified -"),
        (json!({ "period": { "rolling_months": 12 } }), "silver qualified 2028-06-30"),
    ] {
        let [first, mistake, corrected] = mistaken(&tiers);
        let mut member = Member::joins(&first, "2027-03-01");
        member.buys(&first, "2027-06-10", 35_000);
        let mut touched = member.clone();
        touched.is_touched(&mistake, at("2028-02-01T08:02"));
        for mut member in [member, touched] {
            assert_eq!(member.stands(&corrected, at("2028-02-02")), expected, "{tiers}");
            member.reviewed(&corrected, at("2028-02-02"));
            assert!(changes_of(&member).iter().all(|(id, _)| !id.starts_with("~tier~v")), "{tiers}");
        }
    }
}

#[test]
fn a_mistake_is_corrected_even_if_a_year_was_closed_under_it() {
    for tiers in [json!({}), json!({ "downgrade": "never" }), json!({ "grace_days": 31 })] {
        let first = program_of(&silver_at(300, &tiers));
        let mistake = first.then(at("2027-12-20"), &silver_at(3, &tiers));
        let corrected = mistake.succeeded(at("2028-01-10"), &silver_at(300, &tiers), corrects(2));
        for cents in [1_000, 35_000] {
            let mut member = Member::joins(&first, "2027-03-01");
            member.buys(&first, "2027-06-10", cents);
            let mut touched = member.clone();
            touched.is_touched(&mistake, at("2027-12-25"));
            touched.is_touched(&mistake, at("2028-01-05"));
            assert_eq!(touched.tier(), Some("silver"), "{tiers} {cents}");
            assert_eq!(
                member.account_at(&corrected, at("2028-01-15")),
                touched.account_at(&corrected, at("2028-01-15"))
            );
            member.reviewed(&corrected, at("2028-01-15"));
            assert_eq!(member.tier(), Some(if cents == 1_000 { "bronze" } else { "silver" }), "{tiers} {cents}");
        }
    }
}

#[test]
fn a_correction_ends_what_one_version_gave_and_not_what_others_gave() {
    let levels = |silver: i64, gold: i64| {
        let levels = json!([{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": silver }, { "id": "gold", "threshold": gold }]);
        with_levels(&levels, &json!({}))
    };
    let first = program_of(&levels(300, 1_000));
    let mistake = first.then(at("2028-02-01"), &levels(200, 240));
    // A correct version in between, and one without tiers.
    let (other, last) = (levels(200, 1_000), levels(300, 1_000));
    let mut unrelated = other.clone();
    unrelated["points"]["backdating_days_max"] = json!(61);
    let between = mistake.then(at("2028-03-01"), &other).then(at("2028-03-10"), &unrelated);
    for (corrected, expected) in
        [(2, "silver secured 2029-12-31"), (3, "gold secured 2029-12-31"), (4, "gold secured 2029-12-31")]
    {
        let corrected = between.succeeded(at("2028-04-01"), &last, corrects(corrected));
        let mut member = Member::joins(&first, "2027-03-01");
        member.buys(&first, "2028-01-10", 25_000);
        assert_eq!(member.stands(&mistake, at("2028-02-02")), "gold qualified 2029-12-31");
        assert_eq!(member.stands(&between, at("2028-03-02")), "gold secured 2029-12-31");
        assert_eq!(member.stands(&corrected, at("2028-04-02")), expected);
    }
}

/// Returns the levels, the third of which is named `gold`, and a plan with that floor.
fn named(gold: &str) -> Value {
    let levels = json!([{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }, { "id": gold, "threshold": 200 }]);
    let mut document = with_levels(&levels, &json!({}));
    document["plans"] = json!([{ "id": "plus", "price": 500, "interval": "year", "tier_floor": gold }]);
    document
}

/// How a member reaches a level.
type Act = fn(&mut Member, &Rulebook);

#[test]
fn a_renamed_level_is_the_same_level_on_every_ground() {
    let first = program_of(&named("gold"));
    let renamed = |rulebook: &Rulebook, when: &str, old: &str, new: &str| {
        rulebook.succeeded(at(when), &named(new), Succeeds { replaces: &[(old, new)], ..Succeeds::default() })
    };
    let aurum = renamed(&first, "2027-06-01", "gold", "aurum");
    let oro = renamed(&aurum, "2028-02-01", "aurum", "oro");
    let grounds: [(&str, Act, &str, &str); 4] = [
        (
            "reached",
            |member, first| drop(member.buys(first, "2027-03-10", 20_000)),
            "qualified 2028-12-31",
            "secured 2028-12-31",
        ),
        (
            "secured",
            |member, first| {
                drop(member.earns_at(first, at("2027-01-10"), "late", &purchase("2026-12-20", json!(20_000))));
            },
            "secured 2027-12-31",
            "bronze",
        ),
        (
            "given",
            |member, first| assert!(member.is_given(first, at("2027-03-10"), "gold", "2028-12-31")),
            "override 2028-12-31",
            "override 2028-12-31",
        ),
        (
            "paid for",
            |member, first| drop(member.takes_plan(first, at("2027-05-10"), "paid", "plus").unwrap()),
            "plan 2028-05-09",
            "plan 2028-05-09",
        ),
    ];
    for (what, act, in_july, in_march) in grounds {
        let mut member = Member::joins(&first, "2026-12-01");
        act(&mut member, &first);
        let before = changes_of(&member).len();
        let mut asleep = member.clone();
        assert_eq!(member.stands(&aurum, at("2027-07-01")), format!("aurum {in_july}"), "{what}");
        member.reviewed(&aurum, at("2027-07-01"));
        assert_eq!(changes_of(&member)[before..], [("~tier~v2".to_owned(), "gold to aurum".to_owned())], "{what}");
        for member in [&mut member, &mut asleep] {
            let standing = member.stands(&oro, at("2028-03-01"));
            if in_march == "bronze" {
                assert_eq!(standing, "bronze qualified -", "{what}");
            } else {
                assert_eq!(standing, format!("oro {in_march}"), "{what}");
                member.reviewed(&oro, at("2028-03-01"));
                let told = [("~tier~v2", "gold to aurum"), ("~tier~v3", "aurum to oro")];
                let told = told.map(|(id, change)| (id.to_owned(), change.to_owned()));
                assert_eq!(changes_of(member)[before..], told, "{what}");
            }
            member.assert_proven();
        }
        assert_eq!(member.account_at(&oro, at("2028-03-02")), asleep.account_at(&oro, at("2028-03-02")), "{what}");
        assert_eq!(member.account_at(&oro, at("2029-03-02")), asleep.account_at(&oro, at("2029-03-02")), "{what}");
    }
}

#[test]
fn an_override_of_a_renamed_level_is_renamed_and_a_plan_keeps_the_floor_it_was_paid_for() {
    let first = program_of(&named("gold"));
    let succeeds = Succeeds { replaces: &[("gold", "aurum")], ..Succeeds::default() };
    let mut without = named("aurum");
    without["plans"] = json!([]);
    let renamed = first.succeeded(at("2027-06-01"), &without, succeeds);
    let mut member = Member::joins(&first, "2026-12-01");
    member.is_given(&first, at("2027-03-10"), "gold", "2027-08-31");
    member.takes_plan(&first, at("2027-05-10"), "paid", "plus").unwrap();
    let settled = member.settled(&renamed, at("2027-07-01"));
    assert_eq!(settled.account().tier_override.as_ref().unwrap().tier.as_str(), "aurum");
    let (floor, term) = settled.floor().unwrap();
    assert_eq!((floor.as_str(), term.through, term.version), ("aurum", on("2028-05-09"), 1));
    assert_eq!(member.stands(&renamed, at("2028-05-09")), "aurum plan 2028-05-09");
    assert_eq!(member.stands(&renamed, at("2028-05-10")), "bronze qualified -");
}

#[test]
fn a_promise_follows_its_level_through_two_names() {
    let levels = |gold: &str, threshold: i64| {
        with_levels(&json!([{ "id": "bronze", "threshold": 0 }, { "id": gold, "threshold": threshold }]), &json!({}))
    };
    let first = program_of(&levels("gold", 200));
    let raised = first.then(at("2027-06-01"), &levels("gold", 900));
    let succeeds = Succeeds { replaces: &[("gold", "aurum")], ..Succeeds::default() };
    let renamed = raised.succeeded(at("2027-07-01"), &levels("aurum", 900), succeeds);
    let mut member = Member::joins(&first, "2027-01-01");
    member.buys(&first, "2027-03-10", 20_000);
    let promised = |tier: &str| vec![(tier.to_owned(), "2028-12-31".to_owned(), 1, "2027-06-01".to_owned())];
    assert_eq!(promises(member.settled(&raised, at("2027-06-02")).account()), promised("gold"));
    assert_eq!(promises(member.settled(&renamed, at("2027-07-02")).account()), promised("aurum"));
    assert_eq!(member.stands(&renamed, at("2027-07-02")), "aurum secured 2028-12-31");
}
