//! A DynamoDB engine for each test, with the table of the template.

use std::{
    collections::{BTreeMap, HashMap},
    thread,
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        LocalSecondaryIndex, Projection, ProjectionType, ScalarAttributeType,
    },
};
use dynoxide::Database;
use regulars_store::{Limits, Store};
use tokio::sync::{Mutex, oneshot};

use crate::wire::Wire;

/// These tests run one after another: two at once would overload the machine.
pub(crate) static CROWD: Mutex<()> = Mutex::const_new(());

/// The table's name.
pub(crate) const TABLE: &str = "regulars";

/// A table, its store, and the wire between the two.
pub(crate) struct Table {
    pub(crate) store: Store,
    pub(crate) client: Client,
    pub(crate) wire: Wire,
    /// The engine stops when this is dropped.
    _running: oneshot::Sender<()>,
}

impl Table {
    /// An empty table.
    pub(crate) async fn new() -> Self {
        let (endpoint, running) = start_engine();
        let wire = Wire::new();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(endpoint)
            .http_client(wire.clone())
            .build();
        let client = Client::from_conf(config);
        create(&client).await;
        // The engine's speed depends on the machine: rushes ask more of it than it answers within a second.
        let limits = Limits::uniform(Duration::from_mins(2));
        Self { store: Store::with_limits(&client, TABLE, limits), client, wire, _running: running }
    }

    /// Returns an attribute of an item, read without the store.
    pub(crate) async fn attribute(&self, pk: &str, sk: &str, name: &str) -> Option<AttributeValue> {
        let get = self.client.get_item().table_name(TABLE).consistent_read(true);
        let get = get.key("pk", AttributeValue::S(pk.to_owned())).key("sk", AttributeValue::S(sk.to_owned()));
        get.send().await.unwrap().item.and_then(|item| item.get(name).cloned())
    }

    /// Sets an attribute of an item without the store; `None` removes it.
    pub(crate) async fn set(&self, pk: &str, sk: &str, name: &str, value: Option<AttributeValue>) {
        let update = self.client.update_item().table_name(TABLE).expression_attribute_names("#name", name);
        let update = update.key("pk", AttributeValue::S(pk.to_owned())).key("sk", AttributeValue::S(sk.to_owned()));
        let update = match value {
            Some(value) => update.update_expression("SET #name = :value").expression_attribute_values(":value", value),
            None => update.update_expression("REMOVE #name"),
        };
        update.send().await.unwrap();
    }

    /// Returns every item by its keys, to compare that nothing was partly written.
    pub(crate) async fn items(&self) -> BTreeMap<(String, String), HashMap<String, AttributeValue>> {
        let found = self.client.scan().table_name(TABLE).consistent_read(true).send().await.unwrap();
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        found.items().iter().map(|item| ((text(&item["pk"]), text(&item["sk"])), item.clone())).collect()
    }

    /// Returns every item's keys, in order.
    pub(crate) async fn keys(&self) -> Vec<(String, String)> {
        self.items().await.into_keys().collect()
    }
}

/// Starts an engine on a thread and runtime of its own, and returns its address.
fn start_engine() -> (String, oneshot::Sender<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (running, stopped) = oneshot::channel::<()>();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let serve = dynoxide::server::serve_on(listener, Database::memory().unwrap());
            tokio::select! {
                () = serve => {}
                _ = stopped => {}
            }
        });
    });
    (format!("http://{address}"), running)
}

async fn create(client: &Client) {
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
    let keys = |partition: &str, sort: &str| {
        [(partition, KeyType::Hash), (sort, KeyType::Range)]
            .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap())
            .to_vec()
    };
    let projection = |kind| Projection::builder().projection_type(kind);
    let of_entries = ["e", "h", "ph", "nt", "ac", "af"].map(str::to_owned).to_vec();
    let by_seq = LocalSecondaryIndex::builder()
        .index_name("by_seq")
        .set_key_schema(Some(keys("pk", "seq")))
        .projection(projection(ProjectionType::Include).set_non_key_attributes(Some(of_entries)).build());
    let due = GlobalSecondaryIndex::builder()
        .index_name("due")
        .set_key_schema(Some(keys("due_shard", "due_key")))
        .projection(projection(ProjectionType::KeysOnly).build());
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(vec![
            attribute("pk", ScalarAttributeType::S),
            attribute("sk", ScalarAttributeType::S),
            attribute("seq", ScalarAttributeType::N),
            attribute("due_shard", ScalarAttributeType::N),
            attribute("due_key", ScalarAttributeType::S),
        ]))
        .set_key_schema(Some(keys("pk", "sk")))
        .local_secondary_indexes(by_seq.build().unwrap())
        .global_secondary_indexes(due.build().unwrap())
        .send()
        .await
        .unwrap();
}
