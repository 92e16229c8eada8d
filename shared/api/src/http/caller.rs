//! The caller and what it may reach, from the token that the gateway has already verified.

use std::collections::HashMap;

use ::http::Method;
use aws_lambda_events::apigw::ApiGatewayRequestAuthorizer;
use regulars_application::{
    authority::{Authority, Claims},
    subject::program_not_found,
};
use regulars_domain::id::Actor;

use super::{
    Params,
    problem::{Problem, ProblemCode},
    who::{Scope, Who},
};

/// The caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A system of the owner.
    Operator,
    /// The member in the path.
    Member,
}

/// Returns the caller of a request that `authority` admits to a route for `who`.
///
/// # Errors
///
/// `scope_missing` if the token does not allow the operation. A program or a member that the token does not reach is
/// reported as not existing: `program_not_found`, `member_not_found`.
pub(crate) fn admitted(
    authority: &Authority,
    authorizer: Option<&ApiGatewayRequestAuthorizer>,
    who: Who,
    method: &Method,
    params: &Params,
) -> Result<Caller, Problem> {
    if who.is_open_to_everyone() {
        return Ok(Caller::Member);
    }
    let names = match authority {
        Authority::Trusted => return Ok(Caller::Operator),
        Authority::Jwt(names) => names,
    };
    let claims = authorizer.and_then(|authorizer| authorizer.jwt.as_ref()).map(|token| &token.claims);
    let token = Token::read(claims.ok_or_else(|| missing(who, method))?, names);
    if token.is_of_member() { token.admit_member(who, params) } else { token.admit_operator(who, method, params) }
}

/// Returns the client that the token was issued to, if its claims name one.
pub(crate) fn client(authorizer: Option<&ApiGatewayRequestAuthorizer>) -> Option<Actor> {
    let claims = &authorizer?.jwt.as_ref()?.claims;
    // Cognito and most issuers use `client_id`, OpenID Connect `azp`.
    claims.get("client_id").or_else(|| claims.get("azp"))?.parse().ok()
}

/// The claims of a token.
struct Token<'t> {
    scopes: Vec<&'t str>,
    program: Option<&'t str>,
    member: Option<&'t str>,
}

impl<'t> Token<'t> {
    fn read(claims: &'t HashMap<String, String>, names: &Claims) -> Self {
        let claim = |name: &str| claims.get(name).map(String::as_str);
        Self { scopes: scopes(claims), program: claim(&names.program), member: claim(&names.member) }
    }

    fn carries(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope.as_str())
    }

    /// One sign of a member is enough: a token without the others is a member's with a mistake, and never an
    /// operator's.
    fn is_of_member(&self) -> bool {
        self.carries(Scope::Member) || self.member.is_some()
    }

    fn admit_member(&self, who: Who, params: &Params) -> Result<Caller, Problem> {
        let named = |claim: Option<&'t str>| claim.filter(|value| !value.is_empty());
        let (Some(program), Some(member)) = (named(self.program), named(self.member)) else {
            return Err(refused(
                "A member's token needs a claim that names the member and one that names the program.",
            ));
        };
        if !self.carries(Scope::Member) {
            return Err(refused("A member's token needs the scope `regulars/member`."));
        }
        check_program(program, params)?;
        match params.find("member") {
            Some(named) if named != member => Err(Problem::member_not_found(named)),
            Some(_) if who.is_open_to_members() => Ok(Caller::Member),
            Some(_) | None => Err(refused("Only an operator can do this.")),
        }
    }

    fn admit_operator(&self, who: Who, method: &Method, params: &Params) -> Result<Caller, Problem> {
        if !who.operator_scopes(method).any(|scope| self.carries(scope)) {
            return Err(missing(who, method));
        }
        if let Some(program) = self.program {
            check_program(program, params)?;
        }
        Ok(Caller::Operator)
    }
}

/// Rejects every program but `own`, with the text for a program that does not exist.
fn check_program(own: &str, params: &Params) -> Result<(), Problem> {
    if params.find("program").is_none() {
        return Err(refused("The token is confined to one program, and this route reaches all of them."));
    }
    let named = params.program()?;
    if named.as_str() == own { Ok(()) } else { Err(program_not_found(&named).into()) }
}

fn missing(who: Who, method: &Method) -> Problem {
    let scopes: Vec<_> = who.operator_scopes(method).map(|scope| format!("`{}`", scope.as_str())).collect();
    refused(format!("The token needs the scope {}.", scopes.join(" or ")))
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::ScopeMissing, detail)
}

/// Returns the scopes of the token itself. The gateway's own list is not used, because it may contain what the route
/// requires.
fn scopes(claims: &HashMap<String, String>) -> Vec<&str> {
    // Some issuers use the claim `scp`.
    let claim = claims.get("scope").or_else(|| claims.get("scp")).map(String::as_str).unwrap_or_default();
    // The gateway renders a claim that is a list as `[a b]`.
    claim.trim_start_matches('[').trim_end_matches(']').split([' ', ',']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use regulars_application::refusal::RefusalCode;
    use serde_json::{Value, json};

    const EARN: Who = Who::operator(&[Scope::Earn]);
    const OPEN: Who = Who::operator_or_member(&[Scope::Account, Scope::Earn]);
    const MEMBER: &str = "/v1/programs/demo/members/m-1";

    fn admit_as(names: Claims, claims: &Value, who: Who, method: &Method, path: &str) -> Result<Caller, ProblemCode> {
        let authorizer =
            serde_json::from_value(json!({ "jwt": { "claims": claims, "scopes": ["regulars/earn"] } })).unwrap();
        let (_, rest) = path.split_once("/v1/programs/").unwrap_or_default();
        let mut names_of = ["program", "member"].into_iter().zip(rest.split("/members/"));
        let params = Params::of(names_of.by_ref().filter(|(_, value)| !value.is_empty()));
        admitted(&Authority::Jwt(names), Some(&authorizer), who, method, &params).map_err(|problem| problem.code())
    }

    fn admit(claims: &Value, who: Who, method: &Method, path: &str) -> Result<Caller, ProblemCode> {
        admit_as(Claims::default(), claims, who, method, path)
    }

    #[test]
    fn an_operators_token_needs_a_scope_of_the_route() {
        let missing = Err(ProblemCode::ScopeMissing);
        let operator = Ok(Caller::Operator);
        for (claims, who, method, expected) in [
            (json!({ "scope": "regulars/earn" }), EARN, Method::POST, operator),
            (json!({ "scope": "openid regulars/earn regulars/redeem" }), EARN, Method::POST, operator),
            (json!({ "scp": "[openid regulars/earn]" }), EARN, Method::POST, operator),
            (json!({ "scope": "regulars/account" }), OPEN, Method::POST, operator),
            (json!({ "scope": "regulars/earn" }), OPEN, Method::POST, operator),
            (json!({ "scope": "regulars/read" }), EARN, Method::GET, operator),
            (json!({ "scope": "regulars/read" }), OPEN, Method::GET, operator),
            (json!({ "scope": "regulars/read" }), OPEN, Method::POST, missing),
            (json!({ "scope": "regulars/redeem" }), EARN, Method::POST, missing),
            (json!({ "scope": "regulars/earnings" }), EARN, Method::POST, missing),
            (json!({ "scope": "xregulars/earn" }), EARN, Method::POST, missing),
            (json!({ "scope": "earn" }), EARN, Method::POST, missing),
            (json!({ "scope": "" }), EARN, Method::POST, missing),
            // The gateway's own list is not the token's.
            (json!({}), EARN, Method::POST, missing),
        ] {
            assert_eq!(admit(&claims, who, &method, MEMBER), expected, "{claims} {who:?} {method}");
        }
    }

    #[test]
    fn a_members_token_reaches_what_is_open_to_members_and_only_with_its_scope_and_both_claims() {
        let missing = Err(ProblemCode::ScopeMissing);
        let all = "regulars/member regulars/earn regulars/account regulars/adjust regulars/read";
        for (claims, expected) in [
            (json!({ "scope": "regulars/member", "member": "m-1", "program": "demo" }), Ok(Caller::Member)),
            (json!({ "scope": all, "member": "m-1", "program": "demo" }), Ok(Caller::Member)),
            (json!({ "scope": all, "program": "demo" }), missing),
            (json!({ "scope": all, "member": "m-1" }), missing),
            (json!({ "scope": all, "member": "", "program": "demo" }), missing),
            (json!({ "scope": all, "member": "m-1", "program": "" }), missing),
            (json!({ "scope": all, "custom:member": "m-1", "custom:program": "demo" }), missing),
            (json!({ "scope": "regulars/earn regulars/account", "member": "m-1", "program": "demo" }), missing),
            (json!({ "scope": "regulars/earn regulars/account", "member": "" }), missing),
        ] {
            for method in [Method::GET, Method::POST] {
                assert_eq!(admit(&claims, OPEN, &method, MEMBER), expected, "{claims}");
                assert_eq!(admit(&claims, EARN, &method, MEMBER), missing, "{claims}");
            }
        }
    }

    #[test]
    fn a_token_reaches_its_own_program_and_member() {
        let member = json!({ "scope": "regulars/member", "member": "m-1", "program": "demo" });
        let confined = json!({ "scope": "regulars/earn", "program": "demo" });
        let free = json!({ "scope": "regulars/earn" });
        let no_member = Err(RefusalCode::MemberNotFound.into());
        let no_program = Err(RefusalCode::ProgramNotFound.into());
        for (claims, path, expected) in [
            (&member, MEMBER, Ok(Caller::Member)),
            (&member, "/v1/programs/demo/members/m-2", no_member),
            (&member, "/v1/programs/demo/members/M-1", no_member),
            (&member, "/v1/programs/demo/members/[m-1 m-2]", no_member),
            (&member, "/v1/programs/other/members/m-1", no_program),
            (&member, "/v1/programs/Demo/members/m-1", no_program),
            (&member, "/v1/programs/demo", Err(ProblemCode::ScopeMissing)),
            (&member, "/v1", Err(ProblemCode::ScopeMissing)),
            (&confined, MEMBER, Ok(Caller::Operator)),
            (&confined, "/v1/programs/demo", Ok(Caller::Operator)),
            (&confined, "/v1/programs/other/members/m-1", no_program),
            (&confined, "/v1/programs/a b", no_program),
            (&confined, "/v1", Err(ProblemCode::ScopeMissing)),
            (&free, "/v1/programs/other/members/m-1", Ok(Caller::Operator)),
            (&free, "/v1", Ok(Caller::Operator)),
        ] {
            assert_eq!(admit(claims, OPEN, &Method::POST, path), expected, "{claims} {path}");
        }
    }

    #[test]
    fn an_issuer_may_call_the_claims_otherwise() {
        let names =
            || Claims { member: "https://shop.example/member".to_owned(), program: "custom:program".to_owned() };
        let own = json!({ "scope": "regulars/member", "https://shop.example/member": "m-1", "custom:program": "demo" });
        assert_eq!(admit_as(names(), &own, OPEN, &Method::GET, MEMBER), Ok(Caller::Member));
        let plain = json!({ "scope": "regulars/member", "member": "m-1", "program": "demo" });
        assert_eq!(admit_as(names(), &plain, OPEN, &Method::GET, MEMBER), Err(ProblemCode::ScopeMissing));
    }

    #[test]
    fn a_request_without_a_token_is_let_in_only_where_everyone_is() {
        let params = Params::default();
        for authorizer in [None, Some(serde_json::from_value(json!({})).unwrap())] {
            let jwt = Authority::Jwt(Claims::default());
            let refused = admitted(&jwt, authorizer.as_ref(), OPEN, &Method::GET, &params).unwrap_err();
            assert_eq!(refused.code(), ProblemCode::ScopeMissing);
            let trusted = admitted(&Authority::Trusted, authorizer.as_ref(), EARN, &Method::GET, &params).unwrap();
            assert_eq!(trusted, Caller::Operator);
        }
    }
}
