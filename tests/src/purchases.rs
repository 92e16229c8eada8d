//! A file of purchases, read with an error that names the line and the remedy.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use csv::StringRecord;
use regulars_cli::reason::reason;
use regulars_domain::{
    id::{IdempotencyKey, MemberId},
    instant,
};

use crate::tally::Purchase;

/// The columns of the file, in their order.
const COLUMNS: [&str; 4] = ["order", "member", "occurred_on", "amount_minor"];

/// Reads a file with the columns `order`, `member`, `occurred_on` and `amount_minor`, ordered by date.
///
/// # Errors
///
/// What is wrong with the file, and in which line.
pub fn read(path: &Path) -> Result<Vec<Purchase>, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {}", reason(&error)))?;
    parse(&text).map_err(|reason| format!("cannot read {name}: {reason}"))
}

fn parse(text: &str) -> Result<Vec<Purchase>, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| error.to_string())?;
    if headers.iter().ne(COLUMNS) {
        let remedy = if headers.len() == 1 && text.contains(';') { "; separate them with commas" } else { "" };
        return Err(format!("the first line must be {}{remedy}", COLUMNS.join(",")));
    }
    let mut lines = BTreeMap::new();
    let mut purchases: Vec<Purchase> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let purchase = purchase(&record).map_err(|reason| format!("line {line}: {reason}"))?;
        if let Some(before) = lines.insert(purchase.order.clone(), line) {
            return Err(format!("line {line}: the order {} is on line {before} already", purchase.order));
        }
        if let Some(last) = purchases.last().filter(|last| last.occurred_on > purchase.occurred_on) {
            let before = &last.occurred_on;
            return Err(format!("line {line}: the lines must be ordered by date, and the line before is of {before}"));
        }
        purchases.push(purchase);
    }
    if purchases.is_empty() { Err("it has no purchases below its first line".to_owned()) } else { Ok(purchases) }
}

fn purchase(record: &StringRecord) -> Result<Purchase, String> {
    let fields: Vec<&str> = record.iter().map(str::trim).collect();
    let [order, member, occurred_on, amount] = fields[..] else {
        return Err(format!("there must be 4 fields, {}, not {}", COLUMNS.join(","), fields.len()));
    };
    let wrong = |column: &'static str| move |error: &dyn fmt::Display| format!("{column} {error}");
    order.parse::<IdempotencyKey>().map_err(|error| wrong("order")(&error))?;
    member.parse::<MemberId>().map_err(|error| wrong("member")(&error))?;
    instant::day(occurred_on).ok_or_else(|| wrong("occurred_on")(&instant::day_malformed(occurred_on)))?;
    let amount_minor = amount
        .parse()
        .map_err(|_| wrong("amount_minor")(&"must be a whole number of minor units: 12.50 EUR is 1250"))?;
    Ok(Purchase {
        order: order.to_owned(),
        member: member.to_owned(),
        occurred_on: occurred_on.to_owned(),
        amount_minor,
    })
}
