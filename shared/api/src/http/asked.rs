//! What a handler requires of a request, as the type of its argument: the body that it reads, and whether it needs an
//! `Idempotency-Key`.
//!
//! A handler can read only what its signature says, and the description of its route is made from the signature. So a
//! route cannot take a body or a key that its description does not have.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use regulars_application::{body::Body, command::KeyedRequest};
use regulars_domain::{fingerprint::Content, program::DOCUMENT_BYTES_MAX};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    contract::{Asked, Key, SchemaOf, schema_of},
    problem::Problem,
    request::{HttpRequest, Precondition},
};

/// What a handler requires of a request.
pub trait Asks {
    /// Returns its description.
    fn asked() -> Asked;
}

/// Nothing: the handler reads no body and no key.
#[derive(Debug)]
pub enum Nothing {}

/// A body that is a `T`.
#[derive(Debug)]
pub struct Json<T>(PhantomData<T>);

/// A body that is a `T`, or no body, which means the default of `T`.
#[derive(Debug)]
pub struct Optional<T>(PhantomData<T>);

/// No body, or an object without fields.
#[derive(Debug)]
pub enum Empty {}

/// A program document, and the version that it replaces in `If-Match` or `If-None-Match`.
#[derive(Debug)]
pub enum Publication {}

/// An `Idempotency-Key`, and what `R` requires.
#[derive(Debug)]
pub struct Keyed<R>(PhantomData<R>);

/// An `Idempotency-Key` in some cases, and what `R` requires.
#[derive(Debug)]
pub struct KeyOptional<R>(PhantomData<R>);

/// Anything: the routes of the local server, which no document describes.
#[derive(Debug)]
pub enum Raw {}

impl Asks for Nothing {
    fn asked() -> Asked {
        Asked::default()
    }
}

impl Asks for Raw {
    fn asked() -> Asked {
        Asked::default()
    }
}

impl<T: JsonSchema> Asks for Json<T> {
    fn asked() -> Asked {
        Asked { body: Some(schema_of::<T>), is_body_required: true, ..Asked::default() }
    }
}

impl<T: JsonSchema> Asks for Optional<T> {
    fn asked() -> Asked {
        Asked { body: Some(schema_of::<T>), ..Asked::default() }
    }
}

impl Asks for Empty {
    fn asked() -> Asked {
        Asked { body: Some(schema_of::<NoFields>), ..Asked::default() }
    }
}

impl Asks for Publication {
    fn asked() -> Asked {
        let body: SchemaOf = schema_of::<Document>;
        Asked { body: Some(body), is_body_required: true, has_precondition: true, ..Asked::default() }
    }
}

impl<R: Asks> Asks for Keyed<R> {
    fn asked() -> Asked {
        Asked { key: Key::Required, ..R::asked() }
    }
}

impl<R: Asks> Asks for KeyOptional<R> {
    fn asked() -> Asked {
        Asked { key: Key::Optional, ..R::asked() }
    }
}

/// Requires a JSON body.
pub trait AsksJson {
    /// The body.
    type Body;
}

/// Accepts a JSON body that may be left out.
pub trait AsksOptional {
    /// The body.
    type Body;
}

/// Requires that there is no body.
pub trait AsksEmpty {}

/// Accepts or requires a key.
pub trait AsksKey {}

impl<T> AsksJson for Json<T> {
    type Body = T;
}

impl<R: AsksJson> AsksJson for Keyed<R> {
    type Body = R::Body;
}

impl<R: AsksJson> AsksJson for KeyOptional<R> {
    type Body = R::Body;
}

impl<T> AsksOptional for Optional<T> {
    type Body = T;
}

impl<R: AsksOptional> AsksOptional for Keyed<R> {
    type Body = R::Body;
}

impl AsksEmpty for Empty {}

impl<R: AsksEmpty> AsksEmpty for Keyed<R> {}

impl<R> AsksKey for Keyed<R> {}

impl<R> AsksKey for KeyOptional<R> {}

/// A request, of which a handler can read only what `R` names.
pub struct Request<'a, R = Raw> {
    request: &'a HttpRequest,
    asks: PhantomData<R>,
}

impl<R> Clone for Request<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Request<'_, R> {}

impl<R> fmt::Debug for Request<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}

impl<R> Deref for Request<'_, R> {
    type Target = HttpRequest;

    fn deref(&self) -> &HttpRequest {
        self.request
    }
}

impl<'a, R> Request<'a, R> {
    pub(crate) fn of(request: &'a HttpRequest) -> Self {
        Self { request, asks: PhantomData }
    }

    pub(crate) fn asking<Q>(self) -> Request<'a, Q> {
        Request::of(self.request)
    }
}

impl<R: AsksJson> Request<'_, R> {
    /// Returns the body as JSON, from which the handler reads its type once it has the key.
    ///
    /// # Errors
    ///
    /// `body_too_large`, `media_type_unsupported`, `body_malformed`.
    pub fn body(&self) -> Result<JsonBody<R::Body>, Problem> {
        Ok(JsonBody { body: self.request.body()?, read_as: PhantomData })
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// Those of [`Request::body`], also for fields that the type of the body rejects.
    pub fn json_body(&self) -> Result<R::Body, Problem>
    where
        R::Body: DeserializeOwned,
    {
        self.body()?.object()
    }
}

impl<R: AsksOptional> Request<'_, R> {
    /// Returns the body, or its default if the request has none.
    ///
    /// # Errors
    ///
    /// `body_too_large`, `media_type_unsupported`, `body_malformed`.
    pub fn json_body_or_default(&self) -> Result<R::Body, Problem>
    where
        R::Body: DeserializeOwned + Default,
    {
        self.request.json_body_or_default()
    }
}

impl<R: AsksEmpty> Request<'_, R> {
    /// Checks that there is no body, or one without fields.
    ///
    /// # Errors
    ///
    /// Those of [`Request::json_body_or_default`].
    pub fn no_body(&self) -> Result<(), Problem> {
        self.request.json_body_or_default::<NoFields>().map(|NoFields {}| ())
    }
}

impl<R: AsksKey> Request<'_, R> {
    /// Returns whether the request has an `Idempotency-Key`.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.request.header("idempotency-key").is_some()
    }

    /// Returns this request for `operation`, under its key; `content` is what else its fingerprint covers.
    ///
    /// # Errors
    ///
    /// `idempotency_key_missing`, `idempotency_key_malformed`.
    pub fn keyed(&self, operation: &str, content: &Value) -> Result<KeyedRequest, Problem> {
        self.request.keyed(operation, content)
    }

    /// Like [`Request::keyed`], for a request whose fingerprint does not depend on how its body is written.
    ///
    /// # Errors
    ///
    /// Those of [`Request::keyed`].
    pub fn keyed_by(&self, content: Content) -> Result<KeyedRequest, Problem> {
        self.request.keyed_by(content)
    }
}

impl Request<'_, Publication> {
    /// The program document.
    ///
    /// # Errors
    ///
    /// `body_too_large` above [`DOCUMENT_BYTES_MAX`], `media_type_unsupported`, `body_malformed`.
    pub fn document(&self) -> Result<Body, Problem> {
        self.request.body_within(DOCUMENT_BYTES_MAX)
    }

    /// Returns the version of the program that the caller expects.
    ///
    /// # Errors
    ///
    /// `precondition_missing` if there is neither `If-Match: "version"` nor `If-None-Match: *`; `program_version_stale`
    /// if `If-Match` is not the number of a version.
    pub fn precondition(&self) -> Result<Precondition, Problem> {
        self.request.precondition()
    }
}

impl Request<'_, Raw> {
    /// Returns the JSON body, at most `bytes_max` long.
    ///
    /// # Errors
    ///
    /// `body_too_large`, `media_type_unsupported`, `body_malformed`.
    pub fn body_within(&self, bytes_max: usize) -> Result<Body, Problem> {
        self.request.body_within(bytes_max)
    }

    /// The body, a JSON object, as a `T`.
    ///
    /// # Errors
    ///
    /// Those of [`Request::body_within`], also for fields that `T` rejects.
    pub fn json_body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        Ok(self.request.body()?.object()?)
    }

    /// Returns the body as a `T`, or its default if the request has no body.
    ///
    /// # Errors
    ///
    /// Those of [`Request::json_body`].
    pub fn json_body_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        self.request.json_body_or_default()
    }
}

/// A body that the handler has not yet read as its type.
#[derive(Clone, Debug)]
pub struct JsonBody<T> {
    body: Body,
    read_as: PhantomData<T>,
}

impl<T: DeserializeOwned> JsonBody<T> {
    /// Returns the body as it was sent.
    #[must_use]
    pub fn value(&self) -> &Value {
        self.body.value()
    }

    /// The body, a JSON object, as a `T`.
    ///
    /// # Errors
    ///
    /// `body_malformed` for what `T` rejects.
    pub fn object(&self) -> Result<T, Problem> {
        Ok(self.body.object()?)
    }
}

/// An object without fields.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// A program document.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Document(pub Value);

impl JsonSchema for Document {
    fn schema_name() -> Cow<'static, str> {
        "Program".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "description": "A program document." })
    }
}
