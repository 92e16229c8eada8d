//! Callers' data reaches DynamoDB as values, never as a part of an expression.

use std::collections::BTreeSet;

use jiff::civil::date;
use regulars_domain::{
    account::Alias,
    aftermath::Place,
    code::{Code, CodeTerms, GivenCode},
    counter::{CounterChange, Reserved, Take},
    posting::{ReceiptChange, ReceiptId, Release},
    text::Note,
};
use regulars_store::Store;
use serde_json::Value;

use crate::{
    engine::Table,
    programs::{publish, publish_at, withdraw},
    sample::{NOW, accrual, claim, commit, demo, empty, enrollment, member, take, tasting},
};

/// Collects every expression and every name of an attribute or a value in `body`.
fn expressions(body: &Value, found: &mut BTreeSet<String>) {
    match body {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name.ends_with("Expression") {
                    found.insert(value.as_str().unwrap().to_owned());
                } else if name == "ExpressionAttributeValues" {
                    found.extend(value.as_object().unwrap().keys().cloned());
                }
                assert_ne!(name, "ExpressionAttributeNames");
                expressions(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the expressions of all operations of a store for one member, key and text.
async fn all_expressions(id: &str, key: &str, text: &str) -> BTreeSet<String> {
    let table = Table::new().await;
    let member = member(id);
    let account = commit(&table, &enrollment(&member)).await;
    let mut posting = accrual(&account, key, 5);
    posting.takes = vec![take(1, 9)];
    posting.claims = vec![claim(Alias { kind: text.to_owned(), hash: [7; 16] })];
    let account = commit(&table, &posting).await;
    let (name, owner) = (Alias { kind: text.to_owned(), hash: [7; 16] }, "m-1".parse().unwrap());
    let (on, purchase) = (date(2026, 11, 26), Place { member: member.clone(), entry: key.parse().unwrap() });
    let receipt = ReceiptId {
        store: Some(serde_json::from_value(text.into()).unwrap()),
        on,
        receipt: serde_json::from_value(key.into()).unwrap(),
    };
    let change = |is_taken| ReceiptChange { receipt: receipt.clone(), purchase: purchase.clone(), is_taken };
    let mut posting = empty(&account);
    posting.releases = vec![Release { alias: name, member: owner, on, forgotten_at: NOW.parse().unwrap() }];
    posting.receipts = vec![change(true)];
    let account = commit(&table, &posting).await;
    let mut posting = empty(&account);
    posting.takes = vec![take(-1, 9)];
    posting.receipts = vec![change(false)];
    let mut account = commit(&table, &posting).await;
    // One more of the same, and one after the limit was lowered.
    for most in [9, 8] {
        let mut posting = empty(&account);
        posting.takes = vec![take(1, most)];
        account = commit(&table, &posting).await;
    }
    // A hold that is captured, and one that ends together with a take.
    let change = |redemption: &str, ends_at: &str| Reserved {
        member: member.clone(),
        redemption: redemption.parse().unwrap(),
        ends_at: ends_at.parse().unwrap(),
        amount: 1,
    };
    let held = change(key, "2026-11-22T13:00:00Z");
    let captured = CounterChange::Ended { reserved: held.clone(), kept: 1 };
    let over = change("over", "2026-11-22T12:01:00Z");
    let ended = CounterChange::Ended { reserved: over.clone(), kept: 0 };
    for changes in [
        vec![CounterChange::Held(held)],
        vec![captured],
        vec![CounterChange::Held(over)],
        vec![ended, CounterChange::Taken(1)],
    ] {
        let take = |change| Take { counter: tasting(), change, most: 8 };
        let mut posting = empty(&account);
        posting.takes = changes.into_iter().map(take).collect();
        account = commit(&table, &posting).await;
    }
    let mut posting = accrual(&account, "noted", 5);
    let note: Note = text.parse().unwrap();
    posting.own.entries = posting.own.entries.into_iter().map(|sealed| sealed.noted(Some(note.clone()))).collect();
    account = commit(&table, &posting).await;
    table.store.erase_details(&demo(), &member).await.unwrap();
    let noted = table.store.entry(&demo(), &member, &"noted".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(noted.sealed, posting.own.entries[0].clone().noted(None), "text and hash stay");
    let (reward, code): (_, Code) = (id.parse().unwrap(), key.parse().unwrap());
    table.store.add_codes(&demo(), &reward, &[code.clone()].into()).await.unwrap();
    assert_eq!(table.store.free_codes(&demo(), std::slice::from_ref(&reward)).await.unwrap()[&reward], code);
    let given = |code, is_pooled| {
        let redemption = key.parse().unwrap();
        GivenCode {
            reward: reward.clone(),
            code,
            member: member.clone(),
            redemption,
            is_pooled,
            terms: CodeTerms::default(),
        }
    };
    let mut posting = empty(&account);
    posting.codes = vec![given(code.clone(), true), given("made".parse().unwrap(), false)];
    commit(&table, &posting).await;
    table.store.code(&demo(), &reward, &code).await.unwrap();
    table.store.void_code(&demo(), &reward, &code).await.unwrap();
    table.store.count_codes(&demo(), &reward).await.unwrap();
    table.store.entry(&demo(), &member, &key.parse().unwrap()).await.unwrap();
    table.store.entries(&demo(), &member, Some(3), 5).await.unwrap();
    table.store.ledger(&demo(), &member, 0, 5).await.unwrap();
    table.store.counters(&demo(), &[tasting()]).await.unwrap();
    table.store.due(Store::due_shard(&member), date(2027, 1, 1), None, 5).await.unwrap();
    publish(&table, None, text).await;
    publish_at(&table, Some(1), text, 600).await;
    withdraw(&table, 2).await;
    let mut found = BTreeSet::new();
    for operation in ["GetItem", "Query", "TransactWriteItems"] {
        for body in table.wire.requests(operation) {
            expressions(&body, &mut found);
        }
    }
    found
}

#[tokio::test]
async fn expressions_are_the_same_whatever_comes_in() {
    let plain = Box::pin(all_expressions("m-1", "order-1", "aa")).await;
    let crafty = Box::pin(all_expressions("a:pk", "v:read", "x) OR attribute_exists(pk) OR (v = :read")).await;
    assert_eq!(plain, crafty);
    let expected = [
        ":amount",
        ":changes",
        ":end",
        ":entry",
        ":fate",
        ":from",
        ":gone_at",
        ":held",
        ":hold",
        ":member",
        ":most",
        ":on",
        ":pk",
        ":purchase",
        ":read",
        ":redemption",
        ":room",
        ":seq",
        ":shard",
        ":taken",
        ":terms",
        ":used",
        ":zero",
        "REMOVE f, nt",
        "REMOVE m, i",
        "SET ac = :changes, f = :fate, u = :used REMOVE seq",
        "SET f = :on, gone_at = :gone_at REMOVE m",
        "SET m = :member, i = :redemption, t = :terms REMOVE seq",
        "SET taken = taken + :amount",
        "SET taken = taken + :amount ADD held :held",
        "SET taken = taken - :amount",
        "SET taken = taken - :amount DELETE held :held",
        "attribute_exists(f) OR attribute_exists(nt)",
        "attribute_exists(m)",
        "attribute_exists(pk)",
        "attribute_exists(pk) AND (ac = :read OR (attribute_not_exists(ac) AND :read = :zero))",
        "attribute_exists(seq)",
        "attribute_not_exists(m)",
        "attribute_not_exists(m) OR (m = :member AND i = :purchase)",
        "attribute_not_exists(m) OR m IN (:member, :from)",
        "attribute_not_exists(pk)",
        "contains(held, :hold)",
        "due_shard = :shard AND due_key < :end",
        "m = :member",
        "most = :most AND taken <= :room",
        "pk = :pk",
        "pk = :pk AND begins_with(sk, :entry)",
        "pk = :pk AND seq < :seq",
        "pk = :pk AND seq > :seq",
        "pk, sk",
        "taken = :taken AND most = :most AND attribute_not_exists(held)",
        "taken = :taken AND most = :most AND held = :held",
        "taken >= :amount AND attribute_not_exists(held)",
        "v = :read",
    ];
    assert_eq!(plain.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
