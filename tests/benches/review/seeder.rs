//! Writes the members directly into the table, as copies of real accounts under other ids, because enrolling millions
//! is slow.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use regulars_cli::local::{TABLE, client_at};
use regulars_store::Store;
use tokio::task::JoinSet;

use crate::table::{NOT_DUE, ONE_CHANGE, TWO_CHANGES};

type Item = HashMap<String, AttributeValue>;

/// The limit of one call of `BatchWriteItem`.
const BATCH: u64 = 25;
/// Concurrent calls.
const CALLS: usize = 8;

/// Writes `members`, of which `due` are due: half of these with one change ahead, the others with two.
///
/// The first two models are those of the due members. The third is that of the others.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn seed(table_url: &str, members: u64, due: u64) {
    let client = client_at(table_url);
    let one = account(&client, ONE_CHANGE).await;
    let two = account(&client, TWO_CHANGES).await;
    let not_due = account(&client, NOT_DUE).await;
    assert_eq!((day(&one), day(&two)), ("2028-01-01", "2028-01-01"), "both are due on one day");
    assert!(day(&not_due) > "2028-01-01", "{}", day(&not_due));

    let kind = |number: u64| match number {
        number if number >= due => &not_due,
        number if number % 2 == 0 => &one,
        _ => &two,
    };
    let mut under_way = JoinSet::new();
    let mut first = 2;
    while first < members {
        let numbers = first..(first + BATCH).min(members);
        let items: Vec<Item> = numbers.map(|number| copy(kind(number), &format!("n-{number}"))).collect();
        under_way.spawn(put(client.clone(), items));
        if under_way.len() == CALLS {
            under_way.join_next().await.unwrap().unwrap();
        }
        first += BATCH;
    }
    while let Some(ended) = under_way.join_next().await {
        ended.unwrap();
    }
}

async fn account(client: &Client, member: &str) -> Item {
    let found = client
        .get_item()
        .table_name(TABLE)
        .key("pk", AttributeValue::S(format!("member#demo#{member}")))
        .key("sk", AttributeValue::S("account".to_owned()))
        .send()
        .await;
    found.unwrap().item.unwrap()
}

/// Returns the day of an account's review.
fn day(account: &Item) -> &str {
    account["due_key"].as_s().unwrap().split('#').next().unwrap()
}

fn copy(account: &Item, member: &str) -> Item {
    let mut copy = account.clone();
    let mut put = |name: &str, value| copy.insert(name.to_owned(), value);
    put("pk", AttributeValue::S(format!("member#demo#{member}")));
    put("due_shard", AttributeValue::N(Store::due_shard(&member.parse().unwrap()).to_string()));
    put("due_key", AttributeValue::S(format!("{}#demo#{member}", day(account))));
    copy
}

async fn put(client: Client, items: Vec<Item>) {
    let requests = items
        .into_iter()
        .map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        })
        .collect();
    let written = client.batch_write_item().request_items(TABLE, requests).send().await.unwrap();
    assert!(written.unprocessed_items.unwrap_or_default().is_empty(), "the table did not take everything");
}
