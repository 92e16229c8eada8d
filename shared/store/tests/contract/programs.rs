//! Programs: numbered, immutable versions, each published over the newest one that its author knew.

use jiff::{SignedDuration, Timestamp};
use regulars_domain::version_head::{Differs, VersionHead};
use regulars_store::{Action, ProgramHeads, Publication, Publish, Start, Withdrawal};
use serde_json::json;

use crate::{
    engine::Table,
    sample::{NOW, demo},
    wire::{Fault, cancelled_for, error},
};

const STALE: fn(Option<u64>) -> Publication = |current| Publication::Stale { current };

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// Returns the head of a version that begins a number of seconds from now.
fn head(seconds: i64) -> VersionHead {
    VersionHead {
        version: 0,
        in_force_from: later(seconds),
        published_at: now(),
        actor: Some("ayse".parse().unwrap()),
        differs: Differs::Tiers,
        backdating_days_max: 30,
        corrects: Some(1),
        replaces: vec![("silver".parse().unwrap(), "blue".parse().unwrap())],
    }
}

/// Publishes a document that begins a number of seconds from now.
pub(crate) async fn publish_at(table: &Table, expected: Option<u64>, document: &str, seconds: i64) -> Publication {
    let publish = Publish { expected, document, now: now() };
    table.store.publish(&demo(), publish, &head(seconds)).await.unwrap()
}

/// Publishes a document that is in force at once.
pub(crate) async fn publish(table: &Table, expected: Option<u64>, document: &str) -> Publication {
    publish_at(table, expected, document, 0).await
}

pub(crate) async fn withdraw(table: &Table, version: u64) -> Withdrawal {
    table.store.withdraw(&demo(), version, now(), SignedDuration::from_secs(60)).await.unwrap()
}

async fn heads(table: &Table) -> ProgramHeads {
    table.store.program_heads(&demo()).await.unwrap().unwrap()
}

async fn numbers(table: &Table) -> Vec<u64> {
    heads(table).await.versions.iter().map(|head| head.version).collect()
}

#[track_caller]
fn published(publication: &Publication) -> u64 {
    match publication {
        Publication::Published(head) => head.version,
        Publication::Stale { .. } | Publication::Scheduled { .. } | Publication::Full { .. } => {
            panic!("{publication:?}")
        }
    }
}

#[tokio::test]
async fn a_program_is_published_version_by_version_and_each_is_kept() {
    let table = Table::new().await;
    assert_eq!(table.store.program_heads(&demo()).await.unwrap(), None);
    assert!(table.store.program_documents(&demo(), &[1]).await.unwrap().is_empty());
    let first = publish(&table, None, r#"{"name":"one"}"#).await;
    assert_eq!(first, Publication::Published(VersionHead { version: 1, ..head(0) }));
    assert_eq!(published(&publish(&table, Some(1), r#"{"name":"İki"}"#).await), 2);
    let expected = [1, 2].map(|version| VersionHead { version, ..head(0) });
    assert_eq!(heads(&table).await.versions.as_ref(), expected);
    let documents = table.store.program_documents(&demo(), &[2, 1, 3]).await.unwrap();
    let expected = [(1, r#"{"name":"one"}"#), (2, r#"{"name":"İki"}"#)].map(|(n, text)| (n, text.to_owned()));
    assert_eq!(documents, expected.into());
    let key = |sk: &str| ("program#demo".to_owned(), sk.to_owned());
    assert_eq!(table.keys().await, [key("head"), key("version#000001"), key("version#000002")]);
    let format = table.attribute("program#demo", "version#000001", "format").await.unwrap();
    assert_eq!(format.as_n().unwrap(), "1");
}

#[tokio::test]
async fn an_author_who_does_not_know_the_newest_version_replaces_nothing() {
    let table = Table::new().await;
    assert_eq!(publish(&table, Some(3), "x").await, STALE(None));
    publish(&table, None, "one").await;
    publish(&table, Some(1), "two").await;
    for expected in [None, Some(1), Some(3)] {
        assert_eq!(publish(&table, expected, "three").await, STALE(Some(2)), "{expected:?}");
    }
    assert_eq!(table.keys().await.len(), 3);
    assert_eq!(table.store.program_documents(&demo(), &[2]).await.unwrap()[&2], "two");
}

#[tokio::test]
async fn a_publication_whose_answer_was_lost_is_published() {
    let table = Table::new().await;
    table.wire.next("TransactWriteItems", Fault::AnswerLost);
    assert_eq!(published(&publish(&table, None, "one").await), 1);
    assert_eq!(published(&publish(&table, None, "one").await), 1);
    assert_eq!(publish(&table, None, "other").await, STALE(Some(1)));
    table.wire.next("TransactWriteItems", Fault::AnswerLost);
    assert_eq!(published(&publish_at(&table, Some(1), "two", 600).await), 2);
    // The repeat comes later and gets the original answer, with the original instant.
    let repeat = publish_at(&table, Some(1), "two", 900).await;
    assert_eq!(repeat, Publication::Published(VersionHead { version: 2, ..head(600) }));
    assert_eq!(numbers(&table).await, [1, 2]);
}

#[tokio::test]
async fn while_a_version_is_scheduled_no_other_is_published() {
    let table = Table::new().await;
    publish(&table, None, "one").await;
    publish_at(&table, Some(1), "two", 600).await;
    let scheduled = Publication::Scheduled { version: 2, in_force_from: later(600) };
    for expected in [None, Some(1), Some(2), Some(9)] {
        assert_eq!(publish(&table, expected, "three").await, scheduled, "{expected:?}");
    }
    // From its instant on, it is like any other.
    let publish = Publish { expected: Some(2), document: "three", now: later(600) };
    assert_eq!(published(&table.store.publish(&demo(), publish, &head(600)).await.unwrap()), 3);
}

#[tokio::test]
async fn a_first_version_is_never_scheduled_and_never_withdrawn() {
    let table = Table::new().await;
    publish_at(&table, None, "one", 600).await;
    assert_eq!(withdraw(&table, 1).await, Withdrawal::InForce { in_force_from: later(600) });
    assert_eq!(published(&publish(&table, Some(1), "two").await), 2);
}

#[tokio::test]
async fn a_scheduled_version_can_be_withdrawn_until_shortly_before_it_begins_and_its_number_is_not_used_again() {
    let table = Table::new().await;
    assert_eq!(withdraw(&table, 1).await, Withdrawal::NotFound);
    publish(&table, None, "one").await;
    for (seconds, document) in [(0, "two"), (60, "three")] {
        let newest = *numbers(&table).await.last().unwrap();
        let version = published(&publish_at(&table, Some(newest), document, seconds).await);
        assert_eq!(withdraw(&table, version).await, Withdrawal::InForce { in_force_from: later(seconds) });
    }
    // A version that is followed by another is in force, regardless of the clock.
    let withdrawal = table.store.withdraw(&demo(), 2, later(-600), SignedDuration::ZERO).await.unwrap();
    assert_eq!(withdrawal, Withdrawal::InForce { in_force_from: later(0) });

    let publish = Publish { expected: Some(3), document: "four", now: later(60) };
    assert_eq!(published(&table.store.publish(&demo(), publish, &head(121)).await.unwrap()), 4);
    let withdrawal = table.store.withdraw(&demo(), 4, later(60), SignedDuration::from_secs(60)).await.unwrap();
    assert_eq!(withdrawal, Withdrawal::Withdrawn(heads(&table).await));
    assert_eq!(numbers(&table).await, [1, 2, 3]);
    assert_eq!(withdraw(&table, 4).await, Withdrawal::NotFound);
    let publish = Publish { document: "five", ..publish };
    assert_eq!(published(&table.store.publish(&demo(), publish, &head(121)).await.unwrap()), 5);
    assert_eq!(numbers(&table).await, [1, 2, 3, 5]);
    // Its document stays stored, and is not a version.
    assert_eq!(table.store.program_documents(&demo(), &[4]).await.unwrap()[&4], "four");
}

#[tokio::test]
async fn a_withdrawal_whose_answer_was_lost_has_happened() {
    let table = Table::new().await;
    publish(&table, None, "one").await;
    publish_at(&table, Some(1), "two", 600).await;
    table.wire.next("TransactWriteItems", Fault::AnswerLost);
    assert!(matches!(withdraw(&table, 2).await, Withdrawal::Withdrawn(_)));
    assert_eq!(numbers(&table).await, [1]);
}

#[tokio::test]
async fn changes_that_meet_in_mid_air_are_tried_again_and_then_given_up() {
    let table = Table::new().await;
    table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict", "None"]));
    table.wire.next("TransactWriteItems", cancelled_for(&["None", "ThrottlingError"]));
    assert_eq!(published(&publish(&table, None, "one").await), 1);
    let two = Publish { expected: Some(1), document: "two", now: now() };
    for _ in 0..8 {
        table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict", "None"]));
    }
    assert!(table.store.publish(&demo(), two, &head(600)).await.unwrap_err().is_retryable());
    assert_eq!(published(&table.store.publish(&demo(), two, &head(600)).await.unwrap()), 2);
    for _ in 0..8 {
        table.wire.next("TransactWriteItems", cancelled_for(&["TransactionConflict"]));
    }
    let withdrawal = table.store.withdraw(&demo(), 2, now(), SignedDuration::ZERO).await;
    assert!(withdrawal.unwrap_err().is_retryable());
    assert!(matches!(withdraw(&table, 2).await, Withdrawal::Withdrawn(_)));
    table.wire.next("TransactWriteItems", cancelled_for(&["ValidationError", "None"]));
    assert!(!table.store.publish(&demo(), two, &head(600)).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn of_many_publications_over_one_version_one_is_published() {
    let table = Table::new().await;
    let publications = (0..8).map(|n| {
        let store = table.store.clone();
        tokio::spawn(async move {
            let document = format!("document {n}");
            let publish = Publish { expected: None, document: &document, now: now() };
            store.publish(&demo(), publish, &head(0)).await.unwrap()
        })
    });
    let mut count = 0;
    for publication in publications.collect::<Vec<_>>() {
        match publication.await.unwrap() {
            Publication::Published(head) => {
                assert_eq!(head.version, 1);
                count += 1;
            }
            other @ (Publication::Stale { .. } | Publication::Scheduled { .. } | Publication::Full { .. }) => {
                assert_eq!(other, STALE(Some(1)));
            }
        }
    }
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_publication_that_loses_a_race_is_answered_with_the_newest_version() {
    for (seconds, expected) in
        [(0, STALE(Some(2))), (600, Publication::Scheduled { version: 2, in_force_from: later(600) })]
    {
        let table = Table::new().await;
        publish(&table, None, "one").await;
        let store = table.store.clone();
        let overtake = Fault::Meanwhile(Box::pin(async move {
            let publish = Publish { expected: Some(1), document: "rival", now: now() };
            store.publish(&demo(), publish, &head(seconds)).await.unwrap();
        }));
        table.wire.next("TransactWriteItems", overtake);
        assert_eq!(publish(&table, Some(1), "two").await, expected);
        assert_eq!(table.store.program_documents(&demo(), &[2]).await.unwrap()[&2], "rival");
    }
}

#[tokio::test]
async fn a_concurrent_withdrawal_and_publication_each_see_the_others_result() {
    // The scheduled version is withdrawn while another author publishes over the one in force.
    let table = Table::new().await;
    publish(&table, None, "one").await;
    publish_at(&table, Some(1), "two", 600).await;
    let store = table.store.clone();
    table.wire.next(
        "TransactWriteItems",
        Fault::Meanwhile(Box::pin(async move {
            store.withdraw(&demo(), 2, now(), SignedDuration::ZERO).await.unwrap();
            let publish = Publish { expected: Some(1), document: "three", now: now() };
            assert_eq!(published(&store.publish(&demo(), publish, &head(600)).await.unwrap()), 3);
        })),
    );
    assert!(matches!(withdraw(&table, 2).await, Withdrawal::Withdrawn(_)));
    assert_eq!(numbers(&table).await, [1, 3]);

    // A publication over a version that is withdrawn in between finds another newest version.
    let store = table.store.clone();
    let late = Publish { expected: Some(3), document: "four", now: later(600) };
    table.wire.next(
        "TransactWriteItems",
        Fault::Meanwhile(Box::pin(async move {
            store.withdraw(&demo(), 3, now(), SignedDuration::ZERO).await.unwrap();
        })),
    );
    assert_eq!(table.store.publish(&demo(), late, &head(600)).await.unwrap(), STALE(Some(1)));
    assert_eq!(numbers(&table).await, [1]);
}

#[tokio::test]
async fn a_publication_is_checked_without_writing() {
    let table = Table::new().await;
    let start = async |expected, document: &str| {
        table.store.start_publication(&demo(), Publish { expected, document, now: now() }).await.unwrap()
    };
    assert_eq!(start(None, "one").await, Start::Open(None));
    assert_eq!(start(Some(1), "one").await, Start::Settled(STALE(None)));
    publish(&table, None, "one").await;
    assert_eq!(start(Some(1), "two").await, Start::Open(Some(heads(&table).await)));
    let repeat = Publication::Published(VersionHead { version: 1, ..head(0) });
    assert_eq!(start(None, "one").await, Start::Settled(repeat));
    assert_eq!(table.keys().await.len(), 2);
}

#[tokio::test]
async fn many_documents_are_one_round_trip_and_unprocessed_ones_are_requested_again() {
    let table = Table::new().await;
    for (version, document) in [(None, "one"), (Some(1), "two"), (Some(2), "three")] {
        publish(&table, version, document).await;
    }
    let meter = table.store.meter();
    let before = meter.snapshot();
    assert_eq!(table.store.program_documents(&demo(), &[1, 2, 3]).await.unwrap().len(), 3);
    let used = meter.since(&before);
    assert_eq!((used.round_trips, used.read_half_units), (1, 6));
    assert_eq!(used.actions, [(Action::BatchGetItem, 1)].into());
    assert!(table.store.program_documents(&demo(), &[]).await.unwrap().is_empty());
    assert_eq!(meter.since(&before).round_trips, 1);

    let key = |n: u64| json!({ "pk": { "S": "program#demo" }, "sk": { "S": format!("version#{n:06}") } });
    let left = |keys: Vec<serde_json::Value>| {
        let responses = json!({ "regulars": [] });
        Fault::Answer(200, json!({ "Responses": responses, "UnprocessedKeys": { "regulars": { "Keys": keys } } }))
    };
    table.wire.next("BatchGetItem", left(vec![key(2), key(3)]));
    table.wire.next("BatchGetItem", left(vec![key(3)]));
    let documents = table.store.program_documents(&demo(), &[2, 3]).await.unwrap();
    // The middle response lost version 2, which no real table does; what counts is that only the rest is requested.
    assert_eq!(documents, [(3, "three".to_owned())].into());
    for _ in 0..8 {
        table.wire.next("BatchGetItem", left(vec![key(3)]));
    }
    assert!(table.store.program_documents(&demo(), &[3]).await.unwrap_err().is_retryable());
    for _ in 0..3 {
        table.wire.next("BatchGetItem", error(400, "ThrottlingException"));
    }
    assert!(table.store.program_documents(&demo(), &[3]).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn more_documents_than_one_request_may_name_are_several_requests() {
    let table = Table::new().await;
    publish(&table, None, "one").await;
    let before = table.store.meter().snapshot();
    let versions: Vec<u64> = (1..=201).collect();
    assert_eq!(table.store.program_documents(&demo(), &versions).await.unwrap().len(), 1);
    assert_eq!(table.store.meter().since(&before).round_trips, 3);
}

#[tokio::test]
async fn the_largest_document_fits() {
    let table = Table::new().await;
    let document = "x".repeat(256 * 1_024);
    assert_eq!(published(&publish(&table, None, &document).await), 1);
    assert_eq!(table.store.program_documents(&demo(), &[1]).await.unwrap()[&1], document);
}

#[tokio::test]
async fn a_program_has_at_most_a_thousand_versions() {
    let table = Table::new().await;
    publish(&table, None, "one").await;
    let head = table.attribute("program#demo", "head", "versions").await.unwrap();
    let row: serde_json::Value = serde_json::from_str(head.as_s().unwrap()).unwrap();
    let rows = vec![row[0].clone(); 1_000];
    let text = aws_sdk_dynamodb::types::AttributeValue::S(serde_json::to_string(&rows).unwrap());
    table.set("program#demo", "head", "versions", Some(text)).await;
    assert_eq!(publish(&table, Some(1), "two").await, Publication::Full { versions: 1_000 });
}
