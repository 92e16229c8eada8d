//! Sends a small file of purchases over HTTP and compares the result with an independent calculation.

use std::path::Path;

use regulars_tests::{
    replay::{read, replay},
    returns::returns,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_year_and_a_half_of_purchases_comes_out_as_counted_independently() {
    let purchases = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/purchases.csv"));
    // The seed of the returns.
    let returns = returns(&purchases, 7, "2026-07-01");
    let report = replay(purchases, returns, "2026-07-01").await;
    assert_eq!(report.purchases, 240);
    assert!(report.returns > 50 && report.reversed > 0, "{report:?}");
    assert!(report.tiers.len() == 3 && report.expired > 0, "the file reaches every tier and expires: {report:?}");
    assert!(report.notices > 0, "somebody came back, or is looked at, in time to be told: {report:?}");
}
