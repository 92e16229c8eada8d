//! One operation of the OpenAPI document: its parameters, body, answers and problems.

use std::collections::BTreeMap;

use regulars_domain::{
    code::Code,
    id::{Actor, EntitlementId, EntryId, MemberId, ProgramId, RewardId},
};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::{TOKEN, schemas::Schemas};
use crate::http::{Contract, Gateway, Header, IfMatch, Key, KeyHeader, Method, Parameter, ProblemCode, SchemaOf, Who};

/// The parameters in paths: name, description and schema.
const IN_PATH: [(&str, &str, SchemaOf); 7] = [
    ("program", "The program.", schema_of::<ProgramId>),
    ("member", "The member.", schema_of::<MemberId>),
    (
        "entry",
        "The entry: the idempotency key of the request that wrote it, or `~` if the query names it.",
        schema_of::<InPath<EntryId>>,
    ),
    ("reward", "The reward.", schema_of::<RewardId>),
    ("code", "The code, or `~` if the query names it.", schema_of::<InPath<Code>>),
    ("entitlement", "The entitlement.", schema_of::<EntitlementId>),
    ("version", "The number of the version.", schema_of::<u64>),
];

fn schema_of<T: JsonSchema>(schemas: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemas.subschema_for::<T>()
}

/// A `T` that can be part of a path: gateways interpret `/ ? % #` themselves.
struct InPath<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for InPath<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}InPath", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(schemas: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = T::json_schema(schemas);
        schema.insert("allOf".to_owned(), json!([{ "pattern": "^[^/?%#]*$" }]));
        schema
    }
}

/// Describes an operation of the function `tag`.
pub(super) fn describe(
    schemas: &mut Schemas,
    tag: &str,
    (method, path, who): (&Method, &str, Who),
    contract: &Contract,
) -> Value {
    let mut parameters = in_path(schemas, path);
    parameters.extend(in_query(schemas, path, contract));
    parameters.extend(in_header(schemas, who, contract));
    let mut operation = json!({
        "operationId": contract.name,
        "summary": contract.summary,
        "tags": [tag],
        "parameters": parameters,
        "responses": responses(schemas, (method, path, who), contract),
    });
    let Some(fields) = operation.as_object_mut() else { return operation };
    if let Some(body) = contract.asked.body {
        let content = json!({ "application/json": { "schema": schemas.read(body) } });
        fields.insert(
            "requestBody".to_owned(),
            json!({ "required": contract.asked.is_body_required, "content": content }),
        );
    }
    if who.is_open_to_everyone() {
        fields.insert("security".to_owned(), json!([]));
    } else {
        let scopes: Vec<&str> = who.scopes(method).map(crate::http::Scope::as_str).collect();
        fields.insert("security".to_owned(), json!([{ TOKEN: scopes }]));
    }
    operation
}

fn in_path(schemas: &mut Schemas, path: &str) -> Vec<Value> {
    let named = IN_PATH.iter().filter(|(name, _, _)| path.contains(&format!("{{{name}}}")));
    named
        .map(|(name, about, schema)| {
            json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schemas.read(*schema) })
        })
        .collect()
}

fn in_query(schemas: &mut Schemas, path: &str, contract: &Contract) -> Vec<Value> {
    let row = |parameter: &Parameter| {
        let schema = schemas.read(parameter.schema());
        let schema = if parameter.is_repeatable() { json!({ "type": "array", "items": schema }) } else { schema };
        json!({ "name": parameter.name(), "in": "query", "description": parameter.description(), "schema": schema })
    };
    Parameter::all(path, contract.parameters).map(row).collect()
}

fn in_header(schemas: &mut Schemas, who: Who, contract: &Contract) -> Vec<Value> {
    let mut header = |name: &str, is_required: bool, about: &str, schema: SchemaOf| json!({ "name": name, "in": "header", "required": is_required, "description": about, "schema": schemas.read(schema) });
    let mut headers = Vec::new();
    let asked = &contract.asked;
    match asked.key {
        Key::None => {}
        Key::Required => headers.push(header("Idempotency-Key", true, KEY, schema_of::<KeyHeader>)),
        Key::Optional => headers.push(header("Idempotency-Key", false, KEY_OPTIONAL, schema_of::<KeyHeader>)),
    }
    if asked.has_precondition {
        headers.push(header("If-Match", false, IF_MATCH, schema_of::<IfMatch>));
        let none = json!({ "type": "string", "pattern": "^\\*$" });
        headers.push(json!({ "name": "If-None-Match", "in": "header", "description": IF_NONE_MATCH, "schema": none }));
    }
    if !who.is_open_to_everyone() {
        headers.push(header("Regulars-Actor", false, ACTOR, schema_of::<Actor>));
    }
    headers
}

const KEY: &str = "The key of the request, such as an order or receipt number. It never expires: a repeat under the same key \
                   gets the first answer. The quoted form of the IETF draft is the same key.";
const KEY_OPTIONAL: &str = "The key of the request. An enrollment needs one if the body has no `member`; the end of a plan needs one \
                            while other paid plans wait.";
const IF_MATCH: &str = "The number of the newest version, which the document replaces, as in `\"3\"`.";
const IF_NONE_MATCH: &str = "`*` for the first version of a program.";
const ACTOR: &str = "The person behind an operator's system, as an opaque id. The entry stores it.";

fn responses(schemas: &mut Schemas, (method, path, who): (&Method, &str, Who), contract: &Contract) -> Value {
    let mut responses = Map::new();
    for success in contract.answered.successes {
        let headers = success.headers.iter().map(|header| (header, true));
        let headers = headers.chain(success.optional_headers.iter().map(|header| (header, false)));
        let headers: Map<String, Value> =
            headers.map(|(header, is_required)| of_header(*header, is_required)).collect();
        let mut response = json!({
            "description": success.meaning,
            "content": { "application/json": { "schema": schemas.answered(contract.answered.body) } },
        });
        if let (false, Some(fields)) = (headers.is_empty(), response.as_object_mut()) {
            fields.insert("headers".to_owned(), headers.into());
        }
        responses.insert(success.status.as_str().to_owned(), response);
    }
    let mut problems: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for problem in contract.problems(who, method, path) {
        problems.entry(problem.status().as_u16()).or_default().push(problem);
    }
    let mut gateway: BTreeMap<u16, Gateway> =
        contract.of_gateway(who).into_iter().map(|of| (of.status().as_u16(), of)).collect();
    for (status, codes) in problems {
        let of_gateway = gateway.remove(&status);
        responses.insert(status.to_string(), refused(&codes, of_gateway));
    }
    for (status, answer) in gateway {
        responses.insert(status.to_string(), refused(&[], Some(answer)));
    }
    responses.into()
}

/// Returns the answer with a status of rejected requests.
fn refused(codes: &[ProblemCode], gateway: Option<Gateway>) -> Value {
    let mut lines: Vec<String> = codes.iter().map(|code| format!("- `{}`: {}", code.as_str(), code.title())).collect();
    let mut content = Map::new();
    if !codes.is_empty() {
        let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        let of = json!({ "properties": { "code": { "enum": names } } });
        let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, of] });
        content.insert("application/problem+json".to_owned(), json!({ "schema": schema }));
    }
    if let Some(gateway) = gateway {
        lines.push(format!("- from the gateway: {}", gateway.meaning()));
        let message = json!({ "type": "string", "description": "The text of the gateway." });
        let schema = json!({ "type": "object", "properties": { "message": message }, "required": ["message"] });
        content.insert("application/json".to_owned(), json!({ "schema": schema }));
    }
    let mut response = json!({ "description": lines.join("\n"), "content": content });
    let headers: Vec<(&str, &str)> = [
        (
            codes.contains(&ProblemCode::StoreUnavailable),
            ("Retry-After", "The seconds to wait before the next attempt."),
        ),
        (
            codes.contains(&ProblemCode::TokenMissing),
            ("WWW-Authenticate", "The scheme of the token. The gateway adds the reason."),
        ),
    ]
    .into_iter()
    .filter_map(|(has, header)| has.then_some(header))
    .collect();
    if let (false, Some(fields)) = (headers.is_empty(), response.as_object_mut()) {
        let header = |(name, about): (&str, &str)| {
            (name.to_owned(), json!({ "description": about, "schema": { "type": "string" } }))
        };
        fields.insert("headers".to_owned(), headers.into_iter().map(header).collect::<Map<_, _>>().into());
    }
    response
}

fn of_header(header: Header, is_required: bool) -> (String, Value) {
    let (name, about, schema) = match header {
        Header::ETag => (
            "ETag",
            "The number of the newest version of the program.",
            json!({ "type": "string", "pattern": "^\"[0-9]+\"$" }),
        ),
        Header::Location => ("Location", "The path of the member.", json!({ "type": "string" })),
        Header::Replayed => (
            "Idempotency-Replayed",
            "`true` if the request was carried out before.",
            json!({ "type": "string", "const": "true" }),
        ),
    };
    (name.to_owned(), json!({ "description": about, "required": is_required, "schema": schema }))
}
