//! Sends events in calls within the limits of the bus, and retries those that the bus rejected.

use std::time::Duration;

use regulars_application::deadline::Deadline;

use crate::{
    bus::{BYTES_MAX, Bus, EVENTS_MAX, NotTaken},
    event::Event,
};

/// Attempts per event in one invocation. If the bus still rejects it, it needs longer than an invocation lasts.
const ATTEMPTS_MAX: usize = 3;

/// The maximum pause before the second attempt; it doubles before the third.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// No call starts with less time than this left.
const CALL_TIME: Duration = Duration::from_millis(500);

/// An event that the bus rejected, or whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Its position among the events to send.
    pub index: usize,
    /// The reason: the bus's code, or `call_failed`, `no_answer`, `out_of_time`.
    pub code: String,
    /// What a failed call said, for `call_failed`.
    pub cause: Option<String>,
}

impl Unsent {
    fn new(index: usize, code: impl Into<String>) -> Self {
        Self { index, code: code.into(), cause: None }
    }
}

/// Sends `events` in order, and returns those that were not accepted, in order. Each of them may still have been sent.
pub async fn send(bus: &dyn Bus, events: &[Event], deadline: Deadline) -> Vec<Unsent> {
    let mut unsent = Vec::new();
    for call in calls(events) {
        unsent.extend(send_call(bus, call, deadline).await);
    }
    unsent
}

/// Returns `events` in calls of at most ten events and 240 KB, each event with its position.
fn calls(events: &[Event]) -> Vec<Vec<(usize, &Event)>> {
    let mut calls: Vec<Vec<(usize, &Event)>> = Vec::new();
    let mut bytes: usize = 0;
    for placed in events.iter().enumerate() {
        bytes = bytes.saturating_add(placed.1.size());
        match calls.last_mut() {
            Some(call) if call.len() < EVENTS_MAX && bytes <= BYTES_MAX => call.push(placed),
            Some(_) | None => {
                bytes = placed.1.size();
                calls.push(vec![placed]);
            }
        }
    }
    calls
}

async fn send_call(bus: &dyn Bus, call: Vec<(usize, &Event)>, deadline: Deadline) -> Vec<Unsent> {
    let mut left = call;
    let mut unsent: Vec<Unsent> = Vec::new();
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=ATTEMPTS_MAX {
        if deadline.remaining() < CALL_TIME {
            return left.iter().map(|(index, _)| Unsent::new(*index, "out_of_time")).collect();
        }
        let events: Vec<Event> = left.iter().map(|(_, event)| (*event).clone()).collect();
        unsent.clear();
        match bus.put(&events).await {
            Ok(answers) => {
                // An event without an answer is sent again.
                let mut answers = answers.into_iter();
                left.retain(|(index, _)| match answers.next() {
                    Some(Ok(())) => false,
                    Some(Err(refused)) => {
                        unsent.push(Unsent::new(*index, refused.0));
                        true
                    }
                    None => {
                        unsent.push(Unsent::new(*index, "no_answer"));
                        true
                    }
                });
            }
            Err(NotTaken(cause)) => {
                tracing::warn!(cause, attempt, "a call to the event bus failed");
                let failed = |index| Unsent { cause: Some(cause.clone()), ..Unsent::new(index, "call_failed") };
                unsent.extend(left.iter().map(|(index, _)| failed(*index)));
            }
        }
        if left.is_empty() || attempt == ATTEMPTS_MAX {
            break;
        }
        let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=millis))).await;
        pause = pause.saturating_mul(2);
    }
    unsent
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        bus::{Put, Putting, Refused},
        event_type::EventType,
    };

    fn event(id: usize, bytes: usize) -> Event {
        let json = "x".repeat(bytes);
        Event {
            id: id.to_string(),
            kind: EventType::PointsAccrued,
            source: "regulars/demo".to_owned(),
            time: "2026-11-21T13:05:00Z".parse().unwrap(),
            json,
        }
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(20))
    }

    /// A bus that gives these answers, one for each call, and then accepts everything. It stores the ids of each call.
    #[derive(Debug)]
    struct Scripted {
        answers: Mutex<Vec<Result<Put, NotTaken>>>,
        calls: Mutex<Vec<Vec<String>>>,
    }

    impl Scripted {
        fn answering(mut answers: Vec<Result<Put, NotTaken>>) -> Self {
            answers.reverse();
            Self { answers: Mutex::new(answers), calls: Mutex::default() }
        }
    }

    impl Bus for Scripted {
        fn put<'a>(&'a self, events: &'a [Event]) -> Putting<'a> {
            self.calls.lock().unwrap().push(events.iter().map(|event| event.id.clone()).collect());
            let answer = self.answers.lock().unwrap().pop();
            Box::pin(async move { answer.unwrap_or_else(|| Ok(vec![Ok(()); events.len()])) })
        }
    }

    #[tokio::test]
    async fn a_call_has_at_most_ten_events_and_240_kilobytes() {
        for (sizes, expected) in [
            (vec![1_000; 23], vec![10, 10, 3]),
            (vec![100_000; 5], vec![2, 2, 1]),
            (vec![240_000, 10_000, 240_000], vec![1, 1, 1]),
            (vec![], vec![]),
        ] {
            let events: Vec<_> = sizes.iter().enumerate().map(|(id, bytes)| event(id, *bytes)).collect();
            let bus = Scripted::answering(vec![]);
            assert_eq!(send(&bus, &events, soon()).await, []);
            let calls = bus.calls.into_inner().unwrap();
            assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{sizes:?}");
            assert_eq!(calls.concat(), (0..events.len()).map(|id| id.to_string()).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn what_a_call_does_not_take_is_sent_again_alone_and_named_if_it_fails_three_times() {
        let refused = || Err(Refused("InternalFailure".to_owned()));
        let bus = Scripted::answering(vec![
            Err(NotTaken("timeout".to_owned())),
            Ok(vec![Ok(()), refused(), refused()]),
            // The answer to the second one is missing.
            Ok(vec![Ok(())]),
        ]);
        let events = [event(0, 9), event(1, 9), event(2, 9)];
        let unsent = send(&bus, &events, soon()).await;
        assert_eq!(unsent, [Unsent::new(2, "no_answer")]);
        assert_eq!(*bus.calls.lock().unwrap(), [vec!["0", "1", "2"], vec!["0", "1", "2"], vec!["1", "2"]]);

        let bus = Scripted::answering((0..3).map(|_| Ok(vec![refused()])).collect());
        let unsent = send(&bus, &events[..1], soon()).await;
        assert_eq!(unsent, [Unsent::new(0, "InternalFailure")]);

        let bus = Scripted::answering((0..3).map(|_| Err(NotTaken("timeout".to_owned()))).collect());
        let unsent = send(&bus, &events[..1], soon()).await;
        assert_eq!(unsent, [Unsent { cause: Some("timeout".to_owned()), ..Unsent::new(0, "call_failed") }]);
    }

    #[tokio::test]
    async fn no_call_is_begun_that_there_is_no_time_for() {
        let bus = Scripted::answering(vec![]);
        let unsent = send(&bus, &[event(0, 9)], Deadline::after(Duration::ZERO)).await;
        assert_eq!(unsent, [Unsent::new(0, "out_of_time")]);
        assert!(bus.calls.lock().unwrap().is_empty());
    }
}
