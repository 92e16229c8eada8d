//! The missing amount that is shown for a tier is bought exactly, and one less, on the first and on the last day shown.

use jiff::{Timestamp, civil::Date};
use proptest::{collection::vec, option, prelude::*, sample::select};
use regulars_domain::tier::{Because, Missing, Standing};
use serde_json::{Value, json};

use crate::{
    tiers::tiers_document,
    world::{Member, Rulebook, at, on, program_of, purchase},
};

const LEVELS: [&str; 4] = ["bronze", "silver", "gold", "platinum"];
/// The additional amount of each level over the one below: of each kind, and how many cents buy one of it.
const UNITS: [(&str, i64, i64); 3] = [("points", 100, 10), ("spend", 1_000, 1), ("visits", 2, 0)];

#[derive(Clone, Debug)]
enum Act {
    Wait,
    Buy(i64),
    /// An operator gives a level for a number of days.
    Give(usize, i64),
    /// The plan with this floor is paid.
    Pay,
}

#[derive(Clone, Debug)]
struct Terms {
    unit: usize,
    period: Value,
    downgrade: &'static str,
    grace_days: i64,
    interval: &'static str,
    kept: Option<usize>,
}

impl Terms {
    fn program(&self) -> Rulebook {
        let (unit, step, _) = UNITS[self.unit];
        let level = |(rank, id): (i64, &&str)| {
            let mut level = json!({ "id": id, "threshold": rank * step });
            if self.kept == usize::try_from(rank).ok() {
                level["downgrade"] = json!("never");
            }
            level
        };
        let levels: Vec<Value> = (0..).zip(&LEVELS).map(level).collect();
        let mut document = tiers_document(json!({
            "basis": unit, "period": self.period, "downgrade": self.downgrade, "grace_days": self.grace_days, "levels": levels,
        }));
        document["plans"] = json!([{ "id": "club", "name": "Club", "price": 990,
                                     "interval": self.interval, "tier_floor": "gold" }]);
        program_of(&document)
    }
}

/// A member on a day.
#[derive(Clone)]
struct Case<'p> {
    terms: &'p Terms,
    program: &'p Rulebook,
    member: Member,
}

impl<'p> Case<'p> {
    /// Buys an amount that counts, late on `day`.
    fn buys(&mut self, key: &str, day: Date, amount: i64) {
        let when = format!("{day}T23:30");
        let (_, _, cents) = UNITS[self.terms.unit];
        let (times, total) = if cents == 0 { (amount, 10) } else { (i64::from(amount > 0), amount * cents) };
        for n in 0..times {
            self.member.earns(self.program, &format!("{key}-{n}"), &purchase(&when, json!(total))).unwrap();
        }
    }

    /// Returns the rank of the tier at an instant, counted from 1; 0 for none.
    fn rank(&mut self, now: Timestamp) -> usize {
        let standing = self.standing(now);
        rank_of(standing.level.map(|level| level.id.as_str()))
    }

    fn standing(&mut self, now: Timestamp) -> Standing<'p> {
        let program = self.program;
        self.member.settled(program, now).standing().unwrap()
    }

    /// Returns the rank of the tier on `then` if an amount is bought on `day`.
    fn rank_after(&self, amount: i64, day: Date, then: Timestamp) -> usize {
        let mut case = self.clone();
        case.buys("more", day, amount);
        case.rank(then)
    }

    fn check(&mut self, today: Date) {
        let now = at(&format!("{today}T23:00"));
        let (terms, before) = (self.terms, self.clone());
        let standing = self.standing(now);
        let rank = rank_of(standing.level.map(|level| level.id.as_str()));
        let amount = |missing: &Missing<'_>| missing.amounts[0].1;
        if let Some(next) = &standing.next {
            let level = rank_of(Some(next.level.id.as_str()));
            for day in [today, next.by.unwrap_or(today)] {
                let then = at(&format!("{day}T23:45"));
                assert!(before.rank_after(amount(next), day, then) >= level, "{day}: {next:?}");
                assert!(before.rank_after(amount(next) - 1, day, then) < level, "one less on {day}: {next:?}");
            }
        }
        let Some(until) = standing.until else { return assert_eq!(standing.keep, None) };
        let (last, after) = (at(&format!("{until}T23:59")), at(&format!("{}T00:00", until.tomorrow().unwrap())));
        assert_eq!(before.clone().rank(last), rank, "on {until}, the last day");
        assert!(before.clone().rank(after) < rank, "the day after {until}");
        let Some(keep) = &standing.keep else {
            let is_rolling = terms.period.is_object();
            return assert!(standing.because == Because::Qualified && !is_rolling, "{standing:?}");
        };
        // Less can be enough if it reaches a higher level for now, from which the member falls to this one.
        let falls_at_once = terms.downgrade == "to_qualified" && terms.kept.is_none();
        assert!(keep.from >= today && amount(keep) > 0, "{keep:?}");
        for day in [keep.from, keep.by.unwrap()] {
            assert!(before.rank_after(amount(keep), day, after) >= rank, "{day}: {keep:?} until {until}");
            if falls_at_once {
                let one_less = before.rank_after(amount(keep) - 1, day, after);
                assert!(one_less < rank, "one less on {day}: {keep:?} until {until}");
            }
        }
        if falls_at_once && keep.from > today {
            let sooner = keep.from.yesterday().unwrap();
            assert!(
                before.rank_after(amount(keep), sooner, after) < rank,
                "too soon, on {sooner}: {keep:?} until {until}"
            );
        }
    }
}

fn rank_of(level: Option<&str>) -> usize {
    level.map_or(0, |level| LEVELS.iter().position(|known| *known == level).unwrap() + 1)
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let periods = vec![
        json!("calendar_year"),
        json!("membership_year"),
        json!("lifetime"),
        json!({ "rolling_months": 1 }),
        json!({ "rolling_months": 3 }),
        json!({ "rolling_months": 12 }),
    ];
    (
        0..UNITS.len(),
        select(periods),
        select(vec!["to_qualified", "one_level", "never"]),
        select(vec![0_i64, 10, 31, 75, 180]),
        select(vec!["month", "year"]),
        option::weighted(0.2, 1..LEVELS.len()),
    )
        .prop_map(|(unit, period, downgrade, grace_days, interval, kept)| Terms {
            unit,
            period,
            downgrade,
            grace_days,
            interval,
            kept,
        })
}

fn any_act() -> impl Strategy<Value = (i64, Act)> {
    let act = prop_oneof![
        3 => Just(Act::Wait),
        5 => (1_i64..4).prop_map(Act::Buy),
        1 => (1..LEVELS.len(), 0_i64..500).prop_map(|(rank, days)| Act::Give(rank, days)),
        1 => Just(Act::Pay),
    ];
    (prop_oneof![4 => 0_i64..40, 1 => 40_i64..400], act)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn buying_the_missing_amount_reaches_the_shown_level(terms in any_terms(), acts in vec(any_act(), 1..12)) {
        let program = terms.program();
        let member = Member::joins(&program, "2026-03-17");
        let mut case = Case { terms: &terms, program: &program, member };
        let mut today = on("2026-03-17");
        let (_, step, _) = UNITS[terms.unit];
        for (n, (days, act)) in acts.into_iter().enumerate() {
            today = today.saturating_add(jiff::Span::new().days(days));
            let now = at(&format!("{today}T22:00"));
            match act {
                Act::Wait => {}
                Act::Buy(halves) => case.buys(&format!("order-{n}"), today, halves * step / 2),
                Act::Give(rank, days) => {
                    let until = today.saturating_add(jiff::Span::new().days(days));
                    case.member.is_given(&program, now, LEVELS[rank], &until.to_string());
                }
                Act::Pay => drop(case.member.takes_plan(&program, now, &format!("payment-{n}"), "club")),
            }
            today = today.tomorrow().unwrap();
            case.check(today);
        }
    }
}
