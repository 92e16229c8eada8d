//! Which failures are temporary, which are not, and that none contains data of an item.

use std::error::Error;

use aws_sdk_dynamodb::{error::SdkError, operation::get_item::GetItemError, types::AttributeValue};
use regulars_domain::{
    code::{CodeTerms, GivenCode},
    money::{Amount, Money},
};
use regulars_store::{Corrupt, Store, StoreFault};
use serde_json::json;

use crate::{
    engine::Table,
    programs::publish,
    sample::{accrual, commit, demo, member, table_with_member},
    wire::{Fault, cancelled, cancelled_for, error},
};

#[tokio::test]
async fn what_passes_by_itself_is_unavailable_and_keeps_its_source() {
    for (status, name) in [
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
        (400, "ThrottlingException"),
        (400, "ProvisionedThroughputExceededException"),
        (400, "RequestLimitExceeded"),
    ] {
        let (table, _) = table_with_member().await;
        for _ in 0..3 {
            table.wire.next("GetItem", error(status, name));
        }
        let fault = table.store.account(&demo(), &member("m-1")).await.unwrap_err();
        assert!(matches!(fault, StoreFault::Unavailable(_)), "{name}: {fault:?}");
        assert!(fault.source().unwrap().downcast_ref::<SdkError<GetItemError>>().is_some());
        assert!(fault.is_retryable());
    }
}

#[tokio::test]
async fn what_does_not_pass_by_itself_is_broken() {
    for (status, name) in [
        (400, "AccessDeniedException"),
        (400, "ResourceNotFoundException"),
        (400, "ValidationException"),
        (400, "UnrecognizedClientException"),
        (400, "SomethingNew"),
    ] {
        let (table, _) = table_with_member().await;
        table.wire.next("GetItem", error(status, name));
        let fault = table.store.account(&demo(), &member("m-1")).await.unwrap_err();
        assert!(matches!(fault, StoreFault::Broken(_)), "{name}: {fault:?}");
        assert!(format!("{fault:?}").contains(name), "{fault:?}");
        assert!(!fault.is_retryable());
    }
}

#[tokio::test]
async fn a_lost_connection_is_unavailable() {
    let (table, _) = table_with_member().await;
    for _ in 0..3 {
        table.wire.next("GetItem", Fault::AnswerLost);
    }
    let fault = table.store.account(&demo(), &member("m-1")).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault:?}");
}

#[tokio::test]
async fn one_lost_answer_of_a_read_is_not_noticed() {
    let (table, account) = table_with_member().await;
    table.wire.next("GetItem", Fault::AnswerLost);
    assert_eq!(table.store.account(&demo(), &member("m-1")).await.unwrap(), Some(account));
}

#[tokio::test]
async fn a_table_that_does_not_exist_is_broken() {
    let table = Table::new().await;
    let store = Store::new(&table.client, "elsewhere");
    let fault = store.account(&demo(), &member("m-1")).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Broken(_)), "{fault:?}");
}

#[tokio::test]
async fn a_permanently_rejected_transaction_is_a_fault() {
    for code in ["ValidationError", "ItemCollectionSizeLimitExceeded", "SomethingNew"] {
        let (table, account) = table_with_member().await;
        table.wire.next("TransactWriteItems", cancelled_for(&["None", code]));
        let fault = table.store.commit(&accrual(&account, "order-1", 5)).await.unwrap_err();
        assert!(matches!(fault, StoreFault::Broken(_)), "{code}: {fault:?}");
    }
}

#[tokio::test]
async fn a_fault_contains_no_data_of_an_item() {
    let (table, account) = table_with_member().await;
    let item = json!({ "pk": { "S": "member#demo#m-1" }, "a": { "M": { "city": { "S": "Izmir" } } } });
    let refused = json!({ "Code": "ValidationError", "Message": "injected", "Item": item });
    table.wire.next("TransactWriteItems", cancelled(&[refused, json!({ "Code": "None" })]));
    let fault = table.store.commit(&accrual(&account, "order-1", 5)).await.unwrap_err();
    let shown = format!("{fault} {fault:?} {fault:#?}");
    assert!(shown.contains("TransactionCanceledException"), "{shown}");
    assert!(!shown.contains("Izmir") && !shown.contains("m-1"), "{shown}");
}

/// Corrupts one attribute of an item and asserts that reading it is a fault that names the attribute.
async fn check_corrupt<T: std::fmt::Debug>(
    table: &Table,
    item: (&'static str, &str, &str),
    attribute: &'static str,
    read: impl AsyncFnOnce(&Store) -> Result<T, StoreFault>,
) {
    let (kind, pk, sk) = item;
    let kept = table.attribute(pk, sk, attribute).await;
    table.set(pk, sk, attribute, Some(AttributeValue::Bool(true))).await;
    let fault = read(&table.store).await.unwrap_err();
    let corrupt = fault.source().and_then(|source| source.downcast_ref::<Corrupt>()).expect("a corrupt item");
    assert_eq!((corrupt.item, corrupt.attribute), (kind, attribute));
    assert!(!fault.is_retryable());
    table.set(pk, sk, attribute, kept).await;
}

#[tokio::test]
async fn a_corrupt_item_is_a_fault_that_names_the_attribute() {
    let (table, account) = table_with_member().await;
    let mut posting = accrual(&account, "order-1", 5);
    posting.takes = vec![crate::sample::take(1, 2)];
    posting.claims = vec![crate::sample::claim(crate::sample::email("aa"))];
    let money = Money { amount: Amount::default(), currency: "EUR".parse().unwrap() };
    posting.codes = vec![GivenCode {
        reward: "cinema".parse().unwrap(),
        code: "A1".parse().unwrap(),
        member: member("m-1"),
        redemption: "order-1".parse().unwrap(),
        is_pooled: false,
        terms: CodeTerms { expires_on: None, value: Some(money) },
    }];
    let account = commit(&table, &posting).await;
    publish(&table, None, "document").await;
    let (program, id) = (demo(), account.member.clone());
    let pk = "member#demo#m-1";

    for attribute in ["v", "n", "h", "st", "en", "on", "l"] {
        check_corrupt(&table, ("account", pk, "account"), attribute, async |store| store.account(&program, &id).await)
            .await;
    }
    let entry = "order-1".parse().unwrap();
    for attribute in ["e", "h"] {
        let item = ("entry", pk, "entry#order-1");
        check_corrupt(&table, item, attribute, async |store| store.entry(&program, &id, &entry).await).await;
        check_corrupt(&table, item, attribute, async |store| store.entries(&program, &id, None, 9).await).await;
    }
    check_corrupt(
        &table,
        ("alias", "alias#demo#email#61610000000000000000000000000000", "alias"),
        "m",
        async |store| store.member_by_alias(&program, &crate::sample::email("aa")).await,
    )
    .await;
    for attribute in ["taken", "most", "held"] {
        check_corrupt(&table, ("counter", "reward#demo#tasting#1", "stock"), attribute, async |store| {
            store.counters(&program, &[crate::sample::tasting()]).await
        })
        .await;
    }
    let reward = "cinema".parse().unwrap();
    let code = "A1".parse().unwrap();
    for attribute in ["m", "i", "t", "f", "u", "ac"] {
        check_corrupt(&table, ("code", "codes#demo#cinema", "code#A1"), attribute, async |store| {
            store.code(&program, &reward, &code).await
        })
        .await;
    }
    for attribute in ["v", "last", "versions"] {
        check_corrupt(&table, ("program", "program#demo", "head"), attribute, async |store| {
            store.program_heads(&program).await
        })
        .await;
    }
    for attribute in ["v", "document"] {
        check_corrupt(&table, ("program", "program#demo", "version#000001"), attribute, async |store| {
            store.program_documents(&program, &[1]).await
        })
        .await;
    }
    assert_eq!(table.store.account(&program, &id).await.unwrap(), Some(account));
}

#[tokio::test]
async fn a_corrupt_account_that_a_failed_condition_shows_is_a_fault() {
    let (table, account) = table_with_member().await;
    let first = accrual(&account, "order-1", 5);
    commit(&table, &first).await;
    table.set("member#demo#m-1", "account", "st", Some(AttributeValue::S("dormant".to_owned()))).await;
    let fault = table.store.commit(&first).await.unwrap_err();
    assert!(format!("{fault:?}").contains("`st`"), "{fault:?}");
}

#[tokio::test]
async fn a_malformed_due_key_is_a_fault() {
    let (table, account) = table_with_member().await;
    let due_key = AttributeValue::S("2026-12-31".to_owned());
    table.set("member#demo#m-1", "account", "due_key", Some(due_key)).await;
    let shard = Store::due_shard(&account.member);
    let fault = table.store.due(shard, jiff::civil::date(2027, 1, 1), None, 5).await.unwrap_err();
    assert!(format!("{fault:?}").contains("due_key"), "{fault:?}");
}
