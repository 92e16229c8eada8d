//! The query of a request: which parameters a route takes, and what is rejected.

use regulars_domain::{
    code::Code,
    id::{EntryId, MemberId},
    likeness,
};
use schemars::JsonSchema;

use super::contract::{SchemaOf, schema_of};
use super::problem::{Problem, ProblemCode};

/// The parameters of every route with `{entry}` in its path: the entry, if the path has `~` in its place, and the
/// member whose ledger has it.
const OF_ENTRY: [Parameter; 2] = [
    Parameter::once::<EntryId>(
        "entry",
        "The entry, if the path has `~` in its place. Needed for an id with `/`, `?`, `%` or `#`.",
    ),
    Parameter::once::<MemberId>(
        "member",
        "The member whose ledger has the entry. Needed if the ledgers of several merged members have an entry with this id.",
    ),
];
/// The parameters of every route with `{code}` in its path: the code, if the path has `~` in its place.
const OF_CODE: [Parameter; 1] = [Parameter::once::<Code>(
    "code",
    "The code, if the path has `~` in its place. Needed for a code with `/`, `?`, `%` or `#`.",
)];

/// A parameter that a route takes in its query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    name: &'static str,
    description: &'static str,
    schema: SchemaOf,
    is_repeatable: bool,
}

impl Parameter {
    /// Returns a parameter that may be given once and is a `T`.
    #[must_use]
    pub const fn once<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Self { name, description, schema: schema_of::<T>, is_repeatable: false }
    }

    /// Returns a parameter that may be given several times, each time with a `T`.
    #[must_use]
    pub const fn repeatable<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Self { is_repeatable: true, ..Self::once::<T>(name, description) }
    }

    /// Returns the parameters of a route: its own, and those that follow from its `path`.
    pub fn all<'p>(path: &str, own: &'p [Self]) -> impl Iterator<Item = &'p Self> {
        let of_entry = if path.contains("{entry}") { &OF_ENTRY[..] } else { &[] };
        let of_code = if path.contains("{code}") { &OF_CODE[..] } else { &[] };
        own.iter().chain(of_entry).chain(of_code)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the parameter is for, in a sentence.
    #[must_use]
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// The schema of a value.
    #[must_use]
    pub fn schema(&self) -> SchemaOf {
        self.schema
    }

    /// Whether it may be given several times.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.is_repeatable
    }
}

/// The names and values of a query, decoded, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn read(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Returns the values of a parameter.
    pub(crate) fn values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Checks the query against `parameters`, and those of an entry or a code in `path`.
    ///
    /// # Errors
    ///
    /// `query_malformed` for a parameter that is unknown or given too often.
    pub(crate) fn check(&self, path: &str, parameters: &[Parameter]) -> Result<(), Problem> {
        let known: Vec<&Parameter> = Parameter::all(path, parameters).collect();
        for (name, _) in &self.0 {
            let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
                return Err(unknown(name, &known));
            };
            if !parameter.is_repeatable && self.values(name).count() > 1 {
                return Err(malformed(name, "can be given only once"));
            }
        }
        Ok(())
    }
}

/// Returns the problem with a query parameter; `rule` says what its value must be, as in `must be a date`.
pub(crate) fn malformed(name: &str, rule: &str) -> Problem {
    let end = if rule.ends_with('?') { "" } else { "." };
    Problem::new(ProblemCode::QueryMalformed, format!("The query parameter `{name}` {rule}{end}"))
}

fn unknown(name: &str, known: &[&Parameter]) -> Problem {
    let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
    let known = if names.is_empty() {
        "This route takes none.".to_owned()
    } else {
        likeness::instead(name, &names, "This route takes")
    };
    Problem::new(ProblemCode::QueryMalformed, format!("There is no query parameter `{name}` here. {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_what_the_route_takes_and_nothing_else() {
        let taken = [Parameter::once::<u64>("limit", "How many."), Parameter::repeatable::<String>("kind", "Which.")];
        let check = |path: &str, query: &str| {
            Query::read(query).check(path, &taken).map_err(|problem| {
                assert_eq!(problem.code(), ProblemCode::QueryMalformed);
                problem.detail().to_owned()
            })
        };
        for (query, expected) in [
            ("", None),
            ("&&", None),
            ("limit=5", None),
            ("limit=", None),
            ("kind=a&limit=5&kind=b", None),
            ("k%69nd=a", None),
            ("limt=5", Some("There is no query parameter `limt` here. Did you mean `limit`?")),
            ("Limit=5", Some("There is no query parameter `Limit` here. Did you mean `limit`?")),
            ("limit=5&entry=a", Some("There is no query parameter `entry` here. This route takes `limit`, `kind`.")),
            ("=5", Some("There is no query parameter `` here. This route takes `limit`, `kind`.")),
            ("limit=5&limit=5", Some("The query parameter `limit` can be given only once.")),
        ] {
            assert_eq!(check("/v1/x", query).err().as_deref(), expected, "{query}");
        }
        assert_eq!(check("/v1/x/{entry}", "entry=a&member=m-1"), Ok(()));
        assert_eq!(check("/v1/x/{code}", "code=a"), Ok(()));
        let none = Query::read("a").check("/v1/x", &[]).unwrap_err();
        assert_eq!(none.detail(), "There is no query parameter `a` here. This route takes none.");
    }
}
