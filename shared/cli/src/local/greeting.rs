//! The first commands that a person can paste, so that points move within a minute of the start.

use jiff::Timestamp;

use super::program::PROGRAM;

/// A member is enrolled, buys something and is looked at. The purchase happens at `now` and its key is made from it, so
/// that the commands of another start are another purchase.
pub(crate) fn commands(url: &str, now: Timestamp, currency: Option<&str>) -> String {
    let members = format!("{url}/v1/programs/{PROGRAM}/members");
    let json = "-H 'Content-Type: application/json'";
    let key = now.strftime("order-%Y%m%d-%H%M%S");
    let currency = currency.unwrap_or("EUR");
    // Whole seconds, and never after `now`.
    let occurred_at = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        r#"
  curl -sS -w '\n' -X POST {members} {json} \
    -d '{{ "member": "m-1" }}'

  curl -sS -w '\n' -X POST {members}/m-1/accruals {json} -H 'Idempotency-Key: {key}' \
    -d '{{ "purchase": {{ "occurred_at": "{occurred_at}", "total": {{ "amount": 1250, "currency": "{currency}" }} }} }}'

  curl -sS -w '\n' {members}/m-1
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_name_the_server_the_instant_and_the_currency() {
        let now = "2026-11-21T13:05:06.789Z".parse().unwrap();
        let commands = commands("http://127.0.0.1:1", now, Some("GBP"));
        assert_eq!(commands.matches("curl -sS").count(), 3);
        assert_eq!(commands.matches("http://127.0.0.1:1/v1/programs/demo/members").count(), 3);
        assert!(commands.contains("Idempotency-Key: order-20261121-130506"));
        assert!(commands.contains(r#""occurred_at": "2026-11-21T13:05:06Z""#));
        assert!(commands.contains(r#""currency": "GBP""#));
    }
}
