//! The operation of a route: who may call it, its query parameters, and the handler.

use std::{fmt, pin::Pin};

use ::http::Method;
use regulars_application::deadline::Deadline;

use super::{Answer, HttpRequest, Params, Problem, query::Parameter, route::Routes, who::Who};

/// The future answer of a handler.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>>;

/// One call of an operation.
#[derive(Debug)]
pub struct Call<'a, E> {
    /// The engine of the function.
    pub engine: &'a E,
    /// The request.
    pub request: &'a HttpRequest,
    /// The values in the path.
    pub params: &'a Params,
    /// When the answer is due.
    pub deadline: Deadline,
}

/// A handler, written as [`handler!`](crate::handler).
pub type Handler<E> = for<'a> fn(Call<'a, E>) -> Answering<'a>;

/// A handler and its name, the path of its Rust function below the crate.
pub type Named<E> = (&'static str, Handler<E>);

/// An operation of a function whose engine is an `E`.
pub struct Operation<E> {
    pub(crate) name: &'static str,
    pub(crate) who: Who,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) handler: Handler<E>,
}

/// A row in the table of a function's routes: method, path, who may call it, and the handler.
#[derive(Debug)]
pub struct Route<E> {
    method: Method,
    path: &'static str,
    operation: Operation<E>,
}

impl<E> Route<E> {
    /// Returns a route without query parameters of its own.
    #[must_use]
    pub const fn new(method: Method, path: &'static str, who: Who, (name, handler): Named<E>) -> Self {
        Self { method, path, operation: Operation { name, who, parameters: &[], handler } }
    }

    /// Returns the same route with the query `parameters`.
    #[must_use]
    pub const fn taking(mut self, parameters: &'static [Parameter]) -> Self {
        self.operation.parameters = parameters;
        self
    }
}

impl<E> Routes<Operation<E>> {
    /// Returns the routes of a function, whose paths begin with `prefix`.
    ///
    /// # Panics
    ///
    /// Two paths are ambiguous. Tables are constants, so the first test that uses one shows this.
    pub fn under(prefix: &str, rows: impl IntoIterator<Item = Route<E>>) -> Self {
        let row = |Route { method, path, operation }| (method, format!("{prefix}{path}"), operation);
        Self::new(rows.into_iter().map(row))
    }

    /// Returns the names of the operations, as the log has them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.iter().map(|(_, _, operation)| operation.name)
    }

    /// Returns the methods and paths of a function, and who may call each.
    pub fn callers(&self) -> impl Iterator<Item = (&Method, &str, Who)> {
        self.iter().map(|(method, path, operation)| (method, path, operation.who))
    }
}

impl<E> fmt::Debug for Operation<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("name", &self.name)
            .field("who", &self.who)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// Turns an `async fn` of one [`Call`](crate::http::Call) into a handler for a table of routes.
#[macro_export]
macro_rules! handler {
    ($handler:path) => {
        (stringify!($handler), |call| Box::pin($handler(call)))
    };
}
