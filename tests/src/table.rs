//! Reads and changes the table of a system directly.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_cli::local::{TABLE, client_at};

use crate::system::System;

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

impl System {
    /// Returns all items of its table.
    ///
    /// # Panics
    ///
    /// The table does not answer.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let client = client_at(&self.table_url());
        let (mut items, mut from) = (Vec::new(), None);
        loop {
            let page = client.scan().table_name(TABLE).set_exclusive_start_key(from).send();
            let page = self.block_on(page).expect("the table answers");
            items.extend_from_slice(page.items());
            from = page.last_evaluated_key;
            if from.is_none() {
                return items;
            }
        }
    }

    /// Changes the item under this partition and sort key by an update expression, in which `value` is `:v`.
    ///
    /// # Panics
    ///
    /// The table rejects it.
    pub fn edit(&self, (pk, sk): (&str, &str), expression: &str, value: Option<AttributeValue>) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = client_at(&self.table_url()).update_item().table_name(TABLE).update_expression(expression);
        let update = update.key("pk", text(pk)).key("sk", text(sk));
        let update = update.set_expression_attribute_values(value.map(|value| [(":v".to_owned(), value)].into()));
        self.block_on(update.send()).expect("the table takes the change");
    }
}
