//! Reads an account, by its member or by another name of the member.

use jiff::civil::Date;
use regulars_domain::{
    account::{Account, Alias},
    id::{MemberId, ProgramId},
};

use crate::{
    account_item,
    fault::StoreFault,
    item::{Fields, Item, as_parsed},
    store::Store,
    table::{FREED_ON, Key, MEMBER, account_key, alias_key},
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
        let member = item.map(|item| Fields::of("alias", &item).optional(MEMBER, as_parsed));
        Ok(member.transpose()?.flatten())
    }

    /// The day on which an alias became free that somebody had before; `None` if it is somebody's, or never was.
    pub(crate) async fn freed_on(&self, program: &ProgramId, alias: &Alias) -> Result<Option<Date>, StoreFault> {
        let item = self.get(alias_key(program, alias)).await?;
        let freed_on = item.map(|item| Fields::of("alias", &item).optional(FREED_ON, as_parsed));
        Ok(freed_on.transpose()?.flatten())
    }

    /// The item under `key`, strongly consistent.
    pub(crate) async fn get(&self, key: Key) -> Result<Option<Item>, StoreFault> {
        self.get_item(key, true).await
    }
}
