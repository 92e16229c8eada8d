//! Random histories of merged accounts: no key ever pays twice, every purchase can be returned, and no other member's
//! points move.

use std::collections::BTreeMap;

use regulars_tests::{
    numbers::Numbers,
    system::{System, member, purchase},
};
use serde_json::json;

const CARDS: [&str; 4] = ["m-0", "m-1", "m-2", "m-3"];
const KEYS: u64 = 5;
const WELCOME: i64 = 25;

/// The books: where each account went, and its purchases by key, with what is left of them, in euros.
#[derive(Clone, Debug, Default)]
struct Books {
    went_to: BTreeMap<usize, usize>,
    bought: [BTreeMap<String, (i64, i64)>; CARDS.len()],
}

impl Books {
    fn holder(&self, card: usize) -> usize {
        self.went_to.get(&card).map_or(card, |into| self.holder(*into))
    }

    fn cards_of(&self, holder: usize) -> Vec<usize> {
        (0..CARDS.len()).filter(|card| self.holder(*card) == holder).collect()
    }

    /// Returns the expected status of a purchase: 200 for a repeat, 422 for a key of another one, 201 for a new one.
    fn buys(&mut self, card: usize, key: &str, euro: i64) -> u16 {
        let holder = self.holder(card);
        let known: Vec<_> = self.cards_of(holder).into_iter().filter_map(|card| self.bought[card].get(key)).collect();
        if known.iter().any(|(paid, _)| *paid == euro) {
            return 200;
        }
        if !known.is_empty() {
            return 422;
        }
        self.bought[holder].insert(key.to_owned(), (euro, euro));
        201
    }

    /// Returns whose purchase of this key is meant; an error if there is none, or several are possible.
    fn meant(&self, card: usize, key: &str, named: Option<usize>) -> Result<usize, u16> {
        let of = self.cards_of(self.holder(card));
        let candidates: Vec<_> = of.iter().copied().filter(|card| self.bought[*card].contains_key(key)).collect();
        if let Some(named) = named {
            return candidates.into_iter().find(|card| *card == named).ok_or(404);
        }
        match candidates.as_slice() {
            [] => Err(404),
            [only] => Ok(*only),
            several if self.holder(card) != card && several.contains(&card) => Ok(card),
            _ => Err(409),
        }
    }

    fn balance(&self, holder: usize) -> i64 {
        let cards = self.cards_of(holder);
        cards.iter().map(|card| WELCOME + self.bought[*card].values().map(|(_, left)| left).sum::<i64>()).sum()
    }
}

fn check_history(seed: u64) {
    let system = System::start();
    for card in CARDS {
        system.enroll(card);
    }
    let (mut numbers, mut books) = (Numbers::new(seed), Books::default());
    let mut pick = move |end: usize| usize::try_from(numbers.below(u64::try_from(end).unwrap())).unwrap();
    for step in 0..60 {
        let (card, key) = (pick(CARDS.len()), format!("order-{}", pick(usize::try_from(KEYS).unwrap())));
        let told = format!("seed {seed}, step {step}: {} {key}", CARDS[card]);
        match pick(10) {
            0 => {
                let into = pick(CARDS.len());
                let is_possible = card != into && [card, into].iter().all(|card| books.holder(*card) == *card);
                let path = format!("{}/merge", member(CARDS[card]));
                let answer = system.client.post_under(&format!("merge-{step}"), &path, &json!({ "into": CARDS[into] }));
                assert_eq!(answer.status() == 201, is_possible, "{told} into {into}: {}", answer.body);
                if is_possible {
                    books.went_to.insert(card, into);
                }
            }
            1..6 => {
                let euro = i64::try_from(pick(3)).unwrap() + 1;
                let expected = books.buys(card, &key, euro);
                let answer = system.accrue(CARDS[card], &key, &purchase(euro * 100));
                assert_eq!(answer.status(), expected, "{told} for {euro}: {}", answer.body);
            }
            _ => {
                let named = (pick(2) == 0).then(|| pick(CARDS.len()));
                let query = named.map(|named| format!("?member={}", CARDS[named])).unwrap_or_default();
                let path = format!("{}/accruals/{key}/reversals{query}", member(CARDS[card]));
                let answer = system.client.post_under(&format!("return-{step}"), &path, &json!({}));
                match books.meant(card, &key, named) {
                    Err(status) => assert_eq!(answer.status(), status, "{told}{query}: {}", answer.body),
                    Ok(of) => {
                        let bought = books.bought[of].get_mut(&key).unwrap();
                        assert_eq!(answer.body["entry"]["points"], -bought.1, "{told}{query}: {}", answer.body);
                        bought.1 = 0;
                    }
                }
            }
        }
        for (place, card) in CARDS.iter().enumerate().filter(|(place, _)| books.holder(*place) == *place) {
            let balance = system.account(card)["balance"].clone();
            assert_eq!(balance["spendable"], books.balance(place), "{told}: {card}");
        }
    }
}

#[test]
fn histories_of_merged_accounts_agree_with_the_books() {
    for seed in 1..=6 {
        check_history(seed);
    }
}
