//! What API Gateway does between a caller and a function: turns a request into an event, and an answer into a response.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Maximum size of a body that the gateway accepts, in bytes. Functions accept less.
pub(crate) const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A received request.
#[derive(Debug)]
pub(crate) struct Arrived<'r> {
    pub(crate) parts: &'r Parts,
    pub(crate) body: &'r [u8],
    /// Its path, decoded.
    pub(crate) path: &'r str,
    /// The path of its route, with names instead of values.
    pub(crate) route: &'r str,
    pub(crate) id: &'r str,
    /// The claims of its token, if tokens are required.
    pub(crate) claims: Option<Map<String, Value>>,
}

/// Returns the event of a request, in payload version 2.0.
pub(crate) fn event(request: Arrived<'_>, now: Timestamp) -> Value {
    let Arrived { parts, body, path, route, id: request_id, claims } = request;
    let query = parts.uri.query().unwrap_or_default();
    let headers = joined(&parts.headers);
    let route_key = format!("{} {route}", parts.method);
    let (body, is_base64_encoded) = match std::str::from_utf8(body) {
        Ok("") => (Value::Null, false),
        Ok(text) => (Value::from(text), false),
        Err(_) => (Value::from(BASE64.encode(body)), true),
    };
    json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "queryStringParameters": query_parameters(query),
        "requestContext": {
            "accountId": "local",
            "apiId": "local",
            "authorizer": claims.map(|claims| json!({ "jwt": { "claims": claims, "scopes": null } })),
            "domainName": headers.get("host").cloned().unwrap_or_default(),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "headers": headers,
        "body": body,
        "isBase64Encoded": is_base64_encoded,
    })
}

/// Returns the response for a function's answer; `None` if the answer is invalid.
pub(crate) fn response(answer: Value) -> Option<Response<Full<Bytes>>> {
    let answer: FunctionAnswer = serde_json::from_value(answer).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded { BASE64.decode(body).ok()? } else { body.into_bytes() };
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status_code).ok()?);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(body)).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionAnswer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Joins the values of each header with a comma, as the gateway does. Names are already in lower case.
fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let all = joined.entry(name.as_str().to_owned()).or_default();
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str(&value);
    }
    joined
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn event_of(request: Request<()>, body: &[u8]) -> Value {
        let (parts, ()) = request.into_parts();
        let arrived = Arrived { parts: &parts, body, path: "/v1/a/b", route: "/v1/{a}", id: "r-1", claims: None };
        event(arrived, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_request_becomes_the_event_that_the_gateway_would_send() {
        let request = Request::post("/v1/a%2Fb?limit=3&limit=4&cursor=x%20y")
            .header("Host", "localhost")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .body(())
            .unwrap();
        let event = event_of(request, b"{}");
        assert_eq!(event["routeKey"], "POST /v1/{a}");
        assert_eq!(event["rawPath"], "/v1/a/b");
        assert_eq!(event["rawQueryString"], "limit=3&limit=4&cursor=x%20y");
        assert_eq!(event["queryStringParameters"], json!({ "limit": "3,4", "cursor": "x y" }));
        assert_eq!(event["headers"], json!({ "host": "localhost", "x-two": "1,2" }));
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        let context = &event["requestContext"];
        assert_eq!(context["http"]["method"], "POST");
        assert_eq!(context["http"]["protocol"], "HTTP/1.1");
        assert_eq!(context["requestId"], "r-1");
        assert_eq!(context["time"], "01/Jan/1970:00:00:00 +0000");
    }

    #[test]
    fn a_body_that_is_no_text_travels_in_base64() {
        let event = event_of(Request::post("/").body(()).unwrap(), b"\xff");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
        let event = event_of(Request::post("/").body(()).unwrap(), b"");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!(null), &json!(false)));
    }

    #[test]
    fn an_answer_becomes_a_response() {
        let answer = json!({ "statusCode": 201, "headers": { "location": "/x" }, "body": "{}" });
        let response = response(answer).unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["location"], "/x");
    }

    #[test]
    fn an_invalid_answer_becomes_no_response() {
        for answer in [
            json!(null),
            json!({}),
            json!({ "statusCode": 1 }),
            json!({ "statusCode": 200, "headers": { "a b": "c" } }),
            json!({ "statusCode": 200, "headers": { "a": "b\nc" } }),
            json!({ "statusCode": 200, "body": "?", "isBase64Encoded": true }),
        ] {
            assert!(response(answer.clone()).is_none(), "{answer}");
        }
    }
}
