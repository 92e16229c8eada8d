//! The contract of a route: its request, its answers and its problems. Documents are made from it.

use ::http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{gateway::Gateway, problem::ProblemCode, query::Parameter, who::Who};
use regulars_application::refusal::RefusalCode;

/// Returns the schema of a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Returns the schema of `T`.
pub(crate) fn schema_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

/// Whether a request needs an `Idempotency-Key`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// The route reads no key.
    #[default]
    None,
    /// The route reads a key if there is one, or needs one in some cases.
    Optional,
    /// Every request needs a key.
    Required,
}

/// What a route requires of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The body; `None` if the route reads none.
    pub body: Option<SchemaOf>,
    /// Whether a request needs a body.
    pub is_body_required: bool,
    /// Whether a request needs a key.
    pub key: Key,
    /// Whether a request needs `If-Match` or `If-None-Match`.
    pub has_precondition: bool,
}

/// A header of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// `ETag`: the number of the newest version of a program.
    ETag,
    /// `Location`: the path of the created member.
    Location,
    /// `Idempotency-Replayed: true`, if the request was carried out before.
    Replayed,
}

/// A status with which a route answers a request that it carried out.
#[derive(Clone, Copy, Debug)]
pub struct Success {
    /// The status.
    pub status: StatusCode,
    /// What it means.
    pub meaning: &'static str,
    /// The headers that every answer with this status has.
    pub headers: &'static [Header],
    /// The headers that some answers with this status have.
    pub optional_headers: &'static [Header],
}

/// What a route answers.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The body of the answer.
    pub body: SchemaOf,
    /// The statuses.
    pub successes: &'static [Success],
}

/// The contract of a route.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// The name of the operation.
    pub name: &'static str,
    /// What the operation does, in one sentence.
    pub summary: &'static str,
    /// What it requires of a request.
    pub asked: Asked,
    /// What it answers.
    pub answered: Answered,
    /// Its query parameters.
    pub parameters: &'static [Parameter],
    /// The refusals of its decision, besides those that follow from the path and from what it requires.
    pub refusals: &'static [RefusalCode],
}

impl Contract {
    /// Returns all problems of a route: those that follow from who may call it, from its path and from what it
    /// requires, and those of its decision.
    #[must_use]
    pub fn problems(&self, who: Who, method: &Method, path: &str) -> Vec<ProblemCode> {
        use RefusalCode as Refused;
        let mut problems: Vec<ProblemCode> = self.refusals.iter().copied().map(ProblemCode::from).collect();
        let mut add = |applies: bool, codes: &[ProblemCode]| {
            if applies {
                problems.extend(codes);
            }
        };
        add(true, &[ProblemCode::QueryMalformed, ProblemCode::Internal, ProblemCode::StoreUnavailable]);
        add(
            !who.is_open_to_everyone(),
            &[
                ProblemCode::TokenMissing,
                ProblemCode::TokenInvalid,
                ProblemCode::ScopeMissing,
                // `Regulars-Actor` is malformed.
                Refused::BodyMalformed.into(),
            ],
        );
        add(path.contains("{program}"), &[Refused::ProgramNotFound.into()]);
        add(path.contains("{member}"), &[Refused::MemberNotFound.into()]);
        add(path.contains("{entry}"), &[Refused::EntryNotFound.into(), Refused::EntryAmbiguous.into()]);
        add(path.contains("{reward}"), &[Refused::RewardNotFound.into()]);
        add(path.contains("{code}"), &[Refused::CodeNotFound.into()]);
        add(path.contains("{version}"), &[Refused::VersionNotFound.into()]);
        add(path.contains("{entitlement}"), &[Refused::EntitlementNotFound.into()]);
        add(self.parameters.iter().any(|parameter| parameter.name() == "limit"), &[ProblemCode::LimitMalformed]);
        add(self.parameters.iter().any(|parameter| parameter.name() == "cursor"), &[ProblemCode::CursorMalformed]);
        add(
            self.asked.body.is_some(),
            &[Refused::BodyMalformed.into(), Refused::BodyTooLarge.into(), ProblemCode::MediaTypeUnsupported],
        );
        add(
            self.asked.key != Key::None,
            &[
                ProblemCode::IdempotencyKeyMissing,
                ProblemCode::IdempotencyKeyMalformed,
                Refused::IdempotencyKeyReused.into(),
            ],
        );
        add(self.asked.has_precondition, &[ProblemCode::PreconditionMissing]);
        add(*method != Method::GET || path.ends_with("/entries") || path.ends_with("/export"), &[ProblemCode::Busy]);
        problems.sort_by_key(|problem| (problem.status(), problem.as_str()));
        problems.dedup();
        problems
    }

    /// Returns the answers that a caller can get from the gateway itself.
    #[must_use]
    pub fn of_gateway(&self, who: Who) -> Vec<Gateway> {
        let all = Gateway::ALL.into_iter();
        all.filter(|answer| !(who.is_open_to_everyone() && answer.is_about_token())).collect()
    }
}
