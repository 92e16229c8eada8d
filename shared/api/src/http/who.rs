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
    is_open_to_everyone: bool,
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

impl Scope {
    /// What the scope allows, in a sentence.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Enroll => "Members: join, change, aliases, plans, merge, erasure.",
            Self::Earn => "Purchases, activities, returns, amendments, confirmations and quotes.",
            Self::Redeem => "Redemptions, holds, codes, entitlements and quotes.",
            Self::TierEvaluation => "Reviews of accounts.",
            Self::Account => "Accounts, statements, tiers, rewards and exports.",
            Self::Program => "Programs, versions and codes.",
            Self::Adjust => "Adjustments, transfers and tiers granted by an operator.",
            Self::Read => "All `GET` routes.",
            Self::Member => "What members may do for themselves. The token also names the member and the program.",
        }
    }
}

impl Who {
    /// Everyone, without a token. Such an operation reads nothing of a program or a member.
    pub const EVERYONE: Self = Self { scopes: &[], is_open_to_members: false, is_open_to_everyone: true };

    /// Returns whether the operation needs no token.
    #[must_use]
    pub const fn is_open_to_everyone(self) -> bool {
        self.is_open_to_everyone
    }

    /// Operators whose token carries one of `scopes`, and no member.
    #[must_use]
    pub const fn operator(scopes: &'static [Scope]) -> Self {
        Self { scopes, is_open_to_members: false, is_open_to_everyone: false }
    }

    /// Operators whose token carries one of `scopes`, and the member in the path.
    #[must_use]
    pub const fn operator_or_member(scopes: &'static [Scope]) -> Self {
        Self { scopes, is_open_to_members: true, is_open_to_everyone: false }
    }

    /// Returns whether a member may call the operation for themselves.
    #[must_use]
    pub const fn is_open_to_members(self) -> bool {
        self.is_open_to_members
    }

    /// Returns the scopes of which an operator's token needs one. `GET` routes also accept [`Scope::Read`].
    pub fn operator_scopes(self, method: &Method) -> impl Iterator<Item = Scope> {
        let read = (*method == Method::GET && !self.is_open_to_everyone).then_some(Scope::Read);
        self.scopes.iter().copied().chain(read)
    }

    /// Returns the scopes of which the gateway requires one.
    pub fn scopes(self, method: &Method) -> impl Iterator<Item = Scope> {
        self.operator_scopes(method).chain(self.is_open_to_members.then_some(Scope::Member))
    }
}
