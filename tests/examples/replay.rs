//! Replays a file of purchases through a local server and audits the result: `cargo run -p regulars-tests --example
//! replay -- FILE TODAY [SEED]`.
//!
//! The file has the columns `order,member,occurred_on,amount_minor`, ordered by date. On the day TODAY, everything is
//! reviewed and audited. With a SEED, a part of every fourth purchase is returned.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its outcome is what it prints")]

use std::{path::PathBuf, time::Instant};

use regulars_domain::instant;
use regulars_tests::{purchases::read, replay::replay, returns::returns, tally::Purchase};

#[tokio::main]
async fn main() {
    let (purchases, today, seed) = match asked() {
        Ok(asked) => asked,
        Err(reason) => {
            eprintln!("replay: {reason}");
            std::process::exit(2);
        }
    };
    let started = Instant::now();
    let returns = seed.map(|seed| returns(&purchases, seed, today)).unwrap_or_default();
    let report = replay(purchases, returns, today).await;
    println!("{report:#?}");
    println!("every member agrees with the independent count; a second replay changed nothing");
    println!("{} seconds for two replays and two audits", started.elapsed().as_secs());
}

/// Returns the purchases, the day and the seed that the command line names.
fn asked() -> Result<(Vec<Purchase>, &'static str, Option<u64>), String> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(today)) = (arguments.next(), arguments.next()) else {
        return Err("usage: replay FILE TODAY [SEED], for example: replay purchases.csv 1998-07-01 7".to_owned());
    };
    if instant::day(&today).is_none() {
        return Err(format!("TODAY {}", instant::day_malformed(&today)));
    }
    let seed = arguments.next().map(|seed| seed.parse().map_err(|_| "SEED must be a whole number, 0 or more"));
    let purchases = read(&PathBuf::from(file))?;
    if let Some(last) = purchases.last().filter(|last| last.occurred_on > today) {
        return Err(format!("TODAY must not be before the last purchase, which is of {}", last.occurred_on));
    }
    Ok((purchases, Box::leak(today.into_boxed_str()), seed.transpose()?))
}
