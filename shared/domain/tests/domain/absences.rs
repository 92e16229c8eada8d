//! What the domain does not contain: a clock, randomness, async, floats, an SDK, a transport.

use std::{collections::BTreeSet, fs, path::Path};

/// Words that no source file of the domain contains, except in comments.
///
/// A word is matched whole, so that `rand` is not found in `brand`.
const WORDS: &[&str] = &[
    "async",
    "await",
    "tokio",
    "futures",
    "thread",
    "sleep", // waiting
    "f32",
    "f64", // fractions
    "SystemTime",
    "Instant",
    "now()",
    "Timestamp::now",
    "Zoned::now", // the time
    "rand",
    "fastrand",
    "getrandom",
    "uuid",
    "Uuid",
    "RandomState", // dice
    "aws",
    "aws_sdk_dynamodb",
    "aws_config",
    "lambda_runtime",
    "dynamodb", // the cloud
    "http",
    "hyper",
    "axum",
    "StatusCode",
    "status_code", // a transport
    "std::env",
    "std::fs",
    "std::net",
    "std::io",
    "std::process",
    "File",
    "println",
    "eprintln",
    "dbg", // the machine
    "unsafe",
];

/// The allowed dependencies of the domain. A new one is a decision.
const DEPENDENCIES: [&str; 9] =
    ["cel", "hex", "iso_currency", "jiff", "schemars", "serde", "serde_json", "sha2", "strsim"];

/// Returns the words of [`WORDS`] in `source`, each with its line.
fn found_in(source: &str) -> Vec<(usize, &'static str)> {
    let is_of_word = |character: char| character.is_alphanumeric() || character == '_';
    let has = |line: &str, word: &str| {
        line.match_indices(word).any(|(start, _)| {
            let before = line[..start].chars().next_back().is_some_and(is_of_word);
            let after = line[start + word.len()..].chars().next().is_some_and(is_of_word);
            !before && !after
        })
    };
    source
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .flat_map(|(number, line)| {
            WORDS.iter().filter(move |word| has(line, word)).map(move |word| (number + 1, *word))
        })
        .collect()
}

pub(crate) fn visit(folder: &Path, see: &mut impl FnMut(&Path, &str)) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            visit(&path, see);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            see(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn the_domain_has_no_clock_no_dice_no_waiting_no_fractions_and_no_transport() {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, source| {
        seen.insert(path.file_name().unwrap().to_string_lossy().into_owned());
        found.extend(found_in(source).into_iter().map(|(line, word)| format!("{}:{line}: {word}", path.display())));
    });
    assert_eq!(found, Vec::<String>::new());
    for file in ["lib.rs", "settle.rs", "earn.rs", "occasion.rs"] {
        assert!(seen.contains(file), "{file} was not looked into");
    }
}

#[test]
fn the_search_for_absences_would_find_a_presence() {
    for (line, word) in [
        ("pub async fn earn() {", "async"),
        ("    let half: f64 = 0.5;", "f64"),
        ("let now = jiff::Timestamp::now();", "Timestamp::now"),
        ("    std::time::SystemTime::now()", "SystemTime"),
        ("use rand::Rng;", "rand"),
        ("use aws_sdk_dynamodb::Client;", "aws_sdk_dynamodb"),
        ("http::StatusCode::OK", "StatusCode"),
        ("#[tokio::main]", "tokio"),
        ("let region = std::env::var(\"AWS_REGION\"); // a setting", "std::env"),
    ] {
        assert!(found_in(line).contains(&(1, word)), "{line}");
    }
    for line in
        ["/// no async here", "    // rand", "let brand = operand;", "let asynchronous = 1;", "let http_ish = 1;"]
    {
        assert_eq!(found_in(line), [], "{line}");
    }
}

/// Returns the names in a section of a manifest.
fn section<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
    let header = format!("[{name}]");
    let lines = manifest.lines().skip_while(|line| *line != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().trim_end_matches(".workspace")).collect()
}

#[test]
fn the_domain_depends_on_nine_crates() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert_eq!(section(&manifest, "dependencies"), DEPENDENCIES);
    assert_eq!(section(&manifest, "build-dependencies"), [""; 0]);
    let other_sections =
        manifest.lines().filter(|line| line.starts_with("[target") || line.starts_with("[dependencies."));
    assert_eq!(other_sections.count(), 0, "dependencies stand in one place");
}
