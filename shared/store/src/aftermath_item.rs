//! The aftermath of an entry, stored in the map `af` of its item.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `c` | S | the day on which an accrual was confirmed |
//! | `e` | S | how a redemption ended: `captured`, `cancelled`, `reversed` |
//! | `p` | N | the points captured of a hold |
//! | `g` | N | the points returned of a redemption |
//! | `r` | N | the money returned of a redemption, in minor units |
//! | `a` | M | the state of an accrual after returns and amendments |
//!
//! Of the map `a`:
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `l` | L | what was returned of named lines, each a list: position, thousandths of a piece, minor units |
//! | `s` | N | what was refunded without naming a line, in minor units |
//! | `b` | L | the newest amendment |
//! | `g` | M | the points that each line of the breakdown gives now |
//! | `t` | M | the steps that it takes now toward each rule |
//! | `n` | L | the returns and amendments, oldest first |
//! | `u` | BOOL | whether it was returned completely |
//!
//! An entry is a list of its id and, unless it is in the ledger of the same member, the member. Empty, zero and false
//! values are left out.

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_domain::{
    aftermath::{AccrualNow, Aftermath, Ending, Mark, Place},
    id::MemberId,
    points::Points,
    purchase::Quantity,
    returned::{Back, Returned},
};

use crate::item::{Item, as_number, as_parsed, compact_date, number, text};

const CONFIRMED_ON: &str = "c";
const ENDING: &str = "e";
const CAPTURED: &str = "p";
const GIVEN_BACK: &str = "g";
const MONEY_BACK: &str = "r";
const ACCRUAL: &str = "a";

const LINES: &str = "l";
const SPREAD: &str = "s";
const AMENDED: &str = "b";
const GIVEN: &str = "g";
const STEPS: &str = "t";
const ENTRIES: &str = "n";
const UNDONE: &str = "u";

/// Returns the values of [`crate::table::MARK`] for `mark`.
pub(crate) fn mark_values(mark: &Mark) -> Item {
    let Aftermath { changes, accrual, confirmed_on, ending, captured, given_back, money_back } = &mark.aftermath;
    let mut map = Item::new();
    put_number(&mut map, CAPTURED, captured.get());
    put_number(&mut map, GIVEN_BACK, given_back.get());
    put_number(&mut map, MONEY_BACK, *money_back);
    if let Some(date) = confirmed_on {
        map.insert(CONFIRMED_ON.to_owned(), text(compact_date(*date)));
    }
    if let Some(ending) = ending {
        map.insert(ENDING.to_owned(), text(ending_name(*ending)));
    }
    if let Some(now) = accrual {
        map.insert(ACCRUAL.to_owned(), AttributeValue::M(write_accrual(now, &mark.member)));
    }
    Item::from([
        (":read".to_owned(), number(&changes.saturating_sub(1))),
        (":zero".to_owned(), number(&0)),
        (":changes".to_owned(), number(changes)),
        (":aftermath".to_owned(), AttributeValue::M(map)),
    ])
}

/// Reads the aftermath of an entry in the ledger of `member`, after `changes` changes.
pub(crate) fn read(value: &AttributeValue, member: &MemberId, changes: u64) -> Option<Aftermath> {
    let map = value.as_m().ok()?;
    Some(Aftermath {
        changes,
        accrual: match map.get(ACCRUAL) {
            Some(now) => Some(read_accrual(now.as_m().ok()?, member)?),
            None => None,
        },
        confirmed_on: map.get(CONFIRMED_ON).map(|date| as_parsed(date).ok_or(())).transpose().ok()?,
        ending: map.get(ENDING).map(|name| read_ending(name).ok_or(())).transpose().ok()?,
        captured: Points::new(number_in(map, CAPTURED)?),
        given_back: Points::new(number_in(map, GIVEN_BACK)?),
        money_back: number_in(map, MONEY_BACK)?,
    })
}

fn write_accrual(now: &AccrualNow, member: &MemberId) -> Item {
    let AccrualNow { returned: Returned { lines, spread }, amended, given, steps, entries, is_undone } = now;
    let mut map = Item::new();
    let lines = lines.iter().map(|(place, Back { quantity, amount })| {
        list([number(place), number(&quantity.thousandths()), number(amount)])
    });
    put_list(&mut map, LINES, lines.collect());
    put_number(&mut map, SPREAD, *spread);
    put_list(&mut map, ENTRIES, entries.iter().map(|place| write_place(place, member)).collect());
    if let Some(place) = amended {
        map.insert(AMENDED.to_owned(), write_place(place, member));
    }
    let given = given.iter().map(|(line, points)| (line.clone(), number(points)));
    put_map(&mut map, GIVEN, given.collect());
    let steps = steps.iter().map(|(rule, taken)| (rule.to_string(), number(taken)));
    put_map(&mut map, STEPS, steps.collect());
    if *is_undone {
        map.insert(UNDONE.to_owned(), AttributeValue::Bool(true));
    }
    map
}

fn read_accrual(map: &Item, member: &MemberId) -> Option<AccrualNow> {
    let lines = items(map, LINES)?.iter().map(read_back).collect::<Option<_>>()?;
    let given = pairs(map, GIVEN)?.map(|(line, points)| Some((line.clone(), Points::new(as_number(points)?))));
    let steps = pairs(map, STEPS)?.map(|(rule, taken)| Some((rule.parse().ok()?, as_number(taken)?)));
    Some(AccrualNow {
        returned: Returned { lines, spread: number_in(map, SPREAD)? },
        amended: match map.get(AMENDED) {
            Some(place) => Some(read_place(place, member)?),
            None => None,
        },
        given: given.collect::<Option<_>>()?,
        steps: steps.collect::<Option<_>>()?,
        entries: items(map, ENTRIES)?.iter().map(|place| read_place(place, member)).collect::<Option<_>>()?,
        is_undone: match map.get(UNDONE) {
            Some(is_undone) => *is_undone.as_bool().ok()?,
            None => false,
        },
    })
}

fn read_back(value: &AttributeValue) -> Option<(usize, Back)> {
    let [place, thousandths, amount] = value.as_l().ok()?.as_slice() else { return None };
    let quantity = Quantity::of_thousandths(as_number(thousandths)?)?;
    Some((as_number(place)?, Back { quantity, amount: as_number(amount)? }))
}

fn write_place(place: &Place, member: &MemberId) -> AttributeValue {
    let elsewhere = Some(&place.member).filter(|other| *other != member);
    list(std::iter::once(text(place.entry.as_str())).chain(elsewhere.map(|member| text(member.as_str()))))
}

fn read_place(value: &AttributeValue, member: &MemberId) -> Option<Place> {
    let (entry, member) = match value.as_l().ok()?.as_slice() {
        [entry] => (entry, member.clone()),
        [entry, elsewhere] => (entry, as_parsed(elsewhere)?),
        _ => return None,
    };
    Some(Place { member, entry: as_parsed(entry)? })
}

fn list(values: impl IntoIterator<Item = AttributeValue>) -> AttributeValue {
    AttributeValue::L(values.into_iter().collect())
}

fn put_number(map: &mut Item, name: &str, value: i64) {
    if value != 0 {
        map.insert(name.to_owned(), number(&value));
    }
}

fn put_list(map: &mut Item, name: &str, values: Vec<AttributeValue>) {
    if !values.is_empty() {
        map.insert(name.to_owned(), AttributeValue::L(values));
    }
}

fn put_map(map: &mut Item, name: &str, values: Item) {
    if !values.is_empty() {
        map.insert(name.to_owned(), AttributeValue::M(values));
    }
}

fn number_in(map: &Item, name: &str) -> Option<i64> {
    map.get(name).map_or(Some(0), as_number)
}

fn items<'a>(map: &'a Item, name: &str) -> Option<&'a [AttributeValue]> {
    map.get(name).map_or(Some(&[]), |value| value.as_l().ok().map(Vec::as_slice))
}

fn pairs<'a>(map: &'a Item, name: &str) -> Option<impl Iterator<Item = (&'a String, &'a AttributeValue)>> {
    let inner = match map.get(name) {
        Some(value) => Some(value.as_m().ok()?),
        None => None,
    };
    Some(inner.into_iter().flatten())
}

const ENDINGS: [Ending; 3] = [Ending::Captured, Ending::Cancelled, Ending::Reversed];

fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::Captured => "captured",
        Ending::Cancelled => "cancelled",
        Ending::Reversed => "reversed",
    }
}

fn read_ending(value: &AttributeValue) -> Option<Ending> {
    let name = value.as_s().ok()?;
    ENDINGS.into_iter().find(|ending| ending_name(*ending) == name)
}
