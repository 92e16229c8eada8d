//! Replays a file of purchases through a local server and audits the result: `cargo run -p regulars-tests --example
//! replay -- FILE TODAY [SEED]`.
//!
//! The file has the columns `order,member,occurred_on,amount_minor`, ordered by date. On the day TODAY, everything is
//! reviewed and audited. With a SEED, a part of every fourth purchase is returned.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its outcome is what it prints")]

use std::{path::PathBuf, time::Instant};

use regulars_tests::{
    replay::{read, replay},
    returns::returns,
};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(today)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: replay FILE TODAY [SEED], for example: replay purchases.csv 1998-07-01 7");
        std::process::exit(2);
    };
    let seed = arguments.next().map(|seed| seed.parse().expect("a seed is a number"));
    let started = Instant::now();
    let today: &'static str = Box::leak(today.into_boxed_str());
    let purchases = read(&PathBuf::from(file));
    let returns = seed.map(|seed| returns(&purchases, seed, today)).unwrap_or_default();
    let report = replay(purchases, returns, today).await;
    println!("{report:#?}");
    println!("every member agrees with the independent count; a second replay changed nothing");
    println!("{} seconds for two replays and two audits", started.elapsed().as_secs());
}
