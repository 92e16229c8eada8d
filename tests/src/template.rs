//! Reads `template.yaml`: each function's folder, routes, schedule and policies.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use regulars_store::Permission;
use yaml_serde::Value;

/// The part of the template that is about functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The functions, in the order of the file.
    pub functions: Vec<Function>,
    /// The log levels that an owner can choose.
    pub log_levels: Vec<String>,
}

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its folder under `functions/`.
    pub name: String,
    /// Methods and paths, each with the scopes of which it requires one; no scopes if it requires no token.
    pub routes: BTreeMap<(String, String), BTreeSet<String>>,
    /// Whether a schedule starts it, through a state machine or directly.
    pub is_scheduled: bool,
    /// The logical ids of its queues.
    pub queues: BTreeSet<String>,
    /// What its policy allows on the table and its indexes.
    pub grants: BTreeSet<Grant>,
    /// The actions on queues that its policy allows, each with the queue's logical id.
    pub queue_actions: BTreeSet<(String, String)>,
    /// The actions that its policy allows on the secret of the alias key.
    pub secret_actions: BTreeSet<String>,
    /// The actions that its policy allows on the event bus and on the table's stream.
    pub event_actions: BTreeSet<String>,
    /// Whether it receives the records of the table's stream.
    pub is_streamed: bool,
}

/// An action that a policy allows on the table or one of its indexes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The action.
    pub action: String,
    /// The index, if it is on one.
    pub index: Option<String>,
    /// The prefix of the partition key, if there is a condition on it.
    pub leading_key: Option<String>,
}

impl From<&Permission> for Grant {
    fn from(Permission { action, index, leading_key }: &Permission) -> Self {
        Self {
            action: action.iam_name().to_owned(),
            index: index.map(str::to_owned),
            leading_key: leading_key.map(str::to_owned),
        }
    }
}

impl Template {
    /// Returns what functions used, by name, and their policies do not allow.
    #[must_use]
    pub fn denied(&self, needed: &BTreeMap<&'static str, BTreeSet<Permission>>) -> Vec<(String, Grant)> {
        let function = |name: &str| self.functions.iter().find(|function| function.name == name);
        let grants = |name: &str| function(name).map(|function| function.grants.clone()).unwrap_or_default();
        let denied = needed.iter().flat_map(|(name, needed)| {
            let needed: BTreeSet<Grant> = needed.iter().map(Grant::from).collect();
            let denied: Vec<Grant> = needed.difference(&grants(name)).cloned().collect();
            denied.into_iter().map(|grant| ((*name).to_owned(), grant))
        });
        denied.collect()
    }

    /// Reads the template of this repository.
    ///
    /// # Panics
    ///
    /// It is malformed.
    #[must_use]
    pub fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let template: Value = yaml_serde::from_str(&fs::read_to_string(path).expect("a template")).expect("YAML");
        let resources = template["Resources"].as_mapping().expect("resources");
        let of_type = |kind: &'static str| {
            resources
                .iter()
                .filter(move |(_, resource)| resource["Type"] == kind)
                .map(|(id, resource)| (id.as_str().expect("an id"), &resource["Properties"]))
        };
        let machines: Vec<String> = of_type("AWS::Serverless::StateMachine")
            .map(|(_, machine)| yaml_serde::to_string(&machine["DefinitionSubstitutions"]).expect("YAML"))
            .collect();
        let sources: Vec<(String, String)> = of_type("AWS::Lambda::EventSourceMapping")
            .map(|(_, source)| (named(&source["FunctionName"]), named(&source["EventSourceArn"])))
            .collect();
        let functions = of_type("AWS::Serverless::Function")
            .map(|(id, properties)| {
                let address = format!("{id}.Arn");
                let queues = sources.iter().filter(|(function, _)| function == id).map(|(_, queue)| queue.clone());
                let (streams, queues): (Vec<_>, Vec<_>) = queues.partition(|source| source.ends_with(".StreamArn"));
                Function {
                    is_streamed: !streams.is_empty(),
                    is_scheduled: machines.iter().any(|machine| machine.contains(&address)),
                    queues: queues.into_iter().collect(),
                    ..Function::read(properties)
                }
            })
            .collect();
        Self { functions, log_levels: list(&template["Parameters"]["LogLevel"]["AllowedValues"]) }
    }
}

impl Function {
    fn read(properties: &Value) -> Self {
        let folder = text(&properties["CodeUri"]);
        let events: Vec<_> = values(&properties["Events"]).filter(|event| event["Type"] == "HttpApi").collect();
        let routes = events.iter().map(|event| &event["Properties"]);
        // A route without both has no scopes to read, and fails here: a token of any kind would do for it.
        let is_public = |route: &Value| route["Auth"]["Authorizer"] == "NONE";
        let scopes = |route: &Value| {
            let named = &route["Auth"]["AuthorizationScopes"];
            if is_public(route) && named.is_null() { BTreeSet::new() } else { list(named).into_iter().collect() }
        };
        let routes = routes.map(|route| ((text(&route["Method"]), text(&route["Path"])), scopes(route))).collect();
        let statements = properties["Policies"].as_sequence().into_iter().flatten();
        let statements = statements.flat_map(|policy| policy["Statement"].as_sequence().into_iter().flatten());
        let granted = statements
            .flat_map(|statement| list(&statement["Action"]).into_iter().map(move |action| (action, statement)));
        let (on_queues, others): (Vec<_>, Vec<_>) = granted.partition(|(action, _)| action.starts_with("sqs:"));
        let (on_secret, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|(action, _)| action.starts_with("secretsmanager:"));
        let (of_events, on_table): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|(action, _)| EVENT_ACTIONS.contains(&action.as_str()));
        Self {
            name: folder
                .strip_prefix("functions/")
                .expect("a folder under functions/")
                .trim_end_matches('/')
                .to_owned(),
            routes,
            is_scheduled: false,
            queues: BTreeSet::new(),
            grants: on_table.into_iter().flat_map(|(action, statement)| grants(&action, statement)).collect(),
            secret_actions: on_secret.into_iter().map(|(action, _)| action).collect(),
            event_actions: of_events.into_iter().map(|(action, _)| action).collect(),
            is_streamed: false,
            queue_actions: on_queues
                .into_iter()
                .flat_map(|(action, statement)| {
                    let resource = &statement["Resource"];
                    let all = resource.as_sequence().map(|queues| queues.iter().map(named).collect());
                    let queues: Vec<String> = all.unwrap_or_else(|| vec![named(resource)]);
                    queues.into_iter().map(move |queue| (action.clone(), queue))
                })
                .collect(),
        }
    }
}

/// The permissions of a function that sends the events of the table's stream.
pub const EVENT_ACTIONS: [&str; 5] = [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "events:PutEvents",
];

/// Returns the grants of a statement for one of its actions: `!GetAtt Table.Arn` is the table, `!Sub
/// ${Table.Arn}/index/NAME` an index.
fn grants(action: &str, statement: &Value) -> Vec<Grant> {
    let Value::Tagged(resource) = &statement["Resource"] else { panic!("a reference, not {statement:?}") };
    let resource = text(&resource.value);
    let index = resource.strip_prefix("${Table.Arn}/index/").map(str::to_owned);
    assert!(index.is_some() || resource == "Table.Arn", "{resource}");
    let grant = |leading_key| Grant { action: action.to_owned(), index: index.clone(), leading_key };
    let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    if keys.is_null() {
        return vec![grant(None)];
    }
    let prefix = |key: String| key.strip_suffix('*').expect("a pattern that ends with *").to_owned();
    list(keys).into_iter().map(|key| grant(Some(prefix(key)))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value:?}")).to_owned()
}

/// Returns the logical id in `!Ref Id` or `!GetAtt Id.Arn`.
fn named(value: &Value) -> String {
    let Value::Tagged(tagged) = value else { panic!("a reference, not {value:?}") };
    text(&tagged.value).trim_end_matches(".Arn").to_owned()
}

fn list(value: &Value) -> Vec<String> {
    match value.as_sequence() {
        Some(values) => values.iter().map(text).collect(),
        None => vec![text(value)],
    }
}

fn values(mapping: &Value) -> impl Iterator<Item = &Value> {
    mapping.as_mapping().into_iter().flat_map(|mapping| mapping.values())
}
