//! The operation of a route: who may call it, the handler, and its contract.

use std::{fmt, pin::Pin};

use ::http::Method;
use regulars_application::deadline::Deadline;

use regulars_application::refusal::RefusalCode;
use schemars::JsonSchema;

use super::{
    Params, Problem,
    asked::{Asks, Raw, Request},
    contract::{Answered, Asked, Contract, schema_of},
    query::Parameter,
    request::HttpRequest,
    response::{Answer, Sent, Succeeds},
    route::Routes,
    who::Who,
};

/// The future of a handler's answer.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Sent, Problem>> + Send + 'a>>;

/// One call of an operation whose handler requires `R`.
#[derive(Debug)]
pub struct Call<'a, E, R = Raw> {
    /// The engine of the function's handlers.
    pub engine: &'a E,
    /// The request.
    pub request: Request<'a, R>,
    /// The values in the path.
    pub params: &'a Params,
    /// The deadline of the answer.
    pub deadline: Deadline,
}

impl<'a, E> Call<'a, E> {
    pub(crate) fn new(engine: &'a E, request: &'a HttpRequest, params: &'a Params, deadline: Deadline) -> Self {
        Self { engine, request: Request::of(request), params, deadline }
    }

    /// Returns the same call, for a handler that requires `R`.
    #[must_use]
    pub fn asking<R>(self) -> Call<'a, E, R> {
        let Self { engine, request, params, deadline } = self;
        Call { engine, request: request.asking(), params, deadline }
    }
}

/// A handler in a table of routes.
pub type Handler<E> = for<'a> fn(Call<'a, E>) -> Answering<'a>;

/// A handler and its name, the path of its Rust function below the crate.
pub type Named<E> = (&'static str, Handler<E>);

/// A handler and the description from its signature, made by [`handler!`](crate::handler).
#[derive(Clone, Copy)]
pub struct Described<E> {
    named: Named<E>,
    asked: Asked,
    answered: Answered,
}

impl<E> Described<E> {
    /// Returns the handler `named`, which calls a function with this signature.
    pub fn new<'a, R, T, S, F>(named: Named<E>, _signature: impl FnOnce(Call<'a, E, R>) -> F) -> Self
    where
        E: 'a,
        R: Asks + 'a,
        T: JsonSchema,
        S: Succeeds,
        F: Future<Output = Result<Answer<T, S>, Problem>>,
    {
        Self { named, asked: R::asked(), answered: Answered { body: schema_of::<T>, successes: S::SUCCESSES } }
    }
}

impl<E> fmt::Debug for Described<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Described").field("name", &self.named.0).field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// An operation of a function whose handlers use an engine `E`.
pub struct Operation<E> {
    pub(crate) name: &'static str,
    pub(crate) who: Who,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) contract: Option<Contract>,
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
    fn under(self, prefix: &str) -> (Method, String, Operation<E>) {
        (self.method, format!("{prefix}{}", self.path), self.operation)
    }

    /// Returns a route with a name, and a summary in one sentence. It has no query parameters of its own.
    #[expect(clippy::needless_pass_by_value, reason = "`handler!` makes it in its place")]
    #[must_use]
    pub fn new(
        method: Method,
        path: &'static str,
        who: Who,
        described: Described<E>,
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        let Described { named: (handler_name, handler), asked, answered } = described;
        let contract = Contract { name, summary, asked, answered, parameters: &[], refusals: &[] };
        Self {
            method,
            path,
            operation: Operation { name: handler_name, who, parameters: &[], contract: Some(contract), handler },
        }
    }

    /// Returns a route of the local server, which no document describes.
    #[must_use]
    pub const fn raw(method: Method, path: &'static str, who: Who, (name, handler): Named<E>) -> Self {
        Self { method, path, operation: Operation { name, who, parameters: &[], contract: None, handler } }
    }

    /// Returns the same route with the refusals of its decision, besides those that follow from its path and what it
    /// requires.
    #[must_use]
    pub fn refusing(mut self, refusals: &'static [RefusalCode]) -> Self {
        if let Some(contract) = &mut self.operation.contract {
            contract.refusals = refusals;
        }
        self
    }

    /// Returns the same route with the query `parameters`.
    #[must_use]
    pub const fn taking(mut self, parameters: &'static [Parameter]) -> Self {
        self.operation.parameters = parameters;
        if let Some(contract) = &mut self.operation.contract {
            contract.parameters = parameters;
        }
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
        Self::new(rows.into_iter().map(|row| row.under(prefix)))
    }

    /// Returns these routes plus `rows`, whose paths begin with `prefix`.
    ///
    /// # Panics
    ///
    /// Those of [`Routes::under`].
    #[must_use]
    pub fn and_under(self, prefix: &str, rows: impl IntoIterator<Item = Route<E>>) -> Self {
        Self::new(self.into_rows().chain(rows.into_iter().map(|row| row.under(prefix))))
    }

    /// Returns the methods and paths of a function, who may call each, and its contract.
    pub fn contracts(&self) -> impl Iterator<Item = (&Method, &str, Who, &Contract)> {
        let described = |(method, path, operation)| {
            let Operation { who, contract, .. }: &Operation<E> = operation;
            Some((method, path, *who, contract.as_ref()?))
        };
        self.iter().filter_map(described)
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

/// Turns an `async fn` of one [`Call`](crate::http::Call) into a handler, with the description from its signature.
#[macro_export]
macro_rules! handler {
    ($handler:path) => {
        $crate::http::Described::new($crate::raw_handler!($handler), $handler)
    };
}

/// Turns an `async fn` of one [`Call`](crate::http::Call) into a handler of a table of routes.
#[macro_export]
macro_rules! raw_handler {
    ($handler:path) => {
        (stringify!($handler), |call| {
            Box::pin(async move { $handler(call.asking()).await.map($crate::http::Answer::into_sent) })
        })
    };
}
