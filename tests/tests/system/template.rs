//! Compares `template.yaml` with the code: the same functions and routes, with the same scopes.
#![allow(clippy::unwrap_used, reason = "a test that meets what it did not expect ends there")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use regulars_tests::{
    event::{FUNCTIONS, PUBLISH, callers},
    template::{EVENT_ACTIONS, Function, Template},
};

#[test]
fn the_functions_of_the_template_are_the_folders_of_the_code() {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions")).unwrap();
    let folders: BTreeSet<_> = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    let named: BTreeSet<_> = Template::read().functions.into_iter().map(|function| function.name).collect();
    assert_eq!(named, folders);
    assert_eq!(named, FUNCTIONS.into_iter().chain([PUBLISH]).map(str::to_owned).collect());
}

#[test]
fn the_routes_of_the_template_are_those_of_the_code_each_under_its_scopes() {
    for Function { name, routes: deployed, .. } in Template::read().functions {
        let callers = if name == PUBLISH { Vec::new() } else { callers(&name) };
        let coded: BTreeMap<_, BTreeSet<_>> = callers
            .into_iter()
            .map(|(method, path, who)| {
                let scopes = who.scopes(&method).map(|scope| scope.as_str().to_owned()).collect();
                ((method.to_string(), path), scopes)
            })
            .collect();
        assert_eq!(deployed, coded, "{name}");
    }
}

#[test]
fn a_function_may_take_messages_from_its_own_queue_and_do_nothing_else_with_any() {
    let mut with_queue = Vec::new();
    for Function { name, queues, queue_actions, is_streamed, .. } in Template::read().functions {
        if is_streamed {
            // Lambda sends records that failed to a queue.
            assert_eq!(queue_actions, [("sqs:SendMessage".to_owned(), "PublishDeadLetterQueue".to_owned())].into());
            continue;
        }
        let taken = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
        let expected = queues.iter().flat_map(|queue| taken.map(|action| (action.to_owned(), queue.clone())));
        assert_eq!(queue_actions, expected.collect(), "{name}");
        with_queue.extend((!queues.is_empty()).then_some(name));
    }
    assert_eq!(with_queue, ["earn"]);
}

#[test]
fn the_function_that_deals_with_aliases_reads_the_secret_of_their_key_and_no_other_function_does() {
    for Function { name, secret_actions, .. } in Template::read().functions {
        let expected: &[&str] = if name == "enroll" { &["secretsmanager:GetSecretValue"] } else { &[] };
        assert_eq!(secret_actions.iter().collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn the_function_that_sends_events_reaches_the_stream_and_the_bus_and_no_item_and_no_other_function_reaches_them() {
    for Function { name, grants, event_actions, is_streamed, .. } in Template::read().functions {
        let is_publish = name == PUBLISH;
        let expected = if is_publish { EVENT_ACTIONS.map(str::to_owned).into() } else { BTreeSet::new() };
        assert_eq!((event_actions, is_streamed, grants.is_empty()), (expected, is_publish, is_publish), "{name}");
    }
}
