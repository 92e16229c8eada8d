//! Reads `template.yaml`, so that the local server has the same functions, routes and table as a deployment.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Pattern;
use yaml_serde::{Mapping, Value};

use super::failure::StartFailed;

/// Lambda's default timeout.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);

/// The template of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) functions: Vec<FunctionResource>,
    pub(crate) table: TableResource,
}

/// One Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionResource {
    /// The folder under `functions/`, which is also the name of its crate without `regulars-`.
    pub(crate) name: String,
    /// Its timeout.
    pub(crate) timeout: Duration,
    /// Its HTTP routes.
    pub(crate) routes: Vec<HttpRoute>,
    /// Whether a schedule starts it, directly or through a state machine.
    pub(crate) is_scheduled: bool,
    /// Whether it receives the messages of a queue.
    pub(crate) is_queued: bool,
    /// The filter patterns, of which a record must match one, if it receives the records of the table's stream.
    pub(crate) stream: Option<Vec<Pattern>>,
}

/// A route of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpRoute {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Whether the gateway requires a token.
    pub(crate) needs_token: bool,
}

/// The table's keys and indexes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableResource {
    pub(crate) attribute_definitions: Vec<AttributeDefinition>,
    pub(crate) key_schema: Vec<KeyElement>,
    #[serde(default)]
    pub(crate) local_secondary_indexes: Vec<Index>,
    #[serde(default)]
    pub(crate) global_secondary_indexes: Vec<Index>,
    pub(crate) stream_specification: Option<StreamResource>,
}

/// The content of a record of the table's stream.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StreamResource {
    pub(crate) stream_view_type: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeDefinition {
    pub(crate) attribute_name: String,
    pub(crate) attribute_type: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeyElement {
    pub(crate) attribute_name: String,
    pub(crate) key_type: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Index {
    #[serde(rename = "IndexName")]
    pub(crate) name: String,
    pub(crate) key_schema: Vec<KeyElement>,
    pub(crate) projection: Projection,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Projection {
    pub(crate) projection_type: String,
    #[serde(default)]
    pub(crate) non_key_attributes: Vec<String>,
}

impl Template {
    /// Returns the template that this program was built with.
    pub(crate) fn embedded() -> Result<Self, StartFailed> {
        Self::parse(include_str!("../../../../template.yaml"))
    }

    fn parse(text: &str) -> Result<Self, StartFailed> {
        let template: Value = yaml_serde::from_str(text).map_err(unreadable)?;
        let resources = Resources(
            template.get("Resources").and_then(Value::as_mapping).ok_or_else(|| unreadable("it has no Resources"))?,
        );
        let timeout = at(&template, &["Globals", "Function", "Timeout"]).and_then(seconds).unwrap_or(TIMEOUT_DEFAULT);
        let scheduled = resources.scheduled();
        let queued = resources.queued();
        let streamed = resources.streamed()?;
        let functions = resources
            .of_type("AWS::Serverless::Function")
            .map(|(id, resource)| {
                let function = function(resource, timeout)?;
                Ok(FunctionResource {
                    is_scheduled: scheduled.contains(&id),
                    is_queued: queued.contains(&id),
                    stream: streamed.iter().find(|(function, _)| *function == id).map(|(_, filters)| filters.clone()),
                    ..function
                })
            })
            .collect::<Result<_, _>>()?;
        let (_, table) = resources
            .of_type("AWS::DynamoDB::Table")
            .next()
            .ok_or_else(|| unreadable("it has no AWS::DynamoDB::Table"))?;
        Ok(Template { functions, table: properties(table)? })
    }
}

/// The resources by their logical ids.
struct Resources<'t>(&'t Mapping);

impl<'t> Resources<'t> {
    fn of_type(&self, kind: &'static str) -> impl Iterator<Item = (&'t str, &'t Value)> {
        self.0
            .iter()
            .filter(move |(_, resource)| resource.get("Type").and_then(Value::as_str) == Some(kind))
            .filter_map(|(id, resource)| Some((id.as_str()?, resource)))
    }

    /// Returns the logical ids of the functions that receive the messages of a queue of this template.
    fn queued(&self) -> Vec<&'t str> {
        let queues: Vec<&str> = self.of_type("AWS::SQS::Queue").map(|(id, _)| id).collect();
        self.of_type("AWS::Lambda::EventSourceMapping")
            .filter_map(|(_, source)| {
                let queue = at(source, &["Properties", "EventSourceArn"]).and_then(reference)?;
                let function = at(source, &["Properties", "FunctionName"]).and_then(reference)?;
                queues.contains(&queue).then_some(function)
            })
            .collect()
    }

    /// Returns the logical ids of the functions that receive the records of a table's stream, with their filters.
    fn streamed(&self) -> Result<Vec<(&'t str, Vec<Pattern>)>, StartFailed> {
        let mut streamed = Vec::new();
        for (_, source) in self.of_type("AWS::Lambda::EventSourceMapping") {
            let Some(Value::Tagged(stream)) = at(source, &["Properties", "EventSourceArn"]) else { continue };
            let Some(function) = at(source, &["Properties", "FunctionName"]).and_then(reference) else { continue };
            if !stream.value.as_str().is_some_and(|named| named.ends_with(".StreamArn")) {
                continue;
            }
            let filters = at(source, &["Properties", "FilterCriteria", "Filters"]).and_then(Value::as_sequence);
            let patterns = filters.into_iter().flatten().map(|filter| {
                let pattern = filter.get("Pattern").and_then(Value::as_str);
                serde_json::from_str(pattern.ok_or_else(|| unreadable("a filter has no Pattern"))?).map_err(unreadable)
            });
            streamed.push((function, patterns.collect::<Result<_, StartFailed>>()?));
        }
        Ok(streamed)
    }

    /// Returns the logical ids of everything that a schedule starts.
    fn scheduled(&self) -> Vec<&'t str> {
        let mut started: Vec<&str> = self
            .of_type("AWS::Scheduler::Schedule")
            .filter_map(|(_, schedule)| reference(at(schedule, &["Properties", "Target", "Arn"])?))
            .collect();
        for (id, resource) in self.of_type("AWS::Serverless::Function") {
            let mut events = events(resource);
            if events.any(|event| matches!(event_type(event), Some("Schedule" | "ScheduleV2"))) {
                started.push(id);
            }
        }
        // A state machine starts the functions whose ARNs it gets as substitutions.
        for (id, machine) in self.of_type("AWS::Serverless::StateMachine") {
            if started.contains(&id) {
                let given = at(machine, &["Properties", "DefinitionSubstitutions"]).and_then(Value::as_mapping);
                started.extend(given.into_iter().flat_map(Mapping::values).filter_map(reference));
            }
        }
        started
    }
}

fn function(resource: &Value, timeout: Duration) -> Result<FunctionResource, StartFailed> {
    let name = at(resource, &["Properties", "CodeUri"])
        .and_then(Value::as_str)
        .and_then(|folder| folder.trim_end_matches('/').rsplit('/').next())
        .filter(|name| !name.is_empty())
        .ok_or_else(|| unreadable("a function has no CodeUri"))?;
    let routes = events(resource)
        .filter(|event| event_type(event) == Some("HttpApi"))
        .map(|event| {
            let HttpEvent { method, path } = properties(event)?;
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).map_err(unreadable)?;
            let authorizer = at(event, &["Properties", "Auth", "Authorizer"]).and_then(Value::as_str);
            Ok(HttpRoute { method, path, needs_token: authorizer != Some("NONE") })
        })
        .collect::<Result<_, StartFailed>>()?;
    Ok(FunctionResource {
        name: name.to_owned(),
        timeout: at(resource, &["Properties", "Timeout"]).and_then(seconds).unwrap_or(timeout),
        routes,
        is_scheduled: false,
        is_queued: false,
        stream: None,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpEvent {
    method: String,
    path: String,
}

fn events(function: &Value) -> impl Iterator<Item = &Value> {
    at(function, &["Properties", "Events"]).and_then(Value::as_mapping).into_iter().flat_map(Mapping::values)
}

fn event_type(event: &Value) -> Option<&str> {
    event.get("Type").and_then(Value::as_str)
}

/// Returns the logical id that `!Ref Id` or `!GetAtt Id.Attribute` names.
fn reference(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    let named = tagged.value.as_str()?;
    if tagged.tag == "Ref" {
        Some(named)
    } else if tagged.tag == "GetAtt" {
        named.split('.').next()
    } else {
        None
    }
}

fn properties<T: DeserializeOwned>(resource: &Value) -> Result<T, StartFailed> {
    let properties = resource.get("Properties").cloned().unwrap_or_default();
    yaml_serde::from_value(properties).map_err(unreadable)
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn seconds(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_secs)
}

fn unreadable(reason: impl std::fmt::Display) -> StartFailed {
    StartFailed::new(format!("template.yaml cannot be read: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
Globals:
  Function: { Timeout: 7 }
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: !Sub "${AWS::StackName}-table"
      SSESpecification: !If [Encrypted, { SSEEnabled: true }, !Ref AWS::NoValue]
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
  EarnFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/earn/
      Environment: { Variables: { TABLE_NAME: !Ref Table } }
      Events:
        Accrue:
          Type: HttpApi
          Properties: { ApiId: !Ref Api, Method: post, Path: "/v1/programs/{program}" }
        Public:
          Type: HttpApi
          Properties: { Method: GET, Path: /v1/openapi.json, Auth: { Authorizer: NONE } }
  TierFunction:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: functions/tier-evaluation, Timeout: 120 }
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties: { DefinitionSubstitutions: { Arn: !GetAtt TierFunction.Arn, Partition: !Ref AWS::Partition } }
  Daily:
    Type: AWS::Scheduler::Schedule
    Properties: { Target: { Arn: !Ref Machine } }
  Queue:
    Type: AWS::SQS::Queue
  QueueSource:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { FunctionName: !GetAtt EarnFunction.Arn, EventSourceArn: !GetAtt Queue.Arn }
  StreamSource:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref TierFunction
      EventSourceArn: !GetAtt Table.StreamArn
      FilterCriteria: { Filters: [{ Pattern: '{ "eventName": ["INSERT"] }' }] }
"#;

    #[test]
    fn functions_routes_timeouts_schedules_queues_and_streams_are_read() {
        let functions = Template::parse(SMALL).unwrap().functions;
        let expected = [
            FunctionResource {
                name: "earn".to_owned(),
                timeout: Duration::from_secs(7),
                routes: vec![
                    HttpRoute { method: Method::POST, path: "/v1/programs/{program}".to_owned(), needs_token: true },
                    HttpRoute { method: Method::GET, path: "/v1/openapi.json".to_owned(), needs_token: false },
                ],
                is_scheduled: false,
                is_queued: true,
                stream: None,
            },
            FunctionResource {
                name: "tier-evaluation".to_owned(),
                timeout: Duration::from_mins(2),
                routes: vec![],
                is_scheduled: true,
                is_queued: false,
                stream: Some(vec![serde_json::json!({ "eventName": ["INSERT"] })]),
            },
        ];
        assert_eq!(functions, expected);
    }

    #[test]
    fn what_no_schedule_starts_is_not_scheduled() {
        let without = SMALL.replace("AWS::Scheduler::Schedule", "AWS::Scheduler::ScheduleGroup");
        let functions = Template::parse(&without).unwrap().functions;
        assert!(functions.iter().all(|function| !function.is_scheduled));
    }

    #[test]
    fn a_template_that_lacks_something_says_what() {
        for (text, expected) in [
            ("Resources: 1", "no Resources"),
            ("Resources: {}", "no AWS::DynamoDB::Table"),
            ("Resources: { F: { Type: AWS::Serverless::Function, Properties: {} } }", "no CodeUri"),
            ("Resources: { T: { Type: AWS::DynamoDB::Table, Properties: {} } }", "AttributeDefinitions"),
            ("Resources: [", "cannot be read"),
        ] {
            let failure = Template::parse(text).unwrap_err().to_string();
            assert!(failure.contains(expected), "{failure}");
        }
    }

    #[test]
    fn the_embedded_template_names_the_table_its_indexes_and_every_function() {
        let template = Template::embedded().unwrap();
        let keys: Vec<&str> = template.table.key_schema.iter().map(|key| key.attribute_name.as_str()).collect();
        assert_eq!(keys, ["pk", "sk"]);
        assert_eq!(template.table.local_secondary_indexes[0].name, "by_seq");
        assert_eq!(template.table.global_secondary_indexes[0].name, "due");
        assert_eq!(template.table.stream_specification.unwrap().stream_view_type, "NEW_IMAGE");
        let streamed = template.functions.iter().filter(|function| function.stream.is_some());
        assert_eq!(streamed.map(|function| function.name.as_str()).collect::<Vec<_>>(), ["publish"]);
        assert!(template.functions.iter().all(|function| function.routes.is_empty() == function.stream.is_some()));
        let scheduled: Vec<&str> = template
            .functions
            .iter()
            .filter(|function| function.is_scheduled)
            .map(|function| function.name.as_str())
            .collect();
        assert_eq!(scheduled, ["tier-evaluation"]);
        let queued = template.functions.iter().filter(|function| function.is_queued);
        assert_eq!(queued.map(|function| function.name.as_str()).collect::<Vec<_>>(), ["earn"]);
    }
}
