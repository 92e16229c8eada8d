//! Refusals and faults as problem documents (RFC 9457). This is the only place with the status codes of refusals.

use std::error::Error;
use std::fmt;

use ::http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{Timestamp, civil::Date};
use regulars_application::{
    call::Ended,
    failure::{Cause, Failure},
    refusal::{FindingView, Refusal, RefusalCode, shortened},
};
use regulars_domain::{
    id::{LevelId, MemberId, PlanId},
    money::Money,
    qualifying::Qualifying,
    redemption::RedemptionState,
    versions::VersionMissing,
};
use regulars_store::StoreFault;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

const TYPE_PREFIX: &str = "https://regulars.dev/problems/";

/// The seconds after which a caller should retry a 503.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Defines the problems of the HTTP API that are not refusals: variant, meaning, name, status, title and remedy.
macro_rules! problem_codes {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $name:literal, $status:expr, $title:literal, $remedy:literal;)+) => {
        /// Why a request was not carried out, by its stable name. The names, statuses and titles are part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemCode {
            /// The application refused.
            Refused(RefusalCode),
            $($(#[doc = $meaning])+ $variant,)+
        }

        /// The problems that are not refusals.
        const OF_HTTP: &[ProblemCode] = &[$(ProblemCode::$variant),+];

        impl ProblemCode {
            fn row(self) -> Row {
                match self {
                    Self::Refused(code) => {
                        let (status, title, remedy) = refused(code);
                        Row { status, name: code.as_str(), title, meaning: code.meaning(), remedy }
                    }
                    $(Self::$variant => Row {
                        status: $status,
                        name: $name,
                        title: $title,
                        meaning: concat!($($meaning),+).trim_ascii(),
                        remedy: $remedy,
                    },)+
                }
            }
        }
    };
}

/// The texts and the status of a problem.
struct Row {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

problem_codes! {
    /// The request needs an `Idempotency-Key`.
    IdempotencyKeyMissing = "idempotency_key_missing", StatusCode::BAD_REQUEST, "Idempotency-Key is missing", "Send the order or receipt number as `Idempotency-Key`.";
    /// The `Idempotency-Key` is not 1 to 64 printable ASCII characters, or begins with `~`.
    IdempotencyKeyMalformed = "idempotency_key_malformed", StatusCode::BAD_REQUEST, "Idempotency-Key is malformed", "Send 1 to 64 printable ASCII characters that do not begin with `~`.";
    /// The `cursor` does not come from this list.
    CursorMalformed = "cursor_malformed", StatusCode::BAD_REQUEST, "The cursor is malformed", "Send the `next_cursor` of the page before, unchanged and with the same parameters.";
    /// The `limit` is not a whole number within its bounds.
    LimitMalformed = "limit_malformed", StatusCode::BAD_REQUEST, "The limit is malformed", "Send a whole number within the bounds of the parameter.";
    /// The query has an unknown parameter, repeats a parameter that can be given only once, or has a malformed value.
    QueryMalformed = "query_malformed", StatusCode::BAD_REQUEST, "The query is malformed", "Correct or remove the parameter that `detail` names.";
    /// The request has no token. Only the local server answers so; see the answers of the gateway.
    TokenMissing = "token_missing", StatusCode::UNAUTHORIZED, "The request has no token", "Send a token: `Authorization: Bearer`.";
    /// The token is not signed by the local key, or has expired. Only the local server answers so; see the answers of the gateway.
    TokenInvalid = "token_invalid", StatusCode::UNAUTHORIZED, "The token is not valid", "Get a new token.";
    /// The token does not carry the scope of the route, or is for another program or member.
    ScopeMissing = "scope_missing", StatusCode::FORBIDDEN, "The token does not allow this", "Get a token with the scope that `detail` names.";
    /// No route has this path.
    RouteNotFound = "route_not_found", StatusCode::NOT_FOUND, "No such route", "Check the path.";
    /// The path exists, but not with this method.
    MethodNotAllowed = "method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed here", "Use a method that the header `Allow` lists.";
    /// The body is not `application/json`.
    MediaTypeUnsupported = "media_type_unsupported", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not application/json", "Send `Content-Type: application/json`.";
    /// Publishing a program needs `If-Match` or `If-None-Match`.
    PreconditionMissing = "precondition_missing", StatusCode::PRECONDITION_REQUIRED, "If-Match or If-None-Match is missing", "Send `If-Match` with the newest version, or `If-None-Match: *` for the first one.";
    /// The service failed.
    Internal = "internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal error", "Repeat the request under the same key. If it fails again, look for `request_id` in the logs.";
    /// Other requests changed the account at each attempt.
    Busy = "busy", StatusCode::SERVICE_UNAVAILABLE, "Too many changes at once", "Repeat the request under the same key after the seconds in `Retry-After`.";
    /// The table could not be reached.
    StoreUnavailable = "store_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The store is unavailable", "Repeat the request under the same key after the seconds in `Retry-After`.";
}

impl ProblemCode {
    /// All problems.
    pub fn all() -> impl Iterator<Item = Self> {
        RefusalCode::ALL.iter().copied().map(Self::Refused).chain(OF_HTTP.iter().copied())
    }

    /// The HTTP status of the problem.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.row().status
    }

    /// Returns the stable code, such as `insufficient_points`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Returns a short text for people, the same for every occurrence.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// What the problem means, in a sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// What the caller can do about the problem.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.row().remedy
    }
}

/// The status, the title and the remedy of a refusal.
#[rustfmt::skip]
fn refused(code: RefusalCode) -> (StatusCode, &'static str, &'static str) {
    match code {
        RefusalCode::BodyMalformed => (StatusCode::BAD_REQUEST, "The body is malformed", "Correct the field to which `at` points."),
        RefusalCode::ProgramNotFound => (StatusCode::NOT_FOUND, "No such program", "Check the id of the program, or publish its first version."),
        RefusalCode::MemberNotFound => (StatusCode::NOT_FOUND, "No such member", "Check the id of the member, or enroll the member first."),
        RefusalCode::VersionNotFound => (StatusCode::NOT_FOUND, "No such version", "List the versions of the program to find its number."),
        RefusalCode::EntryNotFound => (StatusCode::NOT_FOUND, "No such entry", "Check the id of the entry: it is the idempotency key of the request that wrote it."),
        RefusalCode::RewardNotFound => (StatusCode::NOT_FOUND, "No such reward", "List the rewards of the member to find the id."),
        RefusalCode::CodeNotFound => (StatusCode::NOT_FOUND, "No such code", "Check the code and its reward."),
        RefusalCode::CodeUsed => (StatusCode::CONFLICT, "The code was used", "Do not accept the code. A redemption whose code was used cannot be reversed."),
        RefusalCode::CodeVoid => (StatusCode::CONFLICT, "The code is void", "Do not accept the code."),
        RefusalCode::CodeExpired => (StatusCode::CONFLICT, "The code has expired", "Do not accept the code."),
        RefusalCode::CodeBalanceTooSmall => (StatusCode::UNPROCESSABLE_ENTITY, "Not enough left on the code", "Use at most the amount in `left`."),
        RefusalCode::TierNotFound => (StatusCode::NOT_FOUND, "No such tier", "Use a level of the program in force."),
        RefusalCode::PlanNotFound => (StatusCode::NOT_FOUND, "No such plan", "Use a plan of the program in force."),
        RefusalCode::PlanRunning => (StatusCode::CONFLICT, "Another plan runs", "Wait until the plan in `running` ends, or send `\"replace\": true`."),
        RefusalCode::PlanNotRunning => (StatusCode::CONFLICT, "No plan runs", "Nothing is left to do: the plan has ended, or none was paid."),
        RefusalCode::PlansWaiting => (StatusCode::CONFLICT, "Other plans wait, and Idempotency-Key is missing", "Send an `Idempotency-Key`, so that a late repeat does not end a plan that was paid since."),
        RefusalCode::PlanPaymentReversed => (StatusCode::CONFLICT, "The payment was taken back before", "Nothing is left to do: the payment was already reversed."),
        RefusalCode::PlanOver => (StatusCode::CONFLICT, "The plan is over", "Nothing is left to reverse: the plan has ended."),
        RefusalCode::EntitlementNotFound => (StatusCode::NOT_FOUND, "No such entitlement", "Check the id of the entitlement."),
        RefusalCode::MemberExists => (StatusCode::CONFLICT, "The member exists already", "Use another id, or change the member with `PATCH`."),
        RefusalCode::AliasTaken => (StatusCode::CONFLICT, "The alias belongs to another member", "Look the alias up to find its member. If both are one person, merge them."),
        RefusalCode::AliasesFull => (StatusCode::UNPROCESSABLE_ENTITY, "Too many aliases", "Remove an alias first."),
        RefusalCode::ReasonMissing => (StatusCode::UNPROCESSABLE_ENTITY, "The erasure needs a reason", "Send a reason."),
        RefusalCode::ReferrerNotFound => (StatusCode::UNPROCESSABLE_ENTITY, "No such referrer", "Enroll without `referred_by`, or check the id of the referrer."),
        RefusalCode::ReceiptTaken => (StatusCode::CONFLICT, "The receipt was used for another purchase", "Do not post the purchase again. Check the receipt number if it is another purchase."),
        RefusalCode::EntryAmbiguous => (StatusCode::CONFLICT, "More than one entry has this id", "Repeat the request with `?member=`, naming one of `members`."),
        RefusalCode::AccountSuspended => (StatusCode::CONFLICT, "The account is suspended", "Set the status of the member to `active` first."),
        RefusalCode::AccountClosed => (StatusCode::CONFLICT, "The account is closed", "Use the account in `merged_into` if it is given. A closed account stays closed."),
        RefusalCode::HoldsOpen => (StatusCode::CONFLICT, "The account has open holds", "Capture or cancel the open holds first."),
        RefusalCode::MergeTooLarge => (StatusCode::CONFLICT, "The two accounts together are too large", "Remove aliases or attributes of one of the members first, or let a plan end."),
        RefusalCode::AccrualNotPending => (StatusCode::CONFLICT, "The accrual is not pending", "Nothing is left to confirm: the points are spendable, returned or lapsed."),
        RefusalCode::RedemptionNotHeld => (StatusCode::CONFLICT, "The redemption is not held", "Read `state`: the redemption was already captured or cancelled."),
        RefusalCode::ProgramVersionStale => (StatusCode::CONFLICT, "The program has another version", "Read the newest version, apply the change to it, and publish with `If-Match` and its number."),
        RefusalCode::VersionScheduled => (StatusCode::CONFLICT, "Another version is scheduled", "Publish after `in_force_from`, or withdraw the scheduled version first."),
        RefusalCode::VersionInForce => (StatusCode::CONFLICT, "The version is in force", "Publish another version. With `corrects`, it also removes the levels that only this version gave."),
        RefusalCode::VersionsFull => (StatusCode::CONFLICT, "The program has too many versions", "Continue with a program under another id."),
        RefusalCode::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large", "Send a smaller body."),
        RefusalCode::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key was used for another request", "Use one key for one request. Use a new key for a new request."),
        RefusalCode::InsufficientPoints => (StatusCode::UNPROCESSABLE_ENTITY, "Not enough points", "Wait until the member has earned the points in `missing`."),
        RefusalCode::InsufficientQualifying => (StatusCode::UNPROCESSABLE_ENTITY, "Not enough counts toward a tier", "Deduct less: `missing` says how much is missing."),
        RefusalCode::RewardOutOfStock => (StatusCode::UNPROCESSABLE_ENTITY, "The reward is out of stock", "Choose another reward, or raise the stock in the program document."),
        RefusalCode::RewardWithoutPool => (StatusCode::UNPROCESSABLE_ENTITY, "The reward has no pool of codes", "Set `\"codes\": \"pool\"` for the reward in the program document."),
        RefusalCode::RewardNotHoldable => (StatusCode::UNPROCESSABLE_ENTITY, "The reward cannot be held", "Redeem the reward without `hold`, or set `hold_seconds_max` in the program document."),
        RefusalCode::RewardNotForTier => (StatusCode::UNPROCESSABLE_ENTITY, "The reward is for other tiers", "Choose another reward. `tiers` lists the tiers that can redeem this one."),
        RefusalCode::RewardNotForMember => (StatusCode::UNPROCESSABLE_ENTITY, "The reward is not for this member", "Choose another reward: the condition of this one does not hold."),
        RefusalCode::RewardNotActive => (StatusCode::UNPROCESSABLE_ENTITY, "The reward is not on offer now", "Redeem the reward while it is on offer."),
        RefusalCode::RewardLimitReached => (StatusCode::UNPROCESSABLE_ENTITY, "The reward's limit is reached", "Wait for the next interval of the limit, or choose another reward."),
        RefusalCode::EntitlementNotHeld => (StatusCode::UNPROCESSABLE_ENTITY, "The member has no such entitlement", "Check the tier and the plan of the member."),
        RefusalCode::EntitlementUsedUp => (StatusCode::UNPROCESSABLE_ENTITY, "The entitlement is used up", "Wait until `resets_on`."),
        RefusalCode::HoldExpired => (StatusCode::UNPROCESSABLE_ENTITY, "The hold has expired", "Redeem the reward again."),
        RefusalCode::HoldsFull => (StatusCode::UNPROCESSABLE_ENTITY, "Too many open holds", "Capture or cancel an open hold first."),
        RefusalCode::ReversalExceedsAccrual => (StatusCode::UNPROCESSABLE_ENTITY, "The reversal exceeds the accrual", "Read the purchase to see what is left of it."),
        RefusalCode::LineNotFound => (StatusCode::UNPROCESSABLE_ENTITY, "No such line", "Read the purchase to see the ids of its lines."),
        RefusalCode::CannotAmend => (StatusCode::UNPROCESSABLE_ENTITY, "This cannot be amended", "Send the `occurred_at` of the original. To change it, return the purchase and post it again."),
        RefusalCode::FactsErased => (StatusCode::UNPROCESSABLE_ENTITY, "The details of the purchase were erased", "Return the whole purchase."),
        RefusalCode::ChangesFull => (StatusCode::UNPROCESSABLE_ENTITY, "Too many returns and amendments", "Return the rest of the purchase in full."),
        RefusalCode::LinesExceedTotal => (StatusCode::UNPROCESSABLE_ENTITY, "Lines exceed the total", "Check the lines and the total."),
        RefusalCode::OccurredAtOutOfRange => (StatusCode::UNPROCESSABLE_ENTITY, "occurred_at is out of range", "Check the clock of the till. Purchases can be posted for `points.backdating_days_max` days."),
        RefusalCode::CurrencyMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "The money is in another currency", "Use the currency of the program."),
        RefusalCode::ProgramInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "The program document has faults", "Correct all `problems`. Each has a JSON pointer to its place."),
        RefusalCode::PointsOverflow => (StatusCode::UNPROCESSABLE_ENTITY, "The points are out of range", "Check the amount."),
        RefusalCode::ClockMovedBack => (StatusCode::UNPROCESSABLE_ENTITY, "The clock does not move back", "Move the clock forward, or start the server with new data."),
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

/// The schema of a problem document: its own members, and those that refusals add for programs.
#[derive(JsonSchema)]
#[schemars(rename = "Problem")]
#[expect(dead_code, reason = "a schema only: refusals add their members by name")]
pub struct ProblemDocument {
    /// The type of the problem: an address that ends in the code.
    #[schemars(rename = "type")]
    kind: String,
    /// The title, the same each time the problem occurs.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The stable code of the problem.
    code: String,
    /// The description of this case, for people.
    detail: String,
    /// The id of the request in the logs.
    request_id: String,
    /// The malformed place in the body, as a JSON pointer; empty for the whole body or a header.
    #[schemars(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// All errors in the program document.
    #[schemars(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<FindingView>>,
    /// The missing points, or the missing amounts that count toward a tier.
    #[schemars(skip_serializing_if = "Option::is_none")]
    missing: Option<MissingAmount>,
    /// The tiers that can redeem the reward.
    #[schemars(skip_serializing_if = "Option::is_none")]
    tiers: Option<Vec<LevelId>>,
    /// The state of the redemption.
    #[schemars(skip_serializing_if = "Option::is_none")]
    state: Option<RedemptionState>,
    /// The day on which the code expired.
    #[schemars(skip_serializing_if = "Option::is_none")]
    expires_on: Option<Date>,
    /// The balance that is left on the code.
    #[schemars(skip_serializing_if = "Option::is_none")]
    left: Option<Money>,
    /// The plan that runs.
    #[schemars(skip_serializing_if = "Option::is_none")]
    running: Option<RunningPlan>,
    /// The number of paid plans that wait.
    #[schemars(skip_serializing_if = "Option::is_none")]
    waiting: Option<u64>,
    /// The day on which the entitlement can be used again; `null` if there is none.
    #[schemars(skip_serializing_if = "Option::is_none")]
    resets_on: Option<ResetsOn>,
    /// The member into whom this one was merged.
    #[schemars(skip_serializing_if = "Option::is_none")]
    merged_into: Option<MemberId>,
    /// The members whose ledgers have an entry with this id.
    #[schemars(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberId>>,
    /// The number of the newest version; `null` if the program has none.
    #[schemars(skip_serializing_if = "Option::is_none")]
    current: Option<CurrentVersion>,
    /// The number of the version.
    #[schemars(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// When the version comes or came into force.
    #[schemars(skip_serializing_if = "Option::is_none")]
    in_force_from: Option<Timestamp>,
}

/// What is missing.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema only")]
enum MissingAmount {
    /// The points.
    Points(i64),
    /// The amounts that count toward a tier.
    Qualifying(Qualifying),
}

/// A plan that runs.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a schema only")]
struct RunningPlan {
    /// The plan.
    id: PlanId,
    /// The last paid day.
    through: Date,
}

/// A date, or `null` if there is none.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[expect(dead_code, reason = "a schema only")]
struct ResetsOn(Option<Date>);

/// The number of a version, or `null` if there is none.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[expect(dead_code, reason = "a schema only")]
struct CurrentVersion(Option<u64>);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_and_name_is_the_one_that_callers_were_promised() {
        use RefusalCode as Refused;
        let promised: [(u16, &str, ProblemCode); 77] = [
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
            (409, "plan_not_running", Refused::PlanNotRunning.into()),
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
        let is_promised = |code: &ProblemCode| promised.iter().any(|(_, _, promised)| promised == code);
        assert_eq!(ProblemCode::all().find(|code| !is_promised(code)), None);
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
