//! `GET /v1/openapi.json` and `GET /v1/program.schema.json`: machine-readable documents, without a token.

use std::{borrow::Cow, sync::LazyLock};

use regulars_api::http::{Answer, Call, Nothing, Problem};
use regulars_application::engine::Engine;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

/// The committed documents. A test of the whole system compares them with the code.
static OPENAPI: Text = LazyLock::new(|| serde_json::from_str(include_str!("../../../contract/openapi.json")));
static PROGRAM_SCHEMA: Text =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../contract/program.schema.json")));

type Text = LazyLock<Result<Value, serde_json::Error>>;

/// A machine-readable document.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Contract(&'static Value);

impl JsonSchema for Contract {
    fn schema_name() -> Cow<'static, str> {
        "Contract".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "description": "A document that machines read." })
    }
}

pub(crate) async fn openapi(_: Call<'_, Engine, Nothing>) -> Result<Answer<Contract>, Problem> {
    answer(&OPENAPI)
}

pub(crate) async fn program_schema(_: Call<'_, Engine, Nothing>) -> Result<Answer<Contract>, Problem> {
    answer(&PROGRAM_SCHEMA)
}

fn answer(text: &'static Text) -> Result<Answer<Contract>, Problem> {
    match text.as_ref() {
        Ok(document) => Ok(Answer::ok(&Contract(document))),
        Err(error) => Err(Problem::fault(error.to_string())),
    }
}
