//! Reads an account, by its member or by an alias.

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
    /// Returns the current account of a member; `None` if no member enrolled under that id.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn account(&self, program: &ProgramId, member: &MemberId) -> Result<Option<Account>, StoreFault> {
        let item = self.get(account_key(program, member)).await?;
        Ok(item.as_ref().map(account_item::read).transpose()?)
    }

    /// Returns the member who has `alias`, if any.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    pub async fn member_by_alias(&self, program: &ProgramId, alias: &Alias) -> Result<Option<MemberId>, StoreFault> {
        let item = self.get(alias_key(program, alias)).await?;
        let member = item.map(|item| Fields::of("alias", &item).optional(MEMBER, as_parsed));
        Ok(member.transpose()?.flatten())
    }

    /// Returns the day on which an alias became free; `None` if a member has it, or it was never in use.
    pub(crate) async fn freed_on(&self, program: &ProgramId, alias: &Alias) -> Result<Option<Date>, StoreFault> {
        let item = self.get(alias_key(program, alias)).await?;
        let freed_on = item.map(|item| Fields::of("alias", &item).optional(FREED_ON, as_parsed));
        Ok(freed_on.transpose()?.flatten())
    }

    /// Returns the item under `key`, strongly consistent.
    pub(crate) async fn get(&self, key: Key) -> Result<Option<Item>, StoreFault> {
        self.get_item(key, true).await
    }
}
