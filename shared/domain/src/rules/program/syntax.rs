//! Explains why a condition cannot be parsed, in the terms of its author. The parser's own messages use terms of its
//! grammar.

use cel::parser::ParseErrors;

/// Returns what is wrong with `source`, the position, and what to write instead if that is known.
pub(super) fn unreadable(source: &str, errors: &ParseErrors) -> String {
    let Some(first) = errors.errors.first() else { return "cannot be read".to_owned() };
    let (line, column) = first.pos;
    let lines = source.lines().nth(usize::try_from(line).unwrap_or(1).saturating_sub(1)).unwrap_or_default();
    let before: String = lines.chars().take(usize::try_from(column).unwrap_or(1).saturating_sub(1)).collect();
    let rest = lines.strip_prefix(before.as_str()).unwrap_or_default();
    let place = if source.lines().count() > 1 {
        format!("line {line}, character {column}")
    } else {
        format!("character {column}")
    };
    format!("cannot be read at {place}: {}", reason(&first.msg, &before, rest))
}

fn reason(message: &str, before: &str, rest: &str) -> String {
    if let Some(advice) = advice(before, rest) {
        return advice.to_owned();
    }
    if message.contains("unterminated string") {
        return "a string has no closing quote".to_owned();
    }
    if message.contains("literal") {
        return "this number is too large or not written as a whole number".to_owned();
    }
    if message.contains("has()") {
        return "write has() with a field, as in has(member.attributes.city)".to_owned();
    }
    if let Some(missing) = message.strip_prefix("expected '") {
        return format!("a `{}` is missing", missing.trim_end_matches('\''));
    }
    if let Some(word) = message.strip_prefix("reserved identifier: ") {
        return format!("`{word}` is a reserved word");
    }
    match message.split('\'').nth(1) {
        Some("<EOF>") => "the expression ends too early".to_owned(),
        Some(found) => format!("`{found}` does not belong here"),
        None => match rest.chars().next() {
            Some(found) => format!("`{found}` does not belong here"),
            None => "the expression ends too early".to_owned(),
        },
    }
}

/// Advice for operators of other languages, by the beginning of the text that cannot be parsed.
const ADVICE: [(&str, &str); 16] = [
    ("and", "write && for and"),
    ("or", "write || for or"),
    ("not", "write ! for not"),
    ("like", "write contains, startsWith or endsWith, as in purchase.channel.startsWith('a')"),
    ("matches", "write contains, startsWith or endsWith, as in purchase.channel.startsWith('a')"),
    ("is", "write == to compare"),
    ("equals", "write == to compare"),
    ("between", "write two comparisons joined by &&"),
    ("=>", "write >= for at least"),
    ("=<", "write <= for at most"),
    ("<>", "write != for not equal"),
    ("===", "write == to compare"),
    ("=", "write == to compare"),
    ("&", "write && for and"),
    ("|", "write || for or"),
    (";", "a condition is one expression; remove the ;"),
];

fn advice(before: &str, rest: &str) -> Option<&'static str> {
    let lower = rest.to_lowercase();
    let before = before.trim_end();
    if before.to_lowercase().ends_with("not") {
        return Some("write ! for not");
    }
    // If the first character of an operator is an operator too, only the second one cannot be parsed.
    match (before.chars().next_back(), rest.chars().next()) {
        (Some('<'), Some('>')) => return Some("write != for not equal"),
        (Some('='), Some('=')) if before.ends_with("==") => return Some("write == to compare"),
        _ => {}
    }
    ADVICE.iter().find(|(written, _)| is_written(&lower, written)).map(|(_, advice)| *advice)
}

/// Returns whether `rest` begins with this operator, or with this whole word.
fn is_written(rest: &str, operator: &str) -> bool {
    let is_word = operator.starts_with(char::is_alphabetic);
    let ends = |rest: &str| !is_word || !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    rest.strip_prefix(operator).is_some_and(|rest| ends(rest) && !(operator == "=" && rest.starts_with('=')))
        && !["&&", "||"].iter().any(|whole| rest.starts_with(whole))
}

#[cfg(test)]
mod tests {
    use cel::parser::PrattParser;

    use super::*;

    #[test]
    fn an_invalid_condition_is_reported_with_its_place_and_what_to_write() {
        for (source, expected) in [
            ("purchase.total > 5 and x", "character 20: write && for and"),
            ("purchase.total > 5 or true", "character 20: write || for or"),
            ("not true", "character 5: write ! for not"),
            ("purchase.total = 5", "character 16: write == to compare"),
            ("purchase.total => 5", "character 16: write >= for at least"),
            ("purchase.total <> 5", "character 17: write != for not equal"),
            ("purchase.total =< 5", "character 16: write <= for at most"),
            ("purchase.total === 5", "character 18: write == to compare"),
            ("purchase.total > 5 & true", "character 20: write && for and"),
            ("purchase.total > 5 | true", "character 20: write || for or"),
            (
                "purchase.channel like 'a%'",
                "character 18: write contains, startsWith or endsWith, as in purchase.channel.startsWith('a')",
            ),
            ("purchase.total > 5;", "character 19: a condition is one expression; remove the ;"),
            (
                "purchase.total > 99999999999999999999",
                "character 18: this number is too large or not written as a whole number",
            ),
            ("has(purchase)", "character 5: write has() with a field, as in has(member.attributes.city)"),
            ("&& true", "character 1: `&` does not belong here"),
            ("purchase.channel == \"app", "character 21: a string has no closing quote"),
            ("purchase.total >", "character 17: the expression ends too early"),
            ("(purchase.total > 5", "character 20: a `)` is missing"),
            ("purchase.tags in [1,", "character 21: a `]` is missing"),
            ("if true", "character 1: `if` is a reserved word"),
            ("5 5", "character 3: `5` does not belong here"),
            ("true &&\n  5 android", "line 2, character 5: `android` does not belong here"),
        ] {
            let errors = PrattParser::new().parse(source).unwrap_err();
            assert_eq!(unreadable(source, &errors), format!("cannot be read at {expected}"), "{source}");
        }
    }
}
