//! Refusals and faults as the caller sees them: RFC 9457 problem documents, and the only status codes of refusals.

use std::error::Error;
use std::fmt;

use ::http::header::{ALLOW, HeaderName, RETRY_AFTER};
use ::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

const TYPE_PREFIX: &str = "https://regulars.dev/problems/";

/// How long a caller is asked to wait after a 503, in seconds.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The longest detail that is sent, in characters: it may quote the caller's own input.
const DETAIL_CHARACTERS_MAX: usize = 500;

/// Why a request was not done, by its stable name. The names, statuses and titles are part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// A request that writes came without an `Idempotency-Key`.
    IdempotencyKeyMissing,
    /// The `Idempotency-Key` is not 1 to 64 of `A-Z a-z 0-9 . _ : -`.
    IdempotencyKeyMalformed,
    /// The body is not the JSON that the route takes; the member `at` points to the place.
    BodyMalformed,
    /// The `cursor` was not given out by this list.
    CursorMalformed,
    /// The `limit` is not a whole number within its bounds.
    LimitMalformed,
    /// The caller's token does not carry the scope of the route.
    ScopeMissing,
    /// No program has this id.
    ProgramNotFound,
    /// No member has this id or alias, or the caller may not see it.
    MemberNotFound,
    /// The program has no version with this number, or it was withdrawn.
    VersionNotFound,
    /// The member has no entry with this id.
    EntryNotFound,
    /// The program has no reward with this id.
    RewardNotFound,
    /// The reward has no such code.
    CodeNotFound,
    /// The program has no tier with this id.
    TierNotFound,
    /// The program has no plan with this id.
    PlanNotFound,
    /// No level and no plan of the program gives an entitlement with this id.
    EntitlementNotFound,
    /// No route has this path.
    RouteNotFound,
    /// The path is known, the method is not allowed on it.
    MethodNotAllowed,
    /// A member with this id was enrolled with another body.
    MemberExists,
    /// The alias belongs to another member.
    AliasTaken,
    /// The account is suspended.
    AccountSuspended,
    /// The account is closed, erased or merged.
    AccountClosed,
    /// The account has open holds, and cannot be merged.
    HoldsOpen,
    /// The two accounts together have more of something than one may.
    MergeTooLarge,
    /// The accrual does not wait for a confirmation.
    AccrualNotPending,
    /// The redemption is not held, so it can be neither captured nor cancelled.
    RedemptionNotHeld,
    /// The program has another version than the one the caller changed.
    ProgramVersionStale,
    /// Another version is scheduled; the members `version` and `in_force_from` say which, and until when to wait.
    VersionScheduled,
    /// The version is in force, or begins too soon to be withdrawn.
    VersionInForce,
    /// The program has as many versions as it can have.
    VersionsFull,
    /// The body is larger than the route takes.
    BodyTooLarge,
    /// The body is not `application/json`.
    MediaTypeUnsupported,
    /// The `Idempotency-Key` was used for another request.
    IdempotencyKeyReused,
    /// The account has fewer points than are needed; the member `missing` says how many are.
    InsufficientPoints,
    /// No reward of this kind is left.
    RewardOutOfStock,
    /// The reward's codes do not come from a pool, so none can be added.
    RewardWithoutPool,
    /// The reward is for other tiers.
    RewardNotForTier,
    /// The reward's own condition does not hold for this member.
    RewardNotForMember,
    /// The reward is not on offer now.
    RewardNotActive,
    /// The member has had the reward as often as allowed.
    RewardLimitReached,
    /// The member's level and plan do not give the entitlement.
    EntitlementNotHeld,
    /// The member has used the entitlement as often as allowed; the member `resets_on` says when it can be used again.
    EntitlementUsedUp,
    /// The hold has ended and its points were given back.
    HoldExpired,
    /// The account has as many open holds as allowed.
    HoldsFull,
    /// More would be taken back than was given.
    ReversalExceedsAccrual,
    /// The purchase or activity is too old, or in the future.
    OccurredAtOutOfRange,
    /// The money is not in the program's currency.
    CurrencyMismatch,
    /// The program document has faults; the member `problems` lists all of them.
    ProgramInvalid,
    /// The points would leave the range that the engine counts in.
    PointsOverflow,
    /// The local server's clock does not move back.
    ClockMovedBack,
    /// Publishing needs `If-Match` or `If-None-Match`.
    PreconditionMissing,
    /// We broke.
    Internal,
    /// The account was changed by others each time we tried; trying again helps.
    Busy,
    /// The table could not be reached.
    StoreUnavailable,
}

impl Code {
    /// The HTTP status of the problem.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.row().0
    }

    /// The stable name, such as `insufficient_points`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// A short text for people, the same each time the problem occurs.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().2
    }

    #[rustfmt::skip]
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Code::IdempotencyKeyMissing => (StatusCode::BAD_REQUEST, "idempotency_key_missing", "Idempotency-Key is missing"),
            Code::IdempotencyKeyMalformed => (StatusCode::BAD_REQUEST, "idempotency_key_malformed", "Idempotency-Key is malformed"),
            Code::BodyMalformed => (StatusCode::BAD_REQUEST, "body_malformed", "The body is malformed"),
            Code::CursorMalformed => (StatusCode::BAD_REQUEST, "cursor_malformed", "The cursor is malformed"),
            Code::LimitMalformed => (StatusCode::BAD_REQUEST, "limit_malformed", "The limit is malformed"),
            Code::ScopeMissing => (StatusCode::FORBIDDEN, "scope_missing", "The token does not allow this"),
            Code::ProgramNotFound => (StatusCode::NOT_FOUND, "program_not_found", "No such program"),
            Code::MemberNotFound => (StatusCode::NOT_FOUND, "member_not_found", "No such member"),
            Code::VersionNotFound => (StatusCode::NOT_FOUND, "version_not_found", "No such version"),
            Code::EntryNotFound => (StatusCode::NOT_FOUND, "entry_not_found", "No such entry"),
            Code::RewardNotFound => (StatusCode::NOT_FOUND, "reward_not_found", "No such reward"),
            Code::CodeNotFound => (StatusCode::NOT_FOUND, "code_not_found", "No such code"),
            Code::TierNotFound => (StatusCode::NOT_FOUND, "tier_not_found", "No such tier"),
            Code::PlanNotFound => (StatusCode::NOT_FOUND, "plan_not_found", "No such plan"),
            Code::EntitlementNotFound => (StatusCode::NOT_FOUND, "entitlement_not_found", "No such entitlement"),
            Code::RouteNotFound => (StatusCode::NOT_FOUND, "route_not_found", "No such route"),
            Code::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here"),
            Code::MemberExists => (StatusCode::CONFLICT, "member_exists", "The member exists already"),
            Code::AliasTaken => (StatusCode::CONFLICT, "alias_taken", "The alias belongs to another member"),
            Code::AccountSuspended => (StatusCode::CONFLICT, "account_suspended", "The account is suspended"),
            Code::AccountClosed => (StatusCode::CONFLICT, "account_closed", "The account is closed"),
            Code::HoldsOpen => (StatusCode::CONFLICT, "holds_open", "The account has open holds"),
            Code::MergeTooLarge => (StatusCode::CONFLICT, "merge_too_large", "Together they are too large"),
            Code::AccrualNotPending => (StatusCode::CONFLICT, "accrual_not_pending", "The accrual is not pending"),
            Code::RedemptionNotHeld => (StatusCode::CONFLICT, "redemption_not_held", "The redemption is not held"),
            Code::ProgramVersionStale => (StatusCode::CONFLICT, "program_version_stale", "The program has another version"),
            Code::VersionScheduled => (StatusCode::CONFLICT, "version_scheduled", "Another version is scheduled"),
            Code::VersionInForce => (StatusCode::CONFLICT, "version_in_force", "The version is in force"),
            Code::VersionsFull => (StatusCode::CONFLICT, "versions_full", "The program has too many versions"),
            Code::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large"),
            Code::MediaTypeUnsupported => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type_unsupported", "The body is not application/json"),
            Code::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "Idempotency-Key was used for another request"),
            Code::InsufficientPoints => (StatusCode::UNPROCESSABLE_ENTITY, "insufficient_points", "Not enough points"),
            Code::RewardOutOfStock => (StatusCode::UNPROCESSABLE_ENTITY, "reward_out_of_stock", "The reward is out of stock"),
            Code::RewardWithoutPool => (StatusCode::UNPROCESSABLE_ENTITY, "reward_without_pool", "The reward has no pool of codes"),
            Code::RewardNotForTier => (StatusCode::UNPROCESSABLE_ENTITY, "reward_not_for_tier", "The reward is for other tiers"),
            Code::RewardNotForMember => (StatusCode::UNPROCESSABLE_ENTITY, "reward_not_for_member", "The reward is not for this member"),
            Code::RewardNotActive => (StatusCode::UNPROCESSABLE_ENTITY, "reward_not_active", "The reward is not on offer now"),
            Code::RewardLimitReached => (StatusCode::UNPROCESSABLE_ENTITY, "reward_limit_reached", "The reward's limit is reached"),
            Code::EntitlementNotHeld => (StatusCode::UNPROCESSABLE_ENTITY, "entitlement_not_held", "The member has no such entitlement"),
            Code::EntitlementUsedUp => (StatusCode::UNPROCESSABLE_ENTITY, "entitlement_used_up", "The entitlement is used up"),
            Code::HoldExpired => (StatusCode::UNPROCESSABLE_ENTITY, "hold_expired", "The hold has expired"),
            Code::HoldsFull => (StatusCode::UNPROCESSABLE_ENTITY, "holds_full", "Too many open holds"),
            Code::ReversalExceedsAccrual => (StatusCode::UNPROCESSABLE_ENTITY, "reversal_exceeds_accrual", "The reversal exceeds the accrual"),
            Code::OccurredAtOutOfRange => (StatusCode::UNPROCESSABLE_ENTITY, "occurred_at_out_of_range", "occurred_at is out of range"),
            Code::CurrencyMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "currency_mismatch", "The money is in another currency"),
            Code::ProgramInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "program_invalid", "The program document has faults"),
            Code::PointsOverflow => (StatusCode::UNPROCESSABLE_ENTITY, "points_overflow", "The points are out of range"),
            Code::ClockMovedBack => (StatusCode::UNPROCESSABLE_ENTITY, "clock_moved_back", "The clock does not move back"),
            Code::PreconditionMissing => (StatusCode::PRECONDITION_REQUIRED, "precondition_missing", "If-Match or If-None-Match is missing"),
            Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke on our side"),
            Code::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many changes at once"),
            Code::StoreUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "The store is unavailable"),
        }
    }
}

/// A refusal or a fault on its way to the caller.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A refusal; `detail` says what was wrong this time, with the numbers in it, and may be read by the caller.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Problem { code, detail: shortened(detail.into()), members: Map::new(), headers: Vec::new(), source: None }
    }

    /// We broke: the caller sees `internal` and a request id, the log sees `source`.
    pub fn fault(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "The request was not done. Quote the request id when you report it.";
        Problem::new(Code::Internal, detail).caused_by(source)
    }

    /// The table could not be reached or did not answer: the caller sees `store_unavailable`, the log sees `source`.
    ///
    /// Whether the request was done is not known to us; repeating it under its key tells.
    pub fn store_unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "The store did not answer. Repeat the request under the same key.";
        Problem::new(Code::StoreUnavailable, detail)
            .header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
            .caused_by(source)
    }

    /// The account was changed by others each time we tried; `Retry-After` is set.
    #[must_use]
    pub fn busy() -> Self {
        let detail = "The account is being changed by others. Repeat the request under the same key.";
        Problem::new(Code::Busy, detail).header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
    }

    /// No member has this id, or the caller may not see it: the same words, so that the two cannot be told apart.
    #[must_use]
    pub fn member_not_found(member: &str) -> Self {
        Problem::new(Code::MemberNotFound, format!("The program has no member `{member}`."))
    }

    /// The body is not what the route takes; `at` is a JSON pointer (RFC 6901) to the place, empty for all of it.
    pub fn body_malformed(at: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::new(Code::BodyMalformed, detail).with("at", at.into())
    }

    /// The method is not allowed on this path; `allowed` becomes the header `Allow`.
    #[must_use]
    pub fn method_not_allowed(method: &::http::Method, allowed: &str) -> Self {
        let problem =
            Problem::new(Code::MethodNotAllowed, format!("{method} is not allowed here; allowed: {allowed}."));
        match HeaderValue::from_str(allowed) {
            Ok(value) => problem.header(ALLOW, value),
            Err(_) => problem,
        }
    }

    /// The same problem, told in other words.
    #[must_use]
    pub fn detailed(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds an extension member to the document, such as `missing` or `problems`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// An extension member of the document.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The stable name of the problem.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// What was wrong this time.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the fault is ours.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.source.is_some() || self.code.status() == StatusCode::INTERNAL_SERVER_ERROR
    }

    /// The document as JSON text, for the request with this id.
    pub(crate) fn document(&self, request_id: &str) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Document {
            kind: format!("{TYPE_PREFIX}{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            members: &self.members,
            request_id,
        })
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        self.headers.iter().cloned().collect()
    }

    /// What caused a fault, from the outside in, for the log only.
    #[must_use]
    pub fn cause(&self) -> String {
        let mut told = String::new();
        let mut cause: Option<&(dyn Error + 'static)> = match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        };
        while let Some(error) = cause {
            if !told.is_empty() {
                told.push_str(": ");
            }
            told.push_str(&error.to_string());
            cause = error.source();
        }
        told
    }

    fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

/// The order of the members is the order in which people read them.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
    request_id: &'a str,
}

fn shortened(detail: String) -> String {
    if detail.chars().count() <= DETAIL_CHARACTERS_MAX {
        return detail;
    }
    let mut short: String = detail.chars().take(DETAIL_CHARACTERS_MAX).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_and_name_is_the_one_that_callers_were_promised() {
        let promised = [
            (400, "idempotency_key_missing", Code::IdempotencyKeyMissing),
            (400, "idempotency_key_malformed", Code::IdempotencyKeyMalformed),
            (400, "body_malformed", Code::BodyMalformed),
            (400, "cursor_malformed", Code::CursorMalformed),
            (400, "limit_malformed", Code::LimitMalformed),
            (403, "scope_missing", Code::ScopeMissing),
            (404, "program_not_found", Code::ProgramNotFound),
            (404, "member_not_found", Code::MemberNotFound),
            (404, "version_not_found", Code::VersionNotFound),
            (404, "entry_not_found", Code::EntryNotFound),
            (404, "reward_not_found", Code::RewardNotFound),
            (404, "code_not_found", Code::CodeNotFound),
            (404, "tier_not_found", Code::TierNotFound),
            (404, "plan_not_found", Code::PlanNotFound),
            (404, "entitlement_not_found", Code::EntitlementNotFound),
            (404, "route_not_found", Code::RouteNotFound),
            (405, "method_not_allowed", Code::MethodNotAllowed),
            (409, "member_exists", Code::MemberExists),
            (409, "alias_taken", Code::AliasTaken),
            (409, "account_suspended", Code::AccountSuspended),
            (409, "account_closed", Code::AccountClosed),
            (409, "holds_open", Code::HoldsOpen),
            (409, "merge_too_large", Code::MergeTooLarge),
            (409, "accrual_not_pending", Code::AccrualNotPending),
            (409, "redemption_not_held", Code::RedemptionNotHeld),
            (409, "program_version_stale", Code::ProgramVersionStale),
            (409, "version_scheduled", Code::VersionScheduled),
            (409, "version_in_force", Code::VersionInForce),
            (409, "versions_full", Code::VersionsFull),
            (413, "body_too_large", Code::BodyTooLarge),
            (415, "media_type_unsupported", Code::MediaTypeUnsupported),
            (422, "idempotency_key_reused", Code::IdempotencyKeyReused),
            (422, "insufficient_points", Code::InsufficientPoints),
            (422, "reward_out_of_stock", Code::RewardOutOfStock),
            (422, "reward_without_pool", Code::RewardWithoutPool),
            (422, "reward_not_for_tier", Code::RewardNotForTier),
            (422, "reward_not_for_member", Code::RewardNotForMember),
            (422, "reward_not_active", Code::RewardNotActive),
            (422, "reward_limit_reached", Code::RewardLimitReached),
            (422, "entitlement_not_held", Code::EntitlementNotHeld),
            (422, "entitlement_used_up", Code::EntitlementUsedUp),
            (422, "hold_expired", Code::HoldExpired),
            (422, "holds_full", Code::HoldsFull),
            (422, "reversal_exceeds_accrual", Code::ReversalExceedsAccrual),
            (422, "occurred_at_out_of_range", Code::OccurredAtOutOfRange),
            (422, "currency_mismatch", Code::CurrencyMismatch),
            (422, "program_invalid", Code::ProgramInvalid),
            (422, "points_overflow", Code::PointsOverflow),
            (422, "clock_moved_back", Code::ClockMovedBack),
            (428, "precondition_missing", Code::PreconditionMissing),
            (500, "internal", Code::Internal),
            (503, "busy", Code::Busy),
            (503, "store_unavailable", Code::StoreUnavailable),
        ];
        for (status, name, code) in promised {
            assert_eq!((code.status().as_u16(), code.as_str()), (status, name));
        }
    }

    #[test]
    fn a_document_holds_the_extension_members_and_the_request_id() {
        let problem = Problem::new(Code::InsufficientPoints, "75 of 100 points.").with("missing", 25);
        assert_eq!(
            problem.document("r-1").unwrap(),
            concat!(
                r#"{"type":"https://regulars.dev/problems/insufficient_points","title":"Not enough points","#,
                r#""status":422,"code":"insufficient_points","detail":"75 of 100 points.","missing":25,"request_id":"r-1"}"#
            )
        );
    }

    #[test]
    fn the_cause_of_a_fault_is_told_to_the_log_and_not_to_the_caller() {
        let problem = Problem::fault("arn:aws:dynamodb is on fire");
        assert!(problem.is_fault());
        assert_eq!(problem.cause(), "arn:aws:dynamodb is on fire");
        assert!(!problem.document("r-1").unwrap().contains("fire"));
        assert!(!problem.to_string().contains("fire"));
    }

    #[test]
    fn busy_and_refusals_are_no_faults() {
        assert!(!Problem::busy().is_fault());
        assert_eq!(Problem::busy().headers()[RETRY_AFTER], "1");
        assert!(!Problem::member_not_found("m-1").is_fault());
        assert!(Problem::store_unavailable("timeout").is_fault());
    }

    #[test]
    fn a_detail_that_quotes_a_long_input_is_shortened() {
        let problem = Problem::new(Code::BodyMalformed, "é".repeat(10_000));
        assert_eq!(problem.detail().chars().count(), DETAIL_CHARACTERS_MAX + 1);
    }
}
