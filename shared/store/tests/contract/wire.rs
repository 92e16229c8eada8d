//! The wire between the SDK and the engine, on which a test injects the failures of a real network.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use fastrand::Rng;
use serde_json::{Value, json};

/// Work that a test does while a request is in progress.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What happens to one request.
pub(crate) enum Fault {
    /// It never arrives, and this is the answer.
    Answer(u16, Value),
    /// It arrives, and its answer is lost with the connection.
    AnswerLost,
    /// It arrives, and this comes back instead of its answer.
    AnswerReplaced(u16, Value),
    /// It arrives after this other work.
    Meanwhile(Work),
    /// It arrives after this delay.
    Late(Duration),
    /// It is never answered.
    Silence,
}

/// Returns DynamoDB's response to a transaction that it cancelled for these reasons, one for each part.
pub(crate) fn cancelled(reasons: &[Value]) -> Fault {
    let name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    Fault::Answer(400, json!({ "__type": name, "Message": "injected", "CancellationReasons": reasons }))
}

/// The same, of reasons that are codes alone.
pub(crate) fn cancelled_for(codes: &[&str]) -> Fault {
    let reasons: Vec<Value> = codes.iter().map(|code| json!({ "Code": code, "Message": "injected" })).collect();
    cancelled(&reasons)
}

/// An error of DynamoDB.
pub(crate) fn error(status: u16, name: &str) -> Fault {
    Fault::Answer(
        status,
        json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": "injected" }),
    )
}

#[derive(Default)]
struct Script {
    /// The faults of the next requests of each operation, in order.
    faults: VecDeque<(&'static str, Fault)>,
    /// The requests so far, in order.
    requests: Vec<(String, Value)>,
    /// Whether requests keep the SDK's token.
    keeps_token: bool,
    /// How long each request takes.
    latency: Duration,
    /// The number of concurrent requests now, and its maximum so far.
    under_way: (usize, usize),
    /// Random failures of transactions without another fault, if enabled.
    weather: Option<Rng>,
    /// The number of lost answers and of rejected transactions.
    weathered: (usize, usize),
}

/// The wire. Clones are the same wire.
#[derive(Clone)]
pub(crate) struct Wire {
    inner: SharedHttpClient,
    script: Arc<Mutex<Script>>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self { inner: aws_smithy_http_client::Builder::new().build_http(), script: Arc::default() }
    }

    /// Injects `fault` into the next request of `operation`, after those injected before.
    pub(crate) fn next(&self, operation: &'static str, fault: Fault) {
        self.script.lock().unwrap().faults.push_back((operation, fault));
    }

    /// Keeps the token by which DynamoDB recognises a repeat for ten minutes.
    pub(crate) fn keep_token(&self) {
        self.script.lock().unwrap().keeps_token = true;
    }

    /// Makes each request take `latency` longer.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.script.lock().unwrap().latency = latency;
    }

    /// Makes transactions fail randomly from now on.
    pub(crate) fn set_weather(&self, weather: Option<Rng>) {
        self.script.lock().unwrap().weather = weather;
    }

    /// Returns the number of lost answers and of rejected transactions.
    pub(crate) fn weather_so_far(&self) -> (usize, usize) {
        self.script.lock().unwrap().weathered
    }

    /// Returns the maximum number of concurrent requests.
    pub(crate) fn most_at_once(&self) -> usize {
        self.script.lock().unwrap().under_way.1
    }

    /// Returns the bodies of the requests of `operation` so far, including each of the SDK's attempts.
    pub(crate) fn requests(&self, operation: &str) -> Vec<Value> {
        let script = self.script.lock().unwrap();
        script.requests.iter().filter(|(name, _)| name == operation).map(|(_, body)| body.clone()).collect()
    }

    /// Returns the number of requests, including each of the SDK's attempts.
    pub(crate) fn count(&self) -> usize {
        self.script.lock().unwrap().requests.len()
    }
}

impl Script {
    /// Returns the random fault of a transaction: of a hundred, five lose their answers, ten conflict on one of their
    /// items, and three are throttled.
    fn weather(&mut self, operation: &str, body: &Value) -> Option<(&'static str, Fault)> {
        let parts = body["TransactItems"].as_array().filter(|_| operation == "TransactWriteItems")?.len();
        let rng = self.weather.as_mut()?;
        let fault = match rng.u8(0..100) {
            0..5 => Fault::AnswerLost,
            5..15 => {
                let met = rng.usize(0..parts);
                let codes: Vec<_> =
                    (0..parts).map(|part| if part == met { "TransactionConflict" } else { "None" }).collect();
                cancelled_for(&codes)
            }
            15..18 => error(400, "ThrottlingException"),
            _ => return None,
        };
        let is_lost = matches!(fault, Fault::AnswerLost);
        let count = if is_lost { &mut self.weathered.0 } else { &mut self.weathered.1 };
        *count += 1;
        Some(("", fault))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Line { inner, script: Arc::clone(&self.script) })
    }
}

/// A request in progress, until this is dropped.
struct Arrival(Arc<Mutex<Script>>);

impl Drop for Arrival {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way.0 -= 1;
    }
}

#[derive(Clone)]
struct Line {
    inner: SharedHttpConnector,
    script: Arc<Mutex<Script>>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl HttpConnector for Line {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap().to_owned();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (fault, latency) = {
            let mut script = self.script.lock().unwrap();
            if !script.keeps_token && body.as_object_mut().unwrap().remove("ClientRequestToken").is_some() {
                let bytes = body.to_string();
                request.headers_mut().insert("content-length", bytes.len().to_string());
                *request.body_mut() = SdkBody::from(bytes);
            }
            let weather = script.weather(&operation, &body);
            script.requests.push((operation.clone(), body));
            script.under_way.0 += 1;
            script.under_way.1 = script.under_way.1.max(script.under_way.0);
            let next = script.faults.iter().position(|(name, _)| *name == operation);
            (next.and_then(|next| script.faults.remove(next)).or(weather), script.latency)
        };
        let inner = self.inner.clone();
        let arrives = Arrival(Arc::clone(&self.script));
        HttpConnectorFuture::new(async move {
            let _arrives = arrives;
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            match fault {
                None => inner.call(request).await,
                Some((_, Fault::Answer(status, body))) => Ok(response(status, &body)),
                Some((_, Fault::AnswerLost)) => {
                    inner.call(request).await?;
                    Err(ConnectorError::io("connection reset by peer".into()))
                }
                Some((_, Fault::AnswerReplaced(status, body))) => {
                    inner.call(request).await?;
                    Ok(response(status, &body))
                }
                Some((_, Fault::Meanwhile(work))) => {
                    work.await;
                    inner.call(request).await
                }
                Some((_, Fault::Late(delay))) => {
                    tokio::time::sleep(delay).await;
                    inner.call(request).await
                }
                Some((_, Fault::Silence)) => std::future::pending().await,
            }
        })
    }
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}
