//! Refusals and faults as problem documents (RFC 9457). This is the only place with the status codes of refusals.

use std::error::Error;
use std::fmt;

use ::http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::{HeaderMap, HeaderValue, StatusCode};
use regulars_application::{
    call::Ended,
    failure::{Cause, Failure},
    refusal::{Refusal, RefusalCode, shortened},
};
use regulars_domain::versions::VersionMissing;
use regulars_store::StoreFault;
use serde::Serialize;
use serde_json::{Map, Value};

const TYPE_PREFIX: &str = "https://regulars.dev/problems/";

/// The seconds after which a caller should retry a 503.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The stable codes of problems. The codes, statuses and titles are part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    /// A refusal of the application.
    Refused(RefusalCode),
    /// A request that writes has no `Idempotency-Key`.
    IdempotencyKeyMissing,
    /// The `Idempotency-Key` is not 1 to 64 printable ASCII characters, or begins with `~`.
    IdempotencyKeyMalformed,
    /// The `cursor` does not come from this list.
    CursorMalformed,
    /// The `limit` is not a whole number within its bounds.
    LimitMalformed,
    /// The query has a parameter that the route does not take, one too often, or a malformed value.
    QueryMalformed,
    /// The request has no token. Only the local server returns this; a deployment's gateway has its own answer.
    TokenMissing,
    /// The token is not signed with the local key, or has expired. Only the local server returns this.
    TokenInvalid,
    /// The token does not have a scope of the route.
    ScopeMissing,
    /// No route has this path.
    RouteNotFound,
    /// The path exists, and the method is not allowed.
    MethodNotAllowed,
    /// The body is not `application/json`.
    MediaTypeUnsupported,
    /// Publishing needs `If-Match` or `If-None-Match`.
    PreconditionMissing,
    /// An internal error.
    Internal,
    /// Other requests changed the account in every attempt; a retry helps.
    Busy,
    /// The table did not answer.
    StoreUnavailable,
}

impl ProblemCode {
    /// Returns the HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.row().0
    }

    /// Returns the stable code, such as `insufficient_points`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Returns a short text for people, the same for every occurrence.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().2
    }

    #[rustfmt::skip]
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Refused(code) => {
                let (status, title) = refused(code);
                (status, code.as_str(), title)
            }
            Self::IdempotencyKeyMissing => (StatusCode::BAD_REQUEST, "idempotency_key_missing", "Idempotency-Key is missing"),
            Self::IdempotencyKeyMalformed => (StatusCode::BAD_REQUEST, "idempotency_key_malformed", "Idempotency-Key is malformed"),
            Self::CursorMalformed => (StatusCode::BAD_REQUEST, "cursor_malformed", "The cursor is malformed"),
            Self::LimitMalformed => (StatusCode::BAD_REQUEST, "limit_malformed", "The limit is malformed"),
            Self::QueryMalformed => (StatusCode::BAD_REQUEST, "query_malformed", "The query is malformed"),
            Self::TokenMissing => (StatusCode::UNAUTHORIZED, "token_missing", "The request has no token"),
            Self::TokenInvalid => (StatusCode::UNAUTHORIZED, "token_invalid", "The token is not valid"),
            Self::ScopeMissing => (StatusCode::FORBIDDEN, "scope_missing", "The token does not allow this"),
            Self::RouteNotFound => (StatusCode::NOT_FOUND, "route_not_found", "No such route"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here"),
            Self::MediaTypeUnsupported => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type_unsupported", "The body is not application/json"),
            Self::PreconditionMissing => (StatusCode::PRECONDITION_REQUIRED, "precondition_missing", "If-Match or If-None-Match is missing"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many changes at once"),
            Self::StoreUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "The store is unavailable"),
        }
    }
}

/// Returns the status and the title of a refusal.
#[rustfmt::skip]
fn refused(code: RefusalCode) -> (StatusCode, &'static str) {
    match code {
        RefusalCode::BodyMalformed => (StatusCode::BAD_REQUEST, "The body is malformed"),
        RefusalCode::ProgramNotFound => (StatusCode::NOT_FOUND, "No such program"),
        RefusalCode::MemberNotFound => (StatusCode::NOT_FOUND, "No such member"),
        RefusalCode::VersionNotFound => (StatusCode::NOT_FOUND, "No such version"),
        RefusalCode::EntryNotFound => (StatusCode::NOT_FOUND, "No such entry"),
        RefusalCode::RewardNotFound => (StatusCode::NOT_FOUND, "No such reward"),
        RefusalCode::CodeNotFound => (StatusCode::NOT_FOUND, "No such code"),
        RefusalCode::CodeUsed => (StatusCode::CONFLICT, "The code was used"),
        RefusalCode::CodeVoid => (StatusCode::CONFLICT, "The code is void"),
        RefusalCode::CodeExpired => (StatusCode::CONFLICT, "The code has expired"),
        RefusalCode::CodeBalanceTooSmall => (StatusCode::UNPROCESSABLE_ENTITY, "Not enough left on the code"),
        RefusalCode::TierNotFound => (StatusCode::NOT_FOUND, "No such tier"),
        RefusalCode::PlanNotFound => (StatusCode::NOT_FOUND, "No such plan"),
        RefusalCode::PlanRunning => (StatusCode::CONFLICT, "Another plan runs"),
        RefusalCode::PlansWaiting => (StatusCode::CONFLICT, "Other plans wait, and Idempotency-Key is missing"),
        RefusalCode::PlanPaymentReversed => (StatusCode::CONFLICT, "The payment was taken back before"),
        RefusalCode::PlanOver => (StatusCode::CONFLICT, "The plan is over"),
        RefusalCode::EntitlementNotFound => (StatusCode::NOT_FOUND, "No such entitlement"),
        RefusalCode::MemberExists => (StatusCode::CONFLICT, "The member exists already"),
        RefusalCode::AliasTaken => (StatusCode::CONFLICT, "The alias belongs to another member"),
        RefusalCode::AliasesFull => (StatusCode::UNPROCESSABLE_ENTITY, "Too many aliases"),
        RefusalCode::ReasonMissing => (StatusCode::UNPROCESSABLE_ENTITY, "The erasure needs a reason"),
        RefusalCode::ReferrerNotFound => (StatusCode::UNPROCESSABLE_ENTITY, "No such referrer"),
        RefusalCode::ReceiptTaken => (StatusCode::CONFLICT, "The receipt was used for another purchase"),
        RefusalCode::EntryAmbiguous => (StatusCode::CONFLICT, "More than one entry has this id"),
        RefusalCode::AccountSuspended => (StatusCode::CONFLICT, "The account is suspended"),
        RefusalCode::AccountClosed => (StatusCode::CONFLICT, "The account is closed"),
        RefusalCode::HoldsOpen => (StatusCode::CONFLICT, "The account has open holds"),
        RefusalCode::MergeTooLarge => (StatusCode::CONFLICT, "The two accounts together are too large"),
        RefusalCode::AccrualNotPending => (StatusCode::CONFLICT, "The accrual is not pending"),
        RefusalCode::RedemptionNotHeld => (StatusCode::CONFLICT, "The redemption is not held"),
        RefusalCode::ProgramVersionStale => (StatusCode::CONFLICT, "The program has another version"),
        RefusalCode::VersionScheduled => (StatusCode::CONFLICT, "Another version is scheduled"),
        RefusalCode::VersionInForce => (StatusCode::CONFLICT, "The version is in force"),
        RefusalCode::VersionsFull => (StatusCode::CONFLICT, "The program has too many versions"),
        RefusalCode::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
        RefusalCode::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key was used for another request"),
        RefusalCode::InsufficientPoints => (StatusCode::UNPROCESSABLE_ENTITY, "Not enough points"),
        RefusalCode::InsufficientQualifying => (StatusCode::UNPROCESSABLE_ENTITY, "Not enough counts toward a tier"),
        RefusalCode::RewardOutOfStock => (StatusCode::UNPROCESSABLE_ENTITY, "The reward is out of stock"),
        RefusalCode::RewardWithoutPool => (StatusCode::UNPROCESSABLE_ENTITY, "The reward has no pool of codes"),
        RefusalCode::RewardNotHoldable => (StatusCode::UNPROCESSABLE_ENTITY, "The reward cannot be held"),
        RefusalCode::RewardNotForTier => (StatusCode::UNPROCESSABLE_ENTITY, "The reward is for other tiers"),
        RefusalCode::RewardNotForMember => (StatusCode::UNPROCESSABLE_ENTITY, "The reward is not for this member"),
        RefusalCode::RewardNotActive => (StatusCode::UNPROCESSABLE_ENTITY, "The reward is not on offer now"),
        RefusalCode::RewardLimitReached => (StatusCode::UNPROCESSABLE_ENTITY, "The reward's limit is reached"),
        RefusalCode::EntitlementNotHeld => (StatusCode::UNPROCESSABLE_ENTITY, "The member has no such entitlement"),
        RefusalCode::EntitlementUsedUp => (StatusCode::UNPROCESSABLE_ENTITY, "The entitlement is used up"),
        RefusalCode::HoldExpired => (StatusCode::UNPROCESSABLE_ENTITY, "The hold has expired"),
        RefusalCode::HoldsFull => (StatusCode::UNPROCESSABLE_ENTITY, "Too many open holds"),
        RefusalCode::ReversalExceedsAccrual => (StatusCode::UNPROCESSABLE_ENTITY, "The reversal exceeds the accrual"),
        RefusalCode::LineNotFound => (StatusCode::UNPROCESSABLE_ENTITY, "No such line"),
        RefusalCode::CannotAmend => (StatusCode::UNPROCESSABLE_ENTITY, "This cannot be amended"),
        RefusalCode::FactsErased => (StatusCode::UNPROCESSABLE_ENTITY, "The details of the purchase were erased"),
        RefusalCode::ChangesFull => (StatusCode::UNPROCESSABLE_ENTITY, "Too many returns and amendments"),
        RefusalCode::LinesExceedTotal => (StatusCode::UNPROCESSABLE_ENTITY, "Lines exceed the total"),
        RefusalCode::OccurredAtOutOfRange => (StatusCode::UNPROCESSABLE_ENTITY, "occurred_at is out of range"),
        RefusalCode::CurrencyMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "The money is in another currency"),
        RefusalCode::ProgramInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "The program document has faults"),
        RefusalCode::PointsOverflow => (StatusCode::UNPROCESSABLE_ENTITY, "The points are out of range"),
        RefusalCode::ClockMovedBack => (StatusCode::UNPROCESSABLE_ENTITY, "The clock does not move back"),
    }
}

impl From<RefusalCode> for ProblemCode {
    fn from(code: RefusalCode) -> Self {
        Self::Refused(code)
    }
}

/// A refusal or a fault for the caller.
#[derive(Debug)]
pub struct Problem {
    code: ProblemCode,
    detail: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The internal cause, for the log only.
    cause: Option<Cause>,
}

impl Problem {
    /// Returns a refusal. `detail` describes this case with its numbers, and the caller reads it.
    pub fn new(code: impl Into<ProblemCode>, detail: impl Into<String>) -> Self {
        let (code, detail) = (code.into(), shortened(detail.into()));
        Problem { code, detail, members: Map::new(), headers: Vec::new(), cause: None }
    }

    /// Returns an internal error: the caller sees `internal` and a request id, the log has `source`.
    pub fn fault(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure::broken(source).into()
    }

    /// Returns the refusal that no member has this id, or that the caller may not see it: the same text, so that the
    /// two cannot be distinguished.
    #[must_use]
    pub fn member_not_found(member: &str) -> Self {
        Refusal::member_not_found(member).into()
    }

    /// Returns the refusal of a body. `at` is a JSON pointer (RFC 6901) to the place, empty for the whole body.
    pub fn body_malformed(at: impl Into<String>, detail: impl Into<String>) -> Self {
        Refusal::body_malformed(at, detail).into()
    }

    /// Returns the refusal of a method on this path; `allowed` becomes the header `Allow`.
    #[must_use]
    pub fn method_not_allowed(method: &::http::Method, allowed: &str) -> Self {
        let problem =
            Problem::new(ProblemCode::MethodNotAllowed, format!("{method} is not allowed here; allowed: {allowed}."));
        match HeaderValue::from_str(allowed) {
            Ok(value) => problem.header(ALLOW, value),
            Err(_) => problem,
        }
    }

    /// Returns the refusal of a request without a valid token: `token_missing` or `token_invalid`.
    #[must_use]
    pub fn unauthorized(code: ProblemCode, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
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

    /// Returns an extension member of the document.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        self.code
    }

    /// Returns the description of this case.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns whether this is an internal error.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.cause.is_some()
    }

    /// Returns the document as JSON text, for the request with this id.
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

    /// Returns the cause of a fault and its sources, outermost first, for the log only.
    #[must_use]
    pub fn cause(&self) -> String {
        self.cause.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self { members: refusal.members().clone(), ..Self::new(refusal.code(), refusal.detail()) }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let (retryable, detail) = (failure.retryable(), failure.detail().to_owned());
        let (code, cause) = match failure {
            Failure::Refused(refusal) => return refusal.into(),
            Failure::Busy => (ProblemCode::Busy, None),
            Failure::Unavailable(cause) => (ProblemCode::StoreUnavailable, Some(cause)),
            Failure::Broken(cause) => (ProblemCode::Internal, Some(cause)),
        };
        let problem = Self { cause, ..Self::new(code, detail) };
        if retryable { problem.header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS)) } else { problem }
    }
}

impl From<StoreFault> for Problem {
    fn from(fault: StoreFault) -> Self {
        Failure::from(fault).into()
    }
}

impl From<VersionMissing> for Problem {
    fn from(missing: VersionMissing) -> Self {
        Failure::from(missing).into()
    }
}

impl From<&Problem> for Ended {
    fn from(problem: &Problem) -> Self {
        let code = problem.code();
        if code.status().is_server_error() {
            Self::Failed(code.as_str(), problem.is_fault().then(|| problem.cause()))
        } else {
            Self::Refused(code.as_str())
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(Cause::error)
    }
}

/// The members are in the order in which people read them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_and_name_is_the_one_that_callers_were_promised() {
        use RefusalCode as Refused;
        let promised: [(u16, &str, ProblemCode); 76] = [
            (400, "idempotency_key_missing", ProblemCode::IdempotencyKeyMissing),
            (400, "idempotency_key_malformed", ProblemCode::IdempotencyKeyMalformed),
            (400, "body_malformed", Refused::BodyMalformed.into()),
            (400, "cursor_malformed", ProblemCode::CursorMalformed),
            (400, "limit_malformed", ProblemCode::LimitMalformed),
            (400, "query_malformed", ProblemCode::QueryMalformed),
            (401, "token_missing", ProblemCode::TokenMissing),
            (401, "token_invalid", ProblemCode::TokenInvalid),
            (403, "scope_missing", ProblemCode::ScopeMissing),
            (404, "program_not_found", Refused::ProgramNotFound.into()),
            (404, "member_not_found", Refused::MemberNotFound.into()),
            (404, "version_not_found", Refused::VersionNotFound.into()),
            (404, "entry_not_found", Refused::EntryNotFound.into()),
            (404, "reward_not_found", Refused::RewardNotFound.into()),
            (404, "code_not_found", Refused::CodeNotFound.into()),
            (404, "tier_not_found", Refused::TierNotFound.into()),
            (404, "plan_not_found", Refused::PlanNotFound.into()),
            (409, "plan_running", Refused::PlanRunning.into()),
            (409, "plans_waiting", Refused::PlansWaiting.into()),
            (409, "plan_payment_reversed", Refused::PlanPaymentReversed.into()),
            (409, "plan_over", Refused::PlanOver.into()),
            (404, "entitlement_not_found", Refused::EntitlementNotFound.into()),
            (404, "route_not_found", ProblemCode::RouteNotFound),
            (405, "method_not_allowed", ProblemCode::MethodNotAllowed),
            (409, "member_exists", Refused::MemberExists.into()),
            (409, "alias_taken", Refused::AliasTaken.into()),
            (422, "aliases_full", Refused::AliasesFull.into()),
            (422, "reason_missing", Refused::ReasonMissing.into()),
            (422, "referrer_not_found", Refused::ReferrerNotFound.into()),
            (409, "receipt_taken", Refused::ReceiptTaken.into()),
            (409, "entry_ambiguous", Refused::EntryAmbiguous.into()),
            (409, "account_suspended", Refused::AccountSuspended.into()),
            (409, "account_closed", Refused::AccountClosed.into()),
            (409, "holds_open", Refused::HoldsOpen.into()),
            (409, "merge_too_large", Refused::MergeTooLarge.into()),
            (409, "accrual_not_pending", Refused::AccrualNotPending.into()),
            (409, "redemption_not_held", Refused::RedemptionNotHeld.into()),
            (409, "program_version_stale", Refused::ProgramVersionStale.into()),
            (409, "version_scheduled", Refused::VersionScheduled.into()),
            (409, "version_in_force", Refused::VersionInForce.into()),
            (409, "versions_full", Refused::VersionsFull.into()),
            (409, "code_used", Refused::CodeUsed.into()),
            (409, "code_void", Refused::CodeVoid.into()),
            (409, "code_expired", Refused::CodeExpired.into()),
            (413, "body_too_large", Refused::BodyTooLarge.into()),
            (415, "media_type_unsupported", ProblemCode::MediaTypeUnsupported),
            (422, "idempotency_key_reused", Refused::IdempotencyKeyReused.into()),
            (422, "insufficient_points", Refused::InsufficientPoints.into()),
            (422, "insufficient_qualifying", Refused::InsufficientQualifying.into()),
            (422, "reward_out_of_stock", Refused::RewardOutOfStock.into()),
            (422, "reward_without_pool", Refused::RewardWithoutPool.into()),
            (422, "code_balance_too_small", Refused::CodeBalanceTooSmall.into()),
            (422, "reward_not_holdable", Refused::RewardNotHoldable.into()),
            (422, "reward_not_for_tier", Refused::RewardNotForTier.into()),
            (422, "reward_not_for_member", Refused::RewardNotForMember.into()),
            (422, "reward_not_active", Refused::RewardNotActive.into()),
            (422, "reward_limit_reached", Refused::RewardLimitReached.into()),
            (422, "entitlement_not_held", Refused::EntitlementNotHeld.into()),
            (422, "entitlement_used_up", Refused::EntitlementUsedUp.into()),
            (422, "hold_expired", Refused::HoldExpired.into()),
            (422, "holds_full", Refused::HoldsFull.into()),
            (422, "reversal_exceeds_accrual", Refused::ReversalExceedsAccrual.into()),
            (422, "line_not_found", Refused::LineNotFound.into()),
            (422, "cannot_amend", Refused::CannotAmend.into()),
            (422, "facts_erased", Refused::FactsErased.into()),
            (422, "changes_full", Refused::ChangesFull.into()),
            (422, "lines_exceed_total", Refused::LinesExceedTotal.into()),
            (422, "occurred_at_out_of_range", Refused::OccurredAtOutOfRange.into()),
            (422, "currency_mismatch", Refused::CurrencyMismatch.into()),
            (422, "program_invalid", Refused::ProgramInvalid.into()),
            (422, "points_overflow", Refused::PointsOverflow.into()),
            (422, "clock_moved_back", Refused::ClockMovedBack.into()),
            (428, "precondition_missing", ProblemCode::PreconditionMissing),
            (500, "internal", ProblemCode::Internal),
            (503, "busy", ProblemCode::Busy),
            (503, "store_unavailable", ProblemCode::StoreUnavailable),
        ];
        for (status, name, code) in promised {
            assert_eq!((code.status().as_u16(), code.as_str()), (status, name));
        }
    }

    #[test]
    fn a_document_holds_the_extension_members_and_the_request_id() {
        let problem = Problem::new(RefusalCode::InsufficientPoints, "75 of 100 points.").with("missing", 25);
        assert_eq!(
            problem.document("r-1").unwrap(),
            concat!(
                r#"{"type":"https://regulars.dev/problems/insufficient_points","title":"Not enough points","#,
                r#""status":422,"code":"insufficient_points","detail":"75 of 100 points.","missing":25,"request_id":"r-1"}"#
            )
        );
    }

    #[test]
    fn the_cause_of_a_fault_is_logged_and_not_shown_to_the_caller() {
        let problem = Problem::fault("arn:aws:dynamodb is on fire");
        assert!(problem.is_fault());
        assert_eq!(problem.cause(), "arn:aws:dynamodb is on fire");
        assert!(!problem.document("r-1").unwrap().contains("fire"));
        assert!(!problem.to_string().contains("fire"));
    }

    #[test]
    fn busy_and_refusals_are_no_faults() {
        let busy = Problem::from(Failure::Busy);
        assert!(!busy.is_fault());
        assert_eq!(busy.headers()[RETRY_AFTER], "1");
        assert!(!Problem::member_not_found("m-1").is_fault());
        let unavailable = Problem::from(Failure::unavailable("timeout"));
        assert!(unavailable.is_fault());
        assert_eq!(unavailable.headers()[RETRY_AFTER], "1");
        assert!(Problem::fault("corrupt").headers().is_empty());
    }

    #[test]
    fn a_failure_keeps_its_name_its_detail_and_what_a_program_can_read() {
        let refusal = Refusal::new(RefusalCode::InsufficientPoints, "75 of 100 points.").with("missing", 25);
        let problem = Problem::from(refusal.clone());
        assert_eq!((problem.code(), problem.detail()), (RefusalCode::InsufficientPoints.into(), "75 of 100 points."));
        assert_eq!(problem.member("missing"), Some(&Value::from(25)));
        for failure in [refusal.into(), Failure::Busy, Failure::unavailable("timeout"), Failure::broken("corrupt")] {
            let (name, detail) = (failure.code(), failure.detail().to_owned());
            let problem = Problem::from(failure);
            assert_eq!((problem.code().as_str(), problem.detail()), (name, detail.as_str()));
        }
    }
}
