//! Answers as responses: status, headers and JSON, as the front end expects them.

use std::marker::PhantomData;

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use ::http::{HeaderMap, HeaderValue, StatusCode};
use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use regulars_application::event::EventRefused;
use serde::Serialize;
use serde_json::Value;

use super::contract::{Header, Success};
use super::problem::Problem;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A kind of success: the statuses and headers with which a handler answers.
pub trait Succeeds {
    /// The statuses.
    const SUCCESSES: &'static [Success];
}

/// The result of a read, or of a change that can be made twice.
#[derive(Clone, Copy, Debug)]
pub enum Shown {}

/// The result of a request that is carried out once.
#[derive(Clone, Copy, Debug)]
pub enum Once {}

/// The result of a request that is carried out once and makes nothing new.
#[derive(Clone, Copy, Debug)]
pub enum Done {}

/// A new member, or the same one again.
#[derive(Clone, Copy, Debug)]
pub enum Enrolled {}

/// A program, with the number of its newest version.
#[derive(Clone, Copy, Debug)]
pub enum Versioned {}

/// A new version of a program.
#[derive(Clone, Copy, Debug)]
pub enum NewVersion {}

const fn success(status: StatusCode, meaning: &'static str) -> Success {
    Success { status, meaning, headers: &[], optional_headers: &[] }
}

impl Succeeds for Shown {
    const SUCCESSES: &'static [Success] = &[success(StatusCode::OK, "The result.")];
}

impl Succeeds for Once {
    const SUCCESSES: &'static [Success] = &[
        success(StatusCode::CREATED, "The request was carried out."),
        Success {
            headers: &[Header::Replayed],
            ..success(StatusCode::OK, "The request was carried out before; this is its result.")
        },
    ];
}

impl Succeeds for Done {
    const SUCCESSES: &'static [Success] = &[Success {
        optional_headers: &[Header::Replayed],
        ..success(StatusCode::OK, "The request was carried out, now or before.")
    }];
}

impl Succeeds for Enrolled {
    const SUCCESSES: &'static [Success] = &[
        Success { headers: &[Header::Location], ..success(StatusCode::CREATED, "The member joined.") },
        Success {
            headers: &[Header::Location, Header::Replayed],
            ..success(StatusCode::OK, "The member joined before with the same data.")
        },
    ];
}

impl Succeeds for Versioned {
    const SUCCESSES: &'static [Success] =
        &[Success { optional_headers: &[Header::ETag], ..success(StatusCode::OK, "The result.") }];
}

impl Succeeds for NewVersion {
    const SUCCESSES: &'static [Success] =
        &[Success { headers: &[Header::ETag], ..success(StatusCode::CREATED, "The version was published.") }];
}

/// A handler's answer to a request that it carried out: a `T`, with the status and the headers of `S`.
#[derive(Debug)]
pub struct Answer<T = Value, S = Shown> {
    sent: Sent,
    says: PhantomData<(fn() -> T, S)>,
}

impl<T, S> Answer<T, S> {
    /// Returns the same without its type.
    #[must_use]
    pub fn into_sent(self) -> Sent {
        self.sent
    }
}

impl<T: Serialize, S> Answer<T, S> {
    fn with(status: StatusCode, body: &T) -> Self {
        let sent = Sent { status, headers: HeaderMap::new(), body: serde_json::to_string(body) };
        Self { sent, says: PhantomData }
    }

    fn header(mut self, name: HeaderName, value: &str) -> Self {
        // Values are ids, numbers and constants. Anything else is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.sent.headers.insert(name, value);
        }
        self
    }

    fn if_replayed(self, replayed: bool) -> Self {
        if replayed { self.header(REPLAYED, "true") } else { self }
    }

    fn etag(self, version: u64) -> Self {
        self.header(ETAG, &format!("\"{version}\""))
    }
}

impl<T: Serialize> Answer<T, Shown> {
    /// Returns 200 with `body` as JSON. A body that cannot be written as JSON becomes a fault when it is sent.
    pub fn ok(body: &T) -> Self {
        Self::with(StatusCode::OK, body)
    }
}

impl<T: Serialize> Answer<T, Once> {
    /// Returns 201 with `body` as JSON, or 200 with the header of a replay if the request was carried out before.
    pub fn once(body: &T, replayed: bool) -> Self {
        Self::with(created_unless(replayed), body).if_replayed(replayed)
    }
}

impl<T: Serialize> Answer<T, Done> {
    /// Returns 200 with `body` as JSON, with the header of a replay if the request was carried out before.
    pub fn done(body: &T, replayed: bool) -> Self {
        Self::with(StatusCode::OK, body).if_replayed(replayed)
    }
}

impl<T: Serialize> Answer<T, Enrolled> {
    /// Returns 201 with `body` as JSON, or 200 with the header of a replay; `path` is the path of the member.
    pub fn enrolled(body: &T, replayed: bool, path: &str) -> Self {
        Self::with(created_unless(replayed), body).if_replayed(replayed).header(LOCATION, path)
    }
}

impl<T: Serialize> Answer<T, Versioned> {
    /// Returns 200 with `body` as JSON, and the number of the newest version, if there is one, as `ETag: "4"`.
    pub fn versioned(body: &T, newest: Option<u64>) -> Self {
        let answer = Self::with(StatusCode::OK, body);
        match newest {
            Some(newest) => answer.etag(newest),
            None => answer,
        }
    }
}

impl<T: Serialize> Answer<T, NewVersion> {
    /// Returns 201 with `body` as JSON, and the number of the new version as `ETag: "4"`.
    pub fn published(body: &T, version: u64) -> Self {
        Self::with(StatusCode::CREATED, body).etag(version)
    }
}

fn created_unless(replayed: bool) -> StatusCode {
    if replayed { StatusCode::OK } else { StatusCode::CREATED }
}

/// An answer without its type.
#[derive(Debug)]
pub struct Sent {
    status: StatusCode,
    headers: HeaderMap,
    body: Result<String, serde_json::Error>,
}

impl Sent {
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

    fn sent<T, S>(answer: Answer<T, S>) -> Value {
        answer.into_sent().into_event().unwrap()
    }

    #[test]
    fn an_answer_carries_its_status_headers_and_json() {
        let event = sent(Answer::<_, NewVersion>::published(&json!({ "version": 4 }), 4));
        assert_eq!(event["statusCode"], 201);
        assert_eq!(event["body"], r#"{"version":4}"#);
        assert_eq!(event["isBase64Encoded"], false);
        assert_eq!(
            event["headers"],
            json!({
                "content-type": "application/json",
                "cache-control": "no-store",
                "etag": "\"4\"",
            })
        );
    }

    #[test]
    fn a_new_member_and_the_same_one_again_have_a_place() {
        let path = "/v1/programs/demo/members/m-1";
        let event = sent(Answer::<_, Enrolled>::enrolled(&json!({}), false, path));
        assert_eq!((&event["statusCode"], &event["headers"]["location"]), (&json!(201), &json!(path)));
        let event = sent(Answer::<_, Enrolled>::enrolled(&json!({}), true, path));
        assert_eq!((&event["statusCode"], &event["headers"]["location"]), (&json!(200), &json!(path)));
    }

    #[test]
    fn a_replay_says_so() {
        let event = sent(Answer::<_, Once>::once(&json!({}), true));
        assert_eq!(event["statusCode"], 200);
        assert_eq!(event["headers"]["idempotency-replayed"], "true");
        let event = sent(Answer::<_, Once>::once(&json!({}), false));
        assert_eq!(event["statusCode"], 201);
        assert_eq!(event["headers"].get("idempotency-replayed"), None);
    }

    #[test]
    fn a_location_that_is_no_header_is_left_out() {
        let event = sent(Answer::<_, Enrolled>::enrolled(&json!({}), false, "/a\nb"));
        assert_eq!(event["headers"].get("location"), None);
    }

    #[test]
    fn a_body_that_cannot_be_json_is_a_fault() {
        let unprintable = std::collections::BTreeMap::from([((1, 2), 3)]);
        let problem = Answer::ok(&unprintable).into_sent().into_event().unwrap_err();
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
