//! Programs: numbered, immutable, replaced only by who knows what he replaces.

use regulars_store::Publication;

use crate::{
    engine::Table,
    sample::demo,
    wire::{Fault, cancelled_for},
};

const PUBLISHED: fn(u64) -> Publication = |version| Publication::Published { version };
const STALE: fn(Option<u64>) -> Publication = |current| Publication::Stale { current };

#[tokio::test]
async fn a_program_is_published_version_by_version_and_each_is_kept() {
    let table = Table::new().await;
    assert_eq!(table.store.program_version(&demo()).await.unwrap(), None);
    assert_eq!(table.store.program_document(&demo(), 1).await.unwrap(), None);
    assert_eq!(table.store.publish(&demo(), None, r#"{"name":"one"}"#).await.unwrap(), PUBLISHED(1));
    assert_eq!(table.store.publish(&demo(), Some(1), r#"{"name":"İki"}"#).await.unwrap(), PUBLISHED(2));
    assert_eq!(table.store.program_version(&demo()).await.unwrap(), Some(2));
    for (version, document) in [(1, r#"{"name":"one"}"#), (2, r#"{"name":"İki"}"#)] {
        assert_eq!(table.store.program_document(&demo(), version).await.unwrap().as_deref(), Some(document));
    }
    let key = |sk: &str| ("program#demo".to_owned(), sk.to_owned());
    assert_eq!(table.keys().await, [key("head"), key("version#000001"), key("version#000002")]);
}

#[tokio::test]
async fn who_does_not_know_the_current_version_replaces_nothing() {
    let table = Table::new().await;
    assert_eq!(table.store.publish(&demo(), Some(3), "x").await.unwrap(), STALE(None));
    table.store.publish(&demo(), None, "one").await.unwrap();
    table.store.publish(&demo(), Some(1), "two").await.unwrap();
    for expected in [None, Some(1), Some(3)] {
        assert_eq!(table.store.publish(&demo(), expected, "three").await.unwrap(), STALE(Some(2)), "{expected:?}");
    }
    assert_eq!(table.keys().await.len(), 3);
    assert_eq!(table.store.program_document(&demo(), 2).await.unwrap().as_deref(), Some("two"));
}

#[tokio::test]
async fn a_publication_whose_answer_was_lost_is_published() {
    let table = Table::new().await;
    table.wire.next("TransactWriteItems", Fault::AnswerLost);
    assert_eq!(table.store.publish(&demo(), None, "one").await.unwrap(), PUBLISHED(1));
    assert_eq!(table.store.publish(&demo(), None, "one").await.unwrap(), PUBLISHED(1));
    assert_eq!(table.store.publish(&demo(), None, "other").await.unwrap(), STALE(Some(1)));
    table.store.publish(&demo(), Some(1), "two").await.unwrap();
    assert_eq!(table.store.publish(&demo(), None, "one").await.unwrap(), STALE(Some(2)));
}

#[tokio::test]
async fn publications_that_meet_in_mid_air_are_tried_again_and_then_given_up() {
    let table = Table::new().await;
    table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict", "None"]));
    table.wire.next("TransactWriteItems", cancelled_for(&["None", "ThrottlingError"]));
    assert_eq!(table.store.publish(&demo(), None, "one").await.unwrap(), PUBLISHED(1));
    for _ in 0..8 {
        table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict", "None"]));
    }
    assert!(table.store.publish(&demo(), Some(1), "two").await.unwrap_err().is_retryable());
    assert_eq!(table.store.publish(&demo(), Some(1), "two").await.unwrap(), PUBLISHED(2));
}

#[tokio::test]
async fn of_many_publications_over_one_version_one_is_published() {
    let table = Table::new().await;
    let publications = (0..8).map(|n| {
        let store = table.store.clone();
        tokio::spawn(async move { store.publish(&demo(), None, &format!("document {n}")).await.unwrap() })
    });
    let mut published = 0;
    for publication in publications.collect::<Vec<_>>() {
        match publication.await.unwrap() {
            Publication::Published { version } => {
                assert_eq!(version, 1);
                published += 1;
            }
            Publication::Stale { current } => assert_eq!(current, Some(1)),
        }
    }
    assert_eq!(published, 1);
}

#[tokio::test]
async fn the_largest_document_fits() {
    let table = Table::new().await;
    let document = "x".repeat(256 * 1_024);
    assert_eq!(table.store.publish(&demo(), None, &document).await.unwrap(), PUBLISHED(1));
    assert_eq!(table.store.program_document(&demo(), 1).await.unwrap(), Some(document));
}
