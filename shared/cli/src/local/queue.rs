//! `/local/queue`: delivers messages like the queue, in one batch.

use regulars_api::http::{Answer, Problem, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::function::Function;

/// Maximum number of messages of a batch, as in the template.
const MESSAGES_MAX: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    messages: Vec<Value>,
}

/// Delivers the messages in the body to `reader`, and returns how many succeeded and why others failed.
pub(crate) async fn send(reader: Option<&Function>, request: Request<'_>) -> Result<Answer, Problem> {
    let reader = reader.ok_or_else(|| Problem::fault("the template has no queue"))?;
    let Batch { messages } = request.json_body()?;
    if messages.len() > MESSAGES_MAX {
        let most = format!("A batch has at most {MESSAGES_MAX} messages.");
        return Err(Problem::body_malformed("/messages", most));
    }
    let records: Vec<_> = messages.iter().enumerate().map(record).collect();
    let told = reader.call(json!({ "Records": records })).await.map_err(Problem::fault)?;
    Ok(Answer::ok(&told))
}

/// Returns a message as the queue delivers it.
fn record((index, message): (usize, &Value)) -> Value {
    json!({
        "messageId": format!("local-{index}"),
        "body": message.to_string(),
        "attributes": { "ApproximateReceiveCount": "1" },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:local:000000000000:earn",
        "awsRegion": "local",
    })
}
