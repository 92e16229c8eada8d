//! Checks that bodies are declared as JSON.

use super::problem::{Problem, ProblemCode};

/// The default `Content-Type` of curl.
const FORM: &str = "application/x-www-form-urlencoded";

/// Rejects a body that is not declared as JSON.
pub(crate) fn check(content_type: Option<&str>) -> Result<(), Problem> {
    if content_type.is_some_and(is_json) {
        return Ok(());
    }
    let detail = match content_type.filter(|given| !given.trim().is_empty()) {
        Some(given) if given == FORM => {
            format!("Content-Type is {given}; send application/json. With curl: -H 'Content-Type: application/json'.")
        }
        Some(given) => format!("Content-Type is {given}; send application/json."),
        None => "Content-Type is missing; send application/json.".to_owned(),
    };
    Err(Problem::new(ProblemCode::MediaTypeUnsupported, detail))
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json && parts.all(is_harmless_parameter)
}

/// JSON is UTF-8; another `charset` is an error of the sender.
fn is_harmless_parameter(parameter: &str) -> bool {
    match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_content_type_is_missing() {
        let missing = "Content-Type is missing; send application/json.";
        for (content_type, expected) in [
            (Some("text/plain"), "Content-Type is text/plain; send application/json."),
            (Some(""), missing),
            (Some(" "), missing),
            (None, missing),
        ] {
            assert_eq!(check(content_type).unwrap_err().detail(), expected, "{content_type:?}");
        }
    }

    #[test]
    fn a_body_is_declared_as_json() {
        for (content_type, expected) in [
            (Some("application/json"), None),
            (Some("Application/JSON; charset=UTF-8"), None),
            (Some("application/json;charset=\"utf-8\""), None),
            (Some("application/json; charset=latin1"), Some(ProblemCode::MediaTypeUnsupported)),
            (Some("application/jsonp"), Some(ProblemCode::MediaTypeUnsupported)),
            (Some("application/x-www-form-urlencoded"), Some(ProblemCode::MediaTypeUnsupported)),
            (Some("text/plain"), Some(ProblemCode::MediaTypeUnsupported)),
            (Some(""), Some(ProblemCode::MediaTypeUnsupported)),
            (None, Some(ProblemCode::MediaTypeUnsupported)),
        ] {
            let refused = check(content_type).err().map(|problem| problem.code());
            assert_eq!(refused, expected, "{content_type:?}");
        }
    }
}
