//! Matches method and path to an operation, because front ends other than API Gateway do not name the route.

use std::collections::BTreeMap;

use ::http::Method;

use super::problem::{Problem, ProblemCode};
use super::query::malformed;
use super::request::HttpRequest;

/// Values whose characters a front end may interpret in a path, and which may be given in the query instead.
const NAMED_IN_QUERY: [&str; 2] = ["entry", "code"];

/// The routes of one function: a method and a path such as `/v1/programs/{program}/members` lead to an operation `T`.
#[derive(Debug, Clone)]
pub struct Routes<T> {
    table: Vec<Row<T>>,
    // Each path leads to the numbers of its rows in `table`, one per method.
    paths: matchit::Router<Vec<usize>>,
}

#[derive(Debug, Clone)]
struct Row<T> {
    method: Method,
    path: String,
    operation: T,
}

/// A request's operation, and the values in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch<'r, T> {
    /// The operation.
    pub operation: &'r T,
    /// The path of the route, with names instead of values: safe to log.
    pub path: &'r str,
    /// The values from the request's path.
    pub params: Params,
}

/// The values in a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl<T> Routes<T> {
    /// Returns the routes of a table.
    ///
    /// # Panics
    ///
    /// Two paths are ambiguous. Tables are constants, so the first test that uses one shows this.
    pub fn new<P: AsRef<str>>(table: impl IntoIterator<Item = (Method, P, T)>) -> Self {
        let row = |(method, path, operation): (Method, P, T)| Row { method, path: path.as_ref().to_owned(), operation };
        let table: Vec<Row<T>> = table.into_iter().map(row).collect();
        let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, row) in table.iter().enumerate() {
            rows.entry(&row.path).or_default().push(number);
        }
        let mut paths = matchit::Router::new();
        for (path, rows) in rows {
            paths.insert(path, rows).expect("the paths of a route table are unambiguous");
        }
        Routes { table, paths }
    }

    pub(crate) fn into_rows(self) -> impl Iterator<Item = (Method, String, T)> {
        self.table.into_iter().map(|Row { method, path, operation }| (method, path, operation))
    }

    /// Methods, paths and operations, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&Method, &str, &T)> {
        self.table.iter().map(|row| (&row.method, row.path.as_str(), &row.operation))
    }

    /// Returns the operation for a request, whose path is already decoded.
    ///
    /// # Errors
    ///
    /// `method_not_allowed` (with `Allow`) if the path exists with other methods, else `route_not_found`.
    pub fn find(&self, method: &Method, path: &str) -> Result<RouteMatch<'_, T>, Problem> {
        let Ok(matched) = self.paths.at(path) else {
            return Err(Problem::new(ProblemCode::RouteNotFound, self.no_route(path)));
        };
        let rows = || matched.value.iter().filter_map(|row| self.table.get(*row));
        if let Some(Row { path, operation, .. }) = rows().find(|row| row.method == *method) {
            return Ok(RouteMatch { operation, path, params: Params::of(matched.params.iter()) });
        }
        let mut allowed: Vec<&str> = rows().map(|row| row.method.as_str()).collect();
        allowed.sort_unstable();
        Err(Problem::method_not_allowed(method, &allowed.join(", ")))
    }
}

impl<T> Routes<T> {
    /// Returns the error for a path without a route.
    fn no_route(&self, path: &str) -> &'static str {
        let without_slash = path.trim_end_matches('/');
        if without_slash != path && self.paths.at(without_slash).is_ok() {
            "No route has this path. Leave out the slash at its end."
        } else if path.starts_with("/v1/programs/") {
            "No route has this path. See GET /v1/openapi.json for all of them."
        } else {
            "No route has this path. The paths of the API begin with /v1/programs/ and the id of a program."
        }
    }
}

impl Params {
    /// Returns the value for `{name}` in the route's path; empty, which is not a valid id, if the path has none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the same with the entry or the code of the query, if the path has `~` in its place.
    ///
    /// # Errors
    ///
    /// `query_malformed` if only one of the two is there, or if the path has a value that must be in the query, because
    /// gateways decode paths before they match them.
    pub(crate) fn with_query(mut self, request: &HttpRequest) -> Result<Self, Problem> {
        for (name, value) in &mut self.0 {
            let Some(what) = NAMED_IN_QUERY.iter().find(|what| *what == name) else { continue };
            match request.query(what) {
                Some(named) if value == "~" => named.clone_into(value),
                Some(_) => return Err(malformed(what, &format!("is for a path that has ~ in place of the {what}"))),
                None if value == "~" => {
                    return Err(malformed(what, &format!("must name the {what}, because the path has ~ in its place")));
                }
                None if value.contains(['/', '?', '%', '#']) => {
                    let rule = format!("must name the {what} if it has / ? % or #, and the path has ~ in its place");
                    return Err(malformed(what, &rule));
                }
                None => {}
            }
        }
        Ok(self)
    }

    pub(crate) fn of<'v>(values: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        Params(values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes<&'static str> {
        Routes::new([
            (Method::POST, "/v1/programs/{program}/members", "enroll"),
            (Method::POST, "/v1/programs/{program}/members/lookup", "lookup"),
            (Method::GET, "/v1/programs/{program}/members/{member}", "account"),
            (Method::PATCH, "/v1/programs/{program}/members/{member}", "change"),
        ])
    }

    fn find(method: &Method, path: &str) -> Result<String, ProblemCode> {
        match routes().find(method, path) {
            Ok(found) => {
                Ok(format!("{} {} {}", found.operation, found.params.get("program"), found.params.get("member")))
            }
            Err(problem) => Err(problem.code()),
        }
    }

    #[test]
    fn a_path_leads_to_its_operation_with_the_values_it_holds() {
        let members = "/v1/programs/demo/members";
        for (method, path, expected) in [
            (Method::POST, members.to_owned(), Ok("enroll demo ")),
            (Method::POST, format!("{members}/lookup"), Ok("lookup demo ")),
            (Method::GET, format!("{members}/m-1"), Ok("account demo m-1")),
            (Method::PATCH, format!("{members}/m-1"), Ok("change demo m-1")),
            (Method::GET, format!("{members}/a:b"), Ok("account demo a:b")),
            (Method::GET, format!("{members}/a%3Ab"), Ok("account demo a%3Ab")),
            (Method::GET, format!("{members}/a/b"), Err(ProblemCode::RouteNotFound)),
            (Method::GET, format!("{members}/%"), Ok("account demo %")),
            (Method::DELETE, format!("{members}/m-1"), Err(ProblemCode::MethodNotAllowed)),
            (Method::GET, members.to_owned(), Err(ProblemCode::MethodNotAllowed)),
            (Method::GET, format!("{members}/"), Err(ProblemCode::RouteNotFound)),
            (Method::GET, format!("{members}/m-1/"), Err(ProblemCode::RouteNotFound)),
            (Method::GET, format!("{members}/m-1/x"), Err(ProblemCode::RouteNotFound)),
            (Method::GET, "/v1/programs//members/m-1".to_owned(), Err(ProblemCode::RouteNotFound)),
            (Method::GET, String::new(), Err(ProblemCode::RouteNotFound)),
            (Method::GET, "/".to_owned(), Err(ProblemCode::RouteNotFound)),
        ] {
            assert_eq!(find(&method, &path), expected.map(str::to_owned), "{method} {path}");
        }
    }

    #[test]
    fn a_refused_method_is_answered_with_the_allowed_ones() {
        let problem = routes().find(&Method::DELETE, "/v1/programs/demo/members/m-1").unwrap_err();
        assert_eq!(problem.headers()["allow"], "GET, PATCH");
    }

    #[test]
    fn the_table_can_be_compared_with_the_template() {
        let routes = routes();
        let rows: Vec<String> = routes.iter().map(|(m, p, t)| format!("{m} {p} {t}")).collect();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[0], "POST /v1/programs/{program}/members enroll");
    }
}
