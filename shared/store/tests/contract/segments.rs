//! Iterates over all accounts: each is found once, and nothing else.

use std::collections::BTreeMap;

use regulars_store::{DUE_SHARDS, SegmentCursor};

use crate::{
    engine::Table,
    sample::{commit, demo, enrollment, member},
};

#[tokio::test]
async fn the_segments_contain_every_account_once_for_any_page_size() {
    let table = Table::new().await;
    for number in 0..30 {
        commit(&table, &enrollment(&member(&format!("m-{number}")))).await;
    }
    for limit in [1, 7, 1_000] {
        let mut found = BTreeMap::new();
        for segment in 0..DUE_SHARDS {
            let mut after = None;
            loop {
                let page = table.store.accounts_of_segment(segment, after.as_ref(), limit).await.unwrap();
                assert!(page.accounts.len() <= usize::try_from(limit).unwrap());
                for account in page.accounts {
                    *found.entry(account).or_insert(0) += 1;
                }
                // Converted to text and back, as for a caller.
                after = page.next.map(|cursor| SegmentCursor::parse(&cursor.to_string()).unwrap());
                if after.is_none() {
                    break;
                }
            }
        }
        let expected: BTreeMap<_, _> = (0..30).map(|number| ((demo(), member(&format!("m-{number}"))), 1)).collect();
        assert_eq!(found, expected, "pages of {limit}");
    }
}
