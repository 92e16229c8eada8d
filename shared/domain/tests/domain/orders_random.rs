//! Random orders that are bought, returned and amended under random rules, against books that share no code with the engine.

use std::collections::BTreeMap;

use proptest::{array::uniform4, collection::vec, option, prelude::*, sample::select};
use regulars_domain::{
    account::Qualifying, aftermath::Recorded, cap_use::CapOwner, money::Amount, occasion::Occasion, purchase::Quantity,
    returned::ReturnedLine, reversal::Return,
};
use serde_json::{Value, json};

use crate::world::{Member, Rulebook, at, euro, on, program, purchase, used};

const DAY: &str = "2026-11-21";
const CATEGORIES: [&str; 4] = ["coffee", "beans", "gift-card", "other"];
const PARTS: [&str; 4] = ["tax", "shipping", "tip", "paid_with_points"];

/// The category that the condition of a rule names, if it has one.
type Of = Option<&'static str>;

/// What a rule gives.
#[derive(Clone, Copy, Debug)]
enum Give {
    Rate { points: i64, per: i64, of: Of },
    Fixed { points: i64, from: i64 },
    Items { points: i64, counts: &'static str, of: Of },
    Times { percent: i64, of: Of },
}

/// A cap of a day: what it counts, and how much.
type Cap = Option<(&'static str, i64)>;

/// A program.
#[derive(Clone, Debug)]
struct Terms {
    rounding: &'static str,
    earns: [bool; 4],
    excluded: Of,
    base: Vec<(Give, Cap)>,
    /// Multipliers that add.
    add: Vec<(Give, Cap)>,
    best: Vec<Give>,
    tier_percent: Option<i64>,
    /// A punch card for pieces: how many, and the points of a full one.
    card: Option<(i64, i64)>,
}

/// A line: its category, its quantity in thousandths, and its amount.
type Line = (&'static str, i64, i64);

/// A purchase: its lines, what no line holds, and what of the total each part is, in thousandths.
#[derive(Clone, Debug)]
struct Basket {
    lines: Vec<Line>,
    outside: i64,
    parts: [i64; 4],
}

#[derive(Clone, Debug)]
enum Step {
    Buy(Basket),
    /// Lines by number, with the quantity and the amount in thousandths of what is left.
    Lines(usize, Vec<(usize, Option<i64>, Option<i64>)>),
    /// A refund, in thousandths of what is left.
    Refund(usize, i64),
    /// All that was refunded so far, in thousandths of the total.
    InAll(usize, i64),
    Everything(usize),
    Amend(usize, Basket),
    Spend(i64),
}

fn any_of() -> impl Strategy<Value = Of> {
    option::of(select(vec!["coffee", "beans"]))
}

fn any_fixed() -> impl Strategy<Value = Give> {
    (1..200_i64, prop_oneof![Just(0), 0..6_000_i64]).prop_map(|(points, from)| Give::Fixed { points, from })
}

fn any_times() -> impl Strategy<Value = Give> {
    (101..400_i64, any_of()).prop_map(|(percent, of)| Give::Times { percent, of })
}

fn any_base() -> impl Strategy<Value = Give> {
    prop_oneof![
        3 => (1..20_i64, 1..=1_000_i64, any_of()).prop_map(|(points, per, of)| Give::Rate { points, per, of }),
        1 => any_fixed(),
        1 => (1..30_i64, select(vec!["lines", "pieces"]), any_of())
            .prop_map(|(points, counts, of)| Give::Items { points, counts, of }),
    ]
}

fn any_cap() -> impl Strategy<Value = Cap> {
    let most = prop_oneof![(Just("times"), 1..=3_i64), (Just("points"), 1..50_i64), (Just("points"), 1..3_000_i64)];
    option::weighted(0.4, most)
}

fn any_terms() -> impl Strategy<Value = Terms> {
    (
        (select(vec!["floor", "half_up", "ceiling"]), uniform4(any::<bool>()), option::of(select(&CATEGORIES[..]))),
        (vec((any_base(), any_cap()), 1..4), vec((any_times(), any_cap()), 0..3)),
        prop_oneof![Just(Vec::new()), vec(prop_oneof![any_fixed(), any_times()], 2)],
        (option::of(100..300_i64), option::of((2..=12_i64, 1..100_i64))),
    )
        .prop_map(|((rounding, earns, excluded), (base, add), best, (tier_percent, card))| Terms {
            rounding,
            earns,
            excluded,
            base,
            add,
            best,
            tier_percent,
            card,
        })
}

fn any_basket() -> impl Strategy<Value = Basket> {
    let amount = || prop_oneof![1 => Just(0), 1 => 0..4_i64, 4 => 0..=3_000_i64];
    let quantity = prop_oneof![3 => (0..=5_i64).prop_map(|pieces| pieces * 1_000), 1 => select(vec![350, 2_500, 1])];
    let lines = vec((select(&CATEGORIES[..]), quantity, amount()), 0..=5);
    let part = prop_oneof![2 => Just(0), 1 => 0..=1_000_i64];
    (lines, amount(), uniform4(part), prop::bool::weighted(0.05)).prop_map(|(lines, outside, parts, is_free)| {
        let price = |amount| if is_free { 0 } else { amount };
        let lines = lines.into_iter().map(|(category, quantity, amount)| (category, quantity, price(amount))).collect();
        Basket { lines, outside: price(outside), parts }
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let which = any::<usize>;
    let share = || prop_oneof![2 => 0..1_000_i64, 1 => Just(500), 1 => Just(1_000), 1 => 1_000..1_200_i64];
    let line = (0..6_usize, option::of(share()), option::of(share()));
    prop_oneof![
        4 => any_basket().prop_map(Step::Buy),
        6 => (which(), vec(line, 1..4)).prop_map(|(which, lines)| Step::Lines(which, lines)),
        3 => (which(), share()).prop_map(|(which, share)| Step::Refund(which, share)),
        2 => (which(), share()).prop_map(|(which, share)| Step::InAll(which, share)),
        1 => which().prop_map(Step::Everything),
        3 => (which(), any_basket()).prop_map(|(which, basket)| Step::Amend(which, basket)),
        1 => (1..500_i64).prop_map(Step::Spend),
    ]
}

fn rule(id: &str, stacking: &Value, give: Give, cap: Cap) -> Value {
    let (give, when) = match give {
        Give::Rate { points, per, of } => (json!({ "rate": { "points": points, "per": per } }), of.map(of_lines)),
        Give::Fixed { points, from } => {
            (json!({ "fixed": { "points": points } }), (from > 0).then(|| format!("purchase.total >= {from}")))
        }
        Give::Items { points, counts, of } => {
            (json!({ "per_item": { "points": points, "counts": counts } }), of.map(of_lines))
        }
        Give::Times { percent, of } => (json!({ "multiplier": { "percent": percent } }), of.map(of_lines)),
    };
    let mut rule = json!({ "id": id, "on": "purchase", "stacking": stacking, "give": give });
    if let Some(when) = when {
        rule["when"] = json!(when);
    }
    if let Some((unit, most)) = cap {
        rule["cap"] = json!({ unit: most, "every": "day" });
    }
    rule
}

fn of_lines(category: &str) -> String {
    format!("line.category == '{category}'")
}

impl Terms {
    fn document(&self) -> Value {
        let mut eligible: BTreeMap<_, _> = PARTS.into_iter().zip(self.earns.map(|earns| json!(earns))).collect();
        eligible.insert("excluded_categories", json!(self.excluded.as_slice()));
        let mut rules = Vec::new();
        for (n, (give, cap)) in self.base.iter().enumerate() {
            rules.push(rule(&format!("base-{n}"), &json!("base"), *give, *cap));
        }
        for (n, (give, cap)) in self.add.iter().enumerate() {
            rules.push(rule(&format!("add-{n}"), &json!("add"), *give, *cap));
        }
        for (n, give) in self.best.iter().enumerate() {
            rules.push(rule(&format!("best-{n}"), &json!({ "best_of": "group" }), *give, None));
        }
        if let Some((every, points)) = self.card {
            let card = json!({ "every": every, "points": points, "counts": "pieces" });
            rules.push(json!({ "id": "card", "on": "purchase", "stacking": "add", "give": { "punch_card": card } }));
        }
        let mut document =
            json!({ "points": { "rounding": self.rounding, "eligible": eligible }, "earning_rules": rules });
        if let Some(percent) = self.tier_percent {
            let bronze = json!({ "id": "bronze", "threshold": 0, "earning_percent": percent });
            document["tiers"] = json!({ "basis": "points", "levels": [bronze] });
        }
        document
    }

    fn round(&self, of: i64, by: i64) -> i64 {
        match self.rounding {
            "floor" => of / by,
            "half_up" => (2 * of + by) / (2 * by),
            _ => (of + by - 1) / by,
        }
    }

    /// What a rule that multiplies nothing wants for `left`.
    fn alone(&self, give: Give, left: &Left) -> i64 {
        match give {
            Give::Rate { points, per, of } => self.round(points * left.of(of).earns, per),
            Give::Fixed { points, from } if left.total >= from => points,
            Give::Items { points, counts: "pieces", of } => points * left.of(of).pieces(),
            Give::Items { points, of, .. } => left.of(of).lines.iter().map(|_| points).sum(),
            Give::Fixed { .. } | Give::Times { .. } => 0,
        }
    }

    /// What a rule on top wants for `left`, where the base rules wanted and gave `base`.
    fn on_top(&self, give: Give, left: &Left, base: &[(i64, i64)]) -> i64 {
        let Give::Times { percent, of } = give else { return self.alone(give, left) };
        let mut sum = 0;
        for ((give, _), (wanted, given)) in self.base.iter().zip(base) {
            sum += match (of, give) {
                (None, _) => *given,
                (Some(_), Give::Fixed { .. }) => 0,
                (Some(_), _) if *wanted == 0 => 0,
                (Some(_), _) => self.alone(*give, &left.of(of)) * given / wanted,
            };
        }
        self.round(sum * (percent - 100), 100)
    }
}

impl Basket {
    fn total(&self) -> i64 {
        self.lines.iter().map(|line| line.2).sum::<i64>() + self.outside
    }

    fn occasion(&self) -> Occasion {
        let mut fields = json!({ "total": { "amount": self.total(), "currency": "EUR" } });
        for (part, share) in PARTS.iter().zip(self.parts) {
            fields[part] = json!(self.total() * share / 1_000);
        }
        let lines = self.lines.iter().map(|(category, quantity, amount)| {
            let text = format!("{}.{:03}", quantity / 1_000, quantity % 1_000);
            let quantity: Value = serde_json::from_str(text.trim_end_matches('0').trim_end_matches('.')).unwrap();
            json!({ "category": category, "quantity": quantity, "amount": amount })
        });
        fields["lines"] = lines.collect();
        purchase(DAY, fields)
    }

    /// What of each line earns, and what of the amount that no line holds.
    fn earning(&self, terms: &Terms) -> (Vec<i64>, i64) {
        let parts = self.parts.iter().zip(terms.earns).filter(|(_, earns)| !earns);
        let not_earning: i64 = parts.map(|(share, _)| self.total() * share / 1_000).sum();
        let earns = |line: &Line| if terms.excluded == Some(line.0) { 0 } else { line.2 };
        let lines: Vec<_> = self.lines.iter().map(earns).collect();
        let of_lines = (not_earning - self.outside).max(0);
        let left = (lines.iter().sum::<i64>() - of_lines).max(0);
        (cut(&lines, left), (self.outside - not_earning).max(0))
    }
}

/// Shares `left` out by `amounts`, each share rounded down; the units that remain go one each to the first that have room.
fn cut(amounts: &[i64], left: i64) -> Vec<i64> {
    let sum: i64 = amounts.iter().sum();
    let mut shares: Vec<_> = amounts.iter().map(|amount| part(*amount, left, sum)).collect();
    let mut remain = left - shares.iter().sum::<i64>();
    for (share, amount) in shares.iter_mut().zip(amounts) {
        let has_room = remain > 0 && *share < *amount;
        *share += i64::from(has_room);
        remain -= i64::from(has_room);
    }
    assert_eq!(remain, 0);
    shares
}

fn part(whole: i64, part: i64, of: i64) -> i64 {
    if of == 0 { 0 } else { whole * part / of }
}

/// What is left of a purchase: its total, what of it earns, and of each line that can earn its category, what of it earns, and
/// its whole pieces.
#[derive(Clone, Debug, Default)]
struct Left {
    total: i64,
    earns: i64,
    lines: Vec<(&'static str, i64, i64)>,
}

impl Left {
    fn of(&self, category: Of) -> Self {
        let Some(category) = category else { return self.clone() };
        let lines: Vec<_> = self.lines.iter().copied().filter(|line| line.0 == category).collect();
        Self { total: self.total, earns: lines.iter().map(|line| line.1).sum(), lines }
    }

    fn pieces(&self) -> i64 {
        self.lines.iter().map(|line| line.2).sum()
    }
}

/// A purchase in the books.
#[derive(Clone, Debug)]
struct Order {
    basket: Basket,
    /// Of each line, the quantity and the amount that returns named.
    named: Vec<(i64, i64)>,
    /// What was refunded without naming a line.
    unnamed: i64,
    is_gone: bool,
    /// What each rule wanted, and what it gave.
    rules: BTreeMap<String, (i64, i64)>,
}

impl Order {
    fn of(basket: Basket, rules: BTreeMap<String, (i64, i64)>) -> Self {
        let named = vec![(0, 0); basket.lines.len()];
        Self { basket, named, unnamed: 0, is_gone: false, rules }
    }

    fn refunded(&self) -> i64 {
        self.named.iter().map(|back| back.1).sum::<i64>() + self.unnamed
    }

    /// Takes back a part of a line, and tells whether that could be.
    fn takes_line(&mut self, n: usize, quantity: Option<i64>, amount: Option<i64>) -> bool {
        let Some((_, all, paid)) = self.basket.lines.get(n).copied() else { return false };
        let (before, refunded) = self.named[n];
        let rest = (all - before, paid - refunded);
        let back = match (quantity, amount) {
            (Some(quantity), Some(amount)) => (quantity, amount),
            (Some(quantity), None) if quantity == rest.0 => rest,
            (Some(quantity), None) => (quantity, (part(paid, before + quantity, all) - refunded).max(0)),
            (None, Some(amount)) => (if amount == rest.1 { rest.0 } else { 0 }, amount),
            (None, None) => rest,
        };
        self.named[n] = (before + back.0, refunded + back.1);
        let is_over = rest == (0, 0) && (all, paid) != (0, 0);
        !is_over && back.0 <= rest.0 && back.1 <= rest.1
    }

    /// Quantity and amount that are left of each line of which something is, by its number.
    fn lines_left(&self) -> Vec<(usize, i64, i64)> {
        let unnamed: Vec<_> = self.basket.lines.iter().zip(&self.named).map(|(line, back)| line.2 - back.1).collect();
        let amounts = cut(&unnamed, (unnamed.iter().sum::<i64>() - self.unnamed).max(0));
        let mut left = Vec::new();
        for (n, amount) in amounts.into_iter().enumerate() {
            let (_, quantity, paid) = self.basket.lines[n];
            let quantity = quantity - self.named[n].0;
            // A line of nothing stays: none of it can come back.
            let is_gone = if paid > 0 { amount == 0 } else { quantity == 0 && self.named[n].0 > 0 };
            if !is_gone {
                left.push((n, quantity, amount));
            }
        }
        left
    }

    fn left(&self, terms: &Terms) -> Left {
        if self.is_gone {
            return Left::default();
        }
        let (lines, outside) = self.basket.earning(terms);
        let total = self.basket.total() - self.refunded();
        let of_lines: i64 = self.lines_left().iter().map(|line| line.2).sum();
        let all_lines: i64 = self.basket.lines.iter().map(|line| line.2).sum();
        let whole = self.basket.total() - all_lines;
        let mut left = Left { total, earns: part(outside, total - of_lines, whole), lines: Vec::new() };
        for (n, quantity, amount) in self.lines_left() {
            let (category, _, paid) = self.basket.lines[n];
            if terms.excluded != Some(category) {
                let earns = part(lines[n], amount, paid);
                left.earns += earns;
                left.lines.push((category, earns, quantity / 1_000));
            }
        }
        left
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
    fn begin(terms: Terms) -> Self {
        let program = program(terms.document());
        let member = Member::joins(&program, DAY);
        Self { terms, program, member, orders: Vec::new(), spent: 0 }
    }

    fn use_of(&self, id: &str, unit: &str) -> i64 {
        let given = self.orders.iter().filter_map(|order| order.rules.get(id)).map(|rule| rule.1);
        if unit == "times" { given.filter(|given| *given > 0).map(|_| 1).sum() } else { given.sum() }
    }

    /// What a rule that wants this gives, where it wanted and gave `before`.
    fn let_through(&self, id: &str, cap: Cap, wanted: i64, before: (i64, i64)) -> (i64, i64) {
        let Some((unit, most)) = cap else { return (wanted, wanted) };
        let room = most - self.use_of(id, unit);
        let given = match before {
            (_, given) if wanted <= given => wanted,
            (earlier, given) if wanted <= earlier => given,
            (_, given) if unit == "points" => given + room.min(wanted - given),
            (_, given) if given > 0 || room > 0 => wanted,
            _ => 0,
        };
        (wanted, given)
    }

    /// What each rule wants and gives for `order`, as it is now.
    fn assess(&self, order: &Order) -> BTreeMap<String, (i64, i64)> {
        let mut rules = BTreeMap::new();
        if order.is_gone {
            return rules;
        }
        let (terms, left) = (&self.terms, order.left(&self.terms));
        let before = |id: &str| order.rules.get(id).copied().unwrap_or_default();
        let mut base = Vec::new();
        for (n, (give, cap)) in terms.base.iter().enumerate() {
            let id = format!("base-{n}");
            base.push(self.let_through(&id, *cap, terms.alone(*give, &left), before(&id)));
            rules.insert(id, base[n]);
        }
        if let Some(percent) = terms.tier_percent {
            let points = terms.on_top(Give::Times { percent, of: None }, &left, &base);
            rules.insert("tier:bronze".to_owned(), (points, points));
        }
        for (n, (give, cap)) in terms.add.iter().enumerate() {
            let id = format!("add-{n}");
            let through = self.let_through(&id, *cap, terms.on_top(*give, &left, &base), before(&id));
            rules.insert(id, through);
        }
        let best: Vec<_> = terms.best.iter().map(|give| terms.on_top(*give, &left, &base)).collect();
        if let Some(most) = best.iter().max() {
            let first = best.iter().position(|points| points == most).unwrap();
            rules.insert(format!("best-{first}"), (*most, *most));
        }
        rules
    }

    /// Does something to an order, and to its page in the books if that can be.
    fn take(&mut self, step: &Step, key: &str) {
        let (Step::Lines(which, _)
        | Step::Refund(which, _)
        | Step::InAll(which, _)
        | Step::Everything(which)
        | Step::Amend(which, _)) = step
        else {
            return self.buy_or_spend(step, key);
        };
        let n = which % self.orders.len();
        let mut order = self.orders[n].clone();
        let (total, refunded) = (order.basket.total(), order.refunded());
        if order.is_gone && total == 0 && matches!(step, Step::Lines(..)) {
            return;
        }
        let mut can = true;
        let returned = match step {
            Step::Buy(_) | Step::Spend(_) => unreachable!("they are of no order"),
            Step::Amend(_, basket) => {
                order = Order::of(basket.clone(), order.rules);
                None
            }
            Step::Lines(_, lines) => {
                let mut returned = Vec::new();
                for (line, quantity, amount) in lines {
                    let rest = order.basket.lines.get(*line).map_or((0, 0), |(_, quantity, amount)| {
                        (quantity - order.named[*line].0, amount - order.named[*line].1)
                    });
                    let quantity = quantity.map(|share| (rest.0.max(0) * share + 999) / 1_000);
                    let amount = amount.map(|share| (rest.1.max(0) * share + 999) / 1_000);
                    can = can && order.takes_line(*line, quantity, amount);
                    let quantity = quantity.map(|quantity| Quantity::of_thousandths(quantity).unwrap());
                    let amount = amount.map(|amount| Amount::new(amount).unwrap());
                    returned.push(ReturnedLine { line: line.to_string().parse().unwrap(), quantity, amount });
                }
                Some(Return::Lines(returned))
            }
            Step::Refund(_, share) => {
                let refund = ((total - refunded) * share + 999) / 1_000;
                order.unnamed += refund;
                Some(Return::Refund(euro(refund)))
            }
            Step::InAll(_, share) => {
                let in_all = (total * share + 999) / 1_000;
                order.unnamed += (in_all - refunded).max(0);
                Some(Return::RefundedTotal(euro(in_all)))
            }
            Step::Everything(_) => {
                order.unnamed += total - refunded;
                order.is_gone = true;
                Some(Return::Everything)
            }
        };
        let id = format!("order-{n}");
        let done = if let Some(returned) = returned {
            let done = self.member.returns(&self.program, at(DAY), key, &id, returned);
            done.map(drop).map_err(|refusal| format!("{refusal:?}"))
        } else {
            let done = self.member.amends(&self.program, at(DAY), key, &id, &order.basket.occasion());
            done.map(drop).map_err(|refusal| format!("{refusal:?}"))
        };
        can = can && order.refunded() <= total.max(order.basket.total());
        assert_eq!(done.is_ok(), can, "{key}: {done:?} of {order:?}");
        if can {
            let is_all_refunded = order.refunded() > 0 && order.refunded() == order.basket.total();
            let is_all_given_back =
                order.basket.total() == 0 && !order.basket.lines.is_empty() && order.lines_left().is_empty();
            order.is_gone |= is_all_refunded || is_all_given_back;
            order.rules = self.assess(&order);
            self.orders[n] = order;
        }
        self.audit(key);
    }

    fn buy_or_spend(&mut self, step: &Step, key: &str) {
        if let Step::Buy(basket) = step {
            let id = format!("order-{}", self.orders.len());
            self.member.earns(&self.program, &id, &basket.occasion()).unwrap();
            let mut order = Order::of(basket.clone(), BTreeMap::new());
            order.rules = self.assess(&order);
            self.orders.push(order);
        }
        if let Step::Spend(points) = step {
            let can = self.earned() - self.spent >= *points;
            assert_eq!(self.member.adjusts(&self.program, at(DAY), key, -points).is_ok(), can, "{key}");
            self.spent += if can { *points } else { 0 };
        }
        self.audit(key);
    }

    /// What all orders give, with the card.
    fn earned(&self) -> i64 {
        let given = self.orders.iter().flat_map(|order| order.rules.values()).map(|rule| rule.1);
        let pieces: i64 = self.orders.iter().map(|order| order.left(&self.terms).pieces()).sum();
        given.sum::<i64>() + self.terms.card.map_or(0, |(every, points)| pieces / every * points)
    }

    fn audit(&self, key: &str) {
        let account = &self.member.account;
        for (n, order) in self.orders.iter().enumerate() {
            let expected: BTreeMap<_, _> =
                order.rules.iter().map(|(id, rule)| (id.clone(), rule.1)).filter(|(_, given)| *given != 0).collect();
            let id = format!("order-{n}");
            assert_eq!(given(&self.member.recorded(&id)), expected, "{id} after {key}: {order:?}");
        }
        assert_eq!((account.total() - account.owed).get(), self.earned() - self.spent, "the balance after {key}");
        let capped = self.terms.base.iter().map(|rule| ("base", rule)).enumerate();
        let capped = capped.chain(self.terms.add.iter().map(|rule| ("add", rule)).enumerate());
        for (n, (name, (_, cap))) in capped {
            let id = format!("{name}-{n}");
            let expected = cap.map_or(0, |(unit, _)| self.use_of(&id, unit));
            assert_eq!(used(account, &CapOwner::Rule(id.parse().unwrap())), expected, "the use of {id} after {key}");
        }
        let left: Vec<_> =
            self.orders.iter().filter(|order| !order.is_gone).map(|order| order.left(&self.terms)).collect();
        let visits = left.len().try_into().unwrap();
        let spend = left.iter().map(|left| left.total).sum::<i64>();
        assert_eq!((account.bought.purchases, account.bought.spend), (left.len().try_into().unwrap(), spend), "{key}");
        if self.terms.tier_percent.is_some() {
            let base = |order: &Order| -> i64 {
                order.rules.iter().filter(|(id, _)| id.starts_with("base")).map(|(_, rule)| rule.1).sum()
            };
            let points = self.orders.iter().map(base).sum();
            let counted = Qualifying { points, spend: left.iter().map(|left| left.earns).sum(), visits };
            let found = account.qualifying.get(&on("2026-01-01")).copied().unwrap_or_default();
            assert_eq!(found, counted, "what counts toward a tier after {key}");
        }
    }
}

/// What each line of the breakdown gives now, but for the card's.
fn given(recorded: &Recorded) -> BTreeMap<String, i64> {
    let mut given: BTreeMap<String, i64> = if let Some(now) = &recorded.aftermath.accrual {
        now.given.iter().map(|(line, points)| (line.clone(), points.get())).collect()
    } else {
        let breakdown = recorded.sealed.entry.breakdown().iter();
        breakdown.map(|line| (line.rule.clone(), line.given.get())).filter(|line| line.1 != 0).collect()
    };
    assert_eq!(recorded.gives().get(), given.values().sum::<i64>());
    given.remove("card");
    given
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_comes_back_of_orders_the_books_say_what_they_leave(
        terms in any_terms(),
        first in any_basket(),
        steps in vec(any_step(), 1..20),
    ) {
        let mut history = History::begin(terms);
        history.take(&Step::Buy(first), "step-0");
        for (n, step) in steps.iter().enumerate() {
            history.take(step, &format!("step-{}", n + 1));
        }
        history.member.assert_proven();
    }
}
