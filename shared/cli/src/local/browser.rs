//! Support for browsers: CORS for pages on other ports of this machine, and a page at `/`.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use jiff::Timestamp;

use super::program::PROGRAM;

/// The methods and headers that a page may send, and the headers that it may read.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
const HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Regulars-Actor";
const EXPOSED: &str = "ETag, Idempotency-Replayed, Location, Retry-After";

/// The seconds for which a browser may cache a preflight answer.
const AGE_SECONDS_MAX: &str = "600";

/// Returns the origin of the page that sends the request, if this machine serves it, so that it may read answers;
/// `None` for any other page.
pub(crate) fn loopback_origin(headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let authority = origin.to_str().ok()?.strip_prefix("http://")?;
    let (host, port) = match authority.strip_prefix("[::1]") {
        Some(port) => ("[::1]", port),
        None => authority.find(':').map_or((authority, ""), |colon| authority.split_at(colon)),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (matches!(host, "localhost" | "127.0.0.1" | "[::1]") && is_port).then(|| origin.clone())
}

/// Returns the answer to a preflight request; `None` if it is not one, or the page may not send requests.
pub(crate) fn preflight(method: &Method, headers: &HeaderMap) -> Option<Response<Full<Bytes>>> {
    let asks = *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let origin = loopback_origin(headers).filter(|_| asks)?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let allowed = response.headers_mut();
    allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    allowed.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(AGE_SECONDS_MAX));
    allow(&mut response, Some(origin));
    Some(response)
}

/// Lets the page of `origin` read `response`.
pub(crate) fn allow(response: &mut Response<Full<Bytes>>, origin: Option<HeaderValue>) {
    // A cache must not return the answer for one page to another page.
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// The links of the page: a path and its description.
const LINKS: [(&str, &str); 6] = [
    ("/v1/openapi.json", "The API's document (OpenAPI): every route, request and answer"),
    ("/v1/programs/demo", "The program in force"),
    ("/v1/programs/demo/versions", "All versions of the program"),
    ("/local/events?last=20", "The last 20 events that a deployment would publish, oldest first"),
    ("/local/clock", "The clock, as JSON"),
    ("/v1/programs/demo/members/m-1", "The member m-1 of the guide, once they have joined"),
];

/// Returns the page at `/`, with links to the paths that `is_route` knows. `url` is the address of the server.
pub(crate) fn page(
    url: &str,
    now: Timestamp,
    demands_tokens: bool,
    is_route: impl Fn(&str) -> bool,
) -> Response<Full<Bytes>> {
    let known = LINKS.iter().filter(|(path, _)| is_route(path.split('?').next().unwrap_or_default()));
    let link = |(path, what): &(&str, &str)| format!("<li><a href=\"{path}\">{path}</a><br>{what}</li>\n");
    let links = known.map(link).collect::<Vec<_>>().concat();
    let tokens = if demands_tokens {
        "<p>This server requires tokens (<code>--auth</code>), so the links under <code>/v1</code> answer 401 in a browser.</p>\n"
    } else {
        ""
    };
    let html = PAGE
        .replace("{links}", &links)
        .replace("{tokens}", tokens)
        .replace("{now}", &now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .replace("{key}", &now.strftime("order-%Y%m%d-%H%M%S").to_string())
        .replace("{program}", PROGRAM)
        .replace("{url}", url);
    let mut response = Response::new(Full::from(html));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"));
    response
}

const PAGE: &str = include_str!("page.html");

#[cfg(test)]
mod tests {
    use super::*;

    fn with(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers
    }

    #[test]
    fn only_pages_of_this_machine_may_read_answers() {
        for (origin, expected) in [
            ("http://localhost", true),
            ("http://localhost:5173", true),
            ("http://127.0.0.1:3000", true),
            ("http://[::1]:3000", true),
            ("https://localhost:5173", false),
            ("http://localhost.example.com", false),
            ("http://localhost:5173.example.com", false),
            ("http://127.0.0.1:3000@example.com", false),
            ("http://127.0.0.2:3000", false),
            ("http://example.com", false),
            ("null", false),
        ] {
            assert_eq!(loopback_origin(&with(origin)).is_some(), expected, "{origin}");
        }
        assert_eq!(loopback_origin(&HeaderMap::new()), None);
    }

    #[test]
    fn a_browser_that_asks_first_is_told_what_a_page_may_send() {
        let mut headers = with("http://localhost:5173");
        assert!(preflight(&Method::OPTIONS, &headers).is_none(), "it does not ask");
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        assert!(preflight(&Method::POST, &headers).is_none());
        let allowed = preflight(&Method::OPTIONS, &headers).unwrap();
        assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
        assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:5173");
        assert!(allowed.headers()[ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().contains("Idempotency-Key"));
        headers.insert(ORIGIN, HeaderValue::from_static("http://example.com"));
        assert!(preflight(&Method::OPTIONS, &headers).is_none());
    }

    #[test]
    fn the_page_links_what_there_is_and_shows_the_clock() {
        let now = "2031-05-06T07:08:09.5Z".parse().unwrap();
        let html = |demands_tokens| {
            let page = page("http://127.0.0.1:1", now, demands_tokens, |path| path != "/v1/openapi.json");
            assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
            format!("{page:?}")
        };
        let open = html(false);
        assert!(open.contains("2031-05-06T07:08:09Z") && open.contains("http://127.0.0.1:1/local/clock"), "{open}");
        assert!(open.contains("/v1/programs/demo/versions") && !open.contains("/v1/openapi.json"), "{open}");
        assert!(open.contains("/local/events?last=20"), "{open}");
        assert!(!open.contains("--auth") && html(true).contains("--auth"));
        assert!(!open.contains("{url}") && !open.contains("{now}"));
    }
}
