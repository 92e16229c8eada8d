//! Other names of a member, as a caller gives them: hashed before anything else happens to them.

use regulars_api::http::Problem;
use regulars_application::engine::Engine;
use regulars_domain::{account::Alias, id::ProgramId};
use regulars_store::AliasMalformed;
use serde::Deserialize;

/// An e-mail address, a phone, the number of a card.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Name {
    kind: String,
    value: String,
}

impl Name {
    /// The alias that this name is; `at` points to it in the body.
    pub(crate) fn alias(&self, engine: &Engine, program: &ProgramId, at: &str) -> Result<Alias, Problem> {
        let key = engine.alias_key.as_ref().ok_or_else(|| Problem::fault("the function has no ALIAS_KEY"))?;
        key.alias(program, &self.kind, &self.value).map_err(|malformed| {
            let field = match malformed {
                AliasMalformed::Kind => "kind",
                AliasMalformed::Value | AliasMalformed::Email | AliasMalformed::Phone => "value",
            };
            Problem::body_malformed(format!("{at}/{field}"), malformed.to_string())
        })
    }
}
