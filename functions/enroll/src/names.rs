//! Aliases in requests: hashed before anything else happens to them.

use regulars_api::http::Problem;
use regulars_application::engine::Engine;
use regulars_domain::{account::Alias, id::ProgramId};
use regulars_store::{AliasMalformed, EMAIL_PATTERN, KIND_PATTERN, PHONE_PATTERN, VALUE_PATTERN};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// An alias of a member, such as an e-mail address, a phone number or a card number.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Alias", extend("allOf" = json!([
    { "if": { "properties": { "kind": { "const": "email" } } }, "then": { "properties": { "value": { "pattern": EMAIL_PATTERN } } } },
    { "if": { "properties": { "kind": { "const": "phone" } } }, "then": { "properties": { "value": { "pattern": PHONE_PATTERN } } } },
])))]
pub(crate) struct Name {
    /// The kind of the alias, such as `email`, `phone` or `card`, in lower case.
    #[schemars(regex(pattern = KIND_PATTERN), extend("not" = json!({ "enum": [".", ".."] })))]
    kind: String,
    /// The value. E-mail addresses are compared trimmed and in lower case, phone numbers as digits with their country code.
    #[schemars(regex(pattern = VALUE_PATTERN))]
    value: String,
}

impl Name {
    /// Returns the alias; `at` points to it in the body.
    pub(crate) async fn alias(&self, engine: &Engine, program: &ProgramId, at: &str) -> Result<Alias, Problem> {
        let key = engine.alias_key.key().await?;
        key.alias(program, &self.kind, &self.value).map_err(|malformed| {
            let field = match malformed {
                AliasMalformed::Kind | AliasMalformed::OtherWord(_) => "kind",
                AliasMalformed::Value | AliasMalformed::Email | AliasMalformed::Phone => "value",
            };
            Problem::body_malformed(format!("{at}/{field}"), format!("{malformed}."))
        })
    }
}

/// Maximum number of aliases in one request. Each is an item of the transaction, and some bytes of the account.
pub(crate) const NAMES_MAX: usize = 5;

/// Returns the aliases; `at` points to their list in the body.
///
/// # Errors
///
/// `body_malformed` for an invalid alias, for more than [`NAMES_MAX`], and for duplicates.
pub(crate) async fn aliases(
    engine: &Engine,
    program: &ProgramId,
    names: &[Name],
    at: &str,
) -> Result<Vec<Alias>, Problem> {
    if names.len() > NAMES_MAX {
        return Err(Problem::body_malformed(at, format!("One request can have at most {NAMES_MAX} aliases.")));
    }
    let mut aliases = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let alias = name.alias(engine, program, &format!("{at}/{index}")).await?;
        if aliases.contains(&alias) {
            return Err(Problem::body_malformed(format!("{at}/{index}"), "This alias is given twice."));
        }
        aliases.push(alias);
    }
    Ok(aliases)
}
