//! What points can be spent on.

use jiff::civil::Date;

use crate::{
    rules::{
        cap::{self, Cap},
        expression::fact::Variable,
        node::{NAME_LENGTH_MAX, Node},
        program::{
            active::{self, ActiveWindow},
            attributes::AttributeSpec,
            condition::{self, Condition},
            plans::read_level,
            tiers::LEVELS_MAX,
        },
    },
    state::{
        cap_use::CapOwner,
        counter::{CounterId, Take},
    },
    values::{
        calendar,
        code::{CodeSource, CodeTerms},
        id::{LevelId, RewardId},
        money::{AMOUNT_MAX, Amount, Currency, Money},
        points::{Points, Rounding},
    },
};

/// Most rewards: the catalogue of a member is answered in one piece.
pub const REWARDS_MAX: usize = 500;

/// Longest hold, in seconds: an hour. A hold bridges a payment, not a day.
const HOLD_SECONDS_MAX: i64 = 3_600;

/// Most days for which a code is good: ten years.
const CODES_VALID_DAYS_MAX: i64 = 3_660;

/// What a reward is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewardKind {
    /// Money off the bill.
    Discount,
    /// A thing.
    Product,
    /// Something to take part in.
    Experience,
    /// A gift to others.
    Donation,
    /// A code to be used later.
    Voucher,
    /// Money back.
    Cashback,
}

impl RewardKind {
    /// Its name in documents and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

const KINDS: [(&str, RewardKind); 6] = [
    ("discount", RewardKind::Discount),
    ("product", RewardKind::Product),
    ("experience", RewardKind::Experience),
    ("donation", RewardKind::Donation),
    ("voucher", RewardKind::Voucher),
    ("cashback", RewardKind::Cashback),
];

const CODE_SOURCES: [(&str, CodeSource); 3] =
    [("none", CodeSource::None), ("generated", CodeSource::Generated), ("pool", CodeSource::Pool)];

/// What a reward costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// So many points.
    Fixed(Points),
    /// So many points for so much money, in minor units.
    PerMoney {
        /// Points.
        points: i64,
        /// For this many minor units.
        per: i64,
    },
}

impl Cost {
    /// What `money` costs at so many points per money, rounded up, so that nothing is had for nothing. `None` if it
    /// costs more than an account can hold.
    #[must_use]
    pub fn of(self, money: Amount) -> Option<Points> {
        match self {
            Self::Fixed(points) => Some(points),
            Self::PerMoney { points, per } => Points::ratio(money.get(), points, per, Rounding::Ceiling),
        }
    }
}

/// How many of a reward there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stock {
    /// As many as are wanted.
    Unlimited,
    /// So many, over the life of the program.
    Pieces(i64),
}

impl Stock {
    /// The number of pieces, if there is one.
    #[must_use]
    pub fn pieces(self) -> Option<i64> {
        match self {
            Self::Unlimited => None,
            Self::Pieces(pieces) => Some(pieces),
        }
    }
}

/// Something that points can be spent on.
#[derive(Debug)]
pub struct Reward {
    /// Its id.
    pub id: RewardId,
    /// Its name, for people.
    pub name: String,
    /// What it is.
    pub kind: RewardKind,
    /// What it costs.
    pub cost: Cost,
    /// How many there are.
    pub stock: Stock,
    /// How often it may be had.
    pub limit: Option<Cap>,
    /// The tiers that it is for; empty if for everybody.
    pub tiers: Vec<LevelId>,
    /// Who else it is for.
    pub(crate) when: Option<Condition>,
    /// When it may be had.
    pub active: ActiveWindow,
    /// Where its codes come from.
    pub codes: CodeSource,
    /// How many days a code can be used after the day on which it was given; `None` if it does not expire.
    pub codes_valid_days: Option<i32>,
    /// The money that each code is worth, if codes have a balance that can be used in parts.
    pub value: Option<Money>,
    /// How long it may be held, in seconds; `None` if it cannot be.
    pub hold_seconds_max: Option<i64>,
}

impl Reward {
    /// What its limit counts for.
    #[must_use]
    pub fn cap_owner(&self) -> CapOwner {
        CapOwner::Reward(self.id.clone())
    }

    /// Returns the terms of a code that is given on `today`; none where it has no codes.
    #[must_use]
    pub fn code_terms(&self, today: Date) -> CodeTerms {
        match self.codes {
            CodeSource::None => CodeTerms::default(),
            CodeSource::Generated | CodeSource::Pool => CodeTerms {
                expires_on: self.codes_valid_days.map(|days| calendar::days_after(today, days)),
                value: self.value,
            },
        }
    }

    /// The counter of its stock.
    #[must_use]
    pub fn stock_counter(&self) -> CounterId {
        CounterId::Stock(self.id.clone())
    }

    /// What a piece takes from its stock; `None` if that is unlimited.
    #[must_use]
    pub(crate) fn stock_take(&self) -> Option<Take> {
        Some(Take::new(self.stock_counter(), 1, self.stock.pieces()?))
    }
}

pub(super) fn read(
    node: &Node<'_>,
    attributes: Option<&[AttributeSpec]>,
    levels: Option<&[LevelId]>,
    currency: Option<Currency>,
) -> Option<Vec<Reward>> {
    node.list_by_id(REWARDS_MAX, |node| read_reward(node, attributes, levels, currency))
}

fn read_reward(
    node: &Node<'_>,
    attributes: Option<&[AttributeSpec]>,
    levels: Option<&[LevelId]>,
    currency: Option<Currency>,
) -> Option<Reward> {
    let fields = node.fields(&[
        "id",
        "name",
        "kind",
        "cost",
        "stock",
        "limit",
        "tiers",
        "when",
        "active",
        "codes",
        "codes_valid_days",
        "value",
        "hold_seconds_max",
    ])?;
    let id = fields.required("id").and_then(|node| node.parsed("malformed"));
    let name = fields.required("name").and_then(|node| node.string(NAME_LENGTH_MAX));
    let kind = fields.required("kind").and_then(|node| node.choice(&KINDS));
    let cost = fields.required("cost").and_then(|node| read_cost(&node));
    let stock = fields.read_or("stock", Stock::Unlimited, read_stock);
    let limit = fields.read_or("limit", None, |node| cap::read(node).map(Some));
    let tiers = fields.read_or("tiers", Vec::new(), |node| node.list(LEVELS_MAX, |node| read_level(node, levels)));
    let when = fields.read_or("when", None, |node| {
        condition::read(node, &[Variable::Member, Variable::OccurredAt], attributes).map(Some)
    });
    let active = fields.read_or("active", ActiveWindow::default(), active::read);
    let codes = fields.read_or("codes", CodeSource::None, |node| node.choice(&CODE_SOURCES));
    let codes_valid_days =
        fields.read_or("codes_valid_days", None, |node| read_codes_valid_days(node, codes).map(Some));
    let value = fields.read_or("value", None, |node| read_value(node, codes, cost, currency).map(Some));
    let hold_seconds_max =
        fields.read_or("hold_seconds_max", None, |node| read_hold_seconds_max(node, codes).map(Some));
    Some(Reward {
        id: id?,
        name: name?,
        kind: kind?,
        cost: cost?,
        stock: stock?,
        limit: limit?,
        tiers: tiers?,
        when: when?,
        active: active?,
        codes: codes?,
        codes_valid_days: codes_valid_days?,
        value: value?,
        hold_seconds_max: hold_seconds_max?,
    })
}

fn read_hold_seconds_max(node: &Node<'_>, codes: Option<CodeSource>) -> Option<i64> {
    // A code that was shown cannot be taken back, and a hold may end in nothing.
    if codes.is_some_and(|codes| codes != CodeSource::None) {
        node.lint("contradiction", "a reward with codes cannot be held");
    }
    node.integer(1..=HOLD_SECONDS_MAX)
}

fn read_codes_valid_days(node: &Node<'_>, codes: Option<CodeSource>) -> Option<i32> {
    if codes == Some(CodeSource::None) {
        node.lint("contradiction", "only a reward with codes can say for how many days they are good");
    }
    node.span(1..=CODES_VALID_DAYS_MAX)
}

fn read_value(
    node: &Node<'_>,
    codes: Option<CodeSource>,
    cost: Option<Cost>,
    program_currency: Option<Currency>,
) -> Option<Money> {
    if codes == Some(CodeSource::None) {
        node.lint("contradiction", "only a reward with codes can have a value");
    }
    if let Some(Cost::PerMoney { .. }) = cost {
        node.lint("contradiction", "a reward with a value needs a fixed cost, without per");
    }
    let fields = node.fields(&["amount", "currency"])?;
    let amount = fields.required("amount").and_then(|node| node.integer(1..=AMOUNT_MAX));
    let currency = fields.required("currency").and_then(|node| {
        let currency: Currency = node.parsed("unknown_currency")?;
        if let Some(expected) = program_currency.filter(|expected| *expected != currency) {
            node.lint("currency_mismatch", format!("must be {expected}, the currency of the program, not {currency}"));
        }
        Some(currency)
    });
    Some(Money { amount: Amount::new(amount?)?, currency: currency? })
}

fn read_cost(node: &Node<'_>) -> Option<Cost> {
    let fields = node.fields(&["points", "per"])?;
    let points = fields.required("points").and_then(|node| node.integer(1..=Points::MAX.get()));
    let per = fields.read_or("per", None, |node| node.integer(1..=AMOUNT_MAX).map(Some));
    Some(match (points?, per?) {
        (points, None) => Cost::Fixed(Points::new(points)),
        (points, Some(per)) => Cost::PerMoney { points, per },
    })
}

fn read_stock(node: &Node<'_>) -> Option<Stock> {
    if node.text() == Some("unlimited") {
        return Some(Stock::Unlimited);
    }
    node.integer(0..=1_000_000_000).map(Stock::Pieces)
}
