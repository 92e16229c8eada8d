//! First commands to paste into a shell, so that a new user earns points within a minute.

use std::path::Path;

use jiff::Timestamp;
use regulars_api::http::Scope;

use super::program::PROGRAM;

/// The member of the commands. The guide uses other members, so the two do not interfere.
const MEMBER: &str = "try-1";

/// Returns commands that enroll a member, post a purchase and read the account. The purchase happens at `now`, from
/// which its key is derived, so each start of the server shows a different purchase.
pub(crate) fn commands(url: &str, now: Timestamp, currency: Option<&str>, key: Option<&Path>) -> String {
    let members = format!("{url}/v1/programs/{PROGRAM}/members");
    let json = "-H 'Content-Type: application/json'";
    let (token, bearer) = key.map(authorization).unwrap_or_default();
    let order = now.strftime("order-%Y%m%d-%H%M%S");
    let currency = currency.unwrap_or("EUR");
    // Whole seconds, and never after `now`.
    let occurred_at = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        r#"# {url}/ has links for a browser. The first commands to try:

{token}  curl -sS -X POST {members} {json}{bearer} \
    -d '{{ "member": "{MEMBER}" }}'

  curl -sS -X POST {members}/{MEMBER}/accruals {json}{bearer} -H 'Idempotency-Key: {order}' \
    -d '{{ "purchase": {{ "occurred_at": "{occurred_at}", "total": {{ "amount": 1250, "currency": "{currency}" }} }} }}'

  curl -sS{bearer} {members}/{MEMBER}
"#
    )
}

/// Returns a command that gets a token signed by the key in `file`, and the argument that sends the token.
fn authorization(file: &Path) -> (String, &'static str) {
    let scopes = [Scope::Enroll, Scope::Earn, Scope::Account].map(Scope::as_str).join(" ");
    let command = format!("  TOKEN=$(cargo run -q -- token --key '{}' --scope '{scopes}')\n\n", file.display());
    (command, r#" -H "Authorization: Bearer $TOKEN""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_name_the_server_the_instant_and_the_currency() {
        let now = "2026-11-21T13:05:06.789Z".parse().unwrap();
        let commands = commands("http://127.0.0.1:1", now, Some("GBP"), None);
        assert_eq!(commands.matches("curl -sS").count(), 3);
        assert_eq!(commands.matches("http://127.0.0.1:1/v1/programs/demo/members").count(), 3);
        assert!(commands.contains("Idempotency-Key: order-20261121-130506"));
        assert!(commands.contains(r#""occurred_at": "2026-11-21T13:05:06Z""#));
        assert!(commands.contains(r#""currency": "GBP""#));
    }

    #[test]
    fn where_tokens_are_demanded_the_commands_get_and_send_one() {
        let commands = commands("http://127.0.0.1:1", Timestamp::UNIX_EPOCH, None, Some(Path::new("a b.key")));
        assert!(commands.contains("token --key 'a b.key' --scope 'regulars/enroll regulars/earn regulars/account'"));
        assert_eq!(commands.matches(r#" -H "Authorization: Bearer $TOKEN""#).count(), 3);
    }
}
