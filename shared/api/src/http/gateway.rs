//! The answers of API Gateway itself, for requests that reach no function. An HTTP API cannot change their bodies, so
//! they are not problem documents: a client must check the status first.

use ::http::StatusCode;

/// An answer of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// The request has no token, or one that is not valid.
    Unauthorized,
    /// The token does not carry the scope of the route.
    Forbidden,
    /// The body is larger than 10 MB.
    TooLarge,
    /// The rate limit of the stage is reached.
    TooManyRequests,
    /// The function failed.
    InternalServerError,
    /// The function did not answer within 30 seconds.
    ServiceUnavailable,
}

impl Gateway {
    /// All answers.
    pub const ALL: [Self; 6] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::TooLarge,
        Self::TooManyRequests,
        Self::InternalServerError,
        Self::ServiceUnavailable,
    ];

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.row().0
    }

    /// The text in `{ "message": ... }`.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.row().1
    }

    /// What the answer means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    /// Returns whether the answer is about the token.
    #[must_use]
    pub fn is_about_token(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Forbidden)
    }

    #[rustfmt::skip]
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized", "The request has no valid token. The header `www-authenticate` says why."),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden", "The token does not carry the scope of the route."),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large", "The body is larger than 10 MB."),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", "The rate limit of the stage is reached. Repeat the request after a pause that grows with each attempt."),
            Self::InternalServerError => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error", "The function failed. Repeat the request under the same key."),
            Self::ServiceUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", "The function did not answer within 30 seconds. Repeat the request under the same key."),
        }
    }
}
