//! Suggestions for an unknown name in a message: the known name that was most likely meant, or a list of the known
//! names.

use std::{cmp::Reverse, fmt};

use strsim::damerau_levenshtein;

/// Maximum number of names that a message lists.
const LISTED_MAX: usize = 15;

/// Minimum length of a name that is accepted as an abbreviation of another, in characters.
const STEM_LENGTH_MIN: usize = 4;

/// An id that a program does not have, and the ids that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    what: &'static str,
    id: String,
    known: Vec<String>,
}

impl Unknown {
    /// Returns the error that the program has no `what`, such as a reward, with the id `id`, but those in `known`.
    pub fn new(what: &'static str, id: impl fmt::Display, known: impl IntoIterator<Item: ToString>) -> Self {
        Self { what, id: id.to_string(), known: known.into_iter().map(|id| id.to_string()).collect() }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, id, known } = self;
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        match nearest(id, &known) {
            _ if known.is_empty() => write!(f, "the program has no {what} `{id}`, nor any other {what}"),
            Some(nearest) => write!(f, "the program has no {what} `{id}`; did you mean `{nearest}`?"),
            None => write!(f, "the program has no {what} `{id}`; it has {}", listed(id, &known)),
        }
    }
}

/// Returns the known name that was most likely meant by `name`, if any is close enough.
#[must_use]
pub fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let wanted = plain(name);
    let close = known.iter().copied().filter(|known| is_close(&wanted, &plain(known)));
    close.min_by_key(|known| damerau_levenshtein(&wanted, &plain(known)))
}

/// Returns a sentence that suggests what to write instead of `name`: the nearest of `known`, or else all of them, after
/// `all`, as in "The fields are".
#[must_use]
pub fn instead(name: &str, known: &[&str], all: &str) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("Did you mean `{nearest}`?"),
        None => format!("{all} {}.", listed(name, known)),
    }
}

/// Returns a list of the names in `known`, in their order. If the list is too long, it has the names most similar to `name`, and how
/// many more there are.
#[must_use]
pub fn listed(name: &str, known: &[&str]) -> String {
    let wanted = plain(name);
    let mut nearest: Vec<_> = known.iter().enumerate().collect();
    if known.len() > LISTED_MAX {
        nearest.sort_by_key(|(_, known)| {
            let known = plain(known);
            (Reverse(known.contains(&wanted)), damerau_levenshtein(&wanted, &known))
        });
        nearest.truncate(LISTED_MAX);
        nearest.sort_unstable();
    }
    let shown: Vec<_> = nearest.iter().map(|(_, name)| format!("`{name}`")).collect();
    match known.len().saturating_sub(LISTED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Returns whether the two differ in a few letters only, or one is an abbreviation of the other.
fn is_close(name: &str, known: &str) -> bool {
    let longest = name.chars().count().max(known.chars().count());
    let is_stem = |stem: &str, whole: &str| stem.len() >= STEM_LENGTH_MIN && whole.starts_with(stem);
    let wrong = damerau_levenshtein(name, known);
    // At most two of five letters are wrong.
    wrong.saturating_mul(5) <= longest.saturating_mul(2) || is_stem(name, known) || is_stem(known, name)
}

/// Returns a name without differences of style: `occurredAt` and `occurred-at` become `occurred_at`.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_another_one_is_not() {
        let fields = ["member", "attributes", "aliases", "referred_by", "occurred_at", "points", "to", "free-coffee"];
        for (name, expected) in [
            ("Member", Some("member")),
            ("membr", Some("member")),
            ("referrer", Some("referred_by")),
            ("occurredAt", Some("occurred_at")),
            ("occured_at", Some("occurred_at")),
            ("attribute", Some("attributes")),
            ("Free Coffee", Some("free-coffee")),
            ("free", Some("free-coffee")),
            ("email", None),
            ("into", None),
            ("id", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &fields), expected, "{name}");
        }
        assert_eq!(nearest("a", &[]), None);
    }

    #[test]
    fn an_id_that_a_program_does_not_have_is_told_with_those_that_it_has() {
        for (id, known, expected) in [
            ("golld", vec!["silver", "gold"], "the program has no tier `golld`; did you mean `gold`?"),
            ("diamond", vec!["silver", "gold"], "the program has no tier `diamond`; it has `silver`, `gold`"),
            ("gold", vec![], "the program has no tier `gold`, nor any other tier"),
        ] {
            assert_eq!(Unknown::new("tier", id, known).to_string(), expected);
        }
    }

    #[test]
    fn a_list_is_bounded_keeps_its_order_and_contains_the_nearest() {
        let ids: Vec<String> = (0..30).map(|number| format!("reward-{number:02}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let list = listed("mug-27", &ids);
        assert!(list.contains("`reward-27`") && list.ends_with(" and 15 more"), "{list}");
        let shown: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        assert!(shown.len() == 15 && shown.is_sorted(), "{list}");
        let all = listed("mug-27", ids.get(..15).unwrap());
        assert!(all.starts_with("`reward-00`, `reward-01`") && all.ends_with("`reward-14`"), "{all}");
        assert_eq!(instead("mug", &["b", "a"], "The rewards are"), "The rewards are `b`, `a`.");
        assert_eq!(instead("gold", &["bold", "silver"], "The tiers are"), "Did you mean `bold`?");
    }
}
