//! What was returned of a purchase, and what is left of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::values::{
    money::{Amount, Money, in_proportion, share},
    purchase::{Line, Purchase, Quantity},
    text::Label,
};

/// A line of a return: `{ "line": "0", "quantity": 1, "amount": 5000 }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedLine {
    /// The id of the line.
    pub line: Label,
    /// The returned quantity. Default: all that is left of the line if all of its amount is refunded.
    pub quantity: Option<Quantity>,
    /// The refunded amount, in minor units. Default: the share of the quantity.
    pub amount: Option<Amount>,
}

/// What was returned of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// Pieces, or a weight.
    pub quantity: Quantity,
    /// What was refunded for it, in minor units.
    pub amount: i64,
}

/// Everything that was returned of a purchase so far.
///
/// The result does not depend on the order of returns: an amount without lines is spread over what the named lines
/// leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// What was returned of named lines, by the position of the line.
    pub lines: BTreeMap<usize, Back>,
    /// What was refunded without naming a line, in minor units.
    pub spread: i64,
}

/// Why a return does not fit the purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReturned {
    /// The purchase has no line with this id.
    LineNotFound(String),
    /// The return exceeds what is left of a line.
    LineExceeded {
        /// The line.
        line: String,
        /// What is left of it.
        left: Back,
    },
}

/// What is left of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The smaller purchase, without the lines that were returned completely.
    pub purchase: Purchase,
    /// The positions of its lines in the whole purchase.
    pub places: Vec<usize>,
}

impl Returned {
    /// Returns the total refunded, in minor units.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.lines.values().fold(self.spread, |sum, back| sum.saturating_add(back.amount))
    }

    /// Returns this plus `lines` of `purchase`, and what was returned of each of them.
    ///
    /// # Errors
    ///
    /// [`NotReturned`], for the first line that does not fit.
    pub fn and_lines(
        &self,
        purchase: &Purchase,
        lines: &[ReturnedLine],
    ) -> Result<(Self, Vec<(String, Back)>), NotReturned> {
        let mut after = self.clone();
        let mut came = Vec::new();
        for returned in lines {
            let name = returned.line.as_str();
            let place = purchase.place_of(name);
            let Some((place, line)) = place.and_then(|place| Some((place, purchase.lines.get(place)?))) else {
                return Err(NotReturned::LineNotFound(name.to_owned()));
            };
            let before = after.lines.get(&place).copied();
            let back = returned.back(line, before)?;
            let before = before.unwrap_or_default();
            let sum = Back {
                quantity: before.quantity.plus(back.quantity),
                amount: before.amount.saturating_add(back.amount),
            };
            after.lines.insert(place, sum);
            came.push((name.to_owned(), back));
        }
        Ok((after, came))
    }

    /// Returns this plus a refund of `amount` minor units without a line.
    #[must_use]
    pub fn and_amount(&self, amount: i64) -> Self {
        Self { spread: self.spread.saturating_add(amount), ..self.clone() }
    }

    /// Returns what was returned of each line of `purchase`, in order, with its share of refunds without a line.
    #[must_use]
    pub fn of_lines(&self, purchase: &Purchase) -> Vec<Back> {
        let named = |place: usize| self.lines.get(&place).copied().unwrap_or_default();
        let lines = purchase.lines.iter().enumerate();
        let unnamed: Vec<_> =
            lines.map(|(place, line)| line.amount.get().saturating_sub(named(place).amount)).collect();
        let whole = unnamed.iter().fold(0_i64, |sum, amount| sum.saturating_add(*amount));
        let left = in_proportion(&unnamed, whole.saturating_sub(self.spread).max(0), whole);
        let lines = purchase.lines.iter().zip(left).enumerate();
        lines
            .map(|(place, (line, left))| {
                let amount = line.amount.get().saturating_sub(left);
                let is_gone = left == 0 && amount > 0;
                Back { quantity: if is_gone { line.quantity } else { named(place).quantity }, amount }
            })
            .collect()
    }

    /// Returns what is left of `purchase`; `None` if nothing is left.
    #[must_use]
    pub fn rest_of(&self, purchase: &Purchase) -> Option<Rest> {
        let (mut lines, mut places) = (Vec::new(), Vec::new());
        for (place, (line, back)) in purchase.lines.iter().zip(self.of_lines(purchase)).enumerate() {
            let amount = line.amount.get().saturating_sub(back.amount);
            let quantity = line.quantity.less(back.quantity);
            // A line with the amount 0, such as a free item, is returned when a return names it.
            let is_untouched = back == Back::default() && !self.lines.contains_key(&place);
            if is_untouched || amount > 0 || quantity > Quantity::ZERO {
                lines.push(Line { quantity, amount: Amount::new(amount)?, ..line.clone() });
                places.push(place);
            }
        }
        let left = purchase.total.amount.get().saturating_sub(self.refunded());
        let came_back = *self != Self::default();
        if left == 0 && came_back && (self.refunded() > 0 || lines.is_empty()) {
            return None;
        }
        let total = Money { amount: Amount::new(left)?, ..purchase.total };
        Some(Rest { purchase: Purchase { total, lines, ..purchase.clone() }, places })
    }
}

impl ReturnedLine {
    /// Returns how much of `line` a returned line is, of which `named` was returned before.
    fn back(&self, line: &Line, named: Option<Back>) -> Result<Back, NotReturned> {
        let before = named.unwrap_or_default();
        let paid = line.amount.get();
        let left =
            Back { quantity: line.quantity.less(before.quantity), amount: paid.saturating_sub(before.amount).max(0) };
        let amount = self.amount.map(Amount::get);
        let back = match (self.quantity, amount) {
            (Some(quantity), Some(amount)) => Back { quantity, amount },
            (Some(quantity), None) if quantity == left.quantity => left,
            (Some(quantity), None) => {
                let so_far = before.quantity.plus(quantity).thousandths();
                let amount = share(paid, so_far, line.quantity.thousandths()).saturating_sub(before.amount);
                Back { quantity, amount: amount.clamp(0, left.amount) }
            }
            (None, Some(amount)) if amount == left.amount => Back { quantity: left.quantity, amount },
            (None, Some(amount)) => Back { quantity: Quantity::ZERO, amount },
            (None, None) => left,
        };
        let is_too_much = back.quantity > left.quantity || back.amount > left.amount;
        let nothing_left = left == Back::default() && named.is_some();
        if is_too_much || nothing_left {
            return Err(NotReturned::LineExceeded { line: self.line.as_str().to_owned(), left });
        }
        Ok(back)
    }
}
