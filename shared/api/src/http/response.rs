//! Answers as responses: status, headers and JSON, as the front end expects them.

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use ::http::{HeaderMap, HeaderValue, StatusCode};
use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use regulars_application::event::EventRefused;
use serde::Serialize;
use serde_json::Value;

use super::problem::Problem;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The answer of a handler that carried out the request.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Result<String, serde_json::Error>,
}

impl Answer {
    /// Returns 200 with `body` as JSON. A body that cannot be written as JSON becomes a fault when it is sent.
    pub fn ok(body: &impl Serialize) -> Self {
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: serde_json::to_string(body) }
    }

    /// Returns 201 with `body` as JSON.
    pub fn created(body: &impl Serialize) -> Self {
        Answer { status: StatusCode::CREATED, ..Answer::ok(body) }
    }

    /// Returns 200 with `body` as JSON, marked as the answer to a repeated request.
    pub fn replayed(body: &impl Serialize) -> Self {
        Answer::ok(body).header(REPLAYED, HeaderValue::from_static("true"))
    }

    /// Returns 201 with `body` as JSON, or for a repeated request 200, marked as such.
    pub fn once(body: &impl Serialize, replayed: bool) -> Self {
        if replayed { Answer::replayed(body) } else { Answer::created(body) }
    }

    /// Adds the header `Location`. `path` contains ids and constants only; any other path is left out.
    #[must_use]
    pub fn location(self, path: &str) -> Self {
        match HeaderValue::from_str(path) {
            Ok(path) => self.header(LOCATION, path),
            Err(_) => self,
        }
    }

    /// Adds the header `ETag` with a version, such as `ETag: "4"`.
    #[must_use]
    pub fn etag(self, version: u64) -> Self {
        match HeaderValue::from_str(&format!("\"{version}\"")) {
            Ok(tag) => self.header(ETAG, tag),
            Err(_) => self,
        }
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Returns the answer in the form of API Gateway.
    pub(crate) fn into_event(self) -> Result<Value, Problem> {
        let body = self.body.map_err(Problem::fault)?;
        response(self.status, self.headers, "application/json", body).map_err(Problem::fault)
    }
}

/// Returns a problem in the form of API Gateway.
pub(crate) fn problem_event(problem: &Problem, request_id: &str) -> Result<Value, EventRefused> {
    let document = problem.document(request_id).map_err(EventRefused::fault)?;
    response(problem.code().status(), problem.headers(), "application/problem+json", document)
        .map_err(EventRefused::fault)
}

fn response(
    status: StatusCode,
    mut headers: HeaderMap,
    content_type: &'static str,
    body: String,
) -> Result<Value, serde_json::Error> {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Balances change with every purchase, and an answer is for one caller.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = i64::from(status.as_u16());
    response.headers = headers;
    response.body = Some(Body::Text(body));
    serde_json::to_value(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::ProblemCode;
    use regulars_application::failure::Failure;
    use serde_json::json;

    fn sent(answer: Answer) -> Value {
        answer.into_event().unwrap()
    }

    #[test]
    fn an_answer_carries_its_status_headers_and_json() {
        let event = sent(Answer::created(&json!({ "version": 4 })).location("/v1/programs/demo").etag(4));
        assert_eq!(event["statusCode"], 201);
        assert_eq!(event["body"], r#"{"version":4}"#);
        assert_eq!(event["isBase64Encoded"], false);
        assert_eq!(
            event["headers"],
            json!({
                "content-type": "application/json",
                "cache-control": "no-store",
                "location": "/v1/programs/demo",
                "etag": "\"4\"",
            })
        );
    }

    #[test]
    fn a_replay_says_so() {
        let event = sent(Answer::replayed(&json!({})));
        assert_eq!(event["statusCode"], 200);
        assert_eq!(event["headers"]["idempotency-replayed"], "true");
    }

    #[test]
    fn a_location_that_is_no_header_is_left_out() {
        let event = sent(Answer::ok(&json!({})).location("/a\nb"));
        assert_eq!(event["headers"].get("location"), None);
    }

    #[test]
    fn a_body_that_cannot_be_json_is_a_fault() {
        let unprintable = std::collections::BTreeMap::from([((1, 2), 3)]);
        let problem = Answer::ok(&unprintable).into_event().unwrap_err();
        assert_eq!(problem.code(), ProblemCode::Internal);
    }

    #[test]
    fn a_problem_keeps_its_headers() {
        let event = problem_event(&Failure::Busy.into(), "r-1").unwrap();
        assert_eq!(event["statusCode"], 503);
        assert_eq!(event["headers"]["retry-after"], "1");
        assert_eq!(event["headers"]["content-type"], "application/problem+json");
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["request_id"], "r-1");
    }
}
