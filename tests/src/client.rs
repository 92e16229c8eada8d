//! A small client of the API, like that of a till: a request, its status, its headers, its JSON.

use std::{fmt, time::Duration};

use serde_json::Value;
use ureq::{
    Agent,
    http::{HeaderMap, Method, Request, Uri},
};

use crate::contract::{self, Asked};

/// Longer than any answer takes, so that a server that hangs ends the test.
const TIMEOUT: Duration = Duration::from_mins(3);

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    url: String,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request, for messages.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null if it is not JSON.
    pub body: Value,
}

impl Client {
    /// Returns a client of the server at `url`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(TIMEOUT))
            .proxy(None)
            .build();
        Self { agent: config.into(), url: url.to_owned() }
    }

    /// Returns a client of the same server with connections of its own, like another till.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::new(&self.url)
    }

    /// Sends a request unchanged; the path may contain a query.
    ///
    /// # Panics
    ///
    /// There is no answer, or the request or the answer violates the OpenAPI document.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let asked = Asked { method, path, headers, body };
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let uri: Uri = format!("{}{path}", self.url).parse().expect("an address");
        let mut request = Request::builder().method(&method).uri(&uri);
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        let sent = if body.is_empty() {
            self.agent.run(request.body(()).expect("a request"))
        } else {
            self.agent.run(request.body(body).expect("a request"))
        };
        let mut answer = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = answer.body_mut().read_to_string().expect("a body of text");
        let answer = Answer {
            request: format!("{method} {path}"),
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: serde_json::from_str(&text).unwrap_or_default(),
        };
        contract::check(asked, &answer);
        answer
    }

    /// Sends a `GET`.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &[])
    }

    /// Sends a `POST` with JSON, without a key.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[JSON], body.to_string().as_bytes())
    }

    /// Sends a `POST` with JSON and an `Idempotency-Key`.
    #[must_use]
    pub fn post_under(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[JSON, ("idempotency-key", key)], body.to_string().as_bytes())
    }

    /// Sends a `PATCH` with JSON.
    #[must_use]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &[JSON], body.to_string().as_bytes())
    }

    /// Sends a `PUT` with JSON and one more header, such as a precondition.
    #[must_use]
    pub fn put(&self, path: &str, header: (&str, &str), body: &Value) -> Answer {
        self.send("PUT", path, &[JSON, header], body.to_string().as_bytes())
    }
}

/// The header that declares a body as JSON.
pub const JSON: (&str, &str) = ("content-type", "application/json");

impl Answer {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the body, if the status is `status`.
    ///
    /// # Panics
    ///
    /// The status differs.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "often only the status matters")]
    pub fn expect(self, status: u16) -> Value {
        self.assert(status);
        self.body
    }

    /// Asserts that the status is `status`, and that the answer is well-formed.
    ///
    /// # Panics
    ///
    /// The status differs.
    #[track_caller]
    pub fn assert(&self, status: u16) {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self}");
    }

    /// Returns the problem document, if it has this status and code.
    ///
    /// # Panics
    ///
    /// The status or the code differs, or the document is malformed.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "often only status and code matter")]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let body = &self.body;
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{self}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        assert_eq!(body["type"], format!("https://regulars.dev/problems/{code}"), "{self}");
        assert_eq!(body["status"], status, "{self}");
        for member in ["title", "detail", "request_id"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {self}");
        }
        self.body
    }

    /// Asserts that the status is one of `statuses`.
    ///
    /// # Panics
    ///
    /// The status is another one.
    #[track_caller]
    pub fn status_in(&self, statuses: &[u16]) {
        assert!(statuses.contains(&self.status), "{self}");
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns whether the answer is marked as that of a repeated request.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {} {:?} {}", self.request, self.status, self.headers, self.body)
    }
}
