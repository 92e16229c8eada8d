//! An HTTP request as handlers see it, from any front end.

use std::{borrow::Cow, str::FromStr};

use ::http::{HeaderMap, Method};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;
use regulars_application::{
    body::{BODY_BYTES_MAX, Body, check_size},
    event::EventRefused,
    refusal::RefusalCode,
};
use regulars_domain::id::{Actor, MemberId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;

use super::caller::Caller;
use super::media_type;
use super::problem::{Problem, ProblemCode};
use super::query::{Parameter, Query, malformed};

/// The bounds of `limit` in a query, and its default.
const LIMIT_MAX: u32 = 100;
const LIMIT_DEFAULT: u32 = 20;

/// The schema of the header `If-Match`.
#[derive(Clone, Copy, Debug)]
pub struct IfMatch;

impl JsonSchema for IfMatch {
    fn schema_name() -> Cow<'static, str> {
        "IfMatch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\"?[0-9]{1,19}\"?$" })
    }
}

/// The schema of `limit`.
#[derive(Clone, Copy, Debug)]
pub struct Limit;

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT })
    }
}

/// A request over HTTP.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    method: Method,
    path: String,
    query: Query,
    headers: HeaderMap,
    body: Vec<u8>,
    id: String,
    caller: Caller,
    actor: Option<Actor>,
}

/// The version that a publication expects, from `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// `If-None-Match: *`: there is no version yet.
    Absent,
    /// `If-Match: "3"`: this version is the newest one.
    Version(u64),
}

impl HttpRequest {
    /// Returns the request of an API Gateway event of payload version 2, without its caller.
    pub(crate) fn from_event(event: ApiGatewayV2httpRequest) -> Result<Self, EventRefused> {
        let context = event.request_context;
        let body = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded {
            BASE64.decode(body).map_err(EventRefused::unreadable)?
        } else {
            body.into_bytes()
        };
        let path = without_stage(event.raw_path.unwrap_or_default(), context.stage.as_deref());
        Ok(HttpRequest {
            method: context.http.method,
            path: if is_routed(event.route_key.as_deref()) { path } else { decoded(&path) },
            query: Query::read(&event.raw_query_string.unwrap_or_default()),
            headers: event.headers,
            body,
            id: context.request_id.unwrap_or_default(),
            caller: Caller::Member,
            actor: None,
        })
    }

    /// Returns the same request from `caller`, with a token that was issued to `client`.
    ///
    /// # Errors
    ///
    /// `body_malformed` if an operator's header `Regulars-Actor` is not 1 to 64 of `A-Z a-z 0-9 . _ : -`, such as an
    /// e-mail address.
    pub(crate) fn called_by(mut self, caller: Caller, client: Option<Actor>) -> Result<Self, Problem> {
        let named = self.headers.get("regulars-actor").filter(|_| caller == Caller::Operator);
        self.actor = match named.map(|value| value.to_str().map(str::parse)) {
            None => client,
            Some(Ok(Ok(actor))) => Some(actor),
            Some(Ok(Err(_)) | Err(_)) => {
                let rule = "The header Regulars-Actor must be 1 to 64 of the characters A-Z a-z 0-9 . _ : -, and not an e-mail address.";
                return Err(Problem::body_malformed("", rule));
            }
        };
        self.caller = caller;
        Ok(self)
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path, decoded, without the stage of the gateway.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the front end's id of this request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.id
    }

    /// Returns the caller.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.caller
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the value of a header, by its name in lower case; `None` also if it is not ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the JSON body.
    ///
    /// # Errors
    ///
    /// `body_too_large` above [`BODY_BYTES_MAX`], `media_type_unsupported`, `body_malformed`.
    pub(crate) fn body(&self) -> Result<Body, Problem> {
        self.body_within(BODY_BYTES_MAX)
    }

    /// Returns the JSON body, at most `bytes_max` long.
    ///
    /// # Errors
    ///
    /// As [`HttpRequest::body`].
    pub(crate) fn body_within(&self, bytes_max: usize) -> Result<Body, Problem> {
        check_size(&self.body, bytes_max)?;
        media_type::check(self.header("content-type"))?;
        Ok(Body::read(&self.body, bytes_max)?)
    }

    /// Returns the body as a `T`, or its default if the request has no body.
    ///
    /// # Errors
    ///
    /// Those of [`HttpRequest::body`], also for fields that `T` rejects.
    pub(crate) fn json_body_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() {
            return Ok(T::default());
        }
        Ok(self.body()?.object()?)
    }

    /// Returns the person whom an operator's system names in the header `Regulars-Actor`, or else the client that the
    /// token was issued to; `None` if neither is known. The subject of a member's token is never used.
    #[must_use]
    pub fn actor(&self) -> Option<Actor> {
        self.actor.clone()
    }

    /// Returns the version of the program that the caller expects.
    ///
    /// # Errors
    ///
    /// `precondition_missing` if there is neither `If-Match: "version"` nor `If-None-Match: *`; `program_version_stale`
    /// if `If-Match` is not the number of a version.
    pub(crate) fn precondition(&self) -> Result<Precondition, Problem> {
        if let Some(tag) = self.header("if-match") {
            let number = tag.trim().trim_matches('"');
            return match number.parse::<u64>() {
                Ok(version) => Ok(Precondition::Version(version)),
                Err(_) => Err(Problem::new(
                    RefusalCode::ProgramVersionStale,
                    "If-Match must be the number of the newest version, such as \"3\". GET the program: its ETag is that number.".to_owned(),
                )),
            };
        }
        if self.header("if-none-match").map(str::trim) == Some("*") {
            return Ok(Precondition::Absent);
        }
        Err(Problem::new(
            ProblemCode::PreconditionMissing,
            "Send the header If-Match with the number of the newest version, such as If-Match: \"3\", or If-None-Match: * if the program has none. \
             GET the program: its ETag is that number.",
        ))
    }

    pub(crate) fn check_query(&self, path: &str, parameters: &[Parameter]) -> Result<(), Problem> {
        self.query.check(path, parameters)
    }

    /// Returns the value of a query parameter, decoded. The route must declare it ([`super::Route::taking`]).
    #[must_use]
    pub fn query<'q>(&'q self, name: &'q str) -> Option<&'q str> {
        self.query.values(name).next()
    }

    /// Returns a query parameter as a `T`, which `rule` describes, as in `must be a date`.
    ///
    /// # Errors
    ///
    /// `query_malformed`.
    pub fn query_as<T: FromStr>(&self, name: &str, rule: &str) -> Result<Option<T>, Problem> {
        self.query(name).map(|value| value.parse().map_err(|_| malformed(name, rule))).transpose()
    }

    /// Returns the values of a repeatable query parameter as `T`s, which `rule` describes.
    ///
    /// # Errors
    ///
    /// `query_malformed`.
    pub fn query_all<T>(&self, name: &str, rule: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Problem> {
        self.query.values(name).map(|value| read(value).ok_or_else(|| malformed(name, rule))).collect()
    }

    /// Returns the values of a repeatable query parameter, decoded.
    pub fn query_values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.query.values(name)
    }

    /// Returns `member` from the query: the member whose ledger has the entry, if several were merged.
    ///
    /// # Errors
    ///
    /// `query_malformed` for a value that is not a member id.
    pub fn ledger(&self) -> Result<Option<MemberId>, Problem> {
        self.query_as("member", "must be a member's id")
    }

    /// Returns `limit` from the query: the maximum number of rows of a list; 1 to 100, default 20.
    ///
    /// # Errors
    ///
    /// `limit_malformed`.
    pub fn limit(&self) -> Result<u32, Problem> {
        let Some(text) = self.query("limit") else {
            return Ok(LIMIT_DEFAULT);
        };
        match text.parse() {
            Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            Ok(_) | Err(_) => Err(Problem::new(
                ProblemCode::LimitMalformed,
                format!("`limit` must be a whole number from 1 to {LIMIT_MAX}."),
            )),
        }
    }

    /// Returns `cursor` from the query: where a list continues.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.query("cursor")
    }
}

/// Returns whether API Gateway found the route, and so decoded the path. A function URL finds none, and delivers the
/// path as the caller wrote it. A path that is decoded twice could lead to another member than the caller named.
fn is_routed(route_key: Option<&str>) -> bool {
    route_key.is_some_and(|key| key != "$default")
}

/// Returns a path without its percent-encoding. Invalid UTF-8 becomes a replacement character, which no id contains.
#[must_use]
pub fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// Removes a stage other than `$default`, which a gateway puts before the path.
fn without_stage(path: String, stage: Option<&str>) -> String {
    let stripped = stage.and_then(|stage| {
        path.strip_prefix('/')?.strip_prefix(stage).filter(|rest| rest.starts_with('/')).map(str::to_owned)
    });
    stripped.unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(event: Value) -> HttpRequest {
        HttpRequest::from_event(serde_json::from_value(event).unwrap()).unwrap()
    }

    fn with_header(name: &str, value: &str) -> HttpRequest {
        request(json!({
            "headers": { name: value },
            "requestContext": { "http": { "method": "POST" } }
        }))
    }

    fn with_query(query: &str) -> HttpRequest {
        request(json!({
            "rawQueryString": query,
            "requestContext": { "http": { "method": "GET" } }
        }))
    }

    #[test]
    fn an_event_becomes_a_request() {
        let request = request(json!({
            "version": "2.0",
            "rawPath": "/v1/programs/demo",
            "headers": { "Content-Type": "application/json", "X-A": "b" },
            "body": "eyAiYSI6IDEgfQ==",
            "isBase64Encoded": true,
            "requestContext": { "http": { "method": "PUT" }, "stage": "$default", "requestId": "r-1" }
        }));
        assert_eq!(request.method(), Method::PUT);
        assert_eq!(request.path(), "/v1/programs/demo");
        assert_eq!(request.request_id(), "r-1");
        assert_eq!(request.header("x-a"), Some("b"));
        assert_eq!(request.body().unwrap().value(), &json!({ "a": 1 }));
    }

    #[test]
    fn a_body_that_is_not_what_the_gateway_says_it_is_refuses_the_event() {
        let event = json!({
            "body": "***",
            "isBase64Encoded": true,
            "requestContext": { "http": { "method": "PUT" } }
        });
        let refused = HttpRequest::from_event(serde_json::from_value(event).unwrap());
        assert!(matches!(refused, Err(EventRefused::Unreadable(_))));
    }

    #[test]
    fn the_stage_is_no_part_of_the_path() {
        for (path, stage, expected) in [
            ("/v1/x", "$default", "/v1/x"),
            ("/prod/v1/x", "prod", "/v1/x"),
            ("/v1/x", "prod", "/v1/x"),
            ("/v1/x", "v1", "/x"),
            ("/production/x", "prod", "/production/x"),
            ("/prod", "prod", "/prod"),
            ("", "prod", ""),
        ] {
            assert_eq!(without_stage(path.to_owned(), Some(stage)), expected, "{path} {stage}");
        }
    }

    #[test]
    fn a_path_is_decoded_exactly_once() {
        let gateway = json!("GET /v1/{member}");
        for (route_key, path, expected) in [
            (&gateway, "/v1/a:b", "/v1/a:b"),
            (&gateway, "/v1/a%3Ab", "/v1/a%3Ab"),
            (&gateway, "/v1/%6d-1", "/v1/%6d-1"),
            (&json!("$default"), "/v1/a%3Ab", "/v1/a:b"),
            (&json!("$default"), "/v1/%256d-1", "/v1/%6d-1"),
            (&Value::Null, "/v1/a%2Fb", "/v1/a/b"),
            (&Value::Null, "/v1/%ff", "/v1/\u{fffd}"),
            (&Value::Null, "/v1/%", "/v1/%"),
        ] {
            let event =
                json!({ "routeKey": route_key, "rawPath": path, "requestContext": { "http": { "method": "GET" } } });
            assert_eq!(request(event).path(), expected, "{route_key} {path}");
        }
    }

    #[test]
    fn an_idempotency_key_is_needed_and_checked() {
        let longest = "x".repeat(64);
        let too_long = "x".repeat(65);
        for (key, expected) in [
            ("order-1001", None),
            ("A.b_c:d-9", None),
            (longest.as_str(), None),
            (too_long.as_str(), Some(ProblemCode::IdempotencyKeyMalformed)),
            ("", Some(ProblemCode::IdempotencyKeyMalformed)),
            ("~expiry", Some(ProblemCode::IdempotencyKeyMalformed)),
            ("~", Some(ProblemCode::IdempotencyKeyMalformed)),
            ("\"~expiry\"", Some(ProblemCode::IdempotencyKeyMalformed)),
            ("#1001", None),
            ("POS/00012", None),
            ("S 17", None),
            ("100%", None),
            ("a~b", None),
            ("\"order-1001\"", None),
            ("\" order-1001\"", Some(ProblemCode::IdempotencyKeyMalformed)),
            ("\"\"", Some(ProblemCode::IdempotencyKeyMalformed)),
            ("\"order-1001", Some(ProblemCode::IdempotencyKeyMalformed)),
            ("a\tb", Some(ProblemCode::IdempotencyKeyMalformed)),
            ("é", Some(ProblemCode::IdempotencyKeyMalformed)),
        ] {
            let request = with_header("Idempotency-Key", key);
            assert_eq!(request.idempotency_key().err().map(|p| p.code()), expected, "{key}");
        }
        let without = with_header("x-other", "1");
        assert_eq!(without.idempotency_key().unwrap_err().code(), ProblemCode::IdempotencyKeyMissing);
    }

    #[test]
    fn an_actor_is_an_opaque_id_or_absent() {
        let actor = |header: &str, value: &str, caller: Caller, client: Option<Actor>| {
            let called = with_header(header, value).called_by(caller, client);
            called.map(|request| request.actor().map(|actor| actor.to_string())).map_err(|problem| problem.code())
        };
        for (header, expected) in [
            ("clerk-7", Ok(Some("clerk-7".to_owned()))),
            ("", Err(RefusalCode::BodyMalformed.into())),
            ("ayse@example.com", Err(RefusalCode::BodyMalformed.into())),
            ("two words", Err(RefusalCode::BodyMalformed.into())),
            ("é", Err(RefusalCode::BodyMalformed.into())),
        ] {
            assert_eq!(actor("Regulars-Actor", header, Caller::Operator, None), expected, "{header}");
        }
        assert_eq!(actor("x-other", "1", Caller::Operator, None), Ok(None));
        let client: Actor = "till-3".parse().unwrap();
        for (caller, header, expected) in [
            (Caller::Operator, "Regulars-Actor", "clerk-7"),
            (Caller::Operator, "x-other", "till-3"),
            (Caller::Member, "Regulars-Actor", "till-3"),
        ] {
            let told = actor(header, "clerk-7", caller, Some(client.clone()));
            assert_eq!(told, Ok(Some(expected.to_owned())), "{header}");
        }
    }

    #[test]
    fn publishing_says_what_it_replaces() {
        for (name, value, expected) in [
            ("If-Match", "\"3\"", Ok(Precondition::Version(3))),
            ("If-Match", "3", Ok(Precondition::Version(3))),
            ("If-None-Match", "*", Ok(Precondition::Absent)),
            ("If-Match", "\"three\"", Err(RefusalCode::ProgramVersionStale.into())),
            ("If-Match", "W/\"3\"", Err(RefusalCode::ProgramVersionStale.into())),
            ("If-Match", "*", Err(RefusalCode::ProgramVersionStale.into())),
            ("If-None-Match", "\"3\"", Err(ProblemCode::PreconditionMissing)),
            ("x-other", "1", Err(ProblemCode::PreconditionMissing)),
        ] {
            let precondition = with_header(name, value).precondition().map_err(|p| p.code());
            assert_eq!(precondition, expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_limit_is_bounded() {
        for (query, expected) in [
            ("", Ok(20)),
            ("other=1", Ok(20)),
            ("limit=1", Ok(1)),
            ("limit=100&cursor=x", Ok(100)),
            ("limit=0", Err(ProblemCode::LimitMalformed)),
            ("limit=101", Err(ProblemCode::LimitMalformed)),
            ("limit=-1", Err(ProblemCode::LimitMalformed)),
            ("limit=", Err(ProblemCode::LimitMalformed)),
            ("limit=ten", Err(ProblemCode::LimitMalformed)),
            ("limit=99999999999999999999", Err(ProblemCode::LimitMalformed)),
        ] {
            assert_eq!(with_query(query).limit().map_err(|p| p.code()), expected, "{query}");
        }
    }

    #[test]
    fn the_query_is_decoded() {
        assert_eq!(with_query("cursor=a%2Bb+c").cursor(), Some("a+b c"));
        assert_eq!(with_query("limit=3").cursor(), None);
    }

    #[test]
    fn no_body_is_a_default_only_where_the_route_says_so() {
        let none = with_header("x-other", "1");
        assert_eq!(none.json_body_or_default::<Vec<u8>>().unwrap(), Vec::<u8>::new());
        assert_eq!(none.body().unwrap_err().code(), RefusalCode::BodyMalformed.into());
    }
}
