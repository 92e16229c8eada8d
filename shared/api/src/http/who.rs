//! Who may call an operation: the scopes of operators, and whether a member may do it for themselves.

use ::http::Method;

/// A scope of the resource server `regulars`, which a token carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The `enroll` function.
    Enroll,
    /// The `earn` function.
    Earn,
    /// The `redeem` function.
    Redeem,
    /// Reviews by the `tier-evaluation` function.
    TierEvaluation,
    /// The `account` function.
    Account,
    /// Publishing programs and uploading codes.
    Program,
    /// Adjustments, transfers and tier overrides.
    Adjust,
    /// Every `GET` route.
    Read,
    /// What members may do for themselves. The token also names the member and the program.
    Member,
}

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    scopes: &'static [Scope],
    is_open_to_members: bool,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 9] = [
        Self::Enroll,
        Self::Earn,
        Self::Redeem,
        Self::TierEvaluation,
        Self::Account,
        Self::Program,
        Self::Adjust,
        Self::Read,
        Self::Member,
    ];

    /// Returns the scope as a token carries it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enroll => "regulars/enroll",
            Self::Earn => "regulars/earn",
            Self::Redeem => "regulars/redeem",
            Self::TierEvaluation => "regulars/tier-evaluation",
            Self::Account => "regulars/account",
            Self::Program => "regulars/program",
            Self::Adjust => "regulars/adjust",
            Self::Read => "regulars/read",
            Self::Member => "regulars/member",
        }
    }
}

impl Who {
    /// Operators whose token carries one of `scopes`, and no members.
    #[must_use]
    pub const fn operator(scopes: &'static [Scope]) -> Self {
        Self { scopes, is_open_to_members: false }
    }

    /// Operators whose token carries one of `scopes`, and the member in the path.
    #[must_use]
    pub const fn operator_or_member(scopes: &'static [Scope]) -> Self {
        Self { scopes, is_open_to_members: true }
    }

    /// Returns whether a member may call the operation for themselves.
    #[must_use]
    pub const fn is_open_to_members(self) -> bool {
        self.is_open_to_members
    }

    /// Returns the scopes of which an operator's token needs one. `GET` routes also accept [`Scope::Read`].
    pub fn operator_scopes(self, method: &Method) -> impl Iterator<Item = Scope> {
        let read = (*method == Method::GET).then_some(Scope::Read);
        self.scopes.iter().copied().chain(read)
    }

    /// Returns the scopes of which the gateway requires one.
    pub fn scopes(self, method: &Method) -> impl Iterator<Item = Scope> {
        self.operator_scopes(method).chain(self.is_open_to_members.then_some(Scope::Member))
    }
}
