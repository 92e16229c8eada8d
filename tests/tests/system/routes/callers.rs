//! Who may call what: every route, by every kind of caller, for their own, another and an unknown member and program.

use std::collections::BTreeSet;

use regulars_api::http::Scope;
use regulars_cli::token::{Grant, Key};
use regulars_tests::{
    client::{Answer, JSON},
    event::{FUNCTIONS, callers},
    system::{DEMO, System, coffee_shop, purchase},
};
use serde_json::{Value, json};

/// A route, the scopes of which an operator's token needs one, and whether members may call it for themselves.
type Row = (&'static str, &'static str, &'static [Scope], bool);

/// The expected callers, written independently of the code. A route that is not listed fails
/// [`every_route_has_its_row`].
const ROWS: &[Row] = {
    use Scope::{Account, Adjust, Earn, Enroll, Program, Read, Redeem, TierEvaluation};
    &[
        ("POST", "/members", &[Enroll], false),
        ("POST", "/members/lookup", &[Enroll], false),
        ("PATCH", "/members/{member}", &[Enroll], true),
        ("POST", "/members/{member}/aliases", &[Enroll], false),
        ("POST", "/members/{member}/erasure", &[Enroll], false),
        ("POST", "/members/{member}/merge", &[Enroll], false),
        ("POST", "/members/{member}/plan", &[Enroll], false),
        ("POST", "/members/{member}/plan/{entry}/reversals", &[Enroll], false),
        ("DELETE", "/members/{member}/plan", &[Enroll], false),
        ("POST", "/members/{member}/accruals", &[Earn], false),
        ("POST", "/members/{member}/accruals/{entry}/amendments", &[Earn], false),
        ("POST", "/members/{member}/accruals/{entry}/confirmation", &[Earn], false),
        ("POST", "/members/{member}/accruals/{entry}/reversals", &[Earn], false),
        ("POST", "/members/{member}/quotes", &[Earn, Redeem, Account], true),
        ("POST", "/members/{member}/redemptions", &[Redeem], true),
        ("POST", "/members/{member}/redemptions/{entry}/capture", &[Redeem], false),
        ("POST", "/members/{member}/redemptions/{entry}/cancellation", &[Redeem], true),
        ("POST", "/members/{member}/redemptions/{entry}/reversals", &[Redeem], false),
        ("POST", "/members/{member}/entitlements/{entitlement}/uses", &[Redeem], true),
        ("POST", "/rewards/{reward}/codes/{code}/use", &[Redeem], false),
        ("POST", "/members/{member}/tier-evaluations", &[TierEvaluation], false),
        ("PUT", "/members/{member}/tier-override", &[Adjust], false),
        ("DELETE", "/members/{member}/tier-override", &[Adjust], false),
        ("GET", "/members/{member}", &[Account, Read], true),
        ("GET", "/members/{member}/accruals/{entry}", &[Account, Read], true),
        ("GET", "/members/{member}/entitlements", &[Account, Read], true),
        ("GET", "/members/{member}/entries", &[Account, Read], true),
        ("GET", "/members/{member}/entries/{entry}", &[Account, Read], true),
        ("GET", "/members/{member}/export", &[Account, Read], false),
        ("GET", "/members/{member}/rewards", &[Account, Read], true),
        ("GET", "/members/{member}/tier", &[Account, Read], true),
        ("PUT", "", &[Program], false),
        ("GET", "", &[Program, Read], false),
        ("GET", "/versions", &[Program, Read], false),
        ("GET", "/versions/{version}", &[Program, Read], false),
        ("DELETE", "/versions/{version}", &[Program], false),
        ("POST", "/members/{member}/adjustments", &[Adjust], false),
        ("POST", "/members/{member}/transfers", &[Adjust], false),
        ("POST", "/rewards/{reward}/codes", &[Program], false),
        ("GET", "/rewards/{reward}/codes", &[Program, Read], false),
        ("GET", "/rewards/{reward}/codes/{code}", &[Program, Read], false),
        ("POST", "/rewards/{reward}/codes/{code}/void", &[Program], false),
    ]
};

const OPERATOR_SCOPES: [Scope; 8] = [
    Scope::Enroll,
    Scope::Earn,
    Scope::Redeem,
    Scope::TierEvaluation,
    Scope::Account,
    Scope::Program,
    Scope::Adjust,
    Scope::Read,
];

/// The claims of a token: its scopes, its member, its program.
#[derive(Clone, Debug)]
struct Says {
    scopes: Vec<Scope>,
    member: Option<&'static str>,
    program: Option<&'static str>,
}

#[derive(Clone, Debug)]
enum Caller {
    WithoutToken,
    WithAnothersToken,
    Holder(Says),
}

/// The outcome for a caller.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The request is rejected with this.
    Refused(u16, &'static str),
    /// The request reaches the handler.
    Through,
}

fn everyone() -> Vec<Caller> {
    let holder = |scopes: &[Scope], member, program| Caller::Holder(Says { scopes: scopes.to_vec(), member, program });
    let all: Vec<_> = OPERATOR_SCOPES.into_iter().chain([Scope::Member]).collect();
    let mut callers = vec![Caller::WithoutToken, Caller::WithAnothersToken];
    for scope in OPERATOR_SCOPES {
        callers.push(holder(&[scope], None, None));
        callers.push(holder(&[scope], None, Some("demo")));
    }
    callers.push(holder(&OPERATOR_SCOPES, None, Some("other")));
    // Members, and tokens with incomplete claims of a member.
    callers.push(holder(&[Scope::Member], Some("m-1"), Some("demo")));
    callers.push(holder(&all, Some("m-1"), Some("demo")));
    callers.push(holder(&all, Some("m-1"), None));
    callers.push(holder(&all, None, Some("demo")));
    callers.push(holder(&all, None, None));
    callers.push(holder(&OPERATOR_SCOPES, Some("m-1"), Some("demo")));
    callers.push(holder(&OPERATOR_SCOPES, Some("m-1"), None));
    callers
}

fn expected((_, path, scopes, is_open): &Row, caller: &Caller, program: &str, member: &str) -> Outcome {
    const FORBIDDEN: Outcome = Outcome::Refused(403, "scope_missing");
    const NO_PROGRAM: Outcome = Outcome::Refused(404, "program_not_found");
    let says = match caller {
        Caller::WithoutToken => return Outcome::Refused(401, "token_missing"),
        Caller::WithAnothersToken => return Outcome::Refused(401, "token_invalid"),
        Caller::Holder(says) => says,
    };
    let carries = |scope: &Scope| says.scopes.contains(scope);
    if carries(&Scope::Member) || says.member.is_some() {
        return match (says.member, says.program) {
            (Some(own), Some(own_program)) if carries(&Scope::Member) => {
                if program != own_program {
                    NO_PROGRAM
                } else if path.contains("{member}") && member != own {
                    Outcome::Refused(404, "member_not_found")
                } else if path.contains("{member}") && *is_open {
                    Outcome::Through
                } else {
                    FORBIDDEN
                }
            }
            _ => FORBIDDEN,
        };
    }
    if !scopes.iter().any(carries) {
        FORBIDDEN
    } else if says.program.is_some_and(|own| own != program) {
        NO_PROGRAM
    } else {
        Outcome::Through
    }
}

/// Sends a body that no handler accepts, so that an admitted request changes nothing.
fn send(system: &System, token: Option<&str>, method: &str, path: &str) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![JSON, ("idempotency-key", "k-1"), ("if-match", "\"7\"")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let body: &[u8] = if method == "GET" { b"" } else { b"{\"nothing\":[]}" };
    system.client.send(method, path, &headers, body)
}

fn token(key: &Key, says: &Says) -> String {
    let scopes: Vec<_> = says.scopes.iter().map(|scope| scope.as_str()).collect();
    let grant = Grant {
        scope: scopes.join(" "),
        member: says.member.map(|member| member.parse().unwrap()),
        program: says.program.map(|program| program.parse().unwrap()),
        actor: "till-3".parse().unwrap(),
    };
    key.signed(&grant).unwrap()
}

/// Returns a system that requires tokens, with members `m-1` and `m-2` in the programs `demo` and `other`.
fn system() -> (System, Key) {
    let (system, key) = System::demanding_tokens();
    let operator = token(&key, &Says { scopes: OPERATOR_SCOPES.to_vec(), member: None, program: None });
    let bearer = format!("Bearer {operator}");
    let authorization = ("authorization", bearer.as_str());
    let document = coffee_shop().to_string();
    let headers = [JSON, ("if-none-match", "*"), authorization];
    system.client.send("PUT", "/v1/programs/other", &headers, document.as_bytes()).expect(201);
    for program in ["demo", "other"] {
        for member in ["m-1", "m-2"] {
            let body = json!({ "member": member }).to_string();
            let path = format!("/v1/programs/{program}/members");
            system.client.send("POST", &path, &[JSON, authorization], body.as_bytes()).expect(201);
        }
    }
    (system, key)
}

#[test]
fn every_route_has_its_row() {
    let (public, coded): (Vec<_>, Vec<_>) =
        FUNCTIONS.into_iter().flat_map(callers).partition(|(.., who)| who.is_open_to_everyone());
    let public = public.into_iter().map(|(method, path, _)| format!("{method} {path}"));
    assert_eq!(public.collect::<BTreeSet<_>>(), PUBLIC.map(|path| format!("GET {path}")).into());
    let coded = coded.into_iter().map(|(method, path, _)| (method.to_string(), path));
    let rows = ROWS.iter().map(|(method, path, ..)| ((*method).to_owned(), format!("/v1/programs/{{program}}{path}")));
    assert_eq!(coded.collect::<BTreeSet<_>>(), rows.collect());
}

/// The machine-readable documents.
const PUBLIC: [&str; 2] = ["/v1/openapi.json", "/v1/program.schema.json"];

#[test]
fn everyone_reads_the_documents_with_any_token_or_none() {
    let (system, key) = system();
    for caller in everyone() {
        let token = match &caller {
            Caller::WithoutToken => None,
            Caller::WithAnothersToken => Some("no token".to_owned()),
            Caller::Holder(says) => Some(token(&key, says)),
        };
        for path in PUBLIC {
            let document = send(&system, token.as_deref(), "GET", path).expect(200);
            assert!(document["$schema"].is_string() || document["openapi"] == "3.1.0", "{path}");
        }
    }
    system.client.send("POST", PUBLIC[0], &[JSON], b"{}").problem(405, "method_not_allowed");
}

#[test]
fn every_caller_reaches_what_is_theirs_and_nothing_else() {
    let (system, key) = system();
    let stranger = {
        let (_other, key) = System::demanding_tokens();
        token(&key, &Says { scopes: OPERATOR_SCOPES.to_vec(), member: None, program: None })
    };
    let mut through = 0;
    let mut faults = Vec::new();
    for caller in everyone() {
        let token = match &caller {
            Caller::WithoutToken => None,
            Caller::WithAnothersToken => Some(stranger.clone()),
            Caller::Holder(says) => Some(token(&key, says)),
        };
        for row in ROWS {
            let (method, route, ..) = row;
            for program in ["demo", "other", "none"] {
                let members: &[&str] = if route.contains("{member}") { &["m-1", "m-2", "m-9"] } else { &[""] };
                for member in members {
                    let path = route.replace("{member}", member).replace("{entry}", "e-1").replace("{version}", "7");
                    let path =
                        path.replace("{reward}", "voucher").replace("{code}", "C1").replace("{entitlement}", "e");
                    let path = format!("/v1/programs/{program}{path}");
                    let answer = send(&system, token.as_deref(), method, &path);
                    let code = answer.body["code"].as_str().unwrap_or_default();
                    let expected = expected(row, &caller, program, member);
                    let exists = program != "none" && *member != "m-9";
                    let is_right = match expected {
                        Outcome::Refused(status, refused) => (answer.status, code) == (status, refused),
                        Outcome::Through => {
                            through += 1;
                            let is_kept_out = ["token_missing", "token_invalid", "scope_missing"].contains(&code);
                            let is_hidden = exists && ["program_not_found", "member_not_found"].contains(&code);
                            !is_kept_out && !is_hidden && answer.status < 500
                        }
                    };
                    if !is_right {
                        faults.push(format!("{caller:?}: {answer}, not {expected:?}"));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(10)].join("\n"));
    assert!(through > 500, "{through} requests got through");
}

#[test]
fn another_member_and_another_program_are_reported_as_not_existing() {
    let (system, key) = system();
    let member = token(&key, &Says { scopes: vec![Scope::Member], member: Some("m-1"), program: Some("demo") });
    let operator = token(&key, &Says { scopes: OPERATOR_SCOPES.to_vec(), member: None, program: None });
    let confined = token(&key, &Says { scopes: OPERATOR_SCOPES.to_vec(), member: None, program: Some("demo") });
    let told = |token: &str, path: &str, what: &str| {
        let answer = send(&system, Some(token), "GET", path);
        let problem = |name: &str| answer.body[name].clone();
        let detail = problem("detail").as_str().unwrap().replace(what, "it");
        (answer.status, problem("code"), problem("title"), detail)
    };
    let absent = told(&operator, &format!("{DEMO}/members/m-9"), "m-9");
    assert_eq!(told(&member, &format!("{DEMO}/members/m-2"), "m-2"), absent);
    let absent = told(&operator, "/v1/programs/none/members/m-1", "none");
    assert_eq!(told(&member, "/v1/programs/other/members/m-1", "other"), absent);
    assert_eq!(told(&confined, "/v1/programs/other/members/m-1", "other"), absent);
}

/// Members do what they may do for themselves, and the ledger records who did it.
#[test]
fn a_member_spends_and_cancels_a_hold_and_no_more() {
    let (system, key) = system();
    let says = |scopes: &[Scope], member| Says { scopes: scopes.to_vec(), member, program: Some("demo") };
    let till = token(&key, &says(&[Scope::Earn], None));
    let clerk = token(&key, &says(&[Scope::Adjust, Scope::Redeem], None));
    let own = token(&key, &says(&[Scope::Member], Some("m-1")));
    let member = format!("{DEMO}/members/m-1");
    let act = |token: &str, name: &str, path: &str, body: Value| {
        let bearer = format!("Bearer {token}");
        let headers =
            [JSON, ("idempotency-key", name), ("authorization", bearer.as_str()), ("regulars-actor", "ayse-7")];
        system.client.send("POST", &format!("{member}/{path}"), &headers, body.to_string().as_bytes())
    };
    act(&till, "o-1", "accruals", purchase(30_000)).expect(201);
    let money = json!({ "amount": 400, "currency": "EUR" });
    let hold = json!({ "reward": "money-off", "money": money, "hold": { "seconds": 60 } });
    act(&own, "r-1", "redemptions", hold).expect(201);
    act(&own, "c-1", "redemptions/r-1/capture", json!({ "points": 1 })).problem(403, "scope_missing");
    act(&own, "x-1", "redemptions/r-1/cancellation", json!({})).expect(201);
    act(&own, "r-2", "redemptions", json!({ "reward": "free-coffee" })).expect(201);
    act(&own, "b-1", "redemptions/r-2/reversals", json!({})).problem(403, "scope_missing");
    act(&own, "o-2", "accruals", purchase(30_000)).problem(403, "scope_missing");
    act(&own, "a-1", "adjustments", json!({ "points": 1, "reason": "x" })).problem(403, "scope_missing");
    act(&clerk, "a-1", "adjustments", json!({ "points": 1, "reason": "x" })).expect(201);
    // A redemption that was captured at once cannot be cancelled.
    act(&own, "x-2", "redemptions/r-2/cancellation", json!({})).problem(409, "redemption_not_held");
    // A member's own app cannot name another actor.
    for (entry, by, actor) in [
        ("o-1", "operator", "ayse-7"),
        ("r-1", "member", "till-3"),
        ("x-1", "member", "till-3"),
        ("a-1", "operator", "ayse-7"),
    ] {
        let told = send(&system, Some(&own), "GET", &format!("{member}/entries/{entry}")).expect(200);
        assert_eq!((&told["by"], &told["actor"]), (&json!(by), &json!(actor)), "{told}");
    }
}

/// A member can change only attributes that the program declares editable by members.
#[test]
fn a_member_changes_the_attributes_that_the_program_opens_to_them() {
    let (system, key) = system();
    let operator = token(&key, &Says { scopes: OPERATOR_SCOPES.to_vec(), member: None, program: None });
    let bearer = format!("Bearer {operator}");
    let mut program = coffee_shop();
    program["attributes"] = json!([
        { "id": "city", "type": "string", "editable_by": "member" },
        { "id": "birthday", "type": "date", "editable_by": "operator" },
        { "id": "vip", "type": "boolean" },
    ]);
    let headers = [JSON, ("if-match", "\"1\""), ("authorization", bearer.as_str())];
    system.client.send("PUT", DEMO, &headers, program.to_string().as_bytes()).expect(201);
    let own = token(&key, &Says { scopes: vec![Scope::Member], member: Some("m-1"), program: Some("demo") });
    let patch = |token: &str, body: Value| {
        let bearer = format!("Bearer {token}");
        let headers = [JSON, ("authorization", bearer.as_str())];
        system.client.send("PATCH", &format!("{DEMO}/members/m-1"), &headers, body.to_string().as_bytes())
    };
    patch(&operator, json!({ "attributes": { "vip": true, "birthday": "1990-05-03" } })).expect(200);
    assert_eq!(patch(&own, json!({ "attributes": { "city": "Izmir" } })).expect(200)["attributes"]["city"], "Izmir");
    assert_eq!(patch(&own, json!({ "attributes": { "city": null } })).expect(200)["attributes"].get("city"), None);
    for refused in [
        json!({ "attributes": { "vip": false } }),
        json!({ "attributes": { "vip": null } }),
        json!({ "attributes": { "city": "Izmir", "birthday": "1991-05-03" } }),
        json!({ "attributes": { "nickname": "x" } }),
        json!({ "status": "active" }),
        json!({ "status": "closed", "attributes": { "city": "Izmir" } }),
    ] {
        patch(&own, refused).problem(403, "scope_missing");
    }
    let account = patch(&operator, json!({})).expect(200);
    assert_eq!(account["attributes"], json!({ "birthday": "1990-05-03", "vip": true }), "nothing else was changed");
    patch(&operator, json!({ "status": "suspended" })).expect(200);
    patch(&own, json!({ "status": "active" })).problem(403, "scope_missing");
}
