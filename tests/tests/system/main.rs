//! The whole system from outside: every route, every sample event, the template, what a request costs.
//!
//! One binary for all of them, because each binary links the whole system.

mod absences;
mod alias_key;
mod answers;
mod calls;
mod canary;
mod capacity;
mod contract;
mod events;
mod fuzz;
mod permissions;
mod program_schema;
mod publishing;
mod purchases;
mod routes;
mod stalls;
mod template;
