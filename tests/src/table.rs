//! The table of a system, read and changed past the engine.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use regulars_cli::local::{TABLE, client_at};

use crate::system::System;

/// An item as the table holds it.
pub type Item = HashMap<String, AttributeValue>;

impl System {
    /// Everything that its table holds.
    ///
    /// # Panics
    ///
    /// If the table does not answer.
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

    /// Changes the item under this partition and sort key by an update expression, in which `value` is called `:v`.
    ///
    /// # Panics
    ///
    /// If the table refuses.
    pub fn edit(&self, (pk, sk): (&str, &str), expression: &str, value: Option<AttributeValue>) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = client_at(&self.table_url()).update_item().table_name(TABLE).update_expression(expression);
        let update = update.key("pk", text(pk)).key("sk", text(sk));
        let update = update.set_expression_attribute_values(value.map(|value| [(":v".to_owned(), value)].into()));
        self.block_on(update.send()).expect("the table takes the change");
    }
}
