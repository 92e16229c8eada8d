//! Malformed input: values, texts and conditions derived from valid ones by a generator with a seed.

use fastrand::Rng;
use serde_json::{Value, json};

/// Texts that break careless code: empty, long, not ASCII, not printable, of other syntaxes, and almost valid.
const TEXTS: [&str; 28] = [
    "",
    " ",
    "~",
    ".",
    "..",
    "#",
    "%",
    "%00",
    "%2F",
    "\u{0}",
    "\u{202e}",
    "\u{feff}",
    "\u{1F980}",
    "a\u{301}",
    "'",
    "\"",
    "\\",
    "null",
    "9223372036854775808",
    "-1",
    "1e999",
    "0000-00-00",
    "2026-02-30",
    "9999-12-31T23:59:59.999999999Z",
    "2026-11-21T13:05:00Z",
    "Europe/Istanbul",
    "EUR",
    "SELECT 1; --",
];

/// Words of the condition language, and some that are not.
const WORDS: [&str; 44] = [
    "purchase.total",
    "purchase.lines",
    "purchase.channel",
    "purchase.attributes.x",
    "line.category",
    "line.quantity",
    "member.tier",
    "member.attributes.city",
    "member.spend",
    "member",
    "purchase",
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "1.5",
    "'a'",
    "''",
    "\"b\"",
    "['a', 'b']",
    "[]",
    "{}",
    "(",
    ")",
    "[",
    "]",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "in",
    "? 1 : 2",
    ".startsWith('a')",
    "category_total('coffee')",
    "size(",
];

/// Returns a text similar to `text`, or unrelated.
pub(crate) fn text(rng: &mut Rng, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    match rng.u8(0..7) {
        0 => return pick(rng, &TEXTS).to_owned(),
        1 => return pick(rng, &TEXTS).repeat(rng.usize(1..2_000)),
        2 => characters.truncate(rng.usize(0..=characters.len())),
        3 => characters.extend(pick(rng, &TEXTS).chars()),
        4 => {
            let at = rng.usize(0..=characters.len());
            characters.insert(at, rng.char(..));
        }
        5 if !characters.is_empty() => {
            let at = rng.usize(0..characters.len());
            characters[at] = rng.char('\u{0}'..'\u{80}');
        }
        _ => characters.reverse(),
    }
    characters.into_iter().collect()
}

/// Returns bytes similar to `bytes`: some changed, removed, repeated.
pub(crate) fn bytes(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(0..=bytes.len());
        match rng.u8(0..4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.u8(..)),
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(0..8),
            _ => {
                let part: Vec<u8> = bytes[at..].iter().copied().take(rng.usize(0..64)).collect();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// Returns a condition: words in any order, a valid one that was changed, or parentheses that never end.
pub(crate) fn condition(rng: &mut Rng) -> String {
    let good =
        ["line.category == 'beans'", "purchase.channel == 'app' && purchase.total >= 500", "member.tier in ['gold']"];
    match rng.u8(0..5) {
        0 => {
            let condition = pick(rng, &good);
            text(rng, condition)
        }
        1 => format!("{} {} {}", pick(rng, &good), pick(rng, &["&&", "||", "==", "<"]), pick(rng, &good)),
        2 => {
            let (open, close) =
                pick(rng, &[("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("size(", ")"), ("{'a':", "}")]);
            let depth = rng.usize(1..600);
            format!("{}{}{}", open.repeat(depth), pick(rng, &WORDS), close.repeat(rng.usize(0..=depth)))
        }
        3 => pick(rng, &WORDS).repeat(rng.usize(1..200)),
        _ => (0..rng.usize(1..40)).map(|_| pick(rng, &WORDS)).collect::<Vec<_>>().join(" "),
    }
}

/// Changes `value` in one place, half of the time, or in up to four. `others` are values to insert.
pub(crate) fn value(rng: &mut Rng, value: &Value, others: &[Value]) -> Value {
    let mut value = value.clone();
    for _ in 0..if rng.bool() { 1 } else { rng.usize(1..5) } {
        let place = rng.usize(0..nodes(&value).max(1));
        let other = || others.get(place.checked_rem(others.len())?).cloned();
        change(rng, node(&mut value, &mut { place }).unwrap_or(&mut Value::Null), other());
    }
    value
}

fn change(rng: &mut Rng, value: &mut Value, other: Option<Value>) {
    let count = match &*value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    match (rng.u8(0..4), &mut *value) {
        (0, _) => *value = scalar(rng),
        (1, _) => *value = other.unwrap_or_else(|| scalar(rng)),
        (_, Value::Array(items)) if count > 0 => {
            let at = rng.usize(0..count);
            if rng.bool() {
                drop(items.remove(at));
            } else {
                let copies = vec![items[at].clone(); rng.usize(1..600)];
                items.extend(copies);
            }
        }
        (_, Value::Object(fields)) if count > 0 => {
            let name = fields.keys().nth(rng.usize(0..count)).cloned().unwrap_or_default();
            let field = fields.remove(&name).unwrap_or_default();
            if rng.bool() {
                fields.insert(text(rng, &name), field);
            }
        }
        (_, Value::String(old)) => {
            let new = if rng.u8(0..4) == 0 { condition(rng) } else { text(rng, old) };
            *value = Value::from(new);
        }
        (_, Value::Number(old)) => {
            let old = old.as_i64().unwrap_or_default();
            *value = json!(pick(rng, &[old.wrapping_add(1), old.wrapping_neg(), old.wrapping_mul(1_000), old ^ 1]));
        }
        (_, _) => *value = scalar(rng),
    }
}

fn scalar(rng: &mut Rng) -> Value {
    let deep = (0..100).fold(json!(1), |value, _| json!([value]));
    let all = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        json!(-0.0),
        json!(1e300),
        json!([]),
        json!({}),
        json!([[]]),
        json!({ "": null }),
        deep,
        (0..50).map(|n| (format!("f{n}"), json!(n))).collect(),
    ];
    if rng.bool() { all[rng.usize(0..all.len())].clone() } else { text(rng, "a").into() }
}

/// Returns the number of values in `value`, including itself.
fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Returns the value at `place`, counted from the outside in.
fn node<'v>(value: &'v mut Value, place: &mut usize) -> Option<&'v mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| node(item, place)),
        Value::Object(fields) => fields.values_mut().find_map(|field| node(field, place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Returns one of `all`.
pub(crate) fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())]
}
