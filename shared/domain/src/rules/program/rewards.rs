//! Rewards, on which points can be spent.

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

/// Maximum number of rewards of a program.
pub const REWARDS_MAX: usize = 500;

/// Maximum length of a hold, in seconds: an hour. A hold lasts for a payment, not for a day.
pub const HOLD_SECONDS_MAX: i64 = 3_600;

/// Maximum number of days for which a code can be used: ten years.
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
    /// A fixed number of points.
    Fixed(Points),
    /// Points per amount of money.
    PerMoney {
        /// The number of points.
        points: i64,
        /// The amount, in minor units.
        per: i64,
    },
}

impl Cost {
    /// Returns the cost in points. A cost per money is computed for `money` and rounded up, so that no amount is free.
    /// `None` if it is more than an account can hold.
    #[must_use]
    pub fn of(self, money: Amount) -> Option<Points> {
        match self {
            Self::Fixed(points) => Some(points),
            Self::PerMoney { points, per } => Points::ratio(money.get(), points, per, Rounding::Ceiling),
        }
    }
}

/// The stock of a reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stock {
    /// No limit.
    Unlimited,
    /// A number of pieces over the life of the program.
    Pieces(i64),
}

impl Stock {
    /// Returns the number of pieces; `None` if it is unlimited.
    #[must_use]
    pub fn pieces(self) -> Option<i64> {
        match self {
            Self::Unlimited => None,
            Self::Pieces(pieces) => Some(pieces),
        }
    }
}

/// A reward, on which points can be spent.
#[derive(Debug)]
pub struct Reward {
    /// Its id.
    pub id: RewardId,
    /// Its name, for people.
    pub name: String,
    /// Its kind.
    pub kind: RewardKind,
    /// Its cost.
    pub cost: Cost,
    /// Its stock.
    pub stock: Stock,
    /// The limit on its uses or points.
    pub limit: Option<Cap>,
    /// The tiers whose members can redeem it; empty if all members can.
    pub tiers: Vec<LevelId>,
    /// A condition on the member.
    pub(crate) when: Option<Condition>,
    /// When it is on offer.
    pub active: ActiveWindow,
    /// Where its codes come from.
    pub codes: CodeSource,
    /// The number of days after the day on which a code was given for which it can be used; `None` if it does not
    /// expire.
    pub codes_valid_days: Option<i32>,
    /// The initial balance of each code, if codes can be used in parts.
    pub value: Option<Money>,
    /// The maximum length of a hold, in seconds; `None` if it cannot be held.
    pub hold_seconds_max: Option<i64>,
}

impl Reward {
    /// Returns the owner of its limit.
    #[must_use]
    pub fn cap_owner(&self) -> CapOwner {
        CapOwner::Reward(self.id.clone())
    }

    /// Returns the terms of a code that is given on `today`; empty terms if it has no codes.
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

    /// Returns the counter of its stock.
    #[must_use]
    pub fn stock_counter(&self) -> CounterId {
        CounterId::Stock(self.id.clone())
    }

    /// Returns the take of one piece from its stock; `None` if the stock is unlimited.
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
    Field::optional("tiers", "The levels whose members can redeem the reward; all members if empty.", || {
        list(LEVELS_MAX, parsed::<LevelId>())
    })
    .or("[]"),
    Field::optional(
        "when",
        "The condition under which a member can redeem the reward, an expression in CEL.",
        condition::schema,
    ),
    Field::optional("active", "When the reward is on offer. Default: always.", || object(&active::FIELDS)),
    Field::optional("codes", "Where the codes of the reward come from.", || choice(&CODE_SOURCES)).or("\"none\""),
    Field::optional(
        "codes_valid_days",
        "The number of days for which a code can be used. Without it, codes do not expire.",
        || span(1..=CODES_VALID_DAYS_MAX),
    ),
    Field::optional("value", "The money that each code is worth. Such a code can be used in parts.", || object(&VALUE)),
    Field::optional(
        "hold_seconds_max",
        "The maximum length of a hold, in seconds. Without it, the reward cannot be held.",
        || integer(1..=HOLD_SECONDS_MAX),
    ),
];

/// The fields of a price.
const COST: [Field; 2] = [
    Field::required("points", "The number of points.", || integer(1..=Points::MAX.get())),
    Field::optional(
        "per",
        "The amount of money, in minor units, that the points pay for. Without it, the price is fixed.",
        || integer(1..=AMOUNT_MAX),
    ),
];

/// The fields of the value of a code.
const VALUE: [Field; 2] = [
    Field::required("amount", "The amount in minor units.", || integer(1..=AMOUNT_MAX)),
    Field::required("currency", "The currency of the program.", parsed::<Currency>),
];

/// Maximum number of pieces of a reward.
const PIECES_MAX: i64 = 1_000_000_000;

/// The schema of a stock.
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
    // A code that was shown cannot be taken back, and a hold may be cancelled.
    if codes.is_some_and(|codes| codes != CodeSource::None) {
        node.lint("contradiction", "a reward with codes cannot be held");
    }
    node.integer(1..=HOLD_SECONDS_MAX)
}

fn read_codes_valid_days(node: &Node<'_>, codes: Option<CodeSource>) -> Option<i32> {
    if codes == Some(CodeSource::None) {
        node.lint("contradiction", "only a reward with codes can have codes_valid_days");
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
