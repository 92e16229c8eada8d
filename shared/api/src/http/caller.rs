//! Who calls and what they may reach, from the token that the gateway has already checked.

use std::collections::HashMap;

use aws_lambda_events::apigw::ApiGatewayRequestAuthorizer;
use regulars_application::authority::Authority;
use regulars_domain::id::Actor;

use super::problem::{Problem, ProblemCode};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The owner's own system, which sees every member.
    Operator,
    /// Someone acting for one member (the claim `member` of their token), who sees nothing else.
    Member(String),
}

/// The caller of a route that needs `scope`, such as `regulars/earn`, as far as `authority` goes.
pub(crate) fn caller(
    authority: Authority,
    authorizer: Option<&ApiGatewayRequestAuthorizer>,
    scope: &str,
) -> Result<Caller, Problem> {
    match authority {
        Authority::Trusted => Ok(Caller::Operator),
        Authority::Jwt => caller_of_token(authorizer, scope),
    }
}

impl Caller {
    /// Whether the caller may reach a route that names `member`, or names none.
    ///
    /// # Errors
    ///
    /// For a caller who acts for one member: `member_not_found` for any other, in the words that a member who does
    /// not exist gets; `scope_missing` where the route names none and so reaches the whole program.
    pub fn may_reach(&self, member: Option<&str>) -> Result<(), Problem> {
        match (self, member) {
            (Caller::Operator, _) => Ok(()),
            (Caller::Member(own), Some(member)) if own == member => Ok(()),
            (Caller::Member(_), Some(member)) => Err(Problem::member_not_found(member)),
            (Caller::Member(_), None) => Err(Problem::new(
                ProblemCode::ScopeMissing,
                "The token is for one member; this reaches the whole program.",
            )),
        }
    }
}

/// The client that the token was issued to, if its claims name one.
pub(crate) fn client(authorizer: Option<&ApiGatewayRequestAuthorizer>) -> Option<Actor> {
    let claims = &authorizer?.jwt.as_ref()?.claims;
    // Cognito and most issuers say `client_id`, OpenID Connect `azp`.
    claims.get("client_id").or_else(|| claims.get("azp"))?.parse().ok()
}

fn caller_of_token(authorizer: Option<&ApiGatewayRequestAuthorizer>, scope: &str) -> Result<Caller, Problem> {
    let scope_missing =
        || Problem::new(ProblemCode::ScopeMissing, format!("The token does not carry the scope `{scope}`."));
    let token = authorizer.and_then(|authorizer| authorizer.jwt.as_ref()).ok_or_else(scope_missing)?;
    let scopes = scopes(&token.claims, token.scopes.as_deref().unwrap_or_default());
    if !scopes.contains(&scope) {
        return Err(scope_missing());
    }
    Ok(match token.claims.get("member") {
        Some(member) => Caller::Member(member.clone()),
        None => Caller::Operator,
    })
}

/// The scopes that the token itself carries. What the gateway lists beside the claims is used only where the token
/// names none, because it may list what the route asked for.
fn scopes<'a>(claims: &'a HashMap<String, String>, listed: &'a [String]) -> Vec<&'a str> {
    // Some issuers call the claim `scp`.
    match claims.get("scope").or_else(|| claims.get("scp")) {
        // The gateway renders a claim that is a list as `[a b]`.
        Some(claim) => claim.trim_start_matches('[').trim_end_matches(']').split([' ', ',']).collect(),
        None => listed.iter().map(String::as_str).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regulars_application::refusal::RefusalCode;
    use serde_json::json;

    fn of_token(authorizer: serde_json::Value) -> Result<Caller, ProblemCode> {
        let authorizer: ApiGatewayRequestAuthorizer = serde_json::from_value(authorizer).unwrap();
        caller(Authority::Jwt, Some(&authorizer), "regulars/earn").map_err(|problem| problem.code())
    }

    #[test]
    fn a_token_needs_the_scope_of_the_route() {
        let member = Caller::Member("m-1".to_owned());
        for (claims, scopes, expected) in [
            (json!({ "scope": "regulars/earn" }), json!(null), Ok(Caller::Operator)),
            (json!({ "scope": "openid regulars/earn regulars/redeem" }), json!(null), Ok(Caller::Operator)),
            (json!({ "scp": "[openid regulars/earn]" }), json!(null), Ok(Caller::Operator)),
            (json!({}), json!(["regulars/earn"]), Ok(Caller::Operator)),
            (json!({ "scope": "regulars/earn", "member": "m-1" }), json!(null), Ok(member)),
            (json!({ "scope": "openid" }), json!(["regulars/earn"]), Err(ProblemCode::ScopeMissing)),
            (json!({ "scope": "regulars/earnings" }), json!(null), Err(ProblemCode::ScopeMissing)),
            (json!({ "scope": "xregulars/earn" }), json!(null), Err(ProblemCode::ScopeMissing)),
            (json!({ "scope": "" }), json!(null), Err(ProblemCode::ScopeMissing)),
            (json!({}), json!(null), Err(ProblemCode::ScopeMissing)),
        ] {
            let authorizer = json!({ "jwt": { "claims": claims, "scopes": scopes } });
            assert_eq!(of_token(authorizer.clone()), expected, "{authorizer}");
        }
    }

    #[test]
    fn a_request_without_a_token_is_let_in_only_where_everyone_is() {
        assert_eq!(of_token(json!({})), Err(ProblemCode::ScopeMissing));
        let refused = caller(Authority::Jwt, None, "regulars/earn").unwrap_err();
        assert_eq!(refused.code(), ProblemCode::ScopeMissing);
        let trusted = caller(Authority::Trusted, None, "regulars/earn").unwrap();
        assert_eq!(trusted, Caller::Operator);
    }

    #[test]
    fn a_caller_for_one_member_reaches_that_member_only() {
        let own = Caller::Member("m-1".to_owned());
        let code = |caller: &Caller, member| caller.may_reach(member).err().map(|p| p.code());
        assert_eq!(code(&own, Some("m-1")), None);
        assert_eq!(code(&own, Some("m-2")), Some(RefusalCode::MemberNotFound.into()));
        assert_eq!(code(&own, Some("M-1")), Some(RefusalCode::MemberNotFound.into()));
        assert_eq!(code(&own, None), Some(ProblemCode::ScopeMissing));
        assert_eq!(code(&Caller::Operator, Some("m-2")), None);
        assert_eq!(code(&Caller::Operator, None), None);
    }

    #[test]
    fn a_token_with_an_empty_member_reaches_nothing() {
        let empty = of_token(json!({ "jwt": { "claims": { "scope": "regulars/earn", "member": "" } } })).unwrap();
        assert!(empty.may_reach(Some("m-1")).is_err());
        assert!(empty.may_reach(None).is_err());
    }
}
