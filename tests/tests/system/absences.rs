//! What the workspace never does, read from its sources: each test is one invariant.
//!
//! The invariants of the rules are checked in `shared/domain`, those of the policies in `template`.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect ends there"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use regulars_tests::event::{FUNCTIONS, PUBLISH};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the files below `folder` with this extension, by their paths from the root.
fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// Returns the sources that are built into something that runs outside of tests, without their own tests.
fn sources() -> Vec<(String, String)> {
    let all = files("functions", "rs").into_iter().chain(files("shared", "rs"));
    all.filter(|(path, _)| !path.contains("/tests/") && !path.ends_with("tests.rs"))
        .map(|(path, text)| {
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            (path, shipped.to_owned())
        })
        .collect()
}

/// Returns the paths of those sources for which `hit` is true.
fn found_in(hit: impl Fn(&str) -> bool) -> BTreeSet<String> {
    sources().into_iter().filter(|(_, text)| hit(text)).map(|(path, _)| path).collect()
}

#[test]
fn only_the_store_has_condition_expressions() {
    let words = ["_expression", "ConditionExpression", "UpdateExpression", "expression_attribute", "ConditionCheck"];
    let found = found_in(|text| words.iter().any(|word| text.contains(word)));
    let elsewhere: Vec<_> = found.iter().filter(|path| !path.starts_with("shared/store/src/")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    assert!(found.contains("shared/store/src/transaction.rs"), "the words are those that the store uses");
}

#[test]
fn only_the_store_names_attributes_of_items() {
    let found = found_in(|text| text.contains("AttributeValue::") && text.contains("aws_sdk_dynamodb"));
    let elsewhere: Vec<_> = found.iter().filter(|path| !path.starts_with("shared/store/src/")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    assert!(!found.is_empty());
    // Other crates with the SDK create a client or a table with it.
    let knowing = found_in(|text| text.contains("aws_sdk_dynamodb"));
    let others = knowing.iter().filter(|path| !path.starts_with("shared/store/"));
    for path in others {
        let creates = ["shared/application/src/engine.rs", "shared/cli/src/aws.rs"].contains(&path.as_str());
        assert!(creates || path.starts_with("shared/cli/src/local/"), "{path}");
    }
    // One function reads the secret of the alias key, and the others do not include its client.
    let reading = found_in(|text| text.contains("aws_sdk_secretsmanager"));
    assert_eq!(reading, BTreeSet::from(["functions/enroll/src/alias_key.rs".to_owned()]));
    // One function sends to the event bus, and so does the command line through it.
    let sending = found_in(|text| text.contains("aws_sdk_eventbridge"));
    assert_eq!(sending, BTreeSet::from(["functions/publish/src/event_bridge.rs".to_owned()]));
}

#[test]
fn the_application_knows_no_transport() {
    let manifest = fs::read_to_string(root().join("shared/application/Cargo.toml")).unwrap();
    let names: BTreeSet<_> = manifest.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    for transport in ["regulars-api", "http", "axum", "aws_lambda_events", "lambda_runtime", "matchit"] {
        assert!(!names.contains(transport), "{transport}");
    }
    assert!(names.contains("regulars-store"), "names are read as they are written");
    // Messages and scheduled runs are processed without HTTP, although HTTP is in the same crate.
    let http = found_in(|text| text.contains("regulars_api"));
    for path in http.iter().filter(|path| path.starts_with("functions/")) {
        assert!(!path.contains("/queue/") && !path.ends_with("shard.rs"), "{path}");
    }
    assert!(
        http.contains("functions/earn/src/accruals.rs")
            && !http.iter().any(|path| path.starts_with("shared/application/"))
    );
}

#[test]
fn every_expression_is_a_constant() {
    let table = fs::read_to_string(root().join("shared/store/src/table.rs")).unwrap();
    let mut checked = 0;
    for (path, text) in sources() {
        for setter in
            [".condition_expression(", ".update_expression(", ".key_condition_expression(", ".filter_expression("]
        {
            for (at, _) in text.match_indices(setter) {
                let argument = text[at + setter.len()..].split(')').next().unwrap();
                let is_constant = table.contains(&format!("const {argument}: &str"));
                // The arguments of the two functions that make parts cannot be made at run time either.
                let is_static = text.contains(&format!("{argument}: &'static str"));
                assert!(is_constant || is_static, "{path}: {setter}{argument})");
                checked += 1;
            }
        }
        assert!(!text.contains(".leak()") && !text.contains("Box::leak"), "{path} makes a constant at run time");
    }
    assert!(checked >= 4, "{checked}");
}

#[test]
fn no_code_path_deletes_anything() {
    let words = ["delete_item", "DeleteItem", "Delete::builder", "DeleteRequest", "batch_write_item", "PartiQL"];
    assert_eq!(found_in(|text| words.iter().any(|word| text.contains(word))), BTreeSet::new());
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    assert!(!template.contains("dynamodb:Delete") && !template.contains("dynamodb:*"));
    assert!(!template.contains("BatchWriteItem") && !template.contains("PartiQL"));
}

#[test]
fn an_entry_is_only_written_if_it_does_not_exist() {
    // Its item is made in one place, and put there under one condition.
    let made = found_in(|text| text.contains("entry_item::write"));
    assert_eq!(made, BTreeSet::from(["shared/store/src/commit.rs".to_owned()]));
    let commit = fs::read_to_string(root().join("shared/store/src/commit.rs")).unwrap();
    let commit = commit.split("#[cfg(test)]").next().unwrap();
    assert_eq!(commit.matches("entry_item::write").count(), 1);
    assert!(commit.contains("self.put(entry_item::write(program, &change.account.member, sealed), ABSENT, None)"));
    let table = fs::read_to_string(root().join("shared/store/src/table.rs")).unwrap();
    assert!(table.contains(r#"ABSENT: &str = "attribute_not_exists(pk)""#));
    // Only counters, codes, aliases, receipts and the aftermath of an entry are updated in place: never an entry's text
    // or hash.
    let updates: Vec<_> = sources().into_iter().filter(|(_, text)| text.contains("self.update(")).collect();
    let files: Vec<_> = updates.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(files, ["shared/store/src/codes.rs", "shared/store/src/commit.rs", "shared/store/src/details.rs"]);
    let counted = |call: &str| updates.iter().map(|(_, text)| text.matches(call).count()).sum::<usize>();
    let of_entries = "self.update(key, MARK, UNMARKED_SINCE, aftermath_item::mark_values(mark))";
    let of_details = "self.update(key.clone(), ERASE, IS_THERE, Item::new())";
    assert_eq!(
        counted("self.update("),
        ["counter_key(", "code_key(", "alias_key(", "receipt_key("]
            .map(|key| counted(&format!("self.update({key}")))
            .into_iter()
            .sum::<usize>()
            + counted(of_entries)
            + counted(of_details)
    );
    assert_eq!((counted(of_entries), counted(of_details)), (1, 1));
    assert!(table.contains(r#"ERASE: &str = "REMOVE f, nt""#));
    assert!(table.contains(r#"MARK: &str = "SET ac = :changes, af = :aftermath""#));
    let others = found_in(|text| text.contains(".update_item()") || text.contains(".put_item()"));
    assert_eq!(others, BTreeSet::new(), "everything is written in transactions");
}

#[test]
fn no_function_carries_the_local_database_or_the_command_line() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for function in FUNCTIONS.into_iter().chain([PUBLISH]) {
        let tree = Command::new(&cargo)
            .args(["tree", "--offline", "--edges", "no-dev", "--prefix", "none", "--format", "{p}", "--package"])
            .arg(format!("regulars-{function}"))
            .current_dir(root())
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let tree = String::from_utf8(tree.stdout).unwrap();
        let packages: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(packages.contains("aws-sdk-dynamodb") && packages.contains("regulars-store"), "{function}: {tree}");
        for absent in
            ["dynoxide-rs", "libsqlite3-sys", "rusqlite", "regulars-cli", "axum", "clap", "aws-sdk-sso", "openssl"]
        {
            assert!(!packages.contains(absent), "{function} depends on {absent}");
        }
    }
}

#[test]
fn every_test_in_the_sources_runs() {
    let mut untested = BTreeSet::new();
    for (path, text) in ["functions", "shared", "tests"].into_iter().flat_map(|folder| files(folder, "toml")) {
        // A target that is switched off must not contain tests.
        let (_, library) = text.split_once("[lib]\n").unwrap();
        let library = library.split("\n\n").next().unwrap();
        assert!(library.contains("doctest = false"), "{path}");
        if library.contains("\ntest = false") || library.starts_with("test = false") {
            untested.insert(path.replace("Cargo.toml", "src"));
        }
    }
    assert!(!untested.is_empty());
    for (path, text) in ["functions", "shared", "tests"].into_iter().flat_map(|folder| files(folder, "rs")) {
        // No package runs documentation tests. This file contains the words that it looks for.
        assert!(!text.contains(concat!("//", "/ ``", "`")), "{path} has a documentation test");
        let is_untested = path.ends_with("src/main.rs") || untested.iter().any(|folder| path.starts_with(folder));
        let has_tests = text.contains("#[test]") || text.contains("#[tokio::test");
        assert!(!(is_untested && has_tests), "{path} has tests that do not run");
    }
}

#[test]
fn nothing_outside_of_the_repository_is_needed_to_build_it() {
    let mut checked = 0;
    let mut assert_inside = |file: &str, base: &Path, named: &str| {
        let mut depth = Vec::new();
        for component in base.join(named).components() {
            match component {
                Component::Normal(part) => depth.push(part.to_owned()),
                Component::ParentDir => assert!(depth.pop().is_some(), "{file} names {named}"),
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => panic!("{file} names {named}"),
            }
        }
        let inside: PathBuf = depth.iter().collect();
        assert!(root().join(&inside).exists(), "{file} names {named}, which is not there");
        checked += 1;
    };
    for (path, text) in ["functions", "shared", "tests"].into_iter().flat_map(|folder| files(folder, "rs")) {
        let base = Path::new(&path).parent().unwrap();
        // This file contains the words that it looks for.
        if path.ends_with("absences.rs") {
            continue;
        }
        for opening in ["include_str!(\"", "include_bytes!(\"", "#[path = \""] {
            for (at, _) in text.match_indices(opening) {
                assert_inside(&path, base, text[at + opening.len()..].split('"').next().unwrap());
            }
        }
    }
    for (path, text) in files(".", "toml").into_iter().filter(|(path, _)| path.ends_with("Cargo.toml")) {
        let base = Path::new(&path).parent().unwrap();
        for (at, _) in text.match_indices("path = \"") {
            let named = text[at..].split('"').nth(1).unwrap();
            assert_inside(&path, base, named);
        }
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn time_is_read_in_one_place_and_the_environment_in_another() {
    let clocks = ["Timestamp::now(", "SystemTime::now(", "Zoned::now(", "Utc::now("];
    let found = found_in(|text| clocks.iter().any(|clock| text.contains(clock)));
    assert_eq!(found, BTreeSet::from(["shared/application/src/clock.rs".to_owned()]));
    let found = found_in(|text| text.contains("env::var("));
    assert_eq!(found, BTreeSet::from(["shared/application/src/settings.rs".to_owned()]));
}

#[test]
fn points_and_money_are_never_fractions_in_an_answer() {
    for path in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/events")).unwrap() {
        let path = path.unwrap().path();
        let answer: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_whole(&answer, &path);
    }
}

fn assert_whole(value: &Value, path: &Path) {
    match value {
        Value::Number(number) => assert!(number.is_i64() || number.is_u64(), "{number} in {}", path.display()),
        Value::Array(values) => values.iter().for_each(|value| assert_whole(value, path)),
        Value::Object(fields) => fields.values().for_each(|value| assert_whole(value, path)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[test]
fn a_panic_ends_no_process_however_the_functions_are_built() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (_, release) = manifest.split_once("[profile.release]\n").unwrap();
    let release = release.split("\n[").next().unwrap();
    // cargo-lambda builds with `abort` without this line. `shared/application` then does not compile.
    assert!(release.lines().any(|line| line == "panic = \"unwind\""), "{release}");
}
