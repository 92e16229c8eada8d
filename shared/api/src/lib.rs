//! Everything between a front end and the rules: HTTP requests and answers, Lambda, settings and time.

pub mod clock;
pub mod deadline;
pub mod event;
pub mod http;
pub mod settings;
