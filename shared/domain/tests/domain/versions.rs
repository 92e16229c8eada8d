//! Rules that change: what an earlier version promised, what a later one gives, and that nothing depends on when an
//! account was touched.

mod corrections;
mod deciding;
mod loading;
mod random;
mod rebuilding;
mod returns;

use jiff::Timestamp;
use regulars_domain::{
    account::{Account, Promise},
    enroll::{MemberChange, NewStatus, change_member},
    entry::{By, Entry},
    hash::Hash,
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, document, program_of, purchase};

/// Returns a document with a point per euro, with these levels and other fields of `tiers`.
fn with_levels(levels: &Value, tiers: &Value) -> Value {
    let mut all = json!({ "levels": levels });
    all.as_object_mut().unwrap().extend(tiers.as_object().unwrap().clone());
    document(json!({
        "points": { "backdating_days_max": 60 },
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
        "tiers": all,
    }))
}

/// Returns a document with a point per euro, with bronze for all members and silver at this threshold.
fn silver_at(threshold: i64, tiers: &Value) -> Value {
    let mut tiers = tiers.clone();
    let is_kept = tiers.as_object_mut().unwrap().remove("silver") == Some(json!("never"));
    let mut silver = json!({ "id": "silver", "threshold": threshold });
    if is_kept {
        silver["downgrade"] = json!("never");
    }
    with_levels(&json!([{ "id": "bronze", "threshold": 0 }, silver]), &tiers)
}

impl Member {
    /// Suspends and reactivates the member: two commits that leave everything as it was.
    pub(crate) fn is_touched(&mut self, rulebook: &Rulebook, now: Timestamp) {
        for status in [NewStatus::Suspended, NewStatus::Active] {
            let settled = self.settled(rulebook, now);
            let changes = MemberChange { status: Some(status), ..MemberChange::default() };
            let posting = change_member(settled, changes, By::Operator, None).unwrap().unwrap();
            self.commit(posting);
        }
    }

    fn buys(&mut self, rulebook: &Rulebook, when: &str, cents: i64) -> Entry {
        self.earns(rulebook, &format!("bought-{when}"), &purchase(when, json!(cents))).unwrap()
    }

    /// Returns tier, reason, and end, as in a table: `silver secured 2028-12-31`.
    fn stands(&mut self, rulebook: &Rulebook, now: Timestamp) -> String {
        let settled = self.settled(rulebook, now);
        let standing = settled.standing().unwrap();
        let level = standing.level.map_or("none", |level| level.id.as_str());
        assert_eq!(settled.account().tier.as_ref().map_or("none", |tier| tier.as_str()), level);
        let until = standing.until.map_or("-".to_owned(), |until| until.to_string());
        let because = json!(standing.because);
        format!("{level} {} {until}", because.as_str().unwrap())
    }

    /// Returns the account after a command at `now`, without the number of commits.
    pub(crate) fn account_at(&self, rulebook: &Rulebook, now: Timestamp) -> Account {
        let mut member = self.clone();
        member.is_touched(rulebook, now);
        Account { seq: 0, version: 0, head_hash: Hash::from([0; 32]), ..member.account }
    }
}

/// The versions: silver at 300, at 500 from February 2028 on, and again at 300 from April on.
fn raised_and_restored(tiers: &Value) -> [Rulebook; 3] {
    let first = program_of(&silver_at(300, tiers));
    let raised = first.then(at("2028-02-01T08:00"), &silver_at(500, tiers));
    let restored = raised.then(at("2028-04-01T08:00"), &silver_at(300, tiers));
    [first, raised, restored]
}

const YEAR: &str = "calendar_year";
const MEMBERSHIP: &str = "membership_year";
const LIFETIME: &str = "lifetime";

fn rolling() -> Value {
    json!({ "rolling_months": 12 })
}

#[test]
fn a_raised_threshold_takes_no_level_from_members_whether_they_were_touched_or_not() {
    let never = json!({ "downgrade": "never" });
    let silver_never = json!({ "silver": "never" });
    let grace = json!({ "grace_days": 31 });
    let none = json!({});
    // In January under the first version; in February and April under the others; and on one late day in each following
    // year.
    for (period, more, january, february, april, after) in [
        (
            json!(YEAR),
            &none,
            "silver secured 2028-12-31",
            "silver secured 2028-12-31",
            "silver secured 2028-12-31",
            ["bronze qualified -", "bronze qualified -"],
        ),
        (
            json!(YEAR),
            &grace,
            "silver secured 2029-01-31",
            "silver secured 2029-01-31",
            "silver secured 2029-01-31",
            ["silver secured 2029-01-31", "bronze qualified -"],
        ),
        (json!(YEAR), &never, "silver secured -", "silver secured -", "silver secured -", ["silver secured -"; 2]),
        (
            json!(YEAR),
            &silver_never,
            "silver secured -",
            "silver secured -",
            "silver secured -",
            ["silver secured -"; 2],
        ),
        (
            json!(MEMBERSHIP),
            &none,
            "silver qualified 2029-02-28",
            "silver secured 2029-02-28",
            "silver secured 2029-02-28",
            ["silver secured 2029-02-28", "bronze qualified -"],
        ),
        (
            json!(LIFETIME),
            &none,
            "silver qualified -",
            "silver secured -",
            "silver qualified -",
            ["silver qualified -"; 2],
        ),
        (
            rolling(),
            &none,
            "silver qualified 2028-06-30",
            "silver secured 2028-06-30",
            "silver qualified 2028-06-30",
            ["bronze qualified -", "bronze qualified -"],
        ),
        (
            rolling(),
            &grace,
            "silver qualified 2028-07-31",
            "silver secured 2028-07-31",
            "silver qualified 2028-07-31",
            ["bronze qualified -", "bronze qualified -"],
        ),
    ] {
        let mut tiers = more.clone();
        tiers["period"] = period;
        let [first, raised, restored] = raised_and_restored(&tiers);
        let mut idle = Member::joins(&first, "2027-03-01");
        idle.buys(&first, "2027-06-10", 35_000);
        let mut busy = idle.clone();
        // One of the two buys in January, for too little to reach anything.
        busy.buys(&first, "2028-01-10", 1_000);
        for member in [&mut idle, &mut busy] {
            let mut told = |rulebook: &Rulebook, now: &str| member.stands(rulebook, at(now));
            assert_eq!(told(&first, "2028-01-15"), january, "{tiers}");
            assert_eq!(told(&raised, "2028-02-15"), february, "{tiers}");
            assert_eq!(told(&restored, "2028-04-15"), april, "{tiers}");
            for (now, expected) in ["2029-01-01T00:00", "2029-03-01T00:00"].into_iter().zip(after) {
                assert_eq!(told(&restored, now), expected, "{tiers} on {now}");
            }
        }
    }
}

#[test]
fn a_lowered_threshold_helps_at_once_and_a_raised_one_counts_for_what_is_still_to_be_reached() {
    for (cents, until_february, from_february, from_april) in [
        // Bought in January 2028.
        (29_900, "bronze qualified -", "bronze qualified -", "bronze qualified -"),
        (30_000, "silver qualified 2029-12-31", "silver secured 2029-12-31", "silver qualified 2029-12-31"),
        (50_000, "silver qualified 2029-12-31", "silver qualified 2029-12-31", "silver qualified 2029-12-31"),
    ] {
        let [first, raised, restored] = raised_and_restored(&json!({}));
        let mut member = Member::joins(&first, "2028-01-01");
        member.buys(&first, "2028-01-10", cents);
        assert_eq!(member.stands(&first, at("2028-01-31")), until_february, "{cents}");
        assert_eq!(member.stands(&raised, at("2028-02-01T08:00")), from_february, "{cents}");
        assert_eq!(member.stands(&restored, at("2028-04-01T08:00")), from_april, "{cents}");
    }
    // Bought under the raised one: too little then, enough as soon as it is restored.
    let [_, raised, restored] = raised_and_restored(&json!({}));
    let mut member = Member::joins(&raised, "2028-01-01");
    member.buys(&raised, "2028-02-10", 30_000);
    assert_eq!(member.stands(&raised, at("2028-02-10")), "bronze qualified -");
    let entries = member.reviewed(&restored, at("2028-05-01"));
    let told: Vec<_> = entries.iter().map(|entry| (entry.id.as_str(), entry.occurred_at)).collect();
    assert_eq!(told, [("~tier~v3", at("2028-04-01T08:00"))]);
    assert_eq!(member.stands(&restored, at("2028-05-01")), "silver qualified 2029-12-31");
    member.assert_proven();
}

/// Instants at which an account may be touched, under the first version, the second, the third, and later.
const TOUCHES: [&str; 8] = [
    "2027-12-31T23:59",
    "2028-01-10",
    "2028-02-01T07:59",
    "2028-02-01T08:00",
    "2028-03-05",
    "2028-04-02",
    "2029-01-05",
    "2029-03-05",
];

/// Purchases in cents: before the threshold is raised, after it, and backdated to before it.
type Purchases = &'static [(&'static str, &'static str, i64)];

const PURCHASES: [Purchases; 4] = [
    &[("2027-06-10", "2027-06-10", 35_000)],
    &[("2027-06-10", "2027-06-10", 35_000), ("2028-02-20", "2028-02-20", 35_000)],
    &[("2027-06-10", "2027-06-10", 20_000), ("2027-12-20", "2028-02-10", 15_000)],
    &[("2028-03-10", "2028-03-10", 55_000), ("2028-12-20", "2029-01-20", 25_000)],
];

/// Runs `purchases` and `touches` in order, and returns the state at each instant of comparison.
fn lives(versions: &[Rulebook; 3], purchases: Purchases, touches: &[&str]) -> Vec<Account> {
    let [first, _, restored] = versions;
    let rulebook = |now: Timestamp| versions.iter().rev().find(|rules| rules.begins() <= now).unwrap();
    let mut member = Member::joins(first, "2027-03-01");
    let mut moments: Vec<_> = purchases.iter().map(|(made, now, cents)| (at(now), Some((*made, *cents)))).collect();
    moments.extend(touches.iter().map(|now| (at(now), None)));
    moments.sort();
    for (now, bought) in moments {
        match bought {
            Some((made, cents)) => {
                let occasion = purchase(made, json!(cents));
                member.earns_at(rulebook(now), now, &format!("bought-{made}"), &occasion).unwrap();
            }
            None => member.is_touched(rulebook(now), now),
        }
    }
    member.assert_proven();
    let ends = ["2029-03-06", "2030-01-15"];
    ends.map(|end| member.account_at(restored, at(end))).to_vec()
}

/// Asserts that two members end equal over this period, for all other fields of the tiers and all touches.
fn check_equal(period: &Value) {
    for more in
        [json!({}), json!({ "downgrade": "one_level" }), json!({ "downgrade": "never" }), json!({ "silver": "never" })]
    {
        for grace_days in [0, 31] {
            let mut tiers = more.clone();
            tiers["period"] = period.clone();
            tiers["grace_days"] = json!(grace_days);
            let versions = raised_and_restored(&tiers);
            for purchases in PURCHASES {
                let untouched = lives(&versions, purchases, &[]);
                for touches in TOUCHES.iter().map(std::slice::from_ref).chain([TOUCHES.as_slice()]) {
                    let touched = lives(&versions, purchases, touches);
                    assert_eq!(touched, untouched, "{tiers} {purchases:?} {touches:?}");
                }
            }
        }
    }
}

#[test]
fn two_members_end_equal_over_calendar_years_regardless_of_when_they_were_touched() {
    check_equal(&json!(YEAR));
}

#[test]
fn two_members_end_equal_over_membership_years_regardless_of_when_they_were_touched() {
    check_equal(&json!(MEMBERSHIP));
}

#[test]
fn two_members_end_equal_over_a_lifetime_regardless_of_when_they_were_touched() {
    check_equal(&json!(LIFETIME));
}

#[test]
fn two_members_end_equal_over_rolling_months_regardless_of_when_they_were_touched() {
    check_equal(&rolling());
}

#[test]
fn a_promise_that_steps_down_by_month_does_not_depend_on_when_accounts_were_touched() {
    let rules = |silver: i64, gold: i64, tiers: &Value| {
        let levels = json!([{ "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": silver },
                            { "id": "gold", "threshold": gold }]);
        let mut document = with_levels(&levels, tiers);
        // So that something happens on a day in December.
        document["points"]["expiry"] = json!({ "after_months": 1, "rounded_to": "exact_day" });
        document["points"]["expiry_notice_days"] = json!(0);
        document
    };
    let later = json!({ "period": { "rolling_months": 1 }, "downgrade": "one_level", "grace_days": 54 });
    let first = program_of(&rules(10, 20, &json!({})));
    let second = first.then(at("2026-11-21T13:00"), &rules(52, 62, &later));
    let mut untouched = Member::joins(&first, "2026-11-21");
    untouched.buys(&first, "2026-11-21", 2_000);
    let mut touched = untouched.clone();
    touched.is_touched(&second, at("2026-12-01"));
    for (now, expected) in [
        ("2027-01-31", "gold secured 2027-12-31"),
        ("2027-12-31", "gold secured 2027-12-31"),
        // One level down for a month and its days of grace, and then the next.
        ("2028-01-01T00:00", "silver secured 2028-03-25"),
        ("2028-03-25T23:59", "silver secured 2028-03-25"),
        ("2028-03-26T00:00", "bronze qualified -"),
    ] {
        for member in [&mut untouched, &mut touched] {
            assert_eq!(member.stands(&second, at(now)), expected, "{now}");
        }
        assert_eq!(untouched.account_at(&second, at(now)), touched.account_at(&second, at(now)), "{now}");
    }
}

#[test]
fn data_for_late_purchases_does_not_depend_on_when_accounts_were_touched() {
    let rules = |backdating: i64, rules: Value| {
        document(json!({ "points": { "backdating_days_max": backdating }, "earning_rules": rules }))
    };
    let challenge = json!({ "times": 2, "within_days": 1, "points": 30 });
    let dare = json!([{ "id": "dare", "on": "purchase", "give": { "challenge": challenge } }]);
    let first = program_of(&rules(0, dare));
    let second = first.then(at("2026-11-22T08:00"), &rules(1, json!([])));
    let mut untouched = Member::joins(&first, "2026-11-21");
    untouched.buys(&first, "2026-11-21", 100);
    for rulebook in [&first, &second] {
        // Whether the next version is already known, or not published yet.
        let mut touched = untouched.clone();
        touched.is_touched(rulebook, at("2026-11-22T07:00"));
        let now = at("2026-11-22T09:00");
        assert_eq!(untouched.account_at(&second, now), touched.account_at(&second, now));
    }
}

/// A promise as a table writes it: level, until when, which version, and as of when.
fn promises(account: &Account) -> Vec<(String, String, u64, String)> {
    let day = |day: Option<jiff::civil::Date>| day.map_or("-".to_owned(), |day| day.to_string());
    let told = |promise: &Promise| (promise.tier.to_string(), day(promise.until), promise.version, day(promise.as_of));
    account.promised.iter().map(told).collect()
}
