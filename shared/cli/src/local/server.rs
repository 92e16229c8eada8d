//! The HTTP server: takes requests where the gateway would, and gives them to the functions that the template names.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use regulars_api::http::{Problem, Routes, refuse};
use regulars_application::clock::MovableClock;
use regulars_application::refusal::RefusalCode;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::control::Control;
use super::failure::StartFailed;
use super::function::Function;
use super::gateway;

/// How long running requests are waited for when the server stops. A function ends sooner, the schedule run by hand can
/// be run again, and a caller who never finishes sending must not keep the process.
const STOP_DURATION_MAX: Duration = Duration::from_secs(10);

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
    serving: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug)]
struct Front {
    routes: Routes<Target>,
    control: Control,
    clock: MovableClock,
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
    pub(crate) fn start(
        listener: TcpListener,
        routes: Routes<Target>,
        control: Control,
        clock: MovableClock,
    ) -> Result<Self, StartFailed> {
        let address = listener.local_addr().map_err(StartFailed::new)?;
        let front = Arc::new(Front { routes, control, clock });
        let app = Router::new().fallback(answer).with_state(front);
        let (stop, stopped) = oneshot::channel::<()>();
        // The sender says stop, or is gone; either way it is over.
        let until = async { stopped.await.unwrap_or_default() };
        let serving = tokio::spawn(async { axum::serve(listener, app).with_graceful_shutdown(until).await });
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
        if tokio::time::timeout(STOP_DURATION_MAX, &mut serving).await.is_err() {
            tracing::warn!("some requests did not end and are dropped");
            serving.abort();
        }
    }
}

async fn answer(State(front): State<Arc<Front>>, request: Request<Body>) -> Response {
    // 128 bits, so that no request of any run has the id of another.
    let request_id = format!("{:032x}", fastrand::u128(..));
    let problem = match front.answer(request, &request_id).await {
        Ok(response) => return response,
        Err(problem) => problem,
    };
    let refused = refuse(&problem, &request_id).ok().and_then(gateway::response);
    refused.unwrap_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The whole body; `None` if it is larger than the gateway takes, or breaks off. Whatever a caller sends is read to its end
/// first, be it refused: who is still sending when the connection closes never sees the answer.
async fn read(mut body: Body) -> Option<Vec<u8>> {
    let mut whole = Some(Vec::new());
    let mut length: usize = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > BODY_BYTES_READ_MAX {
            return None;
        }
        whole = whole.filter(|_| length <= gateway::BODY_BYTES_MAX);
        if let Some(whole) = &mut whole {
            whole.extend_from_slice(&data);
        }
    }
    whole
}

impl Front {
    async fn answer(&self, request: Request<Body>, request_id: &str) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        let body = read(body).await;
        let found = self.routes.find(&parts.method, parts.uri.path())?;
        let body = body.ok_or_else(|| {
            let max = gateway::BODY_BYTES_MAX;
            Problem::new(
                RefusalCode::BodyTooLarge,
                format!("The body has more than the {max} bytes that the gateway takes."),
            )
        })?;
        let event = gateway::event(&parts, &body, found.path, request_id, self.clock.now());
        let answered = match found.operation {
            Target::Function(function) => function.call(event).await,
            Target::Control => self.control.handle(event).await,
        };
        let answer = answered.map_err(Problem::fault)?;
        gateway::response(answer).ok_or_else(|| Problem::fault("the function's answer is no HTTP response"))
    }
}
