//! The handlers of this workspace, by the names of their functions in the template.

use std::sync::Arc;

use regulars_application::engine::Engine;
use regulars_store::in_the_name_of;

use super::function::Function;
use super::template::FunctionResource;

/// Wraps the handler of one crate as a function.
macro_rules! function {
    ($name:literal, $resource:expr, $engine:expr, $handle:path) => {{
        let engine = Arc::clone($engine);
        Function::new($resource.timeout, move |event, deadline| {
            let engine = Arc::clone(&engine);
            async move { in_the_name_of($name, $handle(&engine, event, deadline)).await }
        })
    }};
}

/// Returns the function of a resource; `None` if no crate has its name.
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

/// Returns the function that reads the queue of a resource and reports why messages failed; `None` if it reads no
/// queue.
pub(crate) fn queue(resource: &FunctionResource, engine: &Arc<Engine>) -> Option<Function> {
    let reads_queue = resource.is_queued && resource.name == "earn";
    reads_queue.then(|| function!("earn", resource, engine, regulars_earn::explain_batch))
}
