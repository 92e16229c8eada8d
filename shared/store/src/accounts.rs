//! Reads an account, by its member or by another name of the member.

use regulars_domain::{
    account::{Account, Alias},
    id::{MemberId, ProgramId},
};

use crate::{
    account_item,
    fault::StoreFault,
    item::{Fields, Item, as_parsed},
    store::Store,
    table::{Key, MEMBER, account_key, alias_key},
};

impl Store {
    /// The account of a member as it is now; `None` if nobody joined under that id.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn account(&self, program: &ProgramId, member: &MemberId) -> Result<Option<Account>, StoreFault> {
        let item = self.get(account_key(program, member)).await?;
        Ok(item.as_ref().map(account_item::read).transpose()?)
    }

    /// The member who has `alias`; `None` if nobody does.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn member_by_alias(&self, program: &ProgramId, alias: &Alias) -> Result<Option<MemberId>, StoreFault> {
        let item = self.get(alias_key(program, alias)).await?;
        let member = item.map(|item| Fields::of("alias", &item).required(MEMBER, as_parsed));
        Ok(member.transpose()?)
    }

    /// The item under `key`, strongly consistent.
    pub(crate) async fn get(&self, key: Key) -> Result<Option<Item>, StoreFault> {
        self.get_item(key, true).await
    }
}
