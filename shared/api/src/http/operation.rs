//! What a route leads to: who may call it, what it takes in its query, and the handler.

use std::{fmt, pin::Pin};

use ::http::Method;
use regulars_application::deadline::Deadline;

use super::{Answer, HttpRequest, Params, Problem, query::Parameter, route::Routes, who::Who};

/// What a handler answers, later.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>>;

/// One call of an operation.
#[derive(Debug)]
pub struct Call<'a, E> {
    /// What the handlers of a function work with.
    pub engine: &'a E,
    /// The request.
    pub request: &'a HttpRequest,
    /// What the path names.
    pub params: &'a Params,
    /// When the answer is due.
    pub deadline: Deadline,
}

/// A handler, which is written as [`handler!`](crate::handler).
pub type Handler<E> = for<'a> fn(Call<'a, E>) -> Answering<'a>;

/// An operation of a function whose handlers work with an `E`.
pub struct Operation<E> {
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
    /// A route that takes no parameters of its own in the query.
    #[must_use]
    pub const fn new(method: Method, path: &'static str, who: Who, handler: Handler<E>) -> Self {
        Self { method, path, operation: Operation { who, parameters: &[], handler } }
    }

    /// The same route, which takes `parameters` in the query.
    #[must_use]
    pub const fn taking(mut self, parameters: &'static [Parameter]) -> Self {
        self.operation.parameters = parameters;
        self
    }
}

impl<E> Routes<Operation<E>> {
    /// The routes of a function, whose paths begin with `prefix`.
    ///
    /// # Panics
    ///
    /// If two paths cannot be told apart. Tables are constants, so this shows in the first test that uses one.
    pub fn under(prefix: &str, rows: impl IntoIterator<Item = Route<E>>) -> Self {
        let row = |Route { method, path, operation }| (method, format!("{prefix}{path}"), operation);
        Self::new(rows.into_iter().map(row))
    }

    /// The methods and paths of a function, and who may call each.
    pub fn callers(&self) -> impl Iterator<Item = (&Method, &str, Who)> {
        self.iter().map(|(method, path, operation)| (method, path, operation.who))
    }
}

impl<E> fmt::Debug for Operation<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("who", &self.who)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// A handler, which is an `async fn` of one [`Call`](crate::http::Call), as a table of routes holds it.
#[macro_export]
macro_rules! handler {
    ($handler:path) => {
        |call| Box::pin($handler(call))
    };
}
