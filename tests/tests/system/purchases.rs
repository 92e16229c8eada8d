//! Sends a small file of purchases over HTTP and compares the result with an independent calculation.

use std::path::Path;

use regulars_tests::{purchases::read, replay::replay, returns::returns};

#[tokio::test(flavor = "multi_thread")]
async fn a_year_and_a_half_of_purchases_comes_out_as_counted_independently() {
    let purchases = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/purchases.csv")).unwrap();
    // The seed of the returns.
    let returns = returns(&purchases, 7, "2026-07-01");
    let report = replay(purchases, returns, "2026-07-01").await;
    assert_eq!(report.purchases, 240);
    assert!(report.returns > 50 && report.reversed > 0, "{report:?}");
    assert!(report.tiers.len() == 3 && report.expired > 0, "the file reaches every tier and expires: {report:?}");
    assert!(report.notices > 0, "somebody came back, or is looked at, in time to be told: {report:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("purchases.csv");
    let head = "order,member,occurred_on,amount_minor\n";
    let sound = "o-1,m-1,2026-06-02,100\n";
    for (content, expected) in [
        (String::new(), "the first line must be order,member,occurred_on,amount_minor"),
        (
            "order;member;occurred_on;amount_minor\n".to_owned(),
            "the first line must be order,member,occurred_on,amount_minor; separate them with commas",
        ),
        (head.to_owned(), "it has no purchases below its first line"),
        (
            format!("{head}o-1,m-1,2026-06-02\n"),
            "line 2: there must be 4 fields, order,member,occurred_on,amount_minor, not 3",
        ),
        (
            format!("{head}{sound}o-2,m-1,2026-06-02,12.50\n"),
            "line 3: amount_minor must be a whole number of minor units: 12.50 EUR is 1250",
        ),
        (
            format!("{head}o-1,m-1,02.06.2026,100\n"),
            "line 2: occurred_on must be a date, written as year, month and day: 2026-11-21",
        ),
        (
            format!("{head}o-1,ayse@example.com,2026-06-02,100\n"),
            "line 2: member must be an id of your own, not an e-mail address: the ledger keeps ids, and they cannot be erased",
        ),
        (
            format!("{head}~1,m-1,2026-06-02,100\n"),
            "line 2: order must be 1 to 64 printable ASCII characters, without a space at either end and without ~ at the beginning",
        ),
        (
            format!("{head}{sound}o-2,m-1,2026-06-01,100\n"),
            "line 3: the lines must be ordered by date, and the line before is of 2026-06-02",
        ),
        (format!("{head}{sound}{sound}"), "line 3: the order o-1 is on line 2 already"),
    ] {
        std::fs::write(&file, content).unwrap();
        assert_eq!(read(&file).unwrap_err(), format!("cannot read {}: {expected}", file.display()));
    }
    let absent = folder.path().join("none.csv");
    assert_eq!(read(&absent).unwrap_err(), format!("cannot read {}: it does not exist", absent.display()));
    assert!(read(folder.path()).unwrap_err().ends_with("it is a directory, not a file"));
}
