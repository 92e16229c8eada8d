//! The daily review of many members, measured: units and round trips, which are what a real table charges, then memory
//! and seconds.
//!
//! `cargo bench -p regulars-tests --bench review -- [--members 200000] [--due 20000]`, and for a day on which all are due
//! `--due` as many as `--members`. Without flags it is a tenth of that, and over in a minute. It takes three processes: one
//! holds the table, one works on it as the function does on Lambda and is the one whose memory counts, and this one writes
//! the members and tells the figures. It fails where a member costs more than it may.
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
    /// Members in the table.
    #[arg(long, default_value_t = 20_000)]
    members: u64,
    /// Members of them who are due.
    #[arg(long, default_value_t = 2_000)]
    due: u64,
    /// Milliseconds that each request takes to the table, as on a network; those of a real table are some four.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// What this process is; without it, the one that starts the others.
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// Where the table is.
    #[arg(long, hide = true, default_value = "")]
    table_url: String,
    /// Cargo says so of each benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Holds the table, until its input ends.
    Table,
    /// Reviews, and tells what that took.
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
    // The table ends with its input.
    drop(table.stdin.take());
    assert!(table.wait().unwrap().success(), "the table failed");

    let measured: Measured = serde_json::from_str(&told).unwrap();
    figures::tell(members, due, &measured);
    figures::check(due, &measured);
}

/// This program again, in another role.
fn start(role: &str, table_url: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--role", role, "--table-url", table_url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
