//! Random histories of a few members who pay for plans, use entitlements, buy, return and merge, compared with books
//! that share no code with the engine.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use proptest::prelude::*;
use regulars_domain::{
    account::Status,
    calendar::{Every, Interval},
    tier::Because,
};
use serde_json::json;

use crate::{
    auditor::{day_of, later},
    club::Club,
    world::{Member, Rulebook, at, program, purchase},
};

const IDS: [&str; 4] = ["m-0", "m-1", "m-2", "m-3"];
const LEVELS: [&str; 3] = ["bronze", "silver", "gold"];

/// A plan on offer. Without a floor its rank is below all.
#[derive(Clone, Copy, Debug)]
struct Offer {
    id: &'static str,
    months: i32,
    floor: i32,
    percent: i64,
    grace: i64,
    coffees: i64,
}

const OFFERS: [Offer; 4] = [
    Offer { id: "plain", months: 1, floor: -1, percent: 100, grace: 0, coffees: 1 },
    Offer { id: "plus", months: 1, floor: 1, percent: 100, grace: 0, coffees: 2 },
    Offer { id: "rich", months: 1, floor: 1, percent: 120, grace: 5, coffees: 3 },
    Offer { id: "max", months: 12, floor: 2, percent: 100, grace: 0, coffees: 0 },
];

fn rules(downgrade: &str, grace_days: i64) -> Rulebook {
    let plan = |offer: &Offer| {
        let interval = if offer.months == 12 { "year" } else { "month" };
        let mut plan = json!({ "id": offer.id, "price": 1, "interval": interval, "earning_percent": offer.percent,
                               "grace_days": offer.grace });
        if let Ok(floor) = usize::try_from(offer.floor) {
            plan["tier_floor"] = json!(LEVELS[floor]);
        }
        if offer.coffees > 0 {
            plan["entitlements"] = json!([{ "id": "coffee", "times": offer.coffees, "every": "month" }]);
        }
        plan
    };
    program(json!({
        "earning_rules": [{ "id": "base", "on": "purchase", "give": { "rate": { "points": 1, "per": 100 } } }],
        "tiers": { "period": "membership_year", "downgrade": downgrade, "grace_days": grace_days, "levels": [
            { "id": "bronze", "threshold": 0 }, { "id": "silver", "threshold": 100 }, { "id": "gold", "threshold": 300 },
        ] },
        "plans": OFFERS.iter().map(plan).collect::<Vec<_>>(),
    }))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait { hours: i64 },
    Pay { who: usize, offer: usize, replaces: bool },
    TakeBack { which: usize },
    End { who: usize },
    Drink { who: usize },
    Buy { who: usize, euro: i64 },
    Return { which: usize },
    Merge { from: usize, into: usize },
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = || 0..IDS.len();
    prop_oneof![
        4 => prop_oneof![2 => 0..100_i64, 1 => 500..1_500_i64, 1 => 3_000..9_000_i64].prop_map(|hours| Step::Wait { hours }),
        6 => (who(), 0..OFFERS.len(), prop::bool::weighted(0.2))
            .prop_map(|(who, offer, replaces)| Step::Pay { who, offer, replaces }),
        2 => any::<usize>().prop_map(|which| Step::TakeBack { which }),
        1 => who().prop_map(|who| Step::End { who }),
        8 => who().prop_map(|who| Step::Drink { who }),
        3 => (who(), 1..400_i64).prop_map(|(who, euro)| Step::Buy { who, euro }),
        1 => any::<usize>().prop_map(|which| Step::Return { which }),
        2 => (who(), who()).prop_map(|(from, into)| Step::Merge { from, into }),
    ]
}

/// A payment for a plan.
#[derive(Clone, Debug)]
struct Ticket {
    offer: usize,
    number: usize,
    begins: Date,
    /// The day on which the next payment is due, and its day of the month in longer months.
    due: Date,
    day_of_month: i8,
    payments: usize,
}

/// The last day of a month that is not after `day`.
fn in_month(year: i16, month: i8, day: i8) -> Date {
    (0..4).find_map(|less| Date::new(year, month, day - less).ok()).unwrap()
}

impl Ticket {
    fn offer(&self) -> Offer {
        OFFERS[self.offer]
    }

    /// The first day on which it no longer runs.
    fn over(&self) -> Date {
        later(self.due, self.offer().grace)
    }

    fn left(&self, today: Date) -> i64 {
        i64::from(self.begins.max(today).until(self.due).unwrap().get_days()).max(0)
    }

    fn pays(&mut self, months: i32) {
        let count = i32::from(self.due.year()) * 12 + i32::from(self.due.month()) - 1 + months;
        self.due = in_month((count / 12).try_into().unwrap(), (count % 12 + 1).try_into().unwrap(), self.day_of_month);
    }

    fn begins_on(&mut self, day: Date, today: Date) {
        if day != self.begins {
            (self.begins, self.due) = (day, later(day, self.left(today)));
            let is_whole = in_month(self.due.year(), self.due.month(), day.day()) == self.due;
            self.day_of_month = if is_whole { day.day() } else { self.due.day() };
        }
    }
}

/// One member in the books.
#[derive(Clone, Debug, Default)]
struct Page {
    tickets: Vec<Ticket>,
    coffees: Vec<Date>,
    gone_to: Option<usize>,
    /// The levels of accounts at their merge, each with its last day, if it has one.
    certain: Vec<(usize, Option<Date>)>,
}

impl Page {
    fn running(&self, today: Date) -> Option<&Ticket> {
        self.tickets.iter().find(|ticket| ticket.begins <= today && ticket.over() > today)
    }

    fn in_turn(&mut self, today: Date) {
        let mut free = None;
        for ticket in &mut self.tickets {
            ticket.begins_on(free.map_or(ticket.begins.min(today), |free: Date| free.max(today)), today);
            free = Some(ticket.over());
        }
    }

    fn drunk(&self, today: Date) -> i64 {
        let of_month = self.coffees.iter().filter(|day| day.first_of_month() == today.first_of_month());
        i64::try_from(of_month.count()).unwrap()
    }

    fn pays(&mut self, offer: usize, replaces: bool, number: usize, today: Date) -> Option<usize> {
        let other = self.running(today).filter(|running| running.offer != offer).cloned();
        let known = self.tickets.iter().position(|ticket| ticket.offer == offer);
        let mut ticket = match known {
            Some(place) => self.tickets.remove(place),
            None if other.as_ref().is_some_and(|other| other.due > today) && !replaces => return None,
            None => Ticket { offer, number, begins: today, due: today, day_of_month: today.day(), payments: 0 },
        };
        ticket.pays(OFFERS[offer].months);
        ticket.payments += 1;
        let number = ticket.number;
        if let Some(place) = known.filter(|_| other.is_none() || !replaces) {
            self.tickets.insert(place, ticket);
        } else {
            self.tickets.retain(|waiting| waiting.begins > today);
            self.tickets.insert(0, ticket);
        }
        self.in_turn(today);
        Some(number)
    }

    fn takes_back(&mut self, number: usize, months: i32, today: Date) -> bool {
        let place = self.tickets.iter().position(|ticket| ticket.number == number && ticket.over() > today);
        let Some(place) = place else { return false };
        let ticket = &mut self.tickets[place];
        ticket.payments -= 1;
        ticket.pays(-months);
        if ticket.payments == 0 || ticket.due <= ticket.begins || ticket.over() <= today {
            self.tickets.remove(place);
        }
        self.in_turn(today);
        true
    }

    fn takes_over(&mut self, from: Self, today: Date) {
        self.tickets.extend(from.tickets);
        self.tickets.sort_by_key(|ticket| {
            let Offer { floor, percent, .. } = ticket.offer();
            (-floor, -percent, -ticket.left(today))
        });
        let first = self.tickets.first().map(|ticket| ticket.number);
        self.tickets.retain(|ticket| Some(ticket.number) == first || ticket.left(today) > 0);
        self.in_turn(today);
        let number = self.tickets.iter().map(|ticket| ticket.offer().coffees).max().unwrap_or_default();
        let (own, theirs) = (self.drunk(today), i64::try_from(from.coffees.len()).unwrap());
        let both = if number == 0 { own + theirs } else { (own + theirs).min(number).max(own).max(theirs) };
        self.coffees = vec![today; usize::try_from(both).unwrap()];
        self.certain.extend(from.certain);
    }
}

/// A payment: its key, its ledger, its ticket, the number of months, and whether it was reversed.
struct Payment {
    key: String,
    by: usize,
    number: usize,
    months: i32,
    is_back: bool,
}

struct History {
    program: Rulebook,
    club: Club,
    pages: Vec<Page>,
    payments: Vec<Payment>,
    bought: Vec<(String, usize)>,
    now: Timestamp,
}

impl History {
    fn begin(program: Rulebook) -> Self {
        let mut club = Club::default();
        for (id, joined) in IDS.into_iter().zip(["2026-01-05", "2026-03-01", "2026-07-01", "2026-11-20"]) {
            club.joins(&program, joined, id, None, &[]);
        }
        let pages = vec![Page::default(); IDS.len()];
        Self { program, club, pages, payments: Vec::new(), bought: Vec::new(), now: at("2026-11-21T08:00") }
    }

    fn holder(&self, who: usize) -> usize {
        self.pages[who].gone_to.map_or(who, |into| self.holder(into))
    }

    fn take(&mut self, step: Step, key: &str) {
        let (now, today) = (self.now.to_string(), day_of(self.now));
        for page in &mut self.pages {
            page.tickets.retain(|ticket| ticket.over() > today || ticket.due == today);
            page.coffees.retain(|day| day.first_of_month() == today.first_of_month());
            page.certain.retain(|(_, until)| until.is_none_or(|until| until >= today));
        }
        let number = self.payments.len();
        match step {
            Step::Wait { hours } => self.now = self.now.checked_add(SignedDuration::from_hours(hours)).unwrap(),
            Step::Pay { who, offer, replaces } => {
                let who = self.holder(who);
                let pay = if replaces { Member::replaces_plan } else { Member::takes_plan };
                let done = pay(self.club.get_mut(IDS[who]), &self.program, self.now, key, OFFERS[offer].id);
                let paid = self.pages[who].pays(offer, replaces, number, today);
                assert_eq!(done.is_ok(), paid.is_some(), "{key}: {done:?}");
                self.payments.extend(paid.map(|number| Payment {
                    key: key.to_owned(),
                    by: who,
                    number,
                    months: OFFERS[offer].months,
                    is_back: false,
                }));
            }
            Step::TakeBack { which } => {
                let Some(which) = which.checked_rem(self.payments.len()) else { return };
                let Payment { key: paid, by, number, months, is_back } = &self.payments[which];
                let holder = self.holder(*by);
                let done = self.club.reverses_payment(&self.program, &now, key, (IDS[holder], IDS[*by], paid));
                let is_done = !is_back && self.pages[holder].takes_back(*number, *months, today);
                assert_eq!(done.is_ok(), is_done, "{key}: {done:?}");
                self.payments[which].is_back |= is_done;
            }
            Step::End { who } => {
                let who = self.holder(who);
                let done = self.club.get_mut(IDS[who]).ends_plan_once(&self.program, self.now, key).is_ok();
                let page = &mut self.pages[who];
                assert_eq!(done, page.running(today).is_some(), "{key}");
                if done {
                    page.tickets.retain(|ticket| ticket.begins > today);
                    page.in_turn(today);
                }
            }
            Step::Drink { who } => {
                let who = self.holder(who);
                let page = &mut self.pages[who];
                let can = page.running(today).is_some_and(|running| running.offer().coffees > page.drunk(today));
                let done = self.club.get_mut(IDS[who]).uses(&self.program, self.now, key, "coffee");
                assert_eq!(done.is_ok(), can, "{key}: {done:?}");
                page.coffees.extend(can.then_some(today));
            }
            Step::Buy { who, euro } => {
                let who = self.holder(who);
                self.club.earns(&self.program, key, IDS[who], &purchase(&now, json!(euro * 100))).unwrap();
                self.bought.push((key.to_owned(), who));
            }
            Step::Return { which } => {
                let Some(which) = which.checked_rem(self.bought.len()) else { return };
                let (bought, by) = self.bought[which].clone();
                let holder = self.holder(by);
                let place = (IDS[holder], IDS[by], &*bought);
                self.club.reverses(&self.program, &now, key, place, None).unwrap();
                self.pages[holder].certain.clear();
            }
            Step::Merge { from, into } => {
                let (from, into) = (self.holder(from), self.holder(into));
                if from == into {
                    return;
                }
                let certain: Vec<_> = [from, into].into_iter().filter_map(|who| self.certain(who)).collect();
                self.club.merges(&self.program, &now, key, (IDS[from], IDS[into])).unwrap();
                let page = std::mem::take(&mut self.pages[from]);
                self.pages[from].gone_to = Some(into);
                self.pages[into].takes_over(page, today);
                self.pages[into].certain.extend(certain);
            }
        }
        self.audit();
    }

    /// Returns the level that a member has by purchases, and the last day for which it is certain.
    fn certain(&mut self, who: usize) -> Option<(usize, Option<Date>)> {
        let settled = self.club.settled(&self.program, self.now, IDS[who]);
        let standing = settled.standing().unwrap();
        let rank = LEVELS.iter().position(|level| *level == standing.level.unwrap().id.as_str()).unwrap();
        // The books have what a plan gives as a plan.
        (standing.because != Because::Plan).then_some((rank, standing.until))
    }

    fn audit(&mut self) {
        let today = day_of(self.now);
        for (id, page) in IDS.into_iter().zip(&mut self.pages) {
            page.tickets.retain(|ticket| ticket.over() > today || ticket.due == today);
            let settled = self.club.settled(&self.program, self.now, id);
            let account = settled.account();
            assert_eq!(matches!(account.status, Status::Merged { .. }), page.gone_to.is_some());
            let said: Vec<_> =
                account.plans.iter().map(|term| (term.plan.as_str(), term.from, later(term.through, 1))).collect();
            let paid: Vec<_> =
                page.tickets.iter().map(|ticket| (ticket.offer().id, ticket.begins, ticket.due)).collect();
            assert_eq!(said, paid, "the plans of {id} on {today}");
            let owner = "entitlement/coffee".parse().unwrap();
            let drunk = account.cap_use.of(&owner, Interval::of(Every::Month, today));
            assert_eq!(drunk, page.drunk(today), "the coffees of {id} on {today}");
            let level = settled.standing().unwrap().level.unwrap().id.to_string();
            let rank = LEVELS.iter().position(|other| *other == level).unwrap();
            let floor = page.running(today).map_or(-1, |running| running.offer().floor);
            assert!(i32::try_from(rank).unwrap() >= floor, "{level} of {id} below the floor of a plan on {today}");
            let certain = page.certain.iter().filter(|(_, until)| until.is_none_or(|until| until >= today));
            let certain = certain.map(|(rank, _)| *rank).max().unwrap_or_default();
            assert!(rank >= certain, "{level} of {id} on {today}, which a card had for longer: {:?}", page.certain);
        }
        self.club.assert_proven();
    }
}

proptest! {
    #![proptest_config(crate::cases::cases(300))]

    #[test]
    fn no_paid_day_and_no_status_is_lost_by_payments_and_merges(
        (downgrade, grace) in (0..3_usize, prop_oneof![Just(0), Just(10_i64)]),
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut history = History::begin(rules(["to_qualified", "one_level", "never"][downgrade], grace));
        for (n, step) in steps.into_iter().enumerate() {
            history.take(step, &format!("step-{n}"));
        }
    }
}

#[test]
fn the_books_find_a_plan_a_use_and_a_level_that_went_astray() {
    let spoiled = |spoil: &dyn Fn(&mut Member)| {
        let mut history = History::begin(rules("to_qualified", 0));
        history.take(Step::Pay { who: 0, offer: 1, replaces: false }, "step-1");
        history.take(Step::Pay { who: 1, offer: 2, replaces: false }, "step-2");
        history.take(Step::Drink { who: 0 }, "step-3");
        history.take(Step::Buy { who: 1, euro: 350 }, "step-4");
        history.take(Step::Merge { from: 1, into: 0 }, "step-5");
        spoil(history.club.get_mut("m-0"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| history.audit())).is_err()
    };
    assert!(!spoiled(&|_| {}));
    assert!(spoiled(&|member| drop(member.account.plans.pop())));
    assert!(spoiled(&|member| member.account.plans.reverse()));
    assert!(spoiled(&|member| member.account.cap_use = BTreeMap::new().into_iter().collect()));
    assert!(spoiled(&|member| {
        member.account.qualifying.clear();
        member.account.promised.clear();
    }));
}

#[test]
fn uses_of_two_cards_in_one_month_are_what_the_books_say() {
    for offers in [[0, 0], [0, 2], [1, 1], [2, 1], [3, 1]] {
        let mut history = History::begin(rules("to_qualified", 0));
        let pay = |who: usize| Step::Pay { who, offer: offers[who], replaces: false };
        let drinks = [0, 1].into_iter().flat_map(|who| [Step::Drink { who }; 3]);
        let after = [Step::Merge { from: 1, into: 0 }, Step::Drink { who: 0 }];
        for (n, step) in [pay(0), pay(1)].into_iter().chain(drinks).chain(after).enumerate() {
            history.take(step, &format!("step-{n}"));
        }
    }
}
