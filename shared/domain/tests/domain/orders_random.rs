//! Random orders that are bought, returned and amended under random rules, compared with books that share no code with
//! the engine.

use std::collections::BTreeMap;

use proptest::{array::uniform4, collection::vec, option, prelude::*, sample::select};
use regulars_domain::{
    aftermath::Recorded, cap_use::CapOwner, money::Amount, occasion::Occasion, purchase::Quantity,
    qualifying::Qualifying, returned::ReturnedLine, reversal::Return,
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, euro, on, program, purchase, used};

const DAY: &str = "2026-11-21";
const CATEGORIES: [&str; 4] = ["coffee", "beans", "gift-card", "other"];
const PARTS: [&str; 4] = ["tax", "shipping", "tip", "paid_with_points"];

/// The condition of a rule: a minimum total, and the category of the lines that it counts.
type When = (i64, Option<&'static str>);

#[derive(Clone, Copy, Debug)]
enum Give {
    Rate(i64, i64),
    Fixed(i64),
    Items(i64, &'static str),
    Times(i64),
}

#[derive(Clone, Debug)]
struct Rule {
    kind: &'static str,
    id: String,
    when: When,
    give: Give,
    cap: Option<(&'static str, i64)>,
}

/// A program. Its card counts pieces: how many fill it, and the points of a full one.
#[derive(Clone, Debug)]
struct Terms {
    rounding: &'static str,
    earning_parts: [bool; 4],
    excluded: Option<&'static str>,
    rules: Vec<Rule>,
    tier_percent: Option<i64>,
    card: Option<(i64, i64)>,
}

/// A purchase: the category, the thousandths and the amount of each line, the amount outside of lines, and the parts of
/// the total.
#[derive(Clone, Debug)]
struct Basket {
    lines: Vec<(&'static str, i64, i64)>,
    outside: i64,
    parts: [i64; 4],
}

/// A returned line, by its number, with its quantity and amount if given.
type Back = (usize, Option<i64>, Option<i64>);

/// A return in thousandths: of what is left of the quantity and the amount of a line, of what is left to refund, or of
/// the total.
#[derive(Clone, Debug)]
enum Act {
    Buy(Basket),
    Amend(Basket),
    Lines(Vec<Back>),
    Refund(i64),
    RefundedTotal(i64),
    Everything,
    Spend(i64),
}

fn any_rules(kind: &'static str, gives: BoxedStrategy<Give>) -> impl Strategy<Value = Vec<Rule>> {
    let category = option::of(select(vec!["coffee", "beans"]));
    let when = (prop_oneof![3 => Just(0), 1 => 0..6_000_i64], category);
    let most = prop_oneof![(Just("times"), 1..=3_i64), (Just("points"), 1..50_i64), (Just("points"), 1..3_000_i64)];
    let cap = if kind == "best" { Just(None).boxed() } else { option::weighted(0.3, most).boxed() };
    vec((when, gives, cap), 0..=3).prop_map(move |rules| {
        let rule = |(n, (when, give, cap))| Rule { kind, id: format!("{kind}-{n}"), when, give, cap };
        rules.into_iter().enumerate().map(rule).collect()
    })
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let (fixed, times) = (|| (1..200_i64).prop_map(Give::Fixed), || (101..400_i64).prop_map(Give::Times));
    let rate = (1..20_i64, 1..=1_000_i64).prop_map(|(points, per)| Give::Rate(points, per));
    let items = (1..30_i64, select(vec!["lines", "pieces"])).prop_map(|(points, counts)| Give::Items(points, counts));
    let base = any_rules("base", prop_oneof![3 => rate, 1 => fixed(), 2 => items].boxed());
    let add = any_rules("add", times().boxed());
    let rules = (base, add, any_rules("best", prop_oneof![fixed(), times()].boxed()));
    let points = (select(vec!["floor", "half_up", "ceiling"]), any::<[bool; 4]>(), option::of(select(&CATEGORIES[..])));
    let besides = (option::of(100..300_i64), option::of((2..=12_i64, 1..100_i64)));
    (points, rules, besides).prop_map(|((rounding, earning_parts, excluded), (base, add, best), besides)| {
        let (rules, (tier_percent, card)) = ([base, add, best].concat(), besides);
        Terms { rounding, earning_parts, excluded, rules, tier_percent, card }
    })
}

fn any_basket() -> impl Strategy<Value = Basket> {
    let amount = || prop_oneof![1 => Just(0), 1 => 0..4_i64, 4 => 0..=3_000_i64];
    let quantity = prop_oneof![3 => (0..=5_i64).prop_map(|pieces| pieces * 1_000), 1 => select(vec![350, 2_500, 1])];
    let lines = vec((select(&CATEGORIES[..]), quantity, amount()), 0..=5);
    let shares = uniform4(prop_oneof![2 => Just(0), 1 => 0..=1_000_i64]);
    (lines, amount(), shares, prop::bool::weighted(0.05)).prop_map(|(mut lines, mut outside, shares, is_free)| {
        if is_free {
            (lines, outside) = (lines.into_iter().map(|line| (line.0, line.1, 0)).collect(), 0);
        }
        let total = outside + lines.iter().map(|line| line.2).sum::<i64>();
        Basket { lines, outside, parts: shares.map(|share| total * share / 1_000) }
    })
}

fn any_act() -> impl Strategy<Value = Act> {
    let share = || prop_oneof![2 => 0..1_000_i64, 1 => Just(500), 1 => Just(1_000), 1 => 1_000..1_200_i64];
    prop_oneof![
        4 => any_basket().prop_map(Act::Buy),
        3 => any_basket().prop_map(Act::Amend),
        6 => vec((0..6_usize, option::of(share()), option::of(share())), 1..4).prop_map(Act::Lines),
        3 => share().prop_map(Act::Refund),
        2 => share().prop_map(Act::RefundedTotal),
        1 => Just(Act::Everything),
        1 => (1..500_i64).prop_map(Act::Spend),
    ]
}

impl Rule {
    fn document(&self) -> Value {
        let stacking = if self.kind == "best" { json!({ "best_of": "group" }) } else { json!(self.kind) };
        let give = match self.give {
            Give::Rate(points, per) => json!({ "rate": { "points": points, "per": per } }),
            Give::Fixed(points) => json!({ "fixed": { "points": points } }),
            Give::Items(points, counts) => json!({ "per_item": { "points": points, "counts": counts } }),
            Give::Times(percent) => json!({ "multiplier": { "percent": percent } }),
        };
        let mut rule = json!({ "id": self.id, "on": "purchase", "stacking": stacking, "give": give });
        let (least, category) = self.when;
        let total = (least > 0).then(|| format!("purchase.total >= {least}"));
        let line = category.map(|category| format!("line.category == '{category}'"));
        let when: Vec<_> = total.into_iter().chain(line).collect();
        if !when.is_empty() {
            rule["when"] = json!(when.join(" && "));
        }
        if let Some((unit, most)) = self.cap {
            rule["cap"] = json!({ unit: most, "every": "day" });
        }
        rule
    }
}

impl Terms {
    fn document(&self) -> Value {
        let mut eligible: BTreeMap<_, _> = PARTS.into_iter().zip(self.earning_parts.map(Value::from)).collect();
        eligible.insert("excluded_categories", json!(self.excluded.as_slice()));
        let mut rules: Vec<_> = self.rules.iter().map(Rule::document).collect();
        if let Some((every, points)) = self.card {
            let card = json!({ "punch_card": { "every": every, "points": points, "counts": "pieces" } });
            rules.push(json!({ "id": "card", "on": "purchase", "stacking": "add", "give": card }));
        }
        let points = json!({ "rounding": self.rounding, "eligible": eligible });
        let mut document = json!({ "points": points, "earning_rules": rules });
        if let Some(percent) = self.tier_percent {
            let bronze = json!({ "id": "bronze", "threshold": 0, "earning_percent": percent });
            document["tiers"] = json!({ "basis": "points", "levels": [bronze] });
        }
        document
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.kind == kind)
    }

    fn round(&self, of: i64, by: i64) -> i64 {
        match self.rounding {
            "floor" => of / by,
            "half_up" => (2 * of + by) / (2 * by),
            _ => (of + by - 1) / by,
        }
    }

    /// Returns what a rule wants for what it counts, for which the base rules gave `base`.
    fn wants(&self, give: Give, counted: &Left, base: i64) -> i64 {
        match give {
            Give::Rate(points, per) => self.round(points * counted.earns, per),
            Give::Fixed(points) => points,
            Give::Items(points, "pieces") => points * counted.pieces(),
            Give::Items(points, _) => counted.lines.iter().map(|_| points).sum(),
            Give::Times(percent) => self.round(base * (percent - 100), 100),
        }
    }

    /// Returns what the base rules gave for what a rule with this condition counts.
    fn base_for(&self, when: When, left: &Left, given: &Given) -> i64 {
        let base = self.of("base").map(|rule| {
            let (wanted, gave) = given.get(&rule.id).copied().unwrap_or_default();
            match (when.1, rule.give) {
                (None, _) => gave,
                (Some(_), Give::Fixed(_)) => 0,
                (Some(_), of_lines) => {
                    let both = left.counted(rule.when).and_then(|left| left.counted(when)).unwrap_or_default();
                    share(self.wants(of_lines, &both, 0), gave, wanted)
                }
            }
        });
        base.sum()
    }
}

impl Basket {
    fn total(&self) -> i64 {
        self.lines.iter().map(|line| line.2).sum::<i64>() + self.outside
    }

    fn occasion(&self) -> Occasion {
        let lines = self.lines.iter().map(|(category, quantity, amount)| {
            let quantity = format!("{}.{:03}", quantity / 1_000, quantity % 1_000);
            let quantity: Value = serde_json::from_str(&quantity).unwrap();
            json!({ "category": category, "quantity": quantity, "amount": amount })
        });
        let total = json!({ "amount": self.total(), "currency": "EUR" });
        let mut fields = json!({ "total": total, "lines": lines.collect::<Vec<_>>() });
        for (part, amount) in PARTS.iter().zip(self.parts) {
            fields[part] = json!(amount);
        }
        purchase(DAY, fields)
    }

    /// Returns the eligible part of each line, and of the amount outside of lines.
    fn earning(&self, terms: &Terms) -> (Vec<i64>, i64) {
        let not_earning = self.parts.iter().zip(terms.earning_parts).filter(|(_, earns)| !earns);
        let not_earning: i64 = not_earning.map(|(amount, _)| amount).sum();
        let is_excluded = |category| terms.excluded == Some(category);
        let lines: Vec<_> = self.lines.iter().map(|line| if is_excluded(line.0) { 0 } else { line.2 }).collect();
        let left = lines.iter().sum::<i64>() - (not_earning - self.outside).max(0);
        (cut(&lines, left.max(0)), (self.outside - not_earning).max(0))
    }
}

/// Shares `left` out by `amounts`, each share rounded down; the units that remain go one each to the first that have room.
fn cut(amounts: &[i64], left: i64) -> Vec<i64> {
    let sum = amounts.iter().sum();
    let mut shares: Vec<_> = amounts.iter().map(|amount| share(*amount, left, sum)).collect();
    for n in 0..shares.len() {
        shares[n] += i64::from(shares.iter().sum::<i64>() < left && shares[n] < amounts[n]);
    }
    shares
}

fn share(whole: i64, part: i64, of: i64) -> i64 {
    if of == 0 { 0 } else { whole * part / of }
}

/// What is left of a purchase: its total, the eligible part, and for each line that can earn the category, the eligible
/// part and the whole pieces.
#[derive(Clone, Debug, Default)]
struct Left {
    total: i64,
    earns: i64,
    lines: Vec<(&'static str, i64, i64)>,
}

impl Left {
    /// Returns what a rule with this condition counts of it; `None` for nothing.
    fn counted(&self, (least, category): When) -> Option<Self> {
        let mut counted = self.clone();
        if let Some(category) = category {
            counted.lines.retain(|line| line.0 == category);
            counted.earns = counted.lines.iter().map(|line| line.1).sum();
        }
        let has_lines = category.is_none() || !counted.lines.is_empty();
        (has_lines && self.total >= least).then_some(counted)
    }

    fn pieces(&self) -> i64 {
        self.lines.iter().map(|line| line.2).sum()
    }
}

/// What each rule that counted a purchase wanted, and what it gave.
type Given = BTreeMap<String, (i64, i64)>;

/// A purchase in the books: the quantity and the amount of returns by line, and other refunds.
#[derive(Clone, Debug)]
struct Order {
    basket: Basket,
    named: Vec<(i64, i64)>,
    unnamed: i64,
    /// Whether a return has named it, for each line.
    told: Vec<bool>,
    is_gone: bool,
    given: Given,
}

impl Order {
    fn of(basket: &Basket, given: Given) -> Self {
        let named = vec![(0, 0); basket.lines.len()];
        let told = vec![false; named.len()];
        Self { basket: basket.clone(), named, told, unnamed: 0, is_gone: false, given }
    }

    fn refunded(&self) -> i64 {
        self.named.iter().map(|back| back.1).sum::<i64>() + self.unnamed
    }

    /// Takes a return. Returns the till's request, and whether the order has that much left.
    fn takes(&mut self, act: &Act) -> (Return, bool) {
        let (total, refunded, mut fits) = (self.basket.total(), self.refunded(), true);
        let returned = match act {
            Act::Lines(lines) => Return::Lines(lines.iter().map(|line| self.takes_line(*line, &mut fits)).collect()),
            Act::Refund(share) => {
                let refund = (total - refunded) * share / 1_000;
                self.unnamed += refund;
                Return::Refund(euro(refund))
            }
            Act::RefundedTotal(share) => {
                self.unnamed += (total * share / 1_000 - refunded).max(0);
                Return::RefundedTotal(euro(total * share / 1_000))
            }
            Act::Everything | Act::Buy(_) | Act::Amend(_) | Act::Spend(_) => {
                self.unnamed += total - refunded;
                self.is_gone = true;
                Return::Everything
            }
        };
        (returned, fits && self.refunded() <= total)
    }

    fn takes_line(&mut self, (n, quantity, amount): Back, fits: &mut bool) -> ReturnedLine {
        let (_, all, paid) = self.basket.lines.get(n).copied().unwrap_or_default();
        let (before, refunded) = self.named.get(n).copied().unwrap_or_default();
        let rest = (all - before, paid - refunded);
        let quantity = quantity.map(|share| rest.0.max(0) * share / 1_000);
        let amount = amount.map(|share| rest.1.max(0) * share / 1_000);
        let back = match (quantity, amount) {
            (Some(quantity), Some(amount)) => (quantity, amount),
            (Some(quantity), None) if quantity == rest.0 => rest,
            (Some(quantity), None) => (quantity, (share(paid, before + quantity, all) - refunded).max(0)),
            (None, Some(amount)) => (if amount == rest.1 { rest.0 } else { 0 }, amount),
            (None, None) => rest,
        };
        let is_gone = rest == (0, 0) && self.told.get(n).copied().unwrap_or_default();
        *fits = *fits && n < self.named.len() && !is_gone && back.0 <= rest.0 && back.1 <= rest.1;
        if let Some(named) = self.named.get_mut(n) {
            *named = (before + back.0, refunded + back.1);
            self.told[n] = true;
        }
        let quantity = quantity.map(|quantity| Quantity::of_thousandths(quantity).unwrap());
        ReturnedLine { line: n.to_string().parse().unwrap(), quantity, amount: amount.and_then(Amount::new) }
    }

    /// Returns the number, the quantity and the amount of each line with something left.
    fn lines_left(&self) -> Vec<(usize, i64, i64)> {
        let unnamed: Vec<_> = self.basket.lines.iter().zip(&self.named).map(|(line, back)| line.2 - back.1).collect();
        let amounts = cut(&unnamed, (unnamed.iter().sum::<i64>() - self.unnamed).max(0));
        let left = |(n, amount): (usize, i64)| (n, self.basket.lines[n].1 - self.named[n].0, amount);
        let mut lines: Vec<_> = amounts.into_iter().enumerate().map(left).collect();
        lines.retain(|(n, quantity, amount)| match self.basket.lines[*n] {
            // A free item is returned when it is named.
            (_, 0, 0) => !self.told[*n],
            (_, _, 0) => *quantity > 0,
            _ => *amount > 0,
        });
        lines
    }

    /// Returns whether everything was returned: the amount paid or, without one, all lines.
    fn is_over(&self) -> bool {
        let is_free = self.basket.total() == 0 && !self.basket.lines.is_empty();
        let is_refunded = self.refunded() > 0 && self.refunded() == self.basket.total();
        self.is_gone || is_refunded || is_free && self.lines_left().is_empty()
    }

    fn left(&self, terms: &Terms) -> Left {
        if self.is_gone {
            return Left::default();
        }
        let (earning, outside) = self.basket.earning(terms);
        let (total, lines) = (self.basket.total() - self.refunded(), self.lines_left());
        let outside_left = total - lines.iter().map(|line| line.2).sum::<i64>();
        let of_line = |(n, quantity, amount): &(usize, i64, i64)| {
            let (category, _, paid) = self.basket.lines[*n];
            (category, share(earning[*n], *amount, paid), quantity / 1_000)
        };
        let mut lines: Vec<_> = lines.iter().map(of_line).collect();
        lines.retain(|line| terms.excluded != Some(line.0));
        let in_lines: i64 = lines.iter().map(|line| line.1).sum();
        Left { total, earns: in_lines + share(outside, outside_left, self.basket.outside), lines }
    }
}

struct History {
    terms: Terms,
    program: Rulebook,
    member: Member,
    orders: Vec<Order>,
    spent: i64,
}

impl History {
    fn use_of(&self, rule: &Rule) -> i64 {
        let Some((unit, _)) = rule.cap else { return 0 };
        let given = self.orders.iter().filter_map(|order| Some(order.given.get(&rule.id)?.1));
        given.map(|given| if unit == "times" { i64::from(given > 0) } else { given }).sum()
    }

    /// Returns what `rule` wants and gives for `left`; `None` if it counts nothing of it.
    fn asked(&self, rule: &Rule, left: &Left, base: &Given, before: &Given) -> Option<(i64, i64)> {
        let base = self.terms.base_for(rule.when, left, base);
        let wanted = self.terms.wants(rule.give, &left.counted(rule.when)?, base);
        let Some((unit, most)) = rule.cap else { return Some((wanted, wanted)) };
        let (earlier, gave) = before.get(&rule.id).copied().unwrap_or_default();
        let room = most - self.use_of(rule);
        let given = match unit {
            _ if wanted <= gave => wanted,
            _ if wanted <= earlier => gave,
            "points" => gave + room.min(wanted - gave),
            _ if gave > 0 || room > 0 => wanted,
            _ => 0,
        };
        Some((wanted, given))
    }

    /// Returns what each rule wants and gives for `order` as it is now.
    fn assess(&self, order: &Order) -> Given {
        let (terms, left) = (&self.terms, order.left(&self.terms));
        if order.is_gone {
            return Given::new();
        }
        let ask = |kind, base: &Given| -> Vec<_> {
            let asked = |rule: &Rule| Some((rule.id.clone(), self.asked(rule, &left, base, &order.given)?));
            terms.of(kind).filter_map(asked).collect()
        };
        let base: Given = ask("base", &Given::new()).into_iter().collect();
        let whole = terms.base_for((0, None), &left, &base);
        let tier = terms.tier_percent.map(|percent| terms.wants(Give::Times(percent), &left, whole));
        let tier = tier.map(|points| ("tier:bronze".to_owned(), (points, points)));
        let best = ask("best", &base);
        let most = best.iter().map(|(_, (_, given))| *given).max();
        let best = best.into_iter().find(|(_, (_, given))| Some(*given) == most);
        let add = ask("add", &base);
        base.into_iter().chain(tier).chain(add).chain(best).collect()
    }

    /// Stores `order` in the books, at its position.
    fn note(&mut self, n: usize, mut order: Order) {
        order.is_gone = order.is_over();
        order.given = self.assess(&order);
        self.orders.splice(n..self.orders.len().min(n + 1), [order]);
    }

    fn take(&mut self, (which, act): &(usize, Act), key: &str) {
        let n = if let Act::Buy(_) = act { self.orders.len() } else { which % self.orders.len() };
        let id = format!("order-{n}");
        match act {
            Act::Buy(basket) => {
                self.member.earns(&self.program, &id, &basket.occasion()).unwrap();
                self.note(n, Order::of(basket, Given::new()));
            }
            Act::Amend(basket) => {
                self.member.amends(&self.program, at(DAY), key, &id, &basket.occasion()).unwrap();
                self.note(n, Order::of(basket, self.orders[n].given.clone()));
            }
            Act::Spend(points) => {
                let can = self.earned() - self.spent >= *points;
                assert_eq!(self.member.adjusts(&self.program, at(DAY), key, -points).is_ok(), can, "{key}");
                self.spent += if can { *points } else { 0 };
            }
            Act::Lines(_) | Act::Refund(_) | Act::RefundedTotal(_) | Act::Everything => {
                let mut order = self.orders[n].clone();
                let (returned, can) = order.takes(act);
                let done = self.member.returns(&self.program, at(DAY), key, &id, returned);
                assert_eq!(done.is_ok(), can, "{key}: {done:?} of {order:?}");
                if can {
                    self.note(n, order);
                }
            }
        }
        self.audit(key);
    }

    /// Returns what all orders give, including the card.
    fn earned(&self) -> i64 {
        let given = self.orders.iter().flat_map(|order| order.given.values()).map(|given| given.1);
        let pieces: i64 = self.orders.iter().map(|order| order.left(&self.terms).pieces()).sum();
        given.sum::<i64>() + self.terms.card.map_or(0, |(every, points)| pieces / every * points)
    }

    fn audit(&self, key: &str) {
        let (account, terms) = (&self.member.account, &self.terms);
        for (n, order) in self.orders.iter().enumerate() {
            let lines = order.given.iter().map(|(id, given)| (id.clone(), given.1)).filter(|line| line.1 != 0);
            let found = given(&self.member.recorded(&format!("order-{n}")));
            assert_eq!(found, lines.collect(), "order-{n} after {key}: {order:?}");
        }
        assert_eq!((account.total() - account.owed).get(), self.earned() - self.spent, "the balance after {key}");
        for rule in &terms.rules {
            let found = used(account, &CapOwner::Rule(rule.id.parse().unwrap()));
            assert_eq!(found, self.use_of(rule), "the use of {} after {key}", rule.id);
        }
        let left = self.orders.iter().filter(|order| !order.is_gone).map(|order| order.left(terms));
        let (mut counted, mut paid) = (Qualifying::default(), 0);
        for left in left {
            counted.visits += 1;
            counted.spend += left.earns;
            paid += left.total;
        }
        assert_eq!((i64::try_from(account.bought.purchases).unwrap(), account.bought.spend), (counted.visits, paid));
        if terms.tier_percent.is_some() {
            let base = self.orders.iter().map(|order| terms.base_for((0, None), &Left::default(), &order.given));
            counted.points = base.sum();
            let found = account.qualifying.get(&on("2026-01-01")).copied().unwrap_or_default();
            assert_eq!(found, counted, "what counts toward a tier after {key}");
        }
    }
}

/// Returns what each line of the breakdown gives now, without the card's.
fn given(recorded: &Recorded) -> BTreeMap<String, i64> {
    let told = recorded.sealed.entry.breakdown().iter().map(|line| (line.rule.clone(), line.given.get()));
    let now = recorded.aftermath.accrual.as_ref();
    let now = now.map(|now| now.given.iter().map(|(line, points)| (line.clone(), points.get())).collect());
    let mut given: BTreeMap<_, _> = now.unwrap_or_else(|| told.filter(|line| line.1 != 0).collect());
    assert_eq!(recorded.gives().get(), given.values().sum::<i64>());
    given.remove("card");
    given
}

proptest! {
    #![proptest_config(crate::cases::cases(800))]

    #[test]
    fn returned_orders_give_what_the_books_say(
        terms in any_terms(),
        first in any_basket(),
        acts in vec((any::<usize>(), any_act()), 1..20),
    ) {
        let program = program(terms.document());
        let member = Member::joins(&program, DAY);
        let mut history = History { terms, program, member, orders: Vec::new(), spent: 0 };
        history.take(&(0, Act::Buy(first)), "step-0");
        for (n, act) in acts.iter().enumerate() {
            history.take(act, &format!("step-{}", n + 1));
        }
        history.member.assert_proven();
    }
}
