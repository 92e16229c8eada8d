//! A request for every route, with marks wherever it takes personal data, and the ways in which each can be wrong.

use regulars_tests::{
    event::event,
    system::{NOW, coffee_shop},
};
use serde_json::{Value, json};

use super::{
    OTHER, OWNER,
    marks::{ACTIVITY, CARD, EMAIL, NICKNAME, NOTE, PHONE, PIN, SHOP, STRAY},
};

/// A request whose parts can be changed.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) function: &'static str,
    pub(crate) method: &'static str,
    /// The path below the program, as in the table of routes.
    pub(crate) route: &'static str,
    pub(crate) body: Value,
    member: String,
    /// The value of every other name in the path.
    id: String,
    query: String,
    headers: Vec<(&'static str, String)>,
    scope: &'static str,
    /// Whether the caller is the member.
    is_own: bool,
}

const ALL_SCOPES: &str = "regulars/enroll regulars/earn regulars/redeem regulars/tier-evaluation regulars/account \
                          regulars/program regulars/adjust regulars/read";

impl Request {
    pub(crate) fn new(function: &'static str, method: &'static str, route: &'static str, body: Value) -> Self {
        let headers =
            vec![("user-agent", "canary-caller".to_owned()), ("authorization", "Bearer canary-token".to_owned())];
        let (member, scope) = (OWNER.to_owned(), ALL_SCOPES);
        Self {
            function,
            method,
            route,
            body,
            member,
            id: "none".to_owned(),
            query: String::new(),
            headers,
            scope,
            is_own: false,
        }
    }

    /// Returns the same for this id.
    fn of(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    /// Returns the same under this key.
    pub(crate) fn under(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.retain(|(name, _)| *name != header);
        self.headers.push((header, value.to_owned()));
        self
    }

    /// Returns the same for another member.
    pub(crate) fn about(&self, member: &str) -> Self {
        Self { member: member.to_owned(), ..self.clone() }
    }

    pub(crate) fn path(&self) -> String {
        let parts = self.route.split('/').map(|part| match part {
            "{member}" => self.member.as_str(),
            "{reward}" if self.route.contains("{code}") => "voucher",
            part if part.starts_with('{') => self.id.as_str(),
            part => part,
        });
        format!("/v1/programs/demo{}{}", parts.collect::<Vec<_>>().join("/"), self.query)
    }

    /// Returns its event.
    pub(crate) fn event(&self) -> Value {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut event = event(self.method, &self.path(), &headers, &self.body);
        if let Some(text) = self.body.as_str() {
            event["body"] = json!(text);
        }
        event["requestContext"]["http"]["sourceIp"] = json!("canary-caller");
        event["requestContext"]["http"]["userAgent"] = json!("canary-caller");
        let mut claims = json!({
            "scope": self.scope, "client_id": "till-3", "sub": "canary-caller", "email": "canary-caller@example.com",
        });
        if self.is_own {
            claims["scope"] = json!("regulars/member");
            claims["member"] = json!(OWNER);
            claims["program"] = json!("demo");
        }
        event["requestContext"]["authorizer"] = json!({ "jwt": { "scopes": [], "claims": claims } });
        event
    }
}

/// The coffee shop's program, with conditions that read and that fail on personal attributes.
pub(crate) fn program() -> Value {
    let mut program = coffee_shop();
    program["points"]["pending"] = json!({ "until_confirmed": { "lapses_after_days": 300 } });
    program["points"]["receipts"] = json!("unique");
    program["attributes"] = json!([
        { "id": "nickname", "type": "string", "personal": true, "editable_by": "member" },
        { "id": "pin", "type": "integer", "personal": true },
        { "id": "birthday", "type": "date", "personal": true },
        { "id": "city", "type": "string" },
    ]);
    program["plans"] = json!([{ "id": "plus", "price": 499, "interval": "month", "tier_floor": "silver" }]);
    let overflows = "member.attributes.pin * 9000000000000000 > 1";
    for (id, condition) in [
        ("fails", overflows),
        ("fails-too", "purchase.total / (member.attributes.pin - member.attributes.pin) > 1"),
        ("reads-nickname", "member.attributes.nickname.startsWith('c')"),
        ("reads-birthday", "member.attributes.birthday < '2000-01-01' || member.birthday_month"),
        ("reads-city", "member.attributes.city != 'x'"),
        ("reads-facts", "purchase.attributes.payment == 'cash' || purchase.channel == 'app'"),
    ] {
        program["earning_rules"].as_array_mut().unwrap().push(json!({
            "id": id, "on": "purchase", "stacking": "add", "when": condition, "give": { "fixed": { "points": 1 } }
        }));
    }
    for reward in [
        json!({ "id": "voucher", "name": "V", "kind": "voucher", "cost": { "points": 1 }, "codes": "pool" }),
        json!({ "id": "fails", "name": "F", "kind": "product", "cost": { "points": 1 }, "when": overflows }),
    ] {
        program["rewards"].as_array_mut().unwrap().push(reward);
    }
    for reward in program["rewards"].as_array_mut().unwrap() {
        if reward["id"] == "mug" {
            reward["hold_seconds_max"] = json!(600);
        }
    }
    program
}

/// Returns a purchase with marks in all facts of the shop.
pub(crate) fn purchase(amount: i64) -> Value {
    json!({ "purchase": {
        "occurred_at": NOW, "total": { "amount": amount, "currency": "EUR" }, "channel": SHOP, "tax": 1,
        "lines": [{ "sku": SHOP, "category": SHOP, "quantity": 1, "amount": amount / 2 }],
        "attributes": { "payment": SHOP },
    } })
}

/// Returns requests in an order in which each finds what it needs.
#[expect(clippy::too_many_lines, reason = "one request after another")]
pub(crate) fn story() -> Vec<Request> {
    let post = |function, route, body| Request::new(function, "POST", route, body);
    let get = |route| Request::new("account", "GET", route, Value::Null);
    let of_program = |method, route, body| Request::new("program", method, route, body);
    let money = json!({ "amount": 400, "currency": "EUR" });
    let accruals = |key: &str, body| post("earn", "/members/{member}/accruals", body).under(key);
    let redemptions = |key: &str, body| post("redeem", "/members/{member}/redemptions", body).under(key);
    let later = {
        let mut program = program();
        program["in_force_from"] = json!("2029-01-01T00:00:00Z");
        program
    };
    vec![
        post(
            "enroll",
            "/members",
            json!({
                "member": OWNER, "referred_by": OTHER,
                "attributes": { "nickname": NICKNAME, "pin": PIN, "birthday": "1971-02-13", "city": "canary-city" },
                "aliases": [{ "kind": "email", "value": EMAIL }, { "kind": "phone", "value": PHONE }, { "kind": "card", "value": CARD }],
            }),
        ),
        post("enroll", "/members/lookup", json!({ "alias": { "kind": "email", "value": EMAIL } })),
        post("enroll", "/members/lookup", json!({ "alias": { "kind": "phone", "value": PHONE } })),
        post("enroll", "/members/lookup", json!({ "alias": { "kind": "card", "value": "canary-card-9" } })),
        Request::new(
            "enroll",
            "PATCH",
            "/members/{member}",
            json!({ "attributes": { "nickname": "Canary-Nickname 2", "pin": PIN } }),
        ),
        accruals("kanarya-order-1", purchase(60_000)),
        accruals("kanarya-order-2", purchase(1_000)),
        accruals(
            "kanarya-review",
            json!({ "activity": { "type": "review", "occurred_at": NOW, "attributes": { "text": ACTIVITY } } }),
        ),
        post("earn", "/members/{member}/accruals/{entry}/amendments", purchase(61_000))
            .of("kanarya-order-1")
            .under("am-1"),
        post("earn", "/members/{member}/accruals/{entry}/confirmation", Value::Null)
            .of("kanarya-order-1")
            .under("co-1"),
        post("earn", "/members/{member}/accruals/{entry}/reversals", json!({ "returned": [{ "line": "0" }] }))
            .of("kanarya-order-2")
            .under("re-1"),
        post("earn", "/members/{member}/quotes", json!({ "accrual": purchase(1_000) })),
        post("earn", "/members/{member}/quotes", json!({ "redemption": { "reward": "fails" } })),
        of_program(
            "POST",
            "/members/{member}/adjustments",
            json!({ "points": 5_000, "reason": "goodwill", "note": NOTE }),
        )
        .under("ad-1"),
        of_program("POST", "/members/{member}/transfers", json!({ "to": OTHER, "points": 10 })).under("tr-1"),
        Request::new(
            "tier-evaluation",
            "PUT",
            "/members/{member}/tier-override",
            json!({ "tier": "gold", "until": "2028-12-31", "reason": "complaint" }),
        ),
        redemptions("kanarya-r-1", json!({ "reward": "mug", "hold": { "seconds": 60 } })),
        post("redeem", "/members/{member}/redemptions/{entry}/capture", json!({ "points": 5 }))
            .of("kanarya-r-1")
            .under("ca-1"),
        redemptions("kanarya-r-2", json!({ "reward": "mug", "hold": { "seconds": 60 } })),
        post("redeem", "/members/{member}/redemptions/{entry}/cancellation", json!({})).of("kanarya-r-2").under("cn-1"),
        redemptions("kanarya-r-3", json!({ "reward": "money-off", "money": money })),
        post("redeem", "/members/{member}/redemptions/{entry}/reversals", json!({ "points": 10 }))
            .of("kanarya-r-3")
            .under("rr-1"),
        redemptions("kanarya-r-4", json!({ "reward": "fails" })),
        of_program("POST", "/rewards/{reward}/codes", json!({ "codes": ["C1"] })).of("voucher"),
        redemptions("kanarya-r-5", json!({ "reward": "voucher" })),
        post("redeem", "/rewards/{reward}/codes/{code}/use", json!({})).of("C1").under("us-1"),
        of_program("POST", "/rewards/{reward}/codes", json!({ "codes": ["C2"] })).of("voucher"),
        of_program("POST", "/rewards/{reward}/codes/{code}/void", Value::Null).of("C2").under("vo-1"),
        of_program("GET", "/rewards/{reward}/codes", Value::Null).of("voucher"),
        of_program("GET", "/rewards/{reward}/codes/{code}", Value::Null).of("C1"),
        post("redeem", "/members/{member}/entitlements/{entitlement}/uses", json!({})).of("tasting").under("en-1"),
        post("enroll", "/members/{member}/plan", json!({ "plan": "plus" })).under("kanarya-p-1"),
        post("enroll", "/members/{member}/plan/{entry}/reversals", Value::Null).of("kanarya-p-1").under("pr-1"),
        post("enroll", "/members/{member}/plan", json!({ "plan": "plus" })).under("kanarya-p-2"),
        Request::new("enroll", "DELETE", "/members/{member}/plan", Value::Null).under("pe-1"),
        post("tier-evaluation", "/members/{member}/tier-evaluations", json!({ "dry_run": true })),
        Request::new("tier-evaluation", "DELETE", "/members/{member}/tier-override", Value::Null),
        get("/members/{member}"),
        get("/members/{member}/accruals/{entry}").of("kanarya-order-1"),
        get("/members/{member}/entitlements"),
        get("/members/{member}/entries"),
        get("/members/{member}/entries/{entry}").of("ad-1"),
        get("/members/{member}/rewards"),
        get("/members/{member}/tier"),
        of_program("GET", "", Value::Null),
        of_program("PUT", "", later).with("if-match", "\"1\""),
        of_program("GET", "/versions", Value::Null),
        of_program("GET", "/versions/{version}", Value::Null).of("1"),
        of_program("DELETE", "/versions/{version}", Value::Null).of("2"),
        post("enroll", "/members/{member}/merge", json!({ "into": OWNER })).about("kanarya-3").under("me-1"),
        post(
            "enroll",
            "/members/{member}/aliases",
            json!({ "add": [{ "kind": "nickname", "value": NICKNAME }], "remove": [{ "kind": "card", "value": CARD }] }),
        ),
        get("/members/{member}/export"),
        post("enroll", "/members", json!({ "member": "kanarya-8", "attributes": { "nickname": NICKNAME } })),
        post("enroll", "/members/{member}/erasure", json!({ "reason": "asked" })).about("kanarya-8").under("er-1"),
    ]
}

/// Fields that take any text, where a mark is valid, or whose text is a code chosen by the caller.
const FREE: [&str; 10] =
    ["reason", "note", "sku", "category", "channel", "payment", "text", "nickname", "city", "value"];

/// Returns every variant of a request with a mark in a place that takes none.
pub(crate) fn failures(request: &Request) -> Vec<Request> {
    let with_body = |body: Value| Request { body, ..request.clone() };
    let mut failures = Vec::new();
    if request.body.is_object() && request.method != "PUT" {
        let mut places = Vec::new();
        leaves(&request.body, "", &mut places);
        for place in &places {
            let is_free = place.rsplit('/').next().is_some_and(|name| FREE.contains(&name));
            let found = request.body.pointer(place).and_then(Value::as_str).unwrap_or_default();
            let longer = json!(format!("{found}{STRAY}"));
            let wrong = [longer, json!(STRAY), json!({ "x": STRAY }), json!([STRAY])];
            for wrong in wrong.into_iter().skip(if is_free { 2 } else { 0 }) {
                let mut body = request.body.clone();
                *body.pointer_mut(place).unwrap() = wrong;
                failures.push(with_body(body));
            }
        }
        for inside in std::iter::once(String::new()).chain(objects(&places)) {
            let mut body = request.body.clone();
            if let Some(Value::Object(fields)) = body.pointer_mut(&inside) {
                fields.insert("mail".to_owned(), json!(STRAY));
                failures.push(with_body(body));
            }
        }
        let text = request.body.to_string();
        failures.push(with_body(json!(format!("{},\"mail\":\"{STRAY}", text.trim_end_matches('}')))));
        failures.push(with_body(json!(format!("\"{STRAY}\""))));
    }
    if !request.body.is_null() {
        failures.push(with_body(json!(STRAY)));
    }
    for place in ["{member}", "{entry}", "{code}", "{entitlement}", "{version}", "{reward}"] {
        if request.route.contains(place) {
            let about = if place == "{member}" { request.about(STRAY) } else { request.clone().of(STRAY) };
            failures.push(Request { is_own: true, ..about.clone() });
            failures.push(about);
        }
    }
    for query in [
        "?mail=canary-stray%40example.com",
        "?limit=canary-stray",
        "?cursor=canary-stray",
        "?from=canary-stray",
        "?member=canary-stray%40",
    ] {
        failures.push(Request { query: query.to_owned(), ..request.clone() });
    }
    for header in ["idempotency-key", "if-match", "regulars-actor", "content-type"] {
        failures.push(request.clone().with(header, STRAY));
    }
    for scope in ["canary-stray", "regulars/member"] {
        failures.push(Request { scope, ..request.clone() });
    }
    failures
}

/// Finds pointers to all values of a body that are neither objects nor lists.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, &format!("{at}/{name}"), found)),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(index, value)| leaves(value, &format!("{at}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(at.to_owned()),
    }
}

/// Returns pointers to the parents of these places.
fn objects(places: &[String]) -> Vec<String> {
    let mut objects: Vec<_> = places.iter().filter_map(|place| Some(place.rsplit_once('/')?.0.to_owned())).collect();
    objects.retain(|object| !object.is_empty());
    objects.dedup();
    objects
}
