//! Measures the daily review of many members: units and round trips, which are what a real table charges, then memory
//! and seconds.
//!
//! `cargo bench -p regulars-tests --bench review -- [--members 200000] [--due 20000]`. For a day on which all members
//! are due, set `--due` to `--members`. Without flags it uses a tenth and takes a minute. It has three processes: one
//! holds the table, one reviews as the function does on Lambda and is the one whose memory is measured, and this one
//! writes the members and prints the figures. It fails if a member costs more than allowed.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that meets what it did not expect ends there, and prints what it measured"
)]

mod distance;
mod figures;
mod seeder;
mod table;
mod worker;

use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::Duration,
};

use clap::{Parser, ValueEnum};

use figures::Measured;

#[derive(Debug, Parser)]
struct Arguments {
    /// Members in the table
    #[arg(long, default_value_t = 20_000)]
    members: u64,
    /// Members who are due
    #[arg(long, default_value_t = 2_000)]
    due: u64,
    /// Milliseconds of latency for each request to the table; a real table has some four
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// The role of this process; without it, the one that starts the others
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// Address of the table
    #[arg(long, hide = true, default_value = "")]
    table_url: String,
    /// Cargo passes this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Holds the table, until its input ends.
    Table,
    /// Reviews, and prints the measurements.
    Worker,
}

fn main() {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::Table) => table::hold(),
        Some(Role::Worker) => worker::review(&arguments.table_url),
        None => measure(&arguments),
    }
}

fn measure(arguments: &Arguments) {
    let Arguments { members, latency, .. } = *arguments;
    let due = arguments.due.min(members);
    let mut table = start("table", "");
    let mut table_url = String::new();
    BufReader::new(table.stdout.as_mut().unwrap()).read_line(&mut table_url).unwrap();
    let table_url = table_url.trim();
    seeder::seed(table_url, members, due);

    let distant = match latency {
        0 => table_url.to_owned(),
        millis => distance::put_between(table_url, Duration::from_millis(millis)),
    };
    let mut worker = start("worker", &distant);
    let mut told = String::new();
    worker.stdout.as_mut().unwrap().read_to_string(&mut told).unwrap();
    assert!(worker.wait().unwrap().success(), "the worker failed");
    // The table's process ends with its input.
    drop(table.stdin.take());
    assert!(table.wait().unwrap().success(), "the table failed");

    let measured: Measured = serde_json::from_str(&told).unwrap();
    figures::tell(members, due, &measured);
    figures::check(due, &measured);
}

/// Starts this program again, in another role.
fn start(role: &str, table_url: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--role", role, "--table-url", table_url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
