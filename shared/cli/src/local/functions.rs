//! The handlers of this workspace by the names that the template gives them.

use std::sync::Arc;

use regulars_application::engine::Engine;
use regulars_store::in_the_name_of;

use super::function::Function;
use super::template::FunctionResource;

/// A function around the handler of one crate.
macro_rules! function {
    ($name:literal, $resource:expr, $engine:expr, $handle:path) => {{
        let engine = Arc::clone($engine);
        Function::new($resource.timeout, move |event, deadline| {
            let engine = Arc::clone(&engine);
            async move { in_the_name_of($name, $handle(&engine, event, deadline)).await }
        })
    }};
}

/// The function of a resource, or nothing if no crate here is called so.
pub(crate) fn function(resource: &FunctionResource, engine: &Arc<Engine>) -> Option<Function> {
    match resource.name.as_str() {
        "account" => Some(function!("account", resource, engine, regulars_account::handle)),
        "earn" => Some(function!("earn", resource, engine, regulars_earn::handle)),
        "enroll" => Some(function!("enroll", resource, engine, regulars_enroll::handle)),
        "program" => Some(function!("program", resource, engine, regulars_program::handle)),
        "redeem" => Some(function!("redeem", resource, engine, regulars_redeem::handle)),
        "tier-evaluation" => Some(function!("tier-evaluation", resource, engine, regulars_tier_evaluation::handle)),
        _ => None,
    }
}

/// What the queue of a resource is read by, telling a person why messages failed; nothing if no queue is read here.
pub(crate) fn queue(resource: &FunctionResource, engine: &Arc<Engine>) -> Option<Function> {
    let reads_queue = resource.is_queued && resource.name == "earn";
    reads_queue.then(|| function!("earn", resource, engine, regulars_earn::explain_batch))
}
