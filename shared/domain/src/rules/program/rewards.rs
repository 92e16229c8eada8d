//! What points can be spent on.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

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
        schema::{Field, any_of, choice, integer, list, object, parsed, span, text, texts},
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
pub const HOLD_SECONDS_MAX: i64 = 3_600;

/// Most days for which a code is good: ten years.
const CODES_VALID_DAYS_MAX: i64 = 3_660;

/// The kind of a reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RewardKind {
    /// Money off a purchase.
    Discount,
    /// An article.
    Product,
    /// An event or a service.
    Experience,
    /// A donation to others.
    Donation,
    /// A code to be used later.
    Voucher,
    /// Money back.
    Cashback,
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

/// The fields of a reward.
pub(super) const FIELDS: [Field; 13] = [
    Field::required("id", "The id of the reward, unique in the document.", parsed::<RewardId>),
    Field::required("name", "The name shown to people.", || text(NAME_LENGTH_MAX)),
    Field::required("kind", "The kind of the reward.", || choice(&KINDS)),
    Field::required("cost", "The price in points.", || object(&COST)),
    Field::optional("stock", "The number of pieces.", stock).or("\"unlimited\""),
    Field::optional("limit", "How often, or for how many points, the reward can be redeemed.", cap::schema),
    Field::optional("tiers", "The levels for which the reward is; all members without it.", || {
        list(LEVELS_MAX, parsed::<LevelId>())
    })
    .or("[]"),
    Field::optional(
        "when",
        "The condition under which a member can redeem the reward, an expression in CEL.",
        condition::schema,
    ),
    Field::optional("active", "When the reward is on offer; always without it.", || object(&active::FIELDS)),
    Field::optional("codes", "Where the codes of the reward come from.", || choice(&CODE_SOURCES)).or("\"none\""),
    Field::optional(
        "codes_valid_days",
        "The days for which a code can be used; without it, codes do not expire.",
        || span(1..=CODES_VALID_DAYS_MAX),
    ),
    Field::optional("value", "The money that each code is worth. Such a code can be used in parts.", || object(&VALUE)),
    Field::optional("hold_seconds_max", "The longest hold in seconds; without it, the reward cannot be held.", || {
        integer(1..=HOLD_SECONDS_MAX)
    }),
];

/// The fields of a price.
const COST: [Field; 2] = [
    Field::required("points", "The number of points.", || integer(1..=Points::MAX.get())),
    Field::optional(
        "per",
        "The minor units of money for which the points are the price; without it, the price is fixed.",
        || integer(1..=AMOUNT_MAX),
    ),
];

/// The fields of the value of a code.
const VALUE: [Field; 2] = [
    Field::required("amount", "The amount in minor units.", || integer(1..=AMOUNT_MAX)),
    Field::required("currency", "The currency of the program.", parsed::<Currency>),
];

/// The most pieces of a reward.
const PIECES_MAX: i64 = 1_000_000_000;

/// How many pieces there can be.
fn stock() -> Value {
    any_of([texts(&["unlimited"]), integer(0..=PIECES_MAX)])
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
    let fields = node.fields(&FIELDS)?;
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
    let fields = node.fields(&VALUE)?;
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
    let fields = node.fields(&COST)?;
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
    node.integer(0..=PIECES_MAX).map(Stock::Pieces)
}
