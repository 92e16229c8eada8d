//! The tiers of a program: what counts toward them, over which period, and the threshold of each level.

use std::{cell::RefCell, collections::BTreeSet};

use jiff::civil::Date;

use serde_json::{Value, json};

use crate::{
    rules::{
        node::{NAME_LENGTH_MAX, Node},
        program::{
            entitlements::{self, Entitlement, Intervals},
            plans::EARNING_PERCENT_MAX,
        },
        schema::{Field, any_of, choice, integer, list, object, parsed, some, span, text, variant},
    },
    state::qualifying::Qualifying,
    values::{
        calendar::{EVER, days_after, months_after},
        id::LevelId,
        money::AMOUNT_MAX,
    },
};

/// Maximum number of tier levels.
pub const LEVELS_MAX: usize = 20;

/// Maximum days of grace: less than half a year, so that the grace of one period is over before the next period ends.
const GRACE_DAYS_MAX: i64 = 180;

/// Maximum number of days before the end of a level on which its notice is written, as for points that expire.
const NOTICE_DAYS_MAX: i64 = 90;

/// Maximum number of months of a rolling window: three years. Each month in which something counted takes some 30 bytes
/// of the account.
const ROLLING_MONTHS_MAX: i64 = 36;

/// Maximum number of perks of a level.
const PERKS_MAX: usize = 20;

/// The tiers of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// What counts toward them.
    pub basis: Basis,
    /// The period over which it counts.
    pub period: PeriodRule,
    /// What happens at a period's end to who did not reach the level again.
    pub downgrade: Downgrade,
    /// The days for which a level is kept after the period that it was earned for.
    pub grace_days: i32,
    /// The number of days before the last day of a level on which a notice is written; `None` without notices.
    pub notice_days: Option<i32>,
    /// The levels, lowest first. Never empty.
    pub levels: Vec<Level>,
}

/// One kind of amount that counts toward a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BasisUnit {
    /// Points of base rules that are not marked `"qualifying": false`.
    Points,
    /// Money spent, in minor units.
    Spend,
    /// Purchases.
    Visits,
}

impl BasisUnit {
    /// Returns its name in documents and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Points => "points",
            Self::Spend => "spend",
            Self::Visits => "visits",
        }
    }

    /// Returns the amount of this kind.
    #[must_use]
    pub fn of(self, qualifying: &Qualifying) -> i64 {
        match self {
            Self::Points => qualifying.points,
            Self::Spend => qualifying.spend,
            Self::Visits => qualifying.visits,
        }
    }
}

/// What counts toward a tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// One kind of amount.
    One(BasisUnit),
    /// A level is reached with any of these.
    Any(Vec<BasisUnit>),
    /// A level is reached only with all of these.
    All(Vec<BasisUnit>),
}

impl Basis {
    /// Returns the kinds of amount that count.
    #[must_use]
    pub fn units(&self) -> &[BasisUnit] {
        match self {
            Self::One(unit) => std::slice::from_ref(unit),
            Self::Any(units) | Self::All(units) => units,
        }
    }
}

/// The period over which amounts count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodRule {
    /// January to December.
    CalendarYear,
    /// From the day of joining to the day before its anniversary.
    MembershipYear,
    /// The whole membership.
    Lifetime,
    /// The last n full months, plus the current one. So a purchase counts to the end of the month n months later, like
    /// points that expire at the end of a month.
    RollingMonths(i32),
}

/// One period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub first: Date,
    /// Its last day; `None` if it never ends.
    pub last: Option<Date>,
}

impl PeriodRule {
    /// Returns the day under which amounts of `date` are stored: the first day of its period or, in a rolling period,
    /// of its month.
    #[must_use]
    pub fn bucket(self, date: Date, joined_on: Date) -> Date {
        match self {
            Self::RollingMonths(_) => date.first_of_month(),
            Self::CalendarYear | Self::MembershipYear | Self::Lifetime => self.period(date, joined_on).first,
        }
    }

    /// Returns the period of `date` for a member who joined on `joined_on`.
    #[must_use]
    pub fn period(self, date: Date, joined_on: Date) -> Period {
        match self {
            Self::CalendarYear => Period { first: date.first_of_year(), last: Some(date.last_of_year()) },
            Self::Lifetime => Period { first: EVER, last: None },
            Self::RollingMonths(months) => {
                let first = months_after(date.first_of_month(), months.saturating_neg());
                Period { first, last: Some(date.last_of_month()) }
            }
            Self::MembershipYear => {
                let years = i32::from(date.year()).saturating_sub(i32::from(joined_on.year()));
                let anniversary = |years: i32| months_after(joined_on, years.saturating_mul(12));
                // Purchases before joining count in the first year.
                let years = if anniversary(years) > date { years.saturating_sub(1) } else { years }.max(0);
                Period { first: anniversary(years), last: Some(days_after(anniversary(years.saturating_add(1)), -1)) }
            }
        }
    }
}

/// What happens at a period's end to who did not reach the level again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// The member falls to the level that was reached.
    ToQualified,
    /// The member falls by one level at most.
    OneLevel,
    /// The member keeps the level.
    Never,
}

/// The threshold of a level: an amount for each unit of the basis, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(Vec<(BasisUnit, i64)>);

impl Thresholds {
    /// Returns the amount of each unit, in the order of the basis.
    pub fn amounts(&self) -> impl Iterator<Item = (BasisUnit, i64)> + '_ {
        self.0.iter().copied()
    }

    /// Returns the amount of each unit that `qualifying` lacks; never negative.
    pub fn missing<'a>(&'a self, qualifying: &'a Qualifying) -> impl Iterator<Item = (BasisUnit, i64)> + 'a {
        self.0.iter().map(|(unit, threshold)| (*unit, threshold.saturating_sub(unit.of(qualifying)).max(0)))
    }
}

/// One level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its id.
    pub id: LevelId,
    /// Its threshold.
    pub thresholds: Thresholds,
    /// Whether it is never lost once reached, regardless of the program's downgrade.
    pub is_kept: bool,
    /// What its members earn, in percent of the base rules' points: 125 gives 25 % on top.
    pub earning_percent: i64,
    /// Its perks, as texts for people.
    pub perks: Vec<String>,
    /// The entitlements of its members.
    pub entitlements: Vec<Entitlement>,
    /// Levels of the version before that this one replaces.
    pub replaces: Vec<LevelId>,
}

impl Tiers {
    /// Returns the rank of a level, 0 for the lowest; `None` if the program no longer has it.
    #[must_use]
    pub fn rank(&self, level: &LevelId) -> Option<usize> {
        self.levels.iter().position(|candidate| candidate.id == *level)
    }

    /// Returns the level with this id.
    #[must_use]
    pub fn level(&self, id: &LevelId) -> Option<&Level> {
        self.levels.iter().find(|level| level.id == *id)
    }

    /// Returns whether the level of this rank is never lost once reached.
    #[must_use]
    pub fn is_kept(&self, rank: usize) -> bool {
        self.downgrade == Downgrade::Never || self.levels.get(rank).is_some_and(|level| level.is_kept)
    }

    /// Returns the highest rank, up to `rank`, whose level is never lost. A member who reached `rank` has reached it
    /// too.
    #[must_use]
    pub fn kept_rank(&self, rank: usize) -> Option<usize> {
        (0..=rank).rev().find(|rank| self.is_kept(*rank))
    }

    /// Returns the rank of the highest level that `qualifying` reaches; `None` if it does not reach the lowest.
    #[must_use]
    pub fn reached(&self, qualifying: &Qualifying) -> Option<&Level> {
        self.levels.iter().rev().find(|level| self.reaches(level, qualifying))
    }

    /// Returns whether `qualifying` reaches `level`.
    #[must_use]
    pub fn reaches(&self, level: &Level, qualifying: &Qualifying) -> bool {
        let mut missing = level.thresholds.missing(qualifying).map(|(_, missing)| missing);
        match self.basis {
            Basis::One(_) | Basis::All(_) => missing.all(|missing| missing == 0),
            Basis::Any(_) => missing.any(|missing| missing == 0),
        }
    }
}

const SEVERAL_UNITS: [&str; 2] = ["{\"any\": [...]}", "{\"all\": [...]}"];

const UNITS: [(&str, BasisUnit); 3] =
    [("points", BasisUnit::Points), ("spend", BasisUnit::Spend), ("visits", BasisUnit::Visits)];

/// The fields of the tiers.
pub(super) const FIELDS: [Field; 6] = [
    Field::optional("basis", "What counts toward a level.", basis).or("\"points\""),
    Field::optional("period", "The period over which amounts count.", period).or("\"calendar_year\""),
    Field::optional(
        "downgrade",
        "What happens at the end of a period to a member who did not reach the level again.",
        || choice(&DOWNGRADES),
    )
    .or("\"to_qualified\""),
    Field::optional("grace_days", "The days for which a level is kept after its period.", || span(0..=GRACE_DAYS_MAX))
        .or("0"),
    Field::optional(
        "notice_days",
        "The number of days before the end of a level on which a notice is written; 0 for none.",
        || span(0..=NOTICE_DAYS_MAX),
    )
    .or("0"),
    Field::required("levels", "The levels, lowest first.", || some(LEVELS_MAX, object(&LEVEL))),
];

/// The fields of a level.
const LEVEL: [Field; 7] = [
    Field::required("id", "The id of the level, unique in the document.", parsed::<LevelId>),
    Field::required(
        "threshold",
        "The amount that the level needs. If the basis names several kinds of amounts, an object with an amount for each.",
        threshold,
    ),
    Field::optional("downgrade", "`never` if a member who reached the level never loses it.", || choice(&KEPT)),
    Field::optional("earning_percent", "The percentage of the base points that members of the level earn.", || {
        integer(100..=EARNING_PERCENT_MAX)
    })
    .or("100"),
    Field::optional("perks", "The perks of the level, in words.", || list(PERKS_MAX, text(NAME_LENGTH_MAX))).or("[]"),
    Field::optional("entitlements", "What members of the level can use without points.", entitlements::schema).or("[]"),
    Field::optional("replaces", "The levels of the version before that this level replaces.", || {
        list(LEVELS_MAX, parsed::<LevelId>())
    })
    .or("[]"),
];

/// The fields of a threshold with several kinds of amounts.
const THRESHOLDS: [Field; 3] = [
    Field::optional("points", "The qualifying points.", || integer(0..=AMOUNT_MAX)),
    Field::optional("spend", "The money spent, in minor units.", || integer(0..=AMOUNT_MAX)),
    Field::optional("visits", "The number of purchases.", || integer(0..=AMOUNT_MAX)),
];

const DOWNGRADES: [(&str, Downgrade); 3] =
    [("to_qualified", Downgrade::ToQualified), ("one_level", Downgrade::OneLevel), ("never", Downgrade::Never)];

/// Whether a level is kept.
const KEPT: [(&str, bool); 1] = [("never", true)];

const PERIODS: [(&str, PeriodRule); 3] = [
    ("calendar_year", PeriodRule::CalendarYear),
    ("membership_year", PeriodRule::MembershipYear),
    ("lifetime", PeriodRule::Lifetime),
];

/// The schema of the tiers. A threshold has the kinds of amounts that the basis names.
pub(super) fn schema() -> Value {
    let mut tiers = object(&FIELDS);
    let several = |names: Value| json!({ "required": ["basis"], "properties": { "basis": { "type": "object", "additionalProperties": names } } });
    let threshold =
        |rule: Value| json!({ "properties": { "levels": { "items": { "properties": { "threshold": rule } } } } });
    let mut rules = vec![json!({
        "if": several(json!(true)),
        "then": threshold(json!({ "type": "object" })),
        "else": threshold(json!({ "type": "integer" })),
    })];
    rules.extend(UNITS.iter().map(|(name, _)| {
        json!({
            "if": several(json!({ "contains": { "const": name } })),
            "then": threshold(json!({ "required": [name] })),
            "else": threshold(json!({ "not": { "type": "object", "required": [name] } })),
        })
    }));
    if let Some(fields) = tiers.as_object_mut() {
        fields.insert("allOf".to_owned(), rules.into());
    }
    tiers
}

/// The schema of the basis.
fn basis() -> Value {
    let units = || some(UNITS.len(), choice(&UNITS));
    any_of([
        choice(&UNITS),
        variant("any", "A level needs any of these amounts.", units),
        variant("all", "A level needs all of these amounts.", units),
    ])
}

/// The schema of the period.
fn period() -> Value {
    let rolling =
        variant("rolling_months", "The last full months, and the current one.", || span(1..=ROLLING_MONTHS_MAX));
    any_of([choice(&PERIODS), rolling])
}

/// The schema of a threshold.
fn threshold() -> Value {
    any_of([integer(0..=AMOUNT_MAX), object(&THRESHOLDS)])
}

pub(super) fn read(node: &Node<'_>, intervals: &Intervals) -> Option<Tiers> {
    let fields = node.fields(&FIELDS)?;
    let basis = fields.read_or("basis", Basis::One(BasisUnit::Points), read_basis);
    let period = fields.read_or("period", PeriodRule::CalendarYear, read_period);
    let downgrade = fields.read_or("downgrade", Downgrade::ToQualified, |node| node.choice(&DOWNGRADES));
    let grace_days = fields.read_or("grace_days", 0, |node| node.span(0..=GRACE_DAYS_MAX));
    let notice_days = fields.read_or("notice_days", None, |node| {
        let days = node.span(0..=NOTICE_DAYS_MAX)?;
        Some(Some(days).filter(|days| *days > 0))
    });
    let levels = fields.required("levels").and_then(|node| read_levels(&node, basis.as_ref(), intervals));
    Some(Tiers {
        basis: basis?,
        period: period?,
        downgrade: downgrade?,
        grace_days: grace_days?,
        notice_days: notice_days?,
        levels: levels?,
    })
}

fn read_basis(node: &Node<'_>) -> Option<Basis> {
    let several = |node: &Node<'_>| {
        let units = node.list(UNITS.len(), |node| node.choice(&UNITS))?;
        let message = "must name each kind once, and at least one";
        if units.is_empty() {
            node.fault("contradiction", message);
            return None;
        }
        if UNITS.iter().any(|(_, unit)| units.iter().filter(|other| *other == unit).count() > 1) {
            node.lint("contradiction", message);
        }
        Some(units)
    };
    match node.variant() {
        Some(("any", units)) => several(&units).map(Basis::Any),
        Some(("all", units)) => several(&units).map(Basis::All),
        Some(_) => {
            node.choice_or(&UNITS, &SEVERAL_UNITS);
            None
        }
        None => node.choice_or(&UNITS, &SEVERAL_UNITS).map(Basis::One),
    }
}

fn read_period(node: &Node<'_>) -> Option<PeriodRule> {
    if let Some(("rolling_months", months)) = node.variant() {
        return months.span(1..=ROLLING_MONTHS_MAX).map(PeriodRule::RollingMonths);
    }
    node.choice_or(&PERIODS, &["{\"rolling_months\": n}"])
}

fn read_levels(node: &Node<'_>, basis: Option<&Basis>, intervals: &Intervals) -> Option<Vec<Level>> {
    let replaced = Replaced { kept: node.ids(), seen: RefCell::default() };
    let levels = node.list_by_id(LEVELS_MAX, |node| read_level(node, basis, intervals, &replaced))?;
    if levels.is_empty() {
        node.fault("out_of_range", "must have at least one level");
        return None;
    }
    for (lower, (place, higher)) in levels.iter().zip(levels.iter().enumerate().skip(1)) {
        let pairs = || lower.thresholds.0.iter().zip(&higher.thresholds.0);
        if pairs().any(|(low, high)| low.1 > high.1) || pairs().all(|(low, high)| low.1 == high.1) {
            let message = format!("the threshold of {} must be above that of {}", higher.id, lower.id);
            node.lint_below(&format!("/{place}"), "not_ascending", message);
        }
    }
    Some(levels)
}

/// Checks that no level is replaced twice, or while it still exists.
struct Replaced<'a> {
    /// The levels of this document.
    kept: BTreeSet<&'a str>,
    /// The levels replaced by those read so far.
    seen: RefCell<BTreeSet<LevelId>>,
}

impl Replaced<'_> {
    fn read(&self, node: &Node<'_>) -> Option<LevelId> {
        let level: LevelId = node.parsed("malformed")?;
        if self.kept.contains(level.as_str()) {
            node.lint("contradiction", format!("{level} is still a level of this document, so it cannot be replaced"));
        }
        if !self.seen.borrow_mut().insert(level.clone()) {
            node.lint("contradiction", format!("another level already replaces {level}"));
        }
        Some(level)
    }
}

fn read_level(node: &Node<'_>, basis: Option<&Basis>, intervals: &Intervals, others: &Replaced<'_>) -> Option<Level> {
    let fields = node.fields(&LEVEL)?;
    let id = fields.required("id").and_then(|node| node.parsed("malformed"));
    let thresholds = fields.required("threshold").and_then(|node| read_thresholds(&node, basis?));
    let is_kept = fields.read_or("downgrade", false, |node| node.choice(&KEPT));
    let earning_percent = fields.read_or("earning_percent", 100, |node| node.percent(100..=EARNING_PERCENT_MAX));
    let perks = fields.read_or("perks", Vec::new(), |node| node.list(PERKS_MAX, |node| node.string(NAME_LENGTH_MAX)));
    let entitlements = fields.read_or("entitlements", Vec::new(), |node| entitlements::read(node, intervals));
    let replaces = fields.read_or("replaces", Vec::new(), |node| node.list(LEVELS_MAX, |node| others.read(node)));
    Some(Level {
        id: id?,
        thresholds: thresholds?,
        is_kept: is_kept?,
        earning_percent: earning_percent?,
        perks: perks?,
        entitlements: entitlements?,
        replaces: replaces?,
    })
}

fn read_thresholds(node: &Node<'_>, basis: &Basis) -> Option<Thresholds> {
    let read = |node: &Node<'_>| node.integer(0..=AMOUNT_MAX);
    match basis {
        Basis::One(unit) => Some(Thresholds(vec![(*unit, read(node)?)])),
        Basis::Any(units) | Basis::All(units) => {
            let names: Vec<_> = units.iter().map(|unit| unit.name()).collect();
            let fields = node.fields_named(&names)?;
            let thresholds: Vec<_> = units
                .iter()
                .map(|unit| fields.required(unit.name()).and_then(|node| read(&node)).map(|amount| (*unit, amount)))
                .collect();
            thresholds.into_iter().collect::<Option<_>>().map(Thresholds)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_membership_year_runs_from_the_day_of_joining() {
        let joined_on = date(2024, 2, 29);
        for (day, first, last) in [
            (date(2024, 2, 29), date(2024, 2, 29), date(2025, 2, 27)),
            (date(2025, 2, 27), date(2024, 2, 29), date(2025, 2, 27)),
            (date(2025, 2, 28), date(2025, 2, 28), date(2026, 2, 27)),
            (date(2028, 2, 28), date(2027, 2, 28), date(2028, 2, 28)),
            (date(2024, 2, 1), date(2024, 2, 29), date(2025, 2, 27)),
        ] {
            let period = PeriodRule::MembershipYear.period(day, joined_on);
            assert_eq!(period, Period { first, last: Some(last) }, "{day}");
        }
    }

    #[test]
    fn a_rolling_period_covers_its_months_in_full_and_the_one_under_way() {
        let joined_on = date(2024, 2, 29);
        for (months, day, first, last) in [
            (12, date(2026, 1, 31), date(2025, 1, 1), date(2026, 1, 31)),
            (12, date(2026, 2, 1), date(2025, 2, 1), date(2026, 2, 28)),
            (1, date(2026, 3, 15), date(2026, 2, 1), date(2026, 3, 31)),
            (36, date(2026, 12, 1), date(2023, 12, 1), date(2026, 12, 31)),
        ] {
            let rule = PeriodRule::RollingMonths(months);
            assert_eq!(rule.period(day, joined_on), Period { first, last: Some(last) }, "{months} on {day}");
            assert_eq!(rule.bucket(day, joined_on), day.first_of_month());
        }
    }
}
