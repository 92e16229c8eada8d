//! The HTTP server: takes requests where the gateway would, and gives them to the functions that the template names.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response, StatusCode};
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
use super::gateway;

/// How long running requests are waited for when the server stops. A function ends sooner, the schedule run by hand can
/// be run again, and a caller who never finishes sending must not keep the process.
const STOP_DURATION_MAX: Duration = Duration::from_secs(10);

/// How long a caller may take to send the headers of a request, and its body. The gateway waits about as long.
const ARRIVAL_DURATION_MAX: Duration = Duration::from_secs(30);

/// How long the server waits before it accepts again when the system refuses a connection, for want of file handles say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How much of a body is read before its sender is cut off.
const BODY_BYTES_READ_MAX: usize = 64 * 1024 * 1024;

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A function of the template.
    Function(Function),
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

/// What stands between callers and functions.
#[derive(Debug)]
pub(crate) struct Front {
    routes: Routes<Target>,
    control: Control,
    clock: MovableClock,
    /// The key of the tokens that the functions demand, if they do.
    key: Option<Key>,
    /// How long headers may take to arrive, and a body.
    arrival_duration_max: Duration,
}

impl Front {
    /// A front that lets everyone through, unless `key` is there.
    pub(crate) fn new(routes: Routes<Target>, control: Control, clock: MovableClock, key: Option<Key>) -> Self {
        Self { routes, control, clock, key, arrival_duration_max: ARRIVAL_DURATION_MAX }
    }
}

/// Takes `port` on loopback, 0 for any that is free. Nothing is answered yet.
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

    /// Accepts no more requests and finishes those that run.
    pub(crate) async fn stop(self) {
        let Server { stop, mut serving, .. } = self;
        // It has stopped already if nobody hears this.
        let _ = stop.send(());
        if timeout(STOP_DURATION_MAX, &mut serving).await.is_err() {
            tracing::warn!("some requests did not end and are dropped");
            serving.abort();
        }
    }
}

/// Serves connections until `stopped` says stop, and then those that are open to the end of their requests.
async fn serve(listener: TcpListener, front: Arc<Front>, mut stopped: oneshot::Receiver<()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(front.arrival_duration_max);
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The sender says stop, or is gone; either way it is over.
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
        // A connection that breaks is its caller's affair.
        tokio::spawn(async { connection.await.unwrap_or_default() });
    }
    drop(listener);
    connections.shutdown().await;
}

/// The whole body. Whatever a caller sends is read to its end first, be it refused: who is still sending when the connection closes
/// never sees the answer.
///
/// # Errors
///
/// `body_too_large` if it is larger than the gateway takes; `body_malformed` if it breaks off, or its chunks are no chunks.
async fn read(mut body: Incoming) -> Result<Vec<u8>, Problem> {
    let mut whole = Some(Vec::new());
    let mut length: usize = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Problem::body_malformed("", "The body breaks off, or its chunks are malformed."))?;
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
            format!("The body has more than the {max} bytes that the gateway takes."),
        )
    })
}

impl Front {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        // 128 bits, so that no request of any run has the id of another.
        let request_id = format!("{:032x}", fastrand::u128(..));
        let problem = match self.answer(request, &request_id).await {
            Ok(response) => return response,
            Err(problem) => problem,
        };
        let refused = refuse(&problem, &request_id).ok().and_then(gateway::response);
        refused.unwrap_or_else(|| {
            let mut broken = Response::default();
            *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            broken
        })
    }

    async fn answer(&self, request: Request<Incoming>, request_id: &str) -> Result<Response<Full<Bytes>>, Problem> {
        let (parts, body) = request.into_parts();
        let body = timeout(self.arrival_duration_max, read(body)).await;
        let path = decoded(parts.uri.path());
        let found = self.routes.find(&parts.method, &path)?;
        let claims = match (&self.key, found.operation) {
            (Some(key), Target::Function(_)) => Some(claims(key, &parts.headers)?),
            (Some(_), Target::Control) | (None, _) => None,
        };
        let seconds = self.arrival_duration_max.as_secs();
        let late = |_| Problem::body_malformed("", format!("The body did not arrive within {seconds} seconds."));
        let body = body.map_err(late)??;
        let arrived =
            gateway::Arrived { parts: &parts, body: &body, path: &path, route: found.path, id: request_id, claims };
        let event = gateway::event(arrived, self.clock.now());
        let answered = match found.operation {
            Target::Function(function) => function.call(event).await,
            Target::Control => self.control.handle(event).await,
        };
        let answer = answered.map_err(Problem::fault)?;
        gateway::response(answer).ok_or_else(|| Problem::fault("the function's answer is no HTTP response"))
    }
}

/// What the token of a request says.
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    use super::super::{clock::KeptClock, dynamo::Data};
    use super::*;

    const WAIT: Duration = Duration::from_millis(300);

    /// A server that waits for [`WAIT`] and answers its own routes alone.
    async fn server() -> Server {
        let clock = KeptClock::open(&Data::Memory, None).unwrap();
        let routes = Control::routes().map(|(method, path)| (method.clone(), path.to_owned(), Target::Control));
        let (routes, moved) = (Routes::new(routes), clock.clock().clone());
        let front = Front::new(routes, Control::new(clock, None, None), moved, None);
        let listener = bind(0).await.unwrap();
        Server::start(listener, Front { arrival_duration_max: WAIT, ..front }).unwrap()
    }

    /// Sends `bytes`, keeps the connection open, and tells what came back until the server closed it.
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
}
