//! The rules: the program document, its versions, and their evaluation.

pub(crate) mod assessment;
pub mod cap;
pub(crate) mod expression;
pub(crate) mod facts;
pub(crate) mod node;
pub(crate) mod open_days;
pub mod program;
pub(crate) mod schema;
pub(crate) mod strategy;
pub mod succession;
pub(crate) mod terms;
pub(crate) mod trigger;
pub mod version_head;
pub mod versions;
mod warnings;
