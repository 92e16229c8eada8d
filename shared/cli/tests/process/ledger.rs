//! `regulars verify` and `regulars rebuild` on data of a server, unchanged and tampered with.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test that meets what it did not expect ends there")]

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::{AttributeValue, ReturnValue},
};
use regulars_cli::local::{Data, OpenData, TABLE};
use serde_json::json;
use tempfile::TempDir;

use super::{NOW, Server};

type Item = HashMap<String, AttributeValue>;

/// Returns the data of a server at which `m-1` enrolled, bought three times and redeemed once, and `m-2` enrolled.
fn data() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("local.db");
    let server = Server::start(&file);
    let members = "/v1/programs/demo/members";
    for member in ["m-1", "m-2"] {
        assert_eq!(server.send("POST", members, "-", &json!({ "member": member })).0, 201);
    }
    for order in 1..=3 {
        let lines = json!([{ "category": "beans", "quantity": 1, "amount": 4_000 }]);
        let purchase = json!({ "occurred_at": NOW, "total": { "amount": 9_000, "currency": "EUR" }, "lines": lines });
        let path = format!("{members}/m-1/accruals");
        let (status, answer) = server.send("POST", &path, &format!("order-{order}"), &json!({ "purchase": purchase }));
        assert_eq!(status, 201, "{answer}");
    }
    let path = format!("{members}/m-1/redemptions");
    assert_eq!(server.send("POST", &path, "coffee-1", &json!({ "reward": "free-coffee" })).0, 201);
    assert_eq!(server.signal("-TERM"), Some(0));
    (folder, file)
}

/// Runs the command, and returns its status, standard output and standard error.
fn run(arguments: &[&str], data: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regulars"));
    let Output { status, stdout, stderr } =
        command.args(arguments).arg("--data").arg(data).env_remove("RUST_LOG").output().expect("the program was built");
    (status.code(), String::from_utf8([stdout, stderr].concat()).expect("it prints text"))
}

/// Returns a copy of the data in which `tamper` has changed the table directly.
fn tampered(original: &Path, tamper: impl AsyncFnOnce(&Client)) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("local.db");
    std::fs::copy(original, &file).expect("there is room");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let data = OpenData::open(&Data::File(file.clone())).expect("the server has ended");
        tamper(&data.client()).await;
        data.close().await;
    });
    (folder, file)
}

fn key(sk: &str) -> Item {
    [("pk", "member#demo#m-1"), ("sk", sk)]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .into()
}

async fn get(client: &Client, sk: &str) -> Item {
    let got = client.get_item().table_name(TABLE).set_key(Some(key(sk))).send().await.expect("it answers");
    got.item.unwrap_or_else(|| panic!("there is no {sk}"))
}

async fn put(client: &Client, item: Item) {
    client.put_item().table_name(TABLE).set_item(Some(item)).send().await.expect("it answers");
}

async fn delete(client: &Client, sk: &str) {
    let delete = client.delete_item().table_name(TABLE).set_key(Some(key(sk))).return_values(ReturnValue::AllOld);
    let deleted = delete.send().await.expect("it answers");
    assert!(deleted.attributes.is_some(), "there is no {sk}");
}

/// Replaces a part of the text of an entry.
async fn change_text(client: &Client, sk: &str, from: &str, to: &str) -> Item {
    let mut entry = get(client, sk).await;
    let text = entry["e"].as_s().expect("it is text").clone();
    assert!(text.contains(from), "{text}");
    entry.insert("e".to_owned(), AttributeValue::S(text.replace(from, to)));
    put(client, entry.clone()).await;
    entry
}

/// Replaces an attribute of the account.
async fn change_account(client: &Client, name: &str, change: impl FnOnce(&mut AttributeValue)) {
    let mut account = get(client, "account").await;
    change(account.get_mut(name).unwrap_or_else(|| panic!("the account has no {name}")));
    put(client, account).await;
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[test]
fn an_untampered_ledger_is_verified_in_one_line() {
    let (_folder, data) = data();
    let (status, printed) = run(&["verify"], &data);
    assert_eq!((status, printed.as_str()), (Some(0), "all ledgers hold: 2 members, 7 entries\n"));
    let (status, printed) = run(&["verify", "--program", "other"], &data);
    assert_eq!((status, printed.as_str()), (Some(2), "regulars: there is no program other\n"));
    let (status, printed) = run(&["rebuild", "--program", "demo", "--member", "m-1"], &data);
    assert_eq!((status, printed.as_str()), (Some(0), "demo/m-1: the account agrees with its 6 entries\n"));
}

#[test]
fn verifying_missing_data_prints_one_line_and_exits_with_2() {
    let folder = tempfile::tempdir().expect("there is room");
    let (status, printed) = run(&["verify"], &folder.path().join("none.db"));
    assert_eq!((status, printed.lines().count()), (Some(2), 1), "{printed}");
    let rebuild = ["rebuild", "--program", "demo", "--member", "m-9"];
    let replay = ["events", "replay", "--from", NOW, "--to", "2027-01-01T00:00:00Z"];
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").expect("there is room");
    for command in [&["verify"][..], &rebuild, &replay] {
        for (file, reason) in [
            (&*empty, "it is not a data file of the local server; name another file with --data"),
            (folder.path(), "it is a directory, not a file"),
        ] {
            let said = format!("regulars: cannot open the data file {}: {reason}\n", file.display());
            assert_eq!(run(command, file), (Some(2), said), "{command:?}");
        }
    }
    assert_eq!(std::fs::read(&empty).expect("it is there"), b"");
    let (_folder, data) = data();
    let (status, printed) = run(&rebuild, &data);
    assert_eq!((status, printed.lines().count()), (Some(2), 1), "{printed}");
}

/// Asserts that tampering is found, and how it is reported.
#[track_caller]
fn check(what: &str, expected: &str, (_folder, file): (TempDir, PathBuf)) {
    let (status, printed) = run(&["verify"], &file);
    assert_eq!(status, Some(1), "{what}: {printed}");
    assert!(printed.starts_with("demo/m-1: ") && printed.contains(expected), "{what}: {printed}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table with one row for each way to tamper")]
fn every_way_to_tamper_with_entries_is_found() {
    let (_folder, data) = data();
    check(
        "an entry removed",
        "seq 3: expected this entry, found seq 4",
        tampered(&data, async |client| {
            delete(client, "entry#order-2").await;
        }),
    );
    check(
        "the newest entry removed",
        "seq 6: expected as the newest entry, found 5 entries",
        tampered(&data, async |client| {
            delete(client, "entry#coffee-1").await;
        }),
    );
    check(
        "an entry changed",
        "seq 3: the hash does not follow",
        tampered(&data, async |client| {
            change_text(client, "entry#order-2", "\"purchase\":9000", "\"purchase\":9999").await;
        }),
    );
    check(
        "an entry changed along with its hash",
        "seq 4: the hash does not follow",
        tampered(&data, async |client| {
            use sha2::Digest;
            let mut entry = change_text(client, "entry#order-2", "\"purchase\":9000", "\"purchase\":9999").await;
            let previous = entry["ph"].as_b().expect("it is bytes").clone().into_inner();
            let text = entry["e"].as_s().expect("it is text").clone();
            let hash = sha2::Sha256::digest([&previous[..], b"\n", text.as_bytes(), b"\n"].concat());
            entry.insert("h".to_owned(), AttributeValue::B(Blob::new(hash.to_vec())));
            put(client, entry).await;
        }),
    );
    check(
        "an entry inserted",
        "seq 4: expected this entry, found seq 3",
        tampered(&data, async |client| {
            let mut entry = get(client, "entry#order-2").await;
            entry.insert("sk".to_owned(), AttributeValue::S("entry#order-9".to_owned()));
            let text = entry["e"].as_s().expect("it is text").replace("order-2", "order-9");
            entry.insert("e".to_owned(), AttributeValue::S(text));
            entry.insert("seq".to_owned(), AttributeValue::N("3.5".to_owned()));
            put(client, entry).await;
        }),
    );
    check(
        "two entries swapped",
        "seq 2: expected this entry, found seq 3",
        tampered(&data, async |client| {
            let (mut one, mut other) = (get(client, "entry#order-1").await, get(client, "entry#order-2").await);
            let place = one.insert("seq".to_owned(), other["seq"].clone()).expect("it has a place");
            other.insert("seq".to_owned(), place);
            put(client, one).await;
            put(client, other).await;
        }),
    );
    check(
        "a key changed",
        "",
        tampered(&data, async |client| {
            let mut entry = get(client, "entry#order-2").await;
            delete(client, "entry#order-2").await;
            entry.insert("sk".to_owned(), AttributeValue::S("entry#order-9".to_owned()));
            put(client, entry).await;
        }),
    );
    check(
        "the account removed",
        "there are entries, and no account",
        tampered(&data, async |client| {
            delete(client, "account").await;
        }),
    );
    check(
        "a balance changed",
        "account field lots",
        tampered(&data, async |client| {
            change_account(client, "l", |lots| {
                let AttributeValue::M(lots) = lots else { panic!("lots are a map") };
                *lots = lots.drain().map(|(day, _)| (day, number(9_999))).collect();
            })
            .await;
        }),
    );
    check(
        "a lot moved",
        "account field lots",
        tampered(&data, async |client| {
            change_account(client, "l", |lots| {
                let AttributeValue::M(map) = lots else { panic!("lots are a map") };
                *map = map.drain().map(|(_, points)| ("20991231".to_owned(), points)).collect();
            })
            .await;
        }),
    );
    check(
        "a tier changed",
        "account field tier",
        tampered(&data, async |client| {
            change_account(client, "t", |tier| *tier = AttributeValue::S("baker".to_owned())).await;
        }),
    );
    check(
        "the use of a cap changed",
        "account field cap_use",
        tampered(&data, async |client| {
            change_account(client, "c", |caps| {
                let AttributeValue::M(caps) = caps else { panic!("uses are a map") };
                caps.clear();
            })
            .await;
        }),
    );
    check(
        "a head hash changed",
        "the newest hash is not the account's head_hash",
        tampered(&data, async |client| {
            change_account(client, "h", |hash| *hash = AttributeValue::B(Blob::new([7; 32]))).await;
        }),
    );
}

#[test]
fn an_account_is_made_again_from_its_entries() {
    let (_folder, data) = data();
    let (_copy, broken) = tampered(&data, async |client| {
        change_account(client, "l", |lots| {
            let AttributeValue::M(lots) = lots else { panic!("lots are a map") };
            *lots = lots.drain().map(|(day, _)| (day, number(9_999))).collect();
        })
        .await;
    });
    let rebuild = ["rebuild", "--program", "demo", "--member", "m-1"];
    let (status, printed) = run(&rebuild, &broken);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("account field lots"), "{printed}");
    let (status, printed) = run(&[&rebuild[..], &["--write"]].concat(), &broken);
    assert_eq!(status, Some(0), "{printed}");
    assert_eq!(run(&["verify"], &broken).0, Some(0));

    let (_copy, missing) = tampered(&data, async |client| delete(client, "account").await);
    assert_eq!(run(&[&rebuild[..], &["--write"]].concat(), &missing).0, Some(0));
    assert_eq!(run(&["verify"], &missing).0, Some(0));
}
