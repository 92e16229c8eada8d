//! The event bus on AWS.

use std::{error::Error, time::Duration};

use aws_sdk_eventbridge::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    operation::put_events::PutEventsOutput,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use aws_smithy_types::DateTime;
use regulars_application::{
    engine::SdkConfig,
    settings::{SettingFault, Settings},
};

use crate::{
    bus::{Bus, NotTaken, Putting, Refused},
    event::Event,
};

/// Maximum time of one attempt, including TLS: that of the first call to the table.
const ATTEMPT: Duration = Duration::from_secs(3);

/// A bus of Amazon EventBridge.
#[derive(Debug)]
pub struct EventBridge {
    client: Client,
    bus: String,
}

impl EventBridge {
    /// Returns the bus that the settings name, over the connections of `config`.
    ///
    /// # Errors
    ///
    /// The settings name no bus.
    pub fn of_settings(config: &SdkConfig, settings: &Settings) -> Result<Self, SettingFault> {
        let bus = settings.event_bus_name.clone().ok_or(SettingFault::Missing("EVENT_BUS_NAME"))?;
        Ok(Self::new(config, bus))
    }

    /// Returns the bus with this name or ARN.
    #[must_use]
    pub fn new(config: &SdkConfig, bus: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ATTEMPT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(ATTEMPT)
            .build();
        // No retries here: `send` retries single events.
        let config = aws_sdk_eventbridge::config::Builder::from(config)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()), bus: bus.into() }
    }
}

/// Returns the texts of an error and its sources, outermost first. The SDK's own `Debug` would print a whole response.
fn causes(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        texts.push(inner.to_string());
        source = inner.source();
    }
    texts.join(": ")
}

impl Bus for EventBridge {
    fn put<'a>(&'a self, events: &'a [Event]) -> Putting<'a> {
        Box::pin(async move {
            let entries = events.iter().map(|event| {
                PutEventsRequestEntry::builder()
                    .event_bus_name(&self.bus)
                    .source(&event.source)
                    .detail_type(event.kind.name())
                    .time(DateTime::from_millis(event.time.as_millisecond()))
                    .detail(&event.json)
                    .build()
            });
            let answer = self.client.put_events().set_entries(Some(entries.collect())).send().await;
            let PutEventsOutput { entries, .. } = answer.map_err(|error| NotTaken(causes(&error)))?;
            let answered = |answer: PutEventsResultEntry| match (answer.event_id, answer.error_code) {
                (Some(_), None) => Ok(()),
                (_, code) => Err(Refused(code.unwrap_or_else(|| "no_answer".to_owned()))),
            };
            Ok(entries.unwrap_or_default().into_iter().map(answered).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
    use regulars_application::deadline::Deadline;
    use serde_json::{Value, json};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{event_type::EventType, sending::send};

    fn event(id: &str) -> Event {
        Event {
            id: id.to_owned(),
            kind: EventType::TierChanged,
            source: "regulars/demo".to_owned(),
            time: "2026-11-21T13:05:00.123Z".parse().unwrap(),
            json: json!({ "id": id }).to_string(),
        }
    }

    /// The body of the next request, which gets this answer.
    async fn answer(listener: &TcpListener, status: &str, answer: &Value) -> Value {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let body = loop {
            let mut bytes = [0; 4096];
            let read = connection.read(&mut bytes).await.unwrap();
            request.extend_from_slice(&bytes[..read]);
            let text = String::from_utf8(request.clone()).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                assert!(head.contains("AWSEvents.PutEvents"), "{head}");
                if let Ok(body) = serde_json::from_str(body) {
                    break body;
                }
            }
        };
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\n");
        let whole = format!("{head}content-length: {}\r\n\r\n{answer}", answer.len());
        connection.write_all(whole.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        body
    }

    #[tokio::test]
    async fn events_are_put_on_the_bus_and_what_it_refuses_is_put_there_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
            .region(Region::from_static("local"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "local")))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let bus = EventBridge::new(&config, "shop");
        let bodies = async {
            let throttled = json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" });
            let partly = json!({ "FailedEntryCount": 1, "Entries": [{ "EventId": "e-1" }, throttled] });
            let fault = json!({ "__type": "InternalException", "message": "on fire" });
            [
                answer(&listener, "200 OK", &partly).await,
                answer(&listener, "500 Internal Server Error", &fault).await,
                answer(&listener, "200 OK", &json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "e-2" }] })).await,
            ]
        };
        let events = [event("one"), event("two")];
        let (bodies, unsent) = tokio::join!(bodies, send(&bus, &events, Deadline::after(Duration::from_secs(20))));
        assert_eq!(unsent, []);
        let entry = |id: &str| {
            json!({
                "Time": 1_795_266_300.123, "Source": "regulars/demo", "DetailType": "regulars.tier.changed",
                "Detail": json!({ "id": id }).to_string(), "EventBusName": "shop",
            })
        };
        let again = json!({ "Entries": [entry("two")] });
        assert_eq!(bodies, [json!({ "Entries": [entry("one"), entry("two")] }), again.clone(), again]);
    }
}
