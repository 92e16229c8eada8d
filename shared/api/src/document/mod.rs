//! The OpenAPI document: every route with its request and its answers, made from the tables that serve the requests.

mod operation;
pub(crate) mod schemas;

use serde_json::{Map, Value, json};

use self::schemas::Schemas;
use crate::http::{Gateway, Operation, ProblemCode, Routes, Scope};

/// The name of the security scheme.
const TOKEN: &str = "token";

/// An OpenAPI document that functions are added to.
#[derive(Debug, Default)]
pub struct OpenApi {
    paths: Map<String, Value>,
    tags: Vec<Value>,
    schemas: Schemas,
}

impl OpenApi {
    /// Adds the routes of a function, under its name as a tag.
    #[must_use]
    pub fn with_function<E>(mut self, name: &str, about: &str, routes: &Routes<Operation<E>>) -> Self {
        self.tags.push(json!({ "name": name, "description": about }));
        for (method, path, who, contract) in routes.contracts() {
            let operation = operation::describe(&mut self.schemas, name, (method, path, who), contract);
            let item = self.paths.entry(path.to_owned()).or_insert_with(|| json!({}));
            if let Some(item) = item.as_object_mut() {
                item.insert(method.as_str().to_ascii_lowercase(), operation);
            }
        }
        self
    }

    /// Returns the document, in which `program` is the schema of a program document.
    #[must_use]
    pub fn document(self, version: &str, program: &Value) -> Value {
        let scopes: Map<String, Value> =
            Scope::ALL.iter().map(|scope| (scope.as_str().to_owned(), scope.meaning().into())).collect();
        let mut document = json!({
            "openapi": "3.1.0",
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "info": {
                "title": "Regulars",
                "version": version,
                "summary": "A loyalty engine: members, points, tiers and rewards.",
                "description": DESCRIPTION,
                "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            },
            "servers": [
                { "url": "http://127.0.0.1:8787", "description": "The local server." },
                {
                    "url": "https://{api}.execute-api.{region}.amazonaws.com",
                    "description": "The stack in your AWS account. Its output `ApiUrl` is the address.",
                    "variables": { "api": { "default": "api" }, "region": { "default": "eu-central-1" } },
                },
            ],
            "security": [{ TOKEN: [] }],
            "tags": self.tags,
            "paths": self.paths,
            "components": {
                "securitySchemes": {
                    TOKEN: {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "A token of the issuer that the stack trusts. Each operation lists the scopes of which the token needs \
                                        one. The local server needs a token only if it was started with `--auth`.",
                        "x-scopes": scopes,
                    },
                },
            },
            "x-problems": problems(),
            "x-gateway": gateway(),
        });
        self.schemas.put_into(&mut document, program);
        document
    }
}

const DESCRIPTION: &str = "Amounts of money are whole minor units of a currency. Instants are RFC 3339 with an offset, days are ISO 8601 \
                           dates in the time zone of the program. A request under an `Idempotency-Key` is carried out once: a repeat \
                           gets the first answer, with `Idempotency-Replayed: true`. Problems are RFC 9457 documents with a stable \
                           `code`. Fields and codes may be added; a client ignores what it does not know.";

/// All problems of the API, by their codes.
fn problems() -> Map<String, Value> {
    let shown = ProblemCode::all().filter(|problem| problem.as_str() != "clock_moved_back");
    let row = |problem: ProblemCode| {
        let about = json!({
            "status": problem.status().as_u16(),
            "title": problem.title(),
            "meaning": problem.meaning(),
            "remedy": problem.remedy(),
        });
        (problem.as_str().to_owned(), about)
    };
    shown.map(row).collect()
}

/// The answers of the gateway itself.
fn gateway() -> Vec<Value> {
    let row = |answer: Gateway| json!({ "status": answer.status().as_u16(), "message": answer.message(), "meaning": answer.meaning() });
    Gateway::ALL.into_iter().map(row).collect()
}
