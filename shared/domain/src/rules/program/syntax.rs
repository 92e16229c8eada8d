//! Why a condition cannot be read, in the words of those who write one. The parser speaks of its grammar.

use cel::parser::ParseErrors;

/// Returns what is wrong with `source`, at which character, and what to write instead where that is known.
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
        return "a text has no closing quote".to_owned();
    }
    if let Some(missing) = message.strip_prefix("expected '") {
        return format!("a `{}` is missing", missing.trim_end_matches('\''));
    }
    if let Some(word) = message.strip_prefix("reserved identifier: ") {
        return format!("`{word}` is a reserved word");
    }
    match message.split('\'').nth(1) {
        Some("<EOF>") => "something is missing at the end".to_owned(),
        Some(found) => format!("`{found}` does not belong here"),
        None if message == "unexpected token" => "this does not belong here".to_owned(),
        None => message.to_owned(),
    }
}

/// What to write in place of what other languages write.
fn advice(before: &str, rest: &str) -> Option<&'static str> {
    let word = |text: &str| rest.strip_prefix(text).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    let advice = if word("and") || word("AND") {
        "write && for and"
    } else if word("or") || word("OR") {
        "write || for or"
    } else if word("not") || before.trim_end().ends_with("not") || before.trim_end().ends_with("NOT") {
        "write ! for not"
    } else if rest.starts_with("=>") {
        "write >= for at least"
    } else if rest.starts_with("<>") || before.trim_end().ends_with('<') && rest.starts_with('>') {
        "write != for not equal"
    } else if rest.starts_with('=') && !rest.starts_with("==") {
        "write == to compare"
    } else {
        return None;
    };
    Some(advice)
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
            ("purchase.channel == \"app", "character 21: a text has no closing quote"),
            ("purchase.total >", "character 17: something is missing at the end"),
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
