//! An alias from the value that a person writes to the member who has it.

use regulars_store::AliasKey;

use crate::sample::{claim, commit, demo, empty, member, table_with_member};

#[tokio::test]
async fn a_member_is_found_by_an_alias_in_any_notation_and_the_table_never_contains_it() {
    let (table, account) = table_with_member().await;
    let key = AliasKey::new(b"a key only for tests").unwrap();
    let mut posting = empty(&account);
    posting.own.account.aliases = vec![
        key.alias(&demo(), "email", "Ayse@Example.com ").unwrap(),
        key.alias(&demo(), "phone", "+90 (532) 123-45-67").unwrap(),
    ];
    posting.claims = posting.own.account.aliases.iter().cloned().map(claim).collect();
    commit(&table, &posting).await;
    for (kind, value) in [("email", "ayse@example.com"), ("phone", "00905321234567")] {
        let alias = key.alias(&demo(), kind, value).unwrap();
        assert_eq!(table.store.member_by_alias(&demo(), &alias).await.unwrap(), Some(member("m-1")));
    }
    let nobody = key.alias(&demo(), "email", "ali@example.com").unwrap();
    assert_eq!(table.store.member_by_alias(&demo(), &nobody).await.unwrap(), None);
    let sent = table.wire.requests("TransactWriteItems").iter().map(ToString::to_string).collect::<String>();
    for secret in ["ayse", "Ayse", "example", "532", "a key only"] {
        assert!(!sent.contains(secret), "{secret}");
    }
}
