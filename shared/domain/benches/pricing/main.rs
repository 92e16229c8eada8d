//! Measures the pricing of the worst purchase under the worst programs: the time per unit of counted work for each
//! shape of condition, and the time of a purchase under the maximum number of accepted rules.
//!
//! `cargo bench -p regulars-domain --bench pricing -- [--random 100]`. It fails if a purchase takes a second, and
//! prints which shapes take the most time per unit, known ones and random ones. A shape far above the others is missing
//! in the weights of `rules/expression/work.rs`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that meets what it did not expect ends there, and prints what it measured"
)]

mod pricing;
mod random;
mod shapes;

use std::time::Duration;

use pricing::Measured;
use regulars_domain::program::{RULES_MAX, RULES_WORK_MAX};

/// The maximum time of a purchase or a publication on one core.
const TIME_MAX: Duration = Duration::from_secs(1);

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let random = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 100,
        ["--random", count] => count.parse().unwrap(),
        ["--shape", name] => {
            let condition = shapes::all().into_iter().find(|(known, _)| *known == name).unwrap().1;
            tell(name, &pricing::measure(&condition, 10, 1).unwrap());
            return;
        }
        _ => panic!("--random COUNT, or --shape NAME"),
    };
    println!(
        "{:<34}{:>7}{:>10}{:>12}{:>12}{:>10}{:>12}",
        "shape", "rules", "units", "read µs", "priced µs", "ps/unit", "million"
    );
    let mut measured = Vec::new();
    for (name, condition) in shapes::all() {
        match pricing::measure(&condition, RULES_MAX, 3) {
            Ok(shape) => {
                tell(name, &shape);
                measured.push(shape);
            }
            Err(refused) => println!("{name:<34}  {refused}"),
        }
    }
    let mut strange: Vec<_> = random::conditions(random)
        .filter_map(|condition| Some((pricing::measure(&condition, RULES_MAX, 2).ok()?, condition)))
        .collect();
    strange.sort_by_key(|(shape, _)| std::cmp::Reverse(shape.picoseconds_per_unit()));
    println!();
    println!("of {} random ones that are accepted, those that take the most time for a unit", strange.len());
    for (shape, condition) in strange.iter().take(8) {
        tell(&condition.chars().take(200).collect::<String>(), shape);
    }
    measured.extend(strange.into_iter().map(|(shape, _)| shape));

    let slowest = measured.iter().max_by_key(|shape| shape.priced).unwrap();
    let longest_read = measured.iter().map(|shape| shape.read).max().unwrap();
    println!();
    println!("the slowest purchase takes {:?}, the slowest publication {longest_read:?}", slowest.priced);
    println!(
        "at most {RULES_WORK_MAX} units are allowed; the most that was counted is {}",
        measured.iter().map(|shape| shape.work).max().unwrap()
    );
    assert!(slowest.priced < TIME_MAX && longest_read < TIME_MAX, "a second is too long");
}

fn tell(name: &str, shape: &Measured) {
    println!(
        "{name:<34}{:>7}{:>10}{:>12}{:>12}{:>10}{:>12}",
        shape.rules,
        shape.units,
        shape.read.as_micros(),
        shape.priced.as_micros(),
        shape.picoseconds_per_unit(),
        shape.work / 1_000_000,
    );
}
