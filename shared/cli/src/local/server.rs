//! The HTTP server: takes the place of the gateway, and passes requests to the functions of the template.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use regulars_api::http::{Problem, ProblemCode, Routes, decoded, refuse};
use regulars_application::clock::MovableClock;
use regulars_application::refusal::RefusalCode;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::token::Key;

use super::control::Control;
use super::failure::StartFailed;
use super::function::Function;
use super::{browser, gateway, layout};

/// Maximum time to wait for requests in progress when the server stops. Functions end sooner, a review can be run
/// again, and a caller that never finishes sending must not keep the process alive.
const STOP_DURATION_MAX: Duration = Duration::from_secs(10);

/// Maximum time for a caller to send the headers of a request, and its body. The gateway has a similar limit.
const ARRIVAL_DURATION_MAX: Duration = Duration::from_secs(30);

/// The pause before the server accepts connections again after the system refused one, for example without free file
/// handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Maximum number of bytes of a body to read before the connection is closed.
const BODY_BYTES_READ_MAX: usize = 64 * 1024 * 1024;

/// The target of a path.
#[derive(Debug)]
pub(crate) enum Target {
    /// A function of the template.
    Function {
        function: Function,
        /// Whether the gateway requires a token.
        needs_token: bool,
    },
    /// A route that only the local server has.
    Control,
}

/// A server that accepts requests.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// The front end between callers and functions.
#[derive(Debug)]
pub(crate) struct Front {
    routes: Routes<Target>,
    control: Control,
    clock: MovableClock,
    /// The key of tokens, if tokens are required.
    key: Option<Key>,
    /// Maximum time for headers to arrive, and for a body.
    arrival_duration_max: Duration,
}

impl Front {
    /// Returns a front end that accepts every caller, unless there is a `key`.
    pub(crate) fn new(routes: Routes<Target>, control: Control, clock: MovableClock, key: Option<Key>) -> Self {
        Self { routes, control, clock, key, arrival_duration_max: ARRIVAL_DURATION_MAX }
    }
}

/// Binds `port` on loopback; 0 chooses a free one. Requests are not answered yet.
pub(crate) async fn bind(port: u16) -> Result<TcpListener, StartFailed> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        if error.kind() == ErrorKind::AddrInUse {
            return StartFailed::new(format!("port {port} is in use; choose another with --port"));
        }
        StartFailed::new(format!("cannot listen on port {port}: {error}"))
    })
}

impl Server {
    /// Accepts requests.
    pub(crate) fn start(listener: TcpListener, front: Front) -> Result<Self, StartFailed> {
        let address = listener.local_addr().map_err(StartFailed::new)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(serve(listener, Arc::new(front), stopped));
        Ok(Server { address, stop, serving })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more requests and finishes those in progress.
    pub(crate) async fn stop(self) {
        let Server { stop, mut serving, .. } = self;
        // If there is no receiver, it has already stopped.
        let _ = stop.send(());
        if timeout(STOP_DURATION_MAX, &mut serving).await.is_err() {
            tracing::warn!("some requests did not end in time and were dropped");
            serving.abort();
        }
    }
}

/// Serves connections until `stopped` completes. Then it finishes the requests of open connections.
async fn serve(listener: TcpListener, front: Arc<Front>, mut stopped: oneshot::Receiver<()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(front.arrival_duration_max);
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The sender was used or dropped: both mean stop.
            _ = &mut stopped => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let front = Arc::clone(&front);
        let service = service_fn(move |request| {
            let front = Arc::clone(&front);
            async move { Ok::<_, Infallible>(front.respond(request).await) }
        });
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        // A broken connection concerns only its caller.
        tokio::spawn(async { connection.await.unwrap_or_default() });
    }
    drop(listener);
    connections.shutdown().await;
}

/// Reads the whole body, even of a request that is rejected: a caller that is still sending when the connection closes
/// never sees the answer.
///
/// # Errors
///
/// `body_too_large` if it is larger than the gateway accepts; `body_malformed` if it ends early, or its chunks are
/// malformed.
async fn read(mut body: Incoming) -> Result<Vec<u8>, Problem> {
    let mut whole = Some(Vec::new());
    let mut length: usize = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Problem::body_malformed("", "The body ends early, or its chunks are malformed."))?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > BODY_BYTES_READ_MAX {
            break;
        }
        whole = whole.filter(|_| length <= gateway::BODY_BYTES_MAX);
        if let Some(whole) = &mut whole {
            whole.extend_from_slice(&data);
        }
    }
    whole.ok_or_else(|| {
        let max = gateway::BODY_BYTES_MAX;
        Problem::new(
            RefusalCode::BodyTooLarge,
            format!("The body has more than {max} bytes, the maximum of the gateway."),
        )
    })
}

impl Front {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        // 128 bits, so that ids are unique over all runs.
        let request_id = format!("{:032x}", fastrand::u128(..));
        let (mut parts, body) = request.into_parts();
        let origin = browser::loopback_origin(&parts.headers);
        let is_laid_out = take_pretty(&mut parts) || is_for_a_person(&parts.headers);
        let answered = match browser::preflight(&parts.method, &parts.headers) {
            Some(allowed) => return allowed,
            None => self.answer(parts, body, &request_id).await,
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(problem) => refused(&problem, &request_id),
        };
        browser::allow(&mut response, origin);
        if is_laid_out { lay_out(response).await } else { response }
    }

    async fn answer(&self, parts: Parts, body: Incoming, request_id: &str) -> Result<Response<Full<Bytes>>, Problem> {
        let body = timeout(self.arrival_duration_max, read(body)).await;
        if parts.method == Method::GET && parts.uri.path() == "/" {
            let is_route = |path: &str| self.routes.find(&Method::GET, path).is_ok();
            let url = format!("http://{}", host(&parts.headers));
            return Ok(browser::page(&url, self.clock.now(), self.key.is_some(), is_route));
        }
        let path = decoded(parts.uri.path());
        let found = self.routes.find(&parts.method, &path)?;
        let claims = match (&self.key, found.operation) {
            (Some(key), Target::Function { needs_token: true, .. }) => Some(claims(key, &parts.headers)?),
            (Some(_), Target::Function { needs_token: false, .. } | Target::Control) | (None, _) => None,
        };
        let seconds = self.arrival_duration_max.as_secs();
        let late = |_| Problem::body_malformed("", format!("The body did not arrive within {seconds} seconds."));
        let body = body.map_err(late)??;
        let arrived =
            gateway::Arrived { parts: &parts, body: &body, path: &path, route: found.path, id: request_id, claims };
        let event = gateway::event(arrived, self.clock.now());
        let answered = match found.operation {
            Target::Function { function, .. } => function.call(event).await,
            Target::Control => self.control.handle(event).await,
        };
        let answer = answered.map_err(Problem::fault)?;
        gateway::response(answer).ok_or_else(|| Problem::fault("the function's answer is not an HTTP response"))
    }
}

/// Returns the answer to a rejected request.
fn refused(problem: &Problem, request_id: &str) -> Response<Full<Bytes>> {
    let refused = refuse(problem, request_id).ok().and_then(gateway::response);
    refused.unwrap_or_else(|| {
        let mut broken = Response::default();
        *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        broken
    })
}

/// Removes `pretty` from the query, and returns whether it was there. It requests formatted JSON, and functions do not
/// know it.
fn take_pretty(parts: &mut Parts) -> bool {
    let Some(query) = parts.uri.query() else { return false };
    let is_pretty = |pair: &&str| *pair == "pretty" || pair.starts_with("pretty=");
    if !query.split('&').any(|pair| is_pretty(&pair)) {
        return false;
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_pretty(pair)).collect();
    let path = parts.uri.path();
    let uri = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    // A URI without its query, or with less of it, is a URI.
    parts.uri = uri.parse().unwrap_or_default();
    true
}

/// Returns whether a person reads the answer, in a terminal or a browser.
fn is_for_a_person(headers: &HeaderMap) -> bool {
    let is_curl = headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"curl/"));
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    is_curl || accepts.is_some_and(|accept| accept.contains("text/html"))
}

/// Returns the host that a request names, if it is a plain name and port; otherwise the default.
fn host(headers: &HeaderMap) -> &str {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
    host.filter(is_plain).unwrap_or("127.0.0.1:8787")
}

/// Formats the JSON of an answer, which then ends with a line break.
async fn lay_out(response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().ends_with(b"json"));
    if !is_json {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // A body in memory is complete and cannot fail.
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    head.headers.remove(CONTENT_LENGTH);
    let text = layout::laid_out(&bytes).map_or(bytes, Bytes::from);
    Response::from_parts(head, Full::new(text))
}

/// Returns the claims of the token of a request.
///
/// # Errors
///
/// `token_missing`, `token_invalid`.
fn claims(key: &Key, headers: &HeaderMap) -> Result<Map<String, Value>, Problem> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        let detail = "Send the header Authorization: Bearer, with a token that `regulars token` prints.";
        return Err(Problem::unauthorized(ProblemCode::TokenMissing, detail));
    };
    let invalid = |detail: String| Problem::unauthorized(ProblemCode::TokenInvalid, detail);
    let token = header.to_str().ok().and_then(|value| value.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            key.claims(token.trim()).map_err(|error| invalid(format!("The token is not accepted: {error}.")))
        }
        Some(_) | None => Err(invalid("The header Authorization must be Bearer and a token.".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    use super::super::{clock::KeptClock, dynamo::Data};
    use super::*;

    const WAIT: Duration = Duration::from_millis(300);

    /// A server that waits for [`WAIT`] and answers its own routes alone.
    async fn server() -> Server {
        server_with(None, WAIT).await
    }

    /// The same with what the daily schedule starts.
    async fn server_with(tier_evaluation: Option<Function>, arrival_duration_max: Duration) -> Server {
        let clock = KeptClock::open(&Data::Memory, None).unwrap();
        let routes = Control::routes().map(|(method, path)| (method.clone(), path.to_owned(), Target::Control));
        let (routes, moved) = (Routes::new(routes), clock.clock().clone());
        let front = Front::new(routes, Control::new(clock, tier_evaluation, None, None), moved, None);
        let listener = bind(0).await.unwrap();
        Server::start(listener, Front { arrival_duration_max, ..front }).unwrap()
    }

    /// Sends `bytes`, keeps the connection open, and returns what the server sent until it closed the connection.
    async fn exchange(server: &Server, bytes: &[u8]) -> (String, Duration) {
        let began = Instant::now();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("it closes").unwrap_or_default();
        (String::from_utf8(answer).unwrap(), began.elapsed())
    }

    const PUT: &str = "PUT /local/clock HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";

    #[tokio::test]
    async fn malformed_chunks_are_a_malformed_body() {
        let server = server().await;
        for chunks in
            ["zz\r\n{}\r\n0\r\n\r\n", "-1\r\n{}\r\n0\r\n\r\n", "2\r\n{}xx\r\n0\r\n\r\n", "fffffffffffffffff\r\n{}"]
        {
            let (answer, _) =
                exchange(&server, format!("{PUT}transfer-encoding: chunked\r\n\r\n{chunks}").as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{chunks:?}: {answer}");
            assert!(answer.contains("body_malformed"), "{chunks:?}: {answer}");
        }
        let whole = format!(
            "{PUT}transfer-encoding: chunked\r\n\r\n1d\r\n{{\"now\":\"2999-01-01T00:00:00Z\"\r\n1\r\n}}\r\n0\r\n\r\n"
        );
        let (answer, _) = exchange(&server, whole.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        server.stop().await;
    }

    #[tokio::test]
    async fn what_does_not_arrive_is_not_waited_for() {
        let server = server().await;
        for (sent, answered) in [
            (String::new(), ""),
            ("PUT /local/clock HTTP/1.1\r\nhost: x\r\nx-".to_owned(), ""),
            (format!("{PUT}content-length: 100\r\n\r\n{{"), "HTTP/1.1 400"),
            (format!("{PUT}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n"), "HTTP/1.1 400"),
        ] {
            let (answer, took) = exchange(&server, sent.as_bytes()).await;
            assert!(answer.starts_with(answered) && answer.is_empty() == answered.is_empty(), "{sent:?}: {answer}");
            assert!((WAIT..WAIT * 10).contains(&took), "{sent:?}: {took:?}");
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn one_that_waits_does_not_keep_the_others_waiting() {
        let server = server().await;
        let mut slow = TcpStream::connect(server.address()).await.unwrap();
        slow.write_all(b"GET /local/cl").await.unwrap();
        let began = Instant::now();
        let (answer, _) = exchange(&server, b"GET /local/clock HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(began.elapsed() < WAIT);
        server.stop().await;
    }

    const GET_CLOCK: &[u8] = b"GET /local/clock HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_body_that_comes_byte_by_byte_does_not_keep_the_others_waiting() {
        let server = server_with(None, Duration::from_mins(1)).await;
        let body = b"{\"now\":\"2999-01-01T00:00:00Z\"}";
        let mut slow = TcpStream::connect(server.address()).await.unwrap();
        slow.write_all(format!("{PUT}content-length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
        for byte in body.chunks(1) {
            slow.write_all(byte).await.unwrap();
            let (answer, _) = exchange(&server, GET_CLOCK).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let mut answer = String::new();
        slow.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("2999-01-01"), "{answer}");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_review_that_runs_does_not_keep_the_others_waiting() {
        let page = json!({
            "cursor": null, "reviewed": 0, "changed": 0, "conflicted": 0, "failed": 0, "conflicted_accounts": [], "failed_accounts": []
        });
        // 256 shards take far longer than the test.
        let slow = Function::new(WAIT, move |_, _| {
            let page = page.clone();
            async move {
                tokio::time::sleep(WAIT).await;
                Ok(page)
            }
        });
        let server = server_with(Some(slow), WAIT).await;
        let mut review = TcpStream::connect(server.address()).await.unwrap();
        review.write_all(b"POST /local/run/tier-evaluation HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        for _ in 0..5 {
            let (answer, _) = exchange(&server, GET_CLOCK).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let mut byte = [0];
        assert!(timeout(WAIT, review.read(&mut byte)).await.is_err(), "the review is still running");
    }

    #[tokio::test]
    async fn an_answer_is_laid_out_for_those_who_read_it_in_a_terminal() {
        let server = server().await;
        let head = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
        for (request, is_laid_out) in [
            (format!("GET /local/clock {head}\r\n"), false),
            (format!("GET /local/clock {head}user-agent: curl/8.5.0\r\n\r\n"), true),
            (format!("GET /local/clock?pretty {head}\r\n"), true),
            (format!("GET /local/clock {head}accept: text/html,*/*;q=0.8\r\n\r\n"), true),
            (format!("GET /local/events?limit=5&pretty=true {head}\r\n"), true),
            (format!("GET /local/nothing {head}user-agent: curl/8.5.0\r\n\r\n"), true),
        ] {
            let (answer, _) = exchange(&server, request.as_bytes()).await;
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(
                (body.ends_with('\n'), body.starts_with("{\n") || body.starts_with("{ ")),
                (is_laid_out, is_laid_out),
                "{request}: {answer}"
            );
            assert!(serde_json::from_str::<Value>(body).is_ok(), "{answer}");
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn pages_of_this_machine_may_read_answers_and_other_pages_may_not() {
        let server = server().await;
        let send = async |origin: &str, request: &str, more: &str| {
            let head = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: {origin}\r\n{more}\r\n");
            exchange(&server, head.as_bytes()).await.0
        };
        let asks = "access-control-request-method: PUT\r\n";
        let own = "access-control-allow-origin: http://localhost:5173\r\n";
        let preflight = send("http://localhost:5173", "OPTIONS /local/clock", asks).await;
        assert!(preflight.starts_with("HTTP/1.1 204") && preflight.contains(own), "{preflight}");
        for path in ["/local/clock", "/local/nothing"] {
            let answer = send("http://localhost:5173", &format!("GET {path}"), "").await;
            assert!(answer.contains(own), "{answer}");
            let answer = send("http://example.com", &format!("GET {path}"), "").await;
            assert!(!answer.contains("access-control") && answer.contains("vary: Origin"), "{answer}");
        }
        let refused = send("http://example.com", "OPTIONS /local/clock", asks).await;
        assert!(refused.starts_with("HTTP/1.1 405") && !refused.contains("access-control"), "{refused}");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_browser_gets_a_page() {
        let server = server().await;
        let (answer, _) = exchange(&server, b"GET / HTTP/1.1\r\nhost: localhost:1\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-type: text/html"), "{answer}");
        assert!(
            answer.contains("href=\"/local/clock\"") && answer.contains("curl -sS -X PUT http://localhost:1/"),
            "{answer}"
        );
        assert!(!answer.contains("src=") && !answer.contains("<script"), "{answer}");
        server.stop().await;
    }
}
