//! Statements: in order, page by page, complete.

use regulars_domain::{
    account::{Account, AttributeValue, Bought},
    aftermath::{AccrualNow, Aftermath, Mark, Place, Recorded},
    chain::{Sealed, verify},
    facts::{MemberThen, PurchaseFacts},
    qualifying::Qualifying,
};
use regulars_store::{Action, Commit};
use serde_json::{Value, json};

use crate::{
    engine::Table,
    sample::{
        NOW, accrual, amendment, commit, demo, enrollment, member, review, table_with_member, telling, untouched,
    },
};

/// Returns a member with eight entries, and another whose ledger must never show.
async fn ledger_of_eight() -> (Table, Account) {
    let (table, mut account) = table_with_member().await;
    let other = commit(&table, &enrollment(&member("m-2"))).await;
    commit(&table, &accrual(&other, "order-9", 9)).await;
    for n in 2..=8 {
        account = commit(&table, &accrual(&account, &format!("order-{n}"), n)).await;
    }
    (table, account)
}

#[tokio::test]
async fn a_statement_goes_back_from_the_newest_entry_page_by_page() {
    let (table, account) = ledger_of_eight().await;
    for (limit, pages) in [
        (3, vec![vec![8, 7, 6], vec![5, 4, 3], vec![2, 1]]),
        (4, vec![vec![8, 7, 6, 5], vec![4, 3, 2, 1]]),
        (8, vec![vec![8, 7, 6, 5, 4, 3, 2, 1]]),
        (100, vec![vec![8, 7, 6, 5, 4, 3, 2, 1]]),
        (0, (1..=8).rev().map(|seq| vec![seq]).collect()),
    ] {
        let mut before = None;
        for (index, expected) in pages.iter().enumerate() {
            let page = table.store.entries(&demo(), &account.member, before, limit).await.unwrap();
            let seqs: Vec<u64> = page.items.iter().map(|recorded| recorded.sealed.entry.seq).collect();
            assert_eq!(seqs, *expected, "limit {limit}");
            before = page.next;
            assert_eq!(before.is_some(), index + 1 < pages.len(), "limit {limit}, page {index}");
        }
    }
}

#[tokio::test]
async fn pages_fit_together_while_entries_are_added() {
    let (table, account) = ledger_of_eight().await;
    let first = table.store.entries(&demo(), &account.member, None, 5).await.unwrap();
    commit(&table, &accrual(&account, "order-10", 1)).await;
    let second = table.store.entries(&demo(), &account.member, first.next, 5).await.unwrap();
    let seqs: Vec<u64> = first.items.iter().chain(&second.items).map(|recorded| recorded.sealed.entry.seq).collect();
    assert_eq!(seqs, [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn the_whole_ledger_in_order_proves_itself() {
    let (table, account) = ledger_of_eight().await;
    let mut entries = vec![];
    let mut after = Some(0);
    while let Some(seq) = after {
        let page = table.store.ledger(&demo(), &account.member, seq, 3).await.unwrap();
        entries.extend(page.items);
        after = page.next;
    }
    assert_eq!(verify(&demo(), &account.member, &entries, account.seq, &account.head_hash), Ok(()));
}

#[tokio::test]
async fn an_entry_is_kept_under_any_key_that_a_caller_may_choose() {
    let (table, mut account) = table_with_member().await;
    let longest = "#".repeat(64);
    let keys = ["a#b", "x y", "p/q", "100%", "a~b", "account", "entry#a", "\"\\\"", "a", "A", "a ~", longest.as_str()];
    for key in keys {
        account = commit(&table, &accrual(&account, key, 5)).await;
    }
    let made = ["~expiry~2027-11-30", "~tier~by~p/q", "~transfer~m-2~x y#~"];
    account = commit(&table, &review(&account, &made)).await;
    for id in keys.into_iter().chain(made) {
        let read = table.store.entry(&demo(), &account.member, &id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(read.sealed.entry.id.as_str(), id);
    }
    let statement = table.store.entries(&demo(), &account.member, None, 100).await.unwrap().items;
    let ids: Vec<&str> = statement.iter().rev().map(|recorded| recorded.sealed.entry.id.as_str()).collect();
    assert_eq!(ids[1..], keys.into_iter().chain(made).collect::<Vec<_>>());
    let ledger = table.store.ledger(&demo(), &account.member, 0, 100).await.unwrap().items;
    assert_eq!(verify(&demo(), &account.member, &ledger, account.seq, &account.head_hash), Ok(()));
    for key in keys {
        let again = table.store.commit(&accrual(&account, key, 5)).await.unwrap();
        assert!(matches!(again, Commit::Replayed { .. }), "{key}: {again:?}");
    }
}

#[tokio::test]
async fn a_member_without_entries_has_an_empty_statement() {
    let table = Table::new().await;
    let page = table.store.entries(&demo(), &member("m-1"), None, 5).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
}

#[tokio::test]
async fn a_statement_is_one_strong_query_of_the_local_index() {
    let (table, account) = ledger_of_eight().await;
    let before = table.store.meter().snapshot();
    table.store.entries(&demo(), &account.member, None, 20).await.unwrap();
    let used = table.store.meter().since(&before);
    assert_eq!((used.round_trips, used.actions.into_keys().collect::<Vec<_>>()), (1, vec![Action::Query]));
    assert!(used.read_half_units >= 2);
    let query = &table.wire.requests("Query")[0];
    assert_eq!((query["IndexName"].as_str(), query["ConsistentRead"].as_bool()), (Some("by_seq"), Some(true)));
}

/// Returns a purchase with these fields, and what was known of the member.
fn facts(fields: Value, member: Option<MemberThen>) -> PurchaseFacts {
    let mut purchase = json!({ "occurred_at": NOW, "total": { "amount": 12_350, "currency": "EUR" } });
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    purchase.as_object_mut().unwrap().extend(fields);
    PurchaseFacts { purchase: serde_json::from_value(purchase).unwrap(), member }
}

/// Returns every possible fact of a purchase and its member.
fn all_facts() -> PurchaseFacts {
    let fields = json!({
        "channel": "app", "store": "kadikoy-1", "receipt": "till 3/#0042 \"copy\"",
        "tax": 1, "shipping": 2, "tip": 3, "discount": 4, "paid_with_points": 5, "paid_with_gift_card": 6,
        "attributes": { "payment": "card", "bags": -2, "gift": true },
        "lines": [
            { "id": "latte", "sku": "latte-0.3", "category": "coffee", "quantity": 2, "amount": 900 },
            { "sku": "sidamo", "category": "beans", "quantity": 0.35, "amount": 350 },
            { "id": "bag", "quantity": 1_000_000, "amount": 0 },
            { "category": "other", "quantity": 0.001, "amount": 11_000 },
            { "quantity": 0, "amount": 1 },
        ],
    });
    let attributes = [
        ("city", AttributeValue::String("Kahramanmara\u{15f}".to_owned())),
        ("visits", AttributeValue::Integer(-7)),
        ("staff", AttributeValue::Boolean(false)),
    ];
    let known = MemberThen {
        tier: Some("gold".parse().unwrap()),
        plan: Some(("plus".parse().unwrap(), 110)),
        enrolled_on: Some("2025-02-03".parse().unwrap()),
        attributes: attributes.map(|(id, value)| (id.parse().unwrap(), value)).into(),
        bought: Some(Bought {
            purchases: 3,
            spend: 4_500,
            first_at: Some(1_738_591_506),
            last_at: Some(1_795_356_306),
        }),
        period: Some(Qualifying { points: 45, spend: 4_500, visits: 3 }),
    };
    facts(fields, Some(known))
}

/// Returns what a list shows of an entry: everything but the facts.
fn listed(recorded: &Recorded) -> Recorded {
    let sealed = Sealed { facts: None, balance: None, ..recorded.sealed.clone() };
    Recorded { sealed, amended: None, ..recorded.clone() }
}

#[tokio::test]
async fn the_facts_of_a_purchase_come_with_its_entry_and_not_with_a_list() {
    let (table, mut account) = table_with_member().await;
    let mut expected = vec![];
    for (n, facts) in [
        all_facts(),
        facts(json!({}), Some(MemberThen::default())),
        facts(json!({ "tip": 7 }), Some(MemberThen { bought: Some(Bought::default()), ..MemberThen::default() })),
        facts(json!({ "lines": [{ "quantity": 1, "amount": 12_350 }] }), None),
    ]
    .iter()
    .enumerate()
    {
        let posting = telling(accrual(&account, &format!("order-{n}"), 5), facts);
        account = commit(&table, &posting).await;
        let told = &posting.own.entries[0];
        let read = table.store.entry(&demo(), &account.member, &told.entry.id).await.unwrap().unwrap();
        assert_eq!(read, untouched(told));
        assert_eq!(read.purchase(), Some(&facts.purchase));
        expected.push(listed(&read));
    }
    let ledger = table.store.ledger(&demo(), &account.member, 1, 10).await.unwrap().items;
    assert_eq!(ledger, expected.iter().map(|recorded| recorded.sealed.clone()).collect::<Vec<_>>());
    let statement = table.store.entries(&demo(), &account.member, None, 4).await.unwrap().items;
    assert_eq!(statement, expected.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn an_amended_purchase_comes_with_its_newest_amendment_from_any_ledger() {
    let (table, account) = table_with_member().await;
    let order = telling(accrual(&account, "order-1", 5), &all_facts());
    let mut account = commit(&table, &order).await;
    let mut other = commit(&table, &enrollment(&member("m-2"))).await;
    let mut known = untouched(&order.own.entries[0]);
    for (changes, whose) in [(1, "m-1"), (2, "m-2"), (3, "m-1")] {
        let told = facts(json!({ "receipt": format!("till-{changes}"), "channel": "web" }), None);
        let owner = if whose == "m-1" { &mut account } else { &mut other };
        let mut amending = telling(amendment(owner, &format!("amend-{changes}")), &told);
        let place = Place { member: member(whose), entry: amending.own.entries[0].entry.id.clone() };
        let mut entries = known.acted_on_by().to_vec();
        entries.push(place.clone());
        let accrual = Some(AccrualNow { amended: Some(place), entries, ..AccrualNow::default() });
        let aftermath = Aftermath { changes, accrual, ..Aftermath::default() };
        amending.marks = vec![Mark {
            member: known.member.clone(),
            entry: known.sealed.entry.id.clone(),
            aftermath: aftermath.clone(),
        }];
        *owner = commit(&table, &amending).await;

        known = Recorded { aftermath, amended: Some(told.purchase), ..known };
        let read = table.store.entry(&demo(), &known.member, &known.sealed.entry.id).await.unwrap().unwrap();
        assert_eq!(read, known);
        assert_eq!(read.purchase(), known.amended.as_ref());
        let statement = table.store.entries(&demo(), &known.member, Some(3), 1).await.unwrap().items;
        assert_eq!(statement, [listed(&known)]);
    }
    // An amendment whose facts were erased has nothing to show.
    let (pk, sk) = ("member#demo#m-1", "entry#amend-3");
    assert!(table.attribute(pk, sk, "f").await.is_some());
    table.set(pk, sk, "f", None).await;
    let read = table.store.entry(&demo(), &known.member, &known.sealed.entry.id).await.unwrap().unwrap();
    assert_eq!(read, Recorded { amended: None, ..known });
}
